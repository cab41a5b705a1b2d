"""A task in Runware's own words is read as the options of an edit; what is not understood is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from bot.errors import BadOption
from bot.runware.imports import read_task


def a_task(**changes: Any) -> dict[str, Any]:
    """Return the first example of the model's page; ``...`` leaves something out."""
    task = {
        "taskType": "imageInference",
        "taskUUID": "6f0c1f5e-0f3a-4c0e-9d52-6b6a3a7d8e10",
        "model": "runware:108@22",
        "positivePrompt": "Put the cat on the table",
        "negativePrompt": "blurry",
        "inputs": {"referenceImages": ["https://im.runware.ai/a.jpg", "https://im.runware.ai/b.jpg"]},
        "width": 1024,
        "height": 768,
        "seed": 29892,
        "steps": 32,
        "CFGScale": 7.5,
        "scheduler": "DPM++ 2M Karras",
        "settings": {"trueCFGScale": 1.2},
        **changes,
    }
    return {key: value for key, value in task.items() if value is not ...}


def test_the_examples_of_the_page_are_understood() -> None:
    task = read_task(a_task())
    assert task.values == {
        "prompt": "Put the cat on the table",
        "negative": "blurry",
        "size": "1024x768",
        "seed": 29892,
        "steps": 32,
        "cfg": 7.5,
        "true_cfg": 1.2,
        "scheduler": "DPM++ 2M Karras",
    }
    assert task.pictures == ["https://im.runware.ai/a.jpg", "https://im.runware.ai/b.jpg"]
    assert task.safety is None
    flat = read_task(a_task(inputs=..., referenceImages=["a", "b", "c"]))
    assert (flat.values, flat.pictures) == (task.values, ["a", "b", "c"])


def test_what_is_left_out_or_null_is_no_option() -> None:
    bare = a_task(width=..., height=None, seed=None, lora=None, settings=None, acceleratorOptions={"fbCache": None})
    assert read_task({**bare, "taskUUID": 3}).values.keys() == {
        *("prompt", "negative", "steps", "cfg", "scheduler"),
    }


def test_loras_are_read_with_weight_and_stage() -> None:
    task = read_task(a_task(lora=[{"model": "civitai:1@2", "weight": -0.5, "transformer": "low"}, {"model": "a:1@1"}]))
    assert task.values["loras"] == [{"model": "civitai:1@2", "weight": -0.5, "stage": "low"}, {"model": "a:1@1"}]


@pytest.mark.parametrize(
    ("safety", "mode"),
    [
        ({"checkContent": True}, "fast"),
        ({"checkContent": False}, "none"),
        ({"mode": "fast", "checkContent": False}, "fast"),
        ({"mode": "none", "checkContent": True}, "none"),
        ({"mode": "none"}, "none"),
        ({}, None),
    ],
)
def test_the_old_word_for_the_content_check_counts_where_there_is_no_mode(safety: Any, mode: str | None) -> None:
    assert read_task(a_task(safety=safety)).safety == mode


