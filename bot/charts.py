"""Bar charts of spending, as PNG pictures to be read on a phone. Pure: amounts go in, bytes come out.

A picture is :data:`WIDTH` pixels wide, twice what a phone shows, so type is large and lines are two pixels. It brings
its own dark ground, because Discord may show it on a dark or a light one. The same input gives the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, pairwise
from typing import Final

from PIL import Image, ImageDraw

from bot.lettering import ACCENT, AXIS, GRID, GROUND, QUIET, TEXT, Font, fitted, sized, widest
from bot.quota import dollars

#: The width of every chart, in pixels.
WIDTH: Final = 900
#: The most bars of a ranking.
MOST_RANKED: Final = 12
#: The most columns of a timeline: a leap year of days.
MOST_COLUMNS: Final = 366

_TITLE_SIZE: Final = 44
_TEXT_SIZE: Final = 30
_AXIS_SIZE: Final = 26

_MARGIN: Final = 48
_RIGHT: Final = WIDTH - _MARGIN
_LINE: Final = _RIGHT - _MARGIN
#: Where the title and the subtitle stand, and where the plot begins under them.
_TITLE_BASE: Final = 84
_SUBTITLE_BASE: Final = 134
_PLOT_TOP: Final = 190
#: Between a text and a bar or a scale; and the least between two texts in a line.
_GAP: Final = 24
_TEXT_GAP: Final = 16

_ROW: Final = 64
_BAR: Final = 36
_LONGEST_LABEL: Final = 300
_PLOT_HEIGHT: Final = 440
_WIDEST_COLUMN: Final = 72
#: Below this many pixels from column to column, a gap would be as wide as a column: they stand side by side instead.
_NARROWEST_WITH_GAP: Final = 6
_MOST_INTERVALS: Final = 4
#: The least amount that can be seen beside a zero, in pixels.
_SLIVER: Final = 3
_RADIUS: Final = 8


@dataclass(frozen=True, slots=True)
class Bar:
    """What was spent on one thing or in one span of time."""

    #: A member's name, ``#darkroom``, ``30 steps``, ``Nov 25``.
    label: str
    #: In micro-dollars.
    amount: int


def ranking(title: str, subtitle: str, bars: Sequence[Bar]) -> bytes:
    """Draw up to :data:`MOST_RANKED` horizontal bars in the order given, each with its label and amount, as a PNG.

    Raises :class:`ValueError` where there are more, or where an amount is negative.
    """
    largest = _largest(bars, MOST_RANKED)
    if not largest:
        return _nothing(title, subtitle)
    font = sized(_TEXT_SIZE)
    labels = [fitted(bar.label, font, _LONGEST_LABEL) or "?" for bar in bars]
    amounts = [dollars(bar.amount) for bar in bars]
    left = _MARGIN + widest(labels, font) + _GAP
    span = _RIGHT - widest(amounts, font) - _GAP - left
    image, draw = _canvas(title, subtitle, _PLOT_TOP + _ROW * len(bars) + _MARGIN - (_ROW - _BAR))
    for row, (bar, label, amount) in enumerate(zip(bars, labels, amounts, strict=True)):
        top = _PLOT_TOP + row * _ROW
        end = left + _length(bar.amount, largest, span)
        middle = top + _BAR // 2
        draw.text((_MARGIN, middle), label, TEXT, font, "lm")
        _fill(image, (left, top, end, top + _BAR), (False, True, True, False))
        draw.text((end + _GAP if bar.amount else left, middle), amount, QUIET, font, "lm")
    return _png(image)


def timeline(title: str, subtitle: str, bars: Sequence[Bar]) -> bytes:
    """Draw up to :data:`MOST_COLUMNS` columns, oldest first, over a scale in dollars, as a PNG.

    Raises :class:`ValueError` where there are more, or where an amount is negative.
    """
    largest = _largest(bars, MOST_COLUMNS)
    if not largest:
        return _nothing(title, subtitle)
    font = sized(_AXIS_SIZE)
    ticks = _ticks(largest)
    span = _LINE - widest([dollars(tick) for tick in ticks], font) - _GAP
    base = _PLOT_TOP + _PLOT_HEIGHT
    image, draw = _canvas(title, subtitle, base + 2 * _MARGIN)
    for tick in ticks:
        y = base - _PLOT_HEIGHT * tick // ticks[-1]
        draw.line((_MARGIN, y, _MARGIN + span, y), GRID if tick else AXIS, 2)
        draw.text((_MARGIN + span + _GAP, y), dollars(tick), QUIET, font, "lm")
    columns = _columns(len(bars), span)
    for bar, (left, right) in zip(bars, columns, strict=True):
        top = base - _length(bar.amount, ticks[-1], _PLOT_HEIGHT)
        _fill(image, (left, top, right, base), (True, True, False, False))
    for x, label in _thinned([bar.label for bar in bars], columns, font):
        draw.text((x, base + _GAP), label, QUIET, font, "la")
    return _png(image)


def _largest(bars: Sequence[Bar], most: int) -> int:
    """Check that bars can be drawn, and return the largest amount: 0 where nothing was spent."""
    if len(bars) > most:
        raise ValueError(f"{len(bars)} bars are more than {most}")
    if any(bar.amount < 0 for bar in bars):
        raise ValueError("an amount is negative")
    return max((bar.amount for bar in bars), default=0)


def _length(amount: int, full: int, pixels: int) -> int:
    """Return how long a bar is, in pixels, where ``full`` is as long as ``pixels``. What was spent is always seen."""
    return max(_SLIVER, pixels * amount // full) if amount else 0


def _ticks(largest: int) -> range:
    """Return round amounts from zero up to the first that ``largest`` fits under, none finer than dollars are written."""
    steps = (digit * 10**power for power in count(2) for digit in (1, 2, 5))
    step = next(step for step in steps if largest <= step * _MOST_INTERVALS)
    return range(0, largest + step, step)


def _columns(number: int, span: int) -> list[tuple[int, int]]:
    """Return the left and right edges of columns spread evenly over ``span`` pixels."""
    slots = list(pairwise(_MARGIN + span * edge // number for edge in range(number + 1)))
    if span < number * _NARROWEST_WITH_GAP:
        return slots
    width = min(_WIDEST_COLUMN, span * 2 // (number * 3))
    starts = ((left + right - width) // 2 for left, right in slots)
    return [(start, start + width) for start in starts]


def _thinned(labels: Sequence[str], columns: Sequence[tuple[int, int]], font: Font) -> list[tuple[int, str]]:
    """Choose where to write which labels: as many as keep clear of each other, evenly spaced, the latest among them."""
    places: list[tuple[int, int, str]] = []
    for label, (left, right) in zip(labels, columns, strict=True):
        text = fitted(label, font, _LONGEST_LABEL)
        width = widest([text], font)
        start = min(max((left + right - width) // 2, _MARGIN), _RIGHT - width)
        places.append((start, start + width, text))
    # Each choice runs from the latest to the earliest; the last one is the latest alone, which is always clear.
    choices = (places[::-stride] for stride in range(1, len(places) + 1))
    clear = next(chosen for chosen in choices if all(b[1] + _TEXT_GAP <= a[0] for a, b in pairwise(chosen)))
    return [(start, text) for start, _, text in clear]


def _canvas(title: str, subtitle: str, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """Return the ground with the two lines above a plot."""
    image = Image.new("RGB", (WIDTH, height), GROUND)
    draw = ImageDraw.Draw(image)
    large, small = sized(_TITLE_SIZE), sized(_TEXT_SIZE)
    # The font has one weight; an outline in its own colour makes it a heavier one.
    draw.text((_MARGIN, _TITLE_BASE), fitted(title, large, _LINE), TEXT, large, "ls", stroke_width=1)
    draw.text((_MARGIN, _SUBTITLE_BASE), fitted(subtitle, small, _LINE), QUIET, small, "ls")
    return image, draw


def _nothing(title: str, subtitle: str) -> bytes:
    image, draw = _canvas(title, subtitle, _PLOT_TOP + 2 * _MARGIN)
    draw.text((_MARGIN, _PLOT_TOP), "Nothing was spent in this time.", TEXT, sized(_TEXT_SIZE), "la")
    return _png(image)


def _fill(image: Image.Image, box: tuple[int, int, int, int], corners: tuple[bool, bool, bool, bool]) -> None:
    """Paint a bar, with those of its corners rounded, clockwise from the upper left."""
    width, height = box[2] - box[0], box[3] - box[1]
    if not width or not height:
        return
    # Painted four times as large and scaled down, which smooths the corners.
    mask = Image.new("L", (4 * width, 4 * height))
    radius = 4 * min(_RADIUS, width // 3, height // 3)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), radius, 255, corners=corners)
    image.paste(ACCENT, box, mask.reduce(4))


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
