"""What people read about presets: one of them, and the list of all. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import discord
from discord import ui

from bot import options
from bot.options import NAMES, Plain
from bot.presets import Preset, Whose, fill, fold
from cogs import _words as words
from cogs._layout import BLUE, GREEN, GREY, Part, card, file, row, text
from cogs._preset_components import PresetMenu, PresetsButton, UsePresetButton

#: The file that comes with a preset that is too long to be shown.
PRESET_FILE: Final = "preset.json"
#: So many presets are listed at a time.
PAGE: Final = 10
#: Discord's bound of a label in a menu, and of what stands below it.
_OPTION: Final = 100
#: Of a card's 4,000 characters, so many are for the prompt, for what is set, for an example and for the notes.
_PROMPT: Final = 1200
_SET: Final = 1100
_EXAMPLE: Final = 700
_NOTES: Final = 600
#: So much of one value, and of one line of the list.
_VALUE: Final = 120
_LINE: Final = 110

_HEADS: Final = {Whose.OWN: "Yours", Whose.SERVER: "This server's", Whose.SHIPPED: "These come with me"}


def show(preset: Preset, *, head: str | None = None, notes: Sequence[str] = ()) -> ui.LayoutView:
    """Return the card of a preset with all that it holds; ``head`` says what just happened to it."""
    title = f"### 🎛️ {words.plain(preset.name)}" if head is None else f"### ✅ {head}"
    parts: list[Part] = [text(title, f"-# {_whose(preset)}")]
    if preset.about:
        parts.append(text(preset.about))
    if preset.prompt is not None:
        parts.append(text(words.quoted(_prompt(preset), _PROMPT)[0], *_asked(preset)))
    if preset.settings:
        parts.append(text(f"Sets {_settings(preset, _SET)[0]}"))
    if preset.pictures:
        wanted = [f"picture {number} is {what}" for number, what in enumerate(preset.pictures, 1)]
        parts.append(text(f"Takes {words.counted(len(wanted), 'picture')}: {words.plain('; '.join(wanted))}."))
    if preset.example is not None:
        parts.append(text(words.cut(_example(preset), _EXAMPLE)))
    if notes:
        parts.append(text(words.cut("\n".join(notes), _NOTES)))
    if needs_file(preset):
        parts.append(file(PRESET_FILE))
    buttons = row(UsePresetButton(preset.key), PresetsButton(0, "all"))
    return card(*parts, buttons, colour=BLUE if head is None else GREEN)


def needs_file(preset: Preset) -> bool:
    """Return whether a preset is shown cut, so that the whole has to come as :data:`PRESET_FILE`."""
    whole = words.quoted(_prompt(preset), _PROMPT)[1]
    return not (whole and _settings(preset, _SET)[1])


def as_file(preset: Preset) -> str:
    """Return all that a preset holds, as JSON."""
    return json.dumps({"name": preset.name, "options": preset.values}, ensure_ascii=False, indent=2)


def listed(presets: Sequence[Preset], page: int) -> ui.LayoutView:
    """Return a page of the list of presets, as a member has them; a page that is not there is the nearest one."""
    pages = max(1, -(-len(presets) // PAGE))
    page = min(page, pages - 1)
    seen = presets[page * PAGE : (page + 1) * PAGE]
    first = {fold(preset.name): preset.key for preset in reversed(presets)}
    lines: list[str] = []
    for number, preset in enumerate(seen):
        if number == 0 or seen[number - 1].whose is not preset.whose:
            lines.append(f"**{_HEADS[preset.whose]}**")
        hidden = " · another of yours or the server's is used instead" if first[fold(preset.name)] != preset.key else ""
        said = f" · {words.plain(words.cut(_short(preset), _LINE))}{hidden}"
        lines.append(f"- {words.plain(preset.name)}{said}")
    which = f" · page {page + 1} of {pages}" if pages > 1 else ""
    choices = [
        discord.SelectOption(
            label=preset.name, value=preset.key, description=words.cut(_short(preset), _OPTION) or None
        )
        for preset in seen
    ]
    turns = [
        PresetsButton(page - 1, "back", disabled=page == 0),
        PresetsButton(page + 1, "next", disabled=page + 1 == pages),
    ]
    how = "-# `/preset use` asks for an edit with one; `/preset save` keeps one of your own."
    parts = [text(f"### 🎛️ {words.counted(len(presets), 'preset')}{which}", *lines), text(how), row(PresetMenu(choices))]
    return card(*parts, *([row(*turns)] if pages > 1 else []), colour=BLUE)


def deleted(preset: Preset) -> ui.LayoutView:
    """Return the word that a preset is gone."""
    whose = "the server's" if preset.whose is Whose.SERVER else "your"
    return card(text(f"🗑️ Deleted {whose} preset **{words.plain(preset.name)}**."), colour=GREY)


def _settings(preset: Preset, room: int) -> tuple[str, bool]:
    """Return what a preset sets beside its prompt, in so much room, and whether that is all of it."""
    said, whole, length = list[str](), True, 0
    for name in sorted(preset.settings, key=NAMES.index):
        given = preset.settings[name]
        value = _value(name, given)
        shown = words.cut(value, _VALUE)
        short = f"`{name}` {shown if isinstance(given, int | float) else words.plain(shown)}"
        whole = whole and len(value) <= _VALUE and length + len(short) + 3 <= room
        if length + len(short) + 3 <= room:
            said.append(short)
            length += len(short) + 3
    return " · ".join(said) + ("" if whole else " …"), whole


def _short(preset: Preset) -> str:
    """Return in a line what a preset is about."""
    if preset.about:
        return preset.about
    blanks = [f"{{{name}}}" for name in preset.blanks]
    sets = [f"{name} {_value(name, value)}" for name, value in preset.settings.items()]
    prompt = [] if preset.prompt is None else [f"“{words.cut(words.one_line(_prompt(preset)), 60)}”"]
    return " · ".join([*([f"asks for {words.listed(blanks)}"] if blanks else prompt), *sets])


def _value(name: str, value: Plain) -> str:
    return words.one_line(options.typed(name, value).replace("\n", ", "))


def _prompt(preset: Preset) -> str:
    """Return the prompt of a preset as it is written; without blanks, as it will be."""
    prompt = preset.prompt or ""
    return prompt if preset.blanks else fill(prompt, {})


def _whose(preset: Preset) -> str:
    if preset.whose is Whose.SHIPPED:
        return "comes with me"
    when = "" if preset.made_at is None else f" · saved {words.since(preset.made_at)}"
    return f"yours{when}" if preset.whose is Whose.OWN else f"this server's{when} by {words.who(preset.maker_id)}"


def _asked(preset: Preset) -> list[str]:
    if not preset.blanks:
        return ["-# The prompt can be changed each time."]
    named = [f"`{{{name}}}`" for name in preset.blanks]
    return [f"-# Asks for {words.listed(named)} each time."]


def _example(preset: Preset) -> str:
    example = preset.example
    if example is None:
        return ""
    filled = [f"`{{{name}}}` {words.plain(said)}" for name, said in example.filled.items()]
    return f"Such as, with {words.plain(words.listed(example.pictures))}:\n" + "\n".join(f"- {one}" for one in filled)
