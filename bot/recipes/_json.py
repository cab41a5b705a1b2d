"""JSON that people give us: read strictly, and what is wrong with it said in words."""

from __future__ import annotations

import json
import math
from typing import Final, NoReturn

from bot.errors import BadOption
from bot.options import shown

#: Four texts of 32,000 characters, each escaped in the longest way, are 1.5 MB.
MAX_BYTES: Final = 2 * 1024 * 1024
#: No number that a recipe may hold has more digits; Python reads those of thousands slowly or not at all.
_DIGITS: Final = 40


def check_size(name: str, size: int) -> None:
    """Refuse a file by its size in bytes, before it is read. Raises BadOption."""
    if size > MAX_BYTES:
        raise _bad(
            f"{shown(name)} has {size / 2**20:.1f} MB, and a recipe has up to {MAX_BYTES // 2**20} MB. "
            "Pictures do not belong into it: attach them as `image`, and leave a short name in their place."
        )


def parse(name: str, data: bytes) -> object:
    """Return what a JSON file holds.

    Raises:
        BadOption: it is too large, no text or no JSON; or a name stands twice in an object, or a number is none.
    """
    check_size(name, len(data))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _bad(f"{shown(name)} is no text in UTF-8; save it as a JSON file in UTF-8.") from None
    try:
        return json.loads(
            text, object_pairs_hook=_object, parse_int=_whole, parse_float=_number, parse_constant=_constant
        )
    except json.JSONDecodeError as error:
        raise _bad(
            f"{shown(name)} is not JSON: see line {error.lineno}, column {error.colno} ({error.msg.lower()})."
        ) from None
    except RecursionError:
        raise _bad(f"{shown(name)} is nested too deeply for a recipe.") from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise _bad(f"{shown(key)} stands twice in one object; leave one of them out.")
        found[key] = value
    return found


def _whole(text: str) -> int:
    return int(text) if len(text) <= _DIGITS else _constant(text)


def _number(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _constant(text)


def _constant(text: str) -> NoReturn:
    raise _bad(f"{shown(text)} is no number that an option takes.")


def _bad(sentence: str) -> BadOption:
    return BadOption("file", f"`file` cannot be run: {sentence}")
