"""Units of work over ``prices``: what settled edits taught about what edits cost, for each server and for all (0).

The numbers are sums over edits, in millionths, in which older edits fade; :mod:`bot.prices` says what they mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, dataclass, fields
from typing import Final

from storage.database import Row, Tx


@dataclass(frozen=True, slots=True)
class Lessons:
    """Faded sums over settled edits, in millionths, and how many edits there were in all."""

    edits: int = 0
    pixels_pixels: int = 0
    pixels_references: int = 0
    references_references: int = 0
    pixels_cost: int = 0
    references_cost: int = 0
    #: The faded number of edits, and the sums of settled / estimated and of its square.
    weight: int = 0
    ratio: int = 0
    ratio_ratio: int = 0


_NAMES: Final = tuple(field.name for field in fields(Lessons))
_GET: Final = "SELECT * FROM prices WHERE guild_id = ?1"
_LOCK: Final = "SELECT * FROM prices WHERE guild_id = ?1 /* FOR UPDATE OF prices */"
_START: Final = f"""
INSERT INTO prices (guild_id, {", ".join(_NAMES)}) VALUES (?1, 0, 0, 0, 0, 0, 0, 0, 0, 0)
ON CONFLICT (guild_id) DO NOTHING
"""  # noqa: S608 - names of columns only
_PUT: Final = f"""
UPDATE prices SET {", ".join(f"{name} = ?{number}" for number, name in enumerate(_NAMES, 2))} WHERE guild_id = ?1
"""  # noqa: S608 - names of columns only


async def get(tx: Tx, guild_id: int) -> Lessons:
    """Return what a server's edits taught; 0 is all servers together."""
    row = await tx.fetch_one(_GET, guild_id)
    return Lessons() if row is None else _lessons(row)


async def learn(tx: Tx, guild_id: int, lesson: Callable[[Lessons], Lessons]) -> None:
    """Add one edit to what its server's and all servers' edits taught."""
    for learner in (0, guild_id):
        row = await tx.fetch_one(_LOCK, learner)
        if row is None:
            await tx.execute(_START, learner)
            row = await tx.fetch_one(_LOCK, learner)
        known = Lessons() if row is None else _lessons(row)
        await tx.execute(_PUT, learner, *astuple(lesson(known)))


def _lessons(row: Row) -> Lessons:
    return Lessons(*(row[name] for name in _NAMES))
