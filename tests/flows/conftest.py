"""What the flow tests ask of a world: its books, and what Discord shows of its jobs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from playground.world import World
from storage import jobs, ledger
from storage.database import Tx
from storage.records import Entry, EntryKind, Job


class Books:
    """The jobs and the ledger of a world, and the laws that hold between them at rest."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def jobs(self) -> list[Job]:
        return await self._world.program.database.read(_jobs)

    async def entries(self, job_id: int) -> list[Entry]:
        return await self._world.program.database.read(ledger.of_job, job_id)

    async def check(self) -> None:
        """Every hold ended once, and what was settled, released and adjusted adds up to what the jobs cost."""
        for job in await self.jobs():
            lines = await self.entries(job.id)
            kinds = [line.kind for line in lines]
            assert kinds.count(EntryKind.HOLD) == 1
            assert kinds.count(EntryKind.SETTLE) <= 1
            assert sum(line.held for line in lines) == 0, f"job {job.id} still holds: {lines}"
            assert sum(line.spent for line in lines) == (job.cost or 0)
        assert await self._world.program.database.read(_counters) == await self._world.program.database.read(_sums)

    def posts(self) -> list[tuple[str, ...]]:
        """Return the file names of every message with pictures that the bot posted as a result, in all channels."""
        found: list[tuple[str, ...]] = []
        for channel in [self._world.channel, *self._world.channel.threads]:
            for message in channel.history():
                names = tuple(file.filename for file in message.attachments)
                if message.author.bot and any("-seed-" in name for name in names):
                    found.append(names)
        return found


@pytest.fixture
def books_of() -> Callable[[World], Books]:
    return Books


async def _jobs(tx: Tx) -> list[Job]:
    rows = await tx.fetch_all(f"SELECT {jobs.COLUMNS} ORDER BY jobs.id")
    return [jobs.from_row(row) for row in rows]


async def _counters(tx: Tx) -> list[tuple[str, int, int]]:
    rows = await tx.fetch_all(
        "SELECT scope, CAST(sum(held) AS BIGINT) AS held, CAST(sum(spent) AS BIGINT) AS spent FROM allowance_hours "
        "JOIN allowances ON allowances.id = allowance_hours.allowance_id GROUP BY scope ORDER BY scope"
    )
    return [(row["scope"], row["held"], row["spent"]) for row in rows]


async def _sums(tx: Tx) -> list[tuple[str, int, int]]:
    """Add the ledger up as each scope sees it: adjustments bind the server and the bot, never a member."""
    row = await tx.fetch_one(
        "SELECT CAST(coalesce(sum(held), 0) AS BIGINT) AS held, CAST(coalesce(sum(spent), 0) AS BIGINT) AS spent, "
        "CAST(coalesce(sum(CASE WHEN kind = 'adjust' THEN 0 ELSE spent END), 0) AS BIGINT) AS own FROM ledger"
    )
    assert row is not None
    if (await tx.fetch_all("SELECT id FROM ledger LIMIT 1")) == []:
        return []
    return [("bot", row["held"], row["spent"]), ("member", row["held"], row["own"]), ("server", row["held"], row["spent"])]
