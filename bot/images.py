"""What an acceptable reference is, and how a picture is made ready: rules without I/O.

A file is judged by its bytes, never by its name or its claimed type. The header is read by hand before any decoder sees
the file, because some decoders allocate the whole canvas on opening; only then does Pillow decode it, with the one
decoder that the header named.

What :func:`prepare` makes of a reference, always the same bytes for the same file:

- upright by EXIF, then without any metadata (a photograph knows where it was taken);
- at most :data:`LONGEST_SIDE` on its longest side;
- colours converted to sRGB when the file came with another profile, since the profile goes with the metadata;
- opaque: transparency is laid on :data:`BACKGROUND`, because the model edits opaque pictures and an alpha channel would
  otherwise be dropped somewhere on the way, usually on black;
- JPEG of high quality; or PNG, where the source was lossless and small and PNG comes out smaller (drawings, screenshots).
"""

from __future__ import annotations

import codecs
import io
import math
import struct
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from PIL import Image, ImageCms
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from bot.errors import BadPicture

#: The most pixels a file may claim: decoded, 40 MP are 160 MB.
MAX_PIXELS: Final = 40_000_000
#: The largest upload, in bytes. It equals the most that one Discord message can carry.
MAX_BYTES: Final = 25 * 1024 * 1024
#: A prepared reference is scaled down to this on its longest side: the largest picture the model makes.
LONGEST_SIDE: Final = 2048
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
#: A progressive JPEG has ten or so; each costs a pass over all its pixels, so thousands of empty ones are an attack.
_MAX_SCANS: Final = 100
_TRIES: Final = 6
#: Characters of a file's name that a sentence repeats.
_SHOWN: Final = 60
_LOSSLESS: Final = frozenset({"image/png", "image/gif", "image/bmp"})
_WHAT_I_TAKE: Final = "a JPEG, PNG or WEBP"
_DAMAGED: Final = "is damaged or cut short; save it again as a JPEG or PNG and attach that"


class Refused(Exception):
    """A file is no acceptable picture. ``str()`` completes a sentence that begins with the file's name."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a file's first bytes claim: nothing was decoded for it."""

    media_type: str
    #: In pixels, before EXIF turns it.
    width: int
    height: int
    animated: bool = False

    @property
    def pixels(self) -> int:
        """Return the area that decoding it would fill."""
        return self.width * self.height


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture and what is known of it."""

    data: bytes = field(repr=False)
    media_type: str
    width: int
    height: int


def check_claims(option: str, name: str, size: int) -> None:
    """Refuse by the claimed size in bytes, before anything is read. Raises :class:`~bot.errors.BadPicture`."""
    if size > MAX_BYTES:
        limit = MAX_BYTES // 2**20
        raise _bad(option, name, f"has {size / 2**20:.1f} MB and I take up to {limit} MB; save it smaller or as a JPEG")
    if size <= 0:
        raise _bad(option, name, f"is empty; attach {_WHAT_I_TAKE} picture")


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
    image = _decode(data, header, longest=LONGEST_SIDE)
    return _encode(image, lossless=header.media_type in _LOSSLESS)


def inspect(data: bytes) -> Header:
    """Read a file's header, without decoding. Raises :class:`Refused` if it is no picture or claims too many pixels."""
    parse = next((parse for magic, parse in _PARSERS.items() if data.startswith(magic)), None)
    if parse is None:
        raise _foreign(data)
    try:
        header = parse(data)
    except (struct.error, IndexError, ValueError):
        raise Refused(_DAMAGED) from None
    if header.width < 1 or header.height < 1:
        raise Refused(_DAMAGED)
    if header.pixels > MAX_PIXELS:
        raise Refused(
            f"has {header.width}x{header.height} pixels and I take up to {MAX_PIXELS // 1_000_000} million "
            f"({header.pixels / 1_000_000:.0f} million given); scale it down, {LONGEST_SIDE} on its longest side is enough"
        )
    return header


def foreign(start: bytes) -> str | None:
    """Say what a file is instead of a picture, by its first bytes (32 are enough); ``None`` if it begins like one."""
    return None if start.startswith(tuple(_PARSERS)) else _given(start)


def describe(data: bytes) -> tuple[str, int, int]:
    """Return media type, width and height of a result. Decodes it, so a download cut short raises :class:`Refused`."""
    header = inspect(data)
    with _reading():
        _opened(data, header).load()
    return header.media_type, header.width, header.height


