"""Units of work over ``pictures``: which bytes the picture store keeps, and who still needs them.

A row stands for bytes that a job or a result was recorded with. It goes ``PICTURE_DAYS`` after the last use, unless an
open job or something of :data:`_HOLDERS` still needs the bytes; bytes that nothing names any more go with the next sweep.
Whoever comes to need a picture touches its row in the same unit (:func:`used`, :func:`used_again`, :func:`renew`), so
that on PostgreSQL one of the two, that unit and the one which forgets, waits for the other and then sees it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from storage.database import Tx

#: What needs the bytes of a picture for as long as its row stands, whatever became of jobs and results.
#: Another table is another line: UNION ALL SELECT sha256 FROM it, and :func:`used_again` in the unit that adds a row.
_HOLDERS: Final = """holders AS (
    SELECT sha256 FROM draft_pictures
    UNION ALL SELECT sha256 FROM pick_pictures
    UNION ALL SELECT sha256 FROM tray_pictures WHERE result_id IS NULL
)"""
_USED: Final = """
INSERT INTO pictures (sha256, used_at) VALUES (?1, ?2)
ON CONFLICT (sha256) DO UPDATE SET used_at = excluded.used_at
"""
_USED_AGAIN: Final = "UPDATE pictures SET used_at = ?2 WHERE sha256 = ?1 AND used_at < ?2"
_BIND: Final = "INSERT INTO job_pictures (sha256, job_id) VALUES (?1, ?2) ON CONFLICT (sha256, job_id) DO NOTHING"
_NEEDED: Final = f"""WITH {_HOLDERS}
SELECT 1 AS needed WHERE EXISTS (
    SELECT 1 FROM job_pictures WHERE sha256 = ?1
) OR EXISTS (
    SELECT 1 FROM results WHERE sha256 = ?1 AND deleted_at IS NULL
) OR EXISTS (
    SELECT 1 FROM holders WHERE sha256 = ?1
)
"""  # noqa: S608 - every part is a constant of this module
# The time stands outside once more: PostgreSQL looks at it again on a row that it had to wait for.
_FORGET_UNUSED: Final = f"""WITH {_HOLDERS}
DELETE FROM pictures WHERE used_at < ?1 AND sha256 IN (
    SELECT pictures.sha256 FROM pictures
    WHERE pictures.used_at < ?1 AND NOT EXISTS (
        SELECT 1 FROM job_pictures JOIN jobs ON jobs.id = job_pictures.job_id
        WHERE job_pictures.sha256 = pictures.sha256 AND jobs.status IN ('waiting', 'queued', 'submitting', 'submitted')
    ) AND NOT EXISTS (
        SELECT 1 FROM holders WHERE holders.sha256 = pictures.sha256
    )
    ORDER BY pictures.used_at LIMIT ?2
) RETURNING sha256
"""  # noqa: S608 - every part is a constant of this module
_KNOWN: Final = f"""WITH {_HOLDERS}
SELECT 1 AS known WHERE EXISTS (
    SELECT 1 FROM pictures WHERE sha256 = ?1
) OR EXISTS (
    SELECT 1 FROM holders WHERE sha256 = ?1
)
"""  # noqa: S608 - every part is a constant of this module
_LOCK: Final = "SELECT sha256 FROM pictures WHERE sha256 = ?1 /* FOR UPDATE OF pictures */"
_FORGET: Final = "DELETE FROM pictures WHERE sha256 = ?1"


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
    """Return whether a job's request, a result that was not deleted or a holder has the picture."""
    return await tx.fetch_one(_NEEDED, sha256) is not None


async def renew(tx: Tx, sha256: str, now: int) -> bool:
    """Record that a picture is about to be used; returns whether it is one whose bytes are kept for somebody.

    Where it is not, its bytes may go at any moment, even if they are still there.
    """
    await used_again(tx, [sha256], now)
    return await tx.fetch_one(_KNOWN, sha256) is not None


async def release(tx: Tx, sha256: str) -> bool:
    """Forget a picture that was taken down, unless somebody else needs it; returns whether its bytes may go."""
    await tx.fetch_one(_LOCK, sha256)  # whoever binds it at this moment did so before, and is seen below, or waits
    if await needed(tx, sha256):
        return False
    await tx.execute(_FORGET, sha256)
    return True


async def forget_unused(tx: Tx, before: int, limit: int) -> int:
    """Forget pictures last used before a time and needed by no open job and no holder, oldest first; return how many."""
    return len(await tx.fetch_all(_FORGET_UNUSED, before, limit))


async def unknown(tx: Tx, hashes: Iterable[str]) -> list[str]:
    """Return those of the pictures that nothing is recorded with any more, or was ever, and no holder has."""
    return [sha256 for sha256 in hashes if await tx.fetch_one(_KNOWN, sha256) is None]
