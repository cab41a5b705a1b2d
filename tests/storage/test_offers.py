"""Requests that wait for their asker to say yes to the price."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from storage import accounts, offers
from storage.database import Database, Tx
from storage.offers import Offer
from storage.records import EditRequest, Place, Reference, Scope

NOW = 1_900_022_400_000
REQUEST = EditRequest("a hat “ça va”", (Reference("a" * 64, 512, 512, "cat.png"),), 1024, 768, 7, 3, negative="fog")
PLACE = Place(100, 200, thread_id=7, public=False)


async def add(database: Database, *, place: Place = PLACE, made_at: int = NOW) -> int:
    async def unit(tx: Tx) -> int:
        account_id = await accounts.ensure(tx, Scope.MEMBER, NOW, 10, 1)
        return await offers.add(
            tx, guild_id=10, account_id=account_id, place=place, request=REQUEST, price=44_200, now=made_at
        )

    return await database.run(unit)


@pytest.mark.parametrize("place", [PLACE, Place(100, 200)])
async def test_an_offer_is_kept_as_it_was_made(database: Database, place: Place) -> None:
    offer_id = await add(database, place=place)
    assert await database.read(offers.get, offer_id) == Offer(offer_id, 10, 1, place, REQUEST, 44_200, NOW)


async def test_an_offer_that_was_never_made_is_not_found(database: Database) -> None:
    assert await database.read(offers.get, 1) is None
    assert not await database.run(offers.take, 1)


async def test_of_many_who_take_an_offer_at_once_one_wins(database: Database) -> None:
    offer_id, other_id = await add(database), await add(database)
    taken = await asyncio.gather(*(database.run(offers.take, offer_id) for _ in range(10)))
    assert taken.count(True) == 1
    assert await database.read(offers.get, offer_id) is None
    assert await database.read(offers.get, other_id) is not None


async def test_an_offer_whose_taker_failed_still_stands(database: Database) -> None:
    async def take_and_fail(tx: Tx) -> None:
        assert await offers.take(tx, offer_id)
        raise TimeoutError

    offer_id = await add(database)
    with pytest.raises(TimeoutError):
        await database.run(take_and_fail)
    assert await database.run(offers.take, offer_id)


async def test_old_offers_are_swept_and_younger_ones_stay(database: Database) -> None:
    assert await database.read(offers.oldest) is None
    young, just_old, old = [await add(database, made_at=at) for at in (NOW + 1, NOW, NOW - 5)]
    assert await database.read(offers.oldest) == NOW - 5
    assert await database.run(offers.sweep, NOW) == 2
    assert [await database.read(offers.get, offer_id) is None for offer_id in (old, just_old, young)] == [
        True,
        True,
        False,
    ]
    assert await database.run(offers.sweep, NOW) == 0
    assert await database.read(offers.oldest) == NOW + 1


async def test_an_offer_outlives_what_is_known_of_its_asker(database: Database) -> None:
    async def forget(tx: Tx) -> None:
        await tx.execute("DELETE FROM accounts WHERE scope = 'member'")

    offer_id = await add(database)
    before = await database.read(offers.get, offer_id)
    await database.run(forget)
    assert before is not None
    assert await database.read(offers.get, offer_id) == replace(before, user_id=None)
