"""The use cases behind a server's own rules for edits: what it fills in, what it bounds, and what it lets in.

Every change is written into the audit log in the unit that makes it, and is tried first on an edit of nothing but the
server's own defaults: what would keep everybody from editing is refused to the one who manages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, cast

from bot import options
from bot.errors import BadOption, NotFound
from bot.options import Counted, Plain
from storage import accounts, audit, house
from storage.database import Database, Tx
from storage.records import Asker, Bound, House, Reference, Scope, says_nothing

#: So many LoRAs are enough for a server: each edit looks at all of them.
MAX_ALLOWED: Final = 100
#: The options that take no default, and why.
_NO_DEFAULT: Final[Mapping[str, str]] = {
    "prompt": "it is what each edit is about",
    "seed": "with one, the same edit would make the same picture again for everybody",
}
#: The options of which a server may say what stands for them when they are left out, and those it may bound.
DEFAULTED: Final = tuple(name for name in options.NAMES if name not in _NO_DEFAULT)
BOUNDED: Final = (
    *(name for name, parameter in options.BY_NAME.items() if isinstance(parameter, Counted)),
    options.SIZE,
)
#: No bound that anybody needs is larger; the model has none for some options.
_MOST_BOUND: Final = 1_000_000
#: So many characters of a value are written into the log.
_LOGGED: Final = 200
_RESULTS: Final = "results"
#: What Runware takes in every edit that leaves it out, so that a bound has to let it through.
_TAKEN_ANYWAY: Final = {"quality": options.BY_NAME["quality"].otherwise}
#: A picture for an edit that is only tried.
_TRIAL: Final = Reference(sha256="", width=1024, height=1024, label="")
_SEE: Final = "`/options show` lists what is set."


class Houses:
    """Servers' own rules. Who may change them is decided above."""

    def __init__(self, database: Database, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock

    async def of(self, guild_id: int) -> House:
        """Return a server's own rules."""
        return await self._database.read(house.get, guild_id)

    async def set_default(self, manager: Asker, name: str, given: object) -> House:
        """Set what stands for an option that is left out; nothing given leaves it to the model again.

        Raises:
            BadOption: there is no such option, it takes no default or not this one, or the server's own bounds, LoRAs
                or other defaults do not go with it.
        """
        return await self._database.run(_set_default, manager, name, read_default(name, given), self._clock())

    async def set_bound(self, manager: Asker, name: str, least: object, most: object) -> House:
        """Set what a number may be at least and at most; nothing given leaves it to the model again.

        Raises:
            BadOption: there is no such number, the bound is none, or the default of the option is outside.
        """
        return await self._database.run(_set_bound, manager, name, read_bound(name, least, most), self._clock())

    async def set_checked(self, manager: Asker, channel_id: int, *, checked: bool) -> None:
        """Set whether Runware checks what is made in a channel. Whether Discord asks for age there is decided above."""
        await self._database.run(_set_checked, manager, channel_id, self._clock(), checked=checked)

    async def allow(self, manager: Asker, air: str, name: str) -> bool:
        """Let a LoRA in, under the name people know it by; returns whether it was not before.

        Raises:
            BadOption: there are enough already.
        """
        return await self._database.run(_allow, manager, air, " ".join(name.split()), self._clock())

    async def forbid(self, manager: Asker, air: str) -> str:
        """Let a LoRA in no longer; returns its name.

        Raises:
            NotFound: it is not let in.
            BadOption: the server's default uses it.
        """
        return await self._database.run(_forbid, manager, air.strip(), self._clock())


def read_default(name: str, given: object) -> Plain | None:
    """Return a default as it is stored; ``None`` for nothing given, in words too, and for the size that is taken anyway.

    Raises:
        BadOption: there is no such option, it takes no default, or not this one.
    """
    if name in _NO_DEFAULT:
        raise BadOption(name, f"`{name}` takes no default: {_NO_DEFAULT[name]}.")
    if says_nothing(given):
        given = None
    if name == options.SIZE:
        typed = "" if given is None else str(given).strip()
        if not typed or typed.casefold().startswith("match"):
            return None
        width, height = options.parse_size(typed, (1, 1))
        return f"{width}x{height}"
    parameter = options.parameter_named(name)
    value = parameter.read(given)
    return None if value is None else parameter.plain(value)


def read_bound(name: str, least: object, most: object) -> Bound:
    """Return a bound as it is stored; an empty one for nothing given. Raises BadOption as :meth:`Houses.set_bound`."""
    if name in _NO_DEFAULT:
        raise BadOption(name, f"`{name}` takes no bounds.")
    if name in BOUNDED and options.is_empty(least) and options.is_empty(most):
        return Bound()
    bound = options.read_bound(name, least, most)
    if name == _RESULTS and (bound.least or 0) > 1:
        raise BadOption(
            name, f"`{name}` takes only a most: an edit of a result, a recipe and a cell of a sweep make one."
        )
    for end in (bound.least, bound.most):
        if end is not None and abs(end) > _MOST_BOUND:
            raise BadOption(name, f"`{name}` takes bounds up to {_MOST_BOUND:,}, and {options.figure(end)} was given.")
        if end is not None and round(end, 2) != end:
            raise BadOption(name, f"`{name}` takes bounds in steps of 0.01, and {options.figure(end)} was given.")
    return bound


def said(value: object) -> str:
    """Return a stored default as people type it; it may hold what they wrote freely."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):  # of LoRAs
        loras = cast("list[dict[str, object]]", value)
        return ", ".join(" ".join(str(part) for part in lora.values()) for lora in loras)
    return options.figure(value) if isinstance(value, float) else str(value)


def said_bound(name: str, bound: Bound) -> str:
    """Return the bound of an option in words; empty for none."""
    least, most = (None if end is None else options.figure(end) for end in (bound.least, bound.most))
    if least is None:
        a_side = " a side" if name == options.SIZE else ""
        return "" if most is None else f"at most {most}{a_side}"
    return f"at least {least}" if most is None else f"{least} to {most}"


# units of work ---------------------------------------------------------------------------------------------


async def _set_default(tx: Tx, manager: Asker, name: str, value: Plain | None, now: int) -> House:
    before = await _locked(tx, manager, now)
    others = {other: kept for other, kept in before.defaults.items() if other != name}
    after = replace(before, defaults=others if value is None else {**others, name: value})
    for fault in _new_faults(before, after):
        if fault.option != name:
            raise BadOption(fault.option, f"That does not go with the other defaults here: {fault} {_SEE}")
        if value is None:
            raise BadOption(
                name,
                f"Without a default, `{name}` does not fit what is set here: {fault} Change the bound first, with "
                "`/options bound`.",
            )
        raise BadOption(name, f"{fault} {_SEE}")
    await house.put_default(tx, manager.guild_id, name, value)
    was, will_be = (
        "" if kept is None else said(kept) for kept in (before.defaults.get(name), after.defaults.get(name))
    )
    await _log(tx, manager, f"default of `{name}`", was, will_be, now)
    return after


async def _set_bound(tx: Tx, manager: Asker, name: str, bound: Bound, now: int) -> House:
    before = await _locked(tx, manager, now)
    others = {other: kept for other, kept in before.bounds.items() if other != name}
    after = replace(before, bounds=others if bound == Bound() else {**others, name: bound})
    for fault in _new_faults(before, after):
        default = before.defaults.get(name)
        whose = "where nobody says otherwise" if default is None else "by default here"
        stands = options.BY_NAME[name].otherwise if default is None else said(default)
        raise BadOption(
            fault.option,
            f"`{name}` is {stands} {whose}, and a bound of {said_bound(name, bound)} leaves that out: no edit could do "
            "without naming it. Set another default first, with `/options default`.",
        )
    await house.put_bound(tx, manager.guild_id, name, bound)
    was, will_be = (said_bound(name, kept.get(name, Bound())) for kept in (before.bounds, after.bounds))
    await _log(tx, manager, f"bound of `{name}`", was, will_be, now)
    return after


async def _set_checked(tx: Tx, manager: Asker, channel_id: int, now: int, *, checked: bool) -> None:
    before = await _locked(tx, manager, now)
    await house.put_checked(tx, manager.guild_id, channel_id, checked=checked)
    was, will_be = ("on" if kept else "off" for kept in (channel_id not in before.unchecked, checked))
    await _log(tx, manager, f"content check in <#{channel_id}>", was, will_be, now)


async def _allow(tx: Tx, manager: Asker, air: str, name: str, now: int) -> bool:
    before = await _locked(tx, manager, now)
    if air not in before.loras and len(before.loras) >= MAX_ALLOWED:
        raise BadOption(
            "air", f"This server lets in {MAX_ALLOWED} LoRAs already: forbid one first, with `/lora forbid`."
        )
    await house.allow_lora(tx, manager.guild_id, air, name)
    if air in before.loras:
        return False
    await _log(tx, manager, "LoRA", "", f"{name} ({air})", now)
    return True


async def _forbid(tx: Tx, manager: Asker, air: str, now: int) -> str:
    before = await _locked(tx, manager, now)
    if air not in before.loras:
        raise NotFound("That LoRA is not let in here. `/lora list` shows those that are.")
    for fault in _new_faults(before, replace(before, loras={known: "" for known in before.loras if known != air})):
        raise BadOption(
            fault.option,
            "This server's default for `loras` uses it, so every edit that leaves `loras` out would be refused: change "
            "that first, with `/options default`.",
        )
    await house.forbid_lora(tx, manager.guild_id, air)
    await _log(tx, manager, "LoRA", f"{before.loras[air]} ({air})", "", now)
    return before.loras[air]


async def _locked(tx: Tx, manager: Asker, now: int) -> House:
    """Return the rules of a server; of two managers who change them at once, the second sees what the first has set."""
    await accounts.lock(tx, await accounts.ensure(tx, Scope.SERVER, now, manager.guild_id))
    return await house.get(tx, manager.guild_id)


def _new_faults(before: House, after: House) -> list[BadOption]:
    """Return what a change would break; what was broken before keeps nobody from mending something else."""
    known = {str(fault) for fault in _faults(before)}
    return [fault for fault in _faults(after) if str(fault) not in known]


def _faults(rules: House) -> tuple[BadOption, ...]:
    """Return everything that would refuse an edit of which nothing but the prompt was said."""
    values = {**_TAKEN_ANYWAY, **rules.filled({"prompt": "a trial"})}
    return options.examine(values, [_TRIAL], house=rules, draw=lambda: 0).faults


async def _log(tx: Tx, manager: Asker, subject: str, before: str, after: str, now: int) -> None:
    """Write a change into the server's log, if it is one."""
    before, after = (" ".join(text.split())[:_LOGGED] for text in (before, after))
    if before != after:
        by = await accounts.ensure(tx, Scope.MEMBER, now, manager.guild_id, manager.user_id)
        await audit.record(tx, manager.guild_id, by, subject, before=before, after=after, now=now)
