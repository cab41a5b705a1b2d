"""10,000 open jobs: how much memory they take above idle, and how long a start needs until all are scheduled again.

The truth is in the database and the loops pull from it, so an open job costs no memory of its own and a start
re-schedules them in one statement; this shows that it stays so. Half the jobs wait in the queue, half are at Runware.
The program runs without a connection to Discord, against the local Runware, which is paused so that nothing ends.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.common import roomy_settings
from bot.app import Program, open_program
from playground.runware import LocalRunware
from storage import jobs
from storage.database import Tx, migrate, open_database
from storage.records import Asker, EditRequest, Place, Reference, Status

JOBS = 10_000
MOST_MEGABYTES = 100
MOST_SECONDS = 5.0


def _resident_megabytes() -> float:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def _fill(program: Program) -> None:
    """Write down the jobs as members would have asked for them, half of them already accepted by Runware."""
    request = EditRequest("make it night", (Reference("0" * 64, 512, 512, "cat.png"),), 512, 512, seed=7)
    place = Place(channel_id=1, reply_id=2, thread_id=3)

    async def submit(tx: Tx, job_id: int, later: int) -> None:
        await jobs.move(tx, job_id, Status.SUBMITTING, later)
        await jobs.move(tx, job_id, Status.SUBMITTED, later, poll_at=later + 86_400_000)

    for start in range(0, JOBS, 500):
        made = await asyncio.gather(
            *(program.edits.request(Asker(1, 1 + number % 500), place, request) for number in range(start, start + 500))
        )
        now = time.time_ns() // 1_000_000
        await asyncio.gather(*(program.database.run(submit, job.id, now) for job in made[::2]))


async def _asked(tx: Tx) -> int:
    row = await tx.fetch_one("SELECT count(*) AS number FROM jobs WHERE status = 'submitted' AND polls > 0")
    assert row is not None
    return row["number"]


async def _measure(folder: Path) -> tuple[float, float]:
    async with LocalRunware() as runware:
        runware.pause()
        settings = roomy_settings(folder, runware_url=runware.url, max_in_flight=1, expire_minutes=100_000)
        async with open_program(settings) as program:
            await asyncio.sleep(1)
            idle = _resident_megabytes()
            await _fill(program)
        began = time.perf_counter()
        async with open_program(settings) as program:
            while await program.database.read(_asked) < JOBS // 2:  # noqa: ASYNC110 (what is waited for is a row)
                await asyncio.sleep(0.01)
            seconds = time.perf_counter() - began
            await asyncio.sleep(1)
            return _resident_megabytes() - idle, seconds


async def _prepare(folder: Path) -> None:
    async with open_database(f"sqlite:///{folder / 'bot.db'}") as database:
        await migrate(database)


def main() -> int:
    """Measure and print both; returns 1 when either is above what is wanted."""
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(_prepare(Path(name)))
        megabytes, seconds = asyncio.run(_measure(Path(name)))
    print(f"open jobs: {JOBS:,} take {megabytes:.0f} MB above idle (wanted: under {MOST_MEGABYTES})")
    print(f"open jobs: all asked about {seconds:.1f} s after a start (wanted: under {MOST_SECONDS:.0f})")
    return 0 if megabytes < MOST_MEGABYTES and seconds < MOST_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
