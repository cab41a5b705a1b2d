"""The doors: deliveries on the public one; health and metrics on a second, loopback one.

A delivery's path carries a token, HMAC-SHA256 of its task's UUID, since Runware signs nothing itself. Whoever does not
know it learns nothing here: every refusal of a path is the same 404, given before the body is read.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

from aiohttp import web

from bot.metrics import CONTENT_TYPE, Metrics

log = logging.getLogger(__name__)

#: A delivery has a few kilobytes for each of at most 20 results.
MAX_BODY: Final = 4 * 1024 * 1024
#: One whose picture comes within it: the largest result, as base64, and room for what is said of it.
MAX_INLINE_BODY: Final = 48 * 1024 * 1024
#: So many seconds a body may take; the latter one longer.
BODY_SECONDS: Final = 10.0
INLINE_BODY_SECONDS: Final = 30.0
#: What the ``Server`` header says, in place of aiohttp's and Python's versions.
_SERVER: Final = "darkroom"
#: Turns of the loop in which a connection that was accepted reaches its server: asyncio takes three, and a few to spare.
_TURNS: Final = 8

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def sign(key: bytes, task_uuid: str) -> str:
    """Return the token of a task's delivery path: 64 hexadecimal digits."""
    # Not the one-shot hmac.digest: it lets go of the interpreter's lock, and gets it back late while the store works.
    return hmac.new(key, task_uuid.encode(errors="replace"), "sha256").hexdigest()


def delivery_url(public_url: str, key: bytes, task_uuid: str) -> str:
    """Return the address that Runware is told to deliver a task's outcomes to."""
    return f"{public_url.rstrip('/')}/runware/{task_uuid}/{sign(key, task_uuid)}"


def public_app(
    *,
    key: bytes,
    record: Callable[[str, bytes], Awaitable[None]],
    max_body: int = MAX_BODY,
    body_seconds: float = BODY_SECONDS,
) -> web.Application:
    """Return the public door: ``POST /runware/{task_uuid}/{token}`` and ``GET /healthz``, and 404 for all else.

    ``record`` is awaited with the task and the body, and its return is answered with 204. When it raises, the answer is
    500, so that Runware sends the delivery again. What the body says is for ``record`` to judge.
    """

    async def deliver(request: web.Request) -> web.Response:
        task_uuid = request.match_info["task_uuid"]
        if not _genuine(key, task_uuid, request.match_info["token"]):
            raise web.HTTPNotFound
        body = await _body(request, max_body, body_seconds)
        try:
            await record(task_uuid, body)
        except Exception:
            log.exception("A delivery could not be recorded", extra={"task_uuid": task_uuid})
            return web.Response(status=500)
        return web.Response(status=204)

    return _application(web.post("/runware/{task_uuid}/{token}", deliver), web.get("/healthz", _healthy))


