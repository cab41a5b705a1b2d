"""What the service remembers of the tasks it was sent, and how much of it."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, cast

from playground.runware.tasks import Task
from playground.runware.wire import Json, Object

#: How many received tasks are kept for reading, and how many accepted ones for polls.
KEPT: Final = 20_000
#: How many characters of references and prompts the received ones, and the accepted ones, may hold.
KEPT_CHARACTERS: Final = 256 * 2**20


class Journal:
    """Every task as it was received, oldest first; the oldest are forgotten when they are too many or too long."""

    def __init__(self, *, kept: int = KEPT, characters: int = KEPT_CHARACTERS) -> None:
        self.received: list[Object] = []
        self.requests: list[Object] = []
        self._kept = kept
        self._left = characters

    def write(self, task: Object) -> None:
        """Keep a received task."""
        self.received.append(task)
        if task.get("taskType") == "imageInference":
            self.requests.append(task)
        self._left -= weight(task)
        while len(self.received) > self._kept or (self._left < 0 and len(self.received) > 1):
            forgotten = self.received.pop(0)
            self._left += weight(forgotten)
            if self.requests and self.requests[0] is forgotten:
                self.requests.pop(0)


class Register:
    """Accepted tasks by UUID; the oldest that have ended are forgotten when they are too many or too long."""

    def __init__(self, *, kept: int = KEPT, characters: int = KEPT_CHARACTERS) -> None:
        self.tasks: OrderedDict[str, Task] = OrderedDict()
        self._kept = kept
        self._left = characters

    def add(self, task: Task) -> None:
        """Keep a task in place of an earlier one of the same UUID."""
        self.remove(task.uuid)
        self.tasks[task.uuid.lower()] = task
        self._left -= weight(task.request)
        while len(self.tasks) > self._kept or self._left < 0:
            oldest = next(iter(self.tasks.values()))
            if not oldest.ended.is_set():
                return
            self.remove(oldest.uuid)

    def get(self, uuid: object) -> Task | None:
        """Return the task, or ``None`` when it is unknown or forgotten."""
        return self.tasks.get(uuid.lower()) if isinstance(uuid, str) else None

    def remove(self, uuid: str) -> None:
        """Forget the task."""
        forgotten = self.tasks.pop(uuid.lower(), None)
        if forgotten is not None:
            self._left += weight(forgotten.request)


def weight(value: Json) -> int:
    """Count the characters in a JSON value's strings."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(weight(member) for member in cast("Object", value).values())
    return sum(weight(member) for member in cast("list[Json]", value)) if isinstance(value, list) else 0
