"""Whatever people make, take down, like and forbid each other, in any order: the tree of edits keeps its laws."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from pydantic import SecretStr

from bot import edits, orders
from bot.errors import EditError
from bot.gallery import Gallery
from bot.sessions import Sessions
from bot.settings import Settings
from bot.signals import Signals
from storage import jobs, lineage, results, stars
from storage.allowances import Terms
from storage.database import Database, Tx, migrate, open_database
from storage.records import (
    OPEN,
    Access,
    Asker,
    EditRequest,
    Job,
    Place,
    Reference,
    Session,
    Status,
    Success,
)
from storage.stars import Shelf

P = ParamSpec("P")
T = TypeVar("T")
Line = dict[str, Any]
Empty = Callable[[Database], Awaitable[None]]

START: Final = 1_900_022_400_000
GUILD: Final = 10
ROLE: Final = 70
NO_LIMITS: Final = Terms((), (), ())
SETTINGS = Settings(
    discord_token=SecretStr("token"), runware_api_key=SecretStr("key"), allowed_guilds=frozenset({GUILD})
)
#: Everybody who presses anything, by Discord's ids: two members, one with a role, and a moderator.
PEOPLE: Final[Mapping[int, Asker]] = {
    1: Asker(GUILD, 1, frozenset([GUILD])),
    2: Asker(GUILD, 2, frozenset([GUILD])),
    3: Asker(GUILD, 3, frozenset([GUILD, ROLE])),
    8: Asker(GUILD, 8, frozenset([GUILD]), moderates=True),
}
#: Two threads, the second of which is made from a reply: before that, edits there come without one.
PLACES: Final = (Place(100, 300, 200), Place(100, 201), Place(100, 301, 201))

# What is looked at ---------------------------------------------------------------------------------------------------

TABLES = ("accounts", "jobs", "lineage", "results", "session_people", "sessions", "starred", "stars")


@dataclass(frozen=True)
class Tree:
    """Every row at one moment, by table."""

    tables: Mapping[str, list[Line]]

    @classmethod
    async def read(cls, tx: Tx) -> Tree:
        return cls(
            {
                table: [
                    {column: row[column] for column in row.keys()}  # noqa: SIM118 - asyncpg's rows iterate over values
                    for row in await tx.fetch_all(f"SELECT * FROM {table} ORDER BY 1, 2")
                ]
                for table in TABLES
            }
        )

    @cached_property
    def jobs(self) -> dict[int, Line]:
        return {row["id"]: row for row in self.tables["jobs"]}

    @cached_property
    def results(self) -> dict[int, Line]:
        return {row["id"]: row for row in self.tables["results"]}

    @cached_property
    def requests(self) -> dict[int, Line]:
        return {job_id: json.loads(job["request"]) for job_id, job in self.jobs.items()}

    @cached_property
    def sources(self) -> dict[int, list[int]]:
        """The results that each job was made of, by its own request: its parent first, each once."""
        sources: dict[int, list[int]] = {}
        for job_id, request in self.requests.items():
            named = [request["parent_id"], *(reference["result_id"] for reference in request["references"])]
            sources[job_id] = list(dict.fromkeys(number for number in named if number is not None))
        return sources

    @cached_property
    def accounts(self) -> dict[int, int]:
        """The accounts of members, by Discord's ids."""
        return {row["holder_id"]: row["id"] for row in self.tables["accounts"] if row["scope"] == "member"}

    def session(self, thread_id: int) -> Line | None:
        return next((row for row in self.tables["sessions"] if row["thread_id"] == thread_id), None)

    def made_in(self, session_id: int) -> list[int]:
        return [number for number, row in self.results.items() if self.job_of(row)["session_id"] == session_id]

    def job_of(self, result: Line) -> Line:
        return self.jobs[result["job_id"]]

    def parent(self, result_id: int) -> int | None:
        return self.requests[self.results[result_id]["job_id"]]["parent_id"]

    def way(self, result_id: int) -> list[int]:
        """The way back to a first picture; a circle would be walked until a result is missing."""
        way = [result_id]
        while (parent := self.parent(way[-1])) is not None:
            assert parent not in way, "a picture is its own ancestor"
            way.append(parent)
        return way

    def children(self, result_id: int) -> list[int]:
        return [number for number, row in self.results.items() if result_id in self.sources[row["job_id"]]]

    def may_edit(self, asker: Asker, thread_id: int) -> bool:
        """Whether somebody may edit in a thread, as people are told."""
        session = self.session(thread_id)
        if session is None:
            return True
        account_id = self.accounts.get(asker.user_id)
        leads = asker.moderates or session["owner_id"] == account_id
        said = {
            row["account_id"]: row["standing"]
            for row in self.tables["session_people"]
            if row["session_id"] == session["id"]
        }
        if session["state"] == "closed" or leads:
            return session["state"] != "closed"
        if session["state"] == "locked" or said.get(account_id or 0) == "removed":
            return False
        by_access = {"open": True, "invited": False, "role": session["role_id"] in asker.role_ids}
        return said.get(account_id or 0) == "invited" or by_access[session["access"]]


