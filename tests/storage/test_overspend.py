"""Crowds against every kind of limit and grant at once; the benchmark plays the same a thousand times."""

from __future__ import annotations

from pathlib import Path

from benchmarks import overspend
from storage.database import Database


async def test_no_crowd_passes_a_limit_or_overdraws_a_grant_and_the_books_balance(
    database: Database, tmp_path: Path
) -> None:
    outcome = await overspend.play(database, tmp_path, range(5))
    assert outcome.breaches == []
    assert outcome.admitted > overspend.CROWD
    assert outcome.refused.total() > overspend.CROWD
