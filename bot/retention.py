"""How long bytes stay: what is about to be used stays longer, what was taken down goes.

A picture goes with the first sweep (see :mod:`bot.housekeeping`) after ``PICTURE_DAYS`` without a use, unless an open job,
a draft, a pick or a tray needs it. Two things that share a hash share the bytes: they stay for the one when the other is taken down.
"""

from __future__ import annotations

import logging

from bot.errors import NotFound, OutOfReach
from bot.pictures import Pictures
from storage import pictures
from storage.database import Database

log = logging.getLogger(__name__)


async def renew(database: Database, store: Pictures, sha256: str, now: int) -> None:
    """Have a picture that is about to be used stay: its last use is now.

    Raises:
        NotFound: it is gone, or will be at any moment.
        OutOfReach: the store cannot tell just now.
    """
    if not await database.run(pictures.renew, sha256, now):
        raise NotFound("I no longer have that picture; attach it again.")
    await store.size(sha256)


async def remove(store: Pictures, sha256: str) -> None:
    """Remove bytes that nothing names any more. A store out of reach leaves them to the sweep."""
    try:
        await store.delete(sha256)
    except OutOfReach as error:
        log.warning("a picture that was taken down is removed by a later sweep: %s", error.reason)
