"""The two schemas are one, and every statement of the units of work is known to both engines."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import sqlite3
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

import storage
from storage.database import Tx, migrate, open_database, statement

#: The modules that hold no units of work.
_NO_UNITS = {"_rows", "database", "postgres", "records", "sqlite"}
_UNITS = sorted({module.name for module in pkgutil.iter_modules(storage.__path__)} - _NO_UNITS)
_VERB = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b")
_FOLDER = Path(storage.__path__[0])


def _texts(module: str) -> Iterator[tuple[str, str]]:
    """Every module-level text, also inside a table of statements, that reads as a statement."""
    for name, value in vars(importlib.import_module(f"storage.{module}")).items():
        for key, text in value.items() if isinstance(value, dict) else [("", value)]:
            if isinstance(text, str) and _VERB.match(text):
                yield f"{module}.{name}{f'[{key}]' if key else ''}", text


STATEMENTS = dict(found for module in _UNITS for found in _texts(module))


# The statements ------------------------------------------------------------------------------------------------------


def test_the_units_write_their_sql_as_constants_so_that_all_of_it_is_tried_here() -> None:
    inline: list[str] = []
    for module in _UNITS:
        for node in ast.walk(ast.parse((_FOLDER / f"{module}.py").read_text(encoding="utf-8"))):
            match node:
                case (
                    ast.Call(func=ast.Attribute(value=ast.Name("tx")), args=[sql, *_])
                    | ast.Call(func=ast.Name("the_row"), args=[ast.Name("tx"), sql, *_])
                ) if not isinstance(sql, ast.Name | ast.Subscript):
                    inline.append(f"{module}:{node.lineno}")
    assert not inline
    assert len(STATEMENTS) > 80


def test_no_statement_changes_or_deletes_a_line_of_the_ledger() -> None:
    touching = re.compile(r"\b(?:UPDATE|DELETE\s+FROM)\s+ledger\b", re.IGNORECASE)
    assert [name for name, sql in STATEMENTS.items() if touching.search(sql)] == []


@pytest.fixture
async def sqlite_file(tmp_path: Path) -> Path:
    path = tmp_path / "schema.db"
    async with open_database(f"sqlite:///{path}") as database:
        await migrate(database)
    return path


@pytest.fixture
def plain_sqlite(sqlite_file: Path) -> Generator[sqlite3.Connection]:
    connection = sqlite3.connect(sqlite_file)
    yield connection
    connection.close()


def test_sqlite_reads_no_statement_by_going_through_a_whole_table(plain_sqlite: sqlite3.Connection) -> None:
    partial = plain_sqlite.execute("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql LIKE '%WHERE%'")
    small = {name for (name,) in partial}
    tables = {name for (name,) in plain_sqlite.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    scans: dict[str, list[str]] = {}
    for name, sql in STATEMENTS.items():
        nothing = (None,) * statement(sql).parameters
        plan = [row[3] for row in plain_sqlite.execute(f"EXPLAIN QUERY PLAN {sql}", nothing)]
        scans[name] = [step for step in plan if _goes_through_a_table(step, tables, small)]
    assert {name: steps for name, steps in scans.items() if steps} == {}


def _goes_through_a_table(step: str, tables: set[str], partial: set[str]) -> bool:
    scan = re.fullmatch(r"SCAN (\S+)(?: USING (?:COVERING )?INDEX (\w+))?.*", step)
    if scan is None or scan[1] not in tables:
        return False  # rows of constants, a subquery
    return scan[2] not in partial


async def test_postgres_infers_64_bits_or_text_for_every_parameter_and_plans_every_statement(
    migrated_postgres: str,
) -> None:
    connection = await asyncpg.connect(migrated_postgres)
    inferred: dict[str, set[str]] = {}
    try:
        for name, sql in STATEMENTS.items():
            prepared = await connection.prepare(statement(sql).dollars)
            inferred[name] = {parameter.name for parameter in prepared.get_parameters()}
            await connection.execute(f"EXPLAIN (GENERIC_PLAN) {statement(sql).dollars}")
    finally:
        await connection.close()
    assert {name: types for name, types in inferred.items() if types - {"int8", "text"}} == {}


# The schemas ---------------------------------------------------------------------------------------------------------

Schema = dict[str, dict[str, Any]]


async def test_the_two_schemas_are_the_same_column_by_column(sqlite_file: Path, migrated_postgres: str) -> None:
    async with open_database(f"sqlite:///{sqlite_file}") as database:
        sqlite = await database.read(_sqlite_schema)
    async with open_database(migrated_postgres) as database:
        postgres = await database.read(_postgres_schema)
    assert "jobs" in sqlite
    assert sqlite == postgres


async def test_every_table_of_sqlite_is_strict(plain_sqlite: sqlite3.Connection) -> None:
    tables = plain_sqlite.execute("SELECT name, strict FROM pragma_table_list WHERE type = 'table' AND schema = 'main'")
    assert [name for name, strict in tables if not strict and not name.startswith("sqlite_")] == []


async def _sqlite_schema(tx: Tx) -> Schema:
    tables = "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    return {row["name"]: await _sqlite_table(tx, row["name"], row["sql"]) for row in await tx.fetch_all(tables)}


async def _sqlite_table(tx: Tx, table: str, text: str) -> dict[str, Any]:
    columns = await tx.fetch_all('SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info(?1)', table)
    listed = await tx.fetch_all(
        """
        SELECT made.name, made.origin, made."unique", schema.sql, (
            SELECT group_concat(name) FROM (SELECT name FROM pragma_index_info(made.name) ORDER BY seqno)
        ) AS columns
        FROM pragma_index_list(?1) AS made LEFT JOIN sqlite_schema AS schema ON schema.name = made.name
        """,
        table,
    )
    references = await tx.fetch_all('SELECT "table", "from", "to" FROM pragma_foreign_key_list(?1)', table)
    keys = sorted((row["pk"], row["name"]) for row in columns if row["pk"])
    return {
        "columns": [
            (row["name"], row["type"], not row["notnull"] and not row["pk"], row["dflt_value"]) for row in columns
        ],
        "counts by itself": "AUTOINCREMENT" in text,
        "primary key": ",".join(name for _, name in keys),
        "uniques": sorted(row["columns"] for row in listed if row["origin"] == "u"),
        "indexes": {
            row["name"]: (row["columns"], row["unique"], _plain(row["sql"].partition("WHERE")[2]))
            for row in listed
            if row["origin"] == "c"
        },
        "references": sorted((row["from"], row["table"], row["to"]) for row in references),
        "checks": sorted(_plain(check) for check in _checks(text)),
    }


async def _postgres_schema(tx: Tx) -> Schema:
    tables = "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
    return {row["name"]: await _postgres_table(tx, row["name"]) for row in await tx.fetch_all(tables)}


async def _postgres_table(tx: Tx, table: str) -> dict[str, Any]:
    columns = await tx.fetch_all(
        """
        SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull,
            pg_get_expr(adbin, adrelid) AS standard, attidentity <> '' AS counts
        FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attrelid = to_regclass(?1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
        """,
        table,
    )
    constraints = await tx.fetch_all(
        """
        SELECT CAST(contype AS TEXT) AS type, pg_get_constraintdef(oid) AS text, (
            SELECT string_agg(attname, ',' ORDER BY place) FROM unnest(conkey) WITH ORDINALITY AS keys (key, place)
            JOIN pg_attribute ON attrelid = conrelid AND attnum = key
        ) AS columns
        FROM pg_constraint WHERE conrelid = to_regclass(?1)
        """,
        table,
    )
    indexes = await tx.fetch_all(
        """
        SELECT CAST(CAST(indexrelid AS regclass) AS TEXT) AS name, CAST(indisunique AS INT) AS unique,
            pg_get_expr(indpred, indrelid) AS predicate, (
                SELECT string_agg(pg_get_indexdef(indexrelid, place, false), ',' ORDER BY place)
                FROM generate_series(1, indnkeyatts) AS places (place)
            ) AS columns
        FROM pg_index WHERE indrelid = to_regclass(?1)
            AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))
        """,
        table,
    )
    of = {kind: [row for row in constraints if row["type"] == kind] for kind in "pufc"}
    references = [re.findall(r"\((\w+)\) REFERENCES (\w+)\((\w+)\)", row["text"]) for row in of["f"]]
    return {
        "columns": [
            (row["name"], _TYPES[row["type"]], not row["attnotnull"], _default(row["standard"])) for row in columns
        ],
        "counts by itself": any(row["counts"] for row in columns),
        "primary key": of["p"][0]["columns"],
        "uniques": sorted(row["columns"] for row in of["u"]),
        "indexes": {row["name"]: (row["columns"], row["unique"], _plain(row["predicate"] or "")) for row in indexes},
        "references": sorted(found for match in references for found in match),
        "checks": sorted(_plain(row["text"].removeprefix("CHECK ")) for row in of["c"]),
    }


_TYPES = {"bigint": "INTEGER", "text": "TEXT"}


def _default(text: str | None) -> str | None:
    return None if text is None else re.sub(r"^'(-?\d+)'::bigint$", r"\1", text).removesuffix("::text")


def _checks(table: str) -> Iterator[str]:
    """The conditions of a table's CHECKs: the text between each one's own brackets."""
    for start in re.finditer(r"\bCHECK \(", re.sub(r"--[^\n]*", "", table)):
        text, depth = re.sub(r"--[^\n]*", "", table)[start.end() :], 1
        for end, character in enumerate(text):
            depth += {"(": 1, ")": -1}.get(character, 0)
            if not depth:
                yield text[:end]
                break


def _plain(condition: str) -> str:
    """Write a condition as both engines can be made to write it: PostgreSQL shows what it understood, not the text."""
    condition = re.sub(r"::\w+(\[\])?", "", condition)
    condition = re.sub(r"= ANY \(ARRAY\[(.*?)\]\)", r"IN (\1)", condition)
    condition = re.sub(r"(\w+) BETWEEN (\w+) AND", r"\1 >= \2 AND \1 <=", condition)
    return re.sub(r'[\s()"]', "", condition)
