"""One world for trying and testing: the program as ``bot.app`` wires it, SimCord's Discord, and the local Runware.

The playground, its ``--once`` story and the tests all stand on :func:`open_world`. Nothing is faked between them:
commands reach the real cogs, tasks and deliveries go over real HTTP on loopback, rows into a real database.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
import tempfile
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import discord
import simcord
from discord.app_commands import AppCommandError
from simcord import ChannelHandle, GuildHandle, MemberActor

from bot.app import Program, open_program
from bot.client import EditBot
from bot.errors import EditError
from bot.links import Links
from bot.settings import Settings
from playground.runware import LocalRunware
from storage import announcements, jobs, sweeps

#: The playground's server.
GUILD_ID: Final = 1_000_000_000_000_000_001
_PHOTOS: Final = Path(__file__).parent / "photos"
#: Waits made short, so that a test need not wait; every one can be overridden.
_QUICK: Final[dict[str, Any]] = {
    "poll_first_seconds": 0.1,
    "poll_max_seconds": 0.5,
    "webhook_grace_seconds": 1.0,
    "error_settle_seconds": 0.2,
    "card_interval_seconds": 0.2,
    "announce_retry_seconds": 0.05,
}


class World:
    """A small server with three members, a bot at work, and the Runware it talks to."""

    def __init__(self, settings: Settings, runware: LocalRunware | None, links: Links | None = None) -> None:
        self.settings = settings
        self._links = links
        self._runware = runware
        self.photos = {path.name: path.read_bytes() for path in sorted(_PHOTOS.iterdir()) if path.suffix != ".md"}
        self._running: _Running | None = None
        self.env: simcord.Env
        self.guild: GuildHandle
        self.channel: ChannelHandle
        self.thread: ChannelHandle
        self.ana: MemberActor
        self.bo: MemberActor
        self.cleo: MemberActor

    @property
    def live(self) -> bool:
        """Whether it talks to the real Runware."""
        return self._runware is None

    @property
    def runware(self) -> LocalRunware:
        """The local Runware. A live world has none: RuntimeError."""
        if self._runware is None:
            raise RuntimeError("this world is live: it has no local Runware")
        return self._runware

    @property
    def program(self) -> Program:
        """The program that runs now."""
        if self._running is None:
            raise RuntimeError("the program is stopped")
        return self._running.program

    @property
    def bot(self) -> EditBot:
        """The bot that runs now; another one after :meth:`restart`."""
        return self.program.bot

    async def start(self) -> None:
        """Start the program on the world's data."""
        self._running = await _Running.start(self.settings, self._links)

    async def stop(self, *, crash: bool = False) -> None:
        """End the program; with ``crash`` without its shutdown steps: what is not committed is lost."""
        if self._running is not None:
            running, self._running = self._running, None
            await running.end(crash=crash)

    async def restart(self, *, crash: bool = False) -> None:
        """End the program and start it again on the same data and the same Discord."""
        await self.stop(crash=crash)
        await self.start()
        await self.env.restart_bot(self.bot)
        self.answer_refusals()

    def answer_refusals(self) -> None:
        """Have a refused command count as answered: SimCord takes all that reaches ``on_error`` for a crash of the bot."""
        tree = self.bot.tree
        answered, crashed = type(tree).on_error, tree.on_error

        async def on_error(interaction: discord.Interaction[EditBot], error: AppCommandError) -> None:
            refused = isinstance(getattr(error, "original", error), EditError)
            await (answered(tree, interaction, error) if refused else crashed(interaction, error))

        tree.on_error = on_error

    async def keep_time(self) -> None:
        """Set SimCord's clock to the time of day; left alone, it stands still."""
        behind = (datetime.now(UTC) - self.env.now()).total_seconds()
        await self.env.advance_time(max(0.0, behind))

    async def settle_in(self) -> None:
        """Furnish Discord: the server, its channel and thread, the members and the photographs.

        Who was there from the beginning has the same id in every world, so that kept data still know them.
        """
        env = self.env
        env.backend.bot_user.name = "Darkroom"
        self.guild = env.create_guild("The Darkroom", id=GUILD_ID)
        self.channel = self.guild.create_text_channel("darkroom", topic="Make pictures together: try /edit")
        manager = self.guild.create_role(
            "Managers", permissions=discord.Permissions(manage_guild=True, manage_messages=True)
        )
        self.ana = self.guild.add_member(env.create_user("ana", global_name="Ana"))
        self.bo = self.guild.add_member(env.create_user("bo", global_name="Bo"))
        self.cleo = self.guild.add_member(env.create_user("cleo", global_name="Cleo"), roles=[manager])
        self._portray(self.ana, "astronaut.png")
        self._portray(self.bo, "rocket.jpg")
        self._portray(self.cleo, "coffee.png")
        await self.keep_time()
        starter = await self.cleo.send(self.channel, "A place to try things: four photographs to start from.")
        # SimCord's members have no way of their own to start one.
        env.backend.create_thread(self.channel.id, "Photographs to edit", self.cleo.id, message_id=starter.id)
        await env.settle()
        self.thread = self.channel.threads[0]
        await self.cleo.send(self.thread, "Free to use:", attachments=list(self.photos.items()))

    def _portray(self, member: MemberActor, photo: str) -> None:
        """Have a member show a photograph as their avatar; SimCord keeps the files of messages only."""
        user = self.env.backend.get_user(member.id)
        user.avatar = hashlib.md5(photo.encode(), usedforsecurity=False).hexdigest()
        address = f"https://cdn.discordapp.com/avatars/{member.id}/{user.avatar}.png?size=1024"
        self.env.backend.cdn._blobs[address] = self.photos[photo]  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001

    async def open_jobs(self) -> list[int]:
        """Return the ids of jobs that are open, not announced, or not shown as they are."""
        database = self.program.database
        found = [
            *await database.read(jobs.open_ids),
            *await database.read(announcements.pending_ids),
            *await database.read(announcements.unshown_ids),
        ]
        return sorted(set(found))

    async def _sweeps_behind(self) -> bool:
        """Tell whether the card of a sweep does not show it as it is."""
        return bool(await self.program.database.read(sweeps.unshown_ids))

    async def idle(self, timeout: float = 30) -> None:
        """Wait until no job is open, everything over was announced, and Discord shows it and every sweep.

        Raises:
            TimeoutError: names the jobs that are still open.
        """
        try:
            async with asyncio.timeout(timeout):
                while await self.open_jobs() or await self._sweeps_behind():  # noqa: ASYNC110 (four tables tell)
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise TimeoutError(f"still open after {timeout} s: jobs {await self.open_jobs()}") from None
        await self.env.settle()


