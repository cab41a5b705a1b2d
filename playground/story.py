from __future__ import annotations
from pathlib import Path


async def play(folder: Path) -> int:
    return 0
