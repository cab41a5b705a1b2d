"""The commands as Discord knows them: what it refuses itself, what it offers, and when it is told."""

from __future__ import annotations

import re
from typing import Any

import discord
import pytest
from simcord.backend.errors import OptionError

from bot import options
from bot.quota import dollars
from bot.runware.schema import SCHEDULERS
from playground.world import World, open_world
from storage.records import Asker

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}
CHOICES = 25
DESCRIPTION = 100
COMMAND = 8000


def registrations(world: World) -> list[Any]:
    """Return what Discord was told of the commands, each time."""
    return [sent.json for sent in world.env.http_requests if sent.method == "PUT" and sent.path.endswith("/commands")]


def option_types(command: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {option["name"]: option for option in command["options"]}


def letters(part: Any) -> int:
    """Count what Discord counts of a command: names, descriptions and the values of choices."""
    if isinstance(part, list):
        return sum(letters(inner) for inner in part)
    own = sum(len(str(part.get(key, ""))) for key in ("name", "description", "value"))
    return own + letters(part.get("options", [])) + letters(part.get("choices", []))


async def test_the_registered_command_refuses_what_discord_can_refuse() -> None:
    async with open_world() as world:
        [commands] = registrations(world)
        by_name = {command["name"]: command for command in commands}
        assert sorted(by_name) == [
            *("Edit image", "budget", "compare", "draft", "edit", "estimate", "gallery", "history", "lora", "options"),
            *(
                "pool",
                "preset",
                "privacy",
                "quota",
                "recipe",
                "round",
                "session",
                "settings",
                "show",
                "sweep",
                "timelapse",
            ),
            *("tree", "usage"),
        ]
        for command in commands:
            assert command["contexts"] == [discord.AppCommandContext(guild=True).to_array()[0]]
            assert command["integration_types"] == [0]
            is_menu = command.get("type") == discord.AppCommandType.message.value
            assert is_menu or 1 <= len(command["description"]) <= DESCRIPTION
            assert letters(command) <= COMMAND
        edit = option_types(by_name["edit"])
        assert list(edit) == [
            *("prompt", "image", "image2", "image3", "from", "size", "results", "seed"),
            *("negative", "steps", "cfg", "true_cfg", "scheduler", "format", "quality", "loras"),
        ]
        assert [name for name, option in edit.items() if option["required"]] == ["prompt"]
        assert {name: (option.get("min_value"), option.get("max_value")) for name, option in edit.items()} == {
            **dict.fromkeys(edit, (None, None)),
            "results": (1, options.MAX_RESULTS),
            "steps": (1, options.MAX_STEPS),
            "cfg": (options.MIN_CFG, options.MAX_CFG),
            "quality": (20, 99),
        }
        assert [choice["value"] for choice in edit["format"]["choices"]] == ["JPG", "PNG", "WEBP"]
        texts = {name: option for name, option in edit.items() if option["type"] == 3 and "choices" not in option}
        assert {name: option["min_length"] for name, option in texts.items()} == dict.fromkeys(texts, 1)
        assert edit["prompt"]["max_length"] == edit["negative"]["max_length"] == 6000
        assert [name for name, option in edit.items() if option.get("autocomplete")] == [
            *("from", "size", "scheduler", "loras")
        ]
        assert edit["seed"]["type"] == 3, "Discord's whole numbers end at 2^53 - 1, seeds do not"
        for name in ("image", "image2", "image3"):
            assert edit[name]["file_types"] == ["image"]
        for option in edit.values():
            assert 1 <= len(option["description"]) <= DESCRIPTION


REFUSED: list[dict[str, Any]] = [
    {"results": 0},
    {"results": 21},
    {"steps": 0},
    {"steps": 51},
    {"cfg": 0.5},
    {"cfg": 20.5},
    {"seed": ""},
    {"prompt": "x" * 6001},
    {"image": ("notes.txt", b"text")},
]


async def test_discord_refuses_it_before_the_bot_hears_of_it(visit_of: Any) -> None:
    async with open_world() as world:
        for refused in REFUSED:
            with pytest.raises(OptionError):
                await visit_of(world).ask(**refused)


async def test_the_commands_are_told_again_only_when_they_changed() -> None:
    async with open_world() as world:
        assert len(registrations(world)) == 1
        await world.restart()
        assert len(registrations(world)) == 1
        await world.program.services.memory.set("commands", "an older digest")
        await world.restart()
        assert len(registrations(world)) == 2
        assert {"edit", "quota", "estimate", "budget show"} <= set(world.ana.available_commands(world.channel))


async def test_sizes_and_schedulers_are_offered_while_they_are_typed(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:

        async def offered(option: str, typed: str) -> list[str]:
            choices = await world.ana.autocomplete(world.channel, "edit", option, typed)
            assert len(choices) <= CHOICES
            assert all(choice["name"] == choice["value"] for choice in choices)
            return [choice["value"] for choice in choices]

        assert (await offered("size", ""))[:2] == [options.MATCH, "1024x1024"]
        assert await offered("size", "1000x700") == ["1008x704"]
        assert await offered("size", "nonsense") == []
        assert len(await offered("scheduler", "")) == CHOICES
        karras = await offered("scheduler", "karras 2m")
        assert karras
        assert set(karras) <= set(SCHEDULERS)
        await visit_of(world).edit(size=options.MATCH, scheduler=karras[0])
        await visit_of(world).edit(size="1008x704", scheduler=karras[0].upper())
        sent = [(task["width"], task["height"], task["scheduler"]) for task in world.runware.requests]
        assert sent == [(464, 304, karras[0]), (1008, 704, karras[0])]


async def test_a_quota_tells_spent_held_left_and_when_it_resets_to_its_member_alone(
    books_of: Any, visit_of: Any
) -> None:
    async with open_world(max_in_flight=1) as world:
        visit = visit_of(world)
        fresh = await world.ana.slash(world.channel, "quota")
        assert fresh.response is not None
        assert fresh.response.ephemeral
        assert "$0.50 left of $0.50" in visit.words(fresh.response)
        await visit.edit()
        [done] = await books_of(world).jobs()
        world.runware.pause()
        await visit.ask(prompt="make it *day*")
        [own] = (await world.program.edits.quota(Asker(world.guild.id, world.ana.id))).member
        assert own.spent == done.cost
        assert own.held == (await books_of(world).jobs())[1].hold
        words = visit.words((await world.ana.slash(world.thread, "quota")).response)
        for micros in (own.left, own.spent, own.held):
            assert dollars(micros) in words
        assert re.search(r"fresh <t:\d+:R>", words)
        assert "**Open**" in words
        assert r"make it \*day\*" in words
        other = visit.words((await world.bo.slash(world.channel, "quota")).response)
        assert "$0.50 left of $0.50" in other
        assert "**Open**" not in other
        world.runware.resume()
        await world.idle()
        await books_of(world).check()


async def test_a_command_that_changed_meanwhile_is_explained(visit_of: Any) -> None:
    async with open_world() as world:
        visit = visit_of(world)
        known = world.env.backend.find_command("edit", None)
        assert known is not None
        known["options"][0]["required"] = False
        world.env.backend.commands[None]["imagine", 1] = {**known, "name": "imagine"}
        for name in ("edit", "imagine"):
            answer = await world.ana.slash(world.channel, name)
            assert answer.response is not None
            assert answer.response.ephemeral
            assert "My commands have just changed" in visit.words(answer.response)
        world.env.errors.clear()


async def test_an_accident_is_told_by_its_number_and_holds_nothing(
    books_of: Any, visit_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_world() as world:
        visit = visit_of(world)
        pictures = world.settings.data_dir / "pictures"
        pictures.rename(pictures.with_name("elsewhere"))
        answer = await visit.ask()
        found = re.search(r"incident `([0-9a-f]{8})`", visit.words(answer.response))
        assert found
        assert f"incident {found[1]}" in caplog.text
        assert await books_of(world).jobs() == []
        world.env.errors.clear()
        pictures.with_name("elsewhere").rename(pictures)
        await visit.edit()
        assert len(visit.results()) == 1


async def test_a_command_outside_a_server_is_refused_in_words(visit_of: Any) -> None:
    async with open_world() as world:
        [registered] = registrations(world)
        for command in registered:
            world.env.backend.commands[None][command["name"], command.get("type", 1)]["contexts"] = [0, 1]
        await world.ana.user.send_dm("hello")
        answer = await world.ana.user.slash("quota")
        assert "I work in servers only" in visit_of(world).words(answer.response)
        world.env.errors.clear()
