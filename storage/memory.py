"""Units of work over ``memory``: small facts the program keeps for itself, such as the hash of the synced commands."""

from __future__ import annotations

from storage.database import Tx

_GET = "SELECT value FROM memory WHERE key = ?1"
_SET = "INSERT INTO memory (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value"


async def get(tx: Tx, key: str) -> str | None:
    """Return a remembered value."""
    row = await tx.fetch_one(_GET, key)
    return None if row is None else row["value"]


async def put(tx: Tx, key: str, value: str) -> None:
    """Remember a value under a key."""
    await tx.execute(_SET, key, value)
