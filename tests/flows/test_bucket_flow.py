"""Pictures in a bucket, as members meet it: an edit from end to end, a restart, and a store that is away for a while."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.errors import OutOfReach
from bot.pictures._store import Kept
from playground.world import World, open_world
from storage import results
from storage.records import Status

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}
WORDS = "My picture store cannot be reached. Nothing was charged; try again in a minute."


class Away:
    """The store of a world, of which a part is out of reach for as long as a test says."""

    def __init__(self, world: World, *parts: str) -> None:
        keeper: Any = world.program.services.pictures._keeper
        self._store = keeper._store
        self.parts = set(parts)
        #: How often somebody asked in vain.
        self.missed = 0
        keeper._store = self

    def _check(self, part: str) -> None:
        if part in self.parts:
            self.missed += 1
            raise OutOfReach("NoAnswer")

    def put(self, sha256: str, data: bytes) -> None:
        self._check("put")
        self._store.put(sha256, data)

    def get(self, sha256: str) -> bytes:
        self._check("get")
        return self._store.get(sha256)

    def stat(self, sha256: str) -> Kept:
        self._check("stat")
        return self._store.stat(sha256)

    def delete(self, sha256: str) -> None:
        self._check("delete")
        self._store.delete(sha256)

    def entries(self) -> Iterator[Kept]:
        self._check("entries")
        return self._store.entries()

    async def missed_twice(self) -> None:
        async with asyncio.timeout(20):
            while self.missed < 2:
                await asyncio.sleep(0.01)
        self.parts.clear()


def bugs(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged as an error: a store that is away is none."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


async def test_an_edit_lives_in_the_bucket_from_end_to_end_and_a_restart_finds_it(
    bucket_settings: dict[str, Any], books_of: Any, visit_of: Any
) -> None:
    async with open_world(**PLENTY, **bucket_settings) as world:
        visit = visit_of(world)
        shown = await visit.edit()
        [job] = await books_of(world).jobs()
        [result] = await world.program.edits.results(job.id)
        [reference] = job.request.references
        kept = await world.program.services.pictures.inventory(0)
        assert kept.pictures == 2
        data = await world.program.services.pictures.get(reference.sha256)
        assert hashlib.sha256(data).hexdigest() == reference.sha256
        assert await world.program.services.pictures.get(result.sha256 or "")
        assert not list(Path(world.settings.data_dir, "pictures").glob("??/*")), "no picture is on this machine"

        await world.restart()
        await world.bo.click(shown, label="Reroll")
        await world.idle()
        branch = await visit.edit(**{"from": visit.ids(shown)[0]})
        assert visit.ids(branch)
        assert [job.status for job in await books_of(world).jobs()] == [Status.SUCCEEDED] * 3
        assert world.env.errors == []
        await books_of(world).check()


@pytest.mark.parametrize(
    ("parts", "output_type"),
    [
        pytest.param(["get"], "URL", id="before it is sent"),
        pytest.param(["put"], "URL", id="when its picture is copied"),
        pytest.param(["put"], "base64Data", id="when its picture comes within a delivery"),
    ],
)
async def test_a_store_that_is_away_for_a_while_delays_an_edit_and_loses_nothing(
    parts: list[str], output_type: Any, books_of: Any, visit_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_world(output_type=output_type, **PLENTY) as world:
        visit = visit_of(world)
        world.runware.pause()
        away = Away(world)
        if "get" in parts:
            away.parts = set(parts)
        await visit.ask()
        away.parts = set(parts)
        world.runware.resume()
        await away.missed_twice()
        await world.idle()
        [job] = await books_of(world).jobs()
        assert (job.status, job.error_code) == (Status.SUCCEEDED, None)
        assert len(visit.ids(visit.last())) == 1
        if output_type == "URL":  # a delivery that is not taken is told as such: Runware sends it again
            assert bugs(caplog) == []
        await books_of(world).check()


async def test_a_picture_that_cannot_be_read_for_a_while_is_posted_later_and_not_called_lost(
    books_of: Any, visit_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        world.runware.pause()
        away = Away(world)
        await visit.ask()
        await visit.status(0, Status.SUBMITTED)
        away.parts = {"get", "stat"}
        world.runware.resume()
        await away.missed_twice()
        await world.idle()
        assert len(visit.ids(visit.last())) == 1
        assert "lost" not in visit.words(visit.last())
        assert bugs(caplog) == []


async def test_members_are_told_in_words_that_the_store_is_away_and_nothing_is_charged(
    books_of: Any, visit_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit()
        Away(world, "put", "get", "stat")
        asked = await visit.ask()
        assert WORDS in visit.words(asked.response)
        again = await world.bo.click(shown, label="Reroll")
        assert WORDS in visit.words(again.response)
        assert len(await books_of(world).jobs()) == 1
        assert world.env.errors == []


async def test_a_picture_is_taken_down_also_while_the_store_is_away(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit()
        [job] = await books_of(world).jobs()
        [result] = await world.program.edits.results(job.id)
        Away(world, "delete")
        pressed = await world.ana.click(shown, label="Delete")
        assert pressed.response is None or WORDS not in visit.words(pressed.response)
        await world.idle()
        assert shown.id not in [message.id for message in visit.everything()]
        after = await world.program.database.read(results.get, result.id)
        assert after is not None
        assert after.deleted_at is not None
        assert world.env.errors == []
