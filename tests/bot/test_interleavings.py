"""Two people, or a person and a loop, at the same moment: every way in which their actions can meet is stepped through.

One action is parked before one of its steps, with whatever it has read and locked by then; the other goes as far as it
can; then the first goes on. On PostgreSQL a step is a statement, or a COMMIT; on SQLite, whose units are serial, it is
a whole unit of work.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, TypeVar, cast

import asyncpg
import pytest

from bot import rounds
from bot.drafts import Beginning, Drafts
from bot.errors import BadOption, EditError, NotAllowed, NotFound, TooLate
from bot.people import People
from storage import drafts, jobs, remote
from storage.database import Database, Row, Tx, Value
from storage.drafts import Draft
from storage.records import Access, Bound, Job, Result, Round, RoundState, Session, SessionState, Status, Success

if TYPE_CHECKING:
    from tests.bot.conftest import Studio

T = TypeVar("T")
Crossings = AsyncIterator["Crossing"]
Action = Callable[["Studio"], Awaitable[Any]]
Scene = Callable[["Crossing"], Awaitable[str | None]]

#: What makes an action wait until the test lets go of the lock, and how many wait for any.
WAIT = "SELECT pg_advisory_xact_lock(1)"
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


class Parking:
    """A database that stops whoever uses it before one of their steps, counted from 0, until they are let go."""

    def __init__(self, database: Database, at: int) -> None:
        self._database = database
        self._at = at
        self._steps = 0
        self.reached = asyncio.Event()
        self.let_go = asyncio.Event()
        #: How often a unit was begun, and how many units there were: more, where one was given up and run again.
        self.begun = self.units = 0

    async def run(self, unit: Callable[..., Coroutine[Any, Any, T]], *args: Any, **kwargs: Any) -> T:
        return await self._through(self._database.run, unit, *args, **kwargs)

    async def read(self, unit: Callable[..., Coroutine[Any, Any, T]], *args: Any, **kwargs: Any) -> T:
        return await self._through(self._database.read, unit, *args, **kwargs)

    async def _through(
        self, run: Callable[..., Awaitable[T]], unit: Callable[..., Coroutine[Any, Any, T]], *args: Any, **kwargs: Any
    ) -> T:
        self.units += 1
        if self._database.engine == "sqlite":
            self.begun += 1
            if self.here():
                await self.let_go.wait()
            return await run(unit, *args, **kwargs)

        async def stepping(tx: Tx) -> T:
            self.begun += 1
            answer = await unit(_Stepping(tx, self), *args, **kwargs)
            await stop(tx, self)  # before its COMMIT
            return answer

        return await run(stepping)

    def here(self) -> bool:
        """Count a step; tell whether it is the one to stop before."""
        self._steps += 1
        if self._steps != self._at + 1:
            return False
        self.reached.set()
        return True


async def stop(tx: Tx, parking: Parking) -> None:
    if parking.here():
        await tx.execute(WAIT)


class _Stepping:
    """A transaction that stops before one of its statements."""

    def __init__(self, tx: Tx, parking: Parking) -> None:
        self._tx = tx
        self._parking = parking

    async def execute(self, sql: str, /, *args: Value) -> int:
        await stop(self._tx, self._parking)
        return await self._tx.execute(sql, *args)

    async def fetch_one(self, sql: str, /, *args: Value) -> Row | None:
        await stop(self._tx, self._parking)
        return await self._tx.fetch_one(sql, *args)

    async def fetch_all(self, sql: str, /, *args: Value) -> list[Row]:
        await stop(self._tx, self._parking)
        return await self._tx.fetch_all(sql, *args)


class Crossing:
    """One way in which two actions meet, in a thread of its own making."""

    def __init__(self, studio: Studio, outside: asyncpg.Connection | None, at: int, *, swapped: bool) -> None:
        self.studio = studio
        self._outside = outside
        self._at = at
        self._swapped = swapped
        #: Whether the action that was to be parked was over before it came to its step.
        self.passed = False

    async def __call__(self, first: Action, second: Action) -> tuple[Any, Any]:
        """Let two actions meet; returns the answer of each, or what it raised."""
        parked, beside = await self._meet(*((second, first) if self._swapped else (first, second)))
        for answer in (parked, beside):
            if isinstance(answer, BaseException) and not isinstance(answer, EditError):
                raise answer
        return (beside, parked) if self._swapped else (parked, beside)

    async def _meet(self, parked: Action, other: Action) -> tuple[Any, Any]:
        if self._outside is not None:
            await self._outside.execute("SELECT pg_advisory_lock(1)")
        parking, free = Parking(self.studio.database, self._at), Parking(self.studio.database, -1)
        first = asyncio.create_task(_do(parked, self._at_work(parking)))
        await asyncio.wait(
            [first, reached := asyncio.create_task(parking.reached.wait())], return_when=asyncio.FIRST_COMPLETED
        )
        self.passed = not parking.reached.is_set()
        reached.cancel()
        second = asyncio.create_task(_do(other, self._at_work(free)))
        while not (second.done() or await self._both_wait()):
            await asyncio.sleep(0)
        parking.let_go.set()
        if self._outside is not None:
            await self._outside.execute("SELECT pg_advisory_unlock(1)")
        answers = await first, await second
        assert (parking.begun, free.begun) == (parking.units, free.units), "they locked each other out"
        return answers

    def _at_work(self, parking: Parking) -> Studio:
        """The studio of the same moment, on a database that stops."""
        studio = type(self.studio)(cast("Database", parking), self.studio.store)
        studio.now = self.studio.now
        return studio

    async def _both_wait(self) -> bool:
        if self._outside is None:
            return False
        (waiting,) = await self._outside.fetchrow(WAITING) or (0,)
        return waiting >= 2


async def _do(action: Action, studio: Studio) -> Any:
    try:
        return await action(studio)
    except Exception as error:  # noqa: BLE001 - a refusal is an answer; Crossing raises what is none
        return error


@pytest.fixture
async def crossings(
    database: Database,
    migrated_url: str,
    empty: Callable[[Database], Awaitable[None]],
    studio: Studio,
) -> AsyncGenerator[Crossings]:
    """Every way in which two actions can meet, each in a studio where nothing was made yet."""

    async def walk(outside: asyncpg.Connection | None) -> Crossings:
        for swapped in (False, True):
            at, passed = 0, False
            while not passed:
                await empty(database)
                crossing = Crossing(type(studio)(database, studio.store), outside, at, swapped=swapped)
                yield crossing
                at, passed = at + 1, crossing.passed

    async with AsyncExitStack() as stack:
        outside = None
        if database.engine == "postgres":
            outside = await asyncpg.connect(migrated_url)
            stack.push_async_callback(outside.close)
        yield walk(outside)


def every_way(*ends: str) -> Callable[[Scene], Callable[[Crossings], Awaitable[None]]]:
    """Make a test of a scene in which two actions meet: it is played in every way in which they can.

    ``ends`` are the ways in which it has to end, each at least once, as the scene tells.
    """

    def make(scene: Scene) -> Callable[[Crossings], Awaitable[None]]:
        async def test(crossings: Crossings) -> None:
            assert {await scene(crossing) async for crossing in crossings} == set(ends or [None])

        return test

    return make


# A server's own rules -------------------------------------------------------------------------------------------------


@every_way("made before the bound", "refused by the bound")
async def test_an_edit_asked_for_while_a_bound_is_set_is_made_before_it_or_refused_by_it(crossing: Crossing) -> str:
    studio = crossing.studio
    await studio.houses.set_default(studio.MODERATOR, "steps", "10")
    job, rules = await crossing(
        lambda studio: studio.ask(studio.BO),
        lambda studio: studio.houses.set_bound(studio.MODERATOR, "steps", None, "20"),
    )
    assert rules == await studio.houses.of(10)
    assert rules.bounds == {"steps": Bound(None, 20)}
    said = await studio.refusal(studio.ask(studio.CY), BadOption)
    assert said == "`steps` goes up to 20 in this server, and 30 was given."
    await studio.check_books()
    if isinstance(job, BadOption):
        assert str(job) == said
        assert await studio.jobs() == []
        return "refused by the bound"
    assert [made.id for made in await studio.jobs()] == [job.id]
    return "made before the bound"


@every_way()
async def test_two_managers_cannot_set_at_once_what_does_not_go_together(crossing: Crossing) -> None:
    studio = crossing.studio
    answers = await crossing(
        lambda studio: studio.houses.set_default(studio.MODERATOR, "steps", "45"),
        lambda studio: studio.houses.set_bound(studio.BO, "steps", None, "40"),
    )
    assert sum(isinstance(answer, BadOption) for answer in answers) == 1
    rules = await studio.houses.of(10)
    assert (rules.defaults, rules.bounds) in (({"steps": 45}, {}), ({}, {"steps": Bound(None, 40)}))


# Being forgotten -----------------------------------------------------------------------------------------------------


async def forget(studio: Studio) -> int:
    """Forget Bo."""
    people = People(studio.database, studio.store, studio.signals, studio.settings, clock=studio.clock)
    return await people.forget(studio.BO.user_id)


async def nothing_is_in_the_name_of_nobody(tx: Tx) -> None:
    """Whatever holds words is somebody's: it was written before they were forgotten and went, or by somebody new after."""
    for table, column in (("drafts", "account_id"), ("presets", "owner_id"), ("offers", "account_id")):
        sql = f"SELECT {column} FROM {table} WHERE {column} NOT IN (SELECT id FROM accounts)"
        assert await tx.fetch_all(sql) == []
    words = "SELECT request FROM jobs WHERE account_id NOT IN (SELECT id FROM accounts)"
    assert not [row for row in await tx.fetch_all(words) if "a hat" in row["request"]]
    kept = "SELECT id FROM results WHERE sha256 IS NOT NULL AND job_id IN (SELECT id FROM jobs WHERE account_id NOT IN (SELECT id FROM accounts))"
    assert await tx.fetch_all(kept) == []


