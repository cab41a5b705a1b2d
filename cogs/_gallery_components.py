"""What people press and choose from in a gallery. See :mod:`cogs._components` for what all of it has in common."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, ClassVar, Final, Self

import discord
from discord import ui

from bot.gallery import Room
from cogs._components import NEVER, Handed
from storage.stars import START, Shelf

#: An id, or 0 where there is none.
_NUMBER: Final = r"[0-9]{1,19}"
_SHELF: Final = "|".join(Shelf)


class Hall(StrEnum):
    """The galleries that one leads to from every other."""

    THIS_WEEK = "this week"
    LAST_WEEK = "last week"
    ALL_TIME = "all time"
    MINE = "mine"
    HERE = "this session"


class TurnButton(
    Handed[ui.Button[Any]],
    template=rf"gallery-(?P<way>back|next):(?P<shelf>{_SHELF}):(?P<subject>{_NUMBER}):(?P<stars>{_NUMBER})-(?P<result>{_NUMBER})",
):
    """Leads to the page before or after; without a place to go on from, it shows that there is none."""

    event = "gallery"

    def __init__(self, room: Room, place: tuple[int, int] | None, *, back: bool) -> None:
        way, (stars, result_id) = ("back" if back else "next"), place or START
        subject = room.of if room.shelf is Shelf.SESSION else room.key
        super().__init__(
            ui.Button(
                label="Back" if back else "Next",
                emoji="◀️" if back else "▶️",
                disabled=place is None,
                custom_id=f"gallery-{way}:{room.shelf}:{subject}:{stars}-{result_id}",
            )
        )
        self.room: Final = room
        #: The place in the gallery from which it goes on.
        self.place: Final = place or START
        self.back: Final = back

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the button anew from what was pressed. A gallery is of the server in which it is pressed."""
        del item
        shelf, subject = Shelf(match["shelf"]), int(match["subject"])
        room = Room(shelf, subject) if shelf is Shelf.SESSION else Room(shelf, interaction.guild_id or 0, subject)
        return cls(room, (int(match["stars"]), int(match["result"])), back=match["way"] == "back")


class GalleryMenu(Handed[ui.Select[Any]], template=NEVER):
    """A menu of a gallery, about nothing but what is chosen: its custom id is its name alone."""

    event = "gallery"
    action: ClassVar[str]
    placeholder: ClassVar[str]

    def __init__(self, options: Sequence[discord.SelectOption] = ()) -> None:
        super().__init__(
            ui.Select(
                custom_id=self.action,
                placeholder=self.placeholder,
                options=list(options) or discord.utils.MISSING,
            )
        )


class HallMenu(GalleryMenu, template="gallery-hall"):
    """Leads to another gallery."""

    action = "gallery-hall"
    placeholder = "Another gallery…"

    def __init__(self, halls: Sequence[Hall] = (), here: Hall | None = None) -> None:
        super().__init__(
            [
                discord.SelectOption(label=hall.value.capitalize(), value=hall.value, default=hall is here)
                for hall in halls
            ]
        )

    @property
    def chosen(self) -> Hall:
        """The gallery that was chosen."""
        return Hall(self.item.values[0])


class OpenMenu(GalleryMenu, template="gallery-open"):
    """Shows one of the pictures, with everything that can be done with it."""

    action = "gallery-open"
    placeholder = "Open a picture…"

    @property
    def chosen(self) -> int:
        """The id of the chosen result."""
        return int(self.item.values[0])


#: Every class to register with the bot.
GALLERY_ITEMS: Final[tuple[type[ui.DynamicItem[Any]], ...]] = (TurnButton, HallMenu, OpenMenu)