# What must hold ------------------------------------------------------------------------------------------------------


def what_was_made_stays_what_it_was(was: Tree, now: Tree) -> None:
    assert was.requests.items() <= now.requests.items()
    assert was.results.keys() <= now.results.keys()
    bound = [row for row in now.tables["lineage"] if row["job_id"] in was.jobs]
    assert bound == was.tables["lineage"]


def every_job_is_bound_to_what_its_request_says(was: Tree, now: Tree) -> None:
    bound: dict[int, list[int]] = {job_id: [] for job_id in now.jobs}
    for row in now.tables["lineage"]:
        assert (row["place"] == 0) == (row["result_id"] == now.requests[row["job_id"]]["parent_id"])
        bound[row["job_id"]].append(row["result_id"])
    assert {job_id: list(dict.fromkeys(numbers)) for job_id, numbers in bound.items()} == now.sources


def every_parent_is_older_than_its_child(was: Tree, now: Tree) -> None:
    for job_id, sources in now.sources.items():
        for source in sources:
            assert now.results[source]["job_id"] < job_id


def every_job_is_of_the_one_session_of_its_thread(was: Tree, now: Tree) -> None:
    threads = [row["thread_id"] for row in now.tables["sessions"]]
    assert len(set(threads)) == len(threads)
    for job in now.jobs.values():
        session = now.session(job["thread_id"] or job["reply_id"])
        assert session is not None
        assert job["session_id"] == session["id"]


def stars_are_counted_and_no_deleted_result_has_any(was: Tree, now: Tree) -> None:
    given = Counter(row["result_id"] for row in now.tables["stars"])
    assert {row["result_id"]: row["stars"] for row in now.tables["starred"]} == given
    for row in now.tables["starred"]:
        result = now.results[row["result_id"]]
        assert result["deleted_at"] is None
        columns = ("guild_id", "session_id", "account_id")
        assert [row[column] for column in columns] == [now.job_of(result)[column] for column in columns]


def nobody_who_might_not_edit_has_a_new_job(was: Tree, now: Tree) -> None:
    people = {account_id: user_id for user_id, account_id in now.accounts.items()}
    for job_id in now.jobs.keys() - was.jobs.keys():
        job = now.jobs[job_id]
        assert was.may_edit(PEOPLE[people[job["account_id"]]], job["thread_id"] or job["reply_id"])


LAWS: tuple[Callable[[Tree, Tree], None], ...] = (
    what_was_made_stays_what_it_was,
    every_job_is_bound_to_what_its_request_says,
    every_parent_is_older_than_its_child,
    every_job_is_of_the_one_session_of_its_thread,
    stars_are_counted_and_no_deleted_result_has_any,
    nobody_who_might_not_edit_has_a_new_job,
)

# What happens --------------------------------------------------------------------------------------------------------


class Program:
    """The database and the loop it belongs to."""

    def __init__(self, runner: asyncio.Runner, url: str) -> None:
        self._runner = runner
        self._stack = AsyncExitStack()
        self.database = self.wait(self._stack.enter_async_context(open_database(url)))

    def stop(self) -> None:
        self.wait(self._stack.aclose())

    def wait(self, awaited: Awaitable[T]) -> T:
        return self._runner.run(_wait(awaited))


async def _wait(awaited: Awaitable[T]) -> T:
    return await awaited


async def _together(*awaited: Awaitable[T]) -> list[T | BaseException]:
    return await asyncio.gather(*awaited, return_exceptions=True)


def _pick(number: int, numbers: list[int]) -> int | None:
    """The newest for 0, and so on back."""
    return numbers[-1 - number % len(numbers)] if numbers else None


#: Counts back from the newest.
which = st.integers(0, 7)
whose = st.sampled_from([None, 0, 0, 0, 1, 2, 3, 5])
someone = st.sampled_from(list(PEOPLE.values()))
place = st.sampled_from(PLACES)


