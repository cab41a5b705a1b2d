"""``/timelapse``: the way to a picture, moving."""

from __future__ import annotations

from typing import Any

from cogs import timelapse as timelapse_cog
from playground.world import World, open_world

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}


async def a_way_of_three(world: World, visit: Any) -> None:
    """Have Ana, Bo and Cleo make a picture, each from the last one."""
    await visit.edit(world.ana)
    for member in (world.bo, world.cleo):
        form = await member.click(visit.last(), label="Edit")
        await member.submit_modal(form, {"prompt": f"as {member.name} likes it"})
        await world.idle()


async def test_it_shows_each_step_of_the_way_in_one_animated_picture(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await a_way_of_three(world, visit)
        answer = await world.ana.slash(visit.threads()[0], "timelapse")
        assert answer.response is not None
        assert answer.response.ephemeral
        assert "How #3 came to be" in visit.words(answer.response)
        [said] = visit.gallery(answer.response)
        steps = "#1 · Ana: make it night; #2 · Bo: as bo likes it; #3 · Cleo: as cleo likes it"
        assert said == f"An animated picture of 3 steps, up to #3. {steps}"
        assert list(visit.files(answer.response)) == ["timelapse.gif"]


async def test_a_step_that_was_taken_down_is_left_out_and_said(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await a_way_of_three(world, visit)
        second = visit.results()[1]
        await visit.take_down(world.bo, second)
        answer = await world.ana.slash(world.channel, "timelapse", result="#3")
        assert "1 step is left out" in visit.words(answer.response)
        assert visit.gallery(answer.response) == [
            "An animated picture of 2 steps, up to #3. #1 · Ana: make it night; #3 · Cleo: as cleo likes it"
        ]


async def test_a_first_picture_has_no_way_to_watch(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit(world.ana)
        answer = await world.bo.slash(visit.threads()[0], "timelapse")
        assert "it takes two pictures" in visit.words(answer.response)


async def test_nobody_watches_what_they_cannot_read(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        thread = await visit.private_thread()
        await visit.edit(world.ana, thread)
        answer = await world.bo.slash(world.channel, "timelapse", result="#1")
        assert "stands in a channel you cannot read" in visit.words(answer.response)


async def test_one_is_drawn_at_a_time_and_others_are_told_to_wait(visit_of: Any, all_taken: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await a_way_of_three(world, visit)
        cog = world.bot.get_cog("Timelapse")
        assert isinstance(cog, timelapse_cog.TimelapseCog)
        with all_taken(cog._turns, timelapse_cog._MOST):
            answer = await world.ana.slash(visit.threads()[0], "timelapse")
            assert "A timelapse is being drawn right now." in visit.words(answer.response)
        answer = await world.ana.slash(visit.threads()[0], "timelapse")
        assert "How #3 came to be" in visit.words(answer.response)
