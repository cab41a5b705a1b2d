"""The use cases of sweeps: asked, answered, looked at, cancelled; and what the loop that draws their cards pulls."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from bot import consents, options, orders, quota, sessions
from bot.edits import OFFER_LIFE, Edits, as_checked
from bot.errors import BadOption, NotAllowed, NotFound, TooLate
from bot.orders import Order
from bot.settings import Settings
from bot.signals import Signals, seconds_until
from bot.sweeps._axes import count
from bot.sweeps._plans import Plan, label, request_of
from bot.sweeps._views import CellView, Note, SweepView
from storage import accounts, jobs, ledger, pauses, pictures, results, servers, sweeps
from storage.allowances import AllowanceExceeded, PoolTooSmall, Terms
from storage.database import Database, Tx
from storage.records import Asker, EditRequest, Job, Origin, Place, Price, Scope, Server, Status
from storage.sweeps import Sweep, SweepState

log = logging.getLogger(__name__)

QUESTION_GONE: Final = "That question was answered already, or an hour has passed: ask for the sweep again."
#: After so many failures in a row a card stays as it is until something changes.
MAX_TRIES: Final = 8
#: What Discord does not let be changed for the moment is tried again after so long, in milliseconds.
BEHIND_PAUSE: Final = 300_000
#: The longest time without a look at the table, in seconds, in case a signal was lost.
_IDLE: Final = 5.0


#: Why a cell cannot be made.
_Refusal: TypeAlias = AllowanceExceeded | PoolTooSmall | BadOption


@dataclass(frozen=True, slots=True)
class _Begun:
    """What became of a yes: the limits that kept cells from being made, or nothing, as the price has risen."""

    repriced: bool = False
    exceeded: tuple[AllowanceExceeded, ...] = ()


class Sweeps:
    """The use cases behind ``/sweep`` and its card."""

    def __init__(
        self, database: Database, edits: Edits, signals: Signals, settings: Settings, *, clock: Callable[[], int]
    ) -> None:
        self._database = database
        self._edits = edits
        self._signals = signals
        self._retry = int(settings.announce_retry_seconds * 1000)
        self._interval = int(settings.card_interval_seconds * 1000)
        self._terms: Final = settings.terms
        self._clock = clock

    # asking and answering ----------------------------------------------------------------------------------

    async def ask(self, asker: Asker, place: Place, plan: Plan) -> SweepView:
        """Write a sweep down as a question; nothing is held for it.

        Raises:
            NotAllowed: the server may not spend; the asker may not edit here; or it costs more than a manager lets
                pass, and a sweep waits for none.
            OutOfSpace, Paused: see :meth:`bot.edits.Edits.check_here`.
        """
        await self._edits.check(asker)
        sweep_id = await self._database.run(_ask, asker, place, plan, self._clock())
        return await self._asked(sweep_id, asker)

    async def _asked(self, sweep_id: int, asker: Asker) -> SweepView:
        """Return a sweep as its question shows it."""
        return replace(await self.view(sweep_id), doubts=await self._doubts(sweep_id, asker))

    async def _doubts(self, sweep_id: int, asker: Asker) -> dict[int, str]:
        """Return the cells that a yes would not make as things stand, each with why: it is tried, and nothing is kept."""
        try:
            await self._database.run(_rehearse, sweep_id, asker, self._terms, self._clock())
        except _Rehearsed as rehearsed:
            return rehearsed.refused
        raise AssertionError("a rehearsal always ends in an exception, so that nothing of it is kept")

    async def question(self, sweep_id: int, asker: Asker) -> Sweep:
        """Return a sweep that still waits for its asker, to them alone. Raises NotFound or NotAllowed."""
        found = await self._database.read(sweeps.get, sweep_id)
        asked = found is not None and found.state is SweepState.ASKED and found.guild_id == asker.guild_id
        if found is None or not asked or self._clock() - found.made_at >= OFFER_LIFE:
            raise NotFound(QUESTION_GONE)
        if found.user_id != asker.user_id:
            raise NotAllowed("Only the person who asked for this sweep can answer: it is their allowance.")
        return found

    async def accept(self, sweep_id: int, asker: Asker, *, shown: int | None = None, safety: str = "fast") -> SweepView:
        """Say yes: every cell becomes a job, or gets a reason why it does not. Of two presses one wins.

        When the price has risen by more than a quarter since it was said, the question stands anew at the new one.
        ``shown`` is the price that was said yes to, in micro-dollars; if left out, that of the question as it stands.
        ``safety``: how Runware checks what is made there, as the place decides now; what was to be checked is.

        Raises:
            NotFound, NotAllowed: see :meth:`question` and :meth:`ask`.
            OverQuota, BadOption: no cell can be made; the question stands for another try.
            OutOfSpace, Paused: as for an edit; so does it here.
        """
        asked = await self.question(sweep_id, asker)
        await self._edits.check(asker)
        try:
            begun = await self._database.run(_begin, sweep_id, asker, shown, safety, self._terms, self._clock())
        except AllowanceExceeded as exceeded:
            await self._edits.used_up(asker.guild_id, exceeded)
            raise quota.over_quota(exceeded) from exceeded
        except PoolTooSmall as small:
            raise quota.pool_too_small(small) from small
        for exceeded in begun.exceeded:
            await self._edits.used_up(asker.guild_id, exceeded)
        if not begun.repriced:
            log.info("sweep %d of %d cells begins", sweep_id, count(asked.axes))
            self._signals.queue.set()
            self._signals.notices.set()
            self._signals.sweeps.set()
            return await self.view(sweep_id)
        return await self._asked(sweep_id, asker)

    async def decline(self, sweep_id: int, asker: Asker) -> Sweep:
        """Say no; returns what was asked. Raises NotFound or NotAllowed as :meth:`question`."""
        asked = await self.question(sweep_id, asker)
        if not await self._database.run(sweeps.forget, sweep_id):
            raise NotFound(QUESTION_GONE)
        return asked

    async def cancel_rest(self, sweep_id: int, *, asker: Asker, manages: bool) -> int:
        """Cancel the cells that were not sent yet, and give their holds back; returns how many.

        Raises:
            NotFound: there is no such sweep here.
            NotAllowed: it is somebody else's, and the presser does not manage messages here.
            TooLate: all its cells were sent.
        """
        found = await self._database.read(sweeps.get, sweep_id)
        if found is None or found.guild_id != asker.guild_id:
            raise NotFound("That sweep is not of this server.")
        if found.user_id != asker.user_id and not manages:
            raise NotAllowed(
                "Only the person who asked for this sweep, or somebody who manages messages, can cancel the rest of it."
            )
        cancelled = await self._database.run(_cancel_rest, sweep_id, self._clock(), self._interval)
        if not cancelled:
            raise TooLate(
                "All cells of this sweep were already sent, so none can be cancelled: what comes of them is paid."
            )
        self._signals.notices.set()
        return cancelled

    # looking -----------------------------------------------------------------------------------------------

    async def view(self, sweep_id: int) -> SweepView:
        """Return a sweep with everything that its card shows. Raises NotFound."""
        found = await self._database.read(_view, sweep_id)
        if found is None:
            raise NotFound("There is no such sweep here.")
        return found

    async def note(self, job: Job) -> Note | None:
        """Return what a message about a job says of the sweep that it is a cell of, if it is one."""
        return None if job.sweep_id is None else await self._database.read(_note, job.sweep_id, job.id)

    # the card ----------------------------------------------------------------------------------------------

    async def changed(self, job: Job) -> None:
        """Have the card of a job's sweep tell how the job stands; at once, where a picture has to go from it."""
        if job.sweep_id is None:
            return
        await self._database.run(_changed, job.sweep_id, job.id, self._clock(), self._interval)
        self._signals.sweeps.set()

    async def due(self, in_hand: int = 0) -> list[Sweep]:
        """Return the sweeps whose card is to be drawn; beside so many that are in hand already, others find room."""
        return await self._database.read(sweeps.due, self._clock(), sweeps.BATCH + in_hand)

    async def wait(self) -> None:
        """Wait until a card may be due."""
        now = self._clock()
        following = await self._database.read(sweeps.next_due, now)
        await self._signals.sweeps.wait(seconds_until(following, now, most=_IDLE))

    def wake(self) -> None:
        """Have the loop look again: one that was in hand is not any more."""
        self._signals.sweeps.set()

    async def placed(self, sweep_id: int, thread_id: int) -> None:
        """Record the thread that was made or found for a sweep."""
        await self._database.run(sweeps.placed, sweep_id, thread_id)

    async def shown(self, view: SweepView) -> None:
        """Record that the card shows a sweep as it was seen; a newer one is drawn again soon."""
        await self._database.run(sweeps.shown, view.sweep.id, view.sweep.version, self._clock(), self._interval)

    async def done(self, sweep_id: int) -> None:
        """Record that all cells of a sweep are over."""
        await self._database.run(sweeps.done, sweep_id)

    async def told(self, sweep_id: int) -> None:
        """Record that the thread knows that a sweep is over."""
        await self._database.run(sweeps.told, sweep_id, self._clock())

    async def later(self, sweep: Sweep, *, behind: bool = False) -> bool:
        """Draw a card after a while of its own, doubling each time; returns whether it is tried again at all.

        ``behind``: Discord lets it not be changed for the moment, which counts as no failure.
        """
        now = self._clock()
        pause = BEHIND_PAUSE if behind else self._retry * 2 ** min(MAX_TRIES, sweep.notice_tries)
        tries = await self._database.run(sweeps.later, sweep.id, now + pause, failed=not behind)
        if behind or tries < MAX_TRIES:
            return True
        await self.give_up(sweep)
        return False

    async def give_up(self, sweep: Sweep) -> None:
        """Leave a card as it is until something changes."""
        await self._database.run(sweeps.give_up, sweep.id, sweep.version)


