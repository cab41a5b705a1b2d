"""What people who edit together wait for when a million results lie behind them.

Each engine gets two databases, filled in bulk: the whole history, and a tenth of it. In both stand a session with 1,000
results that branch and merge, and a chain of 1,000 edits, their rows scattered among those of all other sessions. A
page of ``/history`` or ``/gallery``, and what a press does, must take less than ``MOST_MS``, and no longer with ten times
the history. Then ``/tree`` of the session with 1,000 results is drawn, one page and all pages, and the contact sheet of
the largest ``/sweep``, in less than ``MOST_SECONDS`` and without keeping the event loop for ``MOST_STALL_MS``. All is judged by the best of some rounds: the
rest is the machine's mood. Ends with status 1 when something is not good enough.
"""

from __future__ import annotations

import asyncio
import io
import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, replace
from datetime import UTC
from functools import cache, partial
from itertools import cycle
from pathlib import Path
from typing import Any

import asyncpg
from PIL import Image, ImageOps

from benchmarks.common import roomy_settings
from benchmarks.loop_lag import watch
from benchmarks.usage import Action, milliseconds, postgres
from bot.gallery import PICTURES_SHOWN, Gallery, Room
from bot.lineage import CHILDREN_SHOWN, STEPS_SHOWN, Lineage
from bot.pictures import Pictures
from bot.rounds import MOST_PROPOSALS, Rounds
from bot.sessions import Sessions
from bot.signals import Signals
from bot.sweeps import MOST_CELLS, CellView, SweepView, draw_sheet, label
from bot.tree_pictures import SessionTree
from storage import grants, stars
from storage.database import Database, migrate, open_database
from storage.lineage import Step
from storage.records import (
    Asker,
    Basis,
    EditRequest,
    Place,
    Price,
    Reference,
    Result,
    Round,
    RoundState,
    Scope,
    Session,
    Source,
)
from storage.stars import Entry, Shelf
from storage.sweeps import Axis, Sweep, SweepState
from storage.windows import DAY, HOUR, week_of

