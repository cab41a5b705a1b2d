"""What the tests of storage begin with: two small tables of their own for the engines, jobs for the units of work."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import Any

import pytest

from storage import accounts, allowances, jobs, ledger, lineage, results, servers, sessions
from storage.allowances import Demand, Terms
from storage.database import Database, Tx, open_database
from storage.records import (
    OVER,
    Allowance,
    Asker,
    Basis,
    EditRequest,
    Job,
    Measure,
    Place,
    Price,
    Reference,
    Scope,
    Source,
    Status,
    Success,
)
from storage.windows import Window

#: A time at the start of an hour of some day, and a limit that does not bind.
_NOON = 1_900_022_400_000
_PLENTY = 1_000_000_000
_OPERATORS = (Scope.MEMBER, Scope.SERVER, Scope.BOT)
_PLACE = Place(100, 200)


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
        role_ids: Iterable[int] = (),
        place: Place = _PLACE,
        results: int = 1,
        hold: int = 1000,
        limit: int = _PLENTY,
        parent_id: int | None = None,
        beside: Iterable[int] = (),
        at: int = _NOON,
    ) -> Job:
        references = [Reference("a" * 64, 512, 512, "cat.png", number) for number in (parent_id, *beside)]
        request = EditRequest("a hat", tuple(references), 1024, 768, 7, results, parent_id=parent_id)
        asker = Asker(guild_id, user_id, frozenset(role_ids))
        return await database.run(_ask, asker, place, request, hold, limit=limit, now=at)

    return ask


async def _ask(tx: Tx, asker: Asker, place: Place, request: EditRequest, hold: int, *, limit: int, now: int) -> Job:
    session = await sessions.ensure(tx, asker, place, now)
    bound = await accounts.bound_by(tx, asker, place.channel_id, now)
    terms = Terms(*((Allowance(scope, Measure.MONEY, limit, Window.daily()),) for scope in _OPERATORS))
    admission = await allowances.hold(
        tx,
        asker,
        bound,
        Demand(hold, request.results),
        channel_id=place.channel_id,
        thread_id=place.thread_id,
        zone=await servers.zone(tx, asker.guild_id),
        terms=terms,
        now=now,
    )
    job = await jobs.add(
        tx,
        task_uuid=str(uuid.uuid4()),
        account_id=bound[Scope.MEMBER],
        guild_id=asker.guild_id,
        place=place,
        request=request,
        price=Price(max(1, hold * 2 // 3), hold, Basis(Source.EXAMPLES)),
        now=now,
        session_id=session.id,
    )
    await lineage.bind(tx, job.id, request)
    await ledger.hold(tx, job, admission, now)
    return job


@pytest.fixture
def make(database: Database, ask: Callable[..., Awaitable[Job]]) -> Callable[..., Awaitable[int]]:
    """Ask for an edit and have its picture recorded and copied; returns the result's id."""

    async def make(user_id: int = 1, **asked: Any) -> int:
        job = await ask(user_id, **asked)
        return await database.run(_picture, job)

    return make


async def _picture(tx: Tx, job: Job) -> int:
    await results.add(tx, job.id, Success(job.task_uuid, "one", "https://im.runware.ai/one.jpg", 7, 100), _NOON)
    (result,) = await results.of_job(tx, job.id)
    await results.copied(tx, result.id, "b" * 64, "image/jpeg", (1024, 768))
    return result.id


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
