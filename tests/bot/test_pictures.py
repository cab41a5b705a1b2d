"""The bytes of pictures by hash, and the work on them."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import io
import os
import random
import struct
import subprocess
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot import images
from bot.errors import BadPicture, NotFound, OutOfSpace
from bot.images import Refused
from bot.images import _apart as apart
from bot.links import Keep
from bot.pictures import Pictures
from bot.pictures._disk import Disk, full_disk_in_words
from bot.pictures._rendering import run

#: Bytes that one of the dearest pictures takes.
LARGE = 150_000_000


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
    """Ten pictures that take 150 MB at once would be 1.5 GB; the room for work admits one."""
    together = most = 0

    def work() -> None:
        nonlocal together, most
        together += 1
        most = max(most, together)
        time.sleep(0.01)  # noqa: TID251 (it is a worker that waits)
        together -= 1

    await asyncio.gather(*(pictures._pool.work(LARGE, work) for _ in range(6)))
    assert most == 1
    await asyncio.gather(*(pictures._pool.work(LARGE // 10, work) for _ in range(12)))
    assert most == 2


async def test_work_that_takes_more_than_there_is_room_for_has_it_alone(pictures: Pictures) -> None:
    assert await asyncio.gather(*(pictures._pool.work(10 * LARGE, int) for _ in range(3))) == [0, 0, 0]


async def test_a_cancelled_caller_gives_back_no_room_before_its_work_is_over(pictures: Pictures) -> None:
    release = asyncio.Event()
    loop = asyncio.get_running_loop()
    begun = asyncio.Event()

    def wait() -> None:
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result()

    caller = asyncio.create_task(pictures._pool.work(LARGE, wait))
    await begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    other = asyncio.create_task(pictures._pool.work(LARGE, int))
    await asyncio.wait([other], timeout=0.05)
    assert not other.done()
    release.set()
    assert await other == 0


async def test_a_cancelled_waiter_lets_the_next_one_in(pictures: Pictures) -> None:
    release = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait() -> None:
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result()

    first, second, third = (asyncio.create_task(pictures._pool.work(LARGE, f)) for f in (wait, int, int))
    await asyncio.sleep(0.01)
    second.cancel()
    release.set()
    await first
    assert await third == 0


class Sender:
    """Somebody who sends a file that comes when it is told to."""

    def __init__(self, data: bytes = b"bytes") -> None:
        self._data = data
        self.asked = asyncio.Event()
        self.come = asyncio.Event()

    async def read(self) -> bytes:
        self.asked.set()
        await self.come.wait()
        return self._data


async def test_files_wait_to_be_read_until_there_is_room_for_them(pictures: Pictures) -> None:
    first, second, third = Sender(), Sender(), Sender()

    async def send(sender: Sender, size: int) -> None:
        async with pictures.file(size, sender.read) as data:
            assert data == b"bytes"

    half = images.MAX_BYTES // 2
    sending = [asyncio.create_task(send(sender, half)) for sender in (first, second, third)]
    await asyncio.gather(first.asked.wait(), second.asked.wait())
    await asyncio.wait(sending, timeout=0.05)
    assert not third.asked.is_set()
    second.come.set()
    await third.asked.wait()
    first.come.set()
    third.come.set()
    await asyncio.gather(*sending)


async def test_a_file_keeps_its_room_until_it_is_prepared_and_gives_it_back_when_reading_fails(
    pictures: Pictures,
) -> None:
    async def fail() -> bytes:
        raise ValueError("gone")

    for _ in range(3):
        with pytest.raises(ValueError, match="gone"):
            async with pictures.file(images.MAX_BYTES, fail):
                raise AssertionError
    kept, other = Sender(), Sender()
    kept.come.set()
    other.come.set()

    async def send() -> None:
        async with pictures.file(images.MAX_BYTES, other.read):
            pass

    async with pictures.file(images.MAX_BYTES, kept.read):
        waiting = asyncio.create_task(send())
        await asyncio.wait([waiting], timeout=0.05)
        assert not other.asked.is_set()
    await waiting


class Elsewhere:
    """A host that sends a picture in two pieces, the second one when it is told to."""

    def __init__(self, sent: bytes = b"bytes") -> None:
        self._sent = sent
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()

    async def fetch(self, keep: Keep) -> None:
        self.asked.set()
        await keep(self._sent[:2])
        await self.go_on.wait()
        await keep(self._sent[2:])


async def test_what_is_fetched_slowly_keeps_no_file_waiting_and_only_a_few_others_that_are_fetched(
    pictures: Pictures,
) -> None:
    async def follow(elsewhere: Elsewhere) -> bytes:
        async with pictures.fetched(elsewhere.fetch) as data:
            return data

    slow, quick = [Elsewhere(bytes(range(9))) for _ in range(5)], Sender()
    following = [asyncio.create_task(follow(one)) for one in slow]
    await asyncio.gather(*(one.asked.wait() for one in slow[:4]))
    await asyncio.wait(following, timeout=0.05)
    assert not slow[4].asked.is_set()
    quick.come.set()
    async with asyncio.timeout(30), pictures.file(images.MAX_BYTES, quick.read) as data:
        assert data == b"bytes"
    slow[2].go_on.set()
    await slow[4].asked.wait()
    for one in slow:
        one.go_on.set()
    assert await asyncio.gather(*following) == [bytes(range(9))] * 5


async def test_what_is_fetched_takes_its_room_when_it_is_there(pictures: Pictures) -> None:
    elsewhere, kept, entered = Elsewhere(), Sender(), asyncio.Event()
    elsewhere.go_on.set()
    kept.come.set()

    async def follow() -> bytes:
        async with pictures.fetched(elsewhere.fetch) as data:
            entered.set()
            return data

    async with pictures.file(images.MAX_BYTES, kept.read):
        following = asyncio.create_task(follow())
        await asyncio.wait([following], timeout=0.05)
        assert elsewhere.asked.is_set()
        assert not entered.is_set()
    assert await following == b"bytes"


async def test_what_is_not_fetched_leaves_nothing_behind(pictures: Pictures, tmp_path: Path) -> None:
    async def fail(keep: Keep) -> None:
        await keep(b"the first piece")
        raise BadPicture("image_url", "The rest did not come.")

    async def follow() -> None:
        async with pictures.fetched(Elsewhere().fetch):
            raise AssertionError

    for _ in range(5):
        with pytest.raises(BadPicture):
            async with pictures.fetched(fail):
                raise AssertionError
        given_up = asyncio.create_task(follow())
        await asyncio.wait([given_up], timeout=0.01)
        given_up.cancel()
        await asyncio.wait([given_up])
    elsewhere = Elsewhere()
    elsewhere.go_on.set()
    async with asyncio.timeout(30), pictures.fetched(elsewhere.fetch) as data:
        assert data == b"bytes"
    assert files(tmp_path) == []


async def test_a_full_disk_is_told_in_words_while_something_is_fetched(
    pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.BytesIO):
        def flush(self) -> None:
            raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(Disk, "nameless", lambda _: Full())
    with pytest.raises(OutOfSpace):
        async with pictures.fetched(Elsewhere().fetch):
            raise AssertionError


async def test_many_large_files_that_all_need_all_of_the_room_for_work_never_wait_for_each_other(
    pictures: Pictures,
) -> None:
    """Each holds room for its file while it waits for room to work: neither that, nor who gives up, stops the others."""

    async def send(number: int) -> int:
        sender = Sender()
        sender.come.set()
        async with pictures.file(images.MAX_BYTES // (1 + number % 4), sender.read) as data:
            return await pictures._pool.work(images.MAX_COST, len, data)

    sending = [asyncio.create_task(send(number)) for number in range(40)]
    await asyncio.sleep(0)
    for given_up in sending[::7]:
        given_up.cancel()
    async with asyncio.timeout(30):
        told = await asyncio.gather(*sending, return_exceptions=True)
    assert [one for one in told if one != len(b"bytes")] == [
        one for one in told if isinstance(one, asyncio.CancelledError)
    ]
    assert told.count(len(b"bytes")) == 40 - 6


@asynccontextmanager
async def busy(pictures: Pictures, cost: int) -> AsyncGenerator[None]:
    """Have a worker at work that takes so many bytes, until the block is left."""
    release, begun = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait() -> None:
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result()

    work = asyncio.create_task(pictures._pool.work(cost, wait))
    await begun.wait()
    try:
        yield
    finally:
        release.set()
        await work


async def test_nobody_reads_a_large_file_beside_the_dearest_work(pictures: Pictures) -> None:
    """What reads a file joins its pieces, and has it twice for a moment."""
    sender = Sender()
    sender.come.set()

    async def send() -> None:
        async with pictures.file(images.MAX_BYTES, sender.read):
            pass

    async with busy(pictures, images.MAX_COST):
        sending = asyncio.create_task(send())
        await asyncio.wait([sending], timeout=0.05)
        assert not sender.asked.is_set()
    await sending


async def test_drawing_takes_room_as_well(pictures: Pictures) -> None:
    async with busy(pictures, LARGE):
        drawing = asyncio.create_task(pictures.draw(int))
        await asyncio.wait([drawing], timeout=0.05)
        assert not drawing.done()
    assert await drawing == 0


async def test_what_takes_too_much_is_refused_before_it_waits(pictures: Pictures) -> None:
    """A WEBP is prepared in a process of its own, which takes something too."""
    data = bytearray(encoded("WEBP"))
    struct.pack_into("<HH", data, 26, 6000, 5000)
    assert images.inspect(bytes(data)).cost(images.LONGEST_SIDE) < images.MAX_COST
    with pytest.raises(BadPicture, match=r"6000x5000 pixels, and as this kind of WEBP it would take 16\d MB of memory"):
        await pictures.prepare("image", "a", bytes(data) + bytes(1_000_000))


async def test_what_a_picture_was_laid_on_is_told_of_every_format(pictures: Pictures) -> None:
    clear, solid = Image.new("RGBA", (80, 64), (255, 0, 0, 254)), Image.new("RGBA", (80, 64), (255, 0, 0, 255))
    for kind in ("PNG", "WEBP"):
        for image, laid_on in ((clear, "white"), (solid, None)):
            buffer = io.BytesIO()
            image.save(buffer, kind, lossless=True)
            assert (await pictures.prepare("image", "a", buffer.getvalue())).laid_on == laid_on


async def test_failed_work_gives_its_room_back(pictures: Pictures) -> None:
    for _ in range(3):
        with pytest.raises(Refused):
            await pictures._pool.work(LARGE, images.render, b"no picture")


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
    assert apart.main(io.BytesIO(data), target) == 0
    assert target.getvalue() == b"\n" + images.render(data).data
    assert apart.main(io.BytesIO(data[:50]), reason) == apart.REFUSED
    assert reason.getvalue().startswith(b"is damaged")


def test_a_decoder_that_crashes_or_hangs_refuses_its_file() -> None:
    with pytest.raises(Refused, match="cannot be read"):
        run(["sh", "-c", "kill -SEGV $$"], b"", patience=30)
    with pytest.raises(Refused, match="takes too long"):
        run(["sleep", "30"], b"", patience=0.01)


def test_a_broken_installation_is_not_blamed_on_the_file() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        run(["sh", "-c", "exit 1"], b"", patience=30)
