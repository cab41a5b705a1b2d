"""What one person may see at this moment: a result is shown to those alone who can read, now, the channel that holds it."""

from __future__ import annotations

from typing import Any, Final

import discord

from bot.client import DISCORD_ERRORS
from bot.errors import NotAllowed
from cogs import _rights as rights
from storage.lineage import Step
from storage.stars import Entry

#: Of so many channels Discord is asked for one view; what stands in others counts as not to be seen.
_MOST_ASKED: Final = 40


class Sight:
    """One person's eyes, for one view: each channel is looked at once."""

    def __init__(self, interaction: discord.Interaction[Any]) -> None:
        self._interaction = interaction
        self._reads: dict[int, bool] = {}

    async def sees(self, step: Step) -> bool:
        """Tell whether the person may see a result: one that was never posted is its asker's alone."""
        channel_id = step.result.channel_id
        if channel_id is None:
            return step.user_id == self._interaction.user.id
        return await self.reads(channel_id, step.user_id)

    async def sees_entry(self, entry: Entry) -> bool | None:
        """Tell whether the person may see an entry of a gallery, as far as its session tells.

        A public thread that is hidden with its channel needs no question to Discord; ``None`` where Discord would have
        to be asked, and was asked enough.
        """
        if entry.shown_in is None or (entry.public and not self._reads_parent(entry.channel_id)):
            return False
        if entry.shown_in not in self._reads and len(self._reads) >= _MOST_ASKED:
            return None
        return await self.reads(entry.shown_in, None)

    async def reads(self, channel_id: int, owner_id: int | None) -> bool:
        """Tell whether the person can read a channel or thread; ``owner_id`` is whose it is, if a direct message."""
        if channel_id not in self._reads:
            if len(self._reads) >= _MOST_ASKED:
                return False
            try:
                self._reads[channel_id] = await rights.can_read(self._interaction, channel_id, owner_id)
            except (NotAllowed, *DISCORD_ERRORS):  # Discord did not say
                self._reads[channel_id] = False
        return self._reads[channel_id]

    def _reads_parent(self, channel_id: int) -> bool:
        guild, member = self._interaction.guild, self._interaction.user
        channel = None if guild is None else guild.get_channel(channel_id)
        if channel is None or not isinstance(member, discord.Member):
            return False
        return channel.permissions_for(member).view_channel
