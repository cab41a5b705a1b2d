"""Units of work over ``holds`` and the append-only ``ledger``: money kept back, spent and given back.

What a hold keeps back ends exactly once: the guarded UPDATE of its row is the claim, and every account, grant and sum
that it touched changes in the same unit, so that they always equal what the ledger adds up to:

- an account of a channel, a server or the bot is the sum of its jobs' lines (a late cost is on server and bot only);
- the money of a member's account is the sum of its lines that drew on no grant, and of those without a job, which are
  what a sponsor gave; its edits and pictures are those of all its jobs' lines;
- what was used of a grant is the sum of the jobs' lines that drew on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from storage import accounts, allowances, grants, quarters, servers, usage
from storage._rows import the_row
from storage.allowances import Admission
from storage.database import Tx
from storage.grants import Share
from storage.quarters import Use
from storage.records import Entry, EntryKind, Grant, Job, Scope
from storage.usage import Tally
from storage.windows import day_of, quarter_of

_APPEND: Final = """
INSERT INTO ledger (
    at, account_id, guild_id, job_id, kind, held, spent, estimated, quarter_at, day, grant_id, edits, pictures, granted
)
VALUES (
    ?1, ?2, ?3, CAST(?4 AS BIGINT), ?5, ?6, ?7, ?8, ?9, ?10, CAST(?11 AS BIGINT), ?12, ?13, ?14
)
"""
_HOLD: Final = """
INSERT INTO holds (job_id, amount, quarter_at, day, role_id) VALUES (?1, ?2, ?3, ?4, CAST(?5 AS BIGINT))
"""
_CARRY: Final = """
INSERT INTO hold_accounts (job_id, account_id, amount, edits, pictures) VALUES (?1, ?2, ?3, ?4, ?5)
"""
_DRAW: Final = """
INSERT INTO hold_grants (job_id, grant_id, holder_id, amount, position) VALUES (?1, ?2, ?3, ?4, ?5)
"""
_CARRIED: Final = """
SELECT account_id, amount, edits, pictures FROM hold_accounts WHERE job_id = ?1 ORDER BY account_id
"""
_DRAWN: Final = "SELECT grant_id, holder_id, amount FROM hold_grants WHERE job_id = ?1 ORDER BY position"
_CLAIM: Final = """
UPDATE holds SET ended_at = ?2 WHERE job_id = ?1 AND ended_at IS NULL
RETURNING amount, quarter_at, day, role_id
"""
_COUNTS_IN: Final = "SELECT day, role_id FROM holds WHERE job_id = ?1"
_DROP: Final = {
    table: f"DELETE FROM {table} WHERE job_id = ?1"  # noqa: S608 - the names stand in the next line
    for table in ("hold_accounts", "hold_grants", "holds")
}
_SETTLED: Final = """
UPDATE jobs SET settled_at = ?2, cost = CAST(?3 AS BIGINT), estimated = ?4 WHERE id = ?1
"""
_LATE: Final = "UPDATE jobs SET cost = coalesce(cost, 0) + ?2, estimated = ?3 WHERE id = ?1"
_OF_JOB: Final = "SELECT * FROM ledger WHERE job_id = ?1 ORDER BY id"
_OPEN: Final = """
SELECT count(*) AS number, CAST(coalesce(sum(amount), 0) AS BIGINT) AS amount FROM holds WHERE ended_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class _Line:
    """What one line of the ledger says beside when, whose and about what."""

    kind: EntryKind
    held: int = 0
    spent: int = 0
    edits: int = 0
    pictures: int = 0
    granted: int = 0
    grant_id: int | None = None
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class _Claim:
    """A hold that this unit ends."""

    amount: int
    quarter_at: int
    day: int
    role_id: int | None
    #: What each account carries, by its id, in locking order.
    carried: dict[int, Use]
    #: What grants carry, in the order in which they are drained.
    shares: Sequence[Share]


# Holds ---------------------------------------------------------------------------------------------------------------


async def hold(tx: Tx, job: Job, admission: Admission, now: int) -> None:
    """Write down the hold of a job, which :func:`allowances.hold` has admitted."""
    await tx.execute(_HOLD, job.id, job.hold, admission.quarter_at, admission.day, admission.role_id)
    for account_id, use in admission.accounts.items():
        await tx.execute(_CARRY, job.id, account_id, use.held, use.edits, use.pictures)
    for position, share in enumerate(admission.shares):
        await tx.execute(_DRAW, job.id, share.grant_id, share.holder_id, share.amount, position)
    counted = (1, job.request.results)
    lines = [_Line(EntryKind.HOLD, share.amount, grant_id=share.grant_id) for share in admission.shares]
    if admission.own:
        lines.append(_Line(EntryKind.HOLD, admission.own))
    # The edit is counted once, on the member's own line where there is one.
    lines[-1] = replace(lines[-1], edits=counted[0], pictures=counted[1])
    for line in lines:
        await _append(tx, now, job, admission.quarter_at, admission.day, line)


