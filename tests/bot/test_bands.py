"""Pictures flattened and scaled in bands, which nobody sees."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.images import _bands as bands

LANCZOS, BILINEAR = Image.Resampling.LANCZOS, Image.Resampling.BILINEAR


def noise(mode: str, size: tuple[int, int]) -> Image.Image:
    """Return noise without the brightest and darkest values, at which a filter that overshoots would be cut off."""
    length = size[0] * size[1] * Image.getmodebands(mode)
    return Image.frombytes(mode, size, bytes(64 + byte // 2 for byte in random.Random(7).randbytes(length)))


def apart(one: Image.Image, other: Image.Image) -> int:
    """Return by how much two pictures differ at most."""
    assert (one.mode, one.size) == (other.mode, other.size)
    return max(abs(a - b) for a, b in zip(one.tobytes(), other.tobytes(), strict=True))


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bands, "_BAND", 300)


@settings(max_examples=60)
@given(
    st.sampled_from(["RGB", "L", "CMYK"]),
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.floats(0.02, 1),
    st.sampled_from([LANCZOS, BILINEAR]),
)
def test_bands_come_to_what_the_whole_would(
    mode: str, size: tuple[int, int], scale: float, how: Image.Resampling
) -> None:
    image = noise(mode, size)
    target = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    made, transparent = bands.flattened(image, target, how, "white")
    assert apart(made, image.resize(target, how)) <= 2
    assert not transparent


def test_a_picture_that_needs_nothing_is_not_copied() -> None:
    image = noise("RGB", (50, 50))
    assert bands.flattened(image, (50, 50), LANCZOS, "white") == (image, False)


@pytest.mark.parametrize("size", [(50, 60), (20, 24)])
def test_what_shows_through_is_the_ground(size: tuple[int, int]) -> None:
    image = noise("RGBA", (50, 60))
    ground = Image.new("RGBA", image.size, "green")
    ground.paste(image, mask=image.getchannel("A"))
    made, transparent = bands.flattened(image, size, LANCZOS, "green")
    assert transparent
    assert apart(made, ground.convert("RGB").resize(size, LANCZOS)) <= 2


def test_a_single_transparent_pixel_is_found_in_any_band() -> None:
    for y in (0, 29, 59):
        image = Image.new("LA", (50, 60), (10, 255))
        image.putpixel((49, y), (10, 254))
        assert bands.flattened(image, (25, 30), LANCZOS, "white")[1]
    assert not bands.flattened(Image.new("LA", (50, 60), (10, 255)), (25, 30), LANCZOS, "white")[1]
