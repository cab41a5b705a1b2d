"""Who reads a channel or thread, and whether those of one place can all read another."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final, TypeAlias

import discord
from discord.abc import GuildChannel

from bot.client import DISCORD_ERRORS
from cogs._posts import passing

#: What it takes to see a message in a channel.
_READING: Final = discord.Permissions(view_channel=True, read_message_history=True)
_MAY_BE_RESTRICTED: Final = (discord.TextChannel, discord.VoiceChannel, discord.StageChannel, discord.ForumChannel)
#: For so long Discord is asked for a channel, in seconds: it waits three for an answer to a press.
_PATIENCE: Final = 1.5

_UNKNOWN: Final = "I cannot tell who reads the place where it stands"
_PRIVATE: Final = "it stands in a private thread, and others read this place"
_YOUNGER: Final = "it stands in an age-restricted channel, and this one is not"
_WIDER: Final = "some who read this place may not read the channel where it stands"

#: A role or member, with what its overwrite allows and denies it of :data:`_READING`.
Rule: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Audience:
    """Who reads a place, as far as its channel tells. Members are not counted: rules alone decide."""

    #: The channel; for a thread, its parent.
    channel_id: int
    #: The private thread, where the place is one: only those in it, and moderators, read it.
    private_thread_id: int | None = None
    #: Every member reads the channel, and no role or member is shut out of it.
    everyone: bool = False
    age_restricted: bool = False
    #: What the channel says of reading.
    rules: frozenset[Rule] = frozenset()


def refusal(here: Audience | None, source: Audience | None) -> str | None:
    """Say why what stands in one place must not be shown in another one; ``None``: it may be.

    It may where nobody reads ``here`` who cannot read ``source``. ``None`` is a place of which nothing is known.
    """
    if here is None or source is None:
        return _UNKNOWN
    if source.private_thread_id is not None:
        return None if here.private_thread_id == source.private_thread_id else _PRIVATE
    # Whoever is in a private thread reads its parent, so as a place to show things it counts as that.
    if here.channel_id == source.channel_id:
        return None
    if source.age_restricted and not here.age_restricted:
        return _YOUNGER
    return None if source.everyone or here.rules == source.rules else _WIDER


async def audience_of(guild: discord.Guild, channel_id: int) -> Audience | None:
    """Return who reads a channel or thread of a server; ``None`` where Discord does not tell now."""
    try:
        return await fetch_audience(guild, channel_id)
    except DISCORD_ERRORS:
        return None


async def fetch_audience(guild: discord.Guild, channel_id: int) -> Audience | None:
    """Return who reads a channel or thread of a server; ``None`` where Discord does not tell, now or later.

    Raises:
        discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError: another try may tell.
    """
    try:
        async with asyncio.timeout(_PATIENCE):
            return audience(guild.get_channel_or_thread(channel_id) or await guild.fetch_channel(channel_id))
    except discord.InvalidData:  # a direct message
        return None
    except discord.HTTPException as error:
        if passing(error):
            raise
        return None


def audience(place: object) -> Audience | None:
    """Return who reads a channel or thread; ``None`` for anything else, and for a thread whose parent is not known."""
    channel = place.parent if isinstance(place, discord.Thread) else place
    if not isinstance(channel, GuildChannel):
        return None
    rules = _rules(channel)
    everybody = channel.guild.default_role
    shut_out = any(denied for who, _, denied in rules if who != everybody.id)
    return Audience(
        channel.id,
        place.id if isinstance(place, discord.Thread) and place.is_private() else None,
        everyone=channel.permissions_for(everybody) >= _READING and not shut_out,
        age_restricted=isinstance(channel, _MAY_BE_RESTRICTED) and channel.nsfw,
        rules=rules,
    )


def _rules(channel: GuildChannel) -> frozenset[Rule]:
    pairs = ((target.id, *overwrite.pair()) for target, overwrite in channel.overwrites.items())
    rules = ((who, (allowed & _READING).value, (denied & _READING).value) for who, allowed, denied in pairs)
    return frozenset((who, allowed, denied) for who, allowed, denied in rules if allowed or denied)
