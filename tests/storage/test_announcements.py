"""What Discord has heard: one row for each message, marked after its post."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from storage import announcements, jobs, results
from storage.database import Database, Tx
from storage.records import Announcement, AnnouncementKind, Asker, Job, Status, Success

Ask = Callable[..., Awaitable[Job]]
Put = Callable[[Job, Status], Awaitable[None]]

NOW = 1_900_022_500_000


async def end(database: Database, job: Job, status: Status, pictures: int = 0) -> None:
    """End a job with some pictures, all of them copied or lost."""

    async def unit(tx: Tx) -> None:
        await jobs.move(tx, job.id, Status.SUBMITTING, NOW)
        await add(tx, job, pictures)
        await jobs.move(tx, job.id, status, NOW)

    await database.run(unit)


async def add(tx: Tx, job: Job, pictures: int, *, copied: bool = True) -> None:
    have = await results.count(tx, job.id)
    for number in range(have, have + pictures):
        await results.add(tx, job.id, Success(job.task_uuid, f"image {number}", "https://x/1.jpg", 7, 100), NOW)
    for result in await results.of_job(tx, job.id) if copied else ():
        await results.lost(tx, result.id, "gone")


async def plan(database: Database, job: Job, status: Status = Status.SUCCEEDED) -> list[Announcement]:
    return await database.run(announcements.plan, job.id, status)


async def found(database: Database, job: Job) -> Job:
    return await database.read(jobs.known, job.id)


async def show(database: Database, job: Job, at: int = NOW) -> int | None:
    """Say that Discord shows a job as it stands now."""
    return await database.run(announcements.shown, job.id, (await found(database, job)).version, at)


async def post(database: Database, job: Job, index: int, message_id: int = 400) -> None:
    await database.run(announcements.begin, job.id, index)
    await database.run(announcements.posted, job.id, index, 300, message_id + index, NOW)


# Planning ------------------------------------------------------------------------------------------------------------


async def test_results_go_out_nine_a_message_and_the_plan_is_made_once(database: Database, ask: Ask) -> None:
    job = await ask(results=20)
    await end(database, job, Status.SUCCEEDED, pictures=20)
    first = await plan(database, job)
    assert [(said.index, said.kind, len(said.result_ids)) for said in first] == [
        (0, AnnouncementKind.RESULTS, 9),
        (1, AnnouncementKind.RESULTS, 9),
        (2, AnnouncementKind.RESULTS, 2),
    ]
    assert await plan(database, job) == first
    await post(database, job, 0)
    assert await plan(database, job) == first[1:]


async def test_pictures_that_come_after_a_post_get_a_message_of_their_own(database: Database, ask: Ask) -> None:
    job = await ask(results=2)
    await end(database, job, Status.SUCCEEDED, pictures=1)
    await plan(database, job)
    await post(database, job, 0)
    assert await show(database, job) is not None
    await database.run(add, job, 1)
    await database.run(announcements.touch, job.id, NOW)
    assert (await found(database, job)).announced_at is None
    (late,) = await plan(database, job)
    assert (late.index, len(late.result_ids)) == (1, 1)


async def test_a_failure_and_an_expiry_are_said_once(database: Database, ask: Ask) -> None:
    for status in (Status.FAILED, Status.EXPIRED):
        job = await ask()
        await end(database, job, status)
        (said,) = await plan(database, job, status)
        assert (said.kind, said.result_ids, said.tries) == (AnnouncementKind(status.value), (), 0)
        await post(database, job, 0)
        assert await plan(database, job, status) == []


async def test_an_expiry_that_nobody_heard_of_is_not_said_once_the_picture_came(database: Database, ask: Ask) -> None:
    job = await ask()
    await end(database, job, Status.EXPIRED)
    await plan(database, job, Status.EXPIRED)
    await database.run(add, job, 1)
    await database.run(jobs.move, job.id, Status.SUCCEEDED, NOW)
    assert [said.kind for said in await plan(database, job)] == [AnnouncementKind.RESULTS]


async def test_a_success_after_an_expiry_is_said_after_it(database: Database, ask: Ask) -> None:
    job = await ask()
    await end(database, job, Status.EXPIRED)
    await plan(database, job, Status.EXPIRED)
    await post(database, job, 0)
    await database.run(add, job, 1)
    await database.run(jobs.move, job.id, Status.SUCCEEDED, NOW)
    assert [said.kind for said in await plan(database, job)] == [AnnouncementKind.RESULTS]


async def test_a_cancelled_job_says_nothing_but_its_card(database: Database, ask: Ask, put: Put) -> None:
    job = await ask()
    await put(job, Status.CANCELLED)
    assert await plan(database, job, Status.CANCELLED) == []
    assert await show(database, job) is not None


# Posting -------------------------------------------------------------------------------------------------------------


async def test_a_post_that_was_begun_and_not_marked_is_of_unknown_fate(database: Database, ask: Ask) -> None:
    job = await ask()
    await end(database, job, Status.FAILED)
    await plan(database, job, Status.FAILED)
    await database.run(announcements.begin, job.id, 0)
    await database.run(announcements.begin, job.id, 0)
    (said,) = await plan(database, job, Status.FAILED)
    assert (said.tries, said.posted_at) == (2, None)


async def test_a_message_is_marked_once(database: Database, ask: Ask) -> None:
    job = await ask()
    await end(database, job, Status.FAILED)
    await plan(database, job, Status.FAILED)
    await post(database, job, 0, message_id=400)
    await post(database, job, 0, message_id=500)
    await database.run(announcements.keep, job.id, 0)
    await database.run(announcements.handed_over, job.id, 0, NOW + 1)
    (said,) = await database.read(announcements.of_job, job.id)
    assert (said.message_id, said.channel_id, said.posted_at, said.kept) == (400, 300, NOW, False)


async def test_what_could_be_posted_nowhere_is_kept_for_its_asker_until_it_is_handed_over(
    database: Database, ask: Ask
) -> None:
    job, other = await ask(user_id=1), await ask(user_id=2)
    for one in (job, other):
        await end(database, one, Status.FAILED)
        await plan(database, one, Status.FAILED)
        await database.run(announcements.keep, one.id, 0)
    assert await plan(database, job, Status.FAILED) == []
    assert await show(database, job) is not None
    ((kept_job, said),) = await database.read(announcements.kept_for, Asker(10, 1))
    assert (kept_job.id, said.index, said.kept) == (job.id, 0, True)
    assert await database.read(announcements.kept_for, Asker(11, 1)) == []
    await database.run(announcements.handed_over, job.id, 0, NOW)
    assert await database.read(announcements.kept_for, Asker(10, 1)) == []
    assert len(await database.read(announcements.kept_for, Asker(10, 2))) == 1


async def test_the_place_of_a_job_is_remembered(database: Database, ask: Ask) -> None:
    job = await ask()
    await database.run(announcements.placed, job.id, 300)
    await database.run(announcements.carded, job.id, 401)
    placed = await found(database, job)
    assert (placed.place.thread_id, placed.status_message_id) == (300, 401)


# When a job is announced ---------------------------------------------------------------------------------------------


async def test_a_job_is_announced_once_everything_about_its_end_is_posted(database: Database, ask: Ask) -> None:
    job = await ask(results=11)
    await end(database, job, Status.SUCCEEDED, pictures=11)
    await plan(database, job)
    await post(database, job, 0)
    assert await show(database, job) is None
    assert await database.read(announcements.pending_ids) == [job.id]
    await post(database, job, 1)
    assert await show(database, job) == NOW
    assert (await found(database, job)).announced_at == NOW
    assert await show(database, job, NOW + 1) is None
    assert await database.read(announcements.pending_ids) == []


async def test_a_job_is_not_announced_while_a_picture_is_being_copied_or_has_no_message(
    database: Database, ask: Ask
) -> None:
    job = await ask()
    await end(database, job, Status.SUCCEEDED)

    async def uncopied(tx: Tx) -> None:
        await add(tx, job, 1, copied=False)

    await database.run(uncopied)
    assert await show(database, job) is None
    await database.run(add, job, 0)
    assert await show(database, job) is None
    await plan(database, job)
    await post(database, job, 0)
    assert await show(database, job) == NOW


async def test_an_open_job_is_shown_and_never_announced(database: Database, ask: Ask) -> None:
    job = await ask()
    assert [due.id for due in await database.read(announcements.due, NOW, 10)] == [job.id]
    assert await show(database, job) is None
    assert await database.read(announcements.due, NOW, 10) == []
    assert (await found(database, job)).announced_at is None


async def test_a_version_that_is_no_longer_the_last_does_not_count_as_shown(database: Database, ask: Ask) -> None:
    job = await ask()
    await end(database, job, Status.EXPIRED)
    await plan(database, job, Status.EXPIRED)
    await post(database, job, 0)
    assert await database.run(announcements.shown, job.id, job.version, NOW) is None
    assert await database.read(announcements.unshown_ids) == [job.id]
    await database.run(announcements.refresh, job.id, NOW)
    assert await show(database, job) == NOW
    assert await database.read(announcements.unshown_ids) == []


# Being late ----------------------------------------------------------------------------------------------------------


async def test_jobs_are_shown_longest_due_first_each_with_a_wait_of_its_own(database: Database, ask: Ask) -> None:
    dead, living = await ask(), await ask()
    tries = [await database.run(announcements.later, dead.id, NOW + step) for step in (1, 5)]
    assert tries == [1, 2]
    assert [due.id for due in await database.read(announcements.due, NOW, 10)] == [living.id]
    assert await database.read(announcements.next_due, NOW) == NOW + 5
    assert [due.id for due in await database.read(announcements.due, NOW + 5, 10)] == [living.id, dead.id]
    assert [due.id for due in await database.read(announcements.due, NOW + 5, 1)] == [living.id]
    await show(database, dead)
    assert (await found(database, dead)).notice_tries == 0
    assert await database.read(announcements.next_due, NOW) is None


async def test_an_end_that_is_given_up_is_undeliverable_and_an_open_job_is_not(database: Database, ask: Ask) -> None:
    over, still_open = await ask(), await ask()
    await end(database, over, Status.FAILED)
    for job in (over, still_open):
        await database.run(announcements.give_up, job.id, NOW)
    assert [(await found(database, job)).undeliverable_at for job in (over, still_open)] == [NOW, None]
    assert await database.read(announcements.due, NOW * 2, 10) == []
    assert await database.read(announcements.pending_ids) == []
    assert (await database.read(jobs.counts)).undeliverable == 1


async def test_an_end_that_was_announced_stays_so_when_a_change_of_it_is_given_up(database: Database, ask: Ask) -> None:
    job = await ask()
    await end(database, job, Status.FAILED)
    await plan(database, job, Status.FAILED)
    await post(database, job, 0)
    await show(database, job)
    await database.run(announcements.refresh, job.id, NOW)
    await database.run(announcements.later, job.id, NOW + 5)
    await database.run(announcements.give_up, job.id, NOW)
    again = await found(database, job)
    assert (again.announced_at, again.undeliverable_at) == (NOW, None)
    assert await database.read(announcements.unshown_ids) == []


async def test_a_change_after_one_that_was_given_up_is_shown_with_all_its_tries(database: Database, ask: Ask) -> None:
    job = await ask()
    for at in range(8):
        await database.run(announcements.later, job.id, NOW + at)
    await database.run(announcements.give_up, job.id, NOW)
    await database.run(announcements.refresh, job.id, NOW + 9)
    (again,) = await database.read(announcements.due, NOW + 9, 10)
    assert (again.notice_tries, again.version) == (0, job.version + 1)
    assert await show(database, again) is None
    assert await database.read(announcements.unshown_ids) == []


async def test_what_has_to_go_is_tried_at_once_however_often_that_failed(database: Database, ask: Ask) -> None:
    job = await ask()
    for _ in range(3):
        await database.run(announcements.later, job.id, NOW + 9_000)
    await database.run(announcements.hurry, job.id, NOW + 10)
    [due] = await database.read(announcements.due, NOW + 10, 5)
    assert (due.id, due.notice_tries, due.version) == (job.id, 0, job.version + 1)


async def test_a_change_brings_no_retry_forward_and_uses_up_none_of_its_tries(database: Database, ask: Ask) -> None:
    job = await ask()
    await database.run(announcements.later, job.id, NOW + 500)
    await database.run(announcements.refresh, job.id, NOW)
    assert await database.read(announcements.due, NOW + 499, 10) == []
    (again,) = await database.read(announcements.due, NOW + 500, 10)
    assert (again.notice_tries, again.version) == (1, job.version + 1), "what is shown then is the newest"


async def test_a_change_that_can_wait_comes_with_one_that_cannot(database: Database, ask: Ask) -> None:
    job = await ask()
    await show(database, job)
    for at, due_at in ((NOW + 500, NOW + 500), (NOW + 200, NOW + 200), (NOW + 900, NOW + 200)):
        await database.run(announcements.refresh, job.id, at)
        assert await database.read(announcements.next_due, NOW) == due_at


async def test_what_stays_behind_for_the_moment_is_announced_and_due_again_without_a_failure(
    database: Database, ask: Ask
) -> None:
    job = await ask()
    await end(database, job, Status.FAILED)
    await plan(database, job, Status.FAILED)
    await post(database, job, 0)
    version = (await found(database, job)).version
    assert await database.run(announcements.shown, job.id, version, NOW, NOW + 500) == NOW
    assert await database.read(announcements.due, NOW + 499, 10) == []
    (again,) = await database.read(announcements.due, NOW + 500, 10)
    assert (again.announced_at, again.notice_tries, again.version) == (NOW, 0, version)
    await database.run(announcements.refresh, job.id, NOW + 100)
    assert await database.read(announcements.next_due, NOW) == NOW + 100, "a change has it tried sooner"


async def test_an_undeliverable_end_with_news_is_tried_again(database: Database, ask: Ask) -> None:
    job = await ask()
    await end(database, job, Status.FAILED)
    await database.run(announcements.give_up, job.id, NOW)
    await database.run(announcements.touch, job.id, NOW)
    again = await found(database, job)
    assert (again.undeliverable_at, again.notice_tries, again.version) == (None, 0, job.version + 3)
    assert await database.read(announcements.pending_ids) == [job.id]
