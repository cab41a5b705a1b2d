"""What people press and choose from on the cards that show how pictures came to be.

See :mod:`cogs._components` for what all of it has in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final, Self

import discord
from discord import ui

from cogs._components import ID, NEVER, Handed, PressButton, PressMenu

#: A page, from 0.
_PAGE: Final = r"[0-9]{1,6}"
_ABOUT: Final = rf"(?P<target>{ID})-(?P<page>{_PAGE})"
_EMOJI: Final = {False: "◀️", True: "▶️"}


class LookButton(PressButton, template=rf"look:(?P<target>{ID})"):
    """Shows a result to the presser alone, with everything that can be done with it."""

    event = "look"
    action = "look"
    label = "Go to"

    def __init__(self, target: int) -> None:
        super().__init__(target)
        self.item.label = f"{self.label} #{target}"


class StepMenu(PressMenu, template=rf"step:(?P<target>{ID})"):
    """Leads to one of the results of a card; its own number tells it from the others there."""

    event = "look"
    action = "step"
    placeholder = "Go to…"

    @classmethod
    def of(cls, number: int, choices: Sequence[discord.SelectOption]) -> Self:
        """Return the menu of so many results, which says from where to where it goes."""
        menu = cls(number, choices)
        if len(choices) > 1:
            menu.item.placeholder = f"Go to one of #{choices[0].value} to #{choices[-1].value}"
        return menu


class TurnButton(Handed[ui.Button[Any]], template=NEVER):
    """Turns to another page of what is shown about a result."""

    event = "look"
    action: ClassVar[str]

    def __init__(self, target: int, page: int, *, on: bool = True) -> None:
        super().__init__(
            ui.Button(label=f"Page {page + 1}", emoji=_EMOJI[on], custom_id=f"{self.action}:{target}-{page}")
        )
        #: The id of the result.
        self.target: Final = target
        #: Where it leads, from 0.
        self.page: Final = page

    @classmethod
    def around(cls, target: int, page: int, pages: int) -> list[Self]:
        """Return the buttons to the page before and to the next one, as far as there are any."""
        before = [cls(target, page - 1, on=False)] if page else []
        return [*before, cls(target, page + 1)] if page + 1 < pages else before


class TreePageButton(TurnButton, template=rf"tree-page:{_ABOUT}"):
    """Turns to another page of the tree of a result's session."""

    action = "tree-page"


class HistoryPageButton(TurnButton, template=rf"history-page:{_ABOUT}"):
    """Turns to another page of the way to a result."""

    action = "history-page"


#: Every class to register with the bot.
LINEAGE_ITEMS: Final[tuple[type[ui.DynamicItem[Any]], ...]] = (
    LookButton,
    StepMenu,
    TreePageButton,
    HistoryPageButton,
)
