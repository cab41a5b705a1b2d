"""The use cases behind a server's own rules for edits: what it fills in, what it bounds, and what it lets in."""

from __future__ import annotations

from storage import house
from storage.database import Database
from storage.records import House


class Houses:
    """Servers' own rules. Who may change them is decided above."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, guild_id: int) -> House:
        """Return a server's own rules."""
        return await self._database.read(house.get, guild_id)
