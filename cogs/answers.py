"""The answers that an edit may wait for: its asker's to the price, a manager's to the edit itself."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import discord
from discord import ui
from discord.ext import commands

from bot.client import EditBot, attempt
from bot.errors import NotFound
from bot.services import Services
from cogs import _cards as cards
from cogs import _rights as rights
from cogs._components import ApproveButton, DeclineButton, NoButton, YesButton
from cogs._letters import parent_of
from storage.offers import Offer
from storage.records import Asker, Job

#: Discord waits three seconds for an answer to a press.
_PATIENCE: Final = 2.0


class AnswersCog(commands.Cog, name="Answers"):
    """The presses on questions."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._edits = services.edits

    @commands.Cog.listener()
    async def on_answer(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        """Take an answer."""
        await attempt(interaction, self._take(interaction, item))

    async def _take(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        match item:
            case YesButton():
                await self._yes(interaction, item.target, item.shown)
            case NoButton():
                offer = await self._edits.decline(item.target, rights.asker(interaction))
                await interaction.response.edit_message(view=cards.declined(offer), attachments=[])
            case ApproveButton():
                await self._approve(interaction, item.target)
            case DeclineButton():
                manager = await rights.budget_manager(interaction, self._services)
                await self._edits.refuse(item.target, manager=manager)
                await interaction.response.defer()  # the announcer changes the card
            case _:
                raise TypeError(f"no answer is known for {item!r}")

    async def _yes(self, interaction: discord.Interaction[EditBot], offer_id: int, shown: int | None) -> None:
        who = rights.asker(interaction)
        offer = await self._edits.offer(offer_id, who)
        await rights.check_references(interaction, self._services, offer.request)
        house = await self._services.houses.of(who.guild_id)
        job = await self._edits.accept(offer_id, who, shown=shown, safety=rights.safety(interaction, house))
        if isinstance(job, Offer):
            await self._ask_again(interaction, job, shown=offer.price if shown is None else shown)
            return
        if job.place.thread_id is not None or interaction.message is None:
            await interaction.response.defer()  # the question is the job's status card now, which the announcer owns
            return
        view = cards.starter(
            interaction.user.id,
            job.request,
            pictures=cards.attached(interaction.message),
            parent=await parent_of(self._edits, job.request.parent_id),
            here=False,
        )
        await interaction.response.edit_message(view=view)

    async def _ask_again(self, interaction: discord.Interaction[EditBot], offer: Offer, *, shown: int) -> None:
        """Ask once more: the price has risen since it was said."""
        price = await self._edits.price(offer.guild_id, offer.request)
        pictures = [] if interaction.message is None else cards.attached(interaction.message)
        await interaction.response.edit_message(view=cards.offer(offer, price, pictures=pictures, shown=shown))

    async def _approve(self, interaction: discord.Interaction[EditBot], job_id: int) -> None:
        manager = await rights.budget_manager(interaction, self._services)
        job = await self._edits.job(job_id)
        asker = await self._asker(interaction, job)
        house = await self._services.houses.of(manager.guild_id)
        safety = rights.safety_in(rights.guild(interaction).get_channel(job.place.channel_id), house)
        await self._edits.approve(job_id, manager=manager, asker=asker, safety=safety)
        await interaction.response.defer()  # the announcer changes the card

    async def _asker(self, interaction: discord.Interaction[EditBot], job: Job) -> Asker:
        """Return who asked for a job, with the roles and rights they have now. Raises NotFound for one who left."""
        if interaction.guild is None or job.user_id is None:
            raise NotFound("Whoever asked for this edit was forgotten: decline it.")
        try:
            async with asyncio.timeout(_PATIENCE):
                member = await interaction.guild.fetch_member(job.user_id)
        except discord.NotFound:
            raise NotFound("Whoever asked for this edit has left the server: decline it.") from None
        except TimeoutError as error:
            raise NotFound("Discord does not say right now who asked for this edit. Try again shortly.") from error
        return rights.member_in(job.place.channel_id, member)
