"""The calls to Runware: REST over one shared session.

A submit is one POST and never more, and says exactly whether its fate is known. Everything that only reads is
repeated while that may help. aiohttp's exceptions can carry the request's headers, hence our key, so none of them is
ever raised from here or kept as a cause: an attempt that broke is a value (:class:`_Broken`).
"""

from __future__ import annotations

import asyncio
import io
import logging
import random
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, Final, TypeVar

import aiohttp
from pydantic import SecretStr
from pydantic_core import to_json
from yarl import URL

from bot.runware.delivery import (
    NO_CODE,
    Envelope,
    MalformedDelivery,
    Reading,
    TaskDetails,
    micros,
    parse_details,
    read,
    same_task,
    unwrap,
)
from bot.runware.errors import (
    Ambiguous,
    FetchFailed,
    Kind,
    RefusedHost,
    Rejected,
    RunwareError,
    classify,
    retryable,
)
from bot.runware.replies import AccountDetails, ModelEntry, ModelPage
from bot.runware.schema import ImageInference
from storage.records import Failure, Outcome, Processing

T = TypeVar("T")

log = logging.getLogger(__name__)

#: A reply that holds addresses, not pictures: this is far above any that is real.
MAX_REPLY_BYTES: Final = 16 * 1024 * 1024
#: One that holds the pictures of a task, which may be 20. Those of JPEG and WEBP files have a tenth of this.
MAX_INLINE_REPLY_BYTES: Final = 256 * 1024 * 1024
#: A reply of more bytes is taken apart off the loop.
_READ_AT_ONCE: Final = 256 * 1024

_CONFLICT: Final = "conflicttaskuuid"
_UNKNOWN_TASK: Final = frozenset({"tasknotfound", "taskfailedornotfound"})
_UNREADABLE: Final = "unrecognizedResponse"
_LONGEST_PAUSE: Final = 30.0
#: A person waits for what is searched, while they type: seconds, and models at most.
_SEARCH_SECONDS: Final = 2.0
_MOST_FOUND: Final = 100
#: A task does not end because of these: they are about the account or about the call.
_ABOUT_THE_CALL: Final = frozenset({Kind.AUTH, Kind.QUOTA, Kind.RATE_LIMIT})
#: Said with HTTP 200, these may come from a task that did start.
_MAY_HAVE_STARTED: Final = frozenset({Kind.CONNECTION, Kind.PROVIDER, Kind.SERVER, Kind.TIMEOUT})
#: Raised by aiohttp 3.14 while it looks up the host, connects (TLS and proxies included) or waits for a free connection:
#: nothing of the request was sent. All else, a connection reused after the server closed it too, may have sent it.
_NOTHING_SENT: Final = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)
_BROKEN: Final = (aiohttp.ClientError, OSError)

_JPEG: Final = b"\xff\xd8\xff"
_PNG: Final = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def refuses(self) -> bool:
        """Whether the status says that the request was not carried out; 408 leaves it open."""
        client_error = HTTPStatus.BAD_REQUEST <= self.status < HTTPStatus.INTERNAL_SERVER_ERROR
        return client_error and self.status != HTTPStatus.REQUEST_TIMEOUT


@dataclass(frozen=True, slots=True)
class _Broken:
    code: str
    #: Whether a byte of the request may have left.
    sent: bool


@dataclass(frozen=True, slots=True)
class Account:
    """What Runware says of our account, in micro-dollars; ``None`` for what it does not say."""

    #: What is left, rounded down.
    balance: int | None = None
    #: What was taken since the beginning, rounded up.
    used: int | None = None


