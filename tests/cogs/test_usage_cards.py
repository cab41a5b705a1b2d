"""The report of a server's usage: what it says, what it leaves out, and Discord's limits on how much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from discord import ui
from simcord.components import walk_components

from bot.budgets import Usage
from cogs import _usage_cards as cards
from storage.usage import Dimension, Held, Tally

GUILD = 1_000_000_000_000_000_001
FIRST, LAST = 739_000, 739_029
ALL = Tally(5, 2, 9, 3_000_000, 2_000_000, 2_500_000, 40_000, 10_000, 30_000)


def usage(dimension: Dimension = Dimension.ALL, *rows: tuple[str, Tally], **changes: Any) -> Usage:
    known = Usage(FIRST, LAST, "Europe/Berlin", ALL, dimension, rows, False, {}, None, ((LAST, ALL),), Held(0, 0))
    return replace(known, **changes)


def says(usage: Usage, known: Mapping[int, str | None] | None = None, table: str | None = "usage.csv") -> str:
    view = cards.report(usage, cards.names(usage, GUILD, known or {}), table)
    return "\n".join(item.content for item in view.walk_children() if isinstance(item, ui.TextDisplay))


def test_a_report_begins_with_the_sum_the_counts_and_the_days_of_the_servers_time_zone() -> None:
    head = says(usage()).splitlines()[:3]
    assert head == [
        "### $3.00 spent in 30 days",
        "5 edits · 9 pictures",
        "-# Apr 24 – May 23, 2024, days in Europe/Berlin",
    ]
    assert says(usage(first_day=LAST)).startswith("### $3.00 spent today\n")


def test_every_sum_with_a_story_has_its_line() -> None:
    text = says(usage(held=Held(2, 120_000)))
    assert "**Estimates:** $2.00 expected, $2.50 settled: 25.0 % more." in text
    assert "**Failures:** 2 edits came to nothing, and cost nothing but what came late." in text
    assert "**Late:** $0.04 came" in text
    assert "**Overshoots:** $0.01 more" in text
    assert "**Estimated:** $0.03 of" in text
    assert "**Held now:** $0.12 for 2 edits under way." in text


def test_a_sum_that_is_nothing_has_no_line() -> None:
    text = says(usage(total=Tally(edits=1, pictures=1, spent=5)))
    assert [word for word in ("Estimates", "Failures", "Late", "Overshoots", "Estimated") if word in text] == []
    assert "**Held now:** nothing." in text


@pytest.mark.parametrize(
    ("expected", "settled", "end"),
    [
        (1_000_000, 900_000, "settled: 10.0 % less."),
        (1_000_000, 1_000_100, "settled: exactly as expected."),
        (0, 900_000, "$0.90 settled."),
    ],
)
def test_estimates_are_said_to_be_off_by_so_many_percent(expected: int, settled: int, end: str) -> None:
    text = says(usage(total=Tally(edits=1, spent=settled, expected=expected, settled=settled)))
    assert next(line for line in text.splitlines() if "Estimates" in line).endswith(end)


def test_a_failure_alone_is_told_to_have_cost_nothing() -> None:
    assert "1 edit came to nothing, and cost nothing." in says(usage(total=Tally(failed=1), days=()))


@pytest.mark.parametrize(
    ("key", "people", "known", "mention", "label"),
    [
        ("7", {"7": 9_000_071}, {9_000_071: "Ana"}, "<@9000071>", "Ana"),
        ("7", {"7": 9_000_071}, {9_000_071: None}, "a member who left (…0071)", "member …0071"),
        ("7", {"7": 9_000_071}, {}, "<@9000071>", "member …0071"),
        ("7", {}, {}, "someone who was forgotten", "someone forgotten"),
        ("8", {}, {}, "this server, for what came late", "this server"),
    ],
)
def test_members_are_mentioned_and_those_who_are_gone_are_named_as_such(
    key: str, people: dict[str, int], known: dict[int, str | None], mention: str, label: str
) -> None:
    report = usage(Dimension.MEMBER, (key, ALL), people=people, server="8")
    assert cards.names(report, GUILD, known)[key].label == label
    assert f"\n1. **$3.00** · {mention} · 5\N{NO-BREAK SPACE}edits" in says(report, known)


@pytest.mark.parametrize(
    ("dimension", "key", "mention", "label"),
    [
        (Dimension.ROLE, "71", "<@&71>", "Painters"),
        (Dimension.ROLE, "72", "a role that was deleted", "a deleted role"),
        (Dimension.ROLE, "0", "no role’s limit", "no role"),
        (Dimension.ROLE, str(GUILD), "everyone", "everyone"),
        (Dimension.CHANNEL, "71", "<#71>", "#Painters"),
        (Dimension.CHANNEL, "72", "a channel that was deleted", "a deleted channel"),
    ],
)
def test_roles_and_channels_are_mentioned_unless_they_were_deleted(
    dimension: Dimension, key: str, mention: str, label: str
) -> None:
    report, known = usage(dimension, (key, ALL)), {71: "Painters"}
    assert cards.names(report, GUILD, known)[key].label == label
    assert f"\n1. **$3.00** · {mention} · 5\N{NO-BREAK SPACE}edits" in says(report, known)


def test_options_and_days_are_called_by_themselves() -> None:
    assert "\n1. **$3.00** · dpm\\_2m · 5\N{NO-BREAK SPACE}edits" in says(usage(Dimension.OPTION, ("dpm_2m", ALL)))
    assert "\n1. **$3.00** · May 23 · 5\N{NO-BREAK SPACE}edits" in says(usage())


def test_a_report_says_how_many_rows_only_the_file_has() -> None:
    rows = [(str(number), ALL) for number in range(25)]
    assert "-# The file has 15 more." in says(usage(Dimension.CHANNEL, *rows))
    assert "The file has" not in says(usage(Dimension.CHANNEL, *rows[:10]))
    assert "-# The file has the 5,000 that spent most." in says(usage(Dimension.CHANNEL, *rows, more=True))


def test_a_report_about_nothing_has_neither_chart_nor_file() -> None:
    nothing = usage(total=Tally(), days=())
    view = cards.report(nothing, {}, None)
    assert cards.is_empty(nothing)
    assert [part["type"] for part in walk_components(view.to_components())] == [17, 10, 14, 10]
    assert says(nothing, table=None).startswith("### Nothing was spent in 30 days\n-# Apr 24")


def test_the_chart_is_told_in_words_with_its_highest_figures() -> None:
    report = usage(Dimension.MEMBER, ("7", ALL), ("8", ALL), people={"7": 70, "8": 80})
    known: dict[int, str | None] = {70: "Ana", 80: "李伟"}
    assert cards.alt(report, cards.names(report, GUILD, known)) == (
        "A bar chart of what was spent by member, Apr 24 – May 23, 2024. The most: Ana $3.00 and 李伟 $3.00."
    )
    assert cards.alt(usage(days=()), {}).endswith("The most: nothing.")


@pytest.mark.parametrize("dimension", Dimension)
def test_the_longest_report_is_one_that_discord_takes(dimension: Dimension) -> None:
    huge = Tally(10**9, 10**9, 10**9, 10**15, 10**15, 10**14, 10**14, 10**14, 10**14)
    rows = [(str(10**18 + number), huge) for number in range(30)]
    people = {key: int(key) for key, _ in rows}
    known: dict[int, str | None] = {int(key): "\N{CHERRY BLOSSOM}" * 100 for key, _ in rows}
    days = tuple((day, huge) for day in range(FIRST, LAST + 1))
    report = usage(dimension, *rows, total=huge, people=people, days=days, held=Held(10**6, 10**15), more=True)
    names = cards.names(report, GUILD, known)
    parts = list(walk_components(cards.report(report, names, cards.file_name(report)).to_components()))
    assert len(parts) <= 40
    assert sum(len(part["content"]) for part in parts if part["type"] == 10) <= 4000
    assert len(cards.alt(report, names)) <= 1024
