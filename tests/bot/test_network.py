"""The words for connections that fail, from real failures where a loopback has them."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest

from bot.network import UNREACHED, reason


async def failure(url: str, **options: float) -> BaseException:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(**options)) as session:
        with pytest.raises(UNREACHED) as caught:
            await session.get(url)
    return caught.value


async def test_a_closed_port_has_nobody_listening() -> None:
    assert reason(await failure("http://127.0.0.1:9/")) == "nothing listens there"


async def test_a_name_that_nobody_has_cannot_be_looked_up() -> None:
    assert reason(await failure("http://nobody.invalid/", total=20)) in {
        "its name cannot be looked up",
        "it did not answer in time",  # a resolver may be patient where there is no network
    }


async def test_silence_is_no_answer_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert reason(await failure(address, total=0.1)) == "it did not answer in time"


async def test_a_server_without_tls_is_told_apart() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        address = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        assert reason(await failure(address)) == "it does not speak TLS, or its certificate is not trusted"


def test_other_errors_of_the_system_speak_for_themselves() -> None:
    assert reason(OSError(101, "Network is unreachable")) == "network is unreachable"
    assert reason(aiohttp.ServerDisconnectedError()) == "the connection broke"