@every_way("before", "after")
async def test_an_edit_asked_for_while_its_asker_is_forgotten_goes_too_or_is_somebody_news(crossing: Crossing) -> str:
    studio = crossing.studio
    await studio.make(studio.BO)
    known, job = await crossing(forget, lambda studio: studio.ask(studio.BO))
    assert known == 1
    await studio.database.read(nothing_is_in_the_name_of_nobody)
    await studio.check_books()
    now = next(one for one in await studio.jobs() if one.id == job.id)
    assert (now.user_id is None) == (now.status is Status.CANCELLED)
    return "before" if now.user_id is None else "after"


@every_way("before", "after")
async def test_a_draft_begun_while_its_writer_is_forgotten_goes_too_or_is_somebody_news(crossing: Crossing) -> str:
    studio = crossing.studio
    await studio.make(studio.BO)

    async def write(studio: Studio) -> Draft:
        return await Drafts(studio.database, clock=studio.clock).open(studio.BO, Beginning({"prompt": "a hat"}))

    _, draft = await crossing(forget, write)
    await studio.database.read(nothing_is_in_the_name_of_nobody)
    kept = await studio.database.read(drafts.get, draft.id)
    assert kept is None or kept.user_id == studio.BO.user_id
    return "before" if kept is None else "after"


