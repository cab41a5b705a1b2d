"""Prepare one picture in a process of its own: ``python -m bot.images._apart BYTES``, the file on stdin, the outcome on stdout.

WEBP is the one format whose decoder takes what no header tells: the tables of a lossless file can be many times as large
as its picture. So the system holds this process to so many bytes of data; beyond them its decoder gives up, and so does
one that damage has led astray. (macOS does not hold it to them.)
"""

from __future__ import annotations

import resource
import sys
from typing import BinaryIO, Final

from bot import images

#: The exit status when the file is refused; stdout then carries the reason.
REFUSED: Final = 3


def main(source: BinaryIO, target: BinaryIO) -> int:
    """Read a file; write what it was laid on, if it was, on a line and then the prepared picture, or the reason why not.

    Return the exit status.
    """
    try:
        picture = images.render(source.read())
    except images.Refused as refused:
        target.write(str(refused).encode())
        return REFUSED
    target.write((picture.laid_on or "").encode() + b"\n")
    target.write(picture.data)
    return 0


if __name__ == "__main__":
    most = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    sys.exit(main(sys.stdin.buffer, sys.stdout.buffer))
