"""What holds for the bytes of pictures in whatever store they are."""

from __future__ import annotations

import hashlib
import logging
import secrets
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from bot.errors import NotFound, OutOfReach
from bot.pictures._store import Store, key, not_kept
from bot.pictures._thumbnails import Thumbnails

log = logging.getLogger(__name__)

#: What is done about one picture waits for one lock of so many, by the first two digits of its hash.
_LOCKS: Final = 256
#: By so many digits of their hashes, pictures that are kept are told from those that are not.
_DIGITS: Final = 5


@dataclass
class Inventory:
    """What a store holds."""

    #: How many pictures, and how many bytes they have together.
    pictures: int = 0
    size: int = 0
    #: The sizes of the pictures that were put last before the time that was asked about, by hash.
    old: dict[str, int] = field(default_factory=dict[str, int])


class Keeper:
    """Puts bytes into a store under their hash, and hands none out that have another.

    Whoever puts a picture has time to write down the row that names it, because :meth:`discard` spares what was put
    lately. For that, putting and removing one picture exclude each other. One process does both.
    """

    def __init__(self, store: Store, thumbnails: Thumbnails) -> None:
        self._store = store
        self._thumbnails = thumbnails
        self._locks = [Lock() for _ in range(_LOCKS)]

    def put(self, data: bytes) -> str:
        """Keep the bytes and return their SHA-256."""
        sha256 = _hash(data)
        with self._lock(sha256):
            self._store.put(sha256, data)
        return sha256

    def get(self, sha256: str) -> bytes:
        """Return the bytes of that hash; damaged ones are removed. Raises NotFound."""
        data = self._store.get(sha256)
        return data if _hash(data) == sha256 else self._get_again(sha256)

    def _get_again(self, sha256: str) -> bytes:
        """Look once more while nobody puts it, so that nothing is removed which has just been put in order."""
        with self._lock(sha256):
            data = self._store.get(sha256)
            if _hash(data) == sha256:
                return data
            log.error("a picture was damaged in the store and is gone", extra={"action": "picture_damaged"})
            self._delete(sha256)
        raise not_kept()

    def size(self, sha256: str) -> int:
        """Return how many bytes the picture of that hash has. Raises NotFound."""
        return self._store.stat(sha256).size

    def holds(self, sha256: str, data: bytes) -> bool:
        """Return whether these bytes have that hash and are kept."""
        return _hash(data) == sha256 and self._is_kept(sha256)

    def delete(self, sha256: str) -> None:
        """Remove the bytes of that hash and its thumbnails, if there are any."""
        with self._lock(sha256):
            self._delete(sha256)

    def discard(self, sha256: str, before: float) -> bool:
        """Remove a picture unless it was put since a time, in seconds since the epoch; returns whether this did."""
        with self._lock(sha256):
            try:
                if self._store.stat(sha256).put_at >= before:
                    return False
            except NotFound:
                return False
            self._delete(sha256)
        return True

    def keep_thumbnail(self, sha256: str, box: tuple[int, int], made: bytes) -> None:
        """Keep a thumbnail for as long as its picture."""
        self._thumbnails.put(sha256, box, made)
        try:
            if not self._is_kept(sha256):  # it was deleted meanwhile
                self._thumbnails.delete(sha256)
        except OutOfReach:
            self._thumbnails.delete(sha256)

    def inventory(self, before: float) -> Inventory:
        """Count everything, and tell what was put last before a time, in seconds since the epoch.

        The thumbnails of what is not there go: a crash may have left them, or the store removed their picture by itself.
        """
        found, marks = Inventory(), _Marks()
        for kept in self._store.entries():
            marks.add(kept.sha256)
            found.pictures += 1
            found.size += kept.size
            if kept.put_at < before:
                found.old[kept.sha256] = kept.size
        for sha256 in self._thumbnails.hashes():
            if sha256 not in marks:
                self._sweep_thumbnails(sha256)
        return found

    def _sweep_thumbnails(self, sha256: str) -> None:
        """Remove the thumbnails of a picture that was not there, unless it was put meanwhile."""
        with self._lock(sha256):
            if not self._is_kept(sha256):
                self._thumbnails.delete(sha256)

    def _is_kept(self, sha256: str) -> bool:
        try:
            self._store.stat(sha256)
        except NotFound:
            return False
        return True

    def _delete(self, sha256: str) -> None:
        self._store.delete(sha256)
        self._thumbnails.delete(sha256)

    def _lock(self, sha256: str) -> Lock:
        return self._locks[int(key(sha256)[:2], 16)]


class _Marks:
    """Which hashes were seen, in a megabyte for however many: some others look as if they had been.

    By five digits of a hash, each time at another place, so that what looks so once does not the next time.
    """

    def __init__(self) -> None:
        self._place = secrets.randbelow(64 - _DIGITS + 1)
        self._seen = bytearray(16**_DIGITS)

    def add(self, sha256: str) -> None:
        self._seen[self._mark(sha256)] = 1

    def __contains__(self, sha256: str) -> bool:
        return bool(self._seen[self._mark(sha256)])

    def _mark(self, sha256: str) -> int:
        return int(sha256[self._place : self._place + _DIGITS], 16)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
