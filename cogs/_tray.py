"""A member's tray: what is in it as they may use it now, the card that shows it, and what an edit takes from it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import discord

from bot import options
from bot.errors import BadOption, EditError, NoConsent, NotAllowed, NotFound
from bot.services import Services
from bot.tray import Held
from cogs import _rights as rights
from cogs import _tray_cards as cards
from cogs import _words as words
from cogs._keeping import keep
from cogs._thumbnails import thumbnail
from cogs._tray_cards import Shown
from storage.records import Reference
from storage.tray import TrayPicture

log = logging.getLogger(__name__)


async def gathered(services: Services, interaction: discord.Interaction[Any], *, more: int = 0) -> list[Reference]:
    """Return what an edit takes from a member's tray, in its order; nothing, where it is empty.

    Args:
        services: the use cases.
        interaction: who asks, and where.
        more: so many pictures come after them.

    Raises:
        BadOption: with those that come after them they are too many.
        NotAllowed, NoConsent: one of them cannot be used now; the sentence says why, and what to do.
    """
    pictures = await services.tray.used(rights.asker(interaction))
    if pictures and len(pictures) + more > options.MAX_REFERENCES:
        raise BadOption(
            "image",
            f"Your tray has {words.counted(len(pictures), 'picture')} and you gave {more} more, and an edit takes up to "
            f"{options.MAX_REFERENCES}. Take some out with `/references`, or give the first one as `image`, which leaves "
            "the tray out.",
        )
    taken: list[Reference] = []
    for number, picture in enumerate(pictures, 1):
        try:
            taken.append(await as_now(services, interaction, picture))
        except (NotAllowed, NotFound) as error:
            raise NotAllowed(
                f"Picture {number} of your tray cannot be used now. {error} Take it out with `/references`, or give a "
                "picture as `image`."
            ) from error
    _, thread_id = rights.where(interaction)
    try:
        await services.consents.check(rights.asker(interaction), thread_id, taken)
    except NoConsent as error:
        raise NoConsent(f"{error} It is in your tray: take it out with `/references`.") from error
    return taken


async def as_now(services: Services, interaction: discord.Interaction[Any], picture: TrayPicture) -> Reference:
    """Return a picture of a tray, its bytes at hand.

    Raises:
        NotAllowed: it stands in a channel that the person cannot read now.
        NotFound: it was taken down, withheld or lost.
    """
    reference = picture.reference
    if reference.result_id is not None:
        result, job = await services.edits.result(reference.result_id)
        await rights.check_readable(interaction, result, job)
        return options.reference_to(await keep(services, interaction, result), job.request)
    if not await rights.can_read(interaction, picture.channel_id, None):
        raise NotAllowed("It was taken from a channel that you cannot read.")
    await services.pictures.size(reference.sha256)
    return reference


async def show(services: Services, interaction: discord.Interaction[Any], notes: Sequence[str] = ()) -> None:
    """Make an answer, which was acknowledged to the member alone, the card of their tray as it is now."""
    view = await services.tray.view(rights.asker(interaction))
    pictures = await _looked_at(services, interaction, view.held)
    drawn, files = list[Shown](), list[discord.File]()
    for number, shown in enumerate(pictures, 1):
        file = (
            None if shown.fault is not None else await thumbnail(services, shown.reference, number, shown.alt(number))
        )
        drawn.append(shown if file is None else replace(shown, file=file.filename))
        files += [] if file is None else [file]
    try:
        await interaction.edit_original_response(view=cards.tray(drawn, view.until, notes=notes), attachments=files)
    except discord.NotFound:  # they dismissed the card; what they did is done, and `/references` shows it
        log.info("the card of a tray was dismissed")


async def _looked_at(services: Services, interaction: discord.Interaction[Any], held: Sequence[Held]) -> list[Shown]:
    """Return the pictures of a tray, each with why it cannot be used here now, if it cannot. None is decoded for that."""
    who, (_, thread_id) = rights.asker(interaction), rights.where(interaction)
    looked = [await _shown(services, interaction, one) for one in held]
    refusals = await services.consents.refusals(who, thread_id, [shown.reference for shown in looked])
    return [replace(shown, fault=shown.fault or refused) for shown, refused in zip(looked, refusals, strict=True)]


async def _shown(services: Services, interaction: discord.Interaction[Any], held: Held) -> Shown:
    picture = held.picture
    shown = Shown(
        picture.id,
        picture.reference,
        words.link(interaction.guild_id or 0, picture.channel_id, picture.message_id),
        held.user_id,
        own=held.user_id == interaction.user.id,
    )
    try:
        return replace(shown, reference=await as_now(services, interaction, picture))
    except EditError as error:
        return replace(shown, fault=str(error))
