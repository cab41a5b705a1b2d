"""What the browser sees of the world: one channel at a time, shown by SimCord's preview, kept current."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import discord
from simcord import ChannelHandle, InteractionResult, MemberActor
from simcord.preview import Preview

from playground.world import World

log = logging.getLogger(__name__)

#: How often, in seconds, it is looked whether the bot has told Discord something.
_GLANCE: Final = 0.2
_AGAIN: Final = 2.0


@dataclass(frozen=True, slots=True)
class Entry:
    """A channel or thread in the list."""

    id: int
    name: str
    thread: bool
    unread: bool


class Stage:
    """Shows the channels of a world. Use it as an async context manager; it opens on the world's channel.

    SimCord bears one operation at a time, and a press that meets a refresh is lost; :meth:`turn` is the one lock
    around both.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = asyncio.Lock()
        self._preview: Preview | None = None
        self._heard = 0
        self._read: dict[int, int] = {}
        #: The channel that is shown.
        self.channel_id = world.channel.id

    async def __aenter__(self) -> Self:
        for channel in self._channels():
            self._mark_read(channel)
        await self.show(self.channel_id)
        self._following = asyncio.create_task(self._follow(), name="stage")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._following.cancel()
        await asyncio.wait({self._following})
        async with self._lock:
            await self._close()

    @property
    def members(self) -> tuple[MemberActor, ...]:
        """The people one can be."""
        return (self._world.ana, self._world.bo, self._world.cleo)

    @property
    def address(self) -> str:
        """The preview's address on this machine, with the fragment that grants access; empty while none is open."""
        return "" if self._preview is None else self._preview.url

    def entries(self) -> list[Entry]:
        """Return the channel and its threads, the newest thread first."""
        return [
            Entry(channel.id, channel.name or "", channel.is_thread, _last(channel) > self._read.get(channel.id, 0))
            for channel in self._channels()
        ]

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Have SimCord alone, with its clock at the time of day: left alone, that clock stands still."""
        async with self._lock:
            with suppress(TimeoutError):  # a bot that is busy makes the clock late, and nothing worse
                await self._world.keep_time()
            if self._preview is not None:
                self._preview.capture_time = self._world.env.now()  # what "3 minutes ago" is counted from
            yield

    async def show(self, channel_id: int) -> None:
        """Show a channel. Raises KeyError when there is no such channel."""
        channel = {channel.id: channel for channel in self._channels()}[channel_id]
        async with self.turn():
            await self._close()
            preview = self._world.env.preview(channel, viewers=self.members, layout="channel")
            self._preview = await preview.__aenter__()
            self.channel_id = channel_id
            self._mark_read(channel)

    def menus(self) -> list[str]:
        """Return the names of what can be done with a message."""
        tree = self._world.bot.tree
        return [menu.name for menu in tree.get_commands(type=discord.AppCommandType.message)]

    async def use_menu(self, name: str, *, message_id: int, member_id: int) -> None:
        """Use a menu on a message of the channel that is shown, as somebody; a form it opens appears where they look.

        Raises:
            KeyError: there is no such menu, message or member.
        """
        actor = {member.id: member for member in self.members}[member_id]
        if name not in self.menus():
            raise KeyError(name)
        async with self.turn():
            channel = {channel.id: channel for channel in self._channels()}[self.channel_id]
            message = {message.id: message for message in channel.history(viewer=actor)}[message_id]
            self._open_form(actor, await actor.context_menu(channel, name, message))
            if self._preview is not None:
                await self._preview.refresh()

    def _open_form(self, actor: MemberActor, result: InteractionResult) -> None:
        """Hand a form to the pages on which its member looks: the preview itself opens forms of what is pressed in it."""
        if result.modal is None or self._preview is None:
            return
        for page in self._preview._pages.values():  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001 (no public way)
            if page.viewer.id == actor.id:
                page.modal, page.modal_handle = result, f"m_{secrets.token_urlsafe(12)}"

    async def _close(self) -> None:
        preview, self._preview = self._preview, None
        if preview is None:
            return
        # It would first decode every picture that was still asked for, and takes a process for each.
        if (decoder := preview._media_worker) is not None:  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001
            await decoder.close()
        await preview.close()

    async def _follow(self) -> None:
        """Refresh the preview whenever the bot has posted or changed something, and only then."""
        while True:
            await asyncio.sleep(_GLANCE)
            if (said := len(self._world.env.http_requests)) == self._heard:
                continue
            try:
                async with self.turn():
                    if self._preview is not None:
                        await self._preview.refresh()
                self._heard = said
            except Exception:
                log.exception("the page could not be refreshed; it is tried again")
                await asyncio.sleep(_AGAIN)

    def _channels(self) -> list[ChannelHandle]:
        threads = sorted(self._world.channel.threads, key=lambda thread: thread.id, reverse=True)
        shown = {channel.id: channel for channel in (self._world.channel, *threads)}
        if self.channel_id in shown:
            self._mark_read(shown[self.channel_id])
        return list(shown.values())

    def _mark_read(self, channel: ChannelHandle) -> None:
        self._read[channel.id] = _last(channel)


def _last(channel: ChannelHandle) -> int:
    """Return the id of a channel's last message; 0 when it has none."""
    last = channel.last_message
    return 0 if last is None else last.id
