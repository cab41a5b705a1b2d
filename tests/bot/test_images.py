"""What an acceptable reference is, and what is made of it."""

from __future__ import annotations

import io
import random
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from bot.errors import BadPicture
from bot.images import (
    BACKGROUND,
    LONGEST_SIDE,
    MAX_BYTES,
    MAX_PIXELS,
    Refused,
    check_claims,
    describe,
    fit,
    inspect,
    prepare,
    render,
    thumbnail,
)

ROOT = Path(__file__).resolve().parents[2]
FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "BMP"]
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def decoded(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data), formats=["JPEG", "PNG"])
    image.load()
    return image


def noise(width: int, height: int) -> Image.Image:
    return Image.frombytes("RGB", (width, height), random.Random(7).randbytes(width * height * 3))


def shades(width: int, height: int) -> Image.Image:
    return noise(max(1, width // 16), max(1, height // 16)).resize((width, height), Image.Resampling.BICUBIC)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *chunks: bytes, rows: bytes = b"") -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(rows or bytes((width + 1) * height)))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + body + chunk(b"IEND", b"")


def claiming(kind: str, width: int, height: int) -> bytes:
    """Return a real file of that kind, its header rewritten to claim another size."""
    data = bytearray(encoded(Image.new("RGB", (64, 64), RED), kind))
    match kind:
        case "JPEG":
            struct.pack_into(">HH", data, data.index(b"\xff\xc0") + 5, height, width)
        case "PNG":
            struct.pack_into(">II", data, 16, width, height)
        case "WEBP":
            assert data[12:16] == b"VP8 "
            struct.pack_into("<HH", data, 26, width, height)
        case "GIF":
            struct.pack_into("<HH", data, 6, width, height)
        case _:
            struct.pack_into("<ii", data, 18, width, height)
    return bytes(data)


def extended_webp(width: int, height: int, *, flags: int = 0) -> bytes:
    body = bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + body


def refused(data: bytes, name: str = "cat.png", option: str = "image2") -> str:
    """Return the sentence, after checking that it names the option and the file."""
    with pytest.raises(BadPicture) as caught:
        prepare(option, name, data)
    sentence = str(caught.value)
    assert caught.value.option == option
    assert f"`{option}`" in sentence
    assert f"`{name}`" in sentence
    assert sentence.endswith(".")
    return sentence


# What is refused


def test_a_text_file_renamed_to_png_is_refused_as_text() -> None:
    assert "not a picture but text" in refused(b"BM is how this begins, and \xc3\xa4 is a letter." * 40)
    assert "not a picture but text" in refused("RIFF, said the text: ä".encode())


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"II*\0" + bytes(60), "a TIFF picture"),
        (b"\0\0\0\x1cftypheic" + bytes(60), "a HEIC picture"),
        (b"\0\0\0\x1cftypavif" + bytes(60), "an AVIF picture"),
        (b"\0\0\0\x1cftypisom" + bytes(60), "a video"),
        (b'<?xml version="1.0"?><svg xmlns="x"/>', "an SVG drawing"),
        (b"%PDF-1.7", "a PDF document"),
        (b"RIFF\0\0\0\0WAVE" + bytes(60), "not a picture I can read"),
        (bytes(range(256)), "not a picture I can read"),
    ],
)
def test_another_kind_of_file_is_named_in_its_refusal(data: bytes, what: str) -> None:
    sentence = refused(data)
    assert what in sentence
    assert "attach a JPEG, PNG or WEBP" in sentence


@pytest.mark.parametrize("kind", FORMATS)
def test_a_bomb_is_refused_on_its_header_in_every_format(kind: str) -> None:
    sentence = refused(claiming(kind, 13000, 13000))
    assert "13000x13000" in sentence
    assert "100 million" in sentence
    assert "scale it down" in sentence


@pytest.mark.parametrize("flags", [0, 2])
def test_an_extended_webp_bomb_is_refused_on_its_header(flags: int) -> None:
    assert "13000x13000" in refused(extended_webp(13000, 13000, flags=flags))


