"""``/pool``: what members give of their own to a thread, for everybody's edits in it."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot import amounts
from bot.budgets import LEAST_GIFT
from bot.client import EditBot
from bot.errors import NotAllowed
from bot.services import Services
from cogs import _budget_cards as cards
from cogs import _rights as rights
from cogs.umpire import redraw_open


class PoolCog(commands.Cog, name="Pool"):
    """The commands about the pool of a thread. What is given and what returns is news for all who are in it."""

    pool = app_commands.Group(name="pool", description="Money that all in a thread share for their edits")

    def __init__(self, services: Services) -> None:
        self._services = services
        self._budgets = services.budgets

    @pool.command()
    async def show(self, interaction: discord.Interaction[EditBot]) -> None:
        """See what is left in this thread's pool, and who gave it."""
        thread_id = _thread(interaction)
        grants = await self._budgets.pool(rights.asker(interaction).guild_id, thread_id)
        await interaction.response.send_message(view=cards.pool(grants), ephemeral=True)

    @pool.command()
    @app_commands.describe(
        amount="How much of your own, in dollars, such as 2 or 0.50",
        days="For how many days; leave out for: till it is closed",
    )
    async def give(self, interaction: discord.Interaction[EditBot], amount: str, days: int | None = None) -> None:
        """Give some of what you may spend to this thread's pool."""
        thread_id = _thread(interaction)
        sponsor = rights.asker(interaction)
        given = await self._budgets.fund(
            sponsor, thread_id, amounts.money("amount", amount, least=LEAST_GIFT), days=days
        )
        await interaction.response.send_message(view=cards.funded(sponsor.user_id, given))
        await redraw_open(self._services, interaction, thread_id)

    @pool.command()
    async def close(self, interaction: discord.Interaction[EditBot]) -> None:
        """Take back what nobody spent of what you gave; managers close all of the pool."""
        thread_id = _thread(interaction)
        who, manages = rights.asker(interaction), await self._manages(interaction)
        pool = await self._budgets.pool(who.guild_id, thread_id)
        ended = await self._budgets.close_pool(who, thread_id, manages=manages)
        givers = {view.grant.id: view.giver_id for view in pool}
        view = cards.closed(who.user_id, ended, givers, remaining=len(ended) < len(pool))
        await interaction.response.send_message(view=view)
        await redraw_open(self._services, interaction, thread_id)

    async def _manages(self, interaction: discord.Interaction[EditBot]) -> bool:
        try:
            await rights.budget_manager(interaction, self._services)
        except NotAllowed:
            return False
        return True


def _thread(interaction: discord.Interaction[EditBot]) -> int:
    """Return the thread that a person acts in. Raises NotAllowed outside one."""
    _, thread_id = rights.where(interaction)
    if thread_id is None:
        raise NotAllowed("A pool belongs to a thread: use `/pool` inside the one it is for.")
    return thread_id
