"""How typed text is read, and how a sentence repeats it."""

from __future__ import annotations

from typing import Final

#: Characters of what was typed that a sentence repeats.
SHOWN: Final = 40


def squeezed(typed: str) -> str:
    """Return what was typed in lower case, with single blanks."""
    return " ".join(typed.casefold().split())


def written(given: object) -> str:
    """Return what was given as text; what is too long or too deep for Python to write is three dots."""
    try:
        return str(given)
    except (ValueError, RecursionError):  # a number of thousands of digits, or lists in lists in lists
        return "..."


def shown(typed: object) -> str:
    """Return what was typed as a sentence can repeat it."""
    plain = "".join(character for character in written(typed) if character.isprintable() and character != "`")
    return f"`{plain[:SHOWN]}…`" if len(plain) > SHOWN else f"`{plain or ' '}`"
