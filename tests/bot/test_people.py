"""Forgetting, at the use cases: what goes, what stays, what has to wait, and what comes too late."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from bot import outcomes
from bot.drafts import Beginning, Drafts
from bot.errors import NoConsent, NotFound, OutOfReach, TooLate
from bot.people import MAX_TRIES, People, readable
from bot.presets import Presets
from storage import (
    accounts,
    authors,
    drafts,
    forgetting,
    jobs,
    leftovers,
    offers,
    people,
    picks,
    pictures,
    remote,
    results,
    rounds,
    sweeps,
    tray,
)
from storage.database import Tx
from storage.forgetting import Pace, StillAtRunware
from storage.offers import Offer
from storage.people import PARTS
from storage.picks import Found, Source
from storage.records import (
    Asker,
    Consent,
    Copy,
    EditRequest,
    FaceFix,
    Lora,
    Measure,
    Origin,
    Place,
    Reference,
    RoundState,
    Scope,
    Status,
    Success,
)
from storage.sweeps import Axis
from storage.tray import TrayPicture
from storage.windows import Window

if TYPE_CHECKING:
    from tests.bot.conftest import Studio

MINUTE = 60_000
FILE, OTHER_FILE, COPY = "a" * 64, "c" * 64, "d" * 64
#: A member of another server.
FOREIGN = Asker(11, 77, frozenset([11]))


def people_of(studio: Studio) -> People:
    return People(studio.database, studio.store, studio.signals, studio.settings, clock=studio.clock)


async def account(studio: Studio, asker: Asker) -> int | None:
    return await studio.database.read(accounts.find, Scope.MEMBER, asker.guild_id, asker.user_id)


# What goes and what stays --------------------------------------------------------------------------------------------


async def test_edits_that_were_not_sent_are_cancelled_and_their_holds_released(studio: Studio) -> None:
    waits, mine, theirs = await studio.ask(), await studio.ask(), await studio.ask(studio.BO)
    assert (await studio.used(studio.ANA))[0] > 0
    whose = await account(studio, studio.ANA)
    assert await people_of(studio).forget(studio.ANA.user_id) == 1
    made = {job.id: job for job in await studio.jobs()}
    assert [made[job.id].status for job in (waits, mine, theirs)] == [
        Status.CANCELLED,
        Status.CANCELLED,
        Status.QUEUED,
    ]
    assert await studio.database.read(_held, whose or 0) == 0
    assert [made[job.id].user_id for job in (waits, mine, theirs)] == [None, None, studio.BO.user_id]
    await studio.check_books()


async def _held(tx: Tx, account_id: int) -> int:
    rows = await tx.fetch_all("SELECT held FROM account_quarters WHERE account_id = ?1", account_id)
    return sum(row["held"] for row in rows)


async def test_a_request_keeps_its_numbers_and_none_of_its_words_and_pictures() -> None:
    request = EditRequest(
        "a crown",
        (Reference(FILE, 512, 256, "me.png", description="me"), Reference("b" * 64, 64, 64, "#7", 7, "a cat")),
        1024,
        768,
        7,
        3,
        negative="no beard",
        loras=(Lora("me:1@1", 0.5),),
        parent_id=7,
        face=FaceFix(prompt="my face", negative="no", steps=4),
    )
    blank = request.blank()
    text = blank.to_json()
    words = ("crown", "beard", "me.png", "cat", "me:1", "my face", FILE, "b" * 64)
    assert not [word for word in words if word in text]
    assert (blank.width, blank.height, blank.results, blank.parent_id) == (1024, 768, 3, 7)
    assert [(one.width, one.height, one.label, one.result_id) for one in blank.references] == [
        (512, 256, "a picture that is gone", None),
        (64, 64, "#7", 7),
    ]
    assert EditRequest.from_json(text) == blank


async def test_results_are_taken_down_with_their_bytes_stars_and_rounds_and_what_was_made_of_them_stays(
    studio: Studio,
) -> None:
    mine = await studio.make()
    theirs = await studio.make(studio.BO, mine)
    await studio.gallery.star(studio.BO, mine.id)
    await studio.gallery.star(studio.ANA, theirs.id)
    opened = await studio.open_round(mine)
    await people_of(studio).forget(studio.ANA.user_id)
    gone = await studio.database.read(results.get, mine.id)
    assert gone is not None
    assert (gone.deleted_at, gone.sha256, gone.url, gone.stars) == (studio.now, None, "", 0)
    with pytest.raises(NotFound):
        await studio.store.get(mine.sha256 or "")
    stays = await studio.database.read(results.get, theirs.id)
    assert stays is not None
    assert (stays.usable, stays.stars) == (True, 0)
    assert await studio.store.get(theirs.sha256 or "") == f"picture {theirs.id}".encode()
    ended = await studio.database.read(rounds.get, opened.id)
    assert ended is not None
    assert ended.state is RoundState.REFUSED
    [child] = [job for job in await studio.jobs() if job.user_id == studio.BO.user_id]
    assert [(one.sha256, one.result_id) for one in child.request.references] == [("", mine.id)]
    await studio.check_books()


async def test_a_file_goes_even_where_others_used_it_and_what_they_made_of_it_is_edited_by_nobody(
    studio: Studio,
) -> None:
    await _give(studio, studio.ANA)
    theirs = await studio.make(studio.BO)
    await studio.store.put(b"a file")
    await people_of(studio).forget(studio.ANA.user_id)
    [job] = await studio.jobs()
    assert [(one.sha256, one.label) for one in job.request.references] == [("", "a picture that is gone")]
    assert await studio.database.read(authors.of_file, 10, FILE) == []
    assert await studio.database.read(pictures.needed, FILE) is False
    said = await studio.refusal(studio.ask(studio.CY, theirs), NoConsent)
    assert (
        said
        == f"#{theirs.id} was made of somebody’s picture, and they asked to be forgotten: nobody edits it any more."
    )


async def test_a_file_that_is_somebody_elses_too_stays_theirs(studio: Studio) -> None:
    """One that is a copy of a result has its asker and those of its files for authors."""
    await _give(studio, studio.ANA)
    await _give(studio, studio.CY, OTHER_FILE)
    await studio.database.run(authors.hand_on, 10, OTHER_FILE, FILE)
    await studio.make(studio.BO)
    await people_of(studio).forget(studio.ANA.user_id)
    [job] = await studio.jobs()
    assert [one.sha256 for one in job.request.references] == [FILE]
    assert {one.user_id for one in await studio.database.read(authors.of_file, 10, FILE)} == {studio.CY.user_id}
    await people_of(studio).forget(studio.CY.user_id)
    [job] = await studio.jobs()
    assert [one.sha256 for one in job.request.references] == [""]


async def test_an_author_in_another_server_keeps_the_file_there_alone(studio: Studio) -> None:
    await _give(studio, studio.ANA)
    await _give(studio, FOREIGN)
    await studio.make(studio.BO)
    theirs = await studio.ask(FOREIGN, place=studio.ELSEWHERE)
    writing = Drafts(studio.database, clock=studio.clock)
    there = await writing.open(FOREIGN, Beginning({"prompt": "a hat"}, theirs.request.references))
    await studio.database.run(_gather, await account(studio, FOREIGN) or 0, 0, 11)
    await people_of(studio).forget(studio.ANA.user_id)
    made = {job.user_id: job.request for job in await studio.jobs()}
    assert [one.sha256 for one in made[studio.BO.user_id].references] == [""]
    assert made[FOREIGN.user_id] == theirs.request
    assert await studio.database.read(drafts.get, there.id) == there
    assert await studio.database.read(_gathered) == [("tray_pictures", 1), ("pick_pictures", 1), ("picks", 1)]
    assert await studio.database.read(_bound) == [(FILE, theirs.id)]


async def _bound(tx: Tx) -> list[tuple[str, int]]:
    return [(row["sha256"], row["job_id"]) for row in await tx.fetch_all("SELECT * FROM job_pictures")]


async def test_what_others_were_asked_about_their_files_is_taken_back(studio: Studio) -> None:
    await _give(studio, studio.ANA)
    await studio.edits.prefer(studio.BO, 0)
    [theirs, other] = [
        await studio.edits.ask(studio.BO, replace(studio.PLACE, reply_id=reply_id), _made_of(sha256))
        for reply_id, sha256 in ((301, FILE), (302, "b" * 64))
    ]
    assert isinstance(theirs, Offer)
    assert isinstance(other, Offer)
    whose = await account(studio, studio.BO) or 0
    asked = [await studio.database.run(_ask_sweep, whose, sha256) for sha256 in (FILE, "b" * 64)]
    await people_of(studio).forget(studio.ANA.user_id)
    assert await studio.database.read(offers.get, theirs.id) is None
    assert await studio.database.read(offers.get, other.id) == other
    left = [await studio.database.read(sweeps.get, sweep_id) for sweep_id in asked]
    assert [sweep is None for sweep in left] == [True, False]
    gone = await studio.database.read(leftovers.due, studio.now + 100 * MINUTE)
    assert [(one.message_id, one.job_id, one.round_id) for one in gone] == [(301, None, None), (400, None, None)]
    await studio.refusal(studio.edits.accept(theirs.id, studio.BO), NotFound)


def _made_of(sha256: str) -> EditRequest:
    return EditRequest("a hat", (Reference(sha256, 512, 512, "ana.png", description="Ana"),), 1024, 768, 7, 1)


async def _ask_sweep(tx: Tx, account_id: int, sha256: str) -> int:
    return await sweeps.add(
        tx,
        guild_id=10,
        account_id=account_id,
        place=Place(100, 400 if sha256 == FILE else 401),
        request=_made_of(sha256),
        axes=[Axis("steps", (10, 20))],
        refusals=[None, None],
        price=1,
        now=1,
    )


@pytest.mark.parametrize("by_server", [False, True])
async def test_a_no_outlives_who_said_it_for_their_files_and_results(studio: Studio, *, by_server: bool) -> None:
    if by_server:
        await studio.consents.set_standard(studio.MODERATOR, Consent.SESSION)
    else:
        await studio.consents.say(studio.ANA, Consent.NOBODY)
    mine = await studio.make()
    await _give(studio, studio.ANA)
    await people_of(studio).forget(studio.ANA.user_id)
    for asker in (studio.BO, studio.ANA):  # Ana is somebody new
        for sha256 in (FILE, mine.sha256 or ""):
            said = await studio.refusal(studio.edits.request(asker, studio.PLACE, _made_of(sha256)), NoConsent)
            assert said == "Picture 1 is somebody’s, and they asked to be forgotten: nobody edits it any more."
    assert await studio.database.read(pictures.needed, FILE) is False


async def test_what_somebody_closed_stays_closed_without_them(studio: Studio) -> None:
    mine, other = await studio.make(), await studio.make()
    await studio.consents.close(studio.ANA, mine.id, closed=True)
    await studio.consents.learn(studio.BO, COPY, COPY, None, own=False, at=studio.now)
    await studio.database.run(authors.hand_on_result, mine.id, COPY)
    await people_of(studio).forget(studio.ANA.user_id)
    for sha256 in (mine.sha256 or "", COPY):
        await studio.refusal(studio.edits.request(studio.BO, studio.PLACE, _made_of(sha256)), NoConsent)
    await studio.edits.request(studio.BO, studio.PLACE, _made_of(other.sha256 or ""))


@pytest.mark.parametrize("standard", list(Consent))
async def test_whose_pictures_were_open_to_anyone_leaves_no_word_about_them(studio: Studio, standard: Consent) -> None:
    await studio.consents.set_standard(studio.MODERATOR, standard)
    if standard is not Consent.ANYONE:
        await studio.consents.say(studio.ANA, Consent.ANYONE)
    await studio.make()
    await _give(studio, studio.ANA)
    await people_of(studio).forget(studio.ANA.user_id)
    assert await studio.database.read(_authors) == []


async def _authors(tx: Tx) -> list[Any]:
    return await tx.fetch_all("SELECT account_id FROM file_authors")


async def _give(studio: Studio, asker: Asker, file: str = FILE) -> None:
    async def give(tx: Tx) -> None:
        account_id = await accounts.ensure(tx, Scope.MEMBER, studio.now, asker.guild_id, asker.user_id)
        await authors.posted(tx, asker.guild_id, file, account_id, Origin(100, studio.THREAD), studio.now)

    await studio.database.run(give)


async def test_a_draft_of_somebody_else_loses_the_file_and_is_another_draft_then(studio: Studio) -> None:
    await _give(studio, studio.ANA)
    writing = Drafts(studio.database, clock=studio.clock)
    kept = (Reference(FILE, 512, 512, "me.png"), Reference("b" * 64, 512, 512, "cup.png"))
    draft = await writing.open(studio.BO, Beginning({"prompt": "a hat"}, kept))
    await people_of(studio).forget(studio.ANA.user_id)
    after = await studio.database.read(drafts.get, draft.id)
    assert after is not None
    assert [one.label for one in after.references] == ["cup.png"]
    assert after.changed_at > draft.changed_at


async def test_limits_and_bonuses_of_theirs_end_and_a_pool_they_gave_to_goes_on(studio: Studio) -> None:
    await studio.ask()
    await studio.budgets.allow(studio.MODERATOR, Scope.MEMBER, studio.ANA.user_id, Measure.EDITS, 5, Window.daily())
    await studio.budgets.grant(studio.MODERATOR, Scope.MEMBER, studio.ANA.user_id, 5_000_000)
    await studio.budgets.fund(studio.ANA, studio.THREAD, 1_000_000)
    await people_of(studio).forget(studio.ANA.user_id)
    budget = await studio.budgets.budget(10)
    assert budget.limits == ()
    assert [view.grant.scope for view in budget.grants] == [Scope.THREAD]
    assert (await studio.pool())[0] == 1_000_000
    await studio.ask(studio.BO)
    await studio.check_books()


async def test_what_the_log_of_changes_says_of_them_is_nobodys(studio: Studio) -> None:
    await studio.ask()
    mention = f"<@{studio.ANA.user_id}>"
    await studio.budgets.pause(
        studio.MODERATOR, 0, f"ask {mention} or <@!{studio.ANA.user_id}>, not <@{studio.ANA.user_id}0>"
    )
    await people_of(studio).forget(studio.ANA.user_id)
    [change] = await studio.budgets.changes(10)
    expected = f"ask somebody who was forgotten or somebody who was forgotten, not <@{studio.ANA.user_id}0>"
    assert change.after == expected
    assert [pause.reason for pause in (await studio.budgets.budget(10)).pauses] == [expected]


async def test_in_rounds_that_are_over_the_votes_stay_and_in_open_ones_they_are_withdrawn(studio: Studio) -> None:
    picture = await studio.make(studio.BO)
    over = await studio.open_round(picture, quorum=2)
    await studio.propose(over, studio.ANA, studio.ANA, studio.CY, prompt="a secret")
    studio.now += 6 * MINUTE
    await studio.rounds.refuse(
        over, (await studio.rounds.view(over.id)).proposals[0].id, f"<@{studio.ANA.user_id}> left"
    )
    place = replace(studio.PLACE, reply_id=302)
    current = await studio.rounds.open(studio.ANA, place, picture.id, minutes=5, quorum=2)
    await studio.propose(current, studio.ANA, studio.CY, prompt="another secret")
    await studio.propose(current, studio.BO, studio.ANA)
    await people_of(studio).forget(studio.ANA.user_id)
    view = await studio.rounds.view(over.id)
    assert [(one.prompt, one.votes, one.user_id) for one in view.proposals] == [("", 2, None)]
    assert view.round.reason == "somebody who was forgotten left"
    assert [(one.user_id, one.votes) for one in (await studio.rounds.view(current.id)).proposals] == [(2, 0)]
    shown = await studio.database.read(leftovers.due, studio.now + 100 * MINUTE)
    assert {one.round_id for one in shown} >= {over.id, current.id}


async def test_a_preset_of_their_own_goes_and_one_they_shared_is_the_servers(studio: Studio) -> None:
    presets = Presets(studio.database, clock=studio.clock)
    for name, shared in (("mine", False), ("ours", True)):
        await presets.save(studio.ANA, name, {"steps": 12}, shared=shared)
    await people_of(studio).forget(studio.ANA.user_id)
    assert [row["name"] for row in await studio.database.read(_presets)] == ["ours"]


async def _presets(tx: Tx) -> list[Any]:
    return await tx.fetch_all("SELECT name FROM presets ORDER BY name")


#: What still names the account: numbers, and what is shared with others. Nothing names the person.
STAYS = {
    *("edits", "sweeps", "made_of_yours", "votes", "proposals", "rounds_opened", "sessions_owned", "presets"),
    *("bonuses", "gifts", "used_of_bonuses", "ledger", "use_by_quarter", "use_by_day"),
    *("changes_by_you", "changes_about_you"),
}


async def test_of_everything_that_is_told_only_numbers_and_what_is_shared_stays(studio: Studio) -> None:
    mine, theirs = await studio.make(), await studio.make(studio.BO)
    await _give(studio, studio.ANA)
    await studio.gallery.star(studio.ANA, theirs.id)
    await studio.claims.begin(studio.ANA, theirs.id)
    await studio.budgets.allow(studio.MODERATOR, Scope.MEMBER, studio.ANA.user_id, Measure.EDITS, 5, Window.daily())
    await studio.edits.prefer(studio.ANA, 0)
    await studio.edits.ask(studio.ANA, studio.PLACE, studio.request(theirs))
    await Drafts(studio.database, clock=studio.clock).open(studio.ANA, Beginning({"prompt": "a hat"}))
    await studio.sessions.invite(studio.ANA, (await studio.session()).id, studio.CY.user_id)
    whose = await account(studio, studio.ANA) or 0
    for asker in (studio.ANA, studio.BO):
        await studio.database.run(_gather, await account(studio, asker) or 0, whose)
    await studio.database.run(_invite, (await studio.session()).id, whose)
    known = {part.name for part in PARTS if await studio.database.read(people.page, part, whose, part.start)}
    assert known - STAYS == {part.name for part in PARTS} - STAYS, "the test must fill all of it to be able to fail"
    await people_of(studio).forget(studio.ANA.user_id)
    left = {part.name for part in PARTS if await studio.database.read(people.page, part, whose, part.start)}
    assert left <= STAYS
    assert await studio.database.read(_gathered) == [("tray_pictures", 0), ("pick_pictures", 0), ("picks", 0)]
    assert (await studio.edits.results(mine.job_id))[0].deleted_at == studio.now


async def _gather(tx: Tx, account_id: int, author_id: int, guild_id: int = 10) -> None:
    """Have somebody gather Ana's file in their tray, and choose it from a message of hers."""
    reference, now = Reference(FILE, 512, 512, "cat.png"), 1
    await tray.hold(tx, account_id, 0, now)
    await tray.save(tx, account_id, [TrayPicture(reference, 100, 7)], now)
    source = Source(author_id, Origin(100, 7), now)
    picture = Found("cat.png", "https://cdn.discordapp.com/cat.png", is_file=True)
    pick_id = await picks.add(
        tx, guild_id=guild_id, account_id=account_id, pictures=[picture], source=source, seen_in=100, now=now
    )
    await picks.keep(tx, pick_id, 1, reference, now)


