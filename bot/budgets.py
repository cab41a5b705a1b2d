"""Who may spend what: what managers and sponsors do with limits, grants, pools, pauses and settings.

Every change is written into the audit log in the unit that makes it: who, when, from, to.
"""

from __future__ import annotations

import asyncio
import difflib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final
from zoneinfo import available_timezones

from bot import quota
from bot.errors import BadOption, NotAllowed, NotFound
from bot.settings import Settings
from bot.signals import Signals
from storage import accounts, allowances, audit, grants, jobs, ledger, pauses, servers, usage
from storage.allowances import AllowanceExceeded, Terms
from storage.audit import OPERATOR, Change
from storage.database import Database, Tx
from storage.records import Allowance, Asker, Grant, Job, Measure, Pause, Scope, Server, Standing
from storage.usage import Dimension, Held, Tally
from storage.windows import DAY, Window, day_of, zone_of

log = logging.getLogger(__name__)

#: So many limits are enough for a server; each is looked at with every edit.
MAX_ALLOWANCES: Final = 100
#: The least that is worth a gift to a pool, in micro-dollars, and how many gifts a pool takes: each edit looks at all.
LEAST_GIFT: Final = 10_000
MAX_GIFTS: Final = 25
#: So many edits that wait for a manager are listed.
WAITING_SHOWN: Final = 5
#: So many changes are shown of the audit log.
CHANGES_SHOWN: Final = 15
_LONGEST_REASON: Final = 200
_MOST_DAYS: Final = 366


@dataclass(frozen=True, slots=True)
class Limit:
    """An allowance as owners see it; ``user_id`` is whose own it is, while that is known."""

    allowance: Allowance
    user_id: int | None = None


@dataclass(frozen=True, slots=True)
class GrantView:
    """A grant as owners see it, with what all its holders used; the people by Discord's ids, while known."""

    grant: Grant
    user_id: int | None
    giver_id: int | None


