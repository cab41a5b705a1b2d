"""Width and height: as typed, or fitted to the first picture."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from itertools import product
from typing import Final

from bot.errors import BadOption
from bot.options._texts import shown, squeezed, written

MIN_SIDE: Final = 128
MAX_SIDE: Final = 2048
#: Width and height are multiples of this.
GRID: Final = 16
#: The choice that stands for the size of the first reference.
MATCH: Final = "match the first picture"

COMMON_SIZES: Final = (
    (1024, 1024),
    (1024, 768),
    (768, 1024),
    (1536, 1024),
    (1024, 1536),
    (1280, 720),
    (720, 1280),
    (1344, 576),
    (2048, 2048),
    (2048, 1536),
    (1536, 2048),
    (2048, 1152),
    (1152, 2048),
    (512, 512),
    (256, 256),
)
_PAIR: Final = re.compile(r"([0-9]{1,6}) *(?:[x×*,:]| by ) *([0-9]{1,6})", re.IGNORECASE | re.ASCII)
_SIDE: Final = re.compile(r"[0-9]{1,6}", re.ASCII)


def parse_size(text: str | None, first: tuple[int, int], *, longest: int = MAX_SIDE) -> tuple[int, int]:
    """Return width and height: as typed, or fitted to those of the ``first`` picture when nothing or 'match' was.

    ``longest``: what a side is fitted to at most; it does not bind what was typed.
    """
    typed = squeezed(text or "")
    if not typed or typed.startswith("match"):
        return match_size(first, longest=longest)
    pair = _PAIR.fullmatch(typed)
    if pair is None:
        raise BadOption(
            "size", f"`size` is a width and a height such as 1024x768, or '{MATCH}', and {shown(typed)} is neither."
        )
    width, height = int(pair[1]), int(pair[2])
    for side, pixels in (("width", width), ("height", height)):
        _check_side(side, pixels)
    return width, height


def read_side(given: object) -> int:
    """Return the longest side that a server allows, as it was typed. Raises BadOption."""
    typed = written(given).strip()
    if not _SIDE.fullmatch(typed):
        raise BadOption(
            "size",
            f"`size` is bounded by its longest side in pixels, such as 1024, and {shown(given)} is no such number.",
        )
    _check_side("longest side", int(typed))
    return int(typed)


def _check_side(side: str, pixels: int) -> None:
    if not MIN_SIDE <= pixels <= MAX_SIDE:
        raise BadOption("size", f"`size` takes a {side} of {MIN_SIDE} to {MAX_SIDE}, and {pixels} was given.")
    if pixels % GRID:
        low = pixels // GRID * GRID
        raise BadOption(
            "size",
            f"`size` takes a {side} in steps of {GRID}, and {pixels} was given; {low} and {low + GRID} are nearest.",
        )


def match_size(first: tuple[int, int], *, longest: int = MAX_SIDE) -> tuple[int, int]:
    """Return the size that the model can make which is nearest to that of the first picture.

    It keeps the picture's own size if it can, else scales it into the bounds; the shape comes before the last pixels.
    """
    width, height = first
    scale = min(1.0, longest / max(first))
    scale = max(scale, MIN_SIDE / min(first))
    exact = width * scale, height * scale

    def loss(size: tuple[int, int]) -> tuple[float, float]:
        shape = abs(math.log(size[0] * height / (size[1] * width)))
        return shape, abs(size[0] - exact[0]) + abs(size[1] - exact[1])

    return min(product(_neighbours(exact[0], longest), _neighbours(exact[1], longest)), key=loss)


def size_choices(typed: str) -> list[str]:
    """Return what to offer for ``size`` while it is being typed; :func:`parse_size` takes each of them."""
    wanted = squeezed(typed)
    common = [MATCH, *(f"{width}x{height}" for width, height in COMMON_SIZES)]
    pair = _PAIR.fullmatch(wanted)
    if pair is None:
        return [choice for choice in common if wanted in choice or wanted.replace("×", "x").replace(" ", "") in choice]
    width, height = int(pair[1]), int(pair[2])
    begun = [choice for choice in common if choice.startswith(f"{width}x{height}")]
    return list(dict.fromkeys([*begun, f"{_snapped(width)}x{_snapped(height)}"]))


def _neighbours(side: float, longest: int) -> Iterable[int]:
    low = int(side // GRID) * GRID
    return {min(max(low, MIN_SIDE), longest), min(max(low + GRID, MIN_SIDE), longest)}


def _snapped(side: int) -> int:
    return min(max((side + GRID // 2) // GRID * GRID, MIN_SIDE), MAX_SIDE)
