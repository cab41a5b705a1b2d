"""What people do with results: reroll, look, take down; and messages that were kept for them."""

from __future__ import annotations

import logging
from typing import Any

import discord
from discord import ui
from discord.ext import commands

from bot import options
from bot.client import DISCORD_ERRORS, EditBot, attempt, notice, trouble
from bot.errors import BadOption, NotAllowed
from bot.services import Services
from cogs import _asides as asides
from cogs import _rights as rights
from cogs import _words as words
from cogs._asking import Asking
from cogs._components import (
    BackButton,
    CancelButton,
    DeleteButton,
    DeleteMenu,
    GoMenu,
    MoreButton,
    RecipeButton,
    RerollButton,
)
from cogs._layout import GREY
from cogs._letters import compose
from cogs._looks import beside, look, on_look
from cogs._recipe import show_recipe
from storage.records import Result

log = logging.getLogger(__name__)


class ResultsCog(commands.Cog, name="Results"):
    """The presses on results. Whoever presses pays; what is kept for a person is shown after any of them."""

    def __init__(self, services: Services, asking: Asking) -> None:
        self._services = services
        self._edits = services.edits
        self._asking = asking

    # events ------------------------------------------------------------------------------------------------

    @commands.Cog.listener()
    async def on_press(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        """Do what a button or menu of ours asks for."""
        await attempt(interaction, self._press(interaction, item))

    @commands.Cog.listener()
    async def on_app_command_completion(self, interaction: discord.Interaction[EditBot], command: object) -> None:
        """Show, after a command, what was kept."""
        del command
        await self.on_answered(interaction)

    @commands.Cog.listener()
    async def on_answered(self, interaction: discord.Interaction[EditBot]) -> None:
        """Show a person, alone, what could be posted nowhere."""
        if interaction.guild_id is None or interaction.response.type in (None, discord.InteractionResponseType.modal):
            return
        try:
            for job, announcement in await self._services.outbox.kept_for(rights.asker(interaction)):
                letter = await compose(self._services, job, announcement)
                await interaction.followup.send(view=letter.view, files=letter.files, ephemeral=True)
                await self._services.outbox.hand_over(job.id, announcement.index)
        except DISCORD_ERRORS as error:
            log.warning("what is kept could not be shown: %s", trouble(error))

    # presses -----------------------------------------------------------------------------------------------

    async def _press(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        match item:
            case CancelButton():
                await self._cancel(interaction, item.target)
            case RerollButton():
                await self._reroll(interaction, item.target)
            case MoreButton() | BackButton():
                await look(self._services, interaction, item.target)
            case GoMenu():
                await look(self._services, interaction, item.chosen[0])
            case RecipeButton():
                await show_recipe(self._services, interaction, item.target)
            case DeleteButton():
                await self._delete(interaction, item.target)
            case DeleteMenu():
                await self._delete_chosen(interaction, item)
            case _:
                raise TypeError(f"no press is known for {item!r}")

    async def _cancel(self, interaction: discord.Interaction[EditBot], job_id: int) -> None:
        await self._edits.cancel(job_id, asker=rights.asker(interaction), manages=rights.manages(interaction))
        await interaction.response.defer()  # the announcer changes the card

    async def _reroll(self, interaction: discord.Interaction[EditBot], result_id: int) -> None:
        result, job = await self._edits.result(result_id)
        await rights.check_readable(interaction, result, job)
        await rights.check_references(interaction, self._services, job.request)
        again = job.request.with_seed(self._edits.draw_seed())
        _, changed = options.brought_within(again, await self._services.houses.of(job.guild_id))
        if changed:
            raise BadOption(
                "reroll",
                f"{result.short_id} can't be made again as it was. As this server allows now: {words.listed(changed)}. "
                "**Edit** goes on from it like that.",
            )
        await self._asking.repeat(interaction, again, shown=job.cost)

    async def _delete(self, interaction: discord.Interaction[EditBot], result_id: int) -> None:
        result, job = await self._edits.result(result_id)
        if job.user_id != interaction.user.id and not await rights.manages_at(interaction, result.channel_id):
            raise NotAllowed(f"Only {words.who(job.user_id)}, who asked for it, or a moderator can take this down.")
        results = await self._shown_with(interaction, result)
        if len(results) > 1 or await self._is_valued(result):
            view = asides.delete_menu(job.id, results)
            await interaction.response.send_message(view=view, ephemeral=True)
            return
        await self._take_down(interaction, [result.id])
        if on_look(interaction):
            await look(self._services, interaction, result_id)
        else:
            await interaction.response.defer()  # the announcer takes the message down

    async def _is_valued(self, result: Result) -> bool:
        """Tell whether others would miss a picture, so that one press is not enough to take it down."""
        return result.stars > 0 or bool((await self._services.lineage.family(result.id)).children)

    async def _delete_chosen(self, interaction: discord.Interaction[EditBot], menu: DeleteMenu) -> None:
        job = await self._edits.job(menu.target)
        results = [result for result in await self._edits.results(job.id) if result.id in menu.chosen]
        await self._take_down(interaction, [result.id for result in results])
        ids = words.listed([result.short_id for result in results])
        await interaction.response.edit_message(view=notice(f"🗑️ Taken down: {ids}.", GREY))

    async def _take_down(self, interaction: discord.Interaction[EditBot], result_ids: list[int]) -> None:
        who = rights.asker(interaction)
        for result_id in result_ids:
            result, job = await self._edits.find(result_id)
            manages = job.user_id != who.user_id and await rights.manages_at(interaction, result.channel_id)
            await self._edits.delete(result_id, asker=who, manages=manages)

    async def _shown_with(self, interaction: discord.Interaction[EditBot], result: Result) -> list[Result]:
        """Return the pictures of the message of a press: those of the edit, or the one picture that is shown again."""
        made = await self._edits.results(result.job_id)
        here = None if interaction.message is None else interaction.message.id
        if on_look(interaction):
            return [result]
        return beside(here, made) if result.message_id in (here, 0, None) else [result]
