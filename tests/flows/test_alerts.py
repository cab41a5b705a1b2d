"""Alerts reach the channel that was chosen for them, once, and one that cannot be posted stops no other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import discord
import pytest

from playground.world import GUILD_ID, World, open_world
from storage import alerts
from storage.alerts import AlertKind
from storage.database import open_database
from storage.records import Asker

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}
BOOKS = {"differences": 1, "stale": 0, "first": ["account 3: held is 5 micro-dollars too high"]}
NOWHERE = 999_999_999_999_999_999


async def choose(world: World, channel_id: int) -> None:
    """Have a manager choose the channel for alerts."""
    await world.program.budgets.change(Asker(world.guild.id, world.cleo.id), alert_channel_id=channel_id)


async def raise_one(world: World, guild_id: int, key: str) -> None:
    """Raise an alert, which the loop finds when it looks at the table."""
    await world.program.database.run(
        alerts.raise_once, guild_id, key, AlertKind.BOOKS, BOOKS, world.program.services.clock()
    )


def told(world: World, visit: Any) -> list[discord.Message]:
    """Return the alerts that stand in the channel."""
    heads = ("### A limit of", "### The books do not balance")
    return [message for message in world.channel.history() if visit.words(message).startswith(heads)]


async def all_posted(world: World) -> None:
    """Wait until no alert is to be posted any more."""
    async with asyncio.timeout(20):
        while await world.program.database.read(alerts.to_post):
            await asyncio.sleep(0.02)
    await world.env.settle()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.02)


async def test_what_was_spent_is_told_in_the_chosen_channel_once_and_rings_nobody(visit_of: Any) -> None:
    async with open_world(**{**PLENTY, "server_daily_usd": Decimal("0.04")}) as world:
        visit = visit_of(world)
        await choose(world, world.channel.id)
        await visit.edit(size="1024x768")
        await until(lambda: bool(told(world, visit)))
        [message] = told(world, visit)
        words = visit.words(message)
        assert "### A limit of this server is used to " in words
        assert "of $0.04 a day" in words
        assert "`/budget show` says how all limits stand." in words
        assert message.mentions == []
        await world.restart()
        await all_posted(world)
        assert len(told(world, visit)) == 1


async def test_a_limit_that_refuses_an_edit_is_told_at_once_and_once(visit_of: Any) -> None:
    async with open_world(**{**PLENTY, "server_daily_usd": Decimal("0.06")}) as world:
        visit = visit_of(world)
        await choose(world, world.channel.id)
        world.runware.pause()
        for size in ("1024x768", "1024x768", "1024x768"):
            await visit.ask(size=size)
        await until(lambda: bool(told(world, visit)))
        [message] = told(world, visit)
        assert "### A limit of this server has refused an edit" in visit.words(message)
        world.runware.resume()
        await world.idle()


async def test_an_alert_survives_a_stop_between_its_rise_and_its_post(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await choose(world, world.channel.id)
        await world.stop()
        async with open_database(world.settings.database_url) as database:
            assert await database.run(alerts.raise_once, GUILD_ID, "a", AlertKind.BOOKS, BOOKS, 1)
            assert not await database.run(alerts.raise_once, GUILD_ID, "a", AlertKind.BOOKS, BOOKS, 2)
        for _ in range(2):
            await world.restart()
            await all_posted(world)
        assert [visit.words(message).splitlines()[0] for message in told(world, visit)] == [
            "### The books do not balance"
        ]


async def test_a_channel_that_is_gone_stops_no_other_and_the_log_has_the_sentence(
    visit_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        world.settings = world.settings.model_copy(update={"alert_channel": world.channel.id})
        await world.restart()
        await choose(world, NOWHERE)
        await raise_one(world, GUILD_ID, "the server's")
        await raise_one(world, 0, "the operator's")
        await all_posted(world)
        assert len(told(world, visit)) == 1
        [warning] = [record.getMessage() for record in caplog.records if record.name == "cogs.alerts"]
        assert warning.startswith(
            "alert 1 stands only here: Discord answered 404 10003 in its channel. It says: The books do not balance."
        )


async def test_an_alert_for_which_no_channel_was_chosen_stands_in_the_log(
    visit_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_world(**PLENTY) as world:
        await raise_one(world, 0, "a")
        await raise_one(world, GUILD_ID, "b")
        await all_posted(world)
        assert told(world, visit_of(world)) == []
        warnings = [record.getMessage() for record in caplog.records if record.name == "cogs.alerts"]
        assert len(warnings) == 2
        words = "stands only here: no channel was chosen for it. It says: The books do not balance."
        assert all(words in warning for warning in warnings)


async def test_an_alert_that_nobody_can_put_into_words_stops_no_other(
    visit_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_world(**PLENTY) as world:
        await choose(world, world.channel.id)
        database, now = world.program.database, world.program.services.clock()
        await database.run(alerts.raise_once, GUILD_ID, "of another version", AlertKind.BOOKS, {}, now)
        await raise_one(world, GUILD_ID, "a")
        await all_posted(world)
        assert len(told(world, visit_of(world))) == 1
        assert "alert 1 cannot be put into words" in caplog.text


async def test_an_alert_that_could_not_be_posted_for_a_day_stands_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with open_world(**PLENTY) as world:
        await choose(world, world.channel.id)
        world.env.inject_error("POST", f"/channels/{world.channel.id}/messages", status=500, times=None)
        await world.program.database.run(alerts.raise_once, GUILD_ID, "a", AlertKind.BOOKS, BOOKS, 1)
        await all_posted(world)
        assert "alert 1 stands only here: Discord answered 500 0 in its channel." in caplog.text


async def test_a_discord_that_fails_for_a_while_is_tried_again(visit_of: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "cogs.alerts")
    async with open_world(**PLENTY) as world:
        await choose(world, world.channel.id)
        world.env.inject_error("POST", f"/channels/{world.channel.id}/messages", status=500, times=1)
        await raise_one(world, GUILD_ID, "a")
        await all_posted(world)
        assert len(told(world, visit_of(world))) == 1
        [warning] = [record.getMessage() for record in caplog.records if record.name == "cogs.alerts"]
        assert warning == "alert 1 is posted later: Discord answered 500 0 in its channel"


async def test_a_job_that_waited_for_a_day_says_so_on_its_card(visit_of: Any, books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit, books = visit_of(world), books_of(world)
        await world.program.budgets.change(Asker(world.guild.id, world.cleo.id), approve_above=0)
        await visit.ask()
        await until(lambda: bool(visit.threads()))
        await world.program.database.run(_asked_a_day_ago)
        async with asyncio.timeout(20):
            while "No manager answered for a day" not in visit.words(visit.last()):
                await asyncio.sleep(0.02)
        await world.idle()
        assert world.runware.requests == []
        await books.check()


async def _asked_a_day_ago(tx: Any) -> None:
    await tx.execute("UPDATE jobs SET created_at = created_at - 86400000")
