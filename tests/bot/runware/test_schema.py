from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ValidationError

from bot.runware.schema import (
    MAX_SEED,
    SCHEDULERS,
    AccountDetails,
    ErrorObject,
    ImageInference,
    ImageResult,
    Transport,
    from_request,
    wire_name,
)
from storage.records import EditRequest, Reference

Task = dict[str, Any]
SCHEMA_FILE = Path(__file__).parents[3] / "playground" / "runware" / "qwen_image_edit_plus.schema.json"
SCHEMA = json.loads(SCHEMA_FILE.read_text("utf-8"), parse_float=Decimal)
VALIDATOR = Draft202012Validator(SCHEMA)
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


def code_rules_hold(task: Task) -> bool:
    """The rules that the schema file lists under x-checkInCode."""
    options = task.get("acceleratorOptions", {})
    start, end = options.get("cacheStartStep"), options.get("cacheEndStep")
    first, last = options.get("cacheStartStepPercentage"), options.get("cacheEndStepPercentage")
    return (
        (start is None or end is None or start < end)
        and (end is None or end <= task.get("steps", 50))
        and (first is None or last is None or first < last)
    )


def schema_accepts(task: Task) -> bool:
    exact = json.loads(json.dumps(task), parse_float=Decimal)
    return VALIDATOR.is_valid(exact) and code_rules_hold(task)


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


