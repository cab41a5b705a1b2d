"""Limits: whose bind, what fits, what a refusal says, and that no crowd gets past one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import UTC, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from storage import accounts, allowances, grants, jobs, ledger, quarters
from storage.allowances import Admission, AllowanceExceeded, Binding, Demand, Terms
from storage.database import Database, Tx
from storage.quarters import Use
from storage.records import Allowance, Asker, Job, Measure, Scope, Standing, Status
from storage.windows import DAY, HOUR, QUARTER, Span, Stretch, Window

Ask = Callable[..., Awaitable[Job]]
Put = Callable[[Job, Status], Awaitable[None]]

MIDNIGHT = 1_900_022_400_000 // DAY * DAY
NOON = MIDNIGHT + 12 * HOUR
ANA, BO = Asker(10, 1, frozenset({10})), Asker(10, 2, frozenset({10}))
PAINTERS, GUESTS = 31, 32
CHANNEL = 100
#: An operator who limits nothing.
OPEN = Terms((), (), ())
DAILY = Window.daily()
WINDOWS = [Window(span, rolling) for span in Span for rolling in (False, True)]
SCOPES = [Scope.MEMBER, Scope.ROLE, Scope.CHANNEL, Scope.SERVER, Scope.BOT]


async def _hold(tx: Tx, asker: Asker, demand: Demand, channel_id: int, **conditions: Any) -> Admission:
    bound = await accounts.bound_by(tx, asker, channel_id, conditions["now"])
    return await allowances.hold(tx, asker, bound, demand, channel_id=channel_id, **conditions)


async def hold(
    database: Database,
    asker: Asker = ANA,
    demand: Demand = Demand(1_000),  # noqa: B008 - frozen
    *,
    channel_id: int = CHANNEL,
    thread_id: int | None = None,
    zone: tzinfo = UTC,
    terms: Terms = OPEN,
    now: int = NOON,
) -> Admission:
    return await database.run(_hold, asker, demand, channel_id, thread_id=thread_id, zone=zone, terms=terms, now=now)


async def refused(database: Database, *args: Any, **kwargs: Any) -> AllowanceExceeded:
    """Ask for what does not fit."""
    with pytest.raises(AllowanceExceeded) as refusal:
        await hold(database, *args, **kwargs)
    return refusal.value


async def limit(
    database: Database,
    scope: Scope,
    amount: int,
    measure: Measure = Measure.MONEY,
    window: Window = DAILY,
    *,
    of: Asker = ANA,
    role_id: int = PAINTERS,
    channel_id: int = CHANNEL,
    ceiling: int | None = None,
) -> Allowance:
    """Limit a member, a role, a channel or the server, as managers do."""

    async def put(tx: Tx) -> Allowance:
        subjects = {Scope.ROLE: role_id, Scope.CHANNEL: channel_id, Scope.SERVER: 0}
        if scope is Scope.MEMBER:
            subjects[scope] = await accounts.ensure(tx, Scope.MEMBER, NOON, of.guild_id, of.user_id)
        allowance = Allowance(scope, measure, amount, window, ceiling, subjects[scope])
        return replace(allowance, id=(await allowances.put(tx, of.guild_id, allowance))[1])

    return await database.run(put)


async def bind(
    database: Database, scope: Scope, amount: int, measure: Measure, window: Window, **options: Any
) -> tuple[Allowance, Terms]:
    """Limit any scope: the operator's terms say what binds over all servers, managers the rest."""
    if scope is Scope.BOT:
        allowance = Allowance(scope, measure, amount, window, options.get("ceiling"))
        return allowance, Terms((), (), (allowance,))
    return await limit(database, scope, amount, measure, window, **options), OPEN


async def used(database: Database, scope: Scope, holder_id: int = 0, guild_id: int = 10) -> Use:
    """Everything that an account ever used."""

    async def look(tx: Tx) -> Use:
        account_id = await accounts.find(tx, scope, 0 if scope is Scope.BOT else guild_id, holder_id)
        return Use() if account_id is None else await quarters.used(tx, account_id, Stretch(0, 2**62))

    return await database.read(look)


async def everything_used(database: Database) -> set[Use]:
    holders = {Scope.MEMBER: ANA.user_id, Scope.CHANNEL: CHANNEL, Scope.SERVER: 0, Scope.BOT: 0}
    return {await used(database, scope, holder_id) for scope, holder_id in holders.items()}


