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


def facts(reference: Reference) -> str:
    """Return a picture's name, its size in pixels, and what shows where it was transparent."""
    ground = "" if reference.laid_on is None else f" · transparent, edited on {reference.laid_on}"
    return f"{label(reference)} · {words.size(reference.width, reference.height)}{ground}"


def number_in(references: Sequence[Reference], place: int) -> int | None:
    """Return the number of the picture at a place from 0; ``None`` where it is alone."""
    return place + 1 if len(references) > 1 else None


def sentence(references: Sequence[Reference]) -> str:
    """Return which picture is which: ``Picture 1 is cat.png and picture 2 is #12``."""
    which = words.listed([f"picture {number} is {label(one)}" for number, one in enumerate(references, 1)])
    return which[:1].upper() + which[1:]


def reference_lines(references: Sequence[Reference]) -> list[str]:
    """Return what is said of the pictures of a request: which is which, and what shows where one was transparent."""
    named = [f"**{number}** = {label(reference)}" for number, reference in enumerate(references, 1)]
    numbered = [f"-# Pictures: {', '.join(named)}"] if len(references) > 1 else []
    return [*numbered, *_laid_on(references)]


def _laid_on(references: Sequence[Reference]) -> list[str]:
    """Say which pictures were transparent, and what shows there: the model edits opaque ones."""
    grounds = sorted({reference.laid_on for reference in references if reference.laid_on is not None})
    if len(references) == 1:
        return [f"-# The picture was transparent, and is edited on {ground}." for ground in grounds]
    return [
        f"-# Transparent, and so edited on {ground}: {words.listed(_numbers(references, ground))}."
        for ground in grounds
    ]


def _numbers(references: Sequence[Reference], ground: str) -> list[str]:
    return [f"picture {number}" for number, one in enumerate(references, 1) if one.laid_on == ground]
