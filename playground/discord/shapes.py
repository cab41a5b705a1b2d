"""The shapes of what Discord tells: people, servers, channels. Ids are text, as on the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from playground.runware.wire import Object

BOT_ID: Final = "1200000000000000001"
GUILD_ID: Final = "1200000000000000002"
CHANNEL_ID: Final = "1200000000000000003"
ANA_ID: Final = "1200000000000000004"
_ROLE_ID: Final = "1200000000000000005"
_OWNER_ID: Final = "1200000000000000006"

TEXT_CHANNEL: Final = 0
DIRECT: Final = 1
PUBLIC_THREAD: Final = 11


def now() -> str:
    """Return the time as Discord writes it."""
    return datetime.now(UTC).isoformat()


def user(user_id: str, name: str, *, bot: bool = False) -> Object:
    """Return a person, or a bot."""
    return {"id": user_id, "username": name, "discriminator": "0", "global_name": None, "avatar": None, "bot": bot}


def bot() -> Object:
    """Return the bot itself."""
    return user(BOT_ID, "Darkroom", bot=True)


def application() -> Object:
    """Return the bot's application, which has its id."""
    return {
        "id": BOT_ID,
        "name": "Darkroom",
        "description": "",
        "icon": None,
        "bot_public": False,
        "bot_require_code_grant": False,
        "owner": user(_OWNER_ID, "owner"),
        "verify_key": "0" * 64,
        "flags": 0,
    }


def member(who: Object, *, permissions: int | None = None) -> Object:
    """Return a member of the server, with rights where an interaction tells them."""
    roles = [_ROLE_ID] if who["bot"] else []
    shape = {"user": who, "roles": roles, "joined_at": now(), "deaf": False, "mute": False, "flags": 0}
    return shape if permissions is None else shape | {"permissions": str(permissions)}


def guild(permissions: int, *, premium_tier: int = 0) -> Object:
    """Return the server: one channel, and a role that gives the bot its rights."""
    return {
        "id": GUILD_ID,
        "name": "The Darkroom",
        "owner_id": _OWNER_ID,
        "premium_tier": premium_tier,
        "member_count": 2,
        "roles": [role(GUILD_ID, "@everyone", 0), role(_ROLE_ID, "Darkroom", permissions)],
        "emojis": [],
        "stickers": [],
        "features": [],
        "channels": [channel(CHANNEL_ID)],
        "threads": [],
        "members": [member(bot())],
        "unavailable": False,
    }


def role(role_id: str, name: str, permissions: int) -> Object:
    """Return a role."""
    return {"id": role_id, "name": name, "permissions": str(permissions), "position": 0, "colors": {"primary_color": 0}}


def channel(channel_id: str) -> Object:
    """Return a text channel of the server."""
    return {
        "id": channel_id,
        "guild_id": GUILD_ID,
        "type": TEXT_CHANNEL,
        "name": "darkroom",
        "position": 0,
        "permission_overwrites": [],
        "parent_id": None,
        "nsfw": False,
    }


def thread(thread_id: str, parent_id: str, name: str) -> Object:
    """Return a public thread that the bot made."""
    return {
        "id": thread_id,
        "guild_id": GUILD_ID,
        "parent_id": parent_id,
        "owner_id": BOT_ID,
        "type": PUBLIC_THREAD,
        "name": name,
        "message_count": 0,
        "member_count": 1,
        "thread_metadata": {
            "archived": False,
            "auto_archive_duration": 4320,
            "archive_timestamp": now(),
            "locked": False,
        },
    }


def direct(channel_id: str, recipient: Object) -> Object:
    """Return the channel of direct messages to a person."""
    return {"id": channel_id, "type": DIRECT, "recipients": [recipient], "last_message_id": None}
