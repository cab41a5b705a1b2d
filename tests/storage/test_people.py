"""What is known of a person is told whole: every column of the schema is told, or named as saying nothing, with why."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from storage import accounts, people
from storage.database import Database, Tx, migrate, open_database, statement
from storage.people import PARTS, SAYS_NOTHING, walk
from storage.records import Job, Scope

COLUMNS = {
    "sqlite": """
        SELECT tables.name AS table_name, columns.name AS column_name
        FROM sqlite_schema AS tables JOIN pragma_table_info(tables.name) AS columns
        WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%'
    """,
    "postgres": "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'",
}


async def _schema(tx: Tx, engine: str) -> set[str]:
    return {f"{row['table_name']}.{row['column_name']}" for row in await tx.fetch_all(COLUMNS[engine])}


async def test_every_column_is_told_or_says_nothing_about_a_person(database: Database) -> None:
    schema = await database.read(_schema, database.engine)
    told = {f"{part.table}.{column}" for _, part in walk() for column in part.columns}
    silent = {column for column in schema if column in SAYS_NOTHING or column.partition(".")[0] in SAYS_NOTHING}
    assert schema - told - silent == set(), "say what these are, or why they say nothing about a person"
    assert told & silent == set()
    assert told <= schema
    tables = {column.partition(".")[0] for column in schema}
    assert {name for name in SAYS_NOTHING if name not in schema | tables} == set()
    assert all(SAYS_NOTHING.values())


def test_every_part_has_a_name_of_its_own_and_says_in_words_what_it_is() -> None:
    assert set(Counter(way for way, _ in walk()).values()) == {1}
    assert all(part.what for _, part in walk())
    assert all(set(part.key) <= set(part.columns) for _, part in walk()), (
        "the last row tells where the next page begins"
    )
    assert all(part.parent in part.columns for _, part in walk() if part.parts)


async def test_sqlite_reads_each_page_by_whose_it_is_and_never_by_the_order_alone(tmp_path: Path) -> None:
    file = tmp_path / "plan.db"
    async with open_database(f"sqlite:///{file}") as database:
        await migrate(database)
    connection = sqlite3.connect(file)
    try:
        for way, sql in people._PAGES.items():
            nothing = (None,) * statement(sql).parameters
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", nothing)]
            assert any(re.search(r"SEARCH \w+ USING .*\((\w+=\?)", step) for step in plan), (way, plan)
    finally:
        connection.close()


async def _told(database: Database, account_id: int, limit: int | None = None) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for part in PARTS:
        after = part.start
        while rows := await database.read(people.page, part, account_id, after):
            found.setdefault(part.name, []).extend(rows)
            after = tuple(rows[-1][column] for column in part.key)
            assert limit is None or len(rows) <= limit
    return found


async def test_pages_tell_each_row_once_and_nothing_of_others(
    database: Database, ask: Callable[..., Awaitable[Job]], make: Callable[..., Awaitable[int]]
) -> None:
    asked = [(await ask(1)).id for _ in range(2 * people.PAGE + 1)]
    result_id, other = await make(1), await make(2)
    account_id = await database.read(accounts.find, Scope.MEMBER, 10, 1)
    assert account_id is not None
    told = await _told(database, account_id, people.PAGE)
    assert [row["id"] for row in told["edits"]][: len(asked)] == asked
    [last] = told["edits"][len(asked) :]
    assert [row["id"] for row in last["results"]] == [result_id]
    assert len(told["ledger"]) == len(asked) + 1
    assert str(other) not in [str(row["id"]) for edit in told["edits"] for row in edit["results"]]
    assert [picture.result_id for picture in await database.read(people.pictures_of, account_id)] == [result_id]
