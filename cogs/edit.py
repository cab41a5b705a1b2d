"""``/edit``: ask for an edit of one to three pictures."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final, Literal

import discord
from discord import app_commands
from discord.app_commands import Choice, Range
from discord.ext import commands

from bot import options
from bot.client import EditBot
from bot.errors import BadOption
from bot.services import Services
from cogs import _rights as rights
from cogs._asking import Asking, Upload, Wish
from cogs._keeping import keep
from cogs._loras import completions
from cogs._naming import choices, result_named
from storage.records import Reference

#: Discord's longest text option.
_LONGEST: Final = 6000
_ATTACHMENT: Final = discord.AppCommandOptionType.attachment.value


class _PictureCommand(app_commands.Command[Any, ..., None]):
    """A command whose file options offer pictures only. Discord goes by the name's ending; the bytes are judged later."""

    def to_dict(self, tree: app_commands.CommandTree[Any]) -> dict[str, Any]:
        payload: dict[str, Any] = super().to_dict(tree)
        for option in payload["options"]:
            if option["type"] == _ATTACHMENT:
                option["file_types"] = ["image"]
        return payload


def _picture_command(
    name: str, description: str
) -> Callable[[Callable[..., Coroutine[Any, Any, None]]], _PictureCommand]:
    def command(callback: Callable[..., Coroutine[Any, Any, None]]) -> _PictureCommand:
        return _PictureCommand(name=name, description=description, callback=callback)

    return command


class EditCog(commands.Cog, name="Edit"):
    """The command that starts an edit."""

    def __init__(self, services: Services, asking: Asking) -> None:
        self._services = services
        self._asking = asking

    @_picture_command("edit", "Edit one to three pictures with a sentence")
    @app_commands.describe(
        prompt="What to change, in a sentence",
        image="The picture to edit",
        image2="A second picture: someone or something to bring in",
        image3="A third picture",
        result="Instead of image: up to three earlier results, as #12 #15 or as links of their messages",
        size="Width x height; leave out to match the first picture",
        results="How many pictures to make; each costs",
        seed="A number that makes the same picture again",
        negative="What should not be in the picture",
        steps="More steps: finer, slower, dearer (30 if left out)",
        cfg="How closely to follow the prompt",
        true_cfg="The model's own guidance, which makes the negative prompt count",
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
        given, parent_id = await self._start(interaction, result, image)
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
        wish = Wish(values, parent_id)
        files = {"image": image, "image2": image2, "image3": image3}
        uploads = [Upload(name, file) for name, file in files.items() if file is not None]
        await self._asking.ask(interaction, wish, given=given, uploads=uploads)

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

    async def _start(
        self, interaction: discord.Interaction[EditBot], named: str | None, image: discord.Attachment | None
    ) -> tuple[list[Reference], int | None]:
        """Return the results that ``from`` names as references, and the id of the first; nothing if it was left out."""
        if named is None:
            if image is None:
                raise BadOption(
                    "image", "There is no picture to edit: attach one as `image`, or name a result in `from`."
                )
            return [], None
        if image is not None:
            raise BadOption("from", "`from` takes the place of `image`: use one of them. More pictures go in `image2`.")
        references: dict[int, Reference] = {}
        for name in options.split_refs(named):
            result, job = await self._services.edits.result(
                await result_named(self._services, interaction, "from", name)
            )
            await rights.check_readable(interaction, result, job)
            kept = await keep(self._services, interaction, result)
            references[result.id] = options.reference_to(kept, job.request)
        if len(references) > options.MAX_REFERENCES:
            raise BadOption(
                "from", f"`from` takes up to {options.MAX_REFERENCES} results, and {len(references)} were given."
            )
        return list(references.values()), next(iter(references))


def _choices(values: list[str]) -> list[Choice[str]]:
    return [Choice(name=value, value=value) for value in values[: options.MAX_CHOICES]]
