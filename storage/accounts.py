"""Units of work over ``accounts``: whom the books name."""

from __future__ import annotations

from storage._rows import the_row
from storage.database import Tx
from storage.records import Asker, Scope

_FIND = "SELECT id FROM accounts WHERE scope = ?1 AND guild_id = ?2 AND user_id = ?3"
_ADD = """
INSERT INTO accounts (scope, guild_id, user_id, created_at) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (scope, guild_id, user_id) DO NOTHING RETURNING id
"""


async def find(tx: Tx, scope: Scope, guild_id: int = 0, user_id: int = 0) -> int | None:
    """Return the id of an account, or ``None`` when nothing was ever booked on it."""
    row = await tx.fetch_one(_FIND, scope.value, guild_id, user_id)
    return None if row is None else row["id"]


async def ensure(tx: Tx, scope: Scope, now: int, guild_id: int = 0, user_id: int = 0) -> int:
    """Return the id of an account, opening it when it is new."""
    found = await find(tx, scope, guild_id, user_id)
    if found is not None:
        return found
    row = await tx.fetch_one(_ADD, scope.value, guild_id, user_id, now)
    if row is None:  # another transaction opened it meanwhile
        row = await the_row(tx, _FIND, scope.value, guild_id, user_id)
    return row["id"]


async def bound_by(tx: Tx, asker: Asker, now: int) -> dict[Scope, int]:
    """Return the accounts whose allowances bind a member's edit: the bot's, the server's and their own."""
    return {
        Scope.BOT: await ensure(tx, Scope.BOT, now),
        Scope.SERVER: await ensure(tx, Scope.SERVER, now, asker.guild_id),
        Scope.MEMBER: await ensure(tx, Scope.MEMBER, now, asker.guild_id, asker.user_id),
    }
