"""The bodies of requests: JSON, or multipart with the JSON in ``payload_json`` and a file in each ``files[n]``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import BodyPartReader, web

from playground.discord.refusals import invalid, too_large
from playground.runware.wire import Object

#: Discord's limits where no boost raises them (reference/discord.md, section 3).
FILE_BYTES: Final = 10 * 2**20
REQUEST_BYTES: Final = 25 * 2**20
#: As much is read at all, so that what is over a limit can be looked at.
READ_BYTES: Final = 256 * 2**20

_FILE: Final = re.compile(r"files\[([0-9]+)\]")


@dataclass(slots=True)
class Limits:
    """What is refused for its size. The fields may be changed at any time."""

    file_bytes: int = FILE_BYTES
    request_bytes: int = REQUEST_BYTES


@dataclass(frozen=True, slots=True)
class File:
    """An uploaded file."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Body:
    """What came with a request: its JSON (``None`` when there was none), its files by number, its length in bytes."""

    json: Object | list[Object] | None = None
    files: Mapping[int, File] = field(default_factory=dict[int, File])
    size: int = 0

    @property
    def object(self) -> Object:
        """The JSON, which has to be an object."""
        if not isinstance(self.json, dict):
            raise invalid("an object is wanted")
        return self.json

    def check(self, limits: Limits) -> None:
        """Refuse what is too large."""
        if self.size > limits.request_bytes or any(len(file.data) > limits.file_bytes for file in self.files.values()):
            raise too_large()


async def read(request: web.Request) -> Body:
    """Read a request's body. Raises Refusal when it is neither JSON nor the multipart that Discord takes."""
    if not request.can_read_body:
        return Body()
    if request.content_type == "multipart/form-data":
        return await _multipart(request)
    data = await request.read()
    return Body(_json(data), size=len(data))


async def _multipart(request: web.Request) -> Body:
    payload: Object | list[Object] | None = None
    files: dict[int, File] = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise invalid("a multipart stands inside the multipart")
        data = bytes(await part.read())
        number = _FILE.fullmatch(part.name or "")
        if part.name == "payload_json":
            payload = _json(data)
        elif number is not None and part.filename:
            files[int(number[1])] = File(part.filename, data)
        else:
            raise invalid(f"the part {part.name!r} is neither payload_json nor a file")
    return Body(payload, files, request.content_length or sum(len(file.data) for file in files.values()))


def _json(data: bytes) -> Object | list[Object]:
    try:
        return json.loads(data)
    except ValueError:
        raise invalid("this is no JSON") from None
