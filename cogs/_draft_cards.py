"""Drafts as Discord layouts: what is filled in, what is wrong, what it would cost, and what can be pressed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import discord
from discord import ui

from bot import options
from bot.drafts import DRAFT_LIFE, GONE
from bot.errors import BadOption
from bot.options import BY_NAME, PARAMETERS, SIZE, Group
from bot.quota import Forecast, basis, dollars
from cogs import _alt as alt
from cogs import _words as words
from cogs._draft_components import (
    BASICS,
    LEAVE,
    DiscardButton,
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
from cogs._layout import AMBER, BLUE, GREEN, GREY, TEXT, Part, card, gallery, row, text
from cogs._reference_lines import facts, number_in
from storage.drafts import Draft
from storage.records import NOTHING, EditRequest, House, Price, Reference, says_nothing

_PROMPT: Final = 600
_NOTE: Final = 300
#: What one set option may take, and all of them together.
_VALUE: Final = 60
_SET: Final = 900
#: Discord's bound for what an option of a menu is called.
_OPTION: Final = 100
#: Kept free for the lines that are always there.
_SPARE: Final = 600
#: The options that the forms behind "More options" ask for.
_FURTHER: Final = tuple(form for form in Form if form not in BASICS)
_ROW: Final = 5
_SCHEDULER: Final = "scheduler"


@dataclass(frozen=True, slots=True)
class Shown:
    """One of a draft's pictures, as its owner may see it now."""

    reference: Reference
    #: Why it cannot be used now.
    fault: str | None = None
    #: What is said for it where it is a result.
    told: str | None = None
    #: The name of the file that shows it.
    file: str | None = None

    @property
    def label(self) -> str:
        """How it is called."""
        return self.reference.label

    def alt(self, number: int | None) -> str:
        """Return what a screen reader says for it; ``number``: its place from 1, where there are several."""
        return alt.of_reference(replace(self.reference, description=self.told or self.reference.description), number)


@dataclass(frozen=True, slots=True)
class Sheet:
    """All that the card of a draft shows."""

    draft: Draft
    house: House
    #: The words it has now, if any.
    prompt: str | None
    pictures: Sequence[Shown]
    #: Everything that keeps it from being sent, each in a sentence.
    faults: Sequence[BadOption]
    #: What would be sent, where there are no faults; and what it would cost and come to.
    request: EditRequest | None = None
    forecast: Forecast | None = None
    #: What it would likely cost as far as it is filled in.
    price: Price | None = None
    #: What else its owner is writing.
    others: Sequence[Draft] = ()

    @property
    def references(self) -> list[Reference]:
        """Its pictures as they are now."""
        return [picture.reference for picture in self.pictures]


def draft(sheet: Sheet, page: Page = Page.BASIC, *, note: str = "") -> ui.LayoutView:
    """Return the card of a draft. ``note``: what has just become of it."""
    said = [words.cut(note, _NOTE)] if note else []
    above = [
        text("### 📝 Your draft", *said),
        text(_prompt(sheet)),
        *gallery([(shown.file, said) for shown, said in told(sheet.pictures) if shown.file is not None]),
        text(*_pictures(sheet.pictures), *_settings(sheet)),
    ]
    ends = f"-# Only you see it. Left alone, it goes away {words.since(sheet.draft.changed_at + DRAFT_LIFE)}."
    below = [text(*_costs(sheet), ends), *_buttons(sheet, page)]
    room = TEXT - _SPARE - sum(_letters(part) for part in [*above, *below])
    wrong = [fault for fault in sheet.faults if not _is_missing(sheet, fault)]
    middle = [text(*_faults(wrong, room))] if wrong else _advice(sheet)
    colour = AMBER if wrong else GREEN if _fits(sheet) else BLUE
    return card(*above, *middle, *below, colour=colour)


def told(pictures: Sequence[Shown]) -> list[tuple[Shown, str]]:
    """Return a draft's pictures, each with its alt text."""
    references = [shown.reference for shown in pictures]
    return [(shown, shown.alt(number_in(references, place))) for place, shown in enumerate(pictures)]


def families(draft: Draft, house: House) -> ui.LayoutView:
    """Return the question which family of schedulers."""
    standard = house.defaults.get(_SCHEDULER)
    now = draft.values.get(_SCHEDULER, standard)
    model = now is None or says_nothing(now)
    chosen = "left to the model" if model else f"**{words.plain(_short(_SCHEDULER, now))}**"
    choices = [discord.SelectOption(label="Leave it to the model", value=LEAVE if standard is None else NOTHING)]
    if standard is not None:
        label = words.cut(f"{_short(_SCHEDULER, standard)}, as this server set it", _OPTION)
        choices.append(discord.SelectOption(label=label, value=LEAVE))
    for number, (family, members) in enumerate(options.scheduler_families().items()):
        inside = "the one you have is here" if now in members else words.counted(len(members), "scheduler")
        choices.append(discord.SelectOption(label=family, value=str(number), description=inside))
    return card(
        text(
            "### 🌀 Scheduler", f"How the noise is taken away, step by step. Now: {chosen}.", "Choose a family first."
        ),
        row(FamilyMenu(draft.id, choices)),
        row(PageButton(draft.id, Page.MORE, back=True)),
        colour=BLUE,
    )


