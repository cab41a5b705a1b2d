"""The pieces that every card is built of. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import discord
from discord import ui

#: The most characters that the texts of one message may have together.
TEXT: Final = 4000

GREY: Final = discord.Colour(0x80848E)
BLUE: Final = discord.Colour(0x5865F2)
GREEN: Final = discord.Colour(0x3BA55D)
AMBER: Final = discord.Colour(0xF0B232)
RED: Final = discord.Colour(0xDA373C)

Part: TypeAlias = ui.Item[Any]


def card(*parts: Part, colour: discord.Colour | None = None, number: int | None = None) -> ui.LayoutView:
    """Return a fresh view with one container; ``number`` is its component id."""
    view = ui.LayoutView(timeout=None)
    return view.add_item(ui.Container(*parts, accent_colour=colour, id=number))


def text(*lines: str) -> Part:
    """Return lines of text."""
    return ui.TextDisplay("\n".join(lines))


def row(*items: ui.DynamicItem[Any]) -> Part:
    """Return buttons side by side, or one menu."""
    made: ui.ActionRow[Any] = ui.ActionRow()
    for item in items:
        made.add_item(item)
    return made


def gallery(pictures: Sequence[tuple[str, str]]) -> list[Part]:
    """Return a gallery of attached files, given their names and alt texts; nothing for none."""
    if not pictures:
        return []
    media = [discord.MediaGalleryItem(f"attachment://{name}", description=alt or None) for name, alt in pictures]
    return [ui.MediaGallery(*media)]


def file(name: str) -> Part:
    """Return an attached file."""
    return ui.File(f"attachment://{name}")
