"""Earlier edits under a server's rules of today: what would be refused is brought within them, and said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bot.errors import BadOption
from bot.options._building import build_request, longest_side, values_of
from bot.options._parameters import BY_NAME, LORAS, SIZE, Counted, figure
from bot.options._sizes import match_size
from storage.records import EditRequest, House

_RANGE: Final = ("cache_start", "cache_end", "cache_start_percent", "cache_end_percent")


def brought_within(request: EditRequest, house: House) -> tuple[EditRequest, list[str]]:
    """Return an edit with its numbers, its size and its LoRAs as a server allows them now, and what that changes.

    It is for what nobody types again: an edit of a result takes over the settings that the result was made with. Each
    change is told in a few words, such as "`steps` 20 instead of 30".
    """
    changes, told = dict[str, Any](), list[str]()
    for name in house.bounds:
        parameter = BY_NAME.get(name)
        value = parameter.of(request) if isinstance(parameter, Counted) else None
        if value is None:
            continue
        nearest = _nearest(value, house, name)
        if nearest != value:
            changes[name] = nearest
            told.append(f"`{name}` {figure(nearest)} instead of {figure(value)}")
    size = size_within((request.width, request.height), house)
    if size != (request.width, request.height):
        changes[SIZE] = "x".join(map(str, size))
        told.append(f"`{SIZE}` {changes[SIZE]} instead of {request.width}x{request.height}")
    stays = tuple(lora for lora in request.loras if lora.model in house.loras)
    if stays != request.loras:
        changes[LORAS.name] = LORAS.plain(stays) or None
        told += [f"without the LoRA `{lora.model}`" for lora in request.loras if lora not in stays]
    if not changes:
        return request, told
    try:
        return _changed(request, changes), told
    except BadOption:  # the cached range does not go with what became of it, or of the steps: the edit can do without
        return _changed(request, {**changes, **dict.fromkeys(_RANGE)}), [*told, "without the cached range"]


def size_within(size: tuple[int, int], house: House) -> tuple[int, int]:
    """Return a size fitted to the longest side that a server allows."""
    longest = longest_side(house)
    return size if max(size) <= longest else match_size(size, longest=longest)


def _nearest(value: float, house: House, name: str) -> float:
    bound = house.bounds[name]
    least = value if bound.least is None else max(value, bound.least)
    return least if bound.most is None else min(least, bound.most)


def _changed(request: EditRequest, changes: Mapping[str, Any]) -> EditRequest:
    values = {**values_of(request), **changes}
    return build_request(
        values, request.references, parent_id=request.parent_id, safety=request.safety, draw=lambda: request.seed
    )