@every_way()
async def test_a_late_result_is_kept_of_nobody_however_it_meets_the_forgetting(crossing: Crossing) -> None:
    studio = crossing.studio
    job = await studio.ask(studio.BO)
    for status in (Status.SUBMITTING, Status.EXPIRED):
        assert await studio.database.run(jobs.move, job.id, status, studio.now, poll_at=studio.now)
    late = Success(job.task_uuid, "late", "https://im.runware.ai/late.jpg", 7, 100)
    _, taken = await crossing(forget, lambda studio: studio.edits.record(job.task_uuid, [late]))
    await studio.database.read(nothing_is_in_the_name_of_nobody)
    await studio.check_books()
    [result] = await studio.edits.results(job.id)
    assert (result.deleted_at, result.url, taken.fresh) == (studio.now, "", 1)
    assert [one.image_uuid for one in await studio.database.read(remote.due, studio.now)] == ["late"]


@every_way("before", "after")
async def test_an_edit_of_a_result_asked_for_while_its_maker_is_forgotten_is_made_of_what_is_gone_or_refused(
    crossing: Crossing,
) -> str:
    studio = crossing.studio
    result = await studio.make(studio.BO)
    _, job = await crossing(forget, lambda studio: studio.ask(studio.CY, result))
    await studio.database.read(nothing_is_in_the_name_of_nobody)
    await studio.check_books()
    if isinstance(job, NotFound):
        return "after"
    [made] = [one for one in await studio.jobs() if one.id == job.id]
    assert [one.sha256 for one in made.request.references] == [""]
    return "before"


