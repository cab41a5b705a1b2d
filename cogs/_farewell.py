"""What Discord shows of somebody who was forgotten, brought up to date: their words and files go, the rest stays."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import discord

from bot.client import EditBot, trouble
from bot.services import Services
from cogs import _cards as cards
from cogs import _round_cards as round_cards
from cogs import _showcase_cards as showcase_cards
from cogs import _sweep_cards as sweep_cards
from cogs._letters import compose_one, parent_of
from cogs._posts import TOO_OFTEN, carries, own_message
from cogs._previews import previews
from cogs.umpire import draw
from storage.leftovers import Leftover
from storage.lineage import FARTHEST
from storage.records import Announcement, EditRequest, Job, RoundState
from storage.sweeps import Sweep

log = logging.getLogger(__name__)

#: What takes the place of a thread's name, which was the prompt.
THREAD_NAME: Final = "An edit that was forgotten"
#: The name of a file that came with a request, by its place among these.
_FILE: Final = re.compile(r"reference-([0-9]+)\.")


@asynccontextmanager
async def awake(bot: EditBot, guild_id: int, thread_id: int | None, *, name: str | None = None) -> AsyncGenerator[None]:
    """Keep a thread from being archived, in which no message can be changed, and give it another name where one is given.

    Each thread is renamed once, so that Discord's bound on names (two in ten minutes) is not met.
    """
    thread = await _thread(bot, guild_id, thread_id)
    archived = thread is not None and thread.archived
    if thread is not None and (archived or name not in (None, thread.name)):
        try:
            await thread.edit(archived=False, name=thread.name if name is None else name)
        except (discord.Forbidden, discord.NotFound) as error:
            log.info("a thread cannot be changed: %s", trouble(error))
    try:
        yield
    finally:
        if thread is not None and archived:
            await _shut(lambda: thread.edit(archived=True))


async def _thread(bot: EditBot, guild_id: int, thread_id: int | None) -> discord.Thread | None:
    guild = bot.get_guild(guild_id)
    if guild is None or thread_id is None:
        return None
    try:
        found = guild.get_thread(thread_id) or await guild.fetch_channel(thread_id)
    except (discord.Forbidden, discord.NotFound, discord.InvalidData):
        return None
    return found if isinstance(found, discord.Thread) else None


async def _shut(change: Callable[[], Awaitable[object]]) -> bool:
    """Change a message or thread, if it is there and may be changed; returns whether it stays as it is for the moment."""
    try:
        await change()
    except (discord.Forbidden, discord.NotFound) as error:
        log.info("what shows somebody who was forgotten stays: %s", trouble(error))
    except discord.HTTPException as error:
        if error.code != TOO_OFTEN:
            raise
        return True
    return False


async def clear_job(bot: EditBot, job: Job, posted: Sequence[Announcement]) -> bool:
    """Take the words and files of an edit whose asker was forgotten out of Discord; its results were taken down.

    Returns whether something stays as it was for the moment, because Discord takes no more changes of it just now.
    """
    place, nobody = job.place, discord.AllowedMentions.none()
    own = place.thread_id == place.reply_id and job.sweep_id is None and not job.pooled
    behind: list[bool] = []
    async with awake(bot, job.guild_id, place.thread_id, name=THREAD_NAME if own else None):
        if job.sweep_id is None and not job.pooled:  # else the reply is the card of its sweep or round
            home = _channel(bot, job.guild_id, place.channel_id if own else place.thread_id or place.channel_id)
            reply = home.get_partial_message(place.reply_id)
            number = None if own else cards.mark(job.id)
            view = cards.forgotten(number)
            behind.append(await _shut(lambda: reply.edit(view=view, attachments=[], allowed_mentions=nobody)))
        if job.status_message_id not in (None, place.reply_id):
            inside = _channel(bot, job.guild_id, place.thread_id or place.channel_id)
            status, card = inside.get_partial_message(job.status_message_id or 0), cards.forgotten(cards.mark(job.id))
            behind.append(await _shut(lambda: status.edit(view=card, allowed_mentions=nobody)))
        for said in posted:
            if said.channel_id is not None:
                message = _channel(bot, job.guild_id, said.channel_id).get_partial_message(said.message_id or 0)
                behind.append(await _shut(message.delete))
    return any(behind)


async def clear_sweep(bot: EditBot, sweep: Sweep, thread_id: int | None) -> bool:
    """Take the words, the files and the contact sheet of a sweep out of Discord; see :func:`clear_job`."""
    place, own = sweep.place, sweep.place.thread_id is None
    async with awake(bot, sweep.guild_id, thread_id, name=THREAD_NAME if own else None):
        home = _channel(bot, sweep.guild_id, place.thread_id or place.channel_id)
        reply, nobody = home.get_partial_message(place.reply_id), discord.AllowedMentions.none()
        behind = await _shut(lambda: reply.edit(view=cards.forgotten(), attachments=[], allowed_mentions=nobody))
        inside = _channel(bot, sweep.guild_id, thread_id or place.channel_id)
        news = await own_message(bot, inside, sweep_cards.mark(sweep.id))
        if news is not None:  # it told its asker, by name, that the sweep is over
            behind |= await _shut(news.delete)
    return behind


async def redraw_round(bot: EditBot, services: Services, round_id: int) -> bool:
    """Draw the card of a round, and the message that tells how it ended, without somebody; see :func:`clear_job`."""
    view = await services.rounds.view(round_id)
    async with awake(bot, view.session.guild_id, view.session.thread_id):
        anew = list((await previews(services, [view.step])).values())  # its alt text tells the way to it
        behind = await _shut(lambda: draw(bot, view, anew))
        if view.round.state is not RoundState.OPEN and view.job is None:
            channel = _channel(bot, view.session.guild_id, view.session.thread_id)
            told = await own_message(bot, channel, round_cards.mark(round_id))
            if told is not None:
                nobody = discord.AllowedMentions.none()
                news = round_cards.news(view)
                behind |= await _shut(lambda: told.edit(view=news, allowed_mentions=nobody))
    return behind


async def redraw_reply(bot: EditBot, services: Services, job_id: int) -> bool:
    """Draw the reply to somebody's edit without files whose author was forgotten; see :func:`clear_job`."""
    job = await services.edits.job(job_id)
    place = job.place
    own = place.thread_id == place.reply_id
    home = _channel(bot, job.guild_id, place.channel_id if own else place.thread_id or place.channel_id)

    async def redraw() -> None:
        message = await home.fetch_message(place.reply_id)
        stay = standing(job.request, message.attachments)
        pictures = [(file.filename, file.description or "") for file in stay]
        parent = await parent_of(services.edits, job.request.parent_id)
        if own:
            view = cards.starter(job.user_id or 0, job.request, pictures=pictures, parent=parent, here=False)
        else:
            results = await services.edits.results(job.id) if job.over else []
            position, pause = await services.edits.position(job.id), await services.edits.pause_of(job)
            view = cards.status(job, position=position, pause=pause, parent=parent, pictures=pictures, results=results)
        nobody = discord.AllowedMentions.none()
        if len(stay) == len(message.attachments):
            await message.edit(view=view, allowed_mentions=nobody)
        else:
            await message.edit(view=view, attachments=stay, allowed_mentions=nobody)

    async with awake(bot, job.guild_id, None if own else place.thread_id):
        return await _shut(redraw)


