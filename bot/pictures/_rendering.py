"""Making references of files: in this process, or, where only the system can bound what that takes, in one of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from bot import images
from bot.images import Header, Picture, Refused
from bot.images import _apart as apart

_ROOT: Final = Path(__file__).resolve().parent.parent.parent
#: What an idle process takes (measured: 19 MB).
_PROCESS: Final = 24_000_000
#: Data that a process may ask for beyond what it is expected to use: not all of it is ever touched.
_SPARE: Final = 16_000_000


def cost(header: Header, size: int) -> int:
    """Return how many bytes :func:`render` takes at most, besides the ``size`` bytes of the file. Raises ``Refused``."""
    most = header.cost(images.LONGEST_SIDE)
    if header.media_type == "image/webp":
        most += _PROCESS + size
        images.check_cost(header, most)
    return most


def render(data: bytes, header: Header) -> Picture:
    """Make a reference, as :func:`bot.images.render` does."""
    if header.media_type != "image/webp":
        return images.render(data)
    most = cost(header, len(data)) + _SPARE
    made = run([sys.executable, "-m", apart.__name__, str(most)], data, patience=60)
    laid_on, _, picture = made.partition(b"\n")
    shown = images.inspect(picture)
    return Picture(picture, shown.media_type, shown.width, shown.height, laid_on.decode() or None)


def run(command: list[str], data: bytes, *, patience: float) -> bytes:
    """Give a program the bytes and return what it makes of them, within ``patience`` seconds; else ``Refused``."""
    try:
        done = subprocess.run(  # noqa: S603 (our own module, no shell)
            command, input=data, stdout=subprocess.PIPE, cwd=_ROOT, timeout=patience, check=False
        )
    except subprocess.TimeoutExpired:
        raise Refused("takes too long to read; save it again as a JPEG") from None
    if done.returncode == apart.REFUSED:
        raise Refused(done.stdout.decode())
    if done.returncode < 0:  # a signal: the decoder crashed on it, or memory ran out
        raise Refused("cannot be read; save it again as a JPEG")
    done.check_returncode()
    return done.stdout
