"""The bytes of references and results, by hash; and the work on them, off the loop and bounded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO, Final, ParamSpec, Self, TypeVar

from bot import images
from bot.images import Header, Picture, Refused
from bot.pictures import _rendering as rendering
from bot.pictures._disk import Disk, full_disk_in_words, out_of_space
from bot.pictures._folder import Folder
from bot.pictures._keeper import Inventory, Keeper
from bot.pictures._pool import Pool
from bot.pictures._store import Store
from bot.pictures._thumbnails import Thumbnails

P = ParamSpec("P")
T = TypeVar("T")
#: Takes a piece of a file that comes, in order.
Keep = Callable[[bytes], Awaitable[object]]

#: So many thumbnails are made at a time, each from a whole file in memory.
_THUMBNAILS_AT_A_TIME: Final = 4
#: So many files that may come slowly are fetched at a time, each to the disk.
_FETCHED_AT_A_TIME: Final = 4
#: So many questions are put to the store at a time.
_ASKED_AT_A_TIME: Final = 8


class Pictures:
    """A store of pictures, with the threads that work on them. Use it as ``async with``, or call :meth:`close`."""

    def __init__(self, folder: Path, *, min_free: int, store: Store | None = None) -> None:
        """Keep pictures in ``store``: in ``folder`` (made if absent) by default, and their thumbnails there in any case.

        Below ``min_free`` free bytes on the folder's disk, :meth:`check_space` refuses.
        """
        self._disk = Disk(folder)
        self._thumbnails = Thumbnails(self._disk)
        self._keeper = Keeper(store or Folder(self._disk), self._thumbnails)
        self._min_free = min_free
        self._files = ThreadPoolExecutor(4, thread_name_prefix="pictures-files")
        # Of their own, so that a store which is slow to answer keeps nothing else waiting.
        self._asking = ThreadPoolExecutor(_ASKED_AT_A_TIME, thread_name_prefix="pictures-store")
        self._pool = Pool()
        self._slow = asyncio.Semaphore(_FETCHED_AT_A_TIME)
        self._few = asyncio.Semaphore(_THUMBNAILS_AT_A_TIME)

    async def __aenter__(self) -> Self:
        await self._in(self._disk.sweep)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Wait for the work in hand and end the threads."""
        for threads in (self._pool.close, self._files.shutdown, self._asking.shutdown):
            await asyncio.to_thread(threads)

    # Bytes -------------------------------------------------------------------------------------------------
    # Each of these raises OutOfReach where the store cannot be reached or refuses: passing, and never NotFound.

    async def put(self, data: bytes) -> str:
        """Keep the bytes and return their SHA-256 (lower-case hex). They are durable when this returns.

        Put again, they are as young as if they were new; see :meth:`discard`.

        Raises:
            OutOfSpace: the disk is full.
        """
        return await self._ask(self._keeper.put, data)

    async def get(self, sha256: str) -> bytes:
        """Return the bytes of that hash.

        Raises:
            NotFound: there are none, or they were damaged; damaged ones are removed, so that they can be put again.
        """
        return await self._ask(self._keeper.get, sha256)

    async def size(self, sha256: str) -> int:
        """Return how many bytes the picture of that hash has. Raises NotFound."""
        return await self._ask(self._keeper.size, sha256)

    async def delete(self, sha256: str) -> None:
        """Remove the bytes of that hash, if there are any."""
        await self._ask(self._keeper.delete, sha256)

    async def discard(self, sha256: str, older_than: float) -> bool:
        """Remove the bytes of that hash if they were last put more than so many seconds ago; returns whether this did.

        It spares what somebody has just put and is about to write down a row for.
        """
        return await self._ask(self._keeper.discard, sha256, time.time() - older_than)

    async def inventory(self, older_than: float) -> Inventory:
        """Count everything in the store, and tell what was last put more than so many seconds ago.

        Thumbnails of what is not there go.
        """
        return await self._ask(self._keeper.inventory, time.time() - older_than)

    def free(self) -> int:
        """Return the bytes that are free on the folder's disk."""
        return self._disk.free()

    def check_space(self) -> None:
        """Raise :class:`~bot.errors.OutOfSpace` when less is free than the settings ask for."""
        if self.free() < self._min_free:
            raise out_of_space()

    async def _ask(self, function: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._asking, function, *args)

    # Work --------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def file(self, size: int, read: Callable[[], Awaitable[bytes]]) -> AsyncGenerator[bytes]:
        """Read a file of at most ``size`` bytes into the block, once there is room for it: there is for so many bytes at a time.

        Within the block, prepare it; ask for no second file there, which might wait for this one.
        """
        async with self._pool.file(size, read) as data:
            yield data

    @asynccontextmanager
    async def fetched(self, fetch: Callable[[Keep], Awaitable[object]]) -> AsyncGenerator[bytes]:
        """Like :meth:`file`, of a file that may come slowly and whose size nobody knows.

        It comes piece by piece to the disk, a few files at a time, and takes room in memory when it is there. So what
        keeps others waiting is never that somebody else's file is slow; unless theirs comes like this, too.

        Raises:
            OutOfSpace: the disk is full.
        """
        async with self._slow:
            with await self._in(self._disk.nameless) as whole:

                async def keep(piece: bytes) -> None:
                    await self._in(_write, whole, piece)

                async def read() -> bytes:
                    return await self._in(_read, whole)

                await fetch(keep)
                async with self.file(whole.tell(), read) as data:
                    yield data

    async def prepare(self, option: str, name: str, data: bytes) -> Picture:
        """Make a reference of an uploaded file, as :func:`bot.images.prepare` does, off the loop."""
        images.check_claims(option, name, len(data))
        try:
            header = await self._in(images.inspect, data)
            return await self._pool.work(rendering.cost(header, len(data)), rendering.render, data, header)
        except Refused as refused:
            raise images.refusal(option, name, refused) from refused

    async def known(self, sha256: str, data: bytes) -> Picture | None:
        """Return the bytes as the picture that is kept under that hash; ``None`` where they are another one, or it is gone.

        What was prepared once is not prepared again, which would change it.
        """
        if not await self._ask(self._keeper.holds, sha256, data):
            return None
        return Picture(data, *await self.describe(data))

    async def fit(self, data: bytes, media_type: str, limit: int) -> Picture:
        """Bring a picture into ``limit`` bytes, as :func:`bot.images.fit` does, off the loop."""
        header = await self._in(images.inspect, data)
        return await self._pool.work(_cost(header, data), images.fit, data, media_type, limit)

    async def thumbnail(self, sha256: str, box: tuple[int, int]) -> bytes:
        """Return the picture of that hash as a JPEG that fits into a box, as :func:`bot.images.thumbnail` does.

        It is made once, and stands beside the picture until that goes.

        Raises:
            NotFound: there is no such picture; see :meth:`get`.
            Refused: it cannot be read.
        """
        made = await self._in(self._thumbnails.get, sha256, box)
        if made is None:
            async with self._few:
                data = await self.get(sha256)
                header = await self._in(images.inspect, data)
                made = await self._pool.work(_cost(header, data), images.thumbnail, data, box)
            await self._ask(self._keeper.keep_thumbnail, sha256, box, made)
        return made

    async def describe(self, data: bytes) -> tuple[str, int, int]:
        """Return what a result is, as :func:`bot.images.describe` does, off the loop."""
        header = await self._in(images.inspect, data)
        return await self._pool.work(_cost(header, data), images.describe, data)

    async def draw(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function that draws, off the loop: it takes its turn in the threads that work on pictures."""
        return await self._pool.draw(function, *args, **kwargs)

    async def _in(self, function: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._files, function, *args)


def _write(file: BinaryIO, piece: bytes) -> None:
    with full_disk_in_words():
        file.write(piece)
        file.flush()


def _read(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()


def _cost(header: Header, data: bytes) -> int:
    """Return how many bytes work on a picture takes at most, with the picture itself."""
    return len(data) + header.cost(images.LONGEST_SIDE)
