"""Units of work over ``allowances`` and their hours: what is used, and whether an amount still fits.

The UPDATE of an allowance's own row is the lock on both engines: a competing unit waits there until this one is
over, and then sums the hours anew. Several allowances are locked in the order of their ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from storage._rows import the_row
from storage.database import Tx
from storage.records import Allowance, Scope

HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR


class AllowanceExceeded(Exception):
    """An amount does not fit; the unit that meets this is rolled back whole."""

    def __init__(self, allowance: Allowance, amount: int) -> None:
        super().__init__(f"{allowance.scope} allowance {allowance.id} has {allowance.left} left, {amount} asked")
        self.allowance = allowance
        self.amount = amount


@dataclass(frozen=True, slots=True)
class Window:
    """The stretch of time over which a limit counts: [start, until), in milliseconds since the epoch."""

    start: int
    until: int

    @classmethod
    def of_day(cls, now: int) -> Window:
        """Return the calendar day (UTC) that ``now`` lies in."""
        start = now - now % DAY
        return cls(start, start + DAY)


#: What each scope may use in a window when its row says nothing else, in micro-dollars.
Limits = Mapping[Scope, int]

_ENSURE = """
INSERT INTO allowances (account_id, scope) VALUES (?1, ?2) ON CONFLICT (account_id) DO NOTHING
"""
_FIND = "SELECT id, scope, limit_micros FROM allowances WHERE account_id = ?1"
_LOCK = "UPDATE allowances SET checks = checks + 1 WHERE id = ?1"
_USED = """
SELECT CAST(coalesce(sum(held), 0) AS BIGINT) AS held, CAST(coalesce(sum(spent), 0) AS BIGINT) AS spent
FROM allowance_hours WHERE allowance_id = ?1 AND hour_at >= ?2 AND hour_at < ?3
"""
_BOOK = """
INSERT INTO allowance_hours (allowance_id, hour_at, held, spent) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (allowance_id, hour_at) DO UPDATE SET
    held = allowance_hours.held + excluded.held, spent = allowance_hours.spent + excluded.spent
"""
_END = """
UPDATE allowance_hours SET held = held - ?3, spent = spent + ?4 WHERE allowance_id = ?1 AND hour_at = ?2
"""


async def id_of(tx: Tx, account_id: int, scope: Scope) -> int:
    """Return the id of an account's allowance, making its row when it is missing."""
    row = await tx.fetch_one(_FIND, account_id)
    if row is None:
        await tx.execute(_ENSURE, account_id, scope.value)
        row = await the_row(tx, _FIND, account_id)
    return row["id"]


async def look(tx: Tx, account_id: int | None, scope: Scope, limits: Limits, now: int) -> Allowance:
    """Return an account's allowance as it stands; one that was never used has everything left."""
    window = Window.of_day(now)
    row = None if account_id is None else await tx.fetch_one(_FIND, account_id)
    if row is None:
        return Allowance(0, scope, limits[scope], 0, 0, window.start, window.until)
    used = await the_row(tx, _USED, row["id"], window.start, window.until)
    limit = limits[scope] if row["limit_micros"] is None else row["limit_micros"]
    return Allowance(row["id"], scope, limit, used["spent"], used["held"], window.start, window.until)


async def hold(tx: Tx, accounts: Mapping[Scope, int], amount: int, limits: Limits, now: int) -> list[int]:
    """Hold an amount on every account's allowance, or on none; return the allowances' ids.

    Raises:
        AllowanceExceeded: the first allowance, in locking order, that the amount does not fit.
    """
    by_id = {await id_of(tx, account_id, scope): (account_id, scope) for scope, account_id in accounts.items()}
    for allowance_id in sorted(by_id):
        await tx.execute(_LOCK, allowance_id)
        allowance = await look(tx, *by_id[allowance_id], limits, now)
        if amount > allowance.left:
            raise AllowanceExceeded(allowance, amount)
        await tx.execute(_BOOK, allowance_id, hour_of(now), amount, 0)
    return sorted(by_id)


async def end_hold(tx: Tx, allowance_id: int, hour_at: int, held: int, spent: int) -> None:
    """Give back what was held in an hour and book what was spent instead, in the hour of the hold.

    This needs no lock: both change in one row, so whoever sums the hours beside it sees either all of it or nothing.
    """
    await tx.execute(_END, allowance_id, hour_at, held, spent)


async def spend(tx: Tx, accounts: Mapping[Scope, int], amount: int, now: int) -> None:
    """Book a cost that no hold covers; it may go over the limit, because it is already owed."""
    ids = [await id_of(tx, account_id, scope) for scope, account_id in accounts.items()]
    for allowance_id in sorted(ids):
        await tx.execute(_LOCK, allowance_id)
        await tx.execute(_BOOK, allowance_id, hour_of(now), 0, amount)


def hour_of(now: int) -> int:
    """Return the start of the hour that ``now`` lies in."""
    return now - now % HOUR
