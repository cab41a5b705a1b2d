"""The forms of a draft: made of the table of parameters, within Discord's bounds, and read as they were typed."""

from __future__ import annotations

from typing import Any

import pytest

from bot.errors import BadOption, TooLate
from bot.options import BY_NAME, PARAMETERS, SIZE, Flag, Group
from cogs import _draft_forms as forms
from cogs._draft_components import Form
from storage.drafts import Draft
from storage.records import Bound, House, Reference

NOON = 1_767_268_800_000
CAT, CUP, NIGHT = (
    Reference(letter * 64, 512, 512, label, result_id=result_id)
    for letter, label, result_id in (("a", "cat.png", None), ("b", "cup.png", None), ("c", "#12", 12))
)
BARE = House(1)
RIGHT: dict[str, Any] = {
    "negative": "rain",
    "results": 3,
    "seed": str(2**63 - 1),
    "format": "PNG",
    "quality": 80,
    "steps": 40,
    "cfg": 2.0,
    "true_cfg": -0.125,
    "loras": [{"model": "civitai:1@2", "weight": 0.5, "stage": "high"}, {"model": "civitai:3@4"}],
    "fb_cache": True,
    "tea_cache": False,
    "tea_distance": 0.25,
    "face_cfg": 7.5,
}


def a_draft(**changes: Any) -> Draft:
    what: dict[str, Any] = {
        "id": 2**63 - 1,
        "guild_id": 1,
        "account_id": 1,
        "user_id": 71,
        "values": {},
        "references": (),
        "parent_id": None,
        "words_of": None,
        "made_at": NOON,
        "changed_at": NOON,
    }
    return Draft(**{**what, **changes})


def parts(modal: Any) -> list[dict[str, Any]]:
    return modal.to_dict()["components"]


def controls(modal: Any) -> dict[str, dict[str, Any]]:
    return {label["component"]["custom_id"]: label["component"] for label in parts(modal) if "component" in label}


def as_sent(modal: Any, **filled: Any) -> forms.Sent:
    """Send a form as Discord does: with what it was filled with, but for what is typed, ticked or chosen anew."""
    sent: list[dict[str, Any]] = []
    for name, control in controls(modal).items():
        kind, given = control["type"], filled.get(name)
        data: dict[str, Any] = {"type": kind, "custom_id": name}
        if kind == 4:
            data["value"] = given if name in filled else control.get("value") or ""
        elif kind == 23:
            data["value"] = given if name in filled else control["default"]
        elif kind == 19:
            data["values"] = given or []
        else:
            chosen = [option["value"] for option in control["options"] if option.get("default")]
            data["values"] = given if name in filled else chosen
        sent.append({"type": 18, "component": data})
    read = forms.read({"custom_id": modal.custom_id, "components": [{"type": 10}, *sent]})
    assert read is not None
    return read


def changed(draft: Draft, which: Form, house: House = BARE, prompt: str | None = None, **filled: Any) -> dict[str, Any]:
    return forms.changes(as_sent(forms.form(draft, which, prompt, house), **filled), draft, prompt, house)


def groups() -> list[Form]:
    return [form for form in Form if form is not Form.PICTURES]


LONG = "x" * 40_000
HOUSE = House(
    1,
    defaults={parameter.name: LONG for parameter in PARAMETERS} | {SIZE: LONG},
    bounds={"steps": Bound(1.25, 40), "cfg": Bound(None, 9.75), "face_confidence": Bound(0.25, None)},
    loras={f"civitai:{number}@{number}": "*Ink* " * 50 for number in range(100)},
)


@pytest.mark.parametrize("which", groups())
@pytest.mark.parametrize("value", [None, "", "x", LONG, 5, 2**63 - 1, 0.1, True, [{"model": LONG}], [{"model": 7}]])
@pytest.mark.parametrize("house", [BARE, HOUSE])
async def test_a_form_keeps_to_discords_bounds_whatever_stands_in_the_draft(
    which: Form, value: object, house: House
) -> None:
    draft = a_draft(values={**dict.fromkeys(BY_NAME, value), SIZE: value})
    modal = forms.form(draft, which, None if value is None else str(value), house)
    assert modal.is_finished(), "discord.py would keep it"
    assert len(modal.custom_id) <= 100
    assert len(modal.title) <= 45
    assert 1 <= len(parts(modal)) <= 5
    for part in parts(modal):
        if part["type"] == 10:
            assert len(part["content"]) <= 4000
            continue
        assert len(part["label"]) <= 45
        assert 1 <= len(part["description"]) <= 100
        control = part["component"]
        assert control.get("required", False) is False
        assert not control.get("min_values"), "Discord would have something chosen"
        assert len(control.get("placeholder") or "") <= 100
        assert len(control.get("value") or "") <= control.get("max_length", 0)
        for option in control.get("options", []):
            assert 1 <= len(option["label"]) <= 100
        assert [option["default"] for option in control.get("options", [])].count(True) <= 1


