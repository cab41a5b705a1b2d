"""The wire models of what Runware says: everything a reply or a delivery may hold.

A reply model never refuses: what cannot be read is ``None``, and what is not known is skipped. What is asked is in
:mod:`bot.runware.schema`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
)

from bot.runware.schema import MAX_SEED, wire_name


def _spelled(value: object) -> object:
    # No database can keep half a surrogate pair, PostgreSQL no NUL, and neither may stop a delivery from being recorded.
    return str(value).replace("\0", "").encode(errors="ignore").decode() if isinstance(value, str | int) else value


def _names(value: object) -> object:
    return value.split() if isinstance(value, str) else value


def _flagged(value: object) -> bool:
    # A flag that cannot be read withholds the picture: wrongly hidden is mended easily, wrongly shown is not.
    return value is not None and value is not False


def _joined(value: object) -> object:
    words = cast("list[object]", value) if isinstance(value, list) else [value]
    return _spelled(", ".join(word for word in words if isinstance(word, str)))


def _amount(value: object) -> object:
    return {"amount": value} if isinstance(value, int | float | Decimal) else value


_Words = Annotated[str, BeforeValidator(_spelled)]
#: US dollars. Infinity and NaN are refused, as always with a Decimal.
_Money = Decimal


class _Said(BaseModel):
    """A part of a reply. Unknown properties are skipped, and a value that cannot be read is ``None``."""

    model_config = ConfigDict(
        alias_generator=wire_name, validate_by_name=True, validate_by_alias=True, extra="ignore", frozen=True
    )

    @field_validator("*", mode="wrap")
    @classmethod
    def _none_if_unreadable(cls, value: object, handler: ValidatorFunctionWrapHandler) -> object:
        try:
            return handler(value)
        except ValidationError:
            return None


class ErrorObject(_Said):
    """One entry of ``errors``. Codes and messages are unstable and vary by model, says Runware."""

    code: _Words | None = None
    message: _Words | None = None
    #: The older spelling of ``message``.
    error_message: _Words | None = None
    #: Sent as one name or, for a rule between fields, as a list of names.
    parameter: Annotated[tuple[_Words, ...], BeforeValidator(_names)] | None = None
    #: The kind of value that was expected.
    type: _Words | None = None
    allowed_values: tuple[Any, ...] | None = None
    documentation: _Words | None = None
    task_type: _Words | None = None
    task_uuid: _Words | None = None
    status: _Words | None = None


class ImageResult(_Said):
    """One item of ``data`` for an ``imageInference`` task: a finished picture, or how far it is."""

    task_type: _Words | None = None
    task_uuid: _Words | None = None
    image_uuid: _Words | None = None
    #: One of these three, by ``outputType``.
    image_url: _Words | None = None
    image_base64_data: Annotated[str, Strict()] | None = Field(default=None, repr=False)
    image_data_uri: Annotated[str, Strict()] | None = Field(default=None, repr=False)
    #: The seed really used.
    seed: Annotated[Annotated[int, Strict()], Field(ge=0, le=MAX_SEED)] | None = None
    #: The content check's verdict. Anything but ``false`` and ``null`` counts as flagged.
    nsfw_content: Annotated[bool, BeforeValidator(_flagged)] = False
    #: US dollars; only with ``includeCost``.
    cost: _Money | None = None
    #: When polled: ``processing``, ``success`` or ``error``; older pages also say ``pending``.
    status: _Words | None = None
    #: Percent.
    progress: float | None = None


class Balance(_Said):
    """What is left on the account."""

    amount: _Money | None = None
    free_balance: _Money | None = None
    currency: _Words | None = None


class Used(_Said):
    """What Runware took over some time."""

    #: US dollars.
    credits: _Money | None = None


class AccountUsage(_Said):
    """What Runware took; the shorter times beside ``total`` are not read."""

    total: Used | None = None


class AccountDetails(_Said):
    """The part of ``accountManagement`` that is read; the rest holds addresses and keys, and is not."""

    #: A bare number in the older form.
    balance: Annotated[Balance, BeforeValidator(_amount)] | None = None
    usage: AccountUsage | None = None


class ModelEntry(_Said):
    """One model that ``modelSearch`` found."""

    #: Its AIR identifier, which a LoRA is named by.
    air: _Words | None = None
    name: _Words | None = None
    category: _Words | None = None
    #: What it fits; Runware leaves it out of some.
    architecture: _Words | None = None
    short_description: _Words | None = None
    #: Seen as one text and as a list of words.
    positive_trigger_words: Annotated[str, BeforeValidator(_joined)] | None = None


class ModelPage(_Said):
    """The one item that ``modelSearch`` answers with."""

    #: Read one by one, so that an entry nobody can read takes no other with it.
    results: tuple[Any, ...] | None = None

    @property
    def models(self) -> list[ModelEntry]:
        """The entries that are objects."""
        return [ModelEntry.model_validate(entry) for entry in self.results or () if isinstance(entry, dict)]


class TaskRecord(_Said):
    """The item of ``getTaskDetails``: a task as it was sent, and what came of it."""

    task_type: _Words | None = None
    task_uuid: _Words | None = None
    #: The original tasks, with our webhook's address and its token in them: not for logs.
    request: tuple[Any, ...] | None = Field(default=None, repr=False)
    #: ``None`` proves nothing: it was seen after a lost response too. It may hold whole pictures.
    response: dict[str, Any] | None = Field(default=None, repr=False)
