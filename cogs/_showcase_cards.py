"""The card of a picture in the showcase: how many like it, the picture, and everybody who had a part in it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from discord import ui

from cogs import _cards as cards
from cogs import _words as words
from cogs._cards import Post
from cogs._layout import AMBER, card, text
from storage.lineage import Step
from storage.records import Result

#: Component ids are 32-bit; those of jobs seldom come near these.
_MARKS: Final = 1 << 30
#: So many people are named.
_NAMED: Final = 20


def exhibit(post: Post, result: Result, way: Sequence[Step]) -> ui.LayoutView:
    """Return the card of a result that many people like.

    ``post`` is the result as any message shows it beside its own, ``way`` leads to it, the first picture first.
    """
    return card(
        text(_headline(post.job.guild_id, result)),
        *cards.result_parts(post),
        text(_credits(way)),
        colour=AMBER,
        number=mark(result.id),
    )


def mark(result_id: int) -> int:
    """Return the component id of the card of a result in the showcase."""
    return _MARKS + result_id % _MARKS


def _headline(guild_id: int, result: Result) -> str:
    where = words.link(guild_id, result.channel_id or 0, result.message_id or None)
    people = "1 person" if result.stars == 1 else f"{result.stars:,} people"
    return f"### ⭐ {people} gave [this]({where}) a star"


def _credits(way: Sequence[Step]) -> str:
    """Name everybody on the way to it, once, in the order in which they came in."""
    people = list(dict.fromkeys(words.who(step.user_id) for step in way))
    more = f" and {len(people) - _NAMED} more" if len(people) > _NAMED else ""
    steps = words.counted(len(way), "edit")
    return f"-# Made in {steps} by {words.listed(people[:_NAMED])}{more}."
