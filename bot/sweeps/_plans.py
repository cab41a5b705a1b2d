"""What a sweep asks for: the request of each cell, or why it cannot be made. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot import options
from bot.errors import BadOption
from bot.sweeps._axes import count, text
from storage.records import EditRequest, House, Lora, Reference
from storage.sweeps import Axis, AxisValue


@dataclass(frozen=True, slots=True)
class Plan:
    """A sweep before it is asked for."""

    #: What all cells have in common; of what the axes set, it says nothing that counts.
    request: EditRequest
    axes: tuple[Axis, ...]
    #: Of each cell, the first fault that keeps it from being made, in words.
    refusals: tuple[str | None, ...]

    @property
    def requests(self) -> list[EditRequest]:
        """The requests of the cells that can be made."""
        return [
            request_of(self.request, self.axes, place) for place, refusal in enumerate(self.refusals) if refusal is None
        ]


def plan(
    given: Mapping[str, object],
    references: Sequence[Reference],
    axes: tuple[Axis, ...],
    *,
    parent_id: int | None = None,
    safety: str = "fast",
    house: House,
    draw: Callable[[], int],
) -> Plan:
    """Return a request for each cell, or why it cannot be made; the seed is the same in all, unless it is an axis.

    Args:
        given: options by name, without those that an axis sets.
        references: the pictures, the one to start from first.
        axes: one or two.
        parent_id: the result it starts from.
        safety: as the place decides.
        house: the server's own rules.
        draw: makes the seed where none is given.

    Raises:
        BadOption: an axis was given as an option too; or no cell can be made.
    """
    for axis in axes:
        if axis.lora is None and not options.is_empty(given.get(axis.option)):
            raise BadOption(
                axis.option, f"`{axis.option}` is an axis of this sweep: leave it out, or choose another axis."
            )
    values = {**house.filled(given), "results": 1}
    if options.is_empty(values.get("seed")):
        values["seed"] = draw()
    examined = [
        options.examine(
            _at(values, axes, place), references, parent_id=parent_id, safety=safety, house=house, draw=draw
        )
        for place in range(count(axes))
    ]
    made = next((one.request for one in examined if one.request is not None), None)
    if made is None:
        raise _refused(examined[0].faults, axes, len(examined))
    return Plan(made, axes, tuple(str(one.faults[0]) if one.faults else None for one in examined))


def request_of(request: EditRequest, axes: Sequence[Axis], place: int) -> EditRequest:
    """Return the request of a cell that can be made: that of all cells, with what the axes set there."""
    changes: dict[str, object] = {}
    for axis, value in values_at(axes, place):
        wanted = _weighed(request.loras, axis.lora, value) if axis.lora is not None else value
        parameter = options.BY_NAME[axis.option]
        changes[parameter.field] = parameter.read(wanted)
    return replace(request, **changes)  # pyright: ignore[reportArgumentType] (each parameter reads its own type)


def values_at(axes: Sequence[Axis], place: int) -> list[tuple[Axis, AxisValue]]:
    """Return what each axis is at a cell; the second axis is the outermost."""
    found: list[tuple[Axis, AxisValue]] = []
    for axis in axes:
        place, index = divmod(place, len(axis.values))
        found.append((axis, axis.values[index]))
    return found


def label(axes: Sequence[Axis], place: int) -> str:
    """Return a cell in words: ``steps 30 · CFG 4``."""
    return " · ".join(text(axis, value) for axis, value in values_at(axes, place))


def _at(values: Mapping[str, object], axes: Sequence[Axis], place: int) -> dict[str, object]:
    changed = dict(values)
    for axis, value in values_at(axes, place):
        changed[axis.option] = value
        if axis.lora is not None:
            changed[options.LORAS.name] = _weighed(read_loras(values), axis.lora, value)
    return changed


def read_loras(values: Mapping[str, object]) -> tuple[Lora, ...]:
    """Return the LoRAs among some options. Raises BadOption."""
    return options.LORAS.read(values.get(options.LORAS.name)) or ()


def _weighed(loras: Sequence[Lora], air: str | None, weight: AxisValue) -> list[Lora]:
    """Return LoRAs of which one has another weight, which is not checked yet."""
    return [replace(lora, weight=weight) if lora.model == air else lora for lora in loras]


def _refused(faults: Sequence[BadOption], axes: Sequence[Axis], cells: int) -> BadOption:
    """Say why no cell can be made: by a fault that no axis has to do with, if there is one."""
    swept = {axis.option for axis in axes}
    for fault in faults:
        if fault.option not in swept:
            return fault
    return BadOption(
        faults[0].option, f"None of the {cells} cells can be made: {faults[0]}" if cells > 1 else str(faults[0])
    )
