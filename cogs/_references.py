"""Earlier results as the pictures of another edit: only those that the person can read now, with their bytes at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import discord

from bot import options
from bot.consents import Posted
from bot.errors import BadOption
from bot.services import Services
from cogs import _rights as rights
from cogs._keeping import keep
from cogs._naming import result_named
from cogs._tray import gathered
from cogs._uploads import Upload, linked, made_at
from storage.records import Reference

_FILES: Final = ("image", "image2", "image3")
#: Pixels on a side: Discord makes avatars of powers of two, and keeps them no larger.
_AVATAR: Final = 1024


async def reference(services: Services, interaction: discord.Interaction[Any], result_id: int) -> Reference:
    """Return a result as a picture to edit.

    Raises:
        NotFound: there is none, or it was taken down, withheld or lost.
        NotAllowed: it stands in a channel that the person cannot read now.
    """
    result, job = await services.edits.result(result_id)
    await rights.check_readable(interaction, result, job)
    return options.reference_to(await keep(services, interaction, result), job.request)


@dataclass(frozen=True, slots=True)
class Given:
    """The pictures of a command, as they were given."""

    #: The text of ``from``: earlier results.
    named: str | None = None
    #: The files of ``image``, ``image2``...
    files: Sequence[discord.Attachment | None] = ()
    #: The text of ``image_url``.
    url: str | None = None
    #: Whose picture of themselves ``avatar`` asks for.
    avatar: discord.Member | None = None


async def pictures_given(
    services: Services, interaction: discord.Interaction[Any], given: Given, *, needed: bool = True
) -> tuple[list[Reference], list[Upload]]:
    """Return the results that ``from`` names, the one to start from first, and what is still to be read, in its order.

    With neither ``from`` nor ``image``, the pictures of the person's tray come first.

    Raises:
        BadOption: ``from`` names too many, or stands beside ``image``; the link is refused; or there is no picture, nor
            anything in the tray, where one is ``needed``.
        NotFound, NotAllowed: see :func:`reference`, and :func:`cogs._tray.gathered`.
        NoConsent: whose avatar it is lets it not be edited here.
    """
    first = given.files[0] if given.files else None
    if given.named is not None and first is not None:
        raise BadOption("from", "`from` takes the place of `image`: use one of them. More pictures go in `image2`.")
    uploads = [Upload.of(option, file) for option, file in zip(_FILES, given.files, strict=False) if file is not None]
    if given.url is not None:
        uploads.append(linked(services, "image_url", given.url))
    if given.avatar is not None:
        uploads.append(await _avatar(services, interaction, given.avatar))
    if given.named is not None:
        return await references_named(services, interaction, given.named), uploads
    if first is not None or given.url is not None or given.avatar is not None:
        return [], uploads
    held = await gathered(services, interaction, more=len(uploads))
    if needed and not held:
        raise BadOption(
            "image",
            "There is no picture to edit: attach one as `image`, name a result in `from`, or gather some with the menu "
            "**Add as reference** of messages.",
        )
    return held, uploads


async def _avatar(services: Services, interaction: discord.Interaction[Any], member: discord.Member) -> Upload:
    """Return the picture that a member shows of themselves in this server, which is theirs. Raises NoConsent.

    One that Discord gave them is millions of others' as well, and so nobody's.
    """
    _, thread_id = rights.where(interaction)
    posted = None
    if member.display_avatar != member.default_avatar:
        posted = Posted(member.id, made_at(interaction))
        await services.consents.check_posted(rights.asker(interaction), thread_id, posted)
    asset = member.display_avatar.replace(size=_AVATAR, format="png")
    # The label goes into the edit, which outlives what is known of its people: it names nobody.
    return Upload("avatar", "avatar.png", asset.read, posted=posted, own=False)


async def references_named(
    services: Services, interaction: discord.Interaction[Any], named: str, *, option: str = "from"
) -> list[Reference]:
    """Return the results that an option names, each once, in their order; at least one. Raises like :func:`reference`.

    Raises:
        BadOption: it names no results, or too many.
    """
    names = options.split_refs(named)
    ids = dict.fromkeys([await result_named(services, interaction, option, name) for name in names])
    if len(ids) > options.MAX_REFERENCES:
        raise BadOption(option, f"`{option}` takes up to {options.MAX_REFERENCES} results, and {len(ids)} were given.")
    return [await reference(services, interaction, result_id) for result_id in ids]
