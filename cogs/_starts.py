"""What an edit starts from, as commands take it: files that are pictures, or results that are named."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

import discord
from discord import app_commands

from bot import options
from bot.client import EditBot
from bot.errors import BadOption
from bot.services import Services
from cogs import _rights as rights
from cogs._keeping import keep
from cogs._naming import result_named
from storage.records import Reference

_ATTACHMENT: Final = discord.AppCommandOptionType.attachment.value


class PictureCommand(app_commands.Command[Any, ..., None]):
    """A command whose file options offer pictures only. Discord goes by the name's ending; the bytes are judged later."""

    def to_dict(self, tree: app_commands.CommandTree[Any]) -> dict[str, Any]:
        """Return the command as Discord is told of it."""
        payload: dict[str, Any] = super().to_dict(tree)
        for option in payload["options"]:
            if option["type"] == _ATTACHMENT:
                option["file_types"] = ["image"]
        return payload


def picture_command(
    name: str, description: str
) -> Callable[[Callable[..., Coroutine[Any, Any, None]]], PictureCommand]:
    """Return what makes a command of a method, as discord.py's own decorator does."""

    def command(callback: Callable[..., Coroutine[Any, Any, None]]) -> PictureCommand:
        return PictureCommand(name=name, description=description, callback=callback)

    return command


async def start_from(
    services: Services, interaction: discord.Interaction[EditBot], named: str | None, image: discord.Attachment | None
) -> tuple[list[Reference], int | None]:
    """Return the results that ``from`` names as references, and the id of the first; nothing if it was left out.

    Raises:
        BadOption: there is neither a file nor a result, or both, or too many.
        NotFound, NotAllowed: a result is gone, or stands where the person cannot read.
    """
    if named is None:
        if image is None:
            raise BadOption("image", "There is no picture to edit: attach one as `image`, or name a result in `from`.")
        return [], None
    if image is not None:
        raise BadOption("from", "`from` takes the place of `image`: use one of them. More pictures go in `image2`.")
    references: dict[int, Reference] = {}
    for name in options.split_refs(named):
        result, job = await services.edits.result(await result_named(services, interaction, "from", name))
        await rights.check_readable(interaction, result, job)
        kept = await keep(services, interaction, result)
        references[result.id] = options.reference_to(kept, job.request)
    if len(references) > options.MAX_REFERENCES:
        raise BadOption(
            "from", f"`from` takes up to {options.MAX_REFERENCES} results, and {len(references)} were given."
        )
    return list(references.values()), next(iter(references))
