"""A database from before sessions is carried over: each thread has its session, each result knows what it was made of."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from storage import jobs, lineage, results, sessions, stars
from storage.database import MIGRATIONS, Database, Tx, migrate, open_database
from storage.records import Access, Asker, EditRequest, Place, Reference, Session, SessionState
from storage.stars import Shelf
from tests.storage.old_requests import first_form

NOON = 1_900_022_400_000
ANA, BO = 1, 2
HALL, THREAD, REPLY = 100, 200, 300


def request(*sources: int | None, parent_id: int | None = None) -> EditRequest:
    """A request whose references are results, or pictures from elsewhere."""
    references = tuple(Reference("a" * 64, 512, 512, f"#{number}", number) for number in sources)
    return EditRequest('a "hat" \N{TOP HAT}', references, 1024, 768, 7, parent_id=parent_id)


#: The jobs of before, by their numbers: who asked, where, and of what.
ASKED: dict[int, tuple[int, tuple[int, int, int | None], EditRequest]] = {
    1: (BO, (10, REPLY, None), request(None)),
    2: (ANA, (10, 301, REPLY), request(1, parent_id=1)),
    3: (ANA, (10, 302, THREAD), request(2, 1, None, parent_id=2)),
    4: (BO, (10, 303, THREAD), request(None, 3)),
    5: (BO, (11, 304, THREAD), request(1, 1)),
}


@pytest.fixture
async def old(database_url: str, tmp_path: Path) -> AsyncGenerator[Database]:
    """A database as the program without sessions left it: five edits, each with one picture."""
    folder = tmp_path / "second"
    folder.mkdir()
    for number in ("0001", "0002"):
        for file in MIGRATIONS.glob(f"{number}_*.sql"):
            shutil.copy(file, folder)
    async with open_database(database_url) as database:
        await migrate(database, folder)
        await database.run(_fill)
        yield database


async def _fill(tx: Tx) -> None:
    for user_id in (ANA, BO):
        await _insert(tx, "accounts", scope="member", guild_id=10, holder_id=user_id, created_at=NOON)
    for number, (account_id, (guild_id, reply_id, thread_id), asked) in ASKED.items():
        await _insert(
            tx,
            "jobs",
            task_uuid=str(uuid.uuid4()),
            account_id=account_id,
            guild_id=guild_id,
            channel_id=HALL,
            reply_id=reply_id,
            thread_id=thread_id,
            public=int(thread_id != THREAD),
            request=first_form(asked),
            wanted=1,
            status="succeeded",
            turn=0,
            version=1,
            hold=1000,
            created_at=NOON + number,
            first_post_at=NOON + number,
            ended_at=NOON + number,
        )
        await _insert(
            tx,
            "results",
            job_id=number,
            image_uuid="one",
            position=0,
            seed=7,
            cost=100,
            nsfw=0,
            url="https://im.runware.ai/one.jpg",
            sha256="b" * 64,
            media_type="image/jpeg",
            width=1024,
            height=768,
            recorded_at=NOON,
        )


async def _insert(tx: Tx, table: str, **values: Any) -> None:
    known = {column: value for column, value in values.items() if value is not None}
    numbers = ", ".join(f"?{number}" for number in range(1, len(known) + 1))
    await tx.execute(f"INSERT INTO {table} ({', '.join(known)}) VALUES ({numbers})", *known.values())


async def session_of(database: Database, guild_id: int, thread_id: int) -> Session:
    found = await database.read(sessions.of_thread, guild_id, thread_id)
    assert found is not None
    return found


async def test_every_thread_with_edits_has_a_session_that_is_open_and_of_whoever_asked_first(old: Database) -> None:
    await migrate(old)
    hall = await session_of(old, 10, REPLY)
    assert hall == Session(
        id=hall.id,
        guild_id=10,
        channel_id=HALL,
        thread_id=REPLY,
        public=True,
        owner_id=BO,
        access=Access.OPEN,
        role_id=None,
        state=SessionState.OPEN,
        created_at=NOON + 1,
        closed_at=None,
    )
    thread = await session_of(old, 10, THREAD)
    assert (thread.owner_id, thread.public, thread.created_at) == (ANA, False, NOON + 3)
    assert (await session_of(old, 11, THREAD)).owner_id == BO
    assert await old.read(sessions.of_thread, 10, 301) is None, "a reply in a thread is no thread"


async def test_every_job_is_of_the_session_of_its_thread_and_none_was_chosen_in_a_round(old: Database) -> None:
    await migrate(old)
    hall, thread, abroad = [await session_of(old, *where) for where in ((10, REPLY), (10, THREAD), (11, THREAD))]
    known = [await old.read(jobs.known, number) for number in ASKED]
    assert [job.session_id for job in known] == [hall.id, hall.id, thread.id, thread.id, abroad.id]
    assert not any(job.pooled for job in known)
    assert [job.request for job in known] == [asked for _, _, asked in ASKED.values()]


async def test_the_lineage_of_old_results_is_what_their_requests_say(old: Database) -> None:
    async def bound(tx: Tx) -> list[tuple[int, int, int]]:
        rows = await tx.fetch_all("SELECT job_id, place, result_id FROM lineage ORDER BY job_id, place")
        return [(row["job_id"], row["place"], row["result_id"]) for row in rows]

    await migrate(old)
    assert await old.read(bound) == [(2, 0, 1), (3, 0, 2), (3, 2, 1), (4, 2, 3), (5, 1, 1), (5, 2, 1)]
    assert await old.read(lineage.ancestors, 3) == [3, 2, 1]
    assert [child.result.id for child in await old.read(lineage.children, 1, 10)] == [2, 3, 5]


async def test_what_the_migration_binds_is_what_the_program_binds(old: Database) -> None:
    async def rebound(tx: Tx) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        before = await rows(tx)
        await tx.execute("DELETE FROM lineage")
        for number, (_, _, asked) in ASKED.items():
            await lineage.bind(tx, number, asked)
        return before, await rows(tx)

    async def rows(tx: Tx) -> list[tuple[Any, ...]]:
        found = await tx.fetch_all("SELECT job_id, place, result_id FROM lineage ORDER BY job_id, place")
        return [(row["job_id"], row["place"], row["result_id"]) for row in found]

    await migrate(old)
    before, after = await old.run(rebound)
    assert before == after


async def test_edits_and_stars_that_follow_go_on_in_the_old_sessions(old: Database) -> None:
    await migrate(old)
    hall = await session_of(old, 10, REPLY)
    assert await old.run(sessions.ensure, Asker(10, 3), Place(HALL, 305, REPLY), NOON) == hall
    new = await old.run(sessions.ensure, Asker(10, 3), Place(HALL, 306), NOON)
    assert new.id > max([hall.id, (await session_of(old, 11, THREAD)).id])
    assert await old.run(stars.give, 2, ANA, 740_000, NOON)
    assert [entry.result_id for entry in await old.read(stars.page, Shelf.SESSION, hall.id, stars.START, 10)] == [2]
    assert [step.result.id for step in await old.read(lineage.of_session, hall.id)] == [1, 2]


async def test_results_from_before_have_no_stars(old: Database) -> None:
    await migrate(old)
    assert [result.stars for number in ASKED for result in await old.read(results.of_job, number)] == [0] * len(ASKED)


async def test_a_database_without_edits_has_no_sessions(database_url: str) -> None:
    async def count(tx: Tx) -> int:
        return len(await tx.fetch_all("SELECT id FROM sessions"))

    async with open_database(database_url) as database:
        await migrate(database)
        assert await database.read(count) == 0
