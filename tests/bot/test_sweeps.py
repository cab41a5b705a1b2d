"""What a sweep goes through and asks for: axes as they are typed, and the request of each cell."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import options, sweeps
from bot.errors import BadOption
from bot.runware.schema import SCHEDULERS
from bot.sweeps import MOST_CELLS, Along, Plan, read_axes
from storage.records import Bound, EditRequest, House, Lora, Reference
from storage.sweeps import Axis

CAT = Reference("a" * 64, 1024, 768, "cat.png")
LORAS = (Lora("civitai:1@2", 0.8), Lora("civitai:3@4"))


def drawer() -> Any:
    return itertools.count(100).__next__


def values_of(along: Along, typed: str) -> tuple[Any, ...]:
    [axis] = read_axes(along, typed, None, None, loras=LORAS[:1], draw=drawer())
    return axis.values


def refusal(x: Along, x_values: str, y: Along | None = None, y_values: str | None = None, **more: Any) -> BadOption:
    with pytest.raises(BadOption) as refused:
        read_axes(x, x_values, y, y_values, draw=drawer(), **more)
    return refused.value


def planned(axes: tuple[Axis, ...], house: House | None = None, **given: object) -> Plan:
    return sweeps.plan({"prompt": "a hat", **given}, [CAT], axes, house=house or House(), draw=drawer())


@pytest.mark.parametrize(
    ("along", "typed", "values"),
    [
        (Along.STEPS, "20, 30,40", (20, 30, 40)),
        (Along.STEPS, "20; 30\n40,", (20, 30, 40)),
        (Along.STEPS, "20-50 step 10", (20, 30, 40, 50)),
        (Along.STEPS, "20 to 45 in steps of 10", (20, 30, 40)),
        (Along.STEPS, "50–20 step 15", (50, 35, 20)),
        (Along.STEPS, "10, 20-30 by 5", (10, 20, 25, 30)),
        (Along.STEPS, "30", (30,)),
        (Along.CFG, "1..5", (1, 2, 3, 4, 5)),
        (Along.CFG, "1...2 step 0.1", (1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2)),
        (Along.CFG, "2.50, 30.0", (2.5, 30)),
        (Along.TRUE_CFG, "-1..1 step 0.5", (-1, -0.5, 0, 0.5, 1)),
        (Along.LORA, "-0.5-0.5 step 0.5", (-0.5, 0, 0.5)),
        (Along.SEED, "4 random", (100, 101, 102, 103)),
        (Along.SEED, "7, 2 random seeds, 0", (7, 100, 101, 0)),
        (Along.SEED, f"{2**63 - 1}, {2**64}", (2**63 - 1, 2**64)),
        (Along.SCHEDULER, "euler, unipc karras", ("Euler", "UniPC Karras")),
    ],
)
def test_values_are_typed_as_a_list_a_range_or_a_number_of_random_seeds(
    along: Along, typed: str, values: tuple[Any, ...]
) -> None:
    assert values_of(along, typed) == values


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("many", "`x_values` takes values such as `20, 30, 40` or `20-50 step 10`, and `many` is not one"),
        ("3 random", "`3 random` is not one of that kind"),
        (" , ", "`x_values` has no value: give some, such as `20, 30, 40`"),
        ("20, 20.0", "`x_values` has 20 twice"),
        ("20-50", "A sweep has up to 20 cells, and `20-50` alone are 31 values; take larger steps"),
        ("1-99999999999999999999 step 0.000001", "alone are 99,999,999,999,999,999,998,000,001 values"),
        ("20-50 step 0", "`x_values` goes in steps of more than 0"),
        ("20-50 step -10", "steps of more than 0"),
        ("1..10, 11..21", "A sweep has up to 20 cells, and 21 values were given"),
        ("२०", "is not one of that kind"),
        ("1e3", "is not one of that kind"),
    ],
)
def test_values_that_make_no_axis_are_refused_in_a_sentence(typed: str, says: str) -> None:
    refused = refusal(Along.STEPS, typed)
    assert refused.option == "x_values"
    assert says in str(refused)


def test_faults_of_the_second_axis_name_it() -> None:
    assert "`y_values` is missing: say the values of `y`, such as `2, 4, 6`" in str(
        refusal(Along.STEPS, "1", Along.CFG)
    )
    assert "`y_values` needs `y`" in str(refusal(Along.STEPS, "1", None, "2, 3"))
    twice = refusal(Along.STEPS, "20", Along.STEPS, "30")
    assert (twice.option, "is steps already" in str(twice)) == ("y", True)
    many = refusal(Along.STEPS, "1..5", Along.CFG, "1..5")
    assert (many.option, str(many)) == (
        "y_values",
        "A sweep has up to 20 cells, and 5 times 5 are 25; leave some values out.",
    )


def test_a_number_of_random_seeds_that_no_sweep_has_is_refused() -> None:
    for typed in ("0 random", "21 random"):
        assert "takes 1 to 20 random seeds" in str(refusal(Along.SEED, typed))


def test_a_scheduler_that_is_none_is_refused_with_the_nearest_name() -> None:
    refused = refusal(Along.SCHEDULER, "Euler, UniPCs")
    assert refused.option == "x_values"
    assert "did you mean UniPC?" in str(refused)


def test_the_lora_of_an_axis_is_the_only_one_or_the_one_that_is_named() -> None:
    assert "`loras` is missing" in str(refusal(Along.LORA, "0.5"))
    assert "`lora` is missing: say which of the 2 LoRAs" in str(refusal(Along.LORA, "0.5", loras=LORAS))
    assert "is none of them" in str(refusal(Along.LORA, "0.5", loras=LORAS, lora="civitai:9@9"))
    assert "no axis is a LoRA's weight" in str(refusal(Along.CFG, "2", loras=LORAS, lora="civitai:1@2"))
    [axis] = read_axes(Along.LORA, "0.5, 1", None, None, loras=LORAS, lora=" CIVITAI:3@4 ", draw=drawer())
    assert axis == Axis("loras", (0.5, 1), "civitai:3@4")
    house = House(loras={lora.model: "one" for lora in LORAS})
    plan = planned((axis,), house, loras="civitai:1@2 0.8, civitai:3@4")
    assert [request.loras for request in plan.requests] == [
        (LORAS[0], Lora("civitai:3@4", weight)) for weight in (0.5, 1)
    ]


NUMBERS = {Along.STEPS: st.integers(1, 50), Along.CFG: st.integers(100, 2000).map(lambda cents: cents / 100)}
SEEDS = st.integers(0, 2**63 - 1)


@given(
    st.lists(NUMBERS[Along.STEPS], min_size=1, max_size=4, unique=True),
    st.lists(NUMBERS[Along.CFG], min_size=1, max_size=5, unique=True),
    SEEDS,
)
def test_cells_differ_in_nothing_but_their_axes(steps: list[int], cfgs: list[float], seed: int) -> None:
    axes = read_axes(Along.STEPS, ", ".join(map(str, steps)), Along.CFG, ", ".join(map(str, cfgs)), draw=drawer())
    plan = planned(axes, seed=str(seed), negative="fog")
    assert plan.refusals == (None,) * len(steps) * len(cfgs)
    assert [(request.cfg, request.steps) for request in plan.requests] == list(itertools.product(cfgs, steps))
    plain = {replace(request, steps=1, cfg=None) for request in plan.requests}
    assert plain == {
        options.build_request({"prompt": "a hat", "negative": "fog", "seed": seed, "steps": 1}, [CAT], draw=drawer())
    }
    for request in plan.requests:
        options.check(request)


@given(st.lists(st.sampled_from(SCHEDULERS), min_size=1, max_size=MOST_CELLS, unique=True))
def test_every_scheduler_can_be_a_value(names: list[str]) -> None:
    axes = read_axes(Along.SCHEDULER, ", ".join(names), None, None, draw=drawer())
    assert [request.scheduler for request in planned(axes).requests] == names


@given(st.text(max_size=60), st.sampled_from(Along))
def test_whatever_is_typed_makes_an_axis_or_a_sentence(typed: str, along: Along) -> None:
    try:
        [axis] = read_axes(along, typed, None, None, loras=LORAS[:1], draw=drawer())
    except BadOption as refused:
        assert str(refused).endswith((".", "?", "`."))  # noqa: PT017 (either is fine)
    else:
        assert 1 <= len(axis.values) <= MOST_CELLS


def test_the_seed_is_drawn_once_unless_it_is_an_axis() -> None:
    steps = planned(read_axes(Along.STEPS, "20, 30", None, None, draw=drawer()))
    assert [request.seed for request in steps.requests] == [100, 100]
    seeds = planned(read_axes(Along.SEED, "0, 2 random", None, None, draw=drawer()))
    assert [request.seed for request in seeds.requests] == [0, 100, 101]


def test_a_cell_that_the_model_or_the_server_refuses_leaves_the_others() -> None:
    axes = read_axes(Along.STEPS, "20, 40, 60", Along.CFG, "0.5, 4", draw=drawer())
    plan = planned(axes, House(bounds={"steps": Bound(None, 30)}))
    assert [(refusal or "fine").partition(",")[0] for refusal in plan.refusals] == [
        "`cfg` goes from 1 to 20 in steps of 0.01",
        "`cfg` goes from 1 to 20 in steps of 0.01",
        "`steps` is a whole number from 1 to 50",
        "fine",
        "`steps` goes up to 30 in this server",
        "`steps` is a whole number from 1 to 50",
    ]
    assert [(request.steps, request.cfg) for request in plan.requests] == [(20, 4.0)]


def test_where_no_cell_can_be_made_the_reason_is_that_of_the_first_or_one_that_no_axis_has_to_do_with() -> None:
    axes = read_axes(Along.STEPS, "60, 70", None, None, draw=drawer())
    with pytest.raises(BadOption, match="None of the 2 cells can be made: `steps` is a whole number") as refused:
        planned(axes)
    assert refused.value.option == "steps"
    with pytest.raises(BadOption, match=r"^`size`"):
        planned(axes, size="7x7")


def test_what_is_an_axis_is_no_option_as_well() -> None:
    with pytest.raises(BadOption, match="`steps` is an axis of this sweep: leave it out"):
        planned((Axis("steps", (20, 30)),), steps=25)


def test_a_servers_defaults_hold_for_all_cells_but_what_is_an_axis_and_how_many_pictures() -> None:
    house = House(defaults={"steps": 10, "cfg": 3, "results": 4, "seed": "5"})
    plan = planned((Axis("steps", (20, 30)),), house)
    assert [(one.steps, one.cfg, one.results, one.seed) for one in plan.requests] == [(20, 3, 1, 5), (30, 3, 1, 5)]


def test_cells_are_named_by_their_values() -> None:
    axes = (Axis("scheduler", ("UniPC", "Euler")), Axis("loras", (0.5, 1), "civitai:1@2"))
    assert [sweeps.label(axes, place) for place in range(4)] == [
        "UniPC · LoRA weight 0.5",
        "Euler · LoRA weight 0.5",
        "UniPC · LoRA weight 1",
        "Euler · LoRA weight 1",
    ]


def test_the_request_of_a_cell_is_made_of_what_is_stored() -> None:
    axes = (Axis("cfg", (2, 4.5)), Axis("seed", (7, 8)))
    request = planned(axes).request
    stored = EditRequest.from_json(request.to_json())
    assert [(one.cfg, one.seed) for one in (sweeps.request_of(stored, axes, place) for place in range(4))] == [
        (2.0, 7),
        (4.5, 7),
        (2.0, 8),
        (4.5, 8),
    ]
