"""Limits, prices and the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from storage.windows import Stretch, Window

MICROS_PER_DOLLAR: Final = 1_000_000


class Scope(StrEnum):
    """Whose allowance, account or grant it is."""

    MEMBER = "member"
    ROLE = "role"
    CHANNEL = "channel"
    SERVER = "server"
    BOT = "bot"
    #: Only grants have it: the pool of a thread.
    THREAD = "thread"


class Measure(StrEnum):
    """What an allowance counts: micro-dollars, edits, or the pictures they make."""

    MONEY = "money"
    EDITS = "edits"
    PICTURES = "pictures"


@dataclass(frozen=True, slots=True)
class Allowance:
    """A limit: whose, how much or how many, over which window. 0 means "may not".

    One without an ``id`` is the operator's, out of the settings.
    """

    scope: Scope
    measure: Measure
    #: Micro-dollars, edits or pictures.
    amount: int
    window: Window
    #: The most that one edit may take of it, if that is bounded too.
    ceiling: int | None = None
    #: The account of a member; Discord's id of a role or channel; 0 for a server or the bot.
    subject_id: int = 0
    id: int | None = None
    #: The server whose managers set it; 0 for the operator's.
    guild_id: int = field(default=0, compare=False)

    @property
    def everybody(self) -> bool:
        """Whether it is that of the role which every member has; its id is the server's."""
        return self.scope is Scope.ROLE and self.subject_id == self.guild_id

    @property
    def key(self) -> str:
        """What tells it from every other allowance that binds in a server."""
        window = f"{'rolling' if self.window.rolling else 'calendar'}-{self.window.span}"
        return f"{self.scope}/{self.subject_id}/{self.measure}/{window}/{self.id or 'operator'}"


@dataclass(frozen=True, slots=True)
class Standing:
    """How an allowance stands at one moment, in its own measure."""

    allowance: Allowance
    spent: int
    #: Kept back for edits that are not over; counts of edits and pictures have no such part.
    held: int
    stretch: Stretch

    @property
    def used(self) -> int:
        """What is not left."""
        return self.spent + self.held

    @property
    def left(self) -> int:
        """What may still be held, never below 0."""
        return max(0, self.allowance.amount - self.used)

    @property
    def resets_at(self) -> int | None:
        """When a calendar window is whole again; a rolling one frees bit by bit."""
        return None if self.allowance.window.rolling else self.stretch.until


@dataclass(frozen=True, slots=True)
class Grant:
    """A bonus amount, drained before the ordinary allowance."""

    id: int
    guild_id: int
    #: ``member``, ``role`` (each holder's own) or ``thread`` (a pool that all share).
    scope: Scope
    subject_id: int
    amount: int
    #: The account of who gave it; and whose allowance it came out of, for a sponsored pool.
    giver_id: int
    sponsor_id: int | None
    created_at: int
    expires_at: int | None
    ended_at: int | None
    #: What the one who looks has used of it.
    held: int = 0
    spent: int = 0

    @property
    def left(self) -> int:
        """What may still be drawn, never below 0."""
        return 0 if self.ended_at is not None else max(0, self.amount - self.held - self.spent)


class Source(StrEnum):
    """What an estimate was learned from."""

    #: The prices Runware publishes with its examples.
    EXAMPLES = "examples"
    #: The settled edits of all servers.
    BOT = "bot"
    #: The settled edits of this server.
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class Basis:
    """The ground an estimate stands on: what it was learned from, and how many settled edits there were."""

    source: Source
    edits: int = 0

    def __str__(self) -> str:
        """Return the stored form; :meth:`parse` reads it back."""
        return f"{self.source}:{self.edits}"

    @classmethod
    def parse(cls, text: str) -> Basis:
        """Read what ``str`` wrote."""
        source, _, edits = text.partition(":")
        return cls(Source(source), int(edits))


@dataclass(frozen=True, slots=True)
class Price:
    """What an edit is expected to cost, and what is held for it, in micro-dollars."""

    estimate: int
    #: An upper bound of the estimate.
    hold: int
    basis: Basis


@dataclass(frozen=True, slots=True)
class Pause:
    """A stop that a manager or the operator ordered. ``guild_id`` 0 is everything, ``channel_id`` 0 a whole server."""

    guild_id: int
    channel_id: int
    reason: str
    paused_at: int
    #: Ordered by the operator, so that no manager can end it.
    operators: bool = False


class EntryKind(StrEnum):
    """What a line of the ledger says."""

    HOLD = "hold"
    SETTLE = "settle"
    RELEASE = "release"
    GRANT = "grant"
    ADJUST = "adjust"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the append-only ledger. ``held`` and ``spent`` are signed changes in micro-dollars."""

    id: int
    at: int
    account_id: int
    job_id: int | None
    kind: EntryKind
    held: int
    spent: int
    #: True when the amount is an estimate because Runware never told the cost.
    estimated: bool
    #: The grant it drew on; ``None`` for the account's own allowance.
    grant_id: int | None = None
