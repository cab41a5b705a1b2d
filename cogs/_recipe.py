"""Shows the recipe of a result to one person."""

from __future__ import annotations

import io
from typing import Any

import discord

from bot import recipes
from bot.services import Services
from cogs import _asides as asides
from cogs import _rights as rights


async def show_recipe(services: Services, interaction: discord.Interaction[Any], result_id: int) -> None:
    """Answer, to the person alone, with the recipe of a result; also of one that was lost, since it makes it again.

    Raises:
        NotFound: there is no such picture in this server, or it was taken down or withheld.
        NotAllowed: it stands in a channel that the person cannot read now.
    """
    result, job = await services.edits.find(result_id)
    await rights.check_readable(interaction, result, job)
    if result.deleted_at is not None or result.nsfw:
        await services.edits.result(result_id)  # says which of the two
    text, name = recipes.write(job.request, result), f"recipe-{result.id}.json"
    file = discord.File(io.BytesIO(text.encode()), name)
    view = asides.recipe(job.request, result, text, name)
    await interaction.response.send_message(view=view, file=file, ephemeral=True)
