"""What people read of whose pictures may be edited. Pure: records in, a fresh view out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import discord
from discord import ui

from bot.consents import PrivacyView, Rules
from cogs import _words as words
from cogs._components import Handed
from cogs._layout import BLUE, card, row, text
from storage.records import Consent

#: What a menu reads where the word is left to the server.
_AS_THE_SERVER: Final = "server"
#: What each word lets others do, as the end of a sentence.
_MEANS: Final[Mapping[Consent, str]] = {
    Consent.ANYONE: "anyone may edit them",
    Consent.SESSION: "others may edit them only in the thread where they stand",
    Consent.NOBODY: "nobody else may edit them",
}
_LABELS: Final[Mapping[Consent, str]] = {
    Consent.ANYONE: "Anyone",
    Consent.SESSION: "Only in this session",
    Consent.NOBODY: "Nobody else",
}
_HOW: Final[Mapping[Consent, str]] = {
    Consent.ANYONE: "Whoever is in this server",
    Consent.SESSION: "Others, in the thread where they stand",
    Consent.NOBODY: "You alone",
}
_LIST: Final = 1500


class ConsentMenu(Handed[ui.Select[Any]], template="consent"):
    """Asks who may edit one's pictures."""

    event = "privacy"
    name: ClassVar[str] = "consent"

    def __init__(self, view: PrivacyView | None = None) -> None:
        said = None if view is None else view.said
        standard = Consent.ANYONE if view is None else view.rules.standard
        choices = [
            discord.SelectOption(label=label, value=consent.value, description=_HOW[consent], default=consent is said)
            for consent, label in _LABELS.items()
        ]
        choices.append(
            discord.SelectOption(
                label="As this server says",
                value=_AS_THE_SERVER,
                description=f"Now: {_MEANS[standard]}",
                default=view is not None and said is None,
            )
        )
        super().__init__(ui.Select(custom_id=self.name, placeholder="Who may edit your pictures?", options=choices))

    @property
    def chosen(self) -> Consent | None:
        """The word that was chosen; ``None`` leaves it to the server."""
        value = self.item.values[0]
        return None if value == _AS_THE_SERVER else Consent(value)


#: Every class to register with the bot.
PRIVACY_ITEMS: Final[tuple[type[ui.DynamicItem[Any]], ...]] = (ConsentMenu,)


def privacy(view: PrivacyView, channels: Sequence[int], *, hidden: int = 0, note: str = "") -> ui.LayoutView:
    """Return what holds for a member's pictures.

    Args:
        view: what they said, and what the server says.
        channels: the channels that are spared, as far as the reader sees them.
        hidden: how many more there are.
        note: what has just changed.
    """
    said = _MEANS[view.said or view.rules.standard]
    who = "" if view.said is not None else ", as this server says for everybody who says nothing"
    return card(
        *([text(note)] if note else []),
        text(
            "### 🔏 Your pictures",
            f"The pictures you post, your avatar and the pictures made for you: **{said}**{who}.",
            "You can always edit your own. It counts from now on, each time somebody wants to use one of them, whatever "
            "way they take; what was made before stands. **Close**, under **More** of a picture of yours, keeps that one "
            "as it is.",
        ),
        row(ConsentMenu(view)),
        text(*_spared(channels, hidden)),
        text(
            "-# `/privacy export` gives you all I know about you; `/privacy forget` makes me forget it. Others learn what "
            "you chose only where it stops them."
        ),
        colour=BLUE,
    )


def rules(rules: Rules, channels: Sequence[int], *, hidden: int = 0, note: str = "") -> ui.LayoutView:
    """Return what a server says about the pictures of its members."""
    standard = f"Of the pictures of members who say nothing, {_MEANS[rules.standard].replace(' them', ' these')}."
    return card(
        *([text(note)] if note else []),
        text("### 🔏 Pictures in this server", standard),
        text(*_spared(channels, hidden)),
        colour=BLUE,
    )


def _spared(channels: Sequence[int], hidden: int) -> list[str]:
    if not channels and not hidden:
        return ["-# No channel here keeps its pictures from being edited."]
    shown = [f"<#{channel_id}>" for channel_id in channels]
    if hidden:
        shown.append(f"{words.counted(hidden, 'channel')} that you cannot see")
    return [words.cut(f"What others post in {words.listed(shown)} is not edited, whatever its author says.", _LIST)]
