"""What a member presses and chooses from on the card of their tray. See :mod:`cogs._components` for what all have in common.

The number in a custom id is that of a picture, which does nothing in another tray than its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import discord
from discord import ui

from bot.options import MAX_REFERENCES
from cogs._components import ID, Handed, PressButton


class EarlierButton(PressButton, template=rf"trayearlier:(?P<target>{ID})"):
    """Moves a picture a place earlier."""

    event = "tray"
    action = "trayearlier"
    label = "Move earlier"
    emoji = "⬆️"


class RemoveButton(PressButton, template=rf"trayremove:(?P<target>{ID})"):
    """Takes a picture out."""

    event = "tray"
    action = "trayremove"
    label = "Remove"
    emoji = "✖️"


class ClearButton(Handed[ui.Button[Any]], template="trayclear"):
    """Takes all pictures out."""

    event = "tray"

    def __init__(self) -> None:
        super().__init__(ui.Button(label="Clear", emoji="🗑️", custom_id="trayclear"))


class EditTrayButton(Handed[ui.Button[Any]], template="trayedit"):
    """Opens the form for an edit of the pictures."""

    event = "tray"

    def __init__(self) -> None:
        style = discord.ButtonStyle.primary
        super().__init__(ui.Button(label="Edit", emoji="✏️", style=style, custom_id="trayedit"))


class KeepMenu(Handed[ui.Select[Any]], template="traykeep"):
    """Asks which pictures to keep, where there are more than an edit takes."""

    event = "tray"

    def __init__(self, choices: Sequence[discord.SelectOption] = ()) -> None:
        super().__init__(
            ui.Select(
                custom_id="traykeep",
                placeholder="Pictures to keep",
                options=list(choices) or discord.utils.MISSING,
                max_values=max(1, min(MAX_REFERENCES, len(choices))),
            )
        )

    @property
    def chosen(self) -> list[int]:
        """The ids of the pictures to keep."""
        return [int(value) for value in self.item.values]


#: Every class to register with the bot.
TRAY_ITEMS: Final[tuple[type[ui.DynamicItem[Any]], ...]] = (
    EarlierButton,
    RemoveButton,
    ClearButton,
    EditTrayButton,
    KeepMenu,
)
