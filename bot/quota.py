"""Allowances in words: what a member has, what did not fit, and amounts of money as people write and read them.

Rules without I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.errors import EditError, OverQuota
from storage.allowances import AllowanceExceeded, PoolTooSmall
from storage.records import (
    MICROS_PER_DOLLAR,
    Allowance,
    Basis,
    Grant,
    Job,
    Measure,
    Pause,
    Price,
    Scope,
    Source,
    Standing,
)
from storage.windows import Span, Window


@dataclass(frozen=True, slots=True)
class QuotaView:
    """What a member may still spend in a channel, and what of theirs is running."""

    #: The member's own limits, or those of the role that has the most left; empty when managers bar them by nothing.
    member: tuple[Standing, ...]
    #: The channel's, the server's and the bot's.
    ceilings: tuple[Standing, ...]
    #: In the order in which they are drained, the pool of the thread first.
    grants: tuple[Grant, ...]
    running: tuple[Job, ...]
    pause: Pause | None = None
    #: What the member has given to pools and nobody has spent yet, in micro-dollars.
    sponsored: int = 0
    #: Above these prices, in micro-dollars, the member is asked first, and a manager has to approve.
    ask_above: int | None = None
    approve_above: int | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What an edit would cost, and what would become of it if it were asked for now."""

    price: Price
    #: Why it would be refused, if it would.
    refusal: EditError | None = None
    #: Whether its asker would be asked first, and whether it would wait for a manager.
    asks: bool = False
    waits: bool = False


# What did not fit ----------------------------------------------------------------------------------------------------


def pool_too_small(small: PoolTooSmall) -> OverQuota:
    """Return the refusal of an edit that only the thread's pool may pay for."""
    return OverQuota(
        f"The pool of this thread has {dollars(small.left)} left, and up to {dollars(small.demand)} has to be held. "
        "`/pool give` adds to it."
    )


def over_quota(exceeded: AllowanceExceeded, *, whose: str = "your") -> OverQuota:
    """Say which limit bound, what is left of it, and when it frees (as a Discord time stamp).

    ``whose``: how the member's own limits are called, by whom they bind or by others.
    """
    standing, allowance = exceeded.standing, exceeded.standing.allowance
    needs = _needs(allowance.measure, exceeded.demand)
    limits = _whose(allowance, whose)
    if not allowance.amount:
        return OverQuota(f"{limits[0].upper()}{limits[1:]} allow no edits{_by_whom(allowance)}.")
    if allowance.ceiling is not None and exceeded.demand > allowance.ceiling:
        most = amount(allowance.measure, allowance.ceiling)
        return OverQuota(f"This edit {needs}, but {limits} allow at most {most} for one edit. {_LESS}")
    limit = f"{amount(allowance.measure, allowance.amount)} {window(allowance.window)}"
    left = amount(allowance.measure, standing.left)
    sentence = f"This edit {needs}, but {limits} allow {limit}, and {left} is left."
    if exceeded.frees_at is None:
        return OverQuota(f"{sentence} It would not fit at any other time either: {_LESS[0].lower()}{_LESS[1:]}")
    return OverQuota(f"{sentence} Enough is free again <t:{-(-exceeded.frees_at // 1000)}:R>. {_LESS}")


def over_own(exceeded: AllowanceExceeded) -> OverQuota:
    """Say why a member cannot give so much to a pool: which limit of theirs bound, and what is left of it."""
    standing, allowance = exceeded.standing, exceeded.standing.allowance
    if not allowance.amount:
        return OverQuota(f"You may spend nothing here, so there is nothing to give{_by_whom(allowance)}.")
    left = amount(allowance.measure, standing.left)
    frees = "" if exceeded.frees_at is None else f" Enough is free again <t:{-(-exceeded.frees_at // 1000)}:R>."
    return OverQuota(
        f"You cannot give {amount(allowance.measure, exceeded.demand)}: {_whose(allowance)} allow "
        f"{limit(allowance)}, and {left} is left.{frees} Give less."
    )


_LESS: Final = "Ask for fewer results, steps or pictures."


def _needs(measure: Measure, demand: int) -> str:
    if measure is Measure.MONEY:
        return f"needs up to {dollars(demand)} held back"
    return f"is {amount(measure, demand)}"


