"""Results that many people gave a star: each is posted once more, in a channel that managers chose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bot.signals import Signal, seconds_until
from storage import jobs, lineage, servers, showcase
from storage.database import Database, Tx
from storage.lineage import Step
from storage.records import Job
from storage.windows import MINUTE

#: After so many failures a post is given up.
_TRIES: Final = 8
#: The longest time without a look at the table, in seconds, in case a signal was lost.
_IDLE: Final = 30.0


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A result to post, with everybody who had a part in it."""

    step: Step
    job: Job
    #: The channel that managers chose; ``None`` where they chose none any more.
    channel_id: int | None
    #: The way to it, the first picture first.
    way: tuple[Step, ...]
    tries: int


class Showcase:
    """What is to be posted; the loop that posts pulls from here."""

    def __init__(self, database: Database, signal: Signal, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._signal = signal
        self._clock = clock

    async def due(self) -> list[Exhibit]:
        """Return what is to be posted now, longest due first."""
        return await self._database.read(_due, self._clock())

    async def done(self, exhibit: Exhibit) -> None:
        """Record that a result was posted, or never can be."""
        await self._database.run(showcase.done, exhibit.step.result.id)

    async def later(self, exhibit: Exhibit) -> bool:
        """Put a post off, each time for longer; returns whether there is another try."""
        if exhibit.tries + 1 >= _TRIES:
            return False
        at = self._clock() + MINUTE * 2**exhibit.tries
        await self._database.run(showcase.later, exhibit.step.result.id, at)
        return True

    async def wait(self) -> None:
        """Wait until something may be due."""
        following = await self._database.read(showcase.next_due)
        pause = seconds_until(following, self._clock(), most=_IDLE)
        await self._signal.wait(pause)


async def _due(tx: Tx, now: int) -> list[Exhibit]:
    found: list[Exhibit] = []
    for entry in await showcase.due(tx, now):
        back = await lineage.ancestors(tx, entry.result_id)
        way = await lineage.steps(tx, back[::-1])
        if not way:
            continue
        job = await jobs.known(tx, way[-1].result.job_id)
        server = await servers.get(tx, job.guild_id)
        found.append(Exhibit(way[-1], job, server.showcase_channel_id, tuple(way), entry.tries))
    return found
