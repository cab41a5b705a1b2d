"""Discord's OpenAPI document as a judge of bodies (reference/discord.md, section 11)."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any, cast

from jsonschema import Draft202012Validator, ValidationError
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from playground.runware.wire import Json, Object


class Document:
    """The document, read once."""

    def __init__(self, path: Path) -> None:
        self._document: Object = json.loads(path.read_text())
        resource: Resource[Any] = Resource(contents=self._document, specification=DRAFT202012)
        self._registry: Registry[Any] = Registry[Any]().with_resource("urn:discord", resource)
        # Literal segments win over parameters.
        self._templates = sorted(self._document["paths"], key=lambda template: template.count("{"))
        self._validators: dict[str, Any] = {}

    def fault(self, method: str, path: str, body: Json) -> str | None:
        """Return what is wrong with the JSON body of a request (path without prefix and query), or ``None``."""
        template = self._template(method.lower(), path)
        if template is None:
            return f"there is no {method} {path}"
        try:
            self._validator(method.lower(), template).validate(_in_its_words(body))
        except ValidationError as wrong:
            return f"{method} {template}: {wrong.message[:500]} at {wrong.json_path}"
        return None

    def _template(self, method: str, path: str) -> str | None:
        for template in self._templates:
            pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
            if method in self._document["paths"][template] and re.fullmatch(pattern, path):
                return template
        return None

    def _validator(self, method: str, template: str) -> Any:  # noqa: ANN401 (jsonschema types its validators in part only)
        steps = ("paths", template, method, "requestBody", "content", "application/json", "schema")
        pointer = "/".join(step.replace("~", "~0").replace("/", "~1") for step in steps)
        if pointer not in self._validators:
            self._validators[pointer] = Draft202012Validator(
                {"$ref": f"urn:discord#/{pointer}"}, registry=self._registry
            )
        return self._validators[pointer]


def _in_its_words(body: Json) -> Json:
    """Write as text the ids that discord.py sends as numbers: Discord takes both, its document does not (trap 10)."""
    if not isinstance(body, dict):
        return body
    whole = copy.deepcopy(cast("Object", body))
    parts: list[Object] = [whole, whole.get("data") or {}]
    for part in parts:
        attachments: list[Object] = part.get("attachments") or []
        for attachment in attachments:
            attachment["id"] = str(attachment["id"])
        mentions: Object = part.get("allowed_mentions") or {}
        if "users" in mentions:
            mentions["users"] = list(map(str, mentions["users"]))
    return whole
