"""What a job costs once it is over, and that no end leaves its hold open."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

from bot import edits, outcomes
from bot.outcomes import Taken
from storage import jobs, ledger
from storage.records import EntryKind, Failure, Scope, Status

if TYPE_CHECKING:
    from tests.bot.conftest import Desk

START = 1_900_022_400_000
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
EVERYBODY = (Scope.MEMBER, Scope.CHANNEL, Scope.SERVER, Scope.BOT)
REFUSED = Failure(None, "contentModeration", "not this")


# Costs ---------------------------------------------------------------------------------------------------------------


async def test_a_cost_that_is_absent_is_pending_and_settles_when_it_comes(desk: Desk) -> None:
    job = await desk.submit(images=2)
    await desk.deliver(job, desk.picture(job, cost=None), desk.picture(job, "two", cost=50))
    pending = await desk.job(job)
    assert (pending.status, pending.cost_pending, pending.cost) == (Status.SUCCEEDED, True, None)
    assert (await desk.lines(job), await desk.next_poll()) == ([], desk.now + MINUTE)
    await desk.shown(job)
    desk.now += HOUR
    assert (await desk.poll(job, desk.picture(job, cost=None), desk.picture(job, "two", cost=50))).ended is None
    assert await desk.lines(job) == []
    await desk.poll(job, desk.picture(job, cost=70))
    assert await desk.lines(job) == desk.settled(job.hold, 120)
    known = await desk.job(job)
    assert (known.cost, known.estimated, known.settled_at) == (120, False, desk.now)
    assert known.version > pending.version
    assert await desk.asked(job) is None


async def test_a_cost_that_comes_by_a_repeated_delivery_settles_too(desk: Desk) -> None:
    job = await desk.submit()
    await desk.deliver(job, desk.picture(job, cost=None))
    await desk.deliver(job, desk.picture(job, cost=80))
    await desk.deliver(job, desk.picture(job, cost=90))
    assert await desk.lines(job) == desk.settled(job.hold, 80)


async def test_a_cost_that_never_comes_is_booked_after_a_day_at_its_estimate_and_marked(desk: Desk) -> None:
    job = await desk.submit()
    await desk.deliver(job, desk.picture(job, cost=None))
    desk.now += 24 * HOUR - 1
    await desk.poll(job)
    assert await desk.lines(job) == []
    desk.now += 1
    version = (await desk.job(job)).version
    await desk.poll(job, desk.picture(job, cost=None))
    likely = job.estimate
    assert await desk.lines(job) == desk.settled(job.hold, likely)
    booked = await desk.job(job)
    assert (booked.cost, booked.estimated, booked.cost_pending) == (likely, True, False)
    assert booked.version > version
    assert await desk.asked(job) is None


async def test_an_estimate_is_for_the_pictures_that_came(desk: Desk) -> None:
    job = await desk.submit(images=4)
    await desk.deliver(job, desk.picture(job, cost=None))
    desk.now += 30 * MINUTE
    await desk.poll(job)
    desk.now += 24 * HOUR
    await desk.poll(job)
    assert (await desk.job(job)).cost == job.estimate // 4


async def test_an_estimate_is_never_below_what_is_known(desk: Desk) -> None:
    job = await desk.submit(images=2)
    await desk.poll(job, desk.picture(job, cost=900_000), desk.picture(job, "two", cost=None))
    desk.now += 24 * HOUR
    await desk.poll(job)
    booked = await desk.job(job)
    assert (booked.cost, booked.estimated) == (900_000, True)


async def test_a_late_success_whose_cost_never_comes_is_estimated_on_the_server(desk: Desk) -> None:
    job = await desk.submit()
    desk.now += 30 * MINUTE
    await desk.poll(job)
    await desk.deliver(job, desk.picture(job, cost=None))
    assert await desk.status(job) is Status.SUCCEEDED
    desk.now += 24 * HOUR
    await desk.poll(job)
    likely = job.estimate
    assert (await desk.lines(job))[1:] == [(EntryKind.ADJUST, 0, likely)]
    booked = await desk.job(job)
    assert (booked.cost, booked.estimated) == (likely, True)
    assert await desk.asked(job) is None


async def test_a_cost_of_the_task_is_counted_once_and_known_with_its_first_item(desk: Desk) -> None:
    desk.rules = replace(desk.rules, cost_per="task")
    job = await desk.submit(images=3)
    await desk.deliver(
        job, desk.picture(job, cost=None), desk.picture(job, "two", cost=300), desk.picture(job, "three", cost=300)
    )
    assert await desk.lines(job) == desk.settled(job.hold, 300)
    assert await desk.costs(job) == [None, 300, 300]


async def test_the_sum_of_the_items_may_overshoot_the_hold_and_is_booked_whole(desk: Desk) -> None:
    job = await desk.submit(images=2)
    await desk.deliver(job, desk.picture(job, cost=job.hold), desk.picture(job, "two", cost=job.hold))
    assert await desk.lines(job) == [(EntryKind.SETTLE, -job.hold, 2 * job.hold)]
    assert [await desk.used(scope) for scope in EVERYBODY] == [(0, 2 * job.hold)] * 4


# How far off estimates are -------------------------------------------------------------------------------------------


async def test_a_whole_job_settled_on_a_known_cost_tells_how_far_off_its_estimate_was(desk: Desk) -> None:
    job = await desk.submit()
    assert (await desk.deliver(job, desk.picture(job, cost=job.estimate))).off == 1
    assert (await desk.deliver(job, desk.picture(job, cost=job.estimate))).off is None
    late = await desk.submit()
    assert (await desk.deliver(late, desk.picture(late, cost=None))).off is None
    cost = late.estimate // 2
    assert (await desk.deliver(late, desk.picture(late, cost=cost))).off == cost / late.estimate


async def test_a_job_with_less_than_was_asked_for_says_nothing_of_its_estimate(desk: Desk) -> None:
    job = await desk.submit(images=2)
    taken = await desk.poll(job, desk.picture(job, cost=job.estimate), REFUSED)
    assert (taken.ended, taken.off) == (Status.SUCCEEDED, None)


# Ends before Runware ever had it -------------------------------------------------------------------------------------


async def test_a_cancelled_job_gives_its_hold_back_and_is_never_sent(desk: Desk) -> None:
    job = await desk.ask()
    assert await desk.database.run(edits._cancel, job.id, desk.now, 0)
    assert not await desk.database.run(edits._cancel, job.id, desk.now, 0)
    assert (await desk.status(job), await desk.lines(job)) == (
        Status.CANCELLED,
        [(EntryKind.RELEASE, -job.hold, 0)],
    )
    assert not await desk.database.run(jobs.begin_post, job.id, desk.now, desk.now)


async def test_a_job_that_was_sent_is_not_cancelled(desk: Desk) -> None:
    for job in (await desk.post(), await desk.submit()):
        assert not await desk.database.run(edits._cancel, job.id, desk.now, 0)
        assert await desk.lines(job) == []


async def test_a_refused_job_fails_once_and_gives_its_hold_back(desk: Desk) -> None:
    job = await desk.post()
    failed = [await desk.database.run(outcomes.fail, job.id, "invalidSeed", desk.now) for _ in range(3)]
    assert failed == [Taken(ended=Status.FAILED, code="invalidSeed"), Taken(), Taken()]
    assert await desk.lines(job) == [(EntryKind.RELEASE, -job.hold, 0)]


async def test_every_way_to_an_end_leaves_no_hold_open(desk: Desk) -> None:
    for end, images in itertools.product(("deliver", "fail", "expire"), (1, 2)):
        job = await desk.submit(images)
        if end == "deliver":
            await desk.deliver(job, *(desk.picture(job, str(number)) for number in range(images)))
        elif end == "fail":
            await desk.poll(job, *[REFUSED] * images)
        else:
            desk.now += 30 * MINUTE
            await desk.poll(job)
    assert await desk.database.read(ledger.open_holds) == (0, 0)
