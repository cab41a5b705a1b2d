"""Money kept back, spent and given back: each hold ends once, and the counters follow the lines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from storage import accounts, allowances, jobs, ledger
from storage.database import Database, Tx
from storage.records import Allowance, EntryKind, Job, Scope, Status

Ask = Callable[..., Awaitable[Job]]
Put = Callable[[Job, Status], Awaitable[None]]

NOW = 1_900_022_500_000
LIMITS = dict.fromkeys(Scope, 10_000)


async def lines(database: Database, job: Job) -> list[tuple[EntryKind, int, int]]:
    return [(entry.kind, entry.held, entry.spent) for entry in await database.read(ledger.of_job, job.id)]


async def counters(database: Database, job: Job) -> dict[Scope, tuple[int, int]]:
    """What is held and spent today on each allowance that binds a job."""

    async def look(tx: Tx) -> list[Allowance]:
        server = await accounts.find(tx, Scope.SERVER, job.guild_id)
        payers = {Scope.MEMBER: job.account_id, Scope.SERVER: server, Scope.BOT: await accounts.find(tx, Scope.BOT)}
        return [await allowances.look(tx, payer, scope, LIMITS, NOW) for scope, payer in payers.items()]

    return {allowance.scope: (allowance.held, allowance.spent) for allowance in await database.read(look)}


async def found(database: Database, job: Job) -> Job:
    return await database.read(jobs.known, job.id)


async def test_a_hold_is_a_line_on_the_member_and_counts_on_every_allowance(database: Database, ask: Ask) -> None:
    job = await ask(hold=700)
    assert await lines(database, job) == [(EntryKind.HOLD, 700, 0)]
    assert await counters(database, job) == dict.fromkeys(Scope, (700, 0))
    assert await database.read(ledger.open_holds) == (1, 700)
    (entry,) = await database.read(ledger.of_job, job.id)
    assert (entry.account_id, entry.estimated) == (job.account_id, False)


async def test_settling_books_the_cost_and_gives_the_rest_back(database: Database, ask: Ask, put: Put) -> None:
    job = await ask(hold=700)
    await put(job, Status.SUCCEEDED)
    assert await database.run(ledger.settle, job.id, 450, NOW)
    assert await lines(database, job) == [(EntryKind.HOLD, 700, 0), (EntryKind.SETTLE, -700, 450)]
    assert await counters(database, job) == dict.fromkeys(Scope, (0, 450))
    settled = await found(database, job)
    assert (settled.cost, settled.settled_at, settled.estimated) == (450, NOW, False)
    assert await database.read(ledger.open_holds) == (0, 0)


async def test_a_cost_of_exactly_the_hold_gives_nothing_back(database: Database, ask: Ask, put: Put) -> None:
    job = await ask(hold=700)
    await put(job, Status.SUCCEEDED)
    await database.run(ledger.settle, job.id, 700, NOW)
    assert await lines(database, job) == [(EntryKind.HOLD, 700, 0), (EntryKind.SETTLE, -700, 700)]


async def test_an_overshoot_is_booked_whole(database: Database, ask: Ask, put: Put) -> None:
    job = await ask(hold=700)
    await put(job, Status.SUCCEEDED)
    await database.run(ledger.settle, job.id, 1_900, NOW)
    assert await lines(database, job) == [(EntryKind.HOLD, 700, 0), (EntryKind.SETTLE, -700, 1_900)]
    assert await counters(database, job) == dict.fromkeys(Scope, (0, 1_900))
    assert (await found(database, job)).cost == 1_900


async def test_a_release_gives_everything_back(database: Database, ask: Ask, put: Put) -> None:
    job = await ask(hold=700)
    await put(job, Status.FAILED)
    assert await database.run(ledger.release, job.id, NOW)
    assert await lines(database, job) == [(EntryKind.HOLD, 700, 0), (EntryKind.RELEASE, -700, 0)]
    assert await counters(database, job) == dict.fromkeys(Scope, (0, 0))
    assert ((await found(database, job)).cost, (await found(database, job)).settled_at) == (None, NOW)


async def test_a_hold_ends_once_however_many_try_at_once(database: Database, ask: Ask, put: Put) -> None:
    job, other = await ask(hold=700), await ask(hold=50)
    await put(job, Status.SUCCEEDED)
    settling = [database.run(ledger.settle, job.id, 450, NOW) for _ in range(5)]
    releasing = [database.run(ledger.release, job.id, NOW) for _ in range(5)]
    assert sum(await asyncio.gather(*settling, *releasing)) == 1
    assert len([line for line in await lines(database, job) if line[0] is not EntryKind.HOLD]) <= 2
    assert sum(held for _, held, _ in await lines(database, job)) == 0
    assert await counters(database, job) == dict.fromkeys(Scope, (50, sum(s for _, _, s in await lines(database, job))))
    assert await database.read(ledger.open_holds) == (1, other.hold)


async def test_a_cost_that_comes_after_the_end_is_the_servers_and_never_the_members(
    database: Database, ask: Ask, put: Put
) -> None:
    job = await ask(hold=700)
    await put(job, Status.EXPIRED)
    await database.run(ledger.release, job.id, NOW)
    await database.run(ledger.adjust, job.id, 300, NOW)
    await database.run(ledger.adjust, job.id, 50, NOW, estimated=True)
    assert (await lines(database, job))[2:] == [(EntryKind.ADJUST, 0, 300), (EntryKind.ADJUST, 0, 50)]
    server = await database.read(accounts.find, Scope.SERVER, job.guild_id)
    assert [entry.account_id for entry in (await database.read(ledger.of_job, job.id))[2:]] == [server, server]
    assert await counters(database, job) == {Scope.MEMBER: (0, 0), Scope.SERVER: (0, 350), Scope.BOT: (0, 350)}
    late = await found(database, job)
    assert (late.cost, late.estimated) == (350, True)


async def test_an_estimate_is_marked_in_the_line_and_on_the_job(database: Database, ask: Ask, put: Put) -> None:
    job = await ask(hold=700)
    await put(job, Status.SUCCEEDED)
    await database.run(ledger.settle, job.id, 450, NOW, estimated=True)
    assert [entry.estimated for entry in await database.read(ledger.of_job, job.id)] == [False, True]
    assert (await found(database, job)).estimated
