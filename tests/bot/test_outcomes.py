"""The life of an edit, as far as Runware tells it: when a job is over, and what changes nothing."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot import outcomes
from bot.outcomes import Taken
from storage import pictures
from storage.records import Copy, EntryKind, Failure, Job, Processing, Scope, Status

if TYPE_CHECKING:
    from tests.bot.conftest import Desk

START = 1_900_022_400_000
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
EVERYBODY = (Scope.MEMBER, Scope.CHANNEL, Scope.SERVER, Scope.BOT)
REFUSED = Failure(None, "contentModeration", "not this")


# Deliveries ----------------------------------------------------------------------------------------------------------


async def test_a_delivery_ends_the_job_and_settles_its_hold(desk: Desk) -> None:
    job = await desk.submit()
    desk.now += 7 * SECOND
    assert await desk.deliver(job, desk.picture(job)) == Taken(fresh=1, lag=7 * SECOND, ended=Status.SUCCEEDED)
    assert await desk.lines(job) == desk.settled(job.hold, 100)
    over = await desk.job(job)
    assert (over.cost, over.ended_at, over.settled_at, over.cost_pending) == (100, desk.now, desk.now, False)
    assert await desk.next_poll() is None


async def test_a_repeated_delivery_settles_once(desk: Desk) -> None:
    job = await desk.submit()
    first = await desk.deliver(job, desk.picture(job))
    before = await desk.job(job)
    repeats = [await desk.deliver(job, desk.picture(job)) for _ in range(9)]
    assert (first.ended, set(repeats)) == (Status.SUCCEEDED, {Taken()})
    assert await desk.lines(job) == desk.settled(job.hold, 100)
    assert await desk.job(job) == before


async def test_ten_deliveries_at_once_settle_once(desk: Desk) -> None:
    job = await desk.submit()
    taken = await asyncio.gather(*(desk.deliver(job, desk.picture(job)) for _ in range(10)))
    assert [one.ended for one in taken].count(Status.SUCCEEDED) == 1
    assert sum(one.fresh for one in taken) == 1
    assert await desk.lines(job) == desk.settled(job.hold, 100)


async def test_the_last_two_pictures_delivered_at_once_end_the_job(desk: Desk) -> None:
    asked = [await desk.submit(images=2) for _ in range(8)]
    await asyncio.gather(*(desk.deliver(job, desk.picture(job, name)) for job in asked for name in ("one", "two")))
    assert {await desk.status(job) for job in asked} == {Status.SUCCEEDED}
    assert [await desk.lines(job) for job in asked] == [desk.settled(job.hold, 200) for job in asked]


async def test_costs_delivered_late_at_once_are_booked_once_each(desk: Desk) -> None:
    asked = [await desk.submit(images=3) for _ in range(5)]
    for job in asked:
        await desk.deliver(job, desk.picture(job, "one"))
    desk.now += 30 * MINUTE
    for job in asked:
        assert (await desk.poll(job)).ended is Status.SUCCEEDED
    await asyncio.gather(*(desk.deliver(job, desk.picture(job, name)) for job in asked for name in ("two", "three")))
    adjusted = [(EntryKind.ADJUST, 0, 100)] * 2
    assert [(await desk.lines(job))[1:] for job in asked] == [adjusted] * 5


async def test_a_delivery_before_the_submits_answer_ends_the_job_and_the_answer_changes_nothing(desk: Desk) -> None:
    job = await desk.post()
    assert (await desk.deliver(job, desk.picture(job))).ended is Status.SUCCEEDED
    before = await desk.job(job)
    assert not await desk.database.run(outcomes.accept, job.id, desk.now, desk.now)
    assert await desk.job(job) == before
    assert await desk.next_poll() is None


async def test_a_partial_delivery_before_the_submits_answer_tells_that_runware_has_the_task(desk: Desk) -> None:
    job = await desk.post(images=2)
    await desk.deliver(job, desk.picture(job))
    assert await desk.status(job) is Status.SUBMITTED
    assert await desk.next_poll() == desk.now + 10 * SECOND


async def test_ten_deliveries_of_four_pictures_in_any_order_give_one_end(desk: Desk) -> None:
    rng = random.Random(7)
    for _ in range(5):
        job = await desk.submit(images=4) if rng.random() < 0.5 else await desk.post(images=4)
        said = [desk.picture(job, name, cost) for name, cost in [("a", 10), ("b", 20), ("c", 30), ("d", 40)]]
        deliveries = [[one] for one in said] + [rng.sample(said, rng.randint(1, 4)) for _ in range(6)]
        rng.shuffle(deliveries)
        ends = [(await desk.deliver(job, *one)).ended for one in deliveries]
        assert [end for end in ends if end] == [Status.SUCCEEDED]
        assert await desk.lines(job) == desk.settled(job.hold, 100)
        assert len(await desk.costs(job)) == 4


async def test_a_job_of_several_results_is_open_until_the_last_picture(desk: Desk) -> None:
    job = await desk.submit(images=3)
    ends = [(await desk.deliver(job, desk.picture(job, name))).ended for name in ("one", "two", "two", "three")]
    assert ends == [None, None, None, Status.SUCCEEDED]
    assert await desk.lines(job) == desk.settled(job.hold, 300)


async def test_a_delivery_of_no_task_of_ours_or_of_one_never_sent_records_nothing(desk: Desk) -> None:
    queued = await desk.ask()
    assert await desk.deliver(queued, desk.picture(queued)) == Taken()
    assert await desk.deliver(replace(queued, task_uuid="another"), desk.picture(queued)) == Taken()
    assert await desk.costs(queued) == []
    assert await desk.job(queued) == queued


# A delivery is a hint ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/one.jpg",
        "https://im.runware.ai.evil.example/one.jpg",
        "https://im.runware.ai@evil.example/one.jpg",
        "https://im.runware.ai:8443/one.jpg",
        "https://evil.example/https://im.runware.ai/one.jpg",
        "file://im.runware.ai/one.jpg",
        "https://[im.runware.ai/one.jpg",
        "im.runware.ai/one.jpg",
        "",
    ],
)
def test_only_an_address_at_an_allowed_host_is_believed(url: str) -> None:
    assert outcomes.host_of(url) != "im.runware.ai"


@pytest.mark.parametrize(
    ("url", "host"),
    [("https://im.runware.ai/a/b.jpg?c#d", "im.runware.ai"), ("http://127.0.0.1:8001/one.jpg", "127.0.0.1:8001")],
)
def test_a_host_is_named_with_its_port_if_it_has_one(url: str, host: str) -> None:
    assert outcomes.host_of(url) == host


async def test_a_delivery_without_an_address_is_believed_for_a_picture_that_came_along(desk: Desk) -> None:
    job = await desk.submit(2)
    copy = Copy("b" * 64, "image/png", 160, 128)
    bare = replace(desk.picture(job), url="")
    assert await desk.deliver(job, bare) == Taken(ask=True)
    assert await desk.deliver(job, replace(bare, lost="not_a_picture")) == Taken(ask=True)
    assert await desk.deliver(job, replace(desk.picture(job, host="evil.example"), copy=copy)) == Taken(ask=True)
    assert await desk.deliver(job, replace(bare, copy=copy, cost=job.hold + 1)) == Taken(ask=True)
    assert await desk.results(job) == []
    assert (await desk.deliver(job, replace(bare, copy=copy))).fresh == 1
    assert await desk.deliver(job, bare) == Taken(), "a repeat needs no picture"
    assert (await desk.deliver(job, replace(bare, image_uuid="two", nsfw=True))).ended is Status.SUCCEEDED
    first, second = await desk.results(job)
    assert (first.sha256, second.sha256) == (copy.sha256, None)
    assert await desk.database.read(pictures.unknown, [copy.sha256]) == []


async def test_a_delivery_that_names_a_foreign_host_records_nothing_and_asks_now(desk: Desk) -> None:
    for job in (await desk.submit(images=2), await desk.post(images=2)):
        before = await desk.job(job)
        taken = await desk.deliver(job, desk.picture(job), desk.picture(job, "two", host="evil.example"))
        assert taken == Taken(ask=True)
        assert (await desk.job(job), await desk.costs(job), await desk.lines(job)) == (before, [], [])
        assert await desk.next_poll() == desk.now


async def test_a_delivery_that_names_a_cost_above_the_hold_records_nothing_and_asks_now(desk: Desk) -> None:
    job = await desk.submit()
    assert await desk.deliver(job, desk.picture(job, cost=job.hold + 1)) == Taken(ask=True)
    assert (await desk.status(job), await desk.costs(job)) == (Status.SUBMITTED, [])
    assert await desk.next_poll() == desk.now
    assert (await desk.deliver(job, desk.picture(job, cost=job.hold))).ended is Status.SUCCEEDED


async def test_what_a_poll_says_is_the_record_whatever_its_host_and_its_cost(desk: Desk) -> None:
    job = await desk.submit()
    taken = await desk.poll(job, desk.picture(job, cost=job.hold + 5_000, host="elsewhere.example"))
    assert (taken.fresh, taken.ended) == (1, Status.SUCCEEDED)
    assert await desk.lines(job) == [(EntryKind.SETTLE, -job.hold, job.hold + 5_000)]
    assert (await desk.job(job)).cost == job.hold + 5_000
    assert [await desk.used(scope) for scope in EVERYBODY] == [(0, job.hold + 5_000)] * 4


async def test_an_error_delivery_only_brings_the_poll_forward(desk: Desk) -> None:
    submitted, posting = await desk.submit(), await desk.post()
    for job in (submitted, posting):
        assert await desk.deliver(job, REFUSED) == Taken(ask=True)
        assert (await desk.status(job), await desk.lines(job)) == (Status.SUBMITTED, [])
        assert await desk.next_poll() == desk.now


async def test_an_error_delivered_beside_the_last_picture_does_not_matter(desk: Desk) -> None:
    job = await desk.submit()
    assert (await desk.deliver(job, REFUSED, desk.picture(job))).ended is Status.SUCCEEDED


# Polls: when a job of several results is over ------------------------------------------------------------------------


async def test_successes_and_errors_that_reach_the_number_asked_for_end_the_job(desk: Desk) -> None:
    job = await desk.submit(images=3)
    assert (await desk.poll(job, desk.picture(job), REFUSED)).ended is None
    taken = await desk.poll(job, desk.picture(job), desk.picture(job, "two"), REFUSED)
    assert (taken.fresh, taken.ended, taken.code) == (1, Status.SUCCEEDED, "contentModeration")
    assert await desk.lines(job) == desk.settled(job.hold, 200)
    assert (await desk.job(job)).error_code == "contentModeration"


async def test_a_picture_that_was_delivered_counts_in_a_poll_that_leaves_it_out(desk: Desk) -> None:
    job = await desk.submit(images=2)
    await desk.deliver(job, desk.picture(job))
    assert (await desk.poll(job, REFUSED)).ended is Status.SUCCEEDED
    assert await desk.lines(job) == desk.settled(job.hold, 100)


async def test_errors_alone_that_reach_the_number_asked_for_fail_the_job_and_give_its_hold_back(desk: Desk) -> None:
    job = await desk.submit(images=2)
    taken = await desk.poll(job, REFUSED, Failure(None, "other", "later"))
    assert (taken.ended, taken.code) == (Status.FAILED, "contentModeration")
    assert await desk.lines(job) == [(EntryKind.RELEASE, -job.hold, 0)]
    assert [await desk.used(scope) for scope in EVERYBODY] == [(0, 0)] * 4
    failed = await desk.job(job)
    assert failed.error_message == REFUSED.message
    assert (failed.error_code, failed.settled_at, failed.cost) == ("contentModeration", desk.now, None)


async def test_the_same_errors_ten_seconds_apart_with_nothing_processing_end_the_job(desk: Desk) -> None:
    job = await desk.submit(images=4)
    assert (await desk.poll(job, desk.picture(job), REFUSED)).ended is None
    desk.now += 10 * SECOND - 1
    assert (await desk.poll(job, REFUSED, desk.picture(job))).ended is None
    desk.now += 1
    assert (await desk.poll(job, desk.picture(job), REFUSED)).ended is Status.SUCCEEDED
    assert await desk.lines(job) == desk.settled(job.hold, 100)


async def test_two_polls_with_the_same_errors_and_no_picture_fail_the_job(desk: Desk) -> None:
    job = await desk.submit(images=4)
    assert (await desk.poll(job, REFUSED)).ended is None
    desk.now += 10 * SECOND
    assert (await desk.poll(job, REFUSED)).ended is Status.FAILED


async def test_other_errors_begin_the_wait_anew(desk: Desk) -> None:
    job = await desk.submit(images=4)
    for said in ([REFUSED], [REFUSED, REFUSED], [REFUSED], []):
        assert (await desk.poll(job, *said)).ended is None
        desk.now += 10 * SECOND
    assert (await desk.poll(job, REFUSED)).ended is None
    desk.now += 10 * SECOND
    assert (await desk.poll(job, REFUSED)).ended is Status.FAILED


async def test_errors_decide_nothing_while_anything_is_processing_nor_right_after(desk: Desk) -> None:
    job = await desk.submit(images=4)
    for _ in range(3):
        assert (await desk.poll(job, REFUSED, Processing(job.task_uuid))).ended is None
        desk.now += 10 * SECOND
    assert (await desk.poll(job, REFUSED)).ended is None
    desk.now += 10 * SECOND
    assert (await desk.poll(job, REFUSED)).ended is Status.FAILED


async def test_errors_that_may_be_all_are_looked_at_again_when_they_have_settled(desk: Desk) -> None:
    job = await desk.submit(images=4)
    asked = await desk.asked(job)
    assert asked is not None
    await desk.database.run(outcomes.take_poll, asked, [REFUSED], desk.now, desk.now + MINUTE, desk.rules)
    assert await desk.next_poll() == desk.now + 10 * SECOND


async def test_an_empty_poll_decides_nothing(desk: Desk) -> None:
    submitted, posting = await desk.submit(), await desk.post()
    for job in (submitted, posting):
        before = await desk.job(job)
        for _ in range(5):
            assert await desk.poll(job) == Taken()
            desk.now += MINUTE
        assert await desk.job(job) == before
        asked = await desk.asked(job)
        assert asked is not None
        assert asked.polls == 5


async def test_a_poll_that_finds_the_task_tells_that_runware_has_it(desk: Desk) -> None:
    job = await desk.post()
    await desk.poll(job, Processing(job.task_uuid))
    assert await desk.status(job) is Status.SUBMITTED


# The deadline --------------------------------------------------------------------------------------------------------


async def test_a_job_without_results_expires_at_its_deadline_and_its_hold_is_released(desk: Desk) -> None:
    job = await desk.submit()
    desk.now = START + 30 * MINUTE - 1
    assert (await desk.poll(job)).ended is None
    desk.now += 1
    assert (await desk.poll(job, Processing(job.task_uuid))).ended is Status.EXPIRED
    assert await desk.lines(job) == [(EntryKind.RELEASE, -job.hold, 0)]
    assert await desk.next_poll() == desk.now + MINUTE


async def test_a_job_with_results_succeeds_at_its_deadline_with_what_it_has(desk: Desk) -> None:
    job = await desk.submit(images=3)
    await desk.deliver(job, desk.picture(job))
    desk.now += 30 * MINUTE
    assert (await desk.poll(job, desk.picture(job), Processing(job.task_uuid))).ended is Status.SUCCEEDED
    assert await desk.lines(job) == desk.settled(job.hold, 100)


async def test_a_deadline_holds_when_runware_cannot_be_asked(desk: Desk) -> None:
    early = await desk.submit()
    assert await desk.database.run(outcomes.expire, early.id, (), START + 30 * MINUTE - 1, desk.rules) == Taken()
    ended = await desk.database.run(outcomes.expire, early.id, (), START + 30 * MINUTE, desk.rules)
    assert ended == Taken(ended=Status.EXPIRED)
    assert await desk.database.run(outcomes.expire, early.id, (), START + 30 * MINUTE, desk.rules) == Taken()
    assert await desk.lines(early) == [(EntryKind.RELEASE, -early.hold, 0)]


async def test_a_picture_delivered_at_the_very_deadline_is_never_lost_to_it(desk: Desk) -> None:
    asked = [await desk.submit(images=2) for _ in range(8)]
    desk.now += 30 * MINUTE
    news = [desk.deliver(job, desk.picture(job)) for job in asked]
    ends = [desk.database.run(outcomes.expire, job.id, (), desk.now, desk.rules) for job in asked]
    await asyncio.gather(*(one for pair in zip(news, ends, strict=True) for one in pair))
    assert [await desk.status(job) for job in asked] == [Status.SUCCEEDED] * 8
    assert [(await desk.job(job)).cost for job in asked] == [100] * 8


async def test_a_job_never_sent_has_no_deadline(desk: Desk) -> None:
    job = await desk.ask()
    assert await desk.database.run(outcomes.expire, job.id, (), START + HOUR, desk.rules) == Taken()
    assert await desk.job(job) == job


async def test_a_success_after_the_deadline_is_booked_on_the_server_and_the_job_succeeds(desk: Desk) -> None:
    for by_delivery in (True, False):
        job = await desk.submit()
        desk.now += 30 * MINUTE
        await desk.poll(job)
        await desk.shown(job)
        spent = (await desk.used(Scope.SERVER))[1]
        desk.now += HOUR
        taken = await (desk.deliver if by_delivery else desk.poll)(job, desk.picture(job))
        assert (taken.fresh, taken.ended) == (1, Status.SUCCEEDED)
        assert await desk.lines(job) == [(EntryKind.RELEASE, -job.hold, 0), (EntryKind.ADJUST, 0, 100)]
        used = [await desk.used(scope) for scope in (Scope.MEMBER, Scope.SERVER, Scope.BOT)]
        assert used == [(0, 0), (0, spent + 100), (0, spent + 100)]
        late = await desk.job(job)
        assert (late.cost, late.announced_at, late.cost_pending, await desk.next_poll()) == (100, None, False, None)


async def test_an_expired_job_is_asked_for_during_a_day_and_then_no_more(desk: Desk) -> None:
    job = await desk.submit()
    desk.now += 30 * MINUTE
    await desk.poll(job)
    ended = desk.now
    for wait in (HOUR, 23 * HOUR - 1):
        desk.now += wait
        assert await desk.poll(job) == Taken()
        assert await desk.next_poll() == desk.now + MINUTE
    desk.now = ended + 24 * HOUR
    await desk.poll(job)
    assert await desk.asked(job) is None
    assert await desk.status(job) is Status.EXPIRED


async def test_a_picture_after_the_success_is_recorded_announced_and_the_servers(desk: Desk) -> None:
    job = await desk.submit(images=2)
    await desk.deliver(job, desk.picture(job))
    desk.now += 30 * MINUTE
    await desk.poll(job)
    await desk.shown(job)
    assert (await desk.job(job)).announced_at is not None
    taken = await desk.deliver(job, desk.picture(job, "two", cost=70))
    assert (taken.fresh, taken.ended) == (1, None)
    assert (await desk.lines(job))[1:] == [(EntryKind.ADJUST, 0, 70)]
    late = await desk.job(job)
    assert (late.status, late.cost, late.announced_at) == (Status.SUCCEEDED, 170, None)
    assert await desk.used(Scope.MEMBER) == (0, 100)
    assert await desk.used(Scope.SERVER) == (0, 170)


async def test_a_picture_of_a_job_that_failed_is_recorded_and_the_servers(desk: Desk) -> None:
    job = await desk.submit()
    await desk.poll(job, REFUSED)
    await desk.deliver(job, desk.picture(job))
    failed = await desk.job(job)
    assert (failed.status, failed.cost) == (Status.FAILED, 100)
    assert (await desk.lines(job))[1:] == [(EntryKind.ADJUST, 0, 100)]
    assert await desk.used(Scope.MEMBER) == (0, 0)


async def test_pictures_missing_at_the_deadline_without_a_word_are_asked_for_during_a_day(desk: Desk) -> None:
    job = await desk.submit(images=3)
    await desk.deliver(job, desk.picture(job))
    desk.now += 30 * MINUTE
    assert (await desk.poll(job, desk.picture(job), Processing(job.task_uuid))).ended is Status.SUCCEEDED
    assert await desk.next_poll() == desk.now + MINUTE
    desk.now += HOUR
    assert (await desk.poll(job, desk.picture(job), desk.picture(job, "two", cost=70))).fresh == 1
    assert (await desk.lines(job))[1:] == [(EntryKind.ADJUST, 0, 70)]
    desk.now += 23 * HOUR
    await desk.poll(job)
    assert await desk.next_poll() is None


async def test_pictures_that_failed_are_asked_for_no_more(desk: Desk) -> None:
    job = await desk.submit(images=2)
    assert (await desk.poll(job, desk.picture(job), REFUSED)).ended is Status.SUCCEEDED
    assert await desk.next_poll() is None


async def test_the_waits_for_a_deadline_and_for_a_cost_end_while_runware_cannot_be_asked(desk: Desk) -> None:
    job, late = await desk.submit(), await desk.submit()
    await desk.deliver(job, desk.picture(job, cost=None))

    async def silence(asked: Job) -> Taken:
        return await desk.database.run(
            outcomes.take_silence, asked.task_uuid, desk.now, desk.now + 10 * SECOND, desk.rules
        )

    assert await silence(late) == Taken()
    assert await desk.next_poll() == desk.now + 10 * SECOND
    desk.now += 30 * MINUTE
    assert (await silence(late)).ended is Status.EXPIRED
    assert await desk.lines(job) == []
    desk.now += 24 * HOUR
    await silence(job)
    await silence(late)
    over = await desk.job(job)
    assert (over.cost, over.estimated) == (job.estimate, True)
    assert await desk.lines(job) == desk.settled(job.hold, job.estimate)
    assert await desk.next_poll() is None
    unknown = await desk.database.run(outcomes.take_silence, "no such task", desk.now, desk.now, desk.rules)
    assert unknown == Taken()
