"""The vocabulary that every layer speaks: frozen records, the status of a job and its legal moves.

Money is whole micro-dollars (1 USD = 1,000,000), times are whole milliseconds since the epoch (UTC), Discord's
snowflakes are plain ``int``. Nothing here does I/O.
"""

from storage.records._jobs import (
    MOVES,
    OPEN,
    OVER,
    Announcement,
    AnnouncementKind,
    Asker,
    Job,
    Place,
    Result,
    Status,
)
from storage.records._money import (
    MICROS_PER_DOLLAR,
    Allowance,
    Basis,
    Entry,
    EntryKind,
    Grant,
    Measure,
    Pause,
    Price,
    Scope,
    Source,
    Standing,
)
from storage.records._outcomes import (
    Copy,
    Failure,
    Outcome,
    Processing,
    Success,
)
from storage.records._people import Author, Consent, Origin
from storage.records._requests import (
    Acceleration,
    EditRequest,
    FaceFix,
    Lora,
    Reference,
)
from storage.records._servers import (
    NOTHING,
    Bound,
    House,
    Server,
    says_nothing,
)
from storage.records._together import (
    Access,
    Membership,
    Proposal,
    Round,
    RoundState,
    Session,
    SessionState,
)

__all__ = [
    "MICROS_PER_DOLLAR",
    "MOVES",
    "NOTHING",
    "OPEN",
    "OVER",
    "Acceleration",
    "Access",
    "Allowance",
    "Announcement",
    "AnnouncementKind",
    "Asker",
    "Author",
    "Basis",
    "Bound",
    "Consent",
    "Copy",
    "EditRequest",
    "Entry",
    "EntryKind",
    "FaceFix",
    "Failure",
    "Grant",
    "House",
    "Job",
    "Lora",
    "Measure",
    "Membership",
    "Origin",
    "Outcome",
    "Pause",
    "Place",
    "Price",
    "Processing",
    "Proposal",
    "Reference",
    "Result",
    "Round",
    "RoundState",
    "Scope",
    "Server",
    "Session",
    "SessionState",
    "Source",
    "Standing",
    "Status",
    "Success",
    "says_nothing",
]
