"""Presets at the use cases: whose is meant, who has which, how many there can be."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.errors import BadOption, NotFound
from bot.presets import MOST_OWN, MOST_SHARED, SHIPPED, Preset, Presets, Saved, Whose
from storage.database import Database
from storage.records import Asker

NOW = 1_900_022_500_000
ANA, BO, ABROAD = Asker(10, 1), Asker(10, 2), Asker(11, 1)


@pytest.fixture
def presets(database: Database) -> Presets:
    return Presets(database, clock=lambda: NOW)


async def save(presets: Presets, asker: Asker, name: str, *, shared: bool = False, **values: Any) -> Saved:
    return await presets.save(asker, name, values or {"steps": 4}, shared=shared)


async def own(presets: Presets, asker: Asker) -> list[tuple[str, Whose]]:
    return [(preset.name, preset.whose) for preset in await presets.of(asker) if preset.whose is not Whose.SHIPPED]


async def test_a_preset_is_found_by_its_name_in_any_case_and_by_its_key(presets: Presets) -> None:
    saved = await save(presets, ANA, " Night  Photo", prompt="a {x}", steps="40")
    expected = Preset(
        saved.preset.key, "Night Photo", Whose.OWN, {"prompt": "a {x}", "steps": 40}, maker_id=1, made_at=NOW
    )
    assert saved == Saved(expected, replaced=False)
    assert await presets.find(ANA, "NIGHT photo") == expected
    assert await presets.get(ANA, expected.key) == expected
    assert (expected.prompt, expected.settings, expected.blanks, expected.least) == ("a {x}", {"steps": 40}, ("x",), 1)


async def test_a_members_own_comes_before_the_servers_before_what_ships(presets: Presets) -> None:
    name = SHIPPED[0].name
    assert (await presets.find(ANA, name)).whose is Whose.SHIPPED
    shared = await save(presets, BO, name, shared=True)
    assert (shared.hides, shared.hidden_by) == (Whose.SHIPPED, None)
    assert (await presets.find(ANA, name)).whose is Whose.SERVER
    mine = await save(presets, ANA, name)
    assert (mine.hides, mine.hidden_by) == (Whose.SERVER, None)
    assert (await presets.find(ANA, name)).whose is Whose.OWN
    assert (await presets.find(ANA, name, shared=True)).whose is Whose.SERVER
    again = await save(presets, ANA, name, shared=True)
    assert (again.replaced, again.hides, again.hidden_by) == (True, Whose.SHIPPED, Whose.OWN)
    assert dict(await presets.names(ANA))[name] is Whose.OWN
    assert dict(await presets.names(BO))[name] is Whose.SERVER
    assert len(await presets.names(ANA)) == len(SHIPPED)


async def test_others_have_neither_a_members_own_nor_another_servers(presets: Presets) -> None:
    mine = (await save(presets, ANA, "mine")).preset
    ours = (await save(presets, ANA, "ours", shared=True)).preset
    assert await own(presets, ANA) == [("mine", Whose.OWN), ("ours", Whose.SERVER)]
    assert await own(presets, BO) == [("ours", Whose.SERVER)]
    assert await own(presets, ABROAD) == []
    assert (await presets.get(BO, ours.key)).name == "ours"
    for asker, preset in ((BO, mine), (ABROAD, mine), (ABROAD, ours)):
        with pytest.raises(NotFound):
            await presets.get(asker, preset.key)
        with pytest.raises(NotFound):
            await presets.find(asker, preset.name)
        with pytest.raises(NotFound):
            await presets.delete(asker, preset.key)
    assert await own(presets, ANA) == [("mine", Whose.OWN), ("ours", Whose.SERVER)]


async def test_one_that_is_saved_anew_is_another_one(presets: Presets) -> None:
    first = (await save(presets, ANA, "night")).preset
    second = await save(presets, ANA, "NIGHT", steps=5)
    assert second.replaced
    assert second.preset.name == "NIGHT"
    assert await own(presets, ANA) == [("NIGHT", Whose.OWN)]
    with pytest.raises(NotFound, match="changed or deleted meanwhile"):
        await presets.get(ANA, first.key)


async def test_what_is_deleted_is_gone_and_what_ships_stays(presets: Presets) -> None:
    preset = (await save(presets, ANA, "night")).preset
    await presets.delete(ANA, preset.key)
    with pytest.raises(NotFound, match="changed or deleted meanwhile"):
        await presets.delete(ANA, preset.key)
    for shipped in SHIPPED:
        with pytest.raises(BadOption, match="ships with me"):
            await presets.delete(ANA, shipped.key)


async def test_a_name_that_nothing_has_gets_the_nearest_one(presets: Presets) -> None:
    await save(presets, ANA, "night photo")
    for name, said in (
        ("nigth photo", "There is no preset `nigth photo` here; did you mean `night photo`?"),
        ("`*\0zzzz", "There is no preset `*zzzz` here; `/preset list` shows all."),
        ("x" * 5000, "`/preset list` shows all."),
    ):
        with pytest.raises(NotFound) as caught:
            await presets.find(ANA, name)
        assert said in str(caught.value)
    with pytest.raises(NotFound, match="no preset `night photo` for the whole server"):
        await presets.find(ANA, "night photo", shared=True)


@pytest.mark.parametrize("key", ["", "0", "x", "-1", "²", "9" * 19, "9" * 20])
async def test_a_key_that_is_none_is_no_preset(presets: Presets, key: str) -> None:
    with pytest.raises(NotFound):
        await presets.get(ANA, key)


@pytest.mark.parametrize(("shared", "most"), [(False, MOST_OWN), (True, MOST_SHARED)])
async def test_so_many_can_be_kept_and_not_one_more_however_many_come_at_once(
    presets: Presets, shared: bool, most: int
) -> None:
    for number in range(most - 2):
        await save(presets, ANA, f"number {number}", shared=shared)
    at_once = [save(presets, ANA, f"late {number}", shared=shared) for number in range(6)]
    done = await asyncio.gather(*at_once, return_exceptions=True)
    refused = [error for error in done if isinstance(error, BadOption)]
    assert len(refused) == 4
    who = "This server has" if shared else "You have"
    assert str(refused[0]) == f"{who} {most} presets, which is as many as there can be: delete one first."
    assert len(await own(presets, ANA)) == most
    assert (await save(presets, ANA, "number 0", shared=shared, steps=5)).replaced
    assert len(await own(presets, ANA)) == most
    await save(presets, BO, "mine", shared=False)
