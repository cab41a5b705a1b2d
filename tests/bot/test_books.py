"""The books are audited once a day: what does not agree is told and never corrected."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from bot import books, outcomes
from storage.alerts import AlertKind
from storage.database import Tx
from storage.records import (
    Asker,
    Scope,
)

if TYPE_CHECKING:
    from tests.bot.conftest import Office

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
MANAGER = Asker(10, 99)


# The audit -----------------------------------------------------------------------------------------------------------


async def spoil(office: Office) -> None:
    """Have a counter say what the ledger does not."""

    async def unit(tx: Tx) -> None:
        await tx.execute(
            "UPDATE account_quarters SET spent = spent + 5 WHERE account_id = (SELECT id FROM accounts WHERE scope = 'bot')"
        )
        await tx.execute("UPDATE usage SET spent = spent - 1 WHERE dimension = 'all'")

    await office.database.run(unit)


async def counters(tx: Tx) -> list[tuple[int, int, int]]:
    rows = await tx.fetch_all("SELECT account_id, quarter_at, spent FROM account_quarters ORDER BY 1, 2")
    return [(row["account_id"], row["quarter_at"], row["spent"]) for row in rows]


async def test_books_that_balance_are_not_spoken_of(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    await office.spend(1_000)
    await office.desk.ask()
    await office.audit()
    assert await office.to_post() == []
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_counter_that_is_not_what_the_ledger_adds_up_to_is_told_once_a_day_and_not_corrected(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    await office.spend(1_000)
    await office.audit()
    await spoil(office)
    before = await office.database.read(counters)
    await office.audit()
    assert await office.to_post() == []  # the day was audited already
    office.desk.now += DAY
    await office.audit()
    await office.audit()
    [alert] = await office.to_post()
    assert (alert.guild_id, alert.kind) == (0, AlertKind.BOOKS)
    assert (alert.facts["differences"], alert.facts["stale"]) == (2, 0)
    assert "spent is 5 micro-dollars too high" in alert.facts["first"][0]
    assert "spent is 1 micro-dollars too low" in alert.facts["first"][1]
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert errors == [f"the books do not balance: {sentence}" for sentence in alert.facts["first"]]
    assert await office.database.read(counters) == before
    office.restart()
    await office.audit()
    assert await office.to_post() == []


async def test_a_difference_before_the_last_thirty_five_days_is_left_to_the_command(office: Office) -> None:
    await office.spend(1_000)
    await spoil(office)
    office.desk.now += 40 * DAY
    await office.audit()
    assert await office.to_post() == []
    days = await office.database.read(books.days_to_audit, None, office.desk.now)
    assert len(days) == 43
    assert len((await books.audit(office.database, days, office.settings, office.desk.now)).differences) == 2


async def test_days_that_nobody_looked_at_are_audited_later(office: Office) -> None:
    await office.audit()
    await office.spend(1_000)
    await spoil(office)
    office.desk.now += 60 * DAY  # the bot was down
    office.restart()
    await office.audit()
    assert [alert.facts["differences"] for alert in await office.to_post()] == [2]


async def test_days_that_were_audited_before_are_audited_again_for_a_while(office: Office) -> None:
    await office.spend(1_000)
    for _ in range(20):
        await office.audit()
        office.desk.now += DAY
    assert await office.to_post() == []
    await spoil(office)
    await office.audit()
    assert [alert.facts["differences"] for alert in await office.to_post()] == [2]


async def test_a_hold_that_outlived_its_deadline_is_told(office: Office) -> None:
    job = await office.desk.submit()
    office.desk.now += 80 * MINUTE  # it should have expired after 30, and nobody asks for it
    await office.audit()
    [alert] = await office.to_post()
    assert alert.facts["stale"] == 1
    assert alert.facts["first"] == [f"job {job.id}: {job.hold:,} micro-dollars are held still"]


async def test_a_grant_of_which_more_was_used_than_the_ledger_says_is_told(office: Office) -> None:
    await office.budgets.grant(MANAGER, Scope.MEMBER, 1, 500_000)
    await office.spend(1_000)

    async def unit(tx: Tx) -> None:
        await tx.execute("UPDATE grant_uses SET held = held + 7")

    await office.database.run(unit)
    await office.audit()
    [alert] = await office.to_post()
    assert "held is 7 micro-dollars too high" in alert.facts["first"][0]


async def test_an_audit_waits_until_what_is_overdue_was_ended(office: Office) -> None:
    job = await office.desk.submit()
    office.desk.now += 3 * DAY  # the bot was down
    office.restart()
    await office.tick()
    await office.desk.database.run(
        outcomes.take_silence, job.task_uuid, office.desk.now, office.desk.now, office.desk.rules
    )
    await office.audit()
    assert await office.to_post() == []


async def test_a_line_that_a_fast_clock_booked_in_the_future_is_audited_too(office: Office) -> None:
    office.desk.now += 100 * DAY
    await office.spend(1_000)
    await spoil(office)
    office.desk.now -= 100 * DAY
    await office.audit()
    assert [alert.facts["differences"] for alert in await office.to_post()] == [2]
