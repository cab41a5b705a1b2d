"""Letters and signs in pictures, and the colours of pictures that have them. Pure.

The only font is the one that comes with Pillow. It has hardly more than ASCII, so texts are spelled with what it has:
accents and fancy letters fall back to plain ones, emoji are left out, and a letter of another script becomes ``?``.
:func:`drawable` tells beforehand whether a text would lose letters.
"""

from __future__ import annotations

import math
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Final, TypeAlias

from PIL import Image, ImageDraw, ImageFont

#: The ground is dark, because Discord may show a picture on a dark or a light one.
GROUND: Final = "#2B2D31"
GRID: Final = "#43464D"
AXIS: Final = "#80848E"
TEXT: Final = "#F2F3F5"
QUIET: Final = "#B5BAC1"
ACCENT: Final = "#5865F2"

Font: TypeAlias = ImageFont.ImageFont | ImageFont.FreeTypeFont

#: The nearest spelling of what the font lacks and Unicode does not take apart.
_NEAREST: Final = str.maketrans("øØłŁđĐðÐı‐‑–—−×•", "oOlLdDdDi-----x·") | str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "þ": "th", "Þ": "Th"}
)
#: Stands in a spelled text for a letter that the font cannot write.
_LOST: Final = "\N{REPLACEMENT CHARACTER}"
#: The size, in pixels, at which letters are looked at.
_TRIED_SIZE: Final = 30
#: Unicode promises that it is no character, so no font has it.
_NO_CHARACTER: Final = "\uffff"


def drawable(text: str) -> bool:
    """Tell whether a text keeps its letters in a picture, and has any: ``Zoë 🌸`` does (as ``Zoe``), ``李伟`` does not."""
    spelled = _spelled(text)
    return bool(spelled) and _LOST not in spelled


def legible(text: str) -> bool:
    """Tell whether a text keeps more than half of its letters in a picture: a name with one foreign letter does."""
    spelled = _spelled(text)
    return 2 * spelled.count(_LOST) < sum(character.isalnum() or character == _LOST for character in spelled)


@cache
def sized(size: int) -> Font:
    """Return the font at a size in pixels."""
    return ImageFont.load_default(size)


def widest(texts: Sequence[str], font: Font) -> int:
    """Return how wide the widest of some texts is, in pixels, rounded up."""
    return max(math.ceil(font.getlength(text)) for text in texts)


def fitted(text: str, font: Font, width: int) -> str:
    """Spell a text, and cut it where it would be wider than ``width`` pixels."""
    text = _spelled(text).replace(_LOST, "?")
    if font.getlength(text) <= width:
        return text
    end = bisect_right(range(len(text)), width, key=lambda end: font.getlength(f"{text[:end]}…")) - 1
    return f"{text[:end].rstrip()}…"


def wrapped(text: str, font: Font, width: int, lines: int) -> list[str]:
    """Spell a text in at most so many lines of ``width`` pixels, broken between words, and cut what has no room."""
    words, broken = _spelled(text).replace(_LOST, "?").split(), list[str]()
    while words and len(broken) < lines - 1:
        end = bisect_right(range(len(words) + 1), width, key=lambda end: font.getlength(" ".join(words[:end]))) - 1
        if not end:
            break
        broken.append(" ".join(words[:end]))
        words = words[end:]
    return [*broken, fitted(" ".join(words), font, width)] if words else broken


def sign(corners: Sequence[tuple[float, float]], size: int) -> Image.Image:
    """Return a mask of a polygon in a square of so many pixels, for what the font has no letter for."""
    # Painted four times as large and scaled down, which smooths the edges.
    mask = Image.new("L", (4 * size, 4 * size))
    ImageDraw.Draw(mask).polygon([(4 * x, 4 * y) for x, y in corners], 255)
    return mask.reduce(4)


def _spelled(text: str) -> str:
    """Spell a text in one line with the letters that the font has."""
    return " ".join("".join(map(_letter, text.translate(_NEAREST))).split())


@lru_cache(maxsize=4096)
def _letter(character: str) -> str:
    if character.isspace():
        return " "
    if _in_font(character):
        return character
    parts = [part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part)]
    if all(map(_in_font, parts)):
        return "".join(parts)
    return _LOST if character.isalnum() else ""


def _in_font(character: str) -> bool:
    """Tell whether the font draws a character other than as the box that stands for a missing one."""
    return _ink(character) != _ink(_NO_CHARACTER)


def _ink(character: str) -> bytes:
    image = Image.new("L", (2 * _TRIED_SIZE, 2 * _TRIED_SIZE))
    ImageDraw.Draw(image).text((0, 0), character, 255, sized(_TRIED_SIZE))
    return image.tobytes()
