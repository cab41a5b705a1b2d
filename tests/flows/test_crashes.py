"""Killed at any point of the life of an edit and started again: nothing lost, nothing paid or announced twice.

Between two durable steps the program holds no truth, so a kill is tried before and after every commit of the life of
an edit, whichever they are: the count is found by living one through.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any

import pytest

from playground.world import World, open_world
from storage.database import Database, DatabaseClosed
from storage.records import Asker, Status


class Killer:
    """Ends the program, as ``kill -9`` would, at the n-th unit of work, or at the first one of such a name.

    Before it commits, or right ``after``.
    """

    def __init__(self, world: World, at: int | str | None, *, after: bool) -> None:
        self._world, self._at, self._after = world, at, after
        self._database: Database = world.program.database
        self._run = self._database.run
        self.units = 0
        self.names: list[str] = []
        #: The same with their modules, each once.
        self.kinds: dict[str, None] = {}
        self.struck = asyncio.Event()
        self.aborting: asyncio.Task[None]
        self._database.run = self._counted  # type: ignore[method-assign]

    async def _counted(self, unit: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        if self.struck.is_set():
            raise DatabaseClosed  # what was killed does nothing any more, while the abort is still on its way
        if unit.__name__ == "claim_next" and not kwargs.get("counted", False) and await self._nothing_queued():
            return await self._run(unit, *args, **kwargs)  # idle turns of the queue change nothing
        self.units += 1
        self.names.append(unit.__name__)
        kind = f"{unit.__module__}.{unit.__name__}"
        if self._at != self.units and (self._at != kind or kind in self.kinds):
            self.kinds[kind] = None
            return await self._run(unit, *args, **kwargs)
        answer = await self._run(unit, *args, **kwargs) if self._after else None
        self.struck.set()
        self._world.program.stop()  # this may cancel the very task that runs here, so the rest is done in one of its own
        loop = asyncio.get_running_loop()
        self.aborting = contextvars.Context().run(loop.create_task, self._database.abort())
        if self._after:
            return answer
        raise DatabaseClosed

    async def _nothing_queued(self) -> bool:
        async def queued(tx: Any) -> bool:
            return await tx.fetch_one("SELECT id FROM jobs WHERE status = 'queued' LIMIT 1") is None

        return await self._database.read(queued)


async def live_through(world: World, killer: Killer) -> bool:
    """Ask for an edit and wait for its end, or for the kill; returns whether the kill came."""
    await world.ana.slash(world.channel, "edit", prompt="make it night", image=("cat.png", world.photos["chelsea.png"]))
    idle = asyncio.create_task(world.idle())
    struck = asyncio.create_task(killer.struck.wait())
    await asyncio.wait({idle, struck}, return_when=asyncio.FIRST_COMPLETED)
    for task in (idle, struck):
        task.cancel()
    await asyncio.gather(idle, struck, return_exceptions=True)
    return killer.struck.is_set()


async def rise_again(world: World, killer: Killer) -> None:
    """Start the program again, once what was on the wire when it died has reached Runware."""
    await killer.aborting
    await world.stop(crash=True)
    await asyncio.sleep(0.1)
    await world.restart()


@pytest.mark.parametrize("after", [False, True], ids=["before a commit", "after a commit"])
async def test_a_kill_anywhere_loses_nothing_and_doubles_nothing(after: bool, books_of: Any) -> None:
    async with open_world(member_daily_usd=100, server_daily_usd=100, bot_daily_usd=100) as world:
        for at in range(1, 40):
            before = len(await books_of(world).jobs())
            posts, tasks = len(books_of(world).posts()), _tasks(world)
            killer = Killer(world, at, after=after)
            killed = await live_through(world, killer)
            world.env.errors.clear()
            if killed:
                await rise_again(world, killer)
                await world.idle()
            new = (await books_of(world).jobs())[before:]
            kept = killer.names[: at if after else at - 1] if killed else killer.names
            asked_for = int("ask" in kept)  # before that, nothing is written down but whose the picture is
            assert [job.status for job in new] == [Status.SUCCEEDED] * asked_for, killer.names
            assert all(job.announced_at is not None for job in new)
            assert len(books_of(world).posts()) == posts + asked_for, killer.names
            assert len(_tasks(world)) == len(tasks) + asked_for, "the task was not run, or run twice"
            assert len(world.runware.requests) == len(_tasks(world)), "a task was posted twice"
            await books_of(world).check()
            if not killed:
                assert at > 8, f"an edit has more steps than {killer.names}"
                return
        pytest.fail("the life of an edit never ended")


async def go_on(world: World, visit: Any) -> None:
    """Answer whatever is asked, as its asker and as a manager, till nothing is open."""
    async with asyncio.timeout(20):
        while True:
            asked = [message for message in visit.everything() if "Yes, edit it" in visit.labels(message)]
            waits = [message for message in visit.everything() if "Approve" in visit.labels(message)]
            if asked:
                await world.ana.click(asked[0], label="Yes, edit it")
            elif waits:
                await world.cleo.click(waits[0], label="Approve")
            elif not await world.open_jobs():
                return
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("after", [False, True], ids=["before a commit", "after a commit"])
async def test_a_kill_anywhere_between_the_price_the_approval_and_the_end_loses_nothing(
    after: bool, books_of: Any, visit_of: Any
) -> None:
    async with open_world(member_daily_usd=100, server_daily_usd=100, bot_daily_usd=100) as world:
        visit, books = visit_of(world), books_of(world)
        cleo = Asker(world.guild.id, world.cleo.id)
        await world.program.budgets.change(cleo, confirm_above=0, approve_above=0)
        for at in range(1, 60):
            before, tasks = len(await books.jobs()), _tasks(world)
            killer = Killer(world, at, after=after)
            await visit.ask()
            going = asyncio.create_task(go_on(world, visit))
            struck = asyncio.create_task(killer.struck.wait())
            await asyncio.wait({going, struck}, return_when=asyncio.FIRST_COMPLETED)
            killed = killer.struck.is_set()
            for task in (going, struck):
                task.cancel()
            await asyncio.gather(going, struck, return_exceptions=True)
            world.env.errors.clear()
            if killed:
                await rise_again(world, killer)
                await go_on(world, visit)
            await world.idle()
            new = (await books.jobs())[before:]
            # An offer that was made and not shown yet has to be asked for again: nothing is owed for one.
            # Before that, nothing is written down but whose the picture is.
            early: dict[str, set[int]] = {"_learn": {0}, "ask": {0, 1}}
            assert len(new) in (early.get(killer.names[at - 1], {1}) if killed and at <= len(early) else {1}), (
                killer.names
            )
            assert all(job.status is Status.SUCCEEDED for job in new), killer.names
            assert len(_tasks(world)) == len(tasks) + len(new), "the task was not run, or run twice"
            assert len(world.runware.requests) == len(_tasks(world)), "a task was posted twice"
            await books.check()
            if not killed:
                assert at > 10, f"an edit has more steps than {killer.names}"
                return
        pytest.fail("the life of an edit never ended")


@pytest.mark.parametrize("after", [False, True], ids=["before a commit", "after a commit"])
async def test_a_kill_anywhere_while_a_session_is_closed_loses_nothing_of_its_summary(
    after: bool, visit_of: Any
) -> None:
    async with open_world(member_daily_usd=100, server_daily_usd=100, bot_daily_usd=100) as world:
        visit = visit_of(world)
        await world.bo.click(await visit.edit(world.ana), custom_id="star:1")
        await world.idle()
        [thread] = visit.threads()
        for at in range(1, 20):
            there = {message.id for message in thread.history()}
            killer = Killer(world, at, after=after)
            await world.ana.slash(thread, "session close")
            killed = killer.struck.is_set()
            if killed:
                world.env.errors.clear()
                await rise_again(world, killer)
                await world.ana.slash(thread, "session close")
            said = [visit.words(message) for message in thread.history() if message.id not in there]
            assert any("closed this session" in words for words in said), killer.names
            assert any("The most stars" in words for words in said), killer.names
            if not killed:
                assert at > 3, f"a close has more steps than {killer.names}"
                return
            again = await world.ana.slash(thread, "session close")
            assert "This session is closed" in visit.words(again.response)
            await world.ana.slash(thread, "session reopen")
        pytest.fail("the close of a session never ended")


def _tasks(world: World) -> set[str]:
    return {request["taskUUID"] for request in world.runware.requests}


async def live_through_a_sweep(world: World, visit: Any, killer: Killer) -> bool:
    """Say yes to the sweep that was asked about, and wait for its end, or for the kill; returns whether that came."""
    asked = [message for message in visit.everything() if "Yes, make them" in visit.labels(message)]
    if asked:
        await world.ana.click(asked[0], label="Yes, make them")
    idle = asyncio.create_task(world.idle())
    struck = asyncio.create_task(killer.struck.wait())
    await asyncio.wait({idle, struck}, return_when=asyncio.FIRST_COMPLETED)
    for task in (idle, struck):
        task.cancel()
    await asyncio.gather(idle, struck, return_exceptions=True)
    return killer.struck.is_set()


async def make_a_sweep(world: World, visit: Any, books: Any, at: str | None, *, after: bool) -> Killer:
    """Have a sweep made, killed at a unit of work and started again, and find each of its cells, and its sheet, once."""
    before, posts, tasks = len(await books.jobs()), len(books.posts()), _tasks(world)
    cat = ("cat.png", world.photos["chelsea.png"])
    asked = await world.ana.slash(
        world.channel, "sweep", prompt="a sweep", x="steps", x_values="1, 2", image=cat, size="256x256"
    )
    assert asked.response is not None
    killer = Killer(world, at, after=after)
    if await live_through_a_sweep(world, visit, killer):
        world.env.errors.clear()
        await rise_again(world, killer)
        assert len(await books.jobs()) - before in {0, 2}, "a sweep begins whole or not at all"
        await live_through_a_sweep(world, visit, Killer(world, None, after=after))
        await world.idle()
    new = (await books.jobs())[before:]
    assert [job.status for job in new] == [Status.SUCCEEDED] * 2, killer.names
    assert len(books.posts()) == posts + 2, killer.names
    assert len(_tasks(world)) == len(tasks) + 2, "a task was not run, or run twice"
    [card] = [message for message in world.channel.history() if message.id == asked.response.id]
    assert "Sweep done: 2 of 2 pictures" in visit.words(card), killer.names
    assert "contact-sheet.jpg" in visit.files(card)
    [thread] = [thread for thread in visit.threads() if thread.id == card.id]
    told = [message for message in thread.history() if "your sweep is done" in visit.words(message)]
    assert len(told) == 1, killer.names
    await books.check()
    return killer


@pytest.mark.parametrize("after", [False, True], ids=["before a commit", "after a commit"])
async def test_a_kill_at_any_unit_of_a_sweep_makes_each_cell_once_and_one_sheet(
    after: bool, books_of: Any, visit_of: Any
) -> None:
    """Of a sweep's own units each kind is struck; a cell's are those of any edit."""
    async with open_world(member_daily_usd=100, server_daily_usd=100, bot_daily_usd=100) as world:
        visit, books = visit_of(world), books_of(world)
        whole = await make_a_sweep(world, visit, books, None, after=after)
        own = [kind for kind in whole.kinds if kind.startswith(("bot.sweeps.", "storage.sweeps."))]
        assert len(own) >= 6, whole.kinds
        for kind in own:
            killer = await make_a_sweep(world, visit, books, kind, after=after)
            assert killer.struck.is_set(), kind