def schedulers(draft: Draft, house: House, number: int) -> ui.LayoutView:
    """Return the question which scheduler of a family, which is numbered from 0; which family, where there is none."""
    known = list(options.scheduler_families().items())
    if number >= len(known):  # an earlier version had more of them
        return families(draft, house)
    family, members = known[number]
    choices = [
        discord.SelectOption(
            label=name,
            value=name,
            description="draws new noise at each step; caches work badly with it"
            if options.is_stochastic(name)
            else None,
            default=name == draft.values.get(_SCHEDULER),
        )
        for name in members
    ]
    return card(
        text(f"### 🌀 {family}", "They differ in how noise is taken away. `/sweep` shows several side by side."),
        row(SchedulerMenu(draft.id, choices)),
        row(PageButton(draft.id, Page.SCHEDULER, back=True)),
        colour=BLUE,
    )


def sent() -> ui.LayoutView:
    """Return what takes the place of a draft that was sent."""
    return card(
        text("### 📤 Sent", "It goes on in the message below. `/draft` shows the one before, or opens a new one."),
        colour=GREEN,
    )


def discarded() -> ui.LayoutView:
    """Return what takes the place of a draft that was thrown away."""
    return card(
        text("### 🗑️ Thrown away", "Nothing was charged. `/draft` shows the one before, or opens a new one."),
        colour=GREY,
    )


def gone(typed_last: str = "") -> ui.LayoutView:
    """Return what takes the place of a draft that is gone; ``typed_last`` are the words that were typed into it."""
    quote = [text("You had typed:"), text(words.quoted(typed_last, TEXT - _SPARE)[0])] if typed_last else []
    return card(text("### ⌛ This draft is gone", GONE), *quote, colour=GREY)


# What is filled in ---------------------------------------------------------------------------------------------------


def _prompt(sheet: Sheet) -> str:
    if sheet.prompt is None and sheet.draft.words_of is not None:
        whose = f"Its words were those of #{sheet.draft.words_of}, which cannot be used now."
        return f"-# {whose} Press **Words** and say what to change."
    if sheet.prompt is None:
        return "-# Nothing is said yet. Press **Words** and say what to change."
    quote, whole = words.quoted(sheet.prompt, _PROMPT)
    return quote if whole else f"{quote}\n-# {len(sheet.prompt):,} characters in all."


def _pictures(pictures: Sequence[Shown]) -> list[str]:
    if not pictures:
        return ["-# No picture yet. Press **Pictures** and bring one to three in."]
    if len(pictures) == 1:
        return [_picture(pictures[0], unusable="the picture cannot be used now")]
    return [f"**{number}** · {_picture(shown)}" for number, shown in enumerate(pictures, 1)]


def _picture(shown: Shown, unusable: str = "cannot be used now") -> str:
    if shown.fault is not None:
        return f"⚠️ {unusable}"
    return facts(shown.reference)


def _settings(sheet: Sheet) -> list[str]:
    """Return all that is set, in short; and what the server fills in where nothing is."""
    own, house = sheet.draft.values, sheet.house
    lines = [f"Set: {_joined([_pair(name, own[name]) for name in _set(own)], _SET)}"] if _set(own) else []
    filled = [_pair(name, house.defaults[name]) for name in _set(house.defaults) if name not in own]
    if filled:
        lines.append(f"-# This server fills in: {_joined(filled, _SET // 2)}")
    return lines


def _set(values: Mapping[str, object]) -> list[str]:
    """Return the options that have a value, in the order in which they are listed, without the words."""
    known = [SIZE, *(parameter.name for parameter in PARAMETERS if parameter.name != "prompt")]
    return [name for name in known if name in values] + [name for name in values if name not in (*known, "prompt")]


def _joined(pairs: Sequence[str], room: int) -> str:
    """Return as many as there is room for, side by side, and how many more there are."""
    fitting = 0
    while fitting < len(pairs) and len(" · ".join(pairs[: fitting + 1])) <= room:
        fitting += 1
    more = [f"and {len(pairs) - fitting} more"] if fitting < len(pairs) else []
    return " · ".join([*pairs[:fitting], *more])


def _pair(name: str, value: object) -> str:
    return f"`{name}` **{words.plain(_short(name, value))}**"


def _short(name: str, value: object) -> str:
    return words.cut(words.one_line(options.typed(name, value).replace("\n", ", ")), _VALUE) or " "


# What to know --------------------------------------------------------------------------------------------------------


