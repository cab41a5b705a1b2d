"""Edits that members are still writing, as rows."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from storage import accounts, drafts, pictures
from storage.database import Database, Tx
from storage.drafts import Draft
from storage.records import Reference, Scope

NOW = 1_900_022_400_000
CAT, DOG, NIGHT = "c" * 64, "d" * 64, "e" * 64
FILE = Reference(CAT, 512, 384, "cat “1”.png", description="a cat")
RESULT = Reference(NIGHT, 1024, 768, "#12", result_id=12)
TYPED: dict[str, Any] = {
    "prompt": "给猫戴上帽子",
    "steps": "many",
    "fb_cache": True,
    "loras": [{"model": "civitai:1@2"}],
}


async def add(database: Database, *, user_id: int = 1, guild_id: int = 10, now: int = NOW, **changes: Any) -> int:
    async def unit(tx: Tx) -> int:
        account_id = await accounts.ensure(tx, Scope.MEMBER, NOW, guild_id, user_id)
        what = {"values": TYPED, "references": (FILE, RESULT), "parent_id": 12, "words_of": None, **changes}
        return await drafts.add(tx, guild_id=guild_id, account_id=account_id, now=now, **what)

    return await database.run(unit)


async def known(database: Database, draft_id: int) -> Draft:
    draft = await database.read(drafts.get, draft_id)
    assert draft is not None
    return draft


async def stand(database: Database, *draft_ids: int) -> list[bool]:
    return [await database.read(drafts.get, draft_id) is not None for draft_id in draft_ids]


async def test_a_draft_is_kept_as_it_was_typed_wrong_values_included(database: Database) -> None:
    draft_id = await add(database)
    draft = await known(database, draft_id)
    assert draft == Draft(draft_id, 10, draft.account_id, 1, TYPED, (FILE, RESULT), 12, None, NOW, NOW)


async def test_what_is_no_text_is_kept_too_until_it_is_mended(database: Database) -> None:
    values = {"prompt": "half \ud83d a \0 word \U0001f600"}
    draft_id = await add(database, values=values, references=(replace(FILE, label="\ud83d.png"),))
    draft = await known(database, draft_id)
    assert (draft.values, draft.references[0].label) == (values, "\ud83d.png")


async def test_a_draft_that_was_never_made_is_not_found(database: Database) -> None:
    assert await database.read(drafts.get, 1) is None
    assert await database.run(drafts.lock, 1) is None
    assert not await database.run(drafts.take, 1, 1, 0)


async def test_a_draft_is_saved_as_it_is_now(database: Database) -> None:
    draft_id, other_id = await add(database), await add(database)
    before, other = await known(database, draft_id), await known(database, other_id)
    now = replace(before, values={}, references=(), parent_id=None, words_of=7, changed_at=NOW + 5)
    await database.run(drafts.save, now)
    assert await known(database, draft_id) == now
    assert await known(database, other_id) == other


async def test_the_newest_draft_of_a_member_is_the_one_they_changed_last(database: Database) -> None:
    first, second = await add(database), await add(database, now=NOW + 1)
    await add(database, user_id=2, now=NOW + 9)
    await add(database, guild_id=11, now=NOW + 9)
    account_id = (await known(database, first)).account_id

    async def newest(since: int) -> int | None:
        found = await database.read(drafts.newest, account_id, since)
        return None if found is None else found.id

    assert await newest(0) == second
    await database.run(drafts.save, replace(await known(database, first), changed_at=NOW + 2))
    assert await newest(0) == first
    assert await newest(NOW + 1) == first
    assert await newest(NOW + 2) is None


async def test_of_many_who_take_a_draft_at_once_one_does(database: Database) -> None:
    draft_id, other_id = await add(database), await add(database)
    account_id = (await known(database, draft_id)).account_id
    taken = await asyncio.gather(*(database.run(drafts.take, draft_id, account_id, 0) for _ in range(10)))
    assert taken.count(True) == 1
    assert await stand(database, draft_id, other_id) == [False, True]


@pytest.mark.parametrize(("whose", "since"), [(1, 0), (0, NOW)])
async def test_nobody_takes_a_draft_of_somebody_else_or_one_that_is_too_old(
    database: Database, whose: int, since: int
) -> None:
    draft_id = await add(database)
    account_id = (await known(database, draft_id)).account_id
    assert not await database.run(drafts.take, draft_id, account_id + whose, since)
    assert await stand(database, draft_id) == [True]


async def test_a_draft_that_was_changed_since_outlives_the_end_of_its_offer(database: Database) -> None:
    draft_id = await add(database, now=NOW + 1)
    await database.run(drafts.finish, draft_id, NOW)
    assert await stand(database, draft_id) == [True]
    await database.run(drafts.finish, draft_id, NOW + 1)
    assert await stand(database, draft_id) == [False]


async def test_what_was_left_alone_longest_goes_when_there_are_too_many(database: Database) -> None:
    kept, old, older = [await add(database, now=NOW + late) for late in (3, 2, 1)]
    others = await add(database, user_id=2, now=NOW)
    account_id = (await known(database, kept)).account_id
    assert await database.run(drafts.trim, account_id, 3) == 0
    assert await database.run(drafts.trim, account_id, 1) == 2
    assert await stand(database, kept, old, older, others) == [True, False, False, True]


async def test_old_drafts_are_swept_and_younger_ones_stay(database: Database) -> None:
    young, just_old = await add(database, now=NOW + 1), await add(database)
    assert await database.run(drafts.sweep, NOW) == 1
    assert await stand(database, young, just_old) == [True, False]


async def test_a_file_is_in_use_as_long_as_a_draft_has_it(database: Database) -> None:
    async def is_used(sha256: str) -> tuple[bool, bool]:
        return await database.read(pictures.needed, sha256), not await database.read(pictures.unknown, [sha256])

    await database.run(pictures.used, CAT, 1)  # an edit of long ago
    first, second = await add(database), await add(database, references=(FILE, replace(FILE, sha256=DOG)))
    assert await is_used(CAT) == await is_used(DOG) == (True, True)
    await database.run(pictures.forget_unused, NOW + 1, 10)
    assert await is_used(CAT) == (True, True)
    await database.run(drafts.save, replace(await known(database, second), references=(FILE,)))
    assert await is_used(DOG) == (False, False)
    await database.run(drafts.take, first, (await known(database, first)).account_id, 0)
    assert await is_used(CAT) == (True, True)
    await database.run(drafts.sweep, NOW)
    assert await is_used(CAT) == (False, True)
    await database.run(pictures.forget_unused, NOW, 10)
    assert await is_used(CAT) == (False, True), "it was used when the draft got it"
    await database.run(pictures.forget_unused, NOW + 1, 10)
    assert await is_used(CAT) == (False, False)


async def test_a_result_is_used_now_and_goes_all_the_same_when_it_is_taken_down(database: Database) -> None:
    await database.run(pictures.used, NIGHT, 1)
    draft_id = await add(database)
    assert await database.run(pictures.forget_unused, NOW, 10) == 0
    assert not await database.read(pictures.needed, NIGHT)
    await database.run(drafts.save, replace(await known(database, draft_id), changed_at=NOW + 5))
    assert await database.run(pictures.forget_unused, NOW + 5, 10) == 0


async def test_a_draft_outlives_what_is_known_of_its_owner(database: Database) -> None:
    async def forget(tx: Tx) -> None:
        await tx.execute("DELETE FROM accounts WHERE scope = 'member'")

    draft_id = await add(database)
    await database.run(forget)
    assert (await known(database, draft_id)).user_id is None