# units of work ---------------------------------------------------------------------------------------------


async def _ask(tx: Tx, asker: Asker, place: Place, plan: Plan, now: int) -> int:
    await orders.check_pause(tx, asker.guild_id, place.channel_id)
    price = _sum([await orders.price_of(tx, asker.guild_id, request) for request in plan.requests])
    _check_price(await servers.get(tx, asker.guild_id), price)
    session = await sessions.enter(tx, asker, place, now)
    await consents.check(tx, asker, session.thread_id, plan.request.references)
    account_id = await accounts.ensure(tx, Scope.MEMBER, now, asker.guild_id, asker.user_id)
    origin = Origin(session.channel_id, session.thread_id)
    await consents.settle(tx, asker.guild_id, account_id, origin, plan.request.references)
    await pictures.used_again(tx, [reference.sha256 for reference in plan.request.references], now)
    return await sweeps.add(
        tx,
        guild_id=asker.guild_id,
        account_id=account_id,
        place=place,
        request=plan.request,
        axes=plan.axes,
        refusals=plan.refusals,
        price=price.estimate,
        now=now,
    )


def _sum(prices: Sequence[Price]) -> Price:
    """Return what several edits cost together."""
    return Price(sum(price.estimate for price in prices), sum(price.hold for price in prices), prices[0].basis)