def ops_app(
    *,
    metrics: Metrics,
    ready: Callable[[], Awaitable[dict[str, bool]]],
    refresh: Callable[[], Awaitable[None]] | None = None,
) -> web.Application:
    """Return the operators' door: ``GET /readyz`` (503 unless every part is ready) and ``GET /metrics``.

    ``refresh`` is awaited before the metrics are rendered, to set those that are counted rather than kept.
    """

    async def readiness(_: web.Request) -> web.Response:
        parts = await ready()
        return web.json_response(parts, status=200 if all(parts.values()) else 503)

    async def exposition(_: web.Request) -> web.Response:
        if refresh is not None:
            await refresh()
        return web.Response(body=metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    return _application(web.get("/readyz", readiness), web.get("/metrics", exposition))


@asynccontextmanager
async def serve(
    app: web.Application,
    host: str,
    port: int,
    *,
    header_seconds: float = 10,
    linger_seconds: float = 1,
    finish_seconds: float = 1,
) -> AsyncGenerator[tuple[str, int]]:
    """Serve ``app`` inside the block, and yield the address it is bound to (with ``port`` 0, the one that was free).

    A connection that has not sent a whole request head within ``header_seconds``, from its start or from its last
    answer, is closed. What is left of a refused body is thrown away for ``linger_seconds`` at most, so that the sender
    gets to read the refusal. Requests under way get ``finish_seconds`` to end when the block does.
    """
    runner = web.AppRunner(app, shutdown_timeout=finish_seconds)
    await runner.setup()
    manager = runner.server
    assert manager is not None, "setup makes it"  # noqa: S101 - tells the type checker what setup() promises
    loop = asyncio.get_running_loop()

    def connection() -> _Connection:
        # aiohttp bounds only the idle time between requests; but that clock starts with the connection and is not put
        # back by the bytes of an unfinished head, so that it bounds the head as well.
        return _Connection(
            manager,
            loop=loop,
            keepalive_timeout=header_seconds,
            lingering_time=linger_seconds,
            auto_decompress=False,  # unpacking is work that a forger could ask for before the token is looked at
            access_log=None,  # pyright: ignore[reportArgumentType] - None is documented: the line is _access_line's
        )

    try:
        server = await loop.create_server(connection, host, port)
        address = server.sockets[0].getsockname()
        try:
            yield address[0], address[1]
        finally:
            server.close()
            # A connection that was accepted just now takes a few turns of the loop to reach aiohttp, which closes those
            # it knows and no others.
            for _ in range(_TURNS):
                await asyncio.sleep(0)
    finally:
        await runner.cleanup()


class _Connection(web.RequestHandler):
    """A connection that tells neither its sender nor the log what was wrong with a malformed request."""

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002 - its head may be half read
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - it repeats the request, secret path and all
    ) -> web.StreamResponse:
        """Answer what is no request with 400, and what a handler raised with 500."""
        if status >= 500:  # noqa: PLR2004 - where the fault is ours
            log.error("A request could not be answered", exc_info=exc)
        response = web.Response(status=status, headers={"Server": _SERVER})
        response.force_close()
        return response


def _application(*routes: web.RouteDef) -> web.Application:
    app = web.Application(middlewares=[_access_line, _only_known])
    app.add_routes(routes)
    app.on_response_prepare.append(_hide_versions)
    return app


async def _hide_versions(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = _SERVER


@web.middleware
async def _access_line(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Write one line for each request: its route and its task, never its path, which holds the token."""
    started, status = time.perf_counter(), 500
    try:
        response = await handler(request)
    except web.HTTPException as refusal:
        status = refusal.status
        raise
    else:
        status = response.status
        return response
    finally:
        resource = request.match_info.route.resource
        task_uuid = request.match_info.get("task_uuid", "")
        log.info(
            "%s %s %d in %.1f ms",
            request.method,
            resource.canonical if resource else "(unknown path)",
            status,
            (time.perf_counter() - started) * 1000,
            extra={"task_uuid": task_uuid} if _canonical(task_uuid) else {},
        )


@web.middleware
async def _only_known(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Answer a wrong method as a wrong path is answered: what exists here is nobody's business."""
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed:
        raise web.HTTPNotFound from None


async def _healthy(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


def _genuine(key: bytes, task_uuid: str, token: str) -> bool:
    """Whether the path is one that we made. Compared in constant time, as bytes: text may not be ASCII."""
    known = hmac.compare_digest(sign(key, task_uuid).encode(), token.encode(errors="replace"))
    return known and _canonical(task_uuid)


def _canonical(text: str) -> bool:
    """Whether ``text`` is a UUID as we write it: hyphens, lower case."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


async def _body(request: web.Request, limit: int, seconds: float) -> bytes:
    """Read the body, within ``limit`` bytes and ``seconds``.

    Raises:
        HTTPRequestEntityTooLarge: it is longer than that, announced or not.
        HTTPRequestTimeout: it did not come in time.
        HTTPBadRequest: it broke off or its encoding is broken.
    """
    if (request.content_length or 0) > limit:
        raise web.HTTPRequestEntityTooLarge(limit)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > limit:
                    raise web.HTTPRequestEntityTooLarge(limit)
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (ConnectionError, web.RequestPayloadError):
        raise web.HTTPBadRequest from None
    return bytes(body)
