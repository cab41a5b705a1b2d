"""What people do with results: the buttons, the forms, and messages that were kept for them."""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import discord
from discord import ui
from discord.ext import commands

from bot.client import DISCORD_ERRORS, EditBot, attempt, notice
from bot.errors import NotAllowed, NotFound
from bot.options import MAX_REFERENCES, reference_to
from bot.services import Services
from cogs import _asides as asides
from cogs import _forms as forms
from cogs import _rights as rights
from cogs import _words as words
from cogs._asking import Asking, Upload, Wish
from cogs._components import (
    AgainButton,
    CancelButton,
    DeleteButton,
    DeleteMenu,
    EditButton,
    EditPickButton,
    RecipeButton,
    RerollButton,
)
from cogs._layout import GREY
from cogs._letters import compose
from cogs._recipe import recipe
from storage.records import Job, Result, Status

log = logging.getLogger(__name__)


class ResultsCog(commands.Cog, name="Results"):
    """The presses and forms of the cards. Whoever presses pays; what is kept for a person is shown after any of them."""

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
    async def on_interaction(self, interaction: discord.Interaction[EditBot]) -> None:
        """Do what a form of ours asks for; discord.py knows nothing of ours (see :mod:`cogs._forms`)."""
        if interaction.type is not discord.InteractionType.modal_submit:
            return
        sent = forms.read(cast("Mapping[str, Any]", interaction.data or {}))
        if sent is None:
            return
        await attempt(interaction, self._form(interaction, sent))

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
            log.warning("what is kept could not be shown: %s", error)

    # presses -----------------------------------------------------------------------------------------------

    async def _press(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        match item:
            case CancelButton():
                await self._cancel(interaction, item.target)
            case AgainButton():
                job = await self._edits.job(item.target)
                price = await self._edits.price(job.guild_id, job.request)
                await interaction.response.send_modal(forms.again(job, price))
            case EditButton():
                result, job = await self._edits.result(item.target)
                await self._open_form(interaction, job, [result])
            case EditPickButton():
                await self._edit_pick(interaction, item.target)
            case RerollButton():
                await self._reroll(interaction, item.target)
            case RecipeButton():
                await self._recipe(interaction, item.target)
            case DeleteButton():
                await self._delete(interaction, item.target)
            case DeleteMenu():
                await self._delete_chosen(interaction, item)
            case _:
                raise TypeError(f"no press is known for {item!r}")

    async def _cancel(self, interaction: discord.Interaction[EditBot], job_id: int) -> None:
        await self._edits.cancel(job_id, asker=rights.asker(interaction), manages=rights.manages(interaction))
        await interaction.response.defer()  # the announcer changes the card

    async def _edit_pick(self, interaction: discord.Interaction[EditBot], job_id: int) -> None:
        job = await self._edits.job(job_id)
        await self._open_form(interaction, job, self._beside(interaction, await self._edits.results(job_id)))

    async def _open_form(self, interaction: discord.Interaction[EditBot], job: Job, pictures: list[Result]) -> None:
        """Open the form to edit one of these results, with the price of what it is filled with, and of more."""
        start = reference_to(pictures[0], job.request)
        like = replace(job.request, width=start.width, height=start.height, results=1)
        prices = [
            await self._edits.price(job.guild_id, replace(like, references=(start,) * number))
            for number in range(1, MAX_REFERENCES + 1)
        ]
        await interaction.response.send_modal(forms.edit(job, pictures, prices))

    async def _reroll(self, interaction: discord.Interaction[EditBot], result_id: int) -> None:
        result, job = await self._edits.result(result_id)
        await rights.check_readable(interaction, result, job)
        await rights.check_references(interaction, self._edits, job.request)
        again = job.request.with_seed(self._edits.draw_seed())
        await self._asking.repeat(interaction, again, shown=job.cost)

    async def _recipe(self, interaction: discord.Interaction[EditBot], result_id: int) -> None:
        result, job = await self._edits.result(result_id)
        await rights.check_readable(interaction, result, job)
        results = self._beside(interaction, await self._edits.results(job.id))
        text, name = recipe(job, results), f"recipe-{results[0].id}.json"
        file = discord.File(io.BytesIO(text.encode()), name)
        await interaction.response.send_message(view=asides.recipe(results, text, name), file=file, ephemeral=True)

    async def _delete(self, interaction: discord.Interaction[EditBot], result_id: int) -> None:
        result, job = await self._edits.result(result_id)
        if job.user_id != interaction.user.id and not rights.manages(interaction):
            raise NotAllowed(f"Only {words.who(job.user_id)}, who asked for it, or a moderator can take this down.")
        results = self._beside(interaction, await self._edits.results(job.id))
        if len(results) > 1:
            view = asides.delete_menu(job.id, results)
            await interaction.response.send_message(view=view, ephemeral=True)
            return
        await self._take_down(interaction, [result.id])
        await interaction.response.defer()  # the announcer takes the message down

    async def _delete_chosen(self, interaction: discord.Interaction[EditBot], menu: DeleteMenu) -> None:
        job = await self._edits.job(menu.target)
        results = [result for result in await self._edits.results(job.id) if result.id in menu.chosen]
        await self._take_down(interaction, [result.id for result in results])
        ids = words.listed([result.short_id for result in results])
        await interaction.response.edit_message(view=notice(f"🗑️ Taken down: {ids}.", GREY))

    async def _take_down(self, interaction: discord.Interaction[EditBot], result_ids: list[int]) -> None:
        who, manages = rights.asker(interaction), rights.manages(interaction)
        for result_id in result_ids:
            await self._edits.delete(result_id, asker=who, manages=manages)

    @staticmethod
    def _beside(interaction: discord.Interaction[EditBot], results: list[Result]) -> list[Result]:
        """Return the pictures that stand in the message of the press. Raises NotFound when all are gone."""
        here = interaction.message.id if interaction.message is not None else None
        usable = [result for result in results if result.usable]
        beside = [result for result in usable if result.message_id == here] or [
            result
            for result in usable
            if not result.message_id  # a kept message that only its asker sees
        ]
        if not beside:
            raise NotFound("The pictures of this message are gone.")
        return beside

    # forms -------------------------------------------------------------------------------------------------

    async def _form(self, interaction: discord.Interaction[EditBot], sent: forms.Sent) -> None:
        if sent.action == "again":
            await self._again(interaction, sent)
            return
        result, job = await self._edits.result(sent.picture or sent.target)
        await rights.check_readable(interaction, result, job)
        start = reference_to(result, job.request)
        size = f"{start.width}x{start.height}"
        wish = replace(Wish.like(job.request, forms.prompt(sent, job)), size=size, parent_id=result.id)
        uploads = [Upload("More pictures", file) for file in forms.attachments(interaction, sent)]
        await self._asking.ask(interaction, wish, given=[start], uploads=uploads, shown=sent.price)

    async def _again(self, interaction: discord.Interaction[EditBot], sent: forms.Sent) -> None:
        job = await self._edits.job(sent.target)
        await rights.check_repeatable(interaction, job)
        await rights.check_references(interaction, self._edits, job.request)
        # Where nothing was made the seed is still good; where something was withheld, it would be made again.
        seed = None if job.status is Status.SUCCEEDED else str(job.request.seed)
        wish = replace(Wish.like(job.request, forms.prompt(sent, job)), results=job.request.results, seed=seed)
        await self._asking.ask(interaction, wish, given=job.request.references, shown=sent.price)
