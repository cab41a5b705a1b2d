"""The gate that a paused service closes: what has to pass it waits until it is open again."""

from __future__ import annotations

import asyncio


class Gate:
    """Open at first."""

    def __init__(self) -> None:
        self._opened = asyncio.Event()
        self._closed = asyncio.Event()
        self.open()

    def open(self) -> None:
        """Let everything pass."""
        self._closed.clear()
        self._opened.set()

    def close(self) -> None:
        """Let nothing pass."""
        self._opened.clear()
        self._closed.set()

    async def passed(self) -> None:
        """Return at once, or when the gate opens."""
        await self._opened.wait()

    async def closed_or(self, event: asyncio.Event) -> None:
        """Return when the event is set or the gate is closed, whichever is first."""
        waits = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(self._closed.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
