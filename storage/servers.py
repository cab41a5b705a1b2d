"""Units of work over ``servers`` and ``preferences``: what managers set for a server, and members for themselves."""

from __future__ import annotations

from datetime import tzinfo
from typing import Final

from storage.database import Tx
from storage.records import Consent, Server
from storage.windows import zone_of

_GET: Final = "SELECT * FROM servers WHERE guild_id = ?1"
_PUT: Final = """
INSERT INTO servers (
    guild_id, time_zone, manager_role_id, alert_channel_id, confirm_above, approve_above, showcase_channel_id,
    showcase_stars, consent
)
VALUES (
    ?1, ?2, CAST(?3 AS BIGINT), CAST(?4 AS BIGINT), CAST(?5 AS BIGINT), CAST(?6 AS BIGINT), CAST(?7 AS BIGINT), ?8, ?9
)
ON CONFLICT (guild_id) DO UPDATE SET
    time_zone = excluded.time_zone, manager_role_id = excluded.manager_role_id,
    alert_channel_id = excluded.alert_channel_id, confirm_above = excluded.confirm_above,
    approve_above = excluded.approve_above, showcase_channel_id = excluded.showcase_channel_id,
    showcase_stars = excluded.showcase_stars, consent = excluded.consent
"""
_PREFERS: Final = "SELECT confirm_above FROM preferences WHERE account_id = ?1"
_PREFER: Final = """
INSERT INTO preferences (account_id, confirm_above) VALUES (?1, CAST(?2 AS BIGINT))
ON CONFLICT (account_id) DO UPDATE SET confirm_above = excluded.confirm_above
"""


async def get(tx: Tx, guild_id: int) -> Server:
    """Return what is set for a server."""
    row = await tx.fetch_one(_GET, guild_id)
    if row is None:
        return Server(guild_id)
    return Server(
        guild_id,
        row["time_zone"],
        row["manager_role_id"],
        row["alert_channel_id"],
        row["confirm_above"],
        row["approve_above"],
        row["showcase_channel_id"],
        row["showcase_stars"],
        Consent(row["consent"]),
    )


async def zone(tx: Tx, guild_id: int) -> tzinfo:
    """Return a server's time zone."""
    return zone_of((await get(tx, guild_id)).time_zone)


async def put(tx: Tx, server: Server) -> None:
    """Set everything about a server."""
    await tx.execute(
        _PUT,
        server.guild_id,
        server.time_zone,
        server.manager_role_id,
        server.alert_channel_id,
        server.confirm_above,
        server.approve_above,
        server.showcase_channel_id,
        server.showcase_stars,
        server.consent.value,
    )


async def confirm_above(tx: Tx, account_id: int) -> int | None:
    """Return the price, in micro-dollars, above which a member wants to be asked; ``None`` where they said nothing."""
    row = await tx.fetch_one(_PREFERS, account_id)
    return None if row is None else row["confirm_above"]


async def prefer(tx: Tx, account_id: int, confirm_above: int | None) -> None:
    """Set the price above which a member wants to be asked; ``None`` leaves it to the server."""
    await tx.execute(_PREFER, account_id, confirm_above)
