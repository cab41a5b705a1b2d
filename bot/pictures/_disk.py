"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from bot.errors import OutOfSpace


class Disk:
    """A folder, and what is half-written in it: that stands in ``tmp`` until it is whole."""

    def __init__(self, folder: Path) -> None:
        """Use ``folder``, made if absent."""
        self.folder = folder
        self._unfinished = folder / "tmp"
        self._unfinished.mkdir(parents=True, exist_ok=True)

    def free(self) -> int:
        """Return the bytes that are free on the folder's disk."""
        return shutil.disk_usage(self.folder).free

    def write(self, path: Path, data: bytes) -> None:
        """Write a file of the folder. Its bytes are on the disk when this returns; its name may not be."""
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

    def nameless(self) -> BinaryIO:
        """Return a new file that is gone once it is closed, also by a crash."""
        return tempfile.TemporaryFile(dir=self._unfinished)

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


def out_of_space() -> OutOfSpace:
    """Return the error that says there is no room for a picture."""
    return OutOfSpace(
        "My disk is nearly full, so I take no new edits for now. Please tell whoever runs me, then try again."
    )
