"""Reports of a server's usage: the rows of a table, the bars of a chart, and the whole as CSV. Rules without I/O."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from bot import charts
from bot.budgets import Usage
from bot.charts import Bar
from bot.lettering import drawable
from bot.quota import dollars
from storage.records import MICROS_PER_DOLLAR
from storage.usage import Dimension, Tally

#: The most rows of a report; a server with more members sees those who spent most.
MOST_ROWS: Final = 5_000
#: So many rows are shown on a card and in a chart; the CSV has them all.
SHOWN: Final = 10

#: The columns of amounts and numbers, by the fields of :class:`Tally`.
_NUMBERS: Final = ("edits", "failed", "pictures")
_AMOUNTS: Final = {
    "spent": "spent_usd",
    "expected": "expected_usd",
    "settled": "settled_usd",
    "late": "late_usd",
    "overshoot": "overshoot_usd",
    "guessed": "estimated_usd",
}
#: What a spreadsheet takes for a formula, or for a number of which it keeps fifteen digits.
_MISREAD: Final = re.compile(r"[=+\-@\t\r].*|\d+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Name:
    """How the key of a row is called."""

    #: On a card, where Discord shows a mention as a name.
    mention: str
    #: In a chart and in a file, which know no mentions.
    label: str


@dataclass(frozen=True, slots=True)
class Files:
    """What comes with the card of a report."""

    chart: bytes
    table: bytes


def top(usage: Usage) -> list[tuple[str, Tally]]:
    """Return the rows to show, what cost most first: of the dimension ``all`` the dearest days, by their dates."""
    rows = usage.rows
    if usage.dimension is Dimension.ALL:
        dearest = sorted(usage.days, key=lambda found: (-found[1].spent, found[0]))
        rows = [(_day(number), tally) for number, tally in dearest]
    return [(key, tally) for key, tally in rows[:SHOWN] if tally.spent]


def stretch(usage: Usage) -> str:
    """Return the days of a report: ``Oct 27 – Nov 25, 2025``."""
    first, last = date.fromordinal(usage.first_day), date.fromordinal(usage.last_day)
    end = f"{_day(usage.last_day)}, {last.year}"
    if first == last:
        return end
    year = "" if first.year == last.year else f", {first.year}"
    return f"{_day(usage.first_day)}{year} – {end}"


def deviation(tally: Tally) -> float | None:
    """Return by how many percent edits cost more than was expected, or less where it is negative."""
    return 100 * (tally.settled - tally.expected) / tally.expected if tally.expected else None


def files(usage: Usage, names: Mapping[str, Name]) -> Files:
    """Draw the chart and write the CSV. It takes a while: call it in a thread."""
    return Files(_chart(usage, names), table(usage, names))


def table(usage: Usage, names: Mapping[str, Name]) -> bytes:
    """Return every row as CSV, amounts in dollars; of the dimension ``all`` one for each day."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([*_SUBJECTS[usage.dimension], *_NUMBERS, *_AMOUNTS.values()])
    for subject, tally in _lines(usage, names):
        numbers = [getattr(tally, name) for name in _NUMBERS]
        amounts = [exactly(getattr(tally, name)) for name in _AMOUNTS]
        writer.writerow([*map(cell, subject), *numbers, *amounts])
    # Without the mark at its beginning, Excel takes the file for another encoding.
    return text.getvalue().encode("utf-8-sig")


def bars(usage: Usage, names: Mapping[str, Name]) -> list[Bar]:
    """Return the bars of a report: the rows that are shown, or every day of the dimension ``all``."""
    if usage.dimension is Dimension.ALL:
        return [Bar(_day(number), tally.spent) for number, tally in _every_day(usage)]
    return [Bar(_drawn(usage, key, label(key, names)), tally.spent) for key, tally in top(usage)]


def label(key: str, names: Mapping[str, Name]) -> str:
    """Return how a row is called without mentions; days and options speak for themselves."""
    return names[key].label if key in names else key


def subject(usage: Usage, key: str) -> str:
    """Return what a row is about as a file has it: Discord's id of a member, role or channel, or the option."""
    if usage.dimension is Dimension.MEMBER:
        return str(usage.people[key]) if key in usage.people else "server" if key == usage.server else "forgotten"
    return "none" if (usage.dimension, key) == (Dimension.ROLE, "0") else key


#: The columns that say what a row is about.
_SUBJECTS: Final[Mapping[Dimension, Sequence[str]]] = {
    Dimension.ALL: ("day",),
    Dimension.MEMBER: ("member_id", "name"),
    Dimension.ROLE: ("role_id", "name"),
    Dimension.CHANNEL: ("channel_id", "name"),
    Dimension.OPTION: ("option",),
}


def _chart(usage: Usage, names: Mapping[str, Name]) -> bytes:
    subtitle = f"{stretch(usage)} · {dollars(usage.total.spent)}"
    if usage.dimension is Dimension.ALL:
        return charts.timeline("Spending by day", subtitle, bars(usage, names))
    return charts.ranking(f"Spending by {usage.dimension}", subtitle, bars(usage, names))


def _drawn(usage: Usage, key: str, label: str) -> str:
    """Return a label whose letters the chart has: where a name has others, the end of the id tells whose it is."""
    return label if drawable(label) else f"{usage.dimension} …{subject(usage, key)[-4:]}"


def _lines(usage: Usage, names: Mapping[str, Name]) -> list[tuple[Sequence[str], Tally]]:
    if usage.dimension is Dimension.ALL:
        return [((date.fromordinal(number).isoformat(),), tally) for number, tally in _every_day(usage)]
    if usage.dimension is Dimension.OPTION:
        return [((key,), tally) for key, tally in usage.rows]
    return [((subject(usage, key), names[key].label if key in names else ""), tally) for key, tally in usage.rows]


def _every_day(usage: Usage) -> list[tuple[int, Tally]]:
    known = dict(usage.days)
    return [(number, known.get(number, Tally())) for number in range(usage.first_day, usage.last_day + 1)]


def _day(number: int) -> str:
    day = date.fromordinal(number)
    return f"{day:%b} {day.day}"


def exactly(micros: int) -> str:
    """Return micro-dollars in dollars, all of them: ``0.044200``."""
    whole, rest = divmod(micros, MICROS_PER_DOLLAR)
    return f"{whole}.{rest:06}"


def cell(text: str) -> str:
    """Return a text that a spreadsheet shows as it is."""
    return f"'{text}" if _MISREAD.fullmatch(text) else text
