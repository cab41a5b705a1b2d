"""Pictures flattened and scaled in bands, so that no second picture of the first one's size is ever made.

The bands come to what the whole would, but for rounding: each is resized out of a strip that is higher by what the filter
reaches beyond it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from PIL import Image

#: A band has about so many pixels of the source.
_BAND: Final = 500_000
#: Bytes that work on a band takes for each of its pixels: cut out, as RGBA, as RGB.
_PER_PIXEL: Final = 13
#: How far the widest filter (Lanczos) reaches, in pixels of the result.
_REACH: Final = 3

Size = tuple[int, int]


def cost(source: Size, target: Size) -> int:
    """Return how many bytes the work on one band takes at most, besides source and result."""
    rows = _rows(source, target) * source[1] / target[1] + 2 * _margin(source, target) + 2
    return int(_PER_PIXEL * source[0] * min(source[1], rows))


def flattened(image: Image.Image, size: Size, how: Image.Resampling, ground: str) -> tuple[Image.Image, bool]:
    """Return the picture at a size, as L, RGB or CMYK; and whether something of it was transparent, which shows ``ground``."""
    if image.size == size and _mode(image) == image.mode and not image.has_transparency_data:
        return image, False
    made, transparent = Image.new(_mode(image), size), False
    for top, bottom in _bands(image.size, size):
        strip, place = _strip(image, size, top, bottom)
        strip, shows = _flat(strip, ground)
        transparent = transparent or shows
        # Pillow's hints for `resize` name NumPy, which is not installed here.
        made.paste(strip.resize((size[0], bottom - top), how, place), (0, top))  # pyright: ignore[reportUnknownMemberType]
    return made, transparent


def _mode(image: Image.Image) -> str:
    """Return the mode of the result: one that scales well."""
    if image.mode.startswith("I"):
        return "L"
    if image.has_transparency_data:
        return "RGB"
    return {"1": "L", "L": "L", "CMYK": "CMYK"}.get(image.mode, "RGB")


def _bands(source: Size, target: Size) -> Iterator[tuple[int, int]]:
    """Yield the rows of the result, some at a time: the first, and the one after the last."""
    rows = _rows(source, target)
    for top in range(0, target[1], rows):
        yield top, min(target[1], top + rows)


def _rows(source: Size, target: Size) -> int:
    return max(1, _BAND * target[1] // (source[0] * source[1]))


def _margin(source: Size, target: Size) -> int:
    if source[1] == target[1]:
        return 0
    return math.ceil(_REACH * max(1.0, source[1] / target[1])) + 1


def _strip(
    image: Image.Image, size: Size, top: int, bottom: int
) -> tuple[Image.Image, tuple[float, float, float, float]]:
    """Return the part of the source that rows of the result are made of, and where in it they are."""
    scale, margin = image.height / size[1], _margin(image.size, size)
    start, end = top * scale, min(bottom * scale, image.height)
    first, last = max(0, math.floor(start) - margin), min(image.height, math.ceil(end) + margin)
    return image.crop((0, first, image.width, last)), (0, start - first, image.width, end - first)


def _flat(strip: Image.Image, ground: str) -> tuple[Image.Image, bool]:
    """Return a strip in the mode of the result, and whether something of it was transparent."""
    mode = _mode(strip)
    if strip.mode.startswith("I"):
        return _eight_bits(strip, ground)
    if not strip.has_transparency_data:
        return strip if strip.mode == mode else strip.convert(mode), False
    if strip.mode != "RGBA":
        strip = strip.convert("RGBA")
    alpha = strip.getchannel("A")
    if alpha.getextrema()[0] == 255:  # noqa: PLR2004 (opaque)
        return strip.convert("RGB"), False
    flat = Image.new("RGB", strip.size, ground)
    flat.paste(strip, mask=alpha)
    return flat, True


def _eight_bits(strip: Image.Image, ground: str) -> tuple[Image.Image, bool]:
    """Return a strip of 16 bit grey as L, which a plain conversion would clip at 255; and whether some was transparent."""
    strip, clear = strip.convert("I"), strip.info.get("transparency")
    # Pillow's hints for `point` name NumPy, which is not installed here.
    grey = strip.point([value >> 8 for value in range(2**16)], "L")  # pyright: ignore[reportUnknownMemberType]
    if clear is None:
        return grey, False
    alpha = strip.point([255 * (value != clear) for value in range(2**16)], "L")  # pyright: ignore[reportUnknownMemberType]
    if alpha.getextrema()[0] == 255:  # noqa: PLR2004 (opaque)
        return grey, False
    flat = Image.new("L", grey.size, ground)
    flat.paste(grey, mask=alpha)
    return flat, True
