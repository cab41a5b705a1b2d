"""LoRAs and a server's rules as they are offered and shown: within Discord's limits, and read back as they were meant."""

from __future__ import annotations

import json
import re

import pytest
from discord import ui
from hypothesis import given
from hypothesis import strategies as st
from simcord.components import walk_components

from bot import options
from bot.loras import FoundLora
from cogs import _house_cards as cards
from cogs._loras import allowed_choices, completions, found_choices
from storage.records import Bound, House, Lora

ALLOWED = {"local:1@1": "Paper Cut", "local:2@1": "Ink (wet), on rice; paper", "civitai:9@9": "Clay"}


def text_of(view: ui.LayoutView) -> str:
    return "\n".join(item.content for item in view.walk_children() if isinstance(item, ui.TextDisplay))


def assert_discord_takes(view: ui.LayoutView) -> None:
    parts = list(walk_components(view.to_components()))
    assert len(parts) <= 40
    assert 1 <= len(text_of(view)) <= 4000
    for menu in (part for part in parts if part["type"] == 3):
        values = [option["value"] for option in menu["options"]]
        assert 1 <= len(values) <= 25
        assert len(set(values)) == len(values)
        for option in menu["options"]:
            assert all(1 <= len(option[name]) <= 100 for name in ("label", "value", "description"))
    json.dumps(view.to_components())


COMPLETED = {
    "": ["local:1@1", "local:2@1", "civitai:9@9"],
    "cut pap": ["local:1@1"],
    "CIVIT": ["civitai:9@9"],
    "local:1@1, ": ["local:1@1, local:2@1", "local:1@1, civitai:9@9"],
    "local:1@1 0.5 high;cl": ["local:1@1 0.5 high;civitai:9@9"],
    "local:1@1 (Paper Cut) 0.5, ink": ["local:1@1 (Paper Cut) 0.5, local:2@1"],
    "local:1@1 -1.5": ["local:1@1 -1.5"],
    "nothing": [],
}


@pytest.mark.parametrize(("typed", "offered"), COMPLETED.items())
def test_the_last_lora_of_what_was_typed_is_completed(typed: str, offered: list[str]) -> None:
    assert [choice.value for choice in completions(typed, ALLOWED)] == offered


def test_what_discord_puts_into_the_field_can_be_typed_on_from() -> None:
    """It puts the name of a choice there, not its value, once somebody types on."""
    loras = options.BY_NAME["loras"]
    for choice in completions("", ALLOWED):
        assert loras.read(f"{choice.name} 0.8 high") == (Lora(str(choice.value), 0.8, "high"),)
    [_, choice] = completions(f"{completions('', ALLOWED)[0].name} 0.5, ", ALLOWED)
    assert loras.read(choice.name) == (Lora("local:1@1", 0.5), Lora("civitai:9@9"))


@pytest.mark.parametrize("air", ["local:1@1", "local:" + "1" * 84, "local:" + "1" * 92])
def test_a_name_that_is_too_long_to_be_shown_takes_nothing_that_is_typed_behind_it(air: str) -> None:
    loras = options.BY_NAME["loras"]
    [choice] = completions("", {air: "A name of many words " * 6})
    assert len(choice.name) <= 100
    assert loras.read(f"{choice.name} 0.5, local:2@1 0.8") == (Lora(air, 0.5), Lora("local:2@1", 0.8))


@given(st.text(max_size=200), st.dictionaries(st.text(min_size=1, max_size=220), st.text(max_size=220), max_size=40))
def test_whatever_is_typed_and_allowed_discord_takes_what_is_offered(typed: str, allowed: dict[str, str]) -> None:
    found = [FoundLora(air, name or air) for air, name in allowed.items()]
    for offered in (completions(typed, allowed), allowed_choices(typed, allowed), found_choices(found, allowed)):
        assert len(offered) <= 25
        assert all(1 <= len(choice.name) <= 100 and len(str(choice.value)) <= 100 for choice in offered)


def test_what_is_let_in_already_is_marked_among_what_was_found() -> None:
    found = [FoundLora("local:1@1", "Paper Cut"), FoundLora("local:3@1", "New"), FoundLora("x" * 101, "Long")]
    assert [choice.name for choice in found_choices(found, ALLOWED)] == [
        "Paper Cut · local:1@1 · let in",
        "New · local:3@1",
    ]


# Cards ---------------------------------------------------------------------------------------------------------------

WILD = "*bold* <@1> @everyone [x](https://e.vil) `code`\n# " * 30


def test_what_others_wrote_of_a_lora_is_shown_as_text() -> None:
    lora = FoundLora("local:`1@1", WILD, None, WILD, WILD)
    house = House(1, loras={"local:`1@1": WILD}, defaults={"negative": WILD, "face_prompt": WILD})
    for view in (
        cards.found(WILD, [lora], House(), manages=True),
        cards.found(WILD, [], House(), manages=True),
        cards.allowed(house, note=cards.let_in(WILD, "local:`1@1", fresh=True, certain=False)),
        cards.rules(house, {}, note=cards.default_set("negative", WILD)),
    ):
        assert_discord_takes(view)
        assert not re.search(r"(?<!\\)(<@1>|@everyone|\*bold|\[x|`code)", text_of(view))


def test_the_longest_of_everything_fits_and_says_what_is_left_out() -> None:
    loras = [FoundLora(f"{'x' * 90}:{number}", WILD, "a", WILD, WILD) for number in range(25)]
    house = House(
        1,
        defaults={**dict.fromkeys(options.NAMES, "_" * 1000), "loras": [{"model": "_" * 200, "weight": 0.5}] * 10},
        bounds=dict.fromkeys(options.NAMES, Bound(-1_000_000, 1_000_000)),
        loras={lora.air: lora.name for lora in loras},
        unchecked=frozenset(range(100)),
    )
    channels = {10**18 + number: number % 2 == 0 for number in range(50)}
    shown = [
        cards.rules(house, channels, hidden=50, note="n" * 500),
        cards.allowed(house),
        cards.found("x", loras, House(), manages=True),
    ]
    for view in shown:
        assert_discord_takes(view)
        assert "more" in text_of(view)


def test_a_lora_is_let_in_from_a_menu_by_those_alone_who_manage() -> None:
    loras = [FoundLora("local:1@1", "Paper Cut"), FoundLora("local:3@1", "New"), FoundLora("x" * 101, "Long")]
    house = House(1, loras=ALLOWED)

    def offered(*, manages: bool) -> list[str]:
        parts = walk_components(cards.found("x", loras, house, manages=manages).to_components())
        return [option["value"] for part in parts if part["type"] == 3 for option in part["options"]]

    assert offered(manages=True) == ["local:3@1"]
    assert offered(manages=False) == []
    assert "**Paper Cut** · `local:1@1` · ✅ let in here" in text_of(cards.found("x", loras, house, manages=False))


def test_a_channel_that_asks_for_no_age_any_more_is_said_to_be_checked_all_the_same() -> None:
    said = text_of(cards.rules(House(1, unchecked=frozenset({1, 2, 3})), {1: True, 2: False}, hidden=1))
    assert "- <#1>\n- <#2>: Discord asks for no age there now, so it is on all the same\n- 1 channel that you" in said
