"""What keeps the bot running for a year: what nobody used for long goes, and the gauges stay true."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from bot.drafts import DRAFT_LIFE
from bot.errors import OutOfReach
from bot.metrics import Metrics
from bot.picks import PICK_LIFE
from bot.pictures import Pictures
from bot.settings import Settings
from bot.tray import TRAY_LIFE
from storage import drafts, jobs, ledger, picks, pictures, tray
from storage.database import Database

log = logging.getLogger(__name__)

_SWEEP_SECONDS: Final = 3600.0
_BATCH: Final = 100
_DAY: Final = 86_400_000
#: For so long after a picture was put last, a row may still be about to name it: an offer waits for an hour.
_STRAY_SECONDS: Final = 86_400.0


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
            await self.sweep_picks()
            await self.sweep_trays()
            await self.forget_unused()  # then theirs are
            try:
                swept = await self.sweep()
            except OutOfReach as error:
                log.warning("no pictures were swept, the next sweep is in an hour: %s", error.reason)
            else:
                if swept:
                    log.info("removed %d pictures that nobody used for long or that no edit came of", swept)
            await asyncio.sleep(_SWEEP_SECONDS)

    async def sweep_drafts(self) -> int:
        """Remove the drafts that were left alone for a day; returns how many."""
        return await self._database.run(drafts.sweep, self._clock() - DRAFT_LIFE)

    async def sweep_picks(self) -> int:
        """Remove the picks that were made a day ago or earlier; returns how many."""
        return await self._database.run(picks.sweep, self._clock() - PICK_LIFE)

    async def sweep_trays(self) -> int:
        """Remove the trays that were left alone for a day; returns how many."""
        return await self._database.run(tray.sweep, self._clock() - TRAY_LIFE)

    async def forget_unused(self) -> int:
        """Forget the pictures that were last used longer ago than the settings allow; returns how many.

        Their bytes are strays from then on. So there is one place where bytes are swept, and it asks anew who needs them.
        """
        before, forgotten = self._clock() - self._settings.picture_days * _DAY, 0
        while gone := await self._database.run(pictures.forget_unused, before, _BATCH):
            forgotten += gone
        return forgotten

    async def sweep(self) -> int:
        """Remove the bytes that nothing names, and count the others; returns how many pictures went.

        Somebody may put such a picture at this very moment and name it next, so what was put within a day stays.
        """
        found = await self._pictures.inventory(_STRAY_SECONDS)
        old, swept = list(found.old), 0
        for start in range(0, len(old), _BATCH):
            for sha256 in await self._database.read(pictures.unknown, old[start : start + _BATCH]):
                if await self._pictures.discard(sha256, _STRAY_SECONDS):
                    swept += 1
                    found.size -= found.old[sha256]
        self._metrics.pictures.set(found.pictures - swept)
        self._metrics.picture_bytes.set(found.size)
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
