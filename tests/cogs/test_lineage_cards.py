"""What people read of how pictures came to be: all of it within Discord's bounds, nothing of what they may not see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import discord
import pytest

from bot.lineage import STEPS_SHOWN, Way
from bot.pictures import Pictures
from bot.tree_pictures import SessionTree
from cogs import _lineage_cards as cards
from cogs._lineage_cards import Beside, Enclosed, Seen
from storage.lineage import Spent, Step
from storage.records import Reference

ANA, BO = 71, 72
NASTY = "**_`~||[x](https://x.x)\n" * 1400
LINK = "https://discord.com/channels/1000000000000000001/1575329239740186633/1575329239740186642"


def parts(view: discord.ui.LayoutView) -> Iterator[dict[str, Any]]:
    todo: list[Any] = list(reversed(view.to_components()))
    while todo:
        part = todo.pop()
        yield part
        todo.extend(reversed(part.get("components", [])))


def said(view: discord.ui.LayoutView) -> str:
    return "\n".join(part["content"] for part in parts(view) if "content" in part)


def ids(view: discord.ui.LayoutView) -> list[str]:
    return [part["custom_id"] for part in parts(view) if "custom_id" in part]


def chosen_from(view: discord.ui.LayoutView) -> list[list[str]]:
    return [[option["value"] for option in part["options"]] for part in parts(view) if "options" in part]


def check_bounds(view: discord.ui.LayoutView) -> None:
    found = list(parts(view))
    assert len(found) <= 40
    assert len(said(view)) <= 4000
    assert len(ids(view)) == len(set(ids(view)))
    assert all(len(custom_id) <= 100 for custom_id in ids(view))
    assert all(1 <= len(values) <= 25 for values in chosen_from(view))


def step(make: Any, number: int, parent_id: int | None = None, *, user_id: int | None = ANA, **result: Any) -> Step:
    request = make.request(prompt=f"edit {number}", parent_id=parent_id)
    return Step(make.result(number, **{"job_id": number, **result}), request, 1, user_id, 6100, 1)


async def laid_out(steps: list[Step], folder: Path, *hidden: int) -> SessionTree:
    async with Pictures(folder, min_free=0) as pictures:
        return await SessionTree.laid_out(pictures, steps, hidden)


# The tree ------------------------------------------------------------------------------------------------------------


async def test_a_tree_tells_its_size_its_branches_and_its_people(make: Any, tmp_path: Path) -> None:
    steps = [step(make, 12), step(make, 13, 12, user_id=BO), step(make, 14, 12), step(make, 15, 13)]
    view = cards.tree(await laid_out(steps, tmp_path), 0, {ANA: "Ana", BO: "Bo"}, 14)
    assert said(view) == f"### 🌳 4 pictures, 1 branch\nby <@{ANA}> and <@{BO}>\n-# #14 is framed"
    assert chosen_from(view) == [["12", "13", "14", "15"]]
    assert "Go to one of #12 to #15" in str(view.to_components())
    check_bounds(view)


async def test_pictures_of_one_edit_are_no_branches(make: Any, tmp_path: Path) -> None:
    steps = [step(make, 12), *(step(make, number, 12, job_id=2) for number in (13, 14, 15))]
    assert "### 🌳 4 pictures\n" in said(cards.tree(await laid_out(steps, tmp_path), 0, {}, 12))


async def test_what_is_hidden_is_counted_and_nothing_else_of_it_is_told(make: Any, tmp_path: Path) -> None:
    secret = replace(step(make, 13, 12, user_id=BO), request=make.request(prompt="a secret", parent_id=12))
    shown = await laid_out([step(make, 12), secret, step(make, 14, 13)], tmp_path, 13)
    view = cards.tree(shown, 0, {ANA: "Ana", BO: "Bo"}, 14)
    told = f"{view.to_components()}{cards.tree_alt(shown, 0, {ANA: 'Ana', BO: 'Bo'}, 14)}"
    assert "1 that you cannot see" in said(view)
    assert chosen_from(view) == [["12", "14"]]
    for secret_word in ("secret", str(BO), "Bo", "#13"):
        assert secret_word not in told


async def test_a_tree_that_begins_with_what_is_hidden_says_so(make: Any, tmp_path: Path) -> None:
    shown = await laid_out([step(make, 12), step(make, 13, 12)], tmp_path, 12)
    assert "It begins with a picture that you cannot see." in cards.tree_alt(shown, 0, {}, 13)


@pytest.mark.parametrize(
    ("gone", "said_of_it"),
    [
        ({"deleted_at": 1}, "1 taken down"),
        ({"nsfw": True, "sha256": None}, "1 withheld by the content check"),
        ({"sha256": None, "lost": "gone"}, "1 lost"),
    ],
)
async def test_what_is_gone_is_counted_by_what_became_of_it(
    make: Any, tmp_path: Path, gone: dict[str, Any], said_of_it: str
) -> None:
    shown = await laid_out([step(make, 12), step(make, 13, 12, **gone)], tmp_path)
    assert f"· {said_of_it}" in said(cards.tree(shown, 0, {}, 12))
    assert said_of_it in cards.tree_alt(shown, 0, {}, 12)


async def test_a_tree_that_begins_with_what_was_taken_down_says_nothing_of_its_words(make: Any, tmp_path: Path) -> None:
    shown = await laid_out([step(make, 12, deleted_at=1), step(make, 13, 12)], tmp_path)
    assert "It begins with #12, which was taken down." in cards.tree_alt(shown, 0, {}, 13)
    assert "edit 12" not in f"{cards.tree_alt(shown, 0, {}, 13)}{cards.tree(shown, 0, {}, 13).to_components()}"


async def test_a_tree_of_many_pages_turns_and_has_menus_to_every_picture_of_a_page(make: Any, tmp_path: Path) -> None:
    steps = [step(make, number, number - 1 if number > 1 else None, user_id=number) for number in range(1, 1001)]
    shown = await laid_out(steps, tmp_path)
    last = len(shown.pages) - 1
    assert shown.page_of(1000) == last
    for page in (0, 1, last):
        view = cards.tree(shown, page, {}, 1000)
        check_bounds(view)
        assert [int(value) for menu in chosen_from(view) for value in menu] == [
            found.result.id for found in shown.seen_on(page)
        ]
        around = [number for number in (page - 1, page + 1) if 0 <= number <= last]
        turns = [custom_id for custom_id in ids(view) if custom_id.startswith("tree-page:")]
        assert turns == [f"tree-page:1000-{number}" for number in around]
        assert f"page {page + 1} of {last + 1}" in said(view)
    assert "and 996 more" in said(cards.tree(shown, 0, {}, 1000))


async def test_an_alt_text_says_what_the_tree_holds_within_discords_bound(make: Any, tmp_path: Path) -> None:
    steps = [step(make, 12), step(make, 13, 12, user_id=BO, deleted_at=1), step(make, 14, 12)]
    alt = cards.tree_alt(await laid_out(steps, tmp_path), 0, {ANA: "Ana", BO: "Bo"}, 14)
    assert alt == (
        "The tree of a session: 3 pictures, 1 branch. It begins with #12, “edit 12”. By Ana and Bo. 1 taken down. "
        "#14 is framed."
    )
    steps = [replace(steps[0], request=make.request(prompt=NASTY))]
    assert len(cards.tree_alt(await laid_out(steps, tmp_path), 0, {ANA: "A" * 2000}, 12)) <= 1024


# Two side by side ----------------------------------------------------------------------------------------------------


def test_two_results_stand_side_by_side_and_each_on_its_own(make: Any) -> None:
    left = Beside(step(make, 12), Enclosed("12-seed-1.jpg", "the left one", b""), LINK)
    right = Beside(step(make, 13, 12, user_id=BO, stars=2), Enclosed("13-seed-2.jpg", "the right one", b""))
    view = cards.comparison(left, right)
    galleries = [part["items"] for part in parts(view) if "items" in part]
    assert [[item["description"] for item in items] for items in galleries] == [
        ["Two pictures side by side. Left: the left one. Right: the right one."],
        ["the left one", "the right one"],
    ]
    assert f"**[#12]({LINK})** · <@{ANA}> · seed `29892` · $0.0061\n> edit 12" in said(view)
    assert f"**#13** · <@{BO}> · seed `29893` · $0.0061 · ⭐ 2\n> edit 13" in said(view)
    assert ids(view) == ["look:12", "look:13", "history:13", "tree:13"]
    check_bounds(view)


def test_an_upload_is_named_by_its_file_and_leads_nowhere(make: Any) -> None:
    upload = Beside(Reference("ab" * 32, 800, 600, "my_cat.png"), Enclosed("reference.jpg", "a cat", b""))
    view = cards.comparison(upload, Beside(step(make, 12), Enclosed("12.jpg", "alt", b"")))
    assert "### ⚖️ my\\_cat.png and #12" in said(view)
    assert "**my\\_cat.png** · 800 × 600\n-# The picture that it began with." in said(view)
    assert ids(view) == ["look:12", "history:12", "tree:12"]


def test_a_picture_whose_bytes_are_gone_is_told_in_words(make: Any) -> None:
    view = cards.comparison(
        Beside(step(make, 12), None), Beside(step(make, 13, 12), Enclosed("13.jpg", "the right one", b""))
    )
    assert "$0.0061 · gone\n> edit 12" in said(view)
    assert "Left: #12, which is gone. Right: the right one." in str(view.to_components())


def test_long_prompts_side_by_side_stay_within_discords_bounds(make: Any) -> None:
    long = replace(step(make, 12), request=make.request(prompt=NASTY))
    side = Beside(long, Enclosed("12.jpg", "x" * 1024, b""), LINK)
    check_bounds(
        cards.comparison(side, Beside(replace(long, result=make.result(13)), Enclosed("13.jpg", "x" * 1024, b""), LINK))
    )
    assert len(cards.pair_alt(side, side)) <= 1024


# The way -------------------------------------------------------------------------------------------------------------


def way(*steps: Step, **changes: Any) -> Way:
    return replace(Way(steps, first=1, length=len(steps), cut=False, page=0, pages=1), **changes)


def test_a_way_tells_prompt_seed_cost_person_and_link_of_every_step_and_what_all_cost(make: Any) -> None:
    steps = step(make, 12, stars=3), step(make, 13, 12, user_id=BO)
    seen = Seen(way(*steps), 13, frozenset(), {12: LINK}, [Spent(20, ANA, 6100, 0), Spent(20, BO, 6100, 0)])
    view = cards.history(seen)
    assert said(view).split("\n") == [
        "### 🪜 The way to #13",
        "-# 2 steps",
        f"**1.** **[#12]({LINK})** · <@{ANA}> · seed `29892` · $0.0061 · ⭐ 3 · from cat.png",
        "> edit 12",
        f"**2.** **#13** · <@{BO}> · seed `29893` · $0.0061 · with cat.png",
        "> edit 13",
        "**All of it: $0.0122**",
    ]
    assert chosen_from(view) == [["12", "13"]]
    assert ids(view) == ["step:1", "compare:13", "tree:13"]


def test_of_a_hidden_step_only_its_place_is_told(make: Any) -> None:
    hidden = replace(step(make, 12, user_id=BO), request=make.request(prompt="a secret"))
    view = cards.history(Seen(way(hidden, step(make, 13, 12)), 13, frozenset({12}), {}, []))
    assert "**1.** *a step in a channel you cannot read*\n**2.** **#13**" in said(view)
    for secret in ("secret", str(BO), "#12"):
        assert secret not in str(view.to_components())


def test_a_step_that_was_taken_down_says_so_and_its_words_went_with_it(make: Any) -> None:
    gone = way(step(make, 12, deleted_at=1), step(make, 13, 12, nsfw=True, sha256=None))
    view = cards.history(Seen(gone, 13, frozenset(), {12: LINK}, [Spent(20, ANA, 0, 1)]))
    assert f"**1.** **#12** · <@{ANA}> · $0.0061 · *taken down*\n**2.**" in said(view)
    assert "$0.0061 · *withheld by the content check* · with cat.png\n> edit 13" in said(view)
    assert "**All of it: $0.00**, and 1 step whose cost is pending" in said(view)
    assert "edit 12" not in said(view)


def test_the_results_that_were_merged_in_are_named_and_the_parent_only_once(make: Any) -> None:
    with_others = make.request(
        parent_id=12,
        references=tuple(Reference("ab" * 32, 8, 8, f"#{number}", number) for number in (12, 9)),
    )
    merged = replace(step(make, 13), request=with_others)
    assert "$0.0061 · with #9\n" in said(cards.history(Seen(way(merged), 13, frozenset(), {}, [])))


def test_a_long_way_turns_and_says_where_it_is(make: Any) -> None:
    steps = [step(make, number, number - 1) for number in range(9, 17)]
    seen = Seen(way(*steps, first=9, length=1001, page=1, pages=126, cut=True), 1100, frozenset(), {}, [])
    view = cards.history(seen)
    assert "-# 1,001 steps · 9 to 16 of 1,001 · what came before is too long ago to be told" in said(view)
    assert ids(view)[1:3] == ["history-page:1100-0", "history-page:1100-2"]
    assert [part["label"] for part in parts(view) if part.get("custom_id", "").startswith("history-page")] == [
        "Page 1",
        "Page 3",
    ]


def test_a_page_of_the_longest_steps_stays_within_discords_bounds(make: Any) -> None:
    references = tuple(Reference("ab" * 32, 8, 8, "_" * 300) for _ in range(3))
    request = make.request(prompt=NASTY, references=references)
    number = 9_000_000_000_000
    steps = [
        replace(step(make, number + place, stars=99_999, nsfw=True, seed=2**63 - 1), request=request, user_id=2**62)
        for place in range(STEPS_SHOWN)
    ]
    addresses = {one.result.id: LINK for one in steps}
    page = way(*steps, first=999_990, length=1_000_001, page=5, pages=9, cut=True)
    check_bounds(cards.history(Seen(page, number, frozenset(), addresses, [Spent(1, 1, 10**12, 1001)])))
