"""The table of ``docs/parameters.md``, read as data, and how its options say what a wire parameter says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).parents[1] / "docs" / "parameters.md"
PICTURES: Final = "inputs.referenceImages"
#: What the operator sets, and with which setting.
OPERATORS: Final = {
    "webhookURL": "public_url",
    "outputType": "output_type",
    "ttl": "result_ttl_seconds",
    "uploadEndpoint": "upload_endpoint",
}
#: What nobody sets.
FIXED: Final = frozenset({"deliveryMethod", "includeCost", "taskType", "taskUUID", "model", "safety.checkContent"})
_QUOTED: Final = re.compile(r"`([^`]*)`")


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    path: str
    #: The names in the second column: options, with a part of theirs; or settings.
    names: tuple[str, ...]
    takes: str
    otherwise: str
    who: str

    @property
    def option(self) -> str:
        """What people type, or the operator's setting; empty where nobody sets it."""
        return self.names[0] if self.names else ""

    @property
    def by_members(self) -> bool:
        return self.who.startswith("members: ")

    @property
    def doors(self) -> list[str]:
        """Where members set it."""
        return self.who.partition(";")[0].removeprefix("members: ").split(", ")

    @property
    def servers(self) -> str:
        """What servers may have of their own."""
        return self.who.partition("; servers: ")[2]

    def values(self, value: Any) -> dict[str, Any]:
        """Return the options that say what ``value`` says on the wire."""
        if self.option == "size":
            width, height = (value, 1024) if self.path == "width" else (1024, value)
            return {"size": f"{width}x{height}"}
        if self.path == "lora":
            return {"loras": value}
        if self.path.startswith("lora[]."):
            return {"loras": [{"model": "civitai:1@2", self.names[1]: value}]}
        return {self.option: value}


def _rows() -> Mapping[str, Row]:
    lines = re.findall(r"^\| `.*$", FILE.read_text("utf-8"), re.MULTILINE)
    found: dict[str, Row] = {}
    for line in lines:
        path, names, *rest = (cell.strip() for cell in line.strip("|").split("|"))
        row = Row(path.strip("`"), tuple(_QUOTED.findall(names)), *rest)
        assert row.path not in found, f"{row.path} stands in the table twice"
        found[row.path] = row
    return found


ROWS: Final = _rows()


def option_of(path: str) -> str:
    """Return the option of a wire parameter."""
    return ROWS[path].option
