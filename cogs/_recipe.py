"""The recipe of a result: everything needed to run its edit again, as JSON, in the words of the ``/edit`` options."""

from __future__ import annotations

import json
from typing import Any

from storage.records import EditRequest, Job, Reference, Result


def recipe(job: Job, results: list[Result]) -> str:
    """Return the recipe of one result of a job; or of several, which only come again with all of their job."""
    return json.dumps(described(job.request, results), ensure_ascii=False, indent=2)


def described(request: EditRequest, results: list[Result]) -> dict[str, Any]:
    """Return what :func:`recipe` writes."""
    one = results[0] if len(results) == 1 else None
    options: dict[str, Any] = {
        "prompt": request.prompt,
        "size": f"{request.width}x{request.height}",
        "results": request.results if one is None else 1,
        # As text, since JSON readers round numbers above 2^53.
        "seed": str(request.seed if one is None or one.seed is None else one.seed),
        "steps": request.steps,
        "negative": request.negative,
        "cfg": request.cfg,
        "true_cfg": request.true_cfg,
        "scheduler": request.scheduler,
    }
    return {
        "recipe": 1,
        "model": "runware:108@22",
        "options": {name: value for name, value in options.items() if value is not None},
        "pictures": [_picture(reference) for reference in request.references],
        "made": [{"id": result.short_id, "seed": str(result.seed)} for result in results if result.seed is not None],
    }


def _picture(reference: Reference) -> dict[str, Any]:
    # A hash names bytes and never grants them: it tells whether a picture at hand is the same one.
    source = {"from": f"#{reference.result_id}"} if reference.result_id is not None else {"file": reference.label}
    return {**source, "width": reference.width, "height": reference.height, "sha256": reference.sha256}
