"""Recipes: what is written is read again as the same edit, and what is not understood is refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import options, recipes
from bot.errors import BadOption
from bot.options import MAX_SEED, Choice, Counted, Flag, Loras, Number, Parameter, Scheduler, Seed, Text
from bot.runware import imports
from bot.runware.schema import SCHEDULERS, Transport, from_request
from storage.records import EditRequest, Lora, Reference, Result

CAT = Reference("a" * 64, 451, 300, "cat.png")
SEVEN = Reference("b" * 64, 512, 512, "#7", result_id=7)
TASK_UUID = "6f0c1f5e-0f3a-4c0e-9d52-6b6a3a7d8e10"
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)
words = texts.map(str.strip).filter(bool)


def numbers(parameter: Counted) -> st.SearchStrategy[Any]:
    least, most = parameter.least, parameter.most
    if isinstance(parameter, Number):
        if parameter.step is None:
            return st.floats(allow_nan=False, allow_infinity=False)
        per = round(1 / parameter.step)
        return st.integers(round((least or 0) * per), round((most or 0) * per)).map(lambda steps: steps / per)
    return st.integers(int(least or 0), 1000 if most is None else int(most))


airs = st.integers(1, 99).map(lambda number: f"civitai:{number}@1")
loras = st.builds(
    Lora,
    airs,
    st.none() | st.integers(-400, 400).map(lambda steps: steps / 100),
    st.none() | st.sampled_from(["high", "low", "both"]),
)
KINDS: dict[type[Parameter], Callable[[Any], st.SearchStrategy[Any]]] = {
    Text: lambda _: words,
    Flag: lambda _: st.booleans(),
    Seed: lambda _: st.integers(0, MAX_SEED),
    Scheduler: lambda _: st.sampled_from(SCHEDULERS),
    Choice: lambda parameter: st.sampled_from(parameter.choices),
    Loras: lambda _: st.lists(loras, min_size=1, max_size=3, unique_by=lambda lora: lora.model),
}


@st.composite
def requests(draw: Callable[[st.SearchStrategy[Any]], Any]) -> EditRequest:
    """Draw an edit that sets any of the options, and is allowed."""
    values: dict[str, Any] = {"prompt": draw(words), "size": draw(st.sampled_from(["512x768", "2048x128"]))}
    for parameter in options.PARAMETERS:
        if parameter.name != "prompt" and draw(st.booleans()):
            kind = KINDS.get(type(parameter), numbers)
            values[parameter.name] = draw(kind(parameter))
    unwanted = draw(st.sampled_from(["", "_percent"]))
    for name in (f"cache_start{unwanted}", f"cache_end{unwanted}"):
        values.pop(name, None)
    left = "" if unwanted else "_percent"
    if f"cache_end{left}" in values:
        most = 100 if left else values.get("steps", options.DEFAULT_STEPS)
        values[f"cache_end{left}"] = end = draw(st.integers(1, most))
        if f"cache_start{left}" in values:
            values[f"cache_start{left}"] = draw(st.integers(0, end - 1))
    references = draw(st.lists(st.sampled_from([CAT, SEVEN]), min_size=1, max_size=3))
    parent_id = 7 if SEVEN in references and draw(st.booleans()) else None
    safety = draw(st.sampled_from(["fast", "none"]))
    return options.build_request(values, references, parent_id=parent_id, safety=safety, draw=lambda: 5)


def a_result(seed: int | None = 29892) -> Result:
    known: dict[str, Any] = dict.fromkeys(Result.__dataclass_fields__)
    return Result(**{**known, "id": 12, "seed": seed, "stars": 0, "nsfw": False})


def a_request(**changes: Any) -> EditRequest:
    values = {"prompt": "add a hat", "size": "512x768", "seed": "1", "results": 4, **changes}
    return options.build_request(values, [CAT, SEVEN], parent_id=7, draw=lambda: 5)


def read(given: Any, name: str = "recipe.json") -> recipes.Recipe:
    return recipes.read(name, given if isinstance(given, bytes) else json.dumps(given).encode())


def refused(given: Any, name: str = "recipe.json") -> str:
    """Return the sentence with which a file is refused."""
    with pytest.raises(BadOption) as caught:
        recipes.check(read(given, name))
    assert str(caught.value).endswith((".", "?")), str(caught.value)
    return str(caught.value)


def ours(**changes: Any) -> dict[str, Any]:
    """Return a recipe in our own words; ``...`` leaves something out."""
    whole = {**recipes.described(a_request(), a_result()), **changes}
    return {key: value for key, value in whole.items() if value is not ...}


# Written -------------------------------------------------------------------------------------------------------------


def test_a_recipe_names_the_seed_of_its_result_asks_for_one_and_says_where_the_pictures_came_from() -> None:
    assert json.loads(recipes.write(a_request(cfg=2.5, negative="rain"), a_result(seed=MAX_SEED))) == {
        "recipe": 2,
        "model": "runware:108@22",
        "options": {
            "prompt": "add a hat",
            "negative": "rain",
            "results": 1,
            "seed": str(MAX_SEED),
            "steps": 30,
            "cfg": 2.5,
            "size": "512x768",
        },
        "pictures": [
            {"file": "cat.png", "width": 451, "height": 300, "sha256": "a" * 64},
            {"from": "#7", "width": 512, "height": 512, "sha256": "b" * 64},
        ],
        "parent": "#7",
        "made": {"id": "#12", "seed": str(MAX_SEED)},
    }


def test_a_seed_that_runware_did_not_say_is_the_one_that_was_asked_for_and_was_not_made() -> None:
    recipe = recipes.described(a_request(), a_result(seed=None))
    assert (recipe["options"]["seed"], recipe["made"]) == ("1", {"id": "#12"})


@given(requests())
def test_a_recipe_is_read_as_the_edit_it_was_written_of(request: EditRequest) -> None:
    recipe = read(recipes.write(request, a_result(seed=request.seed)).encode())
    recipes.check(recipe)
    again = options.build_request(
        recipe.values, request.references, parent_id=recipe.parent_id, safety=recipe.safety or "", draw=lambda: 0
    )
    assert again == options.build_request(
        {**options.values_of(request), "results": 1},
        request.references,
        parent_id=request.parent_id,
        safety=request.safety,
        draw=lambda: 0,
    )
    named = [(one.label, one.result_id, one.size, one.sha256) for one in recipe.pictures]
    assert named == [(one.label, one.result_id, (one.width, one.height), one.sha256) for one in request.references]


def test_the_largest_recipe_that_is_written_can_be_read() -> None:
    longest = "\x01" * 31_999 + "x"  # each takes six bytes, as no other character does that is not escaped by choice
    values = dict.fromkeys(("prompt", "negative", "face_prompt", "face_negative"), f"x{longest[1:]}")
    data = recipes.write(a_request(**values), a_result()).encode()
    assert read(data).values["negative"] == values["negative"]
    escaped = json.dumps({**ours(), "options": {**values, "prompt": "😀" * 32_000, "negative": "😀" * 32_000}})
    recipes.check(read(escaped.encode()))


# Read ----------------------------------------------------------------------------------------------------------------


def test_a_recipe_of_the_first_version_is_understood() -> None:
    recipe = read(
        {
            "recipe": 1,
            "model": "runware:108@22",
            "options": {"prompt": "add a hat", "size": "512x768", "results": 2, "seed": "5", "steps": 30},
            "pictures": [{"file": "cat.png", "width": 451, "height": 300, "sha256": "a" * 64}],
            "made": [{"id": "#12", "seed": "5"}, {"id": "#13", "seed": "6"}],
        }
    )
    recipes.check(recipe)
    assert (recipe.values["results"], recipe.parent_id, recipe.safety) == (2, None, None)


def test_what_the_check_of_a_recipe_is_without_a_word_was_on() -> None:
    assert read(ours()).safety == "fast"
    assert read(ours(options={**ours()["options"], "safety": "none"})).safety == "none"


def test_a_byte_order_mark_is_no_fault() -> None:
    assert read(b"\xef\xbb\xbf" + json.dumps(ours()).encode()) == read(ours())


FAULTS: list[tuple[Any, str]] = [
    (b"hello", "is not JSON: see line 1, column 1"),
    (b'{"recipe": 2,\n "model" 3}', "see line 2, column 10"),
    (b"\xff\xfe{\0", "no text in UTF-8"),
    (b"[" * 100_000, "nested too deeply"),
    (b" " * (recipes.MAX_BYTES + 1), "has 2.0 MB, and a recipe has up to 2 MB"),
    (b'{"recipe": 2, "recipe": 2}', "`recipe` stands twice"),
    (b'{"recipe": 2, "options": {"steps": 3, "steps": 4}}', "`steps` stands twice"),
    (b'{"recipe": NaN}', "`NaN` is no number"),
    (b'{"recipe": -Infinity}', "`-Infinity` is no number"),
    (b'{"recipe": 1e999}', "`1e999` is no number"),
    (b'{"recipe": %s}' % (b"9" * 5000), "is no number"),
    (3, "is one JSON object, and `recipe.json` is none"),
    ([], "is one JSON object"),
    ([3, ours()], "and `recipe.json` is none"),
    ({"prompt": "add a hat"}, "neither a recipe of mine"),
    ([ours(), ours()], "has 2 tasks in it"),
    ([{"id": "#1", "recipe": ours()}, {"id": "#2", "recipe": ours()}], "out of an export"),
    ([{"taskType": "authentication", "apiKey": "sesame"}, ours()], "has a key of Runware's in it"),
    (ours(apiKey="sesame"), "this one was given away"),
    (ours(recipe=3), "`recipe` is its version, the number 1 or 2, and `3` was given"),
    (ours(recipe=True), "`True` was given"),
    (ours(modell="x"), "`modell` is no part of a recipe; did you mean `model`?"),
    (ours(zzz="x"), "`zzz` is no part of a recipe; leave it out"),
    (ours(model=...), "`model` is missing"),
    (ours(model="runware:101@1"), "`model` is `runware:101@1`"),
    (ours(options=...), "`options` is missing"),
    (ours(options=[]), "`options` is something else"),
    (ours(options={}), "`prompt` is empty"),
    (ours(options={"prompt": "x" * 32_001}), "`prompt` takes up to 32000 characters, and 32001"),
    (ours(options={"prompt": "x", "stepz": 3}), "`stepz` is no option of an edit; did you mean `steps`?"),
    (ours(options={"prompt": "x", "steps": 51}), "`steps` is a whole number from 1 to 50, and 51"),
    (ours(options={"prompt": "x", "safety": "full"}), "`safety` is fast or none, and `full`"),
    (ours(options={"prompt": "x", "safety": ["fast"]}), "`safety` is fast or none"),
    (ours(made=3), "`made` is something else"),
    (ours(made={"idd": 3}), "`idd` is no part of what stands in `made`; did you mean `id`?"),
    (ours(parent="the cat"), "`parent` is a result's id such as #12"),
    (ours(parent=12), "`parent` is a result's id such as #12 in a recipe, and `12` was given"),
    (ours(parent="https://discord.com/channels/1/2/3"), "`parent` is a result's id"),
    (ours(pictures=...), "`pictures` is a list of 1 to 3 pictures, and 0"),
    (ours(pictures={}), "`pictures` is a list"),
    (ours(pictures=[{"file": "a"}] * 4), "and 4 are there"),
    (ours(pictures=["cat.png"]), "`picture 1` is something else"),
    (ours(pictures=[{"file": "a"}, {}]), "Picture 2 is nothing"),
    (ours(pictures=[{"file": " "}]), "Picture 1 is nothing"),
    (ours(pictures=[{"file": None}]), "and `None` was given"),
    (ours(pictures=[{"file": 3}]), "`file` of picture 1 is the name of a file"),
    (ours(pictures=[{"from": "x"}]), "`from` is a result's id"),
    (ours(pictures=[{"file": "a", "url": "https://a"}]), "`url` is no part of picture 1"),
    (ours(pictures=[{"sha256": "A" * 64}]), "`sha256` of picture 1 is 64 hexadecimal digits"),
    (ours(pictures=[{"file": "a", "width": 3}]), "`width` and `height` of picture 1 are pixels"),
    (ours(pictures=[{"file": "a", "width": 0, "height": 3}]), "and `0` was given"),
    (ours(pictures=[{"file": "a", "width": 1.5, "height": 3}]), "and `1.5` was given"),
    (ours(pictures=[{"file": "a", "width": True, "height": 3}]), "and `True` was given"),
]


@pytest.mark.parametrize(("given", "said"), FAULTS, ids=[said for _, said in FAULTS])
def test_what_is_wrong_with_a_recipe_is_named(given: Any, said: str) -> None:
    sentence = refused(given)
    assert said in sentence
    assert "sesame" not in sentence


def test_all_faults_of_the_options_are_said_at_once_and_no_wall_of_them() -> None:
    said = refused(ours(options={"steps": 0, "cfg": 99, "results": 21}))
    assert said.startswith("This recipe has 4 faults:\n- `prompt` is empty")
    assert said.count("\n- ") == 4
    many = refused(ours(options={f"option {number}": 1 for number in range(100)}))
    assert many.endswith("- and 89 more.")
    assert len(many) < 2000
    assert "`options` has 101 entries, and there are" in refused(
        ours(options={str(number): 1 for number in range(101)})
    )


# Runware's words ------------------------------------------------------------------------------------------------------


@given(requests())
def test_a_task_as_it_is_sent_is_read_as_the_edit_it_was_made_of(request: EditRequest) -> None:
    pictures = ["aGVsbG8="] * len(request.references)
    sent = from_request(request, task_uuid=TASK_UUID, references=pictures, transport=Transport()).wire()
    task = imports.read_task(json.loads(json.dumps(sent)))
    assert (list(task.pictures), task.safety) == (pictures, request.safety)
    again = options.build_request(task.values, request.references, safety=task.safety or "", draw=lambda: 0)
    ignored = {"negative"} if request.cfg is not None and request.cfg <= 1 else set[str]()
    assert options.values_of(again) == {
        name: value for name, value in options.values_of(request).items() if name not in ignored
    }
    assert from_request(again, task_uuid=TASK_UUID, references=pictures, transport=Transport()).wire() == sent


def test_every_option_has_a_place_in_a_task() -> None:
    assert {*imports.OPTIONS.values(), options.SIZE} == set(options.NAMES)


def test_the_faults_of_a_task_are_named_in_its_own_words() -> None:
    task = {
        "taskType": "imageInference",
        "model": "runware:108@22",
        "positivePrompt": "add a hat",
        "inputs": {"referenceImages": ["a.png"]},
        "CFGScale": 99,
        "acceleratorOptions": {"cacheStartStep": 3, "cacheEndStep": 3},
    }
    assert refused([task]) == (
        "This recipe has 2 faults:\n"
        "- `CFGScale` goes from 1 to 20 in steps of 0.01, and 99 was given.\n"
        "- `acceleratorOptions.cacheEndStep` comes after `acceleratorOptions.cacheStartStep`, and 3 was given for 3; "
        "the range is empty."
    )
    assert "and 0 are there" in refused({**task, "inputs": {"referenceImages": []}})
    assert "and 4 are there" in refused({**task, "inputs": {"referenceImages": ["a"] * 4}})


def test_a_picture_inside_a_task_is_no_name() -> None:
    pictures = ["https://a.example/cat.png", f"data:image/png;base64,{'A' * 300}", "A" * 300]
    task = {
        "taskType": "imageInference",
        "model": "runware:108@22",
        "positivePrompt": "add a hat",
        "referenceImages": pictures,
    }
    assert [one.label for one in read(task).pictures] == [pictures[0], "a file in the text", "a file in the text"]
