"""The operator's commands beside a running bot: how it stands, and whether its books agree.

They open the database without the lock that the bot holds. It obeys at once, because it reads pauses in the unit that
claims a job.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import aiohttp

from bot import alerts, books
from bot.books import Audit, Compared
from bot.budgets import Budgets
from bot.errors import StartError
from bot.quota import amount, dollars, limit
from bot.runware.client import RunwareClient
from bot.runware.errors import RunwareError
from bot.settings import Settings
from bot.signals import Signals
from storage import jobs, ledger, pauses
from storage.allowances import Terms
from storage.books import Lines
from storage.database import Database, Tx, database_file, open_database, pending_migrations
from storage.records import MICROS_PER_DOLLAR, Measure, Pause, Standing


@asynccontextmanager
async def beside(settings: Settings) -> AsyncGenerator[Database]:
    """Open the database beside a running bot.

    Raises:
        StartError: there is none, or it is not up to date.
        DatabaseError: it cannot be opened.
    """
    file = database_file(settings.database_url)
    if file is not None and not file.exists():  # to open it would make it
        raise StartError(f"There is no database at {file.absolute()}. Is this the folder that the bot runs in?")
    async with open_database(settings.database_url) as database:
        if waiting := await pending_migrations(database):
            raise StartError(f"The database is not up to date: `migrate`, or the next `run`, applies {waiting[0]}.")
        yield database


def budgets(database: Database, settings: Settings) -> Budgets:
    """Return the use cases; the running bot hears of a change by looking at the database."""
    return Budgets(database, Signals(), settings, clock=_now)


def where(guild_id: int, channel_id: int) -> str:
    """Return what a pause covers. Raises StartError for a channel of no server."""
    if not guild_id and channel_id:
        raise StartError("A channel is one of a server's: give --server as well.")
    if not guild_id:
        return "everything"
    return f"channel {channel_id} of server {guild_id}" if channel_id else f"server {guild_id}"


# How it stands -------------------------------------------------------------------------------------------------------


async def status(database: Database, settings: Settings) -> list[str]:
    """Return how the bot stands, one fact a line."""
    stopped, counts, (holds, held), limits = await database.read(_status, settings.terms, _now())
    return [
        *([_paused(pause) for pause in stopped] or ["paused: nothing"]),
        f"queued: {counts.queued}",
        f"in flight: {counts.in_flight}",
        f"held: {dollars(held)} in {holds} holds",
        *(_spent(standing) for standing in limits),
        f"Runware's balance: {await _balance(settings)}",
    ]


async def _status(tx: Tx, terms: Terms, now: int) -> tuple[list[Pause], jobs.Counts, tuple[int, int], list[Standing]]:
    return (
        await pauses.all_of_them(tx),
        await jobs.counts(tx),
        await ledger.open_holds(tx),
        await alerts.ceilings(tx, alerts.ALL_SERVERS, terms, now),
    )


def _paused(pause: Pause) -> str:
    since = datetime.fromtimestamp(pause.paused_at / 1000, UTC)
    return f"paused: {where(pause.guild_id, pause.channel_id)}, since {since:%Y-%m-%d %H:%M} UTC: {pause.reason}"


def _spent(standing: Standing) -> str:
    allowance = standing.allowance
    held = f", {dollars(standing.held)} held" if allowance.measure is Measure.MONEY else ""
    return f"spent by all: {amount(allowance.measure, standing.spent)} of {limit(allowance)}{held}"


async def _balance(settings: Settings) -> str:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        key = settings.runware_api_key.get_secret_value()
        runware = RunwareClient(session, url=settings.runware_url, api_key=key, retries=0)
        try:
            balance = await runware.balance()
        except RunwareError as error:
            return f"not known, because it could not be asked ({error.code})"
    return "not told" if balance is None else dollars(max(0, balance))


# Whether the books agree ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in the books, one fact a line."""

    agrees: bool
    lines: tuple[str, ...]


async def reconcile(database: Database, settings: Settings, *, days: int | None, tell: Callable[[str], None]) -> Report:
    """Audit the last so many days, or all, and compare them with Runware's figures; ``tell`` hears of each day."""
    now = _now()
    since = None if days is None else books.day_in_utc(now) - days + 1
    audited = await database.read(books.days_to_audit, since, now)
    found = await books.audit(
        database,
        audited,
        settings,
        now,
        tell=lambda day: tell(f"{_date(day)}, day {day - audited.start + 1} of {len(audited)}"),
    )
    compared = [] if settings.runware_key_shared else await books.compare(database, since)
    return Report(
        found.balanced,
        (
            *_audited(found, audited),
            *_came_about(await books.lines(database, audited)),
            *_compared(compared, shared=settings.runware_key_shared),
        ),
    )


def _audited(found: Audit, days: range) -> list[str]:
    head = f"audited {len(days)} days, {_date(days[0])} to {_date(days[-1])} in UTC" if days else "the ledger is empty"
    if found.balanced:
        return [head, "every counter is what the ledger adds up to, and no hold has outlived its deadline"]
    return [head, *(f"DIFFERENCE  {sentence}" for sentence in found.sentences())]


def _came_about(lines: Lines) -> list[str]:
    return [
        f"spent in these days: {dollars(lines.spent)}",
        f"  late, after the hold had ended: {dollars(lines.late)}",
        f"  above the hold: {dollars(lines.overshoot)}",
        f"  booked at the estimate, because Runware told no cost: {dollars(lines.guessed)}",
    ]


def _compared(compared: list[Compared], *, shared: bool) -> list[str]:
    if shared:
        return ["RUNWARE_KEY_SHARED is true: Runware's figures hold what others took, so they are not compared"]
    if not compared:
        return ["Runware's figures are not known for a whole day yet: a running bot writes them down once a day"]
    return [
        "by whole days, from the first look of a day in UTC to that of the next:",
        *(
            f"  {_date(one.first_day)} to {_date(one.until_day)}: ours {_exact(one.ours)}, "
            f"Runware's {_exact(one.theirs)}, difference {_exact(one.difference)}"
            for one in compared
        ),
        "  (an edit that runs while Runware is asked counts in different days; the next day's difference makes up for it)",
    ]


def _date(day: int) -> str:
    return date.fromordinal(day).isoformat()


def _exact(micros: int) -> str:
    """Write micro-dollars to the last of them."""
    return f"{'-' if micros < 0 else ''}${Decimal(abs(micros)) / MICROS_PER_DOLLAR:.6f}"


def _now() -> int:
    return time.time_ns() // 1_000_000
