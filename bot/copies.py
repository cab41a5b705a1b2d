"""Copies each result when it is first seen: Runware's links expire, and Discord's do too."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from bot import retention
from bot.errors import NotFound, OutOfReach, OutOfSpace
from bot.images import Refused
from bot.pictures import Pictures
from bot.runware.client import FetchFailed, RefusedHost, RunwareClient
from bot.settings import Settings
from bot.signals import Signals, seconds_until
from bot.trees import THUMBNAIL
from storage import announcements, pictures, results
from storage.database import Database, Tx
from storage.results import Uncopied

log = logging.getLogger(__name__)

#: A 2048x2048 PNG is about 16 MiB; twice that is not one of ours.
MAX_RESULT_BYTES: Final = 32 * 1024 * 1024
#: After so many failed fetches, each pause twice the last, a result is given up: about a quarter of an hour.
MAX_TRIES: Final = 9
_LONGEST_PAUSE: Final = 1_800_000
_AT_ONCE: Final = 4
_IDLE: Final = 5.0


class Copier:
    """Fetches the bytes of new results into the picture store, a few at once."""

    def __init__(
        self,
        database: Database,
        store: Pictures,
        runware: RunwareClient,
        signals: Signals,
        settings: Settings,
        *,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._pictures = store
        self._runware = runware
        self._signals = signals
        self._settings = settings
        self._clock = clock

    async def run(self) -> None:
        """Copy without end."""
        while True:
            while due := await self._database.read(results.to_copy, self._clock(), _AT_ONCE):
                await asyncio.gather(*(self._copy(result) for result in due))
            await self._signals.copies.wait(await self._pause())

    async def _pause(self) -> float:
        following = await self._database.read(results.next_copy)
        return seconds_until(following, self._clock(), most=_IDLE)

    async def _copy(self, result: Uncopied) -> None:
        try:
            data = await self._runware.fetch(result.url, hosts=self._settings.result_hosts, max_bytes=MAX_RESULT_BYTES)
            media_type, width, height = await self._pictures.describe(data)
            sha256 = await self._pictures.put(data)
        except RefusedHost:
            await self._lost(result, "refused_host")
        except Refused:
            await self._lost(result, "not_a_picture")
        except FetchFailed as failed:
            if failed.gone or result.tries + 1 >= MAX_TRIES:
                await self._lost(result, "gone")
            else:
                await self._later(result, failed.code)
        except (OSError, OutOfSpace, OutOfReach) as error:
            await self._later(result, type(error).__name__)
        else:
            began = time.monotonic()
            if not await self._database.run(_copied, result, sha256, media_type, (width, height), self._clock()):
                await retention.remove(self._database, self._pictures, [sha256], began)
            self._signals.notices.set()
            await self._make_thumbnail(result, sha256)

    async def _make_thumbnail(self, result: Uncopied, sha256: str) -> None:
        """Make what trees show, so that a large one need not be waited for."""
        try:
            await self._pictures.thumbnail(sha256, THUMBNAIL)
        except (NotFound, OutOfReach, Refused, OSError) as error:  # it is tried again when a tree is drawn
            log.warning("result %d has no thumbnail: %s", result.id, type(error).__name__)

    async def _lost(self, result: Uncopied, why: str) -> None:
        log.error("result %d is lost: %s", result.id, why)
        await self._database.run(_lost, result, why, self._clock())
        self._signals.notices.set()

    async def _later(self, result: Uncopied, why: str) -> None:
        pause = min(_LONGEST_PAUSE, int(self._settings.poll_first_seconds * 1000) * 2**result.tries)
        log.warning("result %d is copied later, in %.1f s: %s", result.id, pause / 1000, why)
        await self._database.run(results.copy_later, result.id, self._clock() + pause)


async def _copied(tx: Tx, result: Uncopied, sha256: str, media_type: str, size: tuple[int, int], now: int) -> bool:
    """Record a copy; returns False when nothing names these bytes, because the result was deleted meanwhile."""
    if await results.copied(tx, result.id, sha256, media_type, size) is None:
        return not await pictures.release(tx, sha256)
    await pictures.used(tx, sha256, now)
    await announcements.hurry(tx, result.job_id, now)
    return True


async def _lost(tx: Tx, result: Uncopied, why: str, now: int) -> None:
    if await results.lost(tx, result.id, why) is not None:
        await announcements.hurry(tx, result.job_id, now)
