"""Pictures in a bucket that speaks Amazon's S3 protocol, through the library ``obstore``."""

from __future__ import annotations

import logging
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from bot.errors import NotFound, OutOfReach
from bot.pictures._store import Kept, hash_of, key, not_kept

if TYPE_CHECKING:  # there is no more of them while it runs
    from obstore.store import ClientConfig, RetryConfig, S3Config

log = logging.getLogger(__name__)

#: A connection that takes longer, and a request that does with its whole body, is tried again or given up.
_CONNECT: Final = timedelta(seconds=5)
_REQUEST: Final = timedelta(seconds=30)
#: What fails is tried so many times more (a 5xx, a lost connection), as long as this has not passed since the first try.
_RETRIES: Final = 3
_RETRY: Final = timedelta(seconds=15)
_FIRST_PAUSE: Final = timedelta(milliseconds=100)
_LONGEST_PAUSE: Final = timedelta(seconds=2)

#: The service's own word for what is wrong, and the status of an answer without one.
_CODE: Final = re.compile(r"<Code>(\w+)</Code>")
_STATUS: Final = re.compile(r"status code: (\d{3})")
_MISSING: Final = "NoSuchKey"
#: The address where a machine in a cloud asks for credentials, which is what the library does when it has none.
_CREDENTIALS: Final = "169.254.169.254"


class Bucket:
    """A :class:`~bot.pictures._store.Store` of objects; they are durable once the service has answered."""

    def __init__(
        self,
        name: str,
        *,
        prefix: str = "",
        endpoint: str | None = None,
        region: str | None = None,
        key_id: str | None = None,
        secret: str | None = None,
        connect: timedelta = _CONNECT,
        request: timedelta = _REQUEST,
    ) -> None:
        """Keep pictures in a bucket, under ``prefix``; nothing is asked of it yet.

        ``endpoint``: where the service is, Amazon's when left out. Without ``key_id`` and ``secret`` the library looks
        for credentials by itself: the variables ``AWS_*``, then what the machine's or the container's role gives.
        """
        config: S3Config = {"disable_bulk_delete": True}  # not every service knows it, and one at a time is enough
        if endpoint is not None:
            config["endpoint"] = endpoint
        if region is not None:
            config["region"] = region
        if key_id is not None and secret is not None:
            config["access_key_id"], config["secret_access_key"] = key_id, secret
        # The settings admit an endpoint without TLS on this very machine only.
        plain = (endpoint or "").startswith("http://")
        client: ClientConfig = {"allow_http": plain, "connect_timeout": connect, "timeout": request}
        retry: RetryConfig = {
            "max_retries": _RETRIES,
            "retry_timeout": _RETRY,
            "backoff": {"init_backoff": _FIRST_PAUSE, "max_backoff": _LONGEST_PAUSE, "base": 2},
        }
        self._store = S3Store(name, prefix=prefix or None, config=config, client_options=client, retry_config=retry)

    def put(self, sha256: str, data: bytes) -> None:
        """Write the object, also where it is there: that is what makes it young."""
        with _faults_in_words():
            obstore.put(self._store, key(sha256), data, use_multipart=False)

    def get(self, sha256: str) -> bytes:
        """Read the object. Raises NotFound."""
        with _faults_in_words():
            return obstore.get(self._store, key(sha256)).bytes().to_bytes()

    def stat(self, sha256: str) -> Kept:
        """Ask about the object. Raises NotFound."""
        with _faults_in_words():
            try:
                found = obstore.head(self._store, key(sha256))
            except FileNotFoundError:  # no answer to HEAD says whether it is the object or the bucket
                found = obstore.get(self._store, key(sha256)).meta
        return Kept(sha256, found["size"], found["last_modified"].timestamp())

    def delete(self, sha256: str) -> None:
        """Remove the object, if there is one."""
        with suppress(NotFound), _faults_in_words():
            obstore.delete(self._store, key(sha256))

    def entries(self) -> Iterator[Kept]:
        """Yield every object that is named like a picture."""
        with _faults_in_words():
            for page in obstore.list(self._store):  # pyright: ignore[reportUnknownMemberType] - of pages for arro3
                for found in page:
                    sha256 = hash_of(found["path"])
                    if sha256 is not None:
                        yield Kept(sha256, found["size"], found["last_modified"].timestamp())


@contextmanager
def _faults_in_words() -> Generator[None]:
    """Tell what is not there from what cannot be reached or refuses; the library's own words hold whole addresses."""
    try:
        yield
    except FileNotFoundError as error:
        if _MISSING in str(error):  # without it, it may be the bucket that is missing, or no such service
            raise not_kept() from None
        fault = _fault(error)
    except (BaseError, OSError) as error:
        fault = _fault(error)
    else:
        return
    log.warning("the picture store cannot be used: %s", fault.reason)
    raise fault from None  # the library's words stay out of the log


def _fault(error: Exception) -> OutOfReach:
    said = str(error)
    if _CREDENTIALS in said:
        return OutOfReach("NoCredentials")
    if "incorrectly configured region" in said:
        return OutOfReach("PermanentRedirect")
    known = _CODE.search(said) or _STATUS.search(said)
    return OutOfReach(known[1] if known else "NoAnswer")
