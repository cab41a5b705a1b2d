"""The forms: what they ask, that discord.py keeps none of them, and how a sent one is read."""

from __future__ import annotations

from typing import Any

from bot.claims import Others
from cogs import _forms as forms
from storage.claims import Claim
from storage.records import Basis, Price, Result, Source

PRICE = Price(30_000, 45_001, Basis(Source.SERVER, 12))
PRICES = [PRICE, Price(45_000, 67_501, PRICE.basis), Price(60_000, 90_001, PRICE.basis)]


NOBODY = Others((), ())


def an_edit(
    make: Any,
    pictures: list[Result],
    *,
    prompt: str = "Make it snow",
    prices: list[Price] = PRICES,
    others: Others = NOBODY,
) -> forms.Form:
    return forms.edit(pictures, prices, like=make.job(request=make.request(prompt=prompt)), others=others)


def controls_of(form: forms.Form) -> dict[str, dict[str, Any]]:
    labels = [label for label in form.to_dict()["components"] if "component" in label]
    return {label["component"]["custom_id"]: label["component"] for label in labels}


async def test_a_form_to_edit_one_result_is_filled_with_its_prompt(make: Any) -> None:
    form = an_edit(make, [make.result()])
    controls = controls_of(form)
    assert form.custom_id == "form-edit:12:30000-45000-60000"
    assert form.title == "Edit #12"
    assert list(controls) == ["prompt", "files"]
    assert controls["prompt"]["value"] == "Make it snow"
    assert (controls["files"]["min_values"], controls["files"]["max_values"]) == (0, 2)


async def test_a_form_asks_which_pictures_only_where_there_are_several_and_takes_up_to_three(make: Any) -> None:
    controls = controls_of(an_edit(make, [make.result(12), make.result(13)]))
    assert [option["value"] for option in controls["picture"]["options"]] == ["12", "13"]
    assert [option["default"] for option in controls["picture"]["options"]] == [True, False]
    assert controls["picture"]["max_values"] == 2
    assert controls_of(an_edit(make, [make.result(number) for number in range(12, 17)]))["picture"]["max_values"] == 3


async def test_a_prompt_too_long_for_a_form_is_kept_by_leaving_it_empty(make: Any) -> None:
    prompt = controls_of(an_edit(make, [make.result()], prompt="x" * 4001))["prompt"]
    assert prompt.get("value") is None
    assert prompt["required"] is False
    assert "4,001 characters" in prompt["placeholder"]
    sent = forms.read(a_sent_form(an_edit(make, [make.result()], prompt="x" * 4001).custom_id))
    assert sent is not None
    assert (sent.words, sent.prompt) == (5, ""), "whose words it keeps stands in the form"


async def test_a_form_to_try_again_asks_for_words_and_for_as_many_pictures_as_still_fit(make: Any) -> None:
    full = forms.again(make.job(), [PRICE])
    assert full.custom_id == "form-again:5:30000"
    assert list(controls_of(full)) == ["prompt"]
    controls = controls_of(forms.again(make.job(), PRICES[:2]))
    assert controls["files"]["max_values"] == 1


async def test_a_form_states_what_it_costs_as_it_is_and_with_more_pictures_and_what_that_goes_by(make: Any) -> None:
    edit, again = an_edit(make, [make.result()]), forms.again(make.job(), [PRICE])
    assert [label["description"] for label in edit.to_dict()["components"]] == [
        "About $0.03, going by 12 edits here; up to $0.0451 is held till done.",
        "A person, thing or style: “the second picture”, “the third”. 1 more: $0.0450, 2 more: $0.06.",
    ]
    assert again.to_dict()["components"][0]["description"].startswith("About $0.03, going by 12 edits here")


async def test_a_price_of_any_length_fits_its_field(make: Any) -> None:
    dear = Price(10**15, 3 * 10**15, Basis(Source.BOT, 10**15))
    form = an_edit(make, [make.result()], prices=[dear] * 3)
    assert all(len(label["description"]) <= 100 for label in form.to_dict()["components"])
    assert len(form.custom_id) <= 100


