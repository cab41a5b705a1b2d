"""Units of work over ``offers``: requests that wait for their asker to say yes to the price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from storage._rows import the_row
from storage.database import Row, Tx
from storage.records import EditRequest, Place

_ADD: Final = """
INSERT INTO offers (guild_id, account_id, channel_id, reply_id, thread_id, public, request, price, made_at, draft_id)
VALUES (?1, ?2, ?3, ?4, CAST(?5 AS BIGINT), ?6, ?7, ?8, ?9, CAST(?10 AS BIGINT)) RETURNING id
"""
_GET: Final = """
SELECT offers.*, accounts.holder_id AS user_id
FROM offers LEFT JOIN accounts ON accounts.id = offers.account_id WHERE offers.id = ?1
"""
_REPRICE: Final = "UPDATE offers SET price = ?2 WHERE id = ?1"
_TAKE: Final = "DELETE FROM offers WHERE id = ?1 RETURNING id"
_SUPERSEDE: Final = "DELETE FROM offers WHERE draft_id = ?1 AND id <> ?2"
_OLDEST: Final = "SELECT made_at FROM offers WHERE made_at > 0 ORDER BY made_at LIMIT 1"
_SWEEP: Final = "DELETE FROM offers WHERE made_at <= ?1"


@dataclass(frozen=True, slots=True)
class Offer:
    """A request at a price, not asked for yet: nothing is held."""

    id: int
    guild_id: int
    user_id: int | None
    place: Place
    request: EditRequest
    #: What it was said to cost, in micro-dollars.
    price: int
    made_at: int
    #: The draft it was written as, which goes when its asker says yes.
    draft_id: int | None = None


async def add(
    tx: Tx,
    *,
    guild_id: int,
    account_id: int,
    place: Place,
    request: EditRequest,
    price: int,
    now: int,
    draft_id: int | None = None,
) -> int:
    """Write an offer down; return its id."""
    row = await the_row(
        tx,
        _ADD,
        guild_id,
        account_id,
        place.channel_id,
        place.reply_id,
        place.thread_id,
        int(place.public),
        request.to_json(),
        price,
        now,
        draft_id,
    )
    return row["id"]


async def get(tx: Tx, offer_id: int) -> Offer | None:
    """Return an offer that still stands."""
    row = await tx.fetch_one(_GET, offer_id)
    return None if row is None else _offer(row)


async def reprice(tx: Tx, offer_id: int, price: int) -> None:
    """Set the price, in micro-dollars, at which an offer stands."""
    await tx.execute(_REPRICE, offer_id, price)


async def take(tx: Tx, offer_id: int) -> bool:
    """Take an offer away; returns whether this call did: of two presses one wins."""
    return await tx.fetch_one(_TAKE, offer_id) is not None


async def supersede(tx: Tx, draft_id: int, *, by: int | None) -> int:
    """Take all offers of a draft away but one, if there is one; returns how many. Its unit has the draft locked."""
    return await tx.execute(_SUPERSEDE, draft_id, by or 0)


async def oldest(tx: Tx) -> int | None:
    """Return when the oldest offer that still stands was made."""
    row = await tx.fetch_one(_OLDEST)
    return None if row is None else row["made_at"]


async def sweep(tx: Tx, made_by: int) -> int:
    """Take offers away that were made at or before a time; returns how many."""
    return await tx.execute(_SWEEP, made_by)


def _offer(row: Row) -> Offer:
    return Offer(
        row["id"],
        row["guild_id"],
        row["user_id"],
        Place(row["channel_id"], row["reply_id"], row["thread_id"], bool(row["public"])),
        EditRequest.from_json(row["request"]),
        row["price"],
        row["made_at"],
        row["draft_id"],
    )
