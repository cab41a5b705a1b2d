"""What has lived too long is ended, and owners are told of their limits once, whatever the clock does."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from bot import edits, orders
from bot.edits import Edits
from bot.errors import OverQuota
from bot.pictures import Pictures
from storage import accounts, grants, jobs, offers, servers
from storage import alerts as rows
from storage.alerts import AlertKind
from storage.database import Tx
from storage.records import (
    Asker,
    EditRequest,
    Job,
    Measure,
    Place,
    Reference,
    Scope,
    Server,
    Status,
)
from storage.windows import QUARTER, Span, Window

if TYPE_CHECKING:
    from tests.bot.conftest import Office

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
MANAGER = Asker(10, 99)


async def waiting(office: Office) -> Job:
    """Have an edit asked for that waits for a manager."""
    await office.database.run(servers.put, Server(10, approve_above=0))
    job = await office.desk.ask()
    assert job.status is Status.WAITING
    return job


# What has lived too long ---------------------------------------------------------------------------------------------


async def test_a_job_that_nobody_approved_is_cancelled_after_a_day_and_its_hold_released(office: Office) -> None:
    desk, job = office.desk, await waiting(office)
    desk.now += DAY - 1
    await office.tick()
    assert await desk.status(job) is Status.WAITING
    desk.now += 1
    await office.tick()
    over = await desk.job(job)
    assert (over.status, over.error_code, over.settled_at) == (Status.CANCELLED, edits.UNAPPROVED, desk.now)
    assert await desk.used(Scope.MEMBER) == await desk.used(Scope.BOT) == (0, 0)
    assert over.version > job.version
    await office.check_books()


async def test_more_jobs_than_one_unit_takes_are_all_cancelled(office: Office) -> None:
    await office.database.run(servers.put, Server(10, approve_above=0))
    await asyncio.gather(*(office.desk.ask(user_id=user_id % 5 + 1) for user_id in range(130)))
    office.desk.now += DAY
    await office.tick()
    assert await office.open_holds() == 0
    assert await office.database.read(jobs.open_ids) == []


async def test_a_job_that_was_approved_is_not_cancelled_for_its_age(office: Office) -> None:
    job = await waiting(office)
    office.desk.now += DAY
    await approve(office, job)
    await office.tick()
    assert await office.desk.status(job) is Status.QUEUED
    assert await office.open_holds() == 1


async def test_of_an_approval_and_the_end_of_the_day_at_once_one_wins(office: Office) -> None:
    asked = [await waiting(office) for _ in range(12)]
    office.desk.now += DAY

    async def approved(job: Job) -> bool:
        try:
            await approve(office, job)
        except edits.TooLate:
            return False
        return True

    won, _ = await asyncio.gather(asyncio.gather(*map(approved, asked)), office.tick())
    ends = [await office.desk.status(job) for job in asked]
    assert ends == [Status.QUEUED if one else Status.CANCELLED for one in won]
    assert await office.open_holds() == won.count(True)
    await office.check_books()


async def approve(office: Office, job: Job) -> None:
    """Have a manager let a job into the queue."""
    terms = office.settings.terms
    order = orders.Order(Asker(10, 1), job.place, job.request, job.task_uuid, terms, office.desk.now)
    await office.database.run(orders.approve, job.id, order, MANAGER)


async def test_a_queued_job_that_a_pause_stops_for_an_hour_is_cancelled(office: Office) -> None:
    desk, job = office.desk, await office.desk.ask()
    desk.now += 5 * HOUR  # it was queued for long before that, which is nobody's doing
    await office.budgets.pause(MANAGER, 100, "the bill came")
    await office.tick()
    desk.now += HOUR - 1
    await office.tick()
    assert await desk.status(job) is Status.QUEUED
    desk.now += 1
    await office.tick()
    over = await desk.job(job)
    assert (over.status, over.error_code) == (Status.CANCELLED, edits.PAUSED)
    assert await desk.used(Scope.SERVER) == (0, 0)


async def test_a_pause_that_ended_or_is_of_another_server_cancels_nothing(office: Office) -> None:
    job = await office.desk.ask()
    await office.budgets.pause(MANAGER, 0, "a moment")
    await office.budgets.pause(None, 0, "elsewhere", guild_id=11)
    office.desk.now += HOUR
    await office.budgets.resume(MANAGER, 0)
    await office.tick()
    assert await office.desk.status(job) is Status.QUEUED


async def test_whoever_resumes_while_the_hour_ends_loses_nothing_to_it_but_what_is_cancelled(office: Office) -> None:
    asked = [await office.desk.ask() for _ in range(10)]
    await office.budgets.pause(MANAGER, 0, "a moment")
    office.desk.now += HOUR
    await asyncio.gather(office.tick(), office.budgets.resume(MANAGER, 0))
    ends = [await office.desk.status(job) for job in asked]
    assert await office.open_holds() == ends.count(Status.QUEUED)
    await office.check_books()


async def test_a_running_job_is_never_cancelled(office: Office) -> None:
    job = await office.desk.submit()
    await office.budgets.pause(None, 0, "everything")
    office.desk.now += 3 * DAY
    await office.tick()
    assert await office.desk.status(job) is Status.SUBMITTED


async def test_what_is_left_of_a_pool_returns_to_its_sponsor_when_its_time_is_over(office: Office) -> None:
    given = await office.budgets.fund(Asker(10, 1), 300, 100_000, days=1)
    assert await office.desk.used(Scope.MEMBER) == (100_000, 0)
    office.desk.now += DAY - 1
    await office.tick()
    assert (await office.database.read(grants.known, given.id)).ended_at is None
    office.desk.now += 1
    await office.tick()
    assert (await office.database.read(grants.known, given.id)).ended_at == office.desk.now
    assert await office.desk.used(Scope.MEMBER) == (0, 0)
    await office.check_books()


async def test_bonuses_of_members_and_roles_end_and_are_taken_from_whom_they_were_given_to(office: Office) -> None:
    given = [
        await office.budgets.grant(MANAGER, scope, subject_id, 1000, days=1)
        for scope, subject_id in ((Scope.MEMBER, 1), (Scope.ROLE, 7), (Scope.THREAD, 300))
    ]
    forever = await office.budgets.grant(MANAGER, Scope.MEMBER, 1, 1000)
    office.desk.now += 2 * DAY
    await office.tick()
    assert all([(await office.database.read(grants.known, one.id)).ended_at for one in given])
    assert (await office.database.read(grants.known, forever.id)).ended_at is None
    granted = await office.database.read(_granted)
    assert granted == {given[0].subject_id: 1000, await office.database.read(_server): 0}


async def _server(tx: Tx) -> int | None:
    return await accounts.find(tx, Scope.SERVER, 10)


async def _granted(tx: Tx) -> dict[int, int]:
    rows = await tx.fetch_all(
        "SELECT account_id, CAST(sum(granted) AS BIGINT) AS granted FROM ledger GROUP BY account_id"
    )
    return {row["account_id"]: row["granted"] for row in rows}


async def test_an_offer_that_nobody_answered_is_forgotten_after_an_hour(office: Office) -> None:
    request = EditRequest("a hat", (Reference("a" * 64, 512, 512, "cat.png"),), 1024, 768, 7)
    await office.desk.ask()
    offer_id = await office.database.run(
        offers.add, guild_id=10, account_id=1, place=Place(100, 200), request=request, price=1, now=office.desk.now
    )
    office.desk.now += HOUR - 1
    await office.tick()
    assert await office.database.read(offers.get, offer_id) is not None
    office.desk.now += 1
    await office.tick()
    assert await office.database.read(offers.get, offer_id) is None


async def test_where_nothing_is_due_nothing_is_written(
    office_of: Callable[..., Office], monkeypatch: pytest.MonkeyPatch
) -> None:
    office = office_of(server_daily_usd=Decimal("0.01"))
    await office.spend(6_000)
    await office.audit()
    monkeypatch.setattr(office.database, "run", None)
    for _ in range(3):
        office.desk.now += 5 * SECOND
        await office.tick()


# Limits --------------------------------------------------------------------------------------------------------------


async def test_each_step_of_a_servers_limit_is_told_once(office_of: Callable[..., Office]) -> None:
    office = office_of(server_daily_usd=Decimal("0.01"))
    told: list[list[tuple[int, int]]] = []
    for cost in (4_999, 1, 0, 3_000, 1_999, 1, 5_000):
        if cost:
            await office.spend(cost)
        told.append(await office.told())
    assert told == [[], [(10, 50)], [], [(10, 80)], [], [(10, 100)], []]
    assert office.metrics.alerts.labels(AlertKind.ALLOWANCE)._value.get() == 3


async def test_of_several_steps_at_once_only_the_highest_is_told_and_the_lower_never(
    office_of: Callable[..., Office],
) -> None:
    office = office_of(server_daily_usd=Decimal("0.01"))
    await office.spend(8_500)
    assert await office.told() == [(10, 80)]
    await office.spend(8_500)
    assert await office.told() == [(10, 100)]
    office.restart()
    assert await office.told() == []


async def test_a_limit_over_all_servers_is_told_to_the_operator(office_of: Callable[..., Office]) -> None:
    office = office_of(bot_daily_usd=Decimal("0.01"), bot_limits=("2 edits per month",))
    await office.spend(1)
    assert await office.told() == [(0, 50)]
    await office.spend(7_999)
    assert sorted(await office.told()) == [(0, 80), (0, 100)]


async def test_what_is_held_may_be_given_back_and_is_not_told(office_of: Callable[..., Office]) -> None:
    office = office_of(server_daily_usd=Decimal("0.01"))
    await office.desk.submit()
    assert await office.desk.used(Scope.SERVER) > (10_000, 0)
    assert await office.told() == []


async def test_a_managers_limits_are_told_in_their_own_measure(office: Office) -> None:
    await office.spend(8)
    for measure, amount, rolling in (
        (Measure.EDITS, 2, True),
        (Measure.PICTURES, 0, False),
        (Measure.MONEY, 10, False),
    ):
        await office.budgets.allow(MANAGER, Scope.SERVER, 0, measure, amount, Window(Span.WEEK, rolling=rolling))
    await office.budgets.allow(MANAGER, Scope.CHANNEL, 100, Measure.EDITS, 1, Window.daily())
    await office.tick()
    found = {alert.facts["measure"]: dict(alert.facts) for alert in await office.to_post()}
    assert sorted(found) == ["edits", "money"]
    assert found["edits"] == {
        "scope": "server",
        "limit": "2 edits in any 7 days",
        "operators": False,
        "percent": 50,
        "measure": "edits",
        "spent": 1,
        "held": 0,
        "amount": 2,
        "resets_at": None,
        "refused": False,
    }
    assert found["money"]["percent"] == 80
    assert found["money"]["resets_at"] > office.desk.now


async def test_a_limit_of_nothing_is_never_told(office_of: Callable[..., Office]) -> None:
    office = office_of(server_daily_usd=0, bot_daily_usd=0)
    await office.spend(100)
    assert await office.told() == []


async def test_the_next_day_is_told_again(office_of: Callable[..., Office]) -> None:
    office = office_of(server_daily_usd=Decimal("0.01"))
    for _ in range(3):
        await office.spend(10_000)
        assert await office.told() == [(10, 100)]
        assert await office.told() == []
        office.desk.now += DAY


async def test_a_rolling_limit_is_told_once_in_any_stretch_of_its_length(office_of: Callable[..., Office]) -> None:
    office = office_of(bot_limits=("0.14 usd per rolling day",))
    told: list[int] = []
    for hour in range(72):
        if hour % 6 == 0:
            await office.spend(30_000)
        told += [percent for _, percent in await office.told()]
        office.desk.now += HOUR
    assert told == [50, 80, 100, 100]


async def test_a_limit_that_was_raised_is_told_at_its_new_height(office: Office) -> None:
    async def allow(amount: int) -> None:
        await office.budgets.allow(MANAGER, Scope.SERVER, 0, Measure.MONEY, amount, Window.daily())

    await allow(1_000_000)
    await office.spend(1_000_000)
    assert await office.told() == [(10, 100)]
    await allow(2_000_000)
    assert await office.told() == [(10, 50)]
    await office.spend(600_000)
    assert await office.told() == [(10, 80)]


async def test_ten_bookkeepers_at_once_tell_once(office_of: Callable[..., Office]) -> None:
    offices = [office_of(server_daily_usd=Decimal("0.01")) for _ in range(10)]
    await offices[0].spend(9_000)
    await asyncio.gather(*(office.tick() for office in offices))
    assert [alert.facts["percent"] for alert in await offices[0].to_post()] == [80]


async def test_a_day_of_daylight_saving_is_one_day(office_of: Callable[..., Office]) -> None:
    office = office_of(server_daily_usd=Decimal("0.01"))
    berlin = ZoneInfo("Europe/Berlin")
    await office.database.run(servers.put, Server(10, "Europe/Berlin"))
    for day, hours in ((datetime(2030, 3, 31, tzinfo=berlin), 23), (datetime(2030, 10, 27, tzinfo=berlin), 25)):
        office.desk.now = int(day.timestamp() * 1000)
        told: list[tuple[int, int]] = []
        for _ in range(hours):
            await office.spend(1_000)
            told += await office.told()
            office.desk.now += HOUR
        assert told == [(10, 50), (10, 80), (10, 100)]
        await office.spend(6_000)
        assert await office.told() == [(10, 50)]
    await office.check_books()


@asynccontextmanager
async def asking(office: Office, tmp_path: Path) -> AsyncGenerator[Callable[[], Any]]:
    """Yield what asks for an edit with the office's limits."""
    async with Pictures(tmp_path / "pictures", min_free=0) as store:
        use = Edits(office.database, store, office.signals, office.metrics, office.settings, clock=office.clock)
        request = EditRequest("a hat", (Reference("a" * 64, 512, 512, "cat.png"),), 1024, 768, 7)

        async def ask() -> Job:
            return await use.request(Asker(10, 1), Place(100, 200), request)

        yield ask