class _Running:
    """The program in a task of its own, which both enters and leaves it: a task group wants the same task for both."""

    def __init__(self, program: Program, task: asyncio.Task[None], stop: asyncio.Event) -> None:
        self.program = program
        self._task = task
        self._stop = stop

    @classmethod
    async def start(cls, settings: Settings, links: Links | None) -> _Running:
        ready: asyncio.Future[Program] = asyncio.get_running_loop().create_future()
        stop = asyncio.Event()

        async def own() -> None:
            try:
                # The timer that ends idle connections, born in a command's callback, counts as the bot's unfinished
                # work in SimCord, which then waits for it: so it ends none.
                async with open_program(settings, keepalive=600, links=links) as program:
                    ready.set_result(program)
                    await stop.wait()
            except BaseException as error:
                if not ready.done():
                    ready.set_exception(error)
                    return
                raise

        task = asyncio.create_task(own(), name="program")
        return cls(await ready, task, stop)

    async def end(self, *, crash: bool) -> None:
        if crash:
            self.program.stop()
            await self.program.database.abort()
        self._stop.set()
        await self._task


@asynccontextmanager
async def open_world(
    *,
    data: Path | None = None,
    database_url: str | None = None,
    live_key: str | None = None,
    patient: bool = False,
    links: Links | None = None,
    **settings: Any,  # noqa: ANN401 (each field has its own type)
) -> AsyncGenerator[World]:
    """Open a world and close it at the end.

    Args:
        data: the folder for the database and the pictures; a temporary one when left out.
        database_url: another database than the SQLite file in ``data``.
        live_key: a key of the real Runware's, to use that instead of a local one; it cannot call back.
        patient: wait as long as a bot in service does, instead of as short as a test likes.
        links: the door for what people link to; one that knows hosts on this machine, where there are any.
        settings: fields of :class:`bot.settings.Settings` to override, and ``work_seconds``, the bounds between
            which the local Runware takes its time.
    """
    work_seconds = settings.pop("work_seconds", (0.02, 0.06))
    async with AsyncExitStack() as stack:
        if data is None:
            data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="darkroom-")))
        data.mkdir(parents=True, exist_ok=True)
        runware = None
        if live_key is None:
            runware = await stack.enter_async_context(LocalRunware(work_seconds=work_seconds))
        overrides = {**({} if patient else _QUICK), **_surroundings(runware, live_key), **settings}
        world = World(_settings(data, database_url, overrides), runware, links)
        await world.start()
        stack.push_async_callback(world.stop)
        # SimCord's Discord is new each time, so what the program remembers of Discord's commands is not true of it.
        await world.program.services.memory.set("commands", "")
        world.env = await stack.enter_async_context(simcord.run(world.bot))
        world.answer_refusals()
        await world.settle_in()
        yield world


def _settings(data: Path, database_url: str | None, overrides: dict[str, Any]) -> Settings:
    values: dict[str, Any] = {
        "discord_token": "not-needed-here",
        "allowed_guilds": frozenset({GUILD_ID}),
        "database_url": database_url or f"sqlite:///{data / 'bot.db'}",
        "data_dir": data,
        "min_free_gib": 0,
        "ops_port": 0,
        **overrides,
    }
    return Settings(**values)


def _surroundings(runware: LocalRunware | None, live_key: str | None) -> dict[str, Any]:
    """Return the settings that say where Runware is, and whether it can call back."""
    if runware is None:
        return {"runware_api_key": live_key, "listen_port": 0}
    port = _free_port()
    return {
        "runware_api_key": "not-needed-here",
        "public_url": f"http://127.0.0.1:{port}",
        "listen_port": port,
        "runware_url": runware.url,
        "result_hosts": frozenset({runware.host}),
    }


def _free_port() -> int:
    """Return a port that is free now: deliveries go to the same one after a restart."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
