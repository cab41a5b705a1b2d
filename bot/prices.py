"""What an edit will cost, learned from what edits did cost. Rules without I/O.

Runware bills this model by compute time, so a price is known only afterwards. An edit's work has two parts, its pixels
and its references, each times its steps and results. What either costs starts from the four priced examples of the
model's page (0.0442, 0.0390, 0.0307 and 0.0595 USD, which it meets within a quarter). Every settled edit then says how
far off that was, and two factors are fitted to it by least squares, held to the examples as if by an edit or two more. A server's factors are held in the same way to those of all servers together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from storage.prices import Lessons
from storage.records import Basis, EditRequest, Price, Source

#: Micro-dollars for 32 steps over one megapixel, and over one reference.
_PER_MEGAPIXEL: Final = 14_400
_PER_REFERENCE: Final = 16_500
_PRICED_STEPS: Final = 32

#: The unit of the stored sums.
_UNIT: Final = 1_000_000
#: How much of what earlier edits taught stays with each new one: the last hundred or so count.
_FADE: Final = 0.99
#: As so many edits, what was known before holds against what is learned: of either factor, and of how they differ. A
#: machine that gets cheaper does so for pixels and references alike, so the factors move together until edits tell.
_PRIOR: Final = 0.5
_TOGETHER: Final = 0.5
#: An edit is believed to have cost at most so many times more or less than was expected: one odd cost moves little,
#: and prices that did change are followed in a few edits all the same.
_ODD: Final = 4.0
#: From so many settled edits on, an estimate is said to be learned from them.
_ENOUGH: Final = 10
#: No factor is believed beyond these bounds.
_LEAST, _MOST = 0.02, 50.0

#: How much more than the estimate is held while little is known, and the bounds once more is.
_MARGIN: Final = 1.5
_LEAST_MARGIN, _MOST_MARGIN = 1.2, 3.0
#: So many standard deviations of what edits cost, over what was expected, are covered.
_DEVIATIONS: Final = 3.0


@dataclass(frozen=True, slots=True)
class _Factors:
    """How much dearer pixels and references are than in the published examples."""

    pixels: float = 1.0
    references: float = 1.0


def price(request: EditRequest, server: Lessons = Lessons(), everywhere: Lessons = Lessons()) -> Price:  # noqa: B008 - frozen
    """Return what a request will likely cost over all its results, and what to hold for it: an upper bound."""
    pixels, references = _work(request)
    factors = _fit(server, _fit(everywhere, _Factors()))
    estimate = max(1, math.ceil(pixels * factors.pixels + references * factors.references))
    if server.edits >= _ENOUGH:
        basis, seen = Basis(Source.SERVER, server.edits), server
    elif everywhere.edits >= _ENOUGH:
        basis, seen = Basis(Source.BOT, everywhere.edits), everywhere
    else:
        return Price(estimate, math.ceil(estimate * _MARGIN) + 1, Basis(Source.EXAMPLES))
    return Price(estimate, math.ceil(estimate * _margin(seen)) + 1, basis)


def learn(known: Lessons, request: EditRequest, estimate: int, cost: int) -> Lessons:
    """Return what is known after one more edit was settled on a known cost, all of its results made."""
    pixels, references = _work(request)
    whole = pixels + references
    share, rest = pixels / whole, references / whole
    ratio = min(_ODD, max(1 / _ODD, cost / estimate))
    dearer = ratio * estimate / whole
    return Lessons(
        known.edits + 1,
        _faded(known.pixels_pixels, share * share),
        _faded(known.pixels_references, share * rest),
        _faded(known.references_references, rest * rest),
        _faded(known.pixels_cost, share * dearer),
        _faded(known.references_cost, rest * dearer),
        _faded(known.weight, 1.0),
        _faded(known.ratio, ratio),
        _faded(known.ratio_ratio, ratio * ratio),
    )


def _work(request: EditRequest) -> tuple[float, float]:
    """Return what the pixels and the references of a request cost at the prices of the examples, in micro-dollars."""
    times = request.steps * request.results / _PRICED_STEPS
    pixels = _PER_MEGAPIXEL * request.width * request.height / 1_000_000
    return pixels * times, _PER_REFERENCE * len(request.references) * times


def _fit(seen: Lessons, before: _Factors) -> _Factors:
    """Solve the two normal equations, with what was known before counted as some edits."""
    apart = _TOGETHER * (before.pixels - before.references)
    a = seen.pixels_pixels / _UNIT + _PRIOR + _TOGETHER
    b = seen.pixels_references / _UNIT - _TOGETHER
    c = seen.references_references / _UNIT + _PRIOR + _TOGETHER
    d = seen.pixels_cost / _UNIT + _PRIOR * before.pixels + apart
    e = seen.references_cost / _UNIT + _PRIOR * before.references - apart
    determinant = a * c - b * b  # positive: a sum of squares plus the prior
    return _Factors(
        min(_MOST, max(_LEAST, (c * d - b * e) / determinant)), min(_MOST, max(_LEAST, (a * e - b * d) / determinant))
    )


def _margin(seen: Lessons) -> float:
    """Return by what an estimate is multiplied so that hardly any edit costs more."""
    mean = seen.ratio / seen.weight
    spread = math.sqrt(max(0.0, seen.ratio_ratio / seen.weight - mean * mean))
    return min(_MOST_MARGIN, max(_LEAST_MARGIN, mean + _DEVIATIONS * spread))


def _faded(known: int, news: float) -> int:
    return round(known * _FADE + news * _UNIT)
