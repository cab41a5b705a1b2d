"""Whose pictures a member may use: those that they can read now, where they stand."""

from __future__ import annotations

from typing import Any

import discord

from playground.world import open_world

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}


async def test_a_result_that_a_member_cannot_read_is_not_theirs_to_use(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        bot, ana = world.guild.me, world.ana.member
        assert bot is not None
        sees, blind = discord.PermissionOverwrite(view_channel=True), discord.PermissionOverwrite(view_channel=False)
        studio = world.guild.create_text_channel(
            "studio", overwrites={world.guild.default_role: blind, world.ana: sees, bot: sees}
        )
        await world.env.settle()
        shown = await visit.edit(channel=studio)
        assert ana is None or ana.id == world.ana.id
        link = f"https://discord.com/channels/{world.guild.id}/{shown.channel.id}/{shown.id}"
        for member in (world.bo, world.cleo):
            for named in ("#1", link):
                answer = await visit.ask(member, **{"from": named})
                assert answer.response.ephemeral
                assert "a channel you cannot read" in visit.words(answer.response)
        assert len(await books_of(world).jobs()) == 1
        await visit.edit(world.ana, **{"from": link})
        assert len(await books_of(world).jobs()) == 2
        await books_of(world).check()


async def test_a_result_in_a_private_thread_belongs_to_those_in_it(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        thread = await visit.private_thread()
        await visit.edit(channel=thread)
        refused = await visit.ask(world.bo, **{"from": "#1"})
        assert "a channel you cannot read" in visit.words(refused.response)
        world.env.backend.add_thread_member(thread.id, world.bo.id)
        await world.env.settle()
        await visit.edit(world.bo, **{"from": "#1"})
        assert [job.user_id for job in await books_of(world).jobs()] == [world.ana.id, world.bo.id]


async def test_an_edit_is_not_asked_for_again_with_a_result_that_the_presser_may_not_use(
    books_of: Any, visit_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        thread = await visit.private_thread()
        first = await visit.edit(channel=thread)
        child = await visit.edit(**{"from": "#1"})
        world.runware.faults.fail = "providerError"
        failed = await visit.edit(**{"from": "#1"})
        world.runware.faults.fail = None
        rerolled = await world.bo.click(child, label="Reroll")
        form = await world.bo.click(failed, label="Try again")
        again = await world.bo.submit_modal(form, {"prompt": "leave it as it is"})
        for answer in (rerolled, again):
            assert answer.response is not None
            assert answer.response.ephemeral
            assert "You can't use #1: it stands in a channel you cannot read" in visit.words(answer.response)
        await world.ana.click(child, label="Reroll")
        await world.idle()
        assert [job.user_id for job in await books_of(world).jobs()] == [world.ana.id] * 4
        await visit.take_down(world.ana, first)
        gone = await world.ana.click(child, label="Reroll")
        assert "#1 was taken down" in visit.words(gone.response)
        assert len(await books_of(world).jobs()) == 4
