"""What messages show for which members have forms open, as rows."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from storage import accounts, picks, pictures
from storage.database import Database, Tx
from storage.picks import Found, Pick, Source
from storage.records import Origin, Reference, Scope

NOW = 1_900_022_400_000
CAT, DOG = "c" * 64, "d" * 64
BO = 5_000_000_000_000_000_002
FILE = Found("cat “1”.png", "https://cdn.example/cat.png", True, 2048, "a cat \ud83d", width=640, height=480)
LINK = Found("dog.png", "https://example.com/dog.png")
ORIGIN = Origin(100, 200)
READ = Reference(CAT, 512, 384, "cat.png", description="a cat")


async def add(database: Database, *pictures: Found, user_id: int = 1, now: int = NOW, posted: bool = True) -> int:
    async def unit(tx: Tx) -> int:
        account_id = await accounts.ensure(tx, Scope.MEMBER, NOW, 10, user_id)
        author_id = await accounts.ensure(tx, Scope.MEMBER, NOW, 10, BO)
        source = Source(author_id, ORIGIN, NOW - 5) if posted else None
        given = pictures or (FILE, LINK)
        return await picks.add(
            tx, guild_id=10, account_id=account_id, pictures=given, source=source, seen_in=100, now=now
        )

    return await database.run(unit)


async def known(database: Database, pick_id: int) -> Pick:
    pick = await database.read(picks.get, pick_id)
    assert pick is not None
    return pick


async def stand(database: Database, *pick_ids: int) -> list[bool]:
    return [await database.read(picks.get, pick_id) is not None for pick_id in pick_ids]


async def is_used(database: Database, sha256: str) -> tuple[bool, bool]:
    return await database.read(pictures.needed, sha256), not await database.read(pictures.unknown, [sha256])


async def test_a_pick_is_kept_as_the_message_showed_it_and_says_who_posted_it(database: Database) -> None:
    pick = await known(database, await add(database))
    assert pick.source is not None
    assert pick == Pick(
        pick.id, 10, pick.account_id, 1, (FILE, LINK), Source(pick.source.account_id, ORIGIN, NOW - 5), BO, 100, NOW
    )
    assert pick.source.account_id != pick.account_id


async def test_nobody_is_named_in_what_a_message_shows_but_by_their_account(database: Database) -> None:
    async def row(tx: Tx) -> Any:
        return dict((await tx.fetch_all("SELECT * FROM picks"))[0])

    await add(database)
    written = await database.read(row)
    assert str(BO) not in json.dumps(written)


async def test_a_pick_that_was_never_made_is_not_found_and_keeps_nothing(database: Database) -> None:
    assert await database.read(picks.get, 1) is None
    assert not await database.run(picks.keep, 1, 1, READ, NOW)
    assert await database.read(picks.kept, 1) == {}


async def test_a_picture_counts_as_read_once_however_often_it_was_read(database: Database) -> None:
    pick_id, other_id = await add(database), await add(database)
    assert await database.run(picks.keep, pick_id, 2, READ, NOW)
    assert await database.run(picks.keep, pick_id, 2, replace(READ, label="again.png"), NOW)
    assert await database.read(picks.kept, pick_id) == {2: READ}
    assert await database.read(picks.kept, other_id) == {}


async def test_what_the_bot_has_already_counts_as_read(database: Database) -> None:
    pick_id = await add(database, LINK, Found("cat.png", reference=READ), posted=False)
    pick = await known(database, pick_id)
    assert (pick.source, pick.author_user_id) == (None, None)
    assert pick.pictures[1].reference == READ
    assert await database.read(picks.kept, pick_id) == {2: READ}


async def test_the_oldest_picks_of_a_member_go_when_there_are_too_many(database: Database) -> None:
    kept, old, older = [await add(database, now=NOW + late) for late in (3, 2, 1)]
    others = await add(database, user_id=2, now=NOW)
    account_id = (await known(database, kept)).account_id
    assert await database.run(picks.trim, account_id, 3) == 0
    assert await database.run(picks.trim, account_id, 1) == 2
    assert await stand(database, kept, old, older, others) == [True, False, False, True]


async def test_old_picks_are_swept_with_what_was_read_for_them_and_younger_ones_stay(database: Database) -> None:
    young, old = await add(database, now=NOW + 1), await add(database)
    for pick_id in (young, old):
        await database.run(picks.keep, pick_id, 1, READ, NOW)
    assert await database.run(picks.sweep, NOW) == 1
    assert await stand(database, young, old) == [True, False]
    assert [await database.read(picks.kept, pick_id) for pick_id in (young, old)] == [{1: READ}, {}]


async def test_a_picture_is_in_use_as_long_as_a_pick_has_it(database: Database) -> None:
    await database.run(pictures.used, CAT, 1)  # an edit of long ago
    first, second = await add(database), await add(database, now=NOW + 1)
    for pick_id, number, sha256 in ((first, 1, CAT), (second, 1, CAT), (first, 2, DOG)):
        await database.run(picks.keep, pick_id, number, replace(READ, sha256=sha256), NOW)
    assert await is_used(database, CAT) == await is_used(database, DOG) == (True, True)
    assert await database.run(pictures.forget_unused, NOW + 1, 10) == 0
    await database.run(picks.sweep, NOW)
    assert await is_used(database, DOG) == (False, False)
    assert await is_used(database, CAT) == (True, True)
    await database.run(picks.sweep, NOW + 1)
    assert await is_used(database, CAT) == (False, True)
    assert await database.run(pictures.forget_unused, NOW + 1, 10) == 1


async def test_a_pick_outlives_what_is_known_of_who_made_it_and_of_who_posted_it(database: Database) -> None:
    async def forget(tx: Tx) -> None:
        await tx.execute("DELETE FROM accounts WHERE scope = 'member'")

    pick_id = await add(database)
    await database.run(forget)
    pick = await known(database, pick_id)
    assert (pick.user_id, pick.author_user_id) == (None, None)
    assert pick.source is not None
