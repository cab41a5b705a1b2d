"""Files that take far more memory than their size tells, and ordinary ones that take the most of all that are accepted."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable, Mapping
from functools import partial

from PIL import Image

MEGABYTE = 2**20


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return a file of the picture."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def claiming(data: bytes, at: bytes, offset: int, form: str, *sides: int) -> bytes:
    """Return the file with other sides in its header, which stand ``offset`` bytes after some others."""
    changed = bytearray(data)
    struct.pack_into(form, changed, changed.index(at) + offset, *sides)
    return bytes(changed)


# PNG -------------------------------------------------------------------------------------------------------


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def zeros(length: int) -> bytes:
    """Return at least so many zeros, deflated; a gigabyte of them in no time, since one part is repeated."""
    part = min(length, 2**24)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    unit = packer.compress(bytes(part)) + packer.flush(zlib.Z_FULL_FLUSH)
    times = -(-length // part)
    checksum = (part * times % 65_521) << 16 | 1
    return b"\x78\xda" + unit * times + b"\x03\x00" + struct.pack(">I", checksum)


def png(width: int, height: int, bits: int, colours: int, *chunks: bytes) -> bytes:
    """Return a PNG that unpacks to all of its pixels, each of them zeros."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colours]
    rows = (1 + -(-width * bits * channels // 8)) * height
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0))
    palette = chunk(b"PLTE", bytes(range(6))) if colours == 3 else b""
    body = b"".join((header, palette, *chunks, chunk(b"IDAT", zeros(rows))))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


def filled(data: bytes) -> bytes:
    """Return a file as large as one may be, with something else after its picture."""
    return data + bytes(25 * MEGABYTE - len(data))


def noise() -> bytes:
    """Return a PNG of 24 MB in which nothing can be packed."""
    side = 2890
    return encoded(
        Image.frombytes("RGB", (side, side), random.Random(7).randbytes(3 * side * side)), "PNG", compress_level=0
    )


# JPEG ------------------------------------------------------------------------------------------------------


def jpeg(width: int, height: int, *, progressive: bool = False) -> bytes:
    """Return a JPEG whose colours are as fine as its greys, which claims a size and ends early."""
    small = encoded(Image.new("RGB", (64, 64)), "JPEG", progressive=progressive, subsampling=0)
    return claiming(small, b"\xff\xc2" if progressive else b"\xff\xc0", 5, ">HH", height, width)


