"""The HTTP door: POST /v1 with arrays of tasks, and the addresses at which pictures are served."""

from __future__ import annotations

import asyncio
import hmac
import random
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web

from playground.runware.catalogue import unfit
from playground.runware.checks import Received, check, nested, read_tasks
from playground.runware.faults import Faults
from playground.runware.gallery import Gallery
from playground.runware.gate import Gate
from playground.runware.memory import Journal, Register
from playground.runware.problems import Problem, Refused
from playground.runware.tasks import Task, price
from playground.runware.telling import Teller
from playground.runware.utilities import Account, Utilities
from playground.runware.wire import Answer, Json, Object
from playground.runware.workshop import Workshop

#: The largest call that is read: three references as data URIs, several tasks at once. Runware publishes no limit.
MAX_BODY: Final = 256 * 2**20

#: What the ``huge`` fault adds to a picture, in zero bytes.
HUGE: Final = 64 * 2**20

_REFUSALS: Final = {
    "402": Problem("insufficientCredits", "The account's balance is not sufficient."),
    "429": Problem("rateLimitExceeded", "The queue is full."),
    "503": Problem("serviceUnavailable", "The service has no capacity for now."),
    "504": Problem("providerGatewayTimeout", "The call waited in the queue for too long."),
}

_BAD_GATEWAY: Final = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


