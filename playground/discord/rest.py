"""The REST API: every route that the bot uses, with the checks and the faults in front of them."""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from playground.discord import shapes, uploads
from playground.discord.faults import Fault, Faults
from playground.discord.memory import Memory
from playground.discord.openapi import Document
from playground.discord.refusals import Refusal, unauthorised, unknown
from playground.discord.uploads import Body, Limits
from playground.runware.wire import Json, Object

PREFIX: Final = "/api/v10"
_REMEMBERED: Final = 10_000

_MESSAGE, _LOADING = 4, 5


@dataclass(slots=True)
class Call:
    """One request as it was received, and the status it was answered with (0: not at all)."""

    method: str
    path: str
    match: Mapping[str, str]
    query: Mapping[str, str]
    body: Body
    #: When it came (``time.monotonic``).
    at: float
    status: int = 0


_Handler = Callable[[Call], Json]


class Rest:
    """Answers HTTP."""

    def __init__(
        self, memory: Memory, faults: Faults, limits: Limits, *, token: str, joined: bool, document: Document | None
    ) -> None:
        #: The one token that is accepted; may be changed at any time, as an owner resets one.
        self.token = token
        #: Everything received, oldest first.
        self.calls: deque[Call] = deque(maxlen=_REMEMBERED)
        #: What Discord's document has against bodies received.
        self.invalid: list[str] = []
        #: The commands as they were last told.
        self.commands: list[Object] = []
        self._memory = memory
        self._faults = faults
        self._limits = limits
        self._joined = joined
        self._document = document

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        table: list[tuple[str, str, _Handler]] = [
            ("GET", "/users/@me", lambda _: shapes.bot()),
            ("GET", "/oauth2/applications/@me", lambda _: shapes.application()),
            ("PUT", "/applications/{application}/commands", self._sync),
            ("POST", "/users/@me/channels", lambda call: self._memory.direct(str(call.body.object["recipient_id"]))),
            ("GET", "/guilds/{guild}", self._guild),
            ("GET", "/guilds/{guild}/members/{user}", self._member),
            ("GET", "/channels/{channel}", lambda call: self._memory.channel(call.match["channel"])),
            ("POST", "/channels/{channel}/messages", self._post),
            ("GET", "/channels/{channel}/messages", self._history),
            ("GET", "/channels/{channel}/messages/{message}", self._get),
            ("PATCH", "/channels/{channel}/messages/{message}", self._edit),
            ("DELETE", "/channels/{channel}/messages/{message}", self._delete),
            ("POST", "/channels/{channel}/messages/{message}/threads", self._thread),
            ("POST", "/interactions/{interaction}/{token}/callback", self._callback),
            ("POST", "/webhooks/{application}/{token}", self._follow_up),
            ("GET", "/webhooks/{application}/{token}/messages/{message}", self._reply),
            ("PATCH", "/webhooks/{application}/{token}/messages/{message}", self._edit_reply),
            ("DELETE", "/webhooks/{application}/{token}/messages/{message}", self._delete_reply),
        ]
        return [web.route(method, PREFIX + path, self._serving(handler)) for method, path, handler in table]

    def _serving(self, handler: _Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def serve(request: web.Request) -> web.Response:
            return await self._serve(request, handler)

        return serve

    async def _serve(self, request: web.Request, handler: _Handler) -> web.Response:
        at = time.monotonic()
        path = request.path.removeprefix(PREFIX)
        try:
            body = await uploads.read(request)
        except Refusal as refusal:
            return _refused(refusal)
        call = Call(request.method, path, request.match_info, request.query, body, at)
        self.calls.append(call)
        fault = self._faults.take(call.method, path)
        if fault is None:
            response = self._answer(call, request.headers.get("Authorization", ""), handler)
            call.status = response.status
            return response
        await asyncio.sleep(fault.seconds)
        if fault.handled:
            self._answer(call, request.headers.get("Authorization", ""), handler)
        call.status = fault.status
        return _fail(request, fault)

    def _answer(self, call: Call, authorisation: str, handler: _Handler) -> web.Response:
        try:
            self._admit(call, authorisation)
            call.body.check(self._limits)
            if self._document is not None and call.body.json is not None:
                fault = self._document.fault(call.method, call.path, call.body.json)
                self.invalid += [fault] if fault else []
            answer = handler(call)
        except Refusal as refusal:
            return _refused(refusal)
        return web.Response(status=204) if answer is None else _json(answer)

    def _admit(self, call: Call, authorisation: str) -> None:
        """Check the token; interactions bring their own in the path."""
        if call.path.startswith(("/interactions/", "/webhooks/")):
            return
        if not hmac.compare_digest(authorisation.encode(), f"Bot {self.token}".encode()):
            raise unauthorised()

    # Commands and servers ----------------------------------------------------------------------------------

    def _sync(self, call: Call) -> Json:
        payload = call.body.json
        self.commands = payload if isinstance(payload, list) else []
        return [
            # What stands in a menu has no description, and Discord says so by an empty one.
            {"description": "", **command, "id": str(number), "application_id": shapes.BOT_ID, "version": "1"}
            for number, command in enumerate(self.commands, 1)
        ]

    def _guild(self, call: Call) -> Json:
        if not self._joined or call.match["guild"] != self._memory.guild["id"]:
            raise unknown("Guild", 10004)
        return self._memory.guild

    def _member(self, call: Call) -> Json:
        self._guild(call)
        if call.match["user"] != shapes.BOT_ID:
            raise unknown("Member", 10007)
        return shapes.member(shapes.bot())

    # Messages ----------------------------------------------------------------------------------------------

    def _post(self, call: Call) -> Json:
        return self._memory.post(call.match["channel"], call.body)

    def _history(self, call: Call) -> Json:
        limit = int(call.query.get("limit", "50"))
        return self._memory.history(call.match["channel"], limit, call.query.get("before"), call.query.get("after"))

    def _get(self, call: Call) -> Json:
        return self._memory.message(call.match["channel"], call.match["message"])

    def _edit(self, call: Call) -> Json:
        return self._memory.edit(self._memory.message(call.match["channel"], call.match["message"]), call.body)

    def _delete(self, call: Call) -> None:
        self._memory.delete(call.match["channel"], call.match["message"])

    def _thread(self, call: Call) -> Json:
        return self._memory.thread(call.match["channel"], call.match["message"], call.body.object["name"])

    # Interactions ------------------------------------------------------------------------------------------

    def _callback(self, call: Call) -> Json:
        used = self._memory.interaction(call.match["token"], answered=False)
        if used.response is not None:
            raise Refusal(400, 40060, "Interaction has already been acknowledged.")
        payload = call.body.object
        data: Object = payload.get("data") or {}
        message = None
        if payload["type"] in (_MESSAGE, _LOADING):
            message = self._memory.reply(used, data, call.body.files)
            used.message_id = message["id"]
        used.response, used.acknowledged = payload["type"], call.at
        told = {"id": used.id, "type": 2, "response_message_id": used.message_id}
        if message is None:
            return {"interaction": told}
        told["response_message_ephemeral"] = self._memory.is_ephemeral(message)
        told["response_message_loading"] = payload["type"] == _LOADING
        return {"interaction": told, "resource": {"type": payload["type"], "message": message}}

    def _follow_up(self, call: Call) -> Json:
        used = self._memory.interaction(call.match["token"])
        return self._memory.reply(used, call.body.object, call.body.files)

    def _reply(self, call: Call) -> Json:
        used = self._memory.interaction(call.match["token"])
        message_id = used.message_id if call.match["message"] == "@original" else call.match["message"]
        return self._memory.message(used.channel_id, message_id or "")

    def _edit_reply(self, call: Call) -> Json:
        return self._memory.edit(self._reply(call), call.body)

    def _delete_reply(self, call: Call) -> None:
        message = self._reply(call)
        self._memory.delete(message["channel_id"], message["id"])


def _json(answer: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    # discord.py compares the type as a whole, so there must be no charset beside it (section 9).
    return web.Response(
        body=json.dumps(answer).encode(), status=status, content_type="application/json", headers=headers
    )


def _refused(refusal: Refusal) -> web.Response:
    return _json({"code": refusal.code, "message": refusal.message}, refusal.status)


def _fail(request: web.Request, fault: Fault) -> web.Response:
    """Answer with a fault, or end the connection without an answer."""
    if fault.status == 0:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()
    if fault.status != web.HTTPTooManyRequests.status_code:
        return _json({"code": fault.code, "message": "planned"}, fault.status)
    if not fault.via:
        return web.Response(status=fault.status, text="error code: 1015")
    told = {"message": "You are being rate limited.", "retry_after": fault.retry_after, "global": False}
    return _json(told, fault.status, {"Via": "1.1 google", "Retry-After": str(max(1, round(fault.retry_after)))})
