"""Stops: what a pause covers waits and is shown to wait, the rest goes on, and nothing is sent once it is committed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from storage import jobs, pauses
from storage.database import Database, Tx
from storage.postgres import _Tx
from storage.records import Job, Pause, Place, Status

Ask = Callable[..., Awaitable[Job]]
Put = Callable[[Job, Status], Awaitable[None]]

NOW = 1_900_022_500_000
GUILD, CHANNEL = 10, 100
TOTAL, OF_SERVER, OF_CHANNEL = (
    Pause(0, 0, "Runware is down.", NOW, operators=True),
    Pause(GUILD, 0, "The month is over.", NOW),
    Pause(GUILD, CHANNEL, "Slow down.", NOW),
)
PAUSES = [TOTAL, OF_SERVER, OF_CHANNEL]
#: How many transactions of PostgreSQL wait for another.
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


async def claim(database: Database, limit: int = 100) -> Job | None:
    return await database.run(
        jobs.claim_next, in_flight_limit=limit, now=NOW, poll_at=NOW + 40_000, card_interval=5_000
    )


async def resume(database: Database, pause: Pause, now: int = NOW) -> Pause | None:
    return await database.run(pauses.remove, pause.guild_id, pause.channel_id, now, operators=pause.operators)


async def served(database: Database) -> list[int]:
    """The jobs that the queue serves now, in order."""
    order: list[int] = []
    while (job := await claim(database)) is not None:
        order.append(job.id)
    return order


@pytest.mark.parametrize("pause", PAUSES)
async def test_a_paused_job_is_not_claimed_until_the_pause_ends(database: Database, ask: Ask, pause: Pause) -> None:
    job = await ask()
    await database.run(pauses.add, pause)
    assert await claim(database) is None
    assert (await database.read(jobs.known, job.id)).status is Status.QUEUED
    assert await resume(database, pause) == pause
    claimed = await claim(database)
    assert claimed is not None
    assert (claimed.id, claimed.status) == (job.id, Status.SUBMITTING)


async def test_whoever_is_behind_a_paused_job_in_the_queue_goes_first(database: Database, ask: Ask) -> None:
    paused = [await ask(1, place=Place(CHANNEL, 200)) for _ in range(2)]
    elsewhere, abroad = await ask(2, place=Place(101, 200)), await ask(3, guild_id=11)
    await database.run(pauses.add, OF_CHANNEL)
    assert await served(database) == [elsewhere.id, abroad.id]
    await resume(database, OF_CHANNEL)
    assert await served(database) == [job.id for job in paused]


async def test_a_pause_of_a_server_covers_its_channels_and_no_other_server(database: Database, ask: Ask) -> None:
    for channel_id in (CHANNEL, 101):
        await ask(place=Place(channel_id, 200))
    abroad = await ask(guild_id=11)
    await database.run(pauses.add, OF_SERVER)
    assert await served(database) == [abroad.id]


async def test_a_channel_waits_until_the_last_pause_that_covers_it_ends(database: Database, ask: Ask) -> None:
    job = await ask()
    for pause in PAUSES:
        await database.run(pauses.add, pause)
    for pause in PAUSES:
        assert await claim(database) is None
        await resume(database, pause)
    assert await served(database) == [job.id]


async def test_what_was_sent_already_goes_on(database: Database, ask: Ask) -> None:
    job = await ask()
    await claim(database)
    await database.run(pauses.add, TOTAL)
    assert await database.run(jobs.move, job.id, Status.SUBMITTED, NOW)


async def test_a_paused_job_can_be_cancelled(database: Database, ask: Ask) -> None:
    job = await ask()
    await database.run(pauses.add, OF_SERVER)
    assert await database.run(jobs.move, job.id, Status.CANCELLED, NOW)


# What is known of a pause --------------------------------------------------------------------------------------------


async def test_the_widest_pause_that_covers_a_channel_is_the_one_that_is_told(database: Database) -> None:
    assert await database.read(pauses.covering, GUILD, CHANNEL) is None
    for pause in reversed(PAUSES):
        await database.run(pauses.add, pause)
        assert await database.read(pauses.covering, GUILD, CHANNEL) == pause
    assert await database.read(pauses.covering, 11, CHANNEL) == TOTAL
    assert await database.read(pauses.in_server, GUILD) == PAUSES
    assert await database.read(pauses.in_server, 11) == [TOTAL]
    abroad = Pause(11, 7, "Somewhere else.", NOW)
    await database.run(pauses.add, abroad)
    assert await database.read(pauses.all_of_them) == [*PAUSES, abroad]


async def test_a_pause_of_one_channel_covers_no_other(database: Database) -> None:
    await database.run(pauses.add, OF_CHANNEL)
    assert await database.read(pauses.covering, GUILD, 101) is None
    assert await database.read(pauses.covering, 11, CHANNEL) is None


async def test_a_pause_that_is_ordered_again_has_the_new_reason_and_the_old_time(database: Database) -> None:
    await database.run(pauses.add, OF_SERVER)
    await database.run(pauses.add, Pause(GUILD, 0, "Still over.", NOW + 5))
    assert await database.read(pauses.covering, GUILD, 0) == Pause(GUILD, 0, "Still over.", NOW)


async def test_a_manager_cannot_end_what_the_operator_ordered_in_the_same_place(database: Database, ask: Ask) -> None:
    operators = Pause(GUILD, 0, "Not paid for.", NOW, operators=True)
    job = await ask()
    assert await resume(database, operators) is None
    for pause in (OF_SERVER, operators):
        await database.run(pauses.add, pause)
    assert await database.read(pauses.in_server, GUILD) == [operators, OF_SERVER]
    assert await resume(database, OF_SERVER) == OF_SERVER
    assert await resume(database, OF_SERVER) is None
    assert (await database.read(pauses.covering, GUILD, CHANNEL), await claim(database)) == (operators, None)
    assert await resume(database, operators) == operators
    assert await served(database) == [job.id]


async def test_a_pause_ends_once(database: Database) -> None:
    await database.run(pauses.add, OF_SERVER)
    assert await database.run(pauses.remove, GUILD, CHANNEL, NOW) is None
    assert await database.run(pauses.remove, GUILD, 0, NOW) == OF_SERVER
    assert await database.run(pauses.remove, GUILD, 0, NOW) is None


async def test_a_pause_and_its_end_are_shown_on_the_cards_of_those_who_wait_and_no_others(
    database: Database, ask: Ask, put: Put
) -> None:
    async def cards(tx: Tx) -> list[tuple[int, int | None]]:
        rows = await tx.fetch_all("SELECT version, notice_at FROM jobs ORDER BY id")
        return [(row["version"], row["notice_at"]) for row in rows]

    await ask()
    sent, elsewhere = await ask(2), await ask(3, place=Place(101, 200))
    await put(sent, Status.SUBMITTED)
    first, *others = await database.read(cards)
    await database.run(pauses.add, OF_CHANNEL)
    assert await database.read(cards) == [(first[0] + 1, NOW), *others]
    await resume(database, OF_CHANNEL, NOW + 9)
    assert await database.read(cards) == [(first[0] + 2, NOW + 9), *others]
    await database.run(pauses.add, TOTAL)
    assert [version for version, _ in await database.read(cards)] == [first[0] + 3, others[0][0], others[1][0] + 1]
    assert elsewhere.version == others[1][0]


async def test_queued_jobs_are_overdue_once_a_pause_that_covers_them_is_old_enough(
    database: Database, ask: Ask, put: Put
) -> None:
    waiting, approved, elsewhere = await ask(1), await ask(2), await ask(3, place=Place(101, 200))
    await put(approved, Status.WAITING)
    assert await database.read(pauses.overdue, NOW) == []
    await database.run(pauses.add, OF_CHANNEL)
    assert await database.read(pauses.overdue, NOW - 1) == []
    assert [job.id for job in await database.read(pauses.overdue, NOW)] == [waiting.id]
    await database.run(pauses.add, TOTAL)
    assert [job.id for job in await database.read(pauses.overdue, NOW)] == [waiting.id, elsewhere.id]
    for pause in (TOTAL, OF_CHANNEL):
        await resume(database, pause)
    assert await database.read(pauses.overdue, NOW) == []


# At the same moment --------------------------------------------------------------------------------------------------


async def test_of_claims_and_a_pause_at_once_nothing_is_claimed_after_the_pause(database: Database, ask: Ask) -> None:
    for user_id in range(1, 31):
        await ask(user_id)

    async def pause() -> set[int]:
        """Pause, and return what was sent by the time the pause was committed."""
        await database.run(pauses.add, OF_SERVER)
        return await database.read(in_flight)

    answers = await asyncio.gather(
        *(claim(database) for _ in range(10)), pause(), *(claim(database) for _ in range(10))
    )
    (sent,) = [answer for answer in answers if isinstance(answer, set)]
    assert {answer.id for answer in answers if isinstance(answer, Job)} <= sent
    assert await database.read(in_flight) == sent
    assert await claim(database) is None


async def in_flight(tx: Tx) -> set[int]:
    return {row["id"] for row in await tx.fetch_all("SELECT id FROM jobs WHERE status = 'submitting'")}


@pytest.mark.parametrize("migrated_url", ["postgres"], indirect=True)
async def test_a_claim_that_chose_its_job_before_a_pause_was_committed_lets_it_wait(
    database: Database, migrated_url: str, ask: Ask
) -> None:
    job = await ask()
    connection = await asyncpg.connect(migrated_url)
    try:
        async with connection.transaction():
            await pauses.add(_Tx(connection), OF_SERVER)
            claiming = asyncio.create_task(claim(database))
            while not (claiming.done() or await connection.fetchval(WAITING)):
                await asyncio.sleep(0.01)
        assert await claiming is None
    finally:
        await connection.close()
    assert (await database.read(jobs.known, job.id)).status is Status.QUEUED
