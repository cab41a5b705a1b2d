"""A session's tree for one reader: what is hidden, missing or unnamed is drawn as such, and never fails."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.pictures import Pictures
from bot.tree_pictures import SessionTree, shown_as
from bot.trees import Shown
from storage.lineage import Step
from storage.records import EditRequest, Reference, Result

ANA, BO = 71, 72


@pytest.fixture
async def pictures(tmp_path: Path) -> AsyncGenerator[Pictures]:
    async with Pictures(tmp_path, min_free=0) as opened:
        yield opened


def result(number: int, **changes: Any) -> Result:
    fields: dict[str, Any] = dict.fromkeys(Result.__dataclass_fields__)
    fields |= {"id": number, "job_id": number, "nsfw": False, "sha256": "ab" * 32, "stars": 0}
    return Result(**{**fields, **changes})


def step(
    number: int, parent_id: int | None = None, *, user_id: int | None = ANA, prompt: str = "a hat", **changes: Any
) -> Step:
    request = EditRequest(prompt, (Reference("cd" * 32, 8, 8, "cat.png"),), 64, 64, 7, parent_id=parent_id)
    return Step(result(number, **changes), request, 1, user_id, 6100, 1)


async def jpeg(pictures: Pictures, colour: str) -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(buffer, "JPEG")
    return await pictures.put(buffer.getvalue())


async def drawn(pictures: Pictures, *steps: Step, hidden: tuple[int, ...] = (), **names: str | None) -> bytes:
    tree = await SessionTree.laid_out(pictures, steps, hidden)
    known = {user_id: names[name] for user_id, name in ((ANA, "ana"), (BO, "bo")) if name in names}
    return await tree.draw(pictures, 0, known, here=steps[-1].result.id)


async def test_pictures_are_drawn_and_one_that_is_missing_stands_as_lost(pictures: Pictures) -> None:
    red = await jpeg(pictures, "red")
    there = await drawn(pictures, step(1, sha256=red))
    gone = await drawn(pictures, step(1, sha256="ef" * 32))
    assert there != gone
    assert gone == await drawn(pictures, step(1, sha256=None, lost="gone"))


async def test_a_file_that_is_no_picture_stands_as_lost(pictures: Pictures) -> None:
    broken = await pictures.put(b"no picture")
    assert await drawn(pictures, step(1, sha256=broken)) == await drawn(pictures, step(1, sha256=None, lost="gone"))


async def test_names_stand_below_pictures_and_who_has_none_is_a_member_or_someone(pictures: Pictures) -> None:
    named = await drawn(pictures, step(1), ana="Ana")
    left, unknown = await drawn(pictures, step(1), ana=None), await drawn(pictures, step(1))
    forgotten = await drawn(pictures, step(1, user_id=None))
    assert left == unknown == await drawn(pictures, step(1), ana="a member")
    assert forgotten == await drawn(pictures, step(1), ana="someone")
    assert named != unknown


async def test_nothing_of_what_is_hidden_is_drawn(pictures: Pictures) -> None:
    red, blue = await jpeg(pictures, "red"), await jpeg(pictures, "blue")
    steps = step(1, sha256=red), step(2, 1)
    others = step(1, user_id=BO, prompt="a secret", sha256=blue, stars=9), step(2, 1)
    assert await drawn(pictures, *steps, hidden=(1,), ana="Ana", bo="Bo") == await drawn(
        pictures, *others, hidden=(1,), ana="Ana", bo="Bo"
    )
    assert await drawn(pictures, *steps) != await drawn(pictures, *others)


async def test_the_title_is_the_first_prompt_unless_that_is_hidden(pictures: Pictures) -> None:
    blue, green = step(1, prompt="a blue hat"), step(1, prompt="a green hat")
    assert (await SessionTree.laid_out(pictures, [blue], ())).first is blue
    assert (await SessionTree.laid_out(pictures, [blue], {1})).first is None
    assert await drawn(pictures, blue, hidden=(1,)) == await drawn(pictures, green, hidden=(1,))


async def test_the_words_of_a_picture_go_with_it_when_it_is_taken_down(pictures: Pictures) -> None:
    first, second = [step(1, prompt=prompt, deleted_at=1) for prompt in ("a blue hat", "a green hat")]
    assert await drawn(pictures, first) == await drawn(pictures, second)


async def test_branches_are_edits_that_began_where_another_one_did(pictures: Pictures) -> None:
    tree = await SessionTree.laid_out(pictures, [step(1), step(2, 1), step(3, 1), step(4, 2), step(5, 2)], {5})
    assert tree.branches == 1, "what is hidden is not counted"
    one_edit = [step(1), *(step(number, 1, job_id=2) for number in (2, 3, 4))]
    assert (await SessionTree.laid_out(pictures, one_edit, ())).branches == 0


async def test_every_picture_is_on_the_page_that_is_named_for_it(pictures: Pictures) -> None:
    steps = [step(number, number - 1 if number > 1 else None) for number in range(1, 151)]
    tree = await SessionTree.laid_out(pictures, steps, {150})
    assert len(tree.pages) > 1
    for number in range(len(tree.pages)):
        for seen in tree.seen_on(number):
            assert tree.page_of(seen.result.id) == number
    assert sum(len(tree.seen_on(number)) for number in range(len(tree.pages))) == 149
    assert tree.page_of(0) == 0, "one that is too old to be drawn"


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, Shown.PICTURE),
        ({"deleted_at": 1, "nsfw": True}, Shown.REMOVED),
        ({"nsfw": True}, Shown.WITHHELD),
        ({"sha256": None, "lost": "gone"}, Shown.LOST),
        ({"sha256": None}, Shown.COMING),
    ],
)
def test_what_became_of_a_picture_is_told(changes: dict[str, Any], shown: Shown) -> None:
    assert shown_as(result(1, **changes)) is shown
