"""How pictures came to be, as people read it: the tree of a session, two results side by side, the way to one. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from discord import ui

from bot.lineage import STEPS_SHOWN, Way
from bot.quota import dollars
from bot.tree_pictures import SessionTree, shown_as
from bot.trees import Shown
from cogs import _look_cards as look_cards
from cogs import _words as words
from cogs._alt import LONGEST
from cogs._components import CompareButton, HistoryButton, TreeButton
from cogs._layout import BLUE, GREY, TEXT, Part, card, gallery, row, text
from cogs._lineage_components import HistoryPageButton, LookButton, StepMenu, TreePageButton
from storage.lineage import Spent, Step
from storage.records import Reference

TREE: Final = "tree.jpg"
PAIR: Final = "side-by-side.jpg"

#: Discord's bound for the options of a menu.
_OPTIONS: Final = 25
#: So many people are named.
_PEOPLE: Final = 5
#: Characters of a prompt: in a step of the way, beside another picture, in an alt text.
_PROMPT_IN_STEP: Final = 220
_PROMPT_BESIDE: Final = 400
_PROMPT_IN_ALT: Final = 150
#: Characters of what is said for either of two pictures, in the alt text of both.
_SIDE_IN_ALT: Final = 480
#: Characters of a file's name, and of one in a step of the way.
_LABEL: Final = 40
_LABEL_IN_STEP: Final = 24

#: What is said of a result that is not to be seen any more.
_FATES: Final[Mapping[Shown, str]] = {
    Shown.REMOVED: "taken down",
    Shown.WITHHELD: "withheld by the content check",
    Shown.LOST: "lost",
    Shown.COMING: "being copied",
}


# The tree --------------------------------------------------------------------------------------------------------


def tree(shown: SessionTree, page: int, names: Mapping[int, str | None], here: int) -> ui.LayoutView:
    """Return a page, from 0, of a session's tree, with ways to its pictures; ``here`` is where it was asked from."""
    pages = len(shown.pages)
    notes = [f"-# #{here} is framed", *([f"page {page + 1} of {pages}"] if pages > 1 else []), *_unseen(shown)]
    turns = TreePageButton.around(here, page, pages)
    return card(
        text(f"### 🌳 {_counted(shown)}", f"by {_people(shown)}", " · ".join(notes)),
        *gallery([(TREE, tree_alt(shown, page, names, here))]),
        *_menus(shown.seen_on(page), names),
        *([row(*turns)] if turns else []),
        colour=BLUE,
        number=look_cards.MARK,
    )


def tree_alt(shown: SessionTree, page: int, names: Mapping[int, str | None], here: int) -> str:
    """Return what the picture of a tree holds, in words."""
    pages = len(shown.pages)
    which = f", page {page + 1} of {pages}" if pages > 1 else ""
    people = list(dict.fromkeys(name for step in shown.seen if (name := names.get(step.user_id or 0))))
    by = f" By {words.listed(people[:_PEOPLE])}." if people else ""
    unseen = f" {words.listed(_unseen(shown))}." if _unseen(shown) else ""
    alt = f"The tree of a session{which}: {_counted(shown)}. {_beginning(shown)}{by}{unseen} #{here} is framed."
    return words.cut(alt, LONGEST)


def _counted(shown: SessionTree) -> str:
    branches = f", {shown.branches:,} {'branch' if shown.branches == 1 else 'branches'}" if shown.branches else ""
    return f"{words.counted(len(shown.steps), 'picture')}{branches}"


def _beginning(shown: SessionTree) -> str:
    if shown.first is None:
        return "It begins with a picture that you cannot see."
    if shown.first.result.deleted_at is not None:
        return f"It begins with {shown.first.result.short_id}, which was taken down."
    prompt = words.cut(words.one_line(shown.first.request.prompt), _PROMPT_IN_ALT)
    return f"It begins with {shown.first.result.short_id}, “{prompt}”."


def _people(shown: SessionTree) -> str:
    people = list(dict.fromkeys(words.who(step.user_id) for step in shown.seen))
    if len(people) > _PEOPLE:
        people = [*people[: _PEOPLE - 1], f"{len(people) - _PEOPLE + 1} more"]
    return words.listed(people)


def _unseen(shown: SessionTree) -> list[str]:
    """Say how many pictures of a session are not to be seen, and why."""
    fates = [shown_as(step.result) for step in shown.seen]
    told = [f"{fates.count(fate):,} {said}" for fate, said in _FATES.items() if fate in fates]
    return [*told, f"{len(shown.hidden):,} that you cannot see"] if shown.hidden else told


def _menus(steps: Sequence[Step], names: Mapping[int, str | None]) -> list[Part]:
    """Return menus that lead to results."""
    options = [look_cards.option(step, words.one_line(names.get(step.user_id or 0) or "")) for step in steps]
    parts = [options[start : start + _OPTIONS] for start in range(0, len(options), _OPTIONS)]
    return [row(StepMenu.of(number, part)) for number, part in enumerate(parts, 1)]


# Two side by side ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A picture as it comes with a message."""

    name: str
    alt: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Beside:
    """A picture that stands beside another one: a result, or the upload that a first picture was made from."""

    picture: Step | Reference
    #: ``None`` where its bytes are gone.
    file: Enclosed | None
    #: Where its own message is, if it has one.
    address: str | None = None


def comparison(left: Beside, right: Beside) -> ui.LayoutView:
    """Return two pictures side by side, each on its own, and the ways to either."""
    sides = left, right
    results = [side.picture.result for side in sides if isinstance(side.picture, Step)]
    looks = [LookButton(result.id) for result in results]
    newer = max(result.id for result in results)
    return card(
        text(f"### ⚖️ {words.listed([_escaped(side.picture) for side in sides])}"),
        *gallery([(PAIR, pair_alt(left, right))]),
        *gallery([(side.file.name, side.file.alt) for side in sides if side.file is not None]),
        *(text(*_side(side)) for side in sides),
        row(*looks, HistoryButton(newer), TreeButton(newer)),
        colour=BLUE,
        number=look_cards.MARK,
    )


