"""``/options``: a server's own rules for edits, for everybody to see and for those who manage the budget to change."""

from __future__ import annotations

from typing import Final, Literal

import discord
from discord import app_commands
from discord.app_commands import Choice, Range
from discord.ext import commands

from bot import house, options
from bot.client import EditBot
from bot.errors import BadOption
from bot.house import said_bound
from bot.services import Services
from cogs import _house_cards as cards
from cogs import _rights as rights
from cogs._loras import completions
from storage.records import Asker, Bound, House

#: The longest value that is worth a default here; a preset holds more.
_LONGEST: Final = 1000
_TERMS: Final = (
    "Runware's terms hold there all the same, and they are read to forbid obscene and mature content. Whoever runs "
    "this bot answers for what is made there with its key."
)


class HouseCog(commands.Cog, name="Options"):
    """The commands about a server's own rules."""

    group = app_commands.Group(name="options", description="This server's own rules for edits")

    def __init__(self, services: Services) -> None:
        self._services = services
        self._houses = services.houses

    # commands ----------------------------------------------------------------------------------------------

    @group.command()
    async def show(self, interaction: discord.Interaction[EditBot]) -> None:
        """See this server's defaults and bounds, and where LoRAs are."""
        await self._show(interaction, await self._houses.of(rights.asker(interaction).guild_id))

    @group.command()
    @app_commands.describe(
        name="The option", value="What it is where people leave it out; leave it out here to take the default away"
    )
    async def default(
        self,
        interaction: discord.Interaction[EditBot],
        name: Range[str, 1, 50],
        value: Range[str, 1, _LONGEST] | None = None,
    ) -> None:
        """Set what stands for an option that people leave out."""
        manager = await self._manager(interaction)
        after = await self._houses.set_default(manager, _named(name), value)
        await self._show(interaction, after, note=cards.default_set(_named(name), after.defaults.get(_named(name))))

    @group.command()
    @app_commands.describe(
        name="The option",
        least="What it is at least; leave both out to take the bound away",
        most="What it is at most; of size, the longest side",
    )
    async def bound(
        self,
        interaction: discord.Interaction[EditBot],
        name: Range[str, 1, 50],
        least: Range[str, 1, 40] | None = None,
        most: Range[str, 1, 40] | None = None,
    ) -> None:
        """Set how far a number goes in this server."""
        manager = await self._manager(interaction)
        name = _named(name)
        after = await self._houses.set_bound(manager, name, least, most)
        bound = said_bound(name, after.bounds.get(name, Bound()))
        note = f"✅ `{name}` is {bound} here." if bound else f"✅ `{name}` goes as far as the model's here."
        await self._show(interaction, after, note=note)

    @group.command()
    @app_commands.describe(
        channel="An age-restricted channel, with its threads; of a forum, one of its threads",
        check="Whether Runware checks it",
    )
    async def safety(
        self, interaction: discord.Interaction[EditBot], channel: rights.Home, check: Literal["on", "off"]
    ) -> None:
        """Switch Runware's content check off in an age-restricted channel, or on again."""
        manager = await self._manager(interaction)
        channel_id = rights.home_id(channel)
        if check == "off" and not rights.is_restricted(rights.guild(interaction).get_channel(channel_id)):
            raise BadOption(
                "check",
                f"`check` can be switched off in age-restricted channels only, and <#{channel_id}> is none. Make it one "
                "first, in Discord's settings of the channel.",
            )
        await self._houses.set_checked(manager, channel_id, checked=check == "on")
        note = f"✅ Runware checks what is made in <#{channel_id}>."
        if check == "off":
            note = (
                f"✅ Runware does not check what is made in <#{channel_id}>, for as long as Discord asks for age there. "
                f"{_TERMS}"
            )
        await self._show(interaction, await self._houses.of(manager.guild_id), note=note)

    # what is offered while somebody types ------------------------------------------------------------------

    @default.autocomplete("name")
    async def _defaulted(self, interaction: discord.Interaction[EditBot], typed: str) -> list[Choice[str]]:
        del interaction
        return _names(house.DEFAULTED, typed)

    @bound.autocomplete("name")
    async def _bounded(self, interaction: discord.Interaction[EditBot], typed: str) -> list[Choice[str]]:
        del interaction
        return _names(house.BOUNDED, typed)

    @default.autocomplete("value")
    async def _values(self, interaction: discord.Interaction[EditBot], typed: str) -> list[Choice[str]]:
        name = _named(str(getattr(interaction.namespace, "name", "")))
        parameter = options.BY_NAME.get(name)
        match parameter:
            case options.Loras():
                return completions(typed, (await self._houses.of(rights.asker(interaction).guild_id)).loras)
            case options.Scheduler():
                return _choices(options.scheduler_choices(typed))
            case options.Choice():
                return _choices(_starting(parameter.choices, typed))
            case options.Flag():
                return _choices(_starting(("yes", "no"), typed))
            case None if name == options.SIZE:
                return _choices([size for size in options.size_choices(typed) if size != options.MATCH])
            case _:
                return []

    # -------------------------------------------------------------------------------------------------------

    async def _manager(self, interaction: discord.Interaction[EditBot]) -> Asker:
        return await rights.budget_manager(interaction, self._services)

    async def _show(self, interaction: discord.Interaction[EditBot], rules: House, *, note: str = "") -> None:
        """Show the rules to one person alone; channels only as far as they see them."""
        seen, hidden = rights.seen(interaction, rules.unchecked)
        server = rights.guild(interaction)
        channels = {channel_id: rights.is_restricted(server.get_channel(channel_id)) for channel_id in seen}
        await interaction.response.send_message(
            view=cards.rules(rules, channels, hidden=hidden, note=note), ephemeral=True
        )


def _named(typed: str) -> str:
    """Return the name of an option as it was typed, without what people put around it."""
    return typed.strip().removesuffix(":").strip("` ").casefold()


def _names(names: tuple[str, ...], typed: str) -> list[Choice[str]]:
    """Return the options whose name or purpose fits, those that begin so first."""
    wanted = _named(typed)
    fitting = [name for name in names if wanted in name] or [name for name in names if wanted in _says(name).casefold()]
    fitting.sort(key=lambda name: not name.startswith(wanted))
    return [Choice(name=f"{name}: {_says(name)}"[:100], value=name) for name in fitting[: options.MAX_CHOICES]]


def _says(name: str) -> str:
    return "Width x height" if name == options.SIZE else options.BY_NAME[name].says


def _starting(choices: tuple[str, ...], typed: str) -> list[str]:
    return [choice for choice in choices if choice.casefold().startswith(typed.strip().casefold())]


def _choices(values: list[str]) -> list[Choice[str]]:
    return [Choice(name=value, value=value) for value in values[: options.MAX_CHOICES]]
