"""What Discord refuses of a message beyond its schema (reference/discord.md, sections 3 to 5)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final, cast

from playground.discord.refusals import invalid
from playground.runware.wire import Json, Object

IS_COMPONENTS_V2: Final = 1 << 15
_TEXT: Final = 10
_MOST_COMPONENTS: Final = 40
_MOST_TEXT: Final = 4000
_MOST_FILES: Final = 10
_LONGEST_CONTENT: Final = 2000
_LONGEST_NONCE: Final = 25


def check(message: Object, file_names: Collection[str]) -> None:
    """Refuse a message that breaks a rule. ``file_names`` are all files that it will carry."""
    if len(str(message.get("nonce") or "")) > _LONGEST_NONCE:
        raise invalid(f"the nonce is longer than {_LONGEST_NONCE}")
    if len(message.get("content") or "") > _LONGEST_CONTENT:
        raise invalid(f"the content is longer than {_LONGEST_CONTENT}")
    if len(file_names) > _MOST_FILES or len(set(file_names)) < len(file_names):
        raise invalid(f"there are more than {_MOST_FILES} files, or two of one name")
    if message.get("flags", 0) & IS_COMPONENTS_V2 and (message.get("content") or message.get("embeds")):
        raise invalid("a message of components has no content and no embeds")
    parts = list(components(message.get("components")))
    if len(parts) > _MOST_COMPONENTS:
        raise invalid(f"there are more than {_MOST_COMPONENTS} components")
    if sum(len(part["content"]) for part in parts if part["type"] == _TEXT) > _MOST_TEXT:
        raise invalid(f"the texts are longer than {_MOST_TEXT} together")
    for name in _named(message.get("components")):
        if name not in file_names:
            raise invalid(f"attachment://{name} is not attached")


def components(value: Json) -> Iterator[Object]:
    """Yield every component inside a value, outer ones first."""
    for found in _objects(value):
        if isinstance(found.get("type"), int):
            yield found


def media(value: Json) -> Iterator[Object]:
    """Yield every object inside a value that names a file by its ``url``."""
    for found in _objects(value):
        if "url" in found and "type" not in found:
            yield found


def _named(value: Json) -> Iterator[str]:
    for found in media(value):
        if found["url"].startswith("attachment://"):
            yield found["url"].removeprefix("attachment://")


def _objects(value: Json) -> Iterator[Object]:
    inside: Iterable[Json] = ()
    if isinstance(value, dict):
        found = cast("Object", value)
        yield found
        inside = found.values()
    elif isinstance(value, list):
        inside = cast("list[Json]", value)
    for part in inside:
        yield from _objects(part)
