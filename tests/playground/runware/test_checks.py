"""The validator says what is wrong with a task in Runware's codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from playground.runware.checks import check, read_tasks
from playground.runware.problems import Problem, Refused

MakeTask = Callable[..., dict[str, Any]]


def wrong(task: dict[str, Any], **options: bool) -> list[Problem]:
    """Check a task as it comes over the wire."""
    [received] = read_tasks(json.dumps([task]).encode())
    return check(received.exact, **options)


def test_the_four_examples_of_the_page_are_right(make_task: MakeTask, data_uri: str) -> None:
    for width, height, steps, references, cfg, true_cfg, seed in (
        (1024, 768, 32, 2, 7.5, 1.2, 29892),
        (1024, 1536, 32, 1, 7.5, 1.2, 16786),
        (1024, 1536, 32, 1, 6.5, 1.2, 2743),
        (1024, 768, 30, 3, 7.5, 2, 50632),
    ):
        task = make_task(
            width=width,
            height=height,
            steps=steps,
            CFGScale=cfg,
            settings={"trueCFGScale": true_cfg},
            seed=seed,
            scheduler="DPM++ 2M Karras",
            negativePrompt="blurry",
            inputs={"referenceImages": [data_uri] * references},
        )
        assert wrong(task) == []


def test_every_hundredth_of_the_cfg_scale_is_right(make_task: MakeTask) -> None:
    assert [n for n in range(100, 2001) if wrong(make_task(CFGScale=n / 100))] == []


@pytest.mark.parametrize(
    ("members", "code", "parameter"),
    [
        ({"positivePrompt": None}, "missingPositivePrompt", "positivePrompt"),
        ({"positivePrompt": ""}, "invalidPositivePrompt", "positivePrompt"),
        ({"positivePrompt": "x" * 32001}, "invalidPositivePrompt", "positivePrompt"),
        ({"inputs": {}}, "missingReferenceImages", "inputs.referenceImages"),
        ({"inputs": {"referenceImages": []}}, "arrayTooSmall", "inputs.referenceImages"),
        ({"inputs": {"referenceImages": ["YQ=="] * 4}}, "arrayTooLarge", "inputs.referenceImages"),
        ({"inputs": {"referenceImages": ["ftp://x"]}}, "invalidReferenceImages", "inputs.referenceImages[0]"),
        ({"model": "runware:108@20"}, "unsupportedModel", "model"),
        ({"scheduler": "dpm++ 2m karras"}, "unsupportedScheduler", "scheduler"),
        ({"width": 1000}, "invalidWidth", "width"),
        ({"width": 2064}, "valueTooLarge", "width"),
        ({"height": 112}, "valueTooSmall", "height"),
        ({"height": None}, "missingHeight", ("width", "height")),
        ({"steps": 51}, "valueTooLarge", "steps"),
        ({"steps": "30"}, "invalidSteps", "steps"),
        ({"steps": True}, "invalidSteps", "steps"),
        ({"CFGScale": 1.005}, "invalidCFGScale", "CFGScale"),
        ({"taskUUID": "6f0c1f5e-0f3a-1c0e-9d52-6b6a3a7d8e10"}, "invalidTaskUUID", "taskUUID"),
        ({"referenceImages": ["YQ=="]}, "unknownParameter", "referenceImages"),
        ({"settings": {"steps": 3}}, "unknownParameter", "settings.steps"),
        ({"lora": [{"weight": 1}]}, "missingModel", "lora[0].model"),
        ({"lora": [{"model": "a:1@1", "weight": -4.01}]}, "valueTooSmall", "lora[0].weight"),
        ({"webhookURL": "bot.example/hook"}, "invalidWebhookURL", "webhookURL"),
        ({"ttl": 60, "outputType": "dataURI"}, "incompatibleParameters", ("ttl", "outputType")),
        (
            {"acceleratorOptions": {"cacheStartStep": 1, "cacheEndStepPercentage": 50}},
            "incompatibleParameters",
            ("acceleratorOptions.cacheStartStep", "acceleratorOptions.cacheEndStepPercentage"),
        ),
        (
            {"acceleratorOptions": {"cacheStartStep": 9, "cacheEndStep": 9}},
            "incompatibleParameters",
            ("acceleratorOptions.cacheStartStep", "acceleratorOptions.cacheEndStep"),
        ),
        (
            {"acceleratorOptions": {"cacheEndStep": 31}, "steps": 30},
            "incompatibleParameters",
            ("acceleratorOptions.cacheEndStep", "steps"),
        ),
        (
            {"acceleratorOptions": {"cacheEndStep": 51}},
            "incompatibleParameters",
            ("acceleratorOptions.cacheEndStep", "steps"),
        ),
        (
            {"acceleratorOptions": {"cacheStartStepPercentage": 60, "cacheEndStepPercentage": 40}},
            "incompatibleParameters",
            ("acceleratorOptions.cacheStartStepPercentage", "acceleratorOptions.cacheEndStepPercentage"),
        ),
    ],
)
def test_a_wrong_parameter_is_named(
    make_task: MakeTask, members: dict[str, Any], code: str, parameter: str | tuple[str, ...]
) -> None:
    assert [(problem.code, problem.parameter) for problem in wrong(make_task(**members))] == [(code, parameter)]


def test_all_that_is_wrong_is_said_at_once_and_names_its_task(make_task: MakeTask) -> None:
    task = make_task(steps=0, scheduler="Oil", colour="red", positivePrompt=None)
    problems = wrong(task)
    assert {problem.code for problem in problems} == {
        "valueTooSmall",
        "unsupportedScheduler",
        "unknownParameter",
        "missingPositivePrompt",
    }
    for problem in problems:
        assert problem.wire()["taskUUID"] == task["taskUUID"]
        assert problem.wire()["taskType"] == "imageInference"
        assert problem.wire()["documentation"]


def test_a_rule_between_parameters_names_them_as_a_list(make_task: MakeTask) -> None:
    [problem] = wrong(make_task(ttl=60, outputType="base64Data"))
    assert problem.wire()["parameter"] == ["ttl", "outputType"]


def test_an_unsupported_value_comes_with_the_allowed_ones(make_task: MakeTask) -> None:
    [problem] = wrong(make_task(scheduler="Oil"))
    assert len(problem.wire()["allowedValues"]) == 75


def test_a_missing_size_is_refused_only_on_demand(make_task: MakeTask) -> None:
    task = make_task(width=None, height=None)
    assert wrong(task) == []
    assert [problem.code for problem in wrong(task, sizes_required=True)] == ["missingWidth", "missingHeight"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalidJson"),
        (b"\xff", "invalidJson"),
        (b"[NaN]", "invalidJson"),
        (b"[1e999999999]", "invalidJson"),
        (b"[" * 100_000, "invalidJson"),
        (b'{"taskType": "ping"}', "invalidRequest"),
        (b"[1]", "invalidRequest"),
        (b"[]", "arrayTooSmall"),
    ],
)
def test_a_body_that_is_no_array_of_tasks_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        read_tasks(body)
    assert [problem.code for problem in refusal.value.problems] == [code]


def test_numbers_beyond_reason_are_answered_like_any_other(make_task: MakeTask) -> None:
    for huge in ("1e300", "9" * 4000):
        body = json.dumps([make_task(CFGScale="huge")]).replace('"huge"', huge).encode()
        assert [problem.code for problem in check(read_tasks(body)[0].exact)] == ["valueTooLarge"]


def test_a_task_is_kept_with_floats_and_checked_with_decimals(make_task: MakeTask) -> None:
    [received] = read_tasks(json.dumps([make_task(CFGScale=7.01)]).encode())
    assert isinstance(received.task["CFGScale"], float)
    assert str(received.exact["CFGScale"]) == "7.01"
