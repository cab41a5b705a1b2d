"""How an edit is written: the forms that buttons, menus and messages open, and what becomes of them when sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.claims import Others
from bot.client import DISCORD_ERRORS, EditBot, MenuCog, attempt
from bot.errors import NotAllowed, NotFound
from bot.options import MAX_REFERENCES, brought_within, reference_to, size_within
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
from cogs._keeping import keep
from cogs._looks import beside, on_look
from cogs._sight import Sight
from cogs._uploads import Upload
from storage.lineage import Step
from storage.records import EditRequest, Job, Price, Result, Status

#: So many results are offered to be brought into an edit.
_CANDIDATES: Final = 25


class WritingCog(MenuCog, name="Writing"):
    """The forms. While somebody writes, others are told; whoever sends one pays, unless the thread's pool does."""

    def __init__(self, services: Services, asking: Asking) -> None:
        self._services = services
        self._edits = services.edits
        self._asking = asking
        self.menus = (app_commands.ContextMenu(name="Edit image", callback=self._edit_message),)

    # events ------------------------------------------------------------------------------------------------

    @commands.Cog.listener()
    async def on_write(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        """Open the form that a button or menu of ours asks for."""
        await attempt(interaction, self._write(interaction, item))

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction[EditBot]) -> None:
        """Do what a form of ours asks for; discord.py knows nothing of ours (see :mod:`cogs._forms`)."""
        sent = forms.read(forms.sent_with(interaction))
        if sent is not None:
            await attempt(interaction, self._send(interaction, sent))

    # opening -----------------------------------------------------------------------------------------------

    async def _write(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        match item:
            case AgainButton():
                job = await self._edits.job(item.target)
                await rights.check_repeatable(interaction, job)
                _, thread_id = rights.where(interaction)
                await self._services.consents.check(rights.asker(interaction), thread_id, job.request.references)
                settings, changed = await self._within(job)
                price = await self._edits.price(job.guild_id, settings)
                await interaction.response.send_modal(forms.again(job, price, changed=changed))
            case EditButton():
                result, job = await self._edits.result(item.target)
                await self._open(interaction, [result], job)
            case EditPickButton():
                job = await self._edits.job(item.target)
                here = None if interaction.message is None else interaction.message.id
                await self._open(interaction, beside(here, await self._edits.results(job.id)), job)
            case BranchButton():
                await self._branch(interaction, item.target)
            case MergeButton():
                await self._offer_to_merge(interaction, item.target)
            case MergeMenu():
                await self._merge(interaction, [item.target, *item.chosen])
            case _:
                raise TypeError(f"no form is known for {item!r}")

    async def _edit_message(self, interaction: discord.Interaction[EditBot], message: discord.Message) -> None:
        """Open the form to edit a picture of a message of ours."""
        shown = await self._edits.results_of_message(message.channel.id, message.id)
        again = await self._services.lineage.shown_in(message.id)
        if again is not None:
            shown = [(await self._edits.result(again))[0]]
        usable = [result for result in shown if result.usable]
        if not usable:
            raise NotFound(
                "That message shows no result of mine. To edit another picture, give it to `/edit` as `image`."
            )
        job = await self._edits.job(usable[0].job_id)
        await self._open(interaction, usable, job)

    async def _branch(self, interaction: discord.Interaction[EditBot], result_id: int) -> None:
        """Open the form to edit the parent of a result once more, filled with the words of the result."""
        result, job = await self._edits.find(result_id)
        await rights.check_readable(interaction, result, job)
        if job.request.parent_id is None:
            raise NotFound("This is a first picture: there is nothing before it to branch from.")
        parent, origin = await self._edits.result(job.request.parent_id)
        # The words of what was taken down are gone with it.
        await self._open(interaction, [parent], job if result.deleted_at is None else origin)

    async def _open(self, interaction: discord.Interaction[EditBot], pictures: Sequence[Result], like: Job) -> None:
        """Open the form to edit one of these results, filled with the words of ``like``, and tell others of it.

        Words are all that is taken from there: the settings are those that the picture was made with.
        """
        found = await self._check(interaction, [picture.id for picture in pictures])
        pictures = [result for result, _ in found]
        settings, changed = await self._within(found[0][1])
        prices = await self._prices(interaction, pictures[:1], settings)
        others = await self._claim(interaction, pictures[0])
        await interaction.response.send_modal(forms.edit(pictures, prices, like=like, others=others, changed=changed))

    async def _within(self, job: Job) -> tuple[EditRequest, list[str]]:
        """Return what a job asked for as the server's rules allow it now, and what differs from that."""
        return brought_within(job.request, await self._services.houses.of(job.guild_id))

    async def _claim(self, interaction: discord.Interaction[EditBot], result: Result) -> Others:
        """Tell others that somebody writes an edit, unless they do so where others cannot read; return what others do."""
        who, claims = rights.asker(interaction), self._services.claims
        hidden = isinstance(interaction.channel, discord.Thread) and interaction.channel.is_private()
        apart = hidden and interaction.channel_id != result.channel_id
        others = await (claims.others(who, result.id) if apart else claims.begin(who, result.id))
        return replace(others, running=tuple([job for job in others.running if await _sees(interaction, job)]))

    async def _check(
        self, interaction: discord.Interaction[EditBot], result_ids: Sequence[int]
    ) -> list[tuple[Result, Job]]:
        """Return the results, their bytes at hand; refuse, before anybody types, what would be refused when it is sent."""
        _, thread_id = rights.where(interaction)
        await self._services.sessions.check_admitted(rights.asker(interaction), thread_id)
        found: list[tuple[Result, Job]] = []
        for result_id in result_ids:
            result, job = await self._edits.result(result_id)
            await rights.check_readable(interaction, result, job)
            found.append((await keep(self._services, interaction, result), job))
        given = [reference_to(result, job.request) for result, job in found]
        await self._services.consents.check(rights.asker(interaction), thread_id, given)
        return found

    async def _prices(
        self, interaction: discord.Interaction[EditBot], pictures: Sequence[Result], like: EditRequest
    ) -> list[Price]:
        """Return what an edit of these results costs, and with one more picture, two more, as far as more may be."""
        guild_id = rights.asker(interaction).guild_id
        references = [reference_to(picture, like) for picture in pictures]
        start = references[0]
        width, height = size_within((start.width, start.height), await self._services.houses.of(guild_id))
        like = replace(like, width=width, height=height, results=1)
        return [
            await self._edits.price(guild_id, replace(like, references=(*references, *[start] * more)))
            for more in range(MAX_REFERENCES - len(references) + 1)
        ]

    async def _offer_to_merge(self, interaction: discord.Interaction[EditBot], result_id: int) -> None:
        result, job = await self._edits.result(result_id)
        await self._check(interaction, [result_id])
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
        found = await self._check(interaction, result_ids)
        pictures = [result for result, _ in found]
        settings, changed = await self._within(found[0][1])
        prices = await self._prices(interaction, pictures, settings)
        others = await self._claim(interaction, pictures[0])
        await interaction.response.send_modal(forms.merge(pictures, prices, others=others, changed=changed))

    # sending -----------------------------------------------------------------------------------------------

    async def _send(self, interaction: discord.Interaction[EditBot], sent: forms.Sent) -> None:
        if sent.action == "again":
            await self._again(interaction, sent)
            return
        chosen = [sent.picture] if sent.picture is not None else sent.targets
        found = await self._check(interaction, chosen)
        given = [reference_to(result, job.request) for result, job in found]
        result, job = found[0]
        house = await self._services.houses.of(job.guild_id)
        settings, _ = brought_within(job.request, house)
        size = "x".join(map(str, size_within((given[0].width, given[0].height), house)))
        wish = replace(Wish.like(settings, await self._words(interaction, sent), size=size), parent_id=result.id)
        uploads = [Upload.of("More pictures", file) for file in forms.attachments(interaction, sent.files)]
        await self._asking.ask(interaction, wish, [*given, *uploads], shown=sent.price)

    async def _words(self, interaction: discord.Interaction[EditBot], sent: forms.Sent) -> str:
        """Return the prompt that a form asks for. Raises NotAllowed where it keeps one that the person cannot read now."""
        kept = None if sent.words is None else await self._edits.job(sent.words)
        if kept is not None:
            await rights.check_repeatable(interaction, kept)
        return forms.prompt(sent, kept)

    async def _again(self, interaction: discord.Interaction[EditBot], sent: forms.Sent) -> None:
        job = await self._edits.job(sent.targets[0])
        await rights.check_repeatable(interaction, job)
        await rights.check_references(interaction, self._services, job.request)
        # Where nothing was made the seed is still good; where something was withheld, it would be made again.
        seed = None if job.status is Status.SUCCEEDED else str(job.request.seed)
        settings, _ = await self._within(job)
        wish = Wish.like(settings, await self._words(interaction, sent), results=settings.results, seed=seed)
        await self._asking.ask(interaction, wish, job.request.references, shown=sent.price)


async def _sees(interaction: discord.Interaction[EditBot], job: Job) -> bool:
    """Return whether the person can read where an edit was asked for; no, where Discord does not say."""
    try:
        return await rights.sees_job(interaction, job)
    except (NotAllowed, *DISCORD_ERRORS):
        return False
