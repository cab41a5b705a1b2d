"""People and their pictures: who may edit them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Consent(StrEnum):
    """Who may edit a person's pictures, beside that person."""

    ANYONE = "anyone"
    #: Whoever edits in the session in which the picture stands.
    SESSION = "session"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Where a picture was posted: a thread, and the channel it is in.

    In a channel it is the thread that the message may have, which has its id. ``thread_id`` 0 is nowhere yet, and
    ``channel_id`` 0 is no channel at all, as for an avatar.
    """

    channel_id: int = 0
    thread_id: int = 0


@dataclass(frozen=True, slots=True)
class Author:
    """Somebody whose picture it is, what they say about editing it, and where they posted it."""

    account_id: int
    #: Discord's id of the person, or ``None`` once they were forgotten.
    user_id: int | None
    #: What they said themselves; ``None`` leaves it to the server.
    consent: Consent | None
    origins: frozenset[Origin] = frozenset()
    #: The result that it is, or is a copy of, and that they keep as it is.
    closed: int | None = None
