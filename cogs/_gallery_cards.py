"""What people see of a gallery: pictures with stars, the most first, and the ways on from there. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from discord import ui

from bot.gallery import Page, Room
from cogs import _words as words
from cogs._gallery_components import Hall, HallMenu, OpenMenu, TurnButton
from cogs._layout import AMBER, GREY, card, gallery, row, text
from cogs._look_cards import option
from storage.lineage import Step
from storage.stars import Shelf

_PROMPT: Final = 40


def show(
    page: Page,
    steps: Sequence[Step],
    files: Mapping[int, tuple[str, str]],
    halls: Mapping[Hall, Room],
    *,
    guild_id: int,
) -> ui.LayoutView:
    """Return a page of a gallery.

    ``steps`` are those of its results that the visitor may see, ``files`` the names and alt texts of their files by
    their ids, and ``halls`` the galleries that the menu leads to.
    """
    here = next((hall for hall, room in halls.items() if room == page.room), None)
    head = f"### ⭐ {_title(page.room, here, steps)}"
    menu = row(HallMenu(list(halls), here))
    turns = [row(TurnButton(page.room, page.before, back=True), TurnButton(page.room, page.after, back=False))]
    if page.before is None and page.after is None:
        turns = []
    if not steps:
        return card(text(head, _empty(page)), *turns, menu, colour=GREY)
    shown = gallery([files[step.result.id] for step in steps if step.result.id in files])
    lines = [starred(guild_id, step) + ("" if step.result.id in files else _GONE) for step in steps]
    opened = row(OpenMenu([option(step) for step in steps]))
    return card(text(head), *shown, text(*lines), opened, *turns, menu, colour=AMBER)


_GONE: Final = "\n-# 🕳️ I no longer have this picture; its message may still show it."


def _title(room: Room, here: Hall | None, steps: Sequence[Step]) -> str:
    if here is not None:
        return _HALLS[here]
    match room.shelf:
        case Shelf.WEEK:
            monday = date.fromordinal(room.key)
            return f"The best of the week of {monday:%B} {monday.day}, {monday.year}"
        case Shelf.PERSON:
            return f"The best of {words.who(steps[0].user_id)}" if steps else "The best of one person"
        case Shelf.SESSION:
            return "The best of a session"
        case Shelf.SERVER:
            return _HALLS[Hall.ALL_TIME]


_HALLS: Final[Mapping[Hall, str]] = {
    Hall.THIS_WEEK: "The best of this week",
    Hall.LAST_WEEK: "The best of last week",
    Hall.ALL_TIME: "The best of all time",
    Hall.MINE: "The best of your pictures",
    Hall.HERE: "The best of this session",
}


def _empty(page: Page) -> str:
    if page.after is not None:
        return "The pictures that come next stand where you cannot read; **Next** goes on behind them."
    if page.before is not None:
        return "There are no more pictures that you can see; **Back** leads to those before."
    return "There is no picture here yet that has a star and stands where you can read. Press ⭐ below one you like."


def starred(guild_id: int, step: Step) -> str:
    """Return a result with stars as a line: how many, whose, and its prompt, which leads to its message."""
    result = step.result
    prompt = words.plain(words.cut(words.one_line(step.request.prompt), _PROMPT))
    if (address := words.address(guild_id, result)) is not None:
        prompt = f"[{prompt}]({address})"
    return f"⭐\N{NO-BREAK SPACE}{result.stars} · **{result.short_id}** · {words.who(step.user_id)} · {prompt}"
