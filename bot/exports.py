"""A session packed to be taken away: records and bytes go in, the parts of a zip come out. Rules without I/O."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self

from bot.reports import cell, exactly

#: The most bytes of one part: Discord takes 10 MiB where no boost raises it.
PART: Final = 9_500_000
#: In more parts than this, a session is packed only when its pictures can be made no smaller.
MOST_PARTS: Final = 20
#: No picture is made smaller than this, in bytes.
SMALLEST: Final = 100_000
#: So many bytes of a list stand in one file.
_LISTED: Final = 8_000_000
#: What a zip says of a file, twice, and what a stream that cannot be compressed grows by, in bytes; rounded up.
_ABOUT_A_FILE: Final = 256
_GROWTH: Final = 1000
#: What stands at the end of a zip.
_END: Final = 64
#: The largest file that fits in one part.
LARGEST: Final = PART - PART // _GROWTH - _ABOUT_A_FILE - _END

PICTURES: Final = "pictures"
RECIPES: Final = "recipes"
DATA: Final = "data"
CONTRIBUTORS: Final = "contributors.csv"
README: Final = "README.txt"

_COLUMNS: Final = ("name", "edits", "pictures", "share_of_edits_percent", "cost_usd", "share_of_cost_percent")


class Parts:
    """Packs files into zips of at most :data:`PART` bytes, of which one is in memory at a time. Use it as ``with``."""

    def __init__(self) -> None:
        #: How many parts were begun.
        self.number = 0
        self._begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def add(self, name: str, data: bytes, at: int) -> bytes | None:
        """Pack a file of at most :data:`LARGEST` bytes, which was made at a time in milliseconds.

        Returns the part before it where a new one had to be begun. What is no picture is compressed.
        """
        if len(data) > LARGEST:
            raise ValueError(f"a file of {len(data)} bytes fits in no part")
        full = self.end() if self._used + _room(len(data)) > PART - _END else None
        if full is not None:
            self._begin()
        self._write(name, data, at)
        return full

    def end(self) -> bytes:
        """Return the part that is open. Nothing can be added to it then."""
        self._zip.close()
        return self._buffer.getvalue()

    def _begin(self) -> None:
        self.number += 1
        self._buffer = io.BytesIO()
        self._zip = zipfile.ZipFile(self._buffer, "w")
        self._listed = 0

    def _write(self, name: str, data: bytes, at: int) -> None:
        when = datetime.fromtimestamp(at / 1000, UTC)
        about = zipfile.ZipInfo(name, (when.year, when.month, when.day, when.hour, when.minute, when.second))
        about.external_attr = 0o644 << 16
        about.compress_type = zipfile.ZIP_STORED if name.startswith(f"{PICTURES}/") else zipfile.ZIP_DEFLATED
        self._zip.writestr(about, data)
        self._listed += _ABOUT_A_FILE

    @property
    def _used(self) -> int:
        return self._buffer.tell() + self._listed


def limit(sizes: Sequence[int], besides: int = 0) -> int:
    """Return to how many bytes each picture has to be brought to have all of them in :data:`MOST_PARTS`.

    That is :data:`LARGEST` where they fit as they are, and never less than :data:`SMALLEST`. ``sizes`` are their own,
    ``besides`` is what all other files take, in bytes.
    """
    low, high = SMALLEST, LARGEST
    if _parts(sizes, high, besides) <= MOST_PARTS:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _parts(sizes, middle, besides) <= MOST_PARTS else (low, middle)
    return low


def _parts(sizes: Iterable[int], most: int, besides: int) -> int:
    """Return how many parts it takes to pack pictures of these sizes, none larger than ``most``, and the rest."""
    parts, used = 1 + -(-besides // PART), 0
    for size in sizes:
        room = _room(min(size, most))
        if used + room > PART - _END:
            parts, used = parts + 1, 0
        used += room
    return parts


def _room(size: int) -> int:
    return size + size // _GROWTH + _ABOUT_A_FILE


# The files beside the pictures ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Contributor:
    """What one person did in a session."""

    name: str
    edits: int
    pictures: int
    #: In micro-dollars, whoever paid.
    cost: int


def contributors(people: Sequence[Contributor]) -> bytes:
    """Return who did how much, as CSV: shares in percent, costs in dollars."""
    edits, cost = sum(person.edits for person in people), sum(person.cost for person in people)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for person in people:
        shares = _percent(person.edits, edits), _percent(person.cost, cost)
        writer.writerow([cell(person.name), person.edits, person.pictures, shares[0], exactly(person.cost), shares[1]])
    # Without the mark at its beginning, Excel takes the file for another encoding.
    return text.getvalue().encode("utf-8-sig")


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole if whole else 0:.1f}"


def recipes(entries: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, bytes]]:
    """Yield the files with the recipes, each a list as JSON, by their names: one, or more where one grew too large."""
    listing = Listing(RECIPES)
    for entry in entries:
        full = listing.add(entry)
        if full is not None:
            yield full
    yield listing.end()


class Listing:
    """Writes entries as a list in JSON, in one file, or in more where one grows too large."""

    def __init__(self, name: str) -> None:
        """Name the files ``name.json``, ``name-2.json`` and so on."""
        self._name = name
        self._number = 1
        self._pending: list[str] = []
        self._size = 0

    def add(self, entry: Mapping[str, Any]) -> tuple[str, bytes] | None:
        """Write an entry down; returns the file before it, with its name, where a new one had to be begun."""
        text = json.dumps(entry, ensure_ascii=False, indent=2)
        size = len(text.encode()) + 2
        full = self.end() if self._pending and self._size + size > _LISTED else None
        if full is not None:
            self._number, self._pending, self._size = self._number + 1, [], 0
        self._pending.append(text)
        self._size += size
        return full

    def end(self) -> tuple[str, bytes]:
        """Return the file that is open, with its name."""
        name = f"{self._name}.json" if self._number == 1 else f"{self._name}-{self._number}.json"
        return name, ("[\n" + ",\n".join(self._pending) + "\n]\n").encode()


@dataclass(frozen=True, slots=True)
class Contents:
    """What became of the results of a session; each list has their ids."""

    packed: Sequence[int]
    #: Packed, but made smaller.
    smaller: Sequence[int] = ()
    removed: Sequence[int] = ()
    withheld: Sequence[int] = ()
    #: There is no picture of them any more, or none yet.
    missing: Sequence[int] = ()
    #: They would have taken longer than Discord waits.
    late: Sequence[int] = ()
    #: So many stand where whoever asked for the export cannot read.
    hidden: int = 0
    #: The tree is of so many pages.
    trees: int = 1

    @property
    def absent(self) -> int:
        """How many results of the session are not in it."""
        return sum(map(len, (self.removed, self.withheld, self.missing, self.late))) + self.hidden


def readme(session: str, contents: Contents, *, several: bool) -> bytes:
    """Return what is in an export and what is not, in words.

    ``session`` is the address of its thread; ``several`` tells whether it came in more than one part.
    """
    tree = "tree.jpg shows" if contents.trees == 1 else f"tree-1.jpg to tree-{contents.trees}.jpg show"
    what = (
        f"These are the pictures of a session in Darkroom, {session}: the folder {PICTURES} has {len(contents.packed)} "
        f"of them, named as on Discord by their numbers and seeds; {tree} how each came from another; {RECIPES}.json "
        "says for each who made it, from which picture, and with which recipe, which /recipe run makes again once it is a "
        "file of its own; "
        f"{CONTRIBUTORS} lists who did how much, with their shares of the edits and of what they cost."
    )
    lines = [what]
    if several:
        lines.append("It came in several parts: unpack them all into one folder.")
    if contents.smaller:
        lines.append(f"Made smaller, so that all of it could be sent: {_ids(contents.smaller)}.")
    absent = {
        "they were taken down": contents.removed,
        "the content check withheld them": contents.withheld,
        "I have no copy of them": contents.missing,
        "Discord gives me a quarter of an hour, and it was over": contents.late,
    }
    lines += [f"Not in it, since {why}: {_ids(ids)}." for why, ids in absent.items() if ids]
    if contents.hidden:
        lines.append(f"Not in it, since whoever asked for this cannot read where they stand: {contents.hidden} more.")
    return ("\n\n".join(lines) + "\n").encode()


def _ids(ids: Sequence[int]) -> str:
    return ", ".join(f"#{number}" for number in ids)


def own_readme(parts: Iterable[tuple[tuple[str, ...], str]], *, several: bool) -> bytes:
    """Return what everything is that a person gets who asks what is known of them.

    ``parts`` are the ways to what data.json has, each with what it is in words; ``several`` tells whether it came in
    more than one part.
    """
    about = (
        f"{DATA}.json is a list. Each entry has a server, a part of what is known, and rows: the parts are told below. The "
        f"last entry names your pictures: the folder {PICTURES} has them, and it says which are not in it, and why. "
        "Amounts of money are micro-dollars, a millionth of a dollar; times are in UTC; numbers of people, channels, "
        "messages and servers are Discord's. account_id, owner_id, opener_id, giver_id and holder_id are the number "
        "under which the books know somebody."
    )
    lines = ["This is all that this Darkroom knows of you, in every server where it met you.", about]
    if several:
        lines.insert(1, f"It came in several parts: unpack them all into one folder. {DATA}.json may be several files.")
    lines.append("\n".join(f"{' > '.join(way)}: {what}." for way, what in parts))
    return ("\n\n".join(lines) + "\n").encode()
