"""The audit of the books: silent when they balance, exact about what does not, and about holds that outlived their jobs."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import UTC

import pytest

from storage import accounts, allowances, books, grants, ledger, quarters, servers
from storage.allowances import Terms
from storage.books import EPOCH, Difference, Lines, StaleHold, Statement
from storage.database import Database, Tx, Value
from storage.records import Asker, Grant, Job, Place, Scope, Server, Status
from storage.windows import DAY, HOUR, QUARTER

Ask = Callable[..., Awaitable[Job]]
Put = Callable[[Job, Status], Awaitable[None]]

START = 1_900_022_400_000
TODAY = START // DAY + EPOCH
GUILD, THREAD = 10, 7
POOL = Place(100, 200, thread_id=THREAD)


async def give(tx: Tx, amount: int, *, sponsored: bool, now: int) -> Grant:
    """Give a pool to a thread: a manager does, or a member out of their own allowance."""
    bound = await accounts.bound_by(tx, Asker(GUILD, 9), 100, now)
    giver = bound[Scope.MEMBER]
    if sponsored:
        asker, terms = Asker(GUILD, 9), Terms((), (), ())
        await allowances.reserve(tx, asker, bound, amount, zone=UTC, terms=terms, now=now)
    given = await grants.add(
        tx,
        guild_id=GUILD,
        scope=Scope.THREAD,
        subject_id=THREAD,
        amount=amount,
        giver_id=giver,
        sponsor_id=giver if sponsored else None,
        now=now,
    )
    await ledger.grant(tx, given, now)
    return given


async def end(tx: Tx, grant: Grant, now: int) -> None:
    await ledger.end_grant(tx, grant.id, now)


async def differences(database: Database, first: int = TODAY, last: int = TODAY) -> list[Difference]:
    found = [one for day in range(first, last + 1) for one in await database.read(books.differences, day)]
    return found + await database.read(books.grant_differences)


async def tamper(database: Database, sql: str, *args: Value) -> None:
    async def unit(tx: Tx) -> None:
        assert await tx.execute(sql, *args) == 1

    await database.run(unit)


# Books that balance --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Niue"])
async def test_after_any_traffic_there_is_no_difference(database: Database, ask: Ask, put: Put, zone: str) -> None:
    await database.run(servers.put, Server(GUILD, zone))
    chance = random.Random(zone)
    now, running, over, pools = START, list[Job](), list[Job](), list[Grant]()

    async def settle(job: Job) -> None:
        await put(job, Status.SUCCEEDED)
        cost, pictures = chance.choice([0, job.hold // 2, job.hold, job.hold * 2]), chance.choice([None, 0, 1])
        await database.run(ledger.settle, job, cost, now, pictures=pictures, estimated=chance.random() < 0.2)

    async def release(job: Job) -> None:
        await put(job, Status.EXPIRED)
        await database.run(ledger.release, job, now, failed=chance.random() < 0.5)

    for _ in range(80):
        now += chance.randrange(2 * HOUR)
        match chance.choices(["ask", "end", "late", "give", "close"], [6, 4, 1, 1, 1])[0]:
            case "ask":
                place = chance.choice([POOL, Place(101, 200)])
                user_id, guild_id = chance.randrange(1, 5), chance.choice([GUILD, GUILD, 11])
                hold, results = chance.randrange(1, 2_000), chance.randrange(1, 4)
                running.append(await ask(user_id, guild_id=guild_id, place=place, results=results, hold=hold, at=now))
            case "end" if running:
                job = running.pop(chance.randrange(len(running)))
                await chance.choice([settle, release])(job)
                over.append(job)
            case "late" if over:
                await database.run(ledger.adjust, chance.choice(over), chance.randrange(1, 500), now)
            case "give":
                pools.append(await database.run(give, 3_000, sponsored=chance.random() < 0.7, now=now))
            case "close" if pools:
                await database.run(end, pools.pop(chance.randrange(len(pools))), now)
            case _:
                pass
    assert len(over) > 10
    assert await differences(database, TODAY - 1, now // DAY + EPOCH + 1) == []


async def test_books_in_which_nothing_was_ever_written_balance(database: Database) -> None:
    assert (await database.read(books.first_day), await database.read(books.last_day)) == (None, None)
    assert await differences(database) == []


async def test_the_ledger_reaches_from_its_first_local_day_to_its_last(database: Database, ask: Ask) -> None:
    for guild_id, zone in ((GUILD, "Pacific/Niue"), (11, "Pacific/Kiritimati")):
        await database.run(servers.put, Server(guild_id, zone))
        await ask(guild_id=guild_id)
        await ask(guild_id=guild_id, at=START + 2 * DAY + 20 * HOUR)
    assert await database.read(books.first_day) == TODAY - 1
    assert await database.read(books.last_day) == TODAY + 3


# Books that do not ---------------------------------------------------------------------------------------------------


@pytest.fixture
async def job(database: Database, ask: Ask, put: Put) -> Job:
    """A settled edit that a sponsored pool paid the most of, beside another server's."""
    await database.run(give, 600, sponsored=True, now=START)
    job = await ask(hold=1_000, place=POOL)
    await put(job, Status.SUCCEEDED)
    await database.run(ledger.settle, job, 900, START)
    await ask(5, guild_id=11)
    assert await differences(database) == []
    return job


