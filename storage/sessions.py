"""Units of work over ``sessions``: threads in which edits are made, who owns them and whom they let in.

A session's row is its lock: whoever edits in it, and whoever closes it, waits there for the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from storage import accounts
from storage._rows import the_row
from storage.database import Row, Tx
from storage.records import Access, Asker, Membership, Place, Scope, Session, SessionState

#: So many people of a session are listed.
PEOPLE_SHOWN: Final = 50

_GET: Final = "SELECT * FROM sessions WHERE id = ?1"
_LOCK: Final = "SELECT * FROM sessions WHERE id = ?1 /* FOR UPDATE OF sessions */"
_OF_THREAD: Final = "SELECT * FROM sessions WHERE guild_id = ?1 AND thread_id = ?2"
_ADD: Final = """
INSERT INTO sessions (guild_id, channel_id, thread_id, public, owner_id, access, state, created_at)
VALUES (?1, ?2, ?3, ?4, ?5, 'open', 'open', ?6)
ON CONFLICT (guild_id, thread_id) DO NOTHING RETURNING id
"""
_SET_ACCESS: Final = "UPDATE sessions SET access = ?2, role_id = CAST(?3 AS BIGINT) WHERE id = ?1"
_SET_STATE: Final = """
UPDATE sessions SET state = ?2, closed_at = CAST(?3 AS BIGINT), summed_up_at = NULL WHERE id = ?1
"""
_SUM_UP: Final = "UPDATE sessions SET summed_up_at = ?3 WHERE id = ?1 AND closed_at = CAST(?2 AS BIGINT)"
_IS_SUMMED_UP: Final = "SELECT id FROM sessions WHERE id = ?1 AND summed_up_at IS NOT NULL"
_SET_OWNER: Final = "UPDATE sessions SET owner_id = ?2 WHERE id = ?1"
_MEMBERSHIP: Final = "SELECT standing FROM session_people WHERE session_id = ?1 AND account_id = ?2"
_SET_MEMBERSHIP: Final = """
INSERT INTO session_people (session_id, account_id, standing) VALUES (?1, ?2, ?3)
ON CONFLICT (session_id, account_id) DO UPDATE SET standing = excluded.standing
"""
_FORGET_MEMBERSHIP: Final = "DELETE FROM session_people WHERE session_id = ?1 AND account_id = ?2"
_PEOPLE: Final = """
SELECT session_people.standing, accounts.holder_id AS user_id
FROM session_people LEFT JOIN accounts ON accounts.id = session_people.account_id
WHERE session_people.session_id = ?1 ORDER BY session_people.account_id LIMIT ?2
"""
_SHARES: Final = """
SELECT jobs.account_id, accounts.holder_id AS user_id, count(*) AS edits,
    CAST(sum(CASE WHEN jobs.status = 'succeeded' THEN 1 ELSE 0 END) AS BIGINT) AS made,
    CAST(sum(coalesce(jobs.cost, 0)) AS BIGINT) AS cost