async def _invite(tx: Tx, session_id: int, account_id: int) -> None:
    await tx.execute(
        "INSERT INTO session_people (session_id, account_id, standing) VALUES (?1, ?2, 'invited')",
        session_id,
        account_id,
    )


async def _gathered(tx: Tx) -> list[tuple[str, int]]:
    tables = ("tray_pictures", "pick_pictures", "picks")
    return [(table, len(await tx.fetch_all(f"SELECT * FROM {table}"))) for table in tables]


# Twice, in pieces, and anew ------------------------------------------------------------------------------------------


async def test_forgotten_again_nothing_changes_and_they_are_somebody_new_later(studio: Studio) -> None:
    await studio.make()
    before = await account(studio, studio.ANA)
    desk = people_of(studio)
    assert [await desk.forget(studio.ANA.user_id), await desk.forget(studio.ANA.user_id)] == [1, 0]
    assert await account(studio, studio.ANA) is None
    again = await studio.make()
    assert again.usable
    after = await account(studio, studio.ANA)
    assert after is not None
    assert before is not None
    assert after > before
    await studio.check_books()


async def test_what_broke_off_between_two_servers_is_finished_by_asking_again(studio: Studio) -> None:
    await studio.make()
    elsewhere = await studio.ask(studio.STRANGER, place=studio.ELSEWHERE)
    assert await studio.database.run(jobs.move, elsewhere.id, Status.SUBMITTING, studio.now, poll_at=studio.now)
    desk = people_of(studio)
    with pytest.raises(TooLate):
        await desk.forget(1)
    assert await account(studio, studio.ANA) is not None, "nothing is begun that cannot be finished now"

    # So it looks when the edit went there in between, or the program died: one server has forgotten them.
    async def forget_here(tx: Tx) -> None:
        await forgetting.forget(tx, await accounts.find(tx, Scope.MEMBER, 10, 1) or 0, Pace(studio.now, 0, 0))

    await studio.database.run(forget_here)
    came = Success(elsewhere.task_uuid, "x", "https://im.runware.ai/x.jpg", 7, 100)
    await studio.edits.record(elsewhere.task_uuid, [came])
    assert await desk.forget(1) == 1
    assert [await account(studio, one) for one in (studio.ANA, studio.STRANGER)] == [None, None]


