"""Recipes as members meet them: shown, run by others, run elsewhere, and what is in them when they lie."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import Any

import discord
import pytest
from PIL import Image
from simcord import ChannelHandle, InteractionResult, MemberActor

from playground.world import World, open_world
from storage import house
from storage.records import Bound, Status

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}
LORA = "local:1@1"
EVERYTHING: dict[str, Any] = {
    "prompt": "夜にして, *now*\nand `so` on",
    "negative": "rain",
    "results": 1,
    "seed": "9223372036854775807",
    "format": "PNG",
    "quality": 80,
    "steps": 20,
    "cfg": 7.35,
    "true_cfg": -1.5,
    "scheduler": "DPM++ 2M Karras",
    "loras": [{"model": LORA, "weight": -0.57, "stage": "high"}],
    "cache_in_a_row": 2,
    "fb_cache": False,
    "fb_threshold": 0.29,
    "tea_cache": True,
    "tea_distance": 0,
    "db_cache": True,
    "db_threshold": 1,
    "db_skip": 3,
    "face_prompt": "a smile",
    "face_negative": "a frown",
    "face_steps": 10,
    "face_cfg": 7.3,
    "face_strength": 0.4,
    "face_confidence": 0.8,
    "face_blur": 3,
    "face_padding": 4,
    "size": "512x768",
}
IN_STEPS = {"cache_start": 2, "cache_end": 20}
IN_PERCENT = {"cache_start_percent": 10, "cache_end_percent": 90}


def a_recipe(*pictures: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {
        "recipe": 2,
        "model": "runware:108@22",
        "options": {"prompt": "make it night", "size": "512x512", "seed": "5", **options},
        "pictures": list(pictures) or [{"file": "cat.png"}],
    }


def a_task(**changes: Any) -> dict[str, Any]:
    """Return an example of the model's page."""
    return {
        "taskType": "imageInference",
        "taskUUID": "6f0c1f5e-0f3a-4c0e-9d52-6b6a3a7d8e10",
        "model": "runware:108@22",
        "positivePrompt": "Put the cat on the table",
        "negativePrompt": "blurry",
        "width": 1024,
        "height": 768,
        "seed": 29892,
        "steps": 32,
        "CFGScale": 7.5,
        "scheduler": "DPM++ 2M Karras",
        "settings": {"trueCFGScale": 1.2},
        **changes,
    }


def without_names(task: Any) -> str:
    """Return a task as it was received, in the order it was written, without its identifiers."""
    kept = {key: value for key, value in task.items() if key not in {"taskUUID", "webhookURL"}}
    return json.dumps(kept, default=str, ensure_ascii=False)


class Cook:
    """What the tests do with recipes in a world."""

    def __init__(self, world: World, visit: Any) -> None:
        self.world = world
        self.visit = visit
        self.cat = ("cat.png", world.photos["chelsea.png"])
        self.coffee = ("coffee.png", world.photos["coffee.png"])

    async def run(
        self, recipe: Any, who: MemberActor | None = None, where: ChannelHandle | None = None, **options: Any
    ) -> InteractionResult:
        """Run a recipe, or a file as it is, to its end; by Ana, in the channel, unless told otherwise."""
        data = recipe if isinstance(recipe, bytes) else json.dumps(recipe).encode()
        actor = who or self.world.ana
        answer = await actor.slash(where or self.world.channel, "recipe run", file=("recipe.json", data), **options)
        await self.world.idle()
        return answer

    async def refused(self, recipe: Any, *args: Any, **options: Any) -> str:
        """Return what the person alone is told of a recipe that is not run."""
        before = len(self.world.runware.requests)
        answer = await self.run(recipe, *args, **options)
        assert answer.response is not None
        assert answer.response.ephemeral, self.visit.words(answer.response)
        assert len(self.world.runware.requests) == before
        return self.visit.words(answer.response)

    async def shown(self, number: int, who: MemberActor | None = None, where: ChannelHandle | None = None) -> bytes:
        """Return the recipe of a result as a member gets it."""
        actor = who or self.world.bo
        return self.file(await actor.slash(where or self.world.channel, "recipe show", result=f"#{number}"))

    def file(self, answer: InteractionResult) -> bytes:
        assert answer.response is not None
        assert answer.response.ephemeral
        [file] = answer.response.attachments
        data = self.world.env.backend.cdn.get(file.url)
        assert data is not None
        return data

    async def look(self, number: int) -> Any:
        """Return the card of a result as Ana sees it, also of one that is gone."""
        way = (await self.world.ana.slash(self.world.channel, "history", result=f"#{number}")).response
        assert way is not None
        card = (await self.world.ana.select(way, [str(number)], custom_id="step:1")).response
        assert card is not None
        return card

    def sent(self) -> list[str]:
        return [without_names(task) for task in self.world.runware.requests]

    def told(self, answer: InteractionResult) -> list[str]:
        """Return what was said to the person alone after the answer."""
        assert all(one.ephemeral for one in answer.followups)
        return [self.visit.words(one) for one in answer.followups]


