"""How every edit is asked for, whether by command, form, draft or reroll: decide, acknowledge, read, hand over."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import discord
from discord import ui

from bot import options
from bot.client import DISCORD_ERRORS, trouble
from bot.errors import BadOption
from bot.options import MAX_REFERENCES
from bot.services import Services
from cogs import _cards as cards
from cogs import _rights as rights
from cogs._keeping import renew
from cogs._letters import parent_of
from cogs._uploads import UNREAD, Attached, Upload, Uploads, check_claims
from storage.records import NOTHING, EditRequest, House, Job, Place, Price, Reference

log = logging.getLogger(__name__)

#: Stands for words that are not known yet.
_UNSAID: Final = "any"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks for, not checked yet."""

    #: Options by name, typed or as JSON holds them; ``None`` is an option left out.
    values: Mapping[str, object]
    parent_id: int | None = None
    #: Whether what is left out is left to the model: the server's own defaults are for new edits.
    as_it_is: bool = False
    #: ``fast`` or ``none``; ``None`` leaves it to the place. Nobody has checked less than the place wants.
    safety: str | None = None

    @classmethod
    def like(cls, request: EditRequest, prompt: str, **changes: object) -> Wish:
        """Return a wish for one picture with the settings of an earlier request, in other words, with a new seed."""
        return cls({**options.settings_of(request), "prompt": prompt, **changes}, request.parent_id, as_it_is=True)


