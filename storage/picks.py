"""Units of work over ``picks``: what a message shows for which a member has a form open.

The bot cannot look a message up later, so what it shows is written down as Discord handed it over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from storage import pictures as kept_pictures
from storage._rows import the_row
from storage.database import Tx
from storage.records import Origin, Reference

_ADD: Final = """
INSERT INTO picks (guild_id, account_id, found, author_id, channel_id, thread_id, posted_at, seen_in, made_at)
VALUES (?1, ?2, ?3, CAST(?4 AS BIGINT), ?5, ?6, ?7, ?8, ?9) RETURNING id
"""
_GET: Final = """
SELECT picks.*, members.holder_id AS user_id, authors.holder_id AS author_user_id FROM picks
LEFT JOIN accounts AS members ON members.id = picks.account_id
LEFT JOIN accounts AS authors ON authors.id = picks.author_id
WHERE picks.id = ?1
"""
_LOCK: Final = "SELECT picks.id FROM picks WHERE picks.id = ?1 /* FOR UPDATE OF picks */"
_KEEP: Final = """
INSERT INTO pick_pictures (pick_id, number, sha256, reference) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (pick_id, number) DO NOTHING
"""
_KEPT: Final = "SELECT number, reference FROM pick_pictures WHERE pick_id = ?1"
# No member has more than a few; the number is there because SQLite takes no OFFSET without one.
_TRIM: Final = """
DELETE FROM picks WHERE id IN (
    SELECT id FROM picks WHERE account_id = ?1 ORDER BY made_at DESC, id DESC LIMIT 1000 OFFSET ?2
)
"""
_SWEEP: Final = "DELETE FROM picks WHERE made_at <= ?1"


@dataclass(frozen=True, slots=True)
class Found:
    """One picture of a message: a file of it, a picture elsewhere that it shows, or one that is kept already."""

    name: str
    #: Where a file or a picture elsewhere is; a file of Discord's for a day or so.
    url: str = ""
    #: Whether it is a file of the message, which Discord has, and how many bytes it is said to have.
    is_file: bool = False
    size: int | None = None
    description: str | None = None
    #: The result that it is.
    result_id: int | None = None
    #: A file that came with an edit, and that the bot showed in its reply.
    reference: Reference | None = None
    #: The pixels that it is said to have.
    width: int | None = None
    height: int | None = None
    #: When a file was uploaded, in milliseconds since the epoch: a message may have got it later than it was written.
    at: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """Who posted a message, by account, where, and when in milliseconds since the epoch."""

    account_id: int
    origin: Origin
    at: int


@dataclass(frozen=True, slots=True)
class Pick:
    """The pictures of a message, for one member to choose from."""

    id: int
    guild_id: int
    account_id: int
    #: Discord's id of the member, or ``None`` once they were forgotten.
    user_id: int | None
    #: In the order of the message: the first is number 1.
    pictures: tuple[Found, ...]
    #: Who posted them; ``None`` where they are files that the bot knows already.
    source: Source | None
    #: Discord's id of who posted them, or ``None`` once they were forgotten.
    author_user_id: int | None
    #: Where the message stands: a channel or thread.
    seen_in: int
    made_at: int


async def add(
    tx: Tx,
    *,
    guild_id: int,
    account_id: int,
    pictures: Sequence[Found],
    source: Source | None,
    seen_in: int,
    now: int,
) -> int:
    """Write down what a message shows; return the id of the pick. What the bot has already counts as read."""
    found = json.dumps([asdict(picture) for picture in pictures], separators=(",", ":"))
    whose = (None, 0, 0, 0)
    if source is not None:
        whose = (source.account_id, source.origin.channel_id, source.origin.thread_id, source.at)
    row = await the_row(tx, _ADD, guild_id, account_id, found, *whose, seen_in, now)
    for number, picture in enumerate(pictures, 1):
        if picture.reference is not None:
            await _keep(tx, row["id"], number, picture.reference, now)
    return row["id"]


async def get(tx: Tx, pick_id: int) -> Pick | None:
    """Return a pick, however old it is."""
    row = await tx.fetch_one(_GET, pick_id)
    if row is None:
        return None
    origin = Origin(row["channel_id"], row["thread_id"])
    return Pick(
        id=row["id"],
        guild_id=row["guild_id"],
        account_id=row["account_id"],
        user_id=row["user_id"],
        pictures=tuple(_found(picture) for picture in json.loads(row["found"])),
        source=None if row["author_id"] is None else Source(row["author_id"], origin, row["posted_at"]),
        author_user_id=row["author_user_id"],
        seen_in=row["seen_in"],
        made_at=row["made_at"],
    )


async def keep(tx: Tx, pick_id: int, number: int, reference: Reference, now: int) -> bool:
    """Record that a picture was read, and keep it in the store as long as its pick; returns whether that still stands."""
    if await tx.fetch_one(_LOCK, pick_id) is None:
        return False
    await _keep(tx, pick_id, number, reference, now)
    return True


async def kept(tx: Tx, pick_id: int) -> dict[int, Reference]:
    """Return the pictures of a pick that were read, by their number."""
    rows = await tx.fetch_all(_KEPT, pick_id)
    return {row["number"]: Reference(**json.loads(row["reference"])) for row in rows}


async def trim(tx: Tx, account_id: int, most: int) -> int:
    """Take away what a member has beyond so many picks, the oldest first; returns how many."""
    return await tx.execute(_TRIM, account_id, most)


async def sweep(tx: Tx, made_by: int) -> int:
    """Take away the picks that were made at or before a time; returns how many."""
    return await tx.execute(_SWEEP, made_by)


async def _keep(tx: Tx, pick_id: int, number: int, reference: Reference, now: int) -> None:
    await kept_pictures.used_again(tx, [reference.sha256], now)
    # In ASCII, as everything that Discord's people name: a name may hold what is no text, which no database keeps.
    await tx.execute(_KEEP, pick_id, number, reference.sha256, json.dumps(asdict(reference), separators=(",", ":")))


def _found(fields: Mapping[str, Any]) -> Found:
    kept = fields["reference"]
    read: dict[str, Any] = {**fields, "reference": None if kept is None else Reference(**kept)}
    return Found(**read)
