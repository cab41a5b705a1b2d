"""``python -m playground.runware``: the local Runware as a program of its own."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from typing import Final

from playground.runware.faults import Faults
from playground.runware.service import LocalRunware

_WORK_SECONDS: Final = (0.5, 1.5)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m playground.runware",
        description="A local stand-in of Runware's API.",
        epilog="\n".join(
            ["faults, and the values of each, the usual one first:", *map("  {}".format, Faults.describe())]
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=8099, help="port to listen on, 0 for a free one (default: %(default)s)"
    )
    parser.add_argument("--key", help="the only API key that is accepted (default: any that is not empty)")
    parser.add_argument(
        "--work",
        type=float,
        nargs=2,
        default=_WORK_SECONDS,
        metavar=("MIN", "MAX"),
        help=f"seconds that a picture takes (default: {' '.join(map(str, _WORK_SECONDS))})",
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="something that goes wrong, such as delivery=twice; can be given several times",
    )
    return parser


async def _serve(options: argparse.Namespace, faults: Faults) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    work: tuple[float, float] = tuple(options.work)
    async with LocalRunware(
        host=options.host, port=options.port, key=options.key, work_seconds=work, faults=faults
    ) as runware:
        print(f"Local Runware at {runware.url} (Ctrl-C ends it)", flush=True)
        await stop.wait()


def main() -> int:
    """Serve until SIGINT or SIGTERM; return 2 when the address cannot be listened on."""
    parser = _arguments()
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    faults = Faults()
    try:
        faults.read(options.fault)
    except ValueError as error:
        parser.error(str(error))
    try:
        asyncio.run(_serve(options, faults))
    except (OSError, OverflowError) as error:
        print(
            f"{options.host}:{options.port} cannot be listened on ({_reason(error)}): "
            "choose another port with --port, or 0 for a free one.",
            file=sys.stderr,
        )
        return 2
    return 0


def _reason(error: OSError | OverflowError) -> str:
    if isinstance(error, OverflowError):
        return "there is no such port"
    # asyncio puts a sentence of its own, with the address again, in place of the system's.
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)


if __name__ == "__main__":
    sys.exit(main())
