"""``/session``: who may edit in a thread, what its owner does with that, and all of it to take away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import discord
from discord import app_commands
from discord.app_commands import Choice
from discord.ext import commands

from bot.client import DISCORD_ERRORS, EditBot
from bot.errors import BadOption, NotAllowed, TooLate
from bot.services import Services
from cogs import _rights as rights
from cogs import _session_cards as cards
from cogs._beside import keep_track
from cogs._export import Export
from cogs._previews import as_shown, previews
from cogs._sight import Sight
from cogs._turns import Turns
from cogs.umpire import redraw_open
from storage.lineage import Step
from storage.records import Access, Session

_WHO: Final = {"everybody": Access.OPEN, "invited people": Access.INVITED, "a role": Access.ROLE}
#: So many exports are made at a time, over all servers; who asks for another one meanwhile is told so.
_MOST: Final = 2


class SessionCog(commands.Cog, name="Session"):
    """The commands about a session. What changes for others is said in the thread, a refusal to the person alone."""

    session = app_commands.Group(name="session", description="This thread's edits and the people in it")

    def __init__(self, services: Services) -> None:
        self._services = services
        self._sessions = services.sessions
        self._exports = Turns(_MOST, "Two exports are being made right now. Please try again in a minute.")
        #: The ids of the sessions whose summaries are being posted.
        self._summing_up: set[int] = set()

    @session.command()
    async def show(self, interaction: discord.Interaction[EditBot]) -> None:
        """See who may edit here, who did how much, and the best pictures."""
        session = await self._here(interaction)
        await interaction.response.defer(ephemeral=True)
        view = await self._sessions.view(session)
        sight = Sight(interaction)
        best = [step for step in view.best if await sight.sees(step)]
        files = await previews(self._services, best)
        await interaction.edit_original_response(
            view=cards.show(view, best, as_shown(files)), attachments=list(files.values())
        )

    # people ------------------------------------------------------------------------------------------------

    @session.command()
    @app_commands.describe(member="Whom to let in")
    async def invite(self, interaction: discord.Interaction[EditBot], member: discord.User | discord.Member) -> None:
        """Let somebody edit here, also one who was removed."""
        session, person = await self._here(interaction), _person(member)
        session = await self._sessions.invite(rights.asker(interaction), session.id, person.id)
        await interaction.response.defer()
        note = await _bring_in(interaction.channel, person)
        view = cards.invited(interaction.user.id, person.id, session, note)
        await interaction.edit_original_response(view=view)

    @session.command()
    @app_commands.describe(member="Whom to shut out")
    async def remove(self, interaction: discord.Interaction[EditBot], member: discord.User | discord.Member) -> None:
        """Keep somebody from editing here."""
        session = await self._here(interaction)
        await self._sessions.remove(rights.asker(interaction), session.id, member.id)
        moderates = _moderates(interaction.channel, member)
        view = cards.removed(interaction.user.id, member.id, moderates=moderates)
        await interaction.response.send_message(view=view)
        await redraw_open(self._services, interaction, session.thread_id)

    @session.command()
    @app_commands.describe(member="Who owns this session from now on")
    async def owner(self, interaction: discord.Interaction[EditBot], member: discord.User | discord.Member) -> None:
        """Hand this session over to somebody else."""
        session, person = await self._here(interaction), _person(member)
        await self._sessions.hand_over(rights.asker(interaction), session.id, person.id)
        await interaction.response.send_message(view=cards.handed_over(interaction.user.id, person.id))

    @session.command()
    @app_commands.describe(who="Who may edit here", role="Whose holders may, if it is a role")
    @app_commands.choices(who=[Choice(name=name, value=name) for name in _WHO])
    async def access(
        self, interaction: discord.Interaction[EditBot], who: str, role: discord.Role | None = None
    ) -> None:
        """Say who may edit here."""
        session = await self._here(interaction)
        access, role_id = _chosen(_WHO[who], role)
        session = await self._sessions.set_access(rights.asker(interaction), session.id, access, role_id)
        await interaction.response.send_message(view=cards.admitted(interaction.user.id, session))
        await redraw_open(self._services, interaction, session.thread_id)

    # the session's state -----------------------------------------------------------------------------------

    @session.command()
    async def lock(self, interaction: discord.Interaction[EditBot]) -> None:
        """Have only the owner and moderators go on here."""
        session = await self._here(interaction)
        session = await self._sessions.lock(rights.asker(interaction), session.id)
        owner_id = (await self._sessions.view(session)).owner_user_id
        await interaction.response.send_message(view=cards.locked(interaction.user.id, owner_id))

    @session.command(name="open")
    async def unlock(self, interaction: discord.Interaction[EditBot]) -> None:
        """End the lock: all who may edit go on."""
        await self._open(interaction)

    @session.command()
    async def reopen(self, interaction: discord.Interaction[EditBot]) -> None:
        """Go on with a session that was closed."""
        await self._open(interaction)

    @session.command()
    async def close(self, interaction: discord.Interaction[EditBot]) -> None:
        """End this session: nobody goes on, and a summary is posted."""
        session = await self._here(interaction)
        session = await self._sessions.close(rights.asker(interaction), session.id)
        if session.id in self._summing_up:
            raise TooLate("This session was closed just now; its summary is on its way.")
        self._summing_up.add(session.id)
        try:
            await self._sum_up(interaction, session)
        finally:
            self._summing_up.discard(session.id)

    async def _sum_up(self, interaction: discord.Interaction[EditBot], session: Session) -> None:
        """Answer with the summary of a session that was closed; until all of it is posted, it can be closed again."""
        await interaction.response.defer()
        view = await self._sessions.view(session)
        await interaction.edit_original_response(view=cards.closing(interaction.user.id, view))
        best = [step for step in view.best if cards.stands_here(session, step)]
        if best:
            await self._show_best(interaction, session, best)
        await self._sessions.summed_up(session)

    async def _show_best(
        self, interaction: discord.Interaction[EditBot], session: Session, best: Sequence[Step]
    ) -> None:
        """Post pictures for all who read a session, so that they go with whichever of them is taken down."""
        files = await previews(self._services, best)
        message = await interaction.followup.send(
            view=cards.best(session, best, as_shown(files)), files=list(files.values()), wait=True
        )
        await keep_track(self._services, message, files.keys())

    async def _open(self, interaction: discord.Interaction[EditBot]) -> None:
        before = await self._here(interaction)
        session = await self._sessions.reopen(rights.asker(interaction), before.id)
        await interaction.response.send_message(view=cards.reopened(interaction.user.id, before.state, session))

    # to take away ------------------------------------------------------------------------------------------

    @session.command()
    async def export(self, interaction: discord.Interaction[EditBot]) -> None:
        """Get the pictures, the tree, every recipe and who did how much, as a zip."""
        session = await self._here(interaction)
        guild = rights.guild(interaction)
        with self._exports.take():
            await interaction.response.defer(ephemeral=True)
            await Export(self._services, interaction, guild).send(session)

    async def _here(self, interaction: discord.Interaction[EditBot]) -> Session:
        """Return the session of the thread that a person acts in. Raises NotAllowed outside one, NotFound."""
        guild_id = rights.asker(interaction).guild_id
        _, thread_id = rights.where(interaction)
        if thread_id is None:
            raise NotAllowed("A session belongs to a thread: use `/session` inside the one it is about.")
        return await self._sessions.of_thread(guild_id, thread_id)


def _person(member: discord.User | discord.Member) -> discord.Member:
    """Return a person of this server. Raises BadOption for anybody else."""
    if isinstance(member, discord.User):
        raise BadOption("member", f"{member.mention} is not in this server: choose a `member` who is.")
    if member.bot:
        raise BadOption("member", f"{member.mention} is a bot: choose a person as `member`.")
    return member


def _chosen(access: Access, role: discord.Role | None) -> tuple[Access, int | None]:
    """Return who may edit, and by which role. Raises BadOption where the two options do not fit."""
    if access is not Access.ROLE:
        if role is not None:
            raise BadOption("role", "`role` goes with `who:a role` only: leave it out, or choose that.")
        return access, None
    if role is None:
        raise BadOption("role", "`who:a role` needs a `role`: choose whose holders may edit here.")
    return (Access.OPEN, None) if role.is_default() else (access, role.id)


def _moderates(channel: object, member: discord.User | discord.Member) -> bool:
    """Tell whether somebody manages messages in a thread."""
    if not isinstance(channel, discord.Thread) or channel.parent is None or isinstance(member, discord.User):
        return False
    return channel.parent.permissions_for(member).manage_messages


async def _bring_in(channel: object, person: discord.Member) -> str:
    """Add somebody who was invited to a private thread, and return what came of it, in words."""
    if not isinstance(channel, discord.Thread) or channel.parent is None:
        return ""
    if not channel.parent.permissions_for(person).view_channel:
        return f"They cannot read <#{channel.parent.id}> yet, and so not this thread: ask whoever manages it."
    if not channel.is_private():
        return ""
    try:
        await channel.add_user(person)
    except DISCORD_ERRORS:
        return "I could not add them to this private thread: mention them here, and Discord does."
    return "They were added to this private thread."
