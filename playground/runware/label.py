"""The strip under a painted picture that says what it is: a local preview, with its prompt and seed in small print."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Final

from PIL import Image, ImageDraw, ImageFont

HEADING: Final = "LOCAL PREVIEW"

_INK: Final = (255, 252, 244)
_CHIP: Final = (255, 196, 77)
_CHIP_INK: Final = (38, 26, 8)
_STRIP: Final = (14, 13, 18)
#: Typographic characters that Pillow's own font lacks, in plain ones.
_PLAIN: Final = str.maketrans({"–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "…": "...", "×": "x"})


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _glyph(character: str) -> bytes:
    image = Image.new("L", (32, 32))
    ImageDraw.Draw(image).text((4, 4), character, fill=255, font=_font(16))
    return image.tobytes()


@cache
def _drawable(character: str) -> bool:
    """Tell whether the font has the character: what it lacks is drawn like a code that is no character."""
    return _glyph(character) != _glyph("\uffff")


def readable(text: str) -> str:
    """Return the text as the label can draw it: on one line, accents dropped, foreign scripts named instead of boxed."""
    # A prompt may hold half a surrogate pair, which JSON can write and a font cannot take.
    whole = text.translate(_PLAIN).encode("utf-8", "replace").decode()
    plain = unicodedata.normalize("NFKD", " ".join(whole.split()))
    letters = [character for character in plain if not unicodedata.combining(character)]
    kept = [character for character in letters if character.isprintable() and _drawable(character)]
    if 2 * len(kept) < len(letters) or not "".join(kept).strip():
        return f"(a prompt of {len(text)} characters in a script that this label cannot draw)"
    return " ".join("".join(kept).split())


def _cut(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """Shorten the text until it is at most ``width`` pixels wide."""
    if font.getlength(text) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if font.getlength(text[:middle].rstrip() + "...") <= width:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "..."


def put_label(image: Image.Image, prompt: str, facts: str) -> None:
    """Draw the strip onto the lower edge of an RGB image: the heading, the facts beside or below it, and the prompt."""
    width, height = image.size
    small = _font(max(9, min(width, height) // 42))
    head = _font(max(10, min(width, height) // 40))
    pad = max(4, min(width, height) // 64)
    line = int(small.size if isinstance(small, ImageFont.FreeTypeFont) else 11) + max(2, pad // 2)

    chip_width = int(head.getlength(HEADING)) + 2 * pad
    room = width - 2 * pad
    beside = chip_width + pad + small.getlength(facts) <= room
    # The prompt's length is bounded before it is measured: the longest has 32,000 characters.
    lines = [_cut(readable(prompt[:400]), small, room)]
    if not beside:
        lines.append(_cut(facts, small, room))

    chip_height = line + pad
    strip = min(height, chip_height + len(lines) * line + 3 * pad)
    top = height - strip
    shade = Image.new("RGB", (width, strip), _STRIP)
    image.paste(Image.blend(image.crop((0, top, width, height)), shade, 0.78), (0, top))

    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((pad, top + pad, pad + chip_width, top + pad + chip_height), chip_height // 3, fill=_CHIP)
    middle = top + pad + chip_height // 2
    draw.text((pad + chip_width // 2, middle), HEADING, font=head, fill=_CHIP_INK, anchor="mm")
    if beside:
        draw.text((width - pad, middle), facts, font=small, fill=_INK, anchor="rm")
    for number, text in enumerate(lines):
        draw.text((pad, top + chip_height + 2 * pad + number * line), text, font=small, fill=_INK, anchor="la")