def _faults(faults: Sequence[BadOption], room: int) -> list[str]:
    """Return every fault in a line, as far as there is room, and how many more there are."""
    head = "**One thing to mend before it can be sent**"
    if len(faults) > 1:
        head = f"**{len(faults)} things to mend before it can be sent**"
    return [head, *words.fitting([f"- {fault}" for fault in faults], room - len(head), "- and {} more")]


def _is_missing(sheet: Sheet, fault: BadOption) -> bool:
    """Tell whether a fault is only that something is not there yet, which is said in its place."""
    return (fault.option == "prompt" and sheet.prompt is None) or (fault.option == "image" and not sheet.pictures)


def _advice(sheet: Sheet) -> list[Part]:
    said = [] if sheet.request is None else options.advice(sheet.request)
    return [text(*(f"💡 {sentence}" for sentence in said))] if said else []


def _costs(sheet: Sheet) -> list[str]:
    if sheet.price is None:
        return []
    about = f"About **{dollars(sheet.price.estimate)}**, {basis(sheet.price.basis)}"
    if sheet.request is None or sheet.forecast is None:
        return [f"{about}, as far as it is filled in."]
    size = words.size(sheet.request.width, sheet.request.height)
    plan = f"{words.counted(sheet.request.results, 'picture')}, {size}, {words.counted(sheet.request.steps, 'step')}"
    lines = [f"{about}: {plan}. Up to {dollars(sheet.price.hold)} is held till it is done."]
    if sheet.forecast.refusal is not None:
        lines.append(f"⛔ {sheet.forecast.refusal}")
    elif sheet.forecast.waits:
        lines.append("🕰️ A manager has to approve it.")
    elif sheet.forecast.asks:
        lines.append("❔ You will be asked about its price first.")
    return lines


def _fits(sheet: Sheet) -> bool:
    return sheet.forecast is not None and sheet.forecast.refusal is None


def _letters(part: Part) -> int:
    return len(part.content) if isinstance(part, ui.TextDisplay) else 0


# What can be pressed -------------------------------------------------------------------------------------------------


def _buttons(sheet: Sheet, page: Page) -> list[Part]:
    rows = [row(*_basics(sheet))] if page is Page.BASIC else _further(sheet)
    draft_id, last = sheet.draft.id, list[ui.DynamicItem[Any]]()
    if not sheet.faults and sheet.price is not None:
        last.append(SendButton(draft_id, max(1, sheet.price.estimate), sheet.draft.changed_at))
    presses = [*rows, row(*last, StartOverButton(draft_id), DiscardButton(draft_id))]
    if page is Page.BASIC and sheet.others:
        presses.append(row(OtherDraftMenu(draft_id, [_other(draft) for draft in sheet.others])))
    return presses


def _other(draft: Draft) -> discord.SelectOption:
    """Return a draft as the option of a menu. Words of a result are not said, for who may read those is asked each time."""
    typed = draft.values.get("prompt")
    said = f"an edit of #{draft.words_of}" if draft.words_of is not None else "no words yet"
    if draft.words_of is None and not options.is_empty(typed):
        said = words.one_line(str(typed))
    pictures = words.counted(len(draft.references), "picture")
    return discord.SelectOption(
        label=words.cut(said, _OPTION) or "no words yet", value=str(draft.id), description=pictures
    )


def _basics(sheet: Sheet) -> list[ui.DynamicItem[Any]]:
    wrong = _wrong(sheet)
    wanted = {Form.WORDS: sheet.prompt is None, Form.PICTURES: not sheet.pictures}
    further = [name for name in sheet.draft.values if _form_of(name) not in BASICS]
    return [
        *(FormButton(sheet.draft.id, form, wrong=form in wrong, wanted=wanted.get(form, False)) for form in BASICS),
        PageButton(sheet.draft.id, Page.MORE, wrong=bool(wrong - set(BASICS)), set_there=len(further)),
    ]


def _further(sheet: Sheet) -> list[Part]:
    draft_id, wrong = sheet.draft.id, _wrong(sheet)
    items: list[ui.DynamicItem[Any]] = [
        PageButton(draft_id, Page.SCHEDULER, wrong=None in wrong),
        *(FormButton(draft_id, form, wrong=form in wrong) for form in _FURTHER),
        PageButton(draft_id, Page.BASIC),
    ]
    return [row(*items[start : start + _ROW]) for start in range(0, len(items), _ROW)]


def _wrong(sheet: Sheet) -> set[Form | None]:
    """Return the forms with something to mend in them; ``None`` is the scheduler, which has none."""
    return {_form_of(fault.option) for fault in sheet.faults if not _is_missing(sheet, fault)}


def _form_of(option: str) -> Form | None:
    if option == SIZE:
        return Form.PICTURE
    parameter = BY_NAME.get(option)
    if parameter is None:
        return Form.PICTURES
    return None if parameter.group is Group.SCHEDULER else Form[parameter.group.name]
