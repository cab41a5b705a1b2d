"""A page of a tree, painted."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from functools import cache
from typing import Final

from PIL import Image, ImageDraw

from bot.lettering import AXIS, GRID, GROUND, QUIET, TEXT, fitted, legible, sign, sized, widest, wrapped
from bot.quota import dollars
from bot.trees import _sheet
from bot.trees._grid import Seat
from bot.trees._nodes import Node, Shown
from bot.trees._pages import Page
from bot.trees._sheet import GAP, LINE, MARGIN, TEXTS, THUMBNAIL, Box

_WELL: Final = "#1E1F22"
_GOLD: Final = "#F0B232"
_MERGED: Final = "#57C7A0"

_TITLE_SIZE: Final = 40
_WORD_SIZE: Final = 26
_TEXT_SIZE: Final = 20
_TITLE_BASE: Final = 62

_STROKE: Final = 4
_FRAME: Final = 6
_RADIUS: Final = 8
#: An arrow's head is so long and wide; the line ends inside of it.
_ARROW: Final = 14
_TAB: Final = 28
_BADGE: Final = 32
_PADDING: Final = 7


def draw(
    title: str, page: Page, thumbnails: Mapping[int, bytes], *, number: int, of: int, here: int | None = None
) -> bytes:
    """Draw page ``number`` of ``of`` as a JPEG; the same input gives the same bytes.

    Thumbnails, by the ids of their nodes, are JPEGs that fit :data:`THUMBNAIL`; a node without one stands as lost. The
    node ``here`` is framed, and the way to it is picked out as far as it is on this page.
    """
    image = Image.new("RGB", (page.width, page.height), GROUND)
    pen = ImageDraw.Draw(image)
    _head(pen, image.width, title, f"page {number} of {of}" if of > 1 else "")
    way = _way(page, here)
    for seat in sorted(page.seats, key=lambda seat: seat.node.id in way):
        _arrow(image, pen, seat, _GOLD if seat.node.id in way else AXIS)
    for seat in page.seats:
        node, box = seat.node, _sheet.card(seat.cell)
        if node.id == here:
            frame = box[0] - _FRAME, box[1] - _FRAME, box[2] + _FRAME - 1, box[3] + _FRAME - 1
            pen.rounded_rectangle(frame, _RADIUS, GROUND, _GOLD, _FRAME - 2)
        _picture(image, pen, node, box, thumbnails.get(node.id))
        if node.shown is not Shown.HIDDEN:
            _badges(image, pen, node, box, _GOLD if node.id == here else TEXT)
            _texts(pen, node, box, page.merges.get(node.id))
        if node.id in page.labels:
            _tab(pen, box, page.labels[node.id])
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90, subsampling="4:4:4")
    return buffer.getvalue()


def _way(page: Page, here: int | None) -> set[int]:
    """Return the ids on the way to a node, its own included, as far as they are on the page."""
    parents = {node.id: node.parent_id for node in page.nodes}
    way = set[int]()
    while here in parents:
        way.add(here)
        here = parents[here]
    return way


def _head(pen: ImageDraw.ImageDraw, width: int, title: str, page: str) -> None:
    large, small = sized(_TITLE_SIZE), sized(_WORD_SIZE)
    pen.text((width - MARGIN, _TITLE_BASE), page, QUIET, small, "rs")
    room = width - 3 * MARGIN - widest([page], small)
    # The font has one weight; an outline in its own colour makes it a heavier one.
    pen.text((MARGIN, _TITLE_BASE), fitted(title, large, room), TEXT, large, "ls", stroke_width=1)


def _arrow(image: Image.Image, pen: ImageDraw.ImageDraw, seat: Seat, colour: str) -> None:
    corners = _sheet.line(seat)
    if not corners:
        return
    *rest, (x, y) = corners
    head = _arrowhead(sideways=seat.sideways)
    if seat.sideways:
        end, corner = (x - _ARROW // 2, y), (x - head.width, y - head.height // 2)
    else:
        end, corner = (x, y - _ARROW // 2), (x - head.width // 2, y - head.height)
    pen.line([*rest, end], colour, _STROKE, joint="curve")
    image.paste(colour, corner, head)


def _picture(image: Image.Image, pen: ImageDraw.ImageDraw, node: Node, box: Box, thumbnail: bytes | None) -> None:
    """Paint a node's picture, or the word that stands in its place."""
    left, top, right, _ = box
    wide, high = THUMBNAIL
    well = left, top, right - 1, top + high - 1
    if node.shown is Shown.PICTURE and thumbnail is not None:
        pen.rectangle(well, _WELL)
        with Image.open(io.BytesIO(thumbnail), formats=["JPEG"]) as picture:
            image.paste(picture, (left + (wide - picture.width) // 2, top + (high - picture.height) // 2))
    else:
        word = Shown.LOST if node.shown is Shown.PICTURE else node.shown
        pen.rectangle(well, GROUND, GRID, _STROKE)
        pen.text((left + wide // 2, top + high // 2), word.value, QUIET, sized(_WORD_SIZE), "mm")


def _badges(image: Image.Image, pen: ImageDraw.ImageDraw, node: Node, box: Box, colour: str) -> None:
    """Write the id into the upper left corner of a picture, and the stars into the other one."""
    left, top, right, _ = box
    middle = top + _BADGE // 2
    name, large = f"#{node.id}", sized(_WORD_SIZE)
    end = left + widest([name], large) + 2 * _PADDING
    pen.rounded_rectangle((left, top, end - 1, top + _BADGE - 1), _RADIUS, _WELL, corners=(False, False, True, False))
    pen.text((left + _PADDING, middle), name, colour, large, "lm")
    if node.stars:
        count, small, star = str(node.stars), sized(_TEXT_SIZE), _star()
        start = right - widest([count], small) - star.width - 3 * _PADDING
        badge = start, top, right - 1, top + _BADGE - 1
        pen.rounded_rectangle(badge, _RADIUS, _WELL, corners=(False, False, False, True))
        image.paste(_GOLD, (start + _PADDING, middle - star.height // 2), star)
        pen.text((right - _PADDING, middle), count, _GOLD, small, "rm")


def _texts(pen: ImageDraw.ImageDraw, node: Node, box: Box, merge: str | None) -> None:
    """Write below a picture who asked for it, what it cost, its prompt, and its other references."""
    left, top, right, _ = box
    font, top = sized(_TEXT_SIZE), top + THUMBNAIL[1] + GAP
    cost = "pending" if node.cost is None else dollars(node.cost)
    pen.text((right, top), cost, QUIET, font, "ra")
    who = node.who if legible(node.who) else "a member"
    pen.text((left, top), fitted(who, font, THUMBNAIL[0] - widest([cost], font) - 2 * GAP), TEXT, font, "la")
    prompt = node.prompt if legible(node.prompt) else "(in another script)" if node.prompt else ""
    lines = wrapped(prompt, font, THUMBNAIL[0], TEXTS - 2 if merge else TEXTS - 1)
    for number, text in enumerate(lines, 1):
        pen.text((left, top + number * LINE), text, QUIET, font, "la")
    if merge:
        pen.text((left, top + (TEXTS - 1) * LINE), fitted(merge, font, THUMBNAIL[0]), _MERGED, font, "la")


def _tab(pen: ImageDraw.ImageDraw, box: Box, label: str) -> None:
    """Write a label on a tab that stands on a card, so that nobody takes it for the last line of the card above."""
    left, top, _, _ = box
    font = sized(_TEXT_SIZE)
    text = fitted(label, font, THUMBNAIL[0] - 2 * _PADDING)
    right = left + widest([text], font) + 2 * _PADDING
    pen.rounded_rectangle((left, top - _TAB, right, top - 1), _RADIUS, GRID, corners=(True, True, False, False))
    pen.text((left + _PADDING, top - _TAB // 2), text, TEXT, font, "lm")


@cache
def _arrowhead(*, sideways: bool) -> Image.Image:
    right = [(0.0, 0.0), (_ARROW, _ARROW / 2), (0.0, _ARROW)]
    return sign(right if sideways else [(y, x) for x, y in right], _ARROW)


@cache
def _star() -> Image.Image:
    radii = [11.0, 4.6] * 5
    corners = [(radius, math.pi * (turn / 5 - 0.5)) for turn, radius in enumerate(radii)]
    return sign([(11 + radius * math.cos(angle), 11 + radius * math.sin(angle)) for radius, angle in corners], 22)
