"""How much memory files take on their way through ``Pictures``: ``python -m tests.bot.memory_meter COPIES FILE...``.

Prints JSON: by how many bytes this process and its children together rose at most above what it takes idle, by how many
this process is above that in the end, and what became of each file. Idle is where every format has been prepared once.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from PIL import Image

from bot.errors import BadPicture
from bot.links import Keep
from bot.pictures import Pictures

#: Files come from Discord in pieces about so large.
PIECE = 2**16
#: What a program makes meanwhile lies between the pieces, and keeps what they took from being one free block at the end.
OTHERS: list[bytes] = []


def kilobytes(process: str, what: str) -> int:
    """Return a line of a process's status; 0 if it is gone."""
    with suppress(OSError):
        for line in Path("/proc", process, "status").read_text().splitlines():
            if line.startswith(f"{what}:"):
                return int(line.split()[1])
    return 0


def children() -> list[str]:
    """Return the ids of the processes that threads of this one have started; until one has, it is this one once more."""
    found: list[str] = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):
            found += (task / "children").read_text().split()
    return [child for child in found if command(child) not in {command("self"), b""}]


def command(process: str) -> bytes:
    """Return what a process was started with; nothing if it is gone."""
    with suppress(OSError):
        return Path("/proc", process, "cmdline").read_bytes()
    return b""


class Meter:
    """Notes the most memory that this process and its children take. Between two looks, only a peak of children is missed."""

    def __init__(self) -> None:
        self._idle = kilobytes("self", "VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the mark of this process's most so far begins anew
        self._most = 0
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look)
        self._watch.start()

    def _look(self) -> None:
        while not self._over.wait(0.004):
            together = kilobytes("self", "VmRSS") + sum(kilobytes(child, "VmHWM") for child in children())
            self._most = max(self._most, together)

    def left(self) -> int:
        """Return by how much this process takes more than idle now, in bytes."""
        return 1024 * (kilobytes("self", "VmRSS") - self._idle)

    def rise(self) -> int:
        """Stop, and return the most above idle, in bytes."""
        self._over.set()
        self._watch.join()
        return 1024 * (max(self._most, kilobytes("self", "VmHWM")) - self._idle)


async def prepared(pictures: Pictures, path: Path) -> str:
    """Read a file as an upload is read, or a link if it is called so; prepare it, and return what came of it in words."""

    async def fetch(keep: Keep) -> None:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                await keep(piece)
                OTHERS.append(bytes(600))

    async def read() -> bytes:
        pieces: list[bytes] = []

        async def keep(piece: bytes) -> None:
            pieces.append(piece)
            await asyncio.sleep(0)

        await fetch(keep)
        return b"".join(pieces)

    linked = path.name.startswith("link")
    try:
        async with pictures.fetched(fetch) if linked else pictures.file(path.stat().st_size, read) as data:
            picture = await pictures.prepare("image", path.name, data)
    except BadPicture as refused:
        return str(refused)
    return f"{picture.media_type} {picture.width}x{picture.height} on {picture.laid_on}"


async def main(copies: int, paths: list[Path]) -> None:
    """Prepare every file so many times, all at once."""
    with tempfile.TemporaryDirectory() as folder:
        async with Pictures(Path(folder), min_free=0) as pictures:
            for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP"):
                small = io.BytesIO()
                Image.new("RGB", (80, 80)).save(small, kind)
                await pictures.prepare("image", kind, small.getvalue())
            meter = Meter()
            outcomes = await asyncio.gather(*(prepared(pictures, path) for path in paths * copies))
            rise = meter.rise()
    # Only now do the threads hold nothing of what they did last.
    json.dump({"rise": rise, "left": meter.left(), "outcomes": outcomes}, sys.stdout)


if __name__ == "__main__":
    os.environ["PYTHONWARNINGS"] = "error"  # also in the processes that it starts
    asyncio.run(main(int(sys.argv[1]), [Path(path) for path in sys.argv[2:]]))
