"""The log: one line per fact on standard error, as text or JSON, written off the loop, with no secret in it.

Nor is there what people wrote or are called. So a traceback has the text of those errors only that speak of the program:
others may quote a prompt, a row or a name. And libraries that log what they send or store are heard from INFO on.

Modules say ``log = logging.getLogger(__name__)`` and pass what a machine may want to find in ``extra`` (``job_id``,
``task_uuid``); both formats show it.
"""

from __future__ import annotations

import atexit
import copy
import json
import logging
import queue
import re
import sys
import traceback
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener
from typing import Any, Final, TextIO
from urllib.parse import unquote, urlsplit

from bot.runware.errors import RunwareError
from bot.settings import TASK, Settings
from storage.database import DatabaseError

_HIDDEN: Final = "[secret]"
#: A delivery path after its task: what follows is a token, whatever it looks like.
_DELIVERY: Final = re.compile(r"(/runware/[0-9a-fA-F-]{36}/)[^\s\"'<>\\]+")
#: The attributes that every record has; what a record has besides was passed as ``extra``.
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
#: Below INFO, these log the bodies of requests, whole events, and the parameters of statements.
_TALKATIVE: Final = ("discord", "aiosqlite")
#: Errors whose text speaks of the program; SQLite's name tables and columns, and no values.
_ABOUT_CODE: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    DatabaseError,
    ImportError,
    NameError,
    NotImplementedError,
    RunwareError,
    TypeError,
)
_ABOUT_CODE_MODULE: Final = "sqlite3"
#: What errors say in numbers, beside their text: Discord's answer, a system call's failure, PostgreSQL's refusal.
_NUMBERS: Final = ("status", "code", "errno", "sqlstate")
#: PostgreSQL's codes are so long.
_SQLSTATE: Final = 5
#: A shorter password is a common word, and hiding that word everywhere would hide the log.
_SHORTEST_PASSWORD: Final = 8


def hide_needless_warnings() -> None:
    """Keep discord.py from warning, at each start, of what this bot leaves out on purpose: voice, and guilds offline."""
    for name in ("discord.client", "discord.state"):
        logging.getLogger(name).addFilter(_is_needed)


def _is_needed(record: logging.LogRecord) -> bool:
    sentence = record.getMessage()
    return not sentence.endswith("voice will NOT be supported") and not sentence.startswith("Guilds intent seems to be")


def configure(settings: Settings, stream: TextIO | None = None) -> Callable[[], None]:
    """Send every record to ``stream`` (standard error by default) through a queue, so that no log call blocks the loop.

    Returns a function that writes what is still queued and stops the writer; it also runs when the program exits.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    redact = redactor(secrets_of(settings))
    handler.setFormatter(JsonFormatter(redact) if settings.log_format == "json" else TextFormatter(redact))
    records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    entrance = _Entrance(records)
    root.addHandler(entrance)
    root.setLevel(settings.log_level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.INFO, root.level))
    listener = QueueListener(records, handler)
    listener.start()

    def stop() -> None:
        atexit.unregister(stop)
        if entrance in root.handlers:
            root.removeHandler(entrance)
            listener.stop()

    atexit.register(stop)
    return stop


def secrets_of(settings: Settings) -> frozenset[str]:
    """Return the values that must not be read in a log."""
    keys = (
        settings.discord_token,
        settings.runware_api_key,
        settings.webhook_secret,
        settings.s3_secret_access_key,
    )
    upload = settings.upload_endpoint
    # Filled in it is another text for each task; what stands around the task is the same.
    around = upload.get_secret_value().split(TASK) if upload else []
    password = urlsplit(settings.database_url).password or ""
    named = (password, unquote(password), settings.s3_access_key_id or "")
    passwords = {text for text in named if len(text) >= _SHORTEST_PASSWORD}
    whole = {settings.database_url} if password else set[str]()
    addresses = {text for text in around if len(text) >= _SHORTEST_PASSWORD}
    return frozenset({key.get_secret_value() for key in keys if key} | passwords | whole | addresses)


def redactor(secrets: Iterable[str]) -> Callable[[str], str]:
    """Return a function that hides ``secrets`` and the tokens of delivery paths in a text."""
    known = sorted(filter(None, secrets), key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, known))) if known else None

    def redact(text: str) -> str:
        text = _DELIVERY.sub(rf"\1{_HIDDEN}", text)
        return pattern.sub(_HIDDEN, text) if pattern else text

    return redact


class TextFormatter(logging.Formatter):
    """One line for people: time, level, logger, sentence, extras; a traceback follows on lines of its own."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text. A line break in a message cannot pose as another line of the log."""
        sentence = record.getMessage().replace("\r", "\\r").replace("\n", "\\n")
        extras = "".join(f" {name}={value!r}" for name, value in _extras(record).items())
        line = f"{_time(record)} {record.levelname} {record.name}: {sentence}{extras}"
        return self._redact("\n".join(filter(None, (line, record.exc_text))))


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for machines."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON; secrets are hidden before JSON could write them in another way."""
        fields: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **({"traceback": record.exc_text} if record.exc_text else {}),
            **_extras(record),
        }
        plain = {name: value if isinstance(value, int | float) else str(value) for name, value in fields.items()}
        hidden = {name: self._redact(value) if isinstance(value, str) else value for name, value in plain.items()}
        return json.dumps(hidden, ensure_ascii=False)


class _Entrance(QueueHandler):
    """Puts records on the queue, with everything already text that might change before it is written."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        record = copy.copy(record)
        record.msg, record.args = record.getMessage(), None
        if record.exc_info and not record.exc_text:
            record.exc_text = _traced(record.exc_info[1])
        record.exc_info = None
        return record


def _traced(error: BaseException | None) -> str:
    """Return a traceback, with what caused the error before it, as Python prints it but for most errors' text."""
    if error is None:
        return ""
    seen, links = set[int](), list[str]()
    before, joint = error, ""
    while before is not None and id(before) not in seen:
        seen.add(id(before))
        links.append(_link(before) + joint)
        cause = before.__cause__
        joint = (
            "\n\nDuring handling of the above exception, another exception occurred:\n\n"
            if cause is None
            else "\n\nThe above exception was the direct cause of the following exception:\n\n"
        )
        before = before.__context__ if cause is None and not before.__suppress_context__ else cause
    return "".join(reversed(links))


def _link(error: BaseException) -> str:
    frames = "".join(traceback.format_tb(error.__traceback__))
    text = f"Traceback (most recent call last):\n{frames}{_named(error)}"
    if isinstance(error, BaseExceptionGroup):
        within = [_traced(one) for one in error.exceptions]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType, reportUnknownMemberType]
        text += "".join("\n  | " + one.replace("\n", "\n  | ") for one in within)
    return text


def _named(error: BaseException) -> str:
    """Return the last line of a traceback: which error it was, and its text only where that speaks of the program."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    if isinstance(error, _ABOUT_CODE) or kind.__module__ == _ABOUT_CODE_MODULE:
        return f"{name}: {error}"
    numbers = {attribute: getattr(error, attribute, None) for attribute in _NUMBERS}
    said = [f"{attribute} {value}" for attribute, value in numbers.items() if _is_number(value)]
    return f"{name} ({', '.join(said)})" if said else name


def _is_number(value: object) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and len(value) == _SQLSTATE and value.isalnum())


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
