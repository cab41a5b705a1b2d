"""What a task must look like: the schema file beside this module, its ``x-checkInCode`` rules, and Runware's words.

Nothing here knows the bot's own models, so that it notices when they drift.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from decimal import Context, Decimal, localcontext
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from playground.runware.problems import Problem, Refused
from playground.runware.wire import Json, Object

#: With binary floats jsonschema refuses legal values of the 0.01 steps: schema and body are read as decimals.
_SCHEMA: Final[dict[str, Any]] = json.loads(
    Path(__file__).with_name("qwen_image_edit_plus.schema.json").read_text("utf-8"), parse_float=Decimal
)
_VALIDATOR: Final = Draft202012Validator(_SCHEMA)

#: Enough digits for the remainder of any number that :func:`read_tasks` lets through.
_EXACT: Final = Context(prec=5000)
_LARGEST_EXPONENT: Final = 300

#: Keywords of the schema, the words before a parameter's name in the error code, or the whole code.
_CODES: Final = {
    "type": "invalid",
    "const": "unsupported",
    "enum": "unsupported",
    "pattern": "invalid",
    "anyOf": "invalid",
    "multipleOf": "invalid",
    "minLength": "invalid",
    "maxLength": "invalid",
    "minimum": "valueTooSmall",
    "maximum": "valueTooLarge",
    "minItems": "arrayTooSmall",
    "maxItems": "arrayTooLarge",
}
_FAMILIES: Final = {"invalid", "unsupported"}

_WORDS: Final = {
    "type": "must be of type {limit}",
    "const": "must be {limit}",
    "enum": "must be one of the allowed values",
    "pattern": "is not well formed",
    "anyOf": "must be a UUID, a URL, a data URI or base64",
    "multipleOf": "must be a multiple of {limit}",
    "minLength": "must have at least {limit} character(s)",
    "maxLength": "must have at most {limit} characters",
    "minimum": "must be at least {limit}",
    "maximum": "must be at most {limit}",
    "minItems": "must have at least {limit} element(s)",
    "maxItems": "must have at most {limit} elements",
}

_CACHE_STEPS: Final = ("acceleratorOptions.cacheStartStep", "acceleratorOptions.cacheEndStep")


class Received(NamedTuple):
    """One task of a call, read twice."""

    #: As anybody else reads it, with floats.
    task: Object
    #: With its fractions as :class:`~decimal.Decimal`, for :func:`check`.
    exact: Object


def read_tasks(body: bytes) -> list[Received]:
    """Read a POST's body: a JSON array of task objects (section 1). Raises :class:`Refused`."""
    try:
        tasks: Any = json.loads(body, parse_float=_decimal, parse_constant=_no_constant)
        floats = _with_floats(tasks)
    except (ValueError, RecursionError):
        raise Refused(Problem("invalidJson", "The body is not JSON.")) from None
    if not isinstance(tasks, list):
        raise Refused(Problem("invalidRequest", "The body must be an array of task objects."))
    if not tasks:
        raise Refused(Problem("arrayTooSmall", "The array must have at least one task."))
    received = [Received(task, exact) for task, exact in zip(floats, cast("list[Any]", tasks), strict=True)]
    if not all(isinstance(task, dict) for task in floats):
        raise Refused(Problem("invalidRequest", "Each element of the array must be an object."))
    return received


def _decimal(text: str) -> Decimal:
    number = Decimal(text)
    if abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise ValueError(text)
    return number


def _no_constant(text: str) -> None:
    raise ValueError(text)


def _with_floats(value: Json) -> Json:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: _with_floats(member) for name, member in cast("Object", value).items()}
    if isinstance(value, list):
        return [_with_floats(member) for member in cast("list[Any]", value)]
    return value


def nested(task: Object) -> Object:
    """Return a task of 2025, whose ``referenceImages`` stood at the top, in the form of today (section 14)."""
    if "referenceImages" not in task or "inputs" in task:
        return task
    moved = {name: value for name, value in task.items() if name != "referenceImages"}
    return {**moved, "inputs": {"referenceImages": task["referenceImages"]}}


def check(task: Object, *, sizes_required: bool = False) -> list[Problem]:
    """Return everything that is wrong with an imageInference read by :func:`read_tasks`; nothing when it is right."""
    found: dict[tuple[str, Any], Problem] = {}
    with localcontext(_EXACT):
        # Many checks may come to the same words, such as one for each missing member.
        for problem in _problems(task, sizes_required=sizes_required):
            found.setdefault((problem.code, problem.parameter), problem)
    return [problem.about(task) for problem in found.values()]


def _problems(task: Object, *, sizes_required: bool) -> Iterator[Problem]:
    for error in _VALIDATOR.iter_errors(task):  # pyright: ignore[reportUnknownMemberType]
        yield from _translate(error)
    if sizes_required:
        for side in ("width", "height"):
            if side not in task:
                yield _missing(side)
    yield from _cross_field(task)


