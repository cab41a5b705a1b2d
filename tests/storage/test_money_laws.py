"""Whatever members, managers, Runware and the clock do, in any order: the books balance, and each hold ends once."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, partial
from itertools import groupby
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from pydantic import SecretStr

from bot import edits, orders, outcomes, quota
from bot.bookkeeping import Bookkeeper
from bot.budgets import Budgets
from bot.edits import APPROVAL_LIFE, OFFER_LIFE, PAUSE_LIFE
from bot.errors import EditError
from bot.metrics import Metrics
from bot.outcomes import Rules
from bot.settings import Settings
from bot.signals import Signals
from storage import books, forgetting, jobs, offers
from storage.allowances import AllowanceExceeded
from storage.database import Database, DatabaseError, Tx, migrate, open_database
from storage.forgetting import Pace, StillAtRunware
from storage.records import (
    MOVES,
    OVER,
    Allowance,
    Asker,
    EditRequest,
    Failure,
    Job,
    Measure,
    Outcome,
    Place,
    Processing,
    Scope,
    Status,
    Success,
)
from storage.windows import DAY, Span, Window, quarter_of, zone_of

P = ParamSpec("P")
T = TypeVar("T")
Line = dict[str, Any]
Empty = Callable[[Database], Awaitable[None]]

START = 1_900_022_400_000
MINUTE = 60_000
#: A hold of one result is 0.016 USD at first: a member fits nine a day, a server and the bot a few more.
SETTINGS = Settings(
    discord_token=SecretStr("token"),
    runware_api_key=SecretStr("key"),
    allowed_guilds=frozenset({10, 11}),
    member_daily_usd=Decimal("0.15"),
    server_daily_usd=Decimal("0.30"),
    bot_daily_usd=Decimal("0.40"),
)
TERMS = SETTINGS.terms
RULES = Rules(
    result_hosts=frozenset({"im.runware.ai"}),
    cost_per="item",
    error_settle=10_000,
    expire=30 * MINUTE,
    late=DAY,
    cost_pending=DAY,
    late_poll=MINUTE,
)
#: The roles of each member, beside everybody's.
ROLES: Final[Mapping[int, tuple[int, ...]]] = {1: (), 2: (70,), 3: (70, 71)}
THREAD = 200
MANAGER = Asker(10, 9)


def member(guild_id: int, user_id: int) -> Asker:
    return Asker(guild_id, user_id, frozenset([guild_id, *ROLES[user_id]]))


def _reachable() -> dict[Status, set[Status]]:
    """For each status, those that a job may stand in later."""
    after = {source: {to for to, sources in MOVES.items() if source in sources} for source in Status}
    for _ in Status:
        after = {source: later | {last for to in later for last in after[to]} for source, later in after.items()}
    return after


REACHABLE = _reachable()

# What is looked at ---------------------------------------------------------------------------------------------------

TABLES = (
    "accounts",
    "account_quarters",
    "allowances",
    "audit",
    "grant_uses",
    "grants",
    "hold_accounts",
    "hold_grants",
    "holds",
    "jobs",
    "ledger",
    "offers",
    "pauses",
    "results",
    "servers",
    "usage",
)


@dataclass(frozen=True)
class Books:
    """Every row at one moment, by table."""

    tables: Mapping[str, list[Line]]

    @classmethod
    async def read(cls, tx: Tx) -> Books:
        return cls(
            {
                table: [
                    {column: row[column] for column in row.keys()}  # noqa: SIM118 - asyncpg's rows iterate over values
                    for row in await tx.fetch_all(f"SELECT * FROM {table} ORDER BY 1, 2, 3, 4")
                ]
                for table in TABLES
            }
        )

    @cached_property
    def jobs(self) -> dict[int, Line]:
        return {row["id"]: row for row in self.tables["jobs"]}

    @cached_property
    def holds(self) -> dict[int, Line]:
        return {row["job_id"]: row for row in self.tables["holds"]}

    @cached_property
    def grants(self) -> dict[int, Line]:
        return {row["id"]: row for row in self.tables["grants"]}

    @cached_property
    def accounts(self) -> dict[int, Line]:
        return {row["id"]: row for row in self.tables["accounts"]}

    @cached_property
    def costs(self) -> dict[int, dict[str, int | None]]:
        costs: dict[int, dict[str, int | None]] = defaultdict(dict)
        for row in self.tables["results"]:
            costs[row["job_id"]][row["image_uuid"]] = row["cost"]
        return costs

    @cached_property
    def ids(self) -> dict[tuple[str, int, int], int]:
        """The account of a scope, a server and whoever holds it."""
        return {(row["scope"], row["guild_id"], row["holder_id"]): row["id"] for row in self.tables["accounts"]}

    @property
    def ledger(self) -> list[Line]:
        return self.tables["ledger"]

    def lines(self, **columns: Any) -> list[Line]:
        return [line for line in self.ledger if all(line[name] == value for name, value in columns.items())]

    def counts_on(self, line: Line, what: str) -> list[int]:
        """The accounts on which the money of a line counts (``held``, ``spent``), or its ``edits`` or ``pictures``."""
        if line["job_id"] is None:
            return [] if line["kind"] == "grant" else [line["account_id"]]
        shared = [self.ids["bot", 0, 0], self.ids["server", line["guild_id"], 0]]
        if line["kind"] == "adjust":
            return shared
        shared.append(self.ids["channel", line["guild_id"], self.jobs[line["job_id"]]["channel_id"]])
        of_a_grant = line["grant_id"] is not None and what in {"held", "spent"}
        return shared if of_a_grant else [*shared, line["account_id"]]

    def drawer(self, line: Line) -> int:
        """Whose use of its grant a line is: all share a pool's."""
        return 0 if self.grants[line["grant_id"]]["scope"] == "thread" else line["account_id"]

    def zone(self, guild_id: int) -> str:
        return next((row["time_zone"] for row in self.tables["servers"] if row["guild_id"] == guild_id), "UTC")


