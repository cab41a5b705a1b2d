"""The forms, and how a sent one is read.

discord.py keeps open forms in memory only, and one of a kind at a time: a form opened before a restart, or by two
people at once, would be lost on sending. So nothing is kept: all a form needs stands in its custom id, it is marked as
finished before it is sent (discord.py then does not store it), and :func:`read` makes it anew from what comes back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import discord
from discord import ui

from bot.quota import basis, dollars
from cogs._components import ID, options
from storage.records import Job, Price, Result

#: The longest text a form can carry.
_LONGEST: Final = 4000
_MORE_PICTURES: Final = 2
# A form that was opened by an earlier version states no prices.
_CUSTOM_ID: Final = re.compile(rf"form-(?P<action>edit|again):(?P<target>{ID})(?::(?P<prices>{ID}(?:-{ID})*))?")
#: The longest description of a field.
_DESCRIPTION: Final = 100


@dataclass(frozen=True, slots=True)
class Sent:
    """What a person filled in."""

    #: ``edit`` of a result, or ``again`` for a job.
    action: str
    target: int
    #: What the form said an edit costs with so many more pictures as were added, in micro-dollars.
    price: int | None
    #: As it was typed; :func:`prompt` tells what an empty one means.
    prompt: str
    #: The result chosen to start from, when there was a choice.
    picture: int | None
    #: As Discord describes them; :func:`attachments` makes them readable.
    files: tuple[Any, ...]


class Form(ui.Modal):
    """A prompt, the picture to start from where there are several, and room for more pictures."""

    def __init__(
        self,
        action: str,
        target: int,
        prices: Sequence[Price],
        *,
        title: str,
        pictures: Sequence[Result] = (),
        prompt: str = "",
    ) -> None:
        shown = "-".join(str(price.estimate) for price in prices)
        super().__init__(title=title, custom_id=f"form-{action}:{target}:{shown}", timeout=None)
        fits = len(prompt) <= _LONGEST
        self.prompt: ui.TextInput[Any] = ui.TextInput(
            custom_id="prompt",
            style=discord.TextStyle.paragraph,
            default=prompt if fits else None,
            required=fits,
            max_length=_LONGEST,
            placeholder="Say what to change" if fits else f"Empty keeps the prompt of {len(prompt):,} characters",
        )
        self.picture: ui.Select[Any] = ui.Select(
            custom_id="picture", options=options(pictures, pictures[0].id) if pictures else discord.utils.MISSING
        )
        self.files: ui.FileUpload[Any] = ui.FileUpload(
            custom_id="files", required=False, min_values=0, max_values=_MORE_PICTURES
        )
        price = prices[0]
        costs = f"About {dollars(price.estimate)}, {basis(price.basis)}; up to {dollars(price.hold)} is held till done."
        self.add_item(ui.Label(text="What should change?", description=costs[:_DESCRIPTION], component=self.prompt))
        if len(pictures) > 1:
            self.add_item(ui.Label(text="Which picture?", component=self.picture))
        if action == "edit":
            added = [f"{number} more: {dollars(price.estimate)}" for number, price in enumerate(prices[1:], 1)]
            more = f"A person, a thing, a style to bring in. {', '.join(added)}."[:_DESCRIPTION]
            self.add_item(ui.Label(text="More pictures", description=more, component=self.files))
        self.stop()


def edit(job: Job, pictures: Sequence[Result], prices: Sequence[Price]) -> Form:
    """Return the form to edit one of these results, its prompt filled with that of their job.

    ``prices``: of the edit as it is, with one more picture, and with two.
    """
    title = f"Edit {pictures[0].short_id}" if len(pictures) == 1 else "Edit a picture"
    return Form("edit", pictures[0].id, prices, title=title, pictures=pictures, prompt=job.request.prompt)


def again(job: Job, price: Price) -> Form:
    """Return the form to ask for a job again, in the same or in other words."""
    return Form("again", job.id, [price], title="Try again", prompt=job.request.prompt)


def read(data: Mapping[str, Any]) -> Sent | None:
    """Return what a sent form says, given the data of its interaction, or ``None`` when it is none of ours."""
    match = _CUSTOM_ID.fullmatch(data.get("custom_id", ""))
    if match is None:
        return None
    values = _values(data.get("components", []))
    chosen = values.get("picture", {}).get("values", [])
    attached: Mapping[str, Any] = data.get("resolved", {}).get("attachments", {})
    files = tuple(attached[number] for number in values.get("files", {}).get("values", []) if number in attached)
    prices = [int(price) for price in (match["prices"] or "").split("-") if price]
    return Sent(
        action=match["action"],
        target=int(match["target"]),
        price=prices[min(len(files), len(prices) - 1)] if prices else None,
        prompt=values.get("prompt", {}).get("value", "").strip(),
        picture=int(chosen[0]) if chosen and re.fullmatch(ID, chosen[0]) else None,
        files=files,
    )


def prompt(sent: Sent, job: Job) -> str:
    """Return the prompt that a sent form asks for: left empty, it keeps one that was too long to be shown."""
    return sent.prompt or (job.request.prompt if len(job.request.prompt) > _LONGEST else "")


def attachments(interaction: discord.Interaction[Any], sent: Sent) -> list[discord.Attachment]:
    """Return the files that came with a form."""
    state = interaction._state  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001 (files are read through it)
    return [discord.Attachment(data=file, state=state) for file in sent.files]


def _values(components: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return the filled-in components by custom id, out of the labels around them."""
    inner = [component.get("component", component) for component in components]
    return {component["custom_id"]: component for component in inner if "custom_id" in component}
