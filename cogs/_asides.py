"""What one member alone reads: the allowance, a recipe, the question what to delete. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from discord import ui

from bot.quota import Forecast, QuotaView, amount, basis, dollars, limit, paused_where, role
from cogs import _words as words
from cogs._components import DeleteMenu, StarMenu, options
from cogs._layout import AMBER, GREEN, card, file, row, text
from storage.records import EditRequest, Grant, Job, Measure, Result, Scope, Standing, Status

_BAR: Final = 10
_LISTED: Final = 10
_PROMPT_IN_LIST: Final = 60
_RECIPE: Final = 1800
_LABEL: Final = 60


def delete_menu(job_id: int, results: Sequence[Result]) -> ui.LayoutView:
    """Return the question which pictures to take down."""
    what_then = "They leave this thread and cannot be edited any more. What they cost stays spent."
    if len(results) == 1:
        what_then = "It has stars, or others went on from it. It cannot be brought back, and what it cost stays spent."
    return card(
        text("**Which pictures should go?**", what_then), row(DeleteMenu(job_id, options(results), most=len(results)))
    )


def star_menu(job_id: int, results: Sequence[Result], starred: Sequence[int]) -> ui.LayoutView:
    """Return the question which pictures to give a star; those that have one of the reader's are chosen already."""
    what = "A star each, as many as you like; leave a picture out to take your star back."
    menu = StarMenu(job_id, options(results, *starred), least=0, most=len(results))
    return card(text("**Which pictures do you like?**", what), row(menu))


def recipe(request: EditRequest, result: Result, recipe: str, name: str) -> ui.LayoutView:
    """Return the recipe of a result: how to use it, the JSON as far as it fits, and the file with all of it."""
    how = "Give this file to `/recipe run`, and it makes the same again."
    files = [
        words.plain(words.cut(words.one_line(one.label), _LABEL)) for one in request.references if not one.result_id
    ]
    lines = [f"### Recipe of {result.short_id}", f"{how} Attach {words.listed(files)} with it." if files else how]
    if request.results > 1:
        lines.append(
            "-# Its edit made several pictures; this makes one, and `/recipe show` has the recipe of each."
            if result.seed is not None
            else "-# Runware did not say its seed; this is that of an edit of several, and may make another picture."
        )
    shown = words.cut(recipe, _RECIPE).replace("```", "ˋˋˋ")
    return card(text(*lines), text(f"```json\n{shown}\n```"), file(name))


def quota(view: QuotaView) -> ui.LayoutView:
    """Return what a member may still spend, and what of theirs is running."""
    lines = [line for standing in view.member for line in _own(standing)]
    if view.pause is not None:
        lines.insert(0, f"### ⏸️ Paused {paused_where(view.pause)}: {words.plain(view.pause.reason)}")
    lines += [line for grant in view.grants for line in _bonus(grant)]
    if view.sponsored:
        lines.append(f"🫙 {dollars(view.sponsored)} of what is held is yours in the pools of threads.")
    lines += [f"-# {ceiling(standing)}" for standing in view.ceilings]
    if view.ask_above is not None:
        lines.append(f"-# You are asked first before an edit that costs more than {dollars(view.ask_above)}.")
    if view.approve_above is not None:
        lines.append(f"-# A manager has to approve what costs more than {dollars(view.approve_above)}.")
    parts = [text(*lines)]
    if view.running:
        running = [f"- {_running(job)}" for job in view.running[:_LISTED]]
        if len(view.running) > _LISTED:
            running.append(f"- and {len(view.running) - _LISTED} more")
        parts += [ui.Separator(), text("**Open**", *running)]
    some = all(standing.left for standing in view.member) or any(grant.left for grant in view.grants)
    return card(*parts, colour=GREEN if some and view.pause is None else AMBER)


