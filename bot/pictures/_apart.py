"""Prepare one picture in a process of its own: ``python -m bot.pictures._apart``, the file on stdin, the outcome on stdout.

Pillow's WEBP decoder holds the interpreter's lock for the whole picture (170 ms for 12 MP, measured), which would stop
the loop from within any thread. Every other format that a reference may have decodes without it.
"""

from __future__ import annotations

import sys
from typing import BinaryIO, Final

from bot import images

#: The exit status when the file is refused; stdout then carries the reason.
REFUSED: Final = 3


def main(source: BinaryIO, target: BinaryIO) -> int:
    """Read a file, write the prepared picture or the reason why not, return the exit status."""
    try:
        target.write(images.render(source.read()).data)
    except images.Refused as refused:
        target.write(str(refused).encode())
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.stdin.buffer, sys.stdout.buffer))
