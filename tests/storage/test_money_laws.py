"""Whatever members, Runware and the clock do, in any order: the books balance, and each hold ends once, with its job."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from bot import edits, outcomes, quota
from bot.outcomes import Rules
from storage import allowances, jobs
from storage.allowances import DAY, AllowanceExceeded
from storage.database import Database, Row, Tx, migrate, open_database
from storage.records import MOVES, OVER, Asker, EditRequest, Failure, Job, Outcome, Place, Processing, Status, Success

P = ParamSpec("P")
T = TypeVar("T")

START = 1_900_022_400_000
MINUTE = 60_000
#: A hold of one result is about 0.02 USD: a member fits two or three, two members fill a server, three the bot.
LIMITS = dict(zip(allowances.Scope, (60_000, 90_000, 120_000), strict=True))
RULES = Rules(
    result_hosts=frozenset({"im.runware.ai"}),
    cost_per="item",
    error_settle=10_000,
    expire=30 * MINUTE,
    late=DAY,
    cost_pending=DAY,
    late_poll=MINUTE,
)


def _reachable() -> dict[Status, set[Status]]:
    """For each status, those that a job may stand in later."""
    after = {source: {to for to, sources in MOVES.items() if source in sources} for source in Status}
    for _ in Status:
        after = {source: later | {last for to in later for last in after[to]} for source, later in after.items()}
    return after


REACHABLE = _reachable()


@dataclass(frozen=True)
class Books:
    """Everything in the books at one moment."""

    jobs: dict[int, Row]
    holds: dict[int, Row]
    ledger: list[Row]
    #: What each allowance has held and spent over all its hours, with the account it is of.
    counters: list[Row]
    costs: dict[int, dict[str, int | None]]

    @classmethod
    async def read(cls, tx: Tx) -> Books:
        costs: dict[int, dict[str, int | None]] = defaultdict(dict)
        for row in await tx.fetch_all("SELECT job_id, image_uuid, cost FROM results"):
            costs[row["job_id"]][row["image_uuid"]] = row["cost"]
        counted = """
            SELECT accounts.id, accounts.scope, accounts.guild_id, CAST(sum(held) AS BIGINT) AS held,
                CAST(sum(spent) AS BIGINT) AS spent
            FROM allowance_hours JOIN allowances ON allowances.id = allowance_id JOIN accounts ON accounts.id = account_id
            GROUP BY accounts.id, accounts.scope, accounts.guild_id
        """
        return cls(
            {row["id"]: row for row in await tx.fetch_all("SELECT * FROM jobs")},
            {row["job_id"]: row for row in await tx.fetch_all("SELECT * FROM holds")},
            await tx.fetch_all("SELECT * FROM ledger ORDER BY id"),
            await tx.fetch_all(counted),
            costs,
        )

    def lines(self, **columns: Any) -> list[Row]:
        return [line for line in self.ledger if all(line[name] == value for name, value in columns.items())]


#: A picture of a job, by its number, what it costs, and the host it is at.
pictures = st.tuples(st.integers(0, 2), st.sampled_from(["cheap", "cheap", "absent", "all", "above"]), st.just("im"))
foreign = st.tuples(st.integers(0, 2), st.just("cheap"), st.just("evil"))
few = st.sampled_from([0, 0, 0, 1, 2])


class Money(RuleBasedStateMachine):
    """Members ask and cancel, the loops claim and accept, Runware delivers and answers, and time goes by."""

    asked: Bundle[Job] = Bundle("asked")

    def __init__(
        self, runner: asyncio.Runner, database: Database, empty: Callable[[Database], Awaitable[None]]
    ) -> None:
        super().__init__()
        self.runner = runner
        self.database = database
        self.now = START
        runner.run(_wait(empty(database)))
        self.books = self.look()

    def run(self, unit: Callable[Concatenate[Tx, P], Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.runner.run(_wait(self.database.run(unit, *args, **kwargs)))

    def look(self) -> Books:
        return self.runner.run(_wait(self.database.read(Books.read)))

    # What happens ----------------------------------------------------------------------------------------------------

    @rule(
        target=asked,
        user_id=st.integers(1, 3),
        guild_id=st.sampled_from([10, 10, 11]),
        images=st.integers(1, 3),
        sent=st.sampled_from([True, True, False]),
    )
    def request(self, user_id: int, guild_id: int, images: int, sent: bool) -> Any:
        asker, request = Asker(guild_id, user_id), EditRequest("a hat", (), 1024, 768, 7, images)
        hold = quota.upper_bound(request)
        try:
            job = self.run(edits._request, asker, Place(100, 200), request, str(uuid.uuid4()), hold, LIMITS, self.now)
        except AllowanceExceeded:
            assert (self.look().ledger, self.look().jobs) == (self.books.ledger, self.books.jobs)
            return multiple()
        view = self.run(edits._quota, asker, LIMITS, self.now)
        assert all(one.held + one.spent <= one.limit for one in (view.member, view.server, view.bot))
        if sent:
            self.claim()
        return job

    @rule()
    def claim(self) -> None:
        self.run(jobs.claim_next, in_flight_limit=9, now=self.now, poll_at=self.now, card_interval=0)

    @rule(job=asked, what=st.sampled_from(["accept", "cancel", "refuse", "unanswered"]))
    def interrupt(self, job: Job, what: str) -> None:
        if what == "accept":
            self.run(outcomes.accept, job.id, self.now, self.now)
        elif what == "cancel":
            self.run(edits._cancel, job.id, self.now, 0)
        elif what == "unanswered":
            if self.books.jobs[job.id]["poll_at"] is not None:
                self.run(outcomes.take_silence, job.task_uuid, self.now, self.now, RULES)
        elif self.books.jobs[job.id]["status"] == "submitting":
            self.run(outcomes.fail, job.id, "busy", self.now)

    @rule(job=asked, said=st.lists(pictures | pictures | foreign, min_size=1, max_size=4), failures=few, times=few)
    def deliver(self, job: Job, said: list[tuple[int, str, str]], failures: int, times: int) -> None:
        for _ in range(times + 1):
            self.run(outcomes.take_delivery, job.task_uuid, self.heard(job, said, failures), self.now, self.now, RULES)

    @rule(job=asked, said=st.lists(pictures, max_size=3), failures=few, working=st.booleans())
    def poll(self, job: Job, said: list[tuple[int, str, str]], failures: int, working: bool) -> None:
        news = [*self.heard(job, said, failures), *[Processing(job.task_uuid)] * working]
        for asked in self.run(jobs.to_poll, START * 2, 100):
            if asked.job.id == job.id:
                self.run(outcomes.take_poll, asked, news, self.now, self.now, RULES)

    @rule(job=asked, said=st.lists(pictures, max_size=1), minutes=st.sampled_from([1, 31, 600, DAY // MINUTE]))
    def poll_later(self, job: Job, said: list[tuple[int, str, str]], minutes: int) -> None:
        self.now += minutes * MINUTE
        self.poll(job, said, 0, False)

    def heard(self, job: Job, said: list[tuple[int, str, str]], failures: int) -> list[Outcome]:
        costs = {"cheap": 1_000, "absent": None, "all": job.hold, "above": job.hold + 7_000}
        return [
            *(Success(job.task_uuid, str(n), f"https://{host}.runware.ai/{n}.jpg", 7, costs[c]) for n, c, host in said),
            *[Failure(None, "provider", "")] * failures,
        ]

    # What must hold --------------------------------------------------------------------------------------------------

    @invariant()
    def everything_follows_from_what_was(self) -> None:
        before, self.books = self.books, self.look()
        assert self.books.ledger[: len(before.ledger)] == before.ledger, "the ledger only grows"
        for job_id, job in before.jobs.items():
            was, now = Status(job["status"]), Status(self.books.jobs[job_id]["status"])
            assert now is was or now in REACHABLE[was], f"{was} -> {now}"
        for job_id, costs in before.costs.items():
            assert {name: cost or self.books.costs[job_id][name] for name, cost in costs.items()}.items() <= (
                self.books.costs[job_id].items()
            ), "a picture stays, and so does its cost"

    @invariant()
    def every_counter_is_what_the_ledger_adds_up_to(self) -> None:
        for counter in self.books.counters:
            scopes = {
                "member": {"account_id": counter["id"]},
                "server": {"guild_id": counter["guild_id"]},
                "bot": {},
            }
            lines = self.books.lines(**scopes[counter["scope"]])
            counted = (sum(line["held"] for line in lines), sum(line["spent"] for line in lines))
            assert (counter["held"], counter["spent"]) == counted, counter["scope"]
        assert len([1 for counter in self.books.counters if counter["scope"] == "bot"]) == bool(self.books.ledger)

    @invariant()
    def each_hold_ends_once_and_exactly_with_its_job(self) -> None:
        for job_id, job in self.books.jobs.items():
            hold, costs = self.books.holds[job_id], self.books.costs.get(job_id, {}).values()
            pending = job["status"] == "succeeded" and hold["ended_at"] is None
            assert (hold["ended_at"] is not None) == (Status(job["status"]) in OVER and not pending)
            assert (job["settled_at"] is None) == (hold["ended_at"] is None)
            assert not pending or None in costs
            kinds = [line["kind"] for line in self.books.lines(job_id=job_id)]
            assert kinds[0] == "hold"
            assert max(kinds.count(kind) for kind in ("hold", "settle", "release")) == 1
            held = sum(line["held"] for line in self.books.lines(job_id=job_id))
            assert held == (0 if hold["ended_at"] is not None else job["hold"])

    @invariant()
    def a_job_costs_what_the_ledger_says_and_what_its_pictures_cost(self) -> None:
        for job_id, job in self.books.jobs.items():
            lines, costs = self.books.lines(job_id=job_id), list(self.books.costs.get(job_id, {}).values())
            assert (job["cost"] or 0) == sum(line["spent"] for line in lines)
            assert all(line["account_id"] != job["account_id"] for line in lines if line["kind"] == "adjust")
            if job["settled_at"] is not None and not job["estimated"]:
                assert (job["cost"] or 0) == quota.known_cost(costs, "item")
            assert bool(job["estimated"]) == any(line["estimated"] for line in lines)
            if job["status"] == "expired":
                assert costs == []

    @invariant()
    def a_job_over_that_still_lacks_something_is_asked_for_and_no_settled_one_is(self) -> None:
        for job_id, job in self.books.jobs.items():
            lacking = job["status"] == "succeeded" and job["settled_at"] is None
            if lacking or job["status"] in {"submitting", "submitted"}:
                assert job["poll_at"] is not None
            if job["status"] in {"queued", "cancelled"}:
                assert job["poll_at"] is None
            costs = self.books.costs.get(job_id, {}).values()
            nothing_to_come = len(costs) >= job["wanted"] or job["error_code"] is not None
            if job["status"] == "succeeded" and None not in costs and nothing_to_come:
                assert job["poll_at"] is None


async def _wait(awaited: Awaitable[T]) -> T:
    return await awaited


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def test_money_keeps_its_laws_whatever_happens(
    runner: asyncio.Runner, migrated_url: str, empty: Callable[[Database], Awaitable[None]]
) -> None:
    examples = 40 if migrated_url.startswith("sqlite") else 8
    stack = AsyncExitStack()
    database = runner.run(_wait(stack.enter_async_context(open_database(migrated_url))))
    try:
        runner.run(_wait(migrate(database)))
        run_state_machine_as_test(
            partial(Money, runner, database, empty),  # pyright: ignore[reportArgumentType] - any factory will do
            settings=settings(
                max_examples=examples,
                stateful_step_count=30,
                deadline=None,
                database=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
            ),
        )
    finally:
        runner.run(stack.aclose())
