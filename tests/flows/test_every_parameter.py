"""Every parameter of the model is reached from Discord: filled into a draft's forms, it is in the request that Runware got.

What is tried here is checked against the table of parameters, so that a new one without a door fails.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from simcord import InteractionResult

from bot.options import BY_NAME, SIZE, Group, Loras, Text, scheduler_families
from bot.runware.schema import SCHEDULERS
from playground.world import GUILD_ID, World, open_world
from storage import house

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}
LONG = "寫一封長信。" * 600


@dataclass(frozen=True)
class Door:
    """What is done with one option, and where Runware then has it."""

    #: What the button says that opens its form.
    form: str
    #: What is filled in.
    given: Any
    #: Where the task has it, and what it has there.
    path: str
    sent: Any
    #: Of the options that exclude each other, which draft has it: both, where it is ``None``.
    draft: int | None = None


DOORS = {
    "prompt": Door("Words", LONG, "positivePrompt", LONG),
    "negative": Door("Words", "下雨 @everyone", "negativePrompt", "下雨 @everyone"),
    SIZE: Door("Size and file", "640 x 512", "width", 640),
    "results": Door("Size and file", "3", "numberResults", 3),
    "seed": Door("Size and file", "9223372036854775807", "seed", 2**63 - 1),
    "format": Door("Size and file", ["WEBP"], "outputFormat", "WEBP"),
    "quality": Door("Size and file", "80", "outputQuality", 80),
    "steps": Door("Guidance", "21", "steps", 21),
    "cfg": Door("Guidance", "2,25", "CFGScale", 2.25),
    "true_cfg": Door("Guidance", "4.5", "settings.trueCFGScale", 4.5),
    "scheduler": Door("Scheduler", "DPM++ 2M SDE Karras", "scheduler", "DPM++ 2M SDE Karras"),
    "loras": Door(
        "LoRAs",
        "civitai:1@2 0.75 high\ncivitai:3@4 -1",
        "lora",
        [{"model": "civitai:1@2", "weight": 0.75, "transformer": "high"}, {"model": "civitai:3@4", "weight": -1}],
    ),
    "cache_start": Door("Cached steps", "0", "acceleratorOptions.cacheStartStep", 0, draft=0),
    "cache_end": Door("Cached steps", "21", "acceleratorOptions.cacheEndStep", 21, draft=0),
    "cache_start_percent": Door("Cached steps", "10", "acceleratorOptions.cacheStartStepPercentage", 10, draft=1),
    "cache_end_percent": Door("Cached steps", "90", "acceleratorOptions.cacheEndStepPercentage", 90, draft=1),
    "cache_in_a_row": Door("Cached steps", "2", "acceleratorOptions.cacheMaxConsecutiveSteps", 2),
    "fb_cache": Door("Block caches", True, "acceleratorOptions.fbCache", True),
    "fb_threshold": Door("Block caches", "0.3", "acceleratorOptions.fbCacheThreshold", 0.3),
    "tea_cache": Door("Block caches", True, "acceleratorOptions.teaCache", True),
    "tea_distance": Door("Block caches", "0", "acceleratorOptions.teaCacheDistance", 0),
    "db_cache": Door("CacheDiT", True, "acceleratorOptions.dbCache", True),
    "db_threshold": Door("CacheDiT", "1", "acceleratorOptions.dbCacheThreshold", 1),
    "db_skip": Door("CacheDiT", "4", "acceleratorOptions.dbCacheSkipInterval", 4),
    "face_prompt": Door("Face", "a smile", "advancedFeatures.ultralytics.positivePrompt", "a smile"),
    "face_negative": Door("Face", "teeth", "advancedFeatures.ultralytics.negativePrompt", "teeth"),
    "face_steps": Door("Face", "30", "advancedFeatures.ultralytics.steps", 30),
    "face_cfg": Door("Face", "7.5", "advancedFeatures.ultralytics.CFGScale", 7.5),
    "face_strength": Door("Face mask", "0.4", "advancedFeatures.ultralytics.strength", 0.4),
    "face_confidence": Door("Face mask", "0.8", "advancedFeatures.ultralytics.confidence", 0.8),
    "face_blur": Door("Face mask", "6", "advancedFeatures.ultralytics.maskBlur", 6),
    "face_padding": Door("Face mask", "7", "advancedFeatures.ultralytics.maskPadding", 7),
}


class Walker:
    """Ana, who walks through every form of a draft."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._message: Any = None

    async def open(self) -> None:
        """Open a draft without anything in it."""
        answer = await self._world.ana.slash(self._world.channel, "draft")
        self._message = answer.response

    async def press(self, label: str) -> InteractionResult:
        """Press a button, on whichever page it stands."""
        if label not in self._labels():
            [turn] = [one for one in self._labels() if one.startswith(("More options", "Back"))]
            await self._world.ana.click(self._message, label=turn)
        return await self._world.ana.click(self._message, label=label)

    async def fill(self, label: str, values: dict[str, Any]) -> None:
        await self._world.ana.submit_modal(await self.press(label), values)

    async def choose(self, value: str) -> None:
        await self._world.ana.select(self._message, [value])

    def menu(self) -> list[str]:
        """Return what the menu on the card offers."""
        return [option["value"] for part in self._parts() if part["type"] == 3 for option in part["options"]]

    async def schedule(self, wanted: str) -> None:
        """Choose a scheduler by its family."""
        await self.press("Scheduler")
        families = list(scheduler_families().values())
        await self.choose(str(next(number for number, members in enumerate(families) if wanted in members)))
        await self.choose(wanted)

    def _labels(self) -> list[str]:
        return [part["label"] for part in self._parts() if part["type"] == 2]

    def _parts(self) -> list[dict[str, Any]]:
        rows = [part for part in self._message.components[0]["components"] if part["type"] == 1]
        return [part for row in rows for part in row["components"]]


