"""One result as somebody sees it who wants to go on from it: the picture, its family, and all that can be done. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import discord
from discord import ui

from cogs import _cards as cards
from cogs import _words as words
from cogs._cards import Post
from cogs._components import (
    BackButton,
    BranchButton,
    CloseButton,
    CompareButton,
    GoMenu,
    HistoryButton,
    MergeButton,
    MergeMenu,
    OpenButton,
    PressButton,
    RecipeButton,
    ShowButton,
    TreeButton,
)
from cogs._draft_components import DraftButton
from cogs._layout import AMBER, BLUE, GREY, Part, card, row, text
from storage.lineage import Step
from storage.records import Result

#: Discord's bounds for the options of a menu.
_OPTIONS: Final = 25
_LABEL: Final = 100
#: The component id of these cards: what is pressed on one stays on it.
MARK: Final = (1 << 31) - 1
#: So many edits of a picture are named; the menu has more.
_NAMED: Final = 8


@dataclass(frozen=True, slots=True)
class Look:
    """All that the card of one result shows."""

    #: The result alone, as its own message shows it.
    post: Post
    step: Step
    #: What the same edit made beside it.
    siblings: Sequence[Result] = ()
    #: What was made of it, as far as the reader may see that, and how many more there are.
    children: Sequence[Step] = ()
    hidden: int = 0
    #: How many were made of it before these.
    earlier: int = 0
    #: Where its own message is.
    address: str | None = None
    #: Whether the reader asked for it, and so says whether others may edit it.
    mine: bool = False


def look(shown: Look) -> ui.LayoutView:
    """Return the card of a result with live buttons. One that was taken down keeps its place in the family."""
    result = shown.step.result
    if result.deleted_at is not None:
        when = words.since(result.deleted_at)
        gone = text(f"### 🗑️ {result.short_id} was taken down", f"-# {when} · what was made of it stands")
        return card(gone, *_family(shown), *_ways(shown), *_onward(shown), colour=GREY, number=MARK)
    where = [] if shown.address is None else [text(f"-# It stands [here]({shown.address}).")]
    parts = cards.result_parts(replace(shown.post, buttons=bool(shown.post.shown), more=False))
    parts += [*where, *_family(shown), *_ways(shown), *_onward(shown)]
    return card(*parts, colour=BLUE if shown.post.shown else AMBER, number=MARK)


def merge_menu(result: Result, candidates: Sequence[Step]) -> ui.LayoutView:
    """Return the question which results to bring into an edit of one."""
    menu = MergeMenu(result.id, [option(step) for step in candidates[:_OPTIONS]], most=2)
    return card(
        text(
            f"### 🔀 Bring what into {result.short_id}?", "Choose one or two, then say what to make of them together."
        ),
        row(menu),
        row(BackButton(result.id)),
        colour=BLUE,
        number=MARK,
    )


def option(step: Step, name: str = "") -> discord.SelectOption:
    """Return a result as an option of a menu; ``name`` is who asked for it, where that is known."""
    stars = f" · ⭐{step.result.stars}" if step.result.stars else ""
    by = f" · {name}" if name else ""
    prompt = words.cut(words.one_line(step.request.prompt), _LABEL)
    return discord.SelectOption(
        label=f"{step.result.short_id}{by}{stars}"[:_LABEL],
        value=str(step.result.id),
        description="taken down" if step.result.deleted_at is not None else prompt or None,
    )


def _family(shown: Look) -> list[Part]:
    """Name what was made of a result."""
    made = [
        f"#{child.result.id} by {words.who(child.user_id)}{_fate(child.result)}" for child in shown.children[:_NAMED]
    ]
    if len(shown.children) > _NAMED:
        made.append(f"{len(shown.children) - _NAMED} more in the menu")
    if shown.earlier:
        made.append(f"{shown.earlier:,} before these")
    if shown.hidden:
        made.append(f"{shown.hidden} that you cannot see")
    return [text(f"Made from it: {words.listed(made)}.")] if made else []


def _fate(result: Result) -> str:
    if result.deleted_at is not None:
        return " (taken down)"
    return f" ⭐{result.stars}" if result.stars else ""


def _ways(shown: Look) -> list[Part]:
    result, parent_id = shown.step.result, shown.step.parent_id
    looks = [TreeButton(result.id), HistoryButton(result.id)]
    if parent_id is not None:
        looks = [BackButton(parent_id), BranchButton(result.id), *looks]
    if not shown.post.shown:
        lost = result.deleted_at is None and not result.nsfw  # its recipe makes it again
        return [row(*looks, *([RecipeButton(result.id)] if lost else []))]
    return [
        row(*looks, CompareButton(result.id)),
        row(
            MergeButton(result.id),
            DraftButton(result.id),
            ShowButton(result.id),
            RecipeButton(result.id),
            *_keep(shown),
        ),
    ]


def _keep(shown: Look) -> list[PressButton]:
    """Offer whoever asked for a result to close it, or to open it again."""
    if not shown.mine:
        return []
    result = shown.step.result
    return [CloseButton(result.id) if result.closed_at is None else OpenButton(result.id)]


def _onward(shown: Look) -> list[Part]:
    """Return a menu of what was made beside a result, and of it."""
    beside = [
        discord.SelectOption(label=f"{result.short_id} · made beside it", value=str(result.id))
        for result in shown.siblings
    ]
    choices = [*beside, *(option(child) for child in shown.children)][:_OPTIONS]
    return [row(GoMenu(shown.step.result.id, choices))] if choices else []
