"""The form and the cards of presets: what they ask and show, that they fit, and how a sent form is read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.presets import MAX_BLANK, SHIPPED, Preset, Shipped, Whose
from cogs import _preset_cards as cards
from cogs import _preset_forms as forms
from storage.records import Basis, Price, Reference, Source

PRICE = Price(30_000, 45_001, Basis(Source.SERVER, 12))
PRICES = [PRICE, Price(45_000, 67_501, PRICE.basis), Price(60_000, 90_001, PRICE.basis)]
LABEL = 45
SHORT = 100


def a_preset(**values: Any) -> Preset:
    return Preset("7", "night photo", Whose.OWN, values, maker_id=71, made_at=1_767_268_800_000)


def shipped(preset: Shipped) -> Preset:
    values = {"prompt": preset.prompt, **preset.options}
    return Preset(preset.key, preset.name, Whose.SHIPPED, values, preset.pictures, preset.about, preset.example)


def texts(view: Any) -> str:
    return "\n".join(part["content"] for part in _flat(view.to_components()) if "content" in part)


def _flat(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [found for part in parts for found in (part, *_flat(part.get("components", [])))]


def a_form(preset: Preset, given: tuple[int, ...] = (), prices: Any = PRICES, least: int = 1, most: int = 3) -> Any:
    results = [Reference("a" * 64, 64, 64, f"#{result_id}", result_id) for result_id in given]
    return forms.use(preset, results, prices, least=least, most=most)


def fields_of(form: Any) -> dict[str, dict[str, Any]]:
    labels = [label for label in form.to_dict()["components"] if "component" in label]
    return {label["component"]["custom_id"]: {**label["component"], **label} for label in labels}


def sent(custom_id: str, **typed: str) -> dict[str, Any]:
    parts = [{"type": 4, "custom_id": name.replace("_", "-"), "value": value} for name, value in typed.items()]
    parts.append({"type": 19, "custom_id": "files", "values": ["99", "98"]})
    attached = {"99": {"id": "99", "filename": "cat.png"}}
    labels = [{"type": 18, "component": part} for part in parts]
    return {"custom_id": custom_id, "components": labels, "resolved": {"attachments": attached}}


# The form ------------------------------------------------------------------------------------------------------------


async def test_a_form_has_a_field_for_each_blank_below_the_prompt_and_one_for_pictures() -> None:
    form = a_form(a_preset(prompt="a {subject} at {time_of_day}"))
    assert form.custom_id == "preset-use:7:0:30000-45000-60000"
    assert form.title == "night photo"
    prompt, costs = form.to_dict()["components"][0]["content"].splitlines()
    assert prompt == r"> a {subject} at {time\_of\_day}"
    assert costs.startswith("-# About $0.03, going by 12 edits here")
    fields = fields_of(form)
    assert {name: field["label"] for name, field in fields.items() if name != "files"} == {
        "blank-1": "subject",
        "blank-2": "time of day",
    }
    assert "description" not in fields["blank-1"]
    more = "With 1 more $0.0450, with 2 more $0.06."
    assert fields["files"]["description"] == f"The one to start from, and what to bring in. {more}"
    assert (fields["files"]["min_values"], fields["files"]["max_values"]) == (1, 3)
    assert form.is_finished(), "discord.py keeps no form"


async def test_without_blanks_the_prompt_itself_can_be_changed_and_without_a_prompt_it_is_asked_for() -> None:
    fields = fields_of(a_form(a_preset(prompt="a {{red}} hat")))
    assert list(fields) == ["prompt", "files"]
    assert fields["prompt"]["value"] == "a {red} hat"
    empty = fields_of(a_form(a_preset(steps=4)))["prompt"]
    assert empty.get("value") is None
    assert empty["required"] is True
    long = fields_of(a_form(a_preset(prompt="x" * 4001)))["prompt"]
    assert (long.get("value"), long["required"]) == (None, False)
    assert "4,001 characters" in long["placeholder"]


async def test_results_that_are_given_leave_less_room_for_pictures() -> None:
    two = a_form(a_preset(steps=4), (12, 15), PRICES[:2], 0, 1)
    assert two.custom_id == "preset-use:7:12-15:30000-45000"
    files = fields_of(two)["files"]
    assert (files["label"], files["required"], files["min_values"], files["max_values"]) == (
        "More pictures",
        False,
        0,
        1,
    )
    assert list(fields_of(a_form(a_preset(steps=4), (12, 15, 16), PRICES[:1], 0, 0))) == ["prompt"]


@pytest.mark.parametrize("preset", SHIPPED, ids=lambda preset: preset.key)
async def test_each_that_ships_asks_for_its_pictures_and_shows_its_example(preset: Shipped) -> None:
    least = len(preset.pictures)
    form = a_form(shipped(preset), prices=PRICES[: 4 - least], least=least)
    body = form.to_dict()
    assert len(body["components"]) <= 5
    assert len(body["custom_id"]) <= SHORT
    fields = fields_of(form)
    for field in fields.values():
        assert 1 <= len(field["label"]) <= LABEL
        assert len(field.get("description", "")) <= SHORT
        assert len(field.get("placeholder", "")) <= SHORT
    assert [field["placeholder"][:9] for name, field in fields.items() if name != "files"] == ["Such as: "] * len(
        preset.example.filled
    )
    assert preset.pictures[0][:20] in fields["files"]["description"]
    if least > 1:
        later = fields_of(a_form(shipped(preset), (12,), PRICES[: 4 - least], least - 1, 2))["files"]
        assert preset.pictures[0][:20] not in later["description"]
        assert preset.pictures[1][:20] in later["description"]


async def test_a_form_fits_however_much_it_says() -> None:
    names = [letter * MAX_BLANK for letter in "abcd"]
    preset = Preset(str(10**9), "x" * 40, Whose.OWN, {"prompt": "_" * 30_000 + "".join(f"{{{n}}}" for n in names)})
    dear = Price(10**15, 3 * 10**15, Basis(Source.BOT, 10**15))
    for given in ((), (10**12, 10**12 + 1, 10**12 + 2)):
        form = a_form(preset, given, [dear] * 3, 0, 3)
        body = form.to_dict()
        assert len(body["custom_id"]) <= SHORT
        assert len(body["components"]) == 5
        assert all(len(label.get("description", "")) <= SHORT for label in body["components"])
        assert forms.read(sent(form.custom_id)) is not None
    three = Preset("7", "x", Whose.OWN, {"prompt": "_" * 30_000 + "{a}"})
    assert len(a_form(three).to_dict()["components"][0]["content"]) <= 1000


def test_a_sent_form_is_read_from_what_discord_sends() -> None:
    read = forms.read(sent("preset-use:merge-two:12-15:30000-45000", blank_1=" a cat ", blank_2="b"))
    files = ({"id": "99", "filename": "cat.png"},)
    assert read == forms.Sent("merge-two", (12, 15), (30_000, 45_000), ("a cat", "b"), "", files)
    assert str(read) == "a cat · b"
    assert forms.read(sent("preset-use:7:0", prompt="a *hat*\n")) == forms.Sent("7", (), (), (), "a *hat*", files)


@pytest.mark.parametrize(
    "custom_id",
    ["", "preset-use:", "preset-use:7", "preset-use:0:0", "preset-use:A:0", "preset-use:7:0:0", "preset-use:7:1-2-3-4",
     "preset-use:7:0:x", "form-edit:12", "preset-open:7"],
)  # fmt: skip
def test_a_foreign_form_is_not_ours(custom_id: str) -> None:
    assert forms.read(sent(custom_id)) is None


# The cards -----------------------------------------------------------------------------------------------------------


async def test_a_card_shows_all_that_a_preset_holds() -> None:
    loras = [{"model": "a:1@2", "weight": 0.5}, {"model": "b:1@2"}]
    settings = {"cfg": 4.0, "true_cfg": 1.23456789, "fb_cache": False, "loras": loras}
    preset = a_preset(prompt="a {subject}, {{so}}", **settings)
    assert texts(cards.show(preset)) == (
        "### 🎛️ night photo\n-# yours · saved <t:1767268800:R>\n> a {subject}, {{so}}\n"
        "-# Asks for `{subject}` each time.\nSets `cfg` 4 · `true_cfg` 1.23456789 · `loras` a:1@2 0.5, b:1@2 · `fb_cache` no"
    )
    assert not cards.needs_file(preset)
    plain = a_preset(prompt="a hat")
    assert "-# The prompt can be changed each time." in texts(cards.show(plain))
    named = texts(cards.show(plain, head="Saved night photo", notes=["⚠️ a note"]))
    assert named.startswith("### ✅ Saved night photo")
    assert named.endswith("⚠️ a note")


async def test_what_is_too_long_for_a_card_comes_as_a_file() -> None:
    for preset in (a_preset(prompt="_" * 32_000), a_preset(negative="_" * 32_000), a_preset(face_prompt="x" * 200)):
        view = cards.show(preset, head="x" * 40, notes=["y" * 5000])
        assert len(texts(view)) <= 4000
        assert cards.needs_file(preset)
        assert any(part.get("type") == 13 for part in _flat(view.to_components()))
        assert json.loads(cards.as_file(preset)) == {"name": "night photo", "options": preset.values}


@pytest.mark.parametrize("preset", SHIPPED, ids=lambda preset: preset.key)
async def test_the_card_of_each_that_ships_is_whole(preset: Shipped) -> None:
    shown = texts(cards.show(shipped(preset)))
    assert not cards.needs_file(shipped(preset))
    assert "…" not in shown
    for said in (*preset.pictures, *preset.example.pictures, *preset.example.filled.values()):
        assert said in shown
    assert len(shown) <= 4000


async def test_a_list_is_paged_says_whose_each_is_and_which_is_hidden() -> None:
    mine = [a_preset(prompt="a {x}", steps=number) for number in range(1, 24)]
    everything = [
        *(Preset(str(n), f"{'*' * 37}{n:3}", Whose.OWN, preset.values) for n, preset in enumerate(mine, 1)),
        Preset("99", SHIPPED[0].name.upper(), Whose.SERVER, {"negative": "_" * 9000}, maker_id=71),
        *map(shipped, SHIPPED),
    ]
    pages = [texts(cards.listed(everything, page)) for page in range(5)]
    assert all(len(page) <= 4000 for page in pages)
    assert pages[0].startswith("### 🎛️ 34 presets · page 1 of 4\n**Yours**\n")
    assert "asks for {x} · steps 1" in pages[0]
    assert "**This server's**\n- MERGE TWO PICTURES · negative" in pages[2]
    assert "**These come with me**\n- merge two pictures" in pages[2]
    assert pages[2].count("is used instead") == 1
    assert "together into one. · another of yours or the server's is used instead" in pages[2]
    assert pages[4] == pages[3], "a page that is gone is the last one"
    first, last = [_flat(cards.listed(everything, page).to_components()) for page in (0, 3)]
    turns = [{part["label"]: part["disabled"] for part in page if part["type"] == 2} for page in (first, last)]
    assert turns == [{"Back": True, "Next": False}, {"Back": False, "Next": True}]
    [menu] = [part for part in last if part["type"] == 3]
    assert [option["value"] for option in menu["options"]] == [preset.key for preset in SHIPPED[-4:]]
    alone = cards.listed([shipped(preset) for preset in SHIPPED], 0)
    assert [part["label"] for part in _flat(alone.to_components()) if part["type"] == 2] == []
