"""The fault plan: what single requests meet in place of their answer."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """What one request meets."""

    #: The status of the answer; 0 drops the connection without one.
    status: int = 0
    #: Discord's code beside it.
    code: int = 0
    #: The request is carried out all the same; only its answer is lost.
    handled: bool = False
    #: The seconds to wait that a 429 names.
    retry_after: float = 0.05
    #: The seconds until anything is answered at all.
    seconds: float = 0
    #: Whether a 429 comes from Discord, or from what stands before it, which has no ``Via`` and no JSON.
    via: bool = True


class Faults:
    """Faults by method and path, each met by one request, in the order they were planned."""

    def __init__(self) -> None:
        self._planned: list[tuple[str, re.Pattern[str], Fault]] = []

    def plan(self, method: str, path: str, *faults: Fault) -> None:
        """Have the next requests whose path matches the pattern meet these faults, one each."""
        self._planned += [(method, re.compile(path), fault) for fault in faults]

    def take(self, method: str, path: str) -> Fault | None:
        """Return what this request meets, and strike it off the plan."""
        for index, (planned, pattern, fault) in enumerate(self._planned):
            if planned == method and pattern.fullmatch(path):
                del self._planned[index]
                return fault
        return None

    @property
    def left(self) -> int:
        """How many faults nothing has met yet."""
        return len(self._planned)
