"""A file with parts left out, without a copy of it.

Decoders are handed what makes up the pixels of a picture and nothing else: what they would keep of the rest (comments,
previews, other programs' data) can be larger than the picture by any factor.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: A part of a file: where it begins, and where the next byte after it is.
Span = tuple[int, int]

_BUFFER: Final = 2**16


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the spans, given in order, with those that touch made one."""
    found: list[Span] = []
    for start, end in spans:
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        elif start < end:
            found.append((start, end))
    return tuple(found)


def opened(data: bytes, spans: tuple[Span, ...]) -> io.BufferedReader:
    """Return a file that reads as if it had these parts of ``data`` alone."""
    return io.BufferedReader(_Parts(data, spans), _BUFFER)


class _Parts(io.RawIOBase):
    def __init__(self, data: bytes, spans: tuple[Span, ...]) -> None:
        self._data = memoryview(data)
        self._spans = spans
        #: Where each part begins in what is read, and at last where all of it ends.
        self._places = [0, *accumulate(end - start for start, end in spans)]
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._places[-1]}[whence]
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        number = bisect_right(self._places, self._at) - 1
        if number >= len(self._spans):
            return 0
        start, end = self._spans[number]
        start += self._at - self._places[number]
        target = memoryview(buffer).cast("B")
        length = min(len(target), end - start)
        target[:length] = self._data[start : start + length]
        self._at += length
        return length
