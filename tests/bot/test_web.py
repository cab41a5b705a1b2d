from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import web

from bot.metrics import Metrics
from bot.web import delivery_url, ops_app, public_app, serve, sign

KEY = b"a key of sixteen bytes or more"
TASK = "5f0c1f3e-9d0a-4f0e-8a11-0c5f5e1d2b3c"
PATH = f"/runware/{TASK}/{sign(KEY, TASK)}"


@dataclass
class Recorder:
    """Remembers what was recorded, and raises what it was told to raise."""

    recorded: list[tuple[str, bytes]] = field(default_factory=list)
    error: Exception | None = None

    async def __call__(self, task_uuid: str, body: bytes) -> None:
        if self.error:
            raise self.error
        self.recorded.append((task_uuid, body))


@asynccontextmanager
async def public_door(
    recorder: Recorder, *, max_body: int = 1000, body_seconds: float = 10, header_seconds: float = 10
) -> AsyncGenerator[str]:
    app = public_app(key=KEY, record=recorder, max_body=max_body, body_seconds=body_seconds)
    async with serve(app, "127.0.0.1", 0, header_seconds=header_seconds, linger_seconds=0.05) as (host, port):
        yield f"http://{host}:{port}"


async def post(url: str, data: bytes | AsyncIterator[bytes] = b"{}") -> tuple[int, str, dict[str, str]]:
    async with aiohttp.ClientSession() as session, session.post(url, data=data) as response:
        return response.status, await response.text(), dict(response.headers)


async def raw(base: str, *parts: bytes, until_closed: bool = True) -> bytes:
    """Send bytes as they are and return everything that comes back until the other side closes."""
    host, _, port = base.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        return await reader.read(-1 if until_closed else 65536)
    finally:
        writer.close()


def head(path: str = PATH, *headers: str) -> bytes:
    return "\r\n".join((f"POST {path} HTTP/1.1", "Host: bot", *headers, "", "")).encode()


async def test_a_genuine_delivery_is_recorded_and_then_acknowledged() -> None:
    recorder = Recorder()
    async with public_door(recorder) as base:
        status, text, _ = await post(base + PATH, b'{"data": []}')
    assert (status, text) == (204, "")
    assert recorder.recorded == [(TASK, b'{"data": []}')]


async def test_what_the_body_says_is_for_the_recorder_to_judge() -> None:
    recorder = Recorder()
    async with public_door(recorder) as base:
        assert (await post(base + PATH, b"\xff not json"))[0] == 204
    assert recorder.recorded == [(TASK, b"\xff not json")]


async def test_a_compressed_body_is_not_unpacked() -> None:
    recorder = Recorder()
    async with public_door(recorder, header_seconds=0.1) as base:
        answer = await raw(base, head(PATH, "Content-Encoding: gzip", "Content-Length: 4") + b"nope")
    assert answer.startswith(b"HTTP/1.1 204 ")
    assert recorder.recorded == [(TASK, b"nope")]


async def test_the_delivery_url_reaches_the_door() -> None:
    recorder = Recorder()
    async with public_door(recorder) as base:
        assert (await post(delivery_url(base + "/", KEY, TASK)))[0] == 204
    assert len(recorder.recorded) == 1


async def test_the_answer_waits_for_the_record() -> None:
    begun, allowed = asyncio.Event(), asyncio.Event()

    async def record(_: str, __: bytes) -> None:
        begun.set()
        await allowed.wait()

    async with serve(public_app(key=KEY, record=record), "127.0.0.1", 0) as (host, port):
        answer = asyncio.create_task(post(f"http://{host}:{port}{PATH}"))
        await begun.wait()
        assert not answer.done()
        allowed.set()
        assert (await answer)[0] == 204


OTHER = str(uuid4())


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(f"/runware/{TASK}/{'0' * 64}", id="wrong token"),
        pytest.param(f"/runware/{TASK}/short", id="short token"),
        pytest.param(f"/runware/{TASK}/%C3%A9%FF", id="token outside ASCII"),
        pytest.param(f"/runware/{OTHER}/{sign(KEY, TASK)}", id="token of another task"),
        pytest.param(f"/runware/{TASK}/{sign(b'another key', TASK)}", id="token by another key"),
        pytest.param(f"/runware/{TASK.upper()}/{sign(KEY, TASK.upper())}", id="signed, upper case"),
        pytest.param(f"/runware/not-a-uuid/{sign(KEY, 'not-a-uuid')}", id="signed, no UUID"),
        pytest.param(f"/runware/{TASK}", id="no token"),
        pytest.param(f"{PATH}/more", id="more path"),
        pytest.param("/", id="root"),
        pytest.param("/healthz", id="wrong method"),
        pytest.param("/metrics", id="operators' path"),
    ],
)
async def test_every_wrong_path_gets_the_same_404(path: str) -> None:
    recorder = Recorder()
    async with public_door(recorder) as base:
        status, text, headers = await post(base + path)
        _, expected, _ = await post(base + "/nothing/here")
    assert (status, text) == (404, expected)
    assert "Allow" not in headers
    assert recorder.recorded == []


