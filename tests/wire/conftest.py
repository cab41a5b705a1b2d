"""A world on the wire: the program as ``bot.app`` wires it, the local Runware, and the local Discord over real HTTP."""

from __future__ import annotations

import asyncio
import io
import os
import socket
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image

from bot.app import Program, open_program
from bot.settings import Settings
from bot.web import delivery_url
from playground.discord import Document, File, Interaction, LocalDiscord, pointed_at
from playground.discord.shapes import GUILD_ID
from playground.runware import LocalRunware
from storage import announcements, jobs
from storage.database import Tx
from storage.records import Job, Status

DOCUMENT = Path(__file__).resolve().parents[2].parent / "shared" / "reference" / "discord-openapi.json"


class Wire:
    """The program online, and the two services it talks to."""

    def __init__(self, program: Program, discord: LocalDiscord, runware: LocalRunware) -> None:
        self.program = program
        self.discord = discord
        self.runware = runware

    async def edit(self, *, prompt: str = "make it night", **options: Any) -> Interaction:
        """Have Ana ask for an edit in the channel."""
        return await self.discord.slash(
            "edit", **{"prompt": prompt, "image": File("cat.png", make_noise(96, 96)), **options}
        )

    async def edit_until_carded(self, **options: Any) -> Job:
        """Have Ana ask for an edit and stop Runware's clock; return the job once its card says that it is at work."""
        self.runware.pause()
        await self.edit(**options)
        await until(self._submitted)
        return (await self.jobs())[-1]

    async def _submitted(self) -> bool:
        jobs = await self.jobs()
        return bool(jobs) and jobs[-1].status is Status.SUBMITTED and await self._shown()

    async def _shown(self) -> bool:
        return not await self.program.database.read(announcements.unshown_ids)

    async def finish(self) -> Job:
        """Let Runware go on, and return the job once it was announced."""
        self.runware.resume()
        await self.idle()
        return (await self.jobs())[-1]

    async def deliver(self, job: Job, *pictures: bytes) -> None:
        """Have these pictures delivered as the job's results."""
        item = {"taskType": "imageInference", "taskUUID": job.task_uuid, "cost": 0.001, "seed": 5}
        files = [self.discord.memory.keep("runware", File("result.png", picture), {}) for picture in pictures]
        data = [{**item, "imageUUID": str(uuid.uuid4()), "imageURL": file["url"]} for file in files]
        url, body = self.delivery_url(job), {"data": data}
        async with aiohttp.ClientSession() as session, session.post(url, json=body) as answer:
            assert answer.status == 204

    async def jobs(self) -> list[Job]:
        return await self.program.database.read(_jobs)

    @staticmethod
    async def until(holds: Callable[[], Any]) -> None:
        """Wait until a condition holds."""
        await until(holds)

    async def settled(self, used: Interaction) -> None:
        """Wait until the reply to a command was edited after its acknowledgement."""
        await self.until(lambda: any(reply["edited_timestamp"] for reply in self.discord.messages(used.channel_id)))

    async def idle(self, *, jobs: int = 1) -> None:
        """Wait until so many edits were asked for, none is open, all were announced, and Discord shows it."""
        await until(lambda: self._at_rest(jobs))

    async def _at_rest(self, number: int) -> bool:
        if len(await self.jobs()) < number:  # first: a job that came between would be counted without being looked at
            return False
        read = self.program.database.read
        for units in (jobs.open_ids, announcements.pending_ids, announcements.unshown_ids):
            if await read(units):
                return False
        return True

    def delivery_url(self, job: Job) -> str:
        settings = self.program.settings
        return delivery_url(f"http://127.0.0.1:{settings.listen_port}", settings.webhook_key, job.task_uuid)


async def _jobs(tx: Tx) -> list[Job]:
    return [jobs.from_row(row) for row in await tx.fetch_all(f"SELECT {jobs.COLUMNS} ORDER BY jobs.id")]


async def until(holds: Callable[[], Any], timeout: float = 20) -> None:
    """Wait until a condition, which may be awaitable, holds."""
    async with asyncio.timeout(timeout):
        while True:
            held = holds()
            if await held if asyncio.iscoroutine(held) else held:
                return
            await asyncio.sleep(0.005)


def make_noise(width: int, height: int) -> bytes:
    """Return a PNG of three bytes a pixel, which no encoder makes small."""
    buffer = io.BytesIO()
    Image.frombytes("RGB", (width, height), os.urandom(width * height * 3)).save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_settings(data: Path, discord: LocalDiscord, runware: LocalRunware, **overrides: Any) -> Settings:
    values: dict[str, Any] = {
        "discord_token": discord.rest.token,
        "runware_api_key": "wire",
        "allowed_guilds": frozenset({int(GUILD_ID)}),
        "database_url": f"sqlite:///{data / 'bot.db'}",
        "data_dir": data,
        "min_free_gib": 0,
        "ops_port": 0,
        "listen_port": free_port(),
        "runware_url": runware.url,
        "result_hosts": frozenset({runware.host, discord.host}),
        "member_daily_usd": 100,
        "server_daily_usd": 100,
        "bot_daily_usd": 100,
        "poll_first_seconds": 0.05,
        "poll_max_seconds": 0.2,
        "webhook_grace_seconds": 0.05,
        "error_settle_seconds": 0.1,
        "card_interval_seconds": 0.1,
        "announce_retry_seconds": 0.05,
    }
    return Settings(**{**values, **overrides})


@asynccontextmanager
async def open_wire(
    data: Path, *, discord: dict[str, Any] | None = None, online: bool = True, **settings: Any
) -> AsyncGenerator[Wire]:
    async with AsyncExitStack() as stack:
        local = await stack.enter_async_context(LocalDiscord(**(discord or {})))
        runware = await stack.enter_async_context(LocalRunware(work_seconds=(0, 0.01), key="wire"))
        stack.enter_context(pointed_at(local.host))
        program = await stack.enter_async_context(open_program(make_settings(data, local, runware, **settings)))
        wire = Wire(program, local, runware)
        if online:
            await stack.enter_async_context(_online(wire))
        yield wire
        assert local.rest.invalid == []


@asynccontextmanager
async def _online(wire: Wire) -> AsyncGenerator[None]:
    async with wire.program.bot as bot:
        bot._connection.guild_ready_timeout = 0.1  # the server comes at once; discord.py waits 2 s for another one
        connection = asyncio.create_task(bot.start(wire.discord.rest.token))
        try:
            await until(bot.is_ready)
            yield
        finally:
            await bot.close()
            await asyncio.gather(connection, return_exceptions=True)


@pytest.fixture
def wire(tmp_path: Path) -> Callable[..., AbstractAsyncContextManager[Wire]]:
    """Open a world on the wire: ``discord`` are options of LocalDiscord, ``online`` connects a bot, the rest are settings."""

    def opened(**options: Any) -> AbstractAsyncContextManager[Wire]:
        return open_wire(tmp_path, **options)

    return opened


@pytest.fixture
def settings_for(tmp_path: Path) -> Callable[..., Settings]:
    """Make settings that point at these services."""

    def made(discord: LocalDiscord, runware: LocalRunware, **overrides: Any) -> Settings:
        return make_settings(tmp_path, discord, runware, **overrides)

    return made


@pytest.fixture
def noise() -> Callable[[int, int], bytes]:
    return make_noise


@pytest.fixture(scope="session")
def document() -> Document:
    """Discord's OpenAPI document, which is not part of the project."""
    if not DOCUMENT.exists():
        pytest.skip("Discord's OpenAPI document is not here")
    return Document(DOCUMENT)