def test_a_lossless_webp_bomb_is_refused_on_its_header() -> None:
    data = bytearray(encoded(Image.new("RGB", (64, 64), RED), "WEBP", lossless=True))
    assert inspect(bytes(data)).width == 64
    struct.pack_into("<I", data, 21, 12999 | 12999 << 14)
    assert "13000x13000" in refused(bytes(data))


def test_an_old_bitmap_header_is_read() -> None:
    old = b"BM" + bytes(12) + struct.pack("<IHHHH", 12, 13000, 13000, 1, 24) + bytes(40)
    assert "13000x13000" in refused(old)


def test_a_gif_frame_that_reaches_beyond_its_screen_is_a_bomb_too() -> None:
    data = bytearray(encoded(Image.new("P", (64, 64)), "GIF"))
    frame = data.index(b",", 13 + 6)
    struct.pack_into("<HH", data, frame + 5, 13000, 13000)
    assert inspect(encoded(Image.new("P", (64, 64)), "GIF")).pixels == 64 * 64
    with pytest.raises(Refused, match="13000x13000"):
        inspect(bytes(data))


def test_exactly_the_limit_is_no_bomb() -> None:
    assert inspect(claiming("JPEG", 12500, 8000)).pixels == MAX_PIXELS
    with pytest.raises(Refused):
        inspect(claiming("JPEG", 12500, 8001))


@pytest.mark.parametrize("kind", FORMATS)
def test_a_bomb_takes_no_memory(kind: str) -> None:
    program = """
import resource, sys
from bot.images import Refused, render
data = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    render(data)
except Refused as refused:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, refused)
"""
    # A PNG that really unpacks to all its pixels; the others could not be told from it before decoding.
    bomb = png(13000, 13000) if kind == "PNG" else claiming(kind, 13000, 13000)
    done = subprocess.run([sys.executable, "-c", program], input=bomb, capture_output=True, cwd=ROOT, check=True)
    kilobytes, _, words = done.stdout.decode().partition(" ")
    assert "13000x13000" in words
    assert int(kilobytes) < 20_000  # decoded, it would take 169 MB or more


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_an_animated_picture_is_refused(kind: str) -> None:
    frames = [Image.new("RGB", (80, 80), colour) for colour in (RED, GREEN, BLUE)]
    sentence = refused(encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100))
    assert "animated" in sentence
    assert "one frame" in sentence


def test_a_still_gif_and_a_png_of_one_frame_are_fine() -> None:
    still = chunk(b"acTL", struct.pack(">II", 1, 0))
    assert prepare("image", "a.gif", encoded(Image.new("RGB", (80, 80), RED), "GIF")).width == 80
    assert not inspect(png(80, 80, still)).animated


def test_an_upload_over_the_limit_is_refused_by_its_claim() -> None:
    with pytest.raises(BadPicture, match=r"`big\.png` given as `image` has 40\.0 MB and I take up to 25 MB"):
        check_claims("image", "big.png", 40 * 2**20)
    check_claims("image", "big.png", MAX_BYTES)


def test_an_upload_over_the_limit_is_refused_whatever_it_claimed() -> None:
    assert "25.0 MB" in refused(bytes(MAX_BYTES + 1))