def test_what_is_sent_anyway_may_be_said() -> None:
    said = {"deliveryMethod": "async", "includeCost": True, "outputType": "URL"}
    assert read_task(a_task(**said)).values == read_task(a_task()).values


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"taskType": ...}, "`taskType` is imageInference here"),
    ({"taskType": "upscale"}, "and `upscale` was given"),
    ({"model": ...}, "`model` is missing"),
    ({"model": "alibaba:qwen-image-edit@2511"}, "`model` is `alibaba:qwen-image-edit@2511`"),
    ({"webhookURL": "https://a.example/token"}, "`webhookURL` is decided by whoever runs the bot"),
    ({"uploadEndpoint": "https://a.example/token"}, "`uploadEndpoint` is decided by whoever runs the bot"),
    ({"ttl": 60}, "`ttl` is decided by whoever runs the bot"),
    (
        {"deliveryMethod": "sync"},
        "`deliveryMethod` is decided by whoever runs the bot, not by a recipe; leave it out or",
    ),
    ({"includeCost": False}, "give it as true, as I do anyway"),
    ({"outputType": "dataURI"}, "`outputType` is decided by whoever runs the bot"),
    ({"stepz": 3}, "`stepz` is no property of a task for this model; did you mean `steps`?"),
    ({"CFGscale": 3}, "did you mean `CFGScale`?"),
    ({"routing": {}}, "`routing` is no property of a task for this model; leave it out."),
    ({"routing": None}, "`routing` is no property"),
    ({"trueCFGScale": 2}, "did you mean `settings.trueCFGScale`?"),
    ({"ultralytics": {"steps": 3}}, "did you mean `advancedFeatures.ultralytics`?"),
    ({"checkNSFW": True}, "did you mean `safety.checkContent`?"),
    ({"settings": {"trueCfgScale": 2}}, "`settings.trueCfgScale` is no property"),
    ({"settings": 2}, "`settings` is an object with its parts in it, and `2` was given"),
    ({"acceleratorOptions": {"fbcache": True}}, "did you mean `acceleratorOptions.fbCache`?"),
    ({"acceleratorOptions": {"cacheStopStep": 3}}, "did you mean `acceleratorOptions.cacheEndStep`?"),
    ({"advancedFeatures": {"layerDiffuse": True}}, "`advancedFeatures.layerDiffuse` is no property"),
    ({"advancedFeatures": {"ultralytics": {"stepz": 3}}}, "did you mean `advancedFeatures.ultralytics.steps`?"),
    ({"settings.trueCFGScale.": 2}, "is no property"),
    ({"settings.trueCFGScale": 2}, "what follows a dot stands inside an object"),
    ({"settings": {"trueCFGScale": 2}, "settings.trueCFGScale": 3}, "`settings.trueCFGScale` is no property"),
    ({"inputs": ...}, "`inputs.referenceImages` is missing"),
    ({"inputs": {"image": "a"}}, "`inputs.image` is no property"),
    ({"inputs": {"referenceImages": "a"}}, "`inputs.referenceImages` is a list, and `a` was given"),
    ({"inputs": {"referenceImages": [3]}}, "names pictures in text, and `3` was given"),
    ({"referenceImages": ["a"]}, "two spellings of one list"),
    ({"width": ...}, "`width` is missing"),
    ({"height": ...}, "`height` is missing"),
    ({"width": "1024"}, "`width` is a whole number of pixels, and `1024` was given"),
    ({"width": 1024.5}, "`width` is a whole number of pixels"),
    ({"height": True}, "`height` is a whole number of pixels"),
    ({"safety": {"mode": "full"}}, "`safety.mode` is fast or none, and `full`"),
    ({"safety": {"mode": []}}, "`safety.mode` is fast or none"),
    ({"safety": {"checkContent": "yes"}}, "`safety.checkContent` is true or false"),
    ({"safety": {"checkInputs": True}}, "`safety.checkInputs` is no property"),
    ({"lora": {"model": "a:1@1"}}, "`lora` is a list"),
    ({"lora": ["a:1@1"]}, "`lora` is a list of objects with a `model`"),
    ({"lora": [{"model": "a:1@1"}, {"modle": "a:1@1"}]}, "LoRA 2 has `modle` in it, which is no part of one; did you"),
    ({"lora": [{"zzz": 1}]}, "leave it out."),
]


@pytest.mark.parametrize(("changes", "said"), FAULTS, ids=[said for _, said in FAULTS])
def test_what_is_wrong_with_a_task_is_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(BadOption) as caught:
        read_task(a_task(**changes))
    assert said in str(caught.value)
    assert str(caught.value).endswith((".", "?"))
    assert "token" not in str(caught.value)


def test_a_whole_number_of_pixels_may_be_written_with_a_fraction() -> None:
    assert read_task(a_task(width=1024.0)).values["size"] == "1024x768"
