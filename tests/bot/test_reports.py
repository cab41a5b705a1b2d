"""A report as rows, bars and CSV: what of the sums is shown, how it is called, and what a spreadsheet makes of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bot import charts, reports
from bot.budgets import Usage
from bot.reports import Name
from storage.usage import Dimension, Held, Tally

LAST = date(2026, 1, 3).toordinal()
FIRST = date(2025, 12, 30).toordinal()
EMPTY = Usage(FIRST, LAST, "UTC", Tally(), Dimension.ALL, (), False, {}, None, (), Held(0, 0))


def spent(amount: int, **others: int) -> Tally:
    return Tally(edits=1, pictures=1, spent=amount, **others)


def by(dimension: Dimension, *rows: tuple[str, Tally], **changes: Any) -> Usage:
    total = sum((tally for _, tally in rows), Tally())
    return replace(EMPTY, total=total, dimension=dimension, rows=rows, **changes)


def by_day(*days: tuple[int, Tally]) -> Usage:
    return replace(EMPTY, total=sum((tally for _, tally in days), Tally()), days=days)


def read(usage: Usage, names: Mapping[str, Name] | None = None) -> list[dict[str, str]]:
    text = reports.table(usage, names or {}).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_csv_has_every_row_with_amounts_in_dollars_to_the_micro_dollar() -> None:
    first = Tally(3, 1, 5, 1_234_567, 1_000_000, 1_200_000, 34_567, 1, 20)
    rows = [("30 steps", first), *((f"{number} steps", spent(number)) for number in range(29, 9, -1))]
    table = read(by(Dimension.OPTION, *rows))
    assert len(table) == len(rows) > reports.SHOWN
    assert table[0] == {
        "option": "30 steps",
        "edits": "3",
        "failed": "1",
        "pictures": "5",
        "spent_usd": "1.234567",
        "expected_usd": "1.000000",
        "settled_usd": "1.200000",
        "late_usd": "0.034567",
        "overshoot_usd": "0.000001",
        "estimated_usd": "0.000020",
    }


def test_the_csv_says_its_encoding_to_a_spreadsheet() -> None:
    table = reports.table(by(Dimension.OPTION, ("1024 × 768", spent(1))), {})
    assert table.startswith(b"\xef\xbb\xbfoption,")
    assert "1024 × 768" in table.decode("utf-8-sig")


def test_the_csv_by_day_has_a_row_for_each_day_also_where_nothing_was_spent() -> None:
    table = read(by_day((FIRST + 1, spent(500_000)), (LAST, spent(250_000))))
    assert [(row["day"], row["spent_usd"]) for row in table] == [
        ("2025-12-30", "0.000000"),
        ("2025-12-31", "0.500000"),
        ("2026-01-01", "0.000000"),
        ("2026-01-02", "0.000000"),
        ("2026-01-03", "0.250000"),
    ]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@sum(A1)", "\tx", "\r=1", "0123", "="])
def test_a_name_that_a_spreadsheet_would_run_or_round_is_text_in_the_csv(name: str) -> None:
    usage = by(Dimension.MEMBER, ("7", spent(1)), people={"7": 1_000_000_000_000_000_007})
    row = read(usage, {"7": Name("<@1>", name)})[0]
    assert row["name"] == f"'{name}"
    assert row["member_id"] == "'1000000000000000007"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_name_is_found_again_in_the_csv_and_none_begins_as_a_formula(name: str) -> None:
    row = read(by(Dimension.ROLE, ("77", spent(1))), {"77": Name("<@&77>", name)})[0]
    assert row["name"].removeprefix("'") == name.removeprefix("'")
    assert not row["name"].startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize(
    ("usage", "subject"),
    [
        (by(Dimension.MEMBER, ("7", spent(1)), people={"7": 71}), "71"),
        (by(Dimension.MEMBER, ("7", spent(1)), people={}), "forgotten"),
        (by(Dimension.MEMBER, ("7", spent(1)), people={}, server="7"), "server"),
        (by(Dimension.ROLE, ("0", spent(1))), "none"),
        (by(Dimension.ROLE, ("71", spent(1))), "71"),
        (by(Dimension.CHANNEL, ("0", spent(1))), "0"),
    ],
)
def test_a_row_says_whom_it_is_about(usage: Usage, subject: str) -> None:
    assert reports.subject(usage, usage.rows[0][0]) == subject


def test_the_dearest_rows_are_shown_and_those_that_cost_nothing_are_not() -> None:
    rows = [(str(number), spent(100 - number)) for number in range(15)]
    assert reports.top(by(Dimension.CHANNEL, *rows)) == rows[: reports.SHOWN]
    assert reports.top(by(Dimension.CHANNEL, rows[0], ("9", Tally(failed=1)))) == rows[:1]


def test_of_days_the_dearest_come_first_and_of_two_alike_the_earlier() -> None:
    usage = by_day((FIRST, spent(5)), (FIRST + 1, spent(7)), (FIRST + 2, spent(7)), (LAST, Tally(failed=1)))
    assert [key for key, _ in reports.top(usage)] == ["Dec 31", "Jan 1", "Dec 30"]


def test_a_chart_over_time_has_every_day_and_a_ranking_what_is_shown() -> None:
    days = reports.bars(by_day((FIRST + 1, spent(9))), {})
    assert [(bar.label, bar.amount) for bar in days] == [
        ("Dec 30", 0),
        ("Dec 31", 9),
        ("Jan 1", 0),
        ("Jan 2", 0),
        ("Jan 3", 0),
    ]
    ranked = reports.bars(by(Dimension.OPTION, ("30 steps", spent(9)), ("1 result", spent(8))), {})
    assert [(bar.label, bar.amount) for bar in ranked] == [("30 steps", 9), ("1 result", 8)]


@pytest.mark.parametrize(("name", "drawn"), [("Zoë", "Zoë"), ("李伟", "member …0071"), ("🌸", "member …0071")])
def test_a_name_that_the_chart_cannot_write_gives_way_to_the_end_of_the_id(name: str, drawn: str) -> None:
    usage = by(Dimension.MEMBER, ("7", spent(1)), people={"7": 5_000_071})
    assert [bar.label for bar in reports.bars(usage, {"7": Name("<@5000071>", name)})] == [drawn]


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (FIRST, LAST, "Dec 30, 2025 – Jan 3, 2026"),
        (LAST - 1, LAST, "Jan 2 – Jan 3, 2026"),
        (LAST, LAST, "Jan 3, 2026"),
    ],
)
def test_days_are_named_with_their_years_where_these_differ(first: int, last: int, words: str) -> None:
    assert reports.stretch(replace(EMPTY, first_day=first, last_day=last)) == words


@pytest.mark.parametrize(
    ("expected", "settled", "percent"), [(100, 110, 10.0), (100, 75, -25.0), (100, 100, 0.0), (0, 50, None)]
)
def test_how_far_estimates_fall_is_told_in_percent_of_them(expected: int, settled: int, percent: float | None) -> None:
    assert reports.deviation(Tally(expected=expected, settled=settled)) == percent


@pytest.mark.parametrize(
    "usage",
    [
        by_day((LAST, spent(9))),
        by_day((LAST, Tally(failed=1))),
        *(by(dimension, ("7", spent(9))) for dimension in Dimension if dimension is not Dimension.ALL),
    ],
)
def test_every_report_comes_with_a_picture_and_a_table(usage: Usage) -> None:
    files = reports.files(usage, {})
    assert Image.open(io.BytesIO(files.chart)).width == charts.WIDTH
    assert files.table.count(b"\r\n") == 1 + (5 if usage.dimension is Dimension.ALL else 1)
