"""How long may still be waited before an answer. Discord waits three seconds for the first one, whatever it takes."""

from __future__ import annotations

import time
from typing import Any, Final

import discord

#: In seconds, from the first question to Discord, so that there is time left for the answer itself.
_BEFORE: Final = 2.0
_AFTER: Final = 10.0
_BEGUN: Final = "patience"


def patience(interaction: discord.Interaction[Any]) -> float:
    """Return for how many seconds Discord may be asked about an interaction now; 0 when the answer has to come.

    All that is asked before the answer shares the same seconds. Once it is acknowledged, each question has its own.
    """
    if interaction.response.is_done():
        return _AFTER
    begun = interaction.extras.setdefault(_BEGUN, time.monotonic())
    return max(0.0, _BEFORE - (time.monotonic() - begun))
