"""How pictures came to be: what each was made of, what was made of it, and the way back to the first one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bot.errors import NotFound
from storage import jobs, lineage, showings
from storage.database import Database, Tx
from storage.lineage import Spent, Step
from storage.records import Reference
from storage.showings import Showing

#: So many steps of a way are shown at a time.
STEPS_SHOWN: Final = 8
#: So many edits of a picture are listed.
CHILDREN_SHOWN: Final = 25
#: Of what led to an edit, so many of the last steps are told in words beside it.
STEPS_TOLD: Final = 3


@dataclass(frozen=True, slots=True)
class Family:
    """A result between what it was made of and what was made of it."""

    step: Step
    #: ``None``: it is a first picture, or nothing is known of its parent any more.
    parent: Step | None
    #: What was made of it, oldest first: the newest :data:`CHILDREN_SHOWN`, and how many came before these.
    children: tuple[Step, ...]
    earlier: int


@dataclass(frozen=True, slots=True)
class Way:
    """A part of the way from the first picture to a result."""

    #: Oldest first, at most :data:`STEPS_SHOWN`.
    steps: tuple[Step, ...]
    #: The place of the first of them on the way, from 1, and how many there are in all.
    first: int
    length: int
    #: Whether the way is longer than is looked at, so that the first places are not the beginning.
    cut: bool
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class Before:
    """What led to an edit, in the words that may be said beside it (see :func:`storage.lineage.told`)."""

    #: The picture that it all began with; ``None``: nothing may be said of it, or there is nothing before the edit.
    first: Reference | None = None
    #: What was asked for since, oldest first; ``None`` stands for steps of which nothing is said.
    prompts: tuple[str | None, ...] = ()


class Lineage:
    """The use cases behind ``/tree``, ``/history``, ``/compare`` and ``/show``. Who may see what is decided above."""

    def __init__(self, database: Database, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock

    async def step(self, result_id: int) -> Step:
        """Return a result with who asked for it and how. Raises NotFound."""
        found = await self._database.read(lineage.step, result_id)
        if found is None:
            raise NotFound.result(result_id)
        return found

    async def family(self, result_id: int) -> Family:
        """Return a result with its parent and its children. Raises NotFound."""
        found = await self._database.read(_family, result_id)
        if found is None:
            raise NotFound.result(result_id)
        return found

    async def way(self, result_id: int, page: int = 0) -> Way:
        """Return a page, from 0, of the way from the first picture to a result; beyond the last one, the last."""
        return await self._database.read(_way, result_id, page)

    async def spent(self, result_id: int) -> list[Spent]:
        """Return what the whole way to a result cost, by where its steps stand and who asked for them."""
        return await self._database.read(lineage.spent, result_id)

    async def of_session(self, session_id: int, newest: int | None = None) -> list[Step]:
        """Return the results of a session, oldest first; if ``newest`` is given, the newest so many of them."""
        return await self._database.read(lineage.of_session, session_id, newest)

    async def last_steps(self, result_id: int, most: int) -> list[Step]:
        """Return the last steps of the way from the first picture to a result, so many at most, oldest first."""
        return await self._database.read(_last_steps, result_id, most)

    async def before(self, job_id: int) -> Before:
        """Return what led to an edit, in words: where it began, and its last :data:`STEPS_TOLD` steps."""
        return await self._database.read(_before, job_id)

    async def shown_in(self, message_id: int) -> int | None:
        """Return the result that a message shows beside its own, if it does."""
        return await self._database.read(showings.of_message, message_id)

    async def shown(self, result_id: int, channel_id: int, message_id: int) -> None:
        """Record that a message shows a result, so that it goes when the result is taken down."""
        await self._database.run(showings.add, result_id, channel_id, message_id, self._clock())

    async def showings_of_deleted(self, job_id: int) -> list[Showing]:
        """Return the messages that still show results of a job which were taken down."""
        return await self._database.read(showings.of_deleted, job_id)

    async def hidden(self, message_id: int) -> None:
        """Record that a message which showed a result is gone."""
        await self._database.run(showings.remove, message_id)


async def _family(tx: Tx, result_id: int) -> Family | None:
    step = await lineage.step(tx, result_id)
    if step is None:
        return None
    parent = None if step.parent_id is None else await lineage.step(tx, step.parent_id)
    children = await lineage.children(tx, result_id, CHILDREN_SHOWN)
    return Family(step, parent, tuple(children), await lineage.count_children(tx, result_id) - len(children))


async def _last_steps(tx: Tx, result_id: int, most: int) -> list[Step]:
    back = await lineage.ancestors(tx, result_id)
    return await lineage.steps(tx, back[:most][::-1])


async def _before(tx: Tx, job_id: int) -> Before:
    job = await jobs.known(tx, job_id)
    if job.request.parent_id is None:
        return Before()
    back = await lineage.ancestors(tx, job.request.parent_id)
    told = [await lineage.told(tx, result_id, job.place) for result_id in back[:STEPS_TOLD]]
    oldest, skipped = told[-1], list[None]()
    if len(back) > STEPS_TOLD:
        oldest, skipped = await lineage.told(tx, back[-1], job.place), [None]
    first = None if oldest is None or oldest.parent_id is not None else oldest.references[0]
    prompts = [None if request is None else request.prompt for request in reversed(told)]
    return Before(first, (*skipped, *prompts))


async def _way(tx: Tx, result_id: int, page: int) -> Way:
    back = await lineage.ancestors(tx, result_id)
    way = back[::-1]
    oldest = await lineage.step(tx, way[0])
    pages = max(1, -(-len(way) // STEPS_SHOWN))
    page = min(page, pages - 1)
    start = page * STEPS_SHOWN
    return Way(
        tuple(await lineage.steps(tx, way[start : start + STEPS_SHOWN])),
        first=start + 1,
        length=len(way),
        cut=oldest is not None and oldest.parent_id is not None,
        page=page,
        pages=pages,
    )
