"""The queue's way to Runware: takes the job whose turn it is, posts it once, and records what came back."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from bot import consents, outcomes
from bot.edits import Edits
from bot.errors import NotFound, OutOfReach
from bot.pictures import Pictures
from bot.runware.client import RunwareClient
from bot.runware.errors import Ambiguous, Rejected, reason, retryable
from bot.runware.schema import ImageInference, Transport, from_request
from bot.settings import TASK, Settings
from bot.signals import Signals
from bot.web import delivery_url
from storage import jobs
from storage.database import Database, Tx
from storage.records import Job

log = logging.getLogger(__name__)

#: How long the reconciler leaves a job alone while its POST may be under way, in milliseconds.
_POST_GRACE: Final = 40_000
_IDLE: Final = 5.0


class Dispatcher:
    """Keeps at most ``MAX_IN_FLIGHT`` tasks at Runware; members take turns."""

    def __init__(
        self,
        database: Database,
        edits: Edits,
        store: Pictures,
        runware: RunwareClient,
        signals: Signals,
        settings: Settings,
        *,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._edits = edits
        self._pictures = store
        self._runware = runware
        self._signals = signals
        self._settings = settings
        self._clock = clock
        # Never longer than MAX_IN_FLIGHT; one that is lost with the process is found by the reconciler again.
        self._again: deque[Job] = deque()

    async def run(self) -> None:
        """Post queued jobs as long as Runware has room, without end."""
        async with asyncio.TaskGroup() as posting:
            while True:
                while (job := self._next_again() or await self._claim()) is not None:
                    self._signals.notices.set()
                    posting.create_task(self._guarded(job), name=f"submit job {job.id}")
                await self._signals.queue.wait(_IDLE)

    async def _claim(self) -> Job | None:
        now = self._clock()
        return await self._database.run(
            jobs.claim_next,
            in_flight_limit=self._settings.max_in_flight,
            now=now,
            poll_at=now + _POST_GRACE,
            card_interval=int(self._settings.card_interval_seconds * 1000),
        )

    async def _guarded(self, job: Job) -> None:
        """Post a job; a bug in one must not end the POSTs beside it, and the reconciler will find this one."""
        try:
            await self._post(job)
        except Exception:
            log.exception("job %d could not be submitted", job.id, extra={"job_id": job.id, "task_uuid": job.task_uuid})
            await self._look_again(job)

    async def post_again(self, job: Job) -> None:
        """Have the same task posted once more: Runware knows nothing of it, and its first POST was not long ago."""
        now = self._clock()
        if await self._database.run(jobs.begin_post, job.id, now, now + _POST_GRACE):
            self._again.append(job)
            self._signals.queue.set()

    def _next_again(self) -> Job | None:
        return self._again.popleft() if self._again else None

    async def _post(self, job: Job) -> None:
        if await self._database.read(_is_withdrawn, job):
            await self._refused(job, consents.WITHDRAWN, again=False)
            return
        try:
            task = await self._task(job)
        except NotFound:
            await self._refused(job, "referenceGone", again=False)
            return
        except OutOfReach as error:  # nothing was sent, as if Runware had refused it for the moment
            log.warning("the references of job %d cannot be read now: %s", job.id, error.reason)
            await self._refused(job, "pictureStoreOutOfReach", again=True)
            return
        try:
            said = await self._runware.submit(task)
        except Rejected as rejected:
            log.warning("Runware refused job %d: %s", job.id, rejected.code, extra={"task_uuid": job.task_uuid})
            await self._refused(job, rejected.code, again=retryable(rejected.kind), message=reason(rejected.failures))
        except Ambiguous as unknown:
            log.warning(
                "the submit of job %d has an unknown fate: %s", job.id, unknown.code, extra={"task_uuid": job.task_uuid}
            )
            await self._look_again(job)
        else:
            await self._database.run(outcomes.accept, job.id, self._clock(), self._first_poll())
            if said:
                await self._edits.record(job.task_uuid, said)
            self._signals.notices.set()
            self._signals.reconcile.set()

    async def _task(self, job: Job) -> ImageInference:
        pictures = [await self._pictures.get(reference.sha256) for reference in job.request.references]
        return await asyncio.to_thread(_build, job, pictures, self._transport(job))

    def _transport(self, job: Job) -> Transport:
        settings = self._settings
        webhook = upload = None
        if settings.public_url is not None:
            webhook = delivery_url(settings.public_url, settings.webhook_key, job.task_uuid)
        if settings.upload_endpoint is not None:
            if job.request.results == 1:
                upload = settings.upload_endpoint.get_secret_value().replace(TASK, job.task_uuid)
            else:  # asked for before the setting was made; at one address each picture would replace the last
                log.warning("job %d makes several pictures, so none is uploaded", job.id, extra={"job_id": job.id})
        return Transport(webhook, settings.output_type, settings.result_ttl_seconds, upload)

    async def _refused(self, job: Job, code: str, *, again: bool, message: str | None = None) -> None:
        """Runware definitely did not take this job: try later, or give up and release the hold."""
        now = self._clock()
        left = await self._database.run(jobs.post_refused, job.id, code, now + self._retry_after(job), message)
        in_time = job.first_post_at is not None and now < job.first_post_at + self._edits.resubmit_window
        if left == 0 and not (again and in_time):
            self._edits.wake(await self._database.run(outcomes.fail, job.id, code, now, message))
        self._signals.reconcile.set()

    async def _look_again(self, job: Job) -> None:
        await self._database.run(jobs.poll_at, job.id, self._clock() + self._retry_after(job))
        self._signals.reconcile.set()

    def _retry_after(self, job: Job) -> int:
        """Wait at least a second before a re-send, as Runware's SDK does, and longer the older the job is."""
        first = int(self._settings.poll_first_seconds * 1000)
        age = self._clock() - (job.first_post_at or self._clock())
        return max(first // 2, min(age, int(self._settings.poll_max_seconds * 1000)))

    def _first_poll(self) -> int:
        """Say when to ask for a task that was just accepted: later when a delivery is expected first."""
        seconds = self._settings.poll_first_seconds
        if self._settings.public_url is not None:
            seconds = self._settings.webhook_grace_seconds
        return self._clock() + int(seconds * 1000)


async def _is_withdrawn(tx: Tx, job: Job) -> bool:
    """Tell whether somebody said no, since a job was asked for, to a picture of theirs that it is made of."""
    thread_id = job.place.thread_id or job.place.reply_id
    return await consents.refusal(tx, job.guild_id, job.account_id, thread_id, job.request.references) is not None


def _build(job: Job, pictures: Sequence[bytes], transport: Transport) -> ImageInference:
    references = [f"data:{_media_type(picture)};base64,{base64.b64encode(picture).decode()}" for picture in pictures]
    return from_request(job.request, task_uuid=job.task_uuid, references=references, transport=transport)


def _media_type(picture: bytes) -> str:
    """Name the type of a prepared reference, which is a JPEG or a PNG."""
    return "image/png" if picture.startswith(b"\x89PNG") else "image/jpeg"
