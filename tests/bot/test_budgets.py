"""Limits, bonuses, pools, pauses and settings: what managers, sponsors and the operator may do, and what is logged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from bot.budgets import MAX_ALLOWANCES, MAX_GIFTS, Budgets, Limit
from bot.errors import BadOption, EditError, NotAllowed, NotFound, OverQuota
from bot.settings import Settings
from bot.signals import Signals
from storage import accounts, audit, books, quarters
from storage.database import Database, Tx
from storage.quarters import Use
from storage.records import Asker, Grant, Measure, Pause, Scope, Server
from storage.windows import DAY, HOUR, Span, Stretch, Window

NOW = 1_900_022_400_000
ANA, BO, MANAGER = (Asker(10, user_id, frozenset([10])) for user_id in (1, 2, 8))
#: Manages another server.
STRANGER = Asker(11, 8, frozenset([11]))
THREAD = 200
DAILY, WEEKLY = Window(Span.DAY), Window(Span.WEEK)
CENT = 10_000


@dataclass
class Office:
    """The use cases over a real database, on a clock that the test moves. A member may spend 0.50 USD a day."""

    database: Database
    now: int = NOW

    def __post_init__(self) -> None:
        settings = Settings(
            discord_token=SecretStr("token"),
            runware_api_key=SecretStr("key"),
            allowed_guilds=frozenset({10, 11}),
            member_daily_usd=Decimal("0.50"),
        )
        self.budgets = Budgets(self.database, Signals(), settings, clock=lambda: self.now)

    async def limit(
        self,
        amount: int,
        *,
        manager: Asker = MANAGER,
        scope: Scope = Scope.SERVER,
        subject_id: int = 0,
        measure: Measure = Measure.MONEY,
        window: Window = DAILY,
        ceiling: int | None = None,
    ) -> int:
        """Set a limit; returns its id."""
        limit = await self.budgets.allow(manager, scope, subject_id, measure, amount, window, ceiling)
        return limit.allowance.id or 0

    async def limits(self, guild_id: int = 10) -> tuple[Limit, ...]:
        return (await self.budgets.budget(guild_id)).limits

    async def grants(self, guild_id: int = 10) -> list[Grant]:
        return [view.grant for view in (await self.budgets.budget(guild_id)).grants]

    async def log(self, guild_id: int = 10) -> list[tuple[int, int | None, str, str, str]]:
        """The audit log, newest first: when, who, what, from, to."""
        return [
            (one.at, one.user_id, one.subject, one.before, one.after)
            for one in await self.database.read(audit.last, guild_id, 1000)
        ]

    async def used(self, who: Asker) -> Use:
        async def look(tx: Tx) -> Use:
            account_id = await accounts.find(tx, Scope.MEMBER, who.guild_id, who.user_id)
            return await quarters.used(tx, account_id or 0, Stretch(0, 2 * NOW))

        return await self.database.read(look)

    async def forget(self, who: Asker) -> None:
        """Forget who a member's account is of; the account stays in the books."""

        async def forget(tx: Tx) -> None:
            await tx.execute("DELETE FROM accounts WHERE guild_id = ?1 AND holder_id = ?2", who.guild_id, who.user_id)

        await self.database.run(forget)

    async def balanced(self) -> bool:
        day = books.EPOCH + NOW // DAY
        return not [
            *await self.database.read(books.differences, day),
            *await self.database.read(books.grant_differences),
        ]

    async def state(self) -> list[Any]:
        """All that owners can see of both servers."""
        return [
            [await self.budgets.budget(guild_id), await self.log(guild_id), await self.budgets.pool(guild_id, THREAD)]
            for guild_id in (10, 11)
        ]


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


async def refused(office: Office, asked: Awaitable[object], by: type[EditError]) -> str:
    """The sentence of a refusal, which has changed nothing that can be seen."""
    before = await office.state()
    with pytest.raises(by) as refusal:
        await asked
    assert await office.state() == before
    return str(refusal.value)