async def clear_message(bot: EditBot, services: Services, leftover: Leftover) -> bool:
    """Delete a message of ours, if it is there; an exhibit of the showcase is drawn anew. See :func:`clear_job`."""
    channel = _channel(bot, leftover.guild_id, leftover.channel_id)
    result_id = await services.lineage.shown_in(leftover.message_id)

    async def clear() -> None:
        message = await channel.fetch_message(leftover.message_id)
        if result_id is not None and carries(message, showcase_cards.mark(result_id)):
            await _exhibit_anew(services, message, result_id)
        else:
            await message.delete()
            await services.lineage.hidden(message.id)

    return await _shut(clear)


async def _exhibit_anew(services: Services, message: discord.Message, result_id: int) -> None:
    """Draw an exhibit with its file posted anew: alt texts cannot be changed."""
    result, job = await services.edits.find(result_id)
    post, files = await compose_one(services, job, result)
    view = showcase_cards.exhibit(post, result, await services.lineage.last_steps(result_id, FARTHEST + 1))
    await message.edit(view=view, attachments=files, allowed_mentions=discord.AllowedMentions.none())


def standing(request: EditRequest, files: Sequence[discord.Attachment]) -> list[discord.Attachment]:
    """Return the files of a reply that may stand: of those that came with the request, whose author is not forgotten."""
    gone = {number for number, one in enumerate(request.references, 1) if one.result_id is None and not one.sha256}
    return [file for file in files if _number(file.filename) not in gone]


def _number(name: str) -> int | None:
    found = _FILE.match(name)
    return None if found is None else int(found[1])


def _channel(bot: EditBot, guild_id: int, channel_id: int) -> discord.PartialMessageable:
    return bot.get_partial_messageable(channel_id, guild_id=guild_id)
