"""Names for what JSON is made of."""

from __future__ import annotations

from typing import Any

#: Any parsed JSON value.
Json = Any

#: A parsed JSON object: a task, a result, an error.
Object = dict[str, Any]

#: ``data`` and ``errors`` of the answer to one task.
Answer = tuple[list[Object], list[Object]]
