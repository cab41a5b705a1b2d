"""Earlier edits under a server's rules of today, and what the rules say of LoRAs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import options
from bot.errors import BadOption
from bot.options import brought_within, build_request, check_house
from storage.records import Bound, EditRequest, House, Lora, Reference

CAT = Reference("a" * 64, 1024, 768, "cat.png")
LORAS = {"local:1@1": "Paper Cut", "local:2@1": "Ink Wash"}


def edit(**values: Any) -> EditRequest:
    return build_request({"prompt": "x", "seed": 7, "size": "1024x768", **values}, [CAT], draw=lambda: 0)


def test_what_the_rules_allow_stays_as_it_is() -> None:
    request = edit(steps=30, cfg=4, loras="local:1@1 0.5")
    rules = House(1, bounds={"steps": Bound(10, 30), "size": Bound(None, 1024)}, loras=LORAS)
    assert brought_within(request, rules) == (request, [])


def test_numbers_size_and_loras_are_brought_within_and_each_change_is_told() -> None:
    request = edit(steps=45, cfg=1.5, cache_end=45, loras="local:1@1; local:9@1")
    rules = House(1, bounds={"steps": Bound(None, 45), "cfg": Bound(2), "size": Bound(None, 512)}, loras=LORAS)
    within, told = brought_within(request, rules)
    assert told == [
        "`cfg` 2 instead of 1.5",
        "`size` 512x384 instead of 1024x768",
        "without the LoRA `local:9@1`",
    ]
    assert within == replace(request, cfg=2.0, width=512, height=384, loras=(Lora("local:1@1"),))


def test_a_cached_range_that_does_not_go_with_fewer_steps_goes() -> None:
    within, told = brought_within(
        edit(steps=45, cache_start=30, cache_end=40, fb_cache=True), House(1, bounds={"steps": Bound(None, 20)})
    )
    assert told == ["`steps` 20 instead of 45", "without the cached range"]
    assert (within.steps, within.acceleration.cache_end, within.acceleration.fb_cache) == (20, None, True)


def test_where_no_lora_is_left_none_is_asked_for() -> None:
    within, told = brought_within(edit(loras="local:9@1"), House(1))
    assert (within.loras, len(told)) == ((), 1)


@given(
    st.integers(1, 50),
    st.sampled_from([None, 1.0, 3.5, 20.0]),
    st.tuples(st.integers(1, 50), st.integers(1, 50)).map(sorted),
    st.sampled_from([128, 512, 2048]),
)
def test_what_was_brought_within_the_rules_is_what_they_allow(
    steps: int, cfg: float | None, bound: list[int], longest: int
) -> None:
    rules = House(1, bounds={"steps": Bound(*bound), "cfg": Bound(2, 10), "size": Bound(None, longest)})
    within, _ = brought_within(edit(steps=steps, cfg=cfg), rules)
    check_house(within, rules)
    assert brought_within(within, rules) == (within, [])


def test_the_name_of_a_lora_is_answered_with_its_air() -> None:
    with pytest.raises(BadOption) as refused:
        check_house(edit(loras="claymation"), House(1, loras={"local:3@1": "Claymation"}))
    assert str(refused.value) == (
        "`loras` names LoRAs by their AIRs, and `claymation` is the name of `local:3@1`: type that."
    )


def test_what_is_wrong_already_is_not_judged_by_the_servers_bound_too() -> None:
    rules = House(1, {"steps": 15}, {"steps": Bound(None, 20)})
    faults = options.examine({"prompt": "x", "steps": "99"}, [CAT], house=rules, draw=lambda: 0).faults
    assert [str(fault) for fault in faults] == ["`steps` is a whole number from 1 to 50, and `99` was given."]
