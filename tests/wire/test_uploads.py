"""Files as they go over the wire: within Discord's limits, in multipart bodies that its document allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from playground.discord import FILE_BYTES, REQUEST_BYTES, Document, File

MIB = 2**20


def uploads(world: Any) -> list[Any]:
    """Return every request to post a message with files."""
    return [call for call in world.discord.posts() if call.body.files]


def sizes(call: Any) -> list[int]:
    return [len(file.data) for file in call.body.files.values()]


def shown(world: Any, job: Any) -> list[bytes]:
    """Return the pictures that the job's thread shows."""
    messages = world.discord.messages(str(job.place.thread_id))
    ids = [attachment["id"] for message in messages for attachment in message["attachments"]]
    return [world.discord.memory.files[attachment_id].data for attachment_id in ids]


async def test_a_picture_over_the_limit_of_a_file_is_made_to_fit(wire: Any, noise: Callable[..., bytes]) -> None:
    async with wire() as world:
        picture = noise(2048, 2048)
        assert len(picture) > FILE_BYTES
        await world.deliver(await world.edit_until_carded(), picture)
        job = await world.finish()
        [call] = uploads(world)
        assert call.status == 200
        [size] = sizes(call)
        assert size <= FILE_BYTES
        [data] = shown(world, job)
        assert await world.program.services.pictures.describe(data) == ("image/jpeg", 2048, 2048)


async def test_pictures_over_the_limit_of_a_request_share_it(wire: Any, noise: Callable[..., bytes]) -> None:
    async with wire() as world:
        picture = noise(1800, 1800)
        assert len(picture) < FILE_BYTES < REQUEST_BYTES < 3 * len(picture)
        await world.deliver(await world.edit_until_carded(results=3), picture, noise(1800, 1800), noise(1800, 1800))
        job = await world.finish()
        [call] = uploads(world)
        assert call.status == 200
        assert call.body.size <= REQUEST_BYTES
        assert len(shown(world, job)) == 3


async def test_a_boosted_server_is_given_a_large_picture_as_it_is(wire: Any, noise: Callable[..., bytes]) -> None:
    async with wire(discord={"premium_tier": 2}) as world:
        picture = noise(2048, 2048)
        await world.deliver(await world.edit_until_carded(), picture)
        job = await world.finish()
        assert shown(world, job) == [picture]


async def test_a_file_that_turns_out_too_large_is_made_smaller_and_posted_once(
    wire: Any, noise: Callable[..., bytes]
) -> None:
    async with wire() as world:
        job = await world.edit_until_carded()
        world.discord.limits.file_bytes = 1 * MIB
        await world.deliver(job, noise(1024, 1024))
        job = await world.finish()
        assert [call.status for call in uploads(world)] == [413, 200]
        [data] = shown(world, job)
        assert len(data) <= 1 * MIB


async def test_many_pictures_and_a_prompt_too_long_to_show_are_no_more_files_than_discord_takes(wire: Any) -> None:
    async with wire() as world:
        await world.edit(prompt="x" * 5000, results=10)
        await world.idle()
        assert [call.status for call in uploads(world)] == [200, 200]
        assert [len(call.body.files) for call in uploads(world)] == [10, 2]


async def test_three_large_references_are_shown_with_the_request(wire: Any, noise: Callable[..., bytes]) -> None:
    async with wire() as world:
        world.runware.pause()
        pictures = {name: File(f"{name}.png", noise(2000, 2000)) for name in ("image", "image2", "image3")}
        used = await world.edit(**pictures)
        await world.settled(used)
        [call] = [call for call in world.discord.calls if call.method == "PATCH" and call.body.files]
        assert call.status == 200
        assert len(call.body.files) == 3
        assert call.body.size <= REQUEST_BYTES


async def test_every_body_is_valid_by_discord_s_document(
    wire: Any, document: Document, noise: Callable[..., bytes]
) -> None:
    async with wire(discord={"document": document}) as world:
        await world.edit(prompt="x" * 5000, results=2, image2=File("two.png", noise(96, 96)))
        await world.idle()
        await world.edit(image=File("cat.png", b"no picture"))
        await world.discord.slash("quota")
        await world.until(lambda: all(used.response for used in world.discord.memory.interactions.values()))
        world.runware.faults.fail = "providerError"
        await world.edit()
        await world.idle(jobs=2)
        assert sum(bool(call.body.files) for call in world.discord.calls) >= 3
        assert {call.status for call in world.discord.calls} <= {200, 204}
        assert world.discord.rest.invalid == []


@pytest.mark.parametrize("spoiled", [{"flags": "many"}, {"components": [{"type": 17}]}, {"nonce": "n" * 26}])
async def test_the_document_does_find_fault(spoiled: dict[str, Any], document: Document) -> None:
    fault = document.fault("POST", "/channels/1/messages", {"tts": False, **spoiled})
    assert fault is not None
    assert fault.startswith("POST /channels/{channel_id}/messages")
