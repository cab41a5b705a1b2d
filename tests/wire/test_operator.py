"""The operator's commands, each a process of its own beside a running bot, which obeys."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import main
from bot.settings import Settings
from playground.discord import LocalDiscord
from playground.runware import LocalRunware
from storage import announcements, audit, books
from storage.database import Database, Tx, migrate, open_database
from storage.records import Job, Status

ROOT = Path(__file__).resolve().parents[2]
GUILD = 10


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended, and what it wrote."""

    status: int | None
    out: str
    err: str


async def operate(settings: Settings, *arguments: str) -> Said:
    """Run a command of the command line as a process of its own."""
    given = {name.upper(): written(getattr(settings, name)) for name in settings.model_fields_set}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *arguments),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **given},
        cwd=settings.data_dir,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    return Said(process.returncode, out.decode(), err.decode())


def written(value: Any) -> str:
    if isinstance(value, frozenset):
        return ",".join(map(str, value))
    return value.get_secret_value() if hasattr(value, "get_secret_value") else str(value)


@pytest.fixture
async def idle(settings_for: Any, database_url: str) -> Settings:
    """Settings of a database that is up to date, where no bot runs and no Runware answers."""
    async with LocalDiscord() as discord, LocalRunware() as runware:
        settings = settings_for(discord, runware, database_url=database_url, allowed_guilds=frozenset({GUILD}))
    async with open_database(database_url) as database:
        await migrate(database)
    return settings


async def shown(database: Database) -> bool:
    return not await database.read(announcements.unshown_ids)


def statuses(jobs: list[Job]) -> list[Status]:
    return [job.status for job in jobs]


# A running bot obeys -------------------------------------------------------------------------------------------------


async def test_a_running_bot_sends_nothing_while_the_operator_has_paused_it(wire: Any, database_url: str) -> None:
    async with wire(database_url=database_url, max_in_flight=1) as world:
        settings, database = world.program.settings, world.program.database
        await world.edit_until_carded(prompt="first")
        await world.edit(prompt="second")
        await world.until(lambda: has(world, 2))
        stopped = await operate(settings, "pause", "--reason", "the bill  came")
        assert (stopped.status, stopped.out) == (0, "paused everything: the bill came\n"), stopped.err
        told = await operate(settings, "status")
        assert "paused: everything, since " in told.out
        assert "queued: 1\nin flight: 1\n" in told.out
        world.runware.resume()
        await world.until(lambda: reached(world, Status.SUCCEEDED, Status.QUEUED))
        await world.until(lambda: shown(database))
        assert len(world.runware.requests) == 1
        await world.edit(prompt="third")
        await world.until(lambda: "Edits are paused everywhere: the bill came" in everything_said(world))
        again = await operate(settings, "resume")
        assert (again.status, again.out) == (0, "ended the pause of everything: the bill came\nit goes on\n"), again.err
        await world.idle(jobs=2)
        assert len(world.runware.requests) == 2


async def has(world: Any, number: int) -> bool:
    return len(await world.jobs()) == number


async def reached(world: Any, *wanted: Status) -> bool:
    return statuses(await world.jobs()) == list(wanted)


def everything_said(world: Any) -> str:
    return str([world.discord.messages(channel_id) for channel_id in world.discord.memory.channels])


# Which pause it is, and what is wrong with one ----------------------------------------------------------------------