# What must hold ------------------------------------------------------------------------------------------------------


def the_ledger_only_grows_and_no_job_goes_back(was: Books, now: Books) -> None:
    assert now.ledger[: len(was.ledger)] == was.ledger
    for job_id, job in was.jobs.items():
        before, after = Status(job["status"]), Status(now.jobs[job_id]["status"])
        assert after is before or after in REACHABLE[before], f"{before} -> {after}"
    for job_id, costs in was.costs.items():
        kept = {name: cost or now.costs[job_id][name] for name, cost in costs.items()}
        assert kept.items() <= now.costs[job_id].items(), "a picture stays, and so does its cost"


def each_hold_ends_once_and_exactly_with_its_job(was: Books, now: Books) -> None:
    for job_id, job in now.jobs.items():
        hold, costs = now.holds[job_id], now.costs.get(job_id, {}).values()
        pending = job["status"] == "succeeded" and hold["ended_at"] is None
        ended = hold["ended_at"] is not None
        assert ended == (Status(job["status"]) in OVER and not pending)
        assert (job["settled_at"] is None) == (hold["ended_at"] is None)
        assert not pending or None in costs
        lines = now.lines(job_id=job_id)
        # An approval takes the hold back and holds anew; a hold and its end are a line for each that carries a part.
        kinds = "".join(line["kind"][0] for line in lines)
        assert re.fullmatch(r"(h+r+)?h+" + (r"(s+|r+)a*" if ended else ""), kinds), kinds
        parts = [sum(line["held"] for line in part) for kind, part in groupby(lines, _kind) if kind != "adjust"]
        assert parts == [job["hold"], -job["hold"], job["hold"], -job["hold"]][: len(parts)]
        kept: Counter[int | None] = Counter()
        for line in lines:
            kept[line["grant_id"]] += line["held"]
        assert not (ended and _some(kept)), "each part of a hold ends where it was held"
        counted = (sum(line["edits"] for line in lines), sum(line["pictures"] for line in lines))
        if not ended:
            assert counted == (1, job["wanted"])
        elif kinds.rstrip("a").endswith("r"):
            assert counted == (0, 0)
        else:  # those that came after the end count for nobody
            assert counted[0] == 1 <= counted[1] <= min(len(costs), job["wanted"])


def a_job_costs_what_the_ledger_says_and_what_its_pictures_cost(was: Books, now: Books) -> None:
    for job_id, job in now.jobs.items():
        lines, costs = now.lines(job_id=job_id), list(now.costs.get(job_id, {}).values())
        assert (job["cost"] or 0) == sum(line["spent"] for line in lines)
        assert all(now.accounts[line["account_id"]]["scope"] == "server" for line in lines if line["kind"] == "adjust")
        if job["settled_at"] is not None and not job["estimated"]:
            assert (job["cost"] or 0) == quota.known_cost(costs, "item")
        assert bool(job["estimated"]) == any(line["estimated"] for line in lines)
        if job["status"] == "expired":
            assert costs == []


def a_job_that_still_lacks_something_is_asked_for_and_no_settled_one_is(was: Books, now: Books) -> None:
    for job_id, job in now.jobs.items():
        lacking = job["status"] == "succeeded" and job["settled_at"] is None
        if lacking or job["status"] in {"submitting", "submitted"}:
            assert job["poll_at"] is not None
        if job["status"] in {"waiting", "queued", "cancelled"}:
            assert job["poll_at"] is None
        costs = now.costs.get(job_id, {}).values()
        nothing_to_come = len(costs) >= job["wanted"] or job["error_code"] is not None
        if job["status"] == "succeeded" and None not in costs and nothing_to_come:
            assert job["poll_at"] is None