async def test_a_form_tells_what_others_do_with_the_picture_and_asks_all_the_same(make: Any) -> None:
    others = Others(
        (Claim(3, 72, 1_000_000, 1_180_000),), (make.job(user_id=73, request=make.request(prompt="a *hat*")),)
    )
    form = an_edit(make, [make.result()], others=others)
    told = form.to_dict()["components"][0]["content"]
    assert "<@72> began to write an edit of it <t:1000:R>" in told
    assert r"Being made for <@73>: a \*hat\*" in told
    assert list(controls_of(form)) == ["prompt", "files"]


async def test_a_merge_names_its_pictures_in_their_order_and_takes_as_many_more_as_fit(make: Any) -> None:
    two = forms.merge([make.result(12), make.result(15)], PRICES[:2], others=NOBODY)
    assert two.custom_id == "form-merge:12-15:30000-45000"
    assert two.to_dict()["components"][0]["content"] == "Picture 1 is #12 and picture 2 is #15."
    assert controls_of(two)["files"]["max_values"] == 1
    more = two.to_dict()["components"][2]["description"]
    assert more == "A person, thing or style: “the third picture”. 1 more: $0.0450."
    three = forms.merge([make.result(number) for number in (12, 15, 16)], PRICES[:1], others=NOBODY)
    assert "files" not in controls_of(three)
    sent = forms.read(a_sent_form(two.custom_id, {"type": 4, "custom_id": "prompt", "value": "both"}))
    assert sent == forms.Sent("merge", (12, 15), 30_000, "both", None, (), ())


async def test_discord_py_keeps_no_form(make: Any) -> None:
    assert an_edit(make, [make.result()]).is_finished()


def a_sent_form(custom_id: str, *components: dict[str, Any]) -> dict[str, Any]:
    labels = [{"type": 18, "component": component} for component in components]
    attached = {"99": {"id": "99", "filename": "cat.png"}}
    return {"custom_id": custom_id, "components": labels, "resolved": {"attachments": attached}}


def test_a_sent_form_is_read_from_what_discord_sends() -> None:
    sent = forms.read(
        a_sent_form(
            "form-edit:12:30000-45000-60000",
            {"type": 4, "custom_id": "prompt", "value": "  at night "},
            {"type": 3, "custom_id": "picture", "values": ["13"]},
            {"type": 19, "custom_id": "files", "values": ["99", "98"]},
        )
    )
    assert sent == forms.Sent("edit", (12,), 45_000, "at night", None, (13,), ({"id": "99", "filename": "cat.png"},))


def test_a_sent_form_knows_the_price_of_all_the_pictures_that_were_chosen_and_added() -> None:
    def price(chosen: list[str], added: list[str]) -> int | None:
        fields = (
            {"type": 3, "custom_id": "picture", "values": chosen},
            {"type": 19, "custom_id": "files", "values": added},
        )
        sent = forms.read(a_sent_form("form-pick:7:30000-45000-60000", *fields))
        assert sent is not None
        assert (sent.action, sent.targets) == ("pick", (7,))
        return sent.price

    assert [price(["1"], []), price(["3", "1"], []), price(["1", "2"], ["99"])] == [30_000, 45_000, 60_000]
    assert price([], ["99"]) == 45_000
    assert price(["1", "2", "3"], ["99"]) == 60_000


def test_a_forged_choice_is_no_choice() -> None:
    sent = forms.read(a_sent_form("form-edit:12", {"type": 3, "custom_id": "picture", "values": ["1; drop"]}))
    assert sent == forms.Sent("edit", (12,), None, "", None, (), ())


def test_a_foreign_form_is_not_ours() -> None:
    for custom_id in ("", "form-edit:", "form-edit:0", "form-drop:1", "edit:12", "form-edit:12:0", "form-edit:12:x"):
        assert forms.read(a_sent_form(custom_id)) is None
