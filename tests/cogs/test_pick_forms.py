"""The form on the pictures of a message: what it offers, what it leaves out and why, and what was chosen of it."""

from __future__ import annotations

from typing import Any

import pytest

from bot.errors import BadPicture
from bot.images import MAX_BYTES
from cogs import _forms as forms
from cogs import _pick_forms as pick_forms
from storage.picks import Found
from storage.records import Basis, Price, Source

PRICE = Price(30_000, 45_001, Basis(Source.EXAMPLES))
CAT = Found("cat.png", "https://cdn.example/cat.png", True, 300_000, width=640, height=480)
DOG = Found("dog.jpg", "https://cdn.example/dog.jpg", True, 3_400_000)
LINK = Found("x" * 200, "https://example.com/x")
HUGE = Found("huge.png", "https://cdn.example/huge.png", True, MAX_BYTES + 1)
EMPTY = Found("empty.png", "https://cdn.example/empty.png", True, 0)


def a_form(*pictures: Found) -> dict[str, Any]:
    good, bad = pick_forms.offered(pictures)
    return pick_forms.pick(7, good, [PRICE] * 3, left_out=bad).to_dict()


def fields(form: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {part["component"]["custom_id"]: part["component"] for part in form["components"] if "component" in part}


def sent(*pictures: int) -> forms.Sent:
    return forms.Sent("pick", (7,), None, "at night", None, pictures, ())


def test_a_form_on_one_picture_names_it_and_asks_for_words_and_more_pictures() -> None:
    form = a_form(CAT)
    assert (form["title"], form["custom_id"]) == ("Edit cat.png", "form-pick:7:30000-30000-30000")
    assert list(fields(form)) == ["prompt", "files"]
    assert fields(form)["prompt"].get("value") is None
    assert fields(form)["files"]["max_values"] == 2
    assert len(a_form(LINK)["title"]) <= 45


def test_of_several_pictures_up_to_three_are_chosen_by_number_name_and_size_the_first_by_default() -> None:
    menu = fields(a_form(CAT, DOG, LINK, CAT))["picture"]
    assert (menu.get("min_values", 1), menu["max_values"]) == (1, 3)
    options = menu["options"]
    assert [option["value"] for option in options] == ["1", "2", "3", "4"]
    assert [option["default"] for option in options] == [True, False, False, False]
    assert [option["label"] for option in options[:2]] == ["1 · cat.png", "2 · dog.jpg"]
    assert len(options[2]["label"]) <= 100
    assert [option.get("description") for option in options[:3]] == ["640 × 480 · 292 kB", "3.2 MB", None]


def test_what_cannot_be_a_picture_is_left_out_in_words_and_the_others_keep_their_number() -> None:
    form = a_form(HUGE, CAT, EMPTY, DOG)
    assert [option["value"] for option in fields(form)["picture"]["options"]] == ["2", "4"]
    assert [option["default"] for option in fields(form)["picture"]["options"]] == [True, False]
    said = form["components"][0]["content"]
    assert "`huge.png` given as `picture 1` has 25.0 MB" in said
    assert "`empty.png` given as `picture 3` is empty" in said


def test_a_message_of_which_nothing_can_be_a_picture_is_refused() -> None:
    with pytest.raises(BadPicture, match=r"`huge\.png` given as `picture 1` has 25\.0 MB and I take up to 25 MB"):
        pick_forms.offered([HUGE, EMPTY])


def test_what_was_chosen_counts_in_the_order_of_the_message_and_nothing_else_does() -> None:
    good, _ = pick_forms.offered([HUGE, CAT, DOG, LINK])
    assert pick_forms.chosen(sent(4, 2), good) == [2, 4]
    assert pick_forms.chosen(sent(), good) == [2]
    assert pick_forms.chosen(sent(1, 9), good) == [2], "what the form did not offer is no choice"
