"""How every edit is asked for, whether by command, form or reroll: decide, acknowledge, read, hand over."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import discord
from discord import ui

from bot import images, options
from bot.client import DISCORD_ERRORS
from bot.errors import BadOption, BadPicture
from bot.images import Picture
from bot.services import Services
from cogs import _cards as cards
from cogs import _rights as rights
from cogs._letters import FILE_BYTES, REQUEST_BYTES, parent_of
from storage.records import NOTHING, EditRequest, House, Job, Place, Reference

log = logging.getLogger(__name__)

#: What stands for a picture that was not read yet, so that the other options can be checked before it is.
UNREAD: Final = Reference(sha256="", width=1024, height=1024, label="")
#: So many files are read and prepared at a time, whoever sent them: each may take 25 MiB until it is prepared.
_READ_AT_ONCE: Final = 8
#: A file that takes longer, in seconds, is given up.
_READ_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with a request, and the option it came in."""

    option: str
    file: discord.Attachment
    #: The hash of a picture of ours that it may be, such as one saved from a message: then it goes as it is.
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks for, not checked yet."""

    #: Options by name, typed or as JSON holds them; ``None`` is an option left out.
    values: Mapping[str, object]
    parent_id: int | None = None
    #: Whether what is left out is left to the model: the server's own defaults are for new edits.
    as_it_is: bool = False
    #: ``fast`` or ``none``; ``None`` leaves it to the place. Nobody has checked less than the place wants.
    safety: str | None = None

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
        given: Sequence[Reference | Upload] = (),
        uploads: Sequence[Upload] = (),
        shown: int | None = None,
    ) -> EditRequest:
        """Ask for an edit of pictures that are here already and of files still to be read; return what was asked for.

        They go in the order of ``given``, then of ``uploads``. ``shown``: the price, in micro-dollars, that the person
        has seen.
        """
        house = await self._services.houses.of(rights.asker(interaction).guild_id)
        safety = _agreed(wish.safety, rights.safety(interaction, house))
        pictures = [*given, *uploads]
        self._request(wish, [UNREAD if isinstance(one, Upload) else one for one in pictures], house, safety)
        files = [one for one in pictures if isinstance(one, Upload)]
        self.check_claims(files)
        here = [one for one in pictures if isinstance(one, Reference)]
        place = await self._acknowledge(interaction, str(wish.values["prompt"]), here)
        read = [await self._read(upload) for upload in files]
        unread = iter(read)
        references = [next(unread).reference if isinstance(one, Upload) else one for one in pictures]
        request = self._request(wish, references, house, safety)
        await self._show(interaction, request, read)
        await self._order(interaction, place, request, shown)
        return request

    async def send(
        self,
        interaction: discord.Interaction[Any],
        wish: Wish,
        references: Sequence[Reference],
        *,
        shown: int | None,
        draft_id: int,
    ) -> bool:
        """Ask for the edit of a draft, whose pictures are all here; what can be refused only its owner sees.

        The press is acknowledged for the card of the draft, which the caller changes; the reply that others see is a
        message of its own, and goes again where the edit is refused.

        Returns whether it was asked for, and the draft is gone: not where its price became a question.
        """
        house = await self._services.houses.of(rights.asker(interaction).guild_id)
        request = self._request(wish, references, house, rights.safety(interaction, house))
        await self._check(interaction, references)
        await interaction.response.defer()
        files = [reference for reference in references if reference.result_id is None]
        view, shows = await self._starter(interaction, request, [await self._kept(reference) for reference in files])
        reply = await interaction.followup.send(view=view, files=shows, wait=True)
        try:
            place = rights.place(interaction, reply.id)
            return await self._order(interaction, place, request, shown, draft_id=draft_id, reply=reply)
        except Exception:
            await self._take_back(reply)
            raise

    @staticmethod
    async def _take_back(reply: discord.WebhookMessage) -> None:
        try:
            await reply.delete()
        except DISCORD_ERRORS as error:
            log.warning("the reply to a draft that was refused could not be taken back: %s", error)

    @staticmethod
    def check_claims(uploads: Sequence[Upload]) -> None:
        """Refuse files by what is said of them, before any is read. Raises BadPicture."""
        for upload in uploads:
            images.check_claims(upload.option, upload.file.filename, upload.file.size)

    async def read(self, uploads: Sequence[Upload]) -> list[Reference]:
        """Read files, prepare them and keep them. Raises BadPicture for the first that is no picture to edit."""
        return [(await self._read(upload)).reference for upload in uploads]

    async def receive(
        self,
        interaction: discord.Interaction[Any],
        prompt: str,
        given: Sequence[Reference],
        uploads: Sequence[Upload],
    ) -> tuple[Place, list[Reference], list[discord.File]]:
        """Acknowledge what is no single edit, and read its files; returns the references, and files that show them.

        What can be refused without reading is refused before, to the asker alone.
        """
        self.check_claims(uploads)
        place = await self._acknowledge(interaction, prompt, given)
        read = [await self._read(upload) for upload in uploads]
        files = [await self._file(number, one, len(read)) for number, one in enumerate(read, 1)]
        return place, [*given, *(one.reference for one in read)], files

    async def repeat(self, interaction: discord.Interaction[Any], request: EditRequest, *, shown: int | None) -> None:
        """Ask for a request whose pictures are all here; the place decides whether Runware checks what it makes."""
        house = await self._services.houses.of(rights.asker(interaction).guild_id)
        request = replace(request, safety=rights.safety(interaction, house))
        options.check_house(request, house)
        self._services.edits.check_request(request)
        place = await self._acknowledge(interaction, request.prompt, request.references)
        await self._show(interaction, request, [])
        await self._order(interaction, place, request, shown)

    async def _order(
        self,
        interaction: discord.Interaction[Any],
        place: Place,
        request: EditRequest,
        shown: int | None,
        *,
        draft_id: int | None = None,
        reply: discord.WebhookMessage | None = None,
    ) -> bool:
        """Ask for the edit; where its price is news, the reply becomes the question whether it should be made.

        ``reply``: where it is not the first answer to the interaction. Returns whether the edit was asked for.
        """
        edits, asker = self._services.edits, rights.asker(interaction)
        made = await edits.ask(asker, place, request, shown=shown, draft_id=draft_id)
        if isinstance(made, Job):
            return True
        message = reply or await interaction.original_response()
        price = await self._services.edits.price(made.guild_id, request)
        view = cards.offer(made, price, pictures=cards.attached(message), shown=shown)
        await message.edit(view=view)
        return False

    def _request(self, wish: Wish, references: Sequence[Reference], house: House, safety: str) -> EditRequest:
        try:
            request = options.build_request(
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
                f"{bad} You left `{bad.option}` out, and this server's default stands for it: see `/options show`. In a "
                f"`/draft`, `{NOTHING}` leaves it to the model.",
            ) from bad
        self._services.edits.check_request(request)
        return request

    async def _acknowledge(
        self, interaction: discord.Interaction[Any], prompt: str, given: Sequence[Reference]
    ) -> Place:
        """Answer with a message instead of "thinking": its id is known at once, and goes with the job."""
        await self._check(interaction, given)
        view = cards.checking(interaction.user.id, prompt, here=rights.in_thread(interaction))
        answer = await interaction.response.send_message(view=view)
        if answer.message_id is None:
            return rights.place(interaction, (await interaction.original_response()).id)
        return rights.place(interaction, answer.message_id)

    async def _check(self, interaction: discord.Interaction[Any], given: Sequence[Reference]) -> None:
        """Refuse whatever else can be refused without reading a file, so that only the asker sees it."""
        rights.check_place(interaction)
        asker, (channel_id, thread_id) = rights.asker(interaction), rights.where(interaction)
        await self._services.edits.check_here(asker, channel_id)
        await self._services.sessions.check_admitted(asker, thread_id)
        for reference in given:
            await self._services.pictures.get(reference.sha256)

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
            known = None if upload.sha256 is None else await self._services.pictures.known(upload.sha256, data)
            picture = known or await self._services.pictures.prepare(upload.option, name, data)
        sha256 = await self._services.pictures.put(picture.data)
        description = upload.file.description
        return _Read(Reference(sha256, picture.width, picture.height, name, description=description), picture)

    async def _kept(self, reference: Reference) -> _Read:
        """Return a file that was read before, kept anew: from here on, a day passes until it is a stray."""
        data = await self._services.pictures.get(reference.sha256)
        await self._services.pictures.put(data)
        media_type, width, height = await self._services.pictures.describe(data)
        return _Read(reference, Picture(data, media_type, width, height))

    async def _show(self, interaction: discord.Interaction[Any], request: EditRequest, read: Sequence[_Read]) -> None:
        """Turn the acknowledgement into the card of the edit, with the pictures that came with it.

        It comes before the job: once there is one, the announcer owns what happens to the reply.
        """
        view, files = await self._starter(interaction, request, read)
        try:
            await interaction.edit_original_response(view=view, attachments=files)
        except DISCORD_ERRORS as error:
            log.warning("a reply could not show what was asked for: %s", error)

    async def _starter(
        self, interaction: discord.Interaction[Any], request: EditRequest, read: Sequence[_Read]
    ) -> tuple[ui.LayoutView, list[discord.File]]:
        files = [await self._file(number, one, len(read)) for number, one in enumerate(read, 1)]
        view = cards.starter(
            interaction.user.id,
            request,
            pictures=[(file.filename, file.description or "") for file in files],
            parent=await parent_of(self._services.edits, request.parent_id),
            here=rights.in_thread(interaction),
        )
        return view, files

    async def _file(self, number: int, read: _Read, of: int) -> discord.File:
        limit = min(FILE_BYTES, REQUEST_BYTES // of)
        picture = read.picture
        if len(picture.data) > limit:
            picture = await self._services.pictures.fit(picture.data, picture.media_type, limit)
        alt = read.reference.description or f"A picture to start from: {read.reference.label}"
        extension = picture.media_type.removeprefix("image/").replace("jpeg", "jpg")
        return discord.File(io.BytesIO(picture.data), f"reference-{number}.{extension}", description=alt[:1024])


def _agreed(asked: str | None, of_place: str) -> str:
    """Return how Runware checks what is made, where somebody may ask for more than the place does, and never for less."""
    if asked == "none" and of_place != "none":
        raise BadOption(
            "safety",
            "`safety` is none in this recipe, and Runware checks what is made here: leave it out, or run it where a manager "
            "has switched the check off.",
        )
    return asked or of_place