# Claims --------------------------------------------------------------------------------------------------------------


@every_way("Bo first", "Cy first")
async def test_of_two_who_begin_to_write_an_edit_at_once_the_second_sees_the_first(crossing: Crossing) -> str:
    studio = crossing.studio
    result = await studio.make()
    first, second = await crossing(
        lambda studio: studio.claims.begin(studio.BO, result.id),
        lambda studio: studio.claims.begin(studio.CY, result.id),
    )
    seen = [[claim.user_id for claim in others.writing] for others in (first, second)]
    assert seen in ([[], [2]], [[3], []])
    assert {claim.user_id for claim in await studio.claims.writing(result.job_id)} == {2, 3}
    return "Cy first" if seen[0] else "Bo first"


@every_way("writing", "running")
async def test_who_begins_while_another_asks_for_what_they_wrote_sees_them_write_or_their_edit(
    crossing: Crossing,
) -> str:
    studio = crossing.studio
    result = await studio.make()
    await studio.claims.begin(studio.BO, result.id)
    job, others = await crossing(
        lambda studio: studio.ask(studio.BO, result),
        lambda studio: studio.claims.begin(studio.CY, result.id),
    )
    assert [claim.user_id for claim in await studio.claims.writing(result.job_id)] == [3]
    if [claim.user_id for claim in others.writing] == [2]:
        return "writing"
    assert [one.id for one in others.running] == [job.id]
    return "running"


# Stars ---------------------------------------------------------------------------------------------------------------


@every_way()
async def test_two_stars_at_once_are_two(crossing: Crossing) -> None:
    studio = crossing.studio
    result = await studio.make()
    await crossing(
        lambda studio: studio.gallery.star(studio.BO, result.id),
        lambda studio: studio.gallery.star(studio.CY, result.id),
    )
    assert await stars(studio) == ([(result.id, 2)], 2)


@every_way()
async def test_a_star_that_is_taken_back_while_another_is_given_leaves_one(crossing: Crossing) -> None:
    studio = crossing.studio
    result = await studio.make()
    await studio.gallery.star(studio.BO, result.id)
    await crossing(
        lambda studio: studio.gallery.star(studio.BO, result.id),
        lambda studio: studio.gallery.star(studio.CY, result.id),
    )
    assert await stars(studio) == ([(result.id, 1)], 1)


@every_way()
async def test_two_stars_that_are_taken_back_at_once_leave_none(crossing: Crossing) -> None:
    studio = crossing.studio
    result = await studio.make()
    for asker in (studio.BO, studio.CY):
        await studio.gallery.star(asker, result.id)
    await crossing(
        lambda studio: studio.gallery.star(studio.BO, result.id),
        lambda studio: studio.gallery.star(studio.CY, result.id),
    )
    assert await stars(studio) == ([], 0)


@every_way("given", "refused")
async def test_a_result_that_is_deleted_while_it_gets_a_star_has_none(crossing: Crossing) -> str:
    studio = crossing.studio
    result = await studio.make()
    star, _ = await crossing(
        lambda studio: studio.gallery.star(studio.BO, result.id),
        lambda studio: studio.edits.delete(result.id, asker=studio.ANA, manages=False),
    )
    assert star == (True, 1) or isinstance(star, NotFound)
    assert await stars(studio) == ([], 0)
    return "refused" if isinstance(star, NotFound) else "given"


async def stars(studio: Studio) -> tuple[list[tuple[int, int]], int]:
    """The counters of the results that have one, and how many stars there are."""

    async def look(tx: Tx) -> tuple[list[tuple[int, int]], int]:
        counters = await tx.fetch_all("SELECT result_id, stars FROM starred ORDER BY result_id")
        given = await tx.fetch_all("SELECT result_id FROM stars")
        return [(row["result_id"], row["stars"]) for row in counters], len(given)

    return await studio.database.read(look)


# Sessions ------------------------------------------------------------------------------------------------------------


@every_way()
async def test_two_first_edits_in_a_thread_at_once_open_one_session(crossing: Crossing) -> None:
    studio = crossing.studio
    first, second = await crossing(lambda studio: studio.ask(studio.ANA), lambda studio: studio.ask(studio.BO))
    session = await studio.session()
    assert first.session_id == second.session_id == session.id
    assert session.owner_id in {first.account_id, second.account_id}
    await studio.check_books()


