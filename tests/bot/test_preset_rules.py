"""Presets without I/O: blanks, options typed as pairs, names, and those that ship with the bot."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot import options
from bot.errors import BadOption
from bot.options import MATCH, MAX_REFERENCES
from bot.presets import (
    LONGEST_NAME,
    MAX_BLANKS,
    SHIPPED,
    Shipped,
    blanks,
    checked_name,
    fill,
    fold,
    literal,
    made_with,
    pair_choices,
    read_pairs,
    read_values,
)
from storage.records import EditRequest, Lora, Reference

CAT = Reference("a" * 64, 1000, 750, "cat.png")


def refused(option: str, act: Any, *given: Any) -> str:
    with pytest.raises(BadOption) as caught:
        act(*given)
    assert caught.value.option == option
    return str(caught.value)


# Blanks --------------------------------------------------------------------------------------------------------------


def test_blanks_are_found_once_each_in_their_order_in_any_script() -> None:
    template = "{subject} in {_2}, {Subject} with {主题} and {विषय} and {subject}"
    assert blanks(template) == ("subject", "_2", "主题", "विषय")
    assert blanks("nothing here") == ()
    assert blanks("{ a } and {e\u0301}") == ("a", "é")


def test_doubled_braces_are_braces() -> None:
    assert blanks("{{subject}} {{}}") == ()
    assert fill("{{{a}}} {{b}}", {"a": "x"}) == "{x} {b}"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("a { b", "has a `{` that belongs to no blank"),
        ("a } b", "has a `}` that belongs to no blank"),
        ("a {} b", "a blank whose name does not work: `{}`"),
        ("a {two words} b", "a blank whose name does not work: `{two words}`"),
        ("{a-b}", "a blank whose name does not work"),
        ("{🎨}", "a blank whose name does not work: `{🎨}`"),
        ("{___}", "a blank whose name does not work"),
        ("{`}", "does not work: one of them"),
        (f"{{{'x' * 41}}}", "up to 40 of them"),
        ("{a}{b}{c}{d}{e}", "takes up to 4 different blanks, since a form has no more room; it has 5: `{a}`, `{b}`"),
    ],
)
def test_what_is_no_blank_is_refused_with_how_to_write_one(template: str, said: str) -> None:
    sentence = refused("prompt", blanks, template)
    assert said in sentence


def test_what_is_filled_in_is_taken_as_it_is() -> None:
    filled = fill("a {x} and {y}, {X}", {"x": " {y} {{ ", "y": "\\1"})
    assert filled == "a {y} {{ and \\1, {y} {{"


def test_a_blank_left_empty_is_refused_by_its_name() -> None:
    for empty in ({}, {"x": "  "}):
        assert refused("x", fill, "a {x}", empty) == "`{x}` was left empty; say what stands there in the prompt."


@given(st.text())
@example("{a} {{b}} }{")
def test_a_literal_prompt_has_no_blanks_and_comes_out_as_it_was(text: str) -> None:
    assert blanks(literal(text)) == ()
    assert fill(literal(text), {}) == text


@given(st.lists(st.text(), min_size=MAX_BLANKS, max_size=MAX_BLANKS))
def test_filling_puts_each_text_where_its_blank_stands(texts: list[str]) -> None:
    filled = dict(zip("abcd", (f"x{text}x" for text in texts), strict=True))
    assert fill("{a}|{b}|{c}|{d}|{a}", filled) == "|".join(filled[name].strip() for name in "abcda")


# Pairs ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "pairs"),
    [
        ("steps=40 cfg=4", {"steps": "40", "cfg": "4"}),
        ("steps=40, cfg=4,5;\nformat = PNG", {"steps": "40", "cfg": "4,5", "format": "PNG"}),
        ("scheduler=DPM++ 2M Karras steps=3", {"scheduler": "DPM++ 2M Karras", "steps": "3"}),
        ("loras=a:1@2 0.5, b:3@4 high; STEPS=3", {"loras": "a:1@2 0.5, b:3@4 high", "steps": "3"}),
        ("negative=blur, a=b is text? cfg=2", {"negative": "blur", "a": "b is text?", "cfg": "2"}),
        ('negative="blur, cfg=1" cfg=2', {"negative": "blur, cfg=1", "cfg": "2"}),
        ("negative=“模糊 a=b”\nsteps=2", {"negative": "模糊 a=b", "steps": "2"}),
        ("steps= seed=5", {"steps": "", "seed": "5"}),
        ('negative="', {"negative": '"'}),
        (" ,; ", {}),
    ],
)
def test_pairs_are_read_as_they_were_typed(typed: str, pairs: dict[str, str]) -> None:
    assert read_pairs(typed) == pairs


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("fast please", "takes pairs such as `steps=40 cfg=4 format=PNG`, and `fast please` is none"),
        ("40", "`40` is none"),
        ("=4", "`=4` is none"),
        ("steps=1 STEPS=2", "names `steps` twice"),
        ("prompt=a hat", "has `prompt` in it, which is an option of its own"),
        ('negative="a" b cfg=2', "`b` after the quotes is none"),
    ],
)
def test_what_is_no_list_of_pairs_is_refused(typed: str, said: str) -> None:
    assert said in refused("options", read_pairs, typed)


@given(st.text(alphabet='ab=,; \n"“”_1`{', max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(BadOption):
        for name, value in read_pairs(text).items():
            assert name in text.lower()
            assert value in text


def test_the_options_that_may_come_next_are_offered_after_what_was_typed() -> None:
    assert [value for value, _ in pair_choices("", 100)] == [f"{name}=" for name in options.NAMES if name != "prompt"]
    assert [value for value, _ in pair_choices("steps=4 Ste", 100)] == []
    offered = dict(pair_choices("steps=4, cache_s", 100))
    assert list(offered) == ["steps=4, cache_start=", "steps=4, cache_start_percent="]
    assert offered["steps=4, cache_start="] == "cache_start: The step from which steps may be cached"
    assert dict(pair_choices("si", 100)) == {"size=": "size: Width x height, such as 1024x768"}
    assert pair_choices("steps=4", 100) == [], "a value is being typed"
    assert pair_choices("x" * 101, 100) == []
    assert pair_choices("x" * 95 + "=1 s", 100) == []


# Names ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["Night  Photo", " night photo", "NIGHT\u200b PHOTO", "ｎｉｇｈｔ photo", "night\nphoto"]
)
def test_names_are_one_whatever_their_case_width_and_blanks(name: str) -> None:
    assert fold(name) == "night photo"


def test_a_name_is_kept_as_it_is_written_in_any_script() -> None:
    for name in ("夜景", "صورة ليلية", "रात का दृश्य", "👩‍🎨 look", "é" * LONGEST_NAME):
        assert checked_name(f" {name} ") == name
    assert checked_name("a\u202eb\0\tc") == "ab c"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "`name` is empty"),
        ("\u200b \u2066", "`name` is empty"),
        ("x" * 41, "up to 40 characters, and 41 were given"),
    ],
)
def test_a_name_that_is_none_is_refused(name: str, said: str) -> None:
    assert said in refused("name", checked_name, name)


# Options -------------------------------------------------------------------------------------------------------------

#: Every option, in two sets since a cached range is given in steps or in percent.
EVERY: dict[str, Any] = {
    "prompt": "a {subject}", "negative": "blur", "results": 2, "seed": str(2**63 - 1), "format": "WEBP", "quality": 80,
    "steps": 20, "cfg": 4.5, "true_cfg": 3.25, "scheduler": "Euler Beta", "size": "512x768",
    "loras": [{"model": "civitai:1@2", "weight": 0.5, "stage": "high"}],
    "cache_start": 2, "cache_end": 18, "cache_in_a_row": 2, "fb_cache": True, "fb_threshold": 0.2, "tea_cache": False,
    "tea_distance": 0.3, "db_cache": True, "db_threshold": 0.4, "db_skip": 3, "face_prompt": "calm",
    "face_negative": "grin", "face_steps": 10, "face_cfg": 7.5, "face_strength": 0.2, "face_confidence": 0.8,
    "face_blur": 4, "face_padding": 6,
}  # fmt: skip
IN_PERCENT: dict[str, Any] = {"cache_start_percent": 10, "cache_end_percent": 90}


def test_every_option_is_kept_as_json_holds_it_and_read_again() -> None:
    assert {*EVERY, *IN_PERCENT} == set(options.NAMES)
    for values in (EVERY, IN_PERCENT):
        assert read_values(values) == values
        typed = {name: value if name == "loras" else str(value) for name, value in values.items()}
        assert read_values(typed) == values


def test_what_is_left_out_is_not_kept() -> None:
    kept = {"steps": 3}
    assert read_values({"steps": "3", "cfg": None, "negative": " ", "size": MATCH}) == kept
    assert read_values({"steps": "3", "size": "128x128"}) == {**kept, "size": "128x128"}
    assert read_values({"prompt": MATCH}) == {"prompt": MATCH}


@pytest.mark.parametrize("values", [{}, {"steps": None}, {"size": "match"}])
def test_nothing_at_all_is_refused(values: dict[str, Any]) -> None:
    assert "There is nothing to save yet" in refused("options", read_values, values)


def test_all_that_is_wrong_is_said_together() -> None:
    wrong = {"prompt": "a {", "stepz": 4, "cfg": 99, "size": "10x10", "cache_end": 31, "results": 0}
    sentence = refused("prompt", read_values, wrong)
    for said in ("`{`", "did you mean `steps`?", "`cfg` goes", "`size` takes", "`cache_end` goes", "`results` is"):
        assert said in sentence
    assert sentence.count("\n- ") == 5
    assert refused("cfg", read_values, {"cfg": 99}).startswith("`cfg` goes from 1 to 20")


def test_what_an_edit_was_made_with_is_taken_over_without_what_made_it_that_one_edit() -> None:
    width, height = options.match_size((CAT.width, CAT.height))
    request = EditRequest("a {red} hat", (CAT,), width, height, 7, results=4, steps=12, cfg=3.5, loras=(Lora("a:1@2"),))
    kept = {"steps": 12, "cfg": 3.5, "loras": [{"model": "a:1@2"}], "prompt": "a {{red}} hat"}
    assert made_with(request) == kept
    assert made_with(replace(request, width=512, height=512)) == {**kept, "size": "512x512"}


# Those that ship -----------------------------------------------------------------------------------------------------


def test_each_that_ships_has_its_own_key_and_name() -> None:
    assert len({preset.key for preset in SHIPPED}) == len({fold(preset.name) for preset in SHIPPED}) == len(SHIPPED)
    for preset in SHIPPED:
        assert re.fullmatch(r"[a-z-]{1,20}", preset.key)
        assert checked_name(preset.name) == preset.name
        assert preset.about.endswith((".", "。"))


@pytest.mark.parametrize("preset", SHIPPED, ids=lambda preset: preset.key)
def test_each_that_ships_is_a_request_within_the_models_bounds_by_its_own_example(preset: Shipped) -> None:
    assert read_values({"prompt": preset.prompt, **preset.options}) == {"prompt": preset.prompt, **preset.options}
    assert set(blanks(preset.prompt)) == set(preset.example.filled)
    assert 1 <= len(preset.pictures) == len(preset.example.pictures) <= MAX_REFERENCES
    prompt = fill(preset.prompt, preset.example.filled)
    assert all(filled in prompt for filled in preset.example.filled.values())
    assert not {"{", "}"} & set(prompt)
    request = options.build_request({**preset.options, "prompt": prompt}, [CAT] * len(preset.pictures), draw=lambda: 7)
    assert request.prompt == prompt
    assert options.advice(request) == []


@pytest.mark.parametrize("preset", [p for p in SHIPPED if len(p.pictures) > 1], ids=lambda preset: preset.key)
def test_one_of_several_pictures_says_in_its_prompt_which_is_which(preset: Shipped) -> None:
    for number in range(1, len(preset.pictures) + 1):
        assert f"picture {number}" in preset.prompt.casefold()
    assert f"picture {len(preset.pictures) + 1}" not in preset.prompt.casefold()
