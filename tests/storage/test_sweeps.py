"""Sweeps: a question until its asker says yes, then a job for each cell; and when their card is due."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import asyncpg
import pytest

from storage import accounts, jobs, sweeps
from storage.database import Database, Tx, migrate, open_database
from storage.records import EditRequest, Job, Lora, Place, Reference, Scope
from storage.sweeps import Axis, Cell, Sweep, SweepState

Ask = Callable[..., Awaitable[Job]]

NOW = 1_900_022_400_000
REQUEST = EditRequest(
    "a hat “ça va”", (Reference("a" * 64, 512, 512, "cat.png"),), 1024, 768, 7, loras=(Lora("a:1@2"),)
)
AXES = (Axis("seed", (0, 2**63 - 1)), Axis("loras", (0.5, 1), "a:1@2"))
PLACE = Place(100, 200, thread_id=7, public=False)


async def add(
    database: Database, *, place: Place = PLACE, made_at: int = NOW, refusals: Sequence[str | None] = (None,) * 4
) -> int:
    async def unit(tx: Tx) -> int:
        return await sweeps.add(
            tx,
            guild_id=10,
            account_id=await accounts.ensure(tx, Scope.MEMBER, NOW, 10, 1),
            place=place,
            request=REQUEST,
            axes=AXES,
            refusals=refusals,
            price=44_200,
            now=made_at,
        )

    return await database.run(unit)


async def known(database: Database, sweep_id: int) -> Sweep:
    found = await database.read(sweeps.get, sweep_id)
    assert found is not None
    return found


async def due(database: Database, now: int) -> list[int]:
    return [sweep.id for sweep in await database.read(sweeps.due, now)]


async def begun(database: Database, at: int = NOW) -> int:
    sweep_id = await add(database)
    assert await database.run(sweeps.begin, sweep_id, at)
    return sweep_id


@pytest.mark.parametrize("place", [PLACE, Place(100, 200)])
async def test_a_sweep_is_kept_as_it_was_asked_for(database: Database, place: Place) -> None:
    sweep_id = await add(database, place=place, refusals=(None, "`cfg` is …", None, None))
    found = await known(database, sweep_id)
    assert found == Sweep(
        id=sweep_id,
        guild_id=10,
        account_id=found.account_id,
        user_id=1,
        place=place,
        request=REQUEST,
        axes=AXES,
        price=44_200,
        made_at=NOW,
        state=SweepState.ASKED,
        version=0,
        notice_tries=0,
        shown_at=None,
        told_at=None,
    )
    assert await database.read(sweeps.cells, sweep_id) == [
        Cell(0, None, None),
        Cell(1, None, "`cfg` is …"),
        Cell(2, None, None),
        Cell(3, None, None),
    ]


async def test_a_sweep_that_was_never_asked_for_is_not_found(database: Database) -> None:
    assert await database.read(sweeps.get, 1) is None
    assert not await database.run(sweeps.begin, 1, NOW)
    assert not await database.run(sweeps.forget, 1)


async def test_of_many_who_say_yes_at_once_one_wins_and_no_no_comes_after(database: Database) -> None:
    sweep_id = await add(database)
    won = await asyncio.gather(*(database.run(sweeps.begin, sweep_id, NOW) for _ in range(10)))
    assert won.count(True) == 1
    assert not await database.run(sweeps.forget, sweep_id)
    assert (await known(database, sweep_id)).state is SweepState.RUNNING
    assert len(await database.read(sweeps.cells, sweep_id)) == 4


async def test_a_question_that_is_taken_away_leaves_nothing(database: Database) -> None:
    sweep_id, other_id = await add(database), await add(database)
    assert await database.run(sweeps.forget, sweep_id)
    assert await database.read(sweeps.get, sweep_id) is None
    assert await database.read(sweeps.cells, sweep_id) == []
    assert len(await database.read(sweeps.cells, other_id)) == 4
    assert not await database.run(sweeps.begin, sweep_id, NOW)


async def test_a_no_that_meets_a_yes_takes_no_cell_away(postgres_url: str) -> None:
    async with open_database(postgres_url) as database:
        await migrate(database)
        sweep_id = await add(database)
        yes = await asyncpg.connect(postgres_url)
        try:
            async with yes.transaction():
                await yes.execute("UPDATE sweeps SET state = 'running' WHERE id = $1", sweep_id)
                await yes.execute("UPDATE sweep_cells SET refusal = 'too dear' WHERE sweep_id = $1", sweep_id)
                no = asyncio.create_task(database.run(sweeps.forget, sweep_id))
                while not await yes.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                    pass
        finally:
            await yes.close()
        assert not await no
        assert (await known(database, sweep_id)).state is SweepState.RUNNING
        assert len(await database.read(sweeps.cells, sweep_id)) == 4


async def test_a_price_is_changed_only_while_it_is_a_question(database: Database) -> None:
    sweep_id = await add(database)
    await database.run(sweeps.reprice, sweep_id, 50_000)
    await database.run(sweeps.begin, sweep_id, NOW)
    await database.run(sweeps.reprice, sweep_id, 60_000)
    assert (await known(database, sweep_id)).price == 50_000


async def test_cells_get_a_job_or_a_reason_and_never_both(database: Database, ask: Ask) -> None:
    sweep_id, job = await begun(database), await ask()
    await database.run(sweeps.bind, sweep_id, 2, job.id)
    await database.run(sweeps.refuse, sweep_id, 3, "too dear")
    cells = await database.read(sweeps.cells, sweep_id)
    assert cells == [Cell(0, None, None), Cell(1, None, None), Cell(2, job.id, None), Cell(3, None, "too dear")]
    assert await database.read(sweeps.place_of, sweep_id, job.id) == 2
    with pytest.raises(Exception, match=r"(?i)check"):
        await database.run(sweeps.refuse, sweep_id, 2, "both")


async def test_old_questions_are_found_and_what_began_is_none(database: Database) -> None:
    old, running, young = [await add(database, made_at=at) for at in (NOW - 5, NOW - 9, NOW + 1)]
    await database.run(sweeps.begin, running, NOW)
    assert await database.read(sweeps.asked_by, NOW) == [old]
    assert await database.read(sweeps.asked_by, NOW + 1) == [old, young]


async def test_a_question_is_never_due_and_a_sweep_is_at_once(database: Database) -> None:
    sweep_id = await add(database)
    await database.run(sweeps.touch, sweep_id, NOW, 0)
    await database.run(sweeps.hurry, sweep_id, NOW)
    assert await due(database, NOW + 10**9) == []
    await database.run(sweeps.begin, sweep_id, NOW)
    assert await due(database, NOW - 1) == []
    assert await due(database, NOW) == [sweep_id]
    assert await database.read(sweeps.unshown_ids) == [sweep_id]
    assert await database.read(sweeps.next_due, NOW - 1) == NOW


async def test_changes_that_come_close_together_are_drawn_once(database: Database) -> None:
    sweep_id = await begun(database)
    seen = await known(database, sweep_id)
    await database.run(sweeps.shown, sweep_id, seen.version, NOW, 3_000)
    assert await due(database, NOW + 10**6) == []
    for moment in (500, 1_000, 2_000):
        await database.run(sweeps.touch, sweep_id, NOW + moment, 3_000)
    assert await due(database, NOW + 2_999) == []
    assert await due(database, NOW + 3_000) == [sweep_id]
    assert (await known(database, sweep_id)).version == seen.version + 3


async def test_a_picture_that_has_to_go_waits_for_nothing(database: Database) -> None:
    sweep_id = await begun(database)
    seen = await known(database, sweep_id)
    await database.run(sweeps.shown, sweep_id, seen.version, NOW, 3_000)
    await database.run(sweeps.hurry, sweep_id, NOW + 5)
    assert await due(database, NOW + 5) == [sweep_id]


async def test_what_changed_while_a_card_was_drawn_is_drawn_after_it(database: Database) -> None:
    sweep_id = await begun(database)
    seen = await known(database, sweep_id)
    await database.run(sweeps.touch, sweep_id, NOW, 3_000)
    await database.run(sweeps.shown, sweep_id, seen.version, NOW + 100, 3_000)
    assert await due(database, NOW + 3_099) == []
    assert await due(database, NOW + 3_100) == [sweep_id]


async def test_a_card_that_cannot_be_drawn_keeps_its_pause_and_counts_its_tries(database: Database) -> None:
    sweep_id = await begun(database)
    assert [await database.run(sweeps.later, sweep_id, NOW + 50 * number) for number in (1, 2)] == [1, 2]
    await database.run(sweeps.touch, sweep_id, NOW, 0)
    assert (await due(database, NOW + 99), await due(database, NOW + 100)) == ([], [sweep_id])
    found = await known(database, sweep_id)
    assert found.notice_tries == 2
    await database.run(sweeps.give_up, sweep_id, found.version - 1)
    assert await due(database, NOW + 100) == [sweep_id], "something changed since"
    await database.run(sweeps.give_up, sweep_id, found.version)
    assert await due(database, NOW + 10**9) == []
    await database.run(sweeps.touch, sweep_id, NOW + 500, 0)
    assert (await known(database, sweep_id)).notice_tries == 0


async def test_a_card_that_only_waits_counts_no_try(database: Database) -> None:
    sweep_id = await begun(database)
    assert await database.run(sweeps.later, sweep_id, NOW + 50) == 1
    assert await database.run(sweeps.later, sweep_id, NOW + 100, failed=False) == 1
    assert (await due(database, NOW + 99), await due(database, NOW + 100)) == ([], [sweep_id])


async def test_a_sweep_is_done_once_and_told_after_that(database: Database) -> None:
    sweep_id = await begun(database)
    await database.run(sweeps.told, sweep_id, NOW)
    assert (await known(database, sweep_id)).told_at is None
    await database.run(sweeps.done, sweep_id)
    await database.run(sweeps.told, sweep_id, NOW)
    found = await known(database, sweep_id)
    assert (found.state, found.told_at) == (SweepState.DONE, NOW)


async def test_the_thread_of_a_sweep_is_that_of_all_its_cells(database: Database, ask: Ask) -> None:
    sweep_id, first, second, other = await begun(database), await ask(), await ask(), await ask()
    for place, job in enumerate((first, second)):
        await database.run(sweeps.bind, sweep_id, place, job.id)
    await database.run(sweeps.placed, sweep_id, 200)
    found = [await database.read(jobs.known, job.id) for job in (first, second, other)]
    assert [job.place.thread_id for job in found] == [200, 200, None]


async def test_a_sweep_outlives_what_is_known_of_its_asker(database: Database) -> None:
    async def forget(tx: Tx) -> None:
        await tx.execute("DELETE FROM accounts WHERE scope = 'member'")

    sweep_id = await begun(database)
    before = await known(database, sweep_id)
    await database.run(forget)
    assert await known(database, sweep_id) == replace(before, user_id=None)
