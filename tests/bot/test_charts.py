"""What a chart shows, read from the pixels of the decoded picture."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Sequence
from itertools import groupby, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageColor

from bot import charts, lettering
from bot.charts import MOST_COLUMNS, MOST_RANKED, WIDTH, Bar, ranking, timeline
from bot.lettering import drawable, fitted, sized

Draw = Callable[[str, str, Sequence[Bar]], bytes]

BOTH = pytest.mark.parametrize("draw", [ranking, timeline])
LONG = "W" * 500


def bars(*amounts: int) -> list[Bar]:
    return [Bar(f"Nov {number}", amount) for number, amount in enumerate(amounts, 1)]


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def where(image: Image.Image, colour: str) -> Image.Image:
    """Return 255 where a picture has exactly this colour, else 0."""
    red, green, blue = (
        band.point([255 * (value == wanted) for value in range(256)])
        for band, wanted in zip(image.split(), ImageColor.getrgb(colour), strict=True)
    )
    return ImageChops.darker(ImageChops.darker(red, green), blue)


def accent(data: bytes) -> Image.Image:
    return where(opened(data), lettering.ACCENT)


def per_row(mask: Image.Image) -> list[int]:
    return [mask.crop((0, y, mask.width, y + 1)).tobytes().count(255) for y in range(mask.height)]


def per_column(mask: Image.Image) -> list[int]:
    return [mask.crop((x, 0, x + 1, mask.height)).tobytes().count(255) for x in range(mask.width)]


def extents(counts: Sequence[int]) -> list[int]:
    """Return the largest count of each run of rows, or of columns, that have any."""
    return [max(run) for filled, run in groupby(counts, bool) if filled]


def is_ground(image: Image.Image, box: tuple[int, int, int, int]) -> bool:
    return where(image.crop(box), lettering.GROUND).getextrema() == (255, 255)


@BOTH
@pytest.mark.parametrize("amounts", [[], [0], [44_200], [3_000_000, 1_000_000, 0, 1]])
def test_a_chart_is_an_opaque_png_of_the_promised_width(draw: Draw, amounts: list[int]) -> None:
    image = opened(draw("Spending", "Last 7 days", bars(*amounts)))
    assert (image.format, image.mode, image.width) == ("PNG", "RGB", WIDTH)


@BOTH
def test_the_same_input_gives_the_same_bytes(draw: Draw) -> None:
    given_bars = bars(3_000_000, 44_200, 0)
    assert draw("Spending", "Nov", given_bars) == draw("Spending", "Nov", given_bars)


def test_a_ranking_is_as_high_as_its_bars_need() -> None:
    heights = [opened(ranking("Spending", "Nov", bars(*[100] * number))).height for number in range(1, MOST_RANKED + 1)]
    assert len({after - before for before, after in pairwise(heights)}) == 1
    assert heights[0] < heights[-1] < 1.2 * WIDTH


def test_a_bar_is_as_long_as_its_amount_and_the_order_is_kept() -> None:
    lengths = extents(per_row(accent(ranking("Spending", "Nov", bars(4_000_000, 1_000_000, 3_000_000)))))
    assert [round(4 * length / lengths[0], 1) for length in lengths] == [4, 1, 3]


def test_a_column_is_as_high_as_its_amount_and_time_runs_to_the_right() -> None:
    heights = extents(per_column(accent(timeline("Spending", "Nov", bars(1_000_000, 4_000_000, 3_000_000)))))
    assert [round(4 * height / heights[1], 1) for height in heights] == [1, 4, 3]


def test_the_least_spending_is_seen_and_none_is_not() -> None:
    amounts = bars(10**9, 1, 0, 1)
    assert len(extents(per_row(accent(ranking("Spending", "Nov", amounts))))) == 3
    assert len(extents(per_column(accent(timeline("Spending", "Nov", amounts))))) == 3


@BOTH
@pytest.mark.parametrize("number", [1, 2, 7, 12])
def test_bars_stay_inside_the_plot(draw: Draw, number: int) -> None:
    chance = random.Random(number)
    mask = accent(draw("Spending", "Nov", bars(*[chance.randrange(1, 10**7) for _ in range(number)])))
    bounds = mask.getbbox()
    assert bounds is not None
    left, top, right, bottom = bounds
    assert charts._MARGIN <= left < right <= WIDTH - charts._MARGIN
    assert charts._PLOT_TOP <= top < bottom <= mask.height - charts._MARGIN


@BOTH
@pytest.mark.parametrize("amount", [44_200, 2**63 - 1])
@pytest.mark.parametrize("text", [LONG, "two words " * 50, "李" * 500])
def test_a_long_text_stays_inside_the_margins(draw: Draw, text: str, amount: int) -> None:
    image = opened(draw(text, text, [Bar(text, amount), Bar(text, amount // 2), Bar(text, amount)]))
    margin = charts._MARGIN - 2  # the outline of a heavy letter may reach into it
    assert is_ground(image, (0, 0, margin, image.height))
    assert is_ground(image, (WIDTH - margin, 0, WIDTH, image.height))
    assert is_ground(image, (0, image.height - margin, WIDTH, image.height))


def test_a_long_label_ends_before_its_bar_and_leaves_the_bar_room() -> None:
    image = opened(ranking("Spending", "Nov", [Bar(LONG, 44_200)]))
    bounds = where(image, lettering.ACCENT).getbbox()
    assert bounds is not None
    left, top, right, bottom = bounds
    assert is_ground(image, (left - charts._GAP + 1, top, left, bottom))
    assert right - left > WIDTH // 3


@pytest.mark.parametrize("number", [1, 2, 31, 118, 119, 130, 365, MOST_COLUMNS])
@pytest.mark.parametrize("first_is_high", [True, False])
def test_every_column_is_visible(number: int, first_is_high: bool) -> None:
    amounts = [1_000_000 if (column % 2 == 0) == first_is_high else 500_000 for column in range(number)]
    mask = accent(timeline("Spending", "The year", bars(*amounts)))
    counts = per_column(mask)
    high = [filled for filled, _ in groupby(counts, lambda count: count > 0.9 * max(counts))]
    # A high column is a run of its own only where each low one between two of them has at least a pixel.
    assert sum(high) == amounts.count(max(amounts))
    assert sum(count > 0 for count in counts) >= number


@pytest.mark.parametrize(("number", "runs"), [(7, 7), (90, 90), (MOST_COLUMNS, 1)])
def test_columns_stand_apart_unless_gaps_would_be_as_wide_as_they_are(number: int, runs: int) -> None:
    assert len(extents(per_column(accent(timeline("Spending", "Nov", bars(*[100] * number)))))) == runs


def test_a_column_reaches_the_line_of_its_amount() -> None:
    image = opened(timeline("Spending", "Nov", bars(2_000_000, 3_500_000)))
    lines = [y for y, count in enumerate(per_row(where(image, lettering.GRID))) if count > WIDTH // 3]
    column = where(image, lettering.ACCENT).crop((0, 0, WIDTH // 2, image.height))
    bounds = column.getbbox()
    assert bounds is not None
    assert bounds[1] in lines
    assert len(lines) >= 4  # of two rows each


@pytest.mark.parametrize("amount", [1, 44_200, 2**63 - 1])
def test_the_lines_of_a_scale_end_before_its_amounts(amount: int) -> None:
    image = opened(timeline("Spending", "Nov", bars(amount)))
    bounds = where(image, lettering.GRID).crop((0, 0, WIDTH, charts._PLOT_TOP + 2)).getbbox()
    assert bounds is not None
    right, bottom = bounds[2], image.height - charts._MARGIN * 2
    assert is_ground(image, (right, charts._PLOT_TOP - charts._GAP, right + charts._GAP - 2, bottom))
    assert not is_ground(image, (right, charts._PLOT_TOP, WIDTH, bottom))


@BOTH
def test_where_nothing_was_spent_a_sentence_says_so(draw: Draw) -> None:
    data = draw("Spending", "Nov", [])
    assert draw("Spending", "Nov", bars(0, 0, 0)) == data
    assert accent(data).getbbox() is None
    sentence = where(opened(data), lettering.TEXT).crop((0, charts._PLOT_TOP, WIDTH, 2 * charts._PLOT_TOP))
    assert sentence.getbbox() is not None


@BOTH
def test_a_negative_amount_is_refused(draw: Draw) -> None:
    with pytest.raises(ValueError, match="negative"):
        draw("Spending", "Nov", bars(100, -1))


@pytest.mark.parametrize(("draw", "most"), [(ranking, MOST_RANKED), (timeline, MOST_COLUMNS)])
def test_more_bars_than_there_is_room_for_are_refused(draw: Draw, most: int) -> None:
    draw("Spending", "Nov", bars(*[100] * most))
    with pytest.raises(ValueError, match=f"{most + 1} bars"):
        draw("Spending", "Nov", bars(*[100] * (most + 1)))


@settings(deadline=None)
@given(st.integers(1, 2**63 - 1))
def test_a_scale_has_few_round_steps_and_its_last_one_holds_the_largest_amount(largest: int) -> None:
    ticks = charts._ticks(largest)
    assert ticks[0] == 0
    assert ticks[-2] < largest <= ticks[-1]
    assert 2 <= len(ticks) <= 5
    assert str(ticks.step).rstrip("0") in {"1", "2", "5"}
    assert ticks.step % 100 == 0  # dollars are written with four decimals


@settings(deadline=None)
@given(st.lists(st.text("Wi 1", max_size=40), min_size=1, max_size=60))
def test_labels_over_time_keep_clear_of_each_other_and_name_the_latest(labels: list[str]) -> None:
    font = sized(26)
    chosen = charts._thinned(labels, charts._columns(len(labels), 700), font)[::-1]
    assert chosen[-1][1] == fitted(labels[-1], font, charts._LONGEST_LABEL)
    for (start, text), (following, _) in pairwise(chosen):
        assert start + font.getlength(text) + charts._TEXT_GAP <= following


def test_labels_that_have_room_are_all_written() -> None:
    labels = [f"Nov {day}" for day in range(19, 26)]
    written = charts._thinned(labels, charts._columns(len(labels), 720), sized(26))
    assert [text for _, text in written] == labels[::-1]


@pytest.mark.parametrize(
    ("text", "drawn", "keeps_its_letters"),
    [
        ("Ana [30 steps] #darkroom…", "Ana [30 steps] #darkroom…", True),
        ("who?", "who?", True),
        ("José Łukasz Straße Đặng", "Jose Lukasz Strasse Dang", True),
        ("Jose\N{COMBINING ACUTE ACCENT}", "Jose", True),
        ("𝓐𝓵𝓮𝔁 ﹣ ²", "Alex - 2", True),
        ("Oct 27 – Nov 25 • 2×", "Oct 27 - Nov 25 · 2x", True),
        ("🌸 Zoë 👩‍🚀 ", "Zoe", True),
        ("two\nlines\tand\u00a0more\x00\u202e", "two lines and more", True),
        ("李Wei", "?Wei", False),
        ("Анна", "????", False),
        ("\N{HANGUL FILLER}", "?", False),
        ("🌸🌸", "?", False),
        ("\ud800", "?", False),
        (" ", "?", False),
        ("", "?", False),
    ],
)
def test_a_label_is_spelled_with_what_the_font_has(text: str, drawn: str, keeps_its_letters: bool) -> None:
    assert drawable(text) is keeps_its_letters
    assert ranking("Spending", "Nov", [Bar(text, 1)]) == ranking("Spending", "Nov", [Bar(drawn, 1)])
