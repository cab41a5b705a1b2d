from __future__ import annotations

import asyncio
import json
import random
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver
from aiohttp.test_utils import TestServer, unused_port

from bot.runware.client import MAX_INLINE_REPLY_BYTES, MAX_REPLY_BYTES, Account, RunwareClient, _broken
from bot.runware.errors import Ambiguous, FetchFailed, Kind, RefusedHost, Rejected, RunwareError
from bot.runware.schema import ImageInference
from playground.runware import LocalRunware as Preview
from storage.records import Failure, Processing, Success

TASK = "6f0c1f5e-0f3a-4c0e-9d52-6b6a3a7d8e10"
OTHER = "7a1d2e6f-1a4b-4d1f-8e63-7c7b4b8e9f21"
IMAGE = "b0000001-1111-4222-8333-444444444444"
URL = f"https://im.runware.ai/image/os/a01d21/ws/3/ii/{IMAGE}.jpg"
PICTURE = Success(TASK, IMAGE, URL, seed=29892, cost=44_200)
KEY = "k3y-that-nobody-may-see"
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40

Sample = Callable[[str], bytes]
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def task(picture: str = "aGVsbG8=") -> ImageInference:
    return ImageInference.model_validate(
        {
            "taskType": "imageInference",
            "taskUUID": TASK,
            "model": "runware:108@22",
            "positivePrompt": "Make it rain",
            "inputs": {"referenceImages": [picture]},
            "width": 1024,
            "height": 768,
            "CFGScale": 7.5,
        }
    )


class LocalRunware:
    """A real server on this machine that gives scripted answers, the last one for ever, and keeps what it was sent."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.bodies: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.bodies.append(json.loads(body) if body else None)
        self.headers.append(dict(request.headers))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answer(request)

    def will(self, *answers: Answer) -> None:
        self.answers = list(answers)

    def say(self, body: Any, status: int = 200) -> None:
        self.will(says(body, status))

    @property
    def hosts(self) -> frozenset[str]:
        return frozenset({self.url.split("/")[2]})


def says(body: Any, status: int = 200, **kwargs: Any) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=data, status=status, **kwargs)

    return answer


async def resets(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def never_answers(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    raise AssertionError


async def stops_half_way(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "5000"})
    await response.prepare(request)
    await response.write(JPEG[:1000])
    assert request.transport is not None
    request.transport.abort()
    return response


async def never_ends(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    try:
        while True:
            await response.write(JPEG)
    except ConnectionError:
        return response


HTML = b"<html><body>502 Bad Gateway</body></html>"


@pytest.fixture
async def runware() -> AsyncGenerator[LocalRunware]:
    local = LocalRunware()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", local.handle)
    async with TestServer(app, host="127.0.0.1") as server:
        local.url = str(server.make_url("/v1"))
        yield local


@pytest.fixture
async def session() -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def client_of(session: aiohttp.ClientSession, url: str, *, timeout: float = 20, retries: int = 3) -> RunwareClient:
    return RunwareClient(session, url=url, api_key=KEY, timeout=timeout, retries=retries, backoff=0.001)


@pytest.fixture
def client(session: aiohttp.ClientSession, runware: LocalRunware) -> RunwareClient:
    return client_of(session, runware.url)


@asynccontextmanager
async def raw_server(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncGenerator[str]:
    """A server below HTTP; yields its address."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()
        await server.wait_closed()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return head + await reader.readexactly(length)


# Submitting --------------------------------------------------------------------------------------------------


async def test_a_submit_is_one_post_of_an_array_with_our_key_in_the_header(
    client: RunwareClient, runware: LocalRunware, sample: Sample
) -> None:
    runware.say(sample("acknowledgement"))
    assert await client.submit(task()) == []
    assert runware.bodies == [[task().wire()]]
    assert runware.bodies[0][0]["CFGScale"] == 7.5
    assert runware.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert runware.headers[0]["Content-Type"] == "application/json"


async def test_pictures_of_many_megabytes_arrive_whole(
    client: RunwareClient, runware: LocalRunware, sample: Sample
) -> None:
    runware.say(sample("acknowledgement"))
    large = task("data:image/png;base64," + "A" * 6_000_000)
    await client.submit(large)
    assert runware.bodies == [[large.wire()]]