#: How many sessions there are, and how many results each has; the first two are the ones that are looked at.
SESSIONS = 20_000
PARTS = (SESSIONS, SESSIONS // 10)
RESULTS = 50
BRANCHING, CHAIN = 1, 2
LONG = 1_000
#: Most edits of a session make two results, those of the chain one.
AT_A_TIME = 2

#: By the last digit of a session's id.
GUILDS = (1, 1, 1, 1, 1, 1, 1, 1, 2, 3)
GUILD = 1
MEMBERS, CHANNELS = 2_000, 50
#: How many threads are private, and how many results have a star.
PRIVATE, STARRED = 0.2, 0.2
#: How many edits bring a second result in, begin anew, and start from any result instead of the last one; and how many
#: of the branching session start from its first one.
MERGED, ANEW, BRANCHED, FIRST = 0.1, 0.1, 0.3, 0.2

NOW = 20_500 * DAY + 20 * HOUR
YEAR = 365 * DAY

ROUNDS, TREE_ROUNDS = 15, 3
#: Drawing all pages, each thumbnail made on the way.
UNPREPARED = "all pages, with their thumbnails"
MOST_MS = 50.0
MOST_RATIO = 2.0
#: Below this, a ratio says more of the disk and of what else the machine does than of the code.
NOISE_MS = 20.0
MOST_SECONDS = 2.0
MOST_STALL_MS = 50.0

#: Comes after every entry of a gallery.
END = (0, 0)

#: Stored requests name their parent and the result that was brought in; these stand for them.
_PARENT, _OTHER = -1, -2
_REFERENCE = Reference("0" * 64, 1024, 1024, "#1", result_id=_PARENT)
_EDIT = EditRequest("make it night, with lanterns over the water", (_REFERENCE,), 1024, 1024, seed=7, parent_id=_PARENT)
_MERGE = replace(_EDIT, references=(_REFERENCE, replace(_REFERENCE, result_id=_OTHER)))
EDIT, MERGE = _EDIT.to_json(), _MERGE.to_json()

#: The tables that are filled, with their columns.
COLUMNS = {
    "accounts": "id scope guild_id holder_id created_at",
    "sessions": "id guild_id channel_id thread_id public owner_id access state created_at",
    "jobs": "id task_uuid account_id guild_id channel_id reply_id thread_id public request wanted status turn version "
    "hold cost created_at first_post_at ended_at settled_at announced_at estimate session_id",
    "lineage": "job_id place result_id",
    "announcements": "job_id idx kind posted_at channel_id message_id",
    "results": "id job_id image_uuid position seed cost nsfw url sha256 media_type width height recorded_at announcement",
    "starred": "result_id guild_id session_id account_id week stars",
    "stars": "result_id account_id at",
}
BATCH = 20_000

Rows = list[tuple[Any, ...]]
Tables = dict[str, Rows]


# History -------------------------------------------------------------------------------------------------------------


def member(guild_id: int, number: int) -> int:
    """Return the id of a member's account; their id in Discord is the same."""
    return 100_000 * guild_id + number


def channel(guild_id: int, number: int) -> int:
    """Return Discord's id of a channel."""
    return 100_000 * guild_id + 50_000 + number


def thread(session_id: int) -> int:
    """Return Discord's id of the thread of a session."""
    return 10_000_000 + session_id


class History:
    """What was edited in so many sessions over a year."""

    def __init__(self, sessions: int, hashes: Sequence[str]) -> None:
        """``hashes``: the n-th result of every session is the n-th of these pictures."""
        self._sessions = sessions
        self._hashes = hashes
        self._chance = random.Random(20_500)
        self._tables: Tables = {}
        #: The ids of the results of each session, oldest first.
        self._made: list[list[int]] = [[] for _ in range(sessions + 1)]
        self._results = 0

    def __iter__(self) -> Iterator[Tables]:
        """Yield the rows, some edits at a time."""
        yield {"accounts": list(_accounts()), "sessions": [self._session(n + 1) for n in range(self._sessions)]}
        turns = [n for n in range(3, self._sessions + 1) for _ in range(RESULTS // AT_A_TIME)]
        turns += [BRANCHING] * (LONG // AT_A_TIME) + [CHAIN] * LONG
        self._chance.shuffle(turns)
        for start in range(0, len(turns), BATCH):
            self._tables = {name: [] for name in COLUMNS}
            for job_id, session_id in enumerate(turns[start : start + BATCH], start + 1):
                self._edit(job_id, session_id, NOW - YEAR + job_id * YEAR // len(turns))
            yield self._tables

    def _session(self, session_id: int) -> tuple[Any, ...]:
        guild_id = GUILDS[session_id % len(GUILDS)]
        public = int(session_id <= CHAIN or self._chance.random() >= PRIVATE)
        place = (guild_id, channel(guild_id, session_id % CHANNELS), thread(session_id), public)
        return (session_id, *place, member(guild_id, session_id % MEMBERS), "open", "open", NOW - YEAR)

    def _edit(self, job_id: int, session_id: int, at: int) -> None:
        """Write down one edit that was asked for, made and shown."""
        guild_id, made = GUILDS[session_id % len(GUILDS)], self._made[session_id]
        # A few members make most of it.
        account_id = member(guild_id, int(MEMBERS * self._chance.random() ** 3))
        parent_id = self._parent(session_id)
        other_id = self._chance.choice(made) if parent_id is not None and self._chance.random() < MERGED else None
        wanted = 1 if session_id == CHAIN else AT_A_TIME
        cost, place, thread_id = 5_000 * wanted, channel(guild_id, session_id % CHANNELS), thread(session_id)
        asked = (job_id, str(uuid.UUID(int=job_id)), account_id, guild_id, place, job_id, thread_id, 1)
        ended = ("succeeded", 1, 5, 2 * cost, cost, at, at, at, at, at, cost, session_id)
        self._tables["jobs"].append((*asked, _stored(parent_id, other_id), wanted, *ended))
        self._tables["announcements"].append((job_id, 0, "results", at, thread_id, 10**9 + job_id))
        if parent_id is not None:
            self._tables["lineage"].append((job_id, 0, parent_id))
        if other_id not in (None, parent_id):
            self._tables["lineage"].append((job_id, 2, other_id))
        for position in range(wanted):
            self._results += 1
            sha256 = self._hashes[len(made) % len(self._hashes)]
            kept = (f"https://example.org/{self._results}.jpg", sha256, "image/jpeg", 1024, 1024, at, 0)
            self._tables["results"].append(
                (self._results, job_id, str(uuid.UUID(int=self._results)), position, self._results, 5_000, 0, *kept)
            )
            if self._chance.random() < STARRED:
                self._star(self._results, guild_id, session_id, account_id, at)
            made.append(self._results)

    def _parent(self, session_id: int) -> int | None:
        """Return the result that the next edit of a session starts from."""
        made = self._made[session_id]
        if not made:
            return None
        if session_id == CHAIN:
            return made[-1]
        if session_id == BRANCHING and self._chance.random() < FIRST:
            return made[0]
        dice = self._chance.random()
        if dice < ANEW:
            return None
        return self._chance.choice(made) if dice < ANEW + BRANCHED else made[-1]

    def _star(self, result_id: int, guild_id: int, session_id: int, account_id: int, at: int) -> None:
        """Write down that people like a result: most get a star or two, few get hundreds."""
        count = min(MEMBERS, int(self._chance.paretovariate(1.5)))
        self._tables["starred"].append((result_id, guild_id, session_id, account_id, week_of(at, UTC), count))
        first = self._chance.randrange(MEMBERS)
        self._tables["stars"] += [(result_id, member(guild_id, (first + n) % MEMBERS), at) for n in range(count)]


def _accounts() -> Iterator[tuple[Any, ...]]:
    """Yield the accounts of the bot, and of all servers, channels and members."""
    yield (1, "bot", 0, 0, 0)
    for guild_id in sorted(set(GUILDS)):
        yield (10 + guild_id, "server", guild_id, 0, 0)
        for number in range(MEMBERS):
            yield (member(guild_id, number), "member", guild_id, member(guild_id, number), 0)
        for number in range(CHANNELS):
            yield (channel(guild_id, number), "channel", guild_id, channel(guild_id, number), 0)


def _stored(parent_id: int | None, other_id: int | None) -> str:
    """Return the stored request of an edit of a result, into which another one may have been brought."""
    text = (EDIT if other_id is None else MERGE).replace(f":{_PARENT}", f":{json.dumps(parent_id)}")
    return text.replace(f":{_OTHER}", f":{other_id}")


async def fill_sqlite(url: str, history: Iterable[Tables]) -> None:
    """Write a history into an SQLite database that is migrated already."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for tables in history:
            for name, rows in tables.items():
                columns = COLUMNS[name].split()
                places = ", ".join("?" * len(columns))
                statement = f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608 - constants
                connection.executemany(statement, rows)
        connection.commit()


async def fill_postgres(url: str, history: Iterable[Tables]) -> None:
    """Write a history into a PostgreSQL database that is migrated already."""
    connection = await asyncpg.connect(url)
    try:
        for tables in history:
            for name, rows in tables.items():
                await connection.copy_records_to_table(name, records=rows, columns=COLUMNS[name].split())
        for name in ("accounts", "sessions", "jobs", "results"):
            await connection.execute(f"ALTER TABLE {name} ALTER COLUMN id RESTART WITH {10**9}")
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


# What people wait for ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bot:
    """The use cases over one database, and what is looked at in it."""

    database: Database
    lineage: Lineage
    gallery: Gallery
    sessions: Sessions
    rounds: Rounds
    #: The same, an hour ago.
    earlier: Rounds
    branching: Session
    #: The results of the branching session, and the last one of the chain.
    steps: list[Step]
    last: int


async def wake(database: Database, pictures: Pictures) -> Bot:
    """Return the use cases over a database that was filled, and check that what is read is what was written."""
    signals, settings = Signals(), roomy_settings(Path(), allowed_guilds=frozenset(GUILDS))
    lineage, owners = Lineage(database, clock=lambda: NOW), Sessions(database, signals, clock=lambda: NOW)
    branching, chain = [await owners.of_thread(GUILD, thread(session_id)) for session_id in (BRANCHING, CHAIN)]
    steps, links = await lineage.of_session(branching.id), await lineage.of_session(chain.id)
    last = links[-1].result.id
    assert len(steps) == len(links) == (await lineage.way(last)).length == LONG
    assert len((await lineage.family(steps[0].result.id)).children) == CHILDREN_SHOWN
    return Bot(
        database=database,
        lineage=lineage,
        gallery=Gallery(database, signals, settings, clock=lambda: NOW),
        sessions=owners,
        rounds=Rounds(database, pictures, signals, settings, clock=lambda: NOW),
        earlier=Rounds(database, pictures, signals, settings, clock=lambda: NOW - HOUR),
        branching=branching,
        steps=steps,
        last=last,
    )


async def everything(_: Entry) -> bool:
    """Tell that somebody who reads all channels sees an entry."""
    return True


async def nothing(_: Entry) -> bool:
    """Tell that somebody who reads no channel does not see an entry."""
    return False


async def one_channel(entry: Entry) -> bool:
    """Tell whether somebody who reads one of the channels, and no private thread, sees an entry."""
    return entry.public and entry.channel_id == channel(GUILD, CHANNELS - 1)


async def actions(bot: Bot) -> dict[str, Action]:
    """Return what people wait for, by what it is called."""
    return histories(bot) | await galleries(bot) | sessions(bot) | await rounds(bot)


def histories(bot: Bot) -> dict[str, Action]:
    """Return the pages of the way to the end of the chain, and the surroundings of results."""
    pages = LONG // STEPS_SHOWN
    found: dict[str, Action] = {
        f"/history, page {page + 1}": partial(bot.lineage.way, bot.last, page) for page in (0, pages // 2, pages - 1)
    }
    found["/history, what the way cost"] = partial(bot.lineage.spent, bot.last)
    found["family of a busy result"] = partial(bot.lineage.family, bot.steps[0].result.id)
    found["family of a childless one"] = partial(bot.lineage.family, bot.last)
    return found


async def galleries(bot: Bot) -> dict[str, Action]:
    """Return pages of every gallery, for those who see all of it and for those who see little."""
    rooms = [
        await bot.gallery.room(GUILD),
        await bot.gallery.room(GUILD, week=26),
        await bot.gallery.room(GUILD, user_id=member(GUILD, 0)),
        Room(Shelf.SESSION, bot.branching.id),
    ]
    found: dict[str, Action] = {}
    for room in rooms:
        page, name, deep = partial(bot.gallery.page, room), f"/gallery of a {room.shelf}", await far_down(bot, room)
        first = await page(everything)
        assert len(first.steps) == PICTURES_SHOWN
        assert first.after is not None
        found[f"{name}, page 1"] = partial(page, everything)
        found[f"{name}, page 2"] = partial(page, everything, first.after)
        found[f"{name}, deep"] = partial(page, everything, deep)
        found[f"{name}, last page"] = partial(page, everything, END, back=True)
        found[f"{name}, 1 of {CHANNELS} channels"] = partial(page, one_channel)
        found[f"{name}, likewise deep"] = partial(page, one_channel, deep)
    return found


async def far_down(bot: Bot, room: Room) -> tuple[int, int]:
    """Return a place as far from the end of a gallery as one page looks; of a small one, its beginning."""
    return (await bot.gallery.page(room, nothing, END, back=True)).before or stars.START


def sessions(bot: Bot) -> dict[str, Action]:
    """Return what is done with a session that has many results."""
    starrer, result_id = Asker(GUILD, member(GUILD, 7)), bot.steps[LONG // 2].result.id
    return {
        "/session": partial(bot.sessions.view, bot.branching),
        f"all {LONG:,} results of a session": partial(bot.lineage.of_session, bot.branching.id),
        "the newest 100 of them": partial(bot.lineage.of_session, bot.branching.id, 100),
        "a star": partial(bot.gallery.star, starrer, result_id),
    }


async def rounds(bot: Bot) -> dict[str, Action]:
    """Return a vote in a round that goes on, and the end of one whose time is over: another one with each call."""
    members = [Asker(GUILD, member(GUILD, number)) for number in range(100)]
    current = await put_to_vote(bot, bot.rounds, BRANCHING, members[:MOST_PROPOSALS], members)
    choices = cycle((await bot.rounds.view(current.id)).proposals)
    for session_id in range(len(GUILDS) + 1, (ROUNDS + 1) * len(GUILDS), len(GUILDS)):
        ended = await put_to_vote(bot, bot.earlier, session_id, members[:MOST_PROPOSALS], members[-1:])
        await bot.earlier.vote(members[0], ended.id, (await bot.rounds.view(ended.id)).proposals[-1].id)
    due = iter(await bot.rounds.due())

    async def vote() -> None:
        await bot.rounds.vote(members[0], current.id, next(choices).id)

    async def end() -> None:
        ended = next(due)
        winner = (await bot.rounds.verdict(ended)).winner
        if winner is None:
            raise RuntimeError(f"nobody won round {ended.id}")
        await bot.rounds.make(ended, winner.id, members[MOST_PROPOSALS - 1])

    return {"a vote": vote, "the end of a round": end}


async def put_to_vote(
    bot: Bot, use: Rounds, session_id: int, proposers: Sequence[Asker], voters: Sequence[Asker]
) -> Round:
    """Open a round about the first result of a session, which lasts half an hour, with votes for the last proposal."""
    session = await bot.sessions.of_thread(GUILD, thread(session_id))
    first = (await bot.lineage.of_session(session.id))[0]
    await bot.database.run(
        grants.add,
        guild_id=GUILD,
        scope=Scope.THREAD,
        subject_id=session.thread_id,
        amount=10**9,
        giver_id=session.owner_id,
        now=NOW - HOUR,
    )
    place = Place(session.channel_id, 10**12 + session_id, session.thread_id, session.public)
    opened = await use.open(proposers[0], place, first.result.id, minutes=30, quorum=2)
    for number, proposer in enumerate(proposers):
        await use.propose(proposer, opened.id, f"make it night, with {number} lanterns")
    chosen = (await use.view(opened.id)).proposals[-1]
    for voter in voters:
        await use.vote(voter, opened.id, chosen.id)
    return opened


# Measuring -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Taken:
    """How many milliseconds something took over the whole history and over a tenth of it, round by round."""

    whole: list[float]
    tenth: list[float]

    @property
    def ratio(self) -> float:
        """How many times longer it took with the whole history."""
        return min(self.whole) / min(self.tenth)

    @property
    def fault(self) -> str:
        """What is not good enough."""
        if min(self.whole) >= MOST_MS:
            return "OVER"
        return "GROWS" if min(self.whole) > NOISE_MS and self.ratio > MOST_RATIO else ""


async def measure(bots: Sequence[Bot]) -> dict[str, Taken]:
    """Return how long each action takes over each database. They take turns, so that both meet the same weather."""
    taken: dict[str, Taken] = {}
    sides = [await actions(bot) for bot in bots]
    for name in sides[0]:
        turns = [[await milliseconds(side[name]) for side in sides] for _ in range(ROUNDS)]
        taken[name] = Taken(*map(list, zip(*turns, strict=True)))
    for bot in bots:
        assert [ended.state for ended in await bot.rounds.untold()] == ROUNDS * [RoundState.WON]
    return taken


def report(engine: str, taken: dict[str, Taken]) -> bool:
    """Print how long everything took; return whether all of it is good enough."""
    count = SESSIONS * RESULTS
    print(f"\n{engine}: {count:,} results in {SESSIONS:,} sessions, and a tenth of that; under {MOST_MS:.0f} ms wanted")
    print(f"{'':44}{'median ms':>10}{'best':>8}{'tenth':>8}{'ratio':>8}")
    for what, times in taken.items():
        middle, best, tenth = statistics.median(times.whole), min(times.whole), min(times.tenth)
        print(f"{what:44}{middle:10.1f}{best:8.1f}{tenth:8.1f}{times.ratio:8.1f} {times.fault}".rstrip())
    return not any(times.fault for times in taken.values())


# Trees ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drawn:
    """How long pages of a tree took, by the clock and of the processors, in seconds, and kept the loop, in milliseconds."""

    pages: int
    seconds: float
    worked: float
    stall: float

    @property
    def fault(self) -> str:
        """What is not good enough."""
        return "OVER" if self.seconds >= MOST_SECONDS else "STALLS" if self.stall >= MOST_STALL_MS else ""


async def draw_tree(bot: Bot, pictures: Pictures, pages: int | None = None) -> int:
    """Draw so many pages of the tree of the branching session, or all of them; return how many these are."""
    steps = await bot.lineage.of_session(bot.branching.id)
    tree = await SessionTree.laid_out(pictures, steps, hidden=())
    numbers = range(len(tree.pages))[:pages]
    await asyncio.gather(*(tree.draw(pictures, number, names={}) for number in numbers))
    return len(numbers)


async def draw_contact_sheet(pictures: Pictures, hashes: Sequence[str]) -> int:
    """Draw the contact sheet of a sweep with as many cells as one may have; return how many sheets that is."""
    axes = Axis("steps", (10, 20, 30, 40, 50)), Axis("cfg", (2, 4, 6, 8))
    sweep = Sweep(1, 1, 1, 1, Place(1, 1), _EDIT, axes, 1, NOW, SweepState.DONE, 1, 0, None, None)
    cells = [
        CellView(place, label(axes, place), None, None, _a_result(place, sha256))
        for place, sha256 in enumerate(hashes[:MOST_CELLS])
    ]
    made = await draw_sheet(pictures, SweepView(sweep, tuple(cells), Price(1, 1, Basis(Source.EXAMPLES))))
    assert Image.open(io.BytesIO(made)).format == "JPEG"
    return 1


def _a_result(place: int, sha256: str) -> Result:
    return Result(
        *(place + 1, 1, "", 0, 7, 1, False, "https://im.runware.ai/x.jpg"),
        *(sha256, "image/jpeg", 1024, 1024, NOW, None, None, 1, 1),
    )


async def watched(drawing: Awaitable[int]) -> Drawn:
    """Draw pages of a tree while the loop measures how late it wakes."""
    late: list[float] = []
    watcher = asyncio.create_task(watch(late))
    began, worked = time.perf_counter(), time.process_time()
    pages = await drawing
    seconds, worked = time.perf_counter() - began, time.process_time() - worked
    watcher.cancel()
    return Drawn(pages, seconds, worked, 1000 * max(late))


async def measure_trees(bot: Bot, folder: Path, hashes: Sequence[str]) -> dict[str, list[Drawn]]:
    """Return how it went to draw one page, all pages and a contact sheet, from thumbnails at hand as the copier leaves them.

    What it takes where none is there is told once and not judged: only pictures from before thumbnails were kept have
    none.
    """
    drawn: dict[str, list[Drawn]] = defaultdict(list)
    async with Pictures(folder, min_free=0) as pictures:
        drawn[UNPREPARED].append(await watched(draw_tree(bot, pictures)))
        for _ in range(TREE_ROUNDS):
            drawn["a page"].append(await watched(draw_tree(bot, pictures, 1)))
            drawn["all pages"].append(await watched(draw_tree(bot, pictures)))
        for turn in range(TREE_ROUNDS):  # its thumbnails are its own, so they are made on the way
            turned = hashes[turn * MOST_CELLS :]
            drawn["a contact sheet of 20 cells"].append(await watched(draw_contact_sheet(pictures, turned)))
    return drawn


def report_trees(drawn: dict[str, list[Drawn]]) -> bool:
    """Print how trees were drawn; return whether that is good enough."""
    print(
        f"\n/tree of {LONG:,} results; under {MOST_SECONDS:.0f} s wanted, the loop kept for less than {MOST_STALL_MS:.0f} ms"
    )
    print(f"{'':44}{'s':>10}{'of work':>8}{'loop ms':>8}")
    bests = {what: _best(rounds) for what, rounds in drawn.items()}
    for what, best in bests.items():
        name = f"{what} ({best.pages})"
        fault = "" if what == UNPREPARED else best.fault
        print(f"{name:44}{best.seconds:10.2f}{best.worked:8.2f}{best.stall:8.0f} {fault}".rstrip())
    return not any(best.fault for what, best in bests.items() if what != UNPREPARED)


def _best(drawn: Sequence[Drawn]) -> Drawn:
    """Return each number at its best."""
    return Drawn(
        drawn[0].pages,
        min(one.seconds for one in drawn),
        min(one.worked for one in drawn),
        min(one.stall for one in drawn),
    )


def photograph(number: int) -> bytes:
    """Return a picture like no other: a part of a photograph, as a JPEG of 1024 x 1024."""
    left, top = number % 32, number // 32
    square = _photos()[number % len(_photos())]
    buffer = io.BytesIO()
    square.crop((left, top, left + 1024, top + 1024)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


@cache
def _photos() -> list[Image.Image]:
    folder = Path(__file__).resolve().parent.parent / "playground" / "photos"
    files = sorted(path for path in folder.iterdir() if path.suffix in {".jpg", ".png"})
    return [ImageOps.fit(Image.open(path).convert("RGB"), (1056, 1056)) for path in files]


async def keep(pictures: Pictures) -> list[str]:
    """Make as many pictures as a long session has results, and keep them; return their hashes."""
    made = [pictures.draw(photograph, number) for number in range(LONG)]
    return list(await asyncio.gather(*(pictures.put(data) for data in await asyncio.gather(*made))))


# Engines -------------------------------------------------------------------------------------------------------------


async def look(engine: str, urls: Sequence[str], fill: Callable[[str, Iterable[Tables]], Awaitable[None]]) -> bool:
    """Fill databases with the whole history and with a tenth of it, and measure."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="together-", dir=Path.cwd())))
        pictures = await stack.enter_async_context(Pictures(folder, min_free=0))
        hashes = await keep(pictures)
        bots: list[Bot] = []
        for url, count in zip(urls, PARTS, strict=True):
            database = await stack.enter_async_context(open_database(url))
            await migrate(database)
            await fill(url, History(count, hashes))
            bots.append(await wake(database, pictures))
        good = report(engine, await measure(bots))
        return report_trees(await measure_trees(bots[0], folder, hashes)) and good


async def on_sqlite(folder: Path) -> bool:
    """Measure over two SQLite databases."""
    return await look("SQLite", [f"sqlite:///{folder / f'{count}.db'}" for count in PARTS], fill_sqlite)


async def on_postgres(server: str) -> bool:
    """Measure over two PostgreSQL databases."""
    connection = await asyncpg.connect(server)
    try:
        for count in PARTS:
            await connection.execute(f"CREATE DATABASE sessions_{count}")
    finally:
        await connection.close()
    urls = [server.replace("/postgres?", f"/sessions_{count}?") for count in PARTS]
    return await look("PostgreSQL", urls, fill_postgres)


def main() -> int:
    """Print the tables; return 0 when everything is good enough."""
    # Not in the system's folder for temporary files, which may be memory.
    with tempfile.TemporaryDirectory(prefix="together-", dir=Path.cwd()) as folder:
        good = asyncio.run(on_sqlite(Path(folder)))
    with postgres() as server:
        return 0 if asyncio.run(on_postgres(server)) and good else 1


if __name__ == "__main__":
    sys.exit(main())
