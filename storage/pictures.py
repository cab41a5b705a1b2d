"""Units of work over ``pictures``: which bytes the picture store keeps, and who still needs them."""

from __future__ import annotations

from collections.abc import Iterable

from storage.database import Tx

_USED = """
INSERT INTO pictures (sha256, used_at) VALUES (?1, ?2)
ON CONFLICT (sha256) DO UPDATE SET used_at = excluded.used_at
"""
_USED_AGAIN = "UPDATE pictures SET used_at = ?2 WHERE sha256 = ?1 AND used_at < ?2"
_BIND = "INSERT INTO job_pictures (sha256, job_id) VALUES (?1, ?2) ON CONFLICT (sha256, job_id) DO NOTHING"
_NEEDED = """
SELECT 1 AS needed WHERE EXISTS (
    SELECT 1 FROM job_pictures WHERE sha256 = ?1
) OR EXISTS (
    SELECT 1 FROM results WHERE sha256 = ?1 AND deleted_at IS NULL
) OR EXISTS (
    SELECT 1 FROM draft_pictures WHERE sha256 = ?1
) OR EXISTS (
    SELECT 1 FROM tray_pictures WHERE sha256 = ?1 AND result_id IS NULL
)
"""
_UNUSED_SINCE = """
SELECT sha256 FROM pictures
WHERE used_at < ?1 AND NOT EXISTS (
    SELECT 1 FROM job_pictures JOIN jobs ON jobs.id = job_pictures.job_id
    WHERE job_pictures.sha256 = pictures.sha256 AND jobs.status IN ('waiting', 'queued', 'submitting', 'submitted')
) AND NOT EXISTS (
    SELECT 1 FROM draft_pictures WHERE draft_pictures.sha256 = pictures.sha256
) AND NOT EXISTS (
    SELECT 1 FROM tray_pictures WHERE tray_pictures.sha256 = pictures.sha256 AND tray_pictures.result_id IS NULL
)
ORDER BY used_at LIMIT ?2
"""
_KNOWN = """
SELECT 1 AS known WHERE EXISTS (
    SELECT 1 FROM pictures WHERE sha256 = ?1
) OR EXISTS (
    SELECT 1 FROM draft_pictures WHERE sha256 = ?1
) OR EXISTS (
    SELECT 1 FROM tray_pictures WHERE sha256 = ?1 AND result_id IS NULL
)
"""
_FORGET = "DELETE FROM pictures WHERE sha256 = ?1"


async def used(tx: Tx, sha256: str, now: int) -> None:
    """Record that a picture stands in the store and is used now."""
    await tx.execute(_USED, sha256, now)


async def used_again(tx: Tx, hashes: Iterable[str], now: int) -> None:
    """Record that somebody asks about pictures that were used before; what nobody used yet is kept no longer for that."""
    for sha256 in sorted(set(hashes)):
        await tx.execute(_USED_AGAIN, sha256, now)


async def bind(tx: Tx, job_id: int, hashes: Iterable[str], now: int) -> None:
    """Record that a job's request uses these pictures."""
    for sha256 in hashes:
        await used(tx, sha256, now)
        await tx.execute(_BIND, sha256, job_id)


async def needed(tx: Tx, sha256: str) -> bool:
    """Return whether a job's request, a result that was not deleted or the file of a draft or tray is the picture."""
    return await tx.fetch_one(_NEEDED, sha256) is not None


async def unused_since(tx: Tx, before: int, limit: int) -> list[str]:
    """Return pictures last used before a time and needed by no open job, no draft and no tray, oldest first."""
    return [row["sha256"] for row in await tx.fetch_all(_UNUSED_SINCE, before, limit)]


async def unknown(tx: Tx, hashes: Iterable[str]) -> list[str]:
    """Return those of the pictures that no job and no result was ever recorded with, and no draft or tray has."""
    return [sha256 for sha256 in hashes if await tx.fetch_one(_KNOWN, sha256) is None]


async def forget(tx: Tx, sha256: str) -> None:
    """Record that the store no longer has the picture."""
    await tx.execute(_FORGET, sha256)
