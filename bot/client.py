"""The Discord client and its command tree. Here, and nowhere else, errors become words."""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import discord
from discord import InteractionResponseType, app_commands, ui
from discord.ext import commands

from bot.errors import EditError, NoConsent
from bot.services import Services

log = logging.getLogger(__name__)

_RED: Final = discord.Colour(0xDA373C)
#: What Discord may answer or break with while something is said. Connection resets are not retried by discord.py, and
#: RuntimeError is what aiohttp says when the client was closed meanwhile.
DISCORD_ERRORS: Final = (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError, RuntimeError)
#: The first response was a message of ours; an error takes its place instead of standing beside it.
_SPOKE: Final = frozenset({InteractionResponseType.channel_message, InteractionResponseType.deferred_channel_message})
#: Discord's code for a second first response.
_ANSWERED: Final = 40060


def trouble(error: BaseException) -> str:
    """Return what went wrong with Discord, for the log: never in Discord's own words, which may quote what was sent."""
    if isinstance(error, discord.HTTPException):
        return f"Discord answered {error.status} {error.code}"
    return type(error).__name__


class MenuCog(commands.Cog):
    """A cog with menus of messages, which discord.py adds to a tree only."""

    menus: tuple[app_commands.ContextMenu, ...] = ()


class EditBot(commands.Bot):
    """The bot as Discord sees it: it knows servers and channels, no messages and no members.

    It starts no loops: what runs beside it is started by the program, and reads the bot of the moment each turn.
    """

    def __init__(
        self,
        services: Services,
        *,
        cogs: Callable[[], Iterable[commands.Cog]],
        dynamic_items: Iterable[type[ui.DynamicItem[Any]]],
    ) -> None:
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            tree_cls=EditTree,
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=False, private_channel=False),
            allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
        )
        self.services: Final = services
        self._new_cogs: Final = cogs
        self._dynamic_items: Final = tuple(dynamic_items)

    async def setup_hook(self) -> None:
        """Add the cogs and what their messages carry, and tell Discord the commands if they changed."""
        for cog in self._new_cogs():
            await self.add_cog(cog)
            for menu in cog.menus if isinstance(cog, MenuCog) else ():
                self.tree.add_command(menu)
        self.add_dynamic_items(*self._dynamic_items)
        await self._sync()

    async def _sync(self) -> None:
        # Discord counts command creations by the day, and every sync makes clients load the commands anew.
        payloads = [command.to_dict(self.tree) for command in self.tree.get_commands()]
        known = json.dumps([self.application_id, payloads], sort_keys=True)
        digest = hashlib.sha256(known.encode()).hexdigest()
        if await self.services.memory.get("commands") != digest:
            await self.tree.sync()
            await self.services.memory.set("commands", digest)
            log.info("told Discord the commands: %s", ", ".join(payload["name"] for payload in payloads))


class EditTree(app_commands.CommandTree[EditBot]):
    """The commands, whose errors become words."""

    async def on_error(self, interaction: discord.Interaction[EditBot], error: app_commands.AppCommandError) -> None:
        """Say what went wrong to the person who asked."""
        await explain(interaction, error)
        interaction.client.dispatch("answered", interaction)


async def explain(interaction: discord.Interaction[Any], error: BaseException) -> None:
    """Say an error to the person whose action met it; one that has no words gets an incident number and a log line.

    Nobody else sees it, unless the action was acknowledged in public: then the sentence takes the place of that reply, if it
    names nobody.
    """
    sentence = _sentence(error)
    try:
        if not interaction.response.is_done():
            await _answer(interaction, sentence)
        elif interaction.response.type not in _SPOKE:
            await interaction.followup.send(view=notice(sentence), ephemeral=True)
        elif (await interaction.original_response()).flags.ephemeral:
            await interaction.edit_original_response(view=notice(sentence), attachments=[])
        elif isinstance(_cause(error), NoConsent):
            await _retreat(interaction, sentence)
        else:
            await _replace(interaction, sentence)
    except DISCORD_ERRORS as unheard:
        log.warning("an error could not be told: %s (%s)", trouble(unheard), type(error).__name__)


async def attempt(interaction: discord.Interaction[Any], action: Awaitable[None]) -> None:
    """Do what a press, a choice or a form asks for; what goes wrong is said, and then what was kept is shown."""
    try:
        await action
    except Exception as error:  # noqa: BLE001 (explain logs what is a bug)
        await explain(interaction, error)
    interaction.client.dispatch("answered", interaction)


