"""The message menu "Edit image", used by members on messages of each other and of the bot."""

from __future__ import annotations

import base64
from typing import Any

import discord
from simcord import ChannelHandle, InteractionResult, MemberActor
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from bot import images
from bot.images import MAX_BYTES
from bot.picks import PICK_LIFE
from playground.world import World, open_world
from storage.database import Tx
from storage.records import Asker, Consent

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}
MENU = "Edit image"
CAT, CUP, SKY, ROCKET = "chelsea.png", "coffee.png", "astronaut.png", "rocket.jpg"


async def post(world: World, *names: str, member: MemberActor | None = None) -> discord.Message:
    """Have Bo, or somebody else, post photographs in the channel."""
    files = [(name, world.photos[name]) for name in names]
    return await (member or world.bo).send(world.channel, "look", attachments=files)


async def post_as_claimed(world: World, *claims: dict[str, Any]) -> discord.Message:
    """Have Bo post photographs of a cat of which Discord says what is claimed."""
    cdn, made = world.env.backend.cdn, list[dict[str, Any]]()
    for number, claim in enumerate(claims, 1):
        given = {"filename": "cat.png", "description": None, **claim}
        file = cdn.store_attachment(
            number, world.channel.id, given["filename"], world.photos[CAT], given["description"]
        )
        made.append({**file, **claim})
    world.env.backend.create_message(world.channel.id, world.bo.id, "", attachments=made)
    await world.env.settle()
    posted = world.channel.last_message
    assert posted is not None
    return posted


async def menu(
    world: World, message: Any, member: MemberActor | None = None, channel: ChannelHandle | None = None
) -> InteractionResult:
    """Have Ana, or somebody else, use the menu on a message."""
    return await (member or world.ana).context_menu(channel or world.channel, MENU, message)


def fields(form: InteractionResult) -> dict[str, dict[str, Any]]:
    assert form.modal is not None
    return {
        part["component"]["custom_id"]: part["component"] for part in form.modal["components"] if "component" in part
    }


def refusal(visit: Any, answer: InteractionResult) -> str:
    """Return what somebody was told instead of getting a form, who alone sees it."""
    assert answer.modal is None
    assert answer.response is not None
    assert answer.response.ephemeral
    return visit.words(answer.response)


def at_runware(world: World) -> list[bytes]:
    """Return the pictures of the last task, in their order."""
    sent = world.runware.requests[-1]["inputs"]["referenceImages"]
    return [base64.b64decode(picture.partition(",")[2]) for picture in sent]


def prepared(world: World, *names: str) -> list[bytes]:
    return [images.render(world.photos[name]).data for name in names]


async def lose(world: World, message: discord.Message) -> dict[str, bytes]:
    """Have Discord's file host answer 404 for the files of a message; returns what it had."""
    blobs = world.env.backend.cdn._blobs
    return {file.url: blobs.pop(file.url) for file in message.attachments}


async def say(world: World, member: MemberActor, consent: Consent) -> None:
    await world.program.services.consents.say(Asker(world.guild.id, member.id), consent)


async def kept(world: World) -> list[int]:
    """Return which pictures were read for the picks that there are, by number."""

    async def numbers(tx: Tx) -> list[int]:
        return [
            row["number"] for row in await tx.fetch_all("SELECT number FROM pick_pictures ORDER BY pick_id, number")
        ]

    return await world.program.database.read(numbers)


# One picture ---------------------------------------------------------------------------------------------------------


