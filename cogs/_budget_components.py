"""What managers press and choose from, on the cards of the budget and of the settings.

See :mod:`cogs._components` for what all of it has in common. On the budget card, the number in a custom id is the page
of the card it stands on, or leads to.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, ClassVar, Final, Self

import discord
from discord import ui

from cogs._components import ID, NEVER, Handed, PressButton

#: The channels whose threads edits live in.
HOMES: Final = (discord.ChannelType.text, discord.ChannelType.news, discord.ChannelType.forum)


class Whose(StrEnum):
    """For whom a limit is set."""

    MEMBER = "member"
    ROLE = "role"
    EVERYBODY = "everybody"
    CHANNEL = "channel"
    SERVER = "server"


_WHOSE: Final = {
    Whose.MEMBER: ("A member", "Replaces what their roles allow"),
    Whose.ROLE: ("A role", "Each holder has it for themselves"),
    Whose.EVERYBODY: ("Everybody", "Each member has it for themselves"),
    Whose.CHANNEL: ("A channel", "All edits in it and its threads share it"),
    Whose.SERVER: ("This server", "All edits here share it"),
}


class PageMenu(Handed[ui.Select[Any]], template=NEVER):
    """A menu of the budget card, of which one option is chosen."""

    event = "budget"
    action: ClassVar[str]
    placeholder: ClassVar[str]

    def __init__(self, target: int, options: Sequence[discord.SelectOption] = ()) -> None:
        super().__init__(
            ui.Select(
                custom_id=f"{self.action}:{target}",
                placeholder=self.placeholder,
                options=list(options) or discord.utils.MISSING,
            )
        )
        #: The page of the card it stands on.
        self.target: Final = target

    @property
    def chosen(self) -> str:
        """The value of the chosen option."""
        return self.item.values[0]


class LimitMenu(PageMenu, template=rf"limit-for:(?P<target>{ID})"):
    """Asks for whom to set a limit."""

    action = "limit-for"
    placeholder = "Set a limit for…"

    @classmethod
    def full(cls, page: int) -> Self:
        """Return the menu with its options."""
        named = _WHOSE.items()
        return cls(
            page, [discord.SelectOption(label=label, value=whose, description=how) for whose, (label, how) in named]
        )


class TakeAwayMenu(PageMenu, template=rf"limit-off:(?P<target>{ID})"):
    """Asks which limit to take away."""

    action = "limit-off"
    placeholder = "Take a limit away…"


class EndBonusMenu(PageMenu, template=rf"bonus-end:(?P<target>{ID})"):
    """Asks which bonus or pool to end."""

    action = "bonus-end"
    placeholder = "End a bonus…"


class ResumeMenu(PageMenu, template=rf"resume:(?P<target>{ID})"):
    """Asks which pause to end."""

    action = "resume"
    placeholder = "Resume…"


class BonusButton(PressButton, template=rf"bonus:(?P<target>{ID})"):
    """Opens the form of a bonus."""

    event = "budget"
    action = "bonus"
    label = "Bonus"
    emoji = "🎁"


class PauseButton(PressButton, template=rf"pause:(?P<target>{ID})"):
    """Opens the form of a pause."""

    event = "budget"
    action = "pause"
    label = "Pause"
    emoji = "⏸️"
    style = discord.ButtonStyle.danger


class LogButton(PressButton, template=rf"budget-log:(?P<target>{ID})"):
    """Shows who changed what."""

    event = "budget"
    action = "budget-log"
    label = "Log"
    emoji = "📜"


class BackButton(PressButton, template=rf"budget-back:(?P<target>{ID})"):
    """Turns to the page before."""

    event = "budget"
    action = "budget-back"
    label = "Back"
    emoji = "◀️"


class MoreButton(PressButton, template=rf"budget-more:(?P<target>{ID})"):
    """Turns to the next page."""

    event = "budget"
    action = "budget-more"
    label = "More"
    emoji = "▶️"


class ManagersMenu(Handed[ui.RoleSelect[Any]], template="settings-managers"):
    """Asks which role may manage the budget beside Manage Server."""

    event = "settings"

    def __init__(self, role_id: int | None = None) -> None:
        super().__init__(
            ui.RoleSelect(
                custom_id="settings-managers",
                placeholder="Nobody else: choose a role",
                min_values=0,
                default_values=_default(role_id, discord.SelectDefaultValueType.role),
            )
        )

    @property
    def chosen(self) -> int | None:
        """The id of the chosen role, or ``None`` for none."""
        return self.item.values[0].id if self.item.values else None


class ChannelMenu(Handed[ui.ChannelSelect[Any]], template=NEVER):
    """Asks where something of the bot's goes; nothing chosen means nowhere."""

    event = "settings"
    name: ClassVar[str]

    def __init__(self, channel_id: int | None = None) -> None:
        super().__init__(
            ui.ChannelSelect(
                custom_id=self.name,
                placeholder="Nowhere: choose a channel",
                channel_types=[discord.ChannelType.text, discord.ChannelType.news],
                min_values=0,
                default_values=_default(channel_id, discord.SelectDefaultValueType.channel),
            )
        )

    @property
    def chosen(self) -> int | None:
        """The id of the chosen channel, or ``None`` for none."""
        return self.item.values[0].id if self.item.values else None


class AlertsMenu(ChannelMenu, template="settings-alerts"):
    """Asks where alerts go."""

    name = "settings-alerts"


class ShowcaseMenu(ChannelMenu, template="settings-showcase"):
    """Asks where the pictures are posted that many people gave a star."""

    name = "settings-showcase"


class SettingsButton(Handed[ui.Button[Any]], template="settings-more"):
    """Opens the form of the other settings."""

    event = "settings"

    def __init__(self) -> None:
        super().__init__(ui.Button(label="Time zone, prices, stars", emoji="✏️", custom_id="settings-more"))


def _default(entity_id: int | None, kind: discord.SelectDefaultValueType) -> list[discord.SelectDefaultValue]:
    return [] if entity_id is None else [discord.SelectDefaultValue(id=entity_id, type=kind)]


#: Every class to register with the bot.
BUDGET_ITEMS: Final[tuple[type[ui.DynamicItem[Any]], ...]] = (
    LimitMenu,
    TakeAwayMenu,
    EndBonusMenu,
    ResumeMenu,
    BonusButton,
    PauseButton,
    LogButton,
    BackButton,
    MoreButton,
    ManagersMenu,
    AlertsMenu,
    ShowcaseMenu,
    SettingsButton,
)
