"""How a lower layer tells an upper one that there is something to pull, without knowing who pulls."""

from __future__ import annotations

import asyncio


class Signal:
    """A flag that one loop waits on and anybody sets; setting it twice before it is seen counts once.

    It carries nothing: the truth is in the database, the waiting loop reads it there. A lost signal costs a delay,
    never a job, because every loop also looks by the clock.
    """

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """Wake the loop that waits."""
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Wait until the flag is set, or for this long; then lower it."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return
        finally:
            self._event.clear()


def seconds_until(due_at: int | None, now: int, *, least: float = 0.01, most: float) -> float:
    """Return how long a loop waits for what is due next, in seconds.

    Args:
        due_at: when that is, in milliseconds; ``None`` where nothing is due.
        now: what the clock says, in milliseconds.
        least: what is due cannot always be done, so that even then there is a pause.
        most: after so long it looks again, in case a signal was lost.
    """
    return most if due_at is None else min(most, max(least, (due_at - now) / 1000))


class Signals:
    """One signal for each loop."""

    def __init__(self) -> None:
        #: The queue has a job, or Runware has room for one more.
        self.queue = Signal()
        #: A job should be looked at by the reconciler.
        self.reconcile = Signal()
        #: A result should be copied.
        self.copies = Signal()
        #: Discord should hear something.
        self.notices = Signal()
        #: An owner should be told something.
        self.alerts = Signal()
        #: A round ended, or a new one ends sooner than the others.
        self.rounds = Signal()
        #: A result has enough stars to be posted once more.
        self.showcase = Signal()
        #: The card of a sweep is to be drawn anew.
        self.sweeps = Signal()
        #: Somebody began to write an edit.
        self.claims = Signal()
        #: Messages of ours show what somebody who was forgotten wrote or gave.
        self.leftovers = Signal()
        #: Copies at Runware are to go.
        self.removals = Signal()
