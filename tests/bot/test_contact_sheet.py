"""How the cells of a sweep stand on one sheet."""

from __future__ import annotations

import io
import math
import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bot import images
from bot.contact_sheet import MOST_ACROSS, Fate, Sheet, Tile, draw, lay_out, thumbnail_box, upright

WIDEST = 2048
#: So wide a phone shows it, in pixels.
PHONE = 375
COLOURS = ["#FE0000", "#00C000", "#0000FE", "#C000C0", "#00C0C0", "#C0C000"]


def a_sheet(columns: int, rows: int = 0, shape: tuple[int, int] = (1024, 768), **changes: Any) -> Sheet:
    tiles = [Tile(Fate.PICTURE, 10 + number, 7 + number) for number in range(columns * max(1, rows))]
    for place, tile in changes.items():
        tiles[int(place.removeprefix("at_"))] = tile
    names = [
        tuple(f"{axis} {number}" for number in range(count)) for axis, count in (("steps", columns), ("CFG", rows))
    ]
    return Sheet(names[0], names[1], tuple(tiles), shape)


def square(colour: str, size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG")
    return buffer.getvalue()


def drawn(sheet: Sheet, colours: Sequence[str] = ()) -> Image.Image:
    box = thumbnail_box(sheet)
    pictures = [square(colours[number % len(colours)], box) if colours else None for number in range(len(sheet.tiles))]
    image = Image.open(io.BytesIO(draw(sheet, pictures)))
    image.load()
    return image


def near(image: Image.Image, at: tuple[int, int], colour: str) -> bool:
    wanted = Image.new("RGB", (1, 1), colour).getpixel((0, 0))
    found = image.getpixel(at)
    assert isinstance(wanted, tuple)
    assert isinstance(found, tuple)
    return all(abs(one - other) < 40 for one, other in zip(wanted, found, strict=True))


SHAPES = [(columns, rows) for columns in range(1, 21) for rows in range(21) if 1 <= columns * max(1, rows) <= 20]


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(SHAPES), st.tuples(st.integers(256, 2048), st.integers(256, 2048)))
def test_every_cell_has_a_place_of_its_own_on_the_sheet(count: tuple[int, int], shape: tuple[int, int]) -> None:
    sheet = upright(a_sheet(*count, shape=shape))
    layout = lay_out(sheet)
    wide, high = layout.box
    assert layout.width <= WIDEST
    assert len(layout.corners) == len(set(layout.corners)) == len(sheet.tiles)
    for left, top in layout.corners:
        assert 0 < left < left + wide < layout.width
        assert 0 < top < top + high < layout.height
    for left, top in layout.corners:
        others = [corner for corner in layout.corners if corner != (left, top)]
        assert all(abs(left - x) >= wide or abs(top - y) >= high for x, y in others)
    assert len({left for left, _ in layout.corners}) <= MOST_ACROSS


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(SHAPES))
def test_letters_can_be_read_on_a_phone(count: tuple[int, int]) -> None:
    layout = lay_out(upright(a_sheet(*count)))
    assert layout.letters * PHONE / layout.width >= 9


@pytest.mark.parametrize("count", [(3, 2), (5, 4), (2, 10), (10, 2), (20, 0), (4, 1), (1, 4), (1, 0)])
def test_the_picture_of_each_cell_stands_at_its_place(count: tuple[int, int]) -> None:
    sheet = a_sheet(*count)
    image = drawn(sheet, COLOURS)
    turned = upright(sheet)
    layout = lay_out(turned)
    assert image.size == (layout.width, layout.height)
    for tile, (left, top) in zip(turned.tiles, layout.corners, strict=True):
        colour = COLOURS[((tile.id or 0) - 10) % len(COLOURS)]
        assert near(image, (left + layout.box[0] // 2, top + layout.box[1] // 2), colour)


def test_a_long_first_axis_goes_downwards_and_a_short_one_stays() -> None:
    assert upright(a_sheet(3, 6)) == a_sheet(3, 6)
    turned = upright(a_sheet(6, 3))
    assert (turned.columns, turned.rows[-1]) == (("CFG 0", "CFG 1", "CFG 2"), "steps 5")
    assert [tile.id for tile in turned.tiles[:4]] == [10, 16, 22, 11]


def test_both_axes_stand_on_the_sheet_once_for_each_value() -> None:
    layout = lay_out(a_sheet(3, 2))
    assert sorted(heading.text for heading in layout.headings) == ["CFG 0", "CFG 1", "steps 0", "steps 1", "steps 2"]
    single = lay_out(a_sheet(1, 3))
    assert [heading.text for heading in single.headings] == ["steps 0 · CFG 0", "steps 0 · CFG 1", "steps 0 · CFG 2"]


@pytest.mark.parametrize("fate", [fate for fate in Fate if fate is not Fate.PICTURE])
def test_a_cell_without_a_picture_is_blank_but_for_a_word(fate: Fate) -> None:
    sheet = a_sheet(2, at_1=Tile(fate, 11))
    image = drawn(sheet, ["#FE0000"])
    layout = lay_out(sheet)
    left, top = layout.corners[1]
    well = image.crop((left, top, left + layout.box[0], top + layout.box[1]))
    colours = well.getcolors(well.width * well.height)
    assert colours is not None
    assert not [colour for _, colour in colours if isinstance(colour, tuple) and colour[0] > colour[1] + 60]
    words = {draw(a_sheet(2, at_1=Tile(other, 11)), [None, None]) for other in Fate if other is not Fate.PICTURE}
    assert len(words) == len(Fate) - 1


def test_a_picture_that_is_gone_stands_as_lost() -> None:
    assert draw(a_sheet(1), [None]) == draw(a_sheet(1, at_0=Tile(Fate.LOST, 10, 7)), [None])


def test_a_small_picture_is_enlarged_and_never_cut() -> None:
    sheet = a_sheet(1, shape=(464, 304))
    image = Image.open(io.BytesIO(draw(sheet, [square("#FE0000", (464, 304))])))
    layout = lay_out(sheet)
    (left, top), (wide, high) = layout.corners[0], layout.box
    assert near(image, (left + wide // 2, top + high - 4), "#FE0000")


def test_the_same_cells_make_the_same_bytes() -> None:
    assert draw(a_sheet(3, 2), [None] * 6) == draw(a_sheet(3, 2), [None] * 6)


@pytest.mark.parametrize("seed", [1, 2**32 - 1, 2**63 - 1])
def test_a_seed_is_written_to_its_last_digit_at_twenty_cells(seed: int) -> None:
    one, other = (a_sheet(20, at_0=Tile(Fate.PICTURE, 10, number)) for number in (seed, seed - 1))
    assert draw(one, [None] * 20) != draw(other, [None] * 20)


def test_the_largest_sheet_of_nothing_but_noise_fits_into_a_message() -> None:
    sheets = [a_sheet(*count, shape=(1024, 1792)) for count in SHAPES]
    sheet = max(sheets, key=lambda sheet: lay_out(upright(sheet)).width * lay_out(upright(sheet)).height)
    noise = Image.frombytes("RGB", sheet.shape, random.Random(7).randbytes(math.prod(sheet.shape) * 3))
    buffer = io.BytesIO()
    noise.save(buffer, "JPEG", quality=95)
    thumbnail = images.thumbnail(buffer.getvalue(), thumbnail_box(sheet))
    assert len(draw(sheet, [thumbnail] * len(sheet.tiles))) < 8 * 1024 * 1024
