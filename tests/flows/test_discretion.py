"""Nobody reads, by going on from a picture, what stands where they cannot read; nor does more there than they may."""

from __future__ import annotations

from typing import Any

import discord
import pytest
from simcord import ChannelHandle, MemberActor

from cogs import _rights as rights
from playground.world import open_world
from storage.database import Tx
from storage.records import Asker, Status

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}


def find(visit: Any, message_id: int) -> discord.Message:
    """Return a message as it is now."""
    return next(message for message in visit.everything() if message.id == message_id)


async def look_at(member: MemberActor, channel: ChannelHandle, number: int) -> Any:
    """Have a member look at a result from somewhere; return the card that only they see."""
    way = (await member.slash(channel, "history", result=f"#{number}")).response
    assert way is not None
    look = (await member.select(way, [str(number)], custom_id=f"step:{first_of(way)}")).response
    assert look is not None
    return look


def first_of(way: Any) -> str:
    """Return the first result of the menu of a card."""
    rows = [part for part in way.components[0]["components"] if part["type"] == discord.ComponentType.action_row.value]
    menus = [item for row in rows for item in row["components"] if item["type"] == discord.ComponentType.select.value]
    return menus[0]["custom_id"].partition(":")[2]


async def test_a_form_tells_nothing_of_an_edit_that_runs_where_its_reader_cannot_read(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        first = await visit.edit(world.ana)
        private = await visit.private_thread()
        world.runware.pause()
        await world.ana.slash(private, "edit", prompt="a secret", **{"from": "#1"})
        await visit.status(1, Status.SUBMITTED)
        assert "a secret" not in str((await world.bo.click(first, label="Edit")).modal)
        assert "Being made" in str((await world.ana.click(first, label="Edit")).modal), "its own asker reads it"
        world.runware.resume()
        await world.idle()


async def test_who_writes_in_a_private_thread_is_not_named_on_a_message_elsewhere(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        first = await visit.edit(world.ana)
        private = await visit.private_thread()
        form = await world.ana.click(await look_at(world.ana, private, 1), label="Edit")
        assert form.modal is not None
        await world.idle()
        assert "is writing" not in visit.words(find(visit, first.id))


async def test_branch_fills_in_no_words_of_a_picture_that_one_cannot_read_any_more(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit(world.ana)
        private = await visit.private_thread()
        world.env.backend.add_thread_member(private.id, world.bo.id)
        await world.env.settle()
        await visit.edit(world.ana, private, prompt="a secret", **{"from": "#1"})
        look = await look_at(world.bo, world.channel, 2)
        world.env.backend.remove_thread_member(private.id, world.bo.id)
        await world.env.settle()
        answer = await world.bo.click(look, label="Branch")
        assert answer.modal is None
        assert "stands in a channel you cannot read" in visit.words(answer.response)


async def test_who_manages_messages_elsewhere_takes_nothing_down_here(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        first = await visit.edit(world.ana)
        leads = discord.PermissionOverwrite(view_channel=True, manage_messages=True)
        corner = world.guild.create_text_channel("corner", overwrites={world.bo: leads})
        await world.env.settle()
        answer = await world.bo.click(await look_at(world.bo, corner, 1), label="Delete")
        assert f"Only {world.ana.mention}" in visit.words(answer.response)
        await world.idle()
        assert visit.ids(find(visit, first.id)) == ["1"]
        await world.cleo.click(await look_at(world.cleo, corner, 1), label="Delete")
        await world.idle()
        assert visit.results() == [], "who manages messages where it stands does, from anywhere"


async def test_a_channel_that_discord_says_nothing_about_hides_its_pictures_and_breaks_no_view(
    visit_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        one, two = await visit.edit(world.ana), await visit.edit(world.ana)
        await world.bo.click(one, custom_id="star:1")
        await world.bo.click(two, custom_id="star:2")
        reads = rights.member_reads

        async def reads_not_all(member: discord.Member, channel_id: int, owner_id: int | None) -> bool:
            if channel_id == one.channel.id:
                raise ConnectionError("cut")
            return await reads(member, channel_id, owner_id)

        monkeypatch.setattr(rights, "member_reads", reads_not_all)
        shown = (await world.bo.slash(world.channel, "gallery")).response
        assert "#2" in visit.words(shown)
        assert "#1" not in visit.words(shown)


async def test_a_form_opens_though_discord_says_nothing_of_where_another_edit_runs(
    visit_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        first = await visit.edit(world.ana)
        private = await visit.private_thread()
        world.runware.pause()
        await world.ana.slash(private, "edit", prompt="a secret", **{"from": "#1"})
        await visit.status(1, Status.SUBMITTED)
        reads = rights.member_reads

        async def cut(member: discord.Member, channel_id: int, owner_id: int | None) -> bool:
            if channel_id == private.id:
                raise ConnectionError("cut")
            return await reads(member, channel_id, owner_id)

        monkeypatch.setattr(rights, "member_reads", cut)
        form = await world.bo.click(first, label="Edit")
        assert form.modal is not None
        assert "a secret" not in str(form.modal)
        world.runware.resume()
        await world.idle()


async def test_an_asker_takes_their_own_picture_down_though_discord_is_cut(
    visit_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit(world.ana)
        look = await look_at(world.ana, world.channel, 1)

        async def cut(*_: Any) -> bool:
            raise ConnectionError("cut")

        monkeypatch.setattr(rights, "manages_at", cut)
        await world.ana.click(look, label="Delete")
        await world.idle()
        assert visit.results() == []


async def test_stars_given_in_one_message_of_an_edit_leave_those_of_its_other_messages(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit(world.ana, results=11)
        first, second = visit.results()
        for shown in (first, second):
            asked = (await world.bo.click(shown, custom_id="starpick:1")).response
            assert asked is not None
            await world.bo.select(asked, visit.ids(shown)[:1])
            await world.idle()
        starred = await world.program.services.gallery.starred_by(Asker(world.guild.id, world.bo.id), 1)
        assert starred == [int(visit.ids(first)[0]), int(visit.ids(second)[0])]


async def test_branch_keeps_the_words_of_the_child_where_they_are_too_long_for_the_form(
    visit_of: Any, books_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit(world.ana, prompt="y" * 4400)
        second = await visit.edit(world.ana, visit.threads()[0], prompt="x" * 4500, **{"from": "#1"})
        look = (await world.bo.click(second, label="More")).response
        assert look is not None
        form = await world.bo.click(look, label="Branch")
        await world.restart()
        await world.bo.submit_modal(form, {"prompt": ""})
        await world.idle()
        last = (await books_of(world).jobs())[-1].request
        assert (last.prompt, last.parent_id) == ("x" * 4500, 1)


async def test_a_family_of_many_is_counted_whole_and_its_newest_can_be_reached(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        first = await visit.edit(world.ana)
        for _ in range(2):
            await visit.edit(world.ana, visit.threads()[0], results=20, **{"from": "#1"})
        look = (await world.bo.click(find(visit, first.id), label="More")).response
        assert "17 more in the menu and 15 before these." in visit.words(look)
        [menu] = visit.menus(look)
        assert (len(menu), menu[-1]) == (25, "#41")


async def test_a_picture_that_is_still_being_copied_is_not_called_lost(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit(world.ana)
        await world.program.database.run(_uncopied)
        look = await look_at(world.bo, world.channel, 1)
        assert "#1 was made just now and is being copied." in visit.words(look)
        assert "lost" not in visit.words(look)


async def _uncopied(tx: Tx) -> None:
    await tx.execute(
        "UPDATE results SET sha256 = NULL, media_type = NULL, width = NULL, height = NULL, copy_at = 99999999999999"
    )


async def test_merge_offers_the_newest_pictures_that_one_can_read(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        first = await visit.edit(world.ana)
        thread = visit.threads()[0]
        await visit.edit(world.ana, thread, **{"from": "#1"})
        for _ in range(2):
            await visit.edit(world.ana, thread, results=13, **{"from": "#1"})
        hidden = await visit.private_thread()
        await world.program.database.run(_moved, hidden.id)
        look = (await world.bo.click(find(visit, first.id), label="More")).response
        assert look is not None
        menu = (await world.bo.click(look, label="Merge")).response
        assert visit.menus(menu) == [["#2"]]


async def _moved(tx: Tx, channel_id: int) -> None:
    """Have all but the first two edits stand elsewhere."""
    await tx.execute("UPDATE announcements SET channel_id = ?1 WHERE job_id > 2", channel_id)


@pytest.mark.parametrize("command", ["history", "tree", "timelapse"])
async def test_slow_answers_of_discord_are_waited_for_after_the_acknowledgement(
    visit_of: Any, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit(world.ana)
        await visit.edit(world.bo, **{"from": "#1"})
        asked: list[bool] = []
        patience = rights.patience

        def noted(interaction: discord.Interaction[Any]) -> float:
            asked.append(interaction.response.is_done())
            return patience(interaction)

        monkeypatch.setattr(rights, "patience", noted)
        answer = await world.cleo.slash(world.channel, command, result="#2")
        assert answer.response is not None
        assert asked.count(False) == 1, "who may see it at all is decided before"
        assert asked.count(True) >= 1
