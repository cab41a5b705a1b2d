"""Making references and thumbnails of files: in this process, or, where that would stop the loop, in one of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from bot import images
from bot.images import Header, Picture, Refused
from bot.pictures import _apart

_ROOT: Final = Path(__file__).resolve().parent.parent.parent


def thumbnail(data: bytes, header: Header, box: tuple[int, int]) -> bytes:
    """Make a thumbnail, as :func:`bot.images.thumbnail` does."""
    if header.media_type == "image/webp":
        data = render(data, header).data
    return images.thumbnail(data, box)


def render(data: bytes, header: Header) -> Picture:
    """Make a reference, as :func:`bot.images.render` does."""
    if header.media_type != "image/webp":
        return images.render(data)
    made = run([sys.executable, "-m", _apart.__name__], data, patience=60)
    header = images.inspect(made)
    return Picture(made, header.media_type, header.width, header.height)


def run(command: list[str], data: bytes, *, patience: float) -> bytes:
    """Give a program the bytes and return what it makes of them, within ``patience`` seconds; else ``Refused``."""
    try:
        done = subprocess.run(  # noqa: S603 (our own module, no shell)
            command, input=data, stdout=subprocess.PIPE, cwd=_ROOT, timeout=patience, check=False
        )
    except subprocess.TimeoutExpired:
        raise Refused("takes too long to read; save it again as a JPEG") from None
    if done.returncode == _apart.REFUSED:
        raise Refused(done.stdout.decode())
    if done.returncode < 0:  # a signal: the decoder crashed on it, or memory ran out
        raise Refused("cannot be read; save it again as a JPEG")
    done.check_returncode()
    return done.stdout
