"""The command line as it is used: settings from the environment, real services, real signals."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import main
from bot.app import open_program, run
from bot.errors import StartError
from bot.settings import Settings
from playground.discord import Fault, File, LocalDiscord, pointed_at
from playground.runware import LocalRunware

ROOT = Path(__file__).resolve().parents[2]
Command = Callable[..., Any]


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment that leads to these settings, of which only what differs from the default is set."""
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    return {name.upper(): written(value) for name, value in given.items()}


def written(value: Any) -> str:
    if isinstance(value, frozenset):
        return ",".join(map(str, value))
    return value.get_secret_value() if hasattr(value, "get_secret_value") else str(value)


@pytest.fixture
def in_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Settings | None], None]:
    """Set the environment to what these settings say, in a folder without a .env."""

    def surround(settings: Settings | None) -> None:
        for name in Settings.model_fields:
            monkeypatch.delenv(name.upper(), raising=False)
        for name, value in (environment(settings) if settings else {}).items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)

    return surround


async def command(*arguments: str) -> int:
    """Run a command of the command line in a thread, where it has a loop of its own."""
    return await asyncio.to_thread(main, list(arguments))


@asynccontextmanager
async def running(discord: LocalDiscord, settings: Settings) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run ``python -m bot run`` as a program, pointed at the stand-in."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "playground.discord", discord.host, "run"),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment(settings)},
        cwd=settings.data_dir,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    """Return the exit status and what was written to stderr."""
    async with asyncio.timeout(15):
        _, errors = await process.communicate()
    return process.returncode, errors.decode()


