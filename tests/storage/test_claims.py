"""Claims: who is writing an edit of a result. They are told for a time, and block nobody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from storage import accounts, claims, results
from storage.claims import Claim
from storage.database import Database, Tx
from storage.records import Job, Scope, Success

Ask = Callable[..., Awaitable[Job]]
Make = Callable[..., Awaitable[int]]

NOW = 1_900_022_500_000
UNTIL = NOW + 180_000


async def account(database: Database, user_id: int) -> int:
    return await database.run(accounts.ensure, Scope.MEMBER, NOW, 10, user_id)


async def begin(database: Database, result_id: int, user_id: int, now: int = NOW, until: int = UNTIL) -> None:
    await database.run(claims.begin, result_id, await account(database, user_id), now, until)


async def writing(database: Database, result_id: int, now: int = NOW) -> list[int]:
    return [claim.user_id for claim in await database.read(claims.of_result, result_id, now)]


async def job_of(database: Database, result_id: int) -> int:
    found = await database.read(results.get, result_id)
    assert found is not None
    return found.job_id


async def test_several_may_write_an_edit_of_a_result_and_who_began_first_is_first(
    database: Database, make: Make
) -> None:
    result_id = await make()
    await begin(database, result_id, 3, NOW - 5)
    await begin(database, result_id, 2, NOW - 9)
    assert await database.read(claims.of_result, result_id, NOW) == [
        Claim(await account(database, 2), 2, NOW - 9, UNTIL),
        Claim(await account(database, 3), 3, NOW - 5, UNTIL),
    ]
    assert await writing(database, await make()) == []


async def test_who_begins_again_has_one_claim_that_counts_from_then(database: Database, make: Make) -> None:
    result_id = await make()
    await begin(database, result_id, 2)
    await begin(database, result_id, 2, NOW + 5, UNTIL + 5)
    assert await database.read(claims.of_result, result_id, UNTIL) == [
        Claim(await account(database, 2), 2, NOW + 5, UNTIL + 5)
    ]


async def test_a_claim_is_told_until_its_time_is_over(database: Database, make: Make) -> None:
    result_id = await make()
    await begin(database, result_id, 2)
    job_id = await job_of(database, result_id)
    assert (await writing(database, result_id, UNTIL - 1), await writing(database, result_id, UNTIL)) == ([2], [])
    told = [await database.read(claims.of_job, job_id, now) for now in (UNTIL - 1, UNTIL)]
    assert [[claim.user_id for claim in claimed] for claimed in told] == [[2], []]


async def test_a_job_has_the_claims_on_all_its_results_and_no_others(database: Database, ask: Ask) -> None:
    job, other = await ask(results=2), await ask()
    for made, name in ((job, "one"), (job, "two"), (other, "one")):
        await database.run(results.add, made.id, Success(made.task_uuid, name, "https://x", 7, 100), NOW)
    one, two = [result.id for result in await database.read(results.of_job, job.id)]
    (elsewhere,) = [result.id for result in await database.read(results.of_job, other.id)]
    for result_id, user_id, began in ((two, 3, NOW - 9), (one, 2, NOW - 5), (elsewhere, 4, NOW)):
        await begin(database, result_id, user_id, began)
    assert [claim.user_id for claim in await database.read(claims.of_job, job.id, NOW)] == [3, 2]


async def test_a_persons_claims_on_a_job_end_and_nobody_elses(database: Database, make: Make) -> None:
    first, second = await make(), await make()
    for result_id, user_id in ((first, 2), (first, 3), (second, 2)):
        await begin(database, result_id, user_id)
    ended = [await database.run(claims.end, await job_of(database, first), await account(database, 2)) for _ in "ab"]
    assert ended == [True, False]
    assert (await writing(database, first), await writing(database, second)) == ([3], [2])


async def test_claims_whose_time_is_over_are_taken_away_and_their_results_named_once(
    database: Database, make: Make
) -> None:
    first, second = await make(), await make()
    for result_id, user_id, until in (
        (second, 2, UNTIL),
        (first, 2, UNTIL - 1),
        (first, 3, UNTIL),
        (first, 4, UNTIL + 1),
    ):
        await begin(database, result_id, user_id, until=until)
    assert await database.read(claims.next_end) == UNTIL - 1
    assert await database.run(claims.expire, UNTIL) == [first, second]
    assert await database.run(claims.expire, UNTIL) == []
    assert await database.read(claims.next_end) == UNTIL + 1
    assert await writing(database, first) == [4]


async def test_without_a_claim_none_ends_next(database: Database) -> None:
    assert await database.read(claims.next_end) is None


async def test_whoever_was_forgotten_is_not_told_to_be_writing(database: Database, make: Make) -> None:
    async def forget(tx: Tx) -> None:
        await tx.execute("DELETE FROM accounts WHERE holder_id = 2 AND scope = 'member'")

    result_id = await make()
    for user_id in (2, 3):
        await begin(database, result_id, user_id)
    await database.run(forget)
    assert await writing(database, result_id) == [3]