async def test_bytes_that_a_crash_left_behind_are_found_by_housekeeping(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = await studio.make()
    desk = people_of(studio)

    async def crash(*_: object) -> bool:
        raise ConnectionError

    monkeypatch.setattr(studio.store, "discard", crash)
    with pytest.raises(ConnectionError):
        await desk.forget(studio.ANA.user_id)
    assert await studio.store.get(mine.sha256 or "")
    assert await studio.database.read(pictures.unknown, [mine.sha256 or ""]) == [mine.sha256]
    assert await desk.forget(studio.ANA.user_id) == 0


async def test_a_store_out_of_reach_keeps_no_server_from_forgetting(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    await studio.make()
    await studio.make(studio.STRANGER, place=studio.ELSEWHERE)

    async def away(*_: object) -> bool:
        raise OutOfReach("NoAnswer")

    monkeypatch.setattr(studio.store, "discard", away)
    assert await people_of(studio).forget(1) == 2
    assert [await account(studio, one) for one in (studio.ANA, studio.STRANGER)] == [None, None]


async def test_where_one_server_has_to_wait_the_bytes_of_the_others_go(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = await studio.make()
    elsewhere = await studio.ask(studio.STRANGER, place=studio.ELSEWHERE)
    desk = people_of(studio)

    async def sent_just_now(_: int) -> None:
        assert await studio.database.run(jobs.move, elsewhere.id, Status.SUBMITTING, studio.now, poll_at=studio.now)

    monkeypatch.setattr(desk, "check", sent_just_now)
    with pytest.raises(TooLate):
        await desk.forget(1)
    assert await account(studio, studio.ANA) is None
    with pytest.raises(NotFound):
        await studio.store.get(mine.sha256 or "")


@pytest.mark.parametrize("put_again", [False, True])
async def test_bytes_that_somebody_gives_or_names_anew_meanwhile_stay(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, *, put_again: bool
) -> None:
    mine = await studio.make()
    sha256, run = mine.sha256 or "", studio.database.run
    data = await studio.store.get(sha256)

    async def run_and_more(unit: Any, *args: Any) -> Any:
        done = await run(unit, *args)
        if unit is forgetting.forget and put_again:
            await studio.store.put(data)
        elif unit is forgetting.forget:
            await run(pictures.used, sha256, studio.now)
        return done

    monkeypatch.setattr(studio.database, "run", run_and_more)
    await people_of(studio).forget(studio.ANA.user_id)
    assert await studio.store.get(sha256) == data


async def test_a_message_is_left_as_it_is_after_failures_and_never_for_what_may_pass(studio: Studio) -> None:
    await studio.edits.prefer(studio.ANA, 0)
    await studio.edits.ask(studio.ANA, studio.PLACE, _made_of(FILE))
    desk = people_of(studio)
    await desk.forget(1)
    pauses: list[int] = []
    for number in range(2 * MAX_TRIES):
        [left] = await desk.due()
        assert await desk.later(left, passing=number % 2 == 0) is (number < 2 * MAX_TRIES - 1)
        due = await studio.database.read(leftovers.next_due)
        pauses += [] if due is None else [due - studio.now]
        studio.now += 10 * MINUTE
    assert await desk.due() == []
    assert set(pauses[::2]) == {MINUTE}
    assert pauses[1::2] == sorted(pauses[1::2])
    assert max(pauses) == 5 * MINUTE


# At Runware ----------------------------------------------------------------------------------------------------------


async def test_while_an_edit_is_at_runware_forgetting_is_refused_in_words_and_changes_nothing(studio: Studio) -> None:
    job = await studio.ask()
    await studio.ask()
    assert await studio.database.run(jobs.move, job.id, Status.SUBMITTING, studio.now, poll_at=studio.now)
    studio.now += 29 * MINUTE + 1
    said = await studio.refusal(people_of(studio).forget(studio.ANA.user_id), TooLate)
    assert said.startswith("An edit of yours is at Runware and will be back within a minute.")
    studio.now -= 20 * MINUTE
    with pytest.raises(TooLate, match="within 21 minutes"):
        await people_of(studio).check(studio.ANA.user_id)
    await people_of(studio).check(studio.BO.user_id)


async def test_the_unit_itself_refuses_what_went_to_runware_since_somebody_looked(studio: Studio) -> None:
    job = await studio.ask()
    assert await studio.database.run(jobs.move, job.id, Status.SUBMITTING, studio.now, poll_at=studio.now)
    whose = await account(studio, studio.ANA) or 0
    with pytest.raises(StillAtRunware):
        await studio.database.run(forgetting.forget, whose, Pace(studio.now, 0, 0))
    [stays] = await studio.jobs()
    assert (stays.request.prompt, stays.user_id) == ("a hat", studio.ANA.user_id)


async def test_bytes_that_were_kept_while_their_asker_was_forgotten_are_strays(studio: Studio) -> None:
    job = await studio.ask()
    for status in (Status.SUBMITTING, Status.EXPIRED):
        assert await studio.database.run(jobs.move, job.id, status, studio.now, poll_at=studio.now)
    late = Success(job.task_uuid, "late", "", 7, 100, copy=Copy("c" * 64, "image/png", 64, 64))
    await people_of(studio).forget(studio.ANA.user_id)
    await studio.database.run(outcomes.take_delivery, job.task_uuid, [late], studio.now, studio.now, studio.edits.rules)
    assert len(await studio.edits.results(job.id)) == 1
    assert await studio.database.read(pictures.unknown, ["c" * 64]) == ["c" * 64]


@pytest.mark.parametrize("inline", [False, True])
async def test_a_result_that_comes_after_all_is_settled_and_neither_kept_nor_shown(
    studio: Studio, tmp_path: Path, *, inline: bool
) -> None:
    job = await studio.ask(images=2)
    assert await studio.database.run(jobs.move, job.id, Status.SUBMITTING, studio.now, poll_at=studio.now)
    assert await studio.database.run(jobs.move, job.id, Status.EXPIRED, studio.now, poll_at=studio.now)
    await people_of(studio).forget(studio.ANA.user_id)
    version = (await studio.jobs())[0].version
    late = Success(job.task_uuid, "late", "" if inline else "https://im.runware.ai/late.jpg", 7, 100)
    if inline:
        late = Success(job.task_uuid, "late", "", 7, 100, inline=_png())
    before = _files(tmp_path)
    await studio.edits.record(job.task_uuid, [late])
    if inline:  # a delivery that brings no picture is a hint: the poll is the record
        [asked] = await studio.database.read(jobs.to_poll, studio.now, 10)
        said = await studio.edits.keep(job.task_uuid, [late])
        await studio.database.run(outcomes.take_poll, asked, said, studio.now, studio.now, studio.edits.rules)
    [made] = await studio.jobs()
    assert (made.status, made.cost) == (Status.SUCCEEDED, 100)
    [result] = await studio.edits.results(job.id)
    assert (result.deleted_at, result.sha256, result.url) == (studio.now, None, "")
    assert await studio.database.read(results.next_copy) is None
    assert _files(tmp_path) == before
    assert [one.image_uuid for one in await studio.database.read(remote.due, studio.now)] == ["late"]
    assert made.version > version
    await studio.check_books()


def _png() -> str:
    data = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(data, "PNG")
    return base64.b64encode(data.getvalue()).decode()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "pictures").rglob("*") if path.is_file())


# Told ----------------------------------------------------------------------------------------------------------------


async def test_everything_is_told_of_every_server_and_nothing_of_others(studio: Studio) -> None:
    mine = await studio.make()
    await studio.make(studio.BO, mine)
    await studio.ask(studio.STRANGER, place=studio.ELSEWHERE)
    told = [one async for one in people_of(studio).told(1)]
    assert {one.guild_id for one in told} == {10, 11}
    edits = [row for one in told if one.part.name == "edits" for row in one.rows]
    assert [row["request"]["prompt"] for row in edits] == ["a hat", "a hat"]
    assert edits[0]["results"][0]["id"] == mine.id
    assert json.loads(json.dumps(edits)) == edits
    assert [one.result_id for one in await people_of(studio).pictures(1)] == [mine.id]


def test_rows_are_readable() -> None:
    assert readable({"at": 1_767_268_800_000, "ended_at": None, "day": 739_617, "guild_id": 2**60, "cost": 5}) == {
        "at": "2026-01-01T12:00:00.000+00:00",
        "ended_at": None,
        "day": "2026-01-01",
        "guild_id": str(2**60),
        "cost": 5,
    }
    assert readable({"typed": '{"steps": 1}', "cells": [{"made_at": 0}], "pictures": 3}) == {
        "typed": {"steps": 1},
        "cells": [{"made_at": "1970-01-01T00:00:00.000+00:00"}],
        "pictures": 3,
    }
