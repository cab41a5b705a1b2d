"""Fetching what a link leads to: bounded in bytes, time and redirects, and from public addresses only."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, Final, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from bot import images
from bot.links._addresses import Address, is_public
from bot.links._judging import HTTPS, OR_ATTACH, Refused, check, judge, read, refusal, refused_address

log = logging.getLogger(__name__)

#: A fetch takes at most so many seconds, from waiting for its turn to the last byte.
SECONDS: Final = 20.0
#: The part of that in which a host has to be found and connected to, whatever number of addresses it has.
_CONNECTING: Final = 0.4
#: Fetches at a time.
_AT_ONCE: Final = 4
_MOST_REDIRECTS: Final = 3
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
#: Enough to tell what a file is.
_START: Final = 32
#: Characters of a file's name that are kept.
_LONGEST_NAME: Final = 60
_HEADERS: Final = {
    "User-Agent": "Darkroom (a Discord bot)",
    # Many hosts choose the format by this, and would send AVIF to a browser.
    "Accept": "image/jpeg, image/png, image/webp, image/gif, image/bmp, */*;q=0.1",
    # Compressed, a small answer may hold a large one, and nothing is gained for a picture.
    "Accept-Encoding": "identity",
}


#: Takes a piece of what comes, in order.
Keep = Callable[[bytes], Awaitable[object]]


class _NotAllowed(OSError):
    """A socket was wanted for an address that is not fetched from.

    An :class:`OSError`, because the race between a host's addresses goes on to the next one after such an error only, and
    loses any other.
    """


def public_only(address: Address, _port: int) -> bool:
    """Allow what everybody on the internet can reach."""
    return is_public(address)


class Links:
    """The one door through which an address that a person gave is fetched. Use it as ``async with``."""

    def __init__(
        self,
        *,
        seconds: float = SECONDS,
        resolver: AbstractResolver | None = None,
        is_allowed: Callable[[Address, int], bool] = public_only,
        ports: Collection[int] = HTTPS,
        tls: ssl.SSLContext | bool = True,
    ) -> None:
        """Fetch as the module says. No argument is for use in production: what is left out is strict.

        The arguments let tests have hosts on this machine: names of their own (``resolver``), sockets to some address and
        port (``is_allowed``, asked for each socket before it is made), links that name other ports than 443 (``ports``),
        certificates of an authority of their own (``tls``), and little patience (``seconds``).
        """
        self._seconds = seconds
        self._resolver = resolver
        self._is_allowed = is_allowed
        self._ports = ports
        self._tls = tls

    async def __aenter__(self) -> Self:
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._names = self._resolver or _Resolver()
        connector = aiohttp.TCPConnector(
            resolver=self._names,
            use_dns_cache=False,
            socket_factory=self._make_socket,
            ssl=self._tls,
            force_close=True,  # nothing stays open to a host that a stranger chose
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            # Headers are bounded by aiohttp: 8190 bytes each, 128 of them.
            timeout=aiohttp.ClientTimeout(total=None, connect=_CONNECTING * self._seconds),
            auto_decompress=False,
            trust_env=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        await self._names.close()

    def check(self, option: str, url: str) -> None:
        """Refuse a link that needs no look at the network to be refused. Raises BadPicture."""
        check(option, url, self._ports)

    async def fetch(self, option: str, url: str, keep: Keep) -> str:
        """Hand out the file that a link leads to, piece by piece: it begins like a picture, and more is not known of it.

        Return a short, harmless file name: the last part of the path, or "picture". Beside a piece, which has some
        hundred kilobytes at most, nothing is held in memory. Whoever keeps the pieces throws away what came before an error.

        Raises:
            BadPicture: the link is refused, or gave no picture in time; nothing was asked of a refused address.
        """
        try:
            address = read(url, self._ports)
            async with asyncio.timeout(self._seconds), self._turns:
                return await self._follow(address, keep)
        except Refused as error:
            refused = error
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            refused = _in_words(error, self._seconds)
        # The link is not logged, nor kept as a cause: what it leads to is the person's affair.
        log.info("a link gave no picture: %s", refused.code, extra={"action": "link_refused"})
        raise refusal(option, url, refused)

    async def _follow(self, address: URL, keep: Keep) -> str:
        for _ in range(_MOST_REDIRECTS + 1):
            async with self._asked(address) as response:
                if response.status not in _REDIRECTS or "Location" not in response.headers:
                    await _read(response, keep)
                    return _name(address)
                address = self._led_on(address, response.headers["Location"])
        raise Refused(
            "redirects", f"leads on more than {_MOST_REDIRECTS} times; open it in a browser and copy where it ends"
        )

    def _led_on(self, address: URL, location: str) -> URL:
        """Return where a redirect leads, judged like what a person gives."""
        try:
            return judge(str(address.join(URL(location))), self._ports)
        except ValueError:
            raise Refused(
                "redirects", "leads on to what is no link; open it in a browser and copy where it ends"
            ) from None
        except Refused as refused:
            raise Refused(refused.code, f"leads on to one that {refused}") from None

    @asynccontextmanager
    async def _asked(self, address: URL) -> AsyncGenerator[aiohttp.ClientResponse]:
        """Ask for an address, and hang up in the end, however much of the answer is left."""
        async with self._session.get(address, allow_redirects=False) as response:
            connection = response.connection
            try:
                yield response
            finally:
                # An ordinary end of TLS waits for the other side, and reads on as long as that sends.
                if connection is not None and connection.transport is not None:
                    connection.transport.abort()

    def _make_socket(self, info: tuple[int, int, int, str, tuple[Any, ...]]) -> socket.socket:
        """Make the socket for one address, the last step before connecting to it, if it may be connected to.

        This is where addresses are judged for good: names, literals, redirects and every address of a host come by, and
        what is judged is the very number that the socket is connected to next.
        """
        family, kind, protocol, _, place = info
        host, port = place[:2]
        try:
            address = ip_address(host)
        except ValueError:  # it would be looked up once more
            raise _NotAllowed from None
        if not self._is_allowed(address, port):
            raise _NotAllowed
        return socket.socket(family, kind, protocol)


class _Resolver(AbstractResolver):
    """Looks names up in threads of its own: a name server that never answers shall not hold those of the rest."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="links-names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        look = partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, look)
        return [
            ResolveResult(hostname=host, host=str(place[0]), port=port, family=kind, proto=protocol, flags=0)
            for kind, _, protocol, _, place in found
        ]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


