from __future__ import annotations

import os
import re
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from bot.settings import Settings, SettingsError, is_loopback
from storage.records import Measure, Scope
from storage.windows import Span, Window

ROOT = Path(__file__).parents[2]
GIVEN: dict[str, Any] = {"discord_token": "a.b.c", "runware_api_key": "key-of-runware", "allowed_guilds": "1, 22,333"}


@pytest.fixture(autouse=True)
def bare_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.lower() in Settings.model_fields:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def make(**values: Any) -> Settings:
    return Settings(**{**GIVEN, **values})


def write(tmp_path: Path, **values: str) -> Path:
    file = tmp_path / "some.env"
    file.write_text("".join(f"{name.upper()}={value}\n" for name, value in {**GIVEN, **values}.items()))
    return file


def faults(file: Path) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        Settings.load(file)
    return str(caught.value).splitlines()[1:]


def amounts_of(settings: Settings) -> list[int]:
    """The operator's limits on a member, a server and the bot, in micro-dollars."""
    terms = settings.terms
    return [allowance.amount for allowance in (*terms.member, *terms.server, *terms.bot)]


def test_what_a_person_must_write_is_enough() -> None:
    settings = make()
    assert settings.allowed_guilds == {1, 22, 333}
    assert settings.poll_only
    assert amounts_of(settings) == [500_000, 5_000_000, 10_000_000]


def test_the_example_file_lists_every_field_and_states_its_default(tmp_path: Path) -> None:
    text = (ROOT / ".env.example").read_text()
    names = re.findall(r"^([A-Z0-9_]+)=", text, re.MULTILINE)
    assert sorted(names) == sorted(field.upper() for field in Settings.model_fields)
    file = tmp_path / "filled.env"
    file.write_text(text + "".join(f"{name.upper()}={value}\n" for name, value in GIVEN.items()))
    assert Settings.load(file).model_dump() == make().model_dump()


def test_every_name_in_the_example_file_stands_under_a_comment() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    for above, line in pairwise(lines):
        assert not re.match(r"[A-Z0-9_]+=", line) or above


def test_the_untouched_example_file_asks_for_exactly_what_is_needed() -> None:
    missing = faults(ROOT / ".env.example")
    assert [line.split()[0] for line in missing] == ["DISCORD_TOKEN", "RUNWARE_API_KEY", "ALLOWED_GUILDS"]
    assert all("is missing. Write " in line for line in missing)


def test_every_field_says_what_to_write() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_IN_FLIGHT", "9")
    assert Settings.load(write(tmp_path, max_in_flight="7", picture_days="3")).max_in_flight == 9
    assert Settings.load(write(tmp_path, max_in_flight="7", picture_days="3")).picture_days == 3


def test_a_file_need_not_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GIVEN.items():
        monkeypatch.setenv(name.upper(), value)
    assert Settings.load(tmp_path / "none.env").allowed_guilds == {1, 22, 333}
    assert Settings.load().allowed_guilds == {1, 22, 333}


def test_settings_made_by_hand_ignore_the_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_IN_FLIGHT", "9")
    (tmp_path / ".env").write_text("PICTURE_DAYS=3\n")
    assert (make().max_in_flight, make().picture_days) == (4, 90)


def test_an_empty_variable_is_not_set(tmp_path: Path) -> None:
    settings = Settings.load(write(tmp_path, public_url="", webhook_secret="", listen_port=""))
    assert (settings.public_url, settings.webhook_secret, settings.listen_port) == (None, None, 8080)


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        make().max_in_flight = 5  # pyright: ignore[reportAttributeAccessIssue] - that is the point


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    said = faults(write(tmp_path, discord_token="", listen_port="99999", cost_per="edit", picture_days="0"))
    assert [line.split()[0].rstrip(":") for line in said] == [
        "DISCORD_TOKEN",
        "PICTURE_DAYS",
        "LISTEN_PORT",
        "COST_PER",
    ]
    assert "'99999'" in said[2]
    assert "0 to 65535" in said[2]


def test_an_unknown_name_in_the_file_is_a_fault_with_a_guess(tmp_path: Path) -> None:
    assert faults(write(tmp_path, bot_daily_us="3")) == ["  BOT_DAILY_US is not a setting. Did you mean BOT_DAILY_USD?"]
    assert faults(write(tmp_path, xyz="3")) == ["  XYZ is not a setting. Take it out."]


def test_a_file_that_is_not_text_is_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "some.env"
    file.write_bytes(b"DISCORD_TOKEN=\xff\xfe\n")
    with pytest.raises(SettingsError, match="UTF-8"):
        Settings.load(file)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("discord_token", "hush hush"),
        ("runware_api_key", "hush\u00e9"),
        ("webhook_secret", "hush"),
        ("database_url", "mysql://me:hush@host/db"),
        ("public_url", "https://me:hush@host"),
        ("upload_endpoint", "https://host/{taskUUID}?hush={other}"),
        ("upload_endpoint", "http://host/{taskUUID}?signed=hush"),
        ("s3_access_key_id", "hush"),
        ("s3_secret_access_key", "hush"),
        ("s3_endpoint", "https://me:hush@host"),
    ],
)
def test_a_fault_never_repeats_a_secret(tmp_path: Path, name: str, value: str) -> None:
    (said,) = faults(write(tmp_path, **{name: value}))
    assert said.startswith((f"  {name.upper()}: ", "  S3_SECRET_ACCESS_KEY: "))
    assert "hush" not in said


