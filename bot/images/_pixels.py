"""References made of files, and pictures scaled and described: one decoder at a time, given nothing but pixels."""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Final

from PIL import Image, ImageCms
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from bot.errors import BadPicture
from bot.images import _bands as bands
from bot.images import _parts as parts
from bot.images import _webp as webp
from bot.images._headers import (
    DAMAGED,
    LONGEST_SIDE,
    MAX_PROFILE,
    WHAT_I_TAKE,
    Header,
    Refused,
    inspect,
    scaled,
    within,
)

#: The largest upload, in bytes. It equals the most that one Discord message can carry.
MAX_BYTES: Final = 25 * 1024 * 1024
#: A smaller picture shows the model nothing.
SHORTEST_SIDE: Final = 64
#: The model makes pictures of 128 to 2048 pixels a side, so 16:1 is the narrowest that one of them can match.
NARROWEST: Final = 16
#: What transparency is laid on.
BACKGROUND: Final = "white"

_QUALITY: Final = 95
_THUMBNAIL_QUALITY: Final = 88
#: How pictures are scaled: those that the model gets, and those that are only looked at, three times as fast.
_FINE: Final = Image.Resampling.LANCZOS
_QUICK: Final = Image.Resampling.BILINEAR
#: PNG is tried up to this size only: it takes a second for 4 MP.
_PNG_PIXELS: Final = 1_000_000
_TRIES: Final = 6
#: Characters of a file's name that a sentence repeats.
_SHOWN: Final = 60
#: Where a PNG says how many bits a sample has.
_PNG_BITS: Final = 24
_LOSSLESS: Final = frozenset({"image/png", "image/gif", "image/bmp"})


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture and what is known of it."""

    data: bytes = field(repr=False)
    media_type: str
    width: int
    height: int
    #: What shows where its file was transparent; ``None`` where nothing was.
    laid_on: str | None = None


def check_claims(option: str, name: str, size: int) -> None:
    """Refuse by the claimed size in bytes, before anything is read. Raises :class:`~bot.errors.BadPicture`."""
    if size > MAX_BYTES:
        limit = MAX_BYTES // 2**20
        raise _bad(option, name, f"has {size / 2**20:.1f} MB and I take up to {limit} MB; save it smaller or as a JPEG")
    if size <= 0:
        raise _bad(option, name, f"is empty; attach {WHAT_I_TAKE} picture")


def prepare(option: str, name: str, data: bytes) -> Picture:
    """Make a reference of an uploaded file, or raise :class:`~bot.errors.BadPicture` with what to do instead."""
    check_claims(option, name, len(data))
    try:
        return render(data)
    except Refused as refused:
        raise refusal(option, name, refused) from refused


def refusal(option: str, name: str, refused: Refused) -> BadPicture:
    """Return the error that tells the person who gave the file ``name`` as ``option`` why it was refused."""
    return _bad(option, name, str(refused))


def render(data: bytes) -> Picture:
    """Make a reference of a file's bytes, or raise :class:`Refused`."""
    header = inspect(data)
    _check_shape(header)
    image, transparent = _decode(data, header, longest=LONGEST_SIDE)
    picture = _encode(image, lossless=header.media_type in _LOSSLESS)
    return replace(picture, laid_on=BACKGROUND) if transparent else picture


def describe(data: bytes) -> tuple[str, int, int]:
    """Return media type, width and height of a result. Decodes it, so a download cut short raises :class:`Refused`."""
    header = inspect(data)
    with _reading():
        _loaded(data, header, 1)
    return header.media_type, header.width, header.height


def fit(data: bytes, media_type: str, limit: int) -> Picture:
    """Return the picture in at most ``limit`` bytes: itself if it fits, else as large and as good as it can be.

    It gives up some quality first and pixels then, in a handful of encodes, and cannot fail for 100 kB or more.
    No picture that the model makes has more than :data:`LONGEST_SIDE`, so no larger one is made here.
    """
    header = inspect(data)
    if len(data) <= limit:
        return Picture(data, media_type, header.width, header.height)
    image, _ = _decode(data, header, longest=LONGEST_SIDE)
    for quality in (92, 84, 76):
        picture = _jpeg(image, quality)
        if len(picture.data) <= limit:
            return picture
        if len(picture.data) > 3 * limit:
            break  # No quality bridges that (92 to 76 about halves it); scaling will.
    return _shrunk(image, limit, scale=1.0, size=len(picture.data))


def thumbnail(data: bytes, box: tuple[int, int]) -> bytes:
    """Return the whole picture as a small JPEG that fits into a box of so many pixels, upright and never enlarged.

    A JPEG is decoded no larger than needed, which takes a few milliseconds. Raises :class:`Refused`.
    """
    header, (width, height) = inspect(data), box
    # EXIF may turn it: large enough for the box either way.
    scale = max(min(width / header.width, height / header.height), min(width / header.height, height / header.width))
    longest = max(1, round(scale * max(header.width, header.height)))
    image, _ = _decode(data, header, longest=longest, how=_QUICK)
    scale = min(1.0, width / image.width, height / image.height)
    return _jpeg(_resized(image, scaled(image.size, scale), _QUICK), _THUMBNAIL_QUALITY).data


def _shrunk(image: Image.Image, limit: int, *, scale: float, size: int) -> Picture:
    """Return the picture scaled into ``limit`` bytes, knowing that at ``scale`` it takes ``size``, which is too much.

    Bytes go roughly with area, but only a try tells; after six, or at four fifths of the limit, the largest that fits
    is good enough.
    """
    largest, below, above, tries = None, 0.0, scale, 0
    while True:
        tries += 1
        scale *= math.sqrt(0.9 * limit / size)
        if not below < scale < above:
            scale = (below + above) / 2
        picture = _jpeg(_resized(image, scaled(image.size, scale)), quality=84)
        size = len(picture.data)
        if size <= limit:
            largest, below = picture, scale
        else:
            above = scale
        if largest and (tries >= _TRIES or len(largest.data) > 0.8 * limit):
            return largest
        if picture.width == picture.height == 1:
            return picture