def fit(data: bytes, media_type: str, limit: int) -> Picture:
    """Return the picture in at most ``limit`` bytes: itself if it fits, else as large and as good as it can be.

    It gives up some quality first and pixels then, in a handful of encodes, and cannot fail for 100 kB or more.
    """
    header = inspect(data)
    if len(data) <= limit:
        return Picture(data, media_type, header.width, header.height)
    image = _decode(data, header)
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
    # EXIF may turn it, which shows only once it is decoded: large enough for the box either way.
    scale = max(min(width / header.width, height / header.height), min(width / header.height, height / header.width))
    image = _decode(data, header, longest=max(1, round(scale * max(header.width, header.height))), how=_QUICK)
    scale = min(1.0, width / image.width, height / image.height)
    return _jpeg(_resized(image, _sized(image.size, scale), _QUICK), _THUMBNAIL_QUALITY).data


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
        picture = _jpeg(_resized(image, _sized(image.size, scale)), quality=84)
        size = len(picture.data)
        if size <= limit:
            largest, below = picture, scale
        else:
            above = scale
        if largest and (tries >= _TRIES or len(largest.data) > 0.8 * limit):
            return largest
        if picture.width == picture.height == 1:
            return picture


# Headers, read by hand -------------------------------------------------------------------------------------


def _jpeg_header(data: bytes) -> Header:
    # By the megabyte, because each count holds the interpreter's lock.
    if sum(data.count(b"\xff\xda", at, at + 2**20) for at in range(0, len(data), 2**20)) > _MAX_SCANS:
        raise Refused("is a JPEG of needlessly many scans; save it again as an ordinary JPEG")
    at = 2
    while True:
        at = data.index(b"\xff", at)
        marker = data[at + 1]
        if marker in _START_OF_FRAME:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return Header("image/jpeg", width, height)
        if marker in _BARE:
            at += 1 if marker == _PADDING else 2
        else:
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]


def _png_header(data: bytes) -> Header:
    width, height = struct.unpack_from(">II", data, 16)
    at, animated = 8, False
    while (kind := data[at + 4 : at + 8]) not in {b"IDAT", b""}:
        if kind == b"acTL":
            animated = animated or struct.unpack_from(">I", data, at + 8)[0] > 1
        at += 12 + struct.unpack_from(">I", data, at)[0]
    return Header("image/png", width, height, animated)


def _webp_header(data: bytes) -> Header:
    if data[8:12] != b"WEBP":
        raise _foreign(data)  # other files are RIFF, too
    match data[12:16]:
        case b"VP8X":
            width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
            return Header("image/webp", width, height, animated=bool(data[20] & 2))
        case b"VP8L":
            bits = struct.unpack_from("<I", data, 21)[0]
            return Header("image/webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", data, 26)
            return Header("image/webp", width & 0x3FFF, height & 0x3FFF)
        case _:
            raise Refused(_DAMAGED)


def _gif_header(data: bytes) -> Header:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at, frames = 13 + _colour_table(flags), 0
    while frames <= 1 and data[at : at + 1] in {b"!", b","}:
        if data[at] == ord("!"):
            at = _after_blocks(data, at + 2)
            continue
        frames += 1
        left, top, wide, high, flags = struct.unpack_from("<4HB", data, at + 1)
        # A frame may reach beyond the screen, and the decoder grows the canvas for it.
        width, height = max(width, left + wide), max(height, top + high)
        at = _after_blocks(data, at + 11 + _colour_table(flags))
    return Header("image/gif", width, height, animated=frames > 1)


def _bmp_header(data: bytes) -> Header:
    (length,) = struct.unpack_from("<I", data, 14)
    if length not in _BMP:
        raise _foreign(data)  # two letters begin many a text, too
    if length == _OLD_BMP:
        width, height = struct.unpack_from("<HH", data, 18)
        return Header("image/bmp", width, height)
    width, height, _, _, compression = struct.unpack_from("<iiHHI", data, 18)
    if compression in {1, 2}:  # Pillow unpacks run lengths in Python, at minutes for a large file
        raise Refused("is a BMP with run-length compression; save it as a PNG")
    return Header("image/bmp", width, abs(height))


