"""The buttons, the forms they open, and what becomes of both over time."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import discord
import pytest
from simcord import InteractionResult, MemberActor

from bot.errors import NotFound
from playground.world import World, open_world
from storage.records import EntryKind, Status

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}


def control(form: Any, custom_id: str) -> dict[str, Any] | None:
    """Return a part of an open form."""
    parts = [part["component"] for part in form.modal["components"] if "component" in part]
    return next((part for part in parts if part["custom_id"] == custom_id), None)


def stored(world: World) -> int:
    """Return how many pictures are kept on the disk."""
    return sum(1 for path in (world.settings.data_dir / "pictures").glob("??/*") if path.is_file())


# Edit ----------------------------------------------------------------------------------------------------------------


async def test_edit_opens_a_filled_form_and_the_sent_form_is_a_child_paid_by_the_presser(
    books_of: Any, visit_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        carried = {"steps": 12, "cfg": 2.5, "true_cfg": 1.5, "scheduler": "Default", "negative": "rain", "seed": "7"}
        shown = await visit.edit(size="512x256", **carried)
        form = await world.bo.click(shown, label="Edit")
        assert form.modal is not None
        assert form.modal["title"] == "Edit #1"
        prompt, files = control(form, "prompt"), control(form, "files")
        assert prompt is not None
        assert (prompt["value"], prompt["max_length"]) == ("make it night", 4000)
        assert files is not None
        assert (files["min_values"], files["max_values"], files["required"]) == (0, 2, False)
        assert control(form, "picture") is None
        cup = ("cup.png", world.photos["coffee.png"])
        await world.bo.submit_modal(form, {"prompt": "now in snow", "files": [cup]})
        await world.idle()
        parent, child = await books_of(world).jobs()
        assert (child.user_id, child.request.parent_id) == (world.bo.id, 1)
        assert [reference.label for reference in child.request.references] == ["#1", "cup.png"]
        assert child.request.references[0].result_id == 1
        for name in ("steps", "cfg", "true_cfg", "scheduler", "negative", "width", "height"):
            assert getattr(child.request, name) == getattr(parent.request, name), name
        assert (child.request.prompt, child.request.results) == ("now in snow", 1)
        assert child.request.seed != parent.request.seed, "a new edit has a seed of its own"
        assert len(world.runware.requests[1]["inputs"]["referenceImages"]) == 2
        assert {line.account_id for line in await books_of(world).entries(child.id)} == {child.account_id}
        assert child.account_id != parent.account_id
        made = visit.last()
        assert made.channel.id == shown.channel.id, "an edit asked for in a thread goes on there"
        assert "from [#1](" in visit.words(made)
        assert world.ana.mention in visit.words(made)
        await books_of(world).check()


async def test_of_several_pictures_the_form_asks_which(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit(results=3)
        form = await world.cleo.click(shown, label="Edit")
        picture = control(form, "picture")
        assert picture is not None
        assert [option["value"] for option in picture["options"]] == visit.ids(shown)
        results = await world.program.edits.results(1)
        for result, option in zip(results, picture["options"], strict=True):
            assert f"seed {result.seed}" in option["description"]
        await world.cleo.submit_modal(form, {"prompt": "the third one", "picture": visit.ids(shown)[2:]})
        await world.idle()
        [_, child] = await books_of(world).jobs()
        assert child.request.parent_id == results[2].id
        assert child.request.references[0].sha256 == results[2].sha256


async def test_a_prompt_too_long_for_a_form_is_kept_by_leaving_it_empty(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        long = "night and day " * 400
        shown = await visit.edit(prompt=long)
        form = await world.bo.click(shown, label="Edit")
        prompt = control(form, "prompt")
        assert prompt is not None
        assert (prompt.get("value"), prompt["required"]) == (None, False)
        await world.bo.submit_modal(form, {})
        await world.idle()
        assert [job.request.prompt for job in await books_of(world).jobs()] == [long.strip()] * 2
        assert visit.files(visit.last())["prompt.txt"] is None


async def test_bad_input_in_a_form_is_refused_before_money_is_held(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit()
        for values, said, alone in (
            ({"prompt": "  \n "}, "`prompt` is empty", True),
            ({"prompt": "x", "files": [("huge.png", bytes(40 * 2**20))]}, "40.0 MB", True),
            ({"prompt": "x", "files": [("notes.png", b"only text")]}, "`More pictures`", False),
        ):
            form = await world.bo.click(shown, label="Edit")
            answer = await world.bo.submit_modal(form, values)
            assert answer.response is not None
            assert said in visit.words(answer.response)
            assert answer.response.ephemeral is alone
            assert visit.labels(answer.response) == []
        assert len(await books_of(world).jobs()) == 1
        await books_of(world).check()


async def test_quota_is_checked_again_when_a_form_is_sent(books_of: Any, visit_of: Any) -> None:
    async with open_world(member_daily_usd=Decimal("0.03")) as world:
        visit = visit_of(world)
        shown = await visit.edit(world.ana)
        form = await world.bo.click(shown, label="Edit")
        await visit.edit(world.bo)
        answer = await world.bo.submit_modal(form, {"prompt": "one more"})
        assert "your own limits allow $0.03 a day" in visit.words(answer.response)
        assert len(await books_of(world).jobs()) == 2
        await books_of(world).check()


async def test_a_picture_deleted_while_a_form_was_open_cannot_be_used(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit(results=2)
        form = await world.bo.click(shown, label="Edit")
        _, gone = visit.ids(shown)
        asked = await world.ana.click(shown, label="Delete")
        assert asked.response is not None
        await world.ana.select(asked.response, [gone])
        await world.idle()
        answer = await world.bo.submit_modal(form, {"prompt": "too late", "picture": [gone]})
        assert answer.response is not None
        assert answer.response.ephemeral
        assert f"#{gone} was taken down" in visit.words(answer.response)
        assert len(await books_of(world).jobs()) == 1


# Reroll and Recipe ---------------------------------------------------------------------------------------------------


async def test_reroll_asks_for_the_same_with_a_new_seed_and_the_presser_pays(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit(results=2, negative="rain", seed="7")
        await world.bo.click(shown, label="Reroll")
        await world.idle()
        first, again = await books_of(world).jobs()
        assert again.request == first.request.with_seed(again.request.seed)
        assert again.request.seed != 7
        assert (first.user_id, again.user_id) == (world.ana.id, world.bo.id)
        assert len(visit.files(visit.last())) == 2
        await books_of(world).check()


def recipe_of(world: World, answer: Any) -> dict[str, Any]:
    [file] = answer.response.attachments
    data = world.env.backend.cdn.get(file.url)
    assert data is not None
    return json.loads(data)


def without_names(task: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in task.items() if key not in {"taskUUID", "webhookURL"}}


async def test_a_recipe_run_as_a_command_sends_runware_the_same_task(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        files = {name: world.photos[name] for name in ("chelsea.png", "coffee.png")}
        await visit.edit(image=("chelsea.png", files["chelsea.png"]))
        shown = await visit.edit(
            prompt="two `words`, *three*\nlines",
            size="512x768",
            results=2,
            negative="rain",
            steps=9,
            cfg=3.5,
            true_cfg=2.25,
            scheduler="Default",
            seed=str(2**63 - 5),
            image2=("coffee.png", files["coffee.png"]),
            **{"from": "#1"},
        )
        answer = await recipe_from(world.bo, shown)
        assert answer.response is not None
        assert answer.response.ephemeral
        first, _ = visit.ids(shown)
        assert f"Recipe of #{first}" in visit.words(answer.response)
        recipe = recipe_of(world, answer)
        assert recipe["model"] == "runware:108@22"
        assert recipe["pictures"][0]["from"] == "#1"
        pictures = {"from": recipe["pictures"][0]["from"]}
        pictures["image2"] = (recipe["pictures"][1]["file"], files[recipe["pictures"][1]["file"]])
        await visit.edit(world.bo, **recipe["options"], **pictures)
        _, asked, again = world.runware.requests
        one_of_them = {"numberResults": 1, "seed": int(recipe["options"]["seed"])}
        assert {**without_names(asked), **one_of_them} == without_names(again)


async def test_a_recipe_of_one_picture_left_of_several_makes_that_one(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit(results=2)
        first, second = visit.ids(shown)
        asked = await world.ana.click(shown, label="Delete")
        assert asked.response is not None
        await world.ana.select(asked.response, [first])
        await world.idle()
        left, _ = await world.program.edits.result(int(second))
        recipe = recipe_of(world, await recipe_from(world.bo, visit.last()))
        assert (recipe["options"]["seed"], recipe["options"]["results"]) == (str(left.seed), 1)


# Delete --------------------------------------------------------------------------------------------------------------


async def test_the_asker_or_a_moderator_takes_a_picture_down_and_nobody_else(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        for remover in (world.ana, world.cleo):
            shown = await visit.edit(world.ana)
            job = (await books_of(world).jobs())[-1]
            [result] = await world.program.edits.results(job.id)
            lines, before = await books_of(world).entries(job.id), stored(world)
            refused = await world.bo.click(shown, label="Delete")
            assert refused.response is not None
            assert refused.response.ephemeral
            assert f"Only {world.ana.mention}" in visit.words(refused.response)
            assert await world.program.services.pictures.get(result.sha256 or "")
            pressed = await remover.click(shown, label="Delete")
            assert (pressed.acknowledged, pressed.followups) == (True, [])
            await world.idle()
            assert shown.id not in [message.id for message in visit.everything()]
            with pytest.raises(NotFound):
                await world.program.services.pictures.get(result.sha256 or "")
            assert stored(world) == before - 1, "the picture goes, the reference stays for others"
            assert await books_of(world).entries(job.id) == lines
            assert EntryKind.SETTLE in {line.kind for line in lines}
        assert world.env.errors == []
        await books_of(world).check()


async def test_some_of_several_pictures_can_be_taken_down(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit(results=3, prompt="night " * 800)
        first, second, third = visit.ids(shown)
        asked = await world.ana.click(shown, label="Delete")
        assert asked.response is not None
        assert asked.response.ephemeral
        await world.ana.select(asked.response, [first, third])
        await world.idle()
        left = visit.results()
        assert [message.id for message in left] == [shown.id]
        assert visit.ids(left[0]) == [second]
        assert "prompt.txt" in visit.files(left[0])
        assert f"#{first} and #{third} were taken down" in visit.words(left[0])
        form = await world.bo.click(left[0], label="Edit")
        assert form.modal is not None
        assert form.modal["title"] == f"Edit #{second}"
        await world.ana.click(left[0], label="Delete")
        await world.idle()
        assert visit.results() == []
        await books_of(world).check()


async def test_an_old_button_of_a_deleted_picture_says_that_it_is_gone(books_of: Any, visit_of: Any) -> None:
    async with open_world(announce_retry_seconds=0.001, **PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit()
        world.env.inject_error("DELETE", "/channels/*/messages/*", status=403, code=50013, times=None)
        pressed = await world.ana.click(shown, label="Delete")
        assert (pressed.acknowledged, pressed.followups) == (True, []), "what Discord refuses is no accident of hers"
        await world.idle()
        for label in ("Edit", "Reroll", "Star", "Delete"):
            answer = await world.bo.click(shown, label=label)
            assert answer.response is not None
            assert answer.response.ephemeral
            assert "#1 was taken down" in visit.words(answer.response), label
        several = await visit.edit(results=2)
        asked = await world.ana.click(several, label="Delete")
        assert asked.response is not None
        await world.ana.select(asked.response, visit.ids(several))
        await world.idle()
        answer = await world.bo.click(several, label="Edit")
        assert answer.response is not None
        # The announcer may have drawn it anew between the two: then it is the Edit button of the second alone.
        assert re.search(r"The pictures of this message are gone|#\d+ was taken down", visit.words(answer.response))
        assert len(await books_of(world).jobs()) == 2


async def test_a_picture_used_by_another_edit_keeps_its_bytes_when_it_is_deleted(books_of: Any, visit_of: Any) -> None:
    async with open_world(max_in_flight=1, **PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit()
        world.runware.pause()
        await visit.ask(world.bo)
        await visit.ask(world.bo, **{"from": "#1"})
        await world.ana.click(shown, label="Delete")
        world.runware.resume()
        await world.idle()
        jobs = await books_of(world).jobs()
        assert [job.status for job in jobs] == [Status.SUCCEEDED] * 3
        assert "from #1, which is gone" in visit.words(visit.last())
        await books_of(world).check()


# Cancel --------------------------------------------------------------------------------------------------------------


async def test_a_queued_edit_is_cancelled_by_its_asker_or_a_moderator_and_nobody_else(
    books_of: Any, visit_of: Any
) -> None:
    async with open_world(max_in_flight=1, **PLENTY) as world:
        visit = visit_of(world)
        world.runware.pause()
        for _ in range(3):
            await visit.ask()
        await visit.status(2, Status.QUEUED)
        await visit.status(0, Status.SUBMITTED)
        cards = [thread.history()[0] for thread in visit.threads()]
        assert ["Cancel" in visit.labels(card) for card in cards] == [False, True, True]
        refused = await world.bo.click(cards[1], label="Cancel")
        assert refused.response is not None
        assert refused.response.ephemeral
        assert "Only the person who asked" in visit.words(refused.response)
        for member, number in ((world.ana, 1), (world.cleo, 2)):
            pressed = await member.click(cards[number], label="Cancel")
            assert pressed.acknowledged
            job = await visit.status(number, Status.CANCELLED)
            assert [line.kind for line in await books_of(world).entries(job.id)] == [EntryKind.HOLD, EntryKind.RELEASE]
            card = visit.threads()[number].history()[0]
            assert "Cancelled" in visit.words(card)
            assert "nothing was charged" in visit.words(card)
            assert visit.labels(card) == []
        world.runware.resume()
        await world.idle()
        assert len(world.runware.requests) == 1
        await books_of(world).check()


async def test_an_edit_that_was_sent_is_not_cancelled_by_a_button_still_on_screen(books_of: Any, visit_of: Any) -> None:
    async with open_world(max_in_flight=1, announce_retry_seconds=0.2, **PLENTY) as world:
        visit = visit_of(world)
        world.runware.pause()
        await visit.ask()
        await visit.ask()
        await visit.status(1, Status.QUEUED)
        second = visit.threads()[1]
        world.env.inject_error("PATCH", f"/channels/{second.id}/messages/*", times=None)
        world.runware.resume()
        await submitted(books_of(world), 1)
        card = second.history()[0]
        late = await world.ana.click(card, label="Cancel")
        assert late.response is not None
        assert late.response.ephemeral
        assert "already sent" in visit.words(late.response)
        world.env.backend.faults.clear()
        await world.idle()
        assert [job.status for job in await books_of(world).jobs()] == [Status.SUCCEEDED] * 2
        await books_of(world).check()


async def submitted(books: Any, number: int) -> None:
    while (await books.jobs())[number].first_post_at is None:
        await asyncio.sleep(0.01)


# Try again -----------------------------------------------------------------------------------------------------------


async def test_a_failed_edit_is_tried_again_with_its_words_seed_and_settings(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        world.runware.faults.fail = "providerError"
        failed = await visit.edit(results=2, steps=7, seed="0")
        assert visit.labels(failed) == ["Try again"]
        world.runware.faults.fail = None
        form = await world.bo.click(failed, label="Try again")
        prompt = control(form, "prompt")
        assert prompt is not None
        assert prompt["value"] == "make it night"
        await world.bo.submit_modal(form, {"prompt": "make it day"})
        await world.idle()
        first, again = await books_of(world).jobs()
        assert (first.status, again.status) == (Status.FAILED, Status.SUCCEEDED)
        assert again.user_id == world.bo.id
        assert again.request == replace(first.request, prompt="make it day")
        await books_of(world).check()


# Over time -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("crash", [False, True], ids=["after a restart", "after a crash"])
async def test_every_button_still_works(crash: bool, books_of: Any, visit_of: Any) -> None:
    async with open_world(max_in_flight=1, **PLENTY) as world:
        visit = visit_of(world)
        world.runware.faults.fail = "providerError"
        failed = (await visit.edit(world.bo)).id
        world.runware.faults.fail = None
        shown = await visit.edit(results=2)
        several, (first, second) = shown.id, visit.ids(shown)
        single = (await visit.edit()).id
        opened = await world.bo.click(find(visit, single), label="Edit")
        world.runware.pause()
        await visit.ask()
        await visit.ask()
        await visit.status(4, Status.QUEUED)
        card = visit.threads()[-1].history()[0].id
        await world.restart(crash=crash)
        await world.ana.click(find(visit, card), label="Cancel")
        await visit.status(4, Status.CANCELLED)
        world.runware.resume()
        await world.bo.submit_modal(opened, {"prompt": "sent after the restart"})
        again = await world.cleo.click(find(visit, failed), label="Try again")
        await world.cleo.submit_modal(again, {"prompt": "once more"})
        pick = await world.bo.click(find(visit, several), label="Edit")
        await world.bo.submit_modal(pick, {"prompt": "the second", "picture": [second]})
        await world.bo.click(find(visit, single), label="Reroll")
        await world.idle()
        recipe = await recipe_from(world.bo, find(visit, single))
        assert recipe_of(world, recipe)["options"]["prompt"] == "make it night"
        asked = await world.ana.click(find(visit, several), label="Delete")
        assert asked.response is not None
        await world.ana.select(asked.response, [first, second])
        await visit.take_down(world.ana, find(visit, single))
        assert {several, single}.isdisjoint(message.id for message in visit.everything())
        prompts = [job.request.prompt for job in (await books_of(world).jobs())[5:]]
        assert prompts == ["sent after the restart", "once more", "the second", "make it night"]
        assert len(visit.results()) == 5
        assert world.env.errors == []
        await books_of(world).check()


async def recipe_from(member: MemberActor, shown: discord.Message) -> InteractionResult:
    """Have a member look at a result and ask for its recipe."""
    answer = await member.click(shown, label="More")
    assert answer.response is not None
    return await member.click(answer.response, label="Recipe")


def find(visit: Any, message_id: int) -> discord.Message:
    """Return a message as it is now."""
    return next(message for message in visit.everything() if message.id == message_id)
