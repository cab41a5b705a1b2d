"""What members read while an edit lives and when it ends, and whom it rings."""

from __future__ import annotations

import asyncio
import io
import random
import re
from dataclasses import replace
from typing import Any

import discord
from PIL import Image

from bot.quota import dollars
from playground.world import open_world
from storage.announcements import RESULTS_PER_MESSAGE
from storage.records import Asker, EntryKind, Place, Status

#: Discord's limit of files in one message.
ATTACHMENTS = 10
#: The answer to an interaction that opens a form.
MODAL = 9
PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}


def cards(visit: Any) -> list[discord.Message]:
    """Return the first message of each thread that an edit made."""
    return [thread.history()[0] for thread in visit.threads()]


# The status message --------------------------------------------------------------------------------------------------


async def test_a_status_message_tells_the_place_in_line_and_follows_the_queue(books_of: Any, visit_of: Any) -> None:
    async with open_world(max_in_flight=1, work_seconds=(0.3, 0.3), **PLENTY) as world:
        visit = visit_of(world)
        world.runware.pause()
        for _ in range(4):
            await visit.ask()
        await visit.status(0, Status.SUBMITTED)
        job = await visit.status(3, Status.QUEUED)
        words = [visit.words(card) for card in cards(visit)]
        assert re.search(r"Being edited\nStarted <t:\d+:R>", words[0])
        assert "can't be cancelled any more and will be paid for" in words[0]
        assert "Next in line" in words[1]
        assert "2nd in line" in words[2]
        assert "3rd in line" in words[3]
        assert f"up to {dollars(job.hold)} held" in words[3]
        assert f"Asked <t:{job.created_at // 1000}:R>" in words[3]
        await world.ana.click(cards(visit)[1], label="Cancel")
        await visit.status(3, Status.QUEUED)
        assert "Cancelled" in visit.words(cards(visit)[1])
        assert "Next in line" in visit.words(cards(visit)[2])
        assert "2nd in line" in visit.words(cards(visit)[3])
        assert [len(thread.history()) for thread in visit.threads()] == [1, 1, 1, 1], "a status is edited, not repeated"
        world.runware.resume()
        while (await books_of(world).jobs())[0].status is Status.SUBMITTED:
            await asyncio.sleep(0.001)
        world.runware.pause()
        await visit.status(2, Status.SUBMITTED)
        assert "Being edited" in visit.words(cards(visit)[2])
        assert "Next in line" in visit.words(cards(visit)[3])
        world.runware.resume()
        await world.idle()
        for number in (0, 2, 3):
            assert re.match(r"✅ \*\*Done\*\* · 1 picture in \d+ s · \$0\.\d+\n", visit.words(cards(visit)[number]))
            assert visit.labels(cards(visit)[number]) == []
            assert len(visit.threads()[number].history()) == 2
        await books_of(world).check()


