"""What the cogs are handed: the use cases and what they need to speak about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.budgets import Budgets
from bot.claims import Claims
from bot.consents import Consents
from bot.drafts import Drafts
from bot.edits import Edits
from bot.gallery import Gallery
from bot.house import Houses
from bot.lineage import Lineage
from bot.links import Links
from bot.loras import LoraSearch
from bot.metrics import Metrics
from bot.outbox import Outbox
from bot.people import People
from bot.picks import Picks
from bot.pictures import Pictures
from bot.presets import Presets
from bot.rounds import Rounds
from bot.sessions import Sessions
from bot.settings import Settings
from bot.sweeps import Sweeps
from bot.tray import Tray
from storage import memory
from storage.database import Database


class Memory:
    """Small facts the program keeps for itself between starts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, key: str) -> str | None:
        """Return a remembered value."""
        return await self._database.read(memory.get, key)

    async def set(self, key: str, value: str) -> None:
        """Remember a value."""
        await self._database.run(memory.put, key, value)


@dataclass(frozen=True, slots=True)
class Services:
    """Everything below the cogs, built once by the composition root."""

    edits: Edits
    budgets: Budgets
    houses: Houses
    loras: LoraSearch
    presets: Presets
    drafts: Drafts
    tray: Tray
    sessions: Sessions
    lineage: Lineage
    claims: Claims
    consents: Consents
    gallery: Gallery
    rounds: Rounds
    sweeps: Sweeps
    outbox: Outbox
    people: People
    picks: Picks
    pictures: Pictures
    links: Links
    memory: Memory
    metrics: Metrics
    settings: Settings
    #: Milliseconds since the epoch.
    clock: Callable[[], int]
