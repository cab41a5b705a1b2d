"""The threads that decode and encode, bounded in what they decode at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

#: Threads that decode and encode. A third one on a small machine only takes time from the loop.
_WORKERS: Final = 2
#: Pixels that may be decoded at a time; each costs 4 bytes, and twice that for a moment while it is transparent.
_PIXELS_AT_A_TIME: Final = 48_000_000


class Pool:
    """Workers for pictures. Callers are served in order."""

    def __init__(self) -> None:
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="pictures-work")
        self._pixels = 0
        self._turn = asyncio.Lock()
        self._room = asyncio.Event()

    def close(self) -> None:
        """Wait for the work in hand and end the threads. Blocks."""
        self._workers.shutdown()

    async def draw(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function that decodes nothing large, in a worker."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, partial(function, *args, **kwargs))

    async def work(self, pixels: int, function: Callable[..., T], *args: object) -> T:
        """Call the function in a worker once there is room for so many pixels."""
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
