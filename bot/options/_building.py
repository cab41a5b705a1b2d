"""Making requests of options, and options of requests. Every fault is found, and each names its option."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from bot.errors import BadOption
from bot.options._parameters import (
    BY_NAME,
    DEFAULT_STEPS,
    NAMES,
    PARAMETERS,
    SIZE,
    Counted,
    Parameter,
    Plain,
    figure,
    is_empty,
)
from bot.options._schedulers import is_stochastic
from bot.options._sizes import MAX_SIDE, parse_size, read_side
from bot.options._texts import shown, written
from storage.records import Acceleration, Bound, EditRequest, FaceFix, House, Reference, Result

MAX_REFERENCES: Final = 3

#: What stands for a picture while there is none, so that everything else can be looked at.
_NO_PICTURE: Final = Reference(sha256="", width=1024, height=1024, label="")


@dataclass(frozen=True, slots=True)
class Examined:
    """What became of some options: a request, or everything that keeps them from being one."""

    request: EditRequest | None
    #: In the order of :data:`~bot.options.PARAMETERS`.
    faults: tuple[BadOption, ...] = ()


def build_request(
    values: Mapping[str, object],
    references: Sequence[Reference],
    *,
    parent_id: int | None = None,
    safety: str = "fast",
    house: House | None = None,
    draw: Callable[[], int],
) -> EditRequest:
    """Check every option and return the request, or raise :class:`~bot.errors.BadOption` for the first bad one.

    Args:
        values: options by name, typed or as JSON holds them; ``None`` and blank text are options left out.
        references: the pictures, the one to start from first.
        parent_id: the result this edit starts from.
        safety: ``fast`` or ``none``, as the place decides.
        house: the server's own rules, where they are to be checked too. Its defaults are for the caller to fill in
            (:meth:`House.filled`).
        draw: makes the seed where none is given.
    """
    examined = examine(values, references, parent_id=parent_id, safety=safety, house=house, draw=draw)
    if examined.request is None:
        raise examined.faults[0]
    return examined.request


def examine(
    values: Mapping[str, object],
    references: Sequence[Reference],
    *,
    parent_id: int | None = None,
    safety: str = "fast",
    house: House | None = None,
    draw: Callable[[], int],
) -> Examined:
    """Do as :func:`build_request` does, and return every fault instead of raising the first."""
    faults = [_unknown(name) for name in values if name not in NAMES]
    read: dict[str, Any] = {}
    for parameter in PARAMETERS:
        try:
            read[parameter.field] = parameter.read(values.get(parameter.name))
        except BadOption as bad:
            faults.append(bad)
            read[parameter.field] = None
        if parameter.name == "prompt" and is_empty(values.get("prompt")):
            faults.append(BadOption("prompt", "`prompt` is empty; say what to change, in a sentence."))
    if not 1 <= len(references) <= MAX_REFERENCES:
        faults.append(
            BadOption("image", f"`image` takes 1 to {MAX_REFERENCES} pictures, and {len(references)} were given.")
        )
    first = references[0] if references else _NO_PICTURE
    try:
        longest = longest_side(house)
        width, height = parse_size(_text_of(values.get(SIZE)), (first.width, first.height), longest=longest)
    except BadOption as bad:
        faults.append(bad)
        width, height = first.width, first.height
    request = _request(read, references, (width, height), parent_id=parent_id, safety=safety, draw=draw)
    faults += _between(request, wrong={fault.option for fault in faults})
    faults += [] if house is None else _against(request, house, wrong={fault.option for fault in faults})
    return Examined(None if faults else request, tuple(faults))


def check(request: EditRequest) -> None:
    """Check a request that was made some other way than from options; raises like :func:`build_request`."""
    build_request(values_of(request), request.references, draw=lambda: request.seed)


def check_house(request: EditRequest, house: House) -> None:
    """Refuse what a server's own rules do not allow. Raises BadOption for the first."""
    for fault in _against(request, house, wrong=frozenset()):
        raise fault


