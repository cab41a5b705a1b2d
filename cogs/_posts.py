"""Posting with the bot's own token: once, also where a crash or an error leaves it unknown whether a post went through."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import discord
from discord.abc import Messageable

from bot.client import EditBot

#: Discord's code for a message older than an hour that was edited too often of late: it may be posted anew.
TOO_OFTEN: Final = 30046
#: Discord's code for a change in a thread that is archived: the next post wakes it.
ARCHIVED: Final = 50083

#: How far back a message of ours is looked for.
_LOOK_BACK: Final = 50
_NOT_READY: Final = 0.05
#: Of what Discord refuses, these may pass: the token is being changed, or there is too much at once.
_PASSING: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


async def ready(get_bot: Callable[[], EditBot]) -> EditBot:
    """Return the bot of the moment, once it is connected."""
    # A client that was closed is replaced by another and never becomes ready again: nothing to wait for but the clock.
    while not (bot := get_bot()).is_ready():  # noqa: ASYNC110
        await asyncio.sleep(_NOT_READY)
    return bot


def nonce(*key: object) -> str:
    """Return the key by which Discord drops a repeated post for some minutes: the same for the same message there."""
    return hashlib.sha256("/".join(map(str, key)).encode()).hexdigest()[:24]


def passing(error: discord.HTTPException) -> bool:
    """Return whether what Discord answered may pass, so that another try makes sense."""
    return error.status >= HTTPStatus.INTERNAL_SERVER_ERROR or error.status in _PASSING


async def own_message(bot: EditBot, channel: Messageable, number: int) -> discord.Message | None:
    """Return our message whose card has this component id, out of the last ones of a channel."""
    try:
        async for message in channel.history(limit=_LOOK_BACK):
            if message.author == bot.user and carries(message, number):
                return message
    except (discord.Forbidden, discord.NotFound):
        return None
    return None


def carries(message: discord.Message, number: int) -> bool:
    """Return whether a message has a card with this component id."""
    return any(isinstance(part, discord.Container) and part.id == number for part in message.components)
