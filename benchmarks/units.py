"""Durable units of work on SQLite, against one plain connection that commits each change alone.

Both sides write the same rows with the same pragmas to the same disk, one after the other, in one run. What is
printed is their ratio, for a rate says more of the disk than of the code. Ends with status 1 when it is below ``LEAST``.
"""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from storage.database import Database, Tx, open_database  # found by the line above

#: How many callers wait for units of theirs at once, and how many units there are in a round.
CALLERS = 32
UNITS = 6400
ROUNDS = 5
#: The least ratio that is good enough.
LEAST = 3.0

CREATE = "CREATE TABLE notes (id INTEGER PRIMARY KEY, number INTEGER NOT NULL) STRICT"
INSERT = "INSERT INTO notes (number) VALUES (?1)"


async def create(tx: Tx) -> None:
    """Make the table."""
    await tx.execute(CREATE)


async def note(tx: Tx, number: int) -> None:
    """Write one row: the unit that is measured."""
    await tx.execute(INSERT, number)


async def count(tx: Tx) -> int:
    """Return how many rows there are."""
    row = await tx.fetch_one("SELECT count(*) AS number FROM notes")
    assert row is not None
    return row["number"]


async def units_per_second(database: Database) -> float:
    """Return how many units a second are committed for callers who each wait for theirs."""

    async def caller(first: int) -> None:
        for number in range(first, UNITS, CALLERS):
            await database.run(note, number)

    began = time.perf_counter()
    await asyncio.gather(*(caller(first) for first in range(CALLERS)))
    return UNITS / (time.perf_counter() - began)


def commits_per_second(connection: sqlite3.Connection, commits: int = UNITS // 8) -> float:
    """Return how many changes a second one connection commits, each alone."""
    began = time.perf_counter()
    for number in range(commits):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(INSERT, (number,))
        connection.execute("COMMIT")
    return commits / (time.perf_counter() - began)


async def measure(folder: Path) -> list[float]:
    """Return the ratio of each round; the sides take turns, so that both meet the same weather."""
    ratios: list[float] = []
    url = f"sqlite:///{folder / 'together.db'}"
    async with open_database(url) as database:
        with closing(sqlite3.connect(folder / "alone.db", isolation_level=None)) as connection:
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                connection.execute(f"PRAGMA {pragma}")
            connection.execute(CREATE)
            await database.run(create)
            for _ in range(ROUNDS):
                alone = commits_per_second(connection)
                together = await units_per_second(database)
                print(f"units {together:,.0f}/s, commits alone {alone:,.0f}/s, ratio {together / alone:.1f}")
                ratios.append(together / alone)
        assert await database.read(count) == UNITS * ROUNDS
    return ratios


def main() -> int:
    """Print the ratio; return 0 when it is good enough."""
    # Not in the system's folder for temporary files, which may be memory: there a COMMIT costs nothing.
    with tempfile.TemporaryDirectory(prefix="units-", dir=Path.cwd()) as folder:
        ratio = statistics.median(asyncio.run(measure(Path(folder))))
    print(f"durable units, {CALLERS} callers, to one connection committing each alone: {ratio:.1f} (least {LEAST})")
    return 0 if ratio >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
