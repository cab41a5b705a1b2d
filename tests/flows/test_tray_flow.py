"""The tray: pictures of any message are gathered, ordered and edited, and asked about each time with their authors' word."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import discord
import pytest
from PIL import Image
from simcord import InteractionResult, MemberActor
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from bot import images
from bot.options import MAX_REFERENCES
from bot.tray import MOST_HELD, TRAY_LIFE
from playground.world import World, open_world
from storage.database import Tx
from storage.records import Asker, Consent
from tests.hosts import LOOPBACK, Authority, Host, Names, WatchedLinks, whole

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}
ADD = "Add as reference"
EMPTY = "There is no picture to edit"


def plain(colour: int) -> bytes:
    """Return a small picture of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (96, 80), (colour * 20 % 256, colour * 50 % 256, 90)).save(file, "PNG")
    return file.getvalue()


def painted(count: int) -> list[tuple[str, bytes]]:
    return [(f"p{number}.png", plain(number)) for number in range(1, count + 1)]


class Gathering:
    """A tray in a world, as its member gathers, sees and uses it."""

    def __init__(self, world: World, visit: Any, who: MemberActor | None = None) -> None:
        self.world, self.visit = world, visit
        self.who = who or world.ana
        self.card: Any = None

    async def add(self, message: Any, channel: Any = None) -> str:
        """Use the menu on a message; returns what the answer says."""
        answer = await self.who.context_menu(channel or self.world.channel, ADD, message)
        return self.see(answer)

    async def look(self, channel: Any = None) -> str:
        return self.see(await self.who.slash(channel or self.world.channel, "references"))

    def see(self, answer: InteractionResult) -> str:
        assert answer.response is not None
        assert answer.response.ephemeral
        self.card = answer.response
        return self.words

    @property
    def words(self) -> str:
        return self.visit.words(self.card)

    @property
    def labels(self) -> list[str]:
        return self.visit.labels(self.card)

    def names(self) -> list[str]:
        """Return the pictures in order, as the card names them."""
        lines = [line for line in self.words.splitlines() if line.startswith("**") and "** · " in line]
        assert [line.partition("**")[2].partition("**")[0] for line in lines] == [
            str(number) for number in range(1, len(lines) + 1)
        ]
        return [line.split(" · ")[1] for line in lines]

    async def press(self, action: str, place: int) -> str:
        """Press a button of the picture at a place, from 1."""
        [custom_id] = [one for one in self._ids(place) if one.startswith(action)]
        await self.who.click(self.card, custom_id=custom_id)
        return self.words

    async def click(self, label: str) -> InteractionResult:
        return await self.who.click(self.card, label=label)

    async def keep(self, *places: int) -> str:
        """Choose pictures to keep by their places."""
        await self.who.select(self.card, [self._menu()[place - 1]["value"] for place in places])
        return self.words

    def chosen(self) -> list[str]:
        """Return what the menu shows as chosen."""
        return [option["label"] for option in self._menu() if option.get("default")]

    def _menu(self) -> list[dict[str, Any]]:
        """Return the options of the menu."""
        items = [row["components"][0] for row in self._rows()]
        [menu] = [item for item in items if item["type"] == discord.ComponentType.select.value]
        return menu["options"]

    def _ids(self, place: int) -> list[str]:
        of_pictures = [row for row in self._rows() if row["components"][-1]["custom_id"].startswith("trayremove")]
        return [item["custom_id"] for item in of_pictures[place - 1]["components"]]

    def _rows(self) -> list[dict[str, Any]]:
        return [part for part in self._parts() if part["type"] == discord.ComponentType.action_row.value]

    def _parts(self) -> list[dict[str, Any]]:
        return self.card.components[0]["components"]

    async def edit(self, channel: Any = None, **options: Any) -> InteractionResult:
        return await self.who.slash(channel or self.world.channel, "edit", prompt="make it night", **options)

    async def refused(self, **options: Any) -> str:
        """Ask for an edit that is refused, to the asker alone; returns the sentence."""
        answer = await self.edit(**options)
        assert answer.response is not None
        assert answer.response.ephemeral
        return self.visit.words(answer.response)

    async def says(self, member: MemberActor, consent: Consent) -> None:
        await self.world.program.services.consents.say(Asker(self.world.guild.id, member.id), consent)


