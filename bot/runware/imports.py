"""A task in Runware's own words, as its pages and other programs write it, read as the options of an edit.

The other way round of :func:`bot.runware.schema.from_request`. What belongs to whoever runs the bot is refused, unless
it says what is sent anyway. Values are not judged here: ``bot.options`` reads them like any others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final, cast

from bot.errors import BadOption
from bot.options import SIZE, shown
from bot.runware.schema import MODEL

#: Where a task has an option, and what people call it.
OPTIONS: Final[Mapping[str, str]] = {
    "positivePrompt": "prompt",
    "negativePrompt": "negative",
    "numberResults": "results",
    "seed": "seed",
    "outputFormat": "format",
    "outputQuality": "quality",
    "steps": "steps",
    "CFGScale": "cfg",
    "settings.trueCFGScale": "true_cfg",
    "scheduler": "scheduler",
    "lora": "loras",
    "acceleratorOptions.cacheStartStep": "cache_start",
    "acceleratorOptions.cacheEndStep": "cache_end",
    "acceleratorOptions.cacheStartStepPercentage": "cache_start_percent",
    "acceleratorOptions.cacheEndStepPercentage": "cache_end_percent",
    "acceleratorOptions.cacheMaxConsecutiveSteps": "cache_in_a_row",
    "acceleratorOptions.fbCache": "fb_cache",
    "acceleratorOptions.fbCacheThreshold": "fb_threshold",
    "acceleratorOptions.teaCache": "tea_cache",
    "acceleratorOptions.teaCacheDistance": "tea_distance",
    "acceleratorOptions.dbCache": "db_cache",
    "acceleratorOptions.dbCacheThreshold": "db_threshold",
    "acceleratorOptions.dbCacheSkipInterval": "db_skip",
    "advancedFeatures.ultralytics.positivePrompt": "face_prompt",
    "advancedFeatures.ultralytics.negativePrompt": "face_negative",
    "advancedFeatures.ultralytics.steps": "face_steps",
    "advancedFeatures.ultralytics.CFGScale": "face_cfg",
    "advancedFeatures.ultralytics.strength": "face_strength",
    "advancedFeatures.ultralytics.confidence": "face_confidence",
    "advancedFeatures.ultralytics.maskBlur": "face_blur",
    "advancedFeatures.ultralytics.maskPadding": "face_padding",
}
#: What a task may say of its way, since it is what is sent anyway.
_SENT_ANYWAY: Final[Mapping[str, object]] = {"deliveryMethod": "async", "includeCost": True, "outputType": "URL"}
_OPERATORS: Final = frozenset({*_SENT_ANYWAY, "webhookURL", "uploadEndpoint", "ttl"})
_TASK: Final = "imageInference"
_NESTED, _FLAT = "inputs.referenceImages", "referenceImages"
_MODE, _CHECK = "safety.mode", "safety.checkContent"
_SIDES: Final = ("width", "height")
#: Identifiers are ours: that of a task is not even looked at.
_NAMELESS: Final = "taskUUID"
_KNOWN: Final = frozenset(
    {"taskType", _NAMELESS, "model", _NESTED, _FLAT, _MODE, _CHECK, *_SIDES, *OPTIONS, *_OPERATORS}
)
_GROUPS: Final = frozenset(path[: path.rindex(".")] for path in _KNOWN if "." in path) | {"advancedFeatures"}
_LORA: Final[Mapping[str, str]] = {"model": "model", "weight": "weight", "transformer": "stage"}
#: Spellings of other models and years, whose nearest name is not the right one.
_OLD: Final[Mapping[str, str]] = {
    "acceleratorOptions.cacheStopStep": "acceleratorOptions.cacheEndStep",
    "checkNSFW": _CHECK,
    "checkNsfw": _CHECK,
    "inputImage": _NESTED,
    "seedImage": _NESTED,
    "trueCFGScale": "settings.trueCFGScale",
    "ultralytics": "advancedFeatures.ultralytics",
}


@dataclass(frozen=True, slots=True)
class Imported:
    """What a task asks for."""

    #: Options by the names people call them by, as JSON holds them, not judged yet.
    values: Mapping[str, object]
    #: How it names its pictures: addresses, UUIDs or whole files as text. They say how many there are, and grant none.
    pictures: Sequence[str]
    #: ``fast`` or ``none``; ``None`` where it does not say.
    safety: str | None
    #: What the task calls the options that it sets.
    called: Mapping[str, str] = field(default_factory=dict[str, str])


def read_task(task: Mapping[str, object]) -> Imported:
    """Read one task object. Raises BadOption, naming the property as the task does."""
    if task.get("taskType") != _TASK:
        raise BadOption("taskType", f"`taskType` is {_TASK} here, and {shown(task.get('taskType', ''))} was given.")
    flat = dict(_flattened(task))
    check_model(flat.get("model"))
    for path, value in flat.items():
        _check_known(path)
        _check_operators(path, value)
    values = {option: flat[path] for path, option in OPTIONS.items() if path in flat}
    if values.get("loras") is not None:
        values["loras"] = [_lora(number, entry) for number, entry in enumerate(_listed("lora", values["loras"]), 1)]
    if (size := _size(flat)) is not None:
        values[SIZE] = size
    called = {option: path for path, option in OPTIONS.items() if option in values}
    return Imported(values, _pictures(flat), _safety(flat), called)


def check_model(given: object) -> None:
    """Refuse any model but the one there is. Raises BadOption."""
    if given is None:
        raise BadOption("model", f"`model` is missing; I edit with {MODEL}, so it has to say that.")
    if given != MODEL:
        raise BadOption(
            "model", f"`model` is {shown(given)}, and I edit with {MODEL} alone: its settings mean no other."
        )


def _flattened(part: Mapping[str, object], above: str = "") -> Iterable[tuple[str, object]]:
    """Yield every value with its path; ``null`` is one that was left out."""
    for key, value in part.items():
        path = f"{above}{key}"
        if "." in key:  # it would be a second spelling of a part of an object
            raise BadOption(
                path,
                f"{shown(path)} is no property of a task; what follows a dot stands inside an object, "
                'such as {"settings": {"trueCFGScale": 4}}.',
            )
        if value is None:
            _check_known(path)
        elif path not in _GROUPS:
            yield path, value
        elif isinstance(value, dict):
            yield from _flattened(cast("dict[str, object]", value), f"{path}.")
        else:
            raise BadOption(path, f"`{path}` is an object with its parts in it, and {shown(value)} was given.")


def _check_known(path: str) -> None:
    if path in _KNOWN or path in _GROUPS:
        return
    above, dot, key = path.rpartition(".")
    beside = [known for known in (*_KNOWN, *_GROUPS) if known.rpartition(".")[0] == above]
    near = _OLD.get(path) or next(iter(get_close_matches(f"{above}{dot}{key[:100]}", sorted(beside), n=1)), None)
    hint = "leave it out." if near is None else f"did you mean `{near}`?"
    raise BadOption(path, f"{shown(path)} is no property of a task for this model; {hint}")


def _check_operators(path: str, value: object) -> None:
    if path not in _OPERATORS or (path in _SENT_ANYWAY and value == _SENT_ANYWAY[path]):
        return
    said = f" or give it as {json.dumps(_SENT_ANYWAY[path])}, as I do anyway" if path in _SENT_ANYWAY else ""
    raise BadOption(path, f"`{path}` is decided by whoever runs the bot, not by a recipe; leave it out{said}.")


def _size(flat: Mapping[str, object]) -> str | None:
    given = [flat.get(side) for side in _SIDES]
    if given == [None, None]:
        return None
    for side, pixels in zip(_SIDES, given, strict=True):
        if pixels is None:
            raise BadOption(SIZE, f"`{side}` is missing: a task has both a width and a height, or neither.")
        whole = isinstance(pixels, float) and pixels.is_integer()
        if not (whole or isinstance(pixels, int)) or isinstance(pixels, bool):
            raise BadOption(SIZE, f"`{side}` is a whole number of pixels, and {shown(pixels)} was given.")
    width, height = (int(cast("float", pixels)) for pixels in given)
    return f"{width}x{height}"


def _pictures(flat: Mapping[str, object]) -> list[str]:
    if _NESTED in flat and _FLAT in flat:
        raise BadOption("image", f"`{_NESTED}` and `{_FLAT}` are two spellings of one list; leave one of them out.")
    path = _FLAT if _FLAT in flat else _NESTED
    if path not in flat:
        raise BadOption("image", f"`{_NESTED}` is missing: a task names the 1 to 3 pictures that it starts from.")
    named = _listed(path, flat[path])
    for one in named:
        if not isinstance(one, str):
            raise BadOption("image", f"`{path}` names pictures in text, and {shown(one)} was given.")
    return cast("list[str]", named)


def _safety(flat: Mapping[str, object]) -> str | None:
    """Return the mode of the content check; ``checkContent`` counts where none is given, as at Runware."""
    mode, check = flat.get(_MODE), flat.get(_CHECK)
    if mode not in (None, "none", "fast"):
        raise BadOption("safety", f"`{_MODE}` is fast or none, and {shown(mode)} was given.")
    if not isinstance(check, bool | None):
        raise BadOption("safety", f"`{_CHECK}` is true or false, and {shown(check)} was given.")
    if isinstance(mode, str):
        return mode
    return None if check is None else "fast" if check else "none"


def _lora(number: int, entry: object) -> dict[str, object]:
    if not isinstance(entry, dict):
        raise BadOption("loras", f"`lora` is a list of objects with a `model`, and {shown(entry)} is none.")
    parts = cast("dict[str, object]", entry)
    for key in parts:
        if key not in _LORA:
            near = next(iter(get_close_matches(key[:100], list(_LORA), n=1)), None)
            hint = "leave it out." if near is None else f"did you mean `{near}`?"
            raise BadOption("loras", f"LoRA {number} has {shown(key)} in it, which is no part of one; {hint}")
    return {_LORA[key]: value for key, value in parts.items()}


def _listed(path: str, given: object) -> list[Any]:
    if not isinstance(given, list):
        raise BadOption(path, f"`{path}` is a list, and {shown(given)} was given.")
    return cast("list[Any]", given)
