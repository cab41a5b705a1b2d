"""What Runware says of a task: bytes in, outcomes out. No I/O, no state.

Sources disagree on the shape of a delivery, so all that were seen are read: ``data`` and ``errors`` as a reply has
them, the bare task object, ``error`` as an object, a list, a sentence or ``true``, a flat object with
``status: error``, ``data`` as an object, an error inside an item, and an array of any of these.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, Context, Decimal
from typing import Any, Final, cast

from bot.runware.replies import ErrorObject, ImageResult, TaskRecord
from storage.records import MICROS_PER_DOLLAR, Failure, Outcome, Processing, Success

#: The code of a failure to which Runware gave none.
NO_CODE: Final = "unknown"

_UNFINISHED: Final = ("processing", "pending")
_LONGEST_INTEGER: Final = 64
_LONGEST_CODE: Final = 100
_LONGEST_MESSAGE: Final = 2000
#: An amount beyond it is noise, and may be too large to compute with.
_MOST_DOLLARS: Final = 1_000_000_000
#: A number too long or too large for this becomes NaN or infinity, and so unreadable, instead of an exception.
_NUMBERS: Final = Context(prec=40, rounding=ROUND_CEILING, traps=[])


class MalformedDelivery(ValueError):
    """Nothing about a task can be read from these bytes."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One outcome, with what tells a poll whether a failure is the task's or the call's own."""

    outcome: Outcome
    task_type: str | None
    status: str | None


@dataclass(frozen=True, slots=True)
class Envelope:
    """A body taken apart: entries that speak of tasks or answer calls, and entries that are errors."""

    data: tuple[dict[str, Any], ...] = field(repr=False)
    errors: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class TaskDetails:
    """What ``getTaskDetails`` knows of a task."""

    #: Whether Runware has the task on record at all.
    known: bool
    #: What became of it; empty while nothing is recorded, which is no proof of failure.
    outcomes: list[Outcome]


def parse(body: bytes | str, task_uuid: str | None = None) -> list[Outcome]:
    """Return what ``body`` says of the task ``task_uuid``, or of any task when it is ``None``.

    What names another task is dropped; what names none is taken to be about ``task_uuid``. An envelope with nothing in
    it gives ``[]``.

    Raises:
        MalformedDelivery: Nothing can be read. Nothing else is ever raised, whatever the bytes.
    """
    envelope = unwrap(body)
    readings = _everything(envelope, task_uuid)
    if not readings and (envelope.data or envelope.errors):
        raise MalformedDelivery("no entry speaks of a task")
    return [reading.outcome for reading in _about(readings, task_uuid)]


def unwrap(body: bytes | str) -> Envelope:
    """Take a body apart into its entries.

    Raises:
        MalformedDelivery: The bytes are no JSON, or hold neither an envelope nor an object.
    """
    data: list[dict[str, Any]] = []
    errors: list[object] = []
    opened = False
    for entry in _listed(_decode(body)):
        if not isinstance(entry, dict):
            continue
        entry = cast("dict[str, Any]", entry)
        if "data" in entry or "errors" in entry:
            opened = True
            _open(entry, data, errors)
        elif entry:
            data.append(entry)
    if not (opened or data):
        raise MalformedDelivery("not an object that Runware would send")
    return Envelope(tuple(data), tuple(errors))


def read(envelope: Envelope, task_uuid: str | None = None) -> list[Reading]:
    """Return what can be read in ``envelope``, as :func:`parse` does; what cannot is skipped."""
    return list(_about(_everything(envelope, task_uuid), task_uuid))


def same_task(one: str, other: str) -> bool:
    """Whether two spellings are one UUID."""
    return one.lower() == other.lower()


def parse_details(envelope: Envelope, task_uuid: str) -> TaskDetails:
    """Read the answer to ``getTaskDetails`` for one task."""
    records = [TaskRecord.model_validate(entry) for entry in envelope.data]
    mine = [record for record in records if record.task_uuid is not None and same_task(record.task_uuid, task_uuid)]
    data: list[dict[str, Any]] = []
    errors: list[object] = []
    for record in mine:
        _open(record.response or {}, data, errors)
    readings = read(Envelope(tuple(data), tuple(errors)), task_uuid)
    return TaskDetails(known=bool(mine), outcomes=[reading.outcome for reading in readings])


