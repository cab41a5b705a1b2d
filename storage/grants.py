"""Units of work over ``grants``: bonus amounts, and the pools of threads.

A grant's row is its lock. What is drawn on one is held in ``grant_uses`` until the hold of its job ends. A sponsored
pool came out of a member's own allowance: what is not spent yet stays held there, until the pool is closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from storage._rows import the_row
from storage.database import Row, Tx
from storage.records import Grant, Scope

_COLUMNS: Final = """
    grants.id, grants.guild_id, grants.scope, grants.subject_id, grants.amount, grants.giver_id, grants.sponsor_id,
    grants.created_at, grants.expires_at, grants.ended_at
"""
_ADD: Final = f"""
INSERT INTO grants (guild_id, scope, subject_id, amount, giver_id, sponsor_id, created_at, expires_at)
VALUES (?1, ?2, ?3, ?4, ?5, CAST(?6 AS BIGINT), ?7, CAST(?8 AS BIGINT)) RETURNING {_COLUMNS}, 0 AS held, 0 AS spent
"""  # noqa: S608 - names of columns only
_GET: Final = f"""
SELECT {_COLUMNS}, CAST(coalesce(sum(grant_uses.held), 0) AS BIGINT) AS held,
    CAST(coalesce(sum(grant_uses.spent), 0) AS BIGINT) AS spent
FROM grants LEFT JOIN grant_uses ON grant_uses.grant_id = grants.id WHERE grants.id = ?1
GROUP BY grants.id
"""  # noqa: S608 - names of columns only
_OPEN: Final = f"""
SELECT {_COLUMNS}, coalesce(grant_uses.held, 0) AS held, coalesce(grant_uses.spent, 0) AS spent
FROM grants LEFT JOIN grant_uses ON grant_uses.grant_id = grants.id AND grant_uses.holder_id = ?3
WHERE grants.guild_id = ?1 AND grants.scope = ?2 AND grants.ended_at IS NULL ORDER BY grants.id
"""  # noqa: S608 - names of columns only
_OPEN_TO: Final = f"""
SELECT {_COLUMNS}, coalesce(grant_uses.held, 0) AS held, coalesce(grant_uses.spent, 0) AS spent
FROM grants LEFT JOIN grant_uses ON grant_uses.grant_id = grants.id AND grant_uses.holder_id = ?4
WHERE grants.guild_id = ?1 AND grants.scope = ?2 AND grants.subject_id = ?3 AND grants.ended_at IS NULL
ORDER BY grants.id
"""  # noqa: S608 - names of columns only
_ALL_OPEN: Final = f"""
SELECT {_COLUMNS}, CAST(coalesce(sum(grant_uses.held), 0) AS BIGINT) AS held,
    CAST(coalesce(sum(grant_uses.spent), 0) AS BIGINT) AS spent
FROM grants LEFT JOIN grant_uses ON grant_uses.grant_id = grants.id
WHERE grants.guild_id = ?1 AND grants.ended_at IS NULL GROUP BY grants.id ORDER BY grants.id
"""  # noqa: S608 - names of columns only
_EXPIRED: Final = """
SELECT id FROM grants WHERE ended_at IS NULL AND expires_at IS NOT NULL AND expires_at <= ?1 ORDER BY expires_at LIMIT 100
"""
_LOCK: Final = "UPDATE grants SET checks = checks + 1 WHERE id = ?1"
_END: Final = "UPDATE grants SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL RETURNING id"
_DRAW: Final = """
INSERT INTO grant_uses (grant_id, holder_id, held, spent) VALUES (?1, ?2, ?3, 0)
ON CONFLICT (grant_id, holder_id) DO UPDATE SET held = grant_uses.held + excluded.held
"""
_PAY: Final = "UPDATE grant_uses SET held = held - ?3, spent = spent + ?4 WHERE grant_id = ?1 AND holder_id = ?2"


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a hold that a grant carries. ``holder_id`` is whose use of it that is, 0 where all share it."""

    grant_id: int
    holder_id: int
    #: Micro-dollars.
    amount: int


async def add(
    tx: Tx,
    *,
    guild_id: int,
    scope: Scope,
    subject_id: int,
    amount: int,
    giver_id: int,
    now: int,
    sponsor_id: int | None = None,
    expires_at: int | None = None,
) -> Grant:
    """Write a grant down; see :class:`Grant` for what the parts mean."""
    row = await the_row(tx, _ADD, guild_id, scope.value, subject_id, amount, giver_id, sponsor_id, now, expires_at)
    return _grant(row)


async def lock(tx: Tx, grant_id: int) -> Grant:
    """Keep a grant to this unit, and return it with what all its holders used. Raises LookupError."""
    await tx.execute(_LOCK, grant_id)
    return await known(tx, grant_id)


async def known(tx: Tx, grant_id: int) -> Grant:
    """Return a grant with what all its holders used. Raises LookupError."""
    row = await the_row(tx, _GET, grant_id)
    return _grant(row)


