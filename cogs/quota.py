"""``/quota``: what a member may still spend, to that member alone."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import EditBot
from bot.services import Services
from cogs import _asides as asides
from cogs import _rights as rights


class QuotaCog(commands.Cog, name="Quota"):
    """The command that shows an allowance."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @app_commands.command()
    async def quota(self, interaction: discord.Interaction[EditBot]) -> None:
        """See what you have spent today, what is held, what is left, and what is running."""
        view = await self._services.edits.quota(rights.asker(interaction))
        await interaction.response.send_message(view=asides.quota(view), ephemeral=True)
