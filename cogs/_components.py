"""The buttons and menus of the cards. All they need stands in their custom id, so they outlive a restart.

Every interactive item of this bot is a :class:`discord.ui.DynamicItem`, and no view mixes them with other items:
discord.py forgets the registrations of all dynamic items when such a view stops. Nor is a view object used twice.

A press decides nothing here. It is handed as an event to the cog that knows what to do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar, Final, Self, TypeVar

import discord
from discord import ui

from cogs import _words as words
from storage.records import Result

#: Our ids are 64-bit whole numbers.
ID: Final = r"[1-9][0-9]{0,18}"
#: No custom id matches it: the template of a class that is not registered itself.
NEVER: Final = r"(?!)"


_Item = TypeVar("_Item", bound=ui.Item[Any])


class Handed(ui.DynamicItem[_Item], template=NEVER):
    """An item whose press or choice is handed on. The numbers in its custom id, if any, are all it is made of."""

    #: The event it is handed on as.
    event: ClassVar[str]

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the item anew from what was pressed or chosen."""
        del interaction, item
        return cls(*map(int, match.groups()))  # pyright: ignore[reportArgumentType] (each class takes its own numbers)

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Hand the press or choice on."""
        interaction.client.dispatch(self.event, interaction, self)


class PressButton(Handed[ui.Button[Any]], template=NEVER):
    """A button about one job or one result, whose id follows the colon of its custom id."""

    event = "press"
    action: ClassVar[str]
    label: ClassVar[str]
    emoji: ClassVar[str | None] = None
    style: ClassVar[discord.ButtonStyle] = discord.ButtonStyle.secondary

    def __init__(self, target: int) -> None:
        super().__init__(
            ui.Button(label=self.label, emoji=self.emoji, style=self.style, custom_id=f"{self.action}:{target}")
        )
        #: The id of the job or of the result.
        self.target: Final = target


class CancelButton(PressButton, template=rf"cancel:(?P<target>{ID})"):
    """Takes a job out of the queue."""

    action = "cancel"
    label = "Cancel"
    style = discord.ButtonStyle.danger


class AgainButton(PressButton, template=rf"again:(?P<target>{ID})"):
    """Opens a form to ask for a job again, in the same or in other words."""

    event = "write"
    action = "again"
    label = "Try again"
    emoji = "🔁"
    style = discord.ButtonStyle.primary


class EditButton(PressButton, template=rf"edit:(?P<target>{ID})"):
    """Opens a form to edit a result."""

    event = "write"
    action = "edit"
    label = "Edit"
    emoji = "✏️"
    style = discord.ButtonStyle.primary


class EditPickButton(PressButton, template=rf"editpick:(?P<target>{ID})"):
    """Opens a form to edit one of a job's results."""

    event = "write"
    action = "editpick"
    label = "Edit"
    emoji = "✏️"
    style = discord.ButtonStyle.primary


class RerollButton(PressButton, template=rf"reroll:(?P<target>{ID})"):
    """Asks for the same with a new seed."""

    action = "reroll"
    label = "Reroll"
    emoji = "🎲"


class RecipeButton(PressButton, template=rf"recipe:(?P<target>{ID})"):
    """Shows what is needed to run an edit again."""

    action = "recipe"
    label = "Recipe"
    emoji = "📜"


class DeleteButton(PressButton, template=rf"delete:(?P<target>{ID})"):
    """Takes a result down, or asks which one."""

    action = "delete"
    label = "Delete"
    emoji = "🗑️"


class StarButton(PressButton, template=rf"star:(?P<target>{ID})"):
    """Gives a result a star, or takes one's own back; it says how many there are."""

    event = "star"
    action = "star"
    label = "Star"
    emoji = "⭐"

    def __init__(self, target: int, stars: int = 0) -> None:
        super().__init__(target)
        if stars:
            self.item.label = str(stars)


class StarPickButton(StarButton, template=rf"starpick:(?P<target>{ID})"):
    """Asks which of a job's results to give a star."""

    action = "starpick"


class MoreButton(PressButton, template=rf"more:(?P<target>{ID})"):
    """Shows a result to the presser alone, with everything that can be done with it."""

    action = "more"
    label = "More"
    emoji = "🌳"


class BackButton(PressButton, template=rf"back:(?P<target>{ID})"):
    """Shows the parent of a result; the target is the parent."""

    action = "back"
    label = "Back"
    emoji = "↩️"


class BranchButton(PressButton, template=rf"branch:(?P<target>{ID})"):
    """Opens a form to edit the parent of a result again, filled with the words of the result."""

    event = "write"
    action = "branch"
    label = "Branch"
    emoji = "🌿"


class CompareButton(PressButton, template=rf"compare:(?P<target>{ID})"):
    """Shows a result beside its parent."""

    event = "look"
    action = "compare"
    label = "Compare"
    emoji = "⚖️"


class HistoryButton(PressButton, template=rf"history:(?P<target>{ID})"):
    """Shows the way from the first picture to a result."""

    event = "look"
    action = "history"
    label = "History"
    emoji = "🪜"


class TreeButton(PressButton, template=rf"tree:(?P<target>{ID})"):
    """Shows the session of a result as one picture."""

    event = "look"
    action = "tree"
    label = "Tree"
    emoji = "🌳"


