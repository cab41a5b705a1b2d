"""What a sweep goes through: axes as people choose them, and their values as people type them. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from bot.errors import BadOption
from bot.options import figure, is_empty, parse_scheduler, shown
from storage.records import Lora
from storage.sweeps import Axis, AxisValue

#: The most cells of a sweep: Discord's menu and a phone's width hold no more.
MOST_CELLS: Final = 20

_NUMBER: Final = r"[+-]?\d{1,20}(?:\.\d{1,6})?"
_ONE: Final = re.compile(_NUMBER, re.ASCII)
_RANGE: Final = re.compile(
    rf"(?P<first>{_NUMBER})\s*(?:\.\.\.?|…|-|–|—|\bto\b)\s*(?P<last>{_NUMBER})"
    rf"(?:\s*(?:in\s+)?(?:steps?(?:\s+of)?|by)\s*(?P<step>{_NUMBER}))?",
    re.ASCII | re.IGNORECASE,
)
_RANDOM: Final = re.compile(r"(?P<count>\d{1,3})\s*(?:random|new|drawn)(?:\s+seeds?)?", re.ASCII | re.IGNORECASE)


class Along(StrEnum):
    """What a sweep can go along."""

    SEED = "seed"
    STEPS = "steps"
    CFG = "cfg"
    TRUE_CFG = "true_cfg"
    SCHEDULER = "scheduler"
    LORA = "lora_weight"

    @property
    def option(self) -> str:
        """The option of an edit that it sets."""
        return "loras" if self is Along.LORA else self.value


#: Example values of each, for sentences.
_EXAMPLES: Final[Mapping[Along, str]] = {
    Along.SEED: "`7, 8, 9` or `4 random`",
    Along.STEPS: "`20, 30, 40` or `20-50 step 10`",
    Along.CFG: "`2, 4, 6` or `1..5`",
    Along.TRUE_CFG: "`2, 4, 6` or `1..5`",
    Along.SCHEDULER: "`Euler, UniPC`",
    Along.LORA: "`0.5, 0.8, 1` or `0..1 step 0.25`",
}


@dataclass(frozen=True, slots=True)
class Typed:
    """An axis as it was typed."""

    #: The option that its values came in: ``x_values`` or ``y_values``.
    name: str
    along: Along
    values: str


def read_axes(
    x: Along,
    x_values: str,
    y: Along | None,
    y_values: str | None,
    *,
    loras: tuple[Lora, ...] = (),
    lora: str | None = None,
    draw: Callable[[], int],
) -> tuple[Axis, ...]:
    """Return one axis or two. Whether an edit may have such a value is decided for each cell.

    Args:
        x: what to go along, with its values as typed.
        x_values: see ``x``.
        y: the second axis, if any.
        y_values: see ``y``.
        loras: the LoRAs of the edit.
        lora: the one whose weight is meant, by its AIR, where that has to be said.
        draw: makes a seed.

    Raises:
        BadOption: the first thing that is wrong, in a sentence.
    """
    typed = [Typed("x_values", x, x_values)]
    if y is None and not is_empty(y_values):
        raise BadOption("y_values", "`y_values` needs `y`: choose what the second axis is, or leave both out.")
    if y is not None:
        if is_empty(y_values):
            raise BadOption("y_values", f"`y_values` is missing: say the values of `y`, such as {_EXAMPLES[y]}.")
        if y is x:
            raise BadOption("y", f"`y` is {named(x)} already, and so is `x`: choose another second axis.")
        typed.append(Typed("y_values", y, y_values or ""))
    if lora is not None and Along.LORA not in (x, y):
        raise BadOption("lora", "`lora` says whose weight an axis is, and no axis is a LoRA's weight; leave it out.")
    axes = tuple(_axis(one, loras, lora, draw) for one in typed)
    cells = count(axes)
    if cells > MOST_CELLS:
        times = " times ".join(str(len(axis.values)) for axis in axes)
        many = f"{times} are {cells}" if len(axes) > 1 else f"{cells} values were given"
        raise BadOption(typed[-1].name, f"A sweep has up to {MOST_CELLS} cells, and {many}; leave some values out.")
    return axes


def count(axes: tuple[Axis, ...]) -> int:
    """Return how many cells axes make."""
    cells = 1
    for axis in axes:
        cells *= len(axis.values)
    return cells


def named(along: Along) -> str:
    """Return what an axis is called in a sentence."""
    return {Along.SEED: "the seed", Along.STEPS: "steps", Along.CFG: "CFG", Along.TRUE_CFG: "true CFG"}.get(
        along, "the scheduler" if along is Along.SCHEDULER else "a LoRA's weight"
    )


def heading(axis: Axis) -> str:
    """Return what an axis is called over its values: ``steps``, ``CFG``, ``LoRA weight``."""
    return {"cfg": "CFG", "true_cfg": "true CFG", "loras": "LoRA weight"}.get(axis.option, axis.option)


def said(value: AxisValue) -> str:
    """Return a value of an axis as people read it."""
    return figure(value) if isinstance(value, float) else str(value)


def text(axis: Axis, value: AxisValue) -> str:
    """Return a value with its axis: ``steps 30``; a scheduler's name speaks for itself."""
    return said(value) if axis.option == Along.SCHEDULER else f"{heading(axis)} {said(value)}"


