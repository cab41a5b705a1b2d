"""What owners read of the spending: a chart, a short table, and what there is to know of the sums. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from discord import ui

from bot import reports
from bot.budgets import Usage
from bot.quota import dollars, role
from bot.reports import Name
from cogs import _words as words
from cogs._alt import LONGEST
from cogs._layout import BLUE, GREY, card, file, gallery, text
from storage.usage import Dimension, Tally

CHART: Final = "usage.png"
#: So many rows of a chart are read out in its alt text.
_READ_OUT: Final = 3
#: Less than this many percent off is as good as exact.
_EXACT: Final = 0.05

_HEADINGS: Final[Mapping[Dimension, str]] = {
    Dimension.ALL: "**The dearest days**",
    Dimension.MEMBER: "**Who spent most**",
    Dimension.ROLE: "**By the role whose limit admitted it**",
    Dimension.CHANNEL: "**Where most was spent**",
    Dimension.OPTION: "**By option**\n-# An edit has several options, so these add up to more than the whole.",
}


def report(usage: Usage, names: Mapping[str, Name], table: str | None) -> ui.LayoutView:
    """Return a report; ``table`` is the name of the attached CSV, which comes with the chart or not at all."""
    parts = [text(*_head(usage))]
    if table is not None:
        parts += gallery([(CHART, alt(usage, names))])
    if reports.top(usage):
        parts += [text(_HEADINGS[usage.dimension], *_table(usage, names))]
    parts += [ui.Separator(), text(*_notes(usage))]
    if table is not None:
        parts += [file(table)]
    return card(*parts, colour=GREY if table is None else BLUE)


def is_empty(usage: Usage) -> bool:
    """Tell whether there is nothing to draw and nothing to list."""
    return usage.total == Tally()


def file_name(usage: Usage) -> str:
    """Return the name of the CSV."""
    return f"usage-by-{_by(usage)}-{usage.last_day - usage.first_day + 1}-days.csv"


def alt(usage: Usage, names: Mapping[str, Name]) -> str:
    """Return what the chart shows, in words."""
    shown = reports.top(usage)[:_READ_OUT]
    most = words.listed([f"{reports.label(key, names)} {dollars(tally.spent)}" for key, tally in shown])
    chart = f"A bar chart of what was spent by {_by(usage)}, {reports.stretch(usage)}."
    return words.cut(f"{chart} The most: {most or 'nothing'}.", LONGEST)


# Names ---------------------------------------------------------------------------------------------------------------


def names(usage: Usage, guild_id: int, known: Mapping[int, str | None]) -> dict[str, Name]:
    """Return how the rows are called; of members, only those that are shown.

    ``known`` has names by Discord's ids, and ``None`` for what is gone; of those not in it Discord said nothing.
    """
    rows = reports.top(usage) if usage.dimension is Dimension.MEMBER else usage.rows
    match usage.dimension:
        case Dimension.MEMBER:
            return {key: _member(usage, key, known) for key, _ in rows}
        case Dimension.ROLE:
            return {key: _role(int(key), guild_id, known) for key, _ in rows}
        case Dimension.CHANNEL:
            return {key: _channel(int(key), known) for key, _ in rows}
        case _:
            return {}


def _member(usage: Usage, key: str, known: Mapping[int, str | None]) -> Name:
    if key == usage.server:
        return Name("this server, for what came late", "this server")
    user_id = usage.people.get(key)
    if user_id is None:
        return Name("someone who was forgotten", "someone forgotten")
    end = f"…{str(user_id)[-4:]}"
    name = known.get(user_id)
    left = user_id in known and name is None
    return Name(f"a member who left ({end})" if left else words.who(user_id), name or f"member {end}")


def _role(role_id: int, guild_id: int, known: Mapping[int, str | None]) -> Name:
    if not role_id:
        return Name("no role’s limit", "no role")
    if role_id == guild_id:
        return Name("everyone", "everyone")
    name = known.get(role_id)
    return Name("a role that was deleted", "a deleted role") if name is None else Name(role(role_id), name)


def _channel(channel_id: int, known: Mapping[int, str | None]) -> Name:
    name = known.get(channel_id)
    if name is None:
        return Name("a channel that was deleted", "a deleted channel")
    return Name(f"<#{channel_id}>", f"#{name}")


def _by(usage: Usage) -> str:
    return "day" if usage.dimension is Dimension.ALL else usage.dimension.value


# Lines ---------------------------------------------------------------------------------------------------------------


def _head(usage: Usage) -> Sequence[str]:
    total, days = usage.total, usage.last_day - usage.first_day + 1
    when = "today" if days == 1 else f"in {days} days"
    if is_empty(usage):
        spent = f"### Nothing was spent {when}"
        counts: list[str] = []
    else:
        spent = f"### {dollars(total.spent)} spent {when}"
        counts = [f"{words.counted(total.edits, 'edit')} · {words.counted(total.pictures, 'picture')}"]
    return [spent, *counts, f"-# {reports.stretch(usage)}, days in {usage.time_zone}"]


def _table(usage: Usage, names: Mapping[str, Name]) -> Iterator[str]:
    shown = reports.top(usage)
    for rank, (key, tally) in enumerate(shown, 1):
        edits = words.counted(tally.edits, "edit").replace(" ", "\N{NO-BREAK SPACE}")
        called = names[key].mention if key in names else words.plain(key)
        yield f"{rank}. **{dollars(tally.spent)}** · {called} · {edits}"
    if usage.more:
        yield f"-# The file has the {reports.MOST_ROWS:,} that spent most."
    elif len(usage.rows) > len(shown):
        yield f"-# The file has {len(usage.rows) - len(shown):,} more."


def _notes(usage: Usage) -> Iterator[str]:
    total = usage.total
    if total.settled:
        yield f"**Estimates:** {dollars(total.expected)} expected, {dollars(total.settled)} settled{_off(total)}."
    if total.failed:
        yield f"**Failures:** {words.counted(total.failed, 'edit')} came to nothing, and cost nothing{_but(total)}."
    if total.late:
        yield f"**Late:** {dollars(total.late)} came after an edit was over; the server pays it, no member."
    if total.overshoot:
        yield f"**Overshoots:** {dollars(total.overshoot)} more than was held."
    if total.guessed:
        yield f"**Estimated:** {dollars(total.guessed)} of which Runware never told the cost."
    held = usage.held
    if held.edits:
        yield f"**Held now:** {dollars(held.amount)} for {words.counted(held.edits, 'edit')} under way."
    else:
        yield "**Held now:** nothing."


def _off(total: Tally) -> str:
    off = reports.deviation(total)
    if off is None:
        return ""
    if abs(off) < _EXACT:
        return ": exactly as expected"
    return f": {abs(off):.1f} % {'more' if off > 0 else 'less'}"


def _but(total: Tally) -> str:
    return " but what came late" if total.late else ""
