"""The pictures the service has made, and the pictures it is shown as references."""

from __future__ import annotations

import base64
import binascii
import io
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import aiohttp
from PIL import Image, ImageOps

from playground.runware.problems import Problem, Refused

#: Pixels of the largest reference that is decoded; a larger one is taken for a bomb.
MAX_PIXELS: Final = 64_000_000
#: Pixels to which a reference's longer side is reduced (section 12: images are stored at most so large).
LONGEST_SIDE: Final = 2048
#: Bytes of the largest reference that is downloaded.
MAX_DOWNLOAD: Final = 64 * 2**20

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_FETCH_TIMEOUT: Final = aiohttp.ClientTimeout(total=5)


@dataclass(frozen=True, slots=True)
class Picture:
    """One file."""

    data: bytes
    media_type: str
    #: When its URL dies, in seconds of the gallery's clock, or ``None`` for never.
    expires: float | None = None


class Gallery:
    """Pictures by UUID. The newest ``limit`` are kept, and no more than ``max_bytes``."""

    def __init__(
        self, limit: int, *, max_bytes: int = 512 * 2**20, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pictures: OrderedDict[str, Picture] = OrderedDict()
        self._limit = limit
        self._left = max_bytes
        self._clock = clock

    def __len__(self) -> int:
        return len(self._pictures)

    def add(self, uuid: str, data: bytes, media_type: str, ttl: int | None = None) -> None:
        """Keep a picture; after ``ttl`` seconds (section 2) it is gone."""
        expires = None if ttl is None else self._clock() + ttl
        self._pictures[uuid] = Picture(data, media_type, expires)
        self._left -= len(data)
        while len(self._pictures) > self._limit or (self._left < 0 and len(self._pictures) > 1):
            _, forgotten = self._pictures.popitem(last=False)
            self._left += len(forgotten.data)

    def get(self, uuid: str) -> Picture | None:
        """Return the picture, unless it was never here, is forgotten, or its time is over."""
        picture = self._pictures.get(uuid)
        if picture is None or (picture.expires is not None and self._clock() >= picture.expires):
            return None
        return picture

    def remove(self, uuid: str) -> bool:
        """Forget a picture; returns whether it was here."""
        removed = self._pictures.pop(uuid, None)
        self._left += 0 if removed is None else len(removed.data)
        return removed is not None


async def read_reference(reference: str, gallery: Gallery, session: aiohttp.ClientSession) -> bytes:
    """Return a reference's bytes, given as UUID, URL, data URI or base64 (section 2).

    Raises :class:`Refused` with ``failedToTransferImage`` (section 8) when they cannot be had.
    """
    if _UUID.fullmatch(reference):
        picture = gallery.get(reference.lower())
        if picture is None:
            raise _not_transferred("No image of that UUID is stored.")
        return picture.data
    if reference.startswith(("http://", "https://")):
        return await _download(reference, session)
    try:
        encoded = reference.partition(",")[2] if reference.startswith("data:") else reference
        return base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise _not_transferred("The base64 is not complete.") from None


async def _download(url: str, session: aiohttp.ClientSession) -> bytes:
    data = bytearray()
    try:
        async with session.get(url, timeout=_FETCH_TIMEOUT) as reply:
            if reply.status != HTTPStatus.OK:
                raise _not_transferred(f"The URL answered {reply.status}.")
            async for chunk in reply.content.iter_chunked(2**16):
                data += chunk
                if len(data) > MAX_DOWNLOAD:
                    raise _not_transferred("The URL answered with too much.")
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise _not_transferred(f"The URL could not be fetched: {type(error).__name__}.") from None
    return bytes(data)


def _not_transferred(words: str) -> Refused:
    return Refused(Problem("failedToTransferImage", words, "inputs.referenceImages"))


def decode(data: bytes, size: tuple[int, int]) -> Image.Image:
    """Decode a reference into an upright RGB image, with at most twice the pixels per side that the size needs.

    Transparent parts become white. Blocking; raises :class:`Refused` with ``invalidReferenceImages``.
    """
    try:
        image = Image.open(io.BytesIO(data))
        if image.width * image.height > MAX_PIXELS:
            raise _not_readable("too large")
        image.draft("RGB", (2 * size[0], 2 * size[1]))
        image = ImageOps.exif_transpose(image)
        image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.BICUBIC, reducing_gap=2.0)
        if image.has_transparency_data:
            ground = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(ground, image.convert("RGBA"))
        return image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        # The warning is raised where warnings are errors; elsewhere the header's size decides, above.
        raise _not_readable("not a picture that can be decoded") from None


def _not_readable(words: str) -> Refused:
    return Refused(Problem("invalidReferenceImages", f"A reference is {words}.", "inputs.referenceImages"))
