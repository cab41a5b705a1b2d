"""Pictures go when nobody used them for long, and never while somebody may need them."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot import retention
from bot.errors import NotFound, OutOfReach
from bot.housekeeping import Housekeeping
from bot.metrics import Metrics
from bot.pictures import Pictures
from bot.pictures._disk import Disk
from bot.pictures._folder import Folder
from bot.pictures._store import Kept
from bot.settings import Settings
from storage import accounts, drafts, pictures
from storage.database import Database, Tx
from storage.records import Reference, Scope

DAY = 86_400_000


def housekeeping(database: Database, store: Pictures, now: int, metrics: Metrics | None = None) -> Housekeeping:
    settings: Any = {"discord_token": "x", "runware_api_key": "x", "allowed_guilds": "1", "picture_days": 90}
    return Housekeeping(database, store, metrics or Metrics(), Settings(**settings), clock=lambda: now)


def age(folder: Path, sha256: str, days: float) -> None:
    then = time.time() - days * 86_400
    os.utime(folder / sha256[:2] / sha256, (then, then))


async def test_a_picture_goes_ninety_days_after_its_last_use(database: Database, tmp_path: Path) -> None:
    async with Pictures(tmp_path / "pictures", min_free=0) as store:
        old, fresh = await store.put(b"old"), await store.put(b"fresh")
        for sha256, used_at in ((old, 100 * DAY), (fresh, 101 * DAY)):
            age(tmp_path / "pictures", sha256, days=90)
            await database.run(pictures.used, sha256, used_at)
        keeping = housekeeping(database, store, 100 * DAY + 90 * DAY + 1)
        assert (await keeping.forget_unused(), await keeping.sweep()) == (1, 1)
        assert await store.get(fresh) == b"fresh"
        assert not (tmp_path / "pictures" / old[:2] / old).exists()
        assert await database.read(pictures.unknown, [old, fresh]) == [old]


async def test_a_picture_that_no_edit_came_of_goes_after_a_day(database: Database, tmp_path: Path) -> None:
    async with Pictures(tmp_path / "pictures", min_free=0) as store:
        stray, young, named, again = [await store.put(data) for data in (b"stray", b"young", b"named", b"again")]
        await database.run(pictures.used, named, 1)
        for sha256 in (stray, named, again):
            age(tmp_path / "pictures", sha256, days=1.1)
        await store.put(b"again")
        assert await housekeeping(database, store, 2).sweep() == 1
        assert not (tmp_path / "pictures" / stray[:2] / stray).exists()
        for sha256 in (young, named, again):
            assert (tmp_path / "pictures" / sha256[:2] / sha256).exists()


async def test_a_picture_that_is_put_during_the_sweep_is_there_for_the_row_that_names_it_next(
    database: Database, tmp_path: Path
) -> None:
    class Met(Folder):
        """A folder into which somebody puts the pictures again between the listing and the removal."""

        def entries(self) -> Iterator[Kept]:
            found = list(super().entries())
            for kept in found:
                self.put(kept.sha256, self.get(kept.sha256))
            return iter(found)

    folder = tmp_path / "pictures"
    async with Pictures(folder, min_free=0, store=Met(Disk(folder))) as store:
        sha256 = await store.put(b"old")
        age(folder, sha256, days=100)
        await database.run(pictures.used, sha256, 1)
        keeping = housekeeping(database, store, 91 * DAY)
        assert (await keeping.forget_unused(), await keeping.sweep()) == (1, 0)
        await database.run(pictures.used, sha256, 91 * DAY)
        assert await store.get(sha256) == b"old"


async def test_a_picture_that_is_about_to_be_used_outlives_the_sweep_and_one_that_goes_is_not_promised(
    database: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    async with Pictures(folder, min_free=0) as store:
        wanted, late = await store.put(b"wanted"), await store.put(b"late")
        for sha256 in (wanted, late):
            age(folder, sha256, days=100)
            await database.run(pictures.used, sha256, 1)
        await retention.renew(database, store, wanted, 91 * DAY)
        keeping = housekeeping(database, store, 91 * DAY + 2)
        assert await keeping.forget_unused() == 1
        with pytest.raises(NotFound):  # its bytes still are there, for a moment
            await retention.renew(database, store, late, 91 * DAY + 2)
        assert await keeping.sweep() == 1
        assert await store.get(wanted) == b"wanted"


async def test_a_draft_that_gets_a_forgotten_picture_keeps_its_bytes(database: Database, tmp_path: Path) -> None:
    async def draft(tx: Tx) -> None:
        reference = Reference(sha256, 64, 64, "cat.png")
        account_id = await accounts.ensure(tx, Scope.MEMBER, 1, 10, 1)
        given: dict[str, Any] = {"values": {}, "references": (reference,), "parent_id": None, "words_of": None}
        await drafts.add(tx, guild_id=10, account_id=account_id, now=91 * DAY, **given)

    folder = tmp_path / "pictures"
    async with Pictures(folder, min_free=0) as store:
        sha256 = await store.put(b"a cat")
        age(folder, sha256, days=100)
        await database.run(pictures.used, sha256, 1)
        keeping = housekeeping(database, store, 91 * DAY)
        assert await keeping.forget_unused() == 1
        await database.run(draft)
        assert await keeping.sweep() == 0
        assert await store.get(sha256) == b"a cat"


async def test_the_size_of_the_store_is_told_as_the_sweep_leaves_it(database: Database, tmp_path: Path) -> None:
    metrics = Metrics()
    async with Pictures(tmp_path / "pictures", min_free=0) as store:
        await store.put(b"young")
        age(tmp_path / "pictures", await store.put(b"a stray"), days=2)
        await housekeeping(database, store, 2, metrics).sweep()
    lines = metrics.render().decode().splitlines()
    assert "darkroom_pictures 1.0" in lines
    assert "darkroom_pictures_bytes 5.0" in lines


async def test_a_store_out_of_reach_stops_no_housekeeping(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Lost(Folder):
        def entries(self) -> Iterator[Kept]:
            raise OutOfReach("NoAnswer")

    folder = tmp_path / "pictures"
    async with Pictures(folder, min_free=0, store=Lost(Disk(folder))) as store:
        running = asyncio.create_task(housekeeping(database, store, 2).run())
        async with asyncio.timeout(10):
            while "no pictures were swept" not in caplog.text:
                await asyncio.sleep(0.01)
        assert not running.done()
        running.cancel()
