"""What one member alone reads: the allowance, a recipe, the question what to delete. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from discord import ui

from bot.quota import QuotaView, dollars
from cogs import _words as words
from cogs._components import DeleteMenu
from cogs._layout import AMBER, GREEN, card, file, row, text
from storage.records import Allowance, Job, Result

_BAR: Final = 10
_LISTED: Final = 10
_PROMPT_IN_LIST: Final = 60
_RECIPE: Final = 1800


def delete_menu(job_id: int, results: Sequence[Result]) -> ui.LayoutView:
    """Return the question which pictures to take down."""
    what_then = "They leave this thread and cannot be edited any more. What they cost stays spent."
    return card(text("**Which pictures should go?**", what_then), row(DeleteMenu(job_id, results)))


def recipe(results: Sequence[Result], recipe: str, name: str) -> ui.LayoutView:
    """Return a recipe: how to use it, the JSON as far as it fits, and the file with all of it."""
    ids = words.listed([result.short_id for result in results])
    shown = words.cut(recipe, _RECIPE).replace("```", "ˋˋˋ")
    how = "Give `/edit` these options and these pictures, and it makes the same again."
    return card(text(f"### Recipe of {ids}", how), text(f"```json\n{shown}\n```"), file(name))


def quota(view: QuotaView) -> ui.LayoutView:
    """Return what a member may still spend, and what of theirs is running."""
    own = view.member
    lines = [
        f"### {dollars(own.left)} left of {dollars(own.limit)}",
        _bar(own),
        f"🟦 spent {dollars(own.spent)} · 🟨 held {dollars(own.held)} · fresh {words.since(own.resets_at)}",
        f"-# {_server_words(view.server)} {_bot_words(view.bot)}",
    ]
    running = [f"- {_running(job)}" for job in view.running[:_LISTED]]
    if len(view.running) > _LISTED:
        running.append(f"- and {len(view.running) - _LISTED} more")
    parts = [text(*lines)]
    if running:
        parts += [ui.Separator(), text("**Running**", *running)]
    return card(*parts, colour=GREEN if own.left else AMBER)


def _bar(allowance: Allowance) -> str:
    """Return used and unused as squares; whatever is used takes one square at least."""
    whole = max(1, allowance.limit, allowance.spent + allowance.held)
    spent = min(_BAR, -(-allowance.spent * _BAR // whole))
    held = min(_BAR - spent, -(-allowance.held * _BAR // whole))
    return "🟦" * spent + "🟨" * held + "⬜" * (_BAR - spent - held)


def _server_words(server: Allowance) -> str:
    if server.left == 0:
        return f"This server has used up its day; it is fresh {words.since(server.resets_at)}."
    return f"This server has {dollars(server.left)} of {dollars(server.limit)} left."


def _bot_words(everywhere: Allowance) -> str:
    if everywhere.left == 0:
        return f"Over all servers the day is used up; it is fresh {words.since(everywhere.resets_at)}."
    if everywhere.left * 10 < everywhere.limit:
        return f"Over all servers only {dollars(everywhere.left)} is left."
    return "Over all servers there is plenty."


def _running(job: Job) -> str:
    prompt = words.plain(words.cut(words.one_line(job.request.prompt), _PROMPT_IN_LIST))
    message_id = job.status_message_id or job.place.reply_id
    # The thread of a message has its id, and the message itself stands in the channel.
    in_channel = job.place.thread_id is None or message_id == job.place.thread_id
    channel_id = job.place.channel_id if in_channel else job.place.thread_id or job.place.channel_id
    address = words.link(job.guild_id, channel_id, message_id)
    return f"[{prompt}]({address}) · up to {dollars(job.hold)} · asked {words.since(job.created_at)}"
