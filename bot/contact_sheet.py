"""The cells of a sweep as one JPEG. Pure: thumbnails go in, bytes come out.

Letters grow with the whole, so that they can be read where a phone shows it 375 pixels wide. So there are never more
than four pictures side by side: a long axis goes downwards, a single one is wrapped, and where two columns would make
a ribbon, its lower half stands beside the upper one.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from PIL import Image, ImageDraw, ImageOps

from bot.lettering import GRID, GROUND, QUIET, TEXT, Font, fitted, sized, widest, wrapped

#: So many pictures stand side by side.
MOST_ACROSS: Final = 4

#: How wide a picture is, by how many stand side by side.
_WIDTHS: Final[Mapping[int, int]] = {1: 960, 2: 640, 3: 480, 4: 432}
#: The shapes of the room for a picture: no flatter and no taller.
_FLATTEST, _TALLEST = 2.0, 0.6
#: From so many rows on, two columns are halved.
_RIBBON: Final = 6
_ALONE: Final = 3

_MARGIN: Final = 32
_BETWEEN: Final = 24
_WELL: Final = "#1E1F22"
_STROKE: Final = 4
#: The whole is so many times as wide as its letters are high.
_PER_HEADING: Final = 27
_PER_FACTS: Final = 34
#: Letters are made smaller down to this part of their size before a text is cut; seeds are long, and say nothing cut.
_SMALLEST: Final = 0.7
_SMALLEST_SEED: Final = 0.5
_LINES: Final = 2
_PADDING: Final = 8


class Fate(StrEnum):
    """What became of a cell; the word stands where its picture would."""

    PICTURE = "picture"
    OPEN = "not made yet"
    COMING = "coming"
    REFUSED = "refused"
    FAILED = "failed"
    EXPIRED = "no answer"
    CANCELLED = "cancelled"
    WITHHELD = "withheld"
    REMOVED = "taken down"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Tile:
    """One cell. ``id`` is that of its picture, where it has one; ``seed``: it was made with another one than was asked for."""

    fate: Fate
    id: int | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a contact sheet shows: the texts of both axes, and the cells, row by row.

    With one axis there are no ``rows``. ``shape`` is what width and height of the pictures are like.
    """

    columns: tuple[str, ...]
    rows: tuple[str, ...]
    tiles: tuple[Tile, ...]
    shape: tuple[int, int]

    def turned(self) -> Sheet:
        """Return the same cells with rows for columns."""
        across = len(self.columns)
        tiles = [self.tiles[row * across + column] for column in range(across) for row in range(len(self.rows))]
        return Sheet(self.rows, self.columns, tuple(tiles), self.shape)


