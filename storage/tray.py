"""Units of work over ``trays``: the pictures that members have gathered for their next edits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from storage import pictures
from storage.database import Row, Tx
from storage.records import Reference

_EXPIRE: Final = "DELETE FROM trays WHERE account_id = ?1 AND changed_at <= ?2"
_HOLD: Final = """
INSERT INTO trays (account_id, changed_at) VALUES (?1, ?2)
ON CONFLICT (account_id) DO UPDATE SET changed_at = excluded.changed_at
"""
_OF_MEMBER: Final = """
SELECT tray_pictures.* FROM trays JOIN tray_pictures ON tray_pictures.account_id = trays.account_id
WHERE trays.account_id = ?1 AND trays.changed_at > ?2 ORDER BY tray_pictures.place
"""
_CHANGED: Final = "SELECT changed_at FROM trays WHERE account_id = ?1"
_IDS: Final = "SELECT id FROM tray_pictures WHERE account_id = ?1"
_TAKE: Final = "DELETE FROM tray_pictures WHERE id = ?1"
_PLACE: Final = "UPDATE tray_pictures SET place = ?2 WHERE id = ?1"
_ADD: Final = """
INSERT INTO tray_pictures (account_id, place, sha256, result_id, reference, channel_id, message_id)
VALUES (?1, ?2, ?3, CAST(?4 AS BIGINT), ?5, ?6, ?7)
"""
_SWEEP: Final = "DELETE FROM trays WHERE changed_at <= ?1"


@dataclass(frozen=True, slots=True)
class TrayPicture:
    """A picture of a tray."""

    reference: Reference
    #: The message that it was taken from, and its channel or thread.
    channel_id: int
    message_id: int
    #: 0 until it is kept.
    id: int = 0


async def of_member(tx: Tx, account_id: int, since: int) -> list[TrayPicture]:
    """Return the pictures of a member's tray, in their order, if it was changed after a time."""
    return [_picture(row) for row in await tx.fetch_all(_OF_MEMBER, account_id, since)]


async def changed_at(tx: Tx, account_id: int) -> int | None:
    """Return when a member's tray was changed last, if they have one."""
    row = await tx.fetch_one(_CHANGED, account_id)
    return None if row is None else row["changed_at"]


async def hold(tx: Tx, account_id: int, since: int, now: int) -> list[TrayPicture]:
    """Keep a member's tray to this unit, which changes it now; return its pictures, if it was changed after a time."""
    await tx.execute(_EXPIRE, account_id, since)
    await tx.execute(_HOLD, account_id, now)
    return await of_member(tx, account_id, since)


async def save(tx: Tx, account_id: int, kept: Sequence[TrayPicture], now: int) -> None:
    """Make these the pictures of a tray, in this order, no bytes twice. Its unit holds it.

    A result is kept in the picture store by being used: taken down, it has to go. A file is kept by standing here.
    """
    left = {picture.id for picture in kept}
    for row in await tx.fetch_all(_IDS, account_id):
        if row["id"] not in left:
            await tx.execute(_TAKE, row["id"])
    for place, picture in enumerate(kept):
        reference = picture.reference
        if picture.id:
            await tx.execute(_PLACE, picture.id, place)
        else:
            written = json.dumps(asdict(reference), separators=(",", ":"))
            where = (picture.channel_id, picture.message_id)
            await tx.execute(_ADD, account_id, place, reference.sha256, reference.result_id, written, *where)
        if reference.result_id is None:
            await pictures.used_again(tx, [reference.sha256], now)
        else:
            await pictures.used(tx, reference.sha256, now)


async def sweep(tx: Tx, changed_by: int) -> int:
    """Take away the trays that were last changed at or before a time; returns how many."""
    return await tx.execute(_SWEEP, changed_by)


def _picture(row: Row) -> TrayPicture:
    return TrayPicture(Reference(**json.loads(row["reference"])), row["channel_id"], row["message_id"], row["id"])
