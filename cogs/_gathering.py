"""The pictures of a message, taken for a tray: asked about, read, kept, and asked about once more by their bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import discord

from bot.errors import EditError
from bot.services import Services
from cogs import _rights as rights
from cogs._asking import Asking
from cogs._found import Found, Message, look, origin_of, upload
from cogs._tray import as_now
from cogs._uploads import check_claims
from storage.records import Reference
from storage.tray import TrayPicture


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the pictures of a message."""

    pictures: list[TrayPicture]
    #: Why the others were not taken, each in a sentence.
    faults: list[str]


class Gathering:
    """Takes pictures from messages."""

    def __init__(self, services: Services, asking: Asking) -> None:
        self._services = services
        self._asking = asking

    async def take(self, interaction: discord.Interaction[Any], message: discord.Message) -> Taken:
        """Return the pictures that a message shows, read and kept.

        Whether they may be edited is asked for the thread where they stand, since nobody knows yet where they will be used:
        there it is asked again. Where it is known who posted them, that comes before anything is read.

        Raises:
            NotFound, NoConsent: see :func:`cogs._found.look`, or who posted it lets nobody else edit it.
            NotAllowed, OutOfSpace: see :meth:`bot.edits.Edits.check`.
        """
        who = rights.asker(interaction)
        await self._services.edits.check(who)
        shown = await look(self._services, interaction, message)
        thread_id = origin_of(shown.first).thread_id
        if shown.posted is not None:
            await self._services.consents.check_posted(who, thread_id, shown.posted)
        read, called, faults = list[Reference](), list[str](), list[str]()
        for found in shown.pictures:
            try:
                read.append(await self._read(interaction, found, shown))
                called.append(f"`{_plain(found)}`")
            except EditError as error:
                faults.append(str(error))
        refusals = await self._services.consents.refusals(who, thread_id, read, called)
        return Taken(
            [
                TrayPicture(reference, shown.first.channel.id, shown.first.id)
                for reference, refused in zip(read, refusals, strict=True)
                if refused is None
            ],
            list(dict.fromkeys([*faults, *(refused for refused in refusals if refused is not None)])),
        )

    async def _read(self, interaction: discord.Interaction[Any], found: Found, shown: Message) -> Reference:
        """Return one picture of a message, its bytes at hand. Raises EditError."""
        known = found.reference
        if found.result_id is not None:
            known = Reference("", 0, 0, found.name, result_id=found.result_id)
        if known is not None:
            return await as_now(self._services, interaction, TrayPicture(known, shown.first.channel.id, shown.first.id))
        given = upload(self._services, interaction, _plain(found), found, shown.posted)
        check_claims([given])
        [reference] = await self._asking.read(interaction, [given])
        return reference


def _plain(found: Found) -> str:
    """Return what a picture is called: numbers would be those of its message, and stand above those of the tray."""
    return found.name.replace("`", "'")
