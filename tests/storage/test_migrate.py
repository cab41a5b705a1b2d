"""Migrations: pairs of plain SQL, in order, each with its record, on both engines."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from storage.database import MIGRATIONS, Database, MigrationError, Tx, migrate, open_database

RECORDS = "SELECT name, applied_at FROM migrations ORDER BY name"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "migrations"
    path.mkdir()
    write(
        path, "0001_words", "-- Words; all of them.\nCREATE TABLE words (word TEXT);\nINSERT INTO words VALUES ('a;b');"
    )
    return path


def write(folder: Path, name: str, script: str, engines: tuple[str, ...] = ("sqlite", "postgres")) -> None:
    for engine in engines:
        (folder / f"{name}.{engine}.sql").write_text(script)


async def names(tx: Tx) -> list[str]:
    return [row["name"] for row in await tx.fetch_all(RECORDS)]


async def words(tx: Tx) -> list[str]:
    return [row["word"] for row in await tx.fetch_all("SELECT word FROM words ORDER BY word")]


async def test_migrations_are_applied_in_order_and_recorded(store: Database, folder: Path) -> None:
    write(folder, "0002_more", "INSERT INTO words VALUES ('more')")
    assert await migrate(store, folder) == ["0001_words", "0002_more"]
    assert await store.read(names) == ["0001_words", "0002_more"]
    assert await store.read(words) == ["a;b", "more"]


async def test_a_migration_is_applied_once(store: Database, folder: Path) -> None:
    await migrate(store, folder)
    assert await migrate(store, folder) == []
    write(folder, "0002_more", "INSERT INTO words VALUES ('more')")
    assert await migrate(store, folder) == ["0002_more"]
    assert await store.read(words) == ["a;b", "more"]


async def test_each_engine_takes_its_own_file(store: Database, folder: Path) -> None:
    write(folder, "0002_engine", "INSERT INTO words VALUES ('sqlite')", ("sqlite",))
    write(folder, "0002_engine", "INSERT INTO words VALUES ('postgres')", ("postgres",))
    await migrate(store, folder)
    assert store.engine in await store.read(words)
    assert len(await store.read(words)) == 2


async def test_a_migration_that_fails_leaves_nothing_and_those_before_it_stand(store: Database, folder: Path) -> None:
    write(
        folder, "0002_wrong", "INSERT INTO words VALUES ('lost'); CREATE TABLE late (id BIGINT); INSERT INTO nowhere;"
    )
    write(folder, "0003_after", "INSERT INTO words VALUES ('after')")
    with pytest.raises(MigrationError, match="0002_wrong failed, and nothing of it was kept"):
        await migrate(store, folder)
    assert await store.read(names) == ["0001_words"]
    assert await store.read(words) == ["a;b"]
    write(folder, "0002_wrong", "CREATE TABLE late (id BIGINT)")
    assert await migrate(store, folder) == ["0002_wrong", "0003_after"]


async def test_a_migration_cannot_commit_half_of_itself(store: Database, folder: Path) -> None:
    write(folder, "0002_hasty", "INSERT INTO words VALUES ('half'); COMMIT; INSERT INTO nowhere;")
    with pytest.raises(MigrationError, match="leave out COMMIT"):
        await migrate(store, folder)
    assert await store.read(words) == ["a;b"]


async def test_a_database_from_the_future_is_refused(store: Database, folder: Path) -> None:
    write(folder, "0002_more", "INSERT INTO words VALUES ('more')")
    await migrate(store, folder)
    for file in folder.glob("0002_*"):
        file.unlink()
    with pytest.raises(MigrationError, match=r"newer than this program: it has 0002_more, which"):
        await migrate(store, folder)


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
async def test_a_migration_without_its_pair_is_refused(store: Database, folder: Path, engine: str) -> None:
    write(folder, "0002_half", "INSERT INTO words VALUES ('half')", (engine,))
    with pytest.raises(MigrationError, match=f"0002_half is there for {engine} only"):
        await migrate(store, folder)


async def test_a_missing_or_repeated_number_is_refused(store: Database, folder: Path) -> None:
    write(folder, "0003_third", "SELECT 1")
    with pytest.raises(MigrationError, match="0003_third should be 0002"):
        await migrate(store, folder)
    write(folder, "0001_again", "SELECT 1")
    with pytest.raises(MigrationError, match="0001_words should be 0002"):
        await migrate(store, folder)


async def test_a_file_of_another_name_is_refused(store: Database, folder: Path) -> None:
    (folder / "0002_mysql.mysql.sql").write_text("SELECT 1")
    with pytest.raises(MigrationError, match=r"0002_mysql\.mysql\.sql is not named like 0001_name"):
        await migrate(store, folder)


async def test_units_that_migrate_at_once_apply_each_migration_once(store: Database, folder: Path) -> None:
    write(folder, "0002_more", "INSERT INTO words VALUES ('more')")
    applied = await asyncio.gather(*(migrate(store, folder) for _ in range(5)))
    assert sorted(name for names in applied for name in names) == ["0001_words", "0002_more"]
    assert await store.read(words) == ["a;b", "more"]


_MIGRATE = """
import asyncio, sys
from pathlib import Path
from storage.database import migrate, open_database

async def main():
    sys.stdin.readline()
    async with open_database(sys.argv[1]) as database:
        print(*await migrate(database, Path(sys.argv[2])))

print("ready", flush=True)
asyncio.run(main())
"""


async def test_processes_that_migrate_at_once_apply_each_migration_once(database_url: str, folder: Path) -> None:
    for number in range(2, 12):
        write(folder, f"{number:04}_more", f"INSERT INTO words VALUES ('{number:02}')")
    pipe = asyncio.subprocess.PIPE
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", _MIGRATE, database_url, str(folder), stdin=pipe, stdout=pipe
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    said = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    assert [process.returncode for process in processes] == [0] * 4
    applied = sorted(name for out, _ in said for name in out.decode().split())
    assert applied == [f"{number:04}_{'words' if number == 1 else 'more'}" for number in range(1, 12)]
    async with open_database(database_url) as database:
        assert await database.read(words) == [*(f"{number:02}" for number in range(2, 12)), "a;b"]


async def test_the_bots_own_migrations_are_applied_to_a_fresh_database(database: Database) -> None:
    assert await database.read(names) == sorted({file.name.split(".")[0] for file in MIGRATIONS.glob("*.sql")})
    assert await migrate(database) == []
