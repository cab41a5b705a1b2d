"""How long the event loop waits while pictures are decoded and encoded.

``python benchmarks/loop_lag.py [--pictures 40]``: prepares large pictures of every kind through ``bot.pictures``, all asked
for at once, keeps and reads each, and fits it into an upload limit, while the loop measures how late it wakes. What it is
late is told as parts of the time that one picture takes: a loop that is blocked is late by all of it. Ends with status 1
when one wake-up in a hundred is late by a tenth or more.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import random
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

from PIL import Image, ImageChops

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bot.pictures import Pictures  # found by the line above

MOST = 0.1
TICK = 0.002


def photograph(width: int, height: int, media: str, *, seed: int, mode: str = "RGB") -> bytes:
    """Return a file with a photograph's shades and grain; where the mode has transparency, it is half transparent."""
    small = random.Random(seed).randbytes((width // 16) * (height // 16) * 3)
    shades = Image.frombytes("RGB", (width // 16, height // 16), small).resize((width, height))
    image = ImageChops.add(shades, Image.effect_noise((width, height), 12).convert("RGB"), 2)
    if mode == "RGBA":
        image.putalpha(128)
    buffer = io.BytesIO()
    image.convert(mode).save(buffer, media, quality=90, compress_level=1, method=0)
    return buffer.getvalue()


async def watch(late: list[float]) -> None:
    """Note, until cancelled, by how many seconds each wake-up comes late."""
    while True:
        due = time.perf_counter() + TICK
        await asyncio.sleep(TICK)
        late.append(time.perf_counter() - due)


async def edit(pictures: Pictures, data: bytes) -> None:
    """Do what an edit does with one picture: prepare, keep, read again, fit into an upload."""

    async def read() -> bytes:
        return data

    async with pictures.file(len(data), read) as file:
        picture = await pictures.prepare("image", "photo", file)
    await pictures.get(await pictures.put(picture.data))
    fitted = await pictures.fit(picture.data, picture.media_type, 300_000)
    assert len(fitted.data) <= 300_000


async def measure(files: list[bytes]) -> tuple[list[float], float]:
    """Return the delays of the loop in seconds, sorted, and how long the pictures took."""
    late: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        async with Pictures(Path(folder), min_free=0) as pictures:
            watcher = asyncio.create_task(watch(late))
            start = time.perf_counter()
            await asyncio.gather(*(edit(pictures, data) for data in files))
            took = time.perf_counter() - start
            watcher.cancel()
    return sorted(late), took


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=40)
    count: int = parser.parse_args(arguments).pictures
    kinds = [
        photograph(6000, 4000, "JPEG", seed=1),
        photograph(4000, 3000, "PNG", seed=2),
        photograph(4000, 3000, "WEBP", seed=3),
        photograph(3600, 2000, "PNG", seed=4, mode="RGBA"),
        photograph(6000, 4000, "GIF", seed=5, mode="P"),
    ]
    late, took = asyncio.run(measure(list(islice(cycle(kinds), count))))
    each = took / count
    p50, p99 = (late[int(len(late) * share)] / each for share in (0.5, 0.99))
    print(f"how late the loop wakes while {count} pictures are prepared, in parts of the time that one takes:")
    print(f"p50 {p50:.3f}, p99 {p99:.3f}, worst {late[-1] / each:.3f}; p99 is to be under {MOST}")
    return int(p99 >= MOST)


if __name__ == "__main__":
    sys.exit(main())
