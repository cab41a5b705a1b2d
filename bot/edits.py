"""The life of an edit, as people and Runware drive it: asked for, cancelled, looked at, delivered, deleted."""

from __future__ import annotations

import logging
import secrets
import uuid
from collections.abc import Callable, Sequence

from bot import options, outcomes, quota
from bot.errors import NotAllowed, NotFound, TooLate
from bot.metrics import Metrics
from bot.outcomes import Rules, Taken
from bot.pictures import Pictures
from bot.quota import QuotaView
from bot.runware import delivery
from bot.runware.errors import classify
from bot.settings import Settings
from bot.signals import Signals
from storage import accounts, allowances, announcements, jobs, ledger, pictures, results
from storage.allowances import AllowanceExceeded, Limits
from storage.database import Database, Tx
from storage.records import Asker, EditRequest, Job, Outcome, Place, Result, Scope, Status

log = logging.getLogger(__name__)


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
        self.limits: Limits = {
            Scope.MEMBER: settings.member_daily,
            Scope.SERVER: settings.server_daily,
            Scope.BOT: settings.bot_daily,
        }
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

    async def check(self, asker: Asker) -> None:
        """Decide what needs neither bytes nor money.

        Raises:
            NotAllowed: the server is not one that may spend.
            OutOfSpace: there is no room for another picture.
        """
        if asker.guild_id not in self._settings.allowed_guilds:
            raise NotAllowed(
                "This server may not spend on edits: whoever runs the bot has to add its id to ALLOWED_GUILDS."
            )
        self._pictures.check_space()

    async def request(self, asker: Asker, place: Place, request: EditRequest) -> Job:
        """Write down a job and hold its upper bound on every allowance that binds, in one unit of work.

        The bytes of the references stand in the picture store already.

        Raises:
            NotAllowed, OutOfSpace: see :meth:`check`.
            BadOption: the request is outside the model's bounds.
            OverQuota: an allowance does not admit it; nothing was written and nothing is owed.
        """
        await self.check(asker)
        options.check(request)
        amount, now = quota.upper_bound(request), self._clock()
        try:
            job = await self._database.run(_request, asker, place, request, str(uuid.uuid4()), amount, self.limits, now)
        except AllowanceExceeded as exceeded:
            raise quota.over_quota(exceeded.allowance, amount) from exceeded
        log.info("job %d was asked for", job.id, extra={"job_id": job.id, "task_uuid": job.task_uuid})
        self._signals.queue.set()
        self._signals.notices.set()
        return job

    async def cancel(self, job_id: int, *, asker: Asker, manages: bool) -> Job:
        """Cancel a job that was not sent yet, and give its hold back.

        Raises:
            NotFound: there is no such job here.
            NotAllowed: it is somebody else's, and the presser does not manage messages here.
            TooLate: it was sent; Runware has no cancel, so it will be paid.
        """
        job = await self.job(job_id)
        if job.guild_id != asker.guild_id:
            raise NotFound("That edit is not of this server.")
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
        result, job = await self._find(result_id)
        if job.guild_id != asker.guild_id:
            raise NotFound(f"#{result_id} is not a picture of this server.")
        if job.user_id != asker.user_id and not manages:
            raise NotAllowed(
                "Only the person who asked for this picture, or somebody who manages messages, can delete it."
            )
        deleted, orphan = await self._database.run(_delete, result_id, job.id, self._clock())
        if not deleted:
            raise NotFound(f"{result.short_id} was deleted already.")
        if orphan is not None:
            await self._pictures.delete(orphan)
        self._signals.notices.set()
        return result, job

    def estimate(self, request: EditRequest) -> int:
        """Return what is held for a request, in micro-dollars."""
        return quota.upper_bound(request)

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
        result, job = await self._find(result_id)
        if result.usable:
            return result, job
        if result.deleted_at is not None:
            raise NotFound(f"{result.short_id} was deleted, so it can't be used any more.")
        if result.nsfw:
            raise NotFound(f"{result.short_id} was withheld by the content check, so it can't be used.")
        raise NotFound(f"There is no copy of {result.short_id}: it could not be fetched from Runware.")

    async def _find(self, result_id: int) -> tuple[Result, Job]:
        found = await self._database.read(_result_and_job, result_id)
        if found is None:
            raise NotFound(f"There is no picture #{result_id} here. The number stands under each result.")
        return found

    async def results(self, job_id: int) -> list[Result]:
        """Return all results of a job, in the order they came."""
        return await self._database.read(results.of_job, job_id)

    async def results_of_message(self, channel_id: int, message_id: int) -> list[Result]:
        """Return the results that one of our messages shows; empty when it shows none."""
        return await self._database.read(results.of_message, channel_id, message_id)

    async def position(self, job_id: int) -> int | None:
        """Return a job's place in the queue, 1 being next, 11 meaning "more than ten"; ``None`` when it left it."""
        job = await self.job(job_id)
        if job.status is not Status.QUEUED:
            return None
        return await self._database.read(jobs.position, job_id)

    async def quota(self, asker: Asker) -> QuotaView:
        """Return what a member may still spend here today, and what of theirs is running."""
        return await self._database.read(_quota, asker, self.limits, self._clock())

    # hearing from Runware ----------------------------------------------------------------------------------

    async def deliver(self, task_uuid: str, body: bytes) -> None:
        """Record a delivery: the listener calls this before it answers.

        A body that cannot be read still tells that something happened, so Runware is asked at once.
        """
        try:
            said: Sequence[Outcome] = delivery.parse(body, task_uuid)
        except delivery.MalformedDelivery as malformed:
            log.warning("a delivery could not be read: %s", malformed, extra={"task_uuid": task_uuid})
            await self._database.run(_ask_about, task_uuid, self._clock())
            self._signals.reconcile.set()
            return
        await self.record(task_uuid, said)

    async def record(self, task_uuid: str, said: Sequence[Outcome]) -> Taken:
        """Record what a delivery or a submit's answer says of a task, in one unit of work."""
        now = self._clock()
        taken = await self._database.run(
            outcomes.take_delivery, task_uuid, said, now, now + int(self._settings.poll_max_seconds * 1000), self.rules
        )
        self.wake(taken)
        return taken

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
        if taken.ended is not None:
            self._signals.queue.set()
        self._signals.notices.set()

    @property
    def _card_interval(self) -> int:
        return int(self._settings.card_interval_seconds * 1000)


