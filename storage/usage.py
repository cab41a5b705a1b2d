"""Units of work over ``usage``: what was settled, summed up by local day, member, role, channel and option.

The sums change in the unit that ends a hold, so they equal the ledger. They are kept by day and by blocks of
:data:`BLOCK` days, so that a year of a busy server is read from a few blocks and the days at both ends.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, fields
from enum import StrEnum
from operator import add, attrgetter
from typing import Final

from storage._rows import the_row
from storage.database import Row, Tx
from storage.records import EditRequest, Job

#: So many days are summed up together; a block begins with a day that this divides.
BLOCK: Final = 32


class Dimension(StrEnum):
    """By what spending is told apart."""

    #: Nothing: the sum.
    ALL = "all"
    #: Keys are accounts; the server's own is what came late.
    MEMBER = "member"
    #: The role whose allowance admitted it; 0 is none.
    ROLE = "role"
    CHANNEL = "channel"
    #: Such as ``30 steps``; one edit has several.
    OPTION = "option"


@dataclass(frozen=True, slots=True)
class Tally:
    """A sum, or a change of one. Amounts are micro-dollars."""

    edits: int = 0
    #: Edits that were sent and came to nothing.
    failed: int = 0
    pictures: int = 0
    spent: int = 0
    #: What the edits settled on a known cost were expected to cost, and did cost.
    expected: int = 0
    settled: int = 0
    #: Of what was spent: after the hold had ended; above the hold; booked at the estimate.
    late: int = 0
    overshoot: int = 0
    guessed: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*map(add, _numbers(self), _numbers(other)))


@dataclass(frozen=True, slots=True)
class Held:
    """What is kept back for edits that are not over, in micro-dollars, and for how many."""

    edits: int
    amount: int


_COLUMNS: Final = tuple(field.name for field in fields(Tally))
_numbers: Final = attrgetter(*_COLUMNS)
_SUMS: Final = ", ".join(f"CAST(coalesce(sum({name}), 0) AS BIGINT) AS {name}" for name in _COLUMNS)


def _upsert(table: str, first_day: str, rows: int) -> str:
    """Write the statement that adds one tally to so many sums; the keys follow the eleven parameters they share."""
    tally = ", ".join(f"CAST(?{number} AS BIGINT)" for number in range(3, 3 + len(_COLUMNS)))
    first = 3 + len(_COLUMNS)
    values = ", ".join(
        f"(CAST(?1 AS BIGINT), ?{first + 2 * row}, CAST(?2 AS BIGINT), ?{first + 2 * row + 1}, {tally})"
        for row in range(rows)
    )
    sums = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in _COLUMNS)
    return f"""
    INSERT INTO {table} (guild_id, dimension, {first_day}, key, {", ".join(_COLUMNS)}) VALUES {values}
    ON CONFLICT (guild_id, dimension, {first_day}, key) DO UPDATE SET {sums}
    """  # noqa: S608 - names of columns and numbers only


#: By the number of sums that an edit is in.
_ADD: Final = {rows: _upsert("usage", "day", rows) for rows in range(1, 16)}
_ADD_TO_BLOCK: Final = {rows: _upsert("usage_blocks", "first_day", rows) for rows in range(1, 16)}
_TOTAL: Final = f"""
SELECT {_SUMS} FROM usage WHERE guild_id = ?1 AND dimension = 'all' AND day >= ?2 AND day <= ?3
"""  # noqa: S608 - names of columns only
_BY_DAYS: Final = f"""
SELECT key, {_SUMS} FROM usage WHERE guild_id = ?1 AND dimension = ?2 AND day >= ?3 AND day < ?4 GROUP BY key
"""  # noqa: S608 - names of columns only
_BY_BLOCKS: Final = f"""
SELECT key, {_SUMS} FROM usage_blocks WHERE guild_id = ?1 AND dimension = ?2 AND first_day >= ?3 AND first_day < ?4
GROUP BY key
"""  # noqa: S608 - names of columns only
_DAYS: Final = f"""
SELECT day, {_SUMS} FROM usage WHERE guild_id = ?1 AND dimension = 'all' AND day >= ?2 AND day <= ?3
GROUP BY day ORDER BY day
"""  # noqa: S608 - names of columns only
# A CROSS JOIN has SQLite begin with the open holds; left to itself, it goes through all jobs.
_HELD: Final = """
SELECT count(*) AS edits, CAST(coalesce(sum(holds.amount), 0) AS BIGINT) AS amount
FROM holds CROSS JOIN jobs WHERE holds.ended_at IS NULL AND jobs.id = holds.job_id AND jobs.guild_id = ?1
"""
_PEOPLE: Final = "SELECT id, holder_id FROM accounts WHERE scope = 'member' AND guild_id = ?1"


async def record(tx: Tx, job: Job, role_id: int | None, day: int, tally: Tally) -> None:
    """Add what became of a job to every sum it belongs in, in one statement and in one order."""
    keys = [
        (Dimension.ALL, ""),
        (Dimension.CHANNEL, str(job.place.channel_id)),
        (Dimension.MEMBER, str(job.account_id)),
        (Dimension.ROLE, str(role_id or 0)),
        *((Dimension.OPTION, key) for key in options(job.request)),
    ]
    await _add(tx, job.guild_id, day, keys, tally)


async def record_late(tx: Tx, job: Job, server_id: int, day: int, amount: int, *, guessed: int) -> None:
    """Add a cost that came after its hold had ended: on the server's account, in the channel, under no role."""
    keys = [
        (Dimension.ALL, ""),
        (Dimension.CHANNEL, str(job.place.channel_id)),
        (Dimension.MEMBER, str(server_id)),
        (Dimension.ROLE, "0"),
    ]
    await _add(tx, job.guild_id, day, keys, Tally(spent=amount, late=amount, guessed=guessed))


