"""``/round``: a thread chooses its next edit together. People propose, vote, and its pool pays for the winner."""

from __future__ import annotations

import logging
from typing import Any

import discord
from discord import app_commands, ui
from discord.app_commands import Choice, Range
from discord.ext import commands

from bot.client import DISCORD_ERRORS, EditBot, attempt, notice, trouble
from bot.errors import EditError, NotAllowed, NotFound, TooLate
from bot.rounds import LEAST_QUORUM, MOST_MINUTES, MOST_QUORUM, RoundView
from bot.services import Services
from cogs import _rights as rights
from cogs import _round_cards as cards
from cogs import _round_forms as forms
from cogs import _words as words
from cogs._audience import audience, audience_of, refusal
from cogs._cards import attached
from cogs._forms import sent_with
from cogs._keeping import keep
from cogs._layout import GREY
from cogs._naming import choices, result_named
from cogs._previews import previews
from cogs._round_components import ProposeButton, StopButton, VoteMenu
from cogs.umpire import draw
from storage.records import Result, Round

log = logging.getLogger(__name__)


class RoundCog(commands.Cog, name="Round"):
    """The commands, presses and forms of rounds. How a round ended is told by the umpire."""

    group = app_commands.Group(name="round", description="Choose this thread's next edit together")

    def __init__(self, services: Services) -> None:
        self._services = services
        self._rounds = services.rounds

    # commands --------------------------------------------------------------------------------------------------------

    @group.command()
    @app_commands.describe(
        result="The picture to edit: its id such as #12, or the link of its message",
        minutes="For how long people propose and vote (10 if left out)",
        quorum="How many have to vote, or nothing is made (2 if left out)",
    )
    async def start(
        self,
        interaction: discord.Interaction[EditBot],
        result: Range[str, 1, 200],
        minutes: Range[int, 1, MOST_MINUTES] = 10,
        quorum: Range[int, LEAST_QUORUM, MOST_QUORUM] = 2,
    ) -> None:
        """Let people propose what to do with a picture, and vote; the thread's pool pays for the winner."""
        picture = await self._check_start(interaction, result)
        answer = await interaction.response.send_message(view=cards.opening(interaction.user.id, picture.id))
        message_id = answer.message_id or (await interaction.original_response()).id
        place = rights.place(interaction, message_id)
        opened = await self._rounds.open(rights.asker(interaction), place, picture.id, minutes=minutes, quorum=quorum)
        await self._show(interaction, await self._rounds.view(opened.id))

    @start.autocomplete("result")
    async def _offer(self, interaction: discord.Interaction[EditBot], typed: str) -> list[Choice[str]]:
        return await choices(self._services, interaction, typed)

    @group.command()
    async def show(self, interaction: discord.Interaction[EditBot]) -> None:
        """Find the round that is open in this thread; its card is brought up to date."""
        view = await self._rounds.view((await self._open_here(interaction)).id)
        await interaction.response.defer(ephemeral=True)
        try:
            await draw(interaction.client, view)
        except discord.NotFound:
            raise NotFound(
                "The card of this round was deleted. End the round with `/round stop`; then open another one."
            ) from None
        except DISCORD_ERRORS as error:
            log.warning("the card of round %d could not be drawn anew: %s", view.round.id, trouble(error))
        await interaction.edit_original_response(view=cards.where(view))

    @group.command()
    async def stop(self, interaction: discord.Interaction[EditBot]) -> None:
        """End the round that is open in this thread, without a winner."""
        current = await self._open_here(interaction)
        await self._rounds.stop(rights.asker(interaction), current.id)
        said = "The round is stopped. Its card says so, and so does the thread."
        await interaction.response.send_message(view=notice(said, GREY), ephemeral=True)

    # events ----------------------------------------------------------------------------------------------------------

    @commands.Cog.listener()
    async def on_round(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        """Do what a button or the menu of a round's card asks for."""
        await attempt(interaction, self._press(interaction, item))

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction[EditBot]) -> None:
        """Take a proposal; discord.py knows nothing of our forms (see :mod:`cogs._forms`)."""
        sent = forms.read(sent_with(interaction))
        if sent is not None:
            await attempt(interaction, self._take(interaction, sent))

    # presses and forms -----------------------------------------------------------------------------------------------

    async def _press(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        match item:
            case ProposeButton():
                mine = await self._rounds.own_proposal(rights.asker(interaction), item.target)
                await self._check_proposing(interaction, item.target)
                await interaction.response.send_modal(forms.proposal(item.target, mine))
            case VoteMenu():
                await self._vote(interaction, item.target, item.chosen[0])
            case StopButton():
                await self._check_present(interaction, item.target)
                await self._rounds.stop(rights.asker(interaction), item.target)
                await interaction.response.defer()  # the umpire changes the card
            case _:
                raise TypeError(f"no press is known for {item!r}")

    async def _vote(self, interaction: discord.Interaction[EditBot], round_id: int, proposal_id: int) -> None:
        await self._check_present(interaction, round_id)
        view = await self._rounds.vote(rights.asker(interaction), round_id, proposal_id)
        await self._redraw(interaction, view)
        await interaction.followup.send(view=cards.voted(view, proposal_id), ephemeral=True)

    async def _take(self, interaction: discord.Interaction[EditBot], sent: forms.Sent) -> None:
        """Take a proposal; one that is refused is said back, so that nobody has to remember it."""
        who = rights.asker(interaction)
        try:
            before = await self._rounds.own_proposal(who, sent.round_id)
            await self._check_proposing(interaction, sent.round_id)
            view = await self._rounds.propose(who, sent.round_id, sent.prompt)
        except EditError as error:
            typed, _ = words.quoted(sent.prompt, 2 * len(sent.prompt) + 2)
            raise EditError(f"{error}\n-# You sent:\n{typed}" if sent.prompt.strip() else str(error)) from error
        await self._redraw(interaction, view)
        if before is not None:
            said = cards.unchanged() if before == sent.prompt.strip() else cards.replaced()
            await interaction.followup.send(view=said, ephemeral=True)

    async def _redraw(self, interaction: discord.Interaction[EditBot], view: RoundView) -> None:
        """Answer a press or a form by drawing the card anew, once more where it has changed meanwhile.

        Others draw it too, and so does the umpire: whoever comes last has to come with the newest facts.
        """
        pictures = [] if interaction.message is None else attached(interaction.message)
        await interaction.response.edit_message(view=cards.board(view, pictures=pictures))
        newest = await self._rounds.view(view.round.id)
        if newest != view:
            await interaction.edit_original_response(view=cards.board(newest, pictures=pictures))

    # what has to hold ------------------------------------------------------------------------------------------------

    async def _check_start(self, interaction: discord.Interaction[EditBot], named: str) -> Result:
        """Return the picture that a round is to be about, if it may be opened here, before anybody hears of it."""
        rights.check_place(interaction)
        who, (channel_id, _), thread_id = rights.asker(interaction), rights.where(interaction), _thread(interaction)
        await self._services.edits.check_here(who, channel_id)
        await self._services.sessions.check_admitted(who, thread_id)
        if await self._open_in(who.guild_id, thread_id) is not None:
            raise TooLate("There is a round in this thread already: `/round show` finds it, `/round stop` ends it.")
        result_id = await result_named(self._services, interaction, "result", named)
        result, job = await self._services.edits.result(result_id)
        await rights.check_readable(interaction, result, job)
        await self._check_audience(interaction, result)
        return await keep(self._services, interaction, result)

    async def _check_audience(self, interaction: discord.Interaction[EditBot], result: Result) -> None:
        """Refuse to show a picture here to people who may not read where it stands. Raises NotAllowed."""
        if result.channel_id is None:
            raise NotAllowed(
                f"A round about {result.short_id} would show it here, and it was never posted where others can see it."
            )
        guild = interaction.guild
        if guild is None or result.channel_id == interaction.channel_id:
            return
        why = refusal(audience(interaction.channel), await audience_of(guild, result.channel_id))
        if why is not None:
            raise NotAllowed(f"A round about {result.short_id} would show it here, and {why}. Open it there.")

    async def _check_present(self, interaction: discord.Interaction[EditBot], round_id: int) -> RoundView:
        """Return a round, if the person can read its thread now. Raises NotAllowed, NotFound."""
        view = await self._rounds.view(round_id)
        if not await rights.can_read(interaction, view.session.thread_id, None):
            raise NotAllowed("You can't take part in this round: its thread is one that you cannot read.")
        return view

    async def _check_proposing(self, interaction: discord.Interaction[EditBot], round_id: int) -> None:
        """Refuse who cannot read now the thread of a round, or its picture. Raises NotAllowed, NotFound."""
        view = await self._check_present(interaction, round_id)
        await rights.check_readable(interaction, *await self._services.edits.result(view.step.result.id))

    async def _open_here(self, interaction: discord.Interaction[EditBot]) -> Round:
        found = await self._open_in(rights.asker(interaction).guild_id, _thread(interaction))
        if found is None:
            raise NotFound("No round is open in this thread. `/round start` opens one.")
        return found

    async def _open_in(self, guild_id: int, thread_id: int) -> Round | None:
        try:
            session = await self._services.sessions.of_thread(guild_id, thread_id)
        except NotFound:  # no edit was asked for in it yet
            return None
        return await self._rounds.current(session.id)

    async def _show(self, interaction: discord.Interaction[EditBot], view: RoundView) -> None:
        """Turn the acknowledgement into the card of the round."""
        # Known before the picture is there: whoever takes that down from here on brings the card up to date.
        await self._services.lineage.shown(view.step.result.id, view.session.thread_id, view.round.message_id)
        view = await self._rounds.view(view.round.id)
        files = list((await previews(self._services, [view.step])).values())
        board = cards.board(view, pictures=[(file.filename, file.description or "") for file in files])
        try:
            await interaction.edit_original_response(view=board, attachments=files)
            newest = await self._rounds.view(view.round.id)
            if newest != view:  # it was drawn by others meanwhile, and now by what was true before
                await draw(interaction.client, newest)
        except DISCORD_ERRORS as error:  # the round is open all the same, and `/round show` draws its card
            log.warning("the card of round %d could not be drawn: %s", view.round.id, trouble(error))


def _thread(interaction: discord.Interaction[EditBot]) -> int:
    """Return the thread that a person acts in. Raises NotAllowed outside one."""
    _, thread_id = rights.where(interaction)
    if thread_id is None:
        raise NotAllowed("A round belongs to a thread: use `/round` inside the one it is for.")
    return thread_id
