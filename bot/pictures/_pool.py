"""The threads that decode and encode, bounded in the bytes that pictures take while they are worked on.

There are two rooms. Files stand in the first one from before they are read until they are prepared; what is made of
pictures, in the second one. Whoever is in the second one waits for nothing but the work itself, so it always empties;
whoever is in the first one may wait for the second, and never for the first again. So nobody waits for ever, however
many files come at once. Both rooms together, with what the allocator keeps, are under 200 MB.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, ParamSpec, TypeVar

from bot import images
from bot.pictures._memory import give_back_large_blocks, give_back_small_blocks

P = ParamSpec("P")
T = TypeVar("T")

#: Threads that decode and encode. A third one on a small machine only takes time from the loop.
_WORKERS: Final = 2
#: Room for files: one of the largest, or several ordinary ones.
_FILES: Final = images.MAX_BYTES
#: Room for work: one of the dearest pictures, or several ordinary ones.
_WORK: Final = images.MAX_COST
#: What drawing takes at most (measured: 38 MB for the contact sheet of twenty tall pictures).
_DRAWING: Final = 48_000_000


class Room:
    """So many bytes, handed out in order."""

    def __init__(self, size: int) -> None:
        """Make room for ``size`` bytes."""
        self._size = size
        self._taken = 0
        self._turn = asyncio.Lock()
        self._given = asyncio.Event()

    async def take(self, size: int) -> None:
        """Wait until there is room for so many bytes, and take it. Who wants more than all of it waits for all of it."""
        async with self._turn:
            while self._taken and self._taken + size > self._size:
                self._given.clear()
                await self._given.wait()
            self._taken += size

    def give(self, size: int) -> None:
        """Give so many bytes back."""
        self._taken -= size
        self._given.set()

    @asynccontextmanager
    async def held(self, size: int) -> AsyncGenerator[None]:
        """Hold so many bytes."""
        await self.take(size)
        try:
            yield
        finally:
            self.give(size)


class Pool:
    """Workers for pictures, and room for what they work on. Callers are served in order."""

    def __init__(self) -> None:
        give_back_large_blocks()
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="pictures-work")
        self._files = Room(_FILES)
        self._work = Room(_WORK)

    def close(self) -> None:
        """Wait for the work in hand and end the threads. Blocks."""
        self._workers.shutdown()

    @asynccontextmanager
    async def file(self, size: int, read: Callable[[], Awaitable[bytes]]) -> AsyncGenerator[bytes]:
        """Read a file of at most ``size`` bytes once there is room for it, and keep that until the block is left."""
        async with self._files.held(size):
            async with self._work.held(size):  # what reads a file has it twice while it joins what came
                data = await read()
                await asyncio.to_thread(give_back_small_blocks)
            yield data

    async def draw(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function that draws, in a worker."""
        return await self.work(_DRAWING, partial(function, *args, **kwargs))

    async def work(self, cost: int, function: Callable[..., T], *args: object) -> T:
        """Call the function in a worker once there is room for the bytes that it takes."""
        await self._work.take(cost)
        work = asyncio.get_running_loop().run_in_executor(self._workers, function, *args)
        # A thread cannot be stopped: a cancelled caller leaves, and the bytes stay counted until the work is over.
        work.add_done_callback(lambda _: self._work.give(cost))
        return await asyncio.shield(work)
