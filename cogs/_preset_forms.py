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
from cogs._reference_lines import sentence
from storage.records import Price, Reference

#: Stands for the pictures of the person's tray.
_TRAY: Final = "tray"
_CUSTOM_ID: Final = re.compile(
    rf"preset-use:(?P<key>{KEY}):(?P<given>0|{_TRAY}|{ID}(?:-{ID}){{0,2}})(?::(?P<prices>{ID}(?:-{ID})*))?"
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
    #: Whether it begins with the person's tray instead of results.
    tray: bool = False

    def __str__(self) -> str:
        """Return what was typed, to be said back to who did."""
        typed = " · ".join(part for part in (*self.blanks, self.prompt) if part)
        return words.plain(words.cut(words.one_line(typed), _SAID))


def use(
    preset: Preset, given: Sequence[Reference], prices: Sequence[Price], *, least: int, most: int, tray: bool = False
) -> ui.Modal:
    """Return the form to use a preset: a field for each blank, or for the prompt, and room for pictures.

    Args:
        preset: the preset.
        given: the results to begin with, or the pictures of the person's tray.
        prices: of the edit with the fewest pictures that it takes, with one more and so on.
        least: so many pictures have to be added.
        most: so many can be.
        tray: whether they are the tray's, which is looked at anew when the form is sent.
    """
    named = _TRAY if tray else "-".join(str(reference.result_id) for reference in given) or "0"
    custom_id = f"preset-use:{preset.key}:{named}"
    priced = f"{custom_id}:{'-'.join(str(price.estimate) for price in prices)}"
    # A form that states no price is one whose price may be asked about.
    custom_id = priced if len(priced) <= _CUSTOM_ID_LENGTH else custom_id
    modal = ui.Modal(title=words.cut(preset.name, _TITLE), custom_id=custom_id, timeout=None)
    pictures = [] if most == 0 else [_pictures(preset, len(given), prices, least, most)]
    above = _above(preset, given, prices[0]) if len(preset.blanks) + len(pictures) < _FIELDS else ""
    fields = _blanks(preset, None if above else prices[0]) or [_prompt(preset, prices[0])]
    if above:
        modal.add_item(ui.TextDisplay(above))
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
        given=() if match["given"] in ("0", _TRAY) else tuple(map(int, match["given"].split("-"))),
        tray=match["given"] == _TRAY,
        prices=tuple(map(int, match["prices"].split("-"))) if match["prices"] else (),
        blanks=tuple(typed[name] for name in map(_blank_id, range(1, _FIELDS)) if name in typed),
        prompt=typed.get("prompt", ""),
        files=files_of(data),
    )


def _blank_id(number: int) -> str:
    return f"blank-{number}"


def _above(preset: Preset, given: Sequence[Reference], price: Price) -> str:
    """Return what stands above the fields: the prompt whose blanks they are, its price, and the pictures to begin with."""
    lines = [words.quoted(preset.prompt or "", _SHOWN)[0], f"-# {costs(price)}"] if preset.blanks else []
    return "\n".join([*lines, *([f"{sentence(given)}."] if given else [])])


def _blanks(preset: Preset, price: Price | None) -> list[ui.Label[Any]]:
    """Return the fields of the blanks; ``price``: what the first one says of it, where nothing else does."""
    examples: Mapping[str, str] = {} if preset.example is None else preset.example.filled
    labels: list[ui.Label[Any]] = []
    for number, name in enumerate(preset.blanks, 1):
        such_as = f"Such as: {examples[name]}" if name in examples else None
        field: ui.TextInput[Any] = ui.TextInput(
            custom_id=_blank_id(number),
            max_length=_BLANK,
            placeholder=None if such_as is None else words.cut(such_as, _DESCRIPTION),
        )
        what = costs(price) if price is not None and number == 1 else None
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
    more = [f"with {count} more {dollars(price.estimate)}" for count, price in enumerate(prices[1:], 1)]
    extra = "A person, a thing, a style to bring in" if given else "The one to start from, and what to bring in"
    says = "; ".join(wanted) or extra
    said = f"{says}. {', '.join(more).capitalize()}." if more else f"{says}."
    text = "More pictures" if given else "Pictures"
    return ui.Label(text=text, description=words.cut(said, _DESCRIPTION), component=field)