async def _read(response: aiohttp.ClientResponse, keep: Keep) -> None:
    """Hand out the body of an answer, of which no more is read than shows that it is no picture, or too large."""
    if response.status != HTTPStatus.OK:
        raise _status(response.status)
    if (response.content_length or 0) > images.MAX_BYTES:
        raise _too_large()
    start = await _first(response.content, _START)
    if not start:
        raise Refused("empty", "leads to nothing: the answer was empty; check it in a browser")
    if (given := images.foreign(start)) is not None:  # the Content-Type is only a claim
        raise Refused(
            "not_a_picture",
            f"is {given}; give the link of a JPEG, PNG or WEBP picture itself, not of the page that shows it",
        )
    await keep(start)
    size = len(start)
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > images.MAX_BYTES:
            raise _too_large()
        await keep(chunk)


async def _first(content: aiohttp.StreamReader, size: int) -> bytes:
    """Return the first bytes of a body, fewer where there are no more."""
    try:
        return await content.readexactly(size)
    except asyncio.IncompleteReadError as short:
        return short.partial


def name_of(url: str) -> str:
    """Return what a picture is called until it is fetched: the last part of its address, made harmless."""
    try:
        return _name(URL(url))
    except ValueError:
        return "picture"


def _name(address: URL) -> str:
    """Return a harmless file name for what an address gave."""
    name = "".join(c for c in address.name if c.isalnum() or c in "._- ")
    return name[-_LONGEST_NAME:].strip(". ") or "picture"


def _too_large() -> Refused:
    limit = images.MAX_BYTES // 2**20
    return Refused(
        "too_large", f"leads to more than {limit} MB, the most I take; save the picture smaller and attach it"
    )


def _status(status: int) -> Refused:
    try:
        shown = f"{status} ({HTTPStatus(status).phrase})"
    except ValueError:
        shown = str(status)
    return Refused(
        f"status_{status}",
        f"was answered with status {shown}; check it in a browser that is not signed in, {OR_ATTACH}",
    )


def _in_words(error: aiohttp.ClientError | OSError, seconds: float) -> Refused:
    """Return why a connection failed. None of the error's own words: they name addresses."""
    if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ConnectionTimeoutError):
        return Refused("time", f"gave no picture within {seconds:g} seconds; try again later, {OR_ATTACH}")
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, _NotAllowed):
        return refused_address()
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Refused("name", "names a host that cannot be found; check how it is spelled")
    if isinstance(error, aiohttp.ClientSSLError):
        return Refused(
            "tls", f"cannot be trusted: its host has no valid certificate for https; give another, {OR_ATTACH}"
        )
    return Refused(
        "connection", f"cannot be fetched: its host does not answer as it should; try again later, {OR_ATTACH}"
    )
