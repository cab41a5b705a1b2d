"""Sessions at the use cases: who may edit, what an owner does, and what it means for edits, offers and rounds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.errors import NotAllowed, NotFound, TooLate
from storage.database import Tx
from storage.offers import Offer
from storage.records import Access, Asker, Job, Place, Round, RoundState, Session, SessionState, Status

if TYPE_CHECKING:
    from tests.bot.conftest import Studio

ROLE = 70
#: Every use case of an owner's, as they press it.
OWNERS: dict[str, Callable[[Studio, Asker, int], Awaitable[Session]]] = {
    "invite": lambda studio, owner, session_id: studio.sessions.invite(owner, session_id, 2),
    "remove": lambda studio, owner, session_id: studio.sessions.remove(owner, session_id, 2),
    "hand over": lambda studio, owner, session_id: studio.sessions.hand_over(owner, session_id, 2),
    "set access": lambda studio, owner, session_id: studio.sessions.set_access(owner, session_id, Access.INVITED),
    "lock": lambda studio, owner, session_id: studio.sessions.lock(owner, session_id),
    "close": lambda studio, owner, session_id: studio.sessions.close(owner, session_id),
}


@pytest.fixture
async def session(studio: Studio) -> Session:
    """Ana's session, in which there is one edit."""
    await studio.make()
    return await studio.session()


async def who_may(studio: Studio) -> list[str]:
    """Who of all may edit in the session now."""
    everybody = {"Ana": studio.ANA, "Bo": studio.BO, "Cy": studio.CY, "a moderator": studio.MODERATOR}
    return [name for name, asker in everybody.items() if await admitted(studio, asker)]


async def admitted(studio: Studio, asker: Asker) -> bool:
    try:
        await studio.sessions.check_admitted(asker, studio.THREAD)
    except NotAllowed:
        return False
    return True


# Who may edit --------------------------------------------------------------------------------------------------------


async def test_a_session_is_open_to_all_at_first(studio: Studio, session: Session) -> None:
    assert await who_may(studio) == ["Ana", "Bo", "Cy", "a moderator"]
    for asker in (studio.BO, studio.CY, studio.MODERATOR):
        assert (await studio.ask(asker)).session_id == session.id


async def test_a_session_for_the_invited_admits_them_its_owner_and_moderators(studio: Studio, session: Session) -> None:
    await studio.sessions.set_access(studio.ANA, session.id, Access.INVITED)
    assert await who_may(studio) == ["Ana", "a moderator"]
    await studio.sessions.invite(studio.ANA, session.id, studio.BO.user_id)
    assert await who_may(studio) == ["Ana", "Bo", "a moderator"]
    assert await studio.refusal(studio.ask(studio.CY), NotAllowed) == (
        "This session is for people whom <@1> invited: ask for `/session invite`, or edit elsewhere."
    )


async def test_a_session_for_a_role_admits_its_holders_and_the_invited(studio: Studio, session: Session) -> None:
    await studio.sessions.set_access(studio.ANA, session.id, Access.ROLE, ROLE)
    assert await who_may(studio) == ["Ana", "Cy", "a moderator"]
    assert await studio.refusal(studio.ask(studio.BO), NotAllowed) == (
        "This session is for <@&70>: you can look, and edit elsewhere."
    )
    await studio.sessions.invite(studio.ANA, session.id, studio.BO.user_id)
    assert await who_may(studio) == ["Ana", "Bo", "Cy", "a moderator"]


@pytest.mark.parametrize(("access", "role_id"), [(Access.OPEN, None), (Access.INVITED, None), (Access.ROLE, ROLE)])
async def test_whoever_was_removed_may_not_edit_until_they_are_invited_whatever_the_access(
    studio: Studio, session: Session, access: Access, role_id: int | None
) -> None:
    await studio.sessions.set_access(studio.ANA, session.id, access, role_id)
    await studio.sessions.remove(studio.ANA, session.id, studio.CY.user_id)
    assert "Cy" not in await who_may(studio)
    assert await studio.refusal(studio.ask(studio.CY), NotAllowed) == (
        "You were removed from this session by <@1>: you can look, and edit elsewhere."
    )
    assert isinstance(await studio.ask(studio.CY, place=studio.ELSEWHERE), Job)
    await studio.sessions.invite(studio.ANA, session.id, studio.CY.user_id)
    assert "Cy" in await who_may(studio)


