"""Units of work over what Discord has heard: the cards and messages of jobs."""

from __future__ import annotations

from typing import Final

from storage import jobs
from storage._rows import the_row
from storage.database import Row, Tx
from storage.records import Announcement, AnnouncementKind, Asker, Job, Status

#: Discord takes ten attachments a message (reference/discord.md, section 3); one may be a prompt too long to show.
RESULTS_PER_MESSAGE: Final = 9
#: Between two jobs that are drawn anew for one reason, in milliseconds: what others wait for is told in between.
APART: Final = 250

_DUE = f"SELECT {jobs.COLUMNS} WHERE jobs.notice_at <= ?1 ORDER BY jobs.notice_at, jobs.id LIMIT ?2"
_NEXT_DUE = "SELECT notice_at FROM jobs WHERE notice_at > ?1 ORDER BY notice_at LIMIT 1"
_TOUCH = """
UPDATE jobs SET
    version = version + 1, notice_at = CAST(?2 AS BIGINT), notice_tries = 0,
    announced_at = NULL, undeliverable_at = NULL
WHERE id = ?1
"""
# What failed before keeps its pause, so that changes which come close together do not use up its tries. What is not due
# at all was shown or given up: either way its tries begin anew.
_HURRY = "UPDATE jobs SET version = version + 1, notice_at = CAST(?2 AS BIGINT), notice_tries = 0 WHERE id = ?1"
_REFRESH = """
UPDATE jobs SET
    version = version + 1,
    notice_tries = CASE WHEN notice_at IS NULL THEN 0 ELSE notice_tries END,
    notice_at = CASE
        WHEN notice_at < CAST(?2 AS BIGINT) OR (notice_at IS NOT NULL AND notice_tries > 0) THEN notice_at
        ELSE CAST(?2 AS BIGINT)
    END
WHERE id = ?1
"""
_PLACED = "UPDATE jobs SET thread_id = ?2 WHERE id = ?1"
_CARDED = "UPDATE jobs SET status_message_id = ?2 WHERE id = ?1"
_SHOWN = """
UPDATE jobs SET notice_at = CAST(?4 AS BIGINT), notice_tries = 0, shown_at = CAST(?3 AS BIGINT)
WHERE id = ?1 AND version = ?2 RETURNING id
"""
_ANNOUNCED = """
UPDATE jobs SET announced_at = CAST(?2 AS BIGINT)
WHERE id = ?1 AND announced_at IS NULL AND status IN ('succeeded', 'failed', 'expired', 'cancelled')
    AND NOT EXISTS (SELECT 1 FROM results WHERE job_id = ?1 AND (copy_at IS NOT NULL OR announcement IS NULL))
    AND NOT EXISTS (SELECT 1 FROM announcements WHERE job_id = ?1 AND posted_at IS NULL AND kept = 0)
RETURNING ended_at
"""
_LATER = """
UPDATE jobs SET notice_at = ?2, notice_tries = notice_tries + 1 WHERE id = ?1 RETURNING notice_tries
"""
_GIVE_UP = """
UPDATE jobs SET
    notice_at = NULL,
    undeliverable_at = CASE
        WHEN ended_at IS NOT NULL AND announced_at IS NULL THEN CAST(?2 AS BIGINT) ELSE undeliverable_at
    END
WHERE id = ?1
"""
_ADD = "INSERT INTO announcements (job_id, idx, kind) VALUES (?1, ?2, ?3)"
_NEXT_INDEX = "SELECT CAST(coalesce(max(idx) + 1, 0) AS BIGINT) AS number FROM announcements WHERE job_id = ?1"
_OUTDATED = "DELETE FROM announcements WHERE job_id = ?1 AND kind = 'expired' AND posted_at IS NULL"
_SAID = "SELECT count(*) AS number FROM announcements WHERE job_id = ?1 AND kind = ?2"
_UNASSIGNED = "SELECT id FROM results WHERE job_id = ?1 AND announcement IS NULL ORDER BY position"
_ASSIGN = "UPDATE results SET announcement = ?2 WHERE id = ?1"
_OF_JOB = "SELECT * FROM announcements WHERE job_id = ?1 ORDER BY idx"
_SHOWS = "SELECT id FROM results WHERE job_id = ?1 AND announcement = ?2 ORDER BY position"
_BEGIN = "UPDATE announcements SET tries = tries + 1 WHERE job_id = ?1 AND idx = ?2"
_POSTED = """
UPDATE announcements SET posted_at = CAST(?3 AS BIGINT), channel_id = CAST(?4 AS BIGINT), message_id = ?5, kept = 0
WHERE job_id = ?1 AND idx = ?2 AND posted_at IS NULL
"""
_KEEP = "UPDATE announcements SET kept = 1 WHERE job_id = ?1 AND idx = ?2 AND posted_at IS NULL"
_KEPT = f"""
SELECT announcements.job_id AS kept_job, announcements.idx AS kept_idx, {jobs.COLUMNS}
JOIN announcements ON announcements.job_id = jobs.id AND announcements.kept = 1
WHERE accounts.scope = 'member' AND accounts.guild_id = ?1 AND accounts.holder_id = ?2
ORDER BY announcements.job_id, announcements.idx LIMIT 10
"""
_HANDED_OVER = """
UPDATE announcements SET kept = 0, posted_at = ?3, message_id = 0 WHERE job_id = ?1 AND idx = ?2 AND kept = 1
"""
_SKIP = """
UPDATE announcements SET posted_at = ?3, message_id = 0 WHERE job_id = ?1 AND idx = ?2 AND posted_at IS NULL
"""
_PENDING = """
SELECT id FROM jobs
WHERE announced_at IS NULL AND undeliverable_at IS NULL
    AND status IN ('succeeded', 'failed', 'expired', 'cancelled')
ORDER BY id LIMIT 100
"""
_UNSHOWN = "SELECT id FROM jobs WHERE notice_at IS NOT NULL ORDER BY notice_at LIMIT 100"


