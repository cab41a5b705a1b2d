"""Rounds at the use cases: who proposes and votes, how a vote comes out, and that the pool alone pays for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot import quota, rounds
from bot.bookkeeping import Bookkeeper
from bot.errors import BadOption, NotAllowed, NotFound, OutOfReach, OverQuota, TooLate
from bot.metrics import Metrics
from bot.rounds import LONGEST_PROPOSAL, MOST_MINUTES, MOST_PROPOSALS, MOST_QUORUM, RoundView, Verdict
from storage import jobs, ledger
from storage.allowances import PoolTooSmall
from storage.database import Tx
from storage.records import Asker, Job, Measure, Proposal, Round, RoundState, Scope, Status
from storage.windows import DAY, MINUTE, Window

if TYPE_CHECKING:
    from tests.bot.conftest import Studio


@pytest.fixture
async def opened(studio: Studio) -> Round:
    """A round in Ana's session, which takes two votes."""
    return await studio.open_round(await studio.make())


async def elected(studio: Studio, opened: Round, *, pool: int | None = None) -> int:
    """Have Bo's proposal elected, with a pool that covers it, or so much; the round is due. Returns the proposal."""
    crown = await studio.propose(opened, studio.BO, studio.ANA, studio.CY)
    view = await studio.rounds.view(opened.id)
    if pool is None or pool:
        await studio.fund(view.price.hold if pool is None else pool)
    studio.now = opened.ends_at
    return crown


async def end(studio: Studio, opened: Round, proposer: Asker) -> RoundView:
    """End a round whose winner, if there is one, is made for somebody."""
    winner = (await studio.rounds.verdict(opened)).winner
    if winner is None:
        await studio.rounds.end(opened)
    else:
        await studio.rounds.make(opened, winner.id, proposer)
    return await studio.rounds.view(opened.id)


async def untouched(studio: Studio) -> bool:
    """Whether nothing was held or spent of anybody's but for the picture that the round is about."""
    own = [await studio.used(asker) for asker in (studio.ANA, studio.BO, studio.CY, studio.MODERATOR)]
    return own == [(0, 100), (0, 0), (0, 0), (0, 0)]


async def refused(studio: Studio, opened: Round, proposer: Asker) -> str | None:
    """End a round whose winner cannot be made, so that nothing is held; returns the reason."""
    pool = await studio.pool()
    view = await end(studio, opened, proposer)
    assert (view.round.state, view.job) == (RoundState.REFUSED, None)
    assert view.winner is not None
    assert len(await studio.jobs()) == 1
    assert await studio.pool() == pool
    assert await untouched(studio)
    await studio.check_books()
    return view.round.reason


# Opening -------------------------------------------------------------------------------------------------------------


async def test_a_round_is_about_a_picture_and_lasts_for_its_minutes(studio: Studio) -> None:
    result = await studio.make()
    opened = await studio.rounds.open(studio.BO, studio.PLACE, result.id, minutes=7, quorum=3)
    assert (opened.result_id, opened.message_id, opened.quorum) == (result.id, studio.PLACE.reply_id, 3)
    assert (opened.opened_at, opened.ends_at) == (studio.now, studio.now + 7 * MINUTE)
    view = await studio.rounds.view(opened.id)
    assert (view.round, view.session, view.step.result) == (opened, await studio.session(), result)
    assert (view.proposals, view.voters, view.winner, view.job, view.pool) == ((), 0, None, None, 0)
    assert view.opener_user_id == 2
    assert view.price == await studio.edits.price(10, studio.request(result))


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"minutes": 0}, "minutes"),
        ({"minutes": MOST_MINUTES + 1}, "minutes"),
        ({"quorum": 1}, "quorum"),
        ({"quorum": MOST_QUORUM + 1}, "quorum"),
    ],
)
async def test_bounds_are_said_with_what_was_given(studio: Studio, given: dict[str, int], option: str) -> None:
    result = await studio.make()
    opening = studio.rounds.open(studio.ANA, studio.PLACE, result.id, **{"minutes": 5, "quorum": 2, **given})
    said = await studio.refusal(opening, BadOption)
    assert f"`{option}`" in said
    assert f"{given[option]} was given" in said


