"""``/sweep``: one request over one or two axes, asked for with one yes and shown as one contact sheet."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import discord
from discord import app_commands, ui
from discord.app_commands import Choice, Range
from discord.ext import commands

from bot import options, sweeps
from bot.client import EditBot, attempt
from bot.errors import BadOption
from bot.services import Services
from bot.sweeps import Along, SweepView
from cogs import _cards
from cogs import _rights as rights
from cogs import _sweep_cards as cards
from cogs._asking import Asking, explained
from cogs._file_command import file_command
from cogs._loras import allowed_choices, completions
from cogs._naming import choices
from cogs._references import Given, pictures_given
from cogs._sweep_components import CancelRestButton, SweepNoButton, SweepYesButton
from cogs._uploads import UNREAD
from storage.sweeps import SweepState

#: Discord's longest text option, and its longest name or value of a choice.
_LONGEST: Final = 6000
_CHOICE: Final = 100

_ALONG: Final = [
    Choice(name="Seeds", value=Along.SEED.value),
    Choice(name="Steps", value=Along.STEPS.value),
    Choice(name="CFG", value=Along.CFG.value),
    Choice(name="True CFG", value=Along.TRUE_CFG.value),
    Choice(name="Scheduler", value=Along.SCHEDULER.value),
    Choice(name="LoRA weight", value=Along.LORA.value),
]


class SweepCog(commands.Cog, name="Sweep"):
    """The command, and the presses on its question and card. The card itself is drawn by :mod:`cogs.sheets`."""

    def __init__(self, services: Services, asking: Asking) -> None:
        self._services = services
        self._sweeps = services.sweeps
        self._asking = asking

    @file_command("sweep", "Try a prompt over several seeds, steps, schedulers …, side by side on one sheet")
    @app_commands.describe(
        prompt="What to change, in a sentence",
        x="What to vary",
        x_values="Such as: 20, 30, 40 · 20-50 step 10 · 4 random (for seeds) · Euler, UniPC",
        y="What to vary as well: every value of x is tried with every value of y",
        y_values="The values of y, typed like those of x",
        image="The picture to edit",
        image2="A second picture: someone or something to bring in",
        image3="A third picture",
        result="Instead of image: up to three earlier results, as #12 #15 or as links of their messages",
        image_url="A picture on the web, by its https link",
        avatar="A member, for the picture they show of themselves",
        size="Width x height; leave out to match the first picture",
        seed="The seed of all cells; drawn once if left out",
        negative="What should not be in the pictures",
        steps="How many steps in all cells (30 if left out)",
        cfg="How closely to follow the prompt, in all cells",
        true_cfg="The model's own guidance, in all cells",
        scheduler="How the noise is taken away, in all cells",
        loras="Add-ons to the model that this server lets in: AIR and weight, separated by commas",
        lora="The LoRA whose weight an axis is, by its AIR, where `loras` names several",
    )
    @app_commands.rename(result="from")
    @app_commands.choices(x=_ALONG, y=_ALONG)
    async def sweep(
        self,
        interaction: discord.Interaction[EditBot],
        prompt: Range[str, 1, _LONGEST],
        x: str,
        x_values: Range[str, 1, 1000],
        y: str | None = None,
        y_values: Range[str, 1, 1000] | None = None,
        image: discord.Attachment | None = None,
        image2: discord.Attachment | None = None,
        image3: discord.Attachment | None = None,
        result: Range[str, 1, 200] | None = None,
        image_url: Range[str, 1, 2000] | None = None,
        avatar: discord.Member | None = None,
        size: Range[str, 1, 50] | None = None,
        seed: Range[str, 1, 40] | None = None,
        negative: Range[str, 1, _LONGEST] | None = None,
        steps: Range[int, 1, options.MAX_STEPS] | None = None,
        cfg: Range[float, options.MIN_CFG, options.MAX_CFG] | None = None,
        true_cfg: float | None = None,
        scheduler: Range[str, 1, 100] | None = None,
        loras: Range[str, 1, 1000] | None = None,
        lora: Range[str, 1, 200] | None = None,
    ) -> None:
        """Ask for a sweep: what it would make and cost is a question first."""
        pictures = Given(result, (image, image2, image3), image_url, avatar)
        given, uploads = await pictures_given(self._services, interaction, pictures)
        house = await self._services.houses.of(rights.asker(interaction).guild_id)
        draw = self._services.edits.draw_seed
        values: dict[str, object] = {
            "prompt": prompt,
            "size": size,
            "seed": seed,
            "negative": negative,
            "steps": steps,
            "cfg": cfg,
            "true_cfg": true_cfg,
            "scheduler": scheduler,
            "loras": loras,
        }
        weighed = sweeps.read_loras(house.filled(values))
        along_y = None if y is None else Along(y)
        axes = sweeps.read_axes(Along(x), x_values, along_y, y_values, loras=weighed, lora=lora, draw=draw)
        parent_id = given[0].result_id if given else None
        safety = rights.safety(interaction, house)
        planned = partial(sweeps.plan, values, axes=axes, parent_id=parent_id, safety=safety, house=house, draw=draw)
        try:
            planned([*given, *(UNREAD for _ in uploads)])
        except BadOption as bad:
            raise explained(bad, {**values, **{axis.option: axis.values for axis in axes}}, house) from None
        place, references, shown = await self._asking.receive(interaction, prompt, given, uploads)
        view = await self._sweeps.ask(rights.asker(interaction), place, planned(references))
        pictures = [(file.filename, file.description or "") for file in shown]
        await interaction.edit_original_response(view=cards.question(view, pictures=pictures), attachments=shown)

    @sweep.autocomplete("result")
    async def _results(self, interaction: discord.Interaction[EditBot], typed: str) -> list[Choice[str]]:
        return await choices(self._services, interaction, typed)

    @sweep.autocomplete("size")
    async def _sizes(self, interaction: discord.Interaction[EditBot], typed: str) -> list[Choice[str]]:
        del interaction
        return [Choice(name=size, value=size) for size in options.size_choices(typed)[: options.MAX_CHOICES]]

    @sweep.autocomplete("scheduler")
    async def _schedulers(self, interaction: discord.Interaction[EditBot], typed: str) -> list[Choice[str]]:
        del interaction
        return [Choice(name=name, value=name) for name in options.scheduler_choices(typed)]

    @sweep.autocomplete("loras")
    async def _loras(self, interaction: discord.Interaction[EditBot], typed: str) -> list[Choice[str]]:
        house = await self._services.houses.of(rights.asker(interaction).guild_id)
        return completions(typed, house.loras)

    @sweep.autocomplete("lora")
    async def _lora(self, interaction: discord.Interaction[EditBot], typed: str) -> list[Choice[str]]:
        house = await self._services.houses.of(rights.asker(interaction).guild_id)
        return allowed_choices(typed, house.loras)

    @sweep.autocomplete("x_values")
    async def _x_values(self, interaction: discord.Interaction[EditBot], typed: str) -> list[Choice[str]]:
        return _next_values(interaction.namespace.x, typed)

    @sweep.autocomplete("y_values")
    async def _y_values(self, interaction: discord.Interaction[EditBot], typed: str) -> list[Choice[str]]:
        return _next_values(interaction.namespace.y, typed)

    # presses -----------------------------------------------------------------------------------------------

    @commands.Cog.listener()
    async def on_sweep(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        """Do what a button of a sweep asks for."""
        await attempt(interaction, self._press(interaction, item))

    async def _press(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        match item:
            case SweepYesButton():
                await self._yes(interaction, item.target, item.shown)
            case SweepNoButton():
                asked = await self._sweeps.decline(item.target, rights.asker(interaction))
                await interaction.response.edit_message(view=cards.declined(asked), attachments=[])
            case CancelRestButton():
                manages = rights.manages(interaction)
                await self._sweeps.cancel_rest(item.target, asker=rights.asker(interaction), manages=manages)
                await interaction.response.defer()  # the loop that draws cards changes this one
            case _:
                raise TypeError(f"no press is known for {item!r}")

    async def _yes(self, interaction: discord.Interaction[EditBot], sweep_id: int, shown: int) -> None:
        who = rights.asker(interaction)
        asked = await self._sweeps.question(sweep_id, who)
        await rights.check_references(interaction, self._services, asked.request)
        house = await self._services.houses.of(who.guild_id)
        # Twenty edits are asked for at once, behind all others who ask: that may take longer than Discord waits.
        await interaction.response.defer()
        view = await self._sweeps.accept(sweep_id, who, shown=shown, safety=rights.safety(interaction, house))
        if view.sweep.state is SweepState.ASKED:
            await self._ask_again(interaction, view, shown=shown)
        # Else the question is the card now, which has a loop of its own.

    @staticmethod
    async def _ask_again(interaction: discord.Interaction[EditBot], view: SweepView, *, shown: int) -> None:
        """Ask once more: the price has risen since it was said."""
        pictures = [] if interaction.message is None else _cards.attached(interaction.message)
        await interaction.edit_original_response(view=cards.question(view, pictures=pictures, shown=shown))


def _next_values(along: str | None, typed: str) -> list[Choice[str]]:
    """Return what to offer for the values of an axis: schedulers, each after those that are typed already."""
    if along != Along.SCHEDULER:
        return []
    before, comma, last = typed.rpartition(",")
    begun = f"{before.strip()}, " if comma else ""
    offered = [f"{begun}{name}" for name in options.scheduler_choices(last)]
    return [Choice(name=value, value=value) for value in offered if len(value) <= _CHOICE]
