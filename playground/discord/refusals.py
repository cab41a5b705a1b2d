"""What Discord answers when it does not do what it was asked."""

from __future__ import annotations

from http import HTTPStatus


class Refusal(Exception):
    """An HTTP status and Discord's own code beside it."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message


def unauthorised() -> Refusal:
    """The token is not ours."""
    return Refusal(HTTPStatus.UNAUTHORIZED, 0, "401: Unauthorized")


def unknown(what: str, code: int) -> Refusal:
    """There is no such thing, or it is gone."""
    return Refusal(HTTPStatus.NOT_FOUND, code, f"Unknown {what}")


def invalid(why: str) -> Refusal:
    """The body breaks a rule."""
    return Refusal(HTTPStatus.BAD_REQUEST, 50035, f"Invalid Form Body: {why}")


def too_large() -> Refusal:
    """A file or the whole request is over its limit."""
    return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, 40005, "Request entity too large")
