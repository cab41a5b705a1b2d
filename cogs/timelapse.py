"""``/timelapse``: the way from a first picture to another one, as an animated picture."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Final

import discord
from discord import app_commands
from discord.app_commands import Choice, Range
from discord.ext import commands

from bot import timelapse as drawing
from bot.client import EditBot
from bot.errors import EditError, NotFound
from bot.services import Services
from bot.timelapse import Frame
from cogs import _names as names
from cogs import _rights as rights
from cogs import _words as words
from cogs._alt import LONGEST
from cogs._layout import BLUE, card, gallery, text
from cogs._letters import FILE_BYTES
from cogs._naming import choices, named_or_newest
from cogs._sight import Sight
from cogs._turns import Turns
from storage.lineage import Step

#: So large a copy is enough for a frame.
_BOX: Final = (640, 640)
#: One at a time, over all servers: it takes seconds of a worker.
_MOST: Final = 1
_FILE: Final = "timelapse.gif"


class TimelapseCog(commands.Cog, name="Timelapse"):
    """The command."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._turns = Turns(_MOST, "A timelapse is being drawn right now. Please try again in a few seconds.")

    @app_commands.command()
    @app_commands.describe(result="The last picture, as #12 or the link of its message; if left out, the newest here")
    async def timelapse(
        self, interaction: discord.Interaction[EditBot], result: Range[str, 1, 200] | None = None
    ) -> None:
        """Watch how a picture came to be, step by step."""
        result_id = await named_or_newest(self._services, interaction, result)
        found, job = await self._services.edits.result(result_id)
        await rights.check_readable(interaction, found, job)
        with self._turns.take():
            await interaction.response.defer(ephemeral=True, thinking=True)
            await self._answer(interaction, result_id)

    @timelapse.autocomplete("result")
    async def _offer(self, interaction: discord.Interaction[EditBot], typed: str) -> list[Choice[str]]:
        return await choices(self._services, interaction, typed)

    async def _answer(self, interaction: discord.Interaction[EditBot], result_id: int) -> None:
        sight = Sight(interaction)
        whole = await self._services.lineage.last_steps(result_id, drawing.MOST_FRAMES)
        steps = [step for step in whole if step.result.usable and await sight.sees(step)]
        user_ids = [step.user_id for step in steps if step.user_id is not None]
        known: Mapping[int, str | None] = {}
        if interaction.guild is not None:
            known = await names.members(interaction.guild, user_ids)
        frames = [frame for step in steps if (frame := await self._frame(step, known)) is not None]
        if len(frames) <= 1:
            raise NotFound("There is nothing to watch: it takes two pictures of which one was made from the other.")
        made = await self._services.pictures.draw(drawing.animate, frames, FILE_BYTES)
        if made is None:
            raise EditError("These pictures are too many for one animated picture that Discord takes.")
        said = _alt(result_id, frames)
        file = discord.File(io.BytesIO(made), _FILE, description=said)
        view = card(text(_headline(result_id, len(frames), len(whole))), *gallery([(_FILE, said)]), colour=BLUE)
        await interaction.edit_original_response(view=view, attachments=[file])

    async def _frame(self, step: Step, known: Mapping[int, str | None]) -> Frame | None:
        """Return a step as a frame; ``None`` where its bytes are gone."""
        result = step.result
        try:
            data = await self._services.pictures.thumbnail(result.sha256 or "", _BOX)
        except NotFound:
            return None
        who = known.get(step.user_id or 0)
        by = "" if who is None else f" · {who}"
        return Frame(f"{result.short_id}{by}: {words.one_line(step.request.prompt)}", data)


def _alt(result_id: int, frames: Sequence[Frame]) -> str:
    """Return what the animated picture shows, in words: every step, each as short as there is room for."""
    head = f"An animated picture of {words.counted(len(frames), 'step')}, up to #{result_id}. "
    room = (LONGEST - len(head)) // len(frames) - len("; ")
    return head + "; ".join(words.cut(frame.caption, room) for frame in frames)


def _headline(result_id: int, shown: int, whole: int) -> str:
    out = "is left out: it was" if whole - shown == 1 else "are left out: they were"
    why = f"{words.counted(whole - shown, 'step')} {out} taken down, or cannot be read by you"
    missing = "" if shown == whole else f"\n-# {why}."
    return f"### How #{result_id} came to be{missing}"
