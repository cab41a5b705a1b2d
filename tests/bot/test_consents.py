"""Whose pictures are, and whether they may be edited: at the use cases, on both engines."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot import consents
from bot.consents import Posted
from bot.errors import NoConsent, NotAllowed, NotFound
from storage import audit, authors
from storage._rows import the_row
from storage.database import Tx
from storage.forgetting import Pace, forget
from storage.offers import Offer
from storage.records import Asker, Consent, EditRequest, Job, Origin, Place, Reference, Status

if TYPE_CHECKING:
    from tests.bot.conftest import Studio

ANA, BO, CY, MODERATOR = (Asker(10, user_id, frozenset([10])) for user_id in (1, 2, 3, 8))
THREAD, CHANNEL = 200, 100
IN_THREAD, ELSEWHERE, OTHER_THREAD = Place(CHANNEL, 300, THREAD), Place(CHANNEL, 301), Place(CHANNEL, 302, 201)
HASHES = ["1" * 64, "2" * 64, "3" * 64]


def of(*hashes: str) -> EditRequest:
    references = tuple(Reference(sha256, 512, 512, "cat.png") for sha256 in hashes)
    return EditRequest("a hat", references, 1024, 768, 7)


async def ask(studio: Studio, asker: Asker, request: EditRequest, place: Place = IN_THREAD) -> Job:
    return await studio.edits.request(asker, place, request)


async def give(
    studio: Studio, asker: Asker, sha256: str = HASHES[0], *, given: str = "", posted: Posted | None = None
) -> None:
    """Somebody hands a file in; or it comes out of a message that ``posted`` tells of."""
    await studio.consents.learn(asker, given or sha256, sha256, posted, own=posted is None, at=studio.now)


def message_of(asker: Asker, at: int = 50, *, channel_id: int = CHANNEL, thread_id: int = THREAD) -> Posted:
    return Posted(asker.user_id, at, Origin(channel_id, thread_id))


async def refused(studio: Studio, asker: Asker, request: EditRequest, place: Place = IN_THREAD) -> str:
    return await studio.refusal(ask(studio, asker, request, place), NoConsent)


async def forgets(studio: Studio, asker: Asker) -> None:
    async def unit(tx: Tx) -> None:
        found = "SELECT id FROM accounts WHERE scope = 'member' AND holder_id = ?1"
        await forget(tx, (await the_row(tx, found, asker.user_id))["id"], Pace(studio.now, 0, 0))

    await studio.database.run(unit)


# whose a file is -------------------------------------------------------------------------------------------


async def test_a_file_of_somebody_who_said_no_is_edited_by_nobody_else_and_by_them(studio: Studio) -> None:
    await give(studio, ANA)
    await studio.consents.say(ANA, Consent.NOBODY)
    said = await refused(studio, BO, of(HASHES[1], HASHES[0]))
    assert said == (
        "Picture 2 is <@1>’s, and they let nobody else edit their pictures. Ask them to change that with `/privacy set`, or use another picture."
    )
    assert (await ask(studio, ANA, of(HASHES[1], HASHES[0]))).status is Status.QUEUED


async def test_a_moderator_is_nobody_else_either(studio: Studio) -> None:
    await give(studio, ANA)
    await studio.consents.say(ANA, Consent.NOBODY)
    await refused(studio, replace(MODERATOR, moderates=True), of(HASHES[0]))


async def test_who_posted_the_message_counts_and_not_who_took_the_picture_from_it(studio: Studio) -> None:
    await give(studio, BO, posted=message_of(ANA))
    await studio.consents.say(ANA, Consent.NOBODY)
    await refused(studio, BO, of(HASHES[0]))
    await studio.consents.say(ANA, None)
    await studio.consents.say(BO, Consent.NOBODY)
    await ask(studio, CY, of(HASHES[0]))


async def test_the_same_bytes_handed_in_by_another_are_still_the_first_ones(studio: Studio) -> None:
    await give(studio, ANA)
    await give(studio, BO)
    await studio.consents.say(ANA, Consent.NOBODY)
    await refused(studio, BO, of(HASHES[0]))


async def test_whoever_posted_it_before_is_its_author_instead_of_who_was_seen_with_it_first(studio: Studio) -> None:
    await give(studio, BO)
    await studio.consents.say(BO, Consent.NOBODY)
    await refused(studio, CY, of(HASHES[0]))
    await give(studio, CY, posted=message_of(ANA, at=50))
    await ask(studio, CY, of(HASHES[0]))
    await studio.consents.say(ANA, Consent.NOBODY)
    await refused(studio, BO, of(HASHES[0]))


async def test_who_reposts_a_picture_does_not_take_it_away_from_its_author_nor_lock_them_out(studio: Studio) -> None:
    await give(studio, CY, posted=message_of(ANA, at=50))
    await give(studio, CY, posted=message_of(BO, at=60))
    await studio.consents.say(BO, Consent.NOBODY)
    await ask(studio, ANA, of(HASHES[0]))
    await ask(studio, CY, of(HASHES[0]))
    await studio.consents.say(ANA, Consent.NOBODY)
    assert "<@1>’s" in await refused(studio, BO, of(HASHES[0]))


async def test_who_reposts_a_picture_and_is_forgotten_takes_nothing_along_of_its_author(studio: Studio) -> None:
    await give(studio, CY, posted=message_of(ANA, at=50))
    await give(studio, BO, posted=message_of(BO, at=60))
    result = (await studio.finish(await ask(studio, ANA, of(HASHES[0]))))[0]
    await forgets(studio, BO)
    await studio.ask(ANA, result)


async def test_a_saved_copy_of_a_result_that_was_taken_down_is_still_its_askers(studio: Studio) -> None:
    result = await studio.make(ANA)
    await studio.consents.say(ANA, Consent.NOBODY)
    await studio.edits.delete(result.id, asker=ANA, manages=False)
    await give(studio, BO, HASHES[2], given=result.sha256 or "")
    await refused(studio, BO, of(HASHES[2]))


async def test_a_saved_copy_of_a_closed_result_that_was_taken_down_is_still_closed(studio: Studio) -> None:
    await give(studio, ANA)
    result = (await studio.finish(await ask(studio, ANA, of(HASHES[0]))))[0]
    await studio.consents.close(ANA, result.id, closed=True)
    await studio.edits.delete(result.id, asker=ANA, manages=False)
    await give(studio, BO, HASHES[2], given=result.sha256 or "")
    await refused(studio, BO, of(HASHES[2]))


async def test_a_file_shown_in_a_question_about_its_price_stands_in_that_channel(studio: Studio) -> None:
    """Everybody there sees it, and may save it."""
    spared = Place(170, 300, 171)
    await studio.consents.spare(MODERATOR, 170, spared=True)
    await give(studio, ANA)
    await studio.edits.prefer(ANA, 0)
    assert isinstance(await studio.edits.ask(ANA, spared, of(HASHES[0])), Offer)
    await give(studio, BO)
    await refused(studio, BO, of(HASHES[0]))


async def test_an_author_who_is_found_later_is_asked_about_what_was_made_of_their_file_before(studio: Studio) -> None:
    await give(studio, BO)  # saved from Ana's message, which nobody has used yet
    result = (await studio.finish(await ask(studio, BO, of(HASHES[0]))))[0]
    await give(studio, CY, posted=message_of(ANA, at=50))
    await studio.consents.say(ANA, Consent.NOBODY)
    await refused(studio, BO, of(HASHES[0]))
    await refused(studio, BO, studio.request(result))


async def test_a_file_is_known_by_its_own_bytes_too_however_it_is_prepared(studio: Studio) -> None:
    """Another release, or another bound, makes other bytes of it."""
    await give(studio, ANA, HASHES[1], given=HASHES[0])
    await studio.consents.say(ANA, Consent.NOBODY)
    await give(studio, BO, HASHES[2], given=HASHES[0])
    await refused(studio, BO, of(HASHES[2]))


async def test_a_file_used_in_many_threads_costs_no_job_a_row_for_each_of_them(studio: Studio) -> None:
    await give(studio, ANA)
    for number in range(20):
        job = await ask(studio, ANA, of(HASHES[0]), Place(CHANNEL, 1000 + number, 1000 + number))
        await studio.edits.cancel(job.id, asker=ANA, manages=False)

    async def count(tx: Tx) -> int:
        return (await the_row(tx, "SELECT count(*) AS n FROM job_authors"))["n"]

    assert await studio.database.read(count) <= 3 * 20


async def test_of_two_who_give_a_file_at_once_one_is_its_author(studio: Studio) -> None:
    for number in range(20):
        sha256 = f"{number:064x}"
        await asyncio.gather(give(studio, ANA, sha256), give(studio, BO, sha256))
        assert len(await studio.database.read(authors.of_file, 10, sha256)) == 1


async def test_what_is_made_of_a_file_is_its_authors_too(studio: Studio) -> None:
    """Somebody saves a picture that the bot showed; prepared once more, it has other bytes."""
    await give(studio, ANA, HASHES[0])
    await give(studio, BO, HASHES[1], given=HASHES[0])
    await studio.consents.say(ANA, Consent.NOBODY)
    assert "<@1>’s" in await refused(studio, BO, of(HASHES[1]))


async def test_a_picture_from_a_link_is_nobodys(studio: Studio) -> None:
    await studio.consents.learn(BO, HASHES[0], HASHES[0], None, own=False, at=studio.now)
    await studio.consents.say(BO, Consent.NOBODY)
    await ask(studio, CY, of(HASHES[0]))


async def test_a_link_to_a_picture_that_somebody_gave_is_still_theirs(studio: Studio) -> None:
    await give(studio, ANA, HASHES[0])
    await studio.consents.learn(BO, HASHES[0], HASHES[1], None, own=False, at=studio.now)
    await studio.consents.say(ANA, Consent.NOBODY)
    await refused(studio, BO, of(HASHES[1]))


async def test_another_server_knows_nothing_of_it(studio: Studio) -> None:
    await give(studio, ANA)
    await studio.consents.say(ANA, Consent.NOBODY)
    stranger = Asker(11, 2, frozenset([11]))
    await ask(studio, stranger, of(HASHES[0]), Place(110, 300, 210))


# results ---------------------------------------------------------------------------------------------------


async def test_a_result_is_of_who_asked_for_it(studio: Studio) -> None:
    result = await studio.make(ANA)
    await studio.consents.say(ANA, Consent.NOBODY)
    assert (await refused(studio, BO, studio.request(result))).startswith(
        f"{result.short_id} is <@1>’s, and they let nobody"
    )
    await studio.ask(ANA, result)


async def test_what_was_made_of_a_picture_is_not_edited_further_once_its_author_says_no(studio: Studio) -> None:
    """However far back: by way of two results that are others', one of them merged with another picture."""
    await give(studio, ANA)
    first = (await studio.finish(await ask(studio, BO, of(HASHES[0]))))[0]
    beside = await studio.make(CY)
    second = await studio.make(CY, beside, first)
    await ask(studio, BO, studio.request(second))
    await studio.consents.say(ANA, Consent.NOBODY)
    said = await refused(studio, BO, studio.request(second))
    assert said.startswith(f"{second.short_id} was made of <@1>’s picture, and they let nobody")
    await refused(studio, CY, studio.request(second))  # not even by who asked for it
    await ask(studio, BO, studio.request(beside))
    await ask(studio, ANA, studio.request(second))