async def due(tx: Tx, now: int, limit: int) -> list[Job]:
    """Return jobs with something to show, longest due first."""
    return [jobs.from_row(row) for row in await tx.fetch_all(_DUE, now, limit)]


async def next_due(tx: Tx, now: int) -> int | None:
    """Return when the next job after ``now`` is due."""
    row = await tx.fetch_one(_NEXT_DUE, now)
    return None if row is None else row["notice_at"]


async def touch(tx: Tx, job_id: int, now: int) -> None:
    """Have a job's end announced (again): something new came."""
    await tx.execute(_TOUCH, job_id, now)


async def refresh(tx: Tx, job_id: int, at: int) -> None:
    """Have what was posted of a job rendered anew at a time, or sooner: nothing new came, but something changed.

    Where showing it has failed of late, that is tried again when it was going to be, and not sooner.
    """
    await tx.execute(_REFRESH, job_id, at)


async def hurry(tx: Tx, job_id: int, now: int) -> None:
    """Have what was posted of a job rendered anew at once, however often that failed: a picture came, or has to go."""
    await tx.execute(_HURRY, job_id, now)


async def placed(tx: Tx, job_id: int, thread_id: int) -> None:
    """Record the thread of a job."""
    await tx.execute(_PLACED, job_id, thread_id)


async def carded(tx: Tx, job_id: int, message_id: int) -> None:
    """Record the status message of a job."""
    await tx.execute(_CARDED, job_id, message_id)


async def plan(tx: Tx, job_id: int, status: Status, *, quiet: bool = False) -> list[Announcement]:
    """Write down the messages that a job's end still needs, and return those not yet posted or kept.

    Results that have no message yet share new ones, :data:`RESULTS_PER_MESSAGE` each; a failure or an expiry is said
    once, or not at all where it is to be ``quiet``. Nothing is planned while a picture still waits to be copied.
    """
    if status is Status.SUCCEEDED:
        await tx.execute(_OUTDATED, job_id)  # it came late after all, before anybody heard that it would not
    if status in (Status.FAILED, Status.EXPIRED) and not quiet:
        kind = AnnouncementKind(status.value)
        said = await tx.fetch_one(_SAID, job_id, kind.value)
        if said is not None and said["number"] == 0:
            await _add(tx, job_id, kind)
    unassigned = [row["id"] for row in await tx.fetch_all(_UNASSIGNED, job_id)]
    for start in range(0, len(unassigned), RESULTS_PER_MESSAGE):
        index = await _add(tx, job_id, AnnouncementKind.RESULTS)
        for result_id in unassigned[start : start + RESULTS_PER_MESSAGE]:
            await tx.execute(_ASSIGN, result_id, index)
    said = await of_job(tx, job_id)
    return [announcement for announcement in said if announcement.posted_at is None and not announcement.kept]


