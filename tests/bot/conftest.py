"""A desk at which edits go through their life, and an office that looks after the money, on a clock that tests move."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC
from typing import Any

import pytest

from bot import books, orders, outcomes
from bot.alerts import AlertBox
from bot.bookkeeping import Bookkeeper
from bot.budgets import Budgets
from bot.metrics import Metrics
from bot.outcomes import Rules, Taken
from bot.settings import Settings
from bot.signals import Signals
from storage import accounts, alerts, announcements, jobs, ledger, quarters, results
from storage.alerts import Alert
from storage.allowances import Terms
from storage.database import Database, Tx
from storage.jobs import Reconciled
from storage.quarters import Use
from storage.records import (
    Allowance,
    Asker,
    EditRequest,
    EntryKind,
    Job,
    Measure,
    Outcome,
    Place,
    Reference,
    Result,
    Scope,
    Status,
    Success,
)
from storage.windows import Window

START = 1_900_022_400_000
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
TERMS = Terms(
    *((Allowance(scope, Measure.MONEY, 10**9, Window.daily()),) for scope in (Scope.MEMBER, Scope.SERVER, Scope.BOT))
)
RULES = Rules(
    result_hosts=frozenset({"im.runware.ai"}),
    cost_per="item",
    error_settle=10 * SECOND,
    expire=30 * MINUTE,
    late=24 * HOUR,
    cost_pending=24 * HOUR,
    late_poll=MINUTE,
)


class Desk:
    """One edit after another, at the units of work that the loops drive, on a clock that the test moves."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = START
        self.rules = RULES

    async def ask(self, images: int = 1, user_id: int = 1) -> Job:
        """Ask for an edit; its hold is on every allowance."""
        request = EditRequest("a hat", (Reference("a" * 64, 512, 512, "cat.png"),), 1024, 768, 7, images)
        order = orders.Order(Asker(10, user_id), Place(100, 200), request, str(uuid.uuid4()), TERMS, self.now)
        return await self.database.run(orders.request, order)

    async def post(self, images: int = 1, user_id: int = 1) -> Job:
        """Ask for an edit, and commit that it is about to be posted."""
        await self.ask(images, user_id)
        job = await self.database.run(
            jobs.claim_next, in_flight_limit=9, now=self.now, poll_at=self.now + 40 * SECOND, card_interval=0
        )
        assert job is not None
        return job

    async def submit(self, images: int = 1) -> Job:
        """Ask for an edit, post it, and hear that Runware has it."""
        job = await self.post(images)
        assert await self.database.run(outcomes.accept, job.id, self.now, self.now + 2 * SECOND)
        return await self.job(job)

    async def deliver(self, job: Job, *said: Outcome) -> Taken:
        return await self.database.run(
            outcomes.take_delivery, job.task_uuid, said, self.now, self.now + 10 * SECOND, self.rules
        )

    async def poll(self, job: Job, *said: Outcome) -> Taken:
        """Ask now whatever the clock says; the job must still be one that is asked for."""
        asked = await self.asked(job)
        assert asked is not None, "nobody asks for this job any more"
        return await self.database.run(outcomes.take_poll, asked, said, self.now, self.now + 5 * SECOND, self.rules)

    async def asked(self, job: Job) -> Reconciled | None:
        due = await self.database.read(jobs.to_poll, 2 * START, 100)
        return next((asked for asked in due if asked.job.id == job.id), None)

    async def next_poll(self) -> int | None:
        return await self.database.read(jobs.next_poll)

    async def job(self, job: Job) -> Job:
        return await self.database.read(jobs.known, job.id)

    async def status(self, job: Job) -> Status:
        return (await self.job(job)).status

    async def costs(self, job: Job) -> list[int | None]:
        return [result.cost for result in await self.database.read(results.of_job, job.id)]

    async def results(self, job: Job) -> list[Result]:
        return await self.database.read(results.of_job, job.id)

    async def copied(self, result: Result) -> None:
        """A copy of the picture was made."""
        await self.database.run(results.copied, result.id, "b" * 64, "image/jpeg", (1024, 768))

    async def lines(self, job: Job) -> list[tuple[EntryKind, int, int]]:
        """What the ledger says after the hold."""
        entries = await self.database.read(ledger.of_job, job.id)
        assert (entries[0].kind, entries[0].held) == (EntryKind.HOLD, job.hold)
        return [(entry.kind, entry.held, entry.spent) for entry in entries[1:]]

    async def used(self, scope: Scope) -> tuple[int, int]:
        """What is held and spent today."""
        holder = {Scope.MEMBER: (10, 1), Scope.CHANNEL: (10, 100), Scope.SERVER: (10, 0), Scope.BOT: (0, 0)}[scope]

        async def look(tx: Tx) -> tuple[int, int]:
            account = await accounts.find(tx, scope, *holder)
            use = Use() if account is None else await quarters.used(tx, account, Window.daily().at(START, UTC))
            return use.held, use.spent

        return await self.database.read(look)

    async def shown(self, job: Job) -> None:
        """Everything about the job as it stands is in Discord."""
        for result in await self.database.read(results.of_job, job.id):
            await self.database.run(results.lost, result.id, "gone")
        for said in await self.database.run(announcements.plan, job.id, await self.status(job)):
            await self.database.run(announcements.posted, job.id, said.index, 300, 400 + said.index, self.now)
        await self.database.run(announcements.shown, job.id, (await self.job(job)).version, self.now)

    @staticmethod
    def picture(job: Job, name: str = "one", cost: int | None = 100, host: str = "im.runware.ai") -> Success:
        return Success(job.task_uuid, name, f"https://{host}/{name}.jpg", 7, cost)

    @staticmethod
    def settled(hold: int, cost: int) -> list[tuple[EntryKind, int, int]]:
        """What the ledger says after a hold that was settled on a cost below it."""
        return [(EntryKind.SETTLE, -hold, cost)]


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


