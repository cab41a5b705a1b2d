"""The announcer: pulls what Discord has not heard yet, makes the threads and posts what belongs in them, once.

The job's row is the truth. Whatever a crash interrupts is therefore done by this same code when the job is handed out
again; a post whose fate is unknown is first looked for among the last messages, by the mark that every card carries.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

import aiohttp
import discord
from discord import ui
from discord.abc import Messageable

from bot.client import EditBot, trouble
from bot.errors import OutOfReach
from bot.services import Services
from cogs import _cards as cards
from cogs import _farewell as farewell
from cogs import _posts as posts
from cogs import _words as words
from cogs._letters import FILE_BYTES, Letter, compose, parent_of, rewrite
from cogs.umpire import draw
from storage.records import Announcement, AnnouncementKind, Job
from storage.showings import Showing

log = logging.getLogger(__name__)

#: So many jobs are announced side by side; each waits for its own thread only.
_AT_ONCE: Final = 16
#: No job takes longer than this, in seconds: a slow upload is given up and tried again later.
_PATIENCE: Final = 120.0
#: For so many cards it is remembered what they say, so that they are not edited to say it again.
_REMEMBERED: Final = 4096
#: The pause, in seconds, after which a job is taken up again that the database would not let be put off.
_UNWRITTEN: Final = 5.0

_THREAD_EXISTS: Final = 160004
_TOO_LARGE: Final = 40005
#: Not a text channel, archived, locked: like a lost right or a lost channel, waiting does not help.
_SHUT_CODES: Final = frozenset({50008, 50024, posts.ARCHIVED, 160005})
_PASSING: Final = (discord.DiscordServerError, discord.RateLimited, aiohttp.ClientError, OSError, TimeoutError)
_TOO_MANY_REQUESTS: Final = 429
_PAYLOAD_TOO_LARGE: Final = 413


@dataclass(frozen=True, slots=True)
class _Way:
    """A place where a message may be posted."""

    channel: Messageable
    #: The largest file it takes, in bytes.
    limit: int = FILE_BYTES
    buttons: bool = True


class Announcer:
    """Tells Discord what became of jobs. Several are told at once, and one dead thread delays nobody."""

    def __init__(self, services: Services, get_bot: Callable[[], EditBot]) -> None:
        self._services = services
        self._edits = services.edits
        self._outbox = services.outbox
        self._get_bot = get_bot
        self._said: OrderedDict[tuple[int, int], Hashable] = OrderedDict()

    async def run(self) -> None:
        """Announce without end."""
        slots = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            async for job in self._outbox.due():
                await slots.acquire()
                task = group.create_task(self._handle(job), name=f"announce-{job.id}")
                task.add_done_callback(lambda _: slots.release())

    async def _handle(self, job: Job) -> None:
        """Announce one job; whatever goes wrong concerns that job alone."""
        try:
            bot = await posts.ready(self._get_bot)
            async with asyncio.timeout(_PATIENCE):
                await _Telling(self._services, bot, self._said).tell(job)
        except _PASSING as error:
            await self._later(job, trouble(error))
        except OutOfReach as error:
            await self._later(job, f"the picture store could not be reached ({error.reason})")
        except discord.HTTPException as error:
            if error.status != _TOO_MANY_REQUESTS:
                log.exception("job %d could not be announced", job.id, extra={"job_id": job.id})
            await self._later(job, trouble(error))
        except Exception as error:
            log.exception("job %d could not be announced", job.id, extra={"job_id": job.id})
            await self._later(job, type(error).__name__)

    async def _later(self, job: Job, error: str) -> None:
        try:
            await self._outbox.later(job, error)
        except Exception:
            log.exception("job %d could not be put off", job.id, extra={"job_id": job.id})
            await asyncio.sleep(_UNWRITTEN)
            self._outbox.put_back(job)


class _Telling:
    """One job being told to one bot."""

    def __init__(self, services: Services, bot: EditBot, said: OrderedDict[tuple[int, int], Hashable]) -> None:
        self._services = services
        self._edits = services.edits
        self._outbox = services.outbox
        self._bot = bot
        self._said = said
        #: Whether a message stays as it was for the moment, because Discord takes no more changes of it just now.
        self._behind = False

    async def tell(self, job: Job) -> None:
        """Bring everything that Discord shows of a job up to date."""
        if job.user_id is None:
            await self._take_leave(job)
            return
        if job.sweep_id is not None:
            await self._tell_cell(job)
            return
        placed = await self._placed(job)
        carded = await self._card(placed, fresh=job.place.thread_id is None)
        await self._rewrite(placed)
        posted = [await self._post(placed, announcement) for announcement in await self._outbox.plan(job)]
        if posted and not carded:
            await self._card(
                placed, fresh=False
            )  # a post wakes an archived thread, whose messages could not be edited before
        await self._outbox.shown(job, behind=self._behind)

    async def _tell_cell(self, job: Job) -> None:
        """Post the picture of a sweep's cell, if there is one; everything else of it stands on the card of the sweep."""
        if job.notice_tries:  # the card tells where it stands also while its picture cannot be posted
            await self._services.sweeps.changed(job)
        if job.over:
            placed = await self._placed(job)
            await self._rewrite(placed)
            for announcement in await self._outbox.plan(job):
                await self._post(placed, announcement)
        await self._services.sweeps.changed(job)
        await self._outbox.shown(job, behind=self._behind)

    async def _take_leave(self, job: Job) -> None:
        """Take down what Discord shows of an edit whose asker was forgotten; nothing is posted about it any more."""
        for announcement in await self._outbox.plan(job):
            if not announcement.tries or not await self._adopted(job, announcement):
                await self._outbox.skip(job.id, announcement.index)
        await self._take_along(job)
        behind = await farewell.clear_job(self._bot, job, await self._outbox.posted_messages(job.id))
        await self._services.sweeps.changed(job)
        await self._outbox.shown(job, behind=behind)

    # the thread and its status card ------------------------------------------------------------------------

    async def _placed(self, job: Job) -> Job:
        """Make the thread of a job that was asked for in a channel. Without one, the job stays in the channel.

        So does one that was told: a thread made long after that would ring its asker about nothing new.
        """
        if job.place.thread_id is not None or _told(job) or (guild := self._bot.get_guild(job.guild_id)) is None:
            return job
        channel = self._bot.get_partial_messageable(job.place.channel_id, guild_id=guild.id)
        reply = channel.get_partial_message(job.place.reply_id)
        try:
            await reply.create_thread(name=words.thread_name(job.request.prompt))
        except discord.HTTPException as error:
            if error.code != _THREAD_EXISTS and not _shut(error):
                raise
            if error.code != _THREAD_EXISTS:
                log.warning("job %d has no thread: %s", job.id, trouble(error), extra={"job_id": job.id})
                return job
        # A thread has the id of the message it hangs on.
        await self._outbox.placed(job.id, job.place.reply_id)
        return replace(job, place=replace(job.place, thread_id=job.place.reply_id))

    async def _card(self, job: Job, *, fresh: bool) -> bool:
        """Show where a job stands; returns False where it cannot be shown. ``fresh``: its thread was made just now."""
        try:
            await self._show_card(job, fresh=fresh)
        except discord.HTTPException as error:
            if self._stays_behind(job, error):
                return True
            if not _shut(error):
                raise
            log.info("job %d shows no status: %s", job.id, trouble(error), extra={"job_id": job.id})
            return False
        return True

    async def _show_card(self, job: Job, *, fresh: bool) -> None:
        channel = self._channel(job, job.place.thread_id or job.place.channel_id)
        position = await self._edits.position(job.id)
        parent = await parent_of(self._edits, job.request.parent_id)
        results = await self._edits.results(job.id) if job.over else []
        pause = await self._edits.pause_of(job)
        view = cards.status(job, position=position, pause=pause, parent=parent, results=results)
        said = str(view.to_components())
        if not self._news((job.id, 0), said):
            return
        if job.place.thread_id is None or job.status_message_id == job.place.reply_id:
            message = await channel.fetch_message(job.place.reply_id)
            pictures = cards.attached(message)
            view = cards.status(job, position=position, pause=pause, parent=parent, pictures=pictures, results=results)
            await message.edit(view=view, allowed_mentions=discord.AllowedMentions.none())
        elif job.status_message_id is not None:
            await channel.get_partial_message(job.status_message_id).edit(view=view, allowed_mentions=_asker_only(job))
        elif not _told(job):  # a status that comes long after the end would ring its asker about nothing new
            await self._post_card(job, channel, view, look=not fresh)
        self._remember((job.id, 0), said)

    async def _post_card(
        self, job: Job, channel: discord.PartialMessageable, view: ui.LayoutView, *, look: bool
    ) -> None:
        """Post the status as the first message of the thread: the one message that rings, and only for the asker."""
        message = await posts.own_message(self._bot, channel, cards.mark(job.id)) if look else None
        if message is None:
            nonce = _nonce(job, 0, channel)
            message = await channel.send(view=view, allowed_mentions=_asker_only(job), nonce=nonce)
        else:
            await message.edit(view=view, allowed_mentions=_asker_only(job))
        await self._outbox.carded(job.id, message.id)

    # the messages about its end ----------------------------------------------------------------------------

    async def _rewrite(self, job: Job) -> None:
        """Bring the pictures that were posted up to date: a cost that came, a picture that was taken down."""
        if not job.over:
            return
        await self._take_along(job)
        for announcement in await self._outbox.posted_messages(job.id):
            if announcement.kind is not AnnouncementKind.RESULTS:
                continue
            if not self._news(key := (job.id, announcement.index + 1), facts := await self._facts(job)):
                continue
            try:
                await rewrite(self._bot, self._services, job, announcement)
            except discord.HTTPException as error:
                if self._stays_behind(job, error):
                    continue
                if not _shut(error):
                    raise
            self._remember(key, facts)

    async def _take_along(self, job: Job) -> None:
        """Take down what showed, beside its own message, a picture which was taken down."""
        for showing in await self._services.lineage.showings_of_deleted(job.id):
            try:
                if not await self._drawn_without(showing):
                    await self._channel(job, showing.channel_id).get_partial_message(showing.message_id).delete()
            except discord.HTTPException as error:
                if not _shut(error):
                    raise
            await self._services.lineage.hidden(showing.message_id)

    async def _drawn_without(self, showing: Showing) -> bool:
        """Draw the card of a round without its picture; returns whether it is one that could be changed."""
        current = await self._services.rounds.shown_by(showing.message_id)
        if current is None:
            return False
        try:
            await draw(self._bot, current)
        except discord.HTTPException as error:
            if error.code != posts.TOO_OFTEN and posts.passing(error):
                raise
            # A card that cannot be changed now goes: the picture must not stand there till it can.
            log.info("the card of round %d goes with its picture: %s", current.round.id, trouble(error))
            return False
        return True

    async def _facts(self, job: Job) -> Hashable:
        """Return what may change about messages that were posted."""
        usable = tuple(
            (result.id, result.stars, result.closed_at) for result in await self._edits.results(job.id) if result.usable
        )
        writing = tuple(claim.user_id for claim in await self._services.claims.writing(job.id))
        parent = await parent_of(self._edits, job.request.parent_id)
        before = await self._services.lineage.before(job.id)  # alt texts tell of it
        return (job.request, job.cost, job.cost_pending, job.estimated, usable, writing, parent, before)

    async def _post(self, job: Job, announcement: Announcement) -> None:
        """Post one message by the first way that is open, or keep it for the asker's next command."""
        if announcement.tries and await self._adopted(job, announcement):
            return
        await self._outbox.begin(job.id, announcement.index)
        facts = await self._facts(job)
        async for way in self._ways(job):
            try:
                message = await self._send(job, announcement, way)
            except discord.HTTPException as error:
                if not _shut(error):
                    raise
                log.info("job %d: a way out is shut: %s", job.id, trouble(error), extra={"job_id": job.id})
                continue
            await self._outbox.posted(job.id, announcement.index, message.channel.id, message.id)
            self._remember((job.id, announcement.index + 1), facts)
            return
        await self._outbox.keep(job.id, announcement.index)

    async def _adopted(self, job: Job, announcement: Announcement) -> bool:
        """Return whether an earlier post of unknown fate went through after all, and record it."""
        number = cards.mark(job.id, announcement)
        async for way in self._ways(job):
            message = await posts.own_message(self._bot, way.channel, number)
            if message is not None:
                await self._outbox.posted(job.id, announcement.index, message.channel.id, message.id)
                return True
        return False

    async def _ways(self, job: Job) -> AsyncGenerator[_Way]:
        """Yield the ways out, in order, none of them with a wider audience than where the edit was asked for."""
        guild = self._bot.get_guild(job.guild_id)
        limit = FILE_BYTES if guild is None else max(FILE_BYTES, guild.filesize_limit - 1024)
        if job.place.thread_id is not None:
            yield _Way(self._channel(job, job.place.thread_id), limit)
        if job.place.public:
            yield _Way(self._channel(job, job.place.channel_id), limit)
        if job.user_id is not None:
            with suppress(discord.Forbidden, discord.NotFound):
                yield _Way(await self._bot.create_dm(discord.Object(job.user_id)), buttons=False)

    async def _send(self, job: Job, announcement: Announcement, way: _Way) -> discord.Message:
        """Post a message, its files made smaller where they turn out too large for the place."""
        nonce = _nonce(job, announcement.index + 1, way.channel)
        for limit in (way.limit, way.limit // 4, way.limit // 16):
            letter = await compose(self._services, job, announcement, limit=limit, buttons=way.buttons)
            try:
                return await _deliver(way.channel, letter, nonce)
            except discord.HTTPException as error:
                if error.code != _TOO_LARGE and error.status != _PAYLOAD_TOO_LARGE:
                    raise
                too_large = error
        raise too_large

    # pieces ------------------------------------------------------------------------------------------------

    def _stays_behind(self, job: Job, error: discord.HTTPException) -> bool:
        """Return whether a message can be changed later only, and keep in mind that it stays behind until then."""
        if error.code != posts.TOO_OFTEN:
            return False
        log.info("job %d: a message is changed later: %s", job.id, trouble(error), extra={"job_id": job.id})
        self._behind = True
        return True

    def _channel(self, job: Job, channel_id: int) -> discord.PartialMessageable:
        return self._bot.get_partial_messageable(channel_id, guild_id=job.guild_id)

    def _news(self, key: tuple[int, int], facts: Hashable) -> bool:
        return self._said.get(key) != facts

    def _remember(self, key: tuple[int, int], facts: Hashable) -> None:
        self._said[key] = facts
        self._said.move_to_end(key)
        if len(self._said) > _REMEMBERED:
            self._said.popitem(last=False)


async def _deliver(channel: Messageable, letter: Letter, nonce: str) -> discord.Message:
    return await channel.send(view=letter.view, files=letter.files, nonce=nonce)


def _asker_only(job: Job) -> discord.AllowedMentions:
    """Let the asker be mentioned and nobody else. An edit that does not say whom counts as one that may ring anybody."""
    asker = [] if job.user_id is None else [discord.Object(job.user_id)]
    return discord.AllowedMentions(everyone=False, users=asker, roles=False, replied_user=False)


def _told(job: Job) -> bool:
    """Return whether the end of a job was announced or given up: until something new comes, nothing is posted any more."""
    return job.announced_at is not None or job.undeliverable_at is not None


def _nonce(job: Job, number: int, channel: Messageable) -> str:
    """Return the key by which Discord drops a repeated post for some minutes: the same for the same message there.

    It is made from the task's UUID, because a job's number may come again in another database.
    """
    place = channel.id if isinstance(channel, discord.PartialMessageable) else "dm"
    return posts.nonce(job.task_uuid, number, place)


def _shut(error: discord.HTTPException) -> bool:
    """Return whether a way is shut for good, so that the next one is to be tried."""
    return isinstance(error, (discord.Forbidden, discord.NotFound)) or error.code in _SHUT_CODES
