from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.runware.delivery import MalformedDelivery, micros, parse, parse_details, unwrap
from storage.records import Failure, Outcome, Processing, Success

TASK = "6f0c1f5e-0f3a-4c0e-9d52-6b6a3a7d8e10"
OTHER = "7a1d2e6f-1a4b-4d1f-8e63-7c7b4b8e9f21"
IMAGE = "b0000001-1111-4222-8333-444444444444"
SECOND = "b0000002-1111-4222-8333-444444444444"


def address(image: str) -> str:
    return f"https://im.runware.ai/image/os/a01d21/ws/3/ii/{image}.jpg"


PICTURE = Success(TASK, IMAGE, address(IMAGE), seed=29892, cost=44_200)
TIMEOUT = Failure(TASK, "timeoutProvider", "The external provider did not respond within the timeout window.")

SAMPLES: dict[str, list[Outcome]] = {
    "delivery-1-data": [PICTURE],
    "delivery-2-bare": [PICTURE],
    "delivery-3-errors": [Failure(TASK, "inferenceError", "The inference failed.")],
    "delivery-4-error": [Failure(None, "unknown", "The inference failed.")],
    "delivery-5-flat": [Failure(TASK, "providerContentPolicyViolation", "Refused by the content policy.")],
    "delivery-flagged": [replace(PICTURE, nsfw=True)],
    "delivery-several": [
        replace(PICTURE, seed=1),
        Success(TASK, SECOND, address(SECOND), seed=2, cost=None),
    ],
    "data-as-object": [PICTURE],
    "error-in-item": [Failure(TASK, "inferenceError", "The inference failed.")],
    "error-true": [Failure(TASK, "unknown", "Something went wrong")],
    "error-list": [
        Failure(None, "invalidSteps", "Steps are too many.", ("steps",)),
        Failure(None, "incompatibleParameters", "Both or none.", ("width", "height")),
    ],
    "acknowledgement": [Processing(TASK)],
    "poll-partial": [Processing(TASK), PICTURE, TIMEOUT],
    "poll-pending": [Processing(TASK)],
    "poll-empty": [],
}


@pytest.mark.parametrize("name", SAMPLES)
def test_every_recorded_body_is_read(name: str, sample: Callable[[str], bytes]) -> None:
    body = sample(name)
    assert parse(body, TASK) == SAMPLES[name]
    assert parse(body.decode(), TASK.upper()) == [
        replace(outcome, task_uuid=outcome.task_uuid and TASK.upper()) for outcome in SAMPLES[name]
    ]
    assert parse(body) == SAMPLES[name]


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_the_replies_of_the_pages_examples_are_read(number: int, sample: Callable[[str], bytes]) -> None:
    [request] = json.loads(sample(f"example-{number}-request"))
    [picture] = parse(sample(f"example-{number}-reply"), request["taskUUID"])
    assert isinstance(picture, Success)
    assert picture.seed == request["seed"]
    assert picture.cost == {1: 44_200, 2: 39_000, 3: 30_700, 4: 59_500}[number]


def item(**changes: Any) -> dict[str, Any]:
    return {"taskType": "imageInference", "taskUUID": TASK, "imageUUID": IMAGE, "imageURL": address(IMAGE)} | changes


BARE = replace(PICTURE, seed=None, cost=None)

