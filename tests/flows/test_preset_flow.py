"""Presets on Discord: kept, used, listed, shown and deleted, by those who may; and asked for again after a restart."""

from __future__ import annotations

import json
import re
from typing import Any

import discord
import pytest
from simcord import InteractionResult, MemberActor
from simcord.backend.errors import OptionError
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from bot.presets import MOST_OWN, SHIPPED, Shipped, fill
from playground.world import World, open_world
from storage import house
from storage.database import DatabaseError
from storage.records import Asker, Bound

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}
CHOICES = 25
MODAL_FIELDS = 5


async def preset(world: World, command: str, member: MemberActor | None = None, /, **options: Any) -> InteractionResult:
    """Have a member, Ana unless told otherwise, give one of the commands in the channel."""
    return await (member or world.ana).slash(world.channel, f"preset {command}", **options)


def alone(answer: InteractionResult) -> Any:
    """Return what an answer shows, which its asker alone sees."""
    assert answer.response is not None
    assert answer.response.ephemeral
    return answer.response


def photos(world: World, count: int) -> list[tuple[str, bytes]]:
    names = ["chelsea.png", "coffee.png", "astronaut.png"]
    return [(name, world.photos[name]) for name in names[:count]]


def blanks_of(form: InteractionResult) -> list[str]:
    """Return the labels of the text fields of a form."""
    assert form.modal is not None
    labels = [part for part in form.modal["components"] if "component" in part]
    return [part["label"] for part in labels if part["component"]["type"] == discord.ComponentType.text_input.value]


async def names_of(world: World, member: MemberActor, typed: str = "") -> list[str]:
    offered = await member.autocomplete(world.channel, "preset use", "name", typed)
    assert len(offered) <= CHOICES
    return [choice["value"] for choice in offered]


# Kept and used -------------------------------------------------------------------------------------------------------


