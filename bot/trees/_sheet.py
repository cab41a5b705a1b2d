"""Where cells and lines are on the picture of a page, in pixels."""

from __future__ import annotations

from typing import Final, TypeAlias

from bot.trees._grid import Cell, Seat

#: The box that a thumbnail is made for.
THUMBNAIL: Final = (192, 144)
#: Around everything; the title's line is above the first row.
MARGIN: Final = 28
HEAD: Final = 92
#: The texts below a picture: how many lines, and how high each is.
TEXTS: Final = 3
LINE: Final = 24
#: Between a picture and its texts.
GAP: Final = 6

#: How wide the channels beside cells are, and how high those above them.
_BESIDE: Final = 36
_ABOVE: Final = 38
#: From the upper edge of a channel to a line in it: the rest is for the arrow's head.
_BUS: Final = 12
_COLUMN: Final = THUMBNAIL[0] + _BESIDE
_CARD: Final = THUMBNAIL[1] + GAP + TEXTS * LINE
_ROW: Final = _ABOVE + _CARD
#: The narrowest picture, so that a title has room.
_NARROWEST: Final = 640

Point: TypeAlias = tuple[int, int]
#: Left, top, right, bottom.
Box: TypeAlias = tuple[int, int, int, int]


def size(columns: int, rows: int) -> tuple[int, int]:
    """Return width and height of the picture of so many cells."""
    return max(_NARROWEST, 2 * MARGIN + columns * _COLUMN), HEAD + rows * _ROW + MARGIN


def card(cell: Cell) -> Box:
    """Return where a node stands: its picture, with its texts below."""
    left, top = MARGIN + cell[1] * _COLUMN, HEAD + cell[0] * _ROW + _ABOVE
    return left, top, left + THUMBNAIL[0], top + _CARD


def line(seat: Seat) -> list[Point]:
    """Return the line to a seat, from corner to corner, from its parent to the tip of its arrow; empty without one."""
    if seat.parent is None:
        return []
    _, upper, start, _ = card(seat.parent)
    left, top, _, _ = card(seat.cell)
    leaving, trunk = upper + THUMBNAIL[1] // 2, start + _BESIDE // 2
    if seat.sideways:
        entering = top + THUMBNAIL[1] // 2
        return [(start, leaving), (trunk, leaving), (trunk, entering), (left, entering)]
    bus, entering = top - _ABOVE + _BUS, left + THUMBNAIL[0] // 2
    return [(start, leaving), (trunk, leaving), (trunk, bus), (entering, bus), (entering, top)]
