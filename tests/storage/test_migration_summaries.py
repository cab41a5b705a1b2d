"""A database from before summaries were remembered is carried over: what was closed then counts as summed up."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from storage import sessions
from storage.database import MIGRATIONS, Tx, migrate, open_database

NOON = 1_900_022_400_000
OPEN, CLOSED = 1, 2


async def _fill(tx: Tx) -> None:
    for session_id, state, closed_at in ((OPEN, "open", None), (CLOSED, "closed", NOON)):
        await tx.execute(
            "INSERT INTO sessions (id, guild_id, channel_id, thread_id, public, owner_id, access, state, created_at, "
            "closed_at) VALUES (?1, 10, 100, ?1, 1, 1, 'open', ?2, 1, CAST(?3 AS BIGINT))",
            session_id,
            state,
            closed_at,
        )


@pytest.mark.parametrize("session_id", [OPEN, CLOSED])
async def test_only_what_was_closed_before_counts_as_summed_up(
    database_url: str, tmp_path: Path, session_id: int
) -> None:
    folder = tmp_path / "fourth"
    folder.mkdir()
    for number in ("0001", "0002", "0003", "0004"):
        for file in MIGRATIONS.glob(f"{number}_*.sql"):
            shutil.copy(file, folder)
    async with open_database(database_url) as database:
        await migrate(database, folder)
        await database.run(_fill)
        await migrate(database)
        assert await database.read(sessions.is_summed_up, session_id) is (session_id == CLOSED)
