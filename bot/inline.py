"""Pictures that came within what Runware said, in place of an address: checked and kept before a row names them.

They are in the picture store when the unit of work that records them begins. A crash between the two leaves bytes that
nobody names, which housekeeping removes, and Runware tells of the picture again.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final

from bot.copies import MAX_RESULT_BYTES
from bot.images import Refused
from bot.pictures import Pictures
from storage.records import Copy, Outcome, Success

_HEAD: Final = re.compile(r"data:image/[A-Za-z0-9.+-]+;base64,", re.ASCII)
#: Four characters are three bytes; and what stands before a data URI's bytes.
_LONGEST: Final = MAX_RESULT_BYTES // 3 * 4 + 100
#: What results are; a file that only can be decoded is none.
_MEDIA_TYPES: Final = frozenset({"image/jpeg", "image/png", "image/webp"})


async def keep(store: Pictures, said: Sequence[Outcome], known: AbstractSet[str]) -> list[Outcome]:
    """Return outcomes with each picture that came inline, or not at all, replaced by what became of it.

    Pictures that are ``known`` by their ``imageUUID`` are recorded already, and flagged ones are never kept: neither
    is looked at. They are done one after the other, so that not all are in memory twice.

    Raises:
        OutOfSpace, OutOfReach: the store takes nothing now. Nothing was recorded, so Runware tells of it again.
    """
    return [await _kept(store, one, known) if isinstance(one, Success) else one for one in said]


async def _kept(store: Pictures, success: Success, known: AbstractSet[str]) -> Success:
    if success.nsfw or success.image_uuid in known:
        return replace(success, inline=None)
    if success.inline is None:
        return success if success.url else replace(success, lost="gone")
    try:
        data = await asyncio.to_thread(_decode, success.inline)
        media_type, width, height = await store.describe(data)
        if media_type not in _MEDIA_TYPES:
            raise Refused("is no picture that Runware makes")  # noqa: TRY301 (one of three reasons, told once below)
    except Refused:
        return replace(success, inline=None, lost="not_a_picture")
    return replace(success, inline=None, copy=Copy(await store.put(data), media_type, width, height))


def _decode(text: str) -> bytes:
    if len(text) > _LONGEST:
        raise Refused("is too large")
    head = _HEAD.match(text)
    try:
        # Line breaks and the like are passed over: whether it is a picture is found out next.
        return base64.b64decode(text[head.end() :] if head else text)
    except ValueError:
        raise Refused("is no base64") from None
