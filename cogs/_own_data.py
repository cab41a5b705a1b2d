"""Packs all that is known of a person for that person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import discord

from bot import exports
from bot.client import EditBot
from bot.errors import NotFound, OutOfReach
from bot.exports import Listing
from bot.images import Refused
from bot.services import Services
from cogs import _own_data_cards as cards
from cogs._parcels import Parcel
from storage.people import OwnPicture, walk

#: After so many milliseconds no more pictures are looked at: Discord takes answers for a quarter of an hour.
_LONGEST: Final = 10 * 60 * 1000
_EXTENSIONS: Final = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}


class OwnData:
    """One export of what is known of a person."""

    def __init__(self, services: Services, interaction: discord.Interaction[EditBot]) -> None:
        self._services = services
        self._interaction = interaction
        self._parcel = Parcel(services, interaction, "my-data")
        self._listing = Listing(exports.DATA)
        self._begun = services.clock()

    async def send(self) -> None:
        """Pack it and send it, in answer to an interaction that was acknowledged for its asker alone."""
        people, user_id = self._services.people, self._interaction.user.id
        pictures = await people.pictures(user_id)
        await self._interaction.edit_original_response(view=cards.packing(len(pictures)))
        with self._parcel:
            packed = await self._pack_pictures(pictures)
            async for told in people.told(user_id):
                entry = {"server": str(told.guild_id), "part": told.part.name, "what": told.part.what}
                await self._list({**entry, "rows": told.rows})
            await self._list({"part": "pictures", "what": "the files you gave, and your results", "rows": packed})
            await self._pack(*await self._services.pictures.draw(self._listing.end))
            readme = exports.own_readme([(way, part.what) for way, part in walk()], several=self._parcel.number > 1)
            await self._pack(exports.README, readme)
            missing = sum(row["file"] is None for row in packed)
            await self._parcel.finish(
                lambda number, name: cards.last_part(number, name, len(packed) - missing, missing), cards.packed
            )

    async def _list(self, entry: dict[str, Any]) -> None:
        full = await self._services.pictures.draw(self._listing.add, entry)
        if full is not None:
            await self._pack(*full)

    async def _pack(self, name: str, data: bytes, at: int | None = None) -> None:
        await self._parcel.pack(name, data, self._begun if at is None else at)

    async def _pack_pictures(self, pictures: Sequence[OwnPicture]) -> list[dict[str, Any]]:
        """Pack pictures, smaller where there would be too many parts, as long as there is time; returns what became of each."""
        limit = exports.limit([await self._size(picture) for picture in pictures])
        return [await self._pack_picture(number, picture, limit) for number, picture in enumerate(pictures, 1)]

    async def _pack_picture(self, number: int, picture: OwnPicture, limit: int) -> dict[str, Any]:
        row: dict[str, Any] = {"sha256": picture.sha256, "result": picture.result_id, "file": None}
        if self._is_late():
            return {**row, "why": "Discord gives me a quarter of an hour, and it was nearly over"}
        try:
            data = await self._services.pictures.get(picture.sha256)
            media_type, _, _ = await self._services.pictures.describe(data)
            fitting = await self._services.pictures.fit(data, media_type, limit)
        except (NotFound, Refused):
            return {**row, "why": "I have no copy of it any more"}
        except OutOfReach:
            return {**row, "why": "my picture store could not be reached just now; ask again later"}
        kind = "file" if picture.result_id is None else f"result-{picture.result_id}"
        name = f"{exports.PICTURES}/{number}-{kind}.{_EXTENSIONS.get(fitting.media_type, 'png')}"
        await self._pack(name, fitting.data, picture.at)
        return {**row, "file": name, "smaller": len(data) > limit}

    async def _size(self, picture: OwnPicture) -> int:
        """Return how many bytes a picture has; 0 where that cannot be told, which is said when it is to be packed."""
        if self._is_late():
            return 0
        try:
            return await self._services.pictures.size(picture.sha256)
        except (NotFound, OutOfReach):
            return 0

    def _is_late(self) -> bool:
        return self._services.clock() - self._begun > _LONGEST