# Limits --------------------------------------------------------------------------------------------------------------


async def test_a_limit_is_set_replaced_and_taken_away_and_the_log_says_who_when_from_and_to(office: Office) -> None:
    first = await office.limit(50 * CENT)
    office.now += 1
    second = await office.limit(20 * CENT, ceiling=5 * CENT)
    assert first == second
    (limit,) = await office.limits()
    assert (limit.allowance.amount, limit.allowance.ceiling) == (20 * CENT, 5 * CENT)
    office.now += 1
    assert await office.budgets.disallow(MANAGER, second) == limit
    assert await office.limits() == ()
    assert await office.log() == [
        (NOW + 2, 8, "limit of this server", "$0.20 a day, at most $0.05 an edit", ""),
        (NOW + 1, 8, "limit of this server", "$0.50 a day", "$0.20 a day, at most $0.05 an edit"),
        (NOW, 8, "limit of this server", "", "$0.50 a day"),
    ]


async def test_limits_of_another_measure_window_or_holder_stand_side_by_side(office: Office) -> None:
    await office.limit(50 * CENT)
    await office.limit(50 * CENT, window=WEEKLY)
    await office.limit(50 * CENT, window=Window(Span.DAY, rolling=True))
    await office.limit(0, measure=Measure.EDITS)
    await office.limit(9, measure=Measure.PICTURES, ceiling=4, scope=Scope.CHANNEL, subject_id=100)
    await office.limit(9, measure=Measure.PICTURES, scope=Scope.ROLE, subject_id=70)
    await office.limit(9, measure=Measure.PICTURES, scope=Scope.MEMBER, subject_id=ANA.user_id)
    assert len(await office.limits()) == 7
    assert [(subject, after) for _, _, subject, _, after in await office.log()] == [
        ("limit of <@1>", "9 pictures a day"),
        ("limit of <@&70>", "9 pictures a day"),
        ("limit of <#100>", "9 pictures a day, at most 4 pictures an edit"),
        ("limit of this server", "no edits"),
        ("limit of this server", "$0.50 in any 24 hours"),
        ("limit of this server", "$0.50 a week"),
        ("limit of this server", "$0.50 a day"),
    ]


async def test_a_server_has_a_hundred_limits_at_most(office: Office) -> None:
    ids = [await office.limit(CENT, scope=Scope.ROLE, subject_id=number) for number in range(1, MAX_ALLOWANCES + 1)]
    sentence = await refused(office, office.limit(CENT), BadOption)
    assert sentence == "This server has 100 limits already: take one away first."
    await office.limit(2 * CENT, scope=Scope.ROLE, subject_id=1)  # in place of one
    await office.limit(CENT, manager=STRANGER)  # in another server
    await office.budgets.disallow(MANAGER, ids[0])
    at_once = [office.limit(CENT, scope=Scope.ROLE, subject_id=1_000 + number) for number in range(8)]
    answers = await asyncio.gather(*at_once, return_exceptions=True)
    assert sum(isinstance(answer, BadOption) for answer in answers) == 7


@pytest.mark.parametrize(
    ("measure", "amount", "ceiling", "sentence"),
    [
        (Measure.EDITS, 5, 1, "One edit is one edit: a limit in edits takes no bound on a single one."),
        (Measure.MONEY, 5, 6, "The bound on one edit is above the whole limit: it would never bind."),
        (Measure.PICTURES, 5, 6, "The bound on one edit is above the whole limit: it would never bind."),
        (Measure.MONEY, 5, 0, "The bound on one edit has to be more than 0; a limit of 0 is what allows nothing."),
        (Measure.PICTURES, 5, -1, "The bound on one edit has to be more than 0; a limit of 0 is what allows nothing."),
    ],
)
async def test_a_bound_on_one_edit_that_makes_no_sense_is_refused(
    office: Office, measure: Measure, amount: int, ceiling: int, sentence: str
) -> None:
    assert await refused(office, office.limit(amount, measure=measure, ceiling=ceiling), BadOption) == sentence