def test_an_empty_upload_is_refused() -> None:
    assert "is empty" in refused(b"")


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_cut_short_is_refused(kind: str) -> None:
    data = encoded(shades(400, 300), kind)
    for length in (20, 60, len(data) // 2):
        assert "damaged" in refused(data[:length])


def test_a_file_of_two_sizes_is_refused() -> None:
    second = chunk(b"IHDR", struct.pack(">IIBBBBB", 13000, 13000, 8, 0, 0, 0, 0))
    assert "damaged" in refused(png(80, 80, second))


@pytest.mark.parametrize("size", [(0, 80), (80, 0)])
def test_a_size_of_nothing_is_refused(size: tuple[int, int]) -> None:
    assert "damaged" in refused(claiming("PNG", *size))


@pytest.mark.parametrize(
    "profile",
    [
        b"profile\0\0" + zlib.compress(bytes(200_000_000), 9),
        b"profile\0\0" + zlib.compress(bytes(1_100_000), 0),
        b"profile\0\0" + zlib.compress(bytes(1000))[:-10],
        b"profile\0\1" + zlib.compress(bytes(1000)),
        b"profile\0\0no profile at all",
        b"profile\0\0",
    ],
)
def test_a_profile_that_cannot_be_unpacked_or_is_larger_than_any_is_left_out_of_a_png(profile: bytes) -> None:
    assert prepare("image", "a", png(80, 80, chunk(b"iCCP", profile))) == prepare("image", "a", png(80, 80))


def test_of_the_profiles_of_a_png_the_first_one_counts() -> None:
    plain = encoded(Image.new("RGB", (80, 80), (200, 50, 50)), "PNG")
    small = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    first = chunk(b"iCCP", b"profile\0\0" + zlib.compress(small))
    other = chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(900_000)))
    spans = inspect(plain[:33] + first + other * 10 + plain[33:]).spans
    assert sum(end - start for start, end in spans) == len(plain) + len(first)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200_000_000), 9)),
        (b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(bytes(200_000_000), 9)),
        (b"zTXt", b"no text at all"),
        (b"prVt", bytes(1000)),
    ],
)
def test_what_is_no_part_of_the_pixels_is_never_read(kind: bytes, body: bytes) -> None:
    assert prepare("image", "a", png(80, 80, chunk(kind, body))) == prepare("image", "a", png(80, 80))


def test_a_profile_larger_than_any_is_left_out() -> None:
    image = shades(80, 80)
    plain = encoded(image, "JPEG")
    huge = b"".join(
        struct.pack(">HH12sBB", 0xFFE2, 65_000 + 16, b"ICC_PROFILE\0", number, 80) + bytes(65_000)
        for number in range(1, 81)
    )
    assert prepare("image", "a", plain[:2] + huge + plain[2:]) == prepare("image", "a", plain)


# What it takes


def with_header(width: int, height: int, bits: int, colours: int, *chunks: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks)


def progressive(width: int, height: int, subsampling: int) -> bytes:
    data = bytearray(encoded(Image.new("RGB", (64, 64)), "JPEG", progressive=True, subsampling=subsampling))
    struct.pack_into(">HH", data, data.index(b"\xff\xc2") + 5, height, width)
    return bytes(data)


def lossless_webp(width: int, height: int) -> bytes:
    data = bytearray(encoded(Image.new("RGB", (64, 64), RED), "WEBP", lossless=True))
    struct.pack_into("<I", data, 21, width - 1 | height - 1 << 14)
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        claiming("JPEG", 8160, 6120),
        claiming("JPEG", 12_000, 8000),
        progressive(8000, 4000, subsampling=2),
        progressive(5000, 3800, subsampling=0),
        with_header(7680, 4320, 8, 6),
        with_header(7680, 4320, 8, 2),
        with_header(9000, 7000, 8, 3),
        with_header(8000, 5000, 16, 0),
        claiming("WEBP", 4032, 3024),
        claiming("WEBP", 6000, 4000),
        lossless_webp(4032, 3024),
    ],
)
def test_what_cameras_and_screens_make_is_not_too_large(data: bytes) -> None:
    assert inspect(data).pixels


@pytest.mark.parametrize(
    ("data", "kind", "megabytes"),
    [
        (with_header(8000, 5000, 8, 6), "PNG", 180),
        (with_header(8000, 5000, 16, 4), "PNG", 180),
        (progressive(8000, 5000, subsampling=0), "JPEG", 298),
        (progressive(8000, 5000, subsampling=2), "JPEG", 178),
        (lossless_webp(6000, 4000), "WEBP", 211),
        (claiming("WEBP", 8000, 5000), "WEBP", 180),
    ],
)
def test_what_takes_too_much_to_decode_is_refused_in_words(data: bytes, kind: str, megabytes: int) -> None:
    sentence = refused(data)
    assert f"pixels, and as this kind of {kind} it would take {megabytes} MB of memory where I have 160" in sentence
    assert sentence.endswith("scale it down, 2048 on its longest side is enough, or save it as an ordinary JPEG.")


