"""Pictures with many stars, in the channel that managers chose for them."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
import pytest
from simcord import ChannelHandle

from cogs import showcase
from cogs._audience import audience_of, fetch_audience
from playground.world import World, open_world
from storage.database import Tx
from storage.records import Asker

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


async def posted(world: World) -> None:
    """Wait till nothing is left to be posted in the showcase."""
    async with asyncio.timeout(10):
        while await world.program.database.read(_to_post):
            await asyncio.sleep(0.02)


def find(visit: Any, message_id: int) -> discord.Message:
    return next(message for message in visit.everything() if message.id == message_id)


async def archive(world: World, thread: ChannelHandle) -> None:
    """Archive a thread, so that the bot has to ask Discord for it."""
    known = world.bot.get_channel(thread.id)
    assert isinstance(known, discord.Thread)
    await known.edit(archived=True)
    await world.env.settle()
    assert world.bot.get_channel(thread.id) is None


def frame(message: discord.Message) -> list[dict[str, Any]]:
    """The card of a message without what it says: its colour, and the number by which it is found."""
    return [{**part.to_dict(), "components": None} for part in message.components]


async def _to_post(tx: Tx) -> bool:
    return await tx.fetch_one("SELECT result_id FROM showcase WHERE post_at IS NOT NULL") is not None


async def _unmark(tx: Tx) -> None:
    await tx.execute("UPDATE showcase SET post_at = reached_at")


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
        await visit.take_down(world.ana, find(visit, shown.id))
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


async def test_a_star_pressed_in_the_showcase_keeps_its_card_and_brings_the_number_up_to_date(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit, wall = visit_of(world), await opened(world, "1")
        shown = await visit.edit(world.ana)
        await world.bo.click(shown, custom_id="star:1")
        [before] = await hung(wall)
        await world.cleo.click(before, custom_id="star:1")
        [after] = wall.history()
        headline, *rest = visit.words(before).splitlines()
        assert headline == f"### ⭐ 1 person gave [this]({shown.jump_url}) a star"
        assert visit.words(after).splitlines() == [headline.replace("1 person", "2 people"), *rest]
        assert (visit.ids(after), visit.gallery(after)) == (["1"], visit.gallery(before))
        assert frame(after) == frame(before)
        await world.restart(crash=True)
        await world.cleo.click(after, custom_id="star:1")
        [again] = wall.history()
        assert visit.words(again) == visit.words(before)


async def test_a_picture_that_is_taken_down_while_it_is_posted_does_not_stay(visit_of: Any, monkeypatch: Any) -> None:
    compose_one = showcase.compose_one

    async with open_world(**PLENTY) as world:
        visit, wall = visit_of(world), await opened(world, "1")
        shown = await visit.edit(world.ana)

        async def overtaken(*args: Any) -> Any:
            composed = await compose_one(*args)
            await world.program.edits.delete(1, asker=Asker(world.guild.id, world.ana.id), manages=False)
            async with asyncio.timeout(10):
                while await world.open_jobs():
                    await asyncio.sleep(0.01)
            return composed

        monkeypatch.setattr(showcase, "compose_one", overtaken)
        await world.bo.click(shown, custom_id="star:1")
        await posted(world)
        assert wall.history() == []


# When things go wrong ------------------------------------------------------------------------------------------------


async def test_a_crash_before_a_post_is_marked_stops_no_other_and_posts_nothing_twice(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit, wall = visit_of(world), await opened(world, "1")
        first, second = await visit.edit(world.ana), await visit.edit(world.ana)
        await world.bo.click(first, custom_id="star:1")
        await posted(world)
        await world.program.database.run(_unmark)
        await world.restart(crash=True)
        await posted(world)
        await world.bo.click(second, custom_id="star:2")
        await posted(world)
        assert [visit.ids(message) for message in wall.history()] == [["1"], ["2"]]


async def test_a_bug_that_one_picture_meets_holds_up_no_other_and_that_one_is_posted_later(
    visit_of: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("bot.showcase.MINUTE", 50)
    compose_one, mended = showcase.compose_one, asyncio.Event()

    async def buggy(services: Any, job: Any, result: Any) -> Any:
        if result.id == 1 and not mended.is_set():
            raise ZeroDivisionError
        return await compose_one(services, job, result)

    monkeypatch.setattr(showcase, "compose_one", buggy)
    async with open_world(**PLENTY) as world:
        visit, wall = visit_of(world), await opened(world, "1")
        for number, shown in enumerate([await visit.edit(world.ana), await visit.edit(world.ana)], 1):
            await world.bo.click(shown, custom_id=f"star:{number}")
        assert [visit.ids(message) for message in await hung(wall)] == [["2"]]
        mended.set()
        await posted(world)
        assert [visit.ids(message) for message in wall.history()] == [["2"], ["1"]]


async def test_a_picture_is_posted_later_where_discord_does_not_say_for_the_moment_who_reads_its_thread(
    visit_of: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("bot.showcase.MINUTE", 50)
    async with open_world(**PLENTY) as world:
        visit, wall = visit_of(world), await opened(world, "1")
        await visit.edit(world.ana)
        [thread] = visit.threads()
        await archive(world, thread)
        world.env.inject_error("GET", f"/channels/{thread.id}", status=503, times=1)
        await world.program.services.gallery.star(Asker(world.guild.id, world.bo.id), 1)
        await posted(world)
        assert [visit.ids(message) for message in wall.history()] == [["1"]]
        assert world.env.backend.faults == [], "it was asked, and did not say"


async def test_what_discord_does_not_tell_now_is_told_from_what_it_never_tells(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit(world.ana)
        [thread] = visit.threads()
        await archive(world, thread)
        guild = world.bot.get_guild(world.guild.id)
        assert guild is not None
        path = f"/channels/{thread.id}"
        for status in (503, 403):
            world.env.inject_error("GET", path, status=status, times=1)
            assert await audience_of(guild, thread.id) is None
        world.env.inject_error("GET", path, status=503, times=1)
        with pytest.raises(discord.HTTPException, match="503"):
            await fetch_audience(guild, thread.id)
        world.env.inject_error("GET", path, status=403, times=1)
        assert await fetch_audience(guild, thread.id) is None
        assert await fetch_audience(guild, thread.id) == await fetch_audience(guild, world.channel.id)


async def test_a_picture_whose_thread_was_deleted_is_given_up_and_holds_up_no_other(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit, wall = visit_of(world), await opened(world, "1")
        first, second = await visit.edit(world.ana), await visit.edit(world.ana)
        world.env.backend.delete_channel(first.channel.id)
        await world.env.settle()
        await world.program.services.gallery.star(Asker(world.guild.id, world.bo.id), 1)
        await world.bo.click(second, custom_id="star:2")
        await posted(world)
        assert [visit.ids(message) for message in wall.history()] == [["2"]]
