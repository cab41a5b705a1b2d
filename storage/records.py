"""The vocabulary that every layer speaks: frozen records, the status of a job and its legal moves.

Money is whole micro-dollars (1 USD = 1,000,000), times are whole milliseconds since the epoch (UTC), Discord's
snowflakes are plain ``int``. Nothing here does I/O.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Final

MICROS_PER_DOLLAR: Final = 1_000_000


class Status(StrEnum):
    """Where a job stands with Runware. What Discord has heard of it is another fact, in another column."""

    #: Its hold is kept, a manager has yet to approve it.
    WAITING = "waiting"
    #: Accepted and held; nothing was sent to Runware yet, so it can still be cancelled.
    QUEUED = "queued"
    #: The time of the first POST is committed; whether Runware has the task is not known yet.
    SUBMITTING = "submitting"
    #: Runware has the task.
    SUBMITTED = "submitted"
    #: Over, with one result or more.
    SUCCEEDED = "succeeded"
    #: Over, without a result, and Runware said why.
    FAILED = "failed"
    #: Over, because Runware did not answer in time. A late success is still recorded.
    EXPIRED = "expired"
    #: Over, before anything was sent.
    CANCELLED = "cancelled"


#: The state machine, drawn once: for each status, the statuses from which a job may move to it.
MOVES: Final[Mapping[Status, frozenset[Status]]] = {
    Status.WAITING: frozenset(),
    Status.QUEUED: frozenset({Status.WAITING}),
    Status.SUBMITTING: frozenset({Status.QUEUED}),
    Status.SUBMITTED: frozenset({Status.SUBMITTING}),
    Status.SUCCEEDED: frozenset({Status.SUBMITTING, Status.SUBMITTED, Status.EXPIRED}),
    Status.FAILED: frozenset({Status.QUEUED, Status.SUBMITTING, Status.SUBMITTED}),
    Status.EXPIRED: frozenset({Status.SUBMITTING, Status.SUBMITTED}),
    Status.CANCELLED: frozenset({Status.WAITING, Status.QUEUED}),
}

#: A job in one of these still owes its asker an answer.
OPEN: Final = frozenset({Status.WAITING, Status.QUEUED, Status.SUBMITTING, Status.SUBMITTED})
#: A job in one of these is decided; only ``expired`` may still become ``succeeded``.
OVER: Final = frozenset(Status) - OPEN


@dataclass(frozen=True, slots=True)
class Asker:
    """A member of one server: who asks, and so whose quota is held."""

    guild_id: int
    user_id: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where an edit was asked for, and the bot's reply there.

    ``thread_id`` is the thread the edit was asked in, or ``None`` when one is still to be made from the reply.
    ``public`` tells whether everyone who reads the parent channel may read this place too (false for a private thread).
    """

    channel_id: int
    reply_id: int
    thread_id: int | None = None
    public: bool = True


@dataclass(frozen=True, slots=True)
class Reference:
    """One input picture of a request: our prepared copy, by the SHA-256 of its bytes (lower-case hex)."""

    sha256: str
    width: int
    height: int
    #: The file name or label shown to people, such as ``cat.png`` or ``#12``.
    label: str
    #: The result it is, when it is one of ours.
    result_id: int | None = None
    #: The alt text that came with it, if any.
    description: str | None = None


