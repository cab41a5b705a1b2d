"""Which pictures a message shows, and whose they are: what the menus on messages begin with.

Discord hands a message over, with all it holds, only when somebody uses a menu on it; the bot cannot look it up later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

import discord
from discord import components

from bot.client import DISCORD_ERRORS
from bot.consents import Posted
from bot.errors import NoConsent, NotFound
from bot.services import Services
from cogs._patience import patience
from cogs._uploads import Upload
from storage.records import Origin, Reference

#: A message of Discord shows no more.
_MOST: Final = 10
#: Files that are pictures by their names, where Discord says nothing of their kind.
_ENDINGS: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp"})
_OF_DISCORD: Final = ("discordapp.com", "discordapp.net", "discord.com")


@dataclass(frozen=True, slots=True)
class Found:
    """One picture of a message: a file of it, a picture elsewhere that it shows, or one that is kept already."""

    name: str
    #: Where a file or a picture elsewhere is; a file of Discord's for a day or so.
    url: str = ""
    #: Whether it is a file of the message, which Discord has, and how many bytes it is said to have.
    is_file: bool = False
    size: int | None = None
    description: str | None = None
    #: The result that it is.
    result_id: int | None = None
    #: A file that came with an edit, and that the bot showed in its reply.
    reference: Reference | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """The pictures of a message, and who posted them: nobody where they are ours, whose authors are known."""

    pictures: tuple[Found, ...]
    posted: Posted | None


async def look(services: Services, interaction: discord.Interaction[Any], message: discord.Message) -> Message:
    """Return the pictures that a message shows.

    Raises:
        NotFound: it shows none, or none that can be taken from it; the sentence says what to do.
        NoConsent: it is a forwarded one, whose author Discord does not tell.
    """
    if message.author == interaction.client.user:
        return Message(await _ours(services, interaction.guild_id or 0, message), None)
    posted = _posted(message)
    shown: discord.Message | discord.MessageSnapshot = message
    if message.message_snapshots:
        shown, posted = message.message_snapshots[0], await _posted_first(interaction, message)
    pictures = tuple(_pictures(shown))[:_MOST]
    if not pictures:
        raise NotFound("That message shows no picture that I can take. To edit a file, give it to `/edit` as `image`.")
    return Message(pictures, posted)


def upload(
    services: Services, interaction: discord.Interaction[Any], option: str, found: Found, posted: Posted | None
) -> Upload:
    """Return a file, or a picture elsewhere, as something to be read."""
    if found.is_file:
        read = partial(interaction.client.http.get_from_cdn, found.url)
    else:
        read = partial(_fetched, services, option, found.url)
    return Upload(option, found.name, read, found.size, found.description, posted, own=False)


async def _fetched(services: Services, option: str, url: str) -> bytes:
    return (await services.links.fetch(option, url)).data


# a message of somebody -------------------------------------------------------------------------------------


def _posted(message: discord.Message) -> Posted:
    """Return who posted a message, and where: in a thread, or in a channel, where it may have one of its own."""
    channel = message.channel
    if isinstance(channel, discord.Thread):
        origin = Origin(channel.parent_id, channel.id)
    else:
        origin = Origin(channel.id, message.id)
    return Posted(message.author.id, int(message.created_at.timestamp() * 1000), origin)


async def _posted_first(interaction: discord.Interaction[Any], forwarded: discord.Message) -> Posted:
    """Return who posted what was forwarded: whoever forwards a picture has not made it theirs. Raises NoConsent."""
    source = forwarded.reference
    first = None
    if source is not None and source.guild_id == interaction.guild_id:
        channel = interaction.client.get_partial_messageable(source.channel_id, guild_id=source.guild_id)
        with suppress(*DISCORD_ERRORS):
            async with asyncio.timeout(patience(interaction)):
                first = await channel.fetch_message(source.message_id or 0)
    if first is None:
        raise NoConsent(
            "This picture was forwarded, and I cannot see who posted it first: use the menu on the message it came from, "
            "so that its author is asked."
        )
    return _posted(first)


def _pictures(message: discord.Message | discord.MessageSnapshot) -> Iterator[Found]:
    """Yield files, then what is embedded or shown from elsewhere; each once."""
    seen: set[str] = set()
    for found in (*_files(message.attachments), *_elsewhere(message)):
        if found.url not in seen:
            seen.add(found.url)
            yield found


def _files(attachments: Iterable[discord.Attachment]) -> Iterator[Found]:
    for file in attachments:
        kind, ending = file.content_type or "", PurePosixPath(file.filename).suffix.lower()
        if kind.startswith("image/") or (not kind and ending in _ENDINGS):
            yield Found(file.filename, file.url, is_file=True, size=file.size, description=file.description)


def _elsewhere(message: discord.Message | discord.MessageSnapshot) -> Iterator[Found]:
    """Yield what a message shows by a link.

    What lies on Discord itself and is no file of the message was posted by somebody else before, whom nobody could ask.
    """
    shown = [(media.url, None) for embed in message.embeds for media in (embed.image, embed.thumbnail)]
    for url, description in (*shown, *_media(message.components)):
        parts = urlsplit(url or "")
        host = (parts.hostname or "").lower()
        if parts.scheme == "https" and host and not host.endswith(_OF_DISCORD):
            yield Found(PurePosixPath(parts.path).name or "picture", url or "", description=description)


def _media(parts: Iterable[object]) -> Iterator[tuple[str | None, str | None]]:
    """Yield the addresses and alt texts of the pictures in a layout."""
    for part in parts:
        match part:
            case components.MediaGalleryComponent():
                yield from ((item.media.url, item.description) for item in part.items)
            case components.ThumbnailComponent():
                yield part.media.url, part.description
            case components.SectionComponent():
                yield from _media([part.accessory])
            case components.Container():
                yield from _media(part.children)
            case _:
                pass


# a message of ours -----------------------------------------------------------------------------------------


async def _ours(services: Services, guild_id: int, message: discord.Message) -> tuple[Found, ...]:
    """Return the results that a message of ours shows, or the files that came with the edit it is the reply to.

    What we draw of several pictures belongs to all their authors, so it is no picture to edit.
    """
    shown = await services.edits.results_of_message(message.channel.id, message.id)
    again = await services.lineage.shown_in(message.id)
    if again is not None:
        shown = [(await services.edits.result(again))[0]]
    usable = [Found(result.short_id, result_id=result.id) for result in shown if result.usable]
    if not usable:
        job = await services.edits.answered_by(guild_id, message.channel.id, message.id)
        files = [] if job is None else [one for one in job.request.references if one.result_id is None]
        usable = [Found(one.label, description=one.description, reference=one) for one in files]
    if not usable:
        raise NotFound(
            "That message of mine shows no single picture to edit. Use the menu on a message with a result, or name it in "
            "`from` of `/edit`."
        )
    return tuple(usable)