async def test_an_edit_asked_for_in_a_thread_goes_on_there_and_its_reply_is_the_status(
    books_of: Any, visit_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        before = len(world.thread.history())
        world.runware.pause()
        answer = await visit.ask(channel=world.thread, image2=("cup.png", world.photos["coffee.png"]))
        await visit.status(0, Status.SUBMITTED)
        reply = world.thread.history()[-1]
        assert reply.id == answer.response.id
        assert "Being edited" in visit.words(reply)
        assert "> make it night" in visit.words(reply)
        assert visit.gallery(reply) == ["Picture 1: cat.png", "Picture 2: cup.png"]
        world.runware.resume()
        await world.idle()
        assert world.thread.history()[before].id == reply.id
        assert len(world.thread.history()) == before + 2
        reply = world.thread.history()[before]
        assert "**Done**" in visit.words(reply)
        assert len(visit.gallery(reply)) == 2
        assert visit.threads() == []
        [job] = await books_of(world).jobs()
        assert job.status_message_id == reply.id


# The result ----------------------------------------------------------------------------------------------------------


async def test_a_result_tells_all_about_itself(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit(seed="12345", size="256x128", steps=8, image2=("cup.png", world.photos["coffee.png"]))
        [job] = await books_of(world).jobs()
        words = visit.words(shown)
        for fact in (
            "> make it night",
            "**#1**",
            world.ana.mention,
            "seed\u00a0`12345`",
            "256 × 128",
            "8 steps",
            "with cat.png and cup.png",
            f"**{dollars(job.cost)}**",
        ):
            assert fact in words
        assert re.search(r"· \d+ s ·", words)
        assert visit.labels(shown) == ["Edit", "Reroll", "Star", "More", "Delete"]
        assert visit.files(shown) == {"1-seed-12345.jpg": "cat.png, with cup.png, edited: make it night"}
        assert visit.gallery(shown) == list(visit.files(shown).values())
        child = await visit.edit(world.bo, **{"from": "#1"})
        address = f"https://discord.com/channels/{world.guild.id}/{shown.channel.id}/{shown.id}"
        assert f"from [#1]({address}) by {world.ana.mention}" in visit.words(child)


async def test_twelve_results_come_in_two_messages(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit(results=12, steps=1, size="128x128", prompt="make it night " * 400)
        first, second = visit.results()
        numbers = [RESULTS_PER_MESSAGE, 12 - RESULTS_PER_MESSAGE]
        for message, number in zip((first, second), numbers, strict=True):
            assert len(visit.ids(message)) == len(visit.gallery(message)) == number
            assert f"**{number} pictures**" in visit.words(message)
            assert "prompt.txt" in visit.files(message)
            assert len(visit.files(message)) <= ATTACHMENTS
        form = await world.bo.click(second, label="Edit")
        assert form.modal is not None
        parts = [part.get("component", {}) for part in form.modal["components"]]
        picked = [part for part in parts if part.get("custom_id") == "picture"]
        assert [option["value"] for option in picked[0]["options"]] == visit.ids(second)
        await books_of(world).check()


async def test_a_prompt_of_over_four_thousand_characters_is_cut_with_the_whole_as_a_file(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        whole = "day and *night* " * 350
        await visit.edit(prompt=whole)
        shown = visit.last()
        services, job = world.program.services, await world.program.edits.job(1)
        assert world.thread.last_message is not None
        place = Place(world.channel.id, world.thread.last_message.id, world.thread.id)
        longest = replace(job.request, prompt="ñ" * 32_000)
        await services.edits.request(Asker(world.guild.id, world.bo.id), place, longest)
        await world.idle()
        for message, prompt in ((shown, whole.strip()), (visit.last(), "ñ" * 32_000)):
            assert "…" in visit.words(message)
            assert len(visit.words(message)) < 4000
            [file] = [file for file in message.attachments if file.filename == "prompt.txt"]
            assert (world.env.backend.cdn.get(file.url) or b"").decode() == prompt
        assert all(task["positivePrompt"] in {whole.strip(), "ñ" * 32_000} for task in world.runware.requests)


async def test_a_file_that_is_too_large_for_the_place_is_made_smaller(visit_of: Any) -> None:
    noise = Image.frombytes("RGB", (2048, 2048), random.Random(1).randbytes(2048 * 2048 * 3))
    buffer = io.BytesIO()
    noise.save(buffer, "JPEG", quality=90)
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        world.runware.pause()
        await visit.ask(image=("noise.jpg", buffer.getvalue()))
        await visit.status(0, Status.SUBMITTED)
        [thread] = visit.threads()
        path = f"/channels/{thread.id}/messages"
        world.env.inject_error("POST", path, status=413, code=40005, message="Request entity too large")
        world.runware.resume()
        await world.idle()
        [shown] = visit.results()
        [file] = shown.attachments
        result, _ = await world.program.edits.result(1)
        kept = await world.program.services.pictures.get(result.sha256 or "")
        assert file.size < 2.5 * 2**20 < len(kept), "our own copy stays as it came"
        posted = Image.open(io.BytesIO(world.env.backend.cdn.get(file.url) or b""))
        assert posted.width == posted.height


# Ends without a picture ----------------------------------------------------------------------------------------------


async def test_a_failure_is_told_in_words_and_nothing_is_paid(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        world.runware.faults.fail = "providerError"
        told = await visit.edit()
        [job] = await books_of(world).jobs()
        assert job.status is Status.FAILED
        words = visit.words(told)
        assert "This edit did not work" in words
        assert f"the {dollars(job.hold)} held for it is free again" in words
        assert "providerError" not in words, "Runware's own words are for operators"
        assert visit.labels(told) == ["Try again"]
        assert "It did not work" in visit.words(cards(visit)[0])
        kinds = [line.kind for line in await books_of(world).entries(job.id)]
        assert kinds == [EntryKind.HOLD, EntryKind.RELEASE]
        await books_of(world).check()


async def test_pictures_that_could_not_be_made_are_named(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        world.runware.faults.fail, world.runware.faults.fail_items = "providerError", 1
        shown = await visit.edit(results=3)
        assert len(visit.files(shown)) == 2
        assert "1 of 3 pictures could not be made." in visit.words(shown)
        [job] = await books_of(world).jobs()
        assert job.status is Status.SUCCEEDED
        await books_of(world).check()


async def test_a_withheld_picture_is_shown_nowhere_and_told_in_words(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        world.runware.faults.nsfw = True
        uploads = len(world.env.backend.cdn._blobs)
        told = await visit.edit(results=2)
        assert len(world.env.backend.cdn._blobs) == uploads + 2, (
            "more went up than Ana's file and its copy in the reply"
        )
        assert (visit.files(told), visit.gallery(told)) == ({}, [])
        [job] = await books_of(world).jobs()
        first, second = (result.short_id for result in await world.program.edits.results(job.id))
        assert f"{first} and {second} were withheld by the content check, and paid for" in visit.words(told)
        assert visit.labels(told) == ["Try again"]
        assert visit.results() == []
        refused = await visit.ask(world.bo, **{"from": "#1"})
        assert "withheld by the content check" in visit.words(refused.response)
        assert job.status is Status.SUCCEEDED
        assert job.cost
        await books_of(world).check()


async def test_a_picture_that_could_not_be_copied_is_told_with_what_to_do(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        for fault, value, said in (
            ("image", "gone", "gone before it could be copied. Its recipe makes it again."),
            ("foreign_host", True, "from an address this bot does not trust"),
        ):
            setattr(world.runware.faults, fault, value)
            told = await visit.edit()
            assert said in visit.words(told), fault
            assert visit.files(told) == {}
            assert visit.labels(told) == ["Try again"]
        assert world.runware.host in world.settings.result_hosts
        assert len(world.runware.fetched) == 1, "the foreign address was fetched"


# Whom it rings -------------------------------------------------------------------------------------------------------


async def test_only_the_asker_is_rung_and_once(books_of: Any, visit_of: Any) -> None:
    async with open_world(poll_max_seconds=0.1, **PLENTY) as world:
        visit = visit_of(world)
        world.runware.faults.cost = "absent"
        prompt = f"@everyone @here {world.bo.mention} <@&{world.guild.default_role.id}> make it night"
        world.runware.faults.fail, world.runware.faults.fail_items = "providerError", 1
        shown = await visit.edit(prompt=prompt, results=3, negative=f"{world.cleo.mention} @everyone")
        world.runware.faults.fail = world.runware.faults.fail_items = None
        form = await world.bo.click(shown, label="Edit")
        await world.bo.submit_modal(form, {"prompt": prompt, "picture": visit.ids(shown)[1:]})
        await world.ana.click(shown, label="More")
        await world.ana.slash(world.channel, "quota")
        await world.bo.click(shown, label="Delete")
        world.runware.faults.cost = "normal"
        while any(job.cost is None for job in await books_of(world).jobs()):
            await asyncio.sleep(0.01)
        asked = await world.ana.click(shown, label="Delete")
        assert asked.response is not None
        await world.ana.select(asked.response, visit.ids(shown)[:1])
        await world.idle()
        edited = [sent.path for sent in world.env.http_requests if sent.method == "PATCH"]
        assert edited.count(f"/channels/{shown.channel.id}/messages/{shown.id}") >= 2, "a cost came, a picture went"
        rung: list[tuple[str, Any]] = []
        for sent in world.env.http_requests:
            whole: dict[str, Any] = sent.json if isinstance(sent.json, dict) else {}
            body = whole.get("data", whole)
            if "components" not in body or whole.get("type") == MODAL:
                continue
            assert "allowed_mentions" in body, (sent.method, sent.path)
            allowed = body["allowed_mentions"]
            assert not allowed["parse"], "a kind of mention is let through"
            assert not allowed.get("roles")
            if allowed.get("users") and sent.method == "POST":
                rung.append((sent.path, list(allowed["users"])))
        [thread] = visit.threads()
        assert rung == [(f"/channels/{thread.id}/messages", [world.ana.id])]
        stored = [message for channel in world.env.backend.messages.values() for message in channel.values()]
        own = [message for message in stored if message.components]
        assert {message.id: list(message.ping_user_ids) for message in own if message.ping_user_ids} == {
            thread.history()[0].id: [world.ana.id]
        }
        assert not [message for message in own if message.mention_everyone or message.ping_role_ids]
        assert "@everyone" not in re.sub(r"\\@everyone", "", visit.words(shown))


async def test_every_picture_has_an_alt_text(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit(results=2, image2=("cup.png", world.photos["coffee.png"]))
        await world.bo.click(shown, label="Reroll")
        await visit.edit(channel=world.thread, prompt="<b>night</b> " * 300)
        await world.idle()
        own = [message for message in visit.everything() if message.author.bot and message.attachments]
        assert len(own) >= 4
        for message in own:
            pictures = {name: alt for name, alt in visit.files(message).items() if not name.endswith((".txt", ".json"))}
            assert all(pictures.values()), pictures
            assert all(visit.gallery(message))
            assert len(visit.gallery(message)) == len(pictures)
            assert all(len(alt or "") <= 1024 for alt in pictures.values())


async def test_the_thread_is_named_by_the_prompt_without_its_mentions(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit(prompt=f"make {world.bo.mention}\nvery   happy")
        await visit.edit(prompt="night " * 100)
        names = [thread.name or "" for thread in visit.threads()]
        assert names[0] == "make very happy"
        assert len(names[1]) <= 100


async def test_a_reply_that_could_not_show_its_pictures_is_no_hindrance(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        world.env.inject_error("PATCH", "/webhooks/*", status=500, times=1)
        await visit.edit()
        assert len(visit.results()) == 1
        assert world.env.errors == []
        await books_of(world).check()


async def test_a_status_message_that_was_deleted_keeps_no_result_back(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        world.runware.pause()
        await visit.ask()
        await visit.status(0, Status.SUBMITTED)
        await world.cleo.delete(cards(visit)[0])
        world.runware.resume()
        await world.idle()
        assert len(visit.results()) == 1
        assert world.env.errors == []