async def test_results_in_the_answer_to_a_submit_are_returned(
    client: RunwareClient, runware: LocalRunware, sample: Sample
) -> None:
    runware.say(sample("delivery-1-data"))
    assert await client.submit(task()) == [PICTURE]


async def test_an_answer_of_part_results_and_part_errors_gives_both(
    client: RunwareClient, runware: LocalRunware, sample: Sample
) -> None:
    runware.say(sample("poll-partial"))
    picture, failure = await client.submit(task())
    assert picture == PICTURE
    assert isinstance(failure, Failure)


@pytest.mark.parametrize("status", [200, 400, 409, 500])
async def test_a_conflict_means_that_runware_has_the_task(
    client: RunwareClient, runware: LocalRunware, sample: Sample, status: int
) -> None:
    runware.say(sample("conflict"), status)
    assert await client.submit(task()) == []
    assert len(runware.bodies) == 1


@pytest.mark.parametrize(
    ("name", "status", "code", "kind"),
    [
        ("invalid-parameters", 400, "invalidInteger", Kind.VALIDATION),
        ("invalid-parameters", 200, "invalidInteger", Kind.VALIDATION),
        ("invalid-key", 401, "invalidApiKey", Kind.AUTH),
        ("insufficient-credits", 402, "insufficientCredits", Kind.QUOTA),
        ("insufficient-credits", 200, "insufficientCredits", Kind.QUOTA),
        ("delivery-4-error", 400, "unknown", Kind.VALIDATION),
        ("delivery-5-flat", 403, "providerContentPolicyViolation", Kind.SAFETY),
    ],
)
async def test_what_runware_refuses_is_rejected_with_everything_it_complained_of(
    *, client: RunwareClient, runware: LocalRunware, sample: Sample, name: str, status: int, code: str, kind: Kind
) -> None:
    runware.say(sample(name), status)
    with pytest.raises(Rejected) as caught:
        await client.submit(task())
    assert (caught.value.code, caught.value.kind, caught.value.http_status) == (code, kind, status)
    assert caught.value.failures[0].code == code
    assert len(runware.bodies) == 1


async def test_a_refusal_names_every_blamed_parameter(
    client: RunwareClient, runware: LocalRunware, sample: Sample
) -> None:
    runware.say(sample("invalid-parameters"), 400)
    with pytest.raises(Rejected) as caught:
        await client.submit(task())
    blamed = [failure.parameters for failure in caught.value.failures]
    assert blamed == [("steps",), ("cacheStartStep", "cacheEndStep")]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Kind.VALIDATION),
        (401, Kind.AUTH),
        (402, Kind.QUOTA),
        (404, Kind.NOT_FOUND),
        (413, Kind.VALIDATION),
        (429, Kind.RATE_LIMIT),
    ],
)
@pytest.mark.parametrize("body", [HTML, b""])
async def test_a_refusing_status_is_rejected_even_without_a_readable_body(
    client: RunwareClient, runware: LocalRunware, status: int, kind: Kind, body: bytes
) -> None:
    runware.say(body, status)
    with pytest.raises(Rejected) as caught:
        await client.submit(task())
    assert (caught.value.code, caught.value.kind) == (f"http{status}", kind)
    assert len(runware.bodies) == 1


@pytest.mark.parametrize("status", [302, 408, 500, 502, 503, 504])
@pytest.mark.parametrize("name", ["delivery-4-error", "poll-empty", "poll-504-terminal", None])
async def test_any_other_status_leaves_the_fate_open_and_is_not_repeated(
    client: RunwareClient, runware: LocalRunware, sample: Sample, status: int, name: str | None
) -> None:
    runware.will(says(sample(name) if name else HTML, status, headers={"Location": "/elsewhere"}))
    with pytest.raises(Ambiguous) as caught:
        await client.submit(task())
    assert caught.value.http_status == status
    assert len(runware.bodies) == 1


async def test_an_open_fate_still_tells_the_errors_that_came_with_it(
    client: RunwareClient, runware: LocalRunware, sample: Sample
) -> None:
    runware.say(sample("poll-504-terminal"), 504)
    with pytest.raises(Ambiguous) as caught:
        await client.submit(task())
    assert (caught.value.kind, caught.value.failures[0].code) == (Kind.TIMEOUT, "failedProviderTimeout")


