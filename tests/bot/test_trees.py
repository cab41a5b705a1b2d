"""How a session's edits are laid out and drawn."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.images import thumbnail
from bot.trees import PAGE, THUMBNAIL, Node, Page, Shown, _drawing, _sheet, draw, lay_out
from bot.trees._sheet import Box

PEOPLE = ("Ana", "Bartholomew the Great", "Анна", "李伟", "🌸", "")
PROMPT = "turn day into night, with many small lanterns on the water"


@st.composite
def forests(draw_from: st.DrawFn, most: int = 150) -> list[Node]:
    """Draw sessions of every shape: bushy or long, of one root or of many, some of them edits of another session."""
    length = draw_from(st.integers(1, most))
    reach = draw_from(st.sampled_from([1, 2, 4, 1000]))
    chance = random.Random(draw_from(st.integers(0, 2**32)))
    roots = draw_from(st.sampled_from([0.0, 0.03, 0.3]))
    nodes: list[Node] = []
    for number in range(10, 10 + length):
        if number == 10 or chance.random() < roots:
            nodes.append(Node(number, chance.choice([None, 7])))
        else:
            nodes.append(Node(number, chance.randrange(max(10, number - reach), number)))
    return nodes


def chain(length: int) -> list[Node]:
    return [Node(number, number - 1 or None) for number in range(1, length + 1)]


def star(length: int) -> list[Node]:
    return [Node(1, None), *(Node(number, 1) for number in range(2, length + 1))]


def binary(length: int) -> list[Node]:
    return [Node(number, number // 2 or None) for number in range(1, length + 1)]


def twenty_with_two_each() -> list[Node]:
    return [*star(21), *(Node(18 + 2 * child + leaf, child) for child in range(2, 22) for leaf in (0, 1))]


def one_page(nodes: list[Node]) -> Page:
    (page,) = lay_out(nodes).pages
    return page


def picture(colour: str = "red") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (300, 200), colour).save(buffer, "JPEG")
    return thumbnail(buffer.getvalue(), THUMBNAIL)


def drawn(nodes: list[Node], *, here: int | None = None, without: frozenset[int] = frozenset()) -> bytes:
    pictures = {node.id: picture() for node in nodes if node.id not in without}
    return draw("Edits", one_page(nodes), pictures, number=1, of=1, here=here)


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def has(image: Image.Image, colour: tuple[int, int, int], box: Box) -> bool:
    """Tell whether a colour is in a part of a picture, give or take what JPEG does to it."""
    found = image.crop(box).getcolors(image.width * image.height)
    assert found is not None
    return any(
        isinstance(pixel, tuple) and all(abs(a - b) < 12 for a, b in zip(pixel, colour, strict=True))
        for _, pixel in found
    )


RED, GOLD, GREEN = (254, 0, 0), (240, 178, 50), (87, 199, 160)


# Laws of the layout


@settings(deadline=None)
@given(forests())
def test_every_node_is_on_one_page_and_no_page_has_too_many(nodes: list[Node]) -> None:
    pages = lay_out(nodes).pages
    assert sorted(node.id for page in pages for node in page.nodes) == [node.id for node in nodes]
    assert all(1 <= len(page.nodes) <= PAGE for page in pages)


@settings(deadline=None)
@given(forests())
def test_no_two_nodes_share_a_cell_and_nodes_are_listed_as_they_are_read(nodes: list[Node]) -> None:
    for page in lay_out(nodes).pages:
        cells = [seat.cell for seat in page.seats]
        assert all(before < after for before, after in pairwise(cells))


@settings(deadline=None)
@given(forests())
def test_every_node_has_a_line_from_its_parent_or_says_where_it_comes_from(nodes: list[Node]) -> None:
    for page in lay_out(nodes).pages:
        cells = {seat.node.id: seat.cell for seat in page.seats}
        for seat in page.seats:
            if seat.parent is not None:
                assert seat.node.parent_id is not None
                assert seat.parent == cells[seat.node.parent_id]
                assert seat.node.id not in page.labels
            elif seat.node.parent_id is None:
                assert page.labels[seat.node.id] == "start"
            else:
                assert page.labels[seat.node.id].startswith(f"from #{seat.node.parent_id}")


@settings(deadline=None)
@given(forests(PAGE))
def test_lines_run_across_no_card_and_through_no_label(nodes: list[Node]) -> None:
    for page in lay_out(nodes).pages:
        cards = [_sheet.card(seat.cell) for seat in page.seats]
        tabs = [tab(_sheet.card(seat.cell)) for seat in page.seats if seat.node.id in page.labels]
        for stretches in lines(page).values():
            for stretch in stretches:
                assert not any(meet(stretch, box) for box in (*cards, *tabs))


@settings(deadline=None)
@given(forests(PAGE))
def test_lines_of_two_parents_never_meet(nodes: list[Node]) -> None:
    for page in lay_out(nodes).pages:
        for some, others in combinations(lines(page).values(), 2):
            assert not any(meet(thick(one), thick(other)) for one in some for other in others)


@settings(deadline=None)
@given(forests(PAGE))
def test_a_line_begins_at_its_parent_and_ends_at_its_child(nodes: list[Node]) -> None:
    for page in lay_out(nodes).pages:
        for seat in page.seats:
            if seat.parent is None:
                assert not _sheet.line(seat)
                continue
            (start, *_, end), parent, child = _sheet.line(seat), _sheet.card(seat.parent), _sheet.card(seat.cell)
            assert start[0] == parent[2]
            assert parent[1] < start[1] < parent[3]
            assert (end[0] == child[0] and child[1] < end[1] < child[3]) == seat.sideways
            assert (end[1] == child[1] and child[0] < end[0] < child[2]) != seat.sideways


@settings(deadline=None)
@given(forests())
def test_a_page_stays_within_what_a_screen_shows(nodes: list[Node]) -> None:
    for page in lay_out(nodes).pages:
        assert max(page.width, page.height) <= 2800
        for seat in page.seats:
            left, top, right, bottom = _sheet.card(seat.cell)
            assert 0 < left < right < page.width
            assert 0 < top < bottom < page.height
            assert all(0 < x < page.width and 0 < y < page.height for x, y in _sheet.line(seat))
        if len(page.nodes) > PAGE * 3 // 4:
            assert page.height / 2 <= page.width <= page.height * 2


@settings(deadline=None)
@given(forests(), st.randoms(use_true_random=False))
def test_the_order_of_the_nodes_is_of_no_matter(nodes: list[Node], chance: random.Random) -> None:
    shuffled = nodes.copy()
    chance.shuffle(shuffled)
    assert lay_out(shuffled) == lay_out(nodes)


def tab(card: Box) -> Box:
    left, top, right, _ = card
    return left, top - _drawing._TAB, right, top


def lines(page: Page) -> Mapping[int, list[Box]]:
    """Return the stretches of the lines of a page, by the parent they belong to."""
    found: dict[int, list[Box]] = {}
    for seat in page.seats:
        if seat.parent is not None:
            assert seat.node.parent_id is not None
            found.setdefault(seat.node.parent_id, []).extend(stretches(_sheet.line(seat)))
    return found


def stretches(corners: list[tuple[int, int]]) -> Iterator[Box]:
    for (x, y), (other_x, other_y) in pairwise(corners):
        assert x == other_x or y == other_y
        yield min(x, other_x), min(y, other_y), max(x, other_x), max(y, other_y)


def thick(stretch: Box) -> Box:
    half = _drawing._STROKE
    return stretch[0] - half, stretch[1] - half, stretch[2] + half, stretch[3] + half


def meet(one: Box, other: Box) -> bool:
    """Tell whether two boxes have more in common than an edge."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


