"""How the cards speak: times, counts, names, and what people wrote, made harmless. Pure functions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from storage.records import Result

#: Discord's longest name of a thread.
THREAD_NAME: Final = 100

#: What one sees as one sign may be several characters: letters with marks, joined emoji, flags.
_LONGEST_SIGN: Final = 24
_JOINER: Final = "\u200d"
_CLINGING: Final = frozenset([_JOINER, *map(chr, range(0x1F3FB, 0x1F400)), *map(chr, range(0xE0020, 0xE0080))])
_FLAG_LETTERS: Final = "".join(map(chr, range(0x1F1E6, 0x1F200)))
#: The combining class of what binds an Indic consonant to the next one.
_VIRAMA: Final = 9

_SIGNS: Final = str.maketrans({sign: f"\\{sign}" for sign in r"\*_~`|[]<"})
_ALL: Final = re.compile(r"@(?=everyone|here)")
_AT_START: Final = re.compile(r"^([^\S\n]*)(#|>|-|\+|\d+(?=[.)]))", re.MULTILINE)
_NUMBERED: Final = re.compile(r"\d+")
_MENTION: Final = re.compile(r"<(?:@[!&]?|#|/[^<>]*:|a?:\w+:|t:)-?\d+(?::\w)?>")
#: What nobody sees, or sees as something else; and halves of surrogate pairs, with which no message can be sent.
_INVISIBLE: Final = re.compile(
    r"[\u0000-\u0008\u000b-\u001f\u007f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]"
)


def plain(text: str) -> str:
    """Return text that Discord shows as it was written: no markdown, no mention, no link, no turned direction."""
    visible = _INVISIBLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _AT_START.sub(_unlisted, _ALL.sub(r"\\@", visible.translate(_SIGNS)))


def _unlisted(found: re.Match[str]) -> str:
    space, sign = found.groups()
    # "1." begins a list unless its dot is escaped; the other signs are escaped themselves.
    return f"{space}{sign}\\" if _NUMBERED.fullmatch(sign) else f"{space}\\{sign}"


def one_line(text: str) -> str:
    """Return text on one line, without runs of white space."""
    return " ".join(_INVISIBLE.sub("", text).split())


def cut(text: str, limit: int) -> str:
    """Return text of at most ``limit`` characters, cut between words where it can be, and marked as cut."""
    if len(text) <= limit:
        return text
    head = text[: _between_signs(text, limit - 1)]
    between = head.rfind(" ", limit // 2)
    return f"{(head[:between] if between > 0 else head).rstrip()}…"


def _between_signs(text: str, end: int) -> int:
    """Return where text can be cut, at ``end`` or a little before: not within a letter and its marks, nor an emoji."""
    for place in range(end, max(0, end - _LONGEST_SIGN), -1):
        before, after = text[place - 1], text[place]
        flags = len(text[:place]) - len(text[:place].rstrip(_FLAG_LETTERS))
        splits_flag = after in _FLAG_LETTERS and flags % 2 == 1
        joined = before == _JOINER or unicodedata.combining(before) == _VIRAMA
        if not (joined or splits_flag or after in _CLINGING or unicodedata.category(after).startswith("M")):
            return place
    return end


def quoted(text: str, limit: int, lines: int = 60) -> tuple[str, bool]:
    """Return text as a Discord quote of at most ``limit`` characters, escapes included, and whether it is whole."""
    text = text.strip()
    # Escapes only make it longer, so what is beyond the limit need not be looked at.
    rows = [row.rstrip() for row in text[: limit + 1].splitlines()]
    shown, room = "\n".join(rows[:lines]), max(1, limit)
    if len(text) <= limit and len(rows) <= lines and len(whole := _quote(shown)) <= limit:
        return whole, True
    # There is always a quote, however small the limit is: to look on for a shorter one would never end.
    while len(quote := _quote(cut(f"{shown} …", room))) > limit and room > 1:
        room = max(1, min(room - 1, room * limit // len(quote)))
    return quote, False


def _quote(text: str) -> str:
    return "\n".join(f"> {row}" for row in plain(text).split("\n"))


def thread_name(prompt: str) -> str:
    """Return the name of the thread of an edit: the prompt on one line, without mentions."""
    # A name is plain text, where "@everyone" rings nobody; the ids of people and channels would only be noise there.
    return cut(one_line(_MENTION.sub("", prompt)), THREAD_NAME - 20) or "A new edit"


def who(user_id: int | None) -> str:
    """Return a member as cards name them. It shows as a name; the message it stands in decides whether it rings."""
    return "someone" if user_id is None else f"<@{user_id}>"


def since(ms: int) -> str:
    """Return a time as a stamp that Discord keeps current: "3 minutes ago", "in 2 hours"."""
    return f"<t:{ms // 1000}:R>"


def lasting(ms: int) -> str:
    """Return a duration: ``14 s``, ``2 min 5 s``, ``2 min``, ``1 h 3 min``."""
    seconds = max(1, round(ms / 1000))
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    if minutes and seconds:
        return f"{minutes} min {seconds} s"
    return f"{minutes} min" if minutes else f"{seconds} s"


def counted(number: int, thing: str) -> str:
    """Return a number with its noun: ``1 picture``, ``3 pictures``."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def ordinal(number: int) -> str:
    """Return ``1st``, ``2nd``, ``11th``."""
    teens = 11 <= number % 100 <= 13  # noqa: PLR2004 (English, not a bound of ours)
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def listed(things: Sequence[str]) -> str:
    """Return ``a``, ``a and b`` or ``a, b and c``."""
    return " and ".join((", ".join(things[:-1]), things[-1])) if len(things) > 1 else "".join(things)


def fitting(lines: Sequence[str], room: int, more: str = "-# … and {} more") -> list[str]:
    """Return as many lines as fit into so many characters, and how many ``more`` there are."""
    for number, line in enumerate(lines):
        room -= len(line) + 1
        if room < 0:
            return [*lines[:number], more.format(len(lines) - number)]
    return list(lines)


def size(width: int, height: int) -> str:
    """Return ``1024 × 768``."""
    return f"{width} × {height}"


def address(guild_id: int, result: Result) -> str | None:
    """Return the address of a result's own message; ``None`` where it has none."""
    if result.channel_id is None or not result.message_id:
        return None
    return link(guild_id, result.channel_id, result.message_id)


def link(guild_id: int, channel_id: int, message_id: int | None = None) -> str:
    """Return the address of a message, or of a channel or thread."""
    address = f"https://discord.com/channels/{guild_id}/{channel_id}"
    return address if message_id is None else f"{address}/{message_id}"
