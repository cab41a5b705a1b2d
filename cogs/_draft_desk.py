"""What the card of a draft shows, gathered: everything is looked at anew, with the eyes of who presses, each time."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import discord

from bot import options
from bot.errors import BadOption, EditError
from bot.images import Refused
from bot.options import Examined
from bot.quota import Forecast
from bot.services import Services
from cogs import _rights as rights
from cogs import _words as words
from cogs._asking import Wish
from cogs._keeping import keep
from storage.drafts import Draft
from storage.records import EditRequest, House, Place, Price, Reference

#: Pictures are shown this small.
_BOX: Final = (320, 320)
#: What stands for words that are not there yet, so that the price of the rest can be said.
_SOME_WORDS: Final = "…"


@dataclass(frozen=True, slots=True)
class Shown:
    """One of a draft's pictures, as its owner may see it now."""

    reference: Reference
    #: Why it cannot be used now.
    fault: str | None = None
    #: The name of the file that shows it.
    file: str | None = None

    @property
    def label(self) -> str:
        """How it is called."""
        return self.reference.label

    @property
    def alt(self) -> str:
        """What a screen reader says for it."""
        return self.reference.description or f"A picture to start from: {self.reference.label}"


@dataclass(frozen=True, slots=True)
class Sheet:
    """All that the card of a draft shows."""

    draft: Draft
    house: House
    #: The words it has now, if any.
    prompt: str | None
    pictures: Sequence[Shown]
    #: Everything that keeps it from being sent, each in a sentence.
    faults: Sequence[BadOption]
    #: What would be sent, where there are no faults; and what it would cost and come to.
    request: EditRequest | None = None
    forecast: Forecast | None = None
    #: What it would likely cost as far as it is filled in.
    price: Price | None = None

    @property
    def wish(self) -> Wish:
        """What it asks for."""
        return Wish({**self.draft.values, "prompt": self.prompt}, self.draft.parent_id)

    @property
    def references(self) -> list[Reference]:
        """Its pictures as they are now."""
        return [picture.reference for picture in self.pictures]


class Desk:
    """Lays drafts out for their owners."""

    def __init__(self, services: Services) -> None:
        self._services = services

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

    async def files(self, sheet: Sheet) -> list[discord.File]:
        """Return the files that the card shows."""
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
