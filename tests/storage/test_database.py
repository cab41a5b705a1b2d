"""What both engines promise to a unit of work."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest

from storage.database import (
    Database,
    DatabaseClosed,
    DatabaseLocked,
    DatabaseUnavailable,
    ForeignAwait,
    Tx,
    Value,
    open_database,
    statement,
)

INSERT = "INSERT INTO notes (id, text) VALUES (?1, ?2)"


async def note(tx: Tx, number: int, text: str = "") -> int:
    return await tx.execute(INSERT, number, text)


async def ids(tx: Tx) -> list[int]:
    return [row["id"] for row in await tx.fetch_all("SELECT id FROM notes ORDER BY id")]


class Refused(Exception):
    pass


async def note_and_refuse(tx: Tx, number: int) -> None:
    await note(tx, number)
    raise Refused


# Units ---------------------------------------------------------------------------------------------------------------


async def test_a_unit_returns_its_answer_and_the_next_read_sees_it(store: Database) -> None:
    assert await store.run(note, 1, text="one") == 1
    assert await store.read(ids) == [1]


async def test_a_unit_that_raises_leaves_nothing(store: Database) -> None:
    with pytest.raises(Refused):
        await store.run(note_and_refuse, 1)
    assert await store.read(ids) == []


async def test_units_side_by_side_fail_alone(store: Database) -> None:
    units = [store.run(note_and_refuse if number % 2 else note, number) for number in range(20)]
    answers = await asyncio.gather(*units, return_exceptions=True)
    assert [isinstance(answer, Refused) for answer in answers] == [bool(number % 2) for number in range(20)]
    assert await store.read(ids) == list(range(0, 20, 2))


async def test_twenty_units_at_once_against_a_limit_of_five_admit_five(store: Database) -> None:
    guarded = "UPDATE counters SET used = used + 1 WHERE name = ?1 AND used + 1 <= ?2 RETURNING used"

    async def admit(tx: Tx, limit: int) -> bool:
        await tx.fetch_one("SELECT used FROM counters WHERE name = 'edits'")
        return await tx.fetch_one(guarded, "edits", limit) is not None

    answers = await asyncio.gather(*(store.run(admit, 5) for _ in range(20)))
    assert answers.count(True) == 5


async def test_twenty_locked_read_modify_writes_at_once_against_a_limit_of_five_admit_five(store: Database) -> None:
    async def admit(tx: Tx, limit: int) -> bool:
        await tx.execute("UPDATE counters SET used = used WHERE name = 'edits'")  # the lock, as in allowances
        row = await tx.fetch_one("SELECT used FROM counters WHERE name = 'edits'")
        assert row is not None
        if row["used"] >= limit:
            return False
        await tx.execute("UPDATE counters SET used = CAST(?1 AS BIGINT) WHERE name = 'edits'", row["used"] + 1)
        return True

    answers = await asyncio.gather(*(store.run(admit, 5) for _ in range(20)))
    assert answers.count(True) == 5


async def test_a_read_cannot_write(store: Database) -> None:
    with pytest.raises(Exception, match=r"readonly|read-only"):
        await store.read(note, 1)
    assert await store.run(ids) == []


async def test_the_unit_of_a_cancelled_caller_is_committed(database_url: str) -> None:
    async def make(tx: Tx) -> None:
        await tx.execute("CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT)")

    async with open_database(database_url) as database:
        await database.run(make)
        calls = [asyncio.create_task(database.run(note, number)) for number in range(10)]
        await asyncio.sleep(0)  # each is on its way now, and none can have an answer yet
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        assert all(call.cancelled() for call in calls)
    async with open_database(database_url) as database:
        assert await database.read(ids) == list(range(10))


async def _sleep() -> None:
    await asyncio.sleep(60)


async def _yield() -> None:
    await asyncio.sleep(0)


async def _thread() -> None:
    await asyncio.to_thread(sys.getsizeof, 1)


@pytest.mark.parametrize("foreign", [_sleep, _yield, _thread])
async def test_a_unit_that_awaits_something_else_is_rolled_back(
    store: Database, foreign: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    async def wander(tx: Tx) -> None:
        await note(tx, 1)
        await foreign()

    with pytest.raises(ForeignAwait, match="wander awaited something else than its Tx"):
        await store.run(wander)
    await store.run(note, 2)
    assert await store.read(ids) == [2]


async def test_a_unit_that_awaits_a_future_is_rolled_back(store: Database) -> None:
    future = asyncio.get_running_loop().create_future()
    ended: list[bool] = []

    async def wander(tx: Tx) -> None:
        await note(tx, 1)
        try:
            await future
        finally:
            ended.append(True)

    with pytest.raises(ForeignAwait):
        await store.run(wander)
    assert ended
    assert await store.read(ids) == []


async def test_a_runtime_error_of_a_unit_is_its_own(store: Database) -> None:
    async def fail(tx: Tx) -> None:
        raise RuntimeError("the queue is upside down")

    with pytest.raises(RuntimeError, match="upside down"):
        await store.run(fail)


async def test_a_unit_that_swallows_a_failed_statement_fails_all_the_same(store: Database) -> None:
    async def swallow(tx: Tx) -> str:
        await note(tx, 1)
        with suppress(Exception):
            await note(tx, 1)
        return "all is well"

    with pytest.raises(Exception, match=r"(?i)unique"):
        await store.run(swallow)
    assert await store.read(ids) == []


async def test_a_unit_may_catch_an_error_of_its_own_and_go_on(store: Database) -> None:
    async def retry(tx: Tx) -> None:
        with suppress(TypeError):
            await note(tx, 1.5)  # pyright: ignore[reportArgumentType] - refused before it reaches the database
        await note(tx, 1)

    await store.run(retry)
    assert await store.read(ids) == [1]


# Statements ----------------------------------------------------------------------------------------------------------


async def test_execute_counts_the_rows_it_changed(store: Database) -> None:
    async def count(tx: Tx) -> list[int]:
        return [
            await tx.execute("INSERT INTO notes (id) VALUES (?1), (?2), (?3)", 1, 2, 3),
            await tx.execute("UPDATE notes SET text = ?1 WHERE id > 1 RETURNING id", "x"),
            await tx.execute("DELETE FROM notes WHERE id = ?1", 9),
            await tx.execute("SELECT id FROM notes"),
            await tx.execute("CREATE TABLE more (id BIGINT)"),
        ]

    assert await store.run(count) == [3, 2, 0, 0, 0]


async def test_fetch_one_changes_every_row_it_matches(store: Database) -> None:
    async def change(tx: Tx) -> list[str]:
        for number in range(3):
            await note(tx, number)
        row = await tx.fetch_one("UPDATE notes SET text = 'new' RETURNING id")
        assert row is not None
        return [row["text"] for row in await tx.fetch_all("SELECT text FROM notes")]

    assert await store.run(change) == ["new"] * 3


async def test_a_row_knows_its_columns(store: Database) -> None:
    await store.run(note, 1, "one")

    async def look(tx: Tx) -> dict[str, object]:
        row = await tx.fetch_one("SELECT id, text FROM notes WHERE id = ?1", 1)
        assert row is not None
        return {column: row[column] for column in list(row.keys())}

    async def miss(tx: Tx) -> object:
        return await tx.fetch_one("SELECT id FROM notes WHERE id = ?1", 2)

    assert await store.read(look) == {"id": 1, "text": "one"}
    assert await store.read(miss) is None


async def test_every_kind_of_value_comes_back_as_it_went_in(store: Database) -> None:
    insert = "INSERT INTO notes (id, text, score, data) VALUES (?1, ?2, CAST(?3 AS DOUBLE PRECISION), ?4)"
    values = (2**63 - 1, "Zoë said: 'what?1' 🎨", 0.1, b"\0\xff"), (-(2**63), None, None, None)

    async def keep(tx: Tx) -> list[tuple[Value, ...]]:
        for row in values:
            await tx.execute(insert, *row)
        rows = await tx.fetch_all("SELECT id, text, score, data FROM notes ORDER BY id DESC")
        return [tuple(row[column] for column in ("id", "text", "score", "data")) for row in rows]

    assert await store.run(keep) == list(values)


async def test_a_parameter_may_be_used_twice_and_out_of_order(store: Database) -> None:
    async def pick(tx: Tx) -> str:
        row = await tx.fetch_one("SELECT CAST(?2 AS TEXT) || CAST(?1 AS TEXT) || CAST(?2 AS TEXT) AS word", "b", "a")
        assert row is not None
        return row["word"]

    assert await store.read(pick) == "aba"


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (True, TypeError, "is a bool; write 0 or 1"),
        (2**63, ValueError, "does not fit into 64 bits"),
        (-(2**63) - 1, ValueError, "does not fit into 64 bits"),
        (1.0, TypeError, "only a REAL takes one"),
        ("a\0b", ValueError, "holds a NUL"),
        (bytearray(b"x"), TypeError, "is a bytearray, which no column holds"),
    ],
)
async def test_a_value_that_the_engines_take_differently_is_refused(
    store: Database, value: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        await store.run(note, value)
    with pytest.raises(error, match=words):
        await store.run(note, 1, value)
    assert await store.read(ids) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
async def test_a_real_is_a_finite_number(store: Database, value: float) -> None:
    async def score(tx: Tx) -> None:
        await tx.execute("INSERT INTO notes (id, score) VALUES (1, CAST(?1 AS DOUBLE PRECISION))", value)

    with pytest.raises(ValueError, match="not a finite number"):
        await store.run(score)


@pytest.mark.parametrize("args", [(), (1,), (1, "a", "b")])
def test_a_statement_gets_as_many_values_as_it_has_parameters(args: tuple[Value, ...]) -> None:
    with pytest.raises(ValueError, match=f"has 2 parameters, {len(args)} were given"):
        statement(INSERT).check(args)


@pytest.mark.parametrize("sql", ["SELECT ?2", "SELECT ?1, ?3", "SELECT ?", "SELECT ?0"])
def test_parameters_are_numbered_without_gaps(sql: str) -> None:
    with pytest.raises(ValueError, match="without gaps"):
        statement(sql)


@pytest.mark.parametrize(
    ("sql", "dollars"),
    [
        ("SELECT ?1, ?2, ?1", "SELECT $1, $2, $1"),
        ("SELECT 'why?', 'it''s ?2', ?1", "SELECT 'why?', 'it''s ?2', $1"),
        ('SELECT "a?1" -- ?2\n, ?1 /* ?3\n ?4 */', 'SELECT "a?1" -- ?2\n, $1 /* ?3\n ?4 */'),
        ("SELECT " + ", ".join(f"?{n}" for n in range(1, 12)), "SELECT " + ", ".join(f"${n}" for n in range(1, 12))),
    ],
)
def test_only_parameters_are_translated(sql: str, dollars: str) -> None:
    assert statement(sql).dollars == dollars


@pytest.mark.parametrize("sql", ["COMMIT", " rollback to unit", "INSERT INTO a VALUES (1); COMMIT", "Begin Immediate"])
async def test_a_unit_cannot_end_its_own_transaction(store: Database, sql: str) -> None:
    async def escape(tx: Tx) -> None:
        await note(tx, 1)
        await tx.execute(sql)

    with pytest.raises(ValueError, match="one transaction already"):
        await store.run(escape)
    assert await store.read(ids) == []


# Opening and closing -------------------------------------------------------------------------------------------------


async def test_a_closed_database_refuses_units(database_url: str) -> None:
    async with open_database(database_url) as database:
        await database.close()
        await database.close()
        await database.abort()
        with pytest.raises(DatabaseClosed, match="is closed"):
            await database.run(ids)
        with pytest.raises(DatabaseClosed):
            await database.read(ids)


async def test_closing_lets_the_waiting_units_finish(store: Database, database_url: str) -> None:
    calls = [asyncio.create_task(store.run(note, number)) for number in range(30)]
    await asyncio.sleep(0)
    await store.close()
    assert await asyncio.gather(*calls) == [1] * 30
    async with open_database(database_url) as database:
        assert await database.read(ids) == list(range(30))


async def test_an_abort_keeps_all_that_was_answered(store: Database, database_url: str) -> None:
    calls = [asyncio.create_task(store.run(note, number)) for number in range(200)]
    await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
    await store.abort()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(answer) for answer in answers} <= {int, DatabaseClosed}
    answered = {number for number, answer in enumerate(answers) if answer == 1}
    assert answered
    async with open_database(database_url) as database:
        assert answered <= set(await database.read(ids))


async def test_only_one_bot_runs_on_a_database(database_url: str) -> None:
    async with open_database(database_url, lock=True):
        with pytest.raises(DatabaseLocked, match=r"in use by process \d+ on "):
            async with open_database(database_url, lock=True):
                pass
        async with open_database(database_url) as other:
            assert await other.read(_one) == 1
    async with open_database(database_url, lock=True) as database:
        await database.abort()
        async with open_database(database_url, lock=True):
            pass


async def _one(tx: Tx) -> int:
    row = await tx.fetch_one("SELECT 1 AS one")
    assert row is not None
    return row["one"]


async def test_an_unknown_url_is_refused_in_words() -> None:
    with pytest.raises(DatabaseUnavailable, match=r"starts with sqlite:/// or postgresql://, this one with 'mysql'"):
        async with open_database("mysql://root:secret@host/bot"):
            pass


async def test_postgresql_without_its_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "storage.postgres", raising=False)
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(DatabaseUnavailable, match=r"needs the package asyncpg: install .* extra `postgres`"):
        async with open_database("postgresql:///bot"):
            pass


def test_a_row_lock_is_for_postgresql_and_a_comment_elsewhere() -> None:
    sql = "SELECT id FROM jobs WHERE id = ?1 /* FOR UPDATE OF jobs */"
    assert statement(sql).dollars == "SELECT id FROM jobs WHERE id = $1 FOR UPDATE OF jobs"
    skipping = "SELECT id FROM jobs /* FOR UPDATE OF jobs SKIP LOCKED */"
    assert statement(skipping).dollars == "SELECT id FROM jobs FOR UPDATE OF jobs SKIP LOCKED"
    assert statement("SELECT 1 /* not a lock */").dollars == "SELECT 1 /* not a lock */"