def test_a_jpeg_that_comes_plane_by_plane_costs_as_much_as_a_progressive_one() -> None:
    data = claiming("JPEG", 4000, 3000)
    scan = data.index(b"\xff\xda")
    apart = data[:scan] + b"\xff\xda" + struct.pack(">H6B", 8, 1, 1, 0, 0, 63, 0) + b"\xff\xd9"
    assert inspect(apart).held == 2 * 1.5 * 4000 * 3008
    assert inspect(data).held == 0


@pytest.mark.parametrize("marker", [0xC3, 0xC5, 0xCB, 0xCF])
def test_a_rare_kind_of_jpeg_is_refused_in_words(marker: int) -> None:
    data = encoded(shades(80, 80), "JPEG").replace(b"\xff\xc0", bytes([0xFF, marker]), 1)
    assert "is a JPEG of a rare kind; save it again as an ordinary JPEG" in refused(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_file_of_countless_parts_is_refused(kind: str) -> None:
    parts = {
        "PNG": chunk(b"teXt", b""),
        "JPEG": b"\xff\xfe\0\2",
        "WEBP": b"NONE\0\0\0\0",
        "GIF": b"!\xf9\4\0\0\0\0\0",
    }
    data = encoded(shades(80, 80), kind)
    start = {"PNG": 33, "JPEG": 2, "WEBP": len(data), "GIF": data.find(b",\0\0\0\0")}[kind]
    for number, fine in ((100, True), (50_000, False)):
        many = data[:start] + parts[kind] * number + data[start:]
        if kind == "WEBP":
            many = many[:4] + struct.pack("<I", len(many) - 8) + many[8:]
        if fine:
            assert prepare("image", "a", many).width == 80
        else:
            assert f"is a {kind} of needlessly many parts; save it again as an ordinary {kind}" in refused(many)


def test_a_jpeg_of_countless_scans_is_refused() -> None:
    data = encoded(shades(80, 80), "JPEG", progressive=True)
    scan = data.index(b"\xff\xda")
    assert prepare("image", "a.jpg", data).width == 80
    assert "scans" in refused(data[:-2] + data[scan:-2] * 100 + b"\xff\xd9")


def test_a_jpeg_of_countless_parts_after_its_first_scan_is_refused() -> None:
    data = encoded(shades(80, 80), "JPEG", progressive=True)
    assert "needlessly many parts" in refused(data[:-2] + b"\xff\xfe\0\2" * 50_000 + b"\xff\xd9")


@pytest.mark.parametrize("behind", [b"\xff\xda" * 1000, random.Random(1).randbytes(7_000_000), bytes(10)])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_film_behind_a_jpeg_is_no_part_of_the_picture(behind: bytes, progressive: bool) -> None:
    photograph = encoded(shades(80, 80), "JPEG", progressive=progressive)
    film = struct.pack(">I", 24) + b"ftypmp42" + bytes(12) + behind
    assert prepare("image", "PXL.jpg", photograph + film) == prepare("image", "PXL.jpg", photograph)
    assert inspect(photograph + film) == inspect(photograph)


def test_the_bytes_of_pixels_are_no_markers() -> None:
    """Pixels begin anew at markers of their own, and a byte of 255 among them is followed by a zero."""
    image = noise(700, 700)
    data = encoded(image, "JPEG", quality=100, restart_marker_blocks=1)
    assert data.count(b"\xff\0") > 100
    assert data.count(b"\xff\xd0") > 100
    assert inspect(data + b"a film").spans[-1][1] == len(data)


def test_the_transparent_colour_of_a_gif_is_the_one_told_last_before_its_frame() -> None:
    image = Image.new("P", (80, 80), 0)
    image.putpalette([0, 0, 0, 255, 0, 0])
    data = encoded(image, "GIF")
    frame = data.index(b",\0\0\0\0")
    for told, laid_on in (((1, 0), BACKGROUND), ((0, 1), None)):
        blocks = b"".join(b"!\xf9\4\1\0\0" + bytes([index, 0]) for index in told)
        assert prepare("image", "a", data[:frame] + blocks + data[frame:]).laid_on == laid_on


def test_a_bitmap_with_run_lengths_is_refused() -> None:
    data = bytearray(encoded(Image.new("P", (80, 80)), "BMP"))
    struct.pack_into("<I", data, 30, 1)
    assert "save it as a PNG" in refused(bytes(data))


def test_a_picture_too_small_for_the_model_is_refused() -> None:
    assert "63x200" in refused(encoded(shades(63, 200), "PNG"))
    assert prepare("image", "a.png", encoded(shades(64, 200), "PNG")).width == 64


def test_a_picture_too_narrow_for_the_model_is_refused() -> None:
    assert "too narrow" in refused(encoded(shades(1025, 64), "PNG"))
    assert prepare("image", "a.png", encoded(shades(1024, 64), "PNG")).width == 1024


def test_a_name_cannot_break_the_sentence() -> None:
    with pytest.raises(BadPicture) as caught:
        prepare("image", "`@everyone`\n" + "x" * 200 + ".png", b"text")
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.count("`") == 4
    assert "….png"[1:] in sentence
    assert len(sentence) < 250


@given(st.sampled_from(FORMATS), st.data())
def test_damage_is_refused_or_prepared_but_never_an_accident(kind: str, draw: st.DataObject) -> None:
    data = bytearray(encoded(shades(70, 66), kind))
    for at, value in draw.draw(st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=4)):
        data[at] = value
    try:
        picture = prepare("image", "a", bytes(data))
    except BadPicture:
        return
    assert max(picture.width, picture.height) <= LONGEST_SIDE