@pytest.mark.parametrize("which", groups())
async def test_each_option_of_a_group_has_its_field_with_what_it_does(which: Form) -> None:
    expected = [parameter.name for parameter in PARAMETERS if parameter.group is which.group]
    modal = forms.form(a_draft(), which, None, BARE)
    assert list(controls(modal)) == ([SIZE] if which is Form.PICTURE else []) + expected
    for label in parts(modal):
        if "component" in label and label["component"]["custom_id"] in BY_NAME:
            assert label["description"] == BY_NAME[label["component"]["custom_id"]].says


@pytest.mark.parametrize("which", [Form.FACE, Form.FACE_MASK])
async def test_the_forms_of_faces_begin_with_the_warning(which: Form) -> None:
    assert "**SD 1.x, SDXL and FLUX** only" in parts(forms.form(a_draft(), which, None, BARE))[0]["content"]


@pytest.mark.parametrize("which", groups())
@pytest.mark.parametrize("house", [BARE, House(1, {"fb_cache": True, "tea_cache": True, "format": "WEBP", "steps": 9})])
async def test_a_form_sent_as_it_was_opened_changes_nothing(which: Form, house: House) -> None:
    for values in ({}, RIGHT, dict.fromkeys(BY_NAME, "wrong"), dict.fromkeys(BY_NAME, LONG)):
        prompt = values.get("prompt")
        found = changed(a_draft(values=values), which, house, prompt)
        assert found.keys() <= {"format"}, found
        # A choice that is none cannot be shown as chosen: it is left out when its form is sent.
        assert found.get("format") is None


async def test_what_is_typed_is_kept_as_it_is_and_what_is_emptied_is_left_out() -> None:
    draft = a_draft(values={"steps": 40, "cfg": "7"})
    found = changed(draft, Form.GUIDANCE, steps=" ninety ", cfg="   ", true_cfg="")
    assert found == {"steps": "ninety", "cfg": None}
    assert changed(draft, Form.PICTURE, size="1000x") == {SIZE: "1000x"}
    assert changed(a_draft(values={SIZE: "1x1"}), Form.PICTURE, size="") == {SIZE: None}


async def test_a_line_end_of_discords_is_no_change() -> None:
    draft = a_draft(values={"negative": "rain\r\nfog"})
    assert changed(draft, Form.WORDS, negative="rain\nfog") == {}


async def test_what_is_no_text_is_mended_by_sending_the_form_again() -> None:
    draft = a_draft(values={"negative": "half \ud83d a \0 word 👩‍🚀"})
    assert changed(draft, Form.WORDS) == {"negative": "half  a  word 👩‍🚀"}


async def test_words_too_long_for_a_form_stay_unless_typed_over() -> None:
    draft = a_draft(values={"negative": LONG})
    assert changed(draft, Form.WORDS, prompt=LONG) == {}
    assert changed(draft, Form.WORDS, prompt=LONG, negative="rain") == {"negative": "rain"}
    modal = forms.form(draft, Form.WORDS, LONG, BARE)
    assert as_sent(modal).kept == {"prompt", "negative"}
    found = forms.changes(as_sent(modal, prompt="a hat"), draft, LONG, BARE)
    assert found == {"prompt": "a hat"}


async def test_words_of_a_result_stay_its_own_unless_others_are_typed() -> None:
    draft = a_draft(words_of=12)
    modal = forms.form(draft, Form.WORDS, "make it night", BARE)
    assert controls(modal)["prompt"]["value"] == "make it night"
    assert forms.changes(as_sent(modal), draft, "make it night", BARE) == {}
    found = forms.changes(as_sent(modal, prompt="make it day"), draft, "make it night", BARE)
    assert found == {"prompt": "make it day"}
    assert forms.changes(as_sent(modal, prompt=""), draft, "make it night", BARE) == {"prompt": None}


