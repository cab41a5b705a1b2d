"""``/options``: a server's defaults and bounds as members meet them, and the content check of age-restricted channels."""

from __future__ import annotations

from typing import Any

import discord
import pytest
from simcord import ChannelHandle
from simcord.backend import serializers

from playground.world import World, open_world
from storage import house as rows
from storage.records import Asker, Status

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}
SMALL: dict[str, Any] = {"size": "128x128"}


async def manage(world: World, command: str, **options: Any) -> Any:
    """Have Cleo, who manages the server, use a command of ``/options``; returns what she alone reads."""
    answer = await world.cleo.slash(world.channel, f"options {command}", **options)
    assert answer.response is not None
    assert answer.response.ephemeral
    return answer.response


def ask_for_age(world: World, channel: ChannelHandle, asks: bool) -> None:
    """Have Discord say whether a channel is age-restricted, which SimCord's channels cannot be."""
    backend = world.env.backend
    payload: dict[str, Any] = {**serializers.channel_payload(backend, backend.get_channel(channel.id)), "nsfw": asks}
    backend.emit("CHANNEL_UPDATE", payload)


async def test_everybody_sees_that_nothing_is_set_and_then_what_is(visit_of: Any) -> None:
    async with open_world() as world:
        words = visit_of(world).words
        shown = await world.ana.slash(world.channel, "options show")
        assert shown.response is not None
        assert shown.response.ephemeral
        assert "Nothing is set. What you leave out is left to the model" in words(shown.response)
        assert "None is let in yet: `/lora search` finds some." in words(shown.response)
        said = words(await manage(world, "default", name="`Steps`:", value="25"))
        assert "✅ Where `steps` is left out, a new edit takes 25." in said
        assert "✅ `steps` is 2 to 40 here." in words(await manage(world, "bound", name="steps", least="2", most="40"))
        await manage(world, "bound", name="size", most="1024")
        said = words((await world.ana.slash(world.channel, "options show")).response)
        assert "takes**\n- `steps`: 25\n" in said
        assert "go here**\n- `steps`: 2 to 40\n- `size`: at most 1024 a side\n" in said
        assert "✅ `steps` has no default here any more." in words(await manage(world, "default", name="steps"))
        assert "✅ `size` goes as far as the model's here." in words(await manage(world, "bound", name="size"))
        await manage(world, "default", name="negative", value="*no* <@1>")
        log = words((await world.cleo.slash(world.channel, "budget log")).response)
        assert r"- default of `negative`: – → \*no\* \<@1>" in log
        assert "- default of `steps`: 25 → –" in log
        assert f"<@{world.cleo.id}>" in log


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("default", {"name": "steps", "value": "5"}),
        ("bound", {"name": "steps", "most": "5"}),
        ("safety", {"check": "on"}),
    ],
)
async def test_only_those_who_manage_change_the_rules(visit_of: Any, command: str, options: dict[str, Any]) -> None:
    async with open_world() as world:
        if command == "safety":
            options = {**options, "channel": world.channel}
        answer = await world.ana.slash(world.channel, f"options {command}", **options)
        assert answer.response is not None
        assert answer.response.ephemeral
        assert "Only those who manage this server can do this" in visit_of(world).words(answer.response)
        assert (await world.program.services.houses.of(world.guild.id)).defaults == {}


async def test_what_cannot_be_set_is_named_and_changes_nothing(visit_of: Any) -> None:
    async with open_world() as world:
        words = visit_of(world).words
        for command, given, said in (
            ("default", {"name": "stepps", "value": "5"}, "`stepps` is no option of an edit; did you mean `steps`?"),
            ("default", {"name": "seed", "value": "5"}, "`seed` takes no default"),
            (
                "default",
                {"name": "cfg", "value": "0.5"},
                "`cfg` goes from 1 to 20 in steps of 0.01, and `0.5` was given.",
            ),
            ("bound", {"name": "steps", "most": "20"}, "`steps` is 30 where nobody says otherwise"),
            ("bound", {"name": "format", "most": "5"}, "`format` is no number, so it has no bounds"),
        ):
            assert said in words(await manage(world, command, **given))
        rules = await world.program.services.houses.of(world.guild.id)
        assert (rules.defaults, rules.bounds) == ({}, {})


