"""Units of work over ``jobs``: the queue, the status and what the reconciler remembers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from storage._rows import the_row
from storage.database import Row, Tx
from storage.records import MOVES, Basis, EditRequest, Job, Place, Price, Status

#: Positions up to this one are shown exactly, so that a long queue moving does not edit every card in it.
POSITIONS_SHOWN: Final = 10

#: The columns that :func:`from_row` reads, and the tables they come from.
COLUMNS: Final = "jobs.*, accounts.holder_id AS user_id FROM jobs LEFT JOIN accounts ON accounts.id = jobs.account_id"
_GET = f"SELECT {COLUMNS} WHERE jobs.id = ?1"
_ANSWERED_BY = f"""
SELECT {COLUMNS} WHERE jobs.reply_id = ?2 AND jobs.session_id IN (
    SELECT id FROM sessions WHERE guild_id = ?1 AND thread_id IN (CAST(?2 AS BIGINT), CAST(?3 AS BIGINT))
)
ORDER BY jobs.id LIMIT 1
"""  # noqa: S608 - names of columns only
_OF_TASK = f"SELECT {COLUMNS} WHERE jobs.task_uuid = ?1"
_LOCK_TASK = f"SELECT {COLUMNS} WHERE jobs.task_uuid = ?1 /* FOR UPDATE OF jobs */"
_ADD = """
INSERT INTO jobs (
    task_uuid, account_id, guild_id, channel_id, reply_id, thread_id, public, status_message_id, request, wanted,
    status, turn, version, hold, created_at, notice_at, estimate, basis, session_id, pooled, sweep_id
)
VALUES (
    ?1, ?2, ?3, ?4, ?5, CAST(?6 AS BIGINT), ?7, CAST(?8 AS BIGINT), ?9, ?10,
    ?11, ?12, 1, ?13, CAST(?14 AS BIGINT), CAST(?14 AS BIGINT), ?15, ?16, ?17, ?18, CAST(?19 AS BIGINT)
)
RETURNING id
"""
# Turns: a member's next job waits a turn behind their last one, and nobody starts before the turn being served.
_TURN_SERVED = "SELECT turn FROM jobs WHERE status = 'queued' ORDER BY turn, id LIMIT 1"
_TURN_LAST_SERVED = "SELECT turn FROM jobs WHERE status IN ('submitting', 'submitted') ORDER BY turn DESC LIMIT 1"
_TURN_OF_MEMBER = """
SELECT turn FROM jobs
WHERE account_id = ?1 AND status IN ('waiting', 'queued', 'submitting', 'submitted')
ORDER BY turn DESC LIMIT 1
"""
_IN_FLIGHT = "SELECT count(*) AS number FROM jobs WHERE status IN ('submitting', 'submitted')"
# What a pause covers waits, and whoever is behind it in the queue goes first.
_FIRST_QUEUED = """
SELECT jobs.id FROM jobs WHERE jobs.status = 'queued' AND NOT EXISTS (
    SELECT 1 FROM pauses
    WHERE (pauses.guild_id = 0 AND pauses.channel_id = 0)
        OR (pauses.guild_id = jobs.guild_id AND pauses.channel_id = 0)
        OR (pauses.guild_id = jobs.guild_id AND pauses.channel_id = jobs.channel_id)
)
ORDER BY jobs.turn, jobs.id LIMIT 1 /* FOR UPDATE OF jobs */
"""
# A job that another unit has locked is shown anew by that one; to wait for it would be a deadlock. The first are chosen
# in a WITH, for PostgreSQL may run a subquery several times, and then skips other jobs each time.
_QUEUE_MOVED = """
WITH first AS (
    SELECT id FROM jobs WHERE status = 'queued' ORDER BY turn, id LIMIT ?3 /* FOR UPDATE OF jobs SKIP LOCKED */
)
UPDATE jobs SET
    version = version + 1,
    notice_at = CASE WHEN shown_at + ?2 > ?1 THEN shown_at + ?2 ELSE CAST(?1 AS BIGINT) END
WHERE id IN (SELECT id FROM first)
"""
_PUT_REQUEST = "UPDATE jobs SET request = ?2 WHERE id = ?1 AND status IN ('waiting', 'queued')"
_AHEAD = """
SELECT count(*) AS number FROM (
    SELECT queued.id FROM jobs AS queued JOIN jobs AS mine ON mine.id = ?1
    WHERE queued.status = 'queued' AND mine.status = 'queued'
        AND (queued.turn, queued.id) < (mine.turn, mine.id)
    ORDER BY queued.turn, queued.id LIMIT ?2
) AS ahead
"""
_POST_BEGINS = """
UPDATE jobs SET
    posts = posts + 1, unknown_posts = unknown_posts + 1, last_post_at = CAST(?2 AS BIGINT),
    poll_at = CAST(?3 AS BIGINT)
