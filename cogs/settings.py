"""``/settings``: what is set for a server, for those who manage its budget."""

from __future__ import annotations

from typing import Any, Final

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.client import EditBot, attempt
from bot.errors import BadOption
from bot.services import Services
from cogs import _budget_cards as cards
from cogs import _budget_forms as forms
from cogs import _rights as rights
from cogs._budget_components import AlertsMenu, ManagersMenu, SettingsButton, ShowcaseMenu
from cogs._forms import sent_with
from storage.records import Asker, Server

#: What an alert takes in the channel it goes to.
_TO_ALERT: Final = ("view_channel", "send_messages")
_TO_SHOW: Final = (*_TO_ALERT, "attach_files")


class SettingsCog(commands.Cog, name="Settings"):
    """The command, the menus and the form of the settings."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._budgets = services.budgets

    @app_commands.command()
    async def settings(self, interaction: discord.Interaction[EditBot]) -> None:
        """Choose who manages the budget, where alerts and starred pictures go, the time zone, and which prices are asked about."""
        manager = await self._manager(interaction)
        view = self._card(interaction, await self._budgets.server(manager.guild_id))
        await interaction.response.send_message(view=view, ephemeral=True)

    # events ------------------------------------------------------------------------------------------------

    @commands.Cog.listener()
    async def on_settings(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        """Do what a button or menu of the card asks for."""
        await attempt(interaction, self._press(interaction, item))

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction[EditBot]) -> None:
        """Do what the form asks for; discord.py knows nothing of ours (see :mod:`cogs._forms`)."""
        sent = forms.read(sent_with(interaction))
        if sent is not None and sent.form == "settings":
            await attempt(interaction, self._take(interaction, sent))

    # -------------------------------------------------------------------------------------------------------

    async def _press(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        manager = await self._manager(interaction)
        match item:
            case ManagersMenu():
                if item.chosen == manager.guild_id:
                    raise BadOption("role", "With that role everybody could manage the budget: choose another.")
                await self._change(interaction, manager, manager_role_id=item.chosen)
            case AlertsMenu():
                await self._change(interaction, manager, alert_channel_id=item.chosen)
            case ShowcaseMenu():
                await self._change(interaction, manager, showcase_channel_id=item.chosen)
            case SettingsButton():
                server = await self._budgets.server(manager.guild_id)
                await interaction.response.send_modal(forms.settings(server))
            case _:
                raise TypeError(f"no press is known for {item!r}")

    async def _take(self, interaction: discord.Interaction[EditBot], sent: forms.Sent) -> None:
        """Set what the form says, all or nothing; what cannot be set is said back."""
        manager = await self._manager(interaction)
        try:
            await self._change(interaction, manager, **forms.settings_of(sent))
        except BadOption as error:
            raise BadOption(error.option, f"{error}\n-# Nothing was changed. You sent: {sent}") from error

    async def _manager(self, interaction: discord.Interaction[EditBot]) -> Asker:
        return await rights.budget_manager(interaction, self._services)

    async def _change(self, interaction: discord.Interaction[EditBot], manager: Asker, **changes: Any) -> None:  # noqa: ANN401 (fields of Server)
        server = await self._budgets.change(manager, **changes)
        await interaction.response.edit_message(view=self._card(interaction, server, note="✅ Saved."))

    def _card(self, interaction: discord.Interaction[EditBot], server: Server, *, note: str = "") -> ui.LayoutView:
        return cards.settings(server, _around(interaction.guild, server), now=self._services.clock(), note=note)


def _around(guild: discord.Guild | None, server: Server) -> cards.Surroundings:
    """Return what is true now of the role and the channel that the settings name."""
    if guild is None:
        return cards.Surroundings()
    return cards.Surroundings(
        role_there=guild.get_role(server.manager_role_id or 0) is not None,
        alerts=_destination(guild, server.alert_channel_id, _TO_ALERT),
        showcase=_destination(guild, server.showcase_channel_id, _TO_SHOW),
    )


def _destination(guild: discord.Guild, channel_id: int | None, needed: tuple[str, ...]) -> cards.Destination:
    channel = guild.get_channel(channel_id or 0)
    if channel is None:
        return cards.Destination(there=False)
    allowed = channel.permissions_for(guild.me)
    return cards.Destination(
        lacking=tuple(name.replace("_", " ").title() for name in needed if not getattr(allowed, name))
    )
