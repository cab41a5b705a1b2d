"""Do the books balance? The audit of the counters, and our days beside Runware's own figures. It corrects nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from bot.edits import APPROVAL_LIFE
from bot.settings import Settings
from storage import books
from storage.books import EPOCH, Difference, Lines, StaleHold, Statement
from storage.database import Database, Tx
from storage.windows import DAY, HOUR

#: A hold may be this much older than its deadline, in milliseconds, before it counts as forgotten.
_SLACK: Final = HOUR
#: So many statements are compared.
_STATEMENTS: Final = 400


@dataclass(frozen=True, slots=True)
class Audit:
    """What does not agree: counters that are not what the ledger adds up to, and holds that outlived their deadline."""

    differences: tuple[Difference, ...]
    stale: tuple[StaleHold, ...]

    @property
    def balanced(self) -> bool:
        """Whether all agrees."""
        return not self.differences and not self.stale

    def sentences(self) -> list[str]:
        """Say each disagreement in one line."""
        return [
            *(f"{one.what}: {_off(one)}" for one in self.differences),
            *(f"job {one.job_id}: {one.amount:,} micro-dollars are held still" for one in self.stale),
        ]


@dataclass(frozen=True, slots=True)
class Compared:
    """What Runware took and what we booked, in micro-dollars, from the first look of one day to that of another."""

    first_day: int
    #: Not included.
    until_day: int
    ours: int
    theirs: int

    @property
    def difference(self) -> int:
        """By how much Runware took more than we booked."""
        return self.theirs - self.ours


def day_in_utc(now: int) -> int:
    """Return the day of a moment in UTC, as Python's ordinal."""
    return EPOCH + now // DAY


async def days_to_audit(tx: Tx, since: int | None, now: int) -> range:
    """Return the days in UTC that the ledger reaches into, from ``since`` on, or all of them.

    A day of a server lies within a day before to a day after the same day in UTC; and a clock that ran ahead once has
    booked in the future.
    """
    first, last = await books.first_day(tx), await books.last_day(tx)
    if first is None or last is None:
        return range(0)
    start = first - 1 if since is None else max(first - 1, since)
    return range(start, max(last, day_in_utc(now)) + 2)


async def audit(
    database: Database,
    days: Iterable[int],
    settings: Settings,
    now: int,
    *,
    tell: Callable[[int], None] = lambda _: None,
) -> Audit:
    """Audit some days, one after the other, then the grants and the open holds; ``tell`` hears of each day first."""
    differences: list[Difference] = []
    for day in days:
        tell(day)
        differences += await database.read(books.differences, day)
    differences += await database.read(books.grant_differences)
    stale = await database.read(
        books.stale_holds,
        asked_by=now - APPROVAL_LIFE - _SLACK,
        posted_by=now - int(settings.expire_minutes * 60_000) - _SLACK,
        ended_by=now - int(settings.cost_pending_hours * HOUR) - _SLACK,
    )
    return Audit(tuple(differences), tuple(stale))


async def compare(database: Database, since: int | None = None) -> list[Compared]:
    """Return whole days as Runware and we saw them, oldest first; only those from ``since`` on, if that is given."""
    found = await database.read(books.statements, _STATEMENTS)
    chosen = sorted((one for one in found if since is None or one.day >= since), key=_day)
    return [
        Compared(before.day, after.day, after.ours - before.ours, after.theirs - before.theirs)
        for before, after in pairwise(chosen)
    ]


async def lines(database: Database, days: range) -> Lines:
    """Return how what was spent on some days came about."""
    return await database.read(books.lines, days.start, days.stop) if days else Lines(0, 0, 0, 0)


def _day(statement: Statement) -> int:
    return statement.day


def _off(one: Difference) -> str:
    parts = {
        "held": (one.held, "micro-dollars"),
        "spent": (one.spent, "micro-dollars"),
        "edits": (one.edits, "edits"),
        "pictures": (one.pictures, "pictures"),
    }
    return ", ".join(
        f"{name} is {abs(number):,} {unit} too {'high' if number > 0 else 'low'}"
        for name, (number, unit) in parts.items()
        if number
    )
