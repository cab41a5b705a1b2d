"""Asks Runware to delete its copies of what somebody made who was forgotten.

Runware's API promises this of stored media only (reference: ``mediaStorage``); results are asked for all the same, by
their ``imageUUID``, and whatever it answers ends the matter, unless it may answer otherwise later.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from bot.metrics import Metrics
from bot.runware.client import RunwareClient
from bot.runware.errors import RunwareError, retryable
from bot.signals import Signals, seconds_until
from storage import remote
from storage.database import Database
from storage.remote import RemoteCopy
from storage.windows import MINUTE

log = logging.getLogger(__name__)

#: After so many questions without an answer, each pause four times the last, a copy is left alone: within a day.
MAX_TRIES: Final = 6
_FIRST_PAUSE: Final = MINUTE
_GROWTH: Final = 4
_AT_ONCE: Final = 4
_IDLE: Final = 30.0


class Removals:
    """Works off what is to be deleted at Runware, a few at once."""

    def __init__(
        self,
        database: Database,
        runware: RunwareClient,
        signals: Signals,
        metrics: Metrics,
        *,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._runware = runware
        self._signals = signals
        self._metrics = metrics
        self._clock = clock

    async def run(self) -> None:
        """Ask without end."""
        while True:
            while due := await self._database.read(remote.due, self._clock()):
                for start in range(0, len(due), _AT_ONCE):
                    await asyncio.gather(*(self.ask(copy) for copy in due[start : start + _AT_ONCE]))
            await self._signals.removals.wait(await self._pause())

    async def _pause(self) -> float:
        following = await self._database.read(remote.next_due)
        return seconds_until(following, self._clock(), most=_IDLE)

    async def ask(self, copy: RemoteCopy) -> None:
        """Ask for one copy; it is done with, or asked for again after a while of its own."""
        try:
            await self._runware.delete_media(copy.image_uuid)
        except RunwareError as error:
            if retryable(error.kind) and copy.tries + 1 < MAX_TRIES:
                at = self._clock() + _FIRST_PAUSE * _GROWTH**copy.tries
                await self._database.run(remote.later, copy.image_uuid, at)
                return
            outcome = "unanswered" if retryable(error.kind) else "refused"
            log.info("a copy at Runware was not deleted: %s", error.code)
        else:
            outcome = "deleted"
        await self._database.run(remote.done, copy.image_uuid)
        self._metrics.removals.labels(outcome).inc()