async def test_who_asked_for_a_picture_on_the_way_does_not_hold_what_others_made_of_it(studio: Studio) -> None:
    first = await studio.make(ANA)
    second = await studio.make(BO, first)
    await studio.consents.say(ANA, Consent.NOBODY)
    await ask(studio, CY, studio.request(second))


async def test_a_saved_result_that_is_handed_in_as_a_file_is_still_its_askers_and_its_authors(studio: Studio) -> None:
    await give(studio, ANA)
    result = (await studio.finish(await ask(studio, BO, of(HASHES[0]))))[0]
    await give(studio, CY, HASHES[2], given=result.sha256 or "")
    await ask(studio, CY, of(HASHES[2]))
    for author in (ANA, BO):
        await studio.consents.say(author, Consent.NOBODY)
        assert f"Picture 1 is <@{author.user_id}>’s" in await refused(studio, CY, of(HASHES[2]))
        await studio.consents.say(author, Consent.ANYONE)


# closed ----------------------------------------------------------------------------------------------------


async def test_a_closed_result_is_edited_by_who_asked_for_it_alone_until_it_is_opened(studio: Studio) -> None:
    result = await studio.make(ANA)
    await studio.consents.close(ANA, result.id, closed=True)
    said = await refused(studio, BO, studio.request(result))
    assert said == f"{result.short_id} is <@1>’s, and they keep {result.short_id} as it is: ask them to open it."
    await studio.ask(ANA, result)
    await studio.consents.close(ANA, result.id, closed=False)
    await ask(studio, BO, studio.request(result))


