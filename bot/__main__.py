"""The command line: ``python -m bot COMMAND``; :func:`_parser` says which commands there are."""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, cast

from bot.errors import EditError, NotFound, StartError
from bot.log import hide_needless_warnings
from bot.settings import Settings, SettingsError


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit status: 0 when it did what was asked, 2 when a setting has to be put right."""
    options = _parser().parse_args(arguments)
    hide_needless_warnings()
    if options.command == "playground":
        return _playground(options)
    try:
        settings = Settings.load()
    except SettingsError as error:
        print(error, file=sys.stderr)
        file = Path(".env").absolute()
        found = "" if file.exists() else ", which does not exist"
        print(f"They are read from the environment and from {file}{found}.", file=sys.stderr)
        print(".env.example explains each.", file=sys.stderr)
        return 2
    return _finish(_COMMANDS[options.command](settings, options))


def _parser() -> argparse.ArgumentParser:
    program = os.environ.get("DARKROOM_PROGRAM", "python -m bot")  # darkroom.py says how it was started
    parser = argparse.ArgumentParser(prog=program, description="A Discord bot that edits pictures together.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("run", help="run the bot until it is told to stop")
    playground = commands.add_parser("playground", help="try the bot in a browser, without any account")
    playground.add_argument("--port", type=int, default=8000, help="the port of the page (8000)")
    playground.add_argument("--data", type=Path, metavar="DIR", help="keep the database and the pictures here")
    playground.add_argument("--once", type=Path, metavar="DIR", help="play a short story without a browser into DIR")
    playground.add_argument("--live", action="store_true", help="use the real Runware with RUNWARE_API_KEY")
    commands.add_parser("doctor", help="try everything the bot needs, and say what to do about what fails")
    commands.add_parser("migrate", help="bring the database up to date")
    backup = commands.add_parser("backup", help="write a copy of the database to FILE, beside a running bot")
    backup.add_argument("file", type=Path, metavar="FILE")
    pause = commands.add_parser("pause", help="stop everything, a server or a channel at once, beside a running bot")
    pause.add_argument("--reason", required=True, metavar="TEXT", help="why: members read it")
    resume = commands.add_parser("resume", help="end a pause, beside a running bot")
    for command in (pause, resume):
        command.add_argument("--server", type=_id, default=0, metavar="ID", help="only this server")
        command.add_argument("--channel", type=_id, default=0, metavar="ID", help="only this channel of the server")
    commands.add_parser("status", help="say what is paused, waits, runs, is held and was spent")
    reconcile = commands.add_parser("reconcile", help="say whether the books balance; nothing is corrected")
    reconcile.add_argument("--days", type=_days, metavar="N", help="only the last N days (all of them)")
    return parser


def _id(text: str) -> int:
    """Read one of Discord's ids."""
    if not re.fullmatch(r"[0-9]{1,19}", text) or not 0 < int(text) < 2**63:
        raise argparse.ArgumentTypeError(f"{text!r} is no id; Discord copies one with “Copy Server ID”")
    return int(text)


def _days(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days from 1 on")
    return int(text)


def _finish(work: Coroutine[Any, Any, int]) -> int:
    """Run to the end; what an operator can mend is said in one line instead of a traceback."""
    from storage.database import DatabaseError

    status = 1
    try:
        status = asyncio.run(work)
    except* (DatabaseError, StartError, EditError, OSError) as group:
        print("\n".join(_sentences(group)), file=sys.stderr)
    return status


def _sentences(error: BaseException) -> list[str]:
    """Return what the errors in a group say, one by one."""
    if not isinstance(error, BaseExceptionGroup):
        return [str(error)]
    group = cast("BaseExceptionGroup[BaseException]", error)
    return [sentence for inner in group.exceptions for sentence in _sentences(inner)]


async def _run(settings: Settings, _options: argparse.Namespace) -> int:
    from bot import log
    from bot.app import run

    log.configure(settings)
    await run(settings)
    return 0


async def _doctor(settings: Settings, _options: argparse.Namespace) -> int:
    from bot.doctor import examine

    findings = await examine(settings)
    print("\n".join(str(finding) for finding in findings))
    return 0 if all(finding.well for finding in findings) else 1


async def _migrate(settings: Settings, _options: argparse.Namespace) -> int:
    from storage.database import migrate, open_database

    async with open_database(settings.database_url) as database:
        applied = await migrate(database)
    print(f"applied {', '.join(applied)}" if applied else "nothing to do: every migration is applied")
    return 0


async def _backup(settings: Settings, options: argparse.Namespace) -> int:
    from storage.database import BackupError, database_file, open_database

    source = database_file(settings.database_url)
    if source is not None and not source.exists():  # to open it would make it
        raise BackupError(
            f"There is no database at {source.absolute()}: nothing was backed up. "
            "Is this the folder that the bot runs in?"
        )
    async with open_database(settings.database_url) as database:
        await database.backup(options.file)
    print(f"wrote {options.file.absolute()}")
    return 0


async def _pause(settings: Settings, options: argparse.Namespace) -> int:
    from bot import console

    where = console.where(options.server, options.channel)
    if options.server and options.server not in settings.allowed_guilds:
        raise StartError(f"Server {options.server} is not one of ALLOWED_GUILDS, so nothing runs there to be stopped.")
    async with console.beside(settings) as database:
        pause = await console.budgets(database, settings).pause(
            None, options.channel, options.reason, guild_id=options.server
        )
    print(f"paused {where}: {pause.reason}")
    return 0


async def _resume(settings: Settings, options: argparse.Namespace) -> int:
    from bot import console

    where = console.where(options.server, options.channel)
    async with console.beside(settings) as database:
        try:
            budgets = console.budgets(database, settings)
            ended = await budgets.resume(None, options.channel, guild_id=options.server)
            still = await budgets.still_paused(ended)
        except NotFound:
            raise StartError(f"There is no pause of {where}; `status` lists those there are.") from None
    print(f"ended the pause of {where}: {ended.reason}")
    print("it goes on" if still is None else f"it is paused still, by another pause: {still.reason}")
    return 0


async def _status(settings: Settings, _options: argparse.Namespace) -> int:
    from bot import console

    async with console.beside(settings) as database:
        print("\n".join(await console.status(database, settings)))
    return 0


async def _reconcile(settings: Settings, options: argparse.Namespace) -> int:
    from bot import console

    def tell(day: str) -> None:
        print(f"\rauditing {day} ", end="", file=sys.stderr, flush=True)

    async with console.beside(settings) as database:
        report = await console.reconcile(database, settings, days=options.days, tell=tell)
    print(file=sys.stderr)
    print("\n".join(report.lines))
    return 0 if report.agrees else 1


_COMMANDS: Final[dict[str, Callable[[Settings, argparse.Namespace], Coroutine[Any, Any, int]]]] = {
    "run": _run,
    "doctor": _doctor,
    "migrate": _migrate,
    "backup": _backup,
    "pause": _pause,
    "resume": _resume,
    "status": _status,
    "reconcile": _reconcile,
}


def _playground(options: argparse.Namespace) -> int:
    try:
        from playground.server import main as play
    except ModuleNotFoundError as missing:
        print(
            f"The playground needs {missing.name}: install this project with its extra `playground`.", file=sys.stderr
        )
        return 2
    return play(port=options.port, data=options.data, once=options.once, live=options.live)


if __name__ == "__main__":
    sys.exit(main())
