"""``/session``: who may edit in a thread, what changes for others is said there, and all of it can be taken away."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any

import discord
import pytest
from PIL import Image
from simcord import ChannelHandle, InteractionResult, MemberActor

from bot import exports
from bot.lineage import Lineage
from bot.quota import dollars
from bot.reports import exactly
from cogs import _export as export_module
from cogs import session as session_cog
from playground.world import World, open_world
from storage.database import Tx
from storage.records import Asker, SessionState

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}


class Guests:
    """Three people in a thread with a session of Ana's, and what they are told there."""

    def __init__(self, world: World, visit: Any) -> None:
        self.world = world
        self.visit = visit
        self.thread: ChannelHandle

    async def begin(self, thread: ChannelHandle | None = None) -> None:
        """Have Ana make the first picture, in a thread of its own or in a given one."""
        await self.visit.edit(self.world.ana, thread)
        self.thread = self.visit.threads()[0] if thread is None else thread

    async def edit(self, member: MemberActor, prompt: str = "now in snow", **options: Any) -> discord.Message:
        return await self.visit.edit(member, self.thread, prompt=prompt, **({"from": "#1"} | options))

    async def say(self, actor: MemberActor, what: str, /, **options: Any) -> InteractionResult:
        return await actor.slash(self.thread, f"session {what}", **options)

    async def news(self, actor: MemberActor, what: str, /, **options: Any) -> str:
        """Return what all in the thread read of a command."""
        answer = await self.say(actor, what, **options)
        assert answer.response is not None
        assert not answer.response.ephemeral, self.visit.words(answer.response)
        return self.visit.words(answer.response)

    async def alone(self, actor: MemberActor, what: str, /, **options: Any) -> str:
        """Return what only the person reads of a command."""
        answer = await self.say(actor, what, **options)
        assert answer.response is not None
        assert answer.response.ephemeral, self.visit.words(answer.response)
        return self.visit.words(answer.response)

    async def refused(self, member: MemberActor) -> str:
        """Return why a person may not edit here; nothing is asked for."""
        answer = await self.visit.ask(member, self.thread)
        assert answer.response is not None
        assert answer.response.ephemeral
        return self.visit.words(answer.response)

    async def star(self, shown: discord.Message, *members: MemberActor) -> None:
        for number, member in enumerate(members):
            await member.click(shown, label=str(number) if number else "Star")
            await self.world.idle()
            shown = next(message for message in self.visit.everything() if message.id == shown.id)


@pytest.fixture
def guests_of(visit_of: Any) -> Any:
    return lambda world: Guests(world, visit_of(world))


# Show ----------------------------------------------------------------------------------------------------------------


