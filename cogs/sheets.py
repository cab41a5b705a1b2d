"""The loop that draws the cards of sweeps: how many cells are done, and in the end the contact sheet.

A sweep's row says when its card is due. What a crash interrupts is done by this same code when it is pulled again.
"""

from __future__ import annotations

import asyncio
import io
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import discord

from bot.client import DISCORD_ERRORS, EditBot, trouble
from bot.contact_sheet import Fate, Tile
from bot.errors import OutOfReach
from bot.services import Services
from bot.sweeps import SweepView, draw_sheet, sheet_of
from cogs import _farewell as farewell
from cogs import _sweep_cards as cards
from cogs import _words as words
from cogs._posts import ARCHIVED, TOO_OFTEN, nonce, own_message, passing, ready
from storage.records import EditRequest
from storage.sweeps import Sweep, SweepState

log = logging.getLogger(__name__)

#: So many cards are drawn side by side, so that those of a long outage are not all in memory at once.
_AT_ONCE: Final = 16
#: No card takes longer than this, in seconds.
_PATIENCE: Final = 60.0
#: For so many sweeps it is remembered what their card shows, so that it is not changed to show it again.
_REMEMBERED: Final = 1024
_THREAD_EXISTS: Final = 160004


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a card says, as Discord gets it, and what its contact sheet shows; nothing while it has none."""

    said: list[dict[str, Any]]
    request: EditRequest
    tiles: tuple[Tile, ...]


class SheetPoster:
    """Draws cards. Each goes its own way, so that one dead channel delays no other."""

    def __init__(self, services: Services, get_bot: Callable[[], EditBot]) -> None:
        self._services = services
        self._sweeps = services.sweeps
        self._get_bot = get_bot
        self._in_hand: set[int] = set()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._drawn: OrderedDict[int, _Shown] = OrderedDict()

    async def run(self) -> None:
        """Draw without end."""
        self._in_hand.clear()
        async with asyncio.TaskGroup() as group:
            while True:
                for found in await self._sweeps.due(len(self._in_hand)):
                    if found.id not in self._in_hand:
                        self._in_hand.add(found.id)
                        group.create_task(self._see_to(found), name=f"sweep-{found.id}")
                await self._sweeps.wait()

    async def _see_to(self, found: Sweep) -> None:
        """Draw one card; whatever goes wrong concerns that card alone."""
        try:
            async with self._slots:
                failure = await self._try(found)
            if failure is not None:
                again = await self._sweeps.later(found)
                log.warning("the card of sweep %d %s: %s", found.id, "is drawn later" if again else "stays", failure)
        except Exception:
            log.exception("the card of sweep %d could not be put off", found.id)
            await asyncio.sleep(self._services.settings.announce_retry_seconds)
        finally:
            self._in_hand.discard(found.id)
            self._sweeps.wake()

    async def _try(self, found: Sweep) -> str | None:
        """Draw a card; returns what kept it from that, if another try makes sense."""
        try:
            bot = await ready(self._get_bot)
            async with asyncio.timeout(_PATIENCE):
                await self._show(bot, found.id)
        except discord.HTTPException as error:
            if passing(error) or error.code == ARCHIVED:
                return f"Discord answered {error.status} {error.code}"
            log.info("the card of sweep %d cannot be drawn: %s", found.id, trouble(error))
            await self._sweeps.give_up(found)
        except DISCORD_ERRORS as error:
            return f"Discord could not be reached ({type(error).__name__})"
        except OutOfReach as error:
            return f"the picture store could not be reached ({error.reason})"
        except Exception as error:  # a bug that one sweep met is no reason to forget the others
            log.exception("the card of sweep %d could not be drawn", found.id)
            return type(error).__name__
        return None

    async def _show(self, bot: EditBot, sweep_id: int) -> None:
        """Bring everything that Discord shows of a sweep up to date."""
        view = await self._sweeps.view(sweep_id)
        if view.sweep.user_id is None:
            await self._take_leave(bot, view)
            return
        view = await self._placed(bot, view)
        if view.over:
            await self._sweeps.done(sweep_id)
        untold, drawn = view.over and view.sweep.told_at is None, False
        try:
            await self._draw(bot, view)
            drawn = True
        except discord.HTTPException as error:
            if untold and error.code == ARCHIVED:
                await self._tell(bot, view)  # which wakes the thread
                await self._draw(bot, view)
                untold = False
            elif await self._stays(bot, view, error):
                return
        if untold:
            await self._tell(bot, view, drawn=drawn)
        await self._sweeps.shown(view)

    async def _take_leave(self, bot: EditBot, view: SweepView) -> None:
        """Take down what the card of a sweep shows whose asker was forgotten; nobody is told of its end."""
        if view.over:
            await self._sweeps.done(view.sweep.id)
            await self._sweeps.told(view.sweep.id)
        if await farewell.clear_sweep(bot, view.sweep, view.thread_id):
            await self._sweeps.later(view.sweep, behind=True)
        else:
            await self._sweeps.shown(view)

    async def _stays(self, bot: EditBot, view: SweepView, error: discord.HTTPException) -> bool:
        """Decide what becomes of a card that cannot be drawn; returns whether it is drawn later, and raises for a retry.

        It goes where it may show a picture which was taken down: that must not stand there till the card can be changed.
        """
        if error.code != TOO_OFTEN and passing(error):
            raise error
        log.info("the card of sweep %d cannot be drawn: %s", view.sweep.id, trouble(error))
        if self._shows_what_is_gone(view):
            await self._reply(bot, view.sweep).delete()
            return False
        if error.code == ARCHIVED:
            raise error
        if error.code == TOO_OFTEN:
            await self._sweeps.later(view.sweep, behind=True)
            return True
        return False

    async def _placed(self, bot: EditBot, view: SweepView) -> SweepView:
        """Make the thread of a sweep that was asked for in a channel. Without one, its cells stay in the channel."""
        place = view.sweep.place
        if view.thread_id is not None or view.sweep.state is SweepState.DONE:
            return view
        try:
            await self._reply(bot, view.sweep).create_thread(name=words.thread_name(view.sweep.request.prompt))
        except discord.HTTPException as error:
            if error.code != _THREAD_EXISTS:
                if passing(error):
                    raise
                log.warning("sweep %d has no thread: %s", view.sweep.id, trouble(error))
                return view
        # A thread has the id of the message it hangs on.
        await self._sweeps.placed(view.sweep.id, place.reply_id)
        return await self._sweeps.view(view.sweep.id)

    async def _draw(self, bot: EditBot, view: SweepView) -> None:
        """Draw the card, and the contact sheet where all cells are over; nothing that it shows already is drawn again.

        Discord bounds how often an older message is changed, so no change is spent on what a card does not show.
        """
        sweep, nobody = view.sweep, discord.AllowedMentions.none()
        ends = view.over or sweep.state is SweepState.DONE
        said = cards.board(view, pictures=[], sheet=ends).to_components()
        shown, before = _Shown(said, sweep.request, sheet_of(view).tiles if ends else ()), self._drawn.get(sweep.id)
        if shown == before:
            return
        message = await self._reply(bot, sweep).fetch()
        came = [file for file in message.attachments if file.filename != cards.SHEET]
        asked = farewell.standing(sweep.request, came)
        pictures = [(file.filename, file.description or "") for file in asked]
        board = cards.board(view, pictures=pictures, sheet=ends)
        drawn = before is not None and before.tiles == shown.tiles and len(came) < len(message.attachments)
        whole = len(asked) == len(came)
        if (drawn or not ends) and whole:
            await message.edit(view=board, allowed_mentions=nobody)
        elif not ends:
            await message.edit(view=board, attachments=asked, allowed_mentions=nobody)
        else:
            data = await draw_sheet(self._services.pictures, view)
            sheet = discord.File(io.BytesIO(data), cards.SHEET, description=cards.alt(view))
            await message.edit(view=board, attachments=[*asked, sheet], allowed_mentions=nobody)
        self._drawn[sweep.id] = shown
        self._drawn.move_to_end(sweep.id)
        if len(self._drawn) > _REMEMBERED:
            self._drawn.popitem(last=False)

    def _shows_what_is_gone(self, view: SweepView) -> bool:
        """Tell whether the card may show a picture which was taken down since it was drawn."""
        removed = [cell for cell in view.cells if cell.fate is Fate.REMOVED]
        drawn, shown_at = self._drawn.get(view.sweep.id), view.sweep.shown_at
        if drawn is not None:
            return bool(drawn.tiles) and any(drawn.tiles[cell.place].fate is Fate.PICTURE for cell in removed)
        if view.sweep.state is not SweepState.DONE:
            return False
        # It was drawn by an earlier run of the program, if at all, of what was there while it drew.
        since = 0 if shown_at is None else shown_at - int(_PATIENCE * 1000)
        gone = [cell.result.deleted_at for cell in removed if cell.result is not None]
        return any(deleted_at is not None and deleted_at >= since for deleted_at in gone)

    async def _tell(self, bot: EditBot, view: SweepView, *, drawn: bool = True) -> None:
        """Tell that a sweep is over: the one message of it that rings, and only for its asker.

        ``drawn``: its sheet is there to be seen. It goes into the thread; where that is gone or was never made, to the card, which is read by the same people.
        """
        sweep = view.sweep
        asker = [] if sweep.user_id is None else [discord.Object(sweep.user_id)]
        rings = discord.AllowedMentions(everyone=False, users=asker, roles=False, replied_user=False)
        ways = [view.thread_id, sweep.place.thread_id or sweep.place.channel_id]
        for way in dict.fromkeys(way for way in ways if way is not None):
            channel = bot.get_partial_messageable(way, guild_id=sweep.guild_id)
            try:
                if await own_message(bot, channel, cards.mark(sweep.id)) is None:
                    key = nonce("sweep", sweep.id, sweep.made_at, channel.id)
                    await channel.send(view=cards.news(view, sheet=drawn), nonce=key, allowed_mentions=rings)
                break
            except discord.HTTPException as error:
                if passing(error):
                    raise
                log.info("the end of sweep %d cannot be posted: %s", sweep.id, trouble(error))
        await self._sweeps.told(sweep.id)

    @staticmethod
    def _reply(bot: EditBot, sweep: Sweep) -> discord.PartialMessage:
        place = sweep.place
        channel = bot.get_partial_messageable(place.thread_id or place.channel_id, guild_id=sweep.guild_id)
        return channel.get_partial_message(place.reply_id)