@every_way("admitted", "refused")
async def test_an_edit_asked_for_while_its_session_is_closed_is_there_by_then_or_never(crossing: Crossing) -> str:
    studio = crossing.studio
    await studio.make()
    session = await studio.session()
    job, there = await crossing(
        lambda studio: studio.ask(studio.BO),
        lambda at_work: _then_look(at_work.sessions.close(studio.ANA, session.id), studio),
    )
    return await _admitted_or_refused(studio, job, there)


@every_way("admitted", "refused")
async def test_an_edit_of_somebody_who_is_removed_meanwhile_is_there_by_then_or_never(crossing: Crossing) -> str:
    studio = crossing.studio
    await studio.make()
    session = await studio.session()
    job, there = await crossing(
        lambda studio: studio.ask(studio.BO),
        lambda at_work: _then_look(at_work.sessions.remove(studio.ANA, session.id, studio.BO.user_id), studio),
    )
    return await _admitted_or_refused(studio, job, there)


async def _then_look(done: Awaitable[object], studio: Studio) -> list[Job]:
    """The jobs there are once something is done."""
    await done
    return await studio.jobs()


async def _admitted_or_refused(studio: Studio, job: Job | EditError, there: list[Job]) -> str:
    """What was asked for was written down by then, and goes on to its end; or it was refused, and nothing is held."""
    assert await studio.jobs() == there
    if isinstance(job, Job):
        assert await studio.used(studio.BO) == (job.hold, 0)
        await studio.finish(job, cost=70)
        assert await studio.used(studio.BO) == (0, 70)
    else:
        assert isinstance(job, NotAllowed)
        assert (len(there), await studio.used(studio.BO)) == (1, (0, 0))
    await studio.check_books()
    return "admitted" if isinstance(job, Job) else "refused"


@every_way("locked", "refused")
async def test_what_an_owner_presses_while_they_hand_over_counts_before_or_is_refused(crossing: Crossing) -> str:
    studio = crossing.studio
    job = await studio.ask(studio.ANA)
    heir = await studio.ask(studio.BO)
    handed, locked = await crossing(
        lambda studio: studio.sessions.hand_over(studio.ANA, job.session_id, studio.BO.user_id),
        lambda studio: studio.sessions.lock(studio.ANA, job.session_id),
    )
    session = await studio.session()
    assert session.owner_id == handed.owner_id == heir.account_id
    if isinstance(locked, Session):
        assert (locked.state, session.state) == (SessionState.LOCKED, SessionState.LOCKED)
        return "locked"
    assert isinstance(locked, NotAllowed)
    assert session.state is SessionState.OPEN
    return "refused"


@every_way("removed", "refused")
async def test_the_heir_of_a_session_is_not_removed_from_it_by_the_old_owner(crossing: Crossing) -> str:
    studio = crossing.studio
    job = await studio.ask(studio.ANA)
    _, removed = await crossing(
        lambda studio: studio.sessions.hand_over(studio.ANA, job.session_id, studio.BO.user_id),
        lambda studio: studio.sessions.remove(studio.ANA, job.session_id, studio.BO.user_id),
    )
    assert isinstance(removed, Session | NotAllowed)
    assert (await studio.sessions.view(await studio.session())).removed == ()
    assert isinstance(await studio.ask(studio.BO), Job)
    return "removed" if isinstance(removed, Session) else "refused"


# Rounds --------------------------------------------------------------------------------------------------------------


@every_way("Ana's", "Bo's")
async def test_of_two_rounds_opened_at_once_one_stands(crossing: Crossing) -> str:
    studio = crossing.studio
    result = await studio.make()
    answers = await crossing(
        lambda studio: studio.open_round(result),
        lambda studio: studio.rounds.open(studio.BO, studio.PLACE, result.id, minutes=9, quorum=3),
    )
    (opened,) = [answer for answer in answers if isinstance(answer, Round)]
    (refused,) = [answer for answer in answers if answer != opened]
    assert isinstance(refused, TooLate)
    assert await studio.rounds.current(opened.session_id) == opened
    return "Ana's" if opened == answers[0] else "Bo's"


