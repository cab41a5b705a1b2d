"""Sessions: one for each thread, whose it is, whom it lets in, and who did how much in it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from storage import accounts, jobs, ledger, results, sessions
from storage.database import Database, Tx
from storage.records import Access, Asker, Job, Membership, Place, Scope, Session, SessionState, Status, Success
from storage.sessions import PEOPLE_SHOWN, Share

Ask = Callable[..., Awaitable[Job]]
Put = Callable[[Job, Status], Awaitable[None]]

NOW = 1_900_022_500_000
GUILD, CHANNEL, THREAD = 10, 100, 200
ANA, BO, CY = (Asker(GUILD, user_id) for user_id in (1, 2, 3))
HERE = Place(CHANNEL, 300, THREAD)


async def account(database: Database, user_id: int, guild_id: int = GUILD) -> int:
    return await database.run(accounts.ensure, Scope.MEMBER, NOW, guild_id, user_id)


async def ensure(database: Database, asker: Asker = ANA, place: Place = HERE) -> Session:
    return await database.run(sessions.ensure, asker, place, NOW)


async def forget(tx: Tx, account_id: int) -> None:
    await tx.execute("DELETE FROM accounts WHERE id = ?1", account_id)


# One for each thread -------------------------------------------------------------------------------------------------


async def test_the_first_edit_in_a_thread_opens_a_session_that_is_open_to_all_and_its_askers(
    database: Database,
) -> None:
    opened = await ensure(database)
    assert opened == Session(
        id=opened.id,
        guild_id=GUILD,
        channel_id=CHANNEL,
        thread_id=THREAD,
        public=True,
        owner_id=await account(database, 1),
        access=Access.OPEN,
        role_id=None,
        state=SessionState.OPEN,
        created_at=NOW,
        closed_at=None,
    )
    assert await database.read(sessions.get, opened.id) == opened
    assert await database.read(sessions.of_thread, GUILD, THREAD) == opened


async def test_whoever_comes_later_finds_the_session_as_it_is(database: Database) -> None:
    opened = await ensure(database)
    assert await ensure(database, BO, Place(CHANNEL, 301, THREAD, public=False, host_id=3)) == opened


async def test_whoever_made_the_thread_owns_its_session(database: Database) -> None:
    opened = await ensure(database, ANA, Place(CHANNEL, 300, THREAD, public=False, host_id=2))
    assert (opened.owner_id, opened.public) == (await account(database, 2), False)


async def test_a_reply_and_the_thread_that_is_made_from_it_are_one_session(database: Database) -> None:
    opened = await ensure(database, ANA, Place(CHANNEL, 300))
    assert opened.thread_id == 300
    assert await ensure(database, BO, Place(CHANNEL, 301, thread_id=300)) == opened


async def test_a_thread_of_another_server_is_another_session(database: Database) -> None:
    opened, abroad = await ensure(database), await ensure(database, Asker(11, 1))
    assert abroad.id != opened.id
    assert await database.read(sessions.of_thread, 11, THREAD) == abroad
    assert await database.read(sessions.of_thread, 12, THREAD) is None


async def test_twenty_first_edits_at_once_open_one_session(database: Database) -> None:
    found = await asyncio.gather(*(ensure(database, Asker(GUILD, user_id)) for user_id in range(1, 21)))
    assert len(set(found)) == 1
    assert found[0].owner_id in {await account(database, user_id) for user_id in range(1, 21)}


async def test_a_session_that_must_be_there_and_is_not_fails_its_unit(database: Database) -> None:
    assert await database.read(sessions.get, 9) is None
    with pytest.raises(LookupError):
        await database.run(sessions.lock, 9)


# What its owner says -------------------------------------------------------------------------------------------------


async def test_access_by_role_names_the_role_and_any_other_names_none(database: Database) -> None:
    opened = await ensure(database)
    said: list[tuple[Access, int | None]] = []
    for access, role_id in ((Access.ROLE, 70), (Access.INVITED, None), (Access.OPEN, None)):
        await database.run(sessions.set_access, opened.id, access, role_id)
        now = await database.run(sessions.lock, opened.id)
        said.append((now.access, now.role_id))
    assert said == [(Access.ROLE, 70), (Access.INVITED, None), (Access.OPEN, None)]


async def test_only_a_closed_session_has_a_time_at_which_it_was_closed(database: Database) -> None:
    opened = await ensure(database)
    said: list[tuple[SessionState, int | None]] = []
    for state in (SessionState.CLOSED, SessionState.LOCKED, SessionState.CLOSED, SessionState.OPEN):
        await database.run(sessions.set_state, opened.id, state, NOW + 5)
        now = await database.run(sessions.lock, opened.id)
        said.append((now.state, now.closed_at))
    assert said == [
        (SessionState.CLOSED, NOW + 5),
        (SessionState.LOCKED, None),
        (SessionState.CLOSED, NOW + 5),
        (SessionState.OPEN, None),
    ]


async def test_a_closed_session_is_summed_up_until_it_is_opened_or_closed_again(database: Database) -> None:
    opened = await ensure(database)
    said = [await database.read(sessions.is_summed_up, opened.id)]
    for state in (SessionState.CLOSED, SessionState.OPEN, SessionState.CLOSED):
        await database.run(sessions.set_state, opened.id, state, NOW + 5)
        now = await database.run(sessions.lock, opened.id)
        said.append(await database.read(sessions.is_summed_up, opened.id))
        await database.run(sessions.sum_up, now, NOW + 6)
        said.append(await database.read(sessions.is_summed_up, opened.id))
    assert said == [False, False, True, False, False, False, True]


async def test_the_summary_of_one_close_is_none_of_a_later_one(database: Database) -> None:
    opened, elsewhere = await ensure(database), await ensure(database, place=Place(CHANNEL, 301))
    closed: list[Session] = []
    for state, at in ((SessionState.CLOSED, NOW), (SessionState.OPEN, NOW), (SessionState.CLOSED, NOW + 5)):
        for session in (opened, elsewhere):
            await database.run(sessions.set_state, session.id, state, at)
        closed.append(await database.run(sessions.lock, opened.id))
    for session in closed[:2]:
        await database.run(sessions.sum_up, session, NOW + 6)
    assert not await database.read(sessions.is_summed_up, opened.id)
    await database.run(sessions.sum_up, closed[2], NOW + 6)
    assert await database.read(sessions.is_summed_up, opened.id)
    assert not await database.read(sessions.is_summed_up, elsewhere.id)


async def test_a_session_is_handed_to_another_and_the_others_are_as_they_were(database: Database) -> None:
    opened, elsewhere = await ensure(database), await ensure(database, place=Place(CHANNEL, 301))
    await database.run(sessions.set_owner, opened.id, await account(database, 2))
    assert (await database.run(sessions.lock, opened.id)).owner_id == await account(database, 2)
    assert await database.read(sessions.get, elsewhere.id) == elsewhere


async def test_what_was_said_last_of_a_person_counts_in_its_session_alone(database: Database) -> None:
    opened, elsewhere = await ensure(database), await ensure(database, place=Place(CHANNEL, 301))
    bo = await account(database, 2)
    for said in (None, Membership.INVITED, Membership.REMOVED, None, Membership.REMOVED):
        await database.run(sessions.set_membership, opened.id, bo, said)
        assert await database.read(sessions.membership, opened.id, bo) is said
        assert await database.read(sessions.membership, elsewhere.id, bo) is None
    assert await database.read(sessions.people, opened.id) == [(2, Membership.REMOVED)]


async def test_people_are_listed_by_discords_ids_while_known_and_not_without_end(database: Database) -> None:
    opened = await ensure(database)
    people = [await account(database, user_id) for user_id in range(2, PEOPLE_SHOWN + 3)]
    for account_id in people:
        await database.run(sessions.set_membership, opened.id, account_id, Membership.INVITED)
    await database.run(forget, people[0])
    listed = await database.read(sessions.people, opened.id)
    assert listed == [(None, Membership.INVITED), *((user_id, Membership.INVITED) for user_id in range(3, 52))]


# Who did how much ----------------------------------------------------------------------------------------------------


async def test_shares_tell_who_made_how_much_at_what_cost_who_made_most_first(
    database: Database, ask: Ask, put: Put
) -> None:
    async def made(user_id: int, cost: int) -> None:
        job = await ask(user_id, place=HERE)
        await put(job, Status.SUCCEEDED)
        await database.run(ledger.settle, job, cost, NOW)

    await ask(3, place=HERE)
    await made(1, 900)
    for cost in (300, 400):
        await made(2, cost)
    await put(await ask(2, place=HERE), Status.FAILED)
    await ask(1, place=Place(CHANNEL, 301))
    ana, bo, cy = [await account(database, user_id) for user_id in (1, 2, 3)]
    await database.run(forget, ana)
    opened = await ensure(database)
    assert await database.read(sessions.shares, opened.id) == [
        Share(bo, 2, edits=3, made=2, cost=700),
        Share(ana, None, edits=1, made=1, cost=900),
        Share(cy, 3, edits=1, made=0, cost=0),
    ]


async def test_of_those_who_made_as_much_the_one_whose_edits_cost_more_is_first(
    database: Database, ask: Ask, put: Put
) -> None:
    for user_id, cost in ((1, 300), (2, 400)):
        job = await ask(user_id, place=HERE)
        await put(job, Status.SUCCEEDED)
        await database.run(ledger.settle, job, cost, NOW)
    opened = await ensure(database)
    assert [share.user_id for share in await database.read(sessions.shares, opened.id)] == [2, 1]


async def test_a_session_of_which_nothing_was_asked_has_no_shares(database: Database) -> None:
    opened = await ensure(database)
    assert await database.read(sessions.shares, opened.id) == []


async def test_a_job_knows_its_session(database: Database, ask: Ask) -> None:
    job = await ask(place=HERE)
    opened = await database.read(sessions.of_thread, GUILD, THREAD)
    assert opened is not None
    assert (await database.read(jobs.known, job.id)).session_id == opened.id


async def test_pictures_are_counted_by_account_and_those_that_were_taken_down_stay_counted(
    database: Database, ask: Ask, put: Put
) -> None:
    for user_id, made in ((1, 2), (2, 1), (1, 1), (3, 0)):
        job = await ask(user_id, place=HERE)
        for number in range(made):
            success = Success(job.task_uuid, f"{job.id}-{number}", "https://x", 7, 100)
            await database.run(results.add, job.id, success, NOW)
    elsewhere = await ask(1, place=Place(CHANNEL, 301))
    await database.run(results.add, elsewhere.id, Success(elsewhere.task_uuid, "other", "https://x", 7, 100), NOW)
    down = await ask(2, place=HERE)
    await database.run(results.add, down.id, Success(down.task_uuid, "down", "https://x", 7, 100), NOW)
    (taken_down,) = await database.read(results.of_job, down.id)
    await database.run(results.delete, taken_down.id, NOW)
    ana, bo = [await account(database, user_id) for user_id in (1, 2)]
    opened = await ensure(database)
    assert await database.read(sessions.pictures, opened.id) == {ana: 3, bo: 2}
