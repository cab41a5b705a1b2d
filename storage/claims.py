"""Units of work over ``claims``: who is writing an edit of a result. A claim is told to others and blocks nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from storage.database import Row, Tx

_BEGIN: Final = """
INSERT INTO claims (result_id, account_id, begun_at, until_at) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (result_id, account_id) DO UPDATE SET begun_at = excluded.begun_at, until_at = excluded.until_at
"""
_END: Final = """
DELETE FROM claims WHERE account_id = ?2 AND result_id IN (SELECT id FROM results WHERE job_id = ?1) RETURNING result_id
"""
_OF_RESULT: Final = """
SELECT claims.account_id, claims.begun_at, claims.until_at, accounts.holder_id AS user_id
FROM claims JOIN accounts ON accounts.id = claims.account_id
WHERE claims.result_id = ?1 AND claims.until_at > ?2 ORDER BY claims.begun_at, claims.account_id
"""
_OF_JOB: Final = """
SELECT claims.account_id, claims.begun_at, claims.until_at, accounts.holder_id AS user_id
FROM results
JOIN claims ON claims.result_id = results.id
JOIN accounts ON accounts.id = claims.account_id
WHERE results.job_id = ?1 AND claims.until_at > ?2 ORDER BY claims.begun_at, claims.account_id
"""
_EXPIRED: Final = "DELETE FROM claims WHERE until_at <= ?1 RETURNING result_id"
_NEXT_END: Final = "SELECT until_at FROM claims WHERE until_at > 0 ORDER BY until_at LIMIT 1"


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody is writing an edit of a result."""

    account_id: int
    #: Discord's id of the person.
    user_id: int
    begun_at: int
    until_at: int


async def begin(tx: Tx, result_id: int, account_id: int, now: int, until: int) -> None:
    """Record that a person began to write an edit of a result; a second time it counts from then."""
    await tx.execute(_BEGIN, result_id, account_id, now, until)


async def end(tx: Tx, job_id: int, account_id: int) -> bool:
    """End a person's claims on the results of a job; returns whether there was one."""
    return await tx.fetch_one(_END, job_id, account_id) is not None


async def of_result(tx: Tx, result_id: int, now: int) -> list[Claim]:
    """Return who is writing an edit of a result, who began first first."""
    return [_read(row) for row in await tx.fetch_all(_OF_RESULT, result_id, now)]


async def of_job(tx: Tx, job_id: int, now: int) -> list[Claim]:
    """Return who is writing an edit of a job's results, who began first first."""
    return [_read(row) for row in await tx.fetch_all(_OF_JOB, job_id, now)]


async def expire(tx: Tx, now: int) -> list[int]:
    """End the claims whose time is over; returns the results they were on."""
    return sorted({row["result_id"] for row in await tx.fetch_all(_EXPIRED, now)})


async def next_end(tx: Tx) -> int | None:
    """Return when the next claim ends."""
    row = await tx.fetch_one(_NEXT_END)
    return None if row is None else row["until_at"]


def _read(row: Row) -> Claim:
    return Claim(row["account_id"], row["user_id"], row["begun_at"], row["until_at"])