def _check_price(server: Server, price: Price) -> None:
    """Refuse a sweep that a manager would have to approve. Raises NotAllowed."""
    above = server.approve_above
    if above is not None and price.estimate > above:
        raise NotAllowed(
            f"In this server, a manager approves what costs more than {quota.dollars(above)}, and a sweep cannot wait "
            f"for that. All cells of this one cost about {quota.dollars(price.estimate)}: sweep fewer values, or ask "
            "for single edits."
        )


async def _begin(tx: Tx, sweep_id: int, asker: Asker, shown: int | None, safety: str, terms: Terms, now: int) -> _Begun:
    """Make a job for each cell, or write down why not; all of it or nothing."""
    found = await sweeps.get(tx, sweep_id)
    if found is None or found.state is not SweepState.ASKED:
        raise NotFound(QUESTION_GONE)
    server = await servers.get(tx, found.guild_id)
    cells = await _priced(tx, found, safety)
    price = _sum([price for _, price in cells.values()])
    _check_price(server, price)
    if price.estimate > orders.dearer(found.price if shown is None else shown):
        await sweeps.reprice(tx, sweep_id, price.estimate)
        return _Begun(repriced=True)
    if not await sweeps.begin(tx, sweep_id, now):
        raise NotFound(QUESTION_GONE)
    refused = await _make(tx, found, asker, cells, server, terms, now)
    if len(refused) == len(cells):
        raise next(iter(refused.values()))  # nothing of it is kept
    return _Begun(exceeded=tuple(one for one in refused.values() if isinstance(one, AllowanceExceeded)))


async def _rehearse(tx: Tx, sweep_id: int, asker: Asker, terms: Terms, now: int) -> None:
    """Make a question's cells and raise :class:`_Rehearsed` with those that cannot be made, so that nothing is kept."""
    found = await sweeps.get(tx, sweep_id)
    if found is None:
        raise NotFound(QUESTION_GONE)
    cells = await _priced(tx, found, found.request.safety)
    refused = await _make(tx, found, asker, cells, await servers.get(tx, found.guild_id), terms, now)
    raise _Rehearsed({place: _in_words(refusal, whose="your") for place, refusal in refused.items()})


