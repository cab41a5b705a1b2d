"""Runware's error objects (the reference, section 8)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from playground.runware.wire import Object

DOCUMENTATION: Final = "https://runware.ai/docs/platform/errors"

_STATUS: Final = {
    "invalidApiKey": 401,
    "insufficientCredits": 402,
    "taskNotFound": 404,
    "rateLimitExceeded": 429,
    "internalServerError": 500,
    "inferenceError": 500,
    "serviceUnavailable": 503,
    "providerTimeout": 504,
    "failedProviderTimeout": 504,
    "timeoutProvider": 504,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One error, about a task or about the whole call."""

    code: str
    message: str
    #: The parameter's dotted name; several names where a rule binds several parameters.
    parameter: str | tuple[str, ...] | None = None
    allowed: tuple[Any, ...] = ()
    task_type: str | None = None
    task_uuid: str | None = None

    @property
    def http_status(self) -> int:
        """The HTTP status of a reply that says nothing else: 400 unless the code has its own."""
        return _STATUS.get(self.code, 400)

    def about(self, task: Object) -> Problem:
        """Return the same problem, naming the task it is about."""
        kind, uuid = task.get("taskType"), task.get("taskUUID")
        return replace(
            self,
            task_type=kind if isinstance(kind, str) else None,
            task_uuid=uuid if isinstance(uuid, str) else None,
        )

    def wire(self) -> Object:
        """Return the error object as Runware writes it."""
        parameter = list(self.parameter) if isinstance(self.parameter, tuple) else self.parameter
        members = {
            "code": self.code,
            "message": self.message,
            "parameter": parameter,
            "allowedValues": list(self.allowed) or None,
            "taskType": self.task_type,
            "taskUUID": self.task_uuid,
            "documentation": DOCUMENTATION,
        }
        return {name: value for name, value in members.items() if value is not None}


class Refused(Exception):
    """A task cannot be done; carries one problem or several."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems
