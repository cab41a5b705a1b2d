"""Where the end of an edit is told when its thread is gone, shut or out of reach: never to a wider audience, never twice."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
import pytest
from simcord import ChannelHandle
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from bot import outbox
from bot.outbox import MAX_TRIES
from cogs._letters import compose
from playground.world import GUILD_ID, World, open_world
from storage.announcements import RESULTS_PER_MESSAGE
from storage.records import Asker, Status

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}
NO_PERMISSION, CANNOT_DM, ARCHIVED, LOCKED, THREAD_EXISTS = 50013, 50007, 50083, 160005, 160004
TOO_OFTEN = 30046


async def underway(world: World, visit: Any, **options: Any) -> ChannelHandle:
    """Ask for an edit and return its thread, once it is at Runware, which keeps it until it is told to go on."""
    world.runware.pause()
    answer = await visit.ask(**options)
    await all_sent(world, visit)
    return next(thread for thread in visit.threads() if thread.id == answer.response.id)


async def all_sent(world: World, visit: Any) -> None:
    """Wait until Runware has every job, and Discord says so."""
    async with asyncio.timeout(20):
        while await world.program.database.read(_unsent) or not await visit.all_shown():
            await asyncio.sleep(0.01)


async def _unsent(tx: Any) -> bool:
    return await tx.fetch_one("SELECT id FROM jobs WHERE status IN ('queued', 'submitting') LIMIT 1") is not None


def refuse(world: World, channel_id: int, status: int, code: int, *, method: str = "POST", **times: Any) -> None:
    """Have Discord refuse messages in a channel, or edits of them."""
    path = f"/channels/{channel_id}/messages{'' if method == 'POST' else '/*'}"
    world.env.inject_error(method, path, status=status, code=code, **{"times": None, **times})


class Asleep(dict[str, Any]):
    """A refusal that holds as long as nobody writes in a thread: archived, it takes no edits."""

    def __init__(self, refusal: dict[str, Any], thread: ChannelHandle) -> None:
        super().__init__(refusal)
        self._thread, self._messages = thread, len(thread.history())

    def __getitem__(self, key: str) -> Any:
        awake = len(self._thread.history()) > self._messages
        return "no request" if key == "method" and awake else super().__getitem__(key)


def refuse_direct(world: World, member: Any) -> None:
    """Have a member take no direct messages, as Discord answers then."""
    refuse(world, member.user.dm_channel.id, 403, CANNOT_DM)


async def allow(world: World, **rights: bool) -> None:
    """Change what the bot may do in the channel."""
    bot = world.guild.me
    assert bot is not None
    allowed, denied = discord.PermissionOverwrite(**rights).pair()
    overwrite = Overwrite(target_id=bot.id, type=OverwriteType.MEMBER, allow=allowed.value, deny=denied.value)
    world.env.backend.set_overwrite(world.channel.id, overwrite)
    await world.env.settle()


async def told(world: World, visit: Any) -> discord.Message:
    """Let Runware finish, and return the one message with the result, wherever it is."""
    world.runware.resume()
    await world.idle()
    [shown] = visit.results()
    return shown


# The thread ----------------------------------------------------------------------------------------------------------


async def test_the_result_of_a_deleted_thread_comes_in_its_public_parent(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        thread = await underway(world, visit)
        world.env.backend.delete_channel(thread.id)
        shown = await told(world, visit)
        assert shown.channel.id == world.channel.id
        assert visit.labels(shown) == ["Edit", "Reroll", "Star", "More", "Delete"]
        assert world.env.backend.messages[shown.channel.id][shown.id].ping_user_ids == []
        await world.bo.click(shown, label="Reroll")
        await world.idle()
        assert len(visit.results()) == 2
        await world.ana.click(shown, label="Delete")
        await world.idle()
        assert len(visit.results()) == 1
        assert world.env.errors == []
        await books_of(world).check()


async def test_the_result_of_a_locked_thread_comes_in_its_public_parent(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        thread = await underway(world, visit)
        refuse(world, thread.id, 403, LOCKED)
        refuse(world, thread.id, 400, ARCHIVED, method="PATCH")
        assert (await told(world, visit)).channel.id == world.channel.id


async def test_an_archived_thread_is_woken_by_the_result_and_its_status_is_then_brought_up_to_date(
    visit_of: Any,
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        thread = await underway(world, visit)
        refuse(world, thread.id, 400, ARCHIVED, method="PATCH")
        world.env.backend.faults[0] = Asleep(world.env.backend.faults[0], thread)
        assert (await told(world, visit)).channel.id == thread.id
        assert "**Done**" in visit.words(thread.history()[0])


async def test_without_the_right_to_write_in_threads_the_result_comes_in_the_channel(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await underway(world, visit)
        await allow(world, send_messages_in_threads=False)
        assert (await told(world, visit)).channel.id == world.channel.id


async def test_without_the_right_to_make_threads_the_edit_goes_on_in_the_channel(books_of: Any, visit_of: Any) -> None:
    async with open_world(max_in_flight=1, **PLENTY) as world:
        visit = visit_of(world)
        world.env.inject_error(
            "POST", "/channels/*/messages/*/threads", status=403, code=NO_PERMISSION, message="no", times=None
        )
        world.runware.pause()
        await visit.ask()
        answer = await visit.ask()
        await visit.status(1, Status.QUEUED)

        def reply() -> discord.Message:
            return next(message for message in world.channel.history() if message.id == answer.response.id)

        assert "Next in line" in visit.words(reply())
        assert visit.labels(reply()) == ["Cancel"]
        assert visit.gallery(reply()) == ["A picture to start from: cat.png"]
        world.runware.resume()
        await world.idle()
        assert visit.threads() == []
        assert [message.channel.id for message in visit.results()] == [world.channel.id] * 2
        assert "**Done**" in visit.words(reply())
        assert "> make it night" in visit.words(reply())
        await books_of(world).check()


async def test_a_star_makes_no_thread_for_an_edit_that_was_told_in_the_channel(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        refuse_threads(world)
        shown = await visit.edit()
        before = len(visit.everything())
        world.env.backend.faults.clear()
        await star(world, shown)
        assert (visit.threads(), len(visit.everything())) == ([], before)


async def test_a_star_posts_no_status_in_a_thread_that_had_none_when_its_edit_was_told(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        world.env.inject_error("POST", "/channels/*/messages", status=403, code=LOCKED, times=None)
        await visit.ask()
        await world.idle()
        [thread] = visit.threads()
        world.env.backend.faults.clear()
        await star(world)
        assert thread.history() == []


async def test_a_star_makes_no_thread_for_an_edit_that_was_given_up(books_of: Any, visit_of: Any) -> None:
    async with open_world(announce_retry_seconds=0.005, **PLENTY) as world:
        visit = visit_of(world)
        world.env.inject_error("POST", "/channels/*/messages/*/threads", status=500, times=None)
        await visit.ask()
        await world.idle()
        assert (await books_of(world).jobs())[0].undeliverable_at is not None
        world.env.backend.faults.clear()
        await star(world)
        assert visit.threads() == []


def refuse_threads(world: World) -> None:
    """Have Discord let the bot make no threads."""
    world.env.inject_error("POST", "/channels/*/messages/*/threads", status=403, code=NO_PERMISSION, times=None)


async def star(world: World, shown: discord.Message | None = None) -> None:
    """Have Bo give the first picture a star, by the button of its message if there is one."""
    if shown is None:
        await world.program.services.gallery.star(Asker(world.guild.id, world.bo.id), 1)
    else:
        await world.bo.click(shown, label="Star")
    await world.idle()


async def test_a_failure_told_in_place_of_a_deleted_thread_can_be_tried_again(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        world.runware.faults.fail = "providerError"
        thread = await underway(world, visit)
        world.env.backend.delete_channel(thread.id)
        world.runware.resume()
        await world.idle()
        world.runware.faults.fail = None
        form = await world.bo.click(visit.last(), label="Try again")
        await world.bo.submit_modal(form, {"prompt": "once more"})
        await world.idle()
        assert len(visit.results()) == 1
        await books_of(world).check()


# Direct messages, and what is kept -----------------------------------------------------------------------------------


async def test_a_bot_that_was_kicked_tells_the_asker_alone(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await underway(world, visit, results=2)
        world.env.backend.remove_guild(GUILD_ID)
        world.runware.resume()
        await world.idle()
        [letter] = visit.direct(world.ana)
        assert len(visit.ids(letter)) == 2
        assert visit.labels(letter) == [], "buttons need a server"
        assert f"/edit from:#{visit.ids(letter)[0]}" in visit.words(letter)
        assert [message.id for message in visit.results()] == [letter.id]
        await books_of(world).check()


async def test_a_bot_that_was_kicked_before_there_was_a_thread_tells_the_asker_alone(
    books_of: Any, visit_of: Any
) -> None:
    async with open_world(announce_retry_seconds=0.05, **PLENTY) as world:
        visit = visit_of(world)
        world.env.inject_error("POST", "/channels/*/messages/*/threads", status=500, times=None)
        await visit.ask()
        world.env.backend.remove_guild(GUILD_ID)
        await world.idle()
        assert [len(visit.ids(letter)) for letter in visit.direct(world.ana)] == [1]
        await books_of(world).check()


async def test_what_came_as_a_direct_message_is_its_owners_to_carry_on_from(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        thread = await underway(world, visit)
        world.env.backend.delete_channel(thread.id)
        refuse(world, world.channel.id, 403, NO_PERMISSION)
        shown = await told(world, visit)
        assert shown.channel.id == world.ana.user.dm_channel.id
        world.env.backend.faults.clear()
        refused = await visit.ask(world.bo, **{"from": "#1"})
        assert "a channel you cannot read" in visit.words(refused.response)
        child = await visit.edit(world.ana, **{"from": "#1"})
        assert "from [#1](" in visit.words(child)
        await books_of(world).check()


async def test_a_private_thread_that_is_gone_is_told_to_the_asker_and_not_to_its_parent(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        thread = await visit.private_thread()
        before = [message.id for message in world.channel.history()]
        world.runware.pause()
        for prompt in ("make it night", "make it day"):
            await visit.ask(channel=thread, prompt=prompt)
        await all_sent(world, visit)
        world.env.backend.delete_channel(thread.id)
        world.runware.resume()
        await world.idle()
        assert len(visit.direct(world.ana)) == 2
        assert len(visit.results()) == 2
        assert [message.id for message in world.channel.history()] == before


async def test_what_can_be_posted_nowhere_is_shown_once_with_the_askers_next_command(
    books_of: Any, visit_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        thread = await underway(world, visit)
        world.env.backend.delete_channel(thread.id)
        refuse(world, world.channel.id, 403, NO_PERMISSION)
        refuse_direct(world, world.ana)
        world.runware.resume()
        await world.idle()
        assert visit.results() == []
        [job] = await books_of(world).jobs()
        assert job.announced_at is not None
        other = await world.bo.slash(world.channel, "quota")
        assert other.followups == [], "it is not his"
        answer = await world.ana.slash(world.channel, "quota")
        [kept] = answer.followups
        assert kept.ephemeral
        assert visit.ids(kept) == ["1"]
        again = await world.ana.slash(world.channel, "quota")
        assert again.followups == []
        world.env.backend.faults.clear()
        child = await visit.edit(world.ana, **{"from": "#1"})
        assert "from #1 by" in visit.words(child)
        refused = await visit.ask(world.bo, **{"from": "#1"})
        assert "a channel you cannot read" in visit.words(refused.response)
        await books_of(world).check()


async def test_a_kept_message_comes_after_a_refused_command_and_after_a_press_too(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit()
        for way in ("a refusal", "a press"):
            thread = await underway(world, visit)
            world.env.backend.delete_channel(thread.id)
            refuse(world, world.channel.id, 403, NO_PERMISSION)
            refuse_direct(world, world.ana)
            world.runware.resume()
            await world.idle()
            world.env.backend.faults.clear()
            if way == "a refusal":
                answer = await visit.ask(size="1000x1000")
            else:
                answer = await world.ana.click(shown, label="More")
            [kept] = answer.followups
            assert kept.ephemeral, way
            assert len(visit.ids(kept)) == 1, way


async def test_a_kept_failure_can_be_tried_again_by_its_asker(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        world.runware.faults.fail = "providerError"
        thread = await underway(world, visit)
        world.env.backend.delete_channel(thread.id)
        refuse(world, world.channel.id, 403, NO_PERMISSION)
        refuse_direct(world, world.ana)
        world.runware.resume()
        await world.idle()
        world.runware.faults.fail = None
        world.env.backend.faults.clear()
        [kept] = (await world.ana.slash(world.channel, "quota")).followups
        assert "This edit did not work" in visit.words(kept)
        form = await world.ana.click(kept, label="Try again")
        await world.ana.submit_modal(form, {"prompt": "once more"})
        await world.idle()
        assert len(visit.results()) == 1
        await books_of(world).check()


async def test_the_buttons_of_a_kept_result_work_for_its_asker(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        thread = await underway(world, visit, results=2)
        world.env.backend.delete_channel(thread.id)
        refuse(world, world.channel.id, 403, NO_PERMISSION)
        refuse_direct(world, world.ana)
        world.runware.resume()
        await world.idle()
        world.env.backend.faults.clear()
        [kept] = (await world.ana.slash(world.channel, "quota")).followups
        first, second = visit.ids(kept)
        looked = await world.ana.click(kept, label="More")
        assert f"#{second} · made beside it" in str(visit.menus(looked.response))
        form = await world.ana.click(kept, label="Edit")
        await world.ana.submit_modal(form, {"prompt": "carry on", "picture": [second]})
        await world.ana.click(kept, label="Reroll")
        await world.idle()
        asked = await world.ana.click(kept, label="Delete")
        assert asked.response is not None
        await world.ana.select(asked.response, [first])
        await world.idle()
        jobs = await books_of(world).jobs()
        assert [job.request.parent_id for job in jobs] == [None, int(second), None]
        refused = await visit.ask(**{"from": first})
        assert "was taken down" in visit.words(refused.response)
        await books_of(world).check()


async def test_a_kept_message_that_could_not_be_shown_stays_kept(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        thread = await underway(world, visit)
        world.env.backend.delete_channel(thread.id)
        refuse(world, world.channel.id, 403, NO_PERMISSION)
        refuse_direct(world, world.ana)
        world.runware.resume()
        await world.idle()
        world.env.inject_error("POST", "/webhooks/*", status=500, times=1)
        assert (await world.ana.slash(world.channel, "quota")).followups == []
        assert len((await world.ana.slash(world.channel, "quota")).followups) == 1
        assert world.env.errors == []


# Trouble that passes, and trouble that does not ----------------------------------------------------------------------


async def test_a_dead_thread_delays_nobody(books_of: Any, visit_of: Any) -> None:
    async with open_world(announce_retry_seconds=0.5, **PLENTY) as world:
        visit = visit_of(world)
        dead = await underway(world, visit)
        refuse(world, dead.id, 500, 0)
        refuse(world, dead.id, 500, 0, method="PATCH")
        world.runware.resume()
        await visit.ask(world.bo, prompt="make it day")
        async with asyncio.timeout(20):
            while not visit.results() or not (await books_of(world).jobs())[0].notice_tries:
                await asyncio.sleep(0.01)
        [shown] = visit.results()
        assert shown.channel.id == visit.threads()[1].id
        first, second = await books_of(world).jobs()
        assert first.announced_at is None
        world.env.backend.faults.clear()
        await world.idle()
        first, second = await books_of(world).jobs()
        assert first.announced_at > second.announced_at
        assert [message.channel.id for message in visit.results()] == [second.place.thread_id, dead.id]
        await books_of(world).check()


async def test_errors_that_pass_are_outlasted_and_everything_is_told_once(books_of: Any, visit_of: Any) -> None:
    async with open_world(announce_retry_seconds=0.01, **PLENTY) as world:
        visit = visit_of(world)
        for method, path in (
            ("POST", "/channels/*/messages/*/threads"),
            ("POST", "/channels/*/messages"),
            ("PATCH", "/channels/*/messages/*"),
        ):
            world.env.inject_error(method, path, status=503, times=2)
        await visit.edit(results=12, steps=1, size="128x128")
        [thread] = visit.threads()
        assert [len(visit.ids(message)) for message in thread.history()] == [
            0,
            RESULTS_PER_MESSAGE,
            12 - RESULTS_PER_MESSAGE,
        ]
        assert "**Done**" in visit.words(thread.history()[0])
        assert (await books_of(world).jobs())[0].notice_tries == 0
        await books_of(world).check()


async def test_a_thread_that_was_made_before_its_answer_was_lost_is_found_again(books_of: Any, visit_of: Any) -> None:
    async with open_world(announce_retry_seconds=0.01, **PLENTY) as world:
        visit = visit_of(world)
        world.runware.pause()
        world.env.inject_error("POST", "/channels/*/messages/*/threads", status=500, times=None)
        answer = await visit.ask()
        world.env.backend.create_thread(
            world.channel.id, "make it night", world.env.backend.bot_user.id, message_id=answer.response.id
        )
        world.env.backend.faults.clear()
        world.env.inject_error("POST", "/channels/*/messages/*/threads", status=400, code=THREAD_EXISTS, times=None)
        world.runware.resume()
        await world.idle()
        [thread] = visit.threads()
        assert len(thread.history()) == 2
        assert len(visit.results()) == 1
        assert (await books_of(world).jobs())[0].place.thread_id == thread.id


async def test_a_post_that_went_through_though_it_seemed_lost_is_found_and_not_repeated(
    books_of: Any, visit_of: Any
) -> None:
    async with open_world(announce_retry_seconds=0.5, **PLENTY) as world:
        visit = visit_of(world)
        thread = await underway(world, visit)
        refuse(world, thread.id, 500, 0)
        world.runware.resume()
        async with asyncio.timeout(20):
            while not (await books_of(world).jobs())[0].notice_tries:
                await asyncio.sleep(0.01)
        [job] = await books_of(world).jobs()
        [announcement] = await world.program.outbox.plan(job)
        letter = await compose(world.program.services, job, announcement)
        world.env.backend.faults.clear()
        channel = world.bot.get_partial_messageable(thread.id, guild_id=world.guild.id)
        posted = await channel.send(view=letter.view, files=letter.files)
        await world.idle()
        assert [message.id for message in visit.results()] == [posted.id]
        result, _ = await world.program.edits.result(1)
        assert result.message_id == posted.id
        await books_of(world).check()


async def test_what_cannot_be_told_in_eight_tries_is_given_up_and_counted(books_of: Any, visit_of: Any) -> None:
    async with open_world(announce_retry_seconds=0.005, **PLENTY) as world:
        visit = visit_of(world)
        thread = await underway(world, visit)
        refuse(world, thread.id, 500, 0)
        world.runware.resume()
        await world.idle()
        [job] = await books_of(world).jobs()
        assert (job.status, job.announced_at, job.notice_tries) == (Status.SUCCEEDED, None, 8)
        assert job.undeliverable_at is not None
        await world.program._housekeeping.measure()
        assert b"darkroom_undeliverable 1.0" in world.program.metrics.render()
        tries = [sent.path for sent in world.env.http_requests if sent.method == "POST"]
        assert tries.count(f"/channels/{thread.id}/messages") == 1 + 8, "the status, and eight tries"
        await books_of(world).check()


async def test_a_star_that_cannot_be_shown_leaves_an_edit_announced_and_the_next_one_is(
    books_of: Any, visit_of: Any
) -> None:
    async with open_world(announce_retry_seconds=0.005, **PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit()
        refuse(world, shown.channel.id, 500, 0, method="GET")
        await star(world)
        [job] = await books_of(world).jobs()
        assert (job.announced_at is not None, job.undeliverable_at, job.notice_tries) == (True, None, 8)
        world.env.backend.faults.clear()
        await world.program.services.gallery.star(Asker(world.guild.id, world.cleo.id), 1)
        await world.idle()
        assert visit.labels(visit.last()) == ["Edit", "Reroll", "2", "More", "Delete"]


async def test_a_line_that_discord_lets_not_be_changed_for_the_moment_is_changed_later(
    visit_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "BEHIND_PAUSE", 20)
    async with open_world(announce_retry_seconds=0.005, **PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit()
        await world.bo.click(shown, label="Edit")
        await world.idle()
        assert "is writing an edit" in visit.words(visit.last())
        path = f"/channels/{shown.channel.id}/messages/{shown.id}"
        world.env.inject_error("PATCH", path, status=429, code=TOO_OFTEN, times=MAX_TRIES + 1)
        await world.program.database.run(_claims_end)
        world.program.services.claims._signals.claims.set()
        async with asyncio.timeout(20):
            while "is writing an edit" in visit.words(visit.last()) or await world.open_jobs():
                await asyncio.sleep(0.01)
        refused = [sent for sent in world.env.http_requests if sent.method == "PATCH" and sent.path == path]
        assert len(refused) > MAX_TRIES


async def test_a_status_that_cannot_be_changed_for_the_moment_keeps_no_star_from_being_shown(
    visit_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "BEHIND_PAUSE", 20)
    async with open_world(announce_retry_seconds=0.005, **PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit()
        await world.restart()  # it is not known any more what the status says
        status, _ = visit.threads()[0].history()
        path = f"/channels/{shown.channel.id}/messages/{status.id}"
        world.env.inject_error("PATCH", path, status=429, code=TOO_OFTEN, times=MAX_TRIES + 1)
        await star(world)
        assert visit.labels(visit.last()) == ["Edit", "Reroll", "1", "More", "Delete"]


async def _claims_end(tx: Any) -> None:
    await tx.execute("UPDATE claims SET begun_at = 1, until_at = 2")
