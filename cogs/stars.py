"""Stars: one for each person and picture, given and taken back with the same press."""

from __future__ import annotations

from typing import Any

import discord
from discord import ui
from discord.ext import commands

from bot.client import EditBot, attempt, notice
from bot.services import Services
from cogs import _asides as asides
from cogs import _rights as rights
from cogs import _words as words
from cogs._components import StarButton, StarMenu, StarPickButton
from cogs._layout import GREY
from cogs._letters import renewed
from cogs._looks import beside, look, on_look


class StarsCog(commands.Cog, name="Stars"):
    """The presses with which people say what they like."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._edits = services.edits

    @commands.Cog.listener()
    async def on_star(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        """Give or take back a star."""
        await attempt(interaction, self._press(interaction, item))

    async def _press(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        match item:
            case StarPickButton():
                await self._ask_for_stars(interaction, item.target)
            case StarButton():
                await self._star(interaction, item.target)
            case StarMenu():
                await self._star_chosen(interaction, item)
            case _:
                raise TypeError(f"no star is known for {item!r}")

    async def _star(self, interaction: discord.Interaction[EditBot], result_id: int) -> None:
        result, job = await self._edits.result(result_id)
        await rights.check_readable(interaction, result, job)
        await self._services.gallery.star(rights.asker(interaction), result_id)
        if interaction.message is None or on_look(interaction):
            await look(self._services, interaction, result_id)
            return
        result, job = await self._edits.result(result_id)
        view = await renewed(self._services, job, result, interaction.message)
        await interaction.response.edit_message(view=view)

    async def _ask_for_stars(self, interaction: discord.Interaction[EditBot], job_id: int) -> None:
        here = None if interaction.message is None else interaction.message.id
        results = beside(here, await self._edits.results(job_id))
        starred = await self._services.gallery.starred_by(rights.asker(interaction), job_id)
        view = asides.star_menu(job_id, results, starred)
        await interaction.response.send_message(view=view, ephemeral=True)

    async def _star_chosen(self, interaction: discord.Interaction[EditBot], menu: StarMenu) -> None:
        for result_id in menu.chosen:
            await rights.check_readable(interaction, *await self._edits.result(result_id))
        await self._services.gallery.choose(
            rights.asker(interaction), menu.target, menu.chosen, _offered(interaction.message)
        )
        named = words.listed([f"#{result_id}" for result_id in menu.chosen])
        said = f"⭐ Your stars: {named}." if named else "You took your stars back."
        await interaction.response.edit_message(view=notice(said, GREY))


def _offered(message: discord.Message | None) -> list[int]:
    """Return the results that the menu of a message offers."""
    if message is None:
        return []
    rows = [part for card in message.components if isinstance(card, discord.Container) for part in card.children]
    menus = [item for row in rows if isinstance(row, discord.ActionRow) for item in row.children]
    return [int(option.value) for menu in menus if isinstance(menu, discord.SelectMenu) for option in menu.options]
