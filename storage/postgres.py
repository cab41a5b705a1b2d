"""PostgreSQL, when one machine is not enough: the same units of work on a pool of connections.

READ COMMITTED with guarded updates and a fixed lock order; what PostgreSQL itself gives up (a deadlock, a
serialization failure) is run again. Units run in tasks of their own, so that a cancelled caller's unit is committed
here as it is on SQLite.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import socket
import types
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from contextvars import Context
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar, cast
from urllib.parse import unquote, urlsplit

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it says nothing of types; see _Driver

from storage.database import (
    BackupError,
    Database,
    DatabaseClosed,
    DatabaseLocked,
    DatabaseUnavailable,
    Engine,
    ForeignAwait,
    Row,
    Tx,
    Value,
    claim_file,
    statement,
)

P = ParamSpec("P")
T = TypeVar("T")

#: How many connections the pool opens at most.
CONNECTIONS: Final = 10
#: How often a unit is run before what PostgreSQL gave up is raised.
ATTEMPTS: Final = 8
#: How long the first pause between two attempts is at most, in seconds; each next one is up to twice as long.
PAUSE: Final = 0.01
#: How long to wait for the server when opening, in seconds.
CONNECT: Final = 10.0

#: What PostgreSQL asks to be run again: nothing of it was kept, and it may well pass the next time.
_AGAIN: Final = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
# Advisory locks have two numbers for a name, and each database has its own: 1701079412 is "edit" in ASCII.
_MIGRATE: Final = "SELECT pg_advisory_xact_lock(1701079412, 1)"
_RUN: Final = "SELECT pg_try_advisory_lock(1701079412, 2)"
_HOLDER: Final = """
SELECT application_name FROM pg_stat_activity JOIN pg_locks USING (pid)
WHERE locktype = 'advisory' AND granted AND classid = 1701079412 AND objid = 2 AND datname = current_database()
"""
_RECORDS: Final = "CREATE TABLE IF NOT EXISTS migrations (name TEXT NOT NULL PRIMARY KEY, applied_at BIGINT NOT NULL)"
_CHANGES: Final = {"INSERT", "UPDATE", "DELETE", "MERGE"}


class _Connection(Protocol):
    """What is used of asyncpg's connection."""

    async def execute(self, query: str, /, *args: Value) -> str: ...
    async def fetch(self, query: str, /, *args: Value) -> list[Row]: ...
    async def fetchrow(self, query: str, /, *args: Value) -> Row | None: ...
    async def fetchval(self, query: str, /) -> object: ...
    def transaction(self, *, isolation: str, readonly: bool) -> AbstractAsyncContextManager[object]: ...
    async def close(self) -> None: ...
    def terminate(self) -> None: ...


class _Pool(Protocol):
    """What is used of asyncpg's pool."""

    def acquire(self) -> AbstractAsyncContextManager[_Connection]: ...
    async def close(self) -> None: ...
    def terminate(self) -> None: ...


class _Driver(Protocol):
    """What is used of asyncpg itself."""

    def connect(self, url: str, /, *, timeout: float, server_settings: dict[str, str]) -> Awaitable[_Connection]: ...
    def create_pool(self, url: str, /, *, min_size: int, max_size: int, timeout: float) -> Awaitable[_Pool]: ...


_DRIVER: Final = cast("_Driver", asyncpg)


class _Tx:
    """A transaction on one connection of the pool."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self._failure: asyncpg.PostgresError | None = None
        #: Whether the unit waits for PostgreSQL; whenever it waits otherwise, that is for something else.
        self.asking = False

    async def execute(self, sql: str, /, *args: Value) -> int:
        status: str = await self._query(self._connection.execute, sql, args)
        command, _, number = status.rpartition(" ")
        return int(number) if command.partition(" ")[0] in _CHANGES else 0

    async def fetch_one(self, sql: str, /, *args: Value) -> Row | None:
        return await self._query(self._connection.fetchrow, sql, args)

    async def fetch_all(self, sql: str, /, *args: Value) -> list[Row]:
        return await self._query(self._connection.fetch, sql, args)

    async def _query(self, ask: Callable[..., Coroutine[Any, Any, T]], sql: str, args: tuple[Value, ...]) -> T:
        known = statement(sql)
        known.check(args)
        self.asking = True
        try:
            return await ask(known.dollars, *args)
        except asyncpg.PostgresError as error:
            self._failure = error
            raise
        finally:
            self.asking = False

    def check(self) -> None:
        """Fail a unit that caught a statement's error: PostgreSQL would answer its COMMIT with a silent rollback."""
        if self._failure is not None:
            raise self._failure


@types.coroutine
def _drive(unit: Callable[..., object], running: Coroutine[Any, Any, T], tx: _Tx) -> Generator[Any, Any, T]:
    """Await a unit as ``await`` would, and refuse what it awaits beside its ``Tx``."""
    resume: Callable[[Any], Any] = running.send
    answer: Any = None
    while True:
        try:
            awaited = resume(answer)
        except StopIteration as done:
            tx.check()
            return done.value
        if not tx.asking:
            running.close()
            raise ForeignAwait(unit)
        try:
            answer = yield awaited
            resume = running.send
        except BaseException as error:  # noqa: BLE001 - a cancellation is the unit's to see
            answer = error
            resume = running.throw


