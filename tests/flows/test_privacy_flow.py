"""What the bot knows of a person, told to them alone; and forgotten, in the database, in the store and in Discord."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import discord
import pytest
from simcord import InteractionResult, MemberActor

from cogs import _farewell as farewell
from playground.world import World, open_world
from storage import remote, rounds
from storage.database import Tx
from storage.records import Status

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}
#: Words that stand nowhere else.
PROMPT, FILE, NEGATIVE, PROPOSAL = "xylograph", "bramblefinch", "quagmire", "zeppelin"
DRAFT, PRESET, SWEPT, FAILED = "ocarina", "marzipan", "tarpaulin", "dirigible"
WORDS = (PROMPT, FILE, NEGATIVE, PROPOSAL, DRAFT, PRESET, SWEPT, FAILED)
TABLES = {
    "sqlite": "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
    "postgres": "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
}


async def _everything(tx: Tx, engine: str) -> dict[str, list[dict[str, Any]]]:
    names = [row["name"] for row in await tx.fetch_all(TABLES[engine])]
    return {
        name: [{column: row[column] for column in row.keys()} for row in await tx.fetch_all(f"SELECT * FROM {name}")]  # noqa: SIM118 - asyncpg's rows iterate over values
        for name in names
    }


class Life:
    """Ana's life with the bot, in which she leaves traces everywhere; Bo goes on from hers."""

    def __init__(self, world: World, visit: Any) -> None:
        self.world, self.visit = world, visit

    @property
    def photo(self) -> tuple[str, bytes]:
        return f"{FILE}.png", self.world.photos["chelsea.png"]

    async def live(self) -> None:
        world, visit, ana, bo = self.world, self.visit, self.world.ana, self.world.bo
        await visit.edit(ana, prompt=f"a {PROMPT}", negative=NEGATIVE, image=self.photo)
        thread = visit.threads()[0]
        await visit.edit(bo, prompt="make it rain", **{"from": "#1"})
        await visit.edit(ana, thread, prompt=f"another {PROMPT}", image=self.photo)
        world.runware.faults.fail = "providerError"
        await visit.edit(ana, prompt=f"a {FAILED}", image=self.photo)
        world.runware.faults.fail = None
        asked = await ana.slash(
            world.channel, "sweep", prompt=f"a {SWEPT}", x="steps", x_values="10, 20", image=self.photo
        )
        assert asked.response is not None
        await ana.click(asked.response, label="Yes, make them")
        await world.idle()
        await ana.click(visit.results()[1], label="Star")
        await ana.slash(world.channel, "preset save", name=PRESET, prompt=f"a {PRESET}", options="steps=12")
        await ana.slash(world.channel, "draft", prompt=f"a {DRAFT}", image=self.photo)
        await world.cleo.slash(thread, "pool give", amount="1")
        await self._vote(thread)
        await world.cleo.slash(world.channel, "budget grant", member=ana, amount="1") if False else None
        await world.idle()

    async def _vote(self, thread: Any) -> None:
        """Have Ana propose in a round about Bo's picture, which is open still."""
        world, visit = self.world, self.visit
        await world.bo.slash(thread, "round start", result="#2")
        [card] = [message for message in thread.history() if "what to do with [#" in visit.words(message)]
        form = await world.ana.click(card, label="Propose")
        await world.ana.submit_modal(form, {"prompt": f"a {PROPOSAL}"})
        await world.idle()

    async def rows(self) -> dict[str, list[dict[str, Any]]]:
        database = self.world.program.database
        return await database.read(_everything, database.engine)

    async def traces(self) -> list[str]:
        """Return where the database still has one of Ana's words, or her id."""
        marks = (*WORDS, str(self.world.ana.id))
        return [
            f"{table}.{column}: {value}"
            for table, rows in (await self.rows()).items()
            for row in rows
            for column, value in row.items()
            if any(mark in str(value) for mark in marks)
        ]

    def shown(self) -> list[str]:
        """Return what the bot's messages, their files and their threads still say of her."""
        marks = (*WORDS, str(self.world.ana.id))
        said = [
            (str(message.id), f"{[part.to_dict() for part in message.components]} {visit_files(message)}")
            for message in self.visit.everything()
            if message.author.bot
        ]
        said += [("thread", thread.name) for thread in self.world.channel.threads]
        return [f"{what}: {text}" for what, text in said if any(mark in text for mark in marks)]

    async def settle(self) -> None:
        """Wait until everything that was to change has changed."""
        await self.world.idle()
        for _ in range(2000):
            rows = await self.rows()
            if not rows["leftovers"] and not rows["remote_deletions"]:
                break
            await self.world.env.settle()
            await wait()
        else:
            raise AssertionError(f"left over: {rows['leftovers']} {rows['remote_deletions']}")
        await self.world.idle()

    async def forget(self, member: MemberActor | None = None) -> InteractionResult:
        """Have a member ask to be forgotten, and say yes."""
        actor = member or self.world.ana
        asked = await actor.slash(self.world.channel, "privacy forget")
        assert asked.response is not None
        assert asked.response.ephemeral
        return await actor.click(asked.response, label="Forget me for good")


async def wait() -> None:
    import asyncio

    await asyncio.sleep(0.01)


def visit_files(message: discord.Message) -> list[tuple[str, str | None]]:
    return [(file.filename, file.description) for file in message.attachments]


def unzipped(answer: InteractionResult) -> dict[str, bytes]:
    """Return the files of an export that came in one part."""
    assert answer.response is not None
    [attached] = answer.response.attachments
    data = attached.data if hasattr(attached, "data") else None
    assert data is not None
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


async def test_who_is_forgotten_stands_in_no_table_and_no_message_and_the_books_balance(
    books_of: Any, visit_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        life = Life(world, visit_of(world))
        await life.live()
        traces = "\n".join(await life.traces())
        assert all(word in traces for word in WORDS), "the test must leave traces to be able to fail"
        assert all(word in "\n".join(life.shown()) for word in (PROMPT, PROPOSAL, SWEPT, FAILED))
        answer = await life.forget()
        assert answer.response is not None
        assert "You are forgotten" in life.visit.words(answer.response)
        await life.settle()
        assert await life.traces() == []
        assert life.shown() == []
        await books_of(world).check()
        assert world.env.errors == []


async def test_debug(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        life = Life(world, visit_of(world))
        await life.live()
        answer = await world.ana.slash(world.channel, "privacy export")
        print(
            answer.response,
            life.visit.words(answer.response),
            answer.response.attachments,
            dir(answer.response.attachments[0]),
        )