async def open_in(tx: Tx, guild_id: int) -> list[Grant]:
    """Return the open grants of a server, each with what all its holders used."""
    return [_grant(row) for row in await tx.fetch_all(_ALL_OPEN, guild_id)]


async def pool(tx: Tx, guild_id: int, thread_id: int) -> list[Grant]:
    """Return the open grants of a thread, in the order in which they are drained."""
    return _in_order(await _open_to(tx, guild_id, Scope.THREAD, thread_id, 0))


async def available(
    tx: Tx,
    guild_id: int,
    *,
    account_id: int,
    role_ids: Iterable[int],
    thread_id: int | None,
    now: int,
    pooled: bool = False,
) -> list[Grant]:
    """Return what a member may draw on in a thread, in the order in which it is drained, with their use of it.

    The pool comes first, then what expires soonest; ``pooled``: nothing but the pool. One of which all is used is
    among them while some is only held.
    """
    found = [] if thread_id is None else await pool(tx, guild_id, thread_id)
    if not pooled:
        found += await _bonuses(tx, guild_id, account_id, frozenset(role_ids))
    return [grant for grant in found if (grant.left or grant.held) and not _expired(grant, now)]


async def _bonuses(tx: Tx, guild_id: int, account_id: int, held_roles: frozenset[int]) -> list[Grant]:
    own = await _open_to(tx, guild_id, Scope.MEMBER, account_id, account_id)
    roles = [
        _grant(row)
        for row in await tx.fetch_all(_OPEN, guild_id, Scope.ROLE.value, account_id)
        if row["subject_id"] in held_roles
    ]
    return _in_order([*own, *roles])


async def cover(
    tx: Tx,
    guild_id: int,
    amount: int,
    *,
    account_id: int,
    role_ids: Iterable[int],
    thread_id: int | None,
    now: int,
    pooled: bool = False,
) -> list[Share]:
    """Return as much of an amount as the grants open to a member cover, or the pool alone, by what each would carry.

    They are locked, and nothing is written: :func:`draw` does that.
    """
    search = partial(
        available,
        tx,
        guild_id,
        account_id=account_id,
        role_ids=frozenset(role_ids),
        thread_id=thread_id,
        now=now,
        pooled=pooled,
    )
    candidates = await search()
    locked = sorted(grant.id for grant in candidates)
    if not locked:
        return []
    for grant_id in locked:
        await tx.execute(_LOCK, grant_id)
    shares: list[Share] = []
    # Anew, now that they are locked: another unit may have drawn on them, or ended them.
    for grant in await search():
        drawn = min(amount, grant.left)
        if drawn and grant.id in locked:
            shares.append(Share(grant.id, 0 if grant.scope is Scope.THREAD else account_id, drawn))
            amount -= drawn
    return shares


async def draw(tx: Tx, shares: Iterable[Share]) -> None:
    """Draw on grants what :func:`cover` said in this unit."""
    for share in shares:
        await tx.execute(_DRAW, share.grant_id, share.holder_id, share.amount)


async def pay(tx: Tx, share: Share, spent: int) -> None:
    """End what a hold drew on a grant: give the share back and book what was spent of it."""
    await tx.execute(_PAY, share.grant_id, share.holder_id, share.amount, spent)


async def end(tx: Tx, grant_id: int, now: int) -> bool:
    """End a grant, so that nothing more is drawn on it; returns whether this call did."""
    return await tx.fetch_one(_END, grant_id, now) is not None


async def expired(tx: Tx, now: int) -> list[int]:
    """Return grants whose time is over and which have not ended, at most 100."""
    return [row["id"] for row in await tx.fetch_all(_EXPIRED, now)]


def unspent(grant: Grant) -> int:
    """Return how much of a sponsor's allowance a pool still keeps back, given what all its holders used."""
    rest = max(0, grant.amount - grant.spent)  # an overshoot may have left less than running edits hold
    return rest if grant.ended_at is None else min(rest, grant.held)


async def _open_to(tx: Tx, guild_id: int, scope: Scope, subject_id: int, holder_id: int) -> list[Grant]:
    rows = await tx.fetch_all(_OPEN_TO, guild_id, scope.value, subject_id, holder_id)
    return [_grant(row) for row in rows]


def _in_order(grants: Sequence[Grant]) -> list[Grant]:
    never = 2**63
    return sorted(grants, key=lambda grant: (never if grant.expires_at is None else grant.expires_at, grant.id))


def _expired(grant: Grant, now: int) -> bool:
    return grant.expires_at is not None and grant.expires_at <= now


def _grant(row: Row) -> Grant:
    return Grant(
        row["id"],
        row["guild_id"],
        Scope(row["scope"]),
        row["subject_id"],
        row["amount"],
        row["giver_id"],
        row["sponsor_id"],
        row["created_at"],
        row["expires_at"],
        row["ended_at"],
        row["held"],
        row["spent"],
    )
