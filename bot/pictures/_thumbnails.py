"""Thumbnails that were made: a cache on this machine's disk, wherever the pictures are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from bot.pictures._disk import Disk
from bot.pictures._store import hash_of, key


class Thumbnails:
    """The folder ``thumbnails`` of a disk. Every call blocks, so it is made from a thread."""

    def __init__(self, disk: Disk) -> None:
        """Keep thumbnails in the disk's folder."""
        self._disk = disk
        self._folder = disk.folder / "thumbnails"

    def get(self, sha256: str, box: tuple[int, int]) -> bytes | None:
        """Return the thumbnail that was made for a box, if it was."""
        with suppress(FileNotFoundError):
            return self._path(sha256, box).read_bytes()
        return None

    def put(self, sha256: str, box: tuple[int, int], made: bytes) -> None:
        """Keep a thumbnail, if there is room."""
        with suppress(OSError):  # it is made again when it is wanted again
            self._disk.write(self._path(sha256, box), made)

    def hashes(self) -> Iterator[str]:
        """Yield the hash of the picture of each thumbnail."""
        for path in self._folder.glob("??/*-*"):
            sha256 = hash_of(f"{path.parent.name}/{path.name.partition('-')[0]}")
            if sha256 is not None:
                yield sha256

    def delete(self, sha256: str) -> None:
        """Remove the thumbnails of a picture."""
        name = self._folder / key(sha256)
        for thumbnail in name.parent.glob(f"{name.name}-*"):
            thumbnail.unlink(missing_ok=True)

    def _path(self, sha256: str, box: tuple[int, int]) -> Path:
        return self._folder / f"{key(sha256)}-{box[0]}x{box[1]}.jpg"
