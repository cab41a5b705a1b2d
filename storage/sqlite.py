"""SQLite, the default engine: one file, one writer, and one COMMIT for all the units that wait for it.

The worker thread of an ``aiosqlite.Connection`` drives whole units, one hop of threads each. Units that queue up
while it works share one transaction, each in its own savepoint, and their callers resume after the COMMIT. No asyncio
task is involved: each call leaves a token in the worker's queue, and the worker takes whatever waits by then.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import sqlite3
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, Final, Generic, ParamSpec, Self, TypeVar, cast

import aiosqlite

from storage.database import (
    BackupError,
    Database,
    DatabaseClosed,
    DatabaseLocked,
    DatabaseUnavailable,
    Engine,
    ForeignAwait,
    NotCommitted,
    Row,
    Tx,
    Value,
    claim_file,
    statement,
)

P = ParamSpec("P")
T = TypeVar("T")

#: How many units share a COMMIT at most: bounds how long the first of them waits.
BATCH: Final = 128
#: How long to wait for another process that writes, in seconds.
BUSY: Final = 10.0

#: SQLite's codes for a file that it may not open or not write.
_OUT_OF_REACH: Final = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY})
_HINT: Final = "Is it a file, and may this user read and write it and its folder?"

_RECORDS: Final = """
CREATE TABLE IF NOT EXISTS migrations (name TEXT NOT NULL PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT
"""


class _Tx:
    """A transaction in the worker thread. Its methods never suspend, so a unit that awaits only them runs through."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._failure: sqlite3.Error | None = None

    async def execute(self, sql: str, /, *args: Value) -> int:
        return self._query(sql, args, _count)

    async def fetch_one(self, sql: str, /, *args: Value) -> Row | None:
        return self._query(sql, args, sqlite3.Cursor.fetchone)

    async def fetch_all(self, sql: str, /, *args: Value) -> list[Row]:
        return self._query(sql, args, sqlite3.Cursor.fetchall)

    def check(self) -> None:
        """Fail a unit that caught a statement's error, for PostgreSQL could not go on from there either."""
        if self._failure is not None:
            raise self._failure

    def _query(self, sql: str, args: tuple[Value, ...], take: Callable[[sqlite3.Cursor], T]) -> T:
        statement(sql).check(args)
        try:
            with closing(self._connection.execute(sql, args)) as cursor:
                return take(cursor)
        except sqlite3.Error as error:
            self._failure = error
            raise


def _count(cursor: sqlite3.Cursor) -> int:
    cursor.fetchall()  # a RETURNING statement counts its rows only as they are read
    return max(0, cursor.rowcount)


class _Call(Generic[T]):
    """A unit on its way through the worker: waiting, then run, then resumed in its caller's loop."""

    def __init__(self, unit: Callable[..., object], make: Callable[[Tx], Coroutine[Any, Any, T]]) -> None:
        self._unit = unit
        self._make = make
        self._value: T | None = None
        self._error: BaseException | None = None
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def run(self, connection: sqlite3.Connection) -> None:
        """Run the unit in a savepoint of its own, in the worker thread; its errors stay its own."""
        tx = _Tx(connection)
        connection.execute("SAVEPOINT unit")
        try:
            self._value = self._drive(self._make(tx))
            tx.check()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to the caller
            self._error = error
            connection.execute("ROLLBACK TO unit")
        connection.execute("RELEASE unit")

    def _drive(self, unit: Coroutine[Any, Any, T]) -> T:
        try:
            unit.send(None)
        except StopIteration as done:
            return done.value
        except RuntimeError as error:
            if "event loop" in str(error):  # asyncio's words for being asked outside its loop: here, by a unit
                raise ForeignAwait(self._unit) from error
            raise
        unit.close()
        raise ForeignAwait(self._unit)

    def fail(self, error: BaseException) -> None:
        """Let the whole batch's failure be this unit's, unless it failed by itself."""
        if self._error is None:
            self._error = error

    def resume(self) -> None:
        """Give the caller its answer, unless it was cancelled and gave up."""
        if self.answer.done():
            return
        if self._error is not None:
            self.answer.set_exception(self._error)
        else:
            self.answer.set_result(self._value)


class _Worker(aiosqlite.Connection):
    """A connection whose thread drives whole units, and commits those that wait together."""

    def __init__(self, connector: Callable[[], sqlite3.Connection], begin: str) -> None:
        super().__init__(connector, iter_chunk_size=64)
        self._begin = begin
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Call[Any]] = deque()
        self._dropped = False

    async def __aenter__(self) -> Self:
        try:
            await super().__aenter__()
        except BaseException:
            # aiosqlite lets its thread end by itself, which may be after the loop it still wants to speak to.
            await asyncio.to_thread(self._thread.join)
            raise
        return self

    @property
    def is_open(self) -> bool:
        """Whether it still takes units."""
        return self._running

    async def submit(self, unit: Callable[..., object], make: Callable[[Tx], Coroutine[Any, Any, T]]) -> T:
        """Have a unit run by the worker, and wait until it is committed."""
        if not self.is_open:
            raise DatabaseClosed
        call = _Call(unit, make)
        self._waiting.append(call)
        self._tx.put_nowait((None, self._drain))  # pyright: ignore[reportUnknownMemberType] - aiosqlite's Future is bare
        return await call.answer

    async def close(self) -> None:
        """Take no more units, let those that wait finish, then close. Closing again does nothing."""
        if self.is_open:
            await cast("asyncio.Future[Any]", self.stop())  # pyright: ignore[reportUnknownMemberType] - likewise

    def drop(self) -> None:
        """Commit nothing any more, as if the process had died."""
        self._dropped = True

    def _drain(self) -> None:
        """Take what waits (a token whose unit went with an earlier batch finds less, or nothing) and commit it."""
        batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        if not batch:
            return
        try:
            self._commit(batch)
        except BaseException as error:  # noqa: BLE001 - no error may leave a caller waiting
            self._undo(batch, error)
        finally:
            self._loop.call_soon_threadsafe(_resume, batch)

    def _commit(self, batch: list[_Call[Any]]) -> None:
        self._conn.execute(self._begin)
        for call in batch:
            call.run(self._conn)
        if self._dropped:
            raise DatabaseClosed
        self._conn.execute("COMMIT")

    def _undo(self, batch: list[_Call[Any]], error: BaseException) -> None:
        for call in batch:
            call.fail(error if isinstance(error, DatabaseClosed) else _not_committed(error))
        if self._conn.in_transaction:
            self._conn.execute("ROLLBACK")


