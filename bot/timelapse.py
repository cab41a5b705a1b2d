"""The way from a first picture to a last one as an animated picture. Pure: bytes go in, bytes come out.

It is a GIF, which every client of Discord plays in place. Each frame is one picture at the size of the last one, with a
caption below; a frame that fits less well stands in the middle of the ground.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from PIL import Image, ImageDraw

from bot import images
from bot.lettering import GROUND, QUIET, fitted, sized

#: The most frames; of a longer way the last ones are shown.
MOST_FRAMES: Final = 40
#: The sides of a frame are tried at these lengths, in pixels, until the whole fits.
_SIDES: Final = (640, 480, 360, 256, 160)
#: How long a frame stands, and the last one, in milliseconds.
_STANDS: Final = 900
_RESTS: Final = 2500
_MARGIN: Final = 8
#: A caption is as high as so much of the frame's width.
_PER_CAPTION: Final = 26


@dataclass(frozen=True, slots=True)
class Frame:
    """One step of the way."""

    #: ``#12 · Ana: a red hat``.
    caption: str
    #: The encoded picture.
    data: bytes = field(repr=False)


def animate(frames: Sequence[Frame], limit: int) -> bytes | None:
    """Return the frames as a GIF that plays for ever, at most ``limit`` bytes long; ``None`` where none is that small.

    The same input gives the same bytes. Raises :class:`ValueError` without a frame, and
    :class:`~bot.images.Refused` where one is no picture.
    """
    if not frames:
        raise ValueError("an animated picture needs a frame")
    shown = frames[-MOST_FRAMES:]
    for side in _SIDES:
        made = _gif(shown, side)
        if len(made) <= limit:
            return made
    return None


def _opened(frame: Frame, side: int) -> Image.Image:
    return Image.open(io.BytesIO(images.thumbnail(frame.data, (side, side))), formats=["JPEG"]).convert("RGB")


def _gif(frames: Sequence[Frame], side: int) -> bytes:
    font_size = max(12, side // _PER_CAPTION)
    width, height = _opened(frames[-1], side).size
    width = max(width, side // 2)
    # One after the other: a finished sheet takes a quarter of what its picture does.
    sheets = [_sheet(_opened(frame, side), frame.caption, (width, height), font_size) for frame in frames]
    buffer = io.BytesIO()
    stands = [*[_STANDS] * (len(sheets) - 1), _RESTS]
    sheets[0].save(buffer, "GIF", save_all=True, append_images=sheets[1:], duration=stands, loop=0, optimize=False)
    return buffer.getvalue()


def _sheet(picture: Image.Image, caption: str, size: tuple[int, int], font_size: int) -> Image.Image:
    """Return a picture on a ground of the common size, its caption below, in as many colours as a GIF has."""
    width, height = size
    foot = font_size + 2 * _MARGIN
    sheet = Image.new("RGB", (width, height + foot), GROUND)
    picture.thumbnail(size)
    sheet.paste(picture, ((width - picture.width) // 2, (height - picture.height) // 2))
    font = sized(font_size)
    words = fitted(caption, font, width - 2 * _MARGIN)
    ImageDraw.Draw(sheet).text((_MARGIN, height + foot // 2), words, QUIET, font, "lm")
    # The colours are chosen on a small copy: choosing them on the whole takes ten times as long.
    colours = sheet.reduce(4).quantize(256, method=Image.Quantize.MEDIANCUT)
    return sheet.quantize(palette=colours, dither=Image.Dither.FLOYDSTEINBERG)