async def test_a_bound_on_one_edit_may_be_the_whole_limit(office: Office) -> None:
    assert await office.limit(5, measure=Measure.PICTURES, ceiling=5)


async def test_a_limit_that_is_gone_or_another_servers_cannot_be_taken_away(office: Office) -> None:
    theirs = await office.limit(CENT, manager=STRANGER)
    for allowance_id in (theirs, theirs + 1, 0, -1):
        sentence = await refused(office, office.budgets.disallow(MANAGER, allowance_id), NotFound)
        assert sentence == "That limit is gone already."
    mine = await office.limit(CENT)
    await office.budgets.disallow(MANAGER, mine)
    await refused(office, office.budgets.disallow(MANAGER, mine), NotFound)


async def test_what_another_server_set_is_not_seen(office: Office) -> None:
    await office.limit(CENT, manager=STRANGER)
    await office.budgets.grant(STRANGER, Scope.THREAD, THREAD, CENT)
    await office.budgets.pause(STRANGER, 0, "rest")
    await office.budgets.change(STRANGER, time_zone="Asia/Kathmandu", confirm_above=CENT)
    seen = await office.budgets.budget(10)
    assert (seen.server, seen.limits, seen.grants, seen.pauses) == (Server(10), (), (), ())
    assert await office.budgets.pool(10, THREAD) == []
    assert await office.budgets.changes(10) == []


async def test_the_ceilings_of_a_server_are_its_own_and_the_operators(office: Office) -> None:
    await office.limit(30, measure=Measure.PICTURES)
    await office.limit(CENT, scope=Scope.CHANNEL, subject_id=100)
    ceilings = (await office.budgets.budget(10)).ceilings
    assert [(one.allowance.scope, one.allowance.id is None, one.left) for one in ceilings] == [
        (Scope.SERVER, False, 30),
        (Scope.SERVER, True, 5_000_000),
        (Scope.BOT, True, 10_000_000),
    ]


async def test_the_limit_of_a_member_who_was_forgotten_is_shown_as_such_and_can_be_taken_away(office: Office) -> None:
    limit_id = await office.limit(CENT, scope=Scope.MEMBER, subject_id=ANA.user_id)
    assert [limit.user_id for limit in await office.limits()] == [ANA.user_id]
    await office.forget(ANA)
    assert [limit.user_id for limit in await office.limits()] == [None]
    await office.budgets.disallow(MANAGER, limit_id)
    assert (await office.log())[0][2:] == ("limit of a member who left", "$0.01 a day", "")


async def test_the_log_names_a_member_until_they_are_forgotten_and_stores_their_account_alone(office: Office) -> None:
    await office.limit(CENT, scope=Scope.MEMBER, subject_id=ANA.user_id)
    await office.budgets.grant(MANAGER, Scope.MEMBER, ANA.user_id, CENT)
    assert [subject for _, _, subject, _, _ in await office.log()] == ["bonus for <@1>", "limit of <@1>"]

    async def stored(tx: Tx) -> list[str]:
        return [row["subject"] for row in await tx.fetch_all("SELECT subject FROM audit")]

    assert not [text for text in await office.database.read(stored) if "<@" in text]
    await office.forget(ANA)
    assert [subject for _, _, subject, _, _ in await office.log()] == [
        "bonus for a member who left",
        "limit of a member who left",
    ]


async def test_a_pool_takes_so_many_gifts_and_no_more(office: Office) -> None:
    for _ in range(MAX_GIFTS):
        await office.budgets.fund(ANA, THREAD, CENT)
    sentence = await refused(office, office.budgets.fund(ANA, THREAD, CENT), BadOption)
    assert f"This pool has {MAX_GIFTS} gifts already" in sentence
    await office.budgets.fund(ANA, THREAD + 1, CENT)


