"""The queue, the legal moves of a job, its turns, its POSTs, and what the reconciler remembers of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from storage import jobs
from storage.database import Database, Tx
from storage.records import MOVES, OVER, Job, Place, Price, Status

Ask = Callable[..., Awaitable[Job]]
Put = Callable[[Job, Status], Awaitable[None]]

NOW = 1_900_022_500_000


async def row_of(tx: Tx, job_id: int) -> dict[str, Any]:
    row = await tx.fetch_one("SELECT * FROM jobs WHERE id = ?1", job_id)
    assert row is not None
    return {column: row[column] for column in row.keys()}  # noqa: SIM118 - a row is no mapping


async def stored(database: Database, job: Job) -> dict[str, Any]:
    return await database.read(row_of, job.id)


async def claim(database: Database, limit: int = 100, now: int = NOW) -> Job | None:
    return await database.run(
        jobs.claim_next, in_flight_limit=limit, now=now, poll_at=now + 40_000, card_interval=5_000
    )


async def served(database: Database) -> list[Job]:
    """Every queued job, in the order in which the queue serves them."""
    order: list[Job] = []
    while (job := await claim(database)) is not None:
        order.append(job)
    return order


# Moves ---------------------------------------------------------------------------------------------------------------


async def test_every_legal_move_is_made_and_every_illegal_one_changes_nothing(
    database: Database, ask: Ask, put: Put
) -> None:
    job = await ask()
    for to, sources in MOVES.items():
        for source in Status if sources else ():
            await put(job, source)
            before = await stored(database, job)
            moved = await database.run(jobs.move, job.id, to, NOW, poll_at=NOW + 1, error_code="said")
            after = await stored(database, job)
            assert moved == (source in sources), f"{source} -> {to}"
            if moved:
                assert (after["status"], after["version"]) == (to, before["version"] + 1), f"{source} -> {to}"
            else:
                assert after == before, f"{source} -> {to}"


def test_no_job_goes_back_to_waiting_and_nothing_but_a_success_follows_an_end() -> None:
    assert MOVES[Status.WAITING] == frozenset()
    assert {to: sources & OVER for to, sources in MOVES.items() if sources & OVER} == {
        Status.SUCCEEDED: {Status.EXPIRED}
    }


async def test_a_move_stamps_its_time_and_is_due_to_be_shown(database: Database, ask: Ask) -> None:
    job = await ask()
    stamps = {
        Status.SUBMITTING: "first_post_at",
        Status.SUBMITTED: "submitted_at",
        Status.EXPIRED: "ended_at",
        Status.SUCCEEDED: "ended_at",
    }
    row: dict[str, Any] = {}
    for step, (status, stamp) in enumerate(stamps.items()):
        assert await database.run(jobs.move, job.id, status, NOW + step, poll_at=NOW + 100)
        row = await stored(database, job)
        assert (row[stamp], row["notice_at"], row["poll_at"]) == (NOW + step, NOW + step, NOW + 100)
    assert row["first_post_at"] == NOW


async def test_a_job_that_succeeds_after_its_deadline_is_to_be_announced_again(
    database: Database, ask: Ask, put: Put
) -> None:
    async def announced(tx: Tx) -> None:
        await tx.execute("UPDATE jobs SET announced_at = ended_at, undeliverable_at = ended_at, notice_tries = 5")

    job = await ask()
    await put(job, Status.EXPIRED)
    await database.run(announced)
    assert await database.run(jobs.move, job.id, Status.SUCCEEDED, NOW)
    row = await stored(database, job)
    assert (row["announced_at"], row["undeliverable_at"], row["notice_tries"]) == (None, None, 0)


async def test_a_move_without_a_code_keeps_the_code_that_was_there(database: Database, ask: Ask) -> None:
    job = await ask()
    await database.run(jobs.move, job.id, Status.SUBMITTING, NOW, error_code="busy")
    await database.run(jobs.move, job.id, Status.EXPIRED, NOW)
    assert (await stored(database, job))["error_code"] == "busy"


async def test_a_job_asked_for_in_a_thread_shows_its_status_in_the_reply(database: Database, ask: Ask) -> None:
    asked = await ask()
    asked_price = Price(asked.estimate, asked.hold, asked.basis)

    async def in_thread(tx: Tx) -> Job:
        return await jobs.add(
            tx,
            task_uuid="7f1c2a52-0000-4000-8000-000000000001",
            account_id=asked.account_id,
            guild_id=asked.guild_id,
            place=Place(100, 201, thread_id=300, public=False),
            request=asked.request,
            price=asked_price,
            now=NOW,
        )

    job = await database.run(in_thread)
    assert (asked.status_message_id, job.status_message_id) == (None, 201)
    assert job.place == Place(100, 201, thread_id=300, public=False)
    assert await database.read(jobs.get, job.id) == job == await database.run(jobs.lock_task, job.task_uuid)
    assert await database.run(jobs.lock_task, "another") is None


async def test_a_person_who_was_forgotten_leaves_their_job_behind(database: Database, ask: Ask) -> None:
    async def forget(tx: Tx) -> None:
        await tx.execute("DELETE FROM accounts WHERE id = ?1", job.account_id)

    job = await ask(user_id=5)
    assert job.user_id == 5
    await database.run(forget)
    left = await database.read(jobs.get, job.id)
    assert left is not None
    assert (left.user_id, left.account_id) == (None, job.account_id)


# Turns ---------------------------------------------------------------------------------------------------------------


async def test_members_take_turns(database: Database, ask: Ask) -> None:
    for user_id in (1, 1, 1, 2, 2, 3):
        await ask(user_id)
    assert [job.user_id for job in await served(database)] == [1, 2, 3, 1, 2, 1]


async def test_forty_jobs_of_one_member_do_not_starve_another(database: Database, ask: Ask) -> None:
    for _ in range(40):
        await ask(1)
    await claim(database)
    await ask(2)
    await ask(2)
    assert [job.user_id for job in (await served(database))[:4]] == [1, 2, 1, 2]


async def test_a_member_in_two_servers_has_a_turn_in_each(database: Database, ask: Ask) -> None:
    for guild_id in (10, 10, 11):
        await ask(1, guild_id=guild_id)
    assert [job.guild_id for job in await served(database)] == [10, 11, 10]


async def test_a_member_whose_long_row_was_served_is_not_behind_all_that_others_ask_after(
    database: Database, ask: Ask
) -> None:
    for _ in range(20):
        await ask(1)
    for job in (await served(database))[:-1]:
        await database.run(jobs.move, job.id, Status.EXPIRED, NOW)
    for _ in range(20):
        await ask(2)
    await ask(1)
    assert 1 in [job.user_id for job in (await served(database))[:3]]


async def test_a_newcomer_does_not_start_before_the_turn_being_served(database: Database, ask: Ask) -> None:
    for _ in range(4):
        await ask(1)
        await ask(2)
    for _ in range(4):
        await claim(database)
    await ask(3)
    await ask(3)
    assert [job.user_id for job in await served(database)] == [1, 2, 3, 1, 2, 3]


async def test_positions_are_exact_up_to_ten(database: Database, ask: Ask, put: Put) -> None:
    asked = [await ask(user_id) for user_id in range(1, 14)]
    assert [await database.read(jobs.position, job.id) for job in asked] == [*range(1, 11), 11, 11, 11]
    await claim(database)
    assert [await database.read(jobs.position, job.id) for job in asked[1:]] == [*range(1, 11), 11, 11]
    await put(asked[1], Status.CANCELLED)
    assert await database.read(jobs.position, asked[2].id) == 1


# Claims and POSTs ----------------------------------------------------------------------------------------------------


async def test_no_more_jobs_are_claimed_than_may_be_in_flight(database: Database, ask: Ask, put: Put) -> None:
    for _ in range(4):
        await ask()
    first = await claim(database, limit=2)
    second = await claim(database, limit=2)
    assert first is not None
    assert second is not None
    assert await claim(database, limit=2) is None
    await database.run(jobs.move, first.id, Status.SUBMITTED, NOW)
    assert await claim(database, limit=2) is None
    await put(first, Status.SUCCEEDED)
    third = await claim(database, limit=2)
    assert third is not None
    assert third.id not in {first.id, second.id}


async def test_an_empty_queue_gives_nothing(database: Database) -> None:
    assert await claim(database) is None


async def test_a_claim_commits_the_time_of_the_first_post_and_that_its_fate_is_unknown(
    database: Database, ask: Ask
) -> None:
    await ask()
    job = await claim(database)
    assert job is not None
    row = await stored(database, job)
    assert (job.status, job.first_post_at) == (Status.SUBMITTING, NOW)
    assert (row["posts"], row["unknown_posts"], row["last_post_at"], row["poll_at"]) == (1, 1, NOW, NOW + 40_000)


async def test_many_who_cancel_at_once_do_not_wait_for_each_others_cards(database: Database, ask: Ask) -> None:
    waiting = [await ask(1 + number % 5) for number in range(20)]
    runs = 0

    async def cancel(tx: Tx, job: Job) -> bool:
        nonlocal runs
        runs += 1
        moved = await jobs.move(tx, job.id, Status.CANCELLED, NOW)
        await jobs.queue_moved(tx, NOW, 5_000)
        return moved

    assert all(await asyncio.gather(*(database.run(cancel, job) for job in waiting)))
    assert runs == 20, "a unit that PostgreSQL gave up to end a deadlock is run again"


async def test_a_claim_has_the_next_ten_cards_shown_anew_but_none_sooner_than_its_interval(
    database: Database, ask: Ask
) -> None:
    async def show(tx: Tx, job_id: int, at: int) -> None:
        await tx.execute("UPDATE jobs SET shown_at = CAST(?2 AS BIGINT), notice_at = NULL WHERE id = ?1", job_id, at)

    asked = [await ask(user_id) for user_id in range(1, 14)]
    for job in asked:
        await database.run(show, job.id, NOW - 3_000 if job is asked[1] else NOW - 60_000)
    await claim(database)
    due = [(await stored(database, job))["notice_at"] for job in asked[1:]]
    assert due == [NOW + 2_000, *[NOW] * 9, None, None]


async def test_a_refusal_that_is_definite_lowers_the_posts_of_unknown_fate_and_is_remembered(
    database: Database, ask: Ask
) -> None:
    job = await ask()
    await claim(database)
    assert await database.run(jobs.begin_post, job.id, NOW + 5, NOW + 6)
    assert await database.run(jobs.post_refused, job.id, "busy", NOW + 9) == 1
    assert await database.run(jobs.post_refused, job.id, "busy", NOW + 9) == 0
    assert await database.run(jobs.post_refused, job.id, "busy", NOW + 9) is None
    row = await stored(database, job)
    assert (row["posts"], row["unknown_posts"], row["last_post_at"]) == (2, 0, NOW + 5)
    assert (row["error_code"], row["poll_at"], row["first_post_at"]) == ("busy", NOW + 9, NOW)


async def test_what_runware_said_stays_with_the_code_it_was_said_with(database: Database, ask: Ask) -> None:
    job = await ask()
    await claim(database)
    assert await database.run(jobs.post_refused, job.id, "unsupportedLora", NOW, "it does not fit") == 0
    assert (await stored(database, job))["error_message"] == "it does not fit"
    await database.run(jobs.move, job.id, Status.FAILED, NOW)
    known = await database.read(jobs.known, job.id)
    assert (known.error_code, known.error_message) == ("unsupportedLora", "it does not fit")


async def test_another_code_takes_the_words_of_the_last_one_away(database: Database, ask: Ask) -> None:
    job = await ask()
    await claim(database)
    await database.run(jobs.post_refused, job.id, "busy", NOW, "wait a little")
    await database.run(jobs.move, job.id, Status.FAILED, NOW, error_code="timeout")
    known = await database.read(jobs.known, job.id)
    assert (known.error_code, known.error_message) == ("timeout", None)


async def test_an_edit_that_succeeded_after_a_refusal_keeps_no_words_of_it(database: Database, ask: Ask) -> None:
    job = await ask()
    await claim(database)
    await database.run(jobs.post_refused, job.id, "busy", NOW, "wait a little")
    await database.run(jobs.move, job.id, Status.SUCCEEDED, NOW)
    known = await database.read(jobs.known, job.id)
    assert (known.error_code, known.error_message) == (None, None)


async def test_only_a_job_being_submitted_is_posted_or_refused(database: Database, ask: Ask, put: Put) -> None:
    job = await ask()
    await claim(database)
    for status in set(Status) - {Status.SUBMITTING}:
        await put(job, status)
        before = await stored(database, job)
        assert not await database.run(jobs.begin_post, job.id, NOW, NOW), status
        assert await database.run(jobs.post_refused, job.id, "busy", NOW) is None, status
        assert await stored(database, job) == before, status


# What the reconciler remembers ---------------------------------------------------------------------------------------


async def test_jobs_are_polled_longest_due_first_and_those_without_a_time_never(database: Database, ask: Ask) -> None:
    asked = [await ask() for _ in range(5)]
    for job, at in zip(asked, [NOW + 1, NOW - 5, None, NOW - 9, NOW], strict=True):
        await database.run(jobs.poll_at, job.id, at)
    due = await database.read(jobs.to_poll, NOW, 10)
    assert [found.job.id for found in due] == [asked[3].id, asked[1].id, asked[4].id]
    assert [found.job.id for found in await database.read(jobs.to_poll, NOW, 1)] == [asked[3].id]
    assert await database.read(jobs.next_poll) == NOW - 9


async def test_a_poll_is_remembered_with_what_it_saw(database: Database, ask: Ask) -> None:
    job = await ask()
    await database.run(jobs.polled, job.id, NOW + 5, "[]", NOW)
    await database.run(jobs.polled, job.id, NOW + 6, "[1]", NOW + 1)
    (found,) = await database.read(jobs.to_poll, NOW + 6, 10)
    assert (found.polls, found.errors_seen, found.errors_since) == (2, "[1]", NOW + 1)


async def test_asking_now_brings_a_poll_forward_and_never_puts_one_off_or_makes_one(
    database: Database, ask: Ask
) -> None:
    later, sooner, never = await ask(), await ask(), await ask()
    await database.run(jobs.poll_at, later.id, NOW + 50)
    await database.run(jobs.poll_at, sooner.id, NOW - 50)
    for job in (later, sooner, never):
        await database.run(jobs.ask_now, job.id, NOW)
    polls = [(await stored(database, job))["poll_at"] for job in (later, sooner, never)]
    assert polls == [NOW, NOW - 50, None]


async def test_after_a_start_every_job_that_may_be_at_runware_is_looked_at_now(
    database: Database, ask: Ask, put: Put
) -> None:
    asked = {status: await ask() for status in Status}
    for status, job in asked.items():
        await put(job, status)
        await database.run(jobs.poll_at, job.id, NOW + 50)
    assert await database.run(jobs.resume, NOW, NOW) == 2
    now = {found.job.status for found in await database.read(jobs.to_poll, NOW, 10)}
    assert now == {Status.SUBMITTING, Status.SUBMITTED}


async def test_after_a_start_a_job_whose_post_is_just_under_way_is_left_alone(
    database: Database, ask: Ask, put: Put
) -> None:
    job = await ask()
    await put(job, Status.SUBMITTING)
    await database.run(jobs.begin_post, job.id, NOW + 1, NOW + 40_000)
    for started in (NOW, NOW + 1):  # a start may take less than a millisecond
        assert await database.run(jobs.resume, NOW + 2, started) == 0
    assert (await stored(database, job))["poll_at"] == NOW + 40_000
    assert await database.run(jobs.resume, NOW + 2, NOW + 2) == 1


# Looks ---------------------------------------------------------------------------------------------------------------


async def test_counts_and_lists_of_open_jobs_leave_out_what_is_over(database: Database, ask: Ask, put: Put) -> None:
    asked = {status: await ask(user_id=3) for status in Status}
    for status, job in asked.items():
        await put(job, status)
    still_open = [job.id for status, job in asked.items() if status not in OVER]
    assert await database.read(jobs.open_ids) == still_open
    assert [job.id for job in await database.read(jobs.running, asked[Status.QUEUED].account_id)] == still_open
    assert await database.read(jobs.counts) == jobs.Counts(queued=1, in_flight=2, undeliverable=0)
