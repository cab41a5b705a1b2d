"""Units of work over ``lineage``: which results a job was made of, and so how every picture came to be.

A parent is always older than its children, so there are no circles; that is what :func:`ancestors` relies on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from storage import jobs, results
from storage._rows import the_row
from storage.database import Row, Tx
from storage.records import EditRequest, Job, Place, Result

#: So many steps back are looked at; a longer way begins in the middle.
FARTHEST: Final = 1000
#: So many results of a session are drawn and listed, the newest ones.
MOST_NODES: Final = 5000

_BIND: Final = "INSERT INTO lineage (job_id, place, result_id) VALUES (?1, ?2, ?3)"
_WAY: Final = """
way (result_id, step) AS (
    SELECT CAST(?1 AS BIGINT), CAST(0 AS BIGINT)
    UNION ALL
    SELECT lineage.result_id, way.step + 1
    FROM way
    JOIN results ON results.id = way.result_id
    JOIN lineage ON lineage.job_id = results.job_id AND lineage.place = 0
    WHERE way.step < CAST(?2 AS BIGINT)
)
"""
_ANCESTORS: Final = f"WITH RECURSIVE {_WAY} SELECT result_id FROM way ORDER BY step"  # noqa: S608 - the constant above only
#: How many pictures a job made, of which each carries a like part of what it cost.
_MADE: Final = "(SELECT count(*) FROM results AS every WHERE every.job_id = jobs.id)"
_SPENT: Final = f"""
WITH RECURSIVE {_WAY}
SELECT announcements.channel_id, accounts.holder_id AS user_id,
    CAST(sum((jobs.cost + {_MADE} - 1) / {_MADE}) AS BIGINT) AS cost,
    CAST(sum(CASE WHEN jobs.cost IS NULL THEN 1 ELSE 0 END) AS BIGINT) AS pending
FROM way
JOIN results ON results.id = way.result_id
JOIN jobs ON jobs.id = results.job_id
LEFT JOIN accounts ON accounts.id = jobs.account_id
LEFT JOIN announcements ON announcements.job_id = results.job_id AND announcements.idx = results.announcement
GROUP BY announcements.channel_id, accounts.holder_id
"""  # noqa: S608 - the constant above only
_STEP: Final = f"""
jobs.request, jobs.account_id, jobs.cost AS job_cost, accounts.holder_id AS user_id, {_MADE} AS made, {results.COLUMNS}
JOIN jobs ON jobs.id = results.job_id
LEFT JOIN accounts ON accounts.id = jobs.account_id
"""
_GET: Final = f"SELECT {_STEP} WHERE results.id = ?1"
_CHILDREN: Final = f"""
SELECT {_STEP}
WHERE results.job_id IN (SELECT job_id FROM lineage WHERE result_id = ?1) ORDER BY results.id DESC LIMIT ?2
"""  # noqa: S608 - names of columns only
_COUNT_CHILDREN: Final = """
SELECT count(*) AS number FROM results WHERE job_id IN (SELECT job_id FROM lineage WHERE result_id = ?1)
"""
_TOLD: Final = """
SELECT jobs.request FROM results JOIN jobs ON jobs.id = results.job_id
WHERE results.id = ?1 AND results.deleted_at IS NULL AND jobs.channel_id = ?2
    AND (jobs.public = 1 OR jobs.thread_id = CAST(?3 AS BIGINT))
"""
# Of jobs that were made of something, those that were made of their results, and so on.
_AND_AFTER: Final = """
    UNION
    SELECT lineage.job_id FROM after
    JOIN results ON results.job_id = after.job_id
    JOIN lineage ON lineage.result_id = results.id
"""
_DESCENDANTS: Final = f"""
WITH RECURSIVE after (job_id) AS (
    SELECT job_id FROM lineage WHERE result_id = ?1
    {_AND_AFTER}
)
SELECT job_id FROM after ORDER BY job_id
"""  # noqa: S608 - the constant above only
_DESCENDANTS_OF_OTHERS: Final = f"""
WITH RECURSIVE after (job_id) AS (
    SELECT lineage.job_id
    FROM jobs CROSS JOIN results AS own CROSS JOIN lineage
    WHERE jobs.account_id = ?1 AND own.job_id = jobs.id AND lineage.result_id = own.id
    {_AND_AFTER}
)
SELECT after.job_id FROM after JOIN jobs AS made ON made.id = after.job_id
WHERE made.account_id <> ?1 ORDER BY after.job_id
"""  # noqa: S608 - the constant above only
_OPEN_EDITS: Final = f"""
SELECT {jobs.COLUMNS}
WHERE jobs.id IN (SELECT job_id FROM lineage WHERE result_id = ?1)
    AND jobs.status IN ('waiting', 'queued', 'submitting', 'submitted') ORDER BY jobs.id LIMIT 10
