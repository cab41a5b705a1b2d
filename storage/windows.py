"""The stretches of time over which allowances count: rolling, or by the calendar of a server's time zone. No I/O.

Use is kept by quarters of an hour, which every time zone's midnight falls on. Times are milliseconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Final, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MINUTE: Final = 60_000
QUARTER: Final = 900_000
HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR


class Span(StrEnum):
    """How long a window is. A rolling month is 30 days; a calendar week begins on Monday."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


_LENGTHS: Final = {Span.HOUR: HOUR, Span.DAY: DAY, Span.WEEK: 7 * DAY, Span.MONTH: 30 * DAY}


@dataclass(frozen=True, slots=True)
class Stretch:
    """A window at one moment: [start, until). A calendar window is whole again at ``until``."""

    start: int
    until: int


@dataclass(frozen=True, slots=True)
class Window:
    """Over what an allowance counts: the hour, day, week or month of the calendar, or the last so many hours."""

    span: Span
    rolling: bool = False

    @property
    def length(self) -> int:
        """How long a rolling window is, in milliseconds."""
        return _LENGTHS[self.span]

    def at(self, now: int, zone: tzinfo) -> Stretch:
        """Return the stretch that counts at a moment.

        A rolling one begins with the quarter that is partly out of it already, so it never admits more than the
        limit in any stretch of its length; and it reaches ahead of ``now``, where a clock that was set back has
        booked.
        """
        if self.rolling:
            return Stretch(quarter_of(now - self.length), now + self.length)
        if self.span is Span.HOUR:
            return _hour(now, zone)
        today = local(now, zone).date()
        first = {
            Span.DAY: today,
            Span.WEEK: today - timedelta(days=today.weekday()),
            Span.MONTH: today.replace(day=1),
        }[self.span]
        following = {
            Span.DAY: first + timedelta(days=1),
            Span.WEEK: first + timedelta(days=7),
            Span.MONTH: (first + timedelta(days=31)).replace(day=1),
        }[self.span]
        return Stretch(_midnight(first.toordinal(), zone), _midnight(following.toordinal(), zone))

    @classmethod
    def daily(cls) -> Self:
        """Return the calendar day."""
        return cls(Span.DAY)


def zone_of(name: str) -> tzinfo:
    """Return a time zone of the IANA database; one that the database has lost meanwhile counts as UTC."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: it names a folder of zones
        return UTC


def local(now: int, zone: tzinfo) -> datetime:
    """Return a moment as the clocks of a time zone show it."""
    return datetime.fromtimestamp(now / 1000, zone)


def day_of(now: int, zone: tzinfo) -> int:
    """Return the local day of a moment, as Python's proleptic ordinal (1 January 1970 is 719163)."""
    return local(now, zone).date().toordinal()


def week_of(now: int, zone: tzinfo) -> int:
    """Return the local week of a moment, as the ordinal of its Monday."""
    day = day_of(now, zone)
    return day - (day - 1) % 7


def quarter_of(now: int) -> int:
    """Return the start of the quarter of an hour that a moment lies in."""
    return now - now % QUARTER


def _midnight(day: int, zone: tzinfo) -> int:
    """Return when a local day begins. Where the clocks skip midnight that is the moment they are set forward."""
    date = datetime.fromordinal(day)
    return int(date.replace(tzinfo=zone).timestamp() * 1000)


def _hour(now: int, zone: tzinfo) -> Stretch:
    """Return the hour on the local clock. Counted from its own offset, so the hour that comes twice is two hours."""
    offset = local(now, zone).utcoffset() or timedelta()
    start = now - (now + offset // timedelta(milliseconds=1)) % HOUR
    return Stretch(start, start + HOUR)
