"""WEBP decoded into one buffer, by the libwebp that comes with Pillow.

Pillow's own way is libwebp's decoder for animations. It keeps two canvases, returns a copy and makes a picture of that,
16 bytes for each pixel, and holds the interpreter's lock all the while (170 ms for 12 MP, measured). A still picture
needs four bytes a pixel, and :mod:`ctypes` calls without the lock. The functions are part of libwebp's stable interface
(``webp/decode.h``).
"""

from __future__ import annotations

import ctypes
import io
from typing import Final

from PIL import (
    Image,
    _webp,  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]
)
from PIL.WebPImagePlugin import WebPImageFile

_CHANNELS: Final = 4


def _libwebp() -> ctypes.CDLL | None:
    """Return what leads to libwebp; ``None`` where a build of Pillow has it within itself.

    Names are looked up in a library and in those that it needs, so Pillow's own module leads there, wherever that is.
    """
    library = ctypes.CDLL(_webp.__file__)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    if not hasattr(library, "WebPDecodeRGBAInto"):
        return None
    size, whole = ctypes.POINTER(ctypes.c_int), ctypes.c_size_t
    library.WebPGetInfo.argtypes = [ctypes.c_char_p, whole, size, size]
    library.WebPGetInfo.restype = ctypes.c_int
    library.WebPDecodeRGBAInto.argtypes = [ctypes.c_char_p, whole, ctypes.c_void_p, whole, ctypes.c_int]
    library.WebPDecodeRGBAInto.restype = ctypes.c_void_p
    return library


_LIBRARY: Final = _libwebp()


def decoded(data: bytes, size: tuple[int, int]) -> Image.Image:
    """Return a still picture as RGBA. Raises :class:`ValueError` where it has another size, or cannot be decoded.

    Without libwebp at hand it is Pillow's own way after all: slower, and up to 16 bytes a pixel.
    """
    if _LIBRARY is None:
        return _by_pillow(data, size)
    width, height = ctypes.c_int(), ctypes.c_int()
    if not _LIBRARY.WebPGetInfo(data, len(data), ctypes.byref(width), ctypes.byref(height)):
        raise ValueError("no WEBP")
    if (width.value, height.value) != size:
        raise ValueError("a WEBP of two sizes")
    stride = _CHANNELS * width.value
    pixels = bytearray(stride * height.value)
    target = (ctypes.c_char * len(pixels)).from_buffer(pixels)
    if not _LIBRARY.WebPDecodeRGBAInto(data, len(data), target, len(pixels), stride):
        raise ValueError("a damaged or animated WEBP")
    # Pillow looks at these bytes and does not copy them.
    return Image.frombuffer("RGBA", size, pixels, "raw", "RGBA", 0, 1)


def _by_pillow(data: bytes, size: tuple[int, int]) -> Image.Image:
    try:
        file = WebPImageFile(io.BytesIO(data))
        if file.size != size:
            raise ValueError("a WEBP of two sizes")
        return file.convert("RGBA")
    except (OSError, SyntaxError) as error:
        raise ValueError("a damaged WEBP") from error