FROM jobs LEFT JOIN accounts ON accounts.id = jobs.account_id
WHERE jobs.session_id = ?1 GROUP BY jobs.account_id, accounts.holder_id
ORDER BY 4 DESC, 5 DESC, 1
"""
_PICTURES: Final = """
SELECT jobs.account_id, count(*) AS pictures
FROM jobs JOIN results ON results.job_id = jobs.id
WHERE jobs.session_id = ?1 GROUP BY jobs.account_id
"""


@dataclass(frozen=True, slots=True)
class Share:
    """What one person did in a session."""

    account_id: int
    #: Discord's id of the person, while known.
    user_id: int | None
    #: Edits that were asked for, and those of which pictures came.
    edits: int
    made: int
    #: What they cost, in micro-dollars, whoever paid.
    cost: int


async def get(tx: Tx, session_id: int) -> Session | None:
    """Return a session."""
    return _maybe(await tx.fetch_one(_GET, session_id))


async def lock(tx: Tx, session_id: int) -> Session:
    """Return a session that must be there, and keep it to this unit."""
    return _session(await the_row(tx, _LOCK, session_id))


async def of_thread(tx: Tx, guild_id: int, thread_id: int) -> Session | None:
    """Return the session of a thread, if there were edits in it."""
    return _maybe(await tx.fetch_one(_OF_THREAD, guild_id, thread_id))


async def ensure(tx: Tx, asker: Asker, place: Place, now: int) -> Session:
    """Return the session of a place, kept to this unit; the first edit opens it, for whoever made the thread."""
    thread_id = place.thread_id or place.reply_id
    found = await of_thread(tx, asker.guild_id, thread_id)
    if found is None:
        owner_id = await accounts.ensure(tx, Scope.MEMBER, now, asker.guild_id, place.host_id or asker.user_id)
        await tx.fetch_one(_ADD, asker.guild_id, place.channel_id, thread_id, int(place.public), owner_id, now)
        found = _session(await the_row(tx, _OF_THREAD, asker.guild_id, thread_id))
    return await lock(tx, found.id)


async def set_access(tx: Tx, session_id: int, access: Access, role_id: int | None = None) -> None:
    """Set who may edit; a role is named where the access is by role."""
    await tx.execute(_SET_ACCESS, session_id, access.value, role_id)


async def set_state(tx: Tx, session_id: int, state: SessionState, now: int) -> None:
    """Open, lock or close a session."""
    await tx.execute(_SET_STATE, session_id, state.value, now if state is SessionState.CLOSED else None)


async def sum_up(tx: Tx, closed: Session, now: int) -> None:
    """Record that the summary of a closed session was posted, unless it was opened again since."""
    await tx.execute(_SUM_UP, closed.id, closed.closed_at, now)


async def is_summed_up(tx: Tx, session_id: int) -> bool:
    """Return whether a session is closed and its summary was posted."""
    return await tx.fetch_one(_IS_SUMMED_UP, session_id) is not None


async def set_owner(tx: Tx, session_id: int, account_id: int) -> None:
    """Hand a session to another person."""
    await tx.execute(_SET_OWNER, session_id, account_id)


async def membership(tx: Tx, session_id: int, account_id: int) -> Membership | None:
    """Return what was said of a person; ``None`` where nothing was."""
    row = await tx.fetch_one(_MEMBERSHIP, session_id, account_id)
    return None if row is None else Membership(row["standing"])


async def set_membership(tx: Tx, session_id: int, account_id: int, membership: Membership | None) -> None:
    """Say of a person that they were invited or removed, or take back what was said."""
    if membership is None:
        await tx.execute(_FORGET_MEMBERSHIP, session_id, account_id)
    else:
        await tx.execute(_SET_MEMBERSHIP, session_id, account_id, membership.value)


async def people(tx: Tx, session_id: int) -> list[tuple[int | None, Membership]]:
    """Return whom a session invited or removed, by Discord's ids, while known; at most :data:`PEOPLE_SHOWN`."""
    rows = await tx.fetch_all(_PEOPLE, session_id, PEOPLE_SHOWN)
    return [(row["user_id"], Membership(row["standing"])) for row in rows]


async def shares(tx: Tx, session_id: int) -> list[Share]:
    """Return who did how much in a session, who made most first."""
    return [
        Share(row["account_id"], row["user_id"], row["edits"], row["made"], row["cost"])
        for row in await tx.fetch_all(_SHARES, session_id)
    ]


async def pictures(tx: Tx, session_id: int) -> dict[int, int]:
    """Return how many pictures the edits of each account made in a session, also those that were taken down."""
    return {row["account_id"]: row["pictures"] for row in await tx.fetch_all(_PICTURES, session_id)}


def _maybe(row: Row | None) -> Session | None:
    return None if row is None else _session(row)


def _session(row: Row) -> Session:
    return Session(
        row["id"],
        row["guild_id"],
        row["channel_id"],
        row["thread_id"],
        bool(row["public"]),
        row["owner_id"],
        Access(row["access"]),
        row["role_id"],
        SessionState(row["state"]),
        row["created_at"],
        row["closed_at"],
    )