@pytest.fixture
def cook_of(visit_of: Any) -> Any:
    return lambda world: Cook(world, visit_of(world))


# The same recipe gives the same request ------------------------------------------------------------------------------


@pytest.mark.parametrize("cached", [IN_STEPS, IN_PERCENT], ids=["in steps", "in percent"])
async def test_a_recipe_with_every_option_gives_the_same_request_whoever_runs_it(cook_of: Any, cached: Any) -> None:
    async with open_world(**PLENTY) as world:
        cook = cook_of(world)
        await world.program.database.run(house.allow_lora, world.guild.id, LORA, "a style")
        await cook.visit.edit()
        pictures = [{"file": "coffee.png"}, {"from": "#1"}, {"file": "cat.png"}]
        await cook.run(a_recipe(*pictures, **EVERYTHING, **cached), image=cook.coffee, image2=cook.cat)
        recipe = json.loads(await cook.shown(2))
        assert recipe["options"] == {**EVERYTHING, **cached}
        # What a server fills in where nothing is set stays out of what is run as it was.
        await world.program.database.run(house.put_default, world.guild.id, "true_cfg", 4)
        for member in (world.ana, world.bo):
            answer = await cook.run(recipe, member, image=cook.coffee, image2=cook.cat)
            assert cook.told(answer) == []
        _, asked, *again = cook.sent()
        assert again == [asked, asked]
        assert [one.count("data:image/") for one in again] == [3, 3]


