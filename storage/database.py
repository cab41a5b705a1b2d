"""How units of work run: the terms that both engines keep, the check of every statement, and the migrations.

A unit of work is an ``async def`` whose first argument is a :class:`Tx` and which awaits nothing else, so no network
call can sit inside a transaction. ``await database.run(unit, *args)`` runs it in one transaction. Units share their
SQL between the engines; parameters are written ``?1``, ``?2`` and so on.
"""

from __future__ import annotations

import asyncio
import math
import os
import re
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Concatenate, Final, Literal, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

#: What a column holds. Whole numbers are signed 64-bit; there is no ``bool``, write 0 or 1.
Value = int | str | bytes | float | None
Engine = Literal["sqlite", "postgres"]

MIGRATIONS: Final = Path(__file__).parent / "migrations"


# What can go wrong ---------------------------------------------------------------------------------------------------


class DatabaseError(Exception):
    """The base of what a database says in words. ``str(error)`` is whole sentences for an operator."""


class DatabaseUnavailable(DatabaseError):
    """The database cannot be opened: a wrong URL, a missing package, a server that does not answer."""


class DatabaseLocked(DatabaseError):
    """Another bot runs on this database."""


class DatabaseClosed(DatabaseError):
    """The database was closed; what was still waiting was not done."""

    def __init__(self) -> None:
        super().__init__("The database is closed. Nothing of this unit of work was kept.")


class NotCommitted(DatabaseError):
    """The transaction could not be begun or committed; nothing of the unit was kept. The cause is chained."""


class ForeignAwait(DatabaseError):
    """A unit of work awaited something else than its ``Tx``; it was rolled back."""

    def __init__(self, unit: Callable[..., object]) -> None:
        name = getattr(unit, "__qualname__", repr(unit))
        super().__init__(
            f"The unit of work {name} awaited something else than its Tx, so it was rolled back. "
            "Await other things before or after the unit."
        )


class MigrationError(DatabaseError):
    """The migrations cannot be applied; those before the one named stand, nothing of it does."""


class BackupError(DatabaseError):
    """No backup was made."""


# What a unit of work sees --------------------------------------------------------------------------------------------


class Row(Protocol):
    """One row of an answer; columns by name."""

    def __getitem__(self, column: str, /) -> Any:  # noqa: ANN401 - what it holds is known to the SQL alone
        """Return what a column holds."""
        ...

    def keys(self) -> Iterable[str]:
        """Return the names of the columns."""
        ...


class Tx(Protocol):
    """A transaction, as its unit of work sees it. A statement that fails fails its unit, even if the unit catches it."""

    async def execute(self, sql: str, /, *args: Value) -> int:
        """Run a statement; return how many rows it inserted, updated or deleted."""
        ...

    async def fetch_one(self, sql: str, /, *args: Value) -> Row | None:
        """Run a statement; return its first row, if there is one."""
        ...

    async def fetch_all(self, sql: str, /, *args: Value) -> list[Row]:
        """Run a statement; return all its rows."""
        ...


