from __future__ import annotations

import asyncio
import contextlib
import math

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.metrics import Metrics


def samples(metrics: Metrics) -> dict[str, float]:
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        sample.name + "".join(sample.labels.values()): sample.value for family in families for sample in family.samples
    }


def test_everything_operators_watch_is_rendered() -> None:
    metrics = Metrics()
    metrics.queued.set(3)
    metrics.in_flight.set(2)
    metrics.holds_open.set(5)
    metrics.holds_micros.set(250_000)
    metrics.undeliverable.set(1)
    metrics.disk_free.set(10**9)
    metrics.pictures.set(40)
    metrics.picture_bytes.set(10**7)
    metrics.balance.set(12_000_000)
    metrics.alerts.labels("books").inc()
    metrics.estimate_ratio.observe(1.2)
    metrics.failures.labels("safety").inc()
    metrics.delivery_lag.observe(12)
    metrics.announce_lag.observe(0.3)
    metrics.loop_lag.observe(0.001)
    found = samples(metrics)
    assert found["darkroom_queued"] == 3
    assert found["darkroom_in_flight"] == 2
    assert found["darkroom_holds_open"] == 5
    assert found["darkroom_holds_open_micro_dollars"] == 250_000
    assert found["darkroom_undeliverable"] == 1
    assert found["darkroom_disk_free_bytes"] == 10**9
    assert found["darkroom_pictures"] == 40
    assert found["darkroom_pictures_bytes"] == 10**7
    assert found["darkroom_balance_micro_dollars"] == 12_000_000
    assert found["darkroom_alerts_totalbooks"] == 1
    assert found["darkroom_estimate_ratio_sum"] == 1.2
    assert found["darkroom_failures_totalsafety"] == 1
    assert found["darkroom_delivery_lag_seconds_sum"] == 12
    assert found["darkroom_announce_lag_seconds_sum"] == 0.3
    assert found["darkroom_loop_lag_seconds_count"] == 1


def test_two_bots_in_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.queued.set(3)
    assert samples(other)["darkroom_queued"] == 0


@pytest.mark.parametrize("name", ["balance_micro_dollars", "pictures", "pictures_bytes"])
def test_what_nobody_has_told_yet_is_no_number(name: str) -> None:
    assert math.isnan(samples(Metrics())[f"darkroom_{name}"])


async def test_the_lag_of_the_loop_is_measured_until_the_watch_is_cancelled() -> None:
    metrics = Metrics()
    watch = asyncio.create_task(metrics.watch_loop(interval=0.001))
    while samples(metrics)["darkroom_loop_lag_seconds_count"] < 3:
        await asyncio.sleep(0.001)
    watch.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watch
    assert watch.cancelled()
