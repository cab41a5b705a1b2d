"""A desk at which edits go through their life, at the units of work that the loops drive."""

from __future__ import annotations

import uuid

import pytest

from bot import edits, outcomes, quota
from bot.outcomes import Rules, Taken
from storage import accounts, allowances, announcements, jobs, ledger, results
from storage.database import Database, Tx
from storage.jobs import Reconciled
from storage.records import (
    Asker,
    EditRequest,
    EntryKind,
    Job,
    Outcome,
    Place,
    Reference,
    Result,
    Scope,
    Status,
    Success,
)

START = 1_900_022_400_000
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
LIMITS = dict.fromkeys(Scope, 10**9)
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
        return await self.database.run(
            edits._request,
            Asker(10, user_id),
            Place(100, 200),
            request,
            str(uuid.uuid4()),
            quota.upper_bound(request),
            LIMITS,
            self.now,
        )

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
        named = {Scope.MEMBER: (10, 1), Scope.SERVER: (10, 0), Scope.BOT: (0, 0)}[scope]

        async def look(tx: Tx) -> tuple[int, int]:
            account = await accounts.find(tx, scope, *named)
            allowance = await allowances.look(tx, account, scope, LIMITS, START)
            return allowance.held, allowance.spent

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
