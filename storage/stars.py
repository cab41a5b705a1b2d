"""Units of work over ``stars`` and ``starred``: what people like, and the galleries made of it.

``starred`` has a row for each result with a star: its counter equals the rows of ``stars``. The result's row is the lock
on both: a counter's own row may not be there yet, or go at this very moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from storage.database import Row, Tx

#: Comes before every entry of a gallery.
START: Final = (2**62, 2**62)

_LOCK: Final = "SELECT id FROM results WHERE id = ?1 AND deleted_at IS NULL /* FOR UPDATE OF results */"
_ADD: Final = """
INSERT INTO stars (result_id, account_id, at) VALUES (?1, ?2, ?3)
ON CONFLICT (result_id, account_id) DO NOTHING RETURNING result_id
"""
_REMOVE: Final = "DELETE FROM stars WHERE result_id = ?1 AND account_id = ?2 RETURNING result_id"
_GIVEN: Final = "SELECT 1 AS given FROM stars WHERE result_id = ?1 AND account_id = ?2"
_RAISE: Final = """
INSERT INTO starred (result_id, guild_id, session_id, account_id, week, stars)
SELECT results.id, jobs.guild_id, jobs.session_id, jobs.account_id, CAST(?2 AS BIGINT), 1
FROM results JOIN jobs ON jobs.id = results.job_id WHERE results.id = ?1
ON CONFLICT (result_id) DO UPDATE SET stars = starred.stars + 1
"""
_LOWER: Final = "UPDATE starred SET stars = stars - 1 WHERE result_id = ?1 AND stars > 1 RETURNING stars"
_FORGET: Final = "DELETE FROM starred WHERE result_id = ?1"
_FORGET_GIVEN: Final = "DELETE FROM stars WHERE result_id = ?1"
_ENTRY: Final = """
starred.result_id, starred.stars, sessions.channel_id, sessions.public, announcements.channel_id AS shown_in
FROM starred
JOIN sessions ON sessions.id = starred.session_id
JOIN results ON results.id = starred.result_id
LEFT JOIN announcements ON announcements.job_id = results.job_id AND announcements.idx = results.announcement
"""
# Bare parameters: SQLite seeks by both columns only where nothing is converted, and else reads all that have as many stars.
_BEYOND: Final = "(starred.stars, starred.result_id) < (?2, ?3)"
_BEFORE: Final = "(starred.stars, starred.result_id) > (?2, ?3)"
_DOWN: Final = "ORDER BY starred.stars DESC, starred.result_id DESC LIMIT ?4"
_UP: Final = "ORDER BY starred.stars, starred.result_id LIMIT ?4"


class Shelf(StrEnum):
    """What a gallery is about."""

    SERVER = "server"
    WEEK = "week"
    PERSON = "person"
    SESSION = "session"


_OF: Final = {
    Shelf.SERVER: "starred.guild_id = ?1",
    Shelf.WEEK: "starred.guild_id = ?1 AND starred.week = ?5",
    Shelf.PERSON: "starred.guild_id = ?1 AND starred.account_id = ?5",
    Shelf.SESSION: "starred.session_id = ?1",
}
_ONWARD: Final = {shelf: f"SELECT {_ENTRY} WHERE {of} AND {_BEYOND} {_DOWN}" for shelf, of in _OF.items()}
_BACKWARD: Final = {shelf: f"SELECT {_ENTRY} WHERE {of} AND {_BEFORE} {_UP}" for shelf, of in _OF.items()}


@dataclass(frozen=True, slots=True)
class Entry:
    """A result with stars, and where it stands: enough to tell who may see it."""

    result_id: int
    stars: int
    #: The channel of its session, and whether whoever reads that reads the session's thread too.
    channel_id: int
    public: bool
    #: The channel or thread that holds its message; ``None`` where it was never posted.
    shown_in: int | None

    @property
    def cursor(self) -> tuple[int, int]:
        """Its place in every gallery that has it."""
        return self.stars, self.result_id


async def give(tx: Tx, result_id: int, account_id: int, week: int, now: int) -> bool:
    """Give a result a star; returns whether this did. ``week``: the local week in which the result was made.

    A result that was taken down takes none.
    """
    if await tx.fetch_one(_LOCK, result_id) is None or await tx.fetch_one(_ADD, result_id, account_id, now) is None:
        return False
    await tx.execute(_RAISE, result_id, week)
    return True


async def take(tx: Tx, result_id: int, account_id: int) -> bool:
    """Take a person's star back; returns whether there was one."""
    if await tx.fetch_one(_LOCK, result_id) is None or await tx.fetch_one(_REMOVE, result_id, account_id) is None:
        return False
    if await tx.fetch_one(_LOWER, result_id) is None:
        await tx.execute(_FORGET, result_id)
    return True


async def given(tx: Tx, result_id: int, account_id: int) -> bool:
    """Return whether a person gave a result a star."""
    return await tx.fetch_one(_GIVEN, result_id, account_id) is not None


async def forget(tx: Tx, result_id: int) -> None:
    """Take all stars of a result away: it was taken down, in the same unit, which so holds the lock."""
    await tx.execute(_FORGET_GIVEN, result_id)
    await tx.execute(_FORGET, result_id)


async def page(
    tx: Tx, shelf: Shelf, of: int, cursor: tuple[int, int], limit: int, *, key: int = 0, back: bool = False
) -> list[Entry]:
    """Return what follows a place in a gallery, the most stars first; or, going ``back``, what is before it, nearest first.

    ``of`` is the server, or the session of a :attr:`Shelf.SESSION`; ``key`` the week or the person's account.
    """
    statement = (_BACKWARD if back else _ONWARD)[shelf]
    keyed = (key,) if shelf in (Shelf.WEEK, Shelf.PERSON) else ()
    return [_entry(row) for row in await tx.fetch_all(statement, of, *cursor, limit, *keyed)]


def _entry(row: Row) -> Entry:
    return Entry(row["result_id"], row["stars"], row["channel_id"], bool(row["public"]), row["shown_in"])