async def test_the_bounds_themselves_are_taken(studio: Studio) -> None:
    result = await studio.make()
    for minutes, quorum in ((1, 2), (MOST_MINUTES, MOST_QUORUM)):
        opened = await studio.rounds.open(studio.ANA, studio.PLACE, result.id, minutes=minutes, quorum=quorum)
        await studio.rounds.stop(studio.ANA, opened.id)


async def test_a_session_chooses_one_thing_at_a_time(studio: Studio, opened: Round) -> None:
    result = await studio.make()
    said = await studio.refusal(studio.open_round(result), TooLate)
    assert said == "There is a round in this thread already: wait for its end, or stop it first."
    elsewhere = await studio.rounds.open(studio.ANA, studio.ELSEWHERE, result.id, minutes=5, quorum=2)
    assert await studio.rounds.current(opened.session_id) == opened
    assert elsewhere.session_id != opened.session_id
    await studio.rounds.stop(studio.ANA, opened.id)
    assert (await studio.open_round(result)).id > elsewhere.id


async def test_only_who_may_edit_opens_a_round(studio: Studio) -> None:
    result = await studio.make()
    await studio.sessions.lock(studio.ANA, (await studio.session()).id)
    opening = studio.rounds.open(studio.BO, studio.PLACE, result.id, minutes=5, quorum=2)
    await studio.refusal(opening, NotAllowed)


async def test_a_round_is_about_a_picture_that_is_there_and_of_this_server(studio: Studio) -> None:
    result, gone = await studio.make(), await studio.make()
    await studio.edits.delete(gone.id, asker=studio.ANA, manages=False)

    async def open_round(asker: Asker, result_id: int) -> Round:
        return await studio.rounds.open(asker, studio.PLACE, result_id, minutes=5, quorum=2)

    assert await studio.refusal(open_round(studio.ANA, gone.id), NotFound) == (
        f"#{gone.id} was taken down, so nothing can be made of it."
    )
    assert await studio.refusal(open_round(studio.STRANGER, result.id), NotFound) == (
        f"#{result.id} is not a picture of this server."
    )
    assert await studio.refusal(open_round(studio.ANA, 999), NotFound) == (
        "There is no picture #999 here. The number stands under each result."
    )


# Proposing and voting ------------------------------------------------------------------------------------------------


async def test_a_proposal_stands_with_its_votes_and_another_prompt_begins_anew(studio: Studio, opened: Round) -> None:
    await studio.propose(opened, studio.BO, studio.ANA, prompt="a crown")
    view = await studio.rounds.propose(studio.BO, opened.id, "  a crown ")
    assert [(one.prompt, one.votes) for one in view.proposals] == [("a crown", 1)], "the same words are no change"
    view = await studio.rounds.propose(studio.BO, opened.id, "a wig")
    assert [(one.prompt, one.user_id, one.votes) for one in view.proposals] == [("a wig", 2, 0)]


async def test_a_form_begins_with_what_was_proposed(studio: Studio, opened: Round) -> None:
    assert await studio.rounds.own_proposal(studio.BO, opened.id) is None
    await studio.propose(opened, studio.BO, prompt="a wig")
    assert await studio.rounds.own_proposal(studio.BO, opened.id) == "a wig"
    assert await studio.rounds.own_proposal(studio.CY, opened.id) is None


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        (" \n", "`prompt` is empty"),
        ("x" * (LONGEST_PROPOSAL + 1), f"up to {LONGEST_PROPOSAL} characters, and {LONGEST_PROPOSAL + 1} were given"),
        ("a\0b", "no text"),
    ],
)
async def test_a_prompt_that_no_edit_could_have_is_not_proposed(
    studio: Studio, opened: Round, prompt: str, said: str
) -> None:
    assert said in await studio.refusal(studio.rounds.propose(studio.BO, opened.id, prompt), BadOption)


async def test_a_round_takes_so_many_proposals_and_changes_of_them(
    studio: Studio, opened: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "MOST_PROPOSALS", 2)
    for asker in (studio.BO, studio.CY):
        await studio.propose(opened, asker)
    said = await studio.refusal(studio.rounds.propose(studio.ANA, opened.id, "a wig"), TooLate)
    assert said == "A round takes 2 proposals, and this one has them: vote for one of these."
    view = await studio.rounds.propose(studio.BO, opened.id, "a wig")
    assert [one.prompt for one in view.proposals] == ["a wig", "a crown for 3"]
    assert MOST_PROPOSALS <= 25, "a menu of Discord's holds no more"


