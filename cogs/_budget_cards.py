"""What managers and sponsors read: the budget, the log, the settings, a pool. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import discord
from discord import ui

from bot.budgets import Budget, GrantView, Limit
from bot.quota import amount, dollars, limit, role, window
from cogs import _words as words
from cogs._asides import bar, ceiling, fresh, named
from cogs._budget_components import (
    AlertsMenu,
    BackButton,
    BonusButton,
    EndBonusMenu,
    LimitMenu,
    LogButton,
    ManagersMenu,
    MoreButton,
    PauseButton,
    ResumeMenu,
    SettingsButton,
    ShowcaseMenu,
    TakeAwayMenu,
)
from cogs._layout import AMBER, BLUE, GREEN, GREY, Part, card, row, text
from storage.audit import Change
from storage.records import Allowance, Grant, Job, Measure, Pause, Scope, Server, Standing
from storage.windows import local, zone_of

#: So many limits, and so many bonuses, stand on one page.
PAGE: Final = 10
_PAUSES: Final = 4
_REASON: Final = 80
_CHANGE: Final = 75
_IN_POOL: Final = 15
#: Discord's bounds on the options of a menu and on the label of one.
_OPTIONS: Final = 25
_LABEL: Final = 100
_ORDER: Final = (Scope.SERVER, Scope.CHANNEL, Scope.ROLE, Scope.MEMBER)
_HEADS: Final = {
    Scope.SERVER: "This server",
    Scope.CHANNEL: "Channels",
    Scope.ROLE: "Roles (each holder's own)",
    Scope.MEMBER: "Members",
}
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Names:
    """What is in the server now: by Discord's ids, what it is called."""

    roles: Mapping[int, str] = field(default_factory=dict[int, str])
    channels: Mapping[int, str] = field(default_factory=dict[int, str])
    #: As far as Discord told.
    members: Mapping[int, str] = field(default_factory=dict[int, str])
    #: Members of whom Discord said that they are not in the server any more.
    left: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Destination:
    """What is true now of a channel in which the bot is to post."""

    there: bool = True
    #: What the bot may not do there, and has to.
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is true now of what the settings name."""

    role_there: bool = True
    alerts: Destination = Destination()
    showcase: Destination = Destination()


# The budget ----------------------------------------------------------------------------------------------------------


def budget(
    view: Budget, names: Names, *, standard: Sequence[Allowance] = (), page: int = 1, note: str = ""
) -> ui.LayoutView:
    """Return one page of everything that managers see and change of a server's money.

    ``standard`` is what the operator allows members of whom managers said nothing, ``note`` what has just changed.
    """
    last = pages(view)
    page = min(page, last)
    limits, bonuses = _on(page, _in_order(view.limits)), _on(page, _newest(view.grants))
    groups = [["### Budget of this server", *([note] if note else [])]]
    if view.pauses:
        groups.append(_cut_off([_pause(pause) for pause in view.pauses], _PAUSES))
    if view.waiting and page == 1:
        groups.append(["**Waiting for a manager**", *(f"- {_waiting(job)}" for job in view.waiting)])
    groups += _limits(view, limits, names)
    if page == 1:
        groups.append(_operators(view, standard))
    if bonuses:
        groups.append(["**Bonuses and pools**", *(f"- {_bonus(view, bonus, names)}" for bonus in bonuses)])
    if last > 1:
        groups.append([f"-# Page {page} of {last}"])
    parts: list[Part] = [*_apart(groups), ui.Separator(), *_controls(view, limits, bonuses, names, page, last)]
    used_up = any(not standing.left for standing in view.ceilings)
    return card(*parts, colour=AMBER if view.pauses or used_up else GREEN)


def _apart(groups: Sequence[Sequence[str]]) -> list[Part]:
    """Return groups of lines with a little room between them."""
    parts: list[Part] = []
    for lines in groups:
        parts += [ui.Separator(visible=False), text(*lines)]
    return parts[1:]


def pages(view: Budget) -> int:
    """Return how many pages a budget has."""
    return max(1, -(-max(len(view.limits), len(view.grants)) // PAGE))


def page_of(view: Budget, limit_id: int | None) -> int:
    """Return the page that a limit stands on."""
    ids = [limit.allowance.id for limit in _in_order(view.limits)]
    return 1 + ids.index(limit_id) // PAGE if limit_id in ids else 1


def whose(limit: Limit, guild_id: int, names: Names) -> str:
    """Return whose limit it is; what is gone is named as such."""
    return _who(limit.allowance.scope, limit.allowance.subject_id, limit.user_id, guild_id, names)


def _who(scope: Scope, subject_id: int, user_id: int | None, guild_id: int, names: Names) -> str:
    match scope:
        case Scope.MEMBER:
            return "a member who left" if user_id is None or user_id in names.left else words.who(user_id)
        case Scope.ROLE if subject_id == guild_id:
            return "everybody"
        case Scope.ROLE:
            return role(subject_id) if subject_id in names.roles else "a role that was deleted"
        case Scope.CHANNEL:
            return f"<#{subject_id}>" if subject_id in names.channels else "a channel that was deleted"
        case Scope.THREAD:
            return f"<#{subject_id}>"
        case _:
            return "this server"


def _called(scope: Scope, subject_id: int, user_id: int | None, guild_id: int, names: Names) -> str:
    """Return the same as menus say it, where mentions are not shown as names."""
    match scope:
        case Scope.MEMBER if user_id in names.members:
            return f"@{names.members[user_id or 0]}"
        case Scope.MEMBER if user_id is not None and user_id not in names.left:
            return f"A member (…{user_id % 10_000:04})"
        case Scope.ROLE if subject_id in names.roles and subject_id != guild_id:
            return f"@{names.roles[subject_id]}"
        case Scope.CHANNEL | Scope.THREAD if subject_id in names.channels:
            return f"#{names.channels[subject_id]}"
        case Scope.THREAD:
            return "A thread"
        case _:
            said = _who(scope, subject_id, user_id, guild_id, names)
            return f"{said[0].upper()}{said[1:]}"


def _limits(view: Budget, limits: Sequence[Limit], names: Names) -> Iterable[list[str]]:
    """Yield the lines of each group of limits on a page."""
    standings = {standing.allowance.id: standing for standing in view.ceilings}
    for scope in _ORDER:
        group = [limit for limit in limits if limit.allowance.scope is scope]
        if not group:
            continue
        lines = [f"**{_HEADS[scope]}**"]
        for each in group:
            if scope is Scope.SERVER:
                lines += _standing(standings[each.allowance.id])
            else:
                lines.append(f"- {whose(each, view.server.guild_id, names)}: {limit(each.allowance)}")
        yield lines


def _standing(standing: Standing) -> list[str]:
    """Return how a limit stands; money gets a bar."""
    allowance = standing.allowance
    if not allowance.amount:
        return [f"**No edits**: {amount(allowance.measure, 0)} {window(allowance.window)}"]
    head = f"**{amount(allowance.measure, standing.left)} left** of {limit(allowance)}"
    if allowance.measure is not Measure.MONEY:
        return [f"{head}{fresh(standing)}"]
    spent, held = dollars(standing.spent), dollars(standing.held)
    return [head, bar(standing), f"-# 🟦 spent {spent} · 🟨 held {held}{fresh(standing)}"]


def _operators(view: Budget, standard: Sequence[Allowance]) -> list[str]:
    """Return the limits of whoever runs the bot."""
    lines = ["**Set by whoever runs me**"]
    for standing in view.ceilings:
        if standing.allowance.id is None:
            lines += _standing(standing) if standing.allowance.scope is Scope.SERVER else [f"-# {ceiling(standing)}"]
    if standard:
        lines.append(f"-# Members without a limit here: {words.listed([limit(each) for each in standard])}.")
    return lines


def _bonus(view: Budget, bonus: GrantView, names: Names) -> str:
    grant = bonus.grant
    who = _who(grant.scope, grant.subject_id, bonus.user_id, view.server.guild_id, names)
    till = "" if grant.expires_at is None else f", ends {words.since(grant.expires_at)}"
    if grant.scope is Scope.ROLE:
        return f"🎁 {who}: {dollars(grant.amount)} each, {dollars(grant.held + grant.spent)} used in all{till}"
    sign = "🫙" if grant.scope is Scope.THREAD else "🎁"
    by = f", from {words.who(bonus.giver_id)}" if grant.sponsor_id is not None else ""
    return f"{sign} {who}: {dollars(grant.left)} left of {dollars(grant.amount)}{by}{till}"


def _waiting(job: Job) -> str:
    return f"{named(job)} by {words.who(job.user_id)}, about {dollars(job.estimate)}"


def _pause(pause: Pause) -> str:
    by = " by whoever runs me" if pause.operators else ""
    return f"⏸️ Paused {paused_where(pause)}{by}: {words.cut(words.plain(pause.reason), _REASON)}"


def paused_where(pause: Pause) -> str:
    """Return what a pause covers, as one who may be elsewhere reads it."""
    if not pause.guild_id:
        return "everywhere"
    return f"in <#{pause.channel_id}>" if pause.channel_id else "in this server"


def _controls(
    view: Budget, limits: Sequence[Limit], bonuses: Sequence[GrantView], names: Names, page: int, last: int
) -> list[Part]:
    guild_id = view.server.guild_id
    parts = [row(LimitMenu.full(page))]
    if limits:
        options = [
            _option(
                each.allowance.id or 0,
                _called(each.allowance.scope, each.allowance.subject_id, each.user_id, guild_id, names),
                limit(each.allowance),
            )
            for each in limits
        ]
        parts.append(row(TakeAwayMenu(page, options)))
    if bonuses:
        options = [
            _option(
                each.grant.id,
                _called(each.grant.scope, each.grant.subject_id, each.user_id, guild_id, names),
                _bonus_amount(each.grant),
            )
            for each in bonuses
        ]
        parts.append(row(EndBonusMenu(page, options)))
    own = [pause for pause in view.pauses if not pause.operators]
    if own:
        parts.append(row(ResumeMenu(page, [_resume(pause, names) for pause in own[:_OPTIONS]])))
    parts.append(row(BonusButton(page), PauseButton(page), LogButton(page)))
    turns = [
        *([BackButton(page - 1)] if page > 1 else []),
        *([MoreButton(page + 1)] if page < last else []),
    ]
    return [*parts, *([row(*turns)] if turns else [])]


def _bonus_amount(grant: Grant) -> str:
    if grant.scope is Scope.ROLE:
        return f"{dollars(grant.amount)} each"
    return f"{dollars(grant.left)} left of {dollars(grant.amount)}"


def _resume(pause: Pause, names: Names) -> discord.SelectOption:
    called = _called(Scope.CHANNEL if pause.channel_id else Scope.SERVER, pause.channel_id, None, pause.guild_id, names)
    return _option(pause.channel_id, called, pause.reason)


def _option(value: int, label: str, description: str) -> discord.SelectOption:
    return discord.SelectOption(
        label=words.cut(label, _LABEL), value=str(value), description=words.cut(description, _LABEL)
    )


def _in_order(limits: Sequence[Limit]) -> list[Limit]:
    return sorted(limits, key=lambda limit: (_ORDER.index(limit.allowance.scope), limit.allowance.subject_id))


def _newest(grants: Sequence[GrantView]) -> list[GrantView]:
    return sorted(grants, key=lambda view: -view.grant.id)


def _on(page: int, things: Sequence[_T]) -> Sequence[_T]:
    return things[(page - 1) * PAGE : page * PAGE]


def _cut_off(lines: Sequence[str], most: int) -> list[str]:
    more = [f"and {len(lines) - most} more"] if len(lines) > most else []
    return [*lines[:most], *more]


# The log -------------------------------------------------------------------------------------------------------------


def log(changes: Sequence[Change]) -> ui.LayoutView:
    """Return who changed what in a server, newest first."""
    lines = [line for change in changes for line in _change(change)]
    return card(text("### Last changes", *(lines or ["Nothing was changed yet."])), colour=GREY)


def _change(change: Change) -> list[str]:
    # All in the log that people wrote freely: the reason of a pause, and words in defaults and names of LoRAs.
    written = change.subject.startswith(("pause", "default of", "LoRA"))
    before, after = (
        words.cut(words.plain(value) if written else value, _CHANGE) or "–" for value in (change.before, change.after)
    )
    return [f"- {change.subject}: {before} → {after}", f"  -# {words.who(change.user_id)} · {words.since(change.at)}"]


# Settings ------------------------------------------------------------------------------------------------------------


def settings(server: Server, around: Surroundings, *, now: int, note: str = "") -> ui.LayoutView:
    """Return what is set for a server, and what to change it with. ``now`` is in milliseconds."""
    clock = f"{local(now, zone_of(server.time_zone)):%H:%M}"
    return card(
        text("### Settings of this server", *([note] if note else [])),
        ui.Separator(),
        text("**Who manages the budget**", _managers(server, around)),
        row(ManagersMenu(server.manager_role_id if around.role_there else None)),
        ui.Separator(),
        text("**Where alerts go**", _alerts(server, around)),
        row(AlertsMenu(server.alert_channel_id if around.alerts.there else None)),
        ui.Separator(),
        text("**Showcase of starred pictures**", _showcase(server, around)),
        row(ShowcaseMenu(server.showcase_channel_id if around.showcase.there else None)),
        ui.Separator(),
        text(
            f"**Time zone:** {server.time_zone}, {clock} now",
            f"**Ask members first:** {_above(server.confirm_above)}",
            f"**A manager approves:** {_above(server.approve_above)}",
            f"**Showcase:** from {words.counted(server.showcase_stars, 'star')} on",
        ),
        row(SettingsButton()),
        colour=BLUE,
    )


def _managers(server: Server, around: Surroundings) -> str:
    who = "Those with Manage Server"
    if server.manager_role_id is None:
        return f"{who}, and nobody else."
    if not around.role_there:
        return f"{who}. ⚠️ The role that was chosen beside them was deleted: choose another."
    return f"{who}, and {role(server.manager_role_id)}."


def _alerts(server: Server, around: Surroundings) -> str:
    if server.alert_channel_id is None:
        return "Nowhere: nobody hears when a limit is nearly used up."
    return _destination(server.alert_channel_id, around.alerts)


def _showcase(server: Server, around: Surroundings) -> str:
    if server.showcase_channel_id is None:
        return "Nowhere: stars count in `/gallery` only."
    return _destination(server.showcase_channel_id, around.showcase)


def _destination(channel_id: int, destination: Destination) -> str:
    if not destination.there:
        return "⚠️ The channel that was chosen was deleted: choose another."
    if destination.lacking:
        rights = words.listed([f"**{right}**" for right in destination.lacking])
        return f"<#{channel_id}>. ⚠️ I can't post there: I lack {rights}. Allow me that, or choose another."
    return f"<#{channel_id}>."


def _above(price: int | None) -> str:
    return "never" if price is None else f"above {dollars(price)}"


# Pools ---------------------------------------------------------------------------------------------------------------


def pool(grants: Sequence[GrantView]) -> ui.LayoutView:
    """Return what a thread's pool is made of."""
    if not grants:
        how = "`/pool give` puts some of what you may spend into it, for everybody's edits here."
        return card(text("### 🫙 This thread has no pool", how), colour=GREY)
    left = sum(view.grant.left for view in grants)
    lines = [f"- {_given(view)}" for view in grants]
    return card(
        text(f"### 🫙 {dollars(left)} left in this thread's pool", "It pays first for edits here."),
        text(*_cut_off(lines, _IN_POOL)),
        colour=GREEN if left else AMBER,
    )