async def test_a_copy_of_a_result_is_closed_with_it_also_when_it_was_handed_in_before(studio: Studio) -> None:
    result = await studio.make(ANA)
    await give(studio, BO, HASHES[2], given=result.sha256 or "")
    await ask(studio, BO, of(HASHES[2]))
    await studio.consents.close(ANA, result.id, closed=True)
    assert f"keep {result.short_id} as it is" in await refused(studio, BO, of(HASHES[2]))
    await ask(studio, ANA, of(HASHES[2]))


async def test_what_was_made_of_a_result_before_it_was_closed_stays_open(studio: Studio) -> None:
    first = await studio.make(ANA)
    second = await studio.make(BO, first)
    await studio.consents.close(ANA, first.id, closed=True)
    await ask(studio, CY, studio.request(second))


async def test_only_who_asked_for_a_result_closes_it(studio: Studio) -> None:
    result = await studio.make(ANA)
    assert "Only whoever asked" in await studio.refusal(studio.consents.close(BO, result.id, closed=True), NotAllowed)
    await studio.refusal(studio.consents.close(ANA, result.id + 1, closed=True), NotFound)
    await studio.refusal(studio.consents.close(studio.STRANGER, result.id, closed=True), NotFound)


# only in this session --------------------------------------------------------------------------------------


