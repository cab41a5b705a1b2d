"""Whoever posted a picture, or asked for it, says who may edit it: by every way that leads to an edit.

Each way is walked twice, as a member would: Ana says nothing, and the edit is made; Ana says no after the way was begun,
so that forms, questions, drafts and approvals stand open, and nothing reaches Runware.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final, TypeAlias

import discord
import pytest
from simcord import InteractionResult

from playground.world import World, open_world
from storage.records import Asker, Status

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}


class Scene:
    """A thread in which Ana has had her photograph edited, and Bo comes along."""

    def __init__(self, world: World, visit: Any) -> None:
        self.world, self.visit = world, visit
        self.ana, self.bo, self.cleo = world.ana, world.bo, world.cleo
        self.cat = ("cat.png", world.photos["chelsea.png"])
        self.cup = ("cup.png", world.photos["coffee.png"])

    async def begin(self) -> None:
        self.first = await self.visit.edit(image=self.cat)
        [self.thread] = self.visit.threads()

    async def edit(self, **options: Any) -> InteractionResult:
        return await self.bo.slash(self.thread, "edit", prompt="make it rain", **options)

    async def made(self, **options: Any) -> discord.Message:
        """Have Bo make something, and return its message."""
        await self.edit(**options)
        await self.world.idle()
        return self.visit.last()

    async def say(self, who: str) -> InteractionResult:
        return await self.ana.slash(self.thread, "privacy set", who=who)

    async def saved(self, message: discord.Message) -> tuple[str, bytes]:
        """Save the first picture of a message."""
        return message.attachments[0].filename, await message.attachments[0].read()

    async def rest(self) -> None:
        """Wait until nothing is under way: what waits for a manager may wait."""
        if not [job for job in await self.visit.jobs() if job.status is Status.WAITING]:
            await self.world.idle()

    def starter(self) -> discord.Message:
        """The reply to Ana's edit, with her photograph."""
        return next(one for one in self.world.channel.history() if one.id == self.thread.id)


def answered(answer: InteractionResult) -> Any:
    assert answer.response is not None
    return answer.response


#: A way pauses where Ana may say no, and then goes on to what Bo is answered.
Way: TypeAlias = Callable[[Scene], AsyncGenerator[Any]]


async def edit_from_an_id(scene: Scene) -> AsyncGenerator[Any]:
    yield
    yield await scene.edit(**{"from": "#1"})


async def edit_from_a_link(scene: Scene) -> AsyncGenerator[Any]:
    yield
    yield await scene.edit(**{"from": scene.first.jump_url})


async def her_avatar(scene: Scene) -> AsyncGenerator[Any]:
    yield
    yield await scene.edit(avatar=scene.ana)


async def the_same_file(scene: Scene) -> AsyncGenerator[Any]:
    yield
    yield await scene.edit(image=scene.cat)


async def a_second_file(scene: Scene) -> AsyncGenerator[Any]:
    yield
    yield await scene.edit(image=scene.cup, image2=scene.cat)


async def a_result_saved_and_attached(scene: Scene) -> AsyncGenerator[Any]:
    yield
    yield await scene.edit(image=await scene.saved(scene.first))


async def a_reference_saved_from_the_reply(scene: Scene) -> AsyncGenerator[Any]:
    yield
    yield await scene.edit(image=await scene.saved(scene.starter()))


async def the_button(scene: Scene) -> AsyncGenerator[Any]:
    form = await scene.bo.click(scene.first, label="Edit")
    yield
    yield await scene.bo.submit_modal(form, {"prompt": "make it rain"})


async def the_menu_on_the_message(scene: Scene) -> AsyncGenerator[Any]:
    form = await scene.bo.context_menu(scene.thread, "Edit image", scene.first)
    yield
    yield await scene.bo.submit_modal(form, {"prompt": "make it rain"})


async def the_menu_on_her_photograph(scene: Scene) -> AsyncGenerator[Any]:
    posted = await scene.ana.send(scene.thread, "look", attachments=[scene.cup])
    form = await scene.bo.context_menu(scene.thread, "Edit image", posted)
    yield
    yield await scene.bo.submit_modal(form, {"prompt": "make it rain"})


async def the_menu_on_a_photograph_of_hers_that_somebody_forwarded(scene: Scene) -> AsyncGenerator[Any]:
    posted = await scene.ana.send(scene.world.channel, "look", attachments=[scene.cup])
    forwarded = await scene.bo.forward(posted, scene.thread)
    form = await scene.bo.context_menu(scene.thread, "Edit image", forwarded)
    yield
    yield await scene.bo.submit_modal(form, {"prompt": "make it rain"})


async def the_menu_on_the_reply_to_her_edit(scene: Scene) -> AsyncGenerator[Any]:
    form = await scene.bo.context_menu(scene.world.channel, "Edit image", scene.starter())
    yield
    yield await scene.bo.submit_modal(form, {"prompt": "make it rain"})


