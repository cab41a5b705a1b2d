"""The playground's page over real HTTP: the list beside the preview, and the preview passed through."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from simcord import ChannelHandle

from bot.settings import Settings
from playground.server import serve
from playground.stage import Stage
from playground.world import World, open_world


class Visitor:
    """A browser's part: it asks for the page's facts, and holds a page of the preview open."""

    def __init__(self, session: aiohttp.ClientSession, world: World, stage: Stage) -> None:
        self.session = session
        self.world = world
        self.stage = stage
        self.headers: dict[str, str] = {}
        self.sequence = 0

    async def state(self) -> dict[str, Any]:
        async with self.session.get("/state") as answer:
            assert answer.status == 200
            return await answer.json()

    async def show(self, channel: str) -> dict[str, Any]:
        async with self.session.post("/show", json={"channel": channel}) as answer:
            assert answer.status == 200
            return await answer.json()

    async def open(self, viewer: str = "") -> dict[str, Any]:
        """Open the preview, as its own script does, on a page whose address names the viewer."""
        self.headers = {"X-Simcord-Capability": (await self.state())["key"]}
        referer = {"Referer": f"{self.session._base_url}preview?viewer={viewer}"} if viewer else {}
        async with self.session.post("/api/pages", json={}, headers=self.headers | referer) as answer:
            assert answer.status == 200
            shown = await answer.json()
        self.headers["X-Simcord-Context"] = shown["context"]["id"]
        self.sequence = 0
        return shown

    async def look(self) -> dict[str, Any]:
        async with self.session.get("/api/state", headers=self.headers) as answer:
            assert answer.status == 200
            return await answer.json()

    async def act(self, shown: dict[str, Any], kind: str, **fields: Any) -> dict[str, Any]:
        """Send a message or press something on the page as it was ``shown``."""
        self.sequence += 1
        action = {
            **fields, "kind": kind, "protocol_version": 3, "sequence": self.sequence, "request_id": str(self.sequence),
            "generation": shown["context"]["generation"], "bot_generation": shown["botGeneration"],
            "published_revision": shown["publishedRevision"],
        }  # fmt: skip
        # The preview's own script writes JSON without spaces.
        body = aiohttp.payload.JsonPayload(action, dumps=lambda value: json.dumps(value, separators=(",", ":")))
        async with self.session.post("/api/action", data=body, headers=self.headers) as answer:
            assert answer.status == 200
            return await answer.json()

    async def ask(self, channel: ChannelHandle, name: str) -> None:
        """Ask for an edit in SimCord, in turn with the page."""
        async with self.stage.turn():
            await self.world.ana.slash(channel, "edit", prompt="At night", image=(name, self.world.photos[name]))

    async def edit(self) -> str:
        """Have an edit made and announced; return its thread."""
        await self.ask(self.world.channel, "coffee.png")
        async with self.stage.turn():
            await self.world.idle()
        return str(self.world.channel.threads[-1].id)

    async def until_shown(self, text: str) -> None:
        async with asyncio.timeout(20):
            while text not in str((await self.look())["messages"]):
                await asyncio.sleep(0.05)


@asynccontextmanager
async def open_page(**settings: Any) -> AsyncGenerator[Visitor]:
    async with open_world(**settings) as world, Stage(world) as stage:
        door = socket.create_server(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{door.getsockname()[1]}/"
        async with serve(world, stage, door), aiohttp.ClientSession(address) as session:
            yield Visitor(session, world, stage)


async def test_the_page_lists_the_channel_its_threads_and_who_one_can_be() -> None:
    async with open_page() as visitor:
        state = await visitor.state()
        assert [(one["name"], one["thread"], one["unread"]) for one in state["channels"]] == [
            ("darkroom", False, False),
            ("Photographs to edit", True, False),
        ]
        assert state["channel"] == state["channels"][0]["id"]
        assert [member["name"] for member in state["members"]] == ["Ana", "Bo", "Cleo"]
        assert state["runware"] == visitor.world.runware.url
        async with visitor.session.get("/") as answer:
            assert answer.content_type == "text/html"


async def test_the_first_thread_is_cleo_s_and_the_bot_has_said_nothing() -> None:
    async with open_world() as world:
        said = [*world.channel.history(), *world.thread.history()]
        assert {message.author.id for message in said} == {world.cleo.id}


async def test_a_new_thread_appears_unread_and_choosing_it_shows_and_reads_it() -> None:
    async with open_page() as visitor:
        thread = await visitor.edit()
        (found,) = [one for one in (await visitor.state())["channels"] if one["id"] == thread]
        assert (found["name"], found["thread"], found["unread"]) == ("At night", True, True)
        before = await visitor.state()
        state = await visitor.show(thread)
        assert state["channel"] == thread
        assert state["key"] != before["key"]
        assert not any(one["unread"] for one in state["channels"])
        shown = await visitor.open()
        assert shown["channelId"] == thread
        assert "coffee.png" in str(shown["messages"])


async def test_what_the_bot_posts_appears_in_the_open_preview_by_itself() -> None:
    async with open_page() as visitor:
        world = visitor.world
        await visitor.show(str(world.thread.id))
        await visitor.open()
        await visitor.ask(world.thread, "coffee.png")
        await visitor.until_shown("Reroll")


async def test_the_menu_of_a_message_opens_its_form_on_the_page_of_who_used_it() -> None:
    async with open_page() as visitor:
        world = visitor.world
        photographs = world.thread.last_message
        assert photographs is not None
        await visitor.show(str(world.thread.id))
        shown = await visitor.open(viewer=str(world.bo.id))
        assert "Edit image" in (await visitor.state())["menus"]
        wanted = {"name": "Edit image", "message": str(photographs.id), "member": str(world.bo.id)}
        async with visitor.session.post("/menu", json=wanted) as answer:
            assert answer.status == 200
        shown = await visitor.look()
        assert shown["modal"]["payload"]["title"] == "Edit pictures"
        values = {"prompt": "The cup in orbit", "picture": ["3"]}
        receipt = await visitor.act(shown, "modal_submit", modal_handle=shown["modal"]["handle"], values=values)
        assert (receipt["rejected"], receipt["settlement"]) == (False, "settled")
        await visitor.until_shown("Reroll")
        for wrong in ({"name": "Ban"}, {"message": "7"}, {"member": "7"}, {"message": None}):
            async with visitor.session.post("/menu", json=wanted | wrong) as answer:
                assert answer.status == 404


async def test_somebody_else_looks_when_the_frame_says_so() -> None:
    async with open_page() as visitor:
        bo = str(visitor.world.bo.id)
        assert (await visitor.open(viewer=bo))["viewerId"] == bo
        assert (await visitor.open())["viewerId"] == str(visitor.world.ana.id)


async def test_a_press_on_a_page_that_was_refreshed_meanwhile_counts() -> None:
    async with open_page() as visitor:
        shown = await visitor.open()
        await visitor.edit()  # the page is refreshed by what the bot posts
        await visitor.until_shown("the edit goes on")
        assert (await visitor.look())["publishedRevision"] > shown["publishedRevision"]
        receipt = await visitor.act(shown, "send_message", content='Here is "published_revision":1 in a text')
        assert (receipt["rejected"], receipt["settlement"]) == (False, "settled")
        await visitor.until_shown('Here is "published_revision":1 in a text')


async def test_presses_and_refreshes_take_turns() -> None:
    async with open_page() as visitor:
        shown = await visitor.open()
        for name in visitor.world.photos:  # while the bot posts what becomes of the edits before
            asking = asyncio.create_task(visitor.ask(visitor.world.channel, name))
            receipt = await visitor.act(shown, "send_message", content=f"What of {name}?")
            assert (receipt["rejected"], receipt["settlement"]) == (False, "settled")
            await asking
        async with visitor.stage.turn():
            await visitor.world.idle()


async def test_a_refused_command_is_an_answered_action() -> None:
    async with open_page() as visitor:
        world = visitor.world
        async with visitor.stage.turn():
            given = ("a.png", b"text")
            result = await world.ana.slash(world.channel, "edit", prompt="a", size="1000x1000", image=given)
        assert result.ephemeral
        assert not world.env.errors


async def test_photographs_can_be_downloaded() -> None:
    async with open_page() as visitor:
        for name in (await visitor.state())["photos"]:
            async with visitor.session.get(f"/photos/{name}") as answer:
                assert await answer.read() == visitor.world.photos[name]
                assert answer.headers["Content-Disposition"].startswith("attachment")
        async with visitor.session.get("/photos/LICENSES.md") as answer:
            assert answer.status == 404


async def test_a_channel_that_is_not_there_is_not_shown() -> None:
    async with open_page() as visitor:
        before = await visitor.state()
        for body in ('{"channel": "5"}', '{"channel": "x"}', '{"channel": null}', "{}", "[]", "nothing"):
            async with visitor.session.post("/show", data=body, headers={"Content-Type": "application/json"}) as answer:
                assert answer.status == 404
        assert await visitor.state() == before


async def test_other_sites_are_refused() -> None:
    async with open_page() as visitor:
        for headers in ({"Host": "elsewhere.test"}, {"Origin": "http://elsewhere.test"}, {"Origin": "null"}):
            for path in ("/", "/state", "/preview", "/api/state"):
                async with visitor.session.get(path, headers=headers) as answer:
                    assert answer.status == 403
            async with visitor.session.post("/show", json={"channel": "5"}, headers=headers) as answer:
                assert answer.status == 403


async def test_the_preview_may_be_framed_by_this_page_only_and_needs_its_key() -> None:
    async with open_page() as visitor:
        async with visitor.session.get("/preview") as answer:
            assert "SimCord" in await answer.text()
            assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
            assert "X-Frame-Options" not in answer.headers
        async with visitor.session.post("/api/pages", json={}) as answer:
            assert answer.status == 401


async def test_simcord_s_clock_follows_the_day() -> None:
    async with open_world() as world:
        opened = world.env.now()
        assert abs((datetime.now(UTC) - opened).total_seconds()) < 3600
        await asyncio.sleep(0.05)
        await world.keep_time()
        assert world.env.now() > opened


async def test_a_live_world_asks_the_real_runware_and_has_no_local_one() -> None:
    async with open_world(live_key="a-key-of-nobody") as world:
        settings = world.settings
        assert world.live
        assert settings.poll_only
        assert settings.runware_url == "https://api.runware.ai/v1"
        assert settings.result_hosts == {"im.runware.ai", "vm.runware.ai"}
        with pytest.raises(RuntimeError, match="no local Runware"):
            _ = world.runware


async def test_a_patient_world_waits_as_a_bot_in_service_does() -> None:
    async with open_world(patient=True) as world:
        for name in ("poll_first_seconds", "poll_max_seconds", "error_settle_seconds", "webhook_grace_seconds"):
            assert getattr(world.settings, name) == Settings.model_fields[name].default
