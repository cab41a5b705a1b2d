"""``python -m playground.discord HOST:PORT COMMAND ...``: the bot's command line, with a stand-in as its Discord."""

from __future__ import annotations

import sys

from bot.__main__ import main
from playground.discord.service import pointed_at

if __name__ == "__main__":
    with pointed_at(sys.argv[1]):
        sys.exit(main(sys.argv[2:]))