async def give(database: Database, scope: Scope, subject_id: int, amount: int) -> None:
    """Grant a bonus to a member (an account), a role or a thread."""
    await database.run(grants.add, guild_id=10, scope=scope, subject_id=subject_id, amount=amount, giver_id=1, now=NOON)


# What fits -----------------------------------------------------------------------------------------------------------

#: A limit in each measure, edits that use all of it, and the least that is asked beyond.
TO_THE_LAST = {
    Measure.MONEY: (2_999, [Demand(1_000), Demand(1_998), Demand(1)], Demand(1)),
    Measure.EDITS: (2, [Demand(1_000, pictures=20), Demand(1)], Demand(1)),
    Measure.PICTURES: (5, [Demand(1, pictures=4), Demand(1_000)], Demand(1)),
}


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_limit_admits_to_the_last_unit_and_nothing_beyond(database: Database, scope: Scope) -> None:
    combinations = [(measure, window) for measure in Measure for window in WINDOWS]
    for number, (measure, window) in enumerate(combinations):
        asker = Asker(100 + number, 1, frozenset({PAINTERS}))
        now = NOON + number * 100 * DAY  # the bot's account is the same for all
        amount, fitting, beyond = TO_THE_LAST[measure]
        allowance, terms = await bind(database, scope, amount, measure, window, of=asker)
        for demand in fitting:
            await hold(database, asker, demand, terms=terms, now=now)
        refusal = await refused(database, asker, beyond, terms=terms, now=now)
        assert refusal.standing == Standing(
            allowance,
            spent=0 if measure is Measure.MONEY else amount,
            held=amount if measure is Measure.MONEY else 0,
            stretch=window.at(now, UTC),
        )
        assert (refusal.demand, refusal.standing.left) == (beyond.of(measure), 0)


@pytest.mark.parametrize("window", WINDOWS, ids=str)
async def test_what_was_refused_fits_from_the_moment_the_refusal_names(database: Database, window: Window) -> None:
    await limit(database, Scope.MEMBER, 1_000, window=window)
    await hold(database, ANA, Demand(900))
    frees_at = (await refused(database, ANA, Demand(101))).frees_at
    assert frees_at is not None
    assert frees_at == (NOON + QUARTER + window.length if window.rolling else window.at(NOON, UTC).until)
    assert (await refused(database, ANA, Demand(101), now=frees_at - 1)).frees_at == frees_at
    await hold(database, ANA, Demand(101), now=frees_at)


@pytest.mark.parametrize(
    ("asked", "frees_with"), [(100, None), (101, 0), (300, 0), (301, 1), (500, 1), (501, 2), (1_000, 3)]
)
async def test_a_rolling_window_frees_as_soon_as_enough_of_its_oldest_use_is_out_of_it(
    database: Database, asked: int, frees_with: int | None
) -> None:
    window = Window(Span.DAY, rolling=True)
    uses = [(0, 200), (20, 200), (40, 200), (300, 300)]
    for minutes, amount in uses:
        await hold(database, ANA, Demand(amount), now=NOON + minutes * 60_000)
    await limit(database, Scope.SERVER, 1_000, window=window)
    now = NOON + 10 * HOUR
    if frees_with is None:
        await hold(database, ANA, Demand(asked), now=now)
        return
    frees_at = (await refused(database, ANA, Demand(asked), now=now)).frees_at
    last = NOON + uses[frees_with][0] * 60_000
    assert frees_at is not None
    assert frees_at == last - last % QUARTER + QUARTER + DAY
    await refused(database, ANA, Demand(asked), now=frees_at - 1)
    await hold(database, ANA, Demand(asked), now=frees_at)


@pytest.mark.parametrize("measure", Measure)
async def test_a_rolling_window_that_is_overdrawn_names_the_moment_at_which_enough_is_free_all_the_same(
    database: Database, measure: Measure
) -> None:
    window = Window(Span.HOUR, rolling=True)
    for minutes in (0, 20, 40):
        await hold(database, ANA, Demand(2, pictures=2, edits=2), now=NOON + minutes * 60_000)
    await limit(database, Scope.SERVER, 2, measure, window)
    frees_at = (await refused(database, ANA, Demand(1), now=NOON + 45 * 60_000)).frees_at
    assert frees_at is not None
    assert frees_at == NOON + 45 * 60_000 + HOUR
    await refused(database, ANA, Demand(1), now=frees_at - 1)
    await hold(database, ANA, Demand(1), now=frees_at)