async def test_a_session_is_shown_with_its_people_sums_best_pictures_and_pool(guests_of: Any, books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        guests = guests_of(world)
        await guests.begin()
        second = await guests.edit(world.bo)
        await guests.edit(world.bo, results=2)
        await guests.star(guests.visit.results()[0], world.ana)
        await guests.star(second, world.ana, world.bo)
        await world.bo.slash(guests.thread, "pool give", amount="0.25")
        answer = await guests.say(world.cleo, "show")
        assert answer.response is not None
        assert answer.response.ephemeral
        words = guests.visit.words(answer.response)
        jobs = await books_of(world).jobs()
        cost = sum(job.cost or 0 for job in jobs)
        assert "This session is open" in words
        assert f"**Owner:** {world.ana.mention}" in words
        assert f"**3 edits · 4 pictures · {dollars(cost)}**" in words
        bos = sum(job.cost or 0 for job in jobs[1:])
        assert f"1. {world.bo.mention} · 2 edits (67\N{NO-BREAK SPACE}%) · 3 pictures · {dollars(bos)}" in words
        assert guests.visit.gallery(answer.response) == [
            "#2: cat.png, edited: make it night; then: now in snow",
            "#1: cat.png, edited: make it night",
        ]
        assert f"[now in snow](https://discord.com/channels/{world.guild.id}/{guests.thread.id}/{second.id})" in words
        assert "$0.25 left in this thread's pool" in words


async def test_a_best_picture_that_stands_where_one_cannot_read_is_not_shown(guests_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        guests = guests_of(world)
        await guests.begin()
        await guests.star(guests.visit.results()[0], world.ana)
        sees, blind = discord.PermissionOverwrite(view_channel=True), discord.PermissionOverwrite(view_channel=False)
        studio = world.guild.create_text_channel(
            "studio", overwrites={world.guild.default_role: blind, world.ana: sees}
        )
        await world.env.settle()
        await world.program.database.run(_stands_in, studio.id)
        for member, shown in ((world.ana, ["#1: cat.png, edited: make it night"]), (world.bo, [])):
            answer = await guests.say(member, "show")
            assert guests.visit.gallery(answer.response) == shown
        closed = await guests.say(world.ana, "close")
        assert closed.followups == [], "not all who read the thread could see it"


async def _stands_in(tx: Tx, channel_id: int) -> None:
    await tx.execute("UPDATE announcements SET channel_id = ?1", channel_id)


@pytest.mark.parametrize(
    ("what", "options"),
    [
        *((what, {}) for what in ("show", "lock", "open", "close", "reopen", "export")),
        ("invite", {"member": "bo"}),
        ("remove", {"member": "bo"}),
        ("owner", {"member": "bo"}),
        ("access", {"who": "everybody"}),
    ],
)
async def test_where_there_is_no_session_a_sentence_says_so(visit_of: Any, what: str, options: dict[str, Any]) -> None:
    async with open_world() as world:
        given = options | ({"member": world.bo} if "member" in options else {})
        for channel, said in (
            (world.channel, "A session belongs to a thread: use `/session` inside"),
            (world.thread, "There is no session here yet: it begins with the first edit"),
        ):
            answer = await world.cleo.slash(channel, f"session {what}", **given)
            assert answer.response is not None
            assert answer.response.ephemeral
            assert said in visit_of(world).words(answer.response)


# People --------------------------------------------------------------------------------------------------------------


async def test_only_the_owner_and_moderators_change_who_is_in(guests_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        guests = guests_of(world)
        await guests.begin()
        for what, options in (
            ("invite", {"member": world.bo}),
            ("remove", {"member": world.ana}),
            ("owner", {"member": world.bo}),
            ("access", {"who": "invited people"}),
            *((state, {}) for state in ("lock", "open", "close", "reopen")),
        ):
            said = await guests.alone(world.bo, what, **options)
            assert f"Only {world.ana.mention}, who owns this session, and those who manage messages" in said
        assert "locked this session" in await guests.news(world.cleo, "lock")


async def test_invited_and_removed_people_are_told_in_the_thread_and_may_edit_or_not(guests_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        guests = guests_of(world)
        await guests.begin()
        said = await guests.news(world.ana, "access", who="invited people")
        assert said == f"🚪 {world.ana.mention} changed who may edit here: people who were invited."
        assert "for people whom" in await guests.refused(world.bo)
        said = await guests.news(world.ana, "invite", member=world.bo)
        assert said == f"🤝 {world.ana.mention} invited {world.bo.mention} to this session."
        await guests.edit(world.bo)
        assert len(guests.visit.results()) == 2
        said = await guests.news(world.ana, "remove", member=world.bo)
        assert said.startswith(
            f"👋 {world.ana.mention} removed {world.bo.mention} from this session.\n-# They can look"
        )
        assert "You were removed from this session" in await guests.refused(world.bo)
        assert "can't be removed: hand the session over" in await guests.alone(world.cleo, "remove", member=world.ana)
        words = await guests.alone(world.bo, "show")
        assert f"**Removed:** {world.bo.mention}" in words
        assert "They manage messages here" in await guests.news(world.ana, "remove", member=world.cleo)


async def test_a_role_opens_a_session_to_its_holders(guests_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        guests = guests_of(world)
        await guests.begin()
        painters = world.guild.create_role("Painters")
        await world.env.settle()
        said = await guests.news(world.ana, "access", who="a role", role=painters)
        assert f"<@&{painters.id}> and people who were invited" in said
        assert f"This session is for <@&{painters.id}>" in await guests.refused(world.bo)
        world.env.backend.add_member_role(world.guild.id, world.bo.id, painters.id)
        await world.env.settle()
        await guests.edit(world.bo)
        assert len(guests.visit.results()) == 2
        missing = await guests.alone(world.ana, "access", who="a role")
        assert "needs a `role`" in missing
        needless = await guests.alone(world.ana, "access", who="everybody", role=painters)
        assert "`role` goes with `who:a role` only" in needless
        everyone = await guests.news(world.ana, "access", who="a role", role=world.guild.default_role)
        assert "everybody who reads this thread" in everyone


async def test_who_is_removed_while_a_form_is_open_does_not_pay_for_it(guests_of: Any, books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        guests = guests_of(world)
        await guests.begin()
        form = await world.bo.click(guests.visit.results()[0], label="Edit")
        await guests.news(world.ana, "remove", member=world.bo)
        answer = await world.bo.submit_modal(form, {"prompt": "too late"})
        assert "You were removed from this session" in guests.visit.words(answer.response)
        assert len(await books_of(world).jobs()) == 1
        await books_of(world).check()


async def test_a_session_is_handed_over_to_people_of_this_server_only(guests_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        guests = guests_of(world)
        await guests.begin()
        stranger, robot = (
            world.env.create_user("stranger"),
            world.guild.add_member(world.env.create_user("r2", bot=True)),
        )
        for what in ("owner", "invite"):
            assert "is not in this server: choose a `member`" in await guests.alone(world.ana, what, member=stranger)
            assert "is a bot: choose a person as `member`" in await guests.alone(world.ana, what, member=robot)
        said = await guests.news(world.ana, "owner", member=world.bo)
        assert said == f"🔑 {world.ana.mention} handed this session over to {world.bo.mention}."
        assert "Only" in await guests.alone(world.ana, "lock")
        assert f"Only {world.bo.mention}, who owns it" in await guests.news(world.bo, "lock")


async def test_who_is_invited_to_a_private_thread_is_added_to_it(guests_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        guests = guests_of(world)
        thread = await guests.visit.private_thread()
        await guests.begin(thread)
        said = await guests.news(world.ana, "invite", member=world.bo)
        assert "They were added to this private thread." in said
        await guests.edit(world.bo)
        assert len(guests.visit.results()) == 2
        world.env.inject_error("PUT", "/channels/*/thread-members/*", status=403, code=50001)
        said = await guests.news(world.ana, "invite", member=world.cleo)
        assert "I could not add them to this private thread: mention them here, and Discord does." in said


async def test_who_cannot_read_the_channel_is_told_to_need_that(guests_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        guests = guests_of(world)
        sees, blind = discord.PermissionOverwrite(view_channel=True), discord.PermissionOverwrite(view_channel=False)
        studio = world.guild.create_text_channel("studio", overwrites={world.bo: blind, world.ana: sees})
        await world.env.settle()
        await guests.visit.edit(world.ana, studio)
        guests.thread = studio.threads[0]
        said = await guests.news(world.ana, "invite", member=world.bo)
        assert f"They cannot read <#{studio.id}> yet, and so not this thread" in said


# Lock, close, open again ---------------------------------------------------------------------------------------------


async def test_a_locked_session_goes_on_for_its_owner_and_moderators_till_it_is_opened(guests_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        guests = guests_of(world)
        await guests.begin()
        await guests.news(world.ana, "lock")
        assert "This session is locked already." in await guests.alone(world.ana, "lock")
        assert "This session is locked" in await guests.refused(world.bo)
        for member in (world.ana, world.cleo):
            await guests.edit(member)
        assert "until `/session open`" in await guests.alone(world.bo, "show")
        said = await guests.news(world.ana, "open")
        assert said.startswith(f"🟢 {world.ana.mention} unlocked this session.")
        assert "This session is open already." in await guests.alone(world.ana, "open")
        await guests.edit(world.bo)
        assert len(guests.visit.results()) == 4


async def test_closing_posts_a_summary_and_nobody_goes_on_till_it_is_opened_again(
    guests_of: Any, books_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        guests = guests_of(world)
        await guests.begin()
        second = await guests.edit(world.bo)
        await guests.star(second, world.ana, world.bo)
        answer = await guests.say(world.ana, "close")
        assert answer.response is not None
        assert not answer.response.ephemeral
        words = guests.visit.words(answer.response)
        cost = sum(job.cost or 0 for job in await books_of(world).jobs())
        assert words.startswith(f"### 🏁 {world.ana.mention} closed this session\n<t:")
        assert f"**2 edits · 2 pictures · {dollars(cost)}**" in words
        for member in (world.ana, world.bo):
            assert f"{member.mention} · 1 edit (50\N{NO-BREAK SPACE}%) · 1 picture" in words
        [best] = answer.followups
        assert not best.ephemeral
        assert guests.visit.gallery(best) == ["#2: cat.png, edited: make it night; then: now in snow"]
        assert "`/session reopen` opens it again" in words
        assert "`/session export`" in words
        again = await guests.alone(world.ana, "close")
        assert "This session is closed" in again
        for member in (world.ana, world.bo, world.cleo):
            assert "This session is closed" in await guests.refused(member)
        assert "nobody, until `/session reopen`" in await guests.alone(world.bo, "show")
        await world.restart(crash=True)
        assert "Only" in await guests.alone(world.bo, "reopen")
        said = await guests.news(world.cleo, "reopen")
        assert said.startswith(f"🟢 {world.cleo.mention} opened this session again.")
        await guests.edit(world.bo)
        assert len(await books_of(world).jobs()) == 3
        await books_of(world).check()


async def test_whoever_closes_a_session_while_its_summary_is_posted_is_told_that_it_comes(guests_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        guests = guests_of(world)
        await guests.begin()
        cog = world.bot.get_cog("Session")
        assert isinstance(cog, session_cog.SessionCog)
        cog._summing_up.add(1)
        said = await guests.alone(world.cleo, "close")
        assert said == "This session was closed just now; its summary is on its way."
        cog._summing_up.clear()
        assert f"{world.cleo.mention} closed this session" in await guests.news(world.cleo, "close")


@pytest.mark.parametrize(("place", "step"), [(session_cog, "previews"), (Lineage, "shown")], ids=["before", "after"])
async def test_a_picture_that_is_taken_down_just_before_or_after_its_message_is_known_does_not_stay(
    guests_of: Any, monkeypatch: pytest.MonkeyPatch, place: object, step: str
) -> None:
    on_time = getattr(place, step)

    async with open_world(**PLENTY) as world:
        guests = guests_of(world)
        await guests.begin()
        await guests.star(guests.visit.results()[0], world.ana)

        async def overtaken(*args: Any) -> Any:
            made = await on_time(*args)
            await world.program.edits.delete(1, asker=Asker(world.guild.id, world.ana.id), manages=False)
            while await world.open_jobs():  # till whoever takes it down is done with all messages known to show it
                pass
            return made

        monkeypatch.setattr(place, step, overtaken)
        assert "closed this session" in await guests.news(world.ana, "close")
        await world.idle()
        assert not any(guests.visit.files(message) for message in guests.thread.history())
        assert "This session is closed" in await guests.alone(world.ana, "close")


async def test_a_picture_that_is_taken_down_later_goes_from_the_best_of_a_closed_session_too(guests_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        guests = guests_of(world)
        await guests.begin()
        second = await guests.edit(world.bo)
        await guests.star(guests.visit.results()[0], world.ana)
        await guests.star(second, world.ana, world.bo)
        closed = await guests.say(world.ana, "close")
        [best] = closed.followups
        there = {message.id for message in guests.thread.history()}
        await guests.visit.take_down(world.bo, second)
        assert there - {message.id for message in guests.thread.history()} == {best.id, second.id}


async def test_an_edit_that_runs_while_its_session_is_closed_comes_to_its_end(guests_of: Any, books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        guests = guests_of(world)
        await guests.begin()
        world.runware.pause()
        await guests.visit.ask(world.bo, guests.thread, **{"from": "#1"})
        said = await guests.news(world.ana, "close")
        assert "edits that were asked for before are still finished" in said
        await world.restart(crash=True)
        world.runware.resume()
        await world.idle()
        assert [shown.channel.id for shown in guests.visit.results()] == [guests.thread.id] * 2
        found = await world.program.services.sessions.of_thread(world.guild.id, guests.thread.id)
        assert found.state is SessionState.CLOSED
        await books_of(world).check()


# Export --------------------------------------------------------------------------------------------------------------


async def unpacked(messages: Sequence[Any]) -> dict[str, bytes]:
    """Return what stands in the zips of messages, by name."""
    found: dict[str, bytes] = {}
    for message in messages:
        for attachment in message.attachments:
            archive = zipfile.ZipFile(io.BytesIO(await attachment.read()))
            assert archive.testzip() is None
            found |= {name: archive.read(name) for name in archive.namelist()}
    return found


async def test_an_export_has_the_pictures_the_tree_the_recipes_and_the_contributors(
    guests_of: Any, books_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        guests = guests_of(world)
        await guests.begin()
        await guests.edit(world.bo, prompt="../../etc/ü “snow”", results=2)
        await guests.star(guests.visit.results()[0], world.bo)
        answer = await guests.say(world.cleo, "export")
        assert answer.response is not None
        assert answer.response.ephemeral
        assert "3 pictures, the tree, every recipe and who did how much" in guests.visit.words(answer.response)
        files = await unpacked([answer.response])
        shown = {name for message in guests.visit.results() for name in guests.visit.files(message)}
        others = {"tree.jpg", "recipes.json", "contributors.csv", "README.txt"}
        assert set(files) == {f"pictures/{name}" for name in shown} | others
        for result in [*await world.program.edits.results(1), *await world.program.edits.results(2)]:
            [packed] = [data for name, data in files.items() if name.startswith(f"pictures/{result.id}-")]
            assert packed == await world.program.services.pictures.get(result.sha256 or "")
        with Image.open(io.BytesIO(files["tree.jpg"])) as tree:
            assert min(tree.size) > 200
        first, second, third = json.loads(files["recipes.json"])
        assert (first["id"], first["by"], first["parent"], first["stars"]) == ("#1", "Ana", None, 1)
        assert (second["by"], second["parent"], third["parent"]) == ("Bo", "#1", "#1")
        assert second["recipe"]["options"]["prompt"] == "../../etc/ü “snow”"
        assert second["file"] in files
        jobs = await books_of(world).jobs()
        assert first["cost_usd"] == exactly(jobs[0].cost or 0)
        rows = list(csv.DictReader(io.StringIO(files["contributors.csv"].decode("utf-8-sig"))))
        assert {row["name"]: (row["edits"], row["pictures"], row["cost_usd"]) for row in rows} == {
            "Ana": ("1", "1", exactly(jobs[0].cost or 0)),
            "Bo": ("1", "2", exactly(jobs[1].cost or 0)),
        }
        assert "Not in it" not in files["README.txt"].decode()


async def test_what_was_removed_withheld_lost_or_is_hidden_is_named_and_not_packed(guests_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        guests = guests_of(world)
        await guests.begin()
        await guests.edit(world.bo)
        await guests.edit(world.bo)
        await guests.edit(world.bo)
        world.runware.faults.nsfw = True
        await guests.edit(world.bo)
        world.runware.faults.nsfw = False
        await guests.visit.take_down(world.bo, guests.visit.results()[1])
        await world.idle()
        [lost] = await world.program.edits.results(3)
        await world.program.services.pictures.delete(lost.sha256 or "")
        studio = world.guild.create_text_channel(
            "studio", overwrites={world.guild.default_role: discord.PermissionOverwrite(view_channel=False)}
        )
        await world.env.settle()
        await world.program.database.run(_result_stands_in, 4, studio.id)
        answer = await guests.say(world.ana, "export")
        words = guests.visit.words(answer.response)
        assert "1 picture, the tree" in words
        assert "4 pictures of this session could not be packed: `README.txt`" in words
        assert answer.response is not None
        files = await unpacked([answer.response])
        assert [name for name in files if name.startswith("pictures/")] == [
            name for name in files if name.startswith("pictures/1-")
        ]
        assert [entry["id"] for entry in json.loads(files["recipes.json"])] == ["#1"]
        readme = files["README.txt"].decode()
        assert "since they were taken down: #2." in readme
        assert "since I have no copy of them: #3." in readme
        assert "cannot read where they stand: 1 more." in readme
        assert "the content check withheld them: #5." in readme


async def _result_stands_in(tx: Tx, job_id: int, channel_id: int) -> None:
    await tx.execute("UPDATE announcements SET channel_id = ?2 WHERE job_id = ?1", job_id, channel_id)


async def test_a_large_session_comes_in_parts_of_which_the_last_has_the_rest(
    guests_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_world(**PLENTY) as world:
        guests = guests_of(world)
        await guests.begin()
        for _ in range(3):
            await guests.edit(world.bo)
        monkeypatch.setattr(exports, "PART", 250_000)
        monkeypatch.setattr(exports, "LARGEST", 249_000)
        answer = await guests.say(world.ana, "export")
        assert answer.response is not None
        parts = sorted(answer.followups, key=lambda message: message.id)
        assert len(parts) > 1
        assert all(part.ephemeral for part in parts)
        names = [name for part in parts for name in guests.visit.files(part)]
        assert names == [f"session-part-{number}.zip" for number in range(1, len(parts) + 1)]
        for part in parts:
            [zipped] = part.attachments
            assert len(await zipped.read()) <= exports.PART
        assert f"in {len(parts)} parts" in guests.visit.words(answer.response)
        assert f"the last of {len(parts)} parts: unpack them all into one folder" in guests.visit.words(parts[-1])
        files = await unpacked(parts)
        assert len([name for name in files if name.startswith("pictures/")]) == 4
        assert "It came in several parts" in files["README.txt"].decode()


async def test_pictures_are_made_smaller_only_where_there_would_be_too_many_parts(
    guests_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_world(**PLENTY) as world:
        guests = guests_of(world)
        await guests.visit.edit(world.ana, size="1024x1024")
        guests.thread = guests.visit.threads()[0]
        await guests.edit(world.bo, size="1024x1024")
        monkeypatch.setattr(exports, "MOST_PARTS", 0)
        answer = await guests.say(world.ana, "export")
        assert "2 of them were made smaller" in guests.visit.words(answer.response)
        assert answer.response is not None
        files = await unpacked([answer.response])
        pictures = [data for name, data in files.items() if name.startswith("pictures/")]
        assert len(pictures) == 2
        assert all(len(data) <= exports.SMALLEST for data in pictures)
        assert "Made smaller, so that all of it could be sent: #1, #2." in files["README.txt"].decode()


async def test_what_takes_longer_than_discord_waits_is_left_out_and_named(
    guests_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_world(**PLENTY) as world:
        guests = guests_of(world)
        await guests.begin()
        monkeypatch.setattr(export_module, "_LONGEST", -1)
        answer = await guests.say(world.ana, "export")
        assert answer.response is not None
        files = await unpacked([answer.response])
        assert not [name for name in files if name.startswith("pictures/")]
        assert "a quarter of an hour, and it was over: #1." in files["README.txt"].decode()


async def test_too_many_exports_at_once_are_told_to_wait_and_one_that_fails_frees_its_place(
    guests_of: Any, all_taken: Any
) -> None:
    async with open_world(**PLENTY) as world:
        guests = guests_of(world)
        world.runware.faults.fail = "providerError"
        await guests.begin()
        for _ in range(session_cog._MOST + 1):
            assert "There is no picture in this session yet" in await guests.alone(world.ana, "export")
        cog = world.bot.get_cog("Session")
        assert isinstance(cog, session_cog.SessionCog)
        with all_taken(cog._exports, session_cog._MOST):
            assert "Two exports are being made right now" in await guests.alone(world.ana, "export")
        world.env.errors.clear()


async def test_members_who_left_are_named_as_such(guests_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        guests = guests_of(world)
        await guests.begin()
        await guests.edit(world.bo)
        await guests.edit(world.cleo)
        world.guild.remove_member(world.bo)
        await world.env.settle()
        answer = await guests.say(world.ana, "export")
        assert answer.response is not None
        files = await unpacked([answer.response])
        rows = list(csv.DictReader(io.StringIO(files["contributors.csv"].decode("utf-8-sig"))))
        end = str(world.bo.id)[-4:]
        assert sorted(row["name"] for row in rows) == [
            "Ana",
            "Cleo",
            f"a member who left (…{end})",
        ]
