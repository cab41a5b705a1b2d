"""``python -m bot playground`` as a program: what it says, where it listens, how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def playground(*arguments: str, **environment: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "playground", *arguments,
        cwd=ROOT, env={**os.environ, **environment}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield program
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()


async def address(program: asyncio.subprocess.Process) -> str:
    """Return the address that it prints."""
    assert program.stdout
    async for line in program.stdout:
        if b"http://" in line:
            return line.split()[-1].decode()
    raise AssertionError("it printed no address")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_serves_on_loopback_until_it_is_told_to_end(number: signal.Signals, tmp_path: Path) -> None:
    async with playground("--port", "0", "--data", str(tmp_path / "data")) as program:
        page = await address(program)
        port = int(page.rstrip("/").rsplit(":", 1)[1])
        async with aiohttp.ClientSession() as browser, browser.get(page) as answer:
            assert answer.status == 200
            async with browser.get(f"{page}state") as facts:
                assert (await facts.json())["channels"]
            assert not listens_elsewhere(port)
            program.send_signal(number)  # with a connection of the browser still open
            _, errors = await program.communicate()
        assert (program.returncode, errors) == (0, b"")
        assert (tmp_path / "data" / "bot.db").exists()


def listens_elsewhere(port: int) -> bool:
    """Tell whether a port answers under another address of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.2", 0))  # a second loopback address, which a server on every address would answer too
        return probe.connect_ex(("127.0.0.2", port)) == 0


async def test_data_outlive_a_kill(tmp_path: Path) -> None:
    for _ in range(2):
        async with playground("--port", "0", "--data", str(tmp_path)) as program:
            await address(program)
            program.kill()
            await program.wait()


async def test_a_taken_port_is_said_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with playground("--port", str(port)) as program:
            _, errors = await program.communicate()
    assert program.returncode == 2
    assert errors.decode().startswith(f"Port {port} cannot be used")
    assert len(errors.splitlines()) == 1


@pytest.mark.parametrize("key", ["", "with a space"])
async def test_live_without_a_key_is_said_in_a_sentence(key: str) -> None:
    async with playground("--live", RUNWARE_API_KEY=key) as program:
        _, errors = await program.communicate()
    assert program.returncode == 2
    assert errors.decode().startswith("--live needs a key")
    assert len(errors.splitlines()) == 1


async def test_data_in_use_by_another_playground_are_said_in_a_sentence(tmp_path: Path) -> None:
    async with playground("--port", "0", "--data", str(tmp_path)) as first:
        await address(first)
        async with playground("--port", "0", "--data", str(tmp_path)) as second:
            _, errors = await second.communicate()
        assert second.returncode == 1
        assert len(errors.splitlines()) == 1