HOLDERS = {Scope.MEMBER: (GUILD, 1), Scope.CHANNEL: (GUILD, 100), Scope.SERVER: (GUILD, 0), Scope.BOT: (0, 0)}


@pytest.mark.parametrize("scope", HOLDERS)
@pytest.mark.parametrize("column", ["held", "spent", "edits", "pictures"])
async def test_a_counter_of_an_account_that_was_changed_is_named_with_how_much_it_is_off(
    database: Database, job: Job, scope: Scope, column: str
) -> None:
    account_id = await database.read(accounts.find, scope, *HOLDERS[scope])
    sql = f"UPDATE account_quarters SET {column} = {column} + 7 WHERE account_id = ?1"
    await tamper(database, sql, account_id)
    what = f"account {account_id}, quarter {START - START % QUARTER}"
    assert await differences(database) == [Difference(what, **{column: 7})]


async def test_a_counter_that_was_lowered_is_named_with_what_it_lacks(database: Database, job: Job) -> None:
    await tamper(database, "UPDATE account_quarters SET spent = spent - 100 WHERE account_id = ?1", job.account_id)
    assert [found.spent for found in await differences(database)] == [-100]


async def test_a_counter_that_was_lost_is_named(database: Database, job: Job) -> None:
    await tamper(database, "DELETE FROM account_quarters WHERE account_id = ?1", job.account_id)
    assert await differences(database) == [
        Difference(f"account {job.account_id}, quarter {START}", spent=-300, edits=-1, pictures=-1)
    ]


async def test_a_counter_of_which_the_ledger_says_nothing_is_named(database: Database, job: Job) -> None:
    await database.run(quarters.add, 999, START + HOUR, quarters.Use(held=5))
    assert await differences(database) == [Difference(f"account 999, quarter {START + HOUR}", held=5)]


@pytest.mark.parametrize("dimension", ["all", "member", "role", "channel"])
async def test_a_sum_of_usage_that_was_changed_is_named(database: Database, job: Job, dimension: str) -> None:
    await tamper(database, "UPDATE usage SET spent = spent + 7 WHERE dimension = ?1", dimension)
    assert await differences(database) == [Difference(f"usage of server {GUILD} by {dimension}, day {TODAY}", spent=7)]


@pytest.mark.parametrize("column", ["held", "spent"])
async def test_a_grant_of_which_another_use_is_counted_is_named(database: Database, job: Job, column: str) -> None:
    await tamper(database, f"UPDATE grant_uses SET {column} = {column} + 7")
    (pool,) = await database.read(grants.pool, GUILD, THREAD)
    assert await differences(database) == [Difference(f"grant {pool.id}", **{column: 7})]


async def test_a_line_that_is_missing_from_the_ledger_is_seen_by_every_account_it_was_of(
    database: Database, job: Job
) -> None:
    await tamper(database, "DELETE FROM ledger WHERE job_id = ?1 AND kind = 'settle' AND grant_id IS NULL", job.id)
    found = await differences(database)
    accounts_of_it = [one for one in found if one.what.startswith("account")]
    assert {(one.held, one.spent) for one in accounts_of_it} == {(-400, 300)}
    assert len(accounts_of_it) == 4


async def test_a_difference_is_of_its_day_alone(database: Database, job: Job) -> None:
    await tamper(database, "UPDATE account_quarters SET spent = spent + 7 WHERE account_id = ?1", job.account_id)
    assert await database.read(books.differences, TODAY - 1) == []
    assert await database.read(books.differences, TODAY + 1) == []


async def test_the_audit_changes_nothing(database: Database, job: Job) -> None:
    await tamper(database, "UPDATE account_quarters SET spent = spent + 7 WHERE account_id = ?1", job.account_id)
    assert await differences(database) == await differences(database) != []


# Holds that should have ended ----------------------------------------------------------------------------------------


async def stale(database: Database, *, asked_by: int = 0, posted_by: int = 0, ended_by: int = 0) -> list[StaleHold]:
    return await database.read(books.stale_holds, asked_by=asked_by, posted_by=posted_by, ended_by=ended_by)


