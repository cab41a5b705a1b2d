"""What comes before a form about results opens: whether they may be edited, what that costs, and who else is at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import discord

from bot.claims import Others
from bot.client import DISCORD_ERRORS
from bot.errors import NoConsent, NotAllowed
from bot.options import MAX_REFERENCES, brought_within, reference_to, size_within
from bot.services import Services
from cogs import _forms as forms
from cogs import _rights as rights
from cogs._keeping import keep
from storage.records import EditRequest, Job, Price, Result


class Opening:
    """Opens the form to edit results, and knows what the other forms need, too."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._edits = services.edits

    async def edit(self, interaction: discord.Interaction[Any], pictures: Sequence[Result], like: Job) -> None:
        """Open the form to edit some of these results, filled with the words of ``like``, and tell others of it.

        Words are all that is taken from there: the settings are those that the picture was made with.
        """
        found = await self._free(interaction, await self.check(interaction, [picture.id for picture in pictures]))
        pictures = [result for result, _ in found]
        settings, changed = await self.within(found[0][1])
        prices = await self.prices(interaction, pictures[:1], settings)
        others = await self.claim(interaction, pictures[0])
        await interaction.response.send_modal(forms.edit(pictures, prices, like=like, others=others, changed=changed))

    async def check(self, interaction: discord.Interaction[Any], result_ids: Sequence[int]) -> list[tuple[Result, Job]]:
        """Return the results, their bytes at hand; refuse, before anybody types, what would be refused when it is sent."""
        _, thread_id = rights.where(interaction)
        await self._services.sessions.check_admitted(rights.asker(interaction), thread_id)
        found: list[tuple[Result, Job]] = []
        for result_id in result_ids:
            result, job = await self._edits.result(result_id)
            await rights.check_readable(interaction, result, job)
            found.append((await keep(self._services, interaction, result), job))
        return found

    async def within(self, job: Job) -> tuple[EditRequest, list[str]]:
        """Return what a job asked for as the server's rules allow it now, and what differs from that."""
        return brought_within(job.request, await self._services.houses.of(job.guild_id))

    async def prices(
        self, interaction: discord.Interaction[Any], pictures: Sequence[Result], like: EditRequest
    ) -> list[Price]:
        """Return what an edit of these results costs, and with one more picture, two more, as far as more may be."""
        references = [reference_to(picture, like) for picture in pictures]
        house = await self._services.houses.of(rights.asker(interaction).guild_id)
        width, height = size_within((references[0].width, references[0].height), house)
        like = replace(like, width=width, height=height, results=1, references=tuple(references))
        return await self.prices_with_more(interaction, like)

    async def prices_with_more(self, interaction: discord.Interaction[Any], request: EditRequest) -> list[Price]:
        """Return what a request costs as it is, and with one more picture, two more, as far as more may be."""
        given, guild_id = request.references, rights.asker(interaction).guild_id
        return [
            await self._edits.price(guild_id, replace(request, references=(*given, *[given[0]] * more)))
            for more in range(MAX_REFERENCES - len(given) + 1)
        ]

    async def claim(self, interaction: discord.Interaction[Any], result: Result) -> Others:
        """Tell others that somebody writes an edit, unless they do so where others cannot read; return what others do."""
        who, claims = rights.asker(interaction), self._services.claims
        hidden = isinstance(interaction.channel, discord.Thread) and interaction.channel.is_private()
        apart = hidden and interaction.channel_id != result.channel_id
        others = await (claims.others(who, result.id) if apart else claims.begin(who, result.id))
        return replace(others, running=tuple([job for job in others.running if await _sees(interaction, job)]))

    async def agreed(
        self, interaction: discord.Interaction[Any], result_ids: Sequence[int]
    ) -> list[tuple[Result, Job]]:
        """Return the results as :meth:`check` does, where this person may edit them all here. Raises NoConsent."""
        found = await self.check(interaction, result_ids)
        _, thread_id = rights.where(interaction)
        given = [reference_to(result, job.request) for result, job in found]
        await self._services.consents.check(rights.asker(interaction), thread_id, given)
        return found

    async def _free(
        self, interaction: discord.Interaction[Any], found: Sequence[tuple[Result, Job]]
    ) -> list[tuple[Result, Job]]:
        """Return those of some results that this person may edit here. Raises NoConsent where there is none."""
        _, thread_id = rights.where(interaction)
        free, refusal = list[tuple[Result, Job]](), NoConsent()
        for result, job in found:
            reference = reference_to(result, job.request)
            try:
                await self._services.consents.check(rights.asker(interaction), thread_id, [reference])
            except NoConsent as refused:
                refusal = refused
            else:
                free.append((result, job))
        if not free:
            raise refusal
        return free


async def _sees(interaction: discord.Interaction[Any], job: Job) -> bool:
    """Return whether the person can read where an edit was asked for; no, where Discord does not say."""
    try:
        return await rights.sees_job(interaction, job)
    except (NotAllowed, *DISCORD_ERRORS):
        return False
