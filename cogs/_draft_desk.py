"""What the card of a draft shows, gathered: everything is looked at anew, with the eyes of who presses, each time."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Final

import discord

from bot import options
from bot.errors import BadOption, EditError
from bot.images import Refused
from bot.options import Examined
from bot.services import Services
from cogs import _draft_cards as cards
from cogs import _rights as rights
from cogs import _words as words
from cogs._draft_cards import Sheet, Shown
from cogs._draft_components import Page
from cogs._keeping import keep
from storage.drafts import Draft
from storage.records import House, Place, Reference

#: Pictures are shown this small.
_BOX: Final = (320, 320)
#: What stands for words that are not there yet, so that the price of the rest can be said.
_SOME_WORDS: Final = "…"


class Desk:
    """Lays drafts out for their owners."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def show(
        self, interaction: discord.Interaction[Any], draft: Draft, page: Page = Page.BASIC, *, note: str = ""
    ) -> None:
        """Make an answer, which was acknowledged to the owner alone, the card of a draft as it is now."""
        sheet = await self.lay(interaction, draft)
        files = [] if page is Page.SCHEDULER else await self._files(sheet)
        await interaction.edit_original_response(view=cards.draft(sheet, page, note=note), attachments=files)

    async def lay(self, interaction: discord.Interaction[Any], draft: Draft) -> Sheet:
        """Return what the card of a draft shows to its owner now. Its pictures are asked about again."""
        asker = rights.asker(interaction)
        house = await self._services.houses.of(asker.guild_id)
        prompt = await self.prompt(interaction, draft)
        pictures = await self.pictures(interaction, draft)
        unusable = [
            BadOption("image", f"Picture {n}: {shown.fault}") for n, shown in enumerate(pictures, 1) if shown.fault
        ]
        safety, values = rights.safety(interaction, house), house.filled({**draft.values, "prompt": prompt})
        references = [shown.reference for shown in pictures]

        def examined(values: Mapping[str, Any], house: House | None) -> Examined:
            draw = self._services.edits.draw_seed
            return options.examine(values, references, parent_id=draft.parent_id, safety=safety, house=house, draw=draw)

        judged = examined(values, house)
        faults = [*unusable, *judged.faults]
        if judged.request is not None and not faults:
            channel_id, thread_id = rights.where(interaction)
            place = Place(channel_id, interaction.id, thread_id)
            forecast = await self._services.edits.forecast(asker, place, judged.request)
            return Sheet(draft, house, prompt, pictures, faults, judged.request, forecast, forecast.price)
        wrong = {fault.option for fault in faults} - {"image"}
        rest = {name: value for name, value in values.items() if name not in wrong}
        filled = examined({**rest, "prompt": rest.get("prompt") or _SOME_WORDS}, None).request
        price = None if filled is None else await self._services.edits.price(asker.guild_id, filled)
        return Sheet(draft, house, prompt, pictures, faults, price=price)

    async def prompt(self, interaction: discord.Interaction[Any], draft: Draft) -> str | None:
        """Return the words that a draft has; those of a result only as long as its owner may read that."""
        if draft.words_of is None:
            typed = draft.values.get("prompt")
            return None if options.is_empty(typed) else str(typed)
        try:
            result, job = await self._services.edits.result(draft.words_of)
            await rights.check_readable(interaction, result, job)
        except EditError:
            return None
        return job.request.prompt

    async def pictures(self, interaction: discord.Interaction[Any], draft: Draft) -> list[Shown]:
        """Return a draft's pictures, each with why it cannot be used now, if it cannot."""
        return [
            await self._looked_at(interaction, number, reference)
            for number, reference in enumerate(draft.references, 1)
        ]

    async def _files(self, sheet: Sheet) -> list[discord.File]:
        files: list[discord.File] = []
        for shown in sheet.pictures:
            if shown.file is not None:
                data = await self._services.pictures.thumbnail(shown.reference.sha256, _BOX)
                files.append(discord.File(io.BytesIO(data), shown.file, description=words.cut(shown.alt, 1024)))
        return files

    async def _looked_at(self, interaction: discord.Interaction[Any], number: int, reference: Reference) -> Shown:
        try:
            if reference.result_id is not None:
                result, job = await self._services.edits.result(reference.result_id)
                await rights.check_readable(interaction, result, job)
                reference = options.reference_to(await keep(self._services, interaction, result), job.request)
            await self._services.pictures.thumbnail(reference.sha256, _BOX)
        except EditError as error:
            return Shown(reference, fault=str(error))
        except Refused:  # it was read before, and was whole then
            return Shown(reference, fault="It cannot be read any more; bring it in again.")
        return Shown(reference, file=f"picture-{number}.jpg")