WHERE id = ?1 AND status = 'submitting' RETURNING posts
"""
_POST_REFUSED = """
UPDATE jobs SET
    unknown_posts = unknown_posts - 1, error_code = ?2, poll_at = ?3, error_message = CAST(?4 AS TEXT)
WHERE id = ?1 AND status = 'submitting' AND unknown_posts > 0 RETURNING unknown_posts
"""
_POLL_AT = "UPDATE jobs SET poll_at = CAST(?2 AS BIGINT) WHERE id = ?1"
_POLLED = """
UPDATE jobs SET
    polls = polls + 1, poll_at = CAST(?2 AS BIGINT), errors_seen = CAST(?3 AS TEXT), errors_since = CAST(?4 AS BIGINT)
WHERE id = ?1
"""
_ASK_NOW = "UPDATE jobs SET poll_at = ?2 WHERE id = ?1 AND poll_at > ?2"
_TO_POLL = f"SELECT {COLUMNS} WHERE jobs.poll_at <= ?1 ORDER BY jobs.poll_at, jobs.id LIMIT ?2"
_NEXT_POLL = "SELECT poll_at FROM jobs WHERE poll_at IS NOT NULL ORDER BY poll_at LIMIT 1"
_RESUME = """
UPDATE jobs SET poll_at = ?1
WHERE status IN ('submitting', 'submitted') AND poll_at > ?1 AND coalesce(last_post_at, first_post_at) < ?2
"""
_RUNNING = f"""
SELECT {COLUMNS}
WHERE jobs.account_id = ?1 AND jobs.status IN ('waiting', 'queued', 'submitting', 'submitted')
ORDER BY jobs.id LIMIT 25
"""
_OPEN_IDS = """
SELECT id FROM jobs WHERE status IN ('waiting', 'queued', 'submitting', 'submitted')
ORDER BY account_id, turn LIMIT 100
"""
_WAITING_SINCE = f"""
SELECT {COLUMNS} WHERE jobs.status = 'waiting' AND jobs.created_at <= ?1 ORDER BY jobs.created_at, jobs.id LIMIT 100
"""
_WAITING_IN = f"""
SELECT {COLUMNS} WHERE jobs.status = 'waiting' AND jobs.guild_id = ?1 ORDER BY jobs.created_at, jobs.id LIMIT ?2
"""
_QUEUED = "SELECT count(*) AS number FROM jobs WHERE status = 'queued'"
_UNDELIVERABLE = "SELECT count(*) AS number FROM jobs WHERE undeliverable_at IS NOT NULL"


_STAMPS: Final = {
    Status.QUEUED: "",
    Status.SUBMITTING: ", first_post_at = CAST(?2 AS BIGINT)",
    Status.SUBMITTED: ", submitted_at = CAST(?2 AS BIGINT)",
}
#: What was said last, with the code it was said with.
_LAST_MESSAGE: Final = "CASE WHEN CAST(?4 AS TEXT) IS NULL THEN error_message ELSE CAST(?5 AS TEXT) END"
_ENDED: Final = ", ended_at = CAST(?2 AS BIGINT), announced_at = NULL, undeliverable_at = NULL"


def _move_statement(to: Status) -> str:
    """Write the guarded UPDATE of one move: no row back means the job was not in a legal source."""
    sources = ", ".join(f"'{source.value}'" for source in sorted(MOVES[to]))
    return f"""
    UPDATE jobs SET
        status = '{to.value}', version = version + 1, notice_tries = 0,
        notice_at = CAST(?2 AS BIGINT), poll_at = CAST(?3 AS BIGINT),
        error_code = {"CAST(?4 AS TEXT)" if to is Status.SUCCEEDED else "coalesce(CAST(?4 AS TEXT), error_code)"},
        error_message = {"CAST(?5 AS TEXT)" if to is Status.SUCCEEDED else _LAST_MESSAGE}
        {_STAMPS.get(to, _ENDED)}
    WHERE id = ?1 AND status IN ({sources}) RETURNING id
    """  # noqa: S608 - every part is a constant of this module or of MOVES


_MOVE: Final = {to: _move_statement(to) for to, sources in MOVES.items() if sources}


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What the reconciler remembers of a job beside the job itself."""

    job: Job
    posts: int
    unknown_posts: int
    last_post_at: int | None
    polls: int
    errors_seen: str | None
    errors_since: int | None


