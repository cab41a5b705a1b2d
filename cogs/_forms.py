"""The forms, and how a sent one is read.

discord.py keeps open forms in memory only, and one of a kind at a time: a form opened before a restart, or by two
people at once, would be lost on sending. So nothing is kept: all a form needs stands in its custom id, it is marked as
finished before it is sent (discord.py then does not store it), and :func:`read` makes it anew from what comes back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import discord
from discord import ui

from bot.claims import Others
from bot.errors import BadOption
from bot.options import MAX_REFERENCES
from bot.quota import basis, dollars
from cogs import _words as words
from cogs._components import ID, options
from storage.records import Job, Price, Result

#: The longest text a form can carry.
_LONGEST: Final = 4000
#: Of what others do, so many lines of either kind are told, and so much of a prompt.
_NOTED: Final = 3
_PROMPT: Final = 100
_CHANGED: Final = 600
# A form that was opened by an earlier version states no prices.
_CUSTOM_ID: Final = re.compile(
    rf"form-(?P<action>edit|again|merge|pick):(?P<targets>{ID}(?:-{ID}){{0,2}})(?::(?P<prices>{ID}(?:-{ID})*)(?::(?P<words>{ID}))?)?"
)
#: How a prompt names pictures by their order.
_NAMES: Final = ("first", "second", "third")
#: So much of what was typed is said back.
_SAID: Final = 1500
#: The longest description of a field.
_DESCRIPTION: Final = 100


@dataclass(frozen=True, slots=True)
class Sent:
    """What a person filled in."""

    #: ``edit`` of a result, ``merge`` of several, ``again`` for a job, or ``pick`` for pictures of a message.
    action: str
    #: The results, the one to start from first; or the job; or the pick.
    targets: tuple[int, ...]
    #: What the form said an edit costs with so many more pictures as were added, in micro-dollars.
    price: int | None
    #: As it was typed; :func:`prompt` tells what an empty one means.
    prompt: str
    #: The job whose prompt was too long for the form: left empty, the form keeps it.
    words: int | None
    #: What was chosen, where there was a choice, in no order: results by id, pictures of a message by number.
    pictures: tuple[int, ...]
    #: As Discord describes them; :func:`attachments` makes them readable.
    files: tuple[Any, ...]


class Form(ui.Modal):
    """A prompt, the pictures to edit where there are more than one, and room for further ones.

    ``choices``: the pictures, by what is chosen of them. ``prices``: of the edit as it is, or of one of these, and with
    one more picture, two more and so on, as far as more may be added.
    """

    def __init__(
        self,
        action: str,
        targets: Sequence[int],
        prices: Sequence[Price],
        *,
        title: str,
        choices: Sequence[discord.SelectOption] = (),
        like: Job | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        shown = "-".join(str(price.estimate) for price in prices)
        named = "-".join(str(target) for target in targets)
        prompt = "" if like is None else like.request.prompt
        fits = len(prompt) <= _LONGEST
        kept = "" if like is None or fits else f":{like.id}"
        super().__init__(title=title, custom_id=f"form-{action}:{named}:{shown}{kept}", timeout=None)
        self.prompt: ui.TextInput[Any] = ui.TextInput(
            custom_id="prompt",
            style=discord.TextStyle.paragraph,
            default=prompt if prompt and fits else None,
            required=fits,
            max_length=_LONGEST,
            placeholder="Say what to change" if fits else f"Empty keeps the prompt of {len(prompt):,} characters",
        )
        self.pictures: ui.Select[Any] = ui.Select(
            custom_id="picture",
            options=list(choices) or discord.utils.MISSING,
            max_values=max(1, min(MAX_REFERENCES, len(choices))),
        )
        more = len(prices) - 1
        self.files: ui.FileUpload[Any] = ui.FileUpload(
            custom_id="files", required=False, min_values=0, max_values=max(1, more)
        )
        if notes:
            self.add_item(ui.TextDisplay("\n".join(notes)))
        self.add_item(ui.Label(text="What should change?", description=costs(prices[0]), component=self.prompt))
        if len(choices) > 1:
            what = f"Up to {MAX_REFERENCES} together with those below, in this order. The edit starts from the first."
            self.add_item(ui.Label(text="Which pictures?", description=what, component=self.pictures))
        if more:
            added = [f"{number} more: {dollars(price.estimate)}" for number, price in enumerate(prices[1:], 1)]
            called = _called(len(targets), more)
            what = f"A person, thing or style: {called}. {', '.join(added)}."[:_DESCRIPTION]
            self.add_item(ui.Label(text="More pictures", description=what, component=self.files))
        self.stop()


def _called(before: int, more: int) -> str:
    """Return how a prompt may name so many pictures that come after so many others."""
    first, *others = _NAMES[before : before + more]
    return ", ".join([f"“the {first} picture”", *(f"“the {other}”" for other in others)])


def costs(price: Price) -> str:
    """Say what an edit costs, as the description of a field."""
    said = f"About {dollars(price.estimate)}, {basis(price.basis)}; up to {dollars(price.hold)} is held till done."
    return said[:_DESCRIPTION]


def edit(
    pictures: Sequence[Result],
    prices: Sequence[Price],
    *,
    like: Job,
    others: Others,
    changed: Sequence[str] = (),
) -> Form:
    """Return the form to edit one of these results, filled with the words of a job.

    ``others`` is what others do with them at the moment; ``changed``, what the server's rules make different now.
    """
    title = f"Edit {pictures[0].short_id}" if len(pictures) == 1 else "Edit a picture"
    notes = [*_changed(changed), *_notes(others)]
    choices = options(pictures, pictures[0].id)
    return Form("edit", [pictures[0].id], prices, title=title, choices=choices, like=like, notes=notes)


def merge(pictures: Sequence[Result], prices: Sequence[Price], *, others: Others, changed: Sequence[str] = ()) -> Form:
    """Return the form for an edit of several results at once, the one to start from first; see :func:`edit`."""
    which = [f"picture {number} is {result.short_id}" for number, result in enumerate(pictures, 1)]
    notes = [f"{words.listed(which).capitalize()}.", *_changed(changed), *_notes(others)]
    ids = [result.id for result in pictures]
    return Form("merge", ids, prices, title=f"Merge into {pictures[0].short_id}", notes=notes)


def _changed(changed: Sequence[str]) -> list[str]:
    return [f"⚖️ As this server allows now: {words.cut(words.listed(changed), _CHANGED)}."] if changed else []


def _notes(others: Others) -> list[str]:
    """Say what others do with a picture, so that nobody pays for the same idea by accident."""
    lines = [
        f"✍️ {words.who(claim.user_id)} began to write an edit of it {words.since(claim.begun_at)}."
        for claim in others.writing[:_NOTED]
    ]
    lines += [
        f"🎨 Being made for {words.who(job.user_id)}: {words.plain(words.cut(words.one_line(job.request.prompt), _PROMPT))}"
        for job in others.running[:_NOTED]
    ]
    return [*lines, "-# Yours becomes a branch of its own."] if lines else []


def again(job: Job, prices: Sequence[Price], *, changed: Sequence[str] = ()) -> Form:
    """Return the form to ask for a job again, in the same or in other words; ``changed``: see :func:`edit`."""
    return Form("again", [job.id], prices, title="Try again", like=job, notes=_changed(changed))


def read(data: Mapping[str, Any]) -> Sent | None:
    """Return what a sent form says, given the data of its interaction, or ``None`` when it is none of ours."""
    match = _CUSTOM_ID.fullmatch(data.get("custom_id", ""))
    if match is None:
        return None
    values, files = filled_in(data), files_of(data)
    chosen = [int(value) for value in values.get("picture", {}).get("values", []) if re.fullmatch(ID, value)]
    more = len(files) + max(0, len(chosen) - 1)
    prices = [int(price) for price in (match["prices"] or "").split("-") if price]
    return Sent(
        action=match["action"],
        targets=tuple(int(target) for target in match["targets"].split("-")),
        price=prices[min(more, len(prices) - 1)] if prices else None,
        prompt=values.get("prompt", {}).get("value", "").strip(),
        words=int(match["words"]) if match["words"] else None,
        pictures=tuple(chosen),
        files=files,
    )


def prompt(sent: Sent, kept: Job | None) -> str:
    """Return the prompt that a sent form asks for: left empty, it keeps that of ``kept``, which was too long to show."""
    return sent.prompt or ("" if kept is None else kept.request.prompt)


def check_number(pictures: int, *, ticked: bool = False, typed: str = "") -> None:
    """Refuse more pictures than an edit can have; some may be ``ticked`` to stay. Raises BadOption.

    ``typed`` is said back, so that it need not be thought of again.
    """
    if pictures > MAX_REFERENCES:
        raise BadOption(
            "image",
            f"An edit starts from 1 to {MAX_REFERENCES} pictures, and these would be {pictures}, so nothing was done. "
            f"Bring in fewer{', or take the tick from those that can go' if ticked else ''}.{said_back(typed)}",
        )


def said_back(typed: str) -> str:
    """Return what somebody wrote in a form of which nothing came, as the last line of the sentence that tells so."""
    return f"\n-# You wrote: {words.plain(words.cut(words.one_line(typed), _SAID))}" if typed else ""


def attachments(interaction: discord.Interaction[Any], files: Sequence[Any]) -> list[discord.Attachment]:
    """Return the files that came with a form, as :func:`files_of` returns them, so that they can be read."""
    state = interaction._state  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001 (files are read through it)
    return [discord.Attachment(data=file, state=state) for file in files]


def sent_with(interaction: discord.Interaction[Any]) -> Mapping[str, Any]:
    """Return the data of an interaction that is a sent form; of another one, nothing: no form is read from that."""
    is_form = interaction.type is discord.InteractionType.modal_submit
    return cast("Mapping[str, Any]", interaction.data or {}) if is_form else {}


def filled_in(data: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the components of a sent form by custom id, out of the labels around them."""
    components: Sequence[Mapping[str, Any]] = data.get("components", [])
    inner = [component.get("component", component) for component in components]
    return {component["custom_id"]: component for component in inner if "custom_id" in component}


def files_of(data: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the files of a sent form, as Discord describes them."""
    attached: Mapping[str, Any] = data.get("resolved", {}).get("attachments", {})
    chosen: Sequence[str] = filled_in(data).get("files", {}).get("values", [])
    return tuple(attached[number] for number in chosen if number in attached)
