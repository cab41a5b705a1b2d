"""How pictures came to be, on Discord: trees, comparisons, ways back, and results shown elsewhere; to those who may see."""

from __future__ import annotations

import io
from typing import Any

import discord
import pytest
from PIL import Image
from simcord import ChannelHandle, InteractionResult, MemberActor
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from bot.lineage import STEPS_SHOWN, Lineage
from bot.quota import dollars
from cogs import lineage as lineage_cog
from playground.world import World, open_world
from storage.database import Tx
from storage.records import Asker

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}


def alone(answer: InteractionResult) -> Any:
    """Return what an answer shows, which its asker alone sees."""
    assert answer.response is not None
    assert answer.response.ephemeral
    return answer.response


async def child(world: World, visit: Any, member: MemberActor, shown: Any, prompt: str) -> discord.Message:
    """Have a member edit a result; return the message of what came of it."""
    form = await member.click(shown, label="Edit")
    await member.submit_modal(form, {"prompt": prompt})
    await world.idle()
    return visit.last()


async def family(world: World, visit: Any) -> list[discord.Message]:
    """Have Ana make a picture, Bo a child of it, and Cleo a branch; return their messages."""
    first = await visit.edit(world.ana, prompt="make it night")
    second = await child(world, visit, world.bo, first, "and snow")
    return [first, second, await child(world, visit, world.cleo, first, "and rain")]


async def studio(world: World) -> ChannelHandle:
    """Return a channel that only Ana and the bot can read."""
    bot = world.guild.me
    assert bot is not None
    sees, blind = discord.PermissionOverwrite(view_channel=True), discord.PermissionOverwrite(view_channel=False)
    overwrites = {world.guild.default_role: blind, world.ana: sees, bot: sees}
    made = world.guild.create_text_channel("studio", overwrites=overwrites)
    await world.env.settle()
    return made


def shut_out(world: World, channel: ChannelHandle, member: MemberActor | discord.Member) -> None:
    """Take a member's right to read a channel away."""
    denied = discord.Permissions(view_channel=True)
    overwrite = Overwrite(target_id=member.id, type=OverwriteType.MEMBER, allow=0, deny=denied.value)
    world.env.backend.set_overwrite(channel.id, overwrite)


async def move(world: World, result_id: int, channel: ChannelHandle | None) -> None:
    """Have the books say that a result stands in another channel, as one does whose thread was gone, or in none."""

    async def unit(tx: Tx) -> None:
        await tx.execute(
            "UPDATE announcements SET channel_id = CAST(?2 AS BIGINT) "
            "WHERE job_id = (SELECT job_id FROM results WHERE id = ?1)",
            result_id,
            None if channel is None else channel.id,
        )

    await world.program.database.run(unit)


def picture(world: World, response: Any, name: str) -> Image.Image:
    """Return a picture that came with an answer."""
    [file] = [file for file in response.attachments if file.filename == name]
    data = world.env.backend.cdn.get(file.url)
    assert data is not None
    return Image.open(io.BytesIO(data))


# The tree ------------------------------------------------------------------------------------------------------------


