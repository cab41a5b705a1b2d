"""Rounds: people propose what to do with a picture next, a timed vote picks one, the thread's pool pays for it.

No press spends anybody's money here. The winner is made only where the pool covers all of it, and only when enough
people have voted; every other end is said in words.
"""

from __future__ import annotations

import logging
import secrets
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot import consents, options, orders, quota, sessions
from bot.errors import BadOption, EditError, NotAllowed, NotFound, TooLate
from bot.orders import Order
from bot.pictures import Pictures
from bot.settings import Settings
from bot.signals import Signals, seconds_until
from storage import accounts, grants, house, jobs, lineage, results, rounds
from storage import sessions as session_rows
from storage.allowances import AllowanceExceeded, PoolTooSmall, Terms
from storage.database import Database, Tx
from storage.lineage import Step
from storage.records import (
    Asker,
    EditRequest,
    Job,
    Place,
    Price,
    Proposal,
    Round,
    RoundState,
    Scope,
    Session,
)
from storage.windows import MINUTE

log = logging.getLogger(__name__)

#: How long a round may take, in minutes, and how many have to vote at the least: nobody chooses alone.
MOST_MINUTES: Final = 24 * 60
LEAST_QUORUM: Final = 2
MOST_QUORUM: Final = 100
#: So many prompts fit a menu that can still be read.
MOST_PROPOSALS: Final = 10
#: The longest prompt that is proposed; a form takes no longer one.
LONGEST_PROPOSAL: Final = 1000
#: The longest time without a look at the table, in seconds, in case a signal was lost.
_IDLE: Final = 5.0
#: The shortest, while a round that is due cannot be ended yet.
_BREATH: Final = 0.2