async def add(
    tx: Tx,
    *,
    task_uuid: str,
    account_id: int,
    guild_id: int,
    place: Place,
    request: EditRequest,
    price: Price,
    now: int,
    session_id: int = 0,
    status: Status = Status.QUEUED,
    pooled: bool = False,
    sweep_id: int | None = None,
) -> Job:
    """Insert a job that is queued, or waits for approval, and give it its turn.

    Inside a thread, the reply becomes its status card; but what a round chose gets one of its own.
    """
    row = await the_row(
        tx,
        _ADD,
        task_uuid,
        account_id,
        guild_id,
        place.channel_id,
        place.reply_id,
        place.thread_id,
        int(place.public),
        place.reply_id if place.thread_id is not None and not pooled else None,
        request.to_json(),
        request.results,
        status.value,
        await _next_turn(tx, account_id),
        price.hold,
        now,
        price.estimate,
        str(price.basis),
        session_id,
        int(pooled),
        sweep_id,
    )
    return await known(tx, row["id"])


async def _next_turn(tx: Tx, account_id: int) -> int:
    served = await tx.fetch_one(_TURN_SERVED) or await tx.fetch_one(_TURN_LAST_SERVED)
    own = await tx.fetch_one(_TURN_OF_MEMBER, account_id)
    return max(0 if served is None else served["turn"], 0 if own is None else own["turn"] + 1)


async def get(tx: Tx, job_id: int) -> Job | None:
    """Return a job."""
    return _maybe(await tx.fetch_one(_GET, job_id))


async def known(tx: Tx, job_id: int) -> Job:
    """Return a job that must be there; raises LookupError."""
    return from_row(await the_row(tx, _GET, job_id))


async def of_task(tx: Tx, task_uuid: str) -> Job | None:
    """Return the job of a Runware task."""
    return _maybe(await tx.fetch_one(_OF_TASK, task_uuid))


async def lock_task(tx: Tx, task_uuid: str) -> Job | None:
    """Return the job of a Runware task, and keep it to this unit until that is over: deliveries come side by side."""
    return _maybe(await tx.fetch_one(_LOCK_TASK, task_uuid))


async def move(
    tx: Tx,
    job_id: int,
    to: Status,
    now: int,
    *,
    poll_at: int | None = None,
    error_code: str | None = None,
    error_message: str | None = None,
) -> bool:
    """Move a job to a status, if that is legal from where it stands; returns whether this call moved it."""
    return await tx.fetch_one(_MOVE[to], job_id, now, poll_at, error_code, error_message) is not None


async def answered_by(tx: Tx, guild_id: int, channel_id: int, message_id: int) -> Job | None:
    """Return the job that a message in a channel or thread is the reply to."""
    row = await tx.fetch_one(_ANSWERED_BY, guild_id, message_id, channel_id)
    return None if row is None else from_row(row)


async def claim_next(tx: Tx, *, in_flight_limit: int, now: int, poll_at: int, card_interval: int) -> Job | None:
    """Take the job whose turn it is and commit that it is about to be posted, if Runware has room for one more.

    The jobs behind it move up, so the cards that show an exact position are due again.
    """
    in_flight = await the_row(tx, _IN_FLIGHT)
    if in_flight["number"] >= in_flight_limit:
        return None
    first = await tx.fetch_one(_FIRST_QUEUED)
    again = await tx.fetch_one(_FIRST_QUEUED)  # now that it is locked: a pause may have been committed meanwhile
    if first is None or again is None or again["id"] != first["id"]:
        return None
    if not await move(tx, first["id"], Status.SUBMITTING, now, poll_at=poll_at):
        return None
    await begin_post(tx, first["id"], now, poll_at)
    await queue_moved(tx, now, card_interval)
    return await get(tx, first["id"])


async def queue_moved(tx: Tx, now: int, card_interval: int) -> None:
    """Have the cards of the first in the queue shown anew, none sooner than ``card_interval`` ms after its last edit."""
    await tx.execute(_QUEUE_MOVED, now, card_interval, POSITIONS_SHOWN)


async def put_request(tx: Tx, job_id: int, request: EditRequest) -> None:
    """Change what a job asks for, before it is sent: how it is checked may have to change."""
    await tx.execute(_PUT_REQUEST, job_id, request.to_json())


async def position(tx: Tx, job_id: int) -> int:
    """Return a queued job's place in the queue, 1 being next; never more than ``POSITIONS_SHOWN`` + 1."""
    row = await the_row(tx, _AHEAD, job_id, POSITIONS_SHOWN)
    return row["number"] + 1


async def begin_post(tx: Tx, job_id: int, now: int, poll_at: int) -> bool:
    """Commit, before a POST, that its fate is unknown; returns whether the job may still be posted."""
    return await tx.fetch_one(_POST_BEGINS, job_id, now, poll_at) is not None


