"""The names of members, for drawings and files: these know no mentions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final

import discord

from bot.client import DISCORD_ERRORS

#: How long Discord may take to tell the names of members, in seconds.
_PATIENCE: Final = 2.0


async def members(guild: discord.Guild, user_ids: Iterable[int]) -> Mapping[int, str | None]:
    """Return the names of members, as far as Discord tells them in time; ``None`` for those who left."""
    found: dict[int, str | None] = {}

    async def ask(user_id: int) -> None:
        with suppress(*DISCORD_ERRORS):  # what is drawn or written goes out without a name
            try:
                found[user_id] = (await guild.fetch_member(user_id)).display_name
            except discord.NotFound:
                found[user_id] = None

    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE), asyncio.TaskGroup() as group:
            for user_id in dict.fromkeys(user_ids):
                group.create_task(ask(user_id))
    return found