def shown_by(answer: InteractionResult) -> Any:
    """Return what an answer shows."""
    assert answer.response is not None
    return answer.response


def newest(world: World) -> discord.Message:
    """Return the newest message of the channel."""
    assert world.channel.last_message is not None
    return world.channel.last_message


def sent(world: World, place: int = -1) -> list[bytes]:
    """Return the pictures that Runware got with a request, in their order."""
    given = world.runware.requests[place]["inputs"]["referenceImages"]
    return [base64.b64decode(one.partition(",")[2]) for one in given]


def prepared(*files: bytes) -> list[bytes]:
    """Return what the model gets of files."""
    return [images.render(file).data for file in files]


@pytest.fixture
def gathering_of(visit_of: Any) -> Any:
    return lambda world, who=None: Gathering(world, visit_of(world), who)


async def message_of(member: MemberActor, channel: Any, *files: tuple[str, bytes]) -> discord.Message:
    return await member.send(channel, "Look:", attachments=list(files))


def reads(world: World) -> list[str]:
    """Return the addresses of files that the bot reads from Discord from now on."""
    cdn, found = world.env.backend.cdn, list[str]()
    get = cdn.get

    def read(url: str) -> Any:
        found.append(url)
        return get(url)

    cdn.get = read
    return found


async def a_day_passes(world: World) -> None:
    async def unit(tx: Tx) -> None:
        await tx.execute("UPDATE trays SET changed_at = changed_at - ?1", TRAY_LIFE)

    await world.program.database.run(unit)


def cat(world: World) -> tuple[str, bytes]:
    return "cat.png", world.photos["chelsea.png"]


def cup(world: World) -> tuple[str, bytes]:
    return "cup.png", world.photos["coffee.png"]


# From messages into edits ------------------------------------------------------------------------------------------