class Database(ABC):
    """A place to run units of work. It belongs to the event loop it was opened in."""

    @property
    @abstractmethod
    def engine(self) -> Engine:
        """Which engine it is; migrations are named for it."""

    @abstractmethod
    async def run(
        self, unit: Callable[Concatenate[Tx, P], Coroutine[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a unit in one transaction and return its answer, once that is durable.

        If the caller is cancelled meanwhile, the unit is still committed.

        Raises:
            Exception: what the unit raised; nothing of it was kept.
            ForeignAwait: the unit awaited something else than its ``Tx``.
            NotCommitted: the transaction failed as a whole.
            DatabaseClosed: the database was closed before.
        """

    @abstractmethod
    async def read(
        self, unit: Callable[Concatenate[Tx, P], Coroutine[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a unit that only reads, on one consistent view of what is committed; it waits for no writer."""

    @abstractmethod
    async def backup(self, path: Path) -> None:
        """Write a consistent copy to a new file while everything goes on.

        Raises:
            BackupError: the file exists, cannot be written, or the tool for it is missing.
        """

    @abstractmethod
    async def close(self) -> None:
        """Let waiting units finish, then close. Closing again does nothing."""

    @abstractmethod
    async def abort(self) -> None:
        """Close as a crash would: what is not committed yet is lost, and its callers get ``DatabaseClosed``."""

    @abstractmethod
    async def begin_migration(self, tx: Tx) -> None:
        """Keep other processes from migrating until this unit ends, and make sure the table of records stands."""

    @abstractmethod
    def statements(self, script: str) -> list[str]:
        """Split a migration into what :meth:`Tx.execute` takes at once."""


@asynccontextmanager
async def open_database(url: str, *, lock: bool = False) -> AsyncGenerator[Database]:
    """Open ``sqlite:///path`` or ``postgresql://...`` and close it at the end; no migration is applied.

    Args:
        url: where the database is; a third slash starts a relative path, a fourth an absolute one.
        lock: refuse to run beside another process that asked for the lock too.

    Raises:
        DatabaseUnavailable: it cannot be opened.
        DatabaseLocked: ``lock`` was asked for and another process has it.
    """
    file = database_file(url)
    if file is not None:
        from storage.sqlite import open_sqlite  # noqa: PLC0415 - an engine is imported where its URL is met

        opened = open_sqlite(file, lock=lock)
    elif url.startswith(("postgresql://", "postgres://")):
        try:
            from storage.postgres import open_postgres  # noqa: PLC0415 - asyncpg is an optional extra
        except ModuleNotFoundError as error:
            raise DatabaseUnavailable(
                f"PostgreSQL needs the package {error.name}: install this project with its extra `postgres`."
            ) from error
        opened = open_postgres(url, lock=lock)
    else:
        scheme = url.partition(":")[0]
        raise DatabaseUnavailable(
            f"A database URL starts with sqlite:/// or postgresql://, this one with {scheme!r}. "
            "Write for example sqlite:///data/bot.db."
        )
    async with opened as database:
        yield database


def database_file(url: str) -> Path | None:
    """Return the file that an SQLite URL names; a PostgreSQL database has none."""
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


def claim_file(path: Path) -> None:
    """Make an empty file for a backup, for the owner's eyes only.

    Raises:
        BackupError: it exists already, or cannot be made.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise BackupError(f"{path} exists already. Name a new file for the backup.") from None
    except OSError as error:
        raise BackupError(f"{path} cannot be written: {error.strerror}.") from error


# Statements ----------------------------------------------------------------------------------------------------------

_TOKEN: Final = re.compile(
    r"""'(?:[^']|'')*' | "[^"]*" | --[^\n]* | /\*.*?\*/ | \$(\w*)\$.*?\$\1\$ | \?(?P<number>\d*)""",
    re.DOTALL | re.VERBOSE,
)
_REAL: Final = re.compile(r"\bCAST\s*\(\s*\?(\d+)\s+AS\s+DOUBLE\s+PRECISION\s*\)", re.IGNORECASE)
_LOCK: Final = re.compile(r"/\* (FOR (?:UPDATE|KEY SHARE) OF \w+(?: SKIP LOCKED)?) \*/")
_CONTROL: Final = re.compile(
    r"(?:^|;)\s*(BEGIN|START|COMMIT|ROLLBACK|ABORT|SAVEPOINT|RELEASE|PREPARE)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Statement:
    """What there is to know of a statement's text. Strings, comments and quoted names in it are left alone."""

    #: The text with ``$1`` in place of ``?1``, as PostgreSQL wants it.
    dollars: str
    parameters: int
    #: The parameters written ``CAST(?1 AS DOUBLE PRECISION)``: only these take a ``float``.
    reals: frozenset[int]

    def check(self, args: Sequence[Value]) -> None:
        """Refuse what the engines would take differently.

        Raises:
            TypeError: an argument of another type than a column holds.
            ValueError: too many or too few arguments, or one that cannot be stored.
        """
        if len(args) != self.parameters:
            raise ValueError(f"The statement has {self.parameters} parameters, {len(args)} were given: {self.dollars}")
        for number, value in enumerate(args, 1):
            if value is not None:
                self._check(number, value)

    def _check(self, number: int, value: Value) -> None:
        if isinstance(value, bool):
            raise TypeError(f"Parameter ?{number} is a bool; write 0 or 1: {self.dollars}")
        if isinstance(value, int):
            if not -(2**63) <= value < 2**63:
                raise ValueError(f"Parameter ?{number} is {value}, which does not fit into 64 bits: {self.dollars}")
        elif isinstance(value, float):
            self._check_real(number, value)
        elif isinstance(value, str):
            if "\0" in value:
                raise ValueError(f"Parameter ?{number} holds a NUL, which text cannot store: {self.dollars}")
        elif not isinstance(value, bytes):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be wrong
            raise TypeError(f"Parameter ?{number} is a {type(value).__name__}, which no column holds: {self.dollars}")

    def _check_real(self, number: int, value: float) -> None:
        if number not in self.reals:
            raise TypeError(
                f"Parameter ?{number} is a float, and only a REAL takes one; "
                f"if it is meant, write CAST(?{number} AS DOUBLE PRECISION): {self.dollars}"
            )
        if not math.isfinite(value):
            raise ValueError(f"Parameter ?{number} is {value}, which is not a finite number: {self.dollars}")


@lru_cache(maxsize=1024)
def statement(sql: str) -> Statement:
    """Read a statement's text, once.

    A row is locked by ``/* FOR UPDATE OF table */``, perhaps with ``SKIP LOCKED``, or kept from being deleted by ``FOR KEY
    SHARE``: PostgreSQL gets what stands in the comment. For SQLite it stays a comment, because a transaction there is the only one that writes anyway.

    Raises:
        ValueError: parameters are not numbered from ?1 without gaps, or the statement would end the transaction.
    """
    numbers = {match["number"] for match in _TOKEN.finditer(sql) if match["number"] is not None}
    if numbers != {str(number) for number in range(1, len(numbers) + 1)}:
        raise ValueError(f"Parameters are numbered ?1, ?2 and so on without gaps: {sql}")
    control = _CONTROL.search(_TOKEN.sub(" ", sql))
    if control:
        raise ValueError(f"A unit of work is one transaction already; leave out {control[1].upper()}: {sql}")
    dollars = _TOKEN.sub(lambda token: token[0] if token["number"] is None else f"${token['number']}", sql)
    return Statement(
        dollars=_LOCK.sub(r"\1", dollars),
        parameters=len(numbers),
        reals=frozenset(int(number) for number in _REAL.findall(sql)),
    )


# Migrations ----------------------------------------------------------------------------------------------------------

_FILE: Final = re.compile(r"(?P<name>\d{4}_\w+)\.(?P<engine>sqlite|postgres)\.sql")
_RECORDED: Final = "SELECT name FROM migrations ORDER BY name"
_IS_RECORDED: Final = "SELECT name FROM migrations WHERE name = ?1"
_RECORD: Final = "INSERT INTO migrations (name, applied_at) VALUES (?1, ?2)"


@dataclass(frozen=True, slots=True)
class _Migration:
    name: str
    script: str


async def pending_migrations(database: Database, folder: Path = MIGRATIONS) -> list[str]:
    """Return the names of the migrations that :func:`migrate` would apply, in order; raises as it does."""
    return [migration.name for migration in await _pending(database, folder)]


async def migrate(database: Database, folder: Path = MIGRATIONS) -> list[str]:
    """Apply the migrations that the database does not record yet; return their names.

    A migration is a pair of files, ``NNNN_name.sqlite.sql`` and ``NNNN_name.postgres.sql``, applied in the order of
    their numbers, each in one transaction together with its record. Several processes may do this at once.

    Raises:
        MigrationError: the folder is not in order, the database has migrations that are not in it, or one failed.
    """
    return [migration.name for migration in await _pending(database, folder) if await _applied(database, migration)]


async def _pending(database: Database, folder: Path) -> list[_Migration]:
    migrations = await asyncio.to_thread(_load, folder, database.engine)
    recorded = await database.run(_recorded, database)
    unknown = sorted(set(recorded) - {migration.name for migration in migrations})
    if unknown:
        raise MigrationError(
            f"The database is newer than this program: it has {', '.join(unknown)}, which this program does not know. "
            "Run the newer program, or restore the backup made before it ran."
        )
    return [migration for migration in migrations if migration.name not in recorded]


def _load(folder: Path, engine: Engine) -> list[_Migration]:
    """Read the folder's migrations for one engine, in order, and check that all of them are pairs."""
    engines: dict[str, set[str]] = {}
    for file in sorted(folder.glob("*.sql")):
        match = _FILE.fullmatch(file.name)
        if match is None:
            raise MigrationError(f"{file.name} is not named like 0001_name.sqlite.sql or 0001_name.postgres.sql.")
        engines.setdefault(match["name"], set()).add(match["engine"])
    for number, (name, found) in enumerate(engines.items(), 1):
        if int(name[:4]) != number:
            raise MigrationError(f"Migrations are numbered from 0001 without gaps: {name} should be {number:04}.")
        if len(found) == 1:
            raise MigrationError(f"Migration {name} is there for {found.pop()} only; each has a file for both engines.")
    return [_Migration(name, (folder / f"{name}.{engine}.sql").read_text(encoding="utf-8")) for name in engines]


async def _recorded(tx: Tx, database: Database) -> list[str]:
    await database.begin_migration(tx)
    return [row["name"] for row in await tx.fetch_all(_RECORDED)]


async def _applied(database: Database, migration: _Migration) -> bool:
    try:
        return await database.run(_apply, database, migration)
    except Exception as error:
        raise MigrationError(f"Migration {migration.name} failed, and nothing of it was kept: {error}") from error


async def _apply(tx: Tx, database: Database, migration: _Migration) -> bool:
    """Apply a migration and record it; returns false when another process was first."""
    await database.begin_migration(tx)
    if await tx.fetch_one(_IS_RECORDED, migration.name) is not None:
        return False
    for sql in database.statements(migration.script):
        await tx.execute(sql)
    await tx.execute(_RECORD, migration.name, time.time_ns() // 1_000_000)
    return True
