"""What owners read of spending: sums by day and dimension that equal the ledger, and what came late, failed or was guessed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import fields
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from storage import accounts, allowances, ledger, servers, usage
from storage.database import Database, Tx
from storage.records import Allowance, EditRequest, Job, Measure, Place, Reference, Scope, Server, Status
from storage.usage import Dimension, Tally
from storage.windows import DAY, HOUR, Window, day_of

Ask = Callable[..., Awaitable[Job]]
Put = Callable[[Job, Status], Awaitable[None]]
End = Callable[..., Awaitable[Job]]

START = 1_900_022_400_000
TODAY = day_of(START, UTC)
#: An hour before midnight in UTC, when it is tomorrow in Tokyo.
TODAY_LATE = START - START % DAY + 23 * HOUR
GUILD, PAINTERS = 10, 31
EVERY_DAY = (0, 10**6)


@pytest.fixture
def end(database: Database, put: Put) -> End:
    """End an edit, at a cost or in vain."""

    async def end(job: Job, cost: int | None, *, pictures: int | None = None, estimated: bool = False) -> Job:
        await put(job, Status.FAILED if cost is None else Status.SUCCEEDED)
        if cost is None:
            assert await database.run(ledger.release, job, START + HOUR, failed=True)
        else:
            assert await database.run(ledger.settle, job, cost, START + HOUR, pictures=pictures, estimated=estimated)
        return job

    return end


async def total(database: Database, first: int = 0, last: int = 10**6) -> Tally:
    return await database.read(usage.total, GUILD, first, last)


async def by(database: Database, dimension: Dimension, limit: int = 100) -> dict[str, Tally]:
    return dict(await database.read(usage.by, GUILD, dimension, *EVERY_DAY, limit))


async def test_an_edit_adds_its_cost_its_pictures_and_how_it_was_estimated(
    database: Database, ask: Ask, end: End
) -> None:
    job = await end(await ask(hold=900, results=3), 700)
    assert job.estimate == 600
    assert await total(database) == Tally(edits=1, pictures=3, spent=700, expected=600, settled=700)


async def test_pictures_that_were_not_made_are_not_counted(database: Database, ask: Ask, end: End) -> None:
    await end(await ask(hold=900, results=3), 300, pictures=1)
    assert (await total(database)).pictures == 1


async def test_an_overshoot_stands_beside_what_was_spent(database: Database, ask: Ask, end: End) -> None:
    await end(await ask(hold=900), 1_250)
    await end(await ask(hold=900), 900)
    found = await total(database)
    assert (found.spent, found.overshoot) == (2_150, 350)


async def test_a_cost_that_was_guessed_says_nothing_about_estimates(database: Database, ask: Ask, end: End) -> None:
    await end(await ask(hold=900), 600, estimated=True)
    assert await total(database) == Tally(edits=1, pictures=1, spent=600, guessed=600)


async def test_an_edit_that_was_sent_in_vain_is_counted_as_failed_and_costs_nothing(
    database: Database, ask: Ask, end: End
) -> None:
    await end(await ask(hold=900), None)
    assert await total(database) == Tally(failed=1)


async def test_an_edit_that_was_never_sent_is_not_counted(database: Database, ask: Ask, put: Put) -> None:
    job = await ask(hold=900)
    await put(job, Status.CANCELLED)
    assert await database.run(ledger.release, job, START)
    assert await total(database) == Tally()


async def test_an_edit_that_runs_is_not_counted_yet(database: Database, ask: Ask) -> None:
    await ask(hold=900)
    assert await total(database) == Tally()


async def test_a_late_cost_is_the_servers_and_in_its_channel_but_under_no_role_and_no_option(
    database: Database, ask: Ask, end: End
) -> None:
    job = await end(await ask(hold=900), None)
    await database.run(ledger.adjust, job, 300, START + DAY)
    await database.run(ledger.adjust, job, 50, START + DAY, estimated=True)
    late = Tally(spent=350, late=350, guessed=50)
    assert await total(database, TODAY + 1, TODAY + 1) == late
    server = await database.read(accounts.find, Scope.SERVER, GUILD)
    assert await by(database, Dimension.MEMBER) == {str(server): late, str(job.account_id): Tally(failed=1)}
    assert (await by(database, Dimension.CHANNEL))["100"] == Tally(failed=1, spent=350, late=350, guessed=50)
    assert (await by(database, Dimension.ROLE))["0"] == Tally(failed=1, spent=350, late=350, guessed=50)
    assert {tally.spent for tally in (await by(database, Dimension.OPTION)).values()} == {0}


async def test_an_edit_is_counted_under_the_role_that_admitted_it(database: Database, ask: Ask, end: End) -> None:
    painters = Allowance(Scope.ROLE, Measure.EDITS, 1, Window.daily(), subject_id=PAINTERS)
    await database.run(allowances.put, GUILD, painters)
    await end(await ask(hold=900, role_ids={PAINTERS}), 500)
    await end(await ask(user_id=2, hold=900), 200)
    assert {key: tally.spent for key, tally in (await by(database, Dimension.ROLE)).items()} == {
        str(PAINTERS): 500,
        "0": 200,
    }


async def test_an_edit_is_counted_on_the_local_day_on_which_it_was_asked_for(
    database: Database, ask: Ask, end: End
) -> None:
    await database.run(servers.put, Server(GUILD, "Asia/Kathmandu"))
    kathmandu = ZoneInfo("Asia/Kathmandu")
    midnight = int(datetime(2030, 5, 16, tzinfo=kathmandu).timestamp() * 1000)
    for asked_at, cost in ((midnight - 1, 100), (midnight, 30)):
        await end(await ask(hold=900, at=asked_at), cost)
    day = datetime(2030, 5, 16, tzinfo=UTC).toordinal()
    found = await database.read(usage.days, GUILD, *EVERY_DAY)
    assert [(at, tally.spent) for at, tally in found] == [(day - 1, 100), (day, 30)]
    assert (await total(database, day, day)).spent == 30
    assert (await total(database, day - 1, day)).spent == 130
    assert (await total(database, day + 1, day + 1)) == Tally()


async def test_a_zone_that_is_set_later_moves_no_edit_to_another_day(database: Database, ask: Ask, end: End) -> None:
    job = await ask(hold=900, at=TODAY_LATE)
    await database.run(servers.put, Server(GUILD, "Asia/Tokyo"))
    await end(job, 100)
    assert (await total(database, TODAY, TODAY)).spent == 100


async def test_what_cost_most_comes_first_and_no_more_than_was_asked_for(
    database: Database, ask: Ask, end: End
) -> None:
    for channel_id, costs in ((101, [30, 40]), (102, [200]), (103, [10])):
        for cost in costs:
            await end(await ask(hold=900, place=Place(channel_id, 200)), cost)
    found = await database.read(usage.by, GUILD, Dimension.CHANNEL, *EVERY_DAY, 2)
    assert [(key, tally.spent) for key, tally in found] == [("102", 200), ("101", 70)]


def test_the_options_of_an_edit_are_named_as_people_read_them() -> None:
    cat = Reference("a" * 64, 512, 512, "cat.png")
    plain = EditRequest("a hat", (cat,), 1024, 768, 7)
    assert usage.options(plain) == ["1 reference", "1 result", "1024 × 768", "30 steps"]
    rich = EditRequest("a hat", (cat, cat), 512, 512, 7, results=4, steps=20, scheduler="Euler")
    assert usage.options(rich) == ["2 references", "20 steps", "4 results", "512 × 512", "Euler"]


async def test_the_sums_of_every_dimension_equal_the_ledger(database: Database, ask: Ask, end: End) -> None:
    async def spent(tx: Tx) -> int:
        row = await tx.fetch_one(
            "SELECT CAST(sum(spent) AS BIGINT) AS spent FROM ledger WHERE job_id IS NOT NULL AND guild_id = ?1", GUILD
        )
        assert row is not None
        return row["spent"]

    await database.run(allowances.put, GUILD, Allowance(Scope.ROLE, Measure.EDITS, 3, Window.daily(), None, PAINTERS))
    ended: list[Job] = []
    for number in range(12):
        job = await ask(
            1 + number % 3,
            role_ids={PAINTERS} if number % 2 else (),
            place=Place(100 + number % 4, 200),
            results=1 + number % 2,
            hold=500,
            at=START + number * 5 * HOUR,
        )
        ended.append(await end(job, [None, 450, 700][number % 3], estimated=number % 6 == 1))
    await database.run(ledger.adjust, ended[0], 90, START + DAY)
    await end(await ask(guild_id=11), 1_000)
    whole = await total(database)
    assert whole.spent == await database.read(spent) > 0
    for dimension in (Dimension.MEMBER, Dimension.ROLE, Dimension.CHANNEL, Dimension.ALL):
        assert _sum(await by(database, dimension)) == whole
    assert sum(tally.spent for _, tally in await database.read(usage.days, GUILD, *EVERY_DAY)) == whole.spent
    sizes = [tally for key, tally in (await by(database, Dimension.OPTION)).items() if " × " in key]
    assert sum(tally.spent for tally in sizes) == whole.spent - whole.late


def _sum(tallies: dict[str, Tally]) -> Tally:
    return Tally(
        **{field.name: sum(getattr(tally, field.name) for tally in tallies.values()) for field in fields(Tally)}
    )
