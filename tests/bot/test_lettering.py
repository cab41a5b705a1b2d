"""How texts are spelled, cut and broken for pictures."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import lettering
from bot.lettering import drawable, fitted, legible, sign, sized, wrapped


def test_a_text_is_cut_only_where_it_does_not_fit() -> None:
    font = sized(30)
    width = int(font.getlength("Nightingale")) + 1
    assert fitted("Nightingale", font, width) == "Nightingale"
    cut = fitted("Nightingales", font, width)
    assert cut.endswith("…")
    assert "Nightingales".startswith(cut[:-1])
    assert len(cut) > 8
    assert font.getlength(cut) <= width


@settings(deadline=None)
@given(st.text())
def test_no_text_shows_the_box_of_a_missing_letter(text: str) -> None:
    drawn = fitted(text, sized(30), 10**6)
    assert all(lettering._in_font(character) for character in drawn)
    assert drawable(drawn) == bool(drawn)


def test_a_text_is_broken_between_words() -> None:
    font = sized(20)
    width = int(font.getlength("make the sky")) + 1
    assert wrapped("make the sky pink at dusk", font, width, 3) == ["make the sky", "pink at dusk"]
    assert wrapped("make the sky", font, width, 3) == ["make the sky"]
    assert wrapped("", font, width, 3) == []


@settings(deadline=None)
@given(st.text("Wil \n李", max_size=60), st.integers(1, 3), st.integers(60, 200))
def test_broken_lines_are_few_and_fit_and_lose_nothing_but_the_end(text: str, lines: int, width: int) -> None:
    font = sized(20)
    broken = wrapped(text, font, width, lines)
    assert len(broken) <= lines
    assert all(line and font.getlength(line) <= width for line in broken)
    whole = fitted(text, font, 10**6)
    kept = " ".join(broken)
    assert kept == whole or (kept.endswith("…") and whole.startswith(kept.removesuffix("…")))


@pytest.mark.parametrize(
    ("text", "is_legible"),
    [
        ("Zoë 🌸", True),
        ("Alexander Ж", True),
        ("李Wei", True),
        ("Ж4", False),
        ("李伟", False),
        ("🌸", False),
        ("", False),
    ],
)
def test_a_text_that_keeps_most_of_its_letters_is_legible(text: str, is_legible: bool) -> None:
    assert legible(text) is is_legible


def test_a_sign_is_filled_inside_its_corners_alone() -> None:
    mask = sign([(2, 2), (8, 2), (8, 8), (2, 8)], 12)
    assert mask.size == (12, 12)
    assert (mask.getpixel((5, 5)), mask.getpixel((1, 1)), mask.getpixel((10, 5))) == (255, 0, 0)
