"""Words for a connection that failed, in place of the names of exceptions."""

from __future__ import annotations

from typing import Final

import aiohttp

#: What it means that an address cannot be reached.
UNREACHED: Final = (aiohttp.ClientError, OSError, TimeoutError)


def reason(error: BaseException) -> str:
    """Say why an address could not be reached: half a sentence for an operator, with no address or secret in it."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name cannot be looked up"
    if isinstance(error, aiohttp.ClientSSLError):
        return "it does not speak TLS, or its certificate is not trusted"
    if isinstance(error, aiohttp.ClientConnectorError):
        error = error.os_error
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "the connection broke"
