"""What a place for pictures has to do, and how a picture is named there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from bot.errors import NotFound

_HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Kept(NamedTuple):
    """A picture as the store has it."""

    sha256: str
    #: In bytes.
    size: int
    #: When it was put last, in seconds since the epoch.
    put_at: float


class Store(Protocol):
    """Bytes by their hash. Every call blocks, so it is made from a thread.

    What cannot be reached for the moment raises :class:`~bot.errors.OutOfReach`, never NotFound.
    """

    def put(self, sha256: str, data: bytes) -> None:
        """Keep the bytes, whole or not at all. They are durable when this returns; put again is put now.

        Raises OutOfSpace.
        """
        ...

    def get(self, sha256: str) -> bytes:
        """Return what is kept under the hash, whatever it is. Raises NotFound."""
        ...

    def stat(self, sha256: str) -> Kept:
        """Return what is kept under the hash, without its bytes. Raises NotFound."""
        ...

    def delete(self, sha256: str) -> None:
        """Remove what is kept under the hash, if there is anything."""
        ...

    def entries(self) -> Iterator[Kept]:
        """Yield everything that is kept."""
        ...


def key(sha256: str) -> str:
    """Return the name of a picture, ``ab/abcdef...``: the same in every store, so that any tool moves them.

    The pattern is what keeps a made-up hash inside the store. Raises NotFound.
    """
    if not _HASH.fullmatch(sha256):
        raise not_kept()
    return f"{sha256[:2]}/{sha256}"


def hash_of(name: str) -> str | None:
    """Return the hash that a name of :func:`key` holds; ``None`` for any other name."""
    sha256 = name.rpartition("/")[2]
    return sha256 if _HASH.fullmatch(sha256) and name == key(sha256) else None


def not_kept() -> NotFound:
    """Return the error that says there is no such picture."""
    return NotFound("I no longer have that picture; attach it again.")
