"""Over what allowances count: calendars of many zones, days of 23 and 25 hours, and windows that roll."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from storage.windows import DAY, HOUR, QUARTER, Span, Stretch, Window, day_of, local, quarter_of, zone_of

WINDOWS = [Window(span, rolling) for span in Span for rolling in (False, True)]
ROLLING = [window for window in WINDOWS if window.rolling]
#: Zones whose clocks go by quarters of an hour, and zones that change them at midnight or by half an hour.
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",
    "Africa/Cairo",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Pacific/Chatham",
    "Australia/Lord_Howe",
    "Pacific/Apia",
]
#: From 1990, since when no clock is set off the quarters any more, to 2100.
moments = st.integers(631_152_000_000, 4_102_444_800_000)


def moment(text: str, zone: str = "UTC", *, fold: int = 0) -> int:
    """A local time, such as ``2030-03-31 02:30``, in milliseconds since the epoch."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp() * 1000)


def stretch(span: Span, text: str, zone: str) -> tuple[str, str]:
    """The calendar stretch around a local time, as the clocks there show its ends."""
    found = Window(span).at(moment(text, zone), ZoneInfo(zone))
    start, until = (f"{local(end, ZoneInfo(zone)):%Y-%m-%d %H:%M}" for end in (found.start, found.until))
    return start, until


# The calendar --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ZONES)
def test_the_calendar_is_that_of_the_local_clock(zone: str) -> None:
    noon = "2030-05-15 12:34"
    assert stretch(Span.HOUR, noon, zone) == ("2030-05-15 12:00", "2030-05-15 13:00")
    assert stretch(Span.DAY, noon, zone) == ("2030-05-15 00:00", "2030-05-16 00:00")
    assert stretch(Span.WEEK, noon, zone) == ("2030-05-13 00:00", "2030-05-20 00:00")
    assert stretch(Span.MONTH, noon, zone) == ("2030-05-01 00:00", "2030-06-01 00:00")


@pytest.mark.parametrize(
    ("zone", "hour"), [("Asia/Kolkata", "2030-05-15 06:30"), ("Asia/Kathmandu", "2030-05-15 06:15")]
)
def test_an_hour_begins_when_the_local_clock_strikes_even_between_the_hours_of_utc(zone: str, hour: str) -> None:
    found = Window(Span.HOUR).at(moment("2030-05-15 12:34", zone), ZoneInfo(zone))
    assert found == Stretch(moment(hour), moment(hour) + HOUR)


@pytest.mark.parametrize("span", Span)
def test_a_stretch_begins_with_its_first_millisecond_and_the_next_one_right_after_its_last(span: Span) -> None:
    zone = ZoneInfo("Europe/Berlin")
    found = Window(span).at(moment("2030-05-15 12:34"), zone)
    assert Window(span).at(found.start, zone) == found
    assert Window(span).at(found.until - 1, zone) == found
    assert Window(span).at(found.until, zone).start == found.until


def test_a_week_runs_from_monday_to_sunday() -> None:
    days = [stretch(Span.WEEK, f"2030-12-{day} 23:59", "Asia/Kolkata")[0] for day in (29, 30, 31)]
    assert days == ["2030-12-23 00:00", "2030-12-30 00:00", "2030-12-30 00:00"]
    assert stretch(Span.WEEK, "2031-01-05 00:00", "Asia/Kolkata")[1] == "2031-01-06 00:00"


@pytest.mark.parametrize(
    ("day", "days"),
    [("2030-02-28", 28), ("2028-02-29", 29), ("2100-02-28", 28), ("2030-04-30", 30), ("2030-12-31", 31)],
)
def test_a_month_is_as_long_as_in_the_calendar(day: str, days: int) -> None:
    found = Window(Span.MONTH).at(moment(f"{day} 23:59"), UTC)
    assert (found.until - found.start) // DAY == days


def test_the_last_of_january_is_followed_by_february() -> None:
    assert stretch(Span.MONTH, "2030-01-31 12:00", "Europe/Berlin") == ("2030-01-01 00:00", "2030-02-01 00:00")


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2024-03-31", 23),
        ("Europe/Berlin", "2024-10-27", 25),
        ("America/New_York", "2024-03-10", 23),
        ("America/Santiago", "2024-09-08", 23),
        ("America/Santiago", "2024-04-06", 25),
        ("Africa/Cairo", "2024-04-26", 23),
        ("Africa/Cairo", "2024-10-31", 25),
        ("Australia/Lord_Howe", "2024-10-06", 23.5),
        ("Asia/Kolkata", "2024-03-31", 24),
    ],
)
def test_a_day_on_which_the_clocks_change_is_as_long_as_it_is(zone: str, day: str, hours: float) -> None:
    found = Window(Span.DAY).at(moment(f"{day} 12:00", zone), ZoneInfo(zone))
    assert (found.until - found.start) / HOUR == hours


@pytest.mark.parametrize(("zone", "day"), [("America/Santiago", "2024-09-08"), ("Africa/Cairo", "2024-04-26")])
def test_a_day_without_a_midnight_begins_at_one(zone: str, day: str) -> None:
    start, _ = stretch(Span.DAY, f"{day} 12:00", zone)
    assert start == f"{day} 01:00"
    before = Window(Span.DAY).at(moment(f"{day} 12:00", zone) - DAY, ZoneInfo(zone))
    assert before.until == moment(f"{day} 01:00", zone)


