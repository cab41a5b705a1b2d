"""Units of work that make jobs of requests: offered, held and queued; approved, declined. One transaction each.

Locks are taken in one order: the session's row, the results that are used, accounts by their ids, then grants.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from bot import alerts, consents, drafts, options, prices, quota, sessions
from bot.errors import NoConsent, NotFound, Paused, TooLate
from storage import (
    accounts,
    allowances,
    announcements,
    audit,
    authors,
    claims,
    house,
    jobs,
    ledger,
    lineage,
    offers,
    pauses,
    pictures,
    results,
    servers,
)
from storage import drafts as written
from storage import prices as lessons
from storage.allowances import Admission, Demand, Terms
from storage.database import Tx
from storage.offers import Offer
from storage.records import Asker, EditRequest, House, Job, Origin, Place, Price, Scope, Server, Status
from storage.windows import zone_of

#: The code of jobs that a manager declined.
DECLINED: Final = "declined"
OFFER_GONE: Final = "That question was answered or asked anew already, or an hour has passed: ask for the edit again."
ANSWERED: Final = "That edit does not wait for a manager any more: it was answered, cancelled, or a day has passed."
#: An edit that costs more than what was shown, in percent of it, is asked about again.
_DEARER_PERCENT: Final = 125


@dataclass(frozen=True, slots=True)
class Order:
    """All that is needed to make a job of a request."""

    asker: Asker
    place: Place
    request: EditRequest
    task_uuid: str
    terms: Terms
    now: int
    #: Chosen in a round: the thread's pool pays all of it or it is not made, and no reply stands for it yet.
    pooled: bool = False
    #: The draft it was written as.
    draft_id: int | None = None
    #: The sweep that it is a cell of.
    sweep_id: int | None = None


class Rehearsed(Exception):
    """A job was made that nobody asked for: whoever raises this rolls it back."""

    def __init__(self, job: Job) -> None:
        super().__init__(job.id)
        self.job = job


async def rehearse(tx: Tx, order: Order) -> None:
    """Make a job and raise :class:`Rehearsed` with it, so that nothing of it is kept."""
    raise Rehearsed(await request(tx, order))


async def foresee(tx: Tx, order: Order) -> tuple[Price, bool]:
    """Return what a request would cost, and whether its asker would be asked first."""
    server = await servers.get(tx, order.asker.guild_id)
    price = await price_of(tx, order.asker.guild_id, order.request)
    return price, await _is_news(tx, order.asker, server, price, None)


async def _is_news(tx: Tx, asker: Asker, server: Server, price: Price, shown: int | None) -> bool:
    """Tell whether a price needs a question: above what the member or the server set, or well above what was shown."""
    asks = await asks_above(tx, asker, server)
    known = None if shown is None else dearer(shown)
    return any(bound is not None and price.estimate > bound for bound in (asks, known))


def dearer(shown: int) -> int:
    """Return up to which price an edit is not dearer than what was shown, in micro-dollars."""
    return shown * _DEARER_PERCENT // 100


async def asks_above(tx: Tx, asker: Asker, server: Server) -> int | None:
    """Return the lower of the prices that the server and the member want to be asked about."""
    account_id = await accounts.find(tx, Scope.MEMBER, asker.guild_id, asker.user_id)
    own = None if account_id is None else await servers.confirm_above(tx, account_id)
    return min((bound for bound in (server.confirm_above, own) if bound is not None), default=None)


async def ask(tx: Tx, order: Order, shown: int | None) -> Job | Offer:
    """Make a job of a request, or an offer where its price is news. ``shown``: the price its asker has seen.

    The draft that a job was written as goes with it: of two presses that send it, one does. With an offer it stays, for
    its asker may say no; an earlier offer of it does not, or two answers would make two jobs of one draft.
    """
    made = await _asked(tx, order, shown)
    if order.draft_id is not None:
        if isinstance(made, Job):
            await drafts.take(tx, order.draft_id, order.asker, order.now)
        else:
            await drafts.hold(tx, order.draft_id, order.asker, order.now)
        await offers.supersede(tx, order.draft_id, by=made.id if isinstance(made, Offer) else None)
    return made


async def _asked(tx: Tx, order: Order, shown: int | None) -> Job | Offer:
    asker = order.asker
    server, price = await servers.get(tx, asker.guild_id), await price_of(tx, asker.guild_id, order.request)
    if not await _is_news(tx, asker, server, price, shown):
        return await make(tx, order, server, price)
    await check_pause(tx, asker.guild_id, order.place.channel_id)
    session = await sessions.enter(tx, asker, order.place, order.now)
    await consents.check(tx, asker, session.thread_id, order.request.references)
    account_id = await accounts.ensure(tx, Scope.MEMBER, order.now, asker.guild_id, asker.user_id)
    # The question shows the pictures, so they stand there from now on.
    origin = Origin(session.channel_id, session.thread_id)
    await consents.settle(tx, asker.guild_id, account_id, origin, order.request.references)
    offer_id = await offers.add(
        tx,
        guild_id=asker.guild_id,
        account_id=account_id,
        place=order.place,
        request=order.request,
        price=price.estimate,
        now=order.now,
        draft_id=order.draft_id,
    )
    await pictures.used_again(tx, [reference.sha256 for reference in order.request.references], order.now)
    made = (offer_id, asker.guild_id, asker.user_id, order.place, order.request, price.estimate, order.now)
    return Offer(*made, draft_id=order.draft_id)


async def request(tx: Tx, order: Order) -> Job:
    """Make a job of a request at its price of now."""
    guild_id = order.asker.guild_id
    return await make(tx, order, await servers.get(tx, guild_id), await price_of(tx, guild_id, order.request))


async def make(tx: Tx, order: Order, server: Server, price: Price) -> Job:
    """Make a job of a request at its price, and hold for it.

    Raises:
        Paused, NotAllowed, NotFound: edits are stopped here, the asker may not edit in the session, or a result that
            the request is made of was taken down.
        NoConsent: see :func:`bot.consents.check`.
        BadOption: the server's own rules do not allow it.
        AllowanceExceeded, PoolTooSmall: see :func:`storage.allowances.hold`.
    """
    asker, place, now = order.asker, order.place, order.now
    await check_pause(tx, asker.guild_id, place.channel_id)
    rules = await house.get(tx, asker.guild_id)
    options.check_house(order.request, rules)
    order = replace(order, request=_checked(order.request, place, rules))
    session = await sessions.enter(tx, asker, place, now)
    await _check_references(tx, order.request)
    await consents.check(tx, asker, session.thread_id, order.request.references)
    bound = await accounts.bound_by(tx, asker, place.channel_id, now)
    admission = await _admit(tx, order, bound, price.hold, server)
    waits = server.approve_above is not None and price.estimate > server.approve_above
    job = await jobs.add(
        tx,
        task_uuid=order.task_uuid,
        account_id=bound[Scope.MEMBER],
        guild_id=asker.guild_id,
        place=place,
        request=order.request,
        price=price,
        now=now,
        session_id=session.id,
        status=Status.WAITING if waits else Status.QUEUED,
        pooled=order.pooled,
        sweep_id=order.sweep_id,
    )
    await lineage.bind(tx, job.id, order.request)
    origin = Origin(session.channel_id, session.thread_id)
    await consents.settle(tx, asker.guild_id, job.account_id, origin, order.request.references)
    await authors.bind(tx, asker.guild_id, job.id, session.thread_id, order.request)
    await ledger.hold(tx, job, admission, now)
    if waits and server.alert_channel_id is not None:
        await alerts.raise_waiting(tx, job, now)
    await pictures.bind(tx, job.id, [reference.sha256 for reference in order.request.references], now)
    await _claimed(tx, job, now)
    return job


def _checked(request: EditRequest, place: Place, rules: House) -> EditRequest:
    """Return the request with Runware's content check on, unless a manager has switched it off for the channel."""
    return request if place.channel_id in rules.unchecked else replace(request, safety="fast")


