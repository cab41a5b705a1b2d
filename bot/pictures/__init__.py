"""Pictures by hash: what is kept, and the work on them.

The bytes are written once, whole or not at all, and are on the disk when :meth:`Pictures.put` returns, so a row that
names them can be committed next.
"""

from __future__ import annotations

from bot.pictures._pictures import Pictures

__all__ = ["Pictures"]
