"""Units of work over ``alerts``: what owners are told, once each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from storage.database import Tx

_RAISE: Final = """
INSERT INTO alerts (guild_id, key, kind, facts, raised_at) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (key) DO NOTHING RETURNING id
"""
_TO_POST: Final = "SELECT id, guild_id, kind, facts, raised_at FROM alerts WHERE posted_at IS NULL ORDER BY id LIMIT 20"
_SILENCE: Final = "UPDATE alerts SET posted_at = ?2 WHERE key = ?1"
_POSTED: Final = "UPDATE alerts SET posted_at = ?2 WHERE id = ?1"


class AlertKind(StrEnum):
    """What an alert is about."""

    #: An allowance of the server or the bot is used to a part or all.
    ALLOWANCE = "allowance"
    #: An edit waits for a manager.
    APPROVAL = "approval"
    #: Runware's balance comes to its end.
    BALANCE = "balance"
    #: A cached counter is not what the ledger adds up to, or a hold outlived its deadline.
    BOOKS = "books"


@dataclass(frozen=True, slots=True)
class Alert:
    """Something to tell. ``facts`` are plain numbers and texts, put into words where it is posted."""

    id: int
    #: 0: for the operator.
    guild_id: int
    kind: AlertKind
    facts: Mapping[str, Any]
    raised_at: int


async def raise_once(tx: Tx, guild_id: int, key: str, kind: AlertKind, facts: Mapping[str, Any], now: int) -> bool:
    """Write an alert down unless one with its key was raised before; returns whether this call did."""
    text = json.dumps(facts, ensure_ascii=False, sort_keys=True)
    return await tx.fetch_one(_RAISE, guild_id, key, kind.value, text, now) is not None


async def raise_highest(
    tx: Tx, guild_id: int, kind: AlertKind, steps: Sequence[tuple[str, Mapping[str, Any]]], now: int
) -> bool:
    """Write down that these steps, lowest first, each a key and its facts, were reached; of several the last is posted.

    Those below it count as posted, so that they never come after it. Returns whether the last one is new.
    """
    raised = False
    for number, (key, facts) in enumerate(steps, 1):
        raised = await raise_once(tx, guild_id, key, kind, facts, now)
        if raised and number < len(steps):
            await tx.execute(_SILENCE, key, now)
    return raised


async def to_post(tx: Tx) -> list[Alert]:
    """Return alerts that were not posted yet, oldest first, at most 20."""
    return [
        Alert(row["id"], row["guild_id"], AlertKind(row["kind"]), json.loads(row["facts"]), row["raised_at"])
        for row in await tx.fetch_all(_TO_POST)
    ]


async def posted(tx: Tx, alert_id: int, now: int) -> None:
    """Record that an alert was posted, or that there is nowhere to post it."""
    await tx.execute(_POSTED, alert_id, now)