def every_counter_is_what_the_ledger_adds_up_to(was: Books, now: Books) -> None:
    added: Counter[tuple[int, int, str]] = Counter()
    for line in now.ledger:
        for what in ("held", "spent", "edits", "pictures"):
            for account_id in now.counts_on(line, what):
                added[account_id, line["quarter_at"], what] += line[what]
    counted = {
        (row["account_id"], row["quarter_at"], what): row[what]
        for row in now.tables["account_quarters"]
        for what in ("held", "spent", "edits", "pictures")
    }
    assert _some(added) == _some(counted)


def what_was_used_of_a_grant_is_what_the_ledger_drew_on_it(was: Books, now: Books) -> None:
    drawn: Counter[tuple[int, int, str]] = Counter()
    for line in now.ledger:
        if line["job_id"] is not None and line["grant_id"] is not None:
            for what in ("held", "spent"):
                drawn[line["grant_id"], now.drawer(line), what] += line[what]
    used = {
        (row["grant_id"], row["holder_id"], what): row[what]
        for row in now.tables["grant_uses"]
        for what in ("held", "spent")
    }
    assert _some(drawn) == _some(used)


def a_sponsor_holds_what_their_pool_has_not_spent(was: Books, now: Books) -> None:
    for grant_id, grant in now.grants.items():
        lines = now.lines(grant_id=grant_id)
        held, spent = (sum(line[what] for line in lines if line["job_id"] is not None) for what in ("held", "spent"))
        left = max(0, grant["amount"] - spent)
        granted = sum(line["granted"] for line in lines)
        assert 0 <= granted <= grant["amount"]
        assert granted == grant["amount"] or grant["ended_at"] is not None
        sponsored = [line for line in lines if line["job_id"] is None and line["kind"] != "grant"]
        assert {line["account_id"] for line in sponsored} <= {grant["sponsor_id"]} - {None}
        if grant["sponsor_id"] is not None:
            kept = left if grant["ended_at"] is None else min(left, held)
            assert sum(line["held"] for line in sponsored) == kept
            assert sum(line["spent"] for line in sponsored) == spent


def what_owners_read_is_what_the_ledger_says(was: Books, now: Books) -> None:
    said: Counter[tuple[int, int, str, str, str]] = Counter()
    for job_id, job in now.jobs.items():
        lines = now.lines(job_id=job_id)
        ends = [line for line in lines if line["kind"] in {"settle", "release"}]
        settled = [line for line in ends if line["kind"] == "settle"]
        tally: dict[str, int] = {}
        came = min(job["wanted"], len(now.costs.get(job_id, {})))  # before its end or after
        if settled:
            spent, guess = sum(line["spent"] for line in settled), settled[0]["estimated"]
            made = job["wanted"] + sum(line["pictures"] for line in settled)
            tally = {
                "edits": 1,
                "pictures": came,
                "spent": spent,
                "expected": 0 if guess else job["estimate"] * made // job["wanted"],
                "settled": 0 if guess else spent,
                "overshoot": max(0, spent - job["hold"]),
                "guessed": spent if guess else 0,
            }
        elif job["settled_at"] is not None and job["status"] != "cancelled":
            revived = job["status"] == "succeeded"
            tally = {"edits": int(revived), "failed": int(not revived), "pictures": came}
        results = "1 result" if job["wanted"] == 1 else f"{job['wanted']} results"
        keys = [("all", ""), ("channel", str(job["channel_id"]))]
        for what, number in tally.items():
            for key in [
                *keys,
                ("member", str(job["account_id"])),
                ("role", str(now.holds[job_id]["role_id"] or 0)),
                *(("option", option) for option in ("1024 × 768", "30 steps", "0 references", results)),
            ]:
                said[job["guild_id"], ends[-1]["day"], *key, what] += number
        for line in lines:
            if line["kind"] == "adjust":
                for key in [*keys, ("member", str(line["account_id"])), ("role", "0")]:
                    for what, number in [("spent", 1), ("late", 1), ("guessed", line["estimated"])]:
                        said[job["guild_id"], line["day"], *key, what] += number * line["spent"]
    summed = {
        (row["guild_id"], row["day"], row["dimension"], row["key"], what): row[what]
        for row in now.tables["usage"]
        for what in row
        if what not in {"guild_id", "day", "dimension", "key"}
    }
    assert _some(said) == _some(summed)