async def of_job(tx: Tx, job_id: int) -> list[Announcement]:
    """Return all messages about a job's end, in order."""
    return [await _announcement(tx, row) for row in await tx.fetch_all(_OF_JOB, job_id)]


async def begin(tx: Tx, job_id: int, index: int) -> None:
    """Commit, before a post, that its fate is unknown."""
    await tx.execute(_BEGIN, job_id, index)


async def posted(tx: Tx, job_id: int, index: int, channel_id: int, message_id: int, now: int) -> None:
    """Record the message a post became."""
    await tx.execute(_POSTED, job_id, index, now, channel_id, message_id)


async def keep(tx: Tx, job_id: int, index: int) -> None:
    """Keep a message for the asker's next command, because it cannot be posted anywhere."""
    await tx.execute(_KEEP, job_id, index)


async def skip(tx: Tx, job_id: int, index: int, now: int) -> None:
    """Count a message as posted that says nothing which does not stand elsewhere."""
    await tx.execute(_SKIP, job_id, index, now)


async def kept_for(tx: Tx, asker: Asker) -> list[tuple[Job, Announcement]]:
    """Return what is kept for a member, oldest first, at most ten."""
    return [
        (jobs.from_row(row), announcement)
        for row in await tx.fetch_all(_KEPT, asker.guild_id, asker.user_id)
        for announcement in await of_job(tx, row["kept_job"])
        if announcement.index == row["kept_idx"]
    ]


async def handed_over(tx: Tx, job_id: int, index: int, now: int) -> None:
    """Record that a kept message was shown to its asker."""
    await tx.execute(_HANDED_OVER, job_id, index, now)


async def shown(tx: Tx, job_id: int, version: int, now: int, again_at: int | None = None) -> int | None:
    """Record that Discord shows this version of a job, or all of it that can be shown before ``again_at``.

    Returns when the job ended, if with this everything about its end is posted or kept.
    """
    if await tx.fetch_one(_SHOWN, job_id, version, now, again_at) is None:
        return None
    row = await tx.fetch_one(_ANNOUNCED, job_id, now)
    return None if row is None else row["ended_at"]


async def later(tx: Tx, job_id: int, at: int) -> int:
    """Put a job's announcement off; returns how often in a row it was put off."""
    row = await the_row(tx, _LATER, job_id, at)
    return row["notice_tries"]


async def give_up(tx: Tx, job_id: int, now: int) -> None:
    """Try a job no more; one that is over and was not announced is undeliverable."""
    await tx.execute(_GIVE_UP, job_id, now)


async def pending_ids(tx: Tx) -> list[int]:
    """Return the ids of jobs that are over and not announced, oldest first, at most 100."""
    return [row["id"] for row in await tx.fetch_all(_PENDING)]


async def unshown_ids(tx: Tx) -> list[int]:
    """Return the ids of jobs that Discord does not show as they are, longest due first, at most 100."""
    return [row["id"] for row in await tx.fetch_all(_UNSHOWN)]


async def _add(tx: Tx, job_id: int, kind: AnnouncementKind) -> int:
    row = await the_row(tx, _NEXT_INDEX, job_id)
    await tx.execute(_ADD, job_id, row["number"], kind.value)
    return row["number"]


async def _announcement(tx: Tx, row: Row) -> Announcement:
    shows = await tx.fetch_all(_SHOWS, row["job_id"], row["idx"])
    return Announcement(
        job_id=row["job_id"],
        index=row["idx"],
        kind=AnnouncementKind(row["kind"]),
        result_ids=tuple(shown["id"] for shown in shows),
        tries=row["tries"],
        posted_at=row["posted_at"],
        channel_id=row["channel_id"],
        message_id=row["message_id"],
        kept=bool(row["kept"]),
    )