class Breach(NamedTuple):
    """A keyword of the schema that a value breaks."""

    #: Where the value stands, such as ``lora[0].weight``; empty for the task itself.
    path: str
    keyword: str
    #: What the keyword asks for.
    limit: Json
    given: Json
    #: The part of the schema in which the keyword stands.
    schema: Object

    @classmethod
    def of(cls, error: ValidationError) -> Breach:
        """Take what is needed from jsonschema's error."""
        path = ""
        for step in error.absolute_path:
            path = f"{path}[{step}]" if isinstance(step, int) else _join(path, step)
        known: tuple[Json, ...] = (error.validator_value, error.instance, error.schema)
        return cls(path, str(error.validator), *known)


def _translate(error: ValidationError) -> Iterator[Problem]:
    """Say in Runware's codes what the schema's keyword says."""
    breach = Breach.of(error)
    if "then" in error.absolute_schema_path:
        yield _incompatible("ttl", "outputType", words="'ttl' only applies to outputType URL.")
    elif breach.keyword in _STRUCTURE:
        yield from _STRUCTURE[breach.keyword](breach)
    else:
        yield _wrong_value(breach)


def _wrong_value(breach: Breach) -> Problem:
    path, keyword, limit, given, _ = breach
    code = _CODES.get(keyword, "invalid")
    if code in _FAMILIES:
        code += _pascal(path)
    words = _WORDS.get(keyword, "is not valid").format(limit=limit)
    allowed = tuple(limit) if keyword == "enum" else (limit,) if keyword == "const" else ()
    return Problem(code, f"'{path}' {words}, got {_shown(given)}.", path or None, allowed)


def _required(breach: Breach) -> Iterator[Problem]:
    return (_missing(_join(breach.path, name)) for name in breach.limit if name not in breach.given)


def _dependent(breach: Breach) -> Iterator[Problem]:
    for present, others in breach.limit.items():
        for other in others:
            if present in breach.given and other not in breach.given:
                names = (_join(breach.path, present), _join(breach.path, other))
                yield Problem("missing" + _pascal(other), f"'{names[0]}' needs '{names[1]}'.", names)


def _unknown(breach: Breach) -> Iterator[Problem]:
    for name in sorted(name for name in breach.given if name not in breach.schema["properties"]):
        place = _join(breach.path, name)
        yield Problem("unknownParameter", f"'{place}' is not a parameter.", place)


def _exclusive(breach: Breach) -> Iterator[Problem]:
    pairs: list[list[str]] = [pair["required"] for pair in breach.limit["anyOf"]]
    names = [name for pair in pairs if set(pair) <= set(breach.given) for name in pair]
    words = "Caching steps and caching percentages exclude each other."
    yield _incompatible(*(_join(breach.path, name) for name in dict.fromkeys(names)), words=words)


#: Keywords that are about which members an object has.
_STRUCTURE: Final[Mapping[str, Callable[[Breach], Iterator[Problem]]]] = {
    "required": _required,
    "dependentRequired": _dependent,
    "additionalProperties": _unknown,
    "not": _exclusive,
}


def _cross_field(task: Object) -> Iterator[Problem]:
    """The rules of ``x-checkInCode``, which compare two parameters."""
    options = task.get("acceleratorOptions")
    if not isinstance(options, dict):
        return
    options = cast("Object", options)
    for suffix in ("", "Percentage"):
        start: Any = options.get(f"cacheStartStep{suffix}")
        end: Any = options.get(f"cacheEndStep{suffix}")
        if _whole(start) and _whole(end) and start >= end:
            names = tuple(name + suffix for name in _CACHE_STEPS)
            yield _incompatible(*names, words=f"'{names[0]}' must be less than '{names[1]}'.")
        # Without steps the schema's own bound of 50 stands in for them.
        steps: Any = task.get("steps", 50)
        if not suffix and _whole(end) and _whole(steps) and end > steps:
            words = f"'{_CACHE_STEPS[1]}' must be at most 'steps' ({steps})."
            yield _incompatible(_CACHE_STEPS[1], "steps", words=words)


def _whole(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _missing(name: str) -> Problem:
    return Problem("missing" + _pascal(name), f"'{name}' is required.", name)


def _incompatible(*names: str, words: str) -> Problem:
    return Problem("incompatibleParameters", words, names)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _pascal(path: str) -> str:
    """The last name of a path with a capital, as it stands in codes: ``inputs.referenceImages[0]`` ends as one."""
    name = path.rpartition(".")[2].partition("[")[0]
    return name[:1].upper() + name[1:]


def _shown(value: Json) -> str:
    text = str(value) if isinstance(value, (int, Decimal)) else repr(_with_floats(value))
    return text if len(text) <= 60 else text[:60] + "..."  # noqa: PLR2004 - a picture's base64 helps no reader
