"""Pictures that came within what Runware said: what is kept of them, and what is not."""

from __future__ import annotations

import base64
import io
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from bot import inline
from bot.pictures import Pictures
from storage.records import Copy, Failure, Processing, Success

TASK = "6f0c1f5e-0f3a-4c0e-9d52-6b6a3a7d8e10"
BARE = Success(TASK, "one", "", 7, 100)


def picture(kind: str = "PNG", colour: str = "teal") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (160, 128), colour).save(buffer, kind)
    return buffer.getvalue()


def text(data: bytes, head: str = "") -> str:
    return head + base64.b64encode(data).decode()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[Pictures]:
    async with Pictures(tmp_path / "pictures", min_free=0) as pictures:
        yield pictures


async def kept(store: Pictures, given: str, **changes: object) -> Success:
    [outcome] = await inline.keep(store, [replace(BARE, inline=given, **changes)], frozenset())
    assert isinstance(outcome, Success)
    assert outcome.inline is None
    return outcome


@pytest.mark.parametrize(("kind", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")])
@pytest.mark.parametrize("head", ["", "data:image/anything;base64,"])
async def test_a_picture_in_either_form_is_in_the_store_before_it_is_recorded(
    store: Pictures, kind: str, media_type: str, head: str
) -> None:
    outcome = await kept(store, text(picture(kind), head))
    assert outcome.copy is not None
    assert await store.get(outcome.copy.sha256) == picture(kind)
    assert outcome == replace(BARE, copy=Copy(outcome.copy.sha256, media_type, 160, 128))


async def test_a_picture_in_lines_is_one_too(store: Pictures) -> None:
    lines = base64.encodebytes(picture()).decode()
    assert lines.count("\n") > 1
    assert (await kept(store, lines)).copy is not None


@pytest.mark.parametrize(
    "given",
    [
        "",
        "not base64 at all",
        "\ud800",
        "ähm=",
        text(b"<html>502</html>"),
        text(picture("GIF")),
        text(picture("BMP")),
        text(picture("JPEG")[:400]),
        text(picture())[:-2],
        text(picture(), "data:text/plain;base64,"),
        text(picture(), "data:image/png,"),
    ],
)
async def test_what_is_no_picture_is_lost_and_kept_nowhere(store: Pictures, tmp_path: Path, given: str) -> None:
    assert await kept(store, given) == replace(BARE, lost="not_a_picture")
    assert list((tmp_path / "pictures").glob("??/*")) == []


async def test_a_picture_larger_than_any_result_is_not_decoded(
    store: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = text(picture(), "data:image/png;base64,")
    monkeypatch.setattr(inline, "_LONGEST", len(whole))
    assert (await kept(store, whole)).copy is not None
    monkeypatch.setattr(inline, "_LONGEST", len(whole) - 1)
    assert (await kept(store, whole)).lost == "not_a_picture"


async def test_a_flagged_picture_and_one_that_is_recorded_are_not_looked_at(store: Pictures, tmp_path: Path) -> None:
    flagged = replace(BARE, nsfw=True, inline=text(picture()))
    assert await inline.keep(store, [flagged], frozenset()) == [replace(flagged, inline=None)]
    again = replace(BARE, inline=text(picture()))
    assert await inline.keep(store, [again], frozenset({"one"})) == [BARE]
    assert list((tmp_path / "pictures").glob("??/*")) == []


async def test_what_else_was_said_is_left_as_it_is(store: Pictures) -> None:
    said = [Processing(TASK), Failure(TASK, "taskFailed", ""), replace(BARE, url="https://im.runware.ai/a.jpg")]
    assert await inline.keep(store, said, frozenset()) == said


async def test_a_picture_that_came_in_no_way_is_gone(store: Pictures) -> None:
    assert await inline.keep(store, [BARE], frozenset()) == [replace(BARE, lost="gone")]


def test_a_picture_is_not_in_the_repr() -> None:
    assert "aGVsbG8" not in repr(replace(BARE, inline="aGVsbG8="))
