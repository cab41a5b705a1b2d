"""Parent and child side by side, as one JPEG. Pure: bytes go in, bytes come out.

Both pictures have one height, and an arrow leads from the left one to the right one. The letters grow with the whole,
so that they can be read where a phone shows it 375 pixels wide.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Final

from PIL import Image, ImageDraw, ImageOps

from bot import images
from bot.lettering import GRID, GROUND, QUIET, TEXT, fitted, sign, sized

#: The most pixels from the left edge to the right one.
WIDEST: Final = 2048

#: Both pictures are so high: as the higher one is, within these bounds; and lower where they would be too wide together.
_TALLEST: Final = 1024
_LOWEST: Final = 512
#: A side is never narrower, so that its caption has room.
_NARROWEST: Final = 400

_MARGIN: Final = 32
_BETWEEN: Final = 112
_ROOM: Final = WIDEST - 2 * _MARGIN - _BETWEEN
_ARROW: Final = 72
_STROKE: Final = 6
#: The whole is so many times as wide as its letters are high.
_PER_CAPTION: Final = 29
_PER_FACTS: Final = 38


@dataclass(frozen=True, slots=True)
class Side:
    """One of two results."""

    #: ``#12 · Ana``.
    caption: str
    #: ``seed 7 · $0.0061``.
    facts: str
    #: The encoded picture; None where it was removed or is gone.
    data: bytes | None = field(repr=False)


def side_by_side(left: Side, right: Side) -> bytes:
    """Draw two results at one height, with an arrow from the left one to the right one, as a JPEG.

    It is at most :data:`WIDEST` pixels wide. The same input gives the same bytes. Raises
    :class:`~bot.images.Refused` where what is given is no picture.
    """
    sides = left, right
    pictures = [_opened(side.data) for side in sides]
    height, widths = _sizes(pictures)
    panels = [max(_NARROWEST, width) for width in widths]
    whole = sum(panels) + _BETWEEN + 2 * _MARGIN
    head = 2 * _MARGIN + whole // _PER_CAPTION + whole // _PER_FACTS
    image = Image.new("RGB", (whole, head + height + _MARGIN), GROUND)
    start = _MARGIN
    for side, picture, width, panel in zip(sides, pictures, widths, panels, strict=True):
        _captions(image, side, start, panel)
        _picture(image, picture, (start + (panel - width) // 2, head), (width, height))
        start += panel + _BETWEEN
    arrow = _arrow()
    gap = _MARGIN + panels[0]
    image.paste(TEXT, (gap + (_BETWEEN - arrow.width) // 2, head + (height - arrow.height) // 2), arrow)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90, subsampling="4:4:4")
    return buffer.getvalue()


def _opened(data: bytes | None) -> Image.Image | None:
    """Decode a picture, upright and no larger than it can be needed."""
    if data is None:
        return None
    return Image.open(io.BytesIO(images.thumbnail(data, (_ROOM, _TALLEST))), formats=["JPEG"])


def _sizes(pictures: list[Image.Image | None]) -> tuple[int, list[int]]:
    """Return how high both pictures are drawn, and how wide each is. A missing one has the shape of the other."""
    present = [picture for picture in pictures if picture]
    shapes = [picture.width / picture.height for picture in present] or [1.0]
    ratios = shapes * 2 if len(shapes) == 1 else shapes
    height = min(_TALLEST, max([_LOWEST, *(picture.height for picture in present)]))
    height = min(height, _ROOM / sum(ratios))
    if min(ratios) * height < _NARROWEST:  # then the wider one has what is left
        height = min(height, (_ROOM - _NARROWEST) / max(ratios))
    return max(1, int(height)), [max(1, int(ratio * height)) for ratio in ratios]


def _captions(image: Image.Image, side: Side, left: int, width: int) -> None:
    pen = ImageDraw.Draw(image)
    large, small = image.width // _PER_CAPTION, image.width // _PER_FACTS
    caption, facts = sized(large), sized(small)
    base = _MARGIN + large
    # The font has one weight; an outline in its own colour makes it a heavier one.
    pen.text((left, base), fitted(side.caption, caption, width), TEXT, caption, "ls", stroke_width=1)
    pen.text((left, base + _MARGIN // 2 + small), fitted(side.facts, facts, width), QUIET, facts, "ls")


def _picture(image: Image.Image, picture: Image.Image | None, at: tuple[int, int], size: tuple[int, int]) -> None:
    if picture:
        image.paste(ImageOps.fit(picture, size, Image.Resampling.LANCZOS), at)
        return
    pen = ImageDraw.Draw(image)
    (left, top), (width, height) = at, size
    pen.rectangle((left, top, left + width - 1, top + height - 1), GROUND, GRID, _STROKE)
    word = sized(image.width // _PER_CAPTION)
    pen.text((left + width // 2, top + height // 2), "gone", QUIET, word, "mm")


def _arrow() -> Image.Image:
    middle, half, head = _ARROW / 2, _STROKE, _ARROW / 2
    upper = [(0.0, middle - half), (_ARROW - head, middle - half), (_ARROW - head, middle - head * 0.8)]
    lower = [(x, _ARROW - y) for x, y in reversed(upper)]
    return sign([*upper, (_ARROW, middle), *lower], _ARROW)
