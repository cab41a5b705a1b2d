"""The message menu "Edit image": choose pictures of any message, and say what to change.

Discord hands a message over once, and waits three seconds for the form. So what the message shows is written down, the
form opens, and only then the pictures are read. What was not read by the time the form is sent is read then.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import EditBot, MenuCog, attempt
from bot.consents import Posted
from bot.errors import EditError, NotAllowed, NotFound
from bot.services import Services
from cogs import _forms as forms
from cogs import _pick_forms as pick_forms
from cogs import _rights as rights
from cogs._asking import Asking, Wish
from cogs._found import Message, look, upload
from cogs._opening import Opening
from cogs._uploads import UNREAD, Upload
from storage.picks import Found
from storage.records import Reference


class PickingCog(MenuCog, name="Picking"):
    """The menu, and the form that it opens on pictures of others and on the files that came with an edit."""

    def __init__(self, services: Services, asking: Asking) -> None:
        self._services = services
        self._picks = services.picks
        self._asking = asking
        self._opening = Opening(services)
        self.menus = (app_commands.ContextMenu(name="Edit image", callback=self._edit_message),)

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction[EditBot]) -> None:
        """Do what the form asks for; discord.py knows nothing of ours (see :mod:`cogs._forms`)."""
        sent = forms.read(forms.sent_with(interaction))
        if sent is not None and sent.action == pick_forms.PICK:
            await attempt(interaction, self._send(interaction, sent))

    # opening -----------------------------------------------------------------------------------------------

    async def _edit_message(self, interaction: discord.Interaction[EditBot], message: discord.Message) -> None:
        """Open the form to edit pictures of a message: results of ours, or whatever else it shows."""
        found = await look(self._services, interaction, message)
        result_ids = [picture.result_id for picture in found.pictures if picture.result_id is not None]
        if result_ids:
            shown = [await self._services.edits.result(result_id) for result_id in result_ids]
            await self._opening.edit(interaction, [result for result, _ in shown], shown[0][1])
        else:
            await self._offer(interaction, found)

    async def _offer(self, interaction: discord.Interaction[EditBot], message: Message) -> None:
        """Open the form, and read the pictures once it stands. What would be refused when it is sent is refused before."""
        await rights.check_may_ask(interaction, self._services)
        await self._check_consent(interaction, message)
        pictures, bad = pick_forms.offered(message.pictures)
        prices = await self._asking.prices(interaction, [_start(next(iter(pictures.values())))])
        who = rights.asker(interaction)
        pick_id = await self._picks.open(who, message.pictures, message.posted, seen_in=message.first.channel.id)
        await interaction.response.send_modal(pick_forms.pick(pick_id, pictures, prices, left_out=bad))
        await self._read(interaction, pick_id, pictures, message.posted)

    async def _check_consent(self, interaction: discord.Interaction[EditBot], message: Message) -> None:
        """Refuse by who posted a message, or by whose files of ours it shows. Raises NoConsent; NotFound for lost files."""
        who, (_, thread_id) = rights.asker(interaction), rights.where(interaction)
        if message.posted is not None:
            await self._services.consents.check_posted(who, thread_id, message.posted)
        known = [picture.reference for picture in message.pictures if picture.reference is not None]
        await self._services.consents.check(who, thread_id, known)
        for reference in known:
            await self._services.pictures.size(reference.sha256)

    async def _read(
        self,
        interaction: discord.Interaction[EditBot],
        pick_id: int,
        pictures: Mapping[int, Found],
        posted: Posted | None,
    ) -> None:
        """Read what is not here yet, one picture after the other."""
        for number, picture in pictures.items():
            if picture.reference is not None:
                continue
            with suppress(EditError):  # it is read again, and refused in words, when somebody chooses it
                (reference,) = await self._asking.read(
                    interaction, [self._upload(interaction, number, picture, posted)]
                )
                await self._picks.keep(pick_id, number, reference)

    # sending -----------------------------------------------------------------------------------------------

    async def _send(self, interaction: discord.Interaction[EditBot], sent: forms.Sent) -> None:
        """Ask for an edit of the chosen pictures, in the order of their message, and of the files that came with the form."""
        who, (_, thread_id) = rights.asker(interaction), rights.where(interaction)
        try:
            offer = await self._picks.get(sent.targets[0], who)
        except NotFound as gone:
            raise NotFound(f"{gone}{forms.said_back(sent.prompt)}") from gone
        if not await rights.can_read(interaction, offer.seen_in, None):
            raise NotAllowed("You can't use these pictures: they stand in a channel that you cannot read.")
        pictures, _ = pick_forms.offered(offer.pictures)
        numbers = pick_forms.chosen(sent, pictures)
        forms.check_number(len(numbers) + len(sent.files), typed=sent.prompt)
        if offer.posted is not None:
            await self._services.consents.check_posted(who, thread_id, offer.posted)
        chosen = [
            offer.read.get(number) or self._upload(interaction, number, pictures[number], offer.posted)
            for number in numbers
        ]
        more = [Upload.of("More pictures", file) for file in forms.attachments(interaction, sent.files)]
        await self._asking.ask(interaction, Wish({"prompt": sent.prompt}), [*chosen, *more], shown=sent.price)

    def _upload(
        self, interaction: discord.Interaction[EditBot], number: int, picture: Found, posted: Posted | None
    ) -> Upload:
        return upload(self._services, interaction, pick_forms.option(number), picture, posted)


def _start(picture: Found) -> Reference:
    """Return what stands for a picture that was not read yet: of the size that it is said to have, if that is one."""
    if picture.reference is not None:
        return picture.reference
    width, height = picture.width or 0, picture.height or 0
    return UNREAD if min(width, height) <= 0 else replace(UNREAD, width=width, height=height)
