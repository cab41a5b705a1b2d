"""Units of work over ``allowances``: what managers allow, and whether an edit fits everything that binds it.

Every account that an edit counts on is locked first, in the order of the ids: a competing unit waits there until this
one is over, and then counts anew. So no two requests pass a limit together, on either engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from typing import Final

from storage import accounts, grants, quarters
from storage._rows import the_row
from storage.database import Row, Tx
from storage.grants import Share
from storage.quarters import Use
from storage.records import Allowance, Asker, Measure, Scope, Standing
from storage.windows import QUARTER, Span, Window, day_of, quarter_of

_IN_FORCE: Final = "SELECT * FROM allowances WHERE guild_id = ?1 ORDER BY id"
_GET: Final = "SELECT * FROM allowances WHERE guild_id = ?1 AND id = ?2"
_FIND: Final = """
SELECT * FROM allowances
WHERE guild_id = ?1 AND scope = ?2 AND subject_id = ?3 AND measure = ?4 AND span = ?5 AND rolling = ?6
"""
_PUT: Final = """
INSERT INTO allowances (guild_id, scope, subject_id, measure, span, rolling, amount, ceiling)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, CAST(?8 AS BIGINT))
ON CONFLICT (guild_id, scope, subject_id, measure, span, rolling) DO UPDATE SET
    amount = excluded.amount, ceiling = excluded.ceiling
RETURNING id
"""
_REMOVE: Final = "DELETE FROM allowances WHERE guild_id = ?1 AND id = ?2 RETURNING id"
_COUNT: Final = "SELECT count(*) AS number FROM allowances WHERE guild_id = ?1"


@dataclass(frozen=True, slots=True)
class Terms:
    """The operator's own limits. Those of the server and the bot always bind; a member's where managers set none."""

    member: tuple[Allowance, ...]
    server: tuple[Allowance, ...]
    bot: tuple[Allowance, ...]


@dataclass(frozen=True, slots=True)
class Demand:
    """What an edit asks of allowances: micro-dollars to hold, and how many edits and pictures it is."""

    amount: int
    pictures: int = 1
    edits: int = 1
    #: The pool of the thread pays all of it, or it is not admitted.
    pooled: bool = False

    def of(self, measure: Measure) -> int:
        """Return what is asked in one measure."""
        return {Measure.MONEY: self.amount, Measure.EDITS: self.edits, Measure.PICTURES: self.pictures}[measure]


class AllowanceExceeded(Exception):
    """An edit does not fit, and nothing was held for it."""

    def __init__(self, standing: Standing, demand: int, frees_at: int | None) -> None:
        allowance = standing.allowance
        super().__init__(f"{allowance.key} has {standing.left} left, {demand} asked")
        self.standing = standing
        #: What was asked, in the allowance's measure.
        self.demand = demand
        #: When enough will be free, in milliseconds since the epoch; ``None``: never, it is more than the whole.
        self.frees_at = frees_at


class PoolTooSmall(Exception):
    """What only the thread's pool may pay is more than is left in it; nothing was held for it."""

    def __init__(self, left: int, demand: int) -> None:
        super().__init__(f"the pool has {left} left, {demand} asked")
        #: Micro-dollars.
        self.left = left
        self.demand = demand


@dataclass(frozen=True, slots=True)
class Admission:
    """Where an edit was admitted, and what each account and each grant carries of its hold."""

    quarter_at: int
    #: The local day it counts in, as Python's ordinal.
    day: int
    #: The role whose allowance admitted it, if it was one.
    role_id: int | None
    accounts: Mapping[int, Use]
    shares: Sequence[Share]
    #: The part of the hold that the member's own allowance carries.
    own: int


@dataclass(frozen=True, slots=True)
class Binding:
    """The allowances that bind one member's edits in one channel, by whose they are."""

    #: The member's own; with one of 0, not even a grant lets them edit.
    own: tuple[Allowance, ...]
    #: Of their roles: one of these has to admit an edit, under all its limits.
    roles: Mapping[int, tuple[Allowance, ...]]
    #: The operator's, for members of whom managers said nothing.
    standard: tuple[Allowance, ...]
    #: The channel's, the server's and the bot's, which always bind.
    ceilings: tuple[Allowance, ...]

    @property
    def barred(self) -> Allowance | None:
        """The member's own allowance of nothing, if there is one."""
        return next((allowance for allowance in self.own if not allowance.amount), None)

    @property
    def alternatives(self) -> list[tuple[int | None, tuple[Allowance, ...]]]:
        """The sets of limits of which one has to admit, with the role each is of; everybody's role comes first."""
        if self.own or not self.roles:
            return [(None, self.own or self.standard)]
        return [(role_id, self.roles[role_id]) for role_id in sorted(self.roles)]


# What managers set ---------------------------------------------------------------------------------------------------