def options(request: EditRequest) -> list[str]:
    """Return the options of a request that spending is told apart by, each as a person reads it."""
    found = {
        f"{request.width} × {request.height}",
        _counted(request.steps, "step"),
        _counted(len(request.references), "reference"),
        _counted(request.results, "result"),
    }
    if request.scheduler is not None:
        found.add(request.scheduler)
    return sorted(found)


async def total(tx: Tx, guild_id: int, first_day: int, last_day: int) -> Tally:
    """Return the sum over some days, both ends included."""
    return _tally(await the_row(tx, _TOTAL, guild_id, first_day, last_day))


async def by(
    tx: Tx, guild_id: int, dimension: Dimension, first_day: int, last_day: int, limit: int
) -> list[tuple[str, Tally]]:
    """Return the sums over some days by one dimension, what cost most first; at most ``limit`` of them."""
    after = last_day + 1
    # The blocks that lie in the stretch whole, and the days before and after them.
    start, end = -(-first_day // BLOCK) * BLOCK, after // BLOCK * BLOCK
    if start < end:
        parts = [(_BY_DAYS, first_day, start), (_BY_BLOCKS, start, end), (_BY_DAYS, end, after)]
    else:
        parts = [(_BY_DAYS, first_day, after)]
    sums: defaultdict[str, Tally] = defaultdict(Tally)
    for statement, since, until in parts:
        for row in await tx.fetch_all(statement, guild_id, dimension.value, since, until):
            sums[row["key"]] += _tally(row)
    return sorted(sums.items(), key=lambda found: (-found[1].spent, found[0]))[:limit]


async def days(tx: Tx, guild_id: int, first_day: int, last_day: int) -> list[tuple[int, Tally]]:
    """Return the sum of each of some days in which something was settled, oldest first."""
    return [(row["day"], _tally(row)) for row in await tx.fetch_all(_DAYS, guild_id, first_day, last_day)]


async def people(tx: Tx, guild_id: int) -> dict[str, int]:
    """Return Discord's ids of a server's members by the keys of their sums; who was forgotten is not among them."""
    return {str(row["id"]): row["holder_id"] for row in await tx.fetch_all(_PEOPLE, guild_id)}


async def held(tx: Tx, guild_id: int) -> Held:
    """Return what is kept back in a server now."""
    row = await the_row(tx, _HELD, guild_id)
    return Held(row["edits"], row["amount"])


async def _add(tx: Tx, guild_id: int, day: int, keys: list[tuple[Dimension, str]], tally: Tally) -> None:
    named = [part for dimension, key in sorted(keys) for part in (dimension.value, key)]
    await tx.execute(_ADD[len(keys)], guild_id, day, *_numbers(tally), *named)
    await tx.execute(_ADD_TO_BLOCK[len(keys)], guild_id, day - day % BLOCK, *_numbers(tally), *named)


def _tally(row: Row) -> Tally:
    return Tally(*(row[name] for name in _COLUMNS))


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
