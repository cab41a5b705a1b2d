"""The fault plan: every behaviour of Runware that has more than one plausible form, and everything that can go wrong.

The fields are read at the moment they matter, so that a test may change them between two steps. The source of each is
the reference of Runware's API, section 13, and the sections it points to.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from playground.runware.wire import Json

Delivery = Literal["once", "twice", "late", "before_ack", "reordered", "lost"]
Submit = Literal["ok", "reset_before", "reset_after", "402", "429", "503", "503_after", "504", "504_after"]
Cost = Literal["normal", "absent", "zero", "above_hold"]
Poll = Literal["ok", "reset", "429", "503", "504", "504_terminal"]
ImageFault = Literal["ok", "html502", "wrong_type", "slow", "redirect", "gone", "huge"]


@dataclass(slots=True)
class Faults:
    """What goes wrong. A value that a field does not know is refused with ``ValueError`` when it is set."""

    #: How webhook calls travel. ``twice``: each is repeated once it was answered; ``late``: after ``late_seconds``;
    #: ``before_ack``: they are made, and awaited, before the submit is answered; ``reordered``: when the task is over,
    #: last item first; ``lost``: never.
    delivery: Delivery = "once"
    late_seconds: float = 0.5
    #: The body's shape, by the table of section 7. 1 and 3: ``data`` and ``errors``; 2 and 5: bare objects, failures
    #: flat; 4: ``data``, failures as a singular ``error`` that names no task.
    delivery_shape: Literal[1, 2, 3, 4, 5] = 1

    #: What a POST with an imageInference meets. ``*_after`` take its tasks first; the others do not.
    submit: Submit = "ok"
    #: How many more times ``submit`` applies; ``None`` for always.
    submit_times: int | None = None
    #: Whether a 4xx or 5xx made by ``submit`` or ``poll`` carries Runware's JSON or a gateway's HTML page.
    refusal_body: Literal["json", "html"] = "json"
    #: The envelope of a reply that has errors only: ``errors[]``, ``error{}``, ``error[]`` or ``error: true`` (section 1).
    error_shape: Literal["errors", "error", "error_list", "flag"] = "errors"
    #: Whether a reply that has errors only carries their HTTP status or 200 (section 1).
    error_status: Literal["http", "200"] = "http"

    #: The error code with which tasks fail after they were taken, or ``None``.
    fail: str | None = None
    #: How many items fail, counted from the last; ``None``: all when ``fail`` is set, else none.
    fail_items: int | None = None
    #: Whether a failed task has one error for each failed item or one in all.
    fail_as: Literal["items", "task"] = "items"
    #: Whether a failed item stands in ``errors[]`` of a poll or in ``data[]`` with its own ``error`` (section 6).
    item_errors: Literal["listed", "in_item"] = "listed"

    #: What is said of the cost. ``above_hold`` is ten times the price and a dollar.
    cost: Cost = "normal"
    #: Result URLs name another host than :attr:`LocalRunware.host` (the same server under its other name).
    foreign_host: bool = False
    #: What a picture is that is sent within a reply: ``whole``, ``cut`` short, some ``text``, or ``absent``.
    inline: Literal["whole", "cut", "text", "absent"] = "whole"
    #: ``cost``, ``foreign_host`` and ``inline`` falsify deliveries only; replies tell the truth.
    only_deliveries: bool = False
    #: Flag every image whose task has the safety check on.
    nsfw: bool = False

    #: What a POST with a getResponse meets. ``504_terminal``: failed tasks are told with HTTP 504 (section 8).
    poll: Poll = "ok"
    #: How many more times ``poll`` applies; ``None`` for always.
    poll_times: int | None = None
    #: Whether a poll lists unfinished items too, or only the finished ones.
    poll_lists: Literal["all", "finished"] = "all"
    #: What a poll says of a task that it does not know: nothing, or ``taskNotFound``.
    unknown: Literal["empty", "not_found"] = "empty"
    #: Whether getTaskDetails gives the response or ``null`` in its place.
    details: Literal["full", "null"] = "full"

    #: What the download of a result meets.
    image: ImageFault = "ok"
    #: How many more times ``image`` applies; ``None`` for always.
    image_times: int | None = None
    slow_seconds: float = 2.0

    #: Whether a taskUUID that has ended is refused with ``conflictTaskUUID``, or runs and costs again (section 9).
    conflict_after_end: bool = False
    #: Whether a task without width and height is taken (at 1024 x 1024): the page and the types differ.
    missing_size: Literal["accept", "refuse"] = "accept"
    #: When a LoRA that does not fit, or that nobody knows, ends a task: once it runs, or already when it is submitted.
    lora_check: Literal["task", "submit"] = "task"
    #: Whether ``referenceImages`` outside ``inputs``, the form of 2025, is taken.
    top_level_references: Literal["accept", "refuse"] = "refuse"
    #: Whether a result counts as a stored file, which can be deleted by its UUID (section 12).
    results_stored: Literal["yes", "no"] = "yes"
    #: The form of the account's balance: a number (2025) or an object (2026).
    balance_form: Literal["number", "object"] = "object"

    def __setattr__(self, name: str, value: object) -> None:
        known = _choices().get(name)
        # 1 == True and 1 == 1.0: the type has to agree as well.
        if known is not None and not any(value == choice and type(value) is type(choice) for choice in known):
            raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}; it was {value!r}")
        object.__setattr__(self, name, value)

    def take(self, name: Literal["submit", "poll", "image"]) -> str:
        """Return the fault that applies now, ``"ok"`` when its times are used up, and count it."""
        fault: str = getattr(self, name)
        left: int | None = getattr(self, f"{name}_times")
        if fault == "ok" or left is None:
            return fault
        if left <= 0:
            return "ok"
        setattr(self, f"{name}_times", left - 1)
        return fault

    def read(self, plan: Iterable[str]) -> None:
        """Set fields from words such as ``delivery=twice`` and ``submit_times=1``; ``ValueError`` says what is wrong."""
        hints = get_type_hints(Faults)
        for word in plan:
            name, _, text = word.partition("=")
            if name not in (names := [field.name for field in fields(self)]):
                raise ValueError(f"there is no fault named {name!r}; there are {', '.join(names)}")
            try:
                value = _read(text, hints[name])
            except ValueError:
                raise ValueError(f"{name} must be a number; it was {text!r}") from None
            setattr(self, name, value)

    @classmethod
    def describe(cls) -> list[str]:
        """Return a line for each field: its name, the words that :meth:`read` takes for it, the default first."""
        hints, usual = get_type_hints(cls), cls()
        return [f"{field.name}: {_words(hints[field.name], getattr(usual, field.name))}" for field in fields(cls)]


@cache
def _choices() -> dict[str, tuple[Any, ...]]:
    """The values that each field takes, where they can be listed."""
    hints = get_type_hints(Faults)
    listed = {name: get_args(hint) for name, hint in hints.items() if get_origin(hint) is Literal}
    return listed | {name: (False, True) for name, hint in hints.items() if hint is bool}


def _words(hint: Json, usual: object) -> str:
    """Say what may stand for a field on the command line."""
    if hint is bool or get_origin(hint) is Literal:
        listed = sorted((False, True) if hint is bool else get_args(hint), key=lambda value: value != usual)
        return ", ".join(str(value).lower() if hint is bool else str(value) for value in listed)
    if hint is float:
        return f"a number (default: {usual})"
    return "a whole number, or nothing (default)" if int in get_args(hint) else "an error code, or nothing (default)"


def _read(text: str, hint: Json) -> Json:
    """Turn a word of the command line into a field's type; a field that may be ``None`` is so for an empty word."""
    if get_origin(hint) is Literal:
        return int(text) if text.isdigit() and int(text) in get_args(hint) else text
    if hint is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    if type(None) in get_args(hint):
        return None if not text else _read(text, get_args(hint)[0])
    return hint(text)
