"""``/gallery``: the pictures that people gave stars, the most first, for each visitor those that they can read."""

from __future__ import annotations

from typing import Any, Final

import discord
from discord import app_commands, ui
from discord.app_commands import Choice
from discord.ext import commands

from bot.client import EditBot, attempt
from bot.errors import BadOption, NotAllowed, NotFound
from bot.gallery import Room
from bot.services import Services
from cogs import _gallery_cards as cards
from cogs import _rights as rights
from cogs._gallery_components import Hall, HallMenu, OpenMenu, TurnButton
from cogs._looks import look
from cogs._previews import as_shown, previews
from cogs._sight import Sight
from storage.stars import START, Shelf

_TIMES: Final = (Hall.THIS_WEEK, Hall.LAST_WEEK, Hall.ALL_TIME)


class GalleryCog(commands.Cog, name="Gallery"):
    """The command and the presses with which people walk through the galleries, each alone."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._gallery = services.gallery

    @app_commands.command()
    @app_commands.describe(
        of="When they were made (all time if left out)", member="Whose pictures", here="Only those of this thread"
    )
    @app_commands.choices(of=[Choice(name=hall.value, value=hall.value) for hall in _TIMES])
    async def gallery(
        self,
        interaction: discord.Interaction[EditBot],
        of: str | None = None,
        member: discord.User | discord.Member | None = None,
        here: bool = False,
    ) -> None:
        """See the pictures that people gave stars."""
        given = [name for name, value in (("of", of), ("member", member), ("here", here)) if value]
        if len(given) > 1:
            named = " and ".join(f"`{name}`" for name in given)
            raise BadOption(given[1], f"{named} don't go together: a gallery takes one of them.")
        if member is not None:
            room = await self._gallery.room(rights.asker(interaction).guild_id, user_id=member.id)
        else:
            room = await self._room(interaction, Hall.HERE if here else Hall(of or Hall.ALL_TIME))
        await interaction.response.defer(ephemeral=True)
        await self._show(interaction, room)

    @commands.Cog.listener()
    async def on_gallery(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        """Do what a button or menu of a gallery asks for."""
        await attempt(interaction, self._press(interaction, item))

    async def _press(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        match item:
            case TurnButton():
                await interaction.response.defer()
                await self._show(interaction, item.room, item.place, back=item.back)
            case HallMenu():
                room = await self._room(interaction, item.chosen)
                await interaction.response.defer()
                await self._show(interaction, room)
            case OpenMenu():
                await look(self._services, interaction, item.chosen)
            case _:
                raise TypeError(f"no press is known for {item!r}")

    async def _show(
        self,
        interaction: discord.Interaction[EditBot],
        room: Room,
        place: tuple[int, int] = START,
        *,
        back: bool = False,
    ) -> None:
        """Show a page of a gallery as the answer to an interaction that was acknowledged."""
        sight = Sight(interaction)
        page = await self._gallery.page(room, sight.sees_entry, place, back=back)
        steps = [step for step in page.steps if step.result.usable and await sight.sees(step)]
        files = await previews(self._services, steps)
        guild_id = rights.asker(interaction).guild_id
        view = cards.show(page, steps, as_shown(files), await self._halls(interaction), guild_id=guild_id)
        await interaction.edit_original_response(view=view, attachments=list(files.values()))

    async def _halls(self, interaction: discord.Interaction[EditBot]) -> dict[Hall, Room]:
        """Return the galleries that one leads to from where a person is."""
        halls = {hall: await self._room(interaction, hall) for hall in (*_TIMES, Hall.MINE)}
        try:
            halls[Hall.HERE] = await self._room(interaction, Hall.HERE)
        except (NotAllowed, NotFound):
            return halls
        return halls

    async def _room(self, interaction: discord.Interaction[EditBot], hall: Hall) -> Room:
        """Return a gallery as it is for who acts, where they act, now. Raises NotAllowed, NotFound."""
        guild_id = rights.asker(interaction).guild_id
        match hall:
            case Hall.THIS_WEEK:
                return await self._gallery.room(guild_id, week=0)
            case Hall.LAST_WEEK:
                return await self._gallery.room(guild_id, week=1)
            case Hall.ALL_TIME:
                return await self._gallery.room(guild_id)
            case Hall.MINE:
                return await self._gallery.room(guild_id, user_id=interaction.user.id)
            case Hall.HERE:
                _, thread_id = rights.where(interaction)
                if thread_id is None:
                    raise NotAllowed("`here` shows the pictures of a thread: use it inside one.")
                session = await self._services.sessions.of_thread(guild_id, thread_id)
                return Room(Shelf.SESSION, session.id)