# Facts of the layout


@pytest.mark.parametrize(
    ("nodes", "most_labels"),
    [(chain(60), 0), (star(60), 0), (twenty_with_two_each()[:60], 0), (binary(60), 6)],
    ids=["chain", "star", "twenty", "binary"],
)
def test_sixty_edits_of_any_plain_shape_are_one_connected_picture(nodes: list[Node], most_labels: int) -> None:
    page = one_page(nodes)
    assert len(page.nodes) == 60
    assert max(page.width, page.height) <= 2600
    assert len(page.labels) - 1 <= most_labels


@pytest.mark.parametrize("shape", [chain, star, binary])
def test_a_small_tree_is_a_small_picture(shape: Callable[[int], list[Node]]) -> None:
    one, three, nine = (one_page(shape(length)) for length in (1, 3, 9))
    assert max(one.width, one.height) <= 640
    assert max(three.width, three.height) <= 800
    assert max(nine.width, nine.height) <= 1300


def test_no_edits_make_no_page() -> None:
    assert lay_out([]).pages == ()


def test_a_chain_of_thousands_fills_pages_from_the_first_edit_on_and_its_end_stays_whole() -> None:
    pages = lay_out(chain(5000)).pages
    assert [len(page.nodes) for page in pages] == [60] * 82 + [30, 50]
    assert {node.id for node in pages[0].nodes} == set(range(1, 61))
    assert pages[1].labels == {61: "from #60, page 1"}


