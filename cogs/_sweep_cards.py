"""Sweeps as people read them: the question, the card while cells are made, the contact sheet. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

import discord
from discord import ui

from bot.contact_sheet import Fate
from bot.edits import PAUSE_LIFE
from bot.quota import basis, dollars, paused_where
from bot.sweeps import CellView, Note, SweepView, heading, label, said
from cogs import _words as words
from cogs._alt import LONGEST
from cogs._cards import why_failed
from cogs._components import GoMenu
from cogs._layout import AMBER, BLUE, GREEN, GREY, Part, card, gallery, row, text
from cogs._reference_lines import reference_lines
from cogs._sweep_components import CancelRestButton, SweepNoButton, SweepYesButton
from storage.sweeps import Axis, Sweep

#: The name of the contact sheet's file.
SHEET: Final = "contact-sheet.jpg"

_PROMPT: Final = 350
_PROMPT_IN_ALT: Final = 120
_LEAST_IN_ALT: Final = 20
_LABEL: Final = 100
_LORA: Final = 60
#: So many reasons are named, each with so many cells, and each so long.
_REASONS: Final = 4
_CELLS: Final = 3
_REASON: Final = 260
#: Jobs count their component ids from the bottom (see :func:`cogs._cards.mark`), rounds and others from the top.
_MARKS: Final = 1 << 28
_BELOW: Final = (1 << 30) - 1

#: What is said of cells without a picture, in the order in which it is said.
_FATES: Final = {
    Fate.REFUSED: "refused",
    Fate.FAILED: "failed",
    Fate.EXPIRED: "without an answer in time",
    Fate.CANCELLED: "cancelled",
    Fate.WITHHELD: "withheld by the content check, and paid for",
    Fate.REMOVED: "taken down",
    Fate.LOST: "lost",
}


def mark(sweep_id: int) -> int:
    """Return the component id of the message that tells a thread that a sweep is over."""
    return _BELOW - sweep_id % _MARKS


def question(view: SweepView, *, pictures: Sequence[tuple[str, str]], shown: int | None = None) -> ui.LayoutView:
    """Return the question whether a sweep should be made at its price. ``shown``: the price its asker knew."""
    sweep, number, price = view.sweep, len(view.to_make), view.price
    instead = "" if shown is None or shown >= price.estimate else f" instead of {dollars(shown)}"
    each, all_of_it, them = (", one a cell,", " in all", "them") if number > 1 else ("", "", "it")
    makes = f"this sweep makes **{words.counted(number, 'picture')}**{each} for about "
    request = sweep.request
    facts = [
        words.size(request.width, request.height),
        *_seed(sweep, number),
        f"up to {dollars(price.hold)} is held till {'all is' if number > 1 else 'it is'} done",
        "the question stands for an hour",
    ]
    return card(
        text(words.quoted(request.prompt, _PROMPT)[0]),
        *gallery(pictures),
        text(
            f"{words.who(sweep.user_id)}, {makes}**{dollars(price.estimate)}**{all_of_it}{instead}, {basis(price.basis)}. "
            f"Shall I make {them}?",
            *reference_lines(request.references),
            *_axes(sweep),
        ),
        *_reasons(view),
        *_doubts(view),
        text(f"-# {' · '.join(facts)}"),
        row(SweepYesButton(sweep.id, price.estimate), SweepNoButton(sweep.id)),
        colour=AMBER,
    )


def _seed(sweep: Sweep, number: int) -> list[str]:
    """Return the seed that all pictures have, of so many, unless it is an axis."""
    if any(axis.option == "seed" for axis in sweep.axes):
        return []
    return [f"seed `{sweep.request.seed}`{' in all of them' if number > 1 else ''}"]


def declined(sweep: Sweep) -> ui.LayoutView:
    """Return what takes the place of a question that was answered with no."""
    return card(
        text(words.quoted(sweep.request.prompt, _PROMPT)[0]),
        text(f"-# {words.who(sweep.user_id)} decided against this sweep · nothing was charged"),
        colour=GREY,
    )


def board(view: SweepView, *, pictures: Sequence[tuple[str, str]], sheet: bool) -> ui.LayoutView:
    """Return the card of a sweep as it stands.

    ``pictures``: the names and alt texts of the files that came with the request; ``sheet``: whether the contact sheet
    comes with the message.
    """
    sweep = view.sweep
    made = [cell for cell in view.cells if cell.fate is Fate.PICTURE]
    settled = sum(cell.over for cell in view.cells)
    if view.over:
        sign = "✅" if len(made) == len(view.cells) else "🧪" if made else "⚠️"
        head = f"### {sign} Sweep done: {len(made)} of {words.counted(len(view.cells), 'picture')}"
    else:
        head = f"### 🧪 Sweep: {settled} of {words.counted(len(view.cells), 'cell')} done"
    colour = (GREEN if len(made) == len(view.cells) else AMBER) if view.over else BLUE
    return card(
        text(words.quoted(sweep.request.prompt, _PROMPT)[0]),
        *gallery([(SHEET, alt(view))] if sheet else pictures),
        text(head, *reference_lines(sweep.request.references), *_axes(sweep), *_fates(view), *_paused(view)),
        *_reasons(view),
        text(f"-# {' · '.join([words.who(sweep.user_id), *_seed(sweep, len(view.cells)), _cost(view)])}{_where(view)}"),
        *([row(_menu(made))] if made else []),
        *([row(CancelRestButton(sweep.id))] if view.cancellable else []),
        *(gallery(pictures) if sheet else []),
        colour=colour,
    )


def news(view: SweepView, *, sheet: bool) -> ui.LayoutView:
    """Return the message that tells that a sweep is over; it rings its asker. ``sheet``: there is one to be seen."""
    sweep, made = view.sweep, sum(cell.fate is Fate.PICTURE for cell in view.cells)
    card_at = words.link(sweep.guild_id, sweep.place.thread_id or sweep.place.channel_id, sweep.place.reply_id)
    leads = f" [See the contact sheet]({card_at})." if sheet else ""
    made_of = f"{made} of {words.counted(len(view.cells), 'picture')}"
    return card(
        text(f"{words.who(sweep.user_id)}, your sweep is done: {made_of}, {_cost(view)}.{leads}"),
        colour=GREEN if made else AMBER,
        number=mark(sweep.id),
    )


def cell(note: Note) -> str:
    """Return what a message about one cell says of the sweep."""
    place = note.sweep.place
    address = words.link(note.sweep.guild_id, place.thread_id or place.channel_id, place.reply_id)
    return f"Cell {note.number} of {note.of} of a [sweep]({address}): {note.label}"


def alt(view: SweepView) -> str:
    """Return what the contact sheet holds, in words: every cell, row by row, and of the prompt what there is room for."""
    columns, *rest = view.sweep.axes
    across = len(columns.values)
    rows = [
        ", ".join(f"{label((columns,), cell.place)} {_told(cell)}" for cell in view.cells[start : start + across])
        for start in range(0, len(view.cells), across)
    ]
    if rest:
        rows = [f"{label(rest, number)}: {row}" for number, row in enumerate(rows)]
    before, after = "A contact sheet of “", f"”. {'; '.join(rows)}."
    room = max(_LEAST_IN_ALT, min(_PROMPT_IN_ALT, LONGEST - len(before) - len(after)))
    prompt = words.cut(words.one_line(view.sweep.request.prompt), room)
    return words.cut(before + prompt + after, LONGEST)


def _told(cell: CellView) -> str:
    if cell.fate is Fate.PICTURE and cell.result is not None:
        return cell.result.short_id
    return cell.fate.value


def _axes(sweep: Sweep) -> list[str]:
    return [f"**{_named(axis)}** {', '.join(map(said, axis.values))}" for axis in sweep.axes]


def _named(axis: Axis) -> str:
    name = heading(axis)
    of = "" if axis.lora is None else f" of {words.plain(words.cut(axis.lora, _LORA))}"
    return f"{name[0].upper()}{name[1:]}{of}:"


def _fates(view: SweepView) -> list[str]:
    """Say how many cells have no picture, and why."""
    fates = Counter(cell.fate for cell in view.cells)
    told = [f"{fates[fate]} {how}" for fate, how in _FATES.items() if fates[fate]]
    return [f"{words.listed(told)}."] if told else []


def _paused(view: SweepView) -> list[str]:
    """Say why cells that are in line stay there."""
    if view.pause is None:
        return []
    reason = words.plain(words.cut(words.one_line(view.pause.reason), _REASON))
    ends = words.since(view.pause.paused_at + PAUSE_LIFE)
    return [f"⏸️ Paused {paused_where(view.pause)}: {reason}", f"The rest goes on when the pause ends, or ends {ends}."]


def _reasons(view: SweepView) -> list[Part]:
    """Say why cells are refused or have failed, each reason once."""
    cells: defaultdict[str, list[str]] = defaultdict(list)
    for one in view.cells:
        reason = _reason(one)
        if reason is not None:
            cells[reason].append(one.label)
    lines = [f"⚠️ {_few(labels)}: {words.cut(reason, _REASON)}" for reason, labels in cells.items()]
    if len(lines) > _REASONS:
        lines = [*lines[: _REASONS - 1], f"⚠️ {len(lines) - _REASONS + 1} other reasons."]
    return [text(*lines)] if lines else []


def _doubts(view: SweepView) -> list[Part]:
    """Say which cells would be refused if the answer were yes now."""
    if not view.doubts:
        return []
    number, reason = len(view.doubts), next(iter(view.doubts.values()))
    which = (
        "None of the cells fits"
        if number == len(view.to_make)
        else f"{words.counted(number, 'cell')} of them would not fit"
    )
    return [text(f"⛔ {which} now: {words.cut(reason, _REASON)}")]


def _reason(cell: CellView) -> str | None:
    if cell.refusal is not None:
        return cell.refusal
    if cell.fate is not Fate.FAILED or cell.job is None:
        return None
    return why_failed(cell.job)


def _few(labels: Sequence[str]) -> str:
    if len(labels) > _CELLS:
        return f"**{len(labels)} cells**, such as **{labels[0]}**"
    return words.listed([f"**{label}**" for label in labels])


def _cost(view: SweepView) -> str:
    """Return what a sweep has cost, and what it may still."""
    jobs = [cell.job for cell in view.cells if cell.job is not None]
    known = sum(job.cost or 0 for job in jobs)
    pending = sum(job.cost_pending for job in jobs)
    guessed = " (estimated)" if any(job.estimated for job in jobs) else ""
    if not view.over:
        return f"{dollars(known)} so far, of about {dollars(view.price.estimate)}"
    if pending:
        return f"{dollars(known)}{guessed} so far, {words.counted(pending, 'cost')} pending"
    return f"**{dollars(known)}**{guessed} in all" if known else "nothing was charged"


def _where(view: SweepView) -> str:
    in_thread = view.sweep.place.thread_id is not None
    if in_thread or view.thread_id is None:
        return ""
    return " · each picture stands in the thread below"


def _menu(made: Sequence[CellView]) -> GoMenu:
    """Return a menu that leads to the pictures of the cells."""
    found = [(cell, cell.result) for cell in made if cell.result is not None]
    choices = [
        discord.SelectOption(label=f"{result.short_id} · {cell.label}"[:_LABEL], value=str(result.id))
        for cell, result in found
    ]
    return GoMenu(found[0][1].id, choices)