def _given(view: GrantView) -> str:
    grant = view.grant
    till = "" if grant.expires_at is None else f", ends {words.since(grant.expires_at)}"
    return (
        f"{words.who(view.giver_id)} gave {dollars(grant.amount)}: "
        f"{dollars(grant.spent)} spent, {dollars(grant.held)} held, {dollars(grant.left)} left{till}"
    )


def funded(sponsor_id: int, grant: Grant) -> ui.LayoutView:
    """Return the news that somebody gave to a thread's pool."""
    when = "when it is closed" if grant.expires_at is None else f"{words.since(grant.expires_at)}"
    return card(
        text(
            f"🫙 {words.who(sponsor_id)} gave **{dollars(grant.amount)}** to this thread's pool.",
            f"-# It pays first for edits here. What is not spent returns {when}.",
        ),
        colour=GREEN,
    )


def closed(who_id: int, ended: Sequence[Grant], givers: Mapping[int, int | None], *, remaining: bool) -> ui.LayoutView:
    """Return the news that a pool, or a part of it, was closed: per giver what was given, spent and returned.

    ``givers`` are Discord's ids of who gave each grant, by its id; ``remaining`` tells whether others' parts go on.
    """
    what = "their part of this thread's pool" if remaining else "this thread's pool"
    lines = [f"- {_returned(grant, givers.get(grant.id))}" for grant in ended]
    return card(text(f"🫙 {words.who(who_id)} closed {what}.", *_cut_off(lines, _IN_POOL)), colour=GREY)


def _returned(grant: Grant, giver_id: int | None) -> str:
    held = f", {dollars(grant.held)} still held for edits that run" if grant.held else ""
    return (
        f"{words.who(giver_id)} gave {dollars(grant.amount)}: "
        f"{dollars(grant.spent)} spent, {dollars(grant.left)} returned{held}"
    )