async def test_a_picture_that_somebody_posted_is_edited_by_the_menu_of_its_message(
    visit_of: Any, books_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        posted = await post_as_claimed(world, {"filename": "my cat.png", "description": "a tabby cat"})
        form = await menu(world, posted)
        assert form.modal is not None
        assert form.modal["title"] == "Edit my cat.png"
        assert list(fields(form)) == ["prompt", "files"]
        assert await kept(world) == [1]
        answer = await world.ana.submit_modal(form, {"prompt": "make it night"})
        await world.idle()
        assert at_runware(world) == prepared(world, CAT)
        [job] = await books_of(world).jobs()
        assert job.user_id == world.ana.id
        assert job.request.parent_id is None
        [reference] = job.request.references
        assert (reference.label, reference.description) == ("my cat.png", "a tabby cat")
        assert answer.response is not None
        assert visit.gallery(answer.response) == ["a tabby cat"], "it is shown like a file that was uploaded"
        assert world.env.errors == []


async def test_the_settings_that_a_server_fills_in_stand_in_what_the_form_asks_for(books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        services = world.program.services
        await services.houses.set_default(Asker(world.guild.id, world.cleo.id), "steps", "12")
        posted = await post(world, CAT)
        form = await menu(world, posted)
        await world.ana.submit_modal(form, {"prompt": "make it night"})
        await world.idle()
        assert world.runware.requests[-1]["steps"] == 12


async def test_a_message_without_a_picture_is_refused_in_words(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        said = await world.bo.send(world.channel, "hello")
        video = await world.bo.send(world.channel, "", attachments=[("clip.mp4", b"0000ftypisom"), ("notes.txt", b"a")])
        for message in (said, video):
            told = refusal(visit, await menu(world, message))
            assert "shows no picture that I can take" in told
            assert "give it to `/edit` as `image`" in told


async def test_a_file_that_is_too_large_is_refused_before_it_is_read_or_left_out_beside_others(
    visit_of: Any,
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        huge = {"filename": "huge.png", "size": MAX_BYTES + 1}
        told = refusal(visit, await menu(world, await post_as_claimed(world, huge)))
        assert "`huge.png` given as `picture 1` has 25.0 MB and I take up to 25 MB" in told
        form = await menu(world, await post_as_claimed(world, huge, {}))
        assert "huge.png" in str(form.modal)
        assert list(fields(form)) == ["prompt", "files"]
        assert await kept(world) == [2]
        await world.ana.submit_modal(form, {"prompt": "make it night"})
        await world.idle()
        assert at_runware(world) == prepared(world, CAT)


async def test_a_file_that_is_no_picture_after_all_is_refused_in_words_when_it_is_asked_for(
    visit_of: Any, books_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        posted = await world.bo.send(world.channel, "", attachments=[("cat.png", b"<svg/>"), (CUP, world.photos[CUP])])
        form = await menu(world, posted)
        assert await kept(world) == [2]
        answer = await world.ana.submit_modal(form, {"prompt": "x", "picture": ["1"]})
        assert answer.response is not None
        assert "`cat.png` given as `picture 1` is an SVG drawing" in visit.words(answer.response)
        assert await books_of(world).jobs() == []


async def test_a_form_states_the_price_of_a_picture_of_the_size_that_discord_claims() -> None:
    async def price(**claim: int) -> str:
        form = await menu(world, await post_as_claimed(world, claim))
        assert form.modal is not None
        return form.modal["custom_id"].split(":")[2]

    async with open_world(**PLENTY) as world:
        usual = await price(width=1024, height=1024)
        assert await price(width=0, height=4000) == usual, "a side of nothing is no claim"
        assert await price(width=4096, height=4096) == await price(width=2048, height=2048) != usual


async def test_what_would_be_refused_when_the_form_is_sent_is_refused_before_it_opens(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        posted = await post(world, CAT)
        await world.cleo.slash(world.channel, "budget pause", reason="paint dries", channel=world.channel)
        assert "paint dries" in refusal(visit, await menu(world, posted))
        await world.cleo.slash(world.channel, "budget resume", channel=world.channel)
        shown = await visit.edit(world.bo)
        [thread] = visit.threads()
        there = await world.bo.send(thread, "look", attachments=[(CAT, world.photos[CAT])])
        await world.bo.slash(thread, "session lock")
        assert "locked" in refusal(visit, await menu(world, there, channel=thread))
        assert shown.channel.id == thread.id
        denied = discord.Permissions(create_public_threads=True)
        bot = world.env.backend.bot_user
        overwrite = Overwrite(target_id=bot.id, type=OverwriteType.MEMBER, allow=0, deny=denied.value)
        world.env.backend.set_overwrite(world.channel.id, overwrite)
        assert "I lack **Create Public Threads**" in refusal(visit, await menu(world, posted))


# Several pictures ----------------------------------------------------------------------------------------------------


async def test_of_several_pictures_up_to_three_are_chosen_and_go_in_the_order_of_the_message(
    visit_of: Any, books_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        posted = await post(world, CAT, CUP, SKY, ROCKET)
        form = await menu(world, posted)
        options = fields(form)["picture"]["options"]
        assert [option["label"] for option in options] == [
            f"{n} · {name}" for n, name in enumerate((CAT, CUP, SKY, ROCKET), 1)
        ]
        assert fields(form)["picture"]["max_values"] == 3
        answer = await world.ana.submit_modal(form, {"prompt": "together", "picture": ["4", "1", "3"]})
        await world.idle()
        assert at_runware(world) == prepared(world, CAT, SKY, ROCKET)
        [job] = await books_of(world).jobs()
        assert [reference.label for reference in job.request.references] == [CAT, SKY, ROCKET]
        assert answer.response is not None
        assert len(visit.gallery(answer.response)) == 3


async def test_pictures_of_a_message_come_before_those_that_are_added_in_the_form(books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        form = await menu(world, await post(world, CAT, CUP))
        added = [("rocket.jpg", world.photos[ROCKET])]
        await world.ana.submit_modal(form, {"prompt": "together", "picture": ["2", "1"], "files": added})
        await world.idle()
        assert at_runware(world) == prepared(world, CAT, CUP, ROCKET)


async def test_more_than_three_pictures_in_all_are_refused_before_anything_is_held_and_the_words_are_said_back(
    visit_of: Any, books_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        form = await menu(world, await post(world, CAT, CUP))
        added = [("one.jpg", world.photos[ROCKET]), ("two.png", world.photos[SKY])]
        answer = await world.ana.submit_modal(form, {"prompt": "a long *story*", "picture": ["1", "2"], "files": added})
        told = refusal(visit, answer)
        assert "starts from 1 to 3 pictures, and these would be 4, so nothing was done" in told
        assert r"You wrote: a long \*story\*" in told
        assert await books_of(world).jobs() == []


# What may happen between opening and sending -------------------------------------------------------------------------


async def test_a_form_outlives_a_restart_of_the_bot(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        form = await menu(world, await post(world, CAT, CUP))
        await world.restart(crash=True)
        await world.ana.submit_modal(form, {"prompt": "make it night", "picture": ["2"]})
        await world.idle()
        assert at_runware(world) == prepared(world, CUP)
        assert world.env.errors == []


async def test_pictures_that_were_not_read_when_the_form_opened_are_read_when_it_is_sent() -> None:
    async with open_world(**PLENTY) as world:
        posted = await post(world, CAT, CUP)
        lost = await lose(world, posted)
        form = await menu(world, posted)
        assert await kept(world) == []
        world.env.backend.cdn._blobs.update(lost)
        await world.ana.submit_modal(form, {"prompt": "make it night", "picture": ["1", "2"]})
        await world.idle()
        assert at_runware(world) == prepared(world, CAT, CUP)


async def test_a_picture_that_was_read_is_edited_though_its_message_is_gone() -> None:
    async with open_world(**PLENTY) as world:
        posted = await post(world, CAT)
        form = await menu(world, posted)
        await lose(world, posted)
        await world.bo.delete(posted)
        await world.ana.submit_modal(form, {"prompt": "make it night"})
        await world.idle()
        assert at_runware(world) == prepared(world, CAT)


async def test_a_picture_that_is_gone_when_the_form_is_sent_is_asked_for_again_in_words(
    visit_of: Any, books_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        posted = await post(world, CAT)
        await lose(world, posted)
        answer = await world.ana.submit_modal(await menu(world, posted), {"prompt": "make it night"})
        assert answer.response is not None
        assert "`picture 1` could not be read from Discord; give it again" in visit.words(answer.response)
        assert await books_of(world).jobs() == []


async def test_a_form_that_is_older_than_a_day_says_to_use_the_menu_again(visit_of: Any, books_of: Any) -> None:
    async def age(tx: Tx) -> None:
        await tx.execute("UPDATE picks SET made_at = made_at - ?1", PICK_LIFE)

    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        form = await menu(world, await post(world, CAT))
        await world.program.database.run(age)
        told = refusal(visit, await world.ana.submit_modal(form, {"prompt": "make it night"}))
        assert "Use the menu on the message again" in told
        assert "You wrote: make it night" in told
        assert await books_of(world).jobs() == []


async def test_a_forged_form_gets_nothing_of_what_somebody_else_opened_theirs_on(visit_of: Any, books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await menu(world, await post(world, CAT))
        form = await menu(world, await post(world, CUP), world.cleo)
        modal: Any = form._interaction.modal
        modal["custom_id"] = modal["custom_id"].replace("form-pick:2:", "form-pick:1:")
        told = refusal(visit, await world.cleo.submit_modal(form, {"prompt": "make it night"}))
        assert "This form is somebody else's" in told
        assert await books_of(world).jobs() == []


async def test_two_people_have_forms_open_on_the_same_message(books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        posted = await post(world, CAT, CUP)
        first, second = await menu(world, posted), await menu(world, posted, world.cleo)
        await world.cleo.submit_modal(second, {"prompt": "hers", "picture": ["2"]})
        await world.ana.submit_modal(first, {"prompt": "mine", "picture": ["1"]})
        await world.idle()
        asked = [
            (job.user_id, job.request.prompt, job.request.references[0].label) for job in await books_of(world).jobs()
        ]
        assert asked == [(world.cleo.id, "hers", CUP), (world.ana.id, "mine", CAT)]


# Consent -------------------------------------------------------------------------------------------------------------


async def test_a_picture_of_who_said_no_is_refused_before_the_form_opens_and_before_it_is_read(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        posted = await post(world, CAT)
        await say(world, world.bo, Consent.NOBODY)
        told = refusal(visit, await menu(world, posted))
        assert f"This picture is {world.bo.mention}’s, and they let nobody else edit their pictures" in told
        assert await kept(world) == []
        assert (await menu(world, posted, world.bo)).modal is not None, "nobody is asked about their own"


async def test_who_says_no_while_a_form_is_open_is_heard_when_it_is_sent(visit_of: Any, books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        read, unread = await post(world, CAT), await post(world, CUP)
        forms = [await menu(world, read)]
        lost = await lose(world, unread)
        forms.append(await menu(world, unread))
        world.env.backend.cdn._blobs.update(lost)
        assert await kept(world) == [1]
        await say(world, world.bo, Consent.NOBODY)
        for form in forms:
            told = refusal(visit, await world.ana.submit_modal(form, {"prompt": "make it night"}))
            assert f"{world.bo.mention}’s, and they let nobody else edit their pictures" in told
        assert await books_of(world).jobs() == []


async def test_the_author_of_a_read_picture_is_known_by_its_bytes_afterwards(visit_of: Any, books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await menu(world, await post(world, CAT))
        await say(world, world.bo, Consent.NOBODY)
        answer = await visit.ask(world.ana, image=(CAT, world.photos[CAT]))
        assert answer.response is None
        assert "they let nobody else edit their pictures" in visit.words(answer.followups[0])
        assert await books_of(world).jobs() == []


async def test_who_posted_a_picture_first_counts_for_one_that_was_forwarded(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        posted = await post(world, CAT)
        forwarded = await world.cleo.forward(posted, world.channel)
        form = await menu(world, forwarded)
        await world.ana.submit_modal(form, {"prompt": "make it night"})
        await world.idle()
        assert at_runware(world) == prepared(world, CAT)
        await say(world, world.bo, Consent.NOBODY)
        assert f"This picture is {world.bo.mention}’s" in refusal(visit, await menu(world, forwarded))


async def test_a_forwarded_picture_whose_first_message_the_bot_cannot_read_is_refused_in_words(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        posted = await post(world, CAT)
        forwarded = await world.cleo.forward(posted, world.channel)
        await world.bo.delete(posted)
        told = refusal(visit, await menu(world, forwarded))
        assert "use the menu on the message it came from" in told


# Messages of the bot -------------------------------------------------------------------------------------------------


async def test_several_results_of_a_message_are_edited_together_and_the_first_is_the_parent(
    visit_of: Any, books_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit(results=4)
        numbers = visit.ids(shown)
        form = await menu(world, shown, world.bo, visit.threads()[0])
        assert fields(form)["picture"]["max_values"] == 3
        await world.bo.submit_modal(form, {"prompt": "both", "picture": [numbers[3], numbers[1]]})
        await world.idle()
        request = (await books_of(world).jobs())[-1].request
        assert request.parent_id == int(numbers[1])
        assert [str(reference.result_id) for reference in request.references] == [numbers[1], numbers[3]]
        form = await world.cleo.click(shown, label="Edit")
        added = [("a.png", world.photos[CUP])]
        answer = await world.cleo.submit_modal(form, {"prompt": "x", "picture": numbers[:3], "files": added})
        assert "these would be 4" in refusal(visit, answer)


async def test_a_result_that_its_asker_keeps_as_it_is_is_not_offered_beside_others(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        shown = await visit.edit(results=3)
        numbers, consents = visit.ids(shown), world.program.services.consents
        ana = Asker(world.guild.id, world.ana.id)
        await consents.close(ana, int(numbers[0]), closed=True)
        form = await menu(world, shown, world.bo, visit.threads()[0])
        assert [option["value"] for option in fields(form)["picture"]["options"]] == numbers[1:]
        for number in numbers[1:]:
            await consents.close(ana, int(number), closed=True)
        told = refusal(visit, await menu(world, shown, world.bo, visit.threads()[0]))
        assert "keep #" in told


async def test_the_files_that_came_with_an_edit_are_edited_from_the_reply_that_shows_them(
    visit_of: Any, books_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        answer = await visit.ask(world.ana, image=(CAT, world.photos[CAT]), image2=(CUP, world.photos[CUP]))
        await world.idle()
        reply = next(message for message in world.channel.history() if message.id == answer.response.id)
        form = await menu(world, reply, world.bo)
        assert [option["label"] for option in fields(form)["picture"]["options"]] == [f"1 · {CAT}", f"2 · {CUP}"]
        await world.bo.submit_modal(form, {"prompt": "only the cup", "picture": ["2"]})
        await world.idle()
        assert at_runware(world) == prepared(world, CUP)
        await say(world, world.ana, Consent.NOBODY)
        told = refusal(visit, await menu(world, reply, world.bo))
        assert f"Picture 1 is {world.ana.mention}’s" in told
        [first, _] = await books_of(world).jobs()
        await world.program.services.pictures.delete(first.request.references[1].sha256)
        assert "no longer" in refusal(visit, await menu(world, reply, world.ana))


# The other forms -----------------------------------------------------------------------------------------------------


async def test_more_pictures_are_added_when_an_edit_is_tried_again(visit_of: Any, books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        world.runware.faults.fail = "timeoutProvider"
        await visit.ask(image=(CAT, world.photos[CAT]))
        await world.idle()
        world.runware.faults.fail = None
        form = await world.ana.click(visit.last(), label="Try again")
        assert fields(form)["files"]["max_values"] == 2
        await world.ana.submit_modal(form, {"prompt": "with a cup", "files": [(CUP, world.photos[CUP])]})
        await world.idle()
        assert at_runware(world) == prepared(world, CAT, CUP)
