"""What people press on the question and on the card of a sweep; the number in a custom id is the sweep's.

See :mod:`cogs._components` for what all of it has in common. The menu of the card is that of every list of results.
"""

from __future__ import annotations

from typing import Any, Final

import discord
from discord import ui

from cogs._components import ID, Handed, PressButton


class SweepYesButton(Handed[ui.Button[Any]], template=rf"sweepyes:(?P<target>{ID}):(?P<shown>{ID})"):
    """Says yes to a sweep at the price that its question shows."""

    event = "sweep"

    def __init__(self, target: int, shown: int) -> None:
        style = discord.ButtonStyle.primary
        super().__init__(ui.Button(label="Yes, make them", style=style, custom_id=f"sweepyes:{target}:{shown}"))
        self.target: Final = target
        #: In micro-dollars.
        self.shown: Final = shown


class SweepNoButton(PressButton, template=rf"sweepno:(?P<target>{ID})"):
    """Says no to the price of a sweep."""

    event = "sweep"
    action = "sweepno"
    label = "No, thanks"


class CancelRestButton(PressButton, template=rf"sweepcancel:(?P<target>{ID})"):
    """Takes those cells of a sweep out of the queue that were not sent yet."""

    event = "sweep"
    action = "sweepcancel"
    label = "Cancel the rest"
    style = discord.ButtonStyle.danger


#: Every class to register with the bot.
SWEEP_ITEMS: Final[tuple[type[ui.DynamicItem[Any]], ...]] = (SweepYesButton, SweepNoButton, CancelRestButton)
