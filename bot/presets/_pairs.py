"""Options typed as text: ``steps=40 cfg=4, scheduler=Euler Beta``. Rules without I/O."""

from __future__ import annotations

import re
from typing import Final

from bot.errors import BadOption
from bot.options import BY_NAME, NAMES, SIZE, shown

_NAME: Final = re.compile(r"[\s,;]*([A-Za-z_]\w*)[^\S\n]*=")
#: Where a value ends: before the name of the next one, or at the end. It is looked for at the beginning of each run of
#: separators alone, or thousands of them would take a while.
_END: Final = re.compile(r"(?<![\s,;])(?:[\s,;]+(?=[A-Za-z_]\w*[^\S\n]*=)|[\s,;]*\Z)")
_QUOTED: Final = re.compile(r'[^\S\n]*(?:"([^"]*)"|“([^“”]*)”)')
_TYPED: Final = re.compile(r"(?:.*[\s,;])?(\w*)\Z", re.DOTALL)
_HOW: Final = "`options` takes pairs such as `steps=40 cfg=4 format=PNG`"


def read_pairs(text: str) -> dict[str, str]:
    """Return the options that a text names, as they were typed; what follows ``=`` may hold blanks, or stand in quotes.

    An option without a value stands for one that is left out. Names and values are judged where they are used.

    Raises:
        BadOption: the text is no list of pairs, names an option twice, or the prompt, which has its own place.
    """
    pairs: dict[str, str] = {}
    at = 0
    while text[at:].strip(" \t\r\n,;"):
        found = _NAME.match(text, at)
        if found is None:
            raise BadOption("options", f"{_HOW}, and {_shown(text[at:])} is none.")
        name, at = found[1].lower(), found.end()
        quoted = _QUOTED.match(text, at)
        end = _END.search(text, at if quoted is None else quoted.end())
        stop = len(text) if end is None else end.start()
        if name in pairs:
            raise BadOption("options", f"`options` names {shown(name)} twice; say it once.")
        if name == "prompt":
            raise BadOption("options", "`options` has `prompt` in it, which is an option of its own: say it there.")
        pairs[name] = text[at:stop].strip() if quoted is None else quoted[1] or quoted[2] or ""
        if quoted is not None and text[quoted.end() : stop].strip():
            raise BadOption("options", f"{_HOW}, and {_shown(text[quoted.end() : stop])} after the quotes is none.")
        at = stop
    return pairs


def pair_choices(text: str, limit: int) -> list[tuple[str, str]]:
    """Return how a text of pairs may go on while it is being typed: each with what it says, at most ``limit`` characters."""
    typed = _TYPED.match(text)
    if typed is None or len(text) > limit:
        return []
    begun, word = text[: typed.start(1)], typed[1].casefold()
    named = {name.lower() for name in re.findall(r"(\w+)[^\S\n]*=", begun)}
    offered = [name for name in NAMES if name != "prompt" and name not in named and name.startswith(word)]
    whole = [(f"{begun}{name}=", f"{name}: {_says(name)}") for name in offered]
    return [(value, says) for value, says in whole if len(value) <= limit]


def _says(name: str) -> str:
    return "Width x height, such as 1024x768" if name == SIZE else BY_NAME[name].says


def _shown(text: str) -> str:
    return shown(" ".join(text.split()))
