"""``/usage``: what was spent in a server, on whom and on what, for those who manage its budget."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Final

import discord
from discord import app_commands
from discord.app_commands import Choice
from discord.ext import commands

from bot import reports
from bot.budgets import Usage
from bot.client import EditBot
from bot.services import Services
from cogs import _names
from cogs import _rights as rights
from cogs import _usage_cards as cards
from cogs._turns import Turns
from storage.usage import Dimension

_BY: Final = {"day": Dimension.ALL, **{key.value: key for key in Dimension if key is not Dimension.ALL}}
_DAYS: Final = {1: "today", 7: "7 days", 30: "30 days", 90: "90 days", 365: "365 days"}
#: So many reports are made at a time, over all servers; who asks for another one meanwhile is told so.
_MOST: Final = 4


class UsageCog(commands.Cog, name="Usage"):
    """The command that shows what was spent."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._turns = Turns(_MOST, "Several reports are being made right now. Please try again in a few seconds.")

    @app_commands.command()
    @app_commands.describe(by="What to tell the spending apart by (day if left out)", days="Over how long")
    @app_commands.choices(by=[Choice(name=name, value=name) for name in _BY])
    @app_commands.choices(days=[Choice(name=name, value=days) for days, name in _DAYS.items()])
    async def usage(self, interaction: discord.Interaction[EditBot], by: str = "day", days: int = 30) -> None:
        """See what was spent here, and on what. For those who manage the budget."""
        manager = await rights.budget_manager(interaction, self._services)
        guild = rights.guild(interaction)
        with self._turns.take():
            await interaction.response.defer(ephemeral=True)
            usage = await self._services.budgets.usage(manager.guild_id, _BY[by], days, rows=reports.MOST_ROWS)
            await self._answer(interaction, usage, guild)

    async def _answer(self, interaction: discord.Interaction[EditBot], usage: Usage, guild: discord.Guild) -> None:
        if cards.is_empty(usage):
            await interaction.edit_original_response(view=cards.report(usage, {}, None))
            return
        names = cards.names(usage, guild.id, await _known(guild, usage))
        made = await self._services.pictures.draw(reports.files, usage, names)
        table = cards.file_name(usage)
        await interaction.edit_original_response(
            view=cards.report(usage, names, table),
            attachments=[
                discord.File(io.BytesIO(made.chart), cards.CHART, description=cards.alt(usage, names)),
                discord.File(io.BytesIO(made.table), table),
            ],
        )


async def _known(guild: discord.Guild, usage: Usage) -> Mapping[int, str | None]:
    """Return the names of what a report is about, by Discord's ids; ``None`` for what is gone."""
    match usage.dimension:
        case Dimension.MEMBER:
            shown = [key for key, _ in reports.top(usage)]
            return await _names.members(guild, [usage.people[key] for key in shown if key in usage.people])
        case Dimension.ROLE:
            return {role.id: role.name for role in guild.roles}
        case Dimension.CHANNEL:
            return {channel.id: channel.name for channel in guild.channels}
        case _:
            return {}
