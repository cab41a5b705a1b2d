"""Tasks and their items: what the service remembers of an imageInference, its seeds and its price."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal

from playground.runware.problems import Problem
from playground.runware.wire import Object

#: The published bound of seeds is 2^63-1 after JavaScript's rounding (section 2); ours wrap at the exact one.
_SEEDS: Final = 2**63
_RANDOM_SEEDS: Final = 2**32

#: What an unset parameter counts as; the model's own defaults are not published.
DEFAULT_STEPS: Final = 30
DEFAULT_SIDE: Final = 1024

#: A prompt that holds this word is flagged when the task's safety check is on.
UNSAFE_WORD: Final = "unsafe-test"


@dataclass(slots=True)
class Item:
    """One of a task's ``numberResults`` pictures."""

    seed: int
    cost: Decimal
    image_uuid: str
    status: Literal["processing", "success", "error"] = "processing"
    #: Why it will fail, or has failed.
    problem: Problem | None = None
    #: Another item of the same task tells the problem.
    silent: bool = False
    #: ``NSFWContent``; ``None`` while the safety check is off.
    flagged: bool | None = None

    def end(self) -> None:
        """Let it be over: failed if it has a problem, else done."""
        if self.status == "processing":
            self.status = "error" if self.problem else "success"


@dataclass(eq=False)
class Task:
    """An accepted imageInference."""

    request: Object
    items: list[Item]
    #: Set when every item has succeeded or failed; deliveries may still be under way.
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    #: Set when nothing more will happen for this task.
    settled: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def accept(cls, request: Object, rng: random.Random) -> Task:
        """Make the task of a checked request, its seeds drawn and its price known."""
        items = [
            Item(seed, price(request, seed), str(uuid.UUID(int=rng.getrandbits(128), version=4)))
            for seed in draw_seeds(request, rng)
        ]
        return cls(request, items)

    @property
    def uuid(self) -> str:
        """The ``taskUUID``, which the client made."""
        return self.request["taskUUID"]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its pictures."""
        return size_of(self.request)

    @property
    def checked(self) -> bool:
        """Whether the safety check is on: ``safety.mode`` beats ``checkContent`` (section 2)."""
        safety: Object = self.request.get("safety", {})
        return safety.get("mode", "fast" if safety.get("checkContent") else "none") == "fast"

    @property
    def webhook(self) -> str | None:
        """Where its results are called out, if anywhere."""
        return self.request.get("webhookURL")

    def problems(self) -> Iterator[Problem]:
        """The errors of its failed items, as they are told."""
        return (item.problem for item in self.items if item.status == "error" and item.problem and not item.silent)


def size_of(request: Object) -> tuple[int, int]:
    """Width and height of a checked request."""
    return request.get("width", DEFAULT_SIDE), request.get("height", DEFAULT_SIDE)


def draw_seeds(request: Object, rng: random.Random) -> list[int]:
    """One distinct seed for each item: a given one is echoed and counted up, else unsigned 32 bit (section 13)."""
    number: int = request.get("numberResults", 1)
    first: int | None = request.get("seed")
    if first is None:
        return rng.sample(range(_RANDOM_SEEDS), number)
    return [first, *((first + step) % _SEEDS for step in range(1, number))]


def price(request: Object, seed: int) -> Decimal:
    """Dollars for one item: compute time, so steps, pixels and references, fitted to the page's examples (section 4).

    A few per cent more or less by the seed, as the true price is not known beforehand; four decimals, as the page has.
    """
    width, height = size_of(request)
    references: list[str] = request["inputs"]["referenceImages"]
    work = 0.0144 * width * height / 1_000_000 + 0.0165 * len(references)
    jitter = random.Random(seed).uniform(0.97, 1.03)
    dollars = request.get("steps", DEFAULT_STEPS) / 32 * work * jitter
    return max(Decimal("0.0001"), round(Decimal(dollars), 4))
