"""Units of work over ``results``: the pictures of jobs and our copies of them."""

from __future__ import annotations

from dataclasses import dataclass

from storage._rows import the_row
from storage.database import Row, Tx
from storage.records import Result, Success

#: The columns that :func:`from_row` reads, and the tables they come from.
COLUMNS = """
results.*, announcements.channel_id, announcements.message_id, coalesce(starred.stars, 0) AS stars
FROM results
LEFT JOIN announcements ON announcements.job_id = results.job_id AND announcements.idx = results.announcement
LEFT JOIN starred ON starred.result_id = results.id
"""
_GET = f"SELECT {COLUMNS} WHERE results.id = ?1"
_LOCK = f"SELECT {COLUMNS} WHERE results.id = ?1 /* FOR UPDATE OF results */"
_OF_JOB = f"SELECT {COLUMNS} WHERE results.job_id = ?1 ORDER BY results.position"
_OF_MESSAGE = f"""
SELECT {COLUMNS} WHERE announcements.channel_id = ?1 AND announcements.message_id = ?2 ORDER BY results.position
"""
# Not by the conflict alone: that would use up an id for every repeat, on both engines, and people count them.
_ADD = """
INSERT INTO results (
    job_id, image_uuid, position, seed, cost, nsfw, url, recorded_at, sha256, media_type, width, height, lost, copy_at
)
SELECT
    CAST(?1 AS BIGINT), CAST(?2 AS TEXT), (SELECT count(*) FROM results WHERE job_id = ?1), CAST(?3 AS BIGINT),
    CAST(?4 AS BIGINT), CAST(?5 AS BIGINT), CAST(?6 AS TEXT), CAST(?7 AS BIGINT), CAST(?8 AS TEXT), CAST(?9 AS TEXT),
    CAST(?10 AS BIGINT), CAST(?11 AS BIGINT), CAST(?12 AS TEXT), CAST(?13 AS BIGINT)
WHERE NOT EXISTS (SELECT 1 FROM results WHERE job_id = ?1 AND image_uuid = ?2)
ON CONFLICT (job_id, image_uuid) DO NOTHING RETURNING id
"""
_KNOWN = """
SELECT results.image_uuid FROM results JOIN jobs ON jobs.id = results.job_id WHERE jobs.task_uuid = ?1
"""
_COST_CAME = "UPDATE results SET cost = ?3 WHERE job_id = ?1 AND image_uuid = ?2 AND cost IS NULL RETURNING id"
_TO_COPY = f"SELECT {COLUMNS} WHERE results.copy_at <= ?1 ORDER BY results.copy_at, results.id LIMIT ?2"
_NEXT_COPY = "SELECT copy_at FROM results WHERE copy_at IS NOT NULL ORDER BY copy_at LIMIT 1"
_COPIED = """
UPDATE results SET sha256 = ?2, media_type = ?3, width = ?4, height = ?5, copy_at = NULL
WHERE id = ?1 AND sha256 IS NULL AND deleted_at IS NULL RETURNING job_id
"""
_RESTORED = """
UPDATE results SET sha256 = ?2, media_type = ?3, width = ?4, height = ?5
WHERE id = ?1 AND sha256 IS NOT NULL AND deleted_at IS NULL RETURNING id
"""
_LOST = "UPDATE results SET lost = ?2, copy_at = NULL WHERE id = ?1 AND sha256 IS NULL RETURNING job_id"
_COPY_LATER = "UPDATE results SET copy_tries = copy_tries + 1, copy_at = ?2 WHERE id = ?1 AND copy_at IS NOT NULL"
_COUNT = "SELECT count(*) AS number FROM results WHERE job_id = ?1"
_COSTS = "SELECT cost FROM results WHERE job_id = ?1 ORDER BY position"
_UNCOPIED = "SELECT count(*) AS number FROM results WHERE job_id = ?1 AND copy_at IS NOT NULL"
_DELETE = """
UPDATE results SET deleted_at = ?2, copy_at = NULL WHERE id = ?1 AND deleted_at IS NULL RETURNING sha256
"""

_CLOSE = "UPDATE results SET closed_at = CAST(?2 AS BIGINT) WHERE id = ?1 AND deleted_at IS NULL RETURNING id"
_COPY_OF = f"""
SELECT {COLUMNS} JOIN jobs ON jobs.id = results.job_id
WHERE results.sha256 = ?2 AND jobs.guild_id = ?1 ORDER BY results.id LIMIT 1
"""


async def add(tx: Tx, job_id: int, success: Success, now: int) -> bool:
    """Record a finished picture; returns whether it is new. A repeat changes nothing.

    It waits to be copied, unless it came with our copy or will never have one.
    """
    copy = success.copy
    kept = (None,) * 4 if copy is None else (copy.sha256, copy.media_type, copy.width, copy.height)
    done = success.nsfw or copy is not None or success.lost is not None
    row = await tx.fetch_one(
        _ADD,
        job_id,
        success.image_uuid,
        success.seed,
        success.cost,
        int(success.nsfw),
        success.url,
        now,
        *kept,
        success.lost,
        None if done else now,
    )
    return row is not None


