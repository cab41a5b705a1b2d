"""A session's edits as one picture: records and thumbnails go in, bytes come out. Pure.

``_pages`` cuts a session into pages, ``_grid`` finds every node of a page its cell and its line, ``_sheet`` says where
these are in pixels, and ``_drawing`` paints them.
"""

from bot.trees._drawing import draw
from bot.trees._nodes import Node, Shown
from bot.trees._pages import PAGE, Page, Tree, lay_out
from bot.trees._sheet import THUMBNAIL

__all__ = ["PAGE", "THUMBNAIL", "Node", "Page", "Shown", "Tree", "draw", "lay_out"]