async def test_a_vote_can_be_changed_and_counts_once(studio: Studio, opened: Round) -> None:
    crown, wig = await studio.propose(opened, studio.BO), await studio.propose(opened, studio.CY)
    await studio.rounds.vote(studio.ANA, opened.id, crown)
    view = await studio.rounds.vote(studio.ANA, opened.id, wig)
    assert ([(one.id, one.votes) for one in view.proposals], view.voters) == ([(crown, 0), (wig, 1)], 1)


async def test_a_vote_for_what_was_taken_back_is_refused(studio: Studio, opened: Round) -> None:
    crown = await studio.propose(opened, studio.BO)
    await studio.sessions.remove(studio.ANA, opened.session_id, studio.BO.user_id)
    said = await studio.refusal(studio.rounds.vote(studio.CY, opened.id, crown), NotFound)
    assert said == "That proposal was taken back: vote for another one."


async def test_a_proposal_of_another_round_is_not_voted_for(studio: Studio, opened: Round) -> None:
    result = await studio.make(place=studio.ELSEWHERE)
    elsewhere = await studio.rounds.open(studio.ANA, studio.ELSEWHERE, result.id, minutes=5, quorum=2)
    crown = await studio.propose(elsewhere, studio.BO)
    await studio.refusal(studio.rounds.vote(studio.CY, opened.id, crown), NotFound)


async def test_who_is_removed_between_opening_a_form_and_sending_it_is_refused(studio: Studio, opened: Round) -> None:
    crown = await studio.propose(opened, studio.CY)
    assert await studio.rounds.own_proposal(studio.BO, opened.id) is None
    await studio.sessions.remove(studio.ANA, opened.session_id, studio.BO.user_id)
    for sent in (
        studio.rounds.propose(studio.BO, opened.id, "a wig"),
        studio.rounds.vote(studio.BO, opened.id, crown),
        studio.rounds.own_proposal(studio.BO, opened.id),
    ):
        assert "You were removed" in await studio.refusal(sent, NotAllowed)


async def test_what_comes_at_the_deadline_is_too_late_and_a_millisecond_before_is_not(
    studio: Studio, opened: Round
) -> None:
    crown = await studio.propose(opened, studio.BO)
    studio.now = opened.ends_at - 1
    await studio.rounds.vote(studio.CY, opened.id, crown)
    studio.now = opened.ends_at
    for sent in (
        studio.rounds.propose(studio.CY, opened.id, "a wig"),
        studio.rounds.vote(studio.ANA, opened.id, crown),
        studio.rounds.own_proposal(studio.CY, opened.id),
    ):
        assert await studio.refusal(sent, TooLate) == "This round has ended."
    assert (await studio.rounds.view(opened.id)).voters == 1


async def test_a_round_of_another_server_is_not_there(studio: Studio, opened: Round) -> None:
    crown = await studio.propose(opened, studio.BO)
    for asker, round_id in ((replace(studio.STRANGER, moderates=True), opened.id), (studio.ANA, 999)):
        for sent in (
            studio.rounds.propose(asker, round_id, "a wig"),
            studio.rounds.vote(asker, round_id, crown),
            studio.rounds.own_proposal(asker, round_id),
            studio.rounds.stop(asker, round_id),
        ):
            assert await studio.refusal(sent, NotFound) == "There is no such round here."
    with pytest.raises(NotFound, match="no such round"):
        await studio.rounds.view(999)


# Stopping ------------------------------------------------------------------------------------------------------------


async def test_who_opened_it_owns_the_session_or_moderates_stops_a_round_and_nobody_else(studio: Studio) -> None:
    result = await studio.make()
    for stopper in (studio.ANA, studio.BO, studio.MODERATOR):
        opened = await studio.rounds.open(studio.BO, studio.PLACE, result.id, minutes=5, quorum=2)
        said = await studio.refusal(studio.rounds.stop(studio.CY, opened.id), NotAllowed)
        assert said == "Only who opened this round, the session's owner or a moderator can stop it."
        stopped = await studio.rounds.stop(stopper, opened.id)
        assert (stopped.round.state, stopped.job) == (RoundState.STOPPED, None)
        assert await studio.refusal(studio.rounds.stop(stopper, opened.id), TooLate) == "This round has ended."


