"""How two results stand side by side."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from bot.images import Refused
from bot.lettering import GROUND, TEXT
from bot.pairs import WIDEST, Side, side_by_side

RED, BLUE = "#FE0000", "#0000FE"
SIDES = st.tuples(st.integers(64, 2048), st.integers(64, 2048)).filter(lambda size: max(size) <= 16 * min(size))


def picture(width: int, height: int, colour: str, *, orientation: int = 1, kind: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (width, height), colour).save(buffer, kind, exif=exif.tobytes())
    return buffer.getvalue()


def pair(left: bytes | None, right: bytes | None, caption: str = "#12 · Ana", facts: str = "seed 7") -> Image.Image:
    image = Image.open(io.BytesIO(side_by_side(Side(caption, facts, left), Side("#15 · Bo", "seed 8", right))))
    image.load()
    return image


def where(image: Image.Image, colour: str) -> tuple[int, int, int, int]:
    """Return the box around everything of about this colour."""
    far = ImageChops.difference(image, Image.new("RGB", image.size, colour))
    red, green, blue = (band.point([255 * (value < 90) for value in range(256)]) for band in far.split())
    box = ImageChops.darker(ImageChops.darker(red, green), blue).getbbox()
    assert box is not None
    return box


@settings(deadline=None, max_examples=25)
@given(SIDES, SIDES)
def test_both_are_whole_and_of_one_height_and_the_left_one_is_left(
    left: tuple[int, int], right: tuple[int, int]
) -> None:
    image = pair(picture(*left, RED), picture(*right, BLUE))
    assert image.width <= WIDEST
    one, other = where(image, RED), where(image, BLUE)
    assert one[2] < other[0]
    assert (one[1], one[3]) == pytest.approx((other[1], other[3]), abs=2)
    for (width, height), box in ((left, one), (right, other)):
        # JPEG blurs an edge by some pixels.
        assert abs((box[2] - box[0]) - width / height * (box[3] - box[1])) <= 4 + 4 * width / height


def test_two_large_squares_use_the_whole_width() -> None:
    assert pair(picture(1024, 1024, RED), picture(1024, 1024, BLUE)).width >= WIDEST - 2


def test_small_pictures_are_enlarged_for_their_captions() -> None:
    left, top, right, bottom = where(pair(picture(128, 128, RED), picture(128, 128, BLUE)), RED)
    assert bottom - top == pytest.approx(512, abs=2)
    assert right - left == pytest.approx(512, abs=2)


def test_pictures_are_upright() -> None:
    image = pair(picture(600, 300, RED, orientation=6), picture(300, 600, BLUE))
    one, other = where(image, RED), where(image, BLUE)
    assert one[2] - one[0] == pytest.approx(other[2] - other[0], abs=4)


def test_an_arrow_leads_from_one_to_the_other() -> None:
    image = pair(picture(800, 800, RED), picture(800, 800, BLUE))
    one, other = where(image, RED), where(image, BLUE)
    gap = image.crop((one[2] + 8, one[1], other[0] - 8, one[3]))
    left, top, right, bottom = where(gap, TEXT)
    assert (top + bottom) / 2 == pytest.approx(gap.height / 2, abs=8)
    tail, head = (where(gap.crop((x, 0, x + 12, gap.height)), TEXT) for x in (left, right - 30))
    assert tail[3] - tail[1] < head[3] - head[1]


def test_a_missing_picture_has_the_shape_of_the_other() -> None:
    both, one = (pair(data, picture(900, 600, BLUE)) for data in (picture(900, 600, RED), None))
    assert one.size == both.size
    assert where(one, BLUE) == pytest.approx(where(both, BLUE), abs=2)
    with pytest.raises(AssertionError):
        where(one, RED)
    assert pair(None, None).width > 1000


@pytest.mark.parametrize("text", ["W" * 500, "Анна", "🌸", ""])
@pytest.mark.parametrize("size", [(1024, 1024), (64, 1024), (2048, 128)])
def test_a_caption_stays_above_its_picture(text: str, size: tuple[int, int]) -> None:
    image = pair(picture(*size, RED), picture(*size, BLUE), caption=text, facts=text)
    plain = pair(picture(*size, RED), picture(*size, BLUE), caption="", facts="")
    right_half = (image.width // 2, 0, *image.size)
    assert ImageChops.difference(image.crop(right_half), plain.crop(right_half)).getbbox() is None
    assert image.getpixel((3, 3)) == pytest.approx(tuple(bytes.fromhex(GROUND[1:])), abs=2)


def test_the_same_input_gives_the_same_bytes() -> None:
    left, right = Side("#1", "seed 7", picture(300, 200, RED, kind="PNG")), Side("#2", "seed 8", None)
    assert side_by_side(left, right) == side_by_side(left, right)
    assert side_by_side(right, left) != side_by_side(left, right)


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(Refused):
        side_by_side(Side("#1", "", b"<html>"), Side("#2", "", None))
