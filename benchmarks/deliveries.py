"""How fast a delivery is durably acknowledged: parsed, recorded, settled, committed and answered with 2xx.

The yardstick is the same door without a store behind it. Both are loaded over 32 connections from another process, in
turns, so that what else the machine does weighs on both. Printed is the ratio of their rates; at least 0.5 is wanted.
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
from multiprocessing.connection import Connection
from pathlib import Path

import aiohttp

from bot.edits import Edits
from bot.metrics import Metrics
from bot.pictures import Pictures
from bot.settings import Settings
from bot.signals import Signals
from bot.web import delivery_url, public_app, serve
from storage import jobs
from storage.database import Database, Tx, migrate, open_database
from storage.records import Asker, EditRequest, Place, Reference, Status

CONNECTIONS = 32
DELIVERIES = 1600
ROUNDS = 3
WANTED = 0.5
_HOST = "127.0.0.1"


def _load(pipe: Connection) -> None:
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
    settings: Settings, record: Callable[[str, bytes], Awaitable[None]], tasks: list[str], pipe: Connection
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


async def _submitted_jobs(database: Database, edits: Edits, number: int) -> list[str]:
    """Write down jobs that wait for their deliveries, and return their tasks."""
    request = EditRequest("make it night", (Reference("0" * 64, 512, 512, "cat.png"),), 512, 512, seed=7)
    place = Place(channel_id=1, reply_id=2, thread_id=3)
    made = [await edits.request(Asker(1, 1 + index % 50), place, request) for index in range(number)]

    async def submit(tx: Tx, job_id: int) -> None:
        await jobs.move(tx, job_id, Status.SUBMITTING, 1)
        await jobs.move(tx, job_id, Status.SUBMITTED, 2, poll_at=10**15)

    for job in made:
        await database.run(submit, job.id)
    return [job.task_uuid for job in made]


async def _measure(folder: Path, pipe: Connection) -> list[tuple[float, float]]:
    settings = Settings(
        discord_token="benchmark",
        runware_api_key="benchmark",
        allowed_guilds=frozenset({1}),
        data_dir=folder,
        database_url=f"sqlite:///{folder / 'bot.db'}",
        min_free_gib=0,
        member_daily_usd=100_000,
        server_daily_usd=100_000,
        bot_daily_usd=100_000,
    )

    async def nothing(_task_uuid: str, _body: bytes) -> None:
        """Keep nothing."""

    rates: list[tuple[float, float]] = []
    async with open_database(settings.database_url) as database, Pictures(folder / "pictures", min_free=0) as store:
        await migrate(database)
        edits = Edits(database, store, Signals(), Metrics(), settings, clock=lambda: time.time_ns() // 1_000_000)
        for _ in range(ROUNDS):
            tasks = await _submitted_jobs(database, edits, DELIVERIES)
            without = await _rate(settings, nothing, tasks, pipe)
            rates.append((await _rate(settings, edits.deliver, tasks, pipe), without))
    return rates


def main() -> int:
    """Measure in rounds and print the median ratio; returns 1 when it is below what is wanted."""
    here, there = multiprocessing.Pipe()
    load = multiprocessing.get_context("spawn").Process(target=_load, args=(there,), daemon=True)
    load.start()
    with tempfile.TemporaryDirectory() as folder:
        rates = asyncio.run(_measure(Path(folder), here))
    here.send(None)
    load.join(10)
    for durable, without in rates:
        print(f"durable {durable:8,.0f}/s   without a store {without:8,.0f}/s   ratio {durable / without:.2f}")
    ratio = statistics.median(durable / without for durable, without in rates)
    print(f"deliveries: durable acknowledgement at {ratio:.2f} of the same app without a store (wanted: {WANTED})")
    return 0 if ratio >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
