"""Recipes as people give them to us. What is not understood is refused by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final, cast

from bot import options
from bot.errors import BadOption
from bot.options import MAX_REFERENCES, SIZE, shown
from bot.recipes._json import parse
from bot.runware import imports
from storage.records import Reference

#: The versions of our own recipes. The first one named no parent, and of the options those that there were.
_VERSIONS: Final = (1, 2)
_KEYS: Final = ("recipe", "model", "options", "pictures", "parent", "made")
_OF_PICTURE: Final = ("from", "file", "width", "height", "sha256")
_OF_MADE: Final = ("id", "seed")
_SAFETY: Final = "safety"
_HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NAME: Final = re.compile(r"`([a-z_]+)`")
_EMBEDDED: Final = re.compile(r"data:|[A-Za-z0-9+/=]{200}")
#: Of its faults, so many are said.
_MOST_SAID: Final = 12
_MOST_OPTIONS: Final = 100
#: Of the name of a picture, so many characters are kept: it is only ever shown.
_LABEL: Final = 200
#: What a side is where a recipe does not say.
_SIDE: Final = 1024


@dataclass(frozen=True, slots=True)
class Wanted:
    """A picture that a recipe names."""

    #: The file's name, or the result's id.
    label: str
    result_id: int | None = None
    #: In pixels, once prepared; ``None`` where the recipe does not say.
    size: tuple[int, int] | None = None
    #: The hash of our prepared copy.
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a recipe asks for, its values not judged yet."""

    #: Options by name, as JSON holds them.
    values: Mapping[str, object]
    #: In their order; 1 to 3.
    pictures: tuple[Wanted, ...]
    #: The result that the edit started from.
    parent_id: int | None = None
    #: ``fast`` or ``none``; ``None`` leaves it to the place.
    safety: str | None = None
    #: What the file calls the options, where that is not their name.
    called: Mapping[str, str] = field(default_factory=dict[str, str])


def read(name: str, data: bytes) -> Recipe:
    """Read a file with a recipe in our words or in Runware's. Raises BadOption for the first thing that is wrong."""
    given = _only_one(name, parse(name, data))
    if "recipe" in given:
        return _ours(given)
    if "taskType" in given:
        return _runwares(given)
    raise BadOption(
        "file",
        f"`file` cannot be run: {shown(name)} is neither a recipe of mine, with a `recipe` in it, "
        "nor a task of Runware's with its `taskType`.",
    )


def check(recipe: Recipe) -> None:
    """Judge all options, and say everything that is wrong with them at once. Raises BadOption."""
    pictures = [Reference("", *(wanted.size or (_SIDE, _SIDE)), wanted.label) for wanted in recipe.pictures]
    faults = options.examine(recipe.values, pictures, draw=lambda: 0).faults
    said = [_NAME.sub(lambda found: f"`{recipe.called.get(found[1], found[1])}`", str(fault)) for fault in faults]
    if len(said) == 1:
        raise BadOption(faults[0].option, said[0])
    if said:
        more = [f"- and {len(said) - _MOST_SAID} more."] if len(said) > _MOST_SAID else []
        lines = [f"- {sentence}" for sentence in said[:_MOST_SAID]]
        raise BadOption(faults[0].option, "\n".join([f"This recipe has {len(said)} faults:", *lines, *more]))


def _only_one(name: str, given: object) -> Mapping[str, Any]:
    """Return the one object that a file holds; Runware's examples have it in a list."""
    entries = cast("list[object]", given) if isinstance(given, list) else [given]
    objects = [cast("dict[str, Any]", entry) for entry in entries if isinstance(entry, dict)]
    for entry in objects:
        if "apiKey" in entry or entry.get("taskType") == "authentication":
            raise BadOption(
                "file",
                f"`file` cannot be run: {shown(name)} has a key of Runware's in it. Make a new key there, since this "
                "one was given away, and leave that object out.",
            )
        if isinstance(entry.get("recipe"), dict):
            raise BadOption(
                "file",
                f"`file` cannot be run: {shown(name)} is a list out of an export. Save what stands under the `recipe` "
                "of one picture as a file of its own.",
            )
    if len(objects) != len(entries) or not entries:
        raise BadOption("file", f"`file` cannot be run: a recipe is one JSON object, and {shown(name)} is none.")
    if len(objects) > 1:
        raise BadOption(
            "file", f"`file` has {len(objects)} tasks in it, and I run one at a time: leave one alone there."
        )
    return objects[0]


# In our words ----------------------------------------------------------------------------------------------


