"""The life of an edit, as people and Runware drive it: asked for, cancelled, looked at, delivered, deleted."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from bot import alerts, inline, options, orders, outcomes, quota, retention
from bot.errors import BadOption, EditError, NotAllowed, NotFound, TooLate
from bot.metrics import Metrics
from bot.outcomes import Rules, Taken
from bot.pictures import Pictures
from bot.quota import Forecast, QuotaView
from bot.runware import delivery
from bot.runware.errors import classify
from bot.settings import Settings
from bot.signals import Signals
from storage import (
    accounts,
    allowances,
    announcements,
    authors,
    grants,
    jobs,
    ledger,
    lineage,
    offers,
    pauses,
    pictures,
    results,
    rounds,
    servers,
    stars,
)
from storage.alerts import AlertKind
from storage.allowances import AllowanceExceeded, PoolTooSmall, Terms
from storage.database import Database, Tx
from storage.offers import Offer
from storage.records import (
    Asker,
    EditRequest,
    Job,
    Measure,
    Outcome,
    Pause,
    Place,
    Price,
    Result,
    Scope,
    Standing,
    Status,
    Success,
)
from storage.windows import DAY, HOUR, zone_of

log = logging.getLogger(__name__)

#: A request whose price its asker was asked about is forgotten after this, in milliseconds.
OFFER_LIFE: Final = HOUR
#: For so long a job waits for a manager, and for the end of a pause.
APPROVAL_LIFE: Final = DAY
PAUSE_LIFE: Final = HOUR
#: A delivery of more bytes, which can only be one with pictures in it, is taken apart off the loop.
_READ_AT_ONCE: Final = 64 * 1024
#: The codes of jobs that nobody approved in time, and that a pause kept for too long.
UNAPPROVED: Final = "unapproved"
PAUSED: Final = "paused"
_Made = TypeVar("_Made", Job, Job | Offer)


class Edits:
    """The use cases behind the commands and buttons, and behind the listener."""

    def __init__(
        self,
        database: Database,
        store: Pictures,
        signals: Signals,
        metrics: Metrics,
        settings: Settings,
        *,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._pictures = store
        self._signals = signals
        self._metrics = metrics
        self._settings = settings
        self._clock = clock
        self.terms: Final = settings.terms
        self.rules = Rules(
            result_hosts=settings.result_hosts,
            cost_per=settings.cost_per,
            error_settle=int(settings.error_settle_seconds * 1000),
            expire=int(settings.expire_minutes * 60_000),
            late=int(settings.late_hours * 3_600_000),
            cost_pending=int(settings.cost_pending_hours * 3_600_000),
            late_poll=int(settings.poll_max_seconds * 6000),
        )
        #: How long after its first POST a task may be posted again, in milliseconds.
        self.resubmit_window = int(settings.resubmit_minutes * 60_000)

    # asking ------------------------------------------------------------------------------------------------

    async def check_here(self, asker: Asker, channel_id: int) -> None:
        """Decide, for a channel, what needs neither bytes nor money; what changes meanwhile is found with the hold.

        Raises:
            NotAllowed, OutOfSpace: see :meth:`check`.
            Paused: a manager or the operator has stopped edits here.
        """
        await self.check(asker)
        await self._database.read(orders.check_pause, asker.guild_id, channel_id)

    async def check(self, asker: Asker) -> None:
        """Decide what needs neither bytes, money nor a place.

        Raises:
            NotAllowed: the server is not one that may spend.
            OutOfSpace: there is no room for another picture.
        """
        if asker.guild_id not in self._settings.allowed_guilds:
            raise NotAllowed(
                "This server may not spend on edits: whoever runs the bot has to add its id to ALLOWED_GUILDS."
            )
        self._pictures.check_space()

    def check_request(self, request: EditRequest) -> None:
        """Refuse what whoever runs the bot does not let anybody ask for. Raises BadOption."""
        if self._settings.upload_endpoint is not None and request.results > 1:
            raise BadOption(
                "results",
                "`results` goes up to 1 here, because whoever runs the bot has every picture uploaded to one address, "
                f"and {request.results} was given.",
            )

    async def ask(
        self,
        asker: Asker,
        place: Place,
        request: EditRequest,
        *,
        shown: int | None = None,
        draft_id: int | None = None,
    ) -> Job | Offer:
        """Ask for an edit, or, where its price is news to its asker, offer it: nothing is held for an offer.

        It is offered when the estimate is above the price that the member or the server wants to be asked about, or
        more than a quarter above what was ``shown``, in micro-dollars. The draft that a job was written as goes with it.

        Raises:
            NotAllowed, OutOfSpace, BadOption, Paused, OverQuota: see :meth:`request`.
            NotFound: the draft is gone.
        """
        await self.check(asker)
        options.check(request)
        self.check_request(request)
        order = replace(self._order(asker, place, request), draft_id=draft_id)
        return await self._ordered(order, self._database.run(orders.ask, order, shown))

    async def request(self, asker: Asker, place: Place, request: EditRequest) -> Job:
        """Write down a job and hold its upper bound on every allowance that binds, in one unit of work.

        The bytes of the references stand in the picture store already. Above the price that the server wants
        approved, the job waits for a manager, with its hold kept.

        Raises:
            NotAllowed, OutOfSpace: see :meth:`check`.
            BadOption: the request is outside the model's bounds, or see :meth:`check_request`.
            Paused: a manager or the operator has stopped edits here.
            OverQuota: an allowance does not admit it; nothing was written and nothing is owed.
        """
        await self.check(asker)
        options.check(request)
        self.check_request(request)
        order = self._order(asker, place, request)
        return await self._ordered(order, self._database.run(orders.request, order))

    async def accept(
        self, offer_id: int, asker: Asker, *, shown: int | None = None, safety: str = "fast"
    ) -> Job | Offer:
        """Say yes to a price: the offer becomes a job. Of two presses one wins.

        When the price has risen by more than a quarter since it was said, the offer stands anew at the new one.
        ``shown`` is the price that was said yes to, in micro-dollars: a press on a card that shows an old one is no yes to
        the new one. ``safety``: how Runware checks what is made there, as the place decides now; what was to be checked is.

        Raises:
            NotFound: the offer is gone: it was answered, or its hour is over.
            NotAllowed: it is somebody else's.
            OutOfSpace, BadOption, Paused, OverQuota: as :meth:`request`; the offer stands for another try.
        """
        offer = await self.offer(offer_id, asker)
        await self.check(asker)
        self.check_request(offer.request)
        order = self._order(asker, offer.place, as_checked(offer.request, safety))
        said = offer if shown is None else replace(offer, price=shown)
        return await self._ordered(order, self._database.run(orders.accept, order, said))

    async def decline(self, offer_id: int, asker: Asker) -> Offer:
        """Say no to a price; returns what was offered. Raises NotFound or NotAllowed as :meth:`accept`."""
        offer = await self.offer(offer_id, asker)
        await self._database.run(orders.take_offer, offer_id)
        return offer

    async def offer(self, offer_id: int, asker: Asker) -> Offer:
        """Return an offer that still stands, to its asker alone. Raises NotFound or NotAllowed."""
        offer = await self._database.read(offers.get, offer_id)
        if offer is None or offer.guild_id != asker.guild_id or self._clock() - offer.made_at >= OFFER_LIFE:
            raise NotFound(orders.OFFER_GONE)
        if offer.user_id != asker.user_id:
            raise NotAllowed("Only the person who asked for this edit can answer: it is their allowance.")
        return offer

    async def price(self, guild_id: int, request: EditRequest) -> Price:
        """Return what a request will likely cost in a server, and what would be held for it."""
        return await self._database.read(orders.price_of, guild_id, request)

    async def forecast(self, asker: Asker, place: Place, request: EditRequest) -> Forecast:
        """Return what a request would cost, and what would become of it now: it is tried, and nothing of it is kept.

        Raises:
            BadOption: see :meth:`request`.
        """
        options.check(request)
        self.check_request(request)
        order = self._order(asker, place, request)
        price, asks = await self._database.read(orders.foresee, order)
        try:
            await self.check(asker)
            await self._database.run(orders.rehearse, order)
        except orders.Rehearsed as rehearsed:
            return Forecast(price, asks=asks, waits=rehearsed.job.status is Status.WAITING)
        except AllowanceExceeded as exceeded:
            return Forecast(price, quota.over_quota(exceeded), asks=asks)
        except EditError as refusal:
            return Forecast(price, refusal, asks=asks)
        raise AssertionError("a rehearsal always ends in an exception, so that nothing of it is kept")

    def _order(self, asker: Asker, place: Place, request: EditRequest) -> orders.Order:
        return orders.Order(asker, place, request, str(uuid.uuid4()), self.terms, self._clock())

    async def _ordered(self, order: orders.Order, unit: Awaitable[_Made]) -> _Made:
        """Await a unit that may make a job, and wake the loops that have something to do with it."""
        try:
            made = await unit
        except AllowanceExceeded as exceeded:
            await self.used_up(order.asker.guild_id, exceeded)
            raise quota.over_quota(exceeded) from exceeded
        except PoolTooSmall as small:
            raise quota.pool_too_small(small) from small
        if isinstance(made, Job):
            log.info("job %d was asked for", made.id, extra={"job_id": made.id, "task_uuid": made.task_uuid})
            self._signals.queue.set()
            self._signals.notices.set()
            self._signals.alerts.set()
        return made

    async def used_up(self, guild_id: int, exceeded: AllowanceExceeded) -> None:
        """Have those who set a limit told that it has begun to refuse edits, unless they know."""
        now = self._clock()
        if alerts.concerns(exceeded) and await self._database.run(
            alerts.raise_refusal, guild_id, exceeded.standing, now
        ):
            self._metrics.alerts.labels(AlertKind.ALLOWANCE).inc()
            self._signals.alerts.set()

    # approval ----------------------------------------------------------------------------------------------

    async def approve(self, job_id: int, *, manager: Asker, asker: Asker, safety: str = "fast") -> Job:
        """Let a job that waits into the queue, held anew against the allowances as they are now.

        ``asker`` is who asked for it, with the roles they have now; ``safety`` is how Runware checks what is made
        where it was asked for, as the place decides now. What was to be checked is.

        Raises:
            NotFound: there is no such job here, or its asker was forgotten.
            TooLate: it does not wait any more.
            NotAllowed: its asker may not edit in its session any more, or the session is closed.
            Paused, OverQuota: it cannot go now; it goes on waiting, and can be approved later.
        """
        job = await self._here(job_id, manager)
        await self.check(asker)
        request = as_checked(job.request, safety)
        order = orders.Order(asker, job.place, request, job.task_uuid, self.terms, self._clock())
        return await self._ordered(order, self._database.run(orders.approve, job_id, order, manager))

    async def refuse(self, job_id: int, *, manager: Asker) -> Job:
        """Decline a job that waits, and give its hold back. Raises NotFound or TooLate."""
        await self._here(job_id, manager)
        job = await self._database.run(orders.refuse, job_id, manager, self._clock())
        self._signals.notices.set()
        return job

    async def _here(self, job_id: int, asker: Asker) -> Job:
        job = await self.job(job_id)
        if job.guild_id != asker.guild_id:
            raise NotFound("That edit is not of this server.")
        return job

    async def cancel(self, job_id: int, *, asker: Asker, manages: bool) -> Job:
        """Cancel a job that was not sent yet, and give its hold back.

        Raises:
            NotFound: there is no such job here.
            NotAllowed: it is somebody else's, and the presser does not manage messages here.
            TooLate: it was sent; Runware has no cancel, so it will be paid.
        """
        job = await self._here(job_id, asker)
        if job.user_id != asker.user_id and not manages:
            raise NotAllowed(
                "Only the person who asked for this edit, or somebody who manages messages, can cancel it."
            )
        if not await self._database.run(_cancel, job_id, self._clock(), self._card_interval):
            raise TooLate(
                "This edit was already sent, so it can't be cancelled any more: its result comes and is paid."
            )
        self._signals.notices.set()
        return await self.job(job_id)

    async def delete(self, result_id: int, *, asker: Asker, manages: bool) -> tuple[Result, Job]:
        """Take a result down: its picture goes, the ledger keeps its lines.

        Returns the result as it was, so that its message can be taken down too.

        Raises:
            NotFound: there is no such result here, or it is gone already.
            NotAllowed: the presser neither asked for it nor manages messages here.
        """
        result, job = await self.find(result_id)
        if job.guild_id != asker.guild_id:
            raise NotFound(f"#{result_id} is not a picture of this server.")
        if job.user_id != asker.user_id and not manages:
            raise NotAllowed(
                "Only the person who asked for this picture, or somebody who manages messages, can delete it."
            )
        began = time.monotonic()
        deleted, orphan = await self._database.run(_delete, result_id, job.id, self._clock())
        if not deleted:
            raise NotFound(f"{result.short_id} was taken down already.")
        self._signals.rounds.set()
        self._signals.notices.set()
        if orphan is not None:
            await retention.remove(self._database, self._pictures, [orphan], began)
        return result, job

    async def restore(self, result: Result, data: bytes) -> None:
        """Keep a result's picture again, whose bytes nobody had used for long, out of the message that shows it.

        Raises:
            NotFound: the result was taken down meanwhile.
            OutOfSpace, OutOfReach: the store takes nothing now.
        """
        media_type, width, height = await self._pictures.describe(data)
        sha256 = await self._pictures.put(data)
        if not await self._database.run(_restore, result.id, sha256, media_type, (width, height), self._clock()):
            raise NotFound.taken_down(result.id)

    async def renew(self, sha256: str) -> None:
        """Have a picture that is about to be used stay. Raises NotFound, OutOfReach."""
        await retention.renew(self._database, self._pictures, sha256, self._clock())

    @staticmethod
    def draw_seed() -> int:
        """Draw a seed where the person gave none: an unsigned 32-bit number, as Runware draws its own."""
        return secrets.randbits(32)

    # looking -----------------------------------------------------------------------------------------------

    async def job(self, job_id: int) -> Job:
        """Return a job; raises NotFound."""
        job = await self._database.read(jobs.get, job_id)
        if job is None:
            raise NotFound("That edit is not known here any more.")
        return job

    async def result(self, result_id: int) -> tuple[Result, Job]:
        """Return a result that can be shown and edited, with its job.

        Raises:
            NotFound: there is none, or it was deleted, withheld, or never copied; the sentence says which.
        """
        result, job = await self.find(result_id)
        if result.usable:
            return result, job
        if result.deleted_at is not None:
            raise NotFound(f"{result.short_id} was taken down, so it can't be used any more.")
        if result.nsfw:
            raise NotFound(f"{result.short_id} was withheld by the content check, so it can't be used.")
        raise NotFound(f"There is no copy of {result.short_id}: it could not be fetched from Runware.")

    async def find(self, result_id: int) -> tuple[Result, Job]:
        """Return a result with its job, also one that was taken down or withheld. Raises NotFound."""
        found = await self._database.read(_result_and_job, result_id)
        if found is None:
            raise NotFound.result(result_id)
        return found

    async def results(self, job_id: int) -> list[Result]:
        """Return all results of a job, in the order they came."""
        return await self._database.read(results.of_job, job_id)

    async def results_of_message(self, channel_id: int, message_id: int) -> list[Result]:
        """Return the results that one of our messages shows; empty when it shows none."""
        return await self._database.read(results.of_message, channel_id, message_id)

    async def answered_by(self, guild_id: int, channel_id: int, message_id: int) -> Job | None:
        """Return the edit that a message of ours is the reply to, if it is one."""
        return await self._database.read(jobs.answered_by, guild_id, channel_id, message_id)

    async def position(self, job_id: int) -> int | None:
        """Return a job's place in the queue, 1 being next, 11 meaning "more than ten"; ``None`` when it left it."""
        job = await self.job(job_id)
        if job.status is not Status.QUEUED:
            return None
        return await self._database.read(jobs.position, job_id)

    async def pause_of(self, job: Job) -> Pause | None:
        """Return what keeps a queued job waiting on purpose, if something does."""
        if job.status is not Status.QUEUED:
            return None
        return await self._database.read(pauses.covering, job.guild_id, job.place.channel_id)

    async def quota(self, asker: Asker, *, channel_id: int = 0, thread_id: int | None = None) -> QuotaView:
        """Return what a member may still spend in a channel now, and what of theirs is running."""
        return await self._database.read(_quota, asker, channel_id, thread_id, self.terms, self._clock())

    async def prefer(self, asker: Asker, ask_above: int | None) -> None:
        """Set the price, in micro-dollars, above which a member is asked first; ``None`` leaves it to the server."""
        await self._database.run(_prefer, asker, ask_above, self._clock())

    # hearing from Runware ----------------------------------------------------------------------------------

    async def deliver(self, task_uuid: str, body: bytes) -> None:
        """Record a delivery: the listener calls this before it answers.

        A body that cannot be read still tells that something happened, so Runware is asked at once.
        """
        try:
            if len(body) > _READ_AT_ONCE:
                said: Sequence[Outcome] = await asyncio.to_thread(delivery.parse, body, task_uuid)
            else:
                said = delivery.parse(body, task_uuid)
        except delivery.MalformedDelivery as malformed:
            log.warning("a delivery could not be read: %s", malformed, extra={"task_uuid": task_uuid})
            await self._database.run(_ask_about, task_uuid, self._clock())
            self._signals.reconcile.set()
            return
        await self.record(task_uuid, said)

    async def record(self, task_uuid: str, said: Sequence[Outcome]) -> Taken:
        """Record what a delivery or a submit's answer says of a task, in one unit of work."""
        said = await self.keep(task_uuid, said)
        now = self._clock()
        taken = await self._database.run(
            outcomes.take_delivery, task_uuid, said, now, now + int(self._settings.poll_max_seconds * 1000), self.rules
        )
        self.wake(taken)
        return taken

    async def keep(self, task_uuid: str, said: Sequence[Outcome]) -> Sequence[Outcome]:
        """Return what Runware said, with the pictures that came without an address put into the store.

        Whatever records outcomes asks for this first, because a row names only bytes that stand there. Those of somebody
        who was forgotten are not kept.

        Raises:
            OutOfSpace, OutOfReach: the store takes nothing now.
        """
        if all(one.url for one in said if isinstance(one, Success)):
            return said
        unwanted = await self._database.read(_unwanted, task_uuid, [one for one in said if isinstance(one, Success)])
        return await inline.keep(self._pictures, said, unwanted)

    def wake(self, taken: Taken) -> None:
        """Count what a unit of :mod:`bot.outcomes` did, and wake the loops that now have something to do."""
        if taken.ask:
            self._signals.reconcile.set()
        if taken.fresh:
            self._signals.copies.set()
        if taken.lag is not None:
            self._metrics.delivery_lag.observe(taken.lag / 1000)
        if taken.code is not None:
            self._metrics.failures.labels(classify(taken.code)).inc()
        if taken.off is not None:
            self._metrics.estimate_ratio.observe(taken.off)
        if taken.ended is not None:
            self._signals.queue.set()
        self._signals.notices.set()

    @property
    def _card_interval(self) -> int:
        return int(self._settings.card_interval_seconds * 1000)


