"""Money kept back, spent and given back: each hold ends once, and the counters follow the lines."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC

from storage import accounts, allowances, grants, jobs, ledger, quarters
from storage.allowances import Demand, Terms
from storage.database import Database, Row, Tx
from storage.quarters import Use
from storage.records import Asker, EntryKind, Grant, Job, Place, Scope, Status
from storage.windows import DAY, Stretch

Ask = Callable[..., Awaitable[Job]]
Put = Callable[[Job, Status], Awaitable[None]]

NOW = 1_900_022_500_000
EVERYBODY = (Scope.MEMBER, Scope.CHANNEL, Scope.SERVER, Scope.BOT)
THREAD = Place(100, 200, thread_id=7)
ALWAYS = Stretch(0, 2**62)


async def lines(database: Database, job: Job) -> list[tuple[EntryKind, int, int]]:
    return [(entry.kind, entry.held, entry.spent) for entry in await database.read(ledger.of_job, job.id)]


async def counters(database: Database, job: Job) -> dict[Scope, tuple[int, int]]:
    """What is held and spent on each account that binds a job."""

    async def look(tx: Tx) -> dict[Scope, Use]:
        payers = {
            Scope.MEMBER: job.account_id,
            Scope.CHANNEL: await accounts.find(tx, Scope.CHANNEL, job.guild_id, job.place.channel_id),
            Scope.SERVER: await accounts.find(tx, Scope.SERVER, job.guild_id),
            Scope.BOT: await accounts.find(tx, Scope.BOT),
        }
        stretch = Stretch(NOW - DAY, NOW + DAY)
        return {scope: await quarters.used(tx, payer or 0, stretch) for scope, payer in payers.items()}

    return {scope: (use.held, use.spent) for scope, use in (await database.read(look)).items()}


async def found(database: Database, job: Job) -> Job:
    return await database.read(jobs.known, job.id)


async def test_a_hold_is_a_line_on_the_member_and_counts_on_every_allowance(database: Database, ask: Ask) -> None:
    job = await ask(hold=700)
    assert await lines(database, job) == [(EntryKind.HOLD, 700, 0)]
    assert await counters(database, job) == dict.fromkeys(EVERYBODY, (700, 0))
    assert await database.read(ledger.open_holds) == (1, 700)
    (entry,) = await database.read(ledger.of_job, job.id)
    assert (entry.account_id, entry.estimated) == (job.account_id, False)


async def test_settling_books_the_cost_and_gives_the_rest_back(database: Database, ask: Ask, put: Put) -> None:
    job = await ask(hold=700)
    await put(job, Status.SUCCEEDED)
    assert await database.run(ledger.settle, job, 450, NOW)
    assert await lines(database, job) == [(EntryKind.HOLD, 700, 0), (EntryKind.SETTLE, -700, 450)]
    assert await counters(database, job) == dict.fromkeys(EVERYBODY, (0, 450))
    settled = await found(database, job)
    assert (settled.cost, settled.settled_at, settled.estimated) == (450, NOW, False)
    assert await database.read(ledger.open_holds) == (0, 0)


async def test_a_cost_of_exactly_the_hold_gives_nothing_back(database: Database, ask: Ask, put: Put) -> None:
    job = await ask(hold=700)
    await put(job, Status.SUCCEEDED)
    await database.run(ledger.settle, job, 700, NOW)
    assert await lines(database, job) == [(EntryKind.HOLD, 700, 0), (EntryKind.SETTLE, -700, 700)]


async def test_an_overshoot_is_booked_whole(database: Database, ask: Ask, put: Put) -> None:
    job = await ask(hold=700)
    await put(job, Status.SUCCEEDED)
    await database.run(ledger.settle, job, 1_900, NOW)
    assert await lines(database, job) == [(EntryKind.HOLD, 700, 0), (EntryKind.SETTLE, -700, 1_900)]
    assert await counters(database, job) == dict.fromkeys(EVERYBODY, (0, 1_900))
    assert (await found(database, job)).cost == 1_900


async def test_a_release_gives_everything_back(database: Database, ask: Ask, put: Put) -> None:
    job = await ask(hold=700)
    await put(job, Status.FAILED)
    assert await database.run(ledger.release, job, NOW)
    assert await lines(database, job) == [(EntryKind.HOLD, 700, 0), (EntryKind.RELEASE, -700, 0)]
    assert await counters(database, job) == dict.fromkeys(EVERYBODY, (0, 0))
    assert ((await found(database, job)).cost, (await found(database, job)).settled_at) == (None, NOW)


async def test_a_hold_ends_once_however_many_try_at_once(database: Database, ask: Ask, put: Put) -> None:
    job, other = await ask(hold=700), await ask(hold=50)
    await put(job, Status.SUCCEEDED)
    settling = [database.run(ledger.settle, job, 450, NOW) for _ in range(5)]
    releasing = [database.run(ledger.release, job, NOW) for _ in range(5)]
    assert sum(await asyncio.gather(*settling, *releasing)) == 1
    assert len([line for line in await lines(database, job) if line[0] is not EntryKind.HOLD]) <= 2
    assert sum(held for _, held, _ in await lines(database, job)) == 0
    assert await counters(database, job) == dict.fromkeys(
        EVERYBODY, (50, sum(s for _, _, s in await lines(database, job)))
    )
    assert await database.read(ledger.open_holds) == (1, other.hold)


async def test_a_cost_that_comes_after_the_end_is_the_servers_and_never_the_members(
    database: Database, ask: Ask, put: Put
) -> None:
    job = await ask(hold=700)
    await put(job, Status.EXPIRED)
    await database.run(ledger.release, job, NOW)
    await database.run(ledger.adjust, job, 300, NOW)
    await database.run(ledger.adjust, job, 50, NOW, estimated=True)
    assert (await lines(database, job))[2:] == [(EntryKind.ADJUST, 0, 300), (EntryKind.ADJUST, 0, 50)]
    server = await database.read(accounts.find, Scope.SERVER, job.guild_id)
    assert [entry.account_id for entry in (await database.read(ledger.of_job, job.id))[2:]] == [server, server]
    assert await counters(database, job) == {
        Scope.MEMBER: (0, 0),
        Scope.CHANNEL: (0, 0),
        Scope.SERVER: (0, 350),
        Scope.BOT: (0, 350),
    }
    late = await found(database, job)
    assert (late.cost, late.estimated) == (350, True)


async def test_an_estimate_is_marked_in_the_line_and_on_the_job(database: Database, ask: Ask, put: Put) -> None:
    job = await ask(hold=700)
    await put(job, Status.SUCCEEDED)
    await database.run(ledger.settle, job, 450, NOW, estimated=True)
    assert [entry.estimated for entry in await database.read(ledger.of_job, job.id)] == [False, True]
    assert (await found(database, job)).estimated


async def test_an_edit_counts_with_the_pictures_that_were_made_and_a_released_one_not_at_all(
    database: Database, ask: Ask, put: Put
) -> None:
    settled, partly, released = [await ask(user_id, hold=700, results=4) for user_id in (1, 2, 3)]
    for job in (settled, partly, released):
        await put(job, Status.SUCCEEDED)
    await database.run(ledger.settle, settled, 450, NOW)
    await database.run(ledger.settle, partly, 450, NOW, pictures=1)
    await database.run(ledger.release, released, NOW)
    used = [await database.read(quarters.used, job.account_id, ALWAYS) for job in (settled, partly, released)]
    assert used == [Use(0, 450, 1, 4), Use(0, 450, 1, 1), Use()]
    server = await database.read(accounts.find, Scope.SERVER, 10)
    assert await database.read(quarters.used, server or 0, ALWAYS) == Use(0, 900, 2, 5)


async def test_a_late_cost_is_no_other_edit(database: Database, ask: Ask, put: Put) -> None:
    job = await ask(hold=700)
    await put(job, Status.SUCCEEDED)
    await database.run(ledger.settle, job, 450, NOW)
    await database.run(ledger.adjust, job, 300, NOW)
    server = await database.read(accounts.find, Scope.SERVER, 10)
    assert await database.read(quarters.used, server or 0, ALWAYS) == Use(0, 750, 1, 1)


# Grants --------------------------------------------------------------------------------------------------------------


async def give(tx: Tx, scope: Scope, subject_id: int, amount: int, sponsor: Asker | None = None) -> Grant:
    """Grant a bonus; one with a sponsor is held on their own allowance."""
    giver = await accounts.ensure(tx, Scope.MEMBER, NOW, 10, 99)
    if sponsor is not None:
        bound = await accounts.bound_by(tx, sponsor, 100, NOW)
        giver = bound[Scope.MEMBER]
        await allowances.reserve(tx, sponsor, bound, amount, zone=UTC, terms=Terms((), (), ()), now=NOW)
    given = await grants.add(
        tx,
        guild_id=10,
        scope=scope,
        subject_id=subject_id,
        amount=amount,
        giver_id=giver,
        sponsor_id=None if sponsor is None else giver,
        now=NOW,
    )
    await ledger.grant(tx, given, NOW)
    return given


async def test_a_grant_and_its_end_say_in_the_ledger_how_much_was_granted_and_how_much_of_it_was_left(
    database: Database, ask: Ask
) -> None:
    async def granted(tx: Tx) -> list[tuple[int, int, int]]:
        rows = await tx.fetch_all("SELECT account_id, grant_id, granted FROM ledger WHERE kind = 'grant' ORDER BY id")
        return [(row["account_id"], row["grant_id"], row["granted"]) for row in rows]

    member = (await ask(hold=1)).account_id
    given = await database.run(give, Scope.MEMBER, member, 1_000)
    await ask(hold=300)
    await database.run(ledger.end_grant, given.id, NOW)
    assert await database.read(granted) == [(member, given.id, 1_000), (member, given.id, -700)]


async def test_every_sum_of_the_ledger_is_what_was_used_of_its_account_and_grant(
    database: Database, ask: Ask, put: Put
) -> None:
    member = (await ask(hold=10)).account_id
    pool = await database.run(give, Scope.THREAD, 7, 1_500, Asker(10, 2))
    await database.run(give, Scope.MEMBER, member, 400)
    jobs = [await ask(1 + n % 3, hold=500, place=THREAD, results=1 + n % 2, role_ids={31}) for n in range(8)]
    for job, cost in zip(jobs, (100, 500, 900, None, 300, None, 450), strict=False):
        await put(job, Status.FAILED if cost is None else Status.SUCCEEDED)
        await (database.run(ledger.release, job, NOW) if cost is None else database.run(ledger.settle, job, cost, NOW))
    await put(jobs[3], Status.SUCCEEDED)
    await database.run(ledger.adjust, jobs[3], 70, NOW)
    await database.run(ledger.end_grant, pool.id, NOW)
    said, used, granted = await database.read(sums)
    assert said == used
    assert len([use for use in used.values() if use.spent]) == 5
    assert granted["said"] == granted["used"]
    assert len(granted["used"]) == 2


async def sums(tx: Tx) -> tuple[dict[int, Use], dict[int, Use], dict[str, dict[int, tuple[int, int]]]]:
    """What the ledger adds up to and what is counted: by account, and by grant."""
    ids = {(row["scope"], row["holder_id"]): row["id"] for row in await tx.fetch_all("SELECT * FROM accounts")}
    said = dict.fromkeys(ids.values(), Use())
    drawn: dict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for line in await tx.fetch_all(
        "SELECT ledger.*, jobs.channel_id FROM ledger LEFT JOIN jobs ON jobs.id = ledger.job_id"
    ):
        for payer, change in changes(line, ids):
            said[payer] = plus(said[payer], change)
        if line["job_id"] is not None and line["grant_id"] is not None:
            held, spent = drawn[line["grant_id"]]
            drawn[line["grant_id"]] = (held + line["held"], spent + line["spent"])
    used = {payer: await quarters.used(tx, payer, ALWAYS) for payer in ids.values()}
    known = {grant_id: await grants.known(tx, grant_id) for grant_id in drawn}
    counted = {grant_id: (grant.held, grant.spent) for grant_id, grant in known.items()}
    return said, used, {"said": drawn, "used": counted}


def changes(line: Row, ids: dict[tuple[str, int], int]) -> list[tuple[int, Use]]:
    """The accounts that a line counts on, and what it changes there."""
    whole = Use(line["held"], line["spent"], line["edits"], line["pictures"])
    if line["job_id"] is None:
        return [] if line["kind"] == "grant" else [(line["account_id"], whole)]
    above = [(ids["server", 0], whole), (ids["bot", 0], whole)]
    if line["kind"] == "adjust":
        return above
    own = whole if line["grant_id"] is None else replace(whole, held=0, spent=0)
    return [*above, (ids["channel", line["channel_id"]], whole), (line["account_id"], own)]


def plus(use: Use, change: Use) -> Use:
    return Use(
        use.held + change.held, use.spent + change.spent, use.edits + change.edits, use.pictures + change.pictures
    )


async def test_settling_and_drawing_on_one_pool_at_once_wait_for_each_other_in_one_order(
    database: Database, ask: Ask, put: Put
) -> None:
    await database.run(give, Scope.THREAD, 7, 50_000)
    settling = [await ask(1 + number % 4, hold=1_000, place=THREAD) for number in range(20)]
    for job in settling:
        await put(job, Status.SUCCEEDED)
    runs = 0

    async def settle(tx: Tx, job: Job) -> None:
        nonlocal runs
        runs += 1
        await ledger.settle(tx, job, 500, NOW)

    async def hold(tx: Tx, user_id: int) -> None:
        nonlocal runs
        runs += 1
        asker = Asker(10, user_id)
        await allowances.hold(
            tx,
            asker,
            await accounts.bound_by(tx, asker, 100, NOW),
            Demand(1_000),
            channel_id=100,
            thread_id=7,
            zone=UTC,
            terms=Terms((), (), ()),
            now=settling[0].created_at,
        )

    await asyncio.gather(
        *(database.run(settle, job) for job in settling), *(database.run(hold, 1 + number % 4) for number in range(20))
    )
    assert runs == 40, "a unit that PostgreSQL gave up to end a deadlock is run again"
