"""Do the seeds, the costs and the ledger agree? Every sum is made here anew, from what each side says by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from bot.errors import NotFound
from bot.quota import dollars
from playground.runware.tasks import Item
from playground.world import World
from storage import ledger
from storage.records import MICROS_PER_DOLLAR, Asker, Entry, EntryKind, Job, Result, Status


@dataclass(frozen=True, slots=True)
class Account:
    """Everything that is known of one job: our row, its results, its lines of the ledger, and Runware's own items."""

    job: Job
    results: Sequence[Result]
    lines: Sequence[Entry]
    items: Sequence[Item]

    @property
    def spent(self) -> int:
        """What the ledger says it cost, in micro-dollars."""
        return sum(line.spent for line in self.lines)

    @property
    def held(self) -> int:
        """What the ledger says is still held for it, in micro-dollars."""
        return sum(line.held for line in self.lines)


@dataclass(frozen=True, slots=True)
class Finding:
    """A fact that was looked at."""

    fact: str
    holds: bool


async def accounts(world: World) -> list[Account]:
    """Gather what is known of every job of a world whose database began empty, in order."""
    edits, database = world.program.edits, world.program.database
    found: list[Account] = []
    while True:
        try:
            job = await edits.job(len(found) + 1)
        except NotFound:
            return found
        task = world.runware.tasks.get(job.task_uuid)
        lines = await database.read(ledger.of_job, job.id)
        found.append(Account(job, await edits.results(job.id), lines, [] if task is None else task.items))


def examine(one: Account, said: str) -> Iterator[Finding]:
    """Compare what all sides say of one job; ``said`` is all that the bot said in Discord."""
    name = f"job {one.job.id}"
    kinds = [line.kind for line in one.lines]
    made = [item for item in one.items if item.status == "success"]
    yield Finding(
        f"{name} was held once, and nothing of it is still held", kinds.count(EntryKind.HOLD) == 1 and not one.held
    )
    if one.job.status is Status.SUCCEEDED:
        yield Finding(f"{name} was settled once", kinds.count(EntryKind.SETTLE) == 1)
        yield Finding(f"{name} has every picture that Runware made", len(one.results) == len(made) > 0)
    else:
        yield Finding(f"{name} failed, and its hold was released whole", kinds == [EntryKind.HOLD, EntryKind.RELEASE])
    costs = {one.spent, one.job.cost or 0, sum(result.cost or 0 for result in one.results), billed(made)}
    amounts = ", ".join(dollars(cost) for cost in sorted(costs))
    yield Finding(f"{name} cost the same to the ledger, the job, its results and Runware: {amounts}", len(costs) == 1)
    seeds = {item.image_uuid: item.seed for item in made}
    for result in one.results:
        same = result.seed == seeds.get(result.image_uuid) and f"`{result.seed}`" in said
        yield Finding(f"{result.short_id} has seed {result.seed} in our row, at Runware and in Discord", same)
    if one.results:
        yield Finding(f"{name}'s cost of {dollars(one.spent)} stands in Discord", dollars(one.spent) in said)


async def examine_sums(world: World, accounts: Sequence[Account]) -> list[Finding]:
    """Compare the sums: allowances and Runware's bill with what the jobs cost."""
    findings: list[Finding] = []
    for member in (world.ana, world.bo, world.cleo):
        view = await world.program.edits.quota(Asker(world.guild.id, member.id))
        spent = sum(one.spent for one in accounts if one.job.user_id == member.id)
        fact = f"{member.name.title()}'s allowance has {dollars(spent)} spent and nothing held"
        findings.append(Finding(fact, all((own.spent, own.held) == (spent, 0) for own in view.member)))
    total = sum(one.spent for one in accounts)
    for ceiling in view.ceilings:
        fact = f"the {ceiling.allowance.scope}'s allowance has {dollars(total)} spent and nothing held"
        findings.append(Finding(fact, (ceiling.spent, ceiling.held) == (total, 0)))
    bill = _micros(Decimal(100) - world.runware.balance)
    findings.append(Finding(f"Runware took {dollars(bill)} from the account, the sum of all jobs", bill == total))
    return findings


def billed(items: Iterable[Item]) -> int:
    """Return what Runware billed for items, in micro-dollars, each rounded up once."""
    return sum(_micros(item.cost) for item in items)


def _micros(amount: Decimal) -> int:
    return int((amount * MICROS_PER_DOLLAR).to_integral_value(ROUND_CEILING))