class Door:
    """Answers HTTP. ``teller`` and ``foreign`` are known once the port is."""

    def __init__(
        self,
        *,
        key: str | None,
        faults: Faults,
        account: Account,
        journal: Journal,
        gallery: Gallery,
        gate: Gate,
        rng: random.Random,
    ) -> None:
        self._key = key
        self._faults = faults
        self._account = account
        self._journal = journal
        self._gallery = gallery
        self._gate = gate
        self._rng = rng
        self._register = Register()
        self._kinds: dict[str, Callable[[Object], Answer]] = {
            "getResponse": self._get_response,
            "getTaskDetails": self._get_task_details,
            **Utilities(account, faults, gallery).kinds,
        }
        self.fetched: deque[str] = deque(maxlen=10_000)

    @property
    def tasks(self) -> dict[str, Task]:
        """Accepted tasks by their UUID in small letters, oldest first."""
        return dict(self._register.tasks)

    def application(self) -> web.Application:
        """Return the application; :meth:`open` has to follow before it is called."""
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_post("/v1", self._post)
        app.router.add_get("/image/{path:.+}", self._image)
        return app

    def open(self, teller: Teller, workshop: Workshop, foreign: str) -> None:
        """Take what needs the port's number: the writer of answers, the workshop, the same server's other name."""
        self._teller = teller
        self._workshop = workshop
        self._foreign = foreign

    # POST /v1

    async def _post(self, request: web.Request) -> web.StreamResponse:
        try:
            received = self._authorised(request.headers.get("Authorization"), await request.read())
        except Refused as refusal:
            return self._reply([], [problem.wire() for problem in refusal.problems], refusal.problems[0].http_status)
        for task, _ in received:
            self._journal.write(task)
        dry = request.headers.get("X-Runware-Dry-Run") == "1"
        fault = self._fault([task.get("taskType") for task, _ in received], dry=dry)
        code, _, after = fault.partition("_")
        if after in ("", "before"):
            if code == "reset":
                return _drop(request)
            if code in _REFUSALS:
                return self._refuse(code)
        silent = after == "after"
        answers = await asyncio.gather(*(self._answer(one, dry=dry, silent=silent) for one in received))
        if silent:
            return _drop(request) if code == "reset" else self._refuse(code)
        data = [entry for answer in answers for entry in answer[0]]
        errors = [problem for answer in answers for problem in answer[1]]
        if fault == "504_terminal" and errors:
            return self._reply(data, errors, HTTPStatus.GATEWAY_TIMEOUT)
        status = Problem(errors[0]["code"], "").http_status if errors and not data else HTTPStatus.OK
        return self._reply(data, errors, status)

    def _authorised(self, header: str | None, body: bytes) -> list[Received]:
        """Read the call's tasks, or refuse it: by header or by a first authentication element (section 1)."""
        scheme, _, given = (header or "").partition(" ")
        by_header = scheme.lower() == "bearer" and self._opens(given.strip())
        try:
            received = read_tasks(body)
        except Refused:
            if by_header:
                raise
            received = []
        if received and received[0].task.get("taskType") == "authentication":
            by_header = by_header or self._opens(received[0].task.get("apiKey"))
            received = received[1:]
        if not by_header:
            raise Refused(Problem("invalidApiKey", "The API key is missing or not valid.", "apiKey"))
        return received

    def _opens(self, given: object) -> bool:
        if not isinstance(given, str) or not given:
            return False
        # Half a surrogate pair, which JSON can write, has no bytes of its own.
        return self._key is None or hmac.compare_digest(given.encode("utf-8", "replace"), self._key.encode())

    def _fault(self, kinds: list[Json], *, dry: bool) -> str:
        if "imageInference" in kinds and not dry:
            return self._faults.take("submit")
        return self._faults.take("poll") if "getResponse" in kinds else "ok"

    async def _answer(self, received: Received, *, dry: bool, silent: bool) -> Answer:
        """Do one task of a call; ``silent`` takes an inference without waiting for what comes of it."""
        kind = received.task.get("taskType")
        try:
            if kind == "imageInference":
                return await self._infer(received, dry=dry, silent=silent)
            do = self._kinds.get(kind) if isinstance(kind, str) else None
            return (do or _no_such_kind)(received.task)
        except Refused as refusal:
            return [], [problem.about(received.task).wire() for problem in refusal.problems]

    async def _infer(self, received: Received, *, dry: bool, silent: bool) -> Answer:
        request, exact = received
        if self._faults.top_level_references == "accept":
            request, exact = nested(request), nested(exact)
        problems = check(exact, sizes_required=self._faults.missing_size == "refuse")
        if not problems and self._faults.lora_check == "submit":
            problems = list(unfit(request))
        if problems:
            raise Refused(*problems)
        head = {"taskType": "imageInference", "taskUUID": request["taskUUID"]}
        if dry:
            cost = price(request, request.get("seed", 0)) * request.get("numberResults", 1)
            return [head | self._teller.cost(cost)], []
        task = self._accept(request)
        if silent:
            return [], []
        if request.get("deliveryMethod", "sync") == "sync":
            await task.ended.wait()
            return self._teller.reply(task)
        if self._faults.delivery == "before_ack":
            await self._gate.closed_or(task.settled)
        return [head], []

    def _accept(self, request: Object) -> Task:
        """Take a checked request, once for each UUID in flight (section 9) and while there is money (section 8)."""
        known = self._register.get(request["taskUUID"])
        if known and (not known.ended.is_set() or self._faults.conflict_after_end):
            raise Refused(Problem("conflictTaskUUID", "A task of that UUID is there already.", "taskUUID"))
        if self._account.balance <= 0:
            raise Refused(_REFUSALS["402"])
        task = Task.accept(request, self._rng)
        self._register.add(task)
        self._workshop.begin(task)
        return task

    def _get_response(self, asked: Object) -> Answer:
        task = self._register.get(_uuid(asked))
        if task is not None:
            return self._teller.poll(task)
        if self._faults.unknown == "not_found":
            raise Refused(_not_found())
        return [], []

    def _get_task_details(self, asked: Object) -> Answer:
        task = self._register.get(_uuid(asked))
        if task is None:
            raise Refused(_not_found())
        return [self._teller.details(task)], []

    def _refuse(self, code: str) -> web.Response:
        status = int(code)
        if self._faults.refusal_body == "html":
            page = f"<html><body><h1>{status} {HTTPStatus(status).phrase}</h1></body></html>"
            return web.Response(status=status, text=page, content_type="text/html")
        return self._reply([], [_REFUSALS[code].wire()], status)

    def _reply(self, data: list[Object], errors: list[Object], status: int) -> web.Response:
        if errors and not data and self._faults.error_status == "200":
            status = HTTPStatus.OK
        return web.json_response(self._teller.envelope(data, errors), status=status)

    # GET /image/...

    async def _image(self, request: web.Request) -> web.StreamResponse:
        """Serve a result's bytes, or what section 13 says may come in their place."""
        self.fetched.append(str(request.url))
        uuid = request.path.rpartition("/")[2].partition(".")[0]
        picture = self._gallery.get(uuid)
        fault = self._faults.take("image")
        if fault == "html502":
            return web.Response(status=HTTPStatus.BAD_GATEWAY, text=_BAD_GATEWAY, content_type="text/html")
        if fault == "gone":
            return web.Response(status=HTTPStatus.GONE)
        if picture is None:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        if fault == "wrong_type":
            return web.Response(text="<html><body>A page, and no picture.</body></html>", content_type="text/html")
        if fault == "redirect":
            raise web.HTTPFound(self._foreign + request.path)
        if fault == "slow":
            await asyncio.sleep(self._faults.slow_seconds)
        if fault == "huge":
            return await _flood(request, picture.data, picture.media_type)
        return web.Response(body=picture.data, content_type=picture.media_type)


async def _flood(request: web.Request, data: bytes, media_type: str) -> web.StreamResponse:
    """Send a picture that does not end for a long time, without saying its length before."""
    response = web.StreamResponse(headers={"Content-Type": media_type})
    zeros = bytes(2**20)
    try:
        await response.prepare(request)
        await response.write(data)
        for _ in range(HUGE // len(zeros)):
            await response.write(zeros)
    except ConnectionError:
        pass  # whoever asked has seen enough
    return response


def _drop(request: web.Request) -> web.Response:
    """End the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _no_such_kind(asked: Object) -> Answer:
    code = "invalidTaskType" if "taskType" in asked else "missingTaskType"
    raise Refused(Problem(code, "'taskType' must name one of the tasks that are here.", "taskType"))


def _uuid(asked: Object) -> object:
    if "taskUUID" not in asked:
        raise Refused(Problem("missingTaskUUID", "'taskUUID' is required.", "taskUUID"))
    return asked["taskUUID"]


def _not_found() -> Problem:
    return Problem("taskNotFound", "There is no task of that UUID.", "taskUUID")
