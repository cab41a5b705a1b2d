"""A database with two small tables of its own, so that the engines are tested without the bot's."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from storage.database import Database, Tx, open_database


@pytest.fixture
async def store(database_url: str) -> AsyncGenerator[Database]:
    """A fresh database with the tables ``notes`` (empty) and ``counters`` (one row), on each engine in turn."""
    async with open_database(database_url) as database:
        await database.run(_make_tables)
        yield database


async def _make_tables(tx: Tx) -> None:
    await tx.execute("CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT, score DOUBLE PRECISION, data BYTEA)")
    await tx.execute("CREATE TABLE counters (name TEXT PRIMARY KEY, used BIGINT NOT NULL)")
    await tx.execute("INSERT INTO counters (name, used) VALUES ('edits', 0)")