async def test_only_in_this_session_lets_others_edit_where_the_picture_stands_and_nowhere_else(studio: Studio) -> None:
    await give(studio, ANA)
    await studio.consents.say(ANA, Consent.SESSION)
    said = await refused(studio, BO, of(HASHES[0]))
    assert "only in the thread where these stand" in said, "nobody has used it anywhere yet"
    result = (await studio.finish(await ask(studio, ANA, of(HASHES[0]))))[0]
    for request in (of(HASHES[0]), studio.request(result)):
        await ask(studio, BO, request)
        for place in (ELSEWHERE, OTHER_THREAD):
            assert "only in the thread" in await refused(studio, BO, request, place)


async def test_a_picture_stands_wherever_its_author_used_it(studio: Studio) -> None:
    await give(studio, ANA)
    await studio.consents.say(ANA, Consent.SESSION)
    for place in (IN_THREAD, OTHER_THREAD):
        await refused(studio, BO, of(HASHES[0]), place)
        await ask(studio, ANA, of(HASHES[0]), place)
        await ask(studio, BO, of(HASHES[0]), place)


async def test_who_is_not_its_author_brings_a_picture_nowhere(studio: Studio) -> None:
    await give(studio, BO, posted=message_of(ANA))
    await studio.consents.say(ANA, Consent.SESSION)
    await ask(studio, BO, of(HASHES[0]))
    await give(studio, BO)
    await refused(studio, BO, of(HASHES[0]), OTHER_THREAD)


