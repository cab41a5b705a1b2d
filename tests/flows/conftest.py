"""What the flow tests ask of a world: its books, and what members do and see there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import discord
import pytest
from simcord import ChannelHandle, InteractionResult, MemberActor

from bot import books
from cogs._turns import Turns
from playground.world import World
from storage import announcements, jobs, ledger
from storage.database import Tx
from storage.records import Entry, EntryKind, Job, Status


class Visit:
    """A visit to a world: what members do there, and what they see. A message may be Discord's or a response."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._furniture = {thread.id for thread in world.channel.threads}
        self._books = Books(world)

    async def private_thread(self) -> ChannelHandle:
        """Have Ana make a private thread in the channel, with the bot in it and nobody else."""
        world, backend = self._world, self._world.env.backend
        made = backend.create_thread(
            world.channel.id, "between us", world.ana.id, type=discord.ChannelType.private_thread.value
        )
        backend.add_thread_member(made.id, backend.bot_user.id)
        await world.env.settle()
        return next(thread for thread in world.channel.threads if thread.id == made.id)

    async def ask(
        self,
        member: MemberActor | None = None,
        channel: ChannelHandle | None = None,
        *,
        prompt: str = "make it night",
        **options: Any,
    ) -> InteractionResult:
        """Ask for an edit, of a cat where no picture is named; by Ana, in the channel, unless told otherwise."""
        if not {"image", "from"} & options.keys():
            options["image"] = ("cat.png", self._world.photos["chelsea.png"])
        actor = self._world.ana if member is None else member
        given = {name: value for name, value in options.items() if value is not None}
        return await actor.slash(channel or self._world.channel, "edit", prompt=prompt, **given)

    async def edit(self, *args: Any, **options: Any) -> discord.Message:
        """Ask for an edit, wait for its end, and return the last message about it."""
        await self.ask(*args, **options)
        await self._world.idle()
        return self.last()

    async def take_down(self, member: MemberActor, shown: discord.Message) -> None:
        """Have a member take a result's only picture down; where others would miss it, they are asked once more."""
        asked = (await member.click(shown, label="Delete")).response
        if asked is not None and self.menus(asked):
            [number] = self.ids(shown)
            await member.select(asked, [number])
        await self._world.idle()

    def last(self) -> discord.Message:
        """Return the last message that the bot posted, of all it may have posted anywhere."""
        own = [message for message in self.everything() if message.author.bot]
        return max(own, key=lambda message: message.id)

    def threads(self) -> list[ChannelHandle]:
        """Return the threads that edits made, oldest first."""
        return [thread for thread in self._world.channel.threads if thread.id not in self._furniture]

    def everything(self) -> list[discord.Message]:
        """Return every message that somebody can see: in channels, threads and direct messages."""
        backend = self._world.env.backend
        handles = [ChannelHandle(self._world.env, None, channel) for channel in list(backend.channels.values())]
        return [message for handle in handles for message in handle.history()]

    def direct(self, member: MemberActor) -> list[discord.Message]:
        """Return the bot's direct messages to a member."""
        return member.user.dm_channel.history()

    def results(self) -> list[discord.Message]:
        """Return the messages with pictures that were made, oldest first."""
        shown = [message for message in self.everything() if message.author.bot and self.ids(message)]
        return sorted(shown, key=lambda message: message.id)

    def ids(self, message: Any) -> list[str]:
        """Return the ids of the results that a message shows. Numbers are left out where an answer was repeated."""
        return [name.split("-seed-")[0] for name in self.files(message) if "-seed-" in name]

    def words(self, message: Any) -> str:
        """Return all that a message says."""
        return "\n".join(part["content"] for part in _parts(message) if isinstance(part.get("content"), str))

    def labels(self, message: Any) -> list[str]:
        """Return the labels of a message's buttons."""
        return [part["label"] for part in _parts(message) if part["type"] == discord.ComponentType.button.value]

    def menus(self, message: Any) -> list[list[str]]:
        """Return the labels of the options of a message's menus."""
        menus = [part for part in _parts(message) if part["type"] == discord.ComponentType.select.value]
        return [[option["label"] for option in menu["options"]] for menu in menus]

    def files(self, message: Any) -> dict[str, str | None]:
        """Return the files of a message with their alt texts."""
        return {file.filename: file.description for file in message.attachments}

    def gallery(self, message: Any) -> list[str | None]:
        """Return the alt texts of the pictures that a message shows."""
        galleries = [part for part in _parts(message) if part["type"] == discord.ComponentType.media_gallery.value]
        return [item.get("description") for gallery in galleries for item in gallery["items"]]

    async def status(self, number: int, *wanted: Status) -> Job:
        """Wait until the job asked for as the ``number``-th (from 0) has one of these statuses, and Discord shows it."""
        async with asyncio.timeout(20):
            while True:
                asked = await self._books.jobs()
                if number < len(asked) and asked[number].status in wanted and await self.all_shown():
                    return asked[number]
                await asyncio.sleep(0.01)

    async def jobs(self) -> list[Job]:
        """Return every job, in the order they were asked for."""
        return await self._books.jobs()

    async def all_shown(self) -> bool:
        """Tell whether Discord shows every job as it is."""
        return not await self._world.program.database.read(announcements.unshown_ids)


