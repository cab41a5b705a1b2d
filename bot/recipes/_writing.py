"""The recipe of a result, in the words of our own options."""

from __future__ import annotations

import json
from typing import Any, Final

from bot import options
from bot.runware.schema import MODEL
from storage.records import EditRequest, Reference, Result

VERSION: Final = 2


def write(request: EditRequest, result: Result) -> str:
    """Return the recipe of a result, of an edit that ``request`` asked for, as JSON to read and to keep."""
    return json.dumps(described(request, result), ensure_ascii=False, indent=2)


def described(request: EditRequest, result: Result) -> dict[str, Any]:
    """Return what :func:`write` writes. It asks for this one result, with the seed that Runware returned for it."""
    seed = str(request.seed if result.seed is None else result.seed)
    settings: dict[str, Any] = {**options.values_of(request), "results": 1, "seed": seed}
    if request.safety != "fast":
        settings["safety"] = request.safety
    recipe: dict[str, Any] = {
        "recipe": VERSION,
        "model": MODEL,
        "options": settings,
        "pictures": [_picture(reference) for reference in request.references],
    }
    if request.parent_id is not None:
        recipe["parent"] = f"#{request.parent_id}"
    made = {"id": result.short_id} if result.seed is None else {"id": result.short_id, "seed": seed}
    return {**recipe, "made": made}


def _picture(reference: Reference) -> dict[str, Any]:
    # A hash names bytes and never grants them: it tells whether a picture at hand is the same one.
    source = {"from": f"#{reference.result_id}"} if reference.result_id is not None else {"file": reference.label}
    return {**source, "width": reference.width, "height": reference.height, "sha256": reference.sha256}
