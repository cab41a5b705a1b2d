"""Runware's error codes as a few kinds, what to tell people about each, and the exceptions of the client.

Runware calls its catalogue of codes large and unstable and sorts it in its SDK; :func:`classify` follows that order.
The code itself is the operator's word. Members read :func:`member_sentence`, and beside it, where it helps, what
:func:`reason` leaves of Runware's own words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from storage.records import Failure


class Kind(StrEnum):
    """What went wrong, as far as the next step depends on it."""

    #: Runware was not reached, or the connection broke.
    CONNECTION = "connection"
    #: Our account at Runware is empty: never a member's fault.
    QUOTA = "quota"
    RATE_LIMIT = "rate_limit"
    #: A content check refused, Runware's or the provider's.
    SAFETY = "safety"
    #: Our key is wrong, revoked or not allowed to do this.
    AUTH = "auth"
    TIMEOUT = "timeout"
    #: Runware does not know the task or the model, or no longer.
    NOT_FOUND = "not_found"
    SERVER = "server"
    #: Where the model runs, or what fetches its inputs, failed.
    PROVIDER = "provider"
    #: A parameter was refused.
    VALIDATION = "validation"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class _Rule:
    """Codes of one kind, in lower case and letters and digits only."""

    kind: Kind
    equals: frozenset[str] = frozenset()
    starts: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()

    def matches(self, code: str) -> bool:
        return (
            code in self.equals
            or code.startswith(self.starts)
            or code.endswith(self.ends)
            or any(part in code for part in self.contains)
        )


def _rule(kind: Kind, codes: str = "", *, starts: str = "", contains: str = "", ends: str = "") -> _Rule:
    return _Rule(kind, frozenset(codes.split()), tuple(starts.split()), tuple(contains.split()), tuple(ends.split()))


#: What the code says for certain, whatever the HTTP status.
_SPECIFIC: Final = (
    _rule(Kind.CONNECTION, "aborted disconnected notconnected", starts="connection"),
    _rule(Kind.QUOTA, "paymentrequired environmentpaused", contains="credits quota balance"),
    _rule(Kind.RATE_LIMIT, contains="ratelimit"),
    _rule(
        Kind.SAFETY,
        "contentpolicyviolation providercontentpolicyviolation invalidprovidercontent sensitivecontentdetected "
        "unsafecontentdetected nsfwcontentdetected promptblocked imageblocked moderationfailed",
    ),
    _rule(
        Kind.AUTH,
        "unauthorized forbidden permissiondenied insufficientpermissions authenticationfailed authfailed authtimeout "
        "invalidauthentication invalidcredentials missingauthentication tokenexpired tokeninvalid tokenmissing "
        "tokenrevoked accountsuspended accountdisabled organizationsuspended organizationdisabled "
        "workspacesuspended workspacedisabled",
        contains="apikey",
    ),
)

#: What the code says unless the HTTP status is one that is certain.
_GENERAL: Final = (
    # Runware's own SDK tests for "Timeout" with a capital and so misses `timeoutProvider`, the code of its own example.
    _rule(Kind.TIMEOUT, contains="timeout"),
    _rule(Kind.NOT_FOUND, "taskcancelled taskfailedornotfound unknownmodel", ends="notfound expired"),
    _rule(
        Kind.SERVER,
        "internalservererror serviceunavailable serverunavailable standarderror unknownerror undefinederror "
        "defaulterror unrecognizedresponse errorretrievingaccountmanagement",
    ),
    _rule(
        Kind.PROVIDER,
        "inferenceerror processingfailed taskfailed downloadfailed uploadfailed noavailableserver modelunavailable "
        "modeldisabled modelnotready mediastoragefilecouldnotbemoved failedtotransferimage",
        starts="provider",
    ),
    _rule(
        Kind.VALIDATION,
        "unknownparameter incompatibleparameters validationfailed",
        starts="invalid missing conflict duplicate unsupported value array max model",
        contains="conflict",
    ),
)

_CERTAIN_STATUS: Final = {401: Kind.AUTH, 402: Kind.QUOTA, 429: Kind.RATE_LIMIT}
_STATUS: Final = {403: Kind.AUTH, 404: Kind.NOT_FOUND, 408: Kind.TIMEOUT, 410: Kind.NOT_FOUND, 504: Kind.TIMEOUT}
_FIRST_CLIENT_ERROR: Final = 400
_FIRST_SERVER_ERROR: Final = 500


def classify(code: str, http_status: int | None = None) -> Kind:
    """Return the kind of a raw code, in whatever case; the HTTP status helps where the code says little."""
    plain = "".join(filter(str.isalnum, code)).lower()
    return (
        _first(_SPECIFIC, plain)
        or _CERTAIN_STATUS.get(http_status or 0)
        or _first(_GENERAL, plain)
        or _by_status(http_status or 0)
    )


def _first(rules: tuple[_Rule, ...], code: str) -> Kind | None:
    return next((rule.kind for rule in rules if rule.matches(code)), None)


def _by_status(status: int) -> Kind:
    if status in _STATUS:
        return _STATUS[status]
    if status >= _FIRST_SERVER_ERROR:
        return Kind.SERVER
    return Kind.VALIDATION if status >= _FIRST_CLIENT_ERROR else Kind.UNKNOWN


_RETRYABLE: Final = frozenset({Kind.CONNECTION, Kind.RATE_LIMIT, Kind.TIMEOUT, Kind.SERVER, Kind.PROVIDER})


def retryable(kind: Kind) -> bool:
    """Whether the same thing, tried again later, may go well."""
    return kind in _RETRYABLE


_SENTENCES: Final = {
    Kind.CONNECTION: "Runware, the service that makes the pictures, could not be reached. Try again in a few minutes.",
    Kind.QUOTA: (
        "The bot's account at Runware has run out of credit, which is not your doing. "
        "Tell whoever runs this bot, and try again once it is topped up."
    ),
    Kind.RATE_LIMIT: "Runware is very busy right now. Wait a minute, then try again.",
    Kind.SAFETY: "The content check refused this edit. Change the prompt or the pictures, then try again.",
    Kind.AUTH: "Runware does not let this bot work at the moment. Tell whoever runs this bot: only they can mend it.",
    Kind.TIMEOUT: "Runware took too long over this edit. Try again; fewer steps or a smaller size make it quicker.",
    Kind.NOT_FOUND: "Runware no longer knows this edit. Start it again.",
    Kind.SERVER: "Something broke at Runware. Try again in a few minutes.",
    Kind.PROVIDER: "Runware could not carry out this edit. Try again; if it fails twice, try another picture or size.",
    Kind.VALIDATION: (
        "Runware did not accept the options of this edit. Leave out the optional ones, or change them, then try again."
    ),
    Kind.UNKNOWN: "Runware could not make this picture. Try again; if it fails twice, tell whoever runs this bot.",
}

_SENTENCES_BY_CODE: Final = {
    "failedtotransferimage": "Runware could not read one of the pictures. Attach it again, then try once more.",
    "referencegone": "A picture of this edit is not kept here any more. Start a new edit with `/edit` and attach it again.",
    "consentwithdrawn": (
        "Whoever a picture of this edit belongs to lets it not be edited any more, so it was not sent. Use another one."
    ),
    "unsupportedloramodel": (
        "Runware did not accept a LoRA of this edit. Leave it out, or take one from `/lora list`, then try again."
    ),
    "invalidreferenceimagescount": "Runware did not accept that many pictures. Give one to three, then try again.",
}


def member_sentence(kind: Kind, code: str) -> str:
    """Return what a member reads about a failure: a whole sentence that says what to do."""
    return _SENTENCES_BY_CODE.get(code.lower(), _SENTENCES[kind])


#: So much of Runware's own words is kept.
_LONGEST_REASON: Final = 300
#: What no person needs and some may abuse: addresses (our webhook's carries a token), data, and what looks like a key.
_NOT_FOR_PEOPLE: Final = re.compile(
    r"\b[a-z][a-z0-9+.-]*://\S+"
    r"|\bdata:[a-z]+/\S*"
    r"|\blocalhost\b\S*"
    r"|\b(?:[a-z0-9-]+\.)+[a-z]{2,}(?::[0-9]+)?/\S*"
    r"|\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?::[0-9]+)?\S*"
    r"|\S+@(?:[a-z0-9-]+\.)+[a-z]{2,}"
    r"|\bbearer\s+\S+"
    r"|[a-z0-9+/_=-]{32,}",
    re.IGNORECASE,
)


def reason(failures: Iterable[Failure]) -> str | None:
    """Return Runware's own words for the first of some failures, as members may read them; ``None`` where it has none.

    They come on one line and short, and without addresses, data and whatever looks like a key. They are plain text:
    whoever shows them has to escape them.
    """
    for failure in failures:
        printable = "".join(character if character.isprintable() else " " for character in failure.message)
        words = " ".join(_NOT_FOR_PEOPLE.sub("…", printable).split())
        if len(words) > _LONGEST_REASON:
            words = f"{words[: _LONGEST_REASON - 1].rstrip()}…"
        return words or None
    return None


class RunwareError(Exception):
    """A call to Runware failed. ``str`` is for operators and holds nothing secret."""

    def __init__(
        self,
        code: str,
        *,
        kind: Kind | None = None,
        http_status: int | None = None,
        failures: tuple[Failure, ...] = (),
    ) -> None:
        #: Runware's code, or one of ours where it gave none (``http503``, ``connectionFailed``, ``timeout`` ...).
        self.code = code
        self.kind = kind or classify(code, http_status)
        #: ``None`` when there was no answer.
        self.http_status = http_status
        #: Everything the answer complained of.
        self.failures = failures
        status = "" if http_status is None else f", HTTP {http_status}"
        super().__init__(f"{code} ({self.kind}{status})")


class Rejected(RunwareError):
    """Runware definitely did not take the task, so nothing will run and nothing is owed."""


class Ambiguous(RunwareError):
    """Whether Runware took the task is not known: ask before sending it again, and then with the same UUID."""


class RefusedHost(RunwareError):
    """A result's address is not on a host that results may come from; nothing was fetched."""


class FetchFailed(RunwareError):
    """A result could not be downloaded."""

    def __init__(self, code: str, *, kind: Kind | None = None, http_status: int | None = None) -> None:
        super().__init__(code, kind=kind, http_status=http_status)

    @property
    def gone(self) -> bool:
        """Whether the picture is not there any more (or closed to us), so that asking again is no use."""
        return self.http_status in {403, 404, 410}
