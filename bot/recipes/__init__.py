"""Recipes: everything needed to run an edit again, as JSON; written, and read again. Pure.

A recipe is in our own words (version 2; version 1 is read too) or a task in Runware's (:mod:`bot.runware.imports`). It
names pictures, and grants none: whoever runs it attaches them, or can read the results that they are.
"""

from bot.recipes._json import MAX_BYTES, check_size
from bot.recipes._reading import Recipe, Wanted, check, read
from bot.recipes._writing import described, write

__all__ = ["MAX_BYTES", "Recipe", "Wanted", "check", "check_size", "described", "read", "write"]
