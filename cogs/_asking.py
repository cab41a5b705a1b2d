"""How every edit is asked for, whether by command, form or reroll: decide, acknowledge, read, hand over."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import discord

from bot import images, options
from bot.client import DISCORD_ERRORS
from bot.errors import BadOption, BadPicture
from bot.images import Picture
from bot.services import Services
from cogs import _cards as cards
from cogs import _rights as rights
from cogs._letters import FILE_BYTES, REQUEST_BYTES, parent_of
from storage.records import EditRequest, House, Job, Place, Reference

log = logging.getLogger(__name__)

#: What stands for a picture that was not read yet, so that the other options can be checked before it is.
_UNREAD: Final = Reference(sha256="", width=1024, height=1024, label="")
#: So many files are read and prepared at a time, whoever sent them: each may take 25 MiB until it is prepared.
_READ_AT_ONCE: Final = 8
#: A file that takes longer, in seconds, is given up.
_READ_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with a request, and the option it came in."""

    option: str
    file: discord.Attachment


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks for, not checked yet."""

    #: Options by name, typed or as JSON holds them; ``None`` is an option left out.
    values: Mapping[str, object]
    parent_id: int | None = None
    #: Whether what is left out is left to the model: the server's own defaults are for new edits.
    as_it_is: bool = False

    @classmethod
    def like(cls, request: EditRequest, prompt: str, **changes: object) -> Wish:
        """Return a wish for one picture with the settings of an earlier request, in other words, with a new seed."""
        return cls({**options.settings_of(request), "prompt": prompt, **changes}, request.parent_id, as_it_is=True)


@dataclass(frozen=True, slots=True)
class _Read:
    """A picture as it was read: our reference to it, and how it is shown with the request."""

    reference: Reference
    picture: Picture


class Asking:
    """Takes requests for edits. What it refuses before the acknowledgement only the asker sees."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._reading = asyncio.Semaphore(_READ_AT_ONCE)

    async def ask(
        self,
        interaction: discord.Interaction[Any],
        wish: Wish,
        *,
        given: Sequence[Reference] = (),
        uploads: Sequence[Upload] = (),
        shown: int | None = None,
    ) -> None:
        """Ask for an edit of pictures that are here already (``given``) and of files still to be read.

        ``shown``: the price, in micro-dollars, that the person has seen.
        """
        house = await self._services.houses.of(rights.asker(interaction).guild_id)
        safety = rights.safety(interaction, house)
        self._request(wish, [*given, *(_UNREAD for _ in uploads)], house, safety)
        for upload in uploads:
            images.check_claims(upload.option, upload.file.filename, upload.file.size)
        place = await self._acknowledge(interaction, str(wish.values["prompt"]), given)
        read = [await self._read(upload) for upload in uploads]
        request = self._request(wish, [*given, *(one.reference for one in read)], house, safety)
        await self._show(interaction, request, read)
        await self._order(interaction, place, request, shown)

    async def repeat(self, interaction: discord.Interaction[Any], request: EditRequest, *, shown: int | None) -> None:
        """Ask for a request whose pictures are all here; the place decides whether Runware checks what it makes."""
        house = await self._services.houses.of(rights.asker(interaction).guild_id)
        request = replace(request, safety=rights.safety(interaction, house))
        options.check_house(request, house)
        place = await self._acknowledge(interaction, request.prompt, request.references)
        await self._show(interaction, request, [])
        await self._order(interaction, place, request, shown)

    async def _order(
        self, interaction: discord.Interaction[Any], place: Place, request: EditRequest, shown: int | None
    ) -> None:
        """Ask for the edit; where its price is news, the reply becomes the question whether it should be made."""
        made = await self._services.edits.ask(rights.asker(interaction), place, request, shown=shown)
        if isinstance(made, Job):
            return
        message = await interaction.original_response()
        price = await self._services.edits.price(made.guild_id, request)
        view = cards.offer(made, price, pictures=cards.attached(message), shown=shown)
        await interaction.edit_original_response(view=view)

    def _request(self, wish: Wish, references: Sequence[Reference], house: House, safety: str) -> EditRequest:
        try:
            return options.build_request(
                wish.values if wish.as_it_is else house.filled(wish.values),
                references,
                parent_id=wish.parent_id,
                safety=safety,
                house=house,
                draw=self._services.edits.draw_seed,
            )
        except BadOption as bad:
            if wish.as_it_is or bad.option not in house.defaults or wish.values.get(bad.option) is not None:
                raise
            raise BadOption(
                bad.option,
                f"{bad} You left `{bad.option}` out, and this server's default stands for it: see `/options show`.",
            ) from bad

    async def _acknowledge(
        self, interaction: discord.Interaction[Any], prompt: str, given: Sequence[Reference]
    ) -> Place:
        """Answer with a message instead of "thinking": its id is known at once, and goes with the job.

        Whatever else can refuse the request without reading a file comes first, so that only the asker sees it.
        """
        rights.check_place(interaction)
        asker, (channel_id, thread_id) = rights.asker(interaction), rights.where(interaction)
        await self._services.edits.check_here(asker, channel_id)
        await self._services.sessions.check_admitted(asker, thread_id)
        for reference in given:
            await self._services.pictures.get(reference.sha256)
        view = cards.checking(interaction.user.id, prompt, here=rights.in_thread(interaction))
        answer = await interaction.response.send_message(view=view)
        if answer.message_id is None:
            return rights.place(interaction, (await interaction.original_response()).id)
        return rights.place(interaction, answer.message_id)

    async def _read(self, upload: Upload) -> _Read:
        # Discord keeps a command's files for a short while only, so they are read and kept at once.
        name = upload.file.filename
        async with self._reading:
            try:
                async with asyncio.timeout(_READ_SECONDS):
                    data = await upload.file.read()
            except DISCORD_ERRORS as error:
                raise BadPicture(
                    upload.option, f"`{upload.option}` could not be read from Discord; attach it again."
                ) from error
            picture = await self._services.pictures.prepare(upload.option, name, data)
        sha256 = await self._services.pictures.put(picture.data)
        description = upload.file.description
        return _Read(Reference(sha256, picture.width, picture.height, name, description=description), picture)

    async def _show(self, interaction: discord.Interaction[Any], request: EditRequest, read: Sequence[_Read]) -> None:
        """Turn the acknowledgement into the card of the edit, with the pictures that came with it.

        It comes before the job: once there is one, the announcer owns what happens to the reply.
        """
        files = [await self._file(number, one, len(read)) for number, one in enumerate(read, 1)]
        view = cards.starter(
            interaction.user.id,
            request,
            pictures=[(file.filename, file.description or "") for file in files],
            parent=await parent_of(self._services.edits, request.parent_id),
            here=rights.in_thread(interaction),
        )
        try:
            await interaction.edit_original_response(view=view, attachments=files)
        except DISCORD_ERRORS as error:
            log.warning("a reply could not show what was asked for: %s", error)

    async def _file(self, number: int, read: _Read, of: int) -> discord.File:
        limit = min(FILE_BYTES, REQUEST_BYTES // of)
        picture = read.picture
        if len(picture.data) > limit:
            picture = await self._services.pictures.fit(picture.data, picture.media_type, limit)
        alt = read.reference.description or f"A picture to start from: {read.reference.label}"
        extension = picture.media_type.removeprefix("image/").replace("jpeg", "jpg")
        return discord.File(io.BytesIO(picture.data), f"reference-{number}.{extension}", description=alt[:1024])
