"""Messages that show a result beside its own: they are known, and go when it goes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from storage import results, showings
from storage.database import Database
from storage.records import Job, Result, Success
from storage.showings import Showing

Ask = Callable[..., Awaitable[Job]]
Make = Callable[..., Awaitable[int]]

NOW = 1_900_022_500_000


async def show(database: Database, result_id: int, channel_id: int, message_id: int) -> None:
    await database.run(showings.add, result_id, channel_id, message_id, NOW)


async def test_a_message_shows_a_result_until_it_is_gone(database: Database, make: Make) -> None:
    first, second = await make(), await make()
    await show(database, first, 100, 500)
    await show(database, second, 100, 501)
    assert [await database.read(showings.of_message, message_id) for message_id in (500, 501, 502)] == [
        first,
        second,
        None,
    ]
    await database.run(showings.remove, 500)
    assert [await database.read(showings.of_message, message_id) for message_id in (500, 501)] == [None, second]


async def test_what_is_known_already_may_be_recorded_again(database: Database, make: Make) -> None:
    result_id = await make()
    for _ in range(2):
        await show(database, result_id, 100, 500)
    assert await database.read(showings.of_message, 500) == result_id


async def test_messages_that_show_results_which_were_taken_down_are_found_by_their_job(
    database: Database, ask: Ask, make: Make
) -> None:
    job = await ask(results=2)
    for name in ("one", "two"):
        await database.run(results.add, job.id, Success(job.task_uuid, name, "https://x", 7, 100), NOW)
    one, two = [result.id for result in await database.read(results.of_job, job.id)]
    elsewhere = await make()
    for result_id, channel_id, message_id in ((one, 101, 502), (one, 100, 501), (two, 100, 503), (elsewhere, 100, 504)):
        await show(database, result_id, channel_id, message_id)
    assert await database.read(showings.of_deleted, job.id) == []
    for result_id in (one, elsewhere):
        await database.run(results.delete, result_id, NOW)
    assert await database.read(showings.of_deleted, job.id) == [Showing(501, 100), Showing(502, 101)]
    await database.run(showings.remove, 502)
    assert await database.read(showings.of_deleted, job.id) == [Showing(501, 100)]


async def test_a_message_may_show_several_results_and_is_found_when_one_of_them_was_taken_down(
    database: Database, make: Make
) -> None:
    first, second = await make(), await make()
    for result_id in (first, second):
        await show(database, result_id, 100, 500)
    assert await database.read(showings.of_message, 500) is None
    job_id = (await results_of(database, first)).job_id
    await database.run(results.delete, first, NOW)
    assert await database.read(showings.of_deleted, job_id) == [Showing(500, 100)]
    await database.run(showings.remove, 500)
    assert await database.read(showings.of_deleted, job_id) == []


async def results_of(database: Database, result_id: int) -> Result:
    found = await database.read(results.get, result_id)
    assert found is not None
    return found
