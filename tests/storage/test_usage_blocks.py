"""A long stretch of days is read from blocks of them and adds up to the same; what is held is read from open holds."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any

import pytest

from storage import ledger, usage
from storage.database import Database, Tx
from storage.records import Status
from storage.usage import BLOCK, Dimension, Held, Tally

GUILD = 10
#: The first day of a block.
START = 23_000 * BLOCK
LENGTH = 5 * BLOCK

Spent = dict[tuple[int, str], int]


async def spend(tx: Tx) -> Spent:
    """Spend something on most days, by three keys; and in another server, which is nobody's business here."""
    chance = random.Random(7)
    spent: Spent = {}
    for day in range(START, START + LENGTH):
        for key in chance.sample("abc", chance.randrange(4)):
            spent[day, key] = chance.randrange(1, 1000)
            await usage._add(tx, GUILD, day, [(Dimension.CHANNEL, key)], Tally(edits=1, spent=spent[day, key]))
            await usage._add(tx, GUILD + 1, day, [(Dimension.CHANNEL, key)], Tally(edits=1, spent=5))
    return spent


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (0, LENGTH - 1),
        (0, BLOCK - 1),
        (0, BLOCK),
        (1, BLOCK),
        (1, BLOCK - 1),
        (1, 2 * BLOCK - 2),
        (1, 2 * BLOCK - 1),
        (BLOCK - 1, 3 * BLOCK),
        (BLOCK, BLOCK),
        (5, LENGTH - 7),
    ],
)
async def test_blocks_and_the_days_around_them_are_every_day_once(database: Database, first: int, last: int) -> None:
    spent = await database.run(spend)
    wanted: defaultdict[str, Tally] = defaultdict(Tally)
    for (day, key), amount in spent.items():
        if START + first <= day <= START + last:
            wanted[key] += Tally(edits=1, spent=amount)
    found = await database.read(usage.by, GUILD, Dimension.CHANNEL, START + first, START + last, 10)
    assert dict(found) == wanted
    assert [tally.spent for _, tally in found] == sorted((tally.spent for _, tally in found), reverse=True)


async def test_only_so_many_are_returned_as_were_asked_for(database: Database) -> None:
    await database.run(spend)
    whole = await database.read(usage.by, GUILD, Dimension.CHANNEL, START, START + LENGTH - 1, 10)
    assert await database.read(usage.by, GUILD, Dimension.CHANNEL, START, START + LENGTH - 1, 2) == whole[:2]


async def test_what_is_held_is_what_open_holds_of_the_server_keep_back(database: Database, ask: Any, put: Any) -> None:
    await ask(guild_id=GUILD, hold=1000)
    await ask(guild_id=GUILD + 1, hold=500)
    over = await ask(guild_id=GUILD, hold=300)
    await put(over, Status.FAILED)
    await database.run(ledger.release, over, over.created_at)
    assert await database.read(usage.held, GUILD) == Held(edits=1, amount=1000)
    assert await database.read(usage.held, GUILD + 2) == Held(edits=0, amount=0)


async def test_people_are_known_by_the_keys_of_their_sums_in_their_own_server(database: Database, ask: Any) -> None:
    job = await ask(71, guild_id=GUILD)
    await ask(72, guild_id=GUILD + 1)
    assert await database.read(usage.people, GUILD) == {str(job.account_id): 71}
