"""``python -m bot playground``: the real bot in a browser, without any account."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web

from bot import log
from bot.errors import StartError
from playground import story
from playground.page import Page
from playground.stage import Stage
from playground.world import World, open_world
from storage.database import DatabaseError

_HOST: Final = "127.0.0.1"
#: How long the local Runware takes for a picture, in seconds: long enough to see the status change.
_WORK_SECONDS: Final = (2.0, 5.0)
#: The local Runware forgets its tasks when the program ends: an edit that was there is given up after so many minutes.
_EXPIRE_MINUTES: Final = 5


def main(*, port: int, data: Path | None, once: Path | None, live: bool) -> int:
    """Run the playground and return its exit status: 2 when the command line or the environment has to be put right.

    Args:
        port: of the page; 0 for a free one.
        data: where the database and the pictures are kept; nothing outlives the program when left out.
        once: play a short story into this folder instead of serving the page.
        live: use the real Runware, with the key in ``RUNWARE_API_KEY``.
    """
    if once is not None and (live or data is not None):
        return _refuse("--once plays its story in a world of its own: leave --live and --data away.")
    if once is not None and once.exists() and not once.is_dir():
        return _refuse(f"{once} is a file; name a folder.")
    key = os.environ.get("RUNWARE_API_KEY", "") if live else None
    if key is not None and not re.fullmatch(r"[!-~]+", key):
        return _refuse("--live needs a key of Runware's: put it, without spaces, in RUNWARE_API_KEY.")
    try:
        return asyncio.run(story.play(once) if once is not None else _play(port, data, key))
    except (DatabaseError, StartError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


async def _play(port: int, data: Path | None, live_key: str | None) -> int:
    """Serve the page until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        # Before anything else, because it is what may be in the way.
        door = socket.create_server((_HOST, port))
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else "there is no such port"
        return _refuse(f"Port {port} cannot be used ({reason}): choose another with --port, or 0 for a free one.")
    address = f"http://{_HOST}:{door.getsockname()[1]}/"
    print("Starting ...", flush=True)
    with door:
        async with open_world(data=data, live_key=live_key, patient=True, **_settings(live_key)) as world:
            log.configure(world.settings)
            async with Stage(world) as stage, serve(world, stage, door):
                print(f"The playground is at {address}\n{_costs(world)}\nCtrl-C ends it.", flush=True)
                await stop.wait()
    return 0


@asynccontextmanager
async def serve(world: World, stage: Stage, door: socket.socket) -> AsyncGenerator[None]:
    """Serve the page at an open door for as long as the block lasts."""
    async with aiohttp.ClientSession() as session:
        application = Page(world, stage, session).application()
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.SockSite(runner, door).start()
            yield
        finally:
            await runner.cleanup()


def _settings(live_key: str | None) -> dict[str, Any]:
    quiet = {"log_level": "WARNING"}
    return quiet if live_key else {**quiet, "work_seconds": _WORK_SECONDS, "expire_minutes": _EXPIRE_MINUTES}


def _costs(world: World) -> str:
    if world.live:
        return "It uses the real Runware: every edit is paid with your key."
    return f"Its Runware is local ({world.runware.url}): nothing here costs anything."


def _refuse(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 2