@pytest.mark.parametrize("name", ["delivery-3-errors", "delivery-4-error", "poll-504-terminal"])
async def test_an_error_that_a_started_task_may_give_leaves_the_fate_open(
    client: RunwareClient, runware: LocalRunware, sample: Sample, name: str
) -> None:
    runware.say(sample(name))
    with pytest.raises(Ambiguous):
        await client.submit(task())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        HTML,
        b'{"data": []}',
        b'{"data": [{"taskType": "imageInference", "taskUUID": "%s"}]}' % OTHER.encode(),
        b'{"pong": true}',
        b"x" * (MAX_REPLY_BYTES + 1),
    ],
    ids=["empty", "html", "no data", "another task", "no task", "too large"],
)
async def test_an_accepting_status_that_says_nothing_of_the_task_leaves_the_fate_open(
    client: RunwareClient, runware: LocalRunware, body: bytes
) -> None:
    runware.say(body)
    with pytest.raises(Ambiguous) as caught:
        await client.submit(task())
    assert (caught.value.code, caught.value.http_status) == ("unrecognizedResponse", 200)
    assert len(runware.bodies) == 1


@pytest.mark.parametrize("most", [MAX_REPLY_BYTES, MAX_INLINE_REPLY_BYTES])
async def test_a_poll_with_pictures_in_it_is_read_as_far_as_it_may_be_long(
    session: aiohttp.ClientSession, runware: LocalRunware, most: int
) -> None:
    text = "A" * (MAX_REPLY_BYTES // 2)
    items = [{"taskUUID": TASK, "imageUUID": name, "imageBase64Data": text, "status": "success"} for name in "ab"]
    runware.say({"data": items})
    client = RunwareClient(session, url=runware.url, api_key=KEY, retries=0, max_reply=most)
    if most == MAX_REPLY_BYTES:
        with pytest.raises(RunwareError):
            await client.responses([TASK])
        return
    said = (await client.responses([TASK]))[TASK]
    assert [outcome.inline == text for outcome in said if isinstance(outcome, Success)] == [True, True]


@pytest.mark.parametrize(
    "answer",
    [resets, stops_half_way, says(b"not gzip", headers={"Content-Encoding": "gzip"})],
    ids=["resets", "stops half way", "is not gzip"],
)
async def test_an_answer_that_breaks_leaves_the_fate_open(
    client: RunwareClient, runware: LocalRunware, answer: Answer
) -> None:
    runware.will(answer)
    with pytest.raises(Ambiguous) as caught:
        await client.submit(task())
    assert (caught.value.code, caught.value.kind) == ("connectionLost", Kind.CONNECTION)
    assert len(runware.bodies) == 1


async def test_a_submit_that_times_out_leaves_the_fate_open(
    session: aiohttp.ClientSession, runware: LocalRunware
) -> None:
    runware.will(never_answers)
    with pytest.raises(Ambiguous) as caught:
        await client_of(session, runware.url, timeout=1).submit(task())
    assert (caught.value.code, caught.value.kind) == ("timeout", Kind.TIMEOUT)
    assert len(runware.bodies) == 1


async def test_a_connection_that_is_reset_before_the_request_was_read_leaves_the_fate_open(
    session: aiohttp.ClientSession,
) -> None:
    connections: list[int] = []

    async def reset(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        connections.append(1)

    async with raw_server(reset) as url:
        with pytest.raises(Ambiguous):
            await client_of(session, url).submit(task())
    assert len(connections) == 1


async def test_an_answer_that_is_not_http_leaves_the_fate_open(session: aiohttp.ClientSession) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"220 smtp.example ready\r\n\r\n")
        await writer.drain()

    async with raw_server(babble) as url:
        with pytest.raises(Ambiguous):
            await client_of(session, url).submit(task())


@pytest.mark.parametrize(
    "error",
    [
        aiohttp.ClientOSError(104, "Connection reset by peer"),
        aiohttp.ClientConnectionResetError("Cannot write to closing transport"),
        aiohttp.ServerDisconnectedError(),
        aiohttp.SocketTimeoutError(),
        aiohttp.ClientPayloadError(),
        TimeoutError(),
    ],
    ids=repr,
)
def test_only_what_breaks_before_there_is_a_connection_is_known_to_have_sent_nothing(error: Exception) -> None:
    assert _broken(error).sent
    assert not _broken(aiohttp.ConnectionTimeoutError()).sent


async def test_a_stale_connection_leaves_the_fate_open_and_repeats_nothing(
    session: aiohttp.ClientSession, sample: Sample
) -> None:
    received: list[bytes] = []

    async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await read_request(reader))
        body = sample("acknowledgement")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        received.append(await read_request(reader))

    async with raw_server(answer_once) as url:
        client = client_of(session, url)
        assert await client.submit(task()) == []
        with pytest.raises(Ambiguous):
            await client.submit(task())
    assert len(received) == 2


