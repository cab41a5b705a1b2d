"""Who may edit in a session, and what its owner does with it.

A session is one thread's edits and the people in it. It opens by itself, with the first edit in its thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from bot.errors import NotAllowed, NotFound, TooLate
from bot.signals import Signals
from storage import accounts, grants, lineage, rounds, sessions, stars
from storage.database import Database, Tx
from storage.lineage import Step
from storage.records import Access, Asker, Grant, Membership, Place, Round, RoundState, Scope, Session, SessionState
from storage.sessions import Share
from storage.stars import Shelf

log = logging.getLogger(__name__)

_CLOSED: Final = "This session is closed; open it again first, with `/session reopen`."
#: So many of a session's best results are shown.
BEST_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session as the people in it see it; people by Discord's ids, while known."""

    session: Session
    owner_user_id: int | None
    #: Whom the owner invited and removed.
    invited: tuple[int, ...]
    removed: tuple[int, ...]
    #: Who did how much, who made most first.
    shares: tuple[Share, ...]
    #: How many pictures each of them made, by their accounts, also those that were taken down.
    pictures: Mapping[int, int]
    #: The results with the most stars, the most first.
    best: tuple[Step, ...]
    #: What the pool has.
    pool: tuple[Grant, ...]
    #: The round that is open.
    round: Round | None


