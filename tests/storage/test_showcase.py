"""What many people like is to be posted once, however often it is liked anew."""

from __future__ import annotations

from typing import Any

from storage import showcase
from storage.database import Database
from storage.showcase import Due


async def test_a_result_is_posted_once_however_often_it_gets_enough_stars(database: Database, make: Any) -> None:
    result_id = await make()
    assert await database.run(showcase.add, result_id, 100)
    assert not await database.run(showcase.add, result_id, 200)
    assert await database.read(showcase.due, 99) == []
    assert await database.read(showcase.due, 100) == [Due(result_id, 0)]
    await database.run(showcase.later, result_id, 500)
    assert await database.read(showcase.due, 499) == []
    assert await database.read(showcase.next_due) == 500
    assert await database.read(showcase.due, 500) == [Due(result_id, 1)]
    await database.run(showcase.done, result_id)
    await database.run(showcase.later, result_id, 600)
    assert await database.read(showcase.due, 10**6) == []
    assert await database.read(showcase.next_due) is None
    assert not await database.run(showcase.add, result_id, 700)