async def settle(
    tx: Tx, job: Job, cost: int, now: int, *, pictures: int | None = None, estimated: bool = False
) -> bool:
    """End a job's hold on its true cost, in micro-dollars: the whole hold is taken back and the cost is booked.

    A cost above the hold is booked whole: an overshoot is recorded, never hidden. ``pictures`` are those that were
    made, if fewer than were asked for. Returns whether this call ended the hold; a second one changes nothing.
    """
    claim = await _claim(tx, job.id, now)
    if claim is None:
        return False
    missing = 0 if pictures is None else max(0, job.request.results - pictures)
    await _end(tx, job, claim, now, _Line(EntryKind.SETTLE, spent=cost, pictures=-missing, estimated=estimated))
    made = job.request.results - missing
    compared = not estimated and job.estimate > 0  # edits from before estimates were kept have none
    tally = Tally(
        edits=1,
        pictures=made,
        spent=cost,
        expected=job.estimate * made // job.request.results if compared else 0,
        settled=cost if compared else 0,
        overshoot=max(0, cost - claim.amount),
        guessed=cost if estimated else 0,
    )
    await usage.record(tx, job, claim.role_id, claim.day, tally)
    await tx.execute(_SETTLED, job.id, now, cost, int(estimated))
    return True


async def release(tx: Tx, job: Job, now: int, *, failed: bool = False) -> bool:
    """End a job's hold without a cost; returns whether this call ended it. ``failed``: it was sent, in vain."""
    claim = await _claim(tx, job.id, now)
    if claim is None:
        return False
    await _take_back(tx, job, claim, now)
    if failed:
        await usage.record(tx, job, claim.role_id, claim.day, Tally(failed=1))
    await tx.execute(_SETTLED, job.id, now, None, 0)
    return True


async def withdraw(tx: Tx, job: Job, now: int) -> bool:
    """Take the hold of a job that goes on back, so that it can be held anew; returns whether it had one.

    The ledger keeps both: the line that gave it back, and the hold that follows.
    """
    claim = await _claim(tx, job.id, now)
    if claim is None:
        return False
    await _take_back(tx, job, claim, now)
    for statement in _DROP.values():
        await tx.execute(statement, job.id)
    return True


async def adjust(tx: Tx, job: Job, amount: int, now: int, *, estimated: bool = False) -> None:
    """Book a cost that came after its hold had ended: on the server's account, never on the member's."""
    payers = {
        Scope.BOT: await accounts.ensure(tx, Scope.BOT, now),
        Scope.SERVER: await accounts.ensure(tx, Scope.SERVER, now, job.guild_id),
    }
    await allowances.spend(tx, payers.values(), amount, now)
    day = day_of(now, await servers.zone(tx, job.guild_id))
    line = _Line(EntryKind.ADJUST, spent=amount, estimated=estimated)
    await _append(tx, now, replace(job, account_id=payers[Scope.SERVER]), quarter_of(now), day, line)
    await usage.record_late(tx, job, payers[Scope.SERVER], day, amount, guessed=amount if estimated else 0)
    await tx.execute(_LATE, job.id, amount, int(estimated))


async def came_late(tx: Tx, job: Job, pictures: int, *, revived: bool) -> None:
    """Count pictures that came after the hold had ended. ``revived``: of a job that had been given up."""
    row = await the_row(tx, _COUNTS_IN, job.id)
    tally = Tally(edits=int(revived), failed=-int(revived), pictures=pictures)
    await usage.record(tx, job, row["role_id"], row["day"], tally)


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
            row["grant_id"],
        )
        for row in await tx.fetch_all(_OF_JOB, job_id)
    ]


async def open_holds(tx: Tx) -> tuple[int, int]:
    """Return how many holds are open, and how many micro-dollars they keep back."""
    row = await the_row(tx, _OPEN)
    return row["number"], row["amount"]


# Grants --------------------------------------------------------------------------------------------------------------


async def grant(tx: Tx, given: Grant, now: int) -> None:
    """Write down what was granted, and what it took from a sponsor's allowance.

    It stands on the member's account, or on the server's where it is a role's or a thread's.
    """
    day = await _day_of(tx, given)
    await _append_of_grant(
        tx, now, given, await _granted_on(tx, given, now), day, _Line(EntryKind.GRANT, granted=given.amount)
    )
    if given.sponsor_id is not None:
        await _append_of_grant(tx, now, given, given.sponsor_id, day, _Line(EntryKind.HOLD, held=given.amount))


async def end_grant(tx: Tx, grant_id: int, now: int) -> Grant | None:
    """End a grant; what a sponsor gave and nobody spent returns to them, except what running edits still hold.

    Returns the grant as it was, or ``None`` when it had ended already.
    """
    before = await grants.lock(tx, grant_id)
    if not await grants.end(tx, grant_id, now):
        return None
    day = await _day_of(tx, before)
    # A role's grant is each holder's own, so there is no one sum of it that was left: all of it ends.
    left = before.amount if before.scope is Scope.ROLE else before.left
    rest = _Line(EntryKind.GRANT, granted=-left)
    await _append_of_grant(tx, now, before, await _granted_on(tx, before, now), day, rest)
    await _move_sponsored(tx, before, replace(before, ended_at=now), now)
    return before