@pytest.mark.parametrize(("limit", "told"), [("server_daily_usd", 10), ("bot_daily_usd", 0)])
async def test_a_limit_that_refuses_an_edit_is_told_once_and_its_steps_are_told_all_the_same(
    limit: str, told: int, office_of: Callable[..., Office], tmp_path: Path
) -> None:
    office = office_of(member_daily_usd=100, **{limit: Decimal("0.06")})
    async with asking(office, tmp_path) as ask:
        await ask()
        for _ in range(3):
            with pytest.raises(OverQuota):
                await ask()
    [alert] = await office.to_post()
    assert alert.guild_id == told
    assert 50 < alert.facts["percent"] < 100
    assert alert.facts["refused"]
    assert alert.facts["spent"] == 0
    assert alert.facts["held"] > 0
    for spent, step in [(31_000, 50), (18_000, 80), (11_000, 100)]:
        await office.spend(spent)
        assert (told, step) in await office.told()
    assert len(await office.database.read(jobs.open_ids)) == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"member_daily_usd": Decimal("0.06")},  # only a member's own limit is used up
        {"server_daily_usd": Decimal("0.001"), "member_daily_usd": 100},  # no edit of this size ever fits
        {"server_daily_usd": 0, "member_daily_usd": 100},
    ],
)
async def test_a_refusal_that_uses_up_no_limit_of_all_is_not_told(
    settings: dict[str, Any], office_of: Callable[..., Office], tmp_path: Path
) -> None:
    office = office_of(**settings)
    async with asking(office, tmp_path) as ask:
        asked = await asyncio.gather(ask(), ask(), return_exceptions=True)
    assert any(isinstance(one, OverQuota) for one in asked)
    assert await office.told() == []