def _ours(given: Mapping[str, Any]) -> Recipe:
    version = given["recipe"]
    if isinstance(version, bool) or version not in _VERSIONS:
        raise BadOption("recipe", f"`recipe` is its version, the number 1 or 2, and {shown(version)} was given.")
    _check_keys(given, _KEYS, "a recipe")
    imports.check_model(given.get("model"))
    values = dict(_object("options", given.get("options")))
    if len(values) > _MOST_OPTIONS:  # to look for the name that each is meant to be would take a while
        raise BadOption("options", f"`options` has {len(values)} entries, and there are {len(options.NAMES)} options.")
    said = values.pop(_SAFETY, None)
    if said not in (None, "none", "fast"):
        raise BadOption(_SAFETY, f"`{_SAFETY}` is fast or none, and {shown(said)} was given.")
    made: object = given.get("made", {})
    for entry in cast("list[object]", made) if isinstance(made, list) else [made]:
        _check_keys(_object("made", entry), _OF_MADE, "what stands in `made`")
    parent = given.get("parent")
    return Recipe(
        values,
        tuple(_pictures(given.get("pictures"))),
        None if parent is None else _result_id("parent", parent),
        # Version 1 did not say how it was checked; since then it was, unless there is a word of it.
        said or (None if version == 1 else "fast"),
    )


def _pictures(given: object) -> Iterable[Wanted]:
    entries = cast("list[object]", given) if isinstance(given, list) else []
    _check_number(len(entries), "pictures")
    for number, entry in enumerate(entries, 1):
        where = f"picture {number}"
        picture = _object(where, entry)
        _check_keys(picture, _OF_PICTURE, where)
        named, result, sha256 = picture.get("file", ""), picture.get("from"), picture.get("sha256")
        if not isinstance(named, str):
            raise BadOption("pictures", f"`file` of {where} is the name of a file, and {shown(named)} was given.")
        if sha256 is not None and not (isinstance(sha256, str) and _HASH.fullmatch(sha256)):
            raise BadOption("pictures", f"`sha256` of {where} is 64 hexadecimal digits, and {shown(sha256)} is not.")
        named = named[:_LABEL].strip()
        if not named and result is None and sha256 is None:
            raise BadOption("pictures", f"{where.capitalize()} is nothing: it needs a `from`, a `file` or a `sha256`.")
        result_id = None if result is None else _result_id("from", result)
        label = named or (f"#{result_id}" if result_id is not None else f"{sha256:.12}…")
        yield Wanted(label, result_id, _size(where, picture), sha256)


def _size(where: str, picture: Mapping[str, object]) -> tuple[int, int] | None:
    sides = [picture.get("width"), picture.get("height")]
    if sides == [None, None]:
        return None
    for side in sides:
        if not isinstance(side, int) or isinstance(side, bool) or side < 1:
            raise BadOption(
                "pictures", f"`width` and `height` of {where} are pixels, such as 1024, and {shown(side)} was given."
            )
    width, height = cast("list[int]", sides)
    return width, height


def _result_id(key: str, given: object) -> int:
    found = options.parse_result_ref(given, key) if isinstance(given, str) else None
    if not isinstance(found, int):
        raise BadOption(key, f"`{key}` is a result's id such as #12 in a recipe, and {shown(given)} was given.")
    return found


def _object(what: str, given: object) -> Mapping[str, object]:
    if not isinstance(given, dict):
        word = "is missing" if given is None else "is something else"
        raise BadOption("file", f"`{what}` {word}: a recipe has an object there, in curly brackets.")
    return cast("dict[str, object]", given)


def _check_keys(given: Mapping[str, object], known: tuple[str, ...], what: str) -> None:
    for key in given:
        if key not in known:
            near = get_close_matches(key[:100], known, n=1)
            hint = f"did you mean `{near[0]}`?" if near else "leave it out."
            raise BadOption(key, f"{shown(key)} is no part of {what}; {hint}")


def _check_number(number: int, key: str) -> None:
    if not 1 <= number <= MAX_REFERENCES:
        raise BadOption("image", f"`{key}` is a list of 1 to {MAX_REFERENCES} pictures, and {number} are there.")


# In Runware's ----------------------------------------------------------------------------------------------


def _runwares(given: Mapping[str, Any]) -> Recipe:
    task = imports.read_task(given)
    _check_number(len(task.pictures), "referenceImages")
    called = {option: path for option, path in task.called.items() if option not in {path, SIZE}}
    return Recipe(task.values, tuple(_named(one) for one in task.pictures), None, task.safety, called)


def _named(picture: str) -> Wanted:
    """Return a picture of a task: its address or UUID is but a name here, and a whole file is not even that."""
    if _EMBEDDED.match(picture) or not picture.strip():
        return Wanted("a file in the text")
    return Wanted(picture[:_LABEL])
