"""What people read of a server's own rules and of LoRAs. Pure: records in, a fresh view out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import discord
from discord import ui

from bot import options
from bot.house import said, said_bound
from bot.loras import FoundLora
from cogs import _words as words
from cogs._components import Handed
from cogs._layout import BLUE, GREY, card, row, text
from storage.records import NOTHING, House

#: The most characters of a list that stands alone, and of one among others, so that all of a card fits into Discord's bound.
_LIST: Final = 2400
_SECTION: Final = 900
_VALUE: Final = 80
_NAME: Final = 60
_DESCRIPTION: Final = 160
_TRIGGERS: Final = 100
_NONE_LET_IN: Final = (
    "None is let in yet. `/lora search` finds some, and those who manage the budget let them in with `/lora allow`."
)
#: Discord's bounds for a menu: its options, and their labels and values.
_OPTIONS: Final = 25
_LABEL: Final = 100


class AllowMenu(Handed[ui.Select[Any]], template="lora-allow"):
    """Asks which LoRA to let in."""

    event = "lora"
    name: ClassVar[str] = "lora-allow"

    def __init__(self, found: Sequence[FoundLora] = ()) -> None:
        offered = [
            discord.SelectOption(
                label=words.cut(words.one_line(lora.name), _LABEL) or lora.air, value=lora.air, description=lora.air
            )
            for lora in found
        ]
        super().__init__(
            ui.Select(custom_id=self.name, placeholder="Let one in…", options=offered or discord.utils.MISSING)
        )

    @property
    def chosen(self) -> str:
        """The AIR of the chosen LoRA."""
        return self.item.values[0]


#: Every class to register with the bot.
HOUSE_ITEMS: Final[tuple[type[ui.DynamicItem[Any]], ...]] = (AllowMenu,)


def rules(house: House, channels: Mapping[int, bool], *, hidden: int = 0, note: str = "") -> ui.LayoutView:
    """Return a server's own rules.

    Args:
        house: the rules.
        channels: the channels in which Runware's check is switched off, as far as the reader sees them, and whether
            Discord asks for age there now.
        hidden: how many more such channels there are.
        note: what has just changed.
    """
    defaults = [f"- `{name}`: {_value(said(house.defaults[name]))}" for name in options.NAMES if name in house.defaults]
    bounds = [f"- `{name}`: {said_bound(name, house.bounds[name])}" for name in options.NAMES if name in house.bounds]
    unchecked = [f"- {_channel(channel_id, restricted=restricted)}" for channel_id, restricted in channels.items()]
    if hidden:
        unchecked.append(f"- {words.counted(hidden, 'channel')} that you cannot see")
    sections = (
        ("**Where an option is left out, a new edit takes**", defaults),
        ("**How far numbers go here**", bounds),
        ("**Where Runware's content check is off**", unchecked),
    )
    said_of = [text(head, *words.fitting(lines, _SECTION)) for head, lines in sections if lines]
    nothing = text(
        "Nothing is set. What you leave out is left to the model, numbers go as far as the model's, and Runware's "
        "content check is on everywhere."
    )
    return card(
        text("### This server's rules for edits", *([note] if note else [])),
        *(said_of or [nothing]),
        *([] if unchecked or not said_of else [text("-# Runware's content check is on everywhere.")]),
        text(
            f"**LoRAs**\n{_let_in(house)}",
            "-# Those who manage the budget change this: `/options default`, `bound` and `safety`, `/lora allow` and "
            "`forbid`.",
        ),
        colour=BLUE,
    )


def found(query: str, loras: Sequence[FoundLora], house: House, *, manages: bool) -> ui.LayoutView:
    """Return what a search has found; those who manage can let one in from a menu."""
    named = f"“{words.plain(words.cut(words.one_line(query), _NAME))}”"
    if not loras:
        return card(
            text(f"### No LoRA for {named}", "Runware knows none for this model that fits. Try a single word."),
            colour=GREY,
        )
    lines = [_found(lora, allowed=lora.air in house.loras) for lora in loras]
    offered = [lora for lora in loras if lora.air not in house.loras and len(lora.air) <= _LABEL][:_OPTIONS]
    only = "" if any(lora.air in house.loras for lora in loras) else "None of them is let in here yet. "
    return card(
        text(f"### LoRAs for {named}", *words.fitting(lines, _LIST)),
        text(f"-# {only}Those who manage the budget let one in with `/lora allow`."),
        *([row(AllowMenu(offered))] if manages and offered else []),
        colour=BLUE,
    )


def allowed(house: House, *, note: str = "") -> ui.LayoutView:
    """Return the LoRAs that a server lets in, and how to use them."""
    head = ["### LoRAs of this server", *([note] if note else [])]
    if not house.loras:
        return card(text(*head, _NONE_LET_IN), colour=GREY)
    lines = [f"- {_name(name)} · {_air(air)}" for air, name in house.loras.items()]
    example = min(house.loras, key=len)
    how = (
        f"-# In an edit: `/edit loras:{example} 0.8`. The weight goes from -4 to 4 and is 1 if you leave it out; "
        "several are separated by commas."
    )
    return card(text(*head, *words.fitting(lines, _LIST)), text(how), colour=BLUE)


def let_in(name: str, air: str, *, fresh: bool, certain: bool) -> str:
    """Return what is said of a LoRA that was let in. ``certain``: Runware says what it fits."""
    done = f"✅ {_name(name)} ({_air(air)}) is let in." if fresh else f"{_name(name)} ({_air(air)}) was let in already."
    unsure = " Runware does not say which models it fits, so an edit with it may be refused."
    return done if certain else f"{done}{unsure}"


def forbidden(name: str, air: str) -> str:
    """Return what is said of a LoRA that is not let in any more."""
    return f"✅ {_name(name)} ({_air(air)}) is not let in any more. Edits asked for before go on."


def default_set(name: str, value: object) -> str:
    """Return what is said of a default; ``None`` is one that was taken away."""
    if value is None:
        return f"✅ `{name}` has no default here any more."
    aside = ""
    if isinstance(options.BY_NAME.get(name), options.Text | options.Scheduler | options.Loras):
        aside = f" Whoever says `{NOTHING}` for it leaves it to the model."
    return f"✅ Where `{name}` is left out, a new edit takes {_value(said(value))}.{aside}"


def _value(value: str) -> str:
    return words.plain(words.cut(words.one_line(value), _VALUE))


def _name(name: str) -> str:
    return f"**{words.plain(words.cut(words.one_line(name), _NAME))}**"


def _air(air: str) -> str:
    return words.plain(air) if "`" in air else f"`{air}`"


def _found(lora: FoundLora, *, allowed: bool) -> str:
    about = [words.plain(words.cut(words.one_line(lora.description), _DESCRIPTION))]
    if lora.triggers:
        about.append(f"trigger words: {words.plain(words.cut(words.one_line(lora.triggers), _TRIGGERS))}")
    facts = " · ".join(part for part in about if part)
    head = f"{_name(lora.name)} · {_air(lora.air)}{' · ✅ let in here' if allowed else ''}"
    return f"{head}\n-# {facts}" if facts else head


def _let_in(house: House) -> str:
    if not house.loras:
        return "None is let in yet: `/lora search` finds some."
    verb = "is" if len(house.loras) == 1 else "are"
    return f"{words.counted(len(house.loras), 'LoRA')} {verb} let in: `/lora list` shows them."


def _channel(channel_id: int, *, restricted: bool) -> str:
    back_on = "" if restricted else ": Discord asks for no age there now, so it is on all the same"
    return f"<#{channel_id}>{back_on}"