def leaves(schema: Task, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every property of the schema, by its path."""
    for name, child in schema.get("properties", {}).items():
        yield (*path, name)
        yield from leaves(child, (*path, name))
        yield from leaves(child.get("items", {}), (*path, name, "0"))


PATHS = sorted(leaves(SCHEMA))


def with_value(task: Task, path: tuple[str, ...], value: Any) -> Task:
    changed = json.loads(json.dumps(task))
    place = changed
    for name, following in zip(path, (*path[1:], None), strict=True):
        if following is None:
            place[name] = value
        elif following == "0":
            place[name] = [{"model": "civitai:1@1"}]
            place = {"0": place[name][0]}
        else:
            place = place.setdefault(name, {}) if name != "0" else place["0"]
    return changed


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
    assert schema_accepts(task)
    wire = ImageInference.model_validate(task).wire()
    assert json.loads(json.dumps(wire)) == task
    assert schema_accepts(wire)


@given(tasks(), st.sampled_from(PATHS), any_value)
@settings(deadline=None, max_examples=200)
def test_our_models_and_the_schema_agree_on_any_value_in_any_place(
    task: Task, path: tuple[str, ...], value: Any
) -> None:
    changed = with_value(task, path, value)
    assert model_accepts(changed) == schema_accepts(changed), changed


FAULTS: list[Task] = [
    {"taskType": "imageInpainting"},
    {"taskUUID": "6f0c1f5e-0f3a-1c0e-9d52-6b6a3a7d8e10"},
    {"taskUUID": "not-a-uuid"},
    {"model": "runware:108@20"},
    {"positivePrompt": ""},
    {"positivePrompt": "x" * 32001},
    {"negativePrompt": ""},
    {"negativePrompt": "x" * 32001},
    {"inputs": {}},
    {"inputs": {"referenceImages": []}},
    {"inputs": {"referenceImages": [PNG] * 4}},
    {"inputs": {"referenceImages": ["file:///etc/passwd"]}},
    {"inputs": {"referenceImages": ["data:text/plain;base64,aGVsbG8="]}},
    {"referenceImages": [PNG]},
    {"width": 112},
    {"width": 2064},
    {"width": 1000},
    {"height": 112},
    {"height": 2064},
    {"height": 770},
    {"width": "1024"},
    {"seed": -1},
    {"seed": 9223372036854776001},
    {"seed": 0.5},
    {"seed": "1"},
    {"seed": True},
    {"seed": None},
    {"steps": 0},
    {"steps": 51},
    {"scheduler": "euler a"},
    {"scheduler": "UniPCMultistepScheduler"},
    {"CFGScale": 0.99},
    {"CFGScale": 20.01},
    {"CFGScale": 7.505},
    {"CFGScale": "7.5"},
    {"cfgScale": 7.5},
    {"trueCFGScale": 1.2},
    {"settings": {"trueCFGScale": "2"}},
    {"lora": []},
    {"lora": [{}]},
    {"lora": [{"model": ""}]},
    {"lora": [{"model": "a", "weight": 4.01}]},
    {"lora": [{"model": "a", "weight": -4.01}]},
    {"lora": [{"model": "a", "weight": 0.005}]},
    {"lora": [{"model": "a", "transformer": "middle"}]},
    {"numberResults": 0},
    {"numberResults": 21},
    {"outputType": "url"},
    {"outputFormat": "jpg"},
    {"outputQuality": 19},
    {"outputQuality": 100},
    {"ttl": 59},
    {"ttl": 60, "outputType": "base64Data"},
    {"deliveryMethod": "stream"},
    {"webhookURL": "ftp://a"},
    {"webhookURL": "https://"},
    {"uploadEndpoint": "a b"},
    {"includeCost": 1},
    {"safety": {"mode": "full"}},
    {"safety": {"checkInputs": True}},
    {"acceleratorOptions": {"fbcache": True}},
    {"acceleratorOptions": {"cacheStartStep": -1}},
    {"acceleratorOptions": {"cacheEndStep": 0}},
    {"acceleratorOptions": {"cacheEndStep": 51}},
    {"acceleratorOptions": {"cacheEndStep": 21}, "steps": 20},
    {"acceleratorOptions": {"cacheStartStep": 5, "cacheEndStep": 5}},
    {"acceleratorOptions": {"cacheStartStepPercentage": 100}},
    {"acceleratorOptions": {"cacheEndStepPercentage": 0}},
    {"acceleratorOptions": {"cacheEndStepPercentage": 101}},
    {"acceleratorOptions": {"cacheStartStepPercentage": 50, "cacheEndStepPercentage": 50}},
    {"acceleratorOptions": {"cacheStartStep": 1, "cacheStartStepPercentage": 5}},
    {"acceleratorOptions": {"cacheStartStep": 1, "cacheEndStepPercentage": 5}},
    {"acceleratorOptions": {"cacheStartStepPercentage": 1, "cacheEndStep": 5}},
    {"acceleratorOptions": {"cacheEndStep": 5, "cacheEndStepPercentage": 5}},
    {"acceleratorOptions": {"cacheMaxConsecutiveSteps": 0}},
    {"acceleratorOptions": {"cacheMaxConsecutiveSteps": 6}},
    {"acceleratorOptions": {"fbCache": "true"}},
    {"acceleratorOptions": {"fbCacheThreshold": 1.01}},
    {"acceleratorOptions": {"teaCacheDistance": -0.01}},
    {"acceleratorOptions": {"dbCacheThreshold": 0.125}},
    {"acceleratorOptions": {"dbCacheSkipInterval": 0}},
    {"advancedFeatures": {"ultralytics": {"CFGScale": 50.1}}},
    {"advancedFeatures": {"ultralytics": {"CFGScale": 0.05}}},
    {"advancedFeatures": {"ultralytics": {"confidence": 1.01}}},
    {"advancedFeatures": {"ultralytics": {"maskBlur": 101}}},
    {"advancedFeatures": {"ultralytics": {"maskPadding": 21}}},
    {"advancedFeatures": {"ultralytics": {"steps": 101}}},
    {"advancedFeatures": {"ultralytics": {"strength": -0.01}}},
    {"ultralytics": {}},
    {"routing": {}},
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: json.dumps(fault)[:60])
def test_a_single_fault_fails_both_our_models_and_the_schema(fault: Task) -> None:
    task = minimal() | fault
    assert not schema_accepts(task)
    assert not model_accepts(task)


@pytest.mark.parametrize("name", ["taskUUID", "positivePrompt", "inputs", "width", "height"])
def test_what_is_required_cannot_be_left_out(name: str) -> None:
    task = minimal()
    del task[name]
    assert not schema_accepts(task)
    assert not model_accepts(task)


def test_our_models_are_stricter_about_the_size_and_the_largest_seed() -> None:
    sizeless = {name: value for name, value in minimal().items() if name not in ("width", "height")}
    assert schema_accepts(sizeless)
    assert not model_accepts(sizeless)
    for seed in (2**63, 9223372036854776000):
        assert schema_accepts(minimal() | {"seed": seed})
        assert not model_accepts(minimal() | {"seed": seed})
    assert model_accepts(minimal() | {"seed": 2**63 - 1})


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models(part)


def wire_paths(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        here = (*path, wire_name(name))
        yield here
        for child in models(field.annotation):
            yield from wire_paths(child, (*here, "0") if "tuple" in str(field.annotation) else here)


def test_every_parameter_of_the_schema_has_a_field_and_no_other_does() -> None:
    assert sorted(wire_paths(ImageInference)) == PATHS
    assert len([path for path in PATHS if path[:-1] == ("acceleratorOptions",)]) == 12
    assert len([path for path in PATHS if path[:-1] == ("advancedFeatures", "ultralytics")]) == 8


def test_the_schedulers_are_the_75_of_the_schema_in_its_order() -> None:
    assert list(SCHEDULERS) == SCHEMA["properties"]["scheduler"]["enum"]
    assert len(set(SCHEDULERS)) == 75


@given(st.integers(100, 2000))
@settings(deadline=None, max_examples=100)
def test_binary_noise_in_a_scale_is_accepted_and_does_not_reach_the_wire(cents: int) -> None:
    wire = ImageInference.model_validate(minimal() | {"CFGScale": cents * 0.01}).wire()
    assert json.dumps(wire["CFGScale"]) == json.dumps(cents / 100)
    assert schema_accepts(wire)


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
    assert schema_accepts(task)
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
    assert schema_accepts(wire)


def test_every_option_of_a_request_is_said_in_runwares_words() -> None:
    request = replace(
        REQUEST, results=4, negative="blur", cfg=7.5, true_cfg=1.2, scheduler="DPM++ 2M Karras", safety="none", steps=32
    )
    wire = from_request(
        request, task_uuid=TASK_UUID, references=[PNG, PNG], transport=Transport("https://bot.example/x")
    ).wire()
    assert schema_accepts(wire)
    assert wire["negativePrompt"] == "blur"
    assert wire["CFGScale"] == 7.5
    assert wire["settings"] == {"trueCFGScale": 1.2}
    assert wire["scheduler"] == "DPM++ 2M Karras"
    assert wire["numberResults"] == 4
    assert wire["steps"] == 32
    assert wire["safety"] == {"mode": "none"}
    assert wire["webhookURL"] == "https://bot.example/x"
    assert wire["inputs"]["referenceImages"] == [PNG, PNG]


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
