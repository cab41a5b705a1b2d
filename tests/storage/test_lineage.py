"""Lineage: what each result was made of, what was made of it, and the way back to the first one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from storage import accounts, lineage, results, sessions
from storage.database import Database, Tx
from storage.lineage import Step
from storage.records import OPEN, Job, Place, Scope, Status, Success

Ask = Callable[..., Awaitable[Job]]
Make = Callable[..., Awaitable[int]]
Put = Callable[[Job, Status], Awaitable[None]]

NOW = 1_900_022_500_000
GUILD, THREAD = 10, 200
HERE, ELSEWHERE = Place(100, 300, THREAD), Place(100, 301)


async def step(database: Database, result_id: int) -> Step:
    found = await database.read(lineage.step, result_id)
    assert found is not None
    return found


async def children(database: Database, result_id: int, limit: int = 100) -> list[int]:
    return [child.result.id for child in await database.read(lineage.children, result_id, limit)]


async def bound(database: Database, job_id: int) -> list[tuple[int, int]]:
    async def look(tx: Tx) -> list[tuple[int, int]]:
        rows = await tx.fetch_all("SELECT place, result_id FROM lineage WHERE job_id = ?1 ORDER BY place", job_id)
        return [(row["place"], row["result_id"]) for row in rows]

    return await database.read(look)


# What a job was made of ----------------------------------------------------------------------------------------------


async def test_the_parent_stands_at_place_0_and_the_others_where_they_are_among_the_references(
    database: Database, ask: Ask, make: Make
) -> None:
    first, second, third = [await make() for _ in range(3)]
    child = await ask(parent_id=first, beside=(second, third))
    assert await bound(database, child.id) == [(0, first), (2, second), (3, third)]


async def test_a_parent_that_is_a_reference_too_is_bound_once(database: Database, ask: Ask, make: Make) -> None:
    first = await make()
    assert await bound(database, (await ask(parent_id=first, beside=(first,))).id) == [(0, first)]


async def test_pictures_that_are_no_results_are_no_part_of_the_lineage(database: Database, ask: Ask) -> None:
    assert await bound(database, (await ask()).id) == []


async def test_results_can_be_used_without_a_parent(database: Database, ask: Ask, make: Make) -> None:
    first = await make()
    job = await ask(beside=(first,))
    assert await bound(database, job.id) == [(2, first)]


# One result ----------------------------------------------------------------------------------------------------------


async def test_a_step_tells_who_asked_how_at_what_cost_and_of_what(database: Database, ask: Ask, make: Make) -> None:
    first, second = await make(1), await make(1)
    child = await make(2, parent_id=first, beside=(second, first, second), results=3, place=HERE)
    found = await step(database, child)
    bo = await database.read(accounts.find, Scope.MEMBER, GUILD, 2)
    assert (found.user_id, found.account_id) == (2, bo)
    assert (found.result.id, found.result.usable, found.made, found.job_cost) == (child, True, 1, None)
    assert (found.request.prompt, found.parent_id, found.merged) == ("a hat", first, (second,))


async def test_a_first_picture_has_no_parent(database: Database, make: Make) -> None:
    found = await step(database, await make())
    assert (found.parent_id, found.merged) == (None, ())


async def test_whoever_was_forgotten_is_no_more_than_an_account(database: Database, make: Make) -> None:
    async def forget(tx: Tx) -> None:
        await tx.execute("DELETE FROM accounts WHERE holder_id = 2")

    made = await make(2)
    before = await step(database, made)
    await database.run(forget)
    after = await step(database, made)
    assert (after.user_id, after.account_id) == (None, before.account_id)


async def test_steps_come_in_the_order_given_without_those_that_are_not_there(database: Database, make: Make) -> None:
    first, second = await make(), await make()
    found = await database.read(lineage.steps, [second, 999, first, second])
    assert [one.result.id for one in found] == [second, first, second]
    assert await database.read(lineage.step, 999) is None


# The way back and the edits that followed ----------------------------------------------------------------------------


async def test_the_way_back_goes_by_parents_to_the_first_picture_and_ignores_what_was_merged(
    database: Database, make: Make
) -> None:
    first, beside = await make(), await make()
    second = await make(parent_id=first, beside=(beside,))
    third = await make(parent_id=second)
    await make(parent_id=second)
    assert await database.read(lineage.ancestors, third) == [third, second, first]
    assert await database.read(lineage.ancestors, first) == [first]


async def test_the_way_back_of_one_picture_of_several_is_that_of_its_job(database: Database, make: Make) -> None:
    first = await make()
    second = await make(parent_id=first, results=2)
    job_id = (await step(database, second)).result.job_id
    await database.run(results.add, job_id, Success("", "two", "https://im.runware.ai/two.jpg", 7, 100), NOW)
    _, sibling = await database.read(results.of_job, job_id)
    assert await database.read(lineage.ancestors, sibling.id) == [sibling.id, first]
    assert await children(database, first) == [second, sibling.id]


async def test_a_way_that_is_too_long_begins_in_the_middle(
    database: Database, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [await make()]
    for _ in range(4):
        made.append(await make(parent_id=made[-1]))
    monkeypatch.setattr(lineage, "FARTHEST", 3)
    assert await database.read(lineage.ancestors, made[-1]) == made[:0:-1]


async def test_what_was_made_of_a_result_is_found_as_a_parent_and_beside_one_once_each_oldest_first(
    database: Database, make: Make
) -> None:
    first, other = await make(), await make()
    branch = await make(parent_id=first)
    second_branch = await make(2, parent_id=first)
    merged = await make(parent_id=other, beside=(first, first))
    grandchild = await make(parent_id=branch)
    assert await children(database, first) == [branch, second_branch, merged]
    assert await children(database, first, 2) == [second_branch, merged]
    assert await database.read(lineage.count_children, first) == 3
    assert await children(database, branch) == [grandchild]
    assert await children(database, grandchild) == []


async def test_a_deleted_parent_keeps_its_place(database: Database, make: Make) -> None:
    first = await make()
    child = await make(parent_id=first)
    await database.run(results.delete, first, NOW)
    assert await database.read(lineage.ancestors, child) == [child, first]
    assert await children(database, first) == [child]
    assert not (await step(database, first)).result.usable


# What is being made --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", Status)
async def test_an_edit_of_a_result_is_open_until_it_is_over(
    database: Database, ask: Ask, make: Make, put: Put, status: Status
) -> None:
    first = await make()
    job = await ask(2, parent_id=first)
    await put(job, status)
    found = [job.id for job in await database.read(lineage.open_edits, first)]
    assert found == ([job.id] if status in OPEN else [])


async def test_an_edit_that_uses_a_result_in_two_places_is_open_once(database: Database, ask: Ask, make: Make) -> None:
    first, second = await make(), await make()
    job = await ask(parent_id=first, beside=(second, second))
    assert [one.id for one in await database.read(lineage.open_edits, second)] == [job.id]


async def test_at_most_ten_open_edits_are_told_the_oldest_ones(database: Database, ask: Ask, make: Make) -> None:
    first = await make()
    asked = [(await ask(parent_id=first)).id for _ in range(11)]
    assert [job.id for job in await database.read(lineage.open_edits, first)] == asked[:10]


# A whole session -----------------------------------------------------------------------------------------------------


async def test_a_session_has_the_results_of_its_jobs_oldest_first_and_no_others(database: Database, make: Make) -> None:
    first = await make(place=HERE)
    elsewhere = await make(parent_id=first, place=ELSEWHERE)
    child = await make(2, parent_id=first, beside=(elsewhere,), place=HERE)
    session = await database.read(sessions.of_thread, GUILD, THREAD)
    assert session is not None
    assert [one.result.id for one in await database.read(lineage.of_session, session.id)] == [first, child]


async def test_of_a_session_with_too_many_results_the_newest_are_told(
    database: Database, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [await make(place=HERE) for _ in range(4)]
    session = await database.read(sessions.of_thread, GUILD, THREAD)
    assert session is not None
    monkeypatch.setattr(lineage, "MOST_NODES", 3)
    assert [one.result.id for one in await database.read(lineage.of_session, session.id)] == made[1:]


async def test_of_a_session_so_many_of_the_newest_are_told_as_were_asked_for(database: Database, make: Make) -> None:
    made = [await make(place=HERE) for _ in range(4)]
    session = await database.read(sessions.of_thread, GUILD, THREAD)
    assert session is not None
    assert [one.result.id for one in await database.read(lineage.of_session, session.id, 2)] == made[2:]


# What it cost --------------------------------------------------------------------------------------------------------


async def settled(database: Database, result_id: int, cost: int) -> None:
    async def settle(tx: Tx) -> None:
        await tx.execute(
            "UPDATE jobs SET cost = ?2 WHERE id = (SELECT job_id FROM results WHERE id = ?1)", result_id, cost
        )

    await database.run(settle)


async def test_a_picture_costs_its_part_of_what_its_job_made_rounded_up(database: Database, make: Make) -> None:
    alone, left_of_three, one_of_three = await make(), await make(results=3), await make(results=3)
    assert (await step(database, alone)).cost is None

    async def add_two(tx: Tx) -> None:
        job_id = (await results.get(tx, one_of_three) or pytest.fail("it is there")).job_id
        for number in (2, 3):
            success = Success("task", f"another {number}", "https://im.runware.ai/other.jpg", number, None)
            await results.add(tx, job_id, success, 1)

    await database.run(add_two)
    for made in (alone, left_of_three, one_of_three):
        await settled(database, made, 100)
    costs = [(await step(database, made)).cost for made in (alone, left_of_three, one_of_three)]
    assert costs == [100, 100, 34]


async def test_what_a_way_cost_is_told_by_place_and_person_as_its_steps_tell_it(database: Database, make: Make) -> None:
    first = await make(1)
    second = await make(2, parent_id=first, results=3)
    third = await make(1, parent_id=second)
    beside = await make(1, parent_id=first)
    for made, cost in ((first, 50), (second, 100), (beside, 1000)):
        await settled(database, made, cost)
    parts = await database.read(lineage.spent, third)
    assert {(part.channel_id, part.user_id, part.cost, part.pending) for part in parts} == {
        (None, 1, 50, 1),
        (None, 2, 100, 0),
    }