@given(st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"GIF89a", b"BM"]), st.binary(max_size=200))
def test_any_bytes_are_refused_in_words(magic: bytes, rest: bytes) -> None:
    with pytest.raises(BadPicture):
        prepare("image", "a", magic + rest)


# What is made of an acceptable one


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_keeps_its_picture(kind: str) -> None:
    image = Image.new("RGB", (120, 80), RED)
    image.paste(BLUE, (60, 0, 120, 80))
    made = decoded(prepare("image", "a", encoded(image, kind)).data)
    assert (made.size, made.mode) == ((120, 80), "RGB")
    assert close(made, (20, 40), RED)
    assert close(made, (100, 40), BLUE)


def close(image: Image.Image, at: tuple[int, int], colour: tuple[int, int, int], tolerance: int = 12) -> bool:
    pixel = image.convert("RGB").getpixel(at)
    assert isinstance(pixel, tuple)
    return all(abs(given - wanted) <= tolerance for given, wanted in zip(pixel, colour, strict=True))


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (Image.new("CMYK", (80, 80), (0, 255, 255, 0)), "JPEG"),
        (
            Image.new(
                "P",
                (80, 80),
                1,
            ),
            "PNG",
        ),
        (Image.new("LA", (80, 80), (255, 255)), "PNG"),
        (Image.new("1", (80, 80), 1), "PNG"),
        (Image.new("L", (80, 80), 255), "JPEG"),
        (Image.new("I;16", (80, 80), 65535), "PNG"),
        (Image.new("RGBA", (80, 80), (255, 0, 0, 255)), "WEBP"),
    ],
    ids=lambda value: getattr(value, "mode", value),
)
def test_every_mode_becomes_plain_colour(image: Image.Image, kind: str) -> None:
    if image.mode == "P":
        image.putpalette([0, 0, 0, 255, 0, 0])
    made = decoded(prepare("image", "a", encoded(image, kind)).data)
    assert made.mode == "RGB"
    assert close(made, (40, 40), WHITE if image.mode in {"LA", "1", "L", "I;16"} else RED)


def test_sixteen_bit_grey_is_scaled_and_not_clipped() -> None:
    made = decoded(prepare("image", "a", encoded(Image.new("I;16", (80, 80), 128 * 256), "PNG")).data)
    assert close(made, (40, 40), (128, 128, 128), tolerance=2)


