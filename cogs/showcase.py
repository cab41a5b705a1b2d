"""The loop that posts what many people like, once, in the channel that managers chose for it, with everybody named."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import discord
from discord import ui

from bot.client import DISCORD_ERRORS, EditBot
from bot.services import Services
from bot.showcase import Exhibit, Showcase
from cogs import _audience as audiences
from cogs import _cards as cards
from cogs import _words as words
from cogs._layout import AMBER, card, text
from cogs._letters import compose_one
from cogs._posts import nonce, own_message, passing, ready

log = logging.getLogger(__name__)

#: No post takes longer than this, in seconds.
_PATIENCE: Final = 60.0
#: Component ids are 32-bit; those of jobs seldom come near these.
_MARKS: Final = 1 << 30
#: So many people are named.
_NAMED: Final = 20


class ShowcasePoster:
    """Posts each result once. One that cannot be posted stops no other."""

    def __init__(self, showcase: Showcase, services: Services, get_bot: Callable[[], EditBot]) -> None:
        self._showcase = showcase
        self._services = services
        self._get_bot = get_bot

    async def run(self) -> None:
        """Post without end."""
        while True:
            for exhibit in await self._showcase.due():
                await self._see_to(exhibit)
            await self._showcase.wait()

    async def _see_to(self, exhibit: Exhibit) -> None:
        result_id = exhibit.step.result.id
        try:
            bot = await ready(self._get_bot)
            async with asyncio.timeout(_PATIENCE):
                refused = await self._post(bot, exhibit)
        except discord.HTTPException as error:
            why, may_pass = f"Discord answered {error.status} {error.code}", passing(error)
        except DISCORD_ERRORS as error:
            why, may_pass = f"Discord could not be reached ({type(error).__name__})", True
        else:
            if refused is not None:
                log.info("result %d is not shown in the showcase: %s", result_id, refused)
            await self._showcase.done(exhibit)
            return
        if may_pass and await self._showcase.later(exhibit):
            log.warning("result %d is posted in the showcase later: %s", result_id, why)
        else:
            log.warning("result %d is not posted in the showcase: %s", result_id, why)
            await self._showcase.done(exhibit)

    async def _post(self, bot: EditBot, exhibit: Exhibit) -> str | None:
        """Post a result; returns why it must not be, if so."""
        result, job, channel_id = exhibit.step.result, exhibit.job, exhibit.channel_id
        if not result.usable or channel_id is None:
            return "it was taken down, or there is no showcase any more"
        guild = bot.get_guild(job.guild_id)
        if guild is None or result.channel_id is None:
            return "it was never posted, or the server is gone"
        here = await audiences.audience_of(guild, channel_id)
        refusal = audiences.refusal(here, await audiences.audience_of(guild, result.channel_id))
        if refusal is not None:
            return refusal
        channel = bot.get_partial_messageable(channel_id, guild_id=guild.id)
        message = await own_message(bot, channel, _mark(result.id))
        if message is None:
            post, files = await compose_one(self._services, job, result)
            parts = cards.result_parts(post)
            view = card(
                text(_headline(exhibit)), *parts, text(_credits(exhibit)), colour=AMBER, number=_mark(result.id)
            )
            message = await self._send(channel, exhibit, view, files)
        await self._services.lineage.shown(result.id, channel_id, message.id)
        return None

    @staticmethod
    async def _send(
        channel: discord.PartialMessageable, exhibit: Exhibit, view: ui.LayoutView, files: list[discord.File]
    ) -> discord.Message:
        key = nonce("showcase", exhibit.step.result.id, exhibit.job.task_uuid, channel.id)
        nobody = discord.AllowedMentions.none()
        return await channel.send(view=view, files=files, nonce=key, allowed_mentions=nobody)


def _mark(result_id: int) -> int:
    return _MARKS + result_id % _MARKS


def _headline(exhibit: Exhibit) -> str:
    result = exhibit.step.result
    where = words.link(exhibit.job.guild_id, result.channel_id or 0, result.message_id or None)
    people = "1 person" if result.stars == 1 else f"{result.stars:,} people"
    return f"### ⭐ {people} gave [this]({where}) a star"


def _credits(exhibit: Exhibit) -> str:
    """Name everybody on the way to it, once, in the order in which they came in."""
    people = list(dict.fromkeys(words.who(step.user_id) for step in exhibit.way))
    more = f" and {len(people) - _NAMED} more" if len(people) > _NAMED else ""
    steps = words.counted(len(exhibit.way), "edit")
    return f"-# Made in {steps} by {words.listed(people[:_NAMED])}{more}."
