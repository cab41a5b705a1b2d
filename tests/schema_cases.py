"""Cases made from Runware's schema file: for each of its rules, values at the limit and values one beyond it.

Nothing here knows the bot's models or options. A keyword or a rule that is not known here is an error, so that a new one
in the file cannot be passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator

Task = dict[str, Any]

FILE: Final = Path(__file__).parents[1] / "playground" / "runware" / "qwen_image_edit_plus.schema.json"
#: The schema with its fractions as decimals, which is how the file itself asks to be read.
SCHEMA: Final[Task] = json.loads(FILE.read_text("utf-8"), parse_float=Decimal)
VALIDATOR: Final = Draft202012Validator(SCHEMA)

#: Keywords that describe and bound nothing; of ``format`` the pattern beside it says more.
_SILENT: Final = frozenset({"$comment", "description", "title", "default", "format"})
_WRONG_TYPES: Final[dict[str, list[Any]]] = {
    "integer": [0.5, "1", True, [], None],
    "number": ["1", True, [], None],
    "boolean": [0, "true", None],
    "string": [5, True, [], None],
    "array": ["x", {}, None],
    "object": ["x", [], None],
}
_RULE: Final = re.compile(r"(\S+) (<=?) (\S+)(?: \(and so <= (\d+) when \3 is absent\))?")


@dataclass(frozen=True)
class Limit:
    """A keyword of the schema about one value: what it still takes, and what it no longer does."""

    #: Such as ``lora[].weight``.
    path: str
    keyword: str
    bound: Any
    within: tuple[Any, ...]
    beyond: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.path} {self.keyword}"


@dataclass(frozen=True)
class Rule:
    """A rule of ``x-checkInCode``: ``first`` is less than ``second``, or at most that."""

    first: str
    second: str
    strict: bool
    #: What ``first`` is at most where ``second`` is absent.
    otherwise: int | None

    def holds(self, task: Task) -> bool:
        """Whether a task obeys the rule."""
        one, other = value_at(task, self.first), value_at(task, self.second)
        other = self.otherwise if other is None else other
        if not (_whole(one) and _whole(other)):
            return True
        return one < other if self.strict else one <= other


def value_at(task: Task, path: str) -> Any:
    """Return the value of a task at a path, or ``None``."""
    place: Any = task
    for name in path.split("."):
        place = place.get(name) if isinstance(place, dict) else None
    return place


def said_on_the_wire(task: Any, path: str) -> Any:
    """Return what a task says at a path, that of its first LoRA where it has several; KeyError where it is silent."""
    for name in path.replace("[]", ".[]").split("."):
        task = task[0] if name == "[]" else task[name]
    return task


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _rule(sentence: str) -> Rule:
    found = _RULE.fullmatch(sentence)
    assert found is not None, f"the rule {sentence!r} is not understood"
    first, sign, second, otherwise = found.groups()
    assert {first, second} <= leaves().keys(), f"the rule {sentence!r} is about something unknown"
    return Rule(first, second, sign == "<", None if otherwise is None else int(otherwise))


def accepts(task: Task) -> bool:
    """Whether the schema and its rules accept a task."""
    exact = json.loads(json.dumps(task), parse_float=Decimal)
    return VALIDATOR.is_valid(exact) and all(rule.holds(task) for rule in RULES)


def resolved(node: Task) -> Task:
    """Follow a reference into ``$defs``."""
    return SCHEMA["$defs"][node["$ref"].removeprefix("#/$defs/")] if "$ref" in node else node


def nodes(node: Task = SCHEMA, path: str = "") -> Iterator[tuple[str, Task]]:
    """Yield every value a task may have, outermost first, each with its part of the schema; the task's path is empty."""
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(resolved(child), f"{path}.{name}" if path else name)
    if "items" in node:
        yield from nodes(resolved(node["items"]), f"{path}[]")


def leaves() -> dict[str, Task]:
    """Return what has no parts that are named, by path. A list of plain values is one."""
    return {path: node for path, node in nodes() if not path.endswith("[]") and not _has_parts(node)}


def _has_parts(node: Task) -> bool:
    return "properties" in node or "properties" in resolved(node.get("items", {}))


def limits() -> Iterator[Limit]:
    """Yield every bound of the schema."""
    for path, node in nodes():
        for keyword, bound in node.items():
            if keyword in _SILENT or keyword in _ABOUT_THE_WHOLE or (not path and keyword not in _OF_OBJECTS):
                continue
            within, beyond = _tried(keyword, bound, node)
            yield Limit(path, keyword, bound, tuple(within), tuple(beyond))


