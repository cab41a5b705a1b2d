"""How results come back as the operator decides: within deliveries and polls, with a life, and with a copy uploaded."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.errors import BadOption
from bot.runware.client import RunwareClient
from bot.web import MAX_BODY, delivery_url
from playground.world import GUILD_ID, World, open_world
from storage.records import Asker, EditRequest, Place, Reference, Status

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}


async def kept(world: World, job_id: int) -> list[bytes]:
    """Return the pictures of a job out of the store, after checking that each row tells what stands there."""
    found: list[bytes] = []
    for result in await world.program.edits.results(job_id):
        assert (result.url, result.lost) == ("", None)
        assert result.sha256 is not None
        data = await world.program.services.pictures.get(result.sha256)
        assert hashlib.sha256(data).hexdigest() == result.sha256
        media_type, *size = await world.program.services.pictures.describe(data)
        assert (result.media_type, [result.width, result.height]) == (media_type, size)
        found.append(data)
    return found


def strays(world: World) -> list[str]:
    """Return the hashes of all files in the picture store."""
    return sorted(path.name for path in (world.settings.data_dir / "pictures").glob("??/*"))


@pytest.mark.parametrize("output_type", ["base64Data", "dataURI"])
@pytest.mark.parametrize("delivery", ["once", "twice", "before_ack", "reordered", "lost"])
async def test_pictures_that_come_inline_are_shown_as_others_are(
    output_type: str, delivery: Any, books_of: Any, visit_of: Any
) -> None:
    async with open_world(output_type=output_type, **PLENTY) as world:
        world.runware.faults.delivery = delivery
        visit = visit_of(world)
        shown = await visit.edit(results=3, format="PNG")
        [job] = await books_of(world).jobs()
        assert job.status is Status.SUCCEEDED
        pictures = await kept(world, job.id)
        assert len(set(pictures)) == len(visit.ids(shown)) == 3
        assert all(picture.startswith(b"\x89PNG") for picture in pictures)
        assert world.runware.requests[0]["outputType"] == output_type
        assert world.runware.fetched == []
        again = await visit.edit(**{"from": visit.ids(shown)[1]})
        assert visit.results() == [shown, again]
        assert world.env.errors == []
        await books_of(world).check()


async def test_a_repeated_inline_delivery_changes_nothing_and_brings_no_deleted_picture_back(
    books_of: Any, visit_of: Any
) -> None:
    async with open_world(output_type="base64Data") as world:
        visit = visit_of(world)
        shown = await visit.edit()
        [job] = await books_of(world).jobs()
        bodies = [json.dumps(call.body).encode() for call in world.runware.deliveries]
        before = await world.program.edits.results(job.id)
        assert await send(world, job.task_uuid, bodies * 5) == [204] * 5
        await world.idle()
        assert await world.program.edits.results(job.id) == before
        assert len(books_of(world).posts()) == 1
        await visit.take_down(world.ana, shown)
        files = strays(world)
        assert before[0].sha256 not in files
        assert await send(world, job.task_uuid, bodies) == [204]
        assert strays(world) == files
        await books_of(world).check()


@pytest.mark.parametrize("damage", ["cut", "text"])
async def test_a_damaged_inline_delivery_is_a_hint_and_the_poll_has_the_picture(damage: Any, books_of: Any) -> None:
    async with open_world(output_type="base64Data", webhook_grace_seconds=1000, poll_max_seconds=1000) as world:
        world.runware.faults.inline, world.runware.faults.only_deliveries = damage, True
        await ask(world)
        await world.idle()
        [job] = await books_of(world).jobs()
        assert len(await kept(world, job.id)) == 1
        await books_of(world).check()


@pytest.mark.parametrize(("damage", "lost"), [("cut", "not_a_picture"), ("text", "not_a_picture"), ("absent", "gone")])
async def test_an_inline_picture_that_stays_damaged_is_lost_in_words_and_paid(
    damage: Any, lost: str, books_of: Any, visit_of: Any
) -> None:
    async with open_world(output_type="dataURI") as world:
        world.runware.faults.inline = damage
        visit = visit_of(world)
        await visit.ask()
        await world.idle()
        [job] = await books_of(world).jobs()
        [result] = await world.program.edits.results(job.id)
        assert (job.status, result.lost, result.sha256) == (Status.SUCCEEDED, lost, None)
        assert job.cost
        said = {"not_a_picture": "what came was not a picture", "gone": "it was gone"}[lost]
        assert said in visit.words(visit.last())
        await books_of(world).check()


async def test_a_flagged_inline_picture_is_recorded_and_kept_nowhere(books_of: Any) -> None:
    async with open_world(output_type="base64Data") as world:
        world.runware.faults.nsfw = True
        await ask(world)
        before = strays(world)
        await world.idle()
        [job] = await books_of(world).jobs()
        [result] = await world.program.edits.results(job.id)
        assert (result.nsfw, result.sha256, result.lost, job.cost is None) == (True, None, None, False)
        assert strays(world) == before
        await books_of(world).check()


async def test_a_delivery_with_a_picture_and_a_foreign_address_is_not_believed(books_of: Any) -> None:
    async with open_world(output_type="base64Data", webhook_grace_seconds=1000, poll_max_seconds=1000) as world:
        world.runware.faults.delivery = "lost"
        await ask(world)
        await submitted(world, books_of)
        await world.runware.idle()
        [job] = await books_of(world).jobs()
        picture = base64.b64encode(world.photos["coffee.png"]).decode()
        item = {"taskUUID": job.task_uuid, "imageUUID": "x", "imageBase64Data": picture, "cost": 0.01}
        await send(world, job.task_uuid, [json.dumps({**item, "imageURL": "https://evil.example/x.jpg"}).encode()])
        await world.idle()
        [result] = await world.program.edits.results(job.id)
        assert result.image_uuid != "x"
        assert len(await kept(world, job.id)) == 1


@pytest.mark.parametrize("delivery", ["once", "lost"])
@pytest.mark.parametrize("after", [False, True], ids=["before the commit", "after the commit"])
async def test_a_kill_between_the_picture_and_its_row_loses_and_doubles_nothing(
    delivery: Any, after: bool, books_of: Any
) -> None:
    async with open_world(output_type="base64Data") as world:
        world.runware.faults.delivery = delivery
        database, unit = world.program.database, "take_delivery" if delivery == "once" else "take_poll"
        run, struck = database.run, asyncio.Event()

        async def deadly(function: Any, /, *args: Any, **kwargs: Any) -> Any:
            if function.__name__ != unit or struck.is_set() or not any(getattr(one, "copy", 0) for one in said(args)):
                return await run(function, *args, **kwargs)
            if after:
                await run(function, *args, **kwargs)
            struck.set()
            return await asyncio.Event().wait()

        database.run = deadly  # type: ignore[method-assign]
        await ask(world)
        await asyncio.wait_for(struck.wait(), 20)
        assert len(strays(world)) == 2, "the reference, and the picture before its row"
        await world.stop(crash=True)
        await world.restart()
        await world.idle()
        [job] = await books_of(world).jobs()
        assert job.status is Status.SUCCEEDED
        assert len(await kept(world, job.id)) == 1
        assert len(strays(world)) == 2
        assert len(books_of(world).posts()) == 1
        await books_of(world).check()


@pytest.mark.parametrize(("output_type", "most"), [("URL", 3), ("dataURI", 1)])
async def test_polls_that_bring_pictures_may_be_long_and_ask_for_one_task_each(
    output_type: Any, most: int, books_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.app.MAX_REPLY_BYTES", 20_000)
    asked: list[int] = []
    responses = RunwareClient.responses

    async def counted(client: RunwareClient, task_uuids: Any) -> Any:
        asked.append(len(task_uuids))
        return await responses(client, task_uuids)

    monkeypatch.setattr(RunwareClient, "responses", counted)
    async with open_world(output_type=output_type, **PLENTY) as world:
        world.runware.faults.delivery = "lost"
        world.runware.pause()
        for number in range(3):
            await ask(world, format="PNG")
            await submitted(world, books_of, number)
        asked.clear()
        await world.restart()  # whose first question is about all that is open
        world.runware.resume()
        await world.idle()
        assert max(asked) == most
        assert [job.status for job in await books_of(world).jobs()] == [Status.SUCCEEDED] * 3
        await books_of(world).check()


@pytest.mark.parametrize(("output_type", "status"), [("URL", 413), ("base64Data", 204)])
async def test_a_delivery_may_be_as_large_as_a_picture_only_where_it_brings_one(
    output_type: Any, status: int, books_of: Any
) -> None:
    async with open_world(output_type=output_type) as world:
        await ask(world)
        await world.idle()
        [job] = await books_of(world).jobs()
        body = json.dumps({"data": [{"taskUUID": job.task_uuid, "note": "x" * MAX_BODY}]}).encode()
        assert await send(world, job.task_uuid, [body]) == [status]


async def test_the_life_of_addresses_goes_to_runware_and_nothing_else_does(visit_of: Any) -> None:
    async with open_world(result_ttl_seconds=120) as world:
        await visit_of(world).edit()
        [task] = world.runware.requests
        assert (task["outputType"], task["ttl"]) == ("URL", 120)
        assert "uploadEndpoint" not in task


# Uploads


@asynccontextmanager
async def bucket() -> AsyncGenerator[tuple[str, dict[str, bytes]]]:
    """A place where files are put; yields its address and what came, by path and query."""
    came: dict[str, bytes] = {}

    async def put(request: web.Request) -> web.Response:
        came[request.path_qs] = await request.read()
        return web.Response()

    app = web.Application(client_max_size=2**26)
    app.router.add_put("/{path:.*}", put)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", came
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("output_type", ["URL", "base64Data"])
async def test_a_copy_of_each_picture_is_uploaded_to_the_address_of_its_task(
    output_type: Any, books_of: Any, visit_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        bucket() as (address, came),
        open_world(upload_endpoint=f"{address}/put/{{taskUUID}}?sig=s%2Fecret", output_type=output_type) as world,
    ):
        await visit_of(world).edit()
        await visit_of(world).edit(format="WEBP")
        jobs = await books_of(world).jobs()
        assert sorted(came) == sorted(f"/put/{job.task_uuid}?sig=s%2Fecret" for job in jobs)
        for job in jobs:
            [result] = await world.program.edits.results(job.id)
            assert result.sha256 is not None
            stored = await world.program.services.pictures.get(result.sha256)
            assert came[f"/put/{job.task_uuid}?sig=s%2Fecret"] == stored
    assert "ecret" not in caplog.text


async def test_several_pictures_are_refused_in_words_while_all_would_go_to_one_address(
    books_of: Any, visit_of: Any
) -> None:
    async with bucket() as (address, came), open_world(upload_endpoint=f"{address}/{{taskUUID}}", **PLENTY) as world:
        visit = visit_of(world)
        answer = await visit.ask(results=2)
        assert answer.response.ephemeral
        assert (
            "`results` goes up to 1 here, because whoever runs the bot has every picture uploaded to one address, "
            "and 2 was given."
        ) in visit.words(answer.response)
        edits, asker = world.program.edits, Asker(GUILD_ID, world.ana.id)
        several = EditRequest("x", (Reference("a" * 64, 512, 512, "cat.png"),), 1024, 768, 7, results=2)
        place = Place(world.channel.id, 1)
        for ask_for in (edits.ask, edits.request, edits.forecast):
            with pytest.raises(BadOption) as refused:
                await ask_for(asker, place, several)
            assert refused.value.option == "results"
        assert await books_of(world).jobs() == []
        assert (world.runware.requests, came) == ([], {})


async def test_what_was_asked_for_before_uploads_were_set_is_refused_while_it_is_an_offer_and_made_once_it_is_held(
    books_of: Any, visit_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with bucket() as (address, came), open_world(**PLENTY) as world:
        visit = visit_of(world)
        cleo = Asker(GUILD_ID, world.cleo.id)
        await world.program.budgets.change(cleo, approve_above=0)
        await visit.ask(results=2)
        await visit.status(0, Status.WAITING)
        await world.program.budgets.change(cleo, confirm_above=0, approve_above=None)
        offered = await visit.ask(results=2)
        world.settings = world.settings.model_copy(update={"upload_endpoint": SecretStr(f"{address}/{{taskUUID}}")})
        await world.restart()
        answer = await world.ana.click(offered.response, label="Yes, edit it")
        assert "`results` goes up to 1 here" in visit.words(answer.response)
        [waiting] = await books_of(world).jobs()
        ana = Asker(GUILD_ID, world.ana.id)
        await world.program.edits.approve(waiting.id, manager=cleo, asker=ana)
        await world.idle()
        [made] = await books_of(world).jobs()
        assert (made.status, came) == (Status.SUCCEEDED, {})
        assert "makes several pictures, so none is uploaded" in caplog.text
        await books_of(world).check()


async def ask(world: World, **options: Any) -> None:
    await world.ana.slash(
        world.channel, "edit", prompt="make it night", image=("cat.png", world.photos["chelsea.png"]), **options
    )


def said(args: tuple[Any, ...]) -> Any:
    """Return the outcomes that a unit of work was handed."""
    return next((one for one in args if isinstance(one, (list, tuple))), ())


async def submitted(world: World, books_of: Any, number: int = 0) -> None:
    async with asyncio.timeout(10):
        while (await books_of(world).jobs())[number].status is not Status.SUBMITTED:
            await asyncio.sleep(0.01)


async def send(world: World, task_uuid: str, bodies: list[bytes]) -> list[int]:
    """Send deliveries side by side and return the statuses they were answered with."""
    url = delivery_url(world.settings.public_url or "", world.settings.webhook_key, task_uuid)
    async with aiohttp.ClientSession() as session:

        async def one(body: bytes) -> int:
            async with session.post(url, data=io.BytesIO(body)) as answer:
                return answer.status

        return list(await asyncio.gather(*(one(body) for body in bodies)))
