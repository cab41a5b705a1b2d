"""The use cases behind drafts: edits that a member writes a piece at a time, each for a day after its last change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from bot.errors import NotAllowed, NotFound
from storage import accounts, drafts
from storage.database import Database, Tx
from storage.drafts import Draft
from storage.records import Asker, Reference, Scope
from storage.windows import DAY

#: A draft lives for so long after its last change, in milliseconds.
DRAFT_LIFE: Final = DAY
#: So many drafts a member may have in a server; the one that was left alone longest goes for a new one.
MOST_DRAFTS: Final = 10
GONE: Final = (
    "That draft is gone: it was sent or thrown away, or a day has passed since its last change. "
    "`/draft` opens a new one."
)


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a draft begins with."""

    #: Options by name; those that are ``None`` were left out.
    values: Mapping[str, Any]
    references: tuple[Reference, ...] = ()
    parent_id: int | None = None
    #: The result whose prompt it has, until other words are typed.
    words_of: int | None = None


class Drafts:
    """Drafts, each seen by its owner alone."""

    def __init__(self, database: Database, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock

    async def open(self, asker: Asker, beginning: Beginning) -> Draft:
        """Write a new draft down. Its pictures stand in the picture store already."""
        return await self._database.run(_open, asker, beginning, self._clock())

    async def newest(self, asker: Asker) -> Draft | None:
        """Return the draft that a member changed last in a server, if they have one."""
        return await self._database.read(_newest, asker, self._clock())

    async def others(self, draft: Draft) -> list[Draft]:
        """Return what else the owner of a draft is writing in its server, the last changed first."""
        found = await self._database.read(drafts.of_member, draft.account_id, self._clock() - DRAFT_LIFE)
        return [other for other in found if other.id != draft.id]

    async def get(self, draft_id: int, asker: Asker) -> Draft:
        """Return a draft to its owner.

        Raises:
            NotFound: it is gone.
            NotAllowed: it is somebody else's.
        """
        return _own(await self._database.read(drafts.get, draft_id), asker, self._clock())

    async def change(self, draft_id: int, asker: Asker, change: Callable[[Draft], Draft]) -> Draft:
        """Change a draft, in one unit of work; it lives for another day. Raises as :meth:`get`, or what ``change`` does.

        ``change`` returns the draft as it should be. It may be called more than once, and does nothing else.
        """
        return await self._database.run(_change, draft_id, asker, change, self._clock())

    async def discard(self, draft_id: int, asker: Asker) -> None:
        """Throw a draft away. Raises as :meth:`get`."""
        await self._database.run(_discard, draft_id, asker, self._clock())


def typed(draft: Draft, changes: Mapping[str, Any]) -> Draft:
    """Return a draft with some options changed; those that are ``None`` are left out from now on."""
    values = {name: value for name, value in {**draft.values, **changes}.items() if value is not None}
    words_of = None if "prompt" in changes else draft.words_of
    return replace(draft, values=values, words_of=words_of)


async def take(tx: Tx, draft_id: int, asker: Asker, now: int) -> None:
    """Take a draft away that was sent. Raises NotFound where it is gone: of two presses one sends it."""
    account_id = await accounts.find(tx, Scope.MEMBER, asker.guild_id, asker.user_id)
    if account_id is None or not await drafts.take(tx, draft_id, account_id, now - DRAFT_LIFE):
        raise NotFound(GONE)


async def hold(tx: Tx, draft_id: int, asker: Asker, now: int) -> Draft:
    """Return a draft to its owner, and keep it to this unit. Raises as :meth:`Drafts.get`."""
    return _own(await drafts.lock(tx, draft_id), asker, now)


async def _open(tx: Tx, asker: Asker, beginning: Beginning, now: int) -> Draft:
    account_id = await accounts.ensure(tx, Scope.MEMBER, now, asker.guild_id, asker.user_id)
    await accounts.lock(tx, account_id)  # so that of two at once each counts the other
    draft_id = await drafts.add(
        tx,
        guild_id=asker.guild_id,
        account_id=account_id,
        values={name: value for name, value in beginning.values.items() if value is not None},
        references=beginning.references,
        parent_id=beginning.parent_id,
        words_of=beginning.words_of,
        now=now,
    )
    await drafts.trim(tx, account_id, MOST_DRAFTS)
    return _own(await drafts.get(tx, draft_id), asker, now)


async def _newest(tx: Tx, asker: Asker, now: int) -> Draft | None:
    account_id = await accounts.find(tx, Scope.MEMBER, asker.guild_id, asker.user_id)
    return None if account_id is None else await drafts.newest(tx, account_id, now - DRAFT_LIFE)


async def _change(tx: Tx, draft_id: int, asker: Asker, change: Callable[[Draft], Draft], now: int) -> Draft:
    draft = await hold(tx, draft_id, asker, now)
    # Each change is later than the one before, so that a card can tell whether it shows the newest.
    changed = replace(change(draft), changed_at=max(now, draft.changed_at + 1))
    await drafts.save(tx, changed)
    return changed


async def _discard(tx: Tx, draft_id: int, asker: Asker, now: int) -> None:
    await hold(tx, draft_id, asker, now)
    await take(tx, draft_id, asker, now)


def _own(draft: Draft | None, asker: Asker, now: int) -> Draft:
    """Return a draft that lives to its owner. Raises NotFound or NotAllowed."""
    if draft is None or draft.guild_id != asker.guild_id or draft.changed_at <= now - DRAFT_LIFE:
        raise NotFound(GONE)
    if draft.user_id != asker.user_id:
        raise NotAllowed("This draft is somebody else's. `/draft` opens one of your own.")
    return draft