async def test_a_preset_with_blanks_asks_for_them_and_becomes_an_edit_with_its_options(
    books_of: Any, visit_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        saved = alone(
            await preset(
                world, "save", name="Night photo", prompt="{subject} at night, {{soft}} light on {subject}",
                options="steps=12 cfg=4, scheduler=Euler Beta",
            )
        )  # fmt: skip
        words = visit.words(saved)
        assert "Saved “Night photo”" in words
        assert "Asks for `{subject}` each time" in words
        assert "Sets `steps` 12 · `cfg` 4 · `scheduler` Euler Beta" in words
        form = await preset(world, "use", name="night PHOTO")
        assert blanks_of(form) == ["subject"]
        sent = await world.ana.submit_modal(form, {"blank-1": "a {grey} cat", "files": photos(world, 1)})
        assert sent.response is not None
        assert not sent.response.ephemeral
        await world.idle()
        [task] = world.runware.requests
        assert task["positivePrompt"] == "a {grey} cat at night, {soft} light on a {grey} cat"
        assert (task["steps"], task["CFGScale"], task["scheduler"]) == (12, 4, "Euler Beta")
        assert len(visit.results()) == 1
        await books_of(world).check()


async def test_without_blanks_the_prompt_can_be_changed_and_without_a_prompt_it_is_asked_for(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        await preset(world, "save", name="fine", options="steps=12")
        await preset(world, "save", name="snow", prompt="make it snow")
        for name, typed, expected in (("fine", "a hat", "a hat"), ("snow", "make it rain", "make it rain")):
            form = await preset(world, "use", name=name)
            assert blanks_of(form) == ["What should change?"]
            await world.ana.submit_modal(form, {"prompt": typed, "files": photos(world, 1)})
            await world.idle()
            assert world.runware.requests[-1]["positivePrompt"] == expected
        form = await preset(world, "use", name="snow")
        assert form.modal is not None
        assert form.modal["components"][0]["component"]["value"] == "make it snow"
        assert len(visit_of(world).results()) == 2


async def test_a_preset_used_on_a_result_makes_its_child_with_pictures_beside_it(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit()
        await visit.edit()
        alone_needed = await preset(world, "use", world.bo, name="merge two pictures", **{"from": "#1"})
        assert alone_needed.modal is not None
        upload = alone_needed.modal["components"][-1]
        assert upload["label"] == "More pictures"
        assert upload["description"].startswith("Picture 2: the second one to bring in.")
        assert (upload["component"]["min_values"], upload["component"]["max_values"]) == (1, 1)
        assert alone_needed.modal["components"][0]["content"].endswith("Picture 1 is #1.")
        filled = {"blank-1": "the cat", "blank-2": "the cup", "blank-3": "on a table"}
        await world.bo.submit_modal(alone_needed, {**filled, "files": photos(world, 1)})
        await world.idle()
        both = await preset(world, "use", name="merge two pictures", **{"from": "#1 #2"})
        assert both.modal is not None
        assert both.modal["components"][0]["content"].endswith("Picture 1 is #1 and picture 2 is #2.")
        assert both.modal["components"][-1]["label"] == "scene", "it takes two pictures, which are here"
        await world.ana.submit_modal(both, filled)
        await world.idle()
        jobs = await books_of(world).jobs()
        assert [(job.request.parent_id, len(job.request.references)) for job in jobs[2:]] == [(1, 2), (1, 2)]
        assert [reference.result_id for reference in jobs[3].request.references] == [1, 2]
        assert visit.ids(visit.last()) == ["4"]
        assert "from [#1]" in visit.words(visit.last())


async def test_an_edit_becomes_a_preset_with_its_settings_and_its_words_as_they_are(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit(prompt="a {red} hat", steps=12, cfg=3.5, results=2, seed="7", size="512x512")
        saved = visit.words(alone(await preset(world, "save", name="hat", **{"from": "#2"})))
        assert "> a {red} hat" in saved
        assert "Sets `steps` 12 · `cfg` 3.5 · `size` 512x512" in saved
        more = await preset(world, "save", name="hat", options="steps= cfg=2 seed=9", prompt="a {x}", **{"from": "1"})
        assert "Replaced “hat”" in visit.words(alone(more))
        assert "Sets `seed` 9 · `cfg` 2 · `size` 512x512" in visit.words(alone(more))
        await visit.edit(prompt="no size of its own")
        matched = visit.words(alone(await preset(world, "save", name="as it comes", **{"from": "#3"})))
        assert "`size`" not in matched
        assert "Sets `steps` 30" in matched
        form = await preset(world, "use", name="as it comes")
        assert form.modal is not None
        assert form.modal["components"][0]["component"]["value"] == "no size of its own"


#: Every option but those of a range in percent, with where Runware's request has it.
EVERY: dict[str, tuple[str, str, Any]] = {
    "negative": ("blur, noise", "negativePrompt", "blur, noise"),
    "results": ("2", "numberResults", 2),
    "seed": (str(2**63 - 1), "seed", 2**63 - 1),
    "format": ("webp", "outputFormat", "WEBP"),
    "quality": ("80", "outputQuality", 80),
    "steps": ("20", "steps", 20),
    "cfg": ("4.5", "CFGScale", 4.5),
    "true_cfg": ("3.25", "settings.trueCFGScale", 3.25),
    "scheduler": ("euler beta", "scheduler", "Euler Beta"),
    "size": ("512x768", "width", 512),
    "loras": ("civitai:1@2 0.5 high", "lora", [{"model": "civitai:1@2", "weight": 0.5, "transformer": "high"}]),
    "cache_start": ("2", "acceleratorOptions.cacheStartStep", 2),
    "cache_end": ("18", "acceleratorOptions.cacheEndStep", 18),
    "cache_in_a_row": ("2", "acceleratorOptions.cacheMaxConsecutiveSteps", 2),
    "fb_cache": ("yes", "acceleratorOptions.fbCache", True),
    "fb_threshold": ("0.2", "acceleratorOptions.fbCacheThreshold", 0.2),
    "tea_cache": ("no", "acceleratorOptions.teaCache", False),
    "tea_distance": ("0.3", "acceleratorOptions.teaCacheDistance", 0.3),
    "db_cache": ("yes", "acceleratorOptions.dbCache", True),
    "db_threshold": ("0.4", "acceleratorOptions.dbCacheThreshold", 0.4),
    "db_skip": ("3", "acceleratorOptions.dbCacheSkipInterval", 3),
    "face_prompt": ("calm", "advancedFeatures.ultralytics.positivePrompt", "calm"),
    "face_negative": ("grin", "advancedFeatures.ultralytics.negativePrompt", "grin"),
    "face_steps": ("10", "advancedFeatures.ultralytics.steps", 10),
    "face_cfg": ("7.5", "advancedFeatures.ultralytics.CFGScale", 7.5),
    "face_strength": ("0.2", "advancedFeatures.ultralytics.strength", 0.2),
    "face_confidence": ("0.8", "advancedFeatures.ultralytics.confidence", 0.8),
    "face_blur": ("4", "advancedFeatures.ultralytics.maskBlur", 4),
    "face_padding": ("6", "advancedFeatures.ultralytics.maskPadding", 6),
}
IN_PERCENT: dict[str, tuple[str, str, Any]] = {
    "cache_start_percent": ("10", "acceleratorOptions.cacheStartStepPercentage", 10),
    "cache_end_percent": ("90", "acceleratorOptions.cacheEndStepPercentage", 90),
}


@pytest.mark.parametrize("table", [EVERY, IN_PERCENT], ids=["every", "in percent"])
async def test_a_preset_of_every_option_reaches_the_request(table: dict[str, tuple[str, str, Any]]) -> None:
    async with open_world(**PLENTY) as world:
        await world.program.database.run(house.allow_lora, world.guild.id, "civitai:1@2", "one")
        pairs = "\n".join(f"{name}={typed}" for name, (typed, _, _) in table.items())
        await preset(world, "save", name="everything", prompt="a {thing}", options=pairs)
        form = await preset(world, "use", name="everything")
        await world.ana.submit_modal(form, {"blank-1": "hat", "files": photos(world, 1)})
        await world.idle()
        [task] = world.runware.requests
        assert task["positivePrompt"] == "a hat"
        for name, (_, path, expected) in table.items():
            found: Any = task
            for step in path.split("."):
                found = found[step]
            assert found == expected, name
        assert "size" not in table or task["height"] == 768


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda shipped: shipped.key)
async def test_each_that_ships_reaches_runware_with_its_example_filled_in(visit_of: Any, shipped: Shipped) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        form = await preset(world, "use", name=shipped.name)
        assert form.modal is not None
        assert len(form.modal["components"]) <= MODAL_FIELDS
        count = len(shipped.pictures)
        upload = form.modal["components"][-1]["component"]
        assert (upload["min_values"], upload["max_values"]) == (count, count)
        typed = {f"blank-{number}": said for number, said in enumerate(shipped.example.filled.values(), 1)}
        await world.ana.submit_modal(form, {**typed, "files": photos(world, count)})
        await world.idle()
        [task] = world.runware.requests
        assert task["positivePrompt"] == fill(shipped.prompt, shipped.example.filled)
        assert len(task["inputs"]["referenceImages"]) == count
        assert task.get("outputFormat") == shipped.options.get("format")
        assert len(visit.results()) == 1


# What is refused -----------------------------------------------------------------------------------------------------


async def test_what_cannot_be_kept_is_refused_with_the_option_and_what_was_given(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        for given, said in (
            ({"name": "x"}, "There is nothing to save yet"),
            ({"name": "\u200b", "prompt": "a"}, "`name` is empty"),
            ({"name": "x" * 41, "prompt": "a"}, "up to 40 characters, and 41 were given"),
            ({"name": "x", "prompt": "a {"}, "`prompt` has a `{` that belongs to no blank"),
            ({"name": "x", "prompt": "{a}{b}{c}{d}{e}"}, "up to 4 different blanks"),
            ({"name": "x", "options": "stepz=3"}, "`stepz` is no option of an edit; did you mean `steps`?"),
            ({"name": "x", "options": "steps=51"}, "`steps` is a whole number from 1 to 50, and `51` was given"),
            ({"name": "x", "options": "fast"}, "takes pairs such as"),
            ({"name": "x", "options": "cache_end=31"}, "`cache_end` goes up to the number of `steps`, which is 30"),
            ({"name": "x", "from": "#9"}, "There is no picture #9 here"),
        ):
            assert said in visit_of(world).words(alone(await preset(world, "save", **given)))
        assert await names_of(world, world.ana) == [shipped.name for shipped in SHIPPED]
        for refused in ({"name": ""}, {"name": "x", "prompt": ""}, {"name": "x", "prompt": "x" * 6001}):
            with pytest.raises(OptionError):
                await preset(world, "save", **refused)


async def test_too_many_are_refused_and_an_own_one_is_replaced_with_a_word(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        asker = Asker(world.guild.id, world.ana.id)
        for number in range(MOST_OWN):
            await world.program.services.presets.save(asker, f"number {number}", {"steps": 3})
        refused = visit.words(alone(await preset(world, "save", name="one more", options="steps=3")))
        assert refused == "You have 50 presets, which is as many as there can be: delete one first."
        assert "Replaced “Number 7”" in visit.words(alone(await preset(world, "save", name="Number 7", prompt="a")))


async def test_a_result_that_its_saver_cannot_read_is_not_kept(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        thread = await visit.private_thread()
        await visit.edit(channel=thread, prompt="between us")
        for member in (world.bo, world.cleo):
            answer = visit.words(alone(await preset(world, "save", member, name="mine", **{"from": "#1"})))
            assert answer == "You can't use #1: it stands in a channel you cannot read."
            used = visit.words(alone(await preset(world, "use", member, name="remove something", **{"from": "#1"})))
            assert used == "You can't use #1: it stands in a channel you cannot read."
        assert "> between us" in visit.words(alone(await preset(world, "save", name="mine", **{"from": "#1"})))


async def test_a_result_that_went_out_of_sight_while_a_form_was_open_is_not_used(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit()
        form = await preset(world, "use", world.bo, name="remove something", **{"from": "#1"})
        await visit.take_down(world.ana, shown)
        answer = await world.bo.submit_modal(form, {"blank-1": "the cat"})
        assert "#1 was taken down" in visit.words(alone(answer))
        assert len(await books_of(world).jobs()) == 1


async def test_the_servers_bounds_and_loras_bind_a_preset_when_it_is_used(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        run, guild_id = world.program.database.run, world.guild.id
        await preset(world, "save", name="fine", options="steps=40 loras=civitai:1@2", prompt="a hat")
        await run(house.allow_lora, guild_id, "civitai:1@2", "one")
        form = await preset(world, "use", name="fine")
        await run(house.put_bound, guild_id, "steps", Bound(None, 20))
        await run(house.forbid_lora, guild_id, "civitai:1@2")
        said = visit.words(alone(await preset(world, "use", name="fine")))
        assert said.startswith("`fine` cannot be used here as it is:\n")
        assert "- `steps` goes up to 20 in this server, and 40 was given." in said
        assert "- `loras` takes those that the managers of this server let in" in said
        late = visit.words(alone(await world.ana.submit_modal(form, {"prompt": "a hat", "files": photos(world, 1)})))
        assert late == "`steps` goes up to 20 in this server, and 40 was given."
        noted = visit.words(alone(await preset(world, "save", name="finer", options="steps=41")))
        assert "⚠️ As this server's rules are now, it cannot be used: `steps` goes up to 20 in this server" in noted
        assert await books_of(world).jobs() == []


async def test_a_servers_defaults_fill_in_what_a_preset_leaves_out(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        await preset(world, "save", name="fine", options="steps=12", prompt="a hat")
        before = await preset(world, "use", name="fine")
        for name, value in (("steps", 9), ("cfg", 5), ("size", "512x512")):
            await world.program.database.run(house.put_default, world.guild.id, name, value)
        form = await preset(world, "use", name="fine")
        assert shape_of(form)["custom_id"] != shape_of(before)["custom_id"], "smaller, it costs less"
        await world.ana.submit_modal(form, {"prompt": "a hat", "files": photos(world, 1)})
        await world.idle()
        [task] = world.runware.requests
        assert (task["steps"], task["CFGScale"], task["width"]) == (12, 5, 512)
        assert len(visit_of(world).results()) == 1


async def test_a_preset_may_say_that_nothing_of_a_servers_defaults_stands_for_an_option(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        houses, manager = world.program.services.houses, Asker(world.guild.id, world.cleo.id)
        for name, value in (("negative", "a logo"), ("cfg", "4"), ("size", "256x256")):
            await houses.set_default(manager, name, value)
        saved = alone(await preset(world, "save", name="bare", options="negative=None, cfg=- size=none"))
        said = visit_of(world).words(saved)
        assert "Sets `negative` none · `cfg` none · `size` none" in said
        form = await preset(world, "use", name="bare")
        await world.ana.submit_modal(form, {"prompt": "a hat", "files": photos(world, 1)})
        await world.idle()
        [task] = world.runware.requests
        assert not task.keys() & {"negativePrompt", "CFGScale"}
        assert (task["width"], task["height"]) != (256, 256)


async def test_a_file_that_is_no_picture_is_refused_by_the_name_of_its_field(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        form = await preset(world, "use", name="remove something")
        sent = await world.ana.submit_modal(form, {"blank-1": "it", "files": [("cat.png", b"no picture")]})
        assert "`Pictures`" in visit_of(world).words(sent.response)
        assert await books_of(world).jobs() == []


async def test_a_form_that_came_back_otherwise_than_it_was_opened_asks_for_nothing(
    books_of: Any, visit_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        few = await preset(world, "use", name="merge two pictures")
        upload = shape_of(few)["components"][-1]["component"]
        upload["min_values"], filled = 1, dict.fromkeys(("blank-1", "blank-2", "blank-3"), "it")
        answer = await world.ana.submit_modal(few, {**filled, "files": photos(world, 1)})
        assert visit_of(world).words(alone(answer)) == (
            "`merge two pictures` takes 2 pictures, and 1 came; use it again with all of them."
        )
        older = await preset(world, "use", name="move something")
        shape_of(older)["components"].pop(2)
        answer = await world.ana.submit_modal(older, {"blank-1": "the lamp", "files": photos(world, 1)})
        assert visit_of(world).words(alone(answer)) == (
            "`move something` asks for other things now: use it again.\n-# You wrote: the lamp"
        )
        assert await books_of(world).jobs() == []


def shape_of(form: InteractionResult) -> dict[str, Any]:
    """Return a form as Discord holds it, so that it can be changed as one of another version would be."""
    modal = form._interaction.modal
    assert modal is not None
    return modal


async def test_where_no_edit_could_be_asked_for_no_form_is_opened(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit, bot = visit_of(world), world.guild.me
        assert bot is not None
        await visit.edit()
        [thread] = visit.threads()
        await world.ana.slash(thread, "session lock")
        locked = await world.bo.slash(thread, "preset use", name="remove something")
        assert "locked" in visit.words(alone(locked))
        denied = discord.Permissions(create_public_threads=True)
        overwrite = Overwrite(target_id=bot.id, type=OverwriteType.MEMBER, allow=0, deny=denied.value)
        world.env.backend.set_overwrite(world.channel.id, overwrite)
        lacking = visit.words(alone(await preset(world, "use", name="remove something")))
        assert "I lack **Create Public Threads**" in lacking


async def test_where_edits_are_paused_no_form_is_opened(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        shown = await world.cleo.slash(world.channel, "budget show")
        assert shown.response is not None
        form = await world.cleo.click(shown.response, label="Pause")
        await world.cleo.submit_modal(form, {"reason": "a break"})
        assert "a break" in visit_of(world).words(alone(await preset(world, "use", name="remove something")))


# Whose ---------------------------------------------------------------------------------------------------------------


async def test_the_servers_presets_are_for_all_and_kept_and_deleted_by_managers_alone(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        refused = visit.words(alone(await preset(world, "save", name="ours", prompt="a {x}", shared=True)))
        assert "Only those who manage this server can do this" in refused
        await preset(world, "save", world.cleo, name="ours", prompt="a {x}", shared=True)
        assert "this server's · saved <t:" in visit.words(alone(await preset(world, "show", name="ours")))
        assert blanks_of(await preset(world, "use", world.bo, name="ours")) == ["x"]
        for shared in (False, True):
            answer = visit.words(alone(await preset(world, "delete", name="ours", shared=shared)))
            assert "Only those who manage this server can do this" in answer
        hint = visit.words(alone(await preset(world, "delete", world.cleo, name="ours")))
        assert hint == "`ours` is this server's: set `shared` to delete it for everybody."
        gone = visit.words(alone(await preset(world, "delete", world.cleo, name="ours", shared=True)))
        assert gone == "🗑️ Deleted the server's preset **ours**."
        assert "There is no preset `ours` here" in visit.words(alone(await preset(world, "show", name="ours")))


async def test_others_neither_see_nor_use_nor_delete_a_members_own(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await preset(world, "save", name="mine", prompt="a secret {x}")
        for name in ("use", "show", "delete"):
            answer = visit.words(alone(await preset(world, name, world.cleo, name="mine")))
            assert answer.startswith("There is no preset `mine` here;")
        assert "mine" not in await names_of(world, world.cleo)
        assert "a secret" not in visit.words(alone(await preset(world, "list", world.cleo)))
        listed = alone(await preset(world, "list"))
        forged = await world.ana.select(listed, [key_of(listed, "mine")], custom_id="presets-show")
        assert "> a secret {x}" in visit.words(forged.response)
        assert visit.words(alone(await preset(world, "delete", name="MINE"))) == "🗑️ Deleted your preset **mine**."
        assert await names_of(world, world.ana) == [shipped.name for shipped in SHIPPED]


async def test_an_own_one_comes_before_the_servers_and_that_before_what_ships(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        name = "remove something"
        shared = await preset(world, "save", world.cleo, name=name, prompt="the server's {x}", shared=True)
        assert "For everybody here, it takes the place of the one of this name that comes with me." in visit.words(
            alone(shared)
        )
        mine = await preset(world, "save", name=name.upper(), prompt="my {x}")
        assert "For you, it takes the place of the one of this name that this server has." in visit.words(alone(mine))
        for member, said in ((world.ana, "> my {x}"), (world.bo, "> the server's {x}")):
            assert said in visit.words(alone(await preset(world, "show", member, name=name)))
        assert visit.words(alone(await preset(world, "list"))).count("is used instead") == 2
        own = await preset(world, "save", world.cleo, name=name, prompt="Cleo's {x}")
        assert "For you" in visit.words(alone(own))
        again = await preset(world, "save", world.cleo, name=name, prompt="the server's {y}", shared=True)
        assert "You have one of your own of this name: you get that" in visit.words(alone(again))
        assert "ships with me" not in visit.words(alone(await preset(world, "delete", name=name)))
        kept = visit.words(alone(await preset(world, "delete", world.cleo, name="改字")))
        assert kept == "`改字` ships with me, so it stays; save your own under its name."


def key_of(listed: Any, name: str) -> str:
    """Return the value of a preset in the menu of a list."""
    menus = [part for part in _flat(listed.components) if part["type"] == discord.ComponentType.select.value]
    return next(option["value"] for menu in menus for option in menu["options"] if option["label"] == name)


def _flat(components: Any) -> list[dict[str, Any]]:
    parts = [part if isinstance(part, dict) else part.to_dict() for part in components]
    return [found for part in parts for found in (part, *_flat(part.get("components", [])))]


# Looking -------------------------------------------------------------------------------------------------------------


async def test_the_list_leads_to_each_and_back_and_to_its_form(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        for number in range(12):
            await preset(world, "save", name=f"number {number}", options=f"steps={number + 1}")
        first = alone(await preset(world, "list"))
        assert "22 presets · page 1 of 3" in visit.words(first)
        second = await world.ana.click(first, label="Next")
        assert second.response is not None
        assert second.response.id == first.id
        assert "page 2 of 3" in visit.words(second.response)
        assert "**These come with me**" in visit.words(second.response)
        shown = await world.ana.select(second.response, ["merge-two"], custom_id="presets-show")
        assert shown.response is not None
        assert "Takes 2 pictures: picture 1 is the first one" in visit.words(shown.response)
        form = await world.ana.click(shown.response, label="Use it")
        assert blanks_of(form) == ["first", "second", "scene"]
        back = await world.ana.click(shown.response, label="All presets")
        assert back.response is not None
        assert "page 1 of 3" in visit.words(back.response)
        assert world.env.errors == []


async def test_a_preset_that_is_too_long_to_show_comes_whole_as_a_file(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        prompt = "a {thing} " + "and so on " * 300
        saved = alone(await preset(world, "save", name="long", prompt=prompt))
        assert "preset.json" in visit.files(saved)
        [file] = saved.attachments
        data = world.env.backend.cdn.get(file.url)
        assert data is not None
        assert json.loads(data) == {"name": "long", "options": {"prompt": prompt.strip()}}
        listed = alone(await preset(world, "list"))
        shown = await world.ana.select(listed, [key_of(listed, "long")], custom_id="presets-show")
        assert "preset.json" in visit.files(shown.response)
        assert shown.response is not None
        back = await world.ana.click(shown.response, label="All presets")
        assert visit.files(back.response) == {}


async def test_names_are_offered_own_ones_first_and_nothing_ever_breaks(
    visit_of: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        asker = Asker(world.guild.id, world.ana.id)
        for number in range(30):
            await world.program.services.presets.save(asker, f"own {number:02}", {"steps": 3})
        await preset(world, "save", world.cleo, name="ours", prompt="a", shared=True)
        assert await names_of(world, world.ana) == [f"own {number:02}" for number in range(25)]
        assert await names_of(world, world.ana, "OUR") == ["ours"]
        assert await names_of(world, world.ana, "lettering") == ["change the lettering"]
        offered = await world.ana.autocomplete(world.channel, "preset show", "name", "改")
        assert offered == [{"name": "改字 · comes with me", "value": "改字"}]
        pairs = await world.ana.autocomplete(world.channel, "preset save", "options", "steps=4 cache_i")
        assert [choice["value"] for choice in pairs] == ["steps=4 cache_in_a_row="]
        await visit.edit()
        [thread] = visit.threads()
        results = await world.ana.autocomplete(thread, "preset use", "from", "")
        assert [choice["value"] for choice in results] == ["#1"]

        async def broken(*_: Any) -> Any:
            raise DatabaseError

        monkeypatch.setattr(world.program.database, "read", broken)
        assert await names_of(world, world.ana) == []
        monkeypatch.undo()
        assert "autocomplete" not in caplog.text
        assert world.env.errors == []


# Restarts and changes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("crash", [False, True])
async def test_a_form_and_its_buttons_outlive_a_restart(books_of: Any, visit_of: Any, crash: bool) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit()
        saved = alone(await preset(world, "save", name="night", prompt="{subject} at night", options="steps=12"))
        form = await preset(world, "use", name="night", **{"from": "#1"})
        listed = alone(await preset(world, "list"))
        await world.restart(crash=crash)
        await world.ana.submit_modal(form, {"blank-1": "the cat"})
        await world.idle()
        assert world.runware.requests[-1]["positivePrompt"] == "the cat at night"
        assert world.runware.requests[-1]["steps"] == 12
        assert (await books_of(world).jobs())[-1].request.parent_id == 1
        assert blanks_of(await world.ana.click(saved, label="Use it")) == ["subject"]
        shown = await world.ana.select(listed, ["follow-depth"], custom_id="presets-show")
        assert "Picture 2 is a depth map" in visit.words(shown.response)
        assert world.env.errors == []


@pytest.mark.parametrize("deleted", [False, True])
async def test_a_form_of_a_preset_that_changed_meanwhile_asks_for_nothing_and_says_back_what_was_typed(
    books_of: Any, visit_of: Any, deleted: bool
) -> None:
    async with open_world(**PLENTY) as world:
        await preset(world, "save", name="night", prompt="{subject} at night")
        form = await preset(world, "use", name="night")
        if deleted:
            await preset(world, "delete", name="night")
        else:
            await preset(world, "save", name="night", prompt="{subject} by {day}")
        answer = await world.ana.submit_modal(form, {"blank-1": "the *old* cat", "files": photos(world, 1)})
        assert visit_of(world).words(alone(answer)) == (
            "That preset was changed or deleted meanwhile; `/preset list` shows what there is now. "
            "Nothing was asked for.\n-# You wrote: the \\*old\\* cat"
        )
        assert await books_of(world).jobs() == []


async def test_a_blank_of_nothing_but_blanks_is_refused_by_its_name(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        form = await preset(world, "use", name="change the lettering")
        answer = await world.ana.submit_modal(form, {"blank-1": "A", "blank-2": "  ", "files": photos(world, 1)})
        assert visit_of(world).words(alone(answer)) == "`{new}` was left empty; say what stands there in the prompt."
        assert await books_of(world).jobs() == []


async def test_a_price_that_the_form_showed_is_news_once_it_has_risen(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        small = "size=256x256 steps=10"
        await preset(world, "save", name="small", prompt="a hat", options=small)
        cheap = await preset(world, "use", name="small")
        await world.ana.submit_modal(cheap, {"prompt": "a hat", "files": photos(world, 1)})
        await world.idle()
        assert len(visit.results()) == 1, "it was no news"
        large = await preset(world, "use", name="remove something", **{"from": "#1"})
        await world.program.database.run(house.put_default, world.guild.id, "results", 4)
        asked = await world.ana.submit_modal(large, {"blank-1": "it"})
        assert "Yes, edit it" in visit.labels(asked.response)
        assert len(await books_of(world).jobs()) == 1


# Prompts in other scripts --------------------------------------------------------------------------------------------

SCRIPTS = {
    "chinese": "把背景换成下雪的夜晚，保留猫的毛色和胡须，让窗外的灯笼发出温暖的红光，远处有一座小桥，桥上有两个打伞的人",
    "arabic": "اجعل الخلفية ليلة ثلجية مع الاحتفاظ بلون فراء القطة وشواربها، وأضف فانوسا أحمر دافئا خارج النافذة وجسرا بعيدا",
    "devanagari": "पृष्ठभूमि को बर्फ़ीली रात में बदल दो, बिल्ली के रंग और मूँछों को वैसा ही रखो, खिड़की के बाहर लाल लालटेन जलाओ और पुल",
    "emoji": "👩‍🎨🇩🇪👍🏽🐈‍⬛" * 12,
}


@pytest.mark.parametrize("script", SCRIPTS)
async def test_a_prompt_in_any_script_goes_from_the_command_to_the_thread_the_picture_and_the_file(
    visit_of: Any, script: str
) -> None:
    prompt = SCRIPTS[script]
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit(prompt=prompt, image=(f"{prompt[:8]}.png", world.photos["chelsea.png"]))
        [thread] = visit.threads()
        name = thread.name or ""
        assert prompt.startswith(name.removesuffix("…"))
        assert 20 < len(name) <= 100
        [(file, alt)] = visit.files(shown).items()
        assert re.fullmatch(r"1-seed-\d+\.jpg", file)
        assert (alt or "").startswith(f"{prompt[:8]}.png, edited: {prompt[:40]}")
        assert world.runware.requests[0]["positivePrompt"] == prompt
        assert prompt in visit.words(shown)
        saved = alone(await preset(world, "save", name=prompt[:12], **{"from": "#1"}))
        assert prompt in visit.words(saved)
        long = (prompt + " ") * (5500 // len(prompt))
        shown = await visit.edit(prompt=long)
        attached = {file.filename: file for file in shown.attachments}
        data = world.env.backend.cdn.get(attached["prompt.txt"].url)
        assert data is not None
        assert data.decode() == long.strip()
        cut = visit.words(shown).split("…")[0].removeprefix("> ").replace("\\", "")
        assert long.startswith(cut)
        assert world.env.errors == []


async def test_a_draft_of_a_result_becomes_a_preset_without_the_size_of_that_result(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit(steps=40)
        more = alone(await world.ana.click(shown, label="More"))
        card = alone(await world.ana.click(more, label="Draft"))
        assert "`size` **464x304**" in visit.words(card)
        saved = visit.words(alone(await preset(world, "save", name="dusk", draft=True)))
        assert "Sets `steps` 40" in saved
        assert "size" not in saved
        form = await world.ana.click(card, label="Size and file")
        await world.ana.submit_modal(form, {"size": "512x512"})
        saved = visit.words(alone(await preset(world, "save", name="dusk", draft=True)))
        assert "`size` 512x512" in saved


async def test_a_name_with_signs_of_discords_in_it_is_repeated_without_them(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        name = "a`b <@1>"
        alone(await preset(world, "save", world.cleo, name=name, prompt="x", shared=True))
        kept = visit.words(alone(await preset(world, "delete", world.cleo, name=name)))
        assert kept.startswith("`ab <@1>` is this server's: set `shared`")
        near = visit.words(alone(await preset(world, "show", world.cleo, name="a`b <@2>")))
        assert near == "There is no preset `ab <@2>` here; did you mean `ab <@1>`?"


async def test_a_draft_becomes_a_preset_with_its_words_as_they_are_and_its_options(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        none = alone(await preset(world, "save", name="dusk", draft=True))
        assert visit.words(none) == "You have no draft here to save; `/draft` opens one."
        card = alone(await world.ana.slash(world.channel, "draft", prompt="make it dusk {really}"))
        form = await world.ana.click(card, label="Guidance")
        await world.ana.submit_modal(form, {"steps": "40"})
        both = alone(await preset(world, "save", name="dusk", draft=True, **{"from": "#1"}))
        assert visit.words(both) == "`draft` takes the place of `from`: use one of them."
        saved = visit.words(alone(await preset(world, "save", name="dusk", draft=True)))
        assert "make it dusk {really}" in saved
        assert "The prompt can be changed each time." in saved, "braces are words of the draft, and no blank"
        assert "40" in saved
        form = await preset(world, "use", name="dusk")
        await world.ana.submit_modal(form, {"prompt": "make it dusk {really}", "files": photos(world, 1)})
        await world.idle()
        [sent] = world.runware.requests
        assert (sent["positivePrompt"], sent["steps"]) == ("make it dusk {really}", 40)
