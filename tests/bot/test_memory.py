"""What pictures take of the memory, measured from outside: bombs, and many of the dearest at once."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot import images
from tests.bot.bombs import BOMBS, dearest, encoded, noise

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")

ROOT = Path(__file__).resolve().parents[2]
#: The most bytes that pictures may take, whatever comes.
LIMIT = 200_000_000


def told(files: dict[str, bytes], folder: Path, *, copies: int = 1) -> dict[str, Any]:
    """Prepare files, all at once, in a fresh process, and return what that tells."""
    paths: list[Path] = []
    for name, data in files.items():
        paths.append(folder / name)
        paths[-1].write_bytes(data)
    command = [sys.executable, "-m", "tests.bot.memory_meter", str(copies), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, cwd=ROOT, check=True)
    assert not done.stderr
    return json.loads(done.stdout)


def measured(files: dict[str, bytes], folder: Path, *, copies: int = 1) -> tuple[int, list[str]]:
    """Return the bytes that preparing files all at once took at most, and what became of each."""
    result = told(files, folder, copies=copies)
    return result["rise"], result["outcomes"]


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_takes_less_than_200_megabytes(name: str, tmp_path: Path) -> None:
    make, expected = BOMBS[name]
    data = make()
    assert len(data) <= 25 * 2**20, "it would be refused by its size alone"
    rise, (outcome,) = measured({name: data}, tmp_path)
    assert expected in outcome
    assert rise < LIMIT


def test_25_of_the_dearest_files_at_once_take_less_than_200_megabytes(tmp_path: Path) -> None:
    data = dearest()
    assert images.inspect(data).cost(images.LONGEST_SIDE) > images.MAX_COST * 0.95
    rise, outcomes = measured({"dearest": data}, tmp_path, copies=25)
    assert set(outcomes) == {"image/jpeg 2048x1707 on None"}
    assert rise < LIMIT


def test_links_to_large_pictures_beside_large_files_take_less_than_200_megabytes(tmp_path: Path) -> None:
    files = {"link": dearest(), "link to noise": noise(), "file": dearest()}
    rise, outcomes = measured(files, tmp_path, copies=8)
    assert set(outcomes) == {"image/jpeg 2048x1707 on None", "image/jpeg 2048x2048 on None"}
    assert rise < LIMIT


def test_files_of_every_kind_at_once_take_less_than_200_megabytes(tmp_path: Path) -> None:
    files = {
        name: make() for name, (make, _) in BOMBS.items() if name.partition("-")[0] in {"jpeg", "webp", "gif", "bmp"}
    }
    rise, outcomes = measured({**files, "noise": noise()}, tmp_path)
    assert len(outcomes) == len(files) + 1
    assert rise < LIMIT


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators are left as they are")
def test_what_pictures_took_is_given_back(tmp_path: Path) -> None:
    """What one thread keeps of a picture that is gone, the next one cannot use: it would come on top."""
    photograph = encoded(Image.new("RGB", (8160, 6120), "blue"), "JPEG")
    assert told({"photograph": photograph, "noise": noise()}, tmp_path, copies=5)["left"] < 12_000_000
