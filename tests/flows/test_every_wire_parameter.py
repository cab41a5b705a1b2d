"""Every parameter of the table reaches Runware as it was given: what the local service received is compared with it."""

from __future__ import annotations

from typing import Any

from bot import options
from playground.world import open_world
from storage import house
from storage.records import Asker, Place, Reference, Status
from tests.parameters_table import FIXED, OPERATORS, PICTURES, ROWS, option_of
from tests.schema_cases import said_on_the_wire

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}

#: For each parameter of the wire a value that nothing sends by itself.
EVERYTHING: dict[str, Any] = {
    "positivePrompt": "把招牌改成“雨夜”, and add a 帽子",
    "negativePrompt": "雾",
    "width": 512,
    "height": 256,
    "numberResults": 2,
    "seed": 2**63 - 1,
    "outputFormat": "WEBP",
    "outputQuality": 61,
    "steps": 41,
    "CFGScale": 7.35,
    "settings.trueCFGScale": 1.2,
    "scheduler": "DPM++ 2M SDE Karras",
    "lora[].model": "local:7@1",
    "lora[].weight": -1.25,
    "lora[].transformer": "low",
    "acceleratorOptions.cacheStartStep": 3,
    "acceleratorOptions.cacheEndStep": 40,
    "acceleratorOptions.cacheStartStepPercentage": 7,
    "acceleratorOptions.cacheEndStepPercentage": 93,
    "acceleratorOptions.cacheMaxConsecutiveSteps": 4,
    "acceleratorOptions.fbCache": True,
    "acceleratorOptions.fbCacheThreshold": 0.07,
    "acceleratorOptions.teaCache": False,
    "acceleratorOptions.teaCacheDistance": 0.29,
    "acceleratorOptions.dbCache": True,
    "acceleratorOptions.dbCacheThreshold": 0.57,
    "acceleratorOptions.dbCacheSkipInterval": 6,
    "advancedFeatures.ultralytics.positivePrompt": "a smile",
    "advancedFeatures.ultralytics.negativePrompt": "a frown",
    "advancedFeatures.ultralytics.steps": 77,
    "advancedFeatures.ultralytics.CFGScale": 49.9,
    "advancedFeatures.ultralytics.strength": 0.58,
    "advancedFeatures.ultralytics.confidence": 0.01,
    "advancedFeatures.ultralytics.maskBlur": 99,
    "advancedFeatures.ultralytics.maskPadding": 19,
}


def test_everything_that_people_set_is_tried() -> None:
    people = {path for path, row in ROWS.items() if row.by_members}
    assert EVERYTHING.keys() | {PICTURES} == people
    assert people | FIXED | OPERATORS.keys() | {"safety.mode"} == ROWS.keys()


async def test_every_parameter_reaches_runware_as_it_was_given_and_is_kept_with_the_edit(books_of: Any) -> None:
    lora = {"model": EVERYTHING["lora[].model"], "weight": -1.25, "stage": "low"}
    said = {option_of(path): value for path, value in EVERYTHING.items()} | {"size": "512x256", "loras": [lora]}
    found: set[str] = set()
    async with open_world(result_ttl_seconds=600, **PLENTY) as world:
        services = world.program.services
        references: list[Reference] = []
        for name in ("chelsea.png", "coffee.png", "chelsea.png"):
            picture = await services.pictures.prepare("image", name, world.photos[name])
            references.append(Reference(await services.pictures.put(picture.data), picture.width, picture.height, name))
        for left_out in ("Percentage", "Step"):  # the cached range is given in steps or in percent
            values = {
                name: value
                for name, value in said.items()
                if not any(option_of(path) == name and path.endswith(left_out) for path in EVERYTHING)
            }
            request = options.build_request(values, references, draw=lambda: 0)
            asker, place = Asker(world.guild.id, world.ana.id), Place(world.channel.id, 1, world.thread.id)
            await world.program.database.run(house.allow_lora, world.guild.id, lora["model"], "Film")
            job = await services.edits.request(asker, place, request)
            await world.idle()
            job = await services.edits.job(job.id)
            assert job.status is Status.SUCCEEDED
            task = world.runware.requests[-1]
            for path, value in EVERYTHING.items():
                if option_of(path) in values:
                    assert said_on_the_wire(task, path) == value, path
                    found.add(path)
            assert len(said_on_the_wire(task, PICTURES)) == 3
            assert (task["ttl"], task["deliveryMethod"], task["includeCost"]) == (600, "async", True)
            assert task["webhookURL"].startswith(world.settings.public_url)
            again = options.build_request(options.values_of(job.request), references, draw=lambda: 0)
            assert again.to_json() == job.request.to_json()
        assert found == EVERYTHING.keys()
        await books_of(world).check()
