"""Bonus amounts and pools: drained first and in order, never overdrawn, and what a sponsor gave comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC
from typing import Any

import pytest

from storage import accounts, allowances, books, grants, ledger, quarters
from storage.allowances import AllowanceExceeded, Terms
from storage.books import EPOCH
from storage.database import Database, Tx
from storage.grants import Share
from storage.quarters import Use
from storage.records import Allowance, Asker, EntryKind, Grant, Job, Measure, Place, Scope, Status
from storage.windows import DAY, HOUR, Stretch, Window

Ask = Callable[..., Awaitable[Job]]
Put = Callable[[Job, Status], Awaitable[None]]
Give = Callable[..., Awaitable[Grant]]
Fund = Callable[..., Awaitable[Grant]]
Settle = Callable[[Job, int], Awaitable[None]]

START = 1_900_022_400_000
LATER = START + 3 * HOUR
GUILD, PAINTERS, GUESTS = 10, 31, 32
THREAD = Place(100, 200, thread_id=7)
ALWAYS = Stretch(0, 2**62)
SPONSOR = Asker(GUILD, 9)
OPEN = Terms((), (), ())


@pytest.fixture
def give(database: Database) -> Give:
    """Grant a bonus as managers do: to a member, by Discord's id, to a role, or to a thread."""

    async def give(scope: Scope, holder_id: int, amount: int, *, expires_at: int | None = None) -> Grant:
        async def unit(tx: Tx) -> Grant:
            giver = await accounts.ensure(tx, Scope.MEMBER, START, GUILD, 99)
            member = await accounts.ensure(tx, Scope.MEMBER, START, GUILD, holder_id)
            given = await grants.add(
                tx,
                guild_id=GUILD,
                scope=scope,
                subject_id=member if scope is Scope.MEMBER else holder_id,
                amount=amount,
                giver_id=giver,
                now=START,
                expires_at=expires_at,
            )
            await ledger.grant(tx, given, START)
            return given

        return await database.run(unit)

    return give


async def _fund(tx: Tx, amount: int, terms: Terms) -> Grant:
    bound = await accounts.bound_by(tx, SPONSOR, 7, START)
    await allowances.reserve(tx, SPONSOR, bound, amount, zone=UTC, terms=terms, now=START)
    sponsor = bound[Scope.MEMBER]
    given = await grants.add(
        tx,
        guild_id=GUILD,
        scope=Scope.THREAD,
        subject_id=7,
        amount=amount,
        giver_id=sponsor,
        sponsor_id=sponsor,
        now=START,
    )
    await ledger.grant(tx, given, START)
    return given


@pytest.fixture
def fund(database: Database) -> Fund:
    """Fund the thread's pool from a member's own allowance, as sponsors do."""

    async def fund(amount: int, *, limit: int = 1_000_000) -> Grant:
        terms = Terms((Allowance(Scope.MEMBER, Measure.MONEY, limit, Window.daily()),), (), ())
        return await database.run(_fund, amount, terms)

    return fund


@pytest.fixture
def settle(database: Database, put: Put) -> Settle:
    """End an edit well, at a cost."""

    async def settle(job: Job, cost: int) -> None:
        await put(job, Status.SUCCEEDED)
        assert await database.run(ledger.settle, job, cost, LATER)

    return settle


@pytest.fixture
def release(database: Database, put: Put) -> Callable[[Job], Awaitable[None]]:
    """End an edit in vain."""

    async def release(job: Job) -> None:
        await put(job, Status.FAILED)
        assert await database.run(ledger.release, job, LATER)

    return release