async def test_names_and_values_are_offered_while_they_are_typed() -> None:
    async with open_world() as world:

        async def offered(command: str, option: str, typed: str, **given: Any) -> list[str]:
            choices = await world.cleo.autocomplete(world.channel, f"options {command}", option, typed, **given)
            return [choice["value"] for choice in choices]

        assert (await offered("default", "name", ""))[:3] == ["negative", "results", "format"]
        assert await offered("default", "name", "cache_s") == ["cache_start", "cache_start_percent"]
        assert await offered("default", "name", "noise") == ["scheduler"], "by what it does, where no name fits"
        assert await offered("bound", "name", "si") == ["size"]
        assert "scheduler" not in await offered("bound", "name", "sch")
        assert (await offered("default", "value", "euler", name="scheduler"))[:2] == ["Euler", "Euler a"]
        assert await offered("default", "value", "", name="format") == ["JPG", "PNG", "WEBP"]
        assert await offered("default", "value", "y", name="tea_cache") == ["yes"]
        assert await offered("default", "value", "1024x1", name="size") == ["1024x1024", "1024x1536", "1024x128"]
        assert await offered("default", "value", "2", name="steps") == []
        assert await offered("default", "value", "2", name="nothing") == []


# Defaults ------------------------------------------------------------------------------------------------------------