class RunwareClient:
    """Runware's API as this bot uses it.

    ``timeout`` (seconds) bounds each attempt. Calls that only read are tried ``retries`` more times, after pauses of
    ``backoff`` seconds, doubling up to 30, plus up to one ``backoff`` of jitter from ``rng``. Of a reply, up to
    ``max_reply`` bytes are read.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        url: str,
        api_key: str,
        timeout: float = 30,
        retries: int = 3,
        backoff: float = 1.0,
        rng: random.Random | None = None,
        max_reply: int = MAX_REPLY_BYTES,
    ) -> None:
        self._session = session
        self._url = url
        self._api_key = SecretStr(api_key)
        # Waiting for a connection ends first, so that a server which cannot be reached is not taken for a slow one.
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=timeout / 2)
        self._retries = retries
        self._backoff = backoff
        self._max_reply = max_reply
        self._rng = rng or random.Random()  # noqa: S311 - jitter is no secret

    def __repr__(self) -> str:
        return f"{type(self).__name__}(url={self._url!r})"

    # Submitting ----------------------------------------------------------------------------------------------

    async def submit(self, task: ImageInference) -> list[Outcome]:
        """Send ``task`` with one POST; return what the answer already says of it, usually nothing.

        ``conflictTaskUUID`` means that Runware has the task, and counts as accepted.

        Raises:
            Rejected: Runware did not take the task.
            Ambiguous: It may have taken it. Ask :meth:`responses` and :meth:`details` before sending the same task
                again.
        """
        reply = await self._post([task.wire()])
        if isinstance(reply, _Broken):
            raise (Ambiguous if reply.sent else Rejected)(reply.code)
        envelope = _unwrapped(reply)
        outcomes = [reading.outcome for reading in read(envelope, task.task_uuid)] if envelope else []
        failures = tuple(outcome for outcome in outcomes if isinstance(outcome, Failure))
        if any(failure.code.lower() == _CONFLICT for failure in failures):
            log.info("Runware already has the task.", extra={"task_uuid": task.task_uuid})
            return []
        if len(failures) < len(outcomes):
            return [outcome for outcome in outcomes if not isinstance(outcome, Processing)]
        raise _refusal(reply, failures)

    # Asking --------------------------------------------------------------------------------------------------

    async def responses(self, task_uuids: Sequence[str]) -> dict[str, list[Outcome]]:
        """Poll tasks (``getResponse``) in one call: everything known of each so far, by its UUID as given.

        ``[]`` means that nothing is known, which is never a failure: a running task and an unknown one look alike.

        Raises:
            RunwareError: The poll itself failed, again and again.
        """
        if not task_uuids:
            return {}
        tasks = [{"taskType": "getResponse", "taskUUID": task_uuid} for task_uuid in task_uuids]
        only = task_uuids[0] if len(task_uuids) == 1 else None
        reply, envelope = await self._ask(tasks)
        found = [
            reading.outcome
            for reading in read(envelope, only)
            if _speaks_of_a_task(reading, reply) and not _task_unknown(reading.outcome)
        ]
        return {
            task_uuid: [outcome for outcome in found if same_task(outcome.task_uuid or "", task_uuid)]
            for task_uuid in task_uuids
        }

    async def details(self, task_uuid: str) -> TaskDetails:
        """Ask whether Runware has the task on record, and what came of it (``getTaskDetails``).

        Raises:
            RunwareError: The call itself failed, again and again.
        """
        _, envelope = await self._ask([{"taskType": "getTaskDetails", "taskUUID": task_uuid}])
        return parse_details(envelope, task_uuid)

    async def balance(self) -> int | None:
        """Return what is left on our account in micro-dollars, rounded down; ``None`` when Runware does not say.

        Raises:
            RunwareError: The call failed, again and again.
        """
        return (await self.account()).balance

    async def account(self) -> Account:
        """Return what is left on our account, and what was taken of it.

        Raises:
            RunwareError: The call failed, again and again.
        """
        task = {"taskType": "accountManagement", "taskUUID": str(uuid.uuid4()), "operation": "getDetails"}
        _, envelope = await self._ask([task], of_tasks=False)
        for entry in envelope.data:
            details = AccountDetails.model_validate(entry)
            balance, total = details.balance, None if details.usage is None else details.usage.total
            in_dollars = balance is not None and balance.currency in (None, "USD")
            return Account(
                balance=micros(balance.amount, ROUND_FLOOR) if balance is not None and in_dollars else None,
                used=None if total is None else micros(total.credits),
            )
        return Account()

    async def search_models(
        self,
        search: str,
        *,
        category: str | None = None,
        architecture: str | None = None,
        limit: int = 25,
        timeout: float = _SEARCH_SECONDS,
    ) -> list[ModelEntry]:
        """Search models by name, description or AIR (``modelSearch``), the most popular first.

        It is tried once, for at most ``timeout`` seconds: somebody waits for it. What is ``None`` narrows nothing.

        Raises:
            RunwareError: The call failed.
        """
        asked = {"search": search, "category": category, "architecture": architecture}
        task = {
            "taskType": "modelSearch",
            "taskUUID": str(uuid.uuid4()),
            **{name: value for name, value in asked.items() if value is not None},
            "sort": "popularity",
            "limit": min(limit, _MOST_FOUND),
        }
        reply = await self._post([task], aiohttp.ClientTimeout(total=timeout))
        if isinstance(reply, _Broken):
            raise RunwareError(reply.code)
        answer = _answer(reply, of_tasks=False)
        if isinstance(answer, RunwareError):
            raise answer
        _, envelope = answer
        return [model for entry in envelope.data for model in ModelPage.model_validate(entry).models]

    async def delete_media(self, media_uuid: str) -> None:
        """Ask Runware to delete a stored file (``mediaStorage``), once.

        Raises:
            RunwareError: It did not; see :attr:`RunwareError.kind` for whether it may do so later.
        """
        task = {"taskType": "mediaStorage", "taskUUID": str(uuid.uuid4()), "operation": "delete", "media": media_uuid}
        reply = await self._post([task])
        answer = RunwareError(reply.code) if isinstance(reply, _Broken) else _answer(reply, of_tasks=False)
        if isinstance(answer, RunwareError):
            raise answer

    async def ping(self) -> None:
        """Check that Runware answers and accepts our key.

        Raises:
            RunwareError: It does not.
        """
        reply, envelope = await self._ask([{"taskType": "ping", "ping": True}], of_tasks=False)
        if not any(entry.get("pong") for entry in envelope.data):
            raise RunwareError(_UNREADABLE, http_status=reply.status)

    # Downloading ---------------------------------------------------------------------------------------------

    async def fetch(self, url: str, *, hosts: frozenset[str], max_bytes: int) -> bytes:
        """Download a result of at most ``max_bytes``; its host, with its port if unusual, must be one of ``hosts``.

        Follows no redirect, sends no key, and returns only what begins like a JPEG, PNG or WebP file.

        Raises:
            RefusedHost: The address is not on one of ``hosts``, or not https (plain http is for this machine only).
            FetchFailed: There is no usable picture there; see :attr:`FetchFailed.gone`.
        """
        address = _allowed(url, hosts)
        return await self._repeat(lambda: self._download(address, max_bytes))

    async def _download(self, address: URL, max_bytes: int) -> bytes | FetchFailed:
        try:
            async with self._session.get(
                address, timeout=self._timeout, allow_redirects=False, raise_for_status=False
            ) as response:
                status = response.status
                data = await _read(response, max_bytes) if status == HTTPStatus.OK else b""
        except _BROKEN as error:
            return FetchFailed(_broken(error).code)
        if status != HTTPStatus.OK:
            return FetchFailed(f"http{status}", http_status=status)
        if data is None:
            return FetchFailed("resultTooLarge", kind=Kind.VALIDATION, http_status=status)
        if not _begins_like_a_picture(data):
            # Runware's hosts now and then send a small error page with status 200; the next attempt gets the picture.
            return FetchFailed("notAPicture", kind=Kind.SERVER, http_status=status)
        return data

    # One call ------------------------------------------------------------------------------------------------

    async def _ask(self, tasks: list[dict[str, Any]], *, of_tasks: bool = True) -> tuple[_Reply, Envelope]:
        """Make a call that only reads. ``of_tasks``: the answer may hold errors that are a task's, not the call's."""

        async def attempt() -> tuple[_Reply, Envelope] | RunwareError:
            reply = await self._post(tasks)
            if isinstance(reply, _Broken):
                return RunwareError(reply.code)
            if len(reply.body) > _READ_AT_ONCE:
                return await asyncio.to_thread(_answer, reply, of_tasks=of_tasks)
            return _answer(reply, of_tasks=of_tasks)

        return await self._repeat(attempt)

    async def _repeat(self, attempt: Callable[[], Awaitable[T | RunwareError]]) -> T:
        """Return what ``attempt`` gives, trying again while it gives an error that may pass; raise the last one."""
        retry = 0
        while isinstance(given := await attempt(), RunwareError):
            if retry >= self._retries or not retryable(given.kind):
                raise given
            log.info("A call to Runware failed and is tried again: %s", given)
            await asyncio.sleep(self._pause(retry))
            retry += 1
        return given

    def _pause(self, retry: int) -> float:
        return min(self._backoff * 2**retry, _LONGEST_PAUSE) + self._rng.random() * self._backoff

    async def _post(
        self, tasks: list[dict[str, Any]], timeout: aiohttp.ClientTimeout | None = None
    ) -> _Reply | _Broken:
        """Send one array of tasks, once: aiohttp repeats no POST by itself, and redirects are not followed."""
        key = self._api_key.get_secret_value()
        try:
            async with self._session.post(
                self._url,
                # A buffer goes out in pieces; bytes of several megabytes, as pictures make them, would hold up the loop.
                data=io.BytesIO(to_json(tasks)),
                headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
                timeout=timeout or self._timeout,
                allow_redirects=False,
                raise_for_status=False,
            ) as response:
                body = await _read(response, self._max_reply) or b""
                # A complaint about the key may quote it.
                return _Reply(response.status, body.replace(key.encode(), b"[key]") if key else body)
        except _BROKEN as error:
            return _broken(error)


def _broken(error: Exception) -> _Broken:
    if isinstance(error, _NOTHING_SENT):
        return _Broken("connectionFailed", sent=False)
    return _Broken("timeout" if isinstance(error, TimeoutError) else "connectionLost", sent=True)


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes | None:
    """Return the body, or ``None`` when it is longer than ``limit`` bytes; the rest is left unread."""
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > limit:
            return None
    return bytes(data)


def _unwrapped(reply: _Reply) -> Envelope | None:
    try:
        return unwrap(reply.body)
    except MalformedDelivery:
        return None


def _refusal(reply: _Reply, failures: tuple[Failure, ...]) -> Rejected | Ambiguous:
    """Judge the answer to a submit that does not say that the task is there."""
    code = failures[0].code if failures else _bare_code(reply)
    kind = classify(code, reply.status)
    clear = reply.ok and code not in (NO_CODE, _UNREADABLE) and kind not in _MAY_HAVE_STARTED
    error = Rejected if reply.refuses or clear else Ambiguous
    return error(code, kind=kind, http_status=reply.status, failures=failures)


def _answer(reply: _Reply, *, of_tasks: bool) -> tuple[_Reply, Envelope] | RunwareError:
    """Judge the answer to a call that only reads: what speaks of tasks is good, whatever the status."""
    envelope = _unwrapped(reply)
    if envelope is None:
        return RunwareError(_bare_code(reply), http_status=reply.status)
    readings = read(envelope)
    failures = tuple(reading.outcome for reading in readings if isinstance(reading.outcome, Failure))
    if of_tasks and any(_speaks_of_a_task(reading, reply) for reading in readings):
        return reply, envelope
    if reply.ok and not failures:
        return reply, envelope
    code = failures[0].code if failures else _bare_code(reply)
    return RunwareError(code, http_status=reply.status, failures=failures)


def _speaks_of_a_task(reading: Reading, reply: _Reply) -> bool:
    """Whether a reading of a poll is about a task and not about the poll, whose errors name the same UUID.

    A polled failure says ``status: error``, even under HTTP 504; without that it must come with HTTP 2xx.
    """
    failure = reading.outcome
    if not isinstance(failure, Failure) or _task_unknown(failure):
        return True
    if failure.task_uuid is None:
        return False
    about_the_call = classify(failure.code, reply.status) in _ABOUT_THE_CALL
    if (reading.status or "").lower() == "error":
        return reply.ok or not about_the_call
    return reply.ok and not about_the_call and reading.task_type not in ("getResponse", "getTaskDetails")


def _task_unknown(outcome: Outcome) -> bool:
    return isinstance(outcome, Failure) and outcome.code.lower() in _UNKNOWN_TASK


def _bare_code(reply: _Reply) -> str:
    return _UNREADABLE if reply.ok else f"http{reply.status}"


def _allowed(url: str, hosts: frozenset[str]) -> URL:
    try:
        address = URL(url)
        host = address.host or ""
        named = address.host_port_subcomponent in hosts and address.user is None and address.password is None
        if named and (address.scheme == "https" or (address.scheme == "http" and _on_this_machine(host))):
            return address
    except ValueError:
        host = "unreadable"
    log.warning("A result was not fetched, because results do not come from its host: %s", host)
    raise RefusedHost("refusedHost", kind=Kind.VALIDATION)


def _on_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _begins_like_a_picture(data: bytes) -> bool:
    return data.startswith((_JPEG, _PNG)) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")
