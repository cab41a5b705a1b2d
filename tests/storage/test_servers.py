"""What managers set for a server and members for themselves, who changed what, and what owners are told once."""

from __future__ import annotations

import asyncio
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from storage import accounts, alerts, audit, servers
from storage.alerts import Alert, AlertKind
from storage.audit import OPERATOR, Change
from storage.database import Database, Tx
from storage.records import Scope, Server

NOW = 1_900_022_400_000

# Servers and preferences ---------------------------------------------------------------------------------------------


async def test_a_server_of_which_nothing_was_set_has_the_defaults(database: Database) -> None:
    assert await database.read(servers.get, 10) == Server(10, "UTC", None, None, None, None)
    assert await database.read(servers.zone, 10) == ZoneInfo("UTC")


async def test_what_is_set_for_a_server_is_kept_as_a_whole_and_is_its_own(database: Database) -> None:
    first = Server(10, "Asia/Kathmandu", 31, 100, 50_000, 0)
    for server in (first, Server(11, "Europe/Berlin"), Server(10, "Asia/Kolkata", approve_above=7)):
        await database.run(servers.put, server)
        assert await database.read(servers.get, server.guild_id) == server
        assert await database.read(servers.zone, server.guild_id) == ZoneInfo(server.time_zone)
    assert (await database.read(servers.get, 11)).time_zone == "Europe/Berlin"


@pytest.mark.parametrize("server", [Server(10, confirm_above=-1), Server(10, approve_above=-1)])
async def test_the_database_itself_takes_no_price_below_nothing(database: Database, server: Server) -> None:
    with pytest.raises(Exception, match=r"(?i)check"):
        await database.run(servers.put, server)


async def test_a_zone_that_the_time_zone_database_has_lost_counts_as_utc(database: Database) -> None:
    await database.run(servers.put, Server(10, "Atlantis/Capital"))
    assert await database.read(servers.zone, 10) is UTC


async def test_a_member_may_set_their_price_to_nothing_to_any_and_leave_it_to_the_server_again(
    database: Database,
) -> None:
    assert await database.read(servers.confirm_above, 1) is None
    for price in (50_000, 0, None):
        await database.run(servers.prefer, 1, price)
        assert await database.read(servers.confirm_above, 1) == price
    assert await database.read(servers.confirm_above, 2) is None


# The audit log -------------------------------------------------------------------------------------------------------


async def test_the_log_says_who_changed_what_when_from_and_to_newest_first(database: Database) -> None:
    manager = await database.run(accounts.ensure, Scope.MEMBER, NOW, 10, 1)
    await database.run(audit.record, 10, manager, "time zone", before="UTC", after="Asia/Kolkata", now=NOW)
    await database.run(audit.record, 10, manager, "approve above", before="", after="$0.10", now=NOW + 1)
    await database.run(audit.record, 11, manager, "elsewhere", before="", after="1", now=NOW + 2)
    changes = [
        Change(NOW + 1, manager, 1, "approve above", "", "$0.10"),
        Change(NOW, manager, 1, "time zone", "UTC", "Asia/Kolkata"),
    ]
    assert await database.read(audit.last, 10, 15) == changes
    assert await database.read(audit.last, 10, 1) == changes[:1]


async def test_the_operator_is_nobodys_account(database: Database) -> None:
    await database.run(audit.record, 0, OPERATOR, "pause everywhere", before="", after="no money", now=NOW)
    (change,) = await database.read(audit.last, 0, 15)
    assert (change.account_id, change.user_id) == (OPERATOR, None)


async def test_the_log_outlives_what_is_known_of_a_manager(database: Database) -> None:
    async def forget(tx: Tx) -> None:
        await tx.execute("DELETE FROM accounts")

    manager = await database.run(accounts.ensure, Scope.MEMBER, NOW, 10, 1)
    await database.run(audit.record, 10, manager, "time zone", before="UTC", after="Asia/Kolkata", now=NOW)
    await database.run(forget)
    assert [(change.account_id, change.user_id) for change in await database.read(audit.last, 10, 15)] == [
        (manager, None)
    ]


async def test_a_change_that_was_not_made_is_not_in_the_log(database: Database) -> None:
    async def change(tx: Tx) -> None:
        await audit.record(tx, 10, OPERATOR, "time zone", before="UTC", after="Asia/Kolkata", now=NOW)
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await database.run(change)
    assert await database.read(audit.last, 10, 15) == []


# Alerts --------------------------------------------------------------------------------------------------------------


async def test_an_alert_is_raised_once_however_many_raise_it_at_once(database: Database) -> None:
    raised = await asyncio.gather(
        *(database.run(alerts.raise_once, 10, "half/741154", AlertKind.ALLOWANCE, {"n": n}, NOW) for n in range(10))
    )
    assert raised.count(True) == 1
    assert len(await database.read(alerts.to_post)) == 1


async def test_an_alert_that_was_posted_is_not_raised_again(database: Database) -> None:
    assert await database.run(alerts.raise_once, 10, "half/741154", AlertKind.ALLOWANCE, {}, NOW)
    (alert,) = await database.read(alerts.to_post)
    await database.run(alerts.posted, alert.id, NOW)
    assert await database.read(alerts.to_post) == []
    assert not await database.run(alerts.raise_once, 10, "half/741154", AlertKind.ALLOWANCE, {}, NOW + 1)
    assert await database.run(alerts.raise_once, 10, "half/741155", AlertKind.ALLOWANCE, {}, NOW + 1)


async def test_alerts_are_posted_in_the_order_in_which_they_were_raised_with_their_facts(database: Database) -> None:
    facts = {"percent": 80, "allowance": "server/0/money", "left": None, "who": "Zoë"}
    for number in range(25):
        kind = list(AlertKind)[number % len(AlertKind)]
        await database.run(alerts.raise_once, number, f"key {number}", kind, {**facts, "number": number}, NOW + number)
    found = await database.read(alerts.to_post)
    assert found[0] == Alert(found[0].id, 0, AlertKind.ALLOWANCE, {**facts, "number": 0}, NOW)
    assert [alert.guild_id for alert in found] == list(range(20))
