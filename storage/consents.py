"""Units of work over ``preferences`` and ``spared_channels``: who may edit whose pictures, as people and servers say."""

from __future__ import annotations

from typing import Final

from storage.database import Tx
from storage.records import Consent

_SAID: Final = "SELECT consent FROM preferences WHERE account_id = ?1"
_SAY: Final = """
INSERT INTO preferences (account_id, consent) VALUES (?1, CAST(?2 AS TEXT))
ON CONFLICT (account_id) DO UPDATE SET consent = excluded.consent
"""
_SPARED: Final = "SELECT channel_id FROM spared_channels WHERE guild_id = ?1 ORDER BY channel_id"
_SPARE: Final = """
INSERT INTO spared_channels (guild_id, channel_id) VALUES (?1, ?2) ON CONFLICT (guild_id, channel_id) DO NOTHING
"""
_SPARE_NO_MORE: Final = "DELETE FROM spared_channels WHERE guild_id = ?1 AND channel_id = ?2"


async def said(tx: Tx, account_id: int) -> Consent | None:
    """Return who may edit a member's pictures, as they said; ``None`` leaves it to the server."""
    row = await tx.fetch_one(_SAID, account_id)
    return None if row is None or row["consent"] is None else Consent(row["consent"])


async def say(tx: Tx, account_id: int, consent: Consent | None) -> None:
    """Set who may edit a member's pictures; ``None`` leaves it to the server."""
    await tx.execute(_SAY, account_id, None if consent is None else consent.value)


async def spared(tx: Tx, guild_id: int) -> list[int]:
    """Return the channels of a server whose pictures nobody edits but those who posted them."""
    return [row["channel_id"] for row in await tx.fetch_all(_SPARED, guild_id)]


async def spare(tx: Tx, guild_id: int, channel_id: int) -> bool:
    """Spare a channel; returns whether it was not spared before."""
    return await tx.execute(_SPARE, guild_id, channel_id) > 0


async def spare_no_more(tx: Tx, guild_id: int, channel_id: int) -> bool:
    """Spare a channel no more; returns whether it was."""
    return await tx.execute(_SPARE_NO_MORE, guild_id, channel_id) > 0
