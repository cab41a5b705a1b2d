"""Edits as options make them, and the tasks that they become on the wire."""

from __future__ import annotations

from typing import Any

from bot import options
from bot.runware.schema import Transport, from_request
from storage.records import EditRequest, Reference
from tests.schema_cases import accepts

CAT = Reference("a" * 64, 1024, 768, "cat.png")
PNG = "data:image/png;base64,aGVsbG8="
TASK_UUID = "6f0c1f5e-0f3a-4c0e-9d52-6b6a3a7d8e10"


def build(references: int = 1, **values: Any) -> EditRequest:
    return options.build_request({"prompt": "x", **values}, [CAT] * references, draw=lambda: 7)


def wire(request: EditRequest) -> dict[str, Any]:
    pictures = [PNG] * len(request.references)
    task = from_request(request, task_uuid=TASK_UUID, references=pictures, transport=Transport()).wire()
    assert accepts(task), task
    return task