@every_way()
async def test_of_two_last_proposals_at_once_one_is_taken(crossing: Crossing) -> None:
    studio = crossing.studio
    opened = await studio.open_round(await studio.make())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rounds, "MOST_PROPOSALS", 1)
        answers = await crossing(
            lambda studio: studio.rounds.propose(studio.BO, opened.id, "a crown"),
            lambda studio: studio.rounds.propose(studio.CY, opened.id, "a wig"),
        )
    assert sorted(type(answer).__name__ for answer in answers) == ["RoundView", "TooLate"]
    assert len((await studio.rounds.view(opened.id)).proposals) == 1


@every_way()
async def test_two_votes_of_one_person_at_once_are_one(crossing: Crossing) -> None:
    studio = crossing.studio
    opened = await studio.open_round(await studio.make())
    crown, wig = [await studio.propose(opened, asker) for asker in (studio.BO, studio.CY)]
    await crossing(
        lambda studio: studio.rounds.vote(studio.ANA, opened.id, crown),
        lambda studio: studio.rounds.vote(studio.ANA, opened.id, wig),
    )
    assert (await studio.rounds.view(opened.id)).voters == 1


@every_way("counted", "refused")
async def test_a_vote_at_the_deadline_counts_or_is_refused(crossing: Crossing) -> str:
    studio, opened, crown = await funded_round(crossing)
    await studio.rounds.vote(studio.ANA, opened.id, crown)
    vote, _ = await crossing(
        lambda studio: at(studio, opened.ends_at - 1).rounds.vote(studio.CY, opened.id, crown),
        lambda studio: at(studio, opened.ends_at).rounds.make(opened, crown, studio.BO),
    )
    ended = await studio.rounds.view(opened.id)
    if isinstance(vote, TooLate):
        assert (ended.round.state, ended.voters, ended.job) == (RoundState.FEW, 1, None)
    else:
        assert not isinstance(vote, EditError)
        assert (ended.round.state, ended.voters) == (RoundState.WON, 2)
    await pool_alone_pays(studio, ended.job)
    return "refused" if isinstance(vote, TooLate) else "counted"


@every_way()
async def test_a_round_that_is_ended_twice_at_once_becomes_one_job(crossing: Crossing) -> None:
    studio, opened, crown = await funded_round(crossing)
    await studio.fund((await studio.pool())[0])  # enough for a second one
    for voter in (studio.ANA, studio.CY):
        await studio.rounds.vote(voter, opened.id, crown)
    await crossing(
        lambda studio: at(studio, opened.ends_at).rounds.make(opened, crown, studio.BO),
        lambda studio: at(studio, opened.ends_at).rounds.make(opened, crown, studio.BO),
    )
    ended = await studio.rounds.view(opened.id)
    assert ended.round.state is RoundState.WON
    assert len(await studio.jobs()) == 2
    await pool_alone_pays(studio, ended.job)


@every_way("won", "stopped")
async def test_a_round_whose_session_is_closed_at_its_end_is_won_or_stopped(crossing: Crossing) -> str:
    studio, opened, crown = await funded_round(crossing)
    for voter in (studio.ANA, studio.CY):
        await studio.rounds.vote(voter, opened.id, crown)
    _, there = await crossing(
        lambda studio: at(studio, opened.ends_at).rounds.make(opened, crown, studio.BO),
        lambda at_work: _then_look(at_work.sessions.close(studio.ANA, opened.session_id), studio),
    )
    ended = await studio.rounds.view(opened.id)
    assert ended.round.state is (RoundState.STOPPED if ended.job is None else RoundState.WON)
    assert await studio.jobs() == there
    await pool_alone_pays(studio, ended.job)
    return ended.round.state.value


@every_way("won", "refused")
async def test_a_round_whose_picture_is_deleted_at_its_end_becomes_a_job_or_is_refused_in_words(
    crossing: Crossing,
) -> str:
    studio, opened, crown = await funded_round(crossing)
    for voter in (studio.ANA, studio.CY):
        await studio.rounds.vote(voter, opened.id, crown)
    await crossing(
        lambda studio: at(studio, opened.ends_at).rounds.make(opened, crown, studio.BO),
        lambda studio: studio.edits.delete(opened.result_id, asker=studio.ANA, manages=False),
    )
    ended = await studio.rounds.view(opened.id)
    if ended.job is None:
        assert ended.round.state is RoundState.REFUSED
        assert ended.round.winner_id in (None, crown), "it ended by the deletion, or by the count"
        assert ended.round.reason in {
            f"#{opened.result_id} was taken down, so nothing can be made of it.",
            "I no longer have that picture; attach it again.",
        }
    await pool_alone_pays(studio, ended.job)
    return ended.round.state.value


