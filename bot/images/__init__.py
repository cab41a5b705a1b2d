"""What an acceptable reference is, and how a picture is made ready: rules without I/O.

A file is judged by its bytes, never by its name or its claimed type. The header is read by hand before any decoder sees
the file: it tells what decoding takes in bytes (:meth:`Header.cost`), and which parts of the file make up its picture.
A file that would take more than :data:`MAX_COST` is refused; of any other the decoder that the header named is given
those parts alone, since what else is in a file (comments, previews, EXIF) can fill the memory as well.

What :func:`prepare` makes of a reference, always the same bytes for the same file:

- upright by EXIF, then without any metadata (a photograph knows where it was taken);
- at most :data:`LONGEST_SIDE` on its longest side;
- colours converted to sRGB when the file came with another profile, since the profile goes with the metadata;
- opaque: transparency is laid on :data:`BACKGROUND`, because the model edits opaque pictures and an alpha channel would
  otherwise be dropped somewhere on the way, usually on black (:attr:`Picture.laid_on` says that it was);
- JPEG of high quality; or PNG, where the source was lossless and small and PNG comes out smaller (drawings, screenshots).
"""

from __future__ import annotations

from bot.images._headers import LONGEST_SIDE, MAX_COST, MAX_PIXELS, Header, Refused, check_cost, foreign, inspect
from bot.images._pixels import (
    BACKGROUND,
    MAX_BYTES,
    NARROWEST,
    SHORTEST_SIDE,
    Picture,
    check_claims,
    describe,
    fit,
    prepare,
    refusal,
    render,
    thumbnail,
)

__all__ = [
    "BACKGROUND",
    "LONGEST_SIDE",
    "MAX_BYTES",
    "MAX_COST",
    "MAX_PIXELS",
    "NARROWEST",
    "SHORTEST_SIDE",
    "Header",
    "Picture",
    "Refused",
    "check_claims",
    "check_cost",
    "describe",
    "fit",
    "foreign",
    "inspect",
    "prepare",
    "refusal",
    "render",
    "thumbnail",
]
