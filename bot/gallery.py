"""Stars, and the galleries made of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Final

from bot import sessions
from bot.errors import NotFound
from bot.settings import Settings
from bot.signals import Signals
from storage import accounts, announcements, jobs, lineage, results, servers, showcase, stars
from storage import sessions as session_rows
from storage.database import Database, Tx
from storage.lineage import Step
from storage.records import Asker, Result, Scope
from storage.stars import Entry, Shelf
from storage.windows import week_of, zone_of

#: So many pictures are shown at a time.
PICTURES_SHOWN: Final = 6
#: Of so many entries it is looked whether the visitor may see them, in one page; who may see few looks on from there.
_LOOKED_AT: Final = 600
_BATCH: Final = 60


@dataclass(frozen=True, slots=True)
class Room:
    """Which gallery it is: of the server, of a week (by its Monday's ordinal), of a person or of a session."""

    shelf: Shelf
    #: Discord's id of the server; of a :attr:`Shelf.SESSION` it is the session's.
    of: int
    #: The week, or the person's account.
    key: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """What one visitor sees of a gallery at a time, the most stars first."""

    room: Room
    steps: tuple[Step, ...]
    #: The places from which the page before and the page after go on; ``None`` where there is none.
    before: tuple[int, int] | None
    after: tuple[int, int] | None


class Gallery:
    """The use cases behind the stars and ``/gallery``."""

    def __init__(self, database: Database, signals: Signals, settings: Settings, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._signals = signals
        #: The counts below pictures are brought up to date no more often than this, in milliseconds.
        self._interval = int(settings.card_interval_seconds * 1000)
        self._clock = clock

    async def star(self, asker: Asker, result_id: int) -> tuple[bool, int]:
        """Give a result a star, or take one's own back; returns whether it has one now, and how many it has in all.

        Raises:
            NotFound: there is no such picture here, or it was taken down.
            NotAllowed: they are not among the people of its session.
        """
        given, count = await self._database.run(_star, asker, result_id, self._clock(), self._interval)
        self._signals.notices.set()
        self._signals.showcase.set()
        return given, count

    async def choose(
        self, asker: Asker, job_id: int, chosen: Collection[int], offered: Collection[int]
    ) -> list[Result]:
        """Give stars to the chosen ones of the results that were offered of a job; take one's own back from the others.

        Returns the results of the job as they are now.

        Raises:
            NotFound, NotAllowed: see :meth:`star`.
        """
        made = await self._database.run(_choose, asker, job_id, chosen, offered, self._clock(), self._interval)
        self._signals.notices.set()
        self._signals.showcase.set()
        return made

    async def starred_by(self, asker: Asker, job_id: int) -> list[int]:
        """Return the results of a job to which somebody gave a star."""
        return await self._database.read(_starred_by, asker, job_id)

    async def room(self, guild_id: int, *, week: int | None = None, user_id: int | None = None) -> Room:
        """Return the gallery of a server, of a week of it (0 is this one, 1 the one before) or of a person."""
        return await self._database.read(_room, guild_id, week, user_id, self._clock())

    async def page(
        self,
        room: Room,
        may_see: Callable[[Entry], Awaitable[bool | None]],
        cursor: tuple[int, int] = stars.START,
        *,
        back: bool = False,
    ) -> Page:
        """Return what a visitor sees after a place of a gallery, or before it.

        ``may_see`` tells of an entry whether the visitor can read, now, where it stands; ``None`` is that it cannot be
        told any more. There, and after so many entries that they cannot see, the page ends early, and the next one
        goes on.
        """
        seen: list[Entry] = []
        looked, place, more = 0, cursor, True
        while more and len(seen) <= PICTURES_SHOWN and looked < _LOOKED_AT:
            entries = await self._database.read(stars.page, room.shelf, room.of, place, _BATCH, key=room.key, back=back)
            more = len(entries) == _BATCH
            for entry in entries:
                sees = await may_see(entry)
                if sees is None:
                    looked, more = _LOOKED_AT, True
                    break
                looked, place = looked + 1, entry.cursor
                if sees:
                    seen.append(entry)
                if len(seen) > PICTURES_SHOWN:
                    break
        shown, ends = seen[:PICTURES_SHOWN], len(seen) <= PICTURES_SHOWN and not more
        onward = None if ends else shown[-1].cursor if len(seen) > PICTURES_SHOWN else place
        if back:
            shown.reverse()
        steps = await self._database.read(lineage.steps, [entry.result_id for entry in shown])
        at_start = cursor == stars.START
        if back:
            return Page(room, tuple(steps), before=onward, after=_just_below(shown, cursor))
        return Page(room, tuple(steps), before=None if at_start else _just_above(shown, cursor), after=onward)


def _just_above(shown: list[Entry], cursor: tuple[int, int]) -> tuple[int, int]:
    """Return the place from which to look back to the page before."""
    return shown[0].cursor if shown else (cursor[0], cursor[1] - 1)


def _just_below(shown: list[Entry], cursor: tuple[int, int]) -> tuple[int, int]:
    """Return the place from which to look on to the page after; what stood at ``cursor`` is on that one."""
    return shown[-1].cursor if shown else (cursor[0], cursor[1] + 1)


# units of work ---------------------------------------------------------------------------------------------


async def _star(tx: Tx, asker: Asker, result_id: int, now: int, interval: int) -> tuple[bool, int]:
    found, account_id = await _let_in(tx, asker, result_id, now)
    given = not await stars.given(tx, result_id, account_id)
    await _set(tx, asker, found, account_id, given=given, now=now)
    step = await _known(tx, asker, result_id)
    await announcements.refresh(tx, step.result.job_id, now + interval)
    return given, step.result.stars


async def _choose(
    tx: Tx,
    asker: Asker,
    job_id: int,
    chosen: Collection[int],
    offered: Collection[int],
    now: int,
    interval: int,
) -> list[Result]:
    for result in await results.of_job(tx, job_id):
        if result.usable and result.id in offered:
            step, account_id = await _let_in(tx, asker, result.id, now)
            await _set(tx, asker, step, account_id, given=result.id in chosen, now=now)
    await announcements.refresh(tx, job_id, now + interval)
    return await results.of_job(tx, job_id)


async def _let_in(tx: Tx, asker: Asker, result_id: int, now: int) -> tuple[Step, int]:
    """Return a result, and the account of somebody who is among the people of its session.

    Raises:
        NotFound, NotAllowed: see :meth:`Gallery.star`.
    """
    step = await _known(tx, asker, result_id)
    job = await jobs.known(tx, step.result.job_id)
    session = await session_rows.get(tx, job.session_id)
    if session is not None:
        await sessions.check_let_in(tx, session, asker)
    return step, await accounts.ensure(tx, Scope.MEMBER, now, asker.guild_id, asker.user_id)


async def _known(tx: Tx, asker: Asker, result_id: int) -> Step:
    step = await lineage.step(tx, result_id)
    job = None if step is None else await jobs.get(tx, step.result.job_id)
    if step is None or job is None or job.guild_id != asker.guild_id:
        raise NotFound.result(result_id)
    if not step.result.usable:
        raise NotFound(f"#{result_id} was taken down, so it takes no stars.")
    return step


async def _set(tx: Tx, asker: Asker, step: Step, account_id: int, *, given: bool, now: int) -> None:
    result_id = step.result.id
    if not given:
        await stars.take(tx, result_id, account_id)
        return
    server = await servers.get(tx, asker.guild_id)
    week = week_of(step.result.recorded_at, zone_of(server.time_zone))
    if not await stars.give(tx, result_id, account_id, week, now):
        return
    starred = await _known(tx, asker, result_id)
    if server.showcase_channel_id is not None and starred.result.stars >= server.showcase_stars:
        await showcase.add(tx, result_id, now)


async def _starred_by(tx: Tx, asker: Asker, job_id: int) -> list[int]:
    account_id = await accounts.find(tx, Scope.MEMBER, asker.guild_id, asker.user_id)
    if account_id is None:
        return []
    made = await results.of_job(tx, job_id)
    return [result.id for result in made if await stars.given(tx, result.id, account_id)]


async def _room(tx: Tx, guild_id: int, week: int | None, user_id: int | None, now: int) -> Room:
    if user_id is not None:
        # Account 0 is nobody's: a person who never edited has an empty gallery.
        return Room(Shelf.PERSON, guild_id, await accounts.find(tx, Scope.MEMBER, guild_id, user_id) or 0)
    if week is None:
        return Room(Shelf.SERVER, guild_id)
    return Room(Shelf.WEEK, guild_id, week_of(now, await servers.zone(tx, guild_id)) - 7 * week)
