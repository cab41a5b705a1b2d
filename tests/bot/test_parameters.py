"""The table of every parameter is true, and whatever the options make is what Runware takes."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import options
from bot.house import BOUNDED, DEFAULTED
from bot.options import (
    BY_NAME,
    MATCH,
    PARAMETERS,
    SIZE,
    Choice,
    Counted,
    Flag,
    Loras,
    Number,
    Scheduler,
    Seed,
    Text,
    Whole,
)
from bot.runware.schema import SCHEDULERS
from bot.settings import Settings
from bot.sweeps import Along
from cogs.edit import EditCog
from storage.records import EditRequest, Reference
from tests.parameters_table import FIXED, OPERATORS, PICTURES, ROWS, option_of
from tests.schema_cases import RULES, exclusive, leaves, said_on_the_wire
from tests.wired import build, wire

# The table


def test_every_parameter_of_the_wire_stands_in_the_table_once() -> None:
    assert ROWS.keys() == leaves().keys()


def test_every_option_stands_in_the_table_and_no_other_does() -> None:
    named = {row.option for row in ROWS.values() if row.by_members}
    assert named == {*options.NAMES, "image"}
    assert ROWS[PICTURES].names == ("image", "image2", "image3", "from", "image_url", "avatar")
    parts = {row.names[1] for row in ROWS.values() if row.option == "loras"}
    assert parts == {"model", "weight", "stage"}


def takes(parameter: options.Parameter) -> str:
    """Say what a parameter takes, as the table does."""
    if isinstance(parameter, Number):
        steps = "" if parameter.step is None else f"in steps of {parameter.step:g}"
        return " ".join(filter(None, ("a number", parameter.range, steps)))
    if isinstance(parameter, Whole):
        return f"a whole number {parameter.range}"
    if isinstance(parameter, Choice):
        return _alternatives(parameter.choices)
    return {
        Text: f"text of up to {options.MAX_PROMPT} characters",
        Flag: "yes or no",
        Scheduler: f"one of {len(SCHEDULERS)} names",
        Seed: f"a whole number from 0 to {options.MAX_SEED}",
    }[type(parameter)]


def _alternatives(choices: tuple[str, ...]) -> str:
    return " or ".join((", ".join(choices[:-1]), choices[-1]))


@pytest.mark.parametrize("parameter", [one for one in PARAMETERS if one.name != "loras"], ids=lambda one: one.name)
def test_the_table_says_what_an_option_takes_and_what_happens_without_it(parameter: options.Parameter) -> None:
    [row] = [row for row in ROWS.values() if row.option == parameter.name and row.by_members]
    assert (row.takes, row.otherwise) == (takes(parameter), parameter.otherwise)
    may = [door for door, names in (("default", DEFAULTED), ("bounds", BOUNDED)) if parameter.name in names]
    assert row.servers == ", ".join(may)


def test_the_table_says_what_size_pictures_and_loras_take() -> None:
    for side in ("width", "height"):
        assert ROWS[side].takes == f"{options.MIN_SIDE} to {options.MAX_SIDE} in steps of {options.GRID}"
        assert ROWS[side].servers == "default, bounds"
    assert ROWS[PICTURES].takes == f"1 to {options.MAX_REFERENCES} pictures"
    assert ROWS["lora[].model"].takes == f"up to {options.MAX_LORAS} AIRs"
    assert ROWS["lora[].model"].otherwise == BY_NAME["loras"].otherwise
    assert ROWS["lora[].weight"].takes == takes(Loras.weight)
    assert ROWS["lora[].transformer"].takes == takes(Loras.stage)


def test_the_table_says_which_options_stand_in_the_command() -> None:
    named = {name for row in ROWS.values() if row.by_members and "`/edit`" in row.doors for name in row.names}
    command: Any = EditCog.edit
    assert named - {"model", "weight", "stage"} == {parameter.display_name for parameter in command.parameters}


def test_the_command_has_the_bounds_and_choices_of_its_options() -> None:
    command: Any = EditCog.edit
    bounded = {one.display_name: one for one in command.parameters if one.display_name in BY_NAME}
    assert len(bounded) == 11
    for name, given_in in bounded.items():
        parameter = BY_NAME[name]
        if isinstance(parameter, Counted):
            assert (given_in.min_value, given_in.max_value) == (parameter.least, parameter.most), name
        if isinstance(parameter, Choice):
            assert tuple(choice.value for choice in given_in.choices) == parameter.choices


def test_every_option_stands_in_drafts_presets_and_recipes_and_the_axes_of_a_sweep_say_so() -> None:
    for row in ROWS.values():
        if row.by_members:
            assert {"draft", "recipe"} <= set(row.doors)
            assert ("preset" in row.doors) is (row.path != PICTURES)
    assert {row.option for row in ROWS.values() if "sweep" in row.doors} == {along.option for along in Along}
    assert "sweep" in ROWS["lora[].weight"].doors


def test_the_operators_parameters_are_settings() -> None:
    named = {path: row.option.lower() for path, row in ROWS.items() if row.who == "operator"}
    assert named == OPERATORS
    assert set(OPERATORS.values()) <= Settings.model_fields.keys()
    output_types = get_args(Settings.model_fields["output_type"].annotation)
    assert ROWS["outputType"].takes == _alternatives(output_types)
    assert ROWS["outputType"].otherwise == Settings.model_fields["output_type"].default
    [bound] = [part.ge for part in Settings.model_fields["result_ttl_seconds"].metadata if hasattr(part, "ge")]
    assert ROWS["ttl"].takes == f"a whole number of {bound} or more"


def test_what_is_fixed_is_the_same_in_every_task() -> None:
    assert {path for path, row in ROWS.items() if row.who.startswith("fixed")} == FIXED
    task = wire(build())
    for path in ("deliveryMethod", "includeCost", "taskType", "model"):
        assert json.dumps(said_on_the_wire(task, path)).strip('"') == ROWS[path].takes.strip("`")
    assert task["safety"] == {"mode": ROWS["safety.mode"].otherwise}
    assert "checkContent" not in task["safety"]


# Whatever is built is what Runware takes


def values_of(parameter: options.Parameter) -> st.SearchStrategy[Any]:
    """Draw what a parameter takes."""
    if isinstance(parameter, Number):
        if parameter.step is None:
            return st.floats(allow_nan=False, allow_infinity=False)
        per = round(1 / parameter.step)
        return st.integers(round((parameter.least or 0) * per), round((parameter.most or 0) * per)).map(
            lambda n: n / per
        )
    if isinstance(parameter, Whole):
        return st.integers(int(parameter.least or 0), int(200 if parameter.most is None else parameter.most))
    if isinstance(parameter, Choice):
        return st.sampled_from(parameter.choices)
    return {
        Text: st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30),
        Flag: st.booleans(),
        Scheduler: st.sampled_from(SCHEDULERS),
        Seed: st.integers(0, options.MAX_SEED).map(str) | st.integers(0, options.MAX_SEED),
        Loras: st.deferred(lambda: several_loras),
    }[type(parameter)]


several_loras = st.lists(
    st.fixed_dictionaries(
        {"model": st.from_regex(r"[a-z]{1,5}:[0-9]{1,4}@[0-9]{1,4}", fullmatch=True)},
        optional={"weight": values_of(Loras.weight), "stage": values_of(Loras.stage)},
    ),
    min_size=1,
    max_size=10,
    unique_by=lambda one: one["model"],
)
sizes = st.tuples(st.integers(8, 128), st.integers(8, 128)).map(lambda pair: f"{pair[0] * 16}x{pair[1] * 16}")
wishes = st.fixed_dictionaries(
    {"prompt": st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=40)},
    optional={one.name: values_of(one) for one in PARAMETERS if one.name != "prompt"}
    | {SIZE: sizes | st.just(MATCH), "steps": st.integers(1, 50)},
)


@st.composite
def possible(draw: st.DrawFn) -> dict[str, Any]:
    """Draw options between which nothing is wrong."""
    values = draw(wishes)
    for one, other in draw(st.permutations(exclusive())):
        if option_of(one) in values and option_of(other) in values:
            del values[option_of(one)]
    values.setdefault("steps", options.DEFAULT_STEPS)
    for rule in RULES:
        first, second = values.get(option_of(rule.first)), values.get(option_of(rule.second))
        if first is not None and second is not None and not (first < second if rule.strict else first <= second):
            del values[option_of(rule.first)]
    return values


@given(possible(), st.integers(1, 3))
@settings(deadline=None, max_examples=300)
def test_every_request_that_can_be_built_is_one_that_runware_takes_and_that_is_kept_whole(
    values: dict[str, Any], pictures: int
) -> None:
    request = build(pictures, **values)
    task = wire(request)
    assert EditRequest.from_json(request.to_json()) == request
    again = options.build_request(options.values_of(request), request.references, draw=lambda: 0)
    assert again == request
    for path, row in ROWS.items():
        if row.option in values and row.option not in {"loras", SIZE, "negative"}:
            value = values[row.option]
            value = value.strip() if isinstance(value, str) else value
            if value != "":
                assert said_on_the_wire(task, path) == (int(value) if path == "seed" else value)


#: As a request was written down before there were other files, LoRAs, caches and faces.
STORED = """{"prompt":"make it night","references":[{"sha256":"%s","width":1024,"height":768,"label":"#3","result_id":3,
"description":null}],"width":1024,"height":768,"seed":7,"results":2,"steps":32,"negative":"fog","cfg":7.5,"true_cfg":1.2,
"scheduler":"DPM++ 2M Karras","parent_id":3,"safety":"fast"}"""


def test_a_request_stored_before_there_were_these_options_is_read() -> None:
    reference = Reference("a" * 64, 1024, 768, "#3", result_id=3)
    request = EditRequest.from_json(STORED % ("a" * 64))
    assert request == EditRequest(
        "make it night", (reference,), 1024, 768, 7, 2, 32, "fog", 7.5, 1.2, "DPM++ 2M Karras", 3
    )
    wire(request)
    options.check(request)
    assert EditRequest.from_json(request.to_json()) == request
