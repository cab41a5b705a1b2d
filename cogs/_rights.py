"""Who may do what where: read from Discord, now, each time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final, TypeAlias, TypeGuard

import discord
from discord import app_commands

from bot.client import DISCORD_ERRORS
from bot.errors import EditError, NotAllowed, NotFound
from bot.services import Services
from cogs._keeping import keep
from cogs._patience import patience
from storage.records import Asker, EditRequest, House, Job, Place, Result

#: A channel of an option: one that edits happen in, or one of its threads; a forum is named by one of these.
Home: TypeAlias = discord.TextChannel | app_commands.AppCommandThread
_EVERYWHERE: Final = ("view_channel", "read_message_history", "send_messages_in_threads", "attach_files")
_TO_MAKE_A_THREAD: Final = (*_EVERYWHERE, "create_public_threads")


def asker(interaction: discord.Interaction[Any]) -> Asker:
    """Return who acts. Raises NotAllowed outside a server."""
    if interaction.guild_id is None:
        raise NotAllowed("I work in servers only: use me in a channel of one.")
    return member(interaction.guild_id, interaction.user, moderates=interaction.permissions.manage_messages)


def member(guild_id: int, person: discord.abc.User, *, moderates: bool = False) -> Asker:
    """Return a person as a member of a server, with the roles they have now; the server's id is everybody's role."""
    roles = [role.id for role in person.roles] if isinstance(person, discord.Member) else []
    return Asker(guild_id, person.id, frozenset([guild_id, *roles]), moderates)


def member_in(channel_id: int, person: discord.Member) -> Asker:
    """Return somebody who does not act here themselves, with the roles, and the rights in a channel, they have now."""
    channel = person.guild.get_channel(channel_id)
    moderates = channel is not None and channel.permissions_for(person).manage_messages
    return member(person.guild.id, person, moderates=moderates)


async def budget_manager(interaction: discord.Interaction[Any], services: Services) -> Asker:
    """Return who acts, if they may manage this server's budget: by Manage Server, or by the role chosen for it.

    Raises:
        NotAllowed: they may not.
    """
    who = asker(interaction)
    if interaction.permissions.manage_guild:
        return who
    server = await services.budgets.server(who.guild_id)
    if server.manager_role_id in who.role_ids:
        return who
    chosen = "" if server.manager_role_id is None else f", or the role <@&{server.manager_role_id}>"
    raise NotAllowed(f"Only those who manage this server can do this: it takes **Manage Server**{chosen}.")


def guild(interaction: discord.Interaction[Any]) -> discord.Guild:
    """Return the server a person acts in, with its members and channels. Raises EditError while it is not known."""
    if interaction.guild is None:
        raise EditError("Discord has not told me about this server yet. Please try again in a minute.")
    return interaction.guild


def where(interaction: discord.Interaction[Any]) -> tuple[int, int | None]:
    """Return the ids of the channel a person acts in, which is its parent in a thread, and of the thread."""
    channel = interaction.channel
    if isinstance(channel, discord.Thread):
        return channel.parent_id, channel.id
    return interaction.channel_id or 0, None


def manages(interaction: discord.Interaction[Any]) -> bool:
    """Return whether the person manages messages here."""
    return interaction.permissions.manage_messages


def in_thread(interaction: discord.Interaction[Any]) -> bool:
    """Return whether the person acts inside a thread."""
    return isinstance(interaction.channel, discord.Thread)


def check_place(interaction: discord.Interaction[Any]) -> None:
    """Refuse a channel where no thread can be, or where the bot lacks a right. Raises NotAllowed."""
    channel = interaction.channel
    if not isinstance(channel, (discord.Thread, discord.TextChannel)):
        raise NotAllowed("Edits live in threads, and this channel can have none. Use a text channel or a thread.")
    needed = _EVERYWHERE if isinstance(channel, discord.Thread) else _TO_MAKE_A_THREAD
    missing = [name for name in needed if not getattr(interaction.app_permissions, name)]
    if missing:
        names = ", ".join(f"**{name.replace('_', ' ').title()}**" for name in missing)
        raise NotAllowed(f"I can't work in this channel: I lack {names}. Ask someone who manages it to allow me that.")


async def check_may_ask(interaction: discord.Interaction[Any], services: Services) -> None:
    """Refuse, before anybody types or a file is read, whoever may not ask for an edit here now, whatever it is of.

    Raises:
        NotAllowed: no thread can be here, or the session does not let them in.
        EditError: see :meth:`bot.edits.Edits.check_here`.
    """
    check_place(interaction)
    who, (channel_id, thread_id) = asker(interaction), where(interaction)
    await services.edits.check_here(who, channel_id)
    await services.sessions.check_admitted(who, thread_id)


def home_id(channel: Home) -> int:
    """Return the id of the channel that edits are booked in: of a thread, its parent."""
    return channel.parent_id if isinstance(channel, app_commands.AppCommandThread) else channel.id


def safety(interaction: discord.Interaction[Any], house: House) -> str:
    """Return how Runware checks what is made here: see :func:`safety_in`."""
    # An interaction carries a part of its channel only, which need not say that it is age-restricted.
    channel_id, _ = where(interaction)
    return safety_in(None if interaction.guild is None else interaction.guild.get_channel(channel_id), house)


def safety_in(channel: object, house: House) -> str:
    """Return how Runware checks what is made in a channel and its threads, as Discord shows the channel now.

    It is not checked only where a manager said so and Discord asks for age.
    """
    return "none" if is_restricted(channel) and channel.id in house.unchecked else "fast"


def is_restricted(channel: object) -> TypeGuard[discord.TextChannel | discord.ForumChannel]:
    """Return whether edits can be made in a channel and Discord asks for age there now."""
    return isinstance(channel, discord.TextChannel | discord.ForumChannel) and channel.is_nsfw()


def place(interaction: discord.Interaction[Any], reply_id: int) -> Place:
    """Return where an edit is asked for: in a channel, or inside a thread of it."""
    channel = interaction.channel
    if isinstance(channel, discord.Thread):
        host_id = None if channel.owner_id == interaction.application_id else channel.owner_id
        return Place(channel.parent_id, reply_id, channel.id, not channel.is_private(), host_id)
    return Place(interaction.channel_id or 0, reply_id)


def seen(interaction: discord.Interaction[Any], channel_ids: Iterable[int]) -> tuple[list[int], int]:
    """Return those of some channels that the person sees now, and how many others of them there are still."""
    member, shown, hidden = interaction.user, list[int](), 0
    for channel_id in sorted(channel_ids):
        channel = None if interaction.guild is None else interaction.guild.get_channel(channel_id)
        if channel is None:  # it was deleted
            continue
        if isinstance(member, discord.Member) and channel.permissions_for(member).view_channel:
            shown.append(channel_id)
        else:
            hidden += 1
    return shown, hidden


async def check_readable(interaction: discord.Interaction[Any], result: Result, job: Job) -> None:
    """Refuse a result whose message the person cannot read now. Raises NotAllowed or NotFound."""
    if job.guild_id != interaction.guild_id:
        raise NotFound(f"{result.short_id} is not a picture of this server.")
    if result.channel_id is None:
        readable = job.user_id == interaction.user.id  # it was only ever shown to its asker
    else:
        readable = await can_read(interaction, result.channel_id, job.user_id)
    if not readable:
        raise NotAllowed(f"You can't use {result.short_id}: it stands in a channel you cannot read.")


async def sees_job(interaction: discord.Interaction[Any], job: Job) -> bool:
    """Return whether the person can read now where an edit was asked for, and so its prompt.

    A public thread is read by whoever reads its parent; it need not be there any more.
    """
    place = job.place
    channel_id = place.channel_id if place.public else place.thread_id or place.channel_id
    readable = job.user_id == interaction.user.id or await can_read(interaction, channel_id, job.user_id)
    return job.guild_id == interaction.guild_id and readable


async def check_repeatable(interaction: discord.Interaction[Any], job: Job) -> None:
    """Refuse to ask for a job again where the person cannot read it now. Raises NotAllowed."""
    if not await sees_job(interaction, job):
        raise NotAllowed("You can't ask for that again: it stands in a channel you cannot read.")


async def manages_at(interaction: discord.Interaction[Any], channel_id: int | None) -> bool:
    """Return whether the person manages messages in a channel, wherever they act."""
    if channel_id is None or channel_id == interaction.channel_id:
        return manages(interaction)
    guild, member = interaction.guild, interaction.user
    if guild is None or not isinstance(member, discord.Member):
        return False
    try:
        async with asyncio.timeout(patience(interaction)):
            channel = guild.get_channel_or_thread(channel_id) or await guild.fetch_channel(channel_id)
    except DISCORD_ERRORS:
        return False
    if isinstance(channel, discord.Thread) and channel.parent is None:
        return False
    return channel.permissions_for(member).manage_messages


async def check_references(interaction: discord.Interaction[Any], services: Services, request: EditRequest) -> None:
    """Refuse to edit, with a request made before, a result that was taken down or that the person cannot read now.

    Whose bytes were swept is read back from its message.

    Raises:
        NotAllowed, NotFound: the sentence says which.
    """
    for reference in request.references:
        if reference.result_id is not None:
            result, job = await services.edits.result(reference.result_id)
            await check_readable(interaction, result, job)
            await keep(services, interaction, result)


async def can_read(interaction: discord.Interaction[Any], channel_id: int, owner_id: int | None) -> bool:
    """Return whether the person can read a channel now. A direct message is its owner's."""
    if channel_id == interaction.channel_id:
        return interaction.permissions.view_channel
    member = interaction.user
    if interaction.guild is None or not isinstance(member, discord.Member):
        return False
    try:
        async with asyncio.timeout(patience(interaction)):
            return await member_reads(member, channel_id, owner_id)
    except DISCORD_ERRORS as error:
        raise NotAllowed(
            "Discord does not say right now whether you may see that picture. Try again shortly."
        ) from error


async def member_reads(member: discord.Member, channel_id: int, owner_id: int | None) -> bool:
    """Return whether a member can read a channel of their server now. A direct message is its owner's."""
    try:
        channel = member.guild.get_channel_or_thread(channel_id) or await member.guild.fetch_channel(channel_id)
        return await _reads(member, channel)
    except discord.InvalidData:  # a direct message
        return member.id == owner_id
    except (discord.Forbidden, discord.NotFound):
        return False


async def _reads(member: discord.Member, channel: discord.abc.GuildChannel | discord.Thread) -> bool:
    in_thread = isinstance(channel, discord.Thread)
    if in_thread and channel.parent is None:
        return False
    rights = channel.permissions_for(member)
    if not (rights.view_channel and rights.read_message_history):
        return False
    if not in_thread or not channel.is_private() or rights.manage_threads:
        return True
    try:
        await channel.fetch_member(member.id)
    except (discord.Forbidden, discord.NotFound):
        return False
    return True