@pytest.mark.parametrize(
    ("standard", "before", "shown", "ticked", "after"),
    [
        (None, None, False, True, {"fb_cache": True}),
        (None, True, True, False, {"fb_cache": None}),
        (None, False, False, True, {"fb_cache": True}),
        (None, "maybe", False, True, {"fb_cache": True}),
        (True, None, True, False, {"fb_cache": False}),
        (True, False, False, True, {"fb_cache": None}),
        (False, None, False, True, {"fb_cache": True}),
        (False, True, True, False, {"fb_cache": None}),
    ],
)
async def test_a_checkbox_says_no_only_where_the_server_would_say_yes(
    standard: bool | None, before: object, shown: bool, ticked: bool, after: dict[str, Any]
) -> None:
    house = House(1, {} if standard is None else {"fb_cache": standard})
    draft = a_draft(values={} if before is None else {"fb_cache": before})
    assert controls(forms.form(draft, Form.BLOCK_CACHES, None, house))["fb_cache"]["default"] is shown
    assert changed(draft, Form.BLOCK_CACHES, house, fb_cache=ticked) == after
    assert changed(draft, Form.BLOCK_CACHES, house, fb_cache=shown) == {}


async def test_a_choice_may_be_left_out_again_and_nothing_chosen_is_nothing_said() -> None:
    draft = a_draft(values={"format": "PNG"})
    menu = controls(forms.form(draft, Form.PICTURE, None, House(1, {"format": "WEBP"})))["format"]
    assert [option["label"] for option in menu["options"]] == [
        *("Left out: WEBP, as this server set it", "Not what this server set: JPG", "JPG", "PNG", "WEBP"),
    ]
    assert [option["value"] for option in menu["options"] if option["default"]] == ["PNG"]
    assert changed(draft, Form.PICTURE, format=["leave"]) == {"format": None}
    assert changed(draft, Form.PICTURE, format=[]) == {}
    assert changed(draft, Form.PICTURE, format=["JPG"]) == {"format": "JPG"}


async def test_what_was_said_to_be_nothing_stands_in_its_field_and_may_be_left_out_again() -> None:
    house = House(1, {"format": "WEBP", "fb_cache": True, "cfg": 4.0})
    draft = a_draft(values={"format": "none", "fb_cache": "none", "cfg": "none"})
    menu = controls(forms.form(draft, Form.PICTURE, None, house))["format"]
    assert [option["value"] for option in menu["options"] if option["default"]] == ["none"]
    assert changed(draft, Form.PICTURE, house, format=["none"]) == {}
    assert changed(draft, Form.PICTURE, house, format=["leave"]) == {"format": None}
    assert changed(a_draft(), Form.PICTURE, house, format=["none"]) == {"format": "none"}
    assert controls(forms.form(draft, Form.BLOCK_CACHES, None, house))["fb_cache"]["default"] is False
    assert changed(draft, Form.BLOCK_CACHES, house, fb_cache=False) == {}
    assert changed(draft, Form.BLOCK_CACHES, house, fb_cache=True) == {"fb_cache": None}
    assert controls(forms.form(draft, Form.GUIDANCE, None, house))["cfg"]["value"] == "none"
    assert changed(draft, Form.GUIDANCE, house, cfg="") == {"cfg": None}


async def test_a_field_says_its_bounds_and_what_the_server_makes_of_them() -> None:
    modal = forms.form(a_draft(), Form.GUIDANCE, None, House(1, {"cfg": 4.0}, {"steps": Bound(2, 40)}))
    assert [part["label"] for part in parts(modal)] == ["steps (from 2 to 40)", "cfg (from 1 to 20)", "true_cfg"]
    assert [part["component"]["placeholder"] for part in parts(modal)] == [
        "Left out: 30 · here at least 2 and at most 40",
        "Left out: 4, as this server set it · none: left to the model",
        "Left out: left to the model",
    ]


@pytest.mark.parametrize(
    ("bounds", "such_as", "most"), [({}, "1024x768", 2048), ({SIZE: Bound(None, 512.0)}, "512x384", 512)]
)
async def test_the_field_of_the_size_says_how_far_it_goes_in_this_server(bounds: Any, such_as: str, most: int) -> None:
    modal = forms.form(a_draft(), Form.PICTURE, None, House(1, bounds=bounds))
    [said] = [part["description"] for part in parts(modal) if part.get("label") == SIZE]
    assert said == f"Width x height, such as {such_as}: from 128 to {most} in steps of 16"


async def test_the_form_of_loras_lists_those_that_the_server_lets_in_as_far_as_there_is_room() -> None:
    listed = parts(forms.form(a_draft(), Form.LORAS, None, HOUSE))[0]["content"]
    assert listed.splitlines()[1].startswith("- `civitai:0@0` \\*Ink\\*")
    assert listed.endswith(f"- and {100 - listed.count('civitai')} more: `/lora list`")
    longest = House(1, loras={f"civitai:{number}@{'1' * 185}": "*" * 1000 for number in range(100)})
    listed = parts(forms.form(a_draft(), Form.LORAS, None, longest))[0]["content"]
    assert listed.endswith("more: `/lora list`")
    assert len(listed) <= 2100, "Discord takes no text of more than 4,000 characters, and fields stand below"
    assert "let no LoRA in yet" in parts(forms.form(a_draft(), Form.LORAS, None, BARE))[0]["content"]