# Settings ------------------------------------------------------------------------------------------------------------


async def test_settings_are_changed_one_by_one_and_the_log_says_from_and_to(office: Office) -> None:
    await office.budgets.change(MANAGER, manager_role_id=70, confirm_above=5 * CENT)
    await office.budgets.change(MANAGER, alert_channel_id=100, approve_above=0)
    changed = await office.budgets.change(MANAGER, manager_role_id=None, confirm_above=6 * CENT, approve_above=0)
    assert changed == Server(10, alert_channel_id=100, confirm_above=6 * CENT, approve_above=0)
    assert await office.budgets.server(10) == changed
    assert [change[2:] for change in await office.log()] == [
        ("ask first above", "$0.05", "$0.06"),
        ("managers' role", "<@&70>", ""),
        ("approve above", "", "$0.00"),
        ("alerts' channel", "", "<#100>"),
        ("ask first above", "", "$0.05"),
        ("managers' role", "", "<@&70>"),
    ]


async def test_what_stays_as_it_was_is_not_logged(office: Office) -> None:
    await office.budgets.change(MANAGER, time_zone="UTC", manager_role_id=None)
    assert await office.log() == []


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        (" Europe/Berlin\n", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("America/New York", "America/New_York"),
        ("Asia/Kathmandu", "Asia/Kathmandu"),
        ("utc", "UTC"),
    ],
)
async def test_a_time_zone_is_set_by_its_name_however_it_is_typed(office: Office, typed: str, zone: str) -> None:
    await office.budgets.change(MANAGER, time_zone="Africa/Cairo")
    assert (await office.budgets.change(MANAGER, time_zone=typed)).time_zone == zone
    assert (await office.log())[0] == (NOW, 8, "time zone", "Africa/Cairo", zone)


@pytest.mark.parametrize(
    ("typed", "hint"),
    [("Europe/Berln", "`Europe/Berlin`"), ("berlin", "`Europe/Berlin`"), ("Kathmando", "`Asia/Kathmandu`")],
)
async def test_a_time_zone_with_a_slip_in_it_is_refused_with_what_was_meant(
    office: Office, typed: str, hint: str
) -> None:
    sentence = await refused(office, office.budgets.change(MANAGER, time_zone=typed), BadOption)
    assert sentence.startswith(f"There is no time zone “{typed}”; they are named like `Europe/Berlin`. Did you mean ")
    assert hint in sentence.partition("Did you mean")[2]


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "../etc/passwd",
        "/etc/passwd",
        "../../../../etc/localtime",
        "Europe",
        "Europe/",
        "Europe/Berlin\0",
        "Europe/Berlin/../Berlin",
        "tzdata.zi",
        "localtime",
        "posixrules",
        "right/Europe/Berlin",
        "UTC+25",
        "١٢",
        "\ud800",
        "x" * 10_000,
        "a/" * 5_000,
    ],
)
async def test_what_is_no_time_zone_is_refused_and_its_beginning_shown(office: Office, typed: str) -> None:
    with pytest.raises(BadOption) as refusal:
        await office.budgets.change(MANAGER, time_zone=typed, confirm_above=CENT)
    assert refusal.value.option == "time zone"
    assert f"There is no time zone “{typed.strip()[:40]}”" in str(refusal.value)
    assert len(str(refusal.value)) < 250
    assert await office.budgets.server(10) == Server(10)


