"""Lineage at the use cases: how a picture came to be, what was made of it, and edits that go on from it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot import options
from bot.errors import BadOption, NotFound
from bot.lineage import CHILDREN_SHOWN, STEPS_SHOWN, STEPS_TOLD, Before
from storage import lineage
from storage.records import EditRequest, Reference, Result

if TYPE_CHECKING:
    from tests.bot.conftest import Studio

MADE_OF = EditRequest(
    "a hat",
    (Reference("a" * 64, 512, 512, "cat.png"),),
    1024,
    768,
    7,
    results=3,
    steps=12,
    negative="rain",
    cfg=2.5,
    true_cfg=1.5,
    scheduler="Euler",
    safety="none",
)


@pytest.fixture
async def result(studio: Studio) -> Result:
    return await studio.make()


async def chain(studio: Studio, length: int) -> list[int]:
    """Edits each of which is of the one before."""
    made = [await studio.make()]
    for _ in range(length - 1):
        made.append(await studio.make(studio.ANA, made[-1]))
    return [one.id for one in made]


# Families ------------------------------------------------------------------------------------------------------------


async def test_a_result_stands_between_its_parent_and_what_was_made_of_it(studio: Studio, result: Result) -> None:
    beside = await studio.make()
    child = await studio.make(studio.BO, result, beside)
    branch = await studio.make(studio.CY, result)
    family = await studio.lineage.family(result.id)
    assert (family.step.result, family.parent) == (result, None)
    assert [(one.result.id, one.user_id, one.merged) for one in family.children] == [
        (child.id, 2, (beside.id,)),
        (branch.id, 3, ()),
    ]
    assert (await studio.lineage.family(child.id)).parent == family.step
    assert [one.result.id for one in (await studio.lineage.family(beside.id)).children] == [child.id]


async def test_a_parent_that_was_deleted_is_still_the_parent(studio: Studio, result: Result) -> None:
    child = await studio.make(studio.BO, result)
    await studio.edits.delete(result.id, asker=studio.ANA, manages=False)
    parent = (await studio.lineage.family(child.id)).parent
    assert parent is not None
    assert (parent.result.id, parent.result.usable, parent.user_id) == (result.id, False, 1)


async def test_the_newest_children_are_listed_and_the_others_counted_when_there_are_too_many(
    studio: Studio, result: Result
) -> None:
    jobs = [await studio.ask(asker, result, images=20) for asker in (studio.BO, studio.CY)]
    made = [one.id for job in jobs for one in await studio.finish(job)]
    family = await studio.lineage.family(result.id)
    assert [one.result.id for one in family.children] == made[-CHILDREN_SHOWN:]
    assert family.earlier == len(made) - CHILDREN_SHOWN


async def test_what_is_not_there_is_named(studio: Studio) -> None:
    for look in (studio.lineage.family, studio.lineage.step):
        with pytest.raises(NotFound, match=r"^There is no picture #9 here\. The number stands under each result\.$"):
            await look(9)


# Ways ----------------------------------------------------------------------------------------------------------------


async def test_a_way_leads_from_the_first_picture_to_the_result(studio: Studio) -> None:
    made = await chain(studio, 3)
    way = await studio.lineage.way(made[-1])
    assert [step.result.id for step in way.steps] == made
    assert (way.first, way.length, way.cut, way.page, way.pages) == (1, 3, False, 0, 1)


async def test_a_long_way_is_told_in_pages_and_beyond_the_last_one_is_the_last(studio: Studio) -> None:
    made = await chain(studio, STEPS_SHOWN + 1)
    first, last, beyond = [await studio.lineage.way(made[-1], page) for page in (0, 1, 7)]
    assert [step.result.id for step in first.steps] == made[:STEPS_SHOWN]
    assert [step.result.id for step in last.steps] == made[STEPS_SHOWN:]
    assert [(way.first, way.length, way.page, way.pages) for way in (first, last)] == [
        (1, STEPS_SHOWN + 1, 0, 2),
        (STEPS_SHOWN + 1, STEPS_SHOWN + 1, 1, 2),
    ]
    assert beyond == last


async def test_a_way_that_is_longer_than_is_looked_at_says_so(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await chain(studio, 4)
    monkeypatch.setattr(lineage, "FARTHEST", 3)
    assert not (await studio.lineage.way(made[-1])).cut, "all of it is seen"
    monkeypatch.setattr(lineage, "FARTHEST", 2)
    way = await studio.lineage.way(made[-1])
    assert ([step.result.id for step in way.steps], way.cut) == (made[1:], True)


async def test_a_way_passes_a_deleted_picture(studio: Studio) -> None:
    made = await chain(studio, 3)
    await studio.edits.delete(made[1], asker=studio.ANA, manages=False)
    way = await studio.lineage.way(made[-1])
    assert [(step.result.id, step.result.usable) for step in way.steps] == [
        (made[0], True),
        (made[1], False),
        (made[2], True),
    ]


# What led to an edit, in words ---------------------------------------------------------------------------------------


async def test_what_led_to_an_edit_is_where_it_began_and_its_last_steps(studio: Studio, result: Result) -> None:
    cat = Reference("a" * 64, 512, 512, "cat.png")
    assert await studio.lineage.before(result.job_id) == Before()
    made, told = result, [Before(cat, ("a hat",) * steps) for steps in range(1, STEPS_TOLD + 1)]
    for before in told:
        made = await studio.make(studio.BO, made)
        assert await studio.lineage.before(made.job_id) == before
    made = await studio.make(studio.BO, made)
    assert await studio.lineage.before(made.job_id) == Before(cat, (None, *["a hat"] * STEPS_TOLD))


async def test_of_a_way_that_is_longer_than_is_looked_at_the_beginning_is_not_told(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await chain(studio, 4)
    monkeypatch.setattr(lineage, "FARTHEST", 1)
    step = await studio.lineage.step(made[-1])
    assert await studio.lineage.before(step.result.job_id) == Before(None, ("a hat", "a hat"))


async def test_words_of_a_private_thread_are_told_there_alone_and_those_of_a_channel_in_all_of_it(
    studio: Studio,
) -> None:
    cat = Reference("a" * 64, 512, 512, "cat.png")
    private, other = replace(studio.PLACE, thread_id=201, public=False), replace(studio.PLACE, thread_id=202)
    hidden = await studio.make(place=private)
    open_ = await studio.make(place=studio.PLACE)
    for source, place, told in (
        (hidden, private, Before(cat, ("a hat",))),
        (hidden, replace(private, thread_id=203), Before(None, (None,))),
        (hidden, studio.PLACE, Before(None, (None,))),
        (hidden, studio.ELSEWHERE, Before(None, (None,))),
        (open_, other, Before(cat, ("a hat",))),
        (open_, studio.ELSEWHERE, Before(cat, ("a hat",))),
        (open_, private, Before(cat, ("a hat",))),
        (open_, replace(studio.PLACE, channel_id=101), Before(None, (None,))),
    ):
        made = await studio.make(studio.BO, source, place=place)
        assert await studio.lineage.before(made.job_id) == told, place


async def test_words_of_a_picture_that_was_taken_down_are_not_told(studio: Studio) -> None:
    first, second, third = await chain(studio, 3)
    job_id = (await studio.lineage.step(third)).result.job_id
    await studio.edits.delete(second, asker=studio.ANA, manages=False)
    cat = Reference("a" * 64, 512, 512, "cat.png")
    assert await studio.lineage.before(job_id) == Before(cat, ("a hat", None))
    await studio.edits.delete(first, asker=studio.ANA, manages=False)
    assert await studio.lineage.before(job_id) == Before(None, (None, None))


# Sessions and messages -----------------------------------------------------------------------------------------------


async def test_a_session_has_the_results_that_were_made_in_it(studio: Studio, result: Result) -> None:
    child = await studio.make(studio.BO, result, place=studio.ELSEWHERE)
    session = await studio.session()
    assert [step.result.id for step in await studio.lineage.of_session(session.id)] == [result.id]
    assert (await studio.lineage.family(child.id)).parent is not None


async def test_a_message_that_shows_a_result_is_known_until_it_goes_with_it(studio: Studio, result: Result) -> None:
    await studio.lineage.shown(result.id, 101, 500)
    assert [await studio.lineage.shown_in(message_id) for message_id in (500, 501)] == [result.id, None]
    assert await studio.lineage.showings_of_deleted(result.job_id) == []
    await studio.edits.delete(result.id, asker=studio.ANA, manages=False)
    (showing,) = await studio.lineage.showings_of_deleted(result.job_id)
    assert (showing.channel_id, showing.message_id) == (101, 500)
    await studio.lineage.hidden(500)
    assert await studio.lineage.showings_of_deleted(result.job_id) == []


# Going on from a result ----------------------------------------------------------------------------------------------


def test_an_edit_in_other_words_keeps_size_and_settings_and_asks_for_one_picture_by_a_new_seed() -> None:
    child = options.child_of(picture(width=640, height=480), MADE_OF, " a crown ", lambda: 99)
    assert child == replace(
        MADE_OF,
        prompt="a crown",
        references=(Reference("b" * 64, 640, 480, "#12", result_id=12),),
        width=640,
        height=480,
        seed=99,
        results=1,
        parent_id=12,
    )


def test_a_result_whose_size_nobody_measured_has_that_of_its_request() -> None:
    child = options.child_of(picture(), MADE_OF, "a crown", lambda: 99)
    assert (child.width, child.height, child.references[0].width) == (1024, 768, 1024)


def test_a_result_is_a_reference_by_its_hash_and_its_number() -> None:
    assert options.reference_to(picture(width=640, height=480), MADE_OF) == Reference(
        "b" * 64, 640, 480, "#12", result_id=12
    )


@pytest.mark.parametrize("prompt", ["", "  \n", "x" * 32_001, "a\0b"])
def test_a_prompt_that_cannot_be_is_refused(prompt: str) -> None:
    with pytest.raises(BadOption) as refused:
        options.child_of(picture(), MADE_OF, prompt, lambda: 99)
    assert refused.value.option == "prompt"


def picture(width: int | None = None, height: int | None = None) -> Result:
    return Result(
        id=12,
        job_id=5,
        image_uuid="one",
        position=0,
        seed=7,
        cost=100,
        nsfw=False,
        url="https://im.runware.ai/one.jpg",
        sha256="b" * 64,
        media_type="image/jpeg",
        width=width,
        height=height,
        recorded_at=0,
        lost=None,
        deleted_at=None,
        channel_id=None,
        message_id=None,
    )
