"""The tray as a Discord layout: its pictures in order, where they are from, and what can be pressed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import discord
from discord import ui

from bot.options import MAX_REFERENCES
from cogs import _alt as alt
from cogs import _words as words
from cogs._layout import AMBER, BLUE, GREY, Part, card, gallery, row, text
from cogs._reference_lines import facts
from cogs._tray_components import ClearButton, EarlierButton, EditTrayButton, KeepMenu, RemoveButton
from storage.records import Reference

_NOTE: Final = 600
_FAULT: Final = 300
#: Discord's bound for what an option of a menu is called.
_OPTION: Final = 100
HOW_TO: Final = (
    "Use the menu **Add as reference** on a message with pictures: press and hold the message, or right-click it, then "
    "**Apps**. What you gather stands here, and your next edit without a picture of its own uses it."
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture of a tray, as its member may see it now."""

    #: Its row.
    id: int
    reference: Reference
    #: The address of the message that it was taken from.
    link: str
    #: Discord's id of whose file it is; ``None`` for a result, and where nobody is known.
    user_id: int | None = None
    #: Whether it is the member's own file.
    own: bool = False
    #: Why it cannot be used here now.
    fault: str | None = None
    #: The name of the file that shows it.
    file: str | None = None

    def alt(self, number: int) -> str:
        """Return what a screen reader says for it; ``number``: its place in the tray."""
        return alt.of_reference(self.reference, number)


def tray(pictures: Sequence[Shown], until: int, *, notes: Sequence[str] = ()) -> ui.LayoutView:
    """Return the card of a tray.

    Args:
        pictures: in their order; those beyond what an edit takes wait to be chosen.
        until: when it goes away, left alone, in milliseconds since the epoch.
        notes: what has just become of it.
    """
    said = [text(*words.fitting(notes, _NOTE))] if notes else []
    if not pictures:
        return card(text("### 🗂️ Your references", "There are none yet."), *said, text(HOW_TO), colour=GREY)
    used, waiting = pictures[:MAX_REFERENCES], pictures[MAX_REFERENCES:]
    head = text(
        "### 🗂️ Your references",
        f"Your next edit without a picture of its own uses {'it' if len(used) == 1 else 'these, in this order'}.",
    )
    usable = all(shown.fault is None for shown in used)
    presses = row(*([EditTrayButton()] if usable else []), ClearButton())
    return card(
        head,
        *said,
        *(part for number, shown in enumerate(used, 1) for part in _picture(number, shown)),
        *(_choice(pictures, waiting) if waiting else []),
        text(f"-# Only you see it. Left alone, it goes away {words.since(until)}."),
        presses,
        colour=AMBER if waiting or not usable else BLUE,
    )


def _picture(number: int, shown: Shown) -> list[Part]:
    """Return a picture beside its words, and below them what can be done with it."""
    lines = [f"**{number}** · {_named(shown)}", f"-# {_origin(shown)}"]
    if shown.fault is not None:
        lines.append(f"⚠️ {words.cut(shown.fault, _FAULT)}")
    said: Part = text(*lines)
    if shown.file is not None:
        thumbnail: ui.Thumbnail[ui.LayoutView] = ui.Thumbnail(
            f"attachment://{shown.file}", description=words.cut(shown.alt(number), 256)
        )
        said = ui.Section(said, accessory=thumbnail)
    moves = [EarlierButton(shown.id)] if number > 1 else []
    return [said, row(*moves, RemoveButton(shown.id))]


def _choice(pictures: Sequence[Shown], waiting: Sequence[Shown]) -> list[Part]:
    """Return the question which pictures to keep."""
    more = f"{len(waiting)} more {'waits' if len(waiting) == 1 else 'wait'}"
    lines = [f"**{number}** · {_named(shown)}" for number, shown in enumerate(waiting, MAX_REFERENCES + 1)]
    choices = [
        discord.SelectOption(
            label=words.cut(f"{number} · {words.one_line(shown.reference.label)}", _OPTION),
            value=str(shown.id),
            default=number <= MAX_REFERENCES,
        )
        for number, shown in enumerate(pictures, 1)
    ]
    return [
        text(f"**{more}, and an edit takes {MAX_REFERENCES}.** Choose those to keep: the others go.", *lines),
        *gallery(
            [
                (shown.file, words.cut(shown.alt(number), 256))
                for number, shown in enumerate(waiting, MAX_REFERENCES + 1)
                if shown.file is not None
            ]
        ),
        row(KeepMenu(choices)),
    ]


def _named(shown: Shown) -> str:
    return facts(shown.reference)


def _origin(shown: Shown) -> str:
    """Say where a picture is from. People are named by mention alone, so that who was forgotten has no name here."""
    where = f"[this message]({shown.link})"
    if shown.reference.result_id is not None:
        return f"A result, from {where}"
    if shown.own:
        return f"A file of yours, from {where}"
    return f"From {where}" if shown.user_id is None else f"{words.who(shown.user_id)}’s, from {where}"
