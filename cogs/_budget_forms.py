"""The forms that managers fill in, and how a sent one is read; see :mod:`cogs._forms` why nothing of them is kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import discord
from discord import ui

from bot import amounts
from bot.errors import BadOption
from cogs import _words as words
from cogs._budget_components import HOMES, Whose
from cogs._forms import filled_in
from storage.records import MICROS_PER_DOLLAR, Measure, Scope, Server
from storage.windows import Span, Window

_LONGEST_AMOUNT: Final = 40
_LONGEST_REASON: Final = 200
_CUSTOM_ID: Final = re.compile(
    rf"form-(?:limit:(?P<whose>{'|'.join(Whose)})|(?P<form>bonus|pause|settings(?P<opened>:.*)?))", re.ASCII
)
_MEASURES: Final = {
    Measure.MONEY: ("Money", "What edits cost, in dollars"),
    Measure.EDITS: ("Edits", "How often one may ask"),
    Measure.PICTURES: ("Pictures", "How many pictures edits make"),
}
_WINDOWS: Final = {
    f"{'rolling' if rolling else 'calendar'}-{span}": Window(span, rolling=rolling)
    for rolling in (False, True)
    for span in Span
}
#: What each window is called in the menu.
_SPANS: Final = {
    Span.HOUR: ("The hour on the clock", "Any 60 minutes"),
    Span.DAY: ("The day, from midnight", "Any 24 hours"),
    Span.WEEK: ("The week, from Monday", "Any 7 days"),
    Span.MONTH: ("The month", "Any 30 days"),
}


@dataclass(frozen=True, slots=True)
class Picked:
    """Who or what was picked; ``scope`` is ``None`` for somebody who is not in the server."""

    id: int
    scope: Scope | None

    def __str__(self) -> str:
        """Return the mention, which rings nobody."""
        sign = {Scope.ROLE: "@&", Scope.CHANNEL: "#", Scope.THREAD: "#"}.get(self.scope or Scope.MEMBER, "@")
        return f"<{sign}{self.id}>"


@dataclass(frozen=True, slots=True)
class Sent:
    """What a person filled in, not judged yet."""

    #: ``limit``, ``bonus``, ``pause`` or ``settings``.
    form: str
    #: For whom a limit is set.
    whose: Whose | None
    #: What was typed or chosen in each field, by its custom id.
    fields: Mapping[str, str]
    picked: Picked | None
    #: What the fields of the settings were filled with when the form was opened.
    opened: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return what was filled in, to be said back to who did."""
        picked = [] if self.picked is None else [str(self.picked)]
        return " · ".join([*picked, *(words.plain(words.one_line(value)) for value in self.fields.values() if value)])


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit that a form asks for, whoever it is for; amounts in its measure."""

    measure: Measure
    amount: int
    window: Window
    ceiling: int | None


# What is asked -------------------------------------------------------------------------------------------------------


def limit(whose: Whose) -> ui.Modal:
    """Return the form of a limit."""
    who: dict[Whose, tuple[str, ui.Item[Any]]] = {
        Whose.MEMBER: ("Which member?", ui.UserSelect(custom_id="who", required=True)),
        Whose.ROLE: ("Which role?", ui.RoleSelect(custom_id="who", required=True)),
        Whose.CHANNEL: ("Which channel?", ui.ChannelSelect(custom_id="who", required=True, channel_types=list(HOMES))),
    }
    title = {
        Whose.MEMBER: "A limit for a member",
        Whose.ROLE: "A limit for each holder of a role",
        Whose.EVERYBODY: "A limit for each member",
        Whose.CHANNEL: "A limit for a channel",
        Whose.SERVER: "A limit for this server",
    }[whose]
    measures = [
        discord.SelectOption(label=label, value=measure, description=what, default=measure is Measure.MONEY)
        for measure, (label, what) in _MEASURES.items()
    ]
    windows = [
        discord.SelectOption(label=_SPANS[window.span][window.rolling], value=value, default=window == Window.daily())
        for value, window in _WINDOWS.items()
    ]
    return _form(
        f"form-limit:{whose}",
        title,
        *([_label(*who[whose])] if whose in who else []),
        _label("What is counted?", ui.Select(custom_id="measure", options=measures, required=True)),
        _label("Over which time?", ui.Select(custom_id="window", options=windows, required=True)),
        _label("How much?", _line("amount", "0.50 or 20"), "Dollars, edits or pictures; 0 means that they may not"),
        _label("At most for one edit", _line("ceiling", required=False), "Empty: as much as the limit has left"),
    )


def bonus() -> ui.Modal:
    """Return the form of a bonus."""
    return _form(
        "form-bonus",
        "A bonus, spent before anything else",
        _label(
            "For whom?", ui.MentionableSelect(custom_id="who", required=True), "Each holder of a role gets all of it"
        ),
        _label("How much, in dollars?", _line("amount", "5")),
        _label("For how many days?", _line("days", required=False), "Empty: till it is spent or ended"),
    )


def pause() -> ui.Modal:
    """Return the form of a pause."""
    return _form(
        "form-pause",
        "Stop edits at once",
        _label("Why?", _line("reason", longest=_LONGEST_REASON), "Members read it"),
        _label(
            "Where?",
            ui.ChannelSelect(custom_id="who", required=False, min_values=0, channel_types=list(HOMES)),
            "Nothing chosen: in the whole server",
        ),
    )


def settings(server: Server) -> ui.Modal:
    """Return the form of the settings that are typed, filled with what is set."""
    off = "Dollars; empty: never"
    opened = (
        server.time_zone,
        _typed(server.confirm_above) or "",
        _typed(server.approve_above) or "",
        str(server.showcase_stars),
    )
    return _form(
        ":".join(("form-settings", *opened)),
        "Time zone, prices, stars",
        _label("Time zone", _line("zone", "Europe/Berlin", server.time_zone), "When days, weeks and months begin here"),
        _label("Ask members first above", _line("ask", "0.50", _typed(server.confirm_above), required=False), off),
        _label(
            "A manager must approve above", _line("approve", "1", _typed(server.approve_above), required=False), off
        ),
        _label(
            "Stars for the showcase",
            _line("stars", "3", str(server.showcase_stars)),
            "So many people put a picture there",
        ),
    )


def _form(custom_id: str, title: str, *labels: ui.Label[Any]) -> ui.Modal:
    modal = ui.Modal(title=title, custom_id=custom_id, timeout=None)
    for label in labels:
        modal.add_item(label)
    modal.stop()
    return modal


def _label(text: str, component: ui.Item[Any], description: str | None = None) -> ui.Label[Any]:
    return ui.Label(text=text, description=description, component=component)


def _line(
    custom_id: str,
    placeholder: str | None = None,
    default: str | None = None,
    *,
    required: bool = True,
    longest: int = _LONGEST_AMOUNT,
) -> ui.TextInput[Any]:
    return ui.TextInput(
        custom_id=custom_id, placeholder=placeholder, default=default, required=required, max_length=longest
    )


def _typed(micros: int | None) -> str | None:
    """Return an amount as it may be typed, exactly: the sent form would round it otherwise."""
    return None if micros is None else f"{Decimal(micros) / MICROS_PER_DOLLAR:f}"


# What was sent -------------------------------------------------------------------------------------------------------


def read(data: Mapping[str, Any]) -> Sent | None:
    """Return what a sent form says, given the data of its interaction, or ``None`` when it is none of these."""
    match = _CUSTOM_ID.fullmatch(data.get("custom_id", ""))
    if match is None:
        return None
    controls = filled_in(data)
    picked = controls.pop("who", {}).get("values", [])
    return Sent(
        form=(match["form"] or "limit").partition(":")[0],
        whose=Whose(match["whose"]) if match["whose"] else None,
        fields={
            name: (control.get("value") or "".join(control.get("values", []))) for name, control in controls.items()
        },
        picked=_picked(int(picked[0]), data.get("resolved", {})) if picked else None,
        opened=tuple((match["opened"] or "").split(":")[1:]),
    )


def _picked(entity_id: int, resolved: Mapping[str, Any]) -> Picked:
    # Somebody who is not a member stands among the users only.
    kinds = {"members": Scope.MEMBER, "roles": Scope.ROLE, "channels": Scope.CHANNEL}
    return Picked(
        entity_id, next((scope for kind, scope in kinds.items() if str(entity_id) in resolved.get(kind, {})), None)
    )


def limit_of(sent: Sent) -> Limit:
    """Return the limit that a form asks for. Raises BadOption."""
    fields = sent.fields
    if fields.get("measure") not in set(Measure):
        raise BadOption("measure", "`What is counted?` can be money, edits or pictures: choose one of the list.")
    if fields.get("window") not in _WINDOWS:
        raise BadOption("window", "`Over which time?` names no window there is: choose one of the list.")
    measure = Measure(fields["measure"])
    ceiling = fields.get("ceiling", "").strip()
    return Limit(
        measure,
        amounts.amount("How much?", measure, fields.get("amount", "")),
        _WINDOWS[fields["window"]],
        amounts.amount("At most for one edit", measure, ceiling, least=1) if ceiling else None,
    )


def bonus_of(sent: Sent) -> tuple[int, int | None]:
    """Return the micro-dollars of a bonus and for how many days it is. Raises BadOption."""
    days = sent.fields.get("days", "").strip()
    return (
        amounts.money("How much?", sent.fields.get("amount", ""), least=1),
        amounts.count("For how many days?", days, least=1) if days else None,
    )


def settings_of(sent: Sent) -> dict[str, Any]:
    """Return what a form changes, as the fields of :class:`Server`; the time zone is not checked. Raises BadOption.

    What was left as it was is not among it: another manager may have changed that meanwhile.
    """

    def price(option: str) -> Callable[[str], int | None]:
        return lambda typed: amounts.money(option, typed) if typed else None

    fields: tuple[tuple[str, str, Callable[[str], Any]], ...] = (
        ("zone", "time_zone", str),
        ("ask", "confirm_above", price("Ask members first above")),
        ("approve", "approve_above", price("A manager must approve above")),
        ("stars", "showcase_stars", lambda typed: amounts.count("Stars for the showcase", typed, least=1)),
    )
    opened = (*sent.opened, *[None] * len(fields))
    return {
        field: parse(now)
        for (name, field, parse), before in zip(fields, opened, strict=False)
        # A form that was opened by an earlier version has fewer fields.
        if name in sent.fields and (now := sent.fields[name].strip()) != before
    }
