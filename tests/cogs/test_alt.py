"""What a screen reader says for pictures: what people said of them, and what was asked, in as much room as there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.lineage import STEPS_TOLD, Before
from cogs import _alt as alt
from storage.records import EditRequest, Reference, Result

CAT = Reference("ab" * 32, 64, 64, "cat.png", description="A cat on a sofa.")
HAT = Reference("cd" * 32, 64, 64, "hat.png", description="a straw\nhat")
CUP = Reference("ef" * 32, 64, 64, "cup.png")
SEVEN = Reference("09" * 32, 64, 64, "#7", result_id=7)
#: Whatever people may write, and far more than an alt text holds.
anything = st.text(max_size=40).flatmap(lambda text: st.sampled_from([text, text * 100, "x" * 5_000]))


@pytest.fixture
def of(make: Any) -> Callable[..., str]:
    """Return what is said for a result of a request with these pictures."""

    def said(
        *references: Reference, before: Before | None = None, prompt: str = "make it night", **changes: Any
    ) -> str:
        among = changes.pop("among", False)
        request = make.request(references=references, prompt=prompt, **changes)
        return alt.of_result(request, make.result(), before or Before(), among=among)

    return said


# What somebody brings ------------------------------------------------------------------------------------------------


def test_a_picture_is_what_was_said_of_it_and_else_its_file() -> None:
    assert alt.of_reference(CAT) == "A cat on a sofa."
    assert alt.of_reference(CUP) == "A picture to start from: cup.png"
    assert alt.of_reference(Reference("", 1, 1, "cup.png", description=" \u200b\n")) == alt.of_reference(CUP)


def test_one_of_several_begins_with_its_number() -> None:
    assert [alt.of_reference(one, number) for number, one in enumerate((CAT, HAT, CUP), 1)] == [
        "Picture 1: A cat on a sofa.",
        "Picture 2: a straw hat",
        "Picture 3: cup.png",
    ]


# What is made of it --------------------------------------------------------------------------------------------------


def test_a_result_is_what_it_was_made_of_and_what_was_asked(of: Callable[..., str]) -> None:
    assert of(CAT, prompt="make it\nnight") == "A cat on a sofa, edited: make it night"
    assert of(CUP) == "cup.png, edited: make it night"
    assert of(CAT, HAT, SEVEN) == "A cat on a sofa, with a straw hat and #7, edited: make it night"


def test_a_result_among_others_begins_with_its_id(of: Callable[..., str]) -> None:
    for beside in ({"results": 2}, {"among": True}):
        assert of(CAT, **beside) == "#12: A cat on a sofa, edited: make it night"


def test_an_edit_of_an_edit_goes_on_from_what_that_was(of: Callable[..., str]) -> None:
    before = Before(CAT, ("make it night", "and snow"))
    assert of(SEVEN, HAT, before=before, prompt="and rain", parent_id=7) == (
        "A cat on a sofa, with a straw hat, edited: make it night; then: and snow; then: and rain"
    )


def test_an_edit_started_from_its_parent_wherever_that_stands_among_its_pictures(of: Callable[..., str]) -> None:
    assert of(HAT, SEVEN, before=Before(CAT, ("make it day",)), parent_id=7) == (
        "A cat on a sofa, with a straw hat, edited: make it day; then: make it night"
    )
    assert of(HAT, before=Before(CAT, ("make it day",)), parent_id=7) == (
        "A cat on a sofa, with a straw hat, edited: make it day; then: make it night"
    ), "its parent is not among them"


def test_of_earlier_edits_that_are_not_told_there_is_one_sign_in_a_row(of: Callable[..., str]) -> None:
    assert of(SEVEN, before=Before(None, (None, None, "and snow", "")), parent_id=7) == (
        "An earlier picture, edited: …; then: and snow; then: …; then: make it night"
    )


# Its bounds ----------------------------------------------------------------------------------------------------------


@given(
    labels=st.lists(st.tuples(anything, st.none() | anything), min_size=1, max_size=3),
    prompts=st.lists(st.none() | anything, max_size=STEPS_TOLD),
    prompt=anything,
    parent_id=st.none() | st.just(7),
)
def test_whatever_people_write_an_alt_text_fits_and_is_never_empty(
    make: Any, labels: list[tuple[str, str | None]], prompts: list[str | None], prompt: str, parent_id: int | None
) -> None:
    references = tuple(Reference("", 1, 1, label, description=said) for label, said in labels)
    request: EditRequest = make.request(references=references, prompt=prompt, parent_id=parent_id)
    result: Result = make.result(2**63 - 1)
    said = [
        alt.of_result(request, result, Before(references[0], tuple(prompts)), among=True),
        *(alt.of_reference(reference, number) for number, reference in enumerate(references, 1)),
        *(alt.of_reference(reference) for reference in references),
    ]
    assert all(one.strip() and len(one) <= alt.LONGEST for one in said)


def test_the_longest_of_everything_fits(make: Any) -> None:
    longest = Reference("", 1, 1, "x" * 2_000)
    request = make.request(references=(longest,) * 3, prompt="x" * 32_000, parent_id=7)
    before = Before(longest, (None, *["x" * 32_000] * STEPS_TOLD))
    said = alt.of_result(request, make.result(2**63 - 1), before, among=True)
    assert said.count("x…") == 1 + len(request.references) + STEPS_TOLD + 1
    assert len(said) <= alt.LONGEST


@pytest.mark.parametrize("text", ["夜にして。" * 200, "make it night " * 300])
def test_a_long_way_leaves_room_for_the_newest_words(of: Callable[..., str], text: str) -> None:
    told = of(SEVEN, before=Before(CAT, (None, *[text] * STEPS_TOLD)), prompt=text, parent_id=7)
    assert told.startswith("A cat on a sofa, edited: …; then: ")
    assert told.count("; then: ") == STEPS_TOLD + 1
    assert len(told.rpartition("; then: ")[2]) > len(told) / 3
