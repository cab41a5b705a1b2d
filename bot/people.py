"""What a person may ask of the bot about themselves: to be told all that it knows of them, and to be forgotten.

Both reach every server, for a person has an account in each. Forgetting is one unit of work for an account: what breaks off
between two accounts is finished when they ask once more, and asking again changes nothing.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from bot import retention
from bot.errors import TooLate
from bot.pictures import Pictures
from bot.settings import Settings
from bot.signals import Signals, seconds_until
from storage import announcements, forgetting, leftovers, people
from storage.database import Database
from storage.forgetting import Forgotten, Pace, StillAtRunware
from storage.leftovers import Leftover
from storage.people import PARTS, Account, OwnPicture, Part
from storage.windows import MINUTE

log = logging.getLogger(__name__)

#: After so many failures a message is left as it is.
MAX_TRIES: Final = 8
#: The longest pause after a failure, and the pause after what may pass, in milliseconds.
_LONGEST_PAUSE: Final = 5 * MINUTE
_PASSING: Final = MINUTE
#: The longest time without a look at the table, in seconds, in case a signal was lost.
_IDLE: Final = 5.0
#: Columns that hold JSON as text.
_JSON: Final = frozenset(
    {"request", "axes", "typed", "pictures", "found", "reference", "options", "facts", "errors_seen"}
)
#: The largest whole number that everything that reads JSON takes as it is.
_EXACT: Final = 2**53


@dataclass(frozen=True, slots=True)
class Told:
    """Some rows of what is known of a person in one server, readable."""

    guild_id: int
    part: Part
    rows: list[dict[str, Any]]


class People:
    """The use cases behind ``/privacy export`` and ``/privacy forget``."""

    def __init__(
        self,
        database: Database,
        store: Pictures,
        signals: Signals,
        settings: Settings,
        *,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._pictures = store
        self._signals = signals
        self._clock = clock
        self._expire = int(settings.expire_minutes * MINUTE)
        self._card_interval = int(settings.card_interval_seconds * 1000)
        self._retry = int(settings.announce_retry_seconds * 1000)

    # telling -----------------------------------------------------------------------------------------------

    async def told(self, user_id: int) -> AsyncGenerator[Told]:
        """Yield all that is known of a person, a page at a time, so that little of it is in memory at once."""
        async for account in self._accounts(user_id):
            for part in PARTS:
                after = part.start
                while rows := await self._database.read(people.page, part, account.id, after):
                    after = tuple(rows[-1][column] for column in part.key)
                    yield Told(account.guild_id, part, [readable(row) for row in rows])

    async def pictures(self, user_id: int) -> list[OwnPicture]:
        """Return the pictures of a person: each file they gave and each result of theirs, once."""
        found: dict[str, OwnPicture] = {}
        async for account in self._accounts(user_id):
            for picture in await self._database.read(people.pictures_of, account.id):
                found.setdefault(picture.sha256, picture)
        return list(found.values())

    async def _accounts(self, user_id: int) -> AsyncGenerator[Account]:
        after = 0
        while page := await self._database.read(people.accounts_of, user_id, after):
            for account in page:
                yield account
            after = page[-1].id

    # forgetting --------------------------------------------------------------------------------------------

    async def check(self, user_id: int) -> None:
        """Refuse what :meth:`forget` would refuse. Raises TooLate."""
        async for account in self._accounts(user_id):
            try:
                await self._database.read(forgetting.check, account.id)
            except StillAtRunware as still:
                raise self._later(still) from None

    async def forget(self, user_id: int) -> int:
        """Forget a person in every server; returns in how many they were known.

        Raises:
            TooLate: an edit of theirs is at Runware. Where it went there only just now, some servers may have forgotten
                them already; the rest does when they ask again.
        """
        await self.check(user_id)
        known = [account async for account in self._accounts(user_id)]  # who comes back meanwhile is somebody new
        began, hashes = time.monotonic(), set[str]()
        try:
            for account in known:
                hashes.update((await self._forget(account)).hashes)
        finally:  # what is forgotten is forgotten, whatever became of the rest
            self._wake()
            await retention.remove(self._database, self._pictures, sorted(hashes), began)
        log.info("somebody was forgotten in %d servers", len(known))
        return len(known)

    async def _forget(self, account: Account) -> Forgotten:
        pace = Pace(self._clock(), announcements.APART, self._card_interval)
        try:
            return await self._database.run(forgetting.forget, account.id, pace)
        except StillAtRunware as still:
            raise self._later(still) from None

    def _wake(self) -> None:
        signals = self._signals
        for signal in (
            signals.notices,
            signals.rounds,
            signals.sweeps,
            signals.queue,
            signals.leftovers,
            signals.removals,
        ):
            signal.set()

    def _later(self, still: StillAtRunware) -> TooLate:
        left = max(1, -(-(still.first_post_at + self._expire - self._clock()) // MINUTE))
        minutes = "a minute" if left == 1 else f"{left} minutes"
        return TooLate(
            f"An edit of yours is at Runware and will be back within {minutes}. Until then I need what it was made of: "
            "ask again after that."
        )

    # messages that show what they wrote or gave ------------------------------------------------------------

    async def due(self) -> list[Leftover]:
        """Return messages that are to change now."""
        return await self._database.read(leftovers.due, self._clock())

    async def done(self, leftover: Leftover) -> None:
        """Record that a message was changed, or never can be."""
        await self._database.run(leftovers.done, leftover.message_id)

    async def later(self, leftover: Leftover, *, passing: bool = False) -> bool:
        """Change a message after a while of its own, doubling each time; returns whether it is tried again at all.

        ``passing``: what hinders it may pass, such as an outage or Discord's bound on changes of an older message. That
        counts as no failure, however long it lasts: what is to go does not stay for it.
        """
        if not passing and leftover.tries + 1 >= MAX_TRIES:
            await self.done(leftover)
            return False
        pause = _PASSING if passing else min(_LONGEST_PAUSE, self._retry * 2**leftover.tries)
        await self._database.run(leftovers.later, leftover.message_id, self._clock() + pause, failed=not passing)
        return True

    async def wait(self) -> None:
        """Wait until a message may be due."""
        following = await self._database.read(leftovers.next_due)
        await self._signals.leftovers.wait(seconds_until(following, self._clock(), most=_IDLE))


def readable(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as people read it: times as such, JSON taken apart, and numbers that any program reads exactly."""
    return {name: _readable(name, value) for name, value in row.items()}


def _readable(name: str, value: Any) -> Any:  # noqa: ANN401 - whatever a column holds
    if isinstance(value, list):
        return [readable(row) for row in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, str) and name in _JSON:
        return json.loads(value)
    if isinstance(value, int):
        if name == "at" or name.endswith("_at"):
            return datetime.fromtimestamp(value / 1000, UTC).isoformat(timespec="milliseconds")
        if name == "day":
            return date.fromordinal(value).isoformat() if value > 0 else None
        return value if abs(value) <= _EXACT else str(value)
    return value
