from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from bot.runware.replies import AccountDetails, ErrorObject, ImageResult
from bot.runware.schema import (
    MAX_SEED,
    SCHEDULERS,
    ImageInference,
    Transport,
    from_request,
    wire_name,
)
from storage.records import EditRequest, Reference
from tests.schema_cases import SCHEMA, Limit, Task, accepts, changed, faults, limits, nodes

TASK_UUID = "6f0c1f5e-0f3a-4c0e-9d52-6b6a3a7d8e10"
PNG = "data:image/png;base64," + base64.b64encode(b"not really").decode()


def minimal() -> Task:
    return {
        "taskType": "imageInference",
        "taskUUID": TASK_UUID,
        "model": "runware:108@22",
        "positivePrompt": "Make it rain",
        "inputs": {"referenceImages": [PNG]},
        "width": 1024,
        "height": 768,
    }


def model_accepts(task: Task) -> bool:
    try:
        ImageInference.model_validate(task)
    except ValidationError:
        return False
    return True


# Requests, valid and with one fault --------------------------------------------------------------------------

sides = st.integers(8, 128).map(lambda n: n * 16)
hundredths = st.integers(0, 100).map(lambda n: n / 100)
words = st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=40)
web_addresses = st.sampled_from(["https://bot.example/runware/x/y", "http://127.0.0.1:8080/a?b=c", "https://h"])
pictures = st.sampled_from([PNG, "https://cdn.example/a.png", TASK_UUID, "aGVsbG8="])


def some(**optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Task]:
    return st.fixed_dictionaries({}, optional=optional)


@st.composite
def cached_ranges(draw: st.DrawFn, steps: int) -> Task:
    start, end, most = draw(
        st.sampled_from(
            [
                ("cacheStartStep", "cacheEndStep", steps),
                ("cacheStartStepPercentage", "cacheEndStepPercentage", 100),
            ]
        )
    )
    last = draw(st.integers(1, most))
    bounds = {start: draw(st.integers(0, last - 1)), end: last}
    return {name: bounds[name] for name in draw(st.sets(st.sampled_from([start, end])))}


@st.composite
def tasks(draw: st.DrawFn) -> Task:
    steps = draw(st.none() | st.integers(1, 50))
    task = minimal() | draw(
        some(
            positivePrompt=words,
            negativePrompt=words,
            inputs=st.fixed_dictionaries({"referenceImages": st.lists(pictures, min_size=1, max_size=3)}),
            width=sides,
            height=sides,
            seed=st.integers(0, MAX_SEED),
            scheduler=st.sampled_from(SCHEDULERS),
            CFGScale=st.integers(100, 2000).map(lambda n: n / 100) | st.integers(1, 20),
            settings=some(trueCFGScale=st.floats(-1e6, 1e6)),
            lora=st.lists(
                st.fixed_dictionaries(
                    {"model": words},
                    optional={
                        "weight": st.integers(-400, 400).map(lambda n: n / 100),
                        "transformer": st.sampled_from(["high", "low", "both"]),
                    },
                ),
                min_size=1,
                max_size=3,
            ),
            numberResults=st.integers(1, 20),
            outputFormat=st.sampled_from(["JPG", "PNG", "WEBP"]),
            outputQuality=st.integers(20, 99),
            deliveryMethod=st.sampled_from(["sync", "async"]),
            webhookURL=web_addresses,
            uploadEndpoint=web_addresses,
            includeCost=st.booleans(),
            safety=some(checkContent=st.booleans(), mode=st.sampled_from(["none", "fast"])),
            advancedFeatures=some(
                ultralytics=some(
                    CFGScale=st.integers(0, 500).map(lambda n: n / 10),
                    confidence=hundredths,
                    maskBlur=st.integers(0, 100),
                    maskPadding=st.integers(0, 20),
                    negativePrompt=st.just("") | words,
                    positivePrompt=st.just("") | words,
                    steps=st.integers(1, 100),
                    strength=hundredths,
                )
            ),
        )
    )
    task |= draw(st.sampled_from([{}, {"ttl": 60}, {"ttl": 3600, "outputType": "URL"}, {"outputType": "dataURI"}]))
    task |= {} if steps is None else {"steps": steps}
    if draw(st.booleans()):
        options = some(
            cacheMaxConsecutiveSteps=st.integers(1, 5),
            fbCache=st.booleans(),
            fbCacheThreshold=hundredths,
            teaCache=st.booleans(),
            teaCacheDistance=hundredths,
            dbCache=st.booleans(),
            dbCacheThreshold=hundredths,
            dbCacheSkipInterval=st.integers(1, 100),
        )
        task["acceleratorOptions"] = draw(options) | draw(cached_ranges(steps or 50))
    return task


