"""Rounds: one open at a time in a session, one proposal and one vote for each person, one end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from storage import accounts, results, rounds
from storage.database import Database, Tx
from storage.records import Job, Place, Proposal, Round, RoundState, Scope

Ask = Callable[..., Awaitable[Job]]
Make = Callable[..., Awaitable[int]]

NOW = 1_900_022_500_000
ENDS = NOW + 300_000
HERE, ELSEWHERE = Place(100, 300, 200), Place(100, 301)


async def account(database: Database, user_id: int) -> int:
    return await database.run(accounts.ensure, Scope.MEMBER, NOW, 10, user_id)


async def try_open(database: Database, job: Job, result_id: int, **changes: Any) -> Round | None:
    given: dict[str, Any] = {"message_id": 400, "quorum": 2, "now": NOW, "ends_at": ENDS, **changes}
    return await database.run(
        rounds.open_round, session_id=job.session_id, result_id=result_id, opener_id=job.account_id, **given
    )


@pytest.fixture
def begin(database: Database, ask: Ask, make: Make) -> Callable[..., Awaitable[Round]]:
    """Open a round in a session of its own."""

    async def begin(place: Place = HERE, **changes: Any) -> Round:
        opened = await try_open(database, await ask(place=place), await make(place=place), **changes)
        assert opened is not None
        return opened

    return begin


Begin = Callable[..., Awaitable[Round]]


async def propose(database: Database, opened: Round, user_id: int, prompt: str = "a crown") -> int:
    return await database.run(rounds.propose, opened.id, await account(database, user_id), prompt)


async def vote(database: Database, opened: Round, user_id: int, proposal_id: int) -> bool:
    return await database.run(rounds.vote, opened.id, await account(database, user_id), proposal_id)


async def votes(database: Database, opened: Round) -> list[tuple[int, int]]:
    return [(one.id, one.votes) for one in await database.read(rounds.proposals, opened.id)]


# A round -------------------------------------------------------------------------------------------------------------


async def test_a_round_is_what_it_was_opened_as(database: Database, ask: Ask, make: Make) -> None:
    job, result_id = await ask(place=HERE), await make(place=HERE)
    opened = await try_open(database, job, result_id)
    assert opened is not None
    assert opened == Round(
        id=opened.id,
        session_id=job.session_id,
        result_id=result_id,
        opener_id=job.account_id,
        message_id=400,
        quorum=2,
        opened_at=NOW,
        ends_at=ENDS,
        state=RoundState.OPEN,
        winner_id=None,
        job_id=None,
        reason=None,
        told_at=None,
    )
    assert await database.read(rounds.get, opened.id) == opened == await database.run(rounds.lock, opened.id)
    assert await database.read(rounds.get, 999) is None


async def test_a_session_has_one_open_round_and_another_after_that(database: Database, ask: Ask, make: Make) -> None:
    job, result_id = await ask(place=HERE), await make(place=HERE)
    first = await try_open(database, job, result_id)
    assert first is not None
    assert await try_open(database, job, result_id) is None
    assert await database.read(rounds.open_in, job.session_id) == first
    await database.run(rounds.end, first.id, RoundState.SILENT)
    assert await database.read(rounds.open_in, job.session_id) is None
    assert await try_open(database, job, result_id) is not None


async def test_another_session_may_have_a_round_at_the_same_time(database: Database, begin: Begin) -> None:
    first, second = await begin(), await begin(ELSEWHERE)
    assert first.session_id != second.session_id
    assert await database.read(rounds.open_in, first.session_id) == first


async def test_nobody_chooses_alone(database: Database, ask: Ask, make: Make) -> None:
    job, result_id = await ask(place=HERE), await make(place=HERE)
    with pytest.raises(Exception, match=r"(?i)check"):
        await try_open(database, job, result_id, quorum=1)


# Its end -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state", [RoundState.TIED, RoundState.FEW, RoundState.SILENT, RoundState.STOPPED, RoundState.REFUSED]
)
async def test_a_round_ends_once(database: Database, begin: Begin, state: RoundState) -> None:
    opened = await begin()
    assert await database.run(rounds.end, opened.id, state, winner_id=7, reason="The pool is empty.")
    assert not await database.run(rounds.end, opened.id, RoundState.STOPPED)
    ended = await database.read(rounds.get, opened.id)
    assert ended is not None
    assert (ended.state, ended.winner_id, ended.job_id, ended.reason) == (state, 7, None, "The pool is empty.")


async def test_a_round_that_was_won_names_its_job(database: Database, ask: Ask, begin: Begin) -> None:
    opened, job = await begin(), await ask(place=HERE)
    assert await database.run(rounds.end, opened.id, RoundState.WON, winner_id=7, job_id=job.id)
    ended = await database.read(rounds.get, opened.id)
    assert ended is not None
    assert (ended.state, ended.winner_id, ended.job_id) == (RoundState.WON, 7, job.id)


async def test_a_round_without_a_job_cannot_have_been_won(database: Database, begin: Begin) -> None:
    opened = await begin()
    with pytest.raises(Exception, match=r"(?i)check"):
        await database.run(rounds.end, opened.id, RoundState.WON, winner_id=7)
    assert await database.read(rounds.get, opened.id) == opened


async def test_rounds_are_due_from_their_end_on_longest_first(database: Database, begin: Begin) -> None:
    late, early = await begin(), await begin(ELSEWHERE, ends_at=ENDS - 1)
    assert await database.read(rounds.next_end) == ENDS - 1
    assert [await database.read(rounds.due, now) for now in (ENDS - 2, ENDS - 1, ENDS)] == [[], [early], [early, late]]
    await database.run(rounds.end, early.id, RoundState.SILENT)
    assert (await database.read(rounds.next_end), await database.read(rounds.due, ENDS)) == (ENDS, [late])
    await database.run(rounds.end, late.id, RoundState.SILENT)
    assert (await database.read(rounds.next_end), await database.read(rounds.due, ENDS)) == (None, [])


async def test_a_round_that_ended_is_untold_until_its_thread_knows(database: Database, begin: Begin) -> None:
    first, second = await begin(), await begin(ELSEWHERE)
    await database.run(rounds.told, first.id, NOW)
    assert await database.read(rounds.untold) == [], "an open round is not told to have ended"
    for opened in (second, first):
        await database.run(rounds.end, opened.id, RoundState.SILENT)
    assert [ended.id for ended in await database.read(rounds.untold)] == [first.id, second.id]
    await database.run(rounds.told, first.id, NOW + 5)
    assert [ended.id for ended in await database.read(rounds.untold)] == [second.id]
    told = await database.read(rounds.get, first.id)
    assert told is not None
    assert told.told_at == NOW + 5


# Proposals and votes -------------------------------------------------------------------------------------------------


async def test_a_person_has_one_proposal_and_another_prompt_takes_its_votes_away(
    database: Database, begin: Begin
) -> None:
    opened = await begin()
    crown, wig = await propose(database, opened, 2), await propose(database, opened, 3, "a wig")
    for voter in (1, 4):
        await vote(database, opened, voter, crown)
    await vote(database, opened, 5, wig)
    assert await propose(database, opened, 2, "a helmet") == crown
    bo, cy = [await account(database, user_id) for user_id in (2, 3)]
    assert await database.read(rounds.proposals, opened.id) == [
        Proposal(crown, bo, 2, "a helmet", 0),
        Proposal(wig, cy, 3, "a wig", 1),
    ]
    assert await database.read(rounds.count_proposals, opened.id) == 2
    assert await database.read(rounds.own_proposal, opened.id, bo) == "a helmet"
    assert await database.read(rounds.own_proposal, opened.id, await account(database, 4)) is None


async def test_a_person_has_one_vote_which_they_may_change(database: Database, begin: Begin) -> None:
    opened = await begin()
    crown, wig = await propose(database, opened, 2), await propose(database, opened, 3)
    for chosen in (crown, crown, wig):
        assert await vote(database, opened, 1, chosen)
    assert await votes(database, opened) == [(crown, 0), (wig, 1)]
    await vote(database, opened, 2, wig)
    assert await votes(database, opened) == [(crown, 0), (wig, 2)]


async def test_a_proposal_of_another_round_takes_no_vote(database: Database, begin: Begin) -> None:
    opened, elsewhere = await begin(), await begin(ELSEWHERE)
    crown = await propose(database, elsewhere, 2)
    assert not await vote(database, opened, 1, crown)
    assert not await vote(database, opened, 1, 999)
    assert await votes(database, elsewhere) == [(crown, 0)]


async def test_the_people_of_a_round_are_all_who_proposed_or_voted_in_it(database: Database, begin: Begin) -> None:
    opened, elsewhere = await begin(), await begin(ELSEWHERE)
    crown, other = await propose(database, opened, 3), await propose(database, elsewhere, 4)
    for voter in (3, 2):
        await vote(database, opened, voter, crown)
    await vote(database, elsewhere, 5, other)
    assert await database.read(rounds.people, opened.id) == sorted(
        [await account(database, user_id) for user_id in (2, 3)]
    )


async def test_who_withdraws_takes_their_vote_their_proposal_and_the_votes_for_it(
    database: Database, begin: Begin
) -> None:
    opened, elsewhere = await begin(), await begin(ELSEWHERE)
    crown, wig = await propose(database, opened, 2), await propose(database, opened, 3)
    other = await propose(database, elsewhere, 2)
    for voter, chosen in ((1, crown), (3, crown), (2, wig), (4, wig)):
        await vote(database, opened, voter, chosen)
    await vote(database, elsewhere, 2, other)
    for _ in "ab":
        await database.run(rounds.withdraw, opened.id, await account(database, 2))
        assert await votes(database, opened) == [(wig, 1)]
    assert await votes(database, elsewhere) == [(other, 1)]
    assert await vote(database, opened, 1, wig)


async def test_who_withdraws_a_vote_alone_leaves_the_proposals(database: Database, begin: Begin) -> None:
    opened = await begin()
    crown = await propose(database, opened, 2)
    await vote(database, opened, 1, crown)
    await database.run(rounds.withdraw, opened.id, await account(database, 1))
    assert await votes(database, opened) == [(crown, 0)]


async def test_whoever_was_forgotten_has_proposed_and_voted_all_the_same(database: Database, begin: Begin) -> None:
    async def forget(tx: Tx) -> None:
        await tx.execute("DELETE FROM accounts WHERE holder_id = 2 AND scope = 'member'")

    opened = await begin()
    crown = await propose(database, opened, 2)
    await vote(database, opened, 2, crown)
    await database.run(forget)
    (proposal,) = await database.read(rounds.proposals, opened.id)
    assert (proposal.user_id, proposal.votes) == (None, 1)


async def test_a_round_outlives_its_picture(database: Database, begin: Begin) -> None:
    opened = await begin()
    await database.run(results.delete, opened.result_id, NOW)
    assert await database.read(rounds.get, opened.id) == opened
