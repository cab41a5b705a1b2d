"""Where the nodes of a page stand, and how lines run between them.

Nodes stand in the cells of a grid. Lines run in the channels between cells only, so that none runs across a picture:

- a line leaves its parent by the right side, into the channel *beside* it, and follows that down: its trunk;
- it enters a child of the next column from the trunk, by the child's left side;
- or it leaves the trunk for the channel *above* a row, its bus, and enters a child from there, by its top.

A place in a channel belongs to the lines of one parent alone, so lines of two parents neither cross nor touch. A child
that no line reaches begins a block of its own, with a label in the channel above it that says where it comes from.

The deepest child continues its parent's row and is seated with all that follows from it before its siblings are; these
then take what is free beside and below. While siblings are to come, the channel above the row is kept for their bus.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, NamedTuple, TypeAlias

from bot.trees._nodes import Node

#: The most columns of a page, and the rows that are filled before a page grows beyond them.
COLUMNS: Final = 11
ROWS: Final = 9
#: A block wants so many cells in its row where it cannot have all that it needs.
_FEW: Final = 3

#: A row and a column.
Cell: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a node stands."""

    node: Node
    cell: Cell
    #: The cell of its parent; None where a label stands in place of a line.
    parent: Cell | None = None
    #: Whether the line enters from the left, off the trunk; else it enters from above, off a bus.
    sideways: bool = False


def arrange(nodes: Sequence[Node], columns: int) -> list[Seat]:
    """Seat the nodes of a page, given in the order of their ids, in so many columns at most."""
    return _Seating(nodes, columns).seats()


class _Stop(NamedTuple):
    """A row that a trunk comes to."""

    row: int
    #: Whether a bus may leave it above the row, and whether it goes on beside the row's cell.
    bus: bool
    beside: bool


