"""How long bytes stay: what is about to be used stays longer, what was taken down goes.

A picture goes with the first sweep (see :mod:`bot.housekeeping`) after ``PICTURE_DAYS`` without a use, unless an open job,
a draft, a pick or a tray needs it. Two things that share a hash share the bytes: they stay for the one when the other is taken down.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

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


async def remove(database: Database, store: Pictures, hashes: Iterable[str], began: float) -> None:
    """Remove bytes that nothing names any more, now that the unit of work which saw so is committed.

    ``began`` is when that unit began, by :func:`time.monotonic`. Somebody may have put such a picture since then, to name
    it next, or named one that stood there: these stay. A store out of reach leaves them all to the sweep, and so does a
    crash.
    """
    try:
        for sha256 in hashes:
            if await database.read(pictures.unknown, [sha256]):
                await store.discard(sha256, time.monotonic() - began)
    except OutOfReach as error:
        log.warning("pictures that were taken down are removed by a later sweep: %s", error.reason)
