"""A picture whose author said no, by the ways around: forwarded, posted again, shown smaller, changed later, sent from an old form."""

from __future__ import annotations

import io
import random
from typing import Any

import discord
import pytest
from PIL import Image

from playground.world import open_world
from storage.records import Asker
from tests.flows.test_consent_flow import PLENTY, Scene, answered
from tests.flows.test_tray_flow import overwrite
from tests.hosts import LOOPBACK, Authority, Names, WatchedLinks, whole


def told(scene: Scene, answer: Any) -> str:
    return "\n".join(scene.visit.words(one) for one in (answer.response, *answer.followups) if one is not None)


async def sent_after(scene: Scene, answer: Any, form: Any = None) -> int:
    before = len(scene.world.runware.requests)
    if answer.modal is not None:
        await scene.bo.submit_modal(answer, {"prompt": "make it rain"})
    await scene.world.idle()
    return len(scene.world.runware.requests) - before


async def test_a_forwarded_reply_of_the_bot_takes_no_photograph_from_its_author(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        scene = Scene(world, visit_of(world))
        await scene.begin()
        await scene.say("nobody")
        forwarded = await scene.bo.forward(scene.starter(), scene.thread)
        form = await scene.bo.context_menu(scene.thread, "Edit image", forwarded)
        assert await sent_after(scene, form) == 0, "Ana said no, and her photograph reached Runware"


async def test_after_that_anybody_may_edit_it_by_any_way(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        scene = Scene(world, visit_of(world))
        await scene.begin()
        await scene.say("nobody")
        forwarded = await scene.bo.forward(scene.starter(), scene.thread)
        await scene.bo.context_menu(scene.thread, "Add as reference", forwarded)
        answer = await scene.edit(image=await scene.saved(scene.starter()))
        assert await sent_after(scene, answer) == 0


async def test_a_forward_of_what_stands_in_a_thread_of_a_spared_channel_is_spared(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        scene = Scene(world, visit_of(world))
        await scene.begin()
        posted = await scene.ana.send(world.thread, "look", attachments=[scene.cup])
        await world.program.services.consents.spare(Asker(world.guild.id, scene.cleo.id), world.channel.id, spared=True)
        other = world.guild.create_text_channel("elsewhere")
        direct = await scene.bo.context_menu(world.thread, "Edit image", posted)
        assert direct.modal is None, "the menu on the message itself is refused"
        forwarded = await scene.bo.forward(posted, other)
        form = await scene.bo.context_menu(other, "Edit image", forwarded)
        assert await sent_after(scene, form) == 0


async def test_an_old_message_that_was_edited_takes_no_photograph_from_its_author(visit_of: Any) -> None:
    """Somebody's bot or webhook (or a member by the API) changes the file of an older message."""
    async with open_world(**PLENTY) as world:
        scene = Scene(world, visit_of(world))
        old = await scene.bo.send(world.channel, "look", attachments=[scene.cup])
        await scene.begin()
        await scene.say("nobody")
        name, data = await scene.saved(scene.starter())
        backend = world.env.backend
        backend.edit_message(
            world.channel.id, old.id, {"attachments": backend.store_attachments(world.channel.id, [(name, data)])}
        )
        [changed] = [one for one in world.channel.history() if one.id == old.id]
        assert changed.edited_at is not None
        form = await scene.bo.context_menu(world.channel, "Edit image", changed)
        assert await sent_after(scene, form) == 0


async def test_an_old_link_whose_host_serves_it_now_takes_no_photograph_from_its_author(visit_of: Any) -> None:
    authority = Authority()
    async with authority.host() as host:
        links = WatchedLinks(authority, Names(pictures=[[LOOPBACK]]), host)
        async with open_world(links=links, **PLENTY) as world:
            scene = Scene(world, visit_of(world))
            embed = {"type": "rich", "image": {"url": f"https://pictures.test:{host.port}/x.png"}}
            world.env.backend.create_message(world.channel.id, scene.bo.id, embeds=[embed])
            await world.env.settle()
            old = world.channel.last_message
            assert old is not None
            await scene.begin()
            await scene.say("nobody")
            _, host_data = await scene.saved(scene.starter())
            host.answers["/x.png"] = whole(host_data)
            form = await scene.bo.context_menu(world.channel, "Edit image", old)
            assert await sent_after(scene, form) == 0


def noise(seed: int) -> bytes:
    out = io.BytesIO()
    Image.frombytes("RGB", (2048, 2048), random.Random(seed).randbytes(2048 * 2048 * 3)).save(out, "PNG")
    return out.getvalue()


async def test_a_photograph_that_the_bot_made_smaller_to_show_it_is_still_its_authors(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        scene = Scene(world, visit_of(world))
        files = {name: (f"{name}.png", noise(number)) for number, name in enumerate(("image", "image2", "image3"))}
        await scene.visit.edit(**files)
        [scene.thread] = scene.visit.threads()
        await scene.say("nobody")
        name, data = await scene.saved(scene.starter())
        assert len(data) <= 8 * 2**20
        answer = await scene.edit(image=(name, data))
        assert await sent_after(scene, answer) == 0, f"{name}, as the bot posted it, counts as Bo's own"


async def test_a_result_that_the_bot_made_smaller_to_post_it_is_still_its_askers(
    visit_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many large results of one edit are: ten of 1536x1536 as PNG share 24 MB."""
    monkeypatch.setattr("cogs._letters.REQUEST_BYTES", 20_000)
    async with open_world(**PLENTY) as world:
        scene = Scene(world, visit_of(world))
        await scene.begin()
        await scene.say("nobody")
        name, data = await scene.saved(scene.first)
        [result] = await world.program.services.edits.results(1)
        kept = await world.program.services.pictures.get(result.sha256 or "")
        assert len(data) < len(kept), "it was made smaller"
        answer = await scene.edit(image=(name, data))
        assert await sent_after(scene, answer) == 0, f"{name}, as the bot posted it, counts as Bo's own"


async def test_a_refusal_names_the_author_to_who_asks_alone(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        scene = Scene(world, visit_of(world))
        await scene.begin()
        await scene.say("nobody")
        answer = await scene.edit(image=scene.cat)
        public = [one for one in (answer.response, *answer.followups) if one is not None and not one.ephemeral]
        assert world.ana.mention not in "\n".join(scene.visit.words(one) for one in public)


async def test_a_forward_does_not_tell_who_wrote_where_one_cannot_read(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        scene = Scene(world, visit_of(world))
        await scene.begin()
        blind = discord.PermissionOverwrite(view_channel=False)
        hidden = world.guild.create_text_channel("staff")
        posted = await scene.ana.send(hidden, "", attachments=[scene.cup])
        forwarded = await scene.cleo.forward(posted, scene.thread)
        world.env.backend.set_overwrite(hidden.id, overwrite(scene.bo.id, blind))
        answer = await scene.bo.context_menu(scene.thread, "Add as reference", forwarded)
        assert world.ana.mention not in told(scene, answer), "Discord hides who wrote what was forwarded"


async def test_who_attached_it_first_is_not_locked_out_by_who_posts_it_again(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        scene = Scene(world, visit_of(world))
        await scene.begin()
        again = await scene.bo.send(scene.thread, "mine", attachments=[scene.cat])
        await scene.bo.context_menu(scene.thread, "Edit image", again)
        await scene.bo.slash(scene.thread, "privacy set", who="nobody")
        before = len(world.runware.requests)
        answer = await scene.ana.slash(scene.thread, "edit", prompt="make it rain", image=scene.cat)
        await world.idle()
        assert len(world.runware.requests) == before + 1, told(scene, answer)


async def test_a_forwarded_contact_sheet_is_no_picture_to_edit(visit_of: Any) -> None:
    """As it is none where it stands: it belongs to all who made what it shows."""
    async with open_world(**PLENTY) as world:
        scene = Scene(world, visit_of(world))
        await scene.begin()
        asked = await scene.ana.slash(scene.thread, "sweep", prompt="p", x="steps", x_values="10, 20", **{"from": "#1"})
        await scene.ana.click(answered(asked), label="Yes, make them")
        await world.idle()
        sheets = [one for one in scene.thread.history() if any("sheet" in file.filename for file in one.attachments)]
        await scene.say("nobody")
        direct = await scene.bo.context_menu(scene.thread, "Edit image", sheets[-1])
        assert direct.modal is None, "the menu on the sheet itself is refused"
        forwarded = await scene.bo.forward(sheets[-1], scene.thread)
        form = await scene.bo.context_menu(scene.thread, "Edit image", forwarded)
        assert await sent_after(scene, form) == 0


async def test_a_form_that_stands_open_is_no_way_into_a_channel_that_one_cannot_read_any_more(visit_of: Any) -> None:
    """The design: used only when attached, or when the presser can read, now, the channel that shows them.

    A modified client sends the id of the first form with another one, from where it may be.
    """
    async with open_world(**PLENTY) as world:
        scene = Scene(world, visit_of(world))
        studio = world.guild.create_text_channel("studio")
        await scene.visit.ask(scene.ana, studio, image=scene.cat)
        await world.idle()
        starter = next(one for one in studio.history() if one.attachments)
        form = await scene.bo.context_menu(studio, "Edit image", starter)
        assert form.modal is not None
        blind = discord.PermissionOverwrite(view_channel=False)
        world.env.backend.set_overwrite(studio.id, overwrite(scene.bo.id, blind))
        own = await scene.bo.send(world.channel, "mine", attachments=[scene.cup])
        other = await scene.bo.context_menu(world.channel, "Edit image", own)
        assert other.modal is not None
        [record] = [one for one in world.env.backend.interactions.values() if one.modal == other.modal]
        assert record.modal is not None
        record.modal["custom_id"] = form.modal["custom_id"]
        before = len(world.runware.requests)
        await scene.bo.submit_modal(other, {"prompt": "make it rain"})
        await world.idle()
        assert len(world.runware.requests) == before
