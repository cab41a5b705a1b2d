"""A bucket that is gone, refuses, stumbles or sleeps: said in words, passing, and never taken for a missing picture."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import obstore
import pytest
from aiohttp import web

from bot.errors import OutOfReach, StartError
from bot.pictures import Pictures, open_store
from bot.pictures._bucket import Bucket
from bot.settings import Settings
from bot.web import serve

SECRET = "a-secret-nobody-may-read"


class Door:
    """A service of buckets before the real one, which answers as a test tells it."""

    def __init__(self, behind: str) -> None:
        self._behind = behind
        #: What is answered, in order, before requests go through: a status and a body; ``None`` for never.
        self.answers: list[tuple[int, str] | None] = []
        self.always: tuple[int, str] | None = None
        self.asked = 0
        self.closing = asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        self.asked += 1
        answer = self.always
        if answer is None and self.answers:
            answer = self.answers.pop(0)
            if answer is None:
                await self.closing.wait()
        if answer is not None:
            return web.Response(status=answer[0], text=answer[1])
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(
                request.method,
                f"http://{self._behind}{request.raw_path}",
                headers=request.headers,
                data=await request.read(),
            ) as passed,
        ):
            headers = {name: passed.headers[name] for name in ("ETag", "Last-Modified") if name in passed.headers}
            if request.method == "HEAD":
                headers["Content-Length"] = passed.headers.get("Content-Length", "0")
            return web.Response(status=passed.status, body=await passed.read(), headers=headers)


def error(code: str) -> str:
    return f"<Error><Code>{code}</Code><Message>no</Message></Error>"


@pytest.fixture
async def door(s3_server: str) -> Door:
    return Door(s3_server)


@pytest.fixture
async def pictures(door: Door, bucket_settings: dict[str, Any], tmp_path: Path) -> AsyncGenerator[Pictures]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", door.handle)
    name = bucket_settings["picture_store"].split("/")[2]
    async with serve(app, "127.0.0.1", 0) as (host, port):
        bucket = Bucket(
            name,
            endpoint=f"http://{host}:{port}",
            region="us-east-1",
            key_id="the-key",
            secret=SECRET,
            connect=timedelta(seconds=2),
            request=timedelta(milliseconds=300),
        )
        async with Pictures(tmp_path / "pictures", min_free=0, store=bucket) as opened:
            yield opened
            door.closing.set()


def everything(pictures: Pictures) -> list[Callable[[], Awaitable[object]]]:
    """Whatever can be asked of pictures that are there."""
    sha256 = hashlib.sha256(b"bytes").hexdigest()
    return [
        lambda: pictures.put(b"bytes"),
        lambda: pictures.get(sha256),
        lambda: pictures.size(sha256),
        lambda: pictures.discard(sha256, -1000),
        lambda: pictures.delete(sha256),
        lambda: pictures.inventory(0),
    ]


async def refused(pictures: Pictures) -> set[str]:
    """Ask for everything, of which nothing may come; return the reasons, and check the words."""
    reasons = set[str]()
    for ask in everything(pictures):
        with pytest.raises(OutOfReach) as caught:
            await ask()
        assert str(caught.value) == "My picture store cannot be reached. Nothing was charged; try again in a minute."
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
        reasons.add(caught.value.reason)
    return reasons


@pytest.mark.parametrize(
    ("status", "body", "reasons"),
    [
        (403, error("AccessDenied"), {"AccessDenied", "403"}),  # an answer to HEAD has no body
        (403, error("SignatureDoesNotMatch"), {"SignatureDoesNotMatch", "403"}),
        (401, "", {"401"}),
        (400, error("AuthorizationHeaderMalformed"), {"AuthorizationHeaderMalformed", "400"}),
        (301, error("PermanentRedirect"), {"PermanentRedirect"}),
        (404, error("NoSuchBucket"), {"NoSuchBucket"}),
        (404, "<html>no such page</html>", {"404"}),
    ],
)
async def test_a_service_that_refuses_is_out_of_reach_and_nothing_is_taken_for_gone(
    pictures: Pictures, door: Door, status: int, body: str, reasons: set[str]
) -> None:
    door.always = status, body
    assert await refused(pictures) == reasons


async def test_a_service_that_is_gone_is_out_of_reach(pictures: Pictures, tmp_path: Path) -> None:
    nowhere = Bucket("bucket", endpoint="http://127.0.0.1:9", region="x", key_id="the-key", secret=SECRET)
    async with Pictures(tmp_path / "nowhere", min_free=0, store=nowhere) as lost:
        reasons = await asyncio.gather(*(_reason(ask) for ask in everything(lost)))
    assert set(reasons) == {"NoAnswer"}


async def _reason(ask: Callable[[], Awaitable[object]]) -> str:
    with pytest.raises(OutOfReach) as caught:
        await ask()
    return caught.value.reason


async def test_a_stumble_is_tried_again_and_a_long_one_given_up(pictures: Pictures, door: Door) -> None:
    door.answers = [(500, error("InternalError")), (503, error("SlowDown"))]
    sha256 = await pictures.put(b"bytes")
    door.answers = [(500, "")]
    assert await pictures.get(sha256) == b"bytes"
    door.always, door.asked = (500, error("InternalError")), 0
    assert await _reason(lambda: pictures.get(sha256)) == "InternalError"
    assert door.asked == 4
    door.always = None
    assert await pictures.get(sha256) == b"bytes", "and it was not removed"


async def test_a_service_that_sleeps_is_asked_again_after_a_while(pictures: Pictures, door: Door) -> None:
    door.answers = [None, None]
    sha256 = await pictures.put(b"bytes")
    door.answers = [None]
    assert await pictures.get(sha256) == b"bytes"


async def test_an_object_of_another_program_is_left_alone(pictures: Pictures, door: Door) -> None:
    store: Any = pictures._keeper._store
    await asyncio.to_thread(obstore.put, store._store, "notes/about.txt", b"theirs")
    sha256 = await pictures.put(b"bytes")
    assert list((await pictures.inventory(-1000)).old) == [sha256]


async def test_no_secret_stands_in_a_log_line_or_an_error(
    pictures: Pictures, door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    door.always = 403, error("AccessDenied")
    with pytest.raises(OutOfReach) as caught:
        await pictures.put(b"bytes")
    said = caplog.text + repr(caught.value) + repr(pictures._keeper._store) + str(vars(caught.value))
    assert "the picture store cannot be used: AccessDenied" in caplog.text
    assert SECRET not in said
    assert "the-key" not in said


async def test_a_missing_package_is_said_with_what_to_do(
    bucket_settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    needed: dict[str, Any] = {"discord_token": "x", "runware_api_key": "x", "allowed_guilds": "1"}
    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.delitem(sys.modules, "bot.pictures._bucket")
    with pytest.raises(StartError, match=r"needs the package obstore: .*extra `s3`.*pip install '\.\[s3\]'"):
        open_store(Settings(**needed, **bucket_settings))
    assert open_store(Settings(**needed)) is None
