"""``/lora``: searched by everybody, let in by those who manage, used in edits, and refused by Runware in its own words."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from playground.world import World, open_world

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}
SMALL: dict[str, Any] = {"size": "128x128", "steps": 2}
#: Nobody listens there.
DOWN = "http://127.0.0.1:9/v1"


async def use(world: World, member: Any, command: str, **options: Any) -> Any:
    """Have somebody use a command of ``/lora``; returns what they alone read."""
    answer = await member.slash(world.channel, f"lora {command}", **options)
    assert answer.response is not None
    assert answer.response.ephemeral
    return answer.response


async def let_in(world: World) -> dict[str, str]:
    return dict((await world.program.services.houses.of(world.guild.id)).loras)


def searches(world: World) -> list[dict[str, Any]]:
    return [task for task in world.runware.received if task["taskType"] == "modelSearch"]


# Searching -----------------------------------------------------------------------------------------------------------


async def test_everybody_searches_and_only_those_who_manage_get_the_menu(visit_of: Any) -> None:
    async with open_world() as world:
        visit = visit_of(world)
        found = await use(world, world.ana, "search", query="Paper")
        said = visit.words(found)
        assert "### LoRAs for “Paper”\n**Paper Cut** · `local:1@1`\n-# Layers of cut paper · trigger words:" in said
        assert "None of them is let in here yet. Those who manage the budget let one in with `/lora allow`." in said
        assert visit.menus(found) == []
        found = await use(world, world.cleo, "search", query="paper")
        assert visit.menus(found) == [["Paper Cut", "Ink Wash"]]
        lora = [task for task in searches(world) if task["category"] == "lora"]
        assert [task["architecture"] for task in lora] == ["qwen_image_edit_plus"], "asked once, for this model's"
        assert "Pixel Portrait" not in visit.words(await use(world, world.ana, "search", query="pixel"))


async def test_a_lora_is_let_in_from_the_menu_after_a_restart_too_and_not_by_others(visit_of: Any) -> None:
    async with open_world() as world:
        visit = visit_of(world)
        found = await use(world, world.cleo, "search", query="paper")
        await world.restart()
        answer = await world.cleo.select(found, ["local:2@1"], custom_id="lora-allow")
        assert answer.response is not None
        assert answer.response.ephemeral
        assert "✅ **Ink Wash** (`local:2@1`) is let in." in visit.words(answer.response)
        assert await let_in(world) == {"local:2@1": "Ink Wash"}
        said = visit.words(await use(world, world.ana, "search", query="paper"))
        assert "**Ink Wash** · `local:2@1` · ✅ let in here" in said
        [managers] = world.env.backend.get_guild(world.guild.id).members[world.cleo.id].role_ids
        world.env.backend.remove_member_role(world.guild.id, world.cleo.id, managers)
        await world.env.settle()
        answer = await world.cleo.select(found, ["local:1@1"], custom_id="lora-allow")
        assert "Only those who manage this server" in visit.words(answer.response)
        assert await let_in(world) == {"local:2@1": "Ink Wash"}


# Letting in ----------------------------------------------------------------------------------------------------------


async def test_a_lora_is_let_in_listed_used_and_forbidden(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        assert "None is let in yet. `/lora search` finds some" in visit.words(await use(world, world.ana, "list"))
        for number, name in ((1, "Paper Cut"), (2, "Ink Wash")):
            said = visit.words(await use(world, world.cleo, "allow", air=f" local:{number}@1"))
            assert f"✅ **{name}** (`local:{number}@1`) is let in." in said
        said = visit.words(await use(world, world.ana, "list"))
        assert "- **Ink Wash** · `local:2@1`\n- **Paper Cut** · `local:1@1`\n" in said
        assert "In an edit: `/edit loras:local:" in said
        shown = await visit.edit(**SMALL, loras="local:1@1 (Paper Cut) -0.75 high, local:2@1")
        [task] = world.runware.requests
        assert task["lora"] == [
            {"model": "local:1@1", "weight": -0.75, "transformer": "high"},
            {"model": "local:2@1"},
        ]
        assert "local:1@1 -0.75" in visit.words(shown)
        said = visit.words(await use(world, world.cleo, "forbid", air="local:2@1"))
        assert "✅ **Ink Wash** (`local:2@1`) is not let in any more." in said
        for answer, said in (
            (await visit.ask(**SMALL, loras="local:2@1"), "`local:2@1` is none of them; `/lora list` shows them."),
            (await world.bo.click(shown, label="Reroll"), "As this server allows now: without the LoRA `local:2@1`."),
        ):
            assert answer.response is not None
            assert answer.response.ephemeral
            assert said in visit.words(answer.response)
        assert len(world.runware.requests) == 1
        log = visit.words((await world.cleo.slash(world.channel, "budget log")).response)
        assert "- LoRA: Ink Wash (local:2@1) → –" in log


REFUSED = {
    "local:sdxl@1": "`local:sdxl@1` was made for `sdxl`, and this bot's model takes LoRAs for `qwen_image_edit_plus` only",
    "local:none@1": "Runware knows no LoRA `local:none@1`. `/lora search` finds those there are.",
    "runware:108@22": "Runware knows no LoRA `runware:108@22`.",
    "Paper Cut": "`air` is the AIR of one LoRA, such as civitai:123@456, and `Paper Cut` is none.",
}


@pytest.mark.parametrize(("air", "said"), REFUSED.items())
async def test_what_is_no_lora_for_this_model_is_not_let_in(visit_of: Any, air: str, said: str) -> None:
    async with open_world() as world:
        assert said in visit_of(world).words(await use(world, world.cleo, "allow", air=air))
        assert await let_in(world) == {}


async def test_the_operator_can_say_what_loras_have_to_fit(visit_of: Any) -> None:
    async with open_world(lora_architecture="sdxl") as world:
        said = visit_of(world).words(await use(world, world.cleo, "allow", air="local:sdxl@1"))
        assert "✅ **Pixel Portrait** (`local:sdxl@1`) is let in." in said
        said = visit_of(world).words(await use(world, world.cleo, "allow", air="local:1@1"))
        assert "was made for `qwen_image_edit_plus`, and this bot's model takes LoRAs for `sdxl` only" in said


@pytest.mark.parametrize("command", ["allow", "forbid"])
async def test_members_neither_let_in_nor_forbid(visit_of: Any, command: str) -> None:
    async with open_world() as world:
        await use(world, world.cleo, "allow", air="local:1@1")
        air = {"allow": "local:2@1", "forbid": "local:1@1"}[command]
        said = visit_of(world).words(await use(world, world.ana, command, air=air))
        assert "Only those who manage this server can do this" in said
        assert list(await let_in(world)) == ["local:1@1"]


async def test_what_is_not_let_in_cannot_be_forbidden(visit_of: Any) -> None:
    async with open_world() as world:
        said = visit_of(world).words(await use(world, world.cleo, "forbid", air="local:1@1"))
        assert said == "That LoRA is not let in here. `/lora list` shows those that are."


# What is offered while somebody types --------------------------------------------------------------------------------


async def test_loras_are_offered_while_they_are_typed() -> None:
    async with open_world() as world:

        async def offered(command: str, option: str, typed: str) -> list[tuple[str, str]]:
            choices = await world.cleo.autocomplete(world.channel, command, option, typed)
            return [(choice["name"], choice["value"]) for choice in choices]

        assert await offered("edit", "loras", "") == []
        await use(world, world.cleo, "allow", air="local:1@1")
        assert await offered("lora allow", "air", "paper") == [
            ("Paper Cut · local:1@1 · let in", "local:1@1"),
            ("Ink Wash · local:2@1", "local:2@1"),
        ]
        assert await offered("lora search", "query", "clay") == [("Claymation · local:3@1", "local:3@1")]
        assert await offered("lora forbid", "air", "cut") == [("Paper Cut · local:1@1", "local:1@1")]
        assert await offered("lora forbid", "air", "ink") == []
        assert await offered("edit", "loras", "cut") == [("local:1@1 (Paper Cut)", "local:1@1")]
        assert await offered("options default", "value", "") == []
        choices = await world.cleo.autocomplete(world.channel, "options default", "value", "cut", name="loras")
        assert [choice["value"] for choice in choices] == ["local:1@1"]


# Runware is down -----------------------------------------------------------------------------------------------------


async def test_while_runware_cannot_be_reached_it_is_said_so_and_nothing_is_offered(visit_of: Any) -> None:
    async with open_world(runware_url=DOWN) as world:
        for member, command, options in (
            (world.ana, "search", {"query": "paper"}),
            (world.cleo, "allow", {"air": "local:1@1"}),
        ):
            said = visit_of(world).words(await use(world, member, command, **options))
            assert "Runware, where LoRAs are searched, does not answer right now. Please try again" in said
        assert await let_in(world) == {}
        assert await world.cleo.autocomplete(world.channel, "lora allow", "air", "paper") == []
        assert "None is let in yet" in visit_of(world).words(await use(world, world.ana, "list"))


# What Runware refuses ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", ["task", "submit"])
async def test_a_lora_that_runware_refuses_is_explained_in_its_own_words(
    books_of: Any, visit_of: Any, check: Literal["task", "submit"]
) -> None:
    async with open_world(**PLENTY, lora_architecture="sdxl") as world:
        visit = visit_of(world)
        world.runware.faults.lora_check = check
        await use(world, world.cleo, "allow", air="local:sdxl@1")
        said = visit.words(await visit.edit(**SMALL, loras="local:sdxl@1 0.5"))
        assert "### ⚠️ This edit did not work\nRunware did not accept a LoRA of this edit. Leave it out" in said
        assert "-# Runware's own words: The LoRA 'local:sdxl@1' has the architecture 'sdxl', and the model" in said
        assert r"takes LoRAs of 'qwen\_image\_edit\_plus' only." in said
        [job] = await books_of(world).jobs()
        assert (job.error_code, job.cost) == ("unsupportedLoraModel", None)
        await books_of(world).check()


async def test_other_failures_keep_our_words_alone(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        world.runware.faults.fail = "inferenceError"
        said = visit_of(world).words(await visit_of(world).edit(**SMALL))
        assert "Runware could not carry out this edit." in said
        assert "own words" not in said