async def test_a_refused_connection_is_rejected_because_nothing_was_sent(session: aiohttp.ClientSession) -> None:
    with pytest.raises(Rejected) as caught:
        await client_of(session, f"http://127.0.0.1:{unused_port()}/v1").submit(task())
    assert (caught.value.code, caught.value.kind) == ("connectionFailed", Kind.CONNECTION)
    assert caught.value.http_status is None


async def test_a_host_without_an_address_is_rejected_because_nothing_was_sent() -> None:
    class Nowhere(AbstractResolver):
        async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> Any:
            raise OSError(f"{host} has no address")

        async def close(self) -> None:
            pass

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=Nowhere())) as session:
        with pytest.raises(Rejected) as caught:
            await client_of(session, "https://api.example/v1").submit(task())
    assert caught.value.kind is Kind.CONNECTION


async def test_a_failed_tls_handshake_is_rejected_because_nothing_was_sent(
    session: aiohttp.ClientSession, runware: LocalRunware
) -> None:
    with pytest.raises(Rejected):
        await client_of(session, runware.url.replace("http:", "https:")).submit(task())
    assert runware.bodies == []


async def test_waiting_in_vain_for_a_connection_is_rejected_because_nothing_was_sent(runware: LocalRunware) -> None:
    runware.will(never_answers)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
        busy = asyncio.create_task(client_of(session, runware.url).submit(task()))
        while not runware.bodies:
            await asyncio.sleep(0.01)
        with pytest.raises(Rejected) as caught:
            await client_of(session, runware.url, timeout=0.2).submit(task())
        assert caught.value.kind is Kind.CONNECTION
        busy.cancel()
        with pytest.raises(asyncio.CancelledError):
            await busy
    assert len(runware.bodies) == 1


async def test_the_key_shows_in_no_repr_log_or_error(
    client: RunwareClient, runware: LocalRunware, caplog: pytest.LogCaptureFixture
) -> None:
    quoting = {"errors": [{"code": f"invalidApiKey:{KEY}", "message": f"The key {KEY} is wrong"}]}
    runware.will(says(quoting, 401), resets, says(b"?", 500))
    caplog.set_level("DEBUG")
    shown = [repr(client), str(client)]
    for _ in range(3):
        with pytest.raises(RunwareError) as caught:
            await client.submit(task())
        error = caught.value
        shown += [repr(error), str(error), str(error.failures)]
        assert error.__cause__ is None
        assert error.__context__ is None
    runware.say(b"?", 500)
    with pytest.raises(RunwareError):
        await client.ping()
    assert KEY not in "".join(shown) + caplog.text


# Asking ------------------------------------------------------------------------------------------------------


async def test_several_tasks_are_polled_in_one_call(
    client: RunwareClient, runware: LocalRunware, sample: Sample
) -> None:
    runware.say(sample("poll-two-tasks"))
    unknown = "11111111-1111-4111-8111-111111111111"
    found = await client.responses([TASK.upper(), OTHER, unknown])
    assert [type(outcome) for outcome in found[TASK.upper()]] == [Success]
    assert found[OTHER] == [Processing(OTHER)]
    assert found[unknown] == []
    assert runware.bodies == [
        [{"taskType": "getResponse", "taskUUID": uuid} for uuid in (TASK.upper(), OTHER, unknown)]
    ]


async def test_a_poll_gives_what_is_there_so_far(client: RunwareClient, runware: LocalRunware, sample: Sample) -> None:
    runware.say(sample("poll-partial"))
    found = await client.responses([TASK])
    assert [type(outcome) for outcome in found[TASK]] == [Processing, Success, Failure]


async def test_no_task_needs_no_poll(client: RunwareClient, runware: LocalRunware) -> None:
    assert await client.responses([]) == {}
    assert runware.bodies == []