ODD_SHAPES: dict[str, tuple[Any, list[Outcome]]] = {
    "an array of items": ([item()], [BARE]),
    "an array of envelopes": (
        [{"data": [item()]}, {"errors": [{"code": "taskFailed", "taskUUID": TASK}]}],
        [BARE, Failure(TASK, "taskFailed", "")],
    ),
    "null errors": ({"data": [item()], "errors": None, "error": None}, [BARE]),
    "entries that are no objects": ({"data": [item(), 5, None, "x", []]}, [BARE]),
    "both data and error": (
        {"data": [item()], "error": {"code": "taskFailed"}},
        [BARE, Failure(None, "taskFailed", "")],
    ),
    "error false": ({"data": [item()], "error": False}, [BARE]),
    "errors as an object": ({"errors": {"code": "taskFailed", "taskUUID": TASK}}, [Failure(TASK, "taskFailed", "")]),
    "errors as sentences": ({"errors": ["it broke"]}, [Failure(None, "unknown", "it broke")]),
    "an empty error": ({"errors": [{}]}, [Failure(None, "unknown", "")]),
    "a number for a code": ({"errors": [{"code": 500, "message": ["?"]}]}, [Failure(None, "500", "")]),
    "an error that is a sentence": ({"error": "it broke", "taskUUID": TASK}, [Failure(TASK, "unknown", "it broke")]),
    "a flat object with an error": (
        {"taskUUID": TASK, "error": {"code": "taskFailed"}, "status": "error"},
        [Failure(TASK, "taskFailed", "")],
    ),
    "a code and no status": (
        {"code": "taskFailed", "message": "m", "taskUUID": TASK},
        [Failure(TASK, "taskFailed", "m")],
    ),
    "an item that failed": (item(status="error", code="taskFailed"), [Failure(TASK, "taskFailed", "")]),
    "a status in capitals": (item(status="SUCCESS", error={}), [BARE]),
    "processing in capitals": (item(status="Processing"), [Processing(TASK)]),
    "pending and nameless": ({"status": "pending"}, [Processing(TASK)]),
    "a nameless picture": (item(taskUUID=None), [BARE]),
    "a picture without an address": (item(imageURL=None), [replace(BARE, url="")]),
    "a picture as base64": (item(imageURL=None, imageBase64Data="aGk="), [replace(BARE, url="", inline="aGk=")]),
    "a picture as a data URI": (item(imageURL="", imageDataURI="data:,"), [replace(BARE, url="", inline="data:,")]),
    "a picture in two ways": (item(imageBase64Data="aGk="), [BARE]),
    "a picture that is a number": (item(imageURL=None, imageBase64Data=5), [replace(BARE, url="")]),
    "a UUID in capitals": (item(taskUUID=TASK.upper()), [BARE]),
    "empty lists": ({"data": [], "errors": []}, []),
    "null data": ({"data": None}, []),
    "an array of an empty envelope": ([{"data": []}], []),
}


@pytest.mark.parametrize("name", ODD_SHAPES)
def test_an_odd_shape_is_read_for_what_it_says(name: str) -> None:
    body, outcomes = ODD_SHAPES[name]
    assert parse(json.dumps(body), TASK) == outcomes


NOT_READABLE = [
    b"",
    b"null",
    b"true",
    b"17",
    b'"sorry"',
    b"[]",
    b"{}",
    b"[{}]",
    b"[1, 2]",
    b"<html>502 Bad Gateway</html>",
    b'{"data": [',
    b"\xff\xfe\xfa",
    b'{"data": [{"taskUUID": "\xff"}]}',
    b'{"data": [5]}',
    b'{"data": {}}',
    b'{"errors": [5, null]}',
    b'{"pong": true}',
    b'{"error": false}',
    b'{"taskUUID": "%s", "status": "success"}' % TASK.encode(),
    b"[" * 100_000,
    b'{"data":' * 100_000,
    b"NaN",
]


@pytest.mark.parametrize("body", NOT_READABLE, ids=lambda body: repr(body[:40]))
def test_what_says_nothing_of_a_task_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedDelivery) as caught:
        parse(body, TASK)
    assert caught.value.__context__ is None


def test_a_picture_or_a_state_of_no_task_says_nothing() -> None:
    for nameless in (item(taskUUID=None), {"status": "processing"}):
        with pytest.raises(MalformedDelivery):
            parse(json.dumps(nameless))


def test_what_names_another_task_is_dropped() -> None:
    body = json.dumps(
        {
            "data": [item(taskUUID=OTHER), item(), {"taskUUID": OTHER, "status": "processing"}],
            "errors": [{"code": "taskFailed", "taskUUID": OTHER}, {"code": "taskFailed"}],
        }
    )
    assert parse(body, TASK) == [BARE, Failure(None, "taskFailed", "")]
    assert len(parse(body)) == 5
    assert parse(json.dumps(item(taskUUID=OTHER)), TASK) == []


@pytest.mark.parametrize(
    ("cost", "paid"),
    [
        ("0.0442", 44_200),
        ("0.04420000001", 44_201),
        ("0.04420000000000000000000000000000000000000000000000000000000001", 44_201),
        ("1e-30", 1),
        ("1e-999999999999", 1),
        ("1", 1_000_000),
        ('"0.0442"', 44_200),
        ("0", None),
        ("0.0", None),
        ("-0.1", None),
        ("null", None),
        ("true", None),
        ('"free"', None),
        ("[]", None),
        ("NaN", None),
        ("Infinity", None),
        ("1e999", None),
        ("1e999999999999999999999", None),
        ("9" * 5000, None),
    ],
)
def test_a_cost_is_rounded_up_once_and_is_unknown_when_it_says_nothing(cost: str, paid: int | None) -> None:
    [picture] = parse(
        f'{{"data": [{{"taskUUID": "{TASK}", "imageUUID": "{IMAGE}", "seed": 7, "cost": {cost}}}]}}', TASK
    )
    assert picture == Success(TASK, IMAGE, "", 7, paid)


