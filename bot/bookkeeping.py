"""What looks after the money when nobody does: ends what has lived too long, raises alerts, audits the books.

The bookkeeper reads and writes the database only; the watch of Runware's account asks Runware, which may take its time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from bot import alerts, books
from bot.edits import APPROVAL_LIFE, OFFER_LIFE, PAUSE_LIFE, PAUSED, UNAPPROVED
from bot.metrics import Metrics
from bot.runware.client import RunwareClient
from bot.runware.errors import RunwareError
from bot.settings import Settings
from bot.signals import Signals
from storage import grants, jobs, ledger, memory, offers, pauses, sweeps
from storage.alerts import AlertKind, raise_once
from storage.books import statements, take_statement
from storage.database import Database, Tx
from storage.records import Job, Status

log = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 5.0
_ACCOUNT_SECONDS: Final = 600.0
#: So long after the first look of a day its audit waits, in milliseconds: after a long stop, or a leap of the clock,
#: the loops first end what is overdue, which would look forgotten until then.
_AUDIT_DELAY: Final = 900_000
#: Late costs and pools change days that were audited before, so that many are audited again.
_DAYS_AGAIN: Final = 35
_AUDITED: Final = "day of the last audit"
#: An alert about the books names so many of the differences.
_NAMED: Final = 5


class Bookkeeper:
    """Ends what has lived too long, tells owners what they have to know, and audits the books once a day."""

    def __init__(
        self,
        database: Database,
        signals: Signals,
        metrics: Metrics,
        settings: Settings,
        *,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._signals = signals
        self._metrics = metrics
        self._settings = settings
        self._terms: Final = settings.terms
        self._clock = clock
        #: What was reached of each server's limits at the last look, so that nothing is written while that stays so.
        self._seen: dict[int, frozenset[str]] = {}
        #: The day that waits for its audit, and since when.
        self._to_audit: tuple[int, int] | None = None

    async def run(self) -> None:
        """Keep the books without end."""
        while True:
            await self.tick()
            await asyncio.sleep(_LOOK_SECONDS)

    async def tick(self) -> None:
        """Do what is due now. Where nothing is, this only reads."""
        await self._cancel_overdue()
        await self._end_grants()
        await self._sweep_offers()
        await self._watch_limits()
        await self._audit_daily()

    async def _cancel_overdue(self) -> None:
        now, read = self._clock(), self._database.read
        while await read(jobs.waiting_since, now - APPROVAL_LIFE) and await self._cancel(_cancel_unapproved, now):
            pass
        while await read(pauses.overdue, now - PAUSE_LIFE) and await self._cancel(_cancel_paused, now):
            pass

    async def _cancel(self, unit: Callable[[Tx, int, int], Coroutine[Any, Any, list[Job]]], now: int) -> bool:
        """Cancel a batch of jobs; returns whether there were some."""
        cancelled = await self._database.run(unit, now, int(self._settings.card_interval_seconds * 1000))
        for job in cancelled:
            log.info("job %d was cancelled: it waited for too long", job.id, extra={"job_id": job.id})
        if cancelled:
            self._signals.notices.set()
        return bool(cancelled)

    async def _end_grants(self) -> None:
        now = self._clock()
        while await self._database.read(grants.expired, now):
            ended = await self._database.run(_end_expired, now)
            log.info("%d bonuses and parts of pools have expired", ended)

    async def _sweep_offers(self) -> None:
        made_by = self._clock() - OFFER_LIFE
        oldest = await self._database.read(offers.oldest)
        if oldest is not None and oldest <= made_by:
            await self._database.run(offers.sweep, made_by)
        while await self._database.read(sweeps.asked_by, made_by):
            await self._database.run(_forget_unanswered, made_by)

    async def _watch_limits(self) -> None:
        now = self._clock()
        for guild_id in (alerts.ALL_SERVERS, *sorted(self._settings.allowed_guilds)):
            standings = await self._database.read(alerts.ceilings, guild_id, self._terms, now)
            reached = [one for one in standings if alerts.reached(one)]
            keys = frozenset(alerts.key(guild_id, one, step, now) for one in reached for step in alerts.reached(one))
            if keys == self._seen.get(guild_id):
                continue
            for standing in reached:
                if await self._database.run(alerts.raise_spent, guild_id, standing, now):
                    self._raised(AlertKind.ALLOWANCE)
            self._seen[guild_id] = keys

    async def _audit_daily(self) -> None:
        now = self._clock()
        today = books.day_in_utc(now)
        audited = await self._database.read(memory.get, _AUDITED)
        if audited == str(today):
            return
        if self._to_audit is None or self._to_audit[0] != today:
            self._to_audit = (today, now)
        if now - self._to_audit[1] >= _AUDIT_DELAY:
            await self._audit((today if audited is None else min(int(audited), today)) - _DAYS_AGAIN, today, now)
            await self._database.run(memory.put, _AUDITED, str(today))

    async def _audit(self, since: int, today: int, now: int) -> None:
        days = await self._database.read(books.days_to_audit, since, now)
        found = await books.audit(self._database, days, self._settings, now)
        sentences = found.sentences()
        for sentence in sentences:
            log.error("the books do not balance: %s", sentence)
        if found.balanced:
            return
        facts = {"differences": len(found.differences), "stale": len(found.stale), "first": sentences[:_NAMED]}
        if await self._database.run(raise_once, alerts.ALL_SERVERS, f"books/{today}", AlertKind.BOOKS, facts, now):
            self._raised(AlertKind.BOOKS)

    def _raised(self, kind: AlertKind) -> None:
        self._metrics.alerts.labels(kind).inc()
        self._signals.alerts.set()


class AccountWatch:
    """Asks Runware what is left on the account, and what was taken of it."""

    def __init__(
        self,
        database: Database,
        runware: RunwareClient,
        signals: Signals,
        metrics: Metrics,
        settings: Settings,
        *,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._runware = runware
        self._signals = signals
        self._metrics = metrics
        self._settings = settings
        self._clock = clock
        self._reached = True
        self._told = True

    async def run(self) -> None:
        """Watch without end."""
        while True:
            await self.look()
            await asyncio.sleep(_ACCOUNT_SECONDS)

    async def look(self) -> None:
        """Ask once; an outage is logged when it begins and when it is over."""
        try:
            account = await self._runware.account()
        except RunwareError as error:
            if self._reached:
                log.warning("Runware does not say what is left on the account: %s", error.code)
            self._reached = False
            return
        if not self._reached:
            log.info("Runware says again what is left on the account")
        self._reached = True
        if account.balance is not None:
            await self._heed(account.balance)
        if not self._settings.runware_key_shared:
            await self._take_statement(account.used)

    async def _heed(self, balance: int) -> None:
        self._metrics.balance.set(balance)
        now = self._clock()
        funds = await self._database.read(alerts.funds, balance, now)
        if (funds.low or funds.low_since) and await self._database.run(alerts.raise_low, funds, now):
            self._metrics.alerts.labels(AlertKind.BALANCE).inc()
            self._signals.alerts.set()

    async def _take_statement(self, used: int | None) -> None:
        """Write down, at the first look of a day, what Runware has taken so far beside what we have booked."""
        if used is not None:
            now = self._clock()
            today = books.day_in_utc(now)
            if today not in [taken.day for taken in await self._database.read(statements, 1)]:
                await self._database.run(take_statement, today, used, now)
        elif self._told:
            log.warning("Runware does not say what it has taken, so whole days cannot be compared with ours")
        self._told = used is not None


# units of work -------------------------------------------------------------------------------------------------------


async def _cancel_unapproved(tx: Tx, now: int, card_interval: int) -> list[Job]:
    """Cancel jobs that waited for a manager for too long; returns them as they were."""
    waiting: list[Job] = []
    for job in await jobs.waiting_since(tx, now - APPROVAL_LIFE):
        locked = await jobs.lock_task(tx, job.task_uuid)  # it may be approved at this very moment
        if locked is not None and locked.status is Status.WAITING:
            waiting.append(locked)
    return await _cancel(tx, waiting, UNAPPROVED, now, card_interval)


async def _cancel_paused(tx: Tx, now: int, card_interval: int) -> list[Job]:
    """Cancel queued jobs that a pause has stopped for too long; returns them as they were."""
    # The pause is read in this unit, so whoever resumed before it keeps their jobs.
    return await _cancel(tx, await pauses.overdue(tx, now - PAUSE_LIFE), PAUSED, now, card_interval)


async def _cancel(tx: Tx, found: list[Job], code: str, now: int, card_interval: int) -> list[Job]:
    cancelled = [job for job in found if await jobs.move(tx, job.id, Status.CANCELLED, now, error_code=code)]
    for job in cancelled:
        await ledger.release(tx, job, now)
    if cancelled:
        await jobs.queue_moved(tx, now, card_interval)
    return cancelled


async def _forget_unanswered(tx: Tx, made_by: int) -> None:
    """Take the questions about sweeps away that nobody answered in time."""
    for sweep_id in await sweeps.asked_by(tx, made_by):
        await sweeps.forget(tx, sweep_id)


async def _end_expired(tx: Tx, now: int) -> int:
    """End grants whose time is over; what a sponsor gave and nobody spent returns to them. Returns how many."""
    ended = 0
    for grant_id in await grants.expired(tx, now):
        ended += await ledger.end_grant(tx, grant_id, now) is not None
    return ended
