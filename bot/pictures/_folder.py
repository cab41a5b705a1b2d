"""Pictures on the disk, by hash; every call blocks, so it is made from a thread."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from bot.errors import NotFound, OutOfSpace

log = logging.getLogger(__name__)

_HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Folder:
    """A folder of pictures, each in a file named by the SHA-256 of its bytes, as ``ab/abcdef...``.

    A file is written once, whole or not at all. Its thumbnails stand in ``thumbnails``, and go with it.
    """

    def __init__(self, folder: Path) -> None:
        """Keep pictures in ``folder``, made if absent."""
        self._folder = folder
        self._unfinished = folder / "tmp"
        self._thumbnails = folder / "thumbnails"
        self._unfinished.mkdir(parents=True, exist_ok=True)

    def free(self) -> int:
        """Return the bytes that are free on the folder's disk."""
        return shutil.disk_usage(self._folder).free

    def _path(self, sha256: str) -> Path:
        """Return where such a picture is. The pattern is what keeps a made-up hash inside the folder."""
        if not _HASH.fullmatch(sha256):
            raise _not_kept()
        return self._folder / sha256[:2] / sha256

    def put(self, data: bytes) -> str:
        """Keep the bytes and return their SHA-256. They are on the disk when this returns. Raises OutOfSpace."""
        sha256 = hashlib.sha256(data).hexdigest()
        path = self._path(sha256)
        with full_disk_in_words():
            if path.exists():
                os.utime(path)  # put again is put now, see older_than
            else:
                self._write(path, data)
            # A rename is durable only when its folder is; also when another thread has just made it.
            _sync(path.parent)
            _sync(self._folder)
        return sha256

    def _write(self, path: Path, data: bytes) -> None:
        handle, unfinished = tempfile.mkstemp(dir=self._unfinished)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            path.parent.mkdir(parents=True, exist_ok=True)
            Path(unfinished).replace(path)
        finally:
            Path(unfinished).unlink(missing_ok=True)

    def get(self, sha256: str) -> bytes:
        """Return the bytes of that hash; damaged ones are removed. Raises NotFound."""
        path = self._path(sha256)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise _not_kept() from None
        if hashlib.sha256(data).hexdigest() != sha256:
            log.error("a picture was damaged on the disk and is gone", extra={"action": "picture_damaged"})
            path.unlink(missing_ok=True)
            raise _not_kept()
        return data

    def holds(self, sha256: str, data: bytes) -> bool:
        """Return whether these bytes have that hash and are kept."""
        return hashlib.sha256(data).hexdigest() == sha256 and self._path(sha256).exists()

    def size(self, sha256: str) -> int:
        """Return how many bytes the picture of that hash has. Raises NotFound."""
        try:
            return self._path(sha256).stat().st_size
        except FileNotFoundError:
            raise _not_kept() from None

    def delete(self, sha256: str) -> None:
        """Remove the bytes of that hash and its thumbnails, if there are any."""
        self._path(sha256).unlink(missing_ok=True)
        for thumbnail in (self._thumbnails / sha256[:2]).glob(f"{sha256}-*"):
            thumbnail.unlink(missing_ok=True)

    def kept_thumbnail(self, sha256: str, box: tuple[int, int]) -> bytes | None:
        """Return the thumbnail that was made for a box, if it was."""
        with suppress(FileNotFoundError):
            return self._thumbnail_path(sha256, box).read_bytes()
        return None

    def keep_thumbnail(self, sha256: str, box: tuple[int, int], made: bytes) -> None:
        """Keep a thumbnail beside its picture."""
        path = self._thumbnail_path(sha256, box)
        with suppress(OSError):  # it is made again when it is wanted again
            self._write(path, made)
        if not self._path(sha256).exists():  # it was deleted meanwhile
            path.unlink(missing_ok=True)

    def _thumbnail_path(self, sha256: str, box: tuple[int, int]) -> Path:
        name = self._path(sha256).name
        return self._thumbnails / name[:2] / f"{name}-{box[0]}x{box[1]}.jpg"

    def older_than(self, before: float) -> list[str]:
        """Return the hashes of all pictures that were last put before a time, in seconds since the epoch."""
        found: list[str] = []
        for path in self._folder.glob("??/*"):
            with suppress(FileNotFoundError):  # it was deleted meanwhile
                if _HASH.fullmatch(path.name) and path.stat().st_mtime < before:
                    found.append(path.name)
        return found

    def sweep(self) -> None:
        """Remove what a crash left half-written; nothing takes an hour to write."""
        for path in self._unfinished.iterdir():
            with suppress(FileNotFoundError):  # it was finished meanwhile
                if path.stat().st_mtime < time.time() - 3600:
                    path.unlink()


@contextmanager
def full_disk_in_words() -> Generator[None]:
    """Turn a full disk into :class:`~bot.errors.OutOfSpace`."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise out_of_space() from error
        raise


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _not_kept() -> NotFound:
    return NotFound("I no longer have that picture; attach it again.")


def out_of_space() -> OutOfSpace:
    """Return the error that says there is no room for a picture."""
    return OutOfSpace(
        "My disk is nearly full, so I take no new edits for now. Please tell whoever runs me, then try again."
    )
