"""What the card of a draft shows, gathered: everything is looked at anew, with the eyes of who presses, each time."""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import discord

from bot import options
from bot.errors import BadOption, EditError, NotFound
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
from storage.records import House, Reference

log = logging.getLogger(__name__)

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
        sheet = replace(await self.lay(interaction, draft), others=await self._services.drafts.others(draft))
        pictures, files = await self._drawn(sheet.pictures)
        view = cards.draft(replace(sheet, pictures=pictures), page, note=note)
        try:
            await interaction.edit_original_response(view=view, attachments=files)
        except discord.NotFound:  # its owner dismissed the card; what they did is done, and `/draft` shows it
            log.info("the card of draft %d was dismissed", draft.id)

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
            place = rights.place(interaction, interaction.id)
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
        """Return a draft's pictures, each with why it cannot be used now, if it cannot. None is decoded for that."""
        return [await self._looked_at(interaction, reference) for reference in draft.references]

    async def _drawn(self, shown: Sequence[Shown]) -> tuple[list[Shown], list[discord.File]]:
        """Return pictures with the names of the files that show them, and the files; what cannot be drawn has none."""
        drawn, files = list[Shown](), list[discord.File]()
        for number, one in enumerate(shown, 1):
            thumbnail = await self._thumbnail(one)
            if thumbnail is None:
                drawn.append(one)
                continue
            named = replace(one, file=f"picture-{number}.jpg")
            drawn.append(named)
            files.append(discord.File(io.BytesIO(thumbnail), named.file, description=words.cut(one.alt, 1024)))
        return drawn, files

    async def _thumbnail(self, shown: Shown) -> bytes | None:
        if shown.fault is not None:
            return None
        try:
            return await self._services.pictures.thumbnail(shown.reference.sha256, _BOX)
        except (NotFound, Refused) as error:  # damaged on the disk since it was read
            log.warning("a picture of a draft cannot be shown: %s", type(error).__name__)
            return None

    async def _looked_at(self, interaction: discord.Interaction[Any], reference: Reference) -> Shown:
        try:
            if reference.result_id is None:
                await self._services.pictures.size(reference.sha256)
                return Shown(reference)
            result, job = await self._services.edits.result(reference.result_id)
            await rights.check_readable(interaction, result, job)
            return Shown(options.reference_to(await keep(self._services, interaction, result), job.request))
        except EditError as error:
            return Shown(reference, fault=str(error))
