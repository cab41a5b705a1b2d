"""What the bot knows of a person, told to them alone; and forgotten, in the database, in the store and in Discord."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import discord
import pytest
from simcord import InteractionResult, MemberActor

from bot import people
from bot.errors import OutOfReach
from cogs import _farewell as farewell
from cogs import _own_data
from playground.world import World, open_world
from storage import accounts, authors
from storage.database import Tx
from storage.records import Asker, Origin, Scope, Status

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
        await self._again()
        await world.idle()

    async def _again(self) -> None:
        """Have Bo ask again for the edit of Ana's that failed, in other words: he uses the file that she gave."""
        world, visit = self.world, self.visit
        [failed] = [message for message in visit.everything() if "Try again" in visit.labels(message)]
        form = await world.bo.click(failed, label="Try again")
        await world.bo.submit_modal(form, {"prompt": "a cup"})

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
        return [f"{what}: {text}" for what, text in said if any(mark in (text or "") for mark in marks)]

    async def settle(self) -> None:
        """Wait until everything that was to change has changed."""
        await self.world.idle()
        async with asyncio.timeout(20):
            while (rows := await self.rows())["leftovers"] or rows["remote_deletions"]:
                await self.world.env.settle()
                await asyncio.sleep(0.01)
        await self.world.idle()

    async def forget(self, member: MemberActor | None = None) -> InteractionResult:
        """Have a member ask to be forgotten, and say yes."""
        actor = member or self.world.ana
        asked = await actor.slash(self.world.channel, "privacy forget")
        assert asked.response is not None
        assert asked.response.ephemeral
        return await actor.click(asked.response, label="Forget me for good")


def visit_files(message: discord.Message) -> list[tuple[str, str | None]]:
    return [(file.filename, file.description) for file in message.attachments]


