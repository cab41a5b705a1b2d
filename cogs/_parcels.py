"""Files for one person, packed and sent as the parts fill, so that one part is in memory at a time."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, Self

import discord
from discord import ui

from bot.exports import Parts
from bot.services import Services
from cogs._layout import BLUE, card, file, text


class Parcel:
    """Answers an interaction, which was acknowledged for its asker alone, with a zip or several. Use it as ``with``."""

    def __init__(self, services: Services, interaction: discord.Interaction[Any], name: str) -> None:
        """Name the zip ``name.zip``, or several of them ``name-part-1.zip`` and so on."""
        self._pictures = services.pictures
        self._interaction = interaction
        self._name = name
        self._parts = Parts()

    def __enter__(self) -> Self:
        self._parts.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._parts.__exit__()

    @property
    def number(self) -> int:
        """How many parts were begun."""
        return self._parts.number

    async def pack(self, name: str, data: bytes, at: int) -> None:
        """Pack a file, off the loop, and send the part before it where that is full; see :meth:`Parts.add`."""
        full = await self._pictures.draw(self._parts.add, name, data, at)
        if full is not None:
            number = self._parts.number - 1
            zipped = self._file(full, number)
            view = card(text(f"📦 Part {number}; the next one comes below."), file(zipped.filename), colour=BLUE)
            await self._interaction.followup.send(view=view, file=zipped, ephemeral=True)

    async def finish(self, last: Callable[[int, str], ui.LayoutView], above: Callable[[int], ui.LayoutView]) -> None:
        """Send the last part: in place of the answer where it is the only one, else below the others.

        ``last`` makes its message of its number and the name of its file; ``above`` makes, of how many parts there
        are, what stands above several.
        """
        data = await self._pictures.draw(self._parts.end)
        number = self._parts.number
        if number == 1:
            zipped = self._file(data)
            await self._interaction.edit_original_response(view=last(1, zipped.filename), attachments=[zipped])
            return
        zipped = self._file(data, number)
        await self._interaction.followup.send(view=last(number, zipped.filename), file=zipped, ephemeral=True)
        await self._interaction.edit_original_response(view=above(number))

    def _file(self, data: bytes, number: int | None = None) -> discord.File:
        name = f"{self._name}.zip" if number is None else f"{self._name}-part-{number}.zip"
        return discord.File(io.BytesIO(data), name)
