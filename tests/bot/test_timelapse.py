"""The way from a first picture to a last one, as a GIF."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from PIL import Image, ImageChops, ImageSequence, ImageStat

from bot import timelapse
from bot.images import Refused
from bot.timelapse import Frame, animate

PLENTY = 10 * 2**20


def picture(colour: str, size: tuple[int, int] = (800, 600)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG")
    return buffer.getvalue()


def noise(size: tuple[int, int] = (800, 600)) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise(size, 100).convert("RGB").save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def frames_of(gif: bytes | None) -> list[Image.Image]:
    assert gif is not None
    return [frame.convert("RGB") for frame in ImageSequence.Iterator(Image.open(io.BytesIO(gif)))]


def strongest(frame: Image.Image) -> int:
    """Return which of red, green and blue there is most of in the upper half of a frame."""
    means = ImageStat.Stat(frame.crop((0, 0, frame.width, frame.height // 2))).mean
    return means.index(max(means))


def test_each_step_is_a_frame_in_its_order_and_the_last_one_rests_longest() -> None:
    gif = animate([Frame("#1", picture("red")), Frame("#2", picture("lime")), Frame("#3", picture("blue"))], PLENTY)
    shown = frames_of(gif)
    assert [strongest(frame) for frame in shown] == [0, 1, 2]
    image = Image.open(io.BytesIO(gif or b""))
    stands = []
    for number in range(3):
        image.seek(number)
        stands.append(image.info["duration"])
    assert stands[0] == stands[1] < stands[2]
    assert image.info["loop"] == 0


def test_pictures_of_other_shapes_stand_in_the_middle_of_the_last_ones() -> None:
    tall, wide = picture("red", (300, 900)), picture("blue", (900, 300))
    first, last = frames_of(animate([Frame("#1", tall), Frame("#2", wide)], PLENTY))
    assert first.size == last.size
    corner, middle = first.getpixel((2, 2)), first.getpixel((first.width // 2, first.height // 3))
    assert corner != middle


def test_the_caption_is_part_of_the_frame() -> None:
    with_words, without = (frames_of(animate([Frame(words, picture("red"))], PLENTY))[0] for words in ("#1 Ana", ""))
    assert ImageChops.difference(with_words, without).getbbox() is not None


def test_of_a_long_way_the_last_steps_are_shown() -> None:
    frames = [Frame(f"#{number}", picture("red" if number % 2 else "blue", (64, 64))) for number in range(50)]
    shown = frames_of(animate(frames, PLENTY))
    assert len(shown) == timelapse.MOST_FRAMES
    assert all(ImageChops.difference(one, two).getbbox() for one, two in pairwise(shown))


def test_what_would_be_too_large_is_made_smaller_and_at_last_not_at_all() -> None:
    frames = [Frame("#1", noise()), Frame("#2", noise())]
    whole = animate(frames, PLENTY)
    smaller = animate(frames, len(whole or b"") // 2)
    assert smaller is not None
    assert len(smaller) <= len(whole or b"") // 2
    assert frames_of(smaller)[0].width < frames_of(whole)[0].width
    assert animate(frames, 1000) is None


def test_the_same_frames_give_the_same_bytes() -> None:
    assert animate([Frame("#1", picture("red"))], PLENTY) == animate([Frame("#1", picture("red"))], PLENTY)


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(Refused):
        animate([Frame("#1", b"no picture")], PLENTY)
    with pytest.raises(ValueError, match="needs a frame"):
        animate([], PLENTY)
