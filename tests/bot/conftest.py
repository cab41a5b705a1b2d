"""What use cases are tested at, each on a clock that tests move.

A desk at which edits go through their life, an office that looks after the money, and a studio: a thread in which
several people edit together.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC
from pathlib import Path
from typing import Any, Final

import pytest

from bot import books, orders, outcomes
from bot.alerts import AlertBox
from bot.bookkeeping import Bookkeeper
from bot.budgets import Budgets
from bot.claims import Claims
from bot.consents import Consents
from bot.edits import Edits
from bot.errors import EditError
from bot.gallery import Gallery
from bot.house import Houses
from bot.lineage import Lineage
from bot.metrics import Metrics
from bot.outcomes import Rules, Taken
from bot.pictures import Pictures
from bot.rounds import Rounds
from bot.sessions import Sessions
from bot.settings import Settings
from bot.signals import Signals
from storage import accounts, alerts, announcements, grants, jobs, ledger, quarters, results
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
    Round,
    Scope,
    Session,
    Status,
    Success,
)
from storage.windows import Stretch, Window

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


class Studio:
    """Three people and a moderator in a thread whose session is Ana's, at the use cases."""

    ANA: Final = Asker(10, 1, frozenset([10]))
    BO: Final = Asker(10, 2, frozenset([10]))
    CY: Final = Asker(10, 3, frozenset([10, 70]))
    MODERATOR: Final = Asker(10, 8, frozenset([10]), moderates=True)
    #: Somebody of another server.
    STRANGER: Final = Asker(11, 1, frozenset([11]))
    THREAD: Final = 200
    PLACE: Final = Place(100, 300, THREAD)
    ELSEWHERE: Final = Place(100, 301)

    def __init__(self, database: Database, store: Pictures) -> None:
        self.database = database
        self.store = store
        self.now = START
        self.signals = Signals()
        limits = dict.fromkeys(("member_daily_usd", "server_daily_usd", "bot_daily_usd"), 100)
        given: dict[str, Any] = {"discord_token": "x", "runware_api_key": "x", "allowed_guilds": "10,11", **limits}
        self.settings = Settings(**given)
        self.restart()

    def clock(self) -> int:
        return self.now

    def restart(self) -> None:
        """The bot starts anew: it remembers nothing but what the database holds."""
        settings, signals = self.settings, self.signals
        self.budgets = Budgets(self.database, signals, settings, clock=self.clock)
        self.edits = Edits(self.database, self.store, signals, Metrics(), settings, clock=self.clock)
        self.sessions = Sessions(self.database, signals, clock=self.clock)
        self.lineage = Lineage(self.database, clock=self.clock)
        self.claims = Claims(self.database, signals, clock=self.clock)
        self.gallery = Gallery(self.database, signals, settings, clock=self.clock)
        self.rounds = Rounds(self.database, self.store, signals, settings, clock=self.clock)
        self.houses = Houses(self.database, clock=self.clock)
        self.consents = Consents(self.database, signals, clock=self.clock)

    @staticmethod
    def request(*sources: Result, prompt: str = "a hat", images: int = 1) -> EditRequest:
        """Return a request: of the first result as its parent, with the others beside it, or of somebody's own picture."""
        references = [
            Reference(source.sha256 or "", 1024, 768, source.short_id, result_id=source.id) for source in sources
        ] or [Reference("a" * 64, 512, 512, "cat.png")]
        parent_id = sources[0].id if sources else None
        return EditRequest(prompt, tuple(references), 1024, 768, 7, images, parent_id=parent_id)

    async def ask(self, asker: Asker = ANA, *sources: Result, place: Place = PLACE, images: int = 1) -> Job:
        return await self.edits.request(asker, place, self.request(*sources, images=images))

    async def finish(self, job: Job, cost: int = 100) -> list[Result]:
        """Have Runware make the pictures of a job, each of which is copied."""
        assert await self.database.run(jobs.move, job.id, Status.SUBMITTING, self.now, poll_at=self.now)
        names = [f"{job.id}-{number}" for number in range(job.request.results)]
        said = [Success(job.task_uuid, name, f"https://im.runware.ai/{name}.jpg", 7, cost) for name in names]
        await self.edits.record(job.task_uuid, said)
        for result in await self.edits.results(job.id):
            sha256 = await self.store.put(f"picture {result.id}".encode())
            await self.database.run(results.copied, result.id, sha256, "image/jpeg", (1024, 768))
        return await self.edits.results(job.id)

    async def make(self, asker: Asker = ANA, *sources: Result, place: Place = PLACE) -> Result:
        """Ask for an edit and have its picture made."""
        (result,) = await self.finish(await self.ask(asker, *sources, place=place))
        return result

    async def open_round(self, result: Result, quorum: int = 2) -> Round:
        """Have Ana open a round about a result, for five minutes."""
        return await self.rounds.open(self.ANA, self.PLACE, result.id, minutes=5, quorum=quorum)

    async def propose(self, opened: Round, asker: Asker, *voters: Asker, prompt: str | None = None) -> int:
        """Have somebody propose a prompt and others vote for it; returns the proposal's id."""
        view = await self.rounds.propose(asker, opened.id, prompt or f"a crown for {asker.user_id}")
        (made,) = [one.id for one in view.proposals if one.user_id == asker.user_id]
        for voter in voters:
            await self.rounds.vote(voter, opened.id, made)
        return made

    async def session(self) -> Session:
        return await self.sessions.of_thread(10, self.THREAD)

    async def jobs(self) -> list[Job]:
        """Every job there is, in the order they were asked for."""
        return await self.database.read(_all_jobs)

    async def fund(self, amount: int) -> None:
        """Have a manager put money into the thread's pool."""
        await self.budgets.grant(self.MODERATOR, Scope.THREAD, self.THREAD, amount)

    async def pool(self) -> tuple[int, int, int]:
        """What the pool has left, holds and has spent."""
        found = await self.database.read(grants.pool, 10, self.THREAD)
        return sum(one.left for one in found), sum(one.held for one in found), sum(one.spent for one in found)

    async def used(self, asker: Asker) -> tuple[int, int]:
        """What is held and spent of a member's own allowance."""

        async def look(tx: Tx) -> tuple[int, int]:
            account = await accounts.find(tx, Scope.MEMBER, asker.guild_id, asker.user_id)
            use = await quarters.used(tx, account or 0, Stretch(0, 2 * START))
            return use.held, use.spent

        return await self.database.read(look)

    async def refusal(self, asked: Awaitable[object], by: type[EditError]) -> str:
        """The sentence of a refusal, which has changed nothing at all."""
        before = await self._everything()
        with pytest.raises(by) as refused:
            await asked
        assert await self._everything() == before
        return str(refused.value)

    async def _everything(self) -> dict[str, list[str]]:
        return await self.database.read(_every_row, self.database.engine)

    async def check_books(self) -> None:
        """The counters are what the ledger adds up to."""
        days = await self.database.read(books.days_to_audit, None, self.now)
        found = await books.audit(self.database, days, self.settings, self.now)
        assert found.differences == ()


async def _every_row(tx: Tx, engine: str) -> dict[str, list[str]]:
    tables = {
        "sqlite": "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        "postgres": "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'",
    }
    names = [row["name"] for row in await tx.fetch_all(tables[engine])]
    return {name: sorted(repr(dict(row)) for row in await tx.fetch_all(f"SELECT * FROM {name}")) for name in names}


async def _all_jobs(tx: Tx) -> list[Job]:
    return [await jobs.known(tx, row["id"]) for row in await tx.fetch_all("SELECT id FROM jobs ORDER BY id")]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[Pictures]:
    """An empty picture store."""
    async with Pictures(tmp_path / "pictures", min_free=0) as store:
        yield store


@pytest.fixture
def studio(database: Database, store: Pictures) -> Studio:
    return Studio(database, store)