class Office:
    """A bookkeeper on the desk's database and clock, and what came of its work."""

    def __init__(self, desk: Desk, **settings: Any) -> None:
        self.desk = desk
        self.database = desk.database
        given: dict[str, Any] = {"discord_token": "x", "runware_api_key": "x", "allowed_guilds": "10"}
        self.settings = Settings(**{**given, "server_daily_usd": 100, "bot_daily_usd": 100, **settings})
        self.signals, self.metrics = Signals(), Metrics()
        self.budgets = Budgets(self.database, self.signals, self.settings, clock=self.clock)
        self.restart()

    def clock(self) -> int:
        return self.desk.now

    def restart(self) -> None:
        """The bot starts anew: it remembers nothing but what the database holds."""
        self.bookkeeper = Bookkeeper(self.database, self.signals, self.metrics, self.settings, clock=self.clock)
        self.box = AlertBox(self.database, self.signals.alerts, self.settings, clock=self.clock)

    async def tick(self) -> None:
        await self.bookkeeper.tick()

    async def audit(self) -> None:
        """Let the day's audit come due, and do it."""
        await self.tick()
        self.desk.now += 20 * MINUTE
        await self.tick()

    async def spend(self, cost: int, user_id: int = 1) -> Job:
        """Have an edit cost so many micro-dollars."""
        job = await self.desk.post(user_id=user_id)
        await self.desk.poll(job, self.desk.picture(job, cost=cost))
        return await self.desk.job(job)

    async def to_post(self) -> list[Alert]:
        """Return what is to be posted, and count it as posted."""
        found = await self.database.read(alerts.to_post)
        for alert in found:
            await self.database.run(alerts.posted, alert.id, self.desk.now)
        return found

    async def told(self) -> list[tuple[int, int]]:
        """Return the servers and the percents of what is to be posted, and count it as posted."""
        await self.tick()
        return [(alert.guild_id, alert.facts["percent"]) for alert in await self.to_post()]

    async def open_holds(self) -> int:
        return await self.database.read(_open_holds)

    async def check_books(self) -> None:
        """The counters are what the ledger adds up to."""
        days = await self.database.read(books.days_to_audit, None, self.desk.now)
        found = await books.audit(self.database, days, self.settings, self.desk.now)
        assert found.differences == ()


async def _open_holds(tx: Tx) -> int:
    return len(await tx.fetch_all("SELECT job_id FROM holds WHERE ended_at IS NULL"))


@pytest.fixture
def office_of(desk: Desk) -> Callable[..., Office]:
    def office(**settings: Any) -> Office:
        return Office(desk, **settings)

    return office


@pytest.fixture
def office(desk: Desk) -> Office:
    return Office(desk)