#: Keywords that relate several values: they are tried each on its own, by :data:`RULES`, :func:`exclusive` and hand.
_ABOUT_THE_WHOLE: Final = frozenset({"not", "allOf", "dependentRequired", "anyOf", "properties", "items"})
_OF_OBJECTS: Final = frozenset({"required", "additionalProperties", "type"})


def _tried(keyword: str, bound: Any, node: Task) -> tuple[list[Any], list[Any]]:
    """Return values that are still within a bound, and values that are beyond it."""
    if keyword in _WORDS:
        return _WORDS[keyword](bound)
    if keyword in {"minItems", "maxItems"}:
        item = {"model": "civitai:1@2"} if _has_parts(node) else "aGVsbG8="
        return [[item] * bound], [[item] * (bound + (1 if keyword == "maxItems" else -1))]
    step = _plain(node.get("multipleOf", 1))
    if keyword == "multipleOf":
        least = _plain(node["minimum"])
        return [_sum(least, step), _plain(node["maximum"])], [_sum(least, step / 2)]
    assert keyword in {"minimum", "maximum"}, f"the keyword {keyword!r} is not known here"
    return [_plain(bound)], [_sum(bound, step if keyword == "maximum" else -step)]


_WORDS: Final[dict[str, Callable[[Any], tuple[list[Any], list[Any]]]]] = {
    "minLength": lambda bound: (["x" * bound], ["x" * (bound - 1)]),
    "maxLength": lambda bound: (["x" * bound], ["x" * (bound + 1)]),
    "enum": lambda bound: (list(bound), [f"{bound[0]}_", "none of these"]),
    "const": lambda bound: ([bound], [f"{bound}_"]),
    "pattern": lambda _: ([], ["", " ", "a b"]),
    "type": lambda bound: ([], _WRONG_TYPES[bound]),
    "required": lambda _: ([], []),
    "additionalProperties": lambda _: ([], []),
}


def _plain(number: Any) -> Any:
    """Return a number as JSON has it: a whole one as an int."""
    return int(number) if number == int(number) else float(number)


def _sum(bound: Any, change: Any) -> Any:
    return _plain(Decimal(str(bound)) + Decimal(str(change)))


def exclusive() -> list[tuple[str, str]]:
    """Return the pairs of values of which a task may have only one."""
    [(path, node)] = [(path, node) for path, node in nodes() if "not" in node]
    pairs = [pair["required"] for pair in node["not"]["anyOf"]]
    return [(f"{path}.{one}", f"{path}.{other}") for one, other in pairs]


def faults() -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """Yield single faults: what each is, and the values to set for it, by path. ``...`` takes a value away."""
    for limit in limits():
        if limit.keyword == "required":
            for name in limit.bound:
                yield f"{limit} {name}", [(_part(limit.path, name), ...)]
        elif limit.keyword == "additionalProperties":
            yield str(limit), [(_part(limit.path, "unheardOf"), True)]
        for value in limit.beyond if limit.path else ():
            yield f"{limit} {value!r:.40}", [(limit.path, value)]
    for one, other in exclusive():
        yield f"{one} and {other}", [(one, 5), (other, 5)]
    for rule in RULES:
        name = rule.first.rpartition(".")[2]
        yield f"{name} is too large", [(rule.second, 9), (rule.first, 9 if rule.strict else 10)]
        if rule.otherwise is not None:
            yield f"{name} alone is too large", [(rule.second, ...), (rule.first, rule.otherwise + 1)]
    for output_type in ("base64Data", "dataURI"):
        yield f"ttl with {output_type}", [("ttl", 60), ("outputType", output_type)]


def _part(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def changed(task: Task, values: list[tuple[str, Any]]) -> Task:
    """Return a copy of a task with other values, made where a path leads to nothing yet."""
    copy: Task = json.loads(json.dumps(task))
    for path, value in values:
        place: Any = copy
        *way, last = path.replace("[]", ".[]").split(".")
        for name, following in zip(way, [*way, last][1:], strict=True):
            if name == "[]":
                place = place[0]
            elif following == "[]" and not place.get(name):
                place[name] = [{"model": "civitai:1@2"}]
                place = place[name]
            else:
                place = place.setdefault(name, {})
        if value is ...:
            place.pop(last, None)
        elif last == "[]":
            place[0] = value
        else:
            place[last] = value
    return copy


RULES: Final = tuple(_rule(sentence) for sentence in SCHEMA["x-checkInCode"])