async def the_tray(scene: Scene) -> AsyncGenerator[Any]:
    posted = await scene.ana.send(scene.thread, "look", attachments=[scene.cup])
    await scene.bo.context_menu(scene.thread, "Add as reference", posted)
    yield
    yield await scene.edit()


async def the_tray_with_a_result(scene: Scene) -> AsyncGenerator[Any]:
    await scene.bo.context_menu(scene.thread, "Add as reference", scene.first)
    yield
    yield await scene.edit()


async def the_form_of_the_tray(scene: Scene) -> AsyncGenerator[Any]:
    await scene.bo.context_menu(scene.thread, "Add as reference", scene.first)
    card = await scene.bo.slash(scene.thread, "references")
    form = await scene.bo.click(answered(card), label="Edit")
    yield
    yield await scene.bo.submit_modal(form, {"prompt": "make it rain"})


async def a_draft_of_the_tray(scene: Scene) -> AsyncGenerator[Any]:
    await scene.bo.context_menu(scene.thread, "Add as reference", scene.first)
    card = await scene.bo.slash(scene.thread, "draft", prompt="make it rain")
    yield
    yield await scene.bo.click(answered(card), label="Send")


async def a_photograph_of_hers_saved_from_her_message(scene: Scene) -> AsyncGenerator[Any]:
    """The bot has seen her post it: somebody used the menu on her message once."""
    posted = await scene.ana.send(scene.thread, "look", attachments=[scene.cup])
    form = await scene.cleo.context_menu(scene.thread, "Edit image", posted)
    await scene.cleo.submit_modal(form, {"prompt": "make it hail"})
    await scene.world.idle()
    yield
    yield await scene.edit(image=scene.cup)


async def a_file_in_a_form(scene: Scene) -> AsyncGenerator[Any]:
    own = await scene.made(image=scene.cup)
    form = await scene.bo.click(own, label="Edit")
    yield
    yield await scene.bo.submit_modal(form, {"prompt": "make it rain", "files": [scene.cat]})


async def branch(scene: Scene) -> AsyncGenerator[Any]:
    child = await scene.made(**{"from": "#1"})
    look = await scene.bo.click(child, label="More")
    form = await scene.bo.click(answered(look), label="Branch")
    yield
    yield await scene.bo.submit_modal(form, {"prompt": "make it snow"})


async def merge(scene: Scene) -> AsyncGenerator[Any]:
    own = await scene.made(image=scene.cup)
    look = await scene.bo.click(own, label="More")
    await scene.bo.click(answered(look), label="Merge")
    form = await scene.bo.select(answered(look), ["1"], custom_id="mergepick:2")
    yield
    yield await scene.bo.submit_modal(form, {"prompt": "side by side"})


async def reroll(scene: Scene) -> AsyncGenerator[Any]:
    child = await scene.made(**{"from": "#1"})
    yield
    yield await scene.bo.click(child, label="Reroll")


async def what_was_made_of_it_before(scene: Scene) -> AsyncGenerator[Any]:
    await scene.made(**{"from": "#1"})
    await scene.made(**{"from": "#2"})
    yield
    yield await scene.edit(**{"from": "#3"})


async def a_recipe(scene: Scene) -> AsyncGenerator[Any]:
    await scene.made(**{"from": "#1"})
    shown = await scene.bo.slash(scene.thread, "recipe show", result="#2")
    file = ("recipe.json", await answered(shown).attachments[0].read())
    yield
    yield await scene.bo.slash(scene.thread, "recipe run", file=file)


async def a_recipe_with_the_file(scene: Scene) -> AsyncGenerator[Any]:
    shown = await scene.bo.slash(scene.thread, "recipe show", result="#1")
    recipe = json.loads(await answered(shown).attachments[0].read())
    yield
    file = ("recipe.json", json.dumps(recipe).encode())
    yield await scene.bo.slash(scene.thread, "recipe run", file=file, image=await scene.saved(scene.starter()))


async def a_preset(scene: Scene) -> AsyncGenerator[Any]:
    form = await scene.bo.slash(scene.thread, "preset use", name="remove something", **{"from": "#1"})
    yield
    yield await scene.bo.submit_modal(form, {"blank-1": "the lamp"})


async def a_draft(scene: Scene) -> AsyncGenerator[Any]:
    card = await scene.bo.slash(scene.thread, "draft", prompt="make it rain", **{"from": "#1"})
    yield
    yield await scene.bo.click(answered(card), label="Send")


async def a_draft_of_the_file(scene: Scene) -> AsyncGenerator[Any]:
    card = await scene.bo.slash(scene.thread, "draft", prompt="make it rain", image=scene.cat)
    yield
    yield await scene.bo.click(answered(card), label="Send")