async def in_force(tx: Tx, guild_id: int) -> list[Allowance]:
    """Return what the managers of a server allow, in the order it was first set."""
    return [_allowance(row) for row in await tx.fetch_all(_IN_FORCE, guild_id)]


async def get(tx: Tx, guild_id: int, allowance_id: int) -> Allowance | None:
    """Return one of a server's allowances."""
    row = await tx.fetch_one(_GET, guild_id, allowance_id)
    return None if row is None else _allowance(row)


async def count(tx: Tx, guild_id: int) -> int:
    """Return how many allowances a server has."""
    return (await the_row(tx, _COUNT, guild_id))["number"]


async def put(tx: Tx, guild_id: int, allowance: Allowance) -> tuple[Allowance | None, int]:
    """Set an allowance; return the one of the same measure and window that it replaces, and its id."""
    window = allowance.window
    key = (
        guild_id,
        allowance.scope.value,
        allowance.subject_id,
        allowance.measure.value,
        window.span.value,
        int(window.rolling),
    )
    before = await tx.fetch_one(_FIND, *key)
    row = await the_row(tx, _PUT, *key, allowance.amount, allowance.ceiling)
    return None if before is None else _allowance(before), row["id"]


async def remove(tx: Tx, guild_id: int, allowance_id: int) -> Allowance | None:
    """Take an allowance away; returns it as it was, or ``None`` when there was none."""
    before = await get(tx, guild_id, allowance_id)
    gone = await tx.fetch_one(_REMOVE, guild_id, allowance_id)
    return None if gone is None else before


# What is used --------------------------------------------------------------------------------------------------------


async def binding(
    tx: Tx, guild_id: int, *, account_id: int | None, role_ids: Iterable[int], channel_id: int, terms: Terms
) -> Binding:
    """Return the allowances that bind a member's edits in a channel. ``account_id`` is ``None`` before the first."""
    own: list[Allowance] = []
    roles: dict[int, tuple[Allowance, ...]] = {}
    ceilings: list[Allowance] = []
    held_roles = frozenset(role_ids)
    for allowance in await in_force(tx, guild_id):
        match allowance.scope:
            case Scope.MEMBER if allowance.subject_id == account_id:
                own.append(allowance)
            case Scope.ROLE if allowance.subject_id in held_roles:
                roles[allowance.subject_id] = (*roles.get(allowance.subject_id, ()), allowance)
            case Scope.CHANNEL if allowance.subject_id == channel_id:
                ceilings.insert(0, allowance)
            case Scope.SERVER:
                ceilings.append(allowance)
            case _:
                pass
    return Binding(tuple(own), roles, terms.member, (*ceilings, *terms.server, *terms.bot))


async def standing(tx: Tx, allowance: Allowance, account_id: int | None, now: int, zone: tzinfo) -> Standing:
    """Return how an allowance stands for an account; one that was never used has everything left."""
    stretch = allowance.window.at(now, UTC if allowance.scope is Scope.BOT else zone)
    use = Use() if account_id is None else await quarters.used(tx, account_id, stretch)
    if allowance.measure is Measure.MONEY:
        return Standing(allowance, use.spent, use.held, stretch)
    return Standing(allowance, use.edits if allowance.measure is Measure.EDITS else use.pictures, 0, stretch)


async def hold(
    tx: Tx,
    asker: Asker,
    bound: Mapping[Scope, int],
    demand: Demand,
    *,
    channel_id: int,
    thread_id: int | None,
    zone: tzinfo,
    terms: Terms,
    now: int,
) -> Admission:
    """Hold what an edit needs on every account that binds it, drained from its grants first; or on none.

    What it raises, it raises before it has written anything: a unit may go on with another edit.

    Raises:
        AllowanceExceeded: names the first limit that does not admit it: the member's, the channel's, the server's or
            the bot's; of several roles' limits, the one that frees first.
        PoolTooSmall: only the thread's pool may pay, and it has less.
    """
    for account_id in sorted(bound.values()):
        await accounts.lock(tx, account_id)
    member = bound[Scope.MEMBER]
    shares = await grants.cover(
        tx,
        asker.guild_id,
        demand.amount,
        account_id=member,
        role_ids=asker.role_ids,
        thread_id=thread_id,
        now=now,
        pooled=demand.pooled,
    )
    own = demand.amount - sum(share.amount for share in shares)
    if demand.pooled and own:
        raise PoolTooSmall(demand.amount - own, demand.amount)
    rules = await binding(
        tx, asker.guild_id, account_id=member, role_ids=asker.role_ids, channel_id=channel_id, terms=terms
    )
    check = _Check(tx, bound, now, zone)
    role_id = await check.member(rules, demand, own)
    for allowance in rules.ceilings:
        await check.admits(allowance, demand)
    whole = Use(held=demand.amount, edits=demand.edits, pictures=demand.pictures)
    carried = {**dict.fromkeys(bound.values(), whole), member: replace(whole, held=own)}
    admission = Admission(quarter_of(now), day_of(now, zone), role_id, carried, shares, own)
    await grants.draw(tx, shares)
    for account_id in sorted(carried):
        await quarters.add(tx, account_id, admission.quarter_at, carried[account_id])
    return admission


