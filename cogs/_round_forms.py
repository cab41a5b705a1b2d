"""The form of a proposal, and how a sent one is read; see :mod:`cogs._forms` why nothing of it is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import discord
from discord import ui

from bot.rounds import LONGEST_PROPOSAL
from cogs._components import ID
from cogs._forms import filled_in

_CUSTOM_ID: Final = re.compile(rf"form-round:(?P<round>{ID})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a person proposes."""

    round_id: int
    #: As it was typed.
    prompt: str


def proposal(round_id: int, mine: str | None) -> ui.Modal:
    """Return the form to propose a prompt, filled with ``mine``, what the person has proposed so far."""
    what_then = (
        "One proposal each. It may still be changed." if mine is None else "Other words lose the votes that yours has."
    )
    prompt: ui.TextInput[Any] = ui.TextInput(
        custom_id="prompt",
        style=discord.TextStyle.paragraph,
        default=mine,
        max_length=LONGEST_PROPOSAL,
        placeholder="Say what to change",
    )
    modal = ui.Modal(title="Propose the next edit", custom_id=f"form-round:{round_id}", timeout=None)
    modal.add_item(ui.Label(text="What should change?", description=what_then, component=prompt))
    modal.stop()
    return modal


def read(data: Mapping[str, Any]) -> Sent | None:
    """Return what a sent form says, given the data of its interaction, or ``None`` when it is not this one."""
    match = _CUSTOM_ID.fullmatch(data.get("custom_id", ""))
    if match is None:
        return None
    return Sent(int(match["round"]), filled_in(data).get("prompt", {}).get("value", ""))