@pytest.mark.parametrize(("name", "status"), [("poll-empty", 200), *(("task-not-found", s) for s in (200, 400, 404))])
async def test_an_unknown_task_is_no_failure(
    client: RunwareClient, runware: LocalRunware, sample: Sample, name: str, status: int
) -> None:
    runware.say(sample(name), status)
    assert await client.responses([TASK]) == {TASK: []}
    assert len(runware.bodies) == 1


async def test_a_504_that_carries_a_terminal_error_of_the_task_is_its_outcome(
    client: RunwareClient, runware: LocalRunware, sample: Sample
) -> None:
    runware.say(sample("poll-504-terminal"), 504)
    [failure] = (await client.responses([TASK]))[TASK]
    assert isinstance(failure, Failure)
    assert failure.code == "failedProviderTimeout"
    assert len(runware.bodies) == 1


@pytest.mark.parametrize(
    "answer",
    [
        says(b"", 504),
        says(HTML, 502),
        says(HTML),
        says({"errors": [{"code": "serviceUnavailable", "message": "m"}]}, 503),
        says({"errors": [{"code": "standardError", "message": "m", "taskUUID": TASK}]}, 500),
        says({"errors": [{"code": "tooManyRequests", "taskUUID": TASK, "status": "error"}]}, 429),
        says({"errors": [{"code": "rateLimitExceeded", "taskUUID": TASK, "taskType": "getResponse"}]}),
        says(b"", 408),
        resets,
        stops_half_way,
    ],
    ids=[f"case {n}" for n in range(10)],
)
async def test_a_poll_that_fails_for_a_while_is_tried_again_and_blames_no_task(
    client: RunwareClient, runware: LocalRunware, sample: Sample, answer: Answer
) -> None:
    runware.will(answer, answer, answer, says(sample("delivery-1-data")))
    assert await client.responses([TASK]) == {TASK: [PICTURE]}
    assert len(runware.bodies) == 4


async def test_a_poll_that_keeps_failing_is_given_up_after_three_retries(
    client: RunwareClient, runware: LocalRunware
) -> None:
    runware.say(b"", 503)
    with pytest.raises(RunwareError) as caught:
        await client.responses([TASK])
    assert (caught.value.code, caught.value.kind) == ("http503", Kind.SERVER)
    assert len(runware.bodies) == 4


async def test_a_poll_that_times_out_or_finds_nobody_is_tried_again(
    session: aiohttp.ClientSession, runware: LocalRunware, sample: Sample
) -> None:
    runware.will(never_answers, says(sample("delivery-1-data")))
    assert await client_of(session, runware.url, timeout=1).responses([TASK]) == {TASK: [PICTURE]}
    with pytest.raises(RunwareError) as caught:
        await client_of(session, f"http://127.0.0.1:{unused_port()}/v1").responses([TASK])
    assert caught.value.kind is Kind.CONNECTION


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        ({"code": "invalidApiKey", "taskUUID": TASK}, 401, Kind.AUTH),
        ({"code": "invalidApiKey", "taskUUID": TASK}, 200, Kind.AUTH),
        ({"code": "insufficientCredits", "taskUUID": TASK}, 402, Kind.QUOTA),
        ({"code": "invalidTaskType", "taskUUID": TASK}, 400, Kind.VALIDATION),
        ({"code": "invalidTaskType", "taskUUID": TASK, "taskType": "getResponse"}, 200, Kind.VALIDATION),
        ({"code": "somethingNew"}, 200, Kind.UNKNOWN),
    ],
)
async def test_a_poll_that_is_refused_is_not_repeated_and_blames_no_task(
    client: RunwareClient, runware: LocalRunware, error: dict[str, str], status: int, kind: Kind
) -> None:
    runware.say({"errors": [error]}, status)
    with pytest.raises(RunwareError) as caught:
        await client.responses([TASK])
    assert caught.value.kind is kind
    assert len(runware.bodies) == 1


@pytest.mark.parametrize("error", [{"status": "error"}, {"taskType": "imageInference"}, {}])
async def test_a_polled_error_of_the_task_is_its_outcome(
    client: RunwareClient, runware: LocalRunware, error: dict[str, str]
) -> None:
    runware.say({"errors": [{"code": "inferenceError", "taskUUID": TASK} | error]})
    assert await client.responses([TASK]) == {TASK: [Failure(TASK, "inferenceError", "")]}


