"""The service as a program of its own."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]


async def start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "playground.runware", *arguments,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def test_the_program_serves_until_it_is_told_to_end(caller: Any) -> None:
    program = await start("--port", "0", "--key", "secret", "--fault", "balance_form=number")
    assert program.stdout
    line = (await program.stdout.readline()).decode()
    url = line.split()[3]
    ask = [{"taskType": "accountManagement", "operation": "getDetails"}]
    for key, status in (("other", 401), ("secret", 200)):
        async with caller.session.post(url, json=ask, headers={"Authorization": f"Bearer {key}"}) as answer:
            assert answer.status == status
            body = await answer.json()
    assert body["data"][0]["balance"] == 100
    program.send_signal(signal.SIGTERM)
    _, errors = await program.communicate()
    assert (program.returncode, errors) == (0, b"")


async def test_the_help_lists_the_faults_with_their_values() -> None:
    program = await start("--help")
    said, _ = await program.communicate()
    lines = said.decode().splitlines()
    assert "  delivery: once, twice, late, before_ack, reordered, lost" in lines
    assert "  balance_form: object, number" in lines
    assert "  slow_seconds: a number (default: 2.0)" in lines


async def test_a_taken_port_is_said_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        program = await start("--port", str(port))
        _, errors = await program.communicate()
    assert program.returncode == 2
    assert errors.decode().startswith(f"127.0.0.1:{port} cannot be listened on (")
    assert len(errors.splitlines()) == 1


async def test_a_wrong_fault_is_named_before_anything_starts() -> None:
    program = await start("--fault", "delivery=never")
    _, errors = await program.communicate()
    assert program.returncode == 2
    assert b"delivery must be one of" in errors
