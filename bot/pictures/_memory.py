"""What the allocator does with memory that is free again: it is to go back to the system, so that the next picture has it.

That is said to glibc's (``malloc.h``). Other systems' allocators are left as they are.
"""

from __future__ import annotations

import ctypes
from typing import Final

_LIBRARY: Final = ctypes.CDLL(None)
#: M_MMAP_THRESHOLD, and where it stands until the first large block is freed.
_THRESHOLD: Final = -3
_STARTS_AT: Final = 128 * 1024


def give_back_large_blocks() -> None:
    """Have each large block given back as soon as it is free, in this process, from now on.

    The size from which that is done rises, else, to that of the largest block so far, and smaller ones are kept for each
    thread: after ten photographs they were 160 MB (measured) that the next thread could not use.
    """
    if hasattr(_LIBRARY, "mallopt"):
        _LIBRARY.mallopt(_THRESHOLD, _STARTS_AT)


def give_back_small_blocks() -> None:
    """Give back what small blocks took, such as the pieces that a file came in: as much as the file, if they all did."""
    if hasattr(_LIBRARY, "malloc_trim"):
        _LIBRARY.malloc_trim(0)