def no_limit_that_binds_and_no_grant_is_passed_at_an_admission(was: Books, now: Books) -> None:
    for lines in _admissions(was, now):
        job = now.jobs[lines[-1]["job_id"]]
        so_far = [line for line in now.ledger if line["id"] <= lines[-1]["id"]]
        assert {line["quarter_at"] for line in lines} == {quarter_of(lines[-1]["at"])}, "an edit counts when it is held"
        for allowance, asked in _bound(was, now, job, lines):
            zone = "UTC" if allowance.scope is Scope.BOT else was.zone(job["guild_id"])
            stretch = allowance.window.at(lines[-1]["at"], zone_of(zone))
            scope = Scope.MEMBER if allowance.scope is Scope.ROLE else allowance.scope
            account_id = {
                Scope.MEMBER: job["account_id"],
                Scope.CHANNEL: now.ids["channel", job["guild_id"], job["channel_id"]],
                Scope.SERVER: now.ids["server", job["guild_id"], 0],
                Scope.BOT: now.ids["bot", 0, 0],
            }[scope]
            what = "held" if allowance.measure is Measure.MONEY else allowance.measure.value
            used = sum(
                line["held"] + line["spent"] if allowance.measure is Measure.MONEY else line[allowance.measure.value]
                for line in so_far
                if stretch.start <= line["quarter_at"] < stretch.until and account_id in now.counts_on(line, what)
            )
            assert used <= allowance.amount, f"{used} of {allowance}"
            assert allowance.amount, allowance
            assert allowance.ceiling is None or asked <= allowance.ceiling, f"{asked} of {allowance}"
        for line in lines:
            if line["grant_id"] is not None:
                grant = now.grants[line["grant_id"]]
                assert grant["ended_at"] is None or grant["ended_at"] >= line["at"]
                assert not _expired(grant, line["at"])
                drawn = [
                    other["held"] + other["spent"]
                    for other in so_far
                    if (other["grant_id"], other["job_id"] is None) == (grant["id"], False)
                    and now.drawer(other) == now.drawer(line)
                ]
                assert sum(drawn) <= grant["amount"]


def nothing_is_asked_for_approved_or_sent_under_a_pause(was: Books, now: Books) -> None:
    for job_id, job in now.jobs.items():
        before = was.jobs.get(job_id)
        moved = before is None or before["first_post_at"] != job["first_post_at"]
        approved = before is not None and (before["status"], job["status"]) == ("waiting", "queued")
        assert not ((moved or approved) and _covered(was.tables["pauses"], job))
    before = {offer["id"] for offer in was.tables["offers"]}
    assert not any(_covered(was.tables["pauses"], offer) for offer in now.tables["offers"] if offer["id"] not in before)


LAWS: tuple[Callable[[Books, Books], None], ...] = (
    the_ledger_only_grows_and_no_job_goes_back,
    each_hold_ends_once_and_exactly_with_its_job,
    a_job_costs_what_the_ledger_says_and_what_its_pictures_cost,
    a_job_that_still_lacks_something_is_asked_for_and_no_settled_one_is,
    every_counter_is_what_the_ledger_adds_up_to,
    what_was_used_of_a_grant_is_what_the_ledger_drew_on_it,
    a_sponsor_holds_what_their_pool_has_not_spent,
    what_owners_read_is_what_the_ledger_says,
    no_limit_that_binds_and_no_grant_is_passed_at_an_admission,
    nothing_is_asked_for_approved_or_sent_under_a_pause,
)


def _covered(pauses: list[Line], place: Line) -> bool:
    covering = [(0, 0), (place["guild_id"], 0), (place["guild_id"], place["channel_id"])]
    return any((pause["guild_id"], pause["channel_id"]) in covering for pause in pauses)


def _expired(grant: Line, at: int) -> bool:
    return grant["expires_at"] is not None and grant["expires_at"] <= at


def _kind(line: Line) -> str:
    return line["kind"]


def _some(numbers: Mapping[T, int]) -> dict[T, int]:
    return {key: number for key, number in numbers.items() if number}


def _admissions(was: Books, now: Books) -> list[list[Line]]:
    """The lines of each hold that is new, in order."""
    fresh: dict[int, list[Line]] = defaultdict(list)
    for line in now.ledger[len(was.ledger) :]:
        if line["kind"] == "hold" and line["job_id"] is not None:
            fresh[line["job_id"]].append(line)
    return list(fresh.values())


def _bound(was: Books, now: Books, job: Line, lines: list[Line]) -> list[tuple[Allowance, int]]:
    """The limits that bound an edit when it was admitted, each with what the edit asked of it."""
    set_by_managers = [_allowance(row) for row in was.tables["allowances"] if row["guild_id"] == job["guild_id"]]

    def of(scope: Scope, subject_id: int) -> list[Allowance]:
        return [one for one in set_by_managers if (one.scope, one.subject_id) == (scope, subject_id)]

    own = of(Scope.MEMBER, job["account_id"])
    assert all(one.amount for one in own), "a member who may not edit was admitted"
    asker = member(job["guild_id"], now.accounts[job["account_id"]]["holder_id"])
    roles = {role_id: limits for role_id in asker.role_ids if (limits := of(Scope.ROLE, role_id))}
    role_id = now.holds[job["id"]]["role_id"]
    amount = sum(line["held"] for line in lines if line["grant_id"] is None)
    if own or not roles:
        assert role_id is None
        mine = own or list(TERMS.member)
    else:
        mine = roles[role_id]
    ceilings = [*of(Scope.CHANNEL, job["channel_id"]), *of(Scope.SERVER, 0), *TERMS.server, *TERMS.bot]

    def asked(allowance: Allowance, money: int) -> int:
        return {Measure.MONEY: money, Measure.EDITS: 1, Measure.PICTURES: job["wanted"]}[allowance.measure]

    return [
        *((one, asked(one, amount)) for one in mine if amount or one.measure is not Measure.MONEY),
        *((allowance, asked(allowance, job["hold"])) for allowance in ceilings),
    ]