def micros(dollars: Decimal | None, rounding: str = ROUND_CEILING) -> int | None:
    """Return whole micro-dollars, rounded once; ``None`` for what is no amount of money."""
    if dollars is None or not -_MOST_DOLLARS <= dollars <= _MOST_DOLLARS:
        return None
    exact = _NUMBERS.multiply(dollars, MICROS_PER_DOLLAR)
    return int(exact.to_integral_value(rounding, _NUMBERS))


# JSON --------------------------------------------------------------------------------------------------------


def _decode(body: bytes | str) -> object:
    try:
        return json.loads(body, parse_float=_NUMBERS.create_decimal, parse_int=_integer)
    except (ValueError, RecursionError):
        pass
    # Raised out here so that it does not carry the body along as its context.
    raise MalformedDelivery("not JSON")


def _integer(digits: str) -> int | None:
    # Python refuses to read very long ones, and no field of Runware's is one.
    return int(digits) if len(digits) <= _LONGEST_INTEGER else None


def _listed(value: object) -> list[object]:
    if value is None:
        return []
    return cast("list[object]", value) if isinstance(value, list) else [value]


def _open(envelope: dict[str, Any], data: list[dict[str, Any]], errors: list[object]) -> None:
    # An entry of data that is no object becomes an empty one: it still tells that something was there.
    data += [
        cast("dict[str, Any]", entry) if isinstance(entry, dict) else {} for entry in _listed(envelope.get("data"))
    ]
    errors += _listed(envelope.get("errors"))
    errors += [error for error in _listed(envelope.get("error")) if error]


# Entries -----------------------------------------------------------------------------------------------------


def _everything(envelope: Envelope, task_uuid: str | None) -> list[Reading]:
    """Read every entry; what names no task is taken to be about ``task_uuid``."""
    readings = [reading for entry in envelope.data for reading in _item(entry, task_uuid)]
    return readings + [reading for error in envelope.errors for reading in _failure(error, {})]


def _about(readings: list[Reading], task_uuid: str | None) -> Iterator[Reading]:
    """Keep what is about ``task_uuid``, under its own spelling, and what names no task."""
    for reading in readings:
        named = reading.outcome.task_uuid
        if task_uuid is None or named is None:
            yield reading
        elif same_task(named, task_uuid):
            yield replace(reading, outcome=replace(reading.outcome, task_uuid=task_uuid))


def _item(raw: dict[str, Any], task_uuid: str | None) -> Iterator[Reading]:
    item = ImageResult.model_validate(raw)
    status = (item.status or "").lower()
    errors = [error for error in _listed(raw.get("error")) if error]
    if errors or status == "error" or (item.image_uuid is None and _code(raw)):
        for error in errors or [raw]:
            yield from _failure(error, raw)
    elif (outcome := _progress(item, status, task_uuid)) is not None:
        yield Reading(outcome, item.task_type, item.status)


def _progress(item: ImageResult, status: str, task_uuid: str | None) -> Outcome | None:
    named = item.task_uuid or task_uuid
    if named is None:
        return None
    if status in _UNFINISHED:
        return Processing(named)
    if item.image_uuid:
        # A picture that cannot be had is recorded all the same: it was paid.
        cost = micros(item.cost) if item.cost is not None and item.cost > 0 else None
        inline = None if item.image_url else item.image_base64_data or item.image_data_uri
        return Success(
            named, item.image_uuid, item.image_url or "", item.seed, cost, nsfw=item.nsfw_content, inline=inline
        )
    # A bare acknowledgement says that the task is there; a success without its picture says nothing of use.
    return Processing(named) if item.task_uuid and status != "success" else None


def _failure(error: object, item: dict[str, Any]) -> Iterator[Reading]:
    """Read an error in any of its forms; what it does not say itself is taken from the ``item`` it came in."""
    inner: dict[str, Any] = {"message": error} if isinstance(error, str) else {}
    if isinstance(error, dict):
        inner = cast("dict[str, Any]", error)
    elif not isinstance(error, str) and error is not True:
        return
    said, around = ErrorObject.model_validate(inner), ErrorObject.model_validate(item)
    failure = Failure(
        task_uuid=said.task_uuid or around.task_uuid,
        code=_code(inner) or _code(item) or NO_CODE,
        message=(said.message or said.error_message or around.message or around.error_message or "")[:_LONGEST_MESSAGE],
        parameters=said.parameter or around.parameter or (),
    )
    yield Reading(failure, said.task_type or around.task_type, said.status or around.status)


def _code(raw: dict[str, Any]) -> str:
    return (ErrorObject.model_validate({"code": raw.get("code")}).code or "").strip()[:_LONGEST_CODE]
