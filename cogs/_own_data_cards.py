"""What a person reads who asks what is known of them, or asks to be forgotten; and the button that forgets them. Pure."""

from __future__ import annotations

from typing import Any, Final

import discord
from discord import ui

from bot.exports import README
from cogs import _words as words
from cogs._components import Handed
from cogs._layout import AMBER, BLUE, GREEN, GREY, card, file, row, text


class ForgetButton(Handed[ui.Button[Any]], template=r"forget-me"):
    """Forgets whoever presses it. It stands where its presser alone sees it, and names nobody."""

    event = "privacy"

    def __init__(self) -> None:
        super().__init__(ui.Button(label="Forget me for good", style=discord.ButtonStyle.danger, custom_id="forget-me"))


#: Every class to register with the bot.
OWN_DATA_ITEMS: Final[tuple[type[ui.DynamicItem[Any]], ...]] = (ForgetButton,)


def packing(pictures: int) -> ui.LayoutView:
    """Return what stands where the export will be."""
    return card(text(f"📦 Packing what I know of you, with {words.counted(pictures, 'picture')}…"), colour=GREY)


def last_part(number: int, name: str, pictures: int, missing: int) -> ui.LayoutView:
    """Return the message of the last, or only, part of an export."""
    lines = [f"### 📦 All that I know of you, with {words.counted(pictures, 'picture')}"]
    lines.append(f"It is about every server where I met you; `{README}` in it says what each part is.")
    if number > 1:
        lines.append(f"This is the last of {number} parts: unpack them all into one folder.")
    if missing:
        lines.append(
            f"{words.counted(missing, 'picture')} could not be packed: the end of the data says which and why."
        )
    return card(text(*lines), file(name), colour=GREEN)


def packed(number: int) -> ui.LayoutView:
    """Return what stands above an export of several parts once all of them have come."""
    return card(text(f"📦 What I know of you, in {number} parts:"), colour=GREEN)


def question() -> ui.LayoutView:
    """Return the question whether somebody really wants to be forgotten, with all that it means."""
    return card(
        text(
            "### Shall I forget you?",
            "This is about **every server** where I met you, and **it cannot be undone**. "
            "To have a copy first, use `/privacy export`.",
        ),
        text(
            "**What goes**",
            "- who you are: nothing I keep leads to you any more",
            "- your prompts, drafts, tray, own presets, stars, claims, proposals, and what you set for yourself",
            "- the pictures you gave and your results, also where others used them; messages that show them",
            "- edits of yours that wait: they are cancelled, and nothing is charged",
            "- your word about who may edit your pictures. What others made of them stays theirs, and nobody edits it any more",
        ),
        text(
            "**What stays**",
            "- numbers without a name: what edits cost and when they were made, so that the books balance",
            "- a no: where you or the server had not let anyone edit your pictures, those that I know stay closed, to you too",
            "- votes in rounds that are over, pools you gave to, sessions you owned, presets you shared: nobody’s from then on",
            "- what Discord shows by itself, such as who used a command, and what others wrote or saved",
            "- at Runware: I ask it to delete its copies of your results, but its API promises that of stored files only",
        ),
        text("-# If you use me again later, you are somebody new to me."),
        row(ForgetButton()),
        colour=AMBER,
    )


def forgotten(servers: int) -> ui.LayoutView:
    """Return what somebody reads who was forgotten in so many servers."""
    if not servers:
        return card(text("There is nothing to forget: I do not know you."), colour=BLUE)
    where = "in one server" if servers == 1 else f"in {servers} servers"
    return card(
        text(
            f"### You are forgotten, {where}",
            "Messages of mine that show what you wrote or gave change or go now, one after the other; in large threads that "
            "takes a while. I am asking Runware to delete its copies of your results; its API promises that of stored "
            "files only.",
        ),
        colour=GREEN,
    )