@given(st.decimals(Decimal("1e-9"), 1000, allow_nan=False, allow_infinity=False))
@settings(deadline=None)
def test_micro_dollars_are_the_next_whole_ones(dollars: Decimal) -> None:
    exact = Fraction(dollars) * 1_000_000
    assert micros(dollars) == math.ceil(exact)
    assert micros(-dollars, ROUND_FLOOR) == math.floor(-exact)


@pytest.mark.parametrize("seed", ["-1", "0.5", '"7"', "9223372036854776000", "true", "9" * 5000, "1e400"])
def test_a_seed_that_is_none_leaves_the_picture_readable(seed: str) -> None:
    [picture] = parse(f'{{"taskUUID": "{TASK}", "imageUUID": "{IMAGE}", "seed": {seed}}}')
    assert picture == Success(TASK, IMAGE, "", None, None)


def test_a_word_that_cannot_be_stored_is_cleaned_or_left_out() -> None:
    body = json.dumps({"code": "task\0Failed", "message": "\ud800", "taskUUID": TASK})
    assert parse(body) == [Failure(TASK, "taskFailed", "")]
    [long] = parse(json.dumps({"code": "c" * 5000, "message": "m" * 5000}))
    assert isinstance(long, Failure)
    assert (len(long.code), len(long.message)) == (100, 2000)


def test_the_last_of_two_equal_keys_counts() -> None:
    assert parse(f'{{"taskUUID": "{OTHER}", "taskUUID": "{TASK}", "status": "processing"}}', TASK) == [Processing(TASK)]


# Whatever the bytes ------------------------------------------------------------------------------------------

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([TASK, OTHER, IMAGE, "processing", "pending", "success", "error", "taskFailed", "NaN", "1e999"])
)
KEYS = (
    "data errors error code message errorMessage parameter taskUUID taskType imageUUID imageURL seed cost status "
    "NSFWContent progress response"
)
keys = st.sampled_from(KEYS.split())
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys | st.text(max_size=5), inner, max_size=6),
    max_leaves=30,
)
numbers = st.sampled_from(["NaN", "-Infinity", "1e999", "1e-999999999999999999999", "9" * 5000, "-0", "0.1" + "0" * 99])


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    text = json.dumps(draw(values)).replace("7", draw(numbers)).encode()
    cut = draw(st.integers(0, len(text)))
    return draw(st.sampled_from([text, text[:cut], text[:cut] + b"\xff" + text[cut:], b"[" * cut + text]))


def sound(outcome: Outcome) -> bool:
    """Whether a database can keep it."""
    whole = [outcome.seed, outcome.cost] if isinstance(outcome, Success) else []
    words = [value for name in outcome.__slots__ if isinstance(value := getattr(outcome, name), str)]
    return all(value is None or (type(value) is int and 0 <= value < 2**63) for value in whole) and all(
        "\0" not in word and word.encode("utf-8") is not None for word in words
    )


@given(st.binary(max_size=200) | st.text(max_size=200) | bodies(), st.sampled_from([None, TASK]))
@example(b'{"data": ' + b"[" * 900 + b"]" * 900 + b"}", TASK)
@settings(deadline=None, max_examples=400)
def test_nothing_but_malformed_is_ever_raised(body: bytes | str, task_uuid: str | None) -> None:
    try:
        outcomes = parse(body, task_uuid)
    except MalformedDelivery:
        return
    assert all(sound(outcome) for outcome in outcomes)
    assert all(task_uuid is None or outcome.task_uuid in (None, task_uuid) for outcome in outcomes)


# Details -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "known", "outcomes"),
    [
        ("details", True, [PICTURE]),
        ("details-error", True, [TIMEOUT]),
        ("details-null", True, []),
        ("poll-empty", False, []),
        ("task-not-found", False, []),
    ],
)
def test_details_tell_whether_a_task_is_known_and_what_came_of_it(
    name: str, known: bool, outcomes: list[Outcome], sample: Callable[[str], bytes]
) -> None:
    details = parse_details(unwrap(sample(name)), TASK)
    assert (details.known, details.outcomes) == (known, outcomes)
    assert not parse_details(unwrap(sample(name)), OTHER).known