async def test_what_was_made_in_a_session_of_a_picture_that_stands_there_is_not_carried_elsewhere(
    studio: Studio,
) -> None:
    await give(studio, BO, posted=message_of(ANA))
    await studio.consents.say(ANA, Consent.SESSION)
    result = (await studio.finish(await ask(studio, BO, of(HASHES[0]))))[0]
    await ask(studio, CY, studio.request(result))
    assert "was made of <@1>’s picture" in await refused(studio, CY, studio.request(result), OTHER_THREAD)


async def test_an_avatar_stands_in_no_session(studio: Studio) -> None:
    await give(studio, BO, posted=Posted(ANA.user_id, 50))
    await ask(studio, BO, of(HASHES[0]))
    await studio.consents.say(ANA, Consent.SESSION)
    for place in (IN_THREAD, ELSEWHERE):
        await refused(studio, BO, of(HASHES[0]), place)


# what a server says ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("standard", "said", "lets"),
    [
        (Consent.NOBODY, None, False),
        (Consent.NOBODY, Consent.ANYONE, True),
        (Consent.ANYONE, Consent.NOBODY, False),
        (Consent.SESSION, None, True),
        (Consent.ANYONE, None, True),
    ],
)
async def test_the_word_of_a_server_stands_for_those_who_say_nothing(
    studio: Studio, standard: Consent, said: Consent | None, lets: bool
) -> None:
    await give(studio, BO, posted=message_of(ANA))
    await studio.consents.set_standard(MODERATOR, standard)
    view = await studio.consents.say(ANA, said)
    assert (view.said, view.rules.standard) == (said, standard)
    if lets:
        await ask(studio, BO, of(HASHES[0]))
    else:
        await refused(studio, BO, of(HASHES[0]))


async def test_what_was_posted_in_a_spared_channel_is_edited_by_who_posted_it_alone(studio: Studio) -> None:
    await give(studio, BO, posted=message_of(ANA, channel_id=170, thread_id=171))
    await studio.consents.say(ANA, Consent.ANYONE)
    view = await studio.consents.spare(MODERATOR, 170, spared=True)
    assert view.rules.spared == {170}
    said = await refused(studio, BO, of(HASHES[0]))
    assert said == "Picture 1 is <@1>’s, and in this server nobody edits what others post in <#170>."
    await ask(studio, ANA, of(HASHES[0]))
    await ask(studio, BO, of(HASHES[0]))  # she has brought it here herself now
    await studio.consents.spare(MODERATOR, 170, spared=False)


async def test_a_result_of_a_spared_channel_stays_its_askers(studio: Studio) -> None:
    result = await studio.make(ANA)
    await studio.consents.spare(MODERATOR, CHANNEL, spared=True)
    assert "in <#100>" in await refused(studio, BO, studio.request(result), Place(101, 302, 201))
    await studio.consents.spare(MODERATOR, CHANNEL, spared=False)
    await ask(studio, BO, studio.request(result))


async def test_what_managers_say_stands_in_the_log_once(studio: Studio) -> None:
    for _ in range(2):
        await studio.consents.spare(MODERATOR, 170, spared=True)
    await studio.consents.set_standard(MODERATOR, Consent.SESSION)
    log = await studio.database.read(audit.last, 10, 10)
    assert [(change.subject, change.before, change.after) for change in reversed(log)] == [
        ("pictures of <#170>", "edited", "not edited by others"),
        ("who may edit pictures", "anyone", "session"),
    ]


# asked anew ------------------------------------------------------------------------------------------------