@pytest.mark.parametrize("window", WINDOWS, ids=str)
async def test_what_is_more_than_the_whole_limit_never_fits(database: Database, window: Window) -> None:
    await limit(database, Scope.CHANNEL, 1_000, window=window)
    refusal = await refused(database, ANA, Demand(1_001))
    assert (refusal.demand, refusal.standing.left, refusal.frees_at) == (1_001, 1_000, None)


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_ceiling_bounds_each_single_edit(database: Database, scope: Scope) -> None:
    asker = replace(ANA, role_ids=frozenset({PAINTERS}))
    allowance, terms = await bind(database, scope, 1_000, Measure.PICTURES, DAILY, ceiling=4)
    await hold(database, asker, Demand(1, pictures=4), terms=terms)
    refusal = await refused(database, asker, Demand(1, pictures=5), terms=terms)
    assert (refusal.standing.allowance, refusal.demand, refusal.frees_at) == (allowance, 5, None)
    await hold(database, asker, Demand(1, pictures=4), terms=terms)


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_limit_of_nothing_admits_nothing_ever(database: Database, scope: Scope) -> None:
    asker = replace(ANA, role_ids=frozenset({PAINTERS}))
    for measure in Measure:
        allowance, terms = await bind(database, scope, 0, measure, DAILY)
        refusal = await refused(database, asker, Demand(1), terms=terms)
        assert (refusal.standing.allowance.amount, refusal.frees_at) == (0, None)
        assert refusal.standing.allowance.scope is allowance.scope


async def test_a_hold_that_one_limit_refuses_is_on_none(database: Database) -> None:
    asker = replace(ANA, role_ids=frozenset({PAINTERS}))
    await give(database, Scope.THREAD, 7, 400)
    for scope in SCOPES:
        allowance, terms = await bind(database, scope, 599, Measure.MONEY, DAILY)
        refusal = await refused(database, asker, Demand(1_000), thread_id=7, terms=terms)
        assert refusal.standing.allowance == allowance
        assert await everything_used(database) == {Use()}
        assert [grant.left for grant in await database.read(grants.pool, 10, 7)] == [400]
        if allowance.id is not None:
            await database.run(allowances.remove, 10, allowance.id)


async def test_an_account_that_was_never_used_has_everything_left(database: Database) -> None:
    allowance = Allowance(Scope.MEMBER, Measure.MONEY, 1_000, DAILY)
    standing = await database.read(allowances.standing, allowance, None, NOON, UTC)
    assert (standing.left, standing.resets_at) == (1_000, MIDNIGHT + DAY)


async def test_a_calendar_window_is_that_of_the_servers_zone_and_of_utc_for_all_servers(database: Database) -> None:
    kathmandu = ZoneInfo("Asia/Kathmandu")
    for terms, until in (
        (Terms((Allowance(Scope.MEMBER, Measure.MONEY, 1_500, DAILY),), (), ()), MIDNIGHT + 18 * HOUR + QUARTER),
        (Terms((), (), (Allowance(Scope.BOT, Measure.MONEY, 2_500, DAILY),)), MIDNIGHT + DAY),
    ):
        await hold(database, terms=terms, zone=kathmandu)
        assert (await refused(database, terms=terms, zone=kathmandu)).frees_at == until


async def test_a_calendar_window_begins_anew_on_a_day_of_25_hours_after_25_hours(database: Database) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    midnight = 1_729_980_000_000  # 27 October 2024 in Berlin
    await limit(database, Scope.MEMBER, 1_500)
    await hold(database, zone=berlin, now=midnight)
    refusal = await refused(database, zone=berlin, now=midnight + 25 * HOUR - 1)
    assert refusal.frees_at == midnight + 25 * HOUR
    await hold(database, zone=berlin, now=refusal.frees_at)


