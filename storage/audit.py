"""Units of work over ``audit``: who changed what about money, when, from and to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from storage.database import Tx

#: The account that stands for whoever runs the bot.
OPERATOR: Final = 0

_ADD: Final = "INSERT INTO audit (at, guild_id, account_id, subject, before, after) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
_LAST: Final = """
SELECT audit.id, audit.at, audit.account_id, audit.subject, audit.before, audit.after, accounts.holder_id AS user_id
FROM audit LEFT JOIN accounts ON accounts.id = audit.account_id
WHERE audit.guild_id = ?1 ORDER BY audit.id DESC LIMIT ?2
"""


@dataclass(frozen=True, slots=True)
class Change:
    """One change, in words that need no database to be read."""

    at: int
    account_id: int
    #: Who it was, as far as Discord's id is known still.
    user_id: int | None
    subject: str
    #: Empty where there was, or now is, nothing.
    before: str
    after: str


async def record(tx: Tx, guild_id: int, account_id: int, subject: str, *, before: str, after: str, now: int) -> None:
    """Write down a change, in the unit that makes it."""
    await tx.execute(_ADD, now, guild_id, account_id, subject, before, after)


async def last(tx: Tx, guild_id: int, limit: int) -> list[Change]:
    """Return the last changes in a server, newest first."""
    return [
        Change(row["at"], row["account_id"], row["user_id"], row["subject"], row["before"], row["after"])
        for row in await tx.fetch_all(_LAST, guild_id, limit)
    ]