async def test_in_a_locked_session_its_owner_and_moderators_go_on_alone(studio: Studio, session: Session) -> None:
    await studio.sessions.invite(studio.ANA, session.id, studio.BO.user_id)
    await studio.sessions.lock(studio.ANA, session.id)
    assert await who_may(studio) == ["Ana", "a moderator"]
    assert await studio.refusal(studio.ask(studio.BO), NotAllowed) == (
        "This session is locked: only <@1> and moderators go on here."
    )


async def test_in_a_closed_session_nobody_goes_on_until_it_is_opened_again(studio: Studio, session: Session) -> None:
    await studio.sessions.close(studio.ANA, session.id)
    assert await who_may(studio) == []
    for asker in (studio.ANA, studio.MODERATOR):
        assert await studio.refusal(studio.ask(asker), NotAllowed) == (
            "This session is closed: <@1> or a moderator can open it again with `/session reopen`. Elsewhere, "
            "`/edit from:` carries on from any picture of it."
        )
    await studio.sessions.reopen(studio.ANA, session.id)
    assert await who_may(studio) == ["Ana", "Bo", "Cy", "a moderator"]


async def test_who_may_not_edit_is_refused_before_anything_is_read(studio: Studio, session: Session) -> None:
    await studio.sessions.remove(studio.ANA, session.id, studio.BO.user_id)
    with pytest.raises(NotAllowed, match="removed"):
        await studio.sessions.check_admitted(studio.BO, studio.THREAD)
    await studio.sessions.check_admitted(studio.CY, studio.THREAD)
    await studio.sessions.check_admitted(studio.BO, None)
    await studio.sessions.check_admitted(studio.BO, 999)
    await studio.sessions.check_admitted(replace(studio.BO, guild_id=11), studio.THREAD)


async def test_an_owner_who_was_forgotten_is_no_more_than_its_owner(studio: Studio, session: Session) -> None:
    async def forget(tx: Tx) -> None:
        await tx.execute("DELETE FROM accounts WHERE holder_id = 1")

    await studio.sessions.lock(studio.ANA, session.id)
    await studio.database.run(forget)
    assert await studio.refusal(studio.ask(studio.BO), NotAllowed) == (
        "This session is locked: only its owner and moderators go on here."
    )


# Between the question and the answer ---------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["remove", "lock", "close"])
async def test_an_offer_is_not_made_an_edit_once_its_asker_may_not_edit_any_more(
    studio: Studio, session: Session, how: str
) -> None:
    await studio.edits.prefer(studio.BO, 0)
    offer = await studio.edits.ask(studio.BO, studio.PLACE, studio.request())
    assert isinstance(offer, Offer)
    await OWNERS[how](studio, studio.ANA, session.id)
    await studio.refusal(studio.edits.accept(offer.id, studio.BO), NotAllowed)
    assert await studio.used(studio.BO) == (0, 0)


async def test_nothing_is_offered_to_who_may_not_edit(studio: Studio, session: Session) -> None:
    await studio.edits.prefer(studio.BO, 0)
    await studio.sessions.remove(studio.ANA, session.id, studio.BO.user_id)
    await studio.refusal(studio.edits.ask(studio.BO, studio.PLACE, studio.request()), NotAllowed)


async def test_a_forecast_says_that_somebody_may_not_edit(studio: Studio, session: Session) -> None:
    await studio.sessions.close(studio.ANA, session.id)
    forecast = await studio.edits.forecast(studio.BO, studio.PLACE, studio.request())
    assert isinstance(forecast.refusal, NotAllowed)


async def test_an_edit_that_waits_for_approval_is_not_approved_in_a_closed_session_and_goes_on_waiting(
    studio: Studio, session: Session
) -> None:
    await studio.budgets.change(studio.MODERATOR, approve_above=0)
    job = await studio.ask(studio.BO)
    await studio.sessions.close(studio.ANA, session.id)
    await studio.refusal(studio.edits.approve(job.id, manager=studio.MODERATOR, asker=studio.BO), NotAllowed)
    assert await studio.used(studio.BO) == (job.hold, 0)
    await studio.sessions.reopen(studio.ANA, session.id)
    approved = await studio.edits.approve(job.id, manager=studio.MODERATOR, asker=studio.BO)
    assert approved.status is Status.QUEUED
    await studio.check_books()