async def _check_references(tx: Tx, request: EditRequest) -> None:
    """Raise NotFound where a result that the request is made of was taken down since somebody looked.

    Its row is locked: whoever takes it down now finds that its bytes are needed.
    """
    used = {reference.result_id for reference in request.references if reference.result_id is not None}
    for result_id in sorted(used):
        result = await results.lock(tx, result_id)
        if result is not None and result.deleted_at is not None:
            raise NotFound.taken_down(result.id)


async def _claimed(tx: Tx, job: Job, now: int) -> None:
    """End what its asker had claimed: the edit that they were writing is asked for."""
    parent = None if job.request.parent_id is None else await results.get(tx, job.request.parent_id)
    if parent is not None and await claims.end(tx, parent.job_id, job.account_id):
        await announcements.refresh(tx, parent.job_id, now)


async def accept(tx: Tx, order: Order, offer: Offer) -> Job | Offer:
    """Make a job of an offer, or offer it anew where its price has risen well above what was said."""
    price = await price_of(tx, order.asker.guild_id, order.request)
    if price.estimate > dearer(offer.price):
        await offers.reprice(tx, offer.id, price.estimate)
        return replace(offer, price=price.estimate)
    await take_offer(tx, offer.id)
    job = await make(tx, order, await servers.get(tx, order.asker.guild_id), price)
    if offer.draft_id is not None:
        await written.finish(tx, offer.draft_id, offer.made_at)
    return job