@dataclass(frozen=True, slots=True)
class Heading:
    """A text over pictures: where its lower left corner is, and how wide it may be."""

    text: str
    left: int
    bottom: int
    width: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is, in pixels."""

    width: int
    height: int
    #: The room for one picture.
    box: tuple[int, int]
    #: The left upper corner of each picture, in the order of the tiles that are drawn.
    corners: tuple[tuple[int, int], ...]
    headings: tuple[Heading, ...]
    #: How high the letters of headings are.
    letters: int


def upright(sheet: Sheet) -> Sheet:
    """Return a sheet with no more columns than fit side by side, if it has two axes of which one is short."""
    long = len(sheet.columns) > MOST_ACROSS and 1 < len(sheet.rows) <= MOST_ACROSS
    return sheet.turned() if long else sheet


def lay_out(sheet: Sheet) -> Layout:
    """Return where everything on a sheet is that :func:`upright` made."""
    listed = min(len(sheet.columns), len(sheet.rows)) <= 1
    return _listed(sheet) if listed else _crossed(sheet)


def thumbnail_box(sheet: Sheet) -> tuple[int, int]:
    """Return the box that thumbnails are to fit into."""
    return lay_out(upright(sheet)).box


def draw(sheet: Sheet, thumbnails: Sequence[bytes | None]) -> bytes:
    """Draw a sheet as a JPEG; the same input gives the same bytes.

    ``thumbnails``: JPEGs that fit :func:`thumbnail_box`, in the order of the tiles; one without stands as lost.
    """
    across = len(sheet.columns)
    order = list(range(len(sheet.tiles)))
    if (turned := upright(sheet)) is not sheet:
        order = [row * across + column for column in range(across) for row in range(len(sheet.rows))]
    layout = lay_out(turned)
    image = Image.new("RGB", (layout.width, layout.height), GROUND)
    pen = ImageDraw.Draw(image)
    for heading in layout.headings:
        _heading(pen, heading, layout.letters)
    for place, corner in zip(order, layout.corners, strict=True):
        _tile(image, pen, sheet.tiles[place], thumbnails[place], corner, layout.box)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88, subsampling="4:4:4")
    return buffer.getvalue()


# Where things are ----------------------------------------------------------------------------------------------------


def _listed(sheet: Sheet) -> Layout:
    """Wrap the cells of one axis, each with its own heading; an axis of one value is named with the other one's."""
    texts = [f"{column} · {row}" for row in sheet.rows for column in sheet.columns] or list(sheet.columns)
    across = len(texts) if len(texts) <= _ALONE else min(MOST_ACROSS, math.ceil(math.sqrt(len(texts))))
    width, box = _width(across), _box(across, sheet.shape)
    letters, over = _letters(texts, box[0], width)
    a_row = over + box[1] + _below(sheet, width)
    corners: list[tuple[int, int]] = []
    headings: list[Heading] = []
    for number, text in enumerate(texts):
        row, column = divmod(number, across)
        left, top = _left(column, box), _MARGIN + row * a_row + over
        headings.append(Heading(text, left, top - _PADDING, box[0]))
        corners.append((left, top))
    rows = -(-len(texts) // across)
    return Layout(width, _MARGIN + rows * a_row, box, tuple(corners), tuple(headings), letters)


def _crossed(sheet: Sheet) -> Layout:
    """Cross two axes: the columns have their headings on top, each row has its own over its whole width."""
    across, rows = len(sheet.columns), len(sheet.rows)
    halved = across * 2 <= MOST_ACROSS and rows > _RIBBON
    a_block = -(-rows // 2) if halved else rows
    whole = across * 2 if halved else across
    width, box = _width(whole), _box(whole, sheet.shape)
    letters, over = _letters(sheet.columns, box[0], width)
    band = letters + 4 * _PADDING
    a_row = band + box[1] + _below(sheet, width)
    corners: list[tuple[int, int]] = []
    headings: list[Heading] = []
    for row, text in enumerate(sheet.rows):
        block, place = divmod(row, a_block)
        lefts = [_left(block * across + column, box) for column in range(across)]
        top = _MARGIN + over + place * a_row + band
        if not place:
            names = zip(lefts, sheet.columns, strict=True)
            headings += [Heading(name, left, _MARGIN + over - _PADDING, box[0]) for left, name in names]
        headings.append(Heading(text, lefts[0], top - _PADDING, across * (box[0] + _BETWEEN) - _BETWEEN))
        corners += [(left, top) for left in lefts]
    return Layout(width, _MARGIN + over + a_block * a_row, box, tuple(corners), tuple(headings), letters)


def _letters(texts: Sequence[str], room: int, width: int) -> tuple[int, int]:
    """Return how high the letters of headings are that are so wide, and how high the room is that the longest takes."""
    size = width // _PER_HEADING
    if any(_is_cut(text, room, size) for text in texts):
        size = round(size * _SMALLEST)
    lines = max(len(wrapped(text, sized(size), room, _LINES)) for text in texts)
    return size, lines * (size + _PADDING) + 2 * _PADDING


def _is_cut(text: str, room: int, size: int) -> bool:
    return any(line.endswith("…") for line in wrapped(text, sized(size), room, _LINES))


def _width(across: int) -> int:
    return 2 * _MARGIN + across * _WIDTHS[across] + (across - 1) * _BETWEEN


def _box(across: int, shape: tuple[int, int]) -> tuple[int, int]:
    ratio = min(_FLATTEST, max(_TALLEST, shape[0] / shape[1]))
    return _WIDTHS[across], round(_WIDTHS[across] / ratio)


def _left(column: int, box: tuple[int, int]) -> int:
    return _MARGIN + column * (box[0] + _BETWEEN)


def _below(sheet: Sheet, width: int) -> int:
    """Return how high the room below a picture is, with what keeps it from the next one."""
    seeds = any(tile.seed is not None for tile in sheet.tiles)
    return _BETWEEN + (width // _PER_FACTS + 2 * _PADDING if seeds else 0)


# Painting ------------------------------------------------------------------------------------------------------------


def _heading(pen: ImageDraw.ImageDraw, heading: Heading, size: int) -> None:
    lines = wrapped(heading.text, sized(size), heading.width, _LINES)
    for number, line in enumerate(reversed(lines)):
        # The font has one weight; an outline in its own colour makes it a heavier one.
        at = heading.left, heading.bottom - number * (size + _PADDING)
        pen.text(at, line, TEXT, sized(size), "ld", stroke_width=1)


def _tile(
    image: Image.Image,
    pen: ImageDraw.ImageDraw,
    tile: Tile,
    thumbnail: bytes | None,
    corner: tuple[int, int],
    box: tuple[int, int],
) -> None:
    (left, top), (wide, high) = corner, box
    small = image.width // _PER_FACTS
    well = left, top, left + wide - 1, top + high - 1
    if tile.fate is not Fate.PICTURE or thumbnail is None:
        word = Fate.LOST if tile.fate is Fate.PICTURE else tile.fate
        pen.rectangle(well, GROUND, GRID, _STROKE)
        font = _largest(word.value, small, wide - 2 * _PADDING, _SMALLEST)
        pen.text((left + wide // 2, top + high // 2), word.value, QUIET, font, "mm")
    else:
        pen.rectangle(well, _WELL)
        with Image.open(io.BytesIO(thumbnail), formats=["JPEG"]) as opened:
            picture = ImageOps.contain(opened, box, Image.Resampling.BICUBIC)
        image.paste(picture, (left + (wide - picture.width) // 2, top + (high - picture.height) // 2))
    if tile.id is not None:
        name, font = f"#{tile.id}", sized(small)
        end = left + widest([name], font) + 2 * _PADDING
        pen.rectangle((left, top, end, top + small + _PADDING), _WELL)
        pen.text((left + _PADDING, top + (small + _PADDING) // 2), name, TEXT, font, "lm")
    if tile.seed is not None:
        seed = f"seed {tile.seed}"
        font = _largest(seed, small, wide, _SMALLEST_SEED)
        pen.text((left, top + high + _PADDING), fitted(seed, font, wide), QUIET, font, "la")


def _largest(text: str, size: int, width: int, least: float) -> Font:
    """Return the font in which a text fits a width, no larger than wanted and no smaller than ``least`` of that."""
    smallest = round(size * least)
    fits = (tried for tried in range(size, smallest, -1) if widest([text], sized(tried)) <= width)
    return sized(next(fits, smallest))
