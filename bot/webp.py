"""WEBP decoded into one buffer, by the libwebp that comes with Pillow.

Pillow's own way is libwebp's decoder for animations. It keeps two canvases, returns a copy and makes a picture of that,
16 bytes for each pixel, and holds the interpreter's lock all the while (170 ms for 12 MP, measured). A still picture
needs four bytes a pixel, and :mod:`ctypes` calls without the lock. The functions are part of libwebp's stable interface
(``webp/decode.h``).
"""

from __future__ import annotations

import ctypes
from typing import Final

from PIL import (
    Image,
    _webp,  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]
)

# Names are looked up in a library and in those that it needs, so Pillow's own module leads to libwebp, wherever that is.
_LIBRARY: Final = ctypes.CDLL(_webp.__file__)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
_CHANNELS: Final = 4

_size = _LIBRARY.WebPGetInfo
_size.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int)]
_size.restype = ctypes.c_int
_decode = _LIBRARY.WebPDecodeRGBAInto
_decode.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_decode.restype = ctypes.c_void_p


def decoded(data: bytes, size: tuple[int, int]) -> Image.Image:
    """Return a still picture as RGBA. Raises :class:`ValueError` where it has another size, or cannot be decoded."""
    width, height = ctypes.c_int(), ctypes.c_int()
    if not _size(data, len(data), ctypes.byref(width), ctypes.byref(height)):
        raise ValueError("no WEBP")
    if (width.value, height.value) != size:
        raise ValueError("a WEBP of two sizes")
    stride = _CHANNELS * width.value
    pixels = bytearray(stride * height.value)
    target = (ctypes.c_char * len(pixels)).from_buffer(pixels)
    if not _decode(data, len(data), target, len(pixels), stride):
        raise ValueError("a damaged or animated WEBP")
    # Pillow looks at these bytes and does not copy them.
    return Image.frombuffer("RGBA", size, pixels, "raw", "RGBA", 0, 1)
