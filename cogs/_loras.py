"""LoRAs as they are offered while somebody types."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from discord.app_commands import Choice

from bot.loras import FoundLora
from bot.options import MAX_CHOICES
from cogs import _words as words

#: The longest name and the longest value of a choice that Discord takes.
_LONGEST: Final = 100
_ENTRY: Final = re.compile(r"[^\n;,]*\Z")
_BRACKETS: Final = re.compile(r"\([^()]*\)?")
#: The shortest name that says something of a LoRA.
_TELLING: Final = 4
#: What would break the entry that a name stands in, once it is typed on from there.
_BREAKS: Final = re.compile(r"[()\n;,]+")


def completions(typed: str, allowed: Mapping[str, str]) -> list[Choice[str]]:
    """Return what to offer for several LoRAs, of those that are allowed (AIR and name): the last entry completed.

    A choice shows the name in brackets behind the AIR, which is skipped when it is read: Discord puts what it shows
    into the field, and people type on from there.
    """
    typed = typed.lstrip()
    found = _ENTRY.search(typed)
    begun = typed[found.start() :] if found else ""
    before = typed[: len(typed) - len(begun.lstrip())]
    wanted = _BRACKETS.sub(" ", begun).split()
    if wanted and wanted[0] in allowed:  # a weight is being typed: it stands as it is
        return [Choice(name=typed, value=typed)] if len(typed) <= _LONGEST else []
    taken = {word for word in _BRACKETS.sub(" ", before).replace(",", " ").replace(";", " ").split() if word in allowed}
    choices = [
        Choice(name=_named(f"{before}{air}", name), value=f"{before}{air}")
        for air, name in allowed.items()
        if air not in taken and all(word.casefold() in f"{air} {name}".casefold() for word in wanted)
    ]
    return [choice for choice in choices if len(choice.value) <= _LONGEST][:MAX_CHOICES]


def found_choices(found: Sequence[FoundLora], allowed: Mapping[str, str]) -> list[Choice[str]]:
    """Return LoRAs that a search has found as choices of one; those that are allowed are marked."""
    return [
        Choice(name=_labelled(lora, " · let in" if lora.air in allowed else ""), value=lora.air)
        for lora in found
        if len(lora.air) <= _LONGEST
    ][:MAX_CHOICES]


def allowed_choices(typed: str, allowed: Mapping[str, str]) -> list[Choice[str]]:
    """Return the allowed LoRAs that fit what was typed, as choices of one."""
    wanted = typed.casefold().split()
    fitting = [
        FoundLora(air, name)
        for air, name in allowed.items()
        if all(word in f"{air} {name}".casefold() for word in wanted)
    ]
    return found_choices(fitting, {})


def _labelled(lora: FoundLora, mark: str) -> str:
    ending = f" · {words.cut(lora.air, _LONGEST // 2)}{mark}"
    return f"{words.cut(words.one_line(lora.name), _LONGEST - len(ending))}{ending}"


def _named(entry: str, name: str) -> str:
    """Return an entry with its name behind it: in brackets that are closed, for people type their weight behind them."""
    plain = " ".join(_BREAKS.sub(" ", words.one_line(name)).split())
    room = _LONGEST - len(f"{entry} ()")
    return f"{entry} ({words.cut(plain, room)})" if plain and room >= min(len(plain), _TELLING) else entry