async def test_defaults_fill_new_edits_but_neither_rerolls_nor_what_is_made_of_a_result(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        before = await visit.edit(**SMALL, steps=7)
        await manage(world, "default", name="steps", value="9")
        await manage(world, "default", name="scheduler", value="euler a")
        await manage(world, "default", name="size", value="256x128")
        await visit.edit()
        await visit.edit(steps=5, size="128x128")
        await world.bo.click(before, label="Reroll")
        await world.idle()
        form = await world.bo.click(before, label="Edit")
        await world.bo.submit_modal(form, {"prompt": "in snow"})
        await world.idle()
        sent = [(task["steps"], task.get("scheduler"), task["width"]) for task in world.runware.requests]
        assert sent == [(7, None, 128), (9, "Euler a", 256), (5, "Euler a", 128), (7, None, 128), (7, None, 128)]


async def test_an_estimate_is_of_what_an_edit_would_be_here(visit_of: Any) -> None:
    async with open_world() as world:
        words = visit_of(world).words
        await manage(world, "default", name="steps", value="10")
        await manage(world, "default", name="results", value="2")
        await manage(world, "bound", name="size", most="512")
        said = words((await world.ana.slash(world.channel, "estimate")).response)
        assert "for 2 results from 1 picture, 512 × 512, 10 steps." in said
        said = words((await world.ana.slash(world.channel, "estimate", size="1024x512")).response)
        assert said == "`size` goes up to 512 a side in this server, and 1024 was given."


async def test_a_default_that_does_not_go_with_what_was_typed_is_said_to_be_one(visit_of: Any) -> None:
    async with open_world() as world:
        await manage(world, "default", name="cache_end", value="20")
        said = visit_of(world).words((await visit_of(world).ask(steps=10)).response)
        assert "`cache_end` goes up to the number of `steps`, which is 10, and 20 was given." in said
        assert "You left `cache_end` out, and this server's default stands for it: see `/options show`." in said
        assert said.endswith("In a `/draft`, `none` leaves it to the model.")


async def test_whoever_says_none_has_an_option_left_to_the_model_whatever_the_server_fills_in(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await world.program.services.houses.allow(Asker(world.guild.id, world.cleo.id), "local:1@1", "Paper Cut")
        await manage(world, "default", name="loras", value="local:1@1")
        await manage(world, "default", name="scheduler", value="Euler a")
        said = visit.words(await manage(world, "default", name="negative", value="a logo"))
        assert "takes a logo. Whoever says `none` for it leaves it to the model." in said
        await visit.edit(**SMALL)
        await visit.edit(**SMALL, negative="none", loras="-", scheduler="None")
        filled, left = world.runware.requests
        assert filled["negativePrompt"] == "a logo"
        assert (filled["lora"], filled["scheduler"]) == ([{"model": "local:1@1"}], "Euler a")
        assert not left.keys() & {"negativePrompt", "lora", "scheduler"}


# Bounds --------------------------------------------------------------------------------------------------------------


async def test_what_goes_beyond_a_bound_is_refused_to_its_asker_alone_and_nothing_is_written_or_held(
    books_of: Any, visit_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await manage(world, "bound", name="steps", most="40")
        await manage(world, "bound", name="results", most="4")
        await manage(world, "bound", name="size", most="512")
        before = len(visit.everything())
        for option, given, said in (
            ("steps", 45, "`steps` goes up to 40 in this server, and 45 was given."),
            ("results", 5, "`results` goes up to 4 in this server, and 5 was given."),
            ("size", "1024x256", "`size` goes up to 512 a side in this server, and 1024 was given."),
        ):
            answer = await visit.ask(**{**SMALL, option: given})
            assert answer.response is not None
            assert answer.response.ephemeral
            assert visit.words(answer.response) == said
        assert len(visit.everything()) == before
        assert await books_of(world).jobs() == []
        assert world.runware.requests == []
        await visit.edit(steps=40, results=4)
        assert [(task["width"], task["height"]) for task in world.runware.requests] == [(464, 304)]


async def test_a_picture_larger_than_the_bound_is_fitted_to_it_where_no_size_is_typed(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        await manage(world, "bound", name="size", most="256")
        await visit_of(world).edit()
        [task] = world.runware.requests
        assert (task["width"], task["height"]) == (256, 176)


async def test_rerolls_forms_and_offers_from_before_a_bound_meet_it(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit(**SMALL, steps=45)
        form = await world.bo.click(shown, label="Edit")
        await world.ana.slash(world.channel, "quota", ask_above="0")
        offered = await visit.ask(**SMALL, steps=45)
        await manage(world, "bound", name="steps", most="40")
        made = len(await books_of(world).jobs())
        for answer, said in (
            (
                await world.bo.click(shown, label="Reroll"),
                (
                    "#1 can't be made again as it was. As this server allows now: `steps` 40 instead of 45. "
                    "**Edit** goes on from it like that."
                ),
            ),
            (
                await world.ana.click(offered.response, label="Yes, edit it"),
                "`steps` goes up to 40 in this server, and 45 was given.",
            ),
        ):
            assert answer.response is not None
            assert answer.response.ephemeral
            assert visit.words(answer.response) == said
        assert len(await books_of(world).jobs()) == made
        await world.bo.submit_modal(form, {"prompt": "in snow"})
        await world.idle()
        assert world.runware.requests[-1]["steps"] == 40
        await books_of(world).check()


async def test_an_edit_of_a_picture_from_before_the_rules_is_brought_within_them_and_says_so(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await world.program.database.run(rows.allow_lora, world.guild.id, "local:1@1", "Paper Cut")
        shown = await visit.edit(prompt="a hat", size="1024x512", steps=45, loras="local:1@1")
        await manage(world, "bound", name="steps", most="40")
        await manage(world, "bound", name="size", most="512")
        await world.program.database.run(rows.forbid_lora, world.guild.id, "local:1@1")
        form = await world.bo.click(shown, label="Edit")
        assert form.modal is not None
        [note] = [part["content"] for part in form.modal["components"] if "content" in part]
        assert note == (
            "⚖️ As this server allows now: `steps` 40 instead of 45, `size` 512x256 instead of 1024x512 and without the "
            "LoRA `local:1@1`."
        )
        await world.bo.submit_modal(form, {"prompt": "in snow"})
        await world.idle()
        task = world.runware.requests[-1]
        assert (task["steps"], task["width"], task["height"], "lora" in task) == (40, 512, 256, False)


async def test_a_form_states_the_price_of_what_the_rules_let_it_make(visit_of: Any, books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        shown = await visit_of(world).edit(prompt="a hat", size="2048x1024", steps=45)
        await manage(world, "bound", name="size", most="512")
        form = await world.bo.click(shown, label="Edit")
        assert form.modal is not None
        await world.bo.submit_modal(form, {"prompt": "in snow"})
        await world.idle()
        made = (await books_of(world).jobs())[-1]
        assert (made.request.width, made.request.height) == (512, 256)
        assert form.modal["custom_id"].startswith(f"form-edit:1:{made.estimate}-")


async def test_a_branch_takes_words_of_the_child_and_says_what_becomes_of_how_the_parent_was_made(
    visit_of: Any, books_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit(prompt="a hat", steps=5, **SMALL)
        child = await visit.edit(prompt="in snow", steps=45, cfg=4, **{"from": "#1"})
        await manage(world, "bound", name="steps", most="40")
        look = await world.bo.click(child, label="More")
        assert look.response is not None
        form = await world.bo.click(look.response, label="Branch")
        assert form.modal is not None
        assert "in snow" in str(form.modal)
        assert "As this server allows now" not in str(form.modal)
        await world.bo.submit_modal(form, {"prompt": "in rain"})
        await world.idle()
        made = (await books_of(world).jobs())[-1]
        assert (made.request.parent_id, made.request.steps, made.request.cfg) == (1, 5, None)
        assert form.modal["custom_id"].startswith(f"form-edit:1:{made.estimate}-")


async def test_what_is_tried_again_is_brought_within_the_rules_and_says_so(visit_of: Any, books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        world.runware.faults.fail = "providerError"
        failed = await visit_of(world).edit(results=2, steps=45, **SMALL)
        world.runware.faults.fail = None
        await manage(world, "bound", name="steps", most="40")
        await manage(world, "bound", name="results", most="1")
        form = await world.bo.click(failed, label="Try again")
        assert form.modal is not None
        [note] = [part["content"] for part in form.modal["components"] if "content" in part]
        assert note == "⚖️ As this server allows now: `results` 1 instead of 2 and `steps` 40 instead of 45."
        await world.bo.submit_modal(form, {"prompt": "make it day"})
        await world.idle()
        made = (await books_of(world).jobs())[-1]
        assert (made.request.results, made.request.steps) == (1, 40)
        assert form.modal["custom_id"].startswith(f"form-again:1:{made.estimate}-")


# The content check ---------------------------------------------------------------------------------------------------


def sent(world: World) -> list[str]:
    return [task["safety"]["mode"] for task in world.runware.requests]


async def test_the_check_goes_off_only_where_discord_asks_for_age_and_with_a_word_about_the_terms(
    visit_of: Any,
) -> None:
    async with open_world() as world:
        words = visit_of(world).words
        said = words(await manage(world, "safety", channel=world.channel, check="off"))
        assert "`check` can be switched off in age-restricted channels only" in said
        assert (await world.program.services.houses.of(world.guild.id)).unchecked == frozenset()
        ask_for_age(world, world.channel, True)
        said = words(await manage(world, "safety", channel=world.channel, check="off"))
        assert f"✅ Runware does not check what is made in {world.channel.mention}, for as long as Discord asks" in said
        assert "Runware's terms hold there all the same" in said
        assert "Whoever runs this bot answers for what is made there with its key." in said
        shown = (await world.ana.slash(world.channel, "options show")).response
        assert f"check is off**\n- {world.channel.mention}\n" in words(shown)
        ask_for_age(world, world.channel, False)
        shown = (await world.ana.slash(world.channel, "options show")).response
        assert f"- {world.channel.mention}: Discord asks for no age there now" in words(shown)
        said = words(await manage(world, "safety", channel=world.thread, check="on"))
        assert f"✅ Runware checks what is made in {world.channel.mention}." in said
        assert (await world.program.services.houses.of(world.guild.id)).unchecked == frozenset()


async def test_a_channel_that_somebody_cannot_see_is_not_named_to_them(visit_of: Any) -> None:
    async with open_world() as world:
        everyone = world.guild.default_role
        unseen = discord.PermissionOverwrite(view_channel=False)
        hidden = world.guild.create_text_channel(
            "hidden", overwrites={everyone: unseen, world.cleo: discord.PermissionOverwrite(view_channel=True)}
        )
        await world.env.settle()
        ask_for_age(world, hidden, True)
        await manage(world, "safety", channel=hidden, check="off")
        said = visit_of(world).words((await world.ana.slash(world.channel, "options show")).response)
        assert str(hidden.id) not in said
        assert "- 1 channel that you cannot see" in said
        world.env.backend.delete_channel(hidden.id)
        await world.env.settle()
        said = visit_of(world).words((await world.ana.slash(world.channel, "options show")).response)
        assert "Nothing is set" in said, "a channel that is gone is not counted"


async def test_an_unchecked_channel_sends_none_only_while_discord_asks_for_age_and_never_elsewhere(
    visit_of: Any,
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        other = world.guild.create_text_channel("other")
        await world.env.settle()
        await visit.edit(**SMALL)
        ask_for_age(world, world.channel, True)
        await visit.edit(**SMALL)
        assert sent(world) == ["fast", "fast"], "Discord asks for age, and no manager said anything"
        await manage(world, "safety", channel=world.channel, check="off")
        shown = await visit.edit(**SMALL)
        await visit.edit(channel=visit.threads()[-1], **SMALL)
        await world.bo.click(shown, label="Reroll")
        await world.idle()
        assert sent(world)[2:] == ["none", "none", "none"], "in the channel, in a thread, and anew"
        number = visit.ids(shown)[0]
        await visit.edit(channel=other, **{"from": f"#{number}"}, **SMALL)
        assert sent(world)[5:] == ["fast"], "in another channel it is checked again"
        ask_for_age(world, world.channel, False)
        await visit.edit(**SMALL)
        await world.bo.click(shown, label="Reroll")
        await world.idle()
        assert sent(world)[6:] == ["fast", "fast"], "Discord asks for no age any more"
        ask_for_age(world, world.channel, True)
        await manage(world, "safety", channel=world.channel, check="on")
        await visit.edit(**SMALL)
        assert sent(world)[8:] == ["fast"]


@pytest.mark.parametrize("restricted", [True, False])
async def test_an_offer_a_sweep_and_an_edit_that_waited_are_checked_as_discord_says_when_they_are_answered(
    visit_of: Any, restricted: bool
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        ask_for_age(world, world.channel, True)
        await manage(world, "safety", channel=world.channel, check="off")
        budgets, manager = world.program.services.budgets, Asker(world.guild.id, world.cleo.id)
        await world.ana.slash(world.channel, "quota", ask_above="0")
        offered = await visit.ask(**SMALL)
        cat = ("cat.png", world.photos["chelsea.png"])
        sweep = {"prompt": "night", "image": cat, "x": "steps", "x_values": "1, 2", "size": "128x128"}
        swept = await world.ana.slash(world.channel, "sweep", **sweep)
        await budgets.change(manager, approve_above=0)
        await visit.ask(world.bo, **SMALL)
        await visit.status(0, Status.WAITING)
        await budgets.change(manager, approve_above=None)
        ask_for_age(world, world.channel, restricted)
        await world.ana.click(offered.response, label="Yes, edit it")
        assert swept.response is not None
        await world.ana.click(swept.response, label="Yes, make them")
        [card] = [message for message in visit.everything() if "Approve" in visit.labels(message)]
        await world.cleo.click(card, label="Approve")
        await world.idle()
        assert sent(world) == ["none" if restricted else "fast"] * 4
