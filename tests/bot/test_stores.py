"""What holds for the bytes of pictures, in a folder and in a bucket alike."""

from __future__ import annotations

import asyncio
import hashlib
import io
import threading
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.errors import NotFound
from bot.pictures import Pictures, open_store
from bot.pictures._disk import Disk
from bot.pictures._folder import Folder
from bot.pictures._keeper import Keeper
from bot.pictures._store import Kept, Store, hash_of, key
from bot.pictures._thumbnails import Thumbnails
from bot.settings import Settings

#: Longer than any test, and so long ago, in seconds.
LONG, EVER = 1000.0, -1000.0


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store, of each kind in turn."""
    if request.param == "folder":
        return Folder(Disk(tmp_path / "pictures"))
    needed: dict[str, Any] = {"discord_token": "x", "runware_api_key": "x", "allowed_guilds": "1"}
    opened = open_store(Settings(**needed, **request.getfixturevalue("bucket_settings")))
    assert opened is not None
    return opened


@pytest.fixture
async def pictures(store: Store, tmp_path: Path) -> AsyncGenerator[Pictures]:
    async with Pictures(tmp_path / "pictures", min_free=0, store=store) as opened:
        yield opened


class Through:
    """A store that does what another one does; a test changes a part of it."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def put(self, sha256: str, data: bytes) -> None:
        self.store.put(sha256, data)

    def get(self, sha256: str) -> bytes:
        return self.store.get(sha256)

    def stat(self, sha256: str) -> Kept:
        return self.store.stat(sha256)

    def delete(self, sha256: str) -> None:
        self.store.delete(sha256)

    def entries(self) -> Iterator[Kept]:
        return self.store.entries()


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def test_bytes_are_read_back_by_their_hash_also_by_the_next_program(
    pictures: Pictures, store: Store, tmp_path: Path
) -> None:
    sha256 = await pictures.put(b"bytes")
    assert sha256 == sha256_of(b"bytes")
    assert await pictures.get(sha256) == b"bytes"
    assert await pictures.size(sha256) == 5
    async with Pictures(tmp_path / "pictures", min_free=0, store=store) as again:
        assert await again.get(sha256) == b"bytes"


async def test_the_same_bytes_are_one_picture_however_often_they_are_put(pictures: Pictures) -> None:
    data = bytes(300_000)
    assert set(await asyncio.gather(*(pictures.put(data) for _ in range(8)))) == {sha256_of(data)}
    found = await pictures.inventory(EVER)
    assert (found.pictures, found.size) == (1, 300_000)


async def test_a_picture_is_named_by_its_hash_in_every_store(store: Store) -> None:
    sha256 = sha256_of(b"bytes")
    assert key(sha256) == f"{sha256[:2]}/{sha256}"
    assert hash_of(key(sha256)) == sha256
    assert [hash_of(name) for name in ("tmp/abc", f"00/{sha256}", f"thumbnails/{key(sha256)}", sha256)] == [None] * 4
    store.put(sha256, b"bytes")
    assert [kept.sha256 for kept in store.entries()] == [sha256]


async def test_what_was_never_put_is_not_found(pictures: Pictures) -> None:
    for ask in (pictures.get, pictures.size):
        with pytest.raises(NotFound):
            await ask(sha256_of(b"never"))
    await pictures.delete(sha256_of(b"never"))
    assert not await pictures.discard(sha256_of(b"never"), EVER)


async def test_what_is_no_hash_names_nothing(pictures: Pictures) -> None:
    for ask in (pictures.get, pictures.size, pictures.delete):
        with pytest.raises(NotFound):
            await ask("../../etc/passwd")


async def test_a_deleted_picture_is_gone_and_may_be_put_again(pictures: Pictures) -> None:
    sha256 = await pictures.put(b"bytes")
    await pictures.delete(sha256)
    with pytest.raises(NotFound):
        await pictures.get(sha256)
    assert await pictures.put(b"bytes") == sha256
    assert await pictures.get(sha256) == b"bytes"


async def test_damaged_bytes_are_never_returned_and_go(pictures: Pictures, store: Store) -> None:
    sha256 = await pictures.put(b"bytes")
    store.put(sha256, b"other")
    with pytest.raises(NotFound):
        await pictures.get(sha256)
    with pytest.raises(NotFound):
        await pictures.size(sha256)
    await pictures.put(b"bytes")
    assert await pictures.get(sha256) == b"bytes"


async def test_damaged_bytes_are_put_in_order_by_being_put_again(pictures: Pictures, store: Store) -> None:
    sha256 = await pictures.put(b"bytes")
    store.put(sha256, b"other")
    await pictures.put(b"bytes")
    assert await pictures.get(sha256) == b"bytes"


async def test_what_was_put_in_order_since_it_was_found_damaged_stays(store: Store, tmp_path: Path) -> None:
    sha256 = sha256_of(b"bytes")
    store.put(sha256, b"other")

    class Mended(Through):
        """The store, in which somebody puts the picture in order between the two looks at it."""

        def get(self, sha256: str) -> bytes:
            found = super().get(sha256)
            self.put(sha256, b"bytes")
            return found

    keeper = Keeper(Mended(store), Thumbnails(Disk(tmp_path / "pictures")))
    assert keeper.get(sha256) == b"bytes"


async def test_an_inventory_counts_everything_and_names_what_is_old(pictures: Pictures) -> None:
    one, two = await pictures.put(b"one"), await pictures.put(b"three")
    found = await pictures.inventory(EVER)
    assert (found.pictures, found.size, found.old) == (2, 8, {one: 3, two: 5})
    assert not (await pictures.inventory(LONG)).old


