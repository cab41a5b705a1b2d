"""Earlier results as the pictures of another edit: only those that the person can read now, with their bytes at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import discord

from bot import options
from bot.errors import BadOption
from bot.services import Services
from cogs import _rights as rights
from cogs._keeping import keep
from cogs._naming import result_named
from cogs._tray import gathered
from cogs._uploads import Upload
from storage.records import Reference

_FILES: Final = ("image", "image2", "image3")


async def reference(services: Services, interaction: discord.Interaction[Any], result_id: int) -> Reference:
    """Return a result as a picture to edit.

    Raises:
        NotFound: there is none, or it was taken down, withheld or lost.
        NotAllowed: it stands in a channel that the person cannot read now.
    """
    result, job = await services.edits.result(result_id)
    await rights.check_readable(interaction, result, job)
    return options.reference_to(await keep(services, interaction, result), job.request)


async def pictures_given(
    services: Services,
    interaction: discord.Interaction[Any],
    named: str | None,
    files: Sequence[discord.Attachment | None],
    *,
    needed: bool = True,
) -> tuple[list[Reference], list[Upload]]:
    """Return the results that ``from`` names, the one to start from first, and the files of ``image``, ``image2``...

    With neither ``from`` nor ``image``, the pictures of the person's tray come first.

    Raises:
        BadOption: ``from`` names too many, or stands beside ``image``; or there is neither, nor anything in the tray, where
            one is ``needed``.
        NotFound, NotAllowed: see :func:`reference`, and :func:`cogs._tray.gathered`.
    """
    if named is not None and files[0] is not None:
        raise BadOption("from", "`from` takes the place of `image`: use one of them. More pictures go in `image2`.")
    uploads = [Upload.of(option, file) for option, file in zip(_FILES, files, strict=False) if file is not None]
    if named is not None:
        return await references_named(services, interaction, named), uploads
    given = [] if files[0] is not None else await gathered(services, interaction, more=len(uploads))
    if needed and not given and files[0] is None:
        raise BadOption(
            "image",
            "There is no picture to edit: attach one as `image`, name a result in `from`, or gather some with the menu "
            "**Add as reference** of messages.",
        )
    return given, uploads


async def references_named(
    services: Services, interaction: discord.Interaction[Any], named: str, *, option: str = "from"
) -> list[Reference]:
    """Return the results that an option names, each once, in their order; at least one. Raises like :func:`reference`.

    Raises:
        BadOption: it names no results, or too many.
    """
    names = options.split_refs(named)
    ids = dict.fromkeys([await result_named(services, interaction, option, name) for name in names])
    if len(ids) > options.MAX_REFERENCES:
        raise BadOption(option, f"`{option}` takes up to {options.MAX_REFERENCES} results, and {len(ids)} were given.")
    return [await reference(services, interaction, result_id) for result_id in ids]
