"""Units of work over ``pauses``: what managers and the operator stopped, and what that means for the queue."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from storage import jobs
from storage.database import Row, Tx
from storage.records import Job, Pause

_COVERING: Final = """
SELECT * FROM pauses
WHERE (guild_id = 0 AND channel_id = 0) OR (guild_id = ?1 AND channel_id = 0) OR (guild_id = ?1 AND channel_id = ?2)
ORDER BY guild_id, channel_id, operators DESC
"""
_IN_SERVER: Final = (
    "SELECT * FROM pauses WHERE guild_id = 0 OR guild_id = ?1 ORDER BY guild_id, channel_id, operators DESC"
)
_ALL: Final = "SELECT * FROM pauses WHERE guild_id >= 0 ORDER BY guild_id, channel_id, operators DESC"
_ADD: Final = """
INSERT INTO pauses (guild_id, channel_id, reason, paused_at, operators) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (guild_id, channel_id, operators) DO UPDATE SET reason = excluded.reason
"""
_REMOVE: Final = "DELETE FROM pauses WHERE guild_id = ?1 AND channel_id = ?2 AND operators = ?3 RETURNING *"
_SHOW: Final = """
WITH covered AS (
    SELECT id FROM jobs
    WHERE status = 'queued' AND (CAST(?1 AS BIGINT) = 0 OR guild_id = ?1)
        AND (CAST(?2 AS BIGINT) = 0 OR channel_id = ?2)
    ORDER BY turn, id /* FOR UPDATE OF jobs */
)
UPDATE jobs SET version = version + 1, notice_at = CAST(?3 AS BIGINT) WHERE id IN (SELECT id FROM covered)
"""
_OVERDUE: Final = f"""
SELECT {jobs.COLUMNS} WHERE jobs.status = 'queued' AND EXISTS (
    SELECT 1 FROM pauses WHERE paused_at <= ?1 AND (
        (pauses.guild_id = 0 AND pauses.channel_id = 0)
        OR (pauses.guild_id = jobs.guild_id AND pauses.channel_id = 0)
        OR (pauses.guild_id = jobs.guild_id AND pauses.channel_id = jobs.channel_id)
    )
)
ORDER BY jobs.turn, jobs.id LIMIT 100
"""  # noqa: S608 - names of columns only


async def covering(tx: Tx, guild_id: int, channel_id: int) -> Pause | None:
    """Return the widest pause that covers a channel, if there is one, as old as the oldest of them."""
    found = [_pause(row) for row in await tx.fetch_all(_COVERING, guild_id, channel_id)]
    return replace(found[0], paused_at=min(pause.paused_at for pause in found)) if found else None


async def in_server(tx: Tx, guild_id: int) -> list[Pause]:
    """Return every pause that touches a server, the widest first."""
    return [_pause(row) for row in await tx.fetch_all(_IN_SERVER, guild_id)]


async def all_of_them(tx: Tx) -> list[Pause]:
    """Return every pause there is, the widest first."""
    return [_pause(row) for row in await tx.fetch_all(_ALL)]


async def add(tx: Tx, pause: Pause) -> None:
    """Stop what a pause covers, and have the cards of those who wait say so."""
    values = (pause.guild_id, pause.channel_id, pause.reason, pause.paused_at, int(pause.operators))
    await tx.execute(_ADD, *values)
    await tx.execute(_SHOW, pause.guild_id, pause.channel_id, pause.paused_at)


async def remove(tx: Tx, guild_id: int, channel_id: int, now: int, *, operators: bool = False) -> Pause | None:
    """Let go on what a manager's pause covered, or the operator's; returns it, or ``None`` when there was none."""
    row = await tx.fetch_one(_REMOVE, guild_id, channel_id, int(operators))
    if row is None:
        return None
    await tx.execute(_SHOW, guild_id, channel_id, now)
    return _pause(row)


async def overdue(tx: Tx, paused_by: int) -> list[Job]:
    """Return queued jobs that a pause made at or before a time still stops, at most 100."""
    return [jobs.from_row(row) for row in await tx.fetch_all(_OVERDUE, paused_by)]


def _pause(row: Row) -> Pause:
    return Pause(row["guild_id"], row["channel_id"], row["reason"], row["paused_at"], bool(row["operators"]))
