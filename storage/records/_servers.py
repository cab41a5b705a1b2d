"""What the managers of a server have set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from storage.records._people import Consent


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
    #: Who may edit the pictures of those who said nothing about it.
    consent: Consent = Consent.ANYONE


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
