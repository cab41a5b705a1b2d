"""Units of work over ``accounts``: whom the books name. The row itself is the lock on what its account may use."""

from __future__ import annotations

from typing import Final

from storage._rows import the_row
from storage.database import Tx
from storage.records import Asker, Scope

_FIND: Final = "SELECT id FROM accounts WHERE scope = ?1 AND guild_id = ?2 AND holder_id = ?3"
# Kept from being forgotten until the unit is over, so that nothing is written in the name of nobody.
_KEEP: Final = """
SELECT id FROM accounts WHERE scope = ?1 AND guild_id = ?2 AND holder_id = ?3 /* FOR KEY SHARE OF accounts */
"""
_ADD: Final = """
INSERT INTO accounts (scope, guild_id, holder_id, created_at) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (scope, guild_id, holder_id) DO NOTHING RETURNING id
"""
_LOCK: Final = "UPDATE accounts SET checks = checks + 1 WHERE id = ?1"
_HOLDER: Final = "SELECT holder_id FROM accounts WHERE id = ?1"


async def find(tx: Tx, scope: Scope, guild_id: int = 0, holder_id: int = 0) -> int | None:
    """Return the id of an account, or ``None`` when nothing was ever booked on it."""
    row = await tx.fetch_one(_FIND, scope.value, guild_id, holder_id)
    return None if row is None else row["id"]


async def ensure(tx: Tx, scope: Scope, now: int, guild_id: int = 0, holder_id: int = 0) -> int:
    """Return the id of an account, opening it when it is new. A member's is not forgotten while this unit goes on."""
    found = _KEEP if scope is Scope.MEMBER else _FIND
    row = await tx.fetch_one(found, scope.value, guild_id, holder_id)
    if row is None:
        row = await tx.fetch_one(_ADD, scope.value, guild_id, holder_id, now)
    if row is None:  # another transaction opened it meanwhile
        row = await the_row(tx, found, scope.value, guild_id, holder_id)
    return row["id"]


async def bound_by(tx: Tx, asker: Asker, channel_id: int, now: int) -> dict[Scope, int]:
    """Return the accounts whose allowances bind a member's edit: the bot's, the server's, the channel's, their own."""
    return {
        Scope.BOT: await ensure(tx, Scope.BOT, now),
        Scope.SERVER: await ensure(tx, Scope.SERVER, now, asker.guild_id),
        Scope.CHANNEL: await ensure(tx, Scope.CHANNEL, now, asker.guild_id, channel_id),
        Scope.MEMBER: await ensure(tx, Scope.MEMBER, now, asker.guild_id, asker.user_id),
    }


async def lock(tx: Tx, account_id: int) -> None:
    """Keep an account to this unit: whoever else would hold money on it waits here, and then counts anew.

    Several are locked in the order of their ids.
    """
    await tx.execute(_LOCK, account_id)


async def holder(tx: Tx, account_id: int) -> int | None:
    """Return Discord's id of whose account it is, or ``None`` once the person was forgotten."""
    row = await tx.fetch_one(_HOLDER, account_id)
    return None if row is None else row["holder_id"]
