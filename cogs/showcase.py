"""The loop that posts what many people like, once, in the channel that managers chose for it, with everybody named."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import discord

from bot.client import DISCORD_ERRORS, EditBot
from bot.errors import OutOfReach
from bot.services import Services
from bot.showcase import Exhibit, Showcase
from cogs import _showcase_cards as cards
from cogs._audience import fetch_audience, refusal
from cogs._beside import keep_track
from cogs._letters import compose_one
from cogs._posts import nonce, own_message, passing, ready

log = logging.getLogger(__name__)

#: No post takes longer than this, in seconds.
_PATIENCE: Final = 60.0


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
        except OutOfReach as error:
            why, may_pass = f"the picture store could not be reached ({error.reason})", True
        except Exception as error:  # a bug that one result met is no reason to forget the others
            log.exception("result %d could not be posted in the showcase", result_id)
            why, may_pass = type(error).__name__, True
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
        if guild is None:
            raise ConnectionError("Discord does not show this server now")
        if result.channel_id is None:
            return "it was never posted"
        here, source = await fetch_audience(guild, channel_id), await fetch_audience(guild, result.channel_id)
        why_not = refusal(here, source)
        if why_not is not None:
            return why_not
        channel = bot.get_partial_messageable(channel_id, guild_id=guild.id)
        message = await own_message(bot, channel, cards.mark(result.id))
        if message is None:
            message = await self._send(channel, exhibit)
        await keep_track(self._services, message, [result.id])
        return None

    async def _send(self, channel: discord.PartialMessageable, exhibit: Exhibit) -> discord.Message:
        result, job = exhibit.step.result, exhibit.job
        post, files = await compose_one(self._services, job, result)
        return await channel.send(
            view=cards.exhibit(post, result, exhibit.way),
            files=files,
            nonce=nonce("showcase", result.id, job.task_uuid, channel.id),
            allowed_mentions=discord.AllowedMentions.none(),
        )
