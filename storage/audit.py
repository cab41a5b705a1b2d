"""Units of work over ``audit``: who changed what about money, when, from and to.

Texts name people by their accounts, so that a person can be forgotten; :func:`last` puts in who that is, while known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from storage import accounts
from storage.database import Tx

#: The account that stands for whoever runs the bot.
OPERATOR: Final = 0
_PERSON: Final = re.compile(r"<account (\d+)>")

_ADD: Final = "INSERT INTO audit (at, guild_id, account_id, subject, before, after) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
_LAST: Final = """
SELECT audit.id, audit.at, audit.account_id, audit.subject, audit.before, audit.after, accounts.holder_id AS user_id
FROM audit LEFT JOIN accounts ON accounts.id = audit.account_id
WHERE audit.guild_id = ?1 ORDER BY audit.id DESC LIMIT ?2
"""


@dataclass(frozen=True, slots=True)
class Change:
    """One change, in words as Discord shows them."""

    at: int
    account_id: int
    #: Who it was, as far as Discord's id is known still.
    user_id: int | None
    subject: str
    #: Empty where there was, or now is, nothing.
    before: str
    after: str


def person(account_id: int) -> str:
    """Return what stands for a member in a text of the log."""
    return f"<account {account_id}>"


async def record(tx: Tx, guild_id: int, account_id: int, subject: str, *, before: str, after: str, now: int) -> None:
    """Write down a change, in the unit that makes it."""
    await tx.execute(_ADD, now, guild_id, account_id, subject, before, after)


async def last(tx: Tx, guild_id: int, limit: int) -> list[Change]:
    """Return the last changes in a server, newest first."""
    return [
        Change(
            row["at"],
            row["account_id"],
            row["user_id"],
            await _named(tx, row["subject"]),
            row["before"],
            row["after"],
        )
        for row in await tx.fetch_all(_LAST, guild_id, limit)
    ]


async def _named(tx: Tx, text: str) -> str:
    """Put members as Discord shows them in place of their accounts."""
    for found in _PERSON.finditer(text):
        user_id = await accounts.holder(tx, int(found[1]))
        text = text.replace(found[0], "a member who left" if user_id is None else f"<@{user_id}>")
    return text