@pytest.mark.parametrize("name", ["run", "doctor", "migrate"])
async def test_missing_settings_are_named_before_anything_starts(
    name: str, in_surroundings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    in_surroundings(None)
    assert await command(name) == 2
    errors = capsys.readouterr().err
    for setting in ("DISCORD_TOKEN", "RUNWARE_API_KEY", "ALLOWED_GUILDS"):
        assert setting in errors
    assert f"{Path.cwd() / '.env'}, which does not exist" in errors
    assert list(Path.cwd().iterdir()) == []


async def test_wrong_settings_name_the_file_that_was_read(
    in_surroundings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    in_surroundings(None)
    Path(".env").write_text("DISCORD_TOKEN=abc\n")
    assert await command("doctor") == 2
    assert f"from the environment and from {Path.cwd() / '.env'}.\n" in capsys.readouterr().err


def test_the_usage_names_the_program_that_was_typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for program in ("python3 ../darkroom.py", None):
        if program:
            monkeypatch.setenv("DARKROOM_PROGRAM", program)
        else:
            monkeypatch.delenv("DARKROOM_PROGRAM")
        with pytest.raises(SystemExit):
            main(["backup"])
        assert f"usage: {program or 'python -m bot'} backup" in capsys.readouterr().err


def test_darkroom_lists_every_command() -> None:
    said = subprocess.run([sys.executable, ROOT / "darkroom.py"], capture_output=True, text=True, check=True).stdout
    commands = (
        "playground",
        "run",
        "doctor",
        "migrate",
        "backup FILE",
        "pause",
        "status",
        "reconcile",
        "test",
        "check",
    )
    for name in commands:
        assert f"python3 darkroom.py {name} " in said


def test_darkroom_says_that_it_sets_up_once_and_then_what_it_adds(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    venv.mkdir()
    (venv / "lib").write_text("in the way, so that nothing is installed")
    assert start(venv, "doctor").startswith(f"Setting up {venv} (once; a minute or two) ...")
    (venv / "bin").mkdir(exist_ok=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    assert start(venv, "test").startswith(f"Adding what the tests need to {venv} (once; a minute or two) ...")


def start(venv: Path, name: str) -> str:
    """Start darkroom.py where it cannot set anything up, and return what it says."""
    program = subprocess.run(
        [sys.executable, ROOT / "darkroom.py", name],
        env={"PATH": os.environ["PATH"], "DARKROOM_VENV": str(venv), "PIP_NO_INDEX": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert program.returncode == 1
    return program.stdout


def test_darkroom_tells_the_bot_what_was_typed(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    (venv / "pyvenv.cfg").write_text(Path(sys.prefix, "pyvenv.cfg").read_text())
    (venv / "lib").symlink_to(Path(sys.prefix, "lib"))
    lock = (ROOT / "requirements.txt").read_bytes()
    (venv / "requirements.installed").write_text(hashlib.sha256(sys.version.encode() + lock).hexdigest())
    said = subprocess.run(
        [sys.executable, os.path.relpath(ROOT / "darkroom.py", tmp_path), "backup"],
        env={"PATH": os.environ["PATH"], "DARKROOM_VENV": str(venv)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 2, said.stderr
    assert f"usage: python3 {os.path.relpath(ROOT / 'darkroom.py', tmp_path)} backup" in said.stderr


async def test_migrate_applies_what_is_missing_once(
    settings_for: Any, in_surroundings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    async with LocalDiscord() as discord, LocalRunware() as runware:
        in_surroundings(settings_for(discord, runware))
    assert await command("migrate") == 0
    assert capsys.readouterr().out.startswith("applied 0001_")
    assert await command("migrate") == 0
    assert capsys.readouterr().out == "nothing to do: every migration is applied\n"


async def test_backup_copies_the_database_beside_a_running_bot(wire: Any, in_surroundings: Any) -> None:
    async with wire() as world:
        await world.edit()
        await world.idle()
        in_surroundings(world.program.settings)
        assert await command("backup", "copy.db") == 0
        with sqlite3.connect("copy.db") as copy:
            assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert copy.execute("SELECT status FROM jobs").fetchall() == [("succeeded",)]
        copy.close()
        assert await command("backup", "no/such/folder/copy.db") == 1


async def test_backup_prints_where_the_copy_is(
    settings_for: Any, in_surroundings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    async with LocalDiscord() as discord, LocalRunware() as runware:
        in_surroundings(settings_for(discord, runware))
    assert await command("migrate") == 0
    assert await command("backup", "copy.db") == 0
    assert f"wrote {Path.cwd() / 'copy.db'}\n" in capsys.readouterr().out


async def test_backup_refuses_where_there_is_no_database_and_makes_none(
    settings_for: Any, in_surroundings: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with LocalDiscord() as discord, LocalRunware() as runware:
        in_surroundings(settings_for(discord, runware))
    monkeypatch.setenv("DATABASE_URL", "sqlite:///elsewhere/bot.db")
    assert await command("backup", "copy.db") == 1
    place = Path.cwd() / "elsewhere" / "bot.db"
    assert capsys.readouterr().err == (
        f"There is no database at {place}: nothing was backed up. Is this the folder that the bot runs in?\n"
    )
    assert not Path("copy.db").exists()
    assert not place.parent.exists()


async def test_run_names_data_dir_when_its_folder_cannot_be_made(settings_for: Any, tmp_path: Path) -> None:
    (tmp_path / "in-the-way").write_text("a file")
    async with LocalDiscord() as discord, LocalRunware() as runware:
        settings = settings_for(discord, runware, data_dir=tmp_path / "in-the-way")
        with pytest.raises(StartError, match="cannot be made in DATA_DIR: Not a directory"):
            async with open_program(settings):
                pass


async def test_a_discord_out_of_reach_is_one_line_for_each_try(settings_for: Any) -> None:
    async with LocalRunware(key="wire") as runware:
        async with LocalDiscord() as discord:
            pass  # its port is closed again
        async with running(discord, settings_for(discord, runware)) as process:
            assert process.stderr is not None
            lines: list[str] = []
            async with asyncio.timeout(30):
                while not any("Discord cannot be reached" in line for line in lines):
                    lines.append((await process.stderr.readline()).decode())
            process.send_signal(signal.SIGTERM)
            status, rest = await ended(process)
    assert status == 0
    assert "Discord cannot be reached: nothing listens there; the next try is in 1 s" in lines[-1]
    assert "Traceback" not in "".join(lines) + rest


async def test_doctor_ends_with_a_status_that_says_whether_all_is_well(
    settings_for: Any, in_surroundings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    async with LocalDiscord() as discord, LocalRunware() as runware:
        in_surroundings(settings_for(discord, runware))
        with pointed_at(discord.host):
            assert await command("doctor") == 0
            assert "PROBLEM" not in capsys.readouterr().out
            discord.rest.token = "another"
            assert await command("doctor") == 1
            assert "PROBLEM  Discord: DISCORD_TOKEN was refused" in capsys.readouterr().out


async def test_a_token_that_discord_refuses_ends_the_program_in_words(settings_for: Any) -> None:
    async with LocalDiscord() as discord, LocalRunware() as runware:
        with (
            pointed_at(discord.host),
            pytest.RaisesGroup(
                pytest.RaisesExc(StartError, match="Discord refused DISCORD_TOKEN"), flatten_subgroups=True
            ),
        ):
            await run(settings_for(discord, runware, discord_token="wrong"))


async def test_run_comes_online_works_and_ends_cleanly_on_sigterm(settings_for: Any, noise: Any) -> None:
    async with LocalDiscord() as discord, LocalRunware(key="wire") as runware:
        settings = settings_for(discord, runware)
        discord.faults.plan("POST", r"/channels/\d+/messages", Fault(seconds=60))  # in the middle of a post
        async with running(discord, settings) as process:
            await until(lambda: discord.gateway.identified, process)
            used = await discord.slash("edit", prompt="make it night", image=File("cat.png", noise(96, 96)))
            await until(discord.posts, process)
            assert used.response is not None
            process.send_signal(signal.SIGTERM)
            status, errors = await ended(process)
        assert status == 0, errors
        assert "disconnected from Discord" in errors
        assert "Traceback" not in errors
        assert "is taken up again in" not in errors
        assert "voice" not in errors
        assert discord.rest.token not in errors
        async with open_program(settings):  # its lock is gone
            pass


async def test_a_second_program_on_the_same_data_and_port_is_refused_in_words(settings_for: Any) -> None:
    async with LocalDiscord() as discord, LocalRunware() as runware:
        settings = settings_for(discord, runware)
        async with open_program(settings):
            async with running(discord, settings) as process:
                status, errors = await ended(process)
                assert status == 1
                assert "Traceback" not in errors
                assert "another" in errors
            other = settings.data_dir / "other"
            other.mkdir()
            moved = settings.model_copy(update={"data_dir": other, "database_url": f"sqlite:///{other / 'bot.db'}"})
            async with running(discord, moved) as process:
                status, errors = await ended(process)
                assert status == 1
                assert "Traceback" not in errors
                port = f"LISTEN_PORT {settings.listen_port} on 127.0.0.1"
                assert f"{port} is in use by another program. Stop it or choose another LISTEN_PORT." in errors
            apart = moved.model_copy(update={"listen_port": 0, "ops_port": settings.listen_port})
            async with running(discord, apart) as process:
                status, errors = await ended(process)
                assert status == 1
                assert f"OPS_PORT {settings.listen_port} on 127.0.0.1 is in use by another program." in errors
        assert discord.gateway.identified == 0


async def until(holds: Callable[[], Any], process: asyncio.subprocess.Process) -> None:
    """Wait until a condition holds, while the program runs."""
    async with asyncio.timeout(15):
        while not holds():
            assert process.returncode is None, await ended(process)
            await asyncio.sleep(0.01)