async def test_a_wrong_method_on_the_delivery_path_is_a_404_too() -> None:
    async with public_door(Recorder()) as base, aiohttp.ClientSession() as session, session.get(base + PATH) as answer:
        assert answer.status == 404


async def test_a_forged_delivery_is_refused_before_its_body_is_sent() -> None:
    async with public_door(Recorder()) as base:
        answer = await raw(base, head(f"/runware/{TASK}/{'0' * 64}", "Content-Length: 500"), until_closed=False)
    assert answer.startswith(b"HTTP/1.1 404 ")


async def test_health_is_public() -> None:
    async with (
        public_door(Recorder()) as base,
        aiohttp.ClientSession() as session,
        session.get(base + "/healthz") as answer,
    ):
        assert (answer.status, await answer.text()) == (200, "ok\n")


async def test_a_body_at_the_limit_is_taken() -> None:
    recorder = Recorder()
    async with public_door(recorder, max_body=1000) as base:
        assert (await post(base + PATH, b"x" * 1000))[0] == 204
    assert recorder.recorded == [(TASK, b"x" * 1000)]


async def test_a_body_announced_over_the_limit_is_refused_before_it_is_sent() -> None:
    recorder = Recorder()
    async with public_door(recorder, max_body=1000) as base:
        answer = await raw(base, head(PATH, "Content-Length: 1001"), until_closed=False)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert recorder.recorded == []


async def test_a_chunked_body_over_the_limit_is_refused() -> None:
    recorder = Recorder()
    chunk = b"190\r\n" + b"x" * 400 + b"\r\n"
    async with public_door(recorder, max_body=1000) as base:
        answer = await raw(base, head(PATH, "Transfer-Encoding: chunked"), chunk * 3, until_closed=False)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert recorder.recorded == []


async def test_a_slow_body_is_given_up() -> None:
    recorder = Recorder()
    async with public_door(recorder, body_seconds=0.05) as base:
        answer = await raw(base, head(PATH, "Content-Length: 10"), b"abc")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert recorder.recorded == []


@pytest.mark.parametrize("sent", [b"", b"POST", head(PATH)[:-2]])
async def test_an_unfinished_head_closes_the_connection(sent: bytes) -> None:
    async with public_door(Recorder(), header_seconds=0.05) as base:
        assert await raw(base, sent) == b""


async def test_a_head_that_trickles_closes_the_connection() -> None:
    async with public_door(Recorder(), header_seconds=0.05) as base:
        host, _, port = base.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))

        async def trickle() -> None:
            for byte in head(PATH, f"X-Long: {'x' * 2000}"):
                writer.write(bytes([byte]))
                await asyncio.sleep(0.005)

        sender = asyncio.create_task(trickle())
        try:
            answer = await reader.read()
        except ConnectionError:
            answer = b""
        assert not sender.done()
        sender.cancel()
        writer.close()
    assert answer == b""


async def test_an_idle_connection_is_closed_after_its_answer() -> None:
    async with public_door(Recorder(), header_seconds=0.05) as base:
        answer = await raw(base, head(PATH, "Content-Length: 2"), b"{}")
    assert answer.startswith(b"HTTP/1.1 204 ")


