"""Sessions and rounds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