async def unzipped(answer: InteractionResult) -> dict[str, bytes]:
    """Return the files of an export that came in one part."""
    assert answer.response is not None
    assert answer.response.ephemeral
    [attached] = answer.response.attachments
    with zipfile.ZipFile(io.BytesIO(await attached.read())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


async def away(*_: object) -> Any:
    """What everything about a picture store does that cannot be reached."""
    raise OutOfReach("NoAnswer")


async def pictures_in(folder: Path) -> set[str]:
    """Return the hashes of the pictures that the store has."""
    return {path.name for path in (folder / "pictures").glob("??/*")}


# Forgetting ----------------------------------------------------------------------------------------------------------


async def test_who_is_forgotten_stands_in_no_table_and_no_message_and_the_books_balance(
    books_of: Any, visit_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        life = Life(world, visit_of(world))
        await life.live()
        traces = "\n".join(await life.traces())
        assert all(word in traces for word in WORDS), "the test must leave traces to be able to fail"
        assert all(word in "\n".join(life.shown()) for word in (PROMPT, FILE, PROPOSAL, SWEPT, FAILED))
        before = {row["sha256"] for row in (await life.rows())["file_authors"]}
        answer = await life.forget()
        assert answer.response is not None
        assert "You are forgotten, in one server" in life.visit.words(answer.response)
        await life.settle()
        assert await life.traces() == []
        assert life.shown() == []
        assert before
        assert not before & await pictures_in(world.settings.data_dir)
        assert {thread.name for thread in life.visit.threads()} == {"make it rain", farewell.THREAD_NAME}
        await books_of(world).check()
        assert world.env.errors == []


async def test_what_others_made_of_it_stays_theirs_and_is_edited_by_nobody(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        life = Life(world, visit_of(world))
        await life.live()
        await life.forget()
        await life.settle()
        said = [life.visit.words(message) for message in life.visit.results()]
        assert [words for words in said if f"**#2** · {world.bo.mention} · from #1, which is gone" in words]
        form = await world.cleo.slash(world.channel, "edit", prompt="more", **{"from": "#2"})
        assert form.response is not None
        assert "#2 was made of somebody’s picture, and they asked to be forgotten" in life.visit.words(form.response)


async def test_what_was_made_of_a_result_names_its_maker_no_more_where_others_posted_its_picture_too(
    visit_of: Any,
) -> None:
    async with open_world(**PLENTY) as world:
        life = Life(world, visit_of(world))
        await life.visit.edit(world.ana, image=life.photo)
        shown = await life.visit.edit(world.bo, **{"from": "#1"})
        assert world.ana.mention in life.visit.words(shown)
        [sha256] = [row["sha256"] for row in (await life.rows())["results"] if row["id"] == 1]

        async def post(tx: Tx) -> None:
            account_id = await accounts.ensure(tx, Scope.MEMBER, 1, world.guild.id, world.cleo.id)
            await authors.posted(tx, world.guild.id, sha256, account_id, Origin(world.channel.id, 7), 1)

        await world.program.database.run(post)
        await life.forget()
        await life.settle()
        assert life.shown() == []


async def test_what_came_long_after_their_pictures_tells_nothing_of_them_any_more(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        life = Life(world, visit_of(world))
        await life.visit.edit(world.ana, prompt=f"a {PROMPT}", image=life.photo)
        await life.visit.edit(world.bo, prompt="make it rain", **{"from": "#1"})
        last = await life.visit.edit(world.bo, prompt="and snow", **{"from": "#2"})
        assert PROMPT in str(life.visit.files(last))
        await life.forget()
        await life.settle()
        assert life.shown() == []


async def test_a_picture_that_was_shown_once_more_goes_where_it_tells_of_them(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        life = Life(world, visit_of(world))
        await life.visit.edit(world.ana, prompt=f"a {PROMPT}", image=life.photo)
        await life.visit.edit(world.bo, prompt="make it rain", **{"from": "#1"})
        await world.cleo.slash(world.channel, "show", result="#2")
        await world.idle()
        [again] = (await life.rows())["showings"]
        assert [line for line in life.shown() if line.startswith(f"{again['message_id']}: ") and PROMPT in line]
        await life.forget()
        await life.settle()
        assert life.shown() == []
        assert again["message_id"] not in {message.id for message in life.visit.everything()}
        assert (await life.rows())["showings"] == []


async def test_an_exhibit_of_the_showcase_and_the_card_of_a_round_are_drawn_without_them(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        life = Life(world, visit_of(world))
        await life.visit.edit(world.ana, prompt=f"a {PROMPT}", image=life.photo)
        [thread] = life.visit.threads()
        await life.visit.edit(world.bo, prompt="make it rain", **{"from": "#1"})
        wall = world.guild.create_text_channel("wall")
        await world.env.settle()
        settings = await world.cleo.slash(world.channel, "settings")
        assert settings.response is not None
        await world.cleo.select(settings.response, [wall], custom_id="settings-showcase")
        form = await world.cleo.click(settings.response, custom_id="settings-more")
        await world.cleo.submit_modal(form, {"zone": "UTC", "ask": "", "approve": "", "stars": "2"})
        for member in (world.cleo, world.bo):
            await member.click(life.visit.results()[1], custom_id="star:2")
        async with asyncio.timeout(20):
            while not wall.history():
                await asyncio.sleep(0.01)
        await world.bo.slash(thread, "round start", result="#2")
        await world.idle()
        told = "\n".join(life.shown())
        [exhibit] = wall.history()
        assert f"{exhibit.id}: " in told
        await life.forget()
        await life.settle()
        assert life.shown() == []
        [exhibit] = wall.history()
        assert "2 people gave" in life.visit.words(exhibit)
        assert len(exhibit.attachments) == 1
        assert [message for message in thread.history() if "what to do with [#" in life.visit.words(message)]


async def test_runware_is_asked_for_each_result_by_its_uuid(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        life = Life(world, visit_of(world))
        await life.live()
        theirs = {
            row["image_uuid"]
            for row in (await life.rows())["results"]
            if row["job_id"] in {job["id"] for job in (await life.rows())["jobs"] if job["account_id"] == 1}
        }
        await life.forget()
        await life.settle()
        asked = [task for task in world.runware.received if task["taskType"] == "mediaStorage"]
        assert {task["operation"] for task in asked} == {"delete"}
        assert {task["media"] for task in asked} >= theirs
        assert b'darkroom_removals_total{outcome="deleted"}' in world.program.metrics.render()


async def test_archived_threads_are_woken_for_it_and_archived_again(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        life = Life(world, visit_of(world))
        world.runware.faults.fail = "providerError"
        await life.visit.edit(world.ana, prompt=f"a {FAILED}", image=life.photo)
        [thread] = life.visit.threads()
        known = world.bot.get_guild(world.guild.id)
        assert known is not None
        inside = known.get_thread(thread.id)
        assert inside is not None
        await inside.edit(archived=True)
        await world.env.settle()
        asked = len(world.env.http_requests)
        await life.forget()
        await life.settle()
        changes = [sent for sent in world.env.http_requests[asked:] if sent.path.endswith(f"/channels/{thread.id}")]
        told = [sent.json for sent in changes if sent.method == "PATCH" and sent.json is not None]
        assert [change["archived"] for change in told] == [False, True]
        assert life.shown() == []
        assert await life.traces() == []
        [thread] = life.visit.threads()
        about = world.env.backend.channels[thread.id].thread_metadata
        assert about is not None
        assert (thread.name, about.archived) == (farewell.THREAD_NAME, True)


async def test_an_outage_leaves_no_words_standing_however_long_it_lasts(
    visit_of: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(people, "_PASSING", 1)
    async with open_world(**PLENTY, announce_retry_seconds=0.001) as world:
        life = Life(world, visit_of(world))
        await life.visit.edit(world.ana, prompt="a", image=life.photo)
        await life.visit.edit(world.bo, prompt="make it rain")
        thread = life.visit.threads()[0]
        await world.bo.slash(thread, "round start", result="#2")
        [card] = [message for message in thread.history() if "what to do with [#" in life.visit.words(message)]
        form = await world.ana.click(card, label="Propose")
        await world.ana.submit_modal(form, {"prompt": f"a {PROPOSAL}"})
        await world.idle()
        with monkeypatch.context() as outage:
            outage.setattr(world.program.services.pictures, "get", away)
            await life.forget()
            async with asyncio.timeout(20):
                while len(told := [one for one in caplog.records if one.name == "cogs.leftovers"]) <= people.MAX_TRIES:
                    await asyncio.sleep(0.01)
        assert {bool(record.exc_info) for record in told} == {False}
        assert [line for line in life.shown() if PROPOSAL in line]
        await life.settle()
        assert life.shown() == []


async def test_trouble_at_discord_leaves_no_words_standing_however_long_it_lasts(
    visit_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "_PASSING", 1)
    async with open_world(**PLENTY) as world:
        life = Life(world, visit_of(world))
        await world.program.services.edits.prefer(Asker(world.guild.id, world.ana.id), 0)
        asked = await life.visit.ask(world.ana, prompt=f"a {PROMPT}", image=life.photo)
        assert asked.response is not None
        path = f"/channels/{world.channel.id}/messages/{asked.response.id}"
        world.env.inject_error("GET", path, status=503, times=people.MAX_TRIES + 1)
        await life.forget()
        await life.settle()
        assert life.shown() == []


async def test_while_an_edit_is_at_runware_nobody_is_forgotten_and_later_they_are(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        life = Life(world, visit_of(world))
        world.runware.pause()
        await life.visit.ask(world.ana, prompt=f"a {PROMPT}", image=life.photo)
        await life.visit.status(0, Status.SUBMITTED)
        refused = await world.ana.slash(world.channel, "privacy forget")
        assert refused.response is not None
        assert refused.response.ephemeral
        assert "An edit of yours is at Runware and will be back within 30 minutes" in life.visit.words(refused.response)
        world.runware.resume()
        await world.idle()
        asked = await world.ana.slash(world.channel, "privacy forget")
        assert asked.response is not None
        # Between the question and the answer, another edit went there.
        world.runware.pause()
        await life.visit.ask(world.ana, prompt=f"another {PROMPT}", image=life.photo)
        await life.visit.status(1, Status.SUBMITTED)
        answer = await world.ana.click(asked.response, label="Forget me for good")
        [said] = answer.followups
        assert "ask again after that" in life.visit.words(said)
        world.runware.resume()
        await world.idle()
        await life.forget()
        await life.settle()
        assert await life.traces() == []


async def test_a_question_about_a_price_goes_with_its_asker(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        life = Life(world, visit_of(world))
        await world.program.services.edits.prefer(Asker(world.guild.id, world.ana.id), 0)
        await life.visit.ask(world.ana, prompt=f"a {PROMPT}", image=life.photo)
        asked = await world.ana.slash(
            world.channel, "sweep", prompt=f"a {SWEPT}", x="steps", x_values="10, 20", image=life.photo
        )
        assert asked.response is not None
        assert len([line for line in life.shown() if PROMPT in line or SWEPT in line]) == 2
        await life.forget()
        await life.settle()
        assert life.shown() == []
        assert await life.traces() == []


async def test_who_was_never_met_is_told_so_and_who_was_forgotten_may_come_back(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        life = Life(world, visit_of(world))
        answer = await life.forget(world.bo)
        assert answer.response is not None
        assert "I do not know you" in life.visit.words(answer.response)
        await life.visit.edit(world.ana, image=life.photo)
        await life.forget()
        await life.settle()
        shown = await life.visit.edit(world.ana, image=life.photo)
        assert life.visit.ids(shown) == ["2"]
        assert world.ana.mention in life.visit.words(shown)


# Telling -------------------------------------------------------------------------------------------------------------


async def test_a_person_is_told_all_that_is_known_of_them_and_nothing_of_others(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        life = Life(world, visit_of(world))
        await life.live()
        files = await unzipped(await world.ana.slash(world.channel, "privacy export"))
        text = files["data.json"].decode()
        assert [word for word in WORDS if word not in text] == []
        assert "make it rain" not in text
        data = json.loads(text)
        parts = {entry["part"] for entry in data}
        assert parts >= {
            "account",
            "edits",
            "sweeps",
            "drafts",
            "presets",
            "files",
            "stars_given",
            "proposals",
            "ledger",
        }
        [pictures] = [entry["rows"] for entry in data if entry["part"] == "pictures"]
        named = {row["file"] for row in pictures}
        assert named == {name for name in files if name.startswith("pictures/")}
        assert len([row for row in pictures if row["result"] is None]) == 1
        assert len([row for row in pictures if row["result"] is not None]) == 4
        readme = files["README.txt"].decode()
        assert [part for part in parts - {"pictures"} if f"{part}: " not in readme] == []
        theirs = (await unzipped(await world.bo.slash(world.channel, "privacy export")))["data.json"].decode()
        assert "make it rain" in theirs
        assert [word for word in WORDS if word in theirs and word != FILE] == []
        assert str(world.ana.id) not in theirs


async def test_what_does_not_fit_in_the_time_is_named(visit_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_world(**PLENTY) as world:
        life = Life(world, visit_of(world))
        await life.visit.edit(world.ana, image=life.photo)
        monkeypatch.setattr(_own_data, "_LONGEST", -1)
        files = await unzipped(answer := await world.ana.slash(world.channel, "privacy export"))
        rows = json.loads(files["data.json"])[-1]["rows"]
        assert [row["file"] for row in rows] == [None, None]
        assert all("it was nearly over" in row["why"] for row in rows)
        assert "2 pictures could not be packed" in life.visit.words(answer.response)


async def test_what_the_store_cannot_give_now_is_named_and_all_else_is_told(
    visit_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_world(**PLENTY) as world:
        life = Life(world, visit_of(world))
        await life.visit.edit(world.ana, prompt=f"a {PROMPT}", image=life.photo)
        for asked in ("get", "size"):
            monkeypatch.setattr(world.program.services.pictures, asked, away)
        files = await unzipped(answer := await world.ana.slash(world.channel, "privacy export"))
        assert PROMPT in files["data.json"].decode()
        rows = json.loads(files["data.json"])[-1]["rows"]
        assert [row["file"] for row in rows] == [None, None]
        assert {row["why"] for row in rows} == {"my picture store could not be reached just now; ask again later"}
        assert "2 pictures could not be packed" in life.visit.words(answer.response)


async def test_no_picture_is_looked_at_once_the_time_is_over(visit_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_world(**PLENTY) as world:
        life = Life(world, visit_of(world))
        await life.visit.edit(world.ana, image=life.photo)
        monkeypatch.setattr(_own_data, "_LONGEST", -1)
        looked: list[str] = []

        async def look(sha256: str) -> int:
            looked.append(sha256)
            return 1

        monkeypatch.setattr(world.program.services.pictures, "size", look)
        await unzipped(await world.ana.slash(world.channel, "privacy export"))
        assert looked == []


async def test_who_is_forgotten_while_the_store_cannot_be_reached_is_told_so(
    visit_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_world(**PLENTY) as world:
        life = Life(world, visit_of(world))
        await life.visit.edit(world.ana, image=life.photo)
        monkeypatch.setattr(world.program.services.pictures, "discard", away)
        answer = await life.forget()
        assert answer.response is not None
        assert "You are forgotten" in life.visit.words(answer.response)
