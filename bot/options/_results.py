"""How an option names earlier results: by short id, or by the link of the message that shows one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from bot.errors import BadOption
from bot.options._texts import shown

_MAX_ID: Final = 2**63 - 1
_SHORT_ID: Final = re.compile(r"#? ?([0-9]{1,19})", re.ASCII)
_LINK: Final = re.compile(
    r"<?https://(?:(?:canary|ptb)\.)?discord(?:app)?\.com/channels/([0-9]{1,19})/([0-9]{1,19})/([0-9]{1,19})/?>?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class MessageLink:
    """A message of a server, as its link names it."""

    guild_id: int
    channel_id: int
    message_id: int


def parse_result_ref(text: str, option: str = "from") -> int | MessageLink:
    """Return what an option names: a result's short id (``#12`` or ``12``) or the message that shows it."""
    typed = text.strip()
    if (short := _SHORT_ID.fullmatch(typed)) and 0 < (result_id := int(short[1])) <= _MAX_ID:
        return result_id
    if (link := _LINK.fullmatch(typed)) and max(ids := [int(part) for part in link.groups()]) <= _MAX_ID:
        return MessageLink(*ids)
    raise BadOption(
        option,
        f"`{option}` is a result's id such as #12 or the link of its message in this server, not {shown(typed)}.",
    )


def split_refs(text: str) -> list[str]:
    """Return the results that a text names, each on its own: ``#12 #15`` are two. What is no list is left whole."""
    parts = re.sub(r"# (?=[0-9])", "#", text).replace(",", " ").split()
    each_is_one = all(_SHORT_ID.fullmatch(part) or _LINK.fullmatch(part) for part in parts)
    return parts if each_is_one and parts else [text]
