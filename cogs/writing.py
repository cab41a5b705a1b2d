"""How an edit is written: the forms that buttons, menus and messages open, and what becomes of them when sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import discord
from discord import ui
from discord.ext import commands

from bot.client import EditBot, attempt
from bot.errors import NotFound
from bot.options import brought_within, reference_to, size_within
from bot.services import Services
from cogs import _forms as forms
from cogs import _look_cards as look_cards
from cogs import _rights as rights
from cogs._asking import Asking, Wish
from cogs._components import (
    AgainButton,
    BranchButton,
    EditButton,
    EditPickButton,
    MergeButton,
    MergeMenu,
)
from cogs._looks import beside, on_look
from cogs._opening import Opening
from cogs._sight import Sight
from cogs._uploads import Upload
from storage.lineage import Step
from storage.records import Status

#: What the forms here ask for.
_ACTIONS: Final = frozenset({"edit", "merge", "again"})
#: So many results are offered to be brought into an edit.
_CANDIDATES: Final = 25


class WritingCog(commands.Cog, name="Writing"):
    """The forms. While somebody writes, others are told; whoever sends one pays, unless the thread's pool does."""

    def __init__(self, services: Services, asking: Asking) -> None:
        self._services = services
        self._edits = services.edits
        self._asking = asking
        self._opening = Opening(services)

    # events ------------------------------------------------------------------------------------------------

    @commands.Cog.listener()
    async def on_write(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        """Open the form that a button or menu of ours asks for."""
        await attempt(interaction, self._write(interaction, item))

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction[EditBot]) -> None:
        """Do what a form of ours asks for; discord.py knows nothing of ours (see :mod:`cogs._forms`)."""
        sent = forms.read(forms.sent_with(interaction))
        if sent is not None and sent.action in _ACTIONS:
            await attempt(interaction, self._send(interaction, sent))

    # opening -----------------------------------------------------------------------------------------------

    async def _write(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        match item:
            case AgainButton():
                job = await self._edits.job(item.target)
                await rights.check_repeatable(interaction, job)
                _, thread_id = rights.where(interaction)
                await self._services.consents.check(rights.asker(interaction), thread_id, job.request.references)
                settings, changed = await self._opening.within(job)
                prices = await self._opening.prices_with_more(interaction, settings)
                await interaction.response.send_modal(forms.again(job, prices, changed=changed))
            case EditButton():
                result, job = await self._edits.result(item.target)
                await self._opening.edit(interaction, [result], job)
            case EditPickButton():
                job = await self._edits.job(item.target)
                here = None if interaction.message is None else interaction.message.id
                await self._opening.edit(interaction, beside(here, await self._edits.results(job.id)), job)
            case BranchButton():
                await self._branch(interaction, item.target)
            case MergeButton():
                await self._offer_to_merge(interaction, item.target)
            case MergeMenu():
                await self._merge(interaction, [item.target, *item.chosen])
            case _:
                raise TypeError(f"no form is known for {item!r}")

    async def _branch(self, interaction: discord.Interaction[EditBot], result_id: int) -> None:
        """Open the form to edit the parent of a result once more, filled with the words of the result."""
        result, job = await self._edits.find(result_id)
        await rights.check_readable(interaction, result, job)
        if job.request.parent_id is None:
            raise NotFound("This is a first picture: there is nothing before it to branch from.")
        parent, origin = await self._edits.result(job.request.parent_id)
        # The words of what was taken down are gone with it.
        await self._opening.edit(interaction, [parent], job if result.deleted_at is None else origin)

    async def _offer_to_merge(self, interaction: discord.Interaction[EditBot], result_id: int) -> None:
        result, job = await self._edits.result(result_id)
        await self._opening.agreed(interaction, [result_id])
        steps = await self._services.lineage.of_session(job.session_id)
        sight, candidates = Sight(interaction), list[Step]()
        for step in reversed(steps):
            if len(candidates) < _CANDIDATES and step.result.usable and step.result.id != result_id:
                candidates += [step] if await sight.sees(step) else []
        if not candidates:
            raise NotFound("There is no other picture in this session to bring in yet.")
        view = look_cards.merge_menu(result, candidates)
        if on_look(interaction):
            await interaction.response.edit_message(view=view, attachments=[])
        else:
            await interaction.response.send_message(view=view, ephemeral=True)

    async def _merge(self, interaction: discord.Interaction[EditBot], result_ids: Sequence[int]) -> None:
        found = await self._opening.agreed(interaction, result_ids)
        pictures = [result for result, _ in found]
        settings, changed = await self._opening.within(found[0][1])
        prices = await self._opening.prices(interaction, pictures, settings)
        others = await self._opening.claim(interaction, pictures[0])
        await interaction.response.send_modal(forms.merge(pictures, prices, others=others, changed=changed))

    # sending -----------------------------------------------------------------------------------------------

    async def _send(self, interaction: discord.Interaction[EditBot], sent: forms.Sent) -> None:
        if sent.action == "again":
            await self._again(interaction, sent)
            return
        forms.check_number(len(sent.pictures or sent.targets) + len(sent.files), typed=sent.prompt)
        found = await self._opening.check(interaction, sent.pictures or sent.targets)
        if sent.pictures:  # chosen in no order: they count in that of their message
            found.sort(key=lambda pair: (pair[1].id, pair[0].position))
        given = [reference_to(result, job.request) for result, job in found]
        result, job = found[0]
        house = await self._services.houses.of(job.guild_id)
        settings, _ = brought_within(job.request, house)
        size = "x".join(map(str, size_within((given[0].width, given[0].height), house)))
        wish = replace(Wish.like(settings, await self._words(interaction, sent), size=size), parent_id=result.id)
        await self._asking.ask(interaction, wish, [*given, *_more(interaction, sent)], shown=sent.price)

    async def _words(self, interaction: discord.Interaction[EditBot], sent: forms.Sent) -> str:
        """Return the prompt that a form asks for. Raises NotAllowed where it keeps one that the person cannot read now."""
        kept = None if sent.words is None else await self._edits.job(sent.words)
        if kept is not None:
            await rights.check_repeatable(interaction, kept)
        return forms.prompt(sent, kept)

    async def _again(self, interaction: discord.Interaction[EditBot], sent: forms.Sent) -> None:
        job = await self._edits.job(sent.targets[0])
        forms.check_number(len(job.request.references) + len(sent.files), typed=sent.prompt)
        await rights.check_repeatable(interaction, job)
        await rights.check_references(interaction, self._services, job.request)
        # Where nothing was made the seed is still good; where something was withheld, it would be made again.
        seed = None if job.status is Status.SUCCEEDED else str(job.request.seed)
        settings, _ = await self._opening.within(job)
        wish = Wish.like(settings, await self._words(interaction, sent), results=settings.results, seed=seed)
        pictures = [*job.request.references, *_more(interaction, sent)]
        await self._asking.ask(interaction, wish, pictures, shown=sent.price)


def _more(interaction: discord.Interaction[EditBot], sent: forms.Sent) -> list[Upload]:
    """Return the files that came with a form."""
    return [Upload.of("More pictures", file) for file in forms.attachments(interaction, sent.files)]