@every_way()
async def test_who_is_removed_while_they_vote_or_propose_has_no_part_in_the_round(crossing: Crossing) -> None:
    studio = crossing.studio
    opened = await studio.open_round(await studio.make())
    crown = await studio.propose(opened, studio.CY)
    await studio.propose(opened, studio.BO, studio.ANA)

    async def act(studio: Studio) -> None:
        await studio.rounds.vote(studio.BO, opened.id, crown)
        await studio.rounds.propose(studio.BO, opened.id, "a wig")

    await crossing(act, lambda studio: studio.sessions.remove(studio.ANA, opened.session_id, studio.BO.user_id))
    assert [(one.user_id, one.votes) for one in (await studio.rounds.view(opened.id)).proposals] == [(3, 0)]


@every_way()
async def test_who_is_shut_out_by_a_change_of_access_while_they_vote_or_propose_has_no_part_in_the_round(
    crossing: Crossing,
) -> None:
    studio = crossing.studio
    opened = await studio.open_round(await studio.make())
    crown = await studio.propose(opened, studio.ANA)

    async def act(studio: Studio) -> None:
        await studio.rounds.vote(studio.BO, opened.id, crown)
        await studio.rounds.propose(studio.BO, opened.id, "a wig")

    await crossing(act, lambda studio: studio.sessions.set_access(studio.ANA, opened.session_id, Access.INVITED))
    assert [(one.user_id, one.votes) for one in (await studio.rounds.view(opened.id)).proposals] == [(1, 0)]


@every_way("won", "silent")
async def test_the_winner_of_a_round_who_is_removed_at_its_end_has_won_or_has_no_part_in_it(crossing: Crossing) -> str:
    studio, opened, crown = await funded_round(crossing)
    for voter in (studio.ANA, studio.CY):
        await studio.rounds.vote(voter, opened.id, crown)
    _, there = await crossing(
        lambda studio: at(studio, opened.ends_at).rounds.make(opened, crown, studio.BO),
        lambda at_work: _then_look(at_work.sessions.remove(studio.ANA, opened.session_id, studio.BO.user_id), studio),
    )
    ended = await studio.rounds.view(opened.id)
    assert await studio.jobs() == there
    if ended.job is None:
        assert (ended.round.state, ended.proposals) == (RoundState.SILENT, ())
    await pool_alone_pays(studio, ended.job)
    return ended.round.state.value


@every_way("refused", "silent", "open")
async def test_a_round_is_refused_on_account_of_its_winner_and_never_without_one(crossing: Crossing) -> str:
    studio, opened, crown = await funded_round(crossing)
    for voter in (studio.ANA, studio.CY):
        await studio.rounds.vote(voter, opened.id, crown)

    async def end(studio: Studio) -> None:
        winner = (await at(studio, opened.ends_at).rounds.verdict(opened)).winner
        if winner is None:
            await studio.rounds.end(opened)
        else:
            await studio.rounds.refuse(opened, winner.id, "They left.")

    await crossing(
        end,
        lambda studio: studio.sessions.remove(studio.ANA, opened.session_id, studio.BO.user_id),
    )
    ended = (await studio.rounds.view(opened.id)).round
    if ended.state is RoundState.REFUSED:
        assert ended.winner_id == crown
    if ended.state is RoundState.OPEN:  # the next look finds that nobody has proposed anything
        await at(studio, opened.ends_at).rounds.end(opened)
        assert (await studio.rounds.view(opened.id)).round.state is RoundState.SILENT
    return ended.state.value


