"""Pictures go when nobody used them for long, and never while somebody may need them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from bot.housekeeping import Housekeeping
from bot.metrics import Metrics
from bot.pictures import Pictures
from bot.settings import Settings
from storage import pictures
from storage.database import Database

DAY = 86_400_000


def housekeeping(database: Database, store: Pictures, now: int) -> Housekeeping:
    settings: Any = {"discord_token": "x", "runware_api_key": "x", "allowed_guilds": "1", "picture_days": 90}
    return Housekeeping(database, store, Metrics(), Settings(**settings), clock=lambda: now)


def age(folder: Path, sha256: str, days: float) -> None:
    then = time.time() - days * 86_400
    os.utime(folder / sha256[:2] / sha256, (then, then))


async def test_a_picture_goes_ninety_days_after_its_last_use(database: Database, tmp_path: Path) -> None:
    async with Pictures(tmp_path / "pictures", min_free=0) as store:
        old, fresh = await store.put(b"old"), await store.put(b"fresh")
        await database.run(pictures.used, old, 100 * DAY)
        await database.run(pictures.used, fresh, 101 * DAY)
        assert await housekeeping(database, store, 100 * DAY + 90 * DAY + 1).sweep() == 1
        assert await store.get(fresh) == b"fresh"
        assert not (tmp_path / "pictures" / old[:2] / old).exists()
        assert await database.read(pictures.unused_since, 10**15, 10) == [fresh]


async def test_a_picture_that_no_edit_came_of_goes_after_a_day(database: Database, tmp_path: Path) -> None:
    async with Pictures(tmp_path / "pictures", min_free=0) as store:
        stray, young, named, again = [await store.put(data) for data in (b"stray", b"young", b"named", b"again")]
        await database.run(pictures.used, named, 1)
        for sha256 in (stray, named, again):
            age(tmp_path / "pictures", sha256, days=1.1)
        await store.put(b"again")
        assert await housekeeping(database, store, 2).sweep_strays() == 1
        assert not (tmp_path / "pictures" / stray[:2] / stray).exists()
        for sha256 in (young, named, again):
            assert (tmp_path / "pictures" / sha256[:2] / sha256).exists()
