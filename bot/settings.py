"""The settings: one frozen object, read once in ``bot.__main__`` and passed down.

``Settings(...)`` holds exactly what it is given, which is what tests and the playground want. ``Settings.load`` reads
the environment and a ``.env`` file; every fault in them is named at once, with what to write.
"""

from __future__ import annotations

import difflib
import hmac
import re
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot import amounts
from storage.allowances import Terms
from storage.records import MICROS_PER_DOLLAR, Allowance, Measure, Scope
from storage.windows import Window

#: What a webhook key is derived for; another purpose would take another word and so get another key.
_WEBHOOK_PURPOSE: Final = b"darkroom: tokens of delivery paths"
#: Values that are never repeated to a reader. A database URL may hold a password.
_SECRET: Final = frozenset(
    {
        "discord_token",
        "runware_api_key",
        "webhook_secret",
        "database_url",
        "upload_endpoint",
        "s3_access_key_id",
        "s3_secret_access_key",
    }
)
#: What stands for the task in the address for uploads.
TASK: Final = "{taskUUID}"

Dollars = Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=6)]
Duration = Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]
Guild = Annotated[int, Field(gt=0, lt=2**63)]
Channel = Annotated[int, Field(gt=0, lt=2**63)]
Port = Annotated[int, Field(ge=0, le=65535)]


class SettingsError(Exception):
    """Settings are missing or wrong; the message names each with what was given and what to write."""


