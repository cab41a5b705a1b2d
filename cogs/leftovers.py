"""The loop that changes messages of ours which show what somebody who was forgotten wrote or gave.

Their edits and sweeps are no part of it: the announcer and the sheets bring those up to date.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import discord

from bot.client import DISCORD_ERRORS, EditBot, trouble
from bot.errors import NotFound, OutOfReach
from bot.services import Services
from cogs import _farewell as farewell
from cogs._posts import ARCHIVED, passing, ready
from storage.leftovers import Leftover

log = logging.getLogger(__name__)

#: No change takes longer than this, in seconds.
_PATIENCE: Final = 60.0


class Leftovers:
    """Changes each message in its turn. One that cannot be changed stops no other."""

    def __init__(self, services: Services, get_bot: Callable[[], EditBot]) -> None:
        self._services = services
        self._people = services.people
        self._get_bot = get_bot

    async def run(self) -> None:
        """Change without end."""
        while True:
            for leftover in await self._people.due():
                await self._see_to(leftover)
            await self._people.wait()

    async def _see_to(self, leftover: Leftover) -> None:
        try:
            bot = await ready(self._get_bot)
            async with asyncio.timeout(_PATIENCE):
                behind = await self._change(bot, leftover)
        except NotFound:  # the round or the edit is not known any more
            await self._people.done(leftover)
        except OutOfReach as error:
            await self._wait(leftover, f"the picture store could not be reached ({error.reason})")
        except discord.HTTPException as error:
            if passing(error):
                await self._wait(leftover, trouble(error))
            else:
                await self._later(leftover, trouble(error), again=error.code == ARCHIVED)
        except DISCORD_ERRORS as error:
            await self._wait(leftover, trouble(error))
        except Exception as error:  # a bug that one message met is no reason to forget the others
            log.exception("message %d could not be changed", leftover.message_id)
            await self._later(leftover, type(error).__name__)
        else:
            await (self._people.later(leftover, passing=True) if behind else self._people.done(leftover))

    async def _change(self, bot: EditBot, leftover: Leftover) -> bool:
        """Change a message; returns whether Discord lets it not be changed for the moment."""
        if leftover.round_id is not None:
            return await farewell.redraw_round(bot, self._services, leftover.round_id)
        if leftover.job_id is not None:
            return await farewell.redraw_reply(bot, self._services, leftover.job_id)
        return await farewell.clear_message(bot, self._services, leftover)

    async def _wait(self, leftover: Leftover, why: str) -> None:
        """Try again until what may pass has passed."""
        await self._people.later(leftover, passing=True)
        log.warning("message %d is changed later: %s", leftover.message_id, why)

    async def _later(self, leftover: Leftover, why: str, *, again: bool = True) -> None:
        if again and await self._people.later(leftover):
            log.warning("message %d is changed later: %s", leftover.message_id, why)
        else:
            await self._people.done(leftover)
            log.warning("message %d stays as it is: %s", leftover.message_id, why)
