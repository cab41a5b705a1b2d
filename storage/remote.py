"""Units of work over ``remote_deletions``: copies at Runware that somebody who was forgotten wants gone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from storage.database import Tx

_DUE: Final = """
SELECT image_uuid, tries FROM remote_deletions WHERE due_at <= ?1 ORDER BY due_at, image_uuid LIMIT 20
"""
_NEXT: Final = "SELECT due_at FROM remote_deletions WHERE due_at > 0 ORDER BY due_at LIMIT 1"
_DONE: Final = "DELETE FROM remote_deletions WHERE image_uuid = ?1"
_LATER: Final = "UPDATE remote_deletions SET due_at = ?2, tries = tries + 1 WHERE image_uuid = ?1"


@dataclass(frozen=True, slots=True)
class RemoteCopy:
    """A picture at Runware, by its ``imageUUID``, which stands in no log."""

    image_uuid: str = field(repr=False)
    #: How often it was asked for in vain.
    tries: int


async def due(tx: Tx, now: int) -> list[RemoteCopy]:
    """Return copies to ask for now, longest due first, at most 20."""
    return [RemoteCopy(row["image_uuid"], row["tries"]) for row in await tx.fetch_all(_DUE, now)]


async def next_due(tx: Tx) -> int | None:
    """Return when the next copy is to be asked for."""
    row = await tx.fetch_one(_NEXT)
    return None if row is None else row["due_at"]


async def done(tx: Tx, image_uuid: str) -> None:
    """Record that nothing more is asked for a copy."""
    await tx.execute(_DONE, image_uuid)


async def later(tx: Tx, image_uuid: str, at: int) -> None:
    """Put the question off: it was asked in vain."""
    await tx.execute(_LATER, image_uuid, at)
