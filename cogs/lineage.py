"""``/tree``, ``/compare``, ``/history`` and ``/show``: how pictures came to be, and one of them shown elsewhere."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final, TypeAlias

import discord
from discord import app_commands, ui
from discord.app_commands import Choice, Range
from discord.ext import commands

from bot import images, pairs
from bot.client import EditBot, attempt, notice
from bot.errors import BadOption, NotFound
from bot.pairs import Side
from bot.services import Services
from bot.tree_pictures import SessionTree
from cogs import _alt as alt
from cogs import _audience as audience
from cogs import _cards as result_cards
from cogs import _lineage_cards as cards
from cogs import _looks as looks
from cogs import _names as names
from cogs import _rights as rights
from cogs import _words as words
from cogs._components import CompareButton, HistoryButton, ShowButton, TreeButton
from cogs._keeping import keep
from cogs._layout import GREY
from cogs._letters import FILE_BYTES, REQUEST_BYTES, compose_one
from cogs._lineage_cards import Beside, Enclosed, Seen
from cogs._lineage_components import HistoryPageButton, LookButton, StepMenu, TreePageButton
from cogs._naming import choices, named_or_newest, result_named
from cogs._sight import Sight
from cogs._smaller import smaller_file, smaller_result
from cogs._turns import Turns
from storage.lineage import Spent, Step
from storage.records import Job, Reference, Result

#: So many pictures are drawn at a time, over all servers; who asks for another one meanwhile is told so.
_MOST: Final = 3
#: The most bytes of one of two pictures that stand beside each other, with their comparison.
_BESIDE_BYTES: Final = min(FILE_BYTES, REQUEST_BYTES // 3)

_Named: TypeAlias = Range[str, 1, 200]


class LineageCog(commands.Cog, name="Lineage"):
    """The commands and presses that look at pictures together with what they were made of."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lineage = services.lineage
        self._edits = services.edits
        self._turns = Turns(_MOST, "Several pictures are being drawn right now. Please try again in a few seconds.")

    # commands ----------------------------------------------------------------------------------------------

    @app_commands.command()
    @app_commands.describe(result="A picture of the session, as #12 or the link of its message; else the newest here")
    async def tree(self, interaction: discord.Interaction[EditBot], result: _Named | None = None) -> None:
        """See all edits of a session in one picture: what was made of what, and by whom."""
        await self._tree(interaction, await named_or_newest(self._services, interaction, result))

    @app_commands.command()
    @app_commands.describe(
        result="A picture, as #12 or the link of its message; if left out, the newest here",
        other="The picture to put beside it; if left out, what it was made from",
    )
    @app_commands.rename(other="with")
    async def compare(
        self, interaction: discord.Interaction[EditBot], result: _Named | None = None, other: _Named | None = None
    ) -> None:
        """See a picture beside the one it was made from, or beside another one."""
        result_id = await named_or_newest(self._services, interaction, result)
        if other is None:
            await self._compare(interaction, result_id)
            return
        other_id = await result_named(self._services, interaction, "with", other)
        if other_id == result_id:
            raise BadOption("with", f"`with` is #{other_id} itself: name another picture to put beside it.")
        await self._compare(interaction, result_id, other_id)

    @app_commands.command()
    @app_commands.describe(result="A picture, as #12 or the link of its message; if left out, the newest here")
    async def history(self, interaction: discord.Interaction[EditBot], result: _Named | None = None) -> None:
        """See the way from the first picture to one, step by step: prompts, seeds, costs and people."""
        await self._history(interaction, await named_or_newest(self._services, interaction, result))

    @app_commands.command()
    @app_commands.describe(result="The picture to bring here, as #12 or the link of its message")
    async def show(self, interaction: discord.Interaction[EditBot], result: _Named) -> None:
        """Show a picture of another thread or channel here, with live buttons."""
        await self._show(interaction, await result_named(self._services, interaction, "result", result))

    @tree.autocomplete("result")
    @compare.autocomplete("result")
    @compare.autocomplete("other")
    @history.autocomplete("result")
    @show.autocomplete("result")
    async def _offer(self, interaction: discord.Interaction[EditBot], typed: str) -> list[Choice[str]]:
        return await choices(self._services, interaction, typed)

    # presses -----------------------------------------------------------------------------------------------

    @commands.Cog.listener()
    async def on_look(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        """Show what a button or menu asks for."""
        await attempt(interaction, self._press(interaction, item))

    async def _press(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        match item:
            case TreeButton():
                await self._tree(interaction, item.target)
            case TreePageButton():
                await self._tree(interaction, item.target, item.page)
            case CompareButton():
                await self._compare(interaction, item.target)
            case HistoryButton():
                await self._history(interaction, item.target)
            case HistoryPageButton():
                await self._history(interaction, item.target, item.page)
            case ShowButton():
                await self._show(interaction, item.target)
            case LookButton():
                await looks.look(self._services, interaction, item.target)
            case StepMenu():
                await looks.look(self._services, interaction, item.chosen[0])
            case _:
                raise TypeError(f"no look is known for {item!r}")

    # the tree ----------------------------------------------------------------------------------------------

    async def _tree(self, interaction: discord.Interaction[EditBot], result_id: int, page: int | None = None) -> None:
        """Answer with a page of the tree of a result's session: the one it is on, unless told otherwise."""
        _, job = await self._known(interaction, result_id)
        guild = rights.guild(interaction)
        with self._turns.take():
            await looks.acknowledge(interaction)
            steps = await self._lineage.of_session(job.session_id)
            hidden = await _hidden(Sight(interaction), steps)
            shown = await SessionTree.laid_out(self._services.pictures, steps, hidden)
            number = shown.page_of(result_id) if page is None else min(page, len(shown.pages) - 1)
            known = await names.members(guild, _people(shown.seen_on(number)))
            drawn = await shown.draw(self._services.pictures, number, known, here=result_id)
            file = _file(Enclosed(cards.TREE, cards.tree_alt(shown, number, known, result_id), drawn))
            view = cards.tree(shown, number, known, result_id)
            await interaction.edit_original_response(view=view, attachments=[file])

    # two side by side --------------------------------------------------------------------------------------

    async def _compare(
        self, interaction: discord.Interaction[EditBot], result_id: int, other_id: int | None = None
    ) -> None:
        """Answer with a result beside another one; without one, beside what it was made from."""
        step, job = await self._usable(interaction, result_id)
        start = step.request.references[0]
        other_id = other_id or step.parent_id or start.result_id
        other = None if other_id is None else await self._usable(interaction, other_id)
        guild = rights.guild(interaction)
        with self._turns.take():
            await looks.acknowledge(interaction)
            left = await (self._upload(guild.id, start) if other is None else self._result(interaction, *other))
            right = await self._result(interaction, step, job)
            known = await names.members(guild, _people([step] if other is None else [other[0], step]))
            drawn = await self._services.pictures.draw(pairs.side_by_side, _side(left, known), _side(right, known))
            pair = Enclosed(cards.PAIR, cards.pair_alt(left, right), drawn)
            files = [_file(one) for one in (pair, left.file, right.file) if one is not None]
            await interaction.edit_original_response(view=cards.comparison(left, right), attachments=files)

    async def _result(self, interaction: discord.Interaction[EditBot], step: Step, job: Job) -> Beside:
        """Return a result as one of two pictures."""
        result, address = step.result, words.address(job.guild_id, step.result)
        with suppress(NotFound):  # the card says that it is gone
            result = await keep(self._services, interaction, result)
        data = await self._kept(result.sha256 or "")
        if data is None:
            return Beside(step, None, address)
        kept = await smaller_result(self._services, result, data, _BESIDE_BYTES)
        name = result_cards.file_name(result, kept.media_type)
        said = alt.of_result(job.request, result, await self._lineage.before(job.id), among=True)
        return Beside(step, Enclosed(name, said, kept.data), address)

    async def _upload(self, guild_id: int, reference: Reference) -> Beside:
        """Return what a first picture was made from as one of two pictures."""
        data = await self._kept(reference.sha256)
        if data is None:
            return Beside(reference, None)
        header = await self._services.pictures.draw(images.inspect, data)
        given = images.Picture(data, header.media_type, header.width, header.height)
        kept = await smaller_file(self._services, guild_id, reference, given, _BESIDE_BYTES)
        extension = kept.media_type.removeprefix("image/").replace("jpeg", "jpg")
        return Beside(reference, Enclosed(f"reference.{extension}", alt.of_reference(reference), kept.data))

    async def _kept(self, sha256: str) -> bytes | None:
        """Return a picture's bytes; ``None`` if it is gone."""
        try:
            return await self._services.pictures.get(sha256)
        except NotFound:
            return None

    # the way -----------------------------------------------------------------------------------------------

    async def _history(self, interaction: discord.Interaction[EditBot], result_id: int, page: int = 0) -> None:
        """Answer with a page of the way from the first picture to a result."""
        _, job = await self._known(interaction, result_id)
        await looks.acknowledge(interaction)
        way = await self._lineage.way(result_id, page)
        sight = Sight(interaction)
        hidden = await _hidden(sight, way.steps)
        spent = await self._lineage.spent(result_id)
        seen = [part for part in spent if await _sees_spent(sight, interaction, part)]
        addresses = {
            step.result.id: address
            for step in way.steps
            if step.result.id not in hidden and (address := words.address(job.guild_id, step.result)) is not None
        }
        view = cards.history(Seen(way, result_id, hidden, addresses, seen, partial=len(seen) < len(spent)))
        await interaction.edit_original_response(view=view, attachments=[])

    # a result shown once more ------------------------------------------------------------------------------

    async def _show(self, interaction: discord.Interaction[EditBot], result_id: int) -> None:
        """Bring a result here for all who read this place, or show it to the asker alone and say why."""
        step, _ = await self._usable(interaction, result_id)
        result = step.result
        why = await self._why_not_here(interaction, result)
        if why is None:
            await self._bring(interaction, result_id)
            return
        said = notice(f"I show {result.short_id} to you alone: {why}.", GREY)
        if looks.on_look(interaction):
            await interaction.response.send_message(view=said, ephemeral=True)
        else:
            await looks.look(self._services, interaction, result_id)
            await interaction.followup.send(view=said, ephemeral=True)

    async def _why_not_here(self, interaction: discord.Interaction[EditBot], result: Result) -> str | None:
        if not interaction.app_permissions.view_channel:
            return "I lack **View Channel** here, so I could not take it down again"
        if result.channel_id is None:
            return "it was never posted where others can see it"
        here = audience.audience(interaction.channel)
        return audience.refusal(here, await audience.audience_of(rights.guild(interaction), result.channel_id))

    async def _bring(self, interaction: discord.Interaction[EditBot], result_id: int) -> None:
        answer = await interaction.response.send_message(view=cards.bringing(result_id))
        message_id = answer.message_id or (await interaction.original_response()).id
        # Known before the picture is there: whenever that is taken down from here on, this message goes with it.
        await self._lineage.shown(result_id, interaction.channel_id or 0, message_id)
        result, job = await self._edits.result(result_id)
        post, files = await compose_one(self._services, job, await keep(self._services, interaction, result))
        await interaction.edit_original_response(view=result_cards.ending(post), attachments=files)

    # pieces ------------------------------------------------------------------------------------------------

    async def _known(self, interaction: discord.Interaction[EditBot], result_id: int) -> tuple[Step, Job]:
        """Return a result, be it taken down, that the person may see. Raises NotFound and NotAllowed."""
        step = await self._lineage.step(result_id)
        job = await self._edits.job(step.result.job_id)
        await rights.check_readable(interaction, step.result, job)
        return step, job

    async def _usable(self, interaction: discord.Interaction[EditBot], result_id: int) -> tuple[Step, Job]:
        """Return a result that can be shown and that the person may see. Raises NotFound and NotAllowed."""
        found = await self._known(interaction, result_id)
        await self._edits.result(result_id)
        return found


async def _hidden(sight: Sight, steps: Iterable[Step]) -> frozenset[int]:
    return frozenset([step.result.id for step in steps if not await sight.sees(step)])


async def _sees_spent(sight: Sight, interaction: discord.Interaction[Any], part: Spent) -> bool:
    if part.channel_id is None:
        return part.user_id == interaction.user.id
    return await sight.reads(part.channel_id, part.user_id)


def _people(steps: Iterable[Step]) -> list[int]:
    return [step.user_id for step in steps if step.user_id is not None]


def _side(side: Beside, known: Mapping[int, str | None]) -> Side:
    caption, data = cards.called(side.picture), None if side.file is None else side.file.data
    if isinstance(side.picture, Reference):
        return Side(caption, words.size(side.picture.width, side.picture.height), data)
    who = known.get(side.picture.user_id or 0)
    return Side(caption if who is None else f"{caption} · {who}", cards.facts(side.picture), data)


def _file(enclosed: Enclosed) -> discord.File:
    return discord.File(io.BytesIO(enclosed.data), enclosed.name, description=enclosed.alt)
