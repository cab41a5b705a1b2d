"""A session's nodes, cut into pages and laid out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.trees import _sheet
from bot.trees._grid import COLUMNS, ROWS, Seat, arrange
from bot.trees._nodes import Node, Shown

#: The most nodes of a page.
PAGE: Final = 60

#: Up to so many nodes, every number of columns is tried; for more, only the last few are.
_FEW: Final = 30
_LAST_FEW: Final = 3
#: What spoils a page, each as bad as so many pixels on its longer side.
_LABEL: Final = 300
_WAY_BACK: Final = 200
_EXTRA_ROW: Final = 1000


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a tree that is drawn as one picture."""

    #: In reading order: row by row.
    seats: tuple[Seat, ...]
    #: What stands above a node that no line comes to, by the node's id.
    labels: Mapping[int, str]
    #: What tells of a node's other references, by the node's id.
    merges: Mapping[int, str]
    #: Of the picture, in pixels.
    width: int
    height: int

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Return its nodes in reading order."""
        return tuple(seat.node for seat in self.seats)


@dataclass(frozen=True, slots=True)
class Tree:
    """A session's edits, laid out on pages of at most :data:`PAGE` nodes."""

    pages: tuple[Page, ...]


def lay_out(nodes: Sequence[Node]) -> Tree:
    """Lay a session's edits out. The order of ``nodes``, whose ids are unique, is of no matter; none make no pages."""
    groups = _cut(sorted(nodes, key=lambda node: node.id))
    names = {node.id: "hidden" if node.shown is Shown.HIDDEN else f"#{node.id}" for node in nodes}
    numbers = {node.id: number for number, group in enumerate(groups, 1) for node in group}
    return Tree(tuple(_page(group, number, numbers, names) for number, group in enumerate(groups, 1)))


def _cut(nodes: Sequence[Node]) -> list[list[Node]]:
    """Cut nodes, in the order of their ids, into groups of at most :data:`PAGE`; what belongs together stays so."""
    size = {node.id: 1 for node in nodes}
    children = defaultdict[int, list[Node]](list)
    to_come: list[Node] = []
    for node in reversed(nodes):
        if node.parent_id in size:
            size[node.parent_id] += size[node.id]
            children[node.parent_id].append(node)
        else:
            to_come.append(node)
    groups: list[list[Node]] = []
    room = 0
    while to_come:
        node = to_come.pop()
        # What fits on one page begins a new one rather than be cut in two, unless that left a page more than half empty.
        if not room or (room <= PAGE // 2 and room < size[node.id] <= PAGE):
            groups.append([])
            room = PAGE
        groups[-1].append(node)
        room -= 1
        # Small branches stay with their parent; a large one comes last, since it may go on over pages.
        to_come.extend(sorted(children[node.id], key=lambda child: (-size[child.id], -child.id)))
    return [sorted(group, key=lambda node: node.id) for group in groups]


def _page(nodes: Sequence[Node], number: int, numbers: Mapping[int, int], names: Mapping[int, str]) -> Page:
    """Lay one page out, the best of some ways. ``numbers`` tells the page of a node, ``names`` what to call it."""
    fewest = 1 if len(nodes) <= _FEW else COLUMNS - _LAST_FEW + 1
    ways = [arrange(nodes, columns) for columns in range(fewest, min(COLUMNS, len(nodes)) + 1)]
    seats = sorted(min(ways, key=_badness), key=lambda seat: seat.cell)
    labels = {seat.node.id: _origin(seat.node, number, numbers, names) for seat in seats if seat.parent is None}
    merges = {node.id: " ".join(["+", *(_name(other, names) for other in node.also)]) for node in nodes if node.also}
    width, height = _sheet.size(*_extent(seats))
    return Page(tuple(seats), labels, merges, width, height)


def _badness(seats: Iterable[Seat]) -> int:
    columns, rows = _extent(seats)
    labels = sum(seat.parent is None and seat.node.parent_id is not None for seat in seats)
    ways_back = sum(seat.parent is not None and seat.cell[1] <= seat.parent[1] for seat in seats)
    spoilt = labels * _LABEL + ways_back * _WAY_BACK + max(0, rows - ROWS) * _EXTRA_ROW
    return max(_sheet.size(columns, rows)) + spoilt


def _extent(seats: Iterable[Seat]) -> tuple[int, int]:
    """Return how many columns and rows are in use."""
    return 1 + max(seat.cell[1] for seat in seats), 1 + max(seat.cell[0] for seat in seats)


def _origin(node: Node, number: int, numbers: Mapping[int, int], names: Mapping[int, str]) -> str:
    """Say where a node without a line comes from."""
    if node.parent_id is None:
        return "start"
    page = numbers.get(node.parent_id, number)
    return f"from {_name(node.parent_id, names)}" + ("" if page == number else f", page {page}")


def _name(result: int, names: Mapping[int, str]) -> str:
    """Call a result by its id, unless it is hidden from the reader. One of another session is in no ``names``."""
    return names.get(result, f"#{result}")