async def test_files_of_messages_reach_the_model_in_the_order_of_the_tray(gathering_of: Any, books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        tray = gathering_of(world)
        said = await tray.add(await message_of(world.bo, world.channel, cat(world)))
        assert "Added 1 picture." in said
        assert f"<@{world.bo.id}>’s, from [this message](https://discord.com/channels/" in said
        said = await tray.add(await message_of(world.ana, world.channel, cup(world)))
        assert "A file of yours, from [this message]" in said
        assert tray.names() == ["cat.png", "cup.png"]
        assert tray.labels == ["Remove", "Move earlier", "Remove", "Edit", "Clear"]
        await tray.edit()
        await world.idle()
        assert sent(world) == prepared(cat(world)[1], cup(world)[1])
        assert "From [this message]" not in await tray.press("trayearlier", 2)
        assert tray.names() == ["cup.png", "cat.png"]
        reply = shown_by(await tray.edit())
        await world.idle()
        assert sent(world) == prepared(cup(world)[1], cat(world)[1])
        assert list(tray.visit.files(reply)) == ["reference-1.jpg", "reference-2.jpg"], "the reply shows them"
        assert world.env.errors == []
        await books_of(world).check()


async def test_the_bots_own_results_and_the_files_of_its_replies_can_be_gathered(
    gathering_of: Any, books_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        tray = gathering_of(world, world.bo)
        shown = await tray.visit.edit(results=2)
        [thread] = tray.visit.threads()
        [reply] = [message for message in world.channel.history() if message.id == thread.id]
        await tray.add(shown, thread)
        assert tray.names() == ["#1", "#2"]
        assert "A result, from [this message]" in tray.words
        await tray.add(reply)
        assert tray.names() == ["#1", "#2", "cat.png"]
        assert f"<@{world.ana.id}>’s, from [this message]" in tray.words
        await tray.edit()
        await world.idle()
        job = (await books_of(world).jobs())[-1]
        assert job.request.parent_id == 1
        assert [reference.result_id for reference in job.request.references] == [1, 2, None]
        store = world.program.services.pictures
        results = [await store.get(reference.sha256) for reference in job.request.references]
        assert sent(world) == results
        assert results[2:] == prepared(cat(world)[1])


async def test_a_picture_that_a_message_shows_from_elsewhere_is_gathered_with_its_posters_word(
    gathering_of: Any,
) -> None:
    authority = Authority()
    async with authority.host() as host:
        links = WatchedLinks(authority, Names(pictures=[[LOOPBACK]]), host)
        host.answers.update({"/a.png": whole(plain(1)), "/b.png": whole(plain(2))})
        async with open_world(links=links, **PLENTY) as world:
            await _gather_from_elsewhere(world, gathering_of(world), f"https://pictures.test:{host.port}", host)


async def _gather_from_elsewhere(world: World, tray: Any, address: str, host: Host) -> None:
    backend = world.env.backend
    embed = {"type": "rich", "image": {"url": f"{address}/a.png"}}
    media = [{"media": {"url": f"{address}/b.png"}, "description": "a barn"}]
    posts: list[dict[str, Any]] = [
        {"embeds": [embed]},
        {"components": [{"type": 12, "items": media}], "flags": 1 << 15, "content": None},
    ]
    for shown in posts:
        backend.create_message(world.channel.id, world.bo.id, **shown)
        await world.env.settle()
        await tray.add(newest(world))
    assert [asked.split()[1] for asked in host.asked] == ["/a.png", "/b.png"]
    assert tray.names() == ["a.png", "b.png"]
    assert tray.words.count(f"<@{world.bo.id}>’s, from [this message]") == 2
    assert [part["accessory"]["description"] for part in tray._parts() if part["type"] == 9] == [
        "Picture 1: a.png",
        "Picture 2: a barn",
    ]
    await tray.edit()
    await world.idle()
    assert sent(world) == prepared(plain(1), plain(2))
    await tray.says(world.bo, Consent.NOBODY)
    backend.create_message(world.channel.id, world.bo.id, embeds=[embed])
    assert "they let nobody else edit" in await tray.add(newest(world))
    assert len(host.asked) == 2, "nothing is fetched that may not be edited"


async def test_a_message_with_too_many_lets_one_choose_which_to_keep(gathering_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        tray = gathering_of(world)
        said = await tray.add(await message_of(world.bo, world.channel, *painted(4)))
        assert "Added 4 pictures." in said
        assert "**1 more waits, and an edit takes 3.**" in said
        assert tray.names() == ["p1.png", "p2.png", "p3.png", "p4.png"]
        assert tray.chosen() == ["1 · p1.png", "2 · p2.png", "3 · p3.png"]
        assert len(tray.visit.gallery(tray.card)) == 1
        await tray.edit()
        await world.idle()
        assert sent(world) == prepared(plain(1), plain(2), plain(3)), "until one chooses, the first ones are used"
        await world.restart()
        await tray.keep(4, 2)
        assert tray.names() == ["p2.png", "p4.png"]
        assert tray.visit.menus(tray.card) == []
        await tray.edit()
        await world.idle()
        assert sent(world) == prepared(plain(2), plain(4))


async def test_a_full_tray_takes_ten_pictures_and_says_what_found_no_place(gathering_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        tray = gathering_of(world)
        await tray.add(await message_of(world.bo, world.channel, *painted(MAX_REFERENCES)))
        many = [(f"m{number}.png", plain(100 + number)) for number in range(MOST_HELD)]
        said = await tray.add(await message_of(world.bo, world.channel, *many))
        assert f"3 pictures found no place: a tray holds {MOST_HELD}." in said
        assert len(tray.names()) == MOST_HELD
        assert len(tray.card.attachments) == MOST_HELD
        [labels] = tray.visit.menus(tray.card)
        assert len(labels) == MOST_HELD
        await tray.press("trayremove", 1)
        assert tray.names()[:3] == ["p2.png", "p3.png", "m0.png"], "the next one moves up"


async def test_a_picture_that_is_in_the_tray_is_not_added_twice(gathering_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        tray = gathering_of(world)
        message = await message_of(world.bo, world.channel, cat(world), cup(world))
        await tray.add(message)
        said = await tray.add(message)
        assert "2 pictures were in it already." in said
        assert "Added" not in said
        said = await tray.add(await message_of(world.ana, world.channel, ("again.png", cat(world)[1]), *painted(1)))
        assert "Added 1 picture.\n1 picture was in it already." in said
        assert tray.names() == ["cat.png", "cup.png", "p1.png"]


async def test_what_is_no_picture_is_said_and_the_others_are_taken(gathering_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        tray = gathering_of(world)
        huge, read = ("huge.png", bytes(images.MAX_BYTES + 1)), reads(world)
        said = await tray.add(await message_of(world.bo, world.channel, ("bad.png", b"nothing"), cat(world), huge))
        assert tray.names() == ["cat.png"]
        assert "⚠️ The file `bad.png`" in said
        assert "⚠️ The file `huge.png`" in said
        assert len(read) == 2, "what is said to be too large is not read"
        said = await tray.add(await message_of(world.bo, world.channel, ("notes.txt", b"words")))
        assert "That message shows no picture that I can take." in said
        assert "**1** · cat.png" in await tray.look()
        assert world.env.errors == []


async def test_an_empty_tray_says_how_it_is_filled(gathering_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        tray = gathering_of(world)
        said = await tray.look()
        assert "There are none yet." in said
        assert "**Add as reference**" in said
        assert tray.labels == []
        assert "**Add as reference**" in await tray.refused()
        assert EMPTY in await tray.refused(image2=cat(world))


# Using ---------------------------------------------------------------------------------------------------------------


async def test_a_picture_of_ones_own_leaves_the_tray_out_and_more_come_after_it(gathering_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        tray = gathering_of(world)
        await tray.add(await message_of(world.bo, world.channel, *painted(2)))
        await tray.edit(image=cat(world))
        await world.idle()
        assert sent(world) == prepared(cat(world)[1])
        await tray.edit(image2=cup(world))
        await world.idle()
        assert sent(world) == prepared(plain(1), plain(2), cup(world)[1])
        said = await tray.refused(image2=cup(world), image3=cat(world))
        assert said.startswith("Your tray has 2 pictures and you gave 2 more, and an edit takes up to 3.")
        await tray.edit(**{"from": "#1"})
        await world.idle()
        assert len(sent(world)) == 1
        assert len(world.runware.requests) == 3


async def test_sweeps_presets_and_drafts_begin_with_the_tray(gathering_of: Any, books_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        tray = gathering_of(world)
        shown = await tray.visit.edit()
        [thread] = tray.visit.threads()
        await tray.add(shown, thread)
        await tray.add(await message_of(world.bo, world.channel, *painted(1)))
        store = world.program.services.pictures
        first = (await world.program.services.edits.result(1))[0].sha256
        expected = [await store.get(first or ""), *prepared(plain(1))]
        asked = await world.ana.slash(world.channel, "sweep", prompt="night", x="steps", x_values="10, 20")
        await world.ana.click(shown_by(asked), label="Yes, make them")
        await world.idle()
        assert sent(world, -1) == sent(world, -2) == expected
        form = await world.ana.slash(world.channel, "preset use", name="merge two pictures")
        assert form.modal is not None
        assert form.modal["components"][0]["content"].endswith("Picture 1 is #1 and picture 2 is p1.png.")
        await world.restart()
        await world.ana.submit_modal(form, {"blank-1": "a", "blank-2": "b", "blank-3": "c"})
        await world.idle()
        assert sent(world) == expected
        draft = shown_by(await world.ana.slash(world.channel, "draft", prompt="a hat"))
        assert tray.visit.gallery(draft) == ["Picture 1: cat.png, edited: make it night", "Picture 2: p1.png"]
        await world.ana.click(draft, label="Send")
        await world.idle()
        assert sent(world) == expected
        assert [job.request.parent_id for job in await books_of(world).jobs()][1:] == [1, 1, 1, 1]


async def test_a_draft_with_nothing_given_is_the_newest_one_and_a_new_one_begins_with_the_tray(
    gathering_of: Any,
) -> None:
    async with open_world(**PLENTY) as world:
        tray = gathering_of(world)
        await world.ana.slash(world.channel, "draft", prompt="mine", image=cat(world))
        await tray.add(await message_of(world.bo, world.channel, *painted(1)))
        shown = shown_by(await world.ana.slash(world.channel, "draft"))
        assert tray.visit.gallery(shown) == ["A picture to start from: cat.png"]
        await world.ana.click(shown, label="Discard")
        shown = shown_by(await world.ana.slash(world.channel, "draft"))
        assert tray.visit.gallery(shown) == ["A picture to start from: p1.png"]


async def test_the_card_edits_its_pictures_with_more_after_them_also_after_a_restart(
    gathering_of: Any, books_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        tray = gathering_of(world)
        await tray.add(await message_of(world.bo, world.channel, *painted(2)))
        await world.restart(crash=True)
        form = await tray.click("Edit")
        assert form.modal is not None
        assert form.modal["components"][0]["content"] == "Picture 1 is p1.png and picture 2 is p2.png."
        assert form.modal["components"][2]["component"]["max_values"] == 1
        await world.restart(crash=True)
        await world.ana.submit_modal(form, {"prompt": "both in snow", "files": [cup(world)]})
        await world.idle()
        assert world.runware.requests[-1]["positivePrompt"] == "both in snow"
        assert sent(world) == prepared(plain(1), plain(2), cup(world)[1])
        await books_of(world).check()


async def test_a_tray_that_is_gone_when_its_form_is_sent_says_so_with_what_was_typed(gathering_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        tray = gathering_of(world)
        await tray.add(await message_of(world.bo, world.channel, *painted(3)))
        form = await tray.click("Edit")
        await a_day_passes(world)
        answer = await world.ana.submit_modal(form, {"prompt": "all in snow"})
        assert answer.response is not None
        assert answer.response.ephemeral
        assert "You wrote: all in snow" in tray.visit.words(answer.response)
        pressed = await tray.click("Edit")
        assert "Your tray is empty now." in tray.visit.words(pressed.response)
        assert world.runware.requests == []


# Living ------------------------------------------------------------------------------------------------------------


async def test_a_tray_lasts_for_a_day_and_across_restarts(gathering_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        tray = gathering_of(world)
        message = await message_of(world.bo, world.channel, *painted(2))
        await tray.add(message)
        await world.bo.delete(message)
        await world.restart(crash=True)
        assert tray.names() == ["p1.png", "p2.png"]
        await tray.press("trayremove", 1)
        assert tray.names() == ["p2.png"]
        await tray.edit()
        await world.idle()
        assert sent(world) == prepared(plain(2)), "what was gathered stays when its message goes"
        await a_day_passes(world)
        assert EMPTY in await tray.refused()
        await tray.press("trayremove", 1)
        assert "This is how your tray is now." in tray.words
        assert "There are none yet." in tray.words


async def test_clear_empties_it(gathering_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        tray = gathering_of(world)
        await tray.add(await message_of(world.bo, world.channel, *painted(2)))
        await tray.click("Clear")
        assert "There are none yet." in tray.words
        assert tray.card.attachments == []
        assert EMPTY in await tray.refused()


async def test_a_tray_is_its_members_alone(gathering_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        mine, other = gathering_of(world), gathering_of(world, world.bo)
        await mine.add(await message_of(world.ana, world.channel, *painted(2)))
        await other.add(await message_of(world.ana, world.channel, *painted(1)))
        [custom_id] = mine._ids(1)
        backend = world.env.backend
        button = {"type": 2, "style": 2, "label": "Remove", "custom_id": custom_id}
        forged = [{"type": 17, "components": [{"type": 1, "components": [button]}]}]
        backend.create_message(world.channel.id, backend.bot_user.id, None, components=forged, flags=1 << 15)
        await world.bo.click(newest(world), custom_id=custom_id)
        assert "This is how your tray is now." in mine.visit.words(newest(world))
        await other.look()
        assert other.names() == ["p1.png"]
        await mine.look()
        assert mine.names() == ["p1.png", "p2.png"]
        assert EMPTY in await gathering_of(world, world.cleo).refused()


# Who may -------------------------------------------------------------------------------------------------------------


async def test_who_said_no_is_not_gathered_and_nothing_is_read(gathering_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        tray = gathering_of(world)
        await tray.says(world.bo, Consent.NOBODY)
        message = await message_of(world.bo, world.channel, cat(world))
        read = reads(world)
        said = await tray.add(message)
        assert f"This picture is <@{world.bo.id}>’s, and they let nobody else edit their pictures." in said
        assert read == []
        assert not (await world.program.services.pictures.inventory(-60)).old
        assert "There are none yet." in await tray.look()
        own = gathering_of(world, world.bo)
        await own.add(message)
        assert own.names() == ["cat.png"]
        assert len(read) == 1


async def test_a_server_that_may_not_spend_gathers_nothing(gathering_of: Any) -> None:
    async with open_world(allowed_guilds=frozenset({1})) as world:
        tray = gathering_of(world)
        message = await message_of(world.bo, world.channel, cat(world))
        read = reads(world)
        assert "ALLOWED_GUILDS" in await tray.add(message)
        assert read == []


async def test_the_same_bytes_posted_by_somebody_else_are_still_their_authors(gathering_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        tray = gathering_of(world)
        await gathering_of(world, world.bo).add(await message_of(world.bo, world.channel, cat(world)))
        await tray.says(world.bo, Consent.NOBODY)
        said = await tray.add(await message_of(world.cleo, world.channel, ("mine.png", cat(world)[1]), *painted(1)))
        assert f"⚠️ `mine.png` is <@{world.bo.id}>’s, and they let nobody else edit" in said
        assert tray.names() == ["p1.png"]


async def test_a_no_that_comes_later_binds_what_was_gathered_before(gathering_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        tray = gathering_of(world)
        await tray.add(await message_of(world.cleo, world.channel, *painted(1)))
        await tray.add(await message_of(world.bo, world.channel, cat(world)))
        draft = shown_by(await world.ana.slash(world.channel, "draft", prompt="a hat"))
        form = await tray.click("Edit")
        preset = await world.ana.slash(world.channel, "preset use", name="merge two pictures")
        await tray.says(world.bo, Consent.NOBODY)
        no = f"Picture 2 is <@{world.bo.id}>’s, and they let nobody else edit their pictures."
        refused = await tray.refused()
        assert no in refused
        assert "It is in your tray: take it out with `/references`." in refused
        assert no in await tray.look()
        assert tray.names() == ["p1.png", "cat.png"]
        assert tray.labels == ["Remove", "Move earlier", "Remove", "Clear"], "there is nothing to edit"
        assert len(tray.card.attachments) == 1, "who said no is not shown either"
        await world.ana.click(draft, label="Send")
        answers: Sequence[InteractionResult] = [
            await world.ana.submit_modal(form, {"prompt": "a hat"}),
            await world.ana.submit_modal(preset, {"blank-1": "a", "blank-2": "b", "blank-3": "c"}),
            await world.ana.slash(world.channel, "sweep", prompt="night", x="steps", x_values="10, 20"),
        ]
        for answer in answers:
            assert answer.response is not None
            assert answer.response.ephemeral
            assert no in tray.visit.words(answer.response)
        await world.idle()
        assert world.runware.requests == []
        await tray.press("trayremove", 2)
        assert "Edit" in tray.labels
        await tray.edit()
        await world.idle()
        assert sent(world) == prepared(plain(1))


async def test_only_in_this_session_is_gathered_and_used_in_the_thread_of_its_message(
    gathering_of: Any, books_of: Any
) -> None:
    async with open_world(**PLENTY) as world:
        tray = gathering_of(world)
        await tray.says(world.bo, Consent.SESSION)
        await tray.add(await message_of(world.bo, world.thread, cat(world)), world.thread)
        assert tray.names() == ["cat.png"]
        assert "Edit" in tray.labels
        assert "only in the thread where these stand" in await tray.look()
        assert "only in the thread where these stand" in await tray.refused()
        await tray.edit(world.thread)
        await world.idle()
        assert sent(world) == prepared(cat(world)[1])


async def test_only_in_this_session_holds_for_forwarded_pictures_and_results_too(gathering_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        tray = gathering_of(world)
        await tray.says(world.bo, Consent.SESSION)
        posted = await message_of(world.bo, world.thread, cat(world))
        shown = await tray.visit.edit(world.bo, image=cup(world))
        [thread] = [one for one in tray.visit.threads() if one.id != world.thread.id]
        [reply] = [message for message in world.channel.history() if message.id == thread.id]
        await tray.add(await world.cleo.forward(posted, world.channel))
        await tray.add(reply)
        await tray.add(shown, thread)
        assert tray.names() == ["cat.png", "cup.png", "#1"]
        await tray.look(thread)
        assert tray.words.count("only in the thread where these stand") == 1
        await tray.press("trayremove", 1)
        await tray.edit(thread)
        await world.idle()
        assert sent(world)[0] == prepared(cup(world)[1])[0]


async def test_what_would_be_refused_when_the_form_is_sent_is_refused_before_anybody_types(gathering_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        tray = gathering_of(world)
        bot = world.guild.me
        assert bot is not None
        narrow = world.guild.create_text_channel(
            "narrow", overwrites={bot: discord.PermissionOverwrite(create_public_threads=False)}
        )
        await tray.visit.edit(world.bo)
        [thread] = [one for one in tray.visit.threads() if one.id != world.thread.id]
        await tray.add(await message_of(world.bo, world.channel, cat(world)))

        async def refused(channel: Any = None) -> str:
            await tray.look(channel)
            pressed = await tray.click("Edit")
            assert pressed.modal is None
            assert pressed.response.ephemeral
            return tray.visit.words(pressed.response)

        assert "I lack **Create Public Threads**" in await refused(narrow)
        await world.bo.slash(thread, "session lock")
        assert "locked" in await refused(thread)
        await tray.look()
        await tray.says(world.bo, Consent.NOBODY)
        pressed = await tray.click("Edit")
        assert "they let nobody else edit" in tray.visit.words(pressed.response)
        await tray.says(world.bo, Consent.ANYONE)
        manager = Asker(world.guild.id, world.cleo.id)
        await world.program.services.budgets.pause(manager, 0, "a break")
        assert "a break" in await refused()


async def test_a_file_that_was_lost_says_so_and_is_not_asked_for(gathering_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        tray = gathering_of(world)
        await tray.add(await message_of(world.bo, world.channel, *painted(1)))
        store = world.program.services.pictures
        for sha256 in (await store.inventory(-60)).old:
            await store.delete(sha256)
        assert (await tray.refused()).startswith("Picture 1 of your tray cannot be used now.")
        await tray.look()
        assert "⚠️" in tray.words
        assert tray.labels == ["Remove", "Clear"]


async def test_a_result_that_was_taken_down_says_so_and_cannot_be_edited(gathering_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        tray = gathering_of(world, world.bo)
        shown = await tray.visit.edit()
        [thread] = tray.visit.threads()
        await tray.add(shown, thread)
        await tray.visit.take_down(world.ana, shown)
        assert "⚠️ #1 was taken down" in await tray.look()
        said = await tray.refused()
        assert said.startswith("Picture 1 of your tray cannot be used now. #1 was taken down")
        assert "`/references`" in said


async def test_what_stands_in_a_channel_that_cannot_be_read_any_more_is_neither_shown_nor_used(
    gathering_of: Any,
) -> None:
    async with open_world(**PLENTY) as world:
        sees, blind = discord.PermissionOverwrite(view_channel=True), discord.PermissionOverwrite(view_channel=False)
        studio = world.guild.create_text_channel("studio", overwrites={world.ana: sees})
        tray = gathering_of(world)
        await tray.add(await message_of(world.bo, studio, cat(world)), studio)
        shown = await tray.visit.edit(world.bo, studio)
        [thread] = studio.threads
        await tray.add(shown, thread)
        assert tray.names() == ["cat.png", "#1"]
        await tray.look()
        assert "⚠️" not in tray.words
        world.env.backend.set_overwrite(studio.id, overwrite(world.ana.id, blind))
        assert "It was taken from a channel that you cannot read." in await tray.look()
        assert "You can't use #1: it stands in a channel you cannot read." in tray.words
        assert tray.card.attachments == []
        assert "It was taken from a channel that you cannot read." in await tray.refused()
        await tray.press("trayremove", 1)
        assert "You can't use #1" in await tray.refused()


def overwrite(member_id: int, rights: discord.PermissionOverwrite) -> Any:
    allow, deny = rights.pair()
    return Overwrite(target_id=member_id, type=OverwriteType.MEMBER, allow=allow.value, deny=deny.value)
