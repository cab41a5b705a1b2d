"""An alert is posted once, whatever happens to the connection on its way."""

from __future__ import annotations

from typing import Any

import pytest

from playground.discord import Fault
from playground.discord.shapes import CHANNEL_ID
from storage import alerts
from storage.alerts import AlertKind

BOOKS = {"differences": 1, "stale": 0, "first": ["account 3: held is 5 micro-dollars too high"]}


async def no_alert_left(world: Any) -> bool:
    return not await world.program.database.read(alerts.to_post)


@pytest.mark.parametrize("fault", [Fault(), Fault(handled=True), Fault(500, handled=True), Fault(429)], ids=str)
async def test_an_alert_whose_answer_is_lost_stands_once_and_rings_nobody(wire: Any, fault: Fault) -> None:
    async with wire(alert_channel=int(CHANNEL_ID)) as world:
        world.discord.faults.plan("POST", r"/channels/\d+/messages", fault)
        await world.program.database.run(alerts.raise_once, 0, "a", AlertKind.BOOKS, BOOKS, 1_900_000_000_000)
        await world.until(lambda: no_alert_left(world))
        assert world.discord.faults.left == 0
        [message] = world.discord.messages(CHANNEL_ID)
        assert "### The books do not balance" in str(message)
        assert [call.body.object["allowed_mentions"] for call in world.discord.posts()] == [{"parse": []}] * 2
