"""What members have gathered for their next edits, as rows."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from storage import accounts, pictures, tray
from storage.database import Database, Tx
from storage.records import Reference, Scope
from storage.tray import TrayPicture

NOW = 1_900_022_400_000
CAT, DOG, NIGHT = "c" * 64, "d" * 64, "e" * 64
FILE = TrayPicture(Reference(CAT, 512, 384, "cat “1”.png", description="a cat"), 100, 200)
OTHER = TrayPicture(Reference(DOG, 64, 64, "dog.png"), 100, 201)
RESULT = TrayPicture(Reference(NIGHT, 1024, 768, "#12", result_id=12), 101, 202)


async def account(database: Database, user_id: int = 1) -> int:
    return await database.run(accounts.ensure, Scope.MEMBER, NOW, 10, user_id)


async def put(database: Database, account_id: int, *added: TrayPicture, now: int = NOW) -> None:
    async def unit(tx: Tx) -> None:
        held = await tray.hold(tx, account_id, 0, now)
        await tray.save(tx, account_id, [*held, *added], now)

    await database.run(unit)


async def stands(database: Database, account_id: int, since: int = 0) -> list[str]:
    held = await database.read(tray.of_member, account_id, since)
    return [picture.reference.label for picture in held]


async def test_a_tray_is_kept_as_it_was_gathered(database: Database) -> None:
    account_id, other_id = await account(database), await account(database, 2)
    await put(database, account_id, FILE, RESULT)
    held = await database.read(tray.of_member, account_id, 0)
    assert [replace(picture, id=0) for picture in held] == [FILE, RESULT]
    assert len({picture.id for picture in held} - {0}) == 2
    assert await database.read(tray.of_member, other_id, 0) == []
    assert await database.read(tray.changed_at, account_id) == NOW
    assert await database.read(tray.changed_at, other_id) is None


async def test_pictures_keep_their_ids_when_they_change_places(database: Database) -> None:
    account_id, other_id = await account(database), await account(database, 2)
    await put(database, account_id, FILE, OTHER, RESULT)
    await put(database, other_id, FILE)
    file, _, result = await database.read(tray.of_member, account_id, 0)

    async def turn(tx: Tx) -> None:
        await tray.hold(tx, account_id, 0, NOW)
        await tray.save(tx, account_id, [result, file], NOW)

    await database.run(turn)
    assert await database.read(tray.of_member, account_id, 0) == [result, file]
    assert await stands(database, other_id) == [FILE.reference.label]


async def test_what_was_left_alone_too_long_is_not_there_and_goes_with_the_next_change(database: Database) -> None:
    account_id = await account(database)
    await put(database, account_id, FILE)
    assert await stands(database, account_id, NOW - 1) == [FILE.reference.label]
    assert await stands(database, account_id, NOW) == []

    async def later(tx: Tx) -> list[TrayPicture]:
        return await tray.hold(tx, account_id, NOW, NOW + 5)

    assert await database.run(later) == []
    assert await stands(database, account_id) == []
    assert await database.read(tray.changed_at, account_id) == NOW + 5


async def test_old_trays_are_swept_with_their_pictures_and_younger_ones_stay(database: Database) -> None:
    young, old = await account(database), await account(database, 2)
    await put(database, young, FILE, now=NOW + 1)
    await put(database, old, OTHER)
    assert await database.run(tray.sweep, NOW) == 1
    assert await stands(database, young) == [FILE.reference.label]
    assert await database.read(pictures.unknown, [CAT, DOG]) == [DOG]


async def test_of_many_changes_at_once_none_is_lost(database: Database) -> None:
    account_id = await account(database)
    new = [replace(FILE, reference=replace(FILE.reference, sha256=f"{n:064x}", label=str(n))) for n in range(8)]
    await asyncio.gather(*(put(database, account_id, picture) for picture in new))
    assert sorted(await stands(database, account_id)) == [str(n) for n in range(8)]


async def test_a_file_is_in_use_as_long_as_a_tray_has_it(database: Database) -> None:
    async def is_used(sha256: str) -> tuple[bool, bool]:
        return await database.read(pictures.needed, sha256), not await database.read(pictures.unknown, [sha256])

    await database.run(pictures.used, CAT, 1)  # an edit of long ago
    account_id = await account(database)
    await put(database, account_id, FILE, OTHER)
    assert await is_used(CAT) == await is_used(DOG) == (True, True)
    assert await database.run(pictures.forget_unused, NOW + 1, 10) == 0
    await database.run(tray.sweep, NOW)
    assert await is_used(CAT) == (False, True)
    assert await is_used(DOG) == (False, False)
    assert await database.run(pictures.forget_unused, NOW + 1, 10) == 1


async def test_a_result_is_used_now_and_goes_all_the_same_when_it_is_taken_down(database: Database) -> None:
    await database.run(pictures.used, NIGHT, 1)
    account_id = await account(database)
    await put(database, account_id, RESULT)
    assert await database.run(pictures.forget_unused, NOW, 10) == 0
    assert await database.run(pictures.forget_unused, NOW + 1, 10) == 1
    assert not await database.read(pictures.needed, NIGHT)
    await put(database, account_id, now=NOW + 5)
    assert await database.run(pictures.forget_unused, NOW + 5, 10) == 0
