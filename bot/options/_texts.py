"""How typed text is read, and how a sentence repeats it."""

from __future__ import annotations

from typing import Final

#: Characters of what was typed that a sentence repeats.
_SHOWN: Final = 40


def squeezed(typed: str) -> str:
    """Return what was typed in lower case, with single blanks."""
    return " ".join(typed.casefold().split())


def shown(typed: object) -> str:
    """Return what was typed as a sentence can repeat it."""
    plain = "".join(character for character in str(typed) if character.isprintable() and character != "`")
    return f"`{plain[:_SHOWN]}…`" if len(plain) > _SHOWN else f"`{plain or ' '}`"
