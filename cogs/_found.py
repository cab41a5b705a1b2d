"""Which pictures a message shows, and whose they are: what the menus on messages begin with.

Discord hands a message over, with all it holds, only when somebody uses a menu on it; the bot cannot look it up later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePosixPath
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import discord
from discord import components
from discord.abc import Messageable

from bot.client import DISCORD_ERRORS
from bot.consents import Posted
from bot.errors import NoConsent, NotAllowed, NotFound
from bot.links import is_discords
from bot.services import Services
from cogs import _rights as rights
from cogs._patience import patience
from cogs._uploads import Upload, linked, made_at
from storage.picks import Found
from storage.records import Origin

#: A message of Discord shows no more.
_MOST: Final = 10
#: Files that are pictures by their names, where Discord says nothing of their kind.
_ENDINGS: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp"})


@dataclass(frozen=True, slots=True)
class Message:
    """The pictures of a message, and who posted them: nobody where they are ours, whose authors are known."""

    pictures: tuple[Found, ...]
    posted: Posted | None
    #: The message itself; of a forwarded one, the message that it came from.
    first: discord.Message


async def look(services: Services, interaction: discord.Interaction[Any], message: discord.Message) -> Message:
    """Return the pictures that a message shows. Of a forwarded one, the first message says whose they are.

    Raises:
        NotFound: it shows none, or none that can be taken from it; the sentence says what to do.
        NoConsent: it is a forwarded one, whose author is not to be seen.
    """
    first = await _forwarded(interaction, message) if message.message_snapshots else message
    if first.author == interaction.client.user:
        return Message(await _ours(services, interaction.guild_id or 0, first), None, first)
    pictures = tuple(_pictures(message.message_snapshots[0] if message.message_snapshots else message))[:_MOST]
    if not pictures:
        raise NotFound("That message shows no picture that I can take. To edit a file, give it to `/edit` as `image`.")
    return Message(pictures, _posted(first), first)


def upload(
    services: Services, interaction: discord.Interaction[Any], option: str, found: Found, posted: Posted | None
) -> Upload:
    """Return a file, or a picture elsewhere, as something to be read. Raises BadPicture for an address that is refused."""
    if not found.is_file:
        # What a link led to when it was posted, nobody knows: so it takes nothing from whoever was seen with it before.
        now = None if posted is None else replace(posted, at=made_at(interaction))
        return linked(services, option, found.url, description=found.description, posted=now)
    read = partial(interaction.client.http.get_from_cdn, found.url)
    at = None if posted is None else replace(posted, at=max(posted.at, found.at))
    return Upload(option, found.name, read, found.size, found.description, at, own=False)


def origin_of(message: discord.Message) -> Origin:
    """Return where a message stands: in a thread, or in a channel, where it may have a thread of its own."""
    channel = message.channel
    return (
        Origin(channel.parent_id, channel.id) if isinstance(channel, discord.Thread) else Origin(channel.id, message.id)
    )


# a message of somebody -------------------------------------------------------------------------------------


def _posted(message: discord.Message) -> Posted:
    """Return who posted a message, where and when."""
    return Posted(message.author.id, made_at(message), origin_of(message))


async def _forwarded(interaction: discord.Interaction[Any], message: discord.Message) -> discord.Message:
    """Return the message that was forwarded: whoever forwards a picture has not made it theirs. Raises NoConsent.

    Who wrote it is told to those alone who can read it.
    """
    source, guild, first = message.reference, interaction.guild, None
    if source is not None and guild is not None and source.guild_id == guild.id:
        with suppress(NotAllowed, discord.InvalidData, *DISCORD_ERRORS):
            if await rights.can_read(interaction, source.channel_id, None):
                async with asyncio.timeout(patience(interaction)):
                    channel = guild.get_channel_or_thread(source.channel_id) or await guild.fetch_channel(
                        source.channel_id
                    )
                    if isinstance(channel, Messageable):
                        first = await channel.fetch_message(source.message_id or 0)
    if first is None or first.message_snapshots:
        raise NoConsent(
            "This picture was forwarded, and who posted it first is not to be seen from here: use the menu on the message it "
            "came from, so that its author is asked."
        )
    return first


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
            yield Found(
                file.filename,
                file.url,
                is_file=True,
                size=file.size,
                description=file.description,
                width=file.width,
                height=file.height,
                at=made_at(file),
            )


def _elsewhere(message: discord.Message | discord.MessageSnapshot) -> Iterator[Found]:
    """Yield what a message shows by a link.

    What lies on Discord itself and is no file of the message was posted by somebody else before, whom nobody could ask.
    """
    shown = [(media, None) for embed in message.embeds for media in (embed.image, embed.thumbnail)]
    for media, description in (*shown, *_media(message.components)):
        parts = urlsplit(media.url or "")
        host = (parts.hostname or "").lower()
        if parts.scheme == "https" and host and not is_discords(host):
            name = PurePosixPath(parts.path).name or "picture"
            yield Found(name, media.url or "", description=description, width=media.width, height=media.height)


class _Media(Protocol):
    """What embeds and layouts say of a picture."""

    @property
    def url(self) -> str | None: ...
    @property
    def width(self) -> int | None: ...
    @property
    def height(self) -> int | None: ...


def _media(parts: Iterable[object]) -> Iterator[tuple[_Media, str | None]]:
    """Yield the pictures in a layout, with their alt texts."""
    for part in parts:
        match part:
            case components.MediaGalleryComponent():
                yield from ((item.media, item.description) for item in part.items)
            case components.ThumbnailComponent():
                yield part.media, part.description
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