async def a_sweep(scene: Scene) -> AsyncGenerator[Any]:
    asked = await scene.bo.slash(scene.thread, "sweep", prompt="p", x="steps", x_values="10, 20", **{"from": "#1"})
    yield
    yield await scene.bo.click(answered(asked), label="Yes, make them")


async def a_yes_to_a_price(scene: Scene) -> AsyncGenerator[Any]:
    await scene.bo.slash(scene.thread, "quota", ask_above="0")
    asked = await scene.edit(**{"from": "#1"})
    yield
    yield await scene.bo.click(answered(asked), label="Yes, edit it")


async def an_approval(scene: Scene) -> AsyncGenerator[Any]:
    manager = Asker(scene.world.guild.id, scene.cleo.id)
    await scene.world.program.budgets.change(manager, approve_above=0)
    await scene.edit(**{"from": "#1"})
    await scene.visit.status(1, Status.WAITING)
    [card] = [message for message in scene.visit.everything() if "Approve" in scene.visit.labels(message)]
    yield
    yield await scene.cleo.click(card, label="Approve")


async def a_round(scene: Scene) -> AsyncGenerator[Any]:
    await scene.cleo.slash(scene.thread, "pool give", amount="1")
    await scene.cleo.slash(scene.thread, "round start", result="#1")
    card = [message for message in scene.thread.history() if "Propose" in scene.visit.labels(message)][-1]
    form = await scene.bo.click(card, label="Propose")
    yield
    yield await scene.bo.submit_modal(form, {"prompt": "make it snow"})


WAYS: Final[dict[str, Way]] = {
    way.__name__: way
    for way in (
        edit_from_an_id,
        edit_from_a_link,
        her_avatar,
        the_same_file,
        a_second_file,
        a_result_saved_and_attached,
        a_reference_saved_from_the_reply,
        the_button,
        the_menu_on_the_message,
        the_menu_on_her_photograph,
        the_menu_on_a_photograph_of_hers_that_somebody_forwarded,
        the_menu_on_the_reply_to_her_edit,
        the_tray,
        the_tray_with_a_result,
        the_form_of_the_tray,
        a_draft_of_the_tray,
        a_photograph_of_hers_saved_from_her_message,
        a_file_in_a_form,
        branch,
        merge,
        reroll,
        what_was_made_of_it_before,
        a_recipe,
        a_recipe_with_the_file,
        a_preset,
        a_draft,
        a_draft_of_the_file,
        a_sweep,
        a_yes_to_a_price,
        an_approval,
        a_round,
    )
}


#: A proposal is made by a vote, later.
MADE: Final = {name: way for name, way in WAYS.items() if name != "a_round"}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
async def test_no_way_leads_to_an_edit_of_a_picture_whose_author_said_no(visit_of: Any, way: Way) -> None:
    async with open_world(**PLENTY) as world:
        scene = Scene(world, visit_of(world))
        await scene.begin()
        walk = way(scene)
        await anext(walk)
        await scene.rest()
        before = len(world.runware.requests)
        await scene.say("nobody")
        answer = await anext(walk)
        await scene.rest()
        said = "\n".join(scene.visit.words(one) for one in (answer.response, *answer.followups) if one is not None)
        assert f"{world.ana.mention}’s" in said, said
        assert "nobody else edit their pictures" in said
        assert len(world.runware.requests) == before
        await walk.aclose()


@pytest.mark.parametrize("way", MADE.values(), ids=MADE)
async def test_every_way_leads_to_an_edit_where_its_author_says_nothing(visit_of: Any, way: Way) -> None:
    async with open_world(**PLENTY) as world:
        scene = Scene(world, visit_of(world))
        await scene.begin()
        walk = way(scene)
        await anext(walk)
        await scene.rest()
        before = len(world.runware.requests)
        await anext(walk)
        await scene.rest()
        assert len(world.runware.requests) > before
        await walk.aclose()


async def test_a_no_reaches_what_waits_in_the_queue_and_nothing_is_charged(visit_of: Any, books_of: Any) -> None:
    async with open_world(max_in_flight=1, **PLENTY) as world:
        scene = Scene(world, visit_of(world))
        await scene.begin()
        world.runware.pause()
        await scene.visit.ask(scene.cleo, scene.thread, image=scene.cup)
        await scene.visit.status(1, Status.SUBMITTED)
        await scene.edit(**{"from": "#1"})
        await scene.visit.status(2, Status.QUEUED)
        await scene.say("nobody")
        world.runware.resume()
        await world.idle()
        assert len(world.runware.requests) == 2, "Ana's and Cleo's"
        job = (await scene.visit.jobs())[2]
        assert (job.status, job.error_code, job.cost) == (Status.FAILED, "consentWithdrawn", None)
        said = [scene.visit.words(message) for message in scene.thread.history()]
        assert [one for one in said if "lets it not be edited any more, so it was not sent." in one]
        await books_of(world).check()