async def _answer(interaction: discord.Interaction[Any], sentence: str) -> None:
    try:
        await interaction.response.send_message(view=notice(sentence), ephemeral=True)
    except discord.HTTPException as error:
        if error.code != _ANSWERED:
            raise
        # An answer went through before, and what broke was the way back: it would stand there for ever.
        await _replace(interaction, sentence)


async def _retreat(interaction: discord.Interaction[Any], sentence: str) -> None:
    """Take a public reply back, and say the sentence to the person alone: it names somebody who is no part of this."""
    # What follows a reply that still loads would take its place, in public.
    await _replace(interaction, "was told why this cannot be done.")
    await interaction.followup.send(view=notice(sentence), ephemeral=True)
    await interaction.delete_original_response()


async def _replace(interaction: discord.Interaction[Any], sentence: str) -> None:
    """Put the sentence in place of the public reply, with the name of the person it is for, who is not rung."""
    view = notice(f"{interaction.user.mention} {sentence}")
    await interaction.edit_original_response(view=view, attachments=[], allowed_mentions=discord.AllowedMentions.none())


def _cause(error: BaseException) -> BaseException:
    return error.original if isinstance(error, app_commands.CommandInvokeError) else error


def _sentence(error: BaseException) -> str:
    cause = _cause(error)
    if isinstance(cause, EditError):
        return str(cause)
    if isinstance(cause, (app_commands.CommandSignatureMismatch, app_commands.CommandNotFound)):
        return "My commands have just changed. Please try again in a minute; reloading Discord helps."
    if isinstance(cause, app_commands.TransformerError):
        return f"I could not make sense of “{discord.utils.escape_markdown(str(cause.value))[:100]}”. Please try again."
    incident = secrets.token_hex(4)
    log.error("incident %s", incident, exc_info=cause, extra={"incident": incident})
    return (
        f"Something broke on my side (incident `{incident}`). "
        "Please try again; if it happens again, give that number to whoever runs this bot."
    )


def notice(sentence: str, colour: discord.Colour = _RED) -> ui.LayoutView:
    """Return one sentence as a card."""
    view = ui.LayoutView(timeout=None)
    return view.add_item(ui.Container(ui.TextDisplay(sentence), accent_colour=colour))


# Who the token belongs to ----------------------------------------------------------------------------------

#: What the bot must be allowed in a server; the invite link asks for this and nothing else.
NEEDED: Final = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    create_public_threads=True,
    attach_files=True,
    embed_links=True,
    read_message_history=True,
)


@dataclass(frozen=True, slots=True)
class GuildRights:
    """What the bot may do in a server that may spend. ``name`` is ``None`` where it is not a member."""

    id: int
    name: str | None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a token belongs to."""

    name: str
    #: The link with which somebody who manages a server invites the bot.
    invite: str
    guilds: tuple[GuildRights, ...]


async def identify(token: str, guild_ids: frozenset[int]) -> Identity:
    """Ask Discord whose token this is and what it may do in these servers, without going online.

    Raises:
        ConnectionError: Discord refused the token or cannot be reached; the sentence says which.
    """
    async with discord.Client(intents=discord.Intents.none()) as client:
        try:
            await client.login(token)
            guilds = [await _rights(client, guild_id) for guild_id in sorted(guild_ids)]
        except discord.LoginFailure as refused:
            raise ConnectionError(
                "DISCORD_TOKEN was refused; copy it again from the Bot page of the developer portal"
            ) from refused
        except DISCORD_ERRORS as error:
            raise ConnectionError(f"it cannot be reached ({type(error).__name__})") from error
        invite = discord.utils.oauth_url(client.application_id or 0, permissions=NEEDED)
        return Identity(str(client.user), invite, tuple(guilds))


async def _rights(client: discord.Client, guild_id: int) -> GuildRights:
    try:
        guild = await client.fetch_guild(guild_id, with_counts=False)
        member = await guild.fetch_member(client.user.id if client.user else 0)
    except (discord.NotFound, discord.Forbidden):
        return GuildRights(guild_id, None)
    lacking = [name for name, needed in NEEDED if needed and not getattr(member.guild_permissions, name)]
    return GuildRights(guild_id, guild.name, tuple(lacking))