def as_checked(request: EditRequest, of_place: str) -> EditRequest:
    """Return a request that was asked for before, unchecked only where it was to be and its place still says so."""
    return replace(request, safety=of_place) if request.safety == "none" else request


# units of work ---------------------------------------------------------------------------------------------


async def _prefer(tx: Tx, asker: Asker, ask_above: int | None, now: int) -> None:
    account_id = await accounts.ensure(tx, Scope.MEMBER, now, asker.guild_id, asker.user_id)
    await servers.prefer(tx, account_id, ask_above)


async def _cancel(tx: Tx, job_id: int, now: int, card_interval: int) -> bool:
    if not await jobs.move(tx, job_id, Status.CANCELLED, now):
        return False
    await ledger.release(tx, await jobs.known(tx, job_id), now)
    await jobs.queue_moved(tx, now, card_interval)
    return True


async def _delete(tx: Tx, result_id: int, job_id: int, now: int) -> tuple[bool, str | None]:
    """Mark a result deleted; return whether this did, and the picture that nothing names any more."""
    # Rounds before results: that is how the end of a round locks them. One that was opened meanwhile is ended after.
    gone = str(NotFound.taken_down(result_id))
    await rounds.end_about(tx, result_id, gone)
    deleted, sha256 = await results.delete(tx, result_id, now)
    if deleted:
        await rounds.end_about(tx, result_id, gone)
        await stars.forget(tx, result_id)
        await announcements.hurry(tx, job_id, now)
        for number, after in enumerate(await lineage.descendants(tx, result_id), 1):
            await announcements.refresh(tx, after, now + number * announcements.APART)
    if sha256 is None or not await pictures.release(tx, sha256):
        return deleted, None
    return deleted, sha256