@pytest.mark.parametrize("how", ["remove", "close"])
async def test_an_edit_that_was_asked_for_comes_to_its_end_and_is_paid(
    studio: Studio, session: Session, how: str
) -> None:
    job = await studio.ask(studio.BO)
    await OWNERS[how](studio, studio.ANA, session.id)
    (result,) = await studio.finish(job, cost=70)
    assert result.usable
    assert await studio.used(studio.BO) == (0, 70)
    await studio.check_books()


# What an owner does --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("press", OWNERS.values(), ids=OWNERS.keys())
async def test_only_its_owner_and_moderators_have_a_say_in_a_session(
    studio: Studio, session: Session, press: Callable[[Studio, Asker, int], Awaitable[Session]]
) -> None:
    said = await studio.refusal(press(studio, studio.CY, session.id), NotAllowed)
    assert said == "Only <@1>, who owns this session, and those who manage messages can do this."
    assert (await press(studio, studio.MODERATOR, session.id)).id == session.id


@pytest.mark.parametrize("press", OWNERS.values(), ids=OWNERS.keys())
async def test_nobody_of_another_server_has_a_say_in_a_session(
    studio: Studio, session: Session, press: Callable[[Studio, Asker, int], Awaitable[Session]]
) -> None:
    for session_id, asker in ((session.id, replace(studio.STRANGER, moderates=True)), (999, studio.ANA)):
        said = await studio.refusal(press(studio, asker, session_id), NotFound)
        assert said == "That session is not of this server."


@pytest.mark.parametrize("press", OWNERS.values(), ids=OWNERS.keys())
async def test_a_closed_session_is_opened_again_before_anything_else(
    studio: Studio, session: Session, press: Callable[[Studio, Asker, int], Awaitable[Session]]
) -> None:
    await studio.sessions.summed_up(await studio.sessions.close(studio.ANA, session.id))
    said = await studio.refusal(press(studio, studio.ANA, session.id), TooLate)
    assert said == "This session is closed; open it again first, with `/session reopen`."


async def test_a_session_whose_summary_was_never_posted_can_be_closed_once_more_as_of_when_it_was(
    studio: Studio, session: Session
) -> None:
    closed = await studio.sessions.close(studio.ANA, session.id)
    studio.now += 5
    assert await studio.sessions.close(studio.ANA, session.id) == closed
    await studio.refusal(studio.sessions.close(studio.BO, session.id), NotAllowed)
    await studio.sessions.summed_up(closed)
    await studio.refusal(studio.sessions.close(studio.ANA, session.id), TooLate)
    await studio.sessions.reopen(studio.ANA, session.id)
    assert (await studio.sessions.close(studio.ANA, session.id)).closed_at == studio.now


async def test_what_a_session_is_already_is_said(studio: Studio, session: Session) -> None:
    said = await studio.refusal(studio.sessions.reopen(studio.ANA, session.id), TooLate)
    assert said == "This session is open already."
    await studio.sessions.lock(studio.ANA, session.id)
    said = await studio.refusal(studio.sessions.lock(studio.ANA, session.id), TooLate)
    assert said == "This session is locked already."


async def test_a_use_case_answers_with_the_session_as_it_is_now(studio: Studio, session: Session) -> None:
    studio.now += 5
    assert (await studio.sessions.lock(studio.ANA, session.id)).state is SessionState.LOCKED
    assert (await studio.sessions.reopen(studio.ANA, session.id)).state is SessionState.OPEN
    by_role = await studio.sessions.set_access(studio.ANA, session.id, Access.ROLE, ROLE)
    assert (by_role.access, by_role.role_id) == (Access.ROLE, ROLE)
    closed = await studio.sessions.close(studio.ANA, session.id)
    assert (closed.state, closed.closed_at) == (SessionState.CLOSED, studio.now)
    assert await studio.sessions.get(session.id) == closed == await studio.session()


