"""What owners are told about money: a limit that is used to a part or all, and the end of Runware's balance.

Here stand the rules when to tell, the units of work that write an alert down once, and the box from which the upper
layer pulls what is to be posted. Nothing here knows Discord.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from bot import quota
from bot.settings import Settings
from bot.signals import Signal
from storage import accounts, alerts, allowances, ledger, memory, quarters, servers
from storage.alerts import Alert, AlertKind
from storage.allowances import AllowanceExceeded, Terms
from storage.database import Database, Tx
from storage.records import MICROS_PER_DOLLAR, Job, Scope, Standing
from storage.windows import DAY, Stretch

#: At these parts of a limit, in percent, its owner is told.
STEPS: Final = (50, 80, 100)
#: Stands where a server's id stands otherwise: what is about all of them is told to the operator.
ALL_SERVERS: Final = 0
#: The longest time without a look at the table, in seconds, in case a signal was lost.
_IDLE: Final = 5.0
_LONGEST_PAUSE: Final = 600_000
#: After so many milliseconds nobody tries to post an alert any more.
_STALE: Final = DAY
_LOW: Final = "balance is low"
#: Over so many days the pace of spending is taken, and no pace is slower than this, in micro-dollars a day.
_PACE_DAYS: Final = 7
_SLOWEST_PACE: Final = MICROS_PER_DOLLAR
_ENOUGH_DAYS: Final = 3


# Limits --------------------------------------------------------------------------------------------------------------


def reached(standing: Standing) -> list[int]:
    """Return the steps that an allowance is spent to, in percent; what is held may be given back and does not count."""
    whole = standing.allowance.amount
    return [step for step in STEPS if whole and standing.spent * 100 >= whole * step]


def concerns(exceeded: AllowanceExceeded) -> bool:
    """Tell whether a refusal is of a limit of a server or the bot, and not of an edit that never fits."""
    return exceeded.standing.allowance.scope in {Scope.SERVER, Scope.BOT} and exceeded.frees_at is not None


async def ceilings(tx: Tx, guild_id: int, terms: Terms, now: int) -> list[Standing]:
    """Return how the limits of a whole server stand, or with 0 those of all servers together."""
    if guild_id == ALL_SERVERS:
        limits, account_id = terms.bot, await accounts.find(tx, Scope.BOT)
    else:
        own = [limit for limit in await allowances.in_force(tx, guild_id) if limit.scope is Scope.SERVER]
        limits, account_id = (*own, *terms.server), await accounts.find(tx, Scope.SERVER, guild_id)
    zone = await servers.zone(tx, guild_id)
    return [await allowances.standing(tx, limit, account_id, now, zone) for limit in limits]


def key(guild_id: int, standing: Standing, step: int | str, now: int) -> str:
    """Return what "once" means of a step, or of a refusal: once for a limit of this height, in one window.

    A rolling window never begins anew, so time is cut into stretches of its length.
    """
    allowance, window = standing.allowance, standing.allowance.window
    since = now // window.length if window.rolling else standing.stretch.start
    return f"{guild_id}/{allowance.key}/{allowance.amount}/{since}/{step}"


async def raise_spent(tx: Tx, guild_id: int, standing: Standing, now: int) -> bool:
    """Write down what an allowance is spent to; returns whether that is news."""
    steps = [(key(guild_id, standing, step, now), _facts(standing, step)) for step in reached(standing)]
    return await alerts.raise_highest(tx, guild_id, AlertKind.ALLOWANCE, steps, now)


async def raise_refusal(tx: Tx, guild_id: int, standing: Standing, now: int) -> bool:
    """Write down that an allowance, of a server or of all, has refused an edit; returns whether that is news.

    It is told once beside the steps, and silences none of them: a large edit may be refused with much left.
    """
    told = ALL_SERVERS if standing.allowance.scope is Scope.BOT else guild_id
    percent = standing.used * 100 // max(1, standing.allowance.amount)
    facts = _facts(standing, percent, refused=True)
    return await alerts.raise_once(tx, told, key(told, standing, "refused", now), AlertKind.ALLOWANCE, facts, now)


async def raise_waiting(tx: Tx, job: Job, now: int) -> bool:
    """Write down that an edit waits for a manager; returns whether that is news."""
    # A thread that is made for it later hangs on the reply.
    channel_id = job.place.thread_id or job.place.channel_id
    facts = {"estimate": job.estimate, "guild": job.guild_id, "channel": channel_id, "message": job.place.reply_id}
    return await alerts.raise_once(tx, job.guild_id, f"approval/{job.id}", AlertKind.APPROVAL, facts, now)


def _facts(standing: Standing, step: int, *, refused: bool = False) -> dict[str, Any]:
    allowance = standing.allowance
    return {
        "scope": allowance.scope.value,
        "limit": quota.limit(allowance),
        "operators": allowance.id is None,
        "percent": step,
        "measure": allowance.measure.value,
        "spent": standing.spent,
        "held": standing.held,
        "amount": allowance.amount,
        "resets_at": standing.resets_at,
        "refused": refused,
    }


# The balance ---------------------------------------------------------------------------------------------------------


class Low(StrEnum):
    """How near Runware's balance is to its end, the worst last."""

    DAYS = "days"
    DAY = "day"
    #: It is less than what is held for edits that are not over.
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Funds:
    """Runware's balance beside what we hold and spend, in micro-dollars."""

    left: int
    held: int
    #: What is spent a day.
    pace: int
    #: Since when the balance is low, if owners were told so; and the least that was left since.
    low_since: int | None = None
    least: int = 0

    @property
    def low(self) -> list[Low]:
        """How low the balance is; empty where it is enough."""
        bounds = {Low.DAYS: _ENOUGH_DAYS * self.pace, Low.DAY: self.pace, Low.HELD: self.held}
        return [low for low, bound in bounds.items() if self.left < bound]