def segment(marker: int, body: bytes) -> bytes:
    """Return a segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def plane_by_plane() -> bytes:
    """Return an ordinary JPEG, 40 MP, whose first scan has one of its three colours."""
    data = jpeg(8000, 5000)
    scan = data.index(b"\xff\xda")
    return data[:scan] + segment(0xDA, bytes([1, 1, 0, 0, 63, 0])) + bytes(64) + b"\xff\xd9"


def with_segments(*segments: bytes) -> bytes:
    """Return a small JPEG with more segments."""
    data = encoded(Image.new("RGB", (80, 80)), "JPEG")
    return data[:2] + b"".join(segments) + data[2:]


def greedy_exif() -> bytes:
    """Return EXIF of 64 kB with five thousand entries, each of which claims nearly all of it."""
    count = 5000
    entries = b"".join(struct.pack("<HHII", 1000 + number, 7, 60_000, 8) for number in range(count))
    return segment(0xE1, b"Exif\0\0II*\0" + struct.pack("<IH", 8, count) + entries + bytes(65_000 - len(entries)))


def dearest() -> bytes:
    """Return a progressive JPEG that is still accepted, in a file as large as one may be."""
    return filled(encoded(Image.new("RGB", (4800, 4000), "red"), "JPEG", progressive=True, subsampling=0))


def many_scans() -> bytes:
    """Return a progressive JPEG with a thousand scans."""
    data = encoded(Image.new("RGB", (2000, 2000)), "JPEG", progressive=True)
    return data[:-2] + data[data.index(b"\xff\xda") : -2] * 100 + b"\xff\xd9"


# GIF, BMP, WEBP --------------------------------------------------------------------------------------------


def beyond_its_screen() -> bytes:
    """Return a GIF of 64 x 64 whose frame has 13,000 x 13,000."""
    return claiming(encoded(Image.new("P", (64, 64)), "GIF"), b",", 5, "<HH", 13_000, 13_000)


def with_control_blocks(count: int) -> bytes:
    """Return a small GIF with so many more of the blocks that say how its frame is shown, all of them empty."""
    data = encoded(Image.new("P", (80, 80)), "GIF")
    frame = data.index(b",\0\0\0\0")
    return data[:frame] + b"!\xf9\0" * count + data[frame:]


def many_frames() -> bytes:
    """Return a GIF with ten thousand frames."""
    data = encoded(Image.new("P", (400, 400)), "GIF")
    return data[:-1] + data[data.index(b",") : -1] * 10_000 + b";"


class Bits:
    """Bits in the order in which a lossless WEBP has them."""

    def __init__(self) -> None:
        self._all = ""

    def add(self, value: int, count: int) -> None:
        """Add a number of so many bits, the lowest first."""
        self._all += f"{value:0{count}b}"[::-1]

    def repeat(self, bits: str, times: int) -> None:
        """Add these bits as they stand, so many times."""
        self._all += bits * times

    def data(self) -> bytes:
        """Return them as bytes."""
        padded = self._all + "0" * (-len(self._all) % 8)
        return int(padded[::-1], 2).to_bytes(len(padded) // 8, "little")


def many_tables() -> bytes:
    """Return a lossless WEBP of 1024 x 1024, 300 kB, with 65,536 groups of five code tables, one for each 4 x 4 pixels.

    See "Image Data" in the specification of the format: each group is named by a pixel's red and green.
    """
    bits = Bits()
    for value, count in ((0x2F, 8), (1023, 14), (1023, 14), (0, 4), (0, 1), (0, 1), (1, 1), (0, 3), (0, 1)):
        bits.add(value, count)
    one_symbol = "1000"
    for alphabet in (280, 256):  # green and red: 256 symbols of eight bits each
        bits.add(0, 1)
        bits.add(12 - 4, 4)
        for length in (0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1):  # of these, the third says "unused" and the last "8 bits"
            bits.add(length, 3)
        bits.add(0, 1)
        bits.repeat("1", 256)
        bits.repeat("0", alphabet - 256)
    bits.repeat(one_symbol, 3)  # blue, alpha, distance
    for group in range(65_536):
        bits.repeat(f"{group & 255:08b}{group >> 8:08b}", 1)
    bits.repeat(one_symbol * 5, 65_536)
    body = bits.data()
    body += bytes(len(body) % 2)
    return b"RIFF" + struct.pack("<I", 12 + len(body)) + b"WEBPVP8L" + struct.pack("<I", len(body)) + body


def shades(width: int, height: int) -> Image.Image:
    """Return a picture without edges."""
    return Image.linear_gradient("L").resize((width, height)).convert("RGB")


#: Each by its name, with what is to become of it: words of its refusal, or the picture.
BOMBS: Mapping[str, tuple[Callable[[], bytes], str]] = {
    "png-169-megapixels": (partial(png, 13_000, 13_000, 8, 0), "up to 100 million"),
    "png-65535-square": (partial(png, 65_535, 65_535, 1, 0), "up to 100 million"),
    "png-40-megapixels-of-four-channels": (partial(png, 8000, 5000, 8, 6), "180 MB of memory"),
    "png-40-megapixels-of-a-transparent-palette": (
        partial(png, 8000, 5000, 8, 3, chunk(b"tRNS", b"\0")),
        "2048x1280 on white",
    ),
    "png-40-megapixels-of-16-bit-grey": (partial(png, 8000, 5000, 16, 0), "2048x1280 on None"),
    "png-8k-with-transparency": (lambda: filled(png(7680, 4320, 8, 6)), "2048x1152 on white"),
    "png-8k-cut-short": (lambda: png(7680, 4320, 8, 6)[:-20_000], "damaged"),
    "png-of-noise": (noise, "image/jpeg 2048x2048"),
    "png-with-a-gigabyte-of-text": (
        lambda: png(80, 80, 8, 0, chunk(b"zTXt", b"Comment\0\0" + zeros(2**30))),
        "80x80",
    ),
    "png-with-sixty-texts": (
        lambda: png(80, 80, 8, 0, chunk(b"zTXt", b"Comment\0\0" + zeros(MEGABYTE - 1)) * 60),
        "80x80",
    ),
    "png-with-a-large-profile": (
        lambda: png(80, 80, 8, 0, chunk(b"iCCP", b"profile\0\0" + zeros(2**30))),
        "80x80",
    ),
    "png-of-two-million-chunks": (lambda: png(80, 80, 8, 0, chunk(b"aaAa", b"") * 2_000_000), "needlessly many parts"),
    "jpeg-65535-square": (partial(jpeg, 65_535, 65_535), "up to 100 million"),
    "jpeg-40-megapixels-progressive": (partial(jpeg, 8000, 5000, progressive=True), "298 MB of memory"),
    "jpeg-40-megapixels-plane-by-plane": (plane_by_plane, "298 MB of memory"),
    "jpeg-of-many-scans": (many_scans, "many scans"),
    "jpeg-with-greedy-exif": (lambda: with_segments(greedy_exif()), "80x80"),
    "jpeg-with-24-megabytes-of-segments": (
        lambda: with_segments(
            *(segment(marker, bytes(65_000)) for marker in (0xE0, 0xE1, 0xE2, 0xFE) for _ in range(95))
        ),
        "80x80",
    ),
    "jpeg-of-five-million-segments": (lambda: with_segments(segment(0xFE, b"") * 5_000_000), "needlessly many parts"),
    "gif-65535-square": (
        lambda: claiming(encoded(Image.new("P", (64, 64)), "GIF"), b"GIF", 6, "<HH", 65_535, 65_535),
        "up to 100 million",
    ),
    "gif-beyond-its-screen": (beyond_its_screen, "up to 100 million"),
    "gif-40-megapixels": (lambda: encoded(Image.new("P", (8000, 5000)), "GIF", transparency=0), "2048x1280 on white"),
    "gif-of-eight-million-control-blocks": (lambda: with_control_blocks(8_700_000), "needlessly many parts"),
    "gif-of-ten-thousand-frames": (many_frames, "animated"),
    "bmp-65535-square": (
        lambda: claiming(encoded(Image.new("RGB", (64, 64)), "BMP"), b"BM", 18, "<ii", 65_535, 65_535),
        "up to 100 million",
    ),
    "bmp-40-megapixels-of-one-bit": (lambda: encoded(Image.new("1", (8000, 5000)), "BMP"), "2048x1280 on None"),
    "webp-16383-square": (
        lambda: claiming(encoded(Image.new("RGB", (64, 64)), "WEBP"), b"VP8 ", 14, "<HH", 16_383, 16_383),
        "up to 100 million",
    ),
    "webp-40-megapixels": (
        lambda: claiming(encoded(Image.new("RGB", (64, 64)), "WEBP"), b"VP8 ", 14, "<HH", 8000, 5000),
        "MB of memory",
    ),
    "webp-12-megapixels": (lambda: encoded(shades(4032, 3024), "WEBP", method=0), "2048x1536 on None"),
    "webp-12-megapixels-lossless": (
        lambda: encoded(shades(4032, 3024), "WEBP", method=0, quality=0, lossless=True),
        "2048x1536 on None",
    ),
    "webp-of-65536-code-tables": (many_tables, "damaged"),
}
