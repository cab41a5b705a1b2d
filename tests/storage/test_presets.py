"""Presets as they are kept: one of a name for each owner, whole, and gone for the owner alone who takes it away."""

from __future__ import annotations

from typing import Any

from storage import accounts, presets
from storage.database import Database
from storage.presets import Kept
from storage.records import Scope

NOW = 1_900_022_500_000
GUILD = 10
VALUES = {"prompt": "把 {原文} 改成 🎨", "steps": 40, "cfg": 4.5, "fb_cache": False, "loras": [{"model": "a:1@2"}]}


async def owner(database: Database, user_id: int = 1) -> int:
    return await database.run(accounts.ensure, Scope.MEMBER, NOW, GUILD, user_id)


async def add(database: Database, owner_id: int, name: str, values: Any = VALUES) -> int:
    return await database.run(presets.add, owner_id, owner_id, name, name.casefold(), values, NOW)


async def test_a_preset_is_kept_whole_and_names_who_saved_it(database: Database) -> None:
    ana = await owner(database)
    number = await add(database, ana, "Night")
    kept = Kept(number, ana, "Night", VALUES, NOW, maker_user_id=1)
    assert await database.read(presets.get, number) == kept
    assert await database.read(presets.named, ana, "night") == kept
    assert await database.read(presets.get, number + 1) is None
    assert await database.read(presets.named, ana, "Night") is None, "it is compared by its folded name"


async def test_an_owner_has_their_own_alone_by_name(database: Database) -> None:
    ana, bo = await owner(database), await owner(database, 2)
    for name in ("b", "C", "a"):
        await add(database, ana, name)
    await add(database, bo, "a")
    assert [kept.name for kept in await database.read(presets.of, ana)] == ["a", "b", "C"]
    assert await database.read(presets.names, ana) == ["a", "b", "C"]
    assert await database.read(presets.names, bo) == ["a"]
    assert [await database.read(presets.count, whose) for whose in (ana, bo, 99)] == [3, 1, 0]


async def test_only_its_owner_takes_a_preset_away_and_its_number_is_never_anothers(database: Database) -> None:
    ana, bo = await owner(database), await owner(database, 2)
    number = await add(database, ana, "a")
    assert not await database.run(presets.remove, number, bo)
    assert not await database.run(presets.remove_named, bo, "a")
    assert await database.run(presets.remove, number, ana)
    assert not await database.run(presets.remove, number, ana)
    assert await add(database, ana, "a") > number
    assert await database.run(presets.remove_named, ana, "a")
    assert not await database.run(presets.remove_named, ana, "a")


async def test_a_preset_stands_without_who_saved_it(database: Database) -> None:
    number = await database.run(presets.add, 7, 9_999, "a", "a", {"steps": 3}, NOW)
    kept = await database.read(presets.get, number)
    assert kept is not None
    assert (kept.maker_user_id, kept.values) == (None, {"steps": 3})