def _colour_table(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(data: bytes, at: int) -> int:
    while data[at]:
        at += data[at] + 1
    return at + 1


_START_OF_FRAME: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PADDING: Final = 0xFF
#: JPEG markers that no length follows.
_BARE: Final = frozenset({0x00, 0x01, _PADDING, *range(0xD0, 0xD9)})
#: The lengths of a BMP's second header, by version; the first one has shorter numbers than the others.
_OLD_BMP: Final = 12
_BMP: Final = frozenset({_OLD_BMP, 40, 52, 56, 64, 108, 124})
_PARSERS: Final[Mapping[bytes, Callable[[bytes], Header]]] = {
    b"\xff\xd8\xff": _jpeg_header,
    b"\x89PNG\r\n\x1a\n": _png_header,
    b"RIFF": _webp_header,
    b"GIF87a": _gif_header,
    b"GIF89a": _gif_header,
    b"BM": _bmp_header,
}

#: Files people do give for pictures, so that the refusal can name them: (where, which bytes, what it is).
_KNOWN: Final = (
    (4, b"ftypavi", "an AVIF picture"),
    (4, b"ftyphei", "a HEIC picture"),
    (4, b"ftypmif1", "a HEIC picture"),
    (4, b"ftyp", "a video"),
    (0, b"II*\0", "a TIFF picture"),
    (0, b"MM\0*", "a TIFF picture"),
    (0, b"8BPS", "a Photoshop file"),
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1aE\xdf\xa3", "a video"),
)


def _foreign(data: bytes) -> Refused:
    return Refused(f"is {_given(data)}; attach {_WHAT_I_TAKE} picture instead")


def _given(data: bytes) -> str:
    for at, magic, what in _KNOWN:
        if data.startswith(magic, at):
            return what
    try:
        # Incremental, because the cut may fall inside a character.
        start = codecs.getincrementaldecoder("utf-8")().decode(data[:1024])
    except UnicodeDecodeError:
        start = "\0"
    if "\0" in start:
        return "not a picture I can read"
    return "an SVG drawing" if "<svg" in start else "not a picture but text"


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
_DECODERS: Final[Mapping[str, Callable[[io.BytesIO], ImageFile]]] = {
    "image/jpeg": JpegImageFile,
    "image/png": PngImageFile,
    "image/webp": WebPImageFile,
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


def _decode(data: bytes, header: Header, *, longest: int | None = None, how: Image.Resampling = _FINE) -> Image.Image:
    """Return the picture as opaque, upright sRGB, at most ``longest`` on its longest side."""
    with _reading():
        file = _opened(data, header)
        size = _sized(file.size, min(1.0, longest / max(file.size)) if longest else 1.0)
        file.draft(None, size)  # lets a JPEG be decoded at a half, a quarter or an eighth, never below the size wanted
        file.load()
        turn = _TURNS.get(_orientation(file))
        image = _opaque(_resized(_plain(file), size, how), file.info.get("icc_profile"))
        if turn is not None:
            image = image.transpose(turn)
    image.info = {}  # Pillow would write a comment or a profile from here into the new file
    return image


@contextmanager
def _reading() -> Generator[None]:
    """Turn what decoders throw at damage, which is every kind of exception, into one that has words."""
    try:
        yield
    except Refused:
        raise
    except Exception as error:
        raise Refused(_DAMAGED) from error


def _opened(data: bytes, header: Header) -> ImageFile:
    file = _DECODERS[header.media_type](io.BytesIO(data))
    if file.size != (header.width, header.height):
        raise Refused(_DAMAGED)  # two readings of one header: the file wants to be more than it says
    return file


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(0x0112, 1))
    except Exception:  # noqa: BLE001 (a camera's broken EXIF is no reason to refuse its picture)
        return 1


def _plain(image: Image.Image) -> Image.Image:
    """Return the picture in a mode that scales well: L, RGB, CMYK or RGBA."""
    if image.mode.startswith("I"):  # 16 bit grey, which a plain conversion would clip at 255
        whole = image.convert("I").point(lambda value: value * (1 / 256))  # pyright: ignore[reportUnknownMemberType]
        return whole.convert("L")
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode == "1":
        return image.convert("L")
    return image if image.mode in {"L", "RGB", "CMYK"} else image.convert("RGB")


def _opaque(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the picture as RGB, on the background and in sRGB."""
    if image.mode == "RGBA":
        flat = Image.new("RGB", image.size, BACKGROUND)
        # Not alpha_composite: that one holds the interpreter's lock, 50 ms for 4 MP.
        flat.paste(image, mask=image.getchannel("A"))
        image = flat
    if profile:
        # A profile that does not fit its picture says nothing about its colours.
        with suppress(ImageCms.PyCMSError, OSError, ValueError):
            image = _in_srgb(image, profile)
    return image if image.mode == "RGB" else image.convert("RGB")


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    return ImageCms.profileToProfile(image, given, srgb, outputMode="RGB") or image


def _sized(size: tuple[int, int], scale: float) -> tuple[int, int]:
    width, height = size
    return max(1, round(width * scale)), max(1, round(height * scale))


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
