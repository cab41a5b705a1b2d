"""As much of the gateway as a bot needs to come online: hello, identify, resume, heartbeats, events, and closing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Final

from aiohttp import WSMsgType, web

from playground.discord import shapes
from playground.runware.wire import Json, Object

PATH: Final = "/gateway"
_HEARTBEAT_MS: Final = 41_250
#: An instant acknowledgement trips a race in discord.py 2.7.1 (reference/discord.md, section 9).
_ACK_AFTER: Final = 0.005
_AUTHENTICATION_FAILED: Final = 4004


class Gateway:
    """Holds the sockets. What a bot's intents are is not looked at: it is told everything that is dispatched."""

    def __init__(self, token: Callable[[], str], guilds: list[Object]) -> None:
        #: How often a bot identified itself, and how often it resumed.
        self.identified = 0
        self.resumed = 0
        self._token = token
        self._guilds = guilds
        self._sockets: dict[web.WebSocketResponse, asyncio.Transport | None] = {}
        self._number = 0
        #: Where to resume; known once the port is.
        self.url = ""

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one socket until it closes."""
        socket = web.WebSocketResponse(max_msg_size=2**20)
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": _HEARTBEAT_MS}})
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await self._hear(socket, request.transport, json.loads(message.data))
        finally:
            self._sockets.pop(socket, None)
        return socket

    async def dispatch(self, event: str, payload: Json) -> None:
        """Tell every bot that is online of an event."""
        for socket in list(self._sockets):
            await self._tell(socket, event, payload)

    async def close(self, code: int = 1001) -> None:
        """Close every socket with this code."""
        for socket in list(self._sockets):
            await socket.close(code=code)

    def drop(self) -> None:
        """Break every connection without a word."""
        for transport in self._sockets.values():
            if transport is not None:
                transport.abort()

    async def _hear(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None, said: Object) -> None:
        match said["op"]:
            case 1:
                await asyncio.sleep(_ACK_AFTER)
                await socket.send_json({"op": 11})
            case 2 | 6 if said["d"]["token"] != self._token():
                await socket.close(code=_AUTHENTICATION_FAILED)
            case 2:
                self.identified += 1
                self._sockets[socket] = transport
                await self._tell(socket, "READY", self._ready())
                for guild in self._guilds:
                    await self._tell(socket, "GUILD_CREATE", guild)
            case 6:
                self.resumed += 1
                self._sockets[socket] = transport
                await self._tell(socket, "RESUMED", {})
            case _:
                pass

    async def _tell(self, socket: web.WebSocketResponse, event: str, payload: Json) -> None:
        self._number += 1
        await socket.send_json({"op": 0, "t": event, "s": self._number, "d": payload})

    def _ready(self) -> Object:
        return {
            "v": 10,
            "user": shapes.bot(),
            "guilds": [{"id": guild["id"], "unavailable": True} for guild in self._guilds],
            "session_id": f"session-{self.identified}",
            "resume_gateway_url": self.url,
            "application": {"id": shapes.BOT_ID, "flags": 0},
        }