async def test_a_round_that_was_stopped_becomes_no_job(studio: Studio, opened: Round) -> None:
    await elected(studio, opened)
    await studio.rounds.stop(studio.ANA, opened.id)
    assert (await end(studio, opened, studio.BO)).round.state is RoundState.STOPPED
    assert len(await studio.jobs()) == 1


# How a vote comes out ------------------------------------------------------------------------------------------------


def proposal(number: int, votes: int) -> Proposal:
    return Proposal(number, number, number, "a crown", votes)


@pytest.mark.parametrize(
    ("votes", "quorum", "state", "winner"),
    [
        ([], 2, RoundState.SILENT, None),
        ([0], 2, RoundState.FEW, None),
        ([1], 2, RoundState.FEW, None),
        ([2], 2, RoundState.WON, 0),
        ([1, 1], 2, RoundState.TIED, None),
        ([1, 2], 3, RoundState.WON, 1),
        ([1, 2], 4, RoundState.FEW, None),
        ([2, 1, 2], 2, RoundState.TIED, None),
        ([2, 1, 3, 2], 2, RoundState.WON, 2),
        ([0, 0, 2], 2, RoundState.WON, 2),
    ],
)
def test_the_most_votes_win_if_enough_people_voted_and_nobody_else_has_as_many(
    votes: list[int], quorum: int, state: RoundState, winner: int | None
) -> None:
    proposals = [proposal(number, given) for number, given in enumerate(votes)]
    assert rounds.count(proposals, quorum) == Verdict(state, None if winner is None else proposals[winner])


async def test_a_tie_too_few_votes_and_silence_end_a_round_without_a_job(studio: Studio) -> None:
    result = await studio.make()
    await studio.fund(50_000)
    for voters, state in (
        ([[], []], RoundState.FEW),
        ([[studio.ANA], []], RoundState.FEW),
        ([[studio.ANA], [studio.MODERATOR]], RoundState.TIED),
        ([], RoundState.SILENT),
    ):
        opened = await studio.open_round(result)
        for asker, those in zip((studio.BO, studio.CY), voters, strict=False):
            await studio.propose(opened, asker, *those)
        studio.now = opened.ends_at
        ended = await end(studio, opened, studio.BO)
        assert (ended.round.state, ended.round.winner_id, ended.round.reason) == (state, None, None)
    assert (len(await studio.jobs()), await studio.pool(), await untouched(studio)) == (1, (50_000, 0, 0), True)


async def test_before_its_time_a_round_is_not_ended(studio: Studio, opened: Round) -> None:
    await elected(studio, opened)
    studio.now = opened.ends_at - 1
    assert await studio.rounds.due() == []
    assert (await end(studio, opened, studio.BO)).round == opened
    studio.now += 1
    assert await studio.rounds.due() == [opened]


# Who wins, and who pays ----------------------------------------------------------------------------------------------


async def test_the_winner_becomes_the_next_edit_of_the_picture_and_the_pool_pays_all_of_it(
    studio: Studio, opened: Round
) -> None:
    crown = await elected(studio, opened)
    ended = await end(studio, opened, studio.BO)
    job = ended.job
    assert job is not None
    assert (ended.round.state, ended.round.winner_id) == (RoundState.WON, crown)
    assert (job.request.prompt, job.request.parent_id, job.request.results) == ("a crown for 2", opened.result_id, 1)
    assert (job.user_id, job.pooled, job.status, job.session_id) == (2, True, Status.QUEUED, opened.session_id)
    assert (job.place.thread_id, job.status_message_id) == (studio.THREAD, None), "it gets a card of its own"
    assert (await studio.pool(), await untouched(studio)) == ((0, job.hold, 0), True)
    (result,) = await studio.finish(job, cost=70)
    assert (await studio.pool(), await untouched(studio)) == ((job.hold - 70, 0, 70), True)
    parent = (await studio.lineage.family(result.id)).parent
    assert parent is not None
    assert parent.result.id == opened.result_id
    await studio.check_books()


async def test_what_the_winner_costs_above_its_hold_is_the_pools_too(studio: Studio, opened: Round) -> None:
    await elected(studio, opened)
    job = (await end(studio, opened, studio.BO)).job
    assert job is not None
    await studio.finish(job, cost=job.hold)
    assert await studio.pool() == (0, 0, job.hold)
    opened = await studio.open_round(await studio.make(studio.MODERATOR))
    await elected(studio, opened)
    dear = (await end(studio, opened, studio.BO)).job
    assert dear is not None
    await overspend(studio, dear, 2 * dear.hold)
    assert (await studio.pool())[1:] == (0, job.hold + 2 * dear.hold)
    assert (await studio.used(studio.BO), await studio.used(studio.CY)) == ((0, 0), (0, 0))
    await studio.check_books()


