"""Pictures brought to a size in which they can be posted.

These are other bytes, so whose they are is recorded: whoever saves such a picture and gives it as a file gives those.
"""

from __future__ import annotations

import asyncio
import hashlib

from bot.images import Picture
from bot.services import Services
from storage.records import Reference, Result


async def smaller_result(services: Services, result: Result, data: bytes, limit: int) -> Picture:
    """Return a result, given its bytes, in at most ``limit`` of them, as :meth:`bot.pictures.Pictures.fit` does."""
    picture = await services.pictures.fit(data, result.media_type or "image/png", limit)
    if len(picture.data) != len(data):
        await services.consents.copied_result(result.id, await asyncio.to_thread(_sha256, picture.data))
    return picture


async def smaller_file(
    services: Services, guild_id: int, reference: Reference, picture: Picture, limit: int
) -> Picture:
    """Return a file that was given in a server in at most ``limit`` bytes; see :func:`smaller_result`."""
    made = await services.pictures.fit(picture.data, picture.media_type, limit)
    if len(made.data) != len(picture.data):
        to = await asyncio.to_thread(_sha256, made.data)
        await services.consents.copied_file(guild_id, reference.sha256, to)
    return made


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
