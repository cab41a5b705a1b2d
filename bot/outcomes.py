"""What becomes of a job when Runware speaks of its task: the units of work behind deliveries, answers and polls.

A delivery is a hint and a poll is the authority (design, "The life of an edit"). Both end here, so that a picture is
recorded, a hold is ended and a job is announced by the same few lines, whoever brought the news first.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlsplit

from bot import prices, quota
from bot.runware.errors import reason
from storage import accounts, announcements, forgetting, jobs, ledger, pictures, results
from storage import prices as lessons
from storage.database import Tx
from storage.jobs import Reconciled
from storage.records import Failure, Job, Outcome, Processing, Status, Success


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that decide here; times in milliseconds."""

    result_hosts: frozenset[str]
    #: ``item`` or ``task``: what Runware's ``cost`` speaks of.
    cost_per: str
    #: How long the same errors must stand, with nothing processing, before a job ends with them.
    error_settle: int
    #: How long after its first POST a job expires.
    expire: int
    #: How long an expired job is still asked for.
    late: int
    #: How long a missing cost is waited for before the estimate is booked.
    cost_pending: int
    #: How often a job that is over is still asked for.
    late_poll: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What a unit here did."""

    #: New pictures recorded, and how many the job has with them.
    fresh: int = 0
    have: int = field(default=0, compare=False)
    #: From the first POST to the first picture, in milliseconds, if this recorded that.
    lag: int | None = None
    #: The status the job ended in, if this ended it; and the code of its failure.
    ended: Status | None = None
    code: str | None = None
    #: The cost that this settled a hold on, as a part of the estimate; only where all that was asked for came.
    off: float | None = field(default=None, compare=False)
    #: True when the news was not believed, or not enough, and Runware should be asked now.
    ask: bool = False


NOTHING: Final = Taken()


async def take_delivery(
    tx: Tx, task_uuid: str, outcomes: Sequence[Outcome], now: int, next_at: int, rules: Rules
) -> Taken:
    """Record what a delivery, or the answer to a submit, says of a task.

    One that names a foreign result host, brings no picture or has a cost above the hold records nothing and has
    Runware asked instead; so does a failure, because only a cumulative poll can tell whether the whole task failed.
    """
    job = await jobs.lock_task(tx, task_uuid)
    if job is None or job.first_post_at is None:
        return Taken()
    successes = [outcome for outcome in outcomes if isinstance(outcome, Success)]
    have = await results.known(tx, task_uuid)
    if not all(_believable(success, job, rules, recorded=success.image_uuid in have) for success in successes):
        await jobs.ask_now(tx, job.id, now)
        return Taken(ask=True)
    recorded = await _record(tx, job, successes, now)
    failed = any(isinstance(outcome, Failure) for outcome in outcomes)
    if outcomes and job.status is Status.SUBMITTING:
        await accept(tx, job.id, now, next_at)
    if failed:
        await jobs.ask_now(tx, job.id, now)
    return replace(await _complete(tx, job, recorded, now, rules), ask=failed)


async def accept(tx: Tx, job_id: int, now: int, poll_at: int) -> bool:
    """Record that Runware has the task; changes nothing when a delivery was first."""
    return await jobs.move(tx, job_id, Status.SUBMITTED, now, poll_at=poll_at)


async def take_poll(
    tx: Tx, asked: Reconciled, outcomes: Sequence[Outcome], now: int, next_at: int, rules: Rules
) -> Taken:
    """Record one cumulative poll, and end the job if that decides it.

    A job is over when successes and errors together reach the number asked for; when the same errors stood for
    ``error_settle`` and nothing is processing; or at its deadline, with what it has. An empty poll decides nothing.
    """
    job = await jobs.lock_task(tx, asked.job.task_uuid) or asked.job
    recorded = await _record(tx, job, [outcome for outcome in outcomes if isinstance(outcome, Success)], now)
    if outcomes and job.status is Status.SUBMITTING:
        await accept(tx, job.id, now, next_at)
    recorded = await _complete(tx, job, recorded, now, rules)
    if recorded.ended is not None:
        return recorded
    if job.over:
        await _ask_late(tx, job.id, now, rules)
        return recorded
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    final = failures and not any(isinstance(outcome, Processing) for outcome in outcomes)
    seen = json.dumps(sorted([failure.code, failure.message] for failure in failures)) if final else None
    since = asked.errors_since if seen is not None and seen == asked.errors_seen else None
    stood = 0 if since is None else now - since
    complete = recorded.have + len(failures) >= job.request.results
    if failures and (complete or stood >= rules.error_settle):
        return await _end_with_what_it_has(tx, job, failures, now, rules, recorded)
    if seen is not None:
        next_at, since = min(next_at, now + rules.error_settle), since or now
    await jobs.polled(tx, job.id, next_at, seen, since)
    return await expire(tx, job.id, failures, now, rules, recorded)


async def take_silence(tx: Tx, task_uuid: str, now: int, next_at: int, rules: Rules) -> Taken:
    """Ask again later, for Runware could not be asked; but no deadline waits for it, neither a job's nor a cost's."""
    job = await jobs.lock_task(tx, task_uuid)
    if job is None or job.first_post_at is None:
        return NOTHING
    if job.over:
        await _ask_late(tx, job.id, now, rules)
        return NOTHING
    await jobs.poll_at(tx, job.id, next_at)
    return await expire(tx, job.id, (), now, rules)


async def expire(
    tx: Tx, job_id: int, failures: Sequence[Failure], now: int, rules: Rules, recorded: Taken = NOTHING
) -> Taken:
    """End a job whose deadline has passed, with the results it has."""
    job = await jobs.get(tx, job_id)
    if job is None or job.over or job.first_post_at is None or now < job.first_post_at + rules.expire:
        return recorded
    await jobs.lock_task(tx, job.task_uuid)  # a picture that comes at this moment is counted, or finds the job expired
    return await _end_with_what_it_has(tx, job, failures, now, rules, recorded)


async def fail(tx: Tx, job_id: int, code: str, now: int, message: str | None = None) -> Taken:
    """End a job that Runware refused, and release its hold. ``message``: its own words, made harmless."""
    if not await jobs.move(tx, job_id, Status.FAILED, now, error_code=code, error_message=message):
        return NOTHING
    await ledger.release(tx, await jobs.known(tx, job_id), now, failed=True)
    return Taken(ended=Status.FAILED, code=code)


async def _end_with_what_it_has(
    tx: Tx, job: Job, failures: Sequence[Failure], now: int, rules: Rules, recorded: Taken
) -> Taken:
    code = failures[0].code if failures else None
    if await results.count(tx, job.id):
        return replace(await _succeed(tx, job, recorded, now, rules, code), code=code)
    if code is not None:
        return await fail(tx, job.id, code, now, reason(failures))
    if not await jobs.move(tx, job.id, Status.EXPIRED, now, poll_at=now + rules.late_poll):
        return recorded
    await ledger.release(tx, job, now, failed=True)
    return replace(recorded, ended=Status.EXPIRED)


async def _record(tx: Tx, job: Job, successes: Sequence[Success], now: int) -> Taken:
    """Insert the pictures that are new, and fill in costs that came late; a repeat changes nothing.

    Of somebody who was forgotten meanwhile they are counted and paid for, but neither kept nor shown.
    """
    before, fresh = await results.count(tx, job.id), 0
    # Asked anew, now that the job is locked: what the lock waited for may have forgotten them.
    forgotten = await accounts.holder(tx, job.account_id) is None
    for success in successes:
        if await results.add(tx, job.id, success, now):
            fresh += 1
            if success.copy is not None and not forgotten:
                await pictures.used(tx, success.copy.sha256, now)
        elif success.cost is not None:
            await results.cost_came(tx, job.id, success.image_uuid, success.cost)
    if fresh and forgotten:
        await forgetting.take_down_late(tx, job.id, now)
    elif fresh and job.over:
        await announcements.touch(tx, job.id, now)
    first_post_at = job.first_post_at if fresh and not before else None
    return Taken(fresh, before + fresh, lag=None if first_post_at is None else now - first_post_at)


async def _complete(tx: Tx, job: Job, recorded: Taken, now: int, rules: Rules) -> Taken:
    """Settle what the recorded results allow to settle; returns what was recorded, and what that ended and settled."""
    if not job.over:
        return await _succeed(tx, job, recorded, now, rules) if recorded.have >= job.request.results else recorded
    late = job.status is Status.EXPIRED and recorded.have > 0
    ended = Status.SUCCEEDED if late and await jobs.move(tx, job.id, Status.SUCCEEDED, now) else None
    if recorded.fresh and job.settled_at is not None:
        asked = job.request.results
        more = min(asked, recorded.have) - min(asked, recorded.have - recorded.fresh)
        await ledger.came_late(tx, job, more, revived=ended is not None)
    changed, off = await _settle_up(tx, job, now, rules)
    if changed:
        await announcements.refresh(tx, job.id, now)
    return replace(recorded, ended=ended, off=off)


async def _succeed(tx: Tx, job: Job, recorded: Taken, now: int, rules: Rules, code: str | None = None) -> Taken:
    if not await jobs.move(tx, job.id, Status.SUCCEEDED, now, error_code=code):
        return recorded
    _, off = await _settle_up(tx, job, now, rules)
    return replace(recorded, ended=Status.SUCCEEDED, off=off)


async def _settle_up(tx: Tx, job: Job, now: int, rules: Rules) -> tuple[bool, float | None]:
    """Bring the books of a job that is over in line with the costs that are known now.

    Returns whether they changed, and how far off the estimate was, if this settled a whole job on a known cost.
    """
    costs = await results.costs(tx, job.id)
    known, whole = quota.known_cost(costs, rules.cost_per), quota.cost_is_known(costs, rules.cost_per)
    done = whole and not await _may_get_more(tx, job, len(costs))
    if job.over or not done:  # a job that has just ended is asked for no more anyway
        await jobs.poll_at(tx, job.id, None if done else now + rules.late_poll)
    if job.settled_at is None:
        return await _settle(tx, job, known, len(costs), now) if whole else (False, None)
    if known <= (job.cost or 0) or job.estimated:
        return False, None
    await ledger.adjust(tx, job, known - (job.cost or 0), now)
    return True, None


async def _settle(tx: Tx, job: Job, cost: int, pictures: int, now: int) -> tuple[bool, float | None]:
    """End the hold on the true cost, and learn from it what edits cost; returns as :func:`_settle_up` does."""
    if not await ledger.settle(tx, job, cost, now, pictures=pictures):
        return False, None
    if pictures != job.request.results:
        return True, None
    estimate = _estimate(job)
    await lessons.learn(tx, job.guild_id, lambda known: prices.learn(known, job.request, estimate, cost))
    return True, cost / estimate


async def _ask_late(tx: Tx, job_id: int, now: int, rules: Rules) -> None:
    """Decide whether a job that is over is asked for again; at the end of the wait for a cost, book the estimate."""
    job = await jobs.known(tx, job_id)
    waited = now - (job.ended_at or now)
    costs = await results.costs(tx, job.id)
    cost_missing = bool(costs) and not quota.cost_is_known(costs, rules.cost_per) and not job.estimated
    if cost_missing and waited >= rules.cost_pending:
        await _book_estimate(tx, job, costs, now, rules)
        await announcements.refresh(tx, job.id, now)
        cost_missing = False
    more = waited < rules.late and await _may_get_more(tx, job, len(costs))
    await jobs.poll_at(tx, job.id, now + rules.late_poll if cost_missing or more else None)


async def _may_get_more(tx: Tx, job: Job, have: int) -> bool:
    """Tell whether results are missing of which Runware never said that they failed: they may still come, and cost."""
    if have >= job.request.results:
        return False
    job = await jobs.known(tx, job.id)  # it may have ended in this very unit
    unexplained = job.status is Status.SUCCEEDED and job.error_code is None
    return job.status is Status.EXPIRED or unexplained


def _estimate(job: Job) -> int:
    """Return what a job was expected to cost, in micro-dollars; one from before that was kept, by the examples."""
    return job.estimate or prices.price(job.request).estimate


async def _book_estimate(tx: Tx, job: Job, costs: Sequence[int | None], now: int, rules: Rules) -> None:
    """Book what its pictures likely cost, and no less than what is known of it."""
    likely = max(_estimate(job) * len(costs) // job.request.results, quota.known_cost(costs, rules.cost_per))
    if job.settled_at is None:
        await ledger.settle(tx, job, likely, now, pictures=len(costs), estimated=True)
    elif likely > (job.cost or 0):
        await ledger.adjust(tx, job, likely - (job.cost or 0), now, estimated=True)


def _believable(success: Success, job: Job, rules: Rules, *, recorded: bool) -> bool:
    """Tell whether a delivery may be recorded without asking: its cost is within the hold, its picture to be had.

    That is one at a host of Runware's, or one that came along; and none is wanted that was recorded or is withheld.
    """
    if success.url:
        trusted = host_of(success.url) in rules.result_hosts
    else:
        trusted = success.copy is not None or success.nsfw or recorded
    return trusted and (success.cost is None or success.cost <= job.hold)


def host_of(url: str) -> str | None:
    """Return ``host`` or ``host:port`` of a web address, as the allowed hosts are written; ``None`` if it has none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
        return None
    return parts.hostname if port is None else f"{parts.hostname}:{port}"
