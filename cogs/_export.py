"""Packs a session for one person and sends the parts as they fill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import discord

from bot import exports, recipes
from bot.client import EditBot
from bot.errors import NotFound
from bot.exports import Contents, Contributor
from bot.reports import exactly
from bot.services import Services
from bot.sessions import SessionView
from bot.tree_pictures import SessionTree, shown_as
from bot.trees import Shown
from cogs import _names
from cogs import _session_cards as cards
from cogs import _words as words
from cogs._cards import file_name
from cogs._parcels import Parcel
from cogs._sight import Sight
from cogs._smaller import smaller_result
from storage.lineage import Step
from storage.records import Result, Session

#: After so many milliseconds no more pictures are packed: Discord takes answers for a quarter of an hour.
_LONGEST: Final = 12 * 60 * 1000
#: A page of a tree has about so many bytes.
_TREE_PAGE: Final = 1_000_000


class Export:
    """One export. What is in it is what its asker can see when it begins."""

    def __init__(self, services: Services, interaction: discord.Interaction[EditBot], guild: discord.Guild) -> None:
        self._services = services
        self._interaction = interaction
        self._guild = guild
        self._parcel = Parcel(services, interaction, "session")
        self._begun = services.clock()
        #: The names of the pictures that were packed, by the ids of their results.
        self._packed: dict[int, str] = {}
        self._smaller: list[int] = []
        self._missing: list[int] = []
        self._late: list[int] = []

    async def send(self, session: Session) -> None:
        """Pack a session and send it, in answer to an interaction that was acknowledged for its asker alone.

        Raises:
            NotFound: nothing was made in it.
        """
        steps = await self._services.lineage.of_session(session.id)
        if not steps:
            raise NotFound("There is no picture in this session yet, so there is nothing to pack.")
        view = await self._services.sessions.view(session)
        sight = Sight(self._interaction)
        seen = [step for step in steps if await sight.sees(step)]
        hidden = {step.result.id for step in steps} - {step.result.id for step in seen}
        usable = [step for step in seen if step.result.usable]
        await self._interaction.edit_original_response(view=cards.packing(len(usable)))

        known = await _names.members(self._guild, {share.user_id for share in view.shares if share.user_id is not None})
        tree = await SessionTree.laid_out(self._services.pictures, steps, hidden)
        with self._parcel:
            await self._pack_pictures(usable, besides=len(tree.pages) * _TREE_PAGE)
            await self._pack_tree(tree, known)
            await self._pack_texts(usable, view, known)
            contents = self._contents(seen, hidden=len(hidden), trees=len(tree.pages))
            address = words.link(session.guild_id, session.thread_id)
            await self._pack(exports.README, exports.readme(address, contents, several=self._parcel.number > 1))
            await self._parcel.finish(lambda number, name: cards.last_part(number, name, contents), cards.packed)

    # packing -----------------------------------------------------------------------------------------------

    async def _pack_pictures(self, steps: Sequence[Step], *, besides: int) -> None:
        """Pack pictures, oldest first, smaller where there would be too many parts, as long as there is time."""
        limit = exports.limit([await self._size(step.result) for step in steps], besides)
        for step in steps:
            result = step.result
            if self._services.clock() - self._begun > _LONGEST:
                self._late.append(result.id)
                continue
            try:
                data = await self._services.pictures.get(result.sha256 or "")
            except NotFound:
                self._missing.append(result.id)
                continue
            picture = await smaller_result(self._services, result, data, limit)
            if len(data) > limit:
                self._smaller.append(result.id)
            self._packed[result.id] = f"{exports.PICTURES}/{file_name(result, picture.media_type)}"
            await self._pack(self._packed[result.id], picture.data, result.recorded_at)

    async def _pack_tree(self, tree: SessionTree, names: Mapping[int, str | None]) -> None:
        for number in range(len(tree.pages)):
            name = "tree.jpg" if len(tree.pages) == 1 else f"tree-{number + 1}.jpg"
            await self._pack(name, await tree.draw(self._services.pictures, number, names))

    async def _pack_texts(self, steps: Sequence[Step], view: SessionView, known: Mapping[int, str | None]) -> None:
        """Pack the recipes of the pictures that were packed, and who did how much."""
        people = {share.account_id: _name(share.user_id, known) for share in view.shares}
        # Evaluated where it is written: off the loop.
        entries = (
            _entry(step, people[step.account_id], self._packed[step.result.id])
            for step in steps
            if step.result.id in self._packed
        )
        for name, data in await self._services.pictures.draw(list, exports.recipes(entries)):
            await self._pack(name, data)
        await self._pack(exports.CONTRIBUTORS, exports.contributors(_contributors(view, people)))

    async def _size(self, result: Result) -> int:
        try:
            return await self._services.pictures.size(result.sha256 or "")
        except NotFound:  # it is missed again when it is to be packed
            return 0

    async def _pack(self, name: str, data: bytes, at: int | None = None) -> None:
        await self._parcel.pack(name, data, self._begun if at is None else at)

    def _contents(self, seen: Sequence[Step], *, hidden: int, trees: int) -> Contents:
        by_fate: dict[Shown, list[int]] = {fate: [] for fate in Shown}
        for step in seen:
            by_fate[shown_as(step.result)].append(step.result.id)
        return Contents(
            packed=list(self._packed),
            smaller=self._smaller,
            removed=by_fate[Shown.REMOVED],
            withheld=by_fate[Shown.WITHHELD],
            missing=sorted([*by_fate[Shown.LOST], *by_fate[Shown.COMING], *self._missing]),
            late=self._late,
            hidden=hidden,
            trees=trees,
        )


def _name(user_id: int | None, known: Mapping[int, str | None]) -> str:
    """Return how files call a person; of some, Discord tells no name."""
    if user_id is None:
        return "someone who was forgotten"
    end = f"…{str(user_id)[-4:]}"
    gone = user_id in known and known[user_id] is None
    return known.get(user_id) or (f"a member who left ({end})" if gone else f"member {end}")


def _contributors(view: SessionView, people: Mapping[int, str]) -> list[Contributor]:
    return [
        Contributor(people[share.account_id], share.edits, view.pictures.get(share.account_id, 0), share.cost)
        for share in view.shares
    ]


def _entry(step: Step, by: str, file: str) -> dict[str, Any]:
    """Return a result as ``recipes.json`` has it."""
    result = step.result
    return {
        "id": result.short_id,
        "file": file,
        "by": by,
        "made_at": datetime.fromtimestamp(result.recorded_at / 1000, UTC).isoformat(timespec="seconds"),
        "parent": None if step.parent_id is None else f"#{step.parent_id}",
        "with": [f"#{number}" for number in step.merged],
        "stars": result.stars,
        "cost_usd": None if step.cost is None else exactly(step.cost),
        "recipe": recipes.described(step.request, result),
    }