async def _admit(tx: Tx, order: Order, bound: Mapping[Scope, int], amount: int, server: Server) -> Admission:
    """Hold an amount, in micro-dollars, on everything that binds a request. Raises AllowanceExceeded."""
    return await allowances.hold(
        tx,
        order.asker,
        bound,
        Demand(amount, order.request.results, pooled=order.pooled),
        channel_id=order.place.channel_id,
        thread_id=order.place.thread_id,
        zone=zone_of(server.time_zone),
        terms=order.terms,
        now=order.now,
    )


async def take_offer(tx: Tx, offer_id: int) -> None:
    """Take an offer away. Raises NotFound where it is gone."""
    if not await offers.take(tx, offer_id):
        raise NotFound(OFFER_GONE)


async def price_of(tx: Tx, guild_id: int, request: EditRequest) -> Price:
    """Return what a request will likely cost in a server, and what would be held for it."""
    return prices.price(request, await lessons.get(tx, guild_id), await lessons.get(tx, 0))


async def check_pause(tx: Tx, guild_id: int, channel_id: int) -> None:
    """Raise Paused where a manager or the operator has stopped edits."""
    pause = await pauses.covering(tx, guild_id, channel_id)
    if pause is not None:
        raise Paused(f"Edits are paused {quota.paused_where(pause)}: {pause.reason}")


async def approve(tx: Tx, job_id: int, order: Order, manager: Asker) -> Job:
    """Let a waiting job go on: held anew where and when it is approved, with the price it was asked for at.

    Raises:
        Paused, NotAllowed, NotFound, AllowanceExceeded, PoolTooSmall: see :func:`make`; or the asker was forgotten.
        TooLate: it does not wait any more.
    """
    now, asker = order.now, order.asker
    job = await jobs.known(tx, job_id)
    await check_pause(tx, job.guild_id, job.place.channel_id)
    session = await sessions.enter(tx, asker, job.place, now)
    try:
        await _check_references(tx, job.request)
        await consents.check(tx, asker, session.thread_id, job.request.references)
    except (NotFound, NoConsent) as gone:
        raise type(gone)(f"{gone} Decline this edit.") from gone
    bound = await accounts.bound_by(tx, asker, job.place.channel_id, now)
    if bound[Scope.MEMBER] != job.account_id:
        raise NotFound("Whoever asked for this edit was forgotten: decline it.")
    # Locked before anything is given back, so that nobody takes it meanwhile.
    for account_id in sorted(bound.values()):
        await accounts.lock(tx, account_id)
    if not await jobs.move(tx, job_id, Status.QUEUED, now):
        raise TooLate(ANSWERED)
    await ledger.withdraw(tx, job, now)
    order = replace(order, pooled=job.pooled)
    admission = await _admit(tx, order, bound, job.hold, await servers.get(tx, job.guild_id))
    await ledger.hold(tx, job, admission, now)
    await jobs.put_request(tx, job_id, _checked(order.request, job.place, await house.get(tx, job.guild_id)))
    await _log_answer(tx, job, manager, "approved", now)
    return await jobs.known(tx, job_id)


async def refuse(tx: Tx, job_id: int, manager: Asker, now: int) -> Job:
    """Decline a waiting job, and give its hold back. Raises TooLate where it does not wait any more."""
    found = await jobs.known(tx, job_id)
    job = await jobs.lock_task(tx, found.task_uuid) or found  # another manager may approve it at this very moment
    if job.status is not Status.WAITING or not await jobs.move(tx, job_id, Status.CANCELLED, now, error_code=DECLINED):
        raise TooLate(ANSWERED)
    await ledger.release(tx, job, now)
    await _log_answer(tx, job, manager, "declined", now)
    return await jobs.known(tx, job_id)


async def _log_answer(tx: Tx, job: Job, manager: Asker, answer: str, now: int) -> None:
    by = await accounts.ensure(tx, Scope.MEMBER, now, manager.guild_id, manager.user_id)
    price = quota.dollars(job.estimate)
    await audit.record(tx, job.guild_id, by, f"edit {job.id} at {price}", before="waiting", after=answer, now=now)