# What cannot be posted -----------------------------------------------------------------------------------------------


async def test_an_alert_that_could_not_be_posted_rests_twice_as_long_each_time_and_for_a_day(office: Office) -> None:
    await office.database.run(rows.raise_once, 0, "a", AlertKind.BOOKS, {}, office.desk.now)
    [alert] = await office.box.due()
    rests: list[int] = []
    while office.box.later(alert):
        rest = 0
        while not await office.box.due():
            rest += 5
            office.desk.now += 5 * SECOND
        rests.append(rest)
    assert rests[:8] == [5, 10, 20, 40, 80, 160, 320, 600]
    assert set(rests[8:]) == {600}
    assert sum(rests) >= 86_400
    await office.box.posted(alert)
    assert await office.box.due() == []


async def test_a_rest_ends_when_the_clock_is_set_back(office: Office) -> None:
    await office.database.run(rows.raise_once, 0, "a", AlertKind.BOOKS, {}, office.desk.now)
    [alert] = await office.box.due()
    assert office.box.later(alert)
    assert await office.box.due() == []
    office.desk.now -= DAY
    assert await office.box.due() == [alert]


# Clocks that jump ----------------------------------------------------------------------------------------------------


async def test_a_clock_that_runs_ahead_a_week_and_back_tells_no_more_than_a_true_one(
    office_of: Callable[..., Office],
) -> None:
    office = office_of(server_daily_usd=Decimal("0.01"))
    await office.spend(9_000)
    assert await office.told() == [(10, 80)]
    for leap in (7 * DAY, -7 * DAY, -DAY, DAY, 7 * DAY, -7 * DAY):
        office.desk.now += leap
        await office.audit()
        office.desk.now -= 20 * MINUTE
        assert await office.to_post() == []
    await office.spend(1_000)
    assert await office.told() == [(10, 100)]
    await office.check_books()


async def test_whatever_the_clock_does_the_books_balance_and_each_alert_comes_once(
    office_of: Callable[..., Office],
) -> None:
    office = office_of(server_daily_usd=Decimal("0.01"), bot_daily_usd=Decimal("0.02"))
    rng = random.Random(11)
    for _ in range(40):
        office.desk.now += rng.choice((MINUTE, HOUR, -HOUR, 7 * DAY, -DAY, -7 * DAY, 13 * QUARTER))
        await office.spend(rng.randint(1, 6_000))
        if rng.random() < 0.3:
            office.restart()
        await office.tick()
    found = await office.database.read(_raised)
    assert len(set(found)) == len(found) > 0
    assert await office.open_holds() == 0
    assert [kind for kind in found if kind.startswith("books")] == []
    await office.check_books()


async def _raised(tx: Tx) -> list[str]:
    return [row["key"] for row in await tx.fetch_all("SELECT key FROM alerts")]
