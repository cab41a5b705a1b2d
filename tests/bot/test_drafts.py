"""Drafts at the use cases: whose they are, how long they live, and that each is sent once."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.budgets import Budgets
from bot.drafts import DRAFT_LIFE, GONE, MOST_DRAFTS, Beginning, Drafts, typed
from bot.edits import Edits
from bot.errors import EditError, NotAllowed, NotFound, OverQuota, Paused
from bot.housekeeping import Housekeeping
from bot.metrics import Metrics
from bot.pictures import Pictures
from bot.settings import Settings
from bot.signals import Signals
from storage import drafts as rows
from storage import jobs
from storage.database import Database
from storage.drafts import Draft
from storage.offers import Offer
from storage.records import Asker, EditRequest, Job, Place, Reference, Status

START = 1_900_022_400_000
FILE = Reference("a" * 64, 512, 512, "cat.png")
REQUEST = EditRequest("a hat", (FILE,), 1024, 768, 7)
HERE = Place(100, 300)
ANA, BO, ABROAD = Asker(10, 1), Asker(10, 2), Asker(11, 1)


@dataclass
class Table:
    """Where drafts are written and sent, on a clock that the test moves."""

    database: Database
    pictures: Pictures
    settings: Settings
    now: int = START

    def __post_init__(self) -> None:
        self.drafts = Drafts(self.database, clock=lambda: self.now)
        self.edits = Edits(self.database, self.pictures, Signals(), Metrics(), self.settings, clock=lambda: self.now)

    async def open(self, asker: Asker = ANA, **values: Any) -> Draft:
        return await self.drafts.open(asker, Beginning(values, (FILE,)))

    async def send(self, draft: Draft, request: EditRequest = REQUEST) -> Job | Offer:
        return await self.edits.ask(ANA, HERE, request, draft_id=draft.id)

    async def stands(self, draft: Draft) -> bool:
        return await self.database.read(rows.get, draft.id) is not None

    async def jobs(self) -> list[int]:
        return await self.database.read(jobs.open_ids)

    async def refusal(self, by: type[EditError], doing: Any) -> str:
        with pytest.raises(by) as refused:
            await doing
        return str(refused.value)


@pytest.fixture
async def table(database: Database, tmp_path: Path) -> AsyncGenerator[Table]:
    settings = Settings(
        discord_token=SecretStr("token"),
        runware_api_key=SecretStr("key"),
        allowed_guilds=frozenset({10, 11}),
        member_daily_usd=Decimal(1),
    )
    async with Pictures(tmp_path / "pictures", min_free=0) as pictures:
        yield Table(database, pictures, settings)


async def test_a_draft_is_its_owners_alone_and_only_in_its_server(table: Table) -> None:
    draft = await table.open(steps="many", seed=None)
    assert draft.values == {"steps": "many"}
    assert await table.drafts.get(draft.id, ANA) == draft
    for asker, by in ((BO, NotAllowed), (ABROAD, NotFound)):
        await table.refusal(by, table.drafts.get(draft.id, asker))
        await table.refusal(by, table.drafts.change(draft.id, asker, lambda now: now))
        await table.refusal(by, table.drafts.discard(draft.id, asker))
    assert await table.drafts.newest(ANA) == draft
    assert await table.drafts.newest(BO) is None
    assert await table.drafts.newest(ABROAD) is None


async def test_a_draft_lives_for_a_day_after_its_last_change(table: Table) -> None:
    draft = await table.open()
    table.now += DRAFT_LIFE - 1
    changed = await table.drafts.change(draft.id, ANA, lambda now: typed(now, {"steps": "4"}))
    table.now += DRAFT_LIFE - 1
    assert await table.drafts.get(draft.id, ANA) == changed
    table.now += 1
    for late in (
        table.drafts.get(draft.id, ANA),
        table.drafts.change(draft.id, ANA, lambda now: now),
        table.drafts.discard(draft.id, ANA),
        table.send(draft),
    ):
        assert await table.refusal(NotFound, late) == GONE
    assert await table.drafts.newest(ANA) is None
    assert await table.jobs() == []


async def test_each_change_is_later_than_the_one_before(table: Table) -> None:
    draft = await table.open()
    for number in (1, 2):
        changed = await table.drafts.change(draft.id, ANA, lambda now: now)
        assert changed.changed_at == draft.changed_at + number


async def test_of_many_changes_at_once_none_is_lost(table: Table) -> None:
    draft = await table.open()

    async def change(number: int) -> None:
        await table.drafts.change(draft.id, ANA, lambda now: typed(now, {f"option{number}": number}))

    await asyncio.gather(*map(change, range(8)))
    assert (await table.drafts.get(draft.id, ANA)).values == {f"option{number}": number for number in range(8)}


async def test_what_is_left_out_is_forgotten_and_other_words_end_those_of_a_result(table: Table) -> None:
    draft = replace(await table.open(steps="4", cfg="7"), words_of=12)
    assert typed(draft, {"steps": None, "seed": "1"}) == replace(draft, values={"cfg": "7", "seed": "1"})
    assert typed(draft, {"prompt": "a hat"}).words_of is None
    assert typed(draft, {"prompt": None}).words_of is None


async def test_the_draft_left_alone_longest_goes_for_one_too_many(table: Table) -> None:
    elsewhere, others = await table.open(ABROAD), await table.open(BO)
    mine: list[Draft] = []
    for _ in range(MOST_DRAFTS):
        table.now += 1
        mine.append(await table.open())
    table.now += 1
    await table.drafts.change(mine[0].id, ANA, lambda now: now)
    newest = await table.open()
    stand = [await table.stands(draft) for draft in (elsewhere, others, mine[0], mine[1], mine[2], newest)]
    assert stand == [True, True, True, False, True, True]


async def test_of_many_opened_at_once_no_more_than_the_most_stand(table: Table) -> None:
    opened = await asyncio.gather(*(table.open() for _ in range(MOST_DRAFTS + 5)), return_exceptions=True)
    drafts = [draft for draft in opened if isinstance(draft, Draft)]
    assert len(drafts) == MOST_DRAFTS + 5, opened
    assert [await table.stands(draft) for draft in drafts].count(True) == MOST_DRAFTS


async def test_a_job_takes_its_draft_away_and_of_two_sent_at_once_one_is(table: Table) -> None:
    draft, other = await table.open(), await table.open()
    answers = await asyncio.gather(*(table.send(draft) for _ in range(2)), return_exceptions=True)
    assert [type(answer) for answer in answers if not isinstance(answer, NotFound)] == [Job]
    assert [str(answer) for answer in answers if isinstance(answer, NotFound)] == [GONE]
    assert len(await table.jobs()) == 1
    assert [await table.stands(one) for one in (draft, other)] == [False, True]


@pytest.mark.parametrize("why", [OverQuota, Paused])
async def test_a_draft_that_is_refused_stays(table: Table, why: type[EditError]) -> None:
    draft = await table.open()
    if why is Paused:
        await Budgets(table.database, Signals(), table.settings, clock=lambda: START).pause(BO, 0, "a break")
    await table.refusal(why, table.send(draft, replace(REQUEST, results=20, width=2048, height=2048, steps=50)))
    assert await table.drafts.get(draft.id, ANA) == draft
    assert await table.jobs() == []


async def test_an_offer_keeps_its_draft_until_its_asker_says_yes(table: Table) -> None:
    await table.edits.prefer(ANA, 0)
    draft, other = await table.open(), await table.open()
    offer, declined = await table.send(draft), await table.send(other)
    assert isinstance(offer, Offer)
    assert isinstance(declined, Offer)
    assert [await table.stands(one) for one in (draft, other)] == [True, True]
    await table.edits.decline(declined.id, ANA)
    job = await table.edits.accept(offer.id, ANA)
    assert isinstance(job, Job)
    assert job.status is Status.QUEUED
    assert [await table.stands(one) for one in (draft, other)] == [False, True]


async def test_of_several_offers_of_one_draft_the_newest_alone_stands(table: Table) -> None:
    await table.edits.prefer(ANA, 0)
    draft, other = await table.open(), await table.open()
    kept = await table.send(other)
    asked = [one for one in await asyncio.gather(*(table.send(draft) for _ in range(3))) if isinstance(one, Offer)]
    assert len(asked) == 3
    answers = await asyncio.gather(*(table.edits.accept(one.id, ANA) for one in asked), return_exceptions=True)
    assert [type(answer) for answer in answers if not isinstance(answer, NotFound)] == [Job]
    assert len(await table.jobs()) == 1
    assert isinstance(await table.edits.accept(kept.id, ANA), Job), "that of another draft stands"


async def test_a_job_takes_the_offers_of_its_draft_away(table: Table) -> None:
    await table.edits.prefer(ANA, 0)
    draft = await table.open()
    offer = await table.send(draft)
    await table.edits.prefer(ANA, None)
    assert isinstance(await table.send(draft), Job)
    await table.refusal(NotFound, table.edits.accept(offer.id, ANA))
    assert len(await table.jobs()) == 1


async def test_a_draft_that_is_gone_is_not_asked_about(table: Table) -> None:
    await table.edits.prefer(ANA, 0)
    draft = await table.open()
    await table.drafts.discard(draft.id, ANA)
    assert await table.refusal(NotFound, table.send(draft)) == GONE


async def test_a_yes_leaves_a_draft_that_was_changed_since(table: Table) -> None:
    await table.edits.prefer(ANA, 0)
    draft = await table.open()
    offer = await table.send(draft)
    await table.drafts.change(draft.id, ANA, lambda now: typed(now, {"steps": "4"}))
    await table.edits.accept(offer.id, ANA)
    assert (await table.drafts.get(draft.id, ANA)).values == {"steps": "4"}


async def test_a_draft_and_then_its_pictures_are_swept_and_not_before(table: Table, tmp_path: Path) -> None:
    sha256 = await table.pictures.put(b"a cat")
    draft = await table.drafts.open(ANA, Beginning({}, (replace(FILE, sha256=sha256),)))
    path = tmp_path / "pictures" / sha256[:2] / sha256
    then = time.time() - 2 * 86_400
    os.utime(path, (then, then))
    keeping = Housekeeping(table.database, table.pictures, Metrics(), table.settings, clock=lambda: table.now)
    table.now += DRAFT_LIFE - 1
    assert (await keeping.sweep_drafts(), await keeping.forget_unused(), await keeping.sweep()) == (0, 0, 0)
    assert path.exists()
    table.now += 1
    assert (await keeping.sweep_drafts(), await keeping.sweep()) == (1, 1)
    assert not path.exists()
    assert not await table.stands(draft)
