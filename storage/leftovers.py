"""Units of work over ``leftovers``: messages of ours that show what somebody who was forgotten wrote or gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from storage.database import Tx

_DUE: Final = """
SELECT message_id, guild_id, channel_id, round_id, job_id, tries FROM leftovers
WHERE due_at <= ?1 ORDER BY due_at, message_id LIMIT 20
"""
_NEXT: Final = "SELECT due_at FROM leftovers WHERE due_at > 0 ORDER BY due_at LIMIT 1"
_DONE: Final = "DELETE FROM leftovers WHERE message_id = ?1"
_LATER: Final = "UPDATE leftovers SET due_at = ?2, tries = tries + ?3 WHERE message_id = ?1"


@dataclass(frozen=True, slots=True)
class Leftover:
    """A message that is to change. One that is neither of a round nor the reply to an edit goes, unless it is an exhibit."""

    message_id: int
    guild_id: int
    channel_id: int
    round_id: int | None
    job_id: int | None
    #: How often that failed.
    tries: int


async def due(tx: Tx, now: int) -> list[Leftover]:
    """Return messages to change now, longest due first, at most 20."""
    return [
        Leftover(row["message_id"], row["guild_id"], row["channel_id"], row["round_id"], row["job_id"], row["tries"])
        for row in await tx.fetch_all(_DUE, now)
    ]


async def next_due(tx: Tx) -> int | None:
    """Return when the next message is to be changed."""
    row = await tx.fetch_one(_NEXT)
    return None if row is None else row["due_at"]


async def done(tx: Tx, message_id: int) -> None:
    """Record that a message was changed, or never can be."""
    await tx.execute(_DONE, message_id)


async def later(tx: Tx, message_id: int, at: int, *, failed: bool) -> None:
    """Put the change of a message off; ``failed``: because it was tried in vain."""
    await tx.execute(_LATER, message_id, at, int(failed))