async def _restore(tx: Tx, result_id: int, sha256: str, media_type: str, size: tuple[int, int], now: int) -> bool:
    before = await results.get(tx, result_id)
    if before is not None and before.sha256 is not None:  # copies of what it was are still its copies
        await authors.hand_on_result(tx, result_id, before.sha256)
    await pictures.used(tx, sha256, now)
    return await results.restored(tx, result_id, sha256, media_type, size)


async def _result_and_job(tx: Tx, result_id: int) -> tuple[Result, Job] | None:
    result = await results.get(tx, result_id)
    if result is None:
        return None
    job = await jobs.known(tx, result.job_id)
    return result, job


async def _quota(tx: Tx, asker: Asker, channel_id: int, thread_id: int | None, terms: Terms, now: int) -> QuotaView:
    guild_id = asker.guild_id
    server = await servers.get(tx, guild_id)
    zone = zone_of(server.time_zone)
    ids = {
        Scope.MEMBER: await accounts.find(tx, Scope.MEMBER, guild_id, asker.user_id),
        Scope.CHANNEL: await accounts.find(tx, Scope.CHANNEL, guild_id, channel_id),
        Scope.SERVER: await accounts.find(tx, Scope.SERVER, guild_id),
        Scope.BOT: await accounts.find(tx, Scope.BOT),
    }
    member = ids[Scope.MEMBER]
    rules = await allowances.binding(
        tx, guild_id, account_id=member, role_ids=asker.role_ids, channel_id=channel_id, terms=terms
    )
    sets = [
        [await allowances.standing(tx, allowance, member, now, zone) for allowance in limits]
        for _, limits in rules.alternatives
    ]
    for standings in sets:
        standings.sort(key=lambda standing: standing.allowance.measure is not Measure.MONEY)
    open_to = await grants.available(
        tx, guild_id, account_id=member or 0, role_ids=asker.role_ids, thread_id=thread_id, now=now
    )
    sponsored = [grant for grant in await grants.open_in(tx, guild_id) if grant.sponsor_id == member]
    return QuotaView(
        member=tuple(max(sets, key=_room)),
        ceilings=tuple(
            [await allowances.standing(tx, allowance, ids[allowance.scope], now, zone) for allowance in rules.ceilings]
        ),
        grants=tuple(open_to),
        running=tuple(await jobs.running(tx, member)) if member is not None else (),
        pause=await pauses.covering(tx, guild_id, channel_id),
        sponsored=sum(grants.unspent(grant) for grant in sponsored) if member is not None else 0,
        ask_above=await orders.asks_above(tx, asker, server),
        approve_above=server.approve_above,
    )


def _room(standings: Sequence[Standing]) -> float:
    """Return how much of the tightest of some limits is left, from 0 to 1."""
    return min((standing.left / max(1, standing.allowance.amount) for standing in standings), default=1.0)


async def _unwanted(tx: Tx, task_uuid: str, said: Sequence[Success]) -> frozenset[str]:
    """Return the pictures, by their ``imageUUID``, that are not to be kept: recorded already, or of nobody any more."""
    job = await jobs.of_task(tx, task_uuid)
    if job is not None and job.user_id is None:
        return frozenset(success.image_uuid for success in said)
    return await results.known(tx, task_uuid)


async def _ask_about(tx: Tx, task_uuid: str, now: int) -> None:
    job = await jobs.lock_task(tx, task_uuid)
    if job is not None:
        await jobs.ask_now(tx, job.id, now)
