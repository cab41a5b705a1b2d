"""The bytes of pictures by hash, and the work on them."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import io
import os
import random
import subprocess
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot import images
from bot.errors import BadPicture, NotFound, OutOfSpace
from bot.images import Refused
from bot.pictures import Pictures, _apart
from bot.pictures._disk import full_disk_in_words
from bot.pictures._rendering import run


@pytest.fixture
async def pictures(tmp_path: Path) -> AsyncGenerator[Pictures]:
    async with Pictures(tmp_path / "pictures", min_free=0) as opened:
        yield opened


def encoded(kind: str, size: tuple[int, int] = (80, 64)) -> bytes:
    small = Image.frombytes("RGB", (8, 8), random.Random(3).randbytes(192))
    buffer = io.BytesIO()
    small.resize(size).save(buffer, kind)
    return buffer.getvalue()


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


# Bytes


async def test_bytes_are_read_back_by_their_hash(pictures: Pictures) -> None:
    sha256 = await pictures.put(b"bytes")
    assert sha256 == hashlib.sha256(b"bytes").hexdigest()
    assert await pictures.get(sha256) == b"bytes"


async def test_what_is_kept_already_is_known_by_its_bytes_and_never_by_a_hash_alone(pictures: Pictures) -> None:
    data, other = encoded("JPEG"), encoded("PNG")
    sha256 = await pictures.put(data)
    known = await pictures.known(sha256, data)
    assert known is not None
    assert (known.data, known.media_type, known.width, known.height) == (data, "image/jpeg", 80, 64)
    assert await pictures.known(sha256, other) is None
    assert await pictures.known(hashlib.sha256(other).hexdigest(), other) is None, "it was never prepared"
    assert await pictures.known("../../etc/passwd", data) is None


async def test_a_picture_is_found_by_the_next_program(tmp_path: Path) -> None:
    async with Pictures(tmp_path, min_free=0) as first:
        sha256 = await first.put(b"bytes")
    async with Pictures(tmp_path, min_free=0) as second:
        assert await second.get(sha256) == b"bytes"


async def test_bytes_are_written_once(pictures: Pictures, tmp_path: Path) -> None:
    sha256 = await pictures.put(b"bytes")
    (path,) = files(tmp_path)
    assert path.relative_to(tmp_path) == Path("pictures", sha256[:2], sha256)
    written = path.stat().st_ino
    assert await asyncio.gather(*(pictures.put(b"bytes") for _ in range(8))) == [sha256] * 8
    assert path.stat().st_ino == written
    assert files(tmp_path) == [path]


async def test_the_same_new_bytes_put_at_once_are_one_whole_file(pictures: Pictures, tmp_path: Path) -> None:
    data = bytes(3_000_000)
    hashes = await asyncio.gather(*(pictures.put(data) for _ in range(8)))
    assert len(set(hashes)) == 1
    (path,) = files(tmp_path)
    assert path.read_bytes() == data


async def test_a_failed_write_leaves_nothing(pictures: Pictures, tmp_path: Path) -> None:
    sha256 = hashlib.sha256(b"bytes").hexdigest()
    shard = tmp_path / "pictures" / sha256[:2]
    shard.write_text("a file where the folder should be")
    with pytest.raises(OSError, match="File exists"):
        await pictures.put(b"bytes")
    assert files(tmp_path) == [shard]


def test_a_full_disk_is_told_in_words() -> None:
    with pytest.raises(OutOfSpace, match="disk is nearly full"), full_disk_in_words():
        Path("/dev/full").write_bytes(b"bytes")  # Linux's disk without room


@pytest.mark.parametrize("sha256", ["", "ab", "../" * 10 + "etc/passwd", "A" * 64, "a" * 63 + "\n", "a" * 65, "٣" * 64])
async def test_what_is_no_hash_names_no_file(pictures: Pictures, sha256: str) -> None:
    with pytest.raises(NotFound):
        await pictures.get(sha256)
    with pytest.raises(NotFound):
        await pictures.delete(sha256)


async def test_a_deleted_picture_is_gone_and_may_be_put_again(pictures: Pictures) -> None:
    sha256 = await pictures.put(b"bytes")
    await pictures.delete(sha256)
    await pictures.delete(sha256)
    with pytest.raises(NotFound):
        await pictures.get(sha256)
    assert await pictures.put(b"bytes") == sha256
    assert await pictures.get(sha256) == b"bytes"


async def test_the_size_of_a_picture_is_told_while_it_is_there(pictures: Pictures) -> None:
    sha256 = await pictures.put(b"bytes")
    assert await pictures.size(sha256) == len(b"bytes")
    await pictures.delete(sha256)
    with pytest.raises(NotFound):
        await pictures.size(sha256)


async def test_damaged_bytes_are_never_returned_and_can_be_put_again(pictures: Pictures, tmp_path: Path) -> None:
    sha256 = await pictures.put(b"bytes")
    (path,) = files(tmp_path)
    path.write_bytes(b"other")
    with pytest.raises(NotFound):
        await pictures.get(sha256)
    await pictures.put(b"bytes")
    assert await pictures.get(sha256) == b"bytes"


async def test_what_a_crash_left_unfinished_is_removed_at_the_next_start(tmp_path: Path) -> None:
    async with Pictures(tmp_path, min_free=0):
        old, fresh = tmp_path / "tmp" / "old", tmp_path / "tmp" / "fresh"
        old.write_bytes(b"half")
        fresh.write_bytes(b"half")
        os.utime(old, (time.time() - 7200, time.time() - 7200))
    async with Pictures(tmp_path, min_free=0):
        assert files(tmp_path) == [fresh]


async def test_too_little_space_is_told_in_words(tmp_path: Path) -> None:
    async with Pictures(tmp_path / "roomy", min_free=1) as roomy:
        assert roomy.free() > 1
        roomy.check_space()
    async with Pictures(tmp_path / "tight", min_free=2**62) as tight:
        with pytest.raises(OutOfSpace, match="disk is nearly full"):
            tight.check_space()


# Work


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
async def test_a_reference_is_prepared_as_the_rules_say(pictures: Pictures, kind: str) -> None:
    data = encoded(kind)
    assert await pictures.prepare("image", "a", data) == images.prepare("image", "a", data)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
async def test_a_refusal_names_option_and_file(pictures: Pictures, kind: str) -> None:
    for data in (encoded(kind)[:90], encoded(kind, (2000, 64)), b"text", b"", bytes(images.MAX_BYTES + 1)):
        with pytest.raises(BadPicture, match="`cat` given as `image3`") as caught:
            await pictures.prepare("image3", "cat", data)
        assert caught.value.option == "image3"


async def test_pictures_are_fitted_and_described(pictures: Pictures) -> None:
    data = encoded("PNG", (600, 400))
    assert await pictures.describe(data) == ("image/png", 600, 400)
    assert len((await pictures.fit(data, "image/png", len(data) - 1)).data) < len(data)
    with pytest.raises(Refused):
        await pictures.describe(data[:-200])


async def test_large_pictures_take_turns(pictures: Pictures) -> None:
    """Ten pictures of 40 MP at once would be 1.6 GB; the room for pixels admits one."""
    together = most = 0

    def work() -> None:
        nonlocal together, most
        together += 1
        most = max(most, together)
        time.sleep(0.01)  # noqa: TID251 (it is a worker that waits)
        together -= 1

    await asyncio.gather(*(pictures._pool.work(40_000_000, work) for _ in range(6)))
    assert most == 1
    await asyncio.gather(*(pictures._pool.work(4_000_000, work) for _ in range(12)))
    assert most == 2


async def test_a_cancelled_caller_gives_back_no_room_before_its_work_is_over(pictures: Pictures) -> None:
    release = asyncio.Event()
    loop = asyncio.get_running_loop()
    begun = asyncio.Event()

    def wait() -> None:
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result()

    caller = asyncio.create_task(pictures._pool.work(40_000_000, wait))
    await begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    other = asyncio.create_task(pictures._pool.work(40_000_000, int))
    await asyncio.wait([other], timeout=0.05)
    assert not other.done()
    release.set()
    assert await other == 0


async def test_a_cancelled_waiter_lets_the_next_one_in(pictures: Pictures) -> None:
    release = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait() -> None:
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result()

    first, second, third = (asyncio.create_task(pictures._pool.work(40_000_000, f)) for f in (wait, int, int))
    await asyncio.sleep(0.01)
    second.cancel()
    release.set()
    await first
    assert await third == 0


async def test_failed_work_gives_its_room_back(pictures: Pictures) -> None:
    for _ in range(3):
        with pytest.raises(Refused):
            await pictures._pool.work(40_000_000, images.render, b"no picture")


# Thumbnails


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_a_thumbnail_is_a_small_jpeg_of_the_whole_picture(pictures: Pictures, kind: str) -> None:
    sha256 = await pictures.put(encoded(kind, (640, 320)))
    with Image.open(io.BytesIO(await pictures.thumbnail(sha256, (64, 64)))) as made:
        assert (made.format, made.size) == ("JPEG", (64, 32))


async def test_a_thumbnail_is_made_once_for_each_box_and_found_again_after_a_restart(
    pictures: Pictures, tmp_path: Path
) -> None:
    sha256 = await pictures.put(encoded("JPEG", (640, 320)))
    made = await pictures.thumbnail(sha256, (64, 64))
    (tmp_path / "pictures" / sha256[:2] / sha256).unlink()
    assert await pictures.thumbnail(sha256, (64, 64)) == made
    async with Pictures(tmp_path / "pictures", min_free=0) as again:
        assert await again.thumbnail(sha256, (64, 64)) == made
    with pytest.raises(NotFound):
        await pictures.thumbnail(sha256, (32, 32))


async def test_what_is_deleted_has_no_thumbnail_any_more(pictures: Pictures) -> None:
    sha256 = await pictures.put(encoded("JPEG"))
    for box in ((64, 64), (32, 32)):
        await pictures.thumbnail(sha256, box)
    await pictures.delete(sha256)
    for box in ((64, 64), (32, 32)):
        with pytest.raises(NotFound):
            await pictures.thumbnail(sha256, box)


async def test_a_picture_that_is_deleted_while_its_thumbnail_is_made_leaves_none(
    pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = await pictures.put(encoded("JPEG"))
    work = pictures._pool.work

    async def deleted_meanwhile(*args: Any) -> Any:
        made = await work(*args)
        await pictures.delete(sha256)
        return made

    monkeypatch.setattr(pictures._pool, "work", deleted_meanwhile)
    assert await pictures.thumbnail(sha256, (64, 64))
    with pytest.raises(NotFound):
        await pictures.thumbnail(sha256, (64, 64))


async def test_a_full_disk_keeps_no_thumbnail_and_shows_it_all_the_same(
    pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = await pictures.put(encoded("JPEG"))

    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(pictures._disk, "write", full)
    assert await pictures.thumbnail(sha256, (64, 64))


async def test_many_thumbnails_at_once_are_made_a_few_at_a_time(
    pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes = [await pictures.put(encoded("JPEG", (80 + number, 64))) for number in range(12)]
    read, now, most = pictures.get, 0, 0

    async def get(sha256: str) -> bytes:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.001)
        now -= 1
        return await read(sha256)

    monkeypatch.setattr(pictures, "get", get)
    made = await asyncio.gather(*(pictures.thumbnail(sha256, (64, 64)) for sha256 in hashes))
    assert len(made) == 12
    assert 2 <= most <= 4


# The process of its own


def test_a_process_of_its_own_writes_the_picture_or_the_reason() -> None:
    data, target, reason = encoded("WEBP"), io.BytesIO(), io.BytesIO()
    assert _apart.main(io.BytesIO(data), target) == 0
    assert target.getvalue() == images.render(data).data
    assert _apart.main(io.BytesIO(data[:50]), reason) == _apart.REFUSED
    assert reason.getvalue().startswith(b"is damaged")


def test_a_decoder_that_crashes_or_hangs_refuses_its_file() -> None:
    with pytest.raises(Refused, match="cannot be read"):
        run(["sh", "-c", "kill -SEGV $$"], b"", patience=30)
    with pytest.raises(Refused, match="takes too long"):
        run(["sleep", "30"], b"", patience=0.01)


def test_a_broken_installation_is_not_blamed_on_the_file() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        run(["sh", "-c", "exit 1"], b"", patience=30)
