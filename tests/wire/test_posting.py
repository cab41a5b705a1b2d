"""A post over a wire that breaks, waits and refuses is made once."""

from __future__ import annotations

from typing import Any

import pytest

from playground.discord import Fault

RESET = Fault()
RESET_AFTER = Fault(handled=True)
POST = r"/channels/\d+/messages"


def pictures(world: Any, job: Any) -> list[dict[str, Any]]:
    """Return the messages with pictures in the job's thread."""
    return [message for message in world.discord.messages(str(job.place.thread_id)) if message["attachments"]]


def attempts(world: Any) -> list[str]:
    """Return the nonces of all attempts to post pictures, in order."""
    return [call.body.object["nonce"] for call in world.discord.posts() if call.body.files]


async def test_a_post_that_went_through_unheard_is_dropped_by_its_nonce(wire: Any) -> None:
    async with wire() as world:
        job = await world.edit_until_carded()
        world.discord.faults.plan("POST", POST, RESET_AFTER)
        world.discord.faults.plan("GET", POST, *[Fault(403, 50001)] * 3)  # so it cannot look for it
        job = await world.finish()
        assert len(pictures(world, job)) == 1
        first, second = attempts(world)
        assert first == second


async def test_a_post_that_went_through_unheard_is_found_when_its_nonce_was_forgotten(wire: Any) -> None:
    async with wire(discord={"nonce_seconds": 0}) as world:
        await world.edit_until_carded()
        world.discord.faults.plan("POST", POST, RESET_AFTER)
        job = await world.finish()
        assert len(pictures(world, job)) == 1
        assert len(attempts(world)) == 1


async def test_a_connection_that_broke_before_the_post_has_it_repeated_with_the_same_nonce(wire: Any) -> None:
    async with wire() as world:
        await world.edit_until_carded()
        world.discord.faults.plan("POST", POST, RESET, RESET)
        job = await world.finish()
        assert len(pictures(world, job)) == 1
        assert len(attempts(world)) == 3
        assert len(set(attempts(world))) == 1


async def test_a_card_that_was_posted_unheard_stays_the_only_one(wire: Any) -> None:
    async with wire(discord={"nonce_seconds": 0}) as world:
        world.discord.faults.plan("POST", POST, RESET_AFTER)
        job = await world.edit_until_carded()
        [card] = world.discord.messages(str(job.place.thread_id))
        assert str(job.status_message_id) == card["id"]
        await world.finish()


async def test_a_thread_that_was_made_unheard_is_the_job_s(wire: Any) -> None:
    async with wire() as world:
        world.discord.faults.plan("POST", r".*/threads", RESET_AFTER)
        await world.edit()
        await world.idle()
        [job] = await world.jobs()
        assert job.place.thread_id == job.place.reply_id
        assert len(pictures(world, job)) == 1


async def test_an_edit_of_the_card_that_was_lost_is_made_again(wire: Any) -> None:
    async with wire() as world:
        job = await world.edit_until_carded()
        world.discord.faults.plan("PATCH", rf"/channels/{job.place.thread_id}/messages/\d+", RESET)
        await world.finish()
        card = world.discord.messages(str(job.place.thread_id))[0]
        assert "Done" in str(card["components"])


async def test_a_rate_limit_is_waited_out(wire: Any, caplog: pytest.LogCaptureFixture) -> None:
    async with wire() as world:
        await world.edit_until_carded()
        world.discord.faults.plan("POST", POST, Fault(429, retry_after=0.1))
        job = await world.finish()
        statuses = [call.status for call in world.discord.posts() if call.body.files]
        assert statuses == [429, 200]
        assert len(pictures(world, job)) == 1
        assert "is taken up again in" not in caplog.text


async def test_an_error_of_discord_s_that_hides_a_post_is_retried_with_the_same_nonce(
    wire: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with wire() as world:
        await world.edit_until_carded()
        world.discord.faults.plan("POST", POST, Fault(500, handled=True))
        job = await world.finish()
        assert len(attempts(world)) == 2
        assert len(pictures(world, job)) == 1
        assert "is taken up again in" not in caplog.text


@pytest.mark.parametrize(
    "fault", [Fault(429, via=False), Fault(503), Fault(503, handled=True), Fault(400, 50035)], ids=str
)
async def test_what_discord_py_does_not_retry_the_outbox_does_once(
    fault: Fault, wire: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with wire() as world:
        await world.edit_until_carded()
        world.discord.faults.plan("POST", POST, fault)
        job = await world.finish()
        assert caplog.text.count("is taken up again in") == 1
        assert len(pictures(world, job)) == 1
        assert job.announced_at is not None


async def test_a_reply_that_cannot_show_its_pictures_does_not_stop_the_edit(wire: Any) -> None:
    async with wire() as world:
        world.discord.faults.plan("PATCH", r"/webhooks/.*", RESET)
        await world.edit()
        await world.idle()
        [job] = await world.jobs()
        assert len(pictures(world, job)) == 1


async def test_an_acknowledgement_that_went_through_unheard_ends_in_words(wire: Any) -> None:
    async with wire() as world:
        world.discord.faults.plan("POST", r"/interactions/.*", RESET_AFTER)
        used = await world.edit()
        await world.settled(used)
        [reply] = world.discord.messages(used.channel_id)
        assert "Something broke on my side" in str(reply["components"])
        assert await world.jobs() == []
