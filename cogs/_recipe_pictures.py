"""Which pictures a recipe is run with: results that can be read now, what was attached, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import discord

from bot.errors import BadOption, NotAllowed, NotFound
from bot.recipes import Recipe, Wanted
from bot.services import Services
from cogs import _words as words
from cogs._references import reference, references_named
from cogs._uploads import Upload
from storage.records import Reference

#: Of the name of a picture, so many characters are repeated.
_NAME: Final = 60


@dataclass(frozen=True, slots=True)
class _Missing:
    """A picture of a recipe that has to be attached, and why, where it is a result that could be used."""

    number: int
    wanted: Wanted
    why: str = ""


async def pictures_for(
    services: Services,
    interaction: discord.Interaction[Any],
    recipe: Recipe,
    *,
    named: str | None,
    uploads: Sequence[Upload],
) -> list[Reference | Upload]:
    """Return the pictures to run a recipe with, in its order.

    Results that ``named`` names take the places of the recipe's results, then of its files. Where as many files are
    left as places, the files take them; else each result that the person can read now takes its own, and the files the
    others. A hash in a recipe grants nothing.

    Raises:
        BadOption: there are too few pictures, or too many; the sentence says which are wanted.
        NotAllowed, NotFound: what ``named`` names cannot be used.
    """
    others = [] if named is None else await references_named(services, interaction, named)
    places = _placed(recipe.pictures, others)
    open_places = [number for number, place in enumerate(places) if place is None]
    missing = [_Missing(number, recipe.pictures[number]) for number in open_places]
    if len(uploads) != len(missing):
        missing = await _resolve(services, interaction, places, missing)
    if len(uploads) < len(missing):
        raise _too_few(missing[len(uploads) :], given=uploads)
    if len(uploads) > len(missing):
        raise _too_many(recipe, missing, given=len(uploads))
    for lacking, upload in zip(missing, uploads, strict=True):
        places[lacking.number] = replace(upload, sha256=lacking.wanted.sha256)
    return [place for place in places if place is not None]


def parent_among(recipe: Recipe, pictures: Sequence[Reference | Upload]) -> int | None:
    """Return the result that an edit starts from: the recipe's own parent, where it is used, else the first result."""
    used = [one.result_id for one in pictures if isinstance(one, Reference) and one.result_id is not None]
    return recipe.parent_id if recipe.parent_id in used else next(iter(used), None)


def strangers(recipe: Recipe, used: Sequence[Reference]) -> str | None:
    """Say which pictures are others than the recipe's; ``None`` where none is, as far as it tells."""
    found = [
        _called(number, wanted)
        for number, (wanted, one) in enumerate(zip(recipe.pictures, used, strict=True))
        if wanted.sha256 not in (None, one.sha256)
    ]
    if not found:
        return None
    what = "is another one" if len(found) == 1 else "are others"
    return f"In place of {words.listed(found)} of the recipe there {what} now, so the result will differ."


def _placed(wanted: Sequence[Wanted], others: Sequence[Reference]) -> list[Reference | Upload | None]:
    """Put other results in the places of the recipe's results, then of its files."""
    if len(others) > len(wanted):
        raise BadOption(
            "from",
            f"`from` names {words.counted(len(others), 'result')}, and the recipe has "
            f"{words.counted(len(wanted), 'picture')}.",
        )
    order = sorted(range(len(wanted)), key=lambda number: wanted[number].result_id is None)
    by_place = dict(zip(order, others, strict=False))
    return [by_place.get(number) for number in range(len(wanted))]


async def _resolve(
    services: Services,
    interaction: discord.Interaction[Any],
    places: list[Reference | Upload | None],
    missing: Sequence[_Missing],
) -> list[_Missing]:
    """Put the recipe's own results in their places, as far as the person can read them; return what is missing still."""
    left: list[_Missing] = []
    for lacking in missing:
        if lacking.wanted.result_id is None:
            left.append(lacking)
            continue
        try:
            places[lacking.number] = await reference(services, interaction, lacking.wanted.result_id)
        except (NotAllowed, NotFound) as error:
            left.append(replace(lacking, why=str(error)))
    return left


def _too_few(missing: Sequence[_Missing], *, given: Sequence[Upload]) -> BadOption:
    taken = {upload.option for upload in given}
    free = [f"`{option}`" for option in ("image", "image2", "image3") if option not in taken]
    which = words.listed([_called(lacking.number, lacking.wanted) for lacking in missing])
    why = [f" {lacking.why}" for lacking in missing if lacking.why]
    where = words.listed(free[: len(missing)])
    return BadOption(
        "image",
        f"The recipe needs {which}.{''.join(why)} Attach {'it' if len(missing) == 1 else 'them, in this order,'} as "
        f"{where}, or name {'another result' if len(missing) == 1 else 'other results'} in `from`.",
    )


def _too_many(recipe: Recipe, missing: Sequence[_Missing], *, given: int) -> BadOption:
    needed = words.listed([_called(lacking.number, lacking.wanted) for lacking in missing])
    takes = f"only {needed}" if missing else "none"
    every = len(recipe.pictures)
    return BadOption(
        "image",
        f"Of pictures to attach, the recipe takes {takes}, and {given} were given; with "
        f"{'one file' if every == 1 else f'{every} files'} and no `from`, they replace all of its pictures.",
    )


def _called(number: int, wanted: Wanted) -> str:
    """Return a picture as sentences name it: by its place, its name, and its size where the recipe says that."""
    name = words.plain(words.cut(words.one_line(wanted.label), _NAME))
    size = "" if wanted.size is None else f", {words.size(*wanted.size)}"
    return f"picture {number + 1} ({name}{size})"
