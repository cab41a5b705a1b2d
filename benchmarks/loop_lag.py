"""How long the event loop waits while pictures are decoded and encoded.

``python benchmarks/loop_lag.py [--pictures 36]``: prepares large photographs through ``bot.pictures``, all asked for at
once, keeps and reads each, and fits some into an upload limit, while the loop measures how late it wakes. Prints p50,
p99 and the worst in milliseconds, and ends with status 1 when p99 is 50 ms or more.
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

LIMIT_MS = 50
TICK = 0.002


def photograph(width: int, height: int, media: str, *, seed: int) -> bytes:
    """Return a file with a photograph's shades and grain."""
    small = random.Random(seed).randbytes((width // 16) * (height // 16) * 3)
    shades = Image.frombytes("RGB", (width // 16, height // 16), small).resize((width, height))
    image = ImageChops.add(shades, Image.effect_noise((width, height), 12).convert("RGB"), 2)
    buffer = io.BytesIO()
    image.save(buffer, media, quality=90, compress_level=1, method=0)
    return buffer.getvalue()


async def watch(late: list[float]) -> None:
    """Note, until cancelled, by how many seconds each wake-up comes late."""
    while True:
        due = time.perf_counter() + TICK
        await asyncio.sleep(TICK)
        late.append(time.perf_counter() - due)


async def edit(pictures: Pictures, data: bytes) -> None:
    """Do what an edit does with one picture: prepare, keep, read again, fit into an upload."""
    picture = await pictures.prepare("image", "photo", data)
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
    parser.add_argument("--pictures", type=int, default=36)
    count: int = parser.parse_args(arguments).pictures
    kinds = [
        photograph(6000, 4000, "JPEG", seed=1),
        photograph(4000, 3000, "PNG", seed=2),
        photograph(4000, 3000, "WEBP", seed=3),
    ]
    late, took = asyncio.run(measure(list(islice(cycle(kinds), count))))
    p50, p99 = (late[int(len(late) * share)] * 1000 for share in (0.5, 0.99))
    print(f"loop lag over {count} pictures (24 MP JPEG, 12 MP PNG, 12 MP WEBP) in {took:.1f} s, {len(late)} samples:")
    print(f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, worst {late[-1] * 1000:.1f} ms; p99 is to be under {LIMIT_MS} ms")
    return int(p99 >= LIMIT_MS)


if __name__ == "__main__":
    sys.exit(main())
