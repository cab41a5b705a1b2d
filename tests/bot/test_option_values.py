"""Whatever JSON or a form holds for an option: it is read, or refused in one sentence that names the option."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot import options
from bot.errors import BadOption
from bot.options import BY_NAME, NAMES, build_request, examine, read_bound, values_of
from storage.records import Lora, Reference

CAT = Reference("a" * 64, 1000, 750, "cat.png")
NESTED: list[Any] = []
for _ in range(100_000):
    NESTED = [NESTED]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**400), 2**53, -0.0, 1e308, 5e-324])
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(
        ["1e3", "7,5", "\0", "\ud800", "a\nb", "`", "١", "NaN", "9" * 5000, " yes ", "match", "civitai:1@2 1"]
    )
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["model", "weight", "stage"]) | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


def sentence_of(refused: BadOption, name: str) -> str:
    """Return what is said, after checking that it is one whole sentence that can be sent and names the option."""
    said = str(refused)
    said.encode()
    assert said.isprintable()
    assert said.endswith((".", "?"))
    assert f"`{name}`" in said
    assert refused.option == name
    assert len(said) < 400
    return said


def read(name: str, given: object) -> Any:
    return build_request({"prompt": "x", name: given}, [CAT], draw=lambda: 7)


def refused(name: str, given: object) -> str:
    with pytest.raises(BadOption) as caught:
        read(name, given)
    return sentence_of(caught.value, name)


@pytest.mark.parametrize("name", NAMES)
@given(value=anything)
@settings(deadline=None, max_examples=60)
def test_any_value_is_read_or_refused_in_one_sentence(name: str, value: Any) -> None:
    examined = examine({"prompt": "x", "steps": 50, name: value}, [CAT], draw=lambda: 7)
    for fault in examined.faults:
        sentence_of(fault, name)
    if examined.request is None:
        return
    plain = json.loads(json.dumps(values_of(examined.request)))
    assert examine(plain, [CAT], draw=lambda: 0).request == examined.request


@given(st.dictionaries(st.text(st.characters(), max_size=60), anything, max_size=3))
@settings(deadline=None, max_examples=60)
def test_any_name_is_known_or_refused_in_one_sentence(values: dict[str, Any]) -> None:
    for fault in examine(values, [CAT], draw=lambda: 7).faults:
        str(fault).encode()
        assert str(fault).isprintable()


@pytest.mark.parametrize("name", NAMES)
def test_what_no_option_can_be_is_refused_and_breaks_nothing(name: str) -> None:
    odd = [NESTED, 10**5000, object(), b"30", {1: 2, "a": 3}, [[]], [None, [[5]]], (), {}]
    for value in odd if name.endswith("_cache") else [*odd, True]:
        refused(name, value)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("steps", "1e3", "is a whole number from 1 to 50, and `1e3` was given"),
        ("steps", "30.0", "`30.0` was given"),
        ("steps", 30.5, "30.5 was given"),
        ("steps", True, "`True` was given"),
        ("steps", float("inf"), "inf was given"),
        ("steps", "٣", "was given"),
        ("steps", 10**50, "`1000000000000000000000000000000000000000…` was given"),
        ("db_skip", 10**19, "of 1 or more and up to 19 digits, and 10000000000000000000 was given"),
        ("db_skip", 0, "of 1 or more, and 0 was given"),
        ("cfg", "7.5.1", "is a number from 1 to 20 such as 1.5, and `7.5.1` was given"),
        ("cfg", True, "`True` was given"),
        ("cfg", 10**400, "is a number from 1 to 20 such as 1.5"),
        ("cfg", "1e400", "is a number from 1 to 20 such as 1.5, and `1e400` was given"),
        ("cfg", "nan", "is a number from 1 to 20 such as 1.5, and `nan` was given"),
        ("fb_threshold", "half", "is a number from 0 to 1 such as 0.5, and `half` was given"),
        ("face_cfg", 0.05, "from 0 to 50 in steps of 0.1, and 0.05 was given"),
        ("fb_cache", 1, "is yes or no, and `1` was given"),
        ("fb_cache", "maybe", "is yes or no, and `maybe` was given"),
        ("format", "GIF", "is JPG, PNG or WEBP, and `GIF` is not"),
        ("prompt", 5, "is text, and `5` was given"),
        ("loras", "", None),
        ("loras", {"model": "a"}, "is a list of LoRAs"),
        ("loras", [[{"model": "a"}]], "is not one"),
        ("loras", [{"weight": 1}], "names a LoRA by its AIR"),
        ("loras", [{"model": None}], "`None` is none"),
        ("loras", [{"model": 5}], "`5` is none"),
        ("loras", [{"model": ["a"]}], "is none"),
        ("loras", [{"model": "a b"}], "`a b` is none"),
        ("loras", [{"model": "a", "weight": True}], "has a wrong value for `a`: `weight` is a number"),
        ("loras", [{"model": "a", "weight": 4.01}], "`weight` goes from -4 to 4 in steps of 0.01, and 4.01 was given"),
        ("loras", [{"model": "a", "transformer": "low"}], "has `transformer` in it"),
        ("loras", "civitai:1@2 1 high low", "is more"),
        ("loras", "Paper Cut", "by its AIR, such as civitai:123@456, and `Paper Cut` is none"),
        (
            "loras",
            "civitai:1@2, High Noon on Mars",
            "by its AIR, such as civitai:123@456, and `High Noon on Mars` is none",
        ),
        ("loras", "a\na 0.5", "names `a` twice"),
        ("loras", [{"model": f"a{number}"} for number in range(11)], "takes 1 to 10 LoRAs, and 11 were given"),
        ("size", 1024, "`1024` is neither"),
        ("size", ["1024x1024"], "is neither"),
    ],
)
def test_odd_values_are_refused_with_what_was_given(name: str, value: Any, said: str | None) -> None:
    if said is None:
        assert read(name, value) == read(name, None)
    else:
        assert said in refused(name, value)


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("steps", 30.0, 30),
        ("steps", " 030 ", 30),
        ("cfg", "7,5", 7.5),
        ("cfg", "7.50", 7.5),
        ("cfg", "1e1", 10.0),
        ("true_cfg", ".5", 0.5),
        ("true_cfg", 2**70, float(2**70)),
        ("format", "jpeg", None),
    ],
)
def test_the_same_number_is_read_however_it_is_written(name: str, value: Any, kept: Any) -> None:
    request = read(name, value)
    assert (request.output_format == "JPG") if kept is None else (getattr(request, name) == kept)


def test_a_zero_is_never_minus_zero() -> None:
    assert str(read("fb_threshold", -0.0).acceleration.fb_threshold) == "0.0"
    assert str(read("loras", "a -0").loras[0].weight) == "0.0"


@pytest.mark.parametrize(
    ("typed", "loras"),
    [
        ("civitai:1@2 0,8, civitai:3@4", (Lora("civitai:1@2", 0.8), Lora("civitai:3@4"))),
        ("civitai:1@2,civitai:3@4 -1,5 low", (Lora("civitai:1@2"), Lora("civitai:3@4", -1.5, "low"))),
        ("civitai:1@2 (Paper, civitai:3@4 0.5", (Lora("civitai:1@2"), Lora("civitai:3@4", 0.5))),
        ("civitai:1@2 0.5;\n civitai:3@4 HIGH 1\n\n", (Lora("civitai:1@2", 0.5), Lora("civitai:3@4", 1.0, "high"))),
    ],
)
def test_a_comma_separates_loras_but_not_the_digits_of_a_weight(typed: str, loras: tuple[Lora, ...]) -> None:
    assert read("loras", typed).loras == loras
    assert read("loras", BY_NAME["loras"].typed(loras)).loras == loras


@given(st.sampled_from([name for name in NAMES if name != "prompt"]), anything)
@example("seed", 1e16)
@settings(max_examples=400)
def test_what_is_right_reads_the_same_once_it_was_typed_out(name: str, value: object) -> None:
    examined = examine({"prompt": "x", name: value}, [CAT], draw=lambda: 7)
    if examined.request is not None:
        again = examine({"prompt": "x", name: options.typed(name, value)}, [CAT], draw=lambda: 7)
        assert again.request == examined.request


def test_values_are_typed_plainly_and_lose_no_digit() -> None:
    loras = [{"model": "civitai:1@2", "weight": 0.5, "stage": "high"}, {"model": "civitai:3@4"}]
    assert options.typed("loras", loras) == "civitai:1@2 0.5 high\ncivitai:3@4"
    assert options.typed("loras", [Lora("a:1@2", 2)]) == "a:1@2 2"
    assert options.typed("loras", [{"model": 7, "x": 1}]) == '[{"model": 7, "x": 1}]'
    assert options.typed("true_cfg", 1.23456789) == "1.23456789"
    assert [options.typed("size", value) for value in (None, True, False, 7.0, 0.25, 3, "so")] == [
        *("", "yes", "no", "7", "0.25", "3", "so"),
    ]


def test_a_bound_is_named_in_whole_figures() -> None:
    bound = read_bound("db_skip", None, 1_000_000)
    with pytest.raises(BadOption, match="goes up to 1000000 in this server, and 1000001 was given"):
        BY_NAME["db_skip"].check_bound(1_000_001, bound)
    with pytest.raises(BadOption, match="cannot begin at 2000000 and go up to 1000000"):
        read_bound("db_skip", 2_000_000, 1_000_000)
