"""The client over real HTTP and a real socket: what it tells Discord of itself, and how it comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import discord
import pytest

from bot.app import _stay_connected
from playground.discord import Fault


def syncs(world: Any) -> list[int]:
    """Return the status of each time the commands were told."""
    return [call.status for call in world.discord.calls if call.method == "PUT"]


async def login(world: Any) -> None:
    """Log a new client in, and out again."""
    async with world.program.new_bot() as bot:
        await bot.login(world.discord.rest.token)


async def test_the_commands_are_told_when_they_changed_and_not_on_every_start(wire: Any) -> None:
    async with wire(online=False) as world:
        await login(world)
        await login(world)
        assert syncs(world) == [200]
        assert {command["name"] for command in world.discord.rest.commands} >= {"edit", "quota"}
        await world.program.services.memory.set("commands", "what they were before")
        await login(world)
        assert syncs(world) == [200, 200]


async def test_commands_that_could_not_be_told_are_told_by_the_next_client(wire: Any) -> None:
    async with wire(online=False) as world:
        world.discord.faults.plan("PUT", ".*", Fault(503))
        with pytest.raises(discord.DiscordServerError):
            await login(world)
        await login(world)
        assert syncs(world) == [503, 200]


async def test_file_options_offer_pictures_and_recipes_only(wire: Any) -> None:
    async with wire(online=False) as world:
        await login(world)
        commands = {command["name"]: command for command in world.discord.rest.commands}
        [run] = [command for command in commands["recipe"]["options"] if command["name"] == "run"]
        for command, kinds in ((commands["edit"], []), (run, [[".json", ".txt"]])):
            files = [option for option in command["options"] if option["type"] == 11]
            assert [option["file_types"] for option in files] == [*kinds, *[["image"]] * 3]


@asynccontextmanager
async def staying_connected(world: Any) -> AsyncGenerator[asyncio.Task[None]]:
    task = asyncio.create_task(_stay_connected(world.program))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_malformed_payload_ends_a_client_and_another_takes_its_place(wire: Any) -> None:
    async with wire(online=False) as world, staying_connected(world):
        await world.until(lambda: world.discord.gateway.identified == 1)
        first = world.program.bot
        await world.discord.gateway.dispatch("GUILD_CREATE", {"id": "not a number"})
        await world.until(lambda: world.discord.gateway.identified == 2)
        assert world.program.bot is not first
        assert first.is_closed()
        used = await world.edit()
        await world.until(lambda: used.response is not None)


async def test_a_connection_that_breaks_is_resumed_by_the_same_client(wire: Any) -> None:
    async with wire() as world:
        first = world.program.bot
        world.discord.gateway.drop()
        await world.until(lambda: world.discord.gateway.resumed == 1)
        await world.edit()
        await world.idle()
        assert world.program.bot is first
        assert world.discord.gateway.identified == 1


async def test_a_login_that_discord_fails_is_tried_again_with_another_client(wire: Any) -> None:
    async with wire(online=False) as world:
        first = world.program.bot
        world.discord.faults.plan("GET", "/users/@me", Fault(503))
        async with staying_connected(world):
            await world.until(lambda: world.discord.gateway.identified == 1)
            assert world.program.bot is not first


async def test_a_token_that_was_reset_ends_the_connection_for_good(wire: Any) -> None:
    async with wire(online=False) as world, staying_connected(world) as connection:
        await world.until(lambda: world.discord.gateway.identified == 1)
        world.discord.rest.token = "another"
        await world.discord.gateway.close(4004)
        with pytest.raises(discord.LoginFailure):
            await asyncio.wait_for(connection, 10)