def _allowance(row: Line) -> Allowance:
    window = Window(Span(row["span"]), bool(row["rolling"]))
    scope, measure = Scope(row["scope"]), Measure(row["measure"])
    return Allowance(scope, measure, row["amount"], window, row["ceiling"], row["subject_id"], row["id"])


# What happens --------------------------------------------------------------------------------------------------------


class Program:
    """The database, as one run of the bot after the other has it open. Nothing else outlives a restart."""

    def __init__(self, runner: asyncio.Runner, url: str) -> None:
        self._runner = runner
        self._url = url
        self.metrics = Metrics()

    def start(self) -> None:
        self._stack = AsyncExitStack()
        self.database = self.wait(self._stack.enter_async_context(open_database(self._url)))

    def stop(self) -> None:
        self.wait(self._stack.aclose())

    def wait(self, awaited: Awaitable[T]) -> T:
        return self._runner.run(_wait(awaited))


async def _wait(awaited: Awaitable[T]) -> T:
    return await awaited


async def _together(*awaited: Awaitable[T]) -> list[T | BaseException]:
    return await asyncio.gather(*awaited, return_exceptions=True)


def _pick(number: int, rows: list[Line]) -> Line | None:
    """A row, the newest for 0."""
    return rows[-1 - number % len(rows)] if rows else None


@dataclass(frozen=True)
class Asking:
    """Who asks for how many pictures, and where."""

    user_id: int
    guild_id: int
    #: The channel, and the thread of it.
    where: tuple[int, int | None]
    images: int

    def order(self, now: int) -> orders.Order:
        request = EditRequest("a hat", (), 1024, 768, 7, self.images)
        place = Place(self.where[0], 300, self.where[1])
        return orders.Order(member(self.guild_id, self.user_id), place, request, str(uuid.uuid4()), TERMS, now)


askings = st.builds(
    Asking,
    user_id=st.integers(1, 3),
    guild_id=st.sampled_from([10, 10, 10, 11]),
    where=st.sampled_from([(100, None), (100, THREAD), (100, THREAD), (101, None)]),
    images=st.sampled_from([1, 1, 2, 3]),
)
#: A picture of a job, by its number, what it costs, and the host it is at.
pictures = st.tuples(st.integers(0, 2), st.sampled_from(["cheap", "cheap", "absent", "all", "above"]), st.just("im"))
costs = st.lists(st.sampled_from(["cheap", "all", "absent", "above", "above"]), max_size=3)
foreign = st.tuples(st.integers(0, 2), st.just("cheap"), st.just("evil"))
few = st.sampled_from([0, 0, 0, 1, 2])
#: Counts back from the newest.
which = st.integers(0, 5)
whose = st.sampled_from(
    [
        (Scope.MEMBER, 1),
        (Scope.MEMBER, 3),
        (Scope.ROLE, 10),
        (Scope.ROLE, 70),
        (Scope.ROLE, 71),
        (Scope.CHANNEL, 100),
        (Scope.SERVER, 0),
    ]
)
amounts = st.one_of(
    st.tuples(
        st.just(Measure.MONEY), st.sampled_from([30_000, 60_000, 120_000]), st.sampled_from([None, None, 20_000])
    ),
    st.tuples(st.just(Measure.EDITS), st.sampled_from([0, 2, 5, 5]), st.none()),
    st.tuples(st.just(Measure.PICTURES), st.sampled_from([3, 8]), st.sampled_from([None, None, 1])),
)
windows = st.builds(Window, st.sampled_from(Span), st.booleans())
whom = st.sampled_from([(Scope.MEMBER, 1), (Scope.ROLE, 10), (Scope.ROLE, 70), (Scope.THREAD, THREAD)])
granted = st.sampled_from([10_000, 20_000, 34_000, 60_000])
lasting = st.sampled_from([None, None, 1, 3])