# Bonuses -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "subject_id", "named"),
    [(Scope.MEMBER, ANA.user_id, "<@1>"), (Scope.ROLE, 70, "<@&70>"), (Scope.THREAD, THREAD, "<#200>")],
)
async def test_a_bonus_is_given_and_ended_and_the_log_says_to_whom_and_how_much(
    office: Office, scope: Scope, subject_id: int, named: str
) -> None:
    given = await office.budgets.grant(MANAGER, scope, subject_id, 30 * CENT, days=1)
    assert (given.amount, given.left, given.expires_at, given.sponsor_id) == (30 * CENT, 30 * CENT, NOW + DAY, None)
    (view,) = (await office.budgets.budget(10)).grants
    assert (view.grant, view.giver_id) == (given, MANAGER.user_id)
    assert view.user_id == (ANA.user_id if scope is Scope.MEMBER else None)
    office.now += 1
    assert await office.budgets.end_grant(MANAGER, given.id) == given
    assert await office.grants() == []
    assert await office.log() == [
        (NOW + 1, 8, f"bonus for {named}", "$0.30", ""),
        (NOW, 8, f"bonus for {named}", "", "$0.30"),
    ]
    assert await office.balanced()


@pytest.mark.parametrize("days", [0, -1, 367, 10**6])
async def test_a_bonus_lasts_a_day_at_least_and_a_year_at_most(office: Office, days: int) -> None:
    for asked in (
        office.budgets.grant(MANAGER, Scope.ROLE, 70, CENT, days=days),
        office.budgets.fund(ANA, THREAD, CENT, days=days),
    ):
        sentence = await refused(office, asked, BadOption)
        assert sentence == f"`days` is {days}, and a bonus lasts for 1 to 366 days."
    assert await office.used(ANA) == Use()


async def test_a_bonus_of_a_leap_year_is_given_and_one_without_days_never_ends(office: Office) -> None:
    assert (await office.budgets.grant(MANAGER, Scope.ROLE, 70, CENT, days=366)).expires_at == NOW + 366 * DAY
    assert (await office.budgets.grant(MANAGER, Scope.ROLE, 70, CENT)).expires_at is None


async def test_a_bonus_that_is_gone_or_another_servers_cannot_be_ended(office: Office) -> None:
    theirs = await office.budgets.grant(STRANGER, Scope.ROLE, 70, CENT)
    for grant_id in (theirs.id, theirs.id + 1, 0, -1):
        sentence = await refused(office, office.budgets.end_grant(MANAGER, grant_id), NotFound)
        assert sentence == "That bonus has ended already."
    mine = await office.budgets.grant(MANAGER, Scope.ROLE, 70, CENT)
    await office.budgets.end_grant(MANAGER, mine.id)
    await refused(office, office.budgets.end_grant(MANAGER, mine.id), NotFound)


async def test_the_bonus_of_a_member_who_was_forgotten_can_be_ended(office: Office) -> None:
    given = await office.budgets.grant(MANAGER, Scope.MEMBER, ANA.user_id, CENT)
    await office.forget(ANA)
    (view,) = (await office.budgets.budget(10)).grants
    assert view.user_id is None
    assert (await office.budgets.end_grant(MANAGER, given.id)).left == CENT


# Pools ---------------------------------------------------------------------------------------------------------------


async def test_what_a_sponsor_gives_is_held_of_their_own_and_returns_when_they_close_the_pool(office: Office) -> None:
    given = await office.budgets.fund(ANA, THREAD, 30 * CENT, days=2)
    assert (given.scope, given.subject_id, given.expires_at) == (Scope.THREAD, THREAD, NOW + 2 * DAY)
    assert await office.used(ANA) == Use(held=30 * CENT)
    (view,) = await office.budgets.pool(10, THREAD)
    assert (view.grant, view.giver_id) == (given, ANA.user_id)
    assert await office.budgets.close_pool(ANA, THREAD, manages=False) == [given]
    assert await office.budgets.pool(10, THREAD) == []
    assert await office.used(ANA) == Use()
    assert await office.balanced()


