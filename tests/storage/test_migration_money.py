"""A database of the first program is carried over: its counters, its holds that run on, its ledger and what was spent."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from storage import accounts, allowances, books, jobs, ledger, quarters, usage
from storage.allowances import Demand, Terms
from storage.books import EPOCH
from storage.database import MIGRATIONS, Database, Tx, migrate, open_database
from storage.quarters import Use
from storage.records import Asker, Basis, EditRequest, Job, Place, Price, Reference, Scope, Source
from storage.usage import Dimension, Tally
from storage.windows import DAY, HOUR, Stretch
from tests.storage.old_requests import first_form

#: Ten in the evening of a day, so that some hours later it is another.
EVENING = int(datetime(2030, 5, 15, 22, tzinfo=UTC).timestamp() * 1000)
DAY_ONE = EVENING // DAY + EPOCH
ALWAYS = Stretch(0, 2**62)
BOT, SERVER, ANA, BO, FORGOTTEN = 1, 2, 3, 4, 5
SETTLED, RUNNING, LATE = 1, 2, 3
HALL, STUDIO = 100, 101
REQUEST = EditRequest("a hat", (Reference("a" * 64, 512, 512, "cat.png"),), 1024, 768, 7, results=2)


@pytest.fixture
async def old(database_url: str, tmp_path: Path) -> AsyncGenerator[Database]:
    """A database as the first program left it: one edit settled, one running, one that was paid for after its end."""
    folder = tmp_path / "first"
    folder.mkdir()
    for file in MIGRATIONS.glob("0001_*.sql"):
        shutil.copy(file, folder)
    async with open_database(database_url) as database:
        await migrate(database, folder)
        await database.run(_fill)
        yield database


async def _fill(tx: Tx) -> None:
    for scope, guild_id, user_id in (
        ("bot", 0, 0),
        ("server", 10, 0),
        ("member", 10, 1),
        ("member", 10, 2),
        ("member", 10, 3),
    ):
        await _insert(tx, "accounts", scope=scope, guild_id=guild_id, user_id=user_id, created_at=EVENING)
    for account_id, scope in ((BOT, "bot"), (SERVER, "server"), (ANA, "member"), (BO, "member")):
        await _insert(tx, "allowances", account_id=account_id, scope=scope, limit_micros=None)
    await _ask(tx, SETTLED, ANA, HALL, 700, EVENING + 5, status="succeeded")
    await _ask(tx, RUNNING, BO, HALL, 600, EVENING + HOUR, status="submitted")
    await _ask(tx, LATE, ANA, STUDIO, 500, EVENING + HOUR, status="succeeded")
    await _end(tx, SETTLED, ANA, "settle", -700, 450, EVENING + HOUR)
    await _end(tx, LATE, ANA, "release", -500, 0, EVENING + HOUR)
    await _line(tx, LATE, SERVER, "adjust", 0, 300, EVENING + 3 * HOUR, estimated=1)
    for allowance_id, hour, held, spent in (
        (ANA, 0, 0, 450),
        (ANA, 1, 0, 0),
        (BO, 1, 600, 0),
        *((ceiling, *use) for ceiling in (BOT, SERVER) for use in ((0, 0, 450), (1, 600, 0), (3, 0, 300))),
    ):
        hour_at = EVENING + hour * HOUR
        await _insert(tx, "allowance_hours", allowance_id=allowance_id, hour_at=hour_at, held=held, spent=spent)
    await tx.execute("DELETE FROM accounts WHERE id = ?1", FORGOTTEN)


async def _ask(tx: Tx, job_id: int, account_id: int, channel_id: int, hold: int, at: int, *, status: str) -> None:
    over = status == "succeeded"
    await _insert(
        tx,
        "jobs",
        task_uuid=str(uuid.uuid4()),
        account_id=account_id,
        guild_id=10,
        channel_id=channel_id,
        reply_id=200,
        public=1,
        request=first_form(REQUEST),
        wanted=2,
        status=status,
        turn=0,
        version=1,
        hold=hold,
        created_at=at,
        first_post_at=at,
        ended_at=at if over else None,
        settled_at=at if over else None,
    )
    await _insert(tx, "holds", job_id=job_id, amount=hold, hour_at=at - at % HOUR, ended_at=at if over else None)
    for allowance_id in (BOT, SERVER, account_id):
        await _insert(tx, "hold_allowances", job_id=job_id, allowance_id=allowance_id)
    await _line(tx, job_id, account_id, "hold", hold, 0, at)


async def _end(tx: Tx, job_id: int, account_id: int, kind: str, held: int, spent: int, at: int) -> None:
    await _line(tx, job_id, account_id, kind, held, spent, at)
    await tx.execute("UPDATE jobs SET cost = ?2 WHERE id = ?1", job_id, spent)


async def _line(
    tx: Tx, job_id: int, account_id: int, kind: str, held: int, spent: int, at: int, *, estimated: int = 0
) -> None:
    await _insert(
        tx,
        "ledger",
        at=at,
        account_id=account_id,
        guild_id=10,
        job_id=job_id,
        kind=kind,
        held=held,
        spent=spent,
        estimated=estimated,
    )


async def _insert(tx: Tx, table: str, **values: Any) -> None:
    known = {column: value for column, value in values.items() if value is not None}
    numbers = ", ".join(f"?{number}" for number in range(1, len(known) + 1))
    await tx.execute(f"INSERT INTO {table} ({', '.join(known)}) VALUES ({numbers})", *known.values())


async def differences(database: Database) -> list[books.Difference]:
    return [difference for day in (DAY_ONE, DAY_ONE + 1) for difference in await database.read(books.differences, day)]


async def used(database: Database, account_id: int | None) -> Use:
    return await database.read(quarters.used, account_id or 0, ALWAYS)


async def channel(database: Database, channel_id: int) -> Use:
    return await used(database, await database.read(accounts.find, Scope.CHANNEL, 10, channel_id))


async def test_counters_are_carried_over_hour_by_hour_and_the_books_balance(old: Database) -> None:
    await migrate(old)
    assert await old.read(quarters.within, BOT, ALWAYS) == [
        (EVENING, Use(spent=450)),
        (EVENING + HOUR, Use(held=600)),
        (EVENING + 3 * HOUR, Use(spent=300)),
    ]
    assert [await used(old, account_id) for account_id in (SERVER, ANA, BO)] == [
        Use(held=600, spent=750),
        Use(spent=450),
        Use(held=600),
    ]
    assert await differences(old) == []
    assert await old.read(books.first_day) == DAY_ONE


async def test_channels_are_counted_from_what_was_asked_for_in_them_before(old: Database) -> None:
    await migrate(old)
    assert await channel(old, HALL) == Use(held=600, spent=450)
    assert await channel(old, STUDIO) == Use()


async def test_every_line_of_the_ledger_counts_in_the_hour_of_its_hold_and_a_late_one_in_its_own(
    old: Database,
) -> None:
    async def places(tx: Tx) -> list[tuple[str, int, int]]:
        rows = await tx.fetch_all("SELECT kind, quarter_at, day FROM ledger ORDER BY job_id, id")
        return [(row["kind"], row["quarter_at"], row["day"]) for row in rows]

    await migrate(old)
    assert await old.read(places) == [
        ("hold", EVENING, DAY_ONE),
        ("settle", EVENING, DAY_ONE),
        ("hold", EVENING + HOUR, DAY_ONE),
        ("hold", EVENING + HOUR, DAY_ONE),
        ("release", EVENING + HOUR, DAY_ONE),
        ("adjust", EVENING + 3 * HOUR, DAY_ONE + 1),
    ]


async def test_what_was_spent_stands_in_the_usage_by_day_member_channel_and_under_no_role(old: Database) -> None:
    await migrate(old)
    assert dict(await old.read(usage.days, 10, DAY_ONE, DAY_ONE + 1)) == {
        DAY_ONE: Tally(edits=1, spent=450),
        DAY_ONE + 1: Tally(spent=300, late=300, guessed=300),
    }

    async def by(dimension: Dimension) -> dict[str, int]:
        rows = await old.read(usage.by, 10, dimension, DAY_ONE - 1_000, DAY_ONE + 1_000, 10)
        return {key: tally.spent for key, tally in rows}

    assert await by(Dimension.MEMBER) == {str(ANA): 450, str(SERVER): 300}
    assert await by(Dimension.ROLE) == {"0": 750}
    assert await by(Dimension.CHANNEL) == {str(HALL): 450, str(STUDIO): 300}


async def test_a_hold_that_is_open_settles_after_the_migration(old: Database) -> None:
    await migrate(old)
    job = await old.read(jobs.known, RUNNING)
    await old.run(ended, job)
    assert await old.run(ledger.settle, job, 350, EVENING + 5 * HOUR)
    assert [await used(old, account_id) for account_id in (BOT, SERVER, BO)] == [
        Use(spent=1_100),
        Use(spent=1_100),
        Use(spent=350),
    ]
    assert await channel(old, HALL) == Use(spent=800)
    assert (await old.read(usage.total, 10, DAY_ONE, DAY_ONE)).spent == 800
    assert await differences(old) == []


async def test_a_hold_that_is_open_is_released_after_the_migration(old: Database) -> None:
    await migrate(old)
    job = await old.read(jobs.known, RUNNING)
    await old.run(ended, job)
    assert await old.run(ledger.release, job, EVENING + 5 * HOUR, failed=True)
    assert [await used(old, account_id) for account_id in (BOT, SERVER, BO)] == [
        Use(spent=750),
        Use(spent=750),
        Use(),
    ]
    assert await channel(old, HALL) == Use(spent=450)
    assert await differences(old) == []


async def ended(tx: Tx, job: Job) -> None:
    await tx.execute("UPDATE jobs SET status = 'succeeded', ended_at = ?2 WHERE id = ?1", job.id, EVENING + 5 * HOUR)


async def test_edits_that_follow_in_the_same_hour_and_channel_count_beside_the_old_ones(old: Database) -> None:
    await migrate(old)
    asker, place = Asker(10, 2), Place(HALL, 200)

    async def ask(tx: Tx) -> None:
        bound = await accounts.bound_by(tx, asker, HALL, EVENING + HOUR)
        admission = await allowances.hold(
            tx,
            asker,
            bound,
            Demand(90, 2),
            channel_id=HALL,
            thread_id=None,
            zone=UTC,
            terms=Terms((), (), ()),
            now=EVENING + HOUR,
        )
        job = await jobs.add(
            tx,
            task_uuid=str(uuid.uuid4()),
            account_id=bound[Scope.MEMBER],
            guild_id=10,
            place=place,
            request=REQUEST,
            price=Price(60, 90, Basis(Source.EXAMPLES)),
            now=EVENING + HOUR,
        )
        await ledger.hold(tx, job, admission, EVENING + HOUR)

    await old.run(ask)
    assert await channel(old, HALL) == Use(held=690, spent=450, edits=1, pictures=2)
    assert await used(old, BO) == Use(held=690, edits=1, pictures=2)
    assert await differences(old) == []


async def test_people_keep_their_accounts_and_nobody_gets_that_of_one_who_was_forgotten(old: Database) -> None:
    await migrate(old)
    assert await old.read(accounts.find, Scope.BOT) == BOT
    assert await old.read(accounts.find, Scope.SERVER, 10) == SERVER
    assert [await old.read(accounts.find, Scope.MEMBER, 10, user_id) for user_id in (1, 2, 3)] == [ANA, BO, None]
    assert await old.run(accounts.ensure, Scope.MEMBER, EVENING, 10, 4) > FORGOTTEN


async def test_an_old_job_was_estimated_by_nothing_but_the_examples(old: Database) -> None:
    await migrate(old)
    job = await old.read(jobs.known, SETTLED)
    assert (job.estimate, job.basis, job.request) == (0, Basis(Source.EXAMPLES), REQUEST)