class Edits(RuleBasedStateMachine):
    """People who edit together in two threads."""

    def __init__(self, program: Program, empty: Empty) -> None:
        super().__init__()
        self.program = program
        self.now = START
        program.wait(empty(program.database))
        parts = (program.database, Signals())
        self.sessions = Sessions(*parts, clock=lambda: self.now)
        self.gallery = Gallery(*parts, SETTINGS, clock=lambda: self.now)
        self.tree = self.look()

    def run(self, unit: Callable[Concatenate[Tx, P], Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.program.wait(self.program.database.run(unit, *args, **kwargs))

    def read(self, unit: Callable[Concatenate[Tx, P], Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.program.wait(self.program.database.read(unit, *args, **kwargs))

    def look(self) -> Tree:
        return self.read(Tree.read)

    def attempt(self, asked: Awaitable[T]) -> T | None:
        """Wait for what may be refused; a refusal has a reason and changes nothing at all."""
        (answer,) = self.program.wait(_together(asked))
        if not isinstance(answer, BaseException):
            return answer
        if not isinstance(answer, EditError):
            raise answer
        assert self.look() == self.tree
        return None

    def order(self, asker: Asker, place: Place, sources: list[int], parent_id: int | None, images: int) -> orders.Order:
        references = tuple(Reference("a" * 64, 64, 64, f"#{number}", number) for number in sources)
        request = EditRequest("a hat", references, 1024, 768, 7, images, parent_id=parent_id)
        return orders.Order(asker, place, request, str(uuid.uuid4()), NO_LIMITS, self.now)

    # What people make ------------------------------------------------------------------------------------------------

    @rule(
        asker=someone,
        place=place,
        parent=whose,
        beside=st.lists(which, max_size=2),
        images=st.integers(1, 2),
        done=st.booleans(),
    )
    def edit(self, asker: Asker, place: Place, parent: int | None, beside: list[int], images: int, done: bool) -> None:
        made = list(self.tree.results)
        parent_id = None if parent is None else _pick(parent, made)
        others = [number for one in beside if (number := _pick(one, made)) is not None]
        sources = [*([] if parent_id is None else [parent_id]), *others]
        order = self.order(asker, place, sources, parent_id, images)
        stands = all(self.tree.results[number]["deleted_at"] is None for number in sources)
        may = stands and self.tree.may_edit(asker, place.thread_id or place.reply_id)
        job = self.attempt(self.program.database.run(orders.request, order))
        assert (job is not None) == may
        if job is not None and done:
            self.finish(0)

    @rule(number=which)
    def finish(self, number: int) -> None:
        """Runware makes the pictures of a job, each of which is copied."""
        job_id = _pick(number, [row["id"] for row in self.look().jobs.values() if row["status"] in OPEN])
        if job_id is not None:
            self.run(_finish, job_id, self.now)

    @rule(
        crowd=st.lists(someone, min_size=2, max_size=4),
        place=place,
        beside=st.sampled_from(["", "close", "lock", "remove"]),
    )
    def edit_at_once(self, crowd: list[Asker], place: Place, beside: str) -> None:
        parent_id = _pick(0, list(self.tree.results))
        sources = [] if parent_id is None else [parent_id]
        asked: list[Awaitable[object]] = [
            self.program.database.run(orders.request, self.order(asker, place, sources, parent_id, 1))
            for asker in crowd
        ]
        session = self.tree.session(place.thread_id or place.reply_id)
        if session is not None and beside:
            moderator, number = PEOPLE[8], session["id"]
            press = {
                "close": self.sessions.close,
                "lock": self.sessions.lock,
                "remove": partial(self.sessions.remove, user_id=crowd[0].user_id),
            }[beside]
            asked.insert(1, press(moderator, number))
        for answer in self.program.wait(_together(*asked)):
            assert isinstance(answer, Job | Session | EditError), answer

    @rule(number=which)
    def delete(self, number: int) -> None:
        result_id = _pick(number, list(self.tree.results))
        if result_id is not None:
            job_id = self.tree.results[result_id]["job_id"]
            deleted, _ = self.run(edits._delete, result_id, job_id, self.now)
            assert deleted == (self.tree.results[result_id]["deleted_at"] is None)

    # What people like ------------------------------------------------------------------------------------------------

    @rule(asker=someone, number=which)
    def star(self, asker: Asker, number: int) -> None:
        result_id = _pick(number, list(self.tree.results))
        if result_id is None:
            return
        given = self.read(stars.given, result_id, self.tree.accounts.get(asker.user_id, 0))
        answer = self.attempt(self.gallery.star(asker, result_id))
        if answer is not None:
            counted = [row["stars"] for row in self.look().tables["starred"] if row["result_id"] == result_id]
            assert answer == (not given, sum(counted))

    @rule(crowd=st.lists(someone, min_size=2, max_size=4), number=which, beside=st.booleans())
    def star_at_once(self, crowd: list[Asker], number: int, beside: bool) -> None:
        result_id = _pick(number, list(self.tree.results))
        if result_id is None:
            return
        pressed: list[Awaitable[object]] = [self.gallery.star(asker, result_id) for asker in crowd]
        if beside:
            job_id = self.tree.results[result_id]["job_id"]
            pressed.insert(1, self.program.database.run(edits._delete, result_id, job_id, self.now))
        for answer in self.program.wait(_together(*pressed)):
            assert isinstance(answer, tuple | EditError), answer

    # What owners say -------------------------------------------------------------------------------------------------

    @rule(
        owner=someone,
        whom=st.sampled_from([1, 2, 3]),
        place=place,
        what=st.sampled_from(["invite", "remove", "hand_over"]),
    )
    def person(self, owner: Asker, whom: int, place: Place, what: str) -> None:
        self.press(owner, place, what, whom)

    @rule(owner=someone, place=place, access=st.sampled_from(Access))
    def access(self, owner: Asker, place: Place, access: Access) -> None:
        self.press(owner, place, "set_access", access, ROLE if access is Access.ROLE else None)

    @rule(owner=someone, place=place, what=st.sampled_from(["lock", "close", "reopen", "reopen"]))
    def state(self, owner: Asker, place: Place, what: str) -> None:
        self.press(owner, place, what)

    def press(self, owner: Asker, place: Place, what: str, *said: Any) -> None:
        session = self.tree.session(place.thread_id or place.reply_id)
        if session is not None:
            leads = owner.moderates or self.tree.accounts.get(owner.user_id) == session["owner_id"]
            answer = self.attempt(getattr(self.sessions, what)(owner, session["id"], *said))
            assert answer is None or leads

    # What must hold --------------------------------------------------------------------------------------------------

    @invariant()
    def every_law_holds(self) -> None:
        was, self.tree = self.tree, self.look()
        for law in LAWS:
            law(was, self.tree)

    def teardown(self) -> None:
        """What the program says of the tree is what its rows say."""
        tree = self.tree
        for result_id in tree.results:
            assert self.read(lineage.ancestors, result_id) == tree.way(result_id)
            children = self.read(lineage.children, result_id, 1_000)
            assert [child.result.id for child in children] == tree.children(result_id)
            assert all(result_id in (child.parent_id, *child.merged) for child in children)
            running = [
                job_id
                for job_id, sources in tree.sources.items()
                if result_id in sources and tree.jobs[job_id]["status"] in OPEN
            ]
            assert [job.id for job in self.read(lineage.open_edits, result_id)] == running[:10]
        for session in tree.tables["sessions"]:
            made = tree.made_in(session["id"])
            assert [step.result.id for step in self.read(lineage.of_session, session["id"])] == made
            best = sorted(
                (row["stars"], row["result_id"]) for row in tree.tables["starred"] if row["result_id"] in made
            )
            entries = self.read(stars.page, Shelf.SESSION, session["id"], stars.START, 1_000)
            assert [entry.cursor for entry in entries] == best[::-1]


async def _finish(tx: Tx, job_id: int, now: int) -> None:
    job = await jobs.known(tx, job_id)
    await jobs.move(tx, job_id, Status.SUBMITTING, now, poll_at=now)
    await jobs.move(tx, job_id, Status.SUCCEEDED, now)
    for number in range(job.request.results):
        await results.add(tx, job_id, Success(job.task_uuid, str(number), "https://im.runware.ai/a.jpg", 7, 100), now)
    for result in await results.of_job(tx, job_id):
        await results.copied(tx, result.id, "b" * 64, "image/jpeg", (64, 64))


@pytest.fixture
def program(migrated_url: str) -> Iterator[Program]:
    with asyncio.Runner() as runner:
        program = Program(runner, migrated_url)
        try:
            program.wait(migrate(program.database))
            yield program
        finally:
            program.stop()


def test_the_tree_of_edits_keeps_its_laws_whatever_happens(program: Program, empty: Empty) -> None:
    run_state_machine_as_test(
        partial(Edits, program, empty),  # pyright: ignore[reportArgumentType] - any factory will do
        settings=settings(
            max_examples=50,
            stateful_step_count=40,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