PATHS = sorted(path for path, _ in nodes() if path and not path.endswith("[]"))


any_value = (
    st.none()
    | st.booleans()
    | st.integers(-5, 130)
    | st.sampled_from([2048, 2049, 2064, 32000, 2**31, 2**70, -(2**70)])
    | st.integers(-5000, 51000).map(lambda n: n / 1000)
    | st.text(st.sampled_from("abcXYZ019 :/.-_%"), max_size=12)
    | st.sampled_from(["", "URL", "JPG", "jpg", "async", "fast", "full", "euler", "Euler a", "https://", "data:,"])
    | st.lists(st.sampled_from([PNG, "", 5]), max_size=4)
    | st.dictionaries(st.sampled_from(["mode", "model", "routing"]), st.text(max_size=3), max_size=1)
)


@given(tasks())
@settings(deadline=None, max_examples=100)
def test_every_valid_request_passes_both_our_models_and_the_schema(task: Task) -> None:
    assert accepts(task)
    wire = ImageInference.model_validate(task).wire()
    assert json.loads(json.dumps(wire)) == task
    assert accepts(wire)


@given(tasks(), st.sampled_from(PATHS), any_value)
@settings(deadline=None, max_examples=200)
def test_our_models_and_the_schema_agree_on_any_value_in_any_place(task: Task, path: str, value: Any) -> None:
    odd = changed(task, [(path, value)])
    assert model_accepts(odd) == accepts(odd), odd


@given(tasks(), st.sampled_from(list(faults())))
@settings(deadline=None, max_examples=300)
def test_a_fault_of_any_rule_fails_both_our_models_and_the_schema_in_any_request(
    task: Task, fault: tuple[str, list[tuple[str, Any]]]
) -> None:
    wrong = changed(task, fault[1])
    assert not accepts(wrong), wrong
    assert not model_accepts(wrong), wrong


@pytest.mark.parametrize(("name", "values"), list(faults()))
def test_every_rule_of_the_schema_is_one_of_our_models(name: str, values: list[tuple[str, Any]]) -> None:
    wrong = changed(minimal(), values)
    assert not accepts(wrong), name
    assert not model_accepts(wrong), name


@pytest.mark.parametrize("limit", list(limits()), ids=str)
def test_what_the_schema_still_takes_our_models_take(limit: Limit) -> None:
    for value in limit.within:
        task = changed(minimal(), [(limit.path, value)])
        assert accepts(task), value
        if (limit.path, limit.keyword) == ("seed", "maximum"):  # the first of the two things in which ours are stricter
            assert not model_accepts(task)
            task |= {"seed": MAX_SEED}
        assert model_accepts(task), value


#: What the generated faults do not hit upon: other spellings, and addresses and pictures of other kinds.
FAULTS: list[Task] = [
    {"taskUUID": "6f0c1f5e-0f3a-1c0e-9d52-6b6a3a7d8e10"},
    {"taskUUID": "not-a-uuid"},
    {"inputs": {"referenceImages": ["file:///etc/passwd"]}},
    {"inputs": {"referenceImages": ["data:text/plain;base64,aGVsbG8="]}},
    {"referenceImages": [PNG]},
    {"width": 1000},
    {"height": 770},
    {"scheduler": "euler a"},
    {"scheduler": "UniPCMultistepScheduler"},
    {"CFGScale": 7.505},
    {"cfgScale": 7.5},
    {"trueCFGScale": 1.2},
    {"lora": [{"model": "a", "weight": 0.005}]},
    {"lora": [{"model": "a", "transformer": "middle"}]},
    {"outputType": "url"},
    {"outputFormat": "jpg"},
    {"webhookURL": "ftp://a"},
    {"webhookURL": "https://"},
    {"includeCost": 1},
    {"safety": {"mode": "full"}},
    {"safety": {"checkInputs": True}},
    {"acceleratorOptions": {"fbcache": True}},
    {"acceleratorOptions": {"dbCacheThreshold": 0.125}},
    {"acceleratorOptions": {"cacheStopStep": 5}},
    {"ultralytics": {}},
    {"routing": {}},
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: json.dumps(fault)[:60])
def test_a_single_fault_fails_both_our_models_and_the_schema(fault: Task) -> None:
    task = minimal() | fault
    assert not accepts(task)
    assert not model_accepts(task)


def test_our_models_are_stricter_about_the_size_and_the_largest_seed() -> None:
    sizeless = {name: value for name, value in minimal().items() if name not in ("width", "height")}
    assert accepts(sizeless)
    assert not model_accepts(sizeless)
    for seed in (2**63, 9223372036854776000):
        assert accepts(minimal() | {"seed": seed})
        assert not model_accepts(minimal() | {"seed": seed})
    assert model_accepts(minimal() | {"seed": 2**63 - 1})


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models(part)


