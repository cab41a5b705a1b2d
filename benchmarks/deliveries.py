"""How fast a delivery is durably acknowledged: its token checked, parsed, inserted, committed and answered with 2xx.

The yardstick is the same door and parser without a store behind them. Both are loaded over 32 connections from another process, in
turns, so that what else the machine does weighs on both. Printed is the ratio of their rates, twice: for one of several
results (validate, insert, commit: at least 0.5 is wanted), and for the result that ends its job, whose unit of work
also moves the status and settles the hold on three allowances.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.common import roomy_settings
from bot.edits import Edits
from bot.metrics import Metrics
from bot.pictures import Pictures
from bot.runware import delivery
from bot.settings import Settings
from bot.signals import Signals
from bot.web import delivery_url, public_app, serve
from storage import jobs
from storage.database import Database, Tx, migrate, open_database
from storage.records import Asker, EditRequest, Place, Reference, Status

#: One end of a pipe; its type differs between systems.
Pipe = Any
CONNECTIONS = 32
DELIVERIES = 1600
ROUNDS = 3
WANTED = 0.5
_HOST = "127.0.0.1"


def _load(pipe: Pipe) -> None:
    """Send what comes through the pipe over 32 connections, and say how long that took."""

    async def send(work: list[tuple[str, bytes]]) -> float:
        waiting = iter(work)

        async def one_after_the_other(session: aiohttp.ClientSession) -> None:
            for url, body in waiting:
                async with session.post(url, data=body) as answer:
                    if answer.status != 204:
                        raise RuntimeError(f"{answer.status} instead of 204")

        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS)) as session:
            began = time.perf_counter()
            await asyncio.gather(*(one_after_the_other(session) for _ in range(CONNECTIONS)))
            return time.perf_counter() - began

    while (work := pipe.recv()) is not None:
        pipe.send(asyncio.run(send(work)))


async def _rate(
    settings: Settings, record: Callable[[str, bytes], Awaitable[None]], tasks: list[str], pipe: Pipe
) -> float:
    """Return how many deliveries a second the door answers with this behind it."""
    async with serve(public_app(key=settings.webhook_key, record=record), _HOST, 0) as (host, port):
        work = [(delivery_url(f"http://{host}:{port}", settings.webhook_key, task), _body(task)) for task in tasks]
        await asyncio.to_thread(pipe.send, work)
        return len(work) / await asyncio.to_thread(pipe.recv)


def _body(task_uuid: str) -> bytes:
    image = str(uuid.uuid4())
    item = {
        "taskType": "imageInference",
        "taskUUID": task_uuid,
        "imageUUID": image,
        "imageURL": f"https://im.runware.ai/image/os/a04d20/ws/3/ii/{image}.jpg",
        "seed": 29892,
        "cost": 0.0133,
    }
    return json.dumps({"data": [item]}).encode()


async def _submitted_jobs(database: Database, edits: Edits, number: int, results: int) -> list[str]:
    """Write down jobs that wait for their deliveries, and return their tasks."""
    cat = Reference("0" * 64, 512, 512, "cat.png")
    request = EditRequest("make it night", (cat,), 512, 512, seed=7, results=results)
    place = Place(channel_id=1, reply_id=2, thread_id=3)
    made = [await edits.request(Asker(1, 1 + index % 50), place, request) for index in range(number)]

    async def submit(tx: Tx, job_id: int) -> None:
        await jobs.move(tx, job_id, Status.SUBMITTING, 1)
        await jobs.move(tx, job_id, Status.SUBMITTED, 2, poll_at=10**15)

    for job in made:
        await database.run(submit, job.id)
    return [job.task_uuid for job in made]


async def _measure(folder: Path, pipe: Pipe, results: int) -> list[tuple[float, float]]:
    settings = roomy_settings(folder)

    async def keep_nothing(task_uuid: str, body: bytes) -> None:
        """Read a delivery as the bot does, and keep nothing of it."""
        delivery.parse(body, task_uuid)

    rates: list[tuple[float, float]] = []
    async with open_database(settings.database_url) as database, Pictures(folder / "pictures", min_free=0) as store:
        await migrate(database)
        edits = Edits(database, store, Signals(), Metrics(), settings, clock=lambda: time.time_ns() // 1_000_000)
        for _ in range(ROUNDS):
            tasks = await _submitted_jobs(database, edits, DELIVERIES, results)
            without = await _rate(settings, keep_nothing, tasks, pipe)
            rates.append((await _rate(settings, edits.deliver, tasks, pipe), without))
    return rates


def _ratio(pipe: Pipe, what: str, results: int) -> float:
    """Measure in rounds, print each, and return the median ratio."""
    with tempfile.TemporaryDirectory() as folder:
        rates = asyncio.run(_measure(Path(folder), pipe, results))
    for durable, without in rates:
        print(f"{what}: durable {durable:8,.0f}/s   without a store {without:8,.0f}/s   ratio {durable / without:.2f}")
    return statistics.median(durable / without for durable, without in rates)


def main() -> int:
    """Print both ratios; returns 1 when the first is below what is wanted."""
    here, there = multiprocessing.Pipe()
    load = multiprocessing.get_context("spawn").Process(target=_load, args=(there,), daemon=True)
    load.start()
    inserted = _ratio(here, "one of several", results=2)
    ended = _ratio(here, "ends its job  ", results=1)
    here.send(None)
    load.join(10)
    print(
        f"deliveries: {inserted:.2f} of the same app without a store (wanted: {WANTED}); {ended:.2f} when it ends a job"
    )
    return 0 if inserted >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