async def known(tx: Tx, task_uuid: str) -> frozenset[str]:
    """Return the pictures of a task that are recorded, by their ``imageUUID``."""
    return frozenset(row["image_uuid"] for row in await tx.fetch_all(_KNOWN, task_uuid))


async def cost_came(tx: Tx, job_id: int, image_uuid: str, cost: int) -> bool:
    """Fill in the cost of a picture that was recorded without one; returns whether it was missing."""
    return await tx.fetch_one(_COST_CAME, job_id, image_uuid, cost) is not None


async def get(tx: Tx, result_id: int) -> Result | None:
    """Return a result by its short id."""
    row = await tx.fetch_one(_GET, result_id)
    return None if row is None else from_row(row)


async def lock(tx: Tx, result_id: int) -> Result | None:
    """Return a result, and keep it to this unit."""
    row = await tx.fetch_one(_LOCK, result_id)
    return None if row is None else from_row(row)


async def of_job(tx: Tx, job_id: int) -> list[Result]:
    """Return a job's results in the order they came."""
    return [from_row(row) for row in await tx.fetch_all(_OF_JOB, job_id)]


async def count(tx: Tx, job_id: int) -> int:
    """Return how many results a job has."""
    row = await the_row(tx, _COUNT, job_id)
    return row["number"]


async def costs(tx: Tx, job_id: int) -> list[int | None]:
    """Return what Runware reported for each of a job's results, in the order they came."""
    return [row["cost"] for row in await tx.fetch_all(_COSTS, job_id)]


async def of_message(tx: Tx, channel_id: int, message_id: int) -> list[Result]:
    """Return the results that a message of ours shows."""
    return [from_row(row) for row in await tx.fetch_all(_OF_MESSAGE, channel_id, message_id)]


@dataclass(frozen=True, slots=True)
class Uncopied:
    """A result whose bytes are still at Runware only."""

    id: int
    job_id: int
    url: str
    tries: int


async def to_copy(tx: Tx, now: int, limit: int) -> list[Uncopied]:
    """Return results that should be copied now, longest due first."""
    rows = await tx.fetch_all(_TO_COPY, now, limit)
    return [Uncopied(row["id"], row["job_id"], row["url"], row["copy_tries"]) for row in rows]


async def next_copy(tx: Tx) -> int | None:
    """Return when the next result is due to be copied."""
    row = await tx.fetch_one(_NEXT_COPY)
    return None if row is None else row["copy_at"]


async def copied(tx: Tx, result_id: int, sha256: str, media_type: str, size: tuple[int, int]) -> int | None:
    """Record our copy; returns the job's id, or ``None`` when the result was deleted meanwhile."""
    row = await tx.fetch_one(_COPIED, result_id, sha256, media_type, *size)
    return None if row is None else row["job_id"]


async def restored(tx: Tx, result_id: int, sha256: str, media_type: str, size: tuple[int, int]) -> bool:
    """Record another copy in place of ours, which is gone; returns whether the result still wants one."""
    return await tx.fetch_one(_RESTORED, result_id, sha256, media_type, *size) is not None


async def lost(tx: Tx, result_id: int, why: str) -> int | None:
    """Record that there will never be a copy; returns the job's id."""
    row = await tx.fetch_one(_LOST, result_id, why)
    return None if row is None else row["job_id"]


async def copy_later(tx: Tx, result_id: int, at: int) -> None:
    """Put off the copy of a result."""
    await tx.execute(_COPY_LATER, result_id, at)


async def uncopied(tx: Tx, job_id: int) -> int:
    """Return how many of a job's results still wait to be copied."""
    row = await the_row(tx, _UNCOPIED, job_id)
    return row["number"]


async def delete(tx: Tx, result_id: int, now: int) -> tuple[bool, str | None]:
    """Mark a result deleted; returns whether this call did, and the hash of the picture it had."""
    row = await tx.fetch_one(_DELETE, result_id, now)
    return (False, None) if row is None else (True, row["sha256"])


async def close(tx: Tx, result_id: int, at: int | None) -> bool:
    """Keep a result as it is from a time on, or, with ``None``, open it again; returns whether it still stands."""
    return await tx.fetch_one(_CLOSE, result_id, at) is not None


async def copy_of(tx: Tx, guild_id: int, sha256: str) -> Result | None:
    """Return the result of a server whose picture has, or had till it was taken down, exactly these bytes, if there is one."""
    row = await tx.fetch_one(_COPY_OF, guild_id, sha256)
    return None if row is None else from_row(row)


def from_row(row: Row) -> Result:
    """Read a result from a row of :data:`COLUMNS`."""
    return Result(
        id=row["id"],
        job_id=row["job_id"],
        image_uuid=row["image_uuid"],
        position=row["position"],
        seed=row["seed"],
        cost=row["cost"],
        nsfw=bool(row["nsfw"]),
        url=row["url"],
        sha256=row["sha256"],
        media_type=row["media_type"],
        width=row["width"],
        height=row["height"],
        recorded_at=row["recorded_at"],
        lost=row["lost"],
        deleted_at=row["deleted_at"],
        channel_id=row["channel_id"],
        message_id=row["message_id"],
        stars=row["stars"],
        closed_at=row["closed_at"],
    )
