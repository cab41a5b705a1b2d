"""Pictures of several edits, brought to a size in which they stand side by side in one message."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Final

import discord

from bot.errors import NotFound
from bot.services import Services
from cogs import _alt as alt
from cogs._cards import file_name
from cogs._smaller import smaller_result
from storage.lineage import Step

#: The most bytes of one of them. The picture itself stands where its link leads.
_PREVIEW: Final = 2 * 1024 * 1024


async def previews(services: Services, steps: Iterable[Step]) -> dict[int, discord.File]:
    """Return files of results with alt texts, by their ids; one whose bytes are gone has none."""
    files: dict[int, discord.File] = {}
    for step in steps:
        result = step.result
        if not result.usable:
            continue
        try:
            data = await services.pictures.get(result.sha256 or "")
        except NotFound:
            continue
        picture = await smaller_result(services, result, data, _PREVIEW)
        name = file_name(result, picture.media_type)
        said = alt.of_result(step.request, result, await services.lineage.before(result.job_id), among=True)
        files[result.id] = discord.File(io.BytesIO(picture.data), name, description=said)
    return files


def as_shown(files: Mapping[int, discord.File]) -> dict[int, tuple[str, str]]:
    """Return the names and alt texts of files, as cards show them."""
    return {result_id: (file.filename, file.description or "") for result_id, file in files.items()}
