"""Pictures in a folder of this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from bot.pictures._disk import Disk, full_disk_in_words
from bot.pictures._store import Kept, hash_of, key, not_kept


class Folder:
    """A :class:`~bot.pictures._store.Store` of files."""

    def __init__(self, disk: Disk) -> None:
        """Keep pictures in the disk's folder."""
        self._disk = disk

    def put(self, sha256: str, data: bytes) -> None:
        """Write the file, unless it is there as it should be. Raises OutOfSpace."""
        path = self._path(sha256)
        with full_disk_in_words():
            if path.is_file() and path.read_bytes() == data:
                os.utime(path)
            else:
                self._disk.write(path, data)
            # A rename is durable only when its folder is; also when another thread has just made it.
            _sync(path.parent)
            _sync(self._disk.folder)

    def get(self, sha256: str) -> bytes:
        """Read the file. Raises NotFound."""
        try:
            return self._path(sha256).read_bytes()
        except FileNotFoundError:
            raise not_kept() from None

    def stat(self, sha256: str) -> Kept:
        """Look at the file. Raises NotFound."""
        try:
            found = self._path(sha256).stat()
        except FileNotFoundError:
            raise not_kept() from None
        return Kept(sha256, found.st_size, found.st_mtime)

    def delete(self, sha256: str) -> None:
        """Remove the file, if there is one."""
        self._path(sha256).unlink(missing_ok=True)

    def entries(self) -> Iterator[Kept]:
        """Yield every file that is named like a picture."""
        for path in self._disk.folder.glob("??/*"):
            sha256 = hash_of(f"{path.parent.name}/{path.name}")
            if sha256 is not None:
                with suppress(FileNotFoundError):  # it was deleted meanwhile
                    found = path.stat()
                    yield Kept(sha256, found.st_size, found.st_mtime)

    def _path(self, sha256: str) -> Path:
        return self._disk.folder / key(sha256)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
