"""The bytes of old results. What nobody used for long is swept; the message that shows it has it still."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import discord

from bot import images
from bot.client import DISCORD_ERRORS
from bot.errors import NotFound, OutOfReach
from bot.images import Refused
from bot.services import Services
from cogs._cards import result_of
from cogs._patience import patience
from storage.records import Result

#: The store is given this long, in seconds, even where Discord has to be answered now.
_LEAST: Final = 0.5


async def renew(services: Services, interaction: discord.Interaction[Any], sha256: str) -> None:
    """Have a picture stay that is about to be used.

    Raises:
        NotFound: it is gone.
        OutOfReach: the store does not tell, or not in time.
    """
    try:
        async with asyncio.timeout(max(_LEAST, patience(interaction))):
            await services.edits.renew(sha256)
    except TimeoutError:
        raise OutOfReach("NoAnswer") from None


async def keep(services: Services, interaction: discord.Interaction[Any], result: Result) -> Result:
    """Return a result whose bytes are kept, read back from its message where they were swept.

    Raises:
        NotFound: they are gone there too, or Discord does not hand them out in time.
        OutOfReach: the store does not tell whether they are there.
    """
    if not result.usable or await _is_kept(services, interaction, result):
        return result
    try:
        async with asyncio.timeout(patience(interaction)):
            await services.edits.restore(result, await _read(interaction, result))
    except (*DISCORD_ERRORS, Refused) as error:
        raise NotFound(
            f"I no longer have {result.short_id}, and could not read it back from its message. "
            "Save it from there, and give it to `/edit` as `image`."
        ) from error
    restored, _ = await services.edits.result(result.id)
    return restored


async def _is_kept(services: Services, interaction: discord.Interaction[Any], result: Result) -> bool:
    try:
        await renew(services, interaction, result.sha256 or "")
    except NotFound:
        return False
    return True


async def _read(interaction: discord.Interaction[Any], result: Result) -> bytes:
    """Return the file of a result as its message has it. Raises NotFound, or what Discord answers."""
    gone = NotFound(f"I no longer have {result.short_id}, and its message is gone. Its recipe makes it again.")
    if result.channel_id is None or not result.message_id:
        raise gone
    channel = interaction.client.get_partial_messageable(result.channel_id, guild_id=interaction.guild_id)
    try:
        message = await channel.fetch_message(result.message_id)
    except discord.NotFound:
        raise gone from None
    for file in message.attachments:
        if result_of(file.filename) == str(result.id) and file.size <= images.MAX_BYTES:
            return await file.read()
    raise gone
