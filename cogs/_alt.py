"""What a screen reader says for the pictures of edits. Pure.

The bot never looks at a picture: it says what people said of it, and what it was asked to do.

- **A picture that somebody brings** is what they said of it in its own alt text; without one, its file's name. Where
  there are several, its number comes first, the one by which a prompt may name it: ``Picture 2: a straw hat``.
- **A result** is what it was made of, and what was asked for: ``A cat on a sofa, with a straw hat, edited: put it on``.
  It begins with its id where pictures of several edits, or several of one, stand side by side, and nowhere else: the
  text below it has the id, the seed and the size.
- **An edit of an edit** goes on from there, for what was asked for before is to be seen as well: ``A cat on a sofa,
  edited: make it night; then: and snow``. The picture that it all began with comes first and the newest words last; of
  the steps between, the last ones are told, and ``…`` stands for the others.
- **Words stay where they may be read.** Of an earlier edit nothing is said where somebody may read who could not read it
  in its own place, nor once it was taken down (:class:`bot.lineage.Before`). So none of it is kept with a request.

Nothing here is longer than Discord's :data:`LONGEST`, or empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from bot.lineage import Before
from cogs import _words as words
from storage.records import EditRequest, Reference, Result

#: Discord's bound of an alt text.
LONGEST: Final = 1024

#: How much is said of what a result was made of, of each picture beside it, and of what was asked for,
#: last and before: together no more than there is room for.
_FIRST: Final = 200
_BESIDE: Final = 60
_PROMPT: Final = 260
_EARLIER: Final = 90


def of_reference(reference: Reference, number: int | None = None) -> str:
    """Return what is said for a picture that somebody brings; ``number``: its place from 1, where there are several."""
    said = _said(reference)
    if number is not None:
        return words.cut(f"Picture {number}: {said or _name(reference)}", LONGEST)
    return words.cut(said or f"A picture to start from: {_name(reference)}", LONGEST)


def of_result(request: EditRequest, result: Result, before: Before, *, among: bool = False) -> str:
    """Return what is said for a result of a request.

    ``before`` is what led to it; ``among``: pictures of other edits stand beside it.
    """
    number = f"{result.short_id}: " if among or request.results > 1 else ""
    start, beside = _start(request)
    first = before.first if start is None or start.result_id is not None else start
    made_of = "An earlier picture" if first is None else words.cut(_called(first), _FIRST)
    if beside:
        made_of += f", with {words.listed([words.cut(_called(reference), _BESIDE) for reference in beside])}"
    asked = [*_steps(before.prompts), words.cut(words.one_line(request.prompt), _PROMPT) or "…"]
    return f"{number}{made_of}, edited: {'; then: '.join(asked)}"


def _start(request: EditRequest) -> tuple[Reference | None, Sequence[Reference]]:
    """Return the picture that an edit started from, and the others: its parent, where it has one, else the first."""
    for place, reference in enumerate(request.references):
        if request.parent_id in (None, reference.result_id):
            return reference, (*request.references[:place], *request.references[place + 1 :])
    return None, request.references


def _steps(prompts: Iterable[str | None]) -> list[str]:
    """Return what was asked for before; what is not told is marked once in a row."""
    told: list[str] = []
    for prompt in prompts:
        step = words.cut(words.one_line(prompt or ""), _EARLIER) or "…"
        if step != "…" or told[-1:] != ["…"]:
            told.append(step)
    return told


def _called(reference: Reference) -> str:
    return _said(reference).removesuffix(".") or _name(reference)


def _said(reference: Reference) -> str:
    """Return what whoever brought a picture said of it, on one line."""
    return words.one_line(reference.description or "")


def _name(reference: Reference) -> str:
    return words.one_line(reference.label) or "a picture"