@pytest.mark.parametrize("bits", [2, 4, 8, 16])
def test_the_grey_of_a_png_that_is_transparent_is_laid_on_white(bits: int) -> None:
    """Every second column of the picture has it."""
    clear = 2**bits // 3
    row = int(f"{clear:0{bits}b}{0:0{bits}b}" * 40, 2).to_bytes(10 * bits)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 80, 80, bits, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress((b"\0" + row) * 80)) + chunk(b"IEND", b"")
    for told, laid_on in ((clear, BACKGROUND), (2**bits - 1 - clear, None)):
        data = b"\x89PNG\r\n\x1a\n" + header + chunk(b"tRNS", struct.pack(">H", told)) + pixels
        picture = prepare("image", "a", data)
        assert picture.laid_on == laid_on
        if laid_on:
            assert picture.media_type == "image/png"
            assert close(decoded(picture.data), (0, 0), WHITE)
            assert close(decoded(picture.data), (1, 0), (0, 0, 0))


def test_transparency_is_laid_on_white() -> None:
    image = Image.new("RGBA", (80, 80), (0, 0, 0, 0))
    image.paste((255, 0, 0, 128), (40, 0, 80, 80))
    for kind in ("PNG", "WEBP"):
        made = decoded(prepare("image", "a", encoded(image, kind)).data)
        assert close(made, (20, 40), WHITE)
        assert close(made, (60, 40), (255, 127, 127))


def test_a_transparent_palette_colour_is_laid_on_white() -> None:
    image = Image.new("P", (80, 80), 0)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.paste(1, (40, 0, 80, 80))
    for kind in ("PNG", "GIF"):
        made = decoded(prepare("image", "a", encoded(image, kind, transparency=0)).data)
        assert close(made, (20, 40), WHITE)
        assert close(made, (60, 40), RED)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_upright(kind: str, orientation: int) -> None:
    upright = Image.new("RGB", (160, 80), WHITE)
    upright.paste(RED, (0, 0, 80, 40))
    stored_from = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = upright if stored_from is None else upright.transpose(stored_from)
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = prepare("image", "a", encoded(stored, kind, exif=exif.tobytes()))
    assert (picture.width, picture.height) == (160, 80)
    made = decoded(picture.data)
    assert made.size == (160, 80)
    assert close(made, (20, 20), RED)
    assert close(made, (120, 60), WHITE)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize(
    "block",
    [
        b"II*\0\xff\xff\xff\x7f" + bytes(range(40)),
        b"II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x03\0\0\0abc\0\0\0\0\0",  # the orientation is a text
        b"II*\0\x08\0\0\0\x01\0\x12\x01\x05\0\x01\0\0\0\x1a\0\0\0\0\0\0\0" + bytes(8),  # or 0 divided by 0
    ],
)
def test_broken_exif_is_no_reason_to_refuse(block: bytes) -> None:
    data = encoded(shades(80, 80), "JPEG", exif=b"Exif\0\0" + block)
    assert prepare("image", "a", data).width == 80


def test_exif_may_tell_the_orientation_as_a_longer_number() -> None:
    for order in "<>":
        entry = struct.pack(order + "HHII", 0x0112, 4, 1, 6)
        block = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, 1) + entry
        assert inspect(encoded(shades(160, 80), "JPEG", exif=b"Exif\0\0" + block)).orientation == 6


def test_exif_that_claims_all_of_itself_thousands_of_times_turns_its_picture_all_the_same() -> None:
    entries = [struct.pack("<HHII", 0x0112, 3, 1, 6)]
    entries += [struct.pack("<HHII", 1000 + number, 7, 60_000, 8) for number in range(5000)]
    block = b"II*\0" + struct.pack("<IH", 8, len(entries)) + b"".join(entries)
    for kind in ("JPEG", "PNG", "WEBP"):
        data = encoded(shades(160, 80), kind, exif=b"Exif\0\0" + block)
        assert inspect(data).orientation == 6
        assert prepare("image", "a", data).height == 160


@pytest.mark.parametrize(
    "entry",
    [
        struct.pack(">HHIHH", 0x0112, 3, 1, 9, 0),
        struct.pack(">HHIHH", 0x0112, 3, 1, 0, 0),
        struct.pack(">HHIHH", 0x0112, 7, 1, 6, 0),
        struct.pack(">HHII", 0x0112, 4, 1, 6 << 16),
        struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)[:-1],
    ],
)
def test_an_orientation_that_says_nothing_is_none(entry: bytes) -> None:
    data = encoded(shades(160, 80), "JPEG", exif=b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 1) + entry)
    assert inspect(data).orientation == 1