def test_secrets_are_not_in_the_repr() -> None:
    settings = make(
        discord_token="hush-1",
        runware_api_key="hush-2",
        webhook_secret="hush-3-and-some-more",
        database_url="postgresql://me:hush-4@host/db",
        upload_endpoint="https://host/{taskUUID}?signed=hush-5",
        s3_access_key_id="hush-6",
        s3_secret_access_key="hush-7",
    )
    assert "hush" not in repr(settings)
    assert "hush" not in str(settings)


@pytest.mark.parametrize(
    "address",
    [
        "https://bot.example.org",
        "https://bot.example.org:8443/under/here",
        "http://localhost:8080",
        "http://127.0.0.1:8080",
        "http://127.9.9.9",
        "http://[::1]:8080",
    ],
)
def test_an_address_is_https_or_on_loopback(address: str) -> None:
    assert make(public_url=address, runware_url=address).public_url == address


@pytest.mark.parametrize(
    "address",
    [
        "http://bot.example.org",
        "http://10.0.0.1",
        "http://127.0.0.1.example.org",
        "http://localhost.example.org",
        "ftp://bot.example.org",
        "bot.example.org",
        "https://",
        "https://host:0",
        "https://host:99999",
        "https://[::1",
        "https://host/?a=b",
        "https://host/#a",
        "https://me@host",
        "HTTPS://host",
    ],
)
def test_another_address_is_refused(address: str) -> None:
    for name in ("public_url", "runware_url"):
        with pytest.raises(ValidationError):
            make(**{name: address})


@pytest.mark.parametrize(
    "template",
    [
        "https://bucket.example/{taskUUID}.png?signature=a%2Fb",
        "https://bucket.example:8443/put?key={taskUUID}",
        "http://127.0.0.1:9000/{taskUUID}",
    ],
)
def test_an_address_for_uploads_holds_the_task_once(template: str) -> None:
    kept = make(upload_endpoint=template).upload_endpoint
    assert kept is not None
    assert kept.get_secret_value() == template


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("https://bucket.example/all.png", "once in its path"),
        ("https://bucket.example/{taskUUID}/{taskUUID}", "once in its path"),
        ("https://bucket.example/{taskUUID}?name={name}", "other braces"),
        ("https://bucket.example/{taskUUID}}", "other braces"),
        ("https://bucket.example/{taskuuid}", "once in its path"),
        ("https://{taskUUID}.example/", "once in its path"),
        ("http://bucket.example/{taskUUID}", "not https"),
        ("ftp://bucket.example/{taskUUID}", "not an https:// address"),
        ("https://me@bucket.example/{taskUUID}", "a user or a fragment"),
        ("https://bucket.example/#{taskUUID}", "a user or a fragment"),
        ("https://bucket.example/a b/{taskUUID}", "a space"),
        ("{taskUUID}", "not an https:// address"),
    ],
)
def test_another_address_for_uploads_is_refused_without_repeating_it(tmp_path: Path, template: str, why: str) -> None:
    (said,) = faults(write(tmp_path, upload_endpoint=template))
    assert why in said
    assert "what is written" in said
    assert "bucket" not in said


def test_the_life_of_an_address_is_set_only_where_there_is_one(tmp_path: Path) -> None:
    assert make(result_ttl_seconds=60).result_ttl_seconds == 60
    (said,) = faults(write(tmp_path, output_type="dataURI", result_ttl_seconds="60"))
    assert said.startswith("  RESULT_TTL_SECONDS: '60' has no effect unless OUTPUT_TYPE is URL. Write how many")


def test_a_public_url_ends_without_a_slash() -> None:
    settings = make(public_url="https://bot.example.org/")
    assert settings.public_url == "https://bot.example.org"
    assert not settings.poll_only


