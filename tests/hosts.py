"""Hosts on this machine for links to lead to: over real TLS, under any name, answering byte by byte what a test wants."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import trustme
from aiohttp.abc import AbstractResolver, ResolveResult

from bot.links import Links, is_public

LOOPBACK: Final = "127.0.0.1"

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def head(status: str = "200 OK", *fields: str) -> bytes:
    """Return the head of an answer."""
    return "\r\n".join((f"HTTP/1.1 {status}", *fields, "", "")).encode()


def whole(body: bytes, *fields: str, status: str = "200 OK") -> bytes:
    """Return an answer that says how long it is."""
    return head(status, f"Content-Length: {len(body)}", *fields) + body


def redirect(place: str, status: str = "302 Found") -> bytes:
    """Return an answer that leads on."""
    return whole(b"", f"Location: {place}", status=status)


@dataclass
class Host:
    """A web server with a certificate for pictures.test and more.test."""

    port: int = 0
    #: What is answered, by path: bytes, or a function that writes them.
    answers: dict[str, bytes | Answer] = field(default_factory=dict)
    #: The heads of the requests.
    asked: list[str] = field(default_factory=list)
    #: The bytes of bodies that the other side took, or the kernel for it, by path.
    sent: dict[str, int] = field(default_factory=dict)
    #: Is set once the last one who asked is gone.
    left: asyncio.Event = field(default_factory=asyncio.Event)
    #: Is set when the host goes away; an answer that is to have no end waits for it.
    over: asyncio.Event = field(default_factory=asyncio.Event)
    _guests: list[asyncio.StreamWriter] = field(default_factory=list)

    def endless(self, path: str, start: bytes, *, chunk: bytes = bytes(65536)) -> None:
        """Answer a path with a body that never ends, for as long as somebody is there to take it."""

        async def answer(writer: asyncio.StreamWriter) -> None:
            writer.write(head() + start)
            while not writer.is_closing():
                writer.write(chunk)
                await writer.drain()
                await asyncio.sleep(0)  # a drain that need not wait does not let the loop hear that somebody left
                self.sent[path] = self.sent.get(path, 0) + len(chunk)

        self.answers[path] = answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.left.clear()
        self._guests.append(writer)
        try:
            asked = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.asked.append(asked)
            answer = self.answers.get(asked.split()[1], whole(b"", status="404 Not Found"))
            if isinstance(answer, bytes):
                writer.write(answer)
                await writer.drain()
            else:
                await answer(writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # who asked has hung up
        finally:
            writer.close()
            self.left.set()

    async def close(self) -> None:
        """Hang up on everybody."""
        self.over.set()
        for guest in self._guests:
            guest.transport.abort()
        if self._guests:
            await self.left.wait()


class Authority:
    """Who vouches for the hosts: an authority of the tests' own."""

    def __init__(self) -> None:
        ca = trustme.CA()
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("pictures.test", "more.test").configure_cert(self.server)
        #: What to check certificates with.
        self.client = ssl.create_default_context()
        ca.configure_trust(self.client)

    @asynccontextmanager
    async def host(self) -> AsyncGenerator[Host]:
        """Run a host."""
        host = Host()
        async with await asyncio.start_server(host.serve, LOOPBACK, 0, ssl=self.server) as server:
            host.port = server.sockets[0].getsockname()[1]
            try:
                yield host
            finally:
                await host.close()


@dataclass
class Trap:
    """A listener that nothing may connect to."""

    port: int
    connections: int = 0


@asynccontextmanager
async def trap() -> AsyncGenerator[Trap]:
    """Listen where nothing may connect to, and count who does."""

    async def count(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caught.connections += 1
        writer.close()

    async with await asyncio.start_server(count, LOOPBACK, 0) as server:
        caught = Trap(server.sockets[0].getsockname()[1])
        yield caught


class Names(AbstractResolver):
    """What names lead to: each time the next of some answers, and the last one from then on."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        #: Answers by the first label of a name.
        self._answers = {name: list(given) for name, given in answers.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked.append(host)
        given = self._answers.get(host.partition(".")[0])
        if given is None:
            raise OSError(f"{host} has no address")
        addresses = given.pop(0) if len(given) > 1 else given[0]
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_UNSPEC, proto=0, flags=0)
            for address in addresses
        ]

    async def close(self) -> None:
        pass


class WatchedLinks(Links):
    """Links with hosts on this machine, in a world without any other: remembers which sockets were made.

    Allowed are public addresses, to which there is no way from here, and loopback at the hosts' own ports.
    """

    def __init__(
        self, authority: Authority, names: Names, *hosts: Host, traps: Sequence[Trap] = (), seconds: float = 20
    ) -> None:
        allowed = {host.port for host in hosts}
        super().__init__(
            seconds=seconds,
            resolver=names,
            is_allowed=lambda address, port: is_public(address) or (str(address) == LOOPBACK and port in allowed),
            ports={443, *allowed, *(trap.port for trap in traps)},
            tls=authority.client,
        )
        #: The sockets that the guard let be made, and their addresses and ports.
        self.sockets: list[socket.socket] = []
        self.opened: list[tuple[str, int]] = []

    def _make_socket(self, info: tuple[int, int, int, str, tuple[str | int, ...]]) -> socket.socket:
        made = super()._make_socket(info)
        host, port = info[4][:2]
        self.sockets.append(made)
        self.opened.append((str(host), int(port)))
        if host != LOOPBACK:
            made.close()
            raise ConnectionRefusedError("there is no other machine")
        return made
