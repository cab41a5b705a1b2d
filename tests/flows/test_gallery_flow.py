"""``/gallery``: pictures with stars, page by page, for each visitor those that they can read at that moment."""

from __future__ import annotations

import re
from typing import Any

import discord
import pytest
from simcord import ChannelHandle, MemberActor

from playground.world import World, open_world
from storage.database import Tx

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}
SEES, BLIND = discord.PermissionOverwrite(view_channel=True), discord.PermissionOverwrite(view_channel=False)


class Museum:
    """A server with starred pictures, and what its visitors see of them."""

    def __init__(self, world: World, visit: Any) -> None:
        self.world = world
        self.visit = visit

    async def hang(
        self, member: MemberActor, *fans: MemberActor, channel: ChannelHandle | None = None, **options: Any
    ) -> discord.Message:
        """Have a member make a picture, and its fans star it; returns its message."""
        shown = await self.visit.edit(member, channel, **options)
        for number, fan in enumerate(fans):
            await fan.click(self.now(shown), label=str(number) if number else "Star")
            await self.world.idle()
        return shown

    def now(self, shown: discord.Message) -> discord.Message:
        """Return a message as it is now."""
        return next(message for message in self.visit.everything() if message.id == shown.id)

    async def enter(self, visitor: MemberActor, channel: ChannelHandle | None = None, **options: Any) -> Any:
        """Return what a visitor alone sees of a gallery."""
        answer = await visitor.slash(channel or self.world.channel, "gallery", **options)
        assert answer.response is not None
        assert answer.response.ephemeral
        return answer.response

    def hung(self, seen: Any) -> list[str]:
        """Return the short ids of the pictures that a page names, in order."""
        return re.findall(r"\*\*(#\d+)\*\*", self.visit.words(seen))


@pytest.fixture
def museum_of(visit_of: Any) -> Any:
    return lambda world: Museum(world, visit_of(world))


async def pressed(visitor: MemberActor, seen: Any, label: str) -> Any:
    answer = await visitor.click(seen, label=label)
    assert answer.response is not None
    return answer.response


async def led(visitor: MemberActor, seen: Any, hall: str) -> Any:
    answer = await visitor.select(seen, [hall], custom_id="gallery-hall")
    assert answer.response is not None
    return answer.response


async def _made_long_ago(tx: Tx, result_id: int) -> None:
    await tx.execute("UPDATE starred SET week = week - 7 WHERE result_id = ?1", result_id)


# Pages ---------------------------------------------------------------------------------------------------------------