@pytest.fixture(autouse=True)
async def balanced(database: Database) -> Any:
    """Whatever a test did, the books balance at its end."""
    yield
    assert await database.read(books.grant_differences) == []
    for day in (START // DAY + EPOCH, START // DAY + EPOCH + 1):
        assert await database.read(books.differences, day) == []


async def end(database: Database, grant: Grant) -> Grant | None:
    return await database.run(ledger.end_grant, grant.id, LATER)


async def state(database: Database, *given: Grant) -> list[tuple[int, int]]:
    """What is held and spent of some grants."""
    found = [await database.read(grants.known, grant.id) for grant in given]
    return [(grant.held, grant.spent) for grant in found]


async def own(database: Database, user_id: int = 1) -> tuple[int, int]:
    """What is held and spent on a member's own allowance."""
    account_id = await database.read(accounts.find, Scope.MEMBER, GUILD, user_id)
    use = await database.read(quarters.used, account_id or 0, ALWAYS)
    return use.held, use.spent


async def lines(database: Database, job: Job) -> list[tuple[EntryKind, int | None, int, int]]:
    entries = await database.read(ledger.of_job, job.id)
    return [(entry.kind, entry.grant_id, entry.held, entry.spent) for entry in entries]


async def sponsored(tx: Tx) -> list[tuple[str, int, int, int]]:
    """The lines of the ledger without a job, as (kind, held, spent, granted)."""
    rows = await tx.fetch_all("SELECT kind, held, spent, granted FROM ledger WHERE job_id IS NULL ORDER BY id")
    return [(row["kind"], row["held"], row["spent"], row["granted"]) for row in rows]


# Drained first, and in order -----------------------------------------------------------------------------------------


async def test_a_grant_is_drained_before_the_ordinary_allowance(database: Database, ask: Ask, give: Give) -> None:
    bonus = await give(Scope.MEMBER, 1, 1_500)
    await ask(hold=1_000)
    assert (await state(database, bonus), await own(database)) == ([(1_000, 0)], (0, 0))
    await ask(hold=1_000)
    assert (await state(database, bonus), await own(database)) == ([(1_500, 0)], (500, 0))
    await ask(hold=1_000)
    assert (await state(database, bonus), await own(database)) == ([(1_500, 0)], (1_500, 0))


async def test_the_pool_of_the_thread_comes_first_then_what_expires_soonest_then_what_never_does(
    database: Database, ask: Ask, give: Give
) -> None:
    forever = await give(Scope.MEMBER, 1, 100)
    late = await give(Scope.ROLE, PAINTERS, 100, expires_at=START + 2 * DAY)
    soon = await give(Scope.MEMBER, 1, 100, expires_at=START + DAY)
    pool = await give(Scope.THREAD, 7, 100)
    fading_pool = await give(Scope.THREAD, 7, 100, expires_at=START + 3 * DAY)
    in_order = [fading_pool, pool, soon, late, forever]
    for number in range(1, 6):
        await ask(hold=100, place=THREAD, role_ids={PAINTERS})
        assert await state(database, *in_order) == [(100, 0)] * number + [(0, 0)] * (5 - number)
    assert await own(database) == (0, 0)


async def test_what_a_member_may_draw_on_is_told_in_the_order_in_which_it_is_drained(
    database: Database, ask: Ask, give: Give
) -> None:
    job = await ask(user_id=1, hold=1)
    given = [
        await give(Scope.THREAD, 7, 40),
        await give(Scope.ROLE, PAINTERS, 30, expires_at=START + DAY),
        await give(Scope.MEMBER, 1, 20),
    ]
    for scope, holder_id in (Scope.THREAD, 8), (Scope.ROLE, GUESTS), (Scope.MEMBER, 2):
        await give(scope, holder_id, 50)

    async def available(thread_id: int | None) -> list[Grant]:
        return await database.read(
            grants.available, GUILD, account_id=job.account_id, role_ids={PAINTERS}, thread_id=thread_id, now=START
        )

    assert await available(7) == given
    assert await available(None) == given[1:]
    await ask(hold=60, place=THREAD, role_ids={PAINTERS})
    assert [(grant.id, grant.held, grant.left) for grant in await available(7)] == [
        (given[0].id, 40, 0),  # held is not spent
        (given[1].id, 20, 10),
        (given[2].id, 0, 20),
    ]


async def test_an_edit_may_be_split_over_grants_and_the_members_own_allowance(
    database: Database, ask: Ask, give: Give, settle: Settle
) -> None:
    pool, bonus = await give(Scope.THREAD, 7, 300), await give(Scope.MEMBER, 1, 200)
    job = await ask(hold=1_000, place=THREAD)
    assert await lines(database, job) == [
        (EntryKind.HOLD, pool.id, 300, 0),
        (EntryKind.HOLD, bonus.id, 200, 0),
        (EntryKind.HOLD, None, 500, 0),
    ]
    assert await own(database) == (500, 0)
    await settle(job, 700)
    assert (await lines(database, job))[3:] == [
        (EntryKind.SETTLE, pool.id, -300, 300),
        (EntryKind.SETTLE, bonus.id, -200, 200),
        (EntryKind.SETTLE, None, -500, 200),
    ]
    assert (await state(database, pool, bonus), await own(database)) == ([(0, 300), (0, 200)], (0, 200))


async def test_a_split_edit_is_counted_once_on_the_member_and_whole_elsewhere(
    database: Database, ask: Ask, give: Give, settle: Settle
) -> None:
    await give(Scope.THREAD, 7, 300)
    job = await ask(hold=1_000, results=3, place=THREAD)
    member = await database.read(quarters.used, job.account_id, ALWAYS)
    assert member == Use(held=700, edits=1, pictures=3)
    server = await database.read(accounts.find, Scope.SERVER, GUILD)
    assert await database.read(quarters.used, server or 0, ALWAYS) == Use(held=1_000, edits=1, pictures=3)
    await settle(job, 400)
    member = await database.read(quarters.used, job.account_id, ALWAYS)
    assert member == Use(spent=100, edits=1, pictures=3)


@pytest.mark.parametrize(
    ("cost", "paid", "rest"), [(100, (100, 0), 0), (300, (300, 0), 0), (450, (300, 150), 0), (520, (300, 200), 20)]
)
async def test_grants_pay_in_the_order_in_which_they_are_drained(
    database: Database, ask: Ask, give: Give, settle: Settle, cost: int, paid: tuple[int, int], rest: int
) -> None:
    pool, bonus = await give(Scope.THREAD, 7, 300), await give(Scope.MEMBER, 1, 200)
    await settle(await ask(hold=1_000, place=THREAD), cost)
    assert await state(database, pool, bonus) == [(0, paid[0]), (0, paid[1])]
    assert await own(database) == (0, rest)


async def test_what_is_above_the_hold_is_paid_by_whoever_pays_last(
    database: Database, ask: Ask, give: Give, settle: Settle
) -> None:
    pool, bonus = await give(Scope.THREAD, 7, 300), await give(Scope.MEMBER, 1, 5_000)
    await settle(await ask(hold=1_000, place=THREAD), 1_900)
    assert (await state(database, pool, bonus), await own(database)) == ([(0, 300), (0, 1_600)], (0, 0))
    split = await ask(hold=4_000)
    await settle(split, 4_250)
    assert (await state(database, bonus), await own(database)) == ([(0, 5_000)], (0, 850))


async def test_a_grant_that_was_overdrawn_by_an_overshoot_has_nothing_left_and_no_less(
    database: Database, ask: Ask, give: Give, settle: Settle
) -> None:
    bonus = await give(Scope.MEMBER, 1, 500)
    await settle(await ask(hold=500), 900)
    assert (await database.read(grants.known, bonus.id)).left == 0
    await ask(hold=100)
    assert await own(database) == (100, 0)


async def test_a_release_gives_every_grant_its_share_back(
    database: Database, ask: Ask, give: Give, release: Callable[[Job], Awaitable[None]]
) -> None:
    pool, bonus = await give(Scope.THREAD, 7, 300), await give(Scope.MEMBER, 1, 200)
    job = await ask(hold=1_000, place=THREAD)
    await release(job)
    assert (await state(database, pool, bonus), await own(database)) == ([(0, 0), (0, 0)], (0, 0))
    assert await database.read(quarters.used, job.account_id, ALWAYS) == Use()


async def test_a_hold_that_is_withdrawn_gives_every_grant_its_share_back_to_be_held_anew(
    database: Database, ask: Ask, give: Give
) -> None:
    bonus = await give(Scope.MEMBER, 1, 200)
    job = await ask(hold=1_000)
    assert await database.run(ledger.withdraw, job, LATER)
    assert (await state(database, bonus), await own(database)) == ([(0, 0)], (0, 0))
    assert await database.read(ledger.open_holds) == (0, 0)
    assert not await database.run(ledger.withdraw, job, LATER)


# Whose it is, and for how long ---------------------------------------------------------------------------------------


async def test_a_roles_grant_is_each_holders_own(database: Database, ask: Ask, give: Give) -> None:
    bonus = await give(Scope.ROLE, PAINTERS, 1_000)
    for user_id in (1, 2):
        await ask(user_id, hold=1_000, role_ids={PAINTERS})
        assert await own(database, user_id) == (0, 0)
    await ask(1, hold=100, role_ids={PAINTERS})
    assert (await own(database, 1), await own(database, 2)) == ((100, 0), (0, 0))
    assert await state(database, bonus) == [(2_000, 0)]


async def test_a_roles_grant_is_for_those_who_have_the_role_now(database: Database, ask: Ask, give: Give) -> None:
    bonus = await give(Scope.ROLE, PAINTERS, 1_000)
    await ask(hold=100, role_ids={GUESTS})
    assert (await state(database, bonus), await own(database)) == ([(0, 0)], (100, 0))


async def test_a_pool_is_shared_and_only_in_its_thread(database: Database, ask: Ask, give: Give) -> None:
    pool = await give(Scope.THREAD, 7, 1_000)
    await ask(1, hold=600, place=THREAD)
    await ask(2, hold=600, place=THREAD)
    assert await state(database, pool) == [(1_000, 0)]
    assert (await own(database, 1), await own(database, 2)) == ((0, 0), (200, 0))
    await ask(3, hold=100, place=Place(100, 200, thread_id=8))
    assert await own(database, 3) == (100, 0)


async def test_a_grant_is_of_its_server_alone(database: Database, ask: Ask, give: Give) -> None:
    pool, bonus = await give(Scope.THREAD, 7, 1_000), await give(Scope.ROLE, PAINTERS, 1_000)
    await ask(guild_id=11, hold=100, place=THREAD, role_ids={PAINTERS})
    assert await state(database, pool, bonus) == [(0, 0), (0, 0)]
    assert [grant.id for grant in await database.read(grants.open_in, GUILD)] == [pool.id, bonus.id]
    assert await database.read(grants.open_in, 11) == []


async def test_a_grant_pays_up_to_its_last_moment_and_not_after(database: Database, ask: Ask, give: Give) -> None:
    bonus = await give(Scope.MEMBER, 1, 1_000, expires_at=START + HOUR)
    await ask(hold=100, at=START + HOUR - 1)
    assert await state(database, bonus) == [(100, 0)]
    await ask(hold=100, at=START + HOUR)
    assert (await state(database, bonus), await own(database)) == ([(100, 0)], (100, 0))


async def test_what_a_grant_carries_when_it_expires_is_still_paid_by_it(
    database: Database, ask: Ask, give: Give, settle: Settle
) -> None:
    bonus = await give(Scope.MEMBER, 1, 1_000, expires_at=START + HOUR)
    job = await ask(hold=700)
    await end(database, bonus)
    await settle(job, 600)
    assert (await state(database, bonus), await own(database)) == ([(0, 600)], (0, 0))


async def test_grants_whose_time_is_over_are_found_until_they_are_ended(database: Database, give: Give) -> None:
    first = await give(Scope.MEMBER, 1, 100, expires_at=START + HOUR)
    second = await give(Scope.THREAD, 7, 100, expires_at=START + HOUR // 2)
    await give(Scope.MEMBER, 1, 100)
    assert await database.read(grants.expired, START + HOUR // 2 - 1) == []
    assert await database.read(grants.expired, START + HOUR) == [second.id, first.id]
    await end(database, second)
    assert await database.read(grants.expired, START + HOUR) == [first.id]


async def test_a_grant_ends_once_and_pays_nothing_after(database: Database, ask: Ask, give: Give) -> None:
    bonus = await give(Scope.MEMBER, 1, 1_000)
    await ask(hold=100)
    ended = await end(database, bonus)
    assert ended is not None
    assert (ended.held, ended.left) == (100, 900)
    assert await end(database, bonus) is None
    await ask(hold=100)
    assert (await state(database, bonus), await own(database)) == ([(100, 0)], (100, 0))
    assert (await database.read(grants.known, bonus.id)).left == 0


async def test_a_grant_that_does_not_exist_is_not_known(database: Database) -> None:
    with pytest.raises(LookupError):
        await database.read(grants.known, 1)


@pytest.mark.parametrize(("scope", "amount"), [(Scope.MEMBER, 0), (Scope.CHANNEL, 5), (Scope.ROLE, -1)])
async def test_the_database_itself_takes_no_grant_that_makes_no_sense(
    database: Database, scope: Scope, amount: int
) -> None:
    with pytest.raises(Exception, match=r"(?i)check"):
        await database.run(grants.add, guild_id=GUILD, scope=scope, subject_id=1, amount=amount, giver_id=1, now=START)


# Sponsors ------------------------------------------------------------------------------------------------------------


async def test_a_sponsors_allowance_holds_what_the_pool_has_not_spent(
    database: Database, ask: Ask, fund: Fund, settle: Settle
) -> None:
    pool = await fund(1_000)
    assert await own(database, 9) == (1_000, 0)
    job = await ask(hold=600, place=THREAD)
    assert await own(database, 9) == (1_000, 0)
    await settle(job, 450)
    assert (await own(database, 9), await state(database, pool)) == ((550, 450), [(0, 450)])
    assert await database.read(sponsored) == [("grant", 0, 0, 1_000), ("hold", 1_000, 0, 0), ("settle", -450, 450, 0)]


async def test_a_sponsor_gives_no_more_than_their_own_limits_admit(database: Database, fund: Fund) -> None:
    await fund(700, limit=1_000)
    with pytest.raises(AllowanceExceeded) as refusal:
        await fund(301, limit=1_000)
    assert (refusal.value.standing.held, refusal.value.demand) == (700, 301)
    assert len(await database.read(grants.pool, GUILD, 7)) == 1
    await fund(300, limit=1_000)


async def test_a_gift_to_a_pool_is_no_edit_and_counts_on_no_other_account_until_it_is_used(
    database: Database, ask: Ask, fund: Fund
) -> None:
    await fund(1_000)
    server = await database.read(accounts.find, Scope.SERVER, GUILD)
    assert await database.read(quarters.used, server or 0, ALWAYS) == Use()
    sponsor = await database.read(accounts.find, Scope.MEMBER, GUILD, 9)
    assert await database.read(quarters.used, sponsor or 0, ALWAYS) == Use(held=1_000)
    await ask(hold=600, place=THREAD)
    assert await database.read(quarters.used, server or 0, ALWAYS) == Use(held=600, edits=1, pictures=1)


async def test_a_closed_pool_returns_to_its_sponsor_what_nobody_spent(
    database: Database, ask: Ask, fund: Fund, settle: Settle
) -> None:
    pool = await fund(1_000)
    await settle(await ask(hold=600, place=THREAD), 450)
    closed = await end(database, pool)
    assert closed is not None
    assert closed.left == 550
    assert await own(database, 9) == (0, 450)
    assert (await database.read(sponsored))[3:] == [("grant", 0, 0, -550), ("release", -550, 0, 0)]


@pytest.mark.parametrize("cost", [0, 1, 450, 600])
async def test_a_running_edit_keeps_its_share_of_a_closed_pool_and_gives_the_rest_back_when_it_settles(
    database: Database, ask: Ask, fund: Fund, settle: Settle, cost: int
) -> None:
    pool = await fund(1_000)
    job = await ask(hold=600, place=THREAD)
    await end(database, pool)
    assert await own(database, 9) == (600, 0)
    await settle(job, cost)
    assert (await own(database, 9), await state(database, pool)) == ((0, cost), [(0, cost)])
    assert await own(database, 1) == (0, 0)


async def test_a_running_edit_that_fails_after_the_pool_was_closed_gives_its_share_back_to_the_sponsor(
    database: Database, ask: Ask, fund: Fund, release: Callable[[Job], Awaitable[None]]
) -> None:
    pool = await fund(1_000)
    job = await ask(hold=600, place=THREAD)
    await end(database, pool)
    await release(job)
    assert (await own(database, 9), await state(database, pool)) == ((0, 0), [(0, 0)])
    assert (await database.read(sponsored))[2:] == [
        ("grant", 0, 0, -400),
        ("release", -400, 0, 0),
        ("release", -600, 0, 0),
    ]


async def test_an_overshoot_of_a_pool_is_its_sponsors_before_and_after_the_close(
    database: Database, ask: Ask, fund: Fund, settle: Settle
) -> None:
    pool = await fund(1_000)
    first, second = await ask(hold=600, place=THREAD), await ask(hold=400, place=THREAD)
    await settle(first, 1_300)
    assert await own(database, 9) == (0, 1_300)
    assert await end(database, pool) is not None
    assert await own(database, 9) == (0, 1_300)
    await settle(second, 500)
    assert (await own(database, 9), await state(database, pool)) == ((0, 1_800), [(0, 1_800)])


async def test_of_a_closed_pool_two_running_edits_give_back_what_is_left_between_them(
    database: Database, ask: Ask, fund: Fund, settle: Settle
) -> None:
    pool = await fund(1_000)
    first, second = await ask(hold=300, place=THREAD), await ask(hold=300, place=THREAD)
    await end(database, pool)
    assert await own(database, 9) == (600, 0)
    await settle(first, 900)
    assert await own(database, 9) == (100, 900)
    await settle(second, 50)
    assert (await own(database, 9), await state(database, pool)) == ((0, 950), [(0, 950)])


async def test_two_sponsors_each_pay_what_was_drawn_on_their_own_gift(
    database: Database, ask: Ask, give: Give, fund: Fund, settle: Settle
) -> None:
    mine, managers = await fund(300), await give(Scope.THREAD, 7, 1_000)
    await settle(await ask(hold=500, place=THREAD), 400)
    assert await state(database, mine, managers) == [(0, 300), (0, 100)]
    assert await own(database, 9) == (0, 300)


# Crowds --------------------------------------------------------------------------------------------------------------


async def test_sixty_four_at_once_draw_on_one_pool_and_never_overdraw_it(
    database: Database, ask: Ask, fund: Fund
) -> None:
    pool = await fund(10_500)
    jobs = await asyncio.gather(*(ask(1 + number % 8, hold=1_000, place=THREAD) for number in range(64)))
    assert await state(database, pool) == [(10_500, 0)]
    held = [await own(database, user_id) for user_id in range(1, 9)]
    assert sum(amount for amount, _ in held) == sum(job.hold for job in jobs) - 10_500


async def test_draws_that_no_account_keeps_apart_never_overdraw_a_pool_together(database: Database, give: Give) -> None:
    pool = await give(Scope.THREAD, 7, 10_500)

    async def draw(tx: Tx, account_id: int) -> list[Share]:
        shares = await grants.cover(tx, GUILD, 1_000, account_id=account_id, role_ids=(), thread_id=7, now=START)
        await grants.draw(tx, shares)
        return shares

    async def give_back(tx: Tx, shares: list[Share]) -> None:
        for share in shares:
            await grants.pay(tx, share, 0)

    drawn = [shares for shares in await asyncio.gather(*(database.run(draw, number) for number in range(64))) if shares]
    assert sorted(share.amount for shares in drawn for share in shares) == [500] + [1_000] * 10
    assert await state(database, pool) == [(10_500, 0)]
    for shares in drawn:  # no job holds them, so no line of the ledger speaks of them
        await database.run(give_back, shares)


async def test_a_pool_that_is_closed_while_a_crowd_draws_on_it_gives_back_exactly_the_rest(
    database: Database, ask: Ask, fund: Fund, settle: Settle
) -> None:
    pool = await fund(8_000)

    async def asked(user_id: int) -> Job:
        return await ask(user_id, hold=1_000, place=THREAD)

    *jobs, closed = await asyncio.gather(*(asked(number) for number in range(1, 8)), end(database, pool))
    assert isinstance(closed, Grant)
    carried = (await state(database, pool))[0][0]
    assert await own(database, 9) == (carried, 0)
    for job in jobs:
        assert isinstance(job, Job)
        await settle(job, 900)
    assert await own(database, 9) == (0, carried // 1_000 * 900)
