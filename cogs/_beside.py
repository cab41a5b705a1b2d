"""Messages that show results beside their own: each is known, so that it goes when one of its results is taken down."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

import discord

from bot.services import Services


async def keep_track(services: Services, message: discord.Message, result_ids: Collection[int]) -> None:
    """Record which results a message shows that was posted just now.

    Until then nobody knew of it who takes results down: where one was taken down meanwhile, the message goes at once.
    """
    for result_id in result_ids:
        await services.lineage.shown(result_id, message.channel.id, message.id)
    found = [await services.edits.find(result_id) for result_id in result_ids]
    if not all(result.usable for result, _ in found):
        with suppress(discord.NotFound):  # it was known in time, and is gone
            await message.delete()
