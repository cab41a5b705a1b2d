"""Units of work over ``showings``: messages that show a result beside its own, so that they go when it goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from storage.database import Tx

_ADD: Final = """
INSERT INTO showings (message_id, channel_id, result_id, shown_at) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (message_id, result_id) DO NOTHING
"""
_OF_MESSAGE: Final = """
SELECT min(result_id) AS result_id FROM showings WHERE message_id = ?1 GROUP BY message_id HAVING count(*) = 1
"""
_OF_DELETED: Final = """
SELECT DISTINCT showings.message_id, showings.channel_id FROM results
JOIN showings ON showings.result_id = results.id
WHERE results.job_id = ?1 AND results.deleted_at IS NOT NULL ORDER BY showings.message_id
"""
_OF_JOB: Final = """
SELECT DISTINCT showings.message_id, showings.channel_id, rounds.id AS round_id FROM results
JOIN showings ON showings.result_id = results.id
LEFT JOIN rounds ON rounds.message_id = showings.message_id
WHERE results.job_id = ?1 ORDER BY showings.message_id
"""
_REMOVE: Final = "DELETE FROM showings WHERE message_id = ?1"


@dataclass(frozen=True, slots=True)
class Showing:
    """A message that shows a result."""

    message_id: int
    channel_id: int
    #: The round whose card it is, where that was asked for.
    round_id: int | None = None


async def add(tx: Tx, result_id: int, channel_id: int, message_id: int, now: int) -> None:
    """Record that a message shows a result; once it is known, that changes nothing."""
    await tx.execute(_ADD, message_id, channel_id, result_id, now)


async def of_message(tx: Tx, message_id: int) -> int | None:
    """Return the result that a message shows, if it is one of these and shows no other."""
    row = await tx.fetch_one(_OF_MESSAGE, message_id)
    return None if row is None else row["result_id"]


async def of_deleted(tx: Tx, job_id: int) -> list[Showing]:
    """Return the messages that still show results of a job which were taken down."""
    return [Showing(row["message_id"], row["channel_id"]) for row in await tx.fetch_all(_OF_DELETED, job_id)]


async def of_job(tx: Tx, job_id: int) -> list[Showing]:
    """Return the messages that show results of a job, each with the round whose card it is."""
    return [
        Showing(row["message_id"], row["channel_id"], row["round_id"]) for row in await tx.fetch_all(_OF_JOB, job_id)
    ]


async def remove(tx: Tx, message_id: int) -> None:
    """Record that a message is gone."""
    await tx.execute(_REMOVE, message_id)
