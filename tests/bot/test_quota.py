"""What an edit will cost, and what is said when it does not fit."""

from __future__ import annotations

import pytest

from bot import quota
from storage.records import Allowance, EditRequest, Reference, Scope

#: The model page's priced examples: width, height, steps, references, and the cost in micro-dollars.
PRICED = [
    (1024, 768, 32, 2, 44_200),
    (1024, 1536, 32, 1, 39_000),
    (1024, 1536, 32, 1, 30_700),
    (1024, 768, 30, 3, 59_500),
]


def request(
    width: int = 1024, height: int = 768, steps: int = 30, references: int = 1, results: int = 1
) -> EditRequest:
    pictures = tuple(Reference("a" * 64, 64, 64, f"{number}.png") for number in range(references))
    return EditRequest("a hat", pictures, width, height, 7, results, steps)


@pytest.mark.parametrize(("width", "height", "steps", "references", "cost"), PRICED)
def test_the_hold_covers_every_priced_example_and_the_estimate_is_near_it(
    width: int, height: int, steps: int, references: int, cost: int
) -> None:
    asked = request(width, height, steps, references)
    assert quota.upper_bound(asked) > cost
    assert 0.75 * cost <= quota.estimate(asked) <= 1.3 * cost


def test_more_of_anything_costs_more() -> None:
    less = quota.estimate(request(512, 512, 10, 1, 1))
    for more in [(1024, 512, 10, 1, 1), (512, 1024, 10, 1, 1), (512, 512, 20, 1, 1), (512, 512, 10, 2, 1)]:
        assert quota.estimate(request(*more)) > less
    assert quota.estimate(request(512, 512, 10, 1, 2)) in {2 * less, 2 * less + 1}


def test_the_smallest_edit_is_not_free() -> None:
    smallest = request(128, 128, 1, 1)
    assert quota.upper_bound(smallest) > quota.estimate(smallest) > 0


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
        (Scope.MEMBER, "your daily allowance"),
        (Scope.SERVER, "this server's daily allowance"),
        (Scope.BOT, "the daily limit over all servers"),
    ],
)
def test_a_refusal_names_what_is_needed_whose_limit_bound_what_is_left_and_when_it_resets(
    scope: Scope, owner: str
) -> None:
    allowance = Allowance(1, scope, 500_000, 300_000, 150_000, 0, 1_900_022_400_000)
    sentence = str(quota.over_quota(allowance, 64_201))
    assert sentence == (
        f"This edit needs up to $0.0643 held back, but {owner} of $0.50 has $0.05 left. "
        "It resets <t:1900022400:R>. Fewer results, steps or pictures cost less."
    )


def test_a_refusal_says_when_waiting_would_not_help() -> None:
    allowance = Allowance(1, Scope.MEMBER, 500_000, 0, 0, 0, 1_900_022_400_000)
    assert "would not fit on a fresh day either" not in str(quota.over_quota(allowance, 500_000))
    assert "would not fit on a fresh day either" in str(quota.over_quota(allowance, 500_001))


def test_costs_per_item_add_up_and_are_known_when_all_are() -> None:
    assert quota.known_cost([], "item") == 0
    assert quota.known_cost([10, None, 30], "item") == 40
    assert [quota.cost_is_known(costs, "item") for costs in ([], [None], [10, None], [10, 30])] == [0, 0, 0, 1]


def test_a_cost_per_task_is_repeated_by_its_items_and_known_with_the_first() -> None:
    assert quota.known_cost([], "task") == 0
    assert quota.known_cost([30, None, 30], "task") == 30
    assert [quota.cost_is_known(costs, "task") for costs in ([], [None], [10, None], [30, 30])] == [0, 0, 1, 1]
