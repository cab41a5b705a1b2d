"""``/quota`` and ``/estimate``: what a member may still spend, and what an edit would cost, to that member alone."""

from __future__ import annotations

from typing import Final

import discord
from discord import app_commands
from discord.app_commands import Choice, Range
from discord.ext import commands

from bot import amounts, options
from bot.client import EditBot
from bot.services import Services
from cogs import _asides as asides
from cogs import _rights as rights
from storage.records import Place, Reference

#: A picture that an estimate starts from: its size decides where none is given.
_ANY: Final = Reference(sha256="0" * 64, width=1024, height=1024, label="")


#: What an option reads that takes the question away.
_OFF: Final = "off"


class QuotaCog(commands.Cog, name="Quota"):
    """The commands about one's own money."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @app_commands.command()
    @app_commands.describe(
        ask_above=f"Ask me first before an edit that costs more than this, in dollars; `{_OFF}` to stop asking"
    )
    async def quota(
        self, interaction: discord.Interaction[EditBot], ask_above: Range[str, 1, 40] | None = None
    ) -> None:
        """See what you have spent, what is held, what is left, and what is running."""
        asker = rights.asker(interaction)
        channel_id, thread_id = rights.where(interaction)
        if ask_above is not None:
            above = None if ask_above.strip().lower() == _OFF else amounts.money("ask_above", ask_above)
            await self._services.edits.prefer(asker, above)
        view = await self._services.edits.quota(asker, channel_id=channel_id, thread_id=thread_id)
        await interaction.response.send_message(view=asides.quota(view), ephemeral=True)

    @app_commands.command()
    @app_commands.describe(
        pictures="How many pictures the edit starts from (1 if left out)",
        size="Width x height (1024x1024 if left out, or this server's default)",
        results="How many pictures to make (1 if left out, or this server's default)",
        steps="How many steps (30 if left out, or this server's default)",
    )
    async def estimate(
        self,
        interaction: discord.Interaction[EditBot],
        pictures: Range[int, 1, options.MAX_REFERENCES] = 1,
        size: Range[str, 1, 50] | None = None,
        results: Range[int, 1, options.MAX_RESULTS] | None = None,
        steps: Range[int, 1, options.MAX_STEPS] | None = None,
    ) -> None:
        """See what an edit would cost, and whether it fits in what you have left; nothing is sent."""
        house = await self._services.houses.of(rights.asker(interaction).guild_id)
        given = {"size": size, "results": results, "steps": steps}
        values = {name: value for name, value in house.filled(given).items() if name in given}
        request = options.build_request(
            {**values, "prompt": "an estimate"}, (_ANY,) * pictures, house=house, draw=lambda: 0
        )
        channel_id, thread_id = rights.where(interaction)
        place = Place(channel_id, interaction.id, thread_id)
        forecast = await self._services.edits.forecast(rights.asker(interaction), place, request)
        await interaction.response.send_message(view=asides.forecast(request, forecast), ephemeral=True)

    @estimate.autocomplete("size")
    async def _sizes(self, interaction: discord.Interaction[EditBot], typed: str) -> list[Choice[str]]:
        del interaction
        return [Choice(name=size, value=size) for size in options.size_choices(typed) if size != options.MATCH]
