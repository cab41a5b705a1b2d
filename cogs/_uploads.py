"""Files that come with requests: read from Discord, prepared, kept, and shown again with the reply."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import discord

from bot import images
from bot.client import DISCORD_ERRORS
from bot.errors import BadPicture
from bot.images import Picture
from bot.pictures import Pictures
from cogs._letters import FILE_BYTES, REQUEST_BYTES
from storage.records import Reference

#: What stands for a file that was not read yet, so that the other options can be checked before it is.
UNREAD: Final = Reference(sha256="", width=1024, height=1024, label="")
#: A file that takes longer, in seconds, is given up.
_READ_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with a request, and the option it came in."""

    option: str
    file: discord.Attachment
    #: The hash of a picture of ours that it may be, such as one saved from a message: then it goes as it is.
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Attached:
    """A file as it was read: our reference to it, and how it is shown with the request."""

    reference: Reference
    picture: Picture


def check_claims(uploads: Sequence[Upload]) -> None:
    """Refuse files by what is said of them, before any is read. Raises BadPicture."""
    for upload in uploads:
        images.check_claims(upload.option, upload.file.filename, upload.file.size)


class Uploads:
    """Reads files, as many at a time as there is room for."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures

    async def read(self, upload: Upload) -> Attached:
        """Read a file, prepare it and keep it; Discord has those of a command for a short while only.

        Raises:
            BadPicture: it cannot be read, or is no picture to edit.
            OutOfSpace: the disk is full.
        """
        name = upload.file.filename
        images.check_claims(upload.option, name, upload.file.size)
        async with self._pictures.file(upload.file.size, partial(_bytes, upload)) as data:
            known = None if upload.sha256 is None else await self._pictures.known(upload.sha256, data)
            picture = known or await self._pictures.prepare(upload.option, name, data)
        sha256 = await self._pictures.put(picture.data)
        description = upload.file.description
        return Attached(Reference(sha256, picture.width, picture.height, name, description=description), picture)

    async def kept(self, reference: Reference) -> Attached:
        """Return a file that was read before, kept anew: from here on, a day passes until it is a stray. Raises NotFound."""
        data = await self._pictures.get(reference.sha256)
        await self._pictures.put(data)
        media_type, width, height = await self._pictures.describe(data)
        return Attached(reference, Picture(data, media_type, width, height))

    async def shown(self, attached: Sequence[Attached]) -> list[discord.File]:
        """Return files as one message shows them: together they are no larger than Discord takes."""
        limit = min(FILE_BYTES, REQUEST_BYTES // max(1, len(attached)))
        return [await self._file(number, one, limit) for number, one in enumerate(attached, 1)]

    async def _file(self, number: int, attached: Attached, limit: int) -> discord.File:
        picture = attached.picture
        if len(picture.data) > limit:
            picture = await self._pictures.fit(picture.data, picture.media_type, limit)
        alt = attached.reference.description or f"A picture to start from: {attached.reference.label}"
        extension = picture.media_type.removeprefix("image/").replace("jpeg", "jpg")
        return discord.File(io.BytesIO(picture.data), f"reference-{number}.{extension}", description=alt[:1024])


async def _bytes(upload: Upload) -> bytes:
    try:
        async with asyncio.timeout(_READ_SECONDS):
            return await upload.file.read()
    except DISCORD_ERRORS as error:
        raise BadPicture(
            upload.option, f"`{upload.option}` could not be read from Discord; attach it again."
        ) from error