async def test_who_is_handed_a_session_owns_it_and_the_old_owner_goes_on_in_it(
    studio: Studio, session: Session
) -> None:
    await studio.sessions.remove(studio.ANA, session.id, studio.BO.user_id)
    await studio.sessions.hand_over(studio.ANA, session.id, studio.BO.user_id)
    await studio.sessions.set_access(studio.BO, session.id, Access.INVITED)
    assert await who_may(studio) == ["Ana", "Bo", "a moderator"]
    await studio.refusal(studio.sessions.lock(studio.ANA, session.id), NotAllowed)
    assert "owns this session already" in await studio.refusal(
        studio.sessions.hand_over(studio.BO, session.id, studio.BO.user_id), TooLate
    )


async def test_whoever_is_handed_a_session_that_they_were_removed_from_is_not_removed_any_more(
    studio: Studio, session: Session
) -> None:
    await studio.sessions.remove(studio.ANA, session.id, studio.BO.user_id)
    await studio.sessions.hand_over(studio.ANA, session.id, studio.BO.user_id)
    assert (await studio.sessions.view(session)).removed == ()
    await studio.sessions.hand_over(studio.BO, session.id, studio.CY.user_id)
    assert await who_may(studio) == ["Ana", "Bo", "Cy", "a moderator"]


async def test_a_session_is_handed_to_somebody_who_never_edited(studio: Studio, session: Session) -> None:
    handed = await studio.sessions.hand_over(studio.ANA, session.id, 4)
    assert (await studio.sessions.view(handed)).owner_user_id == 4


async def test_an_owner_is_not_removed(studio: Studio, session: Session) -> None:
    for asker in (studio.ANA, studio.MODERATOR):
        said = await studio.refusal(studio.sessions.remove(asker, session.id, studio.ANA.user_id), NotAllowed)
        assert said == "The owner can't be removed: hand the session over first, with `/session owner`."


async def test_an_owner_needs_no_invitation(studio: Studio, session: Session) -> None:
    said = await studio.refusal(studio.sessions.invite(studio.ANA, session.id, studio.ANA.user_id), TooLate)
    assert said == "<@1> owns this session, and needs no invitation."
    assert (await studio.sessions.view(session)).invited == ()


async def test_who_made_the_thread_owns_the_session_that_another_began(studio: Studio) -> None:
    await studio.ask(studio.ANA, place=Place(100, 300, studio.THREAD, host_id=2))
    await studio.refusal(studio.sessions.lock(studio.ANA, (await studio.session()).id), NotAllowed)
    await studio.sessions.lock(studio.BO, (await studio.session()).id)


# Rounds --------------------------------------------------------------------------------------------------------------


async def test_an_open_round_is_stopped_with_its_session(studio: Studio) -> None:
    opened = await studio.open_round(await studio.make())
    crown = await studio.propose(opened, studio.BO, studio.ANA, studio.CY)
    await studio.sessions.close(studio.ANA, opened.session_id)
    studio.now = opened.ends_at
    await studio.rounds.make(opened, crown, studio.BO)
    ended = await studio.rounds.view(opened.id)
    assert (ended.round.state, ended.job) == (RoundState.STOPPED, None)
    assert [one.id for one in await studio.rounds.untold()] == [opened.id]


async def test_a_round_goes_on_in_a_session_that_is_locked(studio: Studio) -> None:
    opened = await studio.open_round(await studio.make())
    await studio.sessions.lock(studio.ANA, opened.session_id)
    await studio.propose(opened, studio.ANA, studio.MODERATOR)
    assert await studio.rounds.current(opened.session_id) == opened


async def test_when_a_session_turns_to_invited_people_only_theirs_and_the_owners_part_in_the_round_stays(
    studio: Studio,
) -> None:
    opened = await studio.open_round(await studio.make())
    wig = await studio.propose(opened, studio.BO, studio.ANA, studio.BO, studio.CY, prompt="a wig")
    await studio.propose(opened, studio.CY, studio.MODERATOR)
    await studio.sessions.invite(studio.ANA, opened.session_id, studio.BO.user_id)
    await studio.sessions.set_access(studio.ANA, opened.session_id, Access.INVITED)
    assert await standing(studio, opened) == [(wig, 2)], "Ana's vote and Bo's"


