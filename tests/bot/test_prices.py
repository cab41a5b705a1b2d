"""What an edit will cost: by the published examples at first, then by what edits did cost."""

from __future__ import annotations

import random

import pytest

from bot.prices import learn, price
from storage.prices import Lessons
from storage.records import EditRequest, Reference, Source

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
    assert price(asked).hold > cost
    assert 0.75 * cost <= price(asked).estimate <= 1.3 * cost


def test_more_of_anything_costs_more() -> None:
    less = price(request(512, 512, 10, 1, 1)).estimate
    for more in [(1024, 512, 10, 1, 1), (512, 1024, 10, 1, 1), (512, 512, 20, 1, 1), (512, 512, 10, 2, 1)]:
        assert price(request(*more)).estimate > less
    assert price(request(512, 512, 10, 1, 2)).estimate in {2 * less, 2 * less + 1}


def test_the_smallest_edit_is_not_free() -> None:
    smallest = request(128, 128, 1, 1)
    assert price(smallest).hold > price(smallest).estimate > 0


def taught(times: int, dearer: float, *, noise: float = 0.0, start: Lessons | None = None) -> Lessons:
    """Lessons of edits of many shapes that cost so many times what the examples say."""
    chance, known = random.Random(7), start or Lessons()
    for _ in range(times):
        asked = request(
            chance.choice([512, 1024]), chance.choice([512, 768]), chance.choice([20, 30]), chance.choice([1, 2, 3])
        )
        cost = price(asked).estimate * dearer * chance.uniform(1 - noise, 1 + noise)
        known = learn(known, asked, price(asked, known).estimate, round(cost))
    return known


def test_a_server_learns_what_its_edits_cost() -> None:
    cheap = price(request(), taught(60, 0.4))
    assert cheap.basis.source is Source.SERVER
    assert cheap.basis.edits == 60
    assert cheap.estimate == pytest.approx(0.4 * price(request()).estimate, rel=0.15)


def test_pixels_and_references_are_learned_apart() -> None:
    known, chance = Lessons(), random.Random(7)
    for _ in range(80):
        size, references = chance.choice([512, 1024, 2048]), chance.choice([1, 2, 3])
        asked = request(size, size, 30, references)
        bare = price(request(size, size, 30, 0)).estimate
        cost = 2 * bare + (price(asked).estimate - bare) // 2
        known = learn(known, asked, price(asked, known).estimate, cost)
    for size, references in [(512, 3), (2048, 1), (1024, 2)]:
        bare = price(request(size, size, 30, 0)).estimate
        truth = 2 * bare + (price(request(size, size, 30, references)).estimate - bare) // 2
        assert price(request(size, size, 30, references), known).estimate == pytest.approx(truth, rel=0.15)


def test_a_few_odd_edits_move_an_estimate_little_and_are_not_said_to_be_its_ground() -> None:
    few = price(request(), taught(2, 50))
    assert few.basis.source is Source.EXAMPLES
    assert few.estimate < 5 * price(request()).estimate


def test_a_server_without_edits_goes_by_those_of_all_servers() -> None:
    asked = price(request(), Lessons(), taught(40, 0.5))
    assert (asked.basis.source, asked.basis.edits) == (Source.BOT, 40)
    assert asked.estimate == pytest.approx(0.5 * price(request()).estimate, rel=0.12)


def test_what_was_learned_long_ago_fades() -> None:
    known = taught(400, 0.5, start=taught(400, 3.0))
    assert price(request(), known).estimate == pytest.approx(0.5 * price(request()).estimate, rel=0.15)


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.3, 0.6])
def test_the_hold_covers_nearly_every_edit_however_much_they_differ(noise: float) -> None:
    known, chance, above = taught(200, 0.7, noise=noise), random.Random(11), 0
    for _ in range(500):
        cost = 0.7 * price(request()).estimate * chance.uniform(1 - noise, 1 + noise)
        above += cost > price(request(), known).hold
    assert above <= 10


def test_prices_that_agree_need_less_held_than_prices_that_differ() -> None:
    steady, wild = price(request(), taught(100, 1.0)), price(request(), taught(100, 1.0, noise=0.6))
    assert steady.hold / steady.estimate < 1.3 < wild.hold / wild.estimate


@pytest.mark.parametrize("cost", [1, 10**12])
def test_an_absurd_cost_is_believed_within_bounds_only(cost: int) -> None:
    known = Lessons()
    for _ in range(50):
        known = learn(known, request(), price(request(), known).estimate, cost)
    learned = price(request(), known)
    assert 0 < learned.estimate <= 51 * price(request()).estimate
    assert learned.hold > learned.estimate
