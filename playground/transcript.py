"""A story as a text to read: what people did, and what the bot said to it, taken from Discord's own messages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import discord

_MENTION = re.compile(r"<@!?(\d+)>")
_TIME = re.compile(r"<t:(\d+)(?::\w)?>")
_LINK = re.compile(r"\[([^\]]+)\]\(https://discord\.com/channels/[^)]*\)")
_PICTURE = re.compile(r"\]\((pictures/[^/()\s]+\.(?:jpg|png))\)")
_ESCAPED = re.compile(r"\\([\\*_~`|\[\]<@#>+-])")


class Transcript:
    """Collects paragraphs of Markdown, and the pictures of messages as files beside it."""

    def __init__(self, folder: Path, names: Mapping[int, str]) -> None:
        self._folder = folder
        self._names = names
        self._paragraphs: list[str] = []
        self._heard: dict[int, str] = {}
        self._kept: set[int] = set()
        #: The pictures that were written, by their path beside the transcript.
        self.pictures: dict[str, bytes] = {}

    def write(self, *paragraphs: str) -> None:
        """Add paragraphs."""
        self._paragraphs += paragraphs

    async def hear(self, place: str, messages: Iterable[discord.Message]) -> list[str]:
        """Add what is new or was changed among a channel's messages since it was last heard; return those texts."""
        fresh: list[str] = []
        for message in messages:
            text = "\n".join([*_lines(message.components), message.content]).strip()
            if text and self._heard.get(message.id) != text:
                verb = "changed what it had said" if message.id in self._heard else "said"
                alone = " to them alone" if message.flags.ephemeral else ""
                self._heard[message.id] = text
                plain = self._plain(text)
                self.write(f"**The bot {verb}**{alone} in {place}:", _quoted(await self._keep(message, plain)))
                fresh.append(plain)
        return fresh

    async def _keep(self, message: discord.Message, text: str) -> str:
        """Keep a message's new pictures; return its text with each of them in the place where it is named."""
        for attachment in message.attachments:
            if attachment.id not in self._kept and (attachment.content_type or "").startswith("image/"):
                self._kept.add(attachment.id)
                name = f"pictures/{len(self._kept):02}-{attachment.filename}"
                self.pictures[name] = await attachment.read()
                alt = (attachment.description or "").replace("[", "(").replace("]", ")")
                named, shown = self._plain(f"[picture: {attachment.description}]"), f"![{alt}]({name})"
                text = text.replace(named, shown, 1) if named in text else f"{text}\n{shown}"
        return text

    def _plain(self, text: str) -> str:
        text = _MENTION.sub(lambda found: f"@{self._names.get(int(found[1]), 'someone')}", text)
        text = _TIME.sub(lambda found: f"{datetime.fromtimestamp(int(found[1]), UTC):%Y-%m-%d %H:%M} UTC", text)
        return _ESCAPED.sub(r"\1", _LINK.sub(r"\1", text)).replace("-# ", "")

    def save(self) -> Path:
        """Write everything into the folder, in place of an earlier transcript, and return the transcript's path."""
        path = self._folder / "transcript.md"
        if path.exists():
            for name in _PICTURE.findall(path.read_text("utf-8", errors="replace")):
                (self._folder / name).unlink(missing_ok=True)
        (self._folder / "pictures").mkdir(parents=True, exist_ok=True)
        for name, data in self.pictures.items():
            (self._folder / name).write_bytes(data)
        path.write_text("\n\n".join(self._paragraphs) + "\n", "utf-8")
        return path


def _quoted(text: str) -> str:
    """Return a text as a quote in which Markdown keeps the lines apart, and ends the quotes inside where they end."""
    lines = text.split("\n")
    rows: list[str] = []
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        ends = line.startswith("> ") and not after.startswith("> ")
        rows.append(f"> {line}".rstrip() + ("  " if line and after and not ends else ""))
        if ends and after:
            rows.append(">")
    return "\n".join(rows)


def _lines(components: Iterable[Any]) -> Iterator[str]:
    """Return what a layout says, line by line; pictures and buttons in brackets."""
    for part in components:
        match part:
            case discord.TextDisplay():
                yield part.content
            case discord.MediaGalleryComponent():
                yield from (f"[picture: {item.description or item.media.url.rsplit('/')[-1]}]" for item in part.items)
            case discord.FileComponent():
                yield f"[file: {part.media.url.rsplit('/')[-1]}]"
            case discord.ActionRow():
                yield " ".join(f"[{_label(child)}]" for child in part.children)
            case discord.Container():
                yield from _lines(part.children)
            case _:
                continue


def _label(control: object) -> str:
    if not isinstance(control, discord.Button):
        return "a choice"
    return " ".join(str(part) for part in (control.emoji, control.label) if part)