async def test_a_sponsor_gives_no_more_than_their_own_limits_leave(office: Office) -> None:
    await office.budgets.fund(ANA, THREAD, 30 * CENT)
    sentence = await refused(office, office.budgets.fund(ANA, THREAD, 20 * CENT + 1), OverQuota)
    assert sentence.startswith("You cannot give $0.2001: your own limits allow $0.50 a day, and $0.20 is left.")
    await office.budgets.fund(ANA, THREAD, 20 * CENT)
    assert await office.used(ANA) == Use(held=50 * CENT)
    await refused(office, office.budgets.fund(ANA, THREAD, 1), OverQuota)
    await office.budgets.fund(BO, THREAD, 50 * CENT)
    assert [view.grant.amount for view in await office.budgets.pool(10, THREAD)] == [30 * CENT, 20 * CENT, 50 * CENT]


async def test_a_member_whom_managers_bar_cannot_sponsor(office: Office) -> None:
    await office.limit(0, scope=Scope.MEMBER, subject_id=ANA.user_id)
    await office.limit(0, scope=Scope.MEMBER, subject_id=BO.user_id, measure=Measure.EDITS)
    for who in (ANA, BO):
        sentence = await refused(office, office.budgets.fund(who, THREAD, 1), OverQuota)
        assert (
            sentence
            == "You may spend nothing here, so there is nothing to give: a manager of this server decided that."
        )


async def test_a_sponsor_closes_what_they_gave_and_a_manager_closes_all(office: Office) -> None:
    anas, bos = [await office.budgets.fund(who, THREAD, 10 * CENT) for who in (ANA, BO)]
    bonus = await office.budgets.grant(MANAGER, Scope.THREAD, THREAD, 5 * CENT)
    assert await office.budgets.close_pool(BO, THREAD, manages=False) == [bos]
    assert (await office.used(ANA), await office.used(BO)) == (Use(held=10 * CENT), Use())
    assert await office.budgets.close_pool(MANAGER, THREAD, manages=True) == [anas, bonus]
    assert await office.used(ANA) == Use()
    assert (await office.log())[0] == (NOW, 8, "pool of <#200>", "$0.15", "")


async def test_a_pool_is_not_closed_by_those_who_gave_nothing_to_it(office: Office) -> None:
    await office.budgets.fund(ANA, THREAD, 10 * CENT)
    await office.budgets.grant(MANAGER, Scope.THREAD, THREAD, 5 * CENT)
    newcomer = Asker(10, 3)
    for who in (newcomer, BO, MANAGER):
        sentence = await refused(office, office.budgets.close_pool(who, THREAD, manages=False), NotAllowed)
        assert sentence.startswith("You gave nothing to this pool")
    await refused(office, office.budgets.close_pool(STRANGER, THREAD, manages=True), NotFound)


async def test_a_pool_that_is_not_cannot_be_closed(office: Office) -> None:
    assert await refused(office, office.budgets.close_pool(ANA, THREAD, manages=False), NotFound) == (
        "This thread has no pool."
    )
    await office.budgets.fund(ANA, THREAD, CENT)
    await office.budgets.close_pool(ANA, THREAD, manages=False)
    await refused(office, office.budgets.close_pool(ANA, THREAD, manages=False), NotFound)
    await refused(office, office.budgets.close_pool(MANAGER, THREAD, manages=True), NotFound)


async def test_a_closed_pool_returns_to_the_window_it_was_given_in(office: Office) -> None:
    await office.budgets.fund(ANA, THREAD, 50 * CENT)
    office.now += DAY
    await office.budgets.fund(ANA, THREAD, 50 * CENT)
    await office.budgets.close_pool(ANA, THREAD, manages=False)
    assert await office.used(ANA) == Use()
    assert await office.balanced()


# Pauses --------------------------------------------------------------------------------------------------------------


async def test_a_pause_and_its_end_are_logged_with_the_reason(office: Office) -> None:
    await office.budgets.pause(MANAGER, 100, "  over\n budget ")
    office.now += HOUR
    assert await office.budgets.resume(MANAGER, 100) == Pause(10, 100, "over budget", NOW)
    assert await office.log() == [
        (NOW + HOUR, 8, "pause in this channel <#100>", "over budget", ""),
        (NOW, 8, "pause in this channel <#100>", "", "over budget"),
    ]


