"""Pictures in place of the model's: the references composed to the size, graded by the prompt, varied by the seed.

The same references, prompt, seed and size give the same picture, whatever the machine. It is labelled a preview and
never pretends to be the model. Nothing here awaits: it runs in the service's threads.
"""

# Pillow's types name numpy's, which is not needed here and so not installed.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from playground.runware.label import put_label

MEDIA_TYPES: Final = {"JPG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}

Colour = tuple[int, int, int]

#: From so many steps on, a picture is painted as finely as it gets.
FINE_STEPS: Final = 30
#: The guidance at which colours stay as they are.
_PLAIN_CFG: Final = 4.0

#: Shadow, middle and light of a grade; the prompt picks one.
_GRADES: Final[tuple[tuple[Colour, Colour, Colour], ...]] = (
    ((26, 18, 62), (204, 92, 112), (255, 224, 176)),
    ((6, 34, 46), (74, 146, 146), (252, 238, 208)),
    ((14, 32, 22), (104, 142, 84), (248, 242, 200)),
    ((44, 16, 40), (208, 116, 144), (255, 234, 230)),
    ((40, 22, 10), (202, 134, 60), (255, 242, 212)),
    ((12, 26, 56), (102, 146, 200), (242, 250, 255)),
    ((28, 16, 56), (132, 102, 194), (246, 232, 255)),
    ((20, 20, 24), (142, 138, 134), (250, 248, 244)),
)


@dataclass(frozen=True, slots=True)
class Brief:
    """What one picture is painted from, beside its references. Sizes are pixels."""

    prompt: str
    seed: int
    width: int
    height: int
    #: Fewer steps than :data:`FINE_STEPS` paint softly, and a higher guidance in stronger colours: enough to tell a
    #: sweep's pictures apart, and no claim about the model.
    steps: int = FINE_STEPS
    cfg: float | None = None
    #: Small print beside the seed, such as the number of steps.
    note: str = ""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, as Pillow wants them."""
        return self.width, self.height


def paint(references: Sequence[Image.Image], brief: Brief) -> Image.Image:
    """Paint one picture from one or more RGB images."""
    rng = random.Random(brief.seed)
    mood = random.Random(hashlib.sha256(brief.prompt.encode("utf-8", "replace")).digest())
    image = _compose(references, brief.size, rng)
    image = _grade(image, mood, rng)
    image = _light(image, mood, rng)
    image = _develop(_texture(image, rng), brief)
    facts = f"seed {brief.seed}, {brief.width} x {brief.height}{brief.note and ', '}{brief.note}"
    put_label(image, brief.prompt, facts)
    return image


def _develop(image: Image.Image, brief: Brief) -> Image.Image:
    """Soften a picture of few steps, and make the colours of a guided one stronger or weaker."""
    missing = 1 - min(FINE_STEPS, brief.steps) / FINE_STEPS
    if missing:
        image = image.filter(ImageFilter.GaussianBlur(missing * min(brief.size) / 60))
    if brief.cfg is not None:
        image = ImageEnhance.Color(image).enhance((brief.cfg / _PLAIN_CFG) ** 0.6)
    return image


def encode(image: Image.Image, output_format: str, quality: int) -> bytes:
    """Return the image as a file of Runware's ``outputFormat`` (JPG, PNG or WEBP) at its ``outputQuality`` (20-99)."""
    buffer = io.BytesIO()
    if output_format == "PNG":
        image.save(buffer, "PNG", compress_level=1)  # the default level takes four times as long for a tenth less
    elif output_format == "WEBP":
        image.save(buffer, "WEBP", quality=quality, method=0)
    else:
        image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _compose(references: Sequence[Image.Image], size: tuple[int, int], rng: random.Random) -> Image.Image:
    """Fill the canvas with the references: side by side, or the first with round windows onto the others."""
    if len(references) == 1:
        return _cover(references[0], size, rng)
    return rng.choice((_panes, _windows))(references, size, rng)


def _panes(references: Sequence[Image.Image], size: tuple[int, int], rng: random.Random) -> Image.Image:
    """Set the references side by side along the longer side, each going softly over into the next."""
    wide = size[0] >= size[1]
    along, across = size if wide else size[::-1]
    pane, soft = along // len(references), along // 9
    ramp = Image.linear_gradient("L").rotate(90) if wide else Image.linear_gradient("L")
    canvas = Image.new("RGB", size)
    for number, reference in enumerate(rng.sample(references, len(references))):
        start = max(0, number * pane - soft)
        length = min(along, (number + 1) * pane + soft) - start
        box = (length, across) if wide else (across, length)
        mask = Image.new("L", box, 255)
        if number:
            mask.paste(ramp.resize((2 * soft, across) if wide else (across, 2 * soft)))
        canvas.paste(_cover(reference, box, rng), (start, 0) if wide else (0, start), mask)
    return canvas


def _windows(references: Sequence[Image.Image], size: tuple[int, int], rng: random.Random) -> Image.Image:
    """Fill the canvas with the first reference and let the others in through round, ringed windows at its sides."""
    canvas = _cover(references[0], size, rng)
    across = round(min(size) * rng.uniform(0.40, 0.46))
    ring = max(2, across // 60)
    # Drawn four times too large and scaled down, which smooths the edge.
    disc = Image.new("L", (4 * across, 4 * across))
    ImageDraw.Draw(disc).ellipse((0, 0, 4 * across - 1, 4 * across - 1), fill=255)
    left = rng.choice((True, False))
    for number, reference in enumerate(references[1:]):
        x = round(size[0] * (0.25 if left == (number % 2 == 0) else 0.75) - across / 2)
        y = round(size[1] * rng.uniform(0.38, 0.56) - across / 2)
        canvas.paste((250, 246, 238), (x, y), disc.resize((across, across), Image.Resampling.BOX))
        inner = across - 2 * ring
        mask = disc.resize((inner, inner), Image.Resampling.BOX)
        canvas.paste(_cover(reference, (inner, inner), rng), (x + ring, y + ring), mask)
    return canvas


def _cover(image: Image.Image, size: tuple[int, int], rng: random.Random) -> Image.Image:
    """Crop and scale the image so that it fills the size, a little nearer and off centre by the seed."""
    nearer = rng.uniform(1.0, 1.25)
    scale = nearer * max(size[0] / image.width, size[1] / image.height)
    wide, high = size[0] / scale, size[1] / scale
    left = (image.width - wide) * (0.5 + rng.uniform(-0.3, 0.3))
    top = (image.height - high) * (0.35 + rng.uniform(-0.2, 0.2))
    return image.resize(size, Image.Resampling.BICUBIC, (left, top, left + wide, top + high), reducing_gap=2.0)


def _grade(image: Image.Image, mood: random.Random, rng: random.Random) -> Image.Image:
    """Tint the image with the prompt's three colours, a little more or less by the seed."""
    shadow, middle, light = mood.choice(_GRADES)
    tone = ImageOps.autocontrast(image.convert("L"), cutoff=1)
    tinted = ImageOps.colorize(tone, shadow, light, mid=middle, midpoint=round(rng.uniform(104, 148)))
    return ImageEnhance.Color(Image.blend(image, tinted, rng.uniform(0.34, 0.58))).enhance(rng.uniform(1.05, 1.3))


def _light(image: Image.Image, mood: random.Random, rng: random.Random) -> Image.Image:
    """Lay bright discs of the grade's light over the image and darken its corners, computed small and scaled up."""
    small = (max(16, image.width // 8), max(16, image.height // 8))
    glow = Image.new("RGB", small)
    disc = ImageOps.invert(Image.radial_gradient("L"))
    tint = mood.choice(_GRADES)[2]
    for _ in range(rng.randint(3, 6)):
        across = round(min(small) * rng.uniform(0.5, 1.5))
        strength = rng.uniform(0.12, 0.4)
        mask = disc.resize((across, across)).point([round(value * strength) for value in range(256)])
        corner = (round(rng.uniform(-0.2, 1.0) * small[0]), round(rng.uniform(-0.3, 0.6) * small[1]))
        glow.paste(tint, corner, mask)
    glow = glow.filter(ImageFilter.GaussianBlur(3)).resize(image.size, Image.Resampling.BICUBIC)
    corners = Image.radial_gradient("L").point([255 - max(0, value - 120) * 7 // 10 for value in range(256)])
    lit = ImageChops.screen(image, glow)
    return ImageChops.multiply(lit, corners.resize(image.size, Image.Resampling.BICUBIC).convert("RGB"))


def _texture(image: Image.Image, rng: random.Random) -> Image.Image:
    """Give the image a brushed surface: streaks in one direction and a fine grain, both drawn from the seed."""
    grain = Image.frombytes("L", (256, 256), rng.randbytes(256 * 256))
    streaks = grain.resize((64, 256), box=(0, 0, 64, 256)).resize((724, 724), Image.Resampling.BICUBIC)
    streaks = streaks.rotate(rng.uniform(-50, 50), Image.Resampling.BILINEAR).crop((106, 106, 618, 618))
    surface = Image.blend(streaks, grain.resize((512, 512), Image.Resampling.BILINEAR), 0.45)
    calm = surface.point([round(128 + (value - 128) * 0.17) for value in range(256)])
    tiled = Image.new("L", image.size)
    for top in range(0, image.height, 512):
        for left in range(0, image.width, 512):
            # Every second tile is mirrored, so that neighbours meet without a seam.
            tile = calm if (left // 512) % 2 == 0 else ImageOps.mirror(calm)
            tiled.paste(tile if (top // 512) % 2 == 0 else ImageOps.flip(tile), (left, top))
    return ImageChops.overlay(image, Image.merge("RGB", (tiled, tiled, tiled)))
