"""The vocabulary that every layer speaks: frozen records, the status of a job and its legal moves.

Money is whole micro-dollars (1 USD = 1,000,000), times are whole milliseconds since the epoch (UTC), Discord's
snowflakes are plain ``int``. Nothing here does I/O.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from storage.windows import Stretch, Window

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
class Lora:
    """A small add-on to the model."""

    #: Its AIR identifier, as Runware's model search names it.
    model: str
    #: From -4 to 4 in steps of 0.01; 0 has no effect, below 0 steers away. Left out, it is 1.
    weight: float | None = None
    #: ``high``, ``low`` or ``both``: the stage of the transformer, which only two-stage models have.
    stage: str | None = None


@dataclass(frozen=True, slots=True)
class Acceleration:
    """Caching between steps: faster, at some loss. What the person left out is ``None``."""

    #: The range in which steps may be cached: in steps, or in percent of them, never in both.
    cache_start: int | None = None
    cache_end: int | None = None
    cache_start_percent: int | None = None
    cache_end_percent: int | None = None
    cache_in_a_row: int | None = None
    fb_cache: bool | None = None
    fb_threshold: float | None = None
    tea_cache: bool | None = None
    tea_distance: float | None = None
    db_cache: bool | None = None
    db_threshold: float | None = None
    db_skip: int | None = None


@dataclass(frozen=True, slots=True)
class FaceFix:
    """Face enhancement, which Runware documents for other models than this one. What was left out is ``None``."""

    prompt: str | None = None
    negative: str | None = None
    steps: int | None = None
    cfg: float | None = None
    strength: float | None = None
    confidence: float | None = None
    blur: int | None = None
    padding: int | None = None


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
    #: ``JPG``, ``PNG`` or ``WEBP``, and how little it loses (20 to 99).
    output_format: str | None = None
    output_quality: int | None = None
    loras: tuple[Lora, ...] = ()
    acceleration: Acceleration = field(default_factory=Acceleration)
    face: FaceFix = field(default_factory=FaceFix)

    def to_json(self) -> str:
        """Return the stored form; :meth:`from_json` reads it back."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> EditRequest:
        """Read what :meth:`to_json` wrote, in an earlier version too: what it did not know yet was left out."""
        fields: dict[str, Any] = json.loads(text)
        fields["references"] = tuple(Reference(**reference) for reference in fields["references"])
        fields["loras"] = tuple(Lora(**lora) for lora in fields.get("loras", ()))
        fields["acceleration"] = Acceleration(**fields.get("acceleration", {}))
        fields["face"] = FaceFix(**fields.get("face", {}))
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


@dataclass(frozen=True, slots=True)
class Server:
    """What managers have set for a server; the defaults where they have set nothing."""

    guild_id: int
    #: A name of the IANA time zone database, such as ``Europe/Berlin``.
    time_zone: str = "UTC"
    #: Who may manage budgets beside those with Manage Server.
    manager_role_id: int | None = None
    #: Where alerts go.
    alert_channel_id: int | None = None
    #: Micro-dollars: an edit that is expected to cost more asks its asker, or waits for a manager.
    confirm_above: int | None = None
    approve_above: int | None = None
    #: Where results are posted once that so many people gave a star.
    showcase_channel_id: int | None = None
    showcase_stars: int = 3


#: What people type to leave an option to the model, whatever their server would fill in.
NOTHING: Final = "none"
_NOTHINGS: Final = frozenset({NOTHING, "-"})


def says_nothing(value: object) -> bool:
    """Tell whether somebody said of an option that nothing should stand for it; left out, the server's default would."""
    return isinstance(value, str) and value.strip().casefold() in _NOTHINGS


@dataclass(frozen=True, slots=True)
class Bound:
    """What a server lets a number of an edit be, within what the model takes; ``None`` is no bound of its own."""

    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class House:
    """A server's own rules for edits: what it fills in, what it bounds, and what it lets in.

    Options are named as people type them (``bot.options``).
    """

    guild_id: int = 0
    #: What stands for an option that a person leaves out, as JSON holds it.
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])
    bounds: Mapping[str, Bound] = field(default_factory=dict[str, Bound])
    #: The LoRAs that may be used, by AIR, with the names that people know them by.
    loras: Mapping[str, str] = field(default_factory=dict[str, str])
    #: Age-restricted channels for which a manager has switched Runware's content check off.
    unchecked: frozenset[int] = frozenset()

    def filled(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values with the server's own where an option was left out.

        What is said to be nothing is left to the model, with a default or without one. A prompt is never nothing.
        """
        filled = {**self.defaults, **{name: value for name, value in values.items() if value is not None}}
        return {name: value for name, value in filled.items() if name == "prompt" or not says_nothing(value)}


class Access(StrEnum):
    """Who may edit in a session."""

    OPEN = "open"
    #: Those its owner invited.
    INVITED = "invited"
    #: Those who have a role, and those who were invited.
    ROLE = "role"


class SessionState(StrEnum):
    """Whether a session goes on."""

    OPEN = "open"
    #: Its owner and moderators go on alone.
    LOCKED = "locked"
    #: Nobody goes on, until it is opened again.
    CLOSED = "closed"


class Membership(StrEnum):
    """What the owner of a session said of a person."""

    INVITED = "invited"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Session:
    """One thread's edits, and the people in it. People are named by their accounts."""

    id: int
    guild_id: int
    #: The thread's parent.
    channel_id: int
    #: The thread; where none could be made, the reply that it would hang on.
    thread_id: int
    #: Whether everyone who reads the channel may read the thread too.
    public: bool
    owner_id: int
    access: Access
    #: Whose holders may edit, where the access is by role.
    role_id: int | None
    state: SessionState
    created_at: int
    closed_at: int | None


class RoundState(StrEnum):
    """How a round stands, or how it ended."""

    OPEN = "open"
    #: The winner became a job.
    WON = "won"
    #: Several proposals have the most votes.
    TIED = "tied"
    #: Fewer people voted than the quorum.
    FEW = "few"
    #: Nobody proposed anything.
    SILENT = "silent"
    #: The winner could not be made; the round says why.
    REFUSED = "refused"
    #: Somebody who may ended it early, or its session was closed.
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Round:
    """A timed vote about what to do with a result next."""

    id: int
    session_id: int
    result_id: int
    #: The account of who opened it.
    opener_id: int
    #: The message that shows it, in the session's thread.
    message_id: int
    #: So many people have to vote.
    quorum: int
    opened_at: int
    ends_at: int
    state: RoundState
    #: The proposal that won.
    winner_id: int | None
    #: What it became.
    job_id: int | None
    #: Why the winner was not made, in words.
    reason: str | None
    #: When the thread was told how it ended.
    told_at: int | None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A prompt that somebody proposes in a round."""

    id: int
    account_id: int
    #: Discord's id of who proposed it, while known.
    user_id: int | None
    prompt: str
    votes: int


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


# What Runware said of a task or of one of its items -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Copy:
    """Our copy of a result, which stands in the picture store."""

    sha256: str
    media_type: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Success:
    """One finished picture, as Runware described it."""

    task_uuid: str
    image_uuid: str
    #: Empty when there is none.
    url: str
    seed: int | None
    #: Micro-dollars, rounded up once at the wire; ``None`` when absent or 0.
    cost: int | None
    nsfw: bool = False
    #: The picture itself as base64 or a data URI, where it came in place of an address; ``bot.inline`` takes it out.
    inline: str | None = field(default=None, repr=False)
    #: What became of such a picture: our copy, or why there is none, as :attr:`Result.lost` has it.
    copy: Copy | None = None
    lost: str | None = None


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
