"""Trays at the use cases: whose they are, how long they live, and that nothing gets lost or doubled in them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import pytest

from bot.consents import Consents, Posted
from bot.housekeeping import Housekeeping
from bot.metrics import Metrics
from bot.options import MAX_REFERENCES
from bot.signals import Signals
from bot.tray import MOST_HELD, TRAY_LIFE, Added, Held, Tray, TrayView, earlier, only, without
from storage.database import Database
from storage.records import Asker, Origin, Reference
from storage.tray import TrayPicture

START = 1_900_022_400_000
ANA, BO, ABROAD = Asker(10, 1), Asker(10, 2), Asker(11, 1)


def picture(number: int, **changes: Any) -> TrayPicture:
    return replace(TrayPicture(Reference(f"{number:064x}", 512, 512, f"{number}.png"), 100, 200), **changes)


@dataclass
class Desk:
    """Where pictures are gathered, on a clock that the test moves."""

    database: Database
    now: int = START

    def __post_init__(self) -> None:
        self.tray = Tray(self.database, clock=lambda: self.now)
        self.consents = Consents(self.database, Signals(), clock=lambda: self.now)

    async def names(self, asker: Asker = ANA) -> list[str]:
        return [held.picture.reference.label for held in (await self.tray.view(asker)).held]

    async def ids(self, asker: Asker = ANA) -> list[int]:
        return [held.picture.id for held in (await self.tray.view(asker)).held]


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


async def test_a_tray_is_its_members_alone_and_only_in_its_server(desk: Desk) -> None:
    assert await desk.tray.add(ANA, [picture(1)]) == Added(1, known=0, left_out=0)
    assert await desk.names() == ["1.png"]
    assert await desk.tray.view(BO) == await desk.tray.view(ABROAD) == TrayView()
    assert await desk.tray.used(BO) == await desk.tray.used(ABROAD) == []
    [picture_id] = await desk.ids()
    assert not await desk.tray.change(BO, lambda now: without(now, picture_id))
    assert not await desk.tray.change(ABROAD, lambda now: without(now, picture_id))
    assert await desk.names() == ["1.png"]


async def test_no_picture_is_added_twice_nor_more_than_a_tray_holds(desk: Desk) -> None:
    new = [picture(number) for number in (1, 2, 1)]
    assert await desk.tray.add(ANA, new) == Added(2, known=1, left_out=0)
    assert await desk.tray.add(ANA, [picture(2), picture(3)]) == Added(1, known=1, left_out=0)
    many = [picture(number) for number in range(3, 3 + MOST_HELD)]
    assert await desk.tray.add(ANA, many) == Added(MOST_HELD - 3, known=1, left_out=2)
    assert await desk.names() == [f"{number}.png" for number in range(1, MOST_HELD + 1)]
    assert await desk.tray.add(ANA, [picture(99)]) == Added(0, known=0, left_out=1)


async def test_an_edit_takes_the_first_pictures_of_a_tray(desk: Desk) -> None:
    await desk.tray.add(ANA, [picture(number) for number in range(1, 6)])
    used = [one.reference.label for one in await desk.tray.used(ANA)]
    assert used == ["1.png", "2.png", "3.png"]
    assert len(used) == MAX_REFERENCES


async def test_pictures_are_moved_removed_and_chosen(desk: Desk) -> None:
    await desk.tray.add(ANA, [picture(number) for number in range(1, 6)])
    first, second, third, fourth, fifth = await desk.ids()
    assert await desk.tray.change(ANA, lambda now: earlier(now, third))
    assert await desk.ids() == [first, third, second, fourth, fifth]
    assert not await desk.tray.change(ANA, lambda now: earlier(now, first))
    assert await desk.tray.change(ANA, lambda now: without(now, third))
    assert not await desk.tray.change(ANA, lambda now: earlier(now, third))
    assert not await desk.tray.change(ANA, lambda now: without(now, third))
    assert await desk.tray.change(ANA, lambda now: only(now, {fifth, first, third}))
    assert await desk.ids() == [first, fifth]
    assert not await desk.tray.change(ANA, lambda now: only(now, {third}))
    assert await desk.tray.change(ANA, lambda _: [])
    assert (await desk.tray.view(ANA)).held == ()


async def test_a_tray_lives_for_a_day_after_its_last_change(desk: Desk) -> None:
    await desk.tray.add(ANA, [picture(1)])
    desk.now += TRAY_LIFE - 1
    await desk.tray.add(ANA, [picture(2)])
    assert (await desk.tray.view(ANA)).until == desk.now + TRAY_LIFE
    desk.now += TRAY_LIFE - 1
    assert await desk.names() == ["1.png", "2.png"]
    [_, second] = await desk.ids()
    desk.now += 1
    assert await desk.names() == []
    assert await desk.tray.used(ANA) == []
    assert not await desk.tray.change(ANA, lambda now: without(now, second))
    await desk.tray.add(ANA, [picture(3)])
    assert await desk.names() == ["3.png"]


async def test_housekeeping_sweeps_trays_that_were_left_alone_for_a_day(desk: Desk) -> None:
    nothing: Any = None
    keeper = Housekeeping(desk.database, nothing, Metrics(), nothing, clock=lambda: desk.now)
    await desk.tray.add(ANA, [picture(1)])
    desk.now += TRAY_LIFE - 1
    assert await keeper.sweep_trays() == 0
    desk.now += 1
    assert await keeper.sweep_trays() == 1
    assert await keeper.sweep_trays() == 0


async def test_of_two_who_press_at_once_nothing_is_lost_or_doubled(desk: Desk) -> None:
    new = [picture(number) for number in range(1, 5)]
    added = await asyncio.gather(*(desk.tray.add(ANA, new) for _ in range(4)))
    assert sorted(one.added for one in added) == [0, 0, 0, 4]
    assert await desk.names() == ["1.png", "2.png", "3.png", "4.png"]
    ids = await desk.ids()
    changed = await asyncio.gather(
        *(desk.tray.change(ANA, lambda now: without(now, ids[0])) for _ in range(3)),
        desk.tray.add(ANA, [picture(5)]),
        desk.tray.change(ANA, lambda now: earlier(now, ids[3])),
    )
    assert [one for one in changed if isinstance(one, bool)].count(True) == 2
    assert await desk.names() == ["2.png", "4.png", "3.png", "5.png"]


async def test_it_is_told_whose_a_file_is_and_a_members_own_is_theirs(desk: Desk) -> None:
    file = picture(1).reference.sha256
    await desk.tray.add(BO, [picture(9)])
    result = picture(2, reference=Reference("f" * 64, 64, 64, "#7", result_id=7))
    await desk.tray.add(ANA, [picture(1), result])

    async def whose() -> list[int | None]:
        return [held.user_id for held in (await desk.tray.view(ANA)).held]

    assert await whose() == [None, None]
    await desk.consents.learn(ANA, file, file, Posted(2, 5, Origin(100, 200)), own=False, at=desk.now)
    assert await whose() == [2, None]
    await desk.consents.learn(ANA, file, file, Posted(1, 4, Origin(100, 201)), own=False, at=desk.now)
    assert await whose() == [1, None]
    assert isinstance((await desk.tray.view(ANA)).held[0], Held)