async def test_a_moderator_who_turns_a_session_to_invited_people_keeps_their_own_part_in_the_round(
    studio: Studio,
) -> None:
    opened = await studio.open_round(await studio.make())
    crown = await studio.propose(opened, studio.MODERATOR, studio.ANA, studio.MODERATOR, studio.CY)
    for _ in range(2):
        await studio.sessions.set_access(studio.MODERATOR, opened.session_id, Access.INVITED)
        assert await standing(studio, opened) == [(crown, 2)]


async def test_what_a_moderator_votes_in_a_session_for_invited_people_stays_when_that_is_said_again(
    studio: Studio,
) -> None:
    opened = await studio.open_round(await studio.make())
    await studio.sessions.set_access(studio.ANA, opened.session_id, Access.INVITED)
    crown = await studio.propose(opened, studio.ANA, studio.ANA, studio.MODERATOR)
    await studio.sessions.set_access(studio.ANA, opened.session_id, Access.INVITED)
    assert await standing(studio, opened) == [(crown, 2)]


async def test_a_session_that_turns_to_a_role_or_opens_again_takes_nothing_back(studio: Studio) -> None:
    opened = await studio.open_round(await studio.make())
    crown = await studio.propose(opened, studio.BO, studio.CY)
    await studio.sessions.set_access(studio.ANA, opened.session_id, Access.ROLE, ROLE)
    await studio.sessions.set_access(studio.ANA, opened.session_id, Access.OPEN)
    assert await standing(studio, opened) == [(crown, 1)]


async def standing(studio: Studio, opened: Round) -> list[tuple[int, int]]:
    """The proposals of a round, each with its votes."""
    return [(one.id, one.votes) for one in (await studio.rounds.view(opened.id)).proposals]


async def test_who_is_removed_takes_their_proposal_and_vote_with_them(studio: Studio) -> None:
    opened = await studio.open_round(await studio.make())
    wig = await studio.propose(opened, studio.CY, studio.BO)
    await studio.propose(opened, studio.BO, studio.ANA, studio.CY)
    await studio.sessions.remove(studio.ANA, opened.session_id, studio.BO.user_id)
    assert await standing(studio, opened) == [(wig, 0)]


# Looking -------------------------------------------------------------------------------------------------------------


async def test_a_view_shows_the_people_the_shares_the_best_and_the_pool(studio: Studio, session: Session) -> None:
    parent = await studio.make(studio.ANA)
    child = await studio.make(studio.BO, parent)
    for asker in (studio.ANA, studio.CY):
        await studio.gallery.star(asker, child.id)
    await studio.gallery.star(studio.CY, parent.id)
    await studio.sessions.invite(studio.ANA, session.id, studio.BO.user_id)
    await studio.sessions.remove(studio.ANA, session.id, studio.CY.user_id)
    await studio.fund(50_000)
    view = await studio.sessions.view(await studio.session())
    assert (view.owner_user_id, view.invited, view.removed) == (1, (2,), (3,))
    assert [(share.user_id, share.edits, share.made, share.cost) for share in view.shares] == [
        (1, 2, 2, 200),
        (2, 1, 1, 100),
    ]
    assert {share.user_id: view.pictures[share.account_id] for share in view.shares} == {1: 2, 2: 1}
    assert [step.result.id for step in view.best] == [child.id, parent.id]
    assert [grant.left for grant in view.pool] == [50_000]
    assert view.round is None
    opened = await studio.open_round(child)
    assert (await studio.sessions.view(await studio.session())).round == opened


async def test_without_an_edit_there_is_no_session(studio: Studio) -> None:
    with pytest.raises(NotFound, match="it begins with the first edit"):
        await studio.session()
    with pytest.raises(NotFound, match="no such session"):
        await studio.sessions.get(1)


async def test_what_was_said_in_a_session_is_still_so_after_a_restart(studio: Studio, session: Session) -> None:
    await studio.sessions.remove(studio.ANA, session.id, studio.BO.user_id)
    await studio.sessions.lock(studio.ANA, session.id)
    studio.restart()
    assert await who_may(studio) == ["Ana", "a moderator"]
    await studio.sessions.reopen(studio.ANA, session.id)
    assert await who_may(studio) == ["Ana", "Cy", "a moderator"]