def pair_alt(left: Beside, right: Beside) -> str:
    """Return what two pictures side by side are, in words."""
    names = [side.file.alt if side.file else f"{called(side.picture)}, which is gone" for side in (left, right)]
    said = [words.cut(name, _SIDE_IN_ALT).removesuffix(".") for name in names]
    return f"Two pictures side by side. Left: {said[0]}. Right: {said[1]}."


def called(picture: Step | Reference, longest: int = _LABEL) -> str:
    """Return how a picture is named: a result by its short id, an upload by its file."""
    if isinstance(picture, Step):
        return picture.result.short_id
    return words.cut(words.one_line(picture.label), longest)


def _escaped(picture: Step | Reference, longest: int = _LABEL) -> str:
    return picture.result.short_id if isinstance(picture, Step) else words.plain(called(picture, longest))


def facts(step: Step) -> str:
    """Return what a picture shows of how it was made: ``seed 7 · $0.0061``."""
    return f"seed {_seed(step)} · {_price(step.cost)}"


def _side(side: Beside) -> Iterator[str]:
    gone = "" if side.file is not None else " · gone"
    if isinstance(side.picture, Reference):
        size = words.size(side.picture.width, side.picture.height)
        yield f"**{_escaped(side.picture)}** · {size}{gone}"
        yield "-# The picture that it began with."
        return
    yield f"{_head(side.picture, side.address)}{gone}"
    yield words.quoted(side.picture.request.prompt, _PROMPT_BESIDE, lines=4)[0]


# The way ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """A page of the way to a result, as one reader may see it."""

    way: Way
    #: The result that it leads to.
    result_id: int
    #: The ids of those steps that the reader may not see.
    hidden: frozenset[int]
    #: Where messages stand, by the ids of their results.
    addresses: Mapping[int, str]
    #: What all steps of the way cost that the reader may see; and whether there are others.
    spent: Sequence[Spent]
    partial: bool = False


def history(seen: Seen) -> ui.LayoutView:
    """Return a page of the way to a result, with ways to its pictures."""
    way = seen.way
    last = way.first + len(way.steps) - 1
    part = "" if way.pages == 1 else f" · {way.first:,} to {last:,} of {way.length:,}"
    head = f"### 🪜 The way to #{seen.result_id}\n-# {words.counted(way.length, 'step')}{part}{_older(way)}"
    total = _total(seen)
    room = (TEXT - len(head) - len(total)) // STEPS_SHOWN
    turns = HistoryPageButton.around(seen.result_id, way.page, way.pages)
    shown = [step for step in way.steps if step.result.id not in seen.hidden]
    return card(
        text(head),
        *(text(*_step(seen, number, step, room)) for number, step in enumerate(way.steps, way.first)),
        ui.Separator(),
        text(total),
        *_menus(shown, {}),
        *([row(*turns)] if turns else []),
        row(CompareButton(seen.result_id), TreeButton(seen.result_id)),
        colour=BLUE,
        number=look_cards.MARK,
    )


def _older(way: Way) -> str:
    return " · what came before is too long ago to be told" if way.cut else ""


def _step(seen: Seen, number: int, step: Step, room: int) -> list[str]:
    """Return a step in at most ``room`` characters: its prompt gives way to the facts."""
    if step.result.id in seen.hidden:
        return [f"**{number}.** *a step in a channel you cannot read*"]
    if step.result.deleted_at is not None:  # its words go with it
        return [
            f"**{number}.** **{step.result.short_id}** · {words.who(step.user_id)} · {_price(step.cost)} · *taken down*"
        ]
    made_with = [
        _escaped(reference, _LABEL_IN_STEP) for reference in step.request.references if not reference.result_id
    ]
    made_with += [f"#{other}" for other in step.merged]
    beside = f" · {'from' if step.parent_id is None else 'with'} {words.listed(made_with)}" if made_with else ""
    head = f"**{number}.** {_head(step, seen.addresses.get(step.result.id))}{beside}"
    prompt, _ = words.quoted(step.request.prompt, min(_PROMPT_IN_STEP, room - len(head) - 1), lines=3)
    return [head, prompt]


def _head(step: Step, address: str | None) -> str:
    """Return who made a picture, and how: in one line."""
    number = step.result.short_id if address is None else f"[{step.result.short_id}]({address})"
    stars = f" · ⭐ {step.result.stars}" if step.result.stars else ""
    fate = _FATES.get(shown_as(step.result))
    made = f"**{number}** · {words.who(step.user_id)} · seed `{_seed(step)}` · {_price(step.cost)}{stars}"
    return made if fate is None else f"{made} · *{fate}*"


def _seed(step: Step) -> int:
    return step.request.seed if step.result.seed is None else step.result.seed


def _price(cost: int | None) -> str:
    return "cost pending" if cost is None else dollars(cost)


def _total(seen: Seen) -> str:
    whole = "All that you can see of it" if seen.partial else "All of it"
    pending = sum(part.pending for part in seen.spent)
    later = f", and {words.counted(pending, 'step')} whose cost is pending" if pending else ""
    return f"**{whole}: {dollars(sum(part.cost for part in seen.spent))}**{later}"


# A result shown once more ----------------------------------------------------------------------------------------


def bringing(result_id: int) -> ui.LayoutView:
    """Return what stands for a result till its picture is there."""
    return card(text(f"📌 Bringing #{result_id} here…"), colour=GREY)
