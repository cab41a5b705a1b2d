"""The forms of managers: what they ask, that they fit, and how a sent one is read or refused."""

from __future__ import annotations

import re
from typing import Any

import discord
import pytest

from bot.errors import BadOption
from cogs import _budget_forms as forms
from cogs._budget_components import Whose
from storage.records import Measure, Scope, Server
from storage.windows import Span, Window

FILLED = {"measure": "money", "window": "calendar-day", "amount": "0.50", "ceiling": ""}
SERVER = Server(1, "Europe/Berlin", None, None, 123_456, None)


def controls_of(form: discord.ui.Modal) -> dict[str, dict[str, Any]]:
    return {label["component"]["custom_id"]: label["component"] for label in form.to_dict()["components"]}


def a_sent_form(custom_id: str, picked: str | None = None, **values: str) -> dict[str, Any]:
    """Return what Discord sends; where somebody is picked, the kind and the id, such as ``roles/5``."""
    chosen = {"measure", "window"}
    controls: list[dict[str, Any]] = [
        {"custom_id": name, **({"values": [value]} if name in chosen else {"value": value})}
        for name, value in values.items()
    ]
    resolved: dict[str, Any] = {}
    if picked is not None:
        kind, _, entity_id = picked.partition("/")
        controls.append({"custom_id": "who", "values": [entity_id]})
        resolved = {"users": {entity_id: {}}, kind: {entity_id: {}}}
    labels = [{"type": 18, "component": control} for control in controls]
    return {"custom_id": custom_id, "components": labels, "resolved": resolved}


def sent(custom_id: str = "form-limit:server", picked: str | None = None, **values: str) -> forms.Sent:
    read = forms.read(a_sent_form(custom_id, picked, **values))
    assert read is not None
    return read


@pytest.mark.parametrize(
    ("whose", "who"),
    [
        (Whose.MEMBER, discord.ComponentType.user_select),
        (Whose.ROLE, discord.ComponentType.role_select),
        (Whose.CHANNEL, discord.ComponentType.channel_select),
        (Whose.EVERYBODY, None),
        (Whose.SERVER, None),
    ],
)
async def test_a_form_of_a_limit_asks_who_only_where_that_is_open(
    whose: Whose, who: discord.ComponentType | None
) -> None:
    form = forms.limit(whose)
    controls = controls_of(form)
    assert form.custom_id == f"form-limit:{whose}"
    assert len(controls) == (4 if who is None else 5)
    assert controls.get("who", {}).get("type") == (None if who is None else who.value)
    assert len(controls["window"]["options"]) == 8
    chosen = [
        [each["value"] for each in controls[name]["options"] if each["default"]] for name in ("measure", "window")
    ]
    assert chosen == [["money"], ["calendar-day"]]
    assert not controls["ceiling"]["required"]


async def test_every_form_fits_and_discord_py_keeps_none() -> None:
    for form in (*(forms.limit(whose) for whose in Whose), forms.bonus(), forms.pause(), forms.settings(SERVER)):
        assert form.is_finished()
        assert len(form.title) <= 45
        labels = form.to_dict()["components"]
        assert len(labels) <= 5
        assert all(len(label["label"]) <= 45 for label in labels)
        assert all(len(label.get("description") or "") <= 100 for label in labels)


async def test_the_form_of_the_settings_is_filled_exactly() -> None:
    controls = controls_of(forms.settings(SERVER))
    filled = {name: control.get("value") for name, control in controls.items()}
    assert filled == {"zone": "Europe/Berlin", "ask": "0.123456", "approve": None, "stars": "3"}
    assert forms.settings_of(sent("form-settings", zone="Europe/Berlin", ask="0.123456", approve=" ")) == {
        "time_zone": "Europe/Berlin",
        "confirm_above": 123_456,
        "approve_above": None,
    }, "a form of an earlier version has no stars"


async def test_a_form_of_the_settings_changes_only_what_differs_from_when_it_was_opened() -> None:
    form = forms.settings(SERVER)
    assert form.custom_id == "form-settings:Europe/Berlin:0.123456::3"
    unchanged = {"zone": "Europe/Berlin", "ask": "0.123456", "approve": "", "stars": "3"}
    assert forms.settings_of(sent(form.custom_id, **unchanged)) == {}
    assert forms.settings_of(sent(form.custom_id, **{**unchanged, "ask": ""})) == {"confirm_above": None}
    assert forms.settings_of(sent(form.custom_id, **{**unchanged, "approve": "2"})) == {"approve_above": 2_000_000}
    assert forms.settings_of(sent(form.custom_id, **{**unchanged, "stars": "5"})) == {"showcase_stars": 5}


