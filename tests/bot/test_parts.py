"""A file with parts left out."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from bot.images._parts import joined, opened


@st.composite
def spans(draw: st.DrawFn) -> list[tuple[int, int]]:
    edges = sorted(draw(st.lists(st.integers(0, 300), max_size=12)))
    return list(zip(edges[::2], edges[1::2], strict=False))


@given(spans(), st.lists(st.tuples(st.integers(0, 310), st.integers(-1, 200)), max_size=8))
def test_it_reads_as_if_the_rest_were_not_there(
    given_spans: list[tuple[int, int]], reads: list[tuple[int, int]]
) -> None:
    data = bytes(number % 251 for number in range(300))
    whole = io.BytesIO(b"".join(data[start:end] for start, end in given_spans))
    file = opened(data, joined(given_spans))
    assert file.read() == whole.read()
    for place, length in reads:
        assert file.seek(place) == whole.seek(place)
        assert file.read(length) == whole.read(length)
        assert whole.seek(-1 if place else 0, io.SEEK_CUR) == file.seek(-1 if place else 0, io.SEEK_CUR)
    assert file.seek(0, io.SEEK_END) == whole.seek(0, io.SEEK_END)


def test_parts_that_touch_are_one() -> None:
    assert joined([(0, 2), (2, 5), (5, 5), (7, 9)]) == ((0, 5), (7, 9))
