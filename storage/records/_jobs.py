"""Jobs and their results: where they stand, where they were asked for, and what Discord has heard of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from storage.records._money import Basis, Source
from storage.records._requests import EditRequest


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
    #: The roles the member has now, among them the server's own id: everybody's role.
    role_ids: frozenset[int] = frozenset()
    #: Whether they manage messages where they act: a session shuts them out of nothing but its being closed.
    moderates: bool = False


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
    #: The member who made the thread, where one did: the first edit there makes them the owner of its session.
    host_id: int | None = field(default=None, compare=False)


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
    #: What it was expected to cost when it was asked for, in micro-dollars, and what that was learned from.
    estimate: int = 0
    basis: Basis = field(default_factory=lambda: Basis(Source.EXAMPLES))
    session_id: int = 0
    #: A round chose it: its asker proposed it, and the pool of the thread pays all of it.
    pooled: bool = False
    #: It is a cell of a sweep, whose card tells where it stands.
    sweep_id: int | None = None
    #: What Runware said beside the code, on one line and harmless (``bot.runware.errors.reason``).
    error_message: str | None = None

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
    #: Where Runware keeps it for a while; empty where it came without an address.
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
    #: How many people gave it a star.
    stars: int = 0
    #: Since when whoever asked for it keeps it as it is, so that nobody else edits it.
    closed_at: int | None = None

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