async def overspend(studio: Studio, job: Job, cost: int) -> None:
    """Have Runware's own answer say that a job cost more than was held."""

    async def settle(tx: Tx) -> None:
        await jobs.move(tx, job.id, Status.SUBMITTING, studio.now, poll_at=studio.now)
        await jobs.move(tx, job.id, Status.SUCCEEDED, studio.now)
        await ledger.settle(tx, job, cost, studio.now)

    await studio.database.run(settle)


async def test_a_round_without_a_pool_is_refused_in_words(studio: Studio, opened: Round) -> None:
    await elected(studio, opened, pool=0)
    hold = (await studio.rounds.view(opened.id)).price.hold
    assert await refused(studio, opened, studio.BO) == str(quota.pool_too_small(PoolTooSmall(0, hold)))


async def test_a_pool_that_ran_dry_between_the_vote_and_its_end_is_said_and_nobody_pays(
    studio: Studio, opened: Round
) -> None:
    await elected(studio, opened)
    drawn = await studio.ask(studio.MODERATOR)
    view = await end(studio, opened, studio.BO)
    assert (view.round.state, view.job) == (RoundState.REFUSED, None)
    assert view.round.reason == str(quota.pool_too_small(PoolTooSmall(0, view.price.hold)))
    assert (await studio.pool(), await untouched(studio)) == ((0, drawn.hold, 0), True)
    await studio.check_books()


async def test_a_pool_that_covers_all_but_a_micro_dollar_is_not_drawn_on(studio: Studio, opened: Round) -> None:
    hold = (await studio.rounds.view(opened.id)).price.hold
    await elected(studio, opened, pool=hold - 1)
    assert "`/pool give` adds to it." in (await refused(studio, opened, studio.BO) or "")


async def test_a_bonus_of_the_proposers_own_is_not_drawn_on(studio: Studio, opened: Round) -> None:
    await elected(studio, opened, pool=0)
    await studio.budgets.grant(studio.MODERATOR, Scope.MEMBER, studio.BO.user_id, 100_000)
    await studio.budgets.grant(studio.MODERATOR, Scope.ROLE, 10, 100_000)
    assert "The pool of this thread has $0.00 left" in (await refused(studio, opened, studio.BO) or "")


async def test_a_pool_out_of_a_sponsors_allowance_pays_and_the_sponsor_alone_is_booked(
    studio: Studio, opened: Round
) -> None:
    hold = (await studio.rounds.view(opened.id)).price.hold
    await elected(studio, opened, pool=0)
    await studio.budgets.fund(studio.CY, studio.THREAD, hold)
    job = (await end(studio, opened, studio.BO)).job
    assert job is not None
    await studio.finish(job, cost=70)
    assert (await studio.used(studio.BO), await studio.used(studio.ANA)) == ((0, 0), (0, 100))
    assert await studio.used(studio.CY) == (hold - 70, 70)
    await studio.check_books()


async def test_the_limits_of_the_server_bind_what_the_pool_pays(studio: Studio, opened: Round) -> None:
    await elected(studio, opened)
    await studio.budgets.allow(studio.MODERATOR, Scope.SERVER, 0, Measure.EDITS, 1, Window.daily())
    assert "the limits of this server" in (await refused(studio, opened, studio.BO) or "")


async def test_the_proposers_own_limit_of_edits_binds_and_is_not_called_the_readers(
    studio: Studio, opened: Round
) -> None:
    await elected(studio, opened)
    await studio.budgets.allow(studio.MODERATOR, Scope.MEMBER, studio.BO.user_id, Measure.EDITS, 0, Window.daily())
    reason = await refused(studio, opened, studio.BO)
    assert reason is not None
    assert reason.startswith("Their own limits allow no edits")


# Winners that cannot be made -----------------------------------------------------------------------------------------


