"""``/privacy``: who may edit whose pictures; and what the bot knows of a person, told to that person, and forgotten."""

from __future__ import annotations

from typing import Any, Final, Literal

import discord
from discord import app_commands, ui
from discord.app_commands import Choice
from discord.ext import commands

from bot.client import EditBot, attempt
from bot.consents import PrivacyView
from bot.services import Services
from cogs import _own_data_cards as own_data_cards
from cogs import _privacy_cards as cards
from cogs import _rights as rights
from cogs._components import CloseButton, OpenButton
from cogs._looks import look
from cogs._own_data import OwnData
from cogs._own_data_cards import ForgetButton
from cogs._privacy_cards import ConsentMenu
from cogs._turns import Turns
from storage.records import Asker, Consent

_SERVER: Final = "server"
#: So many exports are made at a time, over all servers; who asks for another one meanwhile is told so.
_EXPORTS: Final = 2
_WHO: Final = [
    Choice(name="Anyone", value=Consent.ANYONE.value),
    Choice(name="Only in the thread where they stand", value=Consent.SESSION.value),
    Choice(name="Nobody else", value=Consent.NOBODY.value),
]


class PrivacyCog(commands.Cog, name="Privacy"):
    """The commands, the menu and the buttons. Nobody else sees the answers."""

    group = app_commands.Group(name="privacy", description="Who may edit your pictures, and what I know about you")

    def __init__(self, services: Services) -> None:
        self._services = services
        self._consents = services.consents
        self._exports = Turns(_EXPORTS, "Two exports are being made right now. Please try again in a minute.")

    # who may edit what -------------------------------------------------------------------------------------

    @group.command()
    async def show(self, interaction: discord.Interaction[EditBot]) -> None:
        """See who may edit your pictures, and choose."""
        await self._show(interaction, await self._consents.view(rights.asker(interaction)))

    @group.command(name="set")
    @app_commands.describe(who="Who may edit the pictures you post and the ones made for you")
    @app_commands.choices(who=[*_WHO, Choice(name="As this server says", value=_SERVER)])
    async def set_(self, interaction: discord.Interaction[EditBot], who: Choice[str]) -> None:
        """Say who may edit your pictures in this server."""
        said = None if who.value == _SERVER else Consent(who.value)
        await self._show(interaction, await self._consents.say(rights.asker(interaction), said), note="✅ Saved.")

    @group.command()
    @app_commands.describe(who="Who may edit the pictures of members who say nothing")
    @app_commands.choices(who=_WHO)
    async def server(self, interaction: discord.Interaction[EditBot], who: Choice[str]) -> None:
        """Set what stands in this server for members who say nothing; for those who manage it."""
        manager = await self._manager(interaction)
        view = await self._consents.set_standard(manager, Consent(who.value))
        await self._show_rules(interaction, view, note="✅ Saved. Who has said something keeps their word.")

    @group.command()
    @app_commands.describe(
        channel="The channel, with its threads; of a forum, any of its threads",
        pictures="Whether what is posted there may be edited by others than who posted it",
    )
    async def channel(
        self, interaction: discord.Interaction[EditBot], channel: rights.Home, pictures: Literal["edited", "kept"]
    ) -> None:
        """Keep the pictures of a channel from being edited by others; for those who manage this server."""
        manager = await self._manager(interaction)
        channel_id = rights.home_id(channel)
        view = await self._consents.spare(manager, channel_id, spared=pictures == "kept")
        says = "is not edited by others any more" if pictures == "kept" else "may be edited, as its authors say"
        await self._show_rules(interaction, view, note=f"✅ What is posted in <#{channel_id}> {says}.")

    # what is known of a person -----------------------------------------------------------------------------

    @group.command()
    async def export(self, interaction: discord.Interaction[EditBot]) -> None:
        """Get all that I know of you, in every server, with your pictures, as a zip."""
        with self._exports.take():
            await interaction.response.defer(ephemeral=True)
            await OwnData(self._services, interaction).send()

    @group.command()
    async def forget(self, interaction: discord.Interaction[EditBot]) -> None:
        """Have me forget you in every server, for good; I ask once more first."""
        await self._services.people.check(interaction.user.id)
        await interaction.response.send_message(view=own_data_cards.question(), ephemeral=True)

    async def _forget(self, interaction: discord.Interaction[EditBot]) -> None:
        await interaction.response.defer()
        servers = await self._services.people.forget(interaction.user.id)
        await interaction.edit_original_response(view=own_data_cards.forgotten(servers))

    # presses -----------------------------------------------------------------------------------------------

    @commands.Cog.listener()
    async def on_privacy(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        """Do what a button or menu of ours asks for."""
        await attempt(interaction, self._press(interaction, item))

    async def _press(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        match item:
            case ConsentMenu():
                view = await self._consents.say(rights.asker(interaction), item.chosen)
                await interaction.response.edit_message(view=self._card(interaction, view, note="✅ Saved."))
            case CloseButton() | OpenButton():
                closed = isinstance(item, CloseButton)
                await self._consents.close(rights.asker(interaction), item.target, closed=closed)
                await look(self._services, interaction, item.target)
            case ForgetButton():
                await self._forget(interaction)
            case _:
                raise TypeError(f"no press is known for {item!r}")

    # -------------------------------------------------------------------------------------------------------

    async def _manager(self, interaction: discord.Interaction[EditBot]) -> Asker:
        return await rights.budget_manager(interaction, self._services)

    async def _show(self, interaction: discord.Interaction[EditBot], view: PrivacyView, *, note: str = "") -> None:
        await interaction.response.send_message(view=self._card(interaction, view, note=note), ephemeral=True)

    def _card(self, interaction: discord.Interaction[EditBot], view: PrivacyView, *, note: str) -> ui.LayoutView:
        seen, hidden = rights.seen(interaction, view.rules.spared)
        return cards.privacy(view, seen, hidden=hidden, note=note)

    async def _show_rules(self, interaction: discord.Interaction[EditBot], view: PrivacyView, *, note: str) -> None:
        seen, hidden = rights.seen(interaction, view.rules.spared)
        view_ = cards.rules(view.rules, seen, hidden=hidden, note=note)
        await interaction.response.send_message(view=view_, ephemeral=True)
