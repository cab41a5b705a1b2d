"""The composition root: builds everything by constructor, starts and supervises every loop, stops in order."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp
import discord
from aiohttp import web

from bot.alerts import AlertBox
from bot.bookkeeping import AccountWatch, Bookkeeper
from bot.budgets import Budgets
from bot.claims import Claims
from bot.client import EditBot
from bot.consents import Consents
from bot.copies import Copier
from bot.dispatch import Dispatcher
from bot.drafts import Drafts
from bot.edits import Edits
from bot.errors import StartError
from bot.gallery import Gallery
from bot.house import Houses
from bot.housekeeping import Housekeeping
from bot.lineage import Lineage
from bot.links import Links
from bot.loras import LoraSearch
from bot.metrics import Metrics
from bot.network import UNREACHED, reason
from bot.outbox import Outbox
from bot.people import People
from bot.picks import Picks
from bot.pictures import Pictures, open_store
from bot.presets import Presets
from bot.reconcile import Reconciler
from bot.removals import Removals
from bot.rounds import Rounds
from bot.runware.client import MAX_INLINE_REPLY_BYTES, MAX_REPLY_BYTES, RunwareClient
from bot.services import Memory, Services
from bot.sessions import Sessions
from bot.settings import Settings
from bot.showcase import Showcase
from bot.signals import Signals
from bot.sweeps import Sweeps
from bot.tray import Tray
from bot.web import (
    BODY_SECONDS,
    INLINE_BODY_SECONDS,
    MAX_BODY,
    MAX_INLINE_BODY,
    ops_app,
    public_app,
    serve,
)
from cogs import build
from cogs.alerts import Alerts
from cogs.announcer import Announcer
from cogs.leftovers import Leftovers
from cogs.sheets import SheetPoster
from cogs.showcase import ShowcasePoster
from cogs.umpire import Umpire
from storage.database import Database, migrate, open_database

log = logging.getLogger(__name__)

_GIB: Final = 1024**3
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0


def now_ms() -> int:
    """Return the time in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class Program:
    """Everything below Discord, running; and the bot of the moment, which may be replaced while the rest goes on."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        store: Pictures,
        session: aiohttp.ClientSession,
        links: Links,
        *,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self.settings = settings
        self.database = database
        self.metrics = Metrics()
        signals = Signals()
        inline = settings.output_type != "URL"
        self.runware = RunwareClient(
            session,
            url=settings.runware_url,
            api_key=settings.runware_api_key.get_secret_value(),
            max_reply=MAX_INLINE_REPLY_BYTES if inline else MAX_REPLY_BYTES,
        )
        self.edits = Edits(database, store, signals, self.metrics, settings, clock=clock)
        self.budgets = Budgets(database, signals, settings, clock=clock)
        self.outbox = Outbox(
            database, signals.notices, self.metrics, clock=clock, retry_seconds=settings.announce_retry_seconds
        )
        claims = Claims(database, signals, clock=clock)
        self.services = Services(
            edits=self.edits,
            budgets=self.budgets,
            houses=Houses(database, clock=clock),
            loras=LoraSearch(self.runware, architecture=settings.lora_architecture, clock=clock),
            presets=Presets(database, clock=clock),
            drafts=Drafts(database, clock=clock),
            tray=Tray(database, clock=clock),
            sessions=Sessions(database, signals, clock=clock),
            lineage=Lineage(database, clock=clock),
            claims=claims,
            consents=Consents(database, signals, clock=clock),
            gallery=Gallery(database, signals, settings, clock=clock),
            rounds=Rounds(database, store, signals, settings, clock=clock),
            sweeps=Sweeps(database, self.edits, signals, settings, clock=clock),
            outbox=self.outbox,
            picks=Picks(database, clock=clock),
            people=People(database, store, signals, settings, clock=clock),
            pictures=store,
            links=links,
            memory=Memory(database),
            metrics=self.metrics,
            settings=settings,
            clock=clock,
        )
        self.bot = self.new_bot()
        self._housekeeping = Housekeeping(database, store, self.metrics, settings, clock=clock)
        dispatcher = Dispatcher(database, self.edits, store, self.runware, signals, settings, clock=clock)
        reconciler = Reconciler(database, self.edits, dispatcher, self.runware, signals, settings, clock=clock)
        copier = Copier(database, store, self.runware, signals, settings, clock=clock)
        announcer = Announcer(self.services, lambda: self.bot)
        bookkeeper = Bookkeeper(database, signals, self.metrics, settings, clock=clock)
        watch = AccountWatch(database, self.runware, signals, self.metrics, settings, clock=clock)
        alerts = Alerts(AlertBox(database, signals.alerts, settings, clock=clock), lambda: self.bot)
        poster = ShowcasePoster(Showcase(database, signals.showcase, clock=clock), self.services, lambda: self.bot)
        removals = Removals(database, self.runware, signals, self.metrics, clock=clock)
        self._tasks: list[asyncio.Task[None]] = []
        self._loops: dict[str, Callable[[], Awaitable[None]]] = {
            "dispatcher": dispatcher.run,
            "reconciler": reconciler.run,
            "copier": copier.run,
            "announcer": announcer.run,
            "bookkeeper": bookkeeper.run,
            "account watch": watch.run,
            "alerts": alerts.run,
            "umpire": Umpire(self.services, lambda: self.bot).run,
            "sheets": SheetPoster(self.services, lambda: self.bot).run,
            "claims": claims.run,
            "showcase": poster.run,
            "leftovers": Leftovers(self.services, lambda: self.bot).run,
            "removals": removals.run,
            "housekeeping": self._housekeeping.run,
            "loop lag": self.metrics.watch_loop,
        }
        self.public = public_app(
            key=settings.webhook_key,
            record=self.edits.deliver,
            max_body=MAX_INLINE_BODY if inline else MAX_BODY,
            body_seconds=INLINE_BODY_SECONDS if inline else BODY_SECONDS,
        )
        self.ops = ops_app(metrics=self.metrics, ready=self._ready, refresh=self._housekeeping.measure)

    def new_bot(self) -> EditBot:
        """Build a bot; a client that was closed cannot be started again."""
        return build(self.services)

    def start(self, group: asyncio.TaskGroup) -> None:
        """Start every loop, each supervised on its own."""
        self._tasks = [group.create_task(supervise(name, loop), name=name) for name, loop in self._loops.items()]

    def stop(self) -> None:
        """Stop every loop."""
        for task in self._tasks:
            task.cancel()

    async def _ready(self) -> dict[str, bool]:
        """Tell which parts can work now, for the readiness probe."""
        return {"database": await self._housekeeping.database_answers(), "discord": self.bot.is_ready()}


@asynccontextmanager
async def open_program(
    settings: Settings, *, clock: Callable[[], int] = now_ms, keepalive: float = 15, links: Links | None = None
) -> AsyncGenerator[Program]:
    """Run everything but the connection to Discord for as long as the block lasts.

    ``keepalive``: for so many seconds an idle connection to Runware is kept. ``links``: the door for what people link to,
    for tests that have hosts of their own; the strict one when left out.

    Raises:
        StartError: the folder for pictures cannot be used, the package for buckets is missing, or a port cannot be
            listened on.
        DatabaseError: the database cannot be opened or brought up to date.
    """
    folder = settings.data_dir / "pictures"
    await asyncio.to_thread(_make_folder, folder)
    store = Pictures(folder, min_free=int(settings.min_free_gib * _GIB), store=open_store(settings))
    connector = aiohttp.TCPConnector(keepalive_timeout=keepalive)
    async with (
        open_database(settings.database_url, lock=True) as database,
        store,
        aiohttp.ClientSession(connector=connector) as session,
        links or Links() as door,
    ):
        for name in await migrate(database):
            log.info("applied migration %s", name)
        program = Program(settings, database, store, session, door, clock=clock)
        async with (
            _door("LISTEN", program.public, settings.listen_host, settings.listen_port),
            _door("OPS", program.ops, settings.ops_host, settings.ops_port),
            asyncio.TaskGroup() as loops,
        ):
            program.start(loops)
            try:
                yield program
            finally:
                program.stop()


def _make_folder(folder: Path) -> None:
    """Make the folder for pictures where it is missing, and say whose setting it is where that is impossible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(
            f"The folder {folder} cannot be made in DATA_DIR: {error.strerror}. "
            "Give the bot's user the right, or choose another DATA_DIR."
        ) from error
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        raise StartError(
            f"The folder {folder} in DATA_DIR cannot be written. "
            "Give the bot's user the right, or choose another DATA_DIR."
        )


