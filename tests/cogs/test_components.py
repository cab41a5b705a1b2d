"""The custom ids: what a button carries comes back out of it."""

from __future__ import annotations

import re
from typing import Any, cast

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogs._components import DYNAMIC_ITEMS, DeleteMenu, PressButton, YesButton, options

IDS = st.integers(min_value=1, max_value=2**63 - 1)
BUTTONS = [item for item in DYNAMIC_ITEMS if issubclass(item, PressButton)]


def template_of(item: type[discord.ui.DynamicItem[Any]]) -> re.Pattern[str]:
    return item.__discord_ui_compiled_template__


@given(IDS, st.sampled_from(DYNAMIC_ITEMS))
async def test_a_custom_id_gives_back_what_it_was_made_of(number: int, item: type[Any]) -> None:
    made = item(number)
    assert len(made.custom_id) <= 100
    match = template_of(item).fullmatch(made.custom_id)
    assert match is not None
    again = await item.from_custom_id(cast("Any", None), made.item, match)
    assert (type(again), again.target, again.custom_id) == (item, number, made.custom_id)


@given(IDS, st.sampled_from(DYNAMIC_ITEMS))
def test_a_custom_id_belongs_to_one_kind_only(number: int, item: type[Any]) -> None:
    custom_id = item(number).custom_id
    assert [other for other in DYNAMIC_ITEMS if template_of(other).fullmatch(custom_id)] == [item]


@given(st.text(max_size=60))
def test_a_foreign_custom_id_is_nobodys(custom_id: str) -> None:
    ours = re.fullmatch(r"[a-z]+:[1-9][0-9]{0,18}", custom_id)
    assert ours or not [item for item in DYNAMIC_ITEMS if template_of(item).fullmatch(custom_id)]


@pytest.mark.parametrize(
    "custom_id", ["edit:0", "edit:007", "edit:-1", "edit:1e3", "edit:", "edit:" + "9" * 20, "edit:１"]
)
def test_a_number_that_is_no_id_of_ours_matches_nothing(custom_id: str) -> None:
    assert not [item for item in DYNAMIC_ITEMS if template_of(item).fullmatch(custom_id)]


def test_every_button_says_what_it_does() -> None:
    assert sorted(button(1).item.label or "" for button in BUTTONS) == [
        "Approve",
        "Back",
        "Branch",
        "Cancel",
        "Close",
        "Compare",
        "Decline",
        "Delete",
        "Edit",
        "Edit",
        "History",
        "Merge",
        "More",
        "No, thanks",
        "Open",
        "Recipe",
        "Reroll",
        "Show here",
        "Star",
        "Star",
        "Tree",
        "Try again",
    ]
    assert YesButton(1).item.label == "Yes, edit it"


def test_a_yes_names_the_price_it_was_said_to_and_one_of_an_earlier_version_none() -> None:
    for made, custom_id in ((YesButton(7, 45_000), "yes:7:45000"), (YesButton(7), "yes:7")):
        assert made.custom_id == custom_id
        match = template_of(YesButton).fullmatch(custom_id)
        assert match is not None
        assert (match["target"], match["shown"]) == ("7", None if made.shown is None else "45000")


def test_a_menu_lists_pictures_by_short_id(make: Any) -> None:
    first, second = options([make.result(12), make.result(13, seed=None, width=None)], 13)
    assert (first.label, first.value, first.description) == ("Picture 1 · #12", "12", "seed 29892 · 1024 × 768")
    assert (second.label, second.description) == ("Picture 2 · #13", None)
    assert (first.default, second.default) == (False, True)


def test_a_delete_menu_takes_any_number_of_its_pictures(make: Any) -> None:
    menu = DeleteMenu(5, options([make.result(number) for number in range(12, 22)]), most=10)
    assert (menu.item.min_values, menu.item.max_values, len(menu.item.options)) == (1, 10, 10)