class Settings(BaseModel):
    """Everything that differs between one installation and another.

    A field's environment variable is its name in capitals; its description says what to write there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    # Accounts
    discord_token: SecretStr = Field(description="the bot's token, from the Bot page of Discord's developer portal")
    runware_api_key: SecretStr = Field(description="a key from the API keys page of Runware's dashboard")
    allowed_guilds: Annotated[frozenset[Guild], NoDecode] = Field(
        description="the ids of the servers that may spend, separated by commas"
    )

    # What is remembered
    database_url: str = Field(
        default="sqlite:///data/bot.db",
        repr=False,
        description="sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE",
    )
    data_dir: Path = Field(default=Path("data"), description="the folder for pictures")
    picture_days: int = Field(
        default=90, ge=1, le=36_500, description="how many days an unused picture is kept, at least 1"
    )
    picture_store: str | None = Field(
        default=None,
        description="s3://BUCKET or s3://BUCKET/PREFIX for a bucket; empty means the folder in DATA_DIR",
    )
    s3_endpoint: str | None = Field(
        default=None,
        description="the https:// address of the bucket's service (http only on loopback), without query or user; "
        "empty means Amazon's",
    )
    s3_region: str | None = Field(
        default=None, pattern=r"^[a-z0-9-]+$", description="the region of the bucket, such as eu-central-1"
    )
    s3_access_key_id: str | None = Field(
        default=None, repr=False, description="the id of the key to the bucket, with S3_SECRET_ACCESS_KEY"
    )
    s3_secret_access_key: SecretStr | None = Field(
        default=None,
        validate_default=True,
        description="the secret of the key to the bucket, with S3_ACCESS_KEY_ID; both or neither",
    )
    min_free_gib: float = Field(
        default=1, ge=0, allow_inf_nan=False, description="the free disk space in GiB below which new edits are refused"
    )

    # Deliveries
    public_url: str | None = Field(
        default=None,
        description="the https:// address under which Runware reaches this bot (http only on loopback), without "
        "query or user; empty means that the bot asks Runware itself",
    )
    webhook_secret: SecretStr | None = Field(
        default=None,
        description="at least 16 characters nobody can guess; empty means that it is derived from the Runware key",
    )
    listen_host: str = Field(default="127.0.0.1", min_length=1, description="the address deliveries are heard on")
    listen_port: Port = Field(default=8080, description="the port deliveries are heard on, 0 to 65535")
    ops_host: str = Field(default="127.0.0.1", min_length=1, description="the address of health and metrics")
    ops_port: Port = Field(
        default=9090, description="the port of health and metrics, 0 to 65535, another than LISTEN_PORT"
    )

    # Runware
    runware_url: str = Field(
        default="https://api.runware.ai/v1",
        description="the https:// address of Runware's API (http only on loopback)",
    )
    result_hosts: Annotated[frozenset[str], NoDecode] = Field(
        default=frozenset({"im.runware.ai", "vm.runware.ai"}),
        description="the hosts results may be fetched from, as HOST or HOST:PORT, separated by commas",
    )
    max_in_flight: int = Field(default=4, ge=1, description="how many tasks may be at Runware at once, at least 1")
    cost_per: Literal["item", "task"] = Field(
        default="item", description="item or task: whether the cost of a delivery is that of one result or of all"
    )
    output_type: Literal["URL", "base64Data", "dataURI"] = Field(
        default="URL", description="URL, base64Data or dataURI: how Runware hands a picture over"
    )
    result_ttl_seconds: int | None = Field(
        default=None,
        ge=60,
        description="how many seconds Runware keeps the address of a picture, at least 60, with OUTPUT_TYPE URL only; "
        "empty leaves it to Runware",
    )
    upload_endpoint: SecretStr | None = Field(
        default=None,
        description="the https:// address to which Runware puts a copy of each picture (http only on loopback), with "
        "{taskUUID} once in its path or query; empty means nowhere",
    )

    lora_architecture: str = Field(
        default="",
        max_length=100,
        description="the architecture that LoRAs have to fit, such as qwen_image_edit_plus; empty means that Runware "
        "is asked for it",
    )

    # Money, in US dollars a day
    member_daily_usd: Dollars = Field(
        default=Decimal("0.50"), description="what one member may spend a day, in dollars such as 0.50"
    )
    server_daily_usd: Dollars = Field(
        default=Decimal(5), description="what one server may spend a day, in dollars such as 5"
    )
    bot_daily_usd: Dollars = Field(default=Decimal(10), description="what all may spend a day, in dollars such as 10")
    bot_limits: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="more limits on all together, such as 100 usd per month, 400 pictures per rolling day",
    )
    alert_channel: Channel | None = Field(
        default=None,
        description="the id of the Discord channel for the operator's alerts; empty means that they are only logged",
    )
    runware_key_shared: bool = Field(
        default=False,
        description="true or false: whether other programs use the same Runware key, so that its usage cannot be "
        "compared with ours",
    )

    # Patience
    expire_minutes: Duration = Field(default=30, description="minutes from the first POST until an edit is given up")
    resubmit_minutes: Duration = Field(
        default=10, description="minutes from the first POST in which the same task may be sent again"
    )
    late_hours: Duration = Field(default=24, description="hours in which a late result is still asked for")
    cost_pending_hours: Duration = Field(
        default=24, description="hours in which an unknown cost is asked for, before the estimate is booked"
    )
    poll_first_seconds: Duration = Field(default=2, description="seconds until Runware is first asked for an edit")
    webhook_grace_seconds: Duration = Field(
        default=20, description="seconds until Runware is first asked for an edit whose delivery is expected"
    )
    poll_max_seconds: Duration = Field(
        default=10, description="the longest pause in seconds between two questions, at least POLL_FIRST_SECONDS"
    )
    error_settle_seconds: Duration = Field(
        default=10, description="seconds between the two questions whose same errors end an edit"
    )
    announce_retry_seconds: Duration = Field(
        default=5, description="seconds until a message that could not be posted is tried again; doubled each time"
    )
    card_interval_seconds: Duration = Field(
        default=3, description="the shortest pause in seconds between two edits of a queued edit's status message"
    )

    # Log
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="DEBUG, INFO, WARNING or ERROR"
    )
    log_format: Literal["text", "json"] = Field(default="text", description="text or json")

    @classmethod
    def load(cls, env_file: Path | None = Path(".env")) -> Settings:
        """Read the environment, then ``env_file`` for what it leaves out (it need not exist).

        Raises:
            SettingsError: something is missing or wrong; every fault is listed.
        """
        try:
            return _FromSurroundings(_env_file=env_file)  # pyright: ignore[reportCallIssue] - the sources fill it
        except ValidationError as error:
            faults = [_sentence(detail) for detail in error.errors(include_url=False)]
            raise SettingsError("\n".join(["These settings have to be put right:", *faults])) from None
        except UnicodeDecodeError:
            raise SettingsError(f"{env_file} is not text in UTF-8. Save it as UTF-8.") from None

    @property
    def poll_only(self) -> bool:
        """Whether Runware cannot reach the bot, so that it has to ask."""
        return self.public_url is None

    @property
    def webhook_key(self) -> bytes:
        """Return the key that signs delivery paths."""
        if self.webhook_secret is not None:
            return self.webhook_secret.get_secret_value().encode()
        return hmac.digest(self.runware_api_key.get_secret_value().encode(), _WEBHOOK_PURPOSE, "sha256")

    @property
    def terms(self) -> Terms:
        """Return the operator's limits as allowances."""

        def daily(scope: Scope, dollars: Decimal) -> Allowance:
            return Allowance(scope, Measure.MONEY, int(dollars * MICROS_PER_DOLLAR), Window.daily())

        return Terms(
            member=(daily(Scope.MEMBER, self.member_daily_usd),),
            server=(daily(Scope.SERVER, self.server_daily_usd),),
            bot=(
                daily(Scope.BOT, self.bot_daily_usd),
                *(amounts.limit(text, Scope.BOT) for text in self.bot_limits),
            ),
        )

    @field_validator("allowed_guilds", "result_hosts", "bot_limits", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("log_level", "log_format", "cost_per", "output_type", mode="before")
    @classmethod
    def _any_case(cls, value: object, info: ValidationInfo) -> object:
        choices = get_args(cls.model_fields[str(info.field_name)].annotation)
        spelled = {choice.lower(): choice for choice in choices}
        return spelled.get(value.lower(), value) if isinstance(value, str) else value

    @field_validator("discord_token", "runware_api_key", "webhook_secret", "upload_endpoint", "s3_secret_access_key")
    @classmethod
    def _one_word(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch(r"[!-~]+", value.get_secret_value()):
            raise ValueError("has a space, a line break or a letter outside ASCII in it, or nothing")
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 16:  # noqa: PLR2004 - the description says it
            raise ValueError("is too short")
        return value

    @field_validator("database_url")
    @classmethod
    def _known_engine(cls, value: str) -> str:
        if not re.match(r"sqlite:///.|postgres(ql)?://.", value):
            raise ValueError("names no engine this bot knows")
        return value

    @field_validator("picture_store")
    @classmethod
    def _known_store(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_.-]+)*/?", value):
            raise ValueError("names no bucket")
        return value

    @field_validator("s3_secret_access_key")
    @classmethod
    def _both_or_neither(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if (value is None) != (info.data.get("s3_access_key_id") is None):
            raise ValueError("does not go with S3_ACCESS_KEY_ID: one of the two is missing")
        return value

    @field_validator("public_url", "runware_url", "s3_endpoint")
    @classmethod
    def _safe_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = _address(value)
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("has a user, a query or a fragment in it")
        return value.rstrip("/")

    @field_validator("upload_endpoint")
    @classmethod
    def _one_address_for_each_task(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        template = value.get_secret_value()
        parts = _address(template)
        if parts.username is not None or parts.fragment:
            raise ValueError("has a user or a fragment in it")
        if re.findall(r"\{[^{}]*\}|[{}]", template) != [TASK] or TASK not in f"{parts.path}?{parts.query}":
            raise ValueError(f"does not have {TASK} once in its path or query, or has other braces")
        return value

    @field_validator("result_ttl_seconds")
    @classmethod
    def _only_for_addresses(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and info.data.get("output_type", "URL") != "URL":
            raise ValueError("has no effect unless OUTPUT_TYPE is URL")
        return value

    @field_validator("result_hosts")
    @classmethod
    def _bare_hosts(cls, value: frozenset[str]) -> frozenset[str]:
        if any(not re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?", host) for host in value):
            raise ValueError("holds something that is not a host")
        return frozenset(host.lower() for host in value)

    @field_validator("bot_limits")
    @classmethod
    def _limits(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            amounts.limit(text, Scope.BOT)
        return value

    @field_validator("poll_max_seconds")
    @classmethod
    def _not_below_first(cls, value: float, info: ValidationInfo) -> float:
        if value < info.data.get("poll_first_seconds", 0):
            raise ValueError("is less than POLL_FIRST_SECONDS")
        return value

    @field_validator("ops_port")
    @classmethod
    def _own_port(cls, value: int, info: ValidationInfo) -> int:
        if value and value == info.data.get("listen_port"):
            raise ValueError("is LISTEN_PORT already")
        return value


class _FromSurroundings(Settings, BaseSettings):
    """The settings as the environment and a file state them; a variable left empty is not set."""

    model_config = SettingsConfigDict(env_file_encoding="utf-8", env_ignore_empty=True)


def _address(text: str) -> SplitResult:
    """Take a web address apart: https, or http on this machine. Raises ValueError with the predicate of the fault."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is not an address") from None
    if not text.startswith(("https://", "http://")) or not host or port == 0:
        raise ValueError("is not an https:// address")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("is not https, and not on this machine")
    return parts


def is_loopback(host: str) -> bool:
    """Whether ``host`` (a name or an address, without port) is this very machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _sentence(detail: ErrorDetails) -> str:
    """Say of one fault which setting it is, what was given, and what to write."""
    name = str(detail["loc"][0]).lower()
    field = Settings.model_fields.get(name)
    if field is None:
        close = difflib.get_close_matches(name, Settings.model_fields, n=1)
        hint = f"Did you mean {close[0].upper()}?" if close else "Take it out."
        return f"  {name.upper()} is not a setting. {hint}"
    if detail["type"] == "missing":
        return f"  {name.upper()} is missing. Write {field.description}."
    given = repr(detail["input"])
    if name in _SECRET or "@" in given:  # what stands before an @ in an address may be a password
        given = "what is written"
    return f"  {name.upper()}: {given} {_reason(detail)}. Write {field.description}."


def _reason(detail: ErrorDetails) -> str:
    """Return the predicate of the fault, in our words when the rule is ours."""
    context: dict[str, Any] = detail.get("ctx", {})
    return str(context["error"]) if "error" in context else "is not possible"
