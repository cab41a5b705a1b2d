"""Reading rows that must be there."""

from __future__ import annotations

from storage.database import Row, Tx, Value


async def the_row(tx: Tx, sql: str, *args: Value) -> Row:
    """Return the row of a statement that always has one: an aggregate, a foreign key's target, a row just written.

    Raises:
        LookupError: there was none; the unit is rolled back.
    """
    row = await tx.fetch_one(sql, *args)
    if row is None:
        raise LookupError(f"a row that must be there is not: {' '.join(sql.split())}")
    return row
