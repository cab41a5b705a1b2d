"""What the tests of storage begin with: two small tables of their own for the engines, jobs for the units of work."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest

from storage import accounts, allowances, jobs, ledger
from storage.database import Database, Tx, open_database
from storage.records import OVER, Asker, EditRequest, Job, Place, Reference, Scope, Status

#: A time at the start of an hour of some day, and a limit that does not bind.
_NOON = 1_900_022_400_000
_PLENTY = 1_000_000_000


@pytest.fixture
async def store(database_url: str) -> AsyncGenerator[Database]:
    """A fresh database with the tables ``notes`` (empty) and ``counters`` (one row), on each engine in turn."""
    async with open_database(database_url) as database:
        await database.run(_make_tables)
        yield database


async def _make_tables(tx: Tx) -> None:
    await tx.execute("CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT, score DOUBLE PRECISION, data BYTEA)")
    await tx.execute("CREATE TABLE counters (name TEXT PRIMARY KEY, used BIGINT NOT NULL)")
    await tx.execute("INSERT INTO counters (name, used) VALUES ('edits', 0)")


@pytest.fixture
def ask(database: Database) -> Callable[..., Awaitable[Job]]:
    """Ask for an edit as a member does: a queued job, and its hold on every allowance that binds."""

    async def ask(
        user_id: int = 1,
        *,
        guild_id: int = 10,
        results: int = 1,
        hold: int = 1000,
        limit: int = _PLENTY,
        at: int = _NOON,
    ) -> Job:
        request = EditRequest("a hat", (Reference("a" * 64, 512, 512, "cat.png"),), 1024, 768, 7, results)
        return await database.run(_ask, Asker(guild_id, user_id), request, hold, limit=limit, now=at)

    return ask


async def _ask(tx: Tx, asker: Asker, request: EditRequest, hold: int, *, limit: int, now: int) -> Job:
    bound = await accounts.bound_by(tx, asker, now)
    held_on = await allowances.hold(tx, bound, hold, dict.fromkeys(Scope, limit), now)
    job = await jobs.add(
        tx,
        task_uuid=str(uuid.uuid4()),
        account_id=bound[Scope.MEMBER],
        guild_id=asker.guild_id,
        place=Place(100, 200),
        request=request,
        hold=hold,
        now=now,
    )
    await ledger.hold(tx, job, held_on, now)
    return job


@pytest.fixture
def put(database: Database) -> Callable[[Job, Status], Awaitable[None]]:
    """Put a job where a test begins, whatever led there."""

    async def put(job: Job, status: Status) -> None:
        await database.run(_put, job.id, status)

    return put


async def _put(tx: Tx, job_id: int, status: Status) -> None:
    await tx.execute(
        """
        UPDATE jobs SET status = ?2, first_post_at = CAST(?3 AS BIGINT), ended_at = CAST(?4 AS BIGINT),
            announced_at = NULL, notice_at = NULL, poll_at = NULL
        WHERE id = ?1
        """,
        job_id,
        status.value,
        None if status in {Status.WAITING, Status.QUEUED, Status.CANCELLED} else _NOON + 1,
        _NOON + 2 if status in OVER else None,
    )
