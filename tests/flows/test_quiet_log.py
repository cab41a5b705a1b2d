"""The log never has what people wrote, what they gave or what they are called, whatever happens, at whatever level."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from bot.log import configure
from bot.settings import Settings
from playground.world import World, open_world
from storage.records import Asker

PLENTY: dict[str, Any] = {"member_daily_usd": 100, "server_daily_usd": 100, "bot_daily_usd": 100}
#: A prompt, a file, a member by both names, and what stands in a draft and a preset.
WORDS = ("xylograph", "bramblefinch", "ottoline", "Peregrina", "ocarina", "marzipan", "zeppelin")


@contextmanager
def logged() -> Generator[io.StringIO]:
    """Write everything that is logged, at DEBUG, as an operator would read it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    settings = Settings(
        discord_token=SecretStr("token"),
        runware_api_key=SecretStr("key"),
        allowed_guilds=frozenset({1}),
        log_level="DEBUG",
    )
    stop = configure(settings, stream)
    try:
        yield stream
    finally:
        stop()
        root.handlers[:] = handlers
        root.setLevel(level)
        for name in ("discord", "aiosqlite"):
            logging.getLogger(name).setLevel(logging.NOTSET)


def said(stream: io.StringIO) -> str:
    """Return the lines of the log with one of the words, of whatever logger but those of the test's own Discord."""
    lines = [line for line in stream.getvalue().splitlines() if not line.partition(": ")[0].endswith(" simcord")]
    return "\n".join(line for line in lines if any(word in line for word in WORDS))


async def busy(world: World, visit: Any) -> None:
    """Have a member with a name do what people do."""
    member = world.guild.add_member(world.env.create_user("ottoline", global_name="Peregrina"))
    photo = ("bramblefinch.png", world.photos["chelsea.png"])
    await visit.ask(member, prompt="a xylograph", image=photo)
    await member.slash(world.channel, "draft", prompt="an ocarina", image=photo)
    await member.slash(world.channel, "preset save", name="marzipan", prompt="a zeppelin", options="steps=12")
    await member.slash(world.channel, "edit", prompt="a xylograph", image=("bramblefinch.png", b"no picture"))
    async with asyncio.timeout(20):
        while await world.open_jobs():
            await asyncio.sleep(0.02)
    await member.slash(world.channel, "privacy export")
    asked = await member.slash(world.channel, "privacy forget")
    assert asked.response is not None
    await member.click(asked.response, label="Forget me for good")


async def test_where_all_goes_well(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        with logged() as stream:
            await busy(world, visit_of(world))
            await world.idle()
        assert " was asked for" in stream.getvalue()
        assert said(stream) == ""


@pytest.mark.parametrize(("status", "code"), [(403, 50013), (500, 0), (400, 50035)])
async def test_where_discord_refuses_in_words_that_quote_what_was_sent(visit_of: Any, status: int, code: int) -> None:
    async with open_world(announce_retry_seconds=0.001, **PLENTY) as world:
        with logged() as stream:
            for method in ("POST", "PATCH"):
                world.env.inject_error(
                    method,
                    "/channels/*/messages*",
                    status=status,
                    code=code,
                    message="no xylograph by Peregrina",
                    times=9,
                )
            world.env.inject_error("POST", "/channels/*/messages/*/threads", status=status, code=code, times=1)
            await busy(world, visit_of(world))
        assert f"Discord answered {status}" in stream.getvalue()
        assert said(stream) == ""


async def test_where_runware_refuses_and_quotes_the_prompt(visit_of: Any) -> None:
    async with open_world(**PLENTY) as world:
        world.runware.faults.fail = "invalidPositivePrompt"
        with logged() as stream:
            await busy(world, visit_of(world))
            await world.idle()
        assert said(stream) == ""


async def test_where_the_bot_itself_breaks_over_what_somebody_wrote(
    visit_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_world(**PLENTY) as world:

        def breaks(_: Asker) -> None:
            raise KeyError(WORDS)

        with logged() as stream:
            monkeypatch.setattr(world.program.edits, "check", breaks)
            refused = await visit_of(world).ask(world.ana, prompt="a xylograph")
            assert "Something broke on my side" in visit_of(world).words(refused.response)
        world.env.errors.clear()
        assert "KeyError" in stream.getvalue()
        assert "in breaks" in stream.getvalue()
        assert said(stream) == ""