async def _granted_on(tx: Tx, given: Grant, now: int) -> int:
    """Return the account on which a grant stands."""
    if given.scope is Scope.MEMBER:
        return given.subject_id
    return await accounts.ensure(tx, Scope.SERVER, now, given.guild_id)


async def _move_sponsored(tx: Tx, before: Grant, after: Grant, now: int) -> None:
    """Bring a sponsor's allowance in line with their pool: what was spent of it, and what came back."""
    if before.sponsor_id is None:
        return
    freed = grants.unspent(before) - grants.unspent(after)
    spent = after.spent - before.spent
    if not freed and not spent:
        return
    quarter_at = quarter_of(before.created_at)
    await quarters.change(tx, before.sponsor_id, quarter_at, Use(held=-freed, spent=spent))
    day = await _day_of(tx, before)
    kind = EntryKind.RELEASE if not spent else EntryKind.SETTLE if freed else EntryKind.ADJUST
    await _append_of_grant(tx, now, before, before.sponsor_id, day, _Line(kind, held=-freed, spent=spent))


async def _day_of(tx: Tx, given: Grant) -> int:
    """Return the local day in which a grant counts on its sponsor's allowance."""
    return day_of(given.created_at, await servers.zone(tx, given.guild_id))


async def _append_of_grant(tx: Tx, now: int, given: Grant, account_id: int, day: int, line: _Line) -> None:
    await tx.execute(
        _APPEND,
        now,
        account_id,
        given.guild_id,
        None,
        line.kind.value,
        line.held,
        line.spent,
        0,
        quarter_of(given.created_at),
        day,
        given.id,
        0,
        0,
        line.granted,
    )


# Ends ----------------------------------------------------------------------------------------------------------------


async def _claim(tx: Tx, job_id: int, now: int) -> _Claim | None:
    row = await tx.fetch_one(_CLAIM, job_id, now)
    if row is None:
        return None
    carried = {
        account["account_id"]: Use(held=account["amount"], edits=account["edits"], pictures=account["pictures"])
        for account in await tx.fetch_all(_CARRIED, job_id)
    }
    shares = [
        Share(share["grant_id"], share["holder_id"], share["amount"]) for share in await tx.fetch_all(_DRAWN, job_id)
    ]
    return _Claim(row["amount"], row["quarter_at"], row["day"], row["role_id"], carried, shares)


async def _take_back(tx: Tx, job: Job, claim: _Claim, now: int) -> None:
    """End a hold as if it had never been: nothing is spent, and the edit does not count."""
    await _end(tx, job, claim, now, _Line(EntryKind.RELEASE, edits=-1, pictures=-job.request.results))


async def _end(tx: Tx, job: Job, claim: _Claim, now: int, whole: _Line) -> None:
    """Take a hold back from whatever carries it, and book the cost: grants pay first, the rest is the member's own.

    ``whole``: the cost, and how the counts of edits and pictures change.
    """
    if not any(use.edits for use in claim.carried.values()):  # a hold from before edits were counted
        whole = replace(whole, edits=0, pictures=0)
    drawn = sum(share.amount for share in claim.shares)
    own, rest = claim.amount - drawn, whole.spent
    paid: list[tuple[Share, int]] = []
    for share in claim.shares:
        last = not own and share is claim.shares[-1]
        paid.append((share, rest if last else min(rest, share.amount)))
        rest -= paid[-1][1]
    # Grants are locked before any account's quarter, as a hold takes them.
    by_grant = sorted(paid, key=lambda part: part[0].grant_id)
    locked = [await grants.lock(tx, share.grant_id) for share, _ in by_grant]
    for account_id, use in claim.carried.items():
        spent = rest if account_id == job.account_id else whole.spent
        change = Use(-use.held, spent, whole.edits, whole.pictures)
        await quarters.change(tx, account_id, claim.quarter_at, change)
    for before, (share, spent) in zip(locked, by_grant, strict=True):
        await _pay(tx, before, share, spent, now)
    lines = [replace(whole, held=-share.amount, spent=spent, grant_id=share.grant_id) for share, spent in paid]
    if own:
        lines.append(replace(whole, held=-own, spent=rest))
    for number, line in enumerate(lines, 1):
        last = number == len(lines)
        await _append(tx, now, job, claim.quarter_at, claim.day, line if last else replace(line, edits=0, pictures=0))


async def _pay(tx: Tx, before: Grant, share: Share, spent: int, now: int) -> None:
    await grants.pay(tx, share, spent)
    after = replace(before, held=before.held - share.amount, spent=before.spent + spent)
    await _move_sponsored(tx, before, after, now)


async def _append(tx: Tx, now: int, job: Job, quarter_at: int, day: int, line: _Line) -> None:
    await tx.execute(
        _APPEND,
        now,
        job.account_id,
        job.guild_id,
        job.id,
        line.kind.value,
        line.held,
        line.spent,
        int(line.estimated),
        quarter_at,
        day,
        line.grant_id,
        line.edits,
        line.pictures,
        line.granted,
    )
