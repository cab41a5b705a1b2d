"""Sweeps and their cells as people see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.contact_sheet import Fate
from bot.tree_pictures import shown_as
from bot.trees import Shown
from storage.records import Job, Pause, Price, Result, Status
from storage.sweeps import Sweep

_FATES: Final = {
    Shown.PICTURE: Fate.PICTURE,
    Shown.REMOVED: Fate.REMOVED,
    Shown.WITHHELD: Fate.WITHHELD,
    Shown.LOST: Fate.LOST,
    Shown.COMING: Fate.COMING,
}
_ENDS: Final = {Status.FAILED: Fate.FAILED, Status.EXPIRED: Fate.EXPIRED, Status.CANCELLED: Fate.CANCELLED}


@dataclass(frozen=True, slots=True)
class CellView:
    """A cell as people see it."""

    place: int
    #: What the axes are there: ``steps 30 · CFG 4``.
    label: str
    refusal: str | None
    job: Job | None
    #: Its picture, once it was made.
    result: Result | None

    @property
    def fate(self) -> Fate:
        """What became of it."""
        if self.refusal is not None:
            return Fate.REFUSED
        if self.result is not None:
            return _FATES[shown_as(self.result)]
        return Fate.OPEN if self.job is None else _ENDS.get(self.job.status, Fate.OPEN)

    @property
    def over(self) -> bool:
        """Whether nothing more is expected of it."""
        return self.refusal is not None or (
            self.job is not None and self.job.over and self.fate not in (Fate.OPEN, Fate.COMING)
        )


@dataclass(frozen=True, slots=True)
class SweepView:
    """A sweep as people see it."""

    sweep: Sweep
    cells: tuple[CellView, ...]
    #: What the cells that are to be made will likely cost together, and what is held for all of them.
    price: Price
    #: What keeps cells in line on purpose, if something does.
    pause: Pause | None = None
    #: Of a question: the cells, by place, that a yes would not make as things stand, each with why.
    doubts: Mapping[int, str] = field(default_factory=dict[int, str])

    @property
    def to_make(self) -> list[CellView]:
        """The cells that are not refused."""
        return [cell for cell in self.cells if cell.refusal is None]

    @property
    def over(self) -> bool:
        """Whether all cells are over."""
        return all(cell.over for cell in self.cells)

    @property
    def cancellable(self) -> bool:
        """Whether a cell waits in the queue still."""
        return any(cell.job is not None and cell.job.status in (Status.QUEUED, Status.WAITING) for cell in self.cells)

    @property
    def thread_id(self) -> int | None:
        """The thread that its cells are posted in, once there is one."""
        found = (cell.job.place.thread_id for cell in self.cells if cell.job is not None)
        return next((thread_id for thread_id in found if thread_id is not None), self.sweep.place.thread_id)


@dataclass(frozen=True, slots=True)
class Note:
    """What a message about one cell says of the sweep."""

    sweep: Sweep
    #: From 1.
    number: int
    of: int
    label: str
