"""A session's tree as one reader sees it: results become nodes, their pictures thumbnails, and a page of them a picture."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, Self

from bot import trees
from bot.errors import NotFound
from bot.images import Refused
from bot.pictures import Pictures
from bot.trees import THUMBNAIL, Node, Page, Shown
from storage.lineage import Step
from storage.records import Result

#: Characters of a prompt that are looked at: more of it never fits.
_PROMPT: Final = 200
#: What a picture calls somebody of whom Discord tells no name, and somebody who was forgotten.
_UNNAMED: Final = "a member"
_FORGOTTEN: Final = "someone"


@dataclass(frozen=True, slots=True)
class SessionTree:
    """The results of a session, laid out on pages for somebody who may not see all of them."""

    #: By id, oldest first.
    steps: Mapping[int, Step]
    #: The ids of those that the reader may not see.
    hidden: frozenset[int]
    #: One at least: there is no tree without a result.
    pages: tuple[Page, ...]

    @classmethod
    async def laid_out(cls, pictures: Pictures, steps: Sequence[Step], hidden: Collection[int]) -> Self:
        """Lay a session's results out, off the loop."""
        nodes = [_node(step, hidden=step.result.id in hidden) for step in steps]
        tree = await pictures.draw(trees.lay_out, nodes)
        return cls({step.result.id: step for step in steps}, frozenset(hidden), tree.pages)

    @property
    def seen(self) -> list[Step]:
        """The results that the reader may see, oldest first."""
        return [step for number, step in self.steps.items() if number not in self.hidden]

    @property
    def first(self) -> Step | None:
        """The oldest result; ``None`` if the reader may not see it."""
        number, step = next(iter(self.steps.items()))
        return None if number in self.hidden else step

    @property
    def branches(self) -> int:
        """How many edits began where another one had begun before."""
        edits = defaultdict[int, set[int]](set)
        for step in self.seen:
            if step.parent_id is not None:
                edits[step.parent_id].add(step.result.job_id)
        return sum(len(jobs) - 1 for jobs in edits.values())

    def page_of(self, result_id: int) -> int:
        """Return the number, from 0, of the page that a result is on; one that is too old to be on any is before them."""
        found = (number for number, page in enumerate(self.pages) if result_id in {node.id for node in page.nodes})
        return next(found, 0)

    def seen_on(self, number: int) -> list[Step]:
        """Return the results of a page that the reader may see, oldest first."""
        shown = sorted(node.id for node in self.pages[number].nodes if node.id not in self.hidden)
        return [self.steps[result_id] for result_id in shown]

    async def draw(
        self, pictures: Pictures, number: int, names: Mapping[int, str | None], *, here: int | None = None
    ) -> bytes:
        """Draw a page, numbered from 0, as a JPEG, off the loop.

        ``names`` are those of members by Discord's ids, ``None`` for one who left. The result ``here`` is framed.
        """
        thumbnails = await _thumbnails(pictures, self.seen_on(number))
        page = self._named(number, names)
        return await pictures.draw(
            trees.draw, self._title(), page, thumbnails, number=number + 1, of=len(self.pages), here=here
        )

    def _title(self) -> str:
        return "A session" if self.first is None else _prompt(self.first) or "A session"

    def _named(self, number: int, names: Mapping[int, str | None]) -> Page:
        """Return a page whose nodes tell who asked for them. The layout needs no names, and is made without."""
        page = self.pages[number]
        seats = [
            seat
            if seat.node.id in self.hidden
            else replace(seat, node=replace(seat.node, who=_name(self.steps[seat.node.id], names)))
            for seat in page.seats
        ]
        return replace(page, seats=tuple(seats))


def shown_as(result: Result) -> Shown:
    """Return what stands for a result that the reader may see."""
    if result.deleted_at is not None:
        return Shown.REMOVED
    if result.nsfw:
        return Shown.WITHHELD
    if result.sha256 is not None:
        return Shown.PICTURE
    return Shown.COMING if result.lost is None else Shown.LOST


def _node(step: Step, *, hidden: bool) -> Node:
    result = step.result
    if hidden:
        return Node(result.id, step.parent_id, shown=Shown.HIDDEN)
    return Node(
        result.id,
        step.parent_id,
        step.merged,
        prompt=_prompt(step),
        cost=step.cost,
        stars=result.stars,
        shown=shown_as(result),
    )


def _prompt(step: Step) -> str:
    """Return a prompt as far as it may fit; it goes with a picture that was taken down."""
    return "" if step.result.deleted_at is not None else step.request.prompt[:_PROMPT]


def _name(step: Step, names: Mapping[int, str | None]) -> str:
    return _FORGOTTEN if step.user_id is None else names.get(step.user_id) or _UNNAMED


async def _thumbnails(pictures: Pictures, steps: Sequence[Step]) -> dict[int, bytes]:
    """Return the thumbnails of the results that have one, by id; what is not there any more stands as lost."""
    found: dict[int, bytes] = {}

    async def fetch(result: Result) -> None:
        with suppress(NotFound, Refused):
            found[result.id] = await pictures.thumbnail(result.sha256 or "", THUMBNAIL)

    await asyncio.gather(*(fetch(step.result) for step in steps if shown_as(step.result) is Shown.PICTURE))
    return found
