"""Requests as earlier versions wrote them down."""

from __future__ import annotations

import json
from typing import Final

from storage.records import EditRequest

#: What the first version knew of a request.
_FIRST: Final = (
    "prompt", "references", "width", "height", "seed", "results", "steps", "negative", "cfg", "true_cfg", "scheduler",
    "parent_id", "safety",
)  # fmt: skip


def first_form(request: EditRequest) -> str:
    """Return a request as it was stored when there were no other files, LoRAs, caches and faces."""
    fields = json.loads(request.to_json())
    return json.dumps({name: fields[name] for name in _FIRST}, ensure_ascii=False, separators=(",", ":"))
