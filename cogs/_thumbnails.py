"""Pictures as small files, for cards that only their reader sees."""

from __future__ import annotations

import io
import logging
from typing import Final

import discord

from bot.errors import NotFound
from bot.images import Refused
from bot.services import Services
from storage.records import Reference

log = logging.getLogger(__name__)

_BOX: Final = (320, 320)


async def thumbnail(services: Services, reference: Reference, number: int, said: str) -> discord.File | None:
    """Return a picture as a small file, named by its number; ``None`` where its bytes are gone or damaged.

    ``said`` is its alt text.
    """
    try:
        data = await services.pictures.thumbnail(reference.sha256, _BOX)
    except (NotFound, Refused) as error:  # damaged on the disk since it was read
        log.warning("a picture cannot be shown small: %s", error)
        return None
    return discord.File(io.BytesIO(data), f"picture-{number}.jpg", description=said)
