"""Which bytes the picture store keeps, and who still needs them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from storage import pictures, results
from storage.database import Database
from storage.records import Job, Status, Success

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


async def test_pictures_used_longest_ago_go_first_unless_an_open_job_has_them(
    database: Database, ask: Ask, put: Put
) -> None:
    job = await ask()
    await database.run(pictures.bind, job.id, [CAT], NOW - 9)
    await database.run(pictures.used, HAT, NOW - 5)
    await database.run(pictures.used, DOG, NOW - 7)
    assert await database.read(pictures.unused_since, NOW, 10) == [DOG, HAT]
    assert await database.read(pictures.unused_since, NOW - 6, 10) == [DOG]
    await put(job, Status.FAILED)
    assert await database.read(pictures.unused_since, NOW, 2) == [CAT, DOG]


async def test_a_picture_used_again_stays(database: Database) -> None:
    await database.run(pictures.used, CAT, NOW - 9)
    await database.run(pictures.used, CAT, NOW)
    assert await database.read(pictures.unused_since, NOW, 10) == []
    assert await database.read(pictures.unused_since, NOW + 1, 10) == [CAT]


async def test_a_forgotten_picture_is_no_longer_swept(database: Database) -> None:
    await database.run(pictures.used, CAT, NOW - 9)
    await database.run(pictures.forget, CAT)
    assert await database.read(pictures.unused_since, NOW, 10) == []


async def test_many_old_pictures_of_open_jobs_do_not_hide_those_that_may_go(database: Database, ask: Ask) -> None:
    job = await ask()
    await database.run(pictures.bind, job.id, [CAT, DOG], NOW - 9)
    await database.run(pictures.used, HAT, NOW - 5)
    assert await database.read(pictures.unused_since, NOW, 2) == [HAT]