def _by_whom(allowance: Allowance) -> str:
    return ": a manager of this server decided that" if allowance.id is not None else ""


def _whose(allowance: Allowance, whose: str = "your") -> str:
    return {
        Scope.MEMBER: f"{whose} own limits",
        Scope.ROLE: "the limits of everybody here"
        if allowance.everybody
        else f"the limits of {whose} role {role(allowance.subject_id)}",
        Scope.CHANNEL: "the limits of this channel",
        Scope.SERVER: "the limits of this server",
        Scope.BOT: "the limits over all servers",
    }[allowance.scope]


# Words ---------------------------------------------------------------------------------------------------------------


def whose(allowance: Allowance, member: str) -> str:
    """Return whose allowance it is, as owners read it; ``member`` is what stands for the member of a member's own."""
    return {
        Scope.MEMBER: member,
        Scope.ROLE: "everybody" if allowance.everybody else role(allowance.subject_id),
        Scope.CHANNEL: f"<#{allowance.subject_id}>",
        Scope.SERVER: "this server",
        Scope.BOT: "all servers",
    }[allowance.scope]


def role(role_id: int) -> str:
    """Return a role as Discord shows it. It rings nobody where mentions are not allowed, as everywhere here."""
    return f"<@&{role_id}>"


def limit(allowance: Allowance) -> str:
    """Return an allowance: ``$0.50 a day``, ``20 pictures in any 7 days, at most 4 an edit``, ``no edits``."""
    if not allowance.amount:
        return "no edits"
    words = f"{amount(allowance.measure, allowance.amount)} {window(allowance.window)}"
    if allowance.ceiling is None:
        return words
    return f"{words}, at most {amount(allowance.measure, allowance.ceiling)} an edit"


def amount(measure: Measure, number: int) -> str:
    """Return an amount in its measure: ``$0.50``, ``1 edit``, ``20 pictures``."""
    if measure is Measure.MONEY:
        return dollars(number)
    thing = measure.value.removesuffix("s")
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def window(window: Window) -> str:
    """Return a window: ``a day``, or ``in any 24 hours`` for a rolling one."""
    if not window.rolling:
        return {Span.HOUR: "an hour", Span.DAY: "a day", Span.WEEK: "a week", Span.MONTH: "a month"}[window.span]
    return {
        Span.HOUR: "in any 60 minutes",
        Span.DAY: "in any 24 hours",
        Span.WEEK: "in any 7 days",
        Span.MONTH: "in any 30 days",
    }[window.span]


def paused_where(pause: Pause) -> str:
    """Return what a pause covers: ``in this channel``, ``in this server`` or ``everywhere``."""
    if not pause.guild_id:
        return "everywhere"
    return "in this channel" if pause.channel_id else "in this server"


def basis(basis: Basis) -> str:
    """Say what an estimate was learned from."""
    return {
        Source.EXAMPLES: "going by Runware's published examples",
        Source.BOT: f"going by {basis.edits:,} edits of all servers",
        Source.SERVER: f"going by {basis.edits:,} edits here",
    }[basis.source]


def dollars(micros: int) -> str:
    """Write micro-dollars as people read them: ``$0.0442``, with no more than four decimals, rounded up."""
    tenths_of_cents = -(-micros * 10_000 // MICROS_PER_DOLLAR)
    whole, rest = divmod(tenths_of_cents, 10_000)
    decimals = f"{rest:04}"
    return f"${whole}.{decimals[:2] if decimals.endswith('00') else decimals}"


# Costs ---------------------------------------------------------------------------------------------------------------


def known_cost(costs: Sequence[int | None], cost_per: str) -> int:
    """Add up what Runware has reported so far for a job's results, in micro-dollars.

    Whether ``cost`` speaks of one item or of the whole task is not settled by the sources (reference/runware-api.md,
    section 10): ``item`` adds the items up, ``task`` takes the largest, because each item repeats the task's.
    """
    known = [cost for cost in costs if cost is not None]
    return sum(known) if cost_per == "item" else max(known, default=0)


def cost_is_known(costs: Sequence[int | None], cost_per: str) -> bool:
    """Tell whether :func:`known_cost` is the whole cost. An absent cost means unknown, never free."""
    return bool(costs) and (None not in costs if cost_per == "item" else any(costs))
