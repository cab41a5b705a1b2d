"""Units of work over ``sweeps`` and ``sweep_cells``: one request over one or two axes.

A sweep is a question first. Once its asker has said yes, each of its cells has a job, or a reason why it has none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from storage._rows import the_row
from storage.database import Row, Tx
from storage.records import EditRequest, Place

#: So many cards are drawn before others are looked for.
BATCH: Final = 20

_ADD: Final = """
INSERT INTO sweeps (guild_id, account_id, channel_id, reply_id, thread_id, public, request, axes, price, made_at, state)
VALUES (?1, ?2, ?3, ?4, CAST(?5 AS BIGINT), ?6, ?7, ?8, ?9, ?10, 'asked') RETURNING id
"""
_ADD_CELL: Final = "INSERT INTO sweep_cells (sweep_id, place, refusal) VALUES (?1, ?2, CAST(?3 AS TEXT))"
_COLUMNS: Final = """
sweeps.*, accounts.holder_id AS user_id
FROM sweeps LEFT JOIN accounts ON accounts.id = sweeps.account_id
"""
_GET: Final = f"SELECT {_COLUMNS} WHERE sweeps.id = ?1"
_CELLS: Final = "SELECT place, job_id, refusal FROM sweep_cells WHERE sweep_id = ?1 ORDER BY place"
_PLACE_OF: Final = "SELECT place FROM sweep_cells WHERE sweep_id = ?1 AND job_id = ?2"
_REPRICE: Final = "UPDATE sweeps SET price = ?2 WHERE id = ?1 AND state = 'asked'"
_BEGIN: Final = """
UPDATE sweeps SET state = 'running', version = version + 1, notice_at = CAST(?2 AS BIGINT)
WHERE id = ?1 AND state = 'asked' RETURNING id
"""
_BIND: Final = "UPDATE sweep_cells SET job_id = ?3 WHERE sweep_id = ?1 AND place = ?2"
_REFUSE: Final = "UPDATE sweep_cells SET refusal = ?3 WHERE sweep_id = ?1 AND place = ?2"
_LOCK_ASKED: Final = "SELECT id FROM sweeps WHERE id = ?1 AND state = 'asked' /* FOR UPDATE OF sweeps */"
_FORGET_CELLS: Final = "DELETE FROM sweep_cells WHERE sweep_id = ?1"
_FORGET: Final = "DELETE FROM sweeps WHERE id = ?1"
_ASKED_BY: Final = "SELECT id FROM sweeps WHERE state = 'asked' AND made_at <= ?1 ORDER BY made_at LIMIT 100"
_TOUCH: Final = """
UPDATE sweeps SET
    version = version + 1,
    notice_tries = CASE WHEN notice_at IS NULL THEN 0 ELSE notice_tries END,
    notice_at = CASE
        WHEN notice_at IS NOT NULL THEN notice_at
        WHEN shown_at + ?3 > ?2 THEN shown_at + ?3
        ELSE CAST(?2 AS BIGINT)
    END
WHERE id = ?1 AND state <> 'asked'
"""
_HURRY: Final = """
UPDATE sweeps SET version = version + 1, notice_tries = 0, notice_at = CAST(?2 AS BIGINT)
WHERE id = ?1 AND state <> 'asked'
"""
_DUE: Final = f"SELECT {_COLUMNS} WHERE sweeps.notice_at <= ?1 ORDER BY sweeps.notice_at, sweeps.id LIMIT ?2"
_NEXT_DUE: Final = "SELECT notice_at FROM sweeps WHERE notice_at > ?1 ORDER BY notice_at LIMIT 1"
_UNSHOWN: Final = "SELECT id FROM sweeps WHERE notice_at IS NOT NULL ORDER BY notice_at LIMIT 100"
_SHOWN: Final = """
UPDATE sweeps SET
    shown_at = ?3, notice_tries = 0,
    notice_at = CASE WHEN version = ?2 THEN NULL ELSE CAST(?4 AS BIGINT) END