@pytest.fixture
def command(idle: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Awaitable[int]]:
    """Run a command in a thread of this process, where it has a loop of its own."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name in idle.model_fields_set:
        monkeypatch.setenv(name.upper(), written(getattr(idle, name)))
    monkeypatch.chdir(tmp_path)

    async def run(*arguments: str) -> int:
        return await asyncio.to_thread(main, list(arguments))

    return run


async def test_a_pause_of_one_server_or_channel_is_told_from_others(
    idle: Settings, command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    server, channel = ("--server", str(GUILD)), ("--channel", "100")
    for arguments in (("--reason", "a", *server), ("--reason", "b", *server, *channel)):
        assert await command("pause", *arguments) == 0
    assert capsys.readouterr().out == f"paused server {GUILD}: a\npaused channel 100 of server {GUILD}: b\n"
    assert await command("status") == 0
    told = capsys.readouterr().out
    assert f"paused: server {GUILD}, since " in told
    assert f"paused: channel 100 of server {GUILD}, since " in told
    assert [await command("resume", *server) for _ in range(2)] == [0, 1]
    said = capsys.readouterr()
    assert said.out == f"ended the pause of server {GUILD}: a\nit goes on\n"
    assert said.err == f"There is no pause of server {GUILD}; `status` lists those there are.\n"
    async with open_database(idle.database_url) as database:
        changes = await database.read(audit.last, GUILD, 9)
    assert [(change.account_id, change.before, change.after) for change in changes] == [
        (audit.OPERATOR, "a", ""),
        (audit.OPERATOR, "", "b"),
        (audit.OPERATOR, "", "a"),
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--reason", " "], "`reason` takes 1 to 200 characters: members read it."),
        (["--reason", "x" * 201], "`reason` takes 1 to 200 characters: members read it."),
        (["--reason", "x", "--channel", "5"], "A channel is one of a server's: give --server as well."),
        (
            ["--reason", "x", "--server", "5"],
            "Server 5 is not one of ALLOWED_GUILDS, so nothing runs there to be stopped.",
        ),
    ],
)
async def test_a_pause_that_cannot_be_is_refused_in_a_sentence(
    arguments: list[str], sentence: str, command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await command("pause", *arguments) == 1
    assert capsys.readouterr().err == f"{sentence}\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["pause"], "the following arguments are required: --reason"),
        (["pause", "--reason", "x", "--server", "darkroom"], "'darkroom' is no id"),
        (["resume", "--server", "-5"], "--server"),
        (["resume", "--server", "0"], "'0' is no id"),
        (["resume", "--server", "9999999999999999999"], "'9999999999999999999' is no id"),
        (["reconcile", "--days", "0"], "'0' is no number of days from 1 on"),
        (["reconcile", "--days", "soon"], "'soon' is no number of days from 1 on"),
    ],
)
def test_arguments_that_cannot_be_are_named(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("name", ["status", "reconcile", "resume"])
async def test_a_command_where_there_is_no_database_makes_none(
    name: str, command: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:///elsewhere/bot.db")
    assert await command(name) == 1
    place = Path.cwd() / "elsewhere" / "bot.db"
    assert capsys.readouterr().err == f"There is no database at {place}. Is this the folder that the bot runs in?\n"
    assert not place.parent.exists()


async def test_a_database_that_is_not_up_to_date_is_left_alone(
    command: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    async with open_database(url):
        pass
    monkeypatch.setenv("DATABASE_URL", url)
    assert await command("pause", "--reason", "x") == 1
    said = capsys.readouterr().err
    assert said.startswith("The database is not up to date: `migrate`, or the next `run`, applies 0001_")


# How it stands -------------------------------------------------------------------------------------------------------


async def test_status_says_what_was_spent_and_that_runware_does_not_answer(
    command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await command("status") == 0
    assert capsys.readouterr().out.splitlines() == [
        "paused: nothing",
        "queued: 0",
        "in flight: 0",
        "held: $0.00 in 0 holds",
        "spent by all: $0.00 of $100.00 a day, $0.00 held",
        "Runware's balance: not known, because it could not be asked (connectionFailed)",
    ]


async def test_status_says_where_runware_does_not_tell_the_balance(wire: Any) -> None:
    async with wire() as world:
        world.runware.balance = Decimal("NaN")
        assert "Runware's balance: not told\n" in (await operate(world.program.settings, "status")).out


async def test_status_says_the_balance_beside_a_running_bot(wire: Any) -> None:
    async with wire() as world:
        world.runware.balance = Decimal("12.5")
        assert "Runware's balance: $12.50\n" in (await operate(world.program.settings, "status")).out


# Whether the books agree ---------------------------------------------------------------------------------------------


async def test_the_books_of_a_running_bot_balance_and_agree_with_runware(wire: Any, database_url: str) -> None:
    async with wire(database_url=database_url) as world:
        settings, database = world.program.settings, world.program.database
        await world.until(lambda: database.read(books.statements, 9))
        await world.edit()
        await world.idle()
        theirs = int((Decimal(100) - world.runware.balance) * 1_000_000)
        tomorrow = (await database.read(books.statements, 9))[0].day + 1
        assert await database.run(books.take_statement, tomorrow, theirs, world.program.services.clock() + 60_000)
        said = await operate(settings, "reconcile")
        assert said.status == 0, said.out
        assert "every counter is what the ledger adds up to, and no hold has outlived its deadline" in said.out
        assert "  above the hold: $0.00\n" in said.out
        assert f"Runware's ${Decimal(theirs) / 1_000_000:.6f}, difference $0.000000" in said.out
        assert "auditing " in said.err


async def test_a_counter_that_was_changed_is_shown_and_not_corrected(wire: Any, database_url: str) -> None:
    async with wire(database_url=database_url) as world:
        settings, database = world.program.settings, world.program.database
        await world.edit()
        await world.idle()
        await database.run(spoil)
        for _ in range(2):
            said = await operate(settings, "reconcile", "--days", "3")
            assert said.status == 1
            assert said.out.count("DIFFERENCE  ") == 4  # a member's, a channel's, a server's and the bot's
            assert "spent is 5 micro-dollars too high" in said.out


async def spoil(tx: Tx) -> None:
    await tx.execute("UPDATE account_quarters SET spent = spent + 5")


async def test_a_day_on_which_runware_took_more_is_shown(
    idle: Settings, command: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_database(idle.database_url) as database:
        for day, theirs in ((740_000, 1_000), (740_001, 3_500), (740_003, 3_400)):
            assert await database.run(books.take_statement, day, theirs, 1)
    assert await command("reconcile") == 0  # shown; only what is wrong in our own books is a failure
    out = capsys.readouterr().out
    assert "the ledger is empty" in out
    assert "  2027-01-19 to 2027-01-20: ours $0.000000, Runware's $0.002500, difference $0.002500\n" in out
    assert "  2027-01-20 to 2027-01-22: ours $0.000000, Runware's -$0.000100, difference -$0.000100\n" in out
    monkeypatch.setenv("RUNWARE_KEY_SHARED", "true")
    assert await command("reconcile") == 0
    assert "RUNWARE_KEY_SHARED is true" in capsys.readouterr().out


async def test_an_empty_ledger_balances_and_says_what_is_not_known_yet(
    command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await command("reconcile") == 0
    out = capsys.readouterr().out
    assert out.startswith("the ledger is empty\nevery counter is what the ledger adds up to")
    assert "Runware's figures are not known for a whole day yet" in out
