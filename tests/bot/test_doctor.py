"""What the doctor makes of a public address: a proxy in between is no hindrance, a listener with another key is."""

from __future__ import annotations

import socket
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.doctor import Finding, _public_url
from bot.settings import Settings
from bot.web import public_app, serve


@pytest.fixture
def door() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def settings_for(folder: Path, port: int, public_port: int) -> Settings:
    return Settings(
        discord_token=SecretStr("not-needed-here"),
        runware_api_key=SecretStr("not-needed-here"),
        allowed_guilds=frozenset({1}),
        data_dir=folder,
        public_url=f"http://127.0.0.1:{public_port}",
        listen_port=port,
    )


async def examined(settings: Settings) -> Finding:
    async with aiohttp.ClientSession() as session:
        return await _public_url(settings, session)


async def test_a_proxy_that_writes_its_own_headers_is_no_hindrance(tmp_path: Path, door: int) -> None:
    async def forward(request: web.Request) -> web.Response:
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                request.method, f"http://127.0.0.1:{door}{request.path}", data=await request.read()
            ) as answer,
        ):
            return web.Response(status=answer.status, body=await answer.read(), headers={"Server": "a proxy"})

    proxy = web.Application()
    proxy.router.add_route("*", "/{path:.*}", forward)
    async with serve(proxy, "127.0.0.1", 0) as (_, port):
        found = await examined(settings_for(tmp_path, door, port))
    assert found == Finding("PUBLIC_URL", well=True, sentence="reaches the listener")


async def test_a_listener_with_another_key_is_not_the_bots(tmp_path: Path, door: int) -> None:
    async def record(_task_uuid: str, _body: bytes) -> None:
        return

    async with serve(public_app(key=b"another", record=record), "127.0.0.1", 0) as (_, port):
        found = await examined(settings_for(tmp_path, door, port))
    assert not found.well
    assert "/healthz answered 200, not the listener's answer" in found.sentence