async def reserve(
    tx: Tx, asker: Asker, bound: Mapping[Scope, int], amount: int, *, zone: tzinfo, terms: Terms, now: int
) -> None:
    """Hold money of a member's own allowance for a pool; it counts as no edit, and on no other account yet.

    Who has no limit in money of their own, or of a role, has the operator's here: else they could give without end.

    Raises:
        AllowanceExceeded: the member's own limits do not admit it.
    """
    member = bound[Scope.MEMBER]
    await accounts.lock(tx, member)
    rules = await binding(tx, asker.guild_id, account_id=member, role_ids=asker.role_ids, channel_id=0, terms=terms)
    gifts = replace(
        rules,
        own=rules.own and _for_gifts(rules.own, terms),
        roles={role_id: _for_gifts(limits, terms) for role_id, limits in rules.roles.items()},
    )
    await _Check(tx, bound, now, zone).member(gifts, Demand(amount, pictures=0, edits=0), amount)
    await quarters.add(tx, member, quarter_of(now), Use(held=amount))


async def spend(tx: Tx, account_ids: Iterable[int], amount: int, now: int) -> None:
    """Book a cost that no hold covers; it may go over a limit, because it is already owed."""
    for account_id in sorted(account_ids):
        await accounts.lock(tx, account_id)
        await quarters.add(tx, account_id, quarter_of(now), Use(spent=amount))


def _for_gifts(limits: Sequence[Allowance], terms: Terms) -> tuple[Allowance, ...]:
    """Return what binds a gift of a member who has these limits: no bound on one edit, and money by some limit."""
    unbounded = tuple(replace(limit, ceiling=None) for limit in limits)
    in_money = any(limit.measure is Measure.MONEY for limit in limits)
    return unbounded if in_money else (*unbounded, *terms.member)


class _Check:
    """One edit against its limits, with every account that it counts on locked."""

    def __init__(self, tx: Tx, bound: Mapping[Scope, int], now: int, zone: tzinfo) -> None:
        self._tx = tx
        self._bound = bound
        self._now = now
        self._zone = zone

    async def member(self, rules: Binding, demand: Demand, own: int) -> int | None:
        """Check the member's own limits; return the role that admitted, if one did. Raises AllowanceExceeded.

        ``own`` is the part of the money that no grant covers. Grants are money: limits in edits and pictures, and the
        bound on a single edit, bind all the same.
        """
        if rules.barred is not None:
            await self.admits(rules.barred, demand)
        refusals: list[AllowanceExceeded] = []
        for role_id, limits in rules.alternatives:
            try:
                for allowance in limits:
                    await self.admits(allowance, demand, own)
            except AllowanceExceeded as exceeded:
                refusals.append(exceeded)
            else:
                return role_id
        never = 2**63
        raise min(refusals, key=lambda refusal: never if refusal.frees_at is None else refusal.frees_at)

    async def admits(self, allowance: Allowance, demand: Demand, own: int | None = None) -> None:
        """Raise AllowanceExceeded if what is asked does not fit; of money only ``own`` has to, where it is given."""
        whole = demand.of(allowance.measure)
        asked = own if own is not None and allowance.measure is Measure.MONEY else whole
        scope = Scope.MEMBER if allowance.scope is Scope.ROLE else allowance.scope
        account_id = self._bound[scope]
        now = await standing(self._tx, allowance, account_id, self._now, self._zone)
        if allowance.ceiling is not None and whole > allowance.ceiling:
            raise AllowanceExceeded(now, whole, None)
        spared = own == 0 and allowance.measure is Measure.MONEY  # grants cover all of it
        if not spared and (not allowance.amount or asked > now.left):
            raise AllowanceExceeded(now, asked, await self._frees_at(now, account_id, asked))

    async def _frees_at(self, now: Standing, account_id: int, asked: int) -> int | None:
        allowance = now.allowance
        if asked > allowance.amount or not allowance.amount:
            return None
        if now.resets_at is not None:
            return now.resets_at
        missing = asked + now.used - allowance.amount  # from what was used, which may be more than the whole
        for quarter_at, use in await quarters.within(self._tx, account_id, now.stretch):
            missing -= {
                Measure.MONEY: use.held + use.spent,
                Measure.EDITS: use.edits,
                Measure.PICTURES: use.pictures,
            }[allowance.measure]
            if missing <= 0:
                return quarter_at + QUARTER + allowance.window.length
        return now.stretch.until


def _allowance(row: Row) -> Allowance:
    return Allowance(
        Scope(row["scope"]),
        Measure(row["measure"]),
        row["amount"],
        Window(Span(row["span"]), bool(row["rolling"])),
        row["ceiling"],
        row["subject_id"],
        row["id"],
        row["guild_id"],
    )