def _axis(typed: Typed, loras: tuple[Lora, ...], lora: str | None, draw: Callable[[], int]) -> Axis:
    values = tuple(_values(typed, draw))
    if not values:
        raise BadOption(typed.name, f"`{typed.name}` has no value: give some, such as {_EXAMPLES[typed.along]}.")
    for value, times in Counter(values).items():
        if times > 1:
            raise BadOption(typed.name, f"`{typed.name}` has {said(value)} twice; give each value once.")
    return Axis(typed.along.option, values, _whose(loras, lora) if typed.along is Along.LORA else None)


def _whose(loras: tuple[Lora, ...], lora: str | None) -> str:
    """Return the AIR of the LoRA whose weight an axis is."""
    airs = {one.model.casefold(): one.model for one in loras}
    if not airs:
        raise BadOption("loras", "`loras` is missing: an axis of a LoRA's weight needs the LoRA, by its AIR.")
    if lora is None:
        if len(airs) > 1:
            raise BadOption(
                "lora", f"`lora` is missing: say which of the {len(airs)} LoRAs has the weight of the axis."
            )
        return next(iter(airs.values()))
    if lora.strip().casefold() not in airs:
        raise BadOption("lora", f"`lora` is one of those in `loras`, by its AIR, and {shown(lora)} is none of them.")
    return airs[lora.strip().casefold()]


def _values(typed: Typed, draw: Callable[[], int]) -> Iterator[AxisValue]:
    for part in re.split(r"[,;\n]", typed.values):
        if not part.strip():
            continue
        yield from _part(typed, part.strip(), draw)


def _part(typed: Typed, part: str, draw: Callable[[], int]) -> Iterator[AxisValue]:
    if typed.along is Along.SCHEDULER:
        yield _scheduler(typed, part)
        return
    drawn = _RANDOM.fullmatch(part)
    if drawn is not None and typed.along is Along.SEED:
        yield from _drawn(typed, int(drawn["count"]), draw)
    elif _ONE.fullmatch(part):
        yield _number(Decimal(part))
    elif (found := _RANGE.fullmatch(part)) is not None:
        yield from _range(typed, part, **{name: _decimal(text) for name, text in found.groupdict().items()})
    else:
        raise BadOption(
            typed.name,
            f"`{typed.name}` takes values such as {_EXAMPLES[typed.along]}, and {shown(part)} is not one of that kind.",
        )


def _scheduler(typed: Typed, part: str) -> str:
    try:
        return parse_scheduler(part) or ""
    except BadOption as bad:
        raise BadOption(typed.name, str(bad).replace("`scheduler` is", f"`{typed.name}` takes schedulers,", 1)) from bad


def _drawn(typed: Typed, number: int, draw: Callable[[], int]) -> Iterator[int]:
    if not 1 <= number <= MOST_CELLS:
        raise BadOption(
            typed.name, f"`{typed.name}` takes 1 to {MOST_CELLS} random seeds, and {number} were asked for."
        )
    for _ in range(number):
        yield draw()


def _range(
    typed: Typed, part: str, *, first: Decimal | None, last: Decimal | None, step: Decimal | None
) -> Iterator[Any]:
    start, end = first or Decimal(0), last or Decimal(0)
    stride = Decimal(1) if step is None else step
    if stride <= 0:
        raise BadOption(typed.name, f"`{typed.name}` goes in steps of more than 0, and {shown(part)} does not.")
    length = int(abs(end - start) / stride) + 1
    if length > MOST_CELLS:
        raise BadOption(
            typed.name,
            f"A sweep has up to {MOST_CELLS} cells, and {shown(part)} alone are {length:,} values; "
            "take larger steps, such as `20-50 step 10`.",
        )
    way = stride if end >= start else -stride
    for number in range(length):
        yield _number(start + number * way)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _number(value: Decimal) -> int | float:
    """Return a number as an edit has it: whole ones as ``int``, so that ``30`` and ``30.0`` are one value."""
    return int(value) if value == value.to_integral_value() else float(value)
