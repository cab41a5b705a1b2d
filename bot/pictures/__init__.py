"""Pictures by hash: what is kept, and the work on them.

The bytes are written once, whole or not at all, and are durable when :meth:`Pictures.put` returns, so a row that names
them can be committed next. They are in a folder or in a bucket; the same rules hold for both.
"""

from __future__ import annotations

from bot.pictures._opening import open_store
from bot.pictures._pictures import Pictures

__all__ = ["Pictures", "open_store"]
