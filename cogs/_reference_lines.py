"""Which picture of a request is which, for those who read its messages. Pure.

Pictures are numbered from 1 in the order of the request, which is the order in which the model gets them: so a prompt may
say "the first picture". One picture alone has no number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cogs import _words as words
from storage.records import Reference

_LABEL: Final = 40


def label(reference: Reference) -> str:
    """Return how a picture is named: a result by its id, another one by its file."""
    if reference.result_id is not None:
        return f"#{reference.result_id}"
    return words.plain(words.cut(words.one_line(reference.label), _LABEL))


def number_in(references: Sequence[Reference], place: int) -> int | None:
    """Return the number of the picture at a place from 0; ``None`` where it is alone."""
    return place + 1 if len(references) > 1 else None


def numbered(references: Sequence[Reference]) -> list[str]:
    """Return the line that numbers the pictures of a request; none for one alone."""
    if len(references) <= 1:
        return []
    named = [f"**{number}** = {label(reference)}" for number, reference in enumerate(references, 1)]
    return [f"-# Pictures: {', '.join(named)}"]
