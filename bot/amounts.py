"""Amounts and limits as people type them, read into whole numbers or refused in a sentence. Rules without I/O."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from bot.errors import BadOption
from storage.records import MICROS_PER_DOLLAR, Allowance, Measure, Scope
from storage.windows import Span, Window

#: Nobody means more; a slip of the finger may.
_MOST_DOLLARS: Final = 100_000
_MOST_COUNT: Final = 1_000_000
_DOLLARS: Final = re.compile(
    r"\$? *(?P<amount>\d{1,12}(?:[.,]\d{1,12})?) *(?:usd|\$|dollars?)?", re.IGNORECASE | re.ASCII
)
#: With a comma before three digits, some mean thousands and some thousandths.
_THOUSANDS: Final = re.compile(r"\d{1,3},\d{3}", re.ASCII)
_COUNT: Final = re.compile(r"(?P<amount>\d{1,12}) *(?:edits?|pictures?)?", re.IGNORECASE | re.ASCII)
_LIMIT: Final = re.compile(
    r"(?P<amount>\S+) +(?P<measure>usd|edits|pictures) +(?:per|a|an) +(?P<rolling>rolling +)?"
    r"(?P<span>hour|day|week|month)",
    re.IGNORECASE | re.ASCII,
)


def money(option: str, text: str, *, least: int = 0) -> int:
    """Return an amount of money in micro-dollars: ``0.50``, ``$2``, ``1,25``.

    Raises:
        BadOption: it is no amount, negative, finer than a micro-dollar, below ``least`` or absurdly high.
    """
    found = _DOLLARS.fullmatch(text.strip())
    if found is None:
        raise BadOption(option, f"`{option}` should be an amount in dollars such as `0.50`, not “{_shown(text)}”.")
    if _THOUSANDS.fullmatch(found["amount"]):
        raise BadOption(
            option, f"`{option}` could be meant as two amounts in “{_shown(text)}”: write `1000` or `1.00`."
        )
    micros = Decimal(found["amount"].replace(",", ".")) * MICROS_PER_DOLLAR
    if micros != micros.to_integral_value():
        raise BadOption(option, f"`{option}` has too many decimals in “{_shown(text)}”: six are the most.")
    if micros > _MOST_DOLLARS * MICROS_PER_DOLLAR:
        raise BadOption(option, f"`{option}` is “{_shown(text)}”, and ${_MOST_DOLLARS:,} is the most it can be.")
    if micros < least:
        bound = "more than 0" if least == 1 else f"at least ${least / MICROS_PER_DOLLAR:.2f}"
        raise BadOption(option, f"`{option}` has to be {bound}; it is “{_shown(text)}”.")
    return int(micros)


def count(option: str, text: str, *, least: int = 0) -> int:
    """Return a number of edits or pictures.

    Raises:
        BadOption: it is no whole number, negative, below ``least`` or absurdly high.
    """
    found = _COUNT.fullmatch(text.strip())
    if found is None:
        raise BadOption(option, f"`{option}` should be a whole number such as `20`, not “{_shown(text)}”.")
    number = int(found["amount"])
    if number > _MOST_COUNT:
        raise BadOption(option, f"`{option}` is “{_shown(text)}”, and {_MOST_COUNT:,} is the most it can be.")
    if number < least:
        raise BadOption(option, f"`{option}` has to be more than 0; it is “{_shown(text)}”.")
    return number


def amount(option: str, measure: Measure, text: str, *, least: int = 0) -> int:
    """Return an amount in a measure: micro-dollars, edits or pictures. Raises BadOption."""
    return money(option, text, least=least) if measure is Measure.MONEY else count(option, text, least=least)


def limit(text: str, scope: Scope) -> Allowance:
    """Return a limit as operators write it: ``100 usd per month``, ``400 pictures per rolling day``.

    Raises:
        ValueError: it is not of that form; the message is the predicate of a sentence.
    """
    found = _LIMIT.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"has “{_shown(text)}” in it, which is no limit")
    measure = Measure.MONEY if found["measure"].lower() == "usd" else Measure(found["measure"].lower())
    try:
        number = amount("it", measure, found["amount"])
    except BadOption as error:
        raise ValueError(f"has an amount in it that cannot be: {error}") from error
    return Allowance(scope, measure, number, Window(Span(found["span"].lower()), rolling=found["rolling"] is not None))


def _shown(text: str) -> str:
    """Return what was typed, short, and without what Discord would read as markup or could not show."""
    plain = "".join(char for char in text if char.isprintable() and char not in "`*_~|<>@#[]\\")
    return plain if len(plain) <= 40 else f"{plain[:39]}…"  # noqa: PLR2004 - enough to recognize it