async def test_a_winner_that_may_not_be_made_for_its_proposer_is_refused_for_the_reason_given(
    studio: Studio, opened: Round
) -> None:
    crown = await elected(studio, opened)
    await studio.rounds.refuse(opened, crown, "They cannot see this thread any more.")
    ended = (await studio.rounds.view(opened.id)).round
    assert (ended.state, ended.winner_id) == (RoundState.REFUSED, crown)
    assert ended.reason == "They cannot see this thread any more."


async def test_a_reason_that_speaks_of_one_winner_is_not_given_for_another(studio: Studio, opened: Round) -> None:
    wig = await studio.propose(opened, studio.CY, studio.CY, studio.MODERATOR, prompt="a wig")
    crown = await studio.propose(opened, studio.BO, studio.ANA, studio.BO)
    await studio.sessions.remove(studio.ANA, opened.session_id, studio.CY.user_id)
    studio.now = opened.ends_at
    await studio.rounds.refuse(opened, wig, "They left the server.")
    assert await studio.rounds.due() == [opened]
    assert (await studio.rounds.verdict(opened)).winner is not None
    await studio.rounds.refuse(opened, crown, "They left the server, too.")
    assert (await studio.rounds.view(opened.id)).round.winner_id == crown


async def test_a_round_without_a_winner_that_has_one_by_now_blames_nobody(studio: Studio, opened: Round) -> None:
    wig = await studio.propose(opened, studio.CY, studio.CY, studio.MODERATOR, prompt="a wig")
    await studio.propose(opened, studio.BO, studio.ANA, studio.BO)
    studio.now = opened.ends_at
    assert (await studio.rounds.verdict(opened)).state is RoundState.TIED
    await studio.sessions.remove(studio.ANA, opened.session_id, studio.BO.user_id)
    await studio.rounds.end(opened)
    assert await studio.rounds.due() == [opened]
    winner = (await studio.rounds.verdict(opened)).winner
    assert winner is not None
    assert winner.id == wig


async def test_before_its_time_a_round_is_not_refused(studio: Studio, opened: Round) -> None:
    crown = await elected(studio, opened)
    studio.now = opened.ends_at - 1
    await studio.rounds.refuse(opened, crown, "They left the server.")
    assert (await studio.rounds.view(opened.id)).round == opened


async def test_a_winner_in_a_server_that_may_not_spend_any_more_is_refused_in_words(
    studio: Studio, opened: Round
) -> None:
    await elected(studio, opened)
    studio.settings = studio.settings.model_copy(update={"allowed_guilds": frozenset({11})})
    studio.restart()
    assert await refused(studio, opened, studio.BO) == "This server may not spend on edits any more."


async def test_a_winner_whose_picture_was_deleted_is_refused_in_words(studio: Studio, opened: Round) -> None:
    await elected(studio, opened)
    await studio.edits.delete(opened.result_id, asker=studio.ANA, manages=False)
    ended = (await studio.rounds.view(opened.id)).round
    assert (ended.state, ended.winner_id, ended.told_at) == (RoundState.REFUSED, None, None), "at once, and to be told"
    assert ended.reason == f"#{opened.result_id} was taken down, so nothing can be made of it."
    assert [one.id for one in await studio.rounds.untold()] == [opened.id]
    assert await untouched(studio)
    await studio.check_books()


@pytest.mark.parametrize("again", ["a crown", "A  Crown "])
async def test_what_somebody_has_proposed_is_not_proposed_again_by_another(
    studio: Studio, opened: Round, again: str
) -> None:
    await studio.propose(opened, studio.BO, prompt="a crown")
    said = await studio.refusal(studio.rounds.propose(studio.CY, opened.id, again), TooLate)
    assert said == "Somebody has proposed just that: vote for it."
    await studio.rounds.propose(studio.BO, opened.id, again)


async def test_a_winner_whose_picture_is_not_kept_any_more_is_refused_in_words(studio: Studio, opened: Round) -> None:
    await elected(studio, opened)
    view = await studio.rounds.view(opened.id)
    await studio.store.delete(view.step.result.sha256 or "")
    assert await refused(studio, opened, studio.BO) == "I no longer have that picture; attach it again."