async def post_refused(tx: Tx, job_id: int, code: str, poll_at: int, message: str | None = None) -> int | None:
    """Record that Runware definitely refused a POST; returns how many POSTs of unknown fate are left."""
    row = await tx.fetch_one(_POST_REFUSED, job_id, code, poll_at, message)
    return None if row is None else row["unknown_posts"]


async def poll_at(tx: Tx, job_id: int, at: int | None) -> None:
    """Set when the reconciler looks at a job next; ``None`` means never again."""
    await tx.execute(_POLL_AT, job_id, at)


async def polled(tx: Tx, job_id: int, next_at: int | None, errors_seen: str | None, errors_since: int | None) -> None:
    """Remember what a poll saw, and when to ask again."""
    await tx.execute(_POLLED, job_id, next_at, errors_seen, errors_since)


async def ask_now(tx: Tx, job_id: int, now: int) -> None:
    """Bring the next poll of a job forward, if it has one."""
    await tx.execute(_ASK_NOW, job_id, now)


async def to_poll(tx: Tx, now: int, limit: int) -> list[Reconciled]:
    """Return the jobs that the reconciler should look at, longest due first."""
    return [
        Reconciled(
            from_row(row),
            row["posts"],
            row["unknown_posts"],
            row["last_post_at"],
            row["polls"],
            row["errors_seen"],
            row["errors_since"],
        )
        for row in await tx.fetch_all(_TO_POLL, now, limit)
    ]


async def next_poll(tx: Tx) -> int | None:
    """Return when the next job is due for the reconciler."""
    row = await tx.fetch_one(_NEXT_POLL)
    return None if row is None else row["poll_at"]


async def resume(tx: Tx, now: int, started: int) -> int:
    """After a start: have every job that was posted before it and may be at Runware looked at now; returns how many."""
    return await tx.execute(_RESUME, now, started)


async def running(tx: Tx, account_id: int) -> list[Job]:
    """Return the open jobs of an account, oldest first, at most 25."""
    return [from_row(row) for row in await tx.fetch_all(_RUNNING, account_id)]


async def waiting_since(tx: Tx, before: int) -> list[Job]:
    """Return jobs that wait for approval since a time or longer, oldest first, at most 100."""
    return [from_row(row) for row in await tx.fetch_all(_WAITING_SINCE, before)]


async def waiting_in(tx: Tx, guild_id: int, limit: int) -> list[Job]:
    """Return jobs of a server that wait for approval, oldest first."""
    return [from_row(row) for row in await tx.fetch_all(_WAITING_IN, guild_id, limit)]


async def open_ids(tx: Tx) -> list[int]:
    """Return the ids of open jobs, at most 100."""
    return [row["id"] for row in await tx.fetch_all(_OPEN_IDS)]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many jobs wait, run, and could not be announced."""

    queued: int
    in_flight: int
    undeliverable: int


async def counts(tx: Tx) -> Counts:
    """Count jobs through their partial indexes, whose size does not grow with history."""
    numbers: list[int] = []
    for statement in (_QUEUED, _IN_FLIGHT, _UNDELIVERABLE):
        row = await the_row(tx, statement)
        numbers.append(row["number"])
    return Counts(*numbers)


def _maybe(row: Row | None) -> Job | None:
    return None if row is None else from_row(row)


def from_row(row: Row) -> Job:
    """Read a job from a row of :data:`COLUMNS`."""
    return Job(
        id=row["id"],
        task_uuid=row["task_uuid"],
        account_id=row["account_id"],
        user_id=row["user_id"],
        guild_id=row["guild_id"],
        place=Place(row["channel_id"], row["reply_id"], row["thread_id"], bool(row["public"])),
        status_message_id=row["status_message_id"],
        request=EditRequest.from_json(row["request"]),
        status=Status(row["status"]),
        version=row["version"],
        hold=row["hold"],
        cost=row["cost"],
        estimated=bool(row["estimated"]),
        created_at=row["created_at"],
        first_post_at=row["first_post_at"],
        submitted_at=row["submitted_at"],
        ended_at=row["ended_at"],
        settled_at=row["settled_at"],
        error_code=row["error_code"],
        announced_at=row["announced_at"],
        undeliverable_at=row["undeliverable_at"],
        notice_tries=row["notice_tries"],
        estimate=row["estimate"],
        basis=Basis.parse(row["basis"]),
        session_id=row["session_id"],
        pooled=bool(row["pooled"]),
        sweep_id=row["sweep_id"],
        error_message=row["error_message"],
    )
