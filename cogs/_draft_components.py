"""What a member presses and chooses from on the card of a draft. See :mod:`cogs._components` for what all have in common.

The number in a custom id is the draft's, which its owner alone may press: that is asked each time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final, Self

import discord
from discord import ui

from bot.options import Group
from cogs._components import ID, Handed, PressButton

#: What a menu offers to leave an option out.
LEAVE: Final = "leave"


class Form(StrEnum):
    """What a draft opens to be filled in: the pictures, or the options of a group."""

    PICTURES = "pictures"
    WORDS = "words"
    PICTURE = "picture"
    GUIDANCE = "guidance"
    LORAS = "loras"
    CACHED_STEPS = "cached_steps"
    BLOCK_CACHES = "block_caches"
    DB_CACHE = "db_cache"
    FACE = "face"
    FACE_MASK = "face_mask"

    @property
    def group(self) -> Group | None:
        """The group whose options it asks for."""
        return Group.__members__.get(self.name)


class Page(StrEnum):
    """What the card of a draft offers to press."""

    BASIC = "basic"
    MORE = "more"
    SCHEDULER = "scheduler"


#: What stands on the first page; everything else is behind "More options".
BASICS: Final = (Form.WORDS, Form.PICTURES, Form.PICTURE, Form.GUIDANCE)
#: How each form is called, and its emoji.
NAMED: Final = {
    Form.PICTURES: ("Pictures", "🖼️"),
    Form.WORDS: ("Words", "✏️"),
    Form.PICTURE: ("Size and file", "📐"),
    Form.GUIDANCE: ("Guidance", "🎚️"),
    Form.LORAS: ("LoRAs", "🧩"),
    Form.CACHED_STEPS: ("Cached steps", "⏩"),
    Form.BLOCK_CACHES: ("Block caches", "🧱"),
    Form.DB_CACHE: ("CacheDiT", "⚡"),
    Form.FACE: ("Face", "🙂"),
    Form.FACE_MASK: ("Face mask", "🎭"),
}
_PAGES: Final = {
    Page.BASIC: ("Back", "↩️"),
    Page.MORE: ("More options", "🎛️"),
    Page.SCHEDULER: ("Scheduler", "🌀"),
}


def _style(*, wrong: bool, wanted: bool = False) -> discord.ButtonStyle:
    if wrong:
        return discord.ButtonStyle.danger
    return discord.ButtonStyle.primary if wanted else discord.ButtonStyle.secondary


class DraftButton(PressButton, template=rf"draft:(?P<target>{ID})"):
    """Opens a draft that edits a result."""

    event = "draft"
    action = "draft"
    label = "Draft"
    emoji = "📝"


class FormButton(Handed[ui.Button[Any]], template=rf"draftform:(?P<target>{ID}):(?P<form>{'|'.join(Form)})"):
    """Opens a form of a draft; ``wrong``: something in it has to be mended."""

    event = "draft"

    def __init__(self, target: int, form: Form, *, wrong: bool = False, wanted: bool = False) -> None:
        label, emoji = NAMED[form]
        custom_id, style = f"draftform:{target}:{form}", _style(wrong=wrong, wanted=wanted)
        super().__init__(ui.Button(label=label, emoji=emoji, style=style, custom_id=custom_id))
        self.target: Final = target
        self.form: Final = form

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the button anew from what was pressed."""
        del interaction, item
        return cls(int(match["target"]), Form(match["form"]))


class PageButton(Handed[ui.Button[Any]], template=rf"draftpage:(?P<target>{ID}):(?P<page>{'|'.join(Page)})"):
    """Leads to another page of a draft's card, or back to it; ``set_there``: so many options are set on it."""

    event = "draft"

    def __init__(self, target: int, page: Page, *, wrong: bool = False, set_there: int = 0, back: bool = False) -> None:
        label, emoji = ("Back", "↩️") if back else _PAGES[page]
        label = f"{label} · {set_there} set" if set_there else label
        custom_id, style = f"draftpage:{target}:{page}", _style(wrong=wrong)
        super().__init__(ui.Button(label=label, emoji=emoji, style=style, custom_id=custom_id))
        self.target: Final = target
        self.page: Final = page

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the button anew from what was pressed."""
        del interaction, item
        return cls(int(match["target"]), Page(match["page"]))


class SendButton(Handed[ui.Button[Any]], template=rf"draftsend:(?P<target>{ID}):(?P<shown>{ID}):(?P<version>{ID})"):
    """Asks for the edit, at the price and as of the change that the card shows."""

    event = "draft"

    def __init__(self, target: int, shown: int, version: int) -> None:
        custom_id = f"draftsend:{target}:{shown}:{version}"
        style = discord.ButtonStyle.success
        super().__init__(ui.Button(label="Send", emoji="📤", style=style, custom_id=custom_id))
        self.target: Final = target
        #: In micro-dollars.
        self.shown: Final = shown
        #: When the draft was changed last, as the card shows it.
        self.version: Final = version


class StartOverButton(PressButton, template=rf"draftempty:(?P<target>{ID})"):
    """Empties a draft of everything but its pictures."""

    event = "draft"
    action = "draftempty"
    label = "Start over"
    emoji = "🧽"


class DiscardButton(PressButton, template=rf"draftdrop:(?P<target>{ID})"):
    """Throws a draft away."""

    event = "draft"
    action = "draftdrop"
    label = "Discard"
    emoji = "🗑️"


class FamilyMenu(Handed[ui.Select[Any]], template=rf"draftfamily:(?P<target>{ID})"):
    """Asks for the family of schedulers."""

    event = "draft"

    def __init__(self, target: int, choices: Sequence[discord.SelectOption] = ()) -> None:
        custom_id, offered = f"draftfamily:{target}", list(choices) or discord.utils.MISSING
        super().__init__(ui.Select(custom_id=custom_id, placeholder="Which family?", options=offered))
        self.target: Final = target

    @property
    def chosen(self) -> str:
        """The number of the family from 0, :data:`LEAVE`, or :data:`~storage.records.NOTHING`."""
        return self.item.values[0]


class SchedulerMenu(Handed[ui.Select[Any]], template=rf"draftscheduler:(?P<target>{ID})"):
    """Asks for one of a family's schedulers."""

    event = "draft"

    def __init__(self, target: int, choices: Sequence[discord.SelectOption] = ()) -> None:
        custom_id, offered = f"draftscheduler:{target}", list(choices) or discord.utils.MISSING
        super().__init__(ui.Select(custom_id=custom_id, placeholder="Which one?", options=offered))
        self.target: Final = target

    @property
    def chosen(self) -> str:
        """The scheduler, as Runware spells it."""
        return self.item.values[0]


class OtherDraftMenu(Handed[ui.Select[Any]], template=rf"draftother:(?P<target>{ID})"):
    """Leads from a draft to another one of the same member."""

    event = "draft"

    def __init__(self, target: int, choices: Sequence[discord.SelectOption] = ()) -> None:
        custom_id, offered = f"draftother:{target}", list(choices) or discord.utils.MISSING
        super().__init__(ui.Select(custom_id=custom_id, placeholder="Your other drafts", options=offered))
        self.target: Final = target

    @property
    def chosen(self) -> int:
        """The number of the draft."""
        return int(self.item.values[0])


#: Every class to register with the bot.
DRAFT_ITEMS: Final[tuple[type[ui.DynamicItem[Any]], ...]] = (
    DraftButton,
    FormButton,
    PageButton,
    SendButton,
    StartOverButton,
    DiscardButton,
    FamilyMenu,
    SchedulerMenu,
    OtherDraftMenu,
)