def test_pauses_double_up_to_30_seconds_with_up_to_a_second_of_jitter() -> None:
    session: Any = None
    client = RunwareClient(session, url="http://127.0.0.1", api_key=KEY, rng=random.Random(1))
    draws = random.Random(1)
    assert [client._pause(retry) - draws.random() for retry in range(7)] == pytest.approx([1, 2, 4, 8, 16, 30, 30])


@pytest.mark.parametrize(
    ("name", "status", "known", "outcomes"),
    [
        ("details", 200, True, [PICTURE]),
        ("details-null", 200, True, []),
        ("poll-empty", 200, False, []),
        ("task-not-found", 404, False, []),
    ],
)
async def test_details_tell_whether_runware_knows_a_task(
    *,
    client: RunwareClient,
    runware: LocalRunware,
    sample: Sample,
    name: str,
    status: int,
    known: bool,
    outcomes: list[Success],
) -> None:
    runware.say(sample(name), status)
    details = await client.details(TASK)
    assert (details.known, details.outcomes) == (known, outcomes)
    assert runware.bodies == [[{"taskType": "getTaskDetails", "taskUUID": TASK}]]


async def test_details_that_cannot_be_had_are_an_error_and_not_an_unknown_task(
    client: RunwareClient, runware: LocalRunware
) -> None:
    runware.say({"errors": [{"code": "standardError", "taskUUID": TASK}]}, 500)
    with pytest.raises(RunwareError):
        await client.details(TASK)
    assert len(runware.bodies) == 4


@pytest.mark.parametrize("name", ["account-number", "account-object"])
async def test_the_balance_is_read_in_both_forms_and_rounded_down(
    client: RunwareClient, runware: LocalRunware, sample: Sample, name: str
) -> None:
    runware.say(sample(name))
    assert await client.balance() == 12_345_678
    [[asked]] = runware.bodies
    assert (asked["taskType"], asked["operation"]) == ("accountManagement", "getDetails")


@pytest.mark.parametrize("balance", [None, "much", {}, {"amount": 5, "currency": "EUR"}])
async def test_a_balance_that_is_not_in_dollars_is_unknown(
    client: RunwareClient, runware: LocalRunware, balance: Any
) -> None:
    runware.say({"data": [{"taskType": "accountManagement", "balance": balance}]})
    assert await client.balance() is None


@pytest.mark.parametrize(
    ("usage", "used"),
    [
        ({"total": {"credits": 1.2345678, "requests": 9}, "today": {"credits": 1, "requests": 1}}, 1_234_568),
        ({"total": {"credits": 0}}, 0),
        ({"total": {"credits": "much"}}, None),
        ({"total": None}, None),
        ("much", None),
        (None, None),
    ],
)
async def test_what_runware_took_in_all_is_read_and_rounded_up(
    client: RunwareClient, runware: LocalRunware, usage: Any, used: int | None
) -> None:
    runware.say({"data": [{"taskType": "accountManagement", "balance": 5, "usage": usage}]})
    assert await client.account() == Account(balance=5_000_000, used=used)


async def test_an_account_of_which_nothing_is_said_is_unknown(client: RunwareClient, runware: LocalRunware) -> None:
    runware.say({"data": []})
    assert await client.account() == Account()


async def test_a_balance_that_is_refused_with_status_200_is_an_error(
    client: RunwareClient, runware: LocalRunware
) -> None:
    runware.say({"errors": [{"code": "somethingNew", "taskUUID": TASK, "status": "error"}]})
    with pytest.raises(RunwareError):
        await client.balance()


def found(*entries: Any) -> dict[str, Any]:
    return {"data": [{"taskType": "modelSearch", "taskUUID": TASK, "totalResults": 9, "results": list(entries)}]}


async def test_a_search_says_what_it_looks_for_and_nothing_that_was_left_out(
    client: RunwareClient, runware: LocalRunware
) -> None:
    runware.say(found())
    assert await client.search_models("paper", category="lora", architecture="qwen_image_edit_plus", limit=500) == []
    assert await client.search_models("runware:108@22") == []
    [[narrow], [wide]] = runware.bodies
    assert narrow.pop("taskUUID") != wide.pop("taskUUID")
    assert narrow == {
        "taskType": "modelSearch",
        "search": "paper",
        "category": "lora",
        "architecture": "qwen_image_edit_plus",
        "sort": "popularity",
        "limit": 100,
    }
    assert wide == {"taskType": "modelSearch", "search": "runware:108@22", "sort": "popularity", "limit": 25}


