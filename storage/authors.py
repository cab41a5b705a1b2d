"""Units of work over ``file_authors`` and ``job_authors``: whose the files are that people give, and that jobs were made of.

A file is known by its bytes, so that it is the same picture by whatever way it comes. Its authors are told by what the
bot has seen: who posted the message it came from, and whoever was seen with it before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from storage.database import Row, Tx
from storage.records import Author, Consent, EditRequest, Origin

_SEEN: Final = """
INSERT INTO file_authors (guild_id, sha256, account_id, channel_id, thread_id, posted_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (guild_id, sha256, account_id, thread_id) DO NOTHING
"""
_OTHERS: Final = """
SELECT account_id FROM file_authors WHERE guild_id = ?1 AND sha256 = ?2 AND account_id <> ?3 LIMIT 1
"""
_OUTDATE: Final = """
DELETE FROM file_authors WHERE guild_id = ?1 AND sha256 = ?2 AND account_id <> ?3 AND posted_at > ?4
"""
_HAND_ON: Final = """
INSERT INTO file_authors (guild_id, sha256, account_id, channel_id, thread_id, posted_at, result_id)
SELECT known.guild_id, CAST(?3 AS TEXT), known.account_id, known.channel_id, known.thread_id, known.posted_at,
    known.result_id
FROM file_authors AS known WHERE known.guild_id = ?1 AND known.sha256 = ?2
ON CONFLICT (guild_id, sha256, account_id, thread_id) DO NOTHING
"""
_HAND_ON_RESULT: Final = """
INSERT INTO file_authors (guild_id, sha256, account_id, channel_id, thread_id, posted_at, result_id)
SELECT jobs.guild_id, CAST(?2 AS TEXT), jobs.account_id, jobs.channel_id, coalesce(jobs.thread_id, jobs.reply_id),
    jobs.created_at, results.id
FROM results JOIN jobs ON jobs.id = results.job_id WHERE results.id = ?1
ON CONFLICT (guild_id, sha256, account_id, thread_id) DO NOTHING
"""
_HAND_ON_SOURCES: Final = """
INSERT INTO file_authors (guild_id, sha256, account_id, channel_id, thread_id, posted_at)
SELECT jobs.guild_id, CAST(?2 AS TEXT), job_authors.account_id, job_authors.channel_id, job_authors.thread_id,
    jobs.created_at
FROM results
JOIN jobs ON jobs.id = results.job_id
JOIN job_authors ON job_authors.job_id = jobs.id
WHERE results.id = ?1
ON CONFLICT (guild_id, sha256, account_id, thread_id) DO NOTHING
"""
_SETTLE: Final = """
INSERT INTO file_authors (guild_id, sha256, account_id, channel_id, thread_id, posted_at)
SELECT known.guild_id, known.sha256, known.account_id, CAST(?4 AS BIGINT), CAST(?5 AS BIGINT), min(known.posted_at)
FROM file_authors AS known WHERE known.guild_id = ?1 AND known.sha256 = ?2 AND known.account_id = ?3
GROUP BY known.guild_id, known.sha256, known.account_id
ON CONFLICT (guild_id, sha256, account_id, thread_id) DO NOTHING
"""
_SETTLED: Final = """
DELETE FROM file_authors WHERE guild_id = ?1 AND sha256 = ?2 AND account_id = ?3 AND thread_id = 0
"""
# Of each author one origin is enough: the session's own, or else the first. What else they posted a file in is told by the
# file, and a job that knew all of it would have as many rows as there were jobs of the file before.
_BIND_FILE: Final = """
INSERT INTO job_authors (job_id, account_id, channel_id, thread_id)
SELECT CAST(?1 AS BIGINT), account_id, channel_id, thread_id FROM file_authors AS known
WHERE guild_id = ?2 AND sha256 = ?3 AND (thread_id = ?4 OR NOT EXISTS (
    SELECT 1 FROM file_authors AS other
    WHERE other.guild_id = ?2 AND other.sha256 = ?3 AND other.account_id = known.account_id
        AND (other.thread_id = ?4 OR other.thread_id < known.thread_id)
))
ON CONFLICT (job_id, account_id, thread_id) DO NOTHING
"""
_BIND_RESULT: Final = """
INSERT INTO job_authors (job_id, account_id, channel_id, thread_id)
SELECT CAST(?1 AS BIGINT), known.account_id, known.channel_id, known.thread_id
FROM job_authors AS known JOIN results ON results.job_id = known.job_id
WHERE results.id = ?2 AND (known.thread_id = ?3 OR NOT EXISTS (
    SELECT 1 FROM job_authors AS other
    WHERE other.job_id = known.job_id AND other.account_id = known.account_id
        AND (other.thread_id = ?3 OR other.thread_id < known.thread_id)
))
ON CONFLICT (job_id, account_id, thread_id) DO NOTHING
"""
_PERSON: Final = """
LEFT JOIN accounts ON accounts.id = whose.account_id
LEFT JOIN preferences ON preferences.account_id = whose.account_id
"""
_OF_FILE: Final = f"""
SELECT whose.account_id, whose.channel_id, whose.thread_id, accounts.holder_id AS user_id, preferences.consent,
    closed.id AS closed
FROM file_authors AS whose {_PERSON}
LEFT JOIN results AS closed ON closed.id = whose.result_id AND closed.closed_at IS NOT NULL
WHERE whose.guild_id = ?1 AND whose.sha256 = ?2
ORDER BY whose.account_id, whose.thread_id
"""  # noqa: S608 - the constant above only
# The files of the job itself are asked about by their bytes, too: their author may have been found later.
_OF_SOURCES: Final = f"""
SELECT whose.account_id, whose.channel_id, whose.thread_id, accounts.holder_id AS user_id, preferences.consent,
    NULL AS closed
FROM (
    SELECT job_authors.account_id, job_authors.channel_id, job_authors.thread_id
    FROM results JOIN job_authors ON job_authors.job_id = results.job_id WHERE results.id = ?1
    UNION
    SELECT file_authors.account_id, file_authors.channel_id, file_authors.thread_id
    FROM results
    JOIN jobs ON jobs.id = results.job_id
    JOIN job_pictures ON job_pictures.job_id = jobs.id
    JOIN file_authors ON file_authors.guild_id = jobs.guild_id AND file_authors.sha256 = job_pictures.sha256
    WHERE results.id = ?1 AND file_authors.result_id IS NULL
) AS whose {_PERSON}
ORDER BY whose.account_id, whose.thread_id
"""  # noqa: S608 - the constant above only
_OF_RESULT: Final = f"""
SELECT whose.account_id, whose.channel_id, coalesce(whose.thread_id, whose.reply_id) AS thread_id,
    accounts.holder_id AS user_id, preferences.consent,
    CASE WHEN results.closed_at IS NULL THEN NULL ELSE results.id END AS closed
FROM results JOIN jobs AS whose ON whose.id = results.job_id {_PERSON} WHERE results.id = ?1
"""  # noqa: S608 - the constant above only


async def posted(tx: Tx, guild_id: int, sha256: str, account_id: int, origin: Origin, at: int) -> None:
    """Record that somebody posted a file at a time, in milliseconds since the epoch.

    It is theirs where nobody was seen with it before; whoever was seen with it later is not its author any more.
    """
    await tx.execute(_OUTDATE, guild_id, sha256, account_id, at)
    if await tx.fetch_one(_OTHERS, guild_id, sha256, account_id) is None:
        await tx.execute(_SEEN, guild_id, sha256, account_id, origin.channel_id, origin.thread_id, at)


async def given(tx: Tx, guild_id: int, sha256: str, account_id: int, at: int) -> None:
    """Record that somebody gave a file themselves: it counts as theirs, unless it was somebody else's before."""
    if await tx.fetch_one(_OTHERS, guild_id, sha256, account_id) is None:
        await tx.execute(_SEEN, guild_id, sha256, account_id, 0, 0, at)


async def hand_on(tx: Tx, guild_id: int, sha256: str, to: str) -> None:
    """Record that a file is the same picture as another one: it has the same authors."""
    await tx.execute(_HAND_ON, guild_id, sha256, to)


async def hand_on_result(tx: Tx, result_id: int, to: str) -> None:
    """Record that a file is a copy of a result: its authors are who asked for that, and whose files it was made of."""
    await tx.execute(_HAND_ON_RESULT, result_id, to)
    await tx.execute(_HAND_ON_SOURCES, result_id, to)


async def settle(tx: Tx, guild_id: int, sha256: str, account_id: int, origin: Origin) -> None:
    """Record that an author of a file uses it in a session, so that it stands there too; nothing, if they are none."""
    await tx.execute(_SETTLE, guild_id, sha256, account_id, origin.channel_id, origin.thread_id)
    await tx.execute(_SETTLED, guild_id, sha256, account_id)


async def bind(tx: Tx, guild_id: int, job_id: int, thread_id: int, request: EditRequest) -> None:
    """Record the authors of the files that a job is made of in a thread, be it by way of other results."""
    for reference in request.references:
        if reference.result_id is None:
            await tx.execute(_BIND_FILE, job_id, guild_id, reference.sha256, thread_id)
        else:
            await tx.execute(_BIND_RESULT, job_id, reference.result_id, thread_id)


async def of_file(tx: Tx, guild_id: int, sha256: str) -> list[Author]:
    """Return whose a file is; nobody's, where it came by a link or is not known."""
    return _authors(await tx.fetch_all(_OF_FILE, guild_id, sha256))


async def of_result(tx: Tx, result_id: int) -> list[Author]:
    """Return who asked for a result; nobody, where there is no such result."""
    return _authors(await tx.fetch_all(_OF_RESULT, result_id))


async def of_sources(tx: Tx, result_id: int) -> list[Author]:
    """Return whose the files are that a result was made of, near and far."""
    return _authors(await tx.fetch_all(_OF_SOURCES, result_id))


def _authors(rows: Iterable[Row]) -> list[Author]:
    found: dict[int, Author] = {}
    for row in rows:
        origin = Origin(row["channel_id"], row["thread_id"])
        said = None if row["consent"] is None else Consent(row["consent"])
        author = Author(row["account_id"], row["user_id"], said, frozenset({origin}), row["closed"])
        before = found.get(author.account_id, author)
        found[author.account_id] = replace(
            author, origins=before.origins | author.origins, closed=before.closed or author.closed
        )
    return list(found.values())
