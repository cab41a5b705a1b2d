"""What keeps the bot running for a year: pictures, drafts and trays that nobody used for long go, and the gauges stay true."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from bot.drafts import DRAFT_LIFE
from bot.metrics import Metrics
from bot.pictures import Pictures
from bot.settings import Settings
from bot.tray import TRAY_LIFE
from storage import drafts, jobs, ledger, pictures, tray
from storage.database import Database

log = logging.getLogger(__name__)

_SWEEP_SECONDS: Final = 3600.0
_BATCH: Final = 100
_DAY: Final = 86_400_000


class Housekeeping:
    """Sweeps the drafts, the trays and the picture store by the hour, and reads the gauges when they are asked for."""

    def __init__(
        self,
        database: Database,
        store: Pictures,
        metrics: Metrics,
        settings: Settings,
        *,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._pictures = store
        self._metrics = metrics
        self._settings = settings
        self._clock = clock

    async def run(self) -> None:
        """Sweep without end."""
        while True:
            await self.sweep_drafts()  # first: its pictures are strays from then on
            await self.sweep_trays()
            unused, stray = await self.sweep(), await self.sweep_strays()
            if unused or stray:
                log.info("removed %d pictures unused for long and %d that no edit came of", unused, stray)
            await asyncio.sleep(_SWEEP_SECONDS)

    async def sweep_drafts(self) -> int:
        """Remove the drafts that were left alone for a day; returns how many."""
        return await self._database.run(drafts.sweep, self._clock() - DRAFT_LIFE)

    async def sweep_trays(self) -> int:
        """Remove the trays that were left alone for a day; returns how many."""
        return await self._database.run(tray.sweep, self._clock() - TRAY_LIFE)

    async def sweep(self) -> int:
        """Remove the pictures that were last used longer ago than the settings allow; returns how many."""
        before, swept = self._clock() - self._settings.picture_days * _DAY, 0
        while old := await self._database.read(pictures.unused_since, before, _BATCH):
            for sha256 in old:
                await self._pictures.delete(sha256)
                await self._database.run(pictures.forget, sha256)
            swept += len(old)
        return swept

    async def sweep_strays(self) -> int:
        """Remove the pictures of requests that were refused or never finished, a day after; returns how many."""
        old, swept = await self._pictures.older_than(_DAY / 1000), 0
        for start in range(0, len(old), _BATCH):
            strays = await self._database.read(pictures.unknown, old[start : start + _BATCH])
            for sha256 in strays:
                await self._pictures.delete(sha256)
            swept += len(strays)
        return swept

    async def measure(self) -> None:
        """Read the gauges from the database and the disk."""
        counts = await self._database.read(jobs.counts)
        holds, held = await self._database.read(ledger.open_holds)
        self._metrics.queued.set(counts.queued)
        self._metrics.in_flight.set(counts.in_flight)
        self._metrics.undeliverable.set(counts.undeliverable)
        self._metrics.holds_open.set(holds)
        self._metrics.holds_micros.set(held)
        self._metrics.disk_free.set(self._pictures.free())

    async def database_answers(self) -> bool:
        """Tell whether the database can be read now."""
        try:
            await self._database.read(jobs.counts)
        except Exception:
            log.exception("the database does not answer")
            return False
        return True