def test_subtrees_that_fit_on_a_page_are_not_cut() -> None:
    nodes = [Node(1, None)]
    for branch in range(3):
        first = len(nodes) + 1
        nodes.append(Node(first, 1))
        nodes.extend(Node(first + number, first) for number in range(1, 40))
        assert len(nodes) == 1 + 40 * (branch + 1)
    pages = [{node.id for node in page.nodes} for page in lay_out(nodes).pages]
    assert pages == [set(range(1, 42)), set(range(42, 82)), set(range(82, 122))]


def test_small_branches_stay_with_their_parent_when_a_long_one_goes_on_over_pages() -> None:
    nodes = [*chain(200), *(Node(number, 1) for number in range(201, 221))]
    assert {node.id for node in lay_out(nodes).pages[0].nodes} == {*range(1, 41), *range(201, 221)}


def test_a_new_beginning_does_not_stand_beside_the_trunk_of_another_tree() -> None:
    *seats, last = sorted(one_page([*star(8), Node(9, None)]).seats, key=lambda seat: seat.node.id)
    (_, trunk), *_ = {seat.parent for seat in seats if seat.parent}
    assert last.cell[1] != trunk


def test_an_edit_of_another_session_says_of_what() -> None:
    assert one_page([Node(12, 8), Node(13, 12)]).labels == {12: "from #8"}


def test_a_hidden_parent_is_not_named() -> None:
    nodes = [replace(node, shown=Shown.HIDDEN) if node.id == 1 else node for node in star(100)]
    first, second = lay_out([*nodes, Node(101, None, also=(1, 2, 7))]).pages
    assert set(first.labels.values()) == {"start"}
    assert set(second.labels.values()) == {"from hidden, page 1", "start"}
    assert second.merges == {101: "+ hidden #2 #7"}


# What is drawn


def test_a_page_is_a_jpeg_of_the_promised_size_and_always_the_same() -> None:
    nodes = [replace(node, who="Ana", prompt=PROMPT, cost=6100, stars=2, also=(1,)) for node in binary(60)]
    data = drawn(nodes, here=41)
    image, page = opened(data), one_page(nodes)
    assert (image.format, image.size) == ("JPEG", (page.width, page.height))
    assert drawn(nodes[::-1], here=41) == data


@pytest.mark.parametrize("shown", [Shown.REMOVED, Shown.WITHHELD, Shown.LOST, Shown.HIDDEN])
def test_a_picture_that_is_not_to_be_seen_is_not_drawn(shown: Shown) -> None:
    nodes = [Node(1, None), Node(2, 1, shown=shown)]
    card = _sheet.card(one_page(nodes).seats[1].cell)
    assert has(opened(drawn([Node(1, None), Node(2, 1)])), RED, card)
    assert not has(opened(drawn(nodes)), RED, card)
    assert drawn(nodes) == drawn(nodes, without=frozenset({2}))


def test_each_way_of_not_being_seen_has_its_word() -> None:
    pictures = {drawn([Node(1, None), Node(2, 1, shown=shown)]) for shown in Shown}
    assert len(pictures) == len(Shown)


