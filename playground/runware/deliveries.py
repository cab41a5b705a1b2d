"""The service's calls to others: webhooks with their retries, and finished files put where the task wants them."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import random
from collections import deque
from dataclasses import dataclass
from typing import Final

import aiohttp
from yarl import URL

from playground.runware.gate import Gate
from playground.runware.wire import Object

log = logging.getLogger(__name__)

#: How many calls are remembered.
KEPT: Final = 10_000

_UPLOAD_TIMEOUT: Final = aiohttp.ClientTimeout(total=30)


@dataclass(frozen=True, slots=True)
class Retries:
    """How persistent the webhook is (section 7). Seconds; the number of attempts is unknown and a switch here."""

    attempts: int = 6
    timeout: float = 5.0
    first_delay: float = 0.25
    longest_delay: float = 8.0

    def delay(self, attempt: int, rng: random.Random) -> float:
        """Seconds to wait after the given failed attempt, the first being 0: doubling, capped, with jitter."""
        return min(self.longest_delay, self.first_delay * 2**attempt) * rng.uniform(0.8, 1.2)


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt of a webhook call and what came of it."""

    url: str
    body: Object
    #: The HTTP status of the answer, or ``None`` when there was none.
    status: int | None


class Courier:
    """Posts deliveries, each until it is answered with 2xx or its attempts are used up."""

    def __init__(self, session: aiohttp.ClientSession, gate: Gate, retries: Retries, rng: random.Random) -> None:
        self._session = session
        self._gate = gate
        self._retries = retries
        self._rng = rng
        self._timeout = aiohttp.ClientTimeout(total=retries.timeout)
        self.calls: deque[Call] = deque(maxlen=KEPT)

    async def deliver(self, url: str, body: Object) -> bool:
        """Make one delivery and tell whether it was taken. A closed gate holds every attempt back."""
        for attempt in range(self._retries.attempts):
            if attempt:
                await asyncio.sleep(self._retries.delay(attempt - 1, self._rng))
            await self._gate.passed()
            status = await self._post(url, body)
            self.calls.append(Call(url, body, status))
            if status is not None and 200 <= status < 300:  # noqa: PLR2004 - HTTP's 2xx
                return True
        log.warning("A delivery was given up after %d attempts.", self._retries.attempts)
        return False

    async def _post(self, url: str, body: Object) -> int | None:
        headers = {"Content-Type": "application/json"}
        try:
            async with self._session.post(
                url,
                # A body with a picture in it has megabytes; from a buffer it goes out in pieces.
                data=io.BytesIO(json.dumps(body).encode()),
                headers=headers,
                timeout=self._timeout,
                allow_redirects=False,
            ) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None

    async def upload(self, url: str, data: bytes, media_type: str) -> None:
        """PUT a finished file's raw bytes to the task's ``uploadEndpoint`` (section 2), an address that may be signed."""
        headers = {"Content-Type": media_type}
        try:
            address = URL(url, encoded=True)  # written another way, the signature would not fit
            async with self._session.put(
                address, data=io.BytesIO(data), headers=headers, timeout=_UPLOAD_TIMEOUT
            ) as answer:
                answer.raise_for_status()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            log.warning("An upload failed: %s.", type(error).__name__)