@asynccontextmanager
async def _door(name: str, app: web.Application, host: str, port: int) -> AsyncGenerator[None]:
    """Serve ``app``, and name the settings ``NAME_HOST`` and ``NAME_PORT`` where that is impossible."""
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(serve(app, host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise StartError(
                    f"{name}_PORT {port} on {host} is in use by another program. Stop it or choose another {name}_PORT."
                ) from error
            raise StartError(f"{name}_HOST {host} and {name}_PORT {port} cannot be used: {error.strerror}.") from error
        yield


async def supervise(name: str, loop: Callable[[], Awaitable[None]]) -> None:
    """Run a loop that should never end; when it does, log why, back off, and start it again."""
    pause = _FIRST_PAUSE
    while True:
        started = time.monotonic()
        try:
            await loop()
        except Exception:
            log.exception("the %s stopped; it starts again in %.0f s", name, pause)
        else:
            log.error("the %s ended by itself; it starts again in %.0f s", name, pause)
        if time.monotonic() - started > _LONGEST_PAUSE:
            pause = _FIRST_PAUSE
        await asyncio.sleep(pause)
        pause = min(_LONGEST_PAUSE, pause * 2)


async def run(settings: Settings) -> None:
    """Run the bot until SIGTERM or SIGINT.

    Raises:
        StartError: a folder or a port cannot be used.
        DatabaseError: the database cannot be opened or brought up to date.
        ExceptionGroup: what ended the program once its loops ran, such as a ``StartError`` for a token that Discord
            refused: the task group wraps it.
    """
    if settings.poll_only:
        log.warning("PUBLIC_URL is not set: Runware cannot call back, so the bot polls for every result")
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_program(settings) as program:
        connection = asyncio.create_task(_stay_connected(program), name="discord")
        stopping = asyncio.create_task(stop.wait(), name="stop")
        await asyncio.wait({connection, stopping}, return_when=asyncio.FIRST_COMPLETED)
        log.info("stopping")
        program.stop()  # first, so that nothing is said through a client that is closed
        for task in (connection, stopping):
            task.cancel()
        try:
            await connection
        except asyncio.CancelledError:
            log.info("disconnected from Discord")
        except discord.LoginFailure as refused:
            raise StartError(
                "Discord refused DISCORD_TOKEN: copy it again from the Bot page of the developer portal."
            ) from refused


async def _stay_connected(program: Program) -> None:
    """Keep a client connected: a malformed payload or a broken login ends one, and the next takes its place."""
    pause = _FIRST_PAUSE
    token = program.settings.discord_token.get_secret_value()
    while True:
        started = time.monotonic()
        try:
            async with program.bot as bot:
                await bot.start(token)
        except discord.LoginFailure:
            raise
        except UNREACHED as error:
            log.warning("Discord cannot be reached: %s; the next try is in %.0f s", reason(error), pause)
        except discord.DiscordServerError as error:
            log.warning("Discord answered %d; the next try is in %.0f s", error.status, pause)
        except Exception:
            log.exception("the connection to Discord broke; a new one is made in %.0f s", pause)
        if time.monotonic() - started > _LONGEST_PAUSE:
            pause = _FIRST_PAUSE
        await asyncio.sleep(pause)
        pause = min(_LONGEST_PAUSE, pause * 2)
        program.bot = program.new_bot()
