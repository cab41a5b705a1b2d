"""What a request may say: parsing, bounds, and the sentence of each refusal."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from bot.errors import BadOption
from bot.options import (
    COMMON_SIZES,
    GRID,
    MATCH,
    MAX_CHOICES,
    MAX_SEED,
    MAX_SIDE,
    MIN_SIDE,
    MessageLink,
    build_request,
    check,
    match_size,
    parse_result_ref,
    parse_scheduler,
    parse_size,
    scheduler_choices,
    size_choices,
)
from bot.runware.schema import SCHEDULERS
from storage.records import EditRequest, Reference

CAT = Reference("a" * 64, 1000, 750, "cat.png")
sides = st.integers(MIN_SIDE // GRID, MAX_SIDE // GRID).map(lambda steps: steps * GRID)


def undrawn() -> int:
    raise AssertionError("a seed was drawn although one was given")


def request(
    *, references: Any = (CAT,), draw: Any = lambda: 4_000_000_000, parent_id: Any = None, **values: Any
) -> Any:
    return build_request({"prompt": "add a hat"} | values, references, draw=draw, parent_id=parent_id)


def refused(option: str, **options: Any) -> str:
    """Return the sentence, after checking that it names the option."""
    with pytest.raises(BadOption) as caught:
        request(**options)
    assert caught.value.option == option
    assert f"`{option}`" in str(caught.value)
    assert str(caught.value).endswith((".", "?"))
    return str(caught.value)


# The whole request


def test_what_is_left_out_gets_its_default() -> None:
    assert request() == EditRequest("add a hat", (CAT,), 1008, 752, 4_000_000_000, results=1, steps=30)


def test_what_is_given_is_kept() -> None:
    given = request(
        prompt="  add a hat\n",
        references=[CAT, CAT, CAT],
        size="1024x768",
        results=20,
        seed="29892",
        negative=" blurry ",
        steps=32,
        cfg=7.5,
        true_cfg=2,
        scheduler="dpm++ 2m karras",
        parent_id=5,
    )
    assert given == EditRequest(
        "add a hat", (CAT,) * 3, 1024, 768, 29892, 20, 32, "blurry", 7.5, 2.0, "DPM++ 2M Karras", 5
    )
    assert isinstance(given.true_cfg, float)


@pytest.mark.parametrize(
    ("option", "changed"),
    [
        ("prompt", {"prompt": "\0"}),
        ("image", {"references": ()}),
        ("size", {"width": 1000}),
        ("results", {"results": 0}),
        ("seed", {"seed": -1}),
        ("negative", {"negative": "\0"}),
        ("steps", {"steps": 51}),
        ("cfg", {"cfg": 0.5}),
        ("true_cfg", {"true_cfg": math.nan}),
        ("scheduler", {"scheduler": "none"}),
    ],
)
def test_a_request_made_some_other_way_is_checked_as_well(option: str, changed: dict[str, Any]) -> None:
    check(request())
    with pytest.raises(BadOption) as caught:
        check(replace(request(), **changed))
    assert caught.value.option == option


@pytest.mark.parametrize("prompt", ["", "  \n "])
def test_an_empty_prompt_is_refused(prompt: str) -> None:
    assert "empty" in refused("prompt", prompt=prompt)


@pytest.mark.parametrize("option", ["prompt", "negative"])
def test_a_text_is_bounded_and_can_be_stored(option: str) -> None:
    assert getattr(request(**{option: "x" * 32000}), option) == "x" * 32000
    sentence = refused(option, **{option: "x" * 32001})
    assert "32000" in sentence
    assert "32001" in sentence
    for bad in ("a\0b", "a\ud800b"):
        assert "no text" in refused(option, **{option: bad})
    assert getattr(request(**{option: "🐈‍⬛ ähm"}), option) == "🐈‍⬛ ähm"


def test_an_empty_negative_prompt_is_none() -> None:
    assert request(negative="  ").negative is None


@pytest.mark.parametrize("count", [0, 4])
def test_one_to_three_references_are_taken(count: int) -> None:
    sentence = refused("image", references=[CAT] * count)
    assert "1 to 3" in sentence
    assert f"{count} were given" in sentence


@pytest.mark.parametrize(("option", "most"), [("results", 20), ("steps", 50)])
def test_whole_numbers_are_bounded(option: str, most: int) -> None:
    for good in (1, most):
        assert getattr(request(**{option: good}), option) == good
    for bad in (-1, 0, most + 1):
        sentence = refused(option, **{option: bad})
        assert f"1 to {most}" in sentence
        assert str(bad) in sentence


@given(st.integers(100, 2000))
def test_every_hundredth_is_a_cfg(hundredths: int) -> None:
    assert request(cfg=hundredths / 100).cfg == hundredths / 100


@pytest.mark.parametrize("bad", [0, 0.99, 20.01, -7.5, 7.505, 1.001, math.nan, math.inf])
def test_another_cfg_is_refused(bad: float) -> None:
    assert str(bad) in refused("cfg", cfg=bad)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_is_a_true_cfg(value: float) -> None:
    assert request(true_cfg=value).true_cfg == value


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_another_true_cfg_is_refused(bad: float) -> None:
    assert str(bad) in refused("true_cfg", true_cfg=bad)


# Seed


@given(st.integers(0, MAX_SEED))
@example(0)
@example(MAX_SEED)
def test_every_seed_is_read_as_it_is_written(seed: int) -> None:
    assert request(seed=str(seed), draw=undrawn).seed == seed
    assert request(seed=f"  00{seed} ", draw=undrawn).seed == seed


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_a_seed_is_drawn_only_when_none_is_given(nothing: str | None) -> None:
    assert request(seed=nothing, draw=lambda: 7).seed == 7


@pytest.mark.parametrize(
    "bad", ["abc", "-1", "1.5", "1e3", "1_000", "٣", "²", "0x10", "+5", str(MAX_SEED + 1), "9" * 5000]
)
def test_what_is_no_seed_is_refused(bad: str) -> None:
    sentence = refused("seed", seed=bad)
    assert str(MAX_SEED) in sentence
    assert f"`{bad[:40]}" in sentence
    assert "leave it out" in sentence


@given(st.text())
def test_any_text_is_a_seed_or_refused(text: str) -> None:
    try:
        assert 0 <= request(seed=text, draw=lambda: 0).seed <= MAX_SEED
    except BadOption as error:
        str(error).encode()


# Size


@given(sides, sides, st.sampled_from(["x", " x ", "×", "X", "*", " by ", ","]))
def test_every_size_on_the_grid_is_taken_as_written(width: int, height: int, between: str) -> None:
    assert parse_size(f" {width}{between}{height} ", (1, 1)) == (width, height)


@pytest.mark.parametrize("match", [None, "", " ", "match", "MATCH", MATCH, "Match the  first picture", "match first"])
def test_a_size_left_out_is_that_of_the_first_picture(match: str | None) -> None:
    assert parse_size(match, (512, 304)) == (512, 304)


@pytest.mark.parametrize(
    ("size", "named"),
    [
        ("1000x768", ["width", "steps of 16", "1000", "992 and 1008"]),
        ("1024x999", ["height", "steps of 16", "999", "992 and 1008"]),
        ("2064x1024", ["width", "128 to 2048", "2064"]),
        ("1024x112", ["height", "128 to 2048", "112"]),
        ("0x0", ["width", "128 to 2048", "0"]),
        ("1024", ["1024x768", MATCH, "`1024`"]),
        ("big", ["1024x768", "`big`"]),
        ("1024x768x3", ["`1024x768x3`"]),
        ("-1024x768", ["`-1024x768`"]),
        ("9999999x768", ["`9999999x768`"]),
        ("١٠٢٤x768", ["1024x768"]),
    ],
)
def test_another_size_is_refused(size: str, named: list[str]) -> None:
    sentence = refused("size", size=size)
    assert all(part in sentence for part in named)


pictures = st.integers(1, 20_000)


@given(pictures, pictures)
def test_a_matched_size_is_one_the_model_makes(width: int, height: int) -> None:
    for side in match_size((width, height)):
        assert MIN_SIDE <= side <= MAX_SIDE
        assert side % GRID == 0


@given(sides, sides)
def test_a_size_that_the_model_makes_matches_itself(width: int, height: int) -> None:
    assert match_size((width, height)) == (width, height)


@given(pictures, pictures)
def test_a_matched_size_keeps_the_shape_as_the_grid_allows(width: int, height: int) -> None:
    assume(max(width, height) <= MAX_SIDE // MIN_SIDE * min(width, height))
    scale = max(min(1.0, MAX_SIDE / max(width, height)), MIN_SIDE / min(width, height))
    matched = match_size((width, height))
    assert abs(matched[0] - width * scale) <= GRID
    assert abs(matched[1] - height * scale) <= GRID
    assert matched[0] / matched[1] == pytest.approx(width / height, rel=GRID / min(matched))


@given(pictures, pictures)
def test_a_turned_picture_is_matched_by_a_turned_size(width: int, height: int) -> None:
    assert match_size((width, height)) == match_size((height, width))[::-1]


def test_a_picture_as_large_as_the_model_makes_keeps_its_size() -> None:
    assert match_size((1000, 750)) == (1008, 752)
    assert match_size((4000, 3000)) == (2048, 1536)
    assert match_size((64, 64)) == (128, 128)
    assert match_size((20_000, 10)) == (2048, 128)


def test_matching_the_first_picture_is_offered_first() -> None:
    offered = size_choices("")
    assert offered[0] == MATCH
    assert "1024x768" in offered
    assert len(offered) == len(COMMON_SIZES) + 1 <= MAX_CHOICES


@given(sides, sides)
def test_a_size_that_was_typed_is_offered_as_itself(width: int, height: int) -> None:
    assert f"{width}x{height}" in size_choices(f"{width} × {height}")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("MAT", [MATCH]),
        ("1280", ["1280x720", "720x1280"]),
        ("1024×7", ["1024x768", "1024x128"]),
        ("1000x760", ["1008x768"]),
        ("999999x1", ["2048x128"]),
        ("abc", []),
    ],
)
def test_sizes_are_filtered_by_what_was_typed(typed: str, offered: list[str]) -> None:
    assert size_choices(typed) == offered


@given(st.text(max_size=20) | st.from_regex(r"\A[0-9]{1,6} ?[x×] ?[0-9]{0,6}\Z"))
def test_every_size_offered_is_taken(typed: str) -> None:
    offered = size_choices(typed)
    assert len(offered) <= MAX_CHOICES
    assert len(set(offered)) == len(offered)
    for choice in offered:
        parse_size(choice, (640, 480))


# Scheduler


@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_scheduler_is_found_however_it_is_written(name: str) -> None:
    for typed in (name, name.upper(), f"  {name.lower().replace(' ', '   ')} "):
        assert parse_scheduler(typed) == name


@pytest.mark.parametrize("nothing", [None, "", " "])
def test_no_scheduler_is_none(nothing: str | None) -> None:
    assert parse_scheduler(nothing) is None


def test_an_unknown_scheduler_is_refused_with_the_nearest_one() -> None:
    assert "did you mean DPM++ 2M Karras?" in refused("scheduler", scheduler="DPM+ 2M Karas")
    assert "75 names" in refused("scheduler", scheduler="UniPCMultistepScheduler")
    assert "pick one" in refused("scheduler", scheduler="🐈" * 3000)


@given(st.text(max_size=12) | st.sampled_from(SCHEDULERS).flatmap(lambda name: st.sampled_from(name.split())))
def test_schedulers_offered_are_real_and_contain_what_was_typed(typed: str) -> None:
    offered = scheduler_choices(typed)
    assert set(offered) <= set(SCHEDULERS)
    assert len(set(offered)) == len(offered) <= MAX_CHOICES
    for name in offered:
        assert all(word in name.casefold() for word in typed.casefold().split())


@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_scheduler_can_be_reached_by_typing_it(name: str) -> None:
    assert scheduler_choices(name)[0] == name


def test_schedulers_that_begin_as_typed_come_first() -> None:
    assert scheduler_choices("karras 2m")[:2] == ["DPM++ 2M Karras", "DPM++ 2M SDE Karras"]
    assert scheduler_choices("euler")[0] == "Euler"
    assert len(scheduler_choices("")) == MAX_CHOICES


# An earlier result


@pytest.mark.parametrize("typed", ["#12", "12", " # 12 ", "012"])
def test_a_short_id_names_a_result(typed: str) -> None:
    assert parse_result_ref(typed) == 12


snowflakes = st.integers(1, 2**63 - 1)


@given(snowflakes, snowflakes, snowflakes, st.sampled_from(["", "canary.", "ptb."]), st.sampled_from(["", "app"]))
def test_a_link_names_a_message(guild: int, channel: int, message: int, build: str, app: str) -> None:
    link = f"https://{build}discord{app}.com/channels/{guild}/{channel}/{message}"
    assert parse_result_ref(link) == parse_result_ref(f" <{link}> ") == MessageLink(guild, channel, message)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "#0",
        "cat",
        "-3",
        "1.5",
        str(2**63),
        "https://discord.com/channels/@me/1/2",
        "https://discord.com/channels/1/2",
        f"https://discord.com/channels/1/2/{2**63}",
        "https://discord.com.example.org/channels/1/2/3",
        "http://discord.com/channels/1/2/3",
        "https://example.org/https://discord.com/channels/1/2/3",
    ],
)
def test_what_names_no_result_is_refused(bad: str) -> None:
    with pytest.raises(BadOption, match="`from` is a result's id such as #12") as caught:
        parse_result_ref(bad)
    assert caught.value.option == "from"


def test_what_was_typed_cannot_break_the_sentence() -> None:
    sentence = refused("seed", seed="`@here`\n" + "x" * 500)
    assert "\n" not in sentence
    assert sentence.count("`") == 4
    assert len(sentence) < 250
