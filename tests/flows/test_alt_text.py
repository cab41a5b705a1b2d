"""Every picture that the bot ever shows has an alt text, and every reader can tell which picture of an edit is which."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Awaitable, Iterator
from pathlib import PurePosixPath
from typing import Any

import pytest
from simcord import InteractionResult, MemberActor

from cogs._alt import LONGEST
from playground.world import World, open_world
from storage.records import Asker, Status

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}
PICTURES = {".jpg", ".jpeg", ".png", ".gif", ".webp"}
SOFA, CUP = "A cat on a sofa", "A cup of coffee"


def say_of_files(world: World, monkeypatch: pytest.MonkeyPatch, **said: str) -> None:
    """Have members give an alt text with their files, by the stems of their names; SimCord has no way of its own."""
    store = world.env.backend.cdn.store_attachment

    def described(number: int, channel_id: int, name: str, data: bytes, description: str | None) -> dict[str, Any]:
        return store(number, channel_id, name, data, description or said.get(PurePosixPath(name).stem))

    monkeypatch.setattr(world.env.backend.cdn, "store_attachment", described)


def parts_of(component: object) -> Iterator[dict[str, Any]]:
    """Yield every part of what was sent to Discord, whatever holds it."""
    if isinstance(component, dict):
        yield component
        for value in component.values():
            yield from parts_of(value)
    elif isinstance(component, list):
        for one in component:
            yield from parts_of(one)


def shown(world: World) -> list[tuple[str, str | None]]:
    """Return every picture that was ever sent to Discord, as a file or as a part of a message, with its alt text."""
    found: list[tuple[str, str | None]] = []
    for sent in world.env.http_requests:
        for part in parts_of(sent.json):
            if "media" in part:  # a thumbnail, or one picture of a gallery
                found.append((part["media"]["url"], part.get("description")))
            if PurePosixPath(str(part.get("filename", ""))).suffix in PICTURES:
                found.append((part["filename"], part.get("description")))
    return found


async def answer_of(action: Awaitable[InteractionResult]) -> Any:
    """Return the answer to what a member does."""
    answer = (await action).response
    assert answer is not None
    return answer


async def edit(world: World, member: MemberActor, message: Any, prompt: str, **files: Any) -> InteractionResult:
    """Have a member go on from a result."""
    sent = await member.submit_modal(await member.click(message, label="Edit"), {"prompt": prompt, **files})
    await world.idle()
    return sent


class Day:
    """A day in a world on which people use everything that shows pictures."""

    def __init__(self, world: World, visit: Any) -> None:
        self.world, self.visit = world, visit
        self.cat = ("cat.png", world.photos["chelsea.png"])
        self.cup = ("cup.png", world.photos["coffee.png"])
        self.hat = ("hat.png", world.photos["astronaut.png"])

    async def make(self) -> None:
        """Have people edit files, results and both, in a channel and in its thread."""
        world, visit = self.world, self.visit
        first = await visit.edit(image2=self.cup, image3=self.hat, prompt="make it night " * 100)
        await edit(world, world.bo, first, "and snow", files=[self.cup])
        await world.cleo.click(visit.last(), label="Reroll")
        await world.idle()
        await visit.edit(channel=visit.threads()[0], results=3, image2=self.hat, **{"from": "#2 #1"})

    async def look(self) -> None:
        """Have somebody look at all that was made, in every way."""
        world, [thread, *_] = self.world, self.visit.threads()
        first = self.visit.results()[0]
        for member in (world.ana, world.bo):
            await member.click(first, custom_id="star:1")
        for name in ("tree", "compare", "history", "timelapse", "gallery", "session show"):
            await world.bo.slash(thread, name)
        await world.bo.slash(thread, "compare", result="#1")
        await world.bo.click(first, label="More")
        await world.bo.slash(world.channel, "show", result="#2")

    async def write(self) -> None:
        """Have somebody make edits in every other way: a draft, a sweep, a preset, a recipe, and one that is asked about."""
        world, ana, channel = self.world, self.world.ana, self.world.channel
        draft = await answer_of(ana.slash(channel, "draft", prompt="a hat", image=self.cat, image2=self.cup))
        await ana.click(draft, label="Send")
        tried: dict[str, Any] = {"prompt": "snow", "x": "steps", "x_values": "5, 6"}
        sweep = await answer_of(ana.slash(channel, "sweep", **tried, image=self.cat, image2=self.hat))
        await ana.click(sweep, label="Yes, make them")
        await ana.slash(channel, "preset show", name="Merge")
        recipe = await answer_of(ana.slash(channel, "recipe show", result="#1"))
        assert recipe is not None
        file = ("recipe.json", await recipe.attachments[0].read())
        await world.bo.slash(channel, "recipe run", file=file, image=self.cat, image2=self.cup, image3=self.hat)
        await world.idle()
        await ana.slash(channel, "quota", ask_above="0.0001")
        await self.visit.ask(image2=self.cup)

    async def end(self) -> None:
        """Have people choose together, hang a picture up, close the session and count the money."""
        world, [thread, *_] = self.world, self.visit.threads()
        await world.ana.slash(thread, "round start", result="#1")
        wall = world.guild.create_text_channel("wall")
        await world.env.settle()
        settings = await answer_of(world.cleo.slash(world.channel, "settings"))
        await world.cleo.select(settings, [wall], custom_id="settings-showcase")
        form = await world.cleo.click(settings, custom_id="settings-more")
        await world.cleo.submit_modal(form, {"zone": "UTC", "ask": "", "approve": "", "stars": "2"})
        for member in (world.ana, world.bo):
            await member.click(self.visit.results()[1], custom_id="star:2")
        async with asyncio.timeout(20):
            while not wall.history():
                await asyncio.sleep(0.02)
        await world.ana.slash(thread, "session close")
        await world.cleo.slash(world.channel, "usage")


async def test_every_picture_that_any_command_shows_has_an_alt_text(
    visit_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_world(**PLENTY) as world:
        say_of_files(world, monkeypatch, cat=f"{SOFA}. {'It looks out. ' * 100}", hat="hat.png", cup=" ")
        day = Day(world, visit_of(world))
        for part in (day.make, day.look, day.write, day.end):
            await part()
        for name, said in shown(world):
            assert said is not None, f"{name} has no alt text"
            assert said.strip(), name
            assert len(said) <= LONGEST, name
            assert said != PurePosixPath(name).name
        assert {re.sub(r"\d+", "0", name) for name, _ in shown(world) if "/" not in name} == {
            "0-seed-0.jpg",
            "contact-sheet.jpg",
            "picture-0.jpg",
            "reference-0.jpg",
            "reference.jpg",
            "side-by-side.jpg",
            "timelapse.gif",
            "tree.jpg",
            "usage.png",
        }
        assert world.env.errors == []


# What people say of their files --------------------------------------------------------------------------------------


async def test_what_a_member_says_of_a_file_is_handed_on_to_all_that_comes_of_it(
    visit_of: Any, books_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        say_of_files(world, monkeypatch, cat=SOFA, cup=CUP)
        first = await visit.edit()
        assert [said for _, said in shown(world) if said == SOFA], "its own reply shows it"
        assert visit.gallery(first) == [f"{SOFA}, edited: make it night"]
        await edit(world, world.bo, first, "put it there", files=[("cup.png", world.photos["coffee.png"])])
        second = visit.last()
        assert visit.gallery(second) == [f"{SOFA}, with {CUP}, edited: make it night; then: put it there"]
        assert list(visit.files(second).values()) == visit.gallery(second)
        both = await answer_of(world.bo.slash(visit.threads()[0], "compare"))
        assert visit.gallery(both)[1:] == [f"#1: {SOFA}, edited: make it night", f"#2: {visit.gallery(second)[0]}"]
        draft = await world.bo.slash(
            world.channel, "draft", prompt="a hat", image2=("cup.png", world.photos["coffee.png"]), **{"from": "#2"}
        )
        assert visit.gallery(draft.response) == [f"Picture 1: {visit.gallery(second)[0]}", f"Picture 2: {CUP}"]
        jobs = await books_of(world).jobs()
        assert [one.description for one in jobs[1].request.references] == [None, CUP], "words of others are not kept"


async def test_words_of_an_edit_are_handed_on_only_where_they_may_be_read_and_while_it_stands(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        private = await visit.private_thread()
        hidden = await visit.edit(world.ana, private, prompt="a secret")
        there = await visit.edit(world.ana, private, prompt="and snow", **{"from": "#1"})
        assert visit.gallery(there) == ["cat.png, edited: a secret; then: and snow"]
        elsewhere = await visit.edit(world.ana, prompt="in public", **{"from": "#2"})
        assert visit.gallery(elsewhere) == ["An earlier picture, edited: …; then: in public"]
        on = await visit.edit(world.bo, prompt="and rain", **{"from": "#3"})
        assert visit.gallery(on) == ["An earlier picture, edited: …; then: in public; then: and rain"]
        await visit.take_down(world.ana, hidden)
        again = await visit.edit(world.ana, private, prompt="and fog", **{"from": "#2"})
        assert visit.gallery(again) == ["An earlier picture, edited: …; then: and snow; then: and fog"]


# Which is which ------------------------------------------------------------------------------------------------------


def sent(world: World, number: int = -1) -> list[bytes]:
    """Return the bytes of the pictures that Runware got with a task, in their order."""
    uris = world.runware.requests[number]["inputs"]["referenceImages"]
    return [base64.b64decode(uri.partition(",")[2]) for uri in uris]


async def test_words_of_a_picture_that_is_taken_down_are_said_of_nothing_that_came_of_it(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        first = await visit.edit(prompt="a xylograph")
        await visit.edit(world.bo, prompt="make it rain", **{"from": "#1"})
        await visit.edit(world.bo, prompt="and snow", **{"from": "#2"})
        assert ["xylograph" in str(visit.files(message)) for message in visit.results()] == [True, True, True]
        await visit.take_down(world.ana, first)
        await world.idle()
        assert ["xylograph" in str(visit.files(message)) for message in visit.results()] == [False, False]


async def test_pictures_reach_runware_in_the_order_in_which_the_messages_number_them(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit(prompt="a first one")
        await visit.edit(prompt="a second one", image=("cup.png", world.photos["coffee.png"]))
        files = {
            "image2": ("hat.png", world.photos["astronaut.png"]),
            "image3": ("sky.jpg", world.photos["rocket.jpg"]),
        }
        world.runware.pause()
        asked = await visit.ask(world.bo, prompt="the first picture in the second", **{"from": "#2"}, **files)
        await visit.status(2, Status.SUBMITTED)
        line = "-# Pictures: **1** = #2, **2** = hat.png, **3** = sky.jpg"
        status = visit.threads()[2].history()[0]
        assert line in visit.words(status).splitlines()
        reply = asked.response
        assert line in visit.words(reply).splitlines()
        assert visit.gallery(reply) == ["Picture 2: hat.png", "Picture 3: sky.jpg"]
        result, _ = await world.program.edits.result(2)
        kept = [await world.program.services.pictures.get(result.sha256 or "")]
        kept += [await file.read() for file in reply.attachments]
        assert sent(world) == kept
        assert len(set(kept)) == len(kept)
        world.runware.resume()
        await world.idle()
        assert world.env.errors == []


async def test_pictures_of_a_draft_reach_runware_in_its_order_with_files_before_results(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit()
        draft = await answer_of(
            world.ana.slash(world.channel, "draft", prompt="a hat", image=("hat.png", world.photos["coffee.png"]))
        )
        form = await world.ana.click(draft, label="Pictures")
        assert form.modal is not None
        kept = [part["options"][0]["value"] for part in parts_of(form.modal) if part.get("custom_id") == "keep"]
        files = [("sky.jpg", world.photos["rocket.jpg"])]
        await world.ana.submit_modal(form, {"keep": kept, "results": "#1", "files": files})
        draft_words = visit.words(draft).splitlines()
        assert [line.split(" · ")[:2] for line in draft_words if line.startswith("**")][:3] == [
            ["**1**", "hat.png"],
            ["**2**", "#1"],
            ["**3**", "sky.jpg"],
        ]
        await world.ana.click(draft, label="Send")
        await world.idle()
        reply = next(message for message in visit.everything() if "**2** = #1" in visit.words(message))
        assert visit.gallery(reply) == ["Picture 1: hat.png", "Picture 3: sky.jpg"]
        hat, sky = [await file.read() for file in reply.attachments]
        result, _ = await world.program.edits.result(1)
        assert sent(world) == [hat, await world.program.services.pictures.get(result.sha256 or ""), sky]


async def test_every_question_about_an_edit_numbers_its_pictures_and_one_alone_has_no_number(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await visit.edit()
        assert not [one for one in visit.everything() if "Pictures:" in visit.words(one)]
        cup = ("cup.png", world.photos["coffee.png"])
        line, alts = "-# Pictures: **1** = #1, **2** = cup.png", ["Picture 2: cup.png"]
        inside = await visit.ask(channel=world.thread, image2=cup, **{"from": "#1"})
        await world.idle()
        swept = await world.ana.slash(
            world.channel, "sweep", prompt="snow", x="steps", x_values="5, 6", image2=cup, **{"from": "#1"}
        )
        await world.ana.slash(world.channel, "quota", ask_above="0.0001")
        offered = await visit.ask(image2=cup, **{"from": "#1"})
        assert "Shall I make it?" in visit.words(offered.response)
        await world.ana.slash(world.channel, "quota", ask_above="100")
        await world.program.budgets.change(Asker(world.guild.id, world.cleo.id), approve_above=1)
        waiting = await visit.ask(channel=world.thread, image2=cup, **{"from": "#1"})
        await visit.status(2, Status.WAITING)
        for answer in (inside, swept, offered, waiting):
            assert line in visit.words(answer.response).splitlines()
            assert visit.gallery(answer.response) == alts
