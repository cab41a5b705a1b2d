"""``python -m playground.runware``: the local Runware as a program of its own."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal

from playground.runware.faults import Faults
from playground.runware.service import LocalRunware


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m playground.runware", description="A local stand-in of Runware's API."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=8000, help="port to listen on, 0 for a free one (default: %(default)s)"
    )
    parser.add_argument("--key", help="the only API key that is accepted (default: any that is not empty)")
    parser.add_argument(
        "--work", type=float, nargs=2, default=(0.5, 1.5), metavar=("MIN", "MAX"), help="seconds that a picture takes"
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a field of the fault plan, such as delivery=twice",
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


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = _arguments()
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    faults = Faults()
    try:
        faults.read(options.fault)
    except ValueError as error:
        parser.error(str(error))
    asyncio.run(_serve(options, faults))


if __name__ == "__main__":
    main()
