"""The form to use a preset, and how a sent one is read; see :mod:`cogs._forms` why nothing of it is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import discord
from discord import ui

from bot.presets import Preset, fill
from bot.quota import dollars
from cogs import _words as words
from cogs._components import ID
from cogs._forms import costs, files_of, filled_in
from cogs._preset_components import KEY
from storage.records import Price

_CUSTOM_ID: Final = re.compile(
    rf"preset-use:(?P<key>{KEY}):(?P<given>0|{ID}(?:-{ID}){{0,2}})(?::(?P<prices>{ID}(?:-{ID})*))?"
)
#: Discord's bounds: of a title, of a label and the text below it, of a text field, and of the fields of a form.
_TITLE: Final = 45
_DESCRIPTION: Final = 100
_LONGEST: Final = 4000
_FIELDS: Final = 5
_CUSTOM_ID_LENGTH: Final = 100
#: The longest text for one blank, and so much of the prompt is shown above the blanks.
_BLANK: Final = 1000
_SHOWN: Final = 700
#: So much of what was typed is said back.
_SAID: Final = 1500


@dataclass(frozen=True, slots=True)
class Sent:
    """What a person filled in."""

    #: What the preset is known by.
    key: str
    #: The results to begin with.
    given: tuple[int, ...]
    #: What the form said an edit costs, in micro-dollars, with the fewest pictures, with one more and so on.
    prices: tuple[int, ...]
    #: What was typed for each blank, in their order; or, alone, the prompt.
    blanks: tuple[str, ...]
    prompt: str
    #: As Discord describes them.
    files: tuple[Any, ...]

    def __str__(self) -> str:
        """Return what was typed, to be said back to who did."""
        typed = " · ".join(part for part in (*self.blanks, self.prompt) if part)
        return words.plain(words.cut(words.one_line(typed), _SAID))


def use(preset: Preset, given: Sequence[int], prices: Sequence[Price], *, least: int, most: int) -> ui.Modal:
    """Return the form to use a preset: a field for each blank, or for the prompt, and room for pictures.

    Args:
        preset: the preset.
        given: the results to begin with.
        prices: of the edit with the fewest pictures that it takes, with one more and so on.
        least: so many pictures have to be added.
        most: so many can be.
    """
    named = "-".join(map(str, given)) or "0"
    custom_id = f"preset-use:{preset.key}:{named}"
    priced = f"{custom_id}:{'-'.join(str(price.estimate) for price in prices)}"
    # A form that states no price is one whose price may be asked about.
    custom_id = priced if len(priced) <= _CUSTOM_ID_LENGTH else custom_id
    modal = ui.Modal(title=words.cut(preset.name, _TITLE), custom_id=custom_id, timeout=None)
    fields = _blanks(preset, prices[0]) or [_prompt(preset, prices[0])]
    pictures = [] if most == 0 else [_pictures(preset, len(given), prices, least, most)]
    if preset.blanks and len(fields) + len(pictures) < _FIELDS:
        modal.add_item(ui.TextDisplay(words.quoted(preset.prompt or "", _SHOWN)[0]))
    for field in (*fields, *pictures):
        modal.add_item(field)
    modal.stop()
    return modal


def read(data: Mapping[str, Any]) -> Sent | None:
    """Return what a sent form says, given the data of its interaction, or ``None`` when it is not this one."""
    match = _CUSTOM_ID.fullmatch(data.get("custom_id", ""))
    if match is None:
        return None
    values = filled_in(data)
    typed = {name: part.get("value", "").strip() for name, part in values.items()}
    return Sent(
        key=match["key"],
        given=() if match["given"] == "0" else tuple(map(int, match["given"].split("-"))),
        prices=tuple(map(int, match["prices"].split("-"))) if match["prices"] else (),
        blanks=tuple(typed[name] for name in map(_blank_id, range(1, _FIELDS)) if name in typed),
        prompt=typed.get("prompt", ""),
        files=files_of(data),
    )


def _blank_id(number: int) -> str:
    return f"blank-{number}"


def _blanks(preset: Preset, price: Price) -> list[ui.Label[Any]]:
    examples: Mapping[str, str] = {} if preset.example is None else preset.example.filled
    labels: list[ui.Label[Any]] = []
    for number, name in enumerate(preset.blanks, 1):
        such_as = f"Such as: {examples[name]}" if name in examples else None
        field: ui.TextInput[Any] = ui.TextInput(
            custom_id=_blank_id(number),
            max_length=_BLANK,
            placeholder=None if such_as is None else words.cut(such_as, _DESCRIPTION),
        )
        what = costs(price) if number == 1 else None
        labels.append(ui.Label(text=name.replace("_", " "), description=what, component=field))
    return labels


def _prompt(preset: Preset, price: Price) -> ui.Label[Any]:
    prompt = fill(preset.prompt or "", {})
    fits = len(prompt) <= _LONGEST
    field: ui.TextInput[Any] = ui.TextInput(
        custom_id="prompt",
        style=discord.TextStyle.paragraph,
        default=prompt if prompt and fits else None,
        required=fits,
        max_length=_LONGEST,
        placeholder="Say what to change" if fits else f"Empty keeps the prompt of {len(prompt):,} characters",
    )
    return ui.Label(text="What should change?", description=costs(price), component=field)


def _pictures(preset: Preset, given: int, prices: Sequence[Price], least: int, most: int) -> ui.Label[Any]:
    field: ui.FileUpload[Any] = ui.FileUpload(custom_id="files", required=least > 0, min_values=least, max_values=most)
    wanted = [f"{number}: {what}" for number, what in enumerate(preset.pictures, 1) if number > given]
    if len(wanted) == 1:
        wanted = [f"Picture {wanted[0]}"]
    more = [f"{count} more: {dollars(price.estimate)}" for count, price in enumerate(prices[1:], 1)]
    says = "; ".join(wanted) or "A person, a thing, a style to bring in"
    said = f"{says}. {', '.join(more)}." if more else f"{says}."
    text = "More pictures" if given else "Pictures"
    return ui.Label(text=text, description=words.cut(said, _DESCRIPTION), component=field)
