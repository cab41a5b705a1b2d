"""What Runware said of a task or of one of its items."""

from __future__ import annotations

from dataclasses import dataclass, field


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