async def test_one_turns_pages_with_the_most_stars_first_and_back_also_after_a_restart(museum_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        museum = museum_of(world)
        for number in range(1, 9):
            await museum.hang(world.ana, *([world.bo, world.cleo] if number in {3, 5} else [world.bo]))
        first = await museum.enter(world.bo)
        assert museum.hung(first) == ["#5", "#3", "#8", "#7", "#6", "#4"]
        assert museum.visit.gallery(first)[:2] == [
            "#5: cat.png, edited: make it night",
            "#3: cat.png, edited: make it night",
        ]
        assert len(museum.visit.files(first)) == 6
        shown = museum.visit.results()[4]
        link = f"https://discord.com/channels/{world.guild.id}/{shown.channel.id}/{shown.id}"
        assert f"{world.ana.mention} · [make it night]({link})" in museum.visit.words(first)
        await world.restart(crash=True)
        second = await pressed(world.bo, first, "Next")
        assert second.id == first.id, "the page takes the place of the one before"
        assert museum.hung(second) == ["#2", "#1"]
        assert len(museum.visit.files(second)) == 2
        again = await pressed(world.bo, second, "Back")
        assert museum.hung(again) == ["#5", "#3", "#8", "#7", "#6", "#4"]


async def test_a_star_that_was_taken_back_and_a_picture_that_was_taken_down_leave_the_gallery(museum_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        museum = museum_of(world)
        first, second, _ = [await museum.hang(world.ana, world.bo) for _ in range(3)]
        await world.bo.click(museum.now(first), label="1")
        await museum.visit.take_down(world.ana, museum.now(second))
        await world.idle()
        assert museum.hung(await museum.enter(world.ana)) == ["#3"]


async def test_a_page_that_was_emptied_meanwhile_leads_back(museum_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        museum = museum_of(world)
        shown = [await museum.hang(world.ana, world.bo) for _ in range(7)]
        first = await museum.enter(world.bo)
        await museum.visit.take_down(world.ana, museum.now(shown[0]))
        await world.idle()
        empty = await pressed(world.bo, first, "Next")
        assert museum.visit.files(empty) == {}
        assert "There are no more pictures that you can see; **Back**" in museum.visit.words(empty)
        assert museum.hung(await pressed(world.bo, empty, "Back")) == ["#7", "#6", "#5", "#4", "#3", "#2"]


async def test_a_picture_whose_bytes_are_gone_is_named_with_its_link(museum_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        museum = museum_of(world)
        shown = await museum.hang(world.ana, world.bo)
        [result] = await world.program.edits.results(1)
        await world.program.services.pictures.delete(result.sha256 or "")
        seen = await museum.enter(world.bo)
        assert museum.visit.files(seen) == {}
        words = museum.visit.words(seen)
        assert f"/{shown.channel.id}/{shown.id})" in words
        assert "I no longer have this picture; its message may still show it." in words


# Halls ---------------------------------------------------------------------------------------------------------------


async def test_one_walks_from_hall_to_hall_by_the_menu(museum_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        museum = museum_of(world)
        await museum.hang(world.ana, world.bo)
        await museum.hang(world.bo, world.ana)
        await museum.hang(world.bo, world.ana, channel=world.thread)
        await world.program.database.run(_made_long_ago, 2)
        seen = await museum.enter(world.bo, world.thread, of="this week")
        assert museum.hung(seen) == ["#3", "#1"]
        for hall, title, hung in (
            ("last week", "The best of last week", ["#2"]),
            ("all time", "The best of all time", ["#3", "#2", "#1"]),
            ("mine", "The best of your pictures", ["#3", "#2"]),
            ("this session", "The best of this session", ["#3"]),
            ("this week", "The best of this week", ["#3", "#1"]),
        ):
            seen = await led(world.bo, seen, hall)
            assert museum.visit.words(seen).startswith(f"### ⭐ {title}\n")
            assert museum.hung(seen) == hung


async def test_the_options_lead_to_a_week_a_person_or_the_session_and_not_to_two_of_them(museum_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        museum = museum_of(world)
        await museum.hang(world.ana, world.bo)
        await museum.hang(world.bo, world.bo, channel=world.thread)
        assert museum.hung(await museum.enter(world.ana, member=world.bo)) == ["#2"]
        assert museum.hung(await museum.enter(world.ana, world.thread, here=True)) == ["#2"]
        assert museum.hung(await museum.enter(world.ana, of="last week")) == []
        both = await museum.enter(world.ana, world.thread, here=True, member=world.bo)
        assert "`member` and `here` don't go together" in museum.visit.words(both)
        outside = await museum.enter(world.ana, here=True)
        assert "`here` shows the pictures of a thread: use it inside one." in museum.visit.words(outside)


async def test_an_empty_gallery_says_how_pictures_come_into_it(museum_of: Any) -> None:
    async with open_world() as world:
        museum = museum_of(world)
        for options in ({}, {"of": "this week"}, {"member": world.ana}):
            seen = await museum.enter(world.bo, **options)
            assert "Press ⭐ below one you like." in museum.visit.words(seen)
        outside = await led(world.bo, seen, "mine")
        assert "Press ⭐ below one you like." in museum.visit.words(outside)


async def test_outside_a_thread_no_session_is_offered(museum_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        museum = museum_of(world)
        seen = await museum.enter(world.ana)
        menu = [part for row in seen.components for part in _menus(row)]
        assert [option["value"] for option in menu[-1]["options"]] == ["this week", "last week", "all time", "mine"]


def _menus(part: Any) -> list[dict[str, Any]]:
    made = part if isinstance(part, dict) else part.to_dict()
    inner = [menu for child in made.get("components", []) for menu in _menus(child)]
    return [made, *inner] if "options" in made else inner


# Who sees what -------------------------------------------------------------------------------------------------------


async def test_pictures_in_a_private_channel_or_thread_hang_for_those_alone_who_read_it(museum_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        museum = museum_of(world)
        bot = world.guild.me
        assert bot is not None
        studio = world.guild.create_text_channel(
            "studio", overwrites={world.guild.default_role: BLIND, world.ana: SEES, bot: SEES}
        )
        await world.env.settle()
        thread = await museum.visit.private_thread()
        await museum.hang(world.ana, world.ana)
        await museum.hang(world.ana, world.ana, channel=studio)
        await museum.hang(world.ana, world.ana, channel=thread)
        assert museum.hung(await museum.enter(world.ana)) == ["#3", "#2", "#1"]
        for options in ({}, {"of": "this week"}, {"member": world.ana}):
            seen = await museum.enter(world.bo, **options)
            assert museum.hung(seen) == ["#1"]
            assert len(museum.visit.files(seen)) == 1
        world.env.backend.add_thread_member(thread.id, world.bo.id)
        await world.env.settle()
        assert museum.hung(await museum.enter(world.bo)) == ["#3", "#1"]


async def test_who_loses_the_right_between_two_pages_does_not_see_the_next_one(museum_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        museum = museum_of(world)
        painters = world.guild.create_role("Painters")
        bot = world.guild.me
        assert bot is not None
        studio = world.guild.create_text_channel(
            "studio", overwrites={world.guild.default_role: BLIND, painters: SEES, bot: SEES, world.ana: SEES}
        )
        world.env.backend.add_member_role(world.guild.id, world.bo.id, painters.id)
        await world.env.settle()
        for _ in range(7):
            await museum.hang(world.ana, world.ana, channel=studio)
        await museum.hang(world.ana, world.ana)
        seen = await museum.enter(world.bo)
        assert museum.hung(seen) == ["#8", "#7", "#6", "#5", "#4", "#3"]
        world.env.backend.remove_member_role(world.guild.id, world.bo.id, painters.id)
        await world.env.settle()
        opened = await world.bo.select(seen, ["7"], custom_id="gallery-open")
        assert opened.response is not None
        assert opened.response.ephemeral
        assert "a channel you cannot read" in museum.visit.words(opened.response)
        turned = await pressed(world.bo, seen, "Next")
        assert museum.hung(turned) == []
        assert museum.visit.files(turned) == {}
        assert museum.hung(await pressed(world.bo, turned, "Back")) == ["#8"]


async def test_one_of_the_pictures_opens_with_live_buttons(museum_of: Any, books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        museum = museum_of(world)
        shown = await museum.hang(world.ana, world.ana)
        seen = await museum.enter(world.bo)
        await world.restart(crash=True)
        opened = await world.bo.select(seen, ["1"], custom_id="gallery-open")
        assert opened.response is not None
        assert opened.response.ephemeral
        assert "Edit" in museum.visit.labels(opened.response)
        form = await world.bo.click(opened.response, label="Edit")
        await world.bo.submit_modal(form, {"prompt": "now in snow"})
        await world.idle()
        assert [job.request.parent_id for job in await books_of(world).jobs()] == [None, 1]
        await museum.visit.take_down(world.ana, museum.now(shown))
        await world.idle()
        gone = await world.bo.select(seen, ["1"], custom_id="gallery-open")
        assert "#1 was taken down" in museum.visit.words(gone.response)
