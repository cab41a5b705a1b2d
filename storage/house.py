"""Units of work over a server's own rules for edits: ``house_options``, ``house_loras`` and ``house_channels``."""

from __future__ import annotations

import json
from typing import Any, Final

from storage.database import Row, Tx
from storage.records import Bound, House

#: Bounds are stored in hundredths: no option has finer steps that a server would bound.
_PER_ONE: Final = 100

_OPTIONS: Final = "SELECT name, standard, least, most FROM house_options WHERE guild_id = ?1 ORDER BY name"
_LORAS: Final = "SELECT air, name FROM house_loras WHERE guild_id = ?1 ORDER BY name, air"
_CHANNELS: Final = "SELECT channel_id FROM house_channels WHERE guild_id = ?1"
_PUT_DEFAULT: Final = """
INSERT INTO house_options (guild_id, name, standard) VALUES (?1, ?2, ?3)
ON CONFLICT (guild_id, name) DO UPDATE SET standard = excluded.standard
"""
_DROP_DEFAULT: Final = "UPDATE house_options SET standard = NULL WHERE guild_id = ?1 AND name = ?2"
_PUT_BOUND: Final = """
INSERT INTO house_options (guild_id, name, least, most) VALUES (?1, ?2, CAST(?3 AS BIGINT), CAST(?4 AS BIGINT))
ON CONFLICT (guild_id, name) DO UPDATE SET least = excluded.least, most = excluded.most
"""
_TIDY: Final = """
DELETE FROM house_options
WHERE guild_id = ?1 AND name = ?2 AND standard IS NULL AND least IS NULL AND most IS NULL
"""
_ALLOW: Final = """
INSERT INTO house_loras (guild_id, air, name) VALUES (?1, ?2, ?3)
ON CONFLICT (guild_id, air) DO UPDATE SET name = excluded.name
"""
_FORBID: Final = "DELETE FROM house_loras WHERE guild_id = ?1 AND air = ?2"
_UNCHECK: Final = """
INSERT INTO house_channels (guild_id, channel_id) VALUES (?1, ?2) ON CONFLICT (guild_id, channel_id) DO NOTHING
"""
_CHECK: Final = "DELETE FROM house_channels WHERE guild_id = ?1 AND channel_id = ?2"


async def get(tx: Tx, guild_id: int) -> House:
    """Return a server's own rules for edits."""
    rows = await tx.fetch_all(_OPTIONS, guild_id)
    return House(
        guild_id,
        defaults={row["name"]: json.loads(row["standard"]) for row in rows if row["standard"] is not None},
        bounds={row["name"]: _bound(row) for row in rows if _bound(row) != Bound()},
        loras={row["air"]: row["name"] for row in await tx.fetch_all(_LORAS, guild_id)},
        unchecked=frozenset(row["channel_id"] for row in await tx.fetch_all(_CHANNELS, guild_id)),
    )


async def put_default(tx: Tx, guild_id: int, name: str, value: Any) -> None:  # noqa: ANN401 (as JSON holds it)
    """Set what stands for an option that is left out; ``None`` leaves it to the model again."""
    if value is None:
        await tx.execute(_DROP_DEFAULT, guild_id, name)
        await tx.execute(_TIDY, guild_id, name)
    else:
        await tx.execute(_PUT_DEFAULT, guild_id, name, json.dumps(value, ensure_ascii=False))


async def put_bound(tx: Tx, guild_id: int, name: str, bound: Bound) -> None:
    """Set the bounds of an option; an empty one leaves it to the model again."""
    await tx.execute(_PUT_BOUND, guild_id, name, _hundredths(bound.least), _hundredths(bound.most))
    await tx.execute(_TIDY, guild_id, name)


async def allow_lora(tx: Tx, guild_id: int, air: str, name: str) -> None:
    """Let a LoRA in, under the name people know it by."""
    await tx.execute(_ALLOW, guild_id, air, name)


async def forbid_lora(tx: Tx, guild_id: int, air: str) -> bool:
    """Let a LoRA in no longer; returns whether it was."""
    return await tx.execute(_FORBID, guild_id, air) > 0


async def put_checked(tx: Tx, guild_id: int, channel_id: int, *, checked: bool) -> None:
    """Set whether what is made in a channel is checked by Runware."""
    if checked:
        await tx.execute(_CHECK, guild_id, channel_id)
    else:
        await tx.execute(_UNCHECK, guild_id, channel_id)


def _bound(row: Row) -> Bound:
    return Bound(*(None if row[end] is None else row[end] / _PER_ONE for end in ("least", "most")))


def _hundredths(number: float | None) -> int | None:
    return None if number is None else round(number * _PER_ONE)
