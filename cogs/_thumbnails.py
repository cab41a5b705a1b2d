"""Pictures as small files, for cards that only their reader sees."""

from __future__ import annotations

import io
import logging
from typing import Final

import discord

from bot.errors import NotFound
from bot.images import Refused
from bot.services import Services
from cogs import _words as words
from storage.records import Reference

log = logging.getLogger(__name__)

_BOX: Final = (320, 320)
#: Discord's bound for an alt text.
_ALT: Final = 1024


async def thumbnail(services: Services, reference: Reference, number: int) -> discord.File | None:
    """Return a picture as a small file, named by its number; ``None`` where its bytes are gone or damaged."""
    try:
        data = await services.pictures.thumbnail(reference.sha256, _BOX)
    except (NotFound, Refused) as error:  # damaged on the disk since it was read
        log.warning("a picture cannot be shown small: %s", error)
        return None
    alt = reference.description or f"A picture to start from: {reference.label}"
    return discord.File(io.BytesIO(data), f"picture-{number}.jpg", description=words.cut(alt, _ALT))
