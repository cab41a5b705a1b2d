"""The form to edit pictures of a message, and which of these it offers; see :mod:`cogs._forms` how a sent one is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import discord

from bot import images
from bot.errors import BadPicture
from cogs import _words as words
from cogs._forms import Form, Sent
from storage.picks import Found
from storage.records import Price

PICK: Final = "pick"
#: Discord's bounds: of a title, and of an option and the line below it.
_TITLE: Final = 45
_OPTION: Final = 100


def option(number: int) -> str:
    """Return how sentences call a picture of a message."""
    return f"picture {number}"


def offered(pictures: Sequence[Found]) -> tuple[dict[int, Found], list[BadPicture]]:
    """Return the pictures of a message that can be edited by what is said of them, by number, and why others cannot.

    Raises:
        BadPicture: none can be.
    """
    good, bad = dict[int, Found](), list[BadPicture]()
    for number, picture in enumerate(pictures, 1):
        try:
            if picture.size is not None:
                images.check_claims(option(number), picture.name, picture.size)
        except BadPicture as refused:
            bad.append(refused)
        else:
            good[number] = picture
    if not good:
        raise bad[0]
    return good, bad


def pick(
    pick_id: int, pictures: Mapping[int, Found], prices: Sequence[Price], *, left_out: Sequence[BadPicture]
) -> Form:
    """Return the form to edit some pictures of a message, given by number. ``left_out``: why others are not offered."""
    first, *others = pictures.items()
    title = "Edit pictures" if others else words.cut(f"Edit {words.one_line(first[1].name)}", _TITLE)
    choices = [_choice(number, picture, default=number == first[0]) for number, picture in pictures.items()]
    return Form(PICK, [pick_id], prices, title=title, choices=choices, notes=[f"⚠️ {refused}" for refused in left_out])


def chosen(sent: Sent, pictures: Mapping[int, Found]) -> list[int]:
    """Return the numbers of the pictures that were chosen, in the order of the message; the first, where none was."""
    return [number for number in pictures if number in sent.pictures] or [next(iter(pictures))]


def _choice(number: int, picture: Found, *, default: bool) -> discord.SelectOption:
    label = words.cut(f"{number} · {words.one_line(picture.name)}", _OPTION)
    facts = [] if not picture.width or not picture.height else [words.size(picture.width, picture.height)]
    facts += [] if picture.size is None else [_bytes(picture.size)]
    return discord.SelectOption(label=label, value=str(number), description=" · ".join(facts) or None, default=default)


def _bytes(size: int) -> str:
    return f"{size / 2**20:.1f} MB" if size >= 2**20 else f"{max(1, size // 2**10)} kB"
