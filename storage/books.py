"""Units of work that audit the books: is every cached counter what the ledger adds up to? They change nothing.

The ledger is read by the day it counts in, so the audit of a day costs what that day had, not all of history.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from storage._rows import the_row
from storage.database import Tx
from storage.usage import BLOCK
from storage.windows import DAY

#: Lines this old, in milliseconds, are committed, and so are all with lower numbers.
_SETTLED: Final = 60_000
#: Python's ordinal of 1 January 1970.
EPOCH: Final = 719_163

# A day's quarters lie within a day before to a day after in any time zone.
_ACCOUNTS: Final = """
WITH lines AS (
    SELECT * FROM ledger WHERE day >= CAST(?1 AS BIGINT) - 1 AND day <= CAST(?1 AS BIGINT) + 1 AND quarter_at >= ?2 AND quarter_at < ?3
), said AS (
    SELECT account_id, quarter_at, CASE WHEN grant_id IS NULL THEN held ELSE 0 END AS held,
        CASE WHEN grant_id IS NULL THEN spent ELSE 0 END AS spent, edits, pictures FROM lines
    WHERE kind <> 'adjust' AND job_id IS NOT NULL
    UNION ALL
    SELECT account_id, quarter_at, held, spent, 0, 0 FROM lines WHERE kind <> 'grant' AND job_id IS NULL
    UNION ALL
    SELECT accounts.id, lines.quarter_at, lines.held, lines.spent, lines.edits, lines.pictures FROM lines
    JOIN accounts ON accounts.scope = 'server' AND accounts.guild_id = lines.guild_id AND accounts.holder_id = 0
    WHERE lines.job_id IS NOT NULL
    UNION ALL
    SELECT accounts.id, lines.quarter_at, lines.held, lines.spent, lines.edits, lines.pictures FROM lines
    JOIN accounts ON accounts.scope = 'bot' AND accounts.guild_id = 0 AND accounts.holder_id = 0
    WHERE lines.job_id IS NOT NULL
    UNION ALL
    SELECT accounts.id, lines.quarter_at, lines.held, lines.spent, lines.edits, lines.pictures FROM lines
    JOIN jobs ON jobs.id = lines.job_id
    JOIN accounts ON accounts.scope = 'channel' AND accounts.guild_id = lines.guild_id
        AND accounts.holder_id = jobs.channel_id
    WHERE lines.kind <> 'adjust'
), counted AS (
    SELECT account_id, quarter_at, held, spent, edits, pictures FROM account_quarters
    WHERE quarter_at >= ?2 AND quarter_at < ?3
    UNION ALL
    SELECT account_id, quarter_at, -held, -spent, -edits, -pictures FROM said
)
SELECT account_id, quarter_at, CAST(sum(held) AS BIGINT) AS held, CAST(sum(spent) AS BIGINT) AS spent,
    CAST(sum(edits) AS BIGINT) AS edits, CAST(sum(pictures) AS BIGINT) AS pictures