@dataclass(frozen=True, slots=True)
class EditRequest:
    """What a person asked for, already checked (``bot.options`` builds it). Values the person left out are ``None``."""

    prompt: str
    references: tuple[Reference, ...]
    width: int
    height: int
    seed: int
    results: int = 1
    steps: int = 30
    negative: str | None = None
    cfg: float | None = None
    true_cfg: float | None = None
    scheduler: str | None = None
    #: The result this edit starts from.
    parent_id: int | None = None
    #: Runware's content check: ``fast``, or ``none`` where a manager lowered it.
    safety: str = "fast"

    def to_json(self) -> str:
        """Return the stored form; :meth:`from_json` reads it back."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> EditRequest:
        """Read what :meth:`to_json` wrote."""
        fields: dict[str, Any] = json.loads(text)
        fields["references"] = tuple(Reference(**reference) for reference in fields["references"])
        return cls(**fields)

    def with_seed(self, seed: int) -> EditRequest:
        """Return the same request with another seed."""
        return replace(self, seed=seed)


@dataclass(frozen=True, slots=True)
class Job:
    """Our durable row: one per request. ``task_uuid`` is made by us, once, with the job."""

    id: int
    task_uuid: str
    account_id: int
    #: The asker's Discord id, or ``None`` once the person was forgotten.
    user_id: int | None
    guild_id: int
    place: Place
    #: The message that shows the status, once it was posted; and the thread it is in.
    status_message_id: int | None
    request: EditRequest
    status: Status
    #: Bumped by every change that people should see.
    version: int
    #: What is kept back for it, in micro-dollars: an upper bound of its cost.
    hold: int
    #: What it cost, in micro-dollars, once settled; ``None`` while unknown.
    cost: int | None
    #: True when no cost ever came and the estimate was booked instead.
    estimated: bool
    created_at: int
    #: When it was first sent to Runware: committed before the POST.
    first_post_at: int | None
    submitted_at: int | None
    ended_at: int | None
    #: When the hold ended (settled or released).
    settled_at: int | None
    #: Runware's code of the failure, or one of ours; the operator's word, never shown alone.
    error_code: str | None
    #: When everything about its end was posted.
    announced_at: int | None
    #: When the bot gave up to post it anywhere.
    undeliverable_at: int | None
    #: How often announcing failed in a row.
    notice_tries: int

    @property
    def over(self) -> bool:
        """Whether the job is decided."""
        return self.status in OVER

    @property
    def cost_pending(self) -> bool:
        """Whether it succeeded and Runware has not yet said what it cost."""
        return self.status is Status.SUCCEEDED and self.cost is None


@dataclass(frozen=True, slots=True)
class Result:
    """One picture of a job. Its ``id`` is the short id people see as ``#12``."""

    id: int
    job_id: int
    image_uuid: str
    #: 0 for the first picture that arrived.
    position: int
    seed: int | None
    #: As Runware reported it, in micro-dollars; ``None`` when absent or 0, which mean unknown.
    cost: int | None
    #: Flagged by Runware's content check: recorded and paid, shown nowhere.
    nsfw: bool
    #: Where Runware keeps it for a while.
    url: str
    #: Our own copy, once it was made.
    sha256: str | None
    media_type: str | None
    width: int | None
    height: int | None
    recorded_at: int
    #: Why there will never be a copy: ``refused_host``, ``gone`` or ``not_a_picture``.
    lost: str | None
    #: Taken down by its asker or a moderator.
    deleted_at: int | None
    #: The message that shows it.
    channel_id: int | None
    message_id: int | None

    @property
    def short_id(self) -> str:
        """Return the id as people read and type it."""
        return f"#{self.id}"

    @property
    def usable(self) -> bool:
        """Whether there is a picture that may be shown and edited."""
        return self.sha256 is not None and not self.nsfw and self.deleted_at is None


class AnnouncementKind(StrEnum):
    """What a message says about the end of a job."""

    RESULTS = "results"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Announcement:
    """One message to post about a job's end: (job, index). Marked after its post."""

    job_id: int
    index: int
    kind: AnnouncementKind
    #: Ids of the results it shows (empty unless ``kind`` is ``results``).
    result_ids: tuple[int, ...]
    #: How often a post was begun; above 0 with ``posted_at`` unset, the fate of the last one is unknown.
    tries: int
    posted_at: int | None
    channel_id: int | None
    message_id: int | None
    #: Every way out was shut: shown to the asker at their next command.
    kept: bool


class Scope(StrEnum):
    """Whose allowance it is."""

    MEMBER = "member"
    SERVER = "server"
    BOT = "bot"


@dataclass(frozen=True, slots=True)
class Allowance:
    """A limit in micro-dollars over one window, and how much of it is used."""

    id: int
    scope: Scope
    limit: int
    spent: int
    held: int
    #: The window [from, until), in milliseconds since the epoch.
    window_start: int
    resets_at: int

    @property
    def left(self) -> int:
        """Return what may still be held, never below 0."""
        return max(0, self.limit - self.spent - self.held)


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


# What Runware said of a task or of one of its items -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Success:
    """One finished picture, as Runware described it."""

    task_uuid: str
    image_uuid: str
    url: str
    seed: int | None
    #: Micro-dollars, rounded up once at the wire; ``None`` when absent or 0.
    cost: int | None
    nsfw: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed item, or a failed task."""

    #: ``None`` when Runware named no task.
    task_uuid: str | None
    code: str
    message: str
    #: The parameters Runware blamed.
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Processing:
    """An item that Runware is still working on."""

    task_uuid: str


Outcome = Success | Failure | Processing