class _Seating:
    """One page while its nodes are being seated."""

    def __init__(self, nodes: Sequence[Node], columns: int) -> None:
        self._columns = columns
        self._children = defaultdict[int, list[Node]](list)
        #: How many nodes stand on the longest way down from a node, itself included.
        self._height = {node.id: 1 for node in nodes}
        self._roots: list[Node] = []
        for node in reversed(nodes):  # so that children are known before their parents
            self._children[node.id].sort(key=lambda child: (-self._height[child.id], child.id))
            if node.parent_id in self._height:
                self._children[node.parent_id].append(node)
                self._height[node.parent_id] = max(self._height[node.parent_id], self._height[node.id] + 1)
            else:
                self._roots.append(node)
        self._seats: list[Seat] = []
        self._taken: set[Cell] = set()
        #: Whose lines, by the parent's id, the channels hold: beside a cell, above it, and where these two meet.
        self._beside: dict[Cell, int] = {}
        self._above: dict[Cell, int] = {}
        self._corner: dict[Cell, int] = {}
        #: The nodes whose children may come by the channel above the node's own row.
        self._unhindered: set[int] = set()

    def seats(self) -> list[Seat]:
        """Seat every node, once."""
        next_up: list[tuple[Node, Seat]] = []
        put_off = deque[tuple[Node, Seat]]()
        while next_up or put_off or self._roots:
            if next_up:
                node, parent = next_up.pop()
                seat = self._right(node, parent)
                if seat is None:  # what needs a long way or a label waits until the others have what is near
                    put_off.append((node, parent))
                    continue
            elif put_off:
                node, parent = put_off.popleft()
                seat = self._right(node, parent) or self._back(node, parent) or self._apart(node, parent)
            else:
                node, parent = self._roots.pop(), None
                seat = self._apart(node)
            self._take(seat, parent)
            self._seats.append(seat)
            next_up.extend((child, seat) for child in reversed(self._children[node.id]))
        return self._seats

    def _right(self, node: Node, parent: Seat) -> Seat | None:
        """Find the first cell right of the parent, in its row or below, that a line can reach."""
        height, column = self._height[node.id], parent.cell[1]
        wanted = max(1, min(height, self._columns - column - 1))
        for row, bus, beside in self._trunk(parent):
            if beside and self._has_room((row, column + 1), wanted, height):
                return Seat(node, (row, column + 1), parent.cell, sideways=True)
            if bus:
                for reached in self._bus(parent.node.id, row, range(column + 1, self._columns)):
                    if self._has_room((row, reached), wanted, height):
                        return Seat(node, (row, reached), parent.cell)
        return None

    def _back(self, node: Node, parent: Seat) -> Seat | None:
        """Find the leftmost cell, in the first row that has one, of those a bus reaches which runs back to the left."""
        height = self._height[node.id]
        for row, bus, _ in self._trunk(parent):
            if bus and row > parent.cell[0]:
                reached = [
                    column
                    for column in self._bus(parent.node.id, row, range(parent.cell[1], -1, -1))
                    if self._has_room((row, column), min(height, self._columns - column), height)
                ]
                if reached:
                    return Seat(node, (row, reached[-1]), parent.cell)
        return None

    def _apart(self, node: Node, parent: Seat | None = None) -> Seat:
        """Find a cell where a block can begin: the one nearest to the parent; without one on the page, the first."""
        height = self._height[node.id]
        cells = list(product(range(ROWS), range(self._columns)))
        if parent:
            row, column = parent.cell
            cells.sort(key=lambda cell: abs(cell[0] - row) + abs(cell[1] - column))
        for wanted in sorted({min(height, self._columns), min(height, _FEW, self._columns), 1}, reverse=True):
            for cell in cells:
                # The channel above is for the label; with a trunk beside it, the next node would seem to follow.
                last = cell[0], cell[1] + wanted - 1
                if cell not in self._above and last not in self._beside and self._has_room(cell, wanted, height):
                    return Seat(node, cell)
        return Seat(node, (1 + max(row for row, _ in self._taken), 0))

    def _trunk(self, parent: Seat) -> Iterator[_Stop]:
        """Follow a parent's trunk down from its row, as far as no other lines are in the way."""
        (top, column), owner = parent.cell, parent.node.id
        if self._beside.get(parent.cell, owner) != owner:
            return
        for row in range(top, ROWS):
            joined = self._corner.get((row, column), owner) == owner
            beside = self._beside.get((row, column), owner) == owner
            if row == top:
                yield _Stop(row, joined and owner in self._unhindered, beside)
                continue
            if joined:
                yield _Stop(row, joined, beside)
            if not (joined and beside):
                return

    def _bus(self, owner: int, row: int, columns: range) -> Iterator[int]:
        """Follow a bus above a row over these columns, as far as no other lines are in the way."""
        for column in columns:
            if self._above.get((row, column), owner) != owner:
                return
            yield column
            if self._corner.get((row, column + min(columns.step, 0)), owner) != owner:
                return

    def _has_room(self, cell: Cell, wanted: int, height: int) -> bool:
        """Tell whether so many cells are free from here to the right, with channels to go on from each to the next."""
        row, column = cell
        end = column + wanted
        if end > self._columns:
            return False
        through = end if height > wanted else end - 1
        return self._taken.isdisjoint((row, at) for at in range(column, end)) and self._beside.keys().isdisjoint(
            (row, at) for at in range(column, through)
        )

    def _take(self, seat: Seat, parent: Seat | None) -> None:
        """Take a seat's cell, and the channels that its line or its label needs."""
        self._taken.add(seat.cell)
        if parent is None or seat.parent is None:
            self._above[seat.cell] = seat.node.id
            self._unhindered.add(seat.node.id)
            return
        owner = parent.node.id
        is_last = seat.node is self._children[owner][-1]
        if is_last and (seat.cell[0] > parent.cell[0] or owner in self._unhindered):
            self._unhindered.add(seat.node.id)
        beside, above, corner = _channels(seat.cell, seat.parent, sideways=seat.sideways)
        self._beside.update(dict.fromkeys(beside, owner))
        self._above.update(dict.fromkeys(above, owner))
        self._corner.update(dict.fromkeys(corner, owner))


def _channels(cell: Cell, parent: Cell, *, sideways: bool) -> tuple[list[Cell], list[Cell], list[Cell]]:
    """Return the places that a line takes: beside cells, above cells, and where channels meet, right of a cell."""
    (row, column), (top, trunk) = cell, parent
    passed = [(at, trunk) for at in range(top + 1, row)]
    if sideways:
        below = [(at, trunk) for at in range(top + 1, row + 1)]
        return [parent, *below], [], below
    if column > trunk:
        above, corner = range(trunk + 1, column + 1), range(trunk, column)
    else:
        above = corner = range(column, trunk + 1)
    return [parent, *passed], [(row, at) for at in above], [*passed, *((row, at) for at in corner)]
