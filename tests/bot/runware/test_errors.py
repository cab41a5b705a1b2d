from __future__ import annotations

import pytest

from bot.runware.errors import (
    Ambiguous,
    FetchFailed,
    Kind,
    Rejected,
    RunwareError,
    classify,
    member_sentence,
    reason,
    retryable,
)
from storage.records import Failure

TABLE = {
    Kind.CONNECTION: "aborted connectionFailed connectionLost disconnected notConnected",
    Kind.QUOTA: "insufficientCredits monthlyQuotaReached lowBalance quotaExceeded paymentRequired environmentPaused",
    Kind.RATE_LIMIT: "rateLimitExceeded providerRateLimit",
    Kind.SAFETY: "contentPolicyViolation providerContentPolicyViolation invalidProviderContent sensitiveContentDetected "
    "unsafeContentDetected nsfwContentDetected promptBlocked imageBlocked moderationFailed",
    Kind.AUTH: "invalidApiKey missingApiKey unauthorized forbidden permissionDenied insufficientPermissions "
    "authenticationFailed authFailed authTimeout invalidAuthentication invalidCredentials missingAuthentication "
    "tokenExpired tokenInvalid tokenMissing tokenRevoked accountSuspended accountDisabled organizationSuspended "
    "organizationDisabled workspaceSuspended workspaceDisabled",
    Kind.TIMEOUT: "timeout providerTimeout providerGatewayTimeout webhookTimeout failedProviderTimeout timeoutProvider",
    Kind.NOT_FOUND: "taskNotFound modelNotFound resultExpired taskCancelled taskFailedOrNotFound unknownModel",
    Kind.SERVER: "internalServerError serviceUnavailable serverUnavailable standardError unknownError undefinedError "
    "defaultError unrecognizedResponse errorRetrievingAccountManagement",
    Kind.PROVIDER: "providerError inferenceError processingFailed taskFailed downloadFailed uploadFailed "
    "noAvailableServer modelUnavailable modelDisabled modelNotReady mediaStorageFileCouldNotBeMoved "
    "failedToTransferImage",
    Kind.VALIDATION: "invalidSteps missingWidth conflictTaskUUID duplicateTask unsupportedLoraModel valueTooLarge "
    "arrayTooSmall maxImages parameterConflict unknownParameter incompatibleParameters validationFailed "
    "invalidReferenceImagesCount modelArchitectureMismatch",
    Kind.UNKNOWN: "unknown somethingNew",
}
CODES = [(code, kind) for kind, codes in TABLE.items() for code in codes.split()]


@pytest.mark.parametrize(("code", "kind"), CODES)
def test_a_code_has_its_kind_in_any_spelling(code: str, kind: Kind) -> None:
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in code)
    assert {classify(spelling) for spelling in (code, code.lower(), code.upper(), snake)} == {kind}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, Kind.UNKNOWN),
        (400, Kind.VALIDATION),
        (401, Kind.AUTH),
        (402, Kind.QUOTA),
        (403, Kind.AUTH),
        (404, Kind.NOT_FOUND),
        (408, Kind.TIMEOUT),
        (410, Kind.NOT_FOUND),
        (413, Kind.VALIDATION),
        (429, Kind.RATE_LIMIT),
        (500, Kind.SERVER),
        (503, Kind.SERVER),
        (504, Kind.TIMEOUT),
    ],
)
def test_the_status_speaks_where_the_code_says_nothing(status: int, kind: Kind) -> None:
    assert classify("somethingNew", status) is kind


def test_a_status_that_is_certain_beats_a_general_code_but_not_a_specific_one() -> None:
    assert classify("maxConcurrentTasks", 429) is Kind.RATE_LIMIT
    assert classify("standardError", 402) is Kind.QUOTA
    assert classify("insufficientCredits", 429) is Kind.QUOTA
    assert classify("contentPolicyViolation", 403) is Kind.SAFETY
    assert classify("failedProviderTimeout", 504) is Kind.TIMEOUT


def test_only_what_may_pass_is_worth_a_retry() -> None:
    assert {kind for kind in Kind if retryable(kind)} == {
        Kind.CONNECTION,
        Kind.RATE_LIMIT,
        Kind.TIMEOUT,
        Kind.SERVER,
        Kind.PROVIDER,
    }


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_whole_sentence_that_says_what_to_do(kind: Kind) -> None:
    sentence = member_sentence(kind, "someInternalCode")
    assert sentence.endswith(".")
    assert "someInternalCode" not in sentence
    assert any(advice in sentence.lower() for advice in ("try again", "tell whoever", "start it again"))


def test_some_codes_have_a_sentence_of_their_own() -> None:
    assert "Attach it again" in member_sentence(Kind.PROVIDER, "failedToTransferImage")
    assert member_sentence(Kind.VALIDATION, "invalidReferenceImagesCount") != member_sentence(Kind.VALIDATION, "x")


def test_an_error_tells_operators_its_code_kind_and_status() -> None:
    assert str(RunwareError("invalidSteps", http_status=400)) == "invalidSteps (validation, HTTP 400)"
    assert str(Ambiguous("timeout")) == "timeout (timeout)"
    assert Rejected("connectionFailed").kind is Kind.CONNECTION
    assert RunwareError("x", kind=Kind.SAFETY).kind is Kind.SAFETY


@pytest.mark.parametrize(("status", "gone"), [(403, True), (404, True), (410, True), (429, False), (500, False)])
def test_a_picture_is_gone_when_its_host_says_so_for_good(status: int, gone: bool) -> None:
    assert FetchFailed(f"http{status}", http_status=status).gone is gone
    assert not FetchFailed("timeout").gone


# What is left of Runware's own words ---------------------------------------------------------------------------------


SAID = {
    "The LoRA 'civitai:1820829@2060527' is made for 'sdxl'.": "The LoRA 'civitai:1820829@2060527' is made for 'sdxl'.",
    "'acceleratorOptions.cacheEndStep' is above 'steps' (30).": "'acceleratorOptions.cacheEndStep' is above 'steps' (30).",
    "No.\r\n\tSee\x00 https://runware.ai/docs?key=abc. Bye": "No. See … Bye",
    "calls back https://bot.example/runware/6f0c/t0ken!": "calls back …",
    "cannot read data:image/png;base64,iVBORw0KGgo= here": "cannot read … here",
    "bad data: width": "bad data: width",
    "see docs.runware.ai/errors or bot.example:8080/hook": "see … or …",
    "10.0.0.7:9000 and localhost:8080/v1 are down": "… and … are down",
    "owner a.b@example.com, Bearer abc.def": "owner …, …",
    "key AbCdEfGhIjKlMnOpQrStUvWxYz0123456789 is wrong": "key … is wrong",
    "task 6f0c1f5e-0f3a-4c0e-9d52-6b6a3a7d8e10 failed": "task … failed",
}


@pytest.mark.parametrize(("message", "left"), SAID.items())
def test_a_reason_is_one_line_without_addresses_data_or_keys(message: str, left: str) -> None:
    assert reason([Failure(None, "invalidLora", message), Failure(None, "other", "another")]) == left


def test_a_reason_is_short_and_none_where_nothing_was_said() -> None:
    long = reason([Failure(None, "invalidLora", "word " * 400)])
    assert long is not None
    assert len(long) <= 300
    assert long.endswith("word…")
    assert reason([Failure(None, "invalidLora", " \n ")]) is None
    assert reason([]) is None
