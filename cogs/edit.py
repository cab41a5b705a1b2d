"""``/edit``: ask for an edit of one to three pictures."""

from __future__ import annotations

from typing import Final, Literal

import discord
from discord import app_commands
from discord.app_commands import Choice, Range
from discord.ext import commands

from bot import options
from bot.client import EditBot
from bot.services import Services
from cogs import _rights as rights
from cogs._asking import Asking, Wish
from cogs._file_command import file_command
from cogs._loras import completions
from cogs._naming import choices
from cogs._references import Given, pictures_given

#: Discord's longest text option.
_LONGEST: Final = 6000


class EditCog(commands.Cog, name="Edit"):
    """The command that starts an edit."""

    def __init__(self, services: Services, asking: Asking) -> None:
        self._services = services
        self._asking = asking

    @file_command("edit", "Edit one to three pictures with a sentence")
    @app_commands.describe(
        prompt="What to change, in a sentence; it may say “the first picture”, “the second picture”",
        image="The picture to edit",
        image2="One more picture: someone or something to bring in",
        image3="One more picture",
        result="Instead of image: up to three earlier results, as #12 #15 or as links of their messages",
        image_url="A picture on the web, by its https link",
        avatar="A member, for the picture they show of themselves",
        size="Width x height; leave out to match the first picture",
        results="How many pictures to make; each costs",
        seed="A number that makes the same picture again",
        negative="What should not be in the picture",
        steps="More steps: finer, slower, dearer (30 if left out)",
        cfg="How closely to follow the prompt",
        true_cfg="The model's own guidance; Runware's examples use 1.2 and 2",
        scheduler="How the noise is taken away",
        file_format="The kind of file: JPG if left out",
        quality="How little a JPG or WEBP file loses: 95 if left out",
        loras="Add-ons to the model that this server lets in: AIR and weight, separated by commas",
    )
    @app_commands.rename(result="from", file_format="format")
    async def edit(
        self,
        interaction: discord.Interaction[EditBot],
        prompt: Range[str, 1, _LONGEST],
        image: discord.Attachment | None = None,
        image2: discord.Attachment | None = None,
        image3: discord.Attachment | None = None,
        result: Range[str, 1, 200] | None = None,
        image_url: Range[str, 1, 2000] | None = None,
        avatar: discord.Member | None = None,
        size: Range[str, 1, 50] | None = None,
        results: Range[int, 1, options.MAX_RESULTS] | None = None,
        seed: Range[str, 1, 40] | None = None,
        negative: Range[str, 1, _LONGEST] | None = None,
        steps: Range[int, 1, options.MAX_STEPS] | None = None,
        cfg: Range[float, options.MIN_CFG, options.MAX_CFG] | None = None,
        true_cfg: float | None = None,
        scheduler: Range[str, 1, 100] | None = None,
        file_format: Literal["JPG", "PNG", "WEBP"] | None = None,
        quality: Range[int, 20, 99] | None = None,
        loras: Range[str, 1, 1000] | None = None,
    ) -> None:
        """Ask for an edit."""
        pictures = Given(result, (image, image2, image3), image_url, avatar)
        given, uploads = await pictures_given(self._services, interaction, pictures)
        values = {
            "prompt": prompt,
            "size": size,
            "results": results,
            "seed": seed,
            "negative": negative,
            "steps": steps,
            "cfg": cfg,
            "true_cfg": true_cfg,
            "scheduler": scheduler,
            "format": file_format,
            "quality": quality,
            "loras": loras,
        }
        wish = Wish(values, given[0].result_id if given else None)
        await self._asking.ask(interaction, wish, [*given, *uploads])

    @edit.autocomplete("result")
    async def _results(self, interaction: discord.Interaction[EditBot], typed: str) -> list[Choice[str]]:
        return await choices(self._services, interaction, typed)

    @edit.autocomplete("size")
    async def _sizes(self, interaction: discord.Interaction[EditBot], typed: str) -> list[Choice[str]]:
        del interaction
        return _choices(options.size_choices(typed))

    @edit.autocomplete("scheduler")
    async def _schedulers(self, interaction: discord.Interaction[EditBot], typed: str) -> list[Choice[str]]:
        del interaction
        return _choices(options.scheduler_choices(typed))

    @edit.autocomplete("loras")
    async def _loras(self, interaction: discord.Interaction[EditBot], typed: str) -> list[Choice[str]]:
        house = await self._services.houses.of(rights.asker(interaction).guild_id)
        return completions(typed, house.loras)


def _choices(values: list[str]) -> list[Choice[str]]:
    return [Choice(name=value, value=value) for value in values[: options.MAX_CHOICES]]
