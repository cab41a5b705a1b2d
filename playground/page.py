"""The playground's page: a list of channels beside SimCord's preview, which it passes through under its own address.

The preview shows one channel and forbids to be framed. So it stays on a port of its own, and this server hands its
pages and calls on: that keeps one address for everything, and gives one place where presses and refreshes take turns.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp import hdrs, web
from yarl import URL

from playground.stage import Stage
from playground.world import World

#: The preview takes files of 25 MiB together.
_LARGEST: Final = 27 * 1024 * 1024
#: It refuses a ninth picture while eight wait to be decoded.
_DECODED_AT_ONCE: Final = 8
_ASKED: Final = re.compile(r"content-type|x-simcord-.*", re.IGNORECASE)
_POLICY: Final = "Content-Security-Policy"
_TOLD: Final = re.compile(r"content-(type|disposition)|cache-control|x-(?!frame-).*", re.IGNORECASE)
#: A key of the action's envelope; inside a text its quotes would be escaped.
_REVISION: Final = re.compile(rb'(?<!\\)("published_revision":)\d+')

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Page:
    """Serves the page, what it asks for, and the preview behind it."""

    def __init__(self, world: World, stage: Stage, session: aiohttp.ClientSession) -> None:
        self._world = world
        self._stage = stage
        self._session = session
        self._decoding = asyncio.Semaphore(_DECODED_AT_ONCE)

    def application(self) -> web.Application:
        """Return the application; it answers only to the names of this machine."""
        app = web.Application(client_max_size=_LARGEST, middlewares=[_from_here])
        app.add_routes(
            [
                web.get("/", self._index),
                web.get("/state", self._state),
                web.post("/show", self._show),
                web.post("/menu", self._menu),
                web.get("/photos/{name}", self._photo),
                web.get("/preview", self._pass_on),
                web.post("/api/pages", self._open),
                web.post("/api/action", self._act),
                web.get("/api/assets/{id}", self._picture),
                web.route("*", "/{path:.+}", self._pass_on),
            ]
        )
        return app

    async def _index(self, _: web.Request) -> web.Response:
        text = files("playground").joinpath("page.html").read_text("utf-8")
        return web.Response(text=text, content_type="text/html", headers={hdrs.CACHE_CONTROL: "no-store"})

    async def _state(self, _: web.Request) -> web.Response:
        stage, world = self._stage, self._world
        return web.json_response(
            {
                "channels": [
                    {"id": str(entry.id), "name": entry.name, "thread": entry.thread, "unread": entry.unread}
                    for entry in stage.entries()
                ],
                "channel": str(stage.channel_id),
                "key": urlsplit(stage.address).fragment,
                "members": [{"id": str(member.id), "name": member.name.title()} for member in stage.members],
                "menus": stage.menus(),
                "runware": None if world.live else world.runware.url,
                "photos": sorted(world.photos),
            }
        )

    async def _show(self, request: web.Request) -> web.Response:
        try:
            await self._stage.show(int((await request.json())["channel"]))
        except (ValueError, KeyError, TypeError):
            raise web.HTTPNotFound(text="There is no such channel.") from None
        return await self._state(request)

    async def _menu(self, request: web.Request) -> web.Response:
        """Use a menu of a message, which the preview does not offer."""
        try:
            wanted = await request.json()
            message_id, member_id = int(wanted["message"]), int(wanted["member"])
            await self._stage.use_menu(wanted["name"], message_id=message_id, member_id=member_id)
        except (ValueError, KeyError, TypeError):
            raise web.HTTPNotFound(text="There is no such menu, message or member.") from None
        return await self._state(request)

    async def _photo(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self._world.photos:
            raise web.HTTPNotFound
        headers = {hdrs.CONTENT_DISPOSITION: f'attachment; filename="{name}"'}
        media_type = "image/png" if name.endswith(".png") else "image/jpeg"
        return web.Response(body=self._world.photos[name], content_type=media_type, headers=headers)

    async def _open(self, request: web.Request) -> web.Response:
        """Open the channel as whom the frame's address names; by itself the preview begins as the first member."""
        viewer = URL(request.headers.get(hdrs.REFERER, "")).query.get("viewer")
        return await self._forward(request, json.dumps({"viewer_id": viewer} if viewer else {}).encode())

    async def _act(self, request: web.Request) -> web.Response:
        """Hand on a press, a command or a form, in its turn.

        What was pressed just after a refresh is said of an older version of the page, and SimCord refuses it. Discord
        has no such versions: a press counts for what the message is now. So it is handed on again as that.
        """
        body = await request.read()
        async with self._stage.turn():
            answer = await self._forward(request, body)
            receipt = _receipt(answer)
            if "stale-revision" in (said["code"] for said in receipt.get("diagnostics", ())):
                body = _REVISION.sub(rb"\g<1>%d" % receipt["revision"], body, count=1)
                answer = await self._forward(request, body)
        return answer

    async def _picture(self, request: web.Request) -> web.Response:
        async with self._decoding:
            return await self._forward(request, b"")

    async def _pass_on(self, request: web.Request) -> web.Response:
        return await self._forward(request, await request.read())

    async def _forward(self, request: web.Request, body: bytes) -> web.Response:
        """Let the preview answer, and let this page show the answer in its frame."""
        if not self._stage.address:
            raise web.HTTPGone(text="No channel is open.")
        target = urlsplit(self._stage.address)._replace(
            path="/" if request.path == "/preview" else request.path, query=request.query_string, fragment=""
        )
        headers = {name: value for name, value in request.headers.items() if _ASKED.fullmatch(name)}
        try:
            async with self._session.request(request.method, target.geturl(), data=body, headers=headers) as answer:
                told = {name: value for name, value in answer.headers.items() if _TOLD.fullmatch(name)}
                policy = answer.headers.get(_POLICY, "")
                told[_POLICY] = policy.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
                return web.Response(status=answer.status, body=await answer.read(), headers=told)
        except aiohttp.ClientConnectionError:
            raise web.HTTPGone(text="This channel was closed.") from None


def _receipt(answer: web.Response) -> dict[str, Any]:
    """Return what the preview says of an action; nothing when it did not get that far."""
    if answer.content_type != "application/json" or not isinstance(answer.body, bytes):
        return {}
    return json.loads(answer.body)


@web.middleware
async def _from_here(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Refuse other sites: a browser on this machine would bring their requests, even under a name of theirs."""
    ours = request.url.host in {"127.0.0.1", "localhost"}
    if not ours or request.headers.get(hdrs.ORIGIN) not in {None, str(request.url.origin())}:
        raise web.HTTPForbidden(text="This page is for this machine only.")
    return await handler(request)
