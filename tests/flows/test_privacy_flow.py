"""``/privacy`` as members and managers use it, and the buttons with which a picture is closed and opened."""

from __future__ import annotations

from typing import Any

import discord
import pytest
from simcord import InteractionResult, MemberActor
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from playground.world import World, open_world
from storage.records import Asker

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}


def alone(answer: InteractionResult) -> Any:
    """Return what an answer shows to one person alone."""
    assert answer.response is not None
    assert answer.response.ephemeral
    return answer.response


async def privacy(member: MemberActor, world: World, what: str, **options: Any) -> Any:
    return alone(await member.slash(world.channel, f"privacy {what}", **options))


def now(visit: Any, message: discord.Message) -> discord.Message:
    return next(one for one in visit.everything() if one.id == message.id)


async def test_a_member_reads_what_holds_and_chooses_on_the_card(visit_of: Any) -> None:
    async with open_world() as world:
        visit = visit_of(world)
        card = await privacy(world.ana, world, "show")
        said = visit.words(card)
        assert "**anyone may edit them**, as this server says for everybody who says nothing." in said
        assert "No channel here keeps its pictures from being edited." in said
        [menu] = visit.menus(card)
        assert menu == [
            "Anyone",
            "Only in this session",
            "Nobody else",
            "As this server says",
        ]
        for chosen, means in (
            ("nobody", "**nobody else may edit them**."),
            ("session", "**others may edit them only in the thread where they stand**."),
            ("anyone", "**anyone may edit them**."),
            ("server", "**anyone may edit them**, as this server says"),
        ):
            await world.ana.select(card, [chosen])
            assert means in visit.words(card)
            assert "✅ Saved." in visit.words(card)
        assert world.env.errors == []


async def test_what_one_member_says_is_no_others_word_and_lasts_over_a_restart(visit_of: Any) -> None:
    async with open_world() as world:
        visit = visit_of(world)
        said = await privacy(world.ana, world, "set", who="nobody")
        assert "**nobody else may edit them**" in visit.words(said)
        await world.restart(crash=True)
        assert "**nobody else may edit them**" in visit.words(await privacy(world.ana, world, "show"))
        assert "**anyone may edit them**" in visit.words(await privacy(world.bo, world, "show"))


async def test_managers_say_what_stands_for_the_others_and_spare_channels(visit_of: Any) -> None:
    async with open_world() as world:
        visit = visit_of(world)
        said = visit.words(await privacy(world.cleo, world, "server", who="session"))
        assert "Of the pictures of members who say nothing, others may edit these only in the thread where" in said
        assert "only in the thread where they stand**, as this server says" in visit.words(
            await privacy(world.bo, world, "show")
        )
        for where in (world.channel, world.thread):  # a thread stands for its channel
            said = visit.words(await privacy(world.cleo, world, "channel", channel=where, pictures="kept"))
            assert f"✅ What is posted in <#{world.channel.id}> is not edited by others any more." in said
        assert f"What others post in <#{world.channel.id}> is not edited" in visit.words(
            await privacy(world.bo, world, "show")
        )
        said = visit.words(await privacy(world.cleo, world, "channel", channel=world.channel, pictures="edited"))
        assert "may be edited, as its authors say" in said
        assert "No channel here" in said


@pytest.mark.parametrize("what", ["server", "channel"])
async def test_only_those_who_manage_the_server_speak_for_it(visit_of: Any, what: str) -> None:
    async with open_world() as world:
        visit = visit_of(world)
        options = {"server": {"who": "nobody"}, "channel": {"channel": world.channel, "pictures": "kept"}}[what]
        assert "it takes **Manage Server**" in visit.words(await privacy(world.ana, world, what, **options))
        said = visit.words(await privacy(world.ana, world, "show"))
        assert "anyone may edit them" in said
        assert "No channel" in said


async def test_a_spared_channel_that_somebody_cannot_see_is_not_named_to_them(visit_of: Any) -> None:
    async with open_world() as world:
        visit = visit_of(world)
        hidden = world.guild.create_text_channel("hidden")
        denied = discord.Permissions(view_channel=True)
        overwrite = Overwrite(target_id=world.guild.id, type=OverwriteType.ROLE, allow=0, deny=denied.value)
        world.env.backend.set_overwrite(hidden.id, overwrite)
        await privacy(world.cleo, world, "channel", channel=world.channel, pictures="kept")
        await world.program.services.consents.spare(Asker(world.guild.id, world.cleo.id), hidden.id, spared=True)
        said = visit.words(await privacy(world.ana, world, "show"))
        assert f"<#{world.channel.id}> and 1 channel that you cannot see" in said
        assert str(hidden.id) not in said


async def test_whoever_asked_for_a_picture_closes_and_opens_it_and_its_message_says_so(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit()
        [thread] = visit.threads()
        look = alone(await world.ana.click(shown, label="More"))
        assert "Close" in visit.labels(look)
        await world.ana.click(look, label="Close")
        assert "Open" in visit.labels(look)
        assert "Close" not in visit.labels(look)
        await world.idle()
        closed = f"🔒 Only {world.ana.mention} edits #1."
        assert closed in visit.words(now(visit, shown))
        assert visit.gallery(now(visit, shown)) == visit.gallery(shown), "the picture still stands"
        form = await world.bo.click(now(visit, shown), label="Edit")
        assert f"#1 is {world.ana.mention}’s, and they keep #1 as it is: ask them to open it." in visit.words(
            alone(form)
        )
        await world.restart(crash=True)
        await visit.edit(world.ana, thread, **{"from": "#1"})
        assert len(world.runware.requests) == 2, "she edits it herself"
        await world.ana.click(look, label="Open")
        await world.idle()
        assert closed not in visit.words(now(visit, shown))
        await visit.edit(world.bo, thread, **{"from": "#1"})
        assert len(world.runware.requests) == 3


async def test_nobody_else_is_offered_to_close_a_picture_nor_closes_it_by_a_forged_press(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit()
        theirs = alone(await world.bo.click(shown, label="More"))
        assert not {"Close", "Open"} & set(visit.labels(theirs))
        hers = alone(await world.ana.click(shown, label="More"))
        await world.ana.click(hers, label="Close")
        await world.idle()
        said = alone(await world.cleo.click(now(visit, shown), label="Edit"))
        assert "keep #1 as it is" in visit.words(said), "a moderator is somebody else, too"