async def test_what_cannot_be_read_of_a_model_is_none_and_takes_no_other_with_it(
    client: RunwareClient, runware: LocalRunware
) -> None:
    whole = {
        "air": "civitai:1@2",
        "name": "Paper Cut",
        "category": "lora",
        "architecture": None,
        "shortDescription": "Layers",
        "positiveTriggerWords": ["paper", None, "cut"],
        "heroImage": None,
    }
    runware.say(found("nonsense", {"air": ["x"], "name": "Odd", "positiveTriggerWords": 7}, whole))
    odd, model = await client.search_models("x")
    assert (odd.air, odd.name, odd.positive_trigger_words) == (None, "Odd", "")
    assert (model.air, model.architecture, model.short_description) == ("civitai:1@2", None, "Layers")
    assert model.positive_trigger_words == "paper, cut"


@pytest.mark.parametrize("body", [{"data": []}, {"data": [{"taskType": "modelSearch"}]}, {"data": {"results": 5}}])
async def test_an_answer_without_models_has_found_nothing(
    client: RunwareClient, runware: LocalRunware, body: Any
) -> None:
    runware.say(body)
    assert await client.search_models("x") == []


UNFOUND: list[Answer] = [
    says({"errors": [{"code": "internalServerError", "message": "no"}]}, 500),
    says({"errors": [{"code": "invalidLimit", "message": "no"}]}),
    says(HTML, 502),
    says(b"nonsense"),
    resets,
]


@pytest.mark.parametrize("answer", UNFOUND, ids=["500", "errors", "html", "no JSON", "reset"])
async def test_a_search_that_fails_is_tried_once_for_somebody_waits(
    client: RunwareClient, runware: LocalRunware, answer: Answer
) -> None:
    runware.will(answer)
    with pytest.raises(RunwareError):
        await client.search_models("x")
    assert len(runware.bodies) == 1


async def test_a_search_has_a_patience_of_its_own(client: RunwareClient, runware: LocalRunware) -> None:
    runware.will(never_answers)
    with pytest.raises(RunwareError) as failed:
        await client.search_models("x", timeout=0.05)
    assert failed.value.kind is Kind.TIMEOUT


async def test_the_local_runware_is_searched_over_http(session: aiohttp.ClientSession) -> None:
    async with Preview() as preview:
        client = client_of(session, preview.url)
        [model] = await client.search_models("runware:108@22", category="checkpoint")
        fitting = await client.search_models("", category="lora", architecture=model.architecture)
        assert "local:1@1" in {lora.air for lora in fitting}
        assert "local:sdxl@1" not in {lora.air for lora in fitting}
        [other] = await client.search_models("local:sdxl@1", category="lora")
        assert (other.name, other.architecture) == ("Pixel Portrait", "sdxl")


async def test_a_ping_is_answered(client: RunwareClient, runware: LocalRunware, sample: Sample) -> None:
    runware.will(says(sample("pong")), says({"pong": True}))
    await client.ping()
    await client.ping()
    assert runware.bodies[0] == [{"taskType": "ping", "ping": True}]


@pytest.mark.parametrize(("body", "status", "calls"), [({"data": []}, 200, 1), ({"errors": []}, 401, 1), (b"", 500, 4)])
async def test_a_ping_without_its_answer_is_an_error(
    client: RunwareClient, runware: LocalRunware, body: Any, status: int, calls: int
) -> None:
    runware.say(body, status)
    with pytest.raises(RunwareError):
        await client.ping()
    assert len(runware.bodies) == calls


# Downloading -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "picture", [JPEG, b"\x89PNG\r\n\x1a\n rest", b"RIFF\x10\0\0\0WEBPVP8 rest"], ids=["jpeg", "png", "webp"]
)
async def test_a_picture_is_fetched_without_the_key(
    client: RunwareClient, runware: LocalRunware, picture: bytes
) -> None:
    runware.say(picture)
    assert await client.fetch(runware.url, hosts=runware.hosts, max_bytes=len(JPEG)) == picture
    assert KEY not in str(runware.headers)


