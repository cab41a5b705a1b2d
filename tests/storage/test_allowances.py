"""Limits: what fits, over which window, and that no crowd gets past one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import pytest

from storage import accounts, allowances, jobs, ledger
from storage.allowances import DAY, HOUR, AllowanceExceeded, Window
from storage.database import Database, Tx
from storage.records import Allowance, Asker, Job, Scope, Status

Ask = Callable[..., Awaitable[Job]]
Put = Callable[[Job, Status], Awaitable[None]]

MIDNIGHT = 1_900_022_400_000 // DAY * DAY
NOON = MIDNIGHT + 12 * HOUR


async def hold(tx: Tx, asker: Asker, amount: int, limits: Mapping[Scope, int], now: int) -> list[int]:
    return await allowances.hold(tx, await accounts.bound_by(tx, asker, now), amount, limits, now)


def limits(**bound: int) -> dict[Scope, int]:
    return {scope: bound.get(scope.value, 10**9) for scope in Scope}


async def member(tx: Tx, asker: Asker, limit: int, now: int) -> Allowance:
    account = await accounts.find(tx, Scope.MEMBER, asker.guild_id, asker.user_id)
    return await allowances.look(tx, account, Scope.MEMBER, limits(member=limit), now)


ANA = Asker(10, 1)


@pytest.mark.parametrize("scope", list(Scope))
async def test_twenty_at_once_against_a_limit_that_fits_two_admit_exactly_two(database: Database, scope: Scope) -> None:
    askers = [Asker(10, 1 if scope is Scope.MEMBER else number) for number in range(1, 21)]
    bound = limits(**{scope.value: 2_999})
    answers = await asyncio.gather(
        *(database.run(hold, asker, 1_000, bound, NOON) for asker in askers), return_exceptions=True
    )
    assert len([answer for answer in answers if isinstance(answer, list)]) == 2
    refusals = [answer for answer in answers if isinstance(answer, AllowanceExceeded)]
    assert [(refusal.allowance.scope, refusal.allowance.left) for refusal in refusals] == [(scope, 999)] * 18


async def test_sixty_at_once_lock_in_one_order_and_are_all_admitted(database: Database) -> None:
    askers = [Asker(10 + number % 3, 1 + number % 7) for number in range(60)]
    await asyncio.gather(*(database.run(hold, asker, 10, limits(bot=600), NOON) for asker in askers))
    with pytest.raises(AllowanceExceeded):
        await database.run(hold, ANA, 1, limits(bot=600), NOON)


async def test_a_hold_that_one_allowance_refuses_is_on_none(database: Database) -> None:
    for refused in Scope:
        with pytest.raises(AllowanceExceeded) as refusal:
            await database.run(hold, ANA, 1_000, limits(**{refused.value: 999}), NOON)
        assert (refusal.value.allowance.scope, refusal.value.amount) == (refused, 1_000)
    untouched = await database.read(member, ANA, 999, NOON)
    assert (untouched.held, untouched.spent) == (0, 0)


async def test_a_hold_may_use_a_limit_to_its_last_micro_dollar(database: Database) -> None:
    await database.run(hold, ANA, 1_000, limits(member=1_000), NOON)
    assert (await database.read(member, ANA, 1_000, NOON)).left == 0
    with pytest.raises(AllowanceExceeded):
        await database.run(hold, ANA, 1, limits(member=1_000), NOON)


async def test_an_allowance_that_was_never_used_has_everything_left(database: Database) -> None:
    allowance = await database.read(member, ANA, 1_000, NOON)
    assert (allowance.left, allowance.window_start, allowance.resets_at) == (1_000, MIDNIGHT, MIDNIGHT + DAY)


def test_a_window_is_the_day_in_utc() -> None:
    assert Window.of_day(MIDNIGHT) == Window(MIDNIGHT, MIDNIGHT + DAY)
    assert Window.of_day(MIDNIGHT - 1) == Window(MIDNIGHT - DAY, MIDNIGHT)
    assert Window.of_day(MIDNIGHT + DAY - 1) == Window(MIDNIGHT, MIDNIGHT + DAY)


async def test_a_limit_is_whole_again_at_midnight_and_not_before(database: Database) -> None:
    await database.run(hold, ANA, 900, limits(member=1_000), NOON)
    with pytest.raises(AllowanceExceeded):
        await database.run(hold, ANA, 900, limits(member=1_000), MIDNIGHT + DAY - 1)
    await database.run(hold, ANA, 900, limits(member=1_000), MIDNIGHT + DAY)


async def test_what_was_held_yesterday_and_ends_today_counts_on_yesterday(
    database: Database, ask: Ask, put: Put
) -> None:
    late = MIDNIGHT - 1
    for end in (ledger.release, None):
        job = await ask(hold=400, at=late)
        await put(job, Status.SUCCEEDED)
        await (database.run(end, job.id, NOON) if end else database.run(ledger.settle, job.id, 300, NOON))
    today = await database.read(member, ANA, 1_000, NOON)
    yesterday = await database.read(member, ANA, 1_000, late)
    assert (today.held, today.spent) == (0, 0)
    assert (yesterday.held, yesterday.spent) == (0, 300)


async def test_a_window_adds_up_its_hours(database: Database) -> None:
    for hour in (0, 3, 3, 23):
        await database.run(hold, ANA, 100, limits(), MIDNIGHT + hour * HOUR + 5)
    assert (await database.read(member, ANA, 1_000, NOON)).held == 400


async def test_an_overshoot_leaves_nothing_and_never_less(database: Database, ask: Ask, put: Put) -> None:
    job = await ask(hold=400)
    await put(job, Status.SUCCEEDED)
    await database.run(ledger.settle, job.id, 5_000, NOON)
    allowance = await database.read(member, ANA, 1_000, job.created_at)
    assert (allowance.spent, allowance.left) == (5_000, 0)


async def test_a_limit_of_its_own_goes_before_the_settings(database: Database, ask: Ask) -> None:
    async def grant(tx: Tx, account_id: int, limit: int) -> None:
        await tx.execute("UPDATE allowances SET limit_micros = ?2 WHERE account_id = ?1", account_id, limit)

    job = await ask(hold=400, at=NOON)
    await database.run(grant, job.account_id, 450)
    with pytest.raises(AllowanceExceeded):
        await ask(hold=51, at=NOON)
    await ask(hold=50, at=NOON)
    assert (await database.read(member, ANA, 10**9, NOON)).limit == 450


async def test_a_limit_of_nothing_admits_nothing(database: Database, ask: Ask) -> None:
    with pytest.raises(AllowanceExceeded):
        await ask(hold=1, limit=0)
    assert await database.read(jobs.open_ids) == []
    assert await database.read(ledger.open_holds) == (0, 0)


async def test_spending_what_is_owed_may_go_over_a_limit(database: Database) -> None:
    async def owe(tx: Tx) -> None:
        bound = await accounts.bound_by(tx, ANA, NOON)
        await allowances.spend(tx, bound, 5_000, NOON)

    await database.run(owe)
    await database.run(owe)
    assert (await database.read(member, ANA, 1_000, NOON)).spent == 10_000