async def test_a_tree_is_one_picture_with_its_newest_framed_and_leads_to_each(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await family(world, visit)
        [thread] = visit.threads()
        tree = alone(await world.bo.slash(thread, "tree"))
        people = [member.mention for member in (world.ana, world.bo, world.cleo)]
        assert visit.words(tree) == (
            f"### 🌳 3 pictures, 1 branch\nby {people[0]}, {people[1]} and {people[2]}\n-# #3 is framed"
        )
        [alt] = visit.gallery(tree)
        assert alt == (
            "The tree of a session: 3 pictures, 1 branch. It begins with #1, “make it night”. "
            "By Ana, Bo and Cleo. #3 is framed."
        )
        assert picture(world, tree, "tree.jpg").format == "JPEG"
        assert visit.menus(tree) == [["#1 · Ana", "#2 · Bo", "#3 · Cleo"]]
        look = alone(await world.bo.select(tree, ["2"], custom_id="step:1"))
        assert (look.id, visit.ids(look)) == (tree.id, ["2"])
        again = alone(await world.bo.click(look, label="Tree"))
        assert again.id == tree.id
        assert "#2 is framed" in visit.words(again)
        assert world.env.errors == []


async def test_a_tree_is_asked_for_from_elsewhere_by_id_or_link(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        first, second, _ = await family(world, visit)
        for named in ("#2", "2", second.jump_url):
            tree = alone(await world.ana.slash(world.channel, "tree", result=named))
            assert "### 🌳 3 pictures" in visit.words(tree)
            assert "#2 is framed" in visit.words(tree)
        shown = await world.bo.slash(world.channel, "show", result=first.jump_url)
        assert shown.response is not None
        link = f"https://discord.com/channels/{world.guild.id}/{world.channel.id}/{shown.response.id}"
        assert "#1 is framed" in visit.words(alone(await world.ana.slash(world.channel, "tree", result=link)))


@pytest.mark.parametrize("name", ["tree", "compare", "history"])
async def test_without_a_picture_here_a_sentence_says_how_to_name_one(visit_of: Any, name: str) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit()
        for place in (world.channel, world.thread):
            answer = alone(await world.ana.slash(place, name))
            assert visit.words(answer) == (
                "There is no picture here to begin with: name one in `result`, as #12 or as the link of its message."
            )
        for typed, said in (
            ("#99", "There is no picture #99 here."),
            ("the cat", "`result` is a result's id such as #12 or the link of its message in this server"),
            (f"https://discord.com/channels/{world.guild.id}/1/2", "`result` is the link of a message that shows no"),
        ):
            assert said in visit.words(alone(await world.ana.slash(world.channel, name, result=typed)))


async def test_what_a_member_may_not_see_is_hidden_in_their_tree_and_drawn_in_anothers(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await family(world, visit)
        [thread] = visit.threads()
        await move(world, 2, await studio(world))
        bos, anas = [alone(await member.slash(thread, "tree")) for member in (world.bo, world.ana)]
        assert "1 that you cannot see" in visit.words(bos)
        assert world.bo.mention not in visit.words(bos)
        assert visit.menus(bos) == [["#1 · Ana", "#3 · Cleo"]]
        assert "cannot see" not in visit.words(anas)
        assert visit.menus(anas) == [["#1 · Ana", "#2 · Bo", "#3 · Cleo"]]
        assert picture(world, bos, "tree.jpg").tobytes() != picture(world, anas, "tree.jpg").tobytes()


async def test_a_tree_of_a_private_thread_is_refused_to_others_and_to_one_who_left_it(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        thread = await visit.private_thread()
        backend = world.env.backend
        backend.add_thread_member(thread.id, world.bo.id)
        await world.env.settle()
        await visit.edit(world.ana, thread)
        tree, look = [alone(await world.bo.slash(world.channel, "tree", result="#1")) for _ in range(2)]
        look = alone(await world.bo.select(look, ["1"], custom_id="step:1"))
        backend.remove_thread_member(thread.id, world.bo.id)
        await world.env.settle()
        for name in ("tree", "history", "compare", "show"):
            answer = alone(await world.bo.slash(world.channel, name, result="#1"))
            assert "a channel you cannot read" in visit.words(answer)
        for refused in (
            await world.bo.select(tree, ["1"], custom_id="step:1"),
            await world.bo.click(look, label="Tree"),
            await world.bo.click(look, label="History"),
            await world.bo.click(look, label="Show here"),
        ):
            assert "a channel you cannot read" in visit.words(alone(refused))


async def test_pages_of_a_tree_turn_also_after_a_restart_and_the_first_one_shown_has_the_framed_picture(
    visit_of: Any,
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        first = await visit.edit(world.ana)
        [thread] = visit.threads()
        for _ in range(4):
            await visit.edit(world.ana, thread, results=20, **{"from": "#1"})
        tree = alone(await world.ana.slash(thread, "tree"))
        assert "### 🌳 81 pictures, 3 branches" in visit.words(tree)
        assert "#81 is framed · page 2 of 2" in visit.words(tree)
        assert "#81" in {label.split(" · ")[0] for menu in visit.menus(tree) for label in menu}
        assert visit.labels(tree) == ["Page 1"]
        await world.restart(crash=True)
        before = alone(await world.ana.click(tree, label="Page 1"))
        assert before.id == tree.id
        assert "page 1 of 2" in visit.words(before)
        menus = visit.menus(before)
        assert [len(menu) for menu in menus] == [25, 25, 10]
        assert visit.ids(alone(await world.ana.select(before, ["1"], custom_id="step:1"))) == ["1"]
        tree = alone(await world.ana.click(first, custom_id="more:1"))
        assert visit.labels(alone(await world.ana.click(tree, label="Tree"))) == ["Page 2"]
        assert world.env.errors == []


async def test_pictures_that_are_gone_stand_in_the_tree_as_what_became_of_them(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        _, second, _ = await family(world, visit)
        [thread] = visit.threads()
        await visit.take_down(world.bo, second)
        for path in (world.settings.data_dir / "pictures").glob("??/*"):
            path.unlink()
        tree = alone(await world.ana.slash(thread, "tree", result="#2"))
        assert "-# #2 is framed · 1 taken down" in visit.words(tree)
        assert "and snow" not in str(visit.menus(tree))
        look = alone(await world.ana.select(tree, ["2"], custom_id="step:1"))
        assert "#2 was taken down" in visit.words(look)
        assert world.env.errors == []


async def test_only_some_pictures_are_drawn_at_a_time_and_others_are_told_to_wait(
    visit_of: Any, all_taken: Any
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await family(world, visit)
        [thread] = visit.threads()
        cog = world.bot.get_cog("Lineage")
        assert isinstance(cog, lineage_cog.LineageCog)
        with all_taken(cog._turns, lineage_cog._MOST):
            for name in ("tree", "compare"):
                answer = alone(await world.ana.slash(thread, name))
                assert "Several pictures are being drawn right now." in visit.words(answer)
        for _ in range(lineage_cog._MOST + 1):
            assert "3 pictures" in visit.words(alone(await world.ana.slash(thread, "tree")))


async def test_a_tree_is_drawn_when_discord_tells_no_names(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await family(world, visit)
        world.env.inject_error("GET", "/guilds/*/members/*", status=500, times=None)
        tree = alone(await world.ana.slash(visit.threads()[0], "tree"))
        assert visit.menus(tree) == [["#1", "#2", "#3"]]
        assert world.ana.mention in visit.words(tree)


# Two side by side ----------------------------------------------------------------------------------------------------


async def test_a_picture_is_compared_with_its_parent_and_leads_to_either(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        first, second, _ = await family(world, visit)
        look = alone(await world.cleo.click(second, label="More"))
        both = alone(await world.cleo.click(look, label="Compare"))
        assert both.id == look.id
        [costs] = [[(await world.program.services.lineage.step(number)).cost for number in (1, 2)]]
        assert all(costs)
        said = visit.words(both)
        assert said.startswith("### ⚖️ #1 and #2\n")
        assert f"**[#1]({first.jump_url})** · {world.ana.mention} · seed `" in said
        assert f"**[#2]({second.jump_url})** · {world.bo.mention} · seed `" in said
        assert said.count("\n> ") == 2
        assert len(visit.gallery(both)) == 3
        assert visit.ids(both) == ["1", "2"]
        assert picture(world, both, "side-by-side.jpg").width > 464
        assert visit.labels(both) == ["Go to #1", "Go to #2", "History", "Tree"]
        assert visit.ids(alone(await world.cleo.click(both, label="Go to #1"))) == ["1"]
        assert world.env.errors == []


async def test_any_two_pictures_are_compared_and_one_with_itself_is_refused(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        _, second, _ = await family(world, visit)
        both = alone(await world.ana.slash(world.channel, "compare", result="#3", **{"with": second.jump_url}))
        assert visit.words(both).startswith("### ⚖️ #2 and #3\n")
        itself = alone(await world.ana.slash(world.channel, "compare", result="#3", **{"with": "3"}))
        assert visit.words(itself) == "`with` is #3 itself: name another picture to put beside it."


async def test_a_first_picture_is_compared_with_what_was_uploaded_for_it(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await family(world, visit)
        both = alone(await world.bo.slash(world.channel, "compare", result="#1"))
        assert visit.words(both).startswith("### ⚖️ cat.png and #1\n**cat.png** · 451 × 300")
        assert list(visit.files(both))[:2] == ["side-by-side.jpg", "reference.jpg"]
        assert visit.files(both)["reference.jpg"] == "A picture to start from: cat.png"
        sha256 = (await world.program.services.lineage.step(1)).request.references[0].sha256
        await world.program.services.pictures.delete(sha256)
        gone = alone(await world.bo.slash(world.channel, "compare", result="#1"))
        assert "**cat.png** · 451 × 300 · gone" in visit.words(gone)
        assert len(visit.gallery(gone)) == 2
        assert world.env.errors == []


async def test_a_parent_that_was_taken_down_or_cannot_be_read_is_told_in_words(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        first, second, _ = await family(world, visit)
        await move(world, 1, await studio(world))
        hidden = alone(await world.bo.slash(world.channel, "compare", result="#2"))
        assert visit.words(hidden) == "You can't use #1: it stands in a channel you cannot read."
        assert visit.words(alone(await world.ana.slash(world.channel, "compare", result="#2"))).startswith("### ⚖️ #1")
        await move(world, 1, visit.threads()[0])
        await visit.take_down(world.ana, first)
        gone = alone(await world.bo.click(alone(await world.bo.click(second, label="More")), label="Compare"))
        assert "#1 was taken down" in visit.words(gone)


async def test_swept_pictures_are_read_back_from_their_messages_to_be_compared(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await family(world, visit)
        for number in (1, 2):
            sha256 = (await world.program.services.lineage.step(number)).result.sha256
            await world.program.services.pictures.delete(sha256 or "")
        both = alone(await world.bo.slash(world.channel, "compare", result="#2"))
        assert "gone" not in visit.words(both)
        assert visit.ids(both) == ["1", "2"]


# The way -------------------------------------------------------------------------------------------------------------


async def test_a_way_names_every_step_from_the_first_picture_on_and_what_all_cost(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        first, second, _ = await family(world, visit)
        way = alone(await world.cleo.slash(visit.threads()[0], "history", result="#2"))
        said = visit.words(way).split("\n")
        assert said[:2] == ["### 🪜 The way to #2", "-# 2 steps"]
        assert said[2].startswith(f"**1.** **[#1]({first.jump_url})** · {world.ana.mention} · seed `")
        assert said[2].endswith(" · from cat.png")
        assert said[3] == "> make it night"
        assert said[4].startswith(f"**2.** **[#2]({second.jump_url})** · {world.bo.mention} · seed `")
        assert said[5] == "> and snow"
        steps = [await world.program.services.lineage.step(number) for number in (1, 2)]
        assert said[6] == f"**All of it: {dollars(sum(step.cost or 0 for step in steps))}**"
        assert visit.ids(alone(await world.cleo.select(way, ["1"], custom_id="step:1"))) == ["1"]


async def test_a_long_way_turns_page_by_page_also_after_a_restart(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit(world.ana, prompt="step 1")
        [thread] = visit.threads()
        for number in range(2, STEPS_SHOWN + 3):
            await visit.edit(world.bo, thread, prompt=f"step {number}", **{"from": f"#{number - 1}"})
        way = alone(await world.ana.slash(thread, "history"))
        assert f"-# 10 steps · 1 to {STEPS_SHOWN} of 10" in visit.words(way)
        assert visit.labels(way) == ["Page 2", "Compare", "Tree"]
        await world.restart(crash=True)
        more = alone(await world.ana.click(way, label="Page 2"))
        assert more.id == way.id
        assert "> step 9" in visit.words(more)
        assert "> step 8" not in visit.words(more)
        total = visit.words(way).rsplit("\n", 1)[-1]
        assert visit.words(more).endswith(total)
        back = alone(await world.ana.click(more, label="Page 1"))
        assert "> step 8" in visit.words(back)


async def test_steps_that_a_member_cannot_read_tell_nothing_and_are_not_added_up(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        hidden = await studio(world)
        await visit.edit(world.ana, hidden, prompt="a secret")
        await visit.edit(world.ana, world.channel, prompt="and snow", **{"from": "#1"})
        costs = [(await world.program.services.lineage.step(number)).cost or 0 for number in (1, 2)]
        anas = visit.words(alone(await world.ana.slash(world.channel, "history", result="#2")))
        assert "> a secret" in anas
        assert f"**All of it: {dollars(sum(costs))}**" in anas
        way = alone(await world.bo.slash(world.channel, "history", result="#2"))
        assert "**1.** *a step in a channel you cannot read*\n**2.** **[#2](" in visit.words(way)
        assert f"**All that you can see of it: {dollars(costs[1])}**" in visit.words(way)
        assert "secret" not in str(way.components)
        assert len(visit.menus(way)[0]) == 1


async def test_a_step_that_was_taken_down_keeps_its_place_in_the_way(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        first, *_ = await family(world, visit)
        await visit.take_down(world.ana, first)
        way = visit.words(alone(await world.bo.slash(visit.threads()[0], "history", result="#2")))
        assert f"**1.** **#1** · {world.ana.mention} · $" in way
        assert " · *taken down*\n**2.**" in way
        assert "make it night" not in way


# A result shown once more --------------------------------------------------------------------------------------------


async def test_a_result_is_shown_elsewhere_with_live_buttons_and_goes_when_it_is_taken_down(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        own = await visit.edit(world.ana)
        hall = world.guild.create_text_channel("hall")
        await world.env.settle()
        answer = await world.bo.slash(hall, "show", result="#1")
        assert answer.response is not None
        assert not answer.response.ephemeral
        shown = hall.history()[-1]
        assert visit.words(shown) == visit.words(own)
        assert visit.gallery(shown) == visit.gallery(own)
        assert visit.labels(shown) == visit.labels(own)
        await world.restart(crash=True)
        await world.cleo.click(shown, label="Star")
        await world.idle()
        assert "1" in visit.labels(hall.history()[-1])
        look = alone(await world.cleo.click(hall.history()[-1], label="More"))
        assert visit.ids(look) == ["1"]
        await visit.take_down(world.ana, own)
        assert hall.history() == []
        assert world.env.errors == []


async def test_show_here_brings_a_result_into_the_channel_of_the_press(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        own = await visit.edit(world.ana)
        before = len(world.channel.history())
        tree = alone(await world.bo.slash(world.channel, "tree", result=own.jump_url))
        look = alone(await world.bo.select(tree, ["1"], custom_id="step:1"))
        answer = await world.bo.click(look, label="Show here")
        assert answer.response is not None
        assert not answer.response.ephemeral
        assert len(world.channel.history()) == before + 1
        assert visit.ids(world.channel.history()[-1]) == ["1"]


async def test_a_result_of_a_private_place_is_shown_there_and_elsewhere_to_its_asker_alone(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        thread = await visit.private_thread()
        hidden = await studio(world)
        await visit.edit(world.ana, thread)
        await visit.edit(world.ana, hidden)
        await world.env.settle()
        for number, here, elsewhere, why in (
            (1, thread, world.channel, "it stands in a private thread, and others read this place"),
            (2, hidden, thread, "some who read this place may not read the channel where it stands"),
        ):
            before = len(elsewhere.history())
            answer = await world.ana.slash(elsewhere, "show", result=f"#{number}")
            look, [said] = alone(answer), answer.followups
            assert said.ephemeral
            assert visit.ids(look) == [str(number)]
            assert visit.words(said) == f"I show #{number} to you alone: {why}."
            assert len(elsewhere.history()) == before
            refused = alone(await world.ana.click(look, label="Show here"))
            assert visit.words(refused) == f"I show #{number} to you alone: {why}."
            public = await world.ana.slash(here, "show", result=f"#{number}")
            assert public.response is not None
            assert not public.response.ephemeral


async def test_a_result_is_not_shown_where_a_member_reads_who_was_shut_out_of_its_channel(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit(world.ana)
        hall = world.guild.create_text_channel("hall")
        await world.env.settle()
        shut_out(world, world.channel, world.bo)
        await world.env.settle()
        answer = await world.ana.slash(hall, "show", result="#1")
        assert "I show #1 to you alone" in visit.words(answer.followups[0])
        assert visit.ids(alone(answer)) == ["1"]
        assert hall.history() == []
        shut_out(world, hall, world.bo)
        await world.env.settle()
        await world.ana.slash(hall, "show", result="#1")
        assert visit.ids(hall.history()[-1]) == ["1"]


async def test_a_result_is_shown_alone_where_it_could_not_be_taken_down_or_nobody_else_ever_saw_it(
    visit_of: Any,
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit(world.ana)
        hall, bot = world.guild.create_text_channel("hall"), world.guild.me
        assert bot is not None
        await world.env.settle()
        shut_out(world, hall, bot)
        await world.env.settle()
        blind = await world.ana.slash(hall, "show", result="#1")
        assert "I show #1 to you alone: I lack **View Channel** here" in visit.words(blind.followups[0])
        await move(world, 1, None)
        own = await world.ana.slash(world.channel, "show", result="#1")
        assert visit.words(own.followups[0]) == ("I show #1 to you alone: it was never posted where others can see it.")
        assert "a channel you cannot read" in visit.words(
            alone(await world.bo.slash(world.channel, "show", result="#1"))
        )


async def test_what_is_taken_down_or_never_was_is_not_shown(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        own = await visit.edit(world.ana)
        look = alone(await world.bo.click(own, label="More"))
        await visit.take_down(world.ana, own)
        for answer in (
            await world.bo.click(look, label="Show here"),
            await world.bo.slash(world.channel, "show", result="#1"),
        ):
            assert "#1 was taken down" in visit.words(alone(answer))
        assert "There is no picture #7 here." in visit.words(
            alone(await world.bo.slash(world.channel, "show", result="#7"))
        )


@pytest.mark.parametrize("late", [False, True])
async def test_a_result_that_is_taken_down_while_it_is_brought_does_not_stay(
    visit_of: Any, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit(world.ana)
        hall = world.guild.create_text_channel("hall")
        await world.env.settle()
        record, edits = Lineage.shown, world.program.edits

        async def shown(self: Lineage, *told: int) -> None:
            if late:
                await record(self, *told)
            await edits.delete(1, asker=Asker(world.guild.id, world.ana.id), manages=False)
            if not late:
                await record(self, *told)

        monkeypatch.setattr(Lineage, "shown", shown)
        await world.bo.slash(hall, "show", result="#1")
        await world.idle()
        assert [visit.files(message) for message in hall.history()] in ([], [{}])
        assert "night" not in "".join(visit.words(message) for message in hall.history())
        assert world.env.errors == []


async def test_a_star_pressed_on_a_picture_that_was_brought_elsewhere_keeps_what_is_said_there(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit(world.ana)
        await world.bo.slash(world.channel, "show", result="#1")
        brought = visit.last()
        await world.bo.click(brought, custom_id="star:1")
        starred = visit.last()
        assert (visit.words(starred), visit.ids(starred)) == (visit.words(brought), ["1"])
        assert [label for label in visit.labels(starred) if label not in visit.labels(brought)] == ["1"]


async def test_what_is_age_restricted_is_shown_in_no_channel_that_is_not(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit(world.ana)
        late = world.guild.create_text_channel("late")
        await world.env.settle()
        known = world.bot.get_channel(late.id)
        assert isinstance(known, discord.TextChannel)
        known.nsfw = True  # SimCord's channels have no such field
        public = await world.ana.slash(late, "show", result="#1")
        assert public.response is not None
        assert not public.response.ephemeral
        await visit.edit(world.bo, late)
        answer = await world.ana.slash(world.channel, "show", result="#2")
        assert visit.ids(alone(answer)) == ["2"]
        assert visit.words(answer.followups[0]) == (
            "I show #2 to you alone: it stands in an age-restricted channel, and this one is not."
        )


# Naming --------------------------------------------------------------------------------------------------------------


async def test_of_a_message_with_several_pictures_one_has_to_be_named(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit(results=2)
        answer = alone(await world.ana.slash(world.channel, "history", result=shown.jump_url))
        assert visit.words(answer) == ("`result` is the link of a message with 2 pictures: name one of #1, #2.")


@pytest.mark.parametrize(
    ("name", "option"),
    [("tree", "result"), ("compare", "result"), ("compare", "with"), ("history", "result"), ("show", "result")],
)
async def test_the_newest_pictures_of_the_thread_are_offered_to_those_who_see_them(
    visit_of: Any, name: str, option: str
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await family(world, visit)
        [thread] = visit.threads()

        async def offered(member: MemberActor, typed: str, place: ChannelHandle = thread) -> list[str]:
            choices = await member.autocomplete(place, name, option, typed)
            assert len(choices) <= 25
            return [choice["name"] for choice in choices]

        everything = ["#3 · and rain", "#2 · and snow", "#1 · make it night"]
        assert await offered(world.ana, "") == everything
        assert await offered(world.ana, "#2") == everything[1:2]
        assert await offered(world.ana, "AND") == everything[:2]
        assert await offered(world.ana, "elephant") == []
        assert await offered(world.ana, "", world.channel) == []
        assert await offered(world.ana, "", world.thread) == []
        await move(world, 2, await studio(world))
        assert await offered(world.bo, "") == [everything[0], everything[2]]
        assert await offered(world.ana, "") == everything


async def test_where_discord_does_not_say_who_may_see_a_picture_it_is_not_shown_and_the_asker_is_told(
    visit_of: Any,
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit(world.ana)
        other = world.guild.create_text_channel("elsewhere")
        await move(world, 1, other)
        await world.env.settle()
        known = world.bot.get_guild(world.guild.id)
        gone = None if known is None else known.get_channel(other.id)
        assert known is not None
        assert gone is not None
        known._remove_channel(gone)  # as threads are forgotten that are archived
        world.env.inject_error("GET", f"/channels/{other.id}", status=500, times=None)
        told = alone(await world.bo.slash(world.channel, "recipe show", result="#1"))
        assert (
            visit.words(told) == "Discord does not say right now whether you may see that picture. Try again shortly."
        )
