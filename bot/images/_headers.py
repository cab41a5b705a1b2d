"""What a file claims to be, read by hand, and what it would cost to make a picture of it. Nothing is decoded here."""

from __future__ import annotations

import codecs
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from bot.images import _bands as bands
from bot.images._parts import Span, joined

#: The most bytes that making a reference of a file may take, besides the file: a screen of 8K in RGBA takes 156 MB.
MAX_COST: Final = 160_000_000
#: The most pixels a file may claim. A large JPEG costs little memory, as it is decoded smaller, but every pixel takes time.
MAX_PIXELS: Final = 100_000_000
#: A prepared reference is scaled down to this on its longest side: the largest picture the model makes.
LONGEST_SIDE: Final = 2048

#: A progressive JPEG has ten or so; each costs a pass over all its pixels, so thousands of empty ones are an attack.
_MAX_SCANS: Final = 100
#: A file comes in some hundreds of parts. Millions of empty ones are an attack.
_MAX_PARTS: Final = 50_000
#: A colour profile has a few megabytes at most; a larger one is none, and left out.
MAX_PROFILE: Final = 4 * 2**20
_SMALLER: Final = f"scale it down, {LONGEST_SIDE} on its longest side is enough"
#: How refusals end, of files that are no picture and of broken ones.
WHAT_I_TAKE: Final = "a JPEG, PNG or WEBP"
DAMAGED: Final = "is damaged or cut short; save it again as a JPEG or PNG and attach that"


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
    #: Bytes that the decoder fills for a pixel.
    depth: int = 4
    #: Bytes that the decoder holds beside the pixels, such as all coefficients of a progressive JPEG.
    held: int = 0
    #: What of the file makes up its picture.
    spans: tuple[Span, ...] = field(default=(), repr=False)
    #: How EXIF says that the picture is to be turned: 1 (not at all) to 8.
    orientation: int = 1

    @property
    def pixels(self) -> int:
        """Return the area that it claims."""
        return self.width * self.height

    def cost(self, longest: int) -> int:
        """Return how many bytes it takes at most, besides the file, to make a picture of at most ``longest`` a side of it."""
        source = self.drafted(longest)
        target = within((self.width, self.height), longest)
        made = 4 * target[0] * target[1]
        decoded = self.held + self.depth * source[0] * source[1]
        # What is made is turned or converted at most, and then encoded, which takes about as much once more.
        return max(decoded + bands.cost(source, target), 2 * made) + made

    def drafted(self, longest: int) -> tuple[int, int]:
        """Return the size at which it is decoded: a JPEG at a half, a quarter or an eighth, where that is enough."""
        width, height = self.width, self.height
        if self.media_type != "image/jpeg":
            return width, height
        wide, high = within((width, height), longest)
        scale = next(scale for scale in (8, 4, 2, 1) if scale <= max(1, min(width // wide, height // high)))
        return -(-width // scale), -(-height // scale)


def scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """Return a size scaled, and never nothing."""
    width, height = size
    return max(1, round(width * scale)), max(1, round(height * scale))


def within(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """Return the size brought within ``longest`` on its longest side."""
    return scaled(size, min(1.0, longest / max(size)))


def inspect(data: bytes) -> Header:
    """Read a file's header, without decoding. Raises :class:`Refused` if it is no picture, or one that takes too much."""
    parse = next((parse for magic, parse in _PARSERS.items() if data.startswith(magic)), None)
    if parse is None:
        raise _foreign(data)
    try:
        header = parse(data)
    except (struct.error, IndexError, ValueError):
        raise Refused(DAMAGED) from None
    if header.width < 1 or header.height < 1:
        raise Refused(DAMAGED)
    if header.pixels > MAX_PIXELS:
        raise Refused(
            f"has {header.width}x{header.height} pixels and I take up to {MAX_PIXELS // 1_000_000} million "
            f"({header.pixels / 1_000_000:.0f} million given); {_SMALLER}"
        )
    check_cost(header, header.cost(LONGEST_SIDE))
    return header


def foreign(start: bytes) -> str | None:
    """Say what a file is instead of a picture, by its first bytes (32 are enough); ``None`` if it begins like one."""
    return None if start.startswith(tuple(_PARSERS)) else _given(start)


def check_cost(header: Header, cost: int) -> None:
    """Refuse a file of which it takes too many bytes to make a reference: raises :class:`Refused`."""
    if cost > MAX_COST:
        kind = header.media_type.removeprefix("image/").upper()
        raise Refused(
            f"has {header.width}x{header.height} pixels, and as this kind of {kind} it would take "
            f"{cost / 1_000_000:.0f} MB of memory where I have {MAX_COST // 1_000_000}; {_SMALLER}, or save it as an ordinary JPEG"
        )


def _jpeg_header(data: bytes) -> Header:
    frame, orientation, spans = -1, 1, [(0, 2)]
    profiles: list[Span] = []
    left_out = set(_SIDE_SEGMENTS)
    for marker, start, end in _jpeg_segments(data):
        if data.startswith(b"ICC_PROFILE\0", start + 4) and marker == _APP2:
            profiles.append((start, end))
        elif marker == _APP1 and orientation == 1 and data.startswith(b"Exif\0\0", start + 4):
            orientation = _orientation(data, start + 10, end)
        elif marker not in left_out:
            spans.append((start, end))
        if marker in _START_OF_FRAME and frame < 0:
            frame = start
        if marker in _APPLICATIONS:  # one says it all
            left_out.add(marker)
    if sum(end - start for start, end in profiles) <= MAX_PROFILE:
        spans = sorted([*spans, *profiles])
    scan = spans[-1][0]
    return _jpeg_frame(data, frame, scan, joined([*spans[:-1], (scan, _jpeg_end(data, scan))]), orientation)


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield the marker, start and end of each segment, the last one of which begins the first scan."""
    at = 2
    for _ in range(_MAX_PARTS):
        marker, start, at = _jpeg_segment(data, at)
        if marker not in _BARE:
            yield marker, start, at
        if marker == _START_OF_SCAN:
            return
    raise _too_many_parts("JPEG")


def _jpeg_end(data: bytes, scan: int) -> int:
    """Return where the picture ends whose first scan is there. A film may follow, or pictures for other screens."""
    at, scans = scan, 0
    for _ in range(_MAX_PARTS):
        marker, _, at = _jpeg_segment(data, at)
        scans += marker == _START_OF_SCAN
        if scans > _MAX_SCANS:
            raise Refused("is a JPEG of needlessly many scans; save it again as an ordinary JPEG")
        if marker == _END_OF_IMAGE:
            return at
    raise _too_many_parts("JPEG")


def _jpeg_segment(data: bytes, at: int) -> tuple[int, int, int]:
    """Return the marker, start and end of the next segment; the pixels of a scan stand between it and the one after it."""
    # By the megabyte, because each search holds the interpreter's lock.
    pieces = (_MARKER.search(data, start, start + 2**20 + 1) for start in range(at, len(data), 2**20))
    start = next((found.start() for found in pieces if found), len(data))
    marker = data[start + 1]
    length = 0 if marker in _BARE else struct.unpack_from(">H", data, start + 2)[0]
    return marker, start, start + 2 + length


def _jpeg_frame(data: bytes, frame: int, scan: int, spans: tuple[Span, ...], orientation: int) -> Header:
    """Return what a JPEG's frame says; a decoder that cannot go row by row holds all its coefficients, two bytes each."""
    if frame < 0:
        raise Refused(DAMAGED)
    if data[frame + 1] not in _SEQUENTIAL | _PROGRESSIVE:
        raise Refused("is a JPEG of a rare kind; save it again as an ordinary JPEG")
    height, width, layers = struct.unpack_from(">HHB", data, frame + 5)
    samples = [divmod(data[frame + 11 + 3 * layer], 16) for layer in range(layers)]
    widest, highest = (max((sample[way] for sample in samples), default=1) or 1 for way in (0, 1))
    held = 0
    if data[frame + 1] in _PROGRESSIVE or data[scan + 4] < layers:
        across, down = -(-width // (8 * widest)), -(-height // (8 * highest))
        held = sum(2 * 64 * across * wide * down * high for wide, high in samples)
    depth = 1 if layers == 1 else 4
    return Header("image/jpeg", width, height, depth=depth, held=held, spans=spans, orientation=orientation)


def _png_header(data: bytes) -> Header:
    width, height, bits, colours = struct.unpack_from(">IIBB", data, 16)
    at, animated, orientation, spans = 8, False, 1, [(0, 8)]
    pixels = profile = False
    for _ in range(_MAX_PARTS):
        kind = data[at + 4 : at + 8]
        if kind in {b"IEND", b""}:
            break
        end = at + 12 + struct.unpack_from(">I", data, at)[0]
        pixels = pixels or kind == b"IDAT"
        if kind == b"acTL" and not pixels:
            animated = animated or struct.unpack_from(">I", data, at + 8)[0] > 1
        elif kind == b"eXIf":
            orientation = _orientation(data, at + 8, end)
        elif kind == b"iCCP" and not profile:  # one says it all
            profile = True
            if _is_small(data[at + 8 : min(end - 4, at + MAX_PROFILE)]):
                spans.append((at, min(end, len(data))))
        elif kind in _PNG_PARTS:
            spans.append((at, min(end, len(data))))
        at = end
    else:
        raise _too_many_parts("PNG")
    spans.append((at, len(data)))
    depth = {0: 2 if bits > 8 else 1, 3: 1}.get(colours, 4)  # noqa: PLR2004 (bits of a sample)
    return Header("image/png", width, height, animated, depth, spans=joined(spans), orientation=orientation)


def _is_small(profile: bytes) -> bool:
    """Return whether a PNG's colour profile unpacks to no more than the decoder takes, which gives up at a larger one."""
    method_and_packed = profile.partition(b"\0")[2]
    unpacking = zlib.decompressobj()
    with suppress(zlib.error):
        unpacking.decompress(method_and_packed[1:], _UNPACKED)
    return unpacking.eof and method_and_packed[0] == 0


def _webp_header(data: bytes) -> Header:
    if data[8:12] != b"WEBP":
        raise _foreign(data)  # other files are RIFF, too
    match data[12:16]:
        case b"VP8X":
            width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        case b"VP8L":
            bits = struct.unpack_from("<I", data, 21)[0]
            width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
        case _:
            raise Refused(DAMAGED)
    animated = data[12:16] == b"VP8X" and bool(data[20] & 2)
    at, held, orientation = 12, 0, 1
    end = min(len(data), 8 + struct.unpack_from("<I", data, 4)[0])
    for _ in range(_MAX_PARTS):
        if at >= end:
            break
        kind = data[at : at + 4]
        length = struct.unpack_from("<I", data, at + 4)[0]
        # The lossless decoder keeps the picture once more; that of transparency, its own twice.
        held = max(held, width * height * _WEBP_HELD.get(kind, 0))
        if kind == b"EXIF":
            start = at + (14 if data.startswith(b"Exif\0\0", at + 8) else 8)
            orientation = _orientation(data, start, at + 8 + length)
        at += 8 + length + length % 2
    else:
        raise _too_many_parts("WEBP")
    return Header("image/webp", width, height, animated, held=held, orientation=orientation)


def _gif_header(data: bytes) -> Header:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + _colour_table(flags)
    frames, control, spans = 0, (at, at), [(0, at)]
    for _ in range(_MAX_PARTS):
        if frames > 1 or data[at : at + 1] not in {b"!", b","}:
            break
        start = at
        if data[at] == ord("!"):
            at = _after_blocks(data, at + 2)
            if data[start + 1] == _GIF_CONTROL:  # it names the transparent colour of the frame that follows
                control = start, at
            continue
        frames += 1
        left, top, wide, high, flags = struct.unpack_from("<4HB", data, at + 1)
        # A frame may reach beyond the screen, and the decoder grows the canvas for it.
        width, height = max(width, left + wide), max(height, top + high)
        at = _after_blocks(data, at + 11 + _colour_table(flags))
        if frames == 1:
            spans += control, (start, at)
    else:
        raise _too_many_parts("GIF")
    return Header("image/gif", width, height, frames > 1, depth=1, spans=joined(spans))


def _bmp_header(data: bytes) -> Header:
    (length,) = struct.unpack_from("<I", data, 14)
    if length not in _BMP:
        raise _foreign(data)  # two letters begin many a text, too
    if length == _OLD_BMP:
        width, height, _, bits = struct.unpack_from("<4H", data, 18)
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
        if compression in {1, 2}:  # Pillow unpacks run lengths in Python, at minutes for a large file
            raise Refused("is a BMP with run-length compression; save it as a PNG")
    depth = 1 if bits <= 8 else 4  # noqa: PLR2004 (up to here, a palette)
    return Header("image/bmp", width, abs(height), depth=depth, spans=((0, len(data)),))


def _orientation(data: bytes, start: int, end: int) -> int:
    """Return how EXIF says that its picture is to be turned: 1 to 8.

    Read by hand, because Pillow reads all entries for this one, and warns of each that claims more than there is: a file
    can have thousands.
    """
    with suppress(struct.error, KeyError):  # a camera's broken EXIF is no reason to refuse its picture
        order = {b"II*\0": "<", b"MM\0*": ">"}[data[start : start + 4]]
        at = start + struct.unpack_from(order + "I", data, start + 4)[0]
        for entry in range(at + 2, at + 2 + 12 * struct.unpack_from(order + "H", data, at)[0], 12):
            tag, kind = struct.unpack_from(order + "HH", data, entry)
            if entry + 12 <= end and tag == _ORIENTATION and kind in _WHOLE:
                value = struct.unpack_from(order + _WHOLE[kind], data, entry + 8)[0]
                return value if value in range(1, 9) else 1
    return 1


def _too_many_parts(kind: str) -> Refused:
    return Refused(f"is a {kind} of needlessly many parts; save it again as an ordinary {kind}")


def _colour_table(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(data: bytes, at: int) -> int:
    while data[at]:
        at += data[at] + 1
    return at + 1


_START_OF_FRAME: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
#: What begins a segment: not what stands for a byte of 255 among pixels, and not what pixels are begun anew at.
_MARKER: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
#: The kinds of JPEG that are read: row by row, or in passes over the whole; with Huffman's codes or arithmetic ones.
_SEQUENTIAL: Final = frozenset({0xC0, 0xC1, 0xC9})
_PROGRESSIVE: Final = frozenset({0xC2, 0xCA})
_START_OF_SCAN: Final = 0xDA
_END_OF_IMAGE: Final = 0xD9
_APP1: Final = 0xE1
_APP2: Final = 0xE2
#: The applications' segments that tell a JPEG's colours: JFIF's and Adobe's.
_APPLICATIONS: Final = frozenset({0xE0, 0xEE})
#: JPEG segments that have no part in the pixels: those of all other applications, and comments.
_SIDE_SEGMENTS: Final = frozenset({*range(0xE0, 0xF0), 0xFE}) - _APPLICATIONS
#: PNG chunks that have one.
_PNG_PARTS: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT"})
#: The most bytes to which Pillow unpacks a profile.
_UNPACKED: Final = 2**20
#: Bytes a pixel that libwebp holds beside its result, by what a file contains (measured).
_WEBP_HELD: Final[Mapping[bytes, int]] = {b"VP8L": 4, b"ALPH": 2}
_GIF_CONTROL: Final = 0xF9
#: EXIF's number of the entry; and its whole numbers, of two bytes and of four.
_ORIENTATION: Final = 0x0112
_WHOLE: Final[Mapping[int, str]] = {3: "H", 4: "I"}
#: JPEG markers that no length follows, with those that mean nothing, which decoders pass over or give up at.
_BARE: Final = frozenset({*range(0xC0), 0xD8, _END_OF_IMAGE})
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
    return Refused(f"is {_given(data)}; attach {WHAT_I_TAKE} picture instead")


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
