"""What an edit will cost, how much is kept back for it, and what is said when it does not fit. Rules without I/O.

Runware bills this model by compute time, so a price is known only afterwards. The estimate is fitted to the four
priced examples of the model's page (sizes, steps, references and the cost of each): 0.0442, 0.0390, 0.0307 and
0.0595 USD; it meets them within a quarter, and the hold keeps back enough to cover every one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.errors import OverQuota
from storage.records import MICROS_PER_DOLLAR, Allowance, EditRequest, Job, Scope

#: Micro-dollars for 32 steps over one megapixel, and over one reference.
_PER_MEGAPIXEL: Final = 14_400
_PER_REFERENCE: Final = 16_500
_PRICED_STEPS: Final = 32
#: How much more than the estimate is held: an edit may need more compute than the examples did.
_MARGIN_PERCENT: Final = 150


def estimate(request: EditRequest) -> int:
    """Return what a request will likely cost, in micro-dollars, over all its results."""
    pixels = request.width * request.height
    weight = _PER_MEGAPIXEL * pixels // 1_000_000 + _PER_REFERENCE * len(request.references)
    return max(1, weight * request.steps * request.results // _PRICED_STEPS)


def upper_bound(request: EditRequest) -> int:
    """Return what is held for a request, in micro-dollars: more than it should ever cost."""
    return estimate(request) * _MARGIN_PERCENT // 100 + 1


@dataclass(frozen=True, slots=True)
class QuotaView:
    """What a member may still spend here, and what of theirs is running."""

    member: Allowance
    server: Allowance
    bot: Allowance
    running: tuple[Job, ...]


def over_quota(allowance: Allowance, needed: int) -> OverQuota:
    """Say which limit bound, what is left of it, and when it frees (as a Discord time stamp)."""
    owner = {
        Scope.MEMBER: "your daily allowance",
        Scope.SERVER: "this server's daily allowance",
        Scope.BOT: "the daily limit over all servers",
    }[allowance.scope]
    sentence = (
        f"This edit needs up to {dollars(needed)} held back, but {owner} of {dollars(allowance.limit)} "
        f"has {dollars(allowance.left)} left. It resets <t:{allowance.resets_at // 1000}:R>."
    )
    if needed <= allowance.limit:
        return OverQuota(f"{sentence} Fewer results, steps or pictures cost less.")
    return OverQuota(f"{sentence} It would not fit on a fresh day either: ask for fewer results, steps or pictures.")


def dollars(micros: int) -> str:
    """Write micro-dollars as people read them: ``$0.0442``, with no more than four decimals, rounded up."""
    tenths_of_cents = -(-micros * 10_000 // MICROS_PER_DOLLAR)
    whole, rest = divmod(tenths_of_cents, 10_000)
    decimals = f"{rest:04}"
    return f"${whole}.{decimals[:2] if decimals.endswith('00') else decimals}"


def known_cost(costs: Sequence[int | None], cost_per: str) -> int:
    """Add up what Runware has reported so far for a job's results, in micro-dollars.

    Whether ``cost`` speaks of one item or of the whole task is not settled by the sources (reference/runware-api.md,
    section 10): ``item`` adds the items up, ``task`` takes the largest, because each item repeats the task's.
    """
    known = [cost for cost in costs if cost is not None]
    return sum(known) if cost_per == "item" else max(known, default=0)


def cost_is_known(costs: Sequence[int | None], cost_per: str) -> bool:
    """Tell whether :func:`known_cost` is the whole cost. An absent cost means unknown, never free."""
    return bool(costs) and (None not in costs if cost_per == "item" else any(costs))