def test_what_a_picture_was_laid_on_is_told_where_something_of_it_was_transparent() -> None:
    opaque, clear = Image.new("RGBA", (80, 80), (255, 0, 0, 255)), Image.new("RGBA", (80, 80), (255, 0, 0, 255))
    clear.putpixel((79, 79), (255, 0, 0, 254))
    palette = Image.new("P", (80, 80), 0)
    for data, laid_on in (
        (encoded(opaque, "PNG"), None),
        (encoded(clear, "PNG"), "white"),
        (encoded(opaque.convert("LA"), "PNG"), None),
        (encoded(clear.convert("LA"), "PNG"), "white"),
        (encoded(opaque, "WEBP", lossless=True), None),
        (encoded(clear, "WEBP", lossless=True), "white"),
        (encoded(palette, "GIF", transparency=0), "white"),
        (encoded(palette, "GIF", transparency=1), None),
        (encoded(palette, "PNG", transparency=0), "white"),
        (encoded(opaque.convert("RGB"), "PNG", transparency=(255, 0, 0)), "white"),
        (encoded(opaque.convert("RGB"), "JPEG"), None),
    ):
        assert prepare("image", "a", data).laid_on == laid_on


def test_nothing_but_the_picture_is_kept() -> None:
    exif = Image.Exif()
    exif[0x010E] = "SECRET"
    exif.get_ifd(0x8825)[29] = "SECRET"
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "SECRET")
    text.add_itxt("XML:com.adobe.xmp", "SECRET")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes().replace(b"sRGB", b"SECR")
    image = shades(200, 100)
    for data in (
        encoded(image, "JPEG", exif=exif, comment=b"SECRET", xmp=b"SECRET", icc_profile=profile),
        encoded(image, "JPEG", comment=b"SECRET"),
        encoded(image, "PNG", exif=exif, pnginfo=text, icc_profile=profile),
        encoded(image.quantize(4), "PNG", exif=exif, pnginfo=text),
        encoded(image.quantize(4), "GIF", comment=b"SECRET"),
        encoded(image, "WEBP", exif=exif, xmp=b"SECRET", icc_profile=profile),
    ):
        made = prepare("image", "a", data)
        assert b"SECR" not in made.data
        info = decoded(made.data).info
        assert not info.keys() & {"exif", "icc_profile", "comment", "xmp", "Comment"}


def test_colours_of_another_profile_are_converted() -> None:
    # A profile whose red and blue are swapped shows beyond doubt whether it was applied.
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = {bytes(profile[at : at + 4]): at for at in range(132, 132 + 12 * profile[131], 12)}
    red, blue = tags[b"rXYZ"] + 4, tags[b"bXYZ"] + 4
    profile[red : red + 8], profile[blue : blue + 8] = profile[blue : blue + 8], profile[red : red + 8]
    data = encoded(Image.new("RGB", (80, 80), RED), "PNG", icc_profile=bytes(profile))
    assert close(decoded(prepare("image", "a", data).data), (40, 40), BLUE)


def test_a_profile_that_does_not_fit_is_ignored() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for image, profile in ((Image.new("L", (80, 80), 255), srgb), (Image.new("RGB", (80, 80), WHITE), b"no profile")):
        assert close(decoded(prepare("image", "a", encoded(image, "JPEG", icc_profile=profile)).data), (40, 40), WHITE)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_large_picture_is_scaled_to_the_longest_side(kind: str) -> None:
    picture = prepare("image", "a", encoded(shades(4100, 2050), kind, compress_level=1))
    assert (picture.width, picture.height) == (2048, 1024)
    assert decoded(picture.data).size == (2048, 1024)


def test_a_small_picture_is_never_enlarged() -> None:
    picture = prepare("image", "a", encoded(shades(300, 200), "JPEG"))
    assert (picture.width, picture.height) == (300, 200)