def _check_shape(header: Header) -> None:
    """Refuse what the model cannot use: raises :class:`Refused`."""
    size = f"{header.width}x{header.height}"
    if header.animated:
        raise Refused("is animated and I edit still pictures; save one frame of it as a PNG or JPEG")
    if min(header.width, header.height) < SHORTEST_SIDE:
        raise Refused(f"has {size} pixels and the model needs {SHORTEST_SIDE} or more on each side; give a larger one")
    if max(header.width, header.height) > NARROWEST * min(header.width, header.height):
        raise Refused(
            f"has {size} pixels and is too narrow: one side may be up to {NARROWEST} times the other; crop it"
        )


# Pixels ----------------------------------------------------------------------------------------------------

# The decoder is chosen by our own reading of the header, so a file cannot talk Pillow into another one.
_DECODERS: Final[Mapping[str, Callable[[io.BufferedReader], ImageFile]]] = {
    "image/jpeg": JpegImageFile,
    "image/png": PngImageFile,
    "image/gif": GifImageFile,
    "image/bmp": BmpImageFile,
}
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _decode(data: bytes, header: Header, *, longest: int, how: Image.Resampling = _FINE) -> tuple[Image.Image, bool]:
    """Return the picture as opaque, upright sRGB, at most ``longest`` on its longest side; and whether it was transparent."""
    with _reading():
        whole = _loaded(data, header, longest)
        profile = whole.info.get("icc_profile")
        size = within((header.width, header.height), longest)
        image, transparent = bands.flattened(whole, size, how, BACKGROUND)
        del whole  # the largest of all, and no longer needed
        image = _in_srgb(image, profile)
        turn = _TURNS.get(header.orientation)
        if turn is not None:
            image = image.transpose(turn)
    image.info = {}  # Pillow would write a comment or a profile from here into the new file
    return image, transparent


@contextmanager
def _reading() -> Generator[None]:
    """Turn what decoders throw at damage, which is every kind of exception, into one that has words."""
    try:
        yield
    except Refused:
        raise
    except Exception as error:
        raise Refused(DAMAGED) from error


def _loaded(data: bytes, header: Header, longest: int) -> Image.Image:
    """Return the decoded picture, no smaller than at ``longest`` on its longest side."""
    if header.media_type == "image/webp":
        image = webp.decoded(data, (header.width, header.height))
        image.info = {"icc_profile": _webp_profile(data)}
        return image
    file = _DECODERS[header.media_type](parts.opened(data, header.spans))
    if file.size != (header.width, header.height):
        raise Refused(DAMAGED)  # two readings of one header: the file wants to be more than it says
    file.draft(None, within(file.size, longest))  # only a JPEG can
    if file.size != header.drafted(longest):
        raise Refused(DAMAGED)
    file.load()
    if header.media_type == "image/png" and file.mode == "L" and "transparency" in file.info:
        # Pillow makes eight bits of the pixels of a grey PNG, and leaves the one that is transparent as it was.
        file.info["transparency"] *= 255 // (2 ** data[_PNG_BITS] - 1)
    return file


def _webp_profile(data: bytes) -> bytes | None:
    """Return the colour profile, which comes first where a WEBP has one."""
    length = struct.unpack_from("<I", data, 34)[0] if data[30:34] == b"ICCP" else 0
    return data[38 : 38 + length] if 0 < length <= MAX_PROFILE else None


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the picture as RGB, its colours converted out of the profile that it came with."""
    if profile:
        # A profile that does not fit its picture says nothing about its colours.
        with suppress(ImageCms.PyCMSError, OSError, ValueError):
            given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
            image = ImageCms.profileToProfile(image, given, srgb, outputMode="RGB") or image
    return image if image.mode == "RGB" else image.convert("RGB")


def _resized(image: Image.Image, size: tuple[int, int], how: Image.Resampling = _FINE) -> Image.Image:
    if image.size == size:
        return image
    # Pillow's hints for `resize` name NumPy, which is not installed here.
    return image.resize(size, how, reducing_gap=3.0)  # pyright: ignore[reportUnknownMemberType]


def _encode(image: Image.Image, *, lossless: bool) -> Picture:
    # A lossless source still has its full colour detail; the others (JPEG, WEBP) mostly lost it already.
    picture = _jpeg(image, _QUALITY, full_colour=lossless)
    if not lossless or image.width * image.height > _PNG_PIXELS:
        return picture
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    if buffer.tell() > len(picture.data):
        return picture
    return Picture(buffer.getvalue(), "image/png", image.width, image.height)


def _jpeg(image: Image.Image, quality: int, *, full_colour: bool = False) -> Picture:
    buffer = io.BytesIO()
    # Not optimize or progressive: into memory, Pillow then holds the interpreter's lock for the whole encode.
    image.save(buffer, "JPEG", quality=quality, subsampling="4:4:4" if full_colour else "4:2:0")
    return Picture(buffer.getvalue(), "image/jpeg", image.width, image.height)


def _bad(option: str, name: str, what: str) -> BadPicture:
    """Build the sentence: which option, which file, what is wrong, what to do."""
    shown = "".join(c for c in name if c.isprintable() and c != "`").strip() or "file"
    if len(shown) > _SHOWN:
        shown = f"{shown[: _SHOWN - 10]}…{shown[-9:]}"
    return BadPicture(option, f"The file `{shown}` given as `{option}` {what}.")
