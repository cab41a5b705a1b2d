"""Commands with files: Discord offers those that an option takes, by the ending of their names.

It goes by the name alone; the bytes are judged when they are read.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

import discord
from discord import app_commands

_ATTACHMENT: Final = discord.AppCommandOptionType.attachment.value
_PICTURES: Final = ("image",)
_TYPES: Final = "file_types"


class _FileCommand(app_commands.Command[Any, ..., None]):
    """A command that tells Discord which files its options take; discord.py has no word for it."""

    def to_dict(self, tree: app_commands.CommandTree[Any]) -> dict[str, Any]:
        payload: dict[str, Any] = super().to_dict(tree)
        for option in payload["options"]:
            if option["type"] == _ATTACHMENT:
                option["file_types"] = list(self.extras[_TYPES].get(option["name"], _PICTURES))
        return payload


def file_command(
    name: str,
    description: str,
    *,
    group: app_commands.Group | None = None,
    types: Mapping[str, Sequence[str]] | None = None,
) -> Callable[[Callable[..., Coroutine[Any, Any, None]]], _FileCommand]:
    """Make a command of a callback, in a group or on its own.

    ``types``: what its file options take, as kinds or endings (``.json``); pictures where nothing is said.
    """

    def command(callback: Callable[..., Coroutine[Any, Any, None]]) -> _FileCommand:
        made = _FileCommand(
            name=name, description=description, callback=callback, parent=group, extras={_TYPES: dict(types or {})}
        )
        if group is not None:
            group.add_command(made)
        return made

    return command