def test_a_picture_without_a_thumbnail_stands_as_lost() -> None:
    lost = [Node(1, None), Node(2, 1, shown=Shown.LOST)]
    assert drawn([Node(1, None), Node(2, 1)], without=frozenset({2})) == drawn(lost)


@pytest.mark.parametrize("change", [{"who": "Bo"}, {"prompt": "x"}, {"cost": 5}, {"stars": 3}, {"also": (1,)}])
@pytest.mark.parametrize("shown", Shown)
def test_a_hidden_node_gives_nothing_away_and_the_others_tell_all(shown: Shown, change: dict[str, object]) -> None:
    node = Node(2, 1, who="Ana", prompt=PROMPT, cost=6100, shown=shown)
    changed = drawn([Node(1, None), replace(node, **change)])
    assert (changed == drawn([Node(1, None), node])) == (shown is Shown.HIDDEN)


def test_the_id_of_a_hidden_node_is_not_drawn() -> None:
    assert drawn([Node(1, None), Node(2, 1, shown=Shown.HIDDEN)]) == drawn(
        [Node(1, None), Node(9, 1, shown=Shown.HIDDEN)]
    )


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("prompt", ["сделай небо розовым", "空をピンクに", "W" * 4000, "one\ntwo", "", PROMPT])
def test_names_and_prompts_of_every_script_stay_on_their_card(who: str, prompt: str) -> None:
    plain = opened(drawn([Node(1, None, cost=0)]))
    written = opened(drawn([Node(1, None, who=who * 20, prompt=prompt, cost=10**15, also=(10**9, 10**10, 10**11))]))
    left, top, right, bottom = _sheet.card((0, 0))
    for beside in (
        (0, 0, left - 8, plain.height),
        (right + 8, 0, plain.width, plain.height),
        (0, bottom + 8, plain.width, plain.height),
    ):
        assert written.crop(beside).tobytes() == plain.crop(beside).tobytes()
    assert top < bottom


def test_where_one_stands_is_framed_and_the_way_there_is_picked_out() -> None:
    nodes = binary(7)
    seats = {seat.node.id: seat for seat in one_page(nodes).seats}
    image = opened(drawn(nodes, here=5))
    for number in (2, 5):
        assert any(has(image, GOLD, thick(stretch)) for stretch in stretches(_sheet.line(seats[number])))
    *_, last = stretches(_sheet.line(seats[7]))
    assert not has(image, GOLD, thick(last))
    framed = [seat.node.id for seat in seats.values() if has(image, GOLD, _sheet.card(seat.cell))]
    assert framed == [5]
    assert drawn(nodes, here=99) == drawn(nodes)


def test_stars_and_other_references_are_drawn_in_their_colours() -> None:
    page, corner = one_page([Node(1, None)]), _sheet.card((0, 0))
    assert page.nodes == (Node(1, None),)
    assert not has(opened(drawn([Node(1, None)])), GOLD, corner)
    assert has(opened(drawn([Node(1, None, stars=1)])), GOLD, corner)
    assert not has(opened(drawn([Node(1, None)])), GREEN, corner)
    assert has(opened(drawn([Node(1, None, also=(5,))])), GREEN, corner)


def test_a_page_tells_its_number_where_there_are_several() -> None:
    page = one_page(star(3))
    pictures = {draw("Edits", page, {}, number=number, of=of) for number, of in ((1, 1), (1, 2), (2, 2))}
    assert len(pictures) == 3


@pytest.mark.parametrize("title", ["W" * 500, "Рисунки", "🌸", ""])
def test_a_title_stays_inside_the_margins(title: str) -> None:
    plain, titled = (
        opened(draw(text, one_page(chain(1)), {}, number=11, of=12)).crop((0, 0, 640, _sheet.HEAD))
        for text in ("", title)
    )
    for edge in ((0, 0, 24, _sheet.HEAD), (480, 0, 640, _sheet.HEAD), (0, 80, 640, _sheet.HEAD)):
        assert titled.crop(edge).tobytes() == plain.crop(edge).tobytes()
