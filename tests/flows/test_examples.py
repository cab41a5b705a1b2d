"""The four requests that the model's page shows, asked for in Discord, reach Runware as the page has them."""

from __future__ import annotations

from typing import Any

import pytest

from playground.world import open_world

# reference/runware-api.md, section 4: size, steps, references, CFGScale, trueCFGScale, seed.
EXAMPLES = [
    ("1024x768", 32, 2, 7.5, 1.2, 29892),
    ("1024x1536", 32, 1, 7.5, 1.2, 16786),
    ("1024x1536", 32, 1, 6.5, 1.2, 2743),
    ("1024x768", 30, 3, 7.5, 2.0, 50632),
]


@pytest.mark.parametrize(("size", "steps", "references", "cfg", "true_cfg", "seed"), EXAMPLES)
async def test_an_example_of_the_page_runs_unchanged(
    size: str, steps: int, references: int, cfg: float, true_cfg: float, seed: int, books_of: Any
) -> None:
    async with open_world(server_daily_usd=10, member_daily_usd=10) as world:
        names = ["astronaut.png", "coffee.png", "rocket.jpg"][:references]
        pictures = {
            option: (name, world.photos[name])
            for option, name in zip(("image", "image2", "image3"), names, strict=False)
        }
        await world.ana.slash(
            world.channel,
            "edit",
            prompt="Place the person from image 1 in the room from image 2",
            negative="blurry, low quality",
            size=size,
            steps=steps,
            cfg=cfg,
            true_cfg=true_cfg,
            scheduler="DPM++ 2M Karras",
            seed=str(seed),
            **pictures,
        )
        await world.idle()
        [task] = world.runware.requests
        width, height = map(int, size.split("x"))
        assert (task["width"], task["height"], task["steps"], task["seed"]) == (width, height, steps, seed)
        assert (float(task["CFGScale"]), float(task["settings"]["trueCFGScale"])) == (cfg, true_cfg)
        assert task["scheduler"] == "DPM++ 2M Karras"
        assert len(task["inputs"]["referenceImages"]) == references
        [job] = await books_of(world).jobs()
        [result] = await world.program.edits.results(job.id)
        assert (result.seed, result.width, result.height) == (seed, width, height)
        await books_of(world).check()
