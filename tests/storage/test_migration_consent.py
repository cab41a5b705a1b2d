"""A database from before consent is carried over: whose the files were that edits were made of, near and far."""

from __future__ import annotations

import shutil
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from storage.database import MIGRATIONS, Database, Tx, migrate, open_database
from storage.records import EditRequest, Reference
from tests.storage.old_requests import first_form

NOON = 1_900_022_400_000
ANA, BO, CY = 1, 2, 3
HALL, THREAD = 100, 200
CAT, DOG = "c" * 64, "d" * 64


def request(*sources: str | int, label: str = "cat.png") -> str:
    """A request of files, by their hashes, and of results, by their numbers."""
    references = tuple(
        Reference(one, 512, 512, label) if isinstance(one, str) else Reference("b" * 64, 512, 512, f"#{one}", one)
        for one in sources
    )
    return first_form(EditRequest("a hat", references, 1024, 768, 7))


@pytest.fixture
async def old(database_url: str, tmp_path: Path) -> AsyncGenerator[Database]:
    """A database as the program without consent left it, with three members and a session."""
    folder = tmp_path / "before"
    folder.mkdir()
    for number in range(1, 11):
        for file in MIGRATIONS.glob(f"{number:04}_*.sql"):
            shutil.copy(file, folder)
    async with open_database(database_url) as database:
        await migrate(database, folder)
        await database.run(_begin)
        yield database


async def _begin(tx: Tx) -> None:
    for user_id in (ANA, BO, CY):
        await _insert(tx, "accounts", scope="member", guild_id=10, holder_id=user_id, created_at=NOON)
    await _insert(
        tx, "sessions", guild_id=10, channel_id=HALL, thread_id=THREAD, public=1, owner_id=ANA, access="open",
        state="open", created_at=NOON,
    )  # fmt: skip


async def add(tx: Tx, number: int, account_id: int, asked: str, *sources: int, thread_id: int | None = THREAD) -> None:
    """Add the next job, with a result of the same number, made of these results."""
    await _insert(
        tx, "jobs", task_uuid=f"task-{number}", account_id=account_id, guild_id=10, channel_id=HALL,
        reply_id=1000 + number, thread_id=thread_id, public=1, request=asked, wanted=1, status="succeeded", turn=0,
        version=1, hold=1000, created_at=NOON + number, first_post_at=NOON, ended_at=NOON, session_id=1,
    )  # fmt: skip
    await _insert(
        tx, "results", job_id=number, image_uuid="one", position=0, seed=7, cost=100, nsfw=0,
        url="https://im.runware.ai/one.jpg", recorded_at=NOON,
    )  # fmt: skip
    for place, result_id in enumerate(sources):
        await _insert(tx, "lineage", job_id=number, place=place, result_id=result_id)


async def _insert(tx: Tx, table: str, **values: Any) -> None:
    known = {column: value for column, value in values.items() if value is not None}
    numbers = ", ".join(f"?{number}" for number in range(1, len(known) + 1))
    await tx.execute(f"INSERT INTO {table} ({', '.join(known)}) VALUES ({numbers})", *known.values())


async def files(tx: Tx) -> list[tuple[Any, ...]]:
    rows = await tx.fetch_all("SELECT * FROM file_authors ORDER BY sha256, account_id, thread_id")
    columns = ("guild_id", "sha256", "account_id", "channel_id", "thread_id", "posted_at", "result_id")
    return [tuple(row[column] for column in columns) for row in rows]


async def authors(tx: Tx) -> list[tuple[int, int, int, int]]:
    rows = await tx.fetch_all("SELECT * FROM job_authors ORDER BY job_id, account_id, thread_id")
    return [(row["job_id"], row["account_id"], row["channel_id"], row["thread_id"]) for row in rows]


async def test_a_file_is_of_who_asked_with_it_in_the_thread_where_they_first_did(old: Database) -> None:
    async def asked(tx: Tx) -> None:
        await add(tx, 1, ANA, request(CAT, DOG))
        await add(tx, 2, ANA, request(CAT))
        await add(tx, 3, BO, request(CAT, CAT))
        await add(tx, 4, ANA, request(CAT), thread_id=None)
        await add(tx, 5, CY, request(1), 1)

    await old.run(asked)
    await migrate(old)
    assert await old.read(files) == [
        (10, CAT, ANA, HALL, THREAD, NOON + 1, None),
        (10, CAT, ANA, HALL, 1004, NOON + 4, None),
        (10, CAT, BO, HALL, THREAD, NOON + 3, None),
        (10, DOG, ANA, HALL, THREAD, NOON + 1, None),
    ]


async def test_a_job_is_of_the_authors_of_all_files_that_it_comes_from_whoever_asked_in_between(old: Database) -> None:
    async def asked(tx: Tx) -> None:
        await add(tx, 1, ANA, request(CAT), thread_id=None)
        await add(tx, 2, BO, request(1), 1)
        await add(tx, 3, CY, request(2, DOG), 2)
        await add(tx, 4, BO, request(3, 1), 3, 1)

    await old.run(asked)
    await migrate(old)
    ana, cy = (ANA, HALL, 1001), (CY, HALL, THREAD)
    assert await old.read(authors) == [(1, *ana), (2, *ana), (3, *ana), (3, *cy), (4, *ana), (4, *cy)]


async def test_jobs_that_no_file_is_behind_have_no_authors(old: Database) -> None:
    async def asked(tx: Tx) -> None:
        await add(tx, 1, ANA, request())
        await add(tx, 2, BO, request(1), 1)

    await old.run(asked)
    await migrate(old)
    assert await old.read(authors) == []
    assert await old.read(files) == []


@pytest.mark.parametrize("label", ["caf\u00e9.png", "a\0b.png", "a\\u0000b.png", "a\\\0b.png", "\1\x1f.png", '"\\'])
async def test_whatever_a_file_is_called_its_author_is_carried_over(old: Database, label: str) -> None:
    await old.run(add, 1, ANA, request(CAT, label=label))
    await migrate(old)
    assert [row[1:3] for row in await old.read(files)] == [(CAT, ANA)]
    assert await old.read(authors) == [(1, ANA, HALL, THREAD)]


async def test_a_long_chain_of_edits_by_many_is_carried_over(old: Database) -> None:
    length = 600

    async def asked(tx: Tx) -> None:
        await add(tx, 1, ANA, request(CAT))
        for number in range(2, length + 1):
            await add(tx, number, (ANA, BO)[number % 2], request(number - 1, DOG), number - 1)

    await old.run(asked)
    await migrate(old)
    carried = await old.read(authors)
    assert [row[:2] for row in carried] == [(1, ANA)] + [
        (number, who) for number in range(2, length + 1) for who in (ANA, BO) if number > 2 or who == ANA
    ]