class ShowButton(PressButton, template=rf"show:(?P<target>{ID})"):
    """Brings a result into the channel of the press, for all who read it."""

    event = "look"
    action = "show"
    label = "Show here"
    emoji = "📌"


class MergeButton(PressButton, template=rf"merge:(?P<target>{ID})"):
    """Asks which other results to bring into an edit of a result."""

    event = "write"
    action = "merge"
    label = "Merge"
    emoji = "🔀"


class CloseButton(PressButton, template=rf"close:(?P<target>{ID})"):
    """Keeps a result as it is: nobody edits it but who asked for it."""

    event = "privacy"
    action = "close"
    label = "Close"
    emoji = "🔒"


class OpenButton(PressButton, template=rf"open:(?P<target>{ID})"):
    """Lets others edit a result again."""

    event = "privacy"
    action = "open"
    label = "Open"
    emoji = "🔓"


class PressMenu(Handed[ui.Select[Any]], template=NEVER):
    """A menu of results, about one job or one result, whose id follows the colon of its custom id."""

    event = "press"
    action: ClassVar[str]
    placeholder: ClassVar[str]

    def __init__(
        self, target: int, choices: Sequence[discord.SelectOption] = (), *, least: int = 1, most: int = 1
    ) -> None:
        super().__init__(
            ui.Select(
                custom_id=f"{self.action}:{target}",
                placeholder=self.placeholder,
                options=list(choices) or discord.utils.MISSING,
                min_values=least,
                max_values=max(1, min(most, len(choices))),
            )
        )
        #: The id of the job or of the result.
        self.target: Final = target

    @property
    def chosen(self) -> list[int]:
        """The ids of the chosen results."""
        return [int(value) for value in self.item.values]


class DeleteMenu(PressMenu, template=rf"deletepick:(?P<target>{ID})"):
    """Asks which of a job's results to take down."""

    action = "deletepick"
    placeholder = "Pictures to take down"


class StarMenu(PressMenu, template=rf"starmenu:(?P<target>{ID})"):
    """Asks which of a job's results to give a star."""

    event = "star"
    action = "starmenu"
    placeholder = "Pictures you like"


class GoMenu(PressMenu, template=rf"go:(?P<target>{ID})"):
    """Leads from a result to one that was made with it or of it."""

    action = "go"
    placeholder = "Go on to…"


class MergeMenu(PressMenu, template=rf"mergepick:(?P<target>{ID})"):
    """Asks which results to bring into an edit of a result."""

    event = "write"
    action = "mergepick"
    placeholder = "One or two pictures to bring in"


class YesButton(Handed[ui.Button[Any]], template=rf"yes:(?P<target>{ID})(?::(?P<shown>{ID}))?"):
    """Says yes to an offer at the price that its question shows; one of an earlier version names none."""

    event = "answer"

    def __init__(self, target: int, shown: int | None = None) -> None:
        custom_id = f"yes:{target}" if shown is None else f"yes:{target}:{shown}"
        style = discord.ButtonStyle.primary
        super().__init__(ui.Button(label="Yes, edit it", style=style, custom_id=custom_id))
        self.target: Final = target
        #: In micro-dollars.
        self.shown: Final = shown

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the button anew from what was pressed."""
        del interaction, item
        return cls(int(match["target"]), int(match["shown"]) if match["shown"] else None)


class NoButton(PressButton, template=rf"no:(?P<target>{ID})"):
    """Says no to the price of an offer."""

    event = "answer"
    action = "no"
    label = "No, thanks"


class ApproveButton(PressButton, template=rf"approve:(?P<target>{ID})"):
    """Lets a job that waits for a manager go on."""

    event = "answer"
    action = "approve"
    label = "Approve"
    style = discord.ButtonStyle.success


class DeclineButton(PressButton, template=rf"decline:(?P<target>{ID})"):
    """Ends a job that waits for a manager."""

    event = "answer"
    action = "decline"
    label = "Decline"


def options(results: Sequence[Result], *chosen: int) -> list[discord.SelectOption]:
    """Return results as the options of a menu, by short id."""
    return [
        discord.SelectOption(
            label=f"Picture {number} · {result.short_id}",
            value=str(result.id),
            description=" · ".join(_facts(result)) or None,
            default=result.id in chosen,
        )
        for number, result in enumerate(results, 1)
    ]


def _facts(result: Result) -> list[str]:
    facts = [f"seed {result.seed}"] if result.seed is not None else []
    if result.width and result.height:
        facts.append(words.size(result.width, result.height))
    return facts


#: Every class to register with the bot.
DYNAMIC_ITEMS: Final[tuple[type[ui.DynamicItem[Any]], ...]] = (
    CancelButton,
    AgainButton,
    EditButton,
    EditPickButton,
    RerollButton,
    RecipeButton,
    DeleteButton,
    DeleteMenu,
    StarButton,
    StarPickButton,
    StarMenu,
    MoreButton,
    BackButton,
    BranchButton,
    GoMenu,
    CompareButton,
    HistoryButton,
    TreeButton,
    ShowButton,
    MergeButton,
    MergeMenu,
    CloseButton,
    OpenButton,
    YesButton,
    NoButton,
    ApproveButton,
    DeclineButton,
)