@dataclass(frozen=True, slots=True)
class RoundView:
    """A round as the people of its session see it."""

    round: Round
    session: Session
    #: The picture it is about; its bytes may be gone.
    step: Step
    #: Oldest first.
    proposals: tuple[Proposal, ...]
    #: What the winner will likely cost, and what is left in the pool that pays for it.
    price: Price
    pool: int
    #: What the winner became.
    job: Job | None
    #: Discord's id of who opened it, while known.
    opener_user_id: int | None

    @property
    def voters(self) -> int:
        """How many people have voted."""
        return sum(proposal.votes for proposal in self.proposals)

    @property
    def winner(self) -> Proposal | None:
        """The proposal that won."""
        return next((proposal for proposal in self.proposals if proposal.id == self.round.winner_id), None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a vote came out."""

    state: RoundState
    winner: Proposal | None = None


def count(proposals: Sequence[Proposal], quorum: int) -> Verdict:
    """Return how a vote comes out: the proposal with the most votes, if enough people voted and no other has as many."""
    if not proposals:
        return Verdict(RoundState.SILENT)
    if sum(proposal.votes for proposal in proposals) < quorum:
        return Verdict(RoundState.FEW)
    most = max(proposal.votes for proposal in proposals)
    first, *others = [proposal for proposal in proposals if proposal.votes == most]
    return Verdict(RoundState.TIED) if others else Verdict(RoundState.WON, first)


class Rounds:
    """The use cases behind ``/round`` and its card, and behind the loop that ends rounds."""

    def __init__(
        self,
        database: Database,
        store: Pictures,
        signals: Signals,
        settings: Settings,
        *,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._pictures = store
        self._signals = signals
        self._settings = settings
        self._terms: Final[Terms] = settings.terms
        self._clock = clock

    # what people do ----------------------------------------------------------------------------------------

    async def open(self, asker: Asker, place: Place, result_id: int, *, minutes: int, quorum: int) -> Round:
        """Open a round about a result in a thread, shown by the reply of ``place``.

        Raises:
            BadOption: the minutes or the quorum are out of bounds.
            NotAllowed: they may not edit in this session.
            NotFound: there is no such picture, or it was taken down.
            TooLate: the session has a round that is open.
        """
        if not 1 <= minutes <= MOST_MINUTES:
            raise BadOption("minutes", f"`minutes` goes from 1 to {MOST_MINUTES}, a day, and {minutes} was given.")
        if not LEAST_QUORUM <= quorum <= MOST_QUORUM:
            raise BadOption(
                "quorum",
                f"`quorum` is how many people have to vote, from {LEAST_QUORUM} to {MOST_QUORUM}, and {quorum} was given.",
            )
        now = self._clock()
        opened = await self._database.run(_open, asker, place, result_id, quorum, now, now + minutes * MINUTE)
        self._signals.rounds.set()
        return opened

    async def view(self, round_id: int) -> RoundView:
        """Return a round with everything that its card shows. Raises NotFound."""
        found = await self._database.read(_view, round_id)
        if found is None:
            raise _no_such_round()
        return found

    async def shown_by(self, message_id: int) -> RoundView | None:
        """Return the round whose card a message is, if it is one."""
        found = await self._database.read(rounds.of_message, message_id)
        return None if found is None else await self.view(found.id)

    async def current(self, session_id: int) -> Round | None:
        """Return the round of a session that is open."""
        return await self._database.read(rounds.open_in, session_id)

    async def own_proposal(self, asker: Asker, round_id: int) -> str | None:
        """Return what somebody proposed in a round.

        Raises:
            NotFound, NotAllowed, TooLate: see :meth:`propose`.
        """
        return await self._database.run(_own_proposal, asker, round_id, self._clock())

    async def propose(self, asker: Asker, round_id: int, prompt: str) -> RoundView:
        """Propose a prompt, in place of the one they had proposed, whose votes are gone then.

        Raises:
            BadOption: the prompt is empty, too long or no text; or there are enough proposals.
            NotFound: there is no such round in this server.
            NotAllowed: they may not edit in its session.
            TooLate: it has ended.
        """
        await self._database.run(_propose, asker, round_id, prompt.strip(), self._clock())
        return await self.view(round_id)

    async def vote(self, asker: Asker, round_id: int, proposal_id: int) -> RoundView:
        """Vote, or vote otherwise than before.

        Raises:
            NotFound, NotAllowed, TooLate: see :meth:`propose`; or the proposal was taken back.
        """
        await self._database.run(_vote, asker, round_id, proposal_id, self._clock())
        return await self.view(round_id)

    async def stop(self, asker: Asker, round_id: int) -> RoundView:
        """End a round without a winner: for who opened it, owns the session or moderates.

        Raises:
            NotFound, NotAllowed, TooLate: see :meth:`propose`.
        """
        await self._database.run(_stop, asker, round_id)
        self._signals.rounds.set()
        return await self.view(round_id)

    # how rounds end ----------------------------------------------------------------------------------------

    async def due(self, in_hand: int = 0) -> list[Round]:
        """Return open rounds whose time is over; beside so many that are in hand already, others find room."""
        return await self._database.read(rounds.due, self._clock(), rounds.BATCH + in_hand)

    async def untold(self, in_hand: int = 0) -> list[Round]:
        """Return rounds that ended and whose thread does not know; beside so many that are in hand already."""
        return await self._database.read(rounds.untold, rounds.BATCH + in_hand)

    async def told(self, round_id: int) -> None:
        """Record that the thread knows how a round ended."""
        await self._database.run(rounds.told, round_id, self._clock())

    async def wait(self) -> None:
        """Wait until a round may be due or untold."""
        following = await self._database.read(rounds.next_end)
        pause = seconds_until(following, self._clock(), least=_BREATH, most=_IDLE)
        await self._signals.rounds.wait(pause)

    async def verdict(self, ended: Round) -> Verdict:
        """Return how the vote of a round came out, whose time is over."""
        return count(await self._database.read(rounds.proposals, ended.id), ended.quorum)

    async def end(self, ended: Round) -> None:
        """End a round whose time is over and that nobody won. Where somebody has by now, it stays as it is."""
        await self._database.run(_end, ended.id, self._clock())

    async def make(self, ended: Round, winner_id: int, proposer: Asker, *, safety: str = "fast") -> None:
        """End a round whose time is over. The proposal that won becomes a job in the same unit of work.

        ``proposer`` is who proposed it, with the roles they have now; ``safety`` is how Runware checks what is made
        there, as the place decides now. Where it cannot be made, the round keeps the reason. Where nobody has won by
        now, the round ends so; where another proposal has, it stays as it is.
        """
        try:
            await self._check(ended, proposer)
            job = await self._database.run(
                _make, ended.id, winner_id, proposer, self._terms, self._clock(), safety=safety
            )
        except PoolTooSmall as small:
            await self.refuse(ended, winner_id, str(quota.pool_too_small(small)))
        except AllowanceExceeded as exceeded:
            await self.refuse(ended, winner_id, str(quota.over_quota(exceeded, whose="their")))
        except EditError as error:
            await self.refuse(ended, winner_id, str(error))
        else:
            if job is not None:
                log.info("round %d became job %d", ended.id, job.id, extra={"job_id": job.id})
                self._signals.queue.set()
                self._signals.notices.set()
                self._signals.alerts.set()

    async def refuse(self, ended: Round, winner_id: int, reason: str) -> None:
        """End a round whose time is over, and whose winner is not made for a reason.

        Where another proposal has won by now, the reason is not about that one, and the round stays as it is.
        """
        await self._database.run(_refuse, ended.id, winner_id, reason, self._clock())

    async def _check(self, ended: Round, proposer: Asker) -> None:
        """Decide what needs no transaction."""
        if proposer.guild_id not in self._settings.allowed_guilds:
            raise NotAllowed("This server may not spend on edits any more.")
        self._pictures.check_space()
        step = await self._database.read(lineage.step, ended.result_id)
        if step is not None and step.result.usable:  # what was taken down is refused with the transaction
            await self._pictures.get(step.result.sha256 or "")


# units of work ---------------------------------------------------------------------------------------------


async def _open(tx: Tx, asker: Asker, place: Place, result_id: int, quorum: int, now: int, ends_at: int) -> Round:
    session = await sessions.enter(tx, asker, place, now)
    await results.lock(tx, result_id)  # whoever takes it down at this moment finds the round, and ends it
    step = await _usable(tx, result_id)
    job = await jobs.known(tx, step.result.job_id)
    if job.guild_id != asker.guild_id:
        raise NotFound(f"#{result_id} is not a picture of this server.")
    await consents.check(tx, asker, session.thread_id, [options.reference_to(step.result, step.request)])
    opener_id = await accounts.ensure(tx, Scope.MEMBER, now, asker.guild_id, asker.user_id)
    opened = await rounds.open_round(
        tx,
        session_id=session.id,
        result_id=result_id,
        opener_id=opener_id,
        message_id=place.reply_id,
        quorum=quorum,
        now=now,
        ends_at=ends_at,
    )
    if opened is None:
        raise TooLate("There is a round in this thread already: wait for its end, or stop it first.")
    return opened


async def _usable(tx: Tx, result_id: int) -> Step:
    step = await lineage.step(tx, result_id)
    if step is None:
        raise NotFound.result(result_id)
    if not step.result.usable:
        raise NotFound.taken_down(result_id)
    return step


async def _view(tx: Tx, round_id: int) -> RoundView | None:
    found = await rounds.get(tx, round_id)
    session = None if found is None else await session_rows.get(tx, found.session_id)
    step = None if found is None else await lineage.step(tx, found.result_id)
    if found is None or session is None or step is None:
        return None
    like = await _child(tx, session, step, "?", lambda: 0)
    pool = await grants.pool(tx, session.guild_id, session.thread_id)
    return RoundView(
        round=found,
        session=session,
        step=step,
        proposals=tuple(await rounds.proposals(tx, round_id)),
        price=await orders.price_of(tx, session.guild_id, like),
        pool=sum(grant.left for grant in pool),
        job=None if found.job_id is None else await jobs.known(tx, found.job_id),
        opener_user_id=await accounts.holder(tx, found.opener_id),
    )


async def _entered(tx: Tx, asker: Asker, round_id: int, now: int) -> tuple[Round, int]:
    """Return a round that is open, kept to this unit, and the account of who may act in it; both rows are locked."""
    found = await rounds.get(tx, round_id)
    if found is None:
        raise _no_such_round()
    session = await session_rows.lock(tx, found.session_id)
    if session.guild_id != asker.guild_id:
        raise _no_such_round()
    await sessions.check_admitted(tx, session, asker)
    current = await rounds.lock(tx, round_id)
    if current.state is not RoundState.OPEN or now >= current.ends_at:
        raise TooLate("This round has ended.")
    return current, await accounts.ensure(tx, Scope.MEMBER, now, asker.guild_id, asker.user_id)


async def _own_proposal(tx: Tx, asker: Asker, round_id: int, now: int) -> str | None:
    current, account_id = await _entered(tx, asker, round_id, now)
    return await rounds.own_proposal(tx, current.id, account_id)


async def _propose(tx: Tx, asker: Asker, round_id: int, prompt: str, now: int) -> None:
    current, account_id = await _entered(tx, asker, round_id, now)
    if len(prompt) > LONGEST_PROPOSAL:
        raise BadOption(
            "prompt", f"A proposal takes up to {LONGEST_PROPOSAL} characters, and {len(prompt)} were given."
        )
    step = await _usable(tx, current.result_id)
    child = options.child_of(step.result, step.request, prompt, lambda: 0)
    session = await session_rows.get(tx, current.session_id)
    await consents.check(tx, asker, 0 if session is None else session.thread_id, child.references)
    mine = await rounds.own_proposal(tx, current.id, account_id)
    if mine is None and await rounds.count_proposals(tx, current.id) >= MOST_PROPOSALS:
        raise TooLate(f"A round takes {MOST_PROPOSALS} proposals, and this one has them: vote for one of these.")
    others = [one for one in await rounds.proposals(tx, current.id) if one.account_id != account_id]
    if any(_same(other.prompt, prompt) for other in others):
        raise TooLate("Somebody has proposed just that: vote for it.")
    if mine != prompt:
        await rounds.propose(tx, current.id, account_id, prompt)


def _same(one: str, other: str) -> bool:
    """Tell whether two prompts say the same, but for blanks and capital letters."""
    return one.casefold().split() == other.casefold().split()


async def _vote(tx: Tx, asker: Asker, round_id: int, proposal_id: int, now: int) -> None:
    current, account_id = await _entered(tx, asker, round_id, now)
    if not await rounds.vote(tx, current.id, account_id, proposal_id):
        raise NotFound("That proposal was taken back: vote for another one.")


async def _stop(tx: Tx, asker: Asker, round_id: int) -> None:
    found = await rounds.get(tx, round_id)
    if found is None:
        raise _no_such_round()
    session = await session_rows.lock(tx, found.session_id)
    account_id = await accounts.find(tx, Scope.MEMBER, asker.guild_id, asker.user_id)
    if session.guild_id != asker.guild_id:
        raise _no_such_round()
    if not asker.moderates and account_id not in (found.opener_id, session.owner_id):
        raise NotAllowed("Only who opened this round, the session's owner or a moderator can stop it.")
    await rounds.lock(tx, round_id)
    if not await rounds.end(tx, round_id, RoundState.STOPPED):
        raise TooLate("This round has ended.")


async def _verdict(tx: Tx, round_id: int, now: int) -> Verdict | None:
    """Return how the vote of a round came out, which is kept to this unit; ``None`` where it is not to be ended."""
    current = await rounds.lock(tx, round_id)
    if current.state is not RoundState.OPEN or now < current.ends_at:
        return None
    return count(await rounds.proposals(tx, round_id), current.quorum)


async def _won(tx: Tx, round_id: int, winner_id: int, now: int) -> Proposal | None:
    """Return the winner of a round that is to be ended, if it is the one that was meant.

    Whoever is shut out takes their proposal and vote back: then the next look finds another winner, or none.
    """
    verdict = await _verdict(tx, round_id, now)
    winner = None if verdict is None else verdict.winner
    return winner if winner is not None and winner.id == winner_id else None


async def _end(tx: Tx, round_id: int, now: int) -> None:
    """End a round that nobody won."""
    verdict = await _verdict(tx, round_id, now)
    if verdict is not None and verdict.winner is None:
        await rounds.end(tx, round_id, verdict.state)


async def _make(
    tx: Tx, round_id: int, winner_id: int, proposer: Asker, terms: Terms, now: int, *, safety: str
) -> Job | None:
    """End a round with a job of its winner, which it returns. A second call changes nothing."""
    current = await rounds.get(tx, round_id)
    if current is None:
        return None
    session = await session_rows.lock(tx, current.session_id)
    await _end(tx, round_id, now)
    winner = await _won(tx, round_id, winner_id, now)
    if winner is None or winner.user_id != proposer.user_id:
        return None
    try:
        await sessions.check_admitted(tx, session, proposer)
    except NotAllowed:  # its sentence speaks to them, and the thread reads this one
        raise NotAllowed("Whoever proposed it may not edit in this session any more.") from None
    step = await _usable(tx, current.result_id)
    request = await _child(tx, session, step, winner.prompt, lambda: secrets.randbits(32))
    request = replace(request, safety=safety)
    job = await orders.request(tx, _order(session, current, proposer, request, terms, now))
    await rounds.end(tx, round_id, RoundState.WON, winner_id=winner_id, job_id=job.id)
    return job


async def _child(tx: Tx, session: Session, step: Step, prompt: str, draw: Callable[[], int]) -> EditRequest:
    """Return the edit that a proposal asks for, as the server's rules allow it now."""
    rules = await house.get(tx, session.guild_id)
    within, _ = options.brought_within(options.child_of(step.result, step.request, prompt, draw), rules)
    return within


def _order(session: Session, ended: Round, proposer: Asker, request: EditRequest, terms: Terms, now: int) -> Order:
    place = Place(session.channel_id, ended.message_id, session.thread_id, session.public)
    return Order(proposer, place, request, str(uuid.uuid4()), terms, now, pooled=True)


async def _refuse(tx: Tx, round_id: int, winner_id: int, reason: str, now: int) -> None:
    """End a round whose winner cannot be made."""
    if await _won(tx, round_id, winner_id, now) is not None:
        await rounds.end(tx, round_id, RoundState.REFUSED, winner_id=winner_id, reason=reason)


def _no_such_round() -> NotFound:
    return NotFound("There is no such round here.")