class PostgresDatabase(Database):
    """A database on a PostgreSQL server, and perhaps the connection that holds the lock on running."""

    def __init__(self, url: str, pool: _Pool, lock: _Connection | None) -> None:
        self._url = url
        self._pool = pool
        self._lock = lock
        self._closed = False
        self._dropped = False
        self._running: set[asyncio.Task[Any]] = set()

    @property
    def engine(self) -> Engine:
        """Return ``postgres``."""
        return "postgres"

    async def run(
        self, unit: Callable[Concatenate[Tx, P], Coroutine[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a unit READ COMMITTED, again as long as PostgreSQL gives it up for another's sake."""
        return await self._start(unit, lambda tx: unit(tx, *args, **kwargs), readonly=False)

    async def read(
        self, unit: Callable[Concatenate[Tx, P], Coroutine[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a unit read only, on one snapshot."""
        return await self._start(unit, lambda tx: unit(tx, *args, **kwargs), readonly=True)

    async def _start(
        self, unit: Callable[..., object], make: Callable[[Tx], Coroutine[Any, Any, T]], *, readonly: bool
    ) -> T:
        if self._closed:
            raise DatabaseClosed
        # In an empty context: whoever watches over the caller's tasks must not end this one with them.
        task = Context().run(asyncio.create_task, self._attempts(unit, make, readonly=readonly))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _attempts(
        self, unit: Callable[..., object], make: Callable[[Tx], Coroutine[Any, Any, T]], *, readonly: bool
    ) -> T:
        for attempt in range(ATTEMPTS - 1):
            try:
                return await self._once(unit, make, readonly=readonly)
            except _AGAIN:
                await asyncio.sleep(random.uniform(0, PAUSE * 2**attempt))  # noqa: S311 - jitter is no secret
        return await self._once(unit, make, readonly=readonly)

    async def _once(
        self, unit: Callable[..., object], make: Callable[[Tx], Coroutine[Any, Any, T]], *, readonly: bool
    ) -> T:
        isolation = "repeatable_read" if readonly else "read_committed"
        try:
            async with (
                self._pool.acquire() as connection,
                connection.transaction(isolation=isolation, readonly=readonly),
            ):
                tx = _Tx(connection)
                return await _drive(unit, make(tx), tx)
        except Exception as error:
            if self._dropped:  # a connection that is cut raises one of many things
                raise DatabaseClosed from error
            raise

    async def backup(self, path: Path) -> None:
        """Have ``pg_dump`` write its custom format, which ``pg_restore`` reads."""
        program = await asyncio.to_thread(shutil.which, "pg_dump")
        if program is None:
            raise BackupError("A backup of PostgreSQL needs pg_dump on the PATH: install PostgreSQL's client programs.")
        await asyncio.to_thread(claim_file, path)
        try:
            await _dump(program, self._url, path)
        except BaseException:
            await asyncio.to_thread(path.unlink)
            raise

    async def close(self) -> None:
        """Take no more units, let the running ones finish, then give up the lock."""
        if self._closed:
            return
        self._closed = True
        if self._running:
            await asyncio.wait(self._running)
        await self._pool.close()
        if self._lock is not None:
            await self._lock.close()

    async def abort(self) -> None:
        """Cut every connection; what is not committed is rolled back by the server, which gives up the lock too."""
        if self._closed:
            return
        self._closed = self._dropped = True
        self._pool.terminate()
        if self._running:
            await asyncio.wait(self._running)
        if self._lock is not None:
            self._lock.terminate()

    async def begin_migration(self, tx: Tx) -> None:
        """Wait for the lock on migrating, which ends with the transaction."""
        await tx.execute(_MIGRATE)
        await tx.execute(_RECORDS)

    def statements(self, script: str) -> list[str]:
        """Leave it whole: without parameters, PostgreSQL takes many statements at once."""
        return [script]


@asynccontextmanager
async def open_postgres(url: str, *, lock: bool) -> AsyncGenerator[PostgresDatabase]:
    """Open a pool of connections to a server; see ``open_database``."""
    async with _locked(url) if lock else nullcontext() as held:
        pool = await _reach(_DRIVER.create_pool(url, min_size=1, max_size=CONNECTIONS, timeout=CONNECT))
        database = PostgresDatabase(url, pool, held)
        try:
            yield database
        finally:
            await database.close()


async def _reach(connecting: Awaitable[T]) -> T:
    try:
        return await connecting
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        reason = str(error) or "no answer in time"
        raise DatabaseUnavailable(f"The PostgreSQL database cannot be opened: {reason}.") from error


@asynccontextmanager
async def _locked(url: str) -> AsyncGenerator[_Connection]:
    """Hold the lock on running, on a connection that says who holds it."""
    name = f"process {os.getpid()} on {socket.gethostname()}"
    connection = await _reach(_DRIVER.connect(url, timeout=CONNECT, server_settings={"application_name": name}))
    try:
        if not await connection.fetchval(_RUN):
            holder = await connection.fetchval(_HOLDER) or "another process"
            raise DatabaseLocked(f"The database is in use by {holder}. Stop that bot before starting another.")
        yield connection
    finally:
        await connection.close()


async def _dump(program: str, url: str, path: Path) -> None:
    """Run ``pg_dump``; the password goes through the environment, for a command line is for all to read."""
    environment = dict(os.environ)
    parts = urlsplit(url)
    if parts.password:
        environment["PGPASSWORD"] = unquote(parts.password)
        login, _, place = parts.netloc.rpartition("@")
        url = parts._replace(netloc=f"{login.partition(':')[0]}@{place}").geturl()
    dump = await asyncio.create_subprocess_exec(
        program,
        "--format=custom",
        "--no-password",
        f"--file={path}",
        f"--dbname={url}",
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    try:
        _, said = await dump.communicate()
    finally:
        if dump.returncode is None:
            dump.kill()
            await dump.wait()
    if dump.returncode:
        raise BackupError(f"pg_dump made no backup: {said.decode(errors='replace').strip()}")