def wire_paths(model: type[BaseModel], path: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        here = path + wire_name(name)
        yield here
        for child in models(field.annotation):
            yield from wire_paths(child, f"{here}[]." if "tuple" in str(field.annotation) else f"{here}.")


def test_every_parameter_of_the_schema_has_a_field_and_no_other_does() -> None:
    assert sorted(wire_paths(ImageInference)) == PATHS
    assert len([path for path in PATHS if path.startswith("acceleratorOptions.")]) == 12
    assert len([path for path in PATHS if path.startswith("advancedFeatures.ultralytics.")]) == 8


def test_the_schedulers_are_the_75_of_the_schema_in_its_order() -> None:
    assert list(SCHEDULERS) == SCHEMA["properties"]["scheduler"]["enum"]
    assert len(set(SCHEDULERS)) == 75


@given(st.integers(100, 2000))
@settings(deadline=None, max_examples=100)
def test_binary_noise_in_a_scale_is_accepted_and_does_not_reach_the_wire(cents: int) -> None:
    wire = ImageInference.model_validate(minimal() | {"CFGScale": cents * 0.01}).wire()
    assert json.dumps(wire["CFGScale"]) == json.dumps(cents / 100)
    assert accepts(wire)


def test_numbers_go_out_as_json_numbers() -> None:
    wire = ImageInference.model_validate(
        minimal()
        | {"CFGScale": Decimal("7.5"), "settings": {"trueCFGScale": 1.2}, "lora": [{"model": "a", "weight": 1}]}
    ).wire()
    assert [wire["CFGScale"], wire["settings"]["trueCFGScale"], wire["lora"][0]["weight"]] == [7.5, 1.2, 1.0]
    assert '"CFGScale": 7.5' in json.dumps(wire)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_json_cannot_hold_is_refused(value: float) -> None:
    assert not model_accepts(minimal() | {"settings": {"trueCFGScale": value}})


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_the_examples_of_the_page_pass_unchanged(number: int, sample: Callable[[str], bytes]) -> None:
    [task] = json.loads(sample(f"example-{number}-request"))
    assert accepts(task)
    assert ImageInference.model_validate(task).wire() == task


def test_neither_errors_nor_repr_show_pictures_or_secret_addresses() -> None:
    task = ImageInference.model_validate(minimal() | {"webhookURL": "https://bot.example/runware/secret"})
    assert "secret" not in repr(task)
    assert "base64" not in repr(task)
    with pytest.raises(ValidationError) as caught:
        ImageInference.model_validate(minimal() | {"webhookURL": "ftp://bot.example/runware/secret"})
    assert "secret" not in str(caught.value)


# From our words to Runware's ---------------------------------------------------------------------------------

REQUEST = EditRequest(
    prompt="Place the person from image 1 in the room from image 2",
    references=(Reference("ab" * 32, 800, 600, "cat.png"),),
    width=1024,
    height=768,
    seed=0,
)


def test_a_plain_request_says_what_is_always_sent_and_nothing_more() -> None:
    wire = from_request(REQUEST, task_uuid=TASK_UUID, references=[PNG], transport=Transport()).wire()
    assert wire == {
        "taskType": "imageInference",
        "taskUUID": TASK_UUID,
        "model": "runware:108@22",
        "positivePrompt": REQUEST.prompt,
        "inputs": {"referenceImages": [PNG]},
        "width": 1024,
        "height": 768,
        "seed": 0,
        "steps": 30,
        "numberResults": 1,
        "outputType": "URL",
        "deliveryMethod": "async",
        "includeCost": True,
        "safety": {"mode": "fast"},
    }
    assert accepts(wire)


def test_every_option_of_a_request_is_said_in_runwares_words() -> None:
    request = replace(
        REQUEST, results=4, negative="blur", cfg=7.5, true_cfg=1.2, scheduler="DPM++ 2M Karras", safety="none", steps=32
    )
    wire = from_request(
        request, task_uuid=TASK_UUID, references=[PNG, PNG], transport=Transport("https://bot.example/x")
    ).wire()
    assert accepts(wire)
    assert wire["negativePrompt"] == "blur"
    assert wire["CFGScale"] == 7.5
    assert wire["settings"] == {"trueCFGScale": 1.2}
    assert wire["scheduler"] == "DPM++ 2M Karras"
    assert wire["numberResults"] == 4
    assert wire["steps"] == 32
    assert wire["safety"] == {"mode": "none"}
    assert wire["webhookURL"] == "https://bot.example/x"
    assert wire["inputs"]["referenceImages"] == [PNG, PNG]


@pytest.mark.parametrize(
    ("transport", "said"),
    [
        (Transport(), {"outputType": "URL"}),
        (Transport(ttl=60), {"outputType": "URL", "ttl": 60}),
        (Transport("https://bot.example/hush", "dataURI"), {"outputType": "dataURI"}),
        (Transport(None, "base64Data", upload_endpoint="https://b.example/hush?a=b"), {"outputType": "base64Data"}),
    ],
)
def test_how_results_come_back_is_said_in_the_task_and_its_addresses_in_no_repr(
    transport: Transport, said: Task
) -> None:
    task = from_request(REQUEST, task_uuid=TASK_UUID, references=[PNG], transport=transport)
    wire = task.wire()
    assert accepts(wire)
    assert {name: wire.get(name) for name in ("outputType", "ttl") if name in wire} == said
    assert (wire.get("webhookURL"), wire.get("uploadEndpoint")) == (transport.webhook_url, transport.upload_endpoint)
    assert (wire["deliveryMethod"], wire["includeCost"]) == ("async", True)
    assert "hush" not in repr(transport) + repr(task)


def test_a_life_of_addresses_is_not_said_where_there_are_none() -> None:
    with pytest.raises(ValueError, match="ttl applies"):
        from_request(REQUEST, task_uuid=TASK_UUID, references=[PNG], transport=Transport(None, "dataURI", 60))


@pytest.mark.parametrize(("cfg", "sent"), [(1.0, False), (1.01, True), (None, True)])
def test_a_negative_prompt_is_dropped_while_the_model_would_ignore_it(cfg: float | None, sent: bool) -> None:
    request = replace(REQUEST, negative="blur", cfg=cfg)
    wire = from_request(request, task_uuid=TASK_UUID, references=[PNG], transport=Transport()).wire()
    assert ("negativePrompt" in wire) is sent


@pytest.mark.parametrize("change", [{"scheduler": "Elder"}, {"width": 1000}, {"safety": "full"}, {"seed": 2**63}])
def test_a_request_that_runware_would_refuse_is_not_said(change: Task) -> None:
    with pytest.raises(ValueError, match="ImageInference"):
        from_request(replace(REQUEST, **change), task_uuid=TASK_UUID, references=[PNG], transport=Transport())


# Replies -----------------------------------------------------------------------------------------------------


def test_a_result_is_read_whole() -> None:
    said = {
        "taskType": "imageInference",
        "taskUUID": TASK_UUID,
        "imageUUID": "b",
        "imageURL": "https://im.runware.ai/image/b.jpg",
        "imageBase64Data": "aGVsbG8=",
        "imageDataURI": PNG,
        "seed": 29892,
        "NSFWContent": False,
        "cost": Decimal("0.0442"),
        "status": "success",
        "progress": 100,
    }
    result = ImageResult.model_validate(said)
    assert result.model_dump(by_alias=True) == said
    assert "aGVsbG8=" not in repr(result)


def test_what_cannot_be_read_in_a_reply_is_left_out_and_never_refused() -> None:
    result = ImageResult.model_validate(
        {"taskUUID": ["x"], "seed": 2**63, "cost": "cheap", "imageURL": 5.5, "status": {}, "progress": "half", "new": 1}
    )
    assert result == ImageResult()


@pytest.mark.parametrize("flag", [True, "true", 1, "yes", {}, []])
def test_a_flag_that_is_not_plainly_false_withholds_the_picture(flag: Any) -> None:
    assert ImageResult.model_validate({"NSFWContent": flag}).nsfw_content
    assert not ImageResult.model_validate({"NSFWContent": None}).nsfw_content


def test_an_error_is_read_with_one_blamed_parameter_or_several() -> None:
    one = ErrorObject.model_validate({"code": "invalidSteps", "parameter": "steps", "allowedValues": [1, 2]})
    several = ErrorObject.model_validate({"code": 400, "parameter": ["width", "height"], "message": "a\0b"})
    assert (one.code, one.parameter, one.allowed_values) == ("invalidSteps", ("steps",), (1, 2))
    assert (several.code, several.parameter, several.message) == ("400", ("width", "height"), "ab")


@pytest.mark.parametrize("balance", [Decimal("12.5"), {"amount": Decimal("12.5"), "currency": "USD", "freeBalance": 1}])
def test_a_balance_is_read_in_both_forms(balance: Any) -> None:
    account = AccountDetails.model_validate({"balance": balance, "team": [{"email": "a@b.example"}]})
    assert account.balance is not None
    assert account.balance.amount == Decimal("12.5")
