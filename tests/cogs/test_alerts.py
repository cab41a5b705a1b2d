"""Alerts in words: what happened, what it means, what can be done."""

from __future__ import annotations

from typing import Any

import pytest

from cogs._layout import AMBER, BLUE, RED
from cogs.alerts import worded
from storage.alerts import Alert, AlertKind

SPENT: dict[str, Any] = {
    "scope": "server",
    "limit": "$5.00 a day",
    "operators": True,
    "percent": 80,
    "measure": "money",
    "spent": 4_000_000,
    "held": 0,
    "amount": 5_000_000,
    "resets_at": 1_900_022_400_000,
    "refused": False,
}
FUNDS: dict[str, Any] = {"left": 2_500_000, "held": 40_000, "pace": 1_000_000, "low": "days"}


def alert(kind: AlertKind, facts: dict[str, Any]) -> Alert:
    return Alert(1, 10, kind, facts, 1_900_000_000_000)


def said(kind: AlertKind, facts: dict[str, Any]) -> str:
    return str(worded(alert(kind, facts)))


def test_a_limit_that_is_used_to_a_part_says_what_comes_and_who_set_it() -> None:
    assert said(AlertKind.ALLOWANCE, SPENT) == (
        "A limit of this server is used to 80%. Used so far: $4.00 of $5.00 a day. "
        "When all of it is used, no edit is admitted here until it is whole again <t:1900022400:R>. "
        "Whoever runs the bot has set it, with SERVER_DAILY_USD. `/budget show` says how all limits stand."
    )


def test_a_managers_rolling_limit_in_edits_that_is_used_up() -> None:
    rolling = {"limit": "20 edits in any 7 days", "measure": "edits", "spent": 20, "percent": 100, "resets_at": None}
    assert said(AlertKind.ALLOWANCE, {**SPENT, **rolling, "operators": False}) == (
        "A limit of this server is used up. Used so far: 20 edits of 20 edits in any 7 days. "
        "No edit is admitted here until enough of it is free again. "
        "`/budget show` says how all limits stand, and lets a manager change this one."
    )


def test_a_limit_that_refused_an_edit_says_what_is_held() -> None:
    full = {"scope": "bot", "percent": 99, "spent": 4_900_000, "held": 80_000, "refused": True}
    assert said(AlertKind.ALLOWANCE, {**SPENT, **full}) == (
        "A limit of all servers together has refused an edit. "
        "Used so far: $4.90 of $5.00 a day, and $0.08 is held for edits that are not over. "
        "No edit that needs more than what is left is admitted anywhere until it is whole again <t:1900022400:R>. "
        "It is set by BOT_DAILY_USD and BOT_LIMITS; the command `status` says how all of them stand."
    )


@pytest.mark.parametrize(
    ("low", "head"),
    [
        ("days", "Runware's balance lasts for less than three days"),
        ("day", "Runware's balance lasts for less than a day"),
        ("held", "Runware's balance is below what is held"),
    ],
)
def test_a_low_balance_says_how_low_and_what_to_do(low: str, head: str) -> None:
    assert said(AlertKind.BALANCE, {**FUNDS, "low": low}) == (
        f"{head}. $2.50 is left, and $0.04 is held for edits that are not over. "
        "That is at a pace of $1.00 a day. When it is empty, Runware refuses every edit. "
        "Put money on the account on Runware's dashboard."
    )


def test_a_balance_below_nothing_is_nothing() -> None:
    assert "$0.00 is left" in said(AlertKind.BALANCE, {**FUNDS, "left": -5})


def test_books_that_do_not_balance_name_the_first_differences() -> None:
    first = ["account 3, quarter 0: held is 5 micro-dollars too high"]
    assert said(AlertKind.BOOKS, {"differences": 1, "stale": 2, "first": first}) == (
        "The books do not balance. Not what the ledger adds up to: 1 counter. "
        "Open for longer than any may be: 2 holds. - account 3, quarter 0: held is 5 micro-dollars too high "
        "Nothing was corrected. The command `reconcile` lists everything, and so does the log."
    )


def test_the_colour_tells_how_bad_it_is() -> None:
    colours = [worded(alert(AlertKind.ALLOWANCE, {**SPENT, "percent": percent})).colour for percent in (50, 80, 100)]
    assert colours == [BLUE, AMBER, RED]
    balance = [worded(alert(AlertKind.BALANCE, {**FUNDS, "low": low})).colour for low in ("days", "day", "held")]
    assert balance == [AMBER, RED, RED]
