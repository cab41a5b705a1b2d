"""Three people go on from each other's pictures: stars, looks, branches, merges, claims."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
import pytest
from simcord import InteractionResult, MemberActor

from playground.world import World, open_world
from storage.records import Status

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}


def find(visit: Any, message_id: int) -> discord.Message:
    """Return a message as it is now."""
    return next(message for message in visit.everything() if message.id == message_id)


def photo(world: World) -> tuple[str, bytes]:
    return "cup.png", world.photos["coffee.png"]


def answered(answer: InteractionResult) -> Any:
    """Return what an answer shows."""
    assert answer.response is not None
    return answer.response


async def look_at(member: MemberActor, shown: discord.Message) -> Any:
    """Have a member press More; return the card that only they see."""
    answer = await member.click(shown, label="More")
    assert answer.response is not None
    assert answer.response.ephemeral
    return answer.response


async def child_of(world: World, visit: Any, member: MemberActor, shown: Any, prompt: str) -> discord.Message:
    """Have a member edit a result; return the message of what came of it."""
    form = await member.click(shown, label="Edit")
    await member.submit_modal(form, {"prompt": prompt})
    await world.idle()
    return visit.last()


def words_of(visit: Any, answer: InteractionResult) -> str:
    assert answer.response is not None
    assert answer.response.ephemeral
    return visit.words(answer.response)


# Stars ---------------------------------------------------------------------------------------------------------------


async def test_a_star_is_counted_on_the_message_at_once_and_a_second_press_takes_it_back(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit()
        assert visit.labels(shown)[2] == "Star"
        for member, count in ((world.ana, "1"), (world.bo, "2")):
            await member.click(find(visit, shown.id), custom_id="star:1")
            assert visit.labels(find(visit, shown.id))[2] == count
            assert visit.gallery(find(visit, shown.id)) == visit.gallery(shown)
        await world.idle()
        await world.ana.click(find(visit, shown.id), custom_id="star:1")
        assert visit.labels(find(visit, shown.id))[2] == "1"
        await world.restart(crash=True)
        await world.bo.click(find(visit, shown.id), custom_id="star:1")
        await world.idle()
        assert visit.labels(find(visit, shown.id))[2] == "Star"
        assert world.env.errors == []


async def test_of_several_pictures_one_chooses_which_to_star(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit(results=3)
        first, second, third = visit.ids(shown)
        for chosen in ([first, third], [second]):
            asked = await world.bo.click(find(visit, shown.id), custom_id="starpick:1")
            assert "Which pictures do you like?" in words_of(visit, asked)
            await world.bo.select(answered(asked), chosen)
            await world.idle()
        said = visit.words(find(visit, shown.id))
        assert said.count("⭐1") == 1
        assert f"**#{second}**" in said.split("⭐1")[0].rsplit("·", 1)[-1]


async def test_a_picture_that_was_taken_down_has_no_stars_and_takes_none(visit_of: Any) -> None:
    async with open_world(announce_retry_seconds=0.001, **PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit()
        await world.bo.click(shown, custom_id="star:1")
        world.env.inject_error("DELETE", "/channels/*/messages/*", status=403, code=50013, times=None)
        await visit.take_down(world.ana, shown)
        rooms = world.program.services.gallery
        room = await rooms.room(world.guild.id)
        page = await rooms.page(room, lambda entry: asyncio.sleep(0, result=True))
        assert page.steps == ()
        answer = await world.bo.click(shown, custom_id="star:1")
        assert "was taken down" in words_of(visit, answer)


# Looking and moving --------------------------------------------------------------------------------------------------


async def test_a_look_shows_the_family_and_leads_back_to_the_parent_and_on_to_the_child(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        first = await visit.edit(world.ana)
        second = await child_of(world, visit, world.bo, first, "and snow")
        assert f"{world.bo.mention} · from [#1]({first.jump_url}) by {world.ana.mention}" in visit.words(second)
        look = await look_at(world.cleo, second)
        assert visit.ids(look) == ["2"]
        assert {"Back", "Branch", "Compare", "History", "Tree", "Merge", "Show here", "Recipe"} <= set(
            visit.labels(look)
        )
        assert "More" not in visit.labels(look)
        back = answered(await world.cleo.click(look, label="Back"))
        assert visit.ids(back) == ["1"]
        assert f"Made from it: #2 by {world.bo.mention}" in visit.words(back)
        assert "Back" not in visit.labels(back)
        on = answered(await world.cleo.select(back, ["2"], custom_id="go:1"))
        assert visit.ids(on) == ["2"]
        assert on.id == look.id, "the card is turned over, not posted again"


async def test_branch_edits_the_parent_again_in_the_words_of_the_child(visit_of: Any, books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        first = await visit.edit(world.ana)
        second = await child_of(world, visit, world.bo, first, "and snow")
        form = await world.cleo.click(await look_at(world.cleo, second), label="Branch")
        assert form.modal is not None
        assert form.modal["title"] == "Edit #1"
        assert "and snow" in str(form.modal)
        await world.cleo.submit_modal(form, {"prompt": "and rain"})
        await world.idle()
        jobs = await books_of(world).jobs()
        assert [job.request.parent_id for job in jobs] == [None, 1, 1]
        assert jobs[-1].user_id == world.cleo.id
        look = await look_at(world.ana, find(visit, first.id))
        assert visit.menus(look) == [["#2", "#3"]]


async def test_a_merge_makes_one_edit_of_two_branches_in_the_order_shown(visit_of: Any, books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        first = await visit.edit(world.ana)
        second = await child_of(world, visit, world.bo, first, "and snow")
        await child_of(world, visit, world.cleo, first, "and rain")
        menu = await world.ana.click(await look_at(world.ana, second), label="Merge")
        assert visit.menus(answered(menu)) == [["#3", "#1"]]
        form = await world.ana.select(answered(menu), ["3"], custom_id="mergepick:2")
        assert form.modal is not None
        assert "Picture 1 is #2 and picture 2 is #3." in str(form.modal)
        await world.ana.submit_modal(form, {"prompt": "both weathers"})
        await world.idle()
        request = (await books_of(world).jobs())[-1].request
        assert request.parent_id == 2
        assert [reference.result_id for reference in request.references] == [2, 3]
        for shown in (second, visit.results()[2]):
            assert "#4" in str(visit.menus(await look_at(world.bo, find(visit, shown.id))))


async def test_from_takes_several_results_and_the_first_is_the_parent(visit_of: Any, books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        first = await visit.edit(world.ana)
        await visit.edit(world.bo)
        await visit.edit(world.cleo, prompt="both", **{"from": f"#2, {first.jump_url}", "image2": photo(world)})
        request = (await books_of(world).jobs())[-1].request
        assert request.parent_id == 2
        assert [reference.result_id for reference in request.references] == [2, 1, None]
        refused = await visit.ask(**{"from": "#1 #2 #1", "image2": photo(world), "image3": photo(world)})
        assert "`image` takes 1 to 3 pictures, and 4 were given" in words_of(visit, refused)


async def test_the_message_menu_edits_a_result_and_refuses_other_messages(visit_of: Any, books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit(world.ana)
        form = await world.bo.context_menu(visit.threads()[0], "Edit image", shown)
        await world.bo.submit_modal(form, {"prompt": "from the menu"})
        await world.idle()
        assert (await books_of(world).jobs())[-1].request.parent_id == 1
        other = await world.bo.send(world.channel, "hello")
        answer = await world.bo.context_menu(world.channel, "Edit image", other)
        assert "shows no picture that I can take" in words_of(visit, answer)


async def test_a_picture_that_others_would_miss_is_taken_down_only_when_that_is_said_once_more(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        first = await visit.edit(world.ana)
        await child_of(world, visit, world.bo, first, "and snow")
        asked = answered(await world.ana.click(find(visit, first.id), label="Delete"))
        assert asked.ephemeral
        assert "It has stars, or others went on from it." in visit.words(asked)
        await world.idle()
        assert len(visit.results()) == 2
        await world.ana.select(asked, ["1"], custom_id="deletepick:1")
        await world.idle()
        assert len(visit.results()) == 1


async def test_a_picture_taken_down_keeps_its_place_between_its_parent_and_its_child(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        first = await visit.edit(world.ana)
        second = await child_of(world, visit, world.bo, first, "and snow")
        third = await child_of(world, visit, world.cleo, second, "and stars")
        await visit.take_down(world.bo, second)
        look = answered(await world.ana.click(await look_at(world.ana, find(visit, third.id)), label="Back"))
        assert "#2 was taken down" in visit.words(look)
        assert visit.ids(look) == []
        assert "and snow" not in visit.words(look)
        assert visit.menus(look) == [["#3"]]
        back = answered(await world.ana.click(look, label="Back"))
        assert visit.ids(back) == ["1"]
        refused = await world.ana.click(await look_at(world.ana, find(visit, third.id)), label="Branch")
        assert "was taken down" in words_of(visit, refused)


async def test_nobody_looks_at_a_picture_of_a_channel_they_cannot_read_now(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        thread = await visit.private_thread()
        shown = await visit.edit(world.ana, thread)
        look = await look_at(world.ana, shown)
        backend = world.env.backend
        backend.remove_thread_member(thread.id, world.ana.id)
        await world.env.settle()
        answer = await world.bo.slash(world.channel, "edit", prompt="x", **{"from": "#1"})
        assert "you cannot read" in words_of(visit, answer)
        assert visit.ids(look) == ["1"]


# Claims --------------------------------------------------------------------------------------------------------------


async def test_whoever_writes_an_edit_is_named_to_the_next_one_and_on_the_message_till_it_is_sent(
    visit_of: Any,
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit(world.ana)
        form = await world.bo.click(shown, label="Edit")
        await world.idle()
        assert f"✍️ {world.bo.mention} is writing an edit of it" in visit.words(find(visit, shown.id))
        other = await world.cleo.click(find(visit, shown.id), label="Edit")
        assert other.modal is not None
        assert f"{world.bo.mention} began to write an edit of it" in str(other.modal)
        assert world.bo.mention not in str((await world.bo.click(find(visit, shown.id), label="Edit")).modal)
        world.runware.pause()
        await world.bo.submit_modal(form, {"prompt": "mine"})
        await visit.status(1, Status.SUBMITTED)
        said = visit.words(find(visit, shown.id))
        assert f"✍️ {world.cleo.mention} is writing an edit of it" in said
        running = await world.ana.click(find(visit, shown.id), label="Edit")
        assert f"Being made for {world.bo.mention}: mine" in str(running.modal)
        await world.cleo.submit_modal(other, {"prompt": "mine too, and nobody keeps me from it"})
        world.runware.resume()
        await world.idle()
        assert len(visit.results()) == 3


async def test_a_claim_that_nobody_sends_goes_by_itself_also_after_a_restart(
    visit_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.claims.CLAIM_LIFE", 300)
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit(world.ana)
        await world.bo.click(shown, label="Edit")
        await world.restart(crash=True)
        async with asyncio.timeout(10):
            while "is writing an edit" in visit.words(find(visit, shown.id)) or await world.open_jobs():
                await asyncio.sleep(0.02)


# Archived and deleted threads ----------------------------------------------------------------------------------------


async def test_in_an_archived_thread_stars_looks_and_edits_go_on_and_nothing_is_given_up(
    visit_of: Any, books_of: Any
) -> None:
    async with open_world(announce_retry_seconds=0.001, **PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit(world.ana)
        path = f"/channels/{shown.channel.id}/messages/*"
        world.env.inject_error("PATCH", path, status=400, code=50083, times=None)
        await world.bo.click(shown, custom_id="star:1")
        form = await world.bo.click(find(visit, shown.id), label="Edit")
        await world.idle()
        assert visit.labels(find(visit, shown.id))[2] == "1"
        await world.restart()
        assert visit.ids(await look_at(world.cleo, find(visit, shown.id))) == ["1"]
        world.env.backend.faults.clear()
        await world.bo.submit_modal(form, {"prompt": "woken"})
        await world.idle()
        assert visit.ids(visit.last()) == ["2"]
        assert all(job.undeliverable_at is None for job in await books_of(world).jobs())


async def test_of_a_deleted_thread_its_children_elsewhere_keep_a_place_that_shows_nothing(
    visit_of: Any, books_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        first = await visit.edit(world.ana, prompt="a secret of this thread")
        second = await visit.edit(world.bo, prompt="carried on", **{"from": "#1"})
        assert second.channel.id != first.channel.id
        world.env.backend.delete_channel(first.channel.id)
        await world.restart()
        thread = next(thread for thread in visit.threads() if thread.id == second.channel.id)
        look = await look_at(world.ana, find(visit, second.id))
        back = await world.ana.click(look, label="Back")
        assert "it stands in a channel you cannot read" in words_of(visit, back)
        for command in ("history", "tree", "timelapse", "session show"):
            answer = answered(await world.ana.slash(thread, command))
            assert "a secret of this thread" not in visit.words(answer), command
            assert "1-seed" not in str(visit.files(answer)), command
        await child_of(world, visit, world.cleo, find(visit, second.id), "and on")
        assert visit.ids(visit.last()) == ["3"]
        assert world.env.errors == []
        await books_of(world).check()


# After months --------------------------------------------------------------------------------------------------------


async def test_a_picture_that_was_swept_after_months_is_read_back_from_its_message(
    visit_of: Any, books_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit(world.ana)
        [result] = await world.program.edits.results(1)
        store = world.program.services.pictures
        await store.delete(result.sha256 or "")
        await world.restart()
        look = await look_at(world.bo, find(visit, shown.id))
        assert visit.ids(look) == ["1"]
        await world.program.services.pictures.delete(result.sha256 or "")
        last = await child_of(world, visit, world.bo, find(visit, shown.id), "after months")
        assert visit.ids(last) == ["2"]
        world.env.backend.delete_channel(shown.channel.id)
        await world.program.services.pictures.delete(result.sha256 or "")
        answer = await world.bo.slash(world.channel, "edit", prompt="x", **{"from": "#1"})
        assert "cannot read" in words_of(visit, answer)
        await books_of(world).check()
