"""Stars: one for each person and result, counted; and the galleries made of them."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest

from storage import accounts, announcements, results, sessions, stars
from storage.database import Database, Tx
from storage.records import Place, Scope, Status
from storage.stars import Entry, Shelf

Make = Callable[..., Awaitable[int]]

NOW = 1_900_022_500_000
GUILD, THREAD, WEEK = 10, 200, 740_000
HERE, ELSEWHERE = Place(100, 300, THREAD), Place(101, 301, public=False)


async def account(database: Database, user_id: int) -> int:
    return await database.run(accounts.ensure, Scope.MEMBER, NOW, GUILD, user_id)


async def give(database: Database, result_id: int, *user_ids: int, week: int = WEEK) -> list[bool]:
    return [
        await database.run(stars.give, result_id, await account(database, user_id), week, NOW) for user_id in user_ids
    ]


async def take(database: Database, result_id: int, user_id: int) -> bool:
    return await database.run(stars.take, result_id, await account(database, user_id))


async def counted(database: Database, result_id: int) -> int:
    found = await database.read(results.get, result_id)
    assert found is not None
    return found.stars


async def page(
    database: Database,
    shelf: Shelf = Shelf.SERVER,
    of: int = GUILD,
    cursor: tuple[int, int] = stars.START,
    limit: int = 100,
    *,
    key: int = 0,
    back: bool = False,
) -> list[int]:
    entries = await database.read(stars.page, shelf, of, cursor, limit, key=key, back=back)
    return [entry.result_id for entry in entries]


async def rows(tx: Tx) -> tuple[int, int]:
    """How many stars and how many counters there are."""
    return len(await tx.fetch_all("SELECT 1 AS one FROM stars")), len(
        await tx.fetch_all("SELECT 1 AS one FROM starred")
    )


# Giving and taking ---------------------------------------------------------------------------------------------------


async def test_a_person_gives_a_result_one_star_and_takes_it_back(database: Database, make: Make) -> None:
    result_id = await make()
    bo = await account(database, 2)
    assert await give(database, result_id, 2, 2) == [True, False]
    assert (await counted(database, result_id), await database.read(stars.given, result_id, bo)) == (1, True)
    assert [await take(database, result_id, 2) for _ in "ab"] == [True, False]
    assert (await counted(database, result_id), await database.read(stars.given, result_id, bo)) == (0, False)
    assert await database.read(rows) == (0, 0)


async def test_a_star_of_somebody_else_stays_when_one_is_taken_back(database: Database, make: Make) -> None:
    result_id, other = await make(), await make()
    await give(database, result_id, 2, 3, 4)
    await give(database, other, 2)
    await take(database, result_id, 2)
    assert (await counted(database, result_id), await counted(database, other)) == (2, 1)
    assert [await database.read(stars.given, result_id, await account(database, who)) for who in (2, 3, 4)] == [
        False,
        True,
        True,
    ]


async def test_a_result_that_was_taken_down_loses_its_stars_and_takes_none(database: Database, make: Make) -> None:
    async def delete(tx: Tx) -> None:
        await results.delete(tx, result_id, NOW)
        await stars.forget(tx, result_id)

    result_id, other = await make(), await make()
    for starred in (result_id, other):
        await give(database, starred, 2, 3)
    await database.run(delete)
    assert await give(database, result_id, 4) == [False]
    assert not await take(database, result_id, 2)
    assert (await counted(database, result_id), await counted(database, other)) == (0, 2)
    assert await database.read(rows) == (2, 1)


async def test_a_result_that_is_not_there_takes_no_star(database: Database) -> None:
    assert await give(database, 999, 2) == [False]
    assert not await take(database, 999, 2)


# Galleries -----------------------------------------------------------------------------------------------------------


async def test_the_most_stars_come_first_and_of_as_many_the_newest_result(database: Database, make: Make) -> None:
    one, two, three, none = [await make() for _ in range(4)]
    await give(database, one, 2)
    await give(database, two, 2, 3)
    await give(database, three, 2)
    assert await page(database) == [two, three, one]
    assert none not in await page(database)


async def test_a_gallery_is_of_a_server_a_week_a_person_or_a_session(database: Database, make: Make) -> None:
    here, elsewhere = await make(1, place=HERE), await make(2, place=ELSEWHERE)
    abroad = await make(1, place=HERE, guild_id=11)
    await give(database, here, 3)
    await give(database, elsewhere, 3, 4, week=WEEK + 7)
    await give(database, abroad, 3)
    session = await database.read(sessions.of_thread, GUILD, THREAD)
    assert session is not None
    assert await page(database) == [elsewhere, here]
    assert await page(database, Shelf.WEEK, key=WEEK) == [here]
    assert await page(database, Shelf.WEEK, key=WEEK + 7) == [elsewhere]
    assert await page(database, Shelf.PERSON, key=await account(database, 1)) == [here]
    assert await page(database, Shelf.PERSON, key=await account(database, 3)) == []
    assert await page(database, Shelf.SESSION, session.id) == [here]
    assert await page(database, of=11) == [abroad]


async def test_an_entry_tells_where_its_result_stands_so_that_it_is_known_who_may_see_it(
    database: Database, make: Make
) -> None:
    here, unposted = await make(place=HERE), await make(place=ELSEWHERE)
    posted = await database.read(results.get, here)
    assert posted is not None
    (said,) = await database.run(announcements.plan, posted.job_id, Status.SUCCEEDED)
    await database.run(announcements.posted, posted.job_id, said.index, THREAD, 400, NOW)
    for result_id in (here, unposted):
        await give(database, result_id, 2)
    assert await database.read(stars.page, Shelf.SERVER, GUILD, stars.START, 10) == [
        Entry(unposted, 1, channel_id=101, public=False, shown_in=None),
        Entry(here, 1, channel_id=100, public=True, shown_in=THREAD),
    ]


@pytest.mark.parametrize("shelf", Shelf)
async def test_pages_follow_one_another_in_both_directions_without_a_gap(
    database: Database, make: Make, shelf: Shelf
) -> None:
    random.seed(7)
    made = [await make(1, place=HERE) for _ in range(9)]
    for result_id in made:
        await give(database, result_id, *range(2, 3 + random.randint(0, 2)))
    session = await database.read(sessions.of_thread, GUILD, THREAD)
    assert session is not None
    of = session.id if shelf is Shelf.SESSION else GUILD
    key = {Shelf.WEEK: WEEK, Shelf.PERSON: await account(database, 1)}.get(shelf, 0)
    whole = await database.read(stars.page, shelf, of, stars.START, 100, key=key)
    assert sorted(entry.result_id for entry in whole) == made
    assert all(before.cursor > after.cursor for before, after in pairwise(whole))
    order = [entry.result_id for entry in whole]
    for place, entry in enumerate(whole):
        onward = await page(database, shelf, of, entry.cursor, 2, key=key)
        backward = await page(database, shelf, of, entry.cursor, 2, key=key, back=True)
        assert (onward, backward) == (order[place + 1 : place + 3], order[max(0, place - 2) : place][::-1])
