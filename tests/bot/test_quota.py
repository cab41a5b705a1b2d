"""Allowances in words, and costs that are added up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot import quota
from storage.allowances import AllowanceExceeded
from storage.records import Allowance, Basis, Measure, Pause, Scope, Source, Standing
from storage.windows import Span, Stretch, Window

DAILY = Allowance(Scope.MEMBER, Measure.MONEY, 500_000, Window.daily())
FREES_AT = 1_900_022_400_000


def exceeded(allowance: Allowance, demand: int, *, spent: int = 0, frees_at: int | None = FREES_AT) -> str:
    standing = Standing(allowance, spent, 0, Stretch(0, FREES_AT))
    return str(quota.over_quota(AllowanceExceeded(standing, demand, frees_at)))


@pytest.mark.parametrize(
    ("micros", "words"),
    [
        (0, "$0.00"),
        (1, "$0.0001"),
        (100, "$0.0001"),
        (101, "$0.0002"),
        (44_200, "$0.0442"),
        (500_000, "$0.50"),
        (500_001, "$0.5001"),
        (1_000_000, "$1.00"),
        (1_230_000, "$1.23"),
        (9_999_901, "$10.00"),
        (1_234_567_800, "$1234.5678"),
    ],
)
def test_dollars_have_two_decimals_or_four_and_are_rounded_up(micros: int, words: str) -> None:
    assert quota.dollars(micros) == words


@pytest.mark.parametrize(
    ("scope", "owner"),
    [
        (Scope.MEMBER, "your own limits"),
        (Scope.ROLE, "the limits of your role <@&77>"),
        (Scope.CHANNEL, "the limits of this channel"),
        (Scope.SERVER, "the limits of this server"),
        (Scope.BOT, "the limits over all servers"),
    ],
)
def test_a_refusal_names_what_is_needed_whose_limit_bound_what_is_left_and_when_it_frees(
    scope: Scope, owner: str
) -> None:
    assert exceeded(replace(DAILY, scope=scope, subject_id=77), 64_201, spent=450_000) == (
        f"This edit needs up to $0.0643 held back, but {owner} allow $0.50 a day, and $0.05 is left. "
        "Enough is free again <t:1900022400:R>. Ask for fewer results, steps or pictures."
    )


def test_the_role_that_everybody_has_is_called_that() -> None:
    everybody = replace(DAILY, scope=Scope.ROLE, subject_id=10, guild_id=10)
    assert "but the limits of everybody here allow $0.50 a day" in exceeded(everybody, 64_201, spent=450_000)
    assert quota.whose(everybody, "Ana") == "everybody"


def test_a_refusal_in_numbers_is_told_in_numbers() -> None:
    pictures = replace(DAILY, measure=Measure.PICTURES, amount=20, window=Window(Span.WEEK, rolling=True))
    sentence = exceeded(pictures, 4, spent=19)
    assert (
        "This edit is 4 pictures, but your own limits allow 20 pictures in any 7 days, and 1 picture is left"
        in sentence
    )


def test_a_refusal_says_when_waiting_would_not_help() -> None:
    assert "at any other time" not in exceeded(DAILY, 500_000)
    assert "would not fit at any other time either" in exceeded(DAILY, 500_001, frees_at=None)


def test_a_refusal_by_a_bound_on_one_edit_names_that_bound() -> None:
    assert "allow at most $0.10 for one edit" in exceeded(replace(DAILY, ceiling=100_000), 100_001, frees_at=None)


def test_a_limit_of_nothing_says_that_no_edits_are_allowed_and_who_decided() -> None:
    assert exceeded(replace(DAILY, amount=0), 1, frees_at=None) == "Your own limits allow no edits."
    by_manager = exceeded(replace(DAILY, amount=0, id=3), 1, frees_at=None)
    assert by_manager == "Your own limits allow no edits: a manager of this server decided that."


@pytest.mark.parametrize("rolling", [False, True])
@pytest.mark.parametrize("span", list(Span))
def test_every_window_has_words_of_its_own(span: Span, rolling: bool) -> None:
    others = {quota.window(Window(other, r)) for other in Span for r in (False, True)} - {
        quota.window(Window(span, rolling))
    }
    assert len(others) == 7


def test_a_limit_is_told_with_its_bound_on_one_edit() -> None:
    assert quota.limit(replace(DAILY, ceiling=100_000)) == "$0.50 a day, at most $0.10 an edit"
    assert quota.limit(replace(DAILY, measure=Measure.EDITS, amount=1)) == "1 edit a day"
    assert quota.limit(replace(DAILY, amount=0)) == "no edits"


def test_an_estimate_says_what_it_goes_by() -> None:
    assert quota.basis(Basis(Source.EXAMPLES)) == "going by Runware's published examples"
    assert quota.basis(Basis(Source.SERVER, 1_234)) == "going by 1,234 edits here"
    assert quota.basis(Basis(Source.BOT, 12)) == "going by 12 edits of all servers"
    assert Basis.parse(str(Basis(Source.BOT, 12))) == Basis(Source.BOT, 12)


def test_a_pause_says_what_it_covers() -> None:
    covered = [quota.paused_where(Pause(guild, channel, "", 0)) for guild, channel in [(0, 0), (1, 0), (1, 2)]]
    assert covered == ["everywhere", "in this server", "in this channel"]


def test_costs_per_item_add_up_and_are_known_when_all_are() -> None:
    assert quota.known_cost([], "item") == 0
    assert quota.known_cost([10, None, 30], "item") == 40
    assert [quota.cost_is_known(costs, "item") for costs in ([], [None], [10, None], [10, 30])] == [0, 0, 0, 1]


def test_a_cost_per_task_is_repeated_by_its_items_and_known_with_the_first() -> None:
    assert quota.known_cost([], "task") == 0
    assert quota.known_cost([30, None, 30], "task") == 30
    assert [quota.cost_is_known(costs, "task") for costs in ([], [None], [10, None], [30, 30])] == [0, 0, 1, 1]
