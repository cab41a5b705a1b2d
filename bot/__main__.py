"""The command line: ``python -m bot run | playground | doctor | migrate | backup FILE``."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, cast

from bot.errors import StartError
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
    return _finish(
        {"run": _run, "doctor": _doctor, "migrate": _migrate, "backup": _backup}[options.command](settings, options)
    )


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
    return parser


def _finish(work: Coroutine[Any, Any, int]) -> int:
    """Run to the end; what an operator can mend is said in one line instead of a traceback."""
    from storage.database import DatabaseError

    status = 1
    try:
        status = asyncio.run(work)
    except* (DatabaseError, StartError, OSError) as group:
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
