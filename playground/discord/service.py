"""The whole stand-in as one ``async with``, and discord.py pointed at it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Self

import discord
import yarl
from aiohttp import web
from discord.gateway import DiscordWebSocket
from discord.http import Route

from playground.discord import shapes
from playground.discord.faults import Faults
from playground.discord.gateway import PATH, Gateway
from playground.discord.memory import Interaction, Memory
from playground.discord.openapi import Document
from playground.discord.refusals import unknown
from playground.discord.rest import PREFIX, Call, Rest
from playground.discord.uploads import READ_BYTES, Limits
from playground.runware.wire import Object

#: What the bot may do in the server: more than it needs.
_RIGHTS: Final = discord.Permissions.all().value & ~discord.Permissions(administrator=True).value


class LocalDiscord:
    """A local stand-in of Discord with one server; use it as an async context manager.

    Args:
        token: The token of the bot.
        permissions: What the bot may do in the server.
        premium_tier: How far the server is boosted; beyond 1 the limit of a file rises with it.
        joined: Whether the bot is in the server.
        nonce_seconds: How long a nonce is remembered.
        document: Discord's OpenAPI document, to judge every body by.
    """

    def __init__(
        self,
        *,
        token: str = "a.real.token",  # noqa: S107 (it opens nothing but this)
        permissions: int = _RIGHTS,
        premium_tier: int = 0,
        joined: bool = True,
        nonce_seconds: float = 180,
        document: Document | None = None,
    ) -> None:
        mib = 2**20
        self.faults = Faults()
        self.limits = Limits(file_bytes={2: 50 * mib, 3: 100 * mib}.get(premium_tier, 10 * mib))
        self._permissions = permissions
        guild = shapes.guild(permissions, premium_tier=premium_tier)
        self.memory = Memory(guild, nonce_seconds=nonce_seconds)
        self.rest = Rest(self.memory, self.faults, self.limits, token=token, joined=joined, document=document)
        self.gateway = Gateway(lambda: self.rest.token, [guild] if joined else [])

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=READ_BYTES)
        app.add_routes(self.rest.routes())
        app.router.add_get(PATH, self.gateway.handle)
        app.router.add_get("/attachments/{channel}/{attachment}/{name}", self._file)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        # A burst of commands is answered over as many new connections.
        await web.TCPSite(self._runner, "127.0.0.1", 0, backlog=1024).start()
        self.host = f"127.0.0.1:{self._runner.addresses[0][1]}"
        self.memory.base = f"http://{self.host}"
        self.gateway.url = self.gateway_url
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.gateway.close()
        await self._runner.cleanup()

    @property
    def gateway_url(self) -> str:
        """Where sockets connect."""
        return f"ws://{self.host}{PATH}"

    @property
    def calls(self) -> Sequence[Call]:
        """Every REST request received, oldest first."""
        return self.rest.calls

    def posts(self) -> list[Call]:
        """Return every attempt to post a message to a channel, oldest first."""
        return [call for call in self.calls if call.method == "POST" and call.path.endswith("/messages")]

    def messages(self, channel_id: str) -> list[Object]:
        """Return the messages of a channel, oldest first."""
        return list(self.memory.messages.get(channel_id, {}).values())

    async def slash(self, name: str, **options: Any) -> Interaction:  # noqa: ANN401 (each option has its own type)
        """Have Ana use a command in the server's channel. Options that are files are uploaded with it."""
        used, payload = self.command(name, **options)
        await self.gateway.dispatch("INTERACTION_CREATE", payload)
        return used

    def command(self, name: str, **options: Any) -> tuple[Interaction, Object]:  # noqa: ANN401 (as above)
        """Have Ana use a command, and return the payload in place of sending it."""
        return self.memory.command(name, self._permissions, options)

    async def _file(self, request: web.Request) -> web.Response:
        file = self.memory.files.get(request.match_info["attachment"])
        if file is None:
            raise web.HTTPNotFound(text=str(unknown("Attachment", 0)))
        return web.Response(body=file.data)


@contextmanager
def pointed_at(host: str) -> Generator[None]:
    """Have discord.py talk to a stand-in at this ``host:port`` in place of Discord."""
    rest, gateway = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    Route.BASE = f"http://{host}{PREFIX}"
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(f"ws://{host}{PATH}")
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = rest, gateway
