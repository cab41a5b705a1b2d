"""The umpire: ends the rounds whose time is over, and tells their threads how they ended, once.

A round's row is the truth. What a crash interrupts is done by this same code when the round is pulled again; before it
posts, it looks among the last messages for one that carries the mark of the round.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

import discord

from bot.client import DISCORD_ERRORS, EditBot, trouble
from bot.errors import EditError, NotAllowed, NotFound, OutOfReach
from bot.rounds import RoundView
from bot.services import Services
from cogs import _cards
from cogs import _rights as rights
from cogs import _round_cards as cards
from cogs._posts import ARCHIVED, nonce, own_message, passing, ready
from storage.records import Asker, Proposal, Round, RoundState
from storage.windows import DAY

log = logging.getLogger(__name__)

#: No try takes longer than this, in seconds.
_PATIENCE: Final = 60.0
#: The longest pause between two tries, in seconds, and for how long, in milliseconds, a round is tried in all.
_LONGEST_PAUSE: Final = 600.0
_GIVES_UP: Final = DAY

_LEFT: Final = "Whoever proposed it has left the server."
_UNTOLD_WHO: Final = "For a whole day, Discord did not say who proposed it."


async def draw(bot: EditBot, view: RoundView, anew: Sequence[discord.File] = ()) -> None:
    """Draw the card of a round anew. Raises what Discord answers where that cannot be done.

    ``anew``: its picture, where that has to be posted again because it is told otherwise now.
    """
    channel = bot.get_partial_messageable(view.session.thread_id, guild_id=view.session.guild_id)
    message = await channel.fetch_message(view.round.message_id)
    nobody = discord.AllowedMentions.none()
    if view.step.result.usable and anew:
        pictures = [(file.filename, file.description or "") for file in anew]
        board = cards.board(view, pictures=pictures)
        await message.edit(view=board, attachments=list(anew), allowed_mentions=nobody)
    elif view.step.result.usable:
        await message.edit(view=cards.board(view, pictures=_cards.attached(message)), allowed_mentions=nobody)
    else:  # the picture was taken down
        await message.edit(view=cards.board(view, pictures=[]), attachments=[], allowed_mentions=nobody)


async def redraw_open(services: Services, interaction: discord.Interaction[EditBot], thread_id: int) -> None:
    """Have the card of the round that is open in a thread, if one is, tell what has just changed."""
    try:
        session = await services.sessions.of_thread(interaction.guild_id or 0, thread_id)
        current = await services.rounds.current(session.id)
        if current is not None:
            await draw(interaction.client, await services.rounds.view(current.id))
    except (NotFound, *DISCORD_ERRORS) as error:  # the next press on the card tells it
        log.info("no card of a round was drawn anew: %s", trouble(error))


class Umpire:
    """Ends rounds and tells of their ends. Each goes its own way, so one dead thread delays no other."""

    def __init__(self, services: Services, get_bot: Callable[[], EditBot]) -> None:
        self._rounds = services.rounds
        self._houses = services.houses
        self._first_pause = services.settings.announce_retry_seconds
        self._clock = services.clock
        self._get_bot = get_bot
        self._in_hand: set[int] = set()

    async def run(self) -> None:
        """End and tell without end."""
        self._in_hand.clear()
        async with asyncio.TaskGroup() as group:
            while True:
                for found in await self._pull():
                    self._in_hand.add(found.id)
                    group.create_task(self._see_through(found), name=f"round-{found.id}")
                await self._rounds.wait()

    async def _pull(self) -> list[Round]:
        """Return the rounds to end or to tell of that are not in hand yet."""
        found = [*await self._rounds.due(len(self._in_hand)), *await self._rounds.untold(len(self._in_hand))]
        return [one for one in {one.id: one for one in found}.values() if one.id not in self._in_hand]

    async def _see_through(self, found: Round) -> None:
        """Bring a round to its end and tell of it, however often that has to be tried."""
        begun, pause = self._clock(), self._first_pause
        try:
            while (failure := await self._try(found.id)) is not None:
                if self._clock() - begun >= _GIVES_UP:
                    log.warning("the end of round %d stands only here: %s", found.id, failure)
                    await self._give_up(found)
                    return
                log.warning("round %d is taken up again in %.1f s: %s", found.id, pause, failure)
                await asyncio.sleep(pause)
                pause = min(_LONGEST_PAUSE, pause * 2)
        finally:
            self._in_hand.discard(found.id)

    async def _try(self, round_id: int) -> str | None:
        """End a round and tell of it; returns what kept it from that, if something did."""
        try:
            bot = await ready(self._get_bot)
            async with asyncio.timeout(_PATIENCE):
                await self._end_and_tell(bot, round_id)
        except discord.HTTPException as error:
            return f"Discord answered {error.status} {error.code}"
        except DISCORD_ERRORS as error:
            return f"Discord could not be reached ({type(error).__name__})"
        except OutOfReach as error:
            return f"the picture store could not be reached ({error.reason})"
        except Exception as error:  # a bug that one round met is no reason to forget the others
            log.exception("round %d could not be brought to its end", round_id)
            return type(error).__name__
        return None

    async def _give_up(self, found: Round) -> None:
        winner = (await self._rounds.verdict(found)).winner
        if winner is None:
            await self._rounds.end(found)
        else:
            await self._rounds.refuse(found, winner.id, _UNTOLD_WHO)
        await self._rounds.told(found.id)

    async def _end_and_tell(self, bot: EditBot, round_id: int) -> None:
        view = await self._rounds.view(round_id)
        if view.round.state is RoundState.OPEN:
            await self._end(bot, view)
            view = await self._rounds.view(round_id)
        if view.round.state is not RoundState.OPEN:  # else the vote came out otherwise just now: it is pulled again
            await self._tell(bot, view)
            await self._rounds.told(round_id)

    # the end ---------------------------------------------------------------------------------------------------------

    async def _end(self, bot: EditBot, view: RoundView) -> None:
        winner = (await self._rounds.verdict(view.round)).winner
        if winner is None:
            await self._rounds.end(view.round)
            return
        try:
            proposer = await self._proposer(bot, view, winner)
        except EditError as unfit:
            await self._rounds.refuse(view.round, winner.id, str(unfit))
        else:
            await self._rounds.make(view.round, winner.id, proposer, safety=await self._safety(bot, view))

    async def _safety(self, bot: EditBot, view: RoundView) -> str:
        guild = bot.get_guild(view.session.guild_id)
        channel = None if guild is None else guild.get_channel(view.session.channel_id)
        return rights.safety_in(channel, await self._houses.of(view.session.guild_id))

    async def _proposer(self, bot: EditBot, view: RoundView, winner: Proposal) -> Asker:
        """Return who proposed the winner, with the roles and rights they have now.

        Raises:
            NotFound: they left the server, or were forgotten.
            NotAllowed: they cannot read any more where the picture stands.
        """
        guild, result = bot.get_guild(view.session.guild_id), view.step.result
        if guild is None:
            raise ConnectionError("Discord does not show this server now")
        if winner.user_id is None:
            raise NotFound(_LEFT)
        try:
            member = await guild.fetch_member(winner.user_id)
        except discord.NotFound:
            raise NotFound(_LEFT) from None
        if result.channel_id is None or not await rights.member_reads(member, result.channel_id, view.step.user_id):
            raise NotAllowed(f"Whoever proposed it cannot read the channel any more where {result.short_id} stands.")
        return rights.member_in(view.session.channel_id, member)

    # the news --------------------------------------------------------------------------------------------------------

    async def _tell(self, bot: EditBot, view: RoundView) -> None:
        """Post how a round ended, unless an edit of it tells that, and bring its card up to date.

        The post comes first: it wakes an archived thread, whose messages cannot be changed before.
        """
        if view.job is None:
            try:
                await self._post(bot, view)
            except discord.HTTPException as error:
                if passing(error):
                    raise
                log.info("the end of round %d cannot be posted: %s", view.round.id, trouble(error))
        try:
            await draw(bot, view)
        except discord.HTTPException as error:
            # The status of the edit wakes the thread.
            if passing(error) or (view.job is not None and error.code == ARCHIVED):
                raise
            log.info("the card of round %d cannot be changed: %s", view.round.id, trouble(error))

    async def _post(self, bot: EditBot, view: RoundView) -> None:
        channel = bot.get_partial_messageable(view.session.thread_id, guild_id=view.session.guild_id)
        if await own_message(bot, channel, cards.mark(view.round.id)) is None:
            key = nonce("round", view.round.id, view.round.opened_at, channel.id)
            nobody = discord.AllowedMentions.none()
            await channel.send(view=cards.news(view), nonce=key, allowed_mentions=nobody)
