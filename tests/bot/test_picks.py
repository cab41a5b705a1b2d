"""Picks at the use cases: whose they are, how long they live, and what is said of those that are gone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.consents import Posted
from bot.errors import NoConsent, NotAllowed, NotFound
from bot.housekeeping import Housekeeping
from bot.metrics import Metrics
from bot.picks import MOST_PICKS, PICK_LIFE, Offered, Picks
from bot.pictures import Pictures
from bot.settings import Settings
from storage.database import Database, Tx
from storage.picks import Found
from storage.records import Asker, Origin, Reference

START = 1_900_022_400_000
ANA, BO, ABROAD = Asker(10, 1), Asker(10, 2), Asker(11, 1)
FILE = Found("cat.png", "https://cdn.example/cat.png", is_file=True, size=2048)
POSTED = Posted(BO.user_id, START - 5, Origin(100, 200))
READ = Reference("c" * 64, 512, 384, "cat.png")


class Counter:
    """Where picks are made, on a clock that the test moves."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = START
        self.picks = Picks(database, clock=lambda: self.now)

    async def open(self, asker: Asker = ANA) -> int:
        return await self.picks.open(asker, [FILE], POSTED, seen_in=200)

    async def stands(self, pick_id: int) -> bool:
        try:
            await self.picks.get(pick_id, ANA)
        except NotFound:
            return False
        return True


@pytest.fixture
def counter(database: Database) -> Counter:
    return Counter(database)


async def test_a_pick_is_for_the_member_alone_who_made_it_and_only_in_its_server(counter: Counter) -> None:
    pick_id = await counter.open()
    await counter.picks.keep(pick_id, 1, READ)
    assert await counter.picks.get(pick_id, ANA) == Offered((FILE,), POSTED, 200, {1: READ})
    with pytest.raises(NotAllowed, match="somebody else's"):
        await counter.picks.get(pick_id, BO)
    with pytest.raises(NotFound, match="Use the menu on the message again"):
        await counter.picks.get(pick_id, ABROAD)


async def test_a_pick_is_good_for_a_day(counter: Counter) -> None:
    pick_id = await counter.open()
    counter.now += PICK_LIFE - 1
    assert await counter.stands(pick_id)
    counter.now += 1
    assert not await counter.stands(pick_id)


async def test_a_member_has_ten_picks_and_the_oldest_goes_for_a_new_one(counter: Counter) -> None:
    made = [await counter.open() for _ in range(MOST_PICKS + 1)]
    await counter.open(BO)
    assert [await counter.stands(pick_id) for pick_id in made] == [False, *[True] * MOST_PICKS]


async def test_a_member_has_ten_picks_also_where_many_are_made_at_once(counter: Counter) -> None:
    for _ in range(8):
        made = await asyncio.gather(*(counter.open() for _ in range(2 * MOST_PICKS)))
        assert [await counter.stands(pick_id) for pick_id in made].count(True) == MOST_PICKS


async def test_a_pick_of_pictures_of_who_was_forgotten_is_no_choice_any_more(counter: Counter) -> None:
    async def forget(tx: Tx) -> None:
        await tx.execute("DELETE FROM accounts WHERE holder_id = ?1", BO.user_id)

    pick_id = await counter.open()
    await counter.database.run(forget)
    with pytest.raises(NoConsent, match="asked to be forgotten"):
        await counter.picks.get(pick_id, ANA)


async def test_housekeeping_sweeps_picks_after_a_day(counter: Counter, tmp_path: Path) -> None:
    given: dict[str, Any] = {"discord_token": "x", "runware_api_key": "x", "allowed_guilds": "10"}
    async with Pictures(tmp_path / "pictures", min_free=0) as store:
        keeper = Housekeeping(counter.database, store, Metrics(), Settings(**given), clock=lambda: counter.now)
        old = await counter.open()
        counter.now += 1
        young = await counter.open()
        counter.now += PICK_LIFE - 1
        assert await keeper.sweep_picks() == 1
        counter.now -= 1
        assert [await counter.stands(pick_id) for pick_id in (old, young)] == [False, True]