class _Rehearsed(Exception):
    """Jobs were made that nobody asked for: whoever meets this has them rolled back."""

    def __init__(self, refused: dict[int, str]) -> None:
        super().__init__(len(refused))
        self.refused = refused


async def _priced(tx: Tx, found: Sweep, safety: str) -> dict[int, tuple[EditRequest, Price]]:
    """Return what each cell asks for that is not refused, and what it costs now, by its place."""
    asked = as_checked(found.request, safety)
    places = [cell.place for cell in await sweeps.cells(tx, found.id) if cell.refusal is None]
    requests = {place: request_of(asked, found.axes, place) for place in places}
    return {place: (request, await orders.price_of(tx, found.guild_id, request)) for place, request in requests.items()}


async def _make(
    tx: Tx,
    found: Sweep,
    asker: Asker,
    cells: Mapping[int, tuple[EditRequest, Price]],
    server: Server,
    terms: Terms,
    now: int,
) -> dict[int, _Refusal]:
    """Make a job for each cell; return those that cannot be made, each with why, and write that down."""
    refused: dict[int, _Refusal] = {}
    for place, (request, price) in cells.items():
        order = Order(asker, found.place, request, str(uuid.uuid4()), terms, now, sweep_id=found.id)
        try:
            options.check(request)
            job = await orders.make(tx, order, server, price)
        except (AllowanceExceeded, PoolTooSmall, BadOption) as refusal:
            refused[place] = refusal
            await sweeps.refuse(tx, found.id, place, _in_words(refusal))
        else:
            await sweeps.bind(tx, found.id, place, job.id)
    return refused


def _in_words(refusal: _Refusal, whose: str = "the asker's") -> str:
    if isinstance(refusal, AllowanceExceeded):
        return str(quota.over_quota(refusal, whose=whose))
    return str(quota.pool_too_small(refusal) if isinstance(refusal, PoolTooSmall) else refusal)


async def _cancel_rest(tx: Tx, sweep_id: int, now: int, card_interval: int) -> int:
    cancelled = 0
    for cell in await sweeps.cells(tx, sweep_id):
        if cell.job_id is not None and await jobs.move(tx, cell.job_id, Status.CANCELLED, now):
            await ledger.release(tx, await jobs.known(tx, cell.job_id), now)
            cancelled += 1
    if cancelled:
        await jobs.queue_moved(tx, now, card_interval)
    return cancelled


async def _view(tx: Tx, sweep_id: int) -> SweepView | None:
    found = await sweeps.get(tx, sweep_id)
    if found is None:
        return None
    cells: list[CellView] = []
    for cell in await sweeps.cells(tx, sweep_id):
        job = None if cell.job_id is None else await jobs.known(tx, cell.job_id)
        made = [] if job is None else await results.of_job(tx, job.id)
        cells.append(CellView(cell.place, label(found.axes, cell.place), cell.refusal, job, made[0] if made else None))
    view = SweepView(found, tuple(cells), await _price(tx, found, cells))
    pause = await pauses.covering(tx, found.guild_id, found.place.channel_id) if view.cancellable else None
    return replace(view, pause=pause)


async def _price(tx: Tx, found: Sweep, cells: Sequence[CellView]) -> Price:
    """Return what the cells that are not refused cost together: as their jobs were made, or as they would be now."""
    made = [Price(cell.job.estimate, cell.job.hold, cell.job.basis) for cell in cells if cell.job is not None]
    if made:
        return _sum(made)
    requests = [request_of(found.request, found.axes, cell.place) for cell in cells if cell.refusal is None]
    return _sum([await orders.price_of(tx, found.guild_id, request) for request in requests])


async def _note(tx: Tx, sweep_id: int, job_id: int) -> Note | None:
    found = await sweeps.get(tx, sweep_id)
    if found is None:
        return None
    place = await sweeps.place_of(tx, sweep_id, job_id)
    return Note(found, place + 1, count(found.axes), label(found.axes, place))


async def _changed(tx: Tx, sweep_id: int, job_id: int, now: int, interval: int) -> None:
    if any(result.deleted_at is not None for result in await results.of_job(tx, job_id)):
        await sweeps.hurry(tx, sweep_id, now)
    else:
        await sweeps.touch(tx, sweep_id, now, interval)