@dataclass(frozen=True, slots=True)
class Budget:
    """Everything that managers see of a server's money."""

    server: Server
    limits: tuple[Limit, ...]
    #: How the limits of the server, and the operator's, stand now.
    ceilings: tuple[Standing, ...]
    grants: tuple[GrantView, ...]
    pauses: tuple[Pause, ...]
    #: What waits for a manager, oldest first, at most :data:`WAITING_SHOWN`.
    waiting: tuple[Job, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """What was settled over some local days, both ends included, in all and by one dimension."""

    first_day: int
    last_day: int
    #: Whose days these are.
    time_zone: str
    total: Tally
    dimension: Dimension
    #: By key, what cost most first; none where the dimension is ``all``.
    rows: tuple[tuple[str, Tally], ...]
    #: Whether there are more rows than were asked for.
    more: bool
    #: Of the dimension ``member``: Discord's ids of the accounts, while known, and the server's own account.
    people: Mapping[str, int]
    server: str | None
    #: By day, oldest first; days on which nothing ended are left out.
    days: tuple[tuple[int, Tally], ...]
    #: What is kept back now, whenever it was asked for.
    held: Held


class Budgets:
    """The use cases behind ``/budget``, ``/settings``, ``/pool`` and ``/usage``, and behind the operator's commands."""

    def __init__(self, database: Database, signals: Signals, settings: Settings, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._signals = signals
        self._terms: Final = settings.terms
        self._clock = clock

    # settings of a server ----------------------------------------------------------------------------------

    async def server(self, guild_id: int) -> Server:
        """Return what is set for a server."""
        return await self._database.read(servers.get, guild_id)

    async def change(self, manager: Asker, **changes: Any) -> Server:  # noqa: ANN401 - fields of Server
        """Change settings of a server, named as the fields of :class:`Server`.

        Raises:
            BadOption: there is no such time zone.
        """
        if "time_zone" in changes:
            changes["time_zone"] = await asyncio.to_thread(_time_zone, changes["time_zone"])  # it reads files
        return await self._database.run(_change, manager, changes, self._clock())

    async def changes(self, guild_id: int) -> list[Change]:
        """Return the last changes about a server's money, newest first."""
        return await self._database.read(audit.last, guild_id, CHANGES_SHOWN)

    # limits ------------------------------------------------------------------------------------------------

    async def budget(self, guild_id: int) -> Budget:
        """Return everything that managers see of a server's money."""
        return await self._database.read(_budget, guild_id, self._terms, self._clock())

    async def allow(
        self,
        manager: Asker,
        scope: Scope,
        subject_id: int,
        measure: Measure,
        amount: int,
        window: Window,
        ceiling: int | None = None,
    ) -> Limit:
        """Set a limit, in place of the one of the same measure and window; returns it.

        ``subject_id`` is Discord's id of the member, role or channel, and 0 for the server.

        Raises:
            BadOption: there are enough limits already, or the bound on one edit is none.
        """
        if measure is Measure.EDITS and ceiling is not None:
            raise BadOption("ceiling", "One edit is one edit: a limit in edits takes no bound on a single one.")
        if ceiling is not None and ceiling < 1:
            raise BadOption(
                "ceiling", "The bound on one edit has to be more than 0; a limit of 0 is what allows nothing."
            )
        if ceiling is not None and amount and ceiling > amount:
            raise BadOption("ceiling", "The bound on one edit is above the whole limit: it would never bind.")
        allowance = Allowance(scope, measure, amount, window, ceiling, subject_id, guild_id=manager.guild_id)
        return await self._database.run(_allow, manager, allowance, self._clock())

    async def disallow(self, manager: Asker, allowance_id: int) -> Limit:
        """Take a limit away; returns it as it was. Raises NotFound."""
        return await self._database.run(_disallow, manager, allowance_id, self._clock())

    # grants and pools --------------------------------------------------------------------------------------

    async def grant(
        self, manager: Asker, scope: Scope, subject_id: int, amount: int, *, days: int | None = None
    ) -> Grant:
        """Grant a bonus, in micro-dollars, to a member, to each holder of a role, or to a thread's pool.

        Raises:
            BadOption: it would last for less than a day or for more than a year.
        """
        return await self._database.run(_grant, manager, scope, subject_id, amount, self._expiry(days), self._clock())

    async def fund(self, sponsor: Asker, thread_id: int, amount: int, *, days: int | None = None) -> Grant:
        """Give micro-dollars of a member's own allowance to a thread's pool; what is not spent returns when it closes.

        Raises:
            OverQuota: the member's own limits do not admit it.
            BadOption: see :meth:`grant`.
        """
        expires_at = self._expiry(days)
        try:
            return await self._database.run(_fund, sponsor, thread_id, amount, expires_at, self._terms, self._clock())
        except AllowanceExceeded as exceeded:
            raise quota.over_own(exceeded) from exceeded

    async def pool(self, guild_id: int, thread_id: int) -> list[GrantView]:
        """Return what a thread's pool is made of, in the order in which it is drained."""
        return await self._database.read(_pool, guild_id, thread_id)

    async def close_pool(self, who: Asker, thread_id: int, *, manages: bool) -> list[Grant]:
        """Close a thread's pool, or, for those who do not manage the budget, what they gave to it themselves.

        What running edits hold of it is still theirs; the rest returns to its sponsors. Returns the grants as they
        were, with what was used of them.

        Raises:
            NotFound: the thread has no pool.
            NotAllowed: all of it is somebody else's.
        """
        return await self._database.run(_close_pool, who, thread_id, self._clock(), manages=manages)

    async def end_grant(self, manager: Asker, grant_id: int) -> Grant:
        """End a grant of a server; returns it as it was. Raises NotFound."""
        return await self._database.run(_end_grant, manager, grant_id, self._clock())

    def _expiry(self, days: int | None) -> int | None:
        if days is None:
            return None
        if not 1 <= days <= _MOST_DAYS:
            raise BadOption("days", f"`days` is {days}, and a bonus lasts for 1 to {_MOST_DAYS} days.")
        return self._clock() + days * DAY

    # pauses ------------------------------------------------------------------------------------------------

    async def pause(self, manager: Asker | None, channel_id: int, reason: str, *, guild_id: int = 0) -> Pause:
        """Stop a channel, or with 0 a server, at once.

        The operator (``None`` for the manager) names the server; with 0, too, everything stops.

        Raises:
            BadOption: the reason is empty or too long.
        """
        reason = " ".join(reason.split())
        if not 1 <= len(reason) <= _LONGEST_REASON:
            raise BadOption("reason", f"`reason` takes 1 to {_LONGEST_REASON} characters: members read it.")
        where = guild_id if manager is None else manager.guild_id
        pause = Pause(where, channel_id, reason, self._clock(), operators=manager is None)
        await self._database.run(_pause, manager, pause)
        self._signals.notices.set()
        return pause

    async def resume(self, manager: Asker | None, channel_id: int, *, guild_id: int = 0) -> Pause:
        """End a pause, named as in :meth:`pause`; returns it. The operator can end a manager's too.

        Raises:
            NotFound: there is none.
            NotAllowed: the operator has ordered it.
        """
        where = Pause(guild_id if manager is None else manager.guild_id, channel_id, "", self._clock())
        ended = await self._database.run(_resume, manager, where)
        self._signals.queue.set()
        self._signals.notices.set()
        return ended

    async def still_paused(self, ended: Pause) -> Pause | None:
        """Return what covers a place still after a pause of it has ended, if something does."""
        return await self._database.read(pauses.covering, ended.guild_id, ended.channel_id)

    # what was spent ----------------------------------------------------------------------------------------

    async def usage(self, guild_id: int, dimension: Dimension, days: int, *, rows: int) -> Usage:
        """Return what was settled over the last so many local days, today included, by at most so many rows."""
        return await self._database.read(_usage, guild_id, dimension, days, rows, self._clock())


# units of work ---------------------------------------------------------------------------------------------


async def _change(tx: Tx, manager: Asker, changes: Mapping[str, Any], now: int) -> Server:
    # Of two managers who change different things at once, the second sees what the first has set.
    await accounts.lock(tx, await accounts.ensure(tx, Scope.SERVER, now, manager.guild_id))
    before = await servers.get(tx, manager.guild_id)
    after = replace(before, **changes)
    for field in fields(Server):
        was, will_be = getattr(before, field.name), getattr(after, field.name)
        if was != will_be:
            await _log(tx, manager, _SUBJECTS[field.name][0], _shown(field.name, was), _shown(field.name, will_be), now)
    await servers.put(tx, after)
    return after


def _shown(name: str, value: object) -> str:
    return "" if value is None else _SUBJECTS[name][1](value)


def _dollars(value: Any) -> str:  # noqa: ANN401 - the type of a field
    return quota.dollars(value)


#: How each setting is called in the audit log, and how its values are shown there.
_SUBJECTS: Final[Mapping[str, tuple[str, Callable[[Any], str]]]] = {
    "guild_id": ("server", str),
    "time_zone": ("time zone", str),
    "manager_role_id": ("managers' role", "<@&{}>".format),
    "alert_channel_id": ("alerts' channel", "<#{}>".format),
    "confirm_above": ("ask first above", _dollars),
    "approve_above": ("approve above", _dollars),
    "showcase_channel_id": ("showcase", "<#{}>".format),
    "showcase_stars": ("stars for the showcase", str),
}


async def _allow(tx: Tx, manager: Asker, allowance: Allowance, now: int) -> Limit:
    # Of two managers who set limits at once, the second counts the first one's.
    await accounts.lock(tx, await accounts.ensure(tx, Scope.SERVER, now, manager.guild_id))
    user_id = allowance.subject_id if allowance.scope is Scope.MEMBER else None
    if user_id is not None:
        account_id = await accounts.ensure(tx, Scope.MEMBER, now, manager.guild_id, user_id)
        allowance = replace(allowance, subject_id=account_id)
    before, allowance_id = await allowances.put(tx, manager.guild_id, allowance)
    if before is None and await allowances.count(tx, manager.guild_id) > MAX_ALLOWANCES:
        raise BadOption("limit", f"This server has {MAX_ALLOWANCES} limits already: take one away first.")
    subject = f"limit of {quota.whose(allowance, audit.person(allowance.subject_id))}"
    was = "" if before is None else quota.limit(before)
    await _log(tx, manager, subject, was, quota.limit(allowance), now)
    return Limit(replace(allowance, id=allowance_id), user_id)


async def _disallow(tx: Tx, manager: Asker, allowance_id: int, now: int) -> Limit:
    before = await allowances.remove(tx, manager.guild_id, allowance_id)
    if before is None:
        raise NotFound("That limit is gone already.")
    subject = f"limit of {quota.whose(before, audit.person(before.subject_id))}"
    await _log(tx, manager, subject, quota.limit(before), "", now)
    return await _limit(tx, before)


async def _limit(tx: Tx, allowance: Allowance) -> Limit:
    if allowance.scope is not Scope.MEMBER:
        return Limit(allowance)
    return Limit(allowance, await accounts.holder(tx, allowance.subject_id))


async def _budget(tx: Tx, guild_id: int, terms: Terms, now: int) -> Budget:
    server = await servers.get(tx, guild_id)
    zone = zone_of(server.time_zone)
    rules = await allowances.in_force(tx, guild_id)
    ids = {
        Scope.SERVER: await accounts.find(tx, Scope.SERVER, guild_id),
        Scope.BOT: await accounts.find(tx, Scope.BOT),
    }
    ceilings = [rule for rule in rules if rule.scope is Scope.SERVER] + [*terms.server, *terms.bot]
    return Budget(
        server,
        tuple([await _limit(tx, rule) for rule in rules]),
        tuple([await allowances.standing(tx, rule, ids[rule.scope], now, zone) for rule in ceilings]),
        tuple([await _grant_view(tx, grant) for grant in await grants.open_in(tx, guild_id)]),
        tuple(await pauses.in_server(tx, guild_id)),
        tuple(await jobs.waiting_in(tx, guild_id, WAITING_SHOWN)),
    )


async def _grant_view(tx: Tx, grant: Grant) -> GrantView:
    user_id = await accounts.holder(tx, grant.subject_id) if grant.scope is Scope.MEMBER else None
    return GrantView(grant, user_id, await accounts.holder(tx, grant.sponsor_id or grant.giver_id))


async def _grant(
    tx: Tx, manager: Asker, scope: Scope, subject_id: int, amount: int, expires_at: int | None, now: int
) -> Grant:
    giver = await accounts.ensure(tx, Scope.MEMBER, now, manager.guild_id, manager.user_id)
    if scope is Scope.MEMBER:
        subject_id = await accounts.ensure(tx, Scope.MEMBER, now, manager.guild_id, subject_id)
    given = await grants.add(
        tx,
        guild_id=manager.guild_id,
        scope=scope,
        subject_id=subject_id,
        amount=amount,
        giver_id=giver,
        now=now,
        expires_at=expires_at,
    )
    await ledger.grant(tx, given, now)
    await _log(tx, manager, f"bonus for {_granted_to(given)}", "", quota.dollars(amount), now)
    return given


async def _fund(
    tx: Tx, sponsor: Asker, thread_id: int, amount: int, expires_at: int | None, terms: Terms, now: int
) -> Grant:
    if len(await grants.pool(tx, sponsor.guild_id, thread_id)) >= MAX_GIFTS:
        raise BadOption(
            "amount", f"This pool has {MAX_GIFTS} gifts already, and takes more once some are spent or closed."
        )
    bound = {Scope.MEMBER: await accounts.ensure(tx, Scope.MEMBER, now, sponsor.guild_id, sponsor.user_id)}
    zone = await servers.zone(tx, sponsor.guild_id)
    await allowances.reserve(tx, sponsor, bound, amount, zone=zone, terms=terms, now=now)
    given = await grants.add(
        tx,
        guild_id=sponsor.guild_id,
        scope=Scope.THREAD,
        subject_id=thread_id,
        amount=amount,
        giver_id=bound[Scope.MEMBER],
        sponsor_id=bound[Scope.MEMBER],
        now=now,
        expires_at=expires_at,
    )
    await ledger.grant(tx, given, now)
    return given


async def _pool(tx: Tx, guild_id: int, thread_id: int) -> list[GrantView]:
    return [await _grant_view(tx, grant) for grant in await grants.pool(tx, guild_id, thread_id)]


async def _close_pool(tx: Tx, who: Asker, thread_id: int, now: int, *, manages: bool) -> list[Grant]:
    found = await grants.pool(tx, who.guild_id, thread_id)
    if not found:
        raise NotFound("This thread has no pool.")
    account_id = await accounts.find(tx, Scope.MEMBER, who.guild_id, who.user_id)
    own = [grant for grant in found if manages or (account_id is not None and grant.sponsor_id == account_id)]
    if not own:
        raise NotAllowed("You gave nothing to this pool: only its sponsors, or a manager of the budget, can close it.")
    ended = [await ledger.end_grant(tx, id_, now) for id_ in sorted(grant.id for grant in own)]
    closed = [grant for grant in ended if grant is not None]
    if manages and closed:
        amount = quota.dollars(sum(grant.amount for grant in closed))
        await _log(tx, who, f"pool of <#{thread_id}>", amount, "", now)
    return closed


async def _end_grant(tx: Tx, manager: Asker, grant_id: int, now: int) -> Grant:
    try:
        grant = await grants.known(tx, grant_id)
    except LookupError:
        raise NotFound(_GRANT_GONE) from None
    ended = await ledger.end_grant(tx, grant_id, now) if grant.guild_id == manager.guild_id else None
    if ended is None:
        raise NotFound(_GRANT_GONE)
    await _log(tx, manager, f"bonus for {_granted_to(ended)}", quota.dollars(ended.amount), "", now)
    return ended


def _granted_to(grant: Grant) -> str:
    """Return who has a grant, as the audit log names them."""
    if grant.scope is Scope.MEMBER:
        return audit.person(grant.subject_id)
    if grant.scope is Scope.THREAD:
        return f"<#{grant.subject_id}>"
    return "everybody" if grant.subject_id == grant.guild_id else quota.role(grant.subject_id)


_GRANT_GONE: Final = "That bonus has ended already."


async def _pause(tx: Tx, manager: Asker | None, pause: Pause) -> None:
    where = (pause.guild_id, pause.channel_id, pause.operators)
    known = await pauses.in_server(tx, pause.guild_id)
    before = next((one.reason for one in known if (one.guild_id, one.channel_id, one.operators) == where), "")
    await pauses.add(tx, pause)
    await _log_pause(tx, manager, pause, before, pause.reason, pause.paused_at)


async def _resume(tx: Tx, manager: Asker | None, where: Pause) -> Pause:
    """End the pause that covers what ``where`` covers, at its time."""
    now = where.paused_at
    ended = None
    for operators in (True, False) if manager is None else (False,):
        ended = ended or await pauses.remove(tx, where.guild_id, where.channel_id, now, operators=operators)
    if ended is None:
        covers = await pauses.covering(tx, where.guild_id, where.channel_id)
        if manager is not None and covers is not None and covers.operators:
            raise NotAllowed("Whoever runs the bot has ordered this pause, and only they can end it.")
        raise NotFound(f"Nothing is paused {quota.paused_where(where)}.")
    await _log_pause(tx, manager, ended, ended.reason, "", now)
    return ended


async def _log_pause(tx: Tx, manager: Asker | None, pause: Pause, before: str, after: str, now: int) -> None:
    subject = f"pause {quota.paused_where(pause)}"
    await _log(tx, manager, subject, before, after, now, pause.channel_id, guild_id=pause.guild_id)


async def _usage(tx: Tx, guild_id: int, dimension: Dimension, days: int, rows: int, now: int) -> Usage:
    time_zone = (await servers.get(tx, guild_id)).time_zone
    last = day_of(now, zone_of(time_zone))
    first = last - days + 1
    by = [] if dimension is Dimension.ALL else await usage.by(tx, guild_id, dimension, first, last, rows + 1)
    own = await accounts.find(tx, Scope.SERVER, guild_id)
    return Usage(
        first,
        last,
        time_zone,
        await usage.total(tx, guild_id, first, last),
        dimension,
        tuple(by[:rows]),
        len(by) > rows,
        await usage.people(tx, guild_id) if dimension is Dimension.MEMBER else {},
        None if own is None else str(own),
        tuple(await usage.days(tx, guild_id, first, last)),
        await usage.held(tx, guild_id),
    )


async def _log(
    tx: Tx,
    manager: Asker | None,
    subject: str,
    before: str,
    after: str,
    now: int,
    channel_id: int = 0,
    *,
    guild_id: int = 0,
) -> None:
    """Write a change into a server's log; ``guild_id`` is where the operator (``None``) made it."""
    by = OPERATOR
    if manager is not None:
        guild_id = manager.guild_id
        by = await accounts.ensure(tx, Scope.MEMBER, now, guild_id, manager.user_id)
    where = f" <#{channel_id}>" if channel_id else ""
    await audit.record(tx, guild_id, by, subject + where, before=before, after=after, now=now)


#: The machine's own zone, and one that stands for none: both would change their meaning elsewhere.
_NO_ZONES: Final = frozenset({"localtime", "Factory"})


def _time_zone(name: str) -> str:
    """Return the name of a time zone of the IANA database. Raises BadOption with names that are near."""
    typed = name.strip().replace(" ", "_")
    known = {zone.lower(): zone for zone in available_timezones() - _NO_ZONES}
    if typed.lower() not in known:
        ends = {zone.rpartition("/")[2].lower(): zone for zone in known.values()}
        near = [{**ends, **known}[key] for key in difflib.get_close_matches(typed.lower(), [*known, *ends], n=3)]
        hint = f" Did you mean {', '.join(f'`{zone}`' for zone in dict.fromkeys(near))}?" if near else ""
        raise BadOption(
            "time zone", f"There is no time zone “{typed[:40]}”; they are named like `Europe/Berlin`.{hint}"
        )
    return known[typed.lower()]