async def test_a_winner_whose_picture_cannot_be_looked_for_is_made_later(
    studio: Studio, opened: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(sha256: str) -> None:
        raise OutOfReach("NoAnswer")

    await elected(studio, opened)
    winner = (await studio.rounds.verdict(opened)).winner
    assert winner is not None
    with monkeypatch.context() as patch:
        patch.setattr(studio.store._keeper, "size", away)
        with pytest.raises(OutOfReach):
            await studio.rounds.make(opened, winner.id, studio.BO)
    assert (await studio.rounds.view(opened.id)).round.state is RoundState.OPEN
    await studio.rounds.make(opened, winner.id, studio.BO)
    assert (await studio.rounds.view(opened.id)).round.state is not RoundState.REFUSED


async def test_a_winner_in_a_session_that_was_locked_meanwhile_is_refused_in_words(
    studio: Studio, opened: Round
) -> None:
    await elected(studio, opened)
    await studio.sessions.lock(studio.ANA, opened.session_id)
    assert await refused(studio, opened, studio.BO) == "Whoever proposed it may not edit in this session any more."


async def test_a_winner_under_a_pause_is_refused_in_words(studio: Studio, opened: Round) -> None:
    await elected(studio, opened)
    await studio.budgets.pause(studio.MODERATOR, 0, "The month is over.")
    assert "The month is over." in (await refused(studio, opened, studio.BO) or "")


async def test_another_winner_than_the_one_who_was_looked_for_is_found_at_the_next_look(
    studio: Studio, opened: Round
) -> None:
    await elected(studio, opened)
    assert (await end(studio, opened, studio.CY)).round == opened
    assert await studio.rounds.due() == [opened]
    assert (await end(studio, opened, studio.BO)).round.state is RoundState.WON


# A winner that a manager approves ------------------------------------------------------------------------------------


@pytest.fixture
async def waiting(studio: Studio, opened: Round) -> Job:
    """The winner of a round that waits for a manager, with its hold on the pool kept."""
    await studio.budgets.change(studio.MODERATOR, approve_above=0)
    await elected(studio, opened)
    job = (await end(studio, opened, studio.BO)).job
    assert job is not None
    assert (job.status, await studio.pool()) == (Status.WAITING, (0, job.hold, 0))
    return job


async def test_after_an_approval_the_pool_alone_still_pays(studio: Studio, waiting: Job) -> None:
    await studio.fund(5 * waiting.hold)
    await studio.budgets.grant(studio.MODERATOR, Scope.MEMBER, studio.BO.user_id, 100_000)
    approved = await studio.edits.approve(waiting.id, manager=studio.MODERATOR, asker=studio.BO)
    assert (approved.status, approved.pooled) == (Status.QUEUED, True)
    assert await studio.pool() == (5 * waiting.hold, waiting.hold, 0)
    await studio.finish(approved, cost=70)
    assert (await studio.pool())[1:] == (0, 70)
    assert await untouched(studio)
    await studio.check_books()


async def test_a_pool_that_was_closed_while_its_edit_waited_refuses_the_approval_and_it_goes_on_waiting(
    studio: Studio, waiting: Job
) -> None:
    await studio.budgets.close_pool(studio.MODERATOR, studio.THREAD, manages=True)
    approving = studio.edits.approve(waiting.id, manager=studio.MODERATOR, asker=studio.BO)
    assert "The pool of this thread has $0.00 left" in await studio.refusal(approving, OverQuota)
    assert (await studio.edits.job(waiting.id)).status is Status.WAITING
    assert await untouched(studio)
    await studio.check_books()


async def test_a_winner_that_is_declined_or_not_approved_in_time_gives_the_pool_its_hold_back(
    studio: Studio, waiting: Job
) -> None:
    keeper = Bookkeeper(studio.database, studio.signals, Metrics(), studio.settings, clock=studio.clock)
    studio.now += DAY
    await keeper.tick()
    assert (await studio.edits.job(waiting.id)).status is Status.CANCELLED
    assert (await studio.pool(), await untouched(studio)) == ((waiting.hold, 0, 0), True)
    await studio.check_books()


# Telling -------------------------------------------------------------------------------------------------------------


async def test_a_round_that_ended_is_told_once(studio: Studio, opened: Round) -> None:
    assert await studio.rounds.untold() == []
    crown = await elected(studio, opened, pool=0)
    await studio.rounds.make(opened, crown, studio.BO)
    studio.restart()
    assert [ended.id for ended in await studio.rounds.untold()] == [opened.id]
    await studio.rounds.told(opened.id)
    assert (await studio.rounds.untold(), await studio.rounds.due()) == ([], [])
