"""Units of work over ``showcase``: results with many stars, which are posted once in a channel for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from storage.database import Tx

_ADD: Final = """
INSERT INTO showcase (result_id, reached_at, post_at) VALUES (?1, CAST(?2 AS BIGINT), CAST(?2 AS BIGINT))
ON CONFLICT (result_id) DO NOTHING RETURNING result_id
"""
_DUE: Final = "SELECT result_id, tries FROM showcase WHERE post_at <= ?1 ORDER BY post_at, result_id LIMIT 20"
_NEXT: Final = "SELECT post_at FROM showcase WHERE post_at IS NOT NULL ORDER BY post_at LIMIT 1"
_DONE: Final = "UPDATE showcase SET post_at = NULL WHERE result_id = ?1"
_LATER: Final = "UPDATE showcase SET tries = tries + 1, post_at = ?2 WHERE result_id = ?1 AND post_at IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Due:
    """A result to post."""

    result_id: int
    #: How often that failed.
    tries: int


async def add(tx: Tx, result_id: int, now: int) -> bool:
    """Have a result posted, unless it ever was to be; returns whether this call did."""
    return await tx.fetch_one(_ADD, result_id, now) is not None


async def due(tx: Tx, now: int) -> list[Due]:
    """Return results to post now, longest due first, at most 20."""
    return [Due(row["result_id"], row["tries"]) for row in await tx.fetch_all(_DUE, now)]


async def next_due(tx: Tx) -> int | None:
    """Return when the next result is to be posted."""
    row = await tx.fetch_one(_NEXT)
    return None if row is None else row["post_at"]


async def done(tx: Tx, result_id: int) -> None:
    """Record that a result was posted, or never can be."""
    await tx.execute(_DONE, result_id)


async def later(tx: Tx, result_id: int, at: int) -> None:
    """Put the post of a result off."""
    await tx.execute(_LATER, result_id, at)
