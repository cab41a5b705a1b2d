"""Units of work over ``drafts``: edits that members are still writing, as they were typed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from storage import pictures
from storage._rows import the_row
from storage.database import Row, Tx
from storage.records import Reference

_COLUMNS: Final = """
drafts.*, accounts.holder_id AS user_id FROM drafts LEFT JOIN accounts ON accounts.id = drafts.account_id
"""
_ADD: Final = """
INSERT INTO drafts (guild_id, account_id, typed, pictures, parent_id, words_of, made_at, changed_at)
VALUES (?1, ?2, ?3, ?4, CAST(?5 AS BIGINT), CAST(?6 AS BIGINT), ?7, ?7) RETURNING id
"""
_GET: Final = f"SELECT {_COLUMNS} WHERE drafts.id = ?1"
_LOCK: Final = f"SELECT {_COLUMNS} WHERE drafts.id = ?1 /* FOR UPDATE OF drafts */"
_NEWEST: Final = f"""
SELECT {_COLUMNS} WHERE drafts.account_id = ?1 AND drafts.changed_at > ?2
ORDER BY drafts.changed_at DESC, drafts.id DESC LIMIT 1
"""
_OF_MEMBER: Final = f"""
SELECT {_COLUMNS} WHERE drafts.account_id = ?1 AND drafts.changed_at > ?2
ORDER BY drafts.changed_at DESC, drafts.id DESC
"""
_SAVE: Final = """
UPDATE drafts
SET typed = ?2, pictures = ?3, parent_id = CAST(?4 AS BIGINT), words_of = CAST(?5 AS BIGINT), changed_at = ?6
WHERE id = ?1
"""
_TAKE: Final = "DELETE FROM drafts WHERE id = ?1 AND account_id = ?2 AND changed_at > ?3 RETURNING id"
_FINISH: Final = "DELETE FROM drafts WHERE id = ?1 AND changed_at <= ?2"
# No member has more than a few; the number is there because SQLite takes no OFFSET without one.
_TRIM: Final = """
DELETE FROM drafts WHERE id IN (
    SELECT id FROM drafts WHERE account_id = ?1 ORDER BY changed_at DESC, id DESC LIMIT 1000 OFFSET ?2
)
"""
_SWEEP: Final = "DELETE FROM drafts WHERE changed_at <= ?1"
_UNBIND: Final = "DELETE FROM draft_pictures WHERE draft_id = ?1"
_BIND: Final = """
INSERT INTO draft_pictures (draft_id, sha256) VALUES (?1, ?2) ON CONFLICT (draft_id, sha256) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Draft:
    """An edit that a member is still writing."""

    id: int
    guild_id: int
    account_id: int
    #: Discord's id of the member, or ``None`` once they were forgotten.
    user_id: int | None
    #: What was typed or chosen, by option name, as JSON holds it. Wrong values stay, so that they can be mended.
    values: Mapping[str, Any]
    #: The pictures, the one to start from first.
    references: tuple[Reference, ...]
    #: The result it edits.
    parent_id: int | None
    #: The result whose prompt it has, until other words are typed.
    words_of: int | None
    made_at: int
    changed_at: int


async def add(
    tx: Tx,
    *,
    guild_id: int,
    account_id: int,
    values: Mapping[str, Any],
    references: tuple[Reference, ...],
    parent_id: int | None,
    words_of: int | None,
    now: int,
) -> int:
    """Write a new draft down; return its id."""
    typed, given = _typed(values), _pictures(references)
    row = await the_row(tx, _ADD, guild_id, account_id, typed, given, parent_id, words_of, now)
    await _bind(tx, row["id"], references, now)
    return row["id"]


async def get(tx: Tx, draft_id: int) -> Draft | None:
    """Return a draft, however old it is."""
    row = await tx.fetch_one(_GET, draft_id)
    return None if row is None else _draft(row)


async def lock(tx: Tx, draft_id: int) -> Draft | None:
    """Return a draft, and keep it to this unit."""
    row = await tx.fetch_one(_LOCK, draft_id)
    return None if row is None else _draft(row)


async def newest(tx: Tx, account_id: int, since: int) -> Draft | None:
    """Return the draft that a member changed last, if that was after a time."""
    row = await tx.fetch_one(_NEWEST, account_id, since)
    return None if row is None else _draft(row)


async def of_member(tx: Tx, account_id: int, since: int) -> list[Draft]:
    """Return a member's drafts that were changed after a time, the last changed first. There are a few at most."""
    return [_draft(row) for row in await tx.fetch_all(_OF_MEMBER, account_id, since)]


async def save(tx: Tx, draft: Draft) -> None:
    """Write a draft down as it is now. Its unit has it locked."""
    typed, given = _typed(draft.values), _pictures(draft.references)
    await tx.execute(_SAVE, draft.id, typed, given, draft.parent_id, draft.words_of, draft.changed_at)
    await tx.execute(_UNBIND, draft.id)
    await _bind(tx, draft.id, draft.references, draft.changed_at)


async def take(tx: Tx, draft_id: int, account_id: int, since: int) -> bool:
    """Take away a member's draft that was changed after a time; returns whether this did: of two presses one wins."""
    return await tx.fetch_one(_TAKE, draft_id, account_id, since) is not None


async def finish(tx: Tx, draft_id: int, changed_by: int) -> None:
    """Take away a draft whose request was asked for in the end, unless it was changed after a time."""
    await tx.execute(_FINISH, draft_id, changed_by)


async def trim(tx: Tx, account_id: int, most: int) -> int:
    """Take away what a member has beyond so many drafts, the longest unchanged first; returns how many."""
    return await tx.execute(_TRIM, account_id, most)


async def sweep(tx: Tx, changed_by: int) -> int:
    """Take away the drafts that were last changed at or before a time; returns how many."""
    return await tx.execute(_SWEEP, changed_by)


async def _bind(tx: Tx, draft_id: int, references: Iterable[Reference], now: int) -> None:
    """Keep the files of a draft in the picture store. A result is kept by being used: taken down, it has to go."""
    for reference in references:
        if reference.result_id is None:
            await tx.execute(_BIND, draft_id, reference.sha256)
            await pictures.used_again(tx, [reference.sha256], now)
        else:
            await pictures.used(tx, reference.sha256, now)


def _typed(values: Mapping[str, Any]) -> str:
    # In ASCII: what was typed may hold what is no text, which no database keeps (see bot.options), until it is mended.
    return json.dumps(dict(values), separators=(",", ":"))


def _pictures(references: Iterable[Reference]) -> str:
    return json.dumps([asdict(reference) for reference in references], separators=(",", ":"))


def _draft(row: Row) -> Draft:
    return Draft(
        id=row["id"],
        guild_id=row["guild_id"],
        account_id=row["account_id"],
        user_id=row["user_id"],
        values=json.loads(row["typed"]),
        references=tuple(Reference(**reference) for reference in json.loads(row["pictures"])),
        parent_id=row["parent_id"],
        words_of=row["words_of"],
        made_at=row["made_at"],
        changed_at=row["changed_at"],
    )
