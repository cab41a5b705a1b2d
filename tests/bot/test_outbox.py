"""What Discord has not heard: nothing that was handed out is lost with the one who had it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from bot.metrics import Metrics
from bot.outbox import BEHIND_PAUSE, MAX_TRIES, Outbox
from bot.signals import Signal
from storage import announcements
from storage.database import Tx
from storage.records import Asker, Job

if TYPE_CHECKING:
    from tests.bot.conftest import Desk


@pytest.fixture
def outbox(desk: Desk) -> Outbox:
    return Outbox(desk.database, Signal(), Metrics(), clock=lambda: desk.now, retry_seconds=5)


async def pull(outbox: Outbox) -> Job:
    async with asyncio.timeout(5):
        return await anext(outbox.due())


async def test_who_pulls_anew_is_handed_what_another_had_in_hand(desk: Desk, outbox: Outbox) -> None:
    job = await desk.submit()
    assert (await pull(outbox)).id == job.id
    assert (await pull(outbox)).id == job.id


async def test_a_job_that_could_not_be_put_off_is_handed_out_again(desk: Desk, outbox: Outbox) -> None:
    job = await desk.submit()
    due = outbox.due()
    in_hand = await anext(due)
    run = desk.database.run

    async def broken(*_: Any, **__: Any) -> Any:
        raise OSError("the database is away")

    desk.database.run = broken  # type: ignore[method-assign]
    with pytest.raises(OSError, match="away"):
        await outbox.later(in_hand, "something")
    desk.database.run = run  # type: ignore[method-assign]
    outbox.put_back(in_hand)
    async with asyncio.timeout(5):
        assert (await anext(due)).id == job.id


async def cell_with_a_picture(desk: Desk) -> Job:
    """A cell of a sweep, whose picture is copied and not posted yet."""

    async def unit(tx: Tx) -> None:
        await tx.execute("UPDATE jobs SET sweep_id = 1")

    job = await desk.submit()
    await desk.database.run(unit)
    await desk.deliver(job, desk.picture(job, host="im.runware.ai"))
    [result] = await desk.results(job)
    await desk.copied(result)
    return await desk.job(job)


async def take_down(desk: Desk, job: Job) -> Job:
    async def unit(tx: Tx) -> None:
        await tx.execute("UPDATE results SET deleted_at = ?1", desk.now)

    await desk.database.run(unit)
    return await desk.job(job)


async def test_a_cell_without_a_picture_to_show_is_announced_by_saying_nothing(desk: Desk, outbox: Outbox) -> None:
    job = await take_down(desk, await cell_with_a_picture(desk))
    assert await outbox.plan(job) == []
    await outbox.shown(job)
    assert (await desk.job(job)).announced_at is not None
    assert await outbox.posted_messages(job.id) == []


async def test_a_picture_of_a_cell_that_may_have_been_posted_is_looked_for_though_it_was_taken_down(
    desk: Desk, outbox: Outbox
) -> None:
    job = await cell_with_a_picture(desk)
    [said] = await outbox.plan(job)
    await outbox.begin(job.id, said.index)
    again = await outbox.plan(await take_down(desk, job))
    assert [one.index for one in again] == [said.index]


async def test_what_is_given_up_is_kept_for_its_askers_next_command(desk: Desk, outbox: Outbox) -> None:
    job = await desk.submit()
    await desk.deliver(job, desk.picture(job, host="im.runware.ai"))
    for result in await desk.results(job):
        await desk.copied(result)
    for _ in range(MAX_TRIES):
        desk.now += 3_600_000
        await outbox.later(await pull(outbox), "Discord is away")
    assert (await desk.job(job)).undeliverable_at is not None
    [(kept, announcement)] = await outbox.kept_for(Asker(10, 1))
    assert (kept.id, announcement.kept) == (job.id, True)


async def test_a_change_that_is_given_up_leaves_the_end_announced_and_the_next_one_is_shown(
    desk: Desk, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    job = await announced(desk, outbox)
    await desk.database.run(announcements.refresh, job.id, desk.now)
    for _ in range(MAX_TRIES):
        desk.now += 3_600_000
        await outbox.later(await pull(outbox), "Discord is away")
    after = await desk.job(job)
    assert (after.announced_at, after.undeliverable_at) == (job.announced_at, None)
    assert await desk.database.read(announcements.unshown_ids) == []
    assert f"job {job.id} could not be brought up to date in {MAX_TRIES} tries: Discord is away" in caplog.text
    await desk.database.run(announcements.refresh, job.id, desk.now)
    again = await pull(outbox)
    assert (again.id, again.notice_tries) == (job.id, 0)
    await outbox.shown(again)
    assert await desk.database.read(announcements.unshown_ids) == []


async def test_what_stays_behind_is_handed_out_again_after_some_minutes_and_never_given_up(
    desk: Desk, outbox: Outbox
) -> None:
    job = await announced(desk, outbox)
    await desk.database.run(announcements.refresh, job.id, desk.now)
    for _ in range(MAX_TRIES + 1):
        again = await pull(outbox)
        assert (again.id, again.notice_tries, again.announced_at) == (job.id, 0, job.announced_at)
        await outbox.shown(again, behind=True)
        assert await desk.database.read(announcements.due, desk.now + BEHIND_PAUSE - 1, 10) == []
        desk.now += BEHIND_PAUSE
    await outbox.shown(await pull(outbox))
    assert await desk.database.read(announcements.unshown_ids) == []


async def announced(desk: Desk, outbox: Outbox) -> Job:
    """An edit whose one picture Discord shows."""
    job = await desk.submit()
    await desk.deliver(job, desk.picture(job))
    for result in await desk.results(job):
        await desk.copied(result)
    in_hand = await pull(outbox)
    [planned] = await outbox.plan(in_hand)
    await outbox.posted(job.id, planned.index, 200, 400)
    await outbox.shown(in_hand)
    return await desk.job(job)


async def test_nothing_is_planned_from_a_job_that_has_changed_meanwhile(desk: Desk, outbox: Outbox) -> None:
    job = await desk.submit()
    in_hand = await pull(outbox)
    await desk.deliver(job, desk.picture(job))
    for result in await desk.results(job):
        await desk.copied(result)
    assert await outbox.plan(in_hand) == []
    assert len(await outbox.plan(await pull(outbox))) == 1
