"""``/lora``: which LoRAs there are at Runware, and which of them this server lets in."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands, ui
from discord.app_commands import Choice, Range
from discord.ext import commands

from bot.client import EditBot, attempt
from bot.errors import NotAllowed
from bot.services import Services
from cogs import _house_cards as cards
from cogs import _rights as rights
from cogs._house_cards import AllowMenu
from cogs._loras import allowed_choices, found_choices
from storage.records import Asker


class LoraCog(commands.Cog, name="LoRAs"):
    """The commands about LoRAs. Everybody searches; those who manage the budget decide."""

    lora = app_commands.Group(name="lora", description="Small add-ons to the model: styles, characters, things")

    def __init__(self, services: Services) -> None:
        self._services = services
        self._houses = services.houses
        self._loras = services.loras

    # commands ----------------------------------------------------------------------------------------------

    @lora.command()
    @app_commands.describe(query="What it should do, or its name")
    async def search(self, interaction: discord.Interaction[EditBot], query: Range[str, 1, 100]) -> None:
        """Search Runware's LoRAs that fit this model."""
        who = rights.asker(interaction)
        manages = await self._manages(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = await self._loras.find(query)
        view = cards.found(query, found, await self._houses.of(who.guild_id), manages=manages)
        await interaction.edit_original_response(view=view)

    @lora.command(name="list")
    async def list_(self, interaction: discord.Interaction[EditBot]) -> None:
        """See the LoRAs that this server lets in, and how to use them."""
        house = await self._houses.of(rights.asker(interaction).guild_id)
        await interaction.response.send_message(view=cards.allowed(house), ephemeral=True)

    @lora.command()
    @app_commands.describe(air="Its AIR, such as civitai:123@456; type a name to search")
    async def allow(self, interaction: discord.Interaction[EditBot], air: Range[str, 1, 200]) -> None:
        """Let a LoRA in, so that members can use it."""
        await self._allow(interaction, await rights.budget_manager(interaction, self._services), air)

    @lora.command()
    @app_commands.describe(air="Its AIR")
    async def forbid(self, interaction: discord.Interaction[EditBot], air: Range[str, 1, 200]) -> None:
        """Let a LoRA in no longer."""
        manager = await rights.budget_manager(interaction, self._services)
        name = await self._houses.forbid(manager, air)
        house = await self._houses.of(manager.guild_id)
        note = cards.forbidden(name, air.strip())
        await interaction.response.send_message(view=cards.allowed(house, note=note), ephemeral=True)

    # events ------------------------------------------------------------------------------------------------

    @commands.Cog.listener()
    async def on_lora(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        """Do what the menu of a search asks for."""
        await attempt(interaction, self._choose(interaction, item))

    async def _choose(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        if not isinstance(item, AllowMenu):
            raise TypeError(f"no choice is known for {item!r}")
        await self._allow(interaction, await rights.budget_manager(interaction, self._services), item.chosen)

    # what is offered while somebody types ------------------------------------------------------------------

    @search.autocomplete("query")
    @allow.autocomplete("air")
    async def _found(self, interaction: discord.Interaction[EditBot], typed: str) -> list[Choice[str]]:
        house = await self._houses.of(rights.asker(interaction).guild_id)
        return found_choices(await self._loras.offered(typed), house.loras)

    @forbid.autocomplete("air")
    async def _let_in(self, interaction: discord.Interaction[EditBot], typed: str) -> list[Choice[str]]:
        house = await self._houses.of(rights.asker(interaction).guild_id)
        return allowed_choices(typed, house.loras)

    # -------------------------------------------------------------------------------------------------------

    async def _manages(self, interaction: discord.Interaction[EditBot]) -> bool:
        try:
            await rights.budget_manager(interaction, self._services)
        except NotAllowed:
            return False
        return True

    async def _allow(self, interaction: discord.Interaction[EditBot], manager: Asker, air: str) -> None:
        """Look a LoRA up at Runware, and let it in if it fits."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = await self._loras.fitting(air)
        fresh = await self._houses.allow(manager, found.air, found.name)
        house = await self._houses.of(manager.guild_id)
        note = cards.let_in(found.name, found.air, fresh=fresh, certain=found.architecture is not None)
        await interaction.edit_original_response(view=cards.allowed(house, note=note))
