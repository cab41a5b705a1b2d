"""What Discord has not heard yet. The announcer pulls from here; nothing here knows Discord."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from typing import Final

from bot.metrics import Metrics
from bot.signals import Signal, seconds_until
from storage import announcements, jobs, results
from storage.database import Database, Tx
from storage.records import OVER, Announcement, Asker, Job
from storage.windows import MINUTE

log = logging.getLogger(__name__)

#: After so many failures in a row a job is given up, and counted as undeliverable.
MAX_TRIES: Final = 8
#: What Discord does not let be changed for the moment is tried again after so long, in milliseconds.
BEHIND_PAUSE: Final = 5 * MINUTE
#: The longest time without a look at the table, in seconds, in case a signal was lost.
_IDLE: Final = 5.0
_BATCH: Final = 16


class Outbox:
    """The jobs with something to show, each handed out once until :meth:`shown`, :meth:`later` or :meth:`put_back`."""

    def __init__(
        self,
        database: Database,
        signal: Signal,
        metrics: Metrics,
        *,
        clock: Callable[[], int],
        retry_seconds: float,
    ) -> None:
        self._database = database
        self._signal = signal
        self._metrics = metrics
        self._clock = clock
        self._retry = int(retry_seconds * 1000)
        self._handed_out: set[int] = set()

    async def due(self) -> AsyncIterator[Job]:
        """Yield, without end, each job whose card or whose end Discord has not heard.

        One at a time may pull; whoever starts anew is handed again what the last one had in hand when it broke.
        """
        self._handed_out.clear()
        while True:
            for job in await self._take():
                yield job
            await self._signal.wait(await self._pause())

    async def _take(self) -> list[Job]:
        due = await self._database.read(announcements.due, self._clock(), _BATCH + len(self._handed_out))
        fresh = [job for job in due if job.id not in self._handed_out]
        self._handed_out.update(job.id for job in fresh)
        return fresh

    async def _pause(self) -> float:
        now = self._clock()
        following = await self._database.read(announcements.next_due, now)
        return seconds_until(following, now, least=0, most=_IDLE)

    async def placed(self, job_id: int, thread_id: int) -> None:
        """Record the thread that was made or found for a job."""
        await self._database.run(announcements.placed, job_id, thread_id)

    async def carded(self, job_id: int, message_id: int) -> None:
        """Record the status message of a job."""
        await self._database.run(announcements.carded, job_id, message_id)

    async def plan(self, job: Job) -> list[Announcement]:
        """Return the messages still to post about a job's end: none while it is open or a picture is being copied.

        None either when the job is not as it was handed out any more: it is handed out again, and told as it is then.
        """
        return await self._database.run(_plan, job.id, self._clock(), job.version)

    async def posted_messages(self, job_id: int) -> list[Announcement]:
        """Return the messages that were posted about a job's end."""
        said = await self._database.read(announcements.of_job, job_id)
        return [announcement for announcement in said if announcement.message_id]

    async def begin(self, job_id: int, index: int) -> None:
        """Commit, before a post, that its fate is unknown until :meth:`posted`."""
        await self._database.run(announcements.begin, job_id, index)

    async def posted(self, job_id: int, index: int, channel_id: int, message_id: int) -> None:
        """Record where a message was posted."""
        await self._database.run(announcements.posted, job_id, index, channel_id, message_id, self._clock())

    async def keep(self, job_id: int, index: int) -> None:
        """Keep a message for its asker's next command: every way out was shut."""
        await self._database.run(announcements.keep, job_id, index)

    async def kept_for(self, asker: Asker) -> list[tuple[Job, Announcement]]:
        """Return what is kept for a member."""
        return await self._database.read(announcements.kept_for, asker)

    async def skip(self, job_id: int, index: int) -> None:
        """Count a message as posted that is not to be posted any more."""
        await self._database.run(announcements.skip, job_id, index, self._clock())

    async def hand_over(self, job_id: int, index: int) -> None:
        """Record that a kept message reached its asker."""
        await self._database.run(announcements.handed_over, job_id, index, self._clock())

    async def shown(self, job: Job, *, behind: bool = False) -> None:
        """Record that Discord shows this version of a job; a newer one is handed out again at once.

        ``behind``: some of what was posted stays as it was, because Discord lets it not be changed for the moment. It is
        tried again after :data:`BEHIND_PAUSE`, which counts as no failure.
        """
        now = self._clock()
        again_at = now + BEHIND_PAUSE if behind else None
        announced = await self._database.run(announcements.shown, job.id, job.version, now, again_at)
        if announced is not None:
            self._metrics.announce_lag.observe((now - announced) / 1000)
        self.put_back(job)

    async def later(self, job: Job, error: str) -> None:
        """Try a job again after a while of its own, doubling each time; give it up after :data:`MAX_TRIES`.

        What could not be posted by then is kept for the asker's next command. What was posted and could not be brought
        up to date stays as it is until something changes again.
        """
        now = self._clock()
        pause = self._retry * 2**job.notice_tries
        tries = await self._database.run(announcements.later, job.id, now + pause)
        if tries >= MAX_TRIES:
            await self._database.run(_give_up, job.id, now)
            what = "announced" if job.announced_at is None else "brought up to date"
            log.error("job %d could not be %s in %d tries: %s", job.id, what, tries, error)
        else:
            log.warning("job %d is taken up again in %.1f s: %s", job.id, pause / 1000, error)
        self.put_back(job)

    def put_back(self, job: Job) -> None:
        """Have a job handed out again as soon as it is due."""
        self._handed_out.discard(job.id)
        self._signal.set()


async def _plan(tx: Tx, job_id: int, now: int, version: int | None = None) -> list[Announcement]:
    job = await jobs.known(tx, job_id)
    if job.version != (version or job.version) or job.status not in OVER or await results.uncopied(tx, job_id):
        return []
    if job.sweep_id is None:
        return await announcements.plan(tx, job_id, job.status)
    return await _plan_cell(tx, job, now)


async def _plan_cell(tx: Tx, job: Job, now: int) -> list[Announcement]:
    """Plan the picture of a sweep's cell alone: what became of one without a picture stands on the card of the sweep."""
    shown = {result.id for result in await results.of_job(tx, job.id) if result.usable}
    planned: list[Announcement] = []
    for announcement in await announcements.plan(tx, job.id, job.status, quiet=True):
        # What may have been posted before has to be found: its picture may have been taken down since.
        if announcement.tries or shown.intersection(announcement.result_ids):
            planned.append(announcement)
        else:
            await announcements.skip(tx, job.id, announcement.index, now)
    return planned


async def _give_up(tx: Tx, job_id: int, now: int) -> None:
    for announcement in await _plan(tx, job_id, now):
        await announcements.keep(tx, job_id, announcement.index)
    await announcements.give_up(tx, job_id, now)