# units of work ---------------------------------------------------------------------------------------------


async def _request(
    tx: Tx, asker: Asker, place: Place, request: EditRequest, task_uuid: str, amount: int, limits: Limits, now: int
) -> Job:
    bound = await accounts.bound_by(tx, asker, now)
    held_on = await allowances.hold(tx, bound, amount, limits, now)
    job = await jobs.add(
        tx,
        task_uuid=task_uuid,
        account_id=bound[Scope.MEMBER],
        guild_id=asker.guild_id,
        place=place,
        request=request,
        hold=amount,
        now=now,
    )
    await ledger.hold(tx, job, held_on, now)
    await pictures.bind(tx, job.id, [reference.sha256 for reference in request.references], now)
    return job


async def _cancel(tx: Tx, job_id: int, now: int, card_interval: int) -> bool:
    if not await jobs.move(tx, job_id, Status.CANCELLED, now):
        return False
    await ledger.release(tx, job_id, now)
    await jobs.queue_moved(tx, now, card_interval)
    return True


async def _delete(tx: Tx, result_id: int, job_id: int, now: int) -> tuple[bool, str | None]:
    """Mark a result deleted; return whether this did, and the picture that nothing names any more."""
    deleted, sha256 = await results.delete(tx, result_id, now)
    if deleted:
        await announcements.refresh(tx, job_id, now)
    if sha256 is None or await pictures.needed(tx, sha256):
        return deleted, None
    await pictures.forget(tx, sha256)
    return deleted, sha256


async def _result_and_job(tx: Tx, result_id: int) -> tuple[Result, Job] | None:
    result = await results.get(tx, result_id)
    if result is None:
        return None
    job = await jobs.known(tx, result.job_id)
    return result, job


async def _quota(tx: Tx, asker: Asker, limits: Limits, now: int) -> QuotaView:
    member = await accounts.find(tx, Scope.MEMBER, asker.guild_id, asker.user_id)
    server = await accounts.find(tx, Scope.SERVER, asker.guild_id)
    bot = await accounts.find(tx, Scope.BOT)
    return QuotaView(
        member=await allowances.look(tx, member, Scope.MEMBER, limits, now),
        server=await allowances.look(tx, server, Scope.SERVER, limits, now),
        bot=await allowances.look(tx, bot, Scope.BOT, limits, now),
        running=tuple(await jobs.running(tx, member)) if member is not None else (),
    )


async def _ask_about(tx: Tx, task_uuid: str, now: int) -> None:
    job = await jobs.lock_task(tx, task_uuid)
    if job is not None:
        await jobs.ask_now(tx, job.id, now)