"""  # noqa: S608 - names of columns only
_OF_SESSION: Final = f"""
SELECT {_STEP}
WHERE results.id IN (
    SELECT made.id FROM jobs AS asked JOIN results AS made ON made.job_id = asked.id
    WHERE asked.session_id = ?1 ORDER BY made.id DESC LIMIT ?2
)
ORDER BY results.id
"""  # noqa: S608 - names of columns only


@dataclass(frozen=True, slots=True)
class Step:
    """One result of a session, with who asked for it and how."""

    result: Result
    request: EditRequest
    account_id: int
    #: Discord's id of who asked for it, while known.
    user_id: int | None
    #: What its whole job cost, in micro-dollars, once settled, and how many pictures it made.
    job_cost: int | None
    made: int

    @property
    def parent_id(self) -> int | None:
        """The result it was edited from."""
        return self.request.parent_id

    @property
    def cost(self) -> int | None:
        """What it cost, in micro-dollars: its part of what its whole job did, rounded up; ``None`` while that is pending."""
        return None if self.job_cost is None else -(-self.job_cost // self.made)

    @property
    def merged(self) -> tuple[int, ...]:
        """The other results that were brought in."""
        named = [reference.result_id for reference in self.request.references]
        return tuple(dict.fromkeys(number for number in named if number not in (None, self.parent_id)))


@dataclass(frozen=True, slots=True)
class Spent:
    """What those steps of a way cost that one person asked for and that stand in one place."""

    #: Where they stand; ``None`` for those that were never posted.
    channel_id: int | None
    #: Discord's id of who asked for them, while known.
    user_id: int | None
    #: In micro-dollars, of those whose cost is known; and how many others there are.
    cost: int
    pending: int


async def bind(tx: Tx, job_id: int, request: EditRequest) -> None:
    """Record the results that a request is made of."""
    if request.parent_id is not None:
        await tx.execute(_BIND, job_id, 0, request.parent_id)
    for place, reference in enumerate(request.references, 1):
        if reference.result_id not in (None, request.parent_id):
            await tx.execute(_BIND, job_id, place, reference.result_id)


async def step(tx: Tx, result_id: int) -> Step | None:
    """Return a result with who asked for it and how."""
    row = await tx.fetch_one(_GET, result_id)
    return None if row is None else _step(row)


async def steps(tx: Tx, result_ids: Iterable[int]) -> list[Step]:
    """Return those of the results that there are, in the order given."""
    found = [await step(tx, result_id) for result_id in result_ids]
    return [one for one in found if one is not None]


async def ancestors(tx: Tx, result_id: int) -> list[int]:
    """Return the way from a result back to the first one: its id, its parent's and so on.

    It has at most :data:`FARTHEST` + 1 steps.
    """
    return [row["result_id"] for row in await tx.fetch_all(_ANCESTORS, result_id, FARTHEST)]


async def spent(tx: Tx, result_id: int) -> list[Spent]:
    """Return what the steps that :func:`ancestors` names cost, by where they stand and who asked for them."""
    return [
        Spent(row["channel_id"], row["user_id"], row["cost"] or 0, row["pending"])
        for row in await tx.fetch_all(_SPENT, result_id, FARTHEST)
    ]


async def children(tx: Tx, result_id: int, limit: int) -> list[Step]:
    """Return what was made of a result, as a parent or beside one, oldest first: the newest so many."""
    return [_step(row) for row in reversed(await tx.fetch_all(_CHILDREN, result_id, limit))]


async def count_children(tx: Tx, result_id: int) -> int:
    """Return how many results were made of one."""
    row = await the_row(tx, _COUNT_CHILDREN, result_id)
    return row["number"]


async def descendants(tx: Tx, result_id: int) -> list[int]:
    """Return the jobs that were made of a result, however far along the way: alt texts of theirs tell of it."""
    return [row["job_id"] for row in await tx.fetch_all(_DESCENDANTS, result_id)]


async def descendants_of_others(tx: Tx, account_id: int) -> list[int]:
    """Return the jobs of others that were made of an account's results; see :func:`descendants`."""
    return [row["job_id"] for row in await tx.fetch_all(_DESCENDANTS_OF_OTHERS, account_id)]


async def open_edits(tx: Tx, result_id: int) -> list[Job]:
    """Return the edits of a result that are not over, oldest first, at most ten."""
    return [jobs.from_row(row) for row in await tx.fetch_all(_OPEN_EDITS, result_id)]


async def told(tx: Tx, result_id: int, place: Place) -> EditRequest | None:
    """Return what was asked for a result, if its words may be said in a place: whoever reads that can read them there.

    That is in the channel where it was asked for, and where that was a private thread, in that thread alone. The words of
    a result that was taken down are said nowhere.
    """
    row = await tx.fetch_one(_TOLD, result_id, place.channel_id, place.thread_id)
    return None if row is None else EditRequest.from_json(row["request"])


async def of_session(tx: Tx, session_id: int, newest: int | None = None) -> list[Step]:
    """Return the results of a session, oldest first: the newest ones, so many or :data:`MOST_NODES`."""
    rows = await tx.fetch_all(_OF_SESSION, session_id, MOST_NODES if newest is None else newest)
    return [_step(row) for row in rows]


def _step(row: Row) -> Step:
    return Step(
        results.from_row(row),
        EditRequest.from_json(row["request"]),
        row["account_id"],
        row["user_id"],
        row["job_cost"],
        row["made"],
    )