async def test_a_yes_to_a_price_asks_again(studio: Studio) -> None:
    await give(studio, BO, posted=message_of(ANA))
    await studio.edits.prefer(BO, 0)
    offer = await studio.edits.ask(BO, IN_THREAD, of(HASHES[0]))
    assert isinstance(offer, Offer)
    await studio.consents.say(ANA, Consent.NOBODY)
    await studio.refusal(studio.edits.accept(offer.id, BO), NoConsent)
    await studio.refusal(studio.edits.ask(BO, IN_THREAD, of(HASHES[0])), NoConsent)


async def test_a_manager_who_approves_asks_again(studio: Studio) -> None:
    await give(studio, BO, posted=message_of(ANA))
    await studio.budgets.change(MODERATOR, approve_above=0)
    job = await ask(studio, BO, of(HASHES[0]))
    assert job.status is Status.WAITING
    await studio.consents.say(ANA, Consent.NOBODY)
    said = await studio.refusal(studio.edits.approve(job.id, manager=MODERATOR, asker=BO), NoConsent)
    assert said.endswith("Decline this edit.")


async def test_a_round_asks_who_opens_it_who_proposes_and_again_at_its_end(studio: Studio) -> None:
    result = await studio.make(ANA)
    await studio.consents.say(ANA, Consent.NOBODY)
    place = Place(CHANNEL, 400, THREAD)
    await studio.refusal(studio.rounds.open(BO, place, result.id, minutes=5, quorum=2), NoConsent)
    opened = await studio.open_round(result)
    await studio.refusal(studio.rounds.propose(BO, opened.id, "a crown"), NoConsent)
    await studio.consents.say(ANA, Consent.ANYONE)
    await studio.fund(10_000_000)
    winner = await studio.propose(opened, BO, BO, CY)
    await studio.consents.say(ANA, Consent.NOBODY)
    studio.now += 6 * 60_000
    await studio.rounds.make(opened, winner, BO)
    ended = (await studio.rounds.view(opened.id)).round
    assert (ended.job_id, ended.reason) == (
        None,
        f"{result.short_id} is <@1>’s, and they let nobody else edit their pictures. Ask them to change that with `/privacy set`, or use another picture.",
    )


async def test_a_picture_of_somebody_who_was_forgotten_is_edited_by_nobody(studio: Studio) -> None:
    await give(studio, ANA)
    result = (await studio.finish(await ask(studio, BO, of(HASHES[0]))))[0]
    await studio.database.run(_forget, 1)
    said = await refused(studio, BO, studio.request(result))
    assert said == (
        f"{result.short_id} was made of somebody’s picture, and they asked to be forgotten: nobody edits it any more."
    )


async def _forget(tx: Tx, user_id: int) -> None:
    await tx.execute("DELETE FROM accounts WHERE scope = 'member' AND holder_id = ?1", user_id)


async def test_the_refusal_is_told_before_anything_is_read(studio: Studio) -> None:
    await give(studio, ANA)
    await studio.consents.say(ANA, Consent.NOBODY)
    reference = of(HASHES[0]).references[0]
    with pytest.raises(NoConsent):
        await studio.consents.check(BO, THREAD, [reference])
    with pytest.raises(NoConsent):
        await studio.consents.check_posted(BO, THREAD, message_of(ANA))
    await studio.consents.check_posted(ANA, THREAD, message_of(ANA))
    await studio.consents.check_posted(BO, THREAD, message_of(CY))


async def test_a_refusal_while_it_waits_in_the_queue_is_seen_before_it_is_sent(studio: Studio) -> None:
    await give(studio, BO, posted=message_of(ANA))
    job = await ask(studio, BO, of(HASHES[0]))
    looked = (10, job.account_id, THREAD, job.request.references)
    assert await studio.database.read(consents.refusal, *looked) is None
    await studio.consents.say(ANA, Consent.NOBODY)
    assert await studio.database.read(consents.refusal, *looked) is not None
