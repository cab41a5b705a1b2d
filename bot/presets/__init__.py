"""Presets: named sets of options, perhaps with a prompt whose blanks are asked for when one is used."""

from bot.presets._blanks import MAX_BLANK, MAX_BLANKS, blanks, fill, literal
from bot.presets._pairs import pair_choices, read_pairs
from bot.presets._presets import (
    LONGEST_NAME,
    MOST_OWN,
    MOST_SHARED,
    Preset,
    Presets,
    Saved,
    Whose,
    checked_name,
    fold,
    made_with,
    read_values,
    together,
    without_matched_size,
)
from bot.presets._shipped import SHIPPED, Example, Shipped

__all__ = [
    "LONGEST_NAME",
    "MAX_BLANK",
    "MAX_BLANKS",
    "MOST_OWN",
    "MOST_SHARED",
    "SHIPPED",
    "Example",
    "Preset",
    "Presets",
    "Saved",
    "Shipped",
    "Whose",
    "blanks",
    "checked_name",
    "fill",
    "fold",
    "literal",
    "made_with",
    "pair_choices",
    "read_pairs",
    "read_values",
    "together",
    "without_matched_size",
]
