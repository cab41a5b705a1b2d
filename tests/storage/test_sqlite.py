"""What is SQLite's own: the shared COMMIT, the files, the lock of other processes."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

import storage.sqlite
from storage.database import (
    BackupError,
    Database,
    DatabaseClosed,
    DatabaseUnavailable,
    NotCommitted,
    Tx,
    open_database,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "bot.db"


@pytest.fixture
def common() -> Generator[Path]:
    """A folder that every user reaches; as root, nobody else reaches tmp_path."""
    with tempfile.TemporaryDirectory(prefix="sqlite-") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.fixture
async def store(path: Path) -> AsyncGenerator[Database]:
    async with open_database(f"sqlite:///{path}") as database:
        await database.run(make_notes)
        yield database


async def make_notes(tx: Tx) -> None:
    await tx.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY) STRICT")


async def note(tx: Tx, number: int) -> None:
    await tx.execute("INSERT INTO notes (id) VALUES (?1)", number)


async def ids(tx: Tx) -> list[int]:
    return [row["id"] for row in await tx.fetch_all("SELECT id FROM notes ORDER BY id")]


def committed(path: Path) -> list[int]:
    """Look from outside, as another process would."""
    with closing(sqlite3.connect(path)) as connection:
        return [number for (number,) in connection.execute("SELECT id FROM notes ORDER BY id")]


@asynccontextmanager
async def busy(database: Database, *numbers: int) -> AsyncGenerator[asyncio.Task[None]]:
    """Keep the writer in a unit that has noted some numbers; what is run inside waits, and goes into one batch."""
    begun, free = threading.Event(), threading.Event()

    async def occupy(tx: Tx) -> None:
        for number in numbers:
            await note(tx, number)
        begun.set()
        free.wait(30)

    occupying = asyncio.create_task(database.run(occupy))
    assert await asyncio.to_thread(begun.wait, 30)
    yield occupying
    free.set()
    await asyncio.wait([occupying])


# One COMMIT ----------------------------------------------------------------------------------------------------------


async def test_units_that_wait_together_share_one_commit(store: Database, path: Path) -> None:
    async def note_and_look(tx: Tx, number: int) -> tuple[list[int], list[int]]:
        await note(tx, number)
        return await ids(tx), committed(path)

    async with busy(store):
        calls = [asyncio.create_task(store.run(note_and_look, number)) for number in range(3)]
        await asyncio.sleep(0)
    assert await asyncio.gather(*calls) == [([0], []), ([0, 1], []), ([0, 1, 2], [])]
    assert committed(path) == [0, 1, 2]


async def test_a_batch_has_an_end(store: Database, path: Path) -> None:
    async def note_and_look(tx: Tx, number: int) -> int:
        await note(tx, number)
        return len(committed(path))

    async with busy(store):
        calls = [asyncio.create_task(store.run(note_and_look, number)) for number in range(storage.sqlite.BATCH + 2)]
        await asyncio.sleep(0)
    seen = await asyncio.gather(*calls)
    assert seen == [0] * storage.sqlite.BATCH + [storage.sqlite.BATCH] * 2


async def test_a_failing_unit_rolls_back_its_own_savepoint_only(store: Database, path: Path) -> None:
    async def note_twice(tx: Tx, number: int) -> None:
        await note(tx, number)
        await note(tx, number)

    async with busy(store):
        calls = [
            asyncio.create_task(store.run(note, 1)),
            asyncio.create_task(store.run(note_twice, 2)),
            asyncio.create_task(store.run(note, 3)),
        ]
        await asyncio.sleep(0)
    first, second, third = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(second, sqlite3.IntegrityError)
    assert (first, third) == (None, None)
    assert committed(path) == [1, 3]


async def test_a_commit_that_fails_fails_every_unit_of_its_batch(store: Database, path: Path) -> None:
    async def make_link(tx: Tx) -> None:
        await tx.execute("CREATE TABLE links (id INTEGER REFERENCES notes (id) DEFERRABLE INITIALLY DEFERRED)")

    async def link_to_nothing(tx: Tx) -> None:
        await tx.execute("INSERT INTO links (id) VALUES (99)")

    await store.run(make_link)
    async with busy(store):
        calls = [asyncio.create_task(store.run(note, 1)), asyncio.create_task(store.run(link_to_nothing))]
        await asyncio.sleep(0)
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in answers] == [NotCommitted, NotCommitted]
    assert "FOREIGN KEY" in str(answers[0])
    await store.run(note, 2)
    assert committed(path) == [2]


async def test_an_error_that_ends_the_whole_transaction_fails_every_unit_of_its_batch(
    store: Database, path: Path
) -> None:
    async def make_trap(tx: Tx) -> None:
        await tx.execute(
            "CREATE TRIGGER trap BEFORE INSERT ON notes WHEN new.id = 13 BEGIN SELECT raise(ROLLBACK, 'gone'); END"
        )

    await store.run(make_trap)
    async with busy(store):
        calls = [asyncio.create_task(store.run(note, number)) for number in (1, 13, 2)]
        await asyncio.sleep(0)
    first, second, third = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(first, NotCommitted)
    assert isinstance(second, sqlite3.IntegrityError)
    assert isinstance(third, NotCommitted)
    assert committed(path) == []


async def test_a_writer_that_stays_locked_out_says_that_nothing_was_kept(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.sqlite, "BUSY", 0.01)
    async with open_database(f"sqlite:///{path}") as database:
        await database.run(make_notes)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(NotCommitted, match="locked"):
                await database.run(note, 1)
            other.execute("ROLLBACK")
        await database.run(note, 2)
    assert committed(path) == [2]


async def test_a_cancelled_caller_keeps_no_answer_from_the_others_of_its_batch(store: Database, path: Path) -> None:
    async with busy(store):
        calls = [asyncio.create_task(store.run(note, number)) for number in range(3)]
        await asyncio.sleep(0)
        calls[0].cancel()
    assert await asyncio.gather(*calls[1:]) == [None, None]
    assert committed(path) == [0, 1, 2]


async def test_no_task_is_started_for_a_unit(store: Database) -> None:
    async with busy(store):
        before = asyncio.all_tasks()
        call = asyncio.create_task(store.run(note, 1))
        await asyncio.sleep(0)
        assert asyncio.all_tasks() - before == {call}
    await call


# Reads ---------------------------------------------------------------------------------------------------------------


async def test_a_read_neither_waits_for_a_writer_nor_sees_what_it_has_not_committed(store: Database) -> None:
    async with busy(store, 1) as writing:
        assert await store.read(ids) == []
        assert not writing.done()
    assert await store.read(ids) == [1]


# Ends ----------------------------------------------------------------------------------------------------------------


async def test_an_abort_drops_the_running_unit_and_those_that_wait(store: Database, path: Path) -> None:
    await store.run(note, 1)
    async with busy(store, 2) as writing:
        waiting = asyncio.create_task(store.run(note, 3))
        await asyncio.sleep(0)
        aborting = asyncio.create_task(store.abort())
        await asyncio.sleep(0)
    await aborting
    answers = await asyncio.gather(writing, waiting, return_exceptions=True)
    assert [type(answer) for answer in answers] == [DatabaseClosed, DatabaseClosed]
    assert committed(path) == [1]


_WRITER = """
import asyncio, sys
from storage.database import open_database

