"""What an edit costs is said before it is asked for; where it is news, its asker is asked, and a manager where set."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from bot.prices import price
from playground.world import World, open_world
from storage.records import Asker, EntryKind, Status

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}


def manager(world: World) -> Asker:
    return Asker(world.guild.id, world.cleo.id)


async def test_an_edit_above_the_price_that_a_member_set_asks_and_costs_nothing_till_they_say_yes(
    books_of: Any, visit_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        visit, books = visit_of(world), books_of(world)
        said = await world.ana.slash(world.channel, "quota", ask_above="0.01")
        assert "You are asked first before an edit that costs more than $0.01." in visit.words(said.response)
        asked = await visit.ask(size="1024x768")
        words = visit.words(asked.response)
        assert "this edit will cost about **$0.0261**, going by Runware's published examples" in words
        assert visit.labels(asked.response) == ["Yes, edit it", "No, thanks"]
        assert await books.jobs() == []
        assert world.runware.requests == []
        other = await world.bo.click(asked.response, label="Yes, edit it")
        assert "Only the person who asked" in visit.words(other.response)
        await world.restart()
        await world.ana.click(asked.response, label="Yes, edit it")
        await world.idle()
        assert len(visit.results()) == 1
        [reply] = [message for message in world.channel.history() if message.id == asked.response.id]
        assert "goes on in the thread below" in visit.words(reply)
        assert visit.labels(reply) == []
        assert len(await books.jobs()) == 1
        await books.check()


async def test_a_no_ends_the_question_and_nothing_is_owed(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await world.program.budgets.change(manager(world), confirm_above=0)
        asked = await visit.ask(size="256x256")
        await world.ana.click(asked.response, label="No, thanks")
        shown = world.channel.last_message
        assert "decided against it · nothing was charged" in visit.words(shown)
        assert visit.labels(shown) == []
        assert await books_of(world).jobs() == []


async def test_a_question_in_a_thread_becomes_the_status_of_the_edit(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await world.program.budgets.change(manager(world), confirm_above=1)
        asked = await visit.ask(channel=world.thread, size="256x256")
        assert visit.gallery(asked.response) == ["A picture to start from: cat.png"]
        await world.ana.click(asked.response, label="Yes, edit it")
        await world.idle()
        [job] = await books_of(world).jobs()
        cards = [message for message in world.thread.history() if message.id == job.place.reply_id]
        assert "**Done**" in visit.words(cards[0])
        await books_of(world).check()


async def test_more_pictures_in_a_form_are_at_prices_that_it_stated_and_ask_nothing(
    books_of: Any, visit_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit()
        form = await world.bo.click(shown, label="Edit")
        assert form.modal is not None
        price, more = (part["description"] for part in form.modal["components"])
        assert price.startswith("About $0.0")
        assert "1 more: $0.0" in more
        files = [("cup.png", world.photos["coffee.png"]), ("cat.png", world.photos["chelsea.png"])]
        await world.bo.submit_modal(form, {"prompt": "both of them", "files": files})
        await world.idle()
        assert len(await books_of(world).jobs()) == 2


async def test_a_reroll_that_became_dearer_by_more_than_a_quarter_asks(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit, books = visit_of(world), books_of(world)
        shown = await visit.edit(size="512x512")
        [job] = await books.jobs()

        async def taught(tx: Any) -> None:
            await tx.execute("DELETE FROM prices WHERE guild_id >= 0")
            await tx.execute(
                "UPDATE jobs SET cost = ?1 WHERE id = ?2", price(job.request).estimate * 100 // 126, job.id
            )

        await world.program.database.run(taught)
        asked = await world.bo.click(shown, label="Reroll")
        assert " instead of $0." in visit.words(asked.response)
        assert len(await books.jobs()) == 1


async def test_an_estimate_says_its_basis_and_whether_it_fits_and_sends_nothing(books_of: Any, visit_of: Any) -> None:
    async with open_world(member_daily_usd=Decimal("0.10"), server_daily_usd=5, bot_daily_usd=5) as world:
        visit = visit_of(world)
        fits = visit.words((await world.ana.slash(world.channel, "estimate", pictures=2, size="1024x768")).response)
        assert "### About $0.0416\nfor 1 result from 2 pictures, 1024 × 768, 30 steps." in fits
        assert "Going by Runware's published examples. Up to $0.0624 is held till it is done." in fits
        assert "It fits in what you have left." in fits
        dear = visit.words((await world.ana.slash(world.channel, "estimate", results=20)).response)
        assert "your own limits allow $0.10 a day" in dear
        bad = visit.words((await world.ana.slash(world.channel, "estimate", size="7x7")).response)
        assert "`size`" in bad
        await world.program.budgets.change(manager(world), approve_above=1)
        waits = visit.words((await world.ana.slash(world.channel, "estimate")).response)
        assert "A manager would have to approve it." in waits
        await world.program.budgets.pause(manager(world), 0, "the bill came")
        paused = visit.words((await world.ana.slash(world.channel, "estimate")).response)
        assert "Edits are paused in this server: the bill came" in paused
        assert await books_of(world).jobs() == []
        assert world.runware.requests == []


async def test_estimates_learn_from_what_edits_cost(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        for number in range(10):
            await visit.edit(size="512x512", seed=str(number))
        said = visit.words((await world.ana.slash(world.channel, "estimate", size="512x512")).response)
        assert "Going by 10 edits here." in said


@pytest.mark.parametrize("option", ["-1", "x", "1e3", "99999999"])
async def test_a_price_that_is_none_is_refused_and_changes_nothing(option: str, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        said = visit.words((await world.ana.slash(world.channel, "quota", ask_above=option)).response)
        assert "`ask_above`" in said
        assert "asked first" not in visit.words((await world.ana.slash(world.channel, "quota")).response)


async def test_an_edit_above_the_servers_price_waits_for_a_manager_with_its_hold_kept(
    books_of: Any, visit_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        visit, books = visit_of(world), books_of(world)
        await world.program.budgets.change(manager(world), approve_above=1, alert_channel_id=world.channel.id)
        await visit.ask(size="512x512")
        job = await visit.status(0, Status.WAITING)
        listed = visit.words((await world.cleo.slash(world.channel, "budget show")).response)
        assert "**Waiting for a manager**\n- [make it night](https://discord.com/channels/" in listed
        async with asyncio.timeout(10):
            while not any("An edit waits for a manager" in visit.words(one) for one in world.channel.history()):
                await asyncio.sleep(0.01)
        card = visit.threads()[0].last_message
        assert "Waiting for a manager" in visit.words(card)
        assert visit.labels(card) == ["Approve", "Decline", "Cancel"]
        assert [line.kind for line in await books.entries(job.id)] == [EntryKind.HOLD]
        refused = await world.ana.click(card, label="Approve")
        assert "it takes **Manage Server**" in visit.words(refused.response)
        await world.restart()
        await world.cleo.click(card, label="Approve")
        await world.idle()
        assert len(visit.results()) == 1
        kinds = [line.kind for line in await books.entries(job.id)]
        assert kinds == [EntryKind.HOLD, EntryKind.RELEASE, EntryKind.HOLD, EntryKind.SETTLE]


async def test_a_declined_edit_says_so_and_is_given_back(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit, books = visit_of(world), books_of(world)
        await world.program.budgets.change(manager(world), approve_above=0)
        await visit.ask(size="512x512")
        await visit.status(0, Status.WAITING)
        await world.cleo.click(visit.threads()[0].last_message, label="Decline")
        await world.idle()
        assert "**A manager declined it** · nothing was charged" in visit.words(visit.threads()[0].last_message)
        await books.check()


async def test_an_approval_of_someone_who_left_is_refused_in_words(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await world.program.budgets.change(manager(world), approve_above=0)
        await visit.ask(member=world.bo, size="512x512")
        await visit.status(0, Status.WAITING)
        card = visit.threads()[0].last_message
        world.env.backend.remove_member(world.guild.id, world.bo.id)
        said = await world.cleo.click(card, label="Approve")
        assert "has left the server: decline it" in visit.words(said.response)


async def test_an_edit_of_a_moderators_in_a_locked_session_is_approved(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit()
        [thread] = visit.threads()
        await world.cleo.slash(thread, "session lock")
        await world.program.budgets.change(manager(world), approve_above=0)
        await visit.ask(world.cleo, thread)
        await visit.status(1, Status.WAITING)
        await world.cleo.click(thread.last_message, label="Approve")
        await world.idle()
        assert len(visit.results()) == 2


async def test_a_pause_refuses_in_words_and_what_was_queued_waits_visibly_and_goes_on(
    books_of: Any, visit_of: Any
) -> None:
    async with open_world(max_in_flight=1, **PLENTY) as world:
        visit, books = visit_of(world), books_of(world)
        world.runware.pause()
        await visit.ask(prompt="runs on", size="256x256")
        await visit.status(0, Status.SUBMITTED)
        await visit.ask(member=world.bo, prompt="waits", size="256x256")
        await visit.status(1, Status.QUEUED)
        await world.program.budgets.pause(manager(world), 0, "the *bill* came")
        refused = (await visit.ask(prompt="too late")).response
        assert refused.ephemeral, "what a pause refuses is nobody else's business"
        assert "Edits are paused in this server: the *bill* came" in visit.words(refused)
        async with asyncio.timeout(10):
            while "Paused in this server" not in visit.words(visit.threads()[1].last_message):
                await asyncio.sleep(0.01)
        assert "Cancel" in visit.labels(visit.threads()[1].last_message)
        world.runware.resume()
        job = await visit.status(0, Status.SUCCEEDED)
        assert job.cost is not None
        await asyncio.sleep(0.3)
        assert (await books.jobs())[1].status is Status.QUEUED
        await world.program.budgets.resume(manager(world), 0)
        await world.idle()
        assert [job.status for job in await books.jobs()] == [Status.SUCCEEDED] * 2
        await books.check()
