"""Limits hold, whoever asks at once, on either engine."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from bot.errors import OverQuota
from bot.prices import price
from playground.world import World, open_world
from storage.records import MICROS_PER_DOLLAR, Asker, EditRequest, Place, Reference


async def a_request(world: World) -> EditRequest:
    picture = await world.program.services.pictures.prepare("image", "cat.png", world.photos["chelsea.png"])
    sha256 = await world.program.services.pictures.put(picture.data)
    reference = Reference(sha256, picture.width, picture.height, "cat.png")
    return EditRequest("make it night", (reference,), 1024, 768, seed=7)


@pytest.mark.parametrize("limit", ["member_daily_usd", "server_daily_usd", "bot_daily_usd"])
async def test_of_twenty_requests_at_once_exactly_two_fit_a_limit_of_two_holds(
    limit: str, database_url: str, books_of: Any
) -> None:
    plenty: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}
    async with open_world(database_url=database_url) as probe:
        hold = price(await a_request(probe)).hold
    plenty[limit] = Decimal(2 * hold + 1) / MICROS_PER_DOLLAR
    async with open_world(database_url=database_url, max_in_flight=20, **plenty) as world:
        world.runware.pause()
        request = await a_request(world)
        members = [world.ana] if limit == "member_daily_usd" else [world.ana, world.bo, world.cleo]
        reply = world.thread.last_message
        assert reply is not None
        place = Place(world.thread.id, reply.id)

        async def ask(number: int) -> bool:
            asker = Asker(world.guild.id, members[number % len(members)].id)
            try:
                await world.program.edits.request(asker, place, request.with_seed(number))
            except OverQuota:
                return False
            return True

        admitted = await asyncio.gather(*(ask(number) for number in range(20)))
        assert admitted.count(True) == 2
        async with asyncio.timeout(10):
            while len(world.runware.requests) < 2:
                await asyncio.sleep(0.01)
        assert len(await books_of(world).jobs()) == 2
        world.runware.resume()
        await world.idle()
        assert len(world.runware.requests) == 2
        await books_of(world).check()


async def test_a_refused_request_writes_nothing_and_says_which_limit_and_when_it_frees(
    books_of: Any, visit_of: Any
) -> None:
    async with open_world(member_daily_usd=Decimal("0.03")) as world:
        visit, books = visit_of(world), books_of(world)
        never = await visit.ask(size="1024x768", results=2)
        assert "It would not fit at any other time either" in visit.words(never.response)
        assert await books.jobs() == []
        await visit.edit(size="256x256")
        later = visit.words((await visit.ask(size="256x256")).response)
        assert "your own limits allow $0.03 a day" in later
        assert "Enough is free again <t:" in later
        assert len(await books.jobs()) == len(world.runware.requests) == 1
        await books.check()


async def test_members_take_turns_when_one_fills_the_queue(books_of: Any) -> None:
    plenty: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}
    async with open_world(max_in_flight=1, **plenty) as world:
        world.runware.pause()
        request = await a_request(world)
        reply = world.thread.last_message
        assert reply is not None
        place = Place(world.thread.id, reply.id, world.thread.id)
        for number in range(6):
            await world.program.edits.request(Asker(world.guild.id, world.ana.id), place, request.with_seed(number))
        for number in (100, 101):
            await world.program.edits.request(Asker(world.guild.id, world.bo.id), place, request.with_seed(number))
        world.runware.resume()
        async with asyncio.timeout(20):
            while len(world.runware.requests) < 8:
                await asyncio.sleep(0.01)
        order = [task["seed"] for task in world.runware.requests]
        assert order.index(100) <= 2
        assert order.index(101) <= 4
