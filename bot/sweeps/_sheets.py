"""The contact sheet of a sweep: its cells become tiles, their pictures thumbnails, and all of it a picture."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from bot import contact_sheet
from bot.contact_sheet import Fate, Sheet, Tile
from bot.errors import NotFound
from bot.images import Refused
from bot.pictures import Pictures
from bot.sweeps._axes import text
from bot.sweeps._views import CellView, SweepView
from storage.sweeps import Axis


def sheet_of(view: SweepView) -> Sheet:
    """Return what the contact sheet of a sweep shows; of what was taken down or withheld, no more than that."""
    columns, *rest = view.sweep.axes
    rows = _texts(rest[0]) if rest else ()
    request = view.sweep.request
    return Sheet(_texts(columns), rows, tuple(map(_tile, view.cells)), (request.width, request.height))


async def draw_sheet(pictures: Pictures, view: SweepView) -> bytes:
    """Draw the contact sheet of a sweep as a JPEG, off the loop. What is not there any more stands as lost.

    Raises:
        OutOfReach: the store cannot tell just now what is there.
    """
    sheet = sheet_of(view)
    box = contact_sheet.thumbnail_box(sheet)
    thumbnails: list[bytes | None] = [None] * len(view.cells)

    async def fetch(number: int, sha256: str) -> None:
        with suppress(NotFound, Refused):
            thumbnails[number] = await pictures.thumbnail(sha256, box)

    await asyncio.gather(
        *(
            fetch(number, cell.result.sha256 or "")
            for number, cell in enumerate(view.cells)
            if cell.fate is Fate.PICTURE and cell.result is not None
        )
    )
    return await pictures.draw(contact_sheet.draw, sheet, thumbnails)


def _texts(axis: Axis) -> tuple[str, ...]:
    return tuple(text(axis, value) for value in axis.values)


def _tile(cell: CellView) -> Tile:
    if cell.result is None:
        return Tile(cell.fate)
    # The seed that was asked for stands in the heading, or on the card for all cells.
    asked = None if cell.job is None else cell.job.request.seed
    another = cell.fate is Fate.PICTURE and cell.result.seed not in (None, asked)
    return Tile(cell.fate, cell.result.id, cell.result.seed if another else None)
