"""Pictures from a link and of a member, as people give them; what reaches Runware is their bytes, in the order given."""

from __future__ import annotations

import base64
import io
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from PIL import Image
from simcord import InteractionResult

from bot import images
from playground.world import World, open_world
from tests.hosts import LOOPBACK, Authority, Host, Names, WatchedLinks, redirect, whole

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}
HERE: Final = [[LOOPBACK]]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@asynccontextmanager
async def web(authority: Authority) -> AsyncGenerator[tuple[World, Host, WatchedLinks]]:
    """A world from which the hosts of the tests can be reached."""
    async with authority.host() as host:
        links = WatchedLinks(authority, Names(pictures=HERE, more=HERE), host)
        async with open_world(links=links, **PLENTY) as world:
            yield world, host, links


def at(host: Host, path: str, name: str = "pictures") -> str:
    return f"https://{name}.test:{host.port}{path}"


def sent(world: World, number: int = -1) -> list[bytes]:
    """Return the pictures that Runware was given with a task."""
    given = world.runware.requests[number]["inputs"]["referenceImages"]
    return [base64.b64decode(picture.partition(",")[2]) for picture in given]


def prepared(world: World, *names: str) -> list[bytes]:
    """Return photographs as they should reach Runware."""
    return [images.render(world.photos[name]).data for name in names]


def shown(answer: InteractionResult) -> Any:
    assert answer.response is not None
    return answer.response


def alone(visit: Any, answer: InteractionResult) -> str:
    assert answer.response is not None
    assert answer.response.ephemeral
    return visit.words(answer.response)


async def test_a_link_leads_to_an_edit_and_a_redirect_is_followed(visit_of: Any, authority: Authority) -> None:
    async with web(authority) as (world, host, _):
        visit = visit_of(world)
        host.answers["/a/sea%20side.jpg"] = whole(world.photos["rocket.jpg"])
        host.answers["/old"] = redirect(at(host, "/a/sea%20side.jpg", "more"))
        await visit.edit(image=None, image_url=at(host, "/a/sea%20side.jpg"))
        await visit.edit(image=None, image_url=at(host, "/old"))
        assert [sent(world, number) for number in (0, 1)] == [prepared(world, "rocket.jpg")] * 2
        [first, _] = visit.threads()
        starter = next(one for one in world.channel.history() if one.id == first.id)
        assert "sea side.jpg" in visit.words(starter) + str(visit.files(starter)), "people read what it is called"
        assert world.env.errors == []


async def test_files_a_link_and_an_avatar_go_in_the_order_of_the_options(visit_of: Any, authority: Authority) -> None:
    async with web(authority) as (world, host, _):
        visit = visit_of(world)
        host.answers["/x.png"] = whole(world.photos["astronaut.png"])
        await visit.edit(image=("cat.png", world.photos["chelsea.png"]), image_url=at(host, "/x.png"), avatar=world.bo)
        assert sent(world) == prepared(world, "chelsea.png", "astronaut.png", "rocket.jpg")
        await visit.edit(image=None, **{"from": "#1"}, avatar=world.cleo, image_url=at(host, "/x.png"))
        assert sent(world)[1:] == prepared(world, "astronaut.png", "coffee.png")
        assert len(sent(world)) == 3


async def test_a_draft_and_a_sweep_take_links_and_avatars_too(authority: Authority) -> None:
    async with web(authority) as (world, host, _):
        host.answers["/x.png"] = whole(world.photos["astronaut.png"])
        card = await world.ana.slash(world.channel, "draft", prompt="p", image_url=at(host, "/x.png"), avatar=world.bo)
        await world.ana.click(shown(card), label="Send")
        await world.idle()
        assert sent(world) == prepared(world, "astronaut.png", "rocket.jpg")
        asked = await world.ana.slash(
            world.channel, "sweep", prompt="p", x="steps", x_values="10, 20", image_url=at(host, "/x.png")
        )
        await world.ana.click(shown(asked), label="Yes, make them")
        await world.idle()
        assert [sent(world, number) for number in (1, 2)] == [prepared(world, "astronaut.png")] * 2


async def test_what_can_be_refused_by_its_address_is_told_to_the_person_alone_and_asked_of_nobody(
    visit_of: Any, authority: Authority
) -> None:
    async with web(authority) as (world, host, links):
        visit = visit_of(world)
        for url, says in (
            ("http://pictures.test/x.png", "https"),
            ("https://127.0.0.1/x.png", "attach"),
            ("https://[::ffff:127.0.0.1]/x.png", "attach"),
            ("https://cdn.discordapp.com/attachments/1/2/x.png", "Edit image"),
            ("ftp://pictures.test/x.png", "https"),
            ("sunset.png", "https"),
        ):
            said = alone(visit, await visit.ask(image=None, image_url=url))
            assert "`image_url`" in said
            assert says in said, said
        assert (host.asked, links.opened, world.runware.requests) == ([], [], [])
        assert visit.threads() == []


async def test_what_turns_out_to_be_no_picture_is_refused_in_words(visit_of: Any, authority: Authority) -> None:
    async with web(authority) as (world, host, _):
        visit = visit_of(world)
        host.answers["/page"] = whole(b"<!doctype html><title>Sign in</title>" + b" " * 5000)
        host.answers["/inside"] = redirect("https://127.0.0.1/secret.png")
        host.answers["/small.png"] = whole(_small())
        for path, says in (
            ("/page", "picture"),
            ("/inside", "attach"),
            ("/gone.png", "404"),
            ("/small.png", "the model needs 64"),
        ):
            answer = await visit.ask(image=None, image_url=at(host, path))
            said = visit.words(answer.response)
            assert "`image_url`" in said
            assert says in said, said
        assert world.runware.requests == []
        assert world.env.errors == []


def _small() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (20, 20)).save(buffer, "PNG")
    return buffer.getvalue()


async def test_a_member_who_said_no_keeps_their_avatar_to_themselves(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit = visit_of(world)
        await world.bo.slash(world.channel, "privacy set", who="nobody")
        said = alone(visit, await visit.ask(image=None, avatar=world.bo))
        assert f"This picture is {world.bo.mention}’s, and they let nobody else edit their pictures." in said
        await visit.edit(world.bo, image=None, avatar=world.bo)
        assert sent(world) == prepared(world, "rocket.jpg")
        label = next(iter((await visit.jobs())[0].request.references)).label
        assert label == "avatar.png", "what is kept of it names nobody"


async def test_a_transparent_picture_is_edited_on_white_and_every_message_about_it_says_so(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        visit, buffer = visit_of(world), io.BytesIO()
        Image.new("RGBA", (80, 80), (200, 30, 30, 0)).save(buffer, "PNG")
        shown = await visit.edit(image=("star.png", buffer.getvalue()))
        with Image.open(io.BytesIO(sent(world)[0])) as picture:
            assert picture.convert("RGB").getpixel((40, 40)) == (255, 255, 255)
        [thread] = visit.threads()
        starter = next(one for one in world.channel.history() if one.id == thread.id)
        status = thread.history()[0]
        for message in (starter, status):
            assert "-# The picture was transparent, and is edited on white." in visit.words(message)
        assert "transparent" not in visit.words(shown)
        await visit.edit(image=("cat.png", world.photos["chelsea.png"]), image2=("star.png", buffer.getvalue()))
        newest = max(visit.threads(), key=lambda one: one.id)
        assert "-# Transparent, and so edited on white: picture 2." in visit.words(newest.history()[0])