async def test_another_reason_replaces_the_first_and_leaves_the_time(office: Office) -> None:
    await office.budgets.pause(MANAGER, 0, "over budget")
    office.now += HOUR
    await office.budgets.pause(MANAGER, 0, "holidays")
    assert (await office.budgets.budget(10)).pauses == (Pause(10, 0, "holidays", NOW),)
    assert (await office.log())[0] == (NOW + HOUR, 8, "pause in this server", "over budget", "holidays")


@pytest.mark.parametrize("reason", ["", " \n ", "x" * 201])
async def test_a_pause_takes_a_reason_that_members_can_read(office: Office, reason: str) -> None:
    sentence = await refused(office, office.budgets.pause(MANAGER, 0, reason), BadOption)
    assert sentence == "`reason` takes 1 to 200 characters: members read it."
    await office.budgets.pause(MANAGER, 0, "x" * 200)


async def test_what_is_not_paused_cannot_be_resumed(office: Office) -> None:
    await office.budgets.pause(MANAGER, 100, "rest")
    await office.budgets.pause(STRANGER, 0, "rest")
    for manager, channel_id, where in [
        (MANAGER, 0, "in this server"),
        (MANAGER, 101, "in this channel"),
        (STRANGER, 100, "in this channel"),
        (None, 0, "everywhere"),
    ]:
        sentence = await refused(office, office.budgets.resume(manager, channel_id), NotFound)
        assert sentence == f"Nothing is paused {where}."


async def test_the_operator_stops_everything_and_no_manager_ends_that(office: Office) -> None:
    await office.budgets.pause(None, 0, "out of money")
    for guild_id in (10, 11):
        assert (await office.budgets.budget(guild_id)).pauses == (Pause(0, 0, "out of money", NOW, operators=True),)
    await refused(office, office.budgets.resume(MANAGER, 0), NotAllowed)
    await office.budgets.resume(None, 0)
    assert await office.log() == []
    assert await office.log(0) == [
        (NOW, None, "pause everywhere", "out of money", ""),
        (NOW, None, "pause everywhere", "", "out of money"),
    ]
    assert {change.account_id for change in await office.budgets.changes(0)} == {audit.OPERATOR}


async def test_the_operator_stops_a_server_or_a_channel_and_its_managers_see_who_did(office: Office) -> None:
    await office.budgets.pause(None, 0, "rest", guild_id=10)
    await office.budgets.pause(None, 100, "rest", guild_id=10)
    assert [(one.guild_id, one.channel_id) for one in (await office.budgets.budget(10)).pauses] == [(10, 0), (10, 100)]
    assert (await office.budgets.budget(11)).pauses == ()
    await refused(office, office.budgets.resume(MANAGER, 0), NotAllowed)
    await office.budgets.resume(None, 100, guild_id=10)
    await office.budgets.resume(None, 0, guild_id=10)
    assert [(who, after) for _, who, _, _, after in await office.log()] == [
        (None, ""),
        (None, ""),
        (None, "rest"),
        (None, "rest"),
    ]


async def test_pauses_of_a_manager_and_of_the_operator_stand_side_by_side_and_the_operator_can_end_both(
    office: Office,
) -> None:
    await office.budgets.pause(MANAGER, 0, "ours")
    await office.budgets.pause(None, 0, "theirs", guild_id=10)
    assert [pause.reason for pause in (await office.budgets.budget(10)).pauses] == ["theirs", "ours"]
    assert (await office.budgets.resume(MANAGER, 0)).reason == "ours"
    await office.budgets.pause(MANAGER, 0, "ours again")
    ended = [(await office.budgets.resume(None, 0, guild_id=10)).reason for _ in range(2)]
    assert ended == ["theirs", "ours again"]
    await refused(office, office.budgets.resume(None, 0, guild_id=10), NotFound)