async def funds(tx: Tx, left: int, now: int) -> Funds:
    """Return what Runware has left for us beside what we hold and spend."""
    account_id = await accounts.find(tx, Scope.BOT)
    week = Stretch(now - _PACE_DAYS * DAY, now + 1)
    spent = 0 if account_id is None else (await quarters.used(tx, account_id, week)).spent
    _, held = await ledger.open_holds(tx)
    low_since, least = json.loads(await memory.get(tx, _LOW) or "[null, 0]")
    return Funds(left, held, max(_SLOWEST_PACE, spent // _PACE_DAYS), low_since, least)


async def raise_low(tx: Tx, funds: Funds, now: int) -> bool:
    """Write down that the balance comes to its end; returns whether that is news.

    Each stage is told once, until the account was topped up above all of them.
    """
    if not funds.low:
        # What is held and the pace go up and down by themselves: only new money starts the count anew.
        if funds.left > funds.least:
            await memory.put(tx, _LOW, "")
        return False
    since, least = (now, funds.left) if funds.low_since is None else (funds.low_since, min(funds.least, funds.left))
    await memory.put(tx, _LOW, json.dumps([since, least]))
    facts = {"left": funds.left, "held": funds.held, "pace": funds.pace}
    steps = [(f"balance/{since}/{low}", {**facts, "low": low.value}) for low in funds.low]
    return await alerts.raise_highest(tx, ALL_SERVERS, AlertKind.BALANCE, steps, now)


# What is to be posted ------------------------------------------------------------------------------------------------


class AlertBox:
    """The alerts that nobody has posted yet; one that could not be posted rests for a while of its own."""

    def __init__(self, database: Database, signal: Signal, settings: Settings, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._signal = signal
        self._settings = settings
        self._clock = clock
        #: How often each was tried in vain, and when it is due again.
        self._tries: dict[int, tuple[int, int]] = {}

    async def due(self) -> Sequence[Alert]:
        """Return what is to be posted now, oldest first."""
        now = self._clock()
        waiting = await self._database.read(alerts.to_post)
        # A rest never outlasts its longest, whatever the clock does meanwhile.
        return [alert for alert in waiting if not 0 < self._tries.get(alert.id, (0, 0))[1] - now <= _LONGEST_PAUSE]

    async def wait(self) -> None:
        """Wait until there may be something new."""
        await self._signal.wait(_IDLE)

    async def channel_of(self, alert: Alert) -> int | None:
        """Return Discord's id of the channel where an alert belongs, or ``None`` where nobody has chosen one."""
        if alert.guild_id == ALL_SERVERS:
            return self._settings.alert_channel
        return (await self._database.read(servers.get, alert.guild_id)).alert_channel_id

    async def posted(self, alert: Alert) -> None:
        """Record that an alert was posted, or that there is nowhere to post it."""
        await self._database.run(alerts.posted, alert.id, self._clock())
        self._tries.pop(alert.id, None)

    def later(self, alert: Alert) -> bool:
        """Have an alert wait before it is due again, twice as long each time; False: it is too old for another try."""
        now, (tries, _) = self._clock(), self._tries.get(alert.id, (0, 0))
        if now - alert.raised_at >= _STALE:
            return False
        pause = min(_LONGEST_PAUSE, int(self._settings.announce_retry_seconds * 1000) * 2 ** min(tries, 20))
        self._tries[alert.id] = (tries + 1, now + pause)
        return True
