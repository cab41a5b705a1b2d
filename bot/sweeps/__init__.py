"""Sweeps: one request over one or two axes, asked for with one yes, and shown as one contact sheet.

``_axes`` reads what people type, ``_plans`` makes requests of it, ``_cases`` are the use cases over
:mod:`storage.sweeps`, ``_views`` is what people see of them, and ``_sheets`` has the contact sheet drawn by
:mod:`bot.contact_sheet`.
"""

from bot.sweeps._axes import MOST_CELLS, Along, count, heading, read_axes, said
from bot.sweeps._cases import Sweeps
from bot.sweeps._plans import Plan, label, plan, read_loras, request_of, values_at
from bot.sweeps._sheets import draw_sheet, sheet_of
from bot.sweeps._views import CellView, Note, SweepView

__all__ = [
    "MOST_CELLS",
    "Along",
    "CellView",
    "Note",
    "Plan",
    "SweepView",
    "Sweeps",
    "count",
    "draw_sheet",
    "heading",
    "label",
    "plan",
    "read_axes",
    "read_loras",
    "request_of",
    "said",
    "sheet_of",
    "values_at",
]