async def test_after_a_clock_was_set_back_what_was_held_ahead_still_counts_in_a_rolling_window(
    database: Database,
) -> None:
    await limit(database, Scope.MEMBER, 1_500, window=Window(Span.HOUR, rolling=True))
    await hold(database, now=NOON)
    await refused(database, now=NOON - HOUR // 2)


async def test_a_new_limit_counts_what_was_used_before_it_was_set(database: Database) -> None:
    asker = replace(ANA, role_ids=frozenset({PAINTERS}))
    await hold(database, asker, Demand(700, pictures=3))
    for scope in SCOPES:
        for measure, amount in {Measure.MONEY: 1_699, Measure.EDITS: 1, Measure.PICTURES: 3}.items():
            allowance, terms = await bind(database, scope, amount, measure, DAILY)
            refusal = await refused(database, asker, Demand(1_000), terms=terms)
            assert (refusal.standing.allowance, refusal.standing.used) == (
                allowance,
                {Measure.MONEY: 700, Measure.EDITS: 1, Measure.PICTURES: 3}[measure],
            )
            if allowance.id is not None:
                await database.run(allowances.remove, 10, allowance.id)


# What managers set ---------------------------------------------------------------------------------------------------


async def test_a_limit_that_is_set_again_replaces_the_one_of_its_measure_and_window(database: Database) -> None:
    async def put(allowance: Allowance) -> tuple[Allowance | None, int]:
        return await database.run(allowances.put, 10, allowance)

    first = Allowance(Scope.ROLE, Measure.MONEY, 1_000, DAILY, 300, PAINTERS)
    before, first_id = await put(first)
    assert before is None
    others = [
        replace(first, measure=Measure.EDITS),
        replace(first, window=Window(Span.DAY, rolling=True)),
        replace(first, window=Window(Span.WEEK)),
        replace(first, subject_id=GUESTS),
        replace(first, scope=Scope.CHANNEL),
    ]
    assert [(await put(other))[0] for other in others] == [None] * 5
    before, again_id = await put(replace(first, amount=0, ceiling=None))
    assert (before, again_id) == (replace(first, id=first_id), first_id)
    assert await database.read(allowances.count, 10) == 6
    assert await database.read(allowances.get, 10, first_id) == replace(first, amount=0, ceiling=None, id=first_id)


async def test_a_limit_is_taken_away_once_and_only_in_its_server(database: Database) -> None:
    allowance = await limit(database, Scope.SERVER, 500)
    assert allowance.id is not None
    assert await database.read(allowances.get, 11, allowance.id) is None
    assert await database.run(allowances.remove, 11, allowance.id) is None
    await refused(database)
    assert await database.run(allowances.remove, 10, allowance.id) == allowance
    assert await database.run(allowances.remove, 10, allowance.id) is None
    assert await database.read(allowances.in_force, 10) == []
    await hold(database)


@pytest.mark.parametrize(
    ("scope", "subject_id", "amount", "ceiling"),
    [
        (Scope.SERVER, 1, 5, None),
        (Scope.ROLE, 0, 5, None),
        (Scope.ROLE, 1, -1, None),
        (Scope.ROLE, 1, 5, 0),
        (Scope.BOT, 1, 5, None),
    ],
)
async def test_the_database_itself_takes_no_limit_that_makes_no_sense(
    database: Database, scope: Scope, subject_id: int, amount: int, ceiling: int | None
) -> None:
    allowance = Allowance(scope, Measure.EDITS, amount, DAILY, ceiling, subject_id)
    with pytest.raises(Exception, match=r"(?i)check"):
        await database.run(allowances.put, 10, allowance)


async def test_the_key_tells_every_limit_that_binds_in_a_server_from_every_other(database: Database) -> None:
    scopes = [Scope.MEMBER, Scope.ROLE, Scope.CHANNEL, Scope.SERVER]
    for scope in scopes:
        for measure in Measure:
            for window in WINDOWS:
                await limit(database, scope, 5, measure, window)
    found = [
        *await database.read(allowances.in_force, 10),
        *(Allowance(scope, measure, 5, window) for scope in SCOPES for measure in Measure for window in WINDOWS),
    ]
    assert len({allowance.key for allowance in found}) == len(found)


# Whose limits bind ---------------------------------------------------------------------------------------------------

STANDARD = Terms((Allowance(Scope.MEMBER, Measure.MONEY, 1_000, DAILY),), (), ())


def with_roles(*role_ids: int) -> Asker:
    return replace(ANA, role_ids=frozenset({10, *role_ids}))


async def test_the_operators_limit_binds_members_of_whom_managers_said_nothing(database: Database) -> None:
    assert (await refused(database, ANA, Demand(1_001), terms=STANDARD)).standing.allowance == STANDARD.member[0]
    await limit(database, Scope.ROLE, 5_000)
    await refused(database, with_roles(GUESTS), Demand(1_001), terms=STANDARD)
    await hold(database, with_roles(PAINTERS), Demand(1_001), terms=STANDARD)


@pytest.mark.parametrize("own", [700, 5_000])
async def test_a_members_own_limit_replaces_those_of_their_roles_be_it_more_or_less(
    database: Database, own: int
) -> None:
    await limit(database, Scope.ROLE, 2_000)
    allowance = await limit(database, Scope.MEMBER, own)
    refusal = await refused(database, with_roles(PAINTERS), Demand(own + 1), terms=STANDARD)
    assert refusal.standing.allowance == allowance
    assert (await hold(database, with_roles(PAINTERS), Demand(own), terms=STANDARD)).role_id is None


async def test_a_members_own_limit_is_nobody_elses(database: Database) -> None:
    await limit(database, Scope.MEMBER, 700)
    await hold(database, BO, Demand(701))
    await hold(database, replace(ANA, guild_id=11), Demand(701))


async def test_every_limit_of_the_member_has_to_admit_not_just_one(database: Database) -> None:
    await limit(database, Scope.MEMBER, 5_000)
    edits = await limit(database, Scope.MEMBER, 1, Measure.EDITS, Window(Span.WEEK, rolling=True))
    await hold(database)
    assert (await refused(database)).standing.allowance == edits


async def test_one_of_the_roles_has_to_admit_under_all_its_limits(database: Database) -> None:
    await limit(database, Scope.ROLE, 5_000, role_id=PAINTERS)
    await limit(database, Scope.ROLE, 1, Measure.PICTURES, role_id=PAINTERS)
    await limit(database, Scope.ROLE, 1_000, role_id=GUESTS)
    both = with_roles(PAINTERS, GUESTS)
    assert (await hold(database, both, Demand(600))).role_id == PAINTERS
    assert (await hold(database, both, Demand(400))).role_id == GUESTS
    await refused(database, both, Demand(1))


async def test_everybodys_role_is_tried_first_and_the_others_in_the_order_of_their_ids(database: Database) -> None:
    for role_id, amount in ((ANA.guild_id, 1_000), (GUESTS, 2_000), (PAINTERS, 2_000)):
        await limit(database, Scope.ROLE, amount, role_id=role_id)
    asker = with_roles(PAINTERS, GUESTS)
    assert [(await hold(database, asker)).role_id for _ in range(2)] == [ANA.guild_id, min(PAINTERS, GUESTS)]
    assert (await hold(database, BO)).role_id == ANA.guild_id
    await refused(database, BO)


async def test_the_role_that_admitted_stands_in_the_hold(database: Database, ask: Ask) -> None:
    async def role_of(tx: Tx, job_id: int) -> int | None:
        row = await tx.fetch_one("SELECT role_id FROM holds WHERE job_id = ?1", job_id)
        assert row is not None
        return row["role_id"]

    await limit(database, Scope.ROLE, 5_000)
    admitted = await ask(role_ids={PAINTERS})
    unlimited = await ask(role_ids={GUESTS})
    assert [await database.read(role_of, job.id) for job in (admitted, unlimited)] == [PAINTERS, None]


async def test_another_role_is_no_fresh_allowance(database: Database) -> None:
    await limit(database, Scope.ROLE, 1_000, role_id=PAINTERS)
    await limit(database, Scope.ROLE, 1_500, role_id=GUESTS)
    await hold(database, with_roles(PAINTERS))
    refusal = await refused(database, with_roles(GUESTS))
    assert (refusal.standing.allowance.subject_id, refusal.standing.left) == (GUESTS, 500)


async def test_a_roles_limit_is_each_holders_own(database: Database) -> None:
    await limit(database, Scope.ROLE, 1_000)
    for user_id in range(1, 4):
        await hold(database, Asker(10, user_id, frozenset({PAINTERS})))


async def test_a_role_that_may_not_takes_nothing_from_one_that_may(database: Database) -> None:
    await limit(database, Scope.ROLE, 0, role_id=ANA.guild_id)
    await limit(database, Scope.ROLE, 1_000)
    await refused(database, ANA)
    assert (await hold(database, with_roles(PAINTERS))).role_id == PAINTERS


async def test_of_several_roles_limits_a_refusal_names_the_one_that_frees_first(database: Database) -> None:
    await limit(database, Scope.ROLE, 0, role_id=ANA.guild_id)
    await limit(database, Scope.ROLE, 500, window=Window(Span.MONTH), role_id=PAINTERS)
    soonest = await limit(database, Scope.ROLE, 1_000, window=Window(Span.HOUR), role_id=GUESTS)
    asker = with_roles(PAINTERS, GUESTS)
    await hold(database, asker, Demand(500))
    refusal = await refused(database, asker, Demand(501))
    assert (refusal.standing.allowance, refusal.frees_at) == (soonest, NOON + HOUR)


@pytest.mark.parametrize("measure", Measure)
async def test_a_member_who_may_nothing_may_not_even_spend_a_grant(database: Database, measure: Measure) -> None:
    await give(database, Scope.THREAD, 7, 5_000)
    await hold(database, thread_id=7)
    barring = await limit(database, Scope.MEMBER, 0, measure)
    refusal = await refused(database, thread_id=7)
    assert (refusal.standing.allowance, refusal.frees_at) == (barring, None)


async def test_a_grant_that_pays_all_spares_the_members_limits_in_money(database: Database) -> None:
    await give(database, Scope.THREAD, 7, 1_500)
    await limit(database, Scope.ROLE, 0, role_id=ANA.guild_id)
    admission = await hold(database, thread_id=7)
    assert (admission.own, admission.role_id) == (0, ANA.guild_id)
    assert await used(database, Scope.MEMBER, ANA.user_id) == Use(edits=1, pictures=1)
    await refused(database, thread_id=7)


async def test_of_an_edit_that_a_grant_pays_in_part_only_the_rest_has_to_fit_the_members_money(
    database: Database,
) -> None:
    await give(database, Scope.THREAD, 7, 600)
    await limit(database, Scope.MEMBER, 400)
    refusal = await refused(database, ANA, Demand(1_001), thread_id=7)
    assert (refusal.demand, refusal.standing.left) == (401, 400)
    await hold(database, ANA, Demand(1_000), thread_id=7)


@pytest.mark.parametrize("scope", [Scope.MEMBER, Scope.ROLE])
@pytest.mark.parametrize("measure", [Measure.EDITS, Measure.PICTURES])
async def test_a_grant_pays_money_and_no_edits_and_pictures(database: Database, scope: Scope, measure: Measure) -> None:
    await give(database, Scope.THREAD, 7, 5_000)
    allowance = await limit(database, scope, 1, measure)
    await hold(database, with_roles(PAINTERS), thread_id=7)
    assert (await refused(database, with_roles(PAINTERS), thread_id=7)).standing.allowance == allowance


async def test_the_bound_on_a_single_edit_is_on_all_of_it_whoever_pays(database: Database) -> None:
    await give(database, Scope.THREAD, 7, 5_000)
    await limit(database, Scope.MEMBER, 10_000, ceiling=999)
    refusal = await refused(database, thread_id=7)
    assert (refusal.demand, refusal.frees_at) == (1_000, None)
    await hold(database, ANA, Demand(999), thread_id=7)


async def reserve(database: Database, asker: Asker, amount: int) -> None:
    """Give to a pool out of a member's own allowance."""

    async def unit(tx: Tx) -> None:
        bound = await accounts.bound_by(tx, asker, CHANNEL, NOON)
        await allowances.reserve(tx, asker, bound, amount, zone=UTC, terms=STANDARD, now=NOON)

    await database.run(unit)


async def test_a_member_who_is_barred_cannot_fund_a_pool(database: Database) -> None:
    await limit(database, Scope.MEMBER, 0, Measure.EDITS)
    with pytest.raises(AllowanceExceeded):
        await reserve(database, ANA, 1)


@pytest.mark.parametrize("scope", [Scope.MEMBER, Scope.ROLE])
async def test_who_has_no_limit_in_money_gives_no_more_than_the_operators(database: Database, scope: Scope) -> None:
    await limit(database, scope, 5, Measure.EDITS)
    await reserve(database, with_roles(PAINTERS), 1_000)
    with pytest.raises(AllowanceExceeded) as refusal:
        await reserve(database, with_roles(PAINTERS), 1)
    assert refusal.value.standing.allowance == STANDARD.member[0]


async def test_a_gift_is_no_edit_so_the_bound_on_a_single_one_is_not_on_it(database: Database) -> None:
    await limit(database, Scope.MEMBER, 5_000, ceiling=100)
    await reserve(database, ANA, 5_000)
    with pytest.raises(AllowanceExceeded):
        await reserve(database, ANA, 1)


@pytest.mark.parametrize("scope", [Scope.CHANNEL, Scope.SERVER, Scope.BOT])
@pytest.mark.parametrize("measure", Measure)
async def test_a_grant_that_pays_all_passes_no_limit_of_channel_server_or_bot(
    database: Database, scope: Scope, measure: Measure
) -> None:
    await give(database, Scope.THREAD, 7, 5_000)
    allowance, terms = await bind(database, scope, {Measure.MONEY: 1_000}.get(measure, 1), measure, DAILY)
    await hold(database, thread_id=7, terms=terms)
    assert (await refused(database, thread_id=7, terms=terms)).standing.allowance == allowance


async def test_the_operators_limit_of_servers_binds_each_server_beside_its_own(database: Database) -> None:
    terms = Terms((), (Allowance(Scope.SERVER, Measure.MONEY, 1_000, DAILY),), ())
    await limit(database, Scope.SERVER, 5_000)
    await hold(database, terms=terms)
    assert (await refused(database, terms=terms)).standing.allowance == terms.server[0]
    await hold(database, replace(ANA, guild_id=11), terms=terms)


async def test_a_channels_limit_is_of_that_channel_alone(database: Database) -> None:
    await limit(database, Scope.CHANNEL, 1_000)
    await hold(database)
    assert (await refused(database, BO)).standing.allowance.subject_id == CHANNEL
    await hold(database, channel_id=101)


async def test_before_the_first_edit_no_limit_is_a_members_own(database: Database) -> None:
    await limit(database, Scope.MEMBER, 700, of=BO)

    async def binding(tx: Tx, account_id: int | None, role_ids: Iterable[int]) -> Binding:
        return await allowances.binding(
            tx, 10, account_id=account_id, role_ids=role_ids, channel_id=CHANNEL, terms=STANDARD
        )

    unknown = await database.read(binding, None, [PAINTERS])
    assert (unknown.own, unknown.alternatives) == ((), [(None, STANDARD.member)])


# Use -----------------------------------------------------------------------------------------------------------------


async def test_an_admission_says_where_it_counts_and_what_each_account_carries(database: Database) -> None:
    late = MIDNIGHT + 20 * HOUR + 5
    admission = await hold(database, ANA, Demand(1_000, pictures=3), zone=ZoneInfo("Asia/Tokyo"), now=late)
    assert admission.quarter_at == MIDNIGHT + 20 * HOUR
    assert admission.day == MIDNIGHT // DAY + 719_163 + 1
    assert (admission.own, admission.shares, len(admission.accounts)) == (1_000, [], 4)
    assert set(admission.accounts.values()) == {Use(held=1_000, edits=1, pictures=3)}
    assert await everything_used(database) == {Use(held=1_000, edits=1, pictures=3)}


async def test_what_was_held_yesterday_and_ends_today_counts_on_yesterday(
    database: Database, ask: Ask, put: Put
) -> None:
    late = MIDNIGHT - 1
    settled, released = await ask(hold=400, at=late), await ask(hold=400, at=late)
    for job in (settled, released):
        await put(job, Status.SUCCEEDED)
    await database.run(ledger.settle, settled, 300, NOON)
    await database.run(ledger.release, released, NOON)
    today = await database.read(quarters.used, settled.account_id, DAILY.at(NOON, UTC))
    yesterday = await database.read(quarters.used, settled.account_id, DAILY.at(late, UTC))
    assert (today, yesterday) == (Use(), Use(spent=300, edits=1, pictures=1))


async def test_an_overshoot_leaves_nothing_and_never_less(database: Database, ask: Ask, put: Put) -> None:
    job = await ask(hold=400)
    await put(job, Status.SUCCEEDED)
    await database.run(ledger.settle, job, 5_000, NOON)
    allowance = Allowance(Scope.MEMBER, Measure.MONEY, 1_000, DAILY)
    standing = await database.read(allowances.standing, allowance, job.account_id, job.created_at, UTC)
    assert (standing.spent, standing.used, standing.left) == (5_000, 5_000, 0)


async def test_what_is_owed_may_go_over_a_limit(database: Database) -> None:
    await limit(database, Scope.SERVER, 1_000)

    async def owe(tx: Tx) -> None:
        bound = await accounts.bound_by(tx, ANA, CHANNEL, NOON)
        await allowances.spend(tx, bound.values(), 5_000, NOON)

    await database.run(owe)
    await database.run(owe)
    assert await everything_used(database) == {Use(spent=10_000)}


async def test_a_request_that_is_refused_leaves_no_job_and_no_hold(database: Database, ask: Ask) -> None:
    with pytest.raises(AllowanceExceeded):
        await ask(hold=1, limit=0)
    assert await database.read(jobs.open_ids) == []
    assert await database.read(ledger.open_holds) == (0, 0)


# Crowds --------------------------------------------------------------------------------------------------------------


async def admitted(requests: Iterable[Awaitable[Any]]) -> tuple[int, list[AllowanceExceeded]]:
    """Ask all at once; return how many were admitted, and the refusals of the others."""
    answers = await asyncio.gather(*requests, return_exceptions=True)
    refusals = [answer for answer in answers if isinstance(answer, AllowanceExceeded)]
    for answer in answers:
        if isinstance(answer, BaseException) and answer not in refusals:
            raise answer
    return len(answers) - len(refusals), refusals


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("measure", Measure)
async def test_twenty_at_once_against_a_limit_that_fits_three_admit_exactly_three(
    database: Database, scope: Scope, measure: Measure
) -> None:
    alone = scope in {Scope.MEMBER, Scope.ROLE}
    askers = [Asker(10, 1 if alone else number, frozenset({PAINTERS})) for number in range(1, 21)]
    amount = {Measure.MONEY: 3_999, Measure.EDITS: 3, Measure.PICTURES: 7}[measure]
    allowance, terms = await bind(database, scope, amount, measure, Window(Span.HOUR, rolling=True))
    number, refusals = await admitted(hold(database, asker, Demand(1_000, 2), terms=terms) for asker in askers)
    left = amount % 3 if measure is not Measure.MONEY else 999
    assert number == 3
    assert [(refusal.standing.allowance, refusal.standing.left) for refusal in refusals] == [(allowance, left)] * 17


async def test_sixty_four_at_once_pass_no_limit_of_any_kind_together(database: Database) -> None:
    await limit(database, Scope.ROLE, 3, Measure.EDITS)
    await limit(database, Scope.CHANNEL, 10, Measure.PICTURES)
    await limit(database, Scope.SERVER, 20_500)
    terms = Terms((), (), (Allowance(Scope.BOT, Measure.MONEY, 35_999, DAILY),))
    askers = [Asker(10 + number % 2, 1 + number % 16, frozenset({PAINTERS})) for number in range(64)]
    number, _ = await admitted(
        hold(database, asker, channel_id=CHANNEL + index % 4, terms=terms) for index, asker in enumerate(askers)
    )
    assert number == 35
    assert (await used(database, Scope.BOT)).held == 35_000
    assert (await used(database, Scope.SERVER)).held <= 20_500
    assert (await used(database, Scope.CHANNEL, CHANNEL)).pictures <= 10
    for user_id in range(1, 17):
        assert (await used(database, Scope.MEMBER, user_id)).edits <= 3


async def test_sixty_at_once_lock_in_one_order_and_are_all_admitted(database: Database) -> None:
    terms = Terms((), (), (Allowance(Scope.BOT, Measure.MONEY, 600, DAILY),))
    askers = [Asker(10 + number % 3, 1 + number % 7) for number in range(60)]
    number, _ = await admitted(hold(database, asker, Demand(10), terms=terms) for asker in askers)
    assert number == 60
    await refused(database, ANA, Demand(1), terms=terms)
