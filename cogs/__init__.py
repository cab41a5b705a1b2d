"""What people see and press: commands, buttons, forms, and the words and cards they read."""

from __future__ import annotations

from collections.abc import Iterable

from discord.ext import commands

from bot.client import EditBot
from bot.services import Services
from cogs._asking import Asking
from cogs._components import DYNAMIC_ITEMS
from cogs.edit import EditCog
from cogs.quota import QuotaCog
from cogs.results import ResultsCog


def build(services: Services) -> EditBot:
    """Return a bot with all cogs, not connected yet."""

    def cogs() -> Iterable[commands.Cog]:
        asking = Asking(services)
        return (EditCog(services, asking), ResultsCog(services, asking), QuotaCog(services))

    return EditBot(services, cogs=cogs, dynamic_items=DYNAMIC_ITEMS)