def _resume(batch: list[_Call[Any]]) -> None:
    for call in batch:
        call.resume()


def _not_committed(error: BaseException) -> NotCommitted:
    failure = NotCommitted(f"SQLite could not commit, and nothing was kept: {error}.")
    failure.__cause__ = error
    return failure


class SqliteDatabase(Database):
    """A database in one file: a connection that writes, a connection that reads, and perhaps a lock file."""

    def __init__(self, path: Path, writer: _Worker, reader: _Worker, lock: _Lock | None) -> None:
        self._path = path
        self._writer = writer
        self._reader = reader
        self._lock = lock

    @property
    def engine(self) -> Engine:
        """Return ``sqlite``."""
        return "sqlite"

    async def run(
        self, unit: Callable[Concatenate[Tx, P], Coroutine[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a unit; the units that wait with it share its COMMIT and nothing else."""
        return await self._writer.submit(unit, lambda tx: unit(tx, *args, **kwargs))

    async def read(
        self, unit: Callable[Concatenate[Tx, P], Coroutine[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a unit on the connection that only reads."""
        return await self._reader.submit(unit, lambda tx: unit(tx, *args, **kwargs))

    async def backup(self, path: Path) -> None:
        """Write a compact copy of one moment, on a connection and in a thread of its own."""
        await asyncio.to_thread(_backup, self._path, path)

    async def close(self) -> None:
        """Finish the reads, then the writes, then give up the lock."""
        await self._reader.close()
        await self._writer.close()
        if self._lock is not None:
            self._lock.release()

    async def abort(self) -> None:
        """Commit nothing more, then close, giving up the lock as a dead process would."""
        self._reader.drop()
        self._writer.drop()
        await self.close()

    async def begin_migration(self, tx: Tx) -> None:
        """BEGIN IMMEDIATE keeps other processes out already."""
        await tx.execute(_RECORDS)

    def statements(self, script: str) -> list[str]:
        """Split at the semicolons where SQLite itself sees a statement end: not in strings, comments or triggers."""
        found: list[str] = []
        begun = ""
        for piece in script.split(";"):
            begun += piece + ";"
            if sqlite3.complete_statement(begun):
                found.append(begun)
                begun = ""
        return [*found, begun] if begun else found


@asynccontextmanager
async def open_sqlite(path: Path, *, lock: bool) -> AsyncGenerator[SqliteDatabase]:
    """Open a database file, making it and its folder where they are missing; see ``open_database``."""
    if path.name in {"", ":memory:"}:
        raise DatabaseUnavailable("An SQLite URL names a file; write for example sqlite:///data/bot.db.")
    try:
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        held = await asyncio.to_thread(_Lock, path) if lock else None
    except OSError as error:
        raise DatabaseUnavailable(f"{path} cannot be used as a database: {error.strerror}. {_HINT}") from error
    writer = _Worker(partial(_connect, path, _make_wal), "BEGIN IMMEDIATE")
    reader = _Worker(partial(_connect, path, _make_query_only), "BEGIN")
    try:
        async with writer, reader:
            yield SqliteDatabase(path, writer, reader, held)
    finally:
        if held is not None:
            held.release()


def _connect(path: Path, make: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(path, timeout=BUSY, isolation_level=None, cached_statements=512)
    except sqlite3.Error as error:
        raise _unavailable(path, error) from error
    try:
        _check_rights(path)
        make(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error as error:
        connection.close()
        raise _unavailable(path, error) from error
    except DatabaseUnavailable:
        connection.close()
        raise
    connection.row_factory = sqlite3.Row
    return connection


def _check_rights(path: Path) -> None:
    """Refuse a file that can only be read. SQLite opens it all the same, and then the first write fails."""
    if path.exists() and not os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise DatabaseUnavailable(f"{path} cannot be opened: it may not be written. {_HINT}")


def _unavailable(path: Path, error: sqlite3.Error) -> DatabaseUnavailable:
    """Say why a database cannot be opened, and what to look at where it is a matter of files and rights."""
    if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF in _OUT_OF_REACH:
        return DatabaseUnavailable(f"{path} cannot be opened: {error}. {_HINT}")
    return DatabaseUnavailable(f"{path} cannot be opened as an SQLite database: {error}.")


def _make_wal(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log. SQLite's own patience does not cover this: another process may be at it too."""
    until = time.monotonic() + BUSY
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)  # noqa: TID251 - in the worker's thread, which has nothing else to do
        else:
            return


def _make_query_only(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA query_only = ON")


class _Lock:
    """A lock file beside the database, which says who holds it. The system lets go of it when a process dies."""

    def __init__(self, path: Path) -> None:
        self._file = path.with_name(f"{path.name}.lock").open("a+", encoding="utf-8")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            holder = self._file.read().strip() or "another process"
            self._file.close()
            raise DatabaseLocked(f"{path} is in use by {holder}. Stop that bot before starting another.") from None
        self._file.truncate(0)
        self._file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        self._file.flush()

    def release(self) -> None:
        """Let go. The file stays: taking it away could take it from the next holder."""
        self._file.close()


def _backup(source: Path, target: Path) -> None:
    claim_file(target)
    try:
        with closing(sqlite3.connect(source, timeout=BUSY, isolation_level=None)) as connection:
            connection.execute("VACUUM INTO ?1", (str(target),))  # into the empty file just made
        with target.open("rb+") as written:
            os.fsync(written.fileno())
    except (sqlite3.Error, OSError) as error:
        target.unlink()
        raise BackupError(f"{target} could not be written, so there is no backup: {error}.") from error
