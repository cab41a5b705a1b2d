"""The form for an edit of the pictures of a tray; see :mod:`cogs._forms` why nothing of it is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import discord
from discord import ui

from bot.quota import dollars
from cogs import _words as words
from cogs._components import ID
from cogs._forms import costs, files_of, filled_in
from cogs._reference_lines import sentence
from storage.records import Price, Reference

_CUSTOM_ID: Final = re.compile(rf"tray-edit:(?P<prices>{ID}(?:-{ID})*)")
#: The longest text a form can carry, and the longest description of a field.
_LONGEST: Final = 4000
_DESCRIPTION: Final = 100
#: So much of what was typed is said back.
_SAID: Final = 1500


@dataclass(frozen=True, slots=True)
class Sent:
    """What a person filled in."""

    prompt: str
    #: What the form said an edit costs with so many more pictures as were added, in micro-dollars.
    price: int
    #: As Discord describes them.
    files: tuple[Any, ...]

    def __str__(self) -> str:
        """Return what was typed, to be said back to who did."""
        return words.plain(words.cut(words.one_line(self.prompt), _SAID))


def edit(references: Sequence[Reference], prices: Sequence[Price]) -> ui.Modal:
    """Return the form. ``prices``: of the edit as it is, and with one more picture, two more, as far as more may be."""
    shown = "-".join(str(max(1, price.estimate)) for price in prices)
    modal = ui.Modal(title="Edit your references", custom_id=f"tray-edit:{shown}", timeout=None)
    modal.add_item(ui.TextDisplay(f"{sentence(references)}."))
    prompt: ui.TextInput[Any] = ui.TextInput(
        custom_id="prompt",
        style=discord.TextStyle.paragraph,
        max_length=_LONGEST,
        placeholder="Say what to change",
    )
    modal.add_item(ui.Label(text="What should change?", description=costs(prices[0]), component=prompt))
    more = len(prices) - 1
    if more:
        files: ui.FileUpload[Any] = ui.FileUpload(custom_id="files", required=False, min_values=0, max_values=more)
        added = [f"{number} more: {dollars(price.estimate)}" for number, price in enumerate(prices[1:], 1)]
        what = f"A person, a thing, a style to bring in. {', '.join(added)}."[:_DESCRIPTION]
        modal.add_item(ui.Label(text="More pictures", description=what, component=files))
    modal.stop()
    return modal


def read(data: Mapping[str, Any]) -> Sent | None:
    """Return what a sent form says, given the data of its interaction, or ``None`` when it is not this one."""
    match = _CUSTOM_ID.fullmatch(data.get("custom_id", ""))
    if match is None:
        return None
    prices, files = [int(price) for price in match["prices"].split("-")], files_of(data)
    prompt = filled_in(data).get("prompt", {}).get("value", "").strip()
    return Sent(prompt, prices[min(len(files), len(prices) - 1)], files)