async def walk(world: World, number: int) -> dict[str, Any]:
    """Fill a draft with everything there is, send it, and return the task that Runware got."""
    walker = Walker(world)
    await walker.open()
    files = [(name, world.photos[name]) for name in ("chelsea.png", "coffee.png", "astronaut.png")]
    await walker.fill("Pictures", {"files": files})
    doors = {name: door for name, door in DOORS.items() if door.draft in (None, number)}
    for form in dict.fromkeys(door.form for door in doors.values()):
        values = {name: door.given for name, door in doors.items() if door.form == form}
        if form == "Scheduler":
            await walker.schedule(values["scheduler"])
        else:
            await walker.fill(form, values)
    await walker.press("Send")
    await world.idle()
    return world.runware.requests[-1]


def found(task: dict[str, Any], path: str) -> Any:
    value: Any = task
    for step in path.split("."):
        assert step in value, f"{path} is not in the request"
        value = value[step]
    return value


def test_every_parameter_is_tried_and_with_another_value_than_its_own() -> None:
    assert DOORS.keys() == {*BY_NAME, SIZE}
    assert len({door.path for door in DOORS.values()}) == len(DOORS)
    for name, door in DOORS.items():
        parameter = BY_NAME.get(name)
        if not isinstance(parameter, Text | Loras | None):
            assert str(door.sent).casefold() != parameter.otherwise.casefold(), name


async def test_every_parameter_filled_into_a_draft_is_in_the_request_that_runware_got(books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        for air in ("civitai:1@2", "civitai:3@4"):
            await world.program.database.run(house.allow_lora, GUILD_ID, air, "a style")
        for number in (0, 1):
            task = await walk(world, number)
            for name, door in DOORS.items():
                if door.draft in (None, number):
                    assert found(task, door.path) == door.sent, name
                else:
                    assert door.path.split(".")[1] not in task["acceleratorOptions"], name
            assert task["height"] == 512
            assert len(task["inputs"]["referenceImages"]) == 3
        assert len(world.runware.requests) == 2
        assert [job.request.results for job in await books_of(world).jobs()] == [3, 3]
        assert world.env.errors == []
        await books_of(world).check()


async def test_what_nobody_sets_is_not_sent() -> None:
    async with open_world(**PLENTY) as world:
        walker = Walker(world)
        await walker.open()
        await walker.fill("Pictures", {"files": [("cat.png", world.photos["chelsea.png"])]})
        await walker.fill("Words", {"prompt": "a hat"})
        for form in dict.fromkeys(door.form for door in DOORS.values()):
            if form not in ("Words", "Scheduler"):
                await walker.fill(form, {})
        await walker.press("Send")
        await world.idle()
        [task] = world.runware.requests
        assert not {"acceleratorOptions", "advancedFeatures", "lora", "scheduler", "CFGScale"} & task.keys()
        assert not {"settings", "negativePrompt", "outputFormat", "outputQuality"} & task.keys()


async def test_each_of_the_schedulers_is_reached_by_its_family() -> None:
    async with open_world(**PLENTY) as world:
        walker = Walker(world)
        await walker.open()
        await walker.press("Scheduler")
        offered: list[str] = []
        for family in walker.menu()[1:]:
            await walker.choose(family)
            assert len(walker.menu()) <= 25
            offered += walker.menu()
            await walker.press("Back")
        assert sorted(offered) == sorted(SCHEDULERS)
        assert len(offered) == 75
        await walker.press("Back")
        for scheduler in offered:
            await walker.schedule(scheduler)
            assert await world.program.database.read(_typed) == {"scheduler": scheduler}
        assert world.env.errors == []


async def _typed(tx: Any) -> dict[str, Any]:
    [row] = await tx.fetch_all("SELECT typed FROM drafts")
    return json.loads(row["typed"])


def test_each_group_of_options_fits_one_form() -> None:
    for group in Group:
        inside = [parameter.name for parameter in BY_NAME.values() if parameter.group is group]
        most = {Group.PICTURE: 4, Group.FACE: 4, Group.FACE_MASK: 4, Group.LORAS: 4}.get(group, 5)
        assert 1 <= len(inside) <= most, group
