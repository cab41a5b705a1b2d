"""Sweeps meet limits and each other, on both engines: begun once, whole or not at all, within every limit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.contact_sheet import Fate
from bot.edits import Edits
from bot.errors import EditError, NotFound, OverQuota, Paused, TooLate
from bot.metrics import Metrics
from bot.pictures import Pictures
from bot.signals import Signals
from bot.sweeps import Plan, Sweeps, SweepView
from storage import alerts, grants, house, jobs, pictures, sweeps
from storage.database import Tx
from storage.records import Asker, EditRequest, Grant, Job, Measure, Place, Reference, Scope, Status
from storage.sweeps import Axis, SweepState
from storage.windows import Window

ANA, MANAGER = Asker(10, 1, frozenset({10})), Asker(10, 99)
REQUEST = EditRequest("a hat", (Reference("a" * 64, 512, 512, "cat.png"),), 1024, 768, 7)
HOUR = 3_600_000


class Bench:
    """The use cases of sweeps over the books of an office."""

    def __init__(self, office: Any, store: Pictures) -> None:
        self.office, self.database = office, office.database
        signals, settings = Signals(), office.settings
        self.edits = Edits(self.database, store, signals, Metrics(), settings, clock=office.clock)
        self.sweeps = Sweeps(self.database, self.edits, signals, settings, clock=office.clock)

    async def ask(self, cells: int = 4, *, asker: Asker = ANA, reply_id: int = 200) -> SweepView:
        plan = Plan(REQUEST, (Axis("seed", tuple(range(cells))),), (None,) * cells)
        return await self.sweeps.ask(asker, Place(100, reply_id), plan)

    async def begin(self, cells: int = 4, **asked: Any) -> SweepView:
        return await self.sweeps.accept((await self.ask(cells, **asked)).sweep.id, ANA)

    async def jobs(self) -> list[Job]:
        async def look(tx: Tx) -> list[Job]:
            return [jobs.from_row(row) for row in await tx.fetch_all(f"SELECT {jobs.COLUMNS} ORDER BY jobs.id")]

        return await self.database.read(look)

    async def limit(self, edits: int) -> None:
        await self.office.budgets.allow(MANAGER, Scope.MEMBER, ANA.user_id, Measure.EDITS, edits, Window.daily())


@pytest.fixture
async def bench(office_of: Callable[..., Any], tmp_path: Path) -> AsyncGenerator[Bench]:
    async with Pictures(tmp_path / "pictures", min_free=0) as store:
        yield Bench(office_of(member_daily_usd=100), store)


async def test_of_many_who_press_yes_at_once_one_begins_the_sweep(bench: Bench) -> None:
    asked = await bench.ask()
    pressed = await asyncio.gather(
        *(bench.sweeps.accept(asked.sweep.id, ANA) for _ in range(8)), return_exceptions=True
    )
    begun = [one for one in pressed if isinstance(one, SweepView)]
    assert len(begun) == 1
    assert all(isinstance(one, NotFound) for one in pressed if not isinstance(one, SweepView))
    assert [cell.fate for cell in begun[0].cells] == [Fate.OPEN] * 4
    made = await bench.jobs()
    assert [(job.request.seed, job.sweep_id, job.place.reply_id) for job in made] == [
        (seed, asked.sweep.id, 200) for seed in range(4)
    ]
    assert len({job.session_id for job in made}) == 1
    await bench.office.check_books()


async def test_sweeps_and_edits_that_meet_never_pass_a_limit_together(bench: Bench) -> None:
    await bench.limit(7)
    asked = [await bench.ask(4, reply_id=200 + number) for number in range(4)]
    await asyncio.gather(
        *(bench.sweeps.accept(one.sweep.id, ANA) for one in asked),
        *(bench.edits.request(ANA, Place(100, 300 + number), REQUEST) for number in range(3)),
        return_exceptions=True,
    )
    assert len(await bench.jobs()) == 7
    views = [await bench.sweeps.view(one.sweep.id) for one in asked]
    for view in views:
        fates = [cell.fate for cell in view.cells]
        if view.sweep.state is SweepState.ASKED:
            assert [cell.refusal for cell in view.cells] == [None] * 4, "a sweep of which nothing fits stays a question"
        else:
            assert fates == [Fate.OPEN] * fates.count(Fate.OPEN) + [Fate.REFUSED] * fates.count(Fate.REFUSED)
            assert Fate.OPEN in fates
    await bench.office.check_books()


async def test_a_cell_that_is_refused_draws_on_no_bonus(bench: Bench) -> None:
    bonus = await bench.office.budgets.grant(MANAGER, Scope.MEMBER, ANA.user_id, 10**9)
    await bench.limit(2)
    view = await bench.begin(4)
    assert [cell.refusal is None for cell in view.cells] == [True, True, False, False]
    held = sum(job.hold for job in await bench.jobs())
    assert (await _known(bench, bonus)).held == held
    await bench.office.check_books()


async def _known(bench: Bench, grant: Grant) -> Grant:
    return await bench.database.read(grants.known, grant.id)


async def test_of_several_limits_that_refuse_cells_each_is_told_of(bench: Bench) -> None:
    dearest = (await bench.edits.price(10, replace(REQUEST, steps=50))).hold
    await bench.office.budgets.allow(MANAGER, Scope.MEMBER, ANA.user_id, Measure.MONEY, dearest - 1, Window.daily())
    await bench.office.budgets.allow(MANAGER, Scope.SERVER, 0, Measure.EDITS, 1, Window.daily())
    asked = await bench.sweeps.ask(ANA, Place(100, 200), Plan(REQUEST, (Axis("steps", (50, 1, 2)),), (None,) * 3))
    view = await bench.sweeps.accept(asked.sweep.id, ANA)
    assert [cell.fate for cell in view.cells] == [Fate.REFUSED, Fate.OPEN, Fate.REFUSED]
    told = await bench.database.read(alerts.to_post)
    assert len(told) == 1, "the member's own limit is no alert, and that of the server is one"


async def test_a_sweep_of_which_nothing_fits_leaves_nothing_behind(bench: Bench) -> None:
    await bench.limit(0)
    asked = await bench.ask()
    with pytest.raises(OverQuota, match="Your own limits allow no edits"):
        await bench.sweeps.accept(asked.sweep.id, ANA)
    assert len(asked.doubts) == len(asked.cells), "the question had said so"
    assert await bench.sweeps.view(asked.sweep.id) == replace(asked, doubts={})
    assert await bench.jobs() == []
    assert await bench.office.open_holds() == 0


@pytest.mark.parametrize(
    ("asked", "now", "then"), [("fast", "none", "fast"), ("none", "none", "none"), ("none", "fast", "fast")]
)
async def test_what_was_asked_for_with_the_content_check_keeps_it(
    bench: Bench, asked: str, now: str, then: str
) -> None:
    await bench.database.run(house.put_checked, 10, 100, checked=False)
    plan = Plan(replace(REQUEST, safety=asked), (Axis("seed", (1, 2)),), (None,) * 2)
    question = await bench.sweeps.ask(ANA, Place(100, 200), plan)
    await bench.sweeps.accept(question.sweep.id, ANA, safety=now)
    assert [job.request.safety for job in await bench.jobs()] == [then, then]


async def test_a_picture_used_long_ago_stays_while_the_question_stands(bench: Bench) -> None:
    await bench.database.run(pictures.used, REQUEST.references[0].sha256, 1)
    await bench.ask()
    assert await bench.database.run(pictures.forget_unused, bench.office.clock(), 9) == 0


async def test_a_question_that_is_asked_anew_says_again_what_would_not_fit(bench: Bench) -> None:
    asked = await bench.ask()
    await bench.limit(3)
    again = await bench.sweeps.accept(asked.sweep.id, ANA, shown=1)
    assert again.sweep.state is SweepState.ASKED
    assert set(again.doubts) == {3}
    assert await bench.jobs() == []


async def test_the_rest_is_cancelled_once_and_its_holds_come_back(bench: Bench) -> None:
    view = await bench.begin(5)
    await bench.database.run(
        jobs.claim_next, in_flight_limit=1, now=bench.office.clock(), poll_at=bench.office.clock(), card_interval=0
    )
    cancelled = await asyncio.gather(
        *(bench.sweeps.cancel_rest(view.sweep.id, asker=ANA, manages=False) for _ in range(4)), return_exceptions=True
    )
    assert sum(one for one in cancelled if isinstance(one, int)) == 4
    assert all(isinstance(one, int | TooLate) for one in cancelled)
    assert sorted(job.status for job in await bench.jobs()) == [Status.CANCELLED] * 4 + [Status.SUBMITTING]
    assert await bench.office.open_holds() == 1
    assert not (await bench.sweeps.view(view.sweep.id)).cancellable
    await bench.office.check_books()


async def test_a_second_press_at_the_old_price_is_no_yes_to_the_new_one(bench: Bench) -> None:
    asked = await bench.ask()
    new = asked.price.estimate
    old = new * 100 // 126
    for _ in range(2):
        again = await bench.sweeps.accept(asked.sweep.id, ANA, shown=old)
        assert (again.sweep.state, again.sweep.price) == (SweepState.ASKED, new)
    assert await bench.jobs() == []
    assert (await bench.sweeps.accept(asked.sweep.id, ANA, shown=new)).sweep.state is SweepState.RUNNING


async def test_nobody_waits_behind_all_cells_of_somebody_elses_sweep(bench: Bench) -> None:
    now = bench.office.clock()

    async def sent() -> Job | None:
        return await bench.database.run(jobs.claim_next, in_flight_limit=9, now=now, poll_at=now, card_interval=0)

    await bench.begin(20)
    assert await sent() is not None
    other = await bench.edits.request(Asker(10, 2), Place(100, 300), REQUEST)
    following = [await sent() for _ in range(2)]
    assert other.id in {job.id for job in following if job is not None}


async def test_a_pause_keeps_a_sweep_from_being_asked_for_and_from_beginning(bench: Bench) -> None:
    asked = await bench.ask()
    await bench.office.budgets.pause(MANAGER, 100, "a break")
    for refused in (bench.ask(), bench.sweeps.accept(asked.sweep.id, ANA)):
        with pytest.raises(Paused, match="a break"):
            await refused
    assert await bench.jobs() == []


async def test_a_question_of_another_server_and_one_of_another_hour_are_gone(bench: Bench) -> None:
    asked = await bench.ask()
    with pytest.raises(NotFound):
        await bench.sweeps.question(asked.sweep.id, Asker(11, ANA.user_id))
    bench.office.desk.now += HOUR
    with pytest.raises(NotFound, match="an hour has passed"):
        await bench.sweeps.question(asked.sweep.id, ANA)
    await bench.office.tick()
    assert await bench.database.read(sweeps.get, asked.sweep.id) is None


async def test_a_server_that_may_spend_no_more_begins_nothing(bench: Bench) -> None:
    asked = await bench.ask()
    bench.office.settings = bench.office.settings.model_copy(update={"allowed_guilds": frozenset({11})})
    bench.edits._settings = bench.office.settings
    with pytest.raises(EditError, match="may not spend"):
        await bench.sweeps.accept(asked.sweep.id, ANA)