async def note(tx, number):
    await tx.execute("INSERT INTO notes (id) VALUES (?1)", number)

async def caller(database, first):
    for number in range(first, 1_000_000, 8):
        await database.run(note, number)
        print(number, flush=True)

async def main():
    async with open_database(sys.argv[1], lock=True) as database:
        await asyncio.gather(*(caller(database, first) for first in range(8)))

asyncio.run(main())
"""


async def test_a_killed_process_has_kept_all_that_it_answered(store: Database, path: Path) -> None:
    await store.close()
    url = f"sqlite:///{path}"
    writer = await asyncio.create_subprocess_exec(sys.executable, "-c", _WRITER, url, stdout=subprocess.PIPE)
    assert writer.stdout is not None
    answered = [int(await writer.stdout.readline()) for _ in range(200)]
    writer.kill()
    rest, _ = await writer.communicate()
    answered += [int(line) for line in rest.splitlines(keepends=True) if line.endswith(b"\n")]
    async with open_database(url, lock=True) as database:
        assert set(answered) <= set(await database.read(ids))


# Files ---------------------------------------------------------------------------------------------------------------


async def test_a_connection_is_durable_and_keeps_foreign_keys(store: Database) -> None:
    async def pragmas(tx: Tx) -> list[Any]:
        rows = [
            await tx.fetch_one(f"SELECT {name} AS value FROM pragma_{name}")
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
        return [row["value"] for row in rows if row is not None]

    assert await store.run(pragmas) == ["wal", 2, 1]
    assert await store.read(pragmas) == ["wal", 2, 1]


@pytest.mark.parametrize("url", ["sqlite:///", "sqlite:///:memory:"])
async def test_an_sqlite_url_names_a_file(url: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="names a file"):
        async with open_database(url):
            pass


async def test_a_relative_url_starts_at_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with open_database("sqlite:///data/bot.db"):
        assert (tmp_path / "data" / "bot.db").exists()


async def test_a_file_that_is_no_database_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    path.write_text("A letter to a friend, and surely not a database. " * 100)
    for lock in (False, True):
        with pytest.raises(DatabaseUnavailable, match="cannot be opened as an SQLite database: file is not a database"):
            async with open_database(f"sqlite:///{path}", lock=lock):
                pass


@pytest.mark.parametrize("lock", [False, True])
async def test_a_folder_in_place_of_the_file_is_refused_in_words(tmp_path: Path, lock: bool) -> None:
    (tmp_path / "bot.db").mkdir()
    with pytest.raises(
        DatabaseUnavailable,
        match=r"bot\.db cannot be opened: unable to open database file\. Is it a file, and may this user read and write",
    ):
        async with open_database(f"sqlite:///{tmp_path / 'bot.db'}", lock=lock):
            pass


@pytest.mark.parametrize("mode", [0o444, 0o000], ids=["read only", "closed"])
def test_a_file_of_somebody_else_s_is_refused_in_words(common: Path, mode: int) -> None:
    path = common / "bot.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    path.chmod(mode)
    assert "bot.db cannot be opened: " in refusal(path)


def test_a_folder_that_may_not_be_written_is_refused_in_words(common: Path) -> None:
    folder = common / "closed"
    folder.mkdir(mode=0o555)
    assert "bot.db cannot be opened: unable to open database file. Is it" in refusal(folder / "bot.db")


def refusal(path: Path) -> str:
    """Open a database in a process that has the rights of an ordinary user, and return what it is told."""
    program = (
        "import asyncio, concurrent.futures.thread, os, sys\n"  # what may not be readable any more afterwards
        "from storage.database import DatabaseUnavailable, open_database\n"
        "import storage.sqlite\n"
        "async def main():\n"
        "    try:\n"
        "        async with open_database(sys.argv[1]): pass\n"
        "    except DatabaseUnavailable as error:\n"
        "        print(error)\n"
        "os.chdir(sys.argv[2])\n"
        "if os.geteuid() == 0: os.setuid(65534)\n"
        "asyncio.run(main())\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program, f"sqlite:///{path.name}", str(path.parent)],
        cwd=Path(storage.sqlite.__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


async def test_a_folder_that_cannot_be_made_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(DatabaseUnavailable, match="cannot be used as a database: "):
        async with open_database(f"sqlite:///{tmp_path / 'data' / 'bot.db'}", lock=True):
            pass


async def test_a_database_that_fails_to_open_gives_up_its_lock(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    path.write_text("not a database " * 100)
    with pytest.raises(DatabaseUnavailable):
        async with open_database(f"sqlite:///{path}", lock=True):
            pass
    path.unlink()
    async with open_database(f"sqlite:///{path}", lock=True):
        pass


async def test_a_database_that_another_program_keeps_locked_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.sqlite, "BUSY", 0.03)
    path = tmp_path / "bot.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseUnavailable, match="database is locked"):
            async with open_database(f"sqlite:///{path}"):
                pass


async def test_opening_waits_for_another_process_that_writes_the_new_file(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # SQLite refuses the write-ahead log at once then, however patient it is
        asyncio.get_running_loop().call_later(0.1, other.execute, "COMMIT")
        async with open_database(f"sqlite:///{path}") as database:
            await database.run(make_notes)


# Backups -------------------------------------------------------------------------------------------------------------


async def test_a_backup_beside_a_running_writer_is_a_whole_database(
    store: Database, path: Path, tmp_path: Path
) -> None:
    await store.run(note, 1)
    copy = tmp_path / "copy.db"
    async with busy(store, 2):
        await store.backup(copy)
    assert committed(copy) == [1]
    assert copy.stat().st_mode & 0o777 == 0o600
    async with open_database(f"sqlite:///{copy}") as restored:
        await restored.run(note, 3)
    assert committed(path) == [1, 2]


async def test_a_backup_overwrites_nothing(store: Database, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_text("precious")
    with pytest.raises(BackupError, match=r"copy\.db exists already"):
        await store.backup(copy)
    assert copy.read_text() == "precious"


async def test_a_backup_into_a_missing_folder_is_refused_in_words(store: Database, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r"cannot be written: No such file"):
        await store.backup(tmp_path / "missing" / "copy.db")


async def test_a_backup_that_fails_leaves_no_half_of_one(store: Database, path: Path, tmp_path: Path) -> None:
    await store.close()
    path.write_text("not a database any more " * 100)
    with pytest.raises(BackupError, match="so there is no backup: file is not a database"):
        await store.backup(tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


# Migrations ----------------------------------------------------------------------------------------------------------


async def test_a_script_is_split_where_statements_end(store: Database) -> None:
    script = """
    -- First; the table.
    CREATE TABLE words (word TEXT DEFAULT 'a;b');
    /* then; a trigger */
    CREATE TRIGGER twice AFTER INSERT ON words BEGIN
        UPDATE words SET word = word || ';';
        UPDATE words SET word = word || '!';
    END;
    INSERT INTO words (word) VALUES ('x')
    """
    statements = store.statements(script)

    async def apply(tx: Tx) -> list[str]:
        for sql in statements:
            await tx.execute(sql)
        return [row["word"] for row in await tx.fetch_all("SELECT word FROM words")]

    assert await store.run(apply) == ["x;!"]
    assert len(statements) == 3
    assert len(store.statements("CREATE TABLE a (b TEXT);\n-- the end\n")) == 2


async def test_no_thread_outlives_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with pytest.raises(DatabaseUnavailable):
        async with open_database(f"sqlite:///{tmp_path}"):
            pass
    new = [thread for thread in threading.enumerate() if thread not in before]
    assert [thread.name for thread in new if "_connection_worker_thread" in thread.name] == []
