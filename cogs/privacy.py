"""``/privacy``: what the bot knows of a person, told to that person, and forgotten."""

from __future__ import annotations

from typing import Any, Final

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.client import EditBot, attempt
from bot.services import Services
from cogs import _privacy_cards as cards
from cogs._own_data import OwnData
from cogs._turns import Turns

#: So many exports are made at a time, over all servers; who asks for another one meanwhile is told so.
_MOST: Final = 2


class PrivacyCog(commands.Cog, name="Privacy"):
    """The commands about a person's own data. Nobody else sees the answers."""

    privacy = app_commands.Group(name="privacy", description="What I know of you, and who may edit your pictures")

    def __init__(self, services: Services) -> None:
        self._services = services
        self._exports = Turns(_MOST, "Two exports are being made right now. Please try again in a minute.")

    @privacy.command()
    async def export(self, interaction: discord.Interaction[EditBot]) -> None:
        """Get all that I know of you, in every server, with your pictures, as a zip."""
        with self._exports.take():
            await interaction.response.defer(ephemeral=True)
            await OwnData(self._services, interaction).send()

    @privacy.command()
    async def forget(self, interaction: discord.Interaction[EditBot]) -> None:
        """Have me forget you in every server, for good; I ask once more first."""
        await self._services.people.check(interaction.user.id)
        await interaction.response.send_message(view=cards.question(), ephemeral=True)

    @commands.Cog.listener()
    async def on_forget(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        """Forget whoever pressed."""
        del item
        await attempt(interaction, self._forget(interaction))

    async def _forget(self, interaction: discord.Interaction[EditBot]) -> None:
        await interaction.response.defer()
        servers = await self._services.people.forget(interaction.user.id)
        await interaction.edit_original_response(view=cards.forgotten(servers))
