"""What people press and choose on the card of a round; the number in a custom id is the round's.

See :mod:`cogs._components` for what all of it has in common.
"""

from __future__ import annotations

from typing import Any, Final

import discord
from discord import ui

from cogs._components import ID, PressButton, PressMenu


class ProposeButton(PressButton, template=rf"propose:(?P<target>{ID})"):
    """Opens the form of a proposal."""

    event = "round"
    action = "propose"
    label = "Propose"
    emoji = "💡"
    style = discord.ButtonStyle.primary


class StopButton(PressButton, template=rf"roundstop:(?P<target>{ID})"):
    """Ends the round without a winner."""

    event = "round"
    action = "roundstop"
    label = "Stop"
    style = discord.ButtonStyle.danger


class VoteMenu(PressMenu, template=rf"vote:(?P<target>{ID})"):
    """Asks which proposal to vote for; the values are the ids of the proposals."""

    event = "round"
    action = "vote"
    placeholder = "Vote for one…"


#: Every class to register with the bot.
ROUND_ITEMS: Final[tuple[type[ui.DynamicItem[Any]], ...]] = (ProposeButton, StopButton, VoteMenu)