def test_loopback_is_told_by_address_and_by_name() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.255.0.3", "::1", "localhost", "LOCALHOST")))
    assert not any(map(is_loopback, ("10.0.0.1", "0.0.0.0", "::", "example.org", "")))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("allowed_guilds", "0"),
        ("allowed_guilds", "-5"),
        ("allowed_guilds", "1;2"),
        ("database_url", "sqlite:///"),
        ("database_url", "data/bot.db"),
        ("picture_days", "0"),
        ("min_free_gib", "-1"),
        ("listen_port", "-1"),
        ("ops_port", "8080"),
        ("result_hosts", "https://im.runware.ai"),
        ("result_hosts", "im.runware.ai/path"),
        ("max_in_flight", "0"),
        ("cost_per", "both"),
        ("output_type", "file"),
        ("result_ttl_seconds", "59"),
        ("result_ttl_seconds", "1.5"),
        ("member_daily_usd", "-0.01"),
        ("server_daily_usd", "NaN"),
        ("bot_daily_usd", "0.0000001"),
        ("expire_minutes", "0"),
        ("late_hours", "inf"),
        ("poll_max_seconds", "1"),
        ("log_level", "LOUD"),
    ],
)
def test_a_value_out_of_bounds_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValidationError):
        make(**{name: value})


def test_hosts_are_kept_in_lower_case_with_their_ports() -> None:
    assert make(result_hosts="IM.Runware.ai, 127.0.0.1:8123,[::1]:9").result_hosts == {
        "im.runware.ai",
        "127.0.0.1:8123",
        "[::1]:9",
    }


def test_words_may_be_written_in_any_case() -> None:
    settings = make(log_level="debug", log_format="JSON", cost_per="Task", output_type="BASE64DATA")
    assert (settings.log_level, settings.log_format, settings.cost_per) == ("DEBUG", "json", "task")
    assert [settings.output_type, make(output_type="datauri").output_type] == ["base64Data", "dataURI"]
    with pytest.raises(ValidationError):
        make(log_level=3)


def test_two_ports_that_are_both_any_free_one_do_not_collide() -> None:
    assert make(listen_port=0, ops_port=0).ops_port == 0


def test_dollars_become_whole_micro_dollars() -> None:
    settings = make(member_daily_usd=Decimal("0.000001"), server_daily_usd=0, bot_daily_usd="1000000")
    assert amounts_of(settings) == [1, 0, 10**12]


def test_more_limits_on_all_together_are_written_as_sentences_are() -> None:
    more = make(bot_limits="100 USD per month, 400 pictures per rolling day,20 edits an hour").terms.bot[1:]
    assert [(allowance.scope, allowance.measure, allowance.amount, allowance.window) for allowance in more] == [
        (Scope.BOT, Measure.MONEY, 100_000_000, Window(Span.MONTH)),
        (Scope.BOT, Measure.PICTURES, 400, Window(Span.DAY, rolling=True)),
        (Scope.BOT, Measure.EDITS, 20, Window(Span.HOUR)),
    ]


@pytest.mark.parametrize(
    "text", ["100", "100 usd", "100 usd per year", "-5 usd per day", "x usd per day", "1e9 edits per day", "; DROP"]
)
def test_a_limit_that_is_none_is_refused_and_repeated(text: str) -> None:
    with pytest.raises(ValidationError, match=r"has .* in it"):
        make(bot_limits=text)


def test_the_webhook_key_is_the_secret_when_there_is_one() -> None:
    assert make(webhook_secret=SecretStr("sixteen-letters-")).webhook_key == b"sixteen-letters-"


def test_the_webhook_key_is_derived_from_the_runware_key_and_is_not_it() -> None:
    assert make().webhook_key == make().webhook_key
    assert make().webhook_key != make(runware_api_key="another").webhook_key
    assert len(make().webhook_key) == 32
    assert b"key-of-runware" not in make().webhook_key


@pytest.mark.parametrize("store", ["s3://bucket", "s3://my.bucket-2/", "s3://bucket/pictures/of_the.bot"])
def test_a_bucket_is_named_with_or_without_a_prefix(store: str) -> None:
    assert make(picture_store=store).picture_store == store


@pytest.mark.parametrize(
    "store", ["bucket", "gs://bucket", "s3://", "s3://Bucket", "s3://bu", "s3://b@d", "s3://bucket//a"]
)
def test_what_names_no_bucket_is_refused(tmp_path: Path, store: str) -> None:
    (said,) = faults(write(tmp_path, picture_store=store))
    assert said.startswith("  PICTURE_STORE: ")
    assert "names no bucket. Write s3://BUCKET or s3://BUCKET/PREFIX" in said


def test_a_bucket_is_reached_by_https_or_on_this_machine(tmp_path: Path) -> None:
    assert make(s3_endpoint="http://127.0.0.1:9000/").s3_endpoint == "http://127.0.0.1:9000"
    (said,) = faults(write(tmp_path, s3_endpoint="http://s3.example.org"))
    assert said.startswith("  S3_ENDPOINT: 'http://s3.example.org' is not https, and not on this machine.")


@pytest.mark.parametrize("half", ["s3_access_key_id", "s3_secret_access_key"])
def test_half_a_key_to_the_bucket_is_refused(tmp_path: Path, half: str) -> None:
    (said,) = faults(write(tmp_path, **{half: "something"}))
    assert "S3_SECRET_ACCESS_KEY" in said
    assert "one of the two is missing" in said
    assert make(s3_access_key_id="id", s3_secret_access_key="secret").s3_access_key_id == "id"
