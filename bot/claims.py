"""Who is writing an edit of which picture: told to others for a short time, so that nobody pays for one idea twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bot.signals import Signals, seconds_until
from storage import accounts, announcements, claims, lineage, results
from storage.claims import Claim
from storage.database import Database, Tx
from storage.records import Asker, Job, Scope
from storage.windows import MINUTE

#: A claim is told for so long, in milliseconds, unless its edit is asked for sooner.
CLAIM_LIFE: Final = 3 * MINUTE
#: The longest time without a look at the table, in seconds, in case a signal was lost.
_IDLE: Final = 30.0


@dataclass(frozen=True, slots=True)
class Others:
    """What others do with a picture at the moment."""

    #: Who is writing an edit of it, who began first first.
    writing: tuple[Claim, ...]
    #: The edits of it that are being made, oldest first.
    running: tuple[Job, ...]


class Claims:
    """Claims on results. None of them ever keeps anybody from editing."""

    def __init__(self, database: Database, signals: Signals, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._signals = signals
        self._clock = clock

    async def begin(self, asker: Asker, result_id: int) -> Others:
        """Claim a result for a short time; returns what others do with it. Of two at once, the second sees the first."""
        others = await self._database.run(_begin, asker, result_id, self._clock())
        self._signals.claims.set()
        self._signals.notices.set()
        return others

    async def others(self, asker: Asker, result_id: int) -> Others:
        """Return what others do with a result, without a claim: for who writes where others cannot read."""
        return await self._database.read(_others, asker, result_id, self._clock())

    async def writing(self, job_id: int) -> list[Claim]:
        """Return who is writing an edit of a job's results now."""
        return await self._database.read(claims.of_job, job_id, self._clock())

    async def run(self) -> None:
        """Take claims away whose time is over, without end."""
        while True:
            if await self.expire():
                self._signals.notices.set()
            await self._signals.claims.wait(await self._pause())

    async def expire(self) -> int:
        """Take claims away whose time is over; returns on how many results."""
        return await self._database.run(_expire, self._clock())

    async def _pause(self) -> float:
        following = await self._database.read(claims.next_end)
        return seconds_until(following, self._clock(), most=_IDLE)


async def _begin(tx: Tx, asker: Asker, result_id: int, now: int) -> Others:
    account_id = await accounts.ensure(tx, Scope.MEMBER, now, asker.guild_id, asker.user_id)
    result = await results.lock(tx, result_id)
    if result is None:
        return Others((), ())
    others = await _others(tx, asker, result_id, now)
    await claims.begin(tx, result_id, account_id, now, now + CLAIM_LIFE)
    await announcements.refresh(tx, result.job_id, now)
    return others


async def _others(tx: Tx, asker: Asker, result_id: int, now: int) -> Others:
    writing = [claim for claim in await claims.of_result(tx, result_id, now) if claim.user_id != asker.user_id]
    return Others(tuple(writing), tuple(await lineage.open_edits(tx, result_id)))


async def _expire(tx: Tx, now: int) -> int:
    expired = await claims.expire(tx, now)
    for result_id in expired:
        result = await results.get(tx, result_id)
        if result is not None:
            await announcements.refresh(tx, result.job_id, now)
    return len(expired)