async def test_a_second_delivery_may_use_the_same_connection() -> None:
    recorder = Recorder()
    async with public_door(recorder, header_seconds=0.1) as base:
        answer = await raw(base, (head(PATH, "Content-Length: 2") + b"{}") * 2)
    assert answer.count(b"HTTP/1.1 204 ") == 2
    assert len(recorder.recorded) == 2


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(head(PATH, "Transfer-Encoding: chunked") + b"zz\r\n", id="broken chunk"),
        pytest.param(b"nonsense\r\n\r\n", id="no request"),
        pytest.param(head(PATH, "Content-Length: x"), id="no length"),
    ],
)
async def test_a_malformed_request_is_a_400_that_says_nothing(sent: bytes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    recorder = Recorder()
    async with public_door(recorder) as base:
        answer = await raw(base, sent, until_closed=False)
    assert b" 400 Bad Request" in answer.partition(b"\r\n")[0]
    assert b"aiohttp" not in answer
    assert b"Python" not in answer
    assert sign(KEY, TASK) not in caplog.text
    assert not [record for record in caplog.records if record.levelno > logging.INFO]
    assert recorder.recorded == []


async def test_a_body_that_breaks_off_records_nothing_and_alarms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    recorder = Recorder()
    async with public_door(recorder) as base:
        host, _, port = base.removeprefix("http://").rpartition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(head(PATH, "Content-Length: 10") + b"abc")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        while not [record for record in caplog.records if record.name == "bot.web"]:
            await asyncio.sleep(0.001)
    assert [record.levelno for record in caplog.records if record.name == "bot.web"] == [logging.INFO]
    assert recorder.recorded == []


async def test_a_record_that_fails_is_a_500_and_logs_no_token(caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder(error=TimeoutError("the disk is full"))
    async with public_door(recorder) as base:
        status, text, _ = await post(base + PATH)
    assert (status, "disk" in text) == (500, False)
    (failure,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert vars(failure)["task_uuid"] == TASK
    assert "the disk is full" in caplog.text
    assert sign(KEY, TASK) not in caplog.text


async def test_the_access_line_names_the_task_and_never_the_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with public_door(Recorder()) as base:
        await post(base + PATH)
        await post(base + PATH + "/more")
        await post(base + f"/runware/not-a-uuid/{'f' * 64}")
    lines = [record for record in caplog.records if record.name == "bot.web"]
    assert [line.getMessage().rpartition(" in ")[0] for line in lines] == [
        "POST /runware/{task_uuid}/{token} 204",
        "POST (unknown path) 404",
        "POST /runware/{task_uuid}/{token} 404",
    ]
    assert [vars(line).get("task_uuid") for line in lines] == [TASK, None, None]
    assert not [line for line in caplog.records if sign(KEY, TASK) in str(vars(line)) or "f" * 64 in str(vars(line))]


@pytest.mark.parametrize("path", [PATH, "/healthz", "/nothing"])
async def test_no_answer_tells_versions(path: str) -> None:
    async with public_door(Recorder()) as base:
        _, _, headers = await post(base + path)
    assert headers["Server"] == "darkroom"


async def test_leaving_the_block_closes_the_port() -> None:
    async with public_door(Recorder()) as base:
        pass
    with pytest.raises(OSError):  # noqa: PT011 - which one is the system's affair
        await raw(base)


async def test_a_delivery_under_way_is_finished_before_the_door_closes() -> None:
    begun, allowed = asyncio.Event(), asyncio.Event()

    async def record(_: str, __: bytes) -> None:
        begun.set()
        await allowed.wait()

    async with serve(public_app(key=KEY, record=record), "127.0.0.1", 0) as (host, port):
        answer = asyncio.create_task(post(f"http://{host}:{port}{PATH}"))
        await begun.wait()
        asyncio.get_running_loop().call_soon(allowed.set)
    assert (await answer)[0] == 204


async def test_a_delivery_that_hangs_does_not_keep_the_door_open() -> None:
    begun = asyncio.Event()

    async def record(_: str, __: bytes) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with serve(public_app(key=KEY, record=record), "127.0.0.1", 0, finish_seconds=0.05) as (host, port):
        answer = asyncio.create_task(post(f"http://{host}:{port}{PATH}"))
        await begun.wait()
    with pytest.raises(aiohttp.ClientError):
        await answer


async def fetch(app: web.Application, path: str) -> tuple[int, str]:
    async with (
        serve(app, "127.0.0.1", 0) as (host, port),
        aiohttp.ClientSession() as session,
        session.get(f"http://{host}:{port}{path}") as answer,
    ):
        return answer.status, await answer.text()


@pytest.mark.parametrize(("database", "status"), [(True, 200), (False, 503)])
async def test_readiness_names_each_part(*, database: bool, status: int) -> None:
    async def ready() -> dict[str, bool]:
        return {"discord": True, "database": database}

    answer = await fetch(ops_app(metrics=Metrics(), ready=ready), "/readyz")
    assert answer == (status, f'{{"discord": true, "database": {str(database).lower()}}}')


async def test_metrics_are_counted_when_they_are_asked_for() -> None:
    metrics = Metrics()

    async def ready() -> dict[str, bool]:
        raise AssertionError("only the metrics are asked for")

    async def refresh() -> None:
        metrics.queued.set(3)

    assert "darkroom_queued 0.0" in (await fetch(ops_app(metrics=metrics, ready=ready), "/metrics"))[1]
    assert "darkroom_queued 3.0" in (await fetch(ops_app(metrics=metrics, ready=ready, refresh=refresh), "/metrics"))[1]


async def test_a_handler_that_raises_is_logged_and_answered_without_details(caplog: pytest.LogCaptureFixture) -> None:
    async def ready() -> dict[str, bool]:
        raise LookupError("inner detail")

    status, text = await fetch(ops_app(metrics=Metrics(), ready=ready), "/readyz")
    assert (status, text) == (500, "")
    assert "inner detail" in caplog.text
