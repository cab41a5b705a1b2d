"""``/preset``: options that are kept under a name, with a prompt whose blanks are asked for when one is used."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

import discord
from discord import app_commands, ui
from discord.app_commands import Choice, Range
from discord.ext import commands

from bot import options, presets
from bot.client import EditBot, attempt
from bot.errors import BadOption, EditError, NotFound
from bot.presets import Preset, Saved, Whose
from bot.services import Services
from cogs import _naming
from cogs import _preset_cards as cards
from cogs import _preset_forms as forms
from cogs import _rights as rights
from cogs import _words as words
from cogs._asking import Asking, Wish
from cogs._draft_desk import Desk
from cogs._forms import attachments, sent_with
from cogs._preset_components import PresetMenu, PresetsButton, UsePresetButton
from cogs._references import reference, references_named
from cogs._tray import gathered
from cogs._uploads import Upload
from storage.database import DatabaseError
from storage.records import Asker, House, Price, Reference

#: Discord's longest text option, the longest value and name of a choice.
_LONGEST: Final = 6000
_CHOICE: Final = 100
#: How long a list of choices may take, in seconds; Discord waits three.
_PATIENCE: Final = 2.0
#: Stands for a picture, and for words, that are not known yet.
_UNSEEN: Final = Reference(sha256="", width=1024, height=1024, label="")
_UNSAID: Final = "any"
_MARKS: Final = {Whose.OWN: "yours", Whose.SERVER: "this server's", Whose.SHIPPED: "comes with me"}


class PresetCog(commands.Cog, name="Preset"):
    """The commands, the buttons and the form of presets. Only whoever acts sees them; the edit is posted as any other."""

    preset = app_commands.Group(name="preset", description="Options kept under a name, to use again")

    def __init__(self, services: Services, asking: Asking) -> None:
        self._services = services
        self._presets = services.presets
        self._asking = asking

    @preset.command()
    @app_commands.describe(
        name="What to call it; an own one of this name is replaced",
        prompt="What to change; blanks such as {subject} are asked for each time",
        result="Take over the prompt and the options of a result: its #id, or the link of its message",
        draft="Take over the prompt and the options of your newest draft instead",
        pairs="Options as pairs: steps=40 cfg=4 format=PNG",
        shared="Keep it for everybody in this server, which takes a manager",
    )
    @app_commands.rename(result="from", pairs="options")
    async def save(
        self,
        interaction: discord.Interaction[EditBot],
        name: Range[str, 1, 100],
        prompt: Range[str, 1, _LONGEST] | None = None,
        result: Range[str, 1, 200] | None = None,
        draft: bool = False,
        pairs: Range[str, 1, _LONGEST] | None = None,
        shared: bool = False,
    ) -> None:
        """Keep a prompt and options under a name."""
        who = rights.asker(interaction)
        if shared:
            await rights.budget_manager(interaction, self._services)
        presets.checked_name(name)
        if draft and result is not None:
            raise BadOption("draft", "`draft` takes the place of `from`: use one of them.")
        values: dict[str, object] = {} if result is None else dict(await self._made_with(interaction, result))
        values.update(await self._drafted(interaction) if draft else {})
        values.update({} if pairs is None else presets.read_pairs(pairs))
        values.update({} if prompt is None else {"prompt": prompt})
        saved = await self._presets.save(who, name, values, shared=shared)
        notes = await self._notes(who.guild_id, saved)
        what = "Replaced" if saved.replaced else "Saved"
        head = f"{what} “{words.plain(saved.preset.name)}”"
        await self._answer(interaction, saved.preset, head=head, notes=notes)

    @preset.command()
    @app_commands.describe(
        name="The preset", result="Up to three results to begin with, as #12 #15, or links of their messages"
    )
    @app_commands.rename(result="from")
    async def use(
        self,
        interaction: discord.Interaction[EditBot],
        name: Range[str, 1, 100],
        result: Range[str, 1, 200] | None = None,
    ) -> None:
        """Ask for an edit with a preset: fill in its blanks, and add pictures."""
        preset = await self._presets.find(rights.asker(interaction), name)
        given = [] if result is None else await references_named(self._services, interaction, result)
        await self._open(interaction, preset, given)

    @preset.command(name="list")
    async def list_(self, interaction: discord.Interaction[EditBot]) -> None:
        """See your presets, this server's, and those that come with me."""
        view = cards.listed(await self._presets.of(rights.asker(interaction)), 0)
        await interaction.response.send_message(view=view, ephemeral=True)

    @preset.command()
    @app_commands.describe(name="The preset")
    async def show(self, interaction: discord.Interaction[EditBot], name: Range[str, 1, 100]) -> None:
        """See all that a preset holds."""
        await self._answer(interaction, await self._presets.find(rights.asker(interaction), name))

    @preset.command()
    @app_commands.describe(name="The preset", shared="It is the server's, for everybody; this takes a manager")
    async def delete(
        self, interaction: discord.Interaction[EditBot], name: Range[str, 1, 100], shared: bool = False
    ) -> None:
        """Delete a preset of yours, or one of this server's."""
        who = rights.asker(interaction)
        preset = await self._presets.find(who, name, shared=shared)
        if preset.whose is Whose.SERVER:
            await rights.budget_manager(interaction, self._services)
            if not shared:  # it may be the second try to delete an own one
                raise BadOption(
                    "shared", f"{options.shown(preset.name)} is this server's: set `shared` to delete it for everybody."
                )
        await self._presets.delete(who, preset.key)
        await interaction.response.send_message(view=cards.deleted(preset), ephemeral=True)

    # while it is typed -------------------------------------------------------------------------------------

    @save.autocomplete("name")
    @use.autocomplete("name")
    @show.autocomplete("name")
    @delete.autocomplete("name")
    async def _names(self, interaction: discord.Interaction[EditBot], typed: str) -> list[Choice[str]]:
        """Offer the presets whose names hold what was typed, a member's own first."""
        wanted = presets.fold(typed)
        try:
            async with asyncio.timeout(_PATIENCE):
                known = await self._presets.names(rights.asker(interaction))
        except (EditError, DatabaseError, TimeoutError):
            return []
        found = [(name, whose) for name, whose in known if wanted in presets.fold(name)]
        return [Choice(name=f"{name} · {_MARKS[whose]}", value=name) for name, whose in found][: options.MAX_CHOICES]

    @save.autocomplete("pairs")
    async def _pairs(self, interaction: discord.Interaction[EditBot], typed: str) -> list[Choice[str]]:
        """Offer the options that may be set next."""
        del interaction
        offered = presets.pair_choices(typed, _CHOICE)
        return [Choice(name=words.cut(says, _CHOICE), value=value) for value, says in offered[: options.MAX_CHOICES]]

    @save.autocomplete("result")
    @use.autocomplete("result")
    async def _results(self, interaction: discord.Interaction[EditBot], typed: str) -> list[Choice[str]]:
        return await _naming.choices(self._services, interaction, typed)

    # events ------------------------------------------------------------------------------------------------

    @commands.Cog.listener()
    async def on_preset(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        """Do what a button or menu of ours asks for."""
        await attempt(interaction, self._press(interaction, item))

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction[EditBot]) -> None:
        """Do what the form asks for; discord.py knows nothing of ours (see :mod:`cogs._forms`)."""
        sent = forms.read(sent_with(interaction))
        if sent is not None:
            await attempt(interaction, self._send(interaction, sent))

    async def _press(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        who = rights.asker(interaction)
        match item:
            case PresetsButton():
                view = cards.listed(await self._presets.of(who), item.page)
                await interaction.response.edit_message(view=view, attachments=[])
            case PresetMenu():
                preset = await self._presets.get(who, item.chosen)
                await interaction.response.edit_message(view=cards.show(preset), attachments=_files(preset))
            case UsePresetButton():
                await self._open(interaction, await self._presets.get(who, item.key), [])
            case _:
                raise TypeError(f"no press is known for {item!r}")

    # saving ------------------------------------------------------------------------------------------------

    async def _made_with(self, interaction: discord.Interaction[EditBot], named: str) -> Mapping[str, object]:
        """Return what a result that the person can read now was made with."""
        result_id = await _naming.result_named(self._services, interaction, "from", named)
        result, job = await self._services.edits.result(result_id)
        await rights.check_readable(interaction, result, job)
        return presets.made_with(job.request)

    async def _drafted(self, interaction: discord.Interaction[EditBot]) -> Mapping[str, object]:
        """Return what the newest draft of the person says. Raises NotFound where there is none."""
        draft = await self._services.drafts.newest(rights.asker(interaction))
        if draft is None:
            raise NotFound("You have no draft here to save; `/draft` opens one.")
        prompt = await Desk(self._services).prompt(interaction, draft)
        values = {**draft.values, "prompt": None if prompt is None else presets.literal(prompt)}
        return presets.without_matched_size(values, draft.references)

    async def _notes(self, guild_id: int, saved: Saved) -> list[str]:
        """Say what whoever saved a preset should know: what it cannot do here now, what has no effect, what it hides."""
        preset, house = saved.preset, await self._services.houses.of(guild_id)
        examined = _examined(preset, [_UNSEEN], house)
        notes = [f"⚠️ As this server's rules are now, it cannot be used: {fault}" for fault in examined.faults]
        notes += [] if examined.request is None else [f"⚠️ {said}" for said in options.advice(examined.request)]
        if saved.hidden_by is not None:
            notes.append("-# You have one of your own of this name: you get that, and others get this.")
        elif saved.hides is not None:
            who = "For you" if preset.whose is Whose.OWN else "For everybody here"
            notes.append(f"-# {who}, it takes the place of the one of this name that {_HIDDEN[saved.hides]}.")
        return notes

    async def _answer(
        self,
        interaction: discord.Interaction[EditBot],
        preset: Preset,
        *,
        head: str | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        view = cards.show(preset, head=head, notes=notes)
        await interaction.response.send_message(view=view, files=_files(preset), ephemeral=True)

    # using -------------------------------------------------------------------------------------------------

    async def _open(
        self, interaction: discord.Interaction[EditBot], preset: Preset, given: Sequence[Reference]
    ) -> None:
        """Open the form of a preset; what would be refused when it is sent is refused before anybody types.

        Without results to begin with, it begins with the person's tray.
        """
        from_tray = [] if given else await gathered(self._services, interaction)
        given = given or from_tray
        await rights.check_may_ask(interaction, self._services)
        who = rights.asker(interaction)
        house = await self._services.houses.of(who.guild_id)
        least, most = _room(preset, len(given))
        prices = [
            await self._price(preset, [*given, *[_UNSEEN] * added], house, who.guild_id)
            for added in range(least, most + 1)
        ]
        form = forms.use(preset, given, prices, least=least, most=most, tray=bool(from_tray))
        await interaction.response.send_modal(form)

    async def _price(self, preset: Preset, references: Sequence[Reference], house: House, guild_id: int) -> Price:
        examined = _examined(preset, references, house)
        if examined.request is None:
            faults = presets.together(list(examined.faults))
            raise BadOption("name", f"{options.shown(preset.name)} cannot be used here as it is:\n{faults}")
        return await self._services.edits.price(guild_id, examined.request)

    async def _send(self, interaction: discord.Interaction[EditBot], sent: forms.Sent) -> None:
        """Ask for the edit that a form describes. What it was opened on is looked up again, as it is now."""
        preset = await self._opened(rights.asker(interaction), sent)
        if sent.tray:
            given = await gathered(self._services, interaction, more=len(sent.files))
        else:
            given = [await reference(self._services, interaction, result_id) for result_id in sent.given]
        least, _ = _room(preset, len(given))
        if len(sent.files) < least:
            raise BadOption(
                "Pictures",
                f"{options.shown(preset.name)} takes {words.counted(preset.least, 'picture')}, "
                f"and {len(given) + len(sent.files)} came; use it again with all of them.",
            )
        filled = presets.fill(preset.prompt or "", dict(zip(preset.blanks, sent.blanks, strict=True)))
        prompt = filled if preset.blanks else sent.prompt or filled
        wish = Wish({**preset.values, "prompt": prompt}, given[0].result_id if given else None)
        uploads = [Upload.of("Pictures", file) for file in attachments(interaction, sent.files)]
        price = dict(enumerate(sent.prices)).get(len(uploads) - least)
        await self._asking.ask(interaction, wish, [*given, *uploads], shown=price)

    async def _opened(self, who: Asker, sent: forms.Sent) -> Preset:
        """Return the preset that a form was opened on. Raises NotFound, with what was typed, where it is another now."""
        try:
            preset = await self._presets.get(who, sent.key)
        except NotFound as gone:
            raise NotFound(f"{gone} Nothing was asked for.\n-# You wrote: {sent}") from gone
        if len(sent.blanks) != len(preset.blanks):  # another version of this program had other blanks
            raise NotFound(
                f"{options.shown(preset.name)} asks for other things now: use it again.\n-# You wrote: {sent}"
            )
        return preset


#: Whose a preset is that another one of its name takes the place of.
_HIDDEN: Final = {Whose.SERVER: "this server has", Whose.SHIPPED: "comes with me"}


def _room(preset: Preset, given: int) -> tuple[int, int]:
    """Return how many pictures have to be added to those that are given, and how many can be.

    One that ships says what each picture is for, so it takes no more than these, unless more are given already.
    """
    most = options.MAX_REFERENCES if preset.whose is not Whose.SHIPPED else max(given, preset.least)
    return max(0, preset.least - given), most - given


def _examined(preset: Preset, references: Sequence[Reference], house: House) -> options.Examined:
    """Look at what a preset sets as this server takes it, whatever its prompt becomes."""
    values = {**house.filled(preset.settings), "prompt": _UNSAID}
    return options.examine(values, references, house=house, draw=lambda: 0)


def _files(preset: Preset) -> list[discord.File]:
    """Return a preset as a file, where its card cannot show all of it."""
    if not cards.needs_file(preset):
        return []
    return [discord.File(io.BytesIO(cards.as_file(preset).encode()), cards.PRESET_FILE)]
