"""Claims at the use cases: others hear of whoever writes an edit of a picture, and nobody is kept from it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from bot.claims import CLAIM_LIFE, Others
from bot.errors import NotAllowed
from storage import announcements
from storage.records import Job, Result

if TYPE_CHECKING:
    from tests.bot.conftest import Studio


async def writing(studio: Studio, result: Result) -> list[int]:
    return [claim.user_id for claim in await studio.claims.writing(result.job_id)]


async def due(studio: Studio) -> list[int]:
    """The jobs whose messages are to be shown anew now."""
    return [job.id for job in await studio.database.read(announcements.due, studio.now, 100)]


async def all_shown(studio: Studio) -> None:
    """Everything as it stands is in Discord."""
    for job in await studio.jobs():
        await studio.database.run(announcements.shown, job.id, job.version, studio.now)


async def test_who_begins_hears_of_the_others_who_write_and_not_of_themselves(studio: Studio) -> None:
    result = await studio.make()
    assert await studio.claims.begin(studio.BO, result.id) == Others((), ())
    assert await studio.claims.begin(studio.BO, result.id) == Others((), ())
    studio.now += 5
    others = await studio.claims.begin(studio.CY, result.id)
    assert [(claim.user_id, claim.begun_at) for claim in others.writing] == [(2, studio.now - 5)]
    assert await writing(studio, result) == [2, 3]


async def test_who_begins_hears_of_the_edits_that_are_being_made_of_it(studio: Studio) -> None:
    result, elsewhere = await studio.make(), await studio.make()
    job = await studio.ask(studio.BO, result)
    await studio.ask(studio.BO, elsewhere)
    assert (await studio.claims.begin(studio.CY, result.id)).running == (job,)
    await studio.finish(job)
    assert (await studio.claims.begin(studio.CY, result.id)).running == ()


async def test_a_claim_keeps_nobody_from_editing(studio: Studio) -> None:
    result = await studio.make()
    await studio.claims.begin(studio.BO, result.id)
    branch = await studio.ask(studio.CY, result)
    assert isinstance(branch, Job)
    assert await writing(studio, result) == [2]


async def test_a_claim_holds_and_spends_nothing(studio: Studio) -> None:
    result = await studio.make()
    await studio.claims.begin(studio.BO, result.id)
    assert await studio.used(studio.BO) == (0, 0)


async def test_who_asks_for_what_they_wrote_writes_no_more_and_the_card_is_shown_anew(studio: Studio) -> None:
    result, elsewhere = await studio.make(), await studio.make()
    for claimed in (result, elsewhere):
        await studio.claims.begin(studio.BO, claimed.id)
    await all_shown(studio)
    job = await studio.ask(studio.BO, result)
    assert (await writing(studio, result), await writing(studio, elsewhere)) == ([], [2])
    assert await due(studio) == [result.job_id, job.id]


async def test_who_is_refused_still_writes(studio: Studio) -> None:
    result = await studio.make()
    await studio.claims.begin(studio.BO, result.id)
    await studio.sessions.lock(studio.ANA, (await studio.session()).id)
    await studio.refusal(studio.ask(studio.BO, result), NotAllowed)
    assert await writing(studio, result) == [2]


async def test_a_claim_on_a_picture_that_is_not_there_is_none(studio: Studio) -> None:
    assert await studio.claims.begin(studio.BO, 999) == Others((), ())
    assert await studio.claims.expire() == 0


async def test_a_claim_is_shown_at_once_and_taken_away_after_its_time(studio: Studio) -> None:
    result = await studio.make()
    await all_shown(studio)
    await studio.claims.begin(studio.BO, result.id)
    assert await due(studio) == [result.job_id]
    await all_shown(studio)
    studio.now += CLAIM_LIFE - 1
    assert (await studio.claims.expire(), await writing(studio, result), await due(studio)) == (0, [2], [])
    studio.now += 1
    assert (await studio.claims.expire(), await writing(studio, result)) == (1, [])
    assert await due(studio) == [result.job_id]


async def test_the_loop_takes_claims_away_also_those_from_before_a_restart(studio: Studio) -> None:
    result = await studio.make()
    await studio.claims.begin(studio.BO, result.id)
    studio.now += CLAIM_LIFE
    studio.restart()
    await all_shown(studio)
    await studio.signals.notices.wait(0)
    loop = asyncio.create_task(studio.claims.run())
    await studio.signals.notices.wait(60)
    loop.cancel()
    with suppress(asyncio.CancelledError):
        await loop
    assert await due(studio) == [result.job_id]
