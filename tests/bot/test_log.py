from __future__ import annotations

import io
import json
import logging
import sqlite3
import sys
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from bot.log import JsonFormatter, TextFormatter, configure, hide_needless_warnings, redactor, secrets_of
from bot.settings import Settings

log = logging.getLogger("tests.log")
PASSWORD = "p%C3%A4ssword-of-the-database"


def make(**values: Any) -> Settings:
    given: dict[str, Any] = {"discord_token": "token-hush", "runware_api_key": "key-hush", "allowed_guilds": "1"}
    return Settings(**{**given, **values})


@pytest.fixture(autouse=True)
def root_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    for name in ("discord", "aiosqlite"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def written(settings: Settings, *calls: tuple[Any, ...], **extra: Any) -> str:
    stream = io.StringIO()
    stop = configure(settings, stream)
    for sentence, *arguments in calls:
        log.info(sentence, *arguments, extra=extra)
    stop()
    return stream.getvalue()


def test_a_line_has_time_level_logger_sentence_and_extras() -> None:
    line = written(make(), ("Job %d is over", 7), job_id=7, task_uuid="x-y")
    assert line.endswith("+00:00 INFO tests.log: Job 7 is over job_id=7 task_uuid='x-y'\n")
    assert line.count("\n") == 1


def test_json_has_one_object_a_line() -> None:
    lines = written(make(log_format="json"), ("Job %d", 7), ('Ä "b"\nc',), job_id=7, where=None).splitlines()
    first, second = map(json.loads, lines)
    assert (first["message"], first["level"], first["logger"], first["job_id"]) == ("Job 7", "INFO", "tests.log", 7)
    assert second["message"] == 'Ä "b"\nc'
    assert second["where"] == "None"


def test_libraries_that_log_what_they_send_are_not_heard_below_info() -> None:
    stop = configure(make(log_level="DEBUG"), io.StringIO())
    stop()
    for name in ("discord.http", "discord.gateway", "aiosqlite"):
        assert not logging.getLogger(name).isEnabledFor(logging.DEBUG)
        assert logging.getLogger(name).isEnabledFor(logging.INFO)
    assert log.isEnabledFor(logging.DEBUG)


def test_a_traceback_has_causes_and_groups_and_no_words_but_of_errors_about_the_program() -> None:
    stream = io.StringIO()
    stop = configure(make(), stream)
    refused = sqlite3.IntegrityError("CHECK constraint failed: cost >= 0")
    try:
        try:
            raise OSError(28, "of Ana")  # noqa: TRY301 - one traceback, with all that it may have
        except OSError as cause:
            group = ExceptionGroup("by Ana", [KeyError("a hat"), AttributeError("no such thing"), refused])
            raise group from cause
    except ExceptionGroup:
        log.exception("broken")
    stop()
    text = stream.getvalue()
    assert text.index("OSError (errno 28)") < text.index("was the direct cause") < text.index("\nExceptionGroup\n")
    assert "  | KeyError\n" in text
    assert "AttributeError: no such thing" in text
    assert "sqlite3.IntegrityError: CHECK constraint failed: cost >= 0" in text
    assert "Ana" not in text.replace('"by Ana"', "").replace('"of Ana"', "")


def test_a_line_break_in_a_message_makes_no_line() -> None:
    assert written(make(), ("a\nb\rc",)).count("\n") == 1


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_secret_is_written(log_format: str) -> None:
    settings = make(
        log_format=log_format,
        webhook_secret='hush-"with-quotes"\\',
        database_url=f"postgresql://me:{PASSWORD}@host/db",
        upload_endpoint="https://hush.example/{taskUUID}?signed=hush-upload",
        s3_access_key_id="hush-who",
        s3_secret_access_key="hush-bucket",
    )
    stream = io.StringIO()
    stop = configure(settings, stream)
    try:
        raise TypeError("key-hush in an exception")  # noqa: TRY301
    except TypeError:
        log.exception("token-hush %s", 'hush-"with-quotes"\\', extra={"url": settings.database_url})
    log.info("put to https://hush.example/%s?signed=hush-upload", uuid4())
    log.info("the bucket knows %s by %s", "hush-who", "hush-bucket")
    log.info("connected with %s and %s", PASSWORD, "pässword-of-the-database")
    stop()
    text = stream.getvalue()
    assert "Traceback" in text
    assert "in an exception" in text
    assert "hush" not in text
    assert "ssword" not in text


@pytest.mark.parametrize("formatter", [TextFormatter, JsonFormatter])
def test_a_delivery_path_is_written_without_its_token(formatter: type[TextFormatter | JsonFormatter]) -> None:
    task = str(uuid4())
    record = log.makeRecord(
        "x", logging.INFO, __file__, 1, "sent %s", (f"https://h/runware/{task}/0123abc?x=y",), None,
        extra={"body": {"webhookURL": f"https://h/runware/{task.upper()}/456def"}},
    )  # fmt: skip
    line = formatter(redactor(())).format(record)
    assert f"/runware/{task}/[secret]" in line
    assert "0123abc" not in line
    assert "456def" not in line


def test_a_short_password_is_hidden_with_its_address_only() -> None:
    secrets = secrets_of(make(database_url="postgresql://bot:bot@host/bot"))
    assert secrets == {"token-hush", "key-hush", "postgresql://bot:bot@host/bot"}


def test_the_level_of_the_settings_is_kept() -> None:
    assert written(make(log_level="WARNING"), ("quiet",)) == ""


def test_a_record_is_written_as_it_was_when_it_was_made() -> None:
    parts = ["early"]
    stream = io.StringIO()
    stop = configure(make(), stream)
    log.info("%s", parts)
    parts.append("late")
    stop()
    assert "early" in stream.getvalue()
    assert "late" not in stream.getvalue()


def test_an_earlier_handler_is_replaced_so_that_no_line_comes_twice() -> None:
    earlier, later = io.StringIO(), io.StringIO()
    stop_earlier = configure(make(), earlier)
    stop_later = configure(make(), later)
    log.info("once")
    stop_later()
    stop_earlier()
    assert "once" not in earlier.getvalue()
    assert later.getvalue().count("once") == 1


def test_stopping_twice_does_nothing_more() -> None:
    stop = configure(make(), io.StringIO())
    stop()
    stop()
    assert not any(handler.__class__.__module__ == "bot.log" for handler in logging.getLogger().handlers)


def test_standard_error_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    stop = configure(make())
    log.info("seen by %s", sys.platform)
    stop()
    assert "seen by" in capsys.readouterr().err


def test_what_the_bot_leaves_out_on_purpose_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    hide_needless_warnings()
    client = logging.getLogger("discord.client")
    client.warning("PyNaCl is not installed, voice will NOT be supported")
    client.warning("davey is not installed, voice will NOT be supported")
    logging.getLogger("discord.state").warning("Guilds intent seems to be disabled. This may cause state issues.")
    client.warning("something else")
    assert caplog.messages == ["something else"]