WHERE id = ?1
"""
_LATER: Final = """
UPDATE sweeps SET notice_at = ?2, notice_tries = notice_tries + ?3 WHERE id = ?1 AND state <> 'asked'
RETURNING notice_tries
"""
_GIVE_UP: Final = "UPDATE sweeps SET notice_at = NULL WHERE id = ?1 AND version = ?2"
_DONE: Final = "UPDATE sweeps SET state = 'done' WHERE id = ?1 AND state = 'running'"
_TOLD: Final = "UPDATE sweeps SET told_at = ?2 WHERE id = ?1 AND state = 'done'"
_PLACED: Final = """
UPDATE jobs SET thread_id = ?2
WHERE id IN (SELECT job_id FROM sweep_cells WHERE sweep_id = ?1) AND thread_id IS NULL
"""

#: A value of an axis: a whole number for a seed or steps, any for guidance and weights, a name for a scheduler.
AxisValue: TypeAlias = int | float | str


class SweepState(StrEnum):
    """How a sweep stands."""

    #: Its asker has yet to say yes; nothing is held for it.
    ASKED = "asked"
    RUNNING = "running"
    #: All its cells are over, though a cost or a late picture may still come.
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Axis:
    """An option that is not the same in all cells of a sweep, with what it is in each."""

    #: As people type it, such as ``steps``; ``loras`` where it is the weight of one.
    option: str
    values: tuple[AxisValue, ...]
    #: The LoRA whose weight it is, by its AIR.
    lora: str | None = None


@dataclass(frozen=True, slots=True)
class Sweep:
    """One request over one or two axes."""

    id: int
    guild_id: int
    account_id: int
    #: The asker's Discord id, while known.
    user_id: int | None
    #: Its reply is the question, and then the card.
    place: Place
    #: What all cells have in common; of what the axes set, it says nothing that counts.
    request: EditRequest
    axes: tuple[Axis, ...]
    #: What all its cells together were said to cost, in micro-dollars.
    price: int
    made_at: int
    state: SweepState
    #: Bumped by every change that its card should show.
    version: int
    #: How often drawing its card failed in a row, and when that worked last.
    notice_tries: int
    shown_at: int | None
    #: When its thread was told that it is over.
    told_at: int | None


@dataclass(frozen=True, slots=True)
class Cell:
    """One edit of a sweep."""

    #: Counted from 0, the second axis outermost.
    place: int
    job_id: int | None
    #: Why it is not made, in words.
    refusal: str | None


async def add(
    tx: Tx,
    *,
    guild_id: int,
    account_id: int,
    place: Place,
    request: EditRequest,
    axes: Iterable[Axis],
    refusals: Sequence[str | None],
    price: int,
    now: int,
) -> int:
    """Write a question down; returns its id. ``refusals``: of each cell, why it is not made, if so."""
    row = await the_row(
        tx,
        _ADD,
        guild_id,
        account_id,
        place.channel_id,
        place.reply_id,
        place.thread_id,
        int(place.public),
        request.to_json(),
        json.dumps([asdict(axis) for axis in axes], ensure_ascii=False),
        price,
        now,
    )
    for number, refusal in enumerate(refusals):
        await tx.execute(_ADD_CELL, row["id"], number, refusal)
    return row["id"]


async def get(tx: Tx, sweep_id: int) -> Sweep | None:
    """Return a sweep."""
    row = await tx.fetch_one(_GET, sweep_id)
    return None if row is None else _sweep(row)


async def cells(tx: Tx, sweep_id: int) -> list[Cell]:
    """Return the cells of a sweep, in order."""
    return [Cell(row["place"], row["job_id"], row["refusal"]) for row in await tx.fetch_all(_CELLS, sweep_id)]


async def place_of(tx: Tx, sweep_id: int, job_id: int) -> int:
    """Return the place of a job among the cells of its sweep. Raises LookupError."""
    row = await the_row(tx, _PLACE_OF, sweep_id, job_id)
    return row["place"]


# The answer ----------------------------------------------------------------------------------------------------------


async def reprice(tx: Tx, sweep_id: int, price: int) -> None:
    """Set the price, in micro-dollars, at which a question stands."""
    await tx.execute(_REPRICE, sweep_id, price)


async def begin(tx: Tx, sweep_id: int, now: int) -> bool:
    """Make a sweep of a question; returns whether this call did: of two presses one wins."""
    return await tx.fetch_one(_BEGIN, sweep_id, now) is not None


async def bind(tx: Tx, sweep_id: int, place: int, job_id: int) -> None:
    """Record the job of a cell."""
    await tx.execute(_BIND, sweep_id, place, job_id)


async def refuse(tx: Tx, sweep_id: int, place: int, refusal: str) -> None:
    """Record why a cell has no job."""
    await tx.execute(_REFUSE, sweep_id, place, refusal)


async def forget(tx: Tx, sweep_id: int) -> bool:
    """Take a question away that nobody said yes to; returns whether this call did."""
    # Its row is locked before its cells go: a yes that comes at the same moment still needs them.
    if await tx.fetch_one(_LOCK_ASKED, sweep_id) is None:
        return False
    await tx.execute(_FORGET_CELLS, sweep_id)
    await tx.execute(_FORGET, sweep_id)
    return True


async def asked_by(tx: Tx, made_by: int) -> list[int]:
    """Return the ids of questions that were asked at or before a time, at most 100."""
    return [row["id"] for row in await tx.fetch_all(_ASKED_BY, made_by)]


# The card ------------------------------------------------------------------------------------------------------------


async def touch(tx: Tx, sweep_id: int, now: int, interval: int) -> None:
    """Have the card drawn anew, no sooner than ``interval`` milliseconds after it was drawn last."""
    await tx.execute(_TOUCH, sweep_id, now, interval)


async def hurry(tx: Tx, sweep_id: int, now: int) -> None:
    """Have the card drawn anew at once: a picture has to go."""
    await tx.execute(_HURRY, sweep_id, now)


async def due(tx: Tx, now: int, limit: int = BATCH) -> list[Sweep]:
    """Return the sweeps whose card is to be drawn, longest due first."""
    return [_sweep(row) for row in await tx.fetch_all(_DUE, now, limit)]


async def next_due(tx: Tx, now: int) -> int | None:
    """Return when the next card after ``now`` is due."""
    row = await tx.fetch_one(_NEXT_DUE, now)
    return None if row is None else row["notice_at"]


async def unshown_ids(tx: Tx) -> list[int]:
    """Return the ids of sweeps whose card does not show them as they are, longest due first, at most 100."""
    return [row["id"] for row in await tx.fetch_all(_UNSHOWN)]


async def shown(tx: Tx, sweep_id: int, version: int, now: int, interval: int) -> None:
    """Record that the card shows this version; a newer one is drawn ``interval`` milliseconds later."""
    await tx.execute(_SHOWN, sweep_id, version, now, now + interval)


async def later(tx: Tx, sweep_id: int, at: int, *, failed: bool = True) -> int:
    """Put the card off; returns how often in a row that was because drawing it ``failed``."""
    row = await tx.fetch_one(_LATER, sweep_id, at, int(failed))
    return 0 if row is None else row["notice_tries"]


async def give_up(tx: Tx, sweep_id: int, version: int) -> None:
    """Leave the card as it is, until something changes again."""
    await tx.execute(_GIVE_UP, sweep_id, version)


async def done(tx: Tx, sweep_id: int) -> None:
    """Record that all cells are over."""
    await tx.execute(_DONE, sweep_id)


async def told(tx: Tx, sweep_id: int, now: int) -> None:
    """Record that the thread knows that a sweep is over."""
    await tx.execute(_TOLD, sweep_id, now)


async def placed(tx: Tx, sweep_id: int, thread_id: int) -> None:
    """Record the thread of all cells that have none yet."""
    await tx.execute(_PLACED, sweep_id, thread_id)


def _sweep(row: Row) -> Sweep:
    return Sweep(
        id=row["id"],
        guild_id=row["guild_id"],
        account_id=row["account_id"],
        user_id=row["user_id"],
        place=Place(row["channel_id"], row["reply_id"], row["thread_id"], bool(row["public"])),
        request=EditRequest.from_json(row["request"]),
        axes=tuple(map(_axis, json.loads(row["axes"]))),
        price=row["price"],
        made_at=row["made_at"],
        state=SweepState(row["state"]),
        version=row["version"],
        notice_tries=row["notice_tries"],
        shown_at=row["shown_at"],
        told_at=row["told_at"],
    )


def _axis(fields: Mapping[str, object]) -> Axis:
    values: object = fields["values"]
    return Axis(**{**fields, "values": tuple(values)})  # pyright: ignore[reportArgumentType] (written by add)
