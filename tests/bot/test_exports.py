"""An export: which parts it comes in, what stands in its files, and what it says of what it lacks."""

from __future__ import annotations

import csv
import io
import json
import os
import zipfile
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import exports
from bot.exports import LARGEST, MOST_PARTS, PART, SMALLEST, Contents, Contributor, Parts

NOON = 1_767_268_800_000
MB = 1_000_000


def packed(files: Iterable[tuple[str, bytes]]) -> list[bytes]:
    with Parts() as parts:
        made = [full for name, data in files if (full := parts.add(name, data, NOON)) is not None]
        made.append(parts.end())
        assert parts.number == len(made)
    return made


def opened(part: bytes) -> zipfile.ZipFile:
    archive = zipfile.ZipFile(io.BytesIO(part))
    assert archive.testzip() is None
    return archive


# Parts ---------------------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, LARGEST), max_size=12))
def test_every_file_is_in_one_part_whole_and_no_part_is_too_large(sizes: list[int]) -> None:
    made = packed((f"pictures/{number}.jpg", bytes(size)) for number, size in enumerate(sizes))
    assert all(len(part) <= PART for part in made)
    found = [(info.filename, info.file_size) for part in made for info in opened(part).infolist()]
    assert found == [(f"pictures/{number}.jpg", size) for number, size in enumerate(sizes)]


def test_a_thousand_small_files_stay_below_the_limit_with_all_that_a_zip_says_of_them() -> None:
    made = packed((f"pictures/{number:04}-{'x' * 80}.jpg", bytes(9_000)) for number in range(1_100))
    assert len(made) == 2
    assert all(len(part) <= PART for part in made)


def test_the_largest_file_fits_also_where_it_cannot_be_compressed_and_one_byte_more_does_not() -> None:
    [part] = packed([("recipes.json", os.urandom(LARGEST))])
    assert len(part) <= PART
    with Parts() as parts, pytest.raises(ValueError, match="fits in no part"):
        parts.add("pictures/1.jpg", bytes(LARGEST + 1), NOON)


def test_pictures_are_stored_as_they_are_and_texts_are_compressed() -> None:
    [part] = packed([("pictures/1.jpg", bytes(5_000)), ("README.txt", b"all the same " * 500)])
    picture, text = opened(part).infolist()
    assert (picture.compress_type, picture.compress_size) == (zipfile.ZIP_STORED, 5_000)
    assert text.compress_size < text.file_size
    assert picture.date_time == (2026, 1, 1, 12, 0, 0)


# How large pictures may be -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [[], [1], [LARGEST] * MOST_PARTS, [2 * MB] * 60])
def test_pictures_stay_as_they_are_while_they_fit(sizes: list[int]) -> None:
    assert exports.limit(sizes) == LARGEST


def parts_with(sizes: list[int], limit: int) -> int:
    """Count the parts that pictures brought to a limit come in, by packing them."""
    return len(packed((f"pictures/{number}.jpg", bytes(min(size, limit))) for number, size in enumerate(sizes)))


@pytest.mark.parametrize("sizes", [[LARGEST] * 21, [3 * MB] * 70, [9 * MB, 200_000] * 30])
def test_pictures_are_made_as_little_smaller_as_it_takes(sizes: list[int]) -> None:
    limit = exports.limit(sizes)
    assert SMALLEST < limit < LARGEST
    assert parts_with(sizes, limit) <= MOST_PARTS
    assert parts_with(sizes, limit + 20_000) > MOST_PARTS


def test_what_else_is_packed_leaves_less_room_for_pictures() -> None:
    sizes = [2 * MB] * 78
    assert exports.limit(sizes) == LARGEST
    assert exports.limit(sizes, besides=3 * PART) < 2 * MB


def test_no_picture_is_made_smaller_than_can_be_looked_at() -> None:
    assert exports.limit([MB] * 5_000) == SMALLEST


# The files beside them -----------------------------------------------------------------------------------------------


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_contributors_have_their_shares_of_the_edits_and_of_the_cost() -> None:
    ana, bo = rows(exports.contributors([Contributor("Ana", 3, 4, 60_000), Contributor("Bo ✨", 1, 0, 30_000)]))
    assert ana == {
        "name": "Ana",
        "edits": "3",
        "pictures": "4",
        "share_of_edits_percent": "75.0",
        "cost_usd": "0.060000",
        "share_of_cost_percent": "66.7",
    }
    assert (bo["name"], bo["share_of_edits_percent"], bo["share_of_cost_percent"]) == ("Bo ✨", "25.0", "33.3")


def test_a_session_that_cost_nothing_has_shares_of_nothing() -> None:
    [only] = rows(exports.contributors([Contributor("Ana", 1, 0, 0)]))
    assert (only["share_of_edits_percent"], only["share_of_cost_percent"]) == ("100.0", "0.0")
    assert rows(exports.contributors([])) == []


def test_a_name_is_no_formula_to_a_spreadsheet() -> None:
    [only] = rows(exports.contributors([Contributor('=HYPERLINK("x")', 1, 1, 1)]))
    assert only["name"] == '\'=HYPERLINK("x")'


def test_the_recipes_are_one_list_and_go_on_in_another_file_where_it_grew_too_large() -> None:
    entries: list[dict[str, Any]] = [{"id": f"#{number}", "prompt": "ü" * 500_000} for number in range(10)]
    [(name, small)] = exports.recipes(entries[:3])
    assert name == "recipes.json"
    assert json.loads(small) == entries[:3]
    files = dict(exports.recipes(entries))
    assert list(files) == ["recipes.json", "recipes-2.json"]
    assert [entry for data in files.values() for entry in json.loads(data)] == entries
    assert all(len(data) < LARGEST for data in files.values())
    assert [(name, json.loads(data)) for name, data in exports.recipes([])] == [("recipes.json", [])]


HERE = "https://discord.com/channels/1/20"


def test_the_readme_of_a_whole_session_is_one_paragraph() -> None:
    text = exports.readme(HERE, Contents([12, 13]), several=False).decode()
    assert "which /recipe run makes again" in text
    assert text.count("\n") == 1
    assert HERE in text
    assert "the folder pictures has 2 of them" in text
    for name in ("tree.jpg", "recipes.json", "contributors.csv"):
        assert name in text


def test_the_readme_names_all_that_is_not_in_it_and_why() -> None:
    contents = Contents([1, 2], smaller=[2], removed=[3], withheld=[4, 5], missing=[6], late=[7], hidden=8, trees=3)
    text = exports.readme(HERE, contents, several=True).decode()
    assert text.splitlines()[1:] == [
        "",
        "It came in several parts: unpack them all into one folder.",
        "",
        "Made smaller, so that all of it could be sent: #2.",
        "",
        "Not in it, since they were taken down: #3.",
        "",
        "Not in it, since the content check withheld them: #4, #5.",
        "",
        "Not in it, since I have no copy of them: #6.",
        "",
        "Not in it, since Discord gives me a quarter of an hour, and it was over: #7.",
        "",
        "Not in it, since whoever asked for this cannot read where they stand: 8 more.",
    ]
    assert "tree-1.jpg to tree-3.jpg show" in text
    assert contents.absent == 13