# Pictures ------------------------------------------------------------------------------------------------------------


def rearranged(draft: Draft, more: tuple[Reference, ...] = (), **filled: Any) -> tuple[Reference, ...]:
    modal = forms.pictures(draft, [reference.label for reference in draft.references])
    return forms.arranged(as_sent(modal, **filled), draft, more)


async def test_the_form_of_pictures_asks_what_there_is_to_ask() -> None:
    def asked(*references: Reference) -> list[str]:
        return list(controls(forms.pictures(a_draft(references=references), ["x" * 200] * len(references))))

    assert asked() == ["results", "files"]
    assert asked(CAT) == ["keep", "results", "files"]
    assert asked(CAT, CUP, NIGHT) == ["keep", "first", "results", "files"]
    modal = forms.pictures(a_draft(references=(CAT, CUP, NIGHT)), ["x" * 200] * 3)
    assert modal.is_finished()
    assert len(modal.custom_id) <= 100
    for control in controls(modal).values():
        assert all(len(option["label"]) <= 100 for option in control.get("options", []))


async def test_pictures_stay_as_they_are_unless_said_otherwise() -> None:
    draft = a_draft(references=(CAT, CUP))
    first, second = (option["value"] for option in controls(forms.pictures(draft, ["1", "2"]))["keep"]["options"])
    assert rearranged(draft) == (CAT, CUP)
    assert rearranged(draft, first=[second]) == (CUP, CAT)
    assert rearranged(draft, first=[]) == (CAT, CUP)
    assert rearranged(draft, keep=[second], first=[first]) == (CUP,)
    assert rearranged(draft, (NIGHT,), keep=[first]) == (CAT, NIGHT)
    assert rearranged(draft, (NIGHT, NIGHT, CAT)) == (CAT, CUP, NIGHT)
    assert rearranged(draft, keep=[]) == ()
    assert rearranged(draft, keep=["3-cccc", "nonsense"]) == ()


async def test_more_pictures_than_an_edit_can_have_are_refused() -> None:
    draft = a_draft(references=(CAT, CUP))
    other = Reference("d" * 64, 1, 1, "dog.png")
    with pytest.raises(BadOption, match="these would be 4"):
        rearranged(draft, (NIGHT, other))


async def test_a_form_of_pictures_that_shows_an_older_draft_changes_nothing() -> None:
    draft = a_draft(references=(CAT, CUP))
    sent = as_sent(forms.pictures(draft, ["1", "2"]))
    with pytest.raises(TooLate):
        forms.arranged(sent, a_draft(references=(CUP, CAT), changed_at=NOON + 1), ())


# Reading -------------------------------------------------------------------------------------------------------------


def test_a_foreign_form_is_not_ours() -> None:
    for custom_id in (
        *("", "form-draft:1:words", "form-draft:0:words:1:", "form-draft:1:prompt:1:", "form-draft:1:words:1:x"),
        *("form-edit:12", "draftform:1:words", "form-draft:1:words:x:"),
    ):
        assert forms.read({"custom_id": custom_id, "components": []}) is None


def test_fields_that_no_form_has_are_left_alone() -> None:
    forged = [
        {"type": 18, "component": {"type": 4, "custom_id": name, "value": "x"}} for name in ("scheduler", "parent_id")
    ]
    sent = forms.read({"custom_id": "form-draft:1:words:1:", "components": [*forged, {"type": 10}]})
    assert sent is not None
    assert forms.changes(sent, a_draft(), None, BARE) == {}


def test_files_that_did_not_come_are_none() -> None:
    field = {"type": 18, "component": {"type": 19, "custom_id": "files", "values": ["9", "8"]}}
    data = {"custom_id": "form-draft:1:pictures:5:", "components": [field]}
    sent = forms.read({**data, "resolved": {"attachments": {"9": {"id": "9"}}}})
    assert sent is not None
    assert (sent.files, sent.version) == (({"id": "9"},), 5)
    assert forms.read(data) == forms.Sent(1, Form.PICTURES, 5, frozenset(), {"files": field["component"]})


def test_every_flag_is_tried() -> None:
    flags = [parameter.name for parameter in PARAMETERS if isinstance(parameter, Flag)]
    assert flags == ["fb_cache", "tea_cache", "db_cache"]
    assert {BY_NAME[name].group for name in flags} == {Group.BLOCK_CACHES, Group.DB_CACHE}
