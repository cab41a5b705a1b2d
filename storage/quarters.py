"""Units of work over ``account_quarters``: how much an account used, by quarter of an hour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from storage._rows import the_row
from storage.database import Row, Tx
from storage.windows import Stretch

_USED: Final = """
SELECT CAST(coalesce(sum(held), 0) AS BIGINT) AS held, CAST(coalesce(sum(spent), 0) AS BIGINT) AS spent,
    CAST(coalesce(sum(edits), 0) AS BIGINT) AS edits, CAST(coalesce(sum(pictures), 0) AS BIGINT) AS pictures
FROM account_quarters WHERE account_id = ?1 AND quarter_at >= ?2 AND quarter_at < ?3
"""
_WITHIN: Final = """
SELECT quarter_at, held, spent, edits, pictures FROM account_quarters
WHERE account_id = ?1 AND quarter_at >= ?2 AND quarter_at < ?3 ORDER BY quarter_at
"""
_ADD: Final = """
INSERT INTO account_quarters (account_id, quarter_at, held, spent, edits, pictures) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (account_id, quarter_at) DO UPDATE SET
    held = account_quarters.held + excluded.held, spent = account_quarters.spent + excluded.spent,
    edits = account_quarters.edits + excluded.edits, pictures = account_quarters.pictures + excluded.pictures
"""
_CHANGE: Final = """
UPDATE account_quarters SET
    held = held + ?3, spent = spent + ?4, edits = edits + ?5, pictures = pictures + ?6
WHERE account_id = ?1 AND quarter_at = ?2
"""


@dataclass(frozen=True, slots=True)
class Use:
    """An amount of use, or a signed change of one: micro-dollars held and spent, edits, and their pictures."""

    held: int = 0
    spent: int = 0
    edits: int = 0
    pictures: int = 0


async def used(tx: Tx, account_id: int, stretch: Stretch) -> Use:
    """Return what an account used in a stretch of time."""
    return _use(await the_row(tx, _USED, account_id, stretch.start, stretch.until))


async def within(tx: Tx, account_id: int, stretch: Stretch) -> list[tuple[int, Use]]:
    """Return the quarters of a stretch in which something was used, oldest first."""
    rows = await tx.fetch_all(_WITHIN, account_id, stretch.start, stretch.until)
    return [(row["quarter_at"], _use(row)) for row in rows]


async def add(tx: Tx, account_id: int, quarter_at: int, use: Use) -> None:
    """Add use to a quarter."""
    await tx.execute(_ADD, account_id, quarter_at, use.held, use.spent, use.edits, use.pictures)


async def change(tx: Tx, account_id: int, quarter_at: int, use: Use) -> None:
    """Change a quarter in which something was held.

    This needs no lock: all of it changes in one row, so whoever sums up beside it sees either all of it or nothing.
    """
    await tx.execute(_CHANGE, account_id, quarter_at, use.held, use.spent, use.edits, use.pictures)


def _use(row: Row) -> Use:
    return Use(row["held"], row["spent"], row["edits"], row["pictures"])
