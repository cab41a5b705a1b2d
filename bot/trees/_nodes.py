"""What a tree is made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Shown(StrEnum):
    """What stands for a result's picture."""

    PICTURE = "picture"
    REMOVED = "removed"
    WITHHELD = "withheld"
    LOST = "lost"
    #: It was made just now, and is not copied yet.
    COMING = "coming"
    #: The result is where the reader cannot read: that there is one is drawn, and nothing else of it.
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class Node:
    """One result. Names and prompts may hold any Unicode: what the font cannot write is spelled or left out."""

    #: The result's short id.
    id: int
    #: The result it was edited from: always a smaller id, and maybe one of another session.
    parent_id: int | None
    #: Other results that it used as references.
    also: tuple[int, ...] = ()
    #: Who asked for it.
    who: str = ""
    prompt: str = ""
    #: In micro-dollars; None while it is pending.
    cost: int | None = None
    stars: int = 0
    shown: Shown = Shown.PICTURE
