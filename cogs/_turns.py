"""Work that takes a worker for long is done a few at a time; who asks for more of it meanwhile is told so."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from bot.errors import EditError


class Turns:
    """So many turns at a time, over all servers."""

    def __init__(self, most: int, otherwise: str) -> None:
        self._free = most
        #: What somebody reads for whom there is none.
        self._otherwise = otherwise

    @contextmanager
    def take(self) -> Generator[None]:
        """Hold a turn. Raises EditError when none is free."""
        if self._free <= 0:
            raise EditError(self._otherwise)
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1