async def test_a_recipe_of_one_of_several_asks_for_that_one_with_its_own_seed(cook_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        cook = cook_of(world)
        await world.program.database.run(house.put_default, world.guild.id, "cfg", 4)
        await cook.visit.edit(results=3, seed="70", true_cfg=2.5)
        for result in await world.program.edits.results(1):
            recipe = json.loads(await cook.shown(result.id))
            assert recipe["made"] == {"id": result.short_id, "seed": str(result.seed)}
            await cook.run(recipe, image=cook.cat)
            asked, *_, again = world.runware.requests
            assert without_names({**asked, "numberResults": 1, "seed": result.seed}) == without_names(again)


async def test_a_recipe_leaves_out_what_its_edit_left_out_whatever_the_server_fills_in(cook_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        cook = cook_of(world)
        await cook.visit.edit()
        recipe = await cook.shown(1)
        for name, value in (("cfg", 4), ("scheduler", "Euler"), ("steps", 12), ("results", 2)):
            await world.program.database.run(house.put_default, world.guild.id, name, value)
        await cook.run(recipe, image=cook.cat)
        asked, again = cook.sent()
        assert asked == again


async def test_a_picture_saved_from_a_message_is_the_recipes_own(cook_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        cook = cook_of(world)
        await cook.visit.edit(image=("cat.png", world.photos["chelsea.png"]))
        [starter] = [message for message in cook.visit.everything() if "reference-1.jpg" in cook.visit.files(message)]
        saved = await starter.attachments[0].read()
        assert saved != world.photos["chelsea.png"]
        recipe = await cook.shown(1)
        answer = await cook.run(recipe, world.bo, image=("saved.jpg", saved))
        assert cook.told(answer) == []
        asked, again = cook.sent()
        assert asked == again
        other = await cook.run({**json.loads(recipe), "pictures": [{"file": "x"}]}, image=("saved.jpg", saved))
        assert cook.told(other) == []
        assert cook.sent()[-1] != asked, "it was prepared once more, since no recipe says what it is"


async def test_a_hash_of_what_was_never_prepared_spares_nobody_the_preparation(cook_of: Any, books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        cook = cook_of(world)
        buffer = io.BytesIO()
        Image.new("RGBA", (3000, 1000)).save(buffer, "PNG")
        made_up = {"file": "x.png", "sha256": hashlib.sha256(buffer.getvalue()).hexdigest()}
        await cook.run(a_recipe(made_up), image=("x.png", buffer.getvalue()))
        [job] = await books_of(world).jobs()
        assert job.request.references[0].width == 2048


# Shown ---------------------------------------------------------------------------------------------------------------


async def test_the_button_and_the_command_show_the_same_recipe_to_those_who_can_read_the_picture(cook_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        cook = cook_of(world)
        shown = await cook.visit.edit()
        more = await world.bo.click(shown, label="More")
        assert more.response is not None
        pressed = await world.bo.click(more.response, label="Recipe")
        assert "Recipe of #1" in cook.visit.words(pressed.response)
        assert cook.file(pressed) == await cook.shown(1)
        [thread] = cook.visit.threads()
        newest = await world.bo.slash(thread, "recipe show")
        assert cook.file(newest) == await cook.shown(1)
        private = await cook.visit.private_thread()
        await world.ana.slash(private, "edit", prompt="a secret", image=cook.cat)
        await world.idle()
        refused = await world.bo.slash(world.channel, "recipe show", result="#2")
        assert "cannot read" in cook.visit.words(refused.response)
        assert refused.response is not None
        assert refused.response.attachments == []
        offered = await world.bo.autocomplete(thread, "recipe show", "result", "")
        assert [choice["value"] for choice in offered] == ["#1"]


async def test_the_recipe_of_what_was_lost_makes_it_again_and_of_what_was_taken_down_or_withheld_there_is_none(
    cook_of: Any,
) -> None:
    async with open_world(**PLENTY) as world:
        cook = cook_of(world)
        world.runware.faults.image = "gone"
        await cook.visit.edit()
        world.runware.faults.image = "ok"
        card = await cook.look(1)
        assert "Its recipe makes it again" in cook.visit.words(card)
        recipe = cook.file(await world.ana.click(card, label="Recipe"))
        await cook.run(recipe, image=cook.cat)
        asked, again = cook.sent()
        assert asked == again
        await cook.visit.take_down(world.ana, cook.visit.last())
        world.runware.faults.nsfw = True
        await cook.visit.edit()
        for number, said in ((2, "was taken down"), (3, "withheld by the content check")):
            answer = await world.ana.slash(world.channel, "recipe show", result=f"#{number}")
            assert said in cook.visit.words(answer.response)
            assert answer.response is not None
            assert answer.response.attachments == []
            assert "Recipe" not in cook.visit.labels(await cook.look(number))


# Pictures ------------------------------------------------------------------------------------------------------------


async def test_a_result_is_used_by_those_alone_who_can_read_it_now_and_a_hash_grants_nothing(
    cook_of: Any, books_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        cook = cook_of(world)
        private = await cook.visit.private_thread()
        await world.ana.slash(private, "edit", prompt="a secret", image=cook.cat)
        await world.idle()
        [hidden] = await world.program.edits.results(1)
        recipe = a_recipe({"from": "#1", "width": 464, "height": 304, "sha256": hidden.sha256})
        said = await cook.refused(recipe, world.bo)
        assert "needs picture 1 (\\#1, 464 × 304). You can't use #1: it stands in a channel you cannot read." in said
        assert "Attach it as `image`, or name another result in `from`" in said
        hashed = {"sha256": hidden.sha256}
        assert "needs picture 1" in await cook.refused(a_recipe(hashed), world.bo)
        assert "needs picture 1" in await cook.refused(a_recipe(hashed), world.ana)
        assert "There is no picture #77" in await cook.refused(a_recipe({"from": "#77"}))
        assert "cannot read" in await cook.refused(a_recipe(), world.bo, **{"from": "#1"})
        assert len(await books_of(world).jobs()) == 1
        # Whoever attaches it has it, and whoever can read it needs not.
        await cook.run(
            recipe, world.bo, image=("saved.png", await world.program.services.pictures.get(hidden.sha256 or ""))
        )
        await cook.run(recipe, world.ana, private)
        attached, read = (task["inputs"]["referenceImages"] for task in world.runware.requests[1:])
        assert attached == read
        jobs = await books_of(world).jobs()
        assert [job.request.parent_id for job in jobs] == [None, None, 1]
        await books_of(world).check()


async def test_too_few_and_too_many_pictures_are_told_by_their_places(cook_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        cook = cook_of(world)
        await cook.visit.edit()
        await cook.visit.edit()
        recipe = a_recipe({"file": "a.png", "width": 30, "height": 40}, {"from": "#1"}, {"file": "c_c.png"})
        said = await cook.refused(recipe)
        assert "needs picture 1 (a.png, 30 × 40) and picture 3 (c\\_c.png)." in said
        assert "Attach them, in this order, as `image` and `image2`, or name other results in `from`." in said
        said = await cook.refused(recipe, image2=cook.cat)
        assert "needs picture 3 (c\\_c.png). Attach it as `image`, or name another result" in said
        said = await cook.refused(a_recipe({"from": "#1"}), image=cook.cat, image2=cook.cat)
        assert "the recipe takes none, and 2 were given; with one file and no `from`" in said
        said = await cook.refused(
            a_recipe({"from": "#1"}, {"file": "b"}, {"from": "#2"}), image=cook.cat, image2=cook.cat
        )
        assert "takes only picture 2 (b), and 2 were given; with 3 files and no `from`" in said
        said = await cook.refused(a_recipe(), **{"from": "#1 #2"})
        assert "`from` names 2 results, and the recipe has 1 picture." in said


async def test_pictures_go_in_the_order_of_the_recipe_and_others_take_their_places(cook_of: Any, books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        cook = cook_of(world)
        await cook.visit.edit()
        await cook.visit.edit()
        recipe = a_recipe({"file": "cat.png"}, {"from": "#1"}, {"file": "coffee.png"})
        recipe["parent"] = "#1"
        for given in (
            {"image2": cook.cat, "image3": cook.coffee},
            {"image": cook.cat, "image2": cook.coffee, "from": "#2"},
            {"image": cook.coffee, "from": "#2 #1"},
            {"image": cook.cat, "image2": cook.cat, "image3": cook.cat},
        ):
            await cook.run(recipe, **given)
        await cook.run({**a_recipe({"from": "#1"}, {"from": "#2"}), "parent": "#2"})
        asked = [job.request for job in (await books_of(world).jobs())[2:]]
        labels = [[reference.label for reference in request.references] for request in asked]
        assert labels == [
            ["cat.png", "#1", "coffee.png"],
            ["cat.png", "#2", "coffee.png"],
            ["#1", "#2", "coffee.png"],
            ["cat.png", "cat.png", "cat.png"],
            ["#1", "#2"],
        ]
        assert [request.parent_id for request in asked] == [1, 2, 1, None, 2]


async def test_other_pictures_than_the_recipes_are_told_to_the_one_who_runs_it_alone(cook_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        cook = cook_of(world)
        await cook.visit.edit(image2=("coffee.png", world.photos["coffee.png"]))
        recipe = await cook.shown(1)
        answer = await cook.run(recipe, image=cook.cat, image2=cook.cat)
        [said] = cook.told(answer)
        assert said.startswith("In place of picture 2 (coffee.png, 600 × 400) of the recipe there is another one now")
        answer = await cook.run(recipe, image=cook.coffee, **{"from": "#1"})
        [said] = cook.told(answer)
        assert "In place of picture 1 (cat.png, 451 × 300) of the recipe there is another one now" in said
        answer = await cook.run(recipe, image=cook.coffee, image2=cook.cat)
        assert "picture 1 (cat.png, 451 × 300) and picture 2 (coffee.png, 600 × 400) of the" in cook.told(answer)[0]


# What is checked ------------------------------------------------------------------------------------------------------


async def test_a_recipe_is_checked_where_the_place_wants_it_and_may_ask_for_more(cook_of: Any, books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        cook = cook_of(world)
        adult = world.guild.create_text_channel("adults")
        await world.env.settle()
        known = world.bot.get_channel(adult.id)
        assert isinstance(known, discord.TextChannel)
        known.nsfw = True  # SimCord's channels have no such field
        await world.program.database.run(house.put_checked, world.guild.id, adult.id, checked=False)
        none, fast = a_recipe(safety="none"), a_recipe(safety="fast")
        said = await cook.refused(none, image=cook.cat)
        assert "`safety` is none in this recipe, and Runware checks what is made here: leave it out" in said
        task = a_task(inputs={"referenceImages": ["a"]}, safety={"checkContent": False})
        assert "`safety` is none" in await cook.refused(task, image=cook.cat)
        assert await books_of(world).jobs() == []
        checked = a_task(inputs={"referenceImages": ["a"]}, safety={"checkContent": True})
        silent = a_task(inputs={"referenceImages": ["a"]})
        for recipe in (none, fast, a_recipe(), task, checked, silent):
            await cook.run(recipe, where=adult, image=cook.cat)
        await cook.run(silent, image=cook.cat)
        modes = [task["safety"] for task in world.runware.requests]
        assert modes == [{"mode": mode} for mode in ("none", "fast", "fast", "none", "fast", "none", "fast")]
        assert json.loads(await cook.shown(1))["options"]["safety"] == "none"
        assert "safety" not in json.loads(await cook.shown(2))["options"]
        again = await cook.shown(1)
        await cook.run(again, where=adult, image=cook.cat)
        assert cook.sent()[-1] == cook.sent()[0]


async def test_a_servers_own_rules_bind_recipes_too(cook_of: Any, books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        cook = cook_of(world)
        await world.program.database.run(house.put_bound, world.guild.id, "steps", Bound(None, 40))
        said = await cook.refused(a_recipe(steps=41), image=cook.cat)
        assert "`steps` goes up to 40 in this server, and 41 was given" in said
        said = await cook.refused(a_recipe(loras=[{"model": LORA}]), image=cook.cat)
        assert LORA in said
        assert await books_of(world).jobs() == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", "is no JSON: see line 1, column 2"),
        (b"x" * 3_000_000, "has 2.9 MB, and a recipe has up to 2 MB"),
        (json.dumps(a_recipe(stepz=3)).encode(), "`stepz` is no option of an edit; did you mean `steps`?"),
        (json.dumps(a_recipe(steps=51, cfg=0.5)).encode(), "This recipe has 2 faults"),
        (json.dumps(a_recipe(prompt="x" * 32_001)).encode(), "takes up to 32000 characters, and 32001 were given"),
        (json.dumps([a_task(webhookURL="https://a.example/token")]).encode(), "`webhookURL` is decided by whoever"),
        (json.dumps(a_task(model="runware:101@1")).encode(), "`model` is `runware:101@1`"),
    ],
    ids=["no JSON", "large", "unknown", "faults", "long", "operator", "model"],
)
async def test_what_cannot_be_run_is_told_to_the_one_who_runs_it_before_anything_is_held(
    cook_of: Any, books_of: Any, data: bytes, said: str
) -> None:
    async with open_world(**PLENTY) as world:
        cook = cook_of(world)
        before = len(world.channel.history(viewer=world.bo))
        words = await cook.refused(data, image=cook.cat)
        assert said in words
        assert "token" not in words
        assert len(world.channel.history(viewer=world.bo)) == before
        assert await books_of(world).jobs() == []
        assert world.env.errors == []


async def test_a_file_that_discord_does_not_hand_out_is_told(cook_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unreadable(self: discord.Attachment, **_: Any) -> bytes:
        raise TimeoutError

    async with open_world(**PLENTY) as world:
        cook = cook_of(world)
        monkeypatch.setattr(discord.Attachment, "read", unreadable)
        assert "`file` could not be read from Discord in time" in await cook.refused(a_recipe(), image=cook.cat)
        assert "has 2.9 MB" in await cook.refused(b"x" * 3_000_000, image=cook.cat), (
            "it was read though it is too large"
        )


# Long prompts, and Runware's words --------------------------------------------------------------------------------------


async def test_a_prompt_of_32000_characters_comes_to_its_end(cook_of: Any, books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        cook = cook_of(world)
        prompt = "雪を降らせて🌨 " * 4000
        prompt = prompt[:31_999] + "x"
        await cook.run(a_recipe(prompt=prompt, negative=prompt), image=cook.cat)
        assert world.runware.requests[0]["positivePrompt"] == world.runware.requests[0]["negativePrompt"] == prompt
        shown = cook.visit.last()
        [file] = [file for file in shown.attachments if file.filename == "prompt.txt"]
        assert (await file.read()).decode() == prompt
        [thread] = cook.visit.threads()
        assert thread.name.startswith("雪を降らせて🌨")
        recipe = await cook.shown(1)
        assert json.loads(recipe)["options"]["prompt"] == prompt
        await cook.run(recipe, world.bo, image=cook.cat)
        asked, again = cook.sent()
        assert asked == again
        assert [job.status for job in await books_of(world).jobs()] == [Status.SUCCEEDED] * 2
        await books_of(world).check()


@pytest.mark.parametrize("spelling", ["nested", "flat"])
@pytest.mark.parametrize("listed", [True, False], ids=["in a list", "alone"])
async def test_an_example_of_runwares_page_is_run_with_attached_pictures(
    cook_of: Any, spelling: str, *, listed: bool
) -> None:
    async with open_world(**PLENTY) as world:
        cook = cook_of(world)
        pictures = {"referenceImages": ["https://im.runware.ai/a.jpg", "https://im.runware.ai/b.jpg"]}
        task = a_task(numberResults=2, **({"inputs": pictures} if spelling == "nested" else pictures))
        said = await cook.refused([task], image=cook.cat)
        assert "needs picture 2 (https://im.runware.ai/b.jpg). Attach it as `image2`" in said
        answer = await cook.run([task] if listed else task, image=cook.cat, image2=cook.coffee)
        assert cook.told(answer) == []
        [sent] = world.runware.requests
        same = {key: sent[key] for key in task if key in sent and key not in {"taskUUID", "inputs"}}
        assert same == {key: value for key, value in task.items() if key in same}
        assert sent["taskUUID"] != task["taskUUID"]
        assert [one.partition(";")[0] for one in sent["inputs"]["referenceImages"]] == ["data:image/jpeg"] * 2
        assert "referenceImages" not in sent
        assert len(await world.program.edits.results(1)) == 2


async def test_an_entry_of_an_export_is_a_recipe(cook_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        cook = cook_of(world)
        await cook.visit.edit()
        answer = await world.ana.slash(cook.visit.threads()[0], "session export")
        archive = zipfile.ZipFile(io.BytesIO(cook.file(answer)))
        listed = archive.read("recipes.json")
        assert "is a list out of an export" in await cook.refused(listed, image=cook.cat)
        await cook.run(json.loads(listed)[0]["recipe"], image=cook.cat)
        asked, again = cook.sent()
        assert asked == again
