"""What breaks in one job, or for a while, concerns that job alone and passes."""

from __future__ import annotations

from typing import Any

import pytest

from bot import outcomes
from bot.errors import OutOfSpace
from playground.world import open_world
from storage.records import Status


async def test_a_job_whose_answer_cannot_be_taken_keeps_no_other_from_ending(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, books_of: Any, visit_of: Any
) -> None:
    take_poll = outcomes.take_poll

    async def poisoned(tx: Any, asked: Any, *args: Any) -> Any:
        if asked.job.id == 1 and asked.polls == 0 and not broken:
            broken.append(asked.job.id)
            raise TypeError("nobody thought of this")
        return await take_poll(tx, asked, *args)

    broken: list[int] = []
    monkeypatch.setattr(outcomes, "take_poll", poisoned)
    async with open_world(public_url=None) as world:
        visit = visit_of(world)
        await visit.ask()
        await visit.ask(world.bo)
        await world.idle()
        assert [job.status for job in await books_of(world).jobs()] == [Status.SUCCEEDED] * 2
    assert broken == [1]
    assert "job 1 could not be reconciled" in caplog.text
    assert "the reconciler stopped" not in caplog.text


async def test_a_disk_that_is_full_for_a_while_loses_no_result(
    caplog: pytest.LogCaptureFixture, books_of: Any, visit_of: Any
) -> None:
    async with open_world() as world:
        visit = visit_of(world)
        store = world.program.services.pictures
        world.runware.pause()
        await visit.ask()
        put = store.put

        async def full(_data: bytes) -> str:
            store.put = put  # type: ignore[method-assign]
            raise OutOfSpace("no room")

        store.put = full  # type: ignore[method-assign]
        world.runware.resume()
        await world.idle()
        result, _ = await world.program.edits.result(1)
        assert result.usable
        await books_of(world).check()
    assert "the copier stopped" not in caplog.text
