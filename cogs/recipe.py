"""``/recipe``: see what makes a picture again, and run it, or a task in Runware's own words."""

from __future__ import annotations

import asyncio
import logging
from typing import Final, TypeAlias

import discord
from discord import app_commands
from discord.app_commands import Choice, Range
from discord.ext import commands

from bot import recipes
from bot.client import DISCORD_ERRORS, EditBot, notice, trouble
from bot.errors import BadOption
from bot.recipes import Recipe
from bot.services import Services
from cogs._asking import Asking, Wish
from cogs._file_command import file_command
from cogs._layout import GREY
from cogs._naming import choices, named_or_newest
from cogs._patience import patience
from cogs._recipe import show_recipe
from cogs._recipe_pictures import parent_among, pictures_for, strangers
from cogs._uploads import Upload

log = logging.getLogger(__name__)

_Named: TypeAlias = Range[str, 1, 200]
_FILE: Final = {"file": (".json", ".txt")}


class RecipeCog(commands.Cog, name="Recipe"):
    """The commands about recipes. Whoever runs one pays, and has it run with the pictures they can use now."""

    recipe = app_commands.Group(name="recipe", description="Everything needed to make a picture again, as a file")

    def __init__(self, services: Services, asking: Asking) -> None:
        self._services = services
        self._asking = asking

    @recipe.command()
    @app_commands.describe(result="A picture, as #12 or the link of its message; if left out, the newest here")
    async def show(self, interaction: discord.Interaction[EditBot], result: _Named | None = None) -> None:
        """Get the recipe of a picture: everything needed to make it again, as a JSON file."""
        result_id = await named_or_newest(self._services, interaction, result)
        await show_recipe(self._services, interaction, result_id)

    @file_command("run", "Run a recipe, or a task in Runware's words, with your pictures", group=recipe, types=_FILE)
    @app_commands.describe(
        file="The recipe, as /recipe show gives it, or a task object out of Runware's pages",
        image="The first of its pictures that is no result, or that you cannot see",
        image2="The second one",
        image3="The third one",
        result="Other results in place of the recipe's, as #12 #15 or as links of their messages",
    )
    @app_commands.rename(result="from")
    async def run(
        self,
        interaction: discord.Interaction[EditBot],
        file: discord.Attachment,
        image: discord.Attachment | None = None,
        image2: discord.Attachment | None = None,
        image3: discord.Attachment | None = None,
        result: _Named | None = None,
    ) -> None:
        """Run a recipe."""
        recipe = await _read(interaction, file)
        files = {"image": image, "image2": image2, "image3": image3}
        uploads = [Upload.of(name, given) for name, given in files.items() if given is not None]
        pictures = await pictures_for(self._services, interaction, recipe, named=result, uploads=uploads)
        wish = Wish(recipe.values, parent_among(recipe, pictures), as_it_is=True, safety=recipe.safety)
        request = await self._asking.ask(interaction, wish, pictures)
        if (said := strangers(recipe, request.references)) is not None:
            try:
                await interaction.followup.send(view=notice(said, GREY), ephemeral=True)
            except DISCORD_ERRORS as error:  # the edit was asked for: no error may take the place of its reply
                log.warning("somebody could not be told that a recipe ran with other pictures: %s", trouble(error))

    @show.autocomplete("result")
    @run.autocomplete("result")
    async def _offer(self, interaction: discord.Interaction[EditBot], typed: str) -> list[Choice[str]]:
        return await choices(self._services, interaction, typed)


async def _read(interaction: discord.Interaction[EditBot], file: discord.Attachment) -> Recipe:
    """Read and judge a recipe before the answer, so that only whoever runs it sees what is wrong with it.

    Raises:
        BadOption: it cannot be read, or is no recipe, or one that asks for what there is not.
    """
    recipes.check_size(file.filename, file.size)
    try:
        async with asyncio.timeout(patience(interaction)):
            data = await file.read()
    except DISCORD_ERRORS as error:
        raise BadOption("file", "`file` could not be read from Discord in time; please try again.") from error
    return await asyncio.to_thread(_judged, file.filename, data)


def _judged(name: str, data: bytes) -> Recipe:
    recipe = recipes.read(name, data)
    recipes.check(recipe)
    return recipe
