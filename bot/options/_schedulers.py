"""The 75 schedulers: by name, as they are typed, and by family."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

from bot.errors import BadOption
from bot.options._texts import shown, squeezed
from bot.runware.schema import SCHEDULERS

#: Discord shows no more choices than this.
MAX_CHOICES: Final = 25

_BY_NAME: Final = {name.casefold(): name for name in SCHEDULERS}
#: Families in the order in which they are offered, each with what its members' names hold. The first that fits counts.
_FAMILIES: Final = (
    ("Euler", ("Euler",)),
    ("DPM++ 2M", ("DPM++ 2M",)),
    ("DPM++ 3M", ("DPM++ 3M",)),
    ("DPM++ SDE", ("DPM++ SDE",)),
    ("DPM++", ("DPM++",)),
    ("UniPC", ("UniPC",)),
    ("Heun, LMS and PNDM", ("Heun", "LMS", "PNDM")),
    ("DPM solvers", ("DPM2", "DPMSolver")),
    ("DDIM, LCM and others", ("",)),
)


def parse_scheduler(text: str | None) -> str | None:
    """Return the scheduler as Runware spells it (case and blanks matter there), or ``None`` if none was named."""
    typed = squeezed(text or "")
    if not typed:
        return None
    if typed in _BY_NAME:
        return _BY_NAME[typed]
    near = [_BY_NAME[name] for name in get_close_matches(typed[:100], _BY_NAME, n=1)]
    hint = f"did you mean {near[0]}?" if near else "pick one from the list, or leave it out."
    raise BadOption("scheduler", f"`scheduler` is one of {len(SCHEDULERS)} names, and {shown(text)} is not; {hint}")


def scheduler_choices(typed: str) -> list[str]:
    """Return up to 25 schedulers that contain every word typed, those that begin so first."""
    wanted = squeezed(typed)
    words = wanted.split()
    found = [name for name in SCHEDULERS if all(word in name.casefold() for word in words)]
    return sorted(found, key=lambda name: not name.casefold().startswith(wanted))[:MAX_CHOICES]


def scheduler_families() -> Mapping[str, tuple[str, ...]]:
    """Return every scheduler, each in one family; a family has at most 25, so that a menu can offer it."""
    families: dict[str, list[str]] = {family: [] for family, _ in _FAMILIES}
    for name in SCHEDULERS:
        families[next(family for family, parts in _FAMILIES if any(part in name for part in parts))].append(name)
    return {family: tuple(names) for family, names in families.items()}


def is_stochastic(scheduler: str) -> bool:
    """Tell whether a scheduler draws new noise at each step (SDE and ancestral ones), which caching works badly with."""
    return "SDE" in scheduler or "Ancestral" in scheduler or scheduler == "Euler a"
