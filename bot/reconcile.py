"""The guarantee behind the webhook: asks Runware about every task until its job is over.

That is what a lost delivery, a crash or an ambiguous submit needs; a delivery that came just makes it unnecessary.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from bot import outcomes
from bot.dispatch import Dispatcher
from bot.edits import Edits
from bot.runware.client import RunwareClient
from bot.runware.errors import RunwareError
from bot.settings import Settings
from bot.signals import Signals, seconds_until
from storage import jobs
from storage.database import Database
from storage.jobs import Reconciled
from storage.records import Outcome, Status

log = logging.getLogger(__name__)

#: How many tasks one getResponse asks for; only one where its answer holds the pictures themselves.
_BATCH: Final = 100
_IDLE: Final = 5.0


class Reconciler:
    """Looks at each job when it is due; Runware's answer to getResponse is the record."""

    def __init__(
        self,
        database: Database,
        edits: Edits,
        dispatcher: Dispatcher,
        runware: RunwareClient,
        signals: Signals,
        settings: Settings,
        *,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._edits = edits
        self._dispatcher = dispatcher
        self._runware = runware
        self._signals = signals
        self._settings = settings
        self._clock = clock
        self._started = clock()
        self._batch = _BATCH if settings.output_type == "URL" else 1

    async def run(self) -> None:
        """Reconcile without end, first everything that a stop may have left behind.

        A job that was claimed since the start is not: its first POST may be under way right now.
        """
        left_behind = await self._database.run(jobs.resume, self._clock(), self._started)
        if left_behind:
            log.info("asking Runware about %d jobs that were open at the last stop", left_behind)
        while True:
            while due := await self._database.read(jobs.to_poll, self._clock(), self._batch):
                await self._reconcile(due)
            await self._signals.reconcile.wait(await self._pause())

    async def _pause(self) -> float:
        following = await self._database.read(jobs.next_poll)
        return seconds_until(following, self._clock(), most=_IDLE)

    async def _reconcile(self, due: list[Reconciled]) -> None:
        refused = [asked for asked in due if asked.job.status is Status.SUBMITTING and asked.unknown_posts == 0]
        unknown = [asked for asked in due if asked not in refused]
        if unknown:
            await self._ask(unknown)
        for asked in refused:
            await self._post_again_or_fail(asked)

    async def _ask(self, due: list[Reconciled]) -> None:
        try:
            answers = await self._runware.responses([asked.job.task_uuid for asked in due])
        except RunwareError as error:
            log.warning("Runware could not be asked about %d jobs: %s", len(due), error.code)
            await asyncio.gather(*(self._unanswered(asked) for asked in due))
            return
        # Side by side, so that their units of work share commits.
        await asyncio.gather(*(self._guarded(asked, answers.get(asked.job.task_uuid, [])) for asked in due))

    async def _guarded(self, asked: Reconciled, said: list[Outcome]) -> None:
        """Take one job's answer; a bug in one must not keep the others, whose answers came with it, from ending."""
        try:
            await self._answered(asked, said)
        except Exception:
            extra = {"job_id": asked.job.id, "task_uuid": asked.job.task_uuid}
            log.exception("job %d could not be reconciled", asked.job.id, extra=extra)
            await self._unanswered(asked)

    async def _answered(self, asked: Reconciled, said: list[Outcome]) -> None:
        if not said and asked.job.status is Status.SUBMITTING:
            await self._find_out(asked)
        else:
            await self._take(asked, said)

    async def _take(self, asked: Reconciled, said: Sequence[Outcome]) -> None:
        said = await self._edits.keep(asked.job.task_uuid, said)
        now = self._clock()
        taken = await self._database.run(
            outcomes.take_poll, asked, said, now, now + self._backoff(asked.polls), self._edits.rules
        )
        self._edits.wake(taken)

    async def _unanswered(self, asked: Reconciled) -> None:
        """Ask again later; a deadline holds even when Runware cannot be reached."""
        now = self._clock()
        next_at = now + int(self._settings.poll_max_seconds * 1000)
        self._edits.wake(
            await self._database.run(outcomes.take_silence, asked.job.task_uuid, now, next_at, self._edits.rules)
        )

    async def _find_out(self, asked: Reconciled) -> None:
        """A POST whose fate is unknown, and no answer from getResponse: ask for the task's details, then decide."""
        try:
            details = await self._runware.details(asked.job.task_uuid)
        except RunwareError as error:
            log.warning("Runware could not be asked for the details of job %d: %s", asked.job.id, error.code)
            await self._unanswered(asked)
            return
        now = self._clock()
        if details.known:
            await self._database.run(outcomes.accept, asked.job.id, now, now + self._backoff(asked.polls))
            await self._take(asked, details.outcomes)
        elif self._may_post_again(asked, now):
            log.info("Runware knows nothing of job %d: posting the same task again", asked.job.id)
            await self._dispatcher.post_again(asked.job)
        else:
            await self._take(asked, [])

    async def _post_again_or_fail(self, asked: Reconciled) -> None:
        now = self._clock()
        if self._may_post_again(asked, now):
            await self._dispatcher.post_again(asked.job)
        else:
            job = asked.job
            code = job.error_code or "unknownError"
            self._edits.wake(await self._database.run(outcomes.fail, job.id, code, now, job.error_message))

    def _may_post_again(self, asked: Reconciled, now: int) -> bool:
        first = asked.job.first_post_at
        return first is not None and now < first + self._edits.resubmit_window

    def _backoff(self, polls: int) -> int:
        """Return the pause before the next poll, in milliseconds: half as long again each time, up to a maximum."""
        first, longest = self._settings.poll_first_seconds, self._settings.poll_max_seconds
        return int(min(longest, first * 1.5 ** min(polls, 30)) * 1000)
