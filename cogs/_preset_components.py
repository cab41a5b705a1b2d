"""What people press and choose about presets. See :mod:`cogs._components` for what all of it has in common."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, Self

import discord
from discord import ui

from cogs._components import ID, Handed

#: What a preset is known by: its number, or the name of one that ships.
KEY: Final = rf"{ID}|[a-z-]{{1,20}}"


class PresetsButton(Handed[ui.Button[Any]], template=r"presets:(?P<page>[0-9]{1,3}):(?P<way>back|next|all)"):
    """Leads to a page of the list of presets."""

    event = "preset"

    def __init__(self, page: int, way: str, *, disabled: bool = False) -> None:
        label, emoji = {"back": ("Back", "◀️"), "next": ("Next", "▶️"), "all": ("All presets", "🎛️")}[way]
        super().__init__(
            ui.Button(label=label, emoji=emoji, disabled=disabled, custom_id=f"presets:{max(0, page)}:{way}")
        )
        self.page: Final = max(0, page)

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the button anew from what was pressed."""
        del interaction, item
        return cls(int(match["page"]), match["way"])


class PresetMenu(Handed[ui.Select[Any]], template=r"presets-show"):
    """Leads from the list to one preset; the values are keys."""

    event = "preset"

    def __init__(self, choices: Sequence[discord.SelectOption] = ()) -> None:
        super().__init__(
            ui.Select(
                custom_id="presets-show",
                placeholder="Look at one…",
                options=list(choices) or discord.utils.MISSING,
            )
        )

    @property
    def chosen(self) -> str:
        """The key of the chosen preset."""
        return self.item.values[0]


class UsePresetButton(Handed[ui.Button[Any]], template=rf"preset-open:(?P<key>{KEY})"):
    """Opens the form to use a preset."""

    event = "preset"

    def __init__(self, key: str) -> None:
        super().__init__(
            ui.Button(label="Use it", emoji="✨", style=discord.ButtonStyle.primary, custom_id=f"preset-open:{key}")
        )
        self.key: Final = key

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the button anew from what was pressed."""
        del interaction, item
        return cls(match["key"])


#: Every class to register with the bot.
PRESET_ITEMS: Final[tuple[type[ui.DynamicItem[Any]], ...]] = (PresetsButton, PresetMenu, UsePresetButton)
