"""What the stand-in remembers: channels, messages, files, nonces and interactions."""

from __future__ import annotations

import copy
import itertools
import mimetypes
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from playground.discord import rules, shapes
from playground.discord.refusals import Refusal, invalid, unknown
from playground.discord.uploads import FILE_BYTES, Body, File
from playground.runware.wire import Json, Object

_EPOCH_MS: Final = 1_420_070_400_000
_CHAT_INPUT: Final = 2
_COMMAND_REPLY: Final = 20
_EPHEMERAL: Final = 1 << 6
_ATTACHMENT: Final = 11
_OPTION_TYPES: Final[Mapping[type, int]] = {str: 3, int: 4, bool: 5, float: 10, File: _ATTACHMENT}


@dataclass(slots=True)
class Interaction:
    """A command that was used, and how it was answered."""

    id: str
    token: str
    channel_id: str
    #: The type of the first response, and when it came (``time.monotonic``); ``None`` before.
    response: int | None = None
    acknowledged: float | None = None
    #: The message that is its reply.
    message_id: str | None = None


class Memory:
    """Everything that outlives a request."""

    def __init__(self, guild: Object, *, nonce_seconds: float) -> None:
        self.guild: Final = guild
        #: How long a nonce is remembered, in seconds; may be changed at any time.
        self.nonce_seconds = nonce_seconds
        #: Where files are served; known once the port is.
        self.base = ""
        self.channels: dict[str, Object] = {channel["id"]: channel for channel in guild["channels"]}
        #: The messages of each channel, oldest first.
        self.messages: dict[str, dict[str, Object]] = {}
        self.files: dict[str, File] = {}
        self.interactions: dict[str, Interaction] = {}
        self._nonces: dict[str, tuple[float, Object]] = {}
        self._last_id = 0

    def new_id(self) -> str:
        """Return an id that sorts after all before it and tells the time, as Discord's do."""
        self._last_id = max(self._last_id + 1, int(time.time() * 1000 - _EPOCH_MS) << 22)
        return str(self._last_id)

    def channel(self, channel_id: str) -> Object:
        """Return a channel, a thread, or a channel of direct messages."""
        if channel_id not in self.channels:
            raise unknown("Channel", 10003)
        return self.channels[channel_id]

    def message(self, channel_id: str, message_id: str) -> Object:
        """Return a message."""
        self.channel(channel_id)
        if message_id not in self.messages.get(channel_id, {}):
            raise unknown("Message", 10008)
        return self.messages[channel_id][message_id]

    # Messages ----------------------------------------------------------------------------------------------

    def post(self, channel_id: str, body: Body) -> Object:
        """Post a message of the bot's, or return the one that was posted with this nonce a short time ago."""
        self.channel(channel_id)
        payload = body.object
        nonce = payload.get("nonce")
        if payload.get("enforce_nonce") and nonce in self._nonces:
            at, first = self._nonces[nonce]
            if time.monotonic() - at < self.nonce_seconds:
                return first
        message = self.write(channel_id, payload, body.files)
        if nonce is not None:
            self._nonces[nonce] = (time.monotonic(), message)
        return message

    def write(self, channel_id: str, payload: Object, files: Mapping[int, File], *, kind: int = 0) -> Object:
        """Add a message of the bot's to a channel."""
        attachments = self._attachments(channel_id, payload.get("attachments"), files, [])
        rules.check(payload, [attachment["filename"] for attachment in attachments])
        message: Object = {
            "id": self.new_id(),
            "channel_id": channel_id,
            "type": kind,
            "author": shapes.bot(),
            "content": payload.get("content") or "",
            "timestamp": shapes.now(),
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "attachments": attachments,
            "embeds": [],
            "pinned": False,
            "flags": payload.get("flags", 0),
            "components": _resolved(payload.get("components"), attachments),
            "nonce": payload.get("nonce"),
        }
        self.messages.setdefault(channel_id, {})[message["id"]] = message
        return message

    def edit(self, message: Object, body: Body) -> Object:
        """Change a message; what the body leaves out stays as it is."""
        payload, attachments = body.object, message["attachments"]
        if "attachments" in payload or body.files:
            attachments = self._attachments(
                message["channel_id"], payload.get("attachments"), body.files, message["attachments"]
            )
        changed = {"flags": message["flags"], "components": message["components"], **payload}
        changed["flags"] |= message["flags"]
        rules.check(changed, [attachment["filename"] for attachment in attachments])
        message["attachments"] = attachments
        message["edited_timestamp"] = shapes.now()
        message["flags"] = changed["flags"]
        if "content" in payload:
            message["content"] = payload["content"] or ""
        if "components" in payload:
            message["components"] = _resolved(payload["components"], attachments)
        return message

    def delete(self, channel_id: str, message_id: str) -> None:
        """Take a message down."""
        del self.messages[channel_id][self.message(channel_id, message_id)["id"]]

    def history(self, channel_id: str, limit: int, before: str | None, after: str | None) -> list[Object]:
        """Return the newest messages first, or the oldest after ``after``."""
        self.channel(channel_id)
        found = [
            message
            for message_id, message in self.messages.get(channel_id, {}).items()
            if (before is None or int(message_id) < int(before)) and (after is None or int(message_id) > int(after))
        ]
        return found[:limit][::-1] if after is not None else found[::-1][:limit]

    def thread(self, channel_id: str, message_id: str, name: str) -> Object:
        """Make the thread of a message, which has its id; a message has one at most."""
        parent = self.channel(channel_id)
        if parent["type"] != shapes.TEXT_CHANNEL:
            raise Refusal(400, 50024, "Cannot execute action on this channel type")
        message = self.message(channel_id, message_id)
        if message["id"] in self.channels:
            raise Refusal(400, 160004, "A thread has already been created for this message")
        self.channels[message["id"]] = shapes.thread(message["id"], channel_id, name)
        return self.channels[message["id"]]

    def direct(self, user_id: str) -> Object:
        """Return the channel of direct messages to a person."""
        for channel in self.channels.values():
            if channel["type"] == shapes.DIRECT and channel["recipients"][0]["id"] == user_id:
                return channel
        made = shapes.direct(self.new_id(), shapes.user(user_id, "ana"))
        self.channels[made["id"]] = made
        return made

    # Files -------------------------------------------------------------------------------------------------

    def keep(self, channel_id: str, file: File, described: Object) -> Object:
        """Serve a file, and return it as an attachment."""
        attachment_id = self.new_id()
        self.files[attachment_id] = file
        url = f"{self.base}/attachments/{channel_id}/{attachment_id}/{file.name}"
        return {
            "id": attachment_id,
            "filename": file.name,
            "description": described.get("description"),
            "size": len(file.data),
            "url": url,
            "proxy_url": url,
            "content_type": mimetypes.guess_type(file.name)[0],
        }

    def _attachments(
        self, channel_id: str, listed: list[Object] | None, files: Mapping[int, File], before: Sequence[Object]
    ) -> list[Object]:
        """Return what a message carries: those of before that are listed, and the new files, which may be described."""
        if listed is None:
            return [*before, *(self.keep(channel_id, file, {}) for file in files.values())]
        here = {int(attachment["id"]): attachment for attachment in before}
        found: list[Object] = []
        for entry in listed:
            number = int(entry["id"])
            if number in here:
                found.append(here[number])
            elif number in files:
                found.append(self.keep(channel_id, files[number], entry))
            else:
                raise invalid(f"there is no file {number}")
        return found

    # Interactions ------------------------------------------------------------------------------------------

    def command(self, name: str, permissions: int, options: Mapping[str, Any]) -> tuple[Interaction, Object]:
        """Have Ana use a slash command in the server's channel; return it, and the payload that tells the bot of it.

        A :class:`File` among the options is uploaded with it.
        """
        used = Interaction(self.new_id(), secrets.token_urlsafe(24), shapes.CHANNEL_ID)
        self.interactions[used.token] = used
        attachments = {
            option: self.keep(used.channel_id, value, {})
            for option, value in options.items()
            if isinstance(value, File)
        }
        values = {**options, **{option: attachment["id"] for option, attachment in attachments.items()}}
        return used, {
            "id": used.id,
            "application_id": shapes.BOT_ID,
            "type": _CHAT_INPUT,
            "token": used.token,
            "version": 1,
            "guild_id": shapes.GUILD_ID,
            "channel_id": used.channel_id,
            "channel": self.channels[used.channel_id],
            "member": shapes.member(shapes.user(shapes.ANA_ID, "ana"), permissions=permissions),
            "app_permissions": str(permissions),
            "locale": "en-GB",
            "guild_locale": "en-GB",
            "entitlements": [],
            "attachment_size_limit": FILE_BYTES,
            "authorizing_integration_owners": {"0": shapes.GUILD_ID},
            "context": 0,
            "data": {
                "id": "1",
                "name": name,
                "type": 1,
                "options": [
                    {"name": option, "type": _OPTION_TYPES[type(value)], "value": values[option]}
                    for option, value in options.items()
                ],
                "resolved": {"attachments": {attachment["id"]: attachment for attachment in attachments.values()}},
            },
        }

    def interaction(self, token: str, *, answered: bool = True) -> Interaction:
        """Return an interaction; before its first response its token opens nothing else."""
        if token not in self.interactions or (answered and self.interactions[token].response is None):
            raise unknown("Webhook", 10015)
        return self.interactions[token]

    def reply(self, interaction: Interaction, payload: Object, files: Mapping[int, File]) -> Object:
        """Write a response to an interaction where it was used."""
        return self.write(interaction.channel_id, payload, files, kind=_COMMAND_REPLY)

    @staticmethod
    def is_ephemeral(message: Object) -> bool:
        """Return whether only one person sees a message."""
        return bool(message["flags"] & _EPHEMERAL)


def _resolved(value: Json, attachments: Sequence[Object]) -> list[Object]:
    """Return components as a message shows them: numbered, and each ``attachment://`` with its address."""
    parts: list[Object] = copy.deepcopy(value) or []
    taken = {part["id"] for part in rules.components(parts) if part.get("id")}
    free = (number for number in itertools.count(1) if number not in taken)
    for part in rules.components(parts):
        if not part.get("id"):
            part["id"] = next(free)
    by_name = {attachment["filename"]: attachment for attachment in attachments}
    for found in rules.media(parts):
        attachment = by_name.get(found["url"].removeprefix("attachment://"))
        if attachment is not None:
            found.update(url=attachment["url"], proxy_url=attachment["proxy_url"], attachment_id=attachment["id"])
    return parts
