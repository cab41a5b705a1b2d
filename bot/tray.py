"""The use cases behind trays: pictures that a member gathers for their next edits, for a day after the last change."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from bot.options import MAX_REFERENCES
from storage import accounts, authors, tray
from storage.database import Database, Tx
from storage.records import Asker, Scope
from storage.tray import TrayPicture
from storage.windows import DAY

#: A tray lives for so long after its last change, in milliseconds.
TRAY_LIFE: Final = DAY
#: So many pictures a tray holds, because one message of Discord's shows no more. Those beyond what an edit takes wait
#: to be chosen.
MOST_HELD: Final = 10


@dataclass(frozen=True, slots=True)
class Held:
    """A picture of a tray, and whose it is."""

    picture: TrayPicture
    #: Discord's id of who posted the file; ``None`` for a result, and where nobody is known.
    user_id: int | None


@dataclass(frozen=True, slots=True)
class TrayView:
    """A member's tray."""

    held: tuple[Held, ...] = ()
    #: When it goes away, left alone.
    until: int = 0


@dataclass(frozen=True, slots=True)
class Added:
    """What became of pictures that were put into a tray."""

    added: int
    #: So many were in it already.
    known: int
    #: So many found no place.
    left_out: int


class Tray:
    """Trays, each its member's alone, one in each server."""

    def __init__(self, database: Database, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock

    async def view(self, asker: Asker) -> TrayView:
        """Return a member's tray."""
        return await self._database.read(_view, asker, self._clock())

    async def used(self, asker: Asker) -> list[TrayPicture]:
        """Return the pictures that the member's next edit takes, in their order."""
        return (await self._database.read(_held, asker, self._clock()))[:MAX_REFERENCES]

    async def add(self, asker: Asker, new: Sequence[TrayPicture]) -> Added:
        """Put pictures behind those of a member's tray, none twice. They stand in the picture store already."""
        return await self._database.run(_add, asker, new, self._clock())

    async def change(self, asker: Asker, change: Callable[[list[TrayPicture]], list[TrayPicture]]) -> bool:
        """Change a member's tray, in one unit of work; returns whether there was anything to change.

        ``change`` returns the pictures as they should be. It may be called more than once, and does nothing else.
        """
        return await self._database.run(_change, asker, change, self._clock())


def earlier(pictures: Sequence[TrayPicture], picture_id: int) -> list[TrayPicture]:
    """Return pictures with one of them a place earlier."""
    moved = list(pictures)
    for place in range(1, len(moved)):
        if moved[place].id == picture_id:
            moved[place - 1 : place + 1] = moved[place], moved[place - 1]
            break
    return moved


def without(pictures: Sequence[TrayPicture], picture_id: int) -> list[TrayPicture]:
    """Return pictures without one of them."""
    return [picture for picture in pictures if picture.id != picture_id]


def only(pictures: Sequence[TrayPicture], picture_ids: Collection[int]) -> list[TrayPicture]:
    """Return those of the pictures that were chosen, in the order they had; all of them, where none is there any more."""
    return [picture for picture in pictures if picture.id in picture_ids] or list(pictures)


# units of work ---------------------------------------------------------------------------------------------


async def _held(tx: Tx, asker: Asker, now: int) -> list[TrayPicture]:
    account_id = await accounts.find(tx, Scope.MEMBER, asker.guild_id, asker.user_id)
    return [] if account_id is None else await tray.of_member(tx, account_id, now - TRAY_LIFE)


async def _view(tx: Tx, asker: Asker, now: int) -> TrayView:
    account_id = await accounts.find(tx, Scope.MEMBER, asker.guild_id, asker.user_id)
    changed_at = None if account_id is None else await tray.changed_at(tx, account_id)
    if account_id is None or changed_at is None:
        return TrayView()
    pictures = await tray.of_member(tx, account_id, now - TRAY_LIFE)
    held = [Held(picture, await _whose(tx, asker, picture)) for picture in pictures]
    return TrayView(tuple(held), changed_at + TRAY_LIFE)


async def _whose(tx: Tx, asker: Asker, picture: TrayPicture) -> int | None:
    """Return whose a file is: the member's own, if they are one of those who posted it."""
    if picture.reference.result_id is not None:
        return None
    found = await authors.of_file(tx, asker.guild_id, picture.reference.sha256)
    known = [author.user_id for author in found if author.user_id is not None]
    return asker.user_id if asker.user_id in known else next(iter(known), None)


async def _add(tx: Tx, asker: Asker, new: Sequence[TrayPicture], now: int) -> Added:
    account_id = await accounts.ensure(tx, Scope.MEMBER, now, asker.guild_id, asker.user_id)
    held = await tray.hold(tx, account_id, now - TRAY_LIFE, now)
    seen, fresh = {picture.reference.sha256 for picture in held}, list[TrayPicture]()
    for picture in new:
        if picture.reference.sha256 not in seen:
            seen.add(picture.reference.sha256)
            fresh.append(picture)
    fits = fresh[: MOST_HELD - len(held)]
    await tray.save(tx, account_id, [*held, *fits], now)
    return Added(len(fits), known=len(new) - len(fresh), left_out=len(fresh) - len(fits))


async def _change(tx: Tx, asker: Asker, change: Callable[[list[TrayPicture]], list[TrayPicture]], now: int) -> bool:
    account_id = await accounts.ensure(tx, Scope.MEMBER, now, asker.guild_id, asker.user_id)
    held = await tray.hold(tx, account_id, now - TRAY_LIFE, now)
    changed = change(held)
    await tray.save(tx, account_id, changed, now)
    return changed != held