@pytest.mark.parametrize(
    "answer",
    [says(HTML, 502), says(HTML, 429), says(HTML), says(b""), resets, stops_half_way],
    ids=["502", "429", "html", "empty", "reset", "half"],
)
async def test_a_download_that_fails_for_a_while_is_tried_again(
    client: RunwareClient, runware: LocalRunware, answer: Answer
) -> None:
    runware.will(answer, answer, says(JPEG))
    assert await client.fetch(runware.url, hosts=runware.hosts, max_bytes=100_000) == JPEG


@pytest.mark.parametrize(("body", "status", "code"), [(HTML, 200, "notAPicture"), (HTML, 502, "http502")])
async def test_a_download_that_keeps_failing_is_given_up_but_not_gone(
    client: RunwareClient, runware: LocalRunware, body: bytes, status: int, code: str
) -> None:
    runware.say(body, status)
    with pytest.raises(FetchFailed) as caught:
        await client.fetch(runware.url, hosts=runware.hosts, max_bytes=100_000)
    assert (caught.value.code, caught.value.gone) == (code, False)
    assert len(runware.bodies) == 4


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_a_picture_that_is_gone_is_asked_for_once(
    client: RunwareClient, runware: LocalRunware, status: int
) -> None:
    runware.say(HTML, status)
    with pytest.raises(FetchFailed) as caught:
        await client.fetch(runware.url, hosts=runware.hosts, max_bytes=100_000)
    assert caught.value.gone
    assert len(runware.bodies) == 1


async def test_a_redirect_is_not_followed(client: RunwareClient, runware: LocalRunware) -> None:
    runware.will(says(b"", 302, headers={"Location": "/elsewhere"}), says(JPEG))
    with pytest.raises(FetchFailed) as caught:
        await client.fetch(runware.url, hosts=runware.hosts, max_bytes=100_000)
    assert caught.value.code == "http302"
    assert len(runware.bodies) == 1


@pytest.mark.parametrize("answer", [says(JPEG), never_ends], ids=["announced", "endless"])
async def test_a_picture_over_the_limit_is_not_read_to_its_end(
    client: RunwareClient, runware: LocalRunware, answer: Answer
) -> None:
    runware.will(answer)
    with pytest.raises(FetchFailed) as caught:
        await client.fetch(runware.url, hosts=runware.hosts, max_bytes=len(JPEG) - 1)
    assert (caught.value.code, caught.value.gone) == ("resultTooLarge", False)
    assert len(runware.bodies) == 1


async def test_a_download_that_is_too_slow_is_given_up(session: aiohttp.ClientSession, runware: LocalRunware) -> None:
    runware.will(never_answers)
    client = client_of(session, runware.url, timeout=0.8, retries=1)
    with pytest.raises(FetchFailed) as caught:
        await client.fetch(runware.url, hosts=runware.hosts, max_bytes=9)
    assert caught.value.kind is Kind.TIMEOUT
    assert len(runware.bodies) == 2


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/a.jpg",
        "http://im.runware.ai/a.jpg",
        "https://im.runware.ai:8443/a.jpg",
        "https://im.runware.ai@evil.example/a.jpg",
        "https://someone@im.runware.ai/a.jpg",
        "https://im.runware.ai.evil.example/a.jpg",
        "ftp://im.runware.ai/a.jpg",
        "//im.runware.ai/a.jpg",
        "im.runware.ai/a.jpg",
        "data:image/png;base64,aGVsbG8=",
        "file:///etc/passwd",
        "http://127.0.0.1:1/a.jpg",
        "https://[::1/a.jpg",
        "https://im.runware.ai:port/a.jpg",
        "",
    ],
)
async def test_what_is_not_on_an_allowed_host_is_never_fetched(
    client: RunwareClient, runware: LocalRunware, url: str
) -> None:
    with pytest.raises(RefusedHost):
        await client.fetch(url, hosts=frozenset({"im.runware.ai", "evil.example:1"}), max_bytes=9)
    assert runware.bodies == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
async def test_plain_http_is_for_this_machine_only(client: RunwareClient, host: str) -> None:
    authority = f"{host}:{unused_port()}"
    with pytest.raises(FetchFailed) as caught:
        await client.fetch(f"http://{authority}/a.jpg", hosts=frozenset({authority}), max_bytes=9)
    assert caught.value.code == "connectionFailed"
    with pytest.raises(RefusedHost):
        await client.fetch("http://192.0.2.1:80/a.jpg", hosts=frozenset({"192.0.2.1"}), max_bytes=9)
