"""The bytes of references and results, by hash; and the work on them, off the loop and bounded.

A picture is kept in a file named by the SHA-256 of its bytes, as ``ab/abcdef...``. It is written once, whole or not at
all, and is on the disk when :meth:`Pictures.put` returns, so a row that names it can be committed next. Its thumbnails
stand in ``thumbnails``, and go with it.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, ParamSpec, Self, TypeVar

from bot import _apart, images
from bot.errors import NotFound, OutOfSpace
from bot.images import Header, Picture, Refused

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

#: Threads that decode and encode. A third one on a small machine only takes time from the loop.
_WORKERS: Final = 2
#: Pixels that may be decoded at a time; each costs 4 bytes, and twice that for a moment while it is transparent.
_PIXELS_AT_A_TIME: Final = 48_000_000
#: So many thumbnails are made at a time, each from a whole file in memory.
_THUMBNAILS_AT_A_TIME: Final = 4
_HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_ROOT: Final = Path(__file__).resolve().parent.parent


class Pictures:
    """A folder of pictures, with the threads that work on them. Use it as ``async with``, or call :meth:`close`."""

    def __init__(self, folder: Path, *, min_free: int) -> None:
        """Keep pictures in ``folder`` (made if absent); below ``min_free`` free bytes, :meth:`check_space` refuses."""
        self._folder = folder
        self._unfinished = folder / "tmp"
        self._min_free = min_free
        self._unfinished.mkdir(parents=True, exist_ok=True)
        self._files = ThreadPoolExecutor(4, thread_name_prefix="pictures-files")
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="pictures-work")
        self._pixels = 0
        self._turn = asyncio.Lock()
        self._room = asyncio.Event()
        self._thumbnails = folder / "thumbnails"
        self._few = asyncio.Semaphore(_THUMBNAILS_AT_A_TIME)

    async def __aenter__(self) -> Self:
        await self._in(self._files, self._sweep)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Wait for the work in hand and end the threads."""
        await asyncio.to_thread(self._workers.shutdown)
        await asyncio.to_thread(self._files.shutdown)

    # Bytes -------------------------------------------------------------------------------------------------

    async def put(self, data: bytes) -> str:
        """Keep the bytes and return their SHA-256 (lower-case hex). They are on the disk when this returns.

        Raises:
            OutOfSpace: the disk is full.
        """
        return await self._in(self._files, self._put, data)

    async def get(self, sha256: str) -> bytes:
        """Return the bytes of that hash.

        Raises:
            NotFound: there are none, or the disk damaged them; damaged ones are removed, so that they can be put again.
        """
        return await self._in(self._files, self._get, sha256)

    async def size(self, sha256: str) -> int:
        """Return how many bytes the picture of that hash has. Raises NotFound."""
        return await self._in(self._files, self._size, sha256)

    async def delete(self, sha256: str) -> None:
        """Remove the bytes of that hash, if there are any."""
        await self._in(self._files, self._delete, sha256)

    async def older_than(self, seconds: float) -> list[str]:
        """Return the hashes of all pictures that were last put longer ago than this."""
        return await self._in(self._files, self._older_than, time.time() - seconds)

    def free(self) -> int:
        """Return the bytes that are free on the folder's disk."""
        return shutil.disk_usage(self._folder).free

    def check_space(self) -> None:
        """Raise :class:`~bot.errors.OutOfSpace` when less is free than the settings ask for."""
        if self.free() < self._min_free:
            raise _out_of_space()

    # Work --------------------------------------------------------------------------------------------------

    async def prepare(self, option: str, name: str, data: bytes) -> Picture:
        """Make a reference of an uploaded file, as :func:`bot.images.prepare` does, off the loop."""
        images.check_claims(option, name, len(data))
        try:
            header = await self._in(self._files, images.inspect, data)
            return await self._work(header.pixels, _render, data, header)
        except Refused as refused:
            raise images.refusal(option, name, refused) from refused

    async def known(self, sha256: str, data: bytes) -> Picture | None:
        """Return the bytes as the picture that is kept under that hash; ``None`` where they are another one, or it is gone.

        What was prepared once is not prepared again, which would change it.
        """
        if not await self._in(self._files, self._is_kept, sha256, data):
            return None
        return Picture(data, *await self.describe(data))

    async def fit(self, data: bytes, media_type: str, limit: int) -> Picture:
        """Bring a picture into ``limit`` bytes, as :func:`bot.images.fit` does, off the loop."""
        header = await self._in(self._files, images.inspect, data)
        return await self._work(header.pixels, images.fit, data, media_type, limit)

    async def thumbnail(self, sha256: str, box: tuple[int, int]) -> bytes:
        """Return the picture of that hash as a JPEG that fits into a box, as :func:`bot.images.thumbnail` does.

        It is made once, and stands beside the picture until that goes.

        Raises:
            NotFound: there is no such picture; see :meth:`get`.
            Refused: it cannot be read.
        """
        made = await self._in(self._files, self._kept_thumbnail, sha256, box)
        if made is None:
            async with self._few:
                data = await self.get(sha256)
                header = await self._in(self._files, images.inspect, data)
                made = await self._work(header.pixels, _thumbnail, data, header, box)
            await self._in(self._files, self._keep_thumbnail, sha256, box, made)
        return made

    async def describe(self, data: bytes) -> tuple[str, int, int]:
        """Return what a result is, as :func:`bot.images.describe` does, off the loop."""
        header = await self._in(self._files, images.inspect, data)
        return await self._work(header.pixels, images.describe, data)

    async def draw(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function that draws, off the loop: it takes its turn in the threads that work on pictures."""
        return await self._in(self._workers, partial(function, *args, **kwargs))

    async def _work(self, pixels: int, function: Callable[..., T], *args: object) -> T:
        """Call the function in a worker once there is room for so many pixels. Callers are served in order."""
        async with self._turn:
            while self._pixels and self._pixels + pixels > _PIXELS_AT_A_TIME:
                self._room.clear()
                await self._room.wait()
            self._pixels += pixels
        work = asyncio.get_running_loop().run_in_executor(self._workers, function, *args)
        # A thread cannot be stopped: a cancelled caller leaves, and the pixels stay counted until the work is over.
        work.add_done_callback(lambda _: self._done(pixels))
        return await asyncio.shield(work)

    def _done(self, pixels: int) -> None:
        self._pixels -= pixels
        self._room.set()

    # Files, in threads -------------------------------------------------------------------------------------

    @staticmethod
    async def _in(pool: ThreadPoolExecutor, function: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, function, *args)

    def _path(self, sha256: str) -> Path:
        """Return where such a picture is. The pattern is what keeps a made-up hash inside the folder."""
        if not _HASH.fullmatch(sha256):
            raise _not_kept()
        return self._folder / sha256[:2] / sha256

    def _put(self, data: bytes) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        path = self._path(sha256)
        with _full_disk_in_words():
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

    def _get(self, sha256: str) -> bytes:
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

    def _is_kept(self, sha256: str, data: bytes) -> bool:
        return hashlib.sha256(data).hexdigest() == sha256 and self._path(sha256).exists()

    def _size(self, sha256: str) -> int:
        try:
            return self._path(sha256).stat().st_size
        except FileNotFoundError:
            raise _not_kept() from None

    def _delete(self, sha256: str) -> None:
        self._path(sha256).unlink(missing_ok=True)
        for thumbnail in (self._thumbnails / sha256[:2]).glob(f"{sha256}-*"):
            thumbnail.unlink(missing_ok=True)

    def _kept_thumbnail(self, sha256: str, box: tuple[int, int]) -> bytes | None:
        with suppress(FileNotFoundError):
            return self._thumbnail_path(sha256, box).read_bytes()
        return None

    def _keep_thumbnail(self, sha256: str, box: tuple[int, int], made: bytes) -> None:
        path = self._thumbnail_path(sha256, box)
        with suppress(OSError):  # it is made again when it is wanted again
            self._write(path, made)
        if not self._path(sha256).exists():  # it was deleted meanwhile
            path.unlink(missing_ok=True)

    def _thumbnail_path(self, sha256: str, box: tuple[int, int]) -> Path:
        name = self._path(sha256).name
        return self._thumbnails / name[:2] / f"{name}-{box[0]}x{box[1]}.jpg"

    def _older_than(self, before: float) -> list[str]:
        found: list[str] = []
        for path in self._folder.glob("??/*"):
            with suppress(FileNotFoundError):  # it was deleted meanwhile
                if _HASH.fullmatch(path.name) and path.stat().st_mtime < before:
                    found.append(path.name)
        return found

    def _sweep(self) -> None:
        """Remove what a crash left half-written; nothing takes an hour to write."""
        for path in self._unfinished.iterdir():
            with suppress(FileNotFoundError):  # it was finished meanwhile
                if path.stat().st_mtime < time.time() - 3600:
                    path.unlink()


def _thumbnail(data: bytes, header: Header, box: tuple[int, int]) -> bytes:
    if header.media_type == "image/webp":
        data = _render(data, header).data
    return images.thumbnail(data, box)


def _render(data: bytes, header: Header) -> Picture:
    if header.media_type != "image/webp":
        return images.render(data)
    made = _run([sys.executable, "-m", _apart.__name__], data, patience=60)
    header = images.inspect(made)
    return Picture(made, header.media_type, header.width, header.height)


def _run(command: list[str], data: bytes, *, patience: float) -> bytes:
    """Give a program the bytes and return what it makes of them, within ``patience`` seconds; else ``Refused``."""
    try:
        done = subprocess.run(  # noqa: S603 (our own module, no shell)
            command, input=data, stdout=subprocess.PIPE, cwd=_ROOT, timeout=patience, check=False
        )
    except subprocess.TimeoutExpired:
        raise Refused("takes too long to read; save it again as a JPEG") from None
    if done.returncode == _apart.REFUSED:
        raise Refused(done.stdout.decode())
    if done.returncode < 0:  # a signal: the decoder crashed on it, or memory ran out
        raise Refused("cannot be read; save it again as a JPEG")
    done.check_returncode()
    return done.stdout


@contextmanager
def _full_disk_in_words() -> Generator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise _out_of_space() from error
        raise


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _not_kept() -> NotFound:
    return NotFound("I no longer have that picture; attach it again.")


def _out_of_space() -> OutOfSpace:
    return OutOfSpace(
        "My disk is nearly full, so I take no new edits for now. Please tell whoever runs me, then try again."
    )
