"""The pictures of jobs: recorded once each, copied, lost, deleted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from storage import announcements, results
from storage.announcements import RESULTS_PER_MESSAGE
from storage.database import Database
from storage.records import Copy, Job, Status, Success

Ask = Callable[..., Awaitable[Job]]
Put = Callable[[Job, Status], Awaitable[None]]

NOW = 1_900_022_500_000
CAT = "c" * 64


def picture(job: Job, name: str = "one", cost: int | None = 100, *, nsfw: bool = False) -> Success:
    return Success(job.task_uuid, name, f"https://im.runware.ai/{name}.jpg", 7, cost, nsfw)


async def record(database: Database, job: Job, *pictures: Success) -> list[int]:
    for success in pictures:
        await database.run(results.add, job.id, success, NOW)
    return [result.id for result in await database.read(results.of_job, job.id)]


async def test_a_picture_is_recorded_once_and_a_repeat_changes_nothing(database: Database, ask: Ask) -> None:
    job, other = await ask(), await ask()
    assert await database.run(results.add, job.id, picture(job), NOW)
    (first,) = await database.read(results.of_job, job.id)
    assert not await database.run(results.add, job.id, picture(job, cost=999), NOW + 1)
    assert await database.read(results.of_job, job.id) == [first]
    assert (first.seed, first.cost, first.recorded_at, first.usable) == (7, 100, NOW, False)
    assert await database.run(results.add, other.id, picture(other), NOW)


async def test_a_picture_that_came_with_our_copy_or_will_never_have_one_is_not_copied(
    database: Database, ask: Ask
) -> None:
    job = await ask()
    kept = replace(picture(job, "kept"), url="", copy=Copy(CAT, "image/png", 160, 128))
    await record(database, job, kept, replace(picture(job, "lost"), url="", lost="gone"))
    assert await database.read(results.to_copy, NOW, 9) == []
    one, two = await database.read(results.of_job, job.id)
    assert (one.sha256, one.media_type, one.width, one.height, one.usable) == (CAT, "image/png", 160, 128, True)
    assert (two.sha256, two.lost, two.usable) == (None, "gone", False)
    assert await database.read(results.known, job.task_uuid) == {"kept", "lost"}
    assert await database.read(results.known, "another") == frozenset()
    assert not await database.run(results.add, job.id, replace(kept, copy=Copy("d" * 64, "image/webp", 1, 1)), NOW)
    assert (await database.read(results.of_job, job.id))[0] == one


async def test_repeats_use_up_no_ids_so_that_people_see_no_gaps(database: Database, ask: Ask) -> None:
    job, other = await ask(), await ask()
    first, second = await record(database, job, picture(job, "z"), *[picture(job, "z")] * 5, picture(job, "a"))
    (third,) = await record(database, other, picture(other))
    assert (second, third) == (first + 1, first + 2)


async def test_pictures_stand_in_the_order_they_came(database: Database, ask: Ask) -> None:
    job = await ask()
    await record(database, job, picture(job, "z"), picture(job, "a"), picture(job, "z"), picture(job, "m"))
    found = [(result.position, result.image_uuid) for result in await database.read(results.of_job, job.id)]
    assert found == [(0, "z"), (1, "a"), (2, "m")]
    assert await database.read(results.count, job.id) == 3


async def test_seeds_of_63_bits_and_none_are_kept(database: Database, ask: Ask) -> None:
    job = await ask()
    for name, seed in [("most", 2**63 - 1), ("zero", 0), ("none", None)]:
        await database.run(results.add, job.id, Success(job.task_uuid, name, "https://x", seed, None), NOW)
    assert [result.seed for result in await database.read(results.of_job, job.id)] == [2**63 - 1, 0, None]


async def test_a_cost_that_was_missing_comes_once(database: Database, ask: Ask) -> None:
    job = await ask()
    await record(database, job, picture(job, cost=None))
    came = [await database.run(results.cost_came, job.id, "one", cost) for cost in (400, 500)]
    assert came == [True, False]
    assert [result.cost for result in await database.read(results.of_job, job.id)] == [400]
    assert not await database.run(results.cost_came, job.id, "another", 400)


async def test_pictures_are_copied_longest_due_first_and_flagged_ones_never(database: Database, ask: Ask) -> None:
    job = await ask()
    first, second, _ = await record(
        database, job, picture(job, "one"), picture(job, "two"), picture(job, "bad", nsfw=True)
    )
    await database.run(results.copy_later, first, NOW + 5)
    due = await database.read(results.to_copy, NOW, 10)
    assert [(found.id, found.tries) for found in due] == [(second, 0)]
    due = await database.read(results.to_copy, NOW + 5, 10)
    assert [(found.id, found.tries, found.job_id) for found in due] == [(second, 0, job.id), (first, 1, job.id)]
    assert (await database.read(results.next_copy), await database.read(results.uncopied, job.id)) == (NOW, 2)


async def test_a_copied_picture_is_usable_and_copied_no_more(database: Database, ask: Ask) -> None:
    job = await ask()
    (result_id,) = await record(database, job, picture(job))
    assert await database.run(results.copied, result_id, CAT, "image/jpeg", (64, 48)) == job.id
    assert await database.run(results.copied, result_id, "d" * 64, "image/jpeg", (64, 48)) is None
    assert await database.run(results.lost, result_id, "gone") is None
    result = await database.read(results.get, result_id)
    assert result is not None
    assert (result.sha256, result.width, result.height, result.lost, result.usable) == (CAT, 64, 48, None, True)
    assert await database.read(results.next_copy) is None


async def test_a_lost_picture_is_asked_for_no_more(database: Database, ask: Ask) -> None:
    job = await ask()
    (result_id,) = await record(database, job, picture(job))
    assert await database.run(results.lost, result_id, "refused_host") == job.id
    assert await database.read(results.to_copy, NOW * 2, 10) == []
    result = await database.read(results.get, result_id)
    assert result is not None
    assert (result.lost, result.usable) == ("refused_host", False)


async def test_a_deleted_picture_is_neither_copied_nor_tried_again(database: Database, ask: Ask) -> None:
    job = await ask()
    (result_id,) = await record(database, job, picture(job))
    assert await database.run(results.delete, result_id, NOW) == (True, None)
    assert await database.run(results.delete, result_id, NOW + 1) == (False, None)
    await database.run(results.copy_later, result_id, NOW + 1)  # a fetch that was under way failed
    assert await database.run(results.copied, result_id, CAT, "image/jpeg", (64, 48)) is None  # or did not
    assert await database.read(results.to_copy, NOW * 2, 10) == []
    assert await database.read(results.uncopied, job.id) == 0


async def test_deleting_tells_the_picture_it_had(database: Database, ask: Ask) -> None:
    job = await ask()
    (result_id,) = await record(database, job, picture(job))
    await database.run(results.copied, result_id, CAT, "image/jpeg", (64, 48))
    assert await database.run(results.delete, result_id, NOW) == (True, CAT)


async def test_a_message_tells_the_pictures_it_shows(database: Database, ask: Ask, put: Put) -> None:
    job = await ask()
    await put(job, Status.SUCCEEDED)
    await record(database, job, *(picture(job, str(number)) for number in range(RESULTS_PER_MESSAGE + 1)))
    await database.run(announcements.plan, job.id, Status.SUCCEEDED)
    await database.run(announcements.posted, job.id, 1, 300, 402, NOW)
    shown = await database.read(results.of_message, 300, 402)
    assert [(result.position, result.channel_id, result.message_id) for result in shown] == [
        (RESULTS_PER_MESSAGE, 300, 402)
    ]
    assert await database.read(results.of_message, 301, 402) == []
    assert (await database.read(results.of_job, job.id))[0].message_id is None
    assert await database.read(results.get, 10**9) is None