FROM counted GROUP BY account_id, quarter_at
HAVING sum(held) <> 0 OR sum(spent) <> 0 OR sum(edits) <> 0 OR sum(pictures) <> 0
ORDER BY account_id, quarter_at LIMIT 100
"""
# One edit is in several sums by option, and in one of every other dimension.
_USAGE: Final = """
WITH counted AS (
    SELECT guild_id, dimension, spent FROM usage WHERE day = ?1 AND dimension IN ('all', 'member', 'role', 'channel')
    UNION ALL
    SELECT guild_id, 'all', -spent FROM ledger WHERE day = ?1 AND job_id IS NOT NULL
    UNION ALL
    SELECT guild_id, 'member', -spent FROM ledger WHERE day = ?1 AND job_id IS NOT NULL
    UNION ALL
    SELECT guild_id, 'role', -spent FROM ledger WHERE day = ?1 AND job_id IS NOT NULL
    UNION ALL
    SELECT guild_id, 'channel', -spent FROM ledger WHERE day = ?1 AND job_id IS NOT NULL
)
SELECT guild_id, dimension, CAST(sum(spent) AS BIGINT) AS spent FROM counted GROUP BY guild_id, dimension
HAVING sum(spent) <> 0 ORDER BY guild_id, dimension LIMIT 100
"""
_BLOCKS: Final = """
WITH counted AS (
    SELECT guild_id, dimension, spent FROM usage_blocks WHERE first_day = ?1
    UNION ALL
    SELECT guild_id, dimension, -spent FROM usage WHERE day >= ?1 AND day < ?2
)
SELECT guild_id, dimension, CAST(sum(spent) AS BIGINT) AS spent FROM counted GROUP BY guild_id, dimension
HAVING sum(spent) <> 0 ORDER BY guild_id, dimension LIMIT 100
"""
# A CROSS JOIN has SQLite begin with the open grants.
_GRANTS: Final = """
WITH counted AS (
    SELECT grants.id AS grant_id, grant_uses.held, grant_uses.spent
    FROM grants CROSS JOIN grant_uses WHERE grants.ended_at IS NULL AND grant_uses.grant_id = grants.id
    UNION ALL
    SELECT grants.id, -ledger.held, -ledger.spent
    FROM grants CROSS JOIN ledger WHERE grants.ended_at IS NULL
        AND ledger.grant_id = grants.id AND ledger.grant_id IS NOT NULL AND ledger.job_id IS NOT NULL
)
SELECT grant_id, CAST(sum(held) AS BIGINT) AS held, CAST(sum(spent) AS BIGINT) AS spent
FROM counted GROUP BY grant_id HAVING sum(held) <> 0 OR sum(spent) <> 0 ORDER BY grant_id LIMIT 100
"""
_STALE: Final = """
SELECT holds.job_id, holds.amount, jobs.created_at FROM holds JOIN jobs ON jobs.id = holds.job_id
WHERE holds.ended_at IS NULL AND (
    (jobs.first_post_at IS NULL AND jobs.status <> 'queued' AND jobs.created_at <= ?1)
    OR (jobs.ended_at IS NULL AND jobs.first_post_at <= ?2)
    OR jobs.ended_at <= ?3
)
ORDER BY holds.job_id LIMIT 100
"""
_FIRST_DAY: Final = "SELECT day FROM ledger WHERE day > 0 ORDER BY day LIMIT 1"
_LAST_DAY: Final = "SELECT day FROM ledger WHERE day > 0 ORDER BY day DESC LIMIT 1"
# Lines are numbered before they are committed, so below the newest some may come yet: what counts ends before them.
_SPENT: Final = """
SELECT CAST(coalesce(sum(CASE WHEN job_id IS NULL THEN 0 ELSE spent END), 0) AS BIGINT) AS spent,
    CAST(coalesce(max(id), 0) AS BIGINT) AS last_line
FROM ledger WHERE id > ?1 AND id < coalesce((SELECT min(id) FROM ledger WHERE id > ?1 AND at > ?2), 9223372036854775807)
"""
_LINES: Final = """
SELECT
    CAST(coalesce(sum(CASE WHEN kind = 'adjust' THEN spent ELSE 0 END), 0) AS BIGINT) AS late,
    CAST(coalesce(sum(CASE WHEN kind = 'settle' AND spent + held > 0 THEN spent + held ELSE 0 END), 0) AS BIGINT)
        AS overshoot,
    CAST(coalesce(sum(spent * estimated), 0) AS BIGINT) AS guessed,
    CAST(coalesce(sum(spent), 0) AS BIGINT) AS spent
