"""``/budget``: who may spend what here, for those who manage it. What they change is said in one line on the card."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import Any, Final

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot import amounts, quota
from bot.budgets import Budget
from bot.client import EditBot, attempt
from bot.errors import BadOption, NotFound
from bot.services import Services
from cogs import _budget_cards as cards
from cogs import _budget_forms as forms
from cogs import _rights as rights
from cogs._budget_components import (
    BackButton,
    BonusButton,
    EndBonusMenu,
    LimitMenu,
    LogButton,
    MoreButton,
    PauseButton,
    ResumeMenu,
    TakeAwayMenu,
    Whose,
)
from cogs._forms import sent_with
from storage.records import Asker, Pause, Scope

#: Names of members are worth waiting for this long, of the three seconds that Discord waits for an answer.
_PATIENCE: Final = 1.0
#: Discord tells about so many members at once.
_MEMBERS: Final = 100


class BudgetCog(commands.Cog, name="Budget"):
    """The commands, presses and forms with which a server's limits, bonuses and pauses are managed."""

    budget = app_commands.Group(name="budget", description="Who may spend what in this server")

    def __init__(self, services: Services) -> None:
        self._services = services
        self._budgets = services.budgets

    # commands ----------------------------------------------------------------------------------------------

    @budget.command()
    async def show(self, interaction: discord.Interaction[EditBot]) -> None:
        """See every limit, bonus and pause of this server, and change them."""
        await self._show(interaction, await self._manager(interaction))

    @budget.command()
    @app_commands.describe(
        reason="Why; members read it", channel="Where, with its threads; leave out for the whole server"
    )
    async def pause(
        self, interaction: discord.Interaction[EditBot], reason: str, channel: rights.Home | None = None
    ) -> None:
        """Stop edits at once, in one channel or in the whole server."""
        await self._pause(interaction, await self._manager(interaction), _home(channel), reason)

    @budget.command()
    @app_commands.describe(channel="Where; leave out for the pause of the whole server")
    async def resume(self, interaction: discord.Interaction[EditBot], channel: rights.Home | None = None) -> None:
        """Let edits go on that were paused."""
        manager = await self._manager(interaction)
        ended = await self._budgets.resume(manager, _home(channel))
        await self._show(interaction, manager, note=await self._resumed(ended))

    @budget.command()
    @app_commands.describe(
        amount="How much, in dollars, such as 5 or 0.50",
        member="For a member",
        role="For each holder of a role",
        thread="For the pool of a thread, which all in it share",
        days="For how many days; leave out for: till it is spent or ended",
    )
    async def grant(
        self,
        interaction: discord.Interaction[EditBot],
        amount: str,
        member: discord.User | discord.Member | None = None,
        role: discord.Role | None = None,
        thread: app_commands.AppCommandThread | None = None,
        days: int | None = None,
    ) -> None:
        """Give a bonus, which is spent before anything else."""
        manager = await self._manager(interaction)
        options = {Scope.MEMBER: member, Scope.ROLE: role, Scope.THREAD: thread}
        given = [forms.Picked(each.id, scope) for scope, each in options.items() if each is not None]
        if len(given) != 1:
            raise BadOption("member", "A bonus is for one: name either a `member`, or a `role`, or a `thread`.")
        if isinstance(member, discord.User):
            raise BadOption("member", f"{member.mention} is not in this server: choose somebody who is.")
        await self._grant(interaction, manager, given[0], amounts.money("amount", amount, least=1), days)

    @budget.command()
    async def log(self, interaction: discord.Interaction[EditBot]) -> None:
        """See who changed what last."""
        await self._log(interaction, await self._manager(interaction))

    # events ------------------------------------------------------------------------------------------------

    @commands.Cog.listener()
    async def on_budget(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        """Do what a button or menu of the budget card asks for."""
        await attempt(interaction, self._press(interaction, item))

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction[EditBot]) -> None:
        """Do what a form of the budget card asks for; discord.py knows nothing of ours (see :mod:`cogs._forms`)."""
        sent = forms.read(sent_with(interaction))
        if sent is not None and sent.form != "settings":
            await attempt(interaction, self._take(interaction, sent))

    # presses -----------------------------------------------------------------------------------------------

    async def _press(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        manager = await self._manager(interaction)
        match item:
            case LimitMenu():
                await interaction.response.send_modal(forms.limit(Whose(item.chosen)))
            case TakeAwayMenu():
                note = await _or_gone(self._take_away(interaction, manager, int(item.chosen)))
                await self._show(interaction, manager, page=item.target, note=note)
            case EndBonusMenu():
                note = await _or_gone(self._end_bonus(manager, int(item.chosen)))
                await self._show(interaction, manager, page=item.target, note=note)
            case ResumeMenu():
                note = await _or_gone(self._resume(manager, int(item.chosen)))
                await self._show(interaction, manager, page=item.target, note=note)
            case BonusButton():
                await interaction.response.send_modal(forms.bonus())
            case PauseButton():
                await interaction.response.send_modal(forms.pause())
            case LogButton():
                await self._log(interaction, manager)
            case BackButton() | MoreButton():
                await self._show(interaction, manager, page=item.target)
            case _:
                raise TypeError(f"no press is known for {item!r}")

    async def _take_away(self, interaction: discord.Interaction[EditBot], manager: Asker, limit_id: int) -> str:
        gone = await self._budgets.disallow(manager, limit_id)
        names = _here(interaction.guild)
        return f"✅ Taken away from {cards.whose(gone, manager.guild_id, names)}: {quota.limit(gone.allowance)}."

    async def _end_bonus(self, manager: Asker, grant_id: int) -> str:
        ended = await self._budgets.end_grant(manager, grant_id)
        return f"✅ Ended a bonus of {quota.dollars(ended.amount)}."

    async def _resume(self, manager: Asker, channel_id: int) -> str:
        return await self._resumed(await self._budgets.resume(manager, channel_id))

    async def _resumed(self, ended: Pause) -> str:
        still = await self._budgets.still_paused(ended)
        if still is None:
            return f"✅ Edits go on {cards.paused_where(ended)}."
        return f"That pause has ended, but edits are paused {cards.paused_where(still)} as well."

    # forms -------------------------------------------------------------------------------------------------

    async def _take(self, interaction: discord.Interaction[EditBot], sent: forms.Sent) -> None:
        """Do what a form asks for; one that cannot be done is said back, so that nobody has to remember it."""
        manager = await self._manager(interaction)
        take = {"limit": self._take_limit, "bonus": self._take_bonus, "pause": self._take_pause}[sent.form]
        try:
            await take(interaction, manager, sent)
        except BadOption as error:
            raise BadOption(error.option, f"{error}\n-# Nothing was changed. You sent: {sent}") from error

    async def _take_limit(self, interaction: discord.Interaction[EditBot], manager: Asker, sent: forms.Sent) -> None:
        scope, subject_id = _subject(interaction.guild, manager, sent)
        asked = forms.limit_of(sent)
        limit = await self._budgets.allow(
            manager, scope, subject_id, asked.measure, asked.amount, asked.window, asked.ceiling
        )
        who = cards.whose(limit, manager.guild_id, _here(interaction.guild))
        note = f"✅ Set for {who}: {quota.limit(limit.allowance)}."
        await self._show(interaction, manager, limit_id=limit.allowance.id, note=note)

    async def _take_bonus(self, interaction: discord.Interaction[EditBot], manager: Asker, sent: forms.Sent) -> None:
        picked = _picked(interaction.guild, sent)
        amount, days = forms.bonus_of(sent)
        await self._grant(interaction, manager, picked, amount, days)

    async def _take_pause(self, interaction: discord.Interaction[EditBot], manager: Asker, sent: forms.Sent) -> None:
        channel_id = 0 if sent.picked is None else _picked(interaction.guild, sent).id
        await self._pause(interaction, manager, channel_id, sent.fields.get("reason", ""))

    # changes and answers -----------------------------------------------------------------------------------

    async def _manager(self, interaction: discord.Interaction[EditBot]) -> Asker:
        return await rights.budget_manager(interaction, self._services)

    async def _pause(
        self, interaction: discord.Interaction[EditBot], manager: Asker, channel_id: int, reason: str
    ) -> None:
        pause = await self._budgets.pause(manager, channel_id, reason)
        note = f"✅ Edits stop {cards.paused_where(pause)}. What runs already is finished."
        await self._show(interaction, manager, note=note)

    async def _grant(
        self,
        interaction: discord.Interaction[EditBot],
        manager: Asker,
        picked: forms.Picked,
        amount: int,
        days: int | None,
    ) -> None:
        scope = picked.scope or Scope.MEMBER
        given = await self._budgets.grant(manager, scope, picked.id, amount, days=days)
        who = "everybody" if picked.id == manager.guild_id else str(picked)
        note = f"✅ A bonus for {who}: {quota.dollars(given.amount)}."
        await self._show(interaction, manager, note=note)

    async def _log(self, interaction: discord.Interaction[EditBot], manager: Asker) -> None:
        changes = await self._budgets.changes(manager.guild_id)
        await interaction.response.send_message(view=cards.log(changes), ephemeral=True)

    async def _show(
        self,
        interaction: discord.Interaction[EditBot],
        manager: Asker,
        *,
        page: int = 1,
        limit_id: int | None = None,
        note: str = "",
    ) -> None:
        """Show the budget to a manager alone, or draw the card of a press or a form anew."""
        view = await self._budgets.budget(manager.guild_id)
        made = cards.budget(
            view,
            await _names(interaction.guild, view),
            standard=self._services.settings.terms.member,
            page=page if limit_id is None else cards.page_of(view, limit_id),
            note=note,
        )
        if interaction.message is None:
            await interaction.response.send_message(view=made, ephemeral=True)
        else:
            await interaction.response.edit_message(view=made)


async def _or_gone(change: Awaitable[str]) -> str:
    """Return what a change says of itself, or that another manager was faster: the card is drawn anew either way."""
    try:
        return await change
    except NotFound as gone:
        return str(gone)


def _home(channel: rights.Home | None) -> int:
    """Return the id of the channel that edits are booked in, of a thread its parent; 0 stands for the server."""
    return 0 if channel is None else rights.home_id(channel)


def _subject(guild: discord.Guild | None, manager: Asker, sent: forms.Sent) -> tuple[Scope, int]:
    """Return whose a limit is to be. Raises BadOption for one who is gone."""
    if sent.whose is Whose.SERVER:
        return Scope.SERVER, 0
    if sent.whose is Whose.EVERYBODY:
        return Scope.ROLE, manager.guild_id
    picked = _picked(guild, sent)
    return picked.scope or Scope.MEMBER, picked.id


def _picked(guild: discord.Guild | None, sent: forms.Sent) -> forms.Picked:
    """Return who or what was picked, if it is still in the server. Raises BadOption."""
    picked, names = sent.picked, _here(guild)
    if picked is None:
        raise BadOption("who", "Nobody was chosen: say who it is for.")
    if picked.scope is None:
        raise BadOption("who", f"{picked} is not in this server: choose somebody who is.")
    if picked.scope is Scope.ROLE and picked.id not in names.roles:
        raise BadOption("who", "The role you chose was deleted meanwhile: choose another.")
    if picked.scope is Scope.CHANNEL and picked.id not in names.channels:
        raise BadOption("who", "The channel you chose was deleted meanwhile: choose another.")
    return picked


def _here(guild: discord.Guild | None) -> cards.Names:
    """Return the names of the roles, channels and threads of a server, which the bot always knows."""
    if guild is None:
        return cards.Names()
    return cards.Names(
        roles={role.id: role.name for role in guild.roles},
        channels={channel.id: channel.name for channel in [*guild.channels, *guild.threads]},
    )


async def _names(guild: discord.Guild | None, view: Budget) -> cards.Names:
    """Return the names of all that a budget names; of members as far as Discord tells in time."""
    here = _here(guild)
    holders = [each.user_id for each in (*view.limits, *view.grants) if each.user_id is not None]
    asked = list(dict.fromkeys(holders))[:_MEMBERS]
    if guild is None or not asked:
        return here
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            found = await guild.query_members(user_ids=asked, limit=_MEMBERS, cache=False)
            members = {member.id: member.display_name for member in found}
            return cards.Names(here.roles, here.channels, members, frozenset(asked) - members.keys())
    return here
