"""A draft is written a piece at a time, seen by its owner alone, and sent once everything in it is right."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Mapping
from typing import Any

import discord
import pytest
from simcord import InteractionResult, MemberActor

from bot.drafts import DRAFT_LIFE
from bot.options import MAX_REFERENCES
from playground.world import World, open_world
from storage import house
from storage.database import Tx
from storage.records import Asker, Bound

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}
HASH = 64
DANGER = discord.ButtonStyle.danger.value


class Card:
    """The card of a draft, as its owner has it before them."""

    def __init__(self, world: World, visit: Any, answer: InteractionResult, owner: MemberActor) -> None:
        assert answer.response is not None
        self._world = world
        self._visit = visit
        self._owner = owner
        self.message = answer.response

    @classmethod
    async def open(cls, world: World, visit: Any, owner: MemberActor | None = None, **options: Any) -> Card:
        owner = owner or world.ana
        return cls(world, visit, await owner.slash(world.channel, "draft", **options), owner)

    @property
    def words(self) -> str:
        return self._visit.words(self.message)

    @property
    def labels(self) -> list[str]:
        return self._visit.labels(self.message)

    @property
    def pictures(self) -> list[str | None]:
        return self._visit.gallery(self.message)

    async def press(self, label: str) -> InteractionResult:
        """Press a button; one of another page is looked for there first."""
        if label not in self.labels:
            await self._owner.click(self.message, custom_id=self._id("draftpage", "basic" if self.further else "more"))
        return await self._owner.click(self.message, label=label)

    @property
    def further(self) -> bool:
        return "CacheDiT" in self.labels

    async def fill(self, label: str, values: Mapping[str, Any]) -> InteractionResult:
        """Open a form, fill it in and send it."""
        return await self._owner.submit_modal(await self.press(label), dict(values))

    async def choose(self, value: str) -> InteractionResult:
        return await self._owner.select(self.message, [value])

    async def send(self) -> InteractionResult:
        return await self.press("Send")

    def styles(self) -> dict[str, int]:
        rows = [part for part in self.message.components[0]["components"] if part["type"] == 1]
        buttons = [button for row in rows for button in row["components"] if button["type"] == 2]
        return {button["label"]: button["style"] for button in buttons}

    def _id(self, *parts: str) -> str:
        rows = [part for part in self.message.components[0]["components"] if part["type"] == 1]
        ids = [item["custom_id"] for row in rows for item in row["components"]]
        return next(one for one in ids if one.startswith(parts[0]) and one.endswith(parts[1]))


def kept(form: InteractionResult) -> list[str]:
    """Return the values of the pictures that a form offers to keep."""
    modal: Any = form._interaction.modal
    inner = [label["component"] for label in modal["components"] if "component" in label]
    return [option["value"] for part in inner if part["custom_id"] == "keep" for option in part["options"]]


def fields(form: InteractionResult) -> dict[str, dict[str, Any]]:
    modal: Any = form._interaction.modal
    inner = [label["component"] for label in modal["components"] if "component" in label]
    return {part["custom_id"]: part for part in inner}


def cat(world: World) -> tuple[str, bytes]:
    return "cat.png", world.photos["chelsea.png"]


def cup(world: World) -> tuple[str, bytes]:
    return "cup.png", world.photos["coffee.png"]


async def test_a_newcomer_writes_a_draft_from_nothing_and_sends_it(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        card = await Card.open(world, visit)
        assert card.message.ephemeral
        assert "Press **Words**" in card.words
        assert "Press **Pictures**" in card.words
        assert card.labels == [
            "Words",
            "Pictures",
            "Size and file",
            "Guidance",
            "More options",
            "Start over",
            "Discard",
        ]
        await card.fill("Words", {"prompt": "给猫戴上帽子"})
        assert "> 给猫戴上帽子" in card.words
        assert "Send" not in card.labels
        await card.fill("Pictures", {"files": [cat(world), cup(world)]})
        assert card.pictures == ["Picture 1: cat.png", "Picture 2: cup.png"]
        assert "**1** · cat.png · 451 × 300\n**2** · cup.png · 600 × 400" in card.words
        assert "About **$0.0329**, going by Runware's published examples: 1 picture, 464 × 304, 30 steps." in card.words
        answer = await card.send()
        [reply] = answer.followups
        assert not reply.ephemeral
        assert "Sent" in card.words
        assert card.labels == []
        await world.idle()
        [task] = world.runware.requests
        assert task["positivePrompt"] == "给猫戴上帽子"
        assert len(task["inputs"]["referenceImages"]) == 2
        shown = visit.last()
        assert visit.ids(shown) == ["1"]
        [thread] = visit.threads()
        assert thread.name == "给猫戴上帽子"
        starters = [message for message in world.channel.history() if message.id == thread.id]
        assert list(visit.files(starters[0])) == ["reference-1.jpg", "reference-2.jpg"]
        again = await Card.open(world, visit)
        assert "Press **Words**" in again.words
        assert world.env.errors == []
        await books_of(world).check()


async def test_a_draft_can_be_begun_with_words_files_and_results(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit()
        card = await Card.open(world, visit, world.bo, prompt="both", image2=cup(world), **{"from": "#1"})
        assert card.pictures == ["Picture 1: cat.png, edited: make it night", "Picture 2: cup.png"]
        assert "> both" in card.words
        await card.send()
        await world.idle()
        assert len(world.runware.requests[-1]["inputs"]["referenceImages"]) == 2
        assert "from [#1]" in visit.words(visit.last())


async def test_what_a_draft_cannot_begin_with_is_refused_and_opens_none(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit(results=2)
        huge = ("huge.png", bytes(40 * 2**20))
        cases: list[tuple[dict[str, Any], str]] = [
            ({"image": cat(world), "from": "#1"}, "`from` takes the place of `image`"),
            ({"from": "#77"}, "There is no picture #77"),
            (
                {"from": "#1 #2", "image2": cat(world), "image3": cup(world)},
                "and these would be 4, so nothing was done. Bring in fewer.",
            ),
            ({"image": huge}, "40.0 MB and I take up to 25 MB"),
            ({"image": ("notes.png", b"no picture at all")}, "notes.png"),
        ]
        for options, said in cases:
            answer = await world.ana.slash(world.channel, "draft", **options)
            assert answer.response is not None
            assert answer.response.ephemeral
            assert said in visit.words(answer.response), options
        assert "Press **Words**" in (await Card.open(world, visit)).words
        assert world.env.errors == []


async def test_without_anything_given_the_newest_draft_is_shown_again_also_after_a_restart(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        card = await Card.open(world, visit, prompt="a hat", image=cat(world))
        form = await card.press("Guidance")
        await world.restart(crash=True)
        await world.ana.submit_modal(form, {"steps": "4"})
        assert "`steps` **4**" in card.words
        await world.restart()
        await card.fill("Size and file", {"size": "512x512"})
        assert "`size` **512x512** · `steps` **4**" in card.words
        again = await Card.open(world, visit)
        assert again.words == card.words
        await world.restart()
        await again.send()
        await world.idle()
        [task] = world.runware.requests
        assert (task["steps"], task["width"], task["height"]) == (4, 512, 512)


async def test_all_that_is_wrong_is_kept_and_said_at_once_and_marks_where_to_mend_it(
    books_of: Any, visit_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        card = await Card.open(world, visit, prompt="a hat", image=cat(world))
        wrong = {"size": "1000x", "results": "many", "seed": "-1", "quality": "100"}
        await card.fill("Size and file", wrong)
        await card.fill("Guidance", {"steps": "99", "cfg": "0.5", "true_cfg": "a lot"})
        await card.fill("Cached steps", {"cache_start": "9", "cache_end": "3", "cache_in_a_row": "six"})
        await card.fill("LoRAs", {"loras": "civitai:1@2 0.5\nciv itai 9 9"})
        assert "**10 things to mend before it can be sent**" in card.words
        for said in (
            "`results` is a whole number from 1 to 20, and `many` was given.",
            "`seed` is a whole number",
            "`quality` is a whole number from 20 to 99",
            "`steps` is a whole number from 1 to 50, and `99` was given.",
            "`cfg` goes from 1 to 20 in steps of 0.01, and `0.5` was given.",
            "`true_cfg` is a number",
            "`loras` names a LoRA by its AIR",
            "`cache_in_a_row`",
            "`size` is a width and a height",
            "`cache_end` comes after `cache_start`",
        ):
            assert said in card.words, said
        assert "as far as it is filled in" in card.words
        assert "Send" not in card.labels
        assert {label for label, style in card.styles().items() if style == DANGER} == {"LoRAs", "Cached steps"}
        form = await card.press("Size and file")
        assert {name: fields(form)[name].get("value") for name in wrong} == wrong
        red = {label for label, style in card.styles().items() if style == DANGER}
        assert red == {"Size and file", "Guidance", "More options · 4 set"}
        await card.fill("Size and file", dict.fromkeys(wrong, ""))
        await card.fill("Guidance", {"steps": "40", "cfg": "", "true_cfg": ""})
        await card.fill("Cached steps", dict.fromkeys(("cache_start", "cache_end", "cache_in_a_row"), ""))
        await card.fill("LoRAs", {"loras": ""})
        assert "to mend" not in card.words
        assert await books_of(world).jobs() == []
        await card.send()
        await world.idle()
        assert [task["steps"] for task in world.runware.requests] == [40]
        assert world.env.errors == []


async def test_a_card_leads_to_its_owners_other_drafts(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit(world.ana, prompt="secret words")
        assert visit.menus((await Card.open(world, visit, prompt="a hat")).message) == []
        more = await world.ana.click(visit.last(), label="More")
        assert more.response is not None
        await world.ana.click(more.response, label="Draft")
        card = await Card.open(world, visit, prompt="a coat", image=cat(world))
        assert visit.menus(card.message) == [["an edit of #1", "a hat"]]
        await card.choose("1")
        assert "> a hat" in card.words
        assert visit.menus(card.message) == [["a coat", "an edit of #1"]]
        old = await Card.open(world, visit)
        await old.choose("1")
        await card.press("Discard")
        assert "`/draft` shows the one before" in card.words
        await old.choose("3")
        assert "> a coat" in old.words, "it leads on from the card of a draft that is gone"
        assert "> a coat" in (await Card.open(world, visit)).words


async def test_nobody_else_presses_a_draft_or_sends_its_forms(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        mine, other = await Card.open(world, visit, prompt="mine", image=cat(world)), None
        for number in (2, 3):
            other = await Card.open(world, visit, world.bo, prompt=f"draft {number}")
        assert other is not None
        # A custom id is the presser's own to write: Bo names Ana's draft in each of his.
        forged = {
            "draftform:1:words",
            "draftform:1:pictures",
            "draftpage:1:more",
            "draftpage:1:scheduler",
            "draftempty:1",
            "draftdrop:1",
        }
        version = (await world.program.services.drafts.get(1, Asker(world.guild.id, world.ana.id))).changed_at
        for custom_id in (*forged, f"draftsend:1:30000:{version}"):
            stored = world.env.backend.get_message(world.channel.id, other.message.id)
            row = stored.components[0]["components"][-2]  # the last one is the menu of Bo's own drafts
            row["components"][-1]["custom_id"] = custom_id
            answer = await world.bo.click(other.message, custom_id=custom_id)
            assert "somebody else's" in visit.words(answer.response), custom_id
        stored = world.env.backend.get_message(world.channel.id, other.message.id)
        stored.components[0]["components"][-1]["components"][0]["options"][0]["value"] = "1"
        assert "somebody else's" in visit.words((await world.bo.select(other.message, ["1"])).response)
        assert "> mine" in mine.words
        assert await books_of(world).jobs() == []
        assert (await world.program.services.drafts.get(1, Asker(world.guild.id, world.ana.id))).values == {
            "prompt": "mine"
        }
        assert world.env.errors == []


async def test_pictures_are_kept_ordered_taken_out_and_brought_in(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit()
        card = await Card.open(world, visit, prompt="a hat", image=cat(world), image2=cup(world))
        form = await card.press("Pictures")
        first, second = kept(form)
        await world.ana.submit_modal(form, {"keep": [first, second], "first": [second], "results": "#1"})
        assert card.pictures == [
            "Picture 1: cup.png",
            "Picture 2: cat.png",
            "Picture 3: cat.png, edited: make it night",
        ]
        refused = await card.fill("Pictures", {"keep": kept(await card.press("Pictures")), "files": [cat(world)]})
        assert refused.response is not None
        assert "1 to 3 pictures, and these would be 4" in visit.words(refused.response)
        assert "or take the tick from those that can go" in visit.words(refused.response)
        assert len(card.pictures) == MAX_REFERENCES
        form = await card.press("Pictures")
        stale = await card.press("Pictures")
        await world.ana.submit_modal(form, {"keep": kept(form)[1:2]})
        assert card.pictures == ["A picture to start from: cat.png"]
        late = await world.ana.submit_modal(stale, {"keep": kept(stale)})
        assert "was changed while you had this form open" in visit.words(late.response)
        await card.fill("Pictures", {"keep": kept(await card.press("Pictures")), "files": [("n.png", b"nothing")]})
        assert card.pictures == ["A picture to start from: cat.png"]
        await card.fill("Pictures", {})
        assert "Press **Pictures**" in card.words
        assert world.env.errors == []


async def test_a_scheduler_is_chosen_by_family_and_left_to_the_model_again(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        card = await Card.open(world, visit, prompt="a hat", image=cat(world))
        await card.press("Scheduler")
        assert "Now: left to the model." in card.words
        await card.choose("1")
        assert "DPM++ 2M" in card.words
        await card.press("Back")
        assert "Choose a family first" in card.words
        await card.choose("0")
        await card.choose("Euler")
        assert "`scheduler` **Euler**" in card.words
        await card.press("Scheduler")
        assert "Now: **Euler**." in card.words
        await card.choose("leave")
        assert "`scheduler`" not in card.words
        await card.press("Scheduler")
        await card.press("Back")
        assert card.further


async def test_the_advice_on_what_has_no_effect_stands_beside_send(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        card = await Card.open(world, visit, prompt="a hat", image=cat(world))
        await card.fill("Words", {"prompt": "a hat", "negative": "rain"})
        await card.fill("Guidance", {"cfg": "1"})
        assert "💡 `negative` is not sent: the model ignores it while `cfg` is 1 or less." in card.words
        assert "Send" in card.labels


async def test_a_draft_of_a_result_is_a_child_of_it_with_its_words_and_settings(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit(prompt="x" * 5000, steps=7, cfg=2.5, scheduler="Euler", size="512x512")
        look = await world.bo.click(shown, label="More")
        assert look.response is not None
        card = Card(world, visit, await world.bo.click(look.response, label="Draft"), world.bo)
        assert card.message.ephemeral
        assert card.message.id != look.response.id
        assert "`size` **512x512** · `steps` **7** · `cfg` **2\\.5** · `scheduler` **Euler**" in card.words
        assert "5,000 characters in all" in card.words
        form = await card.press("Words")
        assert fields(form)["prompt"].get("value") is None
        assert fields(form)["prompt"]["placeholder"] == "Empty keeps the 5,000 characters it has"
        await world.bo.submit_modal(form, {"negative": "rain"})
        await card.send()
        await world.idle()
        [_, child] = world.runware.requests
        assert (child["positivePrompt"], child["negativePrompt"]) == ("x" * 5000, "rain")
        assert (child["steps"], child["CFGScale"], child["scheduler"]) == (7, 2.5, "Euler")
        assert "from [#1]" in visit.words(visit.last())


async def test_a_draft_of_a_result_is_not_given_what_the_server_has_come_to_fill_in(visit_of: Any) -> None:
    """Defaults are for new edits, and a draft of a result has the settings that it was made with."""
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit(size="128x128", scheduler="Euler")
        manager = Asker(world.guild.id, world.cleo.id)
        for name, value in (("negative", "a logo"), ("cfg", "4"), ("scheduler", "Heun"), ("fb_cache", "yes")):
            await world.program.services.houses.set_default(manager, name, value)
        look = await world.bo.click(shown, label="More")
        assert look.response is not None
        card = Card(world, visit, await world.bo.click(look.response, label="Draft"), world.bo)
        assert (
            "`negative` **none** · `steps` **30** · `cfg` **none** · `scheduler` **Euler** · `fb_cache` **none**"
            in card.words
        )
        assert "This server fills in" not in card.words
        assert fields(await card.press("Guidance"))["cfg"]["value"] == "none"
        await card.send()
        await world.idle()
        task = world.runware.requests[-1]
        assert task["scheduler"] == "Euler"
        assert not task.keys() & {"negativePrompt", "CFGScale", "acceleratorOptions"}


async def test_the_scheduler_of_a_server_is_set_aside_in_a_draft_and_taken_again(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        await world.program.services.houses.set_default(Asker(world.guild.id, world.cleo.id), "scheduler", "Heun")
        card = await Card.open(world, visit_of(world), prompt="a hat", image=cat(world))
        assert "This server fills in: `scheduler` **Heun**" in card.words
        await card.press("Scheduler")
        await card.choose("none")
        assert "Set: `scheduler` **none**" in card.words
        assert "fills in" not in card.words
        await card.press("Scheduler")
        assert "Now: left to the model." in card.words
        await card.choose("leave")
        assert "This server fills in: `scheduler` **Heun**" in card.words


async def test_words_that_fit_a_form_stand_in_it_and_may_be_changed(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit(prompt="make it night")
        look = await world.bo.click(shown, label="More")
        assert look.response is not None
        card = Card(world, visit, await world.bo.click(look.response, label="Draft"), world.bo)
        form = await card.press("Words")
        assert fields(form)["prompt"]["value"] == "make it night"
        await world.bo.submit_modal(form, {"prompt": "make it day"})
        await visit.take_down(world.ana, shown)
        await card.press("More options · 1 set" if "More options · 1 set" in card.labels else "More options")
        assert "> make it day" in card.words, "own words stay"


async def test_a_result_that_was_taken_down_is_shown_no_more_and_cannot_be_sent(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit(prompt="a secret")
        look = await world.bo.click(shown, label="More")
        assert look.response is not None
        card = Card(world, visit, await world.bo.click(look.response, label="Draft"), world.bo)
        assert "> a secret" in card.words
        await visit.take_down(world.ana, shown)
        await card.send()
        assert "Not sent: this is how it stands now." in card.words
        assert "a secret" not in card.words
        assert card.pictures == []
        assert card.message.attachments == []
        assert "⚠️ the picture cannot be used now" in card.words
        assert "Picture 1: #1 was taken down, so it can't be used any more." in card.words
        assert "Its words were those of #1, which cannot be used now." in card.words
        assert "Send" not in card.labels
        form = await card.press("Words")
        assert fields(form)["prompt"].get("value") is None
        form = await card.press("Pictures")
        modal: Any = form._interaction.modal
        assert "#1" not in str(modal["components"][0])
        await world.bo.submit_modal(form, {"files": [cup(world)]})
        await card.fill("Words", {"prompt": "a hat"})
        await card.send()
        await world.idle()
        assert [job.request.parent_id for job in await books_of(world).jobs()] == [None, None]


async def test_a_result_that_its_owner_cannot_read_any_more_is_shown_no_more(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        thread = await visit.private_thread()
        world.env.backend.add_thread_member(thread.id, world.bo.id)
        await world.env.settle()
        shown = await visit.edit(channel=thread, prompt="a secret")
        look = await world.bo.click(shown, label="More")
        assert look.response is not None
        await world.bo.click(look.response, label="Draft")
        card = await Card.open(world, visit, world.bo)
        assert "> a secret" in card.words
        world.env.backend.remove_thread_member(thread.id, world.bo.id)
        await world.env.settle()
        await card.press("More options")
        assert "a secret" not in card.words
        assert card.pictures == []
        assert "Picture 1: You can't use #1: it stands in a channel you cannot read." in card.words


async def test_a_draft_is_not_opened_of_a_result_that_the_presser_cannot_read(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        thread = await visit.private_thread()
        world.env.backend.add_thread_member(thread.id, world.bo.id)
        await world.env.settle()
        await visit.edit(channel=thread, prompt="a secret")
        card = await Card.open(world, visit, world.bo)
        stored = world.env.backend.get_message(world.channel.id, card.message.id)
        stored.components[0]["components"][-1]["components"][-1]["custom_id"] = "draft:1"
        world.env.backend.remove_thread_member(thread.id, world.bo.id)
        await world.env.settle()
        refused = await world.bo.click(card.message, custom_id="draft:1")
        assert "You can't use #1: it stands in a channel you cannot read." in visit.words(refused.response)
        assert "Press **Pictures**" in (await Card.open(world, visit, world.bo)).words


async def test_a_draft_is_not_sent_where_the_bot_cannot_work(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit, bot = visit_of(world), world.guild.me
        assert bot is not None
        deny = discord.PermissionOverwrite(create_public_threads=False)
        narrow = world.guild.create_text_channel("narrow", overwrites={bot: deny})
        await world.env.settle()
        answer = await world.ana.slash(narrow, "draft", prompt="a hat", image=cat(world))
        card = Card(world, visit, answer, world.ana)
        [refused] = (await card.send()).followups
        assert refused.ephemeral
        assert "I lack **Create Public Threads**" in visit.words(refused)
        assert await books_of(world).jobs() == []
        elsewhere = await Card.open(world, visit)
        await elsewhere.send()
        await world.idle()
        assert len(await books_of(world).jobs()) == 1


async def test_a_draft_left_alone_for_a_day_is_swept(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        await Card.open(world, visit_of(world), prompt="a hat")
        await world.program.database.run(_age)
        await world.restart()
        async with asyncio.timeout(20):
            while await world.program.database.read(_number):
                await asyncio.sleep(0.01)


async def _age(tx: Tx) -> None:
    await tx.execute("UPDATE drafts SET changed_at = changed_at - ?1", DRAFT_LIFE)


async def _number(tx: Tx) -> int:
    return len(await tx.fetch_all("SELECT id FROM drafts"))


async def test_a_server_says_what_it_fills_in_and_what_it_bounds(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit, guild = visit_of(world), world.guild.id
        for name, value in (("steps", 12), ("fb_cache", True), ("format", "PNG"), ("negative", "rain")):
            await world.program.database.run(house.put_default, guild, name, value)
        await world.program.database.run(house.put_bound, guild, "steps", Bound(None, 40))
        await world.program.database.run(house.allow_lora, guild, "civitai:1@2", "Ink *wash*")
        card = await Card.open(world, visit, prompt="a hat", image=cat(world))
        assert "This server fills in: `negative` **rain** · `format` **PNG** · `steps` **12**" in card.words
        form = await card.press("Guidance")
        assert (
            fields(form)["steps"]["placeholder"] == "Left out: 12, as this server set it · here at most 40 · none: 30"
        )
        await world.ana.submit_modal(form, {"steps": "45"})
        assert "`steps` goes up to 40 in this server, and 45 was given." in card.words
        form = await card.press("LoRAs")
        modal: Any = form._interaction.modal
        assert modal["components"][0]["content"] == "This server lets in:\n- `civitai:1@2` Ink \\*wash\\*"
        form = await card.press("Block caches")
        assert fields(form)["fb_cache"]["default"] is True
        await world.ana.submit_modal(form, {"fb_cache": False})
        await card.fill("Guidance", {"steps": ""})
        await card.send()
        await world.idle()
        [task] = world.runware.requests
        assert (task["steps"], task["outputFormat"], task["negativePrompt"]) == (12, "PNG", "rain")
        assert task["acceleratorOptions"] == {"fbCache": False}


async def test_a_refusal_for_want_of_quota_is_said_before_and_at_send_and_keeps_the_draft(
    books_of: Any, visit_of: Any
) -> None:
    async with open_world(**{**PLENTY, "member_daily_usd": "0.06"}) as world:
        visit = visit_of(world)
        card = await Card.open(world, visit, prompt="a hat", image=cat(world))
        await card.fill("Size and file", {"results": "20"})
        assert "⛔ This edit needs up to" in card.words
        before = len(world.channel.history(viewer=world.bo))
        [refused] = (await card.send()).followups
        assert refused.ephemeral, "nothing was posted first and then taken back"
        assert "your own limits allow $0.06 a day" in visit.words(refused)
        assert len(world.channel.history(viewer=world.bo)) == before
        await card.fill("Size and file", {"results": "1"})
        await card.send()
        await world.idle()
        assert len(visit.results()) == 1
        await books_of(world).check()


async def test_a_refusal_that_nobody_could_foresee_takes_the_reply_back_and_keeps_the_draft(
    books_of: Any, visit_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_world(**PLENTY) as world:
        visit, edits = visit_of(world), world.program.edits
        card = await Card.open(world, visit, prompt="a hat", image=cat(world))
        asked = edits.ask

        async def pause_first(*args: Any, **options: Any) -> Any:
            await world.program.budgets.pause(Asker(world.guild.id, world.cleo.id), 0, "a break")
            return await asked(*args, **options)

        monkeypatch.setattr(edits, "ask", pause_first)
        before = [message.id for message in world.channel.history(viewer=world.bo)]
        answer = await card.send()
        assert "Edits are paused" in str([visit.words(message) for message in answer.followups])
        assert [message.id for message in world.channel.history(viewer=world.bo)] == before
        assert "> a hat" in (await Card.open(world, visit)).words
        assert await books_of(world).jobs() == []


async def test_what_was_sent_is_no_accident_to_somebody_who_dismissed_the_card(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        card = await Card.open(world, visit, prompt="a hat", image=cat(world))
        world.env.inject_error("PATCH", "/webhooks/*/messages/@original", status=404, code=10008)
        [reply] = (await card.send()).followups
        assert not reply.ephemeral, "it is the edit, and no word of anything that broke"
        await world.idle()
        assert visit.ids(visit.last()) == ["1"]
        await books_of(world).check()


async def test_a_form_sent_below_a_dismissed_card_is_kept_and_is_no_accident(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        card = await Card.open(world, visit, prompt="a hat")
        form = await card.press("Words")
        world.env.inject_error("PATCH", "/webhooks/*/messages/@original", status=404, code=10008)
        answer = await world.ana.submit_modal(form, {"prompt": "a red hat"})
        assert answer.followups == []
        assert "> a red hat" in (await Card.open(world, visit)).words


async def test_a_press_of_send_is_acknowledged_before_anything_is_looked_at(
    visit_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_world(**PLENTY) as world:
        card = await Card.open(world, visit_of(world), prompt="a hat", image=cat(world))
        edits, acknowledged = world.program.edits, list[bool]()
        forecast = edits.forecast

        async def watched(*args: Any) -> Any:
            newest = max(world.env.backend.interactions)
            acknowledged.append(world.env.backend.interactions[newest].responded)
            return await forecast(*args)

        monkeypatch.setattr(edits, "forecast", watched)
        await card.send()
        assert acknowledged == [True]
        await world.idle()


async def test_the_form_of_pictures_opens_while_others_pictures_are_worked_on(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        card = await Card.open(world, visit_of(world), prompt="a hat", image=cat(world))
        pictures, over = world.program.services.pictures, threading.Event()
        for thumbnail in world.settings.data_dir.rglob("thumbnails/*/*"):
            thumbnail.unlink()
        busy = [asyncio.create_task(pictures.draw(over.wait)) for _ in range(8)]
        try:
            async with asyncio.timeout(20):
                assert len(kept(await card.press("Pictures"))) == 1
        finally:
            over.set()
            await asyncio.gather(*busy)


async def test_a_picture_that_was_damaged_on_the_disk_is_neither_shown_nor_sent(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await Card.open(world, visit, prompt="a hat", image=cat(world))
        for file in [path for path in world.settings.data_dir.rglob("*") if path.is_file() and len(path.name) >= HASH]:
            if file.suffix:  # a thumbnail
                file.unlink()
            else:
                file.write_bytes(b"damaged")
        damaged = await Card.open(world, visit)
        assert ("> a hat" in damaged.words, damaged.pictures) == (True, [])
        again = await Card.open(world, visit)
        assert "⚠️ the picture cannot be used now" in again.words
        assert "Picture 1: I no longer have that picture; attach it again." in again.words
        assert "Send" not in again.labels
        assert await books_of(world).jobs() == []


async def test_a_price_that_is_news_is_asked_about_and_the_draft_goes_with_the_yes(
    books_of: Any, visit_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await world.ana.slash(world.channel, "quota", ask_above="0.001")
        card = await Card.open(world, visit, prompt="a hat", image=cat(world))
        assert "You will be asked about its price first." in card.words
        pictures = world.program.services.pictures
        [path] = [path for path in (world.settings.data_dir / "pictures").glob("??/*") if len(path.name) == HASH]
        os.utime(path, (1, 1))
        assert list((await pictures.inventory(60)).old) == [path.name]
        await card.send()
        assert not (await pictures.inventory(60)).old, "it would be a stray before the question is answered"
        assert "The draft stays until you say yes." in card.words
        assert "> a hat" in card.words
        question = visit.last()
        assert visit.labels(question) == ["Yes, edit it", "No, thanks"]
        assert visit.gallery(question) == ["A picture to start from: cat.png"]
        await world.ana.click(question, label="Yes, edit it")
        await world.idle()
        assert len(await books_of(world).jobs()) == 1
        await card.press("Words")
        assert "This draft is gone" in card.words


async def test_a_draft_is_sent_once_and_its_other_card_says_so(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        first = await Card.open(world, visit, prompt="a hat", image=cat(world))
        second = await Card.open(world, visit)
        stale = await second.press("Words")
        await first.send()
        await world.idle()
        await second.send()
        assert "This draft is gone" in second.words
        assert "`/draft` opens a new one" in second.words
        assert second.labels == []
        await world.ana.submit_modal(stale, {"prompt": "words of an hour"})
        assert "You had typed:" in second.words
        assert "> words of an hour" in second.words
        assert len(await books_of(world).jobs()) == 1
        assert world.env.errors == []


async def test_a_card_that_does_not_show_the_newest_is_drawn_anew_instead_of_sent(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        first = await Card.open(world, visit, prompt="a hat", image=cat(world))
        second = await Card.open(world, visit)
        await first.fill("Words", {"prompt": "a scarf"})
        await second.send()
        assert "Not sent: this is how it stands now." in second.words
        assert "> a scarf" in second.words
        assert await books_of(world).jobs() == []
        await second.send()
        await world.idle()
        assert [job.request.prompt for job in await books_of(world).jobs()] == ["a scarf"]


async def test_a_draft_is_emptied_thrown_away_and_gone_after_a_day(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        card = await Card.open(world, visit, prompt="a hat", image=cat(world))
        await card.fill("Guidance", {"steps": "9"})
        await card.press("Start over")
        assert "Press **Words**" in card.words
        assert "`steps`" not in card.words
        assert card.pictures == ["A picture to start from: cat.png"]
        await card.press("Discard")
        assert "Thrown away" in card.words
        assert "Press **Pictures**" in (await Card.open(world, visit)).words
        card = await Card.open(world, visit)

        await world.program.database.run(_age)
        await card.press("Guidance")
        assert "This draft is gone" in card.words
        assert world.env.errors == []


async def test_a_draft_sent_in_a_thread_goes_on_in_its_own_reply(books_of: Any, visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        answer = await world.ana.slash(world.thread, "draft", prompt="a hat", image=cat(world))
        await Card(world, visit, answer, world.ana).send()
        await world.idle()
        [job] = await books_of(world).jobs()
        [reply] = [message for message in world.thread.history() if message.id == job.place.reply_id]
        assert "**Done**" in visit.words(reply)
        assert visit.gallery(reply) == ["A picture to start from: cat.png"]
        await books_of(world).check()


async def test_drafts_of_two_members_are_apart(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        cards = [await Card.open(world, visit, who, prompt=f"of {who.id}") for who in (world.ana, world.bo)]
        for card, who in zip(cards, (world.ana, world.bo), strict=True):
            again = await Card.open(world, visit, who)
            assert again.words == card.words
            assert str(who.id) in again.words
