"""Which bytes the picture store keeps, and who still needs them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg

from storage import accounts, pictures, results
from storage.database import Database, migrate, open_database
from storage.records import Job, Scope, Status, Success

Ask = Callable[..., Awaitable[Job]]
Put = Callable[[Job, Status], Awaitable[None]]

NOW = 1_900_022_500_000
CAT, DOG, HAT = "c" * 64, "d" * 64, "e" * 64


async def test_a_picture_is_needed_while_a_request_or_a_result_names_it(database: Database, ask: Ask) -> None:
    job = await ask()
    await database.run(pictures.bind, job.id, [CAT, CAT], NOW)
    await database.run(results.add, job.id, Success(job.task_uuid, "one", "https://x/1.jpg", 7, 100), NOW)
    (result,) = await database.read(results.of_job, job.id)
    await database.run(results.copied, result.id, DOG, "image/jpeg", (64, 64))
    needed = [await database.read(pictures.needed, sha256) for sha256 in (CAT, DOG, HAT)]
    assert needed == [True, True, False]
    await database.run(results.delete, result.id, NOW)
    assert not await database.read(pictures.needed, DOG)


async def kept(database: Database) -> list[str]:
    """The pictures that have a row."""
    unknown = await database.read(pictures.unknown, [CAT, DOG, HAT])
    return [sha256 for sha256 in (CAT, DOG, HAT) if sha256 not in unknown]


async def test_pictures_used_longest_ago_go_first_unless_an_open_job_has_them(
    database: Database, ask: Ask, put: Put
) -> None:
    job = await ask()
    await database.run(pictures.bind, job.id, [CAT], NOW - 9)
    await database.run(pictures.used, HAT, NOW - 5)
    await database.run(pictures.used, DOG, NOW - 7)
    assert await database.run(pictures.forget_unused, NOW - 6, 10) == 1
    assert await kept(database) == [CAT, HAT]
    assert await database.run(pictures.forget_unused, NOW, 10) == 1
    assert await kept(database) == [CAT]
    await put(job, Status.FAILED)
    await database.run(pictures.used, DOG, NOW - 7)
    assert await database.run(pictures.forget_unused, NOW, 1) == 1
    assert await kept(database) == [DOG]


async def test_a_picture_used_again_stays(database: Database) -> None:
    await database.run(pictures.used, CAT, NOW - 9)
    await database.run(pictures.used, CAT, NOW)
    assert await database.run(pictures.forget_unused, NOW, 10) == 0
    assert await database.run(pictures.forget_unused, NOW + 1, 10) == 1


async def test_many_old_pictures_of_open_jobs_do_not_hide_those_that_may_go(database: Database, ask: Ask) -> None:
    job = await ask()
    await database.run(pictures.bind, job.id, [CAT, DOG], NOW - 9)
    await database.run(pictures.used, HAT, NOW - 5)
    assert await database.run(pictures.forget_unused, NOW, 2) == 1
    assert await kept(database) == [CAT, DOG]


async def test_a_picture_that_is_renewed_is_kept_and_one_that_was_forgotten_is_not(database: Database) -> None:
    await database.run(pictures.used, CAT, NOW - 9)
    assert await database.run(pictures.renew, CAT, NOW)
    assert not await database.run(pictures.renew, DOG, NOW)
    assert await database.run(pictures.forget_unused, NOW, 10) == 0
    assert await kept(database) == [CAT]


async def test_a_picture_that_is_taken_down_goes_unless_somebody_else_needs_it(database: Database, ask: Ask) -> None:
    for sha256 in (CAT, DOG):
        await database.run(pictures.used, sha256, NOW)
    await database.run(pictures.bind, (await ask()).id, [CAT], NOW)
    assert not await database.run(pictures.release, CAT)
    assert await database.run(pictures.release, DOG)
    assert await kept(database) == [CAT]


async def test_a_picture_that_is_used_at_this_moment_is_not_forgotten(postgres_url: str) -> None:
    async with meeting(postgres_url) as (database, other):
        async with other.transaction():
            await other.execute("UPDATE pictures SET used_at = $2 WHERE sha256 = $1", CAT, NOW)
            forgetting = asyncio.create_task(database.run(pictures.forget_unused, NOW, 10))
            await held_up(other)
        assert await forgetting == 0
        assert await kept(database) == [CAT]


async def test_a_picture_that_is_forgotten_at_this_moment_is_not_renewed(postgres_url: str) -> None:
    async with meeting(postgres_url) as (database, other):
        async with other.transaction():
            await other.execute("DELETE FROM pictures WHERE sha256 = $1", CAT)
            renewing = asyncio.create_task(database.run(pictures.renew, CAT, NOW))
            await held_up(other)
        assert not await renewing


async def test_a_picture_that_a_draft_gets_at_this_moment_is_not_released(postgres_url: str) -> None:
    async with meeting(postgres_url) as (database, other):
        async with other.transaction():
            await other.execute("UPDATE pictures SET used_at = $2 WHERE sha256 = $1", CAT, NOW)
            await other.execute(
                "INSERT INTO drafts (guild_id, account_id, typed, pictures, made_at, changed_at) "
                "SELECT 10, id, '{}', '[]', 1, 1 FROM accounts LIMIT 1"
            )
            await other.execute("INSERT INTO draft_pictures (draft_id, sha256) SELECT id, $1 FROM drafts", CAT)
            releasing = asyncio.create_task(database.run(pictures.release, CAT))
            await held_up(other)
        assert not await releasing
        assert await kept(database) == [CAT]


@asynccontextmanager
async def meeting(url: str) -> AsyncGenerator[tuple[Database, asyncpg.Connection]]:
    """A database with a picture that was used long ago, and somebody else's connection to it."""
    async with open_database(url) as database:
        await migrate(database)
        await database.run(pictures.used, CAT, 1)
        await database.run(accounts.ensure, Scope.MEMBER, 1, 10, 1)
        other = await asyncpg.connect(url)
        try:
            yield database, other
        finally:
            await other.close()


async def held_up(other: asyncpg.Connection) -> None:
    """Wait until a unit of work waits for a row."""
    async with asyncio.timeout(10):
        while not await other.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0)
