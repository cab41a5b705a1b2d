"""What operators watch, in Prometheus' text format. Each instance has its own registry, so that tests share nothing."""

from __future__ import annotations

import asyncio
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

#: The content type of :meth:`Metrics.render`.
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

#: From 5 ms to 5 s: an acknowledgement takes milliseconds, a post in Discord a second.
_QUICK: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
#: A settled cost as a part of its estimate: 1 is a true estimate, and a hold keeps back somewhat more.
_AROUND_ONE: Final = (0.25, 0.5, 0.75, 0.9, 1, 1.1, 1.25, 1.5, 2, 4)
#: From a tenth of a second to an hour: an edit takes seconds, a late one minutes.
_SLOW: Final = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)


class Metrics:
    """The gauges, counters and histograms of one running bot. Times are in seconds, sizes in bytes."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.queued = self._gauge("queued", "Jobs that wait for their turn.")
        self.in_flight = self._gauge("in_flight", "Tasks that are at Runware.")
        self.holds_open = self._gauge("holds_open", "Holds that have not ended.")
        self.holds_micros = self._gauge("holds_open_micro_dollars", "What the open holds keep back, in micro-dollars.")
        self.undeliverable = self._gauge("undeliverable", "Jobs whose end could be posted nowhere.")
        self.disk_free = self._gauge("disk_free_bytes", "Free space where the pictures are.")
        self.pictures = self._gauge("pictures", "Pictures in the store, as the last sweep of the hour counted them.")
        self.picture_bytes = self._gauge("pictures_bytes", "What these pictures take up in the store.")
        self.balance = self._gauge("balance_micro_dollars", "What is left on Runware's account, in micro-dollars.")
        for untold in (self.pictures, self.picture_bytes, self.balance):
            untold.set(float("nan"))  # 0 would say that it is empty
        self.failures = Counter(
            "darkroom_failures", "Failed jobs, by class of error.", ["kind"], registry=self.registry
        )
        self.alerts = Counter(
            "darkroom_alerts", "Alerts that were raised, by what they are about.", ["kind"], registry=self.registry
        )
        self.removals = Counter(
            "darkroom_removals",
            "Copies that Runware was asked to delete, by what came of it.",
            ["outcome"],
            registry=self.registry,
        )
        self.estimate_ratio = self._histogram(
            "estimate_ratio", "The settled cost of an edit as a part of its estimate.", _AROUND_ONE
        )
        self.delivery_lag = self._histogram(
            "delivery_lag_seconds", "From the first POST of a task to its first recorded outcome.", _SLOW
        )
        self.announce_lag = self._histogram(
            "announce_lag_seconds", "From the end of a job to the post of its last message.", _SLOW
        )
        self.loop_lag = self._histogram("loop_lag_seconds", "How late the event loop wakes a sleeper.", _QUICK)

    def render(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)

    async def watch_loop(self, interval: float = 0.5) -> None:
        """Measure, until cancelled, how late the loop wakes a sleeper; look every ``interval`` seconds."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + interval
            await asyncio.sleep(interval)
            self.loop_lag.observe(max(0.0, loop.time() - due))

    def _gauge(self, name: str, documentation: str) -> Gauge:
        return Gauge(f"darkroom_{name}", documentation, registry=self.registry)

    def _histogram(self, name: str, documentation: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"darkroom_{name}", documentation, buckets=buckets, registry=self.registry)
