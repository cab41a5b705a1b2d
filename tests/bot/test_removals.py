"""Copies at Runware: asked for a few times, told to nobody, and ended by whatever it answers for good."""

from __future__ import annotations

import base64
import io
import logging
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from http import HTTPStatus

import aiohttp
import pytest
from PIL import Image

from bot.metrics import Metrics
from bot.removals import MAX_TRIES, Removals
from bot.runware.client import RunwareClient
from bot.runware.schema import ImageInference
from bot.signals import Signals
from playground.runware import LocalRunware
from storage import remote
from storage.database import Database, Tx
from storage.records import Success

START = 1_900_022_400_000
_BYTES = io.BytesIO()
Image.new("RGB", (64, 64), "red").save(_BYTES, "PNG")
PICTURE = f"data:image/png;base64,{base64.b64encode(_BYTES.getvalue()).decode()}"
IMAGE = "b0000001-1111-4222-8333-444444444444"


class Clerk:
    """A loop that is stepped, on a clock that the test moves."""

    def __init__(self, database: Database, session: aiohttp.ClientSession, runware: RunwareClient) -> None:
        self.database, self.session, self.metrics, self.now = database, session, Metrics(), START
        self.runware, self.image = runware, IMAGE
        self.removals = Removals(database, runware, Signals(), self.metrics, clock=lambda: self.now)

    async def make(self, runware: LocalRunware) -> str:
        """Have a picture made, and wanted gone; returns its address."""
        task = ImageInference.model_validate(
            {
                "taskType": "imageInference",
                "taskUUID": str(uuid.uuid4()),
                "model": "runware:108@22",
                "positivePrompt": "Make it rain",
                "inputs": {"referenceImages": [PICTURE]},
                "width": 512,
                "height": 512,
                "deliveryMethod": "async",
            }
        )
        await self.runware.submit(task)
        await runware.idle()
        [made] = (await self.runware.responses([task.task_uuid]))[task.task_uuid]
        assert isinstance(made, Success)
        self.image = made.image_uuid
        await self.want_gone()
        return made.url

    async def want_gone(self) -> None:
        await self.database.run(_want_gone, self.image)

    async def status(self, address: str) -> int:
        async with self.session.get(address) as answer:
            return answer.status

    async def step(self) -> None:
        for copy in await self.database.read(remote.due, self.now):
            await self.removals.ask(copy)

    async def left(self) -> int:
        return len(await self.database.read(remote.due, 2 * START))

    def counted(self, outcome: str) -> float | None:
        return self.metrics.registry.get_sample_value("darkroom_removals_total", {"outcome": outcome})


@asynccontextmanager
async def clerk_of(database: Database, url: str) -> AsyncGenerator[Clerk]:
    async with aiohttp.ClientSession() as session:
        yield Clerk(database, session, RunwareClient(session, url=url, api_key="key", retries=0, backoff=0))


async def _want_gone(tx: Tx, image_uuid: str) -> None:
    await tx.execute("INSERT INTO remote_deletions (image_uuid, due_at) VALUES (?1, ?2)", image_uuid, START)


async def test_a_copy_is_asked_for_in_the_words_of_the_api_and_counted_once_it_is_gone(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "bot")
    async with LocalRunware() as runware, clerk_of(database, runware.url) as clerk:
        address = await clerk.make(runware)
        await clerk.step()
        asked = runware.received[-1]
        assert {name: asked[name] for name in asked if name != "taskUUID"} == {
            "taskType": "mediaStorage",
            "operation": "delete",
            "media": clerk.image,
        }
        assert (await clerk.left(), clerk.counted("deleted"), clerk.counted("refused")) == (0, 1, None)
        assert await clerk.status(address) == HTTPStatus.NOT_FOUND
    assert clerk.image not in caplog.text


async def test_a_definite_refusal_ends_it(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "bot")
    async with LocalRunware(results_stored="no") as runware, clerk_of(database, runware.url) as clerk:
        address = await clerk.make(runware)
        await clerk.step()
        assert (await clerk.left(), clerk.counted("refused"), clerk.counted("deleted")) == (0, 1, None)
        assert await clerk.status(address) == HTTPStatus.OK
    assert "a copy at Runware was not deleted: mediaNotFound" in caplog.text
    assert clerk.image not in caplog.text


async def test_an_outage_is_waited_out_with_longer_and_longer_pauses_and_not_for_ever(database: Database) -> None:
    async with clerk_of(database, "http://127.0.0.1:9/v1") as clerk:
        await clerk.want_gone()
        pauses: list[int] = []
        for _ in range(MAX_TRIES):
            await clerk.step()
            following = await database.read(remote.next_due)
            if following is not None:
                pauses.append(following - clerk.now)
                clerk.now = following
        assert len(pauses) == MAX_TRIES - 1
        assert pauses == sorted(set(pauses))
        assert (await clerk.left(), clerk.counted("unanswered")) == (0, 1)