def test_a_small_drawing_stays_lossless_and_a_photograph_becomes_jpeg() -> None:
    drawing = Image.new("RGB", (400, 400), WHITE)
    drawing.paste(RED, (100, 100, 300, 300))
    made = prepare("image", "a", encoded(drawing, "PNG"))
    assert made.media_type == "image/png"
    assert decoded(made.data).tobytes() == drawing.tobytes()
    assert prepare("image", "a", encoded(drawing, "JPEG")).media_type == "image/jpeg"
    assert prepare("image", "a", encoded(noise(400, 400), "PNG")).media_type == "image/jpeg"
    assert prepare("image", "a", encoded(drawing.resize((1200, 1200)), "PNG")).media_type == "image/jpeg"


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_file_makes_the_same_bytes(kind: str) -> None:
    data = encoded(shades(500, 400), kind)
    assert prepare("image", "a", data) == prepare("image2", "b", data) == render(data)


# Results


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_result_is_described(kind: str) -> None:
    assert describe(encoded(shades(96, 80), kind)) == (f"image/{kind.lower()}", 96, 80)


def test_what_is_no_picture_is_not_described() -> None:
    for data in (b"<html>502 Bad Gateway</html>", encoded(shades(400, 300), "JPEG")[:3000], b""):
        with pytest.raises(Refused):
            describe(data)


def test_what_fits_is_left_alone() -> None:
    data = encoded(shades(200, 100), "WEBP")
    picture = fit(data, "image/webp", len(data))
    assert (picture.data, picture.media_type, picture.width, picture.height) == (data, "image/webp", 200, 100)


@pytest.mark.parametrize("limit", [100_000, 700_000, 3_000_000])
def test_the_worst_picture_fits_and_makes_use_of_its_limit(limit: int) -> None:
    data = encoded(noise(2048, 2048), "PNG", compress_level=1)
    picture = fit(data, "image/png", limit)
    assert limit * 0.6 < len(picture.data) <= limit
    assert picture.media_type == "image/jpeg"
    assert decoded(picture.data).size == (picture.width, picture.height)
    assert picture.width == picture.height


def test_quality_goes_before_pixels() -> None:
    image = shades(1024, 1024)
    data = encoded(image, "JPEG", quality=99, subsampling=0)
    picture = fit(data, "image/jpeg", len(data) * 2 // 3)
    assert (picture.width, picture.height) == (1024, 1024)


def test_no_limit_is_too_small_to_end() -> None:
    smallest = fit(encoded(noise(256, 64), "PNG"), "image/png", 1)
    assert (smallest.width, smallest.height) == (1, 1)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    ("size", "small"),
    [((1024, 1024), (144, 144)), ((1024, 512), (192, 96)), ((512, 1024), (72, 144)), ((2048, 128), (192, 12))],
)
def test_a_thumbnail_shows_the_whole_picture_inside_its_box(
    kind: str, size: tuple[int, int], small: tuple[int, int]
) -> None:
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, *size))
    made = decoded(thumbnail(encoded(image, kind), (192, 144)))
    assert (made.format, made.mode, made.size) == ("JPEG", "RGB", small)
    assert close(made, (small[0] // 8, small[1] // 2), RED)
    assert close(made, (small[0] * 7 // 8, small[1] // 2), BLUE)


def test_a_thumbnail_is_never_enlarged() -> None:
    assert decoded(thumbnail(encoded(shades(96, 80), "PNG"), (192, 144))).size == (96, 80)


@pytest.mark.parametrize("orientation", [6, 8])
def test_a_thumbnail_is_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert decoded(thumbnail(encoded(shades(1024, 512), "JPEG", exif=exif.tobytes()), (192, 144))).size == (72, 144)


def test_a_thumbnail_of_a_transparent_picture_is_laid_on_white() -> None:
    made = decoded(thumbnail(encoded(Image.new("RGBA", (400, 400), (0, 0, 0, 0)), "PNG"), (192, 144)))
    assert close(made, (70, 70), WHITE)


def test_a_thumbnail_of_what_is_no_picture_is_refused() -> None:
    for data in (b"<html>502 Bad Gateway</html>", encoded(shades(400, 300), "JPEG")[:3000], b""):
        with pytest.raises(Refused):
            thumbnail(data, (192, 144))