async def test_only_what_was_put_long_enough_ago_is_discarded(pictures: Pictures) -> None:
    sha256 = await pictures.put(b"bytes")
    assert not await pictures.discard(sha256, LONG)
    assert await pictures.get(sha256) == b"bytes"
    assert await pictures.discard(sha256, EVER)
    with pytest.raises(NotFound):
        await pictures.get(sha256)


async def test_a_picture_put_again_is_young_again(pictures: Pictures, store: Store, tmp_path: Path) -> None:
    sha256 = await pictures.put(b"bytes")
    before = store.stat(sha256).put_at
    async with asyncio.timeout(10):
        while store.stat(sha256).put_at == before:  # a bucket tells whole seconds
            await pictures.put(b"bytes")


async def test_a_picture_that_is_put_while_it_is_discarded_is_there_in_the_end(store: Store, tmp_path: Path) -> None:
    """The put comes between the look at the age and the removal, unless it has to wait for both."""
    asked, putting = threading.Event(), threading.Event()

    class Slow(Through):
        def stat(self, sha256: str) -> Kept:
            found = super().stat(sha256)
            asked.set()
            putting.wait(0.3)  # without its lock, the put is through by then
            return found

        def put(self, sha256: str, data: bytes) -> None:
            super().put(sha256, data)
            putting.set()

    sha256 = sha256_of(b"bytes")
    store.put(sha256, b"bytes")
    keeper = Keeper(Slow(store), Thumbnails(Disk(tmp_path / "pictures")))
    removing = asyncio.create_task(asyncio.to_thread(keeper.discard, sha256, 10.0**12))
    await asyncio.to_thread(asked.wait)
    await asyncio.to_thread(keeper.put, b"bytes")
    await removing
    assert keeper.get(sha256) == b"bytes"


async def with_thumbnail(pictures: Pictures, colour: str) -> str:
    """Put a picture, have a thumbnail made of it, and return its hash."""
    buffer = io.BytesIO()
    Image.new("RGB", (300, 200), colour).save(buffer, "PNG")
    sha256 = await pictures.put(buffer.getvalue())
    await pictures.thumbnail(sha256, (64, 64))
    await pictures.thumbnail(sha256, (32, 32))
    return sha256


def thumbnails_of(folder: Path) -> list[str]:
    """Return the hashes of the pictures that have thumbnails, one for each."""
    return [path.name.partition("-")[0] for path in (folder / "pictures" / "thumbnails").rglob("*.jpg")]


async def test_the_thumbnails_of_a_picture_that_was_damaged_go_with_it(
    pictures: Pictures, store: Store, tmp_path: Path
) -> None:
    damaged, other = await with_thumbnail(pictures, "red"), await with_thumbnail(pictures, "blue")
    store.put(damaged, b"other")
    with pytest.raises(NotFound):
        await pictures.get(damaged)
    assert thumbnails_of(tmp_path) == [other] * 2


async def test_an_inventory_removes_the_thumbnails_of_what_is_not_there(
    pictures: Pictures, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash may have left them, or a bucket removes pictures by rules of its own."""
    monkeypatch.setattr("bot.pictures._keeper.secrets.randbelow", lambda _: 0)
    gone, other = await with_thumbnail(pictures, "red"), await with_thumbnail(pictures, "blue")
    foreign = tmp_path / "pictures" / "thumbnails" / gone[:2] / "no-thumbnail.jpg"
    foreign.touch()
    store.delete(gone)
    await pictures.inventory(EVER)
    assert sorted(thumbnails_of(tmp_path)) == sorted([other] * 2 + ["no"])
    foreign.unlink()


async def test_what_looks_like_a_picture_that_is_kept_has_its_thumbnails_until_another_inventory(
    pictures: Pictures, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.pictures._keeper._DIGITS", 1)
    gone, kept = [await with_thumbnail(pictures, colour) for colour in ("red", "blue")]
    store.delete(gone)
    places = [[one == other for one, other in zip(gone, kept, strict=True)].index(same) for same in (True, False)]
    for place, left in zip(places, ({gone, kept}, {kept}), strict=True):
        monkeypatch.setattr("bot.pictures._keeper.secrets.randbelow", lambda _, place=place: place)
        await pictures.inventory(EVER)
        assert set(thumbnails_of(tmp_path)) == left


async def test_a_picture_that_is_put_while_everything_is_counted_keeps_its_thumbnails(
    store: Store, tmp_path: Path
) -> None:
    thumbnails = Thumbnails(Disk(tmp_path / "pictures"))

    class Late(Through):
        """The store, into which somebody puts a picture just after all of it was told."""

        def entries(self) -> Iterator[Kept]:
            yield from super().entries()
            self.put(sha256_of(b"late"), b"late")
            thumbnails.put(sha256_of(b"late"), (64, 64), b"small")

    Keeper(Late(store), thumbnails).inventory(EVER)
    assert thumbnails.get(sha256_of(b"late"), (64, 64)) == b"small"


async def test_a_thumbnail_is_on_this_machine_and_goes_with_its_picture(pictures: Pictures, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (300, 200), "red").save(buffer, "PNG")
    sha256 = await pictures.put(buffer.getvalue())
    made = await pictures.thumbnail(sha256, (64, 64))
    [file] = (tmp_path / "pictures" / "thumbnails").rglob("*.jpg")
    assert file.read_bytes() == made
    assert await pictures.discard(sha256, EVER)
    assert not file.exists()
