"""Deliveries early, late, repeated, reordered, forged and lost, over real HTTP."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from bot.web import delivery_url
from playground.world import World, open_world
from storage.records import EntryKind, Status


async def ask(world: World, **options: Any) -> None:
    await world.ana.slash(
        world.channel, "edit", prompt="make it night", image=("cat.png", world.photos["chelsea.png"]), **options
    )


@pytest.mark.parametrize("delivery", ["once", "twice", "late", "before_ack", "reordered", "lost"])
async def test_an_edit_ends_once_however_its_deliveries_come(delivery: Any, books_of: Any) -> None:
    async with open_world() as world:
        world.runware.faults.delivery = delivery
        await ask(world, results=3)
        await world.idle()
        [job] = await books_of(world).jobs()
        assert job.status is Status.SUCCEEDED
        assert [len(names) for names in books_of(world).posts()] == [3]
        assert [line.kind for line in await books_of(world).entries(job.id)].count(EntryKind.SETTLE) == 1
        await books_of(world).check()


@pytest.mark.parametrize("submit", ["reset_after", "503", "503_after", "429"])
async def test_an_ambiguous_or_refused_submit_makes_one_task_and_one_result(submit: Any, books_of: Any) -> None:
    async with open_world() as world:
        world.runware.faults.submit, world.runware.faults.submit_times = submit, 1
        await ask(world)
        await world.idle()
        [job] = await books_of(world).jobs()
        assert job.status is Status.SUCCEEDED
        assert {request["taskUUID"] for request in world.runware.requests} == {job.task_uuid}
        assert len(books_of(world).posts()) == 1
        await books_of(world).check()


@pytest.mark.parametrize("when", ["before the submit's answer", "after the submit's answer"])
async def test_one_delivery_sent_ten_times_settles_once_and_is_announced_once(when: str, books_of: Any) -> None:
    async with open_world() as world:
        world.runware.faults.delivery = "before_ack" if when.startswith("before") else "once"
        await ask(world, results=2)
        await world.idle()
        [job] = await books_of(world).jobs()
        said = await deliveries_of(world, job.task_uuid)
        answers = await send(world, job.task_uuid, [*said * 5, *reversed(said * 5)])
        assert set(answers) == {204}
        await world.idle()
        assert len(books_of(world).posts()) == 1
        assert [line.kind for line in await books_of(world).entries(job.id)].count(EntryKind.SETTLE) == 1
        await books_of(world).check()


async def test_ten_deliveries_at_once_before_the_job_is_over_settle_once(books_of: Any) -> None:
    async with open_world() as world:
        world.runware.faults.delivery = "lost"
        world.runware.pause()
        await ask(world, results=2)
        await submitted(world, books_of)
        [job] = await books_of(world).jobs()
        item = {"taskType": "imageInference", "taskUUID": job.task_uuid, "seed": 5, "cost": 0.0101}
        host = world.runware.host
        said = [
            json.dumps({"data": [{**item, "imageUUID": image, "imageURL": f"http://{host}/image/none/{image}.jpg"}]})
            for image in ("00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002")
        ]
        await send(world, job.task_uuid, [body.encode() for body in said * 5])
        [job] = await books_of(world).jobs()
        assert (job.status, job.cost) == (Status.SUCCEEDED, 20_200)
        await books_of(world).check()


async def test_a_delivery_that_names_a_foreign_host_records_nothing_and_runware_is_asked(books_of: Any) -> None:
    async with open_world(webhook_grace_seconds=1000, poll_max_seconds=1000) as world:
        world.runware.faults.delivery = "lost"
        await ask(world)
        await submitted(world, books_of)
        [job] = await books_of(world).jobs()
        item = {"taskType": "imageInference", "taskUUID": job.task_uuid, "imageUUID": "x", "cost": 0.01}
        await world.runware.idle()
        await send(world, job.task_uuid, [json.dumps({**item, "imageURL": "https://evil.example/x.jpg"}).encode()])
        await world.idle()
        results = await world.program.edits.results(job.id)
        assert [result.url.split("/")[2] for result in results] == [world.runware.host]


async def test_a_delivery_whose_cost_is_above_the_hold_records_nothing_and_runware_is_asked(books_of: Any) -> None:
    async with open_world(webhook_grace_seconds=1000, poll_max_seconds=1000) as world:
        world.runware.faults.delivery = "lost"
        await ask(world)
        await submitted(world, books_of)
        [job] = await books_of(world).jobs()
        address = f"http://{world.runware.host}/image/none/x.jpg"
        item = {"taskType": "imageInference", "taskUUID": job.task_uuid, "imageUUID": "x", "imageURL": address}
        await world.runware.idle()
        await send(world, job.task_uuid, [json.dumps({**item, "cost": 9.99}).encode()])
        await world.idle()
        [job] = await books_of(world).jobs()
        assert job.cost is not None
        assert job.cost < job.hold


async def test_a_forged_delivery_is_not_found_and_changes_nothing(books_of: Any) -> None:
    async with open_world() as world:
        world.runware.pause()
        await ask(world)
        await submitted(world, books_of)
        [job] = await books_of(world).jobs()
        forged = delivery_url(world.settings.public_url or "", b"another key", job.task_uuid)
        async with aiohttp.ClientSession() as session, session.post(forged, data=b"{}") as answer:
            assert answer.status == 404
        world.runware.resume()
        await world.idle()
        await books_of(world).check()


async def test_an_unreadable_delivery_has_runware_asked_at_once(books_of: Any) -> None:
    async with open_world(webhook_grace_seconds=1000) as world:
        world.runware.faults.delivery = "lost"
        await ask(world)
        await submitted(world, books_of)
        [job] = await books_of(world).jobs()
        await world.runware.idle()
        assert await send(world, job.task_uuid, [b"not json"]) == [204]
        await world.idle()
        await books_of(world).check()


async def test_without_a_public_address_every_edit_ends_by_polling_alone(books_of: Any) -> None:
    async with open_world(public_url=None) as world:
        await ask(world, results=2)
        await world.idle()
        assert "webhookURL" not in world.runware.requests[0]
        assert len(books_of(world).posts()) == 1
        await books_of(world).check()


async def test_a_late_success_is_announced_and_paid_by_the_server_not_by_the_member(books_of: Any) -> None:
    async with open_world(expire_minutes=0.005, poll_max_seconds=0.1) as world:
        world.runware.faults.delivery = "lost"
        world.runware.pause()
        await ask(world)
        await world.idle()
        [job] = await books_of(world).jobs()
        assert job.status is Status.EXPIRED
        world.runware.resume()
        async with asyncio.timeout(10):
            while (await books_of(world).jobs())[0].status is not Status.SUCCEEDED:
                await asyncio.sleep(0.05)
        await world.idle()
        assert len(books_of(world).posts()) == 1
        kinds = [line.kind for line in await books_of(world).entries(job.id)]
        assert kinds == [EntryKind.HOLD, EntryKind.RELEASE, EntryKind.ADJUST]
        await books_of(world).check()


async def test_a_cost_that_comes_later_is_settled_and_shown(books_of: Any) -> None:
    async with open_world(poll_max_seconds=0.1) as world:
        world.runware.faults.cost = "absent"
        await ask(world)
        await world.idle()
        [job] = await books_of(world).jobs()
        assert job.cost_pending
        assert "pending" in texts(world)
        world.runware.faults.cost = "normal"
        async with asyncio.timeout(10):
            while (await books_of(world).jobs())[0].cost_pending:
                await asyncio.sleep(0.05)
        await world.idle()
        assert "pending" not in texts(world)
        await books_of(world).check()


async def test_a_cost_that_never_comes_is_booked_as_the_estimate_and_says_so(books_of: Any) -> None:
    async with open_world(poll_max_seconds=0.1, cost_pending_hours=0.0001) as world:
        world.runware.faults.cost = "zero"
        await ask(world)
        await world.idle()
        async with asyncio.timeout(10):
            while (await books_of(world).jobs())[0].cost_pending:
                await asyncio.sleep(0.05)
        await world.idle()
        [job] = await books_of(world).jobs()
        assert job.estimated
        assert "estimate" in texts(world)
        await books_of(world).check()


async def test_an_overshoot_is_booked_whole(books_of: Any) -> None:
    async with open_world() as world:
        world.runware.faults.cost = "above_hold"
        await ask(world)
        await world.idle()
        [job] = await books_of(world).jobs()
        assert job.cost is not None
        assert job.cost > job.hold
        await books_of(world).check()


async def submitted(world: World, books_of: Any) -> None:
    async with asyncio.timeout(10):
        while (await books_of(world).jobs())[0].status is not Status.SUBMITTED:
            await asyncio.sleep(0.01)


async def deliveries_of(world: World, task_uuid: str) -> list[bytes]:
    """Return, as deliveries, what Runware says of a task's items."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            world.settings.runware_url,
            json=[{"taskType": "getResponse", "taskUUID": task_uuid}],
            headers={"Authorization": "Bearer playground"},
        ) as answer,
    ):
        return [json.dumps({"data": [item]}).encode() for item in (await answer.json())["data"]]


async def send(world: World, task_uuid: str, bodies: list[bytes]) -> list[int]:
    """Send deliveries side by side and return the statuses they were answered with."""
    url = delivery_url(world.settings.public_url or "", world.settings.webhook_key, task_uuid)
    async with aiohttp.ClientSession() as session:

        async def one(body: bytes) -> int:
            async with session.post(url, data=body) as answer:
                return answer.status

        return list(await asyncio.gather(*(one(body) for body in bodies)))


def texts(world: World) -> str:
    """Return all that the bot's cards say, in every thread."""
    found: list[str] = []

    def collect(part: Any) -> None:
        if isinstance(part, dict):
            if isinstance(part.get("content"), str):
                found.append(part["content"])
            for value in part.values():
                collect(value)
        elif isinstance(part, list):
            for value in part:
                collect(value)

    for channel in [world.channel, *world.channel.threads]:
        for message in channel.history():
            collect([component.to_dict() for component in message.components])
    return "\n".join(found)