class Asking:
    """Takes requests for edits. What can be refused before the acknowledgement only the asker sees.

    ``shown``, wherever it is asked for, is the price that the person has seen, in micro-dollars.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._uploads = Uploads(services)

    # edits -------------------------------------------------------------------------------------------------

    async def ask(
        self,
        interaction: discord.Interaction[Any],
        wish: Wish,
        pictures: Sequence[Reference | Upload],
        *,
        shown: int | None = None,
    ) -> EditRequest:
        """Ask for an edit of pictures that are here already and of files still to be read; return what was asked for."""
        house = await self._services.houses.of(rights.asker(interaction).guild_id)
        safety = _agreed(wish.safety, rights.safety(interaction, house))
        known = [UNREAD if isinstance(one, Upload) else one for one in pictures]
        self._request(wish, known, house, safety)
        check_claims([one for one in pictures if isinstance(one, Upload)])
        here = [one for one in pictures if isinstance(one, Reference)]
        place = await self._acknowledge(interaction, str(wish.values["prompt"]), here)
        read = [await self._at_hand(interaction, one) for one in pictures]
        references = [one.reference if isinstance(one, Attached) else one for one in read]
        request = self._request(wish, references, house, safety)
        files = {number: one for number, one in enumerate(read, 1) if isinstance(one, Attached)}
        await self._show(interaction, request, files)
        await self._order(interaction, place, request, shown)
        return request

    async def prices(self, interaction: discord.Interaction[Any], given: Sequence[Reference]) -> list[Price]:
        """Return what an edit of pictures costs by the server's defaults, and with one more, two more, as far as may be.

        Raises:
            BadOption: what was left out goes by the server's defaults, and these do not go together.
        """
        guild_id = rights.asker(interaction).guild_id
        house = await self._services.houses.of(guild_id)
        safety = rights.safety(interaction, house)
        wish = Wish({"prompt": _UNSAID})
        requests = [
            self._request(wish, [*given, *[given[0]] * more], house, safety)
            for more in range(MAX_REFERENCES - len(given) + 1)
        ]
        return [await self._services.edits.price(guild_id, request) for request in requests]

    async def repeat(self, interaction: discord.Interaction[Any], request: EditRequest, *, shown: int | None) -> None:
        """Ask for a request whose pictures are all here; the place decides whether Runware checks what it makes."""
        house = await self._services.houses.of(rights.asker(interaction).guild_id)
        request = replace(request, safety=rights.safety(interaction, house))
        options.check_house(request, house)
        self._services.edits.check_request(request)
        place = await self._acknowledge(interaction, request.prompt, request.references)
        await self._show(interaction, request, {})
        await self._order(interaction, place, request, shown)

    async def send(
        self,
        interaction: discord.Interaction[Any],
        wish: Wish,
        references: Sequence[Reference],
        *,
        shown: int | None,
        draft_id: int,
    ) -> bool:
        """Ask for the edit of a draft, whose pictures are all here.

        The press was acknowledged to the draft's owner alone. So the reply that others see is a message of its own, and
        goes again where the edit is refused after all.

        Returns whether it was asked for, and the draft is gone: not where its price became a question.
        """
        house = await self._services.houses.of(rights.asker(interaction).guild_id)
        request = self._request(wish, references, house, rights.safety(interaction, house))
        await self._check(interaction, references)
        files = {n: await self._uploads.kept(one) for n, one in enumerate(references, 1) if one.result_id is None}
        view, shows = await self._starter(interaction, request, files)
        reply = await interaction.followup.send(view=view, files=shows, wait=True)
        place = rights.place(interaction, reply.id)
        try:
            return await self._order(interaction, place, request, shown, draft_id=draft_id, reply=reply)
        except Exception:
            await _take_back(reply)
            raise

    # pictures without an edit ------------------------------------------------------------------------------

    async def read(self, interaction: discord.Interaction[Any], uploads: Sequence[Upload]) -> list[Reference]:
        """Read files, prepare them and keep them. Raises BadPicture for the first that is no picture to edit."""
        return [(await self._uploads.read(interaction, upload)).reference for upload in uploads]

    async def receive(
        self,
        interaction: discord.Interaction[Any],
        prompt: str,
        given: Sequence[Reference],
        uploads: Sequence[Upload],
    ) -> tuple[Place, list[Reference], list[discord.File]]:
        """Acknowledge what is no single edit, and read its files; returns the references, and files that show them."""
        check_claims(uploads)
        place = await self._acknowledge(interaction, prompt, given)
        read = [await self._at_hand(interaction, one) for one in (*given, *uploads)]
        references = [one.reference if isinstance(one, Attached) else one for one in read]
        files = {number: one for number, one in enumerate(read, 1) if isinstance(one, Attached)}
        return place, references, await self._uploads.shown(interaction.guild_id or 0, files, len(references))

    async def _at_hand(
        self, interaction: discord.Interaction[Any], picture: Reference | Upload
    ) -> Reference | Attached:
        """Return a file as it was read, be it now or before, to be shown with the request; a result as it is."""
        if isinstance(picture, Upload):
            return await self._uploads.read(interaction, picture)
        return picture if picture.result_id is not None else await self._uploads.kept(picture)

    # deciding ----------------------------------------------------------------------------------------------

    def _request(self, wish: Wish, references: Sequence[Reference], house: House, safety: str) -> EditRequest:
        try:
            request = options.build_request(
                wish.values if wish.as_it_is else house.filled(wish.values),
                references,
                parent_id=wish.parent_id,
                safety=safety,
                house=house,
                draw=self._services.edits.draw_seed,
            )
        except BadOption as bad:
            if wish.as_it_is:
                raise
            raise explained(bad, wish.values, house) from None
        self._services.edits.check_request(request)
        return request

    async def _check(self, interaction: discord.Interaction[Any], given: Sequence[Reference]) -> None:
        """Refuse whatever else can be refused without reading a file."""
        await rights.check_may_ask(interaction, self._services)
        _, thread_id = rights.where(interaction)
        await self._services.consents.check(rights.asker(interaction), thread_id, given)
        for reference in given:
            await renew(self._services, interaction, reference.sha256)

    # answering ---------------------------------------------------------------------------------------------

    async def _acknowledge(
        self, interaction: discord.Interaction[Any], prompt: str, given: Sequence[Reference]
    ) -> Place:
        """Answer with a message instead of "thinking": its id is known at once, and goes with the job."""
        await self._check(interaction, given)
        view = cards.checking(interaction.user.id, prompt, here=rights.in_thread(interaction))
        answer = await interaction.response.send_message(view=view)
        if answer.message_id is None:
            return rights.place(interaction, (await interaction.original_response()).id)
        return rights.place(interaction, answer.message_id)

    async def _show(
        self, interaction: discord.Interaction[Any], request: EditRequest, files: Mapping[int, Attached]
    ) -> None:
        """Turn the acknowledgement into the card of the edit, with the pictures that came with it, by their numbers.

        It comes before the job: once there is one, the announcer owns what happens to the reply.
        """
        view, shows = await self._starter(interaction, request, files)
        try:
            await interaction.edit_original_response(view=view, attachments=shows)
        except DISCORD_ERRORS as error:
            log.warning("a reply could not show what was asked for: %s", trouble(error))

    async def _starter(
        self, interaction: discord.Interaction[Any], request: EditRequest, files: Mapping[int, Attached]
    ) -> tuple[ui.LayoutView, list[discord.File]]:
        shows = await self._uploads.shown(interaction.guild_id or 0, files, len(request.references))
        view = cards.starter(
            interaction.user.id,
            request,
            pictures=[(file.filename, file.description or "") for file in shows],
            parent=await parent_of(self._services.edits, request.parent_id),
            here=rights.in_thread(interaction),
        )
        return view, shows

    async def _order(
        self,
        interaction: discord.Interaction[Any],
        place: Place,
        request: EditRequest,
        shown: int | None,
        *,
        draft_id: int | None = None,
        reply: discord.WebhookMessage | None = None,
    ) -> bool:
        """Hand the request over; where its price is news, the reply becomes the question whether it should be made.

        ``reply``: where it is not the first answer to the interaction. Returns whether the edit was asked for.
        """
        edits, asker = self._services.edits, rights.asker(interaction)
        made = await edits.ask(asker, place, request, shown=shown, draft_id=draft_id)
        if isinstance(made, Job):
            return True
        message = reply or await interaction.original_response()
        price = await edits.price(made.guild_id, request)
        await message.edit(view=cards.offer(made, price, pictures=cards.attached(message), shown=shown))
        return False


def explained(bad: BadOption, given: Mapping[str, object], house: House) -> BadOption:
    """Return what is wrong with an option; where nobody gave it, with whose default it is."""
    if bad.option not in house.defaults or given.get(bad.option) is not None:
        return bad
    return BadOption(
        bad.option,
        f"{bad} You left `{bad.option}` out, and this server's default stands for it: see `/options show`. In a "
        f"`/draft`, `{NOTHING}` leaves it to the model.",
    )


async def _take_back(reply: discord.WebhookMessage) -> None:
    try:
        await reply.delete()
    except DISCORD_ERRORS as error:
        log.warning("the reply to a draft that was refused could not be taken back: %s", trouble(error))


def _agreed(asked: str | None, of_place: str) -> str:
    """Return how Runware checks what is made, where somebody may ask for more than the place does, and never for less."""
    if asked == "none" and of_place != "none":
        raise BadOption(
            "safety",
            "`safety` is none in this recipe, and Runware checks what is made here: leave it out, or run it where a manager "
            "has switched the check off.",
        )
    return asked or of_place
