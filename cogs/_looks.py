"""Shows one result to one person, with everything that can be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import discord

from bot.errors import NotFound
from bot.services import Services
from cogs import _look_cards as look_cards
from cogs import _rights as rights
from cogs import _words as words
from cogs._keeping import keep
from cogs._letters import Letter, compose_one
from cogs._look_cards import Look
from cogs._sight import Sight
from storage.lineage import Step
from storage.records import Job, Result


async def look(services: Services, interaction: discord.Interaction[Any], result_id: int) -> None:
    """Answer, to the person alone, with the card of a result; pressed on such a card, it takes the place of that.

    Raises:
        NotFound: there is no such picture in this server.
        NotAllowed: it stands in a channel that the person cannot read now.
    """
    result, job = await services.edits.find(result_id)
    await rights.check_readable(interaction, result, job)
    await acknowledge(interaction)
    letter = await _compose(services, interaction, result, job)
    await interaction.edit_original_response(view=letter.view, attachments=letter.files)


async def acknowledge(interaction: discord.Interaction[Any]) -> None:
    """Say that something comes; what only the presser sees is changed in place, and stands till then."""
    if on_look(interaction):
        await interaction.response.defer()
    else:
        await interaction.response.defer(ephemeral=True, thinking=True)


def on_look(interaction: discord.Interaction[Any]) -> bool:
    """Return whether a press came from such a card, or from a list of results that led away from one."""
    message = interaction.message
    if message is None or not message.flags.ephemeral:
        return False
    return any(isinstance(part, discord.Container) and part.id == look_cards.MARK for part in message.components)


async def _compose(services: Services, interaction: discord.Interaction[Any], result: Result, job: Job) -> Letter:
    with suppress(NotFound):  # the card says that it is lost
        result = await keep(services, interaction, result)
    family = await services.lineage.family(result.id)
    seen = await visible(Sight(interaction), family.children)
    post, files = await compose_one(services, job, result)
    siblings = [other for other in await services.edits.results(job.id) if other.usable and other.id != result.id]
    view = look_cards.look(
        Look(
            post,
            family.step,
            siblings,
            seen,
            hidden=len(family.children) - len(seen),
            earlier=family.earlier,
            address=words.address(job.guild_id, result),
            mine=job.user_id == interaction.user.id,
        )
    )
    return Letter(view, files)


async def visible(sight: Sight, steps: Sequence[Step]) -> list[Step]:
    """Return the results that a person may see, in their order."""
    return [step for step in steps if await sight.sees(step)]


def beside(message_id: int | None, results: Sequence[Result]) -> list[Result]:
    """Return the pictures that stand in a message of the edit that made them. Raises NotFound when all are gone."""
    usable = [result for result in results if result.usable]
    shown = [result for result in usable if result.message_id == message_id] or [
        result
        for result in usable
        if not result.message_id  # a kept message that only its asker sees
    ]
    if not shown:
        raise NotFound("The pictures of this message are gone.")
    return shown