def values_of(request: EditRequest) -> dict[str, Plain]:
    """Return everything that a request sets, as JSON holds it; :func:`build_request` makes the same of it."""
    values: dict[str, Plain] = {}
    for parameter in PARAMETERS:
        value = parameter.of(request)
        if value is not None and value != ():
            values[parameter.name] = parameter.plain(value)
    return {**values, SIZE: f"{request.width}x{request.height}"}


def settings_of(request: EditRequest) -> dict[str, Plain]:
    """Return how a request edits, without what makes it this one edit: its words, its seed, how many pictures."""
    own = {"prompt", "seed", "results"}
    return {name: value for name, value in values_of(request).items() if name not in own}


def advice(request: EditRequest) -> list[str]:
    """Return sentences on what a request sets to no effect, or to its loss. None of it is refused."""
    said: list[str] = []
    if request.negative is not None and request.cfg is not None and request.cfg <= 1:
        said.append("`negative` is not sent: the model ignores it while `cfg` is 1 or less.")
    faster = request.acceleration
    caches = faster.fb_cache or faster.tea_cache or faster.db_cache
    if caches and request.scheduler is not None and is_stochastic(request.scheduler):
        said.append(f"Caches work badly with `{request.scheduler}`, which draws new noise at each step.")
    if request.output_quality is not None and request.output_format == "PNG":
        said.append("`quality` has no effect on a PNG.")
    if any(lora.stage is not None for lora in request.loras):
        said.append("The stage of a LoRA is meant for video models; expect no effect.")
    if request.face != FaceFix():
        said.append("Face enhancement is documented for SD 1.x, SDXL and FLUX only; expect no effect, or a refusal.")
    return said


def reference_to(result: Result, request: EditRequest) -> Reference:
    """Return a result as the input of another edit; ``request`` is what it was made of."""
    width, height = result.width or request.width, result.height or request.height
    return Reference(result.sha256 or "", width, height, label=result.short_id, result_id=result.id)


def child_of(result: Result, request: EditRequest, prompt: str, draw: Callable[[], int]) -> EditRequest:
    """Return the request to edit a result in other words: one picture of its size, with the settings it was made with.

    Raises:
        BadOption: the prompt is empty, too long or no text.
    """
    start = reference_to(result, request)
    values = {**settings_of(request), "prompt": prompt, SIZE: f"{start.width}x{start.height}"}
    return build_request(values, [start], parent_id=result.id, safety=request.safety, draw=draw)


def parameter_named(name: str) -> Parameter:
    """Return the parameter of a name. Raises BadOption where there is none."""
    if name not in BY_NAME:
        raise _unknown(name)
    return BY_NAME[name]


def read_bound(name: str, least: object, most: object) -> Bound:
    """Return a bound for a server to set, out of what was typed.

    Raises:
        BadOption: the option is no number, the bound is none or outside the model's, or leaves nothing.
    """
    if name == SIZE:
        if is_empty(most) or not is_empty(least):
            raise BadOption(SIZE, f"`{SIZE}` takes only a most: the longest side in pixels, such as 1024.")
        return Bound(None, read_side(most))
    parameter = parameter_named(name)
    if not isinstance(parameter, Counted):
        raise BadOption(name, f"`{name}` is no number, so it has no bounds; a server can set a default for it.")
    low, high = parameter.read(least), parameter.read(most)
    if low is None and high is None:
        raise BadOption(name, f"`{name}` needs a bound: say the least, the most, or both.")
    if low is not None and high is not None and low > high:
        raise BadOption(name, f"`{name}` cannot begin at {figure(low)} and go up to {figure(high)}.")
    return Bound(low, high)


def _unknown(name: str) -> BadOption:
    near = get_close_matches(name[:100], NAMES, n=1)
    hint = f"did you mean `{near[0]}`?" if near else "leave it out."
    return BadOption(name, f"{shown(name)} is no option of an edit; {hint}")


def _text_of(given: object) -> str | None:
    return None if given is None else written(given)


