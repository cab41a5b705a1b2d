"""Pictures follow their references, prompt, seed and size, and say that they are previews."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageChops

from playground.runware.label import HEADING, readable
from playground.runware.paint import Brief, encode, paint

REFERENCES = [
    Image.linear_gradient("L").resize((300, 200)).convert("RGB"),
    Image.radial_gradient("L").convert("RGB"),
    Image.new("RGB", (64, 640), "teal"),
]


def painted(
    seed: int = 7, prompt: str = "a fox in the snow", size: tuple[int, int] = (256, 192), count: int = 2
) -> bytes:
    return paint(REFERENCES[:count], Brief(prompt, seed, *size)).tobytes()


def test_the_same_brief_gives_the_same_picture() -> None:
    assert painted() == painted()


def test_seed_prompt_and_references_each_change_the_picture() -> None:
    variants = {painted(), painted(seed=8), painted(prompt="a fox in the rain"), painted(count=1), painted(count=3)}
    assert len(variants) == 5


def test_few_steps_and_guidance_change_the_picture_and_the_usual_ones_do_not() -> None:
    briefs = [
        Brief("p", 7, 256, 192, steps=steps, cfg=cfg) for steps, cfg in ((30, None), (50, 4), (10, None), (30, 8))
    ]
    usual, finer, soft, strong = (paint(REFERENCES[:2], brief).tobytes() for brief in briefs)
    assert usual == finer
    assert len({usual, soft, strong}) == 3


@pytest.mark.parametrize("size", [(128, 128), (128, 2048), (2048, 128), (1040, 768)])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_picture_has_the_size_that_was_asked_for(size: tuple[int, int], count: int) -> None:
    for seed in range(2):
        assert paint(REFERENCES[:count], Brief("p", seed, *size)).size == size


def test_a_picture_shows_its_reference() -> None:
    red, blue = (Image.new("RGB", (256, 256), colour) for colour in ("red", "blue"))
    brief = Brief("keep it", 1, 256, 256)
    difference = ImageChops.difference(paint([red], brief), paint([blue], brief)).resize((1, 1)).getpixel((0, 0))
    assert isinstance(difference, tuple)
    assert difference[0] > 40
    assert difference[2] > 40


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "x" * 32_000,
        "\n\t",
        "日本の猫",
        "кот в космосе",
        "قطة",
        "🐈‍⬛🚀",
        "\ud800 half",
        "a\x00b",
        "\u202ereversed",
        "café crème — “now”",
    ],
)
def test_any_prompt_can_be_put_on_the_label(prompt: str) -> None:
    for size in ((128, 128), (1024, 768)):
        paint(REFERENCES[:1], Brief(prompt, 2**63 - 1, *size, note="30 steps"))


def test_the_label_keeps_latin_letters_and_names_what_it_cannot_draw() -> None:
    assert readable("  café\n“crème”… ") == 'cafe "creme"...'
    assert readable("a fox 🦊 in the snow") == "a fox in the snow"
    assert "9 characters" in readable("日本の猫です ok")
    assert readable("日本の猫") == "(a prompt of 4 characters in a script that this label cannot draw)"


def test_the_label_is_light_on_dark_over_the_whole_width() -> None:
    assert HEADING == "LOCAL PREVIEW"
    white = Image.new("RGB", (512, 512), "white")
    image = paint([white], Brief("p", 3, 512, 512)).convert("L")
    shades = image.crop((0, 490, 512, 508)).tobytes()
    assert min(shades) < 90
    assert max(shades) > 200


@pytest.mark.parametrize(("output", "format_"), [("JPG", "JPEG"), ("PNG", "PNG"), ("WEBP", "WEBP")])
def test_a_picture_is_encoded_as_asked_for(output: str, format_: str) -> None:
    image = paint(REFERENCES, Brief("p", 5, 256, 256))
    decoded = Image.open(io.BytesIO(encode(image, output, 95)))
    assert (decoded.format, decoded.size) == (format_, (256, 256))


@pytest.mark.parametrize("output", ["JPG", "WEBP"])
def test_a_lower_quality_is_smaller(output: str) -> None:
    image = paint(REFERENCES, Brief("p", 5, 256, 256))
    assert len(encode(image, output, 20)) < len(encode(image, output, 60)) < len(encode(image, output, 99))
