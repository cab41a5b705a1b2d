"""``/draft``: write an edit a piece at a time, with every option there is, and see what it would cost before it is sent."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import discord
from discord import ui
from discord.app_commands import Choice, Range
from discord.ext import commands

from bot import options
from bot.client import DISCORD_ERRORS, EditBot, attempt, trouble
from bot.drafts import Beginning, typed
from bot.errors import NotFound
from bot.services import Services
from cogs import _draft_cards as cards
from cogs import _draft_forms as forms
from cogs import _rights as rights
from cogs._asking import Asking, Wish
from cogs._draft_components import (
    BASICS,
    LEAVE,
    DiscardButton,
    DraftButton,
    FamilyMenu,
    Form,
    FormButton,
    OtherDraftMenu,
    Page,
    PageButton,
    SchedulerMenu,
    SendButton,
    StartOverButton,
)
from cogs._draft_desk import Desk
from cogs._file_command import file_command
from cogs._forms import attachments, check_number, sent_with
from cogs._keeping import keep
from cogs._naming import choices
from cogs._references import Given, pictures_given, references_named
from cogs._uploads import Upload, check_claims
from storage.drafts import Draft
from storage.records import NOTHING, Reference

log = logging.getLogger(__name__)

#: Discord's longest text option.
_LONGEST: Final = 6000
_SCHEDULER: Final = "scheduler"
#: How many pictures to make is no setting of the one that a draft edits.
_RESULTS: Final = "results"


class DraftCog(commands.Cog, name="Draft"):
    """The command, the presses and the forms of drafts. Each of them is its owner's alone, and so is its card."""

    def __init__(self, services: Services, asking: Asking) -> None:
        self._services = services
        self._drafts = services.drafts
        self._asking = asking
        self._desk = Desk(services)

    # the command -----------------------------------------------------------------------------------------------------

    @file_command("draft", "Write an edit a piece at a time, with every option; with nothing given, go on with yours")
    @discord.app_commands.describe(
        prompt="What to change, in a sentence; it can be written later",
        image="The picture to edit",
        image2="A second picture: someone or something to bring in",
        image3="A third picture",
        result="Instead of image: up to three earlier results, as #12 #15 or as links of their messages",
        image_url="A picture on the web, by its https link",
        avatar="A member, for the picture they show of themselves",
    )
    @discord.app_commands.rename(result="from")
    async def draft(
        self,
        interaction: discord.Interaction[EditBot],
        prompt: Range[str, 1, _LONGEST] | None = None,
        image: discord.Attachment | None = None,
        image2: discord.Attachment | None = None,
        image3: discord.Attachment | None = None,
        result: Range[str, 1, 200] | None = None,
        image_url: Range[str, 1, 2000] | None = None,
        avatar: discord.Member | None = None,
    ) -> None:
        """Open a draft, or show the newest one."""
        who = rights.asker(interaction)
        pictures = Given(result, (image, image2, image3), image_url, avatar)
        newest = await self._drafts.newest(who) if prompt is None and pictures == Given(files=(None,) * 3) else None
        given, uploads = list[Reference](), list[Upload]()
        if newest is None:
            given, uploads = await pictures_given(self._services, interaction, pictures, needed=False)
        check_number(len(given) + len(uploads))
        await self._check(interaction, uploads)
        await interaction.response.defer(ephemeral=True, thinking=True)
        if newest is None:
            references = (*given, *await self._asking.read(interaction, uploads))
            newest = await self._drafts.open(who, Beginning({"prompt": prompt}, references, _parent(references)))
        await self._desk.show(interaction, newest)

    @draft.autocomplete("result")
    async def _results(self, interaction: discord.Interaction[EditBot], typed: str) -> list[Choice[str]]:
        return await choices(self._services, interaction, typed)

    # presses ---------------------------------------------------------------------------------------------------------

    @commands.Cog.listener()
    async def on_draft(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        """Do what a button or menu of a draft asks for."""
        match item:
            case DraftButton():
                work = self._open(interaction, item.target)
            case OtherDraftMenu():  # it leads on also from a draft that is gone
                work = self._switch(interaction, item.chosen)
            case _:
                work = self._press(interaction, item)
        await attempt(interaction, work)

    async def _press(self, interaction: discord.Interaction[EditBot], item: ui.DynamicItem[Any]) -> None:
        draft = await self._own(interaction, getattr(item, "target", 0))
        if draft is None:
            return
        match item:
            case FormButton():
                await self._ask(interaction, draft, item.form)
            case PageButton():
                await self._turn(interaction, draft, item.page)
            case FamilyMenu():
                await self._choose_family(interaction, draft, item.chosen)
            case SchedulerMenu():
                await self._set(interaction, draft, {_SCHEDULER: item.chosen}, Page.MORE)
            case SendButton():
                await self._send(interaction, draft, item)
            case StartOverButton():
                await self._start_over(interaction, draft)
            case DiscardButton():
                await self._drafts.discard(draft.id, rights.asker(interaction))
                await interaction.response.edit_message(view=cards.discarded(), attachments=[])
            case _:
                raise TypeError(f"no draft is known for {item!r}")

    async def _open(self, interaction: discord.Interaction[EditBot], result_id: int) -> None:
        """Open a draft that edits a result, in its words and with its settings till others are given."""
        result, job = await self._services.edits.result(result_id)
        await rights.check_readable(interaction, result, job)
        await self._check(interaction, [])
        start = options.reference_to(await keep(self._services, interaction, result), job.request)
        await interaction.response.defer(ephemeral=True, thinking=True)
        # As with every edit of a result, what it was made without is not filled in by the server's defaults.
        house = await self._services.houses.of(job.guild_id)
        without = {name: NOTHING for name in house.defaults if name != _RESULTS}
        size = f"{start.width}x{start.height}"
        values = {**without, **options.settings_of(job.request), options.SIZE: size}
        beginning = Beginning(values, (start,), parent_id=result.id, words_of=result.id)
        await self._desk.show(interaction, await self._drafts.open(rights.asker(interaction), beginning))

    async def _ask(self, interaction: discord.Interaction[EditBot], draft: Draft, form: Form) -> None:
        """Open a form of a draft."""
        if form is Form.PICTURES:
            shown = await self._desk.pictures(interaction, draft)
            named = ["cannot be used now" if one.fault else one.label for one in shown]
            await interaction.response.send_modal(forms.pictures(draft, named))
            return
        house = await self._services.houses.of(draft.guild_id)
        prompt = await self._desk.prompt(interaction, draft)
        await interaction.response.send_modal(forms.form(draft, form, prompt, house))

    async def _turn(self, interaction: discord.Interaction[EditBot], draft: Draft, page: Page) -> None:
        """Turn to a page of the card."""
        if page is Page.SCHEDULER:
            house = await self._services.houses.of(draft.guild_id)
            await interaction.response.edit_message(view=cards.families(draft, house), attachments=[])
        else:
            await interaction.response.defer()
            await self._desk.show(interaction, draft, page)

    async def _choose_family(self, interaction: discord.Interaction[EditBot], draft: Draft, chosen: str) -> None:
        if chosen in (LEAVE, NOTHING):
            await self._set(interaction, draft, {_SCHEDULER: None if chosen == LEAVE else NOTHING}, Page.MORE)
        else:
            house = await self._services.houses.of(draft.guild_id)
            await interaction.response.edit_message(view=cards.schedulers(draft, house, int(chosen)), attachments=[])

    async def _set(
        self, interaction: discord.Interaction[EditBot], draft: Draft, changes: Mapping[str, Any], page: Page
    ) -> None:
        await interaction.response.defer()
        who = rights.asker(interaction)
        changed = await self._drafts.change(draft.id, who, lambda now: typed(now, changes)) if changes else draft
        await self._desk.show(interaction, changed, page)

    async def _switch(self, interaction: discord.Interaction[EditBot], draft_id: int) -> None:
        """Show another draft on the same card."""
        other = await self._own(interaction, draft_id)
        if other is not None:
            await interaction.response.defer()
            await self._desk.show(interaction, other)

    async def _start_over(self, interaction: discord.Interaction[EditBot], draft: Draft) -> None:
        await interaction.response.defer()
        who = rights.asker(interaction)
        emptied = await self._drafts.change(draft.id, who, lambda now: replace(now, values={}, words_of=None))
        await self._desk.show(interaction, emptied, note="Empty again, but for its pictures.")

    # forms -----------------------------------------------------------------------------------------------------------

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction[EditBot]) -> None:
        """Do what a sent form of a draft asks for; discord.py knows nothing of it (see :mod:`cogs._forms`)."""
        sent = forms.read(sent_with(interaction))
        if sent is not None:
            await attempt(interaction, self._take(interaction, sent))

    async def _take(self, interaction: discord.Interaction[EditBot], sent: forms.Sent) -> None:
        draft = await self._own(interaction, sent.draft_id, typed_last=sent.text("prompt"))
        if draft is None:
            return
        if sent.form is Form.PICTURES:
            await self._arrange(interaction, draft, sent)
            return
        house = await self._services.houses.of(draft.guild_id)
        prompt = await self._desk.prompt(interaction, draft)
        changes = forms.changes(sent, draft, prompt, house)
        await self._set(interaction, draft, changes, Page.BASIC if sent.form in BASICS else Page.MORE)

    async def _arrange(self, interaction: discord.Interaction[EditBot], draft: Draft, sent: forms.Sent) -> None:
        """Keep, order and bring in pictures, as a sent form says."""
        named = sent.text("results")
        results = await references_named(self._services, interaction, named, option=forms.RESULTS) if named else []
        uploads = [Upload.of(forms.FILES, file) for file in attachments(interaction, sent.files)]
        # Once without the files: what is refused needs no bytes to be read.
        check_number(len(forms.arranged(sent, draft, results)) + len(uploads), ticked=bool(sent.chosen("keep")))
        await self._check(interaction, uploads)
        await interaction.response.defer()
        more = [*results, *await self._asking.read(interaction, uploads)]

        def arrange(now: Draft) -> Draft:
            references = forms.arranged(sent, now, more)
            return replace(now, references=references, parent_id=_parent(references))

        await self._desk.show(interaction, await self._drafts.change(draft.id, rights.asker(interaction), arrange))

    # sending ---------------------------------------------------------------------------------------------------------

    async def _send(self, interaction: discord.Interaction[EditBot], draft: Draft, button: SendButton) -> None:
        """Ask for the edit, in public; a card that does not show what would be sent is drawn anew instead."""
        await interaction.response.defer()
        sheet = await self._desk.lay(interaction, draft)
        if sheet.request is None or sheet.forecast is None or draft.changed_at != button.version:
            await self._desk.show(interaction, draft, note="Not sent: this is how it stands now. Look at it once more.")
            return
        if sheet.forecast.refusal is not None:
            raise sheet.forecast.refusal
        wish = Wish({**draft.values, "prompt": sheet.prompt}, draft.parent_id)
        asked = await self._asking.send(interaction, wish, sheet.references, shown=button.shown, draft_id=draft.id)
        try:
            if asked:
                await interaction.edit_original_response(view=cards.sent(), attachments=[])
            else:
                note = "I have asked you about its price, in the message below. The draft stays until you say yes."
                await self._desk.show(interaction, draft, note=note)
        except DISCORD_ERRORS as error:  # its owner may have dismissed the card; what they sent is sent
            log.warning("the card of draft %d could not show that it was sent: %s", draft.id, trouble(error))

    # pieces ----------------------------------------------------------------------------------------------------------

    async def _own(
        self, interaction: discord.Interaction[EditBot], draft_id: int, *, typed_last: str = ""
    ) -> Draft | None:
        """Return the draft of a press to its owner; one that is gone is said so on its card, and returns ``None``."""
        try:
            return await self._drafts.get(draft_id, rights.asker(interaction))
        except NotFound:
            await interaction.response.edit_message(view=cards.gone(typed_last), attachments=[])
            return None

    async def _check(self, interaction: discord.Interaction[EditBot], uploads: Sequence[Upload]) -> None:
        """Refuse, before a file is read, what is said of the files, and servers that may not spend."""
        check_claims(uploads)
        await self._services.edits.check(rights.asker(interaction))


def _parent(references: Sequence[Reference]) -> int | None:
    """Return the result that an edit of these pictures is a child of: the first of them that is one."""
    return next((reference.result_id for reference in references if reference.result_id is not None), None)
