"""Each bound of Runware's schema and each rule between its parameters, tried through the options that people type.

The table of ``docs/parameters.md`` says which option stands for which parameter of the wire.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from bot import options
from bot.errors import BadOption
from bot.options import BY_NAME, Whole
from bot.settings import Settings
from storage.records import EditRequest
from tests.parameters_table import FIXED, OPERATORS, PICTURES, ROWS, Row, option_of
from tests.schema_cases import RULES, Limit, Rule, exclusive, limits, said_on_the_wire
from tests.wired import build, wire


def by_members() -> Iterator[tuple[Row, Limit]]:
    """Yield each bound of the schema about something that people set."""
    for limit in limits():
        row = ROWS.get("lora[].model" if limit.path == "lora" else limit.path)
        if row is not None and row.by_members:
            yield replace(row, path=limit.path), limit


def tried(row: Row, value: Any) -> EditRequest:
    if row.path == PICTURES:
        return build(len(value)) if isinstance(value, list) else build(image=value)
    return build(**row.values(value))


VALUES = [
    pytest.param(row, limit, value, id=f"{limit} {value!r:.30}")
    for row, limit in by_members()
    for value in (limit.beyond if limit.keyword != "type" else ())
]


@pytest.mark.parametrize(("row", "limit"), list(by_members()), ids=str)
def test_what_runware_still_takes_an_option_takes_and_says(row: Row, limit: Limit) -> None:
    values: list[Any] = [options.MAX_SEED] if (limit.path, limit.keyword) == ("seed", "maximum") else list(limit.within)
    for value in values:
        task = wire(tried(row, value))
        if row.path == "negativePrompt" or row.path in {PICTURES, "lora"}:
            assert len(said_on_the_wire(task, row.path)) == len(value)
        else:
            assert said_on_the_wire(task, row.path) == value


@pytest.mark.parametrize(("row", "limit", "value"), VALUES)
def test_one_beyond_a_bound_of_runwares_is_refused_with_the_option_the_bound_and_what_was_given(
    row: Row, limit: Limit, value: Any
) -> None:
    if value == "" and row.otherwise != "needed" and row.option != "loras":
        assert tried(row, value) == build(), "what is blank is left out"
        return
    if (limit.path, limit.keyword) == ("seed", "maximum"):
        value = options.MAX_SEED + 1
    with pytest.raises(BadOption) as refused:
        tried(row, value)
    said = str(refused.value)
    assert refused.value.option == row.option
    assert f"`{row.option}`" in said
    for part in (*named_bound(limit), *named_value(limit, value)):
        assert part in said, said


def named_bound(limit: Limit) -> list[str]:
    """Return how a refusal names a bound."""
    match limit.keyword:
        case "enum":
            return [str(len(limit.bound))] if len(limit.bound) > 5 else list(map(str, limit.bound))
        case "minLength":
            return []  # one character: "is empty" says it
        case "maximum" if limit.path == "seed":
            return [str(options.MAX_SEED)]
        case _:
            return [f"{limit.bound}"]


def named_value(limit: Limit, value: Any) -> list[str]:
    """Return how a refusal names what was given."""
    if limit.keyword in {"maxLength", "minItems", "maxItems"}:
        return [str(len(value))]
    return [] if limit.keyword == "minLength" else [str(value)]


@pytest.mark.parametrize(
    ("row", "value"),
    [
        pytest.param(row, value, id=f"{row.path} {value!r}")
        for row, limit in by_members()
        if limit.keyword == "type" and row.path not in {"lora", PICTURES, "width", "height"}
        # Numbers may be typed, and yes is a word too: what is text is tried as such elsewhere.
        for value in limit.beyond
        if value is not None and value not in ("1", "true")
    ],
)
def test_a_value_of_another_type_is_refused(row: Row, value: Any) -> None:
    if value == 0.5 and row.option != "seed" and not isinstance(BY_NAME[row.option], Whole):
        return
    with pytest.raises(BadOption) as refused:
        tried(row, value)
    assert refused.value.option == row.option


def test_every_bound_of_the_schema_is_tried_here_or_is_about_what_nobody_sets() -> None:
    here = {(limit.path, limit.keyword) for _, limit in by_members()}
    others = {(limit.path, limit.keyword) for limit in limits()} - here
    wrappers = {"", "inputs", "settings", "lora[]", "safety", "acceleratorOptions", "advancedFeatures"}
    wrappers |= {"advancedFeatures.ultralytics", f"{PICTURES}[]"}
    assert {path for path, _ in others} == wrappers | FIXED | OPERATORS.keys() | {"safety.mode"}


def settings_with(**values: Any) -> Settings:
    return Settings(**{"discord_token": "x", "runware_api_key": "x", "allowed_guilds": "1", **values})


@pytest.mark.parametrize("limit", [limit for limit in limits() if limit.path in OPERATORS], ids=str)
def test_the_operators_settings_have_runwares_bounds(limit: Limit) -> None:
    name = OPERATORS[limit.path]
    for value in limit.within:
        assert getattr(settings_with(**{name: value}), name) == value
    for value in limit.beyond:
        if value is not None and not (limit.path == "ttl" and value == "1"):
            with pytest.raises(ValidationError):
                settings_with(**{name: value})


# Every rule between parameters


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.first)
@pytest.mark.parametrize("second", [1, 20, 50])
def test_a_rule_between_two_parameters_is_kept_at_its_limit_and_refused_beyond(rule: Rule, second: int) -> None:
    first, last = option_of(rule.first), option_of(rule.second)
    most = second - rule.strict
    if most >= (0 if rule.strict else 1):
        assert rule.holds(wire(build(**{last: second, first: most, **_room(last)})))
    with pytest.raises(BadOption) as refused:
        build(**{last: second, first: most + 1, **_room(last)})
    assert refused.value.option in {first, last}
    for part in (f"`{first}`", f"`{last}`", str(second), str(most + 1)):
        assert part in str(refused.value)


def _room(last: str) -> dict[str, int]:
    """Return so many steps that only the rule in question is in the way."""
    return {} if last == "steps" else {"steps": 50}


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.otherwise is not None], ids=lambda rule: rule.first)
def test_where_the_second_is_left_out_the_rule_is_about_what_the_bot_sends(rule: Rule) -> None:
    first = option_of(rule.first)
    sent = said_on_the_wire(wire(build()), rule.second)
    assert sent <= rule.otherwise
    build(**{first: sent})
    with pytest.raises(BadOption, match=f"which is {sent}, and {sent + 1} was given"):
        build(**{first: sent + 1})


@pytest.mark.parametrize(("one", "other"), exclusive())
def test_what_excludes_each_other_is_refused_together_and_taken_alone(one: str, other: str) -> None:
    first, second = option_of(one), option_of(other)
    for value in (first, second):
        wire(build(**{value: 5}))
    with pytest.raises(BadOption) as refused:
        build(**{first: 5, second: 5})
    assert refused.value.option in {first, second}
    assert f"`{first}`" in str(refused.value)
    assert f"`{second}`" in str(refused.value)
    assert len(exclusive()) == 4