class Sessions:
    """The use cases behind ``/session``."""

    def __init__(self, database: Database, signals: Signals, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._signals = signals
        self._clock = clock

    async def of_thread(self, guild_id: int, thread_id: int) -> Session:
        """Return the session of a thread. Raises NotFound where no edit was ever asked for."""
        found = await self._database.read(sessions.of_thread, guild_id, thread_id)
        if found is None:
            raise NotFound("There is no session here yet: it begins with the first edit in this thread.")
        return found

    async def get(self, session_id: int) -> Session:
        """Return a session. Raises NotFound."""
        found = await self._database.read(sessions.get, session_id)
        if found is None:
            raise NotFound("There is no such session.")
        return found

    async def view(self, session: Session) -> SessionView:
        """Return everything about a session that the people in it see."""
        return await self._database.read(_view, session)

    async def check_admitted(self, asker: Asker, thread_id: int | None) -> None:
        """Refuse, before anything is read or held, who may not edit in a thread now. Raises NotAllowed."""
        if thread_id is not None:
            await self._database.read(_check_here, asker, thread_id)

    # what an owner does ------------------------------------------------------------------------------------

    async def invite(self, owner: Asker, session_id: int, user_id: int) -> Session:
        """Let a person in, also one who was removed. Raises NotAllowed, NotFound, TooLate."""
        return await self._database.run(_invite, owner, session_id, user_id, self._clock())

    async def remove(self, owner: Asker, session_id: int, user_id: int) -> Session:
        """Shut a person out; what they proposed and voted in an open round is taken back.

        Edits of theirs that were asked for go on.

        Raises:
            NotAllowed: it is not theirs to say, or the person owns the session.
            NotFound, TooLate: see :meth:`close`.
        """
        return await self._database.run(_remove, owner, session_id, user_id, self._clock())

    async def hand_over(self, owner: Asker, session_id: int, user_id: int) -> Session:
        """Make another person the owner; one who was removed is let in. Raises NotAllowed, NotFound, TooLate."""
        return await self._database.run(_hand_over, owner, session_id, user_id, self._clock())

    async def set_access(self, owner: Asker, session_id: int, access: Access, role_id: int | None = None) -> Session:
        """Say who may edit.

        Where it is invited people from now on, what all others proposed and voted in an open round is taken back; only
        Discord knows who of them moderates, so moderators have to propose and vote again. Who has a role is known to
        Discord alone too: where it is a role's holders from now on, what was voted before stays.

        Raises:
            NotAllowed, NotFound, TooLate: see :meth:`close`.
        """
        return await self._database.run(_set_access, owner, session_id, access, role_id)

    async def lock(self, owner: Asker, session_id: int) -> Session:
        """Have nobody but the owner and moderators go on. Raises NotAllowed, NotFound, TooLate."""
        return await self._database.run(_set_state, owner, session_id, SessionState.LOCKED, self._clock())

    async def close(self, owner: Asker, session_id: int) -> Session:
        """End a session: nobody goes on; edits that were asked for come to their end, an open round is stopped.

        Whoever closes it posts its summary, and then calls :meth:`summed_up`. Where that was cut short, it can be
        closed once more.

        Raises:
            NotAllowed: they neither own it nor manage messages here.
            NotFound: there is no such session in this server.
            TooLate: it is closed already, and summed up.
        """
        session = await self._database.run(_close, owner, session_id, self._clock())
        self._signals.rounds.set()
        return session

    async def summed_up(self, closed: Session) -> None:
        """Record that the summary of a session was posted, as :meth:`close` returned it."""
        await self._database.run(sessions.sum_up, closed, self._clock())

    async def reopen(self, owner: Asker, session_id: int) -> Session:
        """Open a session that is locked or closed. Raises NotAllowed, NotFound, TooLate."""
        return await self._database.run(_set_state, owner, session_id, SessionState.OPEN, self._clock())


# units of work ---------------------------------------------------------------------------------------------


async def enter(tx: Tx, asker: Asker, place: Place, now: int) -> Session:
    """Return the session of a place, kept to this unit, in which the asker may edit; the first edit opens it.

    Raises:
        NotAllowed: they may not; the sentence says why and what they can do.
    """
    session = await sessions.ensure(tx, asker, place, now)
    await check_admitted(tx, session, asker)
    return session


async def check_admitted(tx: Tx, session: Session, asker: Asker) -> None:
    """Raise NotAllowed, with a sentence that says why, where somebody may not edit in a session now."""
    if session.state is SessionState.CLOSED:
        raise NotAllowed(
            f"This session is closed: {await _owner(tx, session)} or a moderator can open it again with "
            "`/session reopen`. Elsewhere, `/edit from:` carries on from any picture of it."
        )
    if session.state is SessionState.LOCKED and not await _leads(tx, session, asker):
        raise NotAllowed(f"This session is locked: only {await _owner(tx, session)} and moderators go on here.")
    await check_let_in(tx, session, asker)


async def check_let_in(tx: Tx, session: Session, asker: Asker) -> None:
    """Raise NotAllowed where somebody is not among the people of a session, be it open, locked or closed."""
    if await _leads(tx, session, asker):
        return
    account_id = await accounts.find(tx, Scope.MEMBER, asker.guild_id, asker.user_id)
    said = None if account_id is None else await sessions.membership(tx, session.id, account_id)
    if said is Membership.REMOVED:
        raise NotAllowed(
            f"You were removed from this session by {await _owner(tx, session)}: you can look, and edit elsewhere."
        )
    if said is Membership.INVITED or session.access is Access.OPEN:
        return
    if session.access is Access.INVITED:
        raise NotAllowed(
            f"This session is for people whom {await _owner(tx, session)} invited: ask for `/session invite`, "
            "or edit elsewhere."
        )
    if session.role_id not in asker.role_ids:
        raise NotAllowed(f"This session is for <@&{session.role_id}>: you can look, and edit elsewhere.")


async def _leads(tx: Tx, session: Session, asker: Asker) -> bool:
    """Return whether somebody owns a session or moderates where it is."""
    if asker.moderates:
        return True
    return await accounts.find(tx, Scope.MEMBER, asker.guild_id, asker.user_id) == session.owner_id


async def _owner(tx: Tx, session: Session) -> str:
    """Return how a sentence names the owner."""
    user_id = await accounts.holder(tx, session.owner_id)
    return "its owner" if user_id is None else f"<@{user_id}>"


async def _check_here(tx: Tx, asker: Asker, thread_id: int) -> None:
    session = await sessions.of_thread(tx, asker.guild_id, thread_id)
    if session is not None:
        await check_admitted(tx, session, asker)


async def _view(tx: Tx, session: Session) -> SessionView:
    people = await sessions.people(tx, session.id)
    by_membership = {
        said: tuple(user_id for user_id, what in people if what is said and user_id is not None) for said in Membership
    }
    best = await stars.page(tx, Shelf.SESSION, session.id, stars.START, BEST_SHOWN)
    return SessionView(
        session=session,
        owner_user_id=await accounts.holder(tx, session.owner_id),
        invited=by_membership[Membership.INVITED],
        removed=by_membership[Membership.REMOVED],
        shares=tuple(await sessions.shares(tx, session.id)),
        pictures=await sessions.pictures(tx, session.id),
        best=tuple(await lineage.steps(tx, [entry.result_id for entry in best])),
        pool=tuple(await grants.pool(tx, session.guild_id, session.thread_id)),
        round=await rounds.open_in(tx, session.id),
    )


async def _owned(tx: Tx, owner: Asker, session_id: int, *, closed: bool = False) -> Session:
    """Return a session kept to this unit, if this is its owner or a moderator; ``closed``: also one that is over.

    Raises:
        NotFound, NotAllowed, TooLate: see :meth:`Sessions.close`.
    """
    found = await sessions.get(tx, session_id)
    if found is None or found.guild_id != owner.guild_id:
        raise NotFound("That session is not of this server.")
    session = await sessions.lock(tx, session_id)
    if not await _leads(tx, session, owner):
        whose = await _owner(tx, session)
        raise NotAllowed(f"Only {whose}, who owns this session, and those who manage messages can do this.")
    if session.state is SessionState.CLOSED and not closed:
        raise TooLate(_CLOSED)
    return session


async def _invite(tx: Tx, owner: Asker, session_id: int, user_id: int, now: int) -> Session:
    session = await _owned(tx, owner, session_id)
    account_id = await accounts.ensure(tx, Scope.MEMBER, now, owner.guild_id, user_id)
    if account_id == session.owner_id:
        raise TooLate(f"<@{user_id}> owns this session, and needs no invitation.")
    await sessions.set_membership(tx, session_id, account_id, Membership.INVITED)
    return session


async def _remove(tx: Tx, owner: Asker, session_id: int, user_id: int, now: int) -> Session:
    session = await _owned(tx, owner, session_id)
    account_id = await accounts.ensure(tx, Scope.MEMBER, now, owner.guild_id, user_id)
    if account_id == session.owner_id:
        raise NotAllowed("The owner can't be removed: hand the session over first, with `/session owner`.")
    await sessions.set_membership(tx, session_id, account_id, Membership.REMOVED)
    current = await _lock_round(tx, session_id)
    if current is not None:
        await rounds.withdraw(tx, current.id, account_id)
    return session


async def _hand_over(tx: Tx, owner: Asker, session_id: int, user_id: int, now: int) -> Session:
    session = await _owned(tx, owner, session_id)
    account_id = await accounts.ensure(tx, Scope.MEMBER, now, owner.guild_id, user_id)
    if account_id == session.owner_id:
        raise TooLate(f"<@{user_id}> owns this session already.")
    # Whoever had it goes on in it, be it for invited people only.
    await sessions.set_membership(tx, session_id, session.owner_id, Membership.INVITED)
    await sessions.set_membership(tx, session_id, account_id, None)
    await sessions.set_owner(tx, session_id, account_id)
    return await sessions.lock(tx, session_id)


async def _set_access(tx: Tx, owner: Asker, session_id: int, access: Access, role_id: int | None) -> Session:
    session = await _owned(tx, owner, session_id)
    await sessions.set_access(tx, session_id, access, role_id)
    if access is Access.INVITED and session.access is not Access.INVITED:
        await _withdraw_uninvited(tx, session, owner)
    return await sessions.lock(tx, session_id)


async def _withdraw_uninvited(tx: Tx, session: Session, presser: Asker) -> None:
    """Take back what people did in an open round who were not invited; who says so is the owner or a moderator."""
    current = await _lock_round(tx, session.id)
    if current is None:
        return
    stay = {session.owner_id, await accounts.find(tx, Scope.MEMBER, presser.guild_id, presser.user_id)}
    for account_id in await rounds.people(tx, current.id):
        said = await sessions.membership(tx, session.id, account_id)
        if account_id not in stay and said is not Membership.INVITED:
            await rounds.withdraw(tx, current.id, account_id)


async def _lock_round(tx: Tx, session_id: int) -> Round | None:
    """Return the open round of a session, if there is one, locked before anything of it is changed."""
    current = await rounds.open_in(tx, session_id)
    if current is not None:
        await rounds.lock(tx, current.id)
    return current


async def _set_state(tx: Tx, owner: Asker, session_id: int, state: SessionState, now: int) -> Session:
    session = await _owned(tx, owner, session_id, closed=state is SessionState.OPEN)
    if session.state is state:
        raise TooLate(f"This session is {state.value} already.")
    await sessions.set_state(tx, session_id, state, now)
    return await sessions.lock(tx, session_id)


async def _close(tx: Tx, owner: Asker, session_id: int, now: int) -> Session:
    session = await _owned(tx, owner, session_id, closed=True)
    if session.state is SessionState.CLOSED:
        if await sessions.is_summed_up(tx, session_id):
            raise TooLate(_CLOSED)
        return session
    await sessions.set_state(tx, session_id, SessionState.CLOSED, now)
    current = await _lock_round(tx, session_id)
    if current is not None:
        await rounds.end(tx, current.id, RoundState.STOPPED)
    return await sessions.lock(tx, session_id)
