#!/usr/bin/env python3
"""Start the bot, its playground or its tests on a machine that has only Python.

    python3 darkroom.py playground      the bot in a browser, without any account
    python3 darkroom.py run             the bot, until it is told to stop
    python3 darkroom.py doctor          tries everything the bot needs, and says what to do about what fails
    python3 darkroom.py migrate         brings the database up to date
    python3 darkroom.py backup FILE     writes a copy of the database, beside a running bot
    python3 darkroom.py pause           stops everything at once, beside a running bot; resume ends that
    python3 darkroom.py status          what is paused, waits, runs, is held and was spent
    python3 darkroom.py reconcile       whether the books balance
    python3 darkroom.py test            the tests, side by side; what follows goes to pytest
    python3 darkroom.py check           lint, format, types and import contracts

It runs on Linux and macOS; on Windows, use WSL.

The first start makes a virtual environment beside this file (or where DARKROOM_VENV says) and installs what the lock
file names; later starts install again only when the lock has changed. Pip's own settings apply.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent
VENV = Path(os.environ.get("DARKROOM_VENV") or ROOT / ".venv").absolute()
BIN = VENV / "bin"
PYTHON = BIN / "python"

CHECKS = (
    ("ruff", "check"),
    ("ruff", "format", "--check"),
    ("basedpyright", "--pythonpath", str(PYTHON)),
    ("lint-imports",),
)


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    lacking = _lacking()
    if lacking:
        return _refuse(lacking)
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(__doc__)
        return 0
    command, *rest = arguments
    lock = ROOT / ("requirements-dev.txt" if command in {"test", "check"} else "requirements.txt")
    if not _install(lock):
        return _refuse("Setting up failed; what pip or venv said stands above. The same command tries again.")
    if command == "check":
        return max(_run(_tool(name), *options, cwd=ROOT) for name, *options in CHECKS)
    if command == "test":
        # Many tests wait for disks, sockets and clocks: one more than there are cores keeps them all busy.
        workers = str((os.cpu_count() or 1) + 1)
        return _become(PYTHON, "-m", "pytest", "-n", workers, *rest, cwd=ROOT)
    return _become(PYTHON, "-m", "bot", *arguments, cwd=Path.cwd())


def _lacking() -> str | None:
    """Say what this machine lacks."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this file is what an older Python is started with
        return f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}."
    return None if os.name == "posix" else "The bot runs on Linux and macOS. On Windows, start it in WSL."


def _install(lock: Path) -> bool:
    """Make the virtual environment hold what ``lock`` names; tell whether it does."""
    stamp = VENV / f"{lock.stem}.installed"
    wanted = hashlib.sha256(sys.version.encode() + lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return True
    if not PYTHON.exists():
        print(f"Setting up {VENV} (once; a minute or two) ...", flush=True)
    elif lock.stem.endswith("-dev"):
        print(f"Adding what the tests need to {VENV} (once; a minute or two) ...", flush=True)
    else:
        print(f"Bringing {VENV} up to date ...", flush=True)
    if _run(sys.executable, "-m", "venv", VENV):
        print("On Debian and Ubuntu, `apt install python3-venv` adds what venv needs.")
        return False
    if _run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", lock):
        return False
    stamp.write_text(wanted)
    return True


def _tool(name: str) -> str:
    """Return the path of a program that the lock installed."""
    return shutil.which(name, path=str(BIN)) or name


def _become(*command: str | Path, cwd: Path) -> NoReturn:
    """Let this process become a program, so that signals reach it."""
    os.chdir(cwd)
    os.execve(command[0], command, _environment())  # noqa: S606 - no shell is wanted


def _run(*command: str | Path, cwd: Path | None = None) -> int:
    """Run a program, wait for it, and return its exit code."""
    process = subprocess.Popen(command, cwd=cwd, env=_environment())
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # Ctrl-C reached the program too; it ends in its own order


def _environment() -> dict[str, str]:
    """Return the environment in which the project is imported from any folder, and knows how it was started."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, "DARKROOM_PROGRAM": f"python3 {sys.argv[0]}"}


def _refuse(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
