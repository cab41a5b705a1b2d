"""WEBP decoded by libwebp itself, and by Pillow where that is not at hand: the same pixels, the same refusals."""

from __future__ import annotations

import io
import random

import pytest
from PIL import Image

from bot.images import _webp as webp


def encoded(*, lossless: bool) -> tuple[Image.Image, bytes]:
    small = Image.frombytes("RGBA", (8, 8), random.Random(5).randbytes(256))
    picture, buffer = small.resize((96, 64)), io.BytesIO()
    picture.save(buffer, "WEBP", lossless=lossless, exact=True)
    return picture, buffer.getvalue()


@pytest.fixture(params=["libwebp", "pillow"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "pillow":
        monkeypatch.setattr(webp, "_LIBRARY", None)
    return request.param


def test_libwebp_is_at_hand_here() -> None:
    assert webp._LIBRARY is not None


@pytest.mark.usefixtures("way")
def test_a_picture_without_loss_comes_back_pixel_by_pixel() -> None:
    picture, data = encoded(lossless=True)
    assert webp.decoded(data, (96, 64)).tobytes() == picture.tobytes()


def test_both_ways_see_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    _, data = encoded(lossless=False)
    made = webp.decoded(data, (96, 64)).tobytes()
    monkeypatch.setattr(webp, "_LIBRARY", None)
    assert webp.decoded(data, (96, 64)).tobytes() == made


@pytest.mark.usefixtures("way")
def test_what_is_damaged_or_of_another_size_is_refused() -> None:
    _, data = encoded(lossless=True)
    for bad, size in ((data, (64, 96)), (data[: len(data) // 2], (96, 64)), (b"RIFF no picture", (96, 64))):
        with pytest.raises(ValueError, match=r"WEBP"):
            webp.decoded(bad, size)
