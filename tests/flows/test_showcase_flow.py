"""Pictures with many stars, in the channel that managers chose for them."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
from simcord import ChannelHandle

from playground.world import World, open_world

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}


async def opened(world: World, stars: str = "2") -> ChannelHandle:
    """Have Cleo choose a channel for what so many people like."""
    wall = world.guild.create_text_channel("wall")
    await world.env.settle()
    card = (await world.cleo.slash(world.channel, "settings")).response
    assert card is not None
    await world.cleo.select(card, [wall], custom_id="settings-showcase")
    form = await world.cleo.click(card, custom_id="settings-more")
    await world.cleo.submit_modal(form, {"zone": "UTC", "ask": "", "approve": "", "stars": stars})
    return wall


async def hung(wall: ChannelHandle, number: int = 1) -> list[discord.Message]:
    """Wait till so many pictures hang there."""
    async with asyncio.timeout(10):
        while len(found := wall.history()) < number:
            await asyncio.sleep(0.02)
    return found


def find(visit: Any, message_id: int) -> discord.Message:
    return next(message for message in visit.everything() if message.id == message_id)


async def test_what_enough_people_like_is_posted_once_with_everybody_who_had_a_part(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit, wall = visit_of(world), await opened(world)
        first = await visit.edit(world.ana)
        form = await world.bo.click(first, label="Edit")
        await world.bo.submit_modal(form, {"prompt": "and snow"})
        await world.idle()
        second = visit.last()
        await world.ana.click(second, custom_id="star:2")
        await asyncio.sleep(0.1)
        assert wall.history() == []
        await world.cleo.click(second, custom_id="star:2")
        [posted] = await hung(wall)
        assert visit.ids(posted) == ["2"]
        said = visit.words(posted)
        assert f"⭐ 2 people gave [this]({second.jump_url}) a star" in said
        assert f"Made in 2 edits by {world.ana.mention} and {world.bo.mention}." in said
        await world.cleo.click(second, custom_id="star:2")
        await world.cleo.click(second, custom_id="star:2")
        await world.restart(crash=True)
        await asyncio.sleep(0.2)
        assert len(wall.history()) == 1
        form = await world.cleo.click(posted, label="Edit")
        assert form.modal is not None
        assert form.modal["title"] == "Edit #2"


async def test_a_picture_that_is_taken_down_leaves_the_wall_too(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit, wall = visit_of(world), await opened(world, "1")
        shown = await visit.edit(world.ana)
        await world.bo.click(shown, custom_id="star:1")
        await hung(wall)
        await world.ana.click(find(visit, shown.id), label="Delete")
        await world.idle()
        assert wall.history() == []


async def test_nothing_is_posted_where_more_people_read_than_where_it_stands(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit, wall = visit_of(world), await opened(world, "1")
        thread = await visit.private_thread()
        hidden = await visit.edit(world.ana, thread)
        await world.ana.click(hidden, custom_id="star:1")
        shown = await visit.edit(world.ana)
        await world.bo.click(shown, custom_id="star:2")
        [posted] = await hung(wall)
        assert visit.ids(posted) == ["2"]


async def test_a_post_that_fails_for_the_moment_is_made_later(visit_of: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("bot.showcase.MINUTE", 50)
    async with open_world(**PLENTY) as world:
        visit, wall = visit_of(world), await opened(world, "1")
        shown = await visit.edit(world.ana)
        world.env.inject_error("POST", f"/channels/{wall.id}/messages", status=429, times=1)
        await world.bo.click(shown, custom_id="star:1")
        [posted] = await hung(wall)
        assert visit.ids(posted) == ["1"]