def test_a_day_that_was_left_out_belongs_to_no_stretch() -> None:
    assert stretch(Span.DAY, "2011-12-29 12:00", "Pacific/Apia") == ("2011-12-29 00:00", "2011-12-31 00:00")
    assert stretch(Span.DAY, "2011-12-31 12:00", "Pacific/Apia") == ("2011-12-31 00:00", "2012-01-01 00:00")


def test_an_hour_that_comes_twice_is_two_hours() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first, second = (moment("2024-10-27 02:30", "Europe/Berlin", fold=fold) for fold in (0, 1))
    assert Window(Span.HOUR).at(first, berlin).until == Window(Span.HOUR).at(second, berlin).start
    assert second - first == HOUR


def test_an_hour_that_is_left_out_takes_nothing_from_its_neighbours() -> None:
    assert stretch(Span.HOUR, "2024-03-31 01:59", "Europe/Berlin") == ("2024-03-31 01:00", "2024-03-31 03:00")
    assert stretch(Span.HOUR, "2024-03-31 03:00", "Europe/Berlin") == ("2024-03-31 03:00", "2024-03-31 04:00")


@settings(deadline=None)
@given(window=st.sampled_from(WINDOWS), zone=st.sampled_from(ZONES), now=moments)
@example(window=Window(Span.DAY), zone="America/Santiago", now=moment("2024-09-08 01:00", "America/Santiago"))
@example(window=Window(Span.DAY), zone="Pacific/Apia", now=moment("2011-12-31 00:00", "Pacific/Apia"))
@example(window=Window(Span.HOUR), zone="Australia/Lord_Howe", now=moment("2024-04-07 01:45", "Australia/Lord_Howe"))
def test_every_moment_lies_within_its_stretch(window: Window, zone: str, now: int) -> None:
    found = window.at(now, ZoneInfo(zone))
    assert found.start <= now < found.until


@settings(deadline=None)
@given(window=st.sampled_from(WINDOWS), zone=st.sampled_from(ZONES), now=moments)
def test_a_stretch_begins_with_a_quarter_so_it_is_made_of_whole_ones(window: Window, zone: str, now: int) -> None:
    found = window.at(now, ZoneInfo(zone))
    assert found.start % QUARTER == 0
    assert window.rolling or found.until % QUARTER == 0


# Windows that roll ---------------------------------------------------------------------------------------------------

#: By how much the clock moves before the next use (in windows, and in milliseconds: mostly on), and what is used.
uses = st.lists(
    st.tuples(st.sampled_from([0, 0, 0, 1]), st.integers(-QUARTER, 2 * QUARTER), st.sampled_from([10, 30, 50, 100])),
    min_size=3,
    max_size=40,
)


@settings(deadline=None)
@given(window=st.sampled_from(ROLLING), uses=uses)
def test_a_rolling_window_admits_no_more_than_the_limit_in_any_stretch_of_its_length(
    window: Window, uses: list[tuple[int, int, int]]
) -> None:
    limit, now = 100, moment("2030-05-15 12:34")
    quarters: Counter[int] = Counter()
    admitted: list[tuple[int, int]] = []
    for windows, rest, amount in uses:
        now += windows * window.length + rest
        counted = window.at(now, UTC)
        if amount + sum(quarters[at] for at in quarters if counted.start <= at < counted.until) <= limit:
            quarters[quarter_of(now)] += amount
            admitted.append((now, amount))
    for end, _ in admitted:
        assert sum(amount for at, amount in admitted if end - window.length < at <= end) <= limit


@settings(deadline=None)
@given(window=st.sampled_from(ROLLING), now=moments, age=st.integers(0, 40 * DAY))
def test_a_use_is_out_of_a_rolling_window_a_quarter_after_it_should_at_the_latest(
    window: Window, now: int, age: int
) -> None:
    found = window.at(now, UTC)
    counts = found.start <= quarter_of(now - age) < found.until
    assert counts or age >= window.length
    assert not counts or age < window.length + QUARTER


@pytest.mark.parametrize("window", ROLLING, ids=str)
def test_after_a_clock_was_set_back_a_rolling_window_counts_what_was_booked_ahead(window: Window) -> None:
    booked = moment("2030-05-15 12:34")
    found = window.at(booked - window.length // 2, UTC)
    assert found.start <= quarter_of(booked) < found.until


def test_a_rolling_window_knows_no_zone() -> None:
    now = moment("2024-03-31 12:00")
    assert {window.at(now, ZoneInfo(zone)) == window.at(now, UTC) for window in ROLLING for zone in ZONES} == {True}


# Names of zones and days ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Atlantis/Capital", "", "../etc/passwd", "/etc/passwd", "Europe"])
def test_a_zone_that_does_not_exist_is_utc(name: str) -> None:
    assert zone_of(name) is UTC


def test_a_zone_that_exists_is_itself() -> None:
    assert zone_of("Asia/Kathmandu") == ZoneInfo("Asia/Kathmandu")


def test_a_day_is_counted_as_python_counts_days() -> None:
    assert day_of(0, UTC) == 719_163
    midnight = moment("2030-05-16 00:00", "Asia/Kolkata")
    first, second = (day_of(now, ZoneInfo("Asia/Kolkata")) for now in (midnight - 1, midnight))
    assert (first, second) == (day_of(midnight, UTC), day_of(midnight, UTC) + 1)
    assert day_of(midnight, timezone(timedelta(hours=-12))) == first
