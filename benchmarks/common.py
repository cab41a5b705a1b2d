"""What the benchmarks share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bot.settings import Settings


def roomy_settings(folder: Path, **overrides: Any) -> Settings:  # noqa: ANN401 - fields of Settings
    """Return settings under which no limit binds, with everything in one folder."""
    values: dict[str, Any] = {
        "discord_token": "benchmark",
        "runware_api_key": "benchmark",
        "allowed_guilds": frozenset({1}),
        "data_dir": folder,
        "database_url": f"sqlite:///{folder / 'bot.db'}",
        "listen_port": 0,
        "ops_port": 0,
        "min_free_gib": 0,
        "member_daily_usd": 100_000,
        "server_daily_usd": 100_000,
        "bot_daily_usd": 100_000,
    }
    return Settings(**{**values, **overrides})