class Money(RuleBasedStateMachine):
    """Members ask, sponsor and cancel, managers decide, loops claim and poll, Runware delivers, and time goes by."""

    def __init__(self, program: Program, empty: Empty) -> None:
        super().__init__()
        self.program = program
        self.now = START
        program.wait(empty(program.database))
        self.books = self.look()

    @property
    def budgets(self) -> Budgets:
        return Budgets(self.program.database, Signals(), SETTINGS, clock=lambda: self.now)

    def run(self, unit: Callable[Concatenate[Tx, P], Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.program.wait(self.program.database.run(unit, *args, **kwargs))

    def look(self) -> Books:
        return self.program.wait(self.program.database.read(Books.read))

    def attempt(self, asked: Awaitable[T]) -> T | None:
        """Wait for what may be refused; a refusal has a reason and changes nothing at all."""
        (answer,) = self.program.wait(_together(asked))
        if not isinstance(answer, BaseException):
            return answer
        if isinstance(answer, AllowanceExceeded):
            allowance = answer.standing.allowance
            too_much = allowance.ceiling is not None and answer.demand > allowance.ceiling
            assert too_much or not allowance.amount or answer.standing.used + answer.demand > allowance.amount
        elif not isinstance(answer, EditError):
            raise answer
        assert self.look() == self.books
        return None

    def try_unit(
        self, unit: Callable[Concatenate[Tx, P], Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T | None:
        return self.attempt(self.program.database.run(unit, *args, **kwargs))

    def pick(self, number: int, *statuses: str) -> Line | None:
        """A job, the newest for 0; of those in a status, where there are any."""
        rows = self.books.tables["jobs"]
        return _pick(number, [job for job in rows if job["status"] in statuses] or rows)

    def again(self, row: Line, images: int) -> orders.Order:
        """The order of a job that is approved, or of an offer that is accepted; by somebody else for one of nobody."""
        asker = self.books.accounts.get(row["account_id"])
        user_id = 1 if asker is None else asker["holder_id"]
        return Asking(user_id, row["guild_id"], (row["channel_id"], row["thread_id"]), images).order(self.now)

    # What members do -------------------------------------------------------------------------------------------------

    @rule(asking=askings, then=st.sampled_from(["wait", "send", "finish", "finish"]), costs=costs)
    def request(self, asking: Asking, then: str, costs: list[str]) -> None:
        self.try_unit(orders.request, asking.order(self.now))
        sent = None if then == "wait" else self.send()
        if sent is not None and then == "finish":
            said = [(number, cost, "im") for number, cost in enumerate(costs)]
            self.take_poll(sent.id, said, failures=3 - len(said))

    @rule(crowd=st.lists(askings, min_size=2, max_size=5), beside=st.sampled_from(["", "cancel", "approve", "close"]))
    def request_at_once(self, crowd: list[Asking], beside: str) -> None:
        run, job = self.program.database.run, self.pick(0, "waiting", "queued")
        asked: list[Awaitable[object]] = [run(orders.request, asking.order(self.now)) for asking in crowd]
        if beside == "cancel" and job is not None:
            asked.insert(1, run(edits._cancel, job["id"], self.now, 0))
        if beside == "approve" and job is not None:
            asked.insert(1, run(orders.approve, job["id"], self.again(job, job["wanted"]), MANAGER))
        if beside == "close":
            asked.insert(1, self.budgets.close_pool(MANAGER, THREAD, manages=True))
        for answer in self.program.wait(_together(*asked)):
            assert isinstance(answer, Job | bool | list | AllowanceExceeded | EditError), answer

    @rule(asking=askings, shown=st.sampled_from([None, 1_000, 1_000_000]))
    def ask(self, asking: Asking, shown: int | None) -> None:
        made = self.try_unit(orders.ask, asking.order(self.now), shown)
        if not isinstance(made, Job):
            assert self.look().ledger == self.books.ledger, "nothing is held for an offer"

    @rule(number=which, yes=st.sampled_from([True, True, False]))
    def answer(self, number: int, yes: bool) -> None:
        offer = _pick(number, self.books.tables["offers"])
        if offer is None:
            return
        if yes:
            standing = self.run(offers.get, offer["id"])
            assert standing is not None
            made = self.try_unit(orders.accept, self.again(offer, json.loads(offer["request"])["results"]), standing)
            stands = any(row["id"] == offer["id"] for row in self.look().tables["offers"])
            assert isinstance(made, Job) != stands, "an offer that became a job is gone, and no other"
        else:
            self.run(orders.take_offer, offer["id"])

    @rule(
        user_id=st.integers(1, 3),
        what=st.sampled_from(["fund", "fund", "close", "close all"]),
        amount=granted,
        days=lasting,
    )
    def pool(self, user_id: int, what: str, amount: int, days: int | None) -> None:
        who = member(10, user_id)
        if what == "fund":
            self.attempt(self.budgets.fund(who, THREAD, amount, days=days))
        else:
            self.attempt(self.budgets.close_pool(who, THREAD, manages=what == "close all"))

    # What managers do ------------------------------------------------------------------------------------------------

    @rule(number=which, yes=st.sampled_from([True, True, False]))
    def decide(self, number: int, yes: bool) -> None:
        job = self.pick(number, "waiting")
        if job is not None and yes:
            self.try_unit(orders.approve, job["id"], self.again(job, job["wanted"]), MANAGER)
        elif job is not None:
            self.try_unit(orders.refuse, job["id"], MANAGER, self.now)

    @initialize(approve_above=st.sampled_from([None, 0, 15_000]))
    def begin(self, approve_above: int | None) -> None:
        self.program.wait(self.budgets.change(MANAGER, approve_above=approve_above))

    @rule(
        approve_above=st.sampled_from([None, 0, 15_000]),
        confirm_above=st.sampled_from([None, 15_000]),
        time_zone=st.sampled_from(["UTC", "Asia/Kathmandu", "America/Santiago"]),
    )
    def change(self, **changes: Any) -> None:
        self.program.wait(self.budgets.change(MANAGER, **changes))

    @rule(whose=whose, amount=amounts, window=windows)
    def allow(self, whose: tuple[Scope, int], amount: tuple[Measure, int, int | None], window: Window) -> None:
        measure, number, ceiling = amount
        self.program.wait(self.budgets.allow(MANAGER, *whose, measure, number, window, ceiling))

    @rule(whom=whom, amount=granted, days=lasting)
    def grant(self, whom: tuple[Scope, int], amount: int, days: int | None) -> None:
        self.program.wait(self.budgets.grant(MANAGER, *whom, amount, days=days))

    @rule(number=which, what=st.sampled_from(["allowances", "grants"]))
    def take_away(self, number: int, what: str) -> None:
        row = _pick(number, self.books.tables[what])
        if row is not None:
            end = self.budgets.disallow if what == "allowances" else self.budgets.end_grant
            self.attempt(end(MANAGER, row["id"]))

    @rule(where=st.sampled_from([None, None, None, (None, 0), (MANAGER, 0), (MANAGER, 100)]), number=which)
    def pause_or_resume(self, where: tuple[Asker | None, int] | None, number: int) -> None:
        pause = _pick(number, self.books.tables["pauses"])
        if where is not None:
            self.program.wait(self.budgets.pause(*where, "rest"))
        elif pause is not None:
            by = MANAGER if pause["guild_id"] else None
            self.program.wait(self.budgets.resume(by, pause["channel_id"]))

    # What the loops and Runware do -----------------------------------------------------------------------------------

    @rule()
    def claim(self) -> None:
        self.send()

    def send(self) -> Job | None:
        return self.run(jobs.claim_next, in_flight_limit=9, now=self.now, poll_at=self.now, card_interval=0)

    @rule(number=which, what=st.sampled_from(["accept", "cancel", "refuse", "unanswered"]))
    def interrupt(self, number: int, what: str) -> None:
        job = self.pick(number, *(("waiting", "queued") if what == "cancel" else ("submitting", "submitted")))
        if job is None:
            return
        if what == "accept":
            self.run(outcomes.accept, job["id"], self.now, self.now)
        elif what == "cancel":
            self.run(edits._cancel, job["id"], self.now, 0)
        elif what == "unanswered":
            if job["poll_at"] is not None:
                self.run(outcomes.take_silence, job["task_uuid"], self.now, self.now, RULES)
        elif job["status"] == "submitting":
            self.run(outcomes.fail, job["id"], "busy", self.now)

    @rule(number=which, said=st.lists(pictures | pictures | foreign, min_size=1, max_size=4), failures=few, times=few)
    def deliver(self, number: int, said: list[tuple[int, str, str]], failures: int, times: int) -> None:
        job = self.pick(number, "submitting", "submitted")
        if job is None:
            return
        heard = self.heard(job["task_uuid"], job["hold"], said, failures)
        for _ in range(times + 1):
            self.run(outcomes.take_delivery, job["task_uuid"], heard, self.now, self.now, RULES)

    @rule(number=which, said=st.lists(pictures, max_size=3), failures=few, working=st.booleans())
    def poll(self, number: int, said: list[tuple[int, str, str]], failures: int, working: bool) -> None:
        job = _pick(number, [job for job in self.books.tables["jobs"] if job["poll_at"] is not None])
        if job is not None:
            self.take_poll(job["id"], said, failures, working=working)

    def take_poll(
        self, job_id: int, said: list[tuple[int, str, str]], failures: int = 0, *, working: bool = False
    ) -> None:
        (asked,) = [due for due in self.run(jobs.to_poll, START * 2, 100) if due.job.id == job_id]
        task_uuid = asked.job.task_uuid
        news = [*self.heard(task_uuid, asked.job.hold, said, failures), *[Processing(task_uuid)] * working]
        self.run(outcomes.take_poll, asked, news, self.now, self.now, RULES)

    @rule(number=which, said=st.lists(pictures, max_size=1), minutes=st.sampled_from([1, 31, 600, DAY // MINUTE]))
    def poll_later(self, number: int, said: list[tuple[int, str, str]], minutes: int) -> None:
        self.now += minutes * MINUTE
        self.poll(number, said, 0, False)

    @staticmethod
    def heard(task_uuid: str, hold: int, said: list[tuple[int, str, str]], failures: int) -> list[Outcome]:
        costs = {"cheap": 1_000, "absent": None, "all": hold, "above": 2 * hold}
        return [
            *(Success(task_uuid, str(n), f"https://{host}.runware.ai/{n}.jpg", 7, costs[c]) for n, c, host in said),
            *[Failure(None, "provider", "")] * failures,
        ]

    @rule(user_id=st.integers(1, 3), guild_id=st.sampled_from([10, 10, 11]))
    def forget(self, user_id: int, guild_id: int) -> None:
        """Somebody is forgotten, unless an edit of theirs is at Runware; whoever asks as them later is somebody new."""
        account_id = self.books.ids.get(("member", guild_id, user_id), 0)
        unit = self.program.database.run(forgetting.forget, account_id, Pace(self.now, 250, 0))
        (answer,) = self.program.wait(_together(unit))
        if isinstance(answer, StillAtRunware):
            assert self.look() == self.books
        elif isinstance(answer, BaseException):
            raise answer

    @rule(minutes=st.sampled_from([-20, 1, 20, 61, 420, DAY // MINUTE, 8 * DAY // MINUTE]))
    def wait(self, minutes: int) -> None:
        """Time goes by; sometimes a clock is set back."""
        self.now += minutes * MINUTE

    @rule()
    def keep_books(self) -> None:
        """End what has waited for too long: for a manager, for the end of a pause, for an answer, or to be used."""
        database = self.program.database
        bookkeeper = Bookkeeper(database, Signals(), self.program.metrics, SETTINGS, clock=lambda: self.now)
        self.program.wait(bookkeeper.tick())
        left, waits = self.look(), self.now - APPROVAL_LIFE
        stops = [pause for pause in left.tables["pauses"] if pause["paused_at"] <= self.now - PAUSE_LIFE]
        assert not [job for job in left.tables["jobs"] if job["status"] == "waiting" and job["created_at"] <= waits]
        assert not [job for job in left.tables["jobs"] if job["status"] == "queued" and _covered(stops, job)]
        assert not [offer for offer in left.tables["offers"] if offer["made_at"] <= self.now - OFFER_LIFE]
        assert not [grant for grant in left.tables["grants"] if _expired(grant, self.now) and grant["ended_at"] is None]

    @rule(interrupted=st.lists(askings, max_size=2))
    def restart(self, interrupted: list[Asking]) -> None:
        """Stop in order, or amid requests that nobody hears of any more; then read everything anew."""
        if interrupted:
            database = self.program.database
            asked = [database.run(orders.request, asking.order(self.now)) for asking in interrupted]
            for answer in self.program.wait(_together(*asked, database.abort())):
                assert isinstance(answer, Job | AllowanceExceeded | EditError | DatabaseError | None), answer
        self.program.stop()
        self.program.start()
        self.run(jobs.resume, self.now, self.now)
        self.audit(self.look().ledger)

    # What must hold --------------------------------------------------------------------------------------------------

    @invariant()
    def every_law_holds(self) -> None:
        was, self.books = self.books, self.look()
        for law in LAWS:
            law(was, self.books)
        self.audit(self.books.ledger[len(was.ledger) :])

    def audit(self, lines: list[Line]) -> None:
        """The program's own audit finds nothing on the days that some lines count in."""
        for day in {line["day"] for line in lines} | {books.EPOCH + line["quarter_at"] // DAY for line in lines}:
            assert self.program.wait(self.program.database.read(books.differences, day)) == []
        assert self.program.wait(self.program.database.read(books.grant_differences)) == []


@pytest.fixture
def program(migrated_url: str) -> Iterator[Program]:
    with asyncio.Runner() as runner:
        program = Program(runner, migrated_url)
        program.start()
        try:
            program.wait(migrate(program.database))
            yield program
        finally:
            program.stop()


def test_money_keeps_its_laws_whatever_happens(program: Program, empty: Empty) -> None:
    run_state_machine_as_test(
        partial(Money, program, empty),  # pyright: ignore[reportArgumentType] - any factory will do
        settings=settings(
            max_examples=100 if program.database.engine == "sqlite" else 30,
            stateful_step_count=60,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )


# Sequences that broke a law once -------------------------------------------------------------------------------------

IN_THREAD = Asking(user_id=2, guild_id=10, where=(100, THREAD), images=1)


def test_a_pool_that_an_edit_overspent_is_closed_while_another_edit_holds_more_than_is_left(
    program: Program, empty: Empty
) -> None:
    state = Money(program, empty)
    state.pool(user_id=1, what="fund", amount=34_000, days=None)
    state.request(asking=IN_THREAD, then="wait", costs=[])
    state.request(asking=IN_THREAD, then="finish", costs=["above"])
    state.every_law_holds()
    state.pool(user_id=1, what="close", amount=0, days=None)
    state.every_law_holds()