async def test_a_hold_of_a_job_that_waits_for_too_long_is_stale(database: Database, ask: Ask, put: Put) -> None:
    job = await ask(hold=700)
    await put(job, Status.WAITING)
    assert await stale(database, asked_by=START - 1, posted_by=START * 2, ended_by=START * 2) == []
    assert await stale(database, asked_by=START) == [StaleHold(job.id, 700, START)]


async def test_a_hold_of_a_job_that_runs_for_too_long_is_stale(database: Database, ask: Ask, put: Put) -> None:
    job = await ask(hold=700)
    await put(job, Status.SUBMITTED)
    posted_at = START + 1
    assert await stale(database, asked_by=START * 2, posted_by=posted_at - 1, ended_by=START * 2) == []
    assert [one.job_id for one in await stale(database, posted_by=posted_at)] == [job.id]


async def test_a_hold_of_a_job_that_ended_too_long_ago_is_stale(database: Database, ask: Ask, put: Put) -> None:
    job = await ask(hold=700)
    await put(job, Status.SUCCEEDED)
    ended_at = START + 2
    assert await stale(database, asked_by=START * 2, posted_by=START * 2, ended_by=ended_at - 1) == []
    assert [one.job_id for one in await stale(database, ended_by=ended_at)] == [job.id]


async def test_neither_a_queued_job_nor_a_hold_that_ended_is_stale(database: Database, ask: Ask, put: Put) -> None:
    await ask()
    job = await ask()
    await put(job, Status.SUCCEEDED)
    await database.run(ledger.settle, job, 100, START)
    assert await stale(database, asked_by=START * 2, posted_by=START * 2, ended_by=START * 2) == []


# Lines of their own, and Runware's statements ------------------------------------------------------------------------


async def test_late_costs_overshoots_and_guesses_have_their_own_sums(database: Database, ask: Ask, put: Put) -> None:
    async def settled(cost: int, *, estimated: bool = False) -> Job:
        job = await ask(hold=700)
        await put(job, Status.SUCCEEDED)
        await database.run(ledger.settle, job, cost, START, estimated=estimated)
        return job

    await settled(1_000)
    job = await settled(500, estimated=True)
    await database.run(ledger.adjust, job, 80, START + DAY)
    assert await database.read(books.lines, TODAY, TODAY) == Lines(late=0, overshoot=300, guessed=500, spent=1_500)
    assert await database.read(books.lines, TODAY + 1, TODAY + 1) == Lines(80, 0, 0, 80)
    assert await database.read(books.lines, TODAY, TODAY + 1) == Lines(80, 300, 500, 1_580)
    assert await database.read(books.lines, TODAY + 2, TODAY + 9) == Lines(0, 0, 0, 0)


async def test_an_overshoot_of_an_edit_that_grants_paid_a_part_of_is_counted_once(
    database: Database, ask: Ask, put: Put
) -> None:
    await database.run(give, 600, sponsored=True, now=START)
    job = await ask(hold=1_000, place=POOL)
    await put(job, Status.SUCCEEDED)
    await database.run(ledger.settle, job, 1_250, START)
    assert await database.read(books.lines, TODAY, TODAY) == Lines(0, 250, 0, 1_250)


async def test_a_statement_stands_beside_what_the_ledger_had_by_then(database: Database, ask: Ask, put: Put) -> None:
    async def spend(cost: int) -> None:
        job = await ask(hold=700)
        await put(job, Status.SUCCEEDED)
        await database.run(ledger.settle, job, cost, START)

    assert await database.run(books.take_statement, TODAY, 5_000, START)
    await spend(300)
    assert await database.run(books.take_statement, TODAY + 1, 5_301, START + DAY)
    await spend(40)
    await spend(2)
    assert await database.run(books.take_statement, TODAY + 2, 5_343, START + 2 * DAY)
    assert await database.run(books.take_statement, TODAY + 3, 5_343, START + 3 * DAY)
    assert await database.read(books.statements, 3) == [
        Statement(TODAY + 3, START + 3 * DAY, 5_343, 342),
        Statement(TODAY + 2, START + 2 * DAY, 5_343, 342),
        Statement(TODAY + 1, START + DAY, 5_301, 300),
    ]


async def test_the_first_statement_of_a_day_stands(database: Database) -> None:
    assert await database.run(books.take_statement, TODAY, 5_000, START)
    assert not await database.run(books.take_statement, TODAY, 6_000, START + HOUR)
    assert await database.read(books.statements, 9) == [Statement(TODAY, START, 5_000, 0)]
