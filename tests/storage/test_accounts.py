"""Whom the books name."""

from __future__ import annotations

import asyncio

import pytest

from storage import accounts, memory
from storage.database import Database
from storage.records import Asker, Scope


async def test_an_account_is_opened_once_and_found_again(database: Database) -> None:
    assert await database.read(accounts.find, Scope.MEMBER, 10, 1) is None
    opened = await database.run(accounts.ensure, Scope.MEMBER, 5, 10, 1)
    assert await database.run(accounts.ensure, Scope.MEMBER, 6, 10, 1) == opened
    assert await database.read(accounts.find, Scope.MEMBER, 10, 1) == opened


async def test_twenty_who_open_one_account_at_once_get_the_same(database: Database) -> None:
    opened = await asyncio.gather(*(database.run(accounts.ensure, Scope.SERVER, 5, 10) for _ in range(20)))
    assert len(set(opened)) == 1


async def test_an_edit_is_bound_by_the_bot_its_server_its_channel_and_its_member(database: Database) -> None:
    mine = await database.run(accounts.bound_by, Asker(10, 1), 100, 5)
    assert set(mine) == {Scope.BOT, Scope.SERVER, Scope.CHANNEL, Scope.MEMBER}
    theirs = await database.run(accounts.bound_by, Asker(10, 2), 100, 5)
    elsewhere = await database.run(accounts.bound_by, Asker(10, 1), 101, 5)
    abroad = await database.run(accounts.bound_by, Asker(11, 1), 100, 5)
    assert [scope for scope in mine if mine[scope] != theirs[scope]] == [Scope.MEMBER]
    assert [scope for scope in mine if mine[scope] != elsewhere[scope]] == [Scope.CHANNEL]
    assert [scope for scope in mine if mine[scope] == abroad[scope]] == [Scope.BOT]


async def test_an_account_names_exactly_what_its_scope_says(database: Database) -> None:
    for scope, guild_id, user_id in [(Scope.MEMBER, 10, 0), (Scope.SERVER, 10, 1), (Scope.BOT, 10, 0)]:
        with pytest.raises(Exception, match=r"(?i)check"):
            await database.run(accounts.ensure, scope, 5, guild_id, user_id)


async def test_memory_keeps_the_last_value_of_a_key(database: Database) -> None:
    assert await database.read(memory.get, "commands") is None
    await database.run(memory.put, "commands", "one")
    await database.run(memory.put, "commands", "two")
    assert await database.read(memory.get, "commands") == "two"