def _request(
    read: Mapping[str, Any],
    references: Sequence[Reference],
    size: tuple[int, int],
    *,
    parent_id: int | None,
    safety: str,
    draw: Callable[[], int],
) -> EditRequest:
    def part(name: str) -> dict[str, Any]:
        return {field.rpartition(".")[2]: value for field, value in read.items() if field.startswith(f"{name}.")}

    return EditRequest(
        prompt=read["prompt"] or "",
        references=tuple(references),
        width=size[0],
        height=size[1],
        seed=draw() if read["seed"] is None else read["seed"],
        results=read["results"] or 1,
        steps=read["steps"] or DEFAULT_STEPS,
        negative=read["negative"],
        cfg=read["cfg"],
        true_cfg=read["true_cfg"],
        scheduler=read["scheduler"],
        parent_id=parent_id,
        safety=safety,
        output_format=read["output_format"],
        output_quality=read["output_quality"],
        loras=read["loras"] or (),
        acceleration=Acceleration(**part("acceleration")),
        face=FaceFix(**part("face")),
    )


def _between(request: EditRequest, *, wrong: AbstractSet[str]) -> list[BadOption]:
    """Return what is wrong between options (``reference/runware-api.md``, section 3); ``wrong`` are known faults."""
    faster, faults = request.acceleration, list[BadOption]()
    in_steps = [name for name in ("cache_start", "cache_end") if getattr(faster, name) is not None]
    in_percent = [name for name in ("cache_start_percent", "cache_end_percent") if getattr(faster, name) is not None]
    if in_steps and in_percent:
        faults.append(
            BadOption(
                in_percent[0],
                f"`{in_steps[0]}` and `{in_percent[0]}` exclude each other: give the cached range in steps or in percent.",
            )
        )
    for first, last in (("cache_start", "cache_end"), ("cache_start_percent", "cache_end_percent")):
        start, end = getattr(faster, first), getattr(faster, last)
        if start is not None and end is not None and start >= end:
            faults.append(
                BadOption(last, f"`{last}` comes after `{first}`, and {end} was given for {start}; the range is empty.")
            )
    if faster.cache_end is not None and "steps" not in wrong and faster.cache_end > request.steps:
        faults.append(
            BadOption(
                "cache_end",
                f"`cache_end` goes up to the number of `steps`, which is {request.steps}, and {faster.cache_end} was given.",
            )
        )
    return faults


def _against(request: EditRequest, house: House, *, wrong: AbstractSet[str]) -> list[BadOption]:
    """Return what a server does not allow: numbers beyond its bounds, and LoRAs that no manager let in.

    What is ``wrong`` already has no value yet, so that nothing more can be said of it.
    """
    faults: list[BadOption] = []
    for name, bound in house.bounds.items():
        if name in wrong:
            continue
        try:
            if name == SIZE:
                _check_longest(max(request.width, request.height), bound)
            else:
                parameter = parameter_named(name)
                parameter.check_bound(parameter.of(request), bound)
        except BadOption as bad:
            faults.append(bad)
    faults += [_not_let_in(lora.model, house) for lora in request.loras if lora.model not in house.loras]
    return faults


def _not_let_in(model: str, house: House) -> BadOption:
    named = [air for air, name in house.loras.items() if name.casefold() == model.casefold()]
    if named:
        return BadOption(
            "loras",
            f"`loras` names LoRAs by their AIRs, and {shown(model)} is the name of {shown(named[0])}: type that.",
        )
    return BadOption(
        "loras",
        f"`loras` takes those that the managers of this server let in, and {shown(model)} is none of them; "
        "`/lora list` shows them.",
    )


def longest_side(house: House | None) -> int:
    """Return what a picture is fitted to where no size is typed: to what the server allows, so that nothing is refused."""
    most = None if house is None else house.bounds.get(SIZE, Bound()).most
    return MAX_SIDE if most is None else int(most)


def _check_longest(side: int, bound: Bound) -> None:
    if bound.most is not None and side > bound.most:
        raise BadOption(SIZE, f"`{SIZE}` goes up to {figure(bound.most)} a side in this server, and {side} was given.")
