"""A local stand-in of Discord's REST API, with as much of its gateway as a bot needs to come online.

SimCord shows how the bot behaves; this shows how it stands the wire: multipart bodies and their limits, nonces, rate
limits, errors and connections that break. Where it has a rule, ``reference/discord.md`` is its source.
"""

from playground.discord.faults import Fault, Faults
from playground.discord.memory import Interaction
from playground.discord.openapi import Document
from playground.discord.service import LocalDiscord, pointed_at
from playground.discord.uploads import FILE_BYTES, REQUEST_BYTES, Body, File, Limits

__all__ = [
    "FILE_BYTES",
    "REQUEST_BYTES",
    "Body",
    "Document",
    "Fault",
    "Faults",
    "File",
    "Interaction",
    "Limits",
    "LocalDiscord",
    "pointed_at",
]
