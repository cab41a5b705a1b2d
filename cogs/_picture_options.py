"""The options in which a command takes pictures: files, and results by their names."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

import discord
from discord import app_commands

from bot import options
from bot.errors import BadOption
from bot.services import Services
from cogs import _rights as rights
from cogs._asking import Upload
from cogs._keeping import keep
from cogs._naming import result_named
from storage.records import Reference

_ATTACHMENT: Final = discord.AppCommandOptionType.attachment.value
_FILES: Final = ("image", "image2", "image3")


class _PictureCommand(app_commands.Command[Any, ..., None]):
    """A command whose file options offer pictures only. Discord goes by the name's ending; the bytes are judged later."""

    def to_dict(self, tree: app_commands.CommandTree[Any]) -> dict[str, Any]:
        payload: dict[str, Any] = super().to_dict(tree)
        for option in payload["options"]:
            if option["type"] == _ATTACHMENT:
                option["file_types"] = ["image"]
        return payload


def picture_command(
    name: str, description: str
) -> Callable[[Callable[..., Coroutine[Any, Any, None]]], _PictureCommand]:
    """Return the decorator of a command whose file options offer pictures only."""

    def command(callback: Callable[..., Coroutine[Any, Any, None]]) -> _PictureCommand:
        return _PictureCommand(name=name, description=description, callback=callback)

    return command


async def pictures_given(
    services: Services,
    interaction: discord.Interaction[Any],
    named: str | None,
    files: Sequence[discord.Attachment | None],
) -> tuple[list[Reference], list[Upload]]:
    """Return the results that ``from`` names, the one to start from first, and the files of ``image``, ``image2``...

    Raises:
        BadOption: ``from`` names too many, or stands beside ``image``.
        NotFound, NotAllowed: see :func:`results_named`.
    """
    if named is not None and files[0] is not None:
        raise BadOption("from", "`from` takes the place of `image`: use one of them. More pictures go in `image2`.")
    given = [] if named is None else await results_named(services, interaction, "from", named)
    return given, [Upload(option, file) for option, file in zip(_FILES, files, strict=False) if file is not None]


async def results_named(
    services: Services, interaction: discord.Interaction[Any], option: str, named: str
) -> list[Reference]:
    """Return the results that an option names, their bytes at hand, as the pictures of an edit.

    Raises:
        BadOption, NotFound: it names none, or too many.
        NotAllowed: the person cannot read one of them now.
    """
    references: dict[int, Reference] = {}
    for name in options.split_refs(named):
        result, job = await services.edits.result(await result_named(services, interaction, option, name))
        await rights.check_readable(interaction, result, job)
        kept = await keep(services, interaction, result)
        references[result.id] = options.reference_to(kept, job.request)
    if len(references) > options.MAX_REFERENCES:
        raise BadOption(
            option, f"`{option}` takes up to {options.MAX_REFERENCES} results, and {len(references)} were given."
        )
    return list(references.values())