@pytest.mark.parametrize(
    ("picked", "scope"),
    [("members/5", Scope.MEMBER), ("roles/5", Scope.ROLE), ("channels/5", Scope.CHANNEL), ("users/5", None)],
)
def test_who_was_picked_is_told_by_what_discord_knows_of_them(picked: str, scope: Scope | None) -> None:
    assert sent("form-bonus", picked, amount="5").picked == forms.Picked(5, scope)


def test_a_limit_is_read_with_every_window() -> None:
    for span in Span:
        for rolling, word in ((False, "calendar"), (True, "rolling")):
            read = forms.limit_of(sent(**{**FILLED, "window": f"{word}-{span}", "ceiling": "0.20"}))
            assert read == forms.Limit(Measure.MONEY, 500_000, Window(span, rolling=rolling), 200_000)


def test_a_limit_of_nothing_and_one_in_pictures_are_read() -> None:
    assert forms.limit_of(sent(**{**FILLED, "amount": "0"})).amount == 0
    pictures = forms.limit_of(sent(**{**FILLED, "measure": "pictures", "amount": "20", "ceiling": "4"}))
    assert (pictures.measure, pictures.amount, pictures.ceiling) == (Measure.PICTURES, 20, 4)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("measure", "hearts", "`What is counted?` can be money, edits or pictures"),
        ("window", "calendar-year", "`Over which time?` names no window there is"),
        ("window", "", "`Over which time?` names no window there is"),
        ("amount", "-1", "`How much?` should be an amount in dollars such as `0.50`, not “-1”"),
        ("amount", "", "`How much?` should be an amount in dollars"),
        ("amount", "a lot", "not “a lot”"),
        ("amount", "9" * 12, "$100,000 is the most"),
        ("ceiling", "0", "`At most for one edit` has to be more than 0"),
        ("ceiling", "1e9", "`At most for one edit` should be an amount"),
    ],
)
def test_a_limit_that_cannot_be_is_refused_with_its_field(field: str, value: str, said: str) -> None:
    with pytest.raises(BadOption, match=re.escape(said)):
        forms.limit_of(sent(**{**FILLED, field: value}))


@pytest.mark.parametrize(
    ("amount", "days", "said"),
    [
        ("0", "", "`How much?` has to be more than 0"),
        ("five", "", "`How much?` should be an amount"),
        ("5", "0", "`For how many days?` has to be more than 0"),
        ("5", "1.5", "`For how many days?` should be a whole number"),
        ("5", "soon", "not “soon”"),
    ],
)
def test_a_bonus_that_cannot_be_is_refused_with_its_field(amount: str, days: str, said: str) -> None:
    with pytest.raises(BadOption, match=re.escape(said)):
        forms.bonus_of(sent("form-bonus", amount=amount, days=days))


def test_a_bonus_is_read_with_and_without_an_end() -> None:
    assert forms.bonus_of(sent("form-bonus", amount="$5", days=" 7 ")) == (5_000_000, 7)
    assert forms.bonus_of(sent("form-bonus", amount="5,50", days="")) == (5_500_000, None)


@pytest.mark.parametrize(("field", "option"), [("ask", "Ask members first above"), ("approve", "approve above")])
def test_prices_that_cannot_be_are_refused_with_their_field(field: str, option: str) -> None:
    values = {"zone": "UTC", "ask": "", "approve": "", field: "-0.5"}
    with pytest.raises(BadOption, match=option):
        forms.settings_of(sent("form-settings", **values))


def test_what_was_sent_can_be_said_back_harmlessly() -> None:
    said = str(sent("form-limit:role", "roles/5", **{**FILLED, "amount": "@everyone *x*"}))
    assert said == "<@&5> · money · calendar-day · \\@everyone \\*x\\*"


def test_a_foreign_form_is_not_ours() -> None:
    for custom_id in ("", "form-limit", "form-limit:bot", "form-bonus:1", "form-edit:12", "form-drop"):
        assert forms.read(a_sent_form(custom_id)) is None
