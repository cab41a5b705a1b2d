"""The whole service as one ``async with``: ports, sessions, threads and work begin and end together."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import replace
from decimal import Decimal
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web

from playground.runware.deliveries import Call, Courier, Retries
from playground.runware.door import Door
from playground.runware.faults import Faults
from playground.runware.gallery import Gallery
from playground.runware.gate import Gate
from playground.runware.memory import Journal
from playground.runware.tasks import Task
from playground.runware.telling import Teller
from playground.runware.utilities import Account
from playground.runware.wire import Json, Object
from playground.runware.workshop import Workshop

#: Threads that decode, paint and encode. Pillow lets go of the interpreter's lock while it does.
_PAINTERS = 2


class LocalRunware:
    """A local stand-in of Runware's API for ``runware:108@22``; use it as an async context manager.

    Args:
        host: The address to listen on.
        port: The port; 0 takes a free one.
        key: The only API key that is accepted; any non-empty one by default.
        work_seconds: How long an item takes, between these bounds.
        balance: Dollars on the account.
        keep_images: How many result pictures are kept, the newest.
        retries: How persistent the webhook is.
        clock: Seconds, for the life of result URLs.
        rng: Where seeds, UUIDs and durations are drawn from.
        faults: A whole fault plan; single ``switches`` of it may be given by name instead.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        key: str | None = None,
        work_seconds: tuple[float, float] = (0.02, 0.08),
        balance: Decimal = Decimal(100),
        keep_images: int = 256,
        retries: Retries | None = None,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
        faults: Faults | None = None,
        **switches: Json,
    ) -> None:
        #: What goes wrong; its fields may be changed at any time.
        self.faults = replace(faults or Faults(), **switches)
        self._host, self._port = host, port
        self._work_seconds = work_seconds
        self._retries = retries or Retries()
        self._rng = rng or random.Random()
        self._account = Account(balance)
        self._journal = Journal()
        self._gallery = Gallery(keep_images, clock=clock)
        self._stack = AsyncExitStack()
        self._key = key

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self._gate = Gate()
            self._door = Door(
                key=self._key,
                faults=self.faults,
                account=self._account,
                journal=self._journal,
                gallery=self._gallery,
                gate=self._gate,
                rng=self._rng,
            )
            threads = ThreadPoolExecutor(_PAINTERS, thread_name_prefix="local-runware")
            stack.push_async_callback(asyncio.to_thread, threads.shutdown, cancel_futures=True)
            # Keep-alive timers born inside SimCord's callbacks would count as the bot's work: every call has its own
            # connection.
            session = await stack.enter_async_context(
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
            )
            self._courier = Courier(session, self._gate, self._retries, self._rng)
            runner = web.AppRunner(self._door.application(), access_log=None, shutdown_timeout=1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            site = web.TCPSite(runner, self._host, self._port)
            await site.start()
            self._port = runner.addresses[0][1]
            other_name = "127.0.0.1" if self._host == "localhost" else "localhost"
            foreign = f"http://{other_name}:{self._port}"
            teller = Teller(self.faults, self._gallery, base=f"http://{self.host}", foreign=foreign)
            self._workshop = Workshop(
                faults=self.faults,
                gallery=self._gallery,
                teller=teller,
                courier=self._courier,
                session=session,
                threads=threads,
                gate=self._gate,
                rng=self._rng,
                work_seconds=self._work_seconds,
                bill=self._account.bill,
            )
            # Closed first, so that nobody who waits for a task's end is left waiting.
            stack.push_async_callback(self._workshop.close)
            self._door.open(teller, self._workshop, foreign)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    @property
    def host(self) -> str:
        """The result URLs' host with its port, as it stands in a list of allowed hosts."""
        return f"{self._host}:{self._port}"

    @property
    def url(self) -> str:
        """Where tasks are posted."""
        return f"http://{self.host}/v1"

    @property
    def requests(self) -> Sequence[Object]:
        """Every imageInference received, refused ones too, as parsed JSON, oldest first (bounded, see ``memory``)."""
        return self._journal.requests

    @property
    def received(self) -> Sequence[Object]:
        """Every task received, of any type, as parsed JSON, oldest first; authentication elements are not kept."""
        return self._journal.received

    @property
    def tasks(self) -> dict[str, Task]:
        """Every task accepted, by its UUID in small letters, oldest first."""
        return self._door.tasks

    @property
    def deliveries(self) -> list[Call]:
        """Every attempt of a webhook call, oldest first (the newest 10,000)."""
        return list(self._courier.calls)

    @property
    def fetched(self) -> list[str]:
        """Every result URL that was asked for, with the host's name that was used, oldest first (the newest 10,000)."""
        return list(self._door.fetched)

    @property
    def balance(self) -> Decimal:
        """Dollars left on the account."""
        return self._account.balance

    @balance.setter
    def balance(self, dollars: Decimal) -> None:
        self._account.balance = dollars

    def pause(self) -> None:
        """Start and finish no work and deliver nothing; submits and polls are still answered, truthfully."""
        self._gate.close()

    def resume(self) -> None:
        """Go on after :meth:`pause`."""
        self._gate.open()

    async def idle(self) -> None:
        """Return when every accepted task has ended and every delivery was made or given up."""
        await self._workshop.idle()
