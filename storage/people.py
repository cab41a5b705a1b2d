"""Units of work that tell what is known of a person, by the parts of :data:`PARTS`, page by page.

:data:`SAYS_NOTHING` names every other table and column, each with the reason why it says nothing about a person: a test
holds the two together against the schema, so that what is added later is told too, or left out on purpose.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from storage.database import Tx, Value

#: So many rows of a part are read together.
PAGE: Final = 100

_RESULTS: Final = """
SELECT jobs.id AS job_id, made.id, made.sha256, made.recorded_at FROM jobs CROSS JOIN results AS made
WHERE jobs.account_id = ?1 AND made.job_id = jobs.id AND made.sha256 IS NOT NULL AND made.deleted_at IS NULL
    AND (jobs.id, made.id) > (?2, ?3)
ORDER BY jobs.id, made.id LIMIT ?4
"""
# A file is known by other bytes, too, than those that were kept of it.
_FILES: Final = """
SELECT sha256, min(posted_at) AS posted_at FROM file_authors WHERE account_id = ?1 AND sha256 > ?2
    AND EXISTS (SELECT 1 FROM pictures WHERE pictures.sha256 = file_authors.sha256)
GROUP BY sha256 ORDER BY sha256 LIMIT ?3
"""
_ACCOUNTS: Final = """
SELECT id, guild_id FROM accounts WHERE scope = 'member' AND holder_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3
"""


@dataclass(frozen=True, slots=True)
class Account:
    """Whom the books of one server name for a person."""

    id: int
    guild_id: int


@dataclass(frozen=True, slots=True)
class OwnPicture:
    """A picture of somebody's: a file they gave, or a result of theirs."""

    sha256: str
    #: When it was given or made.
    at: int
    result_id: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one table that are about a person, or about something of theirs."""

    #: As data.json calls it.
    name: str
    #: What it is, in words.
    what: str
    table: str
    columns: tuple[str, ...]
    #: Which rows these are, in SQL: of the account ``?1``, or of the row above it.
    whose: str
    #: The columns by which they are ordered, each a number but those of :attr:`texts`.
    key: tuple[str, ...] = ("id",)
    texts: frozenset[str] = frozenset()
    #: What belongs to each row, by the column :attr:`parent` of it.
    parts: tuple[Part, ...] = ()
    parent: str = "id"

    @property
    def start(self) -> tuple[Value, ...]:
        """What comes before every row, in the order of the key."""
        return tuple("" if column in self.texts else -1 for column in self.key)


def _columns(text: str) -> tuple[str, ...]:
    return tuple(text.split())


#: What is known of each result.
_OF_RESULT: Final = (
    Part(
        "stars",
        "how many stars people gave it",
        "starred",
        _columns("result_id guild_id session_id account_id week stars"),
        "result_id = ?1",
        ("result_id",),
    ),
    Part(
        "also_shown",
        "the messages that show it beside its own",
        "showings",
        _columns("message_id channel_id result_id shown_at"),
        "result_id = ?1",
        ("message_id",),
    ),
    Part(
        "showcase",
        "when it had enough stars to be posted once more",
        "showcase",
        _columns("result_id reached_at post_at"),
        "result_id = ?1",
        ("result_id",),
    ),
)

#: What is known of each edit.
_OF_JOB: Final = (
    Part(
        "results",
        "the pictures that were made",
        "results",
        _columns(
            "id job_id image_uuid position seed cost nsfw url sha256 media_type width height recorded_at lost deleted_at "
            "announcement closed_at"
        ),
        "job_id = ?1",
        ("position", "id"),
        parts=_OF_RESULT,
    ),
    Part(
        "messages",
        "the messages that told of its end",
        "announcements",
        _columns("job_id idx kind posted_at channel_id message_id kept"),
        "job_id = ?1",
        ("idx",),
    ),
    Part(
        "made_of",
        "the results it was made of",
        "lineage",
        _columns("job_id place result_id"),
        "job_id = ?1",
        ("place",),
    ),
    Part(
        "pictures",
        "the files it was made of",
        "job_pictures",
        _columns("sha256 job_id"),
        "job_id = ?1",
        ("sha256",),
        frozenset({"sha256"}),
    ),
    Part(
        "hold",
        "what was kept back for it",
        "holds",
        _columns("job_id amount quarter_at day role_id ended_at"),
        "job_id = ?1",
        ("job_id",),
    ),
    Part(
        "told_to_managers",
        "that it waited for a manager",
        "alerts",
        _columns("id guild_id key kind facts raised_at posted_at"),
        "key = 'approval/' || CAST(CAST(?1 AS BIGINT) AS TEXT)",
    ),
)

_GRANT: Final = _columns("id guild_id scope subject_id amount giver_id sponsor_id created_at expires_at ended_at")
_CHANGE: Final = _columns("id at guild_id account_id subject before after")

#: Everything that is known of a person in one server.
PARTS: Final = (
    Part(
        "account",
        "your entry in this server's books",
        "accounts",
        _columns("id scope guild_id holder_id created_at"),
        "id = ?1",
    ),
    Part(
        "preferences",
        "what you set for yourself",
        "preferences",
        _columns("account_id confirm_above consent"),
        "account_id = ?1",
        ("account_id",),
    ),
    Part(
        "edits",
        "the edits you asked for, with your prompts, what they were made of, what came of them and what they cost",
        "jobs",
        _columns(
            "id task_uuid account_id guild_id channel_id reply_id thread_id public status_message_id request wanted status "
            "hold cost estimated created_at first_post_at last_post_at submitted_at ended_at settled_at error_code "
            "error_message errors_seen shown_at announced_at undeliverable_at estimate basis session_id pooled sweep_id"
        ),
        "account_id = ?1",
        parts=_OF_JOB,
    ),
    Part(
        "sweeps",
        "the sweeps you asked for",
        "sweeps",
        _columns(
            "id guild_id account_id channel_id reply_id thread_id public request axes price made_at state shown_at told_at"
        ),
        "account_id = ?1",
        parts=(
            Part(
                "cells",
                "its cells, by the edits they became",
                "sweep_cells",
                _columns("sweep_id place job_id refusal"),
                "sweep_id = ?1",
                ("place",),
            ),
        ),
    ),
    Part(
        "offers",
        "edits whose price you were asked about",
        "offers",
        _columns("id guild_id account_id channel_id reply_id thread_id public request price made_at draft_id"),
        "account_id = ?1",
    ),
    Part(
        "drafts",
        "edits you are still writing",
        "drafts",
        _columns("id guild_id account_id typed pictures parent_id words_of made_at changed_at"),
        "account_id = ?1",
        parts=(
            Part(
                "files",
                "the files that were given to it",
                "draft_pictures",
                _columns("draft_id sha256"),
                "draft_id = ?1",
                ("sha256",),
                frozenset({"sha256"}),
            ),
        ),
    ),
    Part(
        "tray",
        "what you have gathered for your next edits",
        "trays",
        _columns("account_id changed_at"),
        "account_id = ?1",
        ("account_id",),
        parts=(
            Part(
                "pictures",
                "the pictures in it, and the messages they were taken from",
                "tray_pictures",
                _columns("id account_id place sha256 result_id reference channel_id message_id"),
                "account_id = ?1",
                ("place", "id"),
            ),
        ),
        parent="account_id",
    ),
    Part(
        "picks",
        "messages of which you were choosing pictures",
        "picks",
        _columns("id guild_id account_id found author_id channel_id thread_id posted_at seen_in made_at"),
        "account_id = ?1",
        parts=(
            Part(
                "pictures",
                "the pictures of it that were read",
                "pick_pictures",
                _columns("pick_id number sha256 reference"),
                "pick_id = ?1",
                ("number",),
            ),
        ),
    ),
    Part(
        "presets",
        "the presets you saved, for yourself or for all",
        "presets",
        _columns("id owner_id maker_id name folded options made_at"),
        "maker_id = ?1",
    ),
    Part(
        "files",
        "the files that count as yours, and where you posted them",
        "file_authors",
        _columns("guild_id sha256 account_id channel_id thread_id posted_at result_id"),
        "account_id = ?1",
        ("sha256", "thread_id"),
        frozenset({"sha256"}),
    ),
    Part(
        "made_of_yours",
        "the edits, whoever asked for them, that were made of files of yours",
        "job_authors",
        _columns("job_id account_id channel_id thread_id"),
        "account_id = ?1",
        ("job_id", "thread_id"),
    ),
    Part(
        "stars_given",
        "the results you gave a star",
        "stars",
        _columns("result_id account_id at"),
        "account_id = ?1",
        ("result_id",),
    ),
    Part(
        "writing",
        "the results of which you are writing an edit",
        "claims",
        _columns("result_id account_id begun_at until_at"),
        "account_id = ?1",
        ("result_id",),
    ),
    Part(
        "sessions_owned",
        "the sessions you own",
        "sessions",
        _columns(
            "id guild_id channel_id thread_id public owner_id access role_id state created_at closed_at summed_up_at"
        ),
        "owner_id = ?1",
    ),
    Part(
        "sessions_with_you",
        "the sessions whose owner invited or removed you",
        "session_people",
        _columns("session_id account_id standing"),
        "account_id = ?1",
        ("session_id",),
    ),
    Part(
        "rounds_opened",
        "the rounds you opened",
        "rounds",
        _columns(
            "id session_id result_id opener_id message_id quorum opened_at ends_at state winner_id job_id reason told_at"
        ),
        "opener_id = ?1",
    ),
    Part(
        "proposals",
        "what you proposed in rounds",
        "proposals",
        _columns("id round_id account_id prompt"),
        "account_id = ?1",
    ),
    Part(
        "votes",
        "what you voted for",
        "votes",
        _columns("round_id account_id proposal_id"),
        "account_id = ?1",
        ("round_id",),
    ),
    Part(
        "limits",
        "the limits that managers set for you",
        "allowances",
        _columns("id guild_id scope subject_id measure amount span rolling ceiling"),
        "guild_id = (SELECT guild_id FROM accounts WHERE id = ?1) AND scope = 'member' AND subject_id = ?1",
    ),
    Part("bonuses", "what was granted to you", "grants", _GRANT, "subject_id = ?1 AND scope = 'member'"),
    Part("gifts", "what you granted, or gave to pools", "grants", _GRANT, "giver_id = ?1"),
    Part(
        "used_of_bonuses",
        "what you have used of bonuses",
        "grant_uses",
        _columns("grant_id holder_id held spent"),
        "holder_id = ?1",
        ("grant_id",),
    ),
    Part(
        "ledger",
        "the lines of the books in your name",
        "ledger",
        _columns(
            "id at account_id guild_id job_id kind held spent estimated quarter_at day grant_id edits pictures granted"
        ),
        "account_id = ?1",
        ("at", "id"),
    ),
    Part(
        "use_by_quarter",
        "how much you used, by quarter of an hour",
        "account_quarters",
        _columns("account_id quarter_at held spent edits pictures"),
        "account_id = ?1",
        ("quarter_at",),
    ),
    Part(
        "use_by_day",
        "what your edits cost, by day",
        "usage",
        _columns("guild_id dimension day key edits failed pictures spent expected settled late overshoot guessed"),
        "dimension = 'member' AND key = CAST(CAST(?1 AS BIGINT) AS TEXT)",
        ("day",),
    ),
    Part("changes_by_you", "what you changed for this server", "audit", _CHANGE, "account_id = ?1"),
    Part(
        "changes_about_you",
        "what managers changed for you",
        "audit",
        _CHANGE,
        "guild_id = (SELECT guild_id FROM accounts WHERE id = ?1) "
        "AND replace(subject, '<account ' || CAST(CAST(?1 AS BIGINT) AS TEXT) || '>', '') <> subject",
    ),
)

_OWN_WORK: Final = "how the bot goes about its work: whose turn it is, when it tries again"

#: Tables, and columns of the others, that say nothing about a person, each with why.
SAYS_NOTHING: Final[Mapping[str, str]] = {
    "memory": "small facts that the program keeps for itself",
    "migrations": "which migrations were applied",
    "pauses": "what stops edits in a place, in words of whoever ordered it; who that was stands in the audit log",
    "pictures": "which hashes the picture store has; whose they are stands elsewhere",
    "prices": "what edits cost, summed up over all people",
    "servers": "what managers set for a server",
    "spared_channels": "what managers set for a channel",
    "house_options": "a server's own rules",
    "house_loras": "a server's own rules",
    "house_channels": "a server's own rules",
    "statements": "what Runware took of the bot's account",
    "usage_blocks": "the sums of `usage`, by blocks of days",
    "hold_accounts": "the parts of a hold, by account; the lines of the ledger say the same",
    "hold_grants": "the parts of a hold, by bonus; the lines of the ledger say the same",
    "remote_deletions": "copies at Runware that are to go; nothing says any more whose they are",
    "leftovers": "messages that are to change; nothing says any more about whom they are",
    "accounts.checks": "raised by whoever locks the row",
    "grants.checks": "raised by whoever locks the row",
    "jobs.turn": _OWN_WORK,
    "jobs.version": _OWN_WORK,
    "jobs.posts": _OWN_WORK,
    "jobs.unknown_posts": _OWN_WORK,
    "jobs.poll_at": _OWN_WORK,
    "jobs.polls": _OWN_WORK,
    "jobs.errors_since": _OWN_WORK,
    "jobs.notice_at": _OWN_WORK,
    "jobs.notice_tries": _OWN_WORK,
    "results.copy_at": _OWN_WORK,
    "results.copy_tries": _OWN_WORK,
    "announcements.tries": _OWN_WORK,
    "sweeps.version": _OWN_WORK,
    "sweeps.notice_at": _OWN_WORK,
    "sweeps.notice_tries": _OWN_WORK,
    "showcase.tries": _OWN_WORK,
}


def walk(parts: Sequence[Part] = PARTS, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Part]]:
    """Yield every part with its way from the top, those that belong to others after them."""
    for part in parts:
        way = (*above, part.name)
        yield way, part
        yield from walk(part.parts, way)


def _page(part: Part) -> str:
    """Write the statement of a page: the rows that come after a place in the order of the key."""
    count = len(part.key)
    after = ", ".join(f"?{number}" for number in range(2, 2 + count))
    key = ", ".join(part.key)
    return f"""
    SELECT {", ".join(part.columns)} FROM {part.table} WHERE {part.whose} AND ({key}) > ({after})
    ORDER BY {key} LIMIT ?{2 + count}
    """  # noqa: S608 - the constants above only


_PAGES: Final = {way: _page(part) for way, part in walk()}


async def accounts_of(tx: Tx, user_id: int, after: int, limit: int = PAGE) -> list[Account]:
    """Return accounts of a person, in whatever servers, by their ids from the one ``after``."""
    rows = await tx.fetch_all(_ACCOUNTS, user_id, after, limit)
    return [Account(row["id"], row["guild_id"]) for row in rows]


async def pictures_of(tx: Tx, account_id: int) -> list[OwnPicture]:
    """Return the pictures of an account, files first; a picture of several of these is among them several times."""
    found: list[OwnPicture] = []
    last_file, last = "", (0, 0)
    while rows := await tx.fetch_all(_FILES, account_id, last_file, PAGE):
        found += [OwnPicture(row["sha256"], row["posted_at"]) for row in rows]
        last_file = rows[-1]["sha256"]
    while rows := await tx.fetch_all(_RESULTS, account_id, *last, PAGE):
        found += [OwnPicture(row["sha256"], row["recorded_at"], row["id"]) for row in rows]
        last = (rows[-1]["job_id"], rows[-1]["id"])
    return found


async def page(tx: Tx, part: Part, account_id: int, after: Sequence[Value]) -> list[dict[str, Any]]:
    """Return the rows of one of :data:`PARTS` that come after a key, at most :data:`PAGE`, with all that belongs to them."""
    return await _rows(tx, (part.name,), part, account_id, after)


async def _rows(
    tx: Tx, way: tuple[str, ...], part: Part, of: Value, after: Sequence[Value], limit: int = PAGE
) -> list[dict[str, Any]]:
    rows = [{name: row[name] for name in part.columns} for row in await tx.fetch_all(_PAGES[way], of, *after, limit)]
    for row in rows:
        for below in part.parts:
            row[below.name] = await _all(tx, (*way, below.name), below, row[part.parent])
    return rows


async def _all(tx: Tx, way: tuple[str, ...], part: Part, of: Value) -> list[dict[str, Any]]:
    """Return everything that belongs to a row: there is little of it."""
    return await _rows(tx, way, part, of, part.start, 2**31)