def forecast(request: EditRequest, forecast: Forecast) -> ui.LayoutView:
    """Return what an edit would cost, and what would become of it now."""
    price = forecast.price
    pictures = words.counted(len(request.references), "picture")
    made = words.counted(request.results, "result")
    lines = [
        f"### About {dollars(price.estimate)}",
        f"for {made} from {pictures}, {words.size(request.width, request.height)}, {request.steps} steps.",
        f"-# {_sentence(basis(price.basis))} Up to {dollars(price.hold)} is held till it is done.",
    ]
    if forecast.refusal is not None:
        lines.append(f"⛔ {forecast.refusal}")
    else:
        lines.append("✅ It fits in what you have left.")
    if forecast.waits:
        lines.append("🕰️ A manager would have to approve it.")
    elif forecast.asks:
        lines.append("❔ You would be asked first.")
    return card(text(*lines), colour=GREEN if forecast.refusal is None else AMBER)


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _own(standing: Standing) -> list[str]:
    """Return how one of the member's own limits stands; money gets a bar."""
    allowance = standing.allowance
    named = allowance.scope is Scope.ROLE and not allowance.everybody
    by = f" · as {role(allowance.subject_id)}" if named else ""
    if not allowance.amount:
        return [f"### Nothing to spend here{by}"]
    left = amount(allowance.measure, standing.left)
    head = f"### {left} left of {limit(allowance)}{by}"
    if allowance.measure is not Measure.MONEY:
        return [f"**{left} left** of {limit(allowance)}{by}{fresh(standing)}"]
    spent, held = dollars(standing.spent), dollars(standing.held)
    return [head, bar(standing), f"🟦 spent {spent} · 🟨 held {held}{fresh(standing)}"]


def fresh(standing: Standing) -> str:
    """Return when a calendar limit is whole again, to end a line with; nothing for a rolling one."""
    return "" if standing.resets_at is None else f" · fresh {words.since(standing.resets_at)}"


def _bonus(grant: Grant) -> list[str]:
    held = f", {dollars(grant.held)} held" if grant.held else ""
    until = held + ("" if grant.expires_at is None else f", ends {words.since(grant.expires_at)}")
    if grant.scope is Scope.THREAD:
        return [f"🫙 This thread's pool pays first: {dollars(grant.left)} left{until}."]
    named = grant.scope is Scope.ROLE and grant.subject_id != grant.guild_id
    by = f" as {role(grant.subject_id)}" if named else ""
    return [f"🎁 Your bonus{by} pays first: {dollars(grant.left)} left of {dollars(grant.amount)}{until}."]


def bar(standing: Standing) -> str:
    """Return used and unused as squares; whatever is used takes one square at least."""
    whole = max(1, standing.allowance.amount, standing.used)
    spent = min(_BAR, -(-standing.spent * _BAR // whole))
    held = min(_BAR - spent, -(-standing.held * _BAR // whole))
    return "🟦" * spent + "🟨" * held + "⬜" * (_BAR - spent - held)


def ceiling(standing: Standing) -> str:
    """Return how a limit stands that members share. What all servers have left is nobody's business till it ends."""
    allowance = standing.allowance
    whom = {Scope.CHANNEL: "This channel", Scope.SERVER: "This server"}.get(allowance.scope, "Over all servers")
    if not standing.left:
        return f"{whom}: used up{fresh(standing)}."
    if allowance.scope is Scope.BOT and standing.left * 10 >= allowance.amount:
        return f"{whom}: plenty is left."
    return f"{whom}: {amount(allowance.measure, standing.left)} left of {limit(allowance)}."


def address(job: Job) -> str:
    """Return where the status of a job stands."""
    message_id = job.status_message_id or job.place.reply_id
    # The thread of a message has its id, and the message itself stands in the channel.
    in_channel = job.place.thread_id is None or message_id == job.place.thread_id
    channel_id = job.place.channel_id if in_channel else job.place.thread_id or job.place.channel_id
    return words.link(job.guild_id, channel_id, message_id)


def named(job: Job) -> str:
    """Return a job by its prompt, as a link to its status."""
    prompt = words.plain(words.cut(words.one_line(job.request.prompt), _PROMPT_IN_LIST))
    return f"[{prompt}]({address(job)})"


def _running(job: Job) -> str:
    why = f"{dollars(job.hold)} held for about {dollars(job.estimate)}, {basis(job.basis)}"
    return f"{named(job)} · {_STATES.get(job.status, 'being edited')} · asked {words.since(job.created_at)}\n  -# {why}"


_STATES: Final = {Status.WAITING: "waits for a manager", Status.QUEUED: "in line"}
