"""The loop that tells owners about their money: pulls what is to be posted, puts it into words, posts it once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import discord

from bot.alerts import AlertBox, Low
from bot.client import DISCORD_ERRORS, EditBot
from bot.quota import amount, dollars
from cogs import _words as words
from cogs._layout import AMBER, BLUE, RED, card, text
from cogs._posts import nonce, passing, ready
from storage.alerts import Alert, AlertKind
from storage.records import Measure, Scope

log = logging.getLogger(__name__)

#: No post takes longer than this, in seconds.
_PATIENCE: Final = 60.0
_ALL: Final = 100
_MUCH: Final = 80


@dataclass(frozen=True, slots=True)
class Wording:
    """An alert in words: what happened, what it means and what can be done."""

    head: str
    lines: tuple[str, ...]
    colour: discord.Colour

    def __str__(self) -> str:
        return " ".join((f"{self.head}.", *self.lines))


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why an alert was not posted, and whether that may pass."""

    why: str
    passing: bool


class Alerts:
    """Posts each alert to the channel that was chosen for it. One that cannot be posted stops no other."""

    def __init__(self, box: AlertBox, get_bot: Callable[[], EditBot]) -> None:
        self._box = box
        self._get_bot = get_bot

    async def run(self) -> None:
        """Tell without end."""
        while True:
            for alert in await self._box.due():
                await self._tell(alert)
            await self._box.wait()

    async def _tell(self, alert: Alert) -> None:
        try:
            said = worded(alert)
        except (LookupError, TypeError, ValueError):  # another version of the bot wrote down other facts
            log.exception("alert %d cannot be put into words", alert.id)
            await self._box.posted(alert)
            return
        failure = await self._posted(alert, said)
        if failure is None:
            await self._box.posted(alert)
        elif failure.passing and self._box.later(alert):
            log.warning("alert %d is posted later: %s", alert.id, failure.why)
        else:
            log.warning("alert %d stands only here: %s. It says: %s", alert.id, failure.why, said)
            await self._box.posted(alert)

    async def _posted(self, alert: Alert, said: Wording) -> _Failure | None:
        """Post an alert to its channel; returns what kept it from that, if something did."""
        channel_id = await self._box.channel_of(alert)
        if channel_id is None:
            return _Failure("no channel was chosen for it", passing=False)
        bot = await ready(self._get_bot)
        channel = bot.get_partial_messageable(channel_id)
        view = card(text(f"### {said.head}", *said.lines), colour=said.colour)
        key, nobody = nonce("alert", alert.id, alert.raised_at, channel_id), discord.AllowedMentions.none()
        try:
            async with asyncio.timeout(_PATIENCE):
                await channel.send(view=view, nonce=key, allowed_mentions=nobody)
        except discord.HTTPException as error:
            return _Failure(f"Discord answered {error.status} {error.code} in its channel", passing=passing(error))
        except DISCORD_ERRORS as error:
            return _Failure(f"Discord could not be reached ({type(error).__name__})", passing=True)
        return None


# Words ---------------------------------------------------------------------------------------------------------------


def worded(alert: Alert) -> Wording:
    """Put an alert into words."""
    return {
        AlertKind.ALLOWANCE: _allowance,
        AlertKind.APPROVAL: _approval,
        AlertKind.BALANCE: _balance,
        AlertKind.BOOKS: _books,
    }[alert.kind](alert)


def _allowance(alert: Alert) -> Wording:
    facts, percent = alert.facts, alert.facts["percent"]
    of_server = facts["scope"] == Scope.SERVER
    used = f"{amount(Measure(facts['measure']), facts['spent'])} of {facts['limit']}"
    held = f", and {dollars(facts['held'])} is held for edits that are not over" if facts["held"] else ""
    frees = (
        "until enough of it is free again"
        if facts["resets_at"] is None
        else f"until it is whole again {words.since(facts['resets_at'])}"
    )
    where = "here" if of_server else "anywhere"
    if facts["refused"]:
        meaning = f"No edit that needs more than what is left is admitted {where} {frees}."
        what = "has refused an edit"
    elif percent < _ALL:
        meaning = f"When all of it is used, no edit is admitted {where} {frees}."
        what = f"is used to {percent}%"
    else:
        meaning = f"No edit is admitted {where} {frees}."
        what = "is used up"
    whose = "this server" if of_server else "all servers together"
    return Wording(
        f"A limit of {whose} {what}",
        (f"Used so far: {used}{held}.", meaning, _what_to_do(of_server=of_server, operators=facts["operators"])),
        RED if percent >= _ALL else AMBER if percent >= _MUCH else BLUE,
    )


def _approval(alert: Alert) -> Wording:
    facts = alert.facts
    address = words.link(facts["guild"], facts["channel"], facts["message"])
    lines = (
        f"[It]({address}) will cost about {dollars(facts['estimate'])}. Approve or decline it in its thread.",
        "`/budget show` lists all that wait. Without an answer, an edit is given back after a day.",
    )
    return Wording("An edit waits for a manager", lines, AMBER)


def _what_to_do(*, of_server: bool, operators: bool) -> str:
    if not of_server:
        return "It is set by BOT_DAILY_USD and BOT_LIMITS; the command `status` says how all of them stand."
    if operators:
        return "Whoever runs the bot has set it, with SERVER_DAILY_USD. `/budget show` says how all limits stand."
    return "`/budget show` says how all limits stand, and lets a manager change this one."


def _balance(alert: Alert) -> Wording:
    facts, low = alert.facts, Low(alert.facts["low"])
    left = dollars(max(0, facts["left"]))
    head = {
        Low.DAYS: "Runware's balance lasts for less than three days",
        Low.DAY: "Runware's balance lasts for less than a day",
        Low.HELD: "Runware's balance is below what is held",
    }[low]
    return Wording(
        head,
        (
            f"{left} is left, and {dollars(facts['held'])} is held for edits that are not over.",
            f"That is at a pace of {dollars(facts['pace'])} a day. When it is empty, Runware refuses every edit.",
            "Put money on the account on Runware's dashboard.",
        ),
        AMBER if low is Low.DAYS else RED,
    )


def _books(alert: Alert) -> Wording:
    facts = alert.facts
    counters = words.counted(facts["differences"], "counter")
    holds = words.counted(facts["stale"], "hold")
    return Wording(
        "The books do not balance",
        (
            f"Not what the ledger adds up to: {counters}. Open for longer than any may be: {holds}.",
            *(f"- {sentence}" for sentence in facts["first"]),
            "Nothing was corrected. The command `reconcile` lists everything, and so does the log.",
        ),
        RED,
    )
