"""``/references`` and the menu "Add as reference": pictures gathered from messages, which the next edits start from."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.client import EditBot, MenuCog, attempt
from bot.errors import NotFound
from bot.services import Services
from bot.tray import MOST_HELD, Added, earlier, only, without
from cogs import _rights as rights
from cogs import _tray as tray
from cogs import _tray_forms as forms
from cogs import _words as words
from cogs._asking import Asking, Wish
from cogs._forms import attachments, sent_with
from cogs._gathering import Gathering
from cogs._tray_cards import HOW_TO
from cogs._tray_components import ClearButton, EarlierButton, EditTrayButton, KeepMenu, RemoveButton
from cogs._uploads import Upload
from storage.tray import TrayPicture

_EMPTY = f"Your tray is empty now. {HOW_TO}"


class TrayCog(MenuCog, name="Tray"):
    """The menu, the command, the presses and the form of trays. Only their member sees them; the edit is as any other."""

    def __init__(self, services: Services, asking: Asking) -> None:
        self._services = services
        self._asking = asking
        self._gathering = Gathering(services, asking)
        self.menus = (app_commands.ContextMenu(name="Add as reference", callback=self._add),)

    # gathering and looking ---------------------------------------------------------------------------------

    async def _add(self, interaction: discord.Interaction[EditBot], message: discord.Message) -> None:
        """Put the pictures of a message into the tray, and show it."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        taken = await self._gathering.take(interaction, message)
        added = await self._services.tray.add(rights.asker(interaction), taken.pictures)
        await tray.show(self._services, interaction, [*_said(added), *(f"⚠️ {fault}" for fault in taken.faults)])

    @app_commands.command()
    async def references(self, interaction: discord.Interaction[EditBot]) -> None:
        """See, order and edit the pictures that you gathered with the menu "Add as reference"."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await tray.show(self._services, interaction)

    # presses -----------------------------------------------------------------------------------------------

    @commands.Cog.listener()
    async def on_tray(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        """Do what a button or menu of a tray asks for."""
        work = self._open(interaction) if isinstance(item, EditTrayButton) else self._change(interaction, item)
        await attempt(interaction, work)

    async def _change(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        change: Callable[[list[TrayPicture]], list[TrayPicture]]
        match item:
            case EarlierButton():
                change = partial(earlier, picture_id=item.target)
            case RemoveButton():
                change = partial(without, picture_id=item.target)
            case KeepMenu():
                change = partial(only, picture_ids=item.chosen)
            case ClearButton():
                change = _nothing
            case _:
                raise TypeError(f"no tray is known for {item!r}")
        await interaction.response.defer()
        changed = await self._services.tray.change(rights.asker(interaction), change)
        await tray.show(self._services, interaction, [] if changed else ["This is how your tray is now."])

    # editing -----------------------------------------------------------------------------------------------

    async def _open(self, interaction: discord.Interaction[EditBot]) -> None:
        """Open the form; what would be refused when it is sent is refused before anybody types."""
        await rights.check_may_ask(interaction, self._services)
        given = await tray.gathered(self._services, interaction)
        if not given:
            raise NotFound(_EMPTY)
        await interaction.response.send_modal(forms.edit(given, await self._asking.prices(interaction, given)))

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction[EditBot]) -> None:
        """Do what the form asks for; discord.py knows nothing of ours (see :mod:`cogs._forms`)."""
        sent = forms.read(sent_with(interaction))
        if sent is not None:
            await attempt(interaction, self._send(interaction, sent))

    async def _send(self, interaction: discord.Interaction[EditBot], sent: forms.Sent) -> None:
        """Ask for an edit of what is in the tray now."""
        given = await tray.gathered(self._services, interaction, more=len(sent.files))
        if not given:
            raise NotFound(f"{_EMPTY}\n-# You wrote: {sent}")
        uploads = [Upload.of("More pictures", file) for file in attachments(interaction, sent.files)]
        wish = Wish({"prompt": sent.prompt}, given[0].result_id)
        await self._asking.ask(interaction, wish, [*given, *uploads], shown=sent.price)


def _nothing(_: list[TrayPicture]) -> list[TrayPicture]:
    return []


def _said(added: Added) -> list[str]:
    """Say what became of pictures that were put into a tray."""
    said = [f"Added {words.counted(added.added, 'picture')}."] if added.added else []
    if added.known:
        said.append(f"{words.counted(added.known, 'picture')} {_were(added.known)} in it already.")
    if added.left_out:
        left = words.counted(added.left_out, "picture")
        said.append(
            f"{left} found no place: a tray holds {MOST_HELD}. Choose those to keep, then add the message again."
        )
    return said


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
