"""Files that come with requests: read from Discord, prepared, kept, and shown again with the reply."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import discord

from bot import images, links
from bot.client import DISCORD_ERRORS
from bot.consents import Posted
from bot.errors import BadPicture
from bot.images import Picture
from bot.services import Services
from cogs import _alt as alt
from cogs import _rights as rights
from cogs._letters import FILE_BYTES, REQUEST_BYTES
from cogs._smaller import smaller_file
from storage.records import Reference

#: What stands for a file that was not read yet, so that the other options can be checked before it is.
UNREAD: Final = Reference(sha256="", width=1024, height=1024, label="")
#: A file that takes longer, in seconds, is given up.
_READ_SECONDS: Final = 60


Read = Callable[[], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Bytes that are not at Discord: they may come slowly, and piece by piece."""

    fetch: Callable[[links.Keep], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture that is still to be read: what is said of it, and how its bytes are had."""

    #: The option it came in.
    option: str
    name: str
    read: Read | Elsewhere
    #: The bytes that it is said to have, where something is said.
    size: int | None = None
    #: The alt text that came with it, if any.
    description: str | None = None
    #: Who posted it, where somebody is known to have.
    posted: Posted | None = None
    #: Whether it counts as the giver's own where nobody is known to have posted it.
    own: bool = True
    #: The hash of a picture of ours that it may be, such as one saved from a message: then it goes as it is.
    sha256: str | None = None

    @classmethod
    def of(cls, option: str, file: discord.Attachment) -> Upload:
        """Return a file that came with a command or a form."""
        return cls(option, file.filename, file.read, file.size, file.description)


def linked(services: Services, option: str, url: str, **facts: Any) -> Upload:  # noqa: ANN401 (fields of Upload)
    """Return a picture elsewhere, by its address. Raises BadPicture where that is refused without being asked."""
    services.links.check(option, url)
    return Upload(option, links.name_of(url), Elsewhere(partial(services.links.fetch, option, url)), own=False, **facts)


@dataclass(frozen=True, slots=True)
class Attached:
    """A file as it was read: our reference to it, and how it is shown with the request."""

    reference: Reference
    picture: Picture


def check_claims(uploads: Sequence[Upload]) -> None:
    """Refuse files by what is said of them, before any is read. Raises BadPicture."""
    for upload in uploads:
        if upload.size is not None:
            images.check_claims(upload.option, upload.name, upload.size)


class Uploads:
    """Reads pictures, as many at a time as there is room for, and learns whose they are."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._pictures = services.pictures

    async def read(self, interaction: discord.Interaction[Any], upload: Upload) -> Attached:
        """Read a picture, prepare it and keep it; Discord has the files of a command for a short while only.

        Raises:
            BadPicture: it cannot be read, or is no picture to edit.
            OutOfSpace, OutOfReach: the store takes nothing now.
        """
        check_claims([upload])
        async with self._bytes(upload) as data:
            given = await asyncio.to_thread(_sha256, data)
            known = None if upload.sha256 is None else await self._pictures.known(upload.sha256, data)
            picture = known or await self._pictures.prepare(upload.option, upload.name, data)
        kept = await self._pictures.put(picture.data)
        await self._services.consents.learn(
            rights.asker(interaction), given, kept, upload.posted, own=upload.own, at=made_at(interaction)
        )
        reference = Reference(
            kept,
            picture.width,
            picture.height,
            upload.name,
            description=upload.description,
            laid_on=picture.laid_on,
        )
        return Attached(reference, picture)

    def _bytes(self, upload: Upload) -> AbstractAsyncContextManager[bytes]:
        """Have the bytes of a file in the block."""
        if isinstance(upload.read, Elsewhere):
            return self._pictures.fetched(upload.read.fetch)
        size = images.MAX_BYTES if upload.size is None else upload.size
        return self._pictures.file(size, partial(_from_discord, upload.option, upload.read))

    async def kept(self, reference: Reference) -> Attached:
        """Return a file that was read before, kept anew: from here on, a day passes until it is a stray. Raises NotFound."""
        data = await self._pictures.get(reference.sha256)
        await self._pictures.put(data)
        media_type, width, height = await self._pictures.describe(data)
        return Attached(reference, Picture(data, media_type, width, height))

    async def shown(self, guild_id: int, attached: Mapping[int, Attached], pictures: int) -> list[discord.File]:
        """Return files as one message shows them: together they are no larger than Discord takes.

        Args:
            guild_id: the server in which they are shown.
            attached: the files, by their numbers among the pictures of the request.
            pictures: how many the request has; one alone is not numbered.
        """
        limit = min(FILE_BYTES, REQUEST_BYTES // max(1, len(attached)))
        return [
            await self._file(
                guild_id, number, one, limit, alt.of_reference(one.reference, number if pictures > 1 else None)
            )
            for number, one in attached.items()
        ]

    async def _file(self, guild_id: int, number: int, attached: Attached, limit: int, said: str) -> discord.File:
        picture = attached.picture
        if len(picture.data) > limit:
            picture = await smaller_file(self._services, guild_id, attached.reference, picture, limit)
        extension = picture.media_type.removeprefix("image/").replace("jpeg", "jpg")
        return discord.File(io.BytesIO(picture.data), f"reference-{number}.{extension}", description=said)


async def _from_discord(option: str, read: Read) -> bytes:
    try:
        async with asyncio.timeout(_READ_SECONDS):
            return await read()
    except DISCORD_ERRORS as error:
        raise BadPicture(option, f"`{option}` could not be read from Discord; give it again.") from error


def made_at(thing: discord.abc.Snowflake) -> int:
    """Return when Discord made something, in milliseconds since the epoch.

    Who had a picture first is a question to one clock alone, which is not ours.
    """
    return int(discord.utils.snowflake_time(thing.id).timestamp() * 1000)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