FROM ledger WHERE day >= ?1 AND day <= ?2 AND job_id IS NOT NULL
"""
_STATEMENT: Final = """
INSERT INTO statements (day, taken_at, theirs, ours, last_line) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (day) DO NOTHING
"""
_LAST_STATEMENT: Final = "SELECT last_line, ours FROM statements WHERE day > 0 ORDER BY day DESC LIMIT 1"
_STATEMENTS: Final = "SELECT day, taken_at, theirs, ours FROM statements WHERE day > 0 ORDER BY day DESC LIMIT ?1"


@dataclass(frozen=True, slots=True)
class Difference:
    """A counter that is not what the ledger adds up to: by how much it is higher, in micro-dollars or numbers."""

    #: Such as ``account 3, quarter 1900022400000``.
    what: str
    held: int = 0
    spent: int = 0
    edits: int = 0
    pictures: int = 0


@dataclass(frozen=True, slots=True)
class StaleHold:
    """A hold that should have ended: its job is over for long, or older than any may get."""

    job_id: int
    amount: int
    created_at: int


@dataclass(frozen=True, slots=True)
class Lines:
    """What was spent over some days, and of it what came late, above the hold, or was booked at the estimate."""

    late: int
    overshoot: int
    guessed: int
    spent: int


@dataclass(frozen=True, slots=True)
class Statement:
    """What Runware had taken in all by the first look of a day in UTC, and what the ledger had, in micro-dollars."""

    day: int
    taken_at: int
    theirs: int
    ours: int


async def first_day(tx: Tx) -> int | None:
    """Return the first day that the ledger knows."""
    row = await tx.fetch_one(_FIRST_DAY)
    return None if row is None else row["day"]


async def last_day(tx: Tx) -> int | None:
    """Return the last day that the ledger knows; where a clock ran ahead it is in the future."""
    row = await tx.fetch_one(_LAST_DAY)
    return None if row is None else row["day"]


async def differences(tx: Tx, day: int) -> list[Difference]:
    """Return the counters of one day (UTC) that are not what the ledger adds up to."""
    start = (day - EPOCH) * DAY
    found = [
        Difference(
            f"account {row['account_id']}, quarter {row['quarter_at']}",
            row["held"],
            row["spent"],
            row["edits"],
            row["pictures"],
        )
        for row in await tx.fetch_all(_ACCOUNTS, day, start, start + DAY)
    ]
    found += [
        Difference(f"usage of server {row['guild_id']} by {row['dimension']}, day {day}", spent=row["spent"])
        for row in await tx.fetch_all(_USAGE, day)
    ]
    if day % BLOCK == 0:
        found += [
            Difference(f"usage of server {row['guild_id']} by {row['dimension']}, block {day}", spent=row["spent"])
            for row in await tx.fetch_all(_BLOCKS, day, day + BLOCK)
        ]
    return found


async def grant_differences(tx: Tx) -> list[Difference]:
    """Return the open grants of which more or less was used than the ledger says."""
    return [Difference(f"grant {row['grant_id']}", row["held"], row["spent"]) for row in await tx.fetch_all(_GRANTS)]


async def stale_holds(tx: Tx, *, asked_by: int, posted_by: int, ended_by: int) -> list[StaleHold]:
    """Return open holds of jobs that waited since, were first posted, or ended by these times."""
    return [
        StaleHold(row["job_id"], row["amount"], row["created_at"])
        for row in await tx.fetch_all(_STALE, asked_by, posted_by, ended_by)
    ]


async def lines(tx: Tx, first: int, last: int) -> Lines:
    """Return how the spending of some days came about, both ends included."""
    row = await the_row(tx, _LINES, first, last)
    return Lines(row["late"], row["overshoot"], row["guessed"], row["spent"])


async def take_statement(tx: Tx, day: int, theirs: int, now: int) -> bool:
    """Write down what Runware has taken in all, beside what our ledger has; returns whether it was the day's first."""
    before = await tx.fetch_one(_LAST_STATEMENT)
    since = await the_row(tx, _SPENT, 0 if before is None else before["last_line"], now - _SETTLED)
    ours = since["spent"] + (0 if before is None else before["ours"])
    last_line = max(since["last_line"], 0 if before is None else before["last_line"])
    return await tx.execute(_STATEMENT, day, now, theirs, ours, last_line) == 1


async def statements(tx: Tx, limit: int) -> list[Statement]:
    """Return the last statements, newest first."""
    return [
        Statement(row["day"], row["taken_at"], row["theirs"], row["ours"])
        for row in await tx.fetch_all(_STATEMENTS, limit)
    ]