@every_way("won", "refused")
async def test_a_pool_that_others_draw_on_at_the_end_of_a_round_pays_all_of_it_or_the_round_is_refused_in_words(
    crossing: Crossing,
) -> str:
    studio, opened, crown = await funded_round(crossing)
    for voter in (studio.ANA, studio.CY):
        await studio.rounds.vote(voter, opened.id, crown)
    _, drawn = await crossing(
        lambda studio: at(studio, opened.ends_at).rounds.make(opened, crown, studio.BO),
        lambda studio: studio.ask(studio.CY),
    )
    ended = await studio.rounds.view(opened.id)
    if ended.job is None:
        assert ended.round.state is RoundState.REFUSED
        assert "The pool of this thread has $0" in (ended.round.reason or "")
    own = await studio.used(studio.CY)
    assert own == ((drawn.hold, 0) if ended.job is not None else (0, 0))
    assert (await studio.pool())[:2] == (0, drawn.hold)
    assert await studio.used(studio.BO) == (0, 0)
    await studio.check_books()
    return ended.round.state.value


@every_way("won", "refused")
async def test_a_pool_that_is_closed_at_the_end_of_a_round_pays_all_of_it_or_the_round_is_refused_in_words(
    crossing: Crossing,
) -> str:
    studio, opened, crown = await funded_round(crossing)
    for voter in (studio.ANA, studio.CY):
        await studio.rounds.vote(voter, opened.id, crown)
    await crossing(
        lambda studio: at(studio, opened.ends_at).rounds.make(opened, crown, studio.BO),
        lambda studio: studio.budgets.close_pool(studio.MODERATOR, studio.THREAD, manages=True),
    )
    ended = await studio.rounds.view(opened.id)
    assert ended.round.state is (RoundState.REFUSED if ended.job is None else RoundState.WON)
    assert await studio.used(studio.BO) == (0, 0)
    await studio.check_books()
    return ended.round.state.value


async def funded_round(crossing: Crossing) -> tuple[Studio, Round, int]:
    """A round in which Bo proposes what the pool covers exactly; returns his proposal too."""
    studio = crossing.studio
    opened = await studio.open_round(await studio.make())
    crown = await studio.propose(opened, studio.BO)
    await studio.fund((await studio.rounds.view(opened.id)).price.hold)
    return studio, opened, crown


def at(studio: Studio, now: int) -> Studio:
    studio.now = now
    return studio


async def pool_alone_pays(studio: Studio, job: Job | None) -> None:
    """The pool holds for the job that a round became, if it became one; nobody's own allowance does."""
    held = 0 if job is None else job.hold
    assert (await studio.pool())[1:] == (held, 0)
    assert [await studio.used(asker) for asker in (studio.BO, studio.CY)] == [(0, 0), (0, 0)]
    assert await studio.used(studio.ANA) == (0, 100), "the picture that the round is about"
    await studio.check_books()


@every_way("ended", "refused")
async def test_a_round_opened_while_its_picture_is_deleted_does_not_stand_open(crossing: Crossing) -> str:
    studio = crossing.studio
    result = await studio.make()
    opened, _ = await crossing(
        lambda studio: studio.open_round(result),
        lambda studio: studio.edits.delete(result.id, asker=studio.ANA, manages=False),
    )
    assert await studio.rounds.current((await studio.session()).id) is None
    if isinstance(opened, NotFound):
        return "refused"
    assert (await studio.rounds.view(opened.id)).round.state is RoundState.REFUSED
    return "ended"


# Parents -------------------------------------------------------------------------------------------------------------


@every_way("made", "refused")
async def test_an_edit_whose_parent_is_deleted_meanwhile_has_its_bytes_or_is_not_made(
    crossing: Crossing,
) -> str:
    studio = crossing.studio
    parent = await studio.make()
    job, _ = await crossing(
        lambda studio: studio.ask(studio.BO, parent),
        lambda studio: studio.edits.delete(parent.id, asker=studio.ANA, manages=False),
    )
    family = await studio.lineage.family(parent.id)
    assert not family.step.result.usable
    kept = await bytes_of(studio, parent)
    if isinstance(job, NotFound):
        assert kept is None
        assert await studio.used(studio.BO) == (0, 0)
    else:
        assert kept is not None
        (child,) = await studio.finish(job)
        assert (await studio.lineage.family(child.id)).parent == family.step
    await studio.check_books()
    return "refused" if isinstance(job, NotFound) else "made"


async def bytes_of(studio: Studio, result: Result) -> bytes | None:
    try:
        return await studio.store.get(result.sha256 or "")
    except NotFound:
        return None
