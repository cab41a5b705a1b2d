"""Sweeps as people read them: what fits into a message, and what each state says."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.contact_sheet import Fate
from bot.runware.schema import SCHEDULERS
from bot.sweeps import CellView, SweepView, label
from cogs import _sweep_cards as cards
from cogs._components import DYNAMIC_ITEMS
from cogs._sweep_components import SWEEP_ITEMS, SweepYesButton
from storage.records import Basis, EditRequest, Lora, Pause, Place, Price, Reference, Result, Source, Status
from storage.sweeps import Axis, Sweep, SweepState

NOON = 1_767_268_800_000
LONGEST = sorted(SCHEDULERS, key=len)[-20:]
AIR = "civitai:" + "1" * 190


def a_sweep(*axes: Axis, prompt: str = "a hat", state: SweepState = SweepState.RUNNING) -> Sweep:
    request = EditRequest(prompt, (Reference("a" * 64, 512, 512, "cat.png"),), 1024, 768, 7, loras=(Lora(AIR),))
    return Sweep(3, 1, 1, 71, Place(10, 20), request, axes, 44_200, NOON, state, 1, 0, None, None)


def a_view(sweep: Sweep, *cells: CellView, **changes: Any) -> SweepView:
    return replace(SweepView(sweep, cells, Price(44_200, 66_300, Basis(Source.EXAMPLES))), **changes)


def a_result(number: int) -> Result:
    return Result(
        *(number, 1, "", 0, 7, 1, False, "https://im.runware.ai/x.jpg"),
        *("a" * 64, "image/jpeg", 1024, 1024, NOON, None, None, 1, 1),
    )


def texts(view: Any) -> list[str]:
    found: list[str] = []
    todo = view.to_components()
    while todo:
        part = todo.pop(0)
        found += [part["content"]] if "content" in part else []
        todo = [*part.get("components", []), *todo]
    return found


def refused(sweep: Sweep, reason: str = "too dear") -> list[CellView]:
    return [CellView(place, label(sweep.axes, place), f"{reason} {place}", None, None) for place in range(20)]


@pytest.mark.parametrize("sign", ["x", "*", "語", "\\"])
def test_the_longest_card_and_the_longest_question_fit_into_a_message(sign: str) -> None:
    for axes in (
        (Axis("scheduler", tuple(LONGEST)), Axis("loras", (-3.99,), AIR)),
        (Axis("scheduler", tuple(LONGEST[:10])), Axis("seed", (2**63 - 1, 2**63 - 2))),
    ):
        sweep = a_sweep(*axes, prompt=sign * 30_000)
        view = a_view(sweep, *refused(sweep, sign * 2_000), pause=Pause(1, 0, sign * 2_000, NOON))
        for shown in (cards.question(view, pictures=[]), cards.board(view, pictures=[], sheet=True)):
            assert sum(map(len, texts(shown))) <= 4_000
        assert len(cards.alt(view)) <= 1_024


@pytest.mark.parametrize(
    "axes",
    [
        (Axis("scheduler", tuple(LONGEST)),),
        (Axis("scheduler", tuple(LONGEST[:10])), Axis("true_cfg", (2, 4.25))),
        (Axis("scheduler", tuple(LONGEST[:2])), Axis("loras", tuple(number / 4 for number in range(10)), AIR)),
        (Axis("seed", tuple(2**63 - number for number in range(1, 11))), Axis("loras", (0.25, 0.5), AIR)),
    ],
)
def test_who_hears_the_sheet_hears_of_every_cell_whatever_the_prompt(axes: tuple[Axis, ...]) -> None:
    sweep = a_sweep(*axes, prompt="a hat " * 100)
    found = [a_result(123_000 + place) for place in range(20)]
    cells = [CellView(place, label(axes, place), None, None, found[place]) for place in range(20)]
    heard = cards.alt(a_view(sweep, *cells))
    assert len(heard) <= 1_024
    assert all(f"{label(axes[:1], cell.place)} #{123_000 + cell.place}" in heard for cell in cells)
    assert all(label(axes[1:], row) in heard for row in range(20 // len(axes[0].values)))


def test_a_reason_that_many_cells_share_is_said_once() -> None:
    sweep = a_sweep(Axis("steps", tuple(range(20))))
    cells = [replace(cell, refusal="`cfg` is too high.") for cell in refused(sweep)]
    said = "\n".join(texts(cards.board(a_view(sweep, *cells), pictures=[], sheet=False)))
    assert said.count("`cfg` is too high.") == 1
    assert "⚠️ **20 cells**, such as **steps 0**: `cfg` is too high." in said
    others = "\n".join(texts(cards.board(a_view(sweep, *refused(sweep)), pictures=[], sheet=False)))
    assert "⚠️ 17 other reasons." in others


def test_a_lora_of_an_axis_is_named_and_what_its_name_says_is_shown_as_it_is() -> None:
    sweep = a_sweep(Axis("loras", (0.5, 1), "a:*1*@2"))
    assert "**LoRA weight of a:\\*1\\*@2:** 0.5, 1" in "\n".join(
        texts(cards.declined(sweep)) + texts(cards.question(a_view(sweep, *refused(sweep)), pictures=[]))
    )


def test_everything_that_can_become_of_a_cell_has_words(make: Any) -> None:
    sweep = a_sweep(Axis("seed", tuple(range(8))))
    fates = {
        Fate.OPEN: (make.job(status=Status.SUBMITTED), None),
        Fate.FAILED: (make.job(status=Status.FAILED), None),
        Fate.EXPIRED: (make.job(status=Status.EXPIRED), None),
        Fate.CANCELLED: (make.job(status=Status.CANCELLED), None),
        Fate.PICTURE: (make.job(), make.result(12)),
        Fate.WITHHELD: (make.job(), make.result(12, nsfw=True)),
        Fate.REMOVED: (make.job(), make.result(12, deleted_at=NOON)),
        Fate.COMING: (make.job(), make.result(12, sha256=None)),
        Fate.LOST: (make.job(), make.result(12, sha256=None, lost="gone")),
    }
    cells = [CellView(place, "seed 1", None, *made) for place, made in enumerate(fates.values())]
    assert [cell.fate for cell in cells] == list(fates)
    assert [cell.fate for cell in cells if not cell.over] == [Fate.OPEN, Fate.COMING]
    said = "\n".join(texts(cards.board(a_view(sweep, *cells), pictures=[], sheet=False)))
    assert "7 of 9 cells done" in said
    assert "1 failed, 1 without an answer in time, 1 cancelled, 1 withheld by the content check, and paid for" in said
    late = CellView(0, "seed 1", None, make.job(status=Status.FAILED), make.result(12))
    assert late.fate is Fate.PICTURE, "a picture that came after all"


IDS = st.integers(min_value=1, max_value=2**63 - 1)


@given(IDS, IDS, st.sampled_from(SWEEP_ITEMS))
async def test_a_custom_id_gives_back_what_it_was_made_of_and_is_of_one_kind_only(
    number: int, price: int, item: type[Any]
) -> None:
    made = item(number, price) if item is SweepYesButton else item(number)
    match = item.__discord_ui_compiled_template__.fullmatch(made.custom_id)
    assert isinstance(match, re.Match)
    again = await item.from_custom_id(cast("Any", None), made.item, match)
    assert (type(again), again.target) == (item, number)
    assert getattr(again, "shown", price) == price
    assert len(made.custom_id) <= 100
    known: list[type[Any]] = [*DYNAMIC_ITEMS, *SWEEP_ITEMS]
    assert [one for one in known if one.__discord_ui_compiled_template__.fullmatch(made.custom_id)] == [item]
