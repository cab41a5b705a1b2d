"""Units of work over ``presets``: named sets of options, each an account's: a member's own, or the server's for all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from storage._rows import the_row
from storage.database import Row, Tx

_PRESET: Final = """
presets.id, presets.owner_id, presets.name, presets.options, presets.made_at, accounts.holder_id AS maker_user_id
FROM presets LEFT JOIN accounts ON accounts.id = presets.maker_id
"""
_ADD: Final = """
INSERT INTO presets (owner_id, maker_id, name, folded, options, made_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING id
"""
_GET: Final = f"SELECT {_PRESET} WHERE presets.id = ?1"
_NAMED: Final = f"SELECT {_PRESET} WHERE presets.owner_id = ?1 AND presets.folded = ?2"
_OF: Final = f"SELECT {_PRESET} WHERE presets.owner_id = ?1 ORDER BY presets.folded"
_NAMES: Final = "SELECT name FROM presets WHERE owner_id = ?1 ORDER BY folded"
_COUNT: Final = "SELECT count(*) AS presets FROM presets WHERE owner_id = ?1"
_REMOVE: Final = "DELETE FROM presets WHERE id = ?1 AND owner_id = ?2 RETURNING id"
_REMOVE_NAMED: Final = "DELETE FROM presets WHERE owner_id = ?1 AND folded = ?2 RETURNING id"


@dataclass(frozen=True, slots=True)
class Kept:
    """A preset as it is kept."""

    id: int
    #: The account whose it is.
    owner_id: int
    name: str
    #: Options by name, as JSON holds them.
    values: Mapping[str, Any]
    made_at: int
    #: Discord's id of who saved it, or ``None`` once the person was forgotten.
    maker_user_id: int | None


async def add(tx: Tx, owner_id: int, maker_id: int, name: str, folded: str, values: Mapping[str, Any], now: int) -> int:
    """Keep a preset whose name the owner has no other of; return its id. ``folded`` is the name as it is compared."""
    options = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return (await the_row(tx, _ADD, owner_id, maker_id, name, folded, options, now))["id"]


async def get(tx: Tx, preset_id: int) -> Kept | None:
    """Return a preset, whoever's it is."""
    row = await tx.fetch_one(_GET, preset_id)
    return None if row is None else _read(row)


async def named(tx: Tx, owner_id: int, folded: str) -> Kept | None:
    """Return an owner's preset of a name."""
    row = await tx.fetch_one(_NAMED, owner_id, folded)
    return None if row is None else _read(row)


async def of(tx: Tx, owner_id: int) -> list[Kept]:
    """Return an owner's presets, by name."""
    return [_read(row) for row in await tx.fetch_all(_OF, owner_id)]


async def names(tx: Tx, owner_id: int) -> list[str]:
    """Return the names of an owner's presets, without all that they hold."""
    return [row["name"] for row in await tx.fetch_all(_NAMES, owner_id)]


async def count(tx: Tx, owner_id: int) -> int:
    """Return how many presets an owner has; whoever adds one after that has locked the owner's account."""
    return (await the_row(tx, _COUNT, owner_id))["presets"]


async def remove(tx: Tx, preset_id: int, owner_id: int) -> bool:
    """Take an owner's preset away; returns whether it was there."""
    return await tx.fetch_one(_REMOVE, preset_id, owner_id) is not None


async def remove_named(tx: Tx, owner_id: int, folded: str) -> bool:
    """Take an owner's preset of a name away; returns whether there was one."""
    return await tx.fetch_one(_REMOVE_NAMED, owner_id, folded) is not None


def _read(row: Row) -> Kept:
    values = json.loads(row["options"])
    return Kept(row["id"], row["owner_id"], row["name"], values, row["made_at"], row["maker_user_id"])
