"""Stars and galleries at the use cases: who may give them, what is counted, and who sees what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

from bot import gallery
from bot.errors import NotAllowed, NotFound
from bot.gallery import PICTURES_SHOWN, Page
from storage import announcements
from storage.records import Result
from storage.stars import Entry
from storage.windows import DAY

if TYPE_CHECKING:
    from tests.bot.conftest import Studio

See = Callable[[Entry], Awaitable[bool]]


@pytest.fixture
async def result(studio: Studio) -> Result:
    return await studio.make()


async def everything(entry: Entry) -> bool:
    return True


def all_but(*hidden: int) -> See:
    async def see(entry: Entry) -> bool:
        return entry.result_id not in hidden

    return see


def shown(page: Page) -> list[int]:
    return [step.result.id for step in page.steps]


async def starred(studio: Studio, number: int) -> list[int]:
    """So many results, each with one star; returns them as a gallery shows them."""
    jobs = [await studio.ask(studio.ANA, images=min(10, number - start)) for start in range(0, number, 10)]
    made = [one.id for job in jobs for one in await studio.finish(job)]
    for result_id in made:
        await studio.gallery.star(studio.BO, result_id)
    return made[::-1]


# Stars ---------------------------------------------------------------------------------------------------------------


async def test_a_press_gives_a_star_and_another_takes_it_back(studio: Studio, result: Result) -> None:
    assert await studio.gallery.star(studio.BO, result.id) == (True, 1)
    assert await studio.gallery.star(studio.CY, result.id) == (True, 2)
    assert await studio.gallery.star(studio.BO, result.id) == (False, 1)
    assert await studio.gallery.starred_by(studio.CY, result.job_id) == [result.id]
    assert await studio.gallery.starred_by(studio.BO, result.job_id) == []
    assert await studio.gallery.starred_by(studio.MODERATOR, result.job_id) == []


async def test_counts_are_brought_up_to_date_no_more_often_than_the_settings_say(
    studio: Studio, result: Result
) -> None:
    async def due(at: int) -> list[int]:
        return [job.id for job in await studio.database.read(announcements.due, at, 10)]

    for job in await studio.jobs():
        await studio.database.run(announcements.shown, job.id, job.version, studio.now)
    interval = int(studio.settings.card_interval_seconds * 1000)
    await studio.gallery.star(studio.BO, result.id)
    studio.now += 1
    await studio.gallery.star(studio.CY, result.id)
    first = studio.now - 1 + interval
    assert (await due(first - 1), await due(first)) == ([], [result.job_id])


async def test_only_the_people_of_its_session_give_a_result_stars(studio: Studio, result: Result) -> None:
    await studio.sessions.remove(studio.ANA, (await studio.session()).id, studio.BO.user_id)
    await studio.refusal(studio.gallery.star(studio.BO, result.id), NotAllowed)
    await studio.refusal(studio.gallery.choose(studio.BO, result.job_id, {result.id}, {result.id}), NotAllowed)
    assert await studio.gallery.star(studio.CY, result.id) == (True, 1)


@pytest.mark.parametrize("how", ["lock", "close"])
async def test_results_of_a_session_that_is_over_still_get_stars(studio: Studio, result: Result, how: str) -> None:
    await getattr(studio.sessions, how)(studio.ANA, (await studio.session()).id)
    assert await studio.gallery.star(studio.BO, result.id) == (True, 1)


async def test_a_picture_of_another_server_is_not_there(studio: Studio, result: Result) -> None:
    for asker, result_id in ((studio.STRANGER, result.id), (studio.BO, 999)):
        said = await studio.refusal(studio.gallery.star(asker, result_id), NotFound)
        assert said == f"There is no picture #{result_id} here. The number stands under each result."


async def test_a_picture_that_is_deleted_loses_its_stars_and_takes_none(studio: Studio, result: Result) -> None:
    await studio.gallery.star(studio.BO, result.id)
    await studio.edits.delete(result.id, asker=studio.ANA, manages=False)
    said = await studio.refusal(studio.gallery.star(studio.CY, result.id), NotFound)
    assert said == f"#{result.id} was taken down, so it takes no stars."
    page = await studio.gallery.page(await studio.gallery.room(10), everything)
    assert (page.steps, page.before, page.after) == ((), None, None)


async def test_of_a_job_the_chosen_results_get_stars_and_its_others_lose_them(studio: Studio) -> None:
    made = await studio.finish(await studio.ask(studio.ANA, images=3))
    first, second, third = [one.id for one in made]
    other = await studio.make()
    for result_id in (first, other.id):
        await studio.gallery.star(studio.BO, result_id)
    await studio.gallery.star(studio.CY, second)
    offered = {first, second, third}
    now = await studio.gallery.choose(studio.BO, made[0].job_id, {second, third, other.id}, offered)
    assert [(one.id, one.stars) for one in now] == [(first, 0), (second, 2), (third, 1)]
    assert await studio.gallery.starred_by(studio.BO, made[0].job_id) == [second, third]
    assert await studio.gallery.starred_by(studio.BO, other.job_id) == [other.id]


async def test_results_that_were_not_offered_keep_their_stars(studio: Studio) -> None:
    first, second, third = await studio.finish(await studio.ask(studio.ANA, images=3))
    await studio.gallery.star(studio.BO, first.id)
    now = await studio.gallery.choose(studio.BO, first.job_id, {third.id}, {second.id, third.id})
    assert [one.stars for one in now] == [1, 0, 1]


async def test_a_deleted_result_of_a_job_is_passed_over_when_some_are_chosen(studio: Studio) -> None:
    made = await studio.finish(await studio.ask(studio.ANA, images=2))
    gone, kept = [one.id for one in made]
    await studio.edits.delete(gone, asker=studio.ANA, manages=False)
    now = await studio.gallery.choose(studio.BO, made[0].job_id, {gone, kept}, {gone, kept})
    assert [one.stars for one in now] == [0, 1]


# Rooms ---------------------------------------------------------------------------------------------------------------


async def test_rooms_are_of_the_server_of_a_week_and_of_a_person(studio: Studio) -> None:
    old = await studio.make(studio.BO)
    studio.now += 7 * DAY
    new = await studio.make(studio.ANA)
    for result in (old, new):
        await studio.gallery.star(studio.CY, result.id)

    async def seen(**which: int) -> list[int]:
        return shown(await studio.gallery.page(await studio.gallery.room(10, **which), everything))

    assert await seen() == [new.id, old.id]
    assert (await seen(week=0), await seen(week=1), await seen(week=2)) == ([new.id], [old.id], [])
    assert (await seen(user_id=1), await seen(user_id=2), await seen(user_id=3)) == ([new.id], [old.id], [])
    assert await seen(user_id=99) == []
    assert shown(await studio.gallery.page(await studio.gallery.room(11), everything)) == []


async def test_a_week_is_that_of_the_servers_clocks_in_which_a_result_was_made(studio: Studio) -> None:
    await studio.budgets.change(studio.MODERATOR, time_zone="Pacific/Auckland")
    # A Sunday noon in UTC is Monday in Auckland.
    studio.now += (6 - ((studio.now // DAY + 3) % 7)) * DAY + DAY // 2
    result = await studio.make()
    studio.now += 6 * DAY
    await studio.gallery.star(studio.BO, result.id)
    assert shown(await studio.gallery.page(await studio.gallery.room(10, week=0), everything)) == [result.id]


# Pages ---------------------------------------------------------------------------------------------------------------


async def test_a_gallery_of_one_page_has_none_before_and_none_after(studio: Studio) -> None:
    made = await starred(studio, PICTURES_SHOWN)
    page = await studio.gallery.page(await studio.gallery.room(10), everything)
    assert (shown(page), page.before, page.after) == (made, None, None)


async def test_pages_follow_one_another_and_lead_back(studio: Studio) -> None:
    made = await starred(studio, 2 * PICTURES_SHOWN + 1)
    room = await studio.gallery.room(10)
    pages = [await studio.gallery.page(room, everything)]
    while (after := pages[-1].after) is not None:
        pages.append(await studio.gallery.page(room, everything, after))
    assert [shown(page) for page in pages] == [made[start : start + PICTURES_SHOWN] for start in (0, 6, 12)]
    page = pages[-1]
    for expected in (pages[1], pages[0]):
        assert page.before is not None
        page = await studio.gallery.page(room, everything, page.before, back=True)
        assert shown(page) == shown(expected)
    assert page.before is None
    assert page.after is not None
    assert shown(await studio.gallery.page(room, everything, page.after)) == shown(pages[1])


async def test_a_visitor_sees_what_they_may_and_no_gap_where_they_may_not(studio: Studio) -> None:
    made = await starred(studio, 2 * PICTURES_SHOWN)
    see, open_to_them = all_but(*made[::2]), made[1::2]
    page = await studio.gallery.page(await studio.gallery.room(10), see)
    assert (shown(page), page.after) == (open_to_them, None)


async def test_a_visitor_who_may_see_little_looks_on_from_where_the_page_ended(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "_LOOKED_AT", 4)
    monkeypatch.setattr(gallery, "_BATCH", 2)
    made = await starred(studio, 6)
    room, see = await studio.gallery.room(10), all_but(*made[:5])
    page = await studio.gallery.page(room, see)
    assert (shown(page), page.before) == ([], None)
    assert page.after is not None
    page = await studio.gallery.page(room, see, page.after)
    assert (shown(page), page.after) == ([made[5]], None)
    assert page.before is not None
    page = await studio.gallery.page(room, everything, page.before, back=True)
    assert shown(page) == made[1:5]
    assert page.before is not None
    assert shown(await studio.gallery.page(room, everything, page.before, back=True)) == made[:1]


async def test_who_looks_back_to_what_is_hidden_by_now_finds_the_page_they_came_from(studio: Studio) -> None:
    made = await starred(studio, PICTURES_SHOWN + 2)
    room = await studio.gallery.room(10)
    first = await studio.gallery.page(room, everything)
    assert first.after is not None
    second = await studio.gallery.page(room, everything, first.after)
    assert second.before is not None
    empty = await studio.gallery.page(room, all_but(*shown(first)), second.before, back=True)
    assert (shown(empty), empty.before) == ([], None)
    assert empty.after is not None
    assert shown(await studio.gallery.page(room, everything, empty.after)) == shown(second) == made[PICTURES_SHOWN:]
