"""Units of work over ``holds`` and the append-only ``ledger``: money kept back, spent and given back.

What a hold keeps back ends exactly once: the guarded UPDATE of its row is the claim, and the counters of every
allowance it touched change in the same unit, so that they always equal what the ledger adds up to.
"""

from __future__ import annotations

from storage import accounts, allowances
from storage._rows import the_row
from storage.database import Row, Tx
from storage.records import Entry, EntryKind, Job, Scope

_APPEND = """
INSERT INTO ledger (at, account_id, guild_id, job_id, kind, held, spent, estimated)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
"""
_HOLD = "INSERT INTO holds (job_id, amount, hour_at) VALUES (?1, ?2, ?3)"
_BIND = "INSERT INTO hold_allowances (job_id, allowance_id) VALUES (?1, ?2)"
_BOUND = "SELECT allowance_id FROM hold_allowances WHERE job_id = ?1 ORDER BY allowance_id"
_CLAIM = """
UPDATE holds SET ended_at = ?2 WHERE job_id = ?1 AND ended_at IS NULL
RETURNING amount, hour_at,
    (SELECT jobs.account_id FROM jobs WHERE jobs.id = holds.job_id) AS account_id,
    (SELECT jobs.guild_id FROM jobs WHERE jobs.id = holds.job_id) AS guild_id
"""
_GUILD = "SELECT guild_id FROM jobs WHERE id = ?1"
_SETTLED = "UPDATE jobs SET settled_at = ?2, cost = CAST(?3 AS BIGINT), estimated = ?4 WHERE id = ?1"
_LATE = "UPDATE jobs SET cost = coalesce(cost, 0) + ?2, estimated = ?3 WHERE id = ?1"
_OF_JOB = """
SELECT id, at, account_id, job_id, kind, held, spent, estimated FROM ledger WHERE job_id = ?1 ORDER BY id
"""
_OPEN = """
SELECT count(*) AS number, CAST(coalesce(sum(amount), 0) AS BIGINT) AS amount FROM holds WHERE ended_at IS NULL
"""


async def hold(tx: Tx, job: Job, allowance_ids: list[int], now: int) -> None:
    """Write down the hold of a new job, which :func:`allowances.hold` has admitted on these allowances."""
    await tx.execute(_HOLD, job.id, job.hold, allowances.hour_of(now))
    for allowance_id in allowance_ids:
        await tx.execute(_BIND, job.id, allowance_id)
    await tx.execute(_APPEND, now, job.account_id, job.guild_id, job.id, EntryKind.HOLD.value, job.hold, 0, 0)


async def settle(tx: Tx, job_id: int, cost: int, now: int, *, estimated: bool = False) -> bool:
    """End a job's hold on its true cost, in micro-dollars: one line takes the whole hold back and books the cost.

    A cost above the hold is booked whole: an overshoot is recorded, never hidden. Returns whether this call ended
    the hold; a second one changes nothing.
    """
    claimed = await tx.fetch_one(_CLAIM, job_id, now)
    if claimed is None:
        return False
    await _free(tx, job_id, claimed, spent=cost)
    await _append(tx, now, claimed, job_id, EntryKind.SETTLE, spent=cost, estimated=estimated)
    await tx.execute(_SETTLED, job_id, now, cost, int(estimated))
    return True


async def release(tx: Tx, job_id: int, now: int) -> bool:
    """End a job's hold without a cost; returns whether this call ended it."""
    claimed = await tx.fetch_one(_CLAIM, job_id, now)
    if claimed is None:
        return False
    await _free(tx, job_id, claimed, spent=0)
    await _append(tx, now, claimed, job_id, EntryKind.RELEASE)
    await tx.execute(_SETTLED, job_id, now, None, 0)
    return True


async def adjust(tx: Tx, job_id: int, amount: int, now: int, *, estimated: bool = False) -> None:
    """Book a cost that came after its hold had ended: on the server's account, never on the member's."""
    guild_id = (await the_row(tx, _GUILD, job_id))["guild_id"]
    payers = {
        Scope.BOT: await accounts.ensure(tx, Scope.BOT, now),
        Scope.SERVER: await accounts.ensure(tx, Scope.SERVER, now, guild_id),
    }
    await allowances.spend(tx, payers, amount, now)
    await tx.execute(
        _APPEND, now, payers[Scope.SERVER], guild_id, job_id, EntryKind.ADJUST.value, 0, amount, int(estimated)
    )
    await tx.execute(_LATE, job_id, amount, int(estimated))


async def of_job(tx: Tx, job_id: int) -> list[Entry]:
    """Return a job's lines, oldest first."""
    return [
        Entry(
            row["id"],
            row["at"],
            row["account_id"],
            row["job_id"],
            EntryKind(row["kind"]),
            row["held"],
            row["spent"],
            bool(row["estimated"]),
        )
        for row in await tx.fetch_all(_OF_JOB, job_id)
    ]


async def open_holds(tx: Tx) -> tuple[int, int]:
    """Return how many holds are open, and how many micro-dollars they keep back."""
    row = await the_row(tx, _OPEN)
    return row["number"], row["amount"]


async def _free(tx: Tx, job_id: int, claimed: Row, *, spent: int) -> None:
    for bound in await tx.fetch_all(_BOUND, job_id):
        await allowances.end_hold(tx, bound["allowance_id"], claimed["hour_at"], claimed["amount"], spent)


async def _append(
    tx: Tx, now: int, claimed: Row, job_id: int, kind: EntryKind, *, spent: int = 0, estimated: bool = False
) -> None:
    account_id, guild_id, held = claimed["account_id"], claimed["guild_id"], -claimed["amount"]
    await tx.execute(_APPEND, now, account_id, guild_id, job_id, kind.value, held, spent, int(estimated))