def _parts(message: Any) -> Iterator[dict[str, Any]]:
    """Yield every component of a message, outermost first."""
    todo = [part if isinstance(part, dict) else part.to_dict() for part in reversed(message.components)]
    while todo:
        part = todo.pop()
        yield part
        todo.extend(reversed(part.get("components", [])))


class Books:
    """The jobs and the ledger of a world, and the laws that hold between them at rest."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def jobs(self) -> list[Job]:
        return await self._world.program.database.read(_jobs)

    async def entries(self, job_id: int) -> list[Entry]:
        return await self._world.program.database.read(ledger.of_job, job_id)

    async def check(self) -> None:
        """Every hold ended once, and what was settled, released and adjusted adds up to what the jobs cost."""
        for job in await self.jobs():
            lines = await self.entries(job.id)
            kinds = [line.kind for line in lines]
            assert kinds.count(EntryKind.HOLD) in {1, 2}, "held once, and once more where it was approved"
            assert kinds.count(EntryKind.SETTLE) <= 1
            assert sum(line.held for line in lines) == 0, f"job {job.id} still holds: {lines}"
            assert sum(line.spent for line in lines) == (job.cost or 0)
        if await self._world.program.database.read(_gifts):
            await self._check_counters()
        else:
            assert await self._world.program.database.read(_counters) == await self._world.program.database.read(_sums)

    async def _check_counters(self) -> None:
        """Every counter is what the ledger adds up to, that of each pool and of each sponsor too."""
        program, now = self._world.program, self._world.program.services.clock()
        days = await program.database.read(books.days_to_audit, None, now)
        audit = await books.audit(program.database, days, program.settings, now)
        assert audit.balanced, audit.sentences()

    def posts(self) -> list[tuple[str, ...]]:
        """Return the file names of every message with pictures that the bot posted as a result, in all channels."""
        found: list[tuple[str, ...]] = []
        for channel in [self._world.channel, *self._world.channel.threads]:
            for message in channel.history():
                names = tuple(file.filename for file in message.attachments)
                if message.author.bot and any("-seed-" in name for name in names):
                    found.append(names)
        return found


@pytest.fixture
def books_of() -> Callable[[World], Books]:
    return Books


@pytest.fixture
def all_taken() -> Callable[[Turns, int], AbstractContextManager[None]]:
    """Hold that many turns at once, as that many people would who came just before."""

    @contextmanager
    def held(turns: Turns, most: int) -> Iterator[None]:
        with ExitStack() as stack:
            for _ in range(most):
                stack.enter_context(turns.take())
            yield

    return held


@pytest.fixture
def visit_of() -> Callable[[World], Visit]:
    return Visit


async def _jobs(tx: Tx) -> list[Job]:
    rows = await tx.fetch_all(f"SELECT {jobs.COLUMNS} ORDER BY jobs.id")
    return [jobs.from_row(row) for row in rows]


async def _gifts(tx: Tx) -> bool:
    return await tx.fetch_one("SELECT id FROM grants LIMIT 1") is not None


async def _counters(tx: Tx) -> list[tuple[str, int, int]]:
    rows = await tx.fetch_all(
        "SELECT scope, CAST(sum(held) AS BIGINT) AS held, CAST(sum(spent) AS BIGINT) AS spent FROM account_quarters "
        "JOIN accounts ON accounts.id = account_quarters.account_id GROUP BY scope ORDER BY scope"
    )
    return [(row["scope"], row["held"], row["spent"]) for row in rows]


async def _sums(tx: Tx) -> list[tuple[str, int, int]]:
    """Add the ledger up as each scope sees it: adjustments bind the server and the bot, never a member."""
    row = await tx.fetch_one(
        "SELECT CAST(coalesce(sum(held), 0) AS BIGINT) AS held, CAST(coalesce(sum(spent), 0) AS BIGINT) AS spent, "
        "CAST(coalesce(sum(CASE WHEN kind = 'adjust' THEN 0 ELSE spent END), 0) AS BIGINT) AS own FROM ledger"
    )
    assert row is not None
    if (await tx.fetch_all("SELECT id FROM ledger LIMIT 1")) == []:
        return []
    return [
        ("bot", row["held"], row["spent"]),
        ("channel", row["held"], row["own"]),
        ("member", row["held"], row["own"]),
        ("server", row["held"], row["spent"]),
    ]
