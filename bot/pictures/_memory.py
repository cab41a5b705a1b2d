"""What the allocator does with memory that is free again."""

from __future__ import annotations

import ctypes
from typing import Final

#: glibc's M_MMAP_THRESHOLD (``malloc.h``), and where it stands until the first large block is freed.
_THRESHOLD: Final = -3
_STARTS_AT: Final = 128 * 1024


def give_back_large_blocks() -> None:
    """Have the allocator return each large block to the system as soon as it is free, in this process, from now on.

    glibc raises the size from which it does so to that of the largest block it has seen, and keeps smaller ones, for each
    thread: after ten photographs it sat on 160 MB (measured) that the next thread could not use. A fixed size ends that.
    Other systems' allocators are left as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_THRESHOLD, _STARTS_AT)
