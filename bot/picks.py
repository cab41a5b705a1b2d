"""The use cases behind picks: the pictures of a message for which a member has a form open, for a day."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.consents import Posted
from bot.errors import NoConsent, NotAllowed, NotFound
from storage import accounts, picks
from storage.database import Database, Tx
from storage.picks import Found, Pick, Source
from storage.records import Asker, Reference, Scope
from storage.windows import DAY

#: A pick lives for so long, in milliseconds: Discord's addresses of its files are good for about as long.
PICK_LIFE: Final = DAY
#: So many picks a member may have in a server; the oldest goes for a new one.
MOST_PICKS: Final = 10
GONE: Final = (
    "What that message showed is no longer known: a day has passed since the form was opened, or you opened many others. "
    "Use the menu on the message again."
)


@dataclass(frozen=True, slots=True)
class Offered:
    """The pictures of a message, as its form is sent."""

    pictures: tuple[Found, ...]
    #: Who posted them; ``None`` where they are files that the bot knows already.
    posted: Posted | None
    #: Where their message stands: a channel or thread.
    seen_in: int
    #: Those that were read, by their number.
    read: Mapping[int, Reference]


class Picks:
    """Picks, each for the member alone who made it."""

    def __init__(self, database: Database, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock

    async def open(self, asker: Asker, pictures: Sequence[Found], posted: Posted | None, *, seen_in: int) -> int:
        """Write down what a message shows, who posted it, and in which channel or thread; return the id of the pick."""
        return await self._database.run(_open, asker, pictures, posted, seen_in, self._clock())

    async def keep(self, pick_id: int, number: int, reference: Reference) -> bool:
        """Record that a picture was read and stands in the store; returns whether its pick is still there."""
        return await self._database.run(picks.keep, pick_id, number, reference, self._clock())

    async def get(self, pick_id: int, asker: Asker) -> Offered:
        """Return the pictures of a pick to whose it is.

        Raises:
            NotFound: it is gone, or of another server.
            NotAllowed: it is somebody else's.
            NoConsent: whoever posted the pictures was forgotten since.
        """
        return await self._database.read(_get, pick_id, asker, self._clock())


async def _open(tx: Tx, asker: Asker, pictures: Sequence[Found], posted: Posted | None, seen_in: int, now: int) -> int:
    account_id = await accounts.ensure(tx, Scope.MEMBER, now, asker.guild_id, asker.user_id)
    source = None
    if posted is not None:
        author_id = await accounts.ensure(tx, Scope.MEMBER, now, asker.guild_id, posted.user_id)
        source = Source(author_id, posted.origin, posted.at)
    await accounts.lock(tx, account_id)  # so that of two at once each counts the other
    pick_id = await picks.add(
        tx, guild_id=asker.guild_id, account_id=account_id, pictures=pictures, source=source, seen_in=seen_in, now=now
    )
    await picks.trim(tx, account_id, MOST_PICKS)
    return pick_id


async def _get(tx: Tx, pick_id: int, asker: Asker, now: int) -> Offered:
    pick = await picks.get(tx, pick_id)
    if pick is None or pick.guild_id != asker.guild_id or pick.made_at <= now - PICK_LIFE:
        raise NotFound(GONE)
    if pick.user_id != asker.user_id:
        raise NotAllowed("This form is somebody else's. Use the menu on the message yourself.")
    return Offered(pick.pictures, _posted(pick), pick.seen_in, await picks.kept(tx, pick_id))


def _posted(pick: Pick) -> Posted | None:
    if pick.source is None:
        return None
    if pick.author_user_id is None:
        raise NoConsent("Whoever posted this picture asked to be forgotten: nobody edits it any more.")
    return Posted(pick.author_user_id, pick.source.at, pick.source.origin)
